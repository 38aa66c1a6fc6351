"""Answers that stay open (`text/event-stream`, HTML Living Standard 9.2): how many, how they end.

A stream is a reading that lasts: it is on record when it begins and when it ends, and who may no
longer read hears nothing more within two seconds (SECURITY 3.5).  A limit keeps one caller, and
all together, from taking every connection; when the service stops, streams end by themselves,
and who reads goes on later where they were.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

from api.access import ENTERED, Entry, enter_as
from api.readings import Stream, before_first_byte
from api.tokens import Caller
from ledger.errors import Refused, Unavailable

TYPE = "text/event-stream"
# How many are open at once: in a process, and of one person or system.
OPEN = 256
EACH = 8
# A look at the ledger and at who reads, at the latest after so long, at the earliest after so long.
LOOK_S = 2.0
REST_S = 0.25
# Within what is told at one look, who reads is asked again after so long.
ASK_S = 1.0
# Who takes nothing for so long is gone; slower than 64 KiB in this time is too slow.
STALL_S = 15.0
# A line that says nothing, so that a connection that is gone is noticed.
BEAT_S = 15.0
BEAT = b":\n\n"
RETRY = b"retry: 2000\n\n"

Pieces = AsyncGenerator[bytes, None]
# Says who asks, from the credential of the request, as often as it is asked.
Known = Callable[[], Awaitable[Caller]]


class Streams:
    """What is open now, by who reads; and whether all of it has to end."""

    def __init__(self, limit: int = OPEN, each: int = EACH) -> None:
        """Begin with none."""
        self.ending = False
        self._limit = limit
        self._each = each
        self._open: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.total()

    @contextmanager
    def one(self, who: str) -> Iterator[None]:
        """Take a place while a stream is open; refuse it where there is none."""
        if self.ending or self.count >= self._limit or self._open[who] >= self._each:
            raise Unavailable("rate-limited", "too many streams are open", retry_after_s=15)
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            self._open += Counter()  # who has none left is forgotten

    async def end(self, _: web.Application) -> None:
        """Let every stream end at its next look, and begin no more."""
        self.ending = True


STREAMS: web.AppKey[Streams] = web.AppKey("streams", Streams)


@dataclass(slots=True)
class Watch:
    """Whether a stream goes on, and for whom: asked again before anything more is told."""

    request: web.Request
    entry: Entry
    known: Known
    _quiet_s: float = 0.0
    _asked: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @property
    def due(self) -> bool:
        """Whether who reads has to be asked again, by `moved`, before anything more is told."""
        return asyncio.get_running_loop().time() - self._asked >= ASK_S

    async def moved(self, size: int, *, behind: bool = False) -> bool:
        """Wait until a ledger may be larger than `size`; False where the stream has to end.

        Who is `behind` does not wait.  Raises `Refused` where the caller is no longer let in.
        """
        service, name = self.entry.service, self.entry.ledger.name
        if not behind:
            await self._waited(size)
        if self.gone or self.request.app[STREAMS].ending:
            return False
        asked = asyncio.get_running_loop().time()
        self.entry = await enter_as(service, name, await self.known())
        self._asked = asked
        return True

    async def _waited(self, size: int) -> None:
        """Wait for the ledger to grow, for as long as somebody is there to be told; then rest."""
        store, name = self.entry.service.store, self.entry.ledger.name
        now = asyncio.get_running_loop().time
        began = now()
        streams = self.request.app[STREAMS]
        while store.known_size(name) <= size and now() - began < LOOK_S:
            if self.gone or streams.ending:
                return
            await store.wait_beyond(name, size, poll_s=REST_S)
        await asyncio.sleep(REST_S)
        self._quiet_s += now() - began

    @property
    def gone(self) -> bool:
        """Whether nobody reads any more: the place is free for somebody else."""
        transport = self.request.transport
        return transport is None or transport.is_closing()

    def beat(self) -> bool:
        """Tell whether it is time for a sign of life."""
        if self._quiet_s < BEAT_S:
            return False
        self._quiet_s = 0.0
        return True


async def streamed(request: web.Request, pieces: Pieces) -> web.StreamResponse:
    """Answer pieces as they come, for as long as the caller is there and let in."""
    entry = request[ENTERED]
    response = web.StreamResponse(
        headers={
            "Content-Type": f"{TYPE}; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # a proxy that gathers would make it late
        }
    )
    who = entry.caller.person or f"system {entry.caller.client}"
    with request.app[STREAMS].one(who):
        await before_first_byte(request, response)
        await response.prepare(request)
        # An answer to HEAD has no body.
        if request.method != "HEAD":
            await _sent(request, response, pieces)
        # Who read may have gone.
        with suppress(ConnectionResetError):
            await response.write_eof()
    return response


async def _sent(request: web.Request, response: web.StreamResponse, pieces: Pieces) -> None:
    """Send what comes; put on record how much it was, however it ends."""
    stream = Stream(request)
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                async with asyncio.timeout(STALL_S):
                    await response.write(piece)
                stream.sent(piece, piece.count(b"data: "))
    except TimeoutError:
        # What was not taken by now is not kept for them, nor is their place.
        if request.transport is not None:
            request.transport.abort()
    except (ConnectionResetError, Refused, Unavailable):
        # Gone, no longer let in, or nothing can be read: a new request hears why.
        pass
    finally:
        await stream.ended()


def event(position: int, data: bytes | None) -> bytes:
    """Write an event; without data it only moves on the place from which a reader resumes."""
    told = b"" if data is None else b"data: " + data + b"\n"
    return b"id: %d\n%b\n" % (position, told)
