"""What the body of each office act may hold: items, calendars, posts, seals, clock.

Those of policies stand in `policy_acts.py`.
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
)
from api.parts import OfficeAct, Ref, Shape
from api.policy_acts import POLICY

Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]


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


# -- calendars ------------------------------------------------------------------------


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


# -- anchored logs --------------------------------------------------------------------------------


class AnchoredLog(OfficeAct):
    """存证对象: a log whose checkpoints are kept here, as `GET …/log/vkey` there names its keys."""

    id: Name
    name: Line
    origin: Line
    keys: Some[Line]


class Anchor(OfficeAct):
    """存证: a checkpoint of that log, and the proof that it extends the one anchored last.

    `size` is the size that the proof leads from, 0 for the first one; `root` what that log says
    its root was at that size, where it is not the anchored one.  Hashes in base64.
    """

    note: Text
    size: Number
    path: Many[Line]
    root: Maybe[Line] = UNSET


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
    "policy": POLICY,
    "appointment": Appointment,
    "anchored-log": AnchoredLog,
    "anchor": Anchor,
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
