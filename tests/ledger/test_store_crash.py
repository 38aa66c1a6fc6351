"""PostgreSQL killed under writers: what was acknowledged is stored, and nothing else is.

The kill comes at a random instant; a failure prints the seed.  Flushes are on; that they reach
a disk matters to a power cut, not to a kill, so the cluster lies in memory where there is room.
"""

import asyncio
import contextlib
import hashlib
import os
import random
import shutil
import signal
from pathlib import Path

import asyncpg
import pytest

import migrations
from ledger.cluster import Cluster, pid_line
from ledger.database import Database, Role
from ledger.errors import LedgerError, Unavailable, Unknown
from ledger.store import Store, open_ledger
from tests.conftest import new_folder
from tests.ledger.appending import LEDGER, altered, command

CALLERS = 8
ROUNDS = 4


@pytest.fixture
async def durable():
    """A cluster of its own that may be killed, with one ledger."""
    folder = new_folder()
    cluster = Cluster(folder)
    await cluster.start()
    try:
        database = Database.of(cluster)
        await database.make()
        creator = await asyncpg.connect(**database.as_creator())
        await migrations.apply(creator)
        await database.give_passwords(creator)
        await open_ledger(creator, LEDGER, "Asia/Shanghai", None)
        await creator.close()
        yield cluster, database
    finally:
        await cluster.stop()
        shutil.rmtree(folder)


async def act(writer, caller, told, enough):
    """Append one act after another until the database is gone; note what was answered."""
    while not enough.is_set():
        stream = f"case:{caller}-{len(told)}"
        key = f"{caller}-{len(told)}"
        told[key] = (stream, "unknown", None)
        try:
            done = await writer.append(command(key, stream, 0, registers=("case/%Y",)))
        except Unknown:
            return
        except Unavailable:
            told[key] = (stream, "absent", None)
            return
        told[key] = (stream, "stored", done.first_position)


def kill(cluster, whom, chance):
    """Kill the postmaster, or one backend, as the kernel would."""
    postmaster = int(pid_line(cluster.data, 1))
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    backends = [
        int(child)
        for child in children
        if b"ledger_app" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    os.kill(postmaster if whom == "postmaster" else chance.choice(backends), signal.SIGKILL)


async def reached(database):
    """Return once the server takes connections again."""
    while True:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(**database.as_role(Role.APP))
            await connection.close()
            return


async def killed_while_many_write(cluster, database, whom):
    """Kill under load, several times; return what callers were told and what is stored."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    store = Store(database.as_role(Role.APP))
    await store.connect()
    told = {}
    for _ in range(ROUNDS):
        wanted = len(told) + chance.randrange(200, 600)
        enough = asyncio.Event()
        acting = [
            asyncio.create_task(act(store.writer(LEDGER), caller, told, enough))
            for caller in range(CALLERS)
        ]
        while len(told) < wanted:
            await asyncio.wait(acting, timeout=0.001)
        kill(cluster, whom, chance)
        if whom == "postmaster":
            await cluster._gone()
            await cluster._launch()
        await reached(database)
        enough.set()
        await asyncio.gather(*acting)
    rows = await store.since(LEDGER, 0, 1_000_000)
    assert (await store.head(LEDGER)).size == len(rows)
    await store.close()
    return told, rows


def proved(told, rows):
    """Assert that what was acknowledged is at its position, and nothing unsent is there."""
    assert list(range(len(rows))) == [row.position for row in rows]
    assert all(hashlib.sha256(b"\0" + row.record).digest() == row.leaf for row in rows)
    stored = {row.stream: row for row in rows}
    assert {stream for stream, _, _ in told.values()} >= set(stored)
    assert sum(what != "stored" for _, what, _ in told.values()) <= ROUNDS * CALLERS
    for stream, what, position in told.values():
        if what == "stored":
            assert position == stored[stream].position
        if what == "absent":
            assert stream not in stored


@pytest.mark.parametrize("whom", ["backend", "postmaster"])
async def test_what_was_acknowledged_is_stored(durable, whom):
    told, rows = await killed_while_many_write(*durable, whom)

    proved(told, rows)


async def test_control_acknowledged_before_it_is_flushed_it_is_not(durable):
    cluster, database = durable
    creator = await asyncpg.connect(**database.as_creator())
    await altered(creator, "NOT IN ('on', 'remote_apply')", "NOT IN ('off')")
    await altered(creator, "'synchronous_commit', 'on'", "'synchronous_commit', 'off'")
    await creator.close()

    told, rows = await killed_while_many_write(cluster, database, "postmaster")

    with pytest.raises((AssertionError, KeyError)):
        proved(told, rows)


async def test_it_goes_on_when_postgresql_comes_back(durable):
    cluster, database = durable
    store = Store(database.as_role(Role.APP))
    await store.connect()
    writer = store.writer(LEDGER)
    await writer.append(command("a", "case:a", 0))
    await cluster.stop()

    with pytest.raises(LedgerError) as told:
        await writer.append(command("b", "case:b", 0))
    with pytest.raises(Unavailable):
        await store.head(LEDGER)
    await cluster.start()

    assert "store-unavailable" == told.value.slug
    assert "appended" == (await writer.append(command("b", "case:b", 0))).kind
    assert 2 == (await store.head(LEDGER)).size
    await store.close()
