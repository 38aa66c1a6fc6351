"""Alerts for those who supervise, and for those who must answer: `GET /alerts`."""

from aiohttp import web

from api import headers
from api.access import enter, not_given, scopes
from api.answers import of_list
from api.numbered import position_of
from ledger.errors import Refused
from ledger.lifecycle import Role
from projections import timeout_alerts


async def listed(request: web.Request) -> web.Response:
    """Answer a page of the alerts raised by now; addressees read their own."""
    entry = await enter(request)
    try:
        seen = scopes(entry, "alerts")
    except Refused:
        if not entry.active_posts():
            raise not_given(entry, Role, "alerts") from None
        seen = ()
    page = headers.page(
        request, entry.caller.person, "alerts", timeout_alerts.FILTERS, countable=True
    )
    if "case" in page.filters:
        # What is not the caller's business does not exist; and what the law has done by now
        # is recorded before it is shown.
        position = await position_of(entry, page.filters["case"])
        await entry.service.caught_up(entry.ledger.name, position)
    found = await timeout_alerts.listed(
        entry.service.reads, entry.ledger.name, seen, page.filters, page.after, page.limit,
        await entry.ledger.now(), person=entry.caller.person, counted=page.counted,
    )  # fmt: skip
    return of_list(found.items, page.cursor(found.next), found.total)
