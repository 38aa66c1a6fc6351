"""T-HOLD: each start-up assertion violated alone, on a real database that is durable (P10).

What refuses ends the start with its code; what holds leaves readers a service that takes no act.
Controls: the same with that assertion taken out starts, and takes an act.
"""

import contextlib
import shutil
from dataclasses import dataclass, field, replace
from datetime import datetime
from unittest import mock

import aiohttp
import asyncpg
import pytest

from api import operate
from api.settings import Settings
from api.setup import initialise
from ledger import proved, startup
from ledger.cluster import Cluster
from ledger.confirmed import Confirmation, confirm
from ledger.database import Database, Role
from ledger.errors import Unavailable
from ledger.finding import ASSERTIONS, Finding
from tests.api.serving import ZONE, Serving, application, started
from tests.conftest import make_template, new_folder

LEDGER, REAL = "469002", "469003"
START = datetime(2026, 3, 2, 9, tzinfo=ZONE)


@dataclass
class Place:
    """A database with two ledgers that have signed, and the home of who serves it."""

    database: Database
    settings: Settings
    creator: asyncpg.Connection = field(repr=False)

    @property
    def home(self):
        return self.settings.home

    async def alter(self, *statements):
        """Do what no role of ours may: with the tripwires asleep."""
        async with self.creator.transaction():
            await self.creator.execute("SET LOCAL session_replication_role = replica")
            for table in ("event", "event_0000", "head", "log", "tile", "checkpoint", "clock"):
                await self.creator.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
            for statement in statements:
                await self.creator.execute(statement)
            for table in ("event", "event_0000", "head", "log", "tile", "checkpoint"):
                for name in ("never_changed", "never_removed"):
                    with contextlib.suppress(asyncpg.UndefinedObjectError):
                        async with self.creator.transaction():
                            always = f"ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER {name}"
                            await self.creator.execute(always)

    @contextlib.asynccontextmanager
    async def serving(self):
        """Start as `caseledger serve` does; yield it as its callers see it."""
        at = operate.Home(self.home, self.settings.keys or self.home / "keys")
        findings = await operate.assert_sound(self.settings, at, self.database)
        async with (
            operate.served(self.settings, at, self.database, findings) as running,
            aiohttp.ClientSession() as session,
        ):
            yield Serving(session, running.url, running.issuer, running.service, LEDGER)


@pytest.fixture(scope="module")
def server(run):
    cluster = Cluster(new_folder())
    run(cluster.start())
    run(make_template(Database.of(cluster).named("postgres")))
    run(signed_once(Database.of(cluster), cluster.folder / "home"))
    yield Database.of(cluster)
    run(cluster.stop())
    shutil.rmtree(cluster.folder)


async def signed_once(own, home):
    """Make `held`, a database whose ledgers are set up and signed, with its home beside it."""
    creator = await asyncpg.connect(**own.named("postgres").as_creator())
    await creator.execute("CREATE DATABASE held TEMPLATE template_caseledger")
    await creator.execute("REVOKE ALL ON DATABASE held FROM PUBLIC")
    await creator.close()
    database = own.named("held")
    migrating = await asyncpg.connect(**database.as_creator())
    await migrating.execute(f"GRANT CONNECT ON DATABASE held TO {', '.join(Role)}")
    for name, start in ((LEDGER, START), (REAL, None)):
        await initialise(database, migrating, home / "keys", name, simulated=start)
    await migrating.close()
    async with started(Settings(home=home, rate_person=0), database) as serving:
        for name in (LEDGER, REAL):
            await serving.service.ledger(name)
            head = await serving.service.store.head(name)
            assert await serving.service.publishers[name].published(head.size, 60)


@pytest.fixture
async def place(server, run, tmp_path):
    copied = f"hold_{abs(hash(tmp_path)) % 10**9}"
    admin = await asyncpg.connect(**server.named("postgres").as_creator())
    await admin.execute(f"CREATE DATABASE {copied} TEMPLATE held")
    await admin.execute(f"REVOKE ALL ON DATABASE {copied} FROM PUBLIC")
    await admin.execute(f"GRANT CONNECT ON DATABASE {copied} TO {', '.join(Role)}")
    shutil.copytree(server.folder / "home", tmp_path / "home")
    database = server.named(copied)
    creator = await asyncpg.connect(**database.as_creator())
    settings = Settings(
        home=tmp_path / "home",
        keys=tmp_path / "home" / "keys",
        port=0,
        admin_port=0,
        rate_person=0,
        rate_client=0,
    )
    yield Place(database, settings, creator)
    await creator.close()
    await admin.execute(f"DROP DATABASE {copied} WITH (FORCE)")
    await admin.close()


@contextlib.contextmanager
def without(*names):
    """Take assertions out, for a control."""
    with contextlib.ExitStack() as stack:
        for module in (startup, proved):
            left = tuple(one for one in module.ASSERTED if one.__name__ not in names)
            stack.enter_context(mock.patch.object(module, "ASSERTED", left))
        if "taken_over" in names:
            nothing = mock.AsyncMock(return_value=[])
            stack.enter_context(mock.patch.object(proved, "taken_over", nothing))
        if "as_signed" in names:
            # Before it signs, the publisher looks again, and would hold them a moment later.
            asleep = mock.patch("api.service.publishing", return_value=contextlib.nullcontext())
            stack.enter_context(asleep)
        yield


async def received(serving):
    return await serving.post("/cases", application("QH-002"), by="zhou-min")


async def test_control_as_it_was_left_it_starts_and_takes_acts(place):
    async with place.serving() as serving:
        assert 201 == (await received(serving)).status
        ready = await serving.get(f"{serving.base}/readyz")
        assert (200, []) == (ready.status, ready.body["findings"])


# -- what refuses ------------------------------------------------------------------------------


async def evidence_for_all(place):
    await place.creator.execute("GRANT UPDATE ON ledger.event TO PUBLIC")


async def a_column_of_evidence(place):
    await place.creator.execute("GRANT INSERT (number) ON ledger.register TO ledger_project")


async def one_function_more(place):
    grant = "GRANT EXECUTE ON FUNCTION ledger.open_ledger(text, text, timestamptz) TO ledger_app"
    await place.creator.execute(grant)


async def a_view_that_is_written(place):
    await place.creator.execute("GRANT DELETE ON projections.audit TO ledger_app")


async def a_mighty_role(place):
    await place.creator.execute("ALTER ROLE ledger_app CREATEDB")
    return "ALTER ROLE ledger_app NOCREATEDB"


async def a_member_of_another(place):
    await place.creator.execute("GRANT pg_read_all_data TO ledger_read")
    return "REVOKE pg_read_all_data FROM ledger_read"


async def torn_pages(place):
    await system(place, "ALTER SYSTEM SET full_page_writes = off")
    return "ALTER SYSTEM RESET full_page_writes"


async def a_setting_of_a_role(place):
    name = place.database.reach["database"]
    await place.creator.execute(f"ALTER ROLE ledger_app IN DATABASE {name} SET work_mem = '64kB'")


async def a_setting_of_everybody(place):
    name = place.database.reach["database"]
    await place.creator.execute(f"ALTER DATABASE {name} SET DateStyle = 'German'")


async def an_unlogged_table(place):
    await place.creator.execute("ALTER TABLE ledger.idempotency SET UNLOGGED")


async def a_missing_index(place):
    await place.creator.execute("DROP INDEX ledger.event_0000_one_event_per_version")


async def a_leaf_that_is_handed_in(place):
    await place.creator.execute("ALTER TABLE ledger.event ALTER COLUMN leaf DROP EXPRESSION")


async def a_newer_database(place):
    await place.creator.execute(
        "INSERT INTO ledger.migration (number, name, sha256) VALUES (9999, 'x', 'x')"
    )


async def an_edited_migration(place):
    await place.creator.execute("UPDATE ledger.migration SET sha256 = 'x' WHERE number = 3")


async def a_later_deployment(place):
    place.settings = replace(place.settings, epoch=1)


async def a_key_that_others_read(place):
    (place.home / "keys" / f"log-{LEDGER}.1.key").chmod(0o440)


async def an_sm2_key_that_is_none(place):
    path = place.home / "keys" / f"log-{LEDGER}.0123abcd.sm2"
    path.write_text("ab" * 32 + "\n")
    path.chmod(0o400)


async def another_key(place):
    path = place.home / "keys" / f"log-{LEDGER}.1.key"
    path.unlink()
    path.write_text("ab" * 32 + "\n")
    path.chmod(0o400)


async def a_wrapping_key_that_is_gone(place):
    for path in (place.home / "keys").glob("wrap-*.key"):
        path.unlink()


async def keys_beside_the_data(place):
    inside = place.database.folder / "data" / "keys"
    shutil.copytree(place.home / "keys", inside, dirs_exist_ok=True)
    place.settings = replace(place.settings, keys=inside)
    cluster = mock.Mock(data=place.database.folder / "data")
    place.database = replace(place.database, cluster=cluster)


async def weak_passwords(place):
    await system(place, "ALTER SYSTEM SET password_encryption = md5")
    return "ALTER SYSTEM RESET password_encryption"


async def system(place, statement):
    """Change a setting of the server, and wait until a new session has it."""
    await place.creator.execute(statement)
    await place.creator.execute("SELECT pg_reload_conf()")
    name = statement.split()[3]
    wanted = statement.split("= ")[1] if "=" in statement else None
    while True:
        session = await asyncpg.connect(**place.database.as_creator())
        now = await session.fetchval("SELECT setting FROM pg_settings WHERE name = $1", name)
        kind = await session.fetchval("SELECT reset_val FROM pg_settings WHERE name = $1", name)
        await session.close()
        if (now == wanted) if wanted else (kind not in ("off", "md5")):
            return


REFUSED = [
    ("ST-1", evidence_for_all, ("evidence_is_not_written", "rights_as_granted")),
    ("ST-1", a_column_of_evidence, ("evidence_is_not_written", "rights_as_granted")),
    ("ST-1", one_function_more, ("rights_as_granted",)),
    ("ST-1", a_view_that_is_written, ("rights_as_granted",)),
    ("ST-1", a_mighty_role, ("plain_role",)),
    ("ST-1", a_member_of_another, ("plain_role",)),
    ("ST-2", torn_pages, ("durable",)),
    ("ST-4", a_setting_of_a_role, ("no_surprising_settings",)),
    ("ST-4", a_setting_of_everybody, ("no_surprising_settings",)),
    ("ST-6", an_unlogged_table, ("tables_as_migrated",)),
    ("ST-6", a_missing_index, ("tables_as_migrated",)),
    ("ST-6", a_leaf_that_is_handed_in, ("tables_as_migrated",)),
    ("ST-6", a_newer_database, ("migrations_are_ours",)),
    ("ST-6", an_edited_migration, ("migrations_are_ours",)),
    ("ST-12", a_key_that_others_read, ("keys_apart_and_readable", "as_signed")),
    ("ST-12", an_sm2_key_that_is_none, ("keys_apart_and_readable", "as_signed")),
    ("ST-12", another_key, ("as_signed",)),
    ("ST-12", a_wrapping_key_that_is_gone, ("keys_apart_and_readable",)),
    ("ST-12", keys_beside_the_data, ("keys_apart_and_readable",)),
    ("ST-13", weak_passwords, ("spoken_to_safely",)),
]


@pytest.mark.parametrize(("code", "violate", "names"), REFUSED)
async def test_it_does_not_start(place, code, violate, names):
    if violate is a_wrapping_key_that_is_gone:
        async with place.serving() as serving:
            assert 201 == (await received(serving)).status
    undo = await violate(place)
    try:
        with pytest.raises(Unavailable, match=f"^{code}: ") as refused:
            async with place.serving():
                pass
        assert {code} == {word for word in ASSERTIONS if f"{word}:" in refused.value.why}
        # Control: nobody looks, and it starts.
        with without(*names):
            async with place.serving() as serving:
                assert 200 == (await serving.get("/cases")).status
    finally:
        if undo and undo.startswith("ALTER SYSTEM"):
            await system(place, undo)
        elif undo:
            await place.creator.execute(undo)


async def test_an_older_deployment_does_not_start_again(place):
    async with place.serving():
        pass
    await a_later_deployment(place)

    with pytest.raises(Unavailable, match=r"^ST-9: "):
        async with place.serving():
            pass
    # Control: nobody asks, and it starts, though its appends are refused by the database.
    with without("taken_over"):
        async with place.serving() as serving:
            assert 503 == (await received(serving)).status


async def test_an_append_that_forgets_its_epoch_does_not_start(place):
    source = await place.creator.fetchval(
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'append'"
    )
    asks = "IF held IS DISTINCT FROM in_epoch"
    assert asks in source
    await place.creator.execute(source.replace(asks, "IF false"))

    with without("guards_as_migrated"), pytest.raises(Unavailable, match=r"^ST-9: .*not refused"):
        async with place.serving():
            pass


# -- what holds --------------------------------------------------------------------------------


async def another_append(place):
    await place.creator.execute(
        "ALTER FUNCTION ledger.append SET search_path = public, pg_catalog, pg_temp"
    )


async def a_sleeping_tripwire(place):
    await place.creator.execute("ALTER TABLE ledger.event_0000 ENABLE TRIGGER never_changed")


async def a_clock_that_can_be_set(place):
    await place.alter(
        f"UPDATE ledger.clock SET simulated = true, sim_at = now(), real_at = now()"
        f" WHERE ledger = '{REAL}'"
    )
    return REAL


async def a_head_too_far(place):
    await place.alter(f"UPDATE ledger.head SET size = size + 1 WHERE ledger = '{LEDGER}'")


async def an_altered_event(place):
    await place.alter(
        f"UPDATE ledger.event SET record = record || ' ' WHERE ledger = '{LEDGER}' AND position = 9"
    )


async def a_cut_tail(place):
    await place.alter(
        f"DELETE FROM ledger.event WHERE ledger = '{LEDGER}' AND position >= ("
        f"SELECT size - 3 FROM ledger.head WHERE ledger = '{LEDGER}')",
        f"UPDATE ledger.head SET size = size - 3 WHERE ledger = '{LEDGER}'",
    )


async def no_file_outside(place):
    (place.home / "checkpoints" / f"{LEDGER}.checkpoint").unlink()


async def another_timeline(place):
    await place.alter(f"UPDATE ledger.checkpoint SET timeline = 7 WHERE ledger = '{LEDGER}'")


HELD = [
    ("ST-5", another_append, ("guards_as_migrated",)),
    ("ST-5", a_sleeping_tripwire, ("guards_as_migrated",)),
    ("ST-5", a_clock_that_can_be_set, ("clock_as_begun",)),
    ("ST-7", a_head_too_far, ("recent_events",)),
    ("ST-7", an_altered_event, ("as_signed", "recent_events")),
    ("ST-8", a_cut_tail, ("as_signed",)),
    ("ST-8", no_file_outside, ("as_signed",)),
    ("ST-10", another_timeline, ("same_timeline",)),
]


@pytest.mark.parametrize(("code", "violate", "names"), HELD)
async def test_nothing_is_appended_and_readers_are_warned(place, code, violate, names):
    ledger = await violate(place) or LEDGER

    async with place.serving() as serving:
        serving.ledger = ledger
        act = await received(serving)
        read = await serving.get("/cases")
        ready = await serving.get(f"{serving.base}/readyz")
        head = await serving.service.store.head(ledger)
    assert (503, "integrity-hold", "hold") == (
        act.status, act.slug, act.headers["Ledger-Integrity"],
    )  # fmt: skip
    assert (200, "hold") == (read.status, read.headers["Ledger-Integrity"])
    assert (503, {code}) == (ready.status, {one["id"] for one in ready.body["findings"]})
    assert code in ready.body["why"]
    # Control: nobody looks, and it takes acts.
    with without(*names):
        async with place.serving() as serving:
            serving.ledger = ledger
            assert "Ledger-Integrity" not in (await serving.get("/cases")).headers
            if violate is not a_head_too_far:
                await received(serving)
                assert head.size < (await serving.service.store.head(ledger)).size


async def test_a_companion_that_does_not_prove_out_holds_its_ledger(place):
    (place.home / "checkpoints" / f"{LEDGER}.open.checkpoint").write_bytes(b"")

    async with place.serving() as serving:
        assert (503, "integrity-hold") == ((act := await received(serving)).status, act.slug)
        # The other ledger of this database goes on.
        assert serving.service.broken(REAL) is None


async def test_a_new_timeline_is_confirmed_by_an_operator(place):
    await another_timeline(place)
    now = await place.creator.fetchval("SELECT timeline_id FROM pg_control_checkpoint()")
    for value in ("8", str(now)):
        confirm(
            place.home / "checkpoints",
            Confirmation(
                code="ST-10", ledger=LEDGER, value=value, by="guo-an", reason="promoted", at="now"
            ),
        )
        async with place.serving() as serving:
            assert (201 if value == str(now) else 503) == (await received(serving)).status


@pytest.mark.parametrize("moved", ["interval '1 hour'", "interval '-30 hours'"])
async def test_a_clock_out_of_step_records_nothing_by_law(place, moved):
    await place.alter(
        f"UPDATE ledger.head SET recorded_at = now() + {moved} WHERE ledger = '{REAL}'"
    )

    async with place.serving() as serving:
        ledger = await serving.service.ledger(REAL)
        with mock.patch("api.service.current_state.due_by_law") as asked:
            await serving.service._settle(ledger)
        asked.assert_not_called()
        ready = await serving.get(f"{serving.base}/readyz")
        assert (200, [("ST-11", "hold-alerts")]) == (
            ready.status, [(one["id"], one["severity"]) for one in ready.body["findings"]],
        )  # fmt: skip
    with without("clock_in_step"):
        async with place.serving() as serving:
            ledger = await serving.service.ledger(REAL)
            with mock.patch("api.service.current_state.due_by_law", return_value=[]) as asked:
                await serving.service._settle(ledger)
            asked.assert_called()


async def test_without_a_required_standby_appends_wait_for_it(place):
    place.settings = replace(place.settings, standby_required=1)

    async with place.serving() as serving:
        act = await received(serving)
        read = await serving.get("/cases")
        ready = await serving.get(f"{serving.base}/readyz")
        assert (503, "integrity-hold") == (act.status, act.slug)
        assert (200, "hold") == (read.status, read.headers["Ledger-Integrity"])
        assert ready.body["why"].startswith("ST-3: synchronous_standby_names")
        # It is attached: what is asked again is answered otherwise, and appends go on.
        with mock.patch.object(startup, "standby_attached", mock.AsyncMock(return_value=None)):
            await serving.service.watch()
            assert 201 == (await received(serving)).status


async def test_below_the_watermark_nothing_is_appended_until_there_is_room(place):
    usage = shutil.disk_usage(place.home)
    little = usage._replace(total=100 << 30, free=(1 << 30) - 1)
    with mock.patch.object(startup.shutil, "disk_usage", return_value=little):
        async with place.serving() as serving:
            act = await received(serving)
            assert (503, "storage-full", "30") == (
                act.status, act.slug, act.headers["Retry-After"],
            )  # fmt: skip
            assert 200 == (await serving.get("/cases")).status
            ready = await serving.get(f"{serving.base}/readyz")
            assert (503, "ST-14") == (ready.status, ready.body["findings"][0]["id"])
            startup.shutil.disk_usage.return_value = little._replace(free=1 << 30)
            await serving.service.watch()
            assert 201 == (await received(serving)).status


async def test_a_small_disk_is_full_at_a_twentieth(tmp_path):
    usage = shutil.disk_usage(tmp_path)._replace(total=1000 << 20, free=49 << 20)
    with mock.patch.object(startup.shutil, "disk_usage", return_value=usage):
        assert startup.full_disk([tmp_path / "not" / "there"]) is not None
        startup.shutil.disk_usage.return_value = usage._replace(free=51 << 20)
        assert startup.full_disk([tmp_path]) is None


async def test_what_a_witness_has_seen_must_be_here(place):
    async with place.serving() as serving:
        size = (await serving.service.store.head(LEDGER)).size
        sequence = serving.service.sequence(LEDGER)
        for seen, expected in (
            (size, []),
            (size + 3, [("ST-8", "hold")]),
            (None, [("ST-8", "warning")]),
        ):

            async def ask(newest, note, seen=seen):
                assert newest == size
                assert note.startswith(LEDGER.encode())
                return seen

            asked = replace(sequence, witnesses={"supervision": ask})
            found = await proved.not_behind_a_witness(asked)
            assert expected == [(one.id, str(one.severity)) for one in found]


# -- what no test server can be -----------------------------------------------------------------

SAFE = startup.How(major="18", passwords="scram-sha-256", tcp=True, tls="TLSv1.3", verified=True)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"tcp": False, "tls": None, "verified": False}, None),
        ({"tls": "TLSv1.2"}, None),
        ({"tls": None}, "TCP with no TLS"),
        ({"tls": "TLSv1.1"}, "TCP with TLSv1.1"),
        ({"verified": False}, "TCP to a host that is not verified"),
        ({"passwords": "md5"}, "password_encryption is md5"),
        ({"major": "16"}, "PostgreSQL 16 is not one of those tested: 17, 18"),
    ],
)
def test_tcp_is_spoken_only_to_a_verified_host(changed, why):
    assert why == replace(SAFE, **changed).unsafe()


def test_only_verify_full_verifies_the_name():
    url = "postgresql://ledger_app@db.example/ledger"

    assert startup.verifies_the_host(f"{url}?sslmode=verify-full&sslrootcert=ca.pem")
    for other in (
        "",
        "?sslmode=require",
        "?sslmode=verify-ca",
        "?sslmode=verify-full&sslmode=allow",
    ):
        assert not startup.verifies_the_host(url + other)


def test_every_code_of_the_paper_is_there_with_words_in_both_languages():
    assert [f"ST-{n}" for n in range(1, 15)] == list(ASSERTIONS)
    for code, rule in ASSERTIONS.items():
        assert rule.todo_zh
        assert rule.todo_en
        assert code in Finding(code, "x").told["id"]
