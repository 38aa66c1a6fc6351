"""Records held against every checkpoint that is at hand: what is missing, and whose history it is.

A checkpoint of the database, of the file outside, of a file that was handed in, or the size that a
witness has seen, of which nobody tells the root.  One of another history is told beside a longer
one that agrees.  Where all are lost, the row of the log still has the size.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.tlog.merkle import Frontier, leaf_hash

# Where the size of a log is known from, whose checkpoints are all lost.
ROW = "its row in the database"
BRING = "where a witness, a mirror, a copy of the log or a dossier has one, pass it by --checkpoint"
LOST = f"all checkpoints are lost: {BRING}"


@dataclass(frozen=True, slots=True)
class Known:
    """How large a log was when somebody signed or saw it: where that is known from, which root."""

    where: str
    size: int
    root: bytes | None


@dataclass(slots=True)
class Grown:
    """The tree of some records, with its root at each size that is asked for."""

    sizes: frozenset[int]
    frontier: Frontier = field(default_factory=Frontier)
    roots: dict[int, bytes] = field(default_factory=dict)

    def add(self, records: Iterable[bytes]) -> None:
        """Take records in."""
        for record in records:
            self.frontier = self.frontier.extended((leaf_hash(record),))
            if self.frontier.size in self.sizes:
                self.roots[self.frontier.size] = self.frontier.root


@dataclass(frozen=True, slots=True)
class Measured:
    """How many events there are of a sequence, held against all that is known of its log."""

    sequence: str
    held: int
    known: tuple[Known, ...]
    roots: dict[int, bytes]

    @property
    def signed(self) -> int:
        """The largest size that is known."""
        return max((one.size for one in self.known), default=0)

    @property
    def missing(self) -> int:
        """How many events are missing that were signed."""
        return max(self.signed - self.held, 0)

    @property
    def lost(self) -> bool:
        """Whether something was signed, and no checkpoint of it is at hand."""
        return any(one.where == ROW for one in self.known)

    @property
    def other(self) -> bool:
        """Whether some checkpoint is of another history than these events."""
        return any(self.is_other(one) for one in self.known)

    def is_other(self, one: Known) -> bool:
        """Tell whether a checkpoint is of another history, as far as can be told."""
        return one.root is not None and self.roots.get(one.size, one.root) != one.root

    def lines(self) -> list[str]:
        """Return a line for each checkpoint."""
        there = f"{self.sequence}: {self.held} events are there"
        if not self.known:
            # A backup from before the first checkpoint says so too.
            empty = f"{there}, nothing was signed"
            return [f"{empty}, says the database alone: {BRING}" if self.held else empty]
        told = []
        for one in self.known:
            done = "signed" if one.root is not None or one.where == ROW else "seen"
            line = f"{there}, {one.size} were {done} ({one.where}), "
            line += f"{max(one.size - self.held, 0)} are missing"
            line += f"; signed root {one.root.hex()}" if one.root is not None else ""
            line += f"; {LOST}" if one.where == ROW else ""
            told.append(line + ("; of another history" if self.is_other(one) else ""))
        return told
