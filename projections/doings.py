"""Who did what: the acts of a person or of an organ, counted from the audit trail.

Lines of duty cross where one person stood in two of approval, supervision and enforcement on
one case, by the posts they acted in: whoever answers an alert as a handler supervises nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ledger.lifecycle import BRANCH, Role
from ledger.queries import load
from projections import seen
from projections.follow import Pool

SQL = load(Path(__file__).with_suffix(".sql"))

MOST = 100
# The three lines of duty that one person must not join on a case, by role.
LINES: Mapping[Role, str] = {
    role: line for role, line in BRANCH.items() if line not in ("inspection", "administration")
}


@dataclass(frozen=True, slots=True)
class Line:
    """How often something was done: the act, or who did it, or on which case lines crossed."""

    block: str
    person: str | None
    name: str | None
    responsibility: str | None
    action: str | None
    case: str | None
    number: int
    last_at: datetime | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Doings:
    """What somebody did, up to a position of the ledger."""

    position: int
    lines: tuple[Line, ...]

    def of(self, block: str) -> tuple[Line, ...]:
        """Return the lines of a block: did, refused, who, crossed; what was done most first."""
        return tuple(line for line in self.lines if line.block == block)


async def told(
    reads: Pool,
    ledger: str,
    scopes: Sequence[seen.Scope],
    *,
    person: str | None = None,
    organ: str | None = None,
) -> Doings:
    """Count what a person or an organ did in what a reader may see by these scopes."""
    arguments = (
        ledger,
        *seen.reader(scopes).arguments,
        MOST,
        person,
        organ,
        [str(role) for role in LINES],
        list(LINES.values()),
    )
    rows = await reads.fetch(SQL["told"], *arguments)
    position = next((row["number"] - 1 for row in rows if row["block"] == "at"), -1)
    lines = (
        Line(
            row["block"],
            row["person"],
            row["name"],
            row["one"],
            row["two"],
            row["case_no"],
            row["number"],
            row["last_at"],
            tuple(row["lines"] or ()),
        )
        for row in rows
        if row["block"] != "at"
    )
    return Doings(position, tuple(sorted(lines, key=lambda line: -line.number)))
