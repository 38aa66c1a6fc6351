"""Complaints (12345 工单): one row each, with how far it has come and what is due.

Who complains and what they said is personal and stands nowhere here.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ledger.case import Data
from ledger.complaint import Complaint, deadlines, marked, number_of, replay, subject
from ledger.complaint_rules import KINDS, Stage
from ledger.deadline import thresholds
from ledger.office import Office
from ledger.queries import load
from projections import seen
from projections.asked import Asked, Mark, Page, of_page, total, wrong_mark
from projections.follow import Batch, Connection, Pool, Projection
from projections.histories import is_complaint
from projections.limits import beyond, moved

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset({"state", "kind", "unit", "case", "from", "to", "overdue"})


# -- reading ----------------------------------------------------------------------------------


async def listed(
    reads: Pool,
    ledger: str,
    person: str | None,
    scopes: Sequence[seen.Scope],
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    now: datetime,
    *,
    counted: bool = False,
) -> Page:
    """Return a page of the complaints a person may see, the newest first.

    `now` is the ledger's time: lights are as of then.
    """
    asked = Asked(filters)
    if after is not None and not isinstance(after, int):
        raise wrong_mark()
    arguments = (
        ledger,
        *seen.reader(scopes).arguments,
        now,
        limit + 1,
        after,
        person,
        asked.one_of("state", tuple(map(str, Stage))),
        asked.one_of("kind", KINDS),
        asked.text("unit"),
        asked.text("case"),
        asked.day("from"),
        asked.day("to"),
        asked.truth("overdue"),
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


DAYS = ("registered_on", "assigned_on", "replied_on", "escalated_on", "closed_on", "due")
PLAIN = ("position", "kind", "channel", "state", "unit", "item", "result", "grade", "late", "light")


def _shown(row: Any) -> Data:  # noqa: ANN401 (asyncpg ships no types)
    return {
        "complaint": row["number"],
        "case": row["case_no"],
        "about": {"unit": row["about_unit"]} if row["about_unit"] else {},
        **{name: row[name] for name in PLAIN},
        **{name: _day(row[name]) for name in DAYS},
    }


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


# -- following --------------------------------------------------------------------------------

COLUMNS = (
    "ledger",
    "generation",
    "stream",
    "position",
    "number",
    "kind",
    "channel",
    "state",
    "unit",
    "about_unit",
    "about_person",
    "discreet",
    "case_no",
    "item",
    "seen",
    "registered_on",
    "assigned_on",
    "replied_on",
    "escalated_on",
    "closed_on",
    "result",
    "grade",
    "due",
    "yellow_at",
    "red_at",
    "late",
    "last_due",
)


async def apply(connection: Connection, batch: Batch) -> None:
    """Write anew the complaints something happened to, or whose days were set anew."""
    streams = {e.stream for e in batch.events if is_complaint(e.stream)}
    streams |= await moved(connection, batch.everything, SQL["moved_by_calendar"], SQL["of_organ"])
    if not streams:
        return
    histories = await batch.histories.at(streams, batch.events, batch.end)
    told = [replay(histories[stream], batch.office.zone) for stream in sorted(histories)]
    await connection.execute(SQL["remove_some"], *batch.key, [one.stream for one in told])
    await connection.copy_records_to_table(
        "complaint",
        schema_name="projections",
        columns=COLUMNS,
        records=[(*batch.key, *_row(one, batch.office)) for one in told],
    )


def _row(complaint: Complaint, office: Office) -> tuple[object, ...]:
    assert complaint.recorded_at is not None, "a complaint that is followed was recorded"
    measured = deadlines(complaint, office, complaint.recorded_at)
    waiting = [d for d in measured if d.open]
    policy = complaint.terms["policies"]["alerts"]
    at = [thresholds(d, policy, complaint.zone) for d in waiting]
    closed = complaint.closed or {}
    return (
        complaint.stream,
        complaint.events[0].position,
        number_of(complaint, office.ledger),
        complaint.kind,
        complaint.channel,
        str(complaint.stage),
        complaint.unit,
        complaint.about.get("unit"),
        complaint.about.get("person"),
        complaint.discreet,
        complaint.case.get("number"),
        subject(complaint).item or None,
        marked(complaint, seen.marks(subject(complaint), office)),
        complaint.registered_on,
        _last(complaint.assigned),
        _last(complaint.replies),
        _last(complaint.escalations),
        _last((closed,) if closed else ()),
        closed.get("result"),
        (closed.get("satisfaction") or {}).get("grade"),
        min((d.due for d in waiting), default=None),
        min((t["yellow"] for t in at if t["yellow"] is not None), default=None),
        min((t["red"] for t in at if t["red"] is not None), default=None),
        any(d.late for d in measured),
        max(map(beyond, complaint.runs)),
    )


def _last(acts: Sequence[Data]) -> date | None:
    return date.fromisoformat(acts[-1]["on"]) if acts else None


PROJECTION = Projection(
    name="complaints",
    apply=apply,
    rows={"complaint": SQL["rows"]},
    remove={"complaint": SQL["remove"]},
)
