"""Findings about time: parked, paused, dated back, going round in circles."""

from collections.abc import Iterator

from ledger.case import Event, unfolding
from ledger.due import measured
from ledger.lifecycle import Stage
from projections.findings_case import Found, Looked, at, days_between, positions, step

REQUEST = "supplement-requested"


def parked_receipt(of: Looked) -> Iterator[Found]:
    """How long an application lay before it was accepted, if nobody asked for anything."""
    received, accepted = of.first("received"), of.first("accepted", "deemed-accepted")
    ends = ("accepted", "deemed-accepted", "declined", "withdrawn", "terminated")
    end = of.first(*ends)
    asked = of.first(REQUEST)
    if received is None or (asked is not None and (end is None or asked.version < end.version)):
        return
    if accepted is None and (end is not None or not of.own):
        return  # it came to another end, or nobody here has to accept it
    yield Found(
        measure="parked-receipt.receipt",
        positions=positions(received, accepted),
        came_at=at(accepted or received),
        measured=None if accepted is None else of.workdays(at(received), at(accepted)),
        reached=of.reaching(at(received)) if accepted is None else None,
        officer=(accepted or received).actor.person,
        unit=(accepted or received).actor.organ,
    )


def repeated_supplement(of: Looked) -> Iterator[Found]:
    """More than one request for what is missing, and what was not told at once."""
    requests = list(of.all(REQUEST))
    if len(requests) > 1:
        yield Found(
            measure="repeated-supplement.requests",
            positions=positions(*requests),
            came_at=at(requests[1]),
            measured=len(requests),
            officer=requests[-1].actor.person,
            unit=requests[-1].actor.organ,
        )
    for request in requests:
        if any(f["flag"] == "not-all-at-once" for f in request.flags):
            yield Found(
                measure="repeated-supplement.not-all-at-once",
                positions=positions(*(e for e in requests if e.version <= request.version)),
                came_at=at(request),
                officer=request.actor.person,
                unit=request.actor.organ,
            )


# What stops or lengthens which limits.
_STOPS = {
    "suspended": ("statutory", "promised"),
    "extended": ("statutory",),
    REQUEST: ("supplement",),
}


def convenient_pause(of: Looked) -> Iterator[Found]:
    """How much was left of the limit when it was stopped or lengthened, if it ran at all."""
    if not of.own:
        return  # no limit of ours bound it
    for event in of.all(*_STOPS):
        known = measured(of.before(event), of.office, at(event))
        newest = {d.name: d for d in known if d.name in _STOPS[event.type]}
        running = [d for d in newest.values() if d.open or event.type == REQUEST]
        if not running:
            continue
        least = min(running, key=lambda d: (d.budget - d.used, d.name))
        left = least.budget - least.used
        yield Found(
            measure="convenient-pause.act",
            part=f"{step(event)}, {least.name}",
            positions=positions(event),
            came_at=at(event),
            measured=left,
            beside=round(100 * left / least.budget, 3) if least.budget else None,
            officer=event.actor.person,
            unit=event.actor.organ,
        )


def pause_overrun(of: Looked) -> Iterator[Found]:
    """Special procedures that ran over, had no notice, or brought no result."""
    events = {event.position: event for event in of.events}
    for limit in of.deadlines:
        begun = events.get(limit.run.opened)
        if limit.name != "special" or begun is None or not (limit.open or limit.late):
            continue
        met = limit.run.met
        yield Found(
            measure="pause-overrun.overdue",
            part=step(begun),
            positions=positions(begun, _resumed(of, begun) if met else None),
            came_at=of.overdue_at(limit),
            measured=None if met is None else limit.days.count(limit.due, met),
            officer=begun.actor.person,
            unit=begun.actor.organ,
        )
    for event in of.all("suspended", "resumed"):
        lacking = "notice" if event.type == "suspended" else "result"
        if not event.data.get(lacking):
            yield Found(
                measure=f"pause-overrun.without-{lacking}",
                part=step(event),
                positions=positions(event),
                came_at=at(event),
                officer=event.actor.person,
                unit=event.actor.organ,
            )


def _resumed(of: Looked, begun: Event) -> Event | None:
    return next(
        (
            e
            for e in of.all("resumed")
            if e.version > begun.version and e.data["kind"] == begun.data["kind"]
        ),
        None,
    )


# Acts of the bureau that belong after the close: by policy, by law, or to end the record.
AFTER_CLOSE = frozenset(
    {"closed", "pushed", "archived", "permit-recalled", "permit-revoked", "deregistered",
     "amended", "renewed", "deemed-renewed"}
)  # fmt: skip
_OF_A_PERMIT = frozenset({"recall", "revocation", "deregistration", "penalty"})


def back_dating(of: Looked) -> Iterator[Found]:
    """Acts recorded on a later day than they say, and acts recorded when all was over."""
    closed = of.first("closed")
    for event in of.events:
        recorded = event.recorded_at
        if of.own and recorded is not None and of.on(recorded) > of.on(event.occurred_at):
            yield Found(
                measure="back-dating.late-entry",
                part=step(event),
                positions=positions(event),
                came_at=recorded,
                measured=days_between(event.occurred_at, recorded),
                officer=event.actor.person,
                unit=event.actor.organ,
            )
        if closed is not None and _behind(event, closed) and not _belongs(event):
            yield Found(
                measure="back-dating.after-close",
                part=step(event),
                positions=positions(closed, event),
                came_at=at(event),
                measured=days_between(at(closed), at(event)),
                officer=event.actor.person,
                unit=event.actor.organ,
            )


def _behind(event: Event, closed: Event) -> bool:
    if event.source is not None:
        return event.position != closed.position and at(event) > at(closed)
    return event.version > closed.version and event.responsibility == "approval"


def _belongs(event: Event) -> bool:
    if event.source is not None:
        return False  # its own system said that all was over
    about = event.data.get("what") or (event.data.get("document") or {}).get("kind")
    return event.type in AFTER_CLOSE or about in _OF_A_PERMIT or event.actor.kind == "by-law"


# How far a case has come; a suspension is part of the review.
_ORDER = {
    Stage.RECEIVED: 0,
    Stage.SUPPLEMENTING: 1,
    Stage.ACCEPTED: 2,
    Stage.IN_REVIEW: 3,
    Stage.SUSPENDED: 3,
    Stage.DECIDED: 4,
    Stage.SEALED: 5,
    Stage.ISSUED: 6,
    Stage.CLOSED: 7,
    Stage.ARCHIVED: 8,
}


def loops(of: Looked) -> Iterator[Found]:
    """Acts that were done again, and stages gone back to, with the days they cost."""
    done: dict[str, list[Event]] = {}
    for event in of.events:
        done.setdefault(step(event), []).append(event)
    for part, events in sorted(done.items()):
        if len(events) > 1:
            yield Found(
                measure="loops.act",
                part=part,
                positions=positions(*events),
                came_at=at(events[-1]),
                measured=len(events),
                beside=_cost(of, events[0], events[-1]),
                officer=events[-1].actor.person,
                unit=events[-1].actor.organ,
            )
    yield from _back(of)


def _back(of: Looked) -> Iterator[Found]:
    """Find the events that took the case back, with the days until it stood there again."""
    furthest, stage, fallen = -1, "", None
    for event, case in zip(of.events, unfolding(of.events, of.case.zone), strict=True):
        now = _ORDER.get(case.stage)
        if now is None:
            continue
        if fallen is not None and now >= furthest:
            yield _fall(of, *fallen, event)
            fallen = None
        if fallen is None and now < furthest:
            fallen = (event, f"{stage} → {case.stage}")
        if now >= furthest:
            furthest, stage = now, str(case.stage)
    if fallen is not None:
        yield _fall(of, *fallen, of.events[-1])


def _fall(of: Looked, back: Event, part: str, again: Event) -> Found:
    return Found(
        measure="loops.back",
        part=part,
        positions=positions(back),
        came_at=at(back),
        measured=1,
        beside=_cost(of, back, again),
        officer=back.actor.person,
        unit=back.actor.organ,
    )


def _cost(of: Looked, first: Event, last: Event) -> int:
    return of.workdays(at(first), at(last))
