"""Witnesses are fed: each checkpoint goes to those of the policy, and what they sign is kept.

A witness is asked for its size and never guessed at: a proof that does not fit is kept there as
evidence against us.  One that cannot be reached is a warning; one that has seen another history
stops the writer (ST-8), for then ours is not the only one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import structlog

from api.settings import Settings
from ledger.errors import Corrupt, LedgerError, Unavailable
from ledger.log import Log, SignedCheckpoint
from ledger.proved import AskSize
from ledger.tlog import checkpoint as checkpoints
from ledger.tlog import note, policy, witness
from ledger.tlog.cosignature import CosignerKey, cosigned_at
from ledger.tlog.errors import TlogError
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import NONE, Policy

log = structlog.get_logger()

TIMEOUT_S = 10.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
# A start waits no longer for a witness that is away.
START_S = 3.0
MAX_ANSWER = 64 * 1024

Hold = Callable[[Corrupt], None]


def policy_file(settings: Settings, sequence: str) -> Path | None:
    """Return the policy that a sequence is published under; the sealed line has its own."""
    return settings.sealed_policy if sequence.endswith(".sealed") else settings.policy


def policy_of(settings: Settings, sequence: str, keys: tuple[str, ...]) -> Policy:
    """Return who has to have signed the checkpoints of a sequence: its own keys, and witnesses.

    Raises `Corrupt` for a policy that cannot be read.
    """
    logs = tuple(VerifierKey.parse(key) for key in keys)
    path = policy_file(settings, sequence)
    if path is None:
        return Policy(logs, {}, {}, NONE)
    try:
        given = policy.parse(path.read_bytes())
    except (OSError, TlogError) as error:
        raise Corrupt(f"the policy {path.name}: {error}") from error
    return Policy(logs, given.witnesses, given.groups, given.quorum, given.addresses)


@dataclass(slots=True)
class Feeder:
    """Feeds one witness with the checkpoints of one log, one at a time."""

    log: Log
    name: str
    key: CosignerKey
    address: str
    hold: Hold
    _size: int | None = None
    _newest: SignedCheckpoint | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, signed: SignedCheckpoint) -> None:
        """Take the newest checkpoint; those that came between are left out."""
        self._newest = signed
        self._woken.set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Feed for ever; what fails is tried again after growing pauses."""
        pause_s = FIRST_PAUSE_S
        self._newest = await _newest(self.log)
        while True:
            if self._newest is None:
                await self._woken.wait()
            self._woken.clear()
            signed = self._newest
            assert signed is not None
            try:
                await self.submit(session, signed)
            except Corrupt as error:
                self.hold(error)
                return
            except (LedgerError, TlogError, aiohttp.ClientError, OSError, TimeoutError) as error:
                log.warning("not cosigned", witness=self.name, why=type(error).__name__)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            pause_s = FIRST_PAUSE_S
            if self._newest is signed:
                self._newest = None

    async def submit(self, session: aiohttp.ClientSession, signed: SignedCheckpoint) -> None:
        """Let the witness cosign a checkpoint, and keep its line.

        Raises `Corrupt` where it has seen more than there is here, or another history.
        """
        # Asked with a size that may be wrong, it answers with the one that it has seen.
        old = self._size if self._size is not None else 0
        for _ in range(3):
            if old > signed.size:
                # Another process may have fed it a newer one, which is here by now.
                newest = await self.log.newest()
                if newest is None or newest.size < old:
                    here = newest.size if newest is not None else 0
                    missing = f"{old - here} events missing that the witness {self.name} has seen"
                    raise Corrupt(f"truncated: {missing}")
                signed = newest
            path = await self.log.consistency(old, signed.size)
            body = witness.submission(old, path, _own(signed.note)).raw
            status, answer = await _asked(session, f"{self.address}/add-checkpoint", body)
            if status == 409:
                old = _decimal(answer)
                continue
            if status == 422:
                # Of a size that it has seen it compares the roots.
                other = f"root of the size {old}" if old == signed.size else "history"
                raise Corrupt(f"the witness {self.name} has seen another {other}")
            if status != 200:
                raise Unavailable("busy", f"the witness {self.name} answers {status}")
            await self._keep(signed, answer)
            return
        raise Unavailable("busy", f"the witness {self.name} keeps moving")

    async def _keep(self, signed: SignedCheckpoint, answer: bytes) -> None:
        """Keep the witness's line once it verifies under the key that the policy has of it."""
        text = note.parse(signed.note).text
        read = note.parse(f"{text}\n".encode() + answer)
        for key, signature in note.opened(read, [self.key]):
            line = note.Signature(key.name, key.key_id, signature).line
            await self.log.keep_cosignature(
                signed.size, self.key.name, line, cosigned_at(signature)
            )
        self._size = signed.size
        log.debug("cosigned", witness=self.name)


def _own(raw: bytes) -> bytes:
    """Return a checkpoint without the lines of witnesses: they are not theirs to check."""
    read = note.parse(raw)
    origin = checkpoints.parse(read.text).origin
    return note.Note(read.text, tuple(s for s in read.signatures if s.name == origin)).raw


async def _newest(of: Log) -> SignedCheckpoint | None:
    try:
        return await of.newest()
    except LedgerError:
        return None


async def _asked(session: aiohttp.ClientSession, url: str, body: bytes) -> tuple[int, bytes]:
    async with session.post(url, data=body, allow_redirects=False) as response:
        answer = await response.content.read(MAX_ANSWER)
        return response.status, answer


def askers(given: Policy) -> dict[str, AskSize]:
    """Return how to ask each witness of a policy that has an address for the size it saw (ST-8)."""
    return {
        name: partial(_seen, given.addresses[key.text].rstrip("/"))
        for name, key in given.witnesses.items()
        if key.text in given.addresses
    }


async def _seen(address: str, size: int, raw: bytes) -> int | None:
    """Ask a witness for the size it last saw; None where it does not tell in time.

    It is handed what is signed already, with the size 0, which needs no proof: one that has seen
    nothing cosigns it, every other one answers with the size that it has seen.
    """
    body = witness.submission(0, (), _own(raw)).raw
    timeout = aiohttp.ClientTimeout(total=START_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            status, answer = await _asked(session, f"{address}/add-checkpoint", body)
        if status == 200:
            return size
        return _decimal(answer) if status == 409 else None
    except (TlogError, aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("witness not asked", why=type(error).__name__)
        return None


def _decimal(answer: bytes) -> int:
    return checkpoints.decimal(answer.decode("ascii", "replace").removesuffix("\n"))


@asynccontextmanager
async def feeding(
    of: Log, given: Policy, listen: Callable[[Callable[[SignedCheckpoint], None]], None], hold: Hold
) -> AsyncIterator[tuple[Feeder, ...]]:
    """Feed the witnesses of a policy that have an address, while the block runs."""
    feeders = tuple(
        Feeder(of, name, key, given.addresses[key.text].rstrip("/"), hold)
        for name, key in given.witnesses.items()
        if key.text in given.addresses
    )
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for feeder in feeders:
            listen(feeder.heard)
        tasks = [asyncio.create_task(feeder.run(session)) for feeder in feeders]
        try:
            yield feeders
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
