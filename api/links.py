"""What waits to be pushed or claimed, for who reads the cases: `GET /links`."""

from aiohttp import web

from api import headers
from api.access import Entry, Scopes, enter, scopes
from api.answers import of_list
from api.numbered import position_of
from projections import link_queue
from projections.asked import Page
from projections.timeout_alerts import PROJECTION

VIEW = (PROJECTION.name,)


async def listed(request: web.Request) -> web.Response:
    """Answer a page of what waits to be pushed or claimed, what is due first at the top."""
    entry = await enter(request)
    seen = scopes(entry, "case")
    page = headers.page(request, entry.caller.person, "links", link_queue.FILTERS, countable=True)
    found = await page_of(entry, seen, page)
    return of_list(found.items, page.cursor(found.next), found.total)


async def page_of(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    """Return a page of the open limits of pushes and claims in these scopes."""
    if "case" in page.filters:
        # What is not the caller's business does not exist.
        await position_of(entry, page.filters["case"])
    await entry.service.caught_up(entry.ledger.name, -1, VIEW)
    return await link_queue.listed(
        entry.service.reads, entry.ledger.name, seen, page.filters, page.after, page.limit,
        entry.now, counted=page.counted,
    )  # fmt: skip
