"""The shape of the database is written down, and whatever differs is named."""

import pytest

from ledger.database import Role
from ledger.shape import GUARDS, RIGHTS, TABLES, differences, expected, shape
from tests.ledger import shape as writing

ALL = RIGHTS | GUARDS | TABLES
# What the service may call: written by hand from DECISIONS 13, so that no migration adds to it
# without somebody having said so here.
MAY_CALL = {
    "append", "integrate", "keep_cosignature", "keep_time_stamp", "next_partition", "now",
    "publish", "set_clock", "take_over",
}  # fmt: skip
EVIDENCE = {
    "checkpoint", "clock", "cosignature", "event", "head", "idempotency", "log", "migration",
    "register", "stream", "tile", "time_stamp",
}  # fmt: skip
WRITES = {"INSERT", "UPDATE", "DELETE", "TRUNCATE", "MAINTAIN"}


async def test_the_file_is_what_the_migrations_make(connect):
    found = await shape(await connect(Role.APP))

    assert writing.text(found).splitlines() == sorted(expected().lines), (
        "python -m tests.ledger.shape writes it; read the difference before you keep it"
    )
    assert [] == differences(found, expected(), ALL)


def granted():
    for line in expected().of(RIGHTS):
        _, place, who, rights = line.split(" | ")
        yield place, who, set(rights.split())


def test_the_service_calls_these_functions_and_no_other():
    called = {place for place, who, _ in granted() if who == "ledger_app" and "(" in place}

    assert MAY_CALL == {place.partition("(")[0].removeprefix("ledger.") for place in called}


def test_nobody_writes_evidence_and_public_has_nothing():
    for place, who, rights in granted():
        assert who != "PUBLIC", place
        if place.removeprefix("ledger.") in EVIDENCE:
            assert {"SELECT"} == rights, (place, who)
        if place.startswith("ledger.") and "(" not in place and who == "ledger_app":
            assert not WRITES & rights or place.startswith("ledger.import"), place


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE FUNCTION ledger.x() RETURNS int LANGUAGE sql AS 'SELECT 1'", "not ours function"),
        ("ALTER FUNCTION ledger.now(text) OWNER TO postgres", "function | ledger.now"),
        ("ALTER FUNCTION ledger.append SECURITY INVOKER", "function | ledger.append"),
        ("ALTER FUNCTION ledger.append RESET search_path", "function | ledger.append"),
        ("DROP TRIGGER never_changed ON ledger.tile", "missing trigger | ledger.tile"),
        ("CREATE RULE r AS ON INSERT TO ledger.tile DO INSTEAD NOTHING", "rule | ledger.tile"),
        ("ALTER TABLE ledger.register ALTER number TYPE numeric", "column | ledger.register"),
        ("ALTER TABLE ledger.head DROP CONSTRAINT size_is_not_negative", "missing constraint"),
        ("ALTER TABLE ledger.head OWNER TO postgres", "table | ledger.head"),
        ("UPDATE pg_index SET indisvalid = false WHERE indrelid = 'ledger.tile'::regclass",
         "INVALID"),
        ("DROP TABLE ledger.event_0000", "missing column | ledger.event_0000"),
    ],
)  # fmt: skip
async def test_what_was_altered_is_named(connect, statement, told):
    creator = await connect()
    await creator.execute(statement)

    found = differences(await shape(creator), expected(), ALL)

    assert any(told in line for line in found), found


async def test_a_second_partition_is_as_the_first(connect):
    creator = await connect()
    await creator.execute(
        "INSERT INTO ledger.head (ledger, zone, size, recorded_at)"
        " VALUES ('big', 'UTC', 9000000, now())"
    )
    assert 10_000_000 == await creator.fetchval("SELECT ledger.next_partition('big')")
    assert [] == differences(await shape(creator), expected(), ALL)

    await creator.execute("ALTER TABLE ledger.event_0001 ENABLE TRIGGER never_changed")
    await creator.execute("DROP INDEX ledger.event_0001_one_event_per_version")

    found = differences(await shape(creator), expected(), ALL)
    assert {"event_0001"} == {line.split(" | ")[1].removeprefix("ledger.") for line in found}
    assert 3 == len(found)
