"""What somebody with a policy, and without us, checks: the first bad thing is named.

Everything is verified from the bytes as they were stored, against keys that were known
before.  A log proves that something is there; that nothing else is, follows only from reading
all of it, which is `first_bad`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger.tlog import checkpoint as checkpoints
from ledger.tlog import merkle, note, proof
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import cosigned_at
from ledger.tlog.errors import Unproven
from ledger.tlog.merkle import HASH_BYTES, Frontier
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.tile import HEIGHT, WIDTH, Edge, Tile, decode, tiles


@dataclass(frozen=True, slots=True)
class Verified:
    """A checkpoint that a policy accepts, and who cosigned it when.

    `cosigned` has the names of the witnesses as the policy has them, each with the second
    since 1970 at which it says it saw the log so.
    """

    checkpoint: Checkpoint
    cosigned: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Bad:
    """The first thing that is wrong with a copy of a log.

    `what` is `entry` (altered, missing, or one too many), `tile` (altered or missing; the
    entries are the signed ones) or `root` (neither entries nor tiles are).  `position` is that
    of the entry, or of the first entry below the hash; None where only the root tells.
    """

    what: str
    position: int | None
    why: str


def verify_checkpoint(raw: bytes, policy: Policy) -> Verified:
    """Check a checkpoint against a policy (C2SP tlog-checkpoint, tlog-cosignature, tlog-policy).

    Raises `Malformed`, or `Unproven`: `signature` where a known key's fails, stands there
    twice, or none is known; `origin` where no log of that origin has signed; `quorum` where
    too few witnesses have.
    """
    return _verified(note.parse(raw), policy)


def verify_signed(raw: bytes, origin: str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """Check that a checkpoint is of a log, signed by a key of it, whoever else signed.

    Raises `Malformed`, or `Unproven`: `signature` or `origin`.
    """
    signed = note.parse(raw)
    note.opened(signed, keys)
    read = checkpoints.parse(signed.text)
    if read.origin != origin:
        raise Unproven("origin", f"it is of {read.origin}, not {origin}")
    return read


def verify_proof(raw: bytes, entry: bytes, policy: Policy) -> Verified:
    """Check that an entry stands in the log, by a `.tlog-proof` and a policy.

    The checkpoint first: a path to a root that nobody signed proves nothing.  Raises as
    `verify_checkpoint` does, and `Unproven`: `index` or `inclusion`.
    """
    read = proof.parse(raw)
    verified = _verified(read.checkpoint, policy)
    merkle.check_inclusion(
        read.index,
        verified.checkpoint.size,
        merkle.leaf_hash(entry),
        read.path,
        verified.checkpoint.root,
    )
    return verified


def verify_extension(older: Checkpoint, newer: Checkpoint, path: Sequence[bytes]) -> None:
    """Check that a log only grew between two checkpoints that are verified already.

    Raises `Unproven`: `origin` where they are of two logs, `size` where the second is smaller,
    `root` or `consistency` where they are two histories.  Then both together are the proof of
    it, and are to be kept.
    """
    if older.origin != newer.origin:
        raise Unproven("origin", "two checkpoints of two logs")
    merkle.check_consistency(older.size, newer.size, path, older.root, newer.root)


def first_bad(
    checkpoint: Checkpoint,
    entries: Iterable[bytes],
    read: Callable[[Tile], bytes | None],
) -> Bad | None:
    """Return the first thing wrong with a whole copy of a log; None where all is right.

    `entries` are all of them in order; `read` brings the bytes of a hash tile, or None where it
    is not there.  The checkpoint is verified already.  Nothing in the copy is believed: the
    entries are hashed again, and what does not lead to the signed root is located by the tiles
    as far as these lead to it.
    """
    size = checkpoint.size
    edge, seen = Edge(), _Compared(size, read)
    excess = False
    for entry in entries:
        if edge.size == size:
            excess = True
            break
        for tile, made in edge.add(merkle.leaf_hash(entry)):
            seen.compare(tile, made)
    for tile, made in edge.rest():
        seen.compare(tile, made)

    if edge.root == checkpoint.root and edge.size == size and not excess:
        return seen.worst and Bad("tile", seen.worst[1], f"level {seen.worst[0]}: wrong or missing")
    if _signed_by_tiles(checkpoint, read):
        # Level 0 has the hashes that were signed, so the entry that parts from it is exact.
        if seen.parted and seen.parted[0] == 0:
            return Bad("entry", seen.parted[1], "not the entry that was signed")
        return Bad("entry", edge.size, "one too many" if excess else "missing")
    return Bad("root", seen.parted and seen.parted[1], "neither entries nor tiles lead to it")


def first_bad_hash(checkpoint: Checkpoint, read: Callable[[Tile], bytes | None]) -> Bad | None:
    """Return the first thing wrong with a copy that has the hashes alone; None where all is right.

    The hashes of level 0 are taken as they are, and have to lead to the signed root by
    themselves.  Which entries they are of, nobody can tell from them.  Where they do not, the
    level above says below which of its hashes: 256 entries, not one.
    """
    edge, seen = Edge(), _Compared(checkpoint.size, read)
    for tile in tiles(checkpoint.size, 0):
        stored = read(tile)
        if stored is None or len(stored) != tile.width * HASH_BYTES:
            return Bad("tile", tile.start, "level 0: missing, or of another length")
        for leaf in decode(stored, tile.width):
            for made_tile, made in edge.add(leaf):
                seen.compare(made_tile, made)
    for made_tile, made in edge.rest():
        seen.compare(made_tile, made)
    if edge.root == checkpoint.root:
        return seen.worst and Bad("tile", seen.worst[1], f"level {seen.worst[0]}: wrong or missing")
    return Bad("root", seen.parted and seen.parted[1], "the hashes do not lead to it")


class _Compared:
    """Where the tiles of a copy part from its entries: single hashes before those of many."""

    def __init__(self, size: int, read: Callable[[Tile], bytes | None]) -> None:
        self._size = size
        self._read = read
        self.parted: tuple[int, int] | None = None
        self.missing: tuple[int, int] | None = None

    @property
    def worst(self) -> tuple[int, int] | None:
        """Level and position of what is first wrong if the entries are right."""
        return min((one for one in (self.parted, self.missing) if one), default=None)

    def compare(self, tile: Tile, made: bytes) -> None:
        """Compare a tile that was made of the entries with the one in the copy."""
        # Where entries are missing, what there is of them is the beginning of a wider tile.
        whole = _whole(tile, self._size)
        stored = self._read(whole)
        place = (tile.level, tile.start)
        if stored is None:
            self.missing = min(self.missing or place, place)
            return
        if len(stored) == whole.width * HASH_BYTES and stored[: len(made)] == made:
            return
        same = 0
        while stored[same : same + HASH_BYTES] == made[same : same + HASH_BYTES] != b"":
            same += HASH_BYTES
        place = (tile.level, tile.start + same // HASH_BYTES * WIDTH**tile.level)
        self.parted = min(self.parted or place, place)


def _whole(tile: Tile, size: int) -> Tile:
    """The tile at this place in a tree of this size."""
    width = (size >> HEIGHT * tile.level) - tile.n * WIDTH
    return Tile(tile.level, tile.n, min(WIDTH, width))


def _signed_by_tiles(checkpoint: Checkpoint, read: Callable[[Tile], bytes | None]) -> bool:
    """Whether the tiles of level 0, by themselves, lead to the root."""
    frontier = Frontier()
    for tile in tiles(checkpoint.size, 0):
        stored = read(tile)
        if stored is None or len(stored) != tile.width * HASH_BYTES:
            return False
        frontier = frontier.extended(decode(stored, tile.width))
    return frontier.root == checkpoint.root


def _verified(signed: note.Note, policy: Policy) -> Verified:
    """Check signatures, text, origin and quorum, in this order: unsigned text is not read."""
    found = dict(note.opened(signed, (*policy.logs, *policy.witnesses.values())))
    read = checkpoints.parse(signed.text)
    # A log that is trusted for its own origin has no say about another one's.
    if not any(key in found for key in policy.logs if key.name == read.origin):
        raise Unproven("origin", f"no known log of the origin {read.origin} has signed")
    cosigned = {
        name: cosigned_at(found[key]) for name, key in policy.witnesses.items() if key in found
    }
    if not policy.satisfied(cosigned):
        raise Unproven("quorum", f"cosigned by {', '.join(cosigned) or 'nobody'}: no quorum")
    return Verified(read, cosigned)
