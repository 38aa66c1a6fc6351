"""Where every case stands (当前状态): one row a case, for lists and for the sweeper of by-law acts.

A light is a function of time, so it is not stored: the instants are at which an open deadline
turns yellow and red, and a reader compares them with the ledger's clock.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ledger.case import Case, Data, Event
from ledger.due import renewal_due
from ledger.lifecycle import OVER, Responsibility, Stage
from ledger.office import Office
from ledger.queries import load
from ledger.state import number_of
from projections import seen
from projections.asked import Asked, Mark, Page, behind, of_page, total, wrong_mark
from projections.follow import Batch, Connection, Pool, Projection
from projections.limits import Limits, limits, moved

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset(
    {
        "stage",
        "item",
        "responsibility",
        "officer",
        "organ",
        "overdue",
        "light",
        "received_from",
        "received_to",
        "closed_from",
        "closed_to",
        "updated_after",
        "due_to",
        "q",
    }
)
LIGHTS = frozenset({"red", "yellow", "stopped", "green", "met", "met-late"})
OWN = "own"


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
    """Return a page of the cases a reader may see, the newest receipt first.

    `scopes` are the relations their posts give, `now` is the ledger's time: lights are as of
    then.  Raises `Refused` (`invalid-parameter`) for a filter that cannot be read.
    """
    asked = Asked(filters)
    reader = seen.reader(scopes)
    if after is not None and not isinstance(after, int):
        raise wrong_mark()
    arguments = (
        ledger,
        *reader.arguments,
        now,
        reader.reviewed,
        limit + 1,
        after,
        asked.one_of("stage", [str(stage) for stage in Stage]),
        asked.text("item"),
        asked.one_of("responsibility", [str(one) for one in Responsibility]),
        asked.text("officer"),
        asked.text("organ"),
        asked.day("received_from"),
        asked.day("received_to"),
        asked.day("closed_from"),
        asked.day("closed_to"),
        asked.number("updated_after"),
        asked.text("q"),
        behind(asked.text("q")),
        asked.truth("overdue"),
        asked.one_of("light", LIGHTS),
        counted,
        asked.day("due_to"),
    )
    rows = await reads.fetch(of_page(SQL["listed"], counted=counted), *arguments)
    found = [row for row in rows if row["received_position"] is not None]
    following = found[limit - 1]["received_position"] if len(found) > limit else None
    position = rows[0]["shown_position"] if rows else -1
    return Page(
        tuple(_shown(row) for row in found[:limit]),
        following,
        position,
        total(rows, counted=counted),
    )


# Where a case still waits for somebody.
OPEN = tuple(str(stage) for stage in Stage if stage not in OVER)


async def worklist(
    reads: Pool,
    ledger: str,
    now: datetime,
    person: str,
    after: Mark | None,
    limit: int,
    *,
    stages: Sequence[str] | None = None,
    organs: Sequence[str] = (),
) -> Page:
    """Return a page of what waits for a person, what is due first at the top.

    Without `stages` it is what the person holds; with them what stands at these stages in the
    person's organs and is not in their own hands already.
    """
    due, position = _after(after)
    held = stages is None
    rows = await reads.fetch(
        SQL["worklist"],
        ledger,
        now,
        person if held else None,
        list(OPEN if stages is None else stages),
        None if held else [f"O:{organ}" for organ in organs],
        person,
        due,
        position,
        limit + 1,
    )
    found = [row for row in rows if row["received_position"] is not None]
    last = found[limit - 1] if len(found) > limit else None
    mark: Mark | None = None
    if last is not None:
        mark = [last["next_due"].isoformat() if last["next_due"] else "", last["received_position"]]
    shown = rows[0]["shown_position"] if rows else -1
    return Page(tuple(_shown(row) for row in found[:limit]), mark, shown, None)


def _after(after: Mark | None) -> tuple[date | None, int | None]:
    """Read where a worklist goes on; what is never due comes last."""
    if after is None:
        return None, None
    match after:
        case [str(due), int(position)]:
            return (date.fromisoformat(due) if due else date.max), position
    raise wrong_mark()


def _shown(row: Any) -> Data:  # noqa: ANN401 (asyncpg ships no types)
    return {
        "case": row["case_no"],
        "item": row["item"],
        "item_name": row["item_name"],
        "stage": row["stage"],
        "responsibility": row["responsibility"],
        "light": row["light"],
        "overdue": row["overdue"],
        "version": row["version"],
        "position": row["position"],
        "holder": {"person": row["officer"], "unit": row["unit"]},
        "organ": row["organ"],
        "received_on": _day(row["received_on"]),
        "accepted_on": _day(row["accepted_on"]),
        "decided_on": _day(row["decided_on"]),
        "issued_on": _day(row["issued_on"]),
        "closed_on": _day(row["closed_on"]),
        "outcome": row["outcome"],
        "deadline": row["next_deadline"],
        "due": _day(row["next_due"]),
        "statutory_due": _day(row["statutory_due"]),
        "promised_due": _day(row["promised_due"]),
        "source": row["source"],
    }


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


async def due_by_law(reads: Pool, ledger: str, now: datetime, limit: int = 100) -> tuple[str, ...]:
    """Name the streams of the cases for which the law has spoken by now, the oldest first.

    What it names is settled by reading the case again; that it is named twice does no harm.
    """
    rows = await reads.fetch(SQL["due_by_law"], ledger, now, limit)
    return tuple(row["stream"] for row in rows)


async def sanctioned(reads: Pool, ledger: str, on: date) -> tuple[str, ...]:
    """Name the streams of the cases with a sanction that is in force on a day."""
    rows = await reads.fetch(SQL["sanctioned"], ledger, on)
    return tuple(row["stream"] for row in rows)


async def imported(reads: Pool, ledger: str, system: str, days: int) -> Data:
    """Count what a system's imported cases add up to.

    `cases`, `issued`, `completed`, `completed_without_issue`, and `issued_after_days`: issued
    more than `days` calendar days after receipt.
    """
    row = await reads.fetchrow(SQL["imported"], ledger, system, days)
    return dict(row)


# -- following --------------------------------------------------------------------------------

COLUMNS = (
    "ledger",
    "generation",
    "stream",
    "case_no",
    "received_position",
    "position",
    "version",
    "item",
    "item_name",
    "stage",
    "responsibility",
    "officer",
    "unit",
    "organ",
    "parts",
    "seen",
    "source",
    "received_on",
    "accepted_on",
    "decided_on",
    "issued_on",
    "closed_on",
    "outcome",
    "reviewed",
    "statutory_due",
    "promised_due",
    "next_deadline",
    "next_due",
    "last_due",
    "yellow_at",
    "red_at",
    "stopped",
    "settled",
    "by_law_at",
    "sanctioned_until",
)


async def apply(connection: Connection, batch: Batch) -> None:
    """Write anew the cases that something happened to, or whose days were set anew."""
    streams = batch.streams | await moved(
        connection, batch, SQL["moved_by_calendar"], SQL["of_organ"]
    )
    cases = await batch.cases(streams)
    if not cases:
        return
    rows = [(*batch.key, *_row(case, batch.office)) for case in cases]
    await connection.execute(SQL["remove_cases"], *batch.key, [case.stream for case in cases])
    await connection.copy_records_to_table(
        "current_state", schema_name="projections", columns=COLUMNS, records=rows
    )


def _row(case: Case, office: Office) -> tuple[object, ...]:
    of = seen.of_case(case)
    due = limits(case, office)
    decision = case.decision or {}
    source = case.source or {}
    return (
        case.stream,
        number_of(case, office.ledger),
        case.events[0].position,
        case.position,
        case.version,
        case.terms.get("item", source.get("item")),
        case.terms.get("name"),
        str(case.stage),
        case.events[-1].responsibility,
        officer(case),
        case.holder.get("unit"),
        of.approving or None,
        sorted(of.parts),
        seen.marks(of, office),
        str(source.get("system", OWN)),
        case.received_on,
        case.accepted_on,
        date.fromisoformat(decision["on"]) if decision else None,
        date.fromisoformat(case.issued["on"]) if case.issued else None,
        case.closed_on,
        decision.get("outcome"),
        bool(case.reviews),
        due.statutory,
        due.promised,
        due.next_name,
        due.next_due,
        due.last_due,
        due.yellow_at,
        due.red_at,
        due.stopped,
        due.settled,
        _by_law_at(case, due),
        _sanctioned_until(case),
    )


def _by_law_at(case: Case, due: Limits) -> datetime | None:
    waits = case.stage in (Stage.RECEIVED, Stage.SUPPLEMENTING) and case.source is None
    instants = (due.supplement_ends if waits else None, renewal_due(case))
    return min((at for at in instants if at is not None), default=None)


def _sanctioned_until(case: Case) -> date | None:
    return max((date.fromisoformat(s["until"]) for s in case.sanctions), default=None)


def officer(case: Case) -> str | None:
    """Name the member of staff who holds the case; never an applicant, whose id is personal."""
    person = case.holder.get("person")
    return None if person is None or person in applicants(case.events) else str(person)


def applicants(events: Sequence[Event]) -> frozenset[str | None]:
    """Name who acted as the applicant, so that they are stored nowhere else."""
    return frozenset(e.actor.person for e in events if e.actor.role == "applicant")


PROJECTION = Projection(
    name="current_state",
    apply=apply,
    rows={"current_state": SQL["rows"]},
    remove={"current_state": SQL["remove"]},
)
