"""A case as the rules of the findings look at it, and what they find.

Times are those the ledger recorded.  What another system did was recorded when it was
imported, and what the law did when somebody looked: of both it is when they happened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from ledger.case import Case, Event, Events, as_corrected, replay
from ledger.deadline import Deadline
from ledger.due import measured
from ledger.lifecycle import ACTION_OF, BRANCH, Role
from ledger.office import Office
from ledger.workdays import WorkingDays

# So many instants are told ahead of what grows while nobody acts.
AHEAD = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a rule measured of a case; `positions` are its events, the completing one last.

    `part` says what of the case, `same` whether one person did both.  `measured` is None
    where nothing is counted, and where time alone completes it: then `reached` are the
    instants at which the measure becomes 1, 2, 3 …, or it grows from `since` on by `step`.
    """

    measure: str
    positions: tuple[int, ...]
    came_at: datetime
    part: str | None = None
    measured: float | None = None
    beside: float | None = None
    officer: str | None = None
    unit: str | None = None
    same: bool | None = None
    since: datetime | None = None
    step: str | None = None
    reached: tuple[datetime, ...] | None = None


@dataclass(frozen=True)
class Looked:
    """A case with its events as recorded and as corrected, and the days they are counted by."""

    case: Case
    office: Office

    @cached_property
    def events(self) -> Events:
        """The events as they are known by now, in the order they were recorded."""
        return as_corrected(self.case.events)

    @property
    def own(self) -> bool:
        """Whether it was handled here, not imported."""
        return self.case.source is None

    @cached_property
    def days(self) -> WorkingDays:
        """The working days of the jurisdiction, as known by now."""
        return self.office.calendars.days("cn", self.office.ledger)

    @cached_property
    def deadlines(self) -> tuple[Deadline, ...]:
        """The limits of the case, measured at its newest event."""
        assert self.case.recorded_at is not None, "a case that is followed was recorded"
        return measured(self.case, self.office, self.case.recorded_at)

    @cached_property
    def ended_at(self) -> datetime | None:
        """When it came to its first end: closed, or ended without a decision."""
        return next((at(e) for e in self.events if e.type in ENDS), None)

    def all(self, *kinds: str) -> Iterator[Event]:
        """Give the events of these types, in order."""
        return (event for event in self.events if event.type in kinds)

    def first(self, *kinds: str) -> Event | None:
        """Return the first event of these types, or None."""
        return next(self.all(*kinds), None)

    def before(self, event: Event) -> Case:
        """Fold the case as it was known just before an event."""
        return replay((e for e in self.case.events if e.position < event.position), self.case.zone)

    def on(self, moment: datetime) -> date:
        """Tell the local date of an instant."""
        return self.case.on(moment)

    def workdays(self, start: datetime, end: datetime) -> int:
        """Count the working days from one instant to another, the first day not counted."""
        return self.days.count(self.on(start), self.on(end))

    def reaching(self, start: datetime) -> tuple[datetime, ...]:
        """Tell the instants at which 1, 2, 3 … working days have come since an instant."""
        first = self.on(start)
        return tuple(self.midnight(self.days.add(first, n)) for n in range(1, AHEAD + 1))

    def midnight(self, day: date) -> datetime:
        """Return the instant at which a local date begins."""
        return datetime.combine(day, time(), self.case.zone)

    def overdue_at(self, deadline: Deadline) -> datetime:
        """Return the instant from which a limit is overdue."""
        return deadline.over_at(self.case.zone)


# What ends a case without a decision, and what closes it.
WITHOUT_DECISION = ("declined", "withdrawn", "terminated")
ENDS = ("closed", *WITHOUT_DECISION)


def at(event: Event) -> datetime:
    """Tell when an act counts from: recorded, or where that says nothing when it happened."""
    told = event.source is not None or event.actor.kind == "by-law"
    return event.occurred_at if told or event.recorded_at is None else event.recorded_at


def branch(event: Event) -> str | None:
    """Name the responsibility in which a person acted: that of the post, else of the act."""
    role = event.actor.role
    if event.actor.person is None or role == Role.APPLICANT:
        return None
    try:
        found = BRANCH[Role(role)] if role else event.responsibility
    except (KeyError, ValueError):
        found = event.responsibility
    return found if found in ("approval", "supervision", "enforcement") else None


def staff(event: Event) -> bool:
    """Tell whether a person in office did it."""
    return event.actor.person is not None and event.actor.role != Role.APPLICANT


def action(event: Event) -> str:
    """Name what was done: the action, or what the law did."""
    return str(ACTION_OF.get(event.type, event.type))


def step(event: Event) -> str:
    """Name an act with what tells it from others of its kind; an import has its own names."""
    activity = (event.source or {}).get("activity")
    if activity:
        return str(activity)
    data = event.data
    detail = data.get("level") or data.get("kind") or data.get("what")
    document = data.get("document")
    if detail is None and isinstance(document, dict):
        detail = document.get("kind")
    if event.type == "supplement-received":
        detail = None
    return f"{action(event)}:{detail}" if isinstance(detail, str) else action(event)


def positions(*events: Event | None) -> tuple[int, ...]:
    """Name the places of some events in the ledger, in order, each once."""
    return tuple(sorted({event.position for event in events if event is not None}))


def seconds(start: Event, end: Event) -> float:
    """Tell how long it was from one event to another."""
    return (at(end) - at(start)).total_seconds()


def days_between(start: datetime, end: datetime) -> float:
    """Tell how many days lie between two instants, parts of days too."""
    return round((end - start) / timedelta(days=1), 6)


def persons(events: Sequence[Event]) -> set[str]:
    """Name who did any of these."""
    return {event.actor.person for event in events if event.actor.person is not None}
