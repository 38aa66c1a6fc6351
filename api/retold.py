"""A case told again on the command line, and views made anew: both beside a running service.

Replaying only reads: the ledger's rows, folded one more event at a time, each step with the
office as it was known then.
"""

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import click
import orjson

from api.access import Entry, register_of
from api.answers import shown_event, shown_state
from api.operate import Say, database, home, no_ledger
from api.replay import changed
from api.service import Service
from api.settings import Settings
from api.web import sheet
from api.web.texts import Texts
from ledger import records
from ledger.case import Data, replay
from ledger.database import Role
from ledger.errors import Refused
from ledger.ledger import Ledger
from ledger.standing import Caller
from projections.follow import Pool, Projection
from projections.rebuild import Rebuilt, check, rebuild

NOBODY = Caller(person=None, client="command-line")


async def steps(
    settings: Settings,
    name: str,
    number: str,
    last: int | None,
    language: str,
    say: Say,
    *,
    as_json: bool,
) -> list[str]:
    """Return the lines that tell a case step by step, as it was known."""
    at = home(settings)
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(database(settings, at, say))
        service = Service(settings, found, at.keys)
        await service.store.connect()
        stack.push_async_callback(service.store.close)
        stack.callback(service.keyring.close)
        if await service.store.head(name) is None:
            raise no_ledger(name)
        ledger = Ledger(name, service.store, service.keyring)
        await ledger.open()
        entry = Entry(service, ledger, NOBODY, await ledger.now())
        told = await _told(entry, number, last)
        texts = Texts(language, ledger.office.zone)
    if as_json:
        return [orjson.dumps(step).decode() for step in told]
    return list(_written(told, texts, entry))


async def _told(entry: Entry, number: str, last: int | None) -> list[dict[str, Data]]:
    register = register_of(entry, number)
    ledger = entry.ledger
    stream = await ledger.stream_of(*register) if register else None
    if stream is None:
        raise Refused("case-not-found", f"no case {number} in ledger {ledger.name}")
    rows = await ledger.store.of_stream(ledger.name, stream)
    events = [records.decode(row) for row in rows][:last]
    told = []
    before: Data = {}
    for n, event in enumerate(events, 1):
        known = replay(events[:n], entry.office.zone)
        office = entry.office.as_of(event.position)
        state = shown_state(known, entry, office, event.recorded_at or event.occurred_at)
        shown = shown_event(event, entry, known, rows[n - 1].leaf)
        differing = changed(dict(before), dict(state))
        told.append({"act": shown, "after": state, "changed": {k: state[k] for k in differing}})
        before = state
    return told


def _written(told: list[dict[str, Data]], texts: Texts, entry: Entry) -> Iterator[str]:
    """Write the steps as lines: the act, both times, what it said, and what it changed."""
    if not told:
        return
    last = told[-1]["after"]
    about = sheet.item(last)
    yield click.style(f"{last['case']}  {about['name']}", bold=True)
    yield f"{about['code']} · {entry.ledger.name}" + (
        f" · {texts('nav.simulated')}" if entry.office.simulated else ""
    )
    before: Data = {}
    for step in told:
        (row,) = sheet.history([step["act"]], texts, entry.office)
        yield ""
        head = f"{row.number:>3}  {row.occurred}  {row.act}"
        by = " · ".join(part for part in (row.actor, row.post, row.organ) if part)
        yield f"{click.style(head, bold=True)}  {by}"
        late = f"（{row.gap}）" if row.gap else ""
        yield f"     {texts('col.recorded')} {row.recorded}{late}  № {row.position}  {row.leaf}"
        for raised in row.flags:
            said = f"{texts.of('flag', raised['flag'])} {texts.of('rule', raised['rule'])}"
            yield "     " + click.style(said, fg="red")
        for label, value in row.details:
            yield f"     {label} {_safe(value)}"
        yield from (f"     → {line}" for line in _changes(before, step["after"], texts))
        before = step["after"]


def _changes(before: Data, after: Data, texts: Texts) -> Iterator[str]:
    """Tell what an act moved: the stage, and every limit that it opened, moved or met."""
    if before.get("stage") != after["stage"]:
        was = f"{texts.of('stage', before['stage'])} → " if before else ""
        yield f"{texts('col.stage')}: {was}{texts.of('stage', after['stage'])}"
    was_due = {_limit(d): d for d in before.get("deadlines", ())}
    for deadline in after["deadlines"]:
        earlier = was_due.get(_limit(deadline), {})
        same = all(earlier.get(k) == deadline.get(k) for k in ("due", "met_at", "ended_at"))
        if not same:
            yield _deadline(deadline, earlier, texts)


def _limit(deadline: Data) -> tuple[str, str]:
    return str(deadline["name"]), str(deadline["start"])


def _deadline(deadline: Data, earlier: Data, texts: Texts) -> str:
    name = texts.of("deadline", deadline["name"])
    light = texts.of("light", deadline["light"])
    moved = f"{earlier['due']} → " if earlier and earlier["due"] != deadline["due"] else ""
    used = f"{deadline['used']}/{deadline['budget']} {texts.of('unit', deadline['unit'])}"
    done = f"，{texts('col.met')} {deadline['met_at']}" if deadline.get("met_at") else ""
    return f"{name}: {texts('col.due')} {moved}{deadline['due']} ({used}, {light}){done}"


def _safe(text: str) -> str:
    """Return a text without what would steer a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


async def rebuilt(
    settings: Settings, name: str, view: str, say: Say, *, switch: bool
) -> list[Rebuilt]:
    """Make views anew beside those shown, compare, and switch unless told otherwise."""
    at = home(settings)
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(database(settings, at, say))
        service = Service(settings, found, at.keys)
        stack.callback(service.keyring.close)
        await service.store.connect()
        stack.push_async_callback(service.store.close)
        if await service.store.head(name) is None:
            raise no_ledger(name)
        pool = await found.pool(Role.PROJECT)
        stack.push_async_callback(pool.close)
        work = rebuild if switch else check
        wanted = [p for p in service.projections if view in ("all", p.name)]
        return [await _with_bar(work, one, name, service, pool) for one in wanted]


async def _with_bar(
    work: Callable[..., Awaitable[Rebuilt]],
    projection: Projection,
    name: str,
    service: Service,
    pool: Pool,
) -> Rebuilt:
    with click.progressbar(length=1000, label=projection.name, file=sys.stderr) as bar:

        def progress(done: int, of: int) -> None:
            bar.update(1000 * done // max(of, 1) - bar.pos)

        return await work(projection, name, service.store, pool, progress)
