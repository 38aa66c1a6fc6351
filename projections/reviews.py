"""Evaluations (好差评): one row each, with how far a bad one has come; and rates by unit.

Nothing is deleted: what was found mistaken or malicious stays in the list and says so, it is
only not counted.  Who evaluated and what they wrote is personal and stands nowhere here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ledger.case import Case, Data, Event, as_corrected
from ledger.deadline import Deadline, foreseen, thresholds
from ledger.due import steps
from ledger.lifecycle import Role
from ledger.office import Office
from ledger.queries import load
from ledger.state import number_of
from projections import seen
from projections.as_of import NOW, Then
from projections.asked import Asked, Mark, Page, of_page, total, wrong, wrong_mark
from projections.current_state import OWN
from projections.follow import Batch, Connection, Pool, Projection
from projections.histories import is_case
from projections.limits import beyond, moved
from projections.rates import Unit, ranked
from projections.units import unit_of

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset(
    {
        "grade",
        "bad",
        "state",
        "organ",
        "unit",
        "item",
        "officer",
        "from",
        "to",
        "counted",
    }
)
OF_UNITS = frozenset({"from", "to", "organ", "item"})
GRADES = ("1", "2", "3", "4", "5")
BAD = 2
# What is done about a bad one, in this order; each act leaves it in a state of its own.
ACTS: Mapping[str, str] = {
    "called-back": "called-back",
    "review-verified": "verified",
    "rectified": "rectified",
    "fed-back": "fed-back",
    "review-closed": "closed",
}
STATES = ("rated", *ACTS.values())
DEADLINE = "bad-review"


# -- reading ----------------------------------------------------------------------------------


async def listed(
    reads: Pool,
    ledger: str,
    scopes: Sequence[seen.Scope],
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    now: datetime,
    *,
    counted: bool = False,
) -> Page:
    """Return a page of the evaluations of cases a reader may see, the newest first.

    `now` is the ledger's time: lights are as of then.
    """
    asked = Asked(filters)
    if after is not None and not isinstance(after, int):
        raise wrong_mark()
    grade = asked.one_of("grade", GRADES)
    arguments = (
        ledger,
        *seen.reader(scopes).arguments,
        now,
        limit + 1,
        after,
        None if grade is None else int(grade),
        asked.truth("bad"),
        asked.one_of("state", STATES),
        asked.text("organ"),
        asked.text("unit"),
        asked.text("item"),
        asked.text("officer"),
        asked.day("from"),
        asked.day("to"),
        asked.truth("counted"),
        counted,
    )
    rows = await reads.fetch(of_page(SQL["listed"], counted=counted), *arguments)
    found = [row for row in rows if row["position"] is not None]
    return Page(
        tuple(_shown(row) for row in found[:limit]),
        found[limit - 1]["position"] if len(found) > limit else None,
        rows[0]["shown_position"] if rows else -1,
        total(rows, counted=counted),
    )


def _shown(row: Any) -> Data:  # noqa: ANN401 (asyncpg ships no types)
    again = row["again_grade"]
    return {
        "review": row["event"],
        "position": row["position"],
        "case": row["case_no"],
        "item": row["item"],
        "organ": row["organ"],
        "unit": row["unit"],
        "officers": list(row["officers"]),
        "named": row["named"],
        "grade": row["grade"],
        "bad": row["grade"] <= BAD,
        "channel": row["channel"],
        "rated_on": _day(row["rated_on"]),
        "number": row["number"],
        "state": row["state"],
        "called_back_on": _day(row["called_back_on"]),
        "verified_on": _day(row["verified_on"]),
        "verdict": row["verdict"],
        "counted": row["counted"],
        "rectified_on": _day(row["rectified_on"]),
        "fed_back_on": _day(row["fed_back_on"]),
        "closed_on": _day(row["closed_on"]),
        "due": _day(row["due"]),
        "light": row["light"],
        "reevaluation": None if again is None else {"grade": again, "on": _day(row["again_on"])},
        "source": row["source"],
    }


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


async def units(
    reads: Pool,
    ledger: str,
    scopes: Sequence[seen.Scope],
    filters: Mapping[str, str],
    then: Then | None = None,
) -> tuple[Data, ...]:
    """Return what the evaluations of a period add up to for each unit, the best rate first."""
    asked = Asked(filters)
    first, last = asked.day("from"), asked.day("to")
    if first is None or last is None or last < first:
        raise wrong("from" if first is None else "to", "a date such as 2026-03-02, in order")
    reader = seen.reader(scopes)
    arguments = (first, last, asked.text("organ"), asked.text("item"))
    one_moment = {"readonly": True, "isolation": "repeatable_read"}
    async with reads.acquire() as connection, connection.transaction(**one_moment):
        moved = SQL["moved_since"]
        known = NOW if then is None else await then.known(connection, moved, rows_of, COLUMNS)
        rows = await connection.fetch(SQL["by_unit"], ledger, *reader.arguments, *arguments, *known)
    return ranked(Unit(**dict(row)) for row in rows)


# -- following --------------------------------------------------------------------------------

COLUMNS = (
    "ledger",
    "generation",
    "stream",
    "position",
    "event",
    "case_no",
    "number",
    "item",
    "organ",
    "unit",
    "seen",
    "source",
    "officers",
    "named",
    "grade",
    "channel",
    "rated_on",
    "called_back_on",
    "verified_on",
    "verdict",
    "rectified_on",
    "fed_back_on",
    "closed_on",
    "state",
    "due",
    "met_on",
    "ended_on",
    "after_close",
    "yellow_at",
    "red_at",
    "again_grade",
    "again_on",
    "last_due",
    "moved_position",
)
EVALUATED = "evaluated"
# A case that is given up takes all its duties with it.
MOVING = frozenset({EVALUATED, *ACTS, "correction-approved", "declined", "withdrawn", "terminated"})


async def apply(connection: Connection, batch: Batch) -> None:
    """Write anew the evaluations of cases something happened to, or whose days were set anew."""
    streams = {e.stream for e in batch.events if e.type in MOVING and is_case(e.stream)}
    streams |= await moved(connection, batch.everything, SQL["moved_by_calendar"], SQL["of_organ"])
    cases = [case for case in await batch.cases(streams) if case.reviews]
    if not cases:
        return
    await connection.execute(SQL["remove_cases"], *batch.key, [case.stream for case in cases])
    await connection.copy_records_to_table(
        "review",
        schema_name="projections",
        columns=COLUMNS,
        records=[(*batch.key, *row) for case in cases for row in rows_of(case, batch.office)],
    )


def rows_of(case: Case, office: Office) -> Iterator[tuple[object, ...]]:
    """Tell of each rating of a case how far it has come."""
    events = as_corrected(case.events)
    limits = _limits(case, office)
    of = seen.without_parts(case)
    source = case.source or {}
    moved_at = max((e.position for e in case.events if e.type in MOVING), default=None)
    for number, review in enumerate(case.reviews, 1):
        done = _done(case, events, review["event"])
        limit = limits.get(review["position"])
        again = case.reviews[number] if number < len(case.reviews) else None
        levels = thresholds(limit, _alerts(case), case.zone) if limit is not None else {}
        yield (
            case.stream,
            review["position"],
            review["event"],
            number_of(case, office.ledger),
            number,
            case.terms.get("item", source.get("item")),
            of.approving or None,
            unit_of(case, review["position"]),
            seen.marks(of, office),
            str(source.get("system", OWN)),
            _officers(case, review),
            bool(review.get("about")),
            int(review["grade"]),
            review.get("channel"),
            date.fromisoformat(review["on"]),
            *done,
            limit.due if limit is not None else None,
            limit.run.met if limit is not None else None,
            limit.run.ended if limit is not None else None,
            limit is not None and limit.run.after_close,
            levels.get("yellow"),
            levels.get("red"),
            int(again["grade"]) if again is not None else None,
            date.fromisoformat(again["on"]) if again is not None else None,
            beyond(limit.run) if limit is not None else None,
            moved_at,
        )


def _alerts(case: Case) -> Data:
    policy: Data = case.terms["policies"]["alerts"]
    return policy


def _limits(case: Case, office: Office) -> Mapping[int, Deadline]:
    """Measure how soon each bad one has to be fed back, by the position of its rating."""
    if not any(run.name == DEADLINE for run in case.runs):
        return {}
    assert case.recorded_at is not None, "a case that is followed was recorded"
    measured = foreseen(
        steps(case), office.calendars, case.recorded_at, case.zone, _alerts(case),
        overlay=office.ledger,
    )  # fmt: skip
    return {d.run.opened: d for d in measured if d.name == DEADLINE}


def _done(case: Case, events: Sequence[Event], review: str) -> tuple[object, ...]:
    """Tell on which days what was done about a rating, its verdict, and how far that is."""
    days: dict[str, date] = {}
    verdict = None
    for event in events:
        if event.type in ACTS and event.data["review"] == review:
            days.setdefault(event.type, case.on(event.occurred_at))
            verdict = event.data.get("verdict", verdict)
    reached = [state for kind, state in ACTS.items() if kind in days]
    called, verified, rectified, fed_back, closed = (days.get(kind) for kind in ACTS)
    state = reached[-1] if reached else STATES[0]
    return called, verified, verdict, rectified, fed_back, closed, state


def _officers(case: Case, review: Data) -> list[str]:
    """Name the staff concerned: whom it is about, else everyone who had a duty in the case."""
    if review.get("about"):
        return [str(review["about"])]
    applicants = {e.actor.person for e in case.events if e.actor.role == Role.APPLICANT}
    return sorted(
        {
            str(done["person"])
            for done in case.duties
            if done["position"] < review["position"] and done["person"] not in (None, *applicants)
        }
    )


PROJECTION = Projection(
    name="reviews",
    apply=apply,
    rows={"review": SQL["rows"]},
    remove={"review": SQL["remove"]},
)
