"""One request a cell, which changes nothing, and what is heard.

Acts are sent without an idempotency key: whoever's post allows the act hears of that, after
404 and 403 and before anything is read (the order of checks, SECURITY 5).
"""

import asyncio

from api.web.page import modules
from tests.authz.expected import PAGES
from tests.authz.world import World

PLACES = {
    "items": "QH-002",
    "calendars": "cn",
    "policies": "duty-standard",
    "appointments": "zhou-min-clerk",
    "seals": "QH-S1",
    "anchored-logs": "wanning",
    "baselines": "HN-WJ-001-01",
    "conformity": "QH-002",
}
AT_ONCE = 16
FORM = "multipart/form-data; boundary=b"


def place(world: World, path: str) -> str:
    """Fill the variables of a path: the case, and things of the office that are there."""
    things = path.removeprefix("/v1/ledgers/{ledger}/").partition("/")[0]
    name = (
        PLACES["items" if path.startswith("/office") else things]
        if (path.startswith("/office") or things in PLACES)
        else world.uploaded
    )
    bundle = "000.p/1" if "/entries/" in path else "0/000.p/1"
    return path.format(
        ledger=world.here.ledger,
        case=world.case,
        position=world.position,
        version=1,
        id=name,
        seal=name,
        slug="not-found",
        complaint=world.complaint,
        matter=world.matter,
        subject="0" * 32,
        file="swagger-ui.css",
        digest=modules()[1],
        module="verify.js",
        action="accept",
        act="approve",
        things="items",
        person="chen-zhi",
        organ="qh-xzsp",
        issuer="nobody",
        path=bundle,
    )


async def ask(world: World, row, cell) -> str:
    """Ask as somebody in that cell, and say in a word what is heard."""
    headers = world.credential(cell.role, cell.relation, cell.state)
    path = place(world, row.path)
    if row.kind in PAGES - {"form"}:
        headers = await world.cookie(headers)
    if row.path.endswith("/dossier"):
        headers = headers | {"Purpose": "inspection; JW-2026-001"}  # an inspector has to say
    if row.what == "POST /sign-in":
        return await signed_in(world, headers)
    if row.method == "POST" and row.kind != "form":
        upload = row.what == "POST …/imports"
        headers = headers | {"Content-Type": FORM if upload else "application/json"}
    answer = await world.here.call(row.method, world.here.base + path, headers=headers)
    if answer.status >= 400 and "type" in answer.body:
        return f"{answer.status} {answer.slug}"
    if row.kind in ("list", "page-list") and world.case.encode() in answer.raw:
        return f"{answer.status} seen"
    return str(answer.status)


async def signed_in(world: World, headers) -> str:
    token = headers.get("Authorization", "").removeprefix("Bearer ")
    async with world.here.session.post(
        f"{world.here.base}/sign-in", data={"token": token}, allow_redirects=False
    ) as answer:
        return str(answer.status)


async def asked(world: World, wanted):
    """Ask a number of (row, cell, heard), and list those that are answered otherwise."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(row, cell, heard):
        async with room:
            told = await ask(world, row, cell)
        return None if told == heard else (row.what, cell, heard, told)

    found = await asyncio.gather(*(one(*each) for each in wanted))
    return [wrong for wrong in found if wrong is not None]
