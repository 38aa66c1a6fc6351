"""The shapes of what is answered about complaints and progress; see `told`."""

from typing import Literal

from msgspec import UNSET

from api.fields import Maybe
from api.told import (
    At,
    Brief,
    Deadline,
    Event,
    On,
    Position,
    Published,
    Recorded,
    Told,
    Whole,
    Words,
)
from ledger.complaint_rules import Stage
from ledger.lifecycle import Stage as CaseStage

Kind = Literal["service", "delay", "refused-intake", "off-system", "other"]
Action = Literal[
    "assign",
    "reply",
    "escalate",
    "close-complaint",
    "correct-complaint",
    "approve-complaint-correction",
]


class Complaint(Told):
    """A complaint as it stands; who complains is masked, and not told to the unit at all."""

    complaint: str
    kind: Kind
    channel: str
    state: Stage
    version: Whole
    position: Position
    as_of: At
    registered_on: On
    call_reference: str | None
    text: str
    about: Recorded
    case: str | None
    item: str | None
    unit: str | None
    assigned: list[Recorded]
    replies: list[Recorded]
    escalations: list[Recorded]
    closed: Recorded | None
    deadlines: list[Deadline]
    flags: list[Recorded]
    corrections: list[Recorded]
    allowed_actions: list[Action]
    caller: Maybe[Recorded] = UNSET
    restricted: Maybe[bool] = UNSET
    history: Maybe[list[Event]] = UNSET


class ComplaintAct(Told):
    """What an act recorded, and where the complaint stands after it."""

    complaint: str
    version: Whole
    events: list[Brief]
    state: Complaint
    allowed_actions: list[Action]
    published: Maybe[Published | None] = UNSET


class ComplaintRow(Told):
    """A complaint in a list; `due` and `light` are of what is still to be done."""

    complaint: str
    position: Whole
    kind: Kind
    channel: str
    state: Stage
    unit: str | None
    about: Recorded
    case: str | None
    item: str | None
    result: str | None
    grade: int | None
    late: bool
    light: Literal["green", "yellow", "red"] | None
    registered_on: On
    assigned_on: On | None
    replied_on: On | None
    escalated_on: On | None
    closed_on: On | None
    due: On | None


class NextDue(Told):
    """What is to be done next about a case, and by when."""

    deadline: str
    due: On
    light: Literal["green", "yellow", "red", "stopped"]


class Office(Told):
    """Who handles a case, and how to reach them."""

    id: str
    name: str | None
    telephone: str | None


class Progress(Told):
    """How far a case has come, without anything about a person."""

    case: str
    item: str | None
    item_name: str | None
    stage: CaseStage
    words: Words
    received_on: On | None
    accepted_on: On | None
    decided_on: On | None
    closed_on: On | None
    next_due: NextDue | None
    office: Office
