"""What a whole copy of a log holds of another one: its anchors, and the proofs of two histories.

For who verifies a county's log against the provincial one.  The copy is judged first, under a
pinned key; what its records say of an anchor is then checked again from the note itself.  Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ledger.copy_of_log import Copy
from ledger.stored import Stored
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import TlogError, Unproven
from ledger.tlog.note import VerifierKey
from ledger.tlog.verify import verify_signed

ANCHORED = "anchored"
CONFLICT = "anchor-conflict"
PREFIX = "anchor:"


@dataclass(frozen=True, slots=True)
class Anchor:
    """An anchor as a record has it: where it stands, the name of the log, the note to the byte."""

    position: int
    name: str
    note: bytes


@dataclass(slots=True)
class Held:
    """The anchors of one origin, in the order of the log that holds them."""

    origin: str
    anchors: list[Anchor] = field(default_factory=list)
    conflicts: list[Anchor] = field(default_factory=list)

    def take(self, one: Stored) -> None:
        """Take a record in, if it is an anchor of that origin; what has another shape is none."""
        if one.type not in (ANCHORED, CONFLICT) or not one.stream.startswith(PREFIX):
            return
        data = one.data
        if data.get("origin") != self.origin:
            return
        told: Any = data if one.type == ANCHORED else data.get("other")
        raw = told.get("note") if isinstance(told, dict) else None
        name = data.get("name")
        text = raw if isinstance(raw, str) else ""
        found = Anchor(one.position, name if isinstance(name, str) else "", text.encode())
        (self.anchors if one.type == ANCHORED else self.conflicts).append(found)


class Parted(Exception):
    """An anchor that a log does not agree with.

    `at` is the anchor, `size` the size it is of (None where it does not verify), `grown` how many
    events are proven to be the anchored ones: the two part at that position, or behind it.
    """

    def __init__(self, at: Anchor, size: int | None, grown: int, why: str) -> None:
        super().__init__(why)
        self.at = at
        self.size = size
        self.grown = grown
        self.why = why


def agreeing(copy: Copy, anchors: Iterable[Anchor], keys: Iterable[VerifierKey]) -> int:
    """Hold a log against every anchor of it, the oldest first; return the last anchored size.

    Raises `Parted` for the first one that the log is not an extension of: not signed by a pinned
    key, of more events than there are, or of another history.
    """
    known, grown = tuple(keys), 0
    for one in anchors:
        size = None
        try:
            before = verify_signed(one.note, copy.checkpoint.origin, known)
            size = before.size
            _extends(copy, before)
        except TlogError as error:
            raise Parted(one, size, grown, str(error)) from error
        grown = max(grown, before.size)
    return grown


def _extends(copy: Copy, before: Checkpoint) -> None:
    if before.size > copy.checkpoint.size:
        lacking = before.size - copy.checkpoint.size
        raise Unproven("size", f"{lacking} events fewer than are anchored: cut, or an older copy")
    copy.extends(before)
