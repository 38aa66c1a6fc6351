"""The audit trail by responsibility, and the refusals beside it: `GET /audit/{…}`."""

from aiohttp import web

from api import csv_table, headers, times
from api.access import Entry, Scopes, enter, scopes
from api.answers import of_list
from api.numbered import position_of
from ledger.case import Data, Event
from ledger.errors import Refused
from ledger.lifecycle import Responsibility, Role
from projections import audit_trail
from projections.asked import Page
from projections.seen import reader

RESPONSIBILITIES = frozenset({*map(str, Responsibility), "all"})
PERSON = ("person", "name", "role", "organ", "client", "delegator")
COLUMNS = (
    "position", "recorded_at", "occurred_at", "responsibility", "action", "case", "item",
    *PERSON, "late_entry", "break_glass", "reason", "slug", "rule", "earlier_position",
)  # fmt: skip


async def listed(request: web.Request) -> web.Response:
    """Answer a page of the audit trail as JSON or CSV, in order of position."""
    entry = await enter(request)
    which = request.match_info["responsibility"]
    if which not in RESPONSIBILITIES:
        raise Refused("not-found", "no such responsibility")
    seen = seen_by(entry)
    page = headers.page(
        request, entry.caller.person, f"audit:{which}", {*audit_trail.FILTERS, "format"},
        countable=True,
    )  # fmt: skip
    as_table = csv_table.form(request, page.filters.pop("format", None)) == "csv"
    found = await page_of(entry, seen, which, page)
    following = page.cursor(found.next)
    if as_table:
        return csv_table.as_csv([_flat(row) for row in found.items], COLUMNS, following)
    return of_list(found.items, following, found.total)


def administers(entry: Entry) -> bool:
    """Tell whether the caller administers the audit, and so sees no case in it."""
    return Role.AUDIT_ADMIN in entry.roles()


def seen_by(entry: Entry) -> Scopes:
    """Return the scopes of the caller's audit trail; N for who administers it."""
    also = (Role.AUDIT_ADMIN,)
    return (("N", "", None),) if administers(entry) else scopes(entry, "audit", also=also)


def holds(entry: Entry, act: Event) -> bool:
    """Tell whether the caller's audit trail has an act of the office, as its statement would."""
    try:
        seen = reader(seen_by(entry))
    except Refused:
        return False
    return administers(entry) or seen.everything or f"O:{act.actor.organ}" in seen.marks


async def page_of(entry: Entry, seen: Scopes, which: str, page: headers.Page) -> Page:
    """Return a page of the acts and refusals of a responsibility in these scopes."""
    for name in ("from", "to"):
        given = page.filters.get(name)
        if given is not None and times.day(given) is None:
            page.filters[name] = headers.instant(given, name).isoformat()
    administration = which == str(Responsibility.ADMINISTRATION)
    if administers(entry) and not administration and page.filters.get("refused") != "true":
        raise Refused("action-not-allowed", "administration and refusals only")
    position = -1
    if "case" in page.filters:
        position = await position_of(entry, page.filters["case"])
    await entry.service.caught_up(entry.ledger.name, position)
    return await audit_trail.listed(
        entry.service.reads, entry.ledger.name, which, seen, page.filters, page.after, page.limit,
        counted=page.counted,
    )  # fmt: skip


def _flat(row: Data) -> Data:
    actor = row.get("actor") or {}
    return {**row, **{name: actor.get(name) for name in PERSON}}
