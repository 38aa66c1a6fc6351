"""What is left of a person once their key is destroyed: nothing, in any byte we hold (T-PRIV)."""

import base64
import hashlib
import os
import random
import re
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

import migrations
from ledger import privacy, records
from ledger.database import Database
from ledger.keyring import Keyring
from tests.api.serving import application, serve
from tests.api.test_subjects import BASIS, subject_of

CANARIES = 10
SURNAMES = "鬻鼐黉龢"


@pytest.fixture
def disk(tmp_path_factory):
    """A folder on a real disk into which PostgreSQL's account may pass."""
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("real")))
    for one in (folder, *list(folder.parents)[:3]):
        one.chmod(one.stat().st_mode | 0o011)
    return folder


@pytest.fixture
async def real(disk):
    """A cluster whose bytes are looked through, and a service on it."""
    folder = disk
    async with Database.embedded(folder / "postgresql", attach=False) as database:
        creator = await asyncpg.connect(**database.as_creator())
        await migrations.apply(creator)
        await database.give_passwords(creator)
        home = folder / "home"
        home.mkdir(mode=0o700)
        async for here in serve(database, home, fresh=True):
            yield here, creator, folder
        await creator.close()


def canary(n):
    """A person nobody is: each field is found by its bytes."""
    draw = random.Random(n)
    digits = "".join(draw.choices("0123456789", k=17))
    return {
        "kind": "person",
        "name": f"{SURNAMES[n % 4]}金丝雀{draw.randrange(10**9):09}",
        "id_scheme": "ID",
        "id": f"{digits}X",
        "telephone": f"139{draw.randrange(10**8):08}",
        "address": f"金丝雀小区{draw.randrange(10**9):09}号",
    }


def spellings(text):
    """How a text may stand somewhere: the encodings, and what they look like in base64 and hex."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
        raw = text.encode(encoding)
        yield raw
        yield raw.hex().encode()
    for shift in range(3):
        # What is in the middle of something longer, at each of the three places.
        whole = base64.b64encode(b"\0" * shift + text.encode())
        yield whole[4 if shift else 0 : -4]


def found(folder, needles):
    """Count the files below a folder that hold one of these byte strings."""
    hits = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            for name, spelled in needles.items():
                hits[name] += any(one in content for one in spelled)
    return hits


async def test_no_byte_of_forty_canaries_is_left_and_every_proof_holds(real, capfd):
    here, creator, folder = real
    people = [canary(n) for n in range(CANARIES)]
    fields = ("name", "id", "telephone", "address")
    needles = {
        f"{n}.{field}": tuple(spellings(one[field]))
        for n, one in enumerate(people)
        for field in fields
    }
    assert 40 == len(needles)
    await here.at("2026-03-02 09:00")
    cases = []
    for one in people:
        body = application("QH-002") | {"applicant": one}
        answer = await here.post("/cases", body, by="zhou-min")
        assert 201 == answer.status, answer.body
        case = answer.body["case"]
        here.versions[case] = 1
        await here.done(case, "withdraw", {"request": "a" * 64}, by="zhou-min")
        cases.append(case)
    await here.service.caught_up(here.ledger, -1)
    exported = (await here.get("/export/ndjson", by="jiang-he")).raw
    exported += (await here.get("/events?after=0&limit=500", by="jiang-he")).raw
    (folder / "export").write_bytes(exported)
    # Control: with the keys each of them is there, and is opened.
    purpose = {"Purpose": "handle; x"}
    for case, one in zip(cases, people, strict=True):
        path = f"/cases/{case}?reveal=" + ",".join(f"applicant.{field}" for field in fields)
        opened = (await here.get(path, by="jiang-he", headers=purpose)).body["revealed"]
        assert {f"applicant.{field}": one[field] for field in fields} == opened

    subjects = [await subject_of(here, case) for case in cases]
    await here.at("2036-03-03 09:00")
    for subject in subjects:
        asked = await here.post(f"/subjects/{subject}/destroy-key", BASIS, by="wu-jun")
        assert 201 == asked.status, asked.body
        assert 201 == (await here.post(f"/subjects/{subject}/approve", by="fang-ke")).status
    head = await here.service.store.head(here.ledger)
    publisher = here.service.publishers[here.ledger]
    assert await publisher.published(head.size, 30)
    await creator.execute("CHECKPOINT")
    await creator.execute("SELECT pg_switch_wal()")
    dump = folder / "dump"
    dump.mkdir()
    for row in await creator.fetch(
        "SELECT format('%I.%I', schemaname, relname) AS name FROM pg_stat_user_tables"
    ):
        (dump / row["name"]).write_bytes(b"")
        await creator.copy_from_query(
            f"SELECT * FROM {row['name']}", output=str(dump / row["name"])
        )
    (dump / "log").write_text("".join(capfd.readouterr()))

    hits = found(folder, needles)

    assert Counter() == +hits
    # What is looked through is what there is: a name of staff is found.
    assert found(folder, {"staff": tuple(spellings("周敏"))})["staff"]
    for position in range(head.size):
        await publisher.log.proof(position)


async def test_with_a_backup_from_before_and_todays_keys_nothing_opens(database, tmp_path):
    async for here in serve(database, tmp_path):
        case = await here.received("QH-002", "2026-03-02")
        await here.done(case, "withdraw", {"request": "a" * 64}, by="zhou-min")
        subject = await subject_of(here, case)
        before = await here.service.store.since(here.ledger, 0, 500)
        keys_before = {path.name: path.read_bytes() for path in here.service.keys.glob("wrap-*")}
        await here.at("2036-03-03 09:00")
        await here.post(f"/subjects/{subject}/destroy-key", BASIS, by="wu-jun")
        assert 201 == (await here.post(f"/subjects/{subject}/approve", by="fang-ke")).status
        today = Keyring(here.service.keys)
    received = next(records.decode(row) for row in before if row.type == "received")
    field = received.data["applicant"]["name"]

    opened = privacy.opened(field, today, "469002", events={received.id}, path="applicant.name")

    assert subject == field["enc"]["subject"]
    assert keys_before
    assert opened is None
    today.close()


async def test_ciphertext_moved_elsewhere_opens_nothing(database, tmp_path):
    async for here in serve(database, tmp_path):
        one = await here.received("QH-002", "2026-03-02")
        two = await here.received("QH-002", "2026-03-03")
        rows = await here.service.store.since(here.ledger, 0, 500)
        first, second = (records.decode(row) for row in rows if row.type == "received")
        keyring = here.service.keyring
        field = first.data["applicant"]["name"]

        def opened(field, event, path, keyring=keyring):
            return privacy.opened(field, keyring, "469002", events={event.id}, path=path)

        assert opened(field, first, "applicant.name") is not None  # control
        assert opened(field, second, "applicant.name") is None
        assert opened(field, first, "applicant.address") is None
        swapped = {"enc": {**field["enc"], "event": second.id}}
        assert opened(swapped, second, "applicant.name") is None
        theirs = second.data["applicant"]["name"]["enc"]["subject"]
        assert opened({"enc": {**field["enc"], "subject": theirs}}, first, "applicant.name") is None
        assert one != two


@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.chaos)])
async def test_a_dictionary_of_id_numbers_matches_no_digest_that_is_stored(
    database, tmp_path, connect, count
):
    """The right number is in the dictionary; nothing stored tells that it is."""
    draw = random.Random(469002)
    right = "460022199003074567"
    guesses = {f"{draw.randrange(10**17):017}{draw.randrange(10)}" for _ in range(count)} | {right}
    person = canary(1) | {"id": right}
    async for here in serve(database, tmp_path):
        await here.at("2026-03-02 09:00")
        body = application("QH-002") | {"applicant": person}
        assert 201 == (await here.post("/cases", body, by="zhou-min")).status
        await here.service.caught_up(here.ledger, -1)
    creator = await connect()
    stored = await everything(creator)
    unsalted = {hashlib.sha256(guess.encode()).hexdigest() for guess in guesses}
    unsalted |= {hashlib.sha256(f'"{guess}"'.encode()).hexdigest() for guess in guesses}
    unsalted |= {hashlib.md5(guess.encode()).hexdigest() for guess in guesses}

    assert not unsalted & hex_words(stored)
    assert right.encode() not in stored
    # Control: a column of bare digests is found.
    bare = hashlib.sha256(right.encode()).hexdigest()
    await creator.execute(f"CREATE TABLE projections.bare AS SELECT '{bare}'::text AS digest")
    assert {bare} == unsalted & hex_words(await everything(creator))


async def everything(creator):
    """Every row of every table of ours as text; bytes as hexadecimal and as what they spell."""
    tables = await creator.fetch(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('ledger', 'projections') AND c.relkind = 'r'"
    )
    told = []
    for table in tables:
        for row in await creator.fetch(f"SELECT * FROM {table['name']}"):
            for value in row.values():
                if isinstance(value, bytes):
                    told += [value, value.hex().encode()]
                elif value is not None:
                    told.append(str(value).encode())
    return b"\n".join(told)


def hex_words(stored):
    """Every run of hexadecimal digits as long as a digest."""
    return {
        word.decode() for word in re.findall(rb"(?<![0-9a-f])[0-9a-f]{32,64}(?![0-9a-f])", stored)
    }


@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.chaos)])
def test_no_nonce_comes_twice(count):
    place = privacy.Place("469002", "e", "applicant.name", "s")
    key = bytes(32)
    seen = {privacy._encrypted("x", place, key)["enc"]["nonce"] for _ in range(count)}
    assert count == len(seen)
