"""How much stands how, for who supervises: counts of the lists, in one reading.

Lights, queues, evaluations and complaints are counted as their lists show them, so that each number
has its list; cards are counted as they move, and are very many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from ledger.queries import load
from projections import seen
from projections.follow import Pool

SQL = load(Path(__file__).with_suffix(".sql"))

# Block, and two words: what is counted by them.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Board:
    """Counts by block and words; up to which position, and how many events that is behind."""

    position: int
    behind: int
    counts: Mapping[Key, int] = field(default_factory=dict)

    def of(self, block: str, one: str, two: str = "") -> int:
        """Return a count."""
        return self.counts.get((block, one, two), 0)

    def ones(self, block: str) -> tuple[str, ...]:
        """List the first words of a block, in order."""
        return tuple(sorted({one for name, one, _ in self.counts if name == block}))

    def sum(self, block: str, one: str) -> int:
        """Return the sum of a block for its first word."""
        return sum(n for (name, word, _), n in self.counts.items() if (name, word) == (block, one))


async def told(
    reads: Pool,
    ledger: str,
    person: str | None,
    now: datetime,
    near: date,
    *,
    cases: Sequence[seen.Scope],
    alerts: Sequence[seen.Scope],
    reviews: Sequence[seen.Scope],
    complaints: Sequence[seen.Scope],
) -> Board:
    """Count what a reader may see by these scopes; lights and cards are as of `now`.

    Near its end is what is still green and due on or before `near`.
    """
    of_cases = seen.reader(cases)
    rows = await reads.fetch(
        SQL["told"],
        ledger,
        now,
        person,
        *of_cases.arguments,
        of_cases.reviewed,
        *seen.reader(alerts).arguments,
        *seen.reader(reviews).arguments,
        *seen.reader(complaints).arguments,
        near,
    )
    views = [row["number"] for row in rows if row["block"] == "view"]
    head = next((row["number"] for row in rows if row["block"] == "head"), 0)
    shown = min(views, default=0)
    counts = {
        (row["block"], row["one"], row["two"]): row["number"]
        for row in rows
        if row["block"] not in ("view", "head")
    }
    return Board(shown - 1, max(0, head - shown), counts)
