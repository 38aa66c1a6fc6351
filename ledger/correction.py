"""Corrections (更正): two acts by two people; the record stays, and the fold uses the new values.

A value that the case could not be folded with would be its loss, since what is recorded stays
recorded: so every correction is tried before it is proposed, and again before it is approved.
"""

from collections.abc import Mapping
from datetime import date, datetime

from ledger.case import Case, Data, Event, Events, Json, replay
from ledger.due import in_time, measured, newest
from ledger.errors import Refused
from ledger.lifecycle import ACTION_OF, RULES
from ledger.occasion import AHEAD, Occasion, event

# What was written down, by type of event; besides, when it happened.  What an act decided or
# bound (an outcome, an opinion, the seal and the digest it was set under, who was told) is
# undone by an act of its own, and what the ledger put into a record follows from the rest.
CORRECTABLE: Mapping[str, frozenset[str]] = {
    "received": frozenset({"applicant", "channel", "materials"}),
    "corrected-on-spot": frozenset({"corrected"}),
    "supplement-requested": frozenset({"missing", "served_at", "notice"}),
    "supplement-received": frozenset({"materials"}),
    "accepted": frozenset(),
    "declined": frozenset({"notice"}),
    "transferred": frozenset({"handed_over"}),
    "transfer-acknowledged": frozenset(),
    "transfer-refused": frozenset(),
    "reviewed": frozenset(),
    "suspended": frozenset({"planned_days", "served_at", "requested_at"}),
    "resumed": frozenset({"result"}),
    "extended": frozenset(),
    "number-reserved": frozenset(),
    "number-voided": frozenset(),
    # Of the document only how long it is valid.
    "decided": frozenset({"document"}),
    "sealed": frozenset({"copies"}),
    "seal-voided": frozenset(),
    "issued": frozenset({"method", "recipient", "receipt"}),
    "published": frozenset({"where", "left_out"}),
    "pushed": frozenset(),
    "claimed": frozenset(),
    "archived": frozenset({"package", "retention", "items"}),
    "terminated": frozenset({"evidence"}),
    "permit-recalled": frozenset({"compensation", "notice"}),
    "permit-revoked": frozenset({"notice", "served_at"}),
    "deregistered": frozenset({"request"}),
    "amended": frozenset({"changes"}),
    "renewed": frozenset(),
    "inspected": frozenset({"text", "persons", "evidence"}),
    "revocation-proposed": frozenset({"evidence"}),
    "supervised": frozenset({"due"}),
    "alert-answered": frozenset(),
    "alert-withdrawn": frozenset(),
    "evaluated": frozenset({"channel", "call_reference"}),
    "called-back": frozenset({"text"}),
    "review-verified": frozenset(),
    "rectified": frozenset({"evidence"}),
    "fed-back": frozenset({"method"}),
    "review-closed": frozenset(),
    "remedy-recorded": frozenset({"filed_on", "evidence_due", "document"}),
    "remedy-result-recorded": frozenset({"document"}),
    "investigation-opened": frozenset({"clue"}),
    "finding-recorded": frozenset({"evidence", "place", "found_on"}),
    "penalised": frozenset({"served_at", "text"}),
    "permit-cancelled": frozenset({"served_at"}),
    "sanctioned": frozenset({"until"}),
    "investigation-closed": frozenset({"report"}),
    "closed": frozenset(),
    "withdrawn": frozenset({"request"}),
    "recusal-declared": frozenset({"interest"}),
    "intervention-recorded": frozenset(),
}
_VALIDITY = frozenset({"valid_from", "valid_to"})


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
    if not fields or set(fields) - given(target):
        raise Refused("rule-refused", "that cannot be corrected here", rule="correction.fields")
    for name, value in fields.items():
        _possible_value(case, on, target, name, value)
    new = {**fields, **_following(case, on, target, fields)}
    if "void" in new and not _stands_without(case, target):
        raise Refused("rule-refused", "what was done since rests on it", rule="correction.fields")
    data = {"event": event_id, "of": target.type, "fields": new, "evidence": evidence}
    return (event(case, on, "correction-proposed", data),)


def given(target: Event) -> frozenset[str]:
    """Name what may be corrected of an event; of what the law did, that it did it (`void`)."""
    if target.actor.kind == "by-law":
        return frozenset({"void"})
    if target.type not in CORRECTABLE:
        return frozenset()
    return CORRECTABLE[target.type] | {"occurred_at"}


def _following(case: Case, on: Occasion, target: Event, fields: Data) -> Data:
    """Return what the ledger itself had put into the record, as it follows from new values.

    An extension has effect if it was approved on or before the day that was due without it.
    """
    if target.type != "extended" or "occurred_at" not in fields:
        return {}
    without = {"event": target.id, "fields": {"effective": False}}
    before = replay(case.events, case.zone, tried=without)
    limit = newest(before, on.office, "statutory", on.now)
    approved = datetime.fromisoformat(fields["occurred_at"])
    return {"effective": in_time(limit, case, approved)}


def _stands_without(case: Case, target: Event) -> bool:
    """Tell whether everything done since was possible if this had not happened."""
    void = {"event": target.id, "fields": {"void": True}}
    for n, later in enumerate(case.events):
        if later.version <= target.version or later.type not in ACTION_OF:
            continue
        rule = RULES[ACTION_OF[later.type]]
        before = replay(case.events[:n], case.zone, tried=void)
        if before.stage not in rule.when and not (rule.late and before.decision is not None):
            return False
    return True


def _possible_value(case: Case, on: Occasion, target: Event, name: str, value: Json) -> None:
    """Refuse a value that the case could not be folded with: it would be lost for good."""
    pointer = f"/fields/{name}"
    if name == "occurred_at":
        at = instant(value, pointer)
        if at > on.now + AHEAD:
            raise Refused("occurred-in-future", "occurred_at lies ahead", pointer=pointer)
    if name == "served_at" and _day(value, pointer) > case.on(on.now):
        raise Refused("schema", "the notice is not served yet", pointer=pointer)
    if (target.type, name) == ("decided", "document") and not _same_document(target, value):
        raise Refused(
            "rule-refused", "what was decided on stays that document", rule="correction.fields"
        )
    tried = {"event": target.id, "fields": {name: value}}
    if not alike(target, name, value) or not _folds(case, on, tried):
        raise Refused("schema", "not of the form that was recorded", pointer=pointer)


def _same_document(target: Event, value: Json) -> bool:
    """Tell whether only the time that a document is valid differs from what was decided."""
    if not isinstance(value, dict):
        return False
    decided = target.data.get("document") or {}
    return all(value.get(name) == decided.get(name) for name in {*value, *decided} - _VALIDITY)


def alike(target: Event, name: str, value: Json) -> bool:
    """Tell whether a new value is of the form that was recorded, as far as that is seen."""
    if name == "void":
        return value is True
    if name not in target.data and name != "occurred_at":
        return value is not None  # left out then, and of the form that the act would take
    recorded = target.data.get(name, "")
    # What belongs to a person is recorded as ciphertext: its form is not seen here.
    hidden = isinstance(recorded, dict) and "enc" in recorded
    return hidden or type(value) is type(recorded)


def instant(value: Json, pointer: str) -> datetime:
    """Read a corrected time, which has an offset."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused("schema", "not a time", pointer=pointer) from None
    if at.tzinfo is None:
        raise Refused("schema", "a time has an offset", pointer=pointer)
    return at


def _day(value: Json, pointer: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused("schema", "not a day", pointer=pointer) from None


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
    proposed = next(e for e in case.events if e.id == event_id)
    if proposed.actor.persons & on.by.persons:
        raise Refused(
            "separation-of-duties",
            "who proposed a correction does not approve it",
            rule="SOD-9",
            earlier_position=proposed.position,
        )
    if found["approved"]:
        raise Refused("already-done", "it is approved", rule="correction.once")
    target = case.event(found["event"])
    # Another correction may have come between.
    void = found["fields"].get("void")
    if (
        target is None
        or not _folds(case, on, found)
        or (void and not _stands_without(case, target))
    ):
        raise Refused("rule-refused", "it no longer fits the case", rule="correction.fields")
    return (event(case, on, "correction-approved", {"event": event_id}),)
