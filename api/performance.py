"""Figures with their definitions, and the cases behind each: `GET /performance`."""

from aiohttp import web

from api import headers
from api.access import Entry, Scopes, enter, scopes
from api.answers import of_list, rendered
from api.cases import moment
from projections import performance, reviews
from projections.as_of import Then
from projections.asked import Page

VIEWS = (performance.PROJECTION.name, reviews.PROJECTION.name)


async def figures(request: web.Request) -> web.Response:
    """Answer every figure of a period, by the ledger as it is now or as it was known."""
    entry = await enter(request)
    seen = scopes(entry, "performance")
    filters = headers.query(request, {*performance.FILTERS, "as_of", "at_least"})
    filters.pop("at_least", None)
    then = await as_known(entry, filters.pop("as_of", None))
    await settled(entry)
    office, now = (then.office, then.at) if then else (entry.office, await entry.ledger.now())
    found = await performance.figures(entry.service.reads, office, seen, filters, now, then)
    return rendered(found)


async def cases(request: web.Request) -> web.Response:
    """Answer a page of the cases behind one figure."""
    entry = await enter(request)
    seen = scopes(entry, "performance")
    page = headers.page(
        request,
        entry.caller.person,
        "performance",
        performance.OF_CASES | {"as_of"},
        countable=True,
    )
    found = await page_of(entry, seen, page)
    return of_list(found.items, page.cursor(found.next), found.total)


async def page_of(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    """Return a page of the cases behind one figure."""
    then = await as_known(entry, page.filters.get("as_of"))
    await settled(entry)
    office, now = (then.office, then.at) if then else (entry.office, await entry.ledger.now())
    return await performance.cases(
        entry.service.reads, office, seen, page.filters, page.after, page.limit, now,
        counted=page.counted, then=then,
    )  # fmt: skip


async def as_known(entry: Entry, text: str | None) -> Then | None:
    """Read the time or position as of which figures are asked for; None: now."""
    if text is None:
        return None
    position, at = await moment(entry, text, "as_of")
    return Then.of(entry.office, entry.ledger.store, position, at)


async def settled(entry: Entry) -> None:
    """Wait until both views show what is in the ledger now."""
    await entry.service.caught_up(entry.ledger.name, -1, VIEWS)
