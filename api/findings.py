"""Findings for inspectors, never for the bureau: `GET /findings`, its rules and figures.

A supervisor reads them where the findings policy of the ledger says so.
"""

from collections.abc import Collection

from aiohttp import web

from api import headers, times
from api.access import Entry, case_for, enter, scopes
from api.answers import of_list
from ledger.errors import Refused
from ledger.lifecycle import Role
from projections import findings_read
from projections.asked import Page
from projections.findings_rules import RULES, Parameters

INSPECTION = frozenset({Role.INSPECTOR, Role.INSPECTION_LEAD})


async def listed(request: web.Request) -> web.Response:
    """Answer a page of what the rules find by now."""
    entry = await enter(request)
    by = numbers_for(entry)
    page = headers.page(
        request, entry.caller.person, "findings", findings_read.FILTERS, countable=True
    )
    found = await page_of(entry, by, page)
    return of_list(
        found.items,
        page.cursor(found.next),
        found.total,
        behind=[rule.told for rule in found.behind],
    )


async def page_of(
    entry: Entry, by: Parameters, page: headers.Page, rules: Collection[str] = RULES
) -> Page:
    """Return a page of what the rules (these, where none is asked for) find by these numbers."""
    _instants(page.filters)
    position = -1
    if "case" in page.filters:
        entry, case = await case_for(entry, page.filters["case"])
        position = case.position
    service, name = entry.service, entry.ledger.name
    await service.caught_up(name, position)
    found = await findings_read.listed(
        service.reads, service.wholes, name, entry.office.zone, by, page.filters, page.after,
        page.limit, entry.now, counted=page.counted, rules=rules,
    )  # fmt: skip
    return _wanted(entry, found)


def _wanted(entry: Entry, found: Page) -> Page:
    """Have measured anew what is shown as it was measured earlier."""
    if found.behind:
        entry.service.keepers[entry.ledger.name].wanted()
    return found


async def rules(request: web.Request) -> web.Response:
    """Answer every rule with its text, its numbers, and how much it finds by now."""
    entry, by = await _entered(request)
    filters = headers.query(
        request, {*findings_read.FILTERS - {"rule", "part", "case"}, "at_least"}
    )
    filters.pop("at_least", None)
    _instants(filters)
    await entry.service.caught_up(entry.ledger.name, -1)
    found = await findings_read.summary(
        entry.service.wholes,
        entry.ledger.name,
        entry.office.zone,
        by,
        filters,
        await entry.ledger.now(),
    )
    behind = [rule.told for rule in _wanted(entry, found).behind]
    return of_list(found.items, None, None, behind=behind)


async def figures(request: web.Request) -> web.Response:
    """Answer how what a rule measured is spread, by part, officer, unit or month."""
    entry, _ = await _entered(request)
    filters = headers.query(request, {*findings_read.FIGURES, "at_least"})
    filters.pop("at_least", None)
    _instants(filters)
    await entry.service.caught_up(entry.ledger.name, -1)
    found = await findings_read.figures(
        entry.service.wholes,
        entry.ledger.name,
        entry.office.zone,
        filters,
        await entry.ledger.now(),
    )
    return of_list(found, None, None)


async def _entered(request: web.Request) -> tuple[Entry, Parameters]:
    """Let in who may read findings, with the numbers that they go by here."""
    entry = await enter(request)
    return entry, numbers_for(entry)


def numbers_for(entry: Entry) -> Parameters:
    """Return the numbers that findings go by, for who may read them."""
    scopes(entry, "findings")
    by = findings_read.parameters(entry.office)
    if not by.supervisors and not INSPECTION & _jurisdictions(entry):
        raise Refused("action-not-allowed", "the findings policy lets no supervisor read them")
    return by


def _jurisdictions(entry: Entry) -> frozenset[Role]:
    """Name the roles that the caller holds for the whole ledger today."""
    return frozenset(p.role for p in entry.active_posts() if p.jurisdiction)


def _instants(filters: dict[str, str]) -> None:
    for name in ("from", "to"):
        given = filters.get(name)
        if given is not None and times.day(given) is None:
            filters[name] = headers.instant(given, name).isoformat()
