"""Signing in and out: at the configured issuer, with a token, or in the demo as one of its people.

The issuer's way is the authorization code flow of OpenID Connect with a proof key (RFC 7636);
what comes back is verified like any token, and kept in the session cookie.  Passwords, lock-out
and the second factor are the issuer's.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from secrets import token_urlsafe
from urllib.parse import parse_qsl, urlencode

import aiohttp
import orjson
import structlog
from aiohttp import web

from api.framing import body
from api.issuing import SIGN_IN, SignIn
from api.problems import as_refused
from api.routes import Route
from api.service import SERVICE
from api.settings import SETTINGS
from api.tokens import caller_of
from api.web import session
from api.web.page import rendered
from api.web.signed_in import problem, row, signing_in, texts_for
from api.web.within import elsewhere
from ledger.errors import LedgerError, Refused

log = structlog.get_logger()

FORM_BYTES = 16 * 1024
ANSWER_BYTES = 64 * 1024
ANSWER_S = 10.0
RETURN = "/sign-in/return"


def table() -> tuple[Route, ...]:
    """List the routes of signing in and out."""
    return (
        row("POST", "/sign-in", sign_in, "Sign in to the pages", "sign-in"),
        row("GET", RETURN, returned, "Come back from the issuer", "sign-in"),
        row("GET", "/sign-in/{issuer}", start, "Sign in at an issuer", "sign-in"),
        row("POST", "/sign-out", sign_out, "Sign out of the pages", "sign-out"),
    )


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Take a token, or in the demo one of its people, and keep it in a cookie."""
    texts = texts_for(request)
    try:
        session.own_form(request)
        form = dict(parse_qsl((await body(request, FORM_BYTES)).decode("utf-8", "replace")))
        following = form.get("next", "/")
        if not inside(following):
            following = "/"
        given = _of_the_demo(request, form) or form.get("token", "").strip()
        if not given.isascii() or not 0 < len(given) <= session.MAX_TOKEN:
            raise Refused("unauthenticated", "")
        await caller_of(request, given)
    except LedgerError as error:
        refused = as_refused(error)
        if refused.slug != "unauthenticated":
            return problem(request, texts, refused)
        return signing_in(request, texts, status=401, failed=True, following=following)
    response = elsewhere(following)
    session.SIGNED_IN.keep(request, response, given)
    return response


def _of_the_demo(request: web.Request, form: dict[str, str]) -> str | None:
    """Return a token of one of the demo's people; nowhere else can anybody be chosen."""
    people = request.app[SERVICE].demo_people
    return people[form["person"]].token() if form.get("person") in people else None


def inside(path: str) -> bool:
    """Tell whether an address to go on to is one of ours."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


async def sign_out(request: web.Request) -> web.StreamResponse:
    """Forget who was signed in."""
    try:
        session.own_form(request)
    except Refused as refused:
        return problem(request, texts_for(request), refused)
    response = elsewhere("/")
    session.SIGNED_IN.end(request, response)
    return response


# -- at the issuer ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Going:
    """What is kept while somebody is at their issuer."""

    issuer: str
    state: str
    nonce: str
    verifier: str
    following: str

    @property
    def kept(self) -> str:
        """The same, for the cookie."""
        parts = (self.issuer, self.state, self.nonce, self.verifier, self.following)
        return urlsafe_b64encode(orjson.dumps(parts)).decode()


async def start(request: web.Request) -> web.StreamResponse:
    """Lead to an issuer: `GET /sign-in/{issuer}`."""
    known = request.app[SIGN_IN].get(request.match_info["issuer"])
    if known is None:
        return problem(request, texts_for(request), Refused("not-found", ""))
    following = request.query.get("next", "/")
    going = Going(
        request.match_info["issuer"],
        token_urlsafe(24),
        token_urlsafe(24),
        token_urlsafe(48),
        following if inside(following) else "/",
    )
    challenge = urlsafe_b64encode(hashlib.sha256(going.verifier.encode()).digest()).decode()
    asked = {
        "response_type": "code",
        "client_id": known.client,
        "redirect_uri": _return_address(request),
        "scope": known.scope,
        "state": going.state,
        "nonce": going.nonce,
        "code_challenge": challenge.rstrip("="),
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in known.authorize else "?"
    response = elsewhere(f"{known.authorize}{joint}{urlencode(asked)}")
    session.GOING.keep(request, response, going.kept)
    return response


async def returned(request: web.Request) -> web.StreamResponse:
    """Take what the issuer gave: `GET /sign-in/return?code=…&state=…`.

    The page leads on by itself: a browser sends our cookie only from a page of ours.
    """
    texts = texts_for(request)
    following = "/"
    try:
        going = _gone(request)
        following = going.following
        code = request.query.get("code", "")
        if request.query.get("state") != going.state or not 0 < len(code) <= 2_000:
            raise Refused("unauthenticated", "")
        given = await _token(request, request.app[SIGN_IN][going.issuer], going, code)
        await caller_of(request, given)
    except (LedgerError, KeyError) as error:
        refused = as_refused(error) if isinstance(error, LedgerError) else None
        if refused is not None and refused.slug != "unauthenticated":
            return problem(request, texts, refused)
        response = signing_in(request, texts, status=401, failed=True, following=following)
        session.GOING.end(request, response)
        return response
    response = rendered(request, "onward.html", texts, following=following)
    session.GOING.end(request, response)
    session.SIGNED_IN.keep(request, response, given)
    return response


def _gone(request: web.Request) -> Going:
    kept = session.GOING.value(request)
    if kept is None:
        raise Refused("unauthenticated", "")
    return Going(*orjson.loads(urlsafe_b64decode(kept)))


async def _token(request: web.Request, known: SignIn, going: Going, code: str) -> str:
    """Change the code for a token that our own check of tokens takes."""
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _return_address(request),
        "client_id": known.client,
        "code_verifier": going.verifier,
    }
    secret = known.secret()
    if secret is not None:
        asked["client_secret"] = secret
    told = await _answer(known.token, asked)
    # An access token that is meant for us counts; else the id token, and then its nonce too.
    for name in ("access_token", "id_token"):
        given = told.get(name)
        if not isinstance(given, str) or len(given) > session.MAX_TOKEN:
            continue
        try:
            await caller_of(request, given)
        except Refused:
            continue
        if name == "access_token" or _nonce(given) == going.nonce:
            return given
    raise Refused("unauthenticated", "")


def _nonce(token: str) -> object:
    payload = token.split(".")[1]
    return orjson.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("nonce")


async def _answer(address: str, asked: dict[str, str]) -> dict[str, object]:
    """Ask the issuer's token endpoint, and nobody else."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as asking,
            asking.post(
                address, data=asked, headers={"Accept": "application/json"}, allow_redirects=False
            ) as response,
        ):
            raw = await response.content.read(ANSWER_BYTES)
            told = orjson.loads(raw) if response.status == 200 else {}
    except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError) as error:
        log.warning("the issuer did not answer", error=type(error).__name__)
        raise Refused("unauthenticated", "") from error
    return told if isinstance(told, dict) else {}


def _return_address(request: web.Request) -> str:
    """Return where the issuer leads back to: the operator's address, never the asked host."""
    return request.app[SETTINGS].own_origins()[0] + RETURN
