"""Our ledger as a recorder of the `eventsourcing` library: its `Application` runs on it.

What the library stores is an ordinary event of ours, of type `library`: the record, its hash,
the feed and the proofs are those of every other event.  A notification's id is its position
plus one.  In a ledger that holds cases too, the library is shown its own events only; ids then
have gaps, as the library allows.

The library calls from any thread and waits.  Nothing of the service uses this module.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    DataError,
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    InterfaceError,
    InternalError,
    ListenNotifySubscription,
    Notification,
    NotSupportedError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.popo import POPOAggregateRecorder
from eventsourcing.utils import Environment, EnvType

from ledger import records
from ledger.account import proposed_folder
from ledger.case import Actor, Event
from ledger.clock import Clock
from ledger.cluster import Cluster
from ledger.database import Database
from ledger.errors import LedgerError, Unavailable
from ledger.loop_thread import LoopThread
from ledger.queries import load
from ledger.store import FOREVER, Command, Row

Connection = Any  # asyncpg ships no types
Done = TypeVar("Done")

SQL = load(Path(__file__).with_suffix(".sql"))

TYPE = "library"
RETRY_S = 1.0


# -- events -----------------------------------------------------------------------------------


class LedgerAggregateRecorder(AggregateRecorder):
    """The library's streams in one ledger; `application` is who appears as having acted."""

    def __init__(self, loop: LoopThread, ledger: str, application: str | None = None) -> None:
        """Bind to a ledger, under the epoch that is in force there."""
        self.ledger = ledger
        self._loop = loop
        self._store = loop.store
        self._actor = Actor(kind="system", client=application or None)
        self._clock = Clock(loop.store, ledger)

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401 (the library's)
    ) -> Sequence[int] | None:
        """Store all of them or nothing; IntegrityError where a version is not the next one."""
        self._inserted(stored_events, **kwargs)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return events of one stream by version; the first or the last so many of them."""
        asked = (stream_of(originator_id), gt, lte, desc, limit)
        found = [
            StoredEvent(**_told(event)) for event in self._loop.wait(self._events("events", *asked))
        ]
        return found[::-1] if desc else found

    def _inserted(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        **_: Any,  # noqa: ANN401 (what other recorders of the library understand)
    ) -> list[int]:
        if tracking is not None:
            raise NotSupportedError(NO_PROCESS)
        if not stored_events:
            return []
        return self._loop.wait(self._append(stored_events))

    async def _append(self, stored_events: Sequence[StoredEvent]) -> list[int]:
        streams = [stream_of(stored.originator_id) for stored in stored_events]
        rows = await self._store.fetch(SQL["firsts"], self.ledger, sorted(set(streams)))
        firsts = {row["stream"]: row["first"] for row in rows}
        reads, versions = _planned(zip(streams, stored_events, strict=True), firsts)
        at = await self._clock.now()
        planned = zip(streams, versions, stored_events, strict=True)
        try:
            events = tuple(
                (one[0], TYPE, records.encode(self._event(at, *one)), ()) for one in planned
            )
        except (TypeError, ValueError) as error:
            raise DataError(str(error)) from error
        # Nobody asks again with this key; it is there to be looked up if the connection is lost.
        outcome = await self._store.writer(self.ledger).append(
            Command(f"library|{token_hex(16)}", token_bytes(32), reads, events)
        )
        if outcome.kind == "moved":
            raise IntegrityError("a stream has another version already")
        return [outcome.first_position + n for n in range(1, len(events) + 1)]

    def _event(self, at: datetime, stream: str, version: int, stored: StoredEvent) -> Event:
        return Event(
            stream=stream,
            version=version,
            type=TYPE,
            id=token_hex(16),
            occurred_at=at,
            actor=self._actor,
            responsibility="administration",
            data={
                "originator_id": str(stored.originator_id),
                "originator_version": stored.originator_version,
                "topic": stored.topic,
                "state": base64.b64encode(stored.state).decode(),
            },
        )

    async def _events(self, statement: str, *arguments: object) -> list[Event]:
        rows = await self._store.fetch(SQL[statement], self.ledger, *arguments)
        return [records.decode(Row(*row)) for row in rows]


class LedgerRecorder(LedgerAggregateRecorder, ApplicationRecorder):
    """The same with the sequence of all events, in order of position."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401 (the library's)
    ) -> Sequence[int]:
        """Store all of them or nothing; return their ids, which follow each other."""
        return self._inserted(stored_events, **kwargs)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return the library's events in order of id; both ends are among them by default."""
        first = 0 if start is None else start - 1 if inclusive_of_start else start
        last = FOREVER if stop is None else stop - 1
        found = self._loop.wait(self._events("notifications", first, last, limit, list(topics)))
        return [Notification(id=event.position + 1, **_told(event)) for event in found]

    def max_notification_id(self) -> int | None:
        """Return the id that the newest event of the ledger has, whosever it is."""
        return self._loop.wait(self._size()) or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LedgerSubscription":
        """Return an iterator over events beyond an id that goes on as they are recorded."""
        return LedgerSubscription(self, gt, topics)

    def watch(self, size: int, topics: Sequence[str], wake: Callable[[], None]) -> Future[None]:
        """Wake whenever there is something new for the library, until this is cancelled."""
        return self._loop.start(self._watched(size, list(topics), wake))

    async def _size(self) -> int:
        head = await self._store.head(self.ledger)
        return 0 if head is None else head.size

    async def _watched(self, seen: int, topics: list[str], wake: Callable[[], None]) -> None:
        """Look at what is new only, so that following costs nothing while others append.

        What this process appends is heard of at once, what another one does at the next poll.
        """
        while True:
            try:
                await self._store.wait_beyond(self.ledger, seen)
                size = await self._size()
                if size > seen:
                    if await self._events("notifications", seen, FOREVER, 1, topics):
                        wake()
                    seen = size
            except Unavailable:
                await asyncio.sleep(RETRY_S)


class LedgerSubscription(ListenNotifySubscription[LedgerRecorder]):
    """Pulls whenever it is woken, as the library's own subscriptions do."""

    def __init__(self, recorder: LedgerRecorder, gt: int | None, topics: Sequence[str]) -> None:
        """Begin to pull; what is recorded from here on wakes it."""
        self._watching: Future[None] | None = None
        size = recorder.max_notification_id() or 0
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._watching = recorder.watch(size, topics, self._has_been_notified.set)
        self._watching.add_done_callback(self._unwatched)
        if self._has_been_stopped:  # by its own thread, which found an error
            self._watching.cancel()

    def stop(self) -> None:
        """Stop; whoever iterates comes to the end."""
        super().stop()
        if self._watching is not None:
            self._watching.cancel()

    def _unwatched(self, watching: Future[None]) -> None:
        """Never leave a reader waiting for what nobody will tell any more."""
        if not self._has_been_stopped:
            closed = InterfaceError("the recorder was closed")
            self._thread_error = closed if watching.cancelled() else watching.exception()
            self.stop()


def stream_of(originator_id: UUID | str) -> str:
    """Name the stream of a library's id: a UUID stays readable, a text may be anything.

    The id itself stands in the body; here its type must be told, and no two be alike.
    """
    if isinstance(originator_id, UUID):
        return f"uuid:{originator_id}"
    return f"text:{sha256(originator_id.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _planned(
    stored_events: Iterable[tuple[str, StoredEvent]], firsts: dict[str, int]
) -> tuple[Mapping[str, int], Sequence[int]]:
    """Turn the library's versions into ours, which begin at 1; they have to follow each other.

    `firsts` is where the library's begin in streams that are there; in others, with the first
    that comes.  Returns the reads, and the version of each event.
    """
    reads: dict[str, int] = {}
    reached: dict[str, int] = {}
    versions = []
    for stream, stored in stored_events:
        first = firsts.setdefault(stream, stored.originator_version)
        version = stored.originator_version - first + 1
        if version != reached.setdefault(stream, version - 1) + 1:
            raise IntegrityError("the versions of a stream do not follow each other")
        reads.setdefault(stream, version - 1)
        reached[stream] = version
        versions.append(version)
    return reads, versions


def _told(event: Event) -> dict[str, Any]:
    """Return what the library said about an event, as it said it."""
    data = event.data
    name = data["originator_id"]
    try:
        return {
            "originator_id": UUID(name) if event.stream.startswith("uuid:") else name,
            "originator_version": data["originator_version"],
            "topic": data["topic"],
            "state": base64.b64decode(data["state"], validate=True),
        }
    except (KeyError, binascii.Error, ValueError) as error:
        raise InternalError(f"a record that cannot be read: {error}") from error


# -- tracking ---------------------------------------------------------------------------------


class LedgerTrackingRecorder(TrackingRecorder):
    """How far a projection of the library's has come, beside the progress of our own.

    A view is a subclass; `within` writes its rows and `advance` its place in one transaction.
    """

    def __init__(self, loop: LoopThread, ledger: str, name: str = "") -> None:
        """Bind to a ledger; `name` is the projection's, which has a place of its own."""
        self.ledger = ledger
        self._loop = loop
        self._projection = f"library:{name}"

    def insert_tracking(self, tracking: Tracking) -> None:
        """Note an event as processed; IntegrityError where one as new is noted already."""
        self.within(partial(self.advance, tracking=tracking))

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the newest id processed of an application, None where none is."""
        return self.within(partial(self._reached, application_name=application_name))

    def within(self, work: Callable[[Connection], Awaitable[Done]]) -> Done:
        """Do this on a connection, in one transaction."""
        return self._loop.wait(self._within(work))

    async def advance(self, connection: Connection, tracking: Tracking) -> None:
        """Note an event as processed, in the transaction of `connection`."""
        key = (self.ledger, self._projection, tracking.application_name)
        if await connection.fetchval(SQL["advance"], *key, tracking.notification_id) is None:
            raise IntegrityError(f"{tracking} is not newer than what was processed")

    async def _within(self, work: Callable[[Connection], Awaitable[Done]]) -> Done:
        pool = await self._loop.trackers()
        async with pool.acquire() as connection, connection.transaction():
            return await work(connection)

    async def _reached(self, connection: Connection, application_name: str) -> int | None:
        key = (self.ledger, self._projection, application_name)
        reached: int | None = await connection.fetchval(SQL["reached"], *key)
        return reached


# -- the way in -------------------------------------------------------------------------------

NO_PROCESS = (
    "events and tracking in one transaction would hold the ledger for a round trip: use a view"
)


class LedgerFactory(InfrastructureFactory[LedgerTrackingRecorder]):
    """What `PERSISTENCE_MODULE=ledger.recorder` stands for, and the only factory in it.

    `LEDGER_NAME` says which ledger.  The database is the service's: the embedded one of its home
    folder (`CASELEDGER_HOME`), which has to be running, or that of `CASELEDGER_DATABASE_URL`.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        """Find the database, and the ledger in it."""
        super().__init__(env)
        self.ledger = self.env.get("LEDGER_NAME", "")
        try:
            self._loop = LoopThread(_database(self.env))
        except (OSError, LedgerError) as error:
            raise InfrastructureFactoryError(f"no database: is the service up? {error}") from error
        # Not a companion sequence, which holds refusals and nothing else.
        if self.ledger not in self._loop.wait(self._loop.store.ledgers()):
            self._loop.close()
            raise InfrastructureFactoryError(f"LEDGER_NAME: there is no ledger {self.ledger!r}")

    def close(self) -> None:
        """Close the connections; nothing made here can be used any more."""
        self._loop.close()

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Return a recorder of streams; snapshots, which skip versions, stay in memory."""
        if purpose != "events":
            return POPOAggregateRecorder()
        return LedgerAggregateRecorder(self._loop, self.ledger, self.env.name)

    def application_recorder(self) -> ApplicationRecorder:
        """Return a recorder of streams and of the sequence of all events."""
        return LedgerRecorder(self._loop, self.ledger, self.env.name)

    def tracking_recorder(
        self, tracking_recorder_class: type[LedgerTrackingRecorder] | None = None
    ) -> LedgerTrackingRecorder:
        """Return the place of the projection that the environment is named after."""
        made = tracking_recorder_class or LedgerTrackingRecorder
        return made(self._loop, self.ledger, self.env.name)

    def process_recorder(self) -> ProcessRecorder:
        """Raise: there is none."""
        raise NotSupportedError(NO_PROCESS)


def _database(env: Environment) -> Database:
    home = env.get("CASELEDGER_HOME")
    folder = (Path(home) if home else proposed_folder("home")) / "postgresql"
    url = env.get("CASELEDGER_DATABASE_URL")
    return Database.external(url, folder) if url else Database.attached(Cluster(folder))
