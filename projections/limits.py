"""What the deadlines of a case mean for its row: dates, and the instants a light changes at.

Nothing here depends on the day it is computed on, or a rebuild would give other rows: a case
is measured at the time of its own newest event.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from ledger.case import Case
from ledger.deadline import Deadline, foreseen, thresholds
from ledger.due import steps
from ledger.office import Office
from projections.follow import Batch

NATION = "cn"


@dataclass(frozen=True, slots=True)
class Limits:
    """The deadlines of a case in one line.

    `yellow_at` and `red_at` are the earliest instants over the open ones; a clock that is
    stopped has none.  `last_due` is the last day whose calendar matters.  `settled` says how
    it ended where nothing is open.
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
    policy = case.terms["policies"]["alerts"]
    found = foreseen(
        steps(case), office.calendars, case.recorded_at, case.zone, policy, overlay=office.ledger
    )
    waiting = [d for d in found if d.open and not d.foreseen]
    soonest = min(waiting, key=lambda d: (d.due, d.name), default=None)
    whole = {d.name: d for d in found if d.name in ("statutory", "promised")}
    at = [thresholds(d, policy, case.zone) for d in found if d.open and not stopped(d)]
    ends = [thresholds(d, policy, case.zone)["red"] for d in waiting if d.name == "supplement"]
    return Limits(
        statutory=whole["statutory"].due if "statutory" in whole else None,
        promised=whole["promised"].due if "promised" in whole else None,
        next_name=soonest.name if soonest else None,
        next_due=soonest.due if soonest else None,
        last_due=max(d.due for d in found),
        yellow_at=min((t["yellow"] for t in at if t["yellow"] is not None), default=None),
        red_at=min((t["red"] for t in at if t["red"] is not None), default=None),
        stopped=any(stopped(d) for d in waiting),
        settled=None if waiting else _settled(whole.values()),
        supplement_ends=ends[-1] if ends else None,
    )


def stopped(deadline: Deadline) -> bool:
    """Tell whether its clock stands still: what had run out before the pause stays so."""
    held = deadline.held_from
    return deadline.open and held is not None and deadline.due >= held


def _settled(whole: Iterable[Deadline]) -> str:
    return "met-late" if any(d.late for d in whole) else "met"


def adopted(batch: Batch) -> Iterator[tuple[date, date]]:
    """Give for each calendar version adopted in a batch the first and last day it can move."""
    if batch.refusals:
        return
    start = batch.end - len(batch.events)
    for version in batch.office.calendars.versions:
        mine = version.calendar in (NATION, batch.ledger)
        if mine and start <= version.position < batch.end:
            # A notice may list days of the December before and the January after.
            yield date(version.year - 1, 12, 1), date(version.year + 1, 1, 31)
