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
    Line,
    LocalDate,
    Many,
    Maybe,
    Person,
    Some,
    Text,
)
from api.oversight_acts import (
    AnswerAlert,
    CallBack,
    CancelPermit,
    CloseInvestigation,
    CloseReview,
    Evaluate,
    FeedBack,
    Inspect,
    OpenInvestigation,
    Penalise,
    ProposeRevocation,
    RecordFinding,
    RecordRemedy,
    RecordRemedyResult,
    Rectify,
    Sanction,
    Supervise,
    VerifyReview,
    WithdrawAlert,
)
from api.parts import (
    Act,
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
    Signature,
    Site,
)

# -- from receipt to the decision --------------------------------------------------------------


class Receive(Act):
    """收件."""

    item: Code
    applicant: Applicant
    channel: Literal["window", "online", "self-service", "post", "system"]
    materials: Many[Material]
    permit: Maybe[Line] = UNSET
    permit_valid_to: Maybe[LocalDate] = UNSET
    matter: Maybe[Line] = UNSET


class CorrectOnSpot(Act):
    """当场更正."""

    corrected: Maybe[Many[Corrected]] = UNSET


class RequestSupplement(Act):
    """一次性告知."""

    missing: Some[Missing]
    served_at: Maybe[LocalDate] = UNSET
    notice: Maybe[Digest] = UNSET
    respond_by: Maybe[LocalDate] = UNSET


class ReceiveSupplement(Act):
    """补正."""

    materials: Some[Material]


class Accept(Act):
    """受理."""

    tolerant: Maybe[Many[Missing]] = UNSET
    commitment: Maybe[Digest] = UNSET
    points: Maybe[Many[Point]] = UNSET
    owed_days: Maybe[Count] = UNSET


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
    recommend: Maybe[Literal["grant", "deny", "return", "recall", "revoke"]] = UNSET
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
    requester: Maybe[Person] = UNSET
    terminal: Maybe[Line] = UNSET
    place: Maybe[Line] = UNSET


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


class Archive(Act):
    """归档."""

    package: Maybe[Digest] = UNSET
    retention: Maybe[Code] = UNSET
    items: Maybe[Count] = UNSET


class Terminate(Act):
    """终止审查."""

    kind: Maybe[
        Literal["applicant-dead", "applicant-incapable", "dissolved", "supplement-lapsed"]
    ] = UNSET
    evidence: Maybe[Digest] = UNSET


# -- what becomes of a permit --------------------------------------------------------------------


class RecallPermit(Act):
    """撤回许可."""

    grounds: Maybe[Text] = UNSET
    compensation: Maybe[Text] = UNSET
    document: Maybe[Document] = UNSET
    notice: Maybe[Digest] = UNSET


class RevokePermit(Act):
    """撤销."""

    grounds: Maybe[Text] = UNSET
    notice: Maybe[Digest] = UNSET
    served_at: Maybe[LocalDate] = UNSET
    heard: Maybe[Literal["statement", "hearing", "lapsed"]] = UNSET
    document: Maybe[Document] = UNSET


class Deregister(Act):
    """注销."""

    follows: Maybe[
        Literal[
            "expiry",
            "death",
            "dissolution",
            "surrender",
            "recall",
            "revocation",
            "cancellation",
            "annulment",
        ]
    ] = UNSET
    request: Maybe[Digest] = UNSET
    document: Maybe[Document] = UNSET


class Amend(Act):
    """变更."""

    by: Line
    changes: Maybe[Text] = UNSET
    document: Maybe[Decided] = UNSET


class Renew(Act):
    """延续."""

    by: Line
    document: Maybe[Decided] = UNSET


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
    "close": Plain,
    "archive": Archive,
    "terminate": Terminate,
    "recall-permit": RecallPermit,
    "revoke-permit": RevokePermit,
    "deregister": Deregister,
    "amend": Amend,
    "renew": Renew,
    "claim": Plain,
    "inspect": Inspect,
    "propose-revocation": ProposeRevocation,
    "supervise": Supervise,
    "answer-alert": AnswerAlert,
    "withdraw-alert": WithdrawAlert,
    "evaluate": Evaluate,
    "call-back": CallBack,
    "verify-review": VerifyReview,
    "rectify": Rectify,
    "feed-back": FeedBack,
    "close-review": CloseReview,
    "record-remedy": RecordRemedy,
    "record-remedy-result": RecordRemedyResult,
    "open-investigation": OpenInvestigation,
    "record-finding": RecordFinding,
    "penalise": Penalise,
    "cancel-permit": CancelPermit,
    "sanction": Sanction,
    "close-investigation": CloseInvestigation,
    "withdraw": Withdraw,
    "correct": Correct,
    "approve-correction": ApproveCorrection,
    "declare-recusal": DeclareRecusal,
    "record-intervention": RecordIntervention,
}
