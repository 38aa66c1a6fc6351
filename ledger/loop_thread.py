"""The ledgers of a database for callers that are no coroutines: the `eventsourcing` library.

One event loop in a thread of its own does the work; any other thread hands work over and
waits.  Work that was begun is finished, even if its caller is interrupted: an append is never
cancelled.  What goes wrong is named as the library names it.
"""

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

import asyncpg
from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    PersistenceError,
)

from ledger.database import AWAY, Database, Role
from ledger.errors import Corrupt, LedgerError, Refused
from ledger.store import Store

Done = TypeVar("Done")

TRACKERS = 2


class LoopThread:
    """A loop, its thread, and the connections that live there."""

    def __init__(self, database: Database) -> None:
        """Start the loop; connections are made when they are wanted."""
        self.store = Store(database.as_role(Role.APP))
        self._database = database
        self._trackers: Any = None
        self._making = asyncio.Lock()
        self._handing = threading.RLock()  # closed by the garbage collector, anywhere
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._working: set[Future[Any]] = set()
        self._closing = contextlib.AsyncExitStack()
        self._thread = threading.Thread(
            target=lambda *parts: asyncio.run(_lived(*parts)),
            args=(started, self._working, self._closing),
            name=__name__,
            daemon=True,
        )
        self._thread.start()
        self._loop, ending = started.result()
        # Who forgets to close leaves no thread and no connection behind.
        self._end = weakref.finalize(self, _ended, self._loop, ending, self._thread)
        self._closing.push_async_callback(self.store.close)
        self.wait(self.store.connect())

    def wait(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Do this in the loop; raise what goes wrong as the library's errors."""
        with self._handing:
            future = self.start(work)
            self._working.add(future)
        future.add_done_callback(self._working.discard)
        try:
            return future.result()
        except CancelledError:
            raise InterfaceError("the recorder was closed meanwhile") from None
        except (LedgerError, asyncpg.PostgresError, *AWAY) as error:
            raise _named(error) from error

    def start(self, work: Coroutine[Any, Any, Done]) -> Future[Done]:
        """Do this in the loop until it is cancelled, or all is closed."""
        with self._handing:
            if not self._end.alive:
                work.close()
                raise InterfaceError("the recorder is closed")
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Finish what is being written, then close."""
        with self._handing:
            end = self._end.detach()
        if end is not None:
            _, ended, arguments, _ = end
            ended(*arguments)

    async def trackers(self) -> Any:  # noqa: ANN401 (asyncpg ships no types)
        """Return the pool of the role that may write progress, made at the first call."""
        async with self._making:
            if self._trackers is None:
                self._trackers = await self._database.pool(Role.PROJECT, size=TRACKERS)
                self._closing.push_async_callback(self._trackers.close)
            return self._trackers


async def _lived(
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]],
    working: set[Future[Any]],
    closing: contextlib.AsyncExitStack,
) -> None:
    ending = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), ending))
    await ending.wait()
    # Nothing is added any more.  Cutting an append short would leave its outcome unknown.
    left = [asyncio.wrap_future(future) for future in tuple(working)]
    await asyncio.gather(*left, return_exceptions=True)
    # Whatever was acknowledged is stored; a server that went away first changes nothing.
    with contextlib.suppress(*AWAY):
        await closing.aclose()


def _ended(
    loop: asyncio.AbstractEventLoop, ending: asyncio.Event, thread: threading.Thread
) -> None:
    loop.call_soon_threadsafe(ending.set)
    # What is garbage is closed too, and the loop may be who comes upon it.
    if threading.current_thread() is not thread:
        thread.join()


def _named(error: Exception) -> PersistenceError:
    """Name what went wrong as the library does, by what its caller should do."""
    match error:
        case Refused():
            return DataError(str(error))
        case Corrupt():
            return InternalError(str(error))
        case asyncpg.IntegrityConstraintViolationError():
            return IntegrityError(str(error))
        case asyncpg.PostgresError() if not isinstance(error, AWAY):
            return DatabaseError(str(error))
    return OperationalError(str(error))
