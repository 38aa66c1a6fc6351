"""Corrections (更正): two acts by two people; the record stays, and the fold uses the new values.

A value that the case could not be folded with would be its loss, since what is recorded stays
recorded: so every correction is tried before it is proposed, and again before it is approved.
"""

from datetime import datetime

from ledger.case import Case, Data, Event, Events, Json, replay
from ledger.due import measured
from ledger.errors import Refused
from ledger.occasion import AHEAD, Occasion, event

# What the ledger itself put into a record follows from the rest, or names another record.
DERIVED = frozenset(
    {
        "item",
        "terms",
        "effective",
        "delays_nothing",
        "duty_policy",
        "authorised_by",
        "event",
        "of",
        "fields",
    }
)


def correct(
    case: Case, on: Occasion, *, event_id: str, fields: Data, evidence: str | None = None
) -> Events:
    """Propose to put an earlier record right (更正); nothing changes until it is approved."""
    target = case.event(event_id)
    if target is None:
        raise Refused("unknown-reference", "no such event of this case", pointer="/event")
    if evidence is None:
        raise Refused(
            "schema", "a correction has evidence", rule="correction.evidence", pointer="/evidence"
        )
    by_law = target.actor.kind == "by-law"
    given = {"void"} if by_law else {"occurred_at", *target.data} - DERIVED
    if not fields or set(fields) - given:
        raise Refused("rule-refused", "that cannot be corrected here", rule="correction.fields")
    for name, value in fields.items():
        _possible_value(case, on, target, name, value)
    data = {"event": event_id, "of": target.type, "fields": dict(fields), "evidence": evidence}
    return (event(case, on, "correction-proposed", data),)


def _possible_value(case: Case, on: Occasion, target: Event, name: str, value: Json) -> None:
    """Refuse a value that the case could not be folded with: it would be lost for good."""
    pointer = f"/fields/{name}"
    if name == "occurred_at":
        at = _instant(value, pointer)
        if at > on.now + AHEAD:
            raise Refused("occurred-in-future", "occurred_at lies ahead", pointer=pointer)
    tried = {"event": target.id, "fields": {name: value}}
    if not _alike(target, name, value) or not _folds(case, on, tried):
        raise Refused("schema", "not of the form that was recorded", pointer=pointer)


def _alike(target: Event, name: str, value: Json) -> bool:
    if name == "void":
        return value is True
    recorded = target.data.get(name, "")
    # What belongs to a person is recorded as ciphertext: its form is not seen here.
    hidden = isinstance(recorded, dict) and "enc" in recorded
    return hidden or type(value) is type(recorded)


def _instant(value: Json, pointer: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused("schema", "not a time", pointer=pointer) from None
    if at.tzinfo is None:
        raise Refused("schema", "a time has an offset", pointer=pointer)
    return at


def _folds(case: Case, on: Occasion, correction: Data) -> bool:
    try:
        measured(replay(case.events, case.zone, tried=correction), on.office, on.now)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False
    return True


def approve_correction(case: Case, on: Occasion, *, event_id: str) -> Events:
    """Approve a correction; who proposed it does not (SOD-9)."""
    found = next((c for c in case.corrections if c["id"] == event_id), None)
    if found is None:
        raise Refused("unknown-reference", "no such correction", pointer="/event")
    if found["by"] == on.by.person:
        position = next(e.position for e in case.events if e.id == event_id)
        raise Refused(
            "separation-of-duties",
            "who proposed a correction does not approve it",
            rule="SOD-9",
            earlier_position=position,
        )
    if found["approved"]:
        raise Refused("already-done", "it is approved", rule="correction.once")
    target = case.event(found["event"])
    # Another correction may have come between.
    if target is None or not _folds(case, on, found):
        raise Refused("rule-refused", "it no longer fits the case", rule="correction.fields")
    return (event(case, on, "correction-approved", {"event": event_id}),)
