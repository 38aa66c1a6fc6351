"""T-KEY: the key of a log is rotated by commands beside a running service, and by a thief.

Whoever pinned the first key follows to the newest.  A thief with the stolen key writes a whole
history with a rotation of his own in it: witnesses and kept checkpoints tell, the key does not.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

import asyncpg
import pytest

from api import operate
from api.setup import example
from ledger import rotation
from ledger.log import SQL as LOG
from ledger.rotation import KEYS
from ledger.signing import key_of_file
from ledger.tlog import checkpoint, merkle, note, verify
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import TlogError, Unproven
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import NONE, Policy
from ledger.tlog.tile import ENTRIES, Edge, decode_bundle, encode_bundle, tiles
from tests.api.serving import application
from tests.api.test_ceremony import MEMORY, OLD, place_in
from tests.api.test_witness import running
from tests.api.verifying import verified
from tests.ledger.tlog.keys import public, signer


@contextlib.asynccontextmanager
async def witnessed():
    """A place with a ledger and a witness that will know it."""
    folder = Path(tempfile.mkdtemp(prefix="caseledger-keys-", dir=MEMORY))
    place = place_in(folder)
    try:
        async with running(folder / "witness", place.logs) as (witness, url):
            key = witness.identity.key.text
            place.policy.write_text(f"witness inspection {key} {url}\nquorum inspection\n")
            at = operate.home(place.settings)
            async with operate.database(place.settings, at, print) as found:
                await operate.migrate(found, at, print)
                await operate.create(found, at, OLD, simulated=None, document=example())
            yield place, witness
    finally:
        shutil.rmtree(folder)


async def grown(here, signatures):
    """Take an application, and wait for a checkpoint over it with so many signatures."""
    answer = await here.post("/cases", application("QH-002"), by="zhou-min")
    assert 201 == answer.status, answer.body
    publisher = here.service.publishers[OLD]
    head = await here.service.store.head(OLD)
    assert await publisher.published(head.size, 60)
    for _ in range(600):
        newest = await publisher.log.newest()
        found = note.parse(newest.note).signatures
        if newest.size >= head.size and len(found) == signatures:
            return answer.body["case"], newest
        await here.service.store.gather("test", 0.05)
    raise AssertionError(f"not signed so: {newest.note}")


async def vkeys(here, line=""):
    return (await here.get(f"{line}/log/vkey", by=None)).raw.decode().split()


async def refused_on(here, case):
    """An act on a case that was refused: it stands in the open line, and in the dossier."""
    answer = await here.act(case, "seal", {}, by="chen-zhi", version=1)
    assert 400 <= answer.status < 500, answer.body


async def test_a_key_takes_over_and_whoever_pinned_the_first_one_follows(tmp_path):
    copy, kept = tmp_path / "copy", tmp_path / "kept"
    dossier, older = tmp_path / "case.zip", tmp_path / "older.zip"
    async with witnessed() as (place, witness):
        async with place.serving() as here:
            (first,), (line_first,) = await vkeys(here), await vkeys(here, "/open")
            place.logs.write_text(f"log {first}\n")
            old, newest = await grown(here, 2)
            kept.write_bytes(newest.note)
            # A stamped one is what dossiers are made under, as long as its keys are today's.
            await here.service.publishers[OLD].log.keep_time_stamp(newest.size, "tsa", b"token")
            await refused_on(here, old)
            assert b"" == (await here.get("/log/keys", by=None)).raw

            code, told = await place.run("key", "retire")
            assert (1, True) == (code, "one key signs" in told), told
            told = await place.done("key", "rotate")
            _, second = await vkeys(here)
            assert second in told
            code, told = await place.run("key", "rotate")
            assert (1, True) == (code, "two keys sign already" in told), told
            await grown(here, 3)
            assert [first, second] == await vkeys(here)

            place.logs.write_text(f"log {first}\nlog {second}\n")
            assert f"{OLD}: retired {first}" in await place.done("key", "retire")
            case, newest = await grown(here, 2)
            assert [second] == await vkeys(here)
            url = ("--url", here.base)
            await place.done("export", "--log", copy, *url)
            words = ("--dossier", case, "--out", dossier, "--purpose", "inspection; JW-1", *url)
            await place.done("export", *words)
            await refused_on(here, case)
            line_second = (await vkeys(here, "/open"))[-1]
            words = ("--dossier", old, "--out", older, "--purpose", "inspection; JW-1", *url)
            await place.done("export", *words)
            assert newest.size == max(one.size for one in witness.memory.logs())
        await signs_by_the_second_alone(place, first, second)
        async with place.serving() as here:
            assert here.service.broken(OLD) is None
        await an_older_case(older, (first, line_first), (second, line_second))
        for what in (copy, dossier):
            for pinned in (first, second):
                code, out, err = await verified(what, "--key", pinned)
                assert 0 == code, out + err
            code, out, _ = await verified(what, "--key", first)
            assert f"换钥 key add       {first} → {second}" in out
            assert f"换钥 key retire    {first} → {second}" in out
        code, out, err = await verified(copy, "--key", first, "--older", kept)
        assert (0, True) == (code, "grown" in out), out + err
        # Control: without the steps the new key is anybody's.
        steps = (copy / KEYS).read_bytes()
        (copy / KEYS).unlink()
        code, out, _ = await verified(copy, "--key", first)
        assert (1, True) == (code, "no known key" in out), out
        (copy / KEYS).write_bytes(steps)
        await a_thief(place, copy, kept, first, tmp_path)


async def signs_by_the_second_alone(place, first, second):
    """Only the key in force may sign: a retired one in the row, even beside it, is found."""
    assert "all is as it should be" in await place.done("fsck")
    async with operate.database(place.settings, operate.home(place.settings), print) as found:
        creator = await asyncpg.connect(**found.as_creator())
        try:
            for wrong in ([first], [first, second], [second, second]):
                await creator.execute(LOG["set_log_keys"], OLD, wrong)
                code, told = await place.run("fsck")
                why = "its keys are not those that the events name"
                assert (1, True) == (code, why in told), (wrong, told)
            await creator.execute(LOG["set_log_keys"], OLD, [second])
        finally:
            await creator.close()
    assert "all is as it should be" in await place.done("fsck")


async def an_older_case(dossier, *pairs):
    """Its dossier verifies by the keys of before and by those of now, the refusals in it too."""
    for pinned in pairs:
        words = [word for key in pinned for word in ("--key", key)]
        code, out, err = await verified(dossier, *words)
        assert (0, True) == (code, "1 refusals" in out), out + err
        assert "no key of their log" not in out


async def a_thief(place, copy, kept, first, tmp_path):
    """He has the database and the first key, and rewrites all since; who sees it?"""
    stolen = key_of_file(place.home / "keys" / f"log-{OLD}.1.key", first.partition("+")[0])
    assert first == stolen.verifier.text
    thief = key_of_file(tmp_path / "thief.key", stolen.verifier.name)
    forged = tmp_path / "forged"
    rewritten(copy, forged, (stolen, thief))

    # Control: to who has nothing but the stolen key, it is the log.
    code, out, err = await verified(forged, "--key", first)
    assert (0, True) == (code, thief.verifier.text in out), out + err
    # A checkpoint from before tells, and so do witnesses.
    code, out, _ = await verified(forged, "--key", first, "--older", kept)
    assert (1, True) == (code, "older" in out), out
    policy = tmp_path / "policy"
    policy.write_text(f"log {first}\n" + place.policy.read_text())
    code, out, err = await verified(copy, "--policy", policy)
    assert 0 == code, out + err
    code, out, _ = await verified(forged, "--policy", policy)
    assert (1, True) == (code, "quorum" in out), out


def rewritten(copy, forged, pair):
    """Write the copy again with one entry altered, signed by a stolen key and the thief's own."""
    told = checkpoint.parse(note.parse((copy / "checkpoint").read_bytes()).text)
    edge, written = Edge(), {}
    for bundle in tiles(told.size, ENTRIES):
        entries = decode_bundle((copy / bundle.path).read_bytes(), bundle.width)
        entries = [entry.replace(b"zhou-min", b"zhao-min") for entry in entries]
        written[bundle.path] = encode_bundle(entries)
        for entry in entries:
            written |= {tile.path: made for tile, made in edge.add(merkle.leaf_hash(entry))}
    written |= {tile.path: made for tile, made in edge.rest()}
    text = Checkpoint(told.origin, edge.size, edge.root).text
    lines = tuple(note.sign(text, key.verifier, key.sign) for key in pair)
    written["checkpoint"] = note.Note(text, lines).raw
    step = rotation.signed("add", *((key.verifier, key.sign) for key in pair), 5)
    written[KEYS] = step.encode()
    for path, content in written.items():
        (forged / path).parent.mkdir(parents=True, exist_ok=True)
        (forged / path).write_bytes(content)


# -- the chain by itself ---------------------------------------------------------------------------

ORIGIN = "example.org/log"


def pair(seed):
    return VerifierKey(ORIGIN, public(seed)), signer(seed)


def chain_of(*steps, pinned="log"):
    raw = rotation.joined(rotation.signed(*step) for step in steps)
    return rotation.followed(Policy((pair(pinned)[0],), {}, {}, NONE), raw)


def signed_by(size, *seeds):
    text = Checkpoint(ORIGIN, size, bytes(range(32))).text
    return note.Note(text, tuple(note.sign(text, *pair(seed)) for seed in seeds)).raw


def test_a_retired_key_signs_nothing_that_is_larger():
    chain = chain_of(
        ("add", pair("log"), pair("other"), 10), ("retire", pair("log"), pair("other"), 20)
    )
    for size, seeds, good in (
        (20, ("log",), True), (21, ("log",), False), (21, ("log", "other"), True),
        (21, ("other",), True),
    ):  # fmt: skip
        raw = signed_by(size, *seeds)
        read = verify.verify_checkpoint(raw, chain.policy).checkpoint
        if good:
            chain.check(raw, read)
        else:
            with pytest.raises(Unproven, match="retired"):
                chain.check(raw, read)


def test_a_step_by_keys_that_nobody_pinned_leads_nowhere():
    chain = chain_of(("add", pair("other"), pair("inspection"), 10))
    assert [pair("log")[0]] == list(chain.policy.logs)
    # Control: by the one that is pinned it does.
    assert 2 == len(chain_of(("add", pair("log"), pair("inspection"), 1)).policy.logs)


def test_a_step_by_a_key_that_was_retired_before_is_refused():
    taken_over = (
        ("add", pair("log"), pair("other"), 10), ("retire", pair("log"), pair("other"), 20)
    )  # fmt: skip
    for act in ("add", "retire"):
        with pytest.raises(Unproven, match="retired"):
            chain_of(*taken_over, (act, pair("log"), pair("inspection"), 21))
    # Control: by its successor, or before, it is believed.
    assert 3 == len(chain_of(*taken_over, ("add", pair("other"), pair("inspection"), 21)).steps)
    assert 3 == len(chain_of(*taken_over, ("add", pair("log"), pair("inspection"), 20)).steps)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw.replace(b"add", b"aid"),
        lambda raw: raw.replace(b"size 10", b"size 11"),
        lambda raw: raw.replace(b"size 10", b"size 010"),
        lambda raw: raw[:-1],
        lambda raw: b"".join(raw.splitlines(keepends=True)[:-1]),
        lambda raw: raw + b"x\n",
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(rotation.FORMAT.encode(), b"caseledger-key/v2"),
    ],
)
def test_a_step_that_both_have_not_signed_so_is_refused(spoil):
    raw = rotation.signed("add", pair("log"), pair("other"), 10).encode()
    assert 1 == len(rotation.steps(raw))
    with pytest.raises(TlogError):
        rotation.steps(spoil(raw))
