"""Who read what: the open line of the access log, to be asked by reader, case and day.

Only what an entry is asked by is stored; an entry is told from its stored record.  The sealed
line is followed by nothing, and stands in no table but its own (SECURITY 3.6).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from ledger import records
from ledger.case import Event, Events
from ledger.queries import load
from projections.asked import Asked
from projections.follow import Batch, Connection, Pool, Projection

SQL = load(Path(__file__).with_suffix(".sql"))

COLUMNS = (
    "ledger", "generation", "position", "recorded_at", "refused", "person", "organ", "what",
    "purpose",
)  # fmt: skip
OF_CASES = ("ledger", "generation", "case_no", "position")


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry as it is stored."""

    record: bytes


async def listed(
    reads: Pool,
    ledger: str,
    zone: ZoneInfo,
    filters: Mapping[str, str],
    at: int,
    limit: int,
    *,
    organs: Collection[str] | None = None,
) -> Events:
    """Return entries of the open line from a position on, in order.

    `organs`: only what their staff read, and what anybody read of their cases.
    """
    asked = Asked(filters)
    begin, end = asked.bounds(zone)
    rows = await reads.fetch(
        SQL["listed"],
        ledger,
        at,
        limit,
        asked.text("person"),
        asked.text("organ"),
        asked.text("what"),
        asked.text("purpose"),
        begin,
        end,
        None if organs is None else sorted(organs),
        asked.text("case"),
    )
    return tuple(
        records.decode(_Entry(bytes(row["record"]))) for row in rows if row["position"] is not None
    )


def about(event: Event) -> tuple[str, ...]:
    """Name what an entry is about: the cases read, or the one that a refusal was on."""
    data = event.data
    return tuple(data.get("cases") or filter(None, (data.get("case"),)))


async def apply(connection: Connection, batch: Batch) -> None:
    """Write a row an entry; of the ledger itself nothing is needed."""
    if not batch.refusals:
        return
    await connection.copy_records_to_table(
        "reading",
        schema_name="projections",
        columns=COLUMNS,
        records=[(*batch.key, *_row(event)) for event in batch.events],
    )
    await connection.copy_records_to_table(
        "reading_case",
        schema_name="projections",
        columns=OF_CASES,
        records=[
            (*batch.key, number, event.position)
            for event in batch.events
            for number in dict.fromkeys(about(event))
        ],
    )


def _row(event: Event) -> tuple[object, ...]:
    data = event.data
    return (
        event.position,
        event.recorded_at,
        event.type == "refused",
        event.actor.person,
        event.actor.organ,
        data.get("what") or data.get("action"),
        (data.get("purpose") or {}).get("code"),
    )


PROJECTION = Projection(
    name="readings",
    apply=apply,
    rows={"reading": SQL["rows"], "reading_case": SQL["rows_of_cases"]},
    remove={"reading": SQL["remove"], "reading_case": SQL["remove_cases"]},
    # All that stands in that line: also why a quiet one grew when its log got another key.
    beside=frozenset({"read", "refused", "log-key-set"}),
)
