"""A whole copy of a log: every place of it spoiled is named, and what only grew is told apart."""

from collections import Counter

import pytest

from ledger.copy_of_log import Copy
from ledger.tlog import merkle
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Malformed, Unproven
from ledger.tlog.tile import ENTRIES, Tile, levels, tiles
from tests.ledger.dossiers import ORIGIN, record
from tests.ledger.tlog import trees

SIZES = (1, 13, 256, 300, 513)


def log(size, change=None):
    """The entries of a log: streams of three versions, a number for each first one."""
    entries = []
    for position in range(size):
        version = position % 3 + 1
        numbered = {"registers": {"case/2026": position // 3 + 1}} if version == 1 else {}
        entries.append(record(position, f"case:{position // 3}", version, "reviewed", **numbered))
    for position, made in (change or {}).items():
        entries[position] = made
    return entries


def copied(entries):
    """The files of a copy, by their paths, and its checkpoint."""
    size, rows = len(entries), trees.rows_over(entries)
    wanted = [tile for level in (ENTRIES, *levels(size)) for tile in tiles(size, level)]
    files = {tile.path: trees.tile_bytes(tile, rows, entries) for tile in wanted}
    root = merkle.root(size, lambda height, index: rows[height][index])
    return files, Checkpoint(ORIGIN, size, root)


def without_entries(files):
    return {path: raw for path, raw in files.items() if "/entries/" not in path}


@pytest.mark.parametrize("size", SIZES)
def test_a_true_copy_is_right_with_and_without_its_entries(size):
    files, checkpoint = copied(log(size))
    steps = []
    whole = Copy(checkpoint, files.get, steps.append)

    assert whole.has_entries
    assert whole.first_bad(entries=True) is None
    assert "469002" == whole.ledger
    assert -(-size // 256) == len(steps)
    hashes = Copy(checkpoint, without_entries(files).get)
    assert not hashes.has_entries
    assert hashes.first_bad(entries=False) is None


@pytest.mark.parametrize("position", [0, 1, 255, 256, 299])
def test_a_changed_entry_is_named(position):
    entries = log(300)
    files, checkpoint = copied(entries)
    tile = Tile(ENTRIES, position // 256, 256 if position < 256 else 44)
    before = entries[position]
    files[tile.path] = files[tile.path].replace(before, before.replace(b"chen-zhi", b"chen-zhj"))

    bad = Copy(checkpoint, files.get).first_bad(entries=True)

    assert ("entry", position) == (bad.what, bad.position)


@pytest.mark.parametrize("path", sorted(copied(log(300))[0]))
@pytest.mark.parametrize("at", [0, 100, -1])
def test_no_byte_of_any_file_can_be_another_one(path, at):
    files, checkpoint = copied(log(300))
    raw = bytearray(files[path])
    raw[at % len(raw)] ^= 1
    files[path] = bytes(raw)

    assert Copy(checkpoint, files.get).first_bad(entries=True)
    if "/entries/" not in path:
        assert Copy(checkpoint, without_entries(files).get).first_bad(entries=False)


@pytest.mark.parametrize("path", sorted(copied(log(300))[0]))
def test_no_file_can_be_missing_or_cut(path):
    files, checkpoint = copied(log(300))
    for spoiled in (None, files[path][:-1], files[path] + b"x", b""):
        copy = {**files, path: spoiled}
        assert Copy(checkpoint, copy.get).first_bad(entries=True), spoiled


INSIDE = {
    "a version left out": {7: record(7, "case:2", 3, "reviewed")},
    "a position that is another one": {7: record(8, "case:2", 2, "reviewed")},
    "time that goes back": {7: record(7, "case:2", 2, "reviewed", minutes=1)},
    "another ledger": {7: record(7, "case:2", 2, "reviewed", ledger="469003")},
    "a number left out": {
        7: record(7, "case:2", 2, "reviewed", registers={"case/2026": 9}),
    },
    "no record at all": {7: b"text"},
}


@pytest.mark.parametrize("inside", INSIDE)
def test_what_was_signed_against_the_ledgers_own_order_is_named_too(inside):
    files, checkpoint = copied(log(13, INSIDE[inside]))

    bad = Copy(checkpoint, files.get).first_bad(entries=True)

    assert ("entry", 7) == (bad.what, bad.position)


def test_control_the_hashes_alone_cannot_tell():
    files, checkpoint = copied(log(13, INSIDE["a version left out"]))

    assert Copy(checkpoint, without_entries(files).get).first_bad(entries=False) is None


@pytest.mark.parametrize("older", [0, 1, 255, 256, 299, 300])
def test_it_only_grew(older):
    files, checkpoint = copied(log(300))
    _, before = copied(log(older)) if older else ({}, Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT))

    Copy(checkpoint, files.get).extends(before)


@pytest.mark.parametrize("older", [1, 256, 299, 300])
def test_another_history_is_told(older):
    files, checkpoint = copied(log(300))
    _, before = copied(log(older, {0: record(0, "case:0", 1, "declined")}))

    with pytest.raises(Unproven):
        Copy(checkpoint, files.get).extends(before)


def test_a_longer_one_was_cut():
    files, checkpoint = copied(log(13))
    _, before = copied(log(300))

    with pytest.raises(Unproven) as refused:
        Copy(checkpoint, files.get).extends(before)
    assert "size" == refused.value.what


def test_a_missing_tile_proves_nothing():
    files, checkpoint = copied(log(300))
    del files["tile/0/001.p/44"]

    with pytest.raises(Malformed):
        Copy(checkpoint, files.get).extends(copied(log(290))[1])


def test_a_partial_tile_may_have_grown_full_since():
    entries = log(600)
    files, _ = copied(entries)
    _, checkpoint = copied(entries[:300])

    copy = Copy(checkpoint, {path: raw for path, raw in files.items() if ".p/" not in path}.get)

    assert "tile/1/000.p/1" not in files
    files |= {"tile/1/000.p/1": trees.tile_bytes(Tile(1, 0, 1), trees.rows_over(entries), entries)}
    copy.read = files.get
    assert copy.first_bad(entries=True) is None


def test_proofs_from_many_sizes_read_each_tile_once(monkeypatch):
    """A log at an address is asked over the network, and may have been anchored 10,000 times."""
    entries = log(513)
    files, checkpoint = copied(entries)
    rows = trees.rows_over(entries)
    read = []

    def get(path):
        read.append(path)
        return files.get(path)

    def proved():
        read.clear()
        copy = Copy(checkpoint, get)
        for size in range(1, 513):
            root = merkle.root(size, lambda height, index: rows[height][index])
            copy.extends(Checkpoint(ORIGIN, size, root))
        return Counter(read)

    assert {1} == set(proved().values())
    # No more are kept than that, however large the log is; control: with one they come again.
    monkeypatch.setattr("ledger.copy_of_log.KEPT_TILES", 1)
    assert max(proved().values()) > 1
