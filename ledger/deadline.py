"""When a case is due, in working or calendar days, and what moved it (办理时限).

A deadline is a function of what happened, of the calendars known at a position and of the
day it is looked at.  Nothing here asks what time it is: the caller says.  That is what lets
a replay reach, years later, the answer that was given then.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from ledger.counting import Count
from ledger.limit import WHOLE, Data, Facts, Pause, Run, Step, basis, day_ends
from ledger.threshold import warnings
from ledger.workdays import Calendars, Span, Spans, WorkingDays, union

# An event that is being decided has no position yet; it comes after everything known.
_NEXT = 2**62
_DAY = timedelta(days=1)

# Only these are lengthened by an extension (延期), and only this one explains a broken promise.
_EXTENDED, _PROMISE = WHOLE
_EXPLAIN = "stage:explain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """One run, measured: what the case page, the alerts and the figures read.

    `paused_days` are the counted days that the pauses take out after the start, those an open
    one is expected to take included: they explain `due`.  `held_from` is the first paused day
    of an open suspension.  `foreseen` marks a duty that does not exist yet: the explanation
    of a promise not yet broken.
    """

    run: Run
    budget: int
    used: int
    paused_days: int
    due: date
    light: str
    moved_by: tuple[Data, ...]
    provisional: bool
    days: WorkingDays
    paused: Spans
    held_from: date | None = None
    foreseen: bool = False

    @property
    def name(self) -> str:
        """The name of the limit."""
        return self.run.name

    @property
    def calendar_version(self) -> str:
        """The calendars that were counted by, such as cn@4."""
        return self.days.label

    @property
    def left(self) -> int:
        """The days that remain, 0 once they are used up."""
        return max(0, self.budget - self.used)

    @property
    def open(self) -> bool:
        """Whether the duty is still to be done."""
        return self.run.met is None and self.run.ended is None

    @property
    def late(self) -> bool:
        """Whether it was done after the due date had ended."""
        return self.run.met is not None and self.run.over(self.due)

    def over_at(self, zone: tzinfo) -> datetime:
        """Return the instant from which it is overdue."""
        return day_ends(self.due, self.run.closes, zone)

    def document(self) -> dict[str, Any]:
        """Return the deadline as the interface shows it."""
        run = self.run
        shown: dict[str, Any] = {
            "name": run.name,
            "unit": run.unit,
            "budget": self.budget,
            "used": self.used,
            "paused_days": self.paused_days,
            "start": run.start.isoformat(),
            "due": self.due.isoformat(),
        }
        if run.met is not None:
            shown["met_at"] = run.met.isoformat()
        if run.ended is not None:
            shown["ended_at"] = run.ended.isoformat()
        shown |= {
            "light": self.light,
            "basis": basis(run),
            "rule": run.rule,
            "calendar_version": self.calendar_version,
            "moved_by": [dict(moved) for moved in self.moved_by],
        }
        if run.closes is not None:
            shown["closes_at"] = run.closes.isoformat("minutes")
        if self.provisional:
            shown["provisional"] = True
        return shown


def view(
    steps: Sequence[Step],
    calendars: Calendars,
    at: datetime,
    zone: tzinfo,
    policy: Data,
    *,
    national: str = "cn",
    overlay: str | None = None,
) -> tuple[Deadline, ...]:
    """Measure every run of a case at an instant, in order of start.

    `steps` are the facts before any correction, then those after each approved correction;
    `calendars` are those known at the position that is asked about; `policy` is the alert
    policy of the case's terms, which says when a light turns yellow.
    """
    found = foreseen(steps, calendars, at, zone, policy, national=national, overlay=overlay)
    return tuple(d for d in found if not d.foreseen)


def foreseen(
    steps: Sequence[Step],
    calendars: Calendars,
    at: datetime,
    zone: tzinfo,
    policy: Data,
    *,
    national: str = "cn",
    overlay: str | None = None,
) -> tuple[Deadline, ...]:
    """Measure as `view` does, with the duties that will exist if nobody acts."""
    history = _History(steps, calendars, at.astimezone(zone), national, overlay)
    facts = steps[-1].facts
    found: list[Deadline] = []
    for run in facts.runs:
        measured = history.measure(run, policy, history.moved_by(run))
        found.append(measured)
        if run.name == _PROMISE and facts.explain and not _kept(measured):
            found.append(history.explanation(measured, facts, policy))
    return tuple(sorted(found, key=lambda d: d.run.start))


def thresholds(deadline: Deadline, policy: Data, zone: tzinfo) -> dict[str, datetime | None]:
    """Tell from which instant on each level holds, None where the policy has no such level.

    Early and yellow begin at 00:00 of the first day on which their condition holds, red when the
    due date is over: at the close of business, or at 00:00 of the calendar day after it.
    """
    run = deadline.run
    count = Count(run.start, run.unit, deadline.days, deadline.paused)
    early, yellow = warnings(run, count, deadline.budget, deadline.due, policy)
    return {
        "early": _midnight(early, zone) if early is not None else None,
        "yellow": _midnight(yellow, zone) if yellow is not None else None,
        "red": deadline.over_at(zone),
    }


@dataclass(frozen=True, slots=True)
class _Change:
    """Something recorded after a run was opened that may have moved its due date."""

    position: int
    cause: str
    rule: str
    at: datetime | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class _History:
    """What was known at each position, looked at in one local instant."""

    steps: Sequence[Step]
    calendars: Calendars
    at: datetime
    national: str
    overlay: str | None

    @property
    def on(self) -> date:
        return self.at.date()

    @property
    def zone(self) -> tzinfo:
        assert self.at.tzinfo is not None, "an instant has a zone"
        return self.at.tzinfo

    def measure(self, run: Run, policy: Data, moved_by: tuple[Data, ...]) -> Deadline:
        facts, days = self.steps[-1].facts, self.days(_NEXT)
        count = self.count(run, facts, days, _NEXT)
        budget = self.budget(run, facts, _NEXT)
        due = count.due(budget)
        held_from = self.held_from(run, facts)
        today = self.today(run)
        if run.met is not None:
            light = "met-late" if run.over(due) else "met"
        elif self.overdue(run, due):
            light = "red"  # a suspension stops no clock that had run out before
        elif held_from is not None:
            light = "stopped"
        else:
            yellow = warnings(run, count, budget, due, policy)[1]
            light = "yellow" if yellow is not None and today >= yellow else "green"
        return Deadline(
            run=run,
            budget=budget,
            used=count.used(today),
            paused_days=count.taken(),
            due=due,
            light=light,
            moved_by=moved_by,
            provisional=budget > 0 and days.uncertain(run.start + _DAY, due),
            days=days,
            paused=count.paused,
            held_from=held_from,
        )

    def explanation(self, promise: Deadline, facts: Facts, policy: Data) -> Deadline:
        """Measure the duty to explain a broken promise: it starts on the promise's due date."""
        broken_at = promise.over_at(self.zone)
        done = facts.explained
        gone = promise.run.ended if done is None else None
        run = Run(
            name=_EXPLAIN,
            budget=facts.explain,
            start=promise.due,
            rule="deadline.day-after",
            opened=promise.run.opened,
            opened_at=broken_at,
            ended=gone,
            closes=promise.run.closes,
            after_close=promise.run.after_close,
        )
        run = run if done is None else run.met_at(done, self.zone)
        # What moved the promise before it was broken has not moved this duty.
        changes = [c for c in self.changes(promise.run) if c.at is not None and c.at >= broken_at]

        def due_at(position: int) -> date | None:
            start = self.due_at(promise.run, position)
            return None if start is None else self.days(position).add(start, run.budget)

        known = changes[0].position - 1 if changes else run.opened
        return replace(
            self.measure(run, policy, _moves(changes, known, due_at)),
            held_from=promise.held_from if promise.light == "stopped" else None,
            foreseen=promise.open and self.at < broken_at,
        )

    def moved_by(self, run: Run) -> tuple[Data, ...]:
        if self.untouched(run):
            return ()
        return _moves(self.changes(run), run.opened, lambda p: self.due_at(run, p))

    def untouched(self, run: Run) -> bool:
        """Tell at a glance that nothing was recorded since that could have moved a run."""
        facts, versions = self.steps[-1].facts, self.calendars.versions
        return (
            len(self.steps) == 1
            and not (run.pausable and facts.pauses)
            and not (run.name == _EXTENDED and facts.extensions)
            and (not versions or versions[-1].position <= _place(run.opened))
        )

    def days(self, position: int) -> WorkingDays:
        return self.calendars.known_at(position).days(self.national, self.overlay)

    def today(self, run: Run) -> date:
        """Return the day up to which a run counts: it stops when met or ended."""
        if run.met is None and run.ended is None:
            return self.on
        return min(day for day in (self.on, run.met, run.ended) if day is not None)

    def overdue(self, run: Run, due: date) -> bool:
        """Tell whether the due date of a run that was not met is over, or was when it ended."""
        if run.ended is not None and run.ended <= self.on:
            return run.over(due)
        return self.at >= day_ends(due, run.closes, self.zone)

    def facts(self, position: int) -> Facts:
        known = [s for s in self.steps[1:] if _place(s.position) <= position]
        return (known[-1] if known else self.steps[0]).facts

    def budget(self, run: Run, facts: Facts, position: int) -> int:
        if run.name != _EXTENDED or not facts.extensions:
            return run.budget
        return run.budget + sum(
            e.days for e in facts.extensions if e.effective and _place(e.position) <= position
        )

    def count(self, run: Run, facts: Facts, days: WorkingDays, position: int) -> Count:
        paused: Spans = ()
        if run.pausable and facts.pauses:
            today = self.today(run)
            known = (p for p in facts.pauses if _place(p.position) <= position)
            paused = union(_span(pause, days, today) for pause in known)
        return Count(run.start, run.unit, days, paused)

    def held_from(self, run: Run, facts: Facts) -> date | None:
        if not run.pausable or not facts.pauses or run.met is not None:
            return None
        running = [_first(p) for p in facts.pauses if p.end is None]
        return min(running, default=None)

    def due_at(self, run: Run, position: int) -> date | None:
        """Return when a run was due by what was known at a position, None if there was none."""
        facts, days = self.facts(position), self.days(position)
        known = self.same(run, facts)
        if known is None:
            return None
        count = self.count(known, facts, days, position)
        return count.due(self.budget(known, facts, position))

    def same(self, run: Run, facts: Facts) -> Run | None:
        """Find a run in earlier facts: what the same event opened, else the same in number."""
        named = [r for r in facts.runs if r.name == run.name]
        for known in named:
            if known.opened == run.opened:
                return known
        number = [r for r in self.steps[-1].facts.runs if r.name == run.name].index(run)
        return named[number] if number < len(named) else None

    def changes(self, run: Run) -> list[_Change]:
        """List what was recorded after a run was opened and may have moved it, in order."""
        found = {c.position: c for c in self._candidates(run) if c.position > _place(run.opened)}
        return [found[position] for position in sorted(found)]

    def _candidates(self, run: Run) -> Iterator[_Change]:
        for step in self.steps:
            for pause in step.facts.pauses if run.pausable else ():
                yield _Change(_place(pause.position), "suspension", pause.rule)
            for extension in step.facts.extensions if run.name == _EXTENDED else ():
                yield _Change(_place(extension.position), "extension", extension.rule)
        for step in self.steps[1:]:
            yield _Change(_place(step.position), "correction", "correction.approved", step.at)
        for version in self.calendars.versions:
            if version.calendar in (self.national, self.overlay):
                rule, at, notice = "calendar.recalculate", version.approved_at, version.notice
                yield _Change(version.position, "calendar", rule, at, notice)


def _moves(
    changes: Sequence[_Change], opened: int, due_at: Callable[[int], date | None]
) -> tuple[Data, ...]:
    """Say which of the changes moved a due date, in order of position, from when to when."""
    moved: list[Data] = []
    before = due_at(_place(opened)) if changes else None
    for change in changes:
        after = due_at(change.position)
        if before is not None and after is not None and before != after:
            entry = {
                "cause": change.cause,
                "rule": change.rule,
                "position": change.position if change.position < _NEXT else None,
                "from": before.isoformat(),
                "to": after.isoformat(),
            }
            moved.append(entry | ({"notice": change.notice} if change.notice else {}))
        before = after or before
    return tuple(moved)


def _place(position: int) -> int:
    return position if position >= 0 else _NEXT


def _kept(promise: Deadline) -> bool:
    """Tell whether a promise was kept, or ended before it could be broken."""
    run = promise.run
    return (run.met or run.ended) is not None and not run.over(promise.due)


def _first(pause: Pause) -> date:
    return pause.start if pause.rule == "suspension.from-start" else pause.start + _DAY


def _span(pause: Pause, days: WorkingDays, today: date) -> Span:
    """Tell which days a suspension takes out; an open one is taken to end as planned."""
    end = pause.end or max(today, days.add(pause.start, pause.planned_days))
    return _first(pause), end - _DAY if pause.rule == "suspension.whole-days" else end


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
