"""How the items of the ledger stand to the catalogue: `GET /conformity` and what is behind it."""

from collections.abc import Mapping
from dataclasses import asdict

from aiohttp import web

from api import csv_table, headers
from api.access import Entry, enter
from api.answers import of_list, rendered
from api.imports import INSPECTION, holding
from api.office import any_post, found
from ledger import catalogue
from ledger.case import Data, Json
from ledger.errors import Refused
from ledger.lifecycle import Role
from projections import conformity
from projections.asked import Page

READERS = frozenset({Role.BUREAU_HEAD, Role.SUPERVISOR, *INSPECTION})
VIEW = (conformity.PROJECTION.name,)
COLUMNS = ("standard", "item", "name", "organ", "state", "differs", "lacking", "position")
LISTS = ("differs", "lacking")
HEAD = ("code", "name", "ended", "version", "position")


async def listed(request: web.Request) -> web.Response:
    """Answer a page of the difference report, by the codes of the catalogue."""
    entry = await _reading(request)
    page = headers.page(
        request, entry.caller.person, "conformity", {*conformity.FILTERS, "format"},
        countable=True,
    )  # fmt: skip
    as_table = csv_table.form(request, page.filters.pop("format", None)) == "csv"
    told = await page_of(entry, page)
    following = page.cursor(told.next)
    if as_table:
        rows = [{**row, **{name: " ".join(row[name]) for name in LISTS}} for row in told.items]
        return csv_table.as_csv(rows, COLUMNS, following)
    return of_list(told.items, following, told.total)


async def page_of(entry: Entry, page: headers.Page) -> Page:
    """Return a page of the difference report."""
    await entry.service.caught_up(entry.ledger.name, -1, VIEW)
    return await conformity.listed(
        entry.service.reads, entry.ledger.name, page.filters, page.after, page.limit,
        counted=page.counted,
    )  # fmt: skip


async def summary(request: web.Request) -> web.Response:
    """Answer how many items stand how, and which elements differ or are lacking."""
    entry = await _reading(request)
    headers.query(request, {"at_least"})
    await entry.service.caught_up(entry.ledger.name, -1, VIEW)
    return rendered(await conformity.summary(entry.service.reads, entry.ledger.name))


async def one(request: web.Request) -> web.Response:
    """Answer all 13 elements of an item beside those of its baseline."""
    entry = await _reading(request)
    thing = found(entry.office, "item", request.match_info["id"])
    headers.query(request, {"at_least"})
    if thing.current is None:
        raise Refused("not-found", "the item is not in force")
    await entry.service.caught_up(entry.ledger.name, -1, VIEW)
    content = thing.current.content
    standard = catalogue.standard_of(content)
    baseline = await conformity.baseline(entry.service.reads, entry.ledger.name, standard)
    return rendered(_compared(content, standard, baseline))


def _compared(content: Data, standard: str, baseline: Data | None) -> Mapping[str, Json]:
    in_force = baseline if baseline is not None and not baseline["ended"] else None
    compared = catalogue.compared(content, in_force)
    return {
        "standard": standard,
        "item": content["code"],
        "name": content["name"],
        "state": catalogue.state_of(compared, has_baseline=in_force is not None),
        "baseline": None if baseline is None else {name: baseline[name] for name in HEAD},
        "elements": [asdict(one) for one in compared],
    }


async def baseline(request: web.Request) -> web.Response:
    """Answer an item of the baseline as it stands."""
    entry = await enter(request)
    any_post(entry)
    headers.query(request, {"at_least"})
    await entry.service.caught_up(entry.ledger.name, -1, VIEW)
    told = await conformity.baseline(
        entry.service.reads, entry.ledger.name, request.match_info["id"]
    )
    if told is None:
        raise Refused("not-found", "no such baseline")
    return rendered(told)


async def _reading(request: web.Request) -> Entry:
    """Let in who answers for the catalogue here."""
    entry = await enter(request)
    answering(entry)
    return entry


def answering(entry: Entry) -> None:
    """Refuse who does not answer for the catalogue here."""
    holding(entry, READERS, "conformity")
