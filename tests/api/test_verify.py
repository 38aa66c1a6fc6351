"""`caseledger verify` and the copy of a log, as somebody uses them who does not trust us."""

import asyncio
import shutil

import pytest
from click.testing import CliRunner
from tlog_scales.reader import TilesReader

from api import copies
from api.cli import main
from api.copies import Address, Folder, Unread, mirrored
from ledger.tlog import note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import Note, VerifierKey
from tests.api.serving import serve
from tests.api.verifying import verified, verify
from tests.ledger.dossiers import LOG, POLICY, WITNESSED, Making, zipped
from tests.ledger.tlog import keys


@pytest.fixture
def dossier(tmp_path):
    at = tmp_path / "case.zip"
    at.write_bytes(zipped(Making().files()))
    return at


@pytest.fixture
def policy(tmp_path):
    at = tmp_path / "policy"
    at.write_bytes(POLICY.raw)
    return at


# -- dossiers --------------------------------------------------------------------------------


def test_it_runs_where_there_is_neither_database_nor_server_nor_network(dossier, policy):
    code, out, err = verify(dossier, "--policy", policy)

    assert (0, "") == (code, err)
    for named in ("469002", "size 13", "events        5", "after        11", "2 refusals", "OK"):
        assert named in out


def test_control_what_is_blocked_there_is_blocked():
    code, out, _ = verify("http://127.0.0.1:9/log", "--key", LOG.text)

    assert 1 == code
    assert "there is no network here" in out


def test_without_keys_it_says_that_it_proves_nothing(dossier):
    code, out, _ = verify(dossier)

    assert 1 == code
    assert "UNPINNED" in out
    assert "OK" not in out


def test_a_forged_one_is_refused_on_one_line(dossier, policy):
    forged = Making()
    files = forged.files()
    files["case-000000000008.event"] = files["case-000000000008.event"].replace(b"8", b"7")
    dossier.write_bytes(zipped(files))

    code, out, err = verify(dossier, "--policy", policy)

    assert (1, "", 1) == (code, err, out.count("\n"))
    assert "position 8: event" in out


def test_a_hostile_one_is_refused_on_one_line(dossier, policy):
    dossier.write_bytes(dossier.read_bytes() + b"x")

    code, out, err = verify(dossier, "--policy", policy)

    assert (1, "", 1) == (code, err, out.count("\n"))
    assert "BAD" in out


USED_WRONGLY = {
    "two ways to say whom": ("--key", LOG.text, "--policy", "{policy}"),
    "a key that is none": ("--key", "hello"),
    "a policy that is none": ("--policy", "{zip}"),
    "an older checkpoint of a dossier": ("--key", LOG.text, "--older", "{policy}"),
    "a file that is not there": ("--policy", "/nowhere"),
}


@pytest.mark.parametrize("how", USED_WRONGLY)
def test_used_wrongly_is_2(how, dossier, policy):
    words = [word.format(policy=policy, zip=dossier) for word in USED_WRONGLY[how]]

    said = CliRunner().invoke(main, ["verify", str(dossier), *words])

    assert 2 == said.exit_code, said.output


def test_an_origin_can_be_asked_for(dossier, policy):
    right = CliRunner().invoke(
        main, ["verify", str(dossier), "--policy", str(policy), "--origin", LOG.name]
    )
    wrong = CliRunner().invoke(
        main, ["verify", str(dossier), "--policy", str(policy), "--origin", "other"]
    )

    assert (0, 1) == (right.exit_code, wrong.exit_code)


def test_a_quorum_of_witnesses_is_asked_for_and_named(dossier, policy):
    policy.write_bytes(WITNESSED.raw)
    lacking = CliRunner().invoke(main, ["verify", str(dossier), "--policy", str(policy)])
    dossier.write_bytes(zipped(Making(witnesses=("inspection",)).files()))

    seen = CliRunner().invoke(main, ["verify", str(dossier), "--policy", str(policy)])

    assert (1, 0) == (lacking.exit_code, seen.exit_code)
    assert "quorum" in lacking.output
    assert "inspection 2026-09-21" in seen.output


def test_an_unpacked_one_is_not_what_was_handed_over(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")

    said = CliRunner().invoke(main, ["verify", str(tmp_path), "--key", LOG.text])

    assert 2 == said.exit_code


# -- logs ------------------------------------------------------------------------------------


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path / "home"):
        yield serving


async def published(here):
    await here.service.ledger(here.ledger)
    head = await here.service.store.head(here.ledger)
    assert await here.service.publishers[here.ledger].published(head.size, 30)
    return (await here.get("/log/vkey", by=None)).raw.decode().strip()


async def copied(here, folder, by="jiang-he", source=None):
    token = here.tokens.token(by, by) if by else None
    steps = []

    def work():
        with Address(f"{here.url}/log", token) as address:
            return mirrored(source or address, folder, lambda *step: steps.append(step))

    return await asyncio.to_thread(work), steps


async def test_a_copy_is_verified_alone_and_the_address_is_too(here, tmp_path):
    await here.accepted("QH-002", "2026-04-13")
    key = await published(here)
    folder = Folder(tmp_path / "log")

    done, steps = await copied(here, folder)

    assert done.entries
    assert steps[-1][0] == steps[-1][1]
    size = done.checkpoint.size
    code, out, err = await verified(folder.at, "--key", key)
    assert 0 == code, out + err
    assert f"events        {size}\n" in out
    assert "469002" in out
    code, out, err = await verified(f"{here.url}/log", "--key", key, alone=False)
    assert 0 == code, out + err
    assert "only their hashes" in out
    token = tmp_path / "token"
    token.write_text(here.tokens.token("jiang-he", "jiang-he") + "\n")
    code, out, err = await verified(
        f"{here.url}/log", "--key", key, "--token-file", token, alone=False
    )
    assert 0 == code, out + err
    assert "only their hashes" not in out


async def test_somebody_elses_reader_finds_the_same_root_in_a_copy(here, tmp_path):
    await here.accepted("QH-002", "2026-04-13")
    await published(here)
    folder = Folder(tmp_path / "log")
    done, _ = await copied(here, folder)

    class Backend:
        def get(self, *path):
            return folder.get("/".join(path))

    reader = TilesReader(Backend())
    reader.set_size(done.checkpoint.size)

    assert done.checkpoint.root == reader.calculate_root_hash()
    first = await here.service.store.row(here.ledger, 0)
    assert first.record == reader.get_entry(0)


async def test_a_copy_goes_on_and_proves_that_the_log_only_grew(here, tmp_path):
    key = await published(here)
    folder = Folder(tmp_path / "log")
    await copied(here, folder)
    kept = (folder.at / "checkpoint").read_bytes()
    await here.accepted("QH-002", "2026-04-13")
    await published(here)

    done, _ = await copied(here, folder)

    assert kept == folder.get(copies.OLDER)
    older = folder.at / copies.OLDER
    code, out, err = await verified(folder.at, "--key", key, "--older", older)
    assert 0 == code, out + err
    assert "只增不改" in out
    # Control: a checkpoint of another history, signed by the log's own key, is evidence.
    signed = note.parse(kept).text.split("\n")
    other = Checkpoint(signed[0], int(signed[1]), bytes(32))
    private = here.service.publishers[here.ledger]._signers(
        await here.service.publishers[here.ledger].log.state()
    )
    older.write_bytes(
        Note(other.text, (note.sign(other.text, private[0].verifier, private[0].sign),)).raw
    )
    code, out, err = await verified(folder.at, "--key", key, "--older", older)
    assert 1 == code, err
    assert "keep both" in out
    assert done.checkpoint.size > other.size


async def test_an_interrupted_copy_goes_on_where_it_was(here, tmp_path):
    await published(here)
    folder = Folder(tmp_path / "log")
    token = here.tokens.token("jiang-he", "jiang-he")

    class Interrupted:
        def __init__(self, inner, left):
            self.inner, self.left, self.asked = inner, left, []

        def get(self, path):
            self.asked.append(path)
            if len(self.asked) > self.left:
                raise Unread("the line is down")
            return self.inner.get(path)

    def work(left):
        with Address(f"{here.url}/log", token) as address:
            source = Interrupted(address, left)
            try:
                mirrored(source, folder, lambda *_: None)
            except Unread:
                return source.asked, False
            return source.asked, True

    first, done = await asyncio.to_thread(work, 5)
    assert not done
    assert folder.get("checkpoint") is None
    again, done = await asyncio.to_thread(work, 1_000)
    assert done
    assert "tile/0/000.p/70" in first
    assert "tile/0/000.p/70" not in again


async def test_entries_go_to_those_who_may_read_every_case(here, tmp_path):
    key = await published(here)
    folder = Folder(tmp_path / "log")

    done, _ = await copied(here, folder, by="chen-zhi")

    assert not done.entries
    code, out, err = await verified(folder.at, "--key", key)
    assert 0 == code, out + err
    assert "only their hashes" in out


async def test_every_file_of_a_copy_that_is_spoiled_is_found(here, tmp_path):
    await here.accepted("QH-002", "2026-04-13")
    key = await published(here)
    folder = Folder(tmp_path / "log")
    await copied(here, folder)
    for path in sorted(p for p in folder.at.rglob("*") if p.is_file()):
        if path.name in ("policy", "vkey"):
            continue
        before = path.read_bytes()
        path.write_bytes(before[:-40] + bytes((before[-40] ^ 1,)) + before[-39:])
        said = CliRunner().invoke(main, ["verify", str(folder.at), "--key", key])
        assert 1 == said.exit_code, path
        assert "position" in said.output
        path.write_bytes(before)
    said = CliRunner().invoke(main, ["verify", str(folder.at), "--key", key])
    assert 0 == said.exit_code, said.output


async def test_a_copy_of_another_history_is_never_written_over(here, tmp_path):
    await published(here)
    folder = Folder(tmp_path / "log")
    await copied(here, folder)
    signed = note.parse(folder.get("checkpoint")).text.split("\n")
    longer = Checkpoint(signed[0], 10**6, bytes(32))
    thief = VerifierKey(signed[0], keys.public("thief"))
    raw = Note(longer.text, (note.sign(longer.text, thief, keys.signer("thief")),)).raw
    folder.put("checkpoint", raw)

    with pytest.raises(Unread, match="keep both"):
        await copied(here, folder)

    assert raw == folder.get("checkpoint")


def test_a_folder_without_a_checkpoint_is_told(tmp_path):
    said = CliRunner().invoke(main, ["verify", str(tmp_path), "--key", LOG.text])

    assert 1 == said.exit_code
    assert "checkpoint: is not there" in said.output
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("url", ["http://", "http://a:b@host/log", "http://host/log?x=1"])
def test_an_address_that_is_none_is_used_wrongly(url):
    said = CliRunner().invoke(main, ["verify", url, "--key", LOG.text])

    assert 2 == said.exit_code


# -- taking out ------------------------------------------------------------------------------


async def ran(here, tmp_path, *words):
    """Run a command against the service, with a token of its own issuer."""
    env = {"CASELEDGER_HOME": str(tmp_path / "home")}
    return await asyncio.to_thread(
        CliRunner().invoke, main, [*map(str, words), "--url", here.base], env=env
    )


async def test_a_dossier_is_exported_with_its_documents_and_verified(here, tmp_path):
    case = await here.accepted("QH-002", "2026-04-13")
    key = await published(here)
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "application.pdf").write_bytes(b"form")
    out = tmp_path / "case.zip"

    refused = await ran(here, tmp_path, "export", "--dossier", case, "--out", out)
    done = await ran(
        here, tmp_path, "export", "--dossier", case, "--purpose", "inspection; JW-2026-001",
        "--documents", documents, "--out", out,
    )  # fmt: skip

    assert 1 == refused.exit_code
    assert "Purpose" in refused.output or "目的" in refused.output
    assert 0 == done.exit_code, done.output
    assert "1 documents packed, 0 missing" in done.output
    code, told, err = await verified(out, "--key", key)
    assert 0 == code, told + err
    assert "1 packed, 0 missing" in told
    assert 0o600 == out.stat().st_mode & 0o777


async def test_a_log_is_exported_and_what_is_not_given_is_said(here, tmp_path):
    key = await published(here)
    whole, hashes = tmp_path / "whole", tmp_path / "hashes"

    done = await ran(here, tmp_path, "export", "--log", whole)
    partly = await ran(here, tmp_path, "export", "--log", hashes, "--by", "chen-zhi")
    nothing = await ran(here, tmp_path, "export", "--log", tmp_path / "x", "--ledger", "469999")

    assert (0, 0, 1) == (done.exit_code, partly.exit_code, nothing.exit_code), done.output
    assert "the hashes alone" in partly.output
    for folder in (whole, hashes):
        assert 0 == (await verified(folder, "--key", key))[0]


@pytest.mark.parametrize(
    "words",
    [
        ("--events", "--log", "x"),
        ("--dossier", "x", "--log", "x"),
        ("--documents", "."),
        ("--purpose", "x"),
        ("--events", "--format", "csv"),
    ],
)
def test_what_does_not_go_together_is_used_wrongly(words):
    assert 2 == CliRunner().invoke(main, ["export", *words]).exit_code
