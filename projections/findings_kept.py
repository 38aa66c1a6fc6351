"""What cases show together, kept as it was measured.

Comparing all cases takes seconds where there are many of them.  So what is found is kept with the
position it was measured at, and is measured anew by who reads where that is quick, else beside
them (`Keeper`).  A reader is told of every rule that is not measured as of what is shown.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson

from ledger.case import Data
from ledger.queries import load
from ledger.records import instant
from projections.findings_measures import MEASURES
from projections.findings_rules import Parameters
from projections.follow import Pool, told

SQL = load(Path(__file__).with_suffix(".sql"))
# What takes the rows of a generation away; no other generation is compared with them.
REMOVE = {"finding_kept": SQL["remove_kept"], "finding_measured": SQL["remove_measured"]}

# The rules that compare cases with one another.
ACROSS = frozenset(
    {
        "alert-habit", "backfill-burst", "batch", "bottleneck", "concentration", "intervention",
        "outlier", "queue-jump", "rare-route", "seal-habit", "suppressed-reviews",
        "two-responsibilities", "withdraw-refile",
    }
)  # fmt: skip

# Up to so many events everything is measured by who reads; above, what takes no longer than that.
SMALL = 10_000
AT_ONCE_S = 0.2
# What was measured beside the readers rests for so many times as long as it took.
REST = 20.0
# How often is looked for what was never measured by these numbers, whoever reads.
LOOK_S = 10.0


@dataclass(frozen=True, slots=True)
class Rule:
    """How a rule stands: measured up to where, when, in how long, and whether that still holds."""

    name: str
    position: int | None = None
    measured_at: datetime | None = None
    took_s: float = 0.0
    ago_s: float = 0.0
    now: bool = False

    @property
    def known(self) -> bool:
        """Whether it was measured by the numbers in force."""
        return self.position is not None

    @property
    def told(self) -> Data:
        """Tell up to where it is measured."""
        at = None if self.measured_at is None else instant(self.measured_at)
        return {"rule": self.name, "position": self.position, "measured_at": at}


@dataclass(frozen=True, slots=True)
class Standing:
    """How the rules stand in a ledger that shows a position."""

    shown: int
    rules: Sequence[Rule]

    @property
    def stale(self) -> tuple[Rule, ...]:
        """What would be measured otherwise now, the quick ones first."""
        return tuple(sorted((r for r in self.rules if not r.now), key=lambda r: r.took_s))

    def quick(self) -> frozenset[str]:
        """Name what is measured anew by who reads, all together in no more than `AT_ONCE_S`."""
        if self.shown < SMALL:
            return frozenset(rule.name for rule in self.stale)
        known = [rule for rule in self.stale if rule.took_s > 0]
        spent = accumulate(rule.took_s for rule in known)
        return frozenset(rule.name for rule, s in zip(known, spent, strict=True) if s <= AT_ONCE_S)

    def without(self, measured: Collection[str]) -> tuple[Rule, ...]:
        """Return what is stale but for what was measured meanwhile."""
        return tuple(rule for rule in self.stale if rule.name not in measured)

    def due(self) -> Iterator[str]:
        """Name what is to be measured beside the readers: not what was only just measured."""
        for rule in self.stale:
            if not rule.known or rule.ago_s >= REST * rule.took_s:
                yield rule.name


async def standing(pool: Pool, ledger: str, by: Parameters, rules: Collection[str]) -> Standing:
    """Return how these rules stand."""
    return standing_of(await pool.fetch(SQL["standing"], ledger, numbers(by)), rules)


def standing_of(rows: Sequence[Any], rules: Collection[str]) -> Standing:
    """Return how these rules stand, as rows tell of those that were ever measured."""
    found = {row["rule"]: _rule(row) for row in rows if row["rule"] is not None}
    shown = rows[0]["shown"] if rows else -1
    return Standing(shown, tuple(found.get(name, Rule(name)) for name in sorted(rules)))


async def measure(
    pool: Pool, ledger: str, by: Parameters, rules: Collection[str], now: datetime
) -> None:
    """Measure rules together in one reading, and keep what is found."""
    tests = [m.condition(by) for m in MEASURES.values() if not m.figures_only and m.rule in rules]
    encoded = orjson.dumps(tests).decode()
    await pool.fetch(SQL["measured"], ledger, numbers(by), encoded, sorted(rules), now)


def numbers(by: Parameters) -> str:
    """Write the numbers in force as a statement takes them."""
    return orjson.dumps(dict(by.values)).decode()


def _rule(row: Any) -> Rule:  # noqa: ANN401 (asyncpg ships no types)
    if not row["by_these"]:
        # By other numbers: nothing of it is shown, yet about as long it takes.
        return Rule(row["rule"], took_s=row["took_s"])
    at = row["measured_at"]
    return Rule(
        row["rule"],
        row["position"],
        datetime.fromisoformat(at) if isinstance(at, str) else at,
        row["took_s"],
        row["ago_s"],
        now=row["now"],
    )


class Keeper:
    """Measures the rules of a ledger beside those who read, one rule after the other.

    `numbers` tells the numbers in force, `now` the time of the ledger, `size` how large it is.
    What was never measured is so once the view has come near the end; what is only behind, once
    somebody has read it (`wanted`).
    """

    def __init__(
        self,
        ledger: str,
        pool: Pool,
        numbers: Callable[[], Parameters],
        now: Callable[[], Awaitable[datetime]],
        size: Callable[[], int],
    ) -> None:
        """Bind the parts; `keeping` runs it."""
        self.trouble: str | None = None
        self._ledger = ledger
        self._pool = pool
        self._numbers = numbers
        self._now = now
        self._size = size
        self._wanted = asyncio.Event()

    def wanted(self) -> None:
        """Let it look at once: somebody has read what is not measured as of now."""
        self._wanted.set()

    async def run(self) -> None:
        """Measure until cancelled; nothing but that ends it."""
        while True:
            read = self._wanted.is_set()
            self._wanted.clear()
            try:
                await self.look(read=read)
                self.trouble = None
            except Exception as error:  # noqa: BLE001 (it is tried again, whatever it was)
                self.trouble = told(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wanted.wait()

    async def look(self, *, read: bool) -> int:
        """Measure what is due, a rule at a time; return how many were measured here."""
        by = self._numbers()
        found = await standing(self._pool, self._ledger, by, ACROSS)
        if found.shown < SMALL or self._size() - 1 - found.shown > SMALL:
            return 0
        unknown = {rule.name for rule in found.rules if not rule.known}
        done = 0
        for name in found.due():
            if read or name in unknown:
                if not await self._alone(by, name):
                    break
                done += 1
        return done

    async def _alone(self, by: Parameters, name: str) -> bool:
        """Measure one rule; not where another process is at it, or just was."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(SQL["alone"], self._ledger):
                return False
            again = await standing(connection, self._ledger, by, (name,))
            due = name in again.due()
            if due:
                await measure(connection, self._ledger, by, (name,), await self._now())
            return due


@asynccontextmanager
async def keeping(keeper: Keeper) -> AsyncIterator[Keeper]:
    """Measure beside the readers while the block runs."""
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
