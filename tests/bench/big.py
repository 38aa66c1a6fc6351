"""A large ledger: one case's history many times over, written by the superuser, then measured.

What is written that way could have been appended: the same records but for stream, position
and numbers, the same indexes.  It only saves the hours.
"""

import random
import statistics
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from api.access import Entry
from api.answers import shown_state
from api.service import PROJECTIONS, Service
from ledger import records
from ledger.database import Database, Role
from ledger.ledger import Ledger
from ledger.standing import Caller
from ledger.store import Store
from projections import findings
from projections.follow import Follower
from tests.bench.measure import Loop, say, summed
from tests.bench.statements import STATEMENTS
from tests.bench.world import LEDGER, World, settings

if TYPE_CHECKING:
    import asyncpg

CHUNK = 10_000
BATCH = 5_000
INSPECTOR = Caller(person="jiang-he", client="bench")


async def grown(found: World, database: Database, events: int) -> int:
    """Write copies of the newest case until the ledger has so many events; how many cases."""
    name = str(database.reach["database"])
    async with found.creator(name) as connection:
        stream = await connection.fetchval(STATEMENTS["longest_case"], LEDGER)
        store = Store(database.as_role(Role.APP))
        await store.connect()
        many = len(await store.of_stream(LEDGER, stream))
        head = await store.head(LEDGER)
        await store.close()
        assert head is not None
        size, at, first = head.size, head.recorded_at, 1
        cases = max(0, events - size) // many
        while first <= cases:
            last = min(first + CHUNK - 1, cases)
            await cloned(connection, stream, size, at, many, first, last)
            size += (last - first + 1) * many
            first = last + 1
            say(f"{size:,} events")
        await connection.execute(STATEMENTS["clone_head"], LEDGER, size)
        await connection.execute(STATEMENTS["settle"])
        await connection.execute(STATEMENTS["checkpoint"])
    return cases


async def cloned(
    connection: "asyncpg.Connection[asyncpg.Record]",
    stream: str,
    size: int,
    at: object,
    many: int,
    first: int,
    last: int,
) -> None:
    """Write cases like one, from a number up to another, the first at position `size`."""
    async with connection.transaction():
        await connection.execute(STATEMENTS["clone_events"], LEDGER, stream, size, at, first, last)
        await connection.execute(STATEMENTS["clone_streams"], LEDGER, size, many, first, last)
        await connection.execute(
            STATEMENTS["clone_registers"], LEDGER, stream, size, many, first, last
        )
        end = size + (last - first + 1) * many - 1
        await connection.execute(STATEMENTS["clone_keys"], LEDGER, size, end)


async def reading(found: World, database: Database, cases: int, times: int) -> Loop:
    """Read cases by number, each from the store: look up, load, fold, measure, mask."""
    service = Service(settings(0, found.folder / "checkpoints" / "reading"), database, found.keys)
    async with AsyncExitStack() as stack:
        await service.store.connect()
        stack.push_async_callback(service.store.close)
        stack.callback(service.keyring.close)
        ledger = Ledger(LEDGER, service.store, service.keyring)
        await ledger.open()
        entry = Entry(service, ledger, INSPECTOR, await ledger.now())
        pick = random.Random(469002)
        took = []
        for n in range(times + 50):
            number = pick.randint(1, cases)
            ledger.cases.clear()
            begun = time.perf_counter()
            stream = await ledger.stream_of("case/2026", number)
            assert stream is not None, number
            case = await ledger.load(stream)
            assert case is not None
            shown_state(case, entry, entry.office, entry.now)
            if n >= 50:
                took.append(time.perf_counter() - begun)
        return summed(took, sum(took))


async def decoding(database: Database) -> float:
    """Read the whole ledger and decode it: events a second."""
    store = Store(database.as_role(Role.APP))
    await store.connect()
    begun, position = time.perf_counter(), 0
    while rows := await store.since(LEDGER, position, BATCH):
        for row in rows:
            records.decode(row)
        position += len(rows)
    rate = position / (time.perf_counter() - begun)
    await store.close()
    return rate


async def rebuilding(database: Database) -> dict[str, tuple[float, float]]:
    """Make every view from the beginning: events a second, and those of reading beside it."""
    store = Store(database.as_role(Role.APP))
    await store.connect()
    pool = await database.pool(Role.PROJECT)
    found = {}
    for projection in (*PROJECTIONS, findings.projection()):
        before = await decoding(database)
        head = await store.head(LEDGER)
        assert head is not None
        follower = Follower(projection, LEDGER, store, pool, target=head.size)
        await follower.begin()
        begun = time.perf_counter()
        while await follower.step(LEDGER, BATCH):
            pass
        rate = head.size / (time.perf_counter() - begun)
        after = await decoding(database)
        alone = statistics.mean((before, after))
        found[projection.name] = (rate, alone)
        say(f"{projection.name}: {rate:,.0f} events/s, reading alone {alone:,.0f}")
    await pool.close()
    await store.close()
    return found
