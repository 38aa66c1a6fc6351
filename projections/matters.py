"""Matters (一件事, 联合办理): what they are, and which cases belong to them.

How far a matter has come is told from the rows of its cases when somebody asks: it is a
function of them, and stands in no row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ledger.case import Data
from ledger.matter import Matter, number_of, replay
from ledger.matter_rules import KINDS
from ledger.office import Office
from ledger.queries import load
from projections import seen
from projections.asked import Asked, Mark, Page, of_page, total, wrong_mark
from projections.follow import Batch, Connection, Pool, Projection
from projections.histories import is_matter

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset({"kind", "organ", "missing", "settled", "item"})


# -- reading ----------------------------------------------------------------------------------


async def listed(
    reads: Pool,
    ledger: str,
    own: Sequence[seen.Scope],
    by_cases: Sequence[seen.Scope],
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    now: datetime,
    *,
    counted: bool = False,
) -> Page:
    """Return a page of the matters a reader may see, the newest first.

    `own` are the relations of their posts to matters, `by_cases` those to cases.
    """
    asked = Asked(filters)
    if after is not None and not isinstance(after, int):
        raise wrong_mark()
    of_matter, of_case = seen.reader(own), seen.reader(by_cases)
    arguments = (
        ledger,
        of_matter.everything,
        [*of_matter.marks, *of_matter.item_marks],
        limit + 1,
        after,
        of_case.everything,
        of_case.marks,
        of_case.item_marks,
        of_case.reviewed,
        now,
        asked.one_of("kind", KINDS),
        asked.text("organ"),
        asked.text("missing"),
        asked.truth("settled"),
        asked.text("item"),
        counted,
        of_case.items,
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
    return {
        "matter": row["number"],
        "position": row["position"],
        "name": row["name"],
        "kind": row["kind"],
        "organ": row["organ"],
        "opened_on": row["opened_on"].isoformat(),
        "items": list(row["items"]),
        "of": len(row["cases"]),
        "decided": row["settled"],
        "due": None if row["due"] is None else row["due"].isoformat(),
        "light": row["light"],
        "missing": list(row["missing"]),
    }


# -- following --------------------------------------------------------------------------------

COLUMNS = (
    "ledger",
    "generation",
    "stream",
    "position",
    "number",
    "name",
    "kind",
    "organ",
    "opened_on",
    "items",
    "cases",
    "missing",
    "seen",
)


async def apply(connection: Connection, batch: Batch) -> None:
    """Write anew the matters something happened to, or whose organ has another place."""
    streams = {e.stream for e in batch.events if is_matter(e.stream)}
    for event in batch.events:
        if event.type == "organ-set":
            rows = await connection.fetch(SQL["of_organ"], *batch.key, event.data["id"])
            streams |= {row["stream"] for row in rows}
    if not streams:
        return
    histories = await batch.histories.at(streams, batch.events, batch.end)
    told = [replay(histories[stream], batch.office.zone) for stream in sorted(histories)]
    await connection.execute(SQL["remove_some"], *batch.key, [one.stream for one in told])
    await connection.copy_records_to_table(
        "matter",
        schema_name="projections",
        columns=COLUMNS,
        records=[(*batch.key, *_row(one, batch.office)) for one in told],
    )


def _row(matter: Matter, office: Office) -> tuple[object, ...]:
    return (
        matter.stream,
        matter.events[0].position,
        number_of(matter, office.ledger),
        matter.name,
        matter.kind,
        matter.organ,
        matter.opened_on,
        list(matter.items),
        list(matter.cases),
        list(matter.missing),
        marks(matter, office),
    )


def marks(matter: Matter, office: Office) -> list[str]:
    """Mark a matter with what every organ is to it, in order."""
    asked = {f"P:{opinion['organ']}" for opinion in matter.opinions}
    above = {f"A:{organ}" for organ in office.all_above(matter.organ)}
    return sorted({f"O:{matter.organ}"} | asked | above)


PROJECTION = Projection(
    name="matters",
    apply=apply,
    rows={"matter": SQL["rows"]},
    remove={"matter": SQL["remove"]},
)
