"""Follows a ledger: reads on, applies, and moves on, in one transaction a batch.

Rows and progress are written together under one row lock.  A crash before the commit leaves
the batch to be done, a crash after it leaves it done; who comes second finds the lock taken,
or the place further on.  An event that cannot be applied stops its projection alone, and the
progress row says where and why; it is tried again, so that a corrected program goes on.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg

from ledger.case import Case, Events, replay
from ledger.errors import LedgerError, Unavailable
from ledger.office import Office
from ledger.queries import load
from ledger.store import Store
from projections.histories import Histories, decoded, is_case, is_office
from projections.offices import Offices

Connection = Any  # asyncpg ships no types
Pool = Any

SQL = load(Path(__file__).with_suffix(".sql"))

BATCH = 500
# What is followed beside a ledger by who follows its refusals.
REFUSALS = frozenset({"refused"})
# While acts come in, events gather for so long, unless somebody waits to read them: a view
# takes a third of the time for each event of a large batch, and ten views follow.  Who reads a
# list is never kept waiting by it (`hurry`).
GATHER_S = 1.0
BUSY_S = 0.02
IDLE_S = 0.2
RETRY_S = 1.0
LONGEST_RETRY_S = 30.0

# What passes by itself: the database is away, busy or full, or another transaction won.
PASSING = (
    OSError,
    Unavailable,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,
)


@dataclass(frozen=True, slots=True)
class Batch:
    """The next events of one sequence, and what a projection needs to apply them.

    `office` is the bureau as known at `end`, the position behind the last event (for what stands
    beside the ledger, `refusals`: as far as the ledger itself was followed).  `later` are the
    streams that come again before a rebuild ends, so that they need not be looked at yet.
    """

    ledger: str
    generation: int
    events: Events
    refusals: bool
    office: Office
    end: int
    histories: Histories
    later: frozenset[str] = frozenset()

    @property
    def streams(self) -> set[str]:
        """The cases of this batch that are worth folding now."""
        return _cases(self.events) - self.later

    @property
    def key(self) -> tuple[str, int]:
        """What every key of a projection begins with."""
        return self.ledger, self.generation

    @property
    def everything(self) -> "Batch":
        """The batch with every stream to be looked at now.

        For a projection that most acts do not touch: the last act of a case may be none it
        would wait for.
        """
        return replace(self, later=frozenset())

    async def cases(self, streams: Iterable[str]) -> tuple[Case, ...]:
        """Fold these cases, each with everything that happened before `end`, in order."""
        found = await self.histories.at(streams, self.events, self.end)
        return tuple(replay(found[stream], self.office.zone) for stream in sorted(found))


@dataclass(frozen=True, slots=True)
class Projection:
    """What a batch of events becomes: a name, its tables, and the function that writes them.

    `apply` writes in the transaction it is given and nowhere else; what it writes is a
    function of the events up to the end of the batch, however they were cut into batches.
    `rows` are the statements that give the rows of each table in order, `remove` those that
    remove some of a generation.  `beside` are the types of entries of the open line of the
    access log that it is made of too.
    """

    name: str
    apply: Callable[[Connection, Batch], Awaitable[None]]
    rows: Mapping[str, str]
    remove: Mapping[str, str]
    beside: Collection[str] = ()

    def sequences(self, ledger: str) -> tuple[str, ...]:
        """Name the sequences it follows: the ledger, and what stands beside it."""
        return (ledger, f"{ledger}.open") if self.beside else (ledger,)


@dataclass(frozen=True, slots=True)
class _Done:
    """What a step did: events applied, and where each sequence stands now."""

    count: int
    places: Mapping[str, int]


@dataclass(slots=True)
class _Pace:
    """How a follower goes on in one sequence: batches of what size, and not before when.

    `full`: in this round there was as much as was asked for, or it is to be asked for again.
    """

    limit: int = BATCH
    full: bool = False
    retry_s: float = 0.0
    not_before: float = 0.0


class Follower:
    """One projection of one ledger, in this process; others may follow it too.

    `generation` is the one to write (None: the one that is shown), `target` the position up
    to which a rebuild will go.
    """

    def __init__(
        self,
        projection: Projection,
        ledger: str,
        store: Store,
        pool: Pool,
        *,
        generation: int | None = None,
        target: int | None = None,
        offices: Offices | None = None,
    ) -> None:
        """Bind the parts; `begin` makes the first progress rows."""
        self.projection = projection
        self.ledger = ledger
        self.sequences = projection.sequences(ledger)
        self.trouble: str | None = None
        self._store = store
        self._pool = pool
        self._generation = generation
        self._target = target
        self._histories = Histories(store, ledger)
        self._offices = offices or Offices(store, ledger)
        self._next: dict[str, int] = {}
        self._begun = False
        self._pace = {sequence: _Pace() for sequence in self.sequences}

    async def begin(self) -> None:
        """Make the rows that say that nothing was applied yet, where there are none."""
        async with self._pool.acquire() as connection, connection.transaction():
            name = self.projection.name
            generation = self._generation
            if generation is None:
                await connection.execute(SQL["begin_shown"], self.ledger, name)
                generation = await connection.fetchval(SQL["shown"], self.ledger, name)
            for sequence in self.sequences:
                await connection.execute(
                    SQL["begin_place"], self.ledger, generation, name, sequence
                )
        self._begun = True

    async def run(self) -> None:
        """Follow until cancelled; nothing but that ends it."""
        delay = BUSY_S
        while True:
            moved = 0
            seen = self._store.known_size(self.ledger)
            try:
                moved = await self._round()
                self.trouble = None
            except Exception as error:  # noqa: BLE001 (a view that is away must not end the rest)
                self.trouble = told(error)
            # A full batch goes on at once; else what comes gathers for a moment, because a
            # transaction an event would take the database from those who append.  What this
            # round has seen and could not apply is no reason to hurry.
            if moved == 0:
                beyond = max(seen, self._next.get(self.ledger, 0))
                await self._store.wait_beyond(self.ledger, beyond, poll_s=delay)
                delay = min(2 * delay, IDLE_S)
            elif not any(pace.full for pace in self._pace.values()):
                await self._store.gather(self.ledger, GATHER_S)
                delay = BUSY_S

    async def step(self, sequence: str, limit: int = BATCH) -> int:
        """Apply the next events of a sequence in one transaction, and tell how many.

        Nothing is done, and 0 told, where there are none or another follower is at work.
        """
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                done = await self._apply(connection, sequence, limit)
        except BaseException:
            # Not committed, or not known to be: everything is read again.
            self._histories.forget()
            raise
        self._next |= done.places
        return done.count

    def at(self, sequence: str) -> int:
        """Tell the next position of a sequence, as far as this follower knows."""
        return self._next.get(sequence, 0)

    # -- inside ----------------------------------------------------------------------------

    async def _round(self) -> int:
        """Do one step in each sequence that has grown."""
        if not self._begun:
            await self.begin()
        sizes = await self._pool.fetch(SQL["sizes"], self.ledger)
        grown = {row["ledger"] for row in sizes if row["size"] > self._next.get(row["ledger"], 0)}
        moved = 0
        for sequence in self.sequences:
            self._pace[sequence].full = False
            if sequence in grown:
                moved += await self._go_on(sequence)
        return moved

    async def _go_on(self, sequence: str) -> int:
        """Do one step; narrow down to the event that cannot be applied, and stop there."""
        pace = self._pace[sequence]
        now = asyncio.get_running_loop().time()
        if now < pace.not_before:
            return 0
        try:
            count = await self.step(sequence, pace.limit)
        except Exception as error:
            if passing(error):
                raise
            if pace.limit > 1:
                pace.limit, pace.full = 1, True
                return 1  # it moves: by one event at a time
            await self._stop(sequence, error)
            pace.retry_s = min(max(RETRY_S, 2 * pace.retry_s), LONGEST_RETRY_S)
            pace.not_before = now + pace.retry_s
            return 0
        if count:
            pace.full = count >= pace.limit
            pace.limit = min(2 * pace.limit, BATCH)
            pace.retry_s = 0.0
        return count

    async def _apply(self, connection: Connection, sequence: str, limit: int) -> "_Done":
        name = self.projection.name
        generation = await connection.fetchval(SQL["hold"], self.ledger, name, self._generation)
        if generation is None:
            return _Done(0, {})
        rows = await connection.fetch(SQL["places"], self.ledger, generation, name)
        places = {row["sequence"]: row["next_position"] for row in rows}
        start = places[sequence]
        events = await self._read(sequence, start, limit)
        if not events:
            return _Done(0, places)
        end = start + len(events)
        office = await self._offices.at(places[self.ledger])
        refusals = sequence != self.ledger
        if not refusals:
            own = tuple(e for e in events if is_office(e.stream))
            office = self._offices.after(office, own, end)
        batch = Batch(
            ledger=self.ledger,
            generation=generation,
            events=tuple(e for e in events if e.type in self.projection.beside)
            if refusals
            else events,
            refusals=refusals,
            office=office,
            end=end,
            histories=self._histories,
            later=await self._later(connection, events, end),
        )
        await self.projection.apply(connection, batch)
        await self._advance(connection, generation, sequence, end)
        return _Done(len(events), {**places, sequence: end})

    async def _read(self, sequence: str, start: int, limit: int) -> Events:
        rows = await self._store.since(sequence, start, limit)
        return tuple(decoded(row) for row in rows)

    async def _advance(
        self, connection: Connection, generation: int, sequence: str, end: int
    ) -> None:
        name = self.projection.name
        await connection.execute(SQL["advance"], self.ledger, generation, name, sequence, end)

    async def _later(self, connection: Connection, events: Events, end: int) -> frozenset[str]:
        if self._target is None or end >= self._target:
            return frozenset()
        rows = await connection.fetch(
            SQL["coming_again"], self.ledger, list(_cases(events)), end, self._target
        )
        return frozenset(row["stream"] for row in rows)

    async def _stop(self, sequence: str, error: Exception) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute(
                SQL["stop"], self.ledger, self.projection.name, sequence, told(error)
            )


def _cases(events: Events) -> set[str]:
    return {stream for stream in {e.stream for e in events} if is_case(stream)}


def passing(error: Exception) -> bool:
    """Tell whether an error is of the moment, not of the event; a wrong value is not."""
    return isinstance(error, PASSING) and not isinstance(error, ValueError)


def told(error: Exception) -> str:
    """Say what went wrong and where, without any value: values may be personal."""
    frames = traceback.extract_tb(error.__traceback__)
    where = type(error).__name__
    if frames:
        where += f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"{where}: {error}" if isinstance(error, LedgerError) else where


@asynccontextmanager
async def following(
    projections: Iterable[Projection], ledger: str, store: Store, pool: Pool
) -> AsyncIterator[tuple[Follower, ...]]:
    """Follow a ledger with these projections while the block runs."""
    offices = Offices(store, ledger)
    followers = tuple(Follower(p, ledger, store, pool, offices=offices) for p in projections)
    tasks = [asyncio.create_task(follower.run()) for follower in followers]
    try:
        yield followers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
