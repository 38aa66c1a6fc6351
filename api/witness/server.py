"""The witness over HTTP: `POST /add-checkpoint`, and what it last saw, for people.

It knows logs by their verifier keys, which its operator got from the bureau, and nothing else of
them.  Whoever runs it trusts nobody: that is the point of it.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.witness.store import Memory
from ledger.errors import Corrupt
from ledger.keyring import secret
from ledger.tlog import cosignature, policy, witness
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import CosignerKey
from ledger.tlog.errors import Malformed
from ledger.tlog.note import VerifierKey

log = structlog.get_logger()

KEY_FILE = "witness.key"
NAME_FILE = "name"
STORE_FILE = "witness.db"
STATUS = {"unknown-log": 404, "not-signed": 403, "old-size": 409, "conflict": 422}
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a witness is: its verifier key, and what signs."""

    key: CosignerKey
    sign: Callable[[bytes], bytes]


def made(folder: Path, name: str) -> Identity:
    """Make a witness of that name in a folder; one that is there already keeps its name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / NAME_FILE
    if path.exists() and path.read_text(encoding="utf-8").strip() != name:
        raise Corrupt(f"another witness lives in {folder}")
    path.write_text(f"{name}\n", encoding="utf-8")
    secret(folder / KEY_FILE)
    return identity(folder)


def identity(folder: Path) -> Identity:
    """Read who a witness is; raise `Corrupt` where its key can be read by others."""
    if not (folder / NAME_FILE).exists():
        raise Corrupt(f"no witness in {folder}: `caseledger witness init` makes one")
    if (folder / KEY_FILE).stat().st_mode & 0o077:
        raise Corrupt(f"{KEY_FILE} can be read by others: mode 0400 is wanted")
    private = Ed25519PrivateKey.from_private_bytes(secret(folder / KEY_FILE))
    name = (folder / NAME_FILE).read_text(encoding="utf-8").strip()
    return Identity(CosignerKey(name, private.public_key().public_bytes_raw()), private.sign)


def logs_of(path: Path) -> tuple[VerifierKey, ...]:
    """Read the logs that a witness follows: the `log` lines of a policy, whatever else it says.

    Raises `Malformed` with the number of the line that is wrong.
    """
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.split()[:1] == ["log"]]
    return policy.parse("".join(f"{line}\n" for line in [*lines, "quorum none"]).encode()).logs


class Witness:
    """One witness: who it is, which logs it knows, what it remembers."""

    def __init__(self, folder: Path, logs: Path, clock: Callable[[], float] = time.time) -> None:
        """Open a witness; its logs are read anew when their file changes."""
        self.identity = identity(folder)
        self.memory = Memory(folder / STORE_FILE)
        self._logs = logs
        self._clock = clock
        self._known: tuple[int, tuple[VerifierKey, ...]] | None = None

    @property
    def logs(self) -> tuple[VerifierKey, ...]:
        """The verifier keys of the logs it follows."""
        changed = self._logs.stat().st_mtime_ns
        if self._known is None or self._known[0] != changed:
            self._known = changed, logs_of(self._logs)
        return self._known[1]

    def add(self, raw: bytes) -> str:
        """Cosign a checkpoint; return the line.  Raises `Malformed` or `witness.NotCosigned`."""
        asked = witness.parse(raw)
        now = int(self._clock())

        def cosigned(read: Checkpoint) -> tuple[str, int]:
            line = cosignature.cosign(read.text, self.identity.key, now, self.identity.sign).line
            return line, now

        def checked(seen: witness.Seen) -> Checkpoint:
            return witness.accepted(asked, self.logs, seen)

        return self.memory.cosigned(asked, checked, cosigned, now)


WITNESS: web.AppKey[Witness] = web.AppKey("witness", Witness)
# One connection to the store: one submission at a time.
ADDING: web.AppKey[asyncio.Lock] = web.AppKey("adding", asyncio.Lock)


def build(one: Witness) -> web.Application:
    """Return the application of a witness."""
    app = web.Application(client_max_size=witness.MAX_REQUEST + 1)
    app[WITNESS] = one
    app[ADDING] = asyncio.Lock()
    app.router.add_post("/add-checkpoint", added)
    app.router.add_get("/", told)
    app.router.add_get("/logs", listed)
    return app


async def added(request: web.Request) -> web.Response:
    """Take a checkpoint: `POST /add-checkpoint`."""
    raw = await _body(request)
    if raw is None:
        return _text(413, "too large")
    try:
        async with request.app[ADDING]:
            line = await asyncio.to_thread(request.app[WITNESS].add, raw)
    except Malformed as error:
        return _text(400, str(error))
    except witness.NotCosigned as refused:
        log.warning("refused", what=refused.what, why=refused.why)
        if refused.what == "old-size":
            return web.Response(
                status=409,
                body=f"{refused.size}\n".encode(),
                content_type=witness.SIZE_TYPE,
                headers=HEADERS,
            )
        return _text(STATUS[refused.what], refused.why)
    log.info("cosigned")
    return _text(200, line.removesuffix("\n"))


async def _body(request: web.Request) -> bytes | None:
    try:
        async with asyncio.timeout(10):
            raw = await request.content.read(witness.MAX_REQUEST + 1)
            while len(raw) <= witness.MAX_REQUEST and not request.content.at_eof():
                raw += await request.content.read(witness.MAX_REQUEST + 1 - len(raw))
    except TimeoutError:
        return None
    return raw if len(raw) <= witness.MAX_REQUEST else None


async def told(request: web.Request) -> web.Response:
    """Tell who this is and what it last saw, for people: `GET /`."""
    one = request.app[WITNESS]
    lines = [one.identity.key.text, ""]
    lines += [f"{k.origin}  {k.size}  {_when(k.at)}" for k in one.memory.logs()]
    aside = one.memory.put_aside()
    lines += ["", f"{len(aside)} conflicts put aside"] if aside else []
    lines += [f"  {_when(p.at)}  {p.origin}  {p.why}" for p in aside]
    return _text(200, "\n".join(lines))


async def listed(request: web.Request) -> web.Response:
    """Tell the same as JSON, with the cosigned checkpoints themselves: `GET /logs`."""
    one = request.app[WITNESS]
    logs = [
        {
            "origin": kept.origin,
            "size": kept.size,
            "cosigned_at": _when(kept.at),
            "checkpoint": kept.note.decode() + kept.line,
        }
        for kept in one.memory.logs()
    ]
    conflicts = [
        {
            "at": _when(aside.at),
            "origin": aside.origin,
            "why": aside.why,
            "request": aside.body.decode("utf-8", "replace"),
            "known": None if aside.known is None else aside.known.decode(),
        }
        for aside in one.memory.put_aside()
    ]
    told = {"witness": one.identity.key.text, "logs": logs, "conflicts": conflicts}
    return web.Response(
        text=json.dumps(told, ensure_ascii=False, indent=1),
        content_type="application/json",
        headers=HEADERS,
    )


def _when(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=HEADERS)
