"""Tiles: the paths and widths of the specification, one spelling, and the edge that grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import tiles as scales

from ledger.tlog import merkle, tile
from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import MAX_SIZE
from ledger.tlog.tile import ENTRIES, WIDTH, Edge, Tile, levels, tiles
from tests.ledger.tlog import trees

ANY_TILE = st.builds(
    Tile, st.integers(ENTRIES, 63), st.integers(0, MAX_SIZE // WIDTH), st.integers(1, WIDTH)
)

# C2SP tlog-tiles: the index 1,234,067, and the trees of the sizes 256 and 70,000.
PATHS = {
    Tile(0, 0): "tile/0/000",
    Tile(0, 1_234_067): "tile/0/x001/x234/067",
    Tile(ENTRIES, 1_234_067): "tile/entries/x001/x234/067",
    Tile(0, 273, 112): "tile/0/273.p/112",
    Tile(2, 0, 1): "tile/2/000.p/1",
    Tile(63, 999, 255): "tile/63/999.p/255",
    Tile(1, 1000): "tile/1/x001/000",
}


@pytest.mark.parametrize("one", PATHS)
def test_the_paths_of_the_specification(one):
    assert PATHS[one] == one.path
    assert one == tile.parse_path(PATHS[one])


@given(ANY_TILE)
def test_a_path_is_read_back_and_is_that_of_a_stranger(one):
    assert one == tile.parse_path(one.path)
    partial = one.width % WIDTH
    assert "/".join(scales.tile_path(one.level, one.n, partial)) == one.path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0/",
        "tile/0/0",
        "tile/0/1234",
        "tile/00/000",
        "tile/64/000",
        "tile/100/000",
        "tile/-1/000",
        "tile/entry/000",
        "tile/8/0/x001/067",
        "tile/0/001/067",
        "tile/0/x001",
        "tile/0/x000/067",
        "tile/0/x01/067",
        "tile/0/X001/067",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "tile/0/../000",
        "tile/0/" + "x999/" * 12 + "999",
        "tile/0/" + "x000/" * 5000 + "000",
        "tile/0/" + "x999/" * 5000 + "999",
    ],
)
def test_every_other_spelling_of_a_path_is_refused(path):
    with pytest.raises(Malformed):
        tile.parse_path(path)


@pytest.mark.parametrize(
    ("level", "n", "width"),
    [(-2, 0, 1), (64, 0, 1), (0, -1, 1), (0, MAX_SIZE // WIDTH + 1, 1), (0, 0, 0), (0, 0, 257)],
)
def test_a_tile_that_no_tree_has(level, n, width):
    with pytest.raises(ValueError):
        Tile(level, n, width)


def test_the_tiles_of_the_specification():
    assert [0, 1] == list(levels(256))
    assert [Tile(0, 0)] == list(tiles(256, 0))
    assert [Tile(1, 0, 1)] == list(tiles(256, 1))

    assert [0, 1, 2] == list(levels(70_000))
    assert [*(Tile(0, n) for n in range(273)), Tile(0, 273, 112)] == list(tiles(70_000, 0))
    assert [Tile(1, 0), Tile(1, 1, 17)] == list(tiles(70_000, 1))
    assert [Tile(2, 0, 1)] == list(tiles(70_000, 2))
    assert [Tile(ENTRIES, 273, 112)] == list(tiles(70_000, ENTRIES, begin=273))
    assert [] == list(tiles(70_000, 0, begin=274))
    assert [] == list(levels(0)) == list(tiles(0, 0)) == list(tiles(70_000, 3))


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1])
def test_the_tiles_of_a_tree_that_there_is_not(size):
    with pytest.raises(ValueError):
        list(tiles(size, 0))


def test_where_a_tile_begins():
    assert [0, 256, 65_536, 256] == [
        one.start for one in (Tile(0, 0), Tile(0, 1), Tile(1, 1), Tile(ENTRIES, 1))
    ]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=WIDTH))
def test_a_bundle_is_read_back_and_says_how_many(entries):
    raw = tile.encode_bundle(entries)

    assert tuple(entries) == tile.decode_bundle(raw, len(entries))
    for other in (len(entries) - 1, len(entries) + 1):
        with pytest.raises(Malformed):
            tile.decode_bundle(raw, other)


@pytest.mark.parametrize("raw", [b"", b"\0", b"\0\1", b"\0\1a\0", b"\0\1a\xff\xff", b"\0\0\0\0"])
def test_a_bundle_that_is_cut_or_too_long(raw):
    with pytest.raises(Malformed):
        tile.decode_bundle(raw, 1)


def test_the_longest_entry_of_a_bundle():
    longest = bytes(65_535)

    assert (longest,) == tile.decode_bundle(tile.encode_bundle((longest,)), 1)
    with pytest.raises(ValueError):
        tile.encode_bundle((bytes(65_536),))


def test_a_tile_has_the_width_asked_for():
    assert (bytes(32), b"x" * 32) == tile.decode(bytes(32) + b"x" * 32, 2)
    for raw in (b"", bytes(31), bytes(32), bytes(63), bytes(65), bytes(96)):
        with pytest.raises(Malformed):
            tile.decode(raw, 2)


def test_a_node_is_found_in_a_tile_and_only_if_the_tree_has_it():
    size = 70_000 % len(trees.ROWS[0])
    node = tile.node_of(trees.tile_bytes, size)

    for height in range(size.bit_length()):
        last = (size >> height) - 1
        assert trees.ROWS[height][last] == node(height, last)
        with pytest.raises(ValueError):
            node(height, last + 1)


def test_a_tile_is_read_once_for_a_proof():
    asked = []

    def read(one):
        asked.append(one)
        return trees.tile_bytes(one)

    merkle.inclusion_proof(300, 65_540, tile.node_of(read, 65_540))

    assert [Tile(0, 1), Tile(0, 256, 4), Tile(1, 0)] == sorted(asked)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537])
def test_an_edge_that_is_made_anew_goes_on_like_the_old_one(size):
    edge = Edge(
        size,
        [
            list(tile.decode(trees.tile_bytes(one), one.width)) if one.width < WIDTH else []
            for one in (list(tiles(size, level))[-1] for level in levels(size))
        ],
    )

    assert merkle.root(size, trees.node) == edge.root
    edge.add(trees.ROWS[0][size])
    assert merkle.root(size + 1, trees.node) == edge.root


@pytest.mark.parametrize(
    ("size", "partial"), [(1, []), (1, [[]]), (256, [[]]), (0, [[bytes(32)]]), (2, [[bytes(32)]])]
)
def test_partial_tiles_of_another_tree(size, partial):
    with pytest.raises(ValueError):
        Edge(size, partial)


@given(st.data())
def test_the_tiles_that_are_named_before_are_those_that_a_proof_is_made_of(data):
    size = data.draw(st.sampled_from((1, 255, 256, 257, 1030, 65_536, 65_540)))
    old = data.draw(st.integers(1, size))

    def proof(node):
        return merkle.consistency_proof(old, size, node), merkle.root(old, node)

    wanted = tile.needed(size, proof)
    read = {one: trees.tile_bytes(one) for one in wanted}

    assert proof(trees.node) == proof(tile.node_of(read.__getitem__, size))
    # Each once, and none for nothing.
    assert len(set(wanted)) == len(wanted)
    for one in wanted:
        with pytest.raises(KeyError):
            proof(tile.node_of(_without(read, one), size))


def _without(read, one):
    return {other: raw for other, raw in read.items() if other != one}.__getitem__
