"""What figures ask of a case: dates and facts, as one row, whichever period is asked for.

Pure.  Nothing here depends on the day it is computed on: a clock that stands still has no due
date yet, and whether a limit had run out at the end of a period is said when one is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time

from ledger.case import Case, as_corrected
from ledger.deadline import foreseen
from ledger.due import steps
from ledger.imported import instant
from ledger.limit import Run
from ledger.office import Office
from ledger.state import number_of
from projections import seen
from projections.current_state import OWN
from projections.limits import NATION, Policy, far, instants, plain, stopped
from projections.units import unit_of

COLUMNS = (
    "ledger",
    "generation",
    "stream",
    "case_no",
    "received_position",
    "item",
    "organ",
    "unit",
    "seen",
    "source",
    "kind",
    "given_up",
    "visited",
    "promised_due",
    "promised_met",
    "promised_ended",
    "promised_after_close",
    "issue_due",
    "issue_met",
    "issue_ended",
    "issue_after_close",
    "closes",
    "deemed_on",
    "extended_late_on",
    "unreasoned_on",
    "ended_on",
    "own_due",
    "ended_late",
    "received_on",
    "until",
    "last_due",
    "moved_position",
)
MEASURED = ("promised", "issue")
_GIVEN_UP = frozenset({"declined", "withdrawn", "terminated"})
_WINDOW = "window"
# The acts after which a case can count for something else than before.
MOVING = frozenset(
    {
        "received",
        "accepted",
        "deemed-accepted",
        "deemed-renewed",
        "suspended",
        "resumed",
        "extended",
        "decided",
        "issued",
        "declined",
        "withdrawn",
        "terminated",
        # What has ended is not handed out any more.
        "permit-recalled",
        "permit-revoked",
        "permit-cancelled",
        "deregistered",
        "remedy-result-recorded",
        "correction-approved",
    }
)


@dataclass(frozen=True, slots=True)
class _Limit:
    """When a limit was due, met and ended; without a due date while its clock stands still."""

    due: date | None = None
    met: date | None = None
    ended: date | None = None
    runs: bool = False
    closes: time | None = None
    after_close: bool = False

    @property
    def open(self) -> bool:
        return self.runs and self.met is None and self.ended is None


def row_of(case: Case, office: Office) -> tuple[object, ...] | None:
    """Tell what figures ask of a case, None where they ask nothing of it."""
    promised, issue = _limits(case, office)
    own = _own_end(case)
    # What a correction took out of the figures was in them before: they are asked for as of then.
    once = promised.runs or any(e.type == "deemed-accepted" for e in case.events)
    if case.received_on is None or not (once or own[0] is not None):
        return None
    events = as_corrected(case.events)
    deemed = next((case.on(e.occurred_at) for e in events if e.type == "deemed-accepted"), None)
    late = [
        case.on(e.occurred_at) for e in events
        if e.type == "extended" and not e.data.get("effective", True)
    ]  # fmt: skip
    unreasoned = _unreasoned(case)
    days = [promised.met, promised.ended, issue.met, issue.ended, deemed, *late, unreasoned, own[0]]
    known = [day for day in days if day is not None]
    of = seen.without_parts(case)
    source = case.source or {}
    return (
        case.stream,
        number_of(case, office.ledger),
        case.events[0].position,
        case.terms.get("item", source.get("item")),
        of.approving or None,
        unit_of(case),
        seen.marks(of, office),
        str(source.get("system", OWN)),
        case.terms.get("kind"),
        any(e.type in _GIVEN_UP for e in events),
        _WINDOW in (case.channel, (case.issued or {}).get("method")),
        promised.due,
        promised.met,
        promised.ended,
        promised.after_close,
        issue.due,
        issue.met,
        issue.ended,
        issue.after_close,
        promised.closes,
        deemed,
        late,
        unreasoned,
        *own,
        min([case.received_on, *known]),
        date.max if promised.open or issue.open else max([case.received_on, *known]),
        far(case, MEASURED),
        max(e.position for e in case.events if e.type in MOVING),
    )


def _limits(case: Case, office: Office) -> tuple[_Limit, _Limit]:
    """Measure the promise and the hand-out of a case."""
    newest: dict[str, Run] = {run.name: run for run in case.runs}
    promised, issue = (newest.get(name) for name in MEASURED)
    due: dict[int, date | None] = {}
    if plain(case):
        policy = Policy.of(case.terms["policies"]["alerts"]) if case.runs else None
        days = office.calendars.days(NATION, office.ledger)
        for run in (promised, issue):
            if run is not None and policy is not None:
                due[id(run)] = instants(run, days, case.zone, policy).due
    elif case.runs:
        assert case.recorded_at is not None, "a case that is followed was recorded"
        alerts = case.terms["policies"]["alerts"]
        measured = foreseen(
            steps(case), office.calendars, case.recorded_at, case.zone, alerts,
            overlay=office.ledger,
        )  # fmt: skip
        due = {id(d.run): None if stopped(d) else d.due for d in measured}
    return _limit(promised, due), _limit(issue, due)


def _limit(run: Run | None, due: Mapping[int, date | None]) -> _Limit:
    if run is None:
        return _Limit()
    return _Limit(
        due[id(run)], run.met, run.ended, runs=True, closes=run.closes, after_close=run.after_close
    )


def _unreasoned(case: Case) -> date | None:
    """Tell the day of a denial that gives no reasons (APL 38)."""
    decision = case.decision or {}
    silent = decision.get("outcome") == "deny" and not (decision.get("reasons") or "").strip()
    return date.fromisoformat(decision["on"]) if silent and case.source is None else None


def _own_end(case: Case) -> tuple[date | None, date | None, bool]:
    """Tell when a case of another system ended, when it was due there, and whether it was late.

    Both come with the import, as facts: `ended` and `deadline`, instants with their offset.
    """
    if case.source is None:
        return None, None, False
    received = as_corrected(case.events)[0].data
    facts = received.get("facts") or {}
    ended, due = (instant(str(facts.get(name, "")), case.zone) for name in ("ended", "deadline"))
    return (
        None if ended is None else case.on(ended),
        None if due is None else case.on(due),
        ended is not None and due is not None and ended > due,
    )
