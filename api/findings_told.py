"""The shapes of what findings answer; see `told`."""

from typing import Generic, Literal, TypeVar

from msgspec import UNSET

from api.fields import Maybe
from api.told import At, Page, Recorded, Told, Whole, Words

Number = int | float
Unit = Literal[
    "second", "day", "working-day", "month", "percent", "time", "person", "same-person", "case",
    "responsibility", "request", "entry", "use", "rating", "officer", "sigma", "act",
]  # fmt: skip

T = TypeVar("T")


class BehindRule(Told):
    """A rule across cases, up to which position it is measured and when that was.

    Both are null while it is measured by these numbers for the first time.
    """

    rule: str
    position: Whole | None
    measured_at: At | None


class Measured(Page[T], Generic[T]):
    """Some of what is found; `behind` are the rules that are not measured as of now.

    What cases show together takes long to measure where there are many: then it is answered as
    it was measured last, and is measured anew meanwhile.
    """

    behind: Maybe[list[BehindRule]] = UNSET


class Finding(Told):
    """A pattern that an inspector should look at, by a stated rule; `positions` are its proof.

    `measured` is compared with `threshold` by `compare`; `beside` is a second number of the
    rule.  `same_person` tells apart where one person did both of two acts.  `figures` holds
    further numbers of rules across cases.
    """

    id: str
    rule: str
    title: Words
    text: Words
    time: Literal["recorded", "occurred"]
    measure: str
    part: str | None
    cases: list[str]
    positions: list[Whole]
    came_at: At
    measured: Number | None
    unit_of_measure: Unit | None
    compare: Literal["<", "<=", ">", ">="] | None
    threshold: Number | None
    beside: Number | None
    beside_unit: Unit | None
    figures: Recorded
    officer: str | None
    unit: str | None
    same_person: bool | None
    items: list[str]
    organs: list[str]
    policy: str


class FindingRule(Told):
    """A rule, the numbers it goes by here, and how much it finds; or why it is not computed."""

    rule: str
    title: Words
    text: Words
    time: Literal["recorded", "occurred"]
    parameters: dict[str, Whole]
    policy: str
    computed: bool
    why_not: Words | None
    findings: Whole | None
    newest_at: At | None


class FindingFigure(Told):
    """How what a rule measured is spread: of one part, officer, unit or month.

    `measured` is how often it was measured, `nothing` how often that came to 0; whether it is
    a finding does not matter here.
    """

    measure: str
    unit_of_measure: Unit | None
    same_person: bool | None
    cases: Whole
    measured: Whole
    nothing: Whole
    sum: Number | None
    least: Number | None
    p50: Number | None
    p90: Number | None
    most: Number | None
    part: Maybe[str | None] = UNSET
    officer: Maybe[str | None] = UNSET
    unit: Maybe[str | None] = UNSET
    month: Maybe[str | None] = UNSET
