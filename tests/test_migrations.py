"""Migrations go forward only, alone, and leave a file applied and noted, or neither."""

import asyncio
import inspect
import re

import asyncpg
import pytest

import migrations
from api import pools
from ledger.database import Database, Role
from migrations import MigrationError, apply

ROLES = (migrations.FOLDER / "0001_roles.sql").read_text()
# How many connections `caseledger rebuild` opens at most.
REBUILD = inspect.signature(Database.pool).parameters["size"].default
TABLE = "CREATE TABLE ledger.thing (\n    number bigint NOT NULL\n);\n"


@pytest.fixture
async def empty(origin, worker_id):
    """A database in which nothing was ever applied, and connections to it."""
    name = f"empty_{worker_id}"
    server = await asyncpg.connect(**origin.named("postgres").as_creator())
    await server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    opened = []

    async def connect(role=None):
        database = origin.named(name)
        how = database.as_creator() if role is None else database.as_role(role)
        opened.append(await asyncpg.connect(**how))
        return opened[-1]

    yield connect
    for connection in opened:
        await connection.close()
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.fixture
def folder(tmp_path):
    """A folder that holds 0001 and what a test writes into it."""

    def write(**files):
        (tmp_path / "0001_roles.sql").write_text(ROLES)
        for name, text in files.items():
            (tmp_path / f"{name.removeprefix('n')}.sql").write_text(text)
        return tmp_path

    return write


def test_the_shipped_files_have_no_gap():
    assert migrations.migrations()


@pytest.mark.parametrize("names", [("0001_a", "0003_b"), ("0002_a",), ("0001_a", "0001_b")])
def test_a_gap_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / f"{name}.sql").write_text("SELECT 1;")

    with pytest.raises(MigrationError, match="was expected here"):
        migrations.migrations(tmp_path)


async def test_applied_once(empty, folder):
    connection = await empty()
    said: list[str] = []
    files = folder(n0002_thing=TABLE)

    assert 2 == await apply(connection, said.append, folder=files)
    assert 0 == await apply(connection, said.append, folder=files)
    assert ["applying 0001_roles.sql", "applying 0002_thing.sql"] == said


async def test_a_changed_file_is_refused(empty, folder):
    connection = await empty()
    await apply(connection, folder=folder(n0002_thing=TABLE))

    with pytest.raises(MigrationError, match=r"0002_thing\.sql was changed after it was applied"):
        await apply(connection, folder=folder(n0002_thing=TABLE + "-- and more\n"))


async def test_line_ends_are_no_change(empty, folder):
    connection = await empty()
    await apply(connection, folder=folder(n0002_thing=TABLE))
    files = folder()
    (files / "0002_thing.sql").write_bytes(TABLE.replace("\n", "\r\n").encode())

    assert 0 == await apply(connection, folder=files)


async def test_a_newer_database_is_left_alone(empty, folder):
    connection = await empty()
    files = folder(n0002_thing=TABLE)
    await apply(connection, folder=files)
    (files / "0002_thing.sql").unlink()

    with pytest.raises(MigrationError, match=r"newer than this program: it has 0002_thing\.sql"):
        await apply(connection, folder=files)


async def test_a_failure_names_file_and_line_and_leaves_nothing(empty, folder):
    connection = await empty()
    files = folder(n0002_thing=TABLE + "\nSELECT 1 / 1;\nSELECT wrong FROM ledger.thing;\n")

    with pytest.raises(MigrationError, match=r'^0002_thing\.sql:6: column "wrong" does not exist'):
        await apply(connection, folder=files)

    assert 1 == await connection.fetchval("SELECT max(number) FROM ledger.migration")
    assert await connection.fetchval("SELECT to_regclass('ledger.thing') IS NULL")


async def test_a_failure_frees_the_lock(empty, folder):
    first, second = await empty(), await empty()
    with pytest.raises(MigrationError):
        await apply(first, folder=folder(n0002_thing="SELECT wrong;"))

    assert 1 == await apply(second, folder=folder(n0002_thing=TABLE))


async def test_two_at_once_take_turns_even_around_a_concurrent_index(empty, folder):
    connections = [await empty(), await empty()]
    index = "CREATE INDEX CONCURRENTLY by_number ON ledger.thing (number);"
    files = folder(n0002_thing=TABLE, n0003_index=f"-- migrate: no-transaction\n{index}\n")

    counts = await asyncio.gather(*(apply(each, folder=files) for each in connections))

    assert [0, 3] == sorted(counts)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ledger.by_number'::regclass"
    assert await connections[0].fetchval(valid)


async def test_control_a_concurrent_index_needs_its_mark(empty, folder):
    index = "CREATE INDEX CONCURRENTLY by_number ON ledger.thing (number);"

    with pytest.raises(MigrationError, match="cannot run inside a transaction block"):
        await apply(await empty(), folder=folder(n0002_thing=TABLE, n0003_index=index))


async def test_what_is_made_belongs_to_the_owner(empty, folder):
    connection = await empty()
    await apply(connection, folder=folder(n0002_thing=TABLE))

    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'ledger'"
    assert ["ledger_owner"] == [row["tableowner"] for row in await connection.fetch(owners)]


async def test_later_files_need_no_creator(empty, folder):
    await apply(await empty(), folder=folder())
    migrate = await empty(Role.MIGRATE)

    assert 1 == await apply(migrate, folder=folder(n0002_thing=TABLE))
    assert "ledger_migrate" == await migrate.fetchval("SELECT current_user")


async def test_a_second_database_finds_the_roles_made(empty, folder):
    """The template of the tests made them: nothing about them is said twice."""
    connection = await empty()
    roles = "SELECT rolname, xmin::text FROM pg_authid ORDER BY rolname"
    before = await connection.fetch(roles)

    await apply(connection, folder=folder())

    assert before == await connection.fetch(roles)


@pytest.mark.external
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.mine ()",
        "CREATE TEMP TABLE mine ()",
        "CREATE SCHEMA mine",
        "CREATE TABLE ledger.mine ()",
        "CREATE TABLE projections.mine ()",
        "SET ROLE ledger_owner",
        "SELECT lo_create(0)",
        "DELETE FROM ledger.migration",
    ],
)
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.MIGRATE])
async def test_plain_roles_may_make_nothing(connect, role, statement):
    connection = await connect(role)
    await connection.execute("SET default_transaction_read_only = off")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)


async def test_plain_roles_are_plain(connect):
    mighty = """
        SELECT rolname
          FROM pg_roles
         WHERE rolname ~ '^ledger_'
           AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolinherit)
    """
    assert [] == await (await connect()).fetch(mighty)


async def test_only_the_owner_has_no_limit_of_connections_and_no_login(connect):
    unlimited = """
        SELECT rolname
          FROM pg_roles
         WHERE rolname ~ '^ledger_' AND (rolconnlimit = -1 OR NOT rolcanlogin)
    """
    assert ["ledger_owner"] == [row["rolname"] for row in await (await connect()).fetch(unlimited)]


async def test_two_services_and_a_rebuild_fit_into_the_limit_of_their_role(connect):
    """One deployment takes over from another, and somebody rebuilds: nobody is turned away."""
    connection = await connect()
    first, *later = [m for m in migrations.migrations() if m.marked("as-creator")]
    given = int(re.search(r"'ledger_project',\s+'LOGIN',\s+(\d+)", first.text)[1])
    transaction = connection.transaction()
    await transaction.start()
    # As 0001 makes it: the servers of the tests have more.
    await connection.execute(f"ALTER ROLE ledger_project CONNECTION LIMIT {given}")

    for migration in later:
        await connection.execute(migration.text)

    asked = "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'ledger_project'"
    limit = await connection.fetchval(asked)
    await transaction.rollback()
    assert limit >= 2 * (pools.VIEWS + pools.READS + pools.WHOLES) + REBUILD
