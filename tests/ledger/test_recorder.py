"""Our ledger as a recorder of the `eventsourcing` library: its own cases, on a real PostgreSQL.

The cases print how long things took; that is kept out of the log.
"""

import contextlib
import gc
import hashlib
import io
import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import asyncpg
import pytest
from eventsourcing.persistence import (
    DataError,
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    StoredEvent,
    Tracking,
)
from eventsourcing.popo import POPOAggregateRecorder
from eventsourcing.tests import application, persistence, projection

from ledger import loop_thread, records
from ledger.database import Role
from ledger.loop_thread import LoopThread
from ledger.recorder import SQL, LedgerAggregateRecorder, LedgerRecorder, LedgerTrackingRecorder
from ledger.store import open_ledger
from projections import progress
from tests.ledger.appending import LEDGER, command
from tests.ledger.test_store_plans import LARGE, SCANNED, filled

COUNTED = """
CREATE TABLE projections.counted (kind text PRIMARY KEY, number bigint NOT NULL);
GRANT SELECT, INSERT, UPDATE ON projections.counted TO ledger_project;
"""


@pytest.fixture
def opened(run, database):
    """The database with an empty ledger in it, and a table for a view of the library's."""

    async def prepare():
        creator = await asyncpg.connect(**database.as_creator())
        await open_ledger(creator, LEDGER, "Asia/Shanghai", None)
        await creator.execute(COUNTED)
        await creator.close()

    run(prepare())
    yield database
    # Whatever was not closed closes itself when nobody can reach it any more.
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == loop_thread.__name__:
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def make_loop(opened):
    """Makes loops with connections of their own, each like a process, and closes them."""
    made = []

    def make():
        made.append(LoopThread(opened))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def environment(opened, tmp_path, monkeypatch):
    """What an `Application` finds in the environment to reach the ledger."""
    (tmp_path / "postgresql").mkdir()
    shutil.copy(opened.folder / "roles", tmp_path / "postgresql")
    app = opened.as_role(Role.APP)
    where = f"{app['database']}?host={quote(str(app['host']))}&port={app['port']}"
    url = f"postgresql://{app['user']}:{quote(app['password'])}@/{where}"
    monkeypatch.setenv("CASELEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("CASELEDGER_DATABASE_URL", url)
    monkeypatch.setenv("PERSISTENCE_MODULE", "ledger.recorder")
    monkeypatch.setenv("LEDGER_NAME", LEDGER)


# -- the library's cases ------------------------------------------------------------------------


class Quiet:
    """Keeps what a case prints out of the log."""

    @pytest.fixture(autouse=True)
    def _quiet(self):
        with contextlib.redirect_stdout(io.StringIO()):
            yield


class OnOurLedger(Quiet):
    @pytest.fixture(autouse=True)
    def _given(self, make_loop):
        self.loop = make_loop()


class Configured(Quiet):
    @pytest.fixture(autouse=True)
    def _configured(self, environment):
        pass


class TestStreams(OnOurLedger, persistence.AggregateRecorderTestCase):
    def create_recorder(self):
        return LedgerAggregateRecorder(self.loop, LEDGER)


class TestStreamsOfTextIds(TestStreams):
    def new_originator_id(self):
        return f"账户 {uuid.uuid4()}"


class TestStreamsFromZero(TestStreams):
    INITIAL_VERSION = 0


class TestTheSequence(OnOurLedger, persistence.ApplicationRecorderTestCase):
    def create_recorder(self):
        return LedgerRecorder(self.loop, LEDGER)

    def test_insert_subscribe(self):
        self.optional_test_insert_subscribe()


class TestCallsDoNotInterleave(OnOurLedger, persistence.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self):
        return LedgerRecorder(self.loop, LEDGER)


class TestTracking(OnOurLedger, persistence.TrackingRecorderTestCase):
    def create_recorder(self):
        return LedgerTrackingRecorder(self.loop, LEDGER, "view")


# Its last case asks for a deprecated name and looks whether it is warned.
@pytest.mark.filterwarnings("always:'log' is deprecated:DeprecationWarning")
class TestApplication(Configured, application.ApplicationTestCase):
    pass


class TestExampleApplication(Configured, application.ExampleApplicationTestCase):
    expected_factory_topic = "ledger.recorder:LedgerFactory"


class Counted(LedgerTrackingRecorder, projection.EventCountersView):
    """A view of the library's whose rows are written with its place."""

    def incr_created_event_counter(self, tracking):
        self.within(lambda connection: self._count(connection, tracking, "created"))

    def incr_subsequent_event_counter(self, tracking):
        self.within(lambda connection: self._count(connection, tracking, "subsequent"))

    def get_created_event_counter(self):
        return self.within(lambda connection: self._counted(connection, "created"))

    def get_subsequent_event_counter(self):
        return self.within(lambda connection: self._counted(connection, "subsequent"))

    async def _count(self, connection, tracking, kind):
        await connection.execute(
            "INSERT INTO projections.counted AS c VALUES ($1, 1)"
            " ON CONFLICT (kind) DO UPDATE SET number = c.number + 1",
            kind,
        )
        await self.advance(connection, tracking)

    async def _counted(self, connection, kind):
        asked = "SELECT coalesce(max(number), 0) FROM projections.counted WHERE kind = $1"
        return await connection.fetchval(asked, kind)


class TestView(OnOurLedger, projection.EventCountersViewTestCase):
    def construct_event_counters_view(self):
        return Counted(self.loop, LEDGER, "view")


class TestProjection(Configured, projection.AggregateEventCountersProjectionTestCase):
    view_class = Counted


# -- and ours -----------------------------------------------------------------------------------


def stored(originator_id, version, *, topic="topic", state=b"state"):
    return StoredEvent(originator_id, version, topic, state)


def appended(loop, stream, version):
    """Append an event of a case beside the library's; return its position."""
    one = command(f"{stream}/{version}", stream, version)
    return loop.wait(loop.store.writer(LEDGER).append(one)).first_position


@pytest.fixture
def recorder(make_loop):
    return LedgerRecorder(make_loop(), LEDGER, "Hall")


def rows(recorder):
    return recorder._loop.wait(recorder._store.since(LEDGER, 0, 1_000))


def test_an_event_of_the_librarys_is_a_record_like_any_other(recorder):
    ticket = uuid.uuid4()

    recorder.insert_events([stored(ticket, 1, topic="ticket", state=b"\x00\xff")])

    (row,) = rows(recorder)
    event = records.decode(row)
    assert hashlib.sha256(b"\0" + row.record).digest() == row.leaf
    assert records.split(row.record)[1] == records.encode(event)
    assert (f"uuid:{ticket}", 1, "library") == (event.stream, event.version, event.type)
    assert (row.position, row.recorded_at) == (event.position, event.recorded_at)
    assert ("system", "Hall") == (event.actor.kind, event.actor.client)
    assert "administration" == event.responsibility
    assert {
        "originator_id": str(ticket),
        "originator_version": 1,
        "topic": "ticket",
        "state": "AP8=",
    } == event.data


def test_beside_cases_it_is_shown_its_own_events_and_ids_stay_positions(recorder):
    ticket = uuid.uuid4()
    appended(recorder._loop, "case:a", 0)
    first = recorder.insert_events([stored(ticket, 1), stored("账户", 0, topic="other")])
    appended(recorder._loop, "case:a", 1)
    second = recorder.insert_events([stored(ticket, 2)])
    newest = appended(recorder._loop, "case:b", 0)

    told = recorder.select_notifications(None, 10)

    assert [2, 3, 5] == [*first, *second] == [one.id for one in told]
    assert [1, 2, 4] == [row.position for row in rows(recorder) if row.type == "library"]
    assert [ticket, "账户", ticket] == [one.originator_id for one in told]
    assert [3] == [one.id for one in recorder.select_notifications(1, 10, topics=["other"])]
    assert [3] == [
        one.id for one in recorder.select_notifications(2, 9, 4, inclusive_of_start=False)
    ]
    assert newest + 1 == 6 == recorder.max_notification_id()


def test_a_case_in_between_is_no_obstacle_to_a_subscription(recorder):
    ticket = uuid.uuid4()
    with recorder.subscribe(gt=recorder.max_notification_id(), topics=["called"]) as subscription:
        appended(recorder._loop, "case:a", 0)
        recorder.insert_events([stored(ticket, 1, topic="drawn")])
        appended(recorder._loop, "case:a", 1)
        recorder.insert_events([stored(ticket, 2, topic="called")])

        assert 4 == next(subscription).id


def test_a_text_and_a_uuid_that_look_alike_are_two_streams(recorder):
    ticket = uuid.uuid4()

    recorder.insert_events([stored(ticket, 1), stored(str(ticket), 1)])

    assert [stored(ticket, 1)] == recorder.select_events(ticket)
    assert [stored(str(ticket), 1)] == recorder.select_events(str(ticket))


@pytest.mark.parametrize("first", [0, 1, 7])
def test_where_the_library_began_to_count_is_in_the_first_record(make_loop, first):
    ticket = uuid.uuid4()
    history = [stored(ticket, first + n) for n in range(6)]
    LedgerRecorder(make_loop(), LEDGER).insert_events(history[:2])
    other = LedgerRecorder(make_loop(), LEDGER)

    other.insert_events(history[2:])

    assert [1, 2, 3, 4, 5, 6] == [row.version for row in rows(other)]
    assert history == other.select_events(ticket)
    for gt, lte, limit in itertools.product(
        (None, first - 1, first + 2), (None, first + 4), (None, 2)
    ):
        fits = [
            one
            for one in history
            if (gt is None or one.originator_version > gt)
            and (lte is None or one.originator_version <= lte)
        ]
        asked = {"gt": gt, "lte": lte, "limit": limit}
        assert fits[:limit] == other.select_events(ticket, **asked)
        assert fits[::-1][:limit] == other.select_events(ticket, desc=True, **asked)


@pytest.mark.parametrize("versions", [(1,), (4,), (3, 5), (4, 3), (3, 3)])
def test_a_version_that_is_not_the_next_one_is_refused_whole(recorder, versions):
    ticket, other = uuid.uuid4(), uuid.uuid4()
    recorder.insert_events([stored(ticket, 1), stored(ticket, 2)])

    with pytest.raises(IntegrityError):
        recorder.insert_events([stored(other, 1), *(stored(ticket, v) for v in versions)])

    assert 2 == recorder.max_notification_id()
    assert [] == recorder.select_events(other)


def test_of_two_who_saw_the_same_one_is_refused(make_loop):
    ticket = uuid.uuid4()
    both = [LedgerRecorder(make_loop(), LEDGER) for _ in range(2)]
    both[0].insert_events([stored(ticket, 1)])
    together = threading.Barrier(2)

    def save(recorder):
        refused = 0
        for version in range(2, 20):
            together.wait()
            try:
                recorder.insert_events([stored(ticket, version)])
            except IntegrityError:
                refused += 1
        return refused

    with ThreadPoolExecutor(2) as threads:
        refused = sum(threads.map(save, both))

    assert 18 == refused
    assert list(range(1, 20)) == [e.originator_version for e in both[0].select_events(ticket)]


@pytest.mark.parametrize(
    "one",
    [
        stored("a", 1, state=b"x" * 45_000),
        stored("a\0", 1),
        stored("\ud800", 1),
        stored("a", 2**53),
        stored("a", 1, topic="\0"),
    ],
    ids=[
        "too large",
        "NUL in the id",
        "a lone surrogate",
        "too high a version",
        "NUL in the topic",
    ],
)
def test_what_no_record_can_hold_is_refused_whole(recorder, one):
    with pytest.raises(DataError):
        recorder.insert_events([stored("b", 1), one])

    assert recorder.max_notification_id() is None


def test_any_bytes_come_back_as_they_were(recorder):
    whole = stored("a", 1, topic="票", state=bytes(range(256)) * 167 + b"x" * 248)
    assert 43_000 == len(whole.state)

    recorder.insert_events([whole])

    assert [whole] == recorder.select_events("a")


def test_a_subscription_hears_of_another_process_at_the_next_poll(make_loop):
    here, there = (LedgerRecorder(make_loop(), LEDGER) for _ in range(2))
    with here.subscribe() as subscription:
        for version in range(1, 4):
            there.insert_events([stored("a", version)])
            assert version == next(subscription).originator_version


def test_a_subscription_goes_on_when_the_database_comes_back(recorder, run, opened):
    with recorder.subscribe() as subscription:
        recorder.insert_events([stored("a", 1)])
        assert 1 == next(subscription).id

        run(cut(opened))
        while True:
            with contextlib.suppress(OperationalError):
                recorder.insert_events([stored("a", 2)])
                break

        assert 2 == next(subscription).id


async def cut(database):
    creator = await asyncpg.connect(**database.as_creator())
    await creator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'ledger_app' AND datname = current_database()"
    )
    await creator.close()


def test_closing_ends_a_subscription_that_waits(make_loop):
    loop = make_loop()
    recorder = LedgerRecorder(loop, LEDGER)
    subscription = recorder.subscribe()
    with ThreadPoolExecutor(1) as threads, subscription:
        waiting = threads.submit(next, subscription)

        loop.close()

        with pytest.raises(InterfaceError):
            waiting.result()
    with pytest.raises(InterfaceError):
        recorder.insert_events([stored("a", 1)])
    with pytest.raises(InterfaceError):
        recorder.max_notification_id()


def test_what_was_begun_when_it_is_closed_is_finished(make_loop):
    loop, other = make_loop(), LedgerRecorder(make_loop(), LEDGER)
    recorder = LedgerRecorder(loop, LEDGER)
    begun = threading.Barrier(9)

    def save(_):
        begun.wait()
        told = []
        with contextlib.suppress(InterfaceError):
            while True:
                told += recorder.insert_events([stored(uuid.uuid4(), 1)])
        return told

    with ThreadPoolExecutor(8) as threads:
        saving = threads.map(save, range(8))
        begun.wait()
        while (other.max_notification_id() or 0) < 50:
            pass
        loop.close()

    told = sorted(id_ for ids in saving for id_ in ids)
    assert [row.position + 1 for row in rows(other)] == told[:1_000]
    assert other.max_notification_id() == len(told)


def test_progress_moves_forward_only_whoever_moves_it(make_loop):
    both = [LedgerTrackingRecorder(make_loop(), LEDGER, "view") for _ in range(2)]

    def note(tracker):
        noted = 0
        for number in range(1, 40):
            with contextlib.suppress(IntegrityError):
                tracker.insert_tracking(Tracking("Hall", number))
                noted += 1
        return noted

    with ThreadPoolExecutor(2) as threads:
        noted = sum(threads.map(note, both))

    assert 39 >= noted
    assert 39 == both[0].max_tracking_id("Hall")
    assert LedgerTrackingRecorder(both[0]._loop, LEDGER, "other").max_tracking_id("Hall") is None
    assert LedgerTrackingRecorder(both[0]._loop, "469003", "view").max_tracking_id("Hall") is None


def test_rows_and_progress_of_a_view_are_written_together_or_not_at_all(make_loop):
    view = Counted(make_loop(), LEDGER, "view")
    view.incr_created_event_counter(Tracking("Hall", 5))

    with pytest.raises(IntegrityError):
        view.incr_created_event_counter(Tracking("Hall", 5))

    assert 1 == view.get_created_event_counter()
    assert 5 == view.max_tracking_id("Hall")


def test_the_librarys_progress_is_not_taken_for_a_projection_of_ours(make_loop, run, opened):
    view = LedgerTrackingRecorder(make_loop(), LEDGER, "current_state")
    view.insert_tracking(Tracking("Hall", 5))

    async def told():
        reads = await asyncpg.connect(**opened.as_role(Role.APP))
        try:
            return await progress.status(reads, LEDGER)
        finally:
            await reads.close()

    assert () == run(told())


def test_a_program_that_does_not_close_ends_quietly_all_the_same(environment, recorder):
    program = (
        "from eventsourcing.application import Application\n"
        "from eventsourcing.domain import Aggregate\n"
        "hall = Application()\n"
        "hall.save(Aggregate())\n"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", program],
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)
    assert 1 == recorder.max_notification_id()


@pytest.mark.parametrize("name", ["", "469003", f"{LEDGER}.open"])
def test_only_a_ledger_that_is_there_is_written_to(environment, name):
    with pytest.raises(InfrastructureFactoryError):
        InfrastructureFactory.construct({**os.environ, "LEDGER_NAME": name})


def test_without_a_database_it_says_so(tmp_path):
    environment = {"PERSISTENCE_MODULE": "ledger.recorder", "CASELEDGER_HOME": str(tmp_path)}

    with pytest.raises(InfrastructureFactoryError, match="is the service up"):
        InfrastructureFactory.construct(environment | {"LEDGER_NAME": LEDGER})


def test_events_and_tracking_are_not_recorded_together(environment, recorder):
    with contextlib.closing(InfrastructureFactory.construct(dict(os.environ))) as factory:
        with pytest.raises(NotSupportedError):
            factory.process_recorder()
        assert isinstance(factory.aggregate_recorder("snapshots"), POPOAggregateRecorder)
        assert isinstance(factory.aggregate_recorder(), LedgerAggregateRecorder)
    with pytest.raises(NotSupportedError):
        recorder.insert_events([stored("a", 1)], tracking=Tracking("Hall", 1))


@pytest.mark.parametrize("size", [0, LARGE])
def test_what_it_reads_is_read_by_index(run, opened, size):
    async def plans():
        creator = await asyncpg.connect(**opened.as_creator())
        await filled(creator, size)
        await creator.execute("SET plan_cache_mode = force_generic_plan")
        for name, query in SQL.items():
            nothing = ", ".join("NULL" for _ in set(re.findall(r"\$\d", query)))
            await creator.execute(f"PREPARE {name}_ AS {query}")
            yield name, await creator.fetch(f"EXPLAIN EXECUTE {name}_ ({nothing})")
        await creator.close()

    async def told():
        return {name: "\n".join(row[0] for row in rows) async for name, rows in plans()}

    for name, plan in run(told()).items():
        assert [] == SCANNED.findall(plan), f"{name}:\n{plan}"
