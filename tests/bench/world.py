"""Where the benchmark measures: a cluster of its own on a real disk, durable as in service.

A template is made once: migrated, with the simulated example ledger; each thing measured
begins with a copy of it.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import structlog

import migrations
from api import operate
from api.issuing import OwnIssuer
from api.settings import Settings
from api.setup import initialise
from ledger.account import proposed_folder
from ledger.cluster import Cluster
from ledger.database import Database, Role
from tests.bench.life import ACTS, PEOPLE, Life
from tests.bench.measure import say
from tests.bench.statements import STATEMENTS
from tests.bench.wire import Connection, free_port, reached

LEDGER = "469002"
TEMPLATE = "bench_template"
START = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class World:
    """The cluster, and the keys that its ledgers share."""

    folder: Path
    database: Database
    made: int = 0

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def tokens(self) -> dict[str, str]:
        return {person: self.token(person) for person in PEOPLE}

    def token(self, person: str) -> str:
        return OwnIssuer(self.keys, "caseledger").token(person, person)

    @asynccontextmanager
    async def creator(self, name: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
        connection = await asyncpg.connect(**self.database.named(name).as_creator())
        try:
            yield connection
        finally:
            await connection.close()

    async def copy(self, kind: str) -> Database:
        """A database like the template, of its own name."""
        self.made += 1
        name = f"bench_{kind}_{self.made}"
        async with self.creator("postgres") as connection:
            await connection.execute(
                await connection.fetchval(STATEMENTS["copy_database"], name, TEMPLATE)
            )
        return self.database.named(name)

    async def empty(self, kind: str) -> Database:
        """A database with nothing in it, for somebody else's tables."""
        self.made += 1
        name = f"bench_{kind}_{self.made}"
        async with self.creator("postgres") as connection:
            await connection.execute(await connection.fetchval(STATEMENTS["new_database"], name))
        return self.database.named(name)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Make the cluster and the template; remove both at the end."""
    folder = proposed_folder("bench")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o711)
    try:
        async with Database.embedded(folder / "postgresql", attach=False, progress=say) as own:
            found = World(folder, own)
            async with found.creator("postgres") as connection:
                made = await connection.fetchval(STATEMENTS["new_database"], TEMPLATE)
                await connection.execute(made)
            template = own.named(TEMPLATE)
            async with found.creator(TEMPLATE) as connection:
                await migrations.apply(connection)
                await template.give_passwords(connection)
                await initialise(template, connection, found.keys, LEDGER, simulated=START)
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settings(port: int, checkpoints: Path) -> Settings:
    """Settings as an operator has them, without the limit on how often one person may act."""
    return Settings(
        port=port,
        admin_port=0,
        rate_person=0,
        rate_client=0,
        peer_connections=1_000,
        checkpoints=checkpoints,
    )


@asynccontextmanager
async def service(found: World, database: Database) -> AsyncIterator[int]:
    """Run the service over a database in a process of its own; its port."""
    port = free_port()
    words = [str(found.folder), str(database.reach["database"]), str(port)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.world", *words, env=dict(os.environ)
    )
    try:
        await reached(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _serve(folder: Path, name: str, port: int) -> None:
    database = Database.attached(Cluster(folder / "postgresql")).named(name)
    at = operate.Home(folder, folder / "keys")
    # Each copy of the template goes on by itself: their logs are forks of each other.
    chosen = settings(port, folder / "checkpoints" / name)
    async with operate.until_asked() as asked, operate.served(chosen, at, database):
        await asked.wait()


async def walked(found: World, database: Database, cases: int, acts: int = len(ACTS)) -> None:
    """Walk some cases through their lives over HTTP, or through the first acts of one."""
    async with service(found, database) as port:
        connection = await Connection.to(port)
        life = Life(connection, f"/v1/ledgers/{LEDGER}", found.tokens, durable=True)
        for _ in range((cases - 1) * len(ACTS) + acts):
            await life.act()
        await caught_up(connection)
        connection.close()


async def caught_up(connection: Connection) -> int:
    """Wait until every view shows all there is; how many events the slowest was behind at first."""
    first = late = await _behind(connection)
    while late:
        await asyncio.sleep(0.2)
        late = await _behind(connection)
    return first


async def _behind(connection: Connection) -> int:
    answer = await connection.ask("GET", "/readyz", {"Accept": "application/json"})
    views = answer.json()["ledgers"][LEDGER]["views"]
    return max(int(view["behind"]) for view in views)


def main() -> None:
    """Serve, as a process of the benchmark."""
    import uvloop

    folder, name, port = sys.argv[1:]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(folder), name, int(port)))


__all__ = ["LEDGER", "Role", "World", "caught_up", "service", "walked", "world"]

if __name__ == "__main__":
    main()
