"""Keys: one for each (subject, case), durable before what needs them, and gone for good."""

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from ledger import privacy, records
from ledger.case import Actor, replay
from ledger.errors import Corrupt, Unavailable
from ledger.keyring import Keyring, secret, wrapping_key
from tests.ledger.given import ZONE
from tests.ledger.test_privacy import UNDER, encrypted, field, opened, received

NAME = "applicant.name"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def keyring(folder):
    made = Keyring(folder)
    yield made
    made.close()


def found(folder, octets):
    """The files of a folder that hold some octets."""
    return [path.name for path in sorted(folder.iterdir()) if octets in path.read_bytes()]


def stored(folder, reference):
    with sqlite3.connect(folder / "subjects.db") as file:
        asked = "SELECT wrapping, wrapped FROM subject_key WHERE reference = ?"
        return file.execute(asked, (reference,)).fetchone()


# -- whose keys -----------------------------------------------------------------------------------


def test_each_subject_of_each_case_has_a_key_of_its_own(keyring):
    applicant = encrypted(keyring).data["applicant"]
    other = encrypted(keyring, received(stream="case:2")).data["applicant"]

    named = [f["enc"]["subject"] for f in (applicant["name"], applicant["agent"]["name"])]

    assert 3 == len({*named, other["name"]["enc"]["subject"]})
    assert applicant["id"]["enc"]["subject"] == named[0]


async def test_a_subject_keeps_its_key_from_one_process_to_the_next(folder):
    first = Keyring(folder)
    known = first.subject("469002", "case:1", "applicant", UNDER)
    await first.flush()
    first.close()

    again = Keyring(folder)

    assert known == again.subject("469002", "case:1", "applicant", "469002.qh-xzsp.2031")
    again.close()


async def test_two_processes_that_make_a_key_at_once_open_what_either_wrote(folder, keyring):
    other = Keyring(folder)
    mine, theirs = field(keyring), field(other)

    await keyring.flush()
    await other.flush()

    third = Keyring(folder)
    assert ["张小三"] * 2 == [opened(one, third) for one in (mine, theirs)]
    assert mine["enc"]["subject"] == third.subject("469002", "case:1", "applicant", UNDER)[0]
    third.close()
    other.close()


# -- durable --------------------------------------------------------------------------------------


async def test_keys_are_on_the_disk_before_an_append_and_open_after_a_restart(folder):
    keyring = Keyring(folder)
    name = field(keyring)
    await keyring.flush()
    keyring.close()

    again = Keyring(folder)

    assert "张小三" == opened(name, again)
    again.close()


async def test_control_without_a_flush_a_key_is_lost(folder):
    keyring = Keyring(folder)
    name = field(keyring)
    keyring.close()

    again = Keyring(folder)

    assert opened(name, again) is None
    again.close()


async def test_nobody_goes_on_while_another_flush_holds_their_keys(folder, keyring):
    # Two ledgers share the keyring: the second one's keys are in the first one's hands.
    keyring.subject("469002", "case:1", "applicant", UNDER)
    blocking = sqlite3.connect(folder / "subjects.db", isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")

    first = asyncio.create_task(keyring.flush())
    await asyncio.sleep(0)
    second = asyncio.create_task(keyring.flush())
    await asyncio.sleep(0)
    gone_on = second.done()
    blocking.execute("ROLLBACK")
    blocking.close()
    await asyncio.gather(first, second)

    assert not gone_on


async def test_reading_a_key_does_not_wait_for_the_disk(folder, keyring):
    reference, key = keyring.subject("469002", "case:1", "applicant", UNDER)
    await keyring.flush()
    again = Keyring(folder)
    blocking = sqlite3.connect(folder / "subjects.db", isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")

    assert key == again.key(reference)
    blocking.close()
    again.close()


async def test_what_could_not_be_written_is_written_by_the_next_flush(folder, keyring):
    name = field(keyring)
    keyring._db.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        await keyring.flush()
    keyring._db.execute("PRAGMA query_only = OFF")

    await keyring.flush()

    assert stored(folder, name["enc"]["subject"]) is not None


def test_each_commit_is_synced_and_what_is_deleted_is_overwritten(keyring):
    ask = keyring._db.execute

    assert ("wal", 2, 1) == (
        ask("PRAGMA journal_mode").fetchone()[0],
        ask("PRAGMA synchronous").fetchone()[0],
        ask("PRAGMA secure_delete").fetchone()[0],
    )


# -- gone -----------------------------------------------------------------------------------------


async def test_a_key_that_is_gone_takes_the_person_with_it_and_no_byte_of_the_record(keyring):
    event = encrypted(keyring)
    before = records.encode(event)
    mask = privacy.Mask(keyring, "469002", {event.id})
    applicant = event.data["applicant"]
    assert "张*三" == mask.fields(applicant, "applicant.")["name"]

    await keyring.forget(applicant["name"]["enc"]["subject"])

    shown = mask.fields(applicant, "applicant.")
    assert ("***", "***") == (shown["name"], shown["id"])
    assert "李*" == shown["agent"]["name"]
    assert before == records.encode(event)
    case = replay([event], ZONE)
    assert {"460000199001010021"} == privacy.applicant_ids(case, keyring, "469002")


async def test_a_destroyed_key_is_in_no_file_any_more(folder, keyring):
    subjects = [keyring.subject("469002", f"case:{n}", "applicant", UNDER)[0] for n in range(40)]
    await keyring.flush()
    _, wrapped = stored(folder, subjects[20])
    assert found(folder, wrapped)

    await keyring.forget(subjects[20])

    assert [] == found(folder, wrapped)
    assert [] == found(folder, subjects[20].encode())
    assert stored(folder, subjects[21]) is not None
    assert found(folder, stored(folder, subjects[21])[1])


async def test_control_the_write_ahead_file_would_have_kept_it(folder, keyring):
    reference, _ = keyring.subject("469002", "case:1", "applicant", UNDER)
    await keyring.flush()
    _, wrapped = stored(folder, reference)

    keyring._db.execute("DELETE FROM subject_key")

    assert ["subjects.db-wal"] == found(folder, wrapped)


async def test_opening_ends_a_destruction_that_a_crash_cut_short(folder, keyring):
    reference, _ = keyring.subject("469002", "case:1", "applicant", UNDER)
    await keyring.flush()
    _, wrapped = stored(folder, reference)
    keyring._db.execute("DELETE FROM subject_key")

    Keyring(folder).close()

    assert [] == found(folder, wrapped)


@pytest.mark.parametrize("again", ["the same key", "another", "ended"])
async def test_a_destruction_that_a_reader_kept_from_its_end_is_ended_later(folder, keyring, again):
    """Whoever copies the file meanwhile keeps what was deleted in the write-ahead file."""
    subjects = [keyring.subject("469002", f"case:{n}", "applicant", UNDER)[0] for n in range(2)]
    await keyring.flush()
    _, wrapped = stored(folder, subjects[0])
    keyring._db.execute("PRAGMA busy_timeout = 0")
    with sqlite3.connect(folder / "subjects.db", isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subject_key").fetchone()
        with pytest.raises(Unavailable):
            await keyring.forget(subjects[0])
        assert ["subjects.db-wal"] == found(folder, wrapped)  # control
        with pytest.raises(Unavailable):
            await keyring.ended()
        reader.execute("COMMIT")

    if again == "ended":
        await keyring.ended()
    else:
        await keyring.forget(subjects[again == "another"])

    assert [] == found(folder, wrapped)
    assert keyring.key(subjects[0]) is None


async def test_who_opens_while_somebody_reads_ends_it_later(folder, keyring, monkeypatch):
    reference, _ = keyring.subject("469002", "case:1", "applicant", UNDER)
    await keyring.flush()
    _, wrapped = stored(folder, reference)
    with sqlite3.connect(folder / "subjects.db", isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subject_key").fetchone()
        keyring._db.execute("DELETE FROM subject_key")
        monkeypatch.setattr("sqlite3.connect", partial(sqlite3.connect, timeout=0))
        opened_again = Keyring(folder)
        reader.execute("COMMIT")
    assert ["subjects.db-wal"] == found(folder, wrapped)  # control

    await opened_again.ended()

    assert [] == found(folder, wrapped)
    opened_again.close()


# -- what keys are wrapped by ----------------------------------------------------------------------


@pytest.mark.parametrize("again", ["close", "flush"])
async def test_what_a_cancelled_task_left_in_its_thread_is_waited_for(folder, again):
    """The service ended while a thread destroyed a key, and the process with it (SIGSEGV)."""
    keyring = Keyring(folder)
    reference, _ = keyring.subject("469002", "case:1", "applicant", UNDER)
    await keyring.flush()
    overwrite, begun, goes_on = keyring._overwrite, threading.Event(), threading.Event()

    def slow():
        begun.set()
        goes_on.wait(10)
        overwrite()

    keyring._overwrite = slow
    forgetting = asyncio.create_task(keyring.forget(reference))
    await asyncio.to_thread(begun.wait, 10)
    forgetting.cancel()
    await asyncio.wait([forgetting])
    keyring.subject("469002", "case:2", "applicant", UNDER)
    next_one = asyncio.create_task(
        keyring.flush() if again == "flush" else asyncio.to_thread(keyring.close)
    )
    await asyncio.sleep(0.1)
    waited = not next_one.done()
    goes_on.set()
    await next_one
    keyring.close()

    assert waited
    assert None is stored(folder, reference)


async def test_a_key_whose_flush_was_cancelled_is_written_once(folder, keyring):
    """The thread writes it all the same, and whoever flushes next finds it still waiting."""
    reference, _ = keyring.subject("469002", "case:1", "applicant", UNDER)
    write, begun, goes_on = keyring._write, threading.Event(), threading.Event()

    def slow(waiting):
        begun.set()
        goes_on.wait(10)
        write(waiting)

    keyring._write = slow
    flushing = asyncio.create_task(keyring.flush())
    await asyncio.to_thread(begun.wait, 10)
    flushing.cancel()
    await asyncio.wait([flushing])
    goes_on.set()
    other, _ = keyring.subject("469002", "case:2", "applicant", UNDER)

    await keyring.flush()

    assert stored(folder, reference)
    assert stored(folder, other)


def test_keys_are_wrapped_by_organ_and_year():
    assert "469002.qh-xzsp.2026" == wrapping_key("469002", "qh-xzsp", 2026)
    assert "469002..2026" == wrapping_key("469002", None, 2026)
    assert wrapping_key("a-b", "c", 2026) != wrapping_key("a", "b-c", 2026)
    assert "/" not in wrapping_key("469002", "../../etc", 2026)


def test_the_organ_is_that_of_the_case_and_the_year_that_of_the_ledger():
    now = datetime(2031, 1, 2, tzinfo=UTC)
    at_window = received()
    case = replay([at_window], ZONE)
    by_portal = Actor(role="applicant", client="zwfw")
    online = replace(at_window, actor=by_portal, data={**at_window.data, "organ": "qh-wjw"})

    # The act claims 2026; the evaluation and the issue are other organs' or nobody's.
    under = {
        privacy.wrapping(None, at_window, "469002", now),
        privacy.wrapping(case, received(type="evaluated", actor=by_portal), "469002", now),
        privacy.wrapping(case, received(type="issued", actor=Actor(organ="qh-zj")), "469002", now),
    }

    assert {"469002.qh-xzsp.2031"} == under
    assert "469002.qh-wjw.2031" == privacy.wrapping(None, online, "469002", now)


async def test_the_name_of_the_wrapping_key_stands_beside_what_it_wraps(folder, keyring):
    old, _ = keyring.subject("469002", "case:1", "applicant", "469002.qh-xzsp.2025")
    new, _ = keyring.subject("469002", "case:2", "applicant", "469002.qh-xzsp.2026")
    await keyring.flush()

    names = [stored(folder, reference)[0] for reference in (old, new)]

    assert ["469002.qh-xzsp.2025", "469002.qh-xzsp.2026"] == names
    files = sorted(folder.glob("wrap-*.key"))
    assert [f"wrap-{name}.key" for name in names] == [file.name for file in files]
    assert all(0o400 == file.stat().st_mode & 0o777 for file in files)


async def test_a_wrapping_key_that_is_missing_is_not_made_anew_to_open_old_ones(folder):
    first = Keyring(folder)
    name = field(first)
    await first.flush()
    first.close()
    (folder / f"wrap-{UNDER}.key").unlink()

    again = Keyring(folder)

    assert opened(name, again) is None
    with pytest.raises(Corrupt):
        again.subject("469002", "case:1", "applicant", UNDER)
    assert not (folder / f"wrap-{UNDER}.key").exists()
    again.close()


# -- files of secrets ------------------------------------------------------------------------------


def test_of_many_who_make_a_secret_at_once_all_have_the_same(tmp_path):
    with ThreadPoolExecutor(8) as at_once:
        made = list(at_once.map(secret, [tmp_path / "one.key"] * 64))

    assert 1 == len(set(made))
    assert [tmp_path / "one.key"] == list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "00", "zz" * 32])
def test_half_a_secret_is_none(tmp_path, text):
    (tmp_path / "one.key").write_text(text, encoding="ascii")

    with pytest.raises(Corrupt, match="is not a key"):
        secret(tmp_path / "one.key")
