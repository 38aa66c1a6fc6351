"""The tree as tiles, and the entries as bundles: C2SP tlog-tiles.

A tile of level l holds 256 hashes side by side, each over 256^l entries.  Full tiles never
change, so they are stored; a partial one is the beginning of a full one, and can be made
whenever a size that was once signed asks for it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import HASH_BYTES, MAX_SIZE, Frontier, Node, node_hash

WIDTH = 256
HEIGHT = 8
ENTRIES = -1
MAX_LEVEL = 63
MAX_ENTRY = 65_535

PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<n>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Which tile: its level (`ENTRIES` for a bundle), its place in the level, its width.

    Raises `ValueError` for one that no tree has.
    """

    level: int
    n: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        """Keep numbers in which no path could be written, or read back."""
        if not ENTRIES <= self.level <= MAX_LEVEL:
            raise ValueError(f"no tile has the level {self.level}")
        if not 0 <= self.n <= MAX_SIZE // WIDTH:
            raise ValueError(f"no level has a tile {self.n}")
        if not 1 <= self.width <= WIDTH:
            raise ValueError(f"no tile has the width {self.width}")

    @property
    def path(self) -> str:
        """Where it is served, without a slash before it: `tile/0/x001/x234/067.p/5`."""
        thousands, last = divmod(self.n, 1000)
        path = f"{last:03}"
        while thousands:
            thousands, last = divmod(thousands, 1000)
            path = f"x{last:03}/{path}"
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{level}/{path}{partial}"

    @property
    def start(self) -> int:
        """The index of the first entry below it."""
        return self.n << HEIGHT * (max(self.level, 0) + 1)


def parse_path(path: str) -> Tile:
    """Return the tile that is served at a path; raise `Malformed` for any other spelling."""
    found = PATH.fullmatch(path)
    if not found or not path.isascii():
        raise Malformed("not the path of a tile")
    level, digits, width = found["level"], found["n"], found["width"]
    try:
        tile = Tile(
            ENTRIES if level == "entries" else int(level),
            # No number below 2^63 is so long, and Python would not read any length.
            int(digits.replace("/x", "").removeprefix("x").replace("/", "")[:24]),
            int(width) if width else WIDTH,
        )
    except ValueError as error:
        raise Malformed("not the path of a tile") from error
    if tile.path != path:
        raise Malformed("another spelling of the path of a tile")
    return tile


def tiles(size: int, level: int, begin: int = 0) -> Iterator[Tile]:
    """Yield the tiles of a level (`ENTRIES` for the bundles) of a tree, from the n-th on.

    The last one may be partial; empty ones do not exist.  Raises `ValueError` for a size that
    no tree has.
    """
    if not 0 <= size <= MAX_SIZE:
        raise ValueError(f"no tree has the size {size}")
    full, width = divmod(size >> HEIGHT * max(level, 0), WIDTH)
    for n in range(begin, full):
        yield Tile(level, n)
    if width and begin <= full:
        yield Tile(level, full, width)


def levels(size: int) -> range:
    """Return the levels in which a tree of this size has tiles."""
    return range(-(-size.bit_length() // HEIGHT))


def encode(hashes: Sequence[bytes]) -> bytes:
    """Return a hash tile as it is served: its hashes, one after the other."""
    assert 1 <= len(hashes) <= WIDTH
    assert set(map(len, hashes)) == {HASH_BYTES}
    return b"".join(hashes)


def decode(raw: bytes, width: int = WIDTH) -> tuple[bytes, ...]:
    """Return the hashes of a tile; raise `Malformed` where it has not the width asked for."""
    if len(raw) != width * HASH_BYTES:
        raise Malformed(f"a tile of width {width} has {width * HASH_BYTES} bytes")
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each entry after its length in 16 bits, big-endian.

    Raises `ValueError` for an entry beyond 65,535 bytes: the format has no place for it.
    """
    written = bytearray()
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise ValueError("an entry of a bundle has 65,535 bytes at most")
        written += len(entry).to_bytes(2, "big") + entry
    return bytes(written)


def decode_bundle(raw: bytes, width: int = WIDTH) -> tuple[bytes, ...]:
    """Return the entries of a bundle; raise `Malformed` where they are not exactly `width`."""
    entries: list[bytes] = []
    at = 0
    while at < len(raw):
        begin = at + 2
        at = begin + int.from_bytes(raw[at:begin], "big")
        if at > len(raw) or begin > len(raw) or len(entries) == width:
            raise Malformed(f"not a bundle of {width} entries")
        entries.append(raw[begin:at])
    if len(entries) != width:
        raise Malformed(f"not a bundle of {width} entries")
    return tuple(entries)


def node_of(read: Callable[[Tile], bytes], size: int) -> Node:
    """Return what `merkle` asks its proofs of, out of the tiles of a tree of this size.

    `read` brings the bytes of a tile; each is read once.  `node` raises `Malformed` for a tile
    of the wrong length, and `ValueError` for a node that the tree does not have.
    """
    seen: dict[Tile, tuple[tuple[bytes, ...], ...]] = {}

    def node(height: int, index: int) -> bytes:
        tile, begin, end = place_of(height, index, size)
        if tile not in seen:
            raw = read(tile)
            if len(raw) != tile.width * HASH_BYTES:
                raise Malformed(f"a tile of width {tile.width} has {tile.width * HASH_BYTES} bytes")
            seen[tile] = _within(raw)
        above = (end - begin).bit_length() - 1
        return seen[tile][above][begin >> above]

    return node


def needed(size: int, made: Callable[[Node], object]) -> tuple[Tile, ...]:
    """Return the tiles that it takes to make something of the nodes of a tree, such as a proof.

    For who has to wait for each: they are asked first which, then read, then made from.
    """
    wanted: dict[Tile, None] = {}

    def asked(height: int, index: int) -> bytes:
        wanted[place_of(height, index, size)[0]] = None
        return bytes(HASH_BYTES)

    made(asked)
    return tuple(wanted)


@lru_cache(maxsize=256)
def _within(raw: bytes) -> tuple[tuple[bytes, ...], ...]:
    """Return every hash within a tile, row by row from its own upwards: most proofs share them."""
    rows = [decode(raw, len(raw) // HASH_BYTES)]
    while len(rows[-1]) > 1:
        # What has no right neighbour yet is in no row above.
        pairs = zip(rows[-1][::2], rows[-1][1::2], strict=False)
        rows.append(tuple(node_hash(left, right) for left, right in pairs))
    return tuple(rows)


def place_of(height: int, index: int, size: int) -> tuple[Tile, int, int]:
    """Return the tile that a node is computed from, and which of its hashes, from and to.

    Raises `ValueError` for a node that a tree of this size does not have.
    """
    if (index + 1) << height > size:
        raise ValueError(f"a tree of size {size} has no node {index} of height {height}")
    level, above = divmod(height, HEIGHT)
    n, begin = divmod(index << above, WIDTH)
    tile = Tile(level, n, min(WIDTH, (size >> HEIGHT * level) - n * WIDTH))
    return tile, begin, begin + (1 << above)


def subtree(hashes: Sequence[bytes]) -> bytes:
    """Return the hash over 2^k hashes side by side."""
    assert hashes
    assert len(hashes).bit_count() == 1
    while len(hashes) > 1:
        hashes = list(map(node_hash, hashes[::2], hashes[1::2]))
    return hashes[0]


@dataclass(slots=True)
class Edge:
    """The partial tiles of a growing tree: adding leaves hands out the tiles that become full.

    `partial[l]` are the hashes of the partial tile of level l in a tree of `size`.  It belongs
    to one loop, and is thrown away when that loop fails: what is stored is the state, and a
    start after a crash makes the edge anew from there.
    """

    size: int = 0
    partial: list[list[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raise `ValueError` where these are not the partial tiles of a tree of this size."""
        widths = [(self.size >> HEIGHT * level) % WIDTH for level in levels(self.size)]
        given = [len(hashes) for hashes in self.partial]
        if given[: len(widths)] != widths or any(given[len(widths) :]):
            raise ValueError(f"not the partial tiles of a tree of size {self.size}")

    def add(self, leaf: bytes) -> list[tuple[Tile, bytes]]:
        """Add a leaf hash; return the tiles that are full now, the lowest first."""
        return self.extend((leaf,))

    def extend(self, leaves: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Add leaf hashes; return the tiles that became full, in the order in which they did."""
        became_full: list[tuple[Tile, bytes]] = []
        at = 0
        while at < len(leaves):
            if not self.partial:
                self.partial.append([])
            end = min(len(leaves), at + WIDTH - len(self.partial[0]))
            self.partial[0] += leaves[at:end]
            self.size += end - at
            at = end
            became_full += self._carried()
        return became_full

    def _carried(self) -> Iterator[tuple[Tile, bytes]]:
        """Hand out the tiles that are full now, each as one hash more in the level above."""
        for level, hashes in enumerate(self.partial):
            if len(hashes) < WIDTH:
                return
            yield Tile(level, (self.size >> HEIGHT * (level + 1)) - 1), encode(hashes)
            if level + 1 == len(self.partial):
                self.partial.append([])
            self.partial[level + 1].append(subtree(hashes))
            hashes.clear()

    def rest(self) -> list[tuple[Tile, bytes]]:
        """Return the partial tiles as they are now, the lowest first."""
        return [
            (Tile(level, self.size >> HEIGHT * (level + 1), len(hashes)), encode(hashes))
            for level, hashes in enumerate(self.partial)
            if hashes
        ]

    @property
    def frontier(self) -> Frontier:
        """The same tree as its frontier."""
        hashes: list[bytes] = []
        for row in reversed(self.partial):
            at = 0
            for bit in reversed(range(HEIGHT)):
                if len(row) >> bit & 1:
                    hashes.append(subtree(row[at : at + (1 << bit)]))
                    at += 1 << bit
        return Frontier(self.size, tuple(hashes))

    @property
    def root(self) -> bytes:
        """The root of the tree as it is now."""
        return self.frontier.root
