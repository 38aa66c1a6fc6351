"""Being signed in to the pages: a token in a cookie, for as long as somebody is there.

The cookie is for pages only; the interface takes no cookie, so that a page of somebody else
can make a browser read nothing and do nothing.
"""

import hmac
import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from aiohttp import web

from api.headers import CURSOR_KEY
from api.settings import SETTINGS
from ledger.errors import Refused

IDLE_S = 15 * 60
GOING_S = 600
MAX_TOKEN = 3500
_MAC = 32


@dataclass(frozen=True, slots=True)
class _Cookie:
    """Something of ours that a browser keeps for a while, told apart from what others made."""

    name: str
    life_s: int
    same_site: Literal["Strict", "Lax"]

    def called(self, request: web.Request) -> str:
        """Return its name; a browser takes `__Host-` from encrypted connections only."""
        return f"__Host-{self.name}" if request.secure else self.name

    def value(self, request: web.Request) -> str | None:
        """Return what is kept, None where nothing is or too long ago."""
        mac, _, rest = request.cookies.get(self.called(request), "").partition(".")
        at, _, kept = rest.partition(".")
        if not hmac.compare_digest(mac.encode(), _mac(request, rest).encode()):
            return None
        return kept if time.time() - int(at) <= self.life_s else None

    def keep(self, request: web.Request, response: web.Response, kept: str) -> None:
        """Have it kept from now on."""
        rest = f"{int(time.time())}.{kept}"
        response.set_cookie(
            self.called(request),
            f"{_mac(request, rest)}.{rest}",
            max_age=self.life_s,
            path="/",
            secure=request.secure,
            httponly=True,
            samesite=self.same_site,
        )

    def end(self, request: web.Request, response: web.Response) -> None:
        """Have it forgotten."""
        response.del_cookie(
            self.called(request),
            path="/",
            secure=request.secure,
            httponly=True,
            samesite=self.same_site,
        )


# The token of whoever is signed in; kept anew with every page.
SIGNED_IN = _Cookie("caseledger_session", IDLE_S, "Strict")
# What has to be known when somebody comes back from their issuer, once.  Lax: the issuer's page
# leads back to ours, and a Strict cookie would stay behind.
GOING = _Cookie("caseledger_going", GOING_S, "Lax")


def _mac(request: web.Request, rest: str) -> str:
    digest = hmac.digest(request.app[CURSOR_KEY], b"session\0" + rest.encode(), "sha256")
    return digest.hex()[: 2 * _MAC]


def own_form(request: web.Request) -> None:
    """Refuse a form that another site's page has sent."""
    origin = request.headers.get("Origin")
    own = request.app[SETTINGS].own_origins()
    if origin is not None and origin not in own and urlsplit(origin).netloc != request.host:
        raise Refused("origin-not-allowed", "")
