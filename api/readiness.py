"""Whether acts can be taken, and how far what runs beside has come: `GET /readyz`."""

import orjson
from aiohttp import web

from api.anchoring import GOOD
from api.answers import instant
from api.service import SERVICE, Service
from ledger.errors import LedgerError
from projections import progress


async def ready(request: web.Request) -> web.Response:
    """Answer whether acts can be taken, and how far behind the views are."""
    service = request.app[SERVICE]
    told: dict[str, dict[str, object]] = {}
    try:
        # Also where nobody has asked for a ledger yet.
        await service.store.ledgers()
        for name, ledger in tuple(service.ledgers.items()):
            told[name] = {
                "simulated": ledger.office.simulated,
                "held": await _held(service, name),
                "closed": service.closed.get(name),
                "stamped": _stamped(service, name),
                "views": await progress.status(service.reads, name),
                "unmeasured": _unmeasured(service, name),
                **await _anchors(service, name),
            }
    except LedgerError as error:
        return _told(503, {"ready": False, "why": str(error)})
    findings = [f.told for f in service.server]
    open_ones = [name for name in told if name not in service.closed]
    findings += [f.told for name in open_ones for f in service.findings(name)]
    held = [
        f"{name}: {one['held']}" for name, one in told.items() if one["held"] and not one["closed"]
    ]
    if service.store.paused is not None:
        held.insert(0, service.store.paused.why)
    if held:
        why = "; ".join(held)
        return _told(503, {"ready": False, "why": why, "findings": findings, "ledgers": told})
    return _told(200, {"ready": True, "findings": findings, "ledgers": told})


async def _anchors(service: Service, name: str) -> dict[str, object]:
    """Tell which anchored logs are not as they should be; that holds nobody's acts up.

    A log that is frozen answers well for ever: the age of its newest anchor tells.
    """
    follower = service.followers.get(name)
    if follower is None:
        return {}
    bad = {log: came for log, came in follower.looked.items() if came not in GOOD}
    looked = len(follower.looked)
    now = await follower.ledger.now()
    newest = {
        log: {"size": size, "at": instant(at), "age_s": round((now - at).total_seconds())}
        for log, (size, at) in follower.newest.items()
    }
    told = {"looked": looked, "bad": bad, "unread": follower.unread, "newest": newest}
    return {"anchors": told}


def _unmeasured(service: Service, name: str) -> str | None:
    """Say why findings of many cases were not measured when that was last tried."""
    keeper = service.keepers.get(name)
    return None if keeper is None else keeper.trouble


def _stamped(service: Service, name: str) -> dict[str, object] | None:
    """Tell which checkpoint an authority stamped last, and what failed since the start."""
    stamper = service.stampers.get(name)
    if stamper is None:
        return None
    size, at = stamper.last or (None, None)
    return {"size": size, "at": at, "failed": stamper.failed}


async def _held(service: Service, name: str) -> str | None:
    """Say why nothing can be recorded in a ledger here, None while all is well."""
    broken = service.broken(name)
    if broken is not None:
        return f"appends are held: {broken}"
    return "another deployment took over" if await service.store.fenced(name) else None


def _told(status: int, data: object) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(data),
        content_type="application/json",
        charset="utf-8",
        headers={"Retry-After": "1"} if status == 503 else None,
    )
