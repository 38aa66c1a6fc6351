"""Taking committed imports into the ledger, row by row, beside the service's other work.

Each row is one append under its own key (`import|<id>|<row>`) on a stream named after its id
in the other system: a crash between the append and the note of it leaves a row that looks
untaken, and the next attempt finds the case that is there.  So it is taken once, whatever
happens, and the work goes on after a start.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
import structlog
from aiohttp import web

from api import catalogue_rows
from api.problems import as_refused, where
from api.rows import row_of
from api.service import Service
from api.staging import SQL, Staging, unsealed
from ledger import catalogue, imported, mapping, traced
from ledger.case import Case, Data
from ledger.errors import Corrupt, Moved, Refused, Unavailable, Unknown
from ledger.ledger import Ledger
from ledger.mapping import CatalogueMapping, LogMapping, RowMapping
from ledger.office import authority, item
from ledger.recorded import Key
from ledger.state import case_number, pattern_of

log = structlog.get_logger()

T = TypeVar("T")
Record = Any  # asyncpg ships no types
Cells = Mapping[str, Any]

CHUNK = 256
WORKERS = 2
IDLE_S = 5.0
# Between two looks for what waits too long.
SWEEP_S = 3600.0
RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a row: where it stands and its case's number, or why it is set aside."""

    row: int
    events: int = 0
    position: int | None = None
    last: int = -1
    case_no: str | None = None
    code: str | None = None
    note: str | None = None

    @property
    def state(self) -> str:
        """The state the row is in now."""
        return "recorded" if self.code is None else "quarantined"


class NoLongerHead(Exception):
    """Whoever committed the import holds the post no more."""


class Intake(Staging):
    """The work of taking rows in from where they wait."""

    def __init__(self, service: Service) -> None:
        """Bind to a service; it sweeps as soon as it is at work."""
        super().__init__(service)
        self._wanted = asyncio.Event()
        self._sweep_at = 0.0

    def wake(self) -> None:
        """Say that something was committed."""
        self._wanted.set()

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        """Stay at work for as long as the application runs."""
        task = asyncio.create_task(self.run())
        yield
        task.cancel()
        await asyncio.wait({task})

    async def run(self) -> None:
        """Take in what is committed, until cancelled."""
        while True:
            self._wanted.clear()
            try:
                if asyncio.get_running_loop().time() >= self._sweep_at:
                    await self.swept()
                async with self.reached() as connection:
                    found = await connection.fetch(SQL["going_on"])
                for ledger, imported_id in found:
                    await self._tried(ledger, imported_id)
            except (Unavailable, Unknown) as error:
                # Rows that were appended without a note are found again by their keys.
                # A key that was busy is destroyed by the next sweep.
                self._sweep_at = 0.0
                log.warning("import waits", why=as_refused(error).slug)
                await asyncio.sleep(RETRY_S)
                continue
            except Corrupt as error:
                log.critical("corrupt", where=where(error))
                raise
            except Exception as error:  # noqa: BLE001 it is looked for again
                log.error("imports not found", error=type(error).__name__, where=where(error))  # noqa: TRY400
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def swept(self) -> None:
        """Sweep, or tell why that was not done: no import waits for it."""
        with self.put_off():
            await self.sweep()
            self._sweep_at = asyncio.get_running_loop().time() + SWEEP_S

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Tell why something was not tidied, and leave it to a sweep that comes soon."""
        try:
            yield
        except Corrupt:
            raise
        except (Unavailable, Unknown) as error:
            self._sweep_at = 0.0
            log.warning("imports not swept", why=as_refused(error).slug)
        except Exception as error:  # noqa: BLE001 a defect of ours, told as the one above
            self._sweep_at = 0.0
            log.error("imports not swept", error=type(error).__name__, where=where(error))  # noqa: TRY400

    async def _tried(self, ledger: str, imported_id: str) -> None:
        """Take an import in; one that a defect of ours holds stands still, and is tried again."""
        try:
            await self.take_in(ledger, imported_id)
        except (Unavailable, Unknown, Corrupt):
            raise
        except Exception as error:  # noqa: BLE001 the others go on
            log.error(  # noqa: TRY400 its message may hold what nobody should log
                "import defect", id=imported_id, error=type(error).__name__, where=where(error)
            )

    async def take_in(self, ledger_name: str, imported_id: str) -> None:
        """Take in every row of one import that still waits."""
        ledger = await self.service.ledger(ledger_name)
        if ledger is None:
            raise Corrupt("an import of a ledger that is not there")
        async with self.reached() as connection:
            file = await connection.fetchrow(SQL["one"], ledger_name, imported_id)
        key = self.key(ledger_name, imported_id)
        work = _Work(ledger, file, key, self.service.digest_key)
        try:
            await _all(self._chunks(work) for _ in range(WORKERS))
        except NoLongerHead:
            log.warning("import stopped", ledger=ledger_name, id=imported_id)
            async with self.reached() as connection:
                await connection.execute(SQL["stopped"], ledger_name, imported_id)
            return
        async with self.reached() as connection:
            if await connection.fetchval(SQL["is_left"], ledger_name, imported_id):
                return
            now = await ledger.now()
            await connection.execute(SQL["done"], ledger_name, imported_id, now)
        log.info("import committed", ledger=ledger_name, id=imported_id)
        await self.destroy_keys(ledger_name)

    async def _chunks(self, work: "_Work") -> None:
        while await self._chunk(work):
            self.service.wake(work.ledger.name)

    async def _chunk(self, work: "_Work") -> int:
        """Take in the next rows, and note that in the transaction that holds them."""
        key = (work.ledger.name, work.id)
        async with self.reached() as connection:
            rows = await connection.fetch(SQL["waiting"], *key, CHUNK)
            if not rows:
                return 0
            now = await work.ledger.now()
            work.still_head(now)
            taken = await _all(work.take(r["row"], r["raw"], now) for r in rows)
            await connection.execute(SQL["took"], *key, *_columns(taken))
            good = [t for t in taken if t.code is None]
            await connection.execute(
                SQL["counted"], *key, len(good), len(taken) - len(good),
                sum(t.events for t in good), max((t.last for t in good), default=-1),
            )  # fmt: skip
        return len(rows)


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait until all of it has ended, then raise the first error; nothing runs on unseen."""
    found = await asyncio.gather(*work, return_exceptions=True)
    good = [one for one in found if not isinstance(one, BaseException)]
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return good


def _columns(taken: Sequence[Taken]) -> tuple[list[Any], ...]:
    return (
        [t.row for t in taken],
        [t.state for t in taken],
        [t.code for t in taken],
        [t.position for t in taken],
        [t.case_no for t in taken],
        [t.note for t in taken],
    )


class _Work:
    """One import as it is being taken in."""

    def __init__(self, ledger: Ledger, file: Record, key: bytes | None, stream_key: bytes) -> None:
        self.ledger = ledger
        self.id: str = file["id"]
        self._file = file
        self._mapping = mapping.mapping(orjson.loads(file["mapping"]))
        self._key = key
        self._stream_key = stream_key

    async def take(self, number: int, raw: bytes, now: datetime) -> Taken:
        """Record one row, or say why it is set aside."""
        if self._key is None:
            # The database is older than the keys: a backup that was put back.
            return Taken(number, code="expired")
        cells = row_of(unsealed(self._key, self.id, number, raw))
        key = Key(f"import|{self.id}|{number}", b"import")
        try:
            if isinstance(self._mapping, CatalogueMapping):
                return await self._item(number, cells, self._mapping, key, now)
            return await self._case(number, cells, self._mapping, key, now)
        except Refused as refused:
            if refused.slug != "record-too-large":
                raise
            return Taken(number, code="record-too-large")

    async def _item(
        self, number: int, cells: Cells, by: CatalogueMapping, key: Key, now: datetime
    ) -> Taken:
        """Set an item or a baseline as the row says; what says nothing new records nothing."""
        found = catalogue_rows.judged(cells, by, self.ledger.office, now)
        if found.id is None or found.code is not None:
            return Taken(number, code=found.code, note=found.note)
        row = self._row(number, found, by)
        aside = self._not_theirs(row)
        if aside is not None:
            return Taken(number, code="not-allowed", note=aside)
        version, position, content = await self._newest(row)
        if version and content == row.content:
            return Taken(number, position=position, last=position)
        if not version and row.content is None:
            return Taken(number, code="unknown-reference", note="/code: nothing to end")
        try:
            done = await self.ledger.take_in((catalogue.event_of(row, version, now),), key)
        except Moved:
            await self.ledger.refresh()
            raise Unavailable("busy", "the item or the post behind the import moved") from None
        return Taken(number, events=1, position=done.position, last=done.position)

    def _not_theirs(self, row: catalogue.Row) -> str | None:
        """Say why the head who lets a file in may not set this item so, None where they may."""
        if row.kind != "item" or row.content is None:
            return None
        office = self.ledger.office
        try:
            authority.choosing(office, (row.by,), "item", "propose", row.content)
        except Refused as refused:
            return f"/organs/approving: {refused.why}"
        thing = office.thing(row.stream)
        current = None if thing is None or thing.current is None else thing.current.content
        wrong = item.for_supervision(current, row.content)
        return None if wrong is None else f"{wrong}: POST /items, for supervision to approve"

    async def _newest(self, row: catalogue.Row) -> tuple[int, int, Data | None]:
        """Tell the version, position and content that an item or a baseline has now."""
        if row.kind == "item":
            thing = self.ledger.office.thing(row.stream)
            version = self.ledger.office.stream_versions.get(row.stream, 0)
            current = None if thing is None else thing.current
            if current is None:
                return version, -1, None
            return version, current.position, current.content
        events = await self.ledger.history(row.stream)
        if not events:
            return 0, -1, None
        last = events[-1]
        return last.version, last.position, last.data.get("content")

    def _row(
        self, number: int, found: catalogue_rows.Judged, by: CatalogueMapping
    ) -> catalogue.Row:
        file, office = self._file, self.ledger.office
        (post,) = (p for p in office.posts_of(file["committed_by"]) if p.id == file["appointment"])
        return catalogue.Row(
            kind="item" if by.catalogue == "items" else catalogue.KIND,
            code=str(found.id),
            content=found.content,
            by=post.actor(),
            proposed_by=file["uploaded_by"],
            relied_on=office.relied(f"appointment:{post.id}"),
            source={
                "system": by.system, "file": file["name"], "row": number, "import": self.id,
                "committed_by": post.person,
            },
        )  # fmt: skip

    async def _case(
        self, number: int, cells: Cells, by: RowMapping | LogMapping, key: Key, now: datetime
    ) -> Taken:
        """Record a case that happened elsewhere."""
        found = traced.judged(cells, by, now)
        if isinstance(found, imported.Quarantined):
            return Taken(number, code=found.code)
        stream = self._stream(found.id)
        events = imported.events(found, by, self._origin(number), stream)
        try:
            done = await self.ledger.take_in(events, key)
        except Moved:
            # The stream is there: another file brought the case.  Else the head's post moved.
            if await self.ledger.load(stream) is None:
                await self.ledger.refresh()
                raise Unavailable("busy", "the post behind the import moved") from None
            return Taken(number, code="duplicate")
        first = done.events[0]
        register, case_no = next(iter(first.registers.items()))
        pattern = pattern_of(Case(stream, self.ledger.office.zone))
        return Taken(
            number,
            events=len(done.events),
            position=first.position,
            last=done.position,
            case_no=case_number(register, case_no, self.ledger.name, pattern),
        )

    def _stream(self, own_id: str) -> str:
        """Name the stream after the case's id elsewhere, so that it can be there once only."""
        written = orjson.dumps(["import", self._mapping.system, self._mapping.item, own_id])
        return "case:" + hmac.new(self._stream_key, written, hashlib.sha256).hexdigest()[:32]

    def _origin(self, number: int) -> imported.Origin:
        file = self._file
        return imported.Origin(
            imported=self.id,
            file=file["name"],
            row=number,
            organ=file["organ"],
            committed_by=file["committed_by"],
            relied_on=self.ledger.office.relied(f"appointment:{file['appointment']}"),
        )

    def still_head(self, now: datetime) -> None:
        """Stop where the post behind the import has ended; the append checks that it has not."""
        office = self.ledger.office
        on = now.astimezone(office.zone).date()
        held = office.posts_of(self._file["committed_by"])
        if not any(p.id == self._file["appointment"] and p.active(on) for p in held):
            raise NoLongerHead


INTAKE: web.AppKey[Intake] = web.AppKey("intake", Intake)
