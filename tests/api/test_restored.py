"""T-REST-2: a base backup and archived WAL, of which a segment is missing or damaged (P15).

PostgreSQL replays as far as the segments go and then goes on from there, on a new timeline,
without a word to whoever asks it.  What lies outside says how much is missing.
"""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from api import operate
from api.setup import example
from ledger.account import account
from ledger.errors import Unavailable
from ledger.log import Log
from ledger.store import Store, companions
from tests.api.serving import Serving, application
from tests.api.test_upkeep import LEDGER, called, given_to, settings

CASES = (2, 3, 4)


class Archived:
    """A home whose database archives its WAL: a base backup, and what came after it.

    `sizes` are those of the ledger in the backup, and after each segment that came after it;
    `segments` the names of those, in order, `begun` that of the one which the backup begins in.
    """

    def __init__(self, folder):
        self.folder = folder
        self.home, self.backup, self.archive = (folder / n for n in ("home", "backup", "archive"))
        self.sizes, self.segments, self.begun = [], [], ""

    async def grow(self):
        at = operate.home(settings(self.home))
        async with operate.database(settings(self.home), at, print) as found:
            await operate.migrate(found, at, print)
            await operate.create(found, at, LEDGER, simulated=None, document=example())
        self.archive.mkdir()
        account().give(self.archive)
        data = self.home / "postgresql" / "data"
        set_in(data, archive_mode="on", archive_command=f"cp %p {self.archive}/%f")
        async with (
            operate.serving(settings(self.home), print) as running,
            aiohttp.ClientSession() as session,
        ):
            here = Serving(session, running.url, running.issuer, running.service, LEDGER)
            creator = await asyncpg.connect(**running.service.database.as_creator())
            await creator.execute("SELECT pg_backup_start('T-REST-2', true)")
            copied(data, self.backup)
            label = await creator.fetchval("SELECT labelfile FROM pg_backup_stop(true)")
            (self.backup / "backup_label").write_text(label)
            self.begun = re.search(r"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)", label)[1]
            self.sizes.append((await here.service.store.head(LEDGER)).size)
            for count in CASES:
                await self.more(here, creator, count)
            await creator.close()

    async def more(self, here, creator, count):
        """Take applications, wait until they are signed, and let the segment be archived."""
        for _ in range(count):
            answer = await here.post("/cases", application("QH-002"), by="zhou-min")
            assert 201 == answer.status, answer.body
        head = await here.service.store.head(LEDGER)
        assert await here.service.publishers[LEDGER].published(head.size, 60)
        self.sizes.append(head.size)
        name = await creator.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
        self.segments.append(name)
        async with asyncio.timeout(60):
            while True:
                last = await creator.fetchval("SELECT last_archived_wal FROM pg_stat_archiver")
                if last is not None and last >= name:
                    return
                await asyncio.sleep(0.05)

    def restored(self, place):
        """The backup with the archive beside it, as an operator puts it back."""
        home = place / "home"
        left_out = shutil.ignore_patterns("socket", "data")
        shutil.copytree(self.home, home, symlinks=True, ignore=left_out)
        data = home / "postgresql" / "data"
        copied(self.backup, data)
        shutil.copytree(self.archive, place / "archive")
        set_in(
            data, archive_mode="off", restore_command=f"cp {place}/archive/%f %p",
            recovery_target_timeline="latest",
        )  # fmt: skip
        (data / "recovery.signal").touch()
        given_to(self.home, home)
        for path in (place / "archive", *(place / "archive").iterdir(), data,
                     data / "recovery.signal", data / "backup_label"):  # fmt: skip
            account().give(path)
        place.chmod(0o711)
        return home


def set_in(data, **values):
    """Set something as ALTER SYSTEM does."""
    with (data / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in values.items())


def copied(old, new):
    """Copy the folder of a database with its owners while it runs, as `pg_basebackup` does.

    Without WAL, which the archive has; what goes away meanwhile is made again by replaying.
    """

    def left_out(folder, names):
        return {n for n in names if folder.endswith("/pg_wal") or n.startswith("postmaster.")}

    def copy(source, target):
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(source, target)

    shutil.copytree(old, new, symlinks=True, ignore=left_out, copy_function=copy)
    for path in [new, *new.rglob("*")]:
        source = old / path.relative_to(new)
        if source.exists():
            state = source.stat()
            os.chown(path, state.st_uid, state.st_gid)


@pytest.fixture(scope="module")
def archived(run):
    folder = Path(tempfile.mkdtemp(prefix="caseledger-archived-"))
    folder.chmod(0o711)
    one = Archived(folder)
    run(one.grow())
    yield one
    shutil.rmtree(folder)


@pytest.fixture
def place():
    folder = Path(tempfile.mkdtemp(prefix="caseledger-restored-"))
    yield folder
    shutil.rmtree(folder)


async def opened(home):
    """Start as `serve` does: what does not hold, and what an act is answered."""
    async with (
        operate.serving(settings(home), print) as running,
        aiohttp.ClientSession() as session,
    ):
        here = Serving(session, running.url, running.issuer, running.service, LEDGER)
        answer = await here.post("/cases", application("QH-002"), by="zhou-min")
        told = [str(one) for one in running.service.findings(LEDGER)]
        return told, answer.status, answer.slug if answer.status != 201 else None


def confirmed(home):
    """An operator says that the new timeline is one they made: it hides nothing else."""
    told = called(home, "confirm", "ST-10", "--by", "guo-an", "--reason", "restored from archive")
    assert 0 == told.exit_code, told.output


def missing(archive, name):
    (archive / name).unlink()


def damaged(archive, name):
    """A byte of the first record of the segment, behind the header of its page."""
    raw = bytearray((archive / name).read_bytes())
    raw[64] ^= 0xFF
    (archive / name).write_bytes(raw)


@pytest.mark.parametrize("harm", [missing, damaged])
@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_restore_that_ends_early_says_how_many_events_are_missing(
    archived, place, run, harm, nth
):
    home = archived.restored(place)
    harm(place / "archive", archived.segments[nth])
    lacking = archived.sizes[-1] - archived.sizes[nth]

    confirmed(home)
    told, status, slug = run(opened(home))

    assert any(f"{LEDGER}: truncated: {lacking} events missing" in one for one in told), told
    assert (503, "integrity-hold") == (status, slug)
    asked = called(home, "recover", "status")
    assert (1, True) == (asked.exit_code, f"{lacking} are missing" in asked.output), asked.output


def test_control_with_every_segment_the_restore_is_whole_and_goes_on(archived, place, run):
    home = archived.restored(place)

    confirmed(home)
    told, status, _ = run(opened(home))

    assert not any("truncated" in one for one in told), told
    assert 201 == status


def test_control_where_the_checkpoint_outside_is_ignored_a_short_restore_goes_on_unseen(
    archived, place, run
):
    home = archived.restored(place)
    missing(place / "archive", archived.segments[1])
    confirmed(home)
    # The files outside are put back with the database: as old as that is.
    run(as_old(home))

    told, status, _ = run(opened(home))

    assert not any("truncated" in one for one in told), told
    assert 201 == status


async def as_old(home):
    at = operate.home(settings(home))
    async with operate.database(settings(home), at, print) as found:
        store = Store(found.as_role("ledger_app"))
        await store.connect()
        for name in (LEDGER, *companions(LEDGER)):
            newest = await Log(store, name).newest()
            path = home / "checkpoints" / f"{name}.checkpoint"
            path.unlink(missing_ok=True)
            if newest is not None:
                path.write_bytes(newest.note)
        await store.close()


def test_without_a_segment_of_the_backup_itself_nothing_starts(archived, place, run):
    """PostgreSQL says so: the copy is not of one moment."""
    home = archived.restored(place)
    missing(place / "archive", archived.begun)

    with pytest.raises(Unavailable, match="did not start"):
        run(opened(home))
