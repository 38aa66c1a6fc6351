"""P9: a crash neither skips nor repeats an event, two followers do not, a poison event stops
its projection alone, and a rebuild gives the same bytes."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from ledger import approval, supervision
from ledger.case import Actor, Event
from ledger.errors import Behind
from ledger.loop_thread import LoopThread
from ledger.recorder import LedgerRecorder
from projections import audit_trail, current_state, follow, progress, timeout_alerts
from projections.follow import following
from projections.histories import is_case, is_office
from projections.rebuild import check, rebuild
from tests.projections.conftest import CHEN, HE, LEDGER, PROJECTIONS, ZHOU, instant

BY_NAME = pytest.mark.parametrize("projection", PROJECTIONS, ids=[p.name for p in PROJECTIONS])


class Crash(BaseException):
    """The process ends here."""


async def lived(bureau):
    """A few days of a bureau: several cases side by side, refusals, a new calendar."""
    first = await bureau.received()
    await bureau.complained()
    await bureau.matter()
    await bureau.baselines()
    second = await bureau.accepted("QH-003")
    await bureau.refused(second, "decide", ZHOU, "separation-of-duties", "SOD-1")
    await bureau.at("2025-09-25 09:00")
    await bureau.handed_to(second)
    await bureau.act(
        second, approval.suspend, CHEN, kind="expert-review", planned_days=5,
        approved_by="huang-qiang", notice="5" * 64,
    )  # fmt: skip
    await bureau.finished()
    await bureau.adopt(2025, off=["2025-09-26", "2025-10-01"], work=[], notice="新")
    await bureau.refused(first, "seal", HE, "wrong-stage", "seal.authorising-event")
    await bureau.at("2025-10-09 09:00")
    await bureau.act(second, approval.resume, CHEN, kind="expert-review", result="6" * 64)
    await bureau.received("QH-001")


async def settled(bureau, projection):
    """The rows after following to the end in one go: what everything else is compared with."""
    await bureau.follow(projection)
    return await bureau.rows(projection)


async def fresh(bureau, projection):
    """Forget everything that was followed."""
    async with bureau.pool.acquire() as connection:
        for statement in projection.remove.values():
            await connection.execute(statement, LEDGER, 1)
        await connection.execute(follow.SQL["forget"], LEDGER, 1, projection.name)


def crashing(projection, at, before):
    """The projection, ending the process around its n-th batch."""
    calls = 0

    async def apply(connection, batch):
        nonlocal calls
        calls += 1
        if calls == at and before:
            raise Crash
        await projection.apply(connection, batch)
        if calls == at:
            raise Crash

    return replace(projection, apply=apply)


@BY_NAME
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_crash_around_any_batch_neither_skips_nor_repeats(bureau, projection, before):
    await lived(bureau)
    expected = await settled(bureau, projection)
    await fresh(bureau, projection)

    at = crashes = 0
    while True:
        at = at + 1
        follower = bureau.follower(crashing(projection, at, before))
        await follower.begin()
        try:
            for sequence in follower.sequences:
                while await follower.step(sequence, 7):
                    pass
        except Crash:
            crashes += 1
        else:
            break

    assert crashes > 3
    assert expected == await bureau.rows(projection)


async def test_control_progress_in_another_transaction_skips_events(bureau, monkeypatch):
    projection = audit_trail.PROJECTION
    await lived(bureau)
    expected = await settled(bureau, projection)
    await fresh(bureau, projection)

    async def saved_first(connection, batch):
        async with bureau.pool.acquire() as other:
            await other.execute(
                "UPDATE projections.progress SET next_position = $1 WHERE sequence = $2",
                batch.end,
                f"{LEDGER}.open" if batch.refusals else LEDGER,
            )
        raise Crash

    unlocked = {**follow.SQL, "hold": "SELECT 1 AS generation, $1::text, $2::text, $3::integer"}
    monkeypatch.setattr(follow, "SQL", unlocked)
    follower = bureau.follower(replace(projection, apply=saved_first))
    await follower.begin()
    with pytest.raises(Crash):
        await follower.step(LEDGER, 7)
    await bureau.follow(projection, limit=7)

    assert expected != await bureau.rows(projection)


@BY_NAME
async def test_how_events_are_cut_into_batches_does_not_matter(bureau, projection):
    await lived(bureau)
    expected = await settled(bureau, projection)

    for limit in (1, 2, 13):
        await fresh(bureau, projection)
        await bureau.follow(projection, limit=limit)

        assert expected == await bureau.rows(projection)


@BY_NAME
async def test_refusals_may_be_followed_before_or_after_the_ledger(bureau, projection):
    await lived(bureau)
    expected = await settled(bureau, projection)
    await fresh(bureau, projection)

    follower = bureau.follower(projection)
    await follower.begin()
    for sequence in reversed(follower.sequences):
        while await follower.step(sequence):
            pass

    assert expected == await bureau.rows(projection)


@BY_NAME
async def test_two_followers_at_once_apply_every_event_once(bureau, projection):
    await lived(bureau)
    expected = await settled(bureau, projection)
    await fresh(bureau, projection)
    applied: list[tuple[bool, int]] = []

    async def counting(connection, batch):
        await projection.apply(connection, batch)
        applied.extend((batch.refusals, e.position) for e in batch.events)

    counted = replace(projection, apply=counting)

    async def one():
        follower = bureau.follower(counted)
        await follower.begin()
        end = {r["ledger"]: r["size"] for r in await bureau.pool.fetch(follow.SQL["sizes"], LEDGER)}
        for sequence in follower.sequences:
            while follower.at(sequence) < end[sequence]:
                await follower.step(sequence, 3)

    await asyncio.gather(one(), one(), one())

    assert len(applied) == len(set(applied))
    assert expected == await bureau.rows(projection)


async def test_who_has_the_place_is_not_waited_for(bureau):
    await bureau.received()
    follower = bureau.follower(current_state.PROJECTION)
    await follower.begin()
    async with bureau.pool.acquire() as connection, connection.transaction():
        assert 1 == await connection.fetchval(follow.SQL["hold"], LEDGER, "current_state", None)

        assert 0 == await follower.step(LEDGER)

    assert 0 < await follower.step(LEDGER)


# -- poison ---------------------------------------------------------------------------------


def poisoned(projection, position):
    async def apply(connection, batch):
        await projection.apply(connection, batch)
        if any(e.position == position for e in batch.events):
            raise KeyError("陈志")  # a value that nobody may find in a log

    return replace(projection, apply=apply)


async def reached(bureau, projections, patience_s=5.0):
    names = [p.name for p in projections]
    await progress.at_head(bureau.reads, LEDGER, names, patience_s=patience_s)


async def test_a_poison_event_stops_its_projection_alone_and_says_where(bureau, monkeypatch):
    monkeypatch.setattr(follow, "RETRY_S", 0.01)
    await bureau.received()
    position = (await bureau.store.head(LEDGER)).size
    await bureau.received()
    await bureau.received()
    bad = poisoned(current_state.PROJECTION, position)
    others = (timeout_alerts.PROJECTION, audit_trail.PROJECTION)

    async with following((bad, *others), LEDGER, bureau.store, bureau.pool):
        await reached(bureau, others)
        async with asyncio.timeout(5):
            while True:
                told = {
                    s["projection"]: s
                    for s in await progress.status(bureau.reads, LEDGER)
                    if s["sequence"] == LEDGER
                }
                if told["current_state"]["failed"]:
                    break
                await asyncio.sleep(0.01)

    failed = told["current_state"]["failed"]
    assert position == failed["position"] == told["current_state"]["position"] + 1
    assert 2 == told["current_state"]["behind"]
    assert "KeyError" in failed["error"]
    assert "陈志" not in failed["error"]
    assert None is told["audit_trail"]["failed"]
    page = await current_state.listed(
        bureau.reads, LEDGER, (("J", "", None),), {}, None, 50, instant("2025-09-22 12:00")
    )
    assert 1 == len(page.items)
    assert position - 1 == page.position

    # The program is corrected: it goes on from there, and the error is gone.
    async with following((current_state.PROJECTION,), LEDGER, bureau.store, bureau.pool):
        await reached(bureau, (current_state.PROJECTION,))
    (now,) = [
        s for s in await progress.status(bureau.reads, LEDGER) if s["projection"] == "current_state"
    ]
    assert now["failed"] is None
    assert 0 == now["behind"]
    assert 3 == len((await bureau.cases()).items)


class Counted:
    """A pool that counts what it is asked for; away, it has no connection to give."""

    def __init__(self, pool, *, away=False):
        self.pool = pool
        self.away = away
        self.asked = 0

    def acquire(self):
        return self.pool.acquire()

    async def fetch(self, *statement):
        self.asked += 1
        if self.away:
            raise ConnectionRefusedError
        return await self.pool.fetch(*statement)


@pytest.mark.parametrize("away", [True, False], ids=["away", "stopped"])
async def test_what_cannot_go_on_waits_between_its_tries(bureau, away):
    await bureau.received()
    position = (await bureau.store.head(LEDGER)).size - 1
    bad = poisoned(current_state.PROJECTION, position)
    pool = Counted(bureau.pool)

    async with following((bad,), LEDGER, bureau.store, pool) as (follower,):
        async with asyncio.timeout(5):
            while follower.at(LEDGER) < position:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
        pool.away = away
        await asyncio.sleep(0.5)
        pool.asked = 0
        await asyncio.sleep(1.0)

    assert 0 < pool.asked < 20


async def test_a_record_that_cannot_be_read_stops_what_reads_it(bureau):
    await bureau.received()
    size = (await bureau.store.head(LEDGER)).size
    unknown = Event(
        stream="uuid:1", version=1, type="library", occurred_at=instant("2025-09-22 09:00"),
        actor=ZHOU, responsibility="administration", data={},
    )  # fmt: skip
    await bureau.append((unknown,))
    page = await bureau.cases()

    assert size == page.position
    assert 1 == len(page.items)


async def test_what_a_program_with_the_library_recorded_is_passed_and_audited(bureau, database):
    guests = LoopThread(database)
    try:
        both = [StoredEvent(name, 1, "topic", b"state") for name in (uuid4(), "账户")]
        ids = LedgerRecorder(guests, LEDGER, "Hall").insert_events(both)
    finally:
        guests.close()
    await bureau.received()

    for projection in PROJECTIONS:
        await bureau.follow(projection)

    told = await progress.status(bureau.reads, LEDGER)
    assert {(0, None)} == {(one["behind"], one["failed"]) for one in told}
    acts = (await bureau.audit("administration", action="library")).items
    assert [id_ - 1 for id_ in ids] == [act["position"] for act in acts]
    assert {"Hall"} == {act["actor"]["client"] for act in acts}
    streams = {row.stream for row in await bureau.store.since(LEDGER, ids[0] - 1, 2)}
    assert not any(is_office(stream) or is_case(stream) for stream in streams)


# -- following ------------------------------------------------------------------------------


async def test_what_is_appended_shows_without_being_asked_for(bureau):
    async with following(PROJECTIONS, LEDGER, bureau.store, bureau.pool):
        await bureau.received()
        await reached(bureau, PROJECTIONS)
        stream = await bureau.received()
        case = await bureau.case(stream)
        await progress.at_least(
            bureau.reads, LEDGER, ["current_state"], case.position, patience_s=5
        )

        page = await current_state.listed(
            bureau.reads, LEDGER, (("J", "", None),), {}, None, 50, instant("2025-09-22 12:00")
        )

    assert case.position <= page.position
    assert 2 == len(page.items)


async def test_losing_every_wake_up_only_takes_a_poll(bureau, monkeypatch):
    monkeypatch.setattr(bureau.store, "grown", lambda ledger, size: None)
    async with following(PROJECTIONS, LEDGER, bureau.store, bureau.pool):
        await reached(bureau, PROJECTIONS)
        await bureau.received()

        await reached(bureau, PROJECTIONS)


async def test_who_asks_for_a_position_that_does_not_come_hears_behind(bureau):
    await bureau.follow(current_state.PROJECTION)

    with pytest.raises(Behind):
        await progress.at_least(bureau.reads, LEDGER, ["current_state"], 10**6, patience_s=0.05)


# -- rebuild --------------------------------------------------------------------------------


@BY_NAME
async def test_a_rebuild_gives_the_same_bytes_and_switches_one_row(bureau, projection):
    await lived(bureau)
    await bureau.follow(projection, limit=5)
    before = await bureau.rows(projection)
    seen: list[tuple[int, int]] = []

    done = await rebuild(
        projection, LEDGER, bureau.store, bureau.pool, lambda n, of: seen.append((n, of))
    )

    assert (True, 2, ()) == (done.same, done.generation, done.differing)
    assert before == await bureau.rows(projection, generation=2)
    assert all(not rows for rows in (await bureau.rows(projection, generation=1)).values())
    assert seen[-1] == (done.events, done.events)
    # And it is followed on.
    stream = await bureau.finished()
    applicant = Actor(role="applicant", client="hpj")
    await bureau.act(stream, supervision.evaluate, applicant, grade=2, channel="terminal")
    await bureau.complained()
    await bureau.matter()
    await bureau.baselines("HB")
    await bureau.refused(stream, "claim", applicant, "action-not-allowed")
    await bureau.follow(projection)
    assert before != await bureau.rows(projection, generation=2)
    again = await rebuild(projection, LEDGER, bureau.store, bureau.pool)
    assert (True, 3) == (again.same, again.generation)


async def test_a_row_edited_by_hand_is_found(bureau):
    await lived(bureau)
    await bureau.follow(current_state.PROJECTION)
    assert (await check(current_state.PROJECTION, LEDGER, bureau.store, bureau.pool)).same
    async with bureau.pool.acquire() as connection:
        await connection.execute(
            "UPDATE projections.current_state SET stage = 'closed' WHERE case_no LIKE '%-000001'"
        )

    found = await check(current_state.PROJECTION, LEDGER, bureau.store, bureau.pool)

    assert (False, ("current_state",), 1) == (found.same, found.differing, found.generation)
    mended = await rebuild(current_state.PROJECTION, LEDGER, bureau.store, bureau.pool)
    assert not mended.same
    assert (await check(current_state.PROJECTION, LEDGER, bureau.store, bureau.pool)).same


async def test_a_rebuild_while_acts_are_recorded_and_followed(bureau):
    await lived(bureau)
    stop = asyncio.Event()

    async def acting():
        while not stop.is_set():
            await bureau.received()

    async with following(PROJECTIONS, LEDGER, bureau.store, bureau.pool):
        await reached(bureau, PROJECTIONS)
        task = asyncio.create_task(acting())
        done = [await rebuild(p, LEDGER, bureau.store, bureau.pool) for p in PROJECTIONS]
        stop.set()
        await task
        await reached(bureau, PROJECTIONS)

    assert [True] * len(PROJECTIONS) == [one.same for one in done]
    for projection in PROJECTIONS:
        assert (await check(projection, LEDGER, bureau.store, bureau.pool)).same


@BY_NAME
async def test_a_rebuild_that_crashed_leaves_nothing_in_the_way(bureau, projection):
    await lived(bureau)
    await bureau.follow(projection)
    before = await bureau.rows(projection)
    broken = crashing(projection, 1, before=False)
    with pytest.raises(Crash):
        await rebuild(broken, LEDGER, bureau.store, bureau.pool)
    assert before == await bureau.rows(projection)

    done = await rebuild(projection, LEDGER, bureau.store, bureau.pool)

    assert (True, 3) == (done.same, done.generation)
    assert before == await bureau.rows(projection, generation=3)
    async with bureau.pool.acquire() as connection:
        kept = await connection.fetch(follow.SQL["generations"], LEDGER, projection.name)
    assert [3] == [row["generation"] for row in kept]


async def test_a_stopped_projection_is_rebuilt_to_the_end_without_a_comparison(bureau):
    await lived(bureau)
    follower = bureau.follower(current_state.PROJECTION)
    await follower.begin()
    await follower.step(LEDGER, 90)
    await follower._stop(LEDGER, ValueError("x"))

    done = await rebuild(current_state.PROJECTION, LEDGER, bureau.store, bureau.pool)

    assert done.same is None
    assert 5 == len((await bureau.cases()).items)


# -- rights -----------------------------------------------------------------------------------


async def test_the_service_reads_projections_and_writes_none(bureau):
    import asyncpg

    tables = {table for p in PROJECTIONS for table in p.rows} | {"shown", "progress"}
    for table in tables:
        await bureau.reads.fetch(f"SELECT ledger FROM projections.{table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await bureau.reads.execute(f"DELETE FROM projections.{table}")
