"""Persons and organs: who did what, by line of duty, and where lines cross on one case.

For supervision and inspection.  Every number leads to the audit trail with its filters set.
"""

from collections.abc import Sequence
from itertools import groupby
from urllib.parse import quote, urlencode

from aiohttp import web

from api import doings
from api.access import Entry
from api.routes import Route
from api.tokens import Caller
from api.web import sheet
from api.web.beside_pages import Table
from api.web.cells import Cell, Teller
from api.web.page import rendered
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import entered, head
from ledger.lifecycle import Responsibility
from ledger.office.appointment import Post
from projections.doings import Doings, Line


def table() -> tuple[Route, ...]:
    """List the routes of these pages."""
    return (
        row("GET", "/persons/{ledger}/{person}", page(person), "What a person did", "read-audit"),
        row("GET", "/organs/{ledger}/{organ}", page(organ), "What an organ did", "read-audit"),
    )


async def person(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show what a person did, in which posts: `GET /persons/{ledger}/{person}`."""
    entry = await entered(request, caller)
    seen = doings.seen_by(entry)
    name = request.match_info["person"]
    found = await doings.of(entry, seen, person=name)
    teller = Teller(entry, Texts(texts.language, entry.office.zone))
    tables = (
        _posts(entry.office.posts_of(name), teller),
        _crossed(found, teller),
        _did("did", found, teller, {"actor": name}),
        _did("refused", found, teller, {"actor": name}),
    )
    return _page(request, teller, entry, found, "person", name,
                 sheet.person(name, entry.office), tables)  # fmt: skip


async def organ(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show what an organ did, and who for it: `GET /organs/{ledger}/{organ}`."""
    entry = await entered(request, caller)
    seen = doings.seen_by(entry)
    name = request.match_info["organ"]
    found = await doings.of(entry, seen, organ=name)
    teller = Teller(entry, Texts(texts.language, entry.office.zone))
    tables = (
        _who(found, teller, name),
        _crossed(found, teller),
        _did("did", found, teller, {"organ": name}),
        _did("refused", found, teller, {"organ": name}),
    )
    return _page(request, teller, entry, found, "organ", name,
                 sheet.organ(name, entry.office), tables)  # fmt: skip


def _page(
    request: web.Request,
    teller: Teller,
    entry: Entry,
    found: Doings,
    kind: str,
    name: str,
    title: str,
    tables: Sequence[Table],
) -> web.Response:
    path = f"/lists/{entry.ledger.name}/audit"
    filtered = urlencode({"actor" if kind == "person" else "organ": name})
    response = rendered(
        request,
        "person.html",
        teller.texts,
        **head(entry, teller.texts),
        kind=kind,
        name=name,
        title=title,
        position=found.position,
        tables=tables,
        audit=f"{path}?{filtered}",
        findings=f"/lists/{entry.ledger.name}/findings?"
        + urlencode({"officer" if kind == "person" else "organ": name}),
        inspects=entry.inspects,
    )
    response.headers["Ledger-Position"] = str(found.position)
    return response


def _posts(posts: Sequence[Post], t: Teller) -> Table:
    lines = tuple(
        (
            t.coded("role", post.role),
            t.organ_page(post.organ),
            t.day(post.since),
            t.day(post.until),
            Cell(t.texts.of("standing", "in-force" if post.active(t.today) else "ended")),
        )
        for post in posts
    )
    keys = ("data.role", "list.organ", "filter.from", "filter.to", "col.state")
    return Table(t.texts("person.posts"), tuple(map(t.texts, keys)), lines)


def _who(found: Doings, t: Teller, organ_id: str) -> Table:
    """Tell who acted for an organ, in which lines, how often."""
    by_person = sorted(found.of("who"), key=lambda line: (line.person or "", line.responsibility))
    lines = []
    for name, group in groupby(by_person, key=lambda line: line.person or ""):
        counts = {line.responsibility: line.number for line in group}
        numbers = tuple(
            _counted(counts.get(str(one), 0), t,
                {"actor": name, "organ": organ_id, "responsibility": str(one)})
            for one in Responsibility
        )  # fmt: skip
        lines.append((t.person_page(name, sheet.person(name, t.office)), *numbers))
    heads = (t.texts("list.officer"), *(t.texts.of("responsibility", r) for r in Responsibility))
    return Table(t.texts("person.who"), heads, tuple(lines))


def _crossed(found: Doings, t: Teller) -> Table:
    """Tell the cases on which one person stood in two lines of duty."""
    lines = tuple(_crossing(line, t) for line in found.of("crossed"))
    keys = ("col.case", "list.officer", "person.lines", "person.acts", "person.last")
    return Table(t.texts("person.crossed"), tuple(map(t.texts, keys)), lines)


def _crossing(line: Line, t: Teller) -> tuple[Cell, ...]:
    told = " + ".join(t.texts.of("responsibility", one) for one in sorted(line.lines))
    return (
        t.case(line.case),
        t.person_page(line.person or "", line.name or line.person or ""),
        Cell(told, kind="light red"),
        _counted(line.number, t, {"actor": line.person or "", "case": line.case or ""}),
        t.instant(line.last_at and line.last_at.isoformat()),
    )


def _did(block: str, found: Doings, t: Teller, asked: dict[str, str]) -> Table:
    """Tell what was done, or refused, and how often, with the list behind each number."""
    order = {str(one): place for place, one in enumerate(Responsibility)}
    every = sorted(found.of(block), key=lambda line: order.get(line.responsibility or "", 9))
    lines = tuple(
        (
            t.coded("responsibility", line.responsibility),
            Cell(_act(line.action or "", t)),
            _counted(
                line.number,
                t,
                {**asked, "responsibility": line.responsibility or "", "action": line.action or ""},
                refused=block == "refused",
            ),
            t.instant(line.last_at and line.last_at.isoformat()),
        )
        for line in every
    )
    keys = ("col.responsibility", "col.act", "person.acts", "person.last")
    return Table(t.texts(f"person.{block}"), tuple(map(t.texts, keys)), lines)


def _act(action: str, t: Teller) -> str:
    """Name an act; those of the office are called like their events."""
    if t.texts.known(f"action.{action}"):
        return t.texts.of("action", action)
    return t.texts.of("event", action)


def _counted(n: int, t: Teller, asked: dict[str, str], *, refused: bool = False) -> Cell:
    if not n:
        return Cell("0", kind="n")
    name = "refusals" if refused else "audit"
    given = asked if refused else {**asked, "refused": "false"}
    return Cell(str(n), href=f"/lists/{quote(t.ledger)}/{name}?{urlencode(given)}", kind="n")
