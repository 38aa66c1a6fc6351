"""The shapes of what is answered about matters; see `told`."""

from typing import Literal

from msgspec import UNSET

from api.complaints_told import NextDue
from api.fields import Maybe
from api.told import At, Brief, Deadline, Event, On, Position, Published, Recorded, Told, Whole
from ledger.lifecycle import Stage

Kind = Literal["one-thing", "joint"]
Action = Literal[
    "split-off",
    "request-opinion",
    "give-opinion",
    "correct-matter",
    "approve-matter-correction",
]


class Child(Told):
    """A case of a matter; of one the reader may not read, only whether it is settled."""

    case: str | None
    item: str | None
    item_name: str | None
    organ: str | None
    stage: Stage | None
    outcome: str | None
    next_due: NextDue | None
    state: Literal["pending", "decided"]


class Opinion(Told):
    """What an organ was asked; what it said is told to who asked, and to itself."""

    request: str
    organ: str
    question: str
    on: On
    state: Literal["missing", "given"]
    given_on: On | None
    recommend: str | None
    opinion: str | None


class Shared(Told):
    """A material of the one pack, by its digest, and the cases it was handed in with."""

    name: str
    sha256: str
    media_type: str
    cases: list[str]


class Matter(Told):
    """A matter as its cases make it: how many are settled, what is due next, who is silent."""

    matter: str
    name: str
    kind: Kind
    version: Whole
    position: Position
    as_of: At
    organ: str
    opened_on: On
    applicant: Recorded
    items: list[str]
    materials: list[Shared]
    cases: list[Child]
    of: Whole
    decided: Whole
    next_due: NextDue | None
    deadlines: list[Deadline]
    opinions: list[Opinion]
    missing: list[str]
    corrections: list[Recorded]
    allowed_actions: list[Action]
    history: Maybe[list[Event]] = UNSET


class MatterAct(Told):
    """What an act on a matter recorded, and what the matter itself is after it.

    How far its cases are is asked of the matter: an answer that is given again is the same.
    """

    matter: str
    version: Whole
    events: list[Brief]
    published: Maybe[Published | None] = UNSET


class MatterRow(Told):
    """A matter in a list."""

    matter: str
    position: Whole
    name: str
    kind: Kind
    organ: str
    opened_on: On
    items: list[str]
    of: Whole
    decided: Whole
    due: On | None
    light: Literal["green", "yellow", "red"] | None
    missing: list[str]
