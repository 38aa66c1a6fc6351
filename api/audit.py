"""The audit trail by responsibility, and the refusals beside it: `GET /audit/{…}`."""

from aiohttp import web

from api import csv_table, headers, times
from api.access import enter, scopes
from api.answers import of_list
from api.numbered import position_of
from ledger.case import Data
from ledger.errors import Refused
from ledger.lifecycle import Responsibility, Role
from projections import audit_trail

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
    administers = Role.AUDIT_ADMIN in entry.roles()
    also = (Role.AUDIT_ADMIN,)
    seen = (("N", "", None),) if administers else scopes(entry, "audit", also=also)
    page = headers.page(
        request, entry.caller.person, f"audit:{which}", {*audit_trail.FILTERS, "format"},
        countable=True,
    )  # fmt: skip
    as_table = csv_table.form(request, page.filters.pop("format", None)) == "csv"
    for name in ("from", "to"):
        given = page.filters.get(name)
        if given is not None and times.day(given) is None:
            page.filters[name] = headers.instant(given, name).isoformat()
    administration = which == str(Responsibility.ADMINISTRATION)
    if administers and not administration and page.filters.get("refused") != "true":
        raise Refused("action-not-allowed", "administration and refusals only")
    position = -1
    if "case" in page.filters:
        position = await position_of(entry, page.filters["case"])
    await entry.service.caught_up(entry.ledger.name, position)
    found = await audit_trail.listed(
        entry.service.reads, entry.ledger.name, which, seen, page.filters, page.after, page.limit,
        counted=page.counted,
    )  # fmt: skip
    following = page.cursor(found.next)
    if as_table:
        return csv_table.as_csv([_flat(row) for row in found.items], COLUMNS, following)
    return of_list(found.items, following, found.total)


def _flat(row: Data) -> Data:
    actor = row.get("actor") or {}
    return {**row, **{name: actor.get(name) for name in PERSON}}
