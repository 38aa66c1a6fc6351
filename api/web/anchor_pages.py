"""Anchored logs on pages: how far each is on record, how old that is, and every anchor of one.

They show what the interface answers (`api/anchors`), to the same readers.  A fork is red: two
histories that one key signed stay on record, whatever comes after.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from api import anchors, headers, office
from api.access import Entry
from api.routes import Route
from api.tokens import Caller
from api.web import sheet
from api.web.page import rendered
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import entered, head
from ledger.case import Data
from ledger.office import anchor

AT = "/office/{ledger}/anchors"
LIMIT = 50


def table() -> tuple[Route, ...]:
    """List the routes of these pages."""
    return (
        row("GET", AT, page(listed), "How far each registered log is anchored", "read-anchors"),
        row("GET", f"{AT}/{{id}}", page(one), "The anchors of a log", "read-anchors"),
    )


async def listed(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """List the registered logs, fifty at a time: `GET /office/{ledger}/anchors`."""
    entry = await entered(request, caller)
    office.any_post(entry)
    texts = Texts(texts.language, entry.office.zone)
    given = headers.query(request, {"from", "lang"})
    begin = headers.integer(given.get("from", "0"), "from", least=0, most=10**9)
    found, size = await anchors.standings(entry, begin, LIMIT)
    return rendered(
        request,
        "anchors.html",
        texts,
        **head(entry, texts),
        rows=[_standing(log, texts, entry) for log in found],
        size=size,
        following=str(begin + LIMIT) if begin + LIMIT < size else None,
    )


async def one(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show a log and its anchors, the newest first: `GET /office/{ledger}/anchors/{id}`."""
    entry = await entered(request, caller)
    log = office.found(entry.office, anchor.KIND, request.match_info["id"])
    office.any_post(entry)
    texts = Texts(texts.language, entry.office.zone)
    given = headers.query(request, {"before", "lang"})
    stream = anchor.stream_of(log.id)
    newest = (await entry.ledger.newest(stream)).get(stream)
    last = newest.version if newest is not None else 0
    before = headers.integer(given.get("before", str(last + 1)), "before", least=1, most=10**9)
    begin = max(0, before - 1 - LIMIT)
    events = await entry.ledger.part(stream, begin, before - 1 - begin) if before > 1 else ()
    return rendered(
        request,
        "anchor.html",
        texts,
        **head(entry, texts),
        log=_standing(anchors.standing(log, newest), texts, entry),
        note=anchor.seen(newest).note,
        keys=anchors.content_of(log)["keys"],
        rows=list(_rows((anchors.shown(log, event) for event in reversed(events)), texts, entry)),
        older=str(begin + 1) if begin else None,
        newer=before <= last,
    )


def _standing(log: Data, texts: Texts, entry: Entry) -> dict[str, Any]:
    """Say of a log what its newest checkpoint is, and how long ago it was put on record."""
    at = log["at"]
    age = "" if at is None else _age(entry.now - datetime.fromisoformat(at), texts)
    return {**log, "age": age, "light": _LIGHTS[log["state"]]}


_LIGHTS = {"conflict": "red", "anchored": "green", "waiting": "stopped"}


def _rows(told: Iterable[Data], texts: Texts, entry: Entry) -> Iterable[dict[str, Any]]:
    for each in told:
        actor = each["by"]
        other = each["data"].get("other")
        yield {
            **each,
            "act": texts.of("event", each["type"]),
            "by": actor["name"] or sheet.person(actor["person"], entry.office) or actor["client"],
            "size": each["data"]["size"],
            "notes": [each["data"]["note"], other["note"]] if other else [],
        }


def _age(gone: timedelta, texts: Texts) -> str:
    """Say how long ago something was, in its greatest unit."""
    minutes = max(0, int(gone.total_seconds() // 60))
    if minutes < 120:
        return texts("anchors.minutes", n=minutes)
    if minutes < 48 * 60:
        return texts("anchors.hours", n=minutes // 60)
    return texts("anchors.days", n=minutes // (24 * 60))
