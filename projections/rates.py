"""What the evaluations of a period add up to by unit: rates, ranks, and what is not told.

Pure.  A unit with fewer than five ratings is named and its numbers are withheld: of four
people who were served, each would be recognised in them.  Those who may read the single
evaluations have the list; this table is the one that is printed and passed on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ledger.case import Data
from projections.tally import percent

FEWEST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """What is counted for one unit.

    `ratings` are all of the period, `mistaken` and `malicious` those of them that do not
    count, `bad` the bad ones that do; `due` are the counted bad ones to be fed back in the
    period, `on_time` those of them that were.
    """

    unit: str | None
    ratings: int
    bad: int
    mistaken: int
    malicious: int
    due: int
    on_time: int

    @property
    def rate(self) -> Fraction:
        """The share of bad ones among those that count."""
        counted = self.ratings - self.mistaken - self.malicious
        return Fraction(self.bad, counted) if counted else Fraction(0)


def ranked(units: Iterable[Unit]) -> tuple[Data, ...]:
    """Put units in order, the lowest rate first; equal rates share a rank.

    Units that are withheld have none, and stand at the end by name.
    """
    known = sorted(units, key=lambda u: (u.rate, -u.ratings, u.unit or ""))
    told = [u for u in known if u.ratings >= FEWEST]
    withheld = sorted((u for u in known if u.ratings < FEWEST), key=lambda u: u.unit or "")
    ranks = [1 + sum(other.rate < unit.rate for other in told) for unit in told]
    return (
        *(_told(unit, rank) for unit, rank in zip(told, ranks, strict=True)),
        *(_withheld(unit) for unit in withheld),
    )


def _told(unit: Unit, rank: int) -> Data:
    return {
        "unit": unit.unit,
        "suppressed": False,
        "rank": rank,
        "ratings": unit.ratings,
        "bad": unit.bad,
        "rate": str(unit.rate),
        "percent": percent(unit.rate),
        "mistaken": unit.mistaken,
        "malicious": unit.malicious,
        "due": unit.due,
        "on_time": unit.on_time,
    }


def _withheld(unit: Unit) -> Data:
    numbers = (
        "rank", "ratings", "bad", "rate", "percent", "mistaken", "malicious", "due", "on_time",
    )  # fmt: skip
    return {"unit": unit.unit, "suppressed": True, **dict.fromkeys(numbers)}
