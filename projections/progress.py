"""How far the projections of a ledger have come, for readers who must not read too early."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from ledger.case import Data
from ledger.errors import Behind
from projections.follow import SQL

Pool = Any

_FIRST_LOOK_S = 0.005
_LONGEST_LOOK_S = 0.05


async def status(pool: Pool, ledger: str) -> tuple[Data, ...]:
    """Tell of each projection where it is, how many events behind, and what stopped it.

    `failed` names the position of an event that could not be applied, when, and the error.
    """
    rows = await pool.fetch(SQL["status"], ledger)
    return tuple(
        {
            "projection": row["projection"],
            "sequence": row["sequence"],
            "generation": row["generation"],
            "position": row["next_position"] - 1,
            "behind": max(0, row["behind"]),
            "failed": None
            if row["error"] is None
            else {
                "position": row["failed_position"],
                "at": row["failed_at"].isoformat(),
                "error": row["error"],
            },
        }
        for row in rows
    )


async def at_least(
    pool: Pool,
    ledger: str,
    projections: Collection[str],
    position: int,
    *,
    patience_s: float,
    hurry: Callable[[], None] = lambda: None,
) -> None:
    """Wait until these projections show a position of the ledger; else raise `Behind`.

    `hurry` tells the followers of this process that somebody waits.
    """
    await _reach(pool, ledger, projections, position + 1, patience_s, hurry, head=False)


async def at_head(
    pool: Pool,
    ledger: str,
    projections: Collection[str],
    *,
    patience_s: float,
    position: int = -1,
    hurry: Callable[[], None] = lambda: None,
) -> None:
    """Wait until these projections show what is in the ledger now, and its refusals.

    A position that is known of already is waited for in any case.
    """
    await _reach(pool, ledger, projections, position + 1, patience_s, hurry, head=True)


async def _reach(
    pool: Pool,
    ledger: str,
    projections: Collection[str],
    least: int,
    patience_s: float,
    hurry: Callable[[], None],
    *,
    head: bool,
) -> None:
    wait = _FIRST_LOOK_S
    # A projection that does not follow the refusals does not wait for them.
    ends: dict[str, int] = {}
    try:
        async with asyncio.timeout(patience_s):
            while True:
                rows = await pool.fetch(SQL["reached"], ledger, list(projections))
                ends = ends or {
                    row["sequence"]: max(
                        row["size"] if head else 0, least if row["sequence"] == ledger else 0
                    )
                    for row in rows
                }
                if rows and all(
                    row["next_position"] >= ends.get(row["sequence"], 0) for row in rows
                ):
                    return
                hurry()
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_LOOK_S)
    except TimeoutError:
        raise Behind(f"{', '.join(sorted(projections))}: not yet there") from None
