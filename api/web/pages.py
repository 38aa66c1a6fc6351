"""The routes of the pages: sign in, the first page, a case.  They read and never record.

Who sees what is decided by the same functions as in the interface; a page only shows less.
"""

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlencode

from aiohttp import web

from api.access import Entry, history_for, reading
from api.answers import shown_event, shown_state
from api.numbered import position_of
from api.routes import Route
from api.tokens import Caller
from api.web import (
    acting,
    anchor_pages,
    beside_pages,
    board,
    correcting,
    desk,
    dossier_form,
    event_page,
    facts,
    known,
    list_pages,
    live,
    numbered_pages,
    office_event,
    person_pages,
    raised,
    replaying,
    setup_pages,
    sheet,
    signing,
    verify_page,
)
from api.web.list_table import LISTS, may_read
from api.web.lists import page_of
from api.web.page import asset, module, rendered
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import elsewhere, entered, head
from ledger import records, standing
from ledger.case import Case, Data
from ledger.due import measured
from ledger.lifecycle import Action
from ledger.store import Row


def table() -> tuple[Route, ...]:
    """List the routes of the pages."""
    return (
        *desk.table(),
        row("GET", "/find", page(find), "From a case number to its page", "read-case"),
        *replaying.table(),
        *event_page.table(),
        *live.table(),
        *dossier_form.table(),
        *acting.table(),
        row("GET", "/cases/{ledger}/{case}", page(case), "A case on one page", "read-case"),
        *numbered_pages.table(),
        *list_pages.table(),
        *board.table(),
        *beside_pages.table(),
        *person_pages.table(),
        # Before the pages of things: `events` and `anchors` are no kind of thing.
        *office_event.table(),
        *anchor_pages.table(),
        *setup_pages.table(),
        *signing.table(),
        *verify_page.table(),
        *assets(),
    )


def assets() -> tuple[Route, ...]:
    """List the routes of what pages are made of: anybody's, and where one is not, no page."""
    rows = (
        ("/style.css", asset, "The stylesheet of the pages", "text/css"),
        ("/mark.svg", asset, "The mark of the pages", "image/svg+xml"),
        ("/script/{digest}/{module}", module, "A module of the pages' script", "text/javascript"),
    )
    return tuple(
        replace(row("GET", path, function, summary, "asset", (media,)), access="anyone")
        for path, function, summary, media in rows
    )


async def find(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Lead from a case number to its page."""
    name, number = request.query.get("ledger", ""), request.query.get("case", "").strip()
    entry = await entered(request, caller, name)
    await position_of(entry, number)
    kept = urlencode({"lang": texts.language}) if "lang" in request.query else ""
    return elsewhere(page_of(name, number) + (f"?{kept}" if kept else ""))


# -- a case -----------------------------------------------------------------------------------


async def case(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show a case: its lanes, its limits, and its history to whom it is open."""
    entry = await entered(request, caller)
    entry, found, rows = await history_for(entry, request.match_info["case"])
    if "as_of" in request.query:
        return await known.as_known(request, texts, entry, found, rows)
    reading(entry, "case", found)
    texts = Texts(texts.language, entry.office.zone)
    events = _history(entry, found, rows)
    state = shown_state(found, entry, entry.office, entry.now)
    limits = measured(found, entry.office, entry.now)
    today = found.on(entry.now)
    cards = await raised.of_case(entry, found, texts)
    return rendered(
        request,
        "case.html",
        texts,
        script="live.js",
        live=f"/cases/{entry.ledger.name}/{state['case']}/live?after={found.position}",
        **head(entry, texts),
        number=state["case"],
        state=state,
        item=sheet.item(state),
        flags=sheet.flags(found, state),
        facts=facts.facts(found, state, texts, entry.office),
        notes=facts.notes(found, state, texts, entry.office),
        dues=sheet.limits(limits, texts),
        cards=cards,
        holder=facts.holder_of(state, texts, entry.office),
        done=(done := request.query.get("done", "")),
        new=_news(entry, found, opened=events is not None, done=done, texts=texts),
        beside=beside(entry, state, texts),
        correctable=_correctable(entry, found, state),
        dossier=standing.reads("dossier", entry.caller, found, entry.office, entry.now),
        history=None if events is None else sheet.history(events, texts, entry.office),
        signed=await event_page.signed_size(request, entry),
        d=sheet.drawing(found, events, limits, texts, entry.office, today),
    )


def _correctable(entry: Entry, case: Case, state: Data) -> dict[int, str]:
    """Tell which acts the reader may propose to put right: version → id."""
    if Action.CORRECT not in state["allowed_actions"]:
        return {}
    possible = correcting.possible(correcting.of_case(entry, case))
    return {event.version: event.id for event in possible}


def beside(entry: Entry, state: Data, texts: Texts) -> list[tuple[str, str]]:
    """Lead to what stands beside a case: its matter, and the lists with its lines."""
    ledger, number = entry.ledger.name, state["case"]
    found = []
    if state["matter"]:
        told = f"{texts.of('lists', 'matters')} {state['matter']}"
        found.append((told, page_of(ledger, state["matter"])))
    of_lists = (
        (texts.of("lists", name), f"/lists/{ledger}/{name}?case={number}")
        for name in ("alerts", "complaints", "audit", "findings")
        if may_read(entry, LISTS[name])
    )
    return [*found, *of_lists]


def _news(entry: Entry, case: Case, *, opened: bool, done: str, texts: Texts) -> list[str]:
    """Say what has just been recorded, where the address tells of it.

    To whom the history is closed only their own act is told.
    """
    return [
        sheet.recorded(act.type, act.version, act.position, act.recorded_at, texts)
        for act in case.events
        if str(act.position) == done and (opened or act.actor.person == entry.caller.person)
    ]


def _history(entry: Entry, case: Case, rows: Iterable[Row]) -> list[Data] | None:
    """Return the events of a case with personal fields masked; None for whom it is closed."""
    if not standing.reads("history", entry.caller, case, entry.office, entry.now):
        return None
    return [shown_event(records.decode(row), entry, case, row.leaf) for row in rows]
