"""fsck, confirmations and the ceremony from the command line, and a restore that is too short.

T-REST-1: the data folder of an earlier moment is put back; what was signed since is missing.
"""

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from click.testing import CliRunner

from api import operate
from api.cli import main
from api.recovery import LENGTH_BYTES
from api.settings import Settings
from api.setup import example
from api.upkeep import moment, one_moment
from ledger.account import account, programs
from ledger.errors import Corrupt, Unavailable
from ledger.fsck_ranges import Workers
from tests.api.serving import Serving, application

LEDGER = "469002"
SIZE = "SELECT max(position) + 1 FROM ledger.event WHERE ledger = $1"


@pytest.fixture(scope="module")
def kept(run):
    """A home whose ledger grew after a copy of its database was made: (home, copy, missing)."""
    folder = Path(tempfile.mkdtemp(prefix="caseledger-upkeep-"))
    folder.chmod(0o711)
    run(grown(folder))
    yield folder
    shutil.rmtree(folder)


def settings(home):
    return Settings(home=home, port=0, admin_port=0, rate_person=0, rate_client=0)


async def grown(folder):
    home = folder / "home"
    at = operate.home(settings(home))
    async with operate.database(settings(home), at, print) as found:
        await operate.migrate(found, at, print)
        await operate.create(found, at, LEDGER, simulated=None, document=example())
    await more(home, 2)
    # The base backup: the database as it is now, and nothing of what lies outside it.
    shutil.copytree(home / "postgresql", folder / "backup", symlinks=True)
    await more(home, 3)


async def more(home, count):
    """Serve, take applications, and wait until they are signed."""
    async with (
        operate.serving(settings(home), print) as running,
        aiohttp.ClientSession() as session,
    ):
        serving = Serving(session, running.url, running.issuer, running.service, LEDGER)
        body = application("QH-002")
        acts = [serving.post("/cases", body, by="zhou-min") for _ in range(count)]
        assert {201} == {answer.status for answer in await asyncio.gather(*acts)}
        assert 200 == (await serving.get("/cases")).status
        for sequence in (LEDGER, f"{LEDGER}.open"):
            head = await running.service.store.head(sequence)
            assert await running.service.publishers[sequence].published(head.size, 60)


@pytest.fixture
def restored(kept, tmp_path):
    """The same home, with the database of the backup put back."""
    place = Path(tempfile.mkdtemp(prefix="caseledger-restored-"))
    home = place / "home"
    shutil.copytree(kept / "home", home, symlinks=True, ignore=shutil.ignore_patterns("socket"))
    shutil.rmtree(home / "postgresql")
    shutil.copytree(kept / "backup", home / "postgresql", symlinks=True)
    given_to(kept / "home", home)
    yield home
    shutil.rmtree(place)


def given_to(old, new):
    """Copies belong to whoever the originals belong to: PostgreSQL insists on it."""
    import os

    new.parent.chmod(0o711)
    for path in [new, *new.rglob("*")]:
        source = old / path.relative_to(new)
        if source.exists():
            state = source.stat()
            os.chown(path, state.st_uid, state.st_gid)


def called(home, *words):
    environment = {"CASELEDGER_HOME": str(home)}
    return CliRunner().invoke(main, list(words), env=environment)


def test_the_ceremony_from_a_short_restore_to_the_right_candidate(kept, restored, tmp_path):
    whole = called(kept / "home", "fsck")
    assert (0, True) == (whole.exit_code, "all is as it should be" in whole.output), whole.output
    copy = called(kept / "home", "recover", "copy", str(tmp_path / "mirror"))
    assert copy.exit_code == 0, copy.output

    status = called(restored, "recover", "status")
    assert (1, True) == (status.exit_code, "3 are missing" in status.output), status.output
    # By each checkpoint, and of each sequence: the database knows nothing of what it lost.
    lines = status.output.splitlines()
    for sequence in (LEDGER, f"{LEDGER}.open", f"{LEDGER}.sealed"):
        assert any(line.startswith(f"{sequence}: ") for line in lines), lines
    by = {where: next(line for line in lines if line.startswith(f"{LEDGER}: ") and where in line)
          for where in ("the database", "the file outside")}  # fmt: skip
    assert "0 are missing" in by["the database"]
    assert "3 are missing" in by["the file outside"]
    checked = called(restored, "fsck")
    assert checked.exit_code == 1
    assert "truncated: 3 events missing that the file outside has signed" in checked.output
    evidence = called(restored, "recover", "copy", str(tmp_path / "evidence"))
    assert evidence.exit_code == 0, evidence.output
    assert (tmp_path / "evidence" / "SHA256SUMS").read_text().count("\n") > 4

    short = called(restored, "recover", "try", str(tmp_path / "evidence" / f"{LEDGER}.records"))
    assert (1, True) == (short.exit_code, "too short" in short.output)
    right = called(restored, "recover", "try", str(tmp_path / "mirror" / f"{LEDGER}.records"))
    assert (0, True) == (right.exit_code, right.output.startswith("right")), right.output
    # The line of the access log is a sequence like any other, and held against its own log.
    access = tmp_path / "mirror" / f"{LEDGER}.open.records"
    told = called(restored, "recover", "try", str(access))
    assert (0, f"right: {count_of(access)} records of {LEDGER}.open") == (
        told.exit_code, told.output.partition(",")[0],
    ), told.output  # fmt: skip
    cut = tmp_path / "cut"
    cut.write_bytes(access.read_bytes()[: size_of_first(access)])
    told = called(restored, "recover", "try", str(cut))
    assert (1, True) == (told.exit_code, told.output.startswith("too short")), told.output
    altered = (tmp_path / "mirror" / f"{LEDGER}.records").read_bytes().replace(b"zhou", b"zhao", 1)
    (tmp_path / "altered").write_bytes(altered)
    wrong = called(restored, "recover", "try", str(tmp_path / "altered"))
    assert (1, True) == (wrong.exit_code, wrong.output.startswith("wrong")), wrong.output


def size_of_first(records):
    raw = records.read_bytes()
    return LENGTH_BYTES + int.from_bytes(raw[:LENGTH_BYTES], "big")


def count_of(records):
    """How many records a file has: each is a header line, a line feed, a body."""
    raw, count, at = records.read_bytes(), 0, 0
    while at < len(raw):
        at += LENGTH_BYTES + int.from_bytes(raw[at : at + LENGTH_BYTES], "big")
        count += 1
    return count


async def opened(home):
    """Start as `serve` does; return why appends are held, None where they are not."""
    async with operate.serving(settings(home), print) as running:
        return running.service.broken(LEDGER)


def test_a_short_restore_is_held_and_says_how_short(restored, run):
    held = run(opened(restored))

    assert isinstance(held, Corrupt)
    assert "ST-8: 469002: truncated: 3 events missing that the file outside" in str(held)


def test_control_without_the_file_outside_a_short_restore_goes_on_unseen(restored, run):
    # What lay outside was restored with the database: it is as old as that.
    from ledger.log import Log
    from ledger.store import Store

    async def as_old():
        at = operate.home(settings(restored))
        async with operate.database(settings(restored), at, print) as found:
            store = Store(found.as_role("ledger_app"))
            await store.connect()
            for name in (LEDGER, f"{LEDGER}.open", f"{LEDGER}.sealed"):
                newest = await Log(store, name).newest()
                if newest is not None:
                    path = restored / "checkpoints" / f"{name}.checkpoint"
                    path.write_bytes(newest.note)
            await store.close()

    run(as_old())

    assert run(opened(restored)) is None


def test_a_confirmation_is_written_down(kept):
    told = called(kept / "home", "confirm", "ST-10", "--by", "guo-an", "--reason", "promoted")

    assert told.exit_code == 0, told.output
    assert "ST-10 of ledger 469002: 1 is confirmed by guo-an" in told.output
    (line,) = (kept / "home" / "checkpoints" / "confirmed.jsonl").read_text().splitlines()
    assert '"reason": "promoted"' in line


# -- T-TAMP-2: bits flipped on the disk, the checksums of its pages written anew ---------------


async def known_bytes(home):
    """Return bytes that stand in the files of the database: of an event, a tile, an index."""
    at = operate.home(settings(home))
    async with operate.database(settings(home), at, print) as found:
        creator = await asyncpg.connect(**found.as_creator())
        await creator.execute("CHECKPOINT")
        record = await creator.fetchval(
            "SELECT record FROM ledger.event WHERE ledger = $1 AND position = 40", LEDGER
        )
        large = await creator.fetchrow(
            "SELECT position, record FROM ledger.event WHERE ledger = $1"
            " ORDER BY octet_length(record) DESC LIMIT 1",
            LEDGER,
        )
        note = await creator.fetchval(
            "SELECT note FROM ledger.checkpoint WHERE ledger = $1 ORDER BY size DESC LIMIT 1",
            LEDGER,
        )
        await creator.close()
    toast = bytes(large["record"])[2000:2060]
    return {"heap": bytes(record)[-60:], "toast": toast, "checkpoint": bytes(note)[-60:]}


@pytest.mark.parametrize(
    ("where", "told"), [("heap", "leaf"), ("toast", "leaf"), ("checkpoint", "checkpoint")]
)
def test_a_flipped_bit_is_found_though_the_checksums_are_right(kept, run, where, told, monkeypatch):
    place = Path(tempfile.mkdtemp(prefix="caseledger-flipped-"))
    home = place / "home"
    shutil.copytree(kept / "home", home, symlinks=True, ignore=shutil.ignore_patterns("socket"))
    given_to(kept / "home", home)
    try:
        assert called(home, "fsck").exit_code == 0
        flip(home / "postgresql" / "data", run(known_bytes(home))[where])

        found = called(home, "fsck")

        assert found.exit_code == 1
        assert told in found.output, found.output
        # By several processes it is the same, to the word.
        monkeypatch.setattr("ledger.fsck.LARGE", 0)
        assert told_by(found) == told_by(called(home, "fsck", "--jobs", "2"))
    finally:
        shutil.rmtree(place)


def told_by(checked):
    return [line for line in checked.output.splitlines() if "events/s" not in line]


def test_processes_read_a_large_ledger_and_one_that_dies_is_told(kept, monkeypatch):
    monkeypatch.setattr("ledger.fsck.LARGE", 0)
    monkeypatch.setattr("ledger.fsck_ranges.RANGE", 2)
    looked: list[int] = []
    look = Workers.looked

    async def counted(self, sequence, begin, end):
        looked.append(begin)
        return await look(self, sequence, begin, end)

    monkeypatch.setattr(Workers, "looked", counted)
    alone = called(kept / "home", "fsck", "--jobs", "1")
    assert not looked
    together = called(kept / "home", "fsck", "--jobs", "2")
    assert len(looked) > 3
    assert (0, told_by(alone)) == (together.exit_code, told_by(together))

    async def killed(self, sequence, begin, end):
        waiting = asyncio.create_task(look(self, sequence, begin, end))
        await asyncio.sleep(0)
        for worker in self._all:
            worker.process.kill()
        return await waiting

    monkeypatch.setattr(Workers, "looked", killed)
    died = called(kept / "home", "fsck", "--jobs", "2")
    assert died.exit_code == 1
    assert "--jobs 1 does without" in died.output


def flip(data, needle):
    """Flip one bit of every place where these bytes stand, then make the checksums anew."""
    flipped = 0
    for path in data.glob("base/*/*"):
        raw = path.read_bytes()
        if needle in raw:
            altered = needle[:9] + bytes([needle[9] ^ 1]) + needle[10:]
            path.write_bytes(raw.replace(needle, altered))
            flipped += 1
    assert flipped
    one = account()
    programs_here = programs(None, one)
    for word in ("--disable", "--enable"):
        subprocess.run(
            [programs_here / "pg_checksums", word, "-D", data],
            check=True,
            capture_output=True,
            **one.arguments,
        )


async def test_all_connections_of_a_check_see_one_moment(kept):
    """Whatever is committed between what the first sees and what the others see."""
    place = Path(tempfile.mkdtemp(prefix="caseledger-moment-"))
    home = place / "home"
    shutil.copytree(kept / "home", home, symlinks=True, ignore=shutil.ignore_patterns("socket"))
    given_to(kept / "home", home)
    try:
        async with (
            operate.serving(settings(home), print) as running,
            aiohttp.ClientSession() as session,
            moment(settings(home), print) as found,
        ):
            size = await found.connection.fetchval(SIZE, LEDGER)
            workers = await found.workers(1)
            serving = Serving(session, running.url, running.issuer, running.service, LEDGER)
            answer = await serving.post("/cases", application("QH-002"), by="zhou-min")
            assert 201 == answer.status

            second = await found.second()
            assert size == await second.fetchval(SIZE, LEDGER)
            assert [] == (await workers.looked(LEDGER, size, size + 100)).runs
            (whole,) = (await workers.looked(LEDGER, 0, size + 100)).runs
            assert (0, size) == (whole[0], len(whole[1]) // 32)
            # The control: there is more by now.
            async with one_moment(settings(home), print) as later:
                assert size < await later.fetchval(SIZE, LEDGER)
    finally:
        shutil.rmtree(place)


async def test_a_worker_that_cannot_connect_says_why(kept):
    async with moment(settings(kept / "home"), print) as found:
        found.reach["user"] = "nobody"
        workers = await found.workers(1)

        with pytest.raises(Unavailable, match="--jobs 1") as refused:
            await workers.looked(LEDGER, 0, 10)

    assert "password" in str(refused.value) or "nobody" in str(refused.value)
