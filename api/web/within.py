"""What the head of every page tells, and leading from one page to another."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from api.access import ENTERED, Entry, enter_as
from api.service import SERVICE
from api.tokens import Caller
from api.web import sheet
from api.web.nav import ways
from api.web.page import GUARDS, merged
from api.web.texts import Texts


@dataclass(frozen=True, slots=True)
class Who:
    """Who is signed in, as the head of a page tells it."""

    name: str
    posts: str


@dataclass(frozen=True, slots=True)
class Where:
    """Which ledger is shown, and what time it is there."""

    name: str
    now: datetime
    simulated: bool


def who(entry: Entry, texts: Texts) -> Who:
    """Say who reads, and in which posts."""
    posts = entry.active_posts()
    told = [f"{texts.of('role', p.role)} · {sheet.organ(p.organ, entry.office)}" for p in posts]
    name = posts[0].name if posts else entry.caller.person or entry.caller.client or ""
    return Who(name, "；".join(dict.fromkeys(told)))


def head(entry: Entry, texts: Texts) -> dict[str, Any]:
    """Return what the head of a page in a ledger tells: who reads, where, and where to go."""
    where = Where(entry.ledger.name, entry.now, entry.office.simulated)
    return {"who": who(entry, texts), "ledger": where, "ways": ways(entry)}


async def entered(request: web.Request, caller: Caller, name: str | None = None) -> Entry:
    """Let the caller into the ledger of the path, or of a name."""
    if name is None:
        name = request.match_info["ledger"]
    entry = request[ENTERED] = await enter_as(request.app[SERVICE], name, caller)
    return entry


def elsewhere(path: str) -> web.Response:
    """Lead to another of our pages."""
    return web.Response(status=303, headers={**GUARDS, "Location": path})


def recorded(request: web.Request, texts: Texts, path: str, position: int) -> web.Response:
    """Lead to the page that tells what has just been recorded, in the language of this one."""
    kept = {"lang": texts.language} if "lang" in request.query else {}
    return elsewhere(merged(path, {"done": str(position), **kept}))
