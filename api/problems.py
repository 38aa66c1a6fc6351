"""What goes wrong, as answers: RFC 9457 problem documents in Chinese or English.

Everything raised below this middleware becomes one here and nowhere else.  A refusal says
what to do; a missing thing and one that is not the caller's look the same; a defect of ours
tells nothing but the request's id.
"""

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import orjson
import structlog
from aiohttp import web

from api.headers import language, request_id
from api.slugs import SLUGS, Slug
from ledger.errors import Behind, Corrupt, LedgerError, Moved, Refused, Unavailable, Unknown

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# A route that knows what is possible instead says so here before it refuses.
ALLOWED_ACTIONS: web.RequestKey[Sequence[str]] = web.RequestKey("allowed-actions", Sequence)

# Their detail never differs: it would tell what is not the caller's to know.
SILENT = frozenset({"unauthenticated", "not-found", "case-not-found", "internal"})
RETRY_AFTER_S: Mapping[str, int] = {"storage-full": 30, "integrity-hold": 60}
# After these the connection cannot go on: nobody knows where the next request begins.
CLOSING = frozenset({"bad-request", "body-too-large", "timeout"})
STAGE_BOUND = frozenset({"wrong-stage", "already-done", "rule-refused", "version-conflict"})

# What aiohttp itself may raise below us; anything else of its 4xx is HTTP used wrongly.
OF_STATUS: Mapping[int, str] = {
    404: "not-found",
    405: "method-not-allowed",
    408: "timeout",
    413: "body-too-large",
    417: "expectation-failed",
}

SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn everything that is raised into an answer."""
    try:
        return await handler(request)
    except web.HTTPException as raised:
        if raised.status < 400:
            raise
        return _of_http(request, raised)
    except LedgerError as error:
        _not_begun(request, error)
        if isinstance(error, Corrupt):
            log.critical("corrupt", where=where(error))
        return answer(request, as_refused(error), retry_after_s=_retry_after(error))
    except ConnectionError:
        raise  # the caller is gone; nobody reads an answer
    except Exception as error:  # noqa: BLE001 a defect of ours is told by its id alone
        # Not its message nor its traceback: they may hold what nobody should log.
        log.error("defect", error=type(error).__name__, where=where(error))  # noqa: TRY400
        _not_begun(request, error)
        return answer(request, Refused("internal", ""))


def as_refused(error: LedgerError) -> Refused:
    """Name the slug of what the ledger raised."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, Unavailable):
        return Refused(error.slug, error.why)
    slugs: tuple[tuple[type[LedgerError], str], ...] = (
        (Moved, "basis-moved"),
        (Unknown, "outcome-unknown"),
        (Behind, "behind"),
        (Corrupt, "integrity-hold"),
    )
    slug = next((slug for kind, slug in slugs if isinstance(error, kind)), "internal")
    return Refused(slug, "")


def answer(
    request: web.BaseRequest, refused: Refused, *, retry_after_s: int | None = None
) -> web.Response:
    """Return the problem document of a refusal as an answer."""
    slug = SLUGS.get(refused.slug, SLUGS["internal"])
    response = web.Response(
        body=orjson.dumps(document(request, refused)),
        status=slug.status,
        content_type="application/problem+json",
        headers={"Content-Language": language(request), "Vary": "Accept-Language"},
    )
    if slug.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if slug.status in (429, 503):
        wait = retry_after_s or RETRY_AFTER_S.get(slug.name, 1)
        response.headers["Retry-After"] = str(wait)
    if slug.name in CLOSING:
        response.force_close()
    return response


def document(request: web.BaseRequest, refused: Refused) -> Mapping[str, object]:
    """Return the members of a problem document."""
    slug = SLUGS.get(refused.slug, SLUGS["internal"])
    title, detail = _words(slug, refused.why, language(request))
    told: dict[str, object] = {
        "type": f"/problems/{slug.name}",
        "title": title,
        "status": slug.status,
        "detail": detail,
        "instance": request_id(request),
    }
    for name in ("rule", "pointer", "current_version", "earlier_position"):
        value = getattr(refused, name)
        if value is not None:
            told[name] = value
    allowed = request.get(ALLOWED_ACTIONS)
    if allowed is not None and slug.name in STAGE_BOUND:
        told["allowed_actions"] = list(allowed)
    return told


def _words(slug: Slug, why: str, lang: str) -> tuple[str, str]:
    """Say what to do in the reader's language, and behind it what exactly was wrong."""
    title, todo = slug.words(lang)
    if not why or slug.name in SILENT:
        return title, todo
    told = why.encode("utf-8", "backslashreplace").decode()
    return title, f"{todo}（{told}）" if lang == "zh-CN" else f"{todo} ({told})"


def _of_http(request: web.Request, raised: web.HTTPException) -> web.Response:
    slug = OF_STATUS.get(raised.status, "bad-request" if raised.status < 500 else "internal")
    response = answer(request, Refused(slug, ""))
    if isinstance(raised, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(raised.allowed_methods))
    return response


def _retry_after(error: LedgerError) -> int | None:
    return error.retry_after_s if isinstance(error, Unavailable) else None


def _not_begun(request: web.Request, error: Exception) -> None:
    """End the connection where half an answer has left: the caller must see that it is half."""
    if request.writer.output_size > 0:
        raise ConnectionResetError("the answer broke off") from error


def where(error: BaseException) -> list[str]:
    """Name the lines an error came through; its message may hold what nobody should log."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]


async def dressed(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer its request id and the headers of caution, and no server's name.

    For `app.on_response_prepare`: it also reaches answers that are streamed.
    """
    response.headers.pop("Server", None)
    response.headers["X-Request-Id"] = request_id(request)
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)


async def explained(request: web.Request) -> web.Response:
    """Explain a reason, where its `type` points: `GET /problems/{slug}`."""
    slug = SLUGS.get(request.match_info["slug"])
    if slug is None:
        raise Refused("not-found", "")
    told = {
        "slug": slug.name,
        "status": slug.status,
        "title": {"zh-CN": slug.title_zh, "en": slug.title_en},
        "todo": {"zh-CN": slug.todo_zh, "en": slug.todo_en},
    }
    return web.Response(body=orjson.dumps(told), content_type="application/json")
