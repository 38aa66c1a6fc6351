"""Who read what, for those entitled: `GET /access-log`.

The audit administrator sees the open line, a bureau head of it what their staff read and what
anybody read of their organ's cases, an inspection lead both lines (SECURITY 3.3).  The open line
is asked through a view.  The sealed one stands nowhere in clear: it is opened here, entry by
entry, and a page looks through so many and then says where to go on, as the feed does.
"""

from collections.abc import Mapping

from aiohttp import web

from api import headers, times
from api.access import Entry, enter, not_given
from api.answers import instant, of_list, shown_actor
from ledger.case import Data, Event
from ledger.lifecycle import Role
from projections import current_state, readings
from projections.asked import Asked, wrong_mark
from projections.asked import Mark as Place

FILTERS = frozenset({"case", "person", "organ", "what", "from", "to", "purpose", "line"})
READERS = (Role.AUDIT_ADMIN, Role.BUREAU_HEAD, Role.INSPECTION_LEAD)
OPEN, SEALED = LINES = ("open", "sealed")
VIEW = (readings.PROJECTION.name,)
# What is read of an organ's cases is told by whose they are today.
VIEWS_OF_CASES = (*VIEW, current_state.PROJECTION.name)
# How many entries of the sealed line a page looks through before it says where to go on.
LOOKED = 5_000
AT_ONCE = 500


async def listed(request: web.Request) -> web.Response:
    """Answer a page of the access log, the open line before the sealed one."""
    entry = await enter(request)
    held = [post for post in entry.active_posts() if post.role in READERS]
    if not held:
        raise not_given(entry, READERS, "access-log")
    roles = {post.role for post in held}
    page = headers.page(request, entry.caller.person, "access-log", FILTERS)
    for name in ("from", "to"):
        given = page.filters.get(name)
        if given is not None and times.day(given) is None:
            page.filters[name] = headers.instant(given, name).isoformat()
    line = page.filters.get("line")
    if line is not None:
        headers.choice(line, "line", LINES)
    lead = Role.INSPECTION_LEAD in roles
    if line == "sealed" and not lead:
        raise not_given(entry, (Role.INSPECTION_LEAD,), "access-log")
    lines = (line,) if line else LINES if lead else ("open",)
    everything = roles != {Role.BUREAU_HEAD}
    organs = None if everything else frozenset(post.organ for post in held)
    line, at = _place(lines, page.after)
    found: list[Data] = []
    following: Place | None = None
    if line == OPEN:
        found, following = await _open(entry, page.filters, organs, at, page.limit)
        line, at = (OPEN, -1) if following is not None or len(lines) == 1 else (SEALED, 0)
    if line == SEALED:
        more, following = await _sealed(entry, page.filters, at, page.limit - len(found))
        found += more
    return of_list(found, page.cursor(following), None)


async def _open(
    entry: Entry, filters: Mapping[str, str], organs: frozenset[str] | None, at: int, limit: int
) -> tuple[list[Data], Place | None]:
    """Return what fits of the open line, and where to go on in it."""
    ledger = entry.ledger
    await entry.service.caught_up(ledger.name, -1, VIEW if organs is None else VIEWS_OF_CASES)
    events = await readings.listed(
        entry.service.reads, ledger.name, entry.office.zone, filters, at, limit + 1, organs=organs
    )
    found = [_shown(OPEN, event) for event in events[:limit]]
    return found, (OPEN, events[limit].position) if len(events) > limit else None


async def _sealed(
    entry: Entry, filters: Mapping[str, str], at: int, limit: int
) -> tuple[list[Data], Place | None]:
    """Return what fits of the sealed line, and where to go on in it."""
    found: list[Data] = []
    looked = 0
    while True:
        events = await entry.ledger.access.entries(at, AT_ONCE, sealed=True)
        for event in events:
            if len(found) == limit or looked == LOOKED:
                return found, [SEALED, at]
            looked, at = looked + 1, at + 1
            if _fits(entry, filters, event):
                found.append(_shown(SEALED, event))
        if not events:
            return found, None


def _fits(entry: Entry, filters: Mapping[str, str], event: Event) -> bool:
    """Tell whether an entry is one of those asked for, as the view of the open line does."""
    data = event.data
    plain = (
        ("person", event.actor.person),
        ("organ", event.actor.organ),
        ("what", data.get("what") or data.get("action")),
        ("purpose", (data.get("purpose") or {}).get("code")),
    )
    if any(name in filters and filters[name] != value for name, value in plain):
        return False
    if "case" in filters and filters["case"] not in readings.about(event):
        return False
    begin, end = Asked(filters).bounds(entry.office.zone)
    at = event.recorded_at
    assert at is not None, "what is stored has its time"
    return (begin is None or at >= begin) and (end is None or at <= end)


def _place(lines: tuple[str, ...], after: Place | None) -> tuple[str, int]:
    match after:
        case None:
            return lines[0], 0
        case [str() as line, int() as at] if line in lines:
            return line, at
    raise wrong_mark()


def _shown(line: str, event: Event) -> Data:
    data = event.data
    return {
        "line": line,
        "position": event.position,
        "id": event.id,
        "type": event.type,
        "recorded_at": instant(event.recorded_at),
        "actor": shown_actor(event.actor),
        "what": data.get("what") or data.get("action"),
        "cases": list(readings.about(event)),
        "filter": data.get("filter"),
        "classes": data.get("classes") or [],
        "purpose": data.get("purpose"),
        "revealed": data.get("revealed") or [],
        "items": data.get("items"),
        "digest": data.get("digest"),
        "part": data.get("part"),
        "begun": data.get("begun"),
        "slug": data.get("slug"),
        "rule": data.get("rule"),
        "request": event.correlation,
    }
