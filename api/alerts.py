"""Alerts for those who supervise, and for those who must answer: `GET /alerts`."""

from aiohttp import web

from api import headers
from api.access import Entry, Scopes, enter, not_given, scopes
from api.answers import of_list
from api.numbered import position_of
from ledger.errors import Refused
from ledger.lifecycle import Role
from projections import timeout_alerts
from projections.asked import Page


async def listed(request: web.Request) -> web.Response:
    """Answer a page of the alerts raised by now; addressees read their own."""
    entry = await enter(request)
    seen = seen_by(entry)
    page = headers.page(
        request, entry.caller.person, "alerts", timeout_alerts.FILTERS, countable=True
    )
    found = await page_of(entry, seen, page)
    return of_list(found.items, page.cursor(found.next), found.total)


def seen_by(entry: Entry) -> Scopes:
    """Return the scopes of the caller's list; none for who reads only what they must answer."""
    try:
        return scopes(entry, "alerts")
    except Refused:
        if not entry.active_posts():
            raise not_given(entry, Role, "alerts") from None
        return ()


async def page_of(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    """Return a page of the alerts in these scopes, and of those that the caller has to answer."""
    if "case" in page.filters:
        # What is not the caller's business does not exist; and what the law has done by now
        # is recorded before it is shown.
        position = await position_of(entry, page.filters["case"])
        await entry.service.caught_up(entry.ledger.name, position)
    return await timeout_alerts.listed(
        entry.service.reads, entry.ledger.name, seen, page.filters, page.after, page.limit,
        await entry.ledger.now(), person=entry.caller.person, counted=page.counted,
    )  # fmt: skip
