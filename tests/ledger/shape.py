"""`python -m tests.ledger.shape` writes `ledger/data/shape.txt` from a migrated database."""

import asyncio
import shutil

import asyncpg

from ledger.database import Database
from ledger.shape import EXPECTED, PARTITION, shape
from tests.conftest import TEMPLATE, begin


def text(found):
    """The file: the lines in order, the first partition as the pattern of all of them."""
    lines = {PARTITION.sub("event_N", line) for line in found.lines}
    return "".join(f"{line}\n" for line in sorted(lines))


async def write():
    cluster = await begin()
    try:
        how = Database.of(cluster).named(TEMPLATE).as_creator()
        connection = await asyncpg.connect(**how)
        EXPECTED.write_text(text(await shape(connection)), "utf-8")
        await connection.close()
    finally:
        await cluster.stop()
        shutil.rmtree(cluster.folder)


if __name__ == "__main__":
    asyncio.run(write())
