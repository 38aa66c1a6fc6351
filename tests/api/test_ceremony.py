"""The recovery ceremony, all eight steps on a real PostgreSQL with a real witness (STORE 10, P15).

A base backup is put back behind a checkpoint that was signed and cosigned.  T-REST-1, and what
follows from it: no way leads on under the same origin but the missing events themselves.
"""

import asyncio
import contextlib
import re
import shutil
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from api import operate
from api.cli import main
from api.settings import Settings
from api.setup import example
from ledger import closing
from ledger.closing import CLOSED_EPOCH
from ledger.log import Log
from ledger.store import Store
from ledger.stored import read
from ledger.tlog import note
from ledger.tlog.checkpoint import Checkpoint
from tests.api.serving import ZONE, Serving, application, sha
from tests.api.test_witness import running
from tests.api.verifying import verified
from tests.ledger.dossiers import record

# Ten copies of a database that is killed by nobody: in memory, where there is room.
MEMORY = "/dev/shm" if shutil.disk_usage("/dev/shm").free > 2 << 30 else None
OLD, NEW = "469002", "469002-2"
INSPECTION = "inspection; JW-2026-001"


class Place:
    """A home on a machine of its own: settings, commands, the service."""

    def __init__(self, folder):
        self.folder, self.home = folder, folder / "home"
        self.policy, self.logs = folder / "policy", folder / "logs"
        self.data = self.home / "postgresql"

    @property
    def settings(self):
        return Settings(
            home=self.home, port=0, admin_port=0, rate_person=0, rate_client=0, policy=self.policy
        )

    async def run(self, *words):
        env = {"CASELEDGER_HOME": str(self.home), "CASELEDGER_POLICY": str(self.policy)}
        told = await asyncio.to_thread(CliRunner().invoke, main, [*map(str, words)], env=env)
        return told.exit_code, told.output

    async def done(self, *words):
        code, told = await self.run(*words)
        assert 0 == code, told
        return told.splitlines()

    @contextlib.asynccontextmanager
    async def serving(self, ledger=OLD):
        async with (
            operate.serving(self.settings, print) as there,
            aiohttp.ClientSession() as session,
        ):
            yield Serving(session, there.url, there.issuer, there.service, ledger)

    def kept(self, name):
        """Copy the database as it is now, and nothing of what lies outside it."""
        copied(self.data, self.folder / name)

    def put_back(self, name):
        shutil.rmtree(self.data)
        copied(self.folder / name, self.data)


def copied(old, new):
    """Copy a folder with its owners: PostgreSQL insists on them."""
    subprocess.run(["cp", "-a", old, new], check=True)


def place_in(folder):
    """A place that the account of PostgreSQL may pass through."""
    folder.chmod(0o711)
    place = Place(folder)
    place.logs.write_text("quorum none\n")
    return place


async def signed(here, ledger, lines=2):
    """Wait until all there is is signed, and the witness's line is under it."""
    publisher = here.service.publishers[ledger]
    head = await here.service.store.head(ledger)
    assert await publisher.published(head.size, 60)
    for _ in range(600):
        newest = await publisher.log.newest()
        if newest.size >= head.size and len(note.parse(newest.note).signatures) == lines:
            return newest
        await here.service.store.gather("test", 0.05)
    raise AssertionError("not cosigned")


async def grown(place, count, lines=2):
    """Serve, take applications, and wait until they are signed and cosigned: numbers, key."""
    async with place.serving() as here:
        answers = [await here.post("/cases", application("QH-002"), by="zhou-min")
                   for _ in range(count)]  # fmt: skip
        assert {201} == {answer.status for answer in answers}
        key, *_ = (await here.get("/log/vkey", by=None)).raw.decode().split()
        place.logs.write_text(f"log {key}\nquorum none\n")
        newest = await signed(here, OLD, lines)
        return [answer.body for answer in answers], key, newest


@contextlib.asynccontextmanager
async def short(count=3, *words, lines=2):
    """A ledger that was restored to before its last checkpoint: place, witness, lost, key, last.

    A command that is given is run before the backup; checkpoints have so many lines from then on.
    """
    folder = Path(tempfile.mkdtemp(prefix="caseledger-ceremony-", dir=MEMORY))
    place = place_in(folder)
    try:
        async with running(folder / "witness", place.logs) as (witness, url):
            key = witness.identity.key.text
            place.policy.write_text(f"witness inspection {key} {url}\nquorum inspection\n")
            at = operate.home(place.settings)
            async with operate.database(place.settings, at, print) as found:
                await operate.migrate(found, at, print)
                await operate.create(found, at, OLD, simulated=None, document=example())
            await grown(place, 2)
            if words:
                await place.done(*words)
            place.kept("backup")
            lost, key, last = await grown(place, count, lines)
            place.kept("whole")
            place.put_back("backup")
            yield place, witness, lost, key, last
    finally:
        shutil.rmtree(folder)


async def refused(place, ledger, slug, *, warned=True):
    """Appends are refused, with that problem."""
    async with place.serving(ledger) as here:
        answer = await here.post("/cases", application("QH-002"), by="zhou-min")
        assert (503, slug) == (answer.status, answer.slug), answer.body
        assert warned == (answer.headers.get("Ledger-Integrity") == "hold")
        return str(here.service.broken(ledger))


async def test_a_ledger_whose_events_are_lost_is_closed_and_another_one_follows(tmp_path):
    async with short() as (place, witness, lost, old_key, last):
        # 1: held, with its code; nothing is repaired.
        why = await refused(place, OLD, "integrity-hold")
        assert "ST-8: 469002: truncated: 3 events missing" in why
        # 2: copied before anything is touched; the witness has seen what is missing here.
        await place.done("recover", "copy", tmp_path / "evidence")
        assert last.size in {kept.size for kept in witness.memory.logs()}
        # 3: nobody has the missing events.
        code, told = await place.run("recover", "try", tmp_path / "evidence" / f"{OLD}.records")
        assert (1, True) == (code, "too short: " in told), told
        # 4: two people of two organs.
        statement, digest = await closed(place, tmp_path, last)
        told = closing.closed(statement.read_bytes())
        assert (last.size, 3) == (told.own.signed.size, told.own.missing)
        assert "closed by the statement " + digest in await refused(place, OLD, "integrity-hold")
        # Nor does it go on from any backup: the closing lies outside the database.
        place.put_back("whole")
        assert "closed by the statement " + digest in await refused(place, OLD, "integrity-hold")
        place.put_back("backup")
        # 5: a new origin, a new key, and a first event that names what was before.
        await follows(place, tmp_path, statement, digest, told)
        # 6, 7, 8.
        await goes_on(place, witness, tmp_path, lost, old_key, told, digest)
        code, out, err = await verified(
            tmp_path / "new-log", "--key", (tmp_path / "key").read_text(), "--statement", statement
        )
        assert 0 == code, out + err
        assert f"续接 follows        {told.own.signed.origin}" in out
        other = tmp_path / "other-statement"
        other.write_bytes(statement.read_bytes().replace(b"because no", b"because an"))
        code, out, _ = await verified(
            tmp_path / "new-log", "--key", (tmp_path / "key").read_text(), "--statement", other
        )
        assert (1, True) == (code, "follows" in out), out


async def closed(place, tmp_path, last):
    """Steps 4: keys, draft, signatures, closing; and what does not close it."""
    keys = {}
    for organ, person in (
        ("qh-xzsp", "wu-jun"), ("qh-jw", "yan-qing"), ("qh-xzsp", "guo-an"), ("qh-jw", "zhou-min"),
    ):  # fmt: skip
        path = tmp_path / f"{organ}.{person}.key"
        (keys[person],) = await place.done(
            "recover", "key", path, "--organ", organ, "--person", person
        )
    file = tmp_path / "closing"

    def draft(*people):
        chosen = [word for one in people for word in ("--signer", keys[one])]
        reason = "no copy has the missing events"
        return place.run("recover", "draft", file, "--reason", reason, *chosen)

    for people, why in (
        (("wu-jun", "guo-an"), "of one organ"),
        (("wu-jun", "wu-jun"), "a key of their own"),
        (("wu-jun", "zhou-min"), "zhou-min has held no post in qh-jw"),
        (("wu-jun",), "two people sign"),
    ):
        code, told = await draft(*people)
        assert (1, True) == (code, why in told), (people, told)
        assert not file.exists()
    code, told = await draft("wu-jun", "yan-qing")
    assert (0, True) == (code, f"signed {last.size}" in told), told

    code, told = await place.run("recover", "close", file)
    assert (1, True) == (code, "without signatures" in told), told
    code, told = await place.run("recover", "sign", file, "--key", tmp_path / "qh-xzsp.guo-an.key")
    assert (1, True) == (code, "names another key" in told), told
    await place.done("recover", "sign", file, "--key", tmp_path / "qh-jw.yan-qing.key")
    code, told = await place.run("recover", "close", file)
    assert (1, True) == (code, "signed by the two" in told), told
    await place.done("recover", "sign", file, "--key", tmp_path / "qh-xzsp.wu-jun.key")
    altered = tmp_path / "altered"
    altered.write_bytes(file.read_bytes().replace(b"because no", b"because a "))
    code, told = await place.run("recover", "close", altered)
    assert (1, True) == (code, "does not verify" in told), told
    assert "closed" not in await refused(place, OLD, "integrity-hold")

    digest = (await place.done("recover", "close", file))[-1]
    assert closing.digest(file.read_bytes()) == digest
    return file, digest


async def follows(place, tmp_path, statement, digest, told):
    """Step 5, and what does not follow."""
    altered = tmp_path / "altered"
    begin = ("init", "--ledger", NEW, "--example", "--follows")
    code, out = await place.run(*begin, altered)
    assert (1, True) == (code, "does not verify" in out), out
    code, out = await place.run(*begin, statement, "--digest", "0" * 64)
    assert (1, True) == (code, "not the statement" in out), out
    others = tmp_path / "others"
    others.write_text(told.text.replace("no copy has", "nobody sent"), "utf-8")
    for one in ("qh-jw.yan-qing", "qh-xzsp.wu-jun"):
        await place.done("recover", "sign", others, "--key", tmp_path / f"{one}.key")
    code, out = await place.run(*begin, others)
    assert (1, True) == (code, "not the statement that closed" in out), out
    code, out = await place.run(*begin, statement, "--origin", told.own.signed.origin)
    assert (1, True) == (code, "is that of another history" in out), out
    await place.done(*begin, statement, "--digest", digest)


async def goes_on(place, witness, tmp_path, lost, old_key, told, digest):
    """Step 6 to 8: the witness takes the new origin in, acts are entered late, all is proved."""
    async with place.serving(NEW) as here:
        key = (await here.get("/log/vkey", by=None)).raw.decode().strip()
        assert key.partition("+")[0] != told.own.signed.origin
        assert key.rpartition("+")[2] != old_key.rpartition("+")[2]
        place.logs.write_text(f"log {old_key}\nlog {key}\nquorum none\n")
        first = await here.service.store.row(NEW, 0)
        assert digest.encode() in first.record
        yesterday = (datetime.now(ZONE) - timedelta(days=1)).isoformat(timespec="seconds")
        for receipt in lost:
            late = application("QH-002") | {
                "occurred_at": yesterday, "reason": f"受理回执 {receipt['case']}",
            }  # fmt: skip
            late["materials"].append(
                late["materials"][0] | {"name": "回执", "sha256": sha(receipt["case"])}
            )
            entered = await here.post("/cases", late, by="zhou-min")
            assert 201 == entered.status, entered.body
            row = await here.service.store.row(NEW, int(entered.headers["Ledger-Position"]))
            assert b"late-entry" in row.record
        newest = await signed(here, NEW)
        origins = {kept.origin: kept.size for kept in witness.memory.logs()}
        assert told.own.signed.size == origins[told.own.signed.origin]
        assert newest.size == origins[key.partition("+")[0]]
        ready = await here.get(f"{here.base}/readyz", by=None)
        assert (200, digest) == (ready.status, ready.body["ledgers"][OLD]["closed"])
        assert ready.body["ledgers"][NEW]["closed"] is None
        # The old one is read, with a warning, and the reading stands in the new one's line.
        case = f"{here.base}/v1/ledgers/{OLD}/cases"
        before = (await here.service.store.head(f"{NEW}.open")).size
        answer = await here.get(case, by="chen-zhi")
        assert (200, "hold") == (answer.status, answer.headers["Ledger-Integrity"]), answer.body
        row = await here.service.store.row(f"{NEW}.open", before)
        assert f'"ledger":"{OLD}"'.encode() in row.record
        # What is held of it is proved by its old key.
        code, out = await place.run(
            "export", "--ledger", OLD, "--log", tmp_path / "old-log", "--url", here.base
        )
        assert 0 == code, out
        code, out, err = await verified(tmp_path / "old-log", "--key", old_key)
        assert 0 == code, out + err
        code, out = await place.run(
            "export", "--ledger", NEW, "--log", tmp_path / "new-log", "--url", here.base
        )
        assert 0 == code, out
        (tmp_path / "key").write_text(key)
        dossier = tmp_path / "case.zip"
        code, out = await place.run(
            "export", "--ledger", NEW, "--dossier", entered.body["case"], "--out", dossier,
            "--purpose", INSPECTION, "--url", here.base,
        )  # fmt: skip
        assert 0 == code, out
        code, out, err = await verified(dossier, "--key", key)
        assert (0, True) == (code, f"终止声明 closed by    {digest}" in out), out + err


async def test_a_backup_from_before_a_rotation_can_be_closed_too(tmp_path):
    """The row that was restored names the old key; what was signed last bears the new one alone."""
    async with short(1) as (place, _, _, first, _):
        place.put_back("whole")
        await place.done("key", "rotate")
        await taken(place)
        await place.done("key", "retire")
        last = await taken(place)
        names = [line.name for line in note.parse(last.note).signatures]
        assert 1 == names.count(first.partition("+")[0])
        place.put_back("backup")
        code, told = await place.run("recover", "status")
        assert (1, True) == (code, f"{last.size} were signed" in told), told
        await closed(place, tmp_path, last)


async def taken(place):
    """Take an application in and wait until the log has signed it; the newest checkpoint."""
    async with place.serving() as here:
        assert 201 == (await here.post("/cases", application("QH-002"), by="zhou-min")).status
        head = await here.service.store.head(OLD)
        publisher = here.service.publishers[OLD]
        assert await publisher.published(head.size, 60)
        return await publisher.log.newest()


async def test_the_right_candidate_goes_on_under_the_same_origin():
    async with short(2) as (place, _, _, key, last):
        await refused(place, OLD, "integrity-hold")
        place.put_back("whole")
        async with place.serving() as here:
            assert here.service.broken(OLD) is None
            answer = await here.post("/cases", application("QH-002"), by="zhou-min")
            assert 201 == answer.status
            assert key == (await here.get("/log/vkey", by=None)).raw.decode().strip()
            newest = await signed(here, OLD)
            assert newest.size > last.size


async def test_a_witness_that_is_ahead_holds_the_start_and_one_that_is_away_does_not(tmp_path):
    """ST-8 by a witness alone: what lies outside the database was put back with it."""
    async with short(2) as (place, _, _, _, last):
        outside = place.home / "checkpoints" / f"{OLD}.checkpoint"
        async with operate.database(place.settings, operate.home(place.settings), print) as found:
            store = Store(found.as_role("ledger_app"))
            await store.connect()
            newest = await Log(store, OLD).newest()
            outside.write_bytes(newest.note)
            await store.close()
        async with place.serving() as here:
            (told,) = here.service.found[OLD]
            missing = last.size - newest.size
            assert f"truncated: {missing} events missing that inspection has seen" in told.what
            assert "hold" == str(told.severity)
            # Held before anything was signed: nothing was submitted that the witness would keep.
            assert outside.read_bytes() == newest.note
        # The ceremony sees it by the witness alone, and takes what is there for what it is.
        code, told = await place.run("recover", "status")
        line = next(line for line in told.splitlines() if "the witness inspection" in line)
        assert (1, True) == (code, f"{last.size} were seen" in line), told
        assert f"{missing} are missing" in line
        await place.done("recover", "copy", tmp_path / "evidence")
        candidate = tmp_path / "evidence" / f"{OLD}.records"
        code, told = await place.run("recover", "try", candidate)
        assert (1, True) == (code, "too short: " in told), told
        policy = place.policy.read_text()
        # Control: a witness that is away warns, and the short ledger would go on.
        place.policy.write_text(re.sub(r"http://\S+", "http://127.0.0.1:9", policy))
        async with place.serving() as here:
            (told,) = here.service.found[OLD]
            assert ("ST-8", "warning") == (told.id, str(told.severity))
            assert here.service.broken(OLD) is None
            code, told = await place.run("recover", "try", candidate)
            assert (0, True) == (code, "does not answer" in told), told
            ready = await here.get(f"{here.base}/readyz", by=None)
            assert (200, ["ST-8"]) == (ready.status, [f["id"] for f in ready.body["findings"]])


async def test_control_without_file_and_number_a_closed_ledger_goes_on(tmp_path):
    """What keeps it closed are the file outside and the number in the database, each alone."""
    async with short(1) as (place, _, _, _, last):
        _, digest = await closed(place, tmp_path, last)
        file = place.home / "checkpoints" / f"{OLD}.closed"
        kept = file.read_bytes()
        file.unlink()
        assert "whose file is missing" in await refused(place, OLD, "integrity-hold")
        file.write_bytes(kept)
        place.put_back("whole")
        assert digest in await refused(place, OLD, "integrity-hold")
        async with operate.database(place.settings, operate.home(place.settings), print) as found:
            store = Store(found.as_role("ledger_app"))
            await store.connect()
            assert CLOSED_EPOCH == (await store.head(OLD)).epoch
            await store.close()
        file.unlink()
        place.put_back("whole")
        async with place.serving() as here:
            assert here.service.broken(OLD) is None


TREE = Checkpoint("example.org/log", 3, bytes(32)).text


@pytest.mark.parametrize(
    "spoiled",
    [
        {"checkpoint": "x"}, {"checkpoint": 3}, {"checkpoint": TREE[:-2]}, {"held": "2"},
        {"held": True}, {"origin": None}, {"statement": ["0" * 64]}, {"more": ""},
    ],
)  # fmt: skip
def test_what_has_not_the_shape_of_a_link_is_none(spoiled):
    """Whoever keeps a log writes its first event: it may not end a verifier."""
    true = {
        "origin": "example.org/log", "checkpoint": TREE, "held": 2, "statement": "0" * 64,
    }  # fmt: skip

    def told(follows):
        raw = record(0, "ledger:x", 1, closing.OPENED, {"follows": follows}, ledger="x")
        return closing.link_of(read(raw))

    assert true == told(true)
    assert told(true | spoiled) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("signed 3", "signed 03"),
        ("signer a/b", "signer a"),
        ("because ", "because \t"),
        ("held 2", "held -2"),
        ("ledger x", "ledgers x"),
        ("caseledger-closing/v1", "caseledger-closing/v2"),
    ],
)
def test_another_spelling_of_a_statement_is_refused(old, new):
    from ledger.tlog.errors import Malformed
    from ledger.tlog.note import VerifierKey
    from tests.ledger.tlog.keys import public

    held = closing.Held(Checkpoint("o/x", 3, bytes(32)), 2, bytes(32))
    keys = (VerifierKey("a/b", public("log")), VerifierKey("c/d", public("other")))
    text = closing.Closing("x", "lost", (held,), keys).text
    assert closing.parse(text).text == text
    with pytest.raises(Malformed):
        closing.parse(text.replace(old, new, 1))
