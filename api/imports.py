"""What happened elsewhere, brought in: look at what was uploaded, commit it (导入).

`upload` judges the rows of a file, the head of the bureau commits them here, and `intake`
takes them into the ledger beside other work, so that progress is seen and a crash harmless.
"""

import re
from typing import Any

from aiohttp import web

from api import headers
from api.access import Entry, enter, not_given
from api.answers import instant, rendered
from api.bodies import decoded
from api.intake import INTAKE
from api.office import allowed
from api.parts import OfficeAct
from api.record import scoped_key
from api.staging import SQL
from ledger.case import Json
from ledger.errors import Refused
from ledger.imported import CODES
from ledger.lifecycle import Role
from ledger.recorded import Key

SHOWN_PROBLEMS = 100

INSPECTION = frozenset({Role.INSPECTOR, Role.INSPECTION_LEAD})
READERS = frozenset(
    {
        Role.SYSTEM_ADMIN,
        Role.BUREAU_HEAD,
        Role.SUPERVISOR,
        Role.AUDIT_ADMIN,
        *INSPECTION,
    }
)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
STATES = frozenset({"ready", "quarantined", "recorded"})

Record = Any  # asyncpg ships no types


async def one(request: web.Request) -> web.Response:
    """Tell how far an import has come: `GET /imports/{id}`."""
    entry = await enter(request)
    file = await _file(request, entry)
    _reader(entry)
    headers.query(request, {"at_least"})
    async with request.app[INTAKE].reached() as connection:
        told = await report(connection, entry.ledger.name, file["id"])
    return rendered(told)


async def rows(request: web.Request) -> web.Response:
    """List the rows of an import with what became of each: `GET /imports/{id}/rows`."""
    entry = await enter(request)
    file = await _file(request, entry)
    _reader(entry)
    page = headers.page(request, entry.caller.person, f"import:{file['id']}", {"state", "code"})
    state, code = page.filters.get("state"), page.filters.get("code")
    if state is not None:
        headers.choice(state, "state", STATES)
    if code is not None:
        headers.choice(code, "code", CODES)
    after = page.after if isinstance(page.after, int) else 0
    async with request.app[INTAKE].reached() as connection:
        found = await connection.fetch(
            SQL["rows"], entry.ledger.name, file["id"], after, state, code, page.limit + 1
        )
    more = found[page.limit - 1]["row"] if len(found) > page.limit else None
    items = [_row(row) for row in found[: page.limit]]
    return rendered({"items": items, "next": page.cursor(more)})


async def commit(request: web.Request) -> web.Response:
    """Let a judged file into the ledger, by the head of the bureau; the work goes on behind.

    The answer says what was committed and is the same for each repetition.
    """
    entry = await enter(request)
    file = await _file(request, entry)
    actors = allowed(entry, "import", "commit")
    by = actors[0]
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, OfficeAct)
    asked = scoped_key(entry, request.path, key, body)
    if await entry.ledger.found(asked) is not None or _reused(file, asked):
        raise Refused("idempotency-key-reused", "this key was used for another request")
    scoped = _written(asked)
    if file["uploaded_by"] == by.person:
        raise _same_person()
    known = file
    if file["state"] == "staged":
        async with request.app[INTAKE].reached() as connection:
            place = (entry.ledger.name, file["id"])
            done = await connection.fetchval(
                SQL["commit"], *place, scoped, by.person, by.appointment, by.organ, entry.now
            )
            known = file if done is not None else await connection.fetchrow(SQL["one"], *place)
        if done is not None:
            request.app[INTAKE].wake()
            return rendered(_committed(file, entry), status=202)
    if known["commit_key"] != scoped:
        raise _committed_before()
    return rendered(_committed(known, entry), status=202, headers={"Idempotency-Replayed": "true"})


async def abandon(request: web.Request) -> web.Response:
    """Throw a judged file away with the key of its rows: `POST /imports/{id}/abandon`.

    Again and again it changes nothing, and answers how the file stands.
    """
    entry = await enter(request)
    file = await _file(request, entry)
    by = allowed(entry, "import", "abandon")[0]
    headers.idempotency_key(request)
    headers.no_query(request)
    await decoded(request, OfficeAct)
    place = (entry.ledger.name, file["id"])
    if not await request.app[INTAKE].abandon(*place, str(by.person), entry.now):
        raise _committed_before()
    async with request.app[INTAKE].reached() as connection:
        return rendered(await report(connection, *place))


def _written(asked: Key) -> str:
    return f"{asked.key}|{asked.digest.hex()}"


def _reused(file: Record, asked: Key) -> bool:
    """Tell whether the file was committed under this key, but by another request."""
    before = str(file["commit_key"] or "").rpartition("|")[0]
    return before == asked.key and file["commit_key"] != _written(asked)


def _same_person() -> Refused:
    return Refused("separation-of-duties", "who uploaded a file does not commit it", rule="SOD-19")


def _committed_before() -> Refused:
    return Refused("already-done", "the import is committed", rule="import.once")


def _committed(file: Record, entry: Entry) -> dict[str, Json]:
    return {
        "id": file["id"],
        "state": "committing",
        "rows": file["rows"],
        "progress": f"/v1/ledgers/{entry.ledger.name}/imports/{file['id']}",
    }


def _reader(entry: Entry) -> None:
    """Refuse who has no business with imports."""
    if not entry.of_system:
        holding(entry, READERS, "imports")


def holding(entry: Entry, roles: frozenset[Role], what: str) -> None:
    """Refuse who holds none of these roles; inspection reads where it has jurisdiction."""
    posts = (p for p in entry.active_posts() if p.jurisdiction or p.role not in INSPECTION)
    if not {p.role for p in posts} & roles:
        raise not_given(entry, roles, what)


async def _file(request: web.Request, entry: Entry) -> Record:
    name = request.match_info["id"]
    found = None
    if _ID.fullmatch(name):
        async with request.app[INTAKE].reached() as connection:
            found = await connection.fetchrow(SQL["one"], entry.ledger.name, name)
    if found is None:
        raise Refused("not-found", "no such import")
    return found


async def report(connection: Any, ledger: str, found: str) -> dict[str, Json]:  # noqa: ANN401
    """Tell what a file holds and how far it has come; the first rows set aside by name."""
    file = await connection.fetchrow(SQL["one"], ledger, found)
    codes = await connection.fetch(SQL["codes"], ledger, found)
    aside = await connection.fetch(
        SQL["rows"], ledger, found, 0, "quarantined", None, SHOWN_PROBLEMS
    )
    return {
        "id": file["id"],
        "state": file["state"],
        "system": file["system"],
        "item": file["item"],
        "name": file["name"],
        "sha256": file["sha256"],
        "size": file["size"],
        "rows": file["rows"],
        "ready": file["rows"] - file["quarantined"] - file["recorded"],
        "recorded": file["recorded"],
        "quarantined": file["quarantined"],
        "codes": {row["code"]: row["rows"] for row in codes},
        "problems": [_row(row) for row in aside],
        "events": file["events"],
        "position": file["position"],
        "uploaded_by": file["uploaded_by"],
        "uploaded_at": instant(file["uploaded_at"]),
        "committed_by": file["committed_by"],
        "committed_at": instant(file["committed_at"]),
        "abandoned_by": file["abandoned_by"],
        "abandoned_at": instant(file["abandoned_at"]),
        "done_at": instant(file["done_at"]),
    }


def _row(row: Record) -> dict[str, Json]:
    told = {name: row[name] for name in ("row", "id", "state", "code", "note", "position")}
    why = None if row["code"] is None else CODES[row["code"]]
    return {**told, "case": row["case_no"], "why": why}
