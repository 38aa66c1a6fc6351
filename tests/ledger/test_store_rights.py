"""What the service's role may do in the database: read, and call a short list of functions."""

import asyncpg
import pytest

from ledger.database import Role
from tests.ledger.appending import LEDGER, command
from tests.ledger.test_store_order import single

TABLES = ("head", "clock", "stream", "event", "event_0000", "idempotency", "register")
WRITES = (
    "INSERT INTO ledger.{0} (ledger) VALUES ('x')",
    "UPDATE ledger.{0} SET ledger = 'x'",
    "DELETE FROM ledger.{0}",
    "TRUNCATE ledger.{0}",
    "SELECT ledger FROM ledger.{0} FOR UPDATE",
    "SELECT ledger FROM ledger.{0} FOR KEY SHARE",
    "LOCK TABLE ledger.{0} IN ROW SHARE MODE",
    "LOCK TABLE ledger.{0} IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE ledger.{0} DISABLE TRIGGER ALL",
    "DROP TABLE ledger.{0}",
    "VACUUM ledger.{0}",
)
OTHERS = (
    "SELECT ledger.open_ledger('x', 'UTC', now())",
    "SET ROLE ledger_owner",
    "SET ROLE ledger_migrate",
    "SET session_replication_role = replica",
    "CREATE TABLE ledger.mine (x int)",
    "CREATE TABLE public.mine (x int)",
    "CREATE TEMP TABLE mine (x int)",
    "CREATE FUNCTION ledger.now(text, text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "ALTER FUNCTION ledger.append RESET ALL",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY ledger.event TO '/tmp/x'",
)
EVIDENCE = ("append", "next_partition", "now", "set_clock", "take_over")


@pytest.fixture
async def filled(make_store):
    store = await make_store()
    await store.writer(LEDGER).append(command("a", "case:a", 0, registers=("case/%Y",)))
    return store


@pytest.mark.parametrize("table", TABLES)
async def test_no_table_can_be_written_or_locked(filled, connect, table):
    app = await connect(Role.APP)

    for attack in WRITES:
        with pytest.raises(asyncpg.PostgresError) as refused:
            async with app.transaction():
                await app.execute(attack.format(table))
        # VACUUM may not run here at all, and would only warn elsewhere.
        assert refused.value.sqlstate in ("42501", "25001"), attack


async def test_nothing_else_can_be_done_either(filled, connect):
    app = await connect(Role.APP)

    for attack in OTHERS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with app.transaction():
                await app.execute(attack)


async def test_the_functions_it_may_call_are_these(filled, connect):
    found = await (await connect()).fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace"
        " AND has_function_privilege('ledger_app', oid, 'EXECUTE') ORDER BY proname"
    )

    assert set(EVIDENCE) <= {row["proname"] for row in found}
    assert {"open_ledger", "refuse_change"}.isdisjoint({row["proname"] for row in found})


async def test_functions_that_write_are_the_owners_and_look_at_no_path_but_theirs(connect):
    found = await (await connect()).fetch(
        "SELECT proname, proconfig, pg_get_userbyid(proowner) AS owner FROM pg_proc"
        " WHERE pronamespace = 'ledger'::regnamespace AND prosecdef"
    )

    assert {"append", "next_partition", "open_ledger", "set_clock", "take_over"} <= {
        row["proname"] for row in found
    }
    for row in found:
        assert "ledger_owner" == row["owner"]
        assert "search_path=pg_catalog, pg_temp" in row["proconfig"], row["proname"]


async def test_what_a_session_sets_does_not_change_a_byte(filled, connect):
    app = await connect(Role.APP)
    for setting in (
        "TimeZone = 'Pacific/Apia'",
        "DateStyle = 'German'",
        "lc_time = 'C'",
        "client_encoding = 'GB18030'",
        "standard_conforming_strings = off",
        "bytea_output = 'escape'",
        "IntervalStyle = 'sql_standard'",
        "extra_float_digits = -15",
        "search_path = public, pg_temp",
        "row_security = off",
    ):
        await app.execute(f"SET {setting}")

    await app.fetch(filled.queries["append"], *single(await filled.epoch(LEDGER), "case:b"))

    first, second = [row.record for row in await filled.since(LEDGER, 0, 2)]
    assert len(first) - len(b'"case/2026":1') == len(second)
    assert second.startswith(b'{"ledger":"469002","position":1,"recorded_at":"2')
    assert second.endswith(b'Z","registers":{}}\n{}')


@pytest.mark.parametrize("role", [Role.PROJECT, Role.VERIFY])
async def test_who_reads_does_not_append(filled, connect, role):
    reader = await connect(role)
    epoch = await filled.epoch(LEDGER)

    assert 1 == await reader.fetchval("SELECT count(*) FROM ledger.event")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.fetch(filled.queries["append"], *single(epoch, "case:b"))
    for table in TABLES:
        with pytest.raises(asyncpg.PostgresError):
            await reader.execute(f"DELETE FROM ledger.{table}")


async def test_people_with_tools_of_their_own_do_not_see_the_tables(filled, connect):
    reader = await connect(Role.READ)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.fetch("SELECT position FROM ledger.event")


async def test_the_owner_itself_meets_a_tripwire(filled, connect):
    creator = await connect()
    await creator.execute("SET ROLE ledger_owner")

    for table in ("event", "event_0000", "register", "idempotency"):
        for attack in ("UPDATE {} SET ledger = 'x'", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never done"):
                await creator.execute(attack.format(f"ledger.{table}"))
    for table in ("head", "stream"):
        for attack in ("DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never done"):
                await creator.execute(attack.format(f"ledger.{table}"))


async def test_control_an_ordinary_trigger_would_be_stepped_over(filled, connect):
    creator = await connect()
    await creator.execute("ALTER TABLE ledger.event_0000 ENABLE TRIGGER never_changed")
    await creator.execute("SET session_replication_role = replica")

    await creator.execute("DELETE FROM ledger.event_0000")

    assert 0 == await creator.fetchval("SELECT count(*) FROM ledger.event")
