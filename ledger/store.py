"""The append and the reads, over asyncpg.  Nothing here knows what a case is.

One writer connection a ledger, a pool for reads.  After a restart of PostgreSQL every idle
connection fails once: a read is tried again, an append never.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from ledger.batch import Command, Committed, Outcome
from ledger.database import AWAY
from ledger.errors import Refused, Unavailable
from ledger.queries import load
from ledger.writer import Writer

__all__ = ["Command", "Committed", "Head", "Outcome", "Row", "Store", "Writer"]

FOREVER = 2**62
POOL = 8
READ_TRIES = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it is stored: the record, its hash, and the index beside it."""

    position: int
    stream: str
    version: int
    type: str
    recorded_at: datetime
    record: bytes
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """How large a ledger is, which deployment writes to it, and whether its time is real."""

    size: int
    recorded_at: datetime | None
    epoch: int
    zone: str
    simulated: bool


class Store:
    """The ledgers of one database."""

    def __init__(self, app: Mapping[str, Any]) -> None:
        """Take how the service's role connects."""
        self.queries = load(Path(__file__).with_suffix(".sql"))
        self._app = dict(app)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._epochs: dict[str, int] = {}
        self._writers: dict[str, Writer] = {}
        self._sizes: dict[str, int] = {}
        self._followers: dict[str, set[asyncio.Future[None]]] = {}
        self._gathering: dict[str, set[asyncio.Future[None]]] = {}
        # Why nothing is appended for now, None while all is well; unlike a hold it passes.
        self.paused: Unavailable | None = None

    async def connect(self) -> None:
        """Open the pool for reads; connections are made when they are wanted."""
        # Reads leave nothing behind in a session: resetting it would cost a third of a read.
        self._pool = await asyncpg.create_pool(
            **self._app, min_size=0, max_size=POOL, reset=_left_alone
        )

    async def close(self) -> None:
        """Finish what is being written, then close."""
        for writer in self._writers.values():
            await writer.close()
        if self._pool is not None:
            await self._pool.close()

    async def connection(self) -> Any:  # noqa: ANN401 (asyncpg ships no types)
        """Make a connection of its own for a writer."""
        return await asyncpg.connect(**self._app)

    def writer(self, ledger: str) -> Writer:
        """Return the one writer of a ledger in this process."""
        if ledger not in self._writers:
            self._writers[ledger] = Writer(self, ledger)
        return self._writers[ledger]

    async def epoch(self, ledger: str) -> int:
        """Return the number this process writes under; the one in force if it took none over."""
        if ledger not in self._epochs:
            head = await self.head(ledger)
            if head is None:
                raise Refused("not-found", "no such ledger")
            self._epochs[ledger] = head.epoch
        return self._epochs[ledger]

    async def new_epoch(self) -> int:
        """Number a deployment that begins now."""
        return int(await self._value("new_epoch"))

    async def take_over(self, ledger: str, epoch: int) -> None:
        """Fence off the deployments before this one that write to a ledger and its companions.

        Where a later one took over, this one is the fenced one: its appends are refused.
        """
        for name in (*companions(ledger), ledger):
            try:
                await self._value("take_over", name, epoch)
            except asyncpg.LockNotAvailableError as error:
                raise Unavailable("busy", "another writer holds the ledger") from error
            self._epochs[name] = epoch

    async def fenced(self, ledger: str) -> bool:
        """Tell whether a later deployment has taken a ledger over."""
        return bool(await self._value("fenced", ledger, await self.epoch(ledger)))

    async def next_partition(self, ledger: str) -> int | None:
        """Make the next partition when it is time; return its first position, or None."""
        made = await self._value("next_partition", ledger)
        return None if made is None else int(made)

    # -- reading -----------------------------------------------------------------------------

    async def head(self, ledger: str) -> Head | None:
        """Return the head of a ledger, None where there is none."""
        rows = await self._fetch("head", ledger)
        if not rows:
            return None
        row = rows[0]
        return Head(row["size"], row["recorded_at"], row["epoch"], row["zone"], row["simulated"])

    async def ledgers(self) -> tuple[str, ...]:
        """Name the ledgers of this database, without their companions."""
        return tuple(row["ledger"] for row in await self._fetch("ledgers"))

    async def now(self, ledger: str) -> datetime:
        """Tell what time it is in a ledger."""
        at: datetime = await self._value("now", ledger)
        return at

    async def set_clock(self, ledger: str, at: datetime) -> None:
        """Set the clock of a simulated ledger, forward only."""
        try:
            await self._value("set_clock", ledger, at)
        except asyncpg.PostgresError as error:
            if error.sqlstate == "LG004":
                raise Refused("not-found", "the clock of this ledger cannot be set") from error
            if error.sqlstate == "LG005":
                raise Refused("schema", "a clock goes forward only", pointer="/now") from error
            raise

    async def of_stream(
        self,
        ledger: str,
        stream: str,
        after_version: int = 0,
        upto_position: int | None = None,
    ) -> list[Row]:
        """Return the history of a stream, up to a position where one is given."""
        upto = FOREVER if upto_position is None else upto_position
        return await self._rows("of_stream", ledger, stream, after_version, upto)

    async def newest_of(self, ledger: str, streams: Sequence[str]) -> list[Row]:
        """Return the newest event of each of several streams, where there is one."""
        return await self._rows("newest_of", ledger, list(streams))

    async def part_of(self, ledger: str, stream: str, after_version: int, limit: int) -> list[Row]:
        """Return some of the history of a stream behind a version: long ones are read in pages."""
        return await self._rows("part_of", ledger, stream, after_version, limit)

    async def of_streams(self, ledger: str, streams: Sequence[str]) -> list[Row]:
        """Return the histories of several streams, in order of position."""
        return await self._rows("of_streams", ledger, list(streams))

    async def since(self, ledger: str, position: int, limit: int) -> list[Row]:
        """Return events from a position on, in order, without gaps."""
        return await self._rows("since", ledger, position, limit)

    async def office_rows(self, ledger: str, position: int) -> list[Row]:
        """Return what the office recorded at or after a position."""
        return await self._rows("office_rows", ledger, position)

    async def row(self, ledger: str, position: int) -> Row | None:
        """Return the event at a position, None where there is none."""
        rows = await self._rows("row", ledger, position)
        return rows[0] if rows else None

    async def position_at(self, ledger: str, at: datetime) -> int:
        """Return the newest position recorded by an instant, -1 where there was none."""
        found = await self._value("position_at", ledger, at)
        return -1 if found is None else int(found)

    async def number(self, ledger: str, register: str, number: int) -> Row | None:
        """Return the event that was given an official number, None where none was."""
        rows = await self._rows("number", ledger, register, number)
        return rows[0] if rows else None

    async def numbered(self, ledger: str, register: str, behind: int, limit: int) -> list[Row]:
        """Return the events that were given the numbers of a register behind one, in order."""
        return await self._rows("numbered", ledger, register, behind, limit)

    async def counted(self, ledger: str, register: str, before: datetime) -> tuple[int, int | None]:
        """Count the numbers of a register given before an instant; tell where the last stands."""
        (row,) = await self._fetch("counted", ledger, register, before)
        return row["numbers"], row["position"]

    async def key(self, ledger: str, key: str) -> tuple[bytes, int, int] | None:
        """Return digest, first position and number of events recorded under a key, or None."""
        rows = await self._fetch("key", ledger, key)
        return (rows[0]["digest"], rows[0]["position"], rows[0]["events"]) if rows else None

    async def keys(self, ledger: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int, int]]:
        """Return what `key` returns, of several keys; those under which nothing is are left out."""
        rows = await self._fetch("keys", ledger, list(keys))
        return {row["key"]: (row["digest"], row["position"], row["events"]) for row in rows}

    async def ended(self, pid: int, backend_start: object) -> bool:
        """Tell whether a backend of the server is gone, and can store nothing any more."""
        return bool(await self._value("ended", pid, backend_start))

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:  # noqa: ANN401
        """Carry out a statement that only reads; once more where its connection was gone."""
        if self._pool is None:
            raise Unavailable("store-unavailable", "the store is not connected")
        for tried in range(1, READ_TRIES + 1):
            try:
                found: list[Any] = await self._pool.fetch(statement, *arguments)
            except AWAY as error:
                if tried == READ_TRIES:
                    why = "the database cannot be reached"
                    raise Unavailable("store-unavailable", why) from error
                await self._pool.expire_connections()
            else:
                return found
        raise AssertionError

    # -- waking followers --------------------------------------------------------------------

    def grown(self, ledger: str, size: int) -> None:
        """Note that a ledger has grown here, and wake who waits for that."""
        self._sizes[ledger] = max(size, self._sizes.get(ledger, 0))
        _wake(self._followers.pop(ledger, ()))

    def known_size(self, ledger: str) -> int:
        """Tell how large a ledger is at least, as far as was appended here."""
        return self._sizes.get(ledger, 0)

    async def wait_beyond(self, ledger: str, size: int, *, poll_s: float = 0.2) -> None:
        """Wait until a ledger is larger than `size`, or a poll interval has passed.

        What another process appended is not heard of here: it is found at the next poll.
        """
        if self.known_size(ledger) > size:
            return
        await _woken(self._followers.setdefault(ledger, set()), poll_s)

    async def gather(self, ledger: str, seconds: float) -> None:
        """Let events gather for a while, or until somebody is in a hurry to read them."""
        await _woken(self._gathering.setdefault(ledger, set()), seconds)

    def hurry(self, ledger: str) -> None:
        """Let who gathers events of a ledger, or waits for some, look at once: somebody reads.

        What is recorded beside a ledger wakes nobody by itself; who reads it does.
        """
        _wake(self._gathering.pop(ledger, ()))
        _wake(self._followers.pop(ledger, ()))

    # -- inside ------------------------------------------------------------------------------

    async def _rows(self, name: str, *arguments: Any) -> list[Row]:  # noqa: ANN401
        return [_row(row) for row in await self._fetch(name, *arguments)]

    async def _value(self, name: str, *arguments: Any) -> Any:  # noqa: ANN401
        rows = await self._fetch(name, *arguments)
        return rows[0][0] if rows else None

    async def _fetch(self, name: str, *arguments: Any) -> list[Any]:  # noqa: ANN401
        return await self.fetch(self.queries[name], *arguments)


def companions(ledger: str) -> tuple[str, str]:
    """Name the sequences beside a ledger: the open line of its access log, and the sealed one."""
    return f"{ledger}.open", f"{ledger}.sealed"


async def _woken(waiting: set[asyncio.Future[None]], seconds: float) -> None:
    """Wait to be woken, or until the time has passed."""
    woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting.add(woken)
    try:
        async with asyncio.timeout(seconds):
            await woken
    except TimeoutError:
        return
    finally:
        waiting.discard(woken)


def _wake(waiting: Iterable[asyncio.Future[None]]) -> None:
    for woken in waiting:
        if not woken.done():
            woken.set_result(None)


async def open_ledger(
    connection: Any,  # noqa: ANN401 (asyncpg ships no types)
    ledger: str,
    zone: str,
    simulated_start: datetime | None,
) -> None:
    """Create a ledger and its companion; for who migrates only."""
    queries = load(Path(__file__).with_suffix(".sql"))
    await connection.execute(queries["open_ledger"], ledger, zone, simulated_start)


def _row(row: Any) -> Row:  # noqa: ANN401 (asyncpg ships no types)
    return Row(
        row["position"],
        row["stream"],
        row["version"],
        row["type"],
        row["recorded_at"],
        row["record"],
        row["leaf"],
    )


async def _left_alone(_connection: object) -> None:
    """Reset nothing."""
