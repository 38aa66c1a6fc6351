"""Evaluations and what they add up to by unit: `GET /reviews`, `GET /reviews/units`.

Who evaluated is shown to nobody here, least of all to the unit.
"""

from aiohttp import web

from api import headers
from api.access import Entry, Scopes, enter, scopes
from api.answers import of_list, rendered
from api.performance import as_known
from projections import reviews
from projections.asked import Page


async def listed(request: web.Request) -> web.Response:
    """Answer a page of the evaluations, the newest first."""
    entry = await enter(request)
    seen = scopes(entry, "reviews")
    page = headers.page(request, entry.caller.person, "reviews", reviews.FILTERS, countable=True)
    found = await page_of(entry, seen, page)
    return of_list(found.items, page.cursor(found.next), found.total)


async def page_of(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    """Return a page of the evaluations in these scopes."""
    await entry.service.caught_up(entry.ledger.name, -1, (reviews.PROJECTION.name,))
    return await reviews.listed(
        entry.service.reads, entry.ledger.name, seen, page.filters, page.after, page.limit,
        entry.now, counted=page.counted,
    )  # fmt: skip


async def units(request: web.Request) -> web.Response:
    """Answer the rates of a period by unit, the best first."""
    entry = await enter(request)
    seen = scopes(entry, "reviews")
    filters = headers.query(request, {*reviews.OF_UNITS, "as_of", "at_least"})
    filters.pop("at_least", None)
    then = await as_known(entry, filters.pop("as_of", None))
    await entry.service.caught_up(entry.ledger.name, -1, (reviews.PROJECTION.name,))
    rows = await reviews.units(entry.service.reads, entry.ledger.name, seen, filters, then)
    return rendered({"from": filters["from"], "to": filters["to"], "items": rows, "next": None})
