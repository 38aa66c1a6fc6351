"""The one client of the benchmark, and the bare server that ours is measured against.

The client knows just enough HTTP: it writes a request whole and reads an answer by its
length.  Both servers get the same bytes from it, so that what is compared is the servers.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import orjson
from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    head: bytes
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


class Connection(asyncio.Protocol):
    """One kept-alive connection: one request, then its answer, then the next."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._read = bytearray()

    @classmethod
    async def to(cls, port: int) -> "Connection":
        _, made = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        read = self._read
        read += data
        end = read.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(read[: end + 2])
        at = head.lower().find(b"\r\ncontent-length:")
        length = int(head[at + 17 : head.index(b"\r\n", at + 2)]) if at >= 0 else 0
        if len(read) < end + 4 + length:
            return
        body = bytes(read[end + 4 : end + 4 + length])
        del read[: end + 4 + length]
        waiting, self._waiting = self._waiting, None
        assert waiting is not None
        waiting.set_result(Answer(int(head[9:12]), head, body))

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Send a request and return its answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self._waiting = asyncio.get_running_loop().create_future()
        assert self._transport is not None
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


async def _post(request: web.Request) -> web.Response:
    """Read JSON, answer JSON: the least a server of this kind does."""
    asked = orjson.loads(await request.read())
    return web.Response(
        body=orjson.dumps({"members": len(asked)}), status=201, content_type="application/json"
    )


def serve_bare(port: int) -> None:
    """Run the bare server until it is ended."""
    import uvloop

    app = web.Application()
    app.router.add_post("/{path:.*}", _post)
    web.run_app(
        app, host="127.0.0.1", port=port, loop=uvloop.new_event_loop(), access_log=None, print=None
    )


@asynccontextmanager
async def bare_server() -> AsyncIterator[int]:
    """Run the bare server in a process of its own; its port."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"from tests.bench.wire import serve_bare; serve_bare({port})"
    )
    try:
        await reached(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def reached(port: int, seconds: float = 60.0) -> None:
    """Wait until something listens there."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                (await Connection.to(port)).close()
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return
