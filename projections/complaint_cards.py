"""The cards of a complaint: who is late to assign it, to answer it, to close it.  Pure.

What closes such a card is what was waited for: the reply of the unit, or the hotline's own act.
"""

from collections.abc import Iterator
from itertools import accumulate

from ledger.alert import Alert, Moment, raised
from ledger.case import Events
from ledger.complaint import APPROVED, Complaint, deadlines, number_of, replay, subject
from ledger.lifecycle import Role
from ledger.office import Office
from projections.cards import FOR_EVER, Card
from projections.limits import NATION


def of_complaint(history: Events, office: Office) -> Iterator[Card]:
    """List every card of a complaint, those too that will be raised if nobody acts."""
    known = [
        replay(told, office.zone) for told in accumulate(((event,) for event in history), _joined)
    ]
    newest = known[-1]
    number = number_of(newest, office.ledger)
    policy = newest.terms["policies"]["alerts"]
    for alert in raised(number, _moments(known, office), policy, office.zone, FOR_EVER):
        ended = alert.ended_at or alert.met_at
        withdrawn = alert.state == "withdrawn"
        yield Card(
            id=alert.id,
            stream=newest.stream,
            case_no=number,
            item=subject(newest).item or None,
            organ=newest.unit or newest.organ,
            rule=alert.rule,
            level=alert.level,
            policy=alert.policy,
            raised_at=alert.raised_at,
            cause="deadline",
            persons=(),
            posts=_posts(alert, _at(known, alert)),
            deadline=alert.deadline,
            start=alert.start,
            due=alert.due,
            answer_by=alert.answer_by,
            closed_at=None if withdrawn else ended,
            withdrawn_at=ended if withdrawn else None,
            met_at=alert.met_at,
            reason=alert.reason if withdrawn else None,
        )


def _joined(before: Events, more: Events) -> Events:
    return (*before, *more)


def _moments(known: list[Complaint], office: Office) -> list[Moment]:
    """List the moments from which something else held about its limits."""
    found = []
    for complaint in known:
        assert complaint.recorded_at is not None, "a complaint that is followed was recorded"
        then = office.calendars.known_at(complaint.position)
        measured = deadlines(complaint, office, complaint.recorded_at, then)
        cause = "correction" if complaint.events[-1].type == APPROVED else None
        found.append(Moment(complaint.position, complaint.recorded_at, measured, cause))
    for version in office.calendars.versions:
        mine = version.calendar in (NATION, office.ledger)
        if mine and version.approved_at is not None and version.position > known[0].position:
            complaint = [c for c in known if c.position < version.position][-1]
            then = office.calendars.known_at(version.position)
            measured = deadlines(complaint, office, version.approved_at, then)
            found.append(Moment(version.position, version.approved_at, measured, "calendar"))
    return sorted(found, key=lambda moment: moment.position)


def _at(known: list[Complaint], alert: Alert) -> Complaint:
    """Return what was known when a card was raised."""
    then = [c for c in known if c.recorded_at is not None and c.recorded_at <= alert.raised_at]
    return then[-1] if then else known[0]


def _posts(alert: Alert, then: Complaint) -> tuple[str, ...]:
    """Name who answers: the unit for its reply, red cards its head; else the hotline."""
    if alert.deadline != "complaint-reply":
        return (f"{Role.HOTLINE}@{then.events[0].actor.organ or then.organ}",)
    roles = (Role.BUREAU_HEAD, Role.HANDLER) if alert.level == "red" else (Role.HANDLER,)
    return tuple(f"{role}@{then.unit}" for role in roles)
