"""The routes of the pages: sign in, the first page, a case.  They read and never record.

Who sees what is decided by the same functions as in the interface; a page only shows less.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from api import cursors, headers, refusals
from api.access import ENTERED, Entry, case_for, enter_as, reading, scopes
from api.answers import shown_event, shown_state
from api.framing import body
from api.problems import as_refused
from api.routes import Function, Route
from api.service import SERVICE
from api.slugs import SLUGS
from api.tokens import Caller, caller_of
from api.web import facts, session, sheet
from api.web.lists import Shown, alert_rows, case_rows
from api.web.page import GUARDS, asset, rendered
from api.web.texts import DEFAULT, LANGUAGES, Texts
from ledger import records, standing
from ledger.case import Case, Data
from ledger.due import measured
from ledger.errors import LedgerError, Refused
from projections import current_state, timeout_alerts

ZONE = ZoneInfo("Asia/Shanghai")
LIMIT = 50
FORM_BYTES = 16 * 1024

Page = Callable[[web.Request, Texts, Caller], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Who:
    """Who is signed in, as the head of a page tells it."""

    name: str
    posts: str


@dataclass(frozen=True, slots=True)
class Where:
    """Which ledger is shown, and what time it is there."""

    name: str
    now: datetime
    simulated: bool


def table() -> tuple[Route, ...]:
    """List the routes of the pages."""
    html = ("text/html",)
    rows = (
        ("GET", "/", page(home), "Alerts and recent cases", html),
        ("GET", "/find", page(find), "From a case number to its page", html),
        ("GET", "/cases/{ledger}/{case}", page(case), "A case on one page", html),
        ("POST", "/sign-in", sign_in, "Sign in to the pages", html),
        ("POST", "/sign-out", sign_out, "Sign out of the pages", html),
        ("GET", "/style.css", asset, "The stylesheet of the pages", ("text/css",)),
        ("GET", "/mark.svg", asset, "The mark of the pages", ("image/svg+xml",)),
    )
    return tuple(
        Route(
            method=method,
            path=path,
            function=function,
            summary=summary,
            tag="pages",
            access="page",
            produces=produces,
            name="read-case",
        )
        for method, path, function, summary, produces in rows
    )


def page(shown: Page) -> Function:
    """Make a route of a page: who is signed in sees it, anybody else the form to sign in."""

    async def route(request: web.Request) -> web.StreamResponse:
        texts = texts_for(request)
        given = session.token(request)
        if given is None:
            return signing_in(request, texts, status=401)
        try:
            caller = await caller_of(request, given)
            response = await shown(request, texts, caller)
        except LedgerError as error:
            refused = as_refused(error)
            if refused.slug == "unauthenticated":
                return signing_in(request, texts, status=401)
            await refusals.put(request, refused)
            response = problem(request, texts, refused)
        assert isinstance(response, web.Response)
        session.keep(request, response, given)
        return response

    return route


def texts_for(request: web.Request, zone: ZoneInfo = ZONE) -> Texts:
    """Choose the language: what the address asks for, else what the reader prefers."""
    asked = request.query.get("lang")
    if asked is None:
        return Texts(headers.language(request), zone)
    return Texts(asked if asked in LANGUAGES else DEFAULT, zone)


def problem(request: web.Request, texts: Texts, refused: Refused) -> web.Response:
    """Say in words why a page cannot be shown."""
    slug = SLUGS.get(refused.slug, SLUGS["internal"])
    chinese = texts.language == DEFAULT
    told = {
        "title": slug.title_zh if chinese else slug.title_en,
        "detail": slug.todo_zh if chinese else slug.todo_en,
        "status": slug.status,
        "slug": slug.name,
        "rule": refused.rule,
        "instance": headers.request_id(request),
    }
    response = rendered(request, "problem.html", texts, status=slug.status, problem=told)
    if slug.status == 503:
        response.headers["Retry-After"] = "1"
    return response


# -- signing in -----------------------------------------------------------------------------


def signing_in(
    request: web.Request,
    texts: Texts,
    *,
    status: int = 200,
    failed: bool = False,
    following: str | None = None,
) -> web.Response:
    """Show the form to sign in."""
    here = following or (request.path_qs if request.method == "GET" else "/")
    return rendered(request, "signin.html", texts, status=status, failed=failed, following=here)


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Take a token and keep it in a cookie, if it is one."""
    texts = texts_for(request)
    try:
        session.own_form(request)
        form = dict(parse_qsl((await body(request, FORM_BYTES)).decode("utf-8", "replace")))
        given, following = form.get("token", "").strip(), form.get("next", "/")
        if not inside(following):
            following = "/"
        if not given.isascii() or not 0 < len(given) <= session.MAX_TOKEN:
            raise Refused("unauthenticated", "")
        await caller_of(request, given)
    except LedgerError as error:
        refused = as_refused(error)
        if refused.slug != "unauthenticated":
            return problem(request, texts, refused)
        return signing_in(request, texts, status=401, failed=True, following=following)
    response = elsewhere(following)
    session.keep(request, response, given)
    return response


def inside(path: str) -> bool:
    """Tell whether an address to go on to is one of ours."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


def elsewhere(path: str) -> web.Response:
    """Lead to another of our pages."""
    return web.Response(status=303, headers={**GUARDS, "Location": path})


async def sign_out(request: web.Request) -> web.StreamResponse:
    """Forget who was signed in."""
    try:
        session.own_form(request)
    except Refused as refused:
        return problem(request, texts_for(request), refused)
    response = elsewhere("/")
    session.end(request, response)
    return response


# -- the first page --------------------------------------------------------------------------


async def home(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show the alerts and the cases of a ledger that are the caller's business."""
    entries = await businesses(request, caller)
    asked = request.query.get("ledger")
    entry = next((e for e in entries if asked in (None, e.ledger.name)), None)
    if entry is None:
        raise Refused("not-found", "")
    texts = Texts(texts.language, entry.office.zone)
    return rendered(
        request,
        "home.html",
        texts,
        who=who(entry, texts),
        ledger=Where(entry.ledger.name, entry.now, entry.office.simulated),
        ledgers=[e.ledger.name for e in entries],
        alerts=await alerts_of(request, entry, texts),
        cases=await cases_of(request, entry),
    )


async def businesses(request: web.Request, caller: Caller) -> list[Entry]:
    """List the ledgers in which the caller has business."""
    found = []
    for name in await request.app[SERVICE].store.ledgers():
        try:
            found.append(await enter_as(request.app[SERVICE], name, caller))
        except Refused:
            continue
    return found


async def alerts_of(request: web.Request, entry: Entry, texts: Texts) -> Shown | None:
    """Return a page of alerts, the caller's own where their post gives no list."""
    own = None
    try:
        seen = scopes(entry, "alerts")
    except Refused:
        if entry.caller.person is None or not entry.active_posts():
            return None
        seen, own = (), entry.caller.person
    after, scope = going_on(request, entry, "alerts")
    found = await timeout_alerts.listed(
        entry.service.reads, entry.ledger.name, seen, {}, after, LIMIT, entry.now, person=own
    )
    following = sealed(request, scope, found.next)
    return Shown(alert_rows(found.items, texts, entry.office), following)


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
    return Shown(case_rows(found.items, entry.office), following)


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


async def find(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Lead from a case number to its page."""
    name, number = request.query.get("ledger", ""), request.query.get("case", "").strip()
    entry = request[ENTERED] = await enter_as(request.app[SERVICE], name, caller)
    await case_for(entry, number)
    kept = urlencode({"lang": texts.language}) if "lang" in request.query else ""
    return elsewhere(f"/cases/{name}/{number}" + (f"?{kept}" if kept else ""))


# -- a case -----------------------------------------------------------------------------------


async def case(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show a case: its lanes, its limits, and its history to whom it is open."""
    name = request.match_info["ledger"]
    entry = request[ENTERED] = await enter_as(request.app[SERVICE], name, caller)
    entry, found = await case_for(entry, request.match_info["case"])
    reading(entry, "case", found)
    texts = Texts(texts.language, entry.office.zone)
    events = await history_of(entry, found)
    state = shown_state(found, entry, entry.office, entry.now)
    limits = measured(found, entry.office, entry.now)
    today = found.on(entry.now)
    return rendered(
        request,
        "case.html",
        texts,
        who=who(entry, texts),
        ledger=Where(entry.ledger.name, entry.now, entry.office.simulated),
        number=state["case"],
        state=state,
        item=sheet.item(state),
        flags=sheet.flags(found, state),
        facts=facts.facts(found, state, texts, entry.office),
        notes=facts.notes(state, texts, entry.office),
        dues=sheet.limits(limits, texts),
        history=None if events is None else sheet.history(events, texts, entry.office),
        d=sheet.drawing(found, events, limits, texts, entry.office, today),
    )


async def history_of(entry: Entry, case: Case) -> list[Data] | None:
    """Return the events of a case with personal fields masked; None for whom it is closed."""
    if not standing.reads("history", entry.caller, case, entry.office, entry.now):
        return None
    rows = await entry.ledger.store.of_stream(entry.ledger.name, case.stream)
    return [shown_event(records.decode(row), entry, case, row.leaf) for row in rows]


def who(entry: Entry, texts: Texts) -> Who:
    """Say who reads, and in which posts."""
    posts = entry.active_posts()
    told = [f"{texts.of('role', p.role)} · {sheet.organ(p.organ, entry.office)}" for p in posts]
    name = posts[0].name if posts else entry.caller.person or entry.caller.client or ""
    return Who(name, "；".join(dict.fromkeys(told)))
