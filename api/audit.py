"""The audit trail by responsibility, and the refusals beside it: `GET /audit/{…}`."""

import csv
import io
from collections.abc import Sequence

from aiohttp import web

from api import headers, times
from api.access import enter, scopes
from api.answers import of_list
from api.numbered import position_of
from ledger.case import Data
from ledger.errors import Refused
from ledger.lifecycle import Responsibility, Role
from projections import audit_trail

RESPONSIBILITIES = frozenset({*map(str, Responsibility), "all"})
FORMS = {"json": "application/json", "csv": "text/csv"}
PERSON = ("person", "name", "role", "organ", "client", "delegator")
COLUMNS = (
    "position", "recorded_at", "occurred_at", "responsibility", "action", "case", "item",
    *PERSON, "late_entry", "break_glass", "reason", "slug", "rule", "earlier_position",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


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
    form = headers.choice(page.filters.pop("format", _preferred(request)), "format", FORMS)
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
    if form == "csv":
        return as_csv(found.items, following)
    return of_list(found.items, following, found.total)


def _preferred(request: web.Request) -> str:
    liked = headers.preferred(request, tuple(FORMS.values()))
    return next(form for form, media in FORMS.items() if media == liked)


def as_csv(rows: Sequence[Data], following: str | None) -> web.Response:
    """Answer rows as CSV that a spreadsheet opens without running anything in it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        actor = row.get("actor") or {}
        flat = {**row, **{k: actor.get(k) for k in PERSON}}
        writer.writerow([cell(flat.get(name)) for name in COLUMNS])
    headers_out = {"Cache-Control": "no-store"}
    if following is not None:
        headers_out["X-Next"] = following
    return web.Response(
        body=b"\xef\xbb\xbf" + text.getvalue().encode(),
        content_type="text/csv",
        charset="utf-8",
        headers=headers_out,
    )


def cell(value: object) -> str:
    """Write one cell; what could be read as a formula is kept from being one."""
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(FORMULA) else text
