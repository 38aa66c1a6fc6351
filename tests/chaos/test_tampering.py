"""T-TAMP-1: whatever a superuser changes of the evidence is found, and where (P6).

Seeds are printed; `SEED=… COUNT=…` repeat and lengthen a run.
"""

import os
import random
import secrets
from pathlib import Path

import asyncpg
import pytest

from ledger import fsck as module
from ledger.database import Role
from ledger.fsck import Fsck
from ledger.fsck_event import Columns
from ledger.publish import Publisher
from ledger.store import Store
from tests.chaos.world import EVIDENCE, LEDGER, SQL, made
from tests.conftest import TEMPLATE

SEED = int(os.environ.get("SEED", secrets.randbelow(10**9)))
COUNT = int(os.environ.get("COUNT", "200"))
LISTED = Path(__file__).with_name("not_evidence.txt")


@pytest.fixture(scope="module")
async def world(template, tmp_path_factory):
    home = tmp_path_factory.mktemp("tampering")
    name = f"tampering_{os.getpid()}"
    admin = await asyncpg.connect(**template.named("postgres").as_creator())
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(Role)}")
    made_here = await made(template.named(name), home)
    yield made_here
    await made_here.creator.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def not_evidence():
    lines = LISTED.read_text("utf-8").splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def is_evidence(place, column):
    return not {f"{place}.", f"{place}.{column}"} & not_evidence()


async def columns(creator):
    return [tuple(row) for row in await creator.fetch(SQL["columns"])]


def other(rng, value, kind):
    """Another value of the same kind, close enough to be plausible."""
    while True:
        made = _other(rng, value, kind)
        if made != value:
            return made


def _other(rng, value, kind):
    if kind == "bytea":
        raw = bytearray(value)
        if not raw:
            return b"\1"
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        return bytes(raw)
    if kind == "boolean":
        return not value
    if kind in ("bigint", "integer"):
        return max(value + rng.choice((-2, -1, 1, 2, 255, 4096)), 0)
    if kind.startswith("timestamp"):
        import datetime as dt

        base = value or dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        return base + dt.timedelta(microseconds=rng.choice((-1, 1, 10**6, -(10**9))))
    if kind == "text[]":
        return rng.choice(([*value, value[0][:-1] + "A"], [*value, value[0]], [], [f"x{value[0]}"]))
    at = rng.randrange(len(value))
    letter = "b" if value[at] != "b" else "c"
    return value[:at] + letter + value[at + 1 :]


async def mutate(creator, rng, place, column, kind):
    """Change one random row in one column; return the row before, and the value it has now."""
    row = await creator.fetchrow(
        f"SELECT ctid, tableoid::regclass::text AS part, * FROM ledger.{place}"
        f" WHERE $1 = '' OR ledger = $1 OFFSET $2 LIMIT 1"
        if place != "migration"
        else f"SELECT ctid, tableoid::regclass::text AS part, * FROM ledger.{place}"
        f" WHERE $1 <> '.' OFFSET $2 LIMIT 1",
        LEDGER,
        rng.randrange(await rows_of(creator, place)),
    )
    value = other(rng, row[column], kind)
    await creator.execute(
        f"UPDATE {row['part']} SET {column} = $1 WHERE ctid = $2", value, row["ctid"]
    )
    return row, value


async def rows_of(creator, place):
    where = "" if place == "migration" else f" WHERE ledger = '{LEDGER}'"
    return int(await creator.fetchval(f"SELECT count(*) FROM ledger.{place}{where}"))


async def test_what_nobody_touched_is_as_it_should_be(world):
    reports = await world.fsck()

    assert [] == [bad for report in reports for bad in report.bad]
    assert world.size == reports[0].events > 256
    assert 0 not in [await rows_of(world.creator, place) for place in EVIDENCE]


async def test_the_list_of_what_is_no_evidence_names_columns_that_are_there(world):
    there = await columns(world.creator)
    names = {f"{place}.{name}" for place, name, _ in there} | {f"{place}." for place, *_ in there}

    assert set() == not_evidence() - names
    listed_tables = {place for place, _, _ in there if f"{place}." not in not_evidence()}
    assert set(EVIDENCE) == listed_tables


async def judged_by_column(world, rng, place, column, kind):
    async with world.tampering() as creator:
        row, value = await mutate(creator, rng, place, column, kind)
        found = await world.found()
    where = f"{place}.{column} is {value} of {dict(row)}"[:900]
    if not is_evidence(place, column):
        assert [] == found, where
        return
    assert found, where
    if place == "event" and column != "ledger":
        right = {row["position"], row["position"] + 1}
        assert right & {bad.position for bad in found}, (where, found)


async def test_every_column_of_every_table_is_evidence_or_listed(world):
    print(f"SEED={SEED}")
    rng = random.Random(SEED)
    for place, column, kind in await columns(world.creator):
        if place in EVIDENCE:
            await judged_by_column(world, rng, place, column, kind)


async def test_a_line_under_another_key_id_is_no_strangers_line(world):
    async with world.tampering() as creator:
        # The first characters after the name are the id of the key.
        await creator.execute(
            "UPDATE ledger.cosignature SET line = regexp_replace(line, '(— [^ ]+ ).', '\\1Q')"
            f" WHERE ledger = '{LEDGER}' AND witness = 'supervision.example'"
        )
        assert ["cosignature"] == [bad.kind for bad in await world.found()]


async def test_a_random_change_is_found_and_located(world):
    print(f"SEED={SEED} COUNT={COUNT}")
    rng = random.Random(SEED)
    there = [one for one in await columns(world.creator) if one[0] in EVIDENCE]
    for _ in range(COUNT):
        await judged_by_column(world, rng, *rng.choice(there))


@pytest.mark.chaos
async def test_five_thousand_random_changes_are_found(world):
    print(f"SEED={SEED}")
    rng = random.Random(SEED)
    there = [one for one in await columns(world.creator) if one[0] in EVIDENCE]
    for _ in range(5_000):
        await judged_by_column(world, rng, *rng.choice(there))


async def test_a_key_that_is_named_twice_is_not_what_the_events_name(world):
    async with world.tampering() as creator:
        await creator.execute(
            f"UPDATE ledger.log SET keys = keys || keys WHERE ledger = '{LEDGER}'"
        )
        assert ["its keys are not those that the events name"] == [
            bad.why for bad in await world.found()
        ]


# -- what is done to whole rows ------------------------------------------------------------------


async def gone(creator, table, where):
    await creator.execute(f"DELETE FROM ledger.{table} WHERE ledger = '{LEDGER}' AND {where}")


async def removed(creator):
    await gone(creator, "event", "position = 100")
    return 100


async def removed_with_all_that_names_it(creator):
    for table in ("event", "register"):
        await gone(creator, table, "position = 200")
    await gone(creator, "stream", "position = 200")
    await creator.execute(
        f"UPDATE ledger.event SET position = position - 1 WHERE ledger = '{LEDGER}'"
        " AND position > 200"
    )
    await creator.execute(f"UPDATE ledger.head SET size = size - 1 WHERE ledger = '{LEDGER}'")
    return 200


async def doubled(creator):
    await creator.execute(
        "INSERT INTO ledger.event_0000 (ledger, position, stream, version, type, recorded_at,"
        " record, leaf) SELECT ledger, position, stream, version, type, recorded_at, record, leaf"
        f" FROM ledger.event WHERE ledger = '{LEDGER}' AND position = 120"
    )
    return 120


async def slipped_in(creator):
    await creator.execute(
        "INSERT INTO ledger.event_0000 (ledger, position, stream, version, type, recorded_at,"
        " record, leaf) SELECT ledger, size, 'case:x', 1, 'received', h.recorded_at, 'x',"
        f" sha256('\\x00'::bytea || 'x') FROM ledger.head AS h WHERE ledger = '{LEDGER}'"
    )
    return await creator.fetchval(f"SELECT size FROM ledger.head WHERE ledger = '{LEDGER}'")


async def swapped(creator):
    await creator.execute(
        "UPDATE ledger.event SET position = 301 - position"
        f" WHERE ledger = '{LEDGER}' AND position IN (150, 151)"
    )
    return 150


async def records_swapped(creator):
    await creator.execute(
        "UPDATE ledger.event AS e SET record = o.record, leaf = o.leaf FROM ledger.event AS o"
        " WHERE o.ledger = e.ledger AND o.position = 301 - e.position"
        f" AND e.ledger = '{LEDGER}' AND e.position IN (150, 151)"
    )
    return 150


async def another_word_and_its_hash(creator):
    await creator.execute(
        "UPDATE ledger.event SET record = convert_to(replace(convert_from(record, 'UTF8'),"
        " 'window', 'online'), 'UTF8')"
        f" WHERE ledger = '{LEDGER}' AND position = 250"
    )
    await creator.execute(
        "UPDATE ledger.event SET leaf = sha256('\\x00'::bytea || record)"
        f" WHERE ledger = '{LEDGER}' AND position = 250"
    )
    return 250


async def a_cut_tail(creator):
    await gone(creator, "event", "position >= 300")
    await gone(creator, "register", "position >= 300")
    await gone(creator, "stream", "position >= 300")
    await gone(creator, "idempotency", "position >= 300")
    await creator.execute(
        "UPDATE ledger.head SET size = 300, recorded_at = (SELECT max(recorded_at) FROM"
        f" ledger.event WHERE ledger = '{LEDGER}') WHERE ledger = '{LEDGER}'"
    )
    return 300


async def a_number_given_away(creator):
    await gone(creator, "register", "position = 100")
    return 100


async def a_request_forgotten(creator):
    await gone(creator, "idempotency", "position = 100")
    return 99


async def a_ciphertext_moved(creator):
    await creator.execute(
        "UPDATE ledger.event AS e SET record = convert_to(regexp_replace("
        "convert_from(e.record, 'UTF8'), '\"event\":\"[0-9a-f]{32}\"',"
        " '\"event\":\"' || repeat('0', 32) || '\"', 'g'), 'UTF8')"
        f" WHERE ledger = '{LEDGER}' AND position = 180"
    )
    return 180


WHOLE = [
    removed, removed_with_all_that_names_it, doubled, slipped_in, swapped, records_swapped,
    another_word_and_its_hash, a_cut_tail, a_number_given_away, a_request_forgotten,
    a_ciphertext_moved,
]  # fmt: skip


@pytest.mark.parametrize("change", WHOLE)
async def test_what_is_done_to_rows_is_found_where_it_was_done(world, change):
    async with world.tampering() as creator:
        position = await change(creator)
        found = await world.found()

    assert position in {bad.position for bad in found}, found


async def test_a_cut_tail_is_counted(world):
    async with world.tampering() as creator:
        await a_cut_tail(creator)
        found = await world.found()

    missing = world.size - 300
    assert f"truncated: {missing} events missing" in {bad.why for bad in found}


async def rewritten(world, creator, tmp_path):
    """Rewrite one event and everything that follows from it, and sign it with the stolen key."""
    await another_word_and_its_hash(creator)
    for table in ("cosignature", "time_stamp", "checkpoint", "tile"):
        await gone(creator, table, "true")
    await creator.execute(
        f"UPDATE ledger.log SET size = 0, frontier = '', signed_size = 0 WHERE ledger = '{LEDGER}'"
    )

    class Within(Store):
        async def fetch(self, statement, *arguments):
            return await creator.fetch(statement, *arguments)

    thief = Publisher(Within({}), LEDGER, world.home / "keys", tmp_path / "thief")
    assert world.size == await thief.advance()


async def test_all_rewritten_and_signed_with_the_stolen_key_is_another_history(world, tmp_path):
    async with world.tampering() as creator:
        await rewritten(world, creator, tmp_path)
        by_the_file = await world.found()
        alone = await world.found(outside={})
        older = await world.found(outside={"a court": world.checkpoints[max(world.checkpoints)]})

    assert ["outside"] == [bad.kind for bad in by_the_file]
    assert "another history" in by_the_file[0].why
    assert ["outside"] == [bad.kind for bad in older]
    # Control: whoever holds nothing from before sees nothing.
    assert [] == alone


# -- controls: one check removed lets one through --------------------------------------------------


class WithoutTiles(Fsck):
    async def _tiles(self, full):
        pass


class WithoutTheTree(WithoutTiles):
    async def _checkpoints(self, rows, before, upto):
        self._numbers += ()

    async def _end(self):
        pass


async def test_control_without_the_tree_a_changed_word_passes(world):
    async with world.tampering() as creator:
        await another_word_and_its_hash(creator)
        assert await world.found()
        assert [] == await world.found(WithoutTheTree)


async def test_control_without_looking_at_columns_a_moved_time_passes(world, monkeypatch):
    async with world.tampering() as creator:
        await creator.execute(
            f"UPDATE ledger.event SET type = 'accepted' WHERE ledger = '{LEDGER}' AND position = 90"
        )
        assert {90} == {bad.position for bad in await world.found()}
        monkeypatch.setattr(Columns, "_parsed", lambda *_: None)
        assert [] == await world.found()


@pytest.mark.parametrize(
    ("kind", "change"), [("register", a_number_given_away), ("idempotency", a_request_forgotten)]
)
async def test_control_without_a_set_its_row_is_not_missed(world, monkeypatch, kind, change):
    async with world.tampering() as creator:
        await change(creator)
        assert await world.found()
        monkeypatch.setattr("ledger.fsck.SETS", tuple({*module.SETS} - {kind}))
        monkeypatch.setattr("ledger.fsck.numbers_differ", lambda *_: ())
        assert [] == await world.found()


# -- going on ------------------------------------------------------------------------------------


async def test_a_check_that_was_cut_short_goes_on(world, tmp_path, monkeypatch):
    monkeypatch.setattr("ledger.fsck_ranges.RANGE", 50)
    monkeypatch.setattr("ledger.fsck.SAVED_EVERY_S", 0)
    state = tmp_path / "state.json"

    class CutShort(Exception):
        pass

    def stop(sequence, done, of):
        if done >= 150 and sequence == LEDGER:
            raise CutShort

    with pytest.raises(CutShort):
        await world.fsck(state=state, progress=stop)
    told = []
    reports = await world.fsck(
        state=state, resume=True, progress=lambda name, done, of: told.append((name, done))
    )

    assert 150 == min(done for name, done in told if name == LEDGER)
    assert [] == [bad for report in reports for bad in report.bad]
    assert not state.exists()
    assert reports[0].root == (await world.fsck())[0].root


async def test_a_check_can_begin_in_the_middle(world):
    reports = await world.fsck(begin=257)

    assert [] == [bad for report in reports for bad in report.bad]
    async with world.tampering() as creator:
        position = await removed_with_all_that_names_it(creator)
        assert position not in {bad.position for bad in await world.found(begin=257)}
