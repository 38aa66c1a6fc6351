"""The desk: what waits for me by what is due first, my alerts, and the newest cases.

The first page of everybody; each sees of it what their posts give.
"""

from collections.abc import Iterable, Sequence

from aiohttp import web

from api import cursors, headers
from api.access import Entry, admitted, scopes
from api.routes import Route
from api.service import SERVICE
from api.tokens import Caller
from api.web import offered
from api.web.facts import WAITS
from api.web.lists import Shown, alert_rows, case_rows
from api.web.page import rendered
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import entered, head
from ledger.errors import Refused
from ledger.lifecycle import Role
from projections import current_state, timeout_alerts

LIMIT = 50
TO_ANSWER = {"state": "raised"}
# What may be begun at a desk, and by whom.
BEGINS: Sequence[tuple[str, str, frozenset[Role]]] = (
    ("cases", "new.title", frozenset({Role.CLERK})),
    ("matters", "action.open-matter", frozenset({Role.CLERK, Role.HANDLER})),
    ("complaints", "action.register-complaint", frozenset({Role.HOTLINE})),
)


def table() -> tuple[Route, ...]:
    """List the routes of the desk."""
    return (row("GET", "/", page(home), "What waits, alerts, and new cases", "read-case"),)


async def home(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show the alerts and the cases of a ledger that are the caller's business."""
    names = await businesses(request, caller)
    asked = request.query.get("ledger")
    name = next((name for name in names if asked in (None, name)), None)
    if name is None:
        raise Refused("not-found", "")
    entry = await entered(request, caller, name)
    texts = Texts(texts.language, entry.office.zone)
    mine, waiting = await mine_of(request, entry), await waiting_of(request, entry)
    alerts, cases = await alerts_of(request, entry, texts), await cases_of(request, entry)
    seen = None if cases is None else _seen(entry, (mine, waiting, alerts, cases))
    script = None if seen is None else "live.js"
    return rendered(
        request,
        "home.html",
        texts,
        script=script,
        live=seen,
        **head(entry, texts),
        ledgers=names,
        items=offered.items(entry) if Role.CLERK in entry.roles() else (),
        begins=begins(entry, texts),
        mine=mine,
        waiting=waiting,
        alerts=alerts,
        cases=cases,
    )


def _seen(entry: Entry, parts: Iterable[Shown | None]) -> str:
    """Return where it is heard what happened since: behind the oldest list of the page."""
    behind = min(part.position for part in parts if part is not None)
    return f"/live/{entry.ledger.name}?after={max(0, behind)}"


async def businesses(request: web.Request, caller: Caller) -> list[str]:
    """Name the ledgers in which the caller has business."""
    found = []
    for name in request.app[SERVICE].names:
        try:
            await admitted(request.app[SERVICE], name, caller)
        except Refused:
            continue
        found.append(name)
    return found


async def mine_of(request: web.Request, entry: Entry) -> Shown | None:
    """Return a page of what the caller holds; None for who holds no cases."""
    if not any(role in entry.roles() for role in WAITS):
        return None
    return await _worklist(request, entry, "mine", None, ())


async def waiting_of(request: web.Request, entry: Entry) -> Shown | None:
    """Return a page of what stands where the caller's posts see to it."""
    posts = [post for post in entry.active_posts() if post.role in WAITS]
    if not posts:
        return None
    stages = sorted({str(stage) for post in posts for stage in WAITS[post.role]})
    organs = sorted({post.organ for post in posts})
    return await _worklist(request, entry, "waiting", stages, organs)


async def _worklist(
    request: web.Request,
    entry: Entry,
    name: str,
    stages: Sequence[str] | None,
    organs: Sequence[str],
) -> Shown:
    after, scope = going_on(request, entry, name)
    found = await current_state.worklist(
        entry.service.reads, entry.ledger.name, entry.now, entry.caller.person or "",
        after, LIMIT, stages=stages, organs=organs,
    )  # fmt: skip
    following = sealed(request, scope, found.next)
    return Shown(case_rows(found.items, entry.office), following, found.position)


async def alerts_of(request: web.Request, entry: Entry, texts: Texts) -> Shown | None:
    """Return a page of alerts to be answered, the own ones where the post gives no list."""
    own = None
    try:
        seen = scopes(entry, "alerts")
    except Refused:
        if entry.caller.person is None or not entry.active_posts():
            return None
        seen, own = (), entry.caller.person
    after, scope = going_on(request, entry, "alerts")
    found = await timeout_alerts.listed(
        entry.service.reads, entry.ledger.name, seen, TO_ANSWER, after, LIMIT, entry.now, person=own
    )
    following = sealed(request, scope, found.next)
    rows = alert_rows(found.items, texts, entry.office, entry.caller.person)
    return Shown(rows, following, found.position)


async def cases_of(request: web.Request, entry: Entry) -> Shown | None:
    """Return a page of cases."""
    try:
        seen = scopes(entry, "case")
    except Refused:
        return None
    after, scope = going_on(request, entry, "cases")
    found = await current_state.listed(
        entry.service.reads, entry.ledger.name, seen, {}, after, LIMIT, entry.now
    )
    following = sealed(request, scope, found.next)
    return Shown(case_rows(found.items, entry.office), following, found.position)


def going_on(
    request: web.Request, entry: Entry, name: str
) -> tuple[cursors.Mark | None, tuple[str, ...]]:
    """Read where a list of the page goes on."""
    scope = (entry.ledger.name, f"page:{name}", entry.caller.person or "")
    text = request.query.get(name)
    key = request.app[headers.CURSOR_KEY]
    return None if text is None else cursors.opened(key, scope, text), scope


def sealed(request: web.Request, scope: tuple[str, ...], mark: cursors.Mark | None) -> str | None:
    """Return the cursor behind a mark."""
    key = request.app[headers.CURSOR_KEY]
    return None if mark is None else cursors.sealed(key, scope, mark)


def begins(entry: Entry, texts: Texts) -> list[tuple[str, str]]:
    """Tell what the caller's posts may begin: where, and in which words."""
    roles = entry.roles()
    return [(path, texts(key)) for path, key, may in BEGINS if may & roles]
