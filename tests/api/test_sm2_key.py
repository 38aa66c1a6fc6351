"""A line by SM2 under the checkpoints of a running ledger: made, served, carried, verified.

The witness and whoever pins no such key pass it over; rotation, fsck and recovery go on as before.
"""

import re
import shutil
from pathlib import Path

import metamorphic_log
import pytest
import tlog_scales.tlog as scales
from click.testing import CliRunner
from tlog_scales.signing import Vkey

from api import sm2_key, upkeep
from api.cli import main
from ledger import archive, closing, dossier
from ledger.errors import Refused
from ledger.signing import SM2_SET
from ledger.tlog import note, sm2
from ledger.tlog.note import Note
from ledger.tlog.policy import parse as parse_policy
from ledger.tlog.sm2 import Sm2Key
from tests.api.serving import application
from tests.api.test_ceremony import NEW, OLD, follows, short
from tests.api.test_ceremony import closed as closed_by_two
from tests.api.test_closed import by_file, by_number, here  # noqa: F401 (a fixture)
from tests.api.test_key_rotation import grown, refused_on, vkeys, witnessed
from tests.api.test_verify_anchored import TRUE, anchor_data, county_at, province_at
from tests.api.test_verify_anchored import asked as asked_of_both
from tests.api.verifying import verified
from tests.ledger.dossiers import LOG, ORIGIN, POLICY, Making, zipped

try:
    sm2.library()
except sm2.NotInstalled as missing:
    pytest.skip(f"NOT RUN: no line by SM2 was tried: {missing}", allow_module_level=True)

SIGNED = "国密 SM2          signed by {:08x}"
NOT_VERIFIED = "国密 SM2          a line is there, not verified"


def pinned(*keys):
    return [word for key in keys for word in ("--key", key)]


async def good(what, *words, alone=True):
    code, out, err = await verified(what, *words, alone=alone)
    assert (0, True) == (code, out.endswith("OK\n")), out + err
    return out


async def bad(what, *words):
    code, out, err = await verified(what, *words)
    assert (1, "") == (code, err), out
    return out


async def test_a_ledger_signs_by_sm2_beside_its_own_keys(tmp_path):
    copy = tmp_path / "copy"
    dossiers = [tmp_path / name for name in ("one.zip", "again.zip")]
    async with witnessed() as (place, witness):
        async with place.serving() as served:
            (first,) = await vkeys(served)
            place.logs.write_text(f"log {first}\n")
            await grown(served, 2)
            printed = await told_keys(place)
            code, told = await place.run("key", "sm2")
            assert (1, True) == (code, "SM2 keys sign already" in told), told
            # A running service follows by itself, and so does a witness that knows nothing of it.
            case, newest = await grown(served, 3)
            _, by_sm2 = await vkeys(served)
            assert by_sm2 == printed[0]
            assert [printed[1]] == (await vkeys(served, "/open"))[1:]
            assert newest.size == max(one.size for one in witness.memory.logs())
            await strangers(served, first)

            await place.done("key", "rotate")
            await grown(served, 4)
            _, second, behind = await vkeys(served)
            assert behind == by_sm2
            place.logs.write_text(f"log {first}\nlog {second}\n")
            assert f"{OLD}: retired {first}" in await place.done("key", "retire")
            await refused_on(served, case)
            await grown(served, 3)
            assert [second, by_sm2] == await vkeys(served)

            url = ("--url", served.base)
            words = ("--dossier", case, "--purpose", "inspection; JW-1", *url)
            for at in dossiers:
                await place.done("export", *words, "--out", at)
            await place.done("export", "--log", copy, *url)
            address = f"{served.base}/v1/ledgers/{OLD}/log"
            out = await good(address, *pinned(first, by_sm2), alone=False)
            assert SIGNED.format(Sm2Key.parse(by_sm2).key_id) in out
        assert "all is as it should be" in await place.done("fsck")
        key_files(place.home / "keys", printed)
        await verified_by_everybody(copy, dossiers[0], (first, second), by_sm2)
        assert dossiers[0].read_bytes() == dossiers[1].read_bytes()
        await stripped(copy, second, by_sm2)

        await recoverable(place, tmp_path / "kept")
        await replaced(place, tmp_path, (second, by_sm2))


async def test_a_ledger_that_signed_by_sm2_is_closed_and_the_next_one_signs_by_its_own(tmp_path):
    async with short(3, "key", "sm2", lines=3) as (place, _, _, _, last):
        assert 3 == len(note.parse(last.note).signatures)
        code, said = await place.run("recover", "status")
        assert (1, True) == (code, f"{last.size} were signed" in said), said
        statement, digest = await closed_by_two(place, tmp_path, last)
        told = closing.closed(statement.read_bytes())
        assert (last.size, 3) == (told.own.signed.size, told.own.missing)
        await follows(place, tmp_path, statement, digest, told)
        code, said = await place.run("key", "sm2")
        assert (1, True) == (code, "is closed by the statement" in said), said
        async with place.serving(NEW) as served:
            # The files of the old one lie there still, and sign nothing under the new origin.
            (own,) = await vkeys(served)
            by_sm2 = (await told_keys(place, "--ledger", NEW))[0]
            assert [own, by_sm2] == await vkeys(served)
            address = f"{served.base}/v1/ledgers/{NEW}/log"
            await served.post("/cases", application("QH-002"), by="zhou-min")
            assert await served.service.publishers[NEW].published(
                (await served.service.store.head(NEW)).size, 60
            )
            line = SIGNED.format(Sm2Key.parse(by_sm2).key_id)
            assert line in await good(address, *pinned(own, by_sm2), alone=False)


async def told_keys(place, *words):
    """The keys that the command prints; the services beside it write there too."""
    return [line for line in await place.done("key", "sm2", *words) if sm2.is_key(line)]


async def recoverable(place, kept):
    """The recovery ceremony reads what was signed so."""
    status = [line for line in await place.done("recover", "status") if " are there, " in line]
    assert {True} == {", 0 are missing" in line or "nothing was signed" in line for line in status}
    assert any(line.startswith(f"{OLD}: ") and "(the database)" in line for line in status)
    await place.done("recover", "copy", kept)
    told = await place.done("recover", "try", kept / f"{OLD}.records")
    assert "right:" in "".join(told)


async def replaced(place, folder, pair):
    """Moved away, a key signs no more, and a new one takes its place; put back, both sign."""
    own, by_sm2 = pair
    (old,) = (place.home / "keys").glob(f"log-{OLD}.????????.sm2")
    away = Path(shutil.move(old, folder))
    async with place.serving() as served:
        assert served.service.broken(OLD) is None
        await grown(served, 2)
        assert [own] == await vkeys(served)
        newer = (await told_keys(place))[0]
        assert newer != by_sm2
        shutil.move(away, old)
        case, _ = await grown(served, 4)
        assert {own, by_sm2, newer} == set(await vkeys(served))
        words = ("--dossier", case, "--purpose", "inspection; JW-1", "--url", served.base)
        await place.done("export", *words, "--out", folder / "later.zip")
    for key in (by_sm2, newer):
        await good(folder / "later.zip", *pinned(own, key))


async def strangers(served, key):
    """Two verifiers of other people read the checkpoint by the log's own key."""
    raw = (await served.get("/log/checkpoint", by=None)).raw.decode()
    assert 1 == metamorphic_log.verify_signed_note(raw, [key])
    scales.Checkpoint.from_text(raw).verify(Vkey.from_string(key))
    # No policy names it: theirs would not be read any more.
    policy = (await served.get("/log/policy", by=None)).raw
    assert [key] == [one.text for one in parse_policy(policy).logs]


def key_files(folder, printed):
    files = set(folder.glob("*.sm2"))
    assert len(printed) == len(files) == 3
    assert set(printed) == {path.read_text().splitlines()[0] for path in files}
    assert {0o100400} == {path.stat().st_mode for path in files}


async def verified_by_everybody(copy, case, own, by_sm2):
    line = SIGNED.format(Sm2Key.parse(by_sm2).key_id)
    for what in (copy, case):
        for key in own:
            assert line in await good(what, *pinned(key, by_sm2))
            assert NOT_VERIFIED in await good(what, *pinned(key))
    # As it is served: all keys of the file at once; and beside a policy, which cannot name it.
    assert line in await good(copy, "--key", (copy / "vkey").read_text())
    policy = copy.parent / "policy"
    policy.write_text(f"log {own[0]}\nquorum none\n")
    assert line in await good(case, "--policy", policy, "--key", by_sm2)
    with case.open("rb") as file:
        brought = archive.opened(file).read(dossier.VKEY)
    assert [own[1], by_sm2] == brought.decode().split()
    # Another's key, and one of another log.
    public, _ = sm2.new_pair()
    name = own[0].partition("+")[0]
    for other in (Sm2Key(name, public), Sm2Key("other.example/log", public)):
        for what in (copy, case):
            assert "checkpoint: SM2: " in await bad(what, *pinned(own[1], other.text))


async def stripped(copy, own, by_sm2):
    """Whoever has the log's own key alone can leave the line out, and is found by who pinned it."""
    at = copy / "checkpoint"
    raw = at.read_bytes()
    read, key = note.parse(raw), Sm2Key.parse(by_sm2)
    rest = tuple(line for line in read.signatures if line.key_id != key.key_id)
    at.write_bytes(Note(read.text, rest).raw)
    await good(copy, *pinned(own))
    assert "no line by an SM2 key" in await bad(copy, *pinned(own, by_sm2))
    at.write_bytes(Note(read.text, (*rest, note.Signature(key.name, key.key_id, bytes(64)))).raw)
    assert "does not verify" in await bad(copy, *pinned(own, by_sm2))
    at.write_bytes(raw)
    await good(copy, *pinned(own, by_sm2))


# -- by itself -------------------------------------------------------------------------------------


@pytest.fixture
def true(tmp_path):
    """A true dossier without any line by SM2, a policy for it, and an SM2 key of its log."""
    at, policy = tmp_path / "case.zip", tmp_path / "policy"
    at.write_bytes(zipped(Making().files()))
    policy.write_bytes(POLICY.raw)
    return at, policy, Sm2Key(ORIGIN, sm2.new_pair()[0]).text


def asked(*words):
    said = CliRunner().invoke(main, ["verify", *map(str, words)])
    return said.exit_code, said.output


def test_who_pinned_a_key_wants_its_line_in_a_dossier_too(true):
    at, policy, key = true
    code, told = asked(at, "--policy", policy, "--key", key)
    assert (1, True) == (code, "SM2: no line by an SM2 key" in told), told
    assert 0 == asked(at, "--policy", policy)[0]


def test_a_pinned_key_of_the_province_wants_its_line_there(tmp_path):
    county = county_at(tmp_path / "county", TRUE)
    province = province_at(tmp_path / "province", anchor_data(TRUE, 257))
    public, private = sm2.new_pair()
    key, at = Sm2Key(LOG.name, public), province / "checkpoint"
    words = ("--anchored-key", key.text)
    code, told, _ = asked_of_both(county, province, *words)
    assert (1, True) == (code, "SM2: no line by an SM2 key" in told), told
    read = note.parse(at.read_bytes())
    line = note.sign(read.text, key, sm2.signer(public, private))
    at.write_bytes(Note(read.text, (*read.signatures, line)).raw)
    code, told, _ = asked_of_both(county, province, *words)
    assert (0, True) == (code, "all agree" in told), told


def test_without_the_library_it_says_that_it_cannot_check_the_line(true, monkeypatch):
    at, policy, key = true

    def missing():
        raise sm2.NotInstalled

    monkeypatch.setattr(sm2, "library", missing)
    code, told = asked(at, "--policy", policy, "--key", key)
    assert 2 == code
    assert re.search(r"cannot be checked here: .*pip install 'caseledger\[sm\]'", told), told
    assert "OK" not in told
    assert 0 == asked(at, "--policy", policy)[0]


def test_a_key_by_sm2_alone_is_none_of_the_log(true):
    at, _, key = true
    code, told = asked(at, "--key", key)
    assert (2, True) == (code, "its other key is needed too" in told), told


def test_an_empty_key_is_no_key(true):
    at, _, key = true
    assert 2 == asked(at, "--key", "")[0]
    assert 2 == asked(at, "--key", key, "--key", " ")[0]


class Killed(BaseException):
    """Nothing catches it."""


def made(here):  # noqa: F811
    return sm2_key.made(here.service.settings, OLD, print)


async def named(here):  # noqa: F811
    events = (await here.service.ledger(OLD)).office.events
    return {e.data["key"] for e in events if e.type == SM2_SET}


async def test_what_was_cut_short_goes_on(here, monkeypatch):  # noqa: F811
    def cut(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(sm2_key, "recorded", cut)
        with pytest.raises(Killed):
            await made(here)
    assert set() == await named(here)
    told = await made(here)
    await here.received("QH-002", "2026-03-02")
    assert 3 == len(set(told))
    assert set(told) == await named(here)


@pytest.mark.parametrize("closed", [by_number, by_file])
async def test_a_closed_ledger_gets_none(here, closed):  # noqa: F811
    await closed(here)
    with pytest.raises(Refused, match="is closed by the statement"):
        await made(here)
    assert [] == list(here.service.keys.glob("*.sm2"))


async def test_without_the_library_the_command_says_what_to_install(here, monkeypatch):  # noqa: F811
    def missing():
        raise sm2.NotInstalled

    monkeypatch.setattr(sm2, "library", missing)
    with pytest.raises(Refused, match=r"pip install 'caseledger\[sm\]'"):
        await made(here)
    assert [] == list(here.service.keys.glob("*.sm2"))


# -- what stands in the database -------------------------------------------------------------------


async def signed_here(here):  # noqa: F811
    """Take applications before and after the keys are made; return the checkpoint over all."""
    await here.received("QH-002", "2026-03-02")
    await made(here)
    await here.received("QH-002", "2026-03-03")
    head = await here.service.store.head(OLD)
    publisher = here.service.publishers[OLD]
    assert await publisher.published(head.size, 60)
    return await publisher.log.newest()


async def checked(here, capsys, *kept):  # noqa: F811
    capsys.readouterr()
    good = await upkeep.checked(here.service.settings, OLD, 0, kept, None, print, resume=False)
    return good, capsys.readouterr().out


async def put_in(creator, size, raw):
    """Write another note into the row of a checkpoint, as only the owner of the database can."""
    async with creator.transaction():
        await creator.execute("SET LOCAL session_replication_role = replica")
        await creator.execute("ALTER TABLE ledger.checkpoint DISABLE TRIGGER ALL")
        await creator.execute(
            "UPDATE ledger.checkpoint SET note = $1 WHERE ledger = $2 AND size = $3", raw, OLD, size
        )
        await creator.execute("ALTER TABLE ledger.checkpoint ENABLE TRIGGER ALL")


async def test_fsck_checks_the_line_by_the_key_that_the_event_names(
    here,  # noqa: F811
    connect,
    capsys,
    monkeypatch,
):
    newest = await signed_here(here)
    good, told = await checked(here, capsys)
    assert good, told

    def missing():
        raise sm2.NotInstalled

    with monkeypatch.context() as patched:
        patched.setattr(sm2, "library", missing)
        good, told = await checked(here, capsys)
        assert (False, True) == (good, "lines by SM2 cannot be checked here" in told), told

    read = note.parse(newest.note)
    spoiled = note.Signature(read.signatures[1].name, read.signatures[1].key_id, bytes(64))
    creator = await connect()
    await put_in(creator, newest.size, Note(read.text, (read.signatures[0], spoiled)).raw)
    good, told = await checked(here, capsys)
    assert (False, True) == (good, f"checkpoint: the checkpoint of {newest.size}" in told), told
    await put_in(creator, newest.size, newest.note)
    good, told = await checked(here, capsys)
    assert good, told


async def test_fsck_misses_a_line_that_a_checkpoint_kept_elsewhere_bears(
    here,  # noqa: F811
    connect,
    capsys,
    tmp_path,
):
    newest = await signed_here(here)
    read = note.parse(newest.note)
    own, by_sm2 = read.signatures
    kept = tmp_path / "kept"
    outside = here.service.checkpoints / f"{OLD}.checkpoint"
    assert newest.note == outside.read_bytes()
    bare = Note(read.text, (own,)).raw
    await put_in(await connect(), newest.size, bare)
    missed = f"the checkpoint of {newest.size} has no line by SM2, which {{}} has"

    good, told = await checked(here, capsys)
    assert (False, True) == (good, missed.format("the file outside") in told), told

    # Nothing else says that there was one: a key signs while its file is there.
    outside.write_bytes(bare)
    good, told = await checked(here, capsys)
    assert good, told
    kept.write_bytes(newest.note)
    good, told = await checked(here, capsys, kept)
    assert (False, True) == (good, missed.format(kept) in told), told
    # Who made a line up accuses nobody.
    made_up = note.Signature(by_sm2.name, by_sm2.key_id, bytes(64))
    kept.write_bytes(Note(read.text, (own, made_up)).raw)
    good, told = await checked(here, capsys, kept)
    assert (False, False) == (good, "no line by SM2" in told), told
    assert f"outside: {kept}: " in told
