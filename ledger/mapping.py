"""How the rows of another system's file are read (字段对应): which column means what.

A mapping is data that comes with an upload; one that says too little, too much, or what cannot
be is refused before a row is read.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ledger.case import Data, Json
from ledger.classes import changed
from ledger.errors import Refused

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
        "reviewed": {"level": True, "opinion": False, "recommend": False},
        "published": {"what": True, "where": False},
        "closed": {},
        "withdrawn": {},
    }
)

NAME_CHARS = 200
MAX_ACTS = 20
MAX_FACTS = 100
MAX_ACTIVITIES = 1_000
# In the details of an act `{"column": name}` stands for what that column holds.
COLUMN = "column"

_PATH = re.compile(r"[a-z_]{1,40}(?:\.[a-z_]{1,40})?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)


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
class Activity:
    """What an activity of an event log is with us, and which activity it determines upon."""

    type: str
    data: Data = field(default_factory=dict)
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LogMapping:
    """How the traces of an event log are read: which attribute means what.

    `id`, `end` and `deadline` are attributes of a trace, `facts` those kept as they are; the
    others are attributes of an event.  `activities` says which activity is which act of ours;
    one that stands nowhere is kept as what it is.
    """

    system: str
    item: str
    zone: ZoneInfo
    precision: str
    id: str
    end: str | None
    deadline: str | None
    facts: tuple[str, ...]
    activity: str
    at: str
    person: str | None
    unit: str | None
    transition: str | None
    activities: Mapping[str, Activity]


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueMapping:
    """How the rows of a file of items are read: which are what, and which column is which member.

    `catalogue` says what the rows are (`items` or `baselines`), `members` which column a
    member is read from, by its path ("limits.statutory"); without any, a row is an item as
    `POST /items` takes it.  `defaults` are members that every row has unless it says otherwise.
    """

    system: str
    catalogue: str
    members: Mapping[str, str]
    defaults: Data

    @property
    def item(self) -> str:
        """What the rows are of, where a file of cases names its item."""
        return self.catalogue

    @property
    def columns(self) -> frozenset[str]:
        """Name every column that the mapping reads."""
        return frozenset(self.members.values())


AnyMapping = RowMapping | LogMapping | CatalogueMapping


def mapping(data: Json) -> AnyMapping:
    """Read a mapping; refuse one that says too little, too much, or what cannot be.

    One of rows says which acts are read of each, one of a log what its traces and events are,
    one of a catalogue what its rows are.
    """
    members = _object(data, "/mapping")
    if "catalogue" in members:
        return _of_catalogue(members)
    return _of_log(members) if "trace" in members else _of_rows(members)


def _of_catalogue(members: dict[str, Json]) -> CatalogueMapping:
    _only(members, {"system", "catalogue", "members", "defaults", "note"}, "/mapping")
    what = members["catalogue"]
    if what not in ("items", "baselines"):
        raise _wrong("catalogue: items or baselines", "/mapping/catalogue")
    read = _object(members.get("members", {}), "/mapping/members")
    for path in read:
        if not _PATH.fullmatch(path):
            raise _wrong("a member, or one of a member", f"/mapping/members/{path[:64]}")
        if path.partition(".")[0] in read and "." in path:
            raise _wrong("a member as a whole, or its members", f"/mapping/members/{path}")
    return CatalogueMapping(
        system=_code(members, "system"),
        catalogue=str(what),
        members={p: _text(c, f"/mapping/members/{p}") for p, c in read.items()},
        defaults=_object(members.get("defaults", {}), "/mapping/defaults"),
    )


def _of_log(members: dict[str, Json]) -> LogMapping:
    known = {"system", "item", "zone", "precision", "trace", "event", "activities", "note"}
    _only(members, known, "/mapping")
    trace = _object(members["trace"], "/mapping/trace")
    _only(trace, {"id", "end", "deadline", "facts"}, "/mapping/trace")
    event = _object(members.get("event", {}), "/mapping/event")
    _only(event, {"activity", "at", "person", "unit", "transition"}, "/mapping/event")
    activities = members.get("activities", {})
    if not isinstance(activities, dict) or len(activities) > MAX_ACTIVITIES:
        raise _wrong("activities: an object", "/mapping/activities")
    return LogMapping(
        system=_code(members, "system"),
        item=_code(members, "item"),
        zone=_zone(members.get("zone", "UTC")),
        precision=_precision(members),
        id=_text(trace.get("id", "concept:name"), "/mapping/trace/id"),
        end=_optional(trace, "end", "/mapping/trace"),
        deadline=_optional(trace, "deadline", "/mapping/trace"),
        facts=_facts(trace, "/mapping/trace"),
        activity=_text(event.get("activity", "concept:name"), "/mapping/event/activity"),
        at=_text(event.get("at", "time:timestamp"), "/mapping/event/at"),
        person=_optional(event, "person", "/mapping/event"),
        unit=_optional(event, "unit", "/mapping/event"),
        transition=_optional(event, "transition", "/mapping/event"),
        activities={
            _text(name, "/mapping/activities"): _activity(told, f"/mapping/activities/{n}")
            for n, (name, told) in enumerate(activities.items())
        },
    )


def of_any_log(name: str) -> dict[str, Json]:
    """Return a mapping for an event log of which nothing is known but the standard's words."""
    system = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:60] or "log"
    return {
        "system": system,
        "item": f"{system}-case",
        "trace": {"id": "concept:name"},
        "event": {
            "person": "org:resource",
            "unit": "org:group",
            "transition": "lifecycle:transition",
        },
    }


def _activity(data: Json, pointer: str) -> Activity:
    members = _object(data, pointer)
    _only(members, {"type", "data", "checks"}, pointer)
    kind = members.get("type", "acted-elsewhere")
    details = _object(members.get("data", {}), f"{pointer}/data")
    if kind != "acted-elsewhere":
        _act({"type": kind, "at": "at", "data": details}, pointer)
    elif details:
        raise _wrong("more than that it was done", f"{pointer}/data")
    if _columns_of(details):
        raise _wrong("an event of a log has no columns", f"{pointer}/data")
    checks = members.get("checks", [])
    named = [checks] if isinstance(checks, str) else checks
    if not isinstance(named, list) or len(named) > MAX_ACTS:
        raise _wrong("checks: an activity, or some", f"{pointer}/checks")
    return Activity(str(kind), details, tuple(_text(c, f"{pointer}/checks") for c in named))


def _optional(members: Mapping[str, Json], name: str, pointer: str) -> str | None:
    value = members.get(name)
    return None if value is None else _text(value, f"{pointer}/{name}")


def _facts(members: Mapping[str, Json], pointer: str) -> tuple[str, ...]:
    facts = members.get("facts", [])
    if not isinstance(facts, list) or len(facts) > MAX_FACTS:
        raise _wrong("facts: a list of columns", f"{pointer}/facts")
    return tuple(_text(name, f"{pointer}/facts/{n}") for n, name in enumerate(facts))


def _precision(members: Mapping[str, Json]) -> str:
    precision = members.get("precision", "second")
    if precision not in ("second", "day"):
        raise _wrong("precision: second or day", "/mapping/precision")
    return str(precision)


def _of_rows(members: dict[str, Json]) -> RowMapping:
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
    facts = _facts(members, "/mapping")
    applicant = _object(members.get("applicant", {}), "/mapping/applicant")
    _only(applicant, {"name", "id", "id_scheme"}, "/mapping/applicant")
    naming = {applicant.get("name"), applicant.get("id")}
    kept = {members.get("id"), *facts}.union(*(_columns_of(act.data) for act in read_acts))
    if (naming - {None}) & kept:
        # Encrypted there, and in clear here.
        raise _wrong("what names the applicant is kept as nothing else", "/mapping/applicant")
    return RowMapping(
        system=_code(members, "system"),
        item=_code(members, "item"),
        id=_text(members.get("id"), "/mapping/id"),
        zone=_zone(members.get("zone", "UTC")),
        precision=_precision(members),
        acts=read_acts,
        applicant={k: _text(v, f"/mapping/applicant/{k}") for k, v in applicant.items()},
        facts=facts,
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
    try:
        changed(kind, _blank(details), lambda _path, _whose, value: value)
    except KeyError:
        raise _wrong(f"more than {kind} records", f"{pointer}/data") from None
    when = members.get("when")
    return Act(
        type=kind,
        at=_text(members.get("at"), f"{pointer}/at"),
        when=None if when is None else _text(when, f"{pointer}/when"),
        data=details,
    )


def _blank(value: Json) -> Json:
    """Return details as a row without values would fill them."""
    if not isinstance(value, dict):
        return value
    return "" if is_column(value) else {name: _blank(one) for name, one in value.items()}


def _columns_of(value: Json) -> frozenset[str]:
    if not isinstance(value, dict):
        return frozenset()
    if is_column(value):
        return frozenset({value[COLUMN]})
    return frozenset().union(*(_columns_of(v) for v in value.values())) if value else frozenset()


def is_column(value: Mapping[str, Json]) -> bool:
    """Tell whether a value stands for what a column holds."""
    return set(value) == {COLUMN} and isinstance(value[COLUMN], str)


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
