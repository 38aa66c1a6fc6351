"""Small charts as our own SVG: bars of one or more parts, in the order of their rows.

A chart is told twice: drawn, with a title and a description for who does not see it, and as the
table beside it.  Lengths are whole numbers of a drawing of `WIDTH` by its rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 560
LABEL = 176
ROW = 22
BAR = 14
_ROOM = WIDTH - LABEL - 44


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar: its kind, how many, and where it is drawn."""

    kind: str
    number: int
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart."""

    label: str
    y: int
    total: int
    end: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its title and description."""

    id: str
    title: str
    told: str
    height: int
    bars: tuple[Bar, ...]
    width: int = WIDTH
    label: int = LABEL


def bars(
    name: str, title: str, rows: Sequence[tuple[str, Sequence[tuple[str, int]]]]
) -> Chart | None:
    """Draw rows of (label, parts of (kind, number)); None where there is nothing to draw.

    >>> bars("c", "t", [("a", [("red", 2), ("green", 2)]), ("b", [("red", 1)])]).bars[0].parts
    (Part(kind='red', number=2, x=176, width=170), Part(kind='green', number=2, x=346, width=170))
    """
    most = max((sum(n for _, n in parts) for _, parts in rows), default=0)
    if most == 0:
        return None
    drawn = tuple(
        _bar(label, parts, most, 4 + place * ROW) for place, (label, parts) in enumerate(rows)
    )
    told = "；".join(f"{bar.label} {bar.total}" for bar in drawn)
    return Chart(name, title, told, 8 + ROW * len(drawn), drawn)


def _bar(label: str, parts: Iterable[tuple[str, int]], most: int, y: int) -> Bar:
    found: list[Part] = []
    x, so_far = LABEL, 0
    for kind, number in parts:
        so_far += number
        # By the sum so far, so that rounding never adds up.
        end = LABEL + so_far * _ROOM // most
        if number:
            found.append(Part(kind, number, x, max(1, end - x)))
        x = max(x, end)
    return Bar(label, y, so_far, x, tuple(found))
