"""Example ledgers that are set up already: made once for each start, and copied by the tests.

A ledger is set up in a tenth of a second, and its views, checks and first checkpoint take two
more; a copy of the database takes a hundredth.  Nothing is left out: a test gets what a service
left behind that has run for a moment, and the clock goes on from there.
"""

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from api.settings import Settings
from ledger.store import companions
from tests.api import serving
from tests.conftest import LASTING, TEMPLATE, administer, as_creator, copied_from

# By the server, the start and the name of the ledger.
MADE: dict[tuple[str, str, str], "Begun"] = {}


@dataclass(frozen=True)
class Begun:
    """A database to copy, the keys and checkpoints beside it, and the time it is in the ledger."""

    name: str
    folder: Path
    at: datetime


def within_reach(database):
    """Tell whether databases can be copied on its server: not by who only has a URL."""
    return "dsn" not in database.reach and database.creator is not None


async def copied(database, folder, start, ledger):
    """Put a copy of an example ledger in the place of a database, and its keys below a folder."""
    known = database.creator["host"], start, ledger
    if known not in MADE:
        MADE[known] = await _made(database, start, ledger)
    made = MADE[known]
    copied_from(made.name, database)
    shutil.copytree(made.folder, folder, dirs_exist_ok=True)
    at = f"UPDATE ledger.clock SET sim_at = '{made.at.isoformat()}', real_at = clock_timestamp()"
    await as_creator(database, at)


async def _made(database, start, ledger):
    name = f"begun_{os.getpid()}_{len(MADE)}"
    folder = Path(tempfile.mkdtemp(prefix="caseledger-begun-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    there = database.named("postgres")
    administer(there, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    LASTING.append((there, f"DROP DATABASE {name} WITH (FORCE)"))
    host = database.creator["host"]
    own = replace(database.named(name), reach={**there.reach, "host": host, "database": name})
    await serving.initialised(own, folder, start, (ledger,), {})
    settings = Settings(home=folder, **serving.UNHURRIED)
    async with serving.started(settings, own, ledger) as here:
        opened = await here.service.ledger(ledger)
        await here.service.caught_up(ledger, -1)
        for sequence in (ledger, *companions(ledger)):
            head = await here.service.store.head(sequence)
            assert await here.service.publishers[sequence].published(head.size, 30)
        at = await opened.now()
    return Begun(name, folder, at)
