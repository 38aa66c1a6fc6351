"""What bodies are put together from: an applicant, a material, a document, a signature.

Shapes only: a member that a shape does not name is refused, and nothing else is decided.
"""

from typing import Literal

from msgspec import UNSET, Struct

from api.fields import (
    Base64,
    Code,
    Count,
    Digest,
    Instant,
    Line,
    LocalDate,
    Many,
    Maybe,
    Person,
    Sm3,
    Text,
)


class Shape(Struct, forbid_unknown_fields=True):
    """A part of a body; a member it does not name is refused."""


class Ref(Shape):
    """Where a document lies; the ledger never fetches it."""

    system: Code
    id: Line


class Agent(Shape):
    """Who acts for an applicant, and the digest of the authority (代理人)."""

    name: Line
    id_scheme: Maybe[Code] = UNSET
    id: Maybe[Line] = UNSET
    telephone: Maybe[Line] = UNSET
    authority: Maybe[Digest] = UNSET


class Applicant(Shape):
    """Who applies (申请人)."""

    kind: Literal["person", "organisation"]
    name: Line
    id_scheme: Code
    id: Line
    agent: Maybe[Agent] = UNSET
    telephone: Maybe[Line] = UNSET
    address: Maybe[Line] = UNSET


class Recipient(Shape):
    """Who took a document."""

    name: Line
    id_scheme: Maybe[Code] = UNSET
    id: Maybe[Line] = UNSET
    telephone: Maybe[Line] = UNSET
    address: Maybe[Line] = UNSET
    relation: Maybe[Line] = UNSET


class Material(Shape):
    """A paper or file of the application, by its digest."""

    name: Line
    sha256: Digest
    media_type: Line
    sm3: Maybe[Sm3] = UNSET
    ref: Maybe[Ref] = UNSET
    copies: Maybe[Count] = UNSET
    original: Maybe[bool] = UNSET


class Missing(Shape):
    """A material that is asked for or owed."""

    material: Line
    note: Maybe[Text] = UNSET


class Corrected(Shape):
    """What the applicant mended on the spot."""

    material: Line
    note: Maybe[Text] = UNSET


class Point(Shape):
    """The result of one numbered requirement of the item (受理要点, 审查要点)."""

    no: Line
    result: Literal["met", "not-met", "not-applicable"]
    note: Maybe[Text] = UNSET


class Receiver(Shape):
    """The unit, and the person, a case is handed to."""

    unit: Code
    person: Maybe[Person] = UNSET


class Site(Shape):
    """A site check (现场核查)."""

    persons: Many[Person]
    place: Line
    at: Maybe[Instant] = UNSET
    finding: Maybe[Text] = UNSET


class DocumentName(Shape):
    """Which version of which document of the case."""

    kind: Code
    version: Count


class Replacement(Shape):
    """The version that takes the place of a void one."""

    version: Count
    sha256: Digest
    sm3: Maybe[Sm3] = UNSET


class Document(Shape):
    """A document by its digest."""

    kind: Code
    version: Count
    sha256: Digest
    sm3: Maybe[Sm3] = UNSET
    number: Maybe[Line] = UNSET
    ref: Maybe[Ref] = UNSET


class Decided(Document):
    """The document that a decision is, and how long what it grants is valid."""

    valid_from: Maybe[LocalDate] = UNSET
    valid_to: Maybe[LocalDate] = UNSET


class Signature(Shape):
    """The signature of an electronic seal."""

    value: Base64
    algorithm: Maybe[Code] = UNSET
    certificate: Maybe[Line] = UNSET
    timestamp: Maybe[Instant] = UNSET


class Act(Shape, kw_only=True):
    """What every act takes besides its own fields."""

    occurred_at: Maybe[Instant] = UNSET
    reason: Maybe[Text] = UNSET
    basis: Maybe[Text] = UNSET


class OfficeAct(Shape, kw_only=True):
    """What every office act takes besides its own fields."""

    reason: Maybe[Text] = UNSET
    basis: Maybe[Text] = UNSET
