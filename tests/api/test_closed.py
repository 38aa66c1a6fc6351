"""What is closed stays as it is, and a rotation of keys goes on where it was cut short.

The commands run beside a service, on the database of the test.
"""

import asyncio
import shutil
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import pytest

from api import closing as ceremony
from api import recovery, rotating, upkeep
from api.setup import initialise
from ledger import proved
from ledger.closing import CLOSED_EPOCH, SUFFIX, parse
from ledger.database import Role
from ledger.errors import Corrupt, Refused, Unavailable
from ledger.log import Log
from ledger.signing import key_of_file
from ledger.store import Store, companions
from ledger.tlog import note
from ledger.tlog.checkpoint import Checkpoint
from tests.api.serving import ZONE, serve, started
from tests.ledger.appending import command
from tests.ledger.test_publish import as_superuser

LEDGER = "469002"


@pytest.fixture
async def here(database, tmp_path, monkeypatch):
    @asynccontextmanager
    async def there(*_, **__):
        yield database

    for module in (ceremony, rotating, upkeep):
        monkeypatch.setattr(module, "database", there)
    async for serving in serve(database, tmp_path / "home", start="2026-03-02"):
        yield serving


def rotate(here):
    return rotating.rotated(here.service.settings, LEDGER, print)


async def keys(here):
    """How many keys each log has."""
    rows = await here.service.store.fetch("SELECT ledger, cardinality(keys) FROM ledger.log")
    return {row[0]: row[1] for row in rows}


async def sizes(here):
    return [(await here.service.store.head(s)).size for s in (LEDGER, *companions(LEDGER))]


async def by_number(here):
    """Close it by the number in the database alone."""
    await here.service.store.take_over(LEDGER, CLOSED_EPOCH)


async def by_file(here):
    """Close it by the file outside alone, as after a restore of the database."""
    here.service.checkpoints.mkdir(exist_ok=True)
    (here.service.checkpoints / f"{LEDGER}{SUFFIX}").write_bytes(b"a statement")


@pytest.mark.parametrize("closed", [by_number, by_file])
async def test_the_keys_of_a_closed_ledger_are_not_rotated(here, closed):
    await closed(here)
    before = await keys(here), await sizes(here)

    for act in (rotating.rotated, rotating.retired):
        with pytest.raises(Refused, match="is closed by the statement"):
            await act(here.service.settings, LEDGER, print)

    assert before == (await keys(here), await sizes(here))


async def test_control_one_that_nobody_looks_at_is_rotated(here, monkeypatch):
    async def never(*_):
        return None

    await by_file(here)
    monkeypatch.setattr(proved, "closed", never)
    assert 3 == len(await rotate(here))


async def test_whoever_reads_the_number_of_a_closed_ledger_appends_nothing(here, database, connect):
    """`init` once more, with the document of a ledger whose set-up was cut short."""
    await by_number(here)
    before = await sizes(here)
    store = Store(database.as_role(Role.APP))
    await store.connect()
    try:
        with pytest.raises(Unavailable, match="the ledger is closed") as told:
            await store.writer(LEDGER).append(command("a", "case:a", 0))
    finally:
        await store.close()

    assert "integrity-hold" == told.value.slug
    assert before == await sizes(here)


class Killed(BaseException):
    """Nothing catches it."""


async def test_a_rotation_that_was_cut_short_goes_on_at_the_companions(here, monkeypatch):
    real = rotating.new_key

    def cut(folder, sequence, origin):
        if sequence != LEDGER:
            raise Killed
        return real(folder, sequence, origin)

    with monkeypatch.context() as patched:
        patched.setattr(rotating, "new_key", cut)
        with pytest.raises(Killed):
            await rotate(here)
    assert {LEDGER: 2, f"{LEDGER}.open": 1, f"{LEDGER}.sealed": 1} == await keys(here)

    told = await rotate(here)

    assert 3 == len(set(told))
    assert {2} == set((await keys(here)).values())
    with pytest.raises(Refused, match="two keys sign already"):
        await rotate(here)


async def bears(here, sequence):
    """How many keys of a log have signed its newest checkpoint."""
    newest = await here.service.publishers[sequence].log.newest()
    return len(note.parse(newest.note).signatures)


async def test_lines_that_are_quiet_are_signed_by_the_new_key_once(here):
    """What nobody adds to would bear the old key alone, which could then not be retired."""
    assert 200 == (await here.get("/cases", by="chen-zhi")).status
    assert 200 == (await here.get("/cases", by="jiang-he")).status
    lines = companions(LEDGER)
    for sequence in lines:
        size = (await here.service.store.head(sequence)).size
        assert await here.service.publishers[sequence].published(size, 30)
    assert [1, 1] == [await bears(here, sequence) for sequence in lines]
    before = await sizes(here)

    await rotate(here)

    after = await sizes(here)
    assert [1, 1] == [one - other for one, other in zip(after[1:], before[1:], strict=True)]
    for sequence, size in zip(companions(LEDGER), after[1:], strict=True):
        assert await here.service.publishers[sequence].published(size, 30)
    assert [2, 2] == [await bears(here, sequence) for sequence in lines]
    told = await rotating.retired(here.service.settings, LEDGER, print)
    assert {True} == {one.startswith("retired") for one in told.values()}, told
    # Who may read the lines sees why they grew.
    for line in ("open", "sealed"):
        page = (await here.get(f"/access-log?line={line}&limit=500", by="yan-qing")).body["items"]
        assert 1 == [one["what"] for one in page].count("key-rotated"), page


async def test_a_line_that_nobody_ever_added_to_stays_empty(here):
    await published(here)

    await rotate(here)

    assert [0, 0] == (await sizes(here))[1:]


async def two_at_once(here, monkeypatch):
    """What comes of a second `key rotate` while the first one is at work, and of the first."""
    real, begun, go_on = rotating.new_key, asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    made = []

    async def waits(place, sequence):
        if not begun.is_set():
            begun.set()
            await go_on.wait()
        return await added(place, sequence)

    def counted(*words):
        made.append(words[1])
        return real(*words)

    added = rotating._added
    monkeypatch.setattr(rotating, "_added", waits)
    monkeypatch.setattr(rotating, "new_key", counted)
    assert loop.is_running()
    first = asyncio.create_task(rotate(here))
    await begun.wait()
    second = await asyncio.gather(rotate(here), return_exceptions=True)
    go_on.set()
    return second[0], (await asyncio.gather(first, return_exceptions=True))[0], made


async def test_two_rotations_at_once_the_second_is_refused(here, monkeypatch):
    second, first, made = await two_at_once(here, monkeypatch)

    assert isinstance(second, Unavailable)
    assert "are being changed" in second.why
    assert 3 == len(set(first)) == len(made)
    assert {2} == set((await keys(here)).values())
    # It goes with who holds it: the next one is told what there is.
    with pytest.raises(Refused, match="two keys sign already"):
        await rotate(here)


async def test_control_without_the_lock_both_are_at_work(here, monkeypatch):
    monkeypatch.setitem(rotating.LOG, "lock_keys", "SELECT $1 <> ''")

    second, _, _ = await two_at_once(here, monkeypatch)

    assert not isinstance(second, Unavailable)


# -- what is known beside the longest --------------------------------------------------------------


@pytest.fixture
def forked(here, tmp_path):
    """Makes a file of a checkpoint that the log's own key signed over another history."""

    async def make(size):
        state = await here.service.publishers[LEDGER].log.state()
        pair = key_of_file(here.service.keys / f"log-{LEDGER}.1.key", state.origin)
        text = Checkpoint(state.origin, size, bytes(range(32))).text
        file = tmp_path / f"witness.{size}"
        file.write_bytes(note.Note(text, (note.sign(text, pair.verifier, pair.sign),)).raw)
        return file

    return make


async def published(here):
    """Wait until all there is is signed: the size."""
    await here.service.ledger(LEDGER)
    size = (await here.service.store.head(LEDGER)).size
    assert await here.service.publishers[LEDGER].published(size, 30)
    return size


def draft(here, tmp_path, kept, people=(("qh-xzsp", "wu-jun"), ("qh-jw", "yan-qing"))):
    signers = [ceremony.made_key(tmp_path / f"{p}.key", organ, p) for organ, p in people]
    return ceremony.drafted(here.service.settings, LEDGER, "lost", signers, tuple(kept), print)


@pytest.mark.parametrize("before", [0, 1])
async def test_a_shorter_checkpoint_of_another_history_is_a_contradiction(
    here, tmp_path, forked, before
):
    good = await published(here)
    for day in ("2026-03-02", "2026-03-03"):
        await here.received("QH-002", day)
    size = await published(here)
    file = await forked(size - before)

    told, *lines = await recovery.status(here.service.settings, LEDGER, print, (file,))
    text = await draft(here, tmp_path, [file])

    assert good <= told.of_one < size - before
    assert "of two histories" in told.text()
    (other,) = (line for line in told.text().splitlines() if str(file) in line)
    assert f"{size - before} were signed" in other
    assert "of another history" in other
    assert [True, True] == [line.good for line in lines]
    own = parse(text).own
    assert (size, told.of_one) == (own.signed.size, own.size)


async def test_a_ledger_that_is_whole_is_not_closed(here, tmp_path):
    await published(here)
    told = await recovery.status(here.service.settings, LEDGER, print)
    assert [LEDGER, f"{LEDGER}.open", f"{LEDGER}.sealed"] == [t.measured.sequence for t in told]
    assert {(0, None)} == {(t.measured.missing, t.of_one) for t in told}
    with pytest.raises(Refused, match="nothing is missing that was signed"):
        await draft(here, tmp_path, [])


async def test_where_every_checkpoint_is_lost_status_says_so_and_who_may_have_one(
    here, tmp_path, connect
):
    size = await published(here)
    newest = await here.service.publishers[LEDGER].log.newest()
    (tmp_path / "copy").write_bytes(newest.note)
    shutil.rmtree(here.service.checkpoints)
    await as_superuser(await connect(), "DELETE FROM ledger.checkpoint")
    candidate = tmp_path / "evidence" / f"{LEDGER}.records"
    await recovery.copied(here.service.settings, LEDGER, candidate.parent, print)

    told, line, _ = await recovery.status(here.service.settings, LEDGER, print)

    assert not told.good
    assert f"{size} were signed (its row in the database), 0 are missing" in told.text()
    for text in ("all checkpoints are lost", "a witness", "--checkpoint"):
        assert text in told.text()
    # Nobody has added to this line, and nothing of it was signed.
    assert (True, "0 events are there, nothing was signed") == (
        line.good, line.text().partition(": ")[2],
    )  # fmt: skip
    with pytest.raises(Refused, match="all checkpoints are lost"):
        await recovery.tried(here.service.settings, LEDGER, candidate, print)
    # It is not known whether anything is missing: such a ledger is not closed by what is there.
    with pytest.raises(Refused, match="all checkpoints are lost"):
        await draft(here, tmp_path, [])
    # With one that somebody else kept it is as before.
    kept = (tmp_path / "copy",)
    told, *_ = await recovery.status(here.service.settings, LEDGER, print, kept)
    assert (True, False) == (told.good, "lost" in told.text())
    assert (await recovery.tried(here.service.settings, LEDGER, candidate, print, kept)).right


async def test_where_no_checkpoint_is_at_hand_only_the_database_says_that_none_was_signed(
    here, connect
):
    size = await published(here)
    shutil.rmtree(here.service.checkpoints)
    creator = await connect()
    await as_superuser(creator, "DELETE FROM ledger.checkpoint")
    await as_superuser(creator, "UPDATE ledger.log SET signed_size = 0")

    told, *_ = await recovery.status(here.service.settings, LEDGER, print)

    assert f"{size} events are there, nothing was signed, says the database alone" in told.text()
    assert "--checkpoint" in told.text()


async def test_a_post_of_the_part_that_does_not_prove_out_entitles_nobody(here, tmp_path, forked):
    proved = await published(here)
    post = {
        "id": "p-new", "person": "newcomer", "role": "clerk", "organ": "qh-xzsp",
        "from": "2026-03-02",
    }  # fmt: skip
    assert 201 == (await here.post("/appointments", post, by="fang-ke")).status
    approved = await here.post("/appointments/p-new/approve", {}, by="wu-jun")
    assert 201 == approved.status, approved.body
    size = await published(here)
    rows = await here.service.store.fetch(
        "SELECT size FROM ledger.checkpoint WHERE ledger = $1 AND size > $2", LEDGER, proved
    )
    people = (("qh-xzsp", "newcomer"), ("qh-jw", "yan-qing"))
    others = [await forked(row["size"]) for row in rows]
    with pytest.raises(Refused, match="newcomer has held no post in qh-xzsp"):
        await draft(here, tmp_path, others, people)
    # Control: what contradicts comes after the post.
    longer = [await forked(size + 1)]
    assert "newcomer" in await draft(here, tmp_path, longer, people)


async def test_an_office_that_cannot_be_followed_is_told_in_words(
    here, tmp_path, forked, monkeypatch
):
    class Torn(ceremony.Office):
        def following(self, events):
            raise KeyError(events[0].stream)

    file = await forked(await published(here) + 1)
    monkeypatch.setattr(ceremony, "Office", Torn)
    with pytest.raises(Refused, match="who held a post cannot be read"):
        await draft(here, tmp_path, [file])


# -- what is held or closed is read ----------------------------------------------------------------


async def test_a_case_is_read_while_its_ledger_is_held_though_the_law_has_moved_it(
    here, monkeypatch
):
    async def nothing(_ledger):
        return None

    monkeypatch.setattr(here.service, "_settle", nothing)
    case = await here.received("QH-002", "2026-03-02")
    await here.at("2026-03-20 09:00")
    here.service.store.writer(LEDGER).hold(Corrupt("as a test has it"))

    answer = await here.get(f"/cases/{case}", by="chen-zhi")

    assert (200, "hold") == (answer.status, answer.headers["Ledger-Integrity"]), answer.body
    assert (1, None) == (answer.body["version"], answer.body["accepted_on"]), answer.body


async def test_readings_of_a_ledger_go_past_a_follower_that_is_closed_too(here, database):
    case = await here.received("QH-002", "2026-03-02")
    migrating = await asyncpg.connect(**database.as_creator())
    before = LEDGER
    for name in ("469002-2", "469002-3"):
        state = await Log(here.service.store, before).state()
        text = Checkpoint(state.origin, 1, bytes(32)).text
        told = {"origin": state.origin, "checkpoint": text, "held": 1, "statement": "0" * 64}
        at = datetime(2026, 3, 3, tzinfo=ZONE)
        await initialise(database, migrating, here.service.keys, name, simulated=at, follows=told)
        await here.service.store.take_over(before, CLOSED_EPOCH)
        before = name
    await migrating.close()
    size = (await here.service.store.head("469002-2.open")).size

    async with started(here.service.settings, database) as again:
        answer = await again.get(f"/cases/{case}", by="chen-zhi")

        assert 200 == answer.status, answer.body
        assert 1 == (await again.service.store.head("469002-3.open")).size
        assert size == (await again.service.store.head("469002-2.open")).size
        assert LEDGER not in again.service.followers


async def test_a_witness_that_is_ahead_by_what_was_appended_meanwhile_holds_nothing(here):
    await published(here)

    async def ask(_size, _note):
        await here.received("QH-002", "2026-03-02")
        return (await here.service.store.head(LEDGER)).size

    of = here.service.sequence(LEDGER, {"inspection": ask})
    assert [] == await proved.not_behind_a_witness(of)

    async def further(_size, _note):
        return (await here.service.store.head(LEDGER)).size + 1

    # Control: one that has seen more than there is.
    of = here.service.sequence(LEDGER, {"inspection": further})
    (found,) = await proved.not_behind_a_witness(of)
    assert "truncated: 1 events missing" in found.what
