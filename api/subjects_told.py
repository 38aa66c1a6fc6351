"""The shapes of what is answered about personal data; see `told`."""

from typing import Literal

from msgspec import UNSET

from api.fields import Maybe
from api.told import At, Brief, On, Position, Published, Told, Whole
from ledger.subject import Action


class Subject(Told):
    """How it stands with the data of one person in one case."""

    subject: str
    role: str
    number: str | None
    state: Literal["open", "restricted", "held", "destruction-proposed", "destroyed"]
    restricted: bool
    held: bool
    retained_to: On | None
    proposed_by: str | None
    destroyed_at: At | None
    backups_gone_on: On | None
    version: Whole
    allowed_actions: list[Action]


class SubjectDone(Told):
    """What an act recorded, and how it stands now."""

    subject: str
    state: Literal["open", "restricted", "held", "proposed", "destroyed", "destruction-proposed"]
    events: list[Brief]
    version: Whole
    position: Position
    now: Subject
    published: Maybe[Published | None] = UNSET
