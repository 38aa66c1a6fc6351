"""Positions, versions and official numbers have no gap, and times follow the positions."""

import asyncio
import json
import sys
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.database import Role
from ledger.errors import Corrupt, LedgerError
from ledger.queries import load
from ledger.records import split
from tests.ledger.appending import LEDGER, altered, command, waits_for_a_lock

CONTROLS = load(Path(__file__).with_name("controls.sql"))
ROOT = Path(__file__).parents[2]
LOCK = "FOR NO KEY UPDATE"


async def eight_writers(database, count=60):
    """Let 8 writers in 2 processes write; return what each was answered."""
    how = json.dumps(database.as_role(Role.APP))
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.ledger.many_writers", how, names, str(count)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        for names in ("a,b,c,d", "e,f,g,h")
    ]
    said = [(await process.communicate())[0] for process in processes]
    return [answer for text in said for answer in json.loads(text)]


async def ordered(store, answers):
    """Assert that the ledger has no gap, and holds what was acknowledged and nothing else."""
    assert {"appended", "moved"} >= {a["kind"] for a in answers}
    rows = await store.since(LEDGER, 0, 100_000)
    assert list(range(len(rows))) == [row.position for row in rows]
    assert len(rows) == (await store.head(LEDGER)).size
    times = [row.recorded_at for row in rows]
    assert sorted(times) == times

    versions = defaultdict(list)
    numbers = defaultdict(list)
    for row in rows:
        versions[row.stream].append(row.version)
        for register, number in json.loads(split(row.record)[0])["registers"].items():
            numbers[register].append(number)
    assert all(list(range(1, len(v) + 1)) == v for v in versions.values())
    assert all(list(range(1, len(n) + 1)) == n for n in numbers.values())

    stored = {row.position: row for row in rows}
    appended = [a for a in answers if a["kind"] == "appended"]
    assert len(rows) == len(appended)
    for answer in appended:
        row = stored[answer["position"]]
        assert (row.stream, row.version) == (answer["stream"], answer["version"])
        assert json.loads(split(row.record)[0])["registers"] == answer["registers"][0]


async def test_eight_writers_in_two_processes_leave_no_gap(make_store, database):
    store = await make_store()

    answers = await eight_writers(database)

    assert 8 * 60 == len(answers)
    assert "moved" in {a["kind"] for a in answers}
    await ordered(store, answers)


async def test_control_without_the_lock_they_do(make_store, database, connect):
    store = await make_store()
    await altered(await connect(), LOCK, "")

    answers = await eight_writers(database)

    with pytest.raises(AssertionError):
        await ordered(store, answers)


async def recorded_after_a_wait(store, connect):
    """Append while somebody holds the head; tell when that ended, and the time recorded."""
    holder, creator = await connect(), await connect()
    async with holder.transaction():
        await holder.execute(f"SELECT size FROM ledger.head WHERE ledger = '{LEDGER}' {LOCK}")
        appending = asyncio.create_task(store.writer(LEDGER).append(command("k", "case:k", 0)))
        await waits_for_a_lock(creator)
        released = await creator.fetchval("SELECT clock_timestamp()")
    return released, (await appending).recorded_at


async def test_time_is_taken_after_the_lock(make_store, connect):
    store = await make_store()

    released, recorded = await recorded_after_a_wait(store, connect)

    assert released < recorded


async def test_control_time_taken_before_the_lock_is_too_early(make_store, connect):
    store = await make_store()
    creator = await connect()
    await altered(creator, "greatest(ledger.now(in_ledger), before)", "greatest(now_at, before)")
    await altered(creator, "BEGIN\n", "BEGIN\n    now_at := ledger.now(in_ledger);\n")

    released, recorded = await recorded_after_a_wait(store, connect)

    assert recorded < released


async def test_time_never_goes_back(make_store, connect):
    store = await make_store()
    creator = await connect()
    await store.writer(LEDGER).append(command("a", "case:a", 0))
    ahead = (await store.head(LEDGER)).recorded_at + timedelta(days=1)
    await creator.execute("UPDATE ledger.head SET recorded_at = $1 WHERE size > 0", ahead)

    outcome = await store.writer(LEDGER).append(command("b", "case:b", 0))

    assert ahead == outcome.recorded_at


async def test_a_follower_misses_nothing_while_a_writer_stalls(make_store, connect):
    store = await make_store()
    stalled = await connect(Role.APP)
    query = store.queries["append"]
    transaction = stalled.transaction()
    await transaction.start()
    await stalled.fetch(query, *single(await store.epoch(LEDGER), "case:slow"))

    overtaking = asyncio.create_task(store.writer(LEDGER).append(command("k", "case:fast", 0)))
    await waits_for_a_lock(await connect())
    before = await store.since(LEDGER, 0, 10)
    await transaction.commit()
    await overtaking
    after = await store.since(LEDGER, len(before), 10)

    assert ["case:slow", "case:fast"] == [row.stream for row in before + after]


def single(epoch, stream):
    """The arguments of an append of one event, for who calls it without a writer."""
    return (
        *(LEDGER, epoch, [stream], [b"d"], [1], [stream], [0]),
        *([1], [stream], ["received"], [b"{}"], [], []),
    )


async def test_control_by_a_sequence_a_follower_misses_events(database, connect):
    creator, slow, fast = [await connect() for _ in range(3)]
    await creator.execute(CONTROLS["sequence_table"])
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(CONTROLS["sequence_insert"], "slow")

    await fast.execute(CONTROLS["sequence_insert"], "fast")
    before = await creator.fetch(CONTROLS["sequence_since"], 0)
    await transaction.commit()
    after = await creator.fetch(CONTROLS["sequence_since"], before[-1]["position"])

    assert ["fast"] == [row["text"] for row in [*before, *after]]


async def test_an_append_is_durable_whatever_the_session_says(make_store, connect):
    store = await make_store()
    app = await connect(Role.APP)
    await app.execute("SET synchronous_commit = off")

    async with app.transaction():
        await app.fetch(store.queries["append"], *single(await store.epoch(LEDGER), "case:a"))
        within = await app.fetchval("SHOW synchronous_commit")

    assert "on" == within
    assert "off" == await app.fetchval("SHOW synchronous_commit")


async def test_a_stronger_promise_than_ours_is_kept(make_store, connect):
    store = await make_store()
    app = await connect(Role.APP)
    await app.execute("SET synchronous_commit = remote_apply")

    async with app.transaction():
        await app.fetch(store.queries["append"], *single(await store.epoch(LEDGER), "case:a"))

        assert "remote_apply" == await app.fetchval("SHOW synchronous_commit")


async def test_an_event_of_a_stream_not_read_fails_the_call(make_store, connect):
    store = await make_store()
    app = await connect(Role.APP)
    arguments = list(single(await store.epoch(LEDGER), "case:a"))
    arguments[5] = ["case:b"]

    with pytest.raises(Exception, match="not read") as failed:
        await app.fetch(store.queries["append"], *arguments)

    assert "LG003" == failed.value.sqlstate
    assert 0 == (await store.head(LEDGER)).size


async def test_what_is_there_twice_is_corrupt_and_holds_the_ledger(make_store, connect):
    store = await make_store()
    await (await connect()).execute(CONTROLS["many_events"], LEDGER, 1)
    writer = store.writer(LEDGER)

    with pytest.raises(Corrupt):
        await writer.append(command("a", "case:a", 0))
    with pytest.raises(LedgerError) as held:
        await writer.append(command("b", "case:b", 0))

    assert "integrity-hold" == held.value.slug
    assert 0 == (await store.head(LEDGER)).size
