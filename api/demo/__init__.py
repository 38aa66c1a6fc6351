"""The demo: real cases brought in, half a year of an example bureau, and named stories.

Everything goes through the HTTP interface, with the tokens of the people who do it.  Each
request carries the same key in each run, so that a demo that was killed goes on where it was,
and one that was finished finds what it did.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import aiohttp
import click

from api import logged
from api.demo import catalogue, elsewhere, plan, stories
from api.demo.caller import Bureau, DemoError, Tally, TokenFor
from api.demo.elsewhere import Brought
from api.demo.pen import ZONE
from api.demo.scene import Told
from api.demo.walk import walk

__all__ = ["START", "DemoError", "Summary", "run_demo"]

# Where the clock of the demo's ledger begins: after the newest date of the imported files.
START = datetime(2026, 3, 2, 8, tzinfo=ZONE)
CONNECTIONS = 32

Bar = Any  # click does not name its type


@dataclass(frozen=True, slots=True)
class Summary:
    """What the demo did, how long it took, and what did not go as planned."""

    brought: tuple[Brought, ...]
    cases: int
    steps: int
    tally: Tally
    stories: tuple[Told, ...]
    import_s: float
    walk_s: float
    total_s: float

    @property
    def good(self) -> bool:
        """Tell whether everything is as it has to be."""
        return all(one.agrees for one in self.brought) and not self.tally.unexpected


async def run_demo(
    base_url: str,
    token_for: TokenFor,
    out: TextIO,
    ledger: str = "469002",
    *,
    cases: int | None = None,
    rows: int | None = None,
    log: Path | None = None,
) -> Summary:
    """Do the demo's work against a running service, and tell what came of it.

    `cases` walks fewer cases and `rows` imports only the first rows: for tests.  `log` is an
    event log that is brought in as well.
    """
    setting = plan.settings()
    begun = time.monotonic()
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        bureau = Bureau(session, base_url, token_for, ledger)
        await bureau.clock(START, setting["people"]["system_admin"])
        _title(out, "办件导入 · real cases of other systems, as facts recorded elsewhere")
        brought = await _bring(bureau, setting["people"], out, rows)
        if log is not None:
            await _look(bureau, setting["people"], out, log)
        _title(
            out, "事项目录 · the catalogue: the province's baseline, and the items of the bureau"
        )
        await _conform(bureau, setting["people"], out)
        imported = time.monotonic()
        lives = plan.lives(setting, cases)
        steps = sum(len(life.steps) for life in lives)
        _title(
            out, f"示例审批局 · {len(lives)} cases of the example bureau, six months, nine people"
        )
        with _bar(out, "acts", steps) as bar:
            await walk(bureau, lives, setting["people"]["system_admin"], bar.update)
        walked = time.monotonic()
        _title(out, "故事 · stories")
        told = await _tell(bureau, setting, out)
    summary = Summary(
        brought,
        len(lives),
        steps,
        bureau.tally,
        told,
        imported - begun,
        walked - imported,
        time.monotonic() - begun,
    )
    _close(out, summary)
    return summary


async def _bring(
    bureau: Bureau, people: Mapping[str, Any], out: TextIO, rows: int | None
) -> tuple[Brought, ...]:
    """Import the files, then compare: the views follow while the next file comes in."""
    told = {}
    for name in elsewhere.FILES:
        with _bar(out, name, 1) as bar:

            def tick(done: int, total: int, bar: Bar = bar) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            told[name] = await elsewhere.bring(bureau, name, people, tick, rows)
    found = []
    for name, report in told.items():
        one = await elsewhere.compare(bureau, name, report, people)
        found.append(one)
        _compared(out, one, whole=rows is None)
    return tuple(found)


async def _conform(bureau: Bureau, people: Mapping[str, Any], out: TextIO) -> None:
    """Bring the catalogue in, and print how the items stand to it."""
    with _bar(out, "items", 1) as bar:

        def tick(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        lines = await catalogue.bring(bureau, people, tick)
    for line in lines:
        click.echo(f"   {line}", file=out)
    click.echo(f"   see  {bureau.url}/conformity as {people['head']}", file=out)


async def _look(bureau: Bureau, people: Mapping[str, Any], out: TextIO, log: Path) -> None:
    """Bring an event log in, and print what the findings say of it."""
    file = logged.read(log)
    if not file.is_log:
        raise DemoError(f"{log.name}: not an event log in XES")
    with _bar(out, file.name[:24], 1) as bar:

        def tick(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        name = f"log-{hashlib.sha256(file.mapping + file.content).hexdigest()[:16]}"
        told = await elsewhere.taken_in(bureau, name, file, people, tick)
    looked = await elsewhere.look_into(bureau, told, people, START.date())
    late, closed = looked.late
    click.echo(
        f"\n{told['system']}: {told['recorded']:,} cases, {told['events']:,} events, "
        f"{told['quarantined']:,} set aside; {late:,} of {closed:,} closed late",
        file=out,
    )
    for rule, text, found in looked.found:
        click.echo(f"{found:>8,}  {rule:<22} {text}", file=out)
    path = f"/findings?item={told['item']}"
    click.echo(f"   see  {bureau.url}{path} as {people['inspector']}", file=out)


def _compared(out: TextIO, one: Brought, *, whole: bool) -> None:
    """Print what the views say beside what the file says."""
    told = one.told
    click.echo(f"\n{told['system']}: {told['events']:,} events of {told['name']}", file=out)
    click.echo(f"{'':>44}  {'the views say':>14}{'  the file says' if whole else ''}", file=out)
    for what, ours, theirs in one.compared:
        beside = f"  {theirs:>13,}  {'=' if ours == theirs else 'DIFFERENT'}" if whole else ""
        click.echo(f"{what:>44}  {ours:>14,}{beside}", file=out)


async def _tell(bureau: Bureau, setting: Mapping[str, Any], out: TextIO) -> tuple[Told, ...]:
    told = await stories.play(bureau, setting, lambda _: None)
    for n, story in enumerate(told, 1):
        click.echo(f"\n{n}. {story.title}", file=out)
        for line in story.lines:
            click.echo(f"   {line}", file=out)
        click.echo(f"   see  {bureau.page(story.case)}", file=out)
        for command in story.commands:
            click.echo(f"   run  {command}", file=out)
    return told


def _close(out: TextIO, summary: Summary) -> None:
    """Print counts and rates, and whatever did not go as planned."""
    tally = summary.tally
    events = sum(one.told["events"] for one in summary.brought)
    _title(out, "计数 · counts and rates")
    click.echo(
        f"imported   {events:>7,} events in {summary.import_s:5.1f} s"
        f"  ({_rate(events, summary.import_s)}/s, through the views)\n"
        f"walked     {summary.cases:>7,} cases, {summary.steps:,} acts in {summary.walk_s:5.1f} s"
        f"  ({_rate(summary.steps, summary.walk_s)}/s over HTTP)\n"
        f"acts       {tally.done:>7,} done now, {tally.replayed:,} found again, "
        f"{tally.refused:,} refused as they must be, {tally.again:,} sent again\n"
        f"everything {summary.total_s:>7.1f} s",
        file=out,
    )
    for line in tally.unexpected:
        click.echo(f"not as planned: {line}", file=out)


def _rate(count: int, seconds: float) -> str:
    return f"{count / max(seconds, 0.001):,.0f}"


def _title(out: TextIO, text: str) -> None:
    click.echo(f"\n== {text}", file=out)


@contextmanager
def _bar(out: TextIO, label: str, length: int) -> Iterator[Bar]:
    with click.progressbar(length=length, label=f"{label:<24}", file=out) as bar:
        yield bar
