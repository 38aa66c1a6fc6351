"""The tree: the standard's vectors, every size against two strangers, and no flipped bit."""

import metamorphic_log
import pytest
import tlog_scales.tlog as scales
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import merkle
from ledger.tlog.errors import Unproven
from ledger.tlog.merkle import MAX_SIZE, Frontier
from ledger.tlog.tile import Edge, levels, node_of, tiles
from tests.ledger.tlog import trees

# Leaves, roots and proofs of certificate-transparency's own tests of RFC 6962
# (merkle_tree_test.cc; the same ones in transparency-dev/merkle, testonly/constants.go).
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
CT_INCLUSION = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}
CT_CONSISTENCY = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}

SMALL = st.integers(1, 1030)


def ct_node(height, index):
    return trees.rows_over(CT_LEAVES)[height][index]


def hashes(words):
    return tuple(bytes.fromhex(word) for word in words)


def test_the_roots_of_certificate_transparency():
    leaves = [merkle.leaf_hash(leaf) for leaf in CT_LEAVES]

    assert CT_ROOTS == [Frontier().extended(leaves[:size]).root for size in range(9)]
    assert CT_ROOTS == [merkle.root(size, ct_node) for size in range(9)]


@pytest.mark.parametrize(("index", "size"), CT_INCLUSION)
def test_the_audit_paths_of_certificate_transparency(index, size):
    path = merkle.inclusion_proof(index, size, ct_node)

    assert hashes(CT_INCLUSION[index, size]) == path
    merkle.check_inclusion(index, size, merkle.leaf_hash(CT_LEAVES[index]), path, CT_ROOTS[size])


@pytest.mark.parametrize(("old", "new"), CT_CONSISTENCY)
def test_the_consistency_proofs_of_certificate_transparency(old, new):
    path = merkle.consistency_proof(old, new, ct_node)

    assert hashes(CT_CONSISTENCY[old, new]) == path
    merkle.check_consistency(old, new, path, CT_ROOTS[old], CT_ROOTS[new])


def sampled(size, count):
    """Some numbers below `size`: the ends, the last full subtrees, others spread over it."""
    edges = {0, 1, 255, 256, size // 2, size - 257, size - 256, size - 2, size - 1}
    spread = {size * 7919 * step // 10_007 for step in range(1, count)}
    return sorted(number for number in edges | {one % size for one in spread} if 0 <= number < size)


def test_every_size_gives_the_root_the_tiles_and_the_proofs_that_strangers_give():
    edge, frontier, full, roots = Edge(), Frontier(), {}, {0: merkle.EMPTY_ROOT}
    wanted = set(trees.SIZES)
    for size in range(max(wanted) + 1):
        if size:
            leaf = trees.ROWS[0][size - 1]
            frontier = frontier.extended((leaf,))
            full.update(edge.add(leaf))
        if size not in wanted:
            continue
        strangers = trees.strangers_reader(size)
        node = node_of(trees.tile_bytes, size)

        # The tiles: those handed out while growing are those of the definition, and no others.
        has = dict(edge.rest())
        mine = {tile for level in levels(size) for tile in tiles(size, level)}
        assert mine == set(full) | set(has)
        assert has == {tile: trees.tile_bytes(tile) for tile in has}

        roots[size] = strangers.calculate_root_hash()
        assert roots[size] == frontier.root == edge.root == merkle.root(size, node)
        assert frontier == edge.frontier

        if size == 0:
            continue
        # The strangers check every proof; of one each they make their own, which is slow.
        indices = sampled(size, 3)
        for index in indices:
            path = merkle.inclusion_proof(index, size, node)
            leaf = trees.ROWS[0][index]
            merkle.check_inclusion(index, size, leaf, path, roots[size])
            metamorphic_log.verify_inclusion(index, size, leaf, list(path), roots[size])
            scales.InclusionProof(index, size, list(path)).check(leaf, roots[size])
            if index == indices[size % len(indices)]:
                assert list(path) == strangers.get_inclusion_proof(index, size).node_hashes

        olds = [old for old in indices if old and old in roots]
        for old in olds:
            path = merkle.consistency_proof(old, size, node)
            merkle.check_consistency(old, size, path, roots[old], roots[size])
            metamorphic_log.verify_consistency(old, size, list(path), roots[old], roots[size])
            scales.ConsistencyProof(old, size, list(path)).check(roots[old], roots[size])
            if old == olds[size % len(olds)]:
                assert list(path) == strangers.get_consistency_proof(old, size).node_hashes
    assert full == {tile: trees.tile_bytes(tile) for tile in full}


def accepts(check, *arguments):
    try:
        check(*arguments)
    except (Unproven, metamorphic_log.VerifyError, scales.InclusionProofInvalid):
        return False
    return True


def test_every_leaf_and_pair_of_small_sizes():
    roots = [merkle.root(size, trees.node) for size in range(41)]
    for size in range(1, 41):
        for index in range(size):
            path = merkle.inclusion_proof(index, size, trees.node)
            merkle.check_inclusion(index, size, trees.ROWS[0][index], path, roots[size])
        for old in range(size + 1):
            path = merkle.consistency_proof(old, size, trees.node)
            merkle.check_consistency(old, size, path, roots[old], roots[size])


def test_a_path_that_is_given_out_for_another_leaf_or_size():
    # Two sizes may have a path of one shape: that the size is the right one, the checkpoint
    # says.  So the strangers decide which of these are to be refused, too.
    roots = [merkle.root(size, trees.node) for size in range(18)]
    refused = 0
    for size in range(1, 18):
        for index in range(size):
            path = merkle.inclusion_proof(index, size, trees.node)
            leaf = trees.ROWS[0][index]
            for wrong_index in range(18):
                for wrong_size in range(1, 18):
                    ours = accepts(
                        merkle.check_inclusion, wrong_index, wrong_size, leaf, path, roots[size]
                    )
                    theirs = accepts(
                        scales.InclusionProof(wrong_index, wrong_size, list(path)).check,
                        leaf,
                        roots[size],
                    )
                    assert ours == theirs
                    assert not ours or wrong_size != size or wrong_index == index
                    refused += not ours
    assert refused > 30_000


def flipped(raw, bit):
    whole = bytearray(raw)
    whole[bit // 8] ^= 1 << bit % 8
    return bytes(whole)


@given(st.data(), SMALL)
def test_no_flipped_bit_in_leaf_path_or_root_is_included(data, size):
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_proof(index, size, trees.node)
    root = merkle.root(size, trees.node)
    parts = [trees.ROWS[0][index], root, *path]
    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = flipped(parts[which], data.draw(st.integers(0, 255)))
    leaf, root, *path = parts

    with pytest.raises(Unproven) as refused:
        merkle.check_inclusion(index, size, leaf, path, root)

    assert "inclusion" == refused.value.what
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.verify_inclusion(index, size, leaf, path, root)


@given(st.data(), st.integers(2, 1030))
def test_no_flipped_bit_in_path_or_roots_is_consistent(data, new):
    old = data.draw(st.integers(1, new - 1))
    path = merkle.consistency_proof(old, new, trees.node)
    parts = [merkle.root(old, trees.node), merkle.root(new, trees.node), *path]
    which = data.draw(st.integers(0, len(parts) - 1))
    parts[which] = flipped(parts[which], data.draw(st.integers(0, 255)))
    old_root, new_root, *path = parts

    with pytest.raises(Unproven) as refused:
        merkle.check_consistency(old, new, path, old_root, new_root)

    assert "consistency" == refused.value.what
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.verify_consistency(old, new, path, old_root, new_root)


def spoiled(path):
    """Return a path with a hash less, a hash more, two in the wrong order, one cut or padded."""
    yield path[:-1]
    yield path[1:]
    yield (*path, bytes(32))
    yield (bytes(32), *path)
    yield (*path, path[-1])
    yield (*path[:-1], path[-1][:31])
    yield (*path[:-1], path[-1] + b"\0")
    yield (*path[:-1], b"")
    if len(path) > 1:
        yield (path[1], path[0], *path[2:])


@given(st.data(), st.integers(2, 1030))
def test_a_path_is_neither_longer_nor_shorter_nor_in_another_order(data, size):
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size - 1))
    root, old_root = merkle.root(size, trees.node), merkle.root(old, trees.node)

    for path in spoiled(merkle.inclusion_proof(index, size, trees.node)):
        with pytest.raises(Unproven):
            merkle.check_inclusion(index, size, trees.ROWS[0][index], path, root)
    for path in spoiled(merkle.consistency_proof(old, size, trees.node)):
        with pytest.raises(Unproven):
            merkle.check_consistency(old, size, path, old_root, root)


def test_a_path_that_leads_to_the_root_of_a_smaller_tree_proves_no_larger_one():
    old_root, more = merkle.root(4, trees.node), bytes(32)
    made_up = merkle.node_hash(old_root, more)

    merkle.check_consistency(4, 8, [more], old_root, made_up)
    for path, new in (([more], 16), ([], 16)):
        with pytest.raises(Unproven) as refused:
            merkle.check_consistency(4, new, path, old_root, made_up)
        assert "consistency" == refused.value.what
    with pytest.raises(Unproven) as refused:
        merkle.check_consistency(3, 8, [], old_root, made_up)
    assert "consistency" == refused.value.what


def test_no_byte_moves_from_one_hash_into_its_neighbour():
    leaf, root = trees.ROWS[0][0], merkle.root(2, trees.node)
    moved = leaf[31:] + trees.ROWS[0][1]

    assert merkle.node_hash(leaf[:31], moved) == root
    with pytest.raises(Unproven):
        merkle.check_inclusion(0, 2, leaf[:31], [moved], root)
    with pytest.raises(Unproven):
        merkle.check_consistency(1, 2, [moved], leaf[:31], root)


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1])
def test_a_tree_of_no_size_has_no_root(size):
    with pytest.raises(ValueError):
        merkle.root(size, lambda height, index: bytes(32))


def test_a_node_is_not_taken_for_a_leaf():
    root = merkle.root(4, trees.node)
    entry = trees.node(0, 0) + trees.node(0, 1)

    # Over two entries the tree has the same shape as over two nodes of four.
    with pytest.raises(Unproven):
        merkle.check_inclusion(0, 2, merkle.leaf_hash(entry), [trees.node(1, 1)], root)


def test_control_without_the_prefixes_a_node_passes_for_a_leaf(monkeypatch):
    monkeypatch.setattr(merkle, "leaf_hash", lambda entry: merkle.sha256(entry).digest())
    monkeypatch.setattr(
        merkle, "node_hash", lambda left, right: merkle.sha256(left + right).digest()
    )
    leaves = [merkle.leaf_hash(entry) for entry in trees.ENTRIES_OF_TREE[:4]]
    root = Frontier().extended(leaves).root
    right = merkle.node_hash(*leaves[2:])

    merkle.check_inclusion(0, 2, merkle.leaf_hash(leaves[0] + leaves[1]), [right], root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (0, -1), (0, MAX_SIZE + 1)])
def test_an_index_that_the_tree_does_not_have(index, size):
    with pytest.raises(Unproven) as refused:
        merkle.check_inclusion(index, size, bytes(32), (), bytes(32))

    assert "index" == refused.value.what
    with pytest.raises(ValueError):
        merkle.inclusion_proof(index, size, trees.node)


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1), (0, -1), (1, MAX_SIZE + 1)])
def test_sizes_in_the_wrong_order(old, new):
    with pytest.raises(Unproven) as refused:
        merkle.check_consistency(old, new, (), bytes(32), bytes(32))

    assert "size" == refused.value.what
    with pytest.raises(ValueError):
        merkle.consistency_proof(old, new, trees.node)


def test_one_size_has_one_root_and_the_empty_tree_its_own():
    root = merkle.root(5, trees.node)
    merkle.check_consistency(5, 5, (), root, root)
    merkle.check_consistency(0, 5, (), merkle.EMPTY_ROOT, root)
    merkle.check_consistency(0, 0, (), merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)

    for old, new, old_root, new_root in (
        (5, 5, root, bytes(32)),
        (0, 5, bytes(32), root),
        (0, 0, merkle.EMPTY_ROOT, bytes(32)),
    ):
        with pytest.raises(Unproven) as refused:
            merkle.check_consistency(old, new, (), old_root, new_root)
        assert "root" == refused.value.what
    for old, old_root in ((5, root), (0, merkle.EMPTY_ROOT)):
        with pytest.raises(Unproven) as refused:
            merkle.check_consistency(old, 5, (bytes(32),), old_root, root)
        assert "consistency" == refused.value.what


def test_the_largest_tree_that_can_be_counted():
    top = Frontier(MAX_SIZE - 1, (bytes(32),) * (MAX_SIZE - 1).bit_count())
    last = top.extended((bytes(32),))

    assert 63 == len(last.hashes)
    with pytest.raises(ValueError):
        last.extended((bytes(32),))
    path = merkle.inclusion_proof(MAX_SIZE - 1, MAX_SIZE, lambda height, index: bytes(32))
    assert 62 == len(path)
    merkle.check_inclusion(MAX_SIZE - 1, MAX_SIZE, bytes(32), path, last.root)


@pytest.mark.parametrize(
    ("size", "hashes"),
    [(-1, ()), (1, ()), (0, (bytes(32),)), (3, (bytes(32),)), (1, (bytes(31),))],
)
def test_hashes_that_are_no_frontier(size, hashes):
    with pytest.raises(ValueError):
        Frontier(size, hashes)


@given(st.lists(st.integers(0, 300), max_size=6))
def test_leaves_may_come_in_portions(portions):
    frontier, size = Frontier(), 0
    for portion in portions:
        frontier = frontier.extended(trees.ROWS[0][size : size + portion])
        size += portion

    assert (size, merkle.root(size, trees.node)) == (frontier.size, frontier.root)
