"""A ledger of 70,000 events, held against verifiers and a witness that are not ours.

tlog-scales and metamorphic-log are installed with the tests.  Go's sumdb comes from Debian
(golang-go, golang-golang-x-mod-dev); aics-tlog and aics-witness want a newer Python than ours:

    python3.12 -m venv aics && aics/bin/pip install aics-tlog==0.2.1 aics-witness==0.1.0
    AICS=$PWD/aics/bin make chaos
"""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import metamorphic_log
import pytest
from tlog_scales.reader import TilesReader
from tlog_scales.tlog import InclusionProofInvalid

from api.copies import Address, Folder, mirrored
from api.settings import Settings
from ledger.database import Role
from ledger.queries import load
from ledger.tlog import checkpoint, merkle, note, witness
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.policy import parse
from ledger.tlog.tile import Tile
from ledger.tlog.verify import verify_checkpoint
from tests.api.serving import Serving, serve, started
from tests.api.verifying import verified
from tests.bench.big import grown
from tests.bench.life import ACTS
from tests.bench.wire import free_port, reached
from tests.bench.world import World
from tests.conftest import TEMPLATE
from tests.ledger.tlog import keys

SIZE = 70_000
LEDGER = "469002"
STEP = 997
SPOILED = 27 * STEP  # one of the records that are looked at
GOCODE = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb")
SUMDB = Path(__file__).with_name("sumdb.go")
SQL = load(Path(__file__).with_suffix(".sql"))
AICS = Path(os.environ.get("AICS", "/nowhere"))


@dataclass
class Large:
    """A ledger of that many events with its service, and a copy of its log."""

    database: object
    home: Path
    here: Serving
    folder: Folder
    key: str
    newest: Checkpoint


@pytest.fixture(scope="module")
async def large(template, tmp_path_factory):
    home = tmp_path_factory.mktemp("large")
    name = f"verifiers_{os.getpid()}"
    admin = await asyncpg.connect(**template.named("postgres").as_creator())
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(Role)}")
    database = template.named(name)
    async for here in serve(database, home):
        await lived(here)
    await grown(World(home, database), database, SIZE)
    creator = await asyncpg.connect(**database.as_creator())
    head = await creator.fetchval(SQL["head"], LEDGER)
    await creator.execute(SQL["views_are_at"], LEDGER, head)
    await creator.close()
    async with started(settings(home), database) as here:
        await here.received("QH-002", "2026-06-01")  # an act of its own, behind what was written
        yield await copied(here, database, home)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def settings(home, **more):
    return Settings(home=home, rate_person=0, rate_client=0, **more)


async def lived(here):
    """One case from its receipt to the claim of the supervising department."""
    await here.at("2026-03-02 09:00")
    (by, _, body), *others = ACTS
    received = await here.post("/cases", body, by=by)
    case, here.versions[received.body["case"]] = received.body["case"], received.body["version"]
    for by, action, body in others:
        await here.done(case, action, body, by=by)


async def copied(here, database, home):
    await here.service.ledger(here.ledger)
    head = await here.service.store.head(here.ledger)
    assert head.size > SIZE - 100
    assert await here.service.publishers[here.ledger].published(head.size, 120)
    key = (await here.get("/log/vkey", by=None)).raw.decode().strip()
    folder = Folder(home / "copy")

    def work():
        with Address(f"{here.url}/log", here.tokens.token("jiang-he", "jiang-he")) as address:
            return mirrored(address, folder, lambda *_: None)

    done = await asyncio.to_thread(work)
    return Large(database, home, here, folder, key, done.checkpoint)


@pytest.fixture
def spoiled(large, tmp_path):
    """The copy, with one byte of one leaf's hash changed."""
    at = tmp_path / "spoiled"
    shutil.copytree(large.folder.at, at)
    tile = at / Tile(0, SPOILED // 256).path
    found = bytearray(tile.read_bytes())
    found[SPOILED % 256 * 32] ^= 1
    tile.write_bytes(found)
    return at


class Backend:
    """What tlog-scales reads tiles from."""

    def __init__(self, at):
        self.folder = Folder(at)

    def get(self, *path):
        return self.folder.get("/".join(path))


def reader(at, size):
    found = TilesReader(Backend(at))
    found.set_size(size)
    return found


async def test_our_own_verifier_accepts_the_copy_and_names_what_was_spoiled(large, spoiled):
    code, out, err = await verified(large.folder.at, "--key", large.key)
    assert 0 == code, out + err
    assert f"events        {large.newest.size}\n" in out

    code, out, _ = await verified(spoiled, "--key", large.key)
    assert 1 == code
    assert f"position {SPOILED}" in out


def test_tlog_scales_and_metamorphic_log_agree_with_every_proof(large):
    size, root = large.newest.size, large.newest.root
    strangers = reader(large.folder.at, size)
    signed = (large.folder.at / "checkpoint").read_bytes().decode()

    assert root == strangers.calculate_root_hash()
    for index in (*range(0, size, STEP), size - 1):
        leaf = merkle.leaf_hash(strangers.get_entry(index))
        proof = strangers.get_inclusion_proof(index, size)
        metamorphic_log.checkpoint_verify_inclusion(
            signed, [large.key], index, leaf, proof.node_hashes
        )
        proof.check(leaf, root)
        older = strangers.mth(0, index + 1)
        grown_from = strangers.get_consistency_proof(index + 1, size)
        grown_from.check(older, root)
        metamorphic_log.verify_consistency(index + 1, size, grown_from.node_hashes, older, root)


def test_control_they_refuse_the_spoiled_copy(large, spoiled):
    size, root, index = large.newest.size, large.newest.root, SPOILED - 1
    strangers = reader(spoiled, size)
    leaf = merkle.leaf_hash(strangers.get_entry(index))
    proof = strangers.get_inclusion_proof(index, size)
    with pytest.raises(InclusionProofInvalid):
        proof.check(leaf, root)
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.verify_inclusion(index, size, leaf, proof.node_hashes, root)


# -- Go's sumdb -------------------------------------------------------------------------------

needs_go = pytest.mark.skipif(
    shutil.which("go") is None or not GOCODE.is_dir(),
    reason="needs Go's sumdb: apt-get install golang-go golang-golang-x-mod-dev",
)


def sumdb(at, key, cache):
    env = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(cache)}
    words = ["go", "run", str(SUMDB), str(at), key, str(STEP)]
    return subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=300, env=os.environ | env
    )


@pytest.mark.chaos
@needs_go
async def test_go_opens_the_checkpoint_and_proves_records_and_growth(large, spoiled, tmp_path):
    done = await asyncio.to_thread(sumdb, large.folder.at, large.key, tmp_path / "cache")
    assert 0 == done.returncode, done.stderr
    count = len(range(0, large.newest.size, STEP))
    assert f"{large.newest.origin} {large.newest.size}: {count} records" in done.stdout

    # Control: a changed tile, and another key.
    done = await asyncio.to_thread(sumdb, spoiled, large.key, tmp_path / "cache")
    assert 1 == done.returncode
    other = keys.LOG.text.replace(keys.LOG.name, large.newest.origin)
    done = await asyncio.to_thread(sumdb, large.folder.at, other, tmp_path / "cache")
    assert 1 == done.returncode


# -- aics-tlog and aics-witness ---------------------------------------------------------------

needs_aics = pytest.mark.skipif(
    not (AICS / "aics-tlog").is_file(),
    reason="needs aics-tlog and aics-witness: AICS names the bin folder of a Python >= 3.12",
)


def aics(*words):
    """Run one of its commands; its exit code, and the one JSON object that it prints."""
    command = [str(AICS / words[0]), *map(str, words[1:])]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.chaos
@needs_aics
async def test_aics_tlog_audits_the_checkpoint_entries_and_growth(large, spoiled, tmp_path):
    at, key = large.folder.at, ("--log-key", large.key)

    code, said = await asyncio.to_thread(
        aics, "aics-tlog", "verify-checkpoint", "--tiles", at, *key
    )
    assert 0 == code, said
    for index in (0, 255, 256, 65_535, 65_536, large.newest.size - 1):
        words = ("verify-inclusion", "--tiles", at, *key, "--index", index)
        code, said = await asyncio.to_thread(aics, "aics-tlog", *words)
        assert 0 == code, said
    # Control: under the tile that was changed nothing is proven.
    words = ("verify-inclusion", "--tiles", spoiled, *key, "--index", SPOILED)
    code, said = await asyncio.to_thread(aics, "aics-tlog", *words)
    assert 1 == code, said


@contextlib.asynccontextmanager
async def foreign_witness(folder, large):
    """A witness of somebody else's making: its key as the policy names it, and its address."""
    config, port = folder / "witness.json", free_port()
    common = ("--config", config)
    code, said = aics("aics-witness", "init", *common, "--name", "jw.example/aics")
    assert 0 == code, said
    key = re.search(r"jw\.example/aics\+[0-9a-f]{8}\+\S+", said).group()
    words = ("--origin", large.newest.origin, "--vkey", large.key)
    code, said = aics("aics-witness", "add-log", *common, *words)
    assert 0 == code, said
    listening = ("serve", *map(str, common), "--listen", f"127.0.0.1:{port}")
    process = await asyncio.create_subprocess_exec(str(AICS / "aics-witness"), *listening)
    try:
        await reached(port)
        yield key, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.chaos
@needs_aics
async def test_a_foreign_witness_cosigns_and_refuses(large, tmp_path):
    async with foreign_witness(tmp_path, large) as (key, url):
        policy = tmp_path / "policy"
        policy.write_text(f"witness jw {key} {url}\nquorum jw\n")
        async with started(settings(large.home, policy=policy), large.database) as here:
            await here.received("QH-002", "2026-06-02")
            first = await seen(here)
            await here.received("QH-002", "2026-06-03")
            second = await seen(here)
            assert first.size < second.size
            verify_checkpoint(second.note, parse((await here.get("/log/policy", by=None)).raw))
            publisher = here.service.publishers[here.ledger]
            signers = publisher._signers(await publisher.log.state())

            async def post(old, size, root, path):
                signed = checkpoint.sign(
                    Checkpoint(large.newest.origin, size, root),
                    signers[0].verifier,
                    signers[0].sign,
                )
                body = witness.submission(old, path, signed.raw).raw
                async with here.session.post(f"{url}/add-checkpoint", data=body) as answer:
                    return answer.status, await answer.read()

            size = second.size
            stale = await post(first.size, size, second.root, ())
            assert (409, f"{size}\n".encode()) == stale
            assert 422 == (await post(size, size, bytes(32), ()))[0]  # a fork of the same size
            assert 422 == (await post(size, size + 1, bytes(32), (bytes(32),)))[0]  # a wrong proof


async def seen(here):
    """The newest checkpoint, once it covers the ledger and somebody else's line is under it."""
    size = (await here.service.store.head(here.ledger)).size
    log = here.service.publishers[here.ledger].log
    for _ in range(600):
        newest = await log.newest()
        if newest.size >= size and len(note.parse(newest.note).signatures) == 2:
            return newest
        await here.service.store.gather("test", 0.05)
    raise AssertionError("not cosigned")
