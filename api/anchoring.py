"""Anchored logs are followed: each one's newest checkpoint is fetched, proven, and recorded.

Where a log is read stands in a file of the operator's (`CASELEDGER_ANCHORED`), never in the ledger
and in no request: nobody makes the service call somewhere.  Nothing that is read is believed:
the note is signed by the registered keys, and the proof made of tiles leads to its root.  What
fails is told in `/readyz` and in the figures, and stops nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import structlog

from ledger.case import Actor, Event, Events
from ledger.errors import LedgerError, Refused
from ledger.ledger import DecideIn, Ledger
from ledger.office import Office, anchor
from ledger.recorded import Key, Recorded
from ledger.tlog import merkle, note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.merkle import HASH_BYTES
from ledger.tlog.tile import WIDTH, Tile, needed, node_of

log = structlog.get_logger()

BY = Actor(kind="system", client="anchoring")
TIMEOUT_S = 10.0
# Nobody is asked more often than this, whatever is set.
LEAST_S = 0.2
AT_ONCE = 8
MAX_FILE = 1_000_000
MAX_TILE = WIDTH * HASH_BYTES

# With a checkpoint of ours goes how large the log was behind its newest event that is no anchor.
BESIDES = "Log-Besides-Anchors"
# A log that has grown by anchors alone is anchored no sooner than this after the last time: two
# that anchor each other come to rest.
REST = timedelta(days=1)

# What came of looking at a log: the first four are as they should be.
ANCHORED, UNCHANGED, WAITING, RESTING = "anchored", "unchanged", "waiting", "resting"
CONFLICT, SHRUNK, UNPROVEN, UNREACHABLE, FAILED = (
    "conflict", "shrunk", "unproven", "unreachable", "failed",
)  # fmt: skip
GOOD = frozenset({ANCHORED, UNCHANGED, WAITING, RESTING})
_OF_SLUG: Mapping[str, str] = {
    "anchor-conflict": CONFLICT,
    "anchor-shrunk": SHRUNK,
    "anchor-unproven": UNPROVEN,
    "schema": UNPROVEN,
    "already-done": UNCHANGED,
    "basis-moved": UNCHANGED,
    "not-found": WAITING,
    "rule-refused": WAITING,
}

Heard = Callable[[str], None]
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class Unreachable(Exception):
    """A log that does not answer, or not as a log does."""


def addresses(file: Path, ledger: str) -> dict[str, str]:
    """Read where the anchored logs of a ledger are: `<ledger> <id> <url>` a line, `#` comments.

    Raises `ValueError` with the number of a line that is none of these.
    """
    with file.open("rb") as opened:
        text = opened.read(MAX_FILE).decode("utf-8")
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 3 or not _is_address(words[2]):
            raise ValueError(f"line {number}: not `<ledger> <id> <http(s) address of a log>`")
        if words[0] == ledger:
            found[words[1]] = words[2].rstrip("/")
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises for what is no number)
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain


@dataclass(slots=True)
class Follower:
    """Follows the anchored logs of one ledger; `looked` is what came of it, by their ids."""

    ledger: Ledger
    file: Path
    every_s: float
    heard: Heard = lambda _: None
    looked: dict[str, str] = field(default_factory=dict)
    # How large each was when it was anchored last, and when that was.
    newest: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    unread: str | None = None
    # Why nothing can be recorded now, if anything: then no log is asked.
    stopped: Callable[[], object] = lambda: None

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Look at every log again and again; the file is read anew each time."""
        while True:
            try:
                if self.stopped() is None:
                    await self.round(session)
            except Exception as error:  # noqa: BLE001 (a round that fails ends no other one)
                log.error("not followed", ledger=self.ledger.name, error=type(error).__name__)  # noqa: TRY400
            await asyncio.sleep(max(self.every_s, LEAST_S))

    async def round(self, session: aiohttp.ClientSession) -> None:
        """Look at every log of the file once."""
        try:
            wanted = await asyncio.to_thread(addresses, self.file, self.ledger.name)
        except (OSError, ValueError) as error:
            # Anybody may ask /readyz: the words of an OSError have the whole path in them.
            told = error.strerror if isinstance(error, OSError) else str(error)
            self.unread = f"{self.file.name}: {told or type(error).__name__}"[:200]
            log.warning("anchored logs not read", why=type(error).__name__)
            return
        self.unread = None
        for gone in self.looked.keys() - wanted.keys():
            del self.looked[gone]
            self.newest.pop(gone, None)
        room = asyncio.Semaphore(AT_ONCE)

        async def one(name: str, url: str) -> None:
            async with room:
                try:
                    await self.look(session, name, url)
                except Exception as error:  # noqa: BLE001 (one log's trouble is no other one's)
                    log.error("not anchored", id=name, error=type(error).__name__)  # noqa: TRY400
                    self.looked[name] = FAILED
                    self.heard(FAILED)

        await asyncio.gather(*(one(name, url) for name, url in wanted.items()))

    async def look(self, session: aiohttp.ClientSession, name: str, url: str) -> str:
        """Anchor the newest checkpoint of one log if it has grown; say what came of it."""
        try:
            async with asyncio.timeout(3 * TIMEOUT_S):
                came = await self._anchored(session, name, url)
        except Refused as refused:
            came = _OF_SLUG.get(refused.slug, FAILED)
        except (TlogError, ValueError):
            came = UNPROVEN
        except (Unreachable, aiohttp.ClientError, OSError, TimeoutError):
            came = UNREACHABLE
        except LedgerError:
            came = FAILED
        if came not in GOOD and self.looked.get(name) != came:
            log.warning("not anchored", id=name, what=came)
        self.looked[name] = came
        self.heard(came)
        return came

    async def _anchored(self, session: aiohttp.ClientSession, name: str, url: str) -> str:
        if self.ledger.office.thing(f"{anchor.KIND}:{name}") is None:
            return WAITING
        raw, besides = await _checkpoint(session, url)
        new = parse_checkpoint(note.parse(raw).text)
        stream = anchor.stream_of(name)
        newest = (await self.ledger.newest(stream)).get(stream)
        seen = anchor.seen(newest)
        self._stands(name, newest)
        if (new.size, new.root) == (seen.size, seen.root):
            return UNCHANGED
        if newest is not None and besides is not None and besides <= seen.size < new.size:
            # Whoever says so of a log that has grown otherwise gains a day: no more than by
            # not answering, and it shows in the age of the newest anchor.
            late = await self.ledger.now() - _at(newest) >= REST
            if not late and not seen.open:
                return RESTING
        given = await proven(session, url, raw, new, seen.size)
        key = Key(f"anchoring|{stream}|{seen.version}|{sha256(raw).hexdigest()}", b"anchoring")
        done = await anchored(self.ledger, name, BY, given, key)
        self._stands(name, done.events[-1])
        if done.events[-1].type == anchor.CONFLICT:
            return CONFLICT
        log.info("anchored", id=name, size=new.size)
        return ANCHORED

    def _stands(self, name: str, newest: Event | None) -> None:
        """Remember when a log was anchored last: a conflict is no anchor."""
        if newest is not None and newest.type == anchor.ANCHORED:
            self.newest[name] = (newest.data["size"], _at(newest))


def _at(event: Event) -> datetime:
    return event.recorded_at or event.occurred_at


async def anchored(
    ledger: Ledger,
    log: str,
    by: Actor,
    given: anchor.Submission,
    key: Key,
    *,
    reason: str | None = None,
    correlation: str | None = None,
) -> Recorded:
    """Record an anchor, or a conflict, of a log; as the interface and the follower do it."""
    return await ledger.record_in(
        _decide(log, by, given, reason), kind="anchor", stream=anchor.stream_of(log), key=key,
        correlation=correlation, newest=True,
    )  # fmt: skip


def _decide(log: str, by: Actor, given: anchor.Submission, reason: str | None) -> DecideIn:
    def decide(_stream: str, events: Events, office: Office, now: datetime) -> Events:
        thing = office.thing(f"{anchor.KIND}:{log}")
        if thing is None:
            raise Refused("not-found", "no such anchored log")
        return anchor.recorded(
            thing, events[-1] if events else None, by, now, given=given,
            relied_on=office.relied(thing.stream), reason=reason,
        )  # fmt: skip

    return decide


async def proven(
    session: aiohttp.ClientSession, url: str, raw: bytes, new: Checkpoint, old: int
) -> anchor.Submission:
    """Make the proof from an anchored size to a checkpoint, out of the tiles of that log.

    With it goes the root that the log had at that size as it is now: where it is another one,
    the two together are the proof of two histories.
    """
    if not 0 < old < new.size:
        return anchor.Submission(raw, old, ())

    def proof(node: merkle.Node) -> tuple[tuple[bytes, ...], bytes]:
        return merkle.consistency_proof(old, new.size, node), merkle.root(old, node)

    read = {tile: await _tile(session, url, tile) for tile in needed(new.size, proof)}
    path, then = proof(node_of(read.__getitem__, new.size))
    return anchor.Submission(raw, old, path, then)


async def _tile(session: aiohttp.ClientSession, url: str, tile: Tile) -> bytes:
    """Fetch a tile; a partial one may have grown full meanwhile."""
    found = await fetched(session, f"{url}/{tile.path}", MAX_TILE)
    if found is None and tile.width < WIDTH:
        full = await fetched(session, f"{url}/{Tile(tile.level, tile.n).path}", MAX_TILE)
        found = None if full is None else full[: tile.width * HASH_BYTES]
    if found is None:
        raise Malformed(f"{tile.path} is not served, though the checkpoint covers it")
    return found


async def _checkpoint(session: aiohttp.ClientSession, url: str) -> tuple[bytes, int | None]:
    """Fetch a checkpoint, and how large the log says it was but for anchors, if it does."""
    async with session.get(f"{url}/checkpoint", allow_redirects=False) as response:
        raw = await _body(response, anchor.MAX_NOTE)
        told = response.headers.get(BESIDES, "")
    if raw is None:
        raise Unreachable
    return raw, int(told) if _SIZE.fullmatch(told) else None


async def fetched(session: aiohttp.ClientSession, url: str, most: int) -> bytes | None:
    """Fetch what lies at an address, None where nothing does; nobody is followed elsewhere."""
    async with session.get(url, allow_redirects=False) as response:
        return await _body(response, most)


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    if response.status == 404:
        return None
    if response.status != 200:
        raise Unreachable
    found = bytearray()
    async for piece in response.content.iter_chunked(most + 1):
        found += piece
        if len(found) > most:
            raise Unreachable
    return bytes(found)


@asynccontextmanager
async def anchoring(follower: Follower) -> AsyncIterator[Follower]:
    """Follow the anchored logs of a ledger while the block runs."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    plain = {"Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(
        timeout=timeout, headers=plain, auto_decompress=False
    ) as session:
        task = asyncio.create_task(follower.run(session))
        try:
            yield follower
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
