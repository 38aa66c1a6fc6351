"""Readings on record: log, then serve.  One place for every route and page.

Whatever delivers case content has an entry in the access log that is durable before the first
byte leaves; where that cannot be had, nothing is shown (503 `access-log-unavailable`).  What a
route delivers stands in `routes.DELIVERED`; who holds an inspection post is put in the sealed
line (SECURITY 3.6).  Applicants are named on no record: only that one of them read.
"""

import hashlib
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from aiohttp import web

from api.access import ENTERED, Entry
from api.headers import request_id
from api.problems import Handler
from api.purpose import ITEMS, PURPOSE, REVEALED, SHOWS_CASE, purpose
from api.routes import ROUTE_OF
from ledger import privacy
from ledger.case import Event, Json
from ledger.errors import LedgerError, Unavailable

# The entry of this request, once it is durable.
ON_RECORD: web.RequestKey[str] = web.RequestKey("on-record", str)
# Anything else is a file, whose digest is kept.
SHOWN = frozenset({"application/json", "text/html"})


@web.middleware
async def log_then_serve(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put on record what is about to be delivered, and only then let it go."""
    route = request.app[ROUTE_OF].get(request.match_info.route)
    if route is not None and route.delivers and PURPOSE not in request:
        purpose(request)
    response = await handler(request)
    if not response.prepared:
        await before_first_byte(request, response)
    return response


async def before_first_byte(request: web.Request, response: web.StreamResponse) -> None:
    """Put a delivery on record, once a request: of a stream when its head is about to go.

    Raises `Unavailable` (`access-log-unavailable`) where the entry cannot be stored.
    """
    if ON_RECORD in request or not _delivers(request, response):
        return
    more: dict[str, Json] = {}
    if isinstance(response, web.Response):
        more["items"] = int(response.get(ITEMS, 1))
        if response.content_type not in SHOWN and isinstance(response.body, bytes):
            more["digest"] = hashlib.sha256(response.body).hexdigest()
    else:
        more["part"] = "begun"
    request[ON_RECORD] = await _put(request, more)


def _delivers(request: web.Request, response: web.StreamResponse) -> bool:
    """Tell whether an answer shows what its route delivers: no problem does, and no way on."""
    route = request.app[ROUTE_OF].get(request.match_info.route)
    if route is None or not route.delivers or ENTERED not in request:
        return False
    if 300 <= response.status < 400 or response.content_type == "application/problem+json":
        return False
    # A form with what was wrong in it shows the case as well; the page of a problem does not.
    return response.status < 300 or bool(response.get(SHOWS_CASE))


@dataclass(slots=True)
class Stream:
    """What has been sent of a stream: the closing entry tells how much, and its digest."""

    request: web.Request
    items: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def sent(self, piece: bytes, items: int) -> None:
        """Count a piece."""
        self.items += items
        self._digest.update(piece)

    async def ended(self) -> None:
        """Put the end on record, before the caller is told that it is the end."""
        begun = self.request.get(ON_RECORD)
        if begun is not None:
            digest = self._digest.hexdigest()
            told = {"part": "ended", "begun": begun, "items": self.items, "digest": digest}
            await _put(self.request, told)


async def _put(request: web.Request, more: dict[str, Json]) -> str:
    entry = request[ENTERED]
    event = Event(
        stream=f"reading:{token_hex(16)}",
        version=1,
        type="read",
        id=token_hex(16),
        occurred_at=entry.now,
        actor=entry.actor(),
        responsibility="administration",
        data=_told(request, entry) | more,
        correlation=request_id(request),
    )
    try:
        await entry.ledger.access.put(event, sealed=entry.inspects)
    except LedgerError as error:
        why = "the reading could not be recorded"
        raise Unavailable("access-log-unavailable", why) from error
    return event.id


def _told(request: web.Request, entry: Entry) -> dict[str, Json]:
    """Say what is read: of which cases, or by which filter, of what classes, and what for."""
    route = request.app[ROUTE_OF][request.match_info.route]
    asked = {name: request.query.getall(name) for name in sorted(request.query)}
    told: dict[str, Json] = {
        "what": route.named(request.match_info),
        "classes": list(route.delivers),
        "cases": [],
    }
    numbers = (request.match_info.get(name) for name in ("case", "complaint", "matter"))
    number = next(filter(None, numbers), "") or request.query.get("case", "")
    # Only what is a number: anything may stand in a query.
    if 0 < len(number) <= 200 and number.isprintable():
        told["cases"] = [number]
    if asked:
        key = entry.service.readings_key
        told["filter"] = privacy.digest(key, told["what"], asked).hex()
    said = request.get(PURPOSE)
    if said is not None:
        told["purpose"] = {"code": said.code, "reference": said.reference}
    revealed = request.get(REVEALED)
    if revealed:
        told["revealed"] = list(revealed)
    return told
