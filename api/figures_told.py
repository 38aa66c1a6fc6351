"""The shapes of figures, evaluations, registers of seals and the queue of pushes; see `told`."""

from typing import Any, Literal

from msgspec import UNSET, Struct

from api.fields import Maybe
from api.told import At, Light, On, Position, Recorded, Told, Whole

# -- figures -----------------------------------------------------------------------------------


class Texts(Told):
    """A text in both languages."""

    zh: str
    en: str


class Aim(Told):
    """What a figure has to be; the value is a whole number or a fraction such as 3/4."""

    operator: Literal[">=", "="]
    value: str


class Figure(Told):
    """One figure with its definition.

    `value` is exact, a whole number or a fraction; `percent` has two decimals and is for
    reading.  `cases` are those counted above the line, `other_cases` the rest of those below
    it, each at most a hundred; `more` says that there are more, in `/performance/cases`.  Of
    figures about items the same stands in `catalogue`.
    """

    definition: str
    text: Texts
    formula: str
    numerator: int | str
    denominator: Whole
    value: str | None
    percent: str | None
    aim: Aim | None
    reached: bool | None
    cases: list[str]
    other_cases: list[str]
    more: bool
    catalogue: Maybe[list[str]] = UNSET
    other_catalogue: Maybe[list[str]] = UNSET
    causes: Maybe[dict[str, list[str]]] = UNSET
    lacking: Maybe[dict[str, list[str]]] = UNSET


class _Asked(Struct, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A period, as asked for."""

    from_: On
    to: On


class Figures(_Asked, kw_only=True, rename={"from_": "from"}):
    """Every figure that the question has an answer to."""

    organ: str | None
    item: str | None
    unit: str | None
    source: str | None
    as_of: At
    position: Position
    items: list[Figure]
    next: None


class FigureCase(Told):
    """A case behind a figure: whether it is counted above the line, and why."""

    case: str
    item: str | None
    organ: str | None
    unit: str | None
    counted: bool
    due: On | None
    met_on: On | None
    causes: list[str]


# -- evaluations -------------------------------------------------------------------------------


class Again(Told):
    """The second rating, after what was fed back."""

    grade: Whole
    on: On


class Review(Told):
    """One evaluation, and how far a bad one has come; who evaluated is not shown."""

    review: str
    position: Whole
    case: str
    item: str | None
    organ: str | None
    unit: str | None
    officers: list[str]
    named: bool
    grade: Whole
    bad: bool
    channel: str | None
    rated_on: On
    number: Whole
    state: Literal["rated", "called-back", "verified", "rectified", "fed-back", "closed"]
    called_back_on: On | None
    verified_on: On | None
    verdict: Literal["valid", "mistaken", "malicious"] | None
    counted: bool
    rectified_on: On | None
    fed_back_on: On | None
    closed_on: On | None
    due: On | None
    light: Light | None
    reevaluation: Again | None
    source: str


class UnitRate(Told):
    """The evaluations of a unit in a period; of fewer than five nothing is told."""

    unit: str | None
    suppressed: bool
    rank: Whole | None
    ratings: Whole | None
    bad: Whole | None
    rate: str | None
    percent: str | None
    mistaken: Whole | None
    malicious: Whole | None
    due: Whole | None
    on_time: Whole | None


class UnitRates(_Asked, kw_only=True, rename={"from_": "from"}):
    """Units in order, the lowest rate of bad ones first."""

    items: list[UnitRate]
    next: None


# -- seals -------------------------------------------------------------------------------------


class Authorised(Told):
    """The recorded act that allowed a document to be sealed."""

    event: str | None
    type: str | None
    position: Whole | None
    approver: str | None


class Link(Told):
    """A push or a claim that is still to be made, until when and by which organs."""

    case: str
    item: str
    organ: str | None
    deadline: Literal["push", "claim"]
    start: On
    due: On
    light: Literal["green", "yellow", "red"]
    waits_for: list[str]


class SealUse(Told):
    """One use of a seal, voided ones too."""

    serial: Whole
    case: str
    position: Whole
    recorded_at: At
    occurred_at: At
    keeper: str | None
    keeper_name: str | None
    requester: str | None
    terminal: str | None
    place: str | None
    reason: str | None
    medium: str
    copies: Whole
    document: Recorded
    item: str | None
    authorised_by: Authorised
    void: bool
    void_reason: str | None
    void_position: Whole | None
    voided_at: At | None
    voided_by: str | None
    void_approved_by: str | None
    replacement: Any
