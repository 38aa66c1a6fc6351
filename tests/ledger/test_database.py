"""The ways into the database: as the creator, as a plain role, embedded or by a URL."""

import base64
import hmac
import json
import stat

import asyncpg
import pytest

from ledger.database import Database, Role, scram_verifier
from ledger.errors import Unavailable

EXTERNAL = pytest.param("external", marks=pytest.mark.external)
everywhere = pytest.mark.parametrize("server", ["embedded", EXTERNAL])


@everywhere
@pytest.mark.parametrize("role", list(Role))
async def test_each_role_comes_in_as_itself(connect, role, server):
    connection = await connect(role)

    assert str(role) == await connection.fetchval("SELECT current_user")


@everywhere
async def test_a_wrong_password_does_not(connect, server):
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(Role.APP, password="wrong")


async def test_the_passwords_are_ours_alone_and_stay(database, connect):
    before = (database.folder / "roles").read_text()

    await database.give_passwords(await connect())

    assert before == (database.folder / "roles").read_text()
    assert 0o600 == stat.S_IMODE((database.folder / "roles").stat().st_mode)
    assert len(Role) == len(set(json.loads(before).values()))
    assert await connect(Role.APP)


async def test_the_server_never_sees_a_password(database, connect):
    creator = await connect()
    # The tests have others, which are quicker to check.
    await database.give_passwords(creator)
    passwords = json.loads((database.folder / "roles").read_text())
    asked = "SELECT rolpassword FROM pg_authid WHERE rolname = ANY ($1)"
    kept = await creator.fetch(asked, list(Role))

    assert len(Role) == len(kept)
    for row in kept:
        assert row["rolpassword"].startswith("SCRAM-SHA-256$4096:")
        assert row["rolpassword"] not in passwords.values()


def test_a_verifier_is_that_of_the_standard():
    """The exchange of RFC 7677, section 3: the server proves itself with the key we computed."""
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
    exchange = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s={salt},i=4096,c=biws,r={nonce}"

    verifier = scram_verifier("pencil", base64.b64decode(salt))

    server_key = base64.b64decode(verifier.rpartition(":")[2])
    signature = hmac.digest(server_key, exchange.encode(), "sha256")
    assert b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" == base64.b64encode(signature)


def test_before_init_no_role_can_come_in(tmp_path):
    database = Database.external("postgresql://postgres@/x?host=/tmp", tmp_path)

    with pytest.raises(Unavailable, match="no password for ledger_app"):
        database.as_role(Role.APP)


def test_a_url_of_a_role_is_that_role_only(tmp_path):
    url = "postgresql://ledger_app:secret@db.example/ledger"
    database = Database.external(url, tmp_path)

    assert {"dsn": url} == database.as_role(Role.APP)
    with pytest.raises(Unavailable, match="who may create roles"):
        database.as_creator()


def test_roles_may_have_urls_of_their_own(tmp_path):
    given = {Role.READ: "postgresql://ledger_read:other@replica.example/ledger"}
    database = Database.external("postgresql://creator@db.example/ledger", tmp_path, given)

    assert {"dsn": given[Role.READ]} == database.as_role(Role.READ)


def test_no_secret_is_printed(database):
    secret = database.as_creator()["password"]

    assert secret not in repr(database)


async def test_the_pool_limits_and_names_itself(database, connect):
    pool = await database.pool(Role.APP, size=2)
    try:
        async with pool.acquire() as one, pool.acquire() as other:
            assert one.get_server_pid() != other.get_server_pid()
            assert 2 == pool.get_size() == pool.get_max_size()
        name = await pool.fetchval("SELECT current_setting('application_name')")
    finally:
        await pool.close()

    assert "caseledger ledger_app" == name


async def test_a_transaction_left_open_ends_when_the_pool_gets_its_connection_back(database):
    pool = await database.pool(Role.APP, size=1)
    try:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
        async with pool.acquire() as connection:
            assert not connection.is_in_transaction()
    finally:
        await pool.close()
