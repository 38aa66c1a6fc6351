"""Uploading a file of another system: `POST /imports`.

A form brings a mapping, which says what each column means, and then the file.  Every row is
judged as it comes in and waits in a staging table; one that cannot be is set aside with a
code.  A connection that breaks leaves rows that nobody can commit, and that are swept away.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable
from secrets import token_hex
from typing import Any

import asyncpg
import orjson
from aiohttp import web

from api import catalogue_rows, framing, headers
from api.access import Entry, enter
from api.bodies import object_of
from api.characters import line_is_clean
from api.imports import report
from api.intake import INTAKE
from api.multipart import Head, Parts, boundary_of
from api.office import allowed
from api.rows import CsvRows, JsonRows, Row, Rows, unreadable
from api.staging import SQL, sealed
from api.xes import XesRows
from ledger import imported, mapping, privacy, traced
from ledger.errors import Refused
from ledger.mapping import AnyMapping, CatalogueMapping, LogMapping

MAX_UPLOAD = 1 << 30
MAX_MAPPING = 64 * 1024
BATCH = 1_000
SYSTEM = "system:"

CSV_TYPES = frozenset({"text/csv", "application/csv", "application/vnd.ms-excel"})
JSON_TYPES = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson"})
XML_TYPES = frozenset({"application/xml", "text/xml", "application/xes+xml"})
BARE_TYPES = CSV_TYPES | JSON_TYPES | XML_TYPES | {"application/octet-stream"}

COLUMNS = ("ledger", "import", "row", "id", "state", "code", "note", "raw")


async def upload(request: web.Request) -> web.Response:
    """Take a file in and judge its rows: `POST /imports`, `?dry_run=true` for a report only."""
    entry = await enter(request)
    by = _uploader(entry)
    key = headers.idempotency_key(request)
    query = headers.query(request, {"dry_run", "at_least"})
    dry = headers.choice(query.get("dry_run", "false"), "dry_run", ("true", "false")) == "true"
    boundary = _boundary(request)
    staged = _Staged(request, entry, by, f"{by}|{entry.caller.client or ''}|{key}", dry=dry)
    try:
        await staged.read(framing.stream(request, MAX_UPLOAD), boundary)
        return await staged.answer()
    except BaseException:
        # A key that is busy meanwhile is no answer to what was wrong with the file.
        with request.app[INTAKE].put_off():
            await staged.drop()
        raise


def _uploader(entry: Entry) -> str:
    """Name who uploads: a client system, or a system administrator."""
    if entry.of_system:
        return entry.caller.person or f"{SYSTEM}{entry.caller.client}"
    actors = allowed(entry, "import", "upload")
    return str(actors[0].person)


def _boundary(request: web.Request) -> bytes:
    """Read what parts the form; a bare file is none that can be read as a whole."""
    given = request.headers.get("Content-Type", "")
    boundary = boundary_of(given)
    if boundary is None:
        if given.partition(";")[0].strip().lower() in BARE_TYPES:
            raise unreadable("send a form: the mapping, then a CSV or NDJSON file")
        raise Refused("media-type", "multipart/form-data with a mapping and a file")
    return boundary


class _Staged:
    """One upload on its way into the staging tables."""

    def __init__(self, request: web.Request, entry: Entry, by: str, key: str, *, dry: bool) -> None:
        self.request = request
        self.entry = entry
        self.intake = request.app[INTAKE]
        self.id = token_hex(16)
        self.by = by
        # A dry run has no twin: nothing of it stays.
        self.key = f"dry-run|{self.id}" if dry else key
        self.dry = dry
        self.size = 0
        self.hash = hashlib.sha256()
        self.raw_mapping = b""
        self.mapping: AnyMapping | None = None
        self.rows: Rows | None = None
        self.waiting: list[tuple[Any, ...]] = []
        self.readable = 0
        self.begun = False
        # Made with the file; rows come after it.
        self.key_of_rows = b""

    @property
    def place(self) -> tuple[str, str]:
        return self.entry.ledger.name, self.id

    async def read(self, pieces: AsyncIterator[bytes], boundary: bytes) -> None:
        """Read the form: first the mapping, then the file, and nothing else."""
        parts = Parts(boundary)
        part = ""
        async for piece in pieces:
            for found in parts.feed(piece):
                if isinstance(found, Head):
                    part = found.name
                    await self._part(found)
                elif part == "mapping":
                    self.raw_mapping += found.data
                    if len(self.raw_mapping) > MAX_MAPPING:
                        raise Refused("too-long", "a mapping is short", pointer="/mapping")
                else:
                    await self._file(found.data)
        parts.end()
        if self.rows is None:
            raise unreadable("no file in the form")
        self._judge(self.rows.end())
        await self._write()
        if not self.readable:
            raise unreadable("no row can be read")

    async def _part(self, head: Head) -> None:
        if head.name == "mapping" and self.mapping is None and not self.raw_mapping:
            return
        if head.name != "file" or self.rows is not None or not self.raw_mapping:
            raise unreadable("a form with the parts mapping and file, in this order")
        read = object_of(self.raw_mapping)
        self.mapping = mapping.mapping(read)
        if isinstance(self.mapping, CatalogueMapping) and self.by.startswith(SYSTEM):
            # Who lets it in would be the only person who answers for it.
            raise Refused("action-not-allowed", "a person uploads a catalogue", rule="SOD-17")
        name = head.filename or "file"
        if len(name) > mapping.NAME_CHARS or not line_is_clean(name):
            raise Refused("forbidden-character", "the name of the file", pointer="/file")
        self.rows = _reader(head, self.mapping)
        await self.intake.swept()
        async with self.intake.reached() as connection:
            await connection.execute(
                SQL["begin"], *self.place, self.key, self.mapping.system, self.mapping.item,
                name, orjson.dumps(read), self.by, self.entry.now,
            )  # fmt: skip
        self.begun = True
        self.key_of_rows = await self.intake.new_key(*self.place, self.entry.now.year)

    async def _file(self, data: bytes) -> None:
        assert self.rows is not None, "a piece of the file comes after its head"
        self.size += len(data)
        self.hash.update(data)
        self._judge(self.rows.feed(data))
        if len(self.waiting) >= BATCH:
            await self._write()

    def _judge(self, found: Iterable[Row]) -> None:
        for row in found:
            own_id, code, note = self._read(row)
            state = "ready" if code is None else "quarantined"
            shown = own_id if code not in ("forbidden-character", "too-long") else None
            # Rows name people.  What waits is sealed; what cannot be taken in is not kept.
            raw = sealed(self.key_of_rows, self.id, row.number, row.raw) if code is None else b""
            self.waiting.append((*self.place, row.number, shown, state, code, note, raw))

    def _read(self, row: Row) -> tuple[str | None, str | None, str | None]:
        """Tell the id of a row, and the code by which it is set aside, with a note."""
        if row.cells is None:
            return None, "bad-row", None
        self.readable += 1
        now = self.entry.now
        if isinstance(self.mapping, CatalogueMapping):
            item = catalogue_rows.judged(row.cells, self.mapping, self.entry.office, now)
            return item.id, item.code, item.note
        assert self.mapping is not None, "rows are read by a mapping"
        found = traced.judged(row.cells, self.mapping, now)
        return found.id, found.code if isinstance(found, imported.Quarantined) else None, None

    async def _write(self) -> None:
        batch, self.waiting = self.waiting, []
        if not batch:
            return
        async with self.intake.reached() as connection:
            await connection.copy_records_to_table(
                "import_row", schema_name="projections", columns=COLUMNS, records=batch
            )

    async def answer(self) -> web.Response:
        """Finish the staging and tell what was found; a dry run leaves nothing behind."""
        digest = self._digest()
        try:
            async with self.intake.reached() as connection:
                known = await connection.fetchrow(SQL["by_key"], self.place[0], self.key)
                answer = None if known is not None else await self._finish(connection, digest)
        except asyncpg.UniqueViolationError:
            # Its twin came first, just now.
            async with self.intake.reached() as connection:
                known = await connection.fetchrow(SQL["by_key"], self.place[0], self.key)
            answer = None
        if answer is None or self.dry:
            await self.drop()
        if answer is not None:
            return self._told(answer, self.id)
        if known["digest"] != digest:
            raise Refused("idempotency-key-reused", "this key was used for another request")
        response = self._told(known["answer"], known["id"])
        response.headers["Idempotency-Replayed"] = "true"
        return response

    async def _finish(self, connection: Any, digest: bytes) -> bytes:  # noqa: ANN401 asyncpg's
        """Close the staging, and keep the answer so that it can be given again."""
        again = [row["row"] for row in await connection.fetch(SQL["duplicates"], *self.place)]
        await connection.execute(SQL["set_aside"], *self.place, again, "duplicate")
        await connection.execute(
            SQL["staged"], *self.place, digest, self.hash.hexdigest(), self.size
        )
        told = await report(connection, *self.place)
        answer = orjson.dumps({**told, "id": None, "state": "dry-run"} if self.dry else told)
        await connection.execute(SQL["answered"], *self.place, answer)
        return answer

    def _told(self, answer: bytes, found: str) -> web.Response:
        where = {"Location": f"/v1/ledgers/{self.place[0]}/imports/{found}"}
        return web.Response(
            body=answer,
            status=200 if self.dry else 201,
            content_type="application/json",
            charset="utf-8",
            headers={"Cache-Control": "no-store", **({} if self.dry else where)},
        )

    def _digest(self) -> bytes:
        body = {
            "mapping": orjson.dumps(object_of(self.raw_mapping), option=orjson.OPT_SORT_KEYS).hex(),
            "sha256": self.hash.hexdigest(),
        }
        return privacy.digest(self.entry.service.digest_key, self.request.path, body)

    async def drop(self) -> None:
        """Leave nothing of this upload behind."""
        if not self.begun:
            return
        self.begun = False
        async with self.intake.reached() as connection:
            await connection.execute(SQL["drop_rows"], *self.place)
            await connection.execute(SQL["drop_file"], *self.place)
        await self.intake.destroy_keys(self.place[0])


def _reader(head: Head, mapping: AnyMapping) -> Rows:
    """Choose how the file is read, by its media type or else by its name."""
    name = (head.filename or "").lower()
    if isinstance(mapping, LogMapping):
        if head.media in XML_TYPES or name.endswith((".xes", ".xml")):
            return XesRows()
        raise unreadable("a mapping of a log, and no XES file")
    if head.media in JSON_TYPES or name.endswith((".ndjson", ".jsonl")):
        return JsonRows(whole=isinstance(mapping, CatalogueMapping))
    if head.media in CSV_TYPES or name.endswith(".csv"):
        if not mapping.columns:
            raise unreadable("of a table the mapping says which column is which member")
        return CsvRows(mapping.columns)
    raise unreadable("a CSV or NDJSON file, or XES with a mapping of a log")
