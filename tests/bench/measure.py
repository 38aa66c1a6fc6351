"""Closed loops, medians of interleaved rounds, and the rows that the benchmark prints.

A figure alone means nothing on another machine: every row has a reference that was measured
in the same minutes on the same two cores, and the ratio is the median of the rounds' ratios.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Loop:
    """What a closed loop did: acts a second, and how long an act took."""

    rate: float
    p50_ms: float
    p99_ms: float
    acts: int


@dataclass(frozen=True)
class Row:
    """One line of the result; `ratio` is against the reference, `goal` what we aim at."""

    name: str
    value: float
    unit: str
    reference: float
    ratio: float
    goal: str
    note: str = ""

    @property
    def reached(self) -> bool:
        comparison, _, bound = self.goal.partition(" ")
        limit = float(bound)
        return self.ratio >= limit if comparison == ">=" else self.ratio <= limit


Act = Callable[[int, int], Awaitable[object]]


async def closed_loop(callers: int, seconds: float, act: Act) -> Loop:
    """Let each caller act again as soon as it was answered; `act` takes caller and turn."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        turn = 0
        while (begun := time.perf_counter()) < until:
            await act(number, turn)
            took.append(time.perf_counter() - begun)
            turn += 1

    begun = time.perf_counter()
    await asyncio.gather(*(caller(n) for n in range(callers)))
    return summed(took, time.perf_counter() - begun)


def summed(took: Sequence[float], elapsed: float) -> Loop:
    """Sum up how long each act took."""
    ordered = sorted(took)
    return Loop(
        rate=len(took) / elapsed,
        p50_ms=percentile(ordered, 50),
        p99_ms=percentile(ordered, 99),
        acts=len(took),
    )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return a percentile of ordered seconds, in milliseconds."""
    if not ordered:
        return 0.0
    return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def against(
    name: str, pairs: Sequence[tuple[float, float]], unit: str, goal: str, note: str = ""
) -> Row:
    """Make a row of rounds: each a value and its reference."""
    return Row(
        name=name,
        value=round(statistics.median(v for v, _ in pairs), 3),
        unit=unit,
        reference=round(statistics.median(r for _, r in pairs), 3),
        ratio=round(statistics.median(v / r for v, r in pairs), 3),
        goal=goal,
        note=note,
    )


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"  {text}", file=sys.stderr, flush=True)


def table(rows: Sequence[Row]) -> str:
    """Write the rows as one table."""
    lines = [f"{'':47}{'value':>12} {'unit':10}{'reference':>12}{'ratio':>8}  goal"]
    for row in rows:
        mark = "" if row.reached else "  not reached"
        lines.append(
            f"{row.name:47}{row.value:>12,.6g} {row.unit:10}{row.reference:>12,.6g}"
            f"{row.ratio:>8.3g}  {row.goal}{mark}"
        )
        if row.note:
            lines.append(f"    {row.note}")
    return "\n".join(lines)


def written(rows: Sequence[Row], path: Path) -> None:
    """Write the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = [asdict(row) for row in rows]
    path.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
