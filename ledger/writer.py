"""Group commit: what gathers while one batch is committed goes into the next.

No timer: the commit in flight is the window.  An append is never cancelled, never sent
again, and has no client timeout.  If the connection is lost, every waiting command is looked
up by its key once the server has ended that connection's work: what is there was stored,
what is not there was not, and where that cannot be learned the answer is `Unknown`.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

import asyncpg

from ledger.batch import Command, Committed, Outcome, arrays, outcome, stored, taken
from ledger.closing import CLOSED_EPOCH
from ledger.errors import Corrupt, LedgerError, Refused, Unavailable, Unknown

if TYPE_CHECKING:
    from ledger.store import Store

MAX_QUEUE = 10_000
MAX_QUEUED_BYTES = 64 << 20
RECONCILE_S = 10.0
RECONCILE_POLL_S = 0.02
HALF_A_PARTITION = 5_000_000

# The connection is gone, and with it the answer.  The second: the server's farewell crossed
# with what we sent.
LOST = (
    OSError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
# No connection could be made: nothing was sent.
REFUSED = (*LOST, asyncpg.TooManyConnectionsError, asyncpg.InvalidAuthorizationSpecificationError)

Waiting = tuple[Command, "asyncio.Future[Outcome]"]
Before = Callable[[], Awaitable[None]]
After = Callable[[Iterable[Committed]], Awaitable[None] | None]


class Writer:
    """The one writer of a ledger in this process.

    `before_append` is awaited before each batch: what its events need is durable before they
    are.  `on_commit` hears what is stored before anybody is answered; it cannot undo it.
    """

    def __init__(self, store: "Store", ledger: str) -> None:
        """Bind to a ledger; the first append starts the work."""
        self.ledger = ledger
        self.before_append: list[Before] = []
        self.on_commit: list[After] = []
        self._store = store
        self._queue: deque[Waiting] = deque()
        self._queued_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._connection: Any = None
        self._statement: Any = None
        self._backend: tuple[int, object] | None = None
        self._warned = False
        self._held: Corrupt | None = None
        self._half = -1

    @property
    def held(self) -> Corrupt | None:
        """Why nothing is appended any more, None while all is well."""
        return self._held

    async def append(self, command: Command) -> Outcome:
        """Store a command; return only when its fate is durable and known.

        Raises `Unknown`, `Unavailable` (nothing stored) or `Corrupt` (nothing more is stored);
        ValueError for a command that no ledger could hold.  A caller that goes away does not
        take its command with it.
        """
        command.check()
        if self._held is not None:
            raise _holding(self._held)
        # What is read is still recorded beside the ledger: readers are never stopped.
        if self._store.paused is not None and "." not in self.ledger:
            raise _again(self._store.paused)
        if len(self._queue) >= MAX_QUEUE or self._queued_bytes >= MAX_QUEUED_BYTES:
            raise Unavailable("busy", "too much is waiting to be stored")
        waiting: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.append((command, waiting))
        self._queued_bytes += command.size
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await waiting

    async def close(self) -> None:
        """Finish what is waiting and give the connection back."""
        if self._task is not None:
            await self._task
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close()
        self._drop()

    def hold(self, why: Corrupt) -> None:
        """Append nothing from now on; whoever still waits is told so.  The first reason stays."""
        self._held = self._held or why

    async def _work(self) -> None:
        while self._queue:
            batch: list[Waiting] = taken(self._queue, _command)
            self._queued_bytes -= sum(command.size for command, _ in batch)
            try:
                outcomes = await self._commit([command for command, _ in batch])
            except Exception as error:  # noqa: BLE001 (whoever waits is told, whatever it was)
                reason = error if isinstance(error, LedgerError) else Corrupt(_kind(error))
                if isinstance(reason, Corrupt):
                    self.hold(reason)
                outcomes = [reason] * len(batch)
            for (_, waiting), told in zip(batch, outcomes, strict=True):
                if waiting.done():
                    continue  # the caller went away
                if isinstance(told, Outcome):
                    waiting.set_result(told)
                else:
                    waiting.set_exception(told)

    async def _commit(self, commands: list[Command]) -> list[Outcome | LedgerError]:
        if self._held is not None:
            raise _holding(self._held)
        await self._made_ready()
        epoch = await self._store.epoch(self.ledger)
        if epoch == CLOSED_EPOCH:
            # The number that fences everybody off lets nobody in who reads it either.
            raise Unavailable("integrity-hold", "the ledger is closed", retry_after_s=60)
        try:
            rows = await self._sent(epoch, commands)
        except LOST:
            self._drop()
            return await self._reconciled(commands)
        except asyncpg.PostgresError as error:
            raise _named(error) from error
        outcomes = [outcome(row) for row in rows]
        await self._tell(
            [(c, o) for c, o in zip(commands, outcomes, strict=True) if o.kind == "appended"]
        )
        if self._warned:
            # Visible, but not yet where a standby was required: that is no acknowledgement.
            raise Unknown("the wait for a standby was cut short")
        return list(outcomes)

    async def _made_ready(self) -> None:
        """Do what must be done before a batch; a failure here means that nothing was sent."""
        try:
            for hook in self.before_append:
                await hook()
        except sqlite3.OperationalError as error:
            full = "full" in str(error)
            slug = "storage-full" if full else "store-unavailable"
            raise Unavailable(slug, "the keys cannot be stored") from error
        try:
            if self._connection is None or self._connection.is_closed():
                await self._connect()
        except REFUSED as error:
            self._drop()
            raise Unavailable("store-unavailable", "the database cannot be reached") from error

    async def _sent(self, epoch: int, commands: list[Command]) -> list[Any]:
        """Send the batch; once more only where the server says that it did not begin."""
        arguments = (self.ledger, epoch, *arrays(commands))
        self._warned = False
        try:
            rows: list[Any] = await self._statement.fetch(*arguments)
        except asyncpg.InvalidCachedStatementError:
            await self._prepare()  # the function was replaced by a migration
        except asyncpg.CheckViolationError as error:
            if error.constraint_name is not None:
                raise
            await self._store.next_partition(self.ledger)
        else:
            return rows
        again: list[Any] = await self._statement.fetch(*arguments)
        return again

    async def _tell(self, done: list[tuple[Command, Outcome]]) -> None:
        """Let the process know what is stored, before any caller is answered.

        A hook that fails does not undo the commit: its failure is reported, and the answer
        goes out.
        """
        events = stored(done)
        if not events:
            return
        for hook in self.on_commit:
            try:
                told = hook(events)
                if told is not None:
                    await told
            except Exception as error:  # noqa: BLE001 (see above)
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a hook after the commit failed", "exception": error}
                )
        size = max(event.position for event in events) + 1
        self._store.grown(self.ledger, size)
        if size // HALF_A_PARTITION != self._half:
            await self._room(size)

    async def _room(self, size: int) -> None:
        """See to the next partition; were it missing, the append would ask for it again."""
        try:
            await self._store.next_partition(self.ledger)
        except (Unavailable, asyncpg.PostgresError):
            return
        self._half = size // HALF_A_PARTITION

    async def _connect(self) -> None:
        self._connection = await self._store.connection()
        self._connection.add_log_listener(self._heard)
        row = await self._connection.fetchrow(self._store.queries["backend"])
        self._backend = (row["pid"], row["backend_start"])
        await self._prepare()

    async def _prepare(self) -> None:
        self._statement = await self._connection.prepare(self._store.queries["append"])

    def _heard(self, _connection: object, message: Any) -> None:  # noqa: ANN401
        if "synchronous replication" in str(message):
            self._warned = True

    def _drop(self) -> None:
        connection, self._connection, self._statement = self._connection, None, None
        if connection is not None and not connection.is_closed():
            connection.terminate()

    async def _reconciled(self, commands: list[Command]) -> list[Outcome | LedgerError]:
        """Look every command of a lost batch up by its key; a commit may have happened.

        A crash of ours here leaves what a crash anywhere leaves: callers without an answer,
        who ask again with the same key.
        """
        try:
            settled, found = await self._looked_up(commands)
        except (TimeoutError, Unavailable, asyncpg.PostgresError):
            unknown = "the database does not come back: ask again with the same key"
            return [Unknown(unknown) for _ in commands]
        outcomes: list[Outcome | LedgerError] = []
        for command in commands:
            if command.key in found:
                digest, position, events = found[command.key]
                kind = "replayed" if digest == command.digest else "key-reused"
                outcomes.append(Outcome(kind, position, events, None, ()))
            elif settled:
                why = "the database went away; nothing is stored"
                outcomes.append(Unavailable("store-unavailable", why))
            else:
                outcomes.append(Unknown("the append may still be going on"))
        await self._tell(
            [
                (c, o)
                for c, o in zip(commands, outcomes, strict=True)
                if isinstance(o, Outcome) and o.kind == "replayed"
            ]
        )
        return outcomes

    async def _looked_up(
        self, commands: list[Command]
    ) -> tuple[bool, dict[str, tuple[bytes, int, int]]]:
        """Wait until the old backend has ended, so that nothing can be stored later; then look.

        Returns whether it has ended, and what is stored under the keys.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + RECONCILE_S
        while True:
            try:
                settled = await self._store.ended(*self._backend) if self._backend else True
                if settled or loop.time() > until:
                    return settled, await self._store.keys(self.ledger, [c.key for c in commands])
            except Unavailable:
                if loop.time() > until:
                    raise
            await asyncio.sleep(RECONCILE_POLL_S)


def _command(waiting: Waiting) -> Command:
    return waiting[0]


def _kind(error: Exception) -> str:
    """Name an error without its words: they may quote what was to be stored."""
    return f"the append failed: {type(error).__name__}"


def _holding(why: Corrupt) -> Unavailable:
    return Unavailable("integrity-hold", f"appends are held: {why}", retry_after_s=60)


def _again(why: Unavailable) -> Unavailable:
    # Each caller gets one of its own: an error that is raised keeps where it has been.
    return Unavailable(why.slug, why.why, retry_after_s=why.retry_after_s)


def _named(error: asyncpg.PostgresError) -> LedgerError:
    """Name what the server answered by what the caller should do; nothing is stored.

    What is not named here is a state that our own code should have made impossible.
    """
    state = str(error.sqlstate)
    if state in ("55P03", "40P01"):
        return Unavailable("busy", "another writer holds the ledger")
    if state == "53100":
        return Unavailable("storage-full", "no space is left", retry_after_s=30)
    if state == "LG001":
        return Refused("not-found", "no such ledger")
    if state == "LG002":
        return Unavailable("integrity-hold", "another deployment took over", retry_after_s=60)
    if state[:2] in ("25", "53", "57", "58"):
        return Unavailable("store-unavailable", f"the database cannot store now: {state}")
    return Corrupt(f"{_kind(error)} {state}")
