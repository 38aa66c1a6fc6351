"""`Prefer: wait=published`: the answer to an act waits for its proof (RFC 7240).

The act is stored either way; who asks for it takes the receipt home at once.
"""

import orjson
from aiohttp import web

from api.answers import rendered
from api.problems import Handler
from api.routes import ROUTE_OF
from api.service import SERVICE
from ledger.case import Data
from ledger.errors import LedgerError

WAIT = "wait=published"
PATIENCE_S = 5.0


@web.middleware
async def proven(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add to the answer of an act the proofs of what it recorded, where that is asked for."""
    response = await handler(request)
    route = request.app[ROUTE_OF].get(request.match_info.route)
    if route is None or not route.keyed or not _asked(request) or response.status != 201:
        return response
    if not isinstance(response, web.Response) or response.content_type != "application/json":
        return response
    told = orjson.loads(response.body)  # type: ignore[arg-type]
    positions = [event["position"] for event in told.get("events", ())]
    if not positions:
        return response
    told["published"] = await _proofs(request, positions)
    kept = {
        name: value
        for name, value in response.headers.items()
        if name not in ("Content-Type", "Content-Length")
    }
    if told["published"] is not None:
        kept["Preference-Applied"] = WAIT
    return rendered(told, status=response.status, headers=kept)


def _asked(request: web.Request) -> bool:
    given = request.headers.getall("Prefer", ())
    return any(one.strip().lower() == WAIT for line in given for one in line.split(","))


async def _proofs(request: web.Request, positions: list[int]) -> Data | None:
    """Return the proofs under one checkpoint; None where none covers them in time."""
    publisher = request.app[SERVICE].publishers.get(request.match_info["ledger"])
    if publisher is None or not await publisher.published(max(positions) + 1, PATIENCE_S):
        return None
    try:
        signed = await publisher.log.newest()
        if signed is None:
            return None
        proofs = [(at, await publisher.log.proof(at, signed)) for at in positions]
    except LedgerError:
        return None  # the act is stored, and that is what has to be answered
    return {
        "size": signed.size,
        "proofs": [{"position": at, "proof": one.raw.decode()} for at, one in proofs],
    }
