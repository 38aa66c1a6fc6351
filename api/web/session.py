"""Being signed in to the pages: a token in a cookie, for as long as somebody is there.

The cookie is for pages only; the interface takes no cookie, so that a page of somebody else
can make a browser read nothing and do nothing.
"""

import hmac
import time
from urllib.parse import urlsplit

from aiohttp import web

from api.headers import CURSOR_KEY
from api.settings import SETTINGS
from ledger.errors import Refused

IDLE_S = 15 * 60
# A browser takes `__Host-` from encrypted connections only; the demo speaks plain HTTP.
NAMES = {True: "__Host-caseledger_session", False: "caseledger_session"}
MAX_TOKEN = 3500
_MAC = 32


def token(request: web.Request) -> str | None:
    """Return the token of whoever is signed in, None where nobody is or was away too long."""
    value = request.cookies.get(NAMES[request.secure], "")
    mac, _, rest = value.partition(".")
    seen, _, given = rest.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(request, rest).encode()):
        return None
    return given if time.time() - int(seen) <= IDLE_S else None


def keep(request: web.Request, response: web.Response, given: str) -> None:
    """Keep somebody signed in for another while."""
    rest = f"{int(time.time())}.{given}"
    response.set_cookie(
        NAMES[request.secure],
        f"{_mac(request, rest)}.{rest}",
        max_age=IDLE_S,
        path="/",
        secure=request.secure,
        httponly=True,
        samesite="Strict",
    )


def end(request: web.Request, response: web.Response) -> None:
    """Sign out."""
    response.del_cookie(
        NAMES[request.secure], path="/", secure=request.secure, httponly=True, samesite="Strict"
    )


def _mac(request: web.Request, rest: str) -> str:
    digest = hmac.digest(request.app[CURSOR_KEY], b"session\0" + rest.encode(), "sha256")
    return digest.hex()[: 2 * _MAC]


def own_form(request: web.Request) -> None:
    """Refuse a form that another site's page has sent."""
    origin = request.headers.get("Origin")
    own = request.app[SETTINGS].own_origins()
    if origin is not None and origin not in own and urlsplit(origin).netloc != request.host:
        raise Refused("origin-not-allowed", "")
