"""The Merkle tree of RFC 6962, section 2.1 (the same in RFC 9162): roots, proofs, their checks.

Nothing here keeps a tree.  Who has the hashes hands in `node(height, index)`, the hash of the
2^height leaves from index·2^height on; a proof asks only for nodes whose leaves are all there.
Sizes stay below 2^63, as in every implementation that counts in a signed word.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256

from ledger.tlog.errors import Unproven

HASH_BYTES = 32
MAX_SIZE = 2**63 - 1
EMPTY_ROOT = sha256().digest()

Node = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf: SHA-256 of 0x00 and the entry (RFC 6962, 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two hashes: SHA-256 of 0x01, left, right (RFC 6962, 2.1).

    The other prefix is what keeps a node from being passed off as a leaf.
    """
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to add leaves and to know the root.

    `hashes` are those of its full subtrees, the largest first: one for each bit of `size`,
    so 63 at most.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Raise `ValueError` where the hashes are not those of a tree of this size."""
        if not 0 <= self.size <= MAX_SIZE:
            raise ValueError(f"no tree has the size {self.size}")
        if len(self.hashes) != self.size.bit_count():
            raise ValueError(f"{len(self.hashes)} hashes are no frontier of size {self.size}")
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise ValueError("a hash has 32 bytes")

    @property
    def root(self) -> bytes:
        """The root hash: MTH of RFC 6962, 2.1; of the empty tree, SHA-256 of nothing."""
        return folded(self.hashes)

    def extended(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the frontier after these leaf hashes; `ValueError` beyond 2^63-1."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            one, carry = leaf, size
            # As many full subtrees end here as the size has trailing ones.
            while carry & 1:
                one = node_hash(hashes.pop(), one)
                carry >>= 1
            hashes.append(one)
            size += 1
        return Frontier(size, tuple(hashes))


def folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root over full subtrees of falling size that stand side by side."""
    if not hashes:
        return EMPTY_ROOT
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes))


def root(size: int, node: Node) -> bytes:
    """Return the root of the first `size` leaves; `ValueError` for a size that no tree has."""
    _size(size)
    return _over(0, size, node)


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """Return the audit path of a leaf, the leaf's sibling first (PATH of RFC 6962, 2.1.1).

    Raises `ValueError` where the tree has no such leaf.
    """
    _size(size)
    if not 0 <= index < size:
        raise ValueError(f"a tree of size {size} has no leaf {index}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            path.append(_over(middle, end, node))
            end = middle
        else:
            path.append(_over(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """Return the proof that a tree is the beginning of a later one (PROOF of RFC 6962, 2.1.2).

    It is empty for equal sizes and for the empty tree, where there is nothing to prove.
    Raises `ValueError` where `old` is larger.
    """
    _size(new)
    if not 0 <= old <= new:
        raise ValueError(f"a tree of size {old} is no beginning of one of size {new}")
    if old == 0:
        return ()
    start, end, path = 0, new, []
    while end != old:
        middle = _middle(start, end)
        if old <= middle:
            path.append(_over(middle, end, node))
            end = middle
        else:
            path.append(_over(start, middle, node))
            start = middle
    if start:
        # Otherwise it is the old root itself, which the verifier has.
        path.append(_over(start, end, node))
    return tuple(reversed(path))


def check_inclusion(
    index: int, size: int, leaf: bytes, path: Sequence[bytes], root_hash: bytes
) -> None:
    """Check an audit path (RFC 9162, 2.1.3.2).

    Raises `Unproven`: `index` where the tree has no such leaf, else `inclusion`.
    """
    if not 0 < size <= MAX_SIZE or not 0 <= index < size:
        raise Unproven("index", f"a tree of size {size} has no leaf {index}")
    _hashes("inclusion", (leaf, root_hash, *path))
    here, last, one = index, size - 1, leaf
    for other in path:
        if last == 0:
            raise Unproven("inclusion", "the path is too long")
        if here & 1 or here == last:
            one = node_hash(other, one)
            # The last node of a level without a sibling stands unchanged in the levels above.
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            one = node_hash(one, other)
        here, last = here >> 1, last >> 1
    if last:
        raise Unproven("inclusion", "the path is too short")
    if one != root_hash:
        raise Unproven("inclusion", "the path leads to another root")


def check_consistency(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Check that one tree is the beginning of the other (RFC 9162, 2.1.4.2).

    Raises `Unproven`: `size` where the sizes are in the wrong order, `root` where equal sizes
    have unequal roots or the empty tree a wrong one, else `consistency`.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise Unproven("size", f"a tree of size {old} is no beginning of one of size {new}")
    _hashes("consistency", (old_root, new_root, *path))
    for size, one in ((old, old_root), (new, new_root)):
        if size == 0 and one != EMPTY_ROOT:
            raise Unproven("root", "the empty tree has another root")
    if old == new and old_root != new_root:
        raise Unproven("root", f"two roots for the size {old}")
    if old in {0, new}:
        if path:
            raise Unproven("consistency", "the path is too long")
        return
    _check_proper(old, new, path, (old_root, new_root))


def _check_proper(old: int, new: int, path: Sequence[bytes], roots: tuple[bytes, bytes]) -> None:
    """Check a path between two sizes of which neither is empty, the first the smaller."""
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    # A full tree is itself the first node of the path, and is left out of it.
    steps = iter(path if here else (roots[0], *path))
    older = newer = next(steps, None)
    if older is None or newer is None:
        raise Unproven("consistency", "the path is too short")
    for other in steps:
        if last == 0:
            raise Unproven("consistency", "the path is too long")
        if here & 1 or here == last:
            older, newer = node_hash(other, older), node_hash(other, newer)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            newer = node_hash(newer, other)
        here, last = here >> 1, last >> 1
    if last:
        raise Unproven("consistency", "the path is too short")
    if (older, newer) != roots:
        raise Unproven("consistency", "the path leads to other roots")


def _size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise ValueError(f"no tree has the size {size}")


def _hashes(what: str, hashes: Iterable[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise Unproven(what, "a hash has 32 bytes")


def _middle(start: int, end: int) -> int:
    """Where RFC 6962 splits: after the largest power of two that leaves something."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _over(start: int, end: int, node: Node) -> bytes:
    """The hash over a range that the splitting gives: `start` is a multiple of its powers."""
    hashes = []
    while start < end:
        height = (end - start).bit_length() - 1
        hashes.append(node(height, start >> height))
        start += 1 << height
    return folded(hashes)
