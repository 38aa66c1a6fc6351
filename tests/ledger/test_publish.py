"""The publisher over a real database: what is integrated, signed, proved, and refused."""

import asyncio
import itertools
from pathlib import Path

import metamorphic_log
import pytest
import tlog_scales.tlog as scales

import ledger
from ledger.errors import Corrupt, Unavailable
from ledger.publish import Publisher, publishing
from ledger.queries import load
from ledger.signing import keys, new_key
from ledger.store import companions
from ledger.tlog import merkle, note
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.note import VerifierKey
from ledger.tlog.tile import ENTRIES, Tile, decode_bundle
from tests.ledger.appending import LEDGER, command

ORIGIN = "469002.caseledger/0123456789abcdef"
STATEMENTS = load(Path(ledger.__file__).with_name("log.sql"))


@pytest.fixture
async def begun(make_store, connect, tmp_path):
    """A store whose ledger has a log, and how to make a publisher on it."""
    store = await make_store()
    creator = await connect()
    (tmp_path / "keys").mkdir(mode=0o700)
    key = new_key(tmp_path / "keys", LEDGER, ORIGIN)
    await creator.execute(STATEMENTS["open_log"], LEDGER, ORIGIN, key.verifier.text)

    def publisher(outside="checkpoints"):
        return Publisher(store, LEDGER, tmp_path / "keys", tmp_path / outside)

    return store, creator, publisher


async def grow(store, count, *, start=0):
    """Append `count` events."""
    writer = store.writer(LEDGER)
    waiting = [
        writer.append(command(f"k{n}", f"case:{n}", 0, body=b'{"n":%d}' % n))
        for n in range(start, start + count)
    ]
    await asyncio.gather(*waiting)


async def as_superuser(creator, statement, *arguments):
    """Do what no role of ours may: with the tripwires asleep."""
    async with creator.transaction():
        await creator.execute("SET LOCAL session_replication_role = replica")
        for table in ("event", "event_0000", "head", "log", "tile", "checkpoint"):
            await creator.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
        await creator.execute(statement, *arguments)
        for table in ("event", "event_0000", "head", "log", "tile", "checkpoint"):
            await creator.execute(f"ALTER TABLE ledger.{table} ENABLE TRIGGER ALL")


async def test_the_leaf_of_the_database_is_that_of_the_log(begun):
    store, _, _ = begun
    await grow(store, 3)

    for row in await store.since(LEDGER, 0, 10):
        assert row.leaf == merkle.leaf_hash(row.record)


async def test_a_checkpoint_covers_what_was_there_and_others_can_check_it(begun, tmp_path):
    store, _, publisher = begun
    await grow(store, 700)
    one = publisher()

    assert 700 == await one.advance()

    signed = await one.log.newest()
    state = await one.log.state()
    rows = await store.since(LEDGER, 0, 1000)
    read = parse_checkpoint(note.parse(signed.note).text)
    leaves = [merkle.leaf_hash(row.record) for row in rows]
    assert (ORIGIN, 700, merkle.Frontier().extended(leaves).root) == (
        read.origin, read.size, read.root,
    )  # fmt: skip
    assert signed.note == (tmp_path / "checkpoints" / f"{LEDGER}.checkpoint").read_bytes()
    note.opened(note.parse(signed.note), [VerifierKey.parse(key) for key in state.keys])
    for position in (0, 255, 256, 511, 512, 699):
        proof = await one.log.proof(position)
        metamorphic_log.verify_inclusion(
            position, 700, leaves[position], list(proof.path), read.root
        )


async def test_every_growth_is_consistent_with_the_one_before(begun):
    store, _, publisher = begun
    one, seen = publisher(), []
    for count in (1, 1, 253, 1, 1, 300, 100):
        await grow(store, count, start=sum(c for c, _ in seen))
        await one.advance()
        seen.append((count, await one.log.newest()))

    sizes = [signed for _, signed in seen]
    for older, newer in itertools.pairwise(sizes):
        path = await one.log.consistency(older.size, newer.size)
        merkle.check_consistency(older.size, newer.size, path, older.root, newer.root)
        metamorphic_log.verify_consistency(
            older.size, newer.size, list(path), older.root, newer.root
        )
    # What was signed once can be served for ever: the width of an old size, too.
    assert [1, 2, 255, 256, 257, 557, 657] == [signed.size for signed in sizes]
    for width in (1, 2, 255):
        assert 32 * width == len(await one.log.tile(Tile(0, 0, width)))


async def test_a_new_publisher_goes_on_where_one_stopped(begun):
    store, _, publisher = begun
    await grow(store, 300)
    await publisher().advance()
    await grow(store, 300, start=300)

    one = publisher()
    await one.check()
    assert 600 == await one.advance()
    assert 600 == await publisher().advance()


async def test_two_publishers_at_once_sign_one_history(begun):
    store, creator, publisher = begun
    first, second = publisher(), publisher()
    for step in range(6):
        await grow(store, 90, start=90 * step)
        assert {90 * (step + 1)} == set(await asyncio.gather(first.advance(), second.advance()))

    roots = await creator.fetch("SELECT size, root FROM ledger.checkpoint ORDER BY size")
    assert sorted({row["size"] for row in roots}) == [row["size"] for row in roots]
    for row in roots:
        assert row["root"] == await first.log.root(row["size"])


async def test_tiles_and_bundles_end_where_the_tree_does(begun):
    store, _, publisher = begun
    one = publisher()
    await grow(store, 260)
    assert await one.log.tile(Tile(0, 0, 4)) is None  # nothing is in the tree yet

    await one.advance()

    assert await one.log.tile(Tile(0, 0)) is not None
    assert await one.log.tile(Tile(0, 1, 5)) is None
    assert await one.log.tile(Tile(1, 0, 1)) is not None
    assert await one.log.tile(Tile(1, 0, 2)) is None
    bundle = await one.log.bundle(Tile(ENTRIES, 1, 4))
    rows = await store.since(LEDGER, 256, 4)
    assert tuple(row.record for row in rows) == decode_bundle(bundle, 4)
    assert await one.log.bundle(Tile(ENTRIES, 1, 5)) is None


# -- what stops it ---------------------------------------------------------------------------------


async def test_an_event_whose_bytes_are_not_those_of_its_hash_is_never_signed(begun):
    store, creator, publisher = begun
    await grow(store, 10)
    # What a flipped bit on the disk leaves: the record has moved, the generated hash has not.
    await creator.execute("ALTER TABLE ledger.event ALTER COLUMN leaf DROP EXPRESSION")
    await as_superuser(creator, "UPDATE ledger.event SET record = record || ' ' WHERE position = 7")

    with pytest.raises(Corrupt, match="position 7 "):
        await publisher().advance()
    assert 0 == await creator.fetchval("SELECT count(*) FROM ledger.checkpoint")


async def test_an_event_altered_after_it_was_signed_gets_no_proof(begun):
    store, creator, publisher = begun
    await grow(store, 10)
    await publisher().advance()
    await as_superuser(creator, "UPDATE ledger.event SET record = record || ' ' WHERE position = 7")

    with pytest.raises(Corrupt):
        await publisher().log.proof(7)
    with pytest.raises(Corrupt):
        await publisher().check()


async def test_a_cut_tail_is_counted(begun):
    store, creator, publisher = begun
    await grow(store, 300)
    await publisher().advance()
    await as_superuser(creator, "DELETE FROM ledger.event WHERE position >= 297")
    await as_superuser(creator, "UPDATE ledger.head SET size = 297 WHERE ledger = '469002'")

    with pytest.raises(Corrupt, match="truncated: 3 events missing"):
        await publisher().check()


async def shortened(creator, size):
    """Put the database back to how it was at a size, checkpoints and all: an old backup."""
    for table, column in (("event", "position"), ("tile", "n"), ("checkpoint", "size")):
        limit = {"event": size, "tile": size // 256, "checkpoint": size + 1}[table]
        await as_superuser(creator, f"DELETE FROM ledger.{table} WHERE {column} >= {limit}")


async def test_an_old_backup_is_refused_by_the_file_outside(begun, tmp_path):
    store, creator, publisher = begun
    one = publisher()
    await grow(store, 100)
    await one.advance()
    before = await creator.fetchrow("SELECT * FROM ledger.log")
    await grow(store, 50, start=100)
    await one.advance()
    await shortened(creator, 100)
    await as_superuser(
        creator,
        "UPDATE ledger.log SET size = $1, frontier = $2, signed_size = $3",
        before["size"], before["frontier"], before["signed_size"],
    )  # fmt: skip
    await as_superuser(creator, "UPDATE ledger.head SET size = 100 WHERE ledger = '469002'")

    with pytest.raises(Corrupt, match="truncated: 50 events missing that the file outside"):
        await publisher().check()
    # Control: without that file nobody here would see it.
    (tmp_path / "other").mkdir()
    newest = (await publisher().log.newest()).note
    (tmp_path / "other" / f"{LEDGER}.checkpoint").write_bytes(newest)
    await publisher("other").check()


async def test_another_history_of_the_same_size_is_refused(begun, tmp_path):
    store, creator, publisher = begun
    await grow(store, 20)
    await publisher().advance()
    kept = (tmp_path / "checkpoints" / f"{LEDGER}.checkpoint").read_bytes()
    # All of it is written anew, and signed with the stolen key.
    await as_superuser(creator, "UPDATE ledger.event SET record = record || ' ' WHERE position = 3")
    await as_superuser(creator, "DELETE FROM ledger.checkpoint")
    await as_superuser(creator, "UPDATE ledger.log SET size = 0, frontier = '', signed_size = 0")
    (tmp_path / "thief").mkdir()
    thief = publisher("thief")
    assert 20 == await thief.advance()

    with pytest.raises(Corrupt, match="is not the history of the checkpoint in the file outside"):
        await publisher().check()
    assert kept == (tmp_path / "checkpoints" / f"{LEDGER}.checkpoint").read_bytes()
    await thief.check()  # control: with the thief's file alone it looks right


async def test_a_missing_file_is_no_clean_start(begun, tmp_path):
    store, _, publisher = begun
    await publisher().check()  # nothing is signed: nothing has to be there
    await grow(store, 5)
    await publisher().advance()
    (tmp_path / "checkpoints" / f"{LEDGER}.checkpoint").unlink()

    with pytest.raises(Corrupt, match="is missing"):
        await publisher().check()


async def test_a_key_that_is_not_ours_or_open_to_others_signs_nothing(begun, tmp_path):
    store, _, publisher = begun
    await grow(store, 5)
    (path,) = (tmp_path / "keys").glob("log-*.key")
    path.chmod(0o440)
    with pytest.raises(Corrupt, match="0400"):
        await publisher().advance()
    path.chmod(0o600)
    path.write_text("00" * 32 + "\n")
    with pytest.raises(Corrupt, match="no file in the folder of keys"):
        await publisher().advance()


async def test_a_fenced_deployment_signs_nothing(begun):
    store, creator, publisher = begun
    await grow(store, 5)
    one = publisher()
    await one.advance()
    await grow(store, 5, start=5)
    await creator.execute("SELECT ledger.take_over($1, 9000000000000000)", LEDGER)

    with pytest.raises(Unavailable, match="another deployment"):
        await one.advance()


async def test_a_stored_tile_that_differs_from_its_events_stops_it(begun):
    store, creator, publisher = begun
    await grow(store, 250)
    one = publisher()
    await one.advance()
    await grow(store, 50, start=250)
    wrong = bytes(8192)
    await as_superuser(
        creator, "INSERT INTO ledger.tile VALUES ('469002', 0, 0, $1, $2)", wrong, wrong[:32]
    )

    with pytest.raises(Corrupt, match="differs"):
        await one.advance()
    # Control: without it the same publisher goes on.
    await as_superuser(creator, "DELETE FROM ledger.tile")
    assert 300 == await one.advance()


# -- keys ------------------------------------------------------------------------------------------


async def test_two_keys_sign_while_one_takes_over(begun, tmp_path):
    store, creator, publisher = begun
    await grow(store, 5)
    one = publisher()
    await one.advance()
    older = (await one.log.state()).keys
    newer = new_key(tmp_path / "keys", LEDGER, ORIGIN).verifier.text
    await creator.execute(STATEMENTS["set_log_keys"], LEDGER, [*older, newer])
    await grow(store, 5, start=5)
    await one.advance()

    read = note.parse((await one.log.newest()).note)
    for key in (*older, newer):
        assert 1 == len(note.opened(read, [VerifierKey.parse(key)]))
    assert [*older, newer] == [
        key.verifier.text for key in keys(tmp_path / "keys", LEDGER, [*older, newer])
    ]


# -- the loop --------------------------------------------------------------------------------------


async def test_who_asks_for_a_checkpoint_gets_it_and_who_does_not_is_signed_too(begun):
    store, _, publisher = begun
    one, told = publisher(), []
    one.on_published.append(lambda signed: told.append(signed.size))
    async with publishing(one, lambda name, error: told.append(error)):
        await grow(store, 3)
        assert await one.published(3, 30)
        assert not await one.published(4, 0.01)
        await grow(store, 1, start=3)
        assert await one.published(4, 30)
    assert {3, 4} <= set(told)
    assert told == sorted(told)


async def test_corruption_stops_the_writer_and_never_the_readers(begun):
    store, creator, publisher = begun
    await grow(store, 5)
    one = publisher()
    await one.advance()
    await as_superuser(creator, "DELETE FROM ledger.checkpoint")
    told = asyncio.get_running_loop().create_future()
    async with publishing(one, lambda _, error: told.set_result(error)):
        await grow(store, 1, start=5)
        assert isinstance(await told, Corrupt)
        with pytest.raises(Unavailable) as held:
            await grow(store, 1, start=6)
    assert "integrity-hold" == held.value.slug
    assert 6 == len(await store.since(LEDGER, 0, 10))


async def test_the_sealed_line_is_a_sequence_like_the_others(make_store, connect):
    store = await make_store()
    for name in companions(LEDGER):
        assert 0 == (await store.head(name)).size


async def test_seventy_thousand_events_prove_out_elsewhere(begun):
    store, _, publisher = begun
    one = publisher()
    for start in range(0, 70_000, 5_000):
        await grow(store, 5_000, start=start)
        await one.advance()

    signed = await one.log.newest()
    leaves = [
        row.leaf for at in range(0, 70_000, 5_000) for row in await store.since(LEDGER, at, 5_000)
    ]
    assert 70_000 == signed.size == len(leaves)
    for position in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999):
        proof = await one.log.proof(position)
        metamorphic_log.verify_inclusion(
            position, 70_000, leaves[position], list(proof.path), signed.root
        )
        scales.InclusionProof(position, 70_000, list(proof.path)).check(
            leaves[position], signed.root
        )
    for old in (5_000, 65_000):
        older = await one.log.checkpoint(old)
        path = await one.log.consistency(old, 70_000)
        metamorphic_log.verify_consistency(old, 70_000, list(path), older.root, signed.root)
    widths = [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    for level, n, width in widths:
        assert 32 * width == len(await one.log.tile(Tile(level, n, width)))
        assert await one.log.tile(Tile(level, n, width + 1)) is None
