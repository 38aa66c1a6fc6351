"""Proofs that stand for themselves: one entry, its path, the checkpoint (C2SP tlog-proof).

A file `.tlog-proof` is checked without us, against a policy and the entry's own bytes.
"""

from dataclasses import dataclass

from ledger.tlog import note
from ledger.tlog.checkpoint import decimal
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import HASH_BYTES, MAX_SIZE

VERSION = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an entry is, its path from the leaf up, and the checkpoint, signatures and all.

    `extra` is what somebody wrote beside it; nothing vouches for that.  None: there is none.
    Raises `Malformed` for what no file could say.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: note.Note
    extra: bytes | None = None

    def __post_init__(self) -> None:
        """Keep to what can be written, and read back the same."""
        if not 0 <= self.index < MAX_SIZE:
            raise Malformed("an index that no tree has")
        if len(self.path) > MAX_PATH or any(len(one) != HASH_BYTES for one in self.path):
            raise Malformed("a path that no tree has")
        if self.extra is not None and not self.extra:
            raise Malformed("no extra data is no line at all")
        parse_checkpoint(self.checkpoint.text)

    @property
    def raw(self) -> bytes:
        """The proof as a file; `parse` gives back the same proof."""
        lines = [VERSION]
        if self.extra is not None:
            lines.append(f"extra {note.base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(note.base64(one) for one in self.path)
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint.raw


def parse(raw: bytes) -> Proof:
    """Read a proof; raise `Malformed` for every other spelling.  Nothing is verified yet."""
    head, parted, signed = raw.partition(b"\n\n")
    if not parted or len(raw) > note.MAX_NOTE:
        raise Malformed("a proof without a checkpoint, or longer than 1,000,000 bytes")
    try:
        version, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("a proof with something else than ASCII") from error
    if version != VERSION:
        raise Malformed(f"the first line is not {VERSION}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = note.from_base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise Malformed("a proof without an index")
    index = decimal(lines.pop(0).removeprefix("index "))
    if len(lines) > MAX_PATH:
        raise Malformed("a path that no tree has")
    path = tuple(note.from_base64(line) for line in lines)
    return Proof(index, path, note.parse(signed), extra)
