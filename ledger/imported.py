"""What happened elsewhere: a row of another system's file, read as events or set aside.

An imported act is a fact: it keeps its own time and says where it comes from (`source`), it
is not decided again by our rules, and no limit of ours binds it.  A row that cannot be is
quarantined (隔离) with a code; it is never dropped, and never mended in silence.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ledger.case import Actor, Data, Event, Events, Json
from ledger.errors import Refused
from ledger.lifecycle import ACTION_OF, RULES

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
    }
)

# The acts that can have happened elsewhere, with the details each may have (True: must).
# What needs our seal, our register or our limits cannot.
IMPORTABLE: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {
        "received": {},
        "accepted": {},
        "declined": {"kind": False, "reasons": False},
        "transferred": {"to": True, "handed_over": False},
        "transfer-acknowledged": {},
        "decided": {"outcome": True, "reasons": False},
        "issued": {"method": False},
        "published": {"what": True, "where": False},
        "closed": {},
        "withdrawn": {},
    }
)

NAME_CHARS = 200
TEXT_CHARS = 10_000
AHEAD = timedelta(seconds=120)
MAX_ACTS = 20
MAX_FACTS = 100

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
_COLUMNS = "column"


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """How one act is read from a row: its type, the column of its time, what it records.

    `when` names a column that must have a value too; in `data` a value {"column": name}
    stands for that column's.
    """

    type: str
    at: str
    when: str | None
    data: Data


@dataclass(frozen=True, kw_only=True, slots=True)
class RowMapping:
    """How the rows of one file are read (字段对应): which column means what.

    `zone` is that of times without an offset, `precision` what the file's times are good
    to, `facts` the columns that are kept as they are.
    """

    system: str
    item: str
    id: str
    zone: ZoneInfo
    precision: str
    acts: tuple[Act, ...]
    applicant: Mapping[str, str]
    facts: tuple[str, ...]

    @property
    def columns(self) -> frozenset[str]:
        """Name every column that the mapping reads."""
        named = {self.id, *self.facts, *self.applicant.values()}
        for act in self.acts:
            named |= {act.at, *([act.when] if act.when else ()), *_columns_of(act.data)}
        return frozenset(named)


@dataclass(frozen=True, slots=True)
class Happening:
    """One act of a row: what, when, with which details."""

    type: str
    at: datetime
    data: Data


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


# -- the mapping ------------------------------------------------------------------------------


def mapping(data: Json) -> RowMapping:
    """Read a mapping; refuse one that says too little, too much, or what cannot be."""
    members = _object(data, "/mapping")
    _only(
        members,
        {"system", "item", "id", "zone", "precision", "acts", "applicant", "facts", "note"},
        "/mapping",
    )
    acts = members.get("acts")
    if not isinstance(acts, list) or not 1 <= len(acts) <= MAX_ACTS:
        raise _wrong("acts: one to twenty of them, in order", "/mapping/acts")
    read_acts = tuple(_act(act, f"/mapping/acts/{n}") for n, act in enumerate(acts))
    if read_acts[0].type != "received":
        raise _wrong("the first act is received", "/mapping/acts/0/type")
    facts = members.get("facts", [])
    if not isinstance(facts, list) or len(facts) > MAX_FACTS:
        raise _wrong("facts: a list of columns", "/mapping/facts")
    precision = members.get("precision", "second")
    if precision not in ("second", "day"):
        raise _wrong("precision: second or day", "/mapping/precision")
    applicant = _object(members.get("applicant", {}), "/mapping/applicant")
    _only(applicant, {"name", "id", "id_scheme"}, "/mapping/applicant")
    return RowMapping(
        system=_code(members, "system"),
        item=_code(members, "item"),
        id=_text(members.get("id"), "/mapping/id"),
        zone=_zone(members.get("zone", "UTC")),
        precision=str(precision),
        acts=read_acts,
        applicant={k: _text(v, f"/mapping/applicant/{k}") for k, v in applicant.items()},
        facts=tuple(_text(name, f"/mapping/facts/{n}") for n, name in enumerate(facts)),
    )


def _act(data: Json, pointer: str) -> Act:
    members = _object(data, pointer)
    _only(members, {"type", "at", "when", "data"}, pointer)
    kind = _text(members.get("type"), f"{pointer}/type")
    if kind not in IMPORTABLE:
        raise _wrong("an act that cannot be imported", f"{pointer}/type")
    details = _object(members.get("data", {}), f"{pointer}/data")
    known = IMPORTABLE[kind]
    _only(details, set(known), f"{pointer}/data")
    if any(must and name not in details for name, must in known.items()):
        raise _wrong(f"{kind} needs {', '.join(k for k in known if known[k])}", f"{pointer}/data")
    when = members.get("when")
    return Act(
        type=kind,
        at=_text(members.get("at"), f"{pointer}/at"),
        when=None if when is None else _text(when, f"{pointer}/when"),
        data=details,
    )


def _columns_of(value: Json) -> frozenset[str]:
    if not isinstance(value, dict):
        return frozenset()
    if _is_column(value):
        return frozenset({value[_COLUMNS]})
    return frozenset().union(*(_columns_of(v) for v in value.values())) if value else frozenset()


def _is_column(value: Mapping[str, Json]) -> bool:
    return set(value) == {_COLUMNS} and isinstance(value[_COLUMNS], str)


def _object(data: Json, pointer: str) -> dict[str, Json]:
    if not isinstance(data, dict) or not all(isinstance(k, str) and k.isascii() for k in data):
        raise _wrong("an object is wanted here", pointer)
    return data


def _only(members: Mapping[str, Json], known: set[str], pointer: str) -> None:
    for name in members:
        if name not in known:
            raise Refused(
                "unknown-field", "a member we do not know", pointer=f"{pointer}/{name[:64]}"
            )


def _text(value: Json, pointer: str) -> str:
    if not isinstance(value, str) or not value.strip() or flaw(value, NAME_CHARS):
        raise _wrong("a short text is wanted here", pointer)
    return value


def _code(members: Mapping[str, Json], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _wrong(f"{name}: letters, digits, dot, dash, at most 80", f"/mapping/{name}")
    return value


def _zone(name: Json) -> ZoneInfo:
    text = _text(name, "/mapping/zone")
    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError):  # unknown, or a name that is a path
        raise _wrong("no such time zone", "/mapping/zone") from None


def _wrong(why: str, pointer: str) -> Refused:
    return Refused("schema", why, pointer=pointer)


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


def flaw(text: str, limit: int) -> str | None:
    """Name what is wrong with a text, or None: too long, or characters we do not take."""
    if len(text) > limit:
        return "too-long"
    if text.isascii() and text.isprintable():
        return None
    for char in text:
        kind = unicodedata.category(char)
        if kind in ("Cc", "Cf", "Cs", "Zl", "Zp") or (ord(char) & 0xFFFE) == 0xFFFE:
            return "forbidden-character"
        if 0xFDD0 <= ord(char) <= 0xFDEF:
            return "forbidden-character"
    return None


def _filled(data: Data, row: Mapping[str, str]) -> dict[str, Json]:
    """Put the row's values where the mapping names a column."""
    filled: dict[str, Json] = {}
    for name, value in data.items():
        if isinstance(value, dict):
            one = _is_column(value)
            filled[name] = row.get(value[_COLUMNS], "") if one else _filled(value, row)
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


def events(found: Found, by: RowMapping, of: Origin, stream: str) -> Events:
    """Make the events of a row: a case of its own, with its times and where it comes from.

    The actor is the other system: nobody's name is lent to what was done elsewhere.
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
    actor = Actor(kind="system", organ=of.organ, client=by.system)
    made = []
    for version, act in enumerate(found.acts, 1):
        first = version == 1
        made.append(
            Event(
                stream=stream,
                version=version,
                type=act.type,
                occurred_at=act.at,
                actor=actor,
                responsibility=str(RULES[ACTION_OF[act.type]].responsibility),
                data=_receipt(found, by, of, act.data) if first else act.data,
                relied_on=of.relied_on if first else {},
                source=source,
                numbers=("case/%Y",) if first else (),
            )
        )
    return tuple(made)


def _receipt(found: Found, by: RowMapping, of: Origin, data: Data) -> Data:
    return {
        "item": by.item,
        "channel": "system",
        "organ": of.organ,
        "applicant": found.applicant,
        "facts": found.facts,
        **data,
    }
