"""How an entry of the access log is told."""

from typing import Literal

from api.told import At, By, Told, Whole


class ReadFor(Told):
    """What a reading was for: a code, and the notice, ticket or case it rests on."""

    code: str
    reference: str


class Reading(Told):
    """Who read what, in which post, when and what for; or what inspection was refused."""

    line: Literal["open", "sealed"]
    position: Whole
    id: str
    type: str
    recorded_at: At
    actor: By
    what: str
    cases: list[str]
    filter: str | None
    classes: list[str]
    purpose: ReadFor | None
    revealed: list[str]
    items: Whole | None
    digest: str | None
    part: Literal["begun", "ended"] | None
    begun: str | None
    slug: str | None
    rule: str | None
    request: str | None
