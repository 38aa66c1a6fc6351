"""What the append is measured against: a raw insert of the same rows, and a library's own way.

Both write to the same cluster as the append, over the same socket, with the same durability.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.bench.measure import Loop, summed
from tests.bench.statements import STATEMENTS

if TYPE_CHECKING:
    import asyncpg

Record = tuple[str, str, bytes]
Save = Callable[[str], object]


async def make_raw_table(connection: "asyncpg.Connection[Any]") -> None:
    """Make the table that holds what the append stores, and nothing that guards it."""
    await connection.execute(STATEMENTS["raw_table"])


async def raw_insert(
    connection: "asyncpg.Connection[Any]", records: Sequence[Record], batch: int, seconds: float
) -> Loop:
    """Insert rows like these in batches of that size, one statement and one commit a batch."""
    statement = await connection.prepare(STATEMENTS["raw_insert"])
    position = int(await connection.fetchval(STATEMENTS["raw_size"]))
    took: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        at = time.perf_counter()
        rows = [records[(position + n) % len(records)] for n in range(batch)]
        await statement.fetch(
            position,
            datetime.now(UTC),
            [f"{stream}{position + n}" for n, (stream, _, _) in enumerate(rows)],
            [kind for _, kind, _ in rows],
            [record for _, _, record in rows],
        )
        position += batch
        took.extend([time.perf_counter() - at] * batch)
    return summed(took, time.perf_counter() - begun)


@contextmanager
def eventsourcing_application(dsn: Mapping[str, Any]) -> Iterator[Save]:
    """Open the library's default path on that database, its pool as wide as its callers."""
    from eventsourcing.application import Application
    from eventsourcing.domain import Aggregate, event

    class Filing(Aggregate):
        @event("Filed")
        def __init__(self, text: str) -> None:
            self.text = text

    class Filings(Application[Any]):
        name = "bench"
        is_snapshotting_enabled = False

    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(dsn["database"]),
        "POSTGRES_HOST": str(dsn["host"]),
        "POSTGRES_PORT": str(dsn.get("port", 5432)),
        "POSTGRES_USER": str(dsn["user"]),
        "POSTGRES_PASSWORD": str(dsn["password"]),
        "POSTGRES_POOL_SIZE": "32",
        "POSTGRES_MAX_OVERFLOW": "8",
        "POSTGRES_POOL_TIMEOUT": "60",
    }
    application = Filings(env={**os.environ, **env})
    try:
        yield lambda text: application.save(Filing(text))
    finally:
        application.close()


async def eventsourcing_saves(save: Save, text: str, callers: int, seconds: float) -> Loop:
    """Let that many threads save an aggregate of one event after another."""
    until = time.perf_counter() + seconds

    def caller() -> list[float]:
        took = []
        while (at := time.perf_counter()) < until:
            save(text)
            took.append(time.perf_counter() - at)
        return took

    begun = time.perf_counter()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(callers) as threads:
        runs = await asyncio.gather(
            *(loop.run_in_executor(threads, caller) for _ in range(callers))
        )
    return summed([s for run in runs for s in run], time.perf_counter() - begun)
