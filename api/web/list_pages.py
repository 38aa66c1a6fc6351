"""The lists as pages: filtered by an address, fifty rows at a time, and to take away.

One page a list, made of the table of lists.  What is taken away as CSV or XLSX are the rows
and columns that the page shows, by the same reading, and is on record as that.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from aiohttp import web

from api import csv_table, headers, xlsx_table
from api.access import Entry
from api.problems import as_refused
from api.purpose import ITEMS
from api.routes import Route
from api.tokens import Caller
from api.web.cells import Cell, Teller
from api.web.list_columns import Column, finding_title
from api.web.list_filters import filters_of
from api.web.list_table import LISTS, Listing, readable
from api.web.page import rendered
from api.web.rule_groups import subjects_of
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.trouble import status_of, trouble_of
from api.web.within import entered, head
from ledger.errors import Behind, Refused
from projections.asked import Page

FORMS = ("csv", "xlsx")
MEDIA = ("text/html", "text/csv", xlsx_table.MEDIA)
SIZES = ("50", "100", "200", "500")
# What a page can say beside its form: the query was not understood, or names what is not there.
SAID_BESIDE = frozenset({"invalid-parameter", "invalid-cursor", "case-not-found", "not-found"})


def table() -> tuple[Route, ...]:
    """List the routes of the lists, one a list."""
    return tuple(
        row(
            "GET",
            f"/lists/{{ledger}}/{one.name}",
            page(partial(shown, one)),
            f"The list of {one.name}",
            one.reading,
            MEDIA,
        )
        for one in LISTS.values()
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a list, empty fields of its form left out."""

    filters: Mapping[str, str]
    form: str | None
    page: headers.Page


async def shown(
    listing: Listing, request: web.Request, texts: Texts, caller: Caller
) -> web.StreamResponse:
    """Show a list: `GET /lists/{ledger}/{name}`, as a page or as a file."""
    entry = await entered(request, caller)
    allowed = listing.may(entry)
    texts = Texts(texts.language, entry.office.zone)
    found, asked, refused = None, None, None
    try:
        asked = _asked(listing, request, entry)
        found = await listing.read(entry, allowed, asked.page)
    except (Refused, Behind) as error:
        refused = as_refused(error)
        if asked is not None and asked.form is not None:
            raise
        if refused.slug not in SAID_BESIDE and not isinstance(error, Behind):
            raise
    if asked is not None and asked.form is not None and found is not None:
        return await _file(listing, asked, found, Teller(entry, texts))
    return _page(listing, request, texts, entry, asked, found, refused)


def _asked(listing: Listing, request: web.Request, entry: Entry) -> Asked:
    known = {*listing.filters, "after", "limit", "count", "lang", "format"}
    given = {name: text for name, text in headers.query(request, known).items() if text}
    given.pop("lang", None)
    form = given.pop("format", None)
    if form is not None:
        headers.choice(form, "format", FORMS)
    filters = {name: text for name, text in given.items() if name in listing.filters}
    name = f"list:{listing.name}"
    return Asked(filters, form, headers.paged(request, given, entry.caller.person, name))


async def _file(listing: Listing, asked: Asked, found: Page, teller: Teller) -> web.Response:
    """Answer the rows and columns of a page as a file; others are served while it is made."""
    heads, lines = _cells(listing.columns, found, teller)
    rows = [{head: cell.plain for head, cell in zip(heads, line, strict=True)} for line in lines]
    make = csv_table.as_csv if asked.form == "csv" else xlsx_table.as_xlsx
    response = await asyncio.to_thread(make, rows, heads, asked.page.cursor(found.next))
    name = f"{teller.ledger}-{listing.name}-{found.position}.{asked.form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Ledger-Position"] = str(found.position)
    return response


def _cells(
    columns: Sequence[Column], found: Page, teller: Teller
) -> tuple[list[str], list[list[Cell]]]:
    heads = [teller.texts(key) for key, _ in columns]
    return heads, [[make(teller, one) for _, make in columns] for one in found.items]


def _page(
    listing: Listing,
    request: web.Request,
    texts: Texts,
    entry: Entry,
    asked: Asked | None,
    found: Page | None,
    refused: Refused | None,
) -> web.Response:
    filters = asked.filters if asked is not None else _loosely(listing, request)
    heads: list[str] = []
    lines: list[list[Cell]] = []
    if found is not None:
        heads, lines = _cells(listing.columns, found, Teller(entry, texts))
    fields = filters_of(listing, filters, entry, texts)
    path = f"/lists/{entry.ledger.name}/{listing.name}"
    following = asked.page.cursor(found.next) if asked and found else None
    kept = {**filters, **_size(asked)}
    response = rendered(
        request,
        "list.html",
        texts,
        status=status_of(refused),
        **head(entry, texts),
        listing=listing.name,
        lists=tuple(readable(entry)),
        path=path,
        fields=fields,
        subjects=subjects_of(listing.name, filters, found, texts),
        asked=[one for one in fields if one.value],
        size=str(asked.page.limit) if asked else SIZES[0],
        sizes=SIZES,
        heads=heads,
        lines=lines,
        total=found.total if found else None,
        position=found.position if found else None,
        behind=_behind(found, texts) if found else [],
        trouble=None if refused is None else trouble_of(refused, texts),
        more={**kept, "after": following} if following else None,
        first=kept if request.query.get("after") else None,
        count={**kept, "count": "exact"} if following and found and found.total is None else None,
        files=[(form, _here(request, form)) for form in FORMS] if lines else [],
    )
    response[ITEMS] = len(lines)
    if found is not None:
        response.headers["Ledger-Position"] = str(found.position)
    return response


def _behind(found: Page, texts: Texts) -> list[str]:
    """Say of each rule that is not measured as of now up to where it is, and since when."""
    return [
        texts(
            "list.behind-upto" if rule.known else "list.behind-first",
            rule=finding_title(rule.name, texts.language),
            position=rule.position,
            at=texts.instant(rule.measured_at),
        )
        for rule in found.behind
    ]


def _size(asked: Asked | None) -> dict[str, str]:
    """Keep a size of the page that is not the usual one."""
    if asked is None or str(asked.page.limit) == SIZES[0]:
        return {}
    return {"limit": str(asked.page.limit)}


def _loosely(listing: Listing, request: web.Request) -> dict[str, str]:
    """Read what was asked, to show it again beside what is wrong with it."""
    return {name: request.query.get(name, "")[:200] for name in listing.filters}


def _here(request: web.Request, form: str) -> str:
    """Return the address of these very rows as a file."""
    kept = {name: text for name, text in request.query.items() if text and name != "count"}
    return f"{request.path}?{urlencode({**kept, 'format': form})}"
