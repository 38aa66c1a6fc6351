"""Rows that wait to be let in: what they said of a person cannot be recovered afterwards (P13).

The attacker has every byte: a backup of the database from while the rows waited, and the
folder of keys as it is now.  Each test's control gives them the keys of that time as well.
"""

import asyncio
import re
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

import api.service
from api.intake import INTAKE
from ledger import privacy
from ledger.database import Role
from ledger.errors import Corrupt
from ledger.keyring import Keyring, derived
from tests.api.serving import serve, started
from tests.api.test_imports import MAPPING, committed, finished, nothing_waits, rows, upload

NAME, NUMBER = "鬻金丝雀", "460022199003074567"
TEXT = f"no,applied,issued,done,note,who,idno\nE-1,2019-01-02,,,,{NAME},{NUMBER}\n"
NAMING = MAPPING | {"applicant": {"name": "who", "id": "idno"}}
PURPOSES = re.findall(r'derived\(own, "([a-z]+)"\)', Path(api.service.__file__).read_text())


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


@pytest.fixture
async def connection(connect):
    return await connect(Role.PROJECT)


async def waiting(connection):
    """What a backup of the staging table holds at this moment."""
    return [tuple(r) for r in await connection.fetch("SELECT import, row, raw "
            "FROM projections.import_row WHERE raw <> '\\x'")]  # fmt: skip


def kept(here, tmp_path):
    """A copy of the folder of keys as it is at this moment."""
    return shutil.copytree(here.service.keys, tmp_path / "kept")


def recovered(folder, backup):
    """Everything that all keys of a folder, and all that is derived of them, open in a backup."""
    keyring = Keyring(folder)
    asked = "SELECT reference FROM subject_key"
    keys = [keyring.key(reference) for (reference,) in keyring._reads.execute(asked)]
    keyring.close()
    files = [bytes.fromhex(p.read_text()) for p in folder.glob("*.key")
             if re.fullmatch(r"[0-9a-f]{64}\n", p.read_text())]  # fmt: skip
    keys += [*files, *(derived(f, name) for f in files for name in ("staging", *PURPOSES))]
    opened = b""
    for imported, row, raw in backup:
        for key in filter(None, keys):
            try:
                opened += privacy.unsealed(key, f"{imported}|{row}", raw)
            except Corrupt:
                continue
    return opened.decode()


def is_told(text):
    return [canary in text for canary in (NAME, NUMBER)]


async def test_what_was_let_in_cannot_be_opened_as_it_waited(here, connection, tmp_path):
    uploaded = await upload(here, TEXT, mapping=NAMING)
    backup, keys = await waiting(connection), kept(here, tmp_path)

    told = await committed(here, uploaded.body["id"])
    await nothing_waits(here)

    assert 1 == told["recorded"] == len(backup)
    assert [True, True] == is_told(recovered(keys, backup))  # control: with the key of then
    assert "" == recovered(here.service.keys, backup)
    # What is looked at later is there: the row, its case, who let it in, the masked applicant.
    (row,) = await rows(here, uploaded.body["id"])
    assert ("recorded", "wu-jun") == (row["state"], told["committed_by"])
    state = await here.state(row["case"], by="wu-jun")
    assert {"name": "鬻**雀", "id": "4600**********4567"} == state["applicant"]
    source = {"import": uploaded.body["id"], "committed_by": "wu-jun"}
    assert source.items() <= state["source"].items()


async def test_an_upload_that_is_dropped_leaves_no_key(here, connection, tmp_path, monkeypatch):
    seen = []

    async def answered(staged):
        seen.append((await waiting(connection), kept(here, tmp_path)))
        raise RuntimeError("the connection broke")

    monkeypatch.setattr("api.upload._Staged.answer", answered)
    assert 500 == (await upload(here, TEXT, mapping=NAMING)).status
    ((backup, keys),) = seen

    assert () == here.service.keyring.passing(here.ledger, "import")
    assert [True, True] == is_told(recovered(keys, backup))  # control
    assert "" == recovered(here.service.keys, backup)


async def test_what_is_abandoned_goes_with_its_key_and_is_let_in_no_more(
    here, connection, tmp_path
):
    uploaded = await upload(here, TEXT, mapping=NAMING)
    backup, keys = await waiting(connection), kept(here, tmp_path)
    path = f"/imports/{uploaded.body['id']}"

    done = []
    for by, day in (("guo-an", "2026-03-03"), ("wu-jun", "2026-03-04")):
        await here.at(f"{day} 09:00")
        done.append(await here.post(f"{path}/abandon", by=by))

    assert [(200, 0, {"abandoned": 1})] * 2 == [
        (one.status, one.body["ready"], one.body["codes"]) for one in done
    ]
    assert (None, None) == (uploaded.body["abandoned_by"], uploaded.body["abandoned_at"])
    told = (await here.get(path, by="wu-jun")).body
    assert ("guo-an", "2026-03-03T01") == (told["abandoned_by"], told["abandoned_at"][:13])
    assert [told, told] == [one.body for one in done]
    assert [True, True] == is_told(recovered(keys, backup))  # control
    assert "" == recovered(here.service.keys, backup)
    assert 0 == (await committed(here, uploaded.body["id"]))["recorded"]
    refused = await here.post(f"{path}/abandon", by="wu-jun")
    assert (409, "already-done", "import.once") == refused.refusal


async def test_what_nobody_lets_in_expires_with_its_key(here, connection, tmp_path):
    uploaded = await upload(here, TEXT, mapping=NAMING)
    other = await upload(here, TEXT.replace("E-1", "E-2"), mapping=NAMING)
    backup, keys = await waiting(connection), kept(here, tmp_path)
    await connection.execute(
        "UPDATE projections.import_file SET started_at = started_at - interval '31 days'"
        " WHERE id = $1",
        uploaded.body["id"],
    )

    await upload(here, "no,applied,issued,done,note\nE-3,2019-01-02,,,\n")

    told = (await here.get(f"/imports/{uploaded.body['id']}", by="wu-jun")).body
    assert ("staged", 0, {"expired": 1}) == (told["state"], told["ready"], told["codes"])
    assert [True, True] == is_told(recovered(keys, backup))  # control
    mine = [row for row in backup if row[0] == uploaded.body["id"]]
    assert "" == recovered(here.service.keys, mine)
    # The one beside it still waits, and is let in.
    assert 1 == (await committed(here, other.body["id"]))["recorded"]
    assert 0 == (await committed(here, uploaded.body["id"]))["recorded"]


async def test_a_crash_before_the_key_was_destroyed_is_ended_by_the_next_start(
    here, database, connection, tmp_path
):
    uploaded = await upload(here, TEXT, mapping=NAMING)
    keys = kept(here, tmp_path)
    backup = await waiting(connection)
    await committed(here, uploaded.body["id"])
    await nothing_waits(here)
    left = tmp_path / "left"
    shutil.copytree(keys, left / "keys")
    shutil.copytree(here.service.checkpoints, left / "checkpoints")
    assert [True, True] == is_told(recovered(left / "keys", backup))  # control
    settings = replace(here.service.settings, home=left)

    async with started(settings, database) as again:
        await nothing_waits(again)

        assert "" == recovered(left / "keys", backup)


async def test_rows_whose_key_is_gone_are_set_aside_and_nothing_is_held(here):
    uploaded = await upload(here, TEXT, mapping=NAMING)
    ((_, reference),) = here.service.keyring.passing(here.ledger, "import")
    # As in a backup of the database that was put back without the keys of that time.
    await here.service.keyring.forget(reference)

    told = await committed(here, uploaded.body["id"])

    assert (0, {"expired": 1}) == (told["recorded"], told["codes"])
    again = await upload(here, TEXT, mapping=NAMING)
    assert 1 == (await committed(here, again.body["id"]))["recorded"]


async def test_what_cannot_be_swept_stops_no_import_and_is_swept_later(here, connection, connect):
    old = (await upload(here, TEXT, mapping=NAMING)).body["id"]
    await connection.execute(
        "UPDATE projections.import_file SET started_at = started_at - interval '31 days'"
    )
    creator = await connect()
    await creator.execute(
        "CREATE FUNCTION public.complain() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    await creator.execute(
        "CREATE TRIGGER complains BEFORE UPDATE ON projections.import_row FOR EACH ROW"
        " WHEN (NEW.code = 'expired') EXECUTE FUNCTION public.complain()"
    )

    with structlog.testing.capture_logs() as logged:
        other = await upload(here, TEXT.replace("E-1", "E-2"), mapping=NAMING)
        assert 201 == other.status, other.body
        told = await committed(here, other.body["id"])

    assert (1, {}) == (told["recorded"], told["codes"])
    assert {"error": "RaiseError", "event": "imports not swept"}.items() <= max(
        logged, key=lambda line: line["event"] == "imports not swept"
    ).items()
    before = (await here.get(f"/imports/{old}", by="wu-jun")).body
    assert (1, {}) == (before["ready"], before["codes"])
    await creator.execute("DROP TRIGGER complains ON projections.import_row")
    here.app[INTAKE].wake()
    await nothing_waits(here)
    told = (await here.get(f"/imports/{old}", by="wu-jun")).body
    assert (0, {"expired": 1}) == (told["ready"], told["codes"])


async def test_a_defect_in_one_import_stops_no_other(here, monkeypatch):
    files = [TEXT, TEXT.replace("E-1", "E-2")]
    first, second = sorted([(await upload(here, f, mapping=NAMING)).body["id"] for f in files])
    intake = here.app[INTAKE]
    take_in = intake.take_in

    async def defective(ledger, imported):
        if imported == first:
            raise RuntimeError("张三")
        await take_in(ledger, imported)

    monkeypatch.setattr(intake, "take_in", defective)
    with structlog.testing.capture_logs() as logged:
        assert 202 == (await here.post(f"/imports/{first}/commit", by="wu-jun")).status
        assert 1 == (await committed(here, second))["recorded"]
    (told, *_) = [line for line in logged if line["event"] == "import defect"]
    assert (first, "RuntimeError") == (told["id"], told["error"])
    assert "张三" not in str(logged)

    monkeypatch.setattr(intake, "take_in", take_in)
    intake.wake()
    assert 1 == (await finished(here, first))["recorded"]


async def test_a_busy_keyring_hides_not_why_an_upload_was_refused(here):
    here.service.keyring._db.execute("PRAGMA busy_timeout = 0")
    with sqlite3.connect(here.service.keys / "subjects.db", isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subject_key").fetchone()

        refused = await upload(here, "no,applied,issued,done,note\n")

        assert (422, "import-format") == (refused.status, refused.slug)
        assert (here.service.keys / "subjects.db-wal").stat().st_size  # control: it is not ended
        reader.execute("COMMIT")
    here.app[INTAKE].wake()
    async with asyncio.timeout(20):
        while True:
            if not (here.service.keys / "subjects.db-wal").stat().st_size:
                return
            await asyncio.sleep(0.02)
