"""The log, for anyone with the URL: checkpoint, keys, policy, tiles, proofs (C2SP tlog-tiles).

Tiles are at path-only addresses and never change, so anybody may keep them; all else is made
anew each time.  Hash tiles tell nothing of what was recorded; entries do, and go only to those
who may read every case.  The sealed line's log is shown to inspection alone.
"""

from aiohttp import web

from api.access import INSPECTION, LEDGER_NAME, enter, not_given, scopes
from api.anchoring import BESIDES
from api.feeding import policy_of
from api.routes import Route, reading
from api.service import SERVICE
from api.settings import SETTINGS
from ledger.errors import Behind, Refused
from ledger.lifecycle import Role
from ledger.log import Log, LogState, SignedCheckpoint
from ledger.signing import sm2_keys
from ledger.tlog.errors import Malformed
from ledger.tlog.tile import ENTRIES, Tile, parse_path

LEDGER = "/v1/ledgers/{ledger}"
TEXT = "text/plain"
BYTES = "application/octet-stream"
FOR_EVER = "public, max-age=31536000, immutable"

READERS_OF_OPEN = frozenset({Role.AUDIT_ADMIN, Role.INSPECTION_LEAD})

# Where each log is served, and what its sequence is called behind the ledger's name.
LINES = {"log": "", "open/log": ".open", "sealed/log": ".sealed"}
ABOUT = {"log": "the ledger", "open/log": "the open line", "sealed/log": "the sealed line"}


def table() -> list[Route]:
    """List these routes, in the order they are tried."""
    return [
        *(row for line in LINES for row in _of_line(line)),
        *_stamps(),
        reading(
            f"{LEDGER}/events/{{position}}/proof",
            proof,
            "The proof that an event stands in the log, as a .tlog-proof",
            "log",
            access="anyone",
            produces=(TEXT,),
        ),
    ]


def _stamps() -> list[Route]:
    """List where the newest time stamp is: of the ledger's log only, no other is stamped."""
    named = {"access": "anyone", "name": "read-log", "tag": "log"}
    return [
        reading(f"{LEDGER}/log/time-stamp", time_stamp,
                "The newest time stamp on a checkpoint (RFC 3161)",
                produces=("application/timestamp-reply",), **named),
        reading(f"{LEDGER}/log/time-stamped", time_stamped, "The checkpoint that it is on",
                produces=(TEXT,), **named),
    ]  # fmt: skip


def _of_line(line: str) -> list[Route]:
    at = f"{LEDGER}/{line}"
    about = ABOUT[line]
    access = "token" if line == "sealed/log" else "anyone"
    named = {"access": access, "name": "read-log", "tag": "log"}
    return [
        reading(f"{at}/checkpoint", checkpoint, f"The newest checkpoint of {about}",
                produces=(TEXT,), **named),
        reading(f"{at}/vkey", vkey, f"The verifier keys of the log of {about}",
                produces=(TEXT,), **named),
        reading(f"{at}/keys", keys, f"How the keys of the log of {about} took over",
                produces=(TEXT,), **named),
        reading(f"{at}/policy", policy, f"Who has to have signed checkpoints of {about}",
                produces=(TEXT,), **named),
        reading(f"{at}/tile/entries/{{path:.+}}", entries, f"A bundle of entries of {about}",
                produces=(BYTES,), **{**named, "access": "token"}),
        reading(f"{at}/tile/{{path:.+}}", tile, f"A hash tile of {about}",
                produces=(BYTES,), **named),
    ]  # fmt: skip


async def checkpoint(request: web.Request) -> web.Response:
    """Answer the newest checkpoint with its cosignatures: `GET …/log/checkpoint`."""
    log = await _log(request)
    _bare(request)
    newest = await log.newest()
    if newest is None:
        raise Refused("not-found", "nothing is signed yet")
    response = _text(newest.note)
    if "." not in log.name:
        # Two that anchor each other would otherwise feed each other for ever.
        response.headers[BESIDES] = str(await log.besides_anchors(newest.size))
    return response


async def vkey(request: web.Request) -> web.Response:
    """Answer the verifier keys, the newest last, one a line: `GET …/log/vkey`.

    Those by SM2, which only checkpoints bear, come behind them.
    """
    log = await _log(request)
    _bare(request)
    state = await _state(log)
    beside = sm2_keys(request.app[SERVICE].keys, log.name, state.origin)
    told = (*state.keys, *(one.verifier.text for one in beside))
    return _text("".join(f"{key}\n" for key in told).encode())


async def time_stamp(request: web.Request) -> web.Response:
    """Answer what the authority answered, byte for byte: `GET …/log/time-stamp`."""
    _, token = await _last_stamped(request)
    return web.Response(
        body=token,
        content_type="application/timestamp-reply",
        headers={"Cache-Control": "no-store"},
    )


async def time_stamped(request: web.Request) -> web.Response:
    """Answer the checkpoint that the newest time stamp is on: `GET …/log/time-stamped`."""
    signed, _ = await _last_stamped(request)
    return _text(signed.note)


async def _last_stamped(request: web.Request) -> tuple[SignedCheckpoint, bytes]:
    log = await _log(request)
    _bare(request)
    found = await log.last_stamped()
    if found is None:
        raise Refused("not-found", "nothing is stamped yet")
    return found


async def keys(request: web.Request) -> web.Response:
    """Answer the steps by which its keys took over, signed by old and new: `GET …/log/keys`."""
    log = await _log(request)
    _bare(request)
    return _text(await log.key_steps())


async def policy(request: web.Request) -> web.Response:
    """Answer which signatures a checkpoint needs (C2SP tlog-policy): `GET …/log/policy`."""
    log = await _log(request)
    _bare(request)
    state = await _state(log)
    return _text(policy_of(request.app[SETTINGS], log.name, state.keys).raw)


async def tile(request: web.Request) -> web.Response:
    """Answer a hash tile, full or partial: `GET …/log/tile/<L>/<N>[.p/<W>]`."""
    log = await _log(request)
    _bare(request)
    wanted = _path(request, "tile/")
    found = None if wanted.level == ENTRIES else await log.tile(wanted)
    if found is None:
        raise Refused("not-found", "no such tile")
    return _bytes(found)


async def entries(request: web.Request) -> web.Response:
    """Answer the records of a bundle to who may read every case: `GET …/log/tile/entries/<N>`."""
    entry = await enter(request)
    log = await _log(request)
    # Who read what is told to those who look after the access log, and to nobody beside them.
    if log.name.endswith(".open"):
        if not entry.roles() & READERS_OF_OPEN:
            raise not_given(entry, READERS_OF_OPEN, "entries of the open line")
    elif not any(letter == "J" for letter, _, _ in scopes(entry, "history")):
        raise not_given(entry, (Role.INSPECTOR, Role.INSPECTION_LEAD), "entries")
    _bare(request)
    found = await log.bundle(_path(request, "tile/entries/"))
    if found is None:
        raise Refused("not-found", "no such bundle")
    return web.Response(
        body=found, content_type=BYTES, headers={"Cache-Control": "private, no-store"}
    )


async def proof(request: web.Request) -> web.Response:
    """Answer the proof of an event under the newest checkpoint: `GET /events/{position}/proof`.

    Before a checkpoint covers it: 503 `behind`; that takes a second or two.
    """
    log = await _log(request)
    _bare(request)
    text = request.match_info["position"]
    if not text.isascii() or not text.isdigit() or len(text) > 16 or str(int(text)) != text:
        raise Refused("not-found", "no such position")
    state = await log.state()
    try:
        found = await log.proof(int(text))
    except Behind:
        head = await request.app[SERVICE].store.head(log.name)
        if state is None or head is None or int(text) >= head.size:
            raise Refused("not-found", "no such position") from None
        raise
    return _text(found.raw)


async def _log(request: web.Request) -> Log:
    """Return the log that an address is about; that of the sealed line to inspection only."""
    service, name = request.app[SERVICE], request.match_info["ledger"]
    missing = Refused("not-found", "no such log")
    line = request.path.split("/")[4]
    suffix = LINES.get(f"{line}/log", "")
    if suffix == ".sealed":
        entry = await enter(request)
        if not entry.roles() & INSPECTION:
            raise not_given(entry, INSPECTION, "the sealed line")
    if not LEDGER_NAME.fullmatch(name) or await service.ledger(name) is None:
        raise missing
    publisher = service.publishers.get(name + suffix)
    if publisher is None:
        raise missing
    return publisher.log


def _bare(request: web.Request) -> None:
    """Refuse any parameter: a cache that ignores them would mix addresses up."""
    if request.query_string:
        raise Refused("invalid-parameter", "this address takes none")


async def _state(log: Log) -> LogState:
    state = await log.state()
    if state is None:
        raise Refused("not-found", "no such log")
    return state


def _path(request: web.Request, before: str) -> Tile:
    try:
        return parse_path(before + request.match_info["path"])
    except Malformed:
        raise Refused("not-found", "no such tile") from None


def _text(body: bytes) -> web.Response:
    return web.Response(
        body=body, content_type=TEXT, charset="utf-8", headers={"Cache-Control": "no-store"}
    )


def _bytes(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=BYTES, headers={"Cache-Control": FOR_EVER})
