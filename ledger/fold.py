"""What each event does to a case: one function an event, and which limits it opens or meets.

The other half of `case`; what follows the review stands in `fold_result`.  A case is changed
in place here, while it is being built; nobody else ever changes one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from ledger.fold_permit import OF_PERMIT, applied
from ledger.fold_result import OF_RESULT, push_due
from ledger.fold_supervision import OF_SUPERVISION
from ledger.lifecycle import Stage
from ledger.limit import Extension, Pause
from ledger.runs import days, done, ended, met, opened, policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ledger.case import Case, Data, Event


def _received(case: Case, event: Event) -> None:
    data = event.data
    for register, number in event.registers.items():
        case.register, case.number = register, number
    case.stage = Stage.RECEIVED
    case.source = event.source
    case.terms = data.get("terms", {})
    case.applicant = data["applicant"]
    case.channel = data["channel"]
    case.organ = data.get("organ") or event.actor.organ
    case.received_on = case.on(event.occurred_at)
    case.materials = tuple(data.get("materials", ()))
    case.visible_first = frozenset(m["name"] for m in case.materials)
    case.matter = data.get("matter")
    case.holder = {"unit": event.actor.organ, "person": event.actor.person}
    done(case, event, "receive")
    if case.source is None:
        opened(case, event, "supplement", days(case, "supplement"), case.received_on)
        applied(case, event)


def _corrected_on_spot(case: Case, event: Event) -> None:
    done(case, event, "correct-on-spot")


def _supplement_requested(case: Case, event: Event) -> None:
    data = event.data
    served = data.get("served_at")
    if case.stage in (Stage.RECEIVED, Stage.SUPPLEMENTING) and not data.get("delays_nothing"):
        names = tuple(m["material"] for m in data["missing"])
        case.complete_on = None
        case.listed = (*case.listed, *names)
        case.outstanding = case.outstanding | frozenset(names)
        case.stage = Stage.SUPPLEMENTING
        if served is not None:
            met(case, "supplement", date.fromisoformat(served))
    done(case, event, "request-supplement")


def _supplement_received(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    names = frozenset(m["name"] for m in event.data["materials"])
    case.materials = (*case.materials, *event.data["materials"])
    if case.stage == Stage.SUPPLEMENTING and case.outstanding:
        case.outstanding = case.outstanding - names
        if not case.outstanding:
            case.complete_on = on
            if case.open_run("supplement") is None:
                opened(case, event, "supplement", days(case, "supplement"), on)
    if case.owed:
        case.owed = case.owed - names
        if not case.owed:
            met(case, "stage:owed", event.occurred_at)
    done(case, event, "receive-supplement")


def _accepted(case: Case, event: Event) -> None:
    case.deemed = event.type == "deemed-accepted"
    on = case.on(event.occurred_at)
    start, rule = _acceptance(case, on)
    case.terms = _numbered_as(case, event.data.get("terms", case.terms))
    case.stage = Stage.ACCEPTED
    case.accepted_on = start
    met(case, "supplement", event.occurred_at)
    if not case.deemed:
        done(case, event, "accept")
    if case.source is not None:
        return  # imported: no terms of ours
    case.committed = event.data.get("commitment") is not None
    limits = case.terms["limits"]
    if case.terms["kind"] == "filing":
        opened(case, event, "promised", int(limits["promised"]), start, rule=rule, met=start)
        push_due(case, event, "grant", start)
        return
    opened(case, event, "statutory", int(limits["statutory"]), start, rule=rule)
    opened(case, event, "promised", int(limits["promised"]), start, rule=rule)
    tolerated = event.data.get("tolerant") or ()
    if tolerated:
        case.owed = frozenset(m["material"] for m in tolerated)
        budget = int(event.data.get("owed_days") or limits["promised"])
        opened(case, event, "stage:owed", budget, start)


def _numbered_as(case: Case, terms: Data) -> Data:
    """Return new terms with the pattern the case was numbered by: its number does not change."""
    before = case.terms.get("policies", {}).get("numbers")
    if before is None or terms is case.terms:
        return terms
    return {**terms, "policies": {**terms["policies"], "numbers": before}}


def _acceptance(case: Case, on: date) -> tuple[date, str]:
    """Tell the day acceptance counts from, and by which rule (DOMAIN: acceptance date)."""
    if case.deemed:
        return case.complete_on or case.received_on or on, "acceptance.deemed"
    if case.complete_on is not None:
        return case.complete_on, "acceptance.when-complete"
    return on, "acceptance.accepted"


def _declined(case: Case, event: Event) -> None:
    case.stage = Stage.DECLINED
    met(case, "supplement", event.occurred_at)
    ended(case, event.occurred_at)
    case.closed_on = case.on(event.occurred_at)
    done(case, event, "decline")


def _transferred(case: Case, event: Event) -> None:
    to = event.data["to"]
    case.pending = {
        "to": to,
        "from": {"unit": event.actor.organ, "person": event.actor.person},
        "position": event.position,
    }
    case.parts = case.parts | {to["unit"]}
    ended(case, event.occurred_at, "stage:transfer")  # nobody could take it any more
    done(case, event, "transfer")
    opened(case, event, "stage:transfer", days(case, "transfer"), case.on(event.occurred_at))


def _transfer_acknowledged(case: Case, event: Event) -> None:
    case.pending = None
    case.holder = {"unit": event.actor.organ, "person": event.actor.person}
    met(case, "stage:transfer", event.occurred_at)
    done(case, event, "acknowledge-transfer")
    if case.stage == Stage.ACCEPTED:
        case.stage = Stage.IN_REVIEW


def _transfer_refused(case: Case, event: Event) -> None:
    case.pending = None
    met(case, "stage:transfer", event.occurred_at)


def _reviewed(case: Case, event: Event) -> None:
    data = event.data
    opinion = {**data, "by": event.actor.person, "event": event.id, "position": event.position}
    case.opinions = (*case.opinions, opinion)
    done(case, event, f"review:{data['level']}")
    if case.stage == Stage.ACCEPTED:
        case.stage = Stage.IN_REVIEW


def _suspended(case: Case, event: Event) -> None:
    data = event.data
    effective = bool(data.get("notice"))
    entry = {**data, "effective": effective, "event": event.id, "position": event.position}
    case.suspensions = (*case.suspensions, entry)
    if data.get("presider"):
        presides = {"duty": "preside", "person": data["presider"], "event": event.id}
        case.duties = (*case.duties, {**presides, "position": event.position})
    done(case, event, "suspend")
    if not effective:
        return
    if case.stage != Stage.SUSPENDED:
        case.stage_before = case.stage
        case.stage = Stage.SUSPENDED
    on = case.on(event.occurred_at)
    served = data.get("served_at")
    start = max(on, date.fromisoformat(served)) if served else on
    kind = data["kind"]
    # A second one of the kind orders the hearing; the clock stands since the first.
    if not any(p.kind == kind and p.end is None for p in case.pauses):
        pause = Pause(
            kind=kind,
            start=start,
            end=None,
            planned_days=int(data.get("planned_days") or 0),
            position=event.position,
            rule=str(policy(case, "deadlines").get("suspension", "suspension.after-start")),
        )
        case.pauses = (*case.pauses, pause)
        if data.get("planned_days"):
            special = int(data["planned_days"])
            opened(case, event, "special", special, start, data={"kind": kind})
    if kind == "hearing":
        _hearing(case, event, start)


def _hearing(case: Case, event: Event, start: date) -> None:
    """Open the time to ask for a hearing, or that to hold the one that was ordered."""
    data = event.data
    if not data.get("held_on"):
        opened(case, event, "stage:hearing-request", days(case, "hearing_request"), start)
        return
    asked = data.get("requested_at")
    begun = date.fromisoformat(asked) if asked else case.on(event.occurred_at)
    met(case, "stage:hearing-request", begun if asked else event.occurred_at)
    opened(case, event, "stage:hearing", days(case, "hearing"), begun)


def _resumed(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    kind = event.data["kind"]
    until = date.fromisoformat(event.data.get("ended_on") or on.isoformat())
    case.pauses = tuple(
        replace(p, end=until) if p.kind == kind and p.end is None else p for p in case.pauses
    )
    met(case, "special", event.occurred_at, kind)
    if kind == "hearing":
        met(case, "stage:hearing", event.occurred_at)
        met(case, "stage:hearing-request", event.occurred_at)
    if all(p.end is not None for p in case.pauses):
        case.stage = case.stage_before
    done(case, event, "resume")


def _extended(case: Case, event: Event) -> None:
    extension = Extension(
        days=int(event.data["days"]),
        position=event.position,
        effective=bool(event.data["effective"]),
    )
    case.extensions = (*case.extensions, extension)
    done(case, event, "extend")


def _given_up(case: Case, event: Event) -> None:
    case.stage = Stage.WITHDRAWN if event.type == "withdrawn" else Stage.TERMINATED
    case.closed_on = case.on(event.occurred_at)
    ended(case, event.occurred_at)
    done(case, event, "withdraw" if event.type == "withdrawn" else "terminate")


def _correction_proposed(case: Case, event: Event) -> None:
    entry = {**event.data, "id": event.id, "by": event.actor.person, "approved": False}
    case.corrections = (*case.corrections, {**entry, "organ": event.actor.organ})


def _correction_approved(case: Case, event: Event) -> None:
    case.corrections = tuple(
        {**c, "approved": True, "approved_by": event.actor.person}
        if c["id"] == event.data["event"]
        else c
        for c in case.corrections
    )


def _recusal_declared(case: Case, event: Event) -> None:
    stepped_back = dict.fromkeys(event.actor.persons, event.position)
    case.recused = {**stepped_back, **case.recused}


FOLD: Mapping[str, Callable[[Case, Event], None]] = {
    **OF_RESULT,
    **OF_PERMIT,
    **OF_SUPERVISION,
    "received": _received,
    "corrected-on-spot": _corrected_on_spot,
    "supplement-requested": _supplement_requested,
    "supplement-received": _supplement_received,
    "accepted": _accepted,
    "deemed-accepted": _accepted,
    "declined": _declined,
    "transferred": _transferred,
    "transfer-acknowledged": _transfer_acknowledged,
    "transfer-refused": _transfer_refused,
    "reviewed": _reviewed,
    "suspended": _suspended,
    "resumed": _resumed,
    "extended": _extended,
    "withdrawn": _given_up,
    "terminated": _given_up,
    "correction-proposed": _correction_proposed,
    "correction-approved": _correction_approved,
    "recusal-declared": _recusal_declared,
}

# What an act was flagged for holds as long as it is so: a correction may put it right.
HOLDS: Mapping[str, Callable[[Case, Event], bool]] = {
    "late-notice": lambda case, _: case.deemed,
    "extension-after-due": lambda _, event: not event.data["effective"],
}
