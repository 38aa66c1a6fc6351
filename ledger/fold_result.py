"""What the events of a case's result do to it: numbers, decision, seal, hand-out, what follows.

The later half of `fold`, as `result` is of `approval`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.lifecycle import Stage
from ledger.runs import days, done, ended, met, opened, organs, policy, receivers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from ledger.case import Case, Data, Event


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


def validity(data: Data) -> Mapping[str, str]:
    """Take from when to when a permit is valid, as far as the data say so."""
    return {name: data[name] for name in ("valid_from", "valid_to") if data.get(name)}


def _decided(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    data = event.data
    grants = data["outcome"] == "grant"
    document = data.get("document") or {}
    valid = validity(document)
    case.decision = {
        **data,
        "by": event.actor.person,
        "event": event.id,
        "position": event.position,
        "on": on.isoformat(),
        **({"permit": "in-force", **valid} if grants else {}),
    }
    case.stage = Stage.DECIDED
    done(case, event, "decide")
    if document.get("number"):
        _number_state(case, document["kind"], document["number"], "used")
    met(case, "stage:renewal", event.occurred_at)
    if grants:
        granted(case, event, on)
    else:
        _decided_at(case, event.occurred_at)


def _decided_at(case: Case, at: datetime) -> None:
    met(case, "statutory", at)
    ended(case, at, "stage:transfer")  # what is decided is not handed on any more
    if case.terms.get("promise_ends_with", "decide") == "decide":
        met(case, "promised", at)


def granted(case: Case, event: Event, on: date) -> None:
    """Begin what a grant asks for: handing out, publishing, pushing, verifying a promise."""
    _decided_at(case, event.occurred_at)
    if case.source is not None:
        return
    opened(case, event, "issue", days(case, "issue"), on)
    opened(case, event, "stage:publish", days(case, "publish"), on)
    push_due(case, event, "grant", on)
    if case.terms["kind"] == "commitment" or case.committed:
        opened(case, event, "stage:verify", days(case, "verify"), on, unit="day")


def push_due(case: Case, event: Event, moment: str, on: date) -> None:
    """Open the duty to push where the link policy of the terms starts it at this moment."""
    link = policy(case, "link")
    if link.get("push_after", "grant") != moment:
        return
    pushed = {p["to"] for p in case.pushes}
    for organ in receivers(case.terms):
        if organ not in pushed:
            opened(case, event, "push", int(link["push"]), on, data={"kind": organ})


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
        **{name: data[name] for name in ("requester", "terminal", "place") if data.get(name)},
    }
    case.seals = (*case.seals, use)
    done(case, event, "seal")
    if data["document"]["kind"] == case.result_kind:
        done(case, event, "seal:result")
        filing = case.terms.get("kind") == "filing"
        if case.stage in ((Stage.ACCEPTED, Stage.IN_REVIEW) if filing else (Stage.DECIDED,)):
            case.stage_before = case.stage
            case.stage = Stage.SEALED
            ended(case, event.occurred_at, "stage:transfer")


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
    met(case, "issue", event.occurred_at)
    if case.terms.get("promise_ends_with", "decide") == "issue":
        met(case, "promised", event.occurred_at)
    done(case, event, "issue")


def _published(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    case.published = (*case.published, {**event.data, "on": on.isoformat(), "event": event.id})
    if event.data["what"] == "decision":
        met(case, "stage:publish", event.occurred_at)
    if event.data["what"] == "explanation" and case.explained_at is None:
        case.explained_at = event.occurred_at
    done(case, event, "publish")


def _pushed(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    link = policy(case, "link")
    responsible = "bureau" if link.get("responsible_after") == "claim" else "supervisor"
    if event.data["to"] in organs(case.terms, "notified"):
        responsible = "notified"  # it is told, and answers for nothing of the case
    push = {
        "to": event.data["to"],
        "policy": f"{link.get('id', 'link-default')}@{link.get('version', 1)}",
        "pushed_at": event.occurred_at.isoformat(),
        "claimed_at": None,
        "responsible": responsible,
        "event": event.id,
    }
    case.pushes = (*case.pushes, push)
    to = {"kind": push["to"]}
    met(case, "push", event.occurred_at, push["to"])
    done(case, event, "push")
    if case.source is None and link.get("claim") is not None:
        opened(case, event, "claim", int(link["claim"]), on, data=to)


def _closed(case: Case, event: Event) -> None:
    case.stage = Stage.CLOSED
    case.closed_on = case.on(event.occurred_at)
    done(case, event, "close")
    denied = case.decision is not None and case.decision["outcome"] == "deny"
    if case.source is None and not denied:
        push_due(case, event, "close", case.closed_on)


def _archived(case: Case, event: Event) -> None:
    case.stage = Stage.ARCHIVED
    on = case.on(event.occurred_at).isoformat()
    case.archived = {**event.data, "by": event.actor.person, "event": event.id, "on": on}
    done(case, event, "archive")


OF_RESULT: Mapping[str, Callable[[Case, Event], None]] = {
    "number-reserved": _number_reserved,
    "number-voided": _number_voided,
    "decided": _decided,
    "sealed": _sealed,
    "seal-voided": _seal_voided,
    "issued": _issued,
    "published": _published,
    "pushed": _pushed,
    "closed": _closed,
    "archived": _archived,
}
