"""Findings about who: separated duties, opinions, and decisions taken at once."""

from collections.abc import Iterator
from itertools import groupby, pairwise

from ledger.case import Event
from ledger.lifecycle import SEPARATIONS
from projections.findings_case import (
    Found,
    Looked,
    at,
    branch,
    persons,
    positions,
    seconds,
    staff,
)

OPINION = "reviewed"


def four_eyes(of: Looked) -> Iterator[Found]:
    """Two duties that must not be joined, and one person in both.

    Of an import that says which activity checks which, those are compared; each such pair of
    a case is measured, the good ones too.  Of our own cases only what a policy lifted can be.
    """
    yield from _checks(of)
    done = [(duty["duty"], duty["person"], duty["position"]) for duty in of.case.duties]
    events = {event.position: event for event in of.events}
    for separation in SEPARATIONS:
        earlier = [(who, n) for duty, who, n in done if duty == separation.earlier and who]
        later = [(who, n) for duty, who, n in done if duty == separation.later and who]
        for who, n in later:
            before = [m for other, m in earlier if other == who and m < n]
            if before and n in events:
                yield Found(
                    measure="four-eyes.pair",
                    part=f"{separation.rule}: {separation.earlier} → {separation.later}",
                    positions=tuple(sorted({*before, n})),
                    came_at=at(events[n]),
                    measured=1,
                    same=True,
                    officer=events[n].actor.person,
                    unit=events[n].actor.organ,
                )


def checked(event: Event) -> tuple[str, ...]:
    """Name the activities of another system that this one determines upon."""
    named = (event.source or {}).get("checks") or ()
    return (named,) if isinstance(named, str) else tuple(named)


def activity(event: Event) -> str | None:
    """Name what another system calls this act."""
    return (event.source or {}).get("activity")


def _checks(of: Looked) -> Iterator[Found]:
    pairs = {(a, activity(e)) for e in of.events for a in checked(e)}
    for earlier, later in sorted((a, b or "") for a, b in pairs):
        first = [e for e in of.events if activity(e) == earlier]
        last = [e for e in of.events if (activity(e) or "") == later]
        if not first or not last:
            continue
        both = persons(first) & persons(last)
        yield Found(
            measure="four-eyes.pair",
            part=f"{earlier} → {later}",
            positions=positions(*(e for e in (*first, *last) if not both or _of(e, both))),
            came_at=max(at(e) for e in (*first, *last)),
            measured=1 if both else 0,
            same=bool(both),
            officer=min(both, default=None),
            unit=last[-1].actor.organ,
        )


def _of(event: Event, persons: set[str]) -> bool:
    return event.actor.person in persons


def two_responsibilities(of: Looked) -> Iterator[Found]:
    """One person who acted on the case in two of approval, supervision and enforcement."""
    acts = sorted((e.actor.person or "", e.position, e) for e in of.events if branch(e))
    for who, group in groupby(acts, key=lambda one: one[0]):
        done = [event for _, _, event in group]
        served = {branch(event) for event in done}
        if len(served) > 1:
            yield Found(
                measure="two-responsibilities.case",
                part=", ".join(sorted(filter(None, served))),
                positions=positions(*done),
                came_at=max(at(e) for e in done),
                measured=len(served),
                officer=who,
                unit=done[-1].actor.organ,
            )


def sole_handler(of: Looked) -> Iterator[Found]:
    """What one person did only because a policy lets one do it all."""
    done = [e for e in of.events if any(f["flag"] == "sole-handler" for f in e.flags)]
    if done:
        yield Found(
            measure="sole-handler.act",
            part=done[-1].data.get("duty_policy"),
            positions=positions(*done),
            came_at=at(done[0]),
            measured=len(done),
            officer=done[-1].actor.person,
            unit=done[-1].actor.organ,
        )


def skipped_level(of: Looked) -> Iterator[Found]:
    """A decision that did not wait for every level of opinion its policy asks for."""
    for decided in of.all("decided"):
        if any(f["flag"] == "skipped-level" for f in decided.flags):
            opinions = [e for e in of.all(OPINION) if e.position < decided.position]
            yield Found(
                measure="skipped-level.decision",
                part=decided.data.get("duty_policy"),
                positions=positions(*opinions, decided),
                came_at=at(decided),
                officer=decided.actor.person,
                unit=decided.actor.organ,
            )


def rubber_stamp(of: Looked) -> Iterator[Found]:
    """How long after the last review the decision came, and whether it was another person."""
    if not timed(of):
        return
    for decided in of.events:
        for reviews, part in _reviewed(of, decided):
            before = [e for e in reviews if e.version < decided.version and at(e) <= at(decided)]
            if before:
                last = before[-1]
                yield Found(
                    measure="rubber-stamp.decision",
                    part=part,
                    positions=positions(last, decided),
                    came_at=at(decided),
                    measured=seconds(last, decided),
                    same=last.actor.person == decided.actor.person,
                    officer=decided.actor.person,
                    unit=decided.actor.organ,
                )


def timed(of: Looked) -> bool:
    """Tell whether its times are good to the second."""
    return bool((of.case.source or {}).get("precision", "second") == "second")


def _reviewed(of: Looked, decided: Event) -> Iterator[tuple[list[Event], str]]:
    """Give the reviews that an act decides upon, by what it is called."""
    for earlier in checked(decided):
        yield [e for e in of.events if activity(e) == earlier], f"{earlier} → {activity(decided)}"
    if decided.type == "decided" and not checked(decided):
        yield list(of.all(OPINION)), "review → decide"


def quick_grant(of: Looked) -> Iterator[Found]:
    """How long after acceptance it was granted, where it could not be done at once."""
    accepted = of.first("accepted", "deemed-accepted")
    if accepted is None or of.case.terms.get("kind") == "instant" or not timed(of):
        return
    for decided in of.all("decided"):
        if decided.data.get("outcome") == "grant" and at(decided) >= at(accepted):
            yield Found(
                measure="quick-grant.decision",
                positions=positions(accepted, decided),
                came_at=at(decided),
                measured=seconds(accepted, decided),
                same=accepted.actor.person == decided.actor.person,
                officer=decided.actor.person,
                unit=decided.actor.organ,
            )


def overridden_opinion(of: Looked) -> Iterator[Found]:
    """A decision that is not what was last recommended before it."""
    for decided in of.all("decided"):
        opinions = [e for e in of.all(OPINION) if e.position < decided.position]
        wanted = opinions[-1].data.get("recommend") if opinions else None
        if wanted is None or wanted == decided.data.get("outcome"):
            continue
        reason = bool((decided.data.get("differs_from_opinion") or "").strip())
        yield Found(
            measure=f"overridden-opinion.{'with' if reason else 'without'}-reason",
            part=f"{wanted} → {decided.data.get('outcome')}",
            positions=positions(*opinions, decided),
            came_at=at(decided),
            officer=decided.actor.person,
            unit=decided.actor.organ,
        )


def intervention(of: Looked) -> Iterator[Found]:
    """That somebody asked for an exception, as an officer put it on record."""
    for event in of.all("intervention-recorded"):
        yield Found(
            measure="intervention.recorded",
            positions=positions(event),
            came_at=at(event),
            officer=event.actor.person,
            unit=event.actor.organ,
        )


def handover(of: Looked) -> Iterator[Found]:
    """How the case was handed on: unacknowledged, to and fro, between units."""
    yield from _unacknowledged(of)
    acts = [e for e in of.events if staff(e)]
    if not acts:
        return
    pairs = list(pairwise(acts))
    changes = [(a, b) for a, b in pairs if a.actor.person != b.actor.person]
    yield Found(
        measure="handover.persons",
        positions=positions(acts[-1]),
        came_at=at(acts[-1]),
        measured=len(changes),
    )
    units: dict[str, list[Event]] = {}
    for a, b in pairs:
        if a.actor.organ and b.actor.organ and a.actor.organ != b.actor.organ:
            units.setdefault(f"{a.actor.organ} → {b.actor.organ}", []).append(b)
    for part, moved in sorted(units.items()):
        yield Found(
            measure="handover.units",
            part=part,
            positions=positions(*moved),
            came_at=at(moved[-1]),
            measured=len(moved),
            unit=moved[-1].actor.organ,
        )
    yield from _returns([acts[0], *(b for _, b in changes)])


def _returns(turns: list[Event]) -> Iterator[Found]:
    """Give who had the case back from whom, and how often; `turns` begin with a new person."""
    back: dict[tuple[str, str], list[Event]] = {}
    for first, second, third in zip(turns, turns[1:], turns[2:], strict=False):
        if first.actor.person == third.actor.person:
            pair = (str(first.actor.person), str(second.actor.person))
            back.setdefault(pair, []).extend((first, second, third))
    for (who, other), events in sorted(back.items()):
        yield Found(
            measure="handover.returns",
            part=f"{who} → {other} → {who}",
            positions=positions(*events),
            came_at=at(events[-1]),
            measured=len(events) // 3,
            officer=events[-1].actor.person,
            unit=events[-1].actor.organ,
        )


# What takes a transfer off the sender; another system may not record that somebody took it.
_TAKEN = ("transfer-acknowledged", "transfer-refused")
_OVERTAKEN = ("transferred", "decided", "closed", "withdrawn", "terminated")


def _unacknowledged(of: Looked) -> Iterator[Found]:
    ends = (*_TAKEN, *_OVERTAKEN) if of.own else _TAKEN
    for sent in of.all("transferred"):
        taken = next((e for e in of.all(*ends) if e.version > sent.version), None)
        if taken is None and not of.own:
            continue
        to = sent.data["to"]
        yield Found(
            measure="handover.unacknowledged",
            part=to.get("unit"),
            positions=positions(sent, taken),
            came_at=at(taken or sent),
            measured=None if taken is None else of.workdays(at(sent), at(taken)),
            reached=of.reaching(at(sent)) if taken is None else None,
            officer=to.get("person") or sent.actor.person,
            unit=to.get("unit"),
        )
