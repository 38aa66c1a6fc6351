"""Findings about what follows a grant: supervision that did not come, enforcement that was late."""

from collections.abc import Iterator
from datetime import date

from ledger.case import Event
from ledger.runs import organs
from projections.findings_case import Found, Looked, at, positions

# What the acts of enforcement that want two officers are called when recorded.
TWO_OFFICERS = ("finding-recorded", "penalised", "permit-cancelled")


def unsupervised(of: Looked) -> Iterator[Found]:
    """Pushed and not claimed, claimed and not inspected, promised and not verified."""
    events = {event.position: event for event in of.events}
    names = {"claim": "unclaimed", "stage:verify": "unverified"}
    for limit in of.deadlines:
        begun = events.get(limit.run.opened)
        if limit.name in names and limit.open and begun is not None:
            yield Found(
                measure=f"unsupervised.{names[limit.name]}",
                part=limit.run.data.get("kind"),
                positions=positions(begun),
                came_at=of.overdue_at(limit),
                unit=limit.run.data.get("kind") or _supervising(of),
            )
    notified = organs(of.case.terms, "notified")
    for claimed in of.all("claimed"):
        # Who was only told of it inspects nothing.
        if claimed.actor.organ not in notified:
            yield _inspected(of, claimed)


def _supervising(of: Looked) -> str | None:
    return next(iter(organs(of.case.terms, "supervising")), None)


def _inspected(of: Looked, claimed: Event) -> Found:
    """Tell how many months a claimed case waited to be inspected; the waiting goes on by itself."""
    unit = claimed.actor.organ
    looked = next(
        (e for e in of.all("inspected") if e.version > claimed.version and e.actor.organ == unit),
        None,
    )
    return Found(
        measure="unsupervised.uninspected",
        part=unit,
        positions=positions(claimed, looked),
        came_at=at(claimed),
        measured=None if looked is None else _months(of.on(at(claimed)), of.on(at(looked))),
        since=at(claimed),
        step="month",
        officer=claimed.actor.person,
        unit=claimed.actor.organ,
    )


def _months(first: date, last: date) -> int:
    """Count the months that were begun from one day to another."""
    whole = 12 * (last.year - first.year) + last.month - first.month
    return whole + (1 if last.day > first.day else 0)


def enforcement_late(of: Looked) -> Iterator[Found]:
    """Penalties that took too long or were served late, and acts of a single officer."""
    for opened in of.all("investigation-opened"):
        ends = ("penalised", "investigation-closed")
        end = next((e for e in of.all(*ends) if e.version > opened.version), None)
        if end is None or end.type == "penalised":
            days = None if end is None else (of.on(at(end)) - of.on(at(opened))).days
            yield Found(
                measure="enforcement-late.penalty",
                positions=positions(opened, end),
                came_at=at(opened),
                measured=days,
                since=at(opened),
                step="day",
                officer=(end or opened).actor.person,
                unit=(end or opened).actor.organ,
            )
    for penalised in of.all("penalised"):
        yield _served(of, penalised)
    for event in of.all(*TWO_OFFICERS):
        yield Found(
            measure="enforcement-late.officers",
            part=event.type,
            positions=positions(event),
            came_at=at(event),
            measured=len(set(event.data.get("officers") or ())),
            officer=event.actor.person,
            unit=event.actor.organ,
        )


def _served(of: Looked, penalised: Event) -> Found:
    """Tell how many working days a penalty waited to be served; it may be waiting still."""
    served = penalised.data.get("served_at")
    first = of.on(at(penalised))
    return Found(
        measure="enforcement-late.served",
        positions=positions(penalised),
        came_at=at(penalised),
        measured=of.days.count(first, date.fromisoformat(served[:10])) if served else None,
        reached=None if served else of.reaching(at(penalised)),
        officer=penalised.actor.person,
        unit=penalised.actor.organ,
    )
