"""What each event does to a case: one function an event, and which deadlines it opens or meets.

The other half of `case`: parted so that either can be read at one sitting.  A case is
changed in place here, while it is being built; nobody else ever changes one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from ledger.lifecycle import Stage
from ledger.limit import Extension, Pause, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ledger.case import Case, Data, Event, Json

# -- time ---------------------------------------------------------------------------------


def _open(case: Case, event: Event, name: str, budget: int, start: date, **more: Json) -> None:
    if case.source is not None:
        return  # what happened elsewhere is a fact; our limits did not bind it
    run = Run(
        name=name,
        unit=more.pop("unit", "working-day"),
        budget=budget,
        start=start,
        rule=more.pop("rule", "deadline.day-after"),
        opened=event.position,
        opened_at=event.recorded_at or event.occurred_at,
        pausable=name in ("statutory", "promised"),
        **more,
    )
    case.runs = (*case.runs, run)


def _meet(case: Case, name: str, on: date, kind: str | None = None) -> None:
    for i in range(len(case.runs) - 1, -1, -1):
        run = case.runs[i]
        if run.name == name and run.data.get("kind") == kind:
            if run.met is None and run.ended is None:
                runs = list(case.runs)
                runs[i] = replace(run, met=on)
                case.runs = tuple(runs)
            return


def _end(case: Case, on: date, name: str | None = None) -> None:
    """End what runs (under one name, or all): the case has taken the duty away."""
    case.runs = tuple(
        replace(run, ended=on)
        if run.met is None and run.ended is None and name in (None, run.name)
        else run
        for run in case.runs
    )


def _done(case: Case, event: Event, duty: str) -> None:
    done = {
        "duty": duty,
        "person": event.actor.person,
        "organ": event.actor.organ,
        "event": event.id,
        "position": event.position,
    }
    case.duties = (*case.duties, done)


def _policy(case: Case, kind: str) -> Data:
    policies: Mapping[str, Data] = case.terms.get("policies", {})
    return policies.get(kind, {})


# -- one function an event ----------------------------------------------------------------


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
    case.holder = {"unit": event.actor.organ, "person": event.actor.person}
    _done(case, event, "receive")
    if case.source is None:
        _open(case, event, "supplement", _days(case, "supplement"), case.received_on)


def _corrected_on_spot(case: Case, event: Event) -> None:
    _done(case, event, "correct-on-spot")


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
            _meet(case, "supplement", date.fromisoformat(served))
    _done(case, event, "request-supplement")


def _supplement_received(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    names = frozenset(m["name"] for m in event.data["materials"])
    case.materials = (*case.materials, *event.data["materials"])
    if case.stage == Stage.SUPPLEMENTING and case.outstanding:
        case.outstanding = case.outstanding - names
        if not case.outstanding:
            case.complete_on = on
            if case.open_run("supplement") is None:
                _open(case, event, "supplement", _days(case, "supplement"), on)
    if case.owed:
        case.owed = case.owed - names
        if not case.owed:
            _meet(case, "stage:owed", on)


def _accepted(case: Case, event: Event) -> None:
    case.deemed = event.type == "deemed-accepted"
    on = case.on(event.occurred_at)
    start, rule = _acceptance(case, on)
    case.terms = _numbered_as(case, event.data.get("terms", case.terms))
    case.stage = Stage.ACCEPTED
    case.accepted_on = start
    _meet(case, "supplement", on)
    if not case.deemed:
        _done(case, event, "accept")
    if case.source is not None:
        return  # imported: no terms of ours
    limits = case.terms["limits"]
    if case.terms["kind"] == "filing":
        _open(case, event, "promised", int(limits["promised"]), start, rule=rule, met=start)
        _open_push(case, event, "grant", start)
        return
    _open(case, event, "statutory", int(limits["statutory"]), start, rule=rule)
    _open(case, event, "promised", int(limits["promised"]), start, rule=rule)
    tolerated = event.data.get("tolerant") or ()
    if tolerated:
        case.owed = frozenset(m["material"] for m in tolerated)
        _open(case, event, "stage:owed", int(limits["promised"]), start)


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
    on = case.on(event.occurred_at)
    case.stage = Stage.DECLINED
    _meet(case, "supplement", on)
    _end(case, on)
    case.closed_on = on
    _done(case, event, "decline")


def _transferred(case: Case, event: Event) -> None:
    to = event.data["to"]
    case.pending = {
        "to": to,
        "from": {"unit": event.actor.organ, "person": event.actor.person},
        "position": event.position,
    }
    case.parts = case.parts | {to["unit"]}
    _end(case, case.on(event.occurred_at), "stage:transfer")  # nobody could take it any more
    _done(case, event, "transfer")
    _open(case, event, "stage:transfer", _days(case, "transfer"), case.on(event.occurred_at))


def _transfer_acknowledged(case: Case, event: Event) -> None:
    case.pending = None
    case.holder = {"unit": event.actor.organ, "person": event.actor.person}
    _meet(case, "stage:transfer", case.on(event.occurred_at))
    _done(case, event, "acknowledge-transfer")
    if case.stage == Stage.ACCEPTED:
        case.stage = Stage.IN_REVIEW


def _transfer_refused(case: Case, event: Event) -> None:
    case.pending = None
    _meet(case, "stage:transfer", case.on(event.occurred_at))


def _reviewed(case: Case, event: Event) -> None:
    data = event.data
    opinion = {**data, "by": event.actor.person, "event": event.id, "position": event.position}
    case.opinions = (*case.opinions, opinion)
    _done(case, event, f"review:{data['level']}")
    if case.stage == Stage.ACCEPTED:
        case.stage = Stage.IN_REVIEW


def _suspended(case: Case, event: Event) -> None:
    data = event.data
    effective = bool(data.get("notice"))
    entry = {**data, "effective": effective, "event": event.id, "position": event.position}
    case.suspensions = (*case.suspensions, entry)
    if data.get("presider"):
        done = {"duty": "preside", "person": data["presider"], "event": event.id}
        case.duties = (*case.duties, {**done, "position": event.position})
    _done(case, event, "suspend")
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
            rule=str(_policy(case, "deadlines").get("suspension", "suspension.after-start")),
        )
        case.pauses = (*case.pauses, pause)
        if data.get("planned_days"):
            special = int(data["planned_days"])
            _open(case, event, "special", special, start, data={"kind": kind})
    if kind == "hearing":
        _hearing(case, event, start)


def _hearing(case: Case, event: Event, start: date) -> None:
    """Open the time to ask for a hearing, or that to hold the one that was ordered."""
    data = event.data
    if not data.get("held_on"):
        _open(case, event, "stage:hearing-request", _days(case, "hearing_request"), start)
        return
    asked = data.get("requested_at")
    begun = date.fromisoformat(asked) if asked else case.on(event.occurred_at)
    _meet(case, "stage:hearing-request", begun)
    _open(case, event, "stage:hearing", _days(case, "hearing"), begun)


def _resumed(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    kind = event.data["kind"]
    ended = date.fromisoformat(event.data.get("ended_on") or on.isoformat())
    case.pauses = tuple(
        replace(p, end=ended) if p.kind == kind and p.end is None else p for p in case.pauses
    )
    _meet(case, "special", on, kind)
    if kind == "hearing":
        _meet(case, "stage:hearing", on)
        _meet(case, "stage:hearing-request", on)
    if all(p.end is not None for p in case.pauses):
        case.stage = case.stage_before
    _done(case, event, "resume")


def _extended(case: Case, event: Event) -> None:
    extension = Extension(
        days=int(event.data["days"]),
        position=event.position,
        effective=bool(event.data["effective"]),
    )
    case.extensions = (*case.extensions, extension)
    _done(case, event, "extend")


def _number_reserved(case: Case, event: Event) -> None:
    for register, number in event.registers.items():
        kind = event.data["kind"]
        entry = {"kind": kind, "register": register, "number": number, "state": "reserved"}
        case.numbers = (*case.numbers, {**entry, "event": event.id})


def _number_voided(case: Case, event: Event) -> None:
    _number_state(case, event.data["kind"], event.data["number"], "void")


def _number_state(case: Case, kind: str, number: str, state: str) -> None:
    case.numbers = tuple(
        {**n, "state": state} if n["kind"] == kind and official(n) == number else n
        for n in case.numbers
    )


def official(number: Data) -> str:
    """Write a document number as it is printed: `<kind>-<yyyy>-<000001>` (文号)."""
    year = str(number["register"]).rsplit("/", 1)[-1]
    return f"{number['kind']}-{year}-{int(number['number']):06d}"


def _decided(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    data = event.data
    granted = data["outcome"] == "grant"
    case.decision = {
        **data,
        "by": event.actor.person,
        "event": event.id,
        "position": event.position,
        "on": on.isoformat(),
        **({"permit": "in-force"} if granted else {}),
    }
    case.stage = Stage.DECIDED
    _done(case, event, "decide")
    document = data.get("document") or {}
    if document.get("number"):
        _number_state(case, document["kind"], document["number"], "used")
    _meet(case, "statutory", on)
    _end(case, on, "stage:transfer")  # what is decided is not handed on any more
    if case.terms.get("promise_ends_with", "decide") == "decide":
        _meet(case, "promised", on)
    if not granted or case.source is not None:
        return
    _open(case, event, "issue", _days(case, "issue"), on)
    _open(case, event, "stage:publish", _days(case, "publish"), on)
    _open_push(case, event, "grant", on)
    if case.terms["kind"] == "commitment":
        _open(case, event, "stage:verify", _days(case, "verify"), on, unit="day")


def _days(case: Case, name: str) -> int:
    return int(_policy(case, "deadlines").get(name, 0))


def _open_push(case: Case, event: Event, moment: str, on: date) -> None:
    """Open the duty to push where the link policy of the terms starts it at this moment."""
    link = _policy(case, "link")
    if link.get("push_after", "grant") != moment:
        return
    supervising = case.terms.get("organs", {}).get("supervising", ())
    pushed = {p["to"] for p in case.pushes}
    for organ in (supervising,) if isinstance(supervising, str) else supervising:
        if organ not in pushed:
            _open(case, event, "push", int(link["push"]), on, data={"kind": organ})


def _sealed(case: Case, event: Event) -> None:
    data = event.data
    serial = next(iter(event.registers.values()), None)
    use = {
        "seal": data["seal"],
        "serial": serial,
        "document": data["document"],
        "medium": data["medium"],
        "authorised_by": data.get("authorised_by", {}).get("event"),
        "by": event.actor.person,
        "event": event.id,
        "position": event.position,
        "void": False,
    }
    case.seals = (*case.seals, use)
    _done(case, event, "seal")
    if data["document"]["kind"] == case.result_kind:
        _done(case, event, "seal:result")
        filing = case.terms.get("kind") == "filing"
        if case.stage in ((Stage.ACCEPTED, Stage.IN_REVIEW) if filing else (Stage.DECIDED,)):
            case.stage_before = case.stage
            case.stage = Stage.SEALED
            _end(case, case.on(event.occurred_at), "stage:transfer")


def _seal_voided(case: Case, event: Event) -> None:
    data = event.data
    kind, version = data["document"]["kind"], data["document"]["version"]
    void = {"void": True, "void_reason": event.reason, "replacement": data.get("replacement")}
    case.seals = tuple(
        {**use, **void}
        if use["document"]["kind"] == kind and use["document"]["version"] == version
        else use
        for use in case.seals
    )
    in_force = any(
        use["document"]["kind"] == case.result_kind and not use["void"] for use in case.seals
    )
    if case.stage == Stage.SEALED and not in_force:
        case.stage = case.stage_before


def _issued(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    case.issued = {**event.data, "by": event.actor.person, "event": event.id, "on": on.isoformat()}
    case.stage = Stage.ISSUED
    _meet(case, "issue", on)
    if case.terms.get("promise_ends_with", "decide") == "issue":
        _meet(case, "promised", on)
    _done(case, event, "issue")


def _published(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    case.published = (*case.published, {**event.data, "on": on.isoformat(), "event": event.id})
    if event.data["what"] == "decision":
        _meet(case, "stage:publish", on)
    if event.data["what"] == "explanation" and case.explained_on is None:
        case.explained_on = on
    _done(case, event, "publish")


def _pushed(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    link = _policy(case, "link")
    push = {
        "to": event.data["to"],
        "policy": f"{link.get('id', 'link-default')}@{link.get('version', 1)}",
        "pushed_at": event.occurred_at.isoformat(),
        "claimed_at": None,
        "responsible": "bureau" if link.get("responsible_after") == "claim" else "supervisor",
        "event": event.id,
    }
    case.pushes = (*case.pushes, push)
    to = {"kind": push["to"]}
    _meet(case, "push", on, push["to"])
    _done(case, event, "push")
    if case.source is None and link.get("claim") is not None:
        _open(case, event, "claim", int(link["claim"]), on, data=to)


def _claimed(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    claimed = {"claimed_at": event.occurred_at.isoformat(), "responsible": "supervisor"}
    case.pushes = tuple(
        {**p, **claimed} if p["to"] == event.actor.organ and p["claimed_at"] is None else p
        for p in case.pushes
    )
    _meet(case, "claim", on, event.actor.organ)
    _done(case, event, "claim")


def _evaluated(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    review = {
        **event.data,
        "event": event.id,
        "position": event.position,
        "on": on.isoformat(),
    }
    case.reviews = (*case.reviews, review)
    if case.source is None and int(event.data["grade"]) <= 2:
        _open(case, event, "bad-review", int(_policy(case, "reviews")["bad_review"]), on)


def _closed(case: Case, event: Event) -> None:
    case.stage = Stage.CLOSED
    case.closed_on = case.on(event.occurred_at)
    _done(case, event, "close")
    denied = case.decision is not None and case.decision["outcome"] == "deny"
    if case.source is None and not denied:
        _open_push(case, event, "close", case.closed_on)


def _withdrawn(case: Case, event: Event) -> None:
    case.stage = Stage.WITHDRAWN
    case.closed_on = case.on(event.occurred_at)
    _end(case, case.closed_on)


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
    if event.actor.person is not None:
        case.recused = {event.actor.person: event.position, **case.recused}


FOLD: Mapping[str, Callable[[Case, Event], None]] = {
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
    "number-reserved": _number_reserved,
    "number-voided": _number_voided,
    "decided": _decided,
    "sealed": _sealed,
    "seal-voided": _seal_voided,
    "issued": _issued,
    "published": _published,
    "pushed": _pushed,
    "claimed": _claimed,
    "evaluated": _evaluated,
    "closed": _closed,
    "withdrawn": _withdrawn,
    "correction-proposed": _correction_proposed,
    "correction-approved": _correction_approved,
    "recusal-declared": _recusal_declared,
}
