"""The connections that views are read and written over, each planned for what it is used for."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from ledger.database import Database, Reach, Role

# A list has many filters and few are used: it is planned for those, not for all that might be.
FOR_LISTS = {"plan_cache_mode": "force_custom_plan", "jit": "off", "work_mem": "16MB"}
# What is read whole is joined by hash, also where the tables have just been filled and their
# statistics say that they are empty.
FOR_WHOLES = {**FOR_LISTS, "enable_nestloop": "off"}
# How many connections each opens at most: the limit of the role is for two services and a rebuild
# (0022).
VIEWS, READS, WHOLES = 8, 8, 3


@dataclass(frozen=True, slots=True)
class Pools:
    """Rows that can be made again, never the truth: who reads much keeps no view waiting."""

    views: Reach
    reads: Reach
    wholes: Reach


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Pools]:
    """Connect for what follows the ledger, for lists, and for what reads tables whole."""
    async with AsyncExitStack() as stack:

        async def reach(size: int, settings: dict[str, str]) -> Reach:
            found = Reach(await database.pool(Role.PROJECT, size=size, settings=settings))
            stack.push_async_callback(found.close)
            return found

        yield Pools(
            await reach(VIEWS, {}), await reach(READS, FOR_LISTS), await reach(WHOLES, FOR_WHOLES)
        )
