"""A case step by step: what was known before each act, the act, and what it changed.

The page of a version never changes: case, office and time are those of its own position, by
the function that the interface's replay uses.
"""

from collections.abc import Sequence

from aiohttp import web

from api.access import Entry, history_for, reading
from api.answers import shown_event, shown_state
from api.replay import known_with
from api.routes import Route
from api.tokens import Caller
from api.web import event_page, facts, sheet
from api.web.differing import differences
from api.web.page import rendered
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import entered, head
from ledger import records
from ledger.case import Data, Event
from ledger.errors import Refused

AT = "/cases/{ledger}/{case}/replay"


def table() -> tuple[Route, ...]:
    """List the routes of a replay."""
    return (
        row("GET", AT, page(step), "The newest step of a case", "read-history"),
        row("GET", f"{AT}/{{version}}", page(step), "A step of a case", "read-history"),
    )


async def step(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show one step of a case; without a version, the newest."""
    entry = await entered(request, caller)
    entry, case, rows = await history_for(entry, request.match_info["case"])
    reading(entry, "history", case)
    number = _version(request.match_info.get("version"), case.version)
    texts = Texts(texts.language, entry.office.zone)
    events = [records.decode(one) for one in rows]
    known, office, _ = known_with(entry, events[:number])
    before, facts_before = _side(entry, events[: number - 1], texts)
    after, facts_after = _side(entry, events[:number], texts)
    act = shown_event(events[number - 1], entry, known, rows[number - 1].leaf)
    signed = await event_page.signed(request, entry)
    return rendered(
        request,
        "replay.html",
        texts,
        script="replay.js",
        **head(entry, texts),
        number=after["case"],
        item=sheet.item(after),
        version=number,
        last=case.version,
        steps=[(one.version, texts.of("event", one.type), one.responsibility) for one in events],
        row=sheet.history([act], texts, office)[0],
        act=act,
        signed=0 if signed is None else signed.state.signed_size,
        proved=await event_page.proved(request, entry, rows[number - 1], signed, texts),
        stages=(before.get("stage"), after["stage"]),
        sides=beside(facts_before, facts_after),
        differences=differences(before, after, texts, office),
    )


def _side(
    entry: Entry, events: Sequence[Event], texts: Texts
) -> tuple[Data, tuple[facts.Fact, ...]]:
    """Return state and main facts with the last of these events; nothing before the first."""
    if not events:
        return {}, ()
    known, office, at = known_with(entry, events)
    state = shown_state(known, entry, office, at)
    return state, facts.facts(known, state, texts, office)


def beside(
    left: tuple[facts.Fact, ...], right: tuple[facts.Fact, ...]
) -> list[tuple[str, str, str]]:
    """Put facts of two states beside each other: label, then each side or a dash."""
    one = {label: f"{value} {remark}".strip() for label, value, remark in left}
    two = {label: f"{value} {remark}".strip() for label, value, remark in right}
    return [(label, one.get(label, "—"), two.get(label, "—")) for label in {**one, **two}]


def _version(text: str | None, newest: int) -> int:
    """Read a version in its one spelling; what the case does not have is not found."""
    if text is None:
        return newest
    digits = text.isascii() and text.isdigit() and len(text) < 10 and str(int(text)) == text
    if not digits or not 1 <= int(text) <= newest:
        raise Refused("not-found", "no such version")
    return int(text)
