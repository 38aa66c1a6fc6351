"""What the body of each office act may hold: items, calendars, policies, posts, seals, clock.

A policy is one of the known kinds, told apart by its `kind`; its numbers are data, its
members are not: an unknown one is refused like everywhere.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, field

from api.acts import Procedure
from api.fields import (
    Code,
    Count,
    Days,
    Digest,
    Instant,
    Line,
    LocalDate,
    Many,
    Maybe,
    Name,
    Person,
    Some,
    Text,
    TimeOfDay,
)
from api.parts import Ref, Shape

Percent = Annotated[int, Meta(ge=0, le=100)]
Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Hour = Annotated[int, Meta(ge=0, le=24)]


class OfficeAct(Shape, kw_only=True):
    """What every office act takes besides its own fields."""

    reason: Maybe[Text] = UNSET
    basis: Maybe[Text] = UNSET


# -- items ---------------------------------------------------------------------------------


class Limits(Shape):
    """Working days by law and as promised."""

    statutory: Days
    promised: Days


class Organs(Shape):
    """The organs of an item (审批, 监管, 执法); `notified` are told the result (多证合一)."""

    approving: Code
    supervising: Maybe[Many[Code]] = UNSET
    enforcing: Maybe[Many[Code]] = UNSET
    notified: Maybe[Many[Code]] = UNSET


class ItemExtension(Shape):
    """How far the statutory limit may be lengthened, and by whom."""

    days: Count
    by: Maybe[Literal["head", "head-above"]] = UNSET


class ItemPolicies(Shape):
    """Which policy of each kind the item is handled under."""

    deadlines: Maybe[Name] = UNSET
    alerts: Maybe[Name] = UNSET
    duty: Maybe[Name] = UNSET
    link: Maybe[Name] = UNSET
    reviews: Maybe[Name] = UNSET
    numbers: Maybe[Name] = UNSET


class Requirement(Shape):
    """A numbered requirement (受理要点, 审查要点)."""

    no: Line
    text: Text
    step: Maybe[Literal["accept", "review"]] = UNSET


class ItemMaterial(Shape):
    """A material that the item asks for."""

    name: Line
    required: Maybe[bool] = UNSET
    tolerant: Maybe[bool] = UNSET
    copies: Maybe[Count] = UNSET
    note: Maybe[Text] = UNSET


class Item(OfficeAct):
    """事项."""

    code: Name
    name: Line
    kind: Literal["instant", "promised", "commitment", "joint", "filing", "referred"]
    limits: Limits
    organs: Organs
    documents: Some[Name]
    result: Name
    scheme: Maybe[Code] = UNSET
    special: Maybe[Many[Procedure]] = UNSET
    policies: Maybe[ItemPolicies] = UNSET
    extension: Maybe[ItemExtension] = UNSET
    validity_years: Maybe[Count] = UNSET
    site_check: Maybe[bool] = UNSET
    points: Maybe[Many[Requirement]] = UNSET
    materials: Maybe[Many[ItemMaterial]] = UNSET
    opinions: Maybe[Many[Code]] = UNSET
    delegator: Maybe[Code] = UNSET
    delegated_seal: Maybe[Code] = UNSET
    promise_ends_with: Maybe[Literal["decide", "issue"]] = UNSET
    about: Maybe[Literal["renewal", "amendment"]] = UNSET
    elements: Maybe[dict[str, Text]] = UNSET
    window: Maybe[bool] = UNSET
    no_visit: Maybe[bool] = UNSET
    secret: Maybe[bool] = UNSET
    limited: Maybe[bool] = UNSET


# -- calendars and policies ----------------------------------------------------------------------


class Notice(Shape):
    """The published notice that something rests on."""

    number: Line
    issued: LocalDate
    sha256: Digest
    ref: Maybe[Ref] = UNSET


class Calendar(OfficeAct):
    """One year of a working calendar (工作日历)."""

    calendar: Name
    year: Annotated[int, Meta(ge=1949, le=2999)]
    off: Many[LocalDate]
    work: Many[LocalDate]
    notice: Maybe[Notice] = UNSET
    provisional: Maybe[bool] = UNSET


class Policy(OfficeAct, tag_field="kind"):
    """What the kinds of policy have in common."""

    id: Name


class Deadlines(Policy, tag="deadlines"):
    """Limits that no item states, from which day a suspension pauses, and when a day ends.

    `closes_at` is the close of business, in local time, where last days end with it.
    """

    supplement: Maybe[Days] = UNSET
    issue: Maybe[Days] = UNSET
    transfer: Maybe[Days] = UNSET
    publish: Maybe[Days] = UNSET
    explain: Maybe[Days] = UNSET
    verify: Maybe[Days] = UNSET
    hearing: Maybe[Days] = UNSET
    hearing_request: Maybe[Days] = UNSET
    penalty: Maybe[Days] = UNSET
    suspension: Maybe[
        Literal["suspension.after-start", "suspension.from-start", "suspension.whole-days"]
    ] = UNSET
    day_end: Maybe[Literal["day-end.midnight", "day-end.close-of-business"]] = UNSET
    closes_at: Maybe[TimeOfDay] = UNSET


class Threshold(Shape):
    """The point at which a deadline takes a colour; exactly one member says how."""

    left: Maybe[Days] = UNSET
    used_percent: Maybe[Percent] = UNSET
    on_due: Maybe[bool] = UNSET


class Level(Shape):
    """The thresholds of deadlines up to a certain budget; without one, of all longer ones."""

    budget_to: Maybe[Days] = UNSET
    early: Maybe[Threshold] = UNSET
    yellow: Maybe[Threshold] = UNSET


class Alerts(Policy, tag="alerts"):
    """Thresholds, and how soon a card is answered (预警 黄牌 红牌)."""

    levels: Some[Level]
    answer: Days
    base: Maybe[Literal["each", "promised", "statutory"]] = UNSET


class Duty(Policy, tag="duty"):
    """Which levels of opinion are asked for, and which separations are lifted."""

    lifts: Maybe[Many[Code]] = UNSET
    levels: Maybe[Many[Literal["handle", "check"]]] = UNSET
    points_complete: Maybe[bool] = UNSET
    items: Maybe[Many[Code]] = UNSET


class Link(Policy, tag="link"):
    """When a grant is pushed to and claimed by the supervising organ."""

    push_after: Literal["grant", "close"]
    push: Days
    claim: Days | None
    responsible_after: Literal["push", "claim"]


class Reviews(Policy, tag="reviews"):
    """How soon a bad review is fed back (好差评)."""

    bad_review: Days


class Posts(Policy, tag="posts"):
    """For how long a post may be delegated, and when it wants looking at (授权, 委托)."""

    delegation_days: Days
    expiring_days: Maybe[Days] = UNSET
    unused_days: Maybe[Days] = UNSET


class Complaints(Policy, tag="complaints"):
    """How soon a complaint is assigned, replied to and closed (12345 工单), in working days."""

    assign: Days
    reply: Days
    close: Days


class Numbers(Policy, tag="numbers"):
    """What a case number looks like."""

    case: Annotated[Line, Meta(pattern=r"\{number:0[1-9]d\}")]


class Findings(Policy, tag="findings"):
    """What inspectors look for (线索): the numbers of the rules, and whether supervisors read.

    A member that is left out has the number of the table of rules.
    """

    supervisors: Maybe[bool] = UNSET
    applicant_months: Maybe[Days] = UNSET
    rubber_stamp_s: Maybe[Days] = UNSET
    quick_grant_s: Maybe[Days] = UNSET
    parked_days: Maybe[Days] = UNSET
    pause_left: Maybe[Days] = UNSET
    pause_left_percent: Maybe[Percent] = UNSET
    refile_days: Maybe[Days] = UNSET
    back_dating_days: Maybe[Days] = UNSET
    burst_entries: Maybe[Count] = UNSET
    burst_minutes: Maybe[Count] = UNSET
    intervention_days: Maybe[Days] = UNSET
    office_from: Maybe[Hour] = UNSET
    office_to: Maybe[Hour] = UNSET
    seals_a_minute: Maybe[Count] = UNSET
    voids_percent: Maybe[Percent] = UNSET
    jump_percent: Maybe[Percent] = UNSET
    concentration_percent: Maybe[Percent] = UNSET
    concentration_cases: Maybe[Count] = UNSET
    loop_acts: Maybe[Count] = UNSET
    transfer_days: Maybe[Days] = UNSET
    month_end_days: Maybe[Count] = UNSET
    month_end_times: Maybe[Days] = UNSET
    month_end_cases: Maybe[Count] = UNSET
    night_from: Maybe[Hour] = UNSET
    night_to: Maybe[Hour] = UNSET
    outlier_sigmas: Maybe[Days] = UNSET
    rare_percent: Maybe[Percent] = UNSET
    ratings: Maybe[Count] = UNSET
    ratings_at_once: Maybe[Count] = UNSET
    ratings_minutes: Maybe[Count] = UNSET
    uncounted_percent: Maybe[Percent] = UNSET
    inspect_months: Maybe[Days] = UNSET
    penalty_days: Maybe[Days] = UNSET
    served_days: Maybe[Days] = UNSET
    alert_answer_s: Maybe[Days] = UNSET


# -- appointments -------------------------------------------------------------------------------

Role = Literal[
    "clerk",
    "handler",
    "checker",
    "approver",
    "sealer",
    "issuer",
    "bureau-head",
    "supervisor",
    "hotline",
    "enforcer",
    "inspector",
    "inspection-lead",
    "system-admin",
    "security-admin",
    "audit-admin",
]


class Appointment(OfficeAct, kw_only=True):
    """授权."""

    id: Maybe[Name] = UNSET
    person: Person
    name: Maybe[Line] = UNSET
    role: Role
    organ: Code
    items: Maybe[Literal["all"] | Some[Code]] = UNSET
    from_: LocalDate = field(name="from")
    to: Maybe[LocalDate] = UNSET
    kind: Maybe[Literal["post", "delegation", "break-glass"]] = UNSET
    jurisdiction: Maybe[bool] = UNSET
    delegator: Maybe[Person] = UNSET
    actions: Maybe[Many[Code]] = UNSET
    hours: Maybe[Annotated[int, Meta(ge=1, le=4)]] = UNSET
    reason_code: Maybe[Code] = UNSET
    text: Maybe[Text] = UNSET
    reference: Maybe[Line] = UNSET


class AppointmentReview(OfficeAct, kw_only=True):
    """What was found of a break-glass (复核)."""

    text: Text


class Approve(OfficeAct):
    """Put in force what another person proposed; the newest where none is named."""

    proposal: Maybe[Line] = UNSET


class End(OfficeAct):
    """End a power at once."""


# -- seals --------------------------------------------------------------------------------------


class SealRegister(OfficeAct):
    """备案."""

    id: Name
    name: Line
    organ: Code
    media: Some[Literal["paper", "electronic"]]
    keeper: Maybe[Person] = UNSET
    since: Maybe[LocalDate] = UNSET


class SealEnable(OfficeAct):
    """启用."""

    keeper: Maybe[Person] = UNSET


class SealHandOver(OfficeAct):
    """交接."""

    to: Person


class SealAct(OfficeAct):
    """A custody act that says nothing more than that it was done."""


class SealReconcile(OfficeAct):
    """核对: the counter of the seal against the register of its uses."""

    counter: Number
    as_of: LocalDate
    paper_register_sha256: Maybe[Digest] = UNSET


class Clock(Shape):
    """The time a simulated ledger goes on from."""

    now: Instant


OFFICE_BODIES: Mapping[str, type[Struct] | object] = {
    "item": Item,
    "calendar": Calendar,
    "policy": Deadlines | Alerts | Duty | Link | Reviews | Complaints | Numbers | Findings | Posts,
    "appointment": Appointment,
    "approve": Approve,
    "appointment-review": AppointmentReview,
    "end": End,
    "seal-register": SealRegister,
    "seal-enable": SealEnable,
    "seal-hand-over": SealHandOver,
    "seal-take-over": SealAct,
    "seal-approve": SealAct,
    "seal-disable": SealAct,
    "seal-lock-away": SealAct,
    "seal-destroy": SealAct,
    "seal-report-lost": SealAct,
    "seal-reconcile": SealReconcile,
    "clock": Clock,
}
