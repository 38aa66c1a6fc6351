"""The table of lists: what each is called, who may read it, its filters, rows and columns.

Who may read a list, and what it then answers, is said by the functions of the interface; this
says only how a page shows it.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api import (
    alerts,
    audit,
    cases,
    complaints,
    conformity,
    findings,
    headers,
    links,
    matters,
    parameters,
    performance,
    registers,
    reviews,
)
from api.access import Entry, Scopes, scopes
from api.office import seal_of
from api.web import list_columns as columns
from api.web.list_columns import Column
from ledger.errors import Refused
from ledger.lifecycle import Responsibility
from projections import current_state
from projections.asked import Page
from projections.findings_rules import FINDING, Parameters

Schemas = Mapping[str, parameters.Schema]
NOT_FILTERS = frozenset({*parameters.PAGING, *parameters.COUNT, "format"})
SEAL = "seal"
RESPONSIBILITY = "responsibility"
OVERDUE = "kpi.overdue@1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One list as a page shows it.

    `may` returns what the caller's posts give of it, or refuses; `read` returns a page of it.
    `words` say of a filter or a column which kind of coded values it holds.
    """

    name: str
    reading: str
    filters: Schemas
    columns: Sequence[Column]
    may: Callable[[Entry], Any]
    read: Callable[[Entry, Any, headers.Page], Awaitable[Page]]
    words: Mapping[str, str] = field(default_factory=dict)


def _filters(of: Schemas) -> Schemas:
    return {name: schema for name, schema in of.items() if name not in NOT_FILTERS}


def _reading(what: str) -> Callable[[Entry], Scopes]:
    return lambda entry: scopes(entry, what)


async def _cases(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    view = (current_state.PROJECTION.name,)
    await entry.service.caught_up(entry.ledger.name, -1, view)
    return await cases.page_of(entry, seen, page)


async def _audit(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    default = str(Responsibility.ADMINISTRATION) if audit.administers(entry) else "all"
    which = page.filters.pop(RESPONSIBILITY, default)
    headers.choice(which, RESPONSIBILITY, audit.RESPONSIBILITIES)
    return await audit.page_of(entry, seen, which, page)


async def _refusals(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    which = page.filters.pop(RESPONSIBILITY, "all")
    headers.choice(which, RESPONSIBILITY, audit.RESPONSIBILITIES)
    page.filters["refused"] = "true"
    return await audit.page_of(entry, seen, which, page)


async def _findings(entry: Entry, by: Parameters, page: headers.Page) -> Page:
    return await findings.page_of(entry, by, page, FINDING)


def seals(entry: Entry) -> Mapping[str, Scopes]:
    """Return the seals whose register the caller reads, with what of it; refuse who reads none."""
    found: dict[str, Scopes] = {}
    refused = Refused("action-not-allowed", "no register of a seal is yours to read")
    for name, one in entry.office.seals.items():
        try:
            found[name] = registers.scopes(entry, one)
        except Refused as why:
            refused = why
    if not found:
        raise refused
    return found


async def _register(entry: Entry, seen: Mapping[str, Scopes], page: headers.Page) -> Page:
    name = page.filters.pop(SEAL, next(iter(seen)))
    given = registers.scopes(entry, seal_of(entry.office, name))
    return await registers.page_of(entry, given, name, page)


async def _conformity(entry: Entry, _: None, page: headers.Page) -> Page:
    return await conformity.page_of(entry, page)


async def _figures(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    """Return the cases behind a figure; of this month where no period is asked for."""
    today = entry.now.astimezone(entry.office.zone).date()
    usual = {"definition": OVERDUE, "from": str(today.replace(day=1)), "to": str(today)}
    for name, value in usual.items():
        page.filters.setdefault(name, value)
    return await performance.page_of(entry, seen, page)


_AUDIT = {RESPONSIBILITY: parameters.among(audit.RESPONSIBILITIES), **parameters.AUDIT_FILTERS}

LISTS: Mapping[str, Listing] = {
    one.name: one
    for one in (
        Listing(
            name="cases", reading="read-cases", filters=parameters.CASE_FILTERS,
            columns=columns.CASES, may=_reading("case"), read=_cases,
        ),
        Listing(
            name="alerts", reading="read-alerts", filters=parameters.ALERT_FILTERS,
            columns=columns.ALERTS, may=alerts.seen_by, read=alerts.page_of,
            words={"state": "alert"},
        ),
        Listing(
            name="links", reading="read-cases", filters=parameters.LINK_FILTERS,
            columns=columns.LINKS, may=_reading("case"), read=links.page_of,
        ),
        Listing(
            name="reviews", reading="read-reviews", filters=_filters(parameters.REVIEWS),
            columns=columns.REVIEWS, may=_reading("reviews"), read=reviews.page_of,
            words={"state": "review-state", "grade": "value"},
        ),
        Listing(
            name="figures", reading="read-performance",
            filters={n: s for n, s in _filters(parameters.PERFORMANCE_CASES).items()
                if n not in ("as_of", "source")},
            columns=columns.FIGURES, may=_reading("performance"), read=_figures,
        ),
        Listing(
            name="complaints", reading="read-complaints", filters=_filters(parameters.COMPLAINTS),
            columns=columns.COMPLAINTS, may=_reading("complaints"), read=complaints.page_of,
            words={"state": "complaint-state", "kind": "complaint-kind"},
        ),
        Listing(
            name="matters", reading="read-matters", filters=_filters(parameters.MATTERS),
            columns=columns.MATTERS, may=_reading("case"), read=matters.page_of,
            words={"kind": "matter-kind"},
        ),
        Listing(
            name="seals", reading="read-register",
            filters={SEAL: parameters.TEXT, **_filters(parameters.REGISTER)},
            columns=columns.SEALS, may=seals, read=_register, words={"kind": "document"},
        ),
        Listing(
            name="audit", reading="read-audit", filters=_AUDIT,
            columns=columns.AUDIT, may=audit.seen_by, read=_audit,
        ),
        Listing(
            name="refusals", reading="read-audit",
            filters={k: v for k, v in _AUDIT.items() if k not in ("refused", "late_entry")},
            columns=columns.REFUSALS, may=audit.seen_by, read=_refusals,
        ),
        Listing(
            name="findings", reading="read-findings", filters=_filters(parameters.FINDINGS),
            columns=columns.FINDINGS, may=findings.numbers_for, read=_findings,
        ),
        Listing(
            name="conformity", reading="read-conformity",
            filters=_filters(parameters.CONFORMITY), columns=columns.CONFORMITY,
            may=conformity.answering, read=_conformity,
            words={"state": "conformity", "element": "data"},
        ),
    )
}  # fmt: skip


def readable(entry: Entry) -> Iterator[str]:
    """Name the lists that the caller may read."""
    for name, one in LISTS.items():
        if may_read(entry, one):
            yield name


def may_read(entry: Entry, one: Listing) -> bool:
    """Tell whether the caller may read a list."""
    try:
        one.may(entry)
    except Refused:
        return False
    return True
