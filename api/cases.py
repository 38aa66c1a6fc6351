"""Reading cases: the list, one case now or as it was known, its history."""

from datetime import datetime

from aiohttp import web

from api import headers
from api.access import Entry, Scopes, case_for, enter, reading, scopes
from api.answers import of_list, rendered, shown_event, shown_state
from api.reveal import revealed
from ledger import records
from ledger.case import Case, Data, replay
from ledger.errors import Refused
from projections import current_state
from projections.asked import Page


async def one(request: web.Request) -> web.Response:
    """Answer a case: `GET /cases/{case}`, also as it was known, or as it was.

    `as_of` is what the ledger knew then; `valid_at` what was so then, by all that is known
    since (or was known `as_of`).
    """
    entry = await enter(request)
    entry, case = await case_for(entry, request.match_info["case"])
    query = headers.query(request, {"as_of", "valid_at", "at_least", "reveal"})
    if not query.keys() & {"as_of", "valid_at"}:
        if entry.caller.person is not None:
            reading(entry, "case", case)
        opened = None
        if "reveal" in query:
            opened = revealed(request, entry, case, query["reveal"])
        return answer(entry, case, await entry.ledger.now(), None, opened)
    if "reveal" in query:
        raise Refused("invalid-parameter", "reveal: of the case as it is now")
    reading(entry, "history", case)
    position, at = case.position, entry.now
    if "as_of" in query:
        position, at = await moment(entry, query["as_of"], "as_of")
    then = await entry.ledger.as_it_was(case.stream, position)
    if "valid_at" in query:
        at = headers.instant(query["valid_at"], "valid_at")
        if at > entry.now:
            raise Refused("invalid-parameter", "valid_at: lies ahead of the ledger's time")
        then = replay(then.events, then.zone, until=at)
    if then.version == 0:
        raise Refused("case-not-found", "no such case, or not for you")
    return answer(entry, then, at, position if "as_of" in query else None)


def answer(
    entry: Entry, case: Case, at: datetime, position: int | None, opened: Data | None = None
) -> web.Response:
    """Answer the state of a case with its version and position, and fields that were opened."""
    office = entry.office if position is None else entry.office.as_of(position)
    shown = shown_state(case, entry, office, at)
    if opened is not None:
        shown["revealed"] = opened
    return rendered(
        shown,
        headers={"ETag": f'"{case.version}"', "Ledger-Position": str(case.position)},
    )


async def moment(entry: Entry, text: str, name: str) -> tuple[int, datetime]:
    """Read a time or a position, and return what the ledger knew then and when that was."""
    ledger = entry.ledger
    wrong = Refused("invalid-parameter", f"{name}: a time with offset, or a position")
    if text.isascii() and text.isdigit():
        row = await ledger.store.row(ledger.name, headers.integer(text, name))
        if row is None:
            raise wrong
        return row.position, row.recorded_at
    at = headers.instant(text, name)
    if at > entry.now:
        raise Refused("invalid-parameter", f"{name}: lies ahead of the ledger's time")
    return await ledger.store.position_at(ledger.name, at), at


async def history(request: web.Request) -> web.Response:
    """Answer every event of a case: `GET /cases/{case}/events`."""
    entry = await enter(request)
    entry, case = await case_for(entry, request.match_info["case"])
    reading(entry, "history", case)
    headers.query(request, {"at_least"})
    rows = await entry.ledger.store.of_stream(entry.ledger.name, case.stream)
    items = [shown_event(records.decode(row), entry, case, row.leaf) for row in rows]
    return rendered(
        {"items": items, "next": None},
        headers={"ETag": f'"{case.version}"', "Ledger-Position": str(case.position)},
    )


async def listed(request: web.Request) -> web.Response:
    """Answer a page of cases: `GET /cases` with its filters."""
    entry = await enter(request)
    seen = scopes(entry, "case")
    page = headers.page(
        request, entry.caller.person, "cases", current_state.FILTERS, countable=True
    )
    found = await page_of(entry, seen, page)
    return of_list(found.items, page.cursor(found.next), found.total)


async def page_of(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    """Return a page of the cases in these scopes."""
    return await current_state.listed(
        entry.service.reads, entry.ledger.name, seen, page.filters, page.after,
        page.limit, entry.now, counted=page.counted,
    )  # fmt: skip
