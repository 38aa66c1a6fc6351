"""What callers are told when the database is busy, full, gone, or loses their connection."""

import asyncio

import asyncpg
import pytest

import ledger.writer
from ledger.batch import MAX_COMMANDS
from ledger.database import Role
from ledger.errors import Refused, Unavailable, Unknown
from ledger.store import Store
from tests.ledger.appending import LEDGER, altered, command, waits_for_a_lock
from tests.ledger.gate import SOCKET, Gate
from tests.ledger.test_store_order import LOCK, single


@pytest.fixture
async def gate(database, tmp_path):
    async with Gate(tmp_path, database.as_role(Role.APP)["host"]) as opened:
        yield opened


async def size(store):
    return (await store.head(LEDGER)).size


# -- a connection lost -----------------------------------------------------------------------


async def test_an_answer_lost_on_its_way_is_found_again(make_store, gate):
    store = await make_store(host=str(gate.folder))
    writer = store.writer(LEDGER)
    await writer.append(command("a", "case:a", 0))
    gate.lose = "answer"

    outcome = await writer.append(command("b", "case:b", 0))

    assert ("replayed", 1, 1) == (outcome.kind, outcome.first_position, outcome.events)
    assert 2 == await size(store)


async def test_a_question_lost_on_its_way_stored_nothing_and_says_so(make_store, gate):
    store = await make_store(host=str(gate.folder))
    writer = store.writer(LEDGER)
    await writer.append(command("a", "case:a", 0))
    gate.lose = "question"

    with pytest.raises(Unavailable) as told:
        await writer.append(command("b", "case:b", 0))

    assert "store-unavailable" == told.value.slug
    assert 1 == await size(store)
    assert "appended" == (await writer.append(command("b", "case:b", 0))).kind


async def lost_while_it_waits(make_store, gate, connect, monkeypatch, question):
    """Cut the writer's connection while its append waits for the head.

    The head is released once the store has put its question about what became of it.
    """
    store = await make_store(host=str(gate.folder))
    writer = store.writer(LEDGER)
    await writer.append(command("a", "case:a", 0))
    asked, ask = asyncio.Event(), getattr(store, question)

    async def asking(*arguments):
        found = await ask(*arguments)
        asked.set()
        return found

    monkeypatch.setattr(store, question, asking)
    holder, creator = await connect(), await connect()
    async with holder.transaction():
        await holder.execute(f"SELECT size FROM ledger.head WHERE ledger = '{LEDGER}' {LOCK}")
        appending = asyncio.create_task(writer.append(command("b", "case:b", 0)))
        await waits_for_a_lock(creator)
        gate.cut()
        await asked.wait()
    await asyncio.wait([appending])
    # The backend goes on for a moment after its client has gone.
    while await creator.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE usename = 'ledger_app' AND query LIKE '%ledger.append%' AND state = 'active'"
        "   AND datname = current_database()"
    ):
        pass
    return store, appending


async def test_what_the_server_still_stores_is_not_called_absent(
    make_store, gate, connect, monkeypatch
):
    store, appending = await lost_while_it_waits(make_store, gate, connect, monkeypatch, "ended")

    assert "replayed" == (await appending).kind
    assert 2 == await size(store)


async def test_control_looking_at_once_calls_absent_what_is_stored(
    make_store, gate, connect, monkeypatch
):
    async def at_once(*_):
        return True

    monkeypatch.setattr(Store, "ended", at_once)

    store, appending = await lost_while_it_waits(make_store, gate, connect, monkeypatch, "keys")

    with pytest.raises(Unavailable):
        await appending
    assert 2 == await size(store)


async def test_when_it_does_not_come_back_nothing_is_claimed(make_store, gate, monkeypatch):
    monkeypatch.setattr(ledger.writer, "RECONCILE_S", 0.0)
    store = await make_store(host=str(gate.folder))
    writer = store.writer(LEDGER)
    await writer.append(command("a", "case:a", 0))
    gate.lose = "answer"
    (gate.folder / SOCKET).rename(gate.folder / "away")

    with pytest.raises(Unknown):
        await writer.append(command("b", "case:b", 0))

    (gate.folder / "away").rename(gate.folder / SOCKET)
    assert "replayed" == (await writer.append(command("b", "case:b", 0))).kind


async def test_while_it_is_down_everybody_hears_so_and_then_it_goes_on(make_store, gate):
    store = await make_store(host=str(gate.folder))
    writer = store.writer(LEDGER)
    await writer.append(command("a", "case:a", 0))
    (gate.folder / SOCKET).rename(gate.folder / "away")
    gate.cut()
    while not writer._connection.is_closed():  # noqa: ASYNC110  nobody tells
        await asyncio.sleep(0)

    told = await asyncio.gather(
        *(writer.append(command(f"k{n}", f"case:k{n}", 0)) for n in range(3)),
        store.head(LEDGER),
        return_exceptions=True,
    )
    (gate.folder / "away").rename(gate.folder / SOCKET)

    assert {"store-unavailable"} == {error.slug for error in told}
    assert "appended" == (await writer.append(command("k0", "case:k0", 0))).kind
    assert 2 == await size(store)


# -- the server says no ----------------------------------------------------------------------


async def test_a_lock_held_too_long_is_busy(make_store, connect):
    store = await make_store()
    holder = await connect()
    await altered(holder, "SET lock_timeout TO '2s'", "SET lock_timeout TO '10ms'")
    async with holder.transaction():
        await holder.execute(f"SELECT size FROM ledger.head WHERE ledger = '{LEDGER}' {LOCK}")

        with pytest.raises(Unavailable) as told:
            await store.writer(LEDGER).append(command("a", "case:a", 0))

    assert "busy" == told.value.slug
    assert "appended" == (await store.writer(LEDGER).append(command("a", "case:a", 0))).kind


async def complaining(creator, level, state, message):
    """Let the server complain in the middle of every append."""
    await creator.execute(
        "CREATE FUNCTION public.complain() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN RAISE {level} '{message}' USING ERRCODE = '{state}'; RETURN NEW; END $$"
    )
    await creator.execute("GRANT USAGE ON SCHEMA public TO ledger_owner")
    await creator.execute(
        "CREATE TRIGGER complains BEFORE INSERT ON ledger.idempotency"
        " FOR EACH ROW EXECUTE FUNCTION public.complain()"
    )


@pytest.mark.parametrize(
    ("state", "slug"),
    [
        ("53100", "storage-full"),
        ("53200", "store-unavailable"),
        ("25006", "store-unavailable"),
        ("58030", "store-unavailable"),
    ],
)
async def test_what_the_server_cannot_do_now_can_be_asked_again(make_store, connect, state, slug):
    store = await make_store()
    creator = await connect()
    await complaining(creator, "EXCEPTION", state, "no")

    with pytest.raises(Unavailable) as told:
        await store.writer(LEDGER).append(command("a", "case:a", 0))

    await creator.execute("DROP TRIGGER complains ON ledger.idempotency")
    assert slug == told.value.slug
    assert "appended" == (await store.writer(LEDGER).append(command("a", "case:a", 0))).kind
    assert 1 == await size(store)


async def test_a_standby_not_waited_for_is_no_acknowledgement(make_store, connect):
    store = await make_store()
    heard = []
    store.writer(LEDGER).on_commit.append(heard.extend)
    creator = await connect()
    message = "canceling wait for synchronous replication due to user request"
    await complaining(creator, "WARNING", "01000", message)

    with pytest.raises(Unknown):
        await store.writer(LEDGER).append(command("a", "case:a", 0))

    assert ["case:a"] == [event.stream for event in heard]
    await creator.execute("DROP TRIGGER complains ON ledger.idempotency")
    assert "replayed" == (await store.writer(LEDGER).append(command("a", "case:a", 0))).kind


async def test_a_function_replaced_meanwhile_is_prepared_again(make_store, connect):
    store = await make_store()
    await store.writer(LEDGER).append(command("a", "case:a", 0))

    await altered(await connect(), "BEGIN\n", "BEGIN\n    NULL;\n")

    assert "appended" == (await store.writer(LEDGER).append(command("b", "case:b", 0))).kind


async def test_no_such_ledger(make_store):
    store = await make_store()

    with pytest.raises(Refused):
        await store.writer("469028").append(command("a", "case:a", 0))


# -- room ------------------------------------------------------------------------------------


async def test_the_next_partition_is_made_before_it_is_wanted(make_store, connect):
    store = await make_store()
    creator = await connect()
    await creator.execute(
        "UPDATE ledger.head SET size = 9999999, recorded_at = now() WHERE ledger = $1", LEDGER
    )
    writer = store.writer(LEDGER)

    done = [await writer.append(command(f"k{n}", f"case:{n}", 0)) for n in range(2)]

    assert [9_999_999, 10_000_000] == [outcome.first_position for outcome in done]
    parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'ledger.event'::regclass"
    assert 2 == await creator.fetchval(parts)
    assert await store.next_partition(LEDGER) is None


async def test_a_missing_partition_is_made_when_it_is_wanted(make_store, connect):
    store = await make_store()
    await (await connect()).execute(
        "UPDATE ledger.head SET size = 10000000, recorded_at = now() WHERE ledger = $1", LEDGER
    )

    outcome = await store.writer(LEDGER).append(command("a", "case:a", 0))

    assert 10_000_000 == outcome.first_position


async def test_every_partition_has_its_guard_and_its_tripwire(make_store, connect):
    store = await make_store()
    creator = await connect()
    await creator.execute(
        "UPDATE ledger.head SET size = 10000000, recorded_at = now() WHERE ledger = $1", LEDGER
    )
    await store.writer(LEDGER).append(command("a", "case:a", 0))
    await creator.execute("SET session_replication_role = replica")

    for part in ("event", "event_0000", "event_0001"):
        for attack in ("UPDATE {} SET version = 9", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never done"):
                await creator.execute(attack.format(f"ledger.{part}"))
    with pytest.raises(asyncpg.UniqueViolationError, match="one_event_per_version"):
        await creator.execute(
            "INSERT INTO ledger.event (ledger, position, stream, version, type, recorded_at,"
            " record) VALUES ($1, 10000001, 'case:a', 1, 'received', now(), 'x')",
            LEDGER,
        )


# -- in the process --------------------------------------------------------------------------


async def test_a_queue_has_a_limit(make_store, monkeypatch):
    monkeypatch.setattr(ledger.writer, "MAX_QUEUE", 5)
    writer = (await make_store()).writer(LEDGER)

    told = await asyncio.gather(
        *(writer.append(command(f"k{n}", f"case:{n}", 0)) for n in range(9)),
        return_exceptions=True,
    )

    assert ["appended"] * 5 == [outcome.kind for outcome in told[:5]]
    assert {"busy"} == {error.slug for error in told[5:]}


async def test_a_caller_who_goes_away_does_not_take_the_act_along(make_store):
    store = await make_store()
    writer = store.writer(LEDGER)
    gone = asyncio.create_task(writer.append(command("a", "case:a", 0)))
    await asyncio.wait([gone], timeout=0)

    gone.cancel()
    await writer.append(command("b", "case:b", 0))

    assert ["case:a", "case:b"] == [row.stream for row in await store.since(LEDGER, 0, 9)]


async def test_who_keeps_something_for_later_is_asked_before_and_told_before_the_caller(
    make_store,
):
    store = await make_store()
    writer = store.writer(LEDGER)
    order = []

    async def before():
        order.append(("before", await size(store)))

    async def after(events):
        order.append(("after", [event.position for event in events], await size(store)))

    writer.before_append.append(before)
    writer.on_commit.append(after)

    order.append(("answered", (await writer.append(command("a", "case:a", 0))).first_position))

    assert [("before", 0), ("after", [0], 1), ("answered", 0)] == order


async def test_what_cannot_be_made_ready_is_not_sent(make_store):
    store = await make_store()
    writer = store.writer(LEDGER)

    async def fails():
        raise Unavailable("storage-full", "no room for keys")

    writer.before_append.append(fails)

    with pytest.raises(Unavailable):
        await writer.append(command("a", "case:a", 0))

    assert 0 == await size(store)


async def test_a_hook_that_fails_afterwards_changes_no_answer(make_store):
    store = await make_store()
    writer = store.writer(LEDGER)
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))

    def fails(_):
        raise ValueError

    writer.on_commit.append(fails)

    outcome = await writer.append(command("a", "case:a", 0))

    asyncio.get_running_loop().set_exception_handler(None)
    assert "appended" == outcome.kind
    assert [ValueError] == [type(what["exception"]) for what in reported]


async def test_followers_are_woken_and_else_look_by_themselves(make_store):
    store = await make_store()
    waiting = asyncio.create_task(store.wait_beyond(LEDGER, 0, poll_s=60))
    await asyncio.wait([waiting], timeout=0)

    await store.writer(LEDGER).append(command("a", "case:a", 0))
    await waiting
    await store.wait_beyond(LEDGER, 0, poll_s=60)
    await store.wait_beyond(LEDGER, 1, poll_s=0)


async def test_a_crowd_on_one_stream_is_served_in_its_order(make_store):
    store = await make_store()
    writer = store.writer(LEDGER)
    crowd = 2 * MAX_COMMANDS

    done = await asyncio.gather(
        *(writer.append(command(f"k{n}", "case:one", 0)) for n in range(crowd))
    )

    assert ["appended"] + ["moved"] * (crowd - 1) == [outcome.kind for outcome in done]


async def test_the_append_of_a_batch_has_every_outcome(make_store, connect):
    store = await make_store()
    await store.writer(LEDGER).append(command("known", "case:a", 0))
    app = await connect(Role.APP)
    new = single(await store.epoch(LEDGER), "case:new")

    rows = await app.fetch(
        store.queries["append"],
        *new[:2],
        ["moved", "known", "new", "known2", "guard"],
        [b"d", b"d", b"d", b"d", b"d"],
        [1, 2, 3, 4, 5, 5],
        ["case:a", "case:k", "case:new", "case:n2", "case:g", "case:a"],
        [0, 0, 0, 0, 0, 7],
        [1, 2, 3, 3, 4, 5],
        ["case:a", "case:k", "case:new", "case:new", "case:n2", "case:g"],
        ["received"] * 6,
        [b"{}"] * 6,
        [1, 2, 3, 4, 4, 5, 6],
        ["r", "r", "r", "r", "q", "r", "r"],
    )

    assert [
        (1, "moved", None, None, None),
        (2, "replayed", 0, 1, None),
        (3, "appended", 1, 2, '[{"r":1},{"q":1,"r":2}]'),
        (4, "appended", 3, 1, '[{"r":3}]'),
        (5, "moved", None, None, None),
    ] == [
        (r["command"], r["outcome"], r["first_position"], r["events"], r["registers"]) for r in rows
    ]
    assert [1, 1, 2, 1] == [row.version for row in await store.since(LEDGER, 0, 9)]
