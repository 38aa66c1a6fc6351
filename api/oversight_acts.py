"""What the body of each act of supervision and enforcement may hold (监管, 评价, 救济, 执法)."""

from typing import Literal

from msgspec import UNSET

from api.fields import Code, Count, Digest, EventId, Line, LocalDate, Many, Maybe, Person, Text
from api.parts import Act, Document

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
