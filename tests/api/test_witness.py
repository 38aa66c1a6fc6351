"""A witness over HTTP, and the ledger that is fed to it: two histories never both get through."""

import asyncio
import contextlib
import os
import re
import signal
import sys

import aiohttp
import asyncpg
import metamorphic_log
import pytest
from aiohttp import web

from api.settings import Settings
from api.witness import server
from api.witness.server import Witness, build, made
from ledger.database import Role
from ledger.errors import Unavailable
from ledger.signing import LogKey
from ledger.tlog import checkpoint, merkle, note, witness
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Unproven
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import parse as parse_policy
from ledger.tlog.tile import Edge, node_of
from ledger.tlog.verify import verify_checkpoint
from tests.api.serving import serve, started
from tests.ledger.appending import command
from tests.ledger.tlog.keys import public, signer

ORIGIN = "example.org/log"


def log_key(origin, seed="log"):
    return LogKey(VerifierKey(origin, public(seed)), signer(seed))


@contextlib.asynccontextmanager
async def running(folder, logs, clock=lambda: 1_800_000_000):
    """A witness in a folder, at an address."""
    made(folder, f"jw.example/{folder.name}")
    one = Witness(folder, logs, clock)
    runner = web.AppRunner(build(one))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield one, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        one.memory.close()


class Tree:
    """A log of its own: leaves, checkpoints, proofs."""

    def __init__(self, key, *leaves):
        self.key, self.edge, self.tiles = key, Edge(), {}
        self.grow(*leaves)

    def grow(self, *leaves):
        for leaf in leaves:
            self.tiles |= dict(self.edge.add(merkle.leaf_hash(leaf)))
        self.tiles |= dict(self.edge.rest())
        return self

    def checkpoint(self):
        text = Checkpoint(self.key.verifier.name, self.edge.size, self.edge.root)
        return checkpoint.sign(text, self.key.verifier, self.key.sign).raw

    def body(self, old):
        path = merkle.consistency_proof(
            old, self.edge.size, node_of(self.tiles.__getitem__, self.edge.size)
        )
        return witness.submission(old, path, self.checkpoint()).raw


@pytest.fixture
def key():
    return log_key(ORIGIN)


@pytest.fixture
async def there(tmp_path, key):
    logs = tmp_path / "logs"
    logs.write_text(f"# ours\nlog {key.verifier.text}\nquorum none\n")
    async with running(tmp_path / "w", logs) as (one, url), aiohttp.ClientSession() as session:

        async def post(body):
            async with session.post(f"{url}/add-checkpoint", data=body) as answer:
                return answer.status, await answer.read(), answer.content_type

        yield one, post


async def test_what_extends_what_was_seen_is_cosigned(there, key):
    one, post = there
    tree = Tree(key, b"a", b"b", b"c")
    old = 0
    for leaves in ((), (b"d",), (b"e", b"f", b"g"), ()):
        tree.grow(*leaves)
        status, line, _ = await post(tree.body(old))
        assert 200 == status, line
        signed = tree.checkpoint() + line
        ((known, _),) = note.opened(note.parse(signed), [one.identity.key])
        assert known == one.identity.key
        assert 2 == len(note.parse(signed).signatures)
        old = tree.edge.size
    assert [old] == [kept.size for kept in one.memory.logs()]


async def test_each_refusal_has_its_number(there, key):
    one, post = there
    tree = Tree(key, b"a", b"b", b"c")
    assert 404 == (await post(Tree(log_key("example.org/other"), b"a").body(0)))[0]
    assert 403 == (await post(Tree(log_key(ORIGIN, "other"), b"a").body(0)))[0]
    assert 200 == (await post(tree.body(0)))[0]
    # An old size that is not the one last seen: the answer is that size.
    assert (409, b"3\n", "text/x.tlog.size") == await post(tree.body(0))
    assert (409, b"3\n", "text/x.tlog.size") == await post(tree.grow(b"d").body(2))
    # Another root of the size that was seen, another history, a proof that is wrong or missing.
    fork = Tree(key, b"a", b"b", b"x")
    assert 422 == (await post(fork.body(3)))[0]
    assert 422 == (await post(fork.grow(b"d", b"e").body(3)))[0]
    body = tree.body(3)
    first, _, rest = body.partition(b"\n")
    assert 422 == (await post(first + b"\n" + rest[rest.index(b"\n") + 1 :]))[0]
    # What was refused as a conflict is kept with what it parts from.
    aside = one.memory.put_aside()
    assert [ORIGIN] * 3 == [kept.origin for kept in aside]
    assert all(witness.parse(kept.body) and kept.known for kept in aside)
    assert 200 == (await post(body))[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: b"",
        lambda body: b"old 0\n",
        lambda body: body.replace(b"old 0", b"old 00"),
        lambda body: body.replace(b"old 0", b"old -1"),
        lambda body: body.replace(b"old 0", b"old 9"),
        lambda body: body.replace(b"old 0\n", b"old 0\nnot base64\n"),
        lambda body: body.replace(b"old 0\n", b"old 0\nAAAA\n"),
        lambda body: body.replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n" * 64),
        lambda body: body.replace(b"\n", b"\r\n"),
        lambda body: body[:-1],
        lambda body: body + b"x",
        lambda body: b"x" + body,
        lambda body: body + b"\xff" * 70_000,
        lambda body: body.replace(b"\n\n", b"\n"),
    ],
)
async def test_another_spelling_is_malformed_and_changes_nothing(there, key, spoil):
    one, post = there
    status, _, _ = await post(spoil(Tree(key, b"a", b"b").body(0)))
    assert status in {400, 403, 413}
    assert [] == one.memory.logs()


async def test_of_two_forks_at_once_one_gets_through(there, key):
    one, post = there
    forks = [Tree(key, b"%d" % n) for n in range(12)]

    answers = await asyncio.gather(*(post(fork.body(0)) for fork in forks))

    statuses = sorted(status for status, _, _ in answers)
    assert [200] + [409] * 11 == statuses
    assert 1 == len(one.memory.logs())


async def test_it_remembers_after_a_kill_what_it_answered(tmp_path, key):
    logs = tmp_path / "logs"
    logs.write_text(f"log {key.verifier.text}\nquorum none\n")
    folder = tmp_path / "w"
    made(folder, "jw.example/witness")
    tree = Tree(key, b"a")
    for step in range(4):
        process, url = await began(folder, logs)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/add-checkpoint", data=tree.body(step)) as answer,
        ):
            assert 200 == answer.status, await answer.text()
        process.send_signal(signal.SIGKILL)
        await process.wait()
        # A fork of what it answered for is refused by whoever starts there again.
        process, url = await began(folder, logs)
        fork = Tree(key, *[b"x"] * (step + 1))
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/add-checkpoint", data=fork.body(step + 1)) as answer,
        ):
            assert 422 == answer.status
        process.send_signal(signal.SIGTERM)
        assert 0 == await process.wait()
        tree.grow(b"%d" % step)


async def began(folder, logs):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cli", "witness", "serve", str(folder), "--logs", str(logs),
        "--port", "0", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    line = (await process.stdout.readline()).decode()
    return process, line.split()[0]


def test_a_witness_keeps_its_name_and_its_key_from_others(tmp_path):
    first = made(tmp_path / "w", "a")
    assert first.key == made(tmp_path / "w", "a").key
    with pytest.raises(server.Corrupt, match="another witness"):
        made(tmp_path / "w", "b")
    (tmp_path / "w" / server.KEY_FILE).chmod(0o440)
    with pytest.raises(server.Corrupt, match="0400"):
        server.identity(tmp_path / "w")


@contextlib.asynccontextmanager
async def serving(database, folder, **setup):
    """A running service that ends with the block, whatever happens in it."""
    async with contextlib.aclosing(serve(database, folder, **setup)) as made_one:
        yield await anext(made_one)


# -- the ledger that is fed ------------------------------------------------------------------------


def policy_text(**witnesses):
    lines = [
        f"witness {name} {one.identity.key.text} {url}" for name, (one, url) in witnesses.items()
    ]
    lines.append(f"group both all {' '.join(witnesses)}")
    return "\n".join([*lines, "quorum both", ""])


@contextlib.asynccontextmanager
async def two_witnesses(tmp_path):
    """What supervision and inspection each run, and the policy that asks for both."""
    logs = tmp_path / "logs"
    logs.write_text("quorum none\n")
    async with contextlib.AsyncExitStack() as stack:
        pair = {}
        for name in ("supervision", "inspection"):
            pair[name] = await stack.enter_async_context(running(tmp_path / name, logs))
        (tmp_path / "policy").write_text(policy_text(**pair))
        yield pair, tmp_path / "policy", logs


async def cosigned(there, size):
    """Wait until a checkpoint of at least that size has the lines of both."""
    publisher = there.service.publishers[there.ledger]
    for _ in range(600):
        newest = await publisher.log.newest()
        signed = newest is not None and len(note.parse(newest.note).signatures)
        if signed == 3 and newest.size >= size:
            return newest
        await there.service.store.gather("test", 0.05)
    raise AssertionError("not cosigned")


async def test_supervision_and_inspection_cosign_what_the_bureau_publishes(database, tmp_path):
    async with two_witnesses(tmp_path) as (pair, policy, logs):
        given = {"settings": {"policy": policy}}
        async with serving(database, tmp_path / "home", **given) as here:
            # Their operators get the key from the log itself, once.
            await here.service.ledger(here.ledger)
            keys = (await here.get("/log/vkey", by=None)).raw.decode().strip()
            logs.write_text(f"log {keys}\nquorum none\n")
            await here.received("QH-002", "2026-03-02")
            head = await here.service.store.head(here.ledger)
            newest = await cosigned(here, head.size)

            served = (await here.get("/log/checkpoint", by=None)).raw
            asked = parse_policy((await here.get("/log/policy", by=None)).raw)
            verified = verify_checkpoint(newest.note, asked)
            assert {"supervision", "inspection"} == set(verified.cosigned)
            assert served.startswith(note.parse(newest.note).text.encode())
            assert 1 == metamorphic_log.verify_signed_note(served.decode(), [keys])
            # Control: without one of them there is no quorum.
            alone = note.parse(newest.note)
            with pytest.raises(Unproven, match="no quorum"):
                verify_checkpoint(note.Note(alone.text, alone.signatures[:2]).raw, asked)
            seen = {kept.size for one, _ in pair.values() for kept in one.memory.logs()}
            assert min(seen) >= head.size


async def forked(database, name):
    """A copy of a database, as a cloned machine or a promoted standby has it."""
    creator = await asyncpg.connect(**database.named("postgres").as_creator())
    own = database.reach["database"]
    await creator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", own
    )
    await creator.execute(f"CREATE DATABASE {name} TEMPLATE {own}")
    await creator.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await creator.execute(f"GRANT CONNECT ON DATABASE {name} TO {', '.join(Role)}")
    await creator.close()
    return database.named(name)


@pytest.mark.parametrize("witnessed", [True, False])
async def test_two_services_on_two_copies_do_not_both_go_on(database, tmp_path, witnessed):
    """T-FORK-1 and 3: the second one is refused by the witnesses, and stops.

    Control: without witnesses, and with an outside file of its own, the fork goes unseen.
    """
    name = f"fork_{os.getpid()}_{int(witnessed)}"
    async with two_witnesses(tmp_path) as (_, policy, logs):
        home = tmp_path / "home"
        given = {"policy": policy} if witnessed else {}
        async with serving(database, home, settings=given) as here:
            await here.service.ledger(here.ledger)
            keys = (await here.get("/log/vkey", by=None)).raw.decode().strip()
            logs.write_text(f"log {keys}\nquorum none\n")
            await here.received("QH-002", "2026-03-02")
            if witnessed:
                head = await here.service.store.head(here.ledger)
                await cosigned(here, head.size)
            else:
                publisher = here.service.publishers[here.ledger]
                head = await here.service.store.head(here.ledger)
                await publisher.published(head.size, 30)
        copy = await forked(database, name)
        (tmp_path / "theirs").mkdir()
        for file in (home / "checkpoints").glob("*.checkpoint"):
            (tmp_path / "theirs" / file.name).write_bytes(file.read_bytes())
        try:
            ours = Settings(home=home, rate_person=0, rate_client=0, **given)
            theirs = Settings(
                home=home, rate_person=0, rate_client=0, checkpoints=tmp_path / "theirs", **given
            )
            async with started(ours, database) as first, started(theirs, copy) as second:
                await first.received("QH-002", "2026-03-03")
                size = (await first.service.store.head(first.ledger)).size
                if witnessed:
                    await cosigned(first, size)
                    await second.service.ledger(second.ledger)
                else:
                    await second.received("QH-002", "2026-03-04")
                    for one in (first, second):
                        assert await one.service.publishers[one.ledger].published(size, 30)
                if not witnessed:
                    await second.received("QH-002", "2026-03-05")
                    roots = [
                        (await s.service.publishers[s.ledger].log.checkpoint(size)).root
                        for s in (first, second)
                    ]
                    assert roots[0] != roots[1]
                    return
                await held(second)
                with pytest.raises(AssertionError, match="integrity-hold"):
                    await second.received("QH-002", "2026-03-05")
                reading = await second.get("/items", by="chen-zhi")
                assert (200, "hold") == (reading.status, reading.headers["Ledger-Integrity"])
                await first.received("QH-002", "2026-03-05")
        finally:
            creator = await asyncpg.connect(**database.named("postgres").as_creator())
            await creator.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await creator.close()


async def held(there):
    """Wait until the writer of a ledger is held."""
    for _ in range(600):
        if there.service.broken(there.ledger) is not None:
            return
        await there.service.store.gather("test", 0.05)
    raise AssertionError("not held")


async def test_a_signer_restored_to_an_old_state_is_refused(database, tmp_path):
    """T-FORK-2: the outside file and the witnesses have both seen more."""
    name = f"old_{os.getpid()}"
    async with two_witnesses(tmp_path) as (_, policy, logs):
        home = tmp_path / "home"
        settings = Settings(home=home, rate_person=0, rate_client=0, policy=policy)
        async with serving(database, home, settings={"policy": policy}) as here:
            await here.service.ledger(here.ledger)
            keys = (await here.get("/log/vkey", by=None)).raw.decode().strip()
            logs.write_text(f"log {keys}\nquorum none\n")
            await here.received("QH-002", "2026-03-02")
            await cosigned(here, (await here.service.store.head(here.ledger)).size)
        before = {p.name: p.read_bytes() for p in (home / "checkpoints").glob("*.checkpoint")}
        old = await forked(database, name)
        try:
            async with started(settings, database) as here:
                await here.received("QH-002", "2026-03-03")
                await cosigned(here, (await here.service.store.head(here.ledger)).size)
            # The outside file alone is enough; then the witnesses alone.
            async with started(settings, old) as restored:
                await restored.service.ledger(restored.ledger)
                assert "truncated" in str(restored.service.broken(restored.ledger))
            for file, raw in before.items():
                (home / "checkpoints" / file).write_bytes(raw)
            async with started(settings, old) as restored:
                await restored.service.ledger(restored.ledger)
                await held(restored)
                # Asked as it starts, a witness says how far it has seen (ST-8).
                why = str(restored.service.broken(restored.ledger))
                assert re.search(
                    "truncated: 1 events missing that (supervision|inspection) has", why
                )
                with pytest.raises(Unavailable, match="held"):
                    await restored.service.store.writer(restored.ledger).append(
                        command("x", "case:x", 0)
                    )
        finally:
            creator = await asyncpg.connect(**database.named("postgres").as_creator())
            await creator.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await creator.close()


async def test_a_witness_that_cannot_be_reached_is_a_warning_only(database, tmp_path):
    policy = tmp_path / "policy"
    identity = made(tmp_path / "gone", "gone.example/witness")
    policy.write_text(f"witness gone {identity.key.text} http://127.0.0.1:9\nquorum gone\n")
    async with serving(database, tmp_path / "home", settings={"policy": policy}) as here:
        await here.received("QH-002", "2026-03-02")
        assert here.service.broken(here.ledger) is None
        ready = await here.call("GET", f"{here.base}/readyz")
        assert 200 == ready.status


def test_what_needs_python_3_12_is_skipped_and_says_so():
    if sys.version_info < (3, 12):
        pytest.skip("aics-witness needs Python 3.12: no foreign witness was tried")
    pytest.importorskip("aics_witness")
