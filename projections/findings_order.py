"""Findings about order: what came before what should have been first, and what is missing."""

from collections.abc import Iterator
from datetime import date

from ledger.case import Event
from ledger.lifecycle import AUTHORISING
from ledger.result import MAY_STAY_OPEN
from projections.findings_case import (
    WITHOUT_DECISION,
    Found,
    Looked,
    at,
    days_between,
    positions,
    step,
)

ACCEPTED = ("accepted", "deemed-accepted")


def hollow_close(of: Looked) -> Iterator[Found]:
    """A close with nothing handed out before it, or with a duty open."""
    for closed in of.all("closed"):
        # A filing's receipt, and a decision to deny, are handed out too.
        if not any(_by_then(e, closed) for e in of.all("issued")):
            yield _found("hollow-close.before-issue", closed)
        for name in sorted(_open_at(of, closed) - MAY_STAY_OPEN):
            yield _found("hollow-close.duty-open", closed, part=name)


def _open_at(of: Looked, closed: Event) -> set[str]:
    """Name the limits that were opened before an event and not met by its day."""
    day = of.on(closed.occurred_at)
    return {
        d.name
        for d in of.deadlines
        if d.run.opened < closed.position and (d.run.met or d.run.ended or date.max) > day
    }


def _by_then(event: Event, then: Event) -> bool:
    """Tell whether something was done by then: by the order here, or the times of an import."""
    if event.source is None:
        return event.version < then.version
    return at(event) <= at(then)


def _found(measure: str, *events: Event, part: str | None = None) -> Found:
    """Return what was found of these events, the last of which completes it."""
    return Found(
        measure=measure,
        part=part,
        positions=positions(*events),
        came_at=max(at(e) for e in events),
        officer=events[-1].actor.person,
        unit=events[-1].actor.organ,
    )


def impossible_order(of: Looked) -> Iterator[Found]:
    """Times that cannot be: each pair of acts by when they are said to have happened."""
    accepted, decided = of.first(*ACCEPTED), of.first("decided")
    results = [e for e in of.all("sealed") if _of_result(of, e)]
    issued = of.first("issued")
    if accepted and decided and decided.occurred_at < accepted.occurred_at:
        yield _found("impossible-order.decided-before-accepted", accepted, decided)
    for seal in results:
        if decided and seal.occurred_at < decided.occurred_at:
            yield _found("impossible-order.sealed-before-decided", decided, seal)
    if results and issued and issued.occurred_at < min(e.occurred_at for e in results):
        yield _found("impossible-order.issued-before-sealed", results[0], issued)
    if decided and decided.data.get("outcome") == "grant":
        for seen in of.all("investigation-opened", "finding-recorded", "inspected"):
            if seen.occurred_at < decided.occurred_at:
                yield _found("impossible-order.activity-before-grant", decided, seen)


def _of_result(of: Looked, seal: Event) -> bool:
    """Tell whether a use of the seal is on the document that the outcome is."""
    return bool((seal.data.get("document") or {}).get("kind") == of.case.result_kind)


def evidence_after(of: Looked) -> Iterator[Found]:
    """What the decision rests on and was recorded only after it."""
    decided = of.first("decided")
    if decided is None:
        return
    accepted = of.first("accepted")
    owed = {m["material"] for m in (accepted.data.get("tolerant") or ())} if accepted else set()
    for event in of.all("reviewed", "supplement-received"):
        if _by_then(event, decided):
            continue
        what = "opinion"
        if event.type == "supplement-received":
            # What was accepted as owed may come later: the decision did not rest on it.
            if {m["name"] for m in event.data.get("materials", ())} <= owed:
                continue
            what = "material"
        elif event.data.get("site"):
            what = "site-check"
        yield Found(
            measure=f"evidence-after.{what}",
            part=step(event),
            positions=positions(decided, event),
            came_at=at(event),
            measured=days_between(at(decided), at(event)),
            officer=event.actor.person,
            unit=event.actor.organ,
        )


def seal_order(of: Looked) -> Iterator[Found]:
    """Uses of a seal that nothing allowed yet, that were one too many, or by who decided."""
    decided = of.first("decided")
    for use in of.all("sealed"):
        kinds = AUTHORISING.get(str((use.data.get("document") or {}).get("kind")), frozenset())
        if not any(_by_then(e, use) for e in of.all(*kinds)):
            yield _found("seal-order.unauthorised", use, part=step(use))
        same = decided is not None and decided.actor.person == use.actor.person is not None
        if decided is not None and same and _of_result(of, use):
            yield _found("seal-order.decider", decided, use)
    yield from _twice(of, "seal-order.twice", by_medium=True)


def _twice(of: Looked, measure: str, *, by_medium: bool) -> Iterator[Found]:
    """Find documents sealed again: the same version on the same medium, or any medium."""
    uses: dict[tuple[object, ...], list[Event]] = {}
    for use in of.all("sealed"):
        document = use.data.get("document") or {}
        medium = use.data.get("medium") if by_medium else None
        uses.setdefault((document.get("kind"), document.get("version"), medium), []).append(use)
    for (kind, version, _), same in uses.items():
        if len(same) > 1:
            yield _found(measure, *same, part=f"{kind} {version}")


def route(of: Looked) -> Iterator[Found]:
    """What a life of a case must keep to, whatever its item."""
    yield from _precedences(of)
    yield from _responses(of)
    yield from _twice(of, "route.sealed-twice", by_medium=True)
    withdrawn = of.first("withdrawn")
    in_force = {(u["document"]["kind"], u["position"]) for u in of.case.seals if not u["void"]}
    for use in of.all("sealed"):
        if withdrawn is not None and ("licence", use.position) in in_force:
            yield _found("route.withdrawn-and-sealed", withdrawn, use)


def _precedences(of: Looked) -> Iterator[Found]:
    decided = [*of.all("decided")]
    # The receipt of a filing rests on its acceptance.
    if of.case.terms.get("kind") == "filing":
        decided = [*of.all(*ACCEPTED)]
    seals = [e for e in of.all("sealed") if _of_result(of, e)]
    for use in seals:
        if not any(_by_then(e, use) for e in decided):
            yield _found("route.sealed-without-decision", use)
    for issued in of.all("issued"):
        if not any(_by_then(e, issued) for e in of.all("sealed")):
            yield _found("route.issued-without-seal", issued)
    for claimed in of.all("claimed"):
        if not any(_by_then(e, claimed) for e in of.all("pushed")):
            yield _found("route.claimed-without-push", claimed)


def _responses(of: Looked) -> Iterator[Found]:
    accepted, closed = of.first(*ACCEPTED), of.first("closed", "archived")
    ended = any(of.all("decided", *WITHOUT_DECISION))
    filing = of.case.terms.get("kind") == "filing"
    if accepted is not None and closed is not None and not ended and not filing:
        yield _found("route.accepted-without-outcome", accepted, closed)
    events = {event.position: event for event in of.events}
    for limit in of.deadlines:
        rated = events.get(limit.run.opened)
        if limit.name == "bad-review" and limit.open and rated is not None:
            yield Found(
                measure="route.bad-rating-without-feedback",
                positions=positions(rated),
                came_at=of.overdue_at(limit),
                unit=of.case.organ,
            )
