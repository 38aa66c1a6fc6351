"""The shapes of what the office and imports answer; see `told`."""

from typing import Literal

from msgspec import UNSET, Struct

from api.fields import Maybe
from api.told import At, Brief, By, Hash, On, Position, Published, Recorded, Told, Whole

# -- the office --------------------------------------------------------------------------------


class OfficeDone(Told):
    """What an office act recorded, and what its thing is now."""

    id: str
    state: str
    events: list[Brief]
    version: Whole
    position: Whole
    published: Maybe[Published | None] = UNSET


class Version(Told):
    """One version of a thing of the office."""

    version: Whole
    position: Whole
    at: At
    proposed_by: str | None
    approved_by: str | None
    content: Recorded


class Proposal(Told):
    """What waits for the approval of another person."""

    id: str
    content: Recorded
    by: By
    at: At
    position: Whole
    state: Literal["proposed", "lapsed"]


class Thing(Told):
    """An item, calendar, policy, appointment or anchored log with its versions."""

    id: str
    kind: Literal["item", "calendar", "policy", "appointment", "anchored-log"]
    state: Literal["proposed", "in-force", "ended", "lapsed"]
    version: Whole
    content: Recorded | None
    ended_at: At | None
    reviewed_at: At | None
    review: str | None
    review_due: bool
    versions: list[Version]
    proposals: list[Proposal]


class PostNoted(Told):
    """What wants looking at in somebody's posts: by which rule, and since or until which day."""

    rule: str
    person: str
    appointments: list[str]
    day: On | None


class Seal(Struct):
    """A seal, what was registered of it, and who keeps it."""

    id: str
    state: str
    keeper: str | None
    keeper_since: At | None
    offered_to: str | None
    version: Whole


class AnchoredLog(Told):
    """A registered log, and how far it is anchored."""

    id: str
    origin: str
    name: str
    state: Literal["waiting", "anchored", "conflict"]
    size: Whole
    root: str | None
    at: At | None
    position: Whole | None
    version: Whole
    conflict: Whole | None


class Anchor(Told):
    """One anchor, or the proof of two histories, as recorded."""

    log: str
    type: Literal["anchored", "anchor-conflict"]
    version: Whole
    position: Whole
    recorded_at: At
    by: By
    data: Recorded


class Clock(Told):
    """What time it is in a simulated ledger."""

    now: At


# -- exchange ----------------------------------------------------------------------------------


class ImportRow(Told):
    """What became of one row of a file."""

    row: Whole
    id: str | None
    state: Literal["ready", "quarantined", "recorded"]
    code: str | None
    note: str | None
    why: str | None
    position: Whole | None
    case: str | None


class Import(Told):
    """What a file holds, and how far it has come."""

    id: str | None
    state: str
    system: str
    item: str
    name: str
    sha256: Hash
    size: Whole
    rows: Whole
    ready: Whole
    recorded: Whole
    quarantined: Whole
    codes: dict[str, Whole]
    problems: list[ImportRow]
    events: Whole
    position: Position
    uploaded_by: str
    uploaded_at: At
    committed_by: str | None
    committed_at: At | None
    abandoned_by: str | None
    abandoned_at: At | None
    done_at: At | None


class Committed(Told):
    """A file that is being taken in; `progress` is where to look."""

    id: str
    state: Literal["committing"]
    rows: Whole
    progress: str
