"""The shapes of what is answered, for the document: every answer of JSON has one.

Closed, as the shapes of bodies are: a member that is answered and does not stand here fails a
test, and so does one that stands here and is not answered.  What an act or a set-up recorded
(`Recorded`) has the members of the body that brought it, personal fields masked.  Those of
the office and of imports stand in `office_told`.
"""

from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from msgspec import UNSET, Meta, Struct

from api.fields import Maybe, TimeOfDay
from ledger.lifecycle import Action, Responsibility, Stage

T = TypeVar("T")

At: TypeAlias = Annotated[
    str,
    Meta(
        description="RFC 3339 with offset",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
    ),
]
On: TypeAlias = Annotated[
    str, Meta(description="a local date of the ledger", pattern=r"^\d{4}-\d\d-\d\d$")
]
Whole: TypeAlias = Annotated[int, Meta(ge=0)]
Position: TypeAlias = Annotated[int, Meta(ge=-1, description="a place in the ledger; -1: none")]
Hash: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Recorded: TypeAlias = dict[str, Any]
Registers: TypeAlias = dict[str, Whole]

Light = Literal["green", "yellow", "red", "stopped", "met", "met-late"]


class Told(Struct, forbid_unknown_fields=True):
    """An answer or a part of one; it has no other members."""


class Page(Told, Generic[T]):
    """Some rows of a list; `next` goes on behind them, null where there are no more."""

    items: list[T]
    next: str | None
    total: Maybe[Whole] = UNSET


# -- events ------------------------------------------------------------------------------------


class Brief(Told):
    """Where an event stands that was just recorded."""

    id: str
    type: str
    position: Whole
    version: Whole
    recorded_at: At
    registers: Maybe[Registers] = UNSET
    flags: Maybe[list[Recorded]] = UNSET
    effective: Maybe[bool] = UNSET


class ProofOf(Told):
    """The .tlog-proof of one event (C2SP tlog-proof)."""

    position: Whole
    proof: str


class Published(Told):
    """What `Prefer: wait=published` brings: proofs under the checkpoint of a size."""

    size: Whole
    proofs: list[ProofOf]


class By(Told):
    """Who acted: a person in a post, a client system, or the law."""

    kind: Literal["person", "system", "by-law", "elsewhere"]
    person: str | None
    name: str | None
    role: str | None
    organ: str | None
    client: str | None
    appointment: Maybe[str | None] = UNSET
    delegator: Maybe[str | None] = UNSET


class Event(Told):
    """One act as recorded."""

    id: str
    type: str
    schema: Whole
    stream: str
    position: Whole
    version: Whole
    occurred_at: At
    recorded_at: At
    actor: By
    responsibility: Responsibility
    reason: str | None
    basis: str | None
    data: Recorded
    flags: list[Recorded]
    relied_on: dict[str, Whole]
    registers: Registers
    source: Recorded | None
    case: Maybe[str] = UNSET
    leaf_hash: Maybe[Hash] = UNSET


class Events(Told):
    """A page of the feed; `position` is the last one looked at, also where it was left out."""

    items: list[Event]
    next: str | None
    position: Position


# -- cases -------------------------------------------------------------------------------------


class Deadline(Told):
    """A limit of a case, and what moved it."""

    name: str
    unit: Literal["working-day", "day"]
    budget: Whole
    used: Whole
    paused_days: Whole
    start: On
    due: On
    light: Light
    basis: str
    rule: str
    calendar_version: str
    moved_by: list[Recorded]
    met_at: Maybe[On] = UNSET
    ended_at: Maybe[On] = UNSET
    closes_at: Maybe[TimeOfDay] = UNSET
    provisional: Maybe[bool] = UNSET


class Forbidden(Told):
    """An action that a post of the caller gives, and what is against it now."""

    action: Action
    rule: str
    why: str


class State(Told):
    """A case, as it is or was."""

    case: str
    item: str | None
    terms: Recorded
    stage: Stage
    version: Whole
    position: Whole
    as_of: At
    applicant: Recorded
    channel: str
    materials: list[Recorded]
    received_on: On | None
    accepted_on: On | None
    outstanding: list[str]
    holder: Recorded
    transfer: Recorded | None
    deadlines: list[Deadline]
    opinions: list[Recorded]
    suspensions: list[Recorded]
    numbers: list[Recorded]
    decision: Recorded | None
    seals: list[Recorded]
    issued: Recorded | None
    published: list[Recorded]
    pushes: list[Recorded]
    reviews: list[Recorded]
    permit_of: Recorded | None
    matter: str | None
    inspections: list[Recorded]
    proposals: list[Recorded]
    orders: list[Recorded]
    answers: list[Recorded]
    remedies: list[Recorded]
    investigations: list[Recorded]
    sanctions: list[Recorded]
    archived: Recorded | None
    corrections: list[Recorded]
    duties_done: list[Recorded]
    flags: list[Recorded]
    source: Recorded | None
    closed_on: On | None
    allowed_actions: list[Action]
    forbidden_actions: list[Forbidden]
    revealed: Maybe[dict[str, str | None]] = UNSET


class Act(Told):
    """What an act recorded, and where the case stands after it."""

    case: str
    version: Whole
    events: list[Brief]
    state: State
    allowed_actions: list[Action]
    published: Maybe[Published | None] = UNSET


class Holder(Told):
    """Who holds a case now."""

    person: str | None
    unit: str | None


class CaseRow(Told):
    """A case in a list."""

    case: str
    item: str | None
    item_name: str | None
    stage: Stage
    responsibility: Responsibility
    light: Light | None
    overdue: bool
    version: Whole
    position: Whole
    holder: Holder
    organ: str | None
    received_on: On | None
    accepted_on: On | None
    decided_on: On | None
    issued_on: On | None
    closed_on: On | None
    outcome: str | None
    deadline: str | None
    due: On | None
    statutory_due: On | None
    promised_due: On | None
    source: str


class Step(Told):
    """An act with the state before it and after it."""

    version: Whole
    before: State | None
    act: Event
    after: State
    changed: list[str]


class Replay(Told):
    """A case step by step."""

    case: str
    items: list[Step]
    next: str | None


# -- supervision -------------------------------------------------------------------------------


class Alert(Told):
    """A card: early, yellow or red, and who has to answer it by when."""

    id: str
    case: str | None
    item: str | None
    organ: str | None
    deadline: str | None
    due: On | None
    rule: str
    level: Literal["early", "yellow", "red"]
    policy: str | None
    raised_at: At
    addressees: list[str]
    organs: list[str]
    answer_by: On | None
    state: Literal["raised", "answered", "closed", "withdrawn"]
    answered_at: Maybe[At] = UNSET
    answered_by: Maybe[str | None] = UNSET
    raised_again_at: Maybe[At] = UNSET
    reason: Maybe[str | None] = UNSET


class AuditRow(Told):
    """Who did what in which post, or was refused."""

    position: Whole
    refused: bool
    responsibility: Responsibility
    action: str
    type: str
    case: str | None
    version: Whole
    item: str | None
    actor: By
    occurred_at: At
    recorded_at: At
    late_entry: bool
    break_glass: bool
    reason: str | None
    slug: str | None
    rule: str | None
    earlier_position: Whole | None


# -- running -----------------------------------------------------------------------------------


class Alive(Told):
    """The process answers."""

    status: Literal["ok"]


class View(Told):
    """How far a view is, and the event that stopped it, if one did."""

    projection: str
    sequence: str
    generation: Whole
    position: Position
    behind: Whole
    failed: Recorded | None


class NewestAnchor(Told):
    """How large a log was when it was anchored last, when that was, how long ago."""

    size: Whole
    at: str
    age_s: int


class AnchorsReady(Told):
    """The anchored logs that are followed: how many, which are not as they should be, and why."""

    looked: Whole
    bad: dict[str, Literal["conflict", "shrunk", "unproven", "unreachable", "failed"]]
    unread: str | None
    newest: dict[str, NewestAnchor]


class Stamped(Told):
    """The last checkpoint that an authority stamped since the start, and how often it failed."""

    size: int | None
    at: str | None
    failed: int


class LedgerReady(Told):
    """A ledger: whether anything holds its appends, by which statement it was closed, its views."""

    simulated: bool
    held: str | None
    closed: str | None
    stamped: Stamped | None
    views: list[View]
    unmeasured: str | None
    anchors: Maybe[AnchorsReady] = UNSET


class Words(Struct, forbid_unknown_fields=True, rename={"zh": "zh-CN"}):
    """A text in both languages."""

    zh: str
    en: str


class Lacking(Told):
    """A start-up assertion that does not hold, and what to do."""

    id: str
    severity: Literal["refuse", "hold", "hold-alerts", "warning"]
    what: str
    todo: Words


class Ready(Told):
    """Whether acts can be taken, and if not, why."""

    ready: bool
    why: Maybe[str] = UNSET
    findings: Maybe[list[Lacking]] = UNSET
    ledgers: Maybe[dict[str, LedgerReady]] = UNSET


class Reason(Told):
    """A reason for which a request is turned away, and what to do."""

    slug: str
    status: Whole
    title: Words
    todo: Words
