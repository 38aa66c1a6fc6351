"""What the body of each act on a complaint may hold: shapes only."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import UNSET, Meta

from api.acts import ApproveCorrection, Correct
from api.fields import Code, Digest, Line, Maybe, Person, Text
from api.parts import Act, Shape


class CallerGiven(Shape):
    """Who complains (投诉人); all of it is personal, and none of it has to be given."""

    name: Maybe[Line] = UNSET
    telephone: Maybe[Line] = UNSET
    address: Maybe[Line] = UNSET
    id_scheme: Maybe[Code] = UNSET
    id: Maybe[Line] = UNSET


class AboutGiven(Shape):
    """The unit, person and item complained of."""

    unit: Maybe[Code] = UNSET
    person: Maybe[Person] = UNSET
    item: Maybe[Code] = UNSET


class SatisfactionGiven(Shape):
    """What the caller says of it at the end; nothing is assumed where nobody was reached."""

    grade: Annotated[int, Meta(ge=1, le=5)]
    said: Maybe[Text] = UNSET


class RegisterComplaint(Act):
    """登记投诉."""

    kind: Literal["service", "delay", "refused-intake", "off-system", "other"]
    channel: Literal["telephone", "window", "online", "letter", "referred"]
    text: Text
    caller: Maybe[CallerGiven] = UNSET
    about: Maybe[AboutGiven] = UNSET
    case: Maybe[Line] = UNSET
    call_reference: Maybe[Line] = UNSET


class Assign(Act):
    """派单: in words of the hotline's own, which do not tell who complains."""

    unit: Code
    summary: Text


class Reply(Act):
    """反馈: what was done, or why nothing was."""

    result: Literal["done", "refused"]
    measure: Text
    document: Maybe[Digest] = UNSET


class Escalate(Act):
    """升级."""

    to: Code
    ground: Literal["refused", "late", "serious"]
    text: Maybe[Text] = UNSET


class CloseComplaint(Act):
    """办结."""

    result: Literal["resolved", "unfounded", "withdrawn"]
    text: Maybe[Text] = UNSET
    satisfaction: Maybe[SatisfactionGiven] = UNSET


BODIES: Mapping[str, type[Act]] = {
    "register-complaint": RegisterComplaint,
    "assign": Assign,
    "reply": Reply,
    "escalate": Escalate,
    "close-complaint": CloseComplaint,
    "correct-complaint": Correct,
    "approve-complaint-correction": ApproveCorrection,
}
