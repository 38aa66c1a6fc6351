"""The tree over the events, grown again from their records and held against what is stored.

Pure: `fsck` reads the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.fsck_event import Judged
from ledger.tlog.merkle import HASH_BYTES, Frontier
from ledger.tlog.tile import HEIGHT, WIDTH, Edge, Tile

# A gap of so many is filled with nothing, so that the tree goes on behind it.
FILLED = 65_536

# Each full tile by its level and place: its hashes, and the hash over them.
Full = dict[tuple[int, int], tuple[bytes, bytes]]


@dataclass(slots=True)
class Tree:
    """Grows by the hashes of records.

    `hashes` are those it is to grow by next; `at` is what it was at the sizes that were asked
    for; `whole` is False once a gap was too large to go on behind it.
    """

    judged: Judged
    edge: Edge = field(default_factory=Edge)
    hashes: list[bytes] = field(default_factory=list)
    at: dict[int, Frontier] = field(default_factory=dict)
    whole: bool = True

    def skip(self, missing: int) -> None:
        """Stand for events that are not there."""
        if missing > FILLED:
            self.whole = False
        else:
            self.hashes += [bytes(HASH_BYTES)] * missing

    def mark(self) -> None:
        """Keep what it is at this size."""
        if self.whole:
            self.at[self.edge.size] = self.edge.frontier

    def grow(self) -> Full:
        """Grow by what was hashed; return the tiles that became full."""
        if not self.whole:
            self.hashes.clear()
            return {}
        became = self.edge.extend(self.hashes)
        self.hashes.clear()
        made = {(tile.level, tile.n): hashes for tile, hashes in became}
        full: Full = {}
        for (level, n), hashes in made.items():
            above, at = divmod(n, WIDTH)
            if (level + 1, above) in made:
                root = made[level + 1, above][at * HASH_BYTES : (at + 1) * HASH_BYTES]
            else:
                root = self.edge.partial[level + 1][at]
            full[level, n] = hashes, root
        return full

    def compare(self, row: Mapping[str, Any], hashes: bytes, root: bytes) -> None:
        """Hold a stored tile against what it has to be."""
        tile = Tile(row["level"], row["n"])
        if row["hashes"] is None:
            self.judged.add("tile", tile.start, f"{tile.path} is not there")
        elif row["hashes"] != hashes:
            at = _first_difference(bytes(row["hashes"]), hashes)
            position = tile.start + at * (span(tile.level) // WIDTH)
            self.judged.add("tile", position, f"{tile.path} is not made of the events")
        elif row["root"] != root:
            self.judged.add("tile", tile.start, f"the hash over {tile.path} is another one")


def span(level: int) -> int:
    """How many events are below a full tile of a level."""
    return 1 << HEIGHT * (level + 1)


def _first_difference(one: bytes, other: bytes) -> int:
    for at in range(WIDTH):
        place = slice(at * HASH_BYTES, (at + 1) * HASH_BYTES)
        if one[place] != other[place]:
            return at
    return 0
