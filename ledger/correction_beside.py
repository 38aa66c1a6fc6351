"""Corrections of complaints and matters (更正): proposed by one person, approved by another.

As on cases: the record stays, an event names the position that it puts right, and the fold
uses the new values.  What was decided or asked of somebody is undone by an act of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger.case import Data, Event, Events, Json
from ledger.correction import alike, instant
from ledger.errors import Refused
from ledger.occasion import AHEAD, Occasion

PROPOSED, APPROVED = "correction-proposed", "correction-approved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """What is corrected: its events, what may be put right of each, and how it is folded.

    `own` tells whether an act is of the line of whoever corrects it, `tried` folds with one
    correction more and measures what follows.
    """

    events: Events
    table: Mapping[str, frozenset[str]]
    own: Callable[[Event], bool]
    tried: Callable[[Data], object]


def corrections(events: Events) -> tuple[Data, ...]:
    """List what was proposed, and whether it was approved."""
    approved = {e.data["event"] for e in events if e.type.endswith(APPROVED)}
    return tuple(
        {
            **event.data,
            "id": event.id,
            "by": event.actor.person,
            "organ": event.actor.organ,
            "approved": event.id in approved,
        }
        for event in events
        if event.type.endswith(PROPOSED)
    )


def proposal(
    of: Corrected, on: Occasion, *, event_id: str, fields: Data, evidence: str | None
) -> Data:
    """Propose to put an earlier record right; nothing changes until it is approved."""
    target = _target(of, event_id)
    if not of.own(target):
        raise Refused("action-not-allowed", "another organ puts that right")
    if evidence is None:
        raise Refused(
            "schema", "a correction has evidence", rule="correction.evidence", pointer="/evidence"
        )
    if not fields or set(fields) - of.table.get(target.type, frozenset()):
        raise Refused("rule-refused", "that cannot be corrected here", rule="correction.fields")
    for name, value in fields.items():
        _possible(of, on, target, name, value)
    return {
        "event": event_id,
        "of": target.type,
        "position": target.position,
        "fields": dict(fields),
        "evidence": evidence,
    }


def approval(of: Corrected, on: Occasion, *, event_id: str) -> Data:
    """Approve a correction; who proposed it does not (SOD-9)."""
    found = next((c for c in corrections(of.events) if c["id"] == event_id), None)
    if found is None:
        raise Refused("unknown-reference", "no such correction", pointer="/event")
    if not of.own(_target(of, found["event"])):
        raise Refused("action-not-allowed", "another organ puts that right")
    proposed = next(e for e in of.events if e.id == event_id)
    if proposed.actor.persons & on.by.persons:
        raise Refused(
            "separation-of-duties",
            "who proposed a correction does not approve it",
            rule="SOD-9",
            earlier_position=proposed.position,
        )
    if found["approved"]:
        raise Refused("already-done", "it is approved", rule="correction.once")
    # Another correction may have come between.
    if not _folds(of, found):
        raise Refused("rule-refused", "it no longer fits", rule="correction.fields")
    return {"event": event_id}


def _target(of: Corrected, event_id: str) -> Event:
    found = next((e for e in of.events if e.id == event_id), None)
    if found is None:
        raise Refused("unknown-reference", "no such event here", pointer="/event")
    return found


def _possible(of: Corrected, on: Occasion, target: Event, name: str, value: Json) -> None:
    """Refuse a value that this could not be folded with: it would be lost for good."""
    pointer = f"/fields/{name}"
    if name == "occurred_at" and instant(value, pointer) > on.now + AHEAD:
        raise Refused("occurred-in-future", "occurred_at lies ahead", pointer=pointer)
    tried = {"event": target.id, "fields": {name: value}}
    if not alike(target, name, value) or not _folds(of, tried):
        raise Refused("schema", "not of the form that was recorded", pointer=pointer)


def _folds(of: Corrected, correction: Data) -> bool:
    try:
        of.tried(correction)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False
    return True
