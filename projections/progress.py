"""How far the projections of a ledger have come, for readers who must not read too early."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ledger.case import Data
from ledger.errors import Behind
from projections.follow import SQL

Pool = Any

PATIENCE_S = 2.0
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
    patience_s: float = PATIENCE_S,
    hurry: Callable[[], None] = lambda: None,
) -> None:
    """Wait until these projections show a position of the ledger; else raise `Behind`.

    `hurry` tells the followers of this process that somebody waits.
    """
    await _reach(pool, ledger, projections, {ledger: position + 1}, patience_s, hurry)


async def at_head(
    pool: Pool,
    ledger: str,
    projections: Collection[str],
    *,
    patience_s: float = PATIENCE_S,
    hurry: Callable[[], None] = lambda: None,
) -> None:
    """Wait until these projections show what is in the ledger now, and its refusals."""
    rows = await pool.fetch(SQL["sizes"], ledger)
    wanted = {row["ledger"]: row["size"] for row in rows}
    await _reach(pool, ledger, projections, wanted, patience_s, hurry)


async def _reach(
    pool: Pool,
    ledger: str,
    projections: Collection[str],
    wanted: Mapping[str, int],
    patience_s: float,
    hurry: Callable[[], None],
) -> None:
    wait = _FIRST_LOOK_S
    try:
        async with asyncio.timeout(patience_s):
            while True:
                rows = await pool.fetch(SQL["reached"], ledger, list(projections))
                # A projection that does not follow the refusals does not wait for them.
                reached = {row["sequence"]: row["next_position"] for row in rows}
                if reached and all(n >= wanted.get(s, 0) for s, n in reached.items()):
                    return
                hurry()
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_LOOK_S)
    except TimeoutError:
        raise Behind(f"{', '.join(sorted(projections))}: not yet there") from None
