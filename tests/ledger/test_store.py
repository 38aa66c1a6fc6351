"""The append through the writer, on a real PostgreSQL: order, once, all or nothing."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger.errors import Refused, Unavailable
from tests.ledger.appending import LEDGER, command


async def test_positions_are_gapless_and_versions_follow(make_store):
    store = await make_store()
    writer = store.writer(LEDGER)

    done = await asyncio.gather(
        *(writer.append(command(f"k{n}", f"case:{n}", 0)) for n in range(200))
    )

    assert ["appended"] * 200 == [outcome.kind for outcome in done]
    assert list(range(200)) == sorted(outcome.first_position for outcome in done)
    rows = await store.since(LEDGER, 0, 500)
    assert list(range(200)) == [row.position for row in rows]
    assert {1} == {row.version for row in rows}
    assert all(hashlib.sha256(b"\0" + row.record).digest() == row.leaf for row in rows)


async def test_two_writers_take_turns_and_nobody_is_lost(make_store):
    store, other = await make_store(), await make_store()

    done = await asyncio.gather(
        *(
            (store if n % 2 else other).writer(LEDGER).append(command(f"k{n}", f"case:{n}", 0))
            for n in range(300)
        )
    )

    assert list(range(300)) == sorted(outcome.first_position for outcome in done)
    times = [row.recorded_at for row in await store.since(LEDGER, 0, 500)]
    assert sorted(times) == times


async def test_a_guard_that_moved_refuses_alone(make_store):
    store = await make_store()
    writer = store.writer(LEDGER)
    await writer.append(command("seal", "seal:S1", 0))

    guarded = await writer.append(command("k1", "case:a", 0, reads={"seal:S1": 0}))
    kept = await writer.append(command("k2", "case:a", 0, reads={"seal:S1": 1}))

    assert "moved" == guarded.kind
    assert "appended" == kept.kind


async def test_numbers_have_no_gap_and_the_year_of_the_ledgers_zone(make_store):
    eve = datetime(2026, 12, 31, 23, 59, 59, tzinfo=ZoneInfo("Asia/Shanghai"))
    store = await make_store(simulated=eve)
    writer = store.writer(LEDGER)

    before = await writer.append(command("a", "case:a", 0, registers=("case/%Y",)))
    await store.set_clock(LEDGER, eve + timedelta(seconds=1))
    after = [
        await writer.append(command(f"b{n}", f"case:b{n}", 0, registers=("case/%Y",)))
        for n in range(3)
    ]

    assert {"case/2026": 1} == before.registers[0]
    assert [{"case/2027": n} for n in (1, 2, 3)] == [o.registers[0] for o in after]
    assert (await store.number(LEDGER, "case/2027", 2)).stream == "case:b1"
    later = eve + timedelta(days=1)
    assert (3, 3) == await store.counted(LEDGER, "case/2027", later)
    assert (1, 0) == await store.counted(LEDGER, "case/2026", later)
    assert (0, None) == await store.counted(LEDGER, "case/2027", eve)


async def test_an_old_epoch_is_refused(make_store):
    store, other = await make_store(), await make_store()
    await store.writer(LEDGER).append(command("a", "case:a", 0))

    await other.take_over(LEDGER, await other.new_epoch())

    await other.writer(LEDGER).append(command("b", "case:b", 0))
    with pytest.raises(Unavailable, match="took over"):
        await store.writer(LEDGER).append(command("c", "case:c", 0))


async def test_the_clock_of_a_real_ledger_cannot_be_set(make_store):
    store = await make_store()

    with pytest.raises(Refused):
        await store.set_clock(LEDGER, datetime(2030, 1, 1, tzinfo=UTC))


async def test_a_simulated_clock_goes_forward_only_and_runs(make_store):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    store = await make_store(simulated=start)
    await store.set_clock(LEDGER, start + timedelta(days=5))

    with pytest.raises(Refused):
        await store.set_clock(LEDGER, start)

    assert start + timedelta(days=5) <= await store.now(LEDGER) < start + timedelta(days=6)


async def test_position_at_finds_what_was_newest_then(make_store):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    store = await make_store(simulated=start)
    writer = store.writer(LEDGER)
    for n in range(10):
        await store.set_clock(LEDGER, start + timedelta(days=n + 1))
        await writer.append(command(f"k{n}", f"case:{n}", 0))

    found = [await store.position_at(LEDGER, start + timedelta(days=d)) for d in (0, 1, 2, 11)]

    # The clock runs on: what was recorded just after midnight of day 2 is not known at it.
    assert [-1, -1, 0, 9] == found


async def test_the_database_may_go_away_and_come_back(make_store, database, connect):
    store = await make_store()
    writer = store.writer(LEDGER)
    await writer.append(command("a", "case:a", 0))
    creator = await connect()

    await creator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'ledger_app' AND datname = current_database()"
    )
    (first,) = await asyncio.gather(
        writer.append(command("b", "case:b", 0)), return_exceptions=True
    )
    again = await writer.append(command("b", "case:b", 0))

    if isinstance(first, Unavailable):
        assert "store-unavailable" == first.slug
    else:
        assert first.kind in {"appended", "replayed"}
    assert again.kind in {"appended", "replayed"}
    assert 2 == (await store.head(LEDGER)).size
