"""Counting by a definition, things that are alike at once, and how a figure is told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ledger.case import Data
from projections.definitions import EXACTLY, Definition, Listed, Period, Thing

# So many cases stand in the answer itself; the list behind it has all of them.
SHOWN = 100


# A mark that orders, and a name.
Named = tuple[int, str]


@dataclass(slots=True)
class Names:
    """The first of things counted, in order, and how many there are."""

    many: int = 0
    named: list[Named] = field(default_factory=list)

    def add(self, many: int, named: Sequence[Named]) -> None:
        """Take some in, with the first of them by name."""
        self.many += many
        self.named += named[:SHOWN]

    @property
    def shown(self) -> list[str]:
        """The names to be told."""
        return [name for _, name in sorted(self.named)[:SHOWN]]


@dataclass(slots=True)
class Tally:
    """What a definition adds up to over the things shown to it."""

    definition: Definition
    period: Period
    # Whole while what is counted is: sums of fractions take several times as long.
    numerator: Fraction | int = 0
    denominator: int = 0
    counted: Names = field(default_factory=Names)
    others: Names = field(default_factory=Names)
    reasons: dict[str, Names] = field(default_factory=dict)

    def add(self, thing: Thing, many: int, named: Sequence[Named]) -> None:
        """Count things that are alike in, if they are of those counted; the first have names."""
        weight = self.definition.weight(thing, self.period)
        if not weight:
            return
        amount = self.definition.amount(thing, self.period)
        self.denominator += many * weight
        self.numerator += many * amount
        (self.counted if amount else self.others).add(many, named)
        if self.definition.why is not None:
            for reason in self.definition.why[1](thing, self.period):
                self.reasons.setdefault(reason, Names()).add(many, named)

    @property
    def value(self) -> Fraction | None:
        """The figure itself; None where there is nothing to divide by."""
        return Fraction(self.numerator) / self.denominator if self.denominator else None


def told(tally: Tally, average: Fraction | None) -> Data:
    """Return a figure as the interface shows it."""
    definition, value = tally.definition, tally.value
    whole = tally.numerator.denominator == 1
    of_items = definition.of == "item"
    shown: dict[str, object] = {
        "definition": definition.id,
        "text": {"zh": definition.zh, "en": definition.en},
        "formula": definition.formula,
        "numerator": int(tally.numerator) if whole else str(tally.numerator),
        "denominator": tally.denominator,
        "value": None if value is None else str(value),
        "percent": None if value is None else percent(value),
        **_aim(definition, value, average),
        "cases": [] if of_items else tally.counted.shown,
        "other_cases": [] if of_items else tally.others.shown,
        "more": max(tally.counted.many, tally.others.many) > SHOWN,
    }
    if of_items:
        shown |= {"catalogue": tally.counted.shown, "other_catalogue": tally.others.shown}
    if definition.why is not None:
        shown[definition.why[0]] = {why: names.shown for why, names in tally.reasons.items()}
    return shown


def _aim(
    definition: Definition, value: Fraction | None, average: Fraction | None
) -> dict[str, object]:
    if definition.aim is None:
        return {"aim": None, "reached": None}
    operator, number = definition.aim
    bound = average if isinstance(number, str) else number
    if bound is None:
        return {"aim": None, "reached": None}
    reached = None
    if value is not None:
        reached = value == bound if operator == EXACTLY else value >= bound
    return {"aim": {"operator": operator, "value": str(bound)}, "reached": reached}


def percent(value: Fraction) -> str:
    """Write a share in percent with two decimals, half up; whether an aim is reached is exact.

    >>> percent(Fraction(7, 15)), percent(Fraction(1)), percent(Fraction(-1, 8))
    ('46.67', '100.00', '-12.50')
    """
    sign = "-" if value < 0 else ""
    hundredths = (abs(value) * 20_000 + 1) // 2
    return f"{sign}{hundredths // 100}.{hundredths % 100:02d}"


def average_of_organs(definition: Definition, items: Iterable[Listed], period: Period) -> Fraction:
    """Return the mean of the approving organs' shares; each organ weighs the same."""
    by_organ: dict[str, Tally] = {}
    for item in items:
        by_organ.setdefault(item.organ, Tally(definition, period)).add(item, 1, ())
    shares = [tally.value for tally in by_organ.values() if tally.value is not None]
    return sum(shares, Fraction(0)) / len(shares) if shares else Fraction(0)
