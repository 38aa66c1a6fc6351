"""Who is asking: tokens of configured issuers, and keys of client systems.

A token says who somebody is, never what they may do.  Each issuer has one algorithm and
pinned keys; header and payload are read by the strict decoder before any library sees them.
Nothing here says why a credential is refused.
"""

import hashlib
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from joserfc import jws
from joserfc.errors import JoseError

from api.api_keys import ApiKeys
from api.characters import line_is_clean
from api.key_sets import KeySet
from api.limits import FAILURES, address
from api.strict import Json, object_of
from ledger.errors import Refused

LIFETIME_S = 24 * 3_600
SKEW_S = 60
CACHED = 10_000

_BEARER = re.compile(r"(?i:bearer) ([A-Za-z0-9._~+/=-]+)", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_PERSON = re.compile(r"[\x21-\x7b\x7d\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a person, a client system, or a client system on behalf of a person."""

    person: str | None
    name: str | None
    client: str | None
    via: Literal["jwt", "api-key"]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens count, for which audience, by which keys."""

    name: str
    audience: str
    keys: KeySet


class Tokens:
    """Verifies tokens, and remembers for a while which ones it has verified."""

    def __init__(
        self,
        issuers: Iterable[Issuer],
        api_keys: ApiKeys,
        *,
        cache_s: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Bind the issuers that count; `clock` is the machine's, not the ledger's."""
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self.api_keys = api_keys
        self._cache_s = cache_s
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    async def caller(self, token: str) -> Caller:
        """Return who a credential stands for, or refuse it as unauthenticated."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and self._clock() < known[0]:
            return known[1]
        client = self.api_keys.client(token)
        if client is not None:
            return Caller(person=None, name=None, client=client, via="api-key")
        claims = await self._verified(token)
        caller = Caller(claims["sub"], claims["name"], claims["azp"], "jwt")
        until = min(self._clock() + self._cache_s, claims["exp"] + SKEW_S)
        self._known[digest] = (until, caller)
        if len(self._known) > CACHED:
            self._known.popitem(last=False)
        return caller

    async def _verified(self, token: str) -> dict[str, Json]:
        parts = token.split(".")
        if len(parts) != 3:
            raise unauthenticated()
        header, claims = _part(parts[0]), _part(parts[1])
        issuer = self._issuers.get(str(claims.get("iss")))
        kid = header.get("kid")
        if issuer is None or not isinstance(kid, str) or not header.keys() <= {"alg", "kid", "typ"}:
            raise unauthenticated()
        algorithm = issuer.keys.algorithm
        if header.get("alg") != algorithm or header.get("typ", "JWT") not in ("JWT", "at+jwt"):
            raise unauthenticated()
        key = await issuer.keys.key(kid)
        if key is None:
            raise unauthenticated()
        try:
            jws.deserialize_compact(token, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError):
            raise unauthenticated() from None
        if not valid(claims, issuer.audience, self._clock()):
            raise unauthenticated()
        return claims


TOKENS: web.AppKey[Tokens] = web.AppKey("tokens", Tokens)
CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)


def unauthenticated() -> Refused:
    """Return the refusal that never says why."""
    return Refused("unauthenticated", "")


def _part(text: str) -> dict[str, Json]:
    """Read a part of a token: base64url in its one spelling, then strict JSON."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if not _PART.fullmatch(text) or urlsafe_b64encode(raw).decode().rstrip("=") != text:
            raise unauthenticated()
        return object_of(raw)
    except (Refused, NotBase64, ValueError):
        raise unauthenticated() from None


def valid(claims: dict[str, Json], audience: str, now: float) -> bool:
    """Tell whether claims are complete, meant for us, and of now."""
    for name in ("sub", "name", "azp"):
        value = claims.get(name)
        if type(value) is not str or not value.strip() or len(value) > 200:
            return False
        # Ids are parts of the scope of an idempotency key, set apart by a bar.
        if not line_is_clean(value) or (name != "name" and "|" in value):
            return False
    meant = claims.get("aud")
    if audience not in (meant if isinstance(meant, list) else [meant]):
        return False
    issued, expires, begins = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)
    if type(issued) is not int or type(expires) is not int or type(begins) is not int:
        return False
    if not 0 < expires - issued <= LIFETIME_S:
        return False
    return max(issued, begins) - SKEW_S <= now < expires + SKEW_S


async def caller_of(request: web.Request, token: str) -> Caller:
    """Return who a credential stands for; count the failure of one that stands for nobody."""
    try:
        return await request.app[TOKENS].caller(token)
    except Refused:
        request.app[FAILURES].count(address(request))
        raise


async def authenticated(request: web.Request) -> Caller:
    """Read the credential of a request, and on whose behalf a client system asks."""
    given = request.headers.getall("Authorization", ())
    match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        request.app[FAILURES].count(address(request))
        raise unauthenticated()
    caller = await caller_of(request, match[1])
    behalf = request.headers.getall("On-Behalf-Of", ())
    if not behalf:
        return caller
    person = behalf[0].strip(" \t")
    if caller.via != "api-key" or len(behalf) > 1 or not _PERSON.fullmatch(person):
        raise Refused("on-behalf-of-invalid", "")
    return Caller(person, None, caller.client, "api-key")
