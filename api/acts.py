"""What the body of each act on a case may hold: shapes only.

A rule of procedure refuses with its own name later, so what such a rule asks for (a notice,
reasons, an opinion) is optional here.  The keys of `ACTS` are the actions of the lifecycle.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import UNSET

from api.fields import (
    Code,
    Count,
    Digest,
    EventId,
    Instant,
    Line,
    LocalDate,
    Many,
    Maybe,
    Person,
    Some,
    Text,
)
from api.parts import (
    Applicant,
    Corrected,
    Decided,
    Document,
    DocumentName,
    Material,
    Missing,
    Point,
    Receiver,
    Recipient,
    Replacement,
    Shape,
    Signature,
    Site,
)


class Act(Shape, kw_only=True):
    """What every act takes besides its own fields."""

    occurred_at: Maybe[Instant] = UNSET
    reason: Maybe[Text] = UNSET
    basis: Maybe[Text] = UNSET


# -- from receipt to the decision --------------------------------------------------------------


class Receive(Act):
    """收件."""

    item: Code
    applicant: Applicant
    channel: Literal["window", "online", "self-service", "post", "system"]
    materials: Many[Material]
    permit: Maybe[Line] = UNSET


class CorrectOnSpot(Act):
    """当场更正."""

    corrected: Maybe[Many[Corrected]] = UNSET


class RequestSupplement(Act):
    """一次性告知."""

    missing: Some[Missing]
    served_at: Maybe[LocalDate] = UNSET
    notice: Maybe[Digest] = UNSET


class ReceiveSupplement(Act):
    """补正."""

    materials: Some[Material]


class Accept(Act):
    """受理."""

    tolerant: Maybe[Many[Missing]] = UNSET
    commitment: Maybe[Digest] = UNSET
    points: Maybe[Many[Point]] = UNSET


class Decline(Act):
    """不予受理."""

    kind: Literal["not-ours", "not-needed"]
    organ: Maybe[Line] = UNSET
    reasons: Maybe[Text] = UNSET
    notice: Maybe[Digest] = UNSET


class Transfer(Act):
    """转办."""

    to: Receiver
    handed_over: Maybe[Many[Digest]] = UNSET


class Review(Act):
    """审查."""

    level: Literal["handle", "check"]
    opinion: Maybe[Text] = UNSET
    recommend: Maybe[Literal["grant", "deny", "return"]] = UNSET
    adopts: Maybe[bool] = UNSET
    site: Maybe[Site] = UNSET
    points: Maybe[Many[Point]] = UNSET


Procedure = Literal[
    "hearing",
    "tender",
    "auction",
    "inspection",
    "testing",
    "quarantine",
    "appraisal",
    "expert-review",
]


class Suspend(Act):
    """特别程序, 听证."""

    kind: Procedure
    planned_days: Maybe[Count] = UNSET
    approved_by: Maybe[Person] = UNSET
    notice: Maybe[Digest] = UNSET
    served_at: Maybe[LocalDate] = UNSET
    requested_at: Maybe[LocalDate] = UNSET
    presider: Maybe[Person] = UNSET
    held_on: Maybe[LocalDate] = UNSET


class Resume(Act):
    """恢复."""

    kind: Procedure
    result: Maybe[Digest] = UNSET


class Extend(Act):
    """延期."""

    days: int
    approved_by: Maybe[Person] = UNSET
    notice: Maybe[Digest] = UNSET


class ReserveNumber(Act):
    """文号."""

    kind: Code


class VoidNumber(Act):
    """文号作废."""

    kind: Code
    number: Line


class Withdraw(Act):
    """撤回申请."""

    request: Maybe[Digest] = UNSET


# -- the decision and what follows it ----------------------------------------------------------


class Decide(Act):
    """决定."""

    outcome: Literal["grant", "deny"]
    document: Maybe[Decided] = UNSET
    reasons: Maybe[Text] = UNSET
    differs_from_opinion: Maybe[Text] = UNSET


class Seal(Act):
    """用印."""

    seal: Code
    document: Document
    copies: Maybe[Count] = UNSET
    medium: Maybe[Literal["paper", "electronic"]] = UNSET
    signature: Maybe[Signature] = UNSET


class VoidSeal(Act):
    """用印作废."""

    document: DocumentName
    approved_by: Maybe[Person] = UNSET
    replacement: Maybe[Replacement] = UNSET


class Issue(Act):
    """颁发送达."""

    document: Document
    method: Literal["window", "post", "electronic"]
    recipient: Maybe[Recipient] = UNSET
    receipt: Maybe[Digest] = UNSET


class Publish(Act):
    """公开."""

    what: Literal["decision", "explanation", "penalty"]
    where: Line
    left_out: Maybe[Text] = UNSET


class Push(Act):
    """推送."""

    to: Code


class Evaluate(Act):
    """好差评."""

    grade: Literal[1, 2, 3, 4, 5]
    channel: Code
    text: Maybe[Text] = UNSET
    about: Maybe[Person] = UNSET
    call_reference: Maybe[Line] = UNSET


class Correct(Act):
    """更正."""

    event: EventId
    fields: dict[str, Any]
    evidence: Maybe[Digest] = UNSET


class ApproveCorrection(Act):
    """批准更正."""

    event: EventId


class DeclareRecusal(Act):
    """回避."""

    interest: Maybe[Text] = UNSET


class RecordIntervention(Act):
    """打招呼."""

    person: Line
    text: Text
    unit: Maybe[Line] = UNSET


class Plain(Act):
    """An act that says nothing more than that it was done."""


ACTS: Mapping[str, type[Act]] = {
    "receive": Receive,
    "correct-on-spot": CorrectOnSpot,
    "request-supplement": RequestSupplement,
    "receive-supplement": ReceiveSupplement,
    "accept": Accept,
    "decline": Decline,
    "transfer": Transfer,
    "acknowledge-transfer": Plain,
    "refuse-transfer": Plain,
    "review": Review,
    "suspend": Suspend,
    "resume": Resume,
    "extend": Extend,
    "reserve-number": ReserveNumber,
    "void-number": VoidNumber,
    "decide": Decide,
    "seal": Seal,
    "void-seal": VoidSeal,
    "issue": Issue,
    "publish": Publish,
    "push": Push,
    "claim": Plain,
    "evaluate": Evaluate,
    "close": Plain,
    "withdraw": Withdraw,
    "correct": Correct,
    "approve-correction": ApproveCorrection,
    "declare-recusal": DeclareRecusal,
    "record-intervention": RecordIntervention,
}
