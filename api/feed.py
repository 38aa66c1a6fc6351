"""The feed of events by position, and exports of the list of cases: for other systems.

Order of positions is order of commits and has no holes, so a reader that keeps the last
position it saw misses nothing.  Who may not see a case does not see its events; the position
goes on all the same.
"""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import orjson
from aiohttp import web

from api import headers, streams
from api.access import Entry, case_for, enter, scopes
from api.answers import rendered, shown_event
from api.csv_table import cell
from api.purpose import ITEMS
from api.readings import Stream, before_first_byte
from api.tokens import authenticated
from ledger import records, standing
from ledger.case import Case, Data, Event, replay
from ledger.errors import Refused
from ledger.lifecycle import Responsibility
from projections import current_state
from projections.asked import Asked as Filters

JSON = "application/json"
NDJSON = "application/x-ndjson"
CHUNK = 500
# How many events a page looks through before it says where to go on.
LOOKED = 5_000
FILTERS = frozenset({"after", "limit", "item", "responsibility", "type", "case", "at_least"})

Scope = tuple[tuple[str, str, tuple[str, ...] | None], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader of the feed wants, and what they may see."""

    entry: Entry
    seen: Scope
    after: int
    limit: int | None
    item: str | None
    responsibility: str | None
    kind: str | None
    stream: str | None


async def events(request: web.Request) -> web.StreamResponse:
    """Answer events behind a position: a page of JSON, lines up to the head, or a stream.

    `GET /events?after=`; lines with `Accept: application/x-ndjson`, a stream that goes on as
    events are recorded with `text/event-stream`.
    """
    entry = await enter(request)
    seen = scopes(entry, "feed")
    given = headers.query(request, FILTERS)
    media = headers.preferred(request, (JSON, NDJSON, streams.TYPE))
    asked = await _asked(request, entry, seen, given, paged=media == JSON)
    head = await entry.ledger.store.head(entry.ledger.name)
    size = head.size if head is not None else 0
    if asked.after >= size:
        raise Refused("invalid-parameter", "after: beyond the newest position")
    if media == streams.TYPE:
        return await streams.streamed(request, _going_on(request, asked))
    if media == NDJSON:
        return await _streamed(request, _lines(asked, size), NDJSON, size - 1)
    items: list[Data] = []
    last = asked.after
    looked = 0
    async for position, shown in _through(asked, size):
        last, looked = position, looked + 1
        if shown is not None:
            items.append(shown)
        if len(items) == asked.limit or looked == LOOKED:
            break
    more = str(last) if last < size - 1 else None
    told = {"items": items, "next": more, "position": last}
    response = rendered(told, headers={"Ledger-Position": str(size - 1)})
    response[ITEMS] = len(items)
    return response


async def _asked(
    request: web.Request, entry: Entry, seen: Scope, given: Mapping[str, str], *, paged: bool
) -> Asked:
    after = -1
    if "after" in given:
        after = headers.integer(given["after"], "after")
    resumed = request.headers.getall("Last-Event-ID", ())
    if resumed:
        # It wins: whoever was cut off goes on where the last event stood.
        if len(resumed) > 1:
            raise Refused("invalid-parameter", "Last-Event-ID: one position")
        after = headers.integer(resumed[0].strip(), "Last-Event-ID")
    limit: int | None = 50 if paged else None
    if "limit" in given:
        limit = headers.integer(given["limit"], "limit", least=1, most=500)
    responsibility = given.get("responsibility")
    if responsibility is not None:
        headers.choice(responsibility, "responsibility", frozenset(map(str, Responsibility)))
    kind = given.get("type")
    if kind is not None:
        headers.choice(kind, "type", records.TYPES)
    stream = None
    if "case" in given:
        _, case = await case_for(entry, given["case"])
        stream = case.stream
    return Asked(
        entry, seen, after, limit, Filters(given).text("item"), responsibility, kind, stream
    )


async def _through(asked: Asked, size: int) -> AsyncIterator[tuple[int, Data | None]]:
    """Give every position behind `after` with the event as shown; None where it is not."""
    ledger = asked.entry.ledger
    at = asked.after + 1
    while at < size:
        rows = await ledger.store.since(ledger.name, at, min(CHUNK, size - at))
        if not rows:
            return
        events = [records.decode(row) for row in rows]
        cases = await _cases(asked, events)
        for row, event in zip(rows, events, strict=True):
            case = cases.get(event.stream)
            if _wanted(asked, event, case):
                yield row.position, shown_event(event, asked.entry, case, row.leaf)
            else:
                yield row.position, None
        at = rows[-1].position + 1


async def _cases(asked: Asked, events: Sequence[Event]) -> Mapping[str, Case]:
    """Fold the cases that have to be looked at, read together."""
    streams = sorted(
        {e.stream for e in events if e.stream.startswith("case:") and _fits_event(asked, e)}
    )
    if not streams:
        return {}
    ledger = asked.entry.ledger
    histories: dict[str, list[Event]] = {}
    for row in await ledger.store.of_streams(ledger.name, streams):
        histories.setdefault(row.stream, []).append(records.decode(row))
    return {stream: replay(told, ledger.office.zone) for stream, told in histories.items()}


def _fits_event(asked: Asked, event: Event) -> bool:
    return (
        asked.responsibility in (None, event.responsibility)
        and asked.kind in (None, event.type)
        and asked.stream in (None, event.stream)
    )


def _wanted(asked: Asked, event: Event, case: Case | None) -> bool:
    if not _fits_event(asked, event):
        return False
    everything = any(letter == "J" for letter, _, _ in asked.seen)
    if case is None:
        return everything and asked.item is None
    of = standing.subject(case)
    item = of.item or (case.source or {}).get("item")
    if asked.item not in (None, item):
        return False
    return everything or any(_fits(letter, organ, items, of) for letter, organ, items in asked.seen)


def _fits(letter: str, organ: str, items: tuple[str, ...] | None, of: standing.Subject) -> bool:
    if items is not None and of.item not in items:
        return False
    if letter == "O":
        return organ in (of.approving, of.window)
    return (letter == "S" and organ in of.supervising) or (letter == "E" and organ in of.enforcing)


async def _lines(asked: Asked, size: int) -> AsyncIterator[bytes]:
    given = 0
    async for _, shown in _through(asked, size):
        if shown is not None:
            yield orjson.dumps(shown) + b"\n"
            given += 1
        if given == asked.limit:
            return


async def _going_on(request: web.Request, asked: Asked) -> streams.Pieces:
    """Give events as they are recorded, each with its position; over what is not shown too.

    Who reads is asked again before each stretch, which ends after a second: who may no longer
    read hears no more, however slowly they take what is told.
    """
    ledger, given = asked.entry.ledger, 0
    watch = streams.Watch(request, asked.entry, partial(authenticated, request))
    yield streams.RETRY
    while True:
        head = await ledger.store.head(ledger.name)
        size = head.size if head is not None else 0
        upto = min(size, asked.after + 1 + CHUNK)
        passed = False
        async for position, shown in _through(asked, upto):
            passed = shown is None
            if shown is not None:
                yield streams.event(position, orjson.dumps(shown))
                given += 1
                if given == asked.limit:
                    return
            if watch.due:
                upto = position + 1
                break
        if passed:
            yield streams.event(upto - 1, None)
        if watch.beat():
            yield streams.BEAT
        if not await watch.moved(upto, behind=upto < size):
            return
        seen = scopes(watch.entry, "feed")
        asked = replace(asked, entry=watch.entry, seen=seen, after=upto - 1)


# -- exports ----------------------------------------------------------------------------------

COLUMNS = (
    "case", "item", "stage", "officer", "organ", "source", "received_on", "accepted_on",
    "decided_on", "issued_on", "closed_on", "outcome", "light", "version", "position",
)  # fmt: skip


async def export(request: web.Request) -> web.StreamResponse:
    """Answer the whole list of cases as CSV or one JSON object a line: `GET /export/{format}`.

    Streamed, with the filters of the list.
    """
    entry = await enter(request)
    form = request.path.rpartition("/")[2]
    seen = scopes(entry, "export")
    given = headers.query(request, {*current_state.FILTERS, "at_least"})
    given.pop("at_least", None)
    listed = _listed(entry, seen, given)
    # A filter that is wrong is refused before anything is sent.
    first = await anext(listed, None)
    if form == "ndjson":
        return await _streamed(request, _as_lines(first, listed), NDJSON, None)
    name = f'attachment; filename="cases-{entry.ledger.name}.csv"'
    return await _streamed(
        request, _as_csv(first, listed), "text/csv", None, {"Content-Disposition": name}
    )


async def _listed(
    entry: Entry, seen: Scope, filters: Mapping[str, str]
) -> AsyncIterator[tuple[Data, ...]]:
    after = None
    while True:
        found = await current_state.listed(
            entry.service.reads, entry.ledger.name, seen, filters, after, CHUNK,
            await entry.ledger.now(),
        )  # fmt: skip
        yield found.items
        after = found.next
        if after is None:
            return


async def _as_lines(
    first: tuple[Data, ...] | None, rest: AsyncIterator[tuple[Data, ...]]
) -> AsyncIterator[bytes]:
    async for page in _pages(first, rest):
        yield b"".join(orjson.dumps(item) + b"\n" for item in page)


async def _as_csv(
    first: tuple[Data, ...] | None, rest: AsyncIterator[tuple[Data, ...]]
) -> AsyncIterator[bytes]:
    """Write RFC 4180 that a spreadsheet opens without running anything in it."""
    yield b"\xef\xbb\xbf" + (",".join(COLUMNS) + "\r\n").encode()
    async for page in _pages(first, rest):
        text = io.StringIO()
        writer = csv.writer(text)
        for item in page:
            row = {**item, "officer": item["holder"]["person"]}
            writer.writerow([cell(row[name]) for name in COLUMNS])
        yield text.getvalue().encode()


async def _pages(
    first: tuple[Data, ...] | None, rest: AsyncIterator[tuple[Data, ...]]
) -> AsyncIterator[tuple[Data, ...]]:
    if first is not None:
        yield first
    async for page in rest:
        yield page


async def _streamed(
    request: web.Request,
    pieces: AsyncIterator[bytes],
    media: str,
    position: int | None,
    more: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": f"{media}; charset=utf-8", "Cache-Control": "no-store"}
        | dict(more or {})
    )
    if position is not None:
        response.headers["Ledger-Position"] = str(position)
    await before_first_byte(request, response)
    await response.prepare(request)
    # An answer to HEAD has no body: written all the same, it would be read as the next answer.
    if request.method != "HEAD":
        stream = Stream(request)
        try:
            async for piece in pieces:
                await response.write(piece)
                stream.sent(piece, piece.count(b"\n"))
        finally:
            # The table of columns is no row.  If this fails the answer is cut short.
            stream.items -= stream.items > 0 and media == "text/csv"
            await stream.ended()
    await response.write_eof()
    return response
