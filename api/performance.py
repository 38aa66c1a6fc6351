"""Figures with their definitions, and the cases behind each: `GET /performance`."""

from aiohttp import web

from api import headers
from api.access import Entry, enter, scopes
from api.answers import of_list, rendered
from projections import performance, reviews

VIEWS = (performance.PROJECTION.name, reviews.PROJECTION.name)


async def figures(request: web.Request) -> web.Response:
    """Answer every figure of a period, by the ledger as it is now."""
    entry = await enter(request)
    seen = scopes(entry, "performance")
    filters = headers.query(request, {*performance.FILTERS, "at_least"})
    filters.pop("at_least", None)
    await _settled(entry)
    found = await performance.figures(
        entry.service.reads, entry.office, seen, filters, await entry.ledger.now()
    )
    return rendered(found)


async def cases(request: web.Request) -> web.Response:
    """Answer a page of the cases behind one figure."""
    entry = await enter(request)
    seen = scopes(entry, "performance")
    page = headers.page(
        request, entry.caller.person, "performance", performance.OF_CASES, countable=True
    )
    await _settled(entry)
    found = await performance.cases(
        entry.service.reads, entry.office, seen, page.filters, page.after, page.limit,
        await entry.ledger.now(), counted=page.counted,
    )  # fmt: skip
    return of_list(found.items, page.cursor(found.next), found.total)


async def _settled(entry: Entry) -> None:
    """Wait until both views show what is in the ledger now."""
    await entry.service.caught_up(entry.ledger.name, -1, VIEWS)
