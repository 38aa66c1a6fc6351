"""Headers and query parameters, read strictly: one spelling is accepted, or the caller hears why.

Routes call these in the fixed order of checks: `idempotency_key` and `if_match`, then the
query.  What is only an aid (request id, trace, language) is replaced or dropped instead.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from secrets import token_hex
from urllib.parse import unquote_to_bytes

from aiohttp import web

from api import cursors, times
from api.characters import CONTROL
from ledger.errors import Refused

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request-id", str)
CURSOR_KEY: web.AppKey[bytes] = web.AppKey("cursor-key", bytes)

MAX_INTEGER = 2**53 - 1
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_VERSION = re.compile(r'"([1-9][0-9]{0,15})"')
_INTEGER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)
_SPACED = re.compile(r" (?=[0-9]{2}:[0-9]{2}$)", re.ASCII)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


# -- what helps to follow a request --------------------------------------------------------


def request_id(request: web.BaseRequest) -> str:
    """Return the id of the request: the caller's where it is well formed, else one of ours."""
    known = request.get(REQUEST_ID)
    if known is None:
        given = request.headers.getall("X-Request-Id", ())
        known = given[0] if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]) else token_hex(16)
        request[REQUEST_ID] = known
    return known


def trace(request: web.BaseRequest) -> str | None:
    """Return the `traceparent`, or None where there is none or it is malformed."""
    given = request.headers.getall("traceparent", ())
    return given[0] if len(given) == 1 and _TRACE.fullmatch(given[0]) else None


def language(request: web.BaseRequest) -> str:
    """Choose zh-CN or en by `Accept-Language`; Chinese where both or neither are wanted."""
    wanted = {"zh": 0.0, "en": 0.0}
    for name, quality in weighted(_joined(request, "Accept-Language")):
        for known, so_far in wanted.items():
            if name.lower().partition("-")[0] == known or name == "*":
                wanted[known] = max(so_far, quality)
    return "en" if wanted["en"] > wanted["zh"] else "zh-CN"


def _joined(request: web.BaseRequest, name: str) -> str:
    return ",".join(request.headers.getall(name, ()))


def weighted(text: str) -> list[tuple[str, float]]:
    """Read a list such as `a;q=0.5, b`: the names with their weights, as they stand."""
    found = []
    for part in text.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q":
                fits = _QUALITY.fullmatch(value.strip())
                quality = float(value) if fits else 0.0
        if name:
            found.append((name, quality))
    return found


def acceptable(request: web.BaseRequest, produced: tuple[str, ...]) -> bool:
    """Tell whether `Accept` takes one of the media types that a route produces."""
    return preferred(request, produced) is not None


def preferred(request: web.BaseRequest, produced: tuple[str, ...]) -> str | None:
    """Choose the media type that `Accept` wants most, the first of equals; None: it takes none."""
    given = _joined(request, "Accept")
    return _wanted_most(given, produced) if given.strip() else produced[0]


@lru_cache(maxsize=256)
def _wanted_most(given: str, produced: tuple[str, ...]) -> str | None:
    """Choose by ranges; callers send the same ones all day."""
    wanted = weighted(given)
    best = max(produced, key=lambda media: _weight(wanted, media))
    return best if _weight(wanted, best) > 0 else None


def _weight(wanted: list[tuple[str, float]], media: str) -> float:
    """Return the weight of the most exact range that covers a media type."""
    ranges = (media, media.partition("/")[0] + "/*", "*/*")
    for one in ranges:
        weights = [quality for name, quality in wanted if name.lower() == one]
        if weights:
            return max(weights)
    return 0.0


# -- what every act carries ------------------------------------------------------------------


def idempotency_key(request: web.BaseRequest) -> str:
    """Return the one `Idempotency-Key`."""
    given = request.headers.getall("Idempotency-Key", ())
    if not given:
        raise Refused("idempotency-key-missing", "")
    key = given[0].strip(" \t")
    if len(given) > 1 or not _KEY.fullmatch(key):
        raise Refused("idempotency-key-invalid", "")
    return key


def if_match(request: web.BaseRequest, *, required: bool) -> int | None:
    """Return the version that the caller last saw; None where none is given nor required."""
    given = request.headers.getall("If-Match", ())
    if not given:
        if required:
            raise Refused("version-required", "")
        return None
    match = _VERSION.fullmatch(given[0].strip(" \t"))
    if len(given) > 1 or match is None or int(match[1]) > MAX_INTEGER:
        raise Refused("version-invalid", "")
    return int(match[1])


# -- the query ---------------------------------------------------------------------------------


def query(request: web.BaseRequest, allowed: Collection[str]) -> dict[str, str]:
    """Return the query parameters; refuse unknown, repeated and malformed ones."""
    raw = request.raw_path.partition("#")[0].partition("?")[2]
    found: dict[str, str] = {}
    for pair in raw.split("&") if raw else ():
        left, equals, right = pair.partition("=")
        name, value = _decoded(left), _decoded(right)
        if not equals or name not in allowed:
            raise Refused("invalid-parameter", f"no such parameter: {echo(name)}")
        if name in found:
            raise Refused("invalid-parameter", f"given twice: {echo(name)}")
        found[name] = value
    if "at_least" in found:
        integer(found["at_least"], "at_least")
    return found


def no_query(request: web.BaseRequest) -> None:
    """Refuse any query parameter but the position to wait for, which anything takes."""
    query(request, {"at_least"})


def _decoded(raw: str) -> str:
    """Decode one side of a pair: percent signs and plus signs, then strict UTF-8, no control."""
    wrong = Refused("invalid-parameter", "not UTF-8 in percent-encoding, or a control character")
    if _BAD_PERCENT.search(raw):
        raise wrong
    octets = unquote_to_bytes(raw.replace("+", " ").encode("utf-8", "surrogateescape"))
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise wrong from None
    if CONTROL.search(text):
        raise wrong
    return text


def integer(text: str, name: str, *, least: int = 0, most: int = MAX_INTEGER) -> int:
    """Read a whole number of a parameter."""
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        raise Refused("invalid-parameter", f"{name}: a whole number from {least} to {most}")
    return int(text)


def instant(text: str, name: str) -> datetime:
    """Read an instant of a parameter.

    No instant holds a space: one before the offset is the plus sign of who did not encode it.
    """
    at = times.instant(_SPACED.sub("+", text))
    if at is None:
        raise Refused("invalid-parameter", f"{name}: a time such as 2026-03-02T09:00:00+08:00")
    return at


def day(text: str, name: str) -> date:
    """Read a local date of a parameter."""
    on = times.day(text)
    if on is None:
        raise Refused("invalid-parameter", f"{name}: a date such as 2026-03-02")
    return on


def choice(text: str, name: str, among: Collection[str]) -> str:
    """Read one of a few words of a parameter."""
    if text not in among:
        raise Refused("invalid-parameter", f"{name}: one of {', '.join(sorted(among))}")
    return text


def at_least(request: web.BaseRequest) -> int | None:
    """Return the position that has to be reached first, or None.

    It is waited for before anything is looked up, so it is read alone here; the rest of
    the query is read in its turn.
    """
    raw = request.raw_path.partition("#")[0].partition("?")[2]
    pairs = (pair.partition("=") for pair in raw.split("&"))
    given = [value for name, _, value in pairs if unquote_to_bytes(name) == b"at_least"]
    if len(given) > 1:
        raise Refused("invalid-parameter", "given twice: at_least")
    return integer(given[0], "at_least") if given else None


# -- pages of a list ---------------------------------------------------------------------------

PAGING: frozenset[str] = frozenset({"limit", "after", "at_least"})


@dataclass(frozen=True, slots=True)
class Page:
    """What is asked of a list: its filters, where to go on, how many; and its next cursor."""

    filters: dict[str, str]
    limit: int
    after: cursors.Mark | None
    key: bytes
    scope: tuple[str, ...]
    counted: bool = False

    def cursor(self, mark: cursors.Mark | None) -> str | None:
        """Return the cursor that goes on behind a mark; None where the list has ended."""
        return None if mark is None else cursors.sealed(self.key, self.scope, mark)


def page(
    request: web.Request,
    person: str | None,
    name: str,
    filters: Collection[str],
    *,
    countable: bool = False,
) -> Page:
    """Read the query of a list: its own filters, `limit`, `after` and `at_least`.

    One that is `countable` takes `count=exact` too, and then tells how many rows fit.
    """
    given = query(request, {*filters, *PAGING, *(("count",) if countable else ())})
    return paged(request, given, person, name)


def paged(request: web.Request, given: dict[str, str], person: str | None, name: str) -> Page:
    """Read out of a query where its list goes on; what is left are the filters."""
    counted = given.pop("count", None)
    if counted is not None:
        choice(counted, "count", ("exact",))
    limit = integer(given.pop("limit", "50"), "limit", least=1, most=500)
    given.pop("at_least", None)
    after = given.pop("after", None)
    key = request.app[CURSOR_KEY]
    ledger = request.match_info.get("ledger", "")
    scope = (ledger, name, person or "", *_flat(given))
    mark = None if after is None else cursors.opened(key, scope, after)
    return Page(given, limit, mark, key, scope, counted is not None)


def _flat(filters: Mapping[str, str]) -> list[str]:
    return [part for name in sorted(filters) for part in (name, filters[name])]


def echo(text: str) -> str:
    """Return at most 64 characters of what a caller sent, made harmless to show."""
    return ascii(text[:64])[1:-1][:64]
