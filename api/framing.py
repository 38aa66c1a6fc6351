"""HTTP as we take it: what aiohttp lets through is refused here, and slow callers are cut off.

One subclass of aiohttp's request handler, with the server and runner that make it.  Nobody
waits for ever: a head has a deadline, a body has one, what is streamed keeps a pace, a peer
has so many connections.  `100 Continue` is sent only when a route begins to read the body.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any

import orjson
import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import PayloadEncodingError
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy

from api.problems import answer
from api.settings import SETTINGS, Settings
from api.slugs import SLUGS
from ledger.errors import Refused

log = structlog.get_logger()

# Why the request is no HTTP of ours; the first middleware answers it.
FAULT: web.RequestKey[str] = web.RequestKey("fault", str)
# What the caller expects before it sends the body; taken away from aiohttp, which would answer.
EXPECT: web.RequestKey[str] = web.RequestKey("expect", str)

# What is still read of a body that nobody wants, so that the caller can read our answer.
LINGER_BYTES = 64 * 1024
LINGER_S = 1.0
READ_BUFFER = 32 * 1024

_LENGTH = re.compile(r"[0-9]{1,16}", re.ASCII)


class Connection(web.RequestHandler):
    """One connection: aiohttp's, with a deadline for each head and an end to each body."""

    __slots__ = ("_body", "_head_deadline_s", "_head_seen", "_head_timer")

    def __init__(self, server: "Server", *, head_deadline_s: float, **options: Any) -> None:  # noqa: ANN401 aiohttp's own
        super().__init__(server, **options)
        self._head_deadline_s = head_deadline_s
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_seen = False
        self._body: StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._head_timer = self._loop.call_later(self._head_deadline_s, self._head_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop waiting."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; those that begin a head start its deadline, a whole head ends it."""
        known = self._request_count
        super().data_received(data)
        if self._request_count != known:
            self._head_came()
            self._body = self._messages[-1][1] if self._messages else None
        elif data and (self._body is None or self._body.is_eof()):
            self._head_seen = True
            if self._head_timer is None:
                self._head_timer = self._loop.call_later(self._head_deadline_s, self._head_late)

    def _head_came(self) -> None:
        self._head_seen = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        """Close; with an answer where a head had begun and nothing else is being answered."""
        self._head_timer = None
        if self._request_in_progress or self._messages:
            self.close()
            return
        if self._head_seen and self.transport is not None:
            self.transport.write(_too_slow())
        self.force_close()

    def _make_error_handler(self, err_info: Any) -> Any:  # noqa: ANN401 aiohttp's own
        """Let the application answer what the parser refused, so that it looks like all else."""
        return self._request_handler or super()._make_error_handler(err_info)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 it may repeat what was sent
    ) -> web.StreamResponse:
        """Answer what went wrong outside every middleware, without a trace of how."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        log.error("connection defect", error=type(exc).__name__, status=status)
        response = answer(request, Refused("internal", ""))
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:  # noqa: ANN401, ARG002 aiohttp's own
        """Log that something broke; its message may hold what nobody should log."""
        log.error("connection defect", error=type(kw.get("exc_info")).__name__)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; of a body nobody read, take in a little, then close."""
        content = request.content
        unread = not content.is_eof()
        waits = request.get(EXPECT) is not None
        large = (request.content_length or LINGER_BYTES + 1) > LINGER_BYTES
        if unread and (waits or large) and not resp.prepared:
            resp.force_close()
        resp, reset = await super().finish_response(request, resp, start_time)
        if unread and not reset:
            if not waits and resp.status != 408:
                await _linger(content)
            self._lingering_time = 0.0
        return resp, reset


async def _linger(content: StreamReader) -> None:
    left = LINGER_BYTES
    try:
        async with asyncio.timeout(LINGER_S):
            while left > 0 and not content.at_eof():
                left -= len(await content.readany())
    except (TimeoutError, ConnectionError, PayloadEncodingError, web.RequestPayloadError):
        return


class Server(web.Server):
    """Makes a connection for each peer that has not too many already."""

    def __init__(self, made: web.Server, settings: Settings) -> None:
        """Take over what aiohttp made for an application."""
        super().__init__(
            made.request_handler,
            request_factory=self._request,
            loop=asyncio.get_running_loop(),
        )
        self._make = made.request_factory
        self._settings = settings
        self._peers: Counter[str] = Counter()

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(
            self,
            loop=self._loop,
            head_deadline_s=self._settings.head_deadline_s,
            keepalive_timeout=self._settings.keepalive_s,
            access_log=None,
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Count the connections of a peer, and hang up on one too many."""
        super().connection_made(handler, transport)
        peer = _address(transport)
        if peer in self._settings.proxies:
            return
        self._peers[peer] += 1
        if self._peers[peer] > self._settings.peer_connections:
            log.warning("too many connections of one peer")
            transport.abort()

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Count it away."""
        transport = self._connections.get(handler)
        peer = _address(transport) if transport is not None else ""
        if self._peers[peer] <= 1:
            del self._peers[peer]
        else:
            self._peers[peer] -= 1
        super().connection_lost(handler, exc)

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        """Make the request, with its fault if it has one, and without its `Expect`."""
        given: object = message.headers
        if isinstance(given, CIMultiDictProxy):
            fault = fault_of(message)
        else:
            # What the parser refused comes as an empty request.
            fault = "not HTTP/1.1 as the standard has it"
            message = message._replace(headers=CIMultiDictProxy(CIMultiDict()))
        if fault is not None:
            message = message._replace(version=HttpVersion11)
        expect = message.headers.getall("Expect", ())
        if expect:
            kept = CIMultiDict(message.headers)
            kept.popall("Expect")
            message = message._replace(headers=CIMultiDictProxy(kept))
        request = self._make(message, payload, protocol, writer, task)
        if fault is not None:
            request[FAULT] = fault
        if expect:
            request[EXPECT] = ",".join(expect).strip().lower()
        return request


class Runner(web.AppRunner):
    """Runs an application behind our own server."""

    def __init__(self, app: web.Application, settings: Settings) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=5.0)
        self._settings = settings

    async def _make_server(self) -> web.Server:
        return Server(await super()._make_server(), self._settings)


def _address(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""


def fault_of(message: RawRequestMessage) -> str | None:
    """Say why a request that the parser let through is none of ours, or return None."""
    headers = message.headers
    if message.version not in (HttpVersion10, HttpVersion11):
        return "HTTP/1.0 and HTTP/1.1 only"
    hosts = len(headers.getall("Host", ()))
    if hosts > 1 or (hosts == 0 and message.version == HttpVersion11):
        return "exactly one Host"
    if message.upgrade or "Upgrade" in headers or message.method == "CONNECT":
        return "no upgrade and no tunnel"
    return _body_fault(message)


def _body_fault(message: RawRequestMessage) -> str | None:
    lengths = message.headers.getall("Content-Length", ())
    codings = message.headers.getall("Transfer-Encoding", ())
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        return "one Content-Length, in digits"
    if codings and (lengths or message.version == HttpVersion10):
        return "no Transfer-Encoding here"
    if codings and [c.strip().lower() for c in codings] != ["chunked"]:
        return "Transfer-Encoding: chunked only"
    has_body = bool(codings) or any(int(length) > 0 for length in lengths)
    if has_body and message.method in ("GET", "HEAD"):
        return "no body with GET or HEAD"
    return None


# -- bodies -------------------------------------------------------------------------------------


async def body(request: web.Request, limit: int) -> bytes:
    """Read a whole body of at most `limit` bytes, in time."""
    go_on(request)
    found = bytearray()
    try:
        async with asyncio.timeout(request.app[SETTINGS].body_deadline_s):
            async for piece in request.content.iter_any():
                found += piece
                if len(found) > limit:
                    raise Refused("body-too-large", f"more than {limit} bytes")
    except TimeoutError:
        raise Refused("timeout", "") from None
    except (PayloadEncodingError, web.RequestPayloadError):
        raise Refused("bad-request", "the body is not framed as announced") from None
    return bytes(found)


async def stream(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """Read a body piece by piece, up to `limit` bytes, as long as it keeps the pace."""
    go_on(request)
    settings = request.app[SETTINGS]
    clock = asyncio.get_running_loop()
    window_s, total, got = settings.body_deadline_s, 0, 0
    end = clock.time() + window_s
    while True:
        try:
            async with asyncio.timeout_at(end):
                piece = await request.content.readany()
        except TimeoutError:
            if got < window_s * settings.body_bytes_s:
                raise Refused("timeout", "") from None
            got, end = 0, clock.time() + window_s
            continue
        except (PayloadEncodingError, web.RequestPayloadError):
            raise Refused("bad-request", "the body is not framed as announced") from None
        if not piece:
            return
        got += len(piece)
        total += len(piece)
        if total > limit:
            raise Refused("body-too-large", f"more than {limit} bytes")
        yield piece


def go_on(request: web.BaseRequest) -> None:
    """Tell a caller that waits with its body to send it."""
    if request.get(EXPECT) == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        del request[EXPECT]


def _too_slow() -> bytes:
    """Return the answer to a head that never ended: there is no request to answer yet."""
    slug, instance = SLUGS["timeout"], token_hex(16)
    told = {
        "type": f"/problems/{slug.name}",
        "title": slug.title_zh,
        "status": slug.status,
        "detail": slug.todo_zh,
        "instance": instance,
    }
    written = orjson.dumps(told)
    head = (
        "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n"
        f"Content-Language: zh-CN\r\nX-Request-Id: {instance}\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(written)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + written
