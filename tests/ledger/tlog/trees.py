"""A tree written down in full, straight from the definition: what our code is held against."""

from hashlib import sha256

from tlog_scales.reader import TilesReader

from ledger.tlog.tile import ENTRIES, HEIGHT, WIDTH, encode_bundle, parse_path

SIZES = (*range(1031), *range(65_530, 65_541))
ENTRIES_OF_TREE = tuple(f"entry {index}".encode() for index in range(max(SIZES)))


def rows_over(entries):
    """Return the hashes of every full subtree: `rows[height][index]`."""
    rows = [[sha256(b"\x00" + entry).digest() for entry in entries]]
    while len(below := rows[-1]) > 1:
        rows.append(
            [
                sha256(b"\x01" + below[at] + below[at + 1]).digest()
                for at in range(0, len(below) - 1, 2)
            ]
        )
    return rows


ROWS = rows_over(ENTRIES_OF_TREE)


def node(height, index):
    return ROWS[height][index]


def tile_bytes(tile, rows=ROWS, entries=ENTRIES_OF_TREE):
    """Return what stands in a tile or a bundle, by the definition of C2SP tlog-tiles."""
    here = slice(tile.n * WIDTH, tile.n * WIDTH + tile.width)
    if tile.level == ENTRIES:
        return encode_bundle(entries[here])
    return b"".join(rows[HEIGHT * tile.level][here])


class Backend:
    """Our tiles at our paths, as a stranger's reader asks for them."""

    def __init__(self, size):
        self.size = size

    def get(self, *path):
        tile = parse_path("/".join(path))
        assert tile.n * WIDTH + tile.width <= self.size >> HEIGHT * max(tile.level, 0)
        return tile_bytes(tile)


def strangers_reader(size):
    reader = TilesReader(Backend(size))
    reader.set_size(size)
    return reader
