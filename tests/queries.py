"""Every statement that a request sends to PostgreSQL, as asyncpg reports it.

A statement is told apart by the context that it is sent in: what runs beside (views that follow,
publishers) sends its own.  The server's log would tell both, and not whose they are.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import asyncpg
from aiohttp import web

from api.problems import Handler
from projections.follow import SQL

TYPES = ("typeinfo_tree", "set_config('jit'")


@dataclass
class Sent:
    """What one request sent, how long that took, and how long the request took whole."""

    statements: list[str] = field(default_factory=list)
    asked_s: float = 0.0
    took_s: float = 0.0

    @property
    def counted(self) -> list[str]:
        """What counts: who waits for the views asks the same again until they are there.

        What asyncpg asks by itself when a connection meets a type first is of no page.
        """
        ours = [one for one in self.statements if not any(word in one for word in TYPES)]
        looks = [n for n, one in enumerate(ours) if one == SQL["reached"]]
        return [one for n, one in enumerate(ours) if n not in looks[1:]]

    def note(self, record: Any) -> None:
        self.statements.append(record.query)
        self.asked_s += record.elapsed


HEARD: ContextVar[Sent | None] = ContextVar("heard", default=None)


class Reported(asyncpg.Connection):  # type: ignore[misc]
    """A connection that reports what is sent over it; the logger leaves cursors out."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.add_query_logger(_heard)

    def cursor(self, *given: Any, **named: Any) -> Any:
        raise NotImplementedError("a cursor sends what nothing reports")


def _heard(record: Any) -> None:
    sent = HEARD.get()
    if sent is not None:
        sent.note(record)


@contextmanager
def listening() -> Iterator[None]:
    """Let every connection that is made from now on report."""
    connect, create_pool = asyncpg.connect, asyncpg.create_pool

    def connected(*given: Any, **named: Any) -> Any:
        return connect(*given, **{"connection_class": Reported, **named})

    def pooled(*given: Any, **named: Any) -> Any:
        return create_pool(*given, **{"connection_class": Reported, **named})

    with patch.multiple(asyncpg, connect=connected, create_pool=pooled):
        yield


class Requests:
    """What each request sent, the newest last: an application's outermost middleware."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def __call__(self, app: web.Application) -> None:
        @web.middleware
        async def heard(request: web.Request, handler: Handler) -> web.StreamResponse:
            sent = Sent()
            token = HEARD.set(sent)
            begun = time.perf_counter()
            try:
                return await handler(request)
            finally:
                sent.took_s = time.perf_counter() - begun
                await asyncio.sleep(0)  # the logger is called by the loop
                HEARD.reset(token)
                self.sent.append(sent)

        app.middlewares.insert(0, heard)
