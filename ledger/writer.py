"""Group commit: what gathers while one batch is committed goes into the next.

No timer: the commit in flight is the window.  An append is never cancelled and has no
client timeout.  If the connection is lost, every waiting command is looked up by its key:
what is found there was stored, and nothing else is claimed.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from ledger.errors import Corrupt, LedgerError, Unavailable, Unknown

if TYPE_CHECKING:
    from ledger.store import Store

MAX_COMMANDS = 256
MAX_BYTES = 1 << 20
MAX_QUEUE = 10_000
RECONCILE_TRIES = 50

# The connection is gone, and with it the answer.
LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
# No connection could be made: nothing was sent.
REFUSED = (*LOST, asyncpg.TooManyConnectionsError, asyncpg.InvalidAuthorizationSpecificationError)


@dataclass(frozen=True, slots=True)
class Command:
    """What one caller hands to the append.

    `key` carries its scope, `digest` is keyed; `reads` are the streams it was decided on with
    the version seen (0: does not exist yet), every stream it writes among them; `events` are
    (stream, type, body, register names wanted).
    """

    key: str
    digest: bytes
    reads: Mapping[str, int]
    events: tuple[tuple[str, str, bytes, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: appended, replayed, key-reused or moved."""

    kind: str
    first_position: int
    events: int
    recorded_at: datetime | None
    registers: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """One event that has just been stored, as far as this process needs to know it."""

    stream: str
    position: int
    type: str


Waiting = tuple[Command, "asyncio.Future[Outcome]"]


class Writer:
    """The one writer of a ledger in this process."""

    def __init__(self, store: "Store", ledger: str) -> None:
        """Bind to a ledger; the first append starts the work."""
        self.ledger = ledger
        self.before_append: list[Callable[[], Awaitable[None]]] = []
        self.on_commit: list[Callable[[Iterable[Committed]], Awaitable[None] | None]] = []
        self._store = store
        self._queue: deque[Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection[Any] | None = None
        self._statement: Any = None
        self._warned = False
        self._held: Corrupt | None = None

    async def append(self, command: Command) -> Outcome:
        """Store a command; return only when its fate is durable and known.

        Raises `Unknown`, `Unavailable` (nothing stored) or `Corrupt` (nothing more is stored).
        """
        if self._held is not None:
            raise Unavailable("integrity-hold", "appends are held", retry_after_s=60)
        if len(self._queue) >= MAX_QUEUE:
            raise Unavailable("busy", "too much is waiting to be stored")
        waiting: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.append((command, waiting))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        # A caller that goes away does not take the append with it.
        return await asyncio.shield(waiting)

    async def close(self) -> None:
        """Finish what is waiting and give the connection back."""
        if self._task is not None:
            await self._task
        await self._drop()

    async def _work(self) -> None:
        while self._queue:
            batch = self._next_batch()
            try:
                for hook in self.before_append:
                    await hook()
                await self._commit(batch)
            except BaseException as error:
                reason = error if isinstance(error, LedgerError) else _as_ours(error)
                if isinstance(error, Corrupt):
                    self._held = error
                for _, waiting in batch:
                    if not waiting.done():
                        waiting.set_exception(reason)
                if not isinstance(error, Exception):
                    raise

    def _next_batch(self) -> list[Waiting]:
        """Take what may go together: no two write a stream, none reads what another writes."""
        batch: list[Waiting] = []
        left: list[Waiting] = []
        written: set[str] = set()
        read: set[str] = set()
        keys: set[str] = set()
        size = 0
        while self._queue and len(batch) < MAX_COMMANDS and size < MAX_BYTES:
            command, waiting = self._queue.popleft()
            writes = {stream for stream, _, _, _ in command.events}
            reads = command.reads.keys()
            if command.key in keys or writes & read or not written.isdisjoint(reads):
                left.append((command, waiting))
                # What it touches stays behind it, in its order.
                written |= writes
                read |= reads
                keys.add(command.key)
                continue
            batch.append((command, waiting))
            written |= writes
            read |= reads
            keys.add(command.key)
            size += sum(len(body) for _, _, body, _ in command.events)
        self._queue.extendleft(reversed(left))
        return batch

    async def _commit(self, batch: list[Waiting]) -> None:
        commands = [command for command, _ in batch]
        arguments = _arrays(commands)
        epoch = await self._store.epoch(self.ledger)
        try:
            statement = await self._prepared()
        except REFUSED as error:
            await self._drop()
            raise _as_ours(error) from error
        self._warned = False
        try:
            rows = await statement.fetch(self.ledger, epoch, *arguments)
        except asyncpg.LockNotAvailableError as error:
            raise Unavailable("busy", "another writer holds the ledger") from error
        except asyncpg.DiskFullError as error:
            raise Unavailable("storage-full", "no space is left", retry_after_s=30) from error
        except asyncpg.UniqueViolationError as error:
            raise Corrupt(f"two of what is one: {error}") from error
        except LOST:
            await self._drop()
            await self._reconcile(batch)
            return
        except asyncpg.PostgresError as error:
            if error.sqlstate == "LG002":
                why = f"another deployment has taken over: {error}"
                raise Unavailable("integrity-hold", why, retry_after_s=60) from error
            raise Corrupt(f"the append failed: {error}") from error
        if self._warned:
            # Visible, but not yet where a standby was required: that is no acknowledgement.
            raise Unknown("the wait for a standby was cut short")
        outcomes = [_outcome(row) for row in rows]
        await self._tell(commands, outcomes)
        for (_, waiting), outcome in zip(batch, outcomes, strict=True):
            if not waiting.done():
                waiting.set_result(outcome)

    async def _tell(self, commands: list[Command], outcomes: list[Outcome]) -> None:
        """Let the process know what is stored, before any caller is answered."""
        stored = [
            Committed(stream, outcome.first_position + i, kind)
            for command, outcome in zip(commands, outcomes, strict=True)
            if outcome.kind == "appended"
            for i, (stream, kind, _, _) in enumerate(command.events)
        ]
        if not stored:
            return
        for hook in self.on_commit:
            told = hook(stored)
            if told is not None:
                await told
        self._store.grown(self.ledger, max(event.position for event in stored) + 1)

    async def _prepared(self) -> Any:  # noqa: ANN401 (asyncpg ships no types)
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._store.connection()
            self._connection.add_log_listener(self._heard)
            self._statement = await self._connection.prepare(self._store.queries["append"])
        return self._statement

    def _heard(self, _connection: object, message: Any) -> None:  # noqa: ANN401
        if "synchronous replication" in str(message):
            self._warned = True

    async def _drop(self) -> None:
        connection, self._connection, self._statement = self._connection, None, None
        if connection is not None and not connection.is_closed():
            connection.terminate()

    async def _reconcile(self, batch: list[Waiting]) -> None:
        """Look every command of a lost batch up by its key; a commit may have happened."""
        for command, waiting in batch:
            try:
                found = await self._look_up(command)
            except LedgerError as error:
                if not waiting.done():
                    waiting.set_exception(error)
                continue
            if waiting.done():
                continue
            if found is None:
                lost = Unavailable("store-unavailable", "the database went away; nothing is stored")
                waiting.set_exception(lost)
            else:
                waiting.set_result(found)

    async def _look_up(self, command: Command) -> Outcome | None:
        for tried in range(RECONCILE_TRIES):
            try:
                row = await self._store.key(self.ledger, command.key)
            except Unavailable:
                await asyncio.sleep(min(0.05 * (tried + 1), 0.2))
                continue
            if row is None:
                return None
            digest, position, events = row
            kind = "replayed" if digest == command.digest else "key-reused"
            return Outcome(kind, position, events, None, ())
        raise Unknown("the database does not come back: ask again with the same key")


def _arrays(commands: list[Command]) -> tuple[list[Any], ...]:
    """Lay the commands out as the arrays that the append takes; everything counts from 1."""
    reads = [
        (n, stream, version)
        for n, command in enumerate(commands, 1)
        for stream, version in command.reads.items()
    ]
    events = [(n, *event) for n, command in enumerate(commands, 1) for event in command.events]
    numbers = [(n, name) for n, event in enumerate(events, 1) for name in event[4]]
    return (
        [command.key for command in commands],
        [command.digest for command in commands],
        [n for n, _, _ in reads],
        [stream for _, stream, _ in reads],
        [version for _, _, version in reads],
        [event[0] for event in events],
        [event[1] for event in events],
        [event[2] for event in events],
        [event[3] for event in events],
        [n for n, _ in numbers],
        [name for _, name in numbers],
    )


def _outcome(row: Any) -> Outcome:  # noqa: ANN401 (asyncpg ships no types)
    kind = row["outcome"]
    events = row["events"] or 0
    registers: tuple[Mapping[str, int], ...] = ()
    if kind == "appended":
        given = row["registers"]
        registers = tuple(json.loads(given)) if given else tuple({} for _ in range(events))
    position = row["first_position"]
    return Outcome(
        kind, -1 if position is None else position, events, row["recorded_at"], registers
    )


def _as_ours(error: BaseException) -> LedgerError:
    """Name a failure before anything was sent by what the caller should do."""
    if isinstance(error, asyncpg.DiskFullError):
        return Unavailable("storage-full", "no space is left", retry_after_s=30)
    if isinstance(error, REFUSED):
        return Unavailable("store-unavailable", "the database cannot be reached")
    return Corrupt(f"the writer failed: {error!r}")
