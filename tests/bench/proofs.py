"""What the log costs: signing beside the append, a proof, an act until it is covered, a check."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ledger.database import Database, Role
from ledger.publish import Publisher, publishing
from ledger.store import Command, Store
from tests.bench.appends import appends
from tests.bench.big import grown
from tests.bench.measure import Loop, Row, against, say, summed
from tests.bench.peers import Record
from tests.bench.world import LEDGER, World, walked

PROOFS = 500


@asynccontextmanager
async def publisher(found: World, database: Database) -> AsyncIterator[Publisher]:
    """Sign the log of a database, as the service does beside its other work."""
    store = Store(database.as_role(Role.APP))
    await store.connect()
    outside = found.folder / "checkpoints" / str(database.reach["database"])
    one = Publisher(store, LEDGER, found.keys, outside)
    try:
        yield one
    finally:
        await store.close()


async def of_proofs(
    found: World, records: Sequence[Record], rounds: int, seconds: float
) -> list[Row]:
    """Measure appends with a publisher beside them against none, then proofs and checkpoints."""
    database, pairs = await found.copy("signed"), []
    app = database.as_role(Role.APP)
    async with publisher(found, database) as one:
        for _ in range(rounds):
            say("append, 32 callers, signing")
            async with publishing(one, _failed):
                signed = await appends(app, records, 32, seconds, LEDGER)
            await one.advance()
            alone = await appends(app, records, 32, seconds, LEDGER)
            pairs.append((signed.rate, alone.rate))
        rows = [against("append with signing / without, 32 callers", pairs, "events/s", ">= 0.95")]
        size = await one.advance()
        say(f"proofs under a checkpoint of {size:,}")
        loop = await _proofs(one, size)
        rows.append(
            against("inclusion proof, p50 / 1 ms", [(loop.p50_ms, 1.0)], "ms", "<= 1",
                    f"p99 {loop.p99_ms:.2f} ms, positions all over {size:,} events")
        )  # fmt: skip
        lag = await _covered(database, one)
        rows.append(
            against("act to checkpoint, worst / 2 s", [(max(lag), 2.0)], "s", "<= 1",
                    f"median {statistics.median(lag):.2f} s of {len(lag)}")
        )  # fmt: skip
    return rows


async def _proofs(one: Publisher, size: int) -> Loop:
    took = []
    for n in range(PROOFS):
        begun = time.perf_counter()
        await one.log.proof(n * size // PROOFS)
        took.append(time.perf_counter() - begun)
    return summed(took, sum(took))


async def _covered(database: Database, one: Publisher) -> list[float]:
    """Append one event at a time, and tell how long it takes until a checkpoint covers it."""
    store, took = one._store, []
    async with publishing(one, _failed):
        for n in range(10):
            stream = f"case:covered-{database.reach['database']}-{n}"
            command = Command(
                key=stream, digest=b"", reads={stream: 0},
                events=((stream, "received", b"{}", ()),),
            )  # fmt: skip
            outcome = await store.writer(LEDGER).append(command)
            begun = time.perf_counter()
            # Nobody asks for it: this is the loop by itself.
            while one._signed <= outcome.first_position:
                await store.gather("bench", 0.01)
            took.append(time.perf_counter() - begun)
    return took


def _failed(sequence: str, error: Exception) -> None:
    raise AssertionError(f"{sequence}: {error}") from error


async def of_fsck(found: World, events: int, rounds: int) -> list[Row]:
    """Measure deriving everything from the records again against reading and hashing them."""
    database, pairs = await found.copy("fsck"), []
    await walked(found, database, 1)
    await grown(found, database, events)
    async with publisher(found, database) as one:
        size = await one.advance()
    words = [str(found.folder), str(database.reach["database"])]
    for _ in range(rounds):
        say(f"fsck, {size:,} events")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.checking", *words, stdout=subprocess.PIPE
        )
        told, _ = await process.communicate()
        assert process.returncode == 0
        pairs.append(tuple(json.loads(told)))
    return [against(f"fsck / cursor and SHA-256, {size:,} events", pairs, "events/s", ">= 0.5")]
