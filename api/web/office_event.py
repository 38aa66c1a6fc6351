"""One event of the office on a page of its own, with its proof: like an event of a case.

An item that was proposed, an appointment, a seal handed over, a ledger's first events.  It is open
to who finds it in the audit trail, by the rule of that list; its stored bytes too, for nothing of
the office is encrypted.  Anchors are read by every post (`anchors`), and so are their events.
"""

from urllib.parse import quote

from aiohttp import web

from api import audit
from api.access import Entry
from api.answers import shown_event
from api.routes import KINDS, Route
from api.tokens import Caller
from api.web.event_page import BYTES, Around, as_file, row_of, told
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import entered
from ledger import records
from ledger.case import Event, Events
from ledger.errors import Refused
from ledger.ledger import OFFICE_STREAMS
from ledger.office import anchor
from ledger.store import Row

AT = "/office/{ledger}/events/{position}"
FILES = "office"
# How many events the page of a thing names.
NEWEST = 50


def table() -> tuple[Route, ...]:
    """List the routes of events of the office."""
    return (
        row("GET", AT, page(event), "An event of the office, and its proof", "read-audit"),
        row("GET", f"{AT}/record", page(record), "The stored bytes of an event of the office",
            "read-audit", (BYTES,)),
    )  # fmt: skip


async def event(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show one event of the office by what was known then: `GET /office/{ledger}/events/{n}`."""
    entry, found, act = await _found(request, caller)
    texts = Texts(texts.language, entry.office.zone)
    then = entry.office.as_of(found.position)
    of = f"/office/{entry.ledger.name}"
    crumbs = ((of, texts("office.title")), *_thing(act, of, texts))
    # What was set up is told member by member, as on the page of the thing.
    data = {**act.data, **act.data.get("content", {}), "content": None}
    shown = {**shown_event(act, entry, None, found.leaf), "data": data}
    around = Around(of, crumbs[-1][1], crumbs, FILES)
    return await told(request, texts, entry, found, shown, then, around)


async def record(request: web.Request, _: Texts, caller: Caller) -> web.StreamResponse:
    """Answer the stored bytes of an event of the office, as they were hashed."""
    _entry, found, _act = await _found(request, caller)
    return as_file(found, FILES)


def opens(entry: Entry, act: Event) -> bool:
    """Tell whether the page of an event of the office is open to the caller."""
    if act.stream.startswith(anchor.PREFIX):
        return bool(entry.active_posts())
    return act.stream.startswith(OFFICE_STREAMS) and audit.holds(entry, act)


async def of(entry: Entry, stream: str) -> Events:
    """Return the newest events of a thing whose pages are open to the caller, the newest first."""
    version = entry.office.stream_versions.get(stream, 0)
    events = await entry.ledger.part(stream, max(0, version - NEWEST), NEWEST)
    return tuple(act for act in reversed(events) if opens(entry, act))


async def _found(request: web.Request, caller: Caller) -> tuple[Entry, Row, Event]:
    """Return the event of that position; what is not the caller's to read is not there."""
    entry = await entered(request, caller)
    found = await row_of(request, entry)
    if found is not None:
        act = records.decode(found)
        if opens(entry, act):
            return entry, found, act
    raise Refused("not-found", "no such event of the office")


def _thing(act: Event, of: str, texts: Texts) -> tuple[tuple[str, str], ...]:
    """Lead to the thing that an event is of, where it has a page."""
    kind, _, name = act.stream.partition(":")
    if act.stream.startswith(anchor.PREFIX):
        return ((f"{of}/anchors", texts("anchors.title")), (f"{of}/anchors/{quote(name)}", name))
    things = next((many for many, one in KINDS.items() if one == kind), None)
    if things is None:
        return ()
    return (
        (f"{of}/{things}", texts.of("things", things)),
        (f"{of}/{things}/{quote(name)}", name),
    )
