"""Checkpoints: what a log says about itself at one size (C2SP tlog-checkpoint).

The text is three lines: origin, size, root.  Ours have no more: some witnesses refuse
extension lines, and not every kind of cosignature covers them.  Those of others are kept.
"""

import re
from dataclasses import dataclass

from ledger.tlog import note
from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE

DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Origin, size and root of a log; `extensions` are the lines after them.

    Raises `Malformed` for what no text could say in one way, and for an empty tree with a root
    that the empty tree does not have.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Keep to what can be written, and read back the same."""
        for line in (self.origin, *self.extensions):
            if not line or any(one < " " for one in line):
                raise Malformed("a line of a checkpoint that is empty or has a control character")
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed("a size that no tree has")
        if len(self.root) != HASH_BYTES:
            raise Malformed("a root has 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise Malformed("an empty tree with a root of its own")

    @property
    def text(self) -> str:
        """The text that is signed; `parse` gives back the same checkpoint."""
        lines = (self.origin, str(self.size), note.base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse(text: str) -> Checkpoint:
    """Read the text of a checkpoint, without its signatures; raise `Malformed`."""
    if not text.endswith("\n"):
        raise Malformed("a checkpoint without its last line feed")
    origin, size, root, *extensions = (*text.removesuffix("\n").split("\n"), "", "")
    del extensions[-2:]
    return Checkpoint(origin, decimal(size), note.from_base64(root), tuple(extensions))


def sign(checkpoint: Checkpoint, key: note.VerifierKey, signer: note.Sign) -> note.Note:
    """Return the checkpoint as a note with the log's signature.

    Raises `ValueError` where the key has not the origin's name, which witnesses insist on, and
    `Unproven` where `signer` is not the key's other half.  That the checkpoint is consistent
    with all that was ever signed, only the caller can know.
    """
    if key.name != checkpoint.origin:
        raise ValueError("the log's key is named like the origin")
    return note.Note(checkpoint.text, (note.sign(checkpoint.text, key, signer),))


def decimal(text: str) -> int:
    """Read a number from 0 to 2^63-1 without leading zeroes; raise `Malformed`."""
    if not DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise Malformed("not a decimal number up to 2^63-1")
    return int(text)
