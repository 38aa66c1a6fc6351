"""What happened elsewhere: a row of another system's file, read as events or set aside.

An imported act is a fact: it keeps its own time and says where it comes from (`source`), it
is not decided again by our rules, and no limit of ours binds it.  A row that cannot be is
quarantined (隔离) with a code; it is never dropped, and never mended in silence.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ledger.case import Actor, Data, Event, Events, Json
from ledger.lifecycle import ACTION_OF, RULES, Responsibility
from ledger.mapping import COLUMN, NAME_CHARS, LogMapping, RowMapping, flaw, is_column

# Why a row is set aside, and what that means.
CODES: Mapping[str, str] = MappingProxyType(
    {
        "bad-row": "the row cannot be read, or has other columns than the file",
        "missing-id": "the row has no id of its own",
        "duplicate": "a row of this id stands earlier in the file, or is in the ledger already",
        "missing-time": "the time of receipt is empty",
        "bad-time": "a time cannot be read",
        "in-future": "a time lies ahead of the ledger's clock",
        "closed-before-created": "the case was closed before it was created",
        "out-of-order": "an act lies before the one it follows",
        "bad-value": "a value is not one the act can have",
        "forbidden-character": "a value has characters that no text of ours may have",
        "too-long": "a value is too long",
        "record-too-large": "an act would exceed the size of a record",
        "not-allowed": "who lets the file in may not set this item so",
        "unknown-field": "a member that an item of the catalogue does not have",
        "unknown-reference": "an organ or a policy that is not here",
        "abandoned": "somebody threw the file away before it was let in",
        "expired": "nobody let the file in while its rows were kept: upload it again",
    }
)

TEXT_CHARS = 10_000
AHEAD = timedelta(seconds=120)

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One act of a row: what, when, with which details.

    `person` is who did it there, if that is told: a person of the other system, `name` what
    they are called there.  `source` is what else the other system says of the act.
    """

    type: str
    at: datetime
    data: Data
    person: str | None = None
    name: str | None = None
    source: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A row as it can be recorded: its own id and its acts in order."""

    id: str
    applicant: Data
    facts: Data
    acts: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is set aside, with a code of `CODES` and the id if it has one."""

    code: str
    id: str | None = None


# -- a row ------------------------------------------------------------------------------------


def read(row: Mapping[str, str], by: RowMapping, now: datetime) -> Found | Quarantined:
    """Read a row as what happened, or say by which code it is set aside."""
    own_id = row.get(by.id, "").strip()
    if not own_id:
        return Quarantined("missing-id")
    wrong = flaw(own_id, NAME_CHARS)
    if wrong:
        return Quarantined(wrong)
    kept = {name: row.get(name, "") for name in by.facts if row.get(name, "")}
    person = {k: row[column] for k, column in by.applicant.items() if row.get(column)}
    for value in (*kept.values(), *person.values()):
        wrong = flaw(value, TEXT_CHARS)
        if wrong:
            return Quarantined(wrong, own_id)
    acts = _happenings(row, by, now)
    if isinstance(acts, str):
        return Quarantined(acts, own_id)
    return Found(own_id, person, kept, acts)


def _happenings(
    row: Mapping[str, str], by: RowMapping, now: datetime
) -> tuple[Happening, ...] | str:
    """Return the acts of a row in the order of the mapping, or a code."""
    found: list[Happening] = []
    for act in by.acts:
        text = row.get(act.at, "").strip()
        if not text and act.type == "received":
            return "missing-time"
        if not text or (act.when is not None and not row.get(act.when, "").strip()):
            continue
        at = instant(text, by.zone)
        if at is None:
            return "bad-time"
        if at > now + AHEAD:
            return "in-future"
        if found and at < found[-1].at:
            first = act.type == "closed" and at < found[0].at
            return "closed-before-created" if first else "out-of-order"
        details = _filled(act.data, row)
        wrong = _details_flaw(act.type, details)
        if wrong:
            return wrong
        found.append(Happening(act.type, at, details))
    return tuple(found)


@lru_cache(maxsize=65_536)
def instant(text: str, zone: ZoneInfo) -> datetime | None:
    """Read a time, in the zone where it has no offset; None where it is none since 1900."""
    if not _TIME.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=zone)
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year >= 1900 else None


def _filled(data: Data, row: Mapping[str, str]) -> dict[str, Json]:
    """Put the row's values where the mapping names a column."""
    filled: dict[str, Json] = {}
    for name, value in data.items():
        if isinstance(value, dict):
            one = is_column(value)
            filled[name] = row.get(value[COLUMN], "") if one else _filled(value, row)
        else:
            filled[name] = value
    return filled


def _details_flaw(kind: str, details: Mapping[str, Json]) -> str | None:
    for value in _texts(details):
        wrong = flaw(value, TEXT_CHARS)
        if wrong:
            return wrong
    if kind == "decided" and details.get("outcome") not in ("grant", "deny"):
        return "bad-value"
    if kind == "transferred":
        to = details.get("to")
        unit = to.get("unit") if isinstance(to, dict) else None
        if not isinstance(unit, str) or not unit.strip() or len(unit) > NAME_CHARS:
            return "bad-value"
    return None


def _texts(value: Json) -> Sequence[str]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return ()


# -- events -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a row stands, and who lets it into the ledger: what its events say of themselves.

    `relied_on` is the appointment by which the import was committed.
    """

    imported: str
    file: str
    row: int
    organ: str
    committed_by: str
    relied_on: Mapping[str, int]


def events(found: Found, by: RowMapping | LogMapping, of: Origin, stream: str) -> Events:
    """Make the events of a row: a case of its own, with its times and where it comes from.

    The actor is the other system, or a person of it: nobody of ours lends their name to what
    was done elsewhere.
    """
    source = {
        "system": by.system,
        "file": of.file,
        "row": of.row,
        "id": found.id,
        "item": by.item,
        "import": of.imported,
        "committed_by": of.committed_by,
        "precision": by.precision,
    }
    made = []
    for version, act in enumerate(found.acts, 1):
        first = version == 1
        made.append(
            Event(
                stream=stream,
                version=version,
                type=act.type,
                occurred_at=act.at,
                actor=_actor(act, by.system, of.organ),
                responsibility=_responsibility(act.type),
                data=_receipt(found, by, of, act.data) if first else act.data,
                relied_on=of.relied_on if first else {},
                source={**source, **act.source},
                numbers=("case/%Y",) if first else (),
            )
        )
    return tuple(made)


def _actor(act: Happening, system: str, organ: str) -> Actor:
    """Name who acted there; a person of another system is of a kind of their own."""
    kind = "system" if act.person is None else "elsewhere"
    return Actor(kind=kind, person=act.person, name=act.name, organ=organ, client=system)


def _responsibility(kind: str) -> str:
    action = ACTION_OF.get(kind)
    return str(RULES[action].responsibility if action else Responsibility.APPROVAL)


def _receipt(found: Found, by: RowMapping | LogMapping, of: Origin, data: Data) -> Data:
    return {
        "item": by.item,
        "channel": "system",
        "organ": of.organ,
        "applicant": found.applicant,
        "facts": found.facts,
        **data,
    }
