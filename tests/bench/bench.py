"""`make bench`: measures, prints one table, and writes the rows to `build/bench.json`.

Each figure stands beside a reference that was measured in turns with it, on the same cluster,
fsync on.  Ratios count; figures mean nothing on another machine.
"""

import argparse
import asyncio
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import structlog
import uvloop

from ledger.store import Store
from tests.bench import big, pages
from tests.bench.appends import appends
from tests.bench.life import ACTS, Life
from tests.bench.measure import Loop, Row, against, closed_loop, say, table, written
from tests.bench.peers import (
    Record,
    eventsourcing_application,
    eventsourcing_saves,
    make_raw_table,
    raw_insert,
)
from tests.bench.proofs import of_fsck, of_proofs
from tests.bench.wire import Connection, bare_server
from tests.bench.world import LEDGER, Role, World, caught_up, service, walked, world

ROUNDS = 3
HTTP_GOAL = {1: ">= 0.2", 32: ">= 0.5", 128: ">= 0.6"}


async def over_http(found: World, seconds: float) -> list[Row]:
    """Measure acts over HTTP against the bare server, in turns."""
    database = await found.copy("http")
    rows = []
    async with service(found, database) as ours, bare_server() as bare:
        for callers in (1, 32, 128):
            say(f"HTTP, {callers} callers")
            pairs, times, lag = [], [], 0
            for _ in range(ROUNDS):
                loop, lag = await _acts(found, ours, callers, seconds, durable=True)
                base, _ = await _acts(found, bare, callers, seconds, durable=False)
                pairs.append((loop.rate, base.rate))
                times.append((loop, base))
            loop, base = times[-1]
            note = (
                f"p50 {loop.p50_ms:.1f} ms, p99 {loop.p99_ms:.1f} ms against "
                f"{base.p50_ms:.2f} and {base.p99_ms:.2f}; views {lag:,} events behind at the end"
            )
            name = f"HTTP acts / bare aiohttp POST, {callers} callers"
            rows.append(against(name, pairs, "acts/s", HTTP_GOAL[callers], note))
    return rows


async def _acts(
    found: World, port: int, callers: int, seconds: float, *, durable: bool
) -> tuple[Loop, int]:
    tokens = found.tokens
    connections = [await Connection.to(port) for _ in range(callers)]
    lives = [Life(c, f"/v1/ledgers/{LEDGER}", tokens, durable) for c in connections]
    loop = await closed_loop(callers, seconds, lambda caller, _: lives[caller].act())
    # The views catch up before the other one is measured.
    lag = await caught_up(connections[0]) if durable else 0
    for connection in connections:
        connection.close()
    return loop, lag


async def in_process(found: World, records: Sequence[Record], seconds: float) -> list[Row]:
    """Measure the append against a raw insert of the same rows, and a library's own way."""
    database = await found.copy("append")
    app = database.as_role(Role.APP)
    rows = []
    async with found.creator(str(database.reach["database"])) as connection:
        await make_raw_table(connection)
        for callers in (32, 128):
            say(f"append, {callers} callers")
            pairs = []
            for _ in range(ROUNDS):
                loop = await appends(app, records, callers, seconds, LEDGER)
                raw = await raw_insert(connection, records, callers, seconds)
                pairs.append((loop.rate, raw.rate))
            name = f"append / raw insert, {callers} callers"
            rows.append(against(name, pairs, "events/s", ">= 0.8", f"p99 {loop.p99_ms:.1f} ms"))
    say("eventsourcing, 32 callers")
    library = await found.empty("library")
    text = "x" * (sum(len(record) for _, _, record in records) // len(records))
    pairs = []
    with eventsourcing_application(library.as_creator()) as save:
        for _ in range(ROUNDS):
            loop = await appends(app, records, 32, seconds, LEDGER)
            theirs = await eventsourcing_saves(save, text, 32, seconds)
            pairs.append((loop.rate, theirs.rate))
    name = "append / eventsourcing default path, 32 callers"
    rows.append(against(name, pairs, "events/s", ">= 20", f"theirs p99 {theirs.p99_ms:.0f} ms"))
    return rows


async def when_large(
    found: World, records: Sequence[Record], size: int, seconds: float
) -> list[Row]:
    """Measure the pages over a large ledger, then append and read a case against a small one."""
    large, small = await found.copy("large"), await found.copy("small")
    await walked(found, small, 20)
    cases = await pages.grown(found, large, size)
    rows = await pages.of_pages(found, large, cases, ROUNDS)
    pairs = []
    for _ in range(ROUNDS):
        say(f"append, {size:,} events")
        empty = await found.copy("empty")
        a = await appends(large.as_role(Role.APP), records, 32, seconds, LEDGER)
        b = await appends(empty.as_role(Role.APP), records, 32, seconds, LEDGER)
        pairs.append((a.rate, b.rate))
    rows.append(against(f"append at {size:,} events / empty", pairs, "events/s", ">= 0.9"))
    say(f"reading one of {cases:,} cases")
    times = []
    for _ in range(ROUNDS):
        a = await big.reading(found, large, cases, 700)
        b = await big.reading(found, small, 20, 700)
        times.append((a.p99_ms, b.p99_ms))
    note = f"p50 {a.p50_ms:.2f} ms against {b.p50_ms:.2f}; every case cold on both sides"
    rows.append(against(f"case read at {cases:,} cases / 20, p99", times, "ms", "<= 3", note))
    return rows


async def of_views(found: World, events: int) -> list[Row]:
    """Measure making the views anew against reading and decoding alone."""
    database = await found.copy("views")
    await walked(found, database, 1)
    await big.grown(found, database, events)
    rates = await big.rebuilding(database)
    each = ", ".join(f"{name} {rate:,.0f}" for name, (rate, _) in rates.items())
    slowest = min(rates, key=lambda name: rates[name][0] / rates[name][1])
    name = f"rebuild / read and decode, {events:,} events, slowest view"
    return [against(name, [rates[slowest]], "events/s", ">= 0.5", f"events/s: {each}")]


async def sample(found: World) -> list[Record]:
    """Walk two cases and return their records: what is appended is like what is recorded."""
    database = await found.copy("sample")
    await walked(found, database, 2)
    store = Store(database.as_role(Role.APP))
    await store.connect()
    rows = [row for row in await store.since(LEDGER, 0, 1000) if row.stream.startswith("case:")]
    await store.close()
    return [("case:", row.type, row.record.partition(b"\n")[2]) for row in rows]


async def measured(size: int, seconds: float, only: str | None) -> list[Row]:
    """Measure everything, or the pages or the log alone."""
    async with world() as found:
        if only == "pages":
            large = await found.copy("large")
            return await pages.of_pages(found, large, await pages.grown(found, large, size), ROUNDS)
        records = await sample(found)
        if only == "log":
            rows = await of_proofs(found, records, ROUNDS, seconds)
            return rows + await of_fsck(found, min(size, 500_000), ROUNDS)
        length = sum(len(record) for _, _, record in records) // len(records)
        say(f"{len(ACTS)} acts a life, records of {length:,} bytes on average")
        rows = await over_http(found, seconds)
        rows += await in_process(found, records, seconds)
        rows += await of_proofs(found, records, ROUNDS, seconds)
        rows += await of_fsck(found, min(size, 500_000), ROUNDS)
        rows += await when_large(found, records, size, seconds)
        rows += await of_views(found, min(size, 20_000))
    return rows


def main() -> None:
    """Read the words, measure, print, write."""
    words = argparse.ArgumentParser(prog="make bench", description=__doc__)
    words.add_argument("--size", type=int, default=1_300_000, help="events of the large ledger")
    words.add_argument("--only", choices=("pages", "log"), help="measure these alone")
    words.add_argument("--seconds", type=float, default=2.5, help="of one round")
    words.add_argument("--out", type=Path, default=Path("build/bench.json"))
    asked = words.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    begun = time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(measured(asked.size, asked.seconds, asked.only))
    written(rows, asked.out)
    print(table(rows))
    took = time.perf_counter() - begun
    print(
        f"\n{platform.machine()}, Python {platform.python_version()}, {ROUNDS} rounds of "
        f"{asked.seconds:g} s in turns, fsync on; {took:.0f} s in all; rows in {asked.out}"
    )


if __name__ == "__main__":
    main()
