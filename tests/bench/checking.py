"""A check of everything against reading and hashing alone, in a process of its own.

The processes of a check import what this module imports at its top, as they do with the command.
"""

import asyncio
import json
import sys


async def measured(folder: str, name: str) -> tuple[float, float]:
    """Check the ledger of a database, then read and hash it; events a second of both."""
    import os
    import time
    from contextlib import AsyncExitStack
    from hashlib import sha256
    from pathlib import Path

    import asyncpg

    from api.cli_upkeep import MOST_JOBS
    from api.upkeep import Moment
    from ledger.cluster import Cluster
    from ledger.database import Database
    from ledger.fsck import Asked, Fsck
    from tests.bench.statements import STATEMENTS
    from tests.bench.world import LEDGER

    reach = Database.attached(Cluster(Path(folder) / "postgresql")).named(name).as_creator()
    connection = await asyncpg.connect(**reach)
    begun = time.perf_counter()
    async with AsyncExitStack() as stack:
        # As the command does it: sets are compared beside the reading, by several processes.
        await stack.enter_async_context(
            connection.transaction(isolation="repeatable_read", readonly=True)
        )
        here = Moment(connection, reach, stack)
        workers = await here.workers(min(os.cpu_count() or 1, MOST_JOBS))
        report = await Fsck(connection, LEDGER, Asked(), await here.second(), workers).run()
    checked = time.perf_counter()
    # What was written many times over has no keys of requests; nothing else is wrong.
    assert {bad.kind for bad in report.bad} <= {"idempotency"}, report.bad
    async with connection.transaction():
        async for row in connection.cursor(STATEMENTS["every_event"], LEDGER, prefetch=4_096):
            sha256(row["record"])
    hashed = time.perf_counter()
    await connection.close()
    return report.events / (checked - begun), report.events / (hashed - checked)


def main() -> None:
    """Print both, for who started this."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measured(*sys.argv[1:]))))


if __name__ == "__main__":
    main()
