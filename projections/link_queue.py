"""What waits to be pushed or claimed (推送与认领待办): the open limits of both, what is due first.

A view of the cards, which are told of every open limit before they are raised: nothing is
stored for it.  A push is the bureau's to make, a claim the supervising organ's.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ledger.case import Data
from ledger.queries import load
from projections import seen
from projections.asked import Asked, Mark, Page, of_page, total, wrong_mark
from projections.follow import Pool

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset({"deadline", "organ", "waits_for", "item", "case", "light"})
DEADLINES = ("push", "claim")
LIGHTS = ("green", "yellow", "red")


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
    """Return a page of the open limits in the cases a reader may see; lights are as of `now`."""
    asked = Asked(filters)
    arguments = (
        ledger,
        *seen.reader(scopes).arguments,
        now,
        limit + 1,
        *_behind(after),
        asked.one_of("deadline", DEADLINES),
        asked.text("organ"),
        asked.text("waits_for"),
        asked.text("item"),
        asked.text("case"),
        asked.one_of("light", LIGHTS),
        counted,
    )
    rows = await reads.fetch(of_page(SQL["listed"], counted=counted), *arguments)
    found = [row for row in rows if row["id"] is not None]
    last = found[limit - 1] if len(found) > limit else None
    return Page(
        tuple(_shown(row) for row in found[:limit]),
        [last["due"].isoformat(), last["id"]] if last else None,
        rows[0]["shown_position"] if rows else -1,
        total(rows, counted=counted),
    )


def _behind(after: Mark | None) -> tuple[date | None, str | None]:
    match after:
        case None:
            return None, None
        case [str() as due, str() as card]:
            return date.fromisoformat(due), card
    raise wrong_mark()


def _shown(row: Any) -> Data:  # noqa: ANN401 (asyncpg ships no types)
    return {
        "case": row["case_no"],
        "item": row["item"],
        "organ": row["organ"],
        "deadline": row["deadline"],
        "start": row["start"].isoformat(),
        "due": row["due"].isoformat(),
        "light": row["light"],
        "waits_for": sorted({post.rpartition("@")[2] for post in row["posts"]}),
    }
