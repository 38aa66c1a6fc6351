"""What the deadlines of a case mean for its row: dates, and the instants a light changes at.

Nothing here depends on the day it is computed on, or a rebuild would give other rows: a case
is measured at the time of its own newest event.  Most cases are plain, without a suspension,
an extension or a correction; then a limit is its start, its budget and the calendar, and what
was computed for one case is good for the next.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ledger.case import Case, Data
from ledger.counting import Count
from ledger.deadline import Deadline, foreseen, thresholds
from ledger.due import steps
from ledger.limit import WHOLE, Run
from ledger.office import Office
from ledger.workdays import WorkingDays
from projections.follow import Batch, Connection

NATION = "cn"
_BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
# Beyond two calendar days a working day, what all holidays of a limit may add.
_HOLIDAYS = 62


@dataclass(frozen=True, slots=True)
class Limits:
    """The deadlines of a case in one line.

    `yellow_at` and `red_at` are the earliest instants over the open ones; a clock that is
    stopped has none.  `last_due` is a day after which no calendar matters to them.  `settled`
    says how it ended where nothing is open.
    """

    statutory: date | None = None
    promised: date | None = None
    next_name: str | None = None
    next_due: date | None = None
    last_due: date | None = None
    yellow_at: datetime | None = None
    red_at: datetime | None = None
    stopped: bool = False
    settled: str | None = None
    supplement_ends: datetime | None = None


def limits(case: Case, office: Office) -> Limits:
    """Measure the deadlines of a case, as far as its events and the calendars known tell."""
    if not case.runs or case.recorded_at is None:
        return Limits()
    return _plain(case, office) or measured(case, office)


# -- a plain case -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """An alert policy of some version, to be compared by that alone."""

    name: str
    content: Data = field(compare=False)

    @classmethod
    def of(cls, content: Data) -> "Policy":
        """Take the policy of some terms."""
        return cls(f"{content['id']}@{content.get('version', 1)}", content)


@dataclass(frozen=True, slots=True)
class Instants:
    """When a limit that nothing stops or lengthens is due, and when each level begins."""

    due: date
    early: datetime | None
    yellow: datetime | None
    red: datetime

    @property
    def first(self) -> datetime:
        """The first instant at which a card may be raised."""
        return min(at for at in (self.early, self.yellow, self.red) if at is not None)


def instants(run: Run, days: WorkingDays, zone: ZoneInfo, policy: Policy) -> Instants:
    """Tell when a run is due and when it warns, if nothing stops or lengthens it."""
    name = run.name if run.name in WHOLE else ""
    return _instants(name, run.unit, run.start, run.budget, run.closes, days, zone, policy)


@lru_cache(maxsize=8192)
def _instants(
    name: str,
    unit: str,
    start: date,
    budget: int,
    closes: time | None,
    days: WorkingDays,
    zone: ZoneInfo,
    policy: Policy,
) -> Instants:
    run = Run(
        name=name, unit=unit, budget=budget, start=start, closes=closes, rule="", opened=0,
        opened_at=_BEGINNING,
    )  # fmt: skip
    due = Count(start, unit, days).due(budget)
    deadline = Deadline(
        run=run,
        budget=budget,
        used=0,
        paused_days=0,
        due=due,
        light="",
        moved_by=(),
        provisional=False,
        days=days,
        paused=(),
    )
    at = thresholds(deadline, policy.content, zone)
    red = at["red"]
    assert red is not None, "every limit can be overdue"
    return Instants(due, at["early"], at["yellow"], red)


def plain(case: Case) -> bool:
    """Tell whether its limits are as they were opened: not stopped, lengthened or corrected."""
    return not (case.pauses or case.extensions or any(c["approved"] for c in case.corrections))


def _plain(case: Case, office: Office) -> Limits | None:
    """Measure a plain case by what other cases have taught; None where it is not plain."""
    if not plain(case):
        return None
    policy = Policy.of(case.terms["policies"]["alerts"])
    days = office.calendars.days(NATION, office.ledger)
    known = [(run, instants(run, days, case.zone, policy)) for run in _by_start(case.runs)]
    whole = {run.name: (run, at) for run, at in known if run.name in ("statutory", "promised")}
    if "promised" in whole and whole["promised"][0].over(whole["promised"][1].due):
        return None  # then there is a duty to explain, which is counted from there
    waiting = [(at, run) for run, at in known if run.met is None and run.ended is None]
    soonest = min(waiting, key=lambda w: (w[0].due, w[1].name), default=None)
    ends = [at.red for at, run in waiting if run.name == "supplement"]
    late = any(run.met is not None and run.over(at.due) for run, at in whole.values())
    return Limits(
        statutory=whole["statutory"][1].due if "statutory" in whole else None,
        promised=whole["promised"][1].due if "promised" in whole else None,
        next_name=soonest[1].name if soonest else None,
        next_due=soonest[0].due if soonest else None,
        last_due=far(case),
        yellow_at=min((at.yellow for at, _ in waiting if at.yellow), default=None),
        red_at=min((at.red for at, _ in waiting), default=None),
        settled=None if waiting else "met-late" if late else "met",
        supplement_ends=ends[-1] if ends else None,
    )


def _by_start(runs: Iterable[Run]) -> Sequence[Run]:
    return sorted(runs, key=lambda run: run.start)


def beyond(run: Run) -> date:
    """Return a day after which no calendar can move a limit that nothing stops."""
    return run.start + timedelta(2 * run.budget + _HOLIDAYS)


def far(case: Case, among: Collection[str] | None = None) -> date | None:
    """Return a day after which no calendar can move a limit of the case (or one of these)."""
    runs = [run for run in case.runs if among is None or run.name in among]
    if not runs:
        return None
    paused = sum(
        ((p.end - p.start).days if p.end else 2 * p.planned_days) + _HOLIDAYS for p in case.pauses
    )
    more = 2 * sum(e.days for e in case.extensions) + paused
    explain = 2 * int(case.terms["policies"]["deadlines"].get("explain", 0))
    return max(map(beyond, runs)) + timedelta(more + explain)


# -- any case ---------------------------------------------------------------------------------


def measured(case: Case, office: Office) -> Limits:
    """Measure each deadline of a case by itself."""
    assert case.recorded_at is not None, "a case that is followed was recorded"
    policy = case.terms["policies"]["alerts"]
    found = foreseen(
        steps(case), office.calendars, case.recorded_at, case.zone, policy, overlay=office.ledger
    )
    waiting = [d for d in found if d.open and not d.foreseen]
    soonest = min(waiting, key=lambda d: (d.due, d.name), default=None)
    whole = {d.name: d for d in found if d.name in ("statutory", "promised")}
    at = [thresholds(d, policy, case.zone) for d in found if d.open and not stopped(d)]
    ends = [thresholds(d, policy, case.zone)["red"] for d in waiting if d.name == "supplement"]
    late = any(d.late for d in whole.values())
    return Limits(
        statutory=whole["statutory"].due if "statutory" in whole else None,
        promised=whole["promised"].due if "promised" in whole else None,
        next_name=soonest.name if soonest else None,
        next_due=soonest.due if soonest else None,
        last_due=far(case),
        yellow_at=min((t["yellow"] for t in at if t["yellow"] is not None), default=None),
        red_at=min((t["red"] for t in at if t["red"] is not None), default=None),
        stopped=any(stopped(d) for d in waiting),
        settled=None if waiting else "met-late" if late else "met",
        supplement_ends=ends[-1] if ends else None,
    )


def stopped(deadline: Deadline) -> bool:
    """Tell whether its clock stands still: what had run out before the pause stays so."""
    held = deadline.held_from
    return deadline.open and held is not None and deadline.due >= held


# -- calendars --------------------------------------------------------------------------------


def span(year: int) -> tuple[date, date]:
    """Return the first and last day that a calendar of a year may set.

    A notice may list days of the December before and the January after.
    """
    return date(year - 1, 12, 1), date(year + 1, 1, 31)


async def moved(connection: Connection, batch: Batch, by_calendar: str, of_organ: str) -> set[str]:
    """Find the cases that office events of the batch may have changed, by two statements.

    The one finds cases whose limits run between two days, the other those of an organ.
    """
    found: set[str] = set()
    for first, last in adopted(batch):
        rows = await connection.fetch(by_calendar, *batch.key, first, last)
        found |= {row["stream"] for row in rows}
    for event in batch.events:
        if event.type == "organ-set":
            rows = await connection.fetch(of_organ, *batch.key, event.data["id"])
            found |= {row["stream"] for row in rows}
    return found - batch.later


def adopted(batch: Batch) -> Iterator[tuple[date, date]]:
    """Give for each calendar version adopted in a batch the first and last day it can move."""
    if batch.refusals:
        return
    start = batch.end - len(batch.events)
    for version in batch.office.calendars.versions:
        mine = version.calendar in (NATION, batch.ledger)
        if mine and start <= version.position < batch.end:
            yield span(version.year)
