"""What the body of each act on a matter may hold: shapes only."""

from collections.abc import Mapping
from typing import Literal

from msgspec import UNSET

from api.acts import ApproveCorrection, Correct
from api.fields import Code, Days, EventId, Line, Many, Maybe, Some, Text
from api.parts import Act, Applicant, Material


class OpenMatter(Act):
    """一件事申请: one form; `promise` is the whole in working days."""

    name: Line
    kind: Literal["one-thing", "joint"]
    applicant: Applicant
    items: Some[Code]
    materials: Maybe[Many[Material]] = UNSET
    promise: Maybe[Days] = UNSET


class SplitOff(Act):
    """拆分办理."""

    case: Line


class RequestOpinion(Act):
    """并联征求意见: to be answered within so many working days."""

    organ: Code
    question: Text
    days: Days


class GiveOpinion(Act):
    """反馈意见."""

    request: EventId
    opinion: Text
    recommend: Literal["agree", "disagree", "none"]


BODIES: Mapping[str, type[Act]] = {
    "open-matter": OpenMatter,
    "split-off": SplitOff,
    "request-opinion": RequestOpinion,
    "give-opinion": GiveOpinion,
    "correct-matter": Correct,
    "approve-matter-correction": ApproveCorrection,
}
