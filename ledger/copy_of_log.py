"""A whole copy of a log, checked: a folder, a stick, somebody's mirror; no database, no trust.

A copy is `checkpoint` and the paths of C2SP tlog-tiles; `read` brings the bytes at a path.  With
the entries every event is hashed again and held against the order a ledger keeps; without them
the hashes alone are checked, and that is said.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.closing import link_of
from ledger.order import Order
from ledger.stored import Stored, Unreadable
from ledger.stored import read as read_record
from ledger.tlog import merkle
from ledger.tlog import verify as logs
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import HASH_BYTES
from ledger.tlog.tile import ENTRIES, WIDTH, Tile, decode_bundle, node_of, tiles
from ledger.tlog.verify import Bad

MAX_BUNDLE = WIDTH * (65_535 + 2)
# Proofs from sizes that follow one another take the same tiles but for one or two.
KEPT_TILES = 512

Read = Callable[[str], bytes | None]
Progress = Callable[[int], None]
Heard = Callable[[Stored], None]


@dataclass(slots=True)
class Copy:
    """A copy of a log under a checkpoint that was verified already.

    `progress` hears of every tile or bundle of the lowest level that was read, `heard` of every
    record, in order.
    """

    checkpoint: Checkpoint
    read: Read
    progress: Progress = lambda _: None
    heard: Heard = lambda _: None
    ledger: str | None = None
    newest: datetime | None = None
    # What the first event commits of the ledger before, None where there was none.
    follows: Mapping[str, Any] | None = None
    _order: Order = field(default_factory=lambda: Order(whole=True))
    _wrong: Bad | None = None
    _kept: OrderedDict[Tile, bytes] = field(default_factory=OrderedDict)

    @property
    def has_entries(self) -> bool:
        """Whether the copy has entries, and not the hashes alone."""
        first = next(tiles(self.checkpoint.size, ENTRIES), None)
        return first is not None and self._bytes(first) is not None

    def first_bad(self, *, entries: bool) -> Bad | None:
        """Return the first thing that is wrong, by the entries or by the hashes alone.

        None where all is right.
        """
        if not entries:
            return logs.first_bad_hash(self.checkpoint, self._counted)
        bad = logs.first_bad(self.checkpoint, self._entries(), self._bytes)
        if bad is None or self._wrong is None:
            return bad or self._wrong
        if bad.position is None or self._wrong.position is None:
            return self._wrong
        return self._wrong if self._wrong.position <= bad.position else bad

    def extends(self, older: Checkpoint) -> None:
        """Check that the log only grew since an older checkpoint, by the tiles of this copy.

        Raises `Unproven` where it did not, `Malformed` where a tile is missing.
        """
        path: tuple[bytes, ...] = ()
        if 0 < older.size < self.checkpoint.size:
            node = node_of(self._whole, self.checkpoint.size)
            path = merkle.consistency_proof(older.size, self.checkpoint.size, node)
        logs.verify_extension(older, self.checkpoint, path)

    def _whole(self, tile: Tile) -> bytes:
        """Read a tile that has to be there; the last ones are kept, the copy may be far away."""
        found = self._kept.get(tile) or self._bytes(tile)
        if found is None:
            raise Malformed(f"{tile.path} is not there")
        self._kept[tile] = found
        self._kept.move_to_end(tile)
        if len(self._kept) > KEPT_TILES:
            self._kept.popitem(last=False)
        return found

    def _counted(self, tile: Tile) -> bytes | None:
        found = self._bytes(tile)
        if tile.level == 0:
            self.progress(tile.n)
        return found

    def _bytes(self, tile: Tile) -> bytes | None:
        """Read a tile or bundle; a partial one may have grown full meanwhile."""
        found = self.read(tile.path)
        if found is not None or tile.width == WIDTH:
            return found
        full = self.read(Tile(tile.level, tile.n).path)
        if full is None or tile.level == ENTRIES:
            return _beginning(full, tile.width)
        return full[: tile.width * HASH_BYTES]

    def _entries(self) -> Iterator[bytes]:
        """Yield every entry; what is wrong with one by itself is kept, and the rest goes on."""
        for bundle in tiles(self.checkpoint.size, ENTRIES):
            raw = self._bytes(bundle)
            if raw is None:
                return
            try:
                entries = decode_bundle(raw, bundle.width)
            except Malformed as error:
                self._note(bundle.start, str(error))
                return
            for no, entry in enumerate(entries):
                self._look(bundle.start + no, entry)
                yield entry
            self.progress(bundle.n)

    def _look(self, position: int, entry: bytes) -> None:
        try:
            stored = read_record(entry)
        except Unreadable as error:
            self._note(position, str(error))
            return
        self.ledger, self.newest = stored.ledger, stored.recorded_at
        self.heard(stored)
        if position == 0:
            self.follows = link_of(stored)
        wrong = self._order.take(stored)
        if wrong is not None:
            self._note(position, wrong)
        elif stored.position != position:
            self._note(position, f"an event of position {stored.position}")

    def _note(self, position: int, why: str) -> None:
        if self._wrong is None:
            self._wrong = Bad("entry", position, why)


def _beginning(bundle: bytes | None, width: int) -> bytes | None:
    """Return the first entries of a bundle, None where there are not so many."""
    if bundle is None:
        return None
    at = 0
    for _ in range(width):
        if at + 2 > len(bundle):
            return None
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return bundle[:at]
