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


# -- supervision ---------------------------------------------------------------------------------


class Inspect(Act):
    """监督检查."""

    purpose: Literal["routine", "verification", "complaint", "follow-up"]
    outcome: Literal["compliant", "non-compliant", "false-promise"]
    text: Maybe[Text] = UNSET
    persons: Maybe[Many[Person]] = UNSET
    evidence: Maybe[Digest] = UNSET


class ProposeRevocation(Act):
    """提请撤销."""

    grounds: Maybe[Text] = UNSET
    text: Maybe[Text] = UNSET
    evidence: Maybe[Digest] = UNSET


class Supervise(Act):
    """督办."""

    order: Text
    due: Maybe[LocalDate] = UNSET


class AnswerAlert(Act):
    """预警答复."""

    alert: Line
    explanation: Maybe[Text] = UNSET
    remedy: Maybe[Text] = UNSET
    accepts: Maybe[bool] = UNSET


class WithdrawAlert(Act):
    """预警撤回."""

    alert: Line


class Evaluate(Act):
    """好差评."""

    grade: Literal[1, 2, 3, 4, 5]
    channel: Code
    text: Maybe[Text] = UNSET
    about: Maybe[Person] = UNSET
    call_reference: Maybe[Line] = UNSET


class CallBack(Act):
    """回访."""

    reached: Maybe[bool] = UNSET
    text: Maybe[Text] = UNSET


class VerifyReview(Act):
    """核实."""

    verdict: Literal["valid", "mistaken", "malicious"]
    text: Maybe[Text] = UNSET


class Rectify(Act):
    """整改."""

    measure: Text
    evidence: Maybe[Digest] = UNSET


class FeedBack(Act):
    """反馈."""

    text: Text
    method: Maybe[Code] = UNSET


class CloseReview(Act):
    """差评办结."""

    text: Maybe[Text] = UNSET


class RecordRemedy(Act):
    """复议, 诉讼, 投诉."""

    kind: Literal["reconsideration", "litigation", "complaint"]
    body: Line
    filed_on: LocalDate
    step: Maybe[Literal["filed", "evidence"]] = UNSET
    evidence_due: Maybe[LocalDate] = UNSET
    document: Maybe[Digest] = UNSET


class RecordRemedyResult(Act):
    """救济结果."""

    result: Literal["upheld", "annulled", "redo", "changed", "compensation"]
    document: Maybe[Digest] = UNSET
    remedy: Maybe[EventId] = UNSET


# -- enforcement ---------------------------------------------------------------------------------


class OpenInvestigation(Act):
    """立案."""

    grounds: Text
    clue: Maybe[Line] = UNSET


class RecordFinding(Act):
    """调查取证."""

    finding: Text
    officers: Maybe[Many[Person]] = UNSET
    evidence: Maybe[Digest] = UNSET
    place: Maybe[Line] = UNSET
    found_on: Maybe[LocalDate] = UNSET


class Penalise(Act):
    """行政处罚; `amount` in fen."""

    kind: Literal[
        "warning", "criticism", "fine", "confiscation", "suspension", "restriction", "closure"
    ]
    officers: Maybe[Many[Person]] = UNSET
    amount: Maybe[Count] = UNSET
    document: Maybe[Document] = UNSET
    served_at: Maybe[LocalDate] = UNSET
    presider: Maybe[Person] = UNSET
    text: Maybe[Text] = UNSET


class CancelPermit(Act):
    """吊销."""

    officers: Maybe[Many[Person]] = UNSET
    notice: Maybe[Digest] = UNSET
    served_at: Maybe[LocalDate] = UNSET
    heard: Maybe[Literal["held", "waived", "lapsed"]] = UNSET
    presider: Maybe[Person] = UNSET
    document: Maybe[Document] = UNSET


class Sanction(Act):
    """联合惩戒."""

    measure: Text
    until: LocalDate
    subject: Maybe[Line] = UNSET


class CloseInvestigation(Act):
    """结案."""

    result: Literal["penalised", "no-penalty", "no-violation", "referred"]
    report: Maybe[Digest] = UNSET
    text: Maybe[Text] = UNSET


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
