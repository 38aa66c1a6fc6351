"""The gate: the first five checks of every request, in their order, before any route runs.

1 framing · 2 route, method, `Accept` · 3 credential, whose behalf, origin · 4 rate ·
5 `Expect`, `Content-Encoding`, `Content-Type`, `Content-Length`.  What a route takes and
gives stands in its row of the table (`routes`); what stands in no row is not served.
"""

import re

from aiohttp import web

from api.framing import EXPECT, FAULT
from api.headers import acceptable
from api.limits import RATES
from api.problems import Handler, answer
from api.routes import ROUTE_OF, Route
from api.settings import SETTINGS
from api.tokens import CALLER, Caller, authenticated
from ledger.errors import Refused

_JSON = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?\s*', re.ASCII | re.IGNORECASE)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through to its route, or refuse it."""
    fault = request.get(FAULT)
    if fault is not None:
        return answer(request, Refused("bad-request", fault))
    route = routed(request)
    if not acceptable(request, route.produces):
        raise Refused("not-acceptable", ", ".join(route.produces))
    if route.access == "token":
        caller = await identified(request, route)
        request[CALLER] = caller
        _rated(request, caller)
    if request.get(EXPECT, "100-continue") != "100-continue":
        raise Refused("expectation-failed", "")
    if route.takes:
        _headed(request, route)
    return await handler(request)


def routed(request: web.Request) -> Route:
    """Return the row of the table that a request falls under."""
    missing = request.match_info.http_exception
    if request.method == "OPTIONS" and "Origin" in request.headers:
        raise Refused("origin-not-allowed", "")
    if request.method == "TRACE" and not isinstance(missing, web.HTTPMethodNotAllowed):
        raise web.HTTPMethodNotAllowed("TRACE", {"GET", "HEAD", "POST"})
    if missing is not None:
        raise missing
    route = request.app[ROUTE_OF].get(request.match_info.route)
    if route is None:
        raise Refused("not-found", "")
    return route


async def identified(request: web.Request, route: Route) -> Caller:
    """Say who asks.  A foreign page is turned away before its cookie is looked at."""
    foreign = request.method not in SAFE and _foreign(request)
    if foreign and "Cookie" in request.headers:
        raise Refused("origin-not-allowed", "")
    caller = await authenticated(request)
    if caller.person is None and not route.alone(request.match_info):
        raise Refused("on-behalf-of-invalid", "this is done by a person")
    if foreign:
        raise Refused("origin-not-allowed", "")
    return caller


def _foreign(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    return origin is not None and origin not in request.app[SETTINGS].own_origins()


def _rated(request: web.Request, caller: Caller) -> None:
    settings, rates = request.app[SETTINGS], request.app[RATES]
    if caller.via == "api-key":
        rates.take(f"client {caller.client}", settings.rate_client)
    if caller.person is not None:
        rates.take(f"person {caller.person}", settings.rate_person)


def _headed(request: web.Request, route: Route) -> None:
    """Refuse a body by what its headers say, unread."""
    if "Content-Encoding" in request.headers:
        raise Refused("encoding-not-supported", "")
    given = request.headers.getall("Content-Type", ())
    if len(given) != 1 or not _taken(given[0], route):
        raise Refused("media-type", ", ".join(route.takes))
    if (request.content_length or 0) > route.limit:
        raise Refused("body-too-large", f"more than {route.limit} bytes")


def _taken(given: str, route: Route) -> bool:
    if "application/json" in route.takes and _JSON.fullmatch(given.strip()):
        return True
    named = given.partition(";")[0].strip().lower()
    return named != "application/json" and named in route.takes
