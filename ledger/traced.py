"""Traces of another system's event log: a case with all its acts, by whom and of which kind.

Every event of a trace is kept, in the order of the log and with its own time: one that no
activity of the mapping names becomes `acted-elsewhere`, and one after the end of the trace is
a fact that a finding tells.  Officers are named as persons of that system and of no other.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger.imported import AHEAD, TEXT_CHARS, Found, Happening, Quarantined, instant
from ledger.imported import read as read_row
from ledger.mapping import NAME_CHARS, Activity, LogMapping, RowMapping, flaw

Cells = Mapping[str, Any]

# An act of the other system that is none of ours.
ELSEWHERE = "acted-elsewhere"


def judged(cells: Cells, by: RowMapping | LogMapping, now: datetime) -> Found | Quarantined:
    """Read a row of a file, or a trace of a log, by its mapping."""
    if isinstance(by, LogMapping):
        return read(cells, by, now)
    return read_row(cells, by, now)


def read(cells: Cells, by: LogMapping, now: datetime) -> Found | Quarantined:
    """Read a trace as what happened, or say by which code it is set aside."""
    trace: Mapping[str, str] = cells["trace"]
    own_id = trace.get(by.id, "").strip()
    if not own_id:
        return Quarantined("missing-id")
    wrong = flaw(own_id, NAME_CHARS)
    if wrong:
        return Quarantined(wrong)
    kept = {name: trace[name] for name in by.facts if trace.get(name)}
    for value in kept.values():
        wrong = flaw(value, TEXT_CHARS)
        if wrong:
            return Quarantined(wrong, own_id)
    times = _times(trace, by)
    if isinstance(times, str):
        return Quarantined(times, own_id)
    acts = _acts(cells["events"], by, now)
    if isinstance(acts, str):
        return Quarantined(acts, own_id)
    ended = times.get("ended")
    if ended is not None:
        if ended > now + AHEAD:
            return Quarantined("in-future", own_id)
        acts = (*acts, Happening("closed", ended, {}))
    facts = {**kept, **{name: at.isoformat() for name, at in times.items()}}
    return Found(own_id, {}, facts, acts)


def _times(trace: Mapping[str, str], by: LogMapping) -> Mapping[str, datetime] | str:
    """Read when a trace ended and by when it should have; a code where that is no time."""
    found = {}
    for name, column in (("deadline", by.deadline), ("ended", by.end)):
        text = trace.get(column, "").strip() if column is not None else ""
        if text:
            at = instant(text, by.zone)
            if at is None:
                return "bad-time"
            found[name] = at
    return found


def _acts(
    events: list[Mapping[str, str]], by: LogMapping, now: datetime
) -> tuple[Happening, ...] | str:
    if not events:
        return "missing-time"
    found: list[Happening] = []
    for told in events:
        at = instant(told.get(by.at, "").strip(), by.zone)
        if at is None:
            return "bad-time" if told.get(by.at) else "missing-time"
        if at > now + AHEAD:
            return "in-future"
        act = _happening(told, by, at, first=not found)
        if isinstance(act, str):
            return act
        found.append(act)
    return tuple(found)


def _happening(
    told: Mapping[str, str], by: LogMapping, at: datetime, *, first: bool
) -> Happening | str:
    names = {
        "activity": told.get(by.activity),
        "transition": told.get(by.transition) if by.transition else None,
        "unit": told.get(by.unit) if by.unit else None,
        "person": told.get(by.person) if by.person else None,
    }
    known = {name: value for name, value in names.items() if value}
    for value in known.values():
        wrong = flaw(value, NAME_CHARS)
        if wrong:
            return wrong
    rule = by.activities.get(known.get("activity", ""), Activity(ELSEWHERE))
    kind = rule.type
    # A case begins with its receipt, whatever the other system called that, and only once.
    if first:
        kind = "received"
    elif kind == "received":
        kind = ELSEWHERE
    person = known.pop("person", None)
    checks = {"checks": list(rule.checks)} if rule.checks else {}
    return Happening(
        kind,
        at,
        rule.data if kind == rule.type else {},
        person=f"{by.system}:{person}" if person else None,
        name=person,
        source={**known, **checks},
    )
