"""The facts that rules compare cases by: one row a case, one an act, one a refusal."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from ledger.case import Event
from ledger.state import number_of
from projections import seen
from projections.findings_case import ENDS, Looked, action, at, branch, staff, step
from projections.limits import far

# Beyond its newest event, so far ahead instants are told that a calendar could move.
_AHEAD = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Who:
    """Keyed digests of who applied and who acted for them; None: not known."""

    applicant: str | None = None
    agent: str | None = None


def of_case(of: Looked, who: Who) -> tuple[object, ...]:
    """Return the row of a case."""
    case, events = of.case, of.events
    received = of.first("received") or case.events[0]
    accepted = of.first("accepted", "deemed-accepted")
    decided = of.first("decided")
    ended = next((e for e in events if e.type in ENDS), None)
    first = min(of.on(e.occurred_at) for e in case.events)
    return (
        case.stream,
        number_of(case, of.office.ledger),
        case.terms.get("item", (case.source or {}).get("item")),
        case.terms.get("version"),
        bool(case.terms.get("limited")),
        seen.of_case(case).approving or None,
        of.own,
        who.applicant,
        who.agent,
        received.position,
        at(received),
        accepted.position if accepted else None,
        at(accepted) if accepted else None,
        decided.position if decided else None,
        at(decided) if decided else None,
        decided.actor.person if decided else None,
        at(ended) if ended else None,
        " → ".join(step(e) for e in events),
        case.events[-1].position,
        first,
        max(far(case) or date.min, max(of.on(at(e)) for e in case.events) + _AHEAD),
    )


def of_acts(of: Looked) -> Iterator[tuple[object, ...]]:
    """Give the rows of the acts of a case, each with the one before it."""
    before: Event | None = None
    for event in of.events:
        when = at(event)
        day = of.on(when)
        recorded = of.on(event.recorded_at) if event.recorded_at else day
        data = event.data
        gap = max(timedelta(), when - at(before)) if before else None
        decided = event.type == "decided"
        yield (
            of.case.stream,
            event.position,
            when,
            event.type,
            action(event),
            step(event),
            event.actor.person,
            event.actor.organ,
            event.actor.client,
            branch(event),
            staff(event),
            of.own,
            of.own and recorded > of.on(event.occurred_at),
            of.days.working(day),
            step(before) if before else None,
            Decimal(str(gap.total_seconds())) if gap is not None else None,
            data.get("seal"),
            data.get("grade") if event.type == "evaluated" else None,
            (event.actor.client or "") if data.get("channel") == "terminal" else None,
            data.get("verdict"),
            data.get("alert") if event.type.startswith("alert-") else None,
            _days_left(of, day) if decided else None,
            _days_in_month(of, day) if decided else None,
        )
        before = event


def of_refusal(event: Event) -> tuple[object, ...] | None:
    """Return the row of a refusal, None where it is not one of an officer on a case."""
    data, person = event.data, event.actor.person
    stream = str(data.get("stream", ""))
    if person is None or not stream.startswith("case:"):
        return None
    return event.position, stream, data["action"], person, data.get("rule"), event.recorded_at


def _last(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _days_left(of: Looked, day: date) -> int:
    """Count the working days of the month that come after a day."""
    return of.days.count(day, _last(day))


def _days_in_month(of: Looked, day: date) -> int:
    return of.days.count(day.replace(day=1) - timedelta(days=1), _last(day))
