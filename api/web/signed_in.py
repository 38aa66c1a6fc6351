"""What every page passes: who is signed in, in which language, and what goes wrong in words."""

from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from aiohttp import web

from api import headers, refusals
from api.issuing import SIGN_IN
from api.problems import as_refused
from api.routes import Function, Route
from api.service import SERVICE
from api.settings import SETTINGS
from api.slugs import SLUGS
from api.tokens import Caller, caller_of
from api.web import session
from api.web.page import rendered
from api.web.texts import DEFAULT, LANGUAGES, Texts
from ledger.errors import LedgerError, Refused

ZONE = ZoneInfo("Asia/Shanghai")

Page = Callable[[web.Request, Texts, Caller], Awaitable[web.StreamResponse]]


def row(
    method: str,
    path: str,
    function: Function,
    summary: str,
    name: str,
    produces: tuple[str, ...] = ("text/html",),
) -> Route:
    """Return the row of a page; `name` is what a refusal on record calls it."""
    return Route(
        method=method,
        path=path,
        function=function,
        summary=summary,
        tag="pages",
        access="page",
        produces=produces,
        name=name,
    )


def page(shown: Page) -> Function:
    """Make a route of a page: who is signed in sees it, anybody else the form to sign in."""

    async def route(request: web.Request) -> web.StreamResponse:
        texts = texts_for(request)
        given = session.SIGNED_IN.value(request)
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
        # A stream is no sign that anybody is there: it keeps nobody signed in.
        if isinstance(response, web.Response):
            session.SIGNED_IN.keep(request, response, given)
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
    title, todo = slug.words(texts.language)
    told = {
        "title": title,
        "detail": todo,
        "status": slug.status,
        "slug": slug.name,
        "rule": refused.rule,
        "instance": headers.request_id(request),
    }
    response = rendered(request, "problem.html", texts, status=slug.status, problem=told)
    if slug.status == 503:
        response.headers["Retry-After"] = "1"
    return response


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
    return rendered(
        request,
        "signin.html",
        texts,
        status=status,
        failed=failed,
        following=here,
        issuers=[(name, one.title) for name, one in request.app[SIGN_IN].items()],
        people=request.app[SERVICE].demo_people,
        own=request.app[SETTINGS].issuers is None,
    )
