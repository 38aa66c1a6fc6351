"""The pages over a large ledger: server time against the 100 ms they may take, and their queries.

Views of so many cases take an hour to be made: they are written as copies of what the followers
made of two cases that were walked, one to its end and one that is still open.  Those that have
ended are spread over two years, those that are open, a tenth, over the last sixty days; each duty
is shared by 25 persons, and three cases have one applicant.
"""

import random
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from api import operate
from api.app import build
from api.framing import Runner
from api.service import Service
from api.web import pages
from ledger.database import Database
from tests.bench import big
from tests.bench.life import ACTS
from tests.bench.measure import Loop, Row, against, say, summed
from tests.bench.statements import STATEMENTS
from tests.bench.world import LEDGER, World, settings, walked
from tests.queries import Requests, Sent, listening

if TYPE_CHECKING:
    import asyncpg

LIMIT_MS = 100.0
WARM, TIMES = 5, 100
# A page that takes longer is asked for less often.
LONGEST_S = 20.0
ENDED_DAYS = 730
OPEN_DAYS = 60
OPEN_ACTS = 5
OPEN_SHARE = 10


@dataclass
class Page:
    """A page as its readers ask for it: who, and one address after the other."""

    name: str
    person: str
    addresses: Sequence[str]
    sent: list[Sent] = field(default_factory=list)

    @property
    def taken(self) -> Loop:
        """How long it took on the server."""
        took = [one.took_s for one in self.sent]
        return summed(took, sum(took))

    @property
    def asked(self) -> Loop:
        """How long its own statements took."""
        took = [one.asked_s for one in self.sent]
        return summed(took, sum(took))


async def grown(found: World, database: Database, events: int) -> int:
    """Make a ledger of so many events with its views; how many cases it has."""
    await walked(found, database, 1, acts=OPEN_ACTS)
    await walked(found, database, 1)
    share = len(ACTS) * (OPEN_SHARE - 1) + OPEN_ACTS
    ended = await big.grown(found, database, events * len(ACTS) * (OPEN_SHARE - 1) // share)
    async with found.creator(str(database.reach["database"])) as connection:
        first, many = ended + 2, ended // (OPEN_SHARE - 1)
        head = await connection.fetchrow(STATEMENTS["head_of"], LEDGER)
        size, at = head["size"], head["recorded_at"]
        one = await connection.fetchrow(STATEMENTS["begun"], LEDGER, 1)
        last = first + many - 1
        await big.cloned(connection, one["stream"], size, at, one["many"], first, last)
        await connection.execute(STATEMENTS["clone_head"], LEDGER, size + many * one["many"])
        say("views")
        whole = await connection.fetchrow(STATEMENTS["begun"], LEDGER, 2)
        begun = whole["position"] + whole["many"]
        await _views(connection, whole, begun, 1, ended, ENDED_DAYS)
        await _views(connection, one, size, first, last, OPEN_DAYS)
        await connection.execute(STATEMENTS["views_there"], LEDGER)
        await connection.execute(STATEMENTS["counted"], LEDGER)
        await connection.execute(STATEMENTS["settle_all"])
        await connection.execute(STATEMENTS["checkpoint"])
    return ended + many + 2


async def _views(
    connection: "asyncpg.Connection[asyncpg.Record]",
    of: Mapping[str, Any],
    at: int,
    first: int,
    last: int,
    days: int,
) -> None:
    rows = await connection.fetch(
        STATEMENTS["clones_of_views"],
        LEDGER, of["stream"], of["position"], of["many"], at, first, last, days,
    )  # fmt: skip
    for row in rows:
        await connection.execute(row["statement"])


def asked(cases: int) -> list[Page]:
    """The pages that are measured; each case is asked for once, so that it is cold."""
    pick = random.Random(469002)
    numbers = pick.sample(range(1, cases), min(cases - 1, 1_000))
    lists = f"/lists/{LEDGER}"
    return [
        Page("a case", "jiang-he", [f"/cases/{LEDGER}/{LEDGER}-2026-{n:06}" for n in numbers]),
        Page("worklist", "chen-zhi", ["/"]),
        Page(
            "list of cases", "wu-jun",
            [f"{lists}/cases{q}" for q in ("", "?light=red", "?officer=chen-zhi-7", "?stage=closed",
                                           "?overdue=true", f"?q={LEDGER}-2026-0421")],
        ),
        Page("list of alerts", "xing-tao", [f"{lists}/alerts", f"{lists}/alerts?level=red"]),
        Page("audit trail", "jiang-he", [f"{lists}/audit", f"{lists}/audit?actor=chen-zhi-7"]),
        Page("pushes and claims", "xing-tao", [f"{lists}/links", f"{lists}/links?light=red"]),
        Page("board", "xing-tao", [f"/board/{LEDGER}"]),
        Page("board of a supervising organ", "zheng-kai", [f"/board/{LEDGER}"]),
        Page("a person", "jiang-he", [f"/persons/{LEDGER}/chen-zhi-{n}" for n in range(1, 25)]),
        Page("findings", "jiang-he", [f"{lists}/findings"]),
        Page("findings of a rule", "jiang-he", [f"{lists}/findings?rule=four-eyes"]),
    ]  # fmt: skip


@asynccontextmanager
async def _served(found: World, database: Database) -> AsyncIterator[tuple[str, Requests, Service]]:
    """Serve the pages in this process, so that each request tells what it sent."""
    chosen = settings(0, found.folder / "checkpoints" / str(database.reach["database"]))
    heard = Requests()
    with listening():
        service = Service(chosen, database, found.keys)
        runner = Runner(build(service, rows=pages.table(), also=heard), chosen)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}", heard, service
        finally:
            await runner.cleanup()


async def of_pages(found: World, database: Database, cases: int, rounds: int) -> list[Row]:
    """Measure each page in turns, over and over."""
    every = asked(cases)
    async with _served(found, database) as (base, heard, service):
        await service.ledger(LEDGER)
        operate.at_rest()
        publisher = service.publishers[LEDGER]
        head = await service.store.head(LEDGER)
        assert head is not None
        say("log")
        assert await publisher.published(head.size, 1_800)
        async with AsyncExitStack() as stack:
            readers = {}
            for person in sorted({one.person for one in every}):
                jar = aiohttp.CookieJar(unsafe=True)
                session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
                readers[person] = await _signed_in(found, base, person, session)
            for _ in range(rounds):
                for one in every:
                    say(f"page: {one.name}")
                    await _ask(one, readers[one.person], base, heard)
    return [_row(one, cases) for one in every]


async def _signed_in(
    found: World, base: str, person: str, session: aiohttp.ClientSession
) -> aiohttp.ClientSession:
    form = {"token": found.token(person), "next": "/verify"}
    async with session.post(f"{base}/sign-in", data=form) as answer:
        assert 200 == answer.status, await answer.text()
    return session


async def _ask(one: Page, session: aiohttp.ClientSession, base: str, heard: Requests) -> None:
    """Ask for a page so many times; the first few, which plan and connect, are not counted."""
    until = time.perf_counter() + LONGEST_S
    answered: list[Sent] = []
    while not answered or (len(answered) < WARM + TIMES and time.perf_counter() < until):
        address = one.addresses[(len(one.sent) + len(answered)) % len(one.addresses)]
        async with session.get(base + address) as answer:
            assert 200 == answer.status, (address, answer.status, await answer.text())
            await answer.read()
        answered.append(heard.sent[-1])
    one.sent += answered[WARM:] or answered[-1:]


def _row(one: Page, cases: int) -> Row:
    taken, own = one.taken, one.asked
    many = statistics.median_high(len(sent.counted) for sent in one.sent)
    note = (
        f"p50 {taken.p50_ms:.1f} ms; its {many} queries p50 {own.p50_ms:.1f}, p99 "
        f"{own.p99_ms:.1f} ms: {taken.p50_ms / own.p50_ms:.2f} times those"
    )
    name = f"page at {cases:,} cases: {one.name}, p99"
    return against(name, [(taken.p99_ms, LIMIT_MS)], "ms", "<= 1", note)
