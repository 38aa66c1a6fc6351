"""That something was recorded while a page was open: told once, and the page stays as it is.

A page is a reading of one moment; whoever reads it decides when to look again.  So the stream
says only at which position something happened, to those to whom the case (or one of their
cases) is visible, and ends.  It does not keep anybody signed in.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import orjson
from aiohttp import web

from api import headers, streams
from api.access import Entry, case_for, reading, scopes
from api.routes import Route
from api.tokens import Caller, caller_of
from api.web import session
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import entered
from ledger import standing
from ledger.case import Case
from ledger.errors import Refused

CHUNK = 500

# Looks behind a position: the newest position to be told of (None: nothing), and how far it looked.
Look = Callable[[Entry, int], Awaitable[tuple[int | None, int]]]


def table() -> tuple[Route, ...]:
    """List the routes of what pages hear."""
    return (
        row("GET", "/live/{ledger}", page(of_desk), "Whether a case of one's own has moved",
            "read-live", (streams.TYPE,)),
        row("GET", "/cases/{ledger}/{case}/live", page(of_case), "Whether a case has moved",
            "read-live", (streams.TYPE,)),
    )  # fmt: skip


async def of_case(request: web.Request, _: Texts, caller: Caller) -> web.StreamResponse:
    """Tell when a case has moved behind a position: `?after=`; with `once` it does not wait."""
    number = request.match_info["case"]
    entry = await entered(request, caller)
    await _open(entry, number)

    async def look(entry: Entry, after: int) -> tuple[int | None, int]:
        head = await entry.ledger.store.head(entry.ledger.name)
        stored = await entry.ledger.load((await _open(entry, number)).stream)
        newest = after if stored is None else stored.position
        looked = after if head is None else max(after, head.size - 1)
        return (newest if newest > after else None), looked

    return await _streamed(request, entry, look)


async def _open(entry: Entry, number: str) -> Case:
    """Return a case if its page is open to the caller, as the page itself asks."""
    entry, case = await case_for(entry, number, fresh=False)
    reading(entry, "case", case)
    return case


async def of_desk(request: web.Request, _: Texts, caller: Caller) -> web.StreamResponse:
    """Tell when a case that is the caller's business has moved behind a position."""
    entry = await entered(request, caller)
    scopes(entry, "case")
    return await _streamed(request, entry, _any_case)


async def _any_case(entry: Entry, after: int) -> tuple[int | None, int]:
    """Look at what was recorded behind a position, for a case that the caller may see."""
    ledger = entry.ledger
    rows = await ledger.store.since(ledger.name, after + 1, CHUNK)
    last = {one.stream: one for one in rows if one.stream.startswith("case:")}
    for newest in sorted(last.values(), key=lambda one: -one.position):
        case = await ledger.peek(newest.stream)
        if case is not None and case.version < newest.version:  # another process recorded it
            case = await ledger.load(newest.stream)
        if case is not None and _visible(entry, case):
            return newest.position, newest.position
    return None, (rows[-1].position if rows else after)


def _visible(entry: Entry, case: Case) -> bool:
    try:
        standing.visible(entry.caller, case, entry.office, entry.now)
    except Refused:
        return False
    return True


async def _streamed(request: web.Request, entry: Entry, look: Look) -> web.StreamResponse:
    """Answer the one notice there is to give."""
    given = headers.query(request, {"after", "once"})
    after = headers.integer(given.get("after", "0"), "after")
    resumed = request.headers.getall("Last-Event-ID", ())
    if resumed:
        after = headers.integer(resumed[0].strip(), "Last-Event-ID")
    return await streams.streamed(request, _told(request, entry, look, after, once="once" in given))


async def _told(
    request: web.Request, entry: Entry, look: Look, after: int, *, once: bool
) -> streams.Pieces:
    """Give the notice when there is something to tell; signs of life before."""
    watch = streams.Watch(request, entry, partial(_signed_in, request))
    yield streams.RETRY
    while True:
        position, after = await look(watch.entry, after)
        if position is not None:
            yield streams.event(position, orjson.dumps({"position": position}))
            return
        if once:
            return
        if watch.beat():
            yield streams.BEAT
        if not await watch.moved(after + 1):
            return


async def _signed_in(request: web.Request) -> Caller:
    """Say who is signed in, as long as their cookie was good when the stream began."""
    given = session.SIGNED_IN.value(request)
    if given is None:
        raise Refused("unauthenticated", "")
    return await caller_of(request, given)
