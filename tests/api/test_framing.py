"""HTTP that is wrong, slow or too much, spoken to a running server over raw sockets."""

import asyncio
import socket

import orjson
import pytest
from aiohttp import web

from api import framing
from api.framing import Connection
from api.settings import Settings
from tests.api.tiny import ACT, CASES, SEEN, running, slug

HOST = b"Host: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
async def tiny(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("keys")) as tiny:
        yield tiny


async def spoken(tiny, sent: bytes) -> bytes:
    """Send bytes, and return everything until the server closes."""
    reader, writer = await asyncio.open_connection(tiny.host, tiny.port)
    writer.write(sent)
    try:
        async with asyncio.timeout(10):
            return await reader.read(-1)
    finally:
        writer.close()


def head(tiny, path: str = ACT, *, method: str = "POST", **more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in tiny.writing(**more).items()]
    return "\r\n".join(lines).encode() + b"\r\n"


GET = b"GET /healthz HTTP/1.1\r\n" + HOST
POST = b"POST /healthz HTTP/1.1\r\n" + HOST
WRONG = {
    "CL + TE": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two CL": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "two equal CL": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "CL +3": POST + b"Content-Length: +3\r\n\r\nabc",
    "CL -1": POST + b"Content-Length: -1\r\n\r\n",
    "CL of 30 digits": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "bare LF": b"GET /healthz HTTP/1.1\n" + HOST + b"\r\n",
    "bare LF in the head": b"GET /healthz HTTP/1.1\r\nHost: x\n\r\n",
    "folded header": GET + b"X-Folded: a\r\n b\r\n\r\n",
    "NUL in a header": GET + b"X-Nul: a\x00b\r\n\r\n",
    "space before a colon": GET + b"X-A : b\r\n\r\n",
    "two Host": GET + HOST + b"\r\n",
    "no Host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "10 kB header": GET + b"X-Long: " + b"a" * 10_240 + b"\r\n\r\n",
    "200 headers": GET + b"".join(b"X-%d: a\r\n" % i for i in range(200)) + b"\r\n",
    "PRI": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0": b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/1.0 chunked": b"POST /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET with a body": GET + b"Content-Length: 2\r\n\r\n{}",
    "GET chunked": GET + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "upgrade h2c": GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "upgrade websocket": GET + b"Upgrade: websocket\r\n\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n",
}


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG)
async def test_what_is_no_http_of_ours_is_answered_400_and_closed(tiny, sent):
    answered = await spoken(tiny, sent)

    assert answered.startswith(b"HTTP/1.1 400 ")
    assert 1 == answered.count(b"\r\n\r\n")
    assert "bad-request" == slug(answered.partition(b"\r\n\r\n")[2])
    told, _, _ = answered.lower().partition(b"\r\n\r\n")
    assert b"x-request-id: " in told
    assert b"server:" not in told
    assert b"aiohttp" not in answered.lower()
    assert b"traceback" not in answered.lower()


async def test_head_with_a_body_is_answered_400_without_one(tiny):
    answered = await spoken(tiny, POST.replace(b"POST", b"HEAD") + b"Content-Length: 2\r\n\r\n{}")

    assert answered.startswith(b"HTTP/1.1 400 ")
    assert answered.endswith(b"\r\n\r\n")


async def test_control_aiohttp_alone_takes_a_body_with_get(tiny):
    runner = web.AppRunner(web.Application(), access_log=None)

    async def fine(request):
        return web.Response()

    runner.app.router.add_get("/healthz", fine)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
    writer.write(GET + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
    answered = await reader.read(-1)
    writer.close()
    await runner.cleanup()

    assert answered.startswith(b"HTTP/1.1 200 ")
    assert b"Server: " in answered


# -- 100 Continue ----------------------------------------------------------

WAITING = {"Expect": "100-continue", "Content-Length": "2"}
REFUSED_BEFORE = {
    "no such path": ("/nowhere", {}, "not-found"),
    "no credential": (ACT, {"Authorization": "Basic eDp4"}, "unauthenticated"),
    "media type": (ACT, {"Content-Type": "text/plain"}, "media-type"),
    "too large": (ACT, {"Content-Length": "2000000"}, "body-too-large"),
    "no key": (ACT, {"Idempotency-Key": " "}, "idempotency-key-invalid"),
    "version": (ACT, {"If-Match": "*"}, "version-invalid"),
    "query": (ACT + "?dry=1", {}, "invalid-parameter"),
    "other expectation": (ACT, {"Expect": "200-ok"}, "expectation-failed"),
}


@pytest.mark.parametrize(("path", "changed", "why"), REFUSED_BEFORE.values(), ids=REFUSED_BEFORE)
async def test_nobody_is_told_to_go_on_before_the_headers_have_passed(tiny, path, changed, why):
    answered = await spoken(tiny, head(tiny, path, **{**WAITING, **changed}) + b"\r\n")

    assert b"100 Continue" not in answered
    assert why == slug(answered.partition(b"\r\n\r\n")[2])


async def test_who_waits_is_told_to_go_on_when_the_body_is_wanted(tiny):
    reader, writer = await asyncio.open_connection(tiny.host, tiny.port)
    writer.write(head(tiny, **WAITING) + b"\r\n")

    assert b"HTTP/1.1 100 Continue\r\n\r\n" == await reader.readuntil(b"\r\n\r\n")
    writer.write(b"{}")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()


# -- too much ----------------------------------------------------------


async def test_a_body_announced_too_large_is_refused_closed_and_not_read(tiny, monkeypatch):
    read = []
    take = Connection.data_received

    def counting(connection, data):
        read.append(len(data))
        take(connection, data)

    monkeypatch.setattr(Connection, "data_received", counting)
    sent = head(tiny, **{"Content-Length": "2000000"}) + b"\r\n"
    reader, writer = await asyncio.open_connection(tiny.host, tiny.port)
    writer.write(sent + b" " * 2_000_000)

    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in await reader.readuntil(b"\r\n\r\n")
    assert "body-too-large" == slug(await rest_of(reader))
    writer.close()
    # One buffer beyond what is looked at: the socket hands over what it holds at once.
    assert sum(read) - len(sent) <= 64 * 1024 + 256 * 1024
    assert [] == [seen for seen in tiny.app[SEEN] if seen is None]


async def rest_of(reader) -> bytes:
    found = b""
    try:
        while piece := await reader.read(65_536):
            found += piece
    except ConnectionResetError:
        pass
    return found


async def test_a_body_that_grows_too_large_is_refused(tiny, monkeypatch):
    monkeypatch.setattr(framing, "LINGER_S", 0.01)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answered = await spoken(tiny, head(tiny, **CHUNKED) + b"\r\n" + chunk * 5)

    assert answered.startswith(b"HTTP/1.1 413 ")


CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.mark.parametrize("broken", [b"zz\r\n", b"2\r\n{}x\r\n0\r\n\r\n", b"-1\r\n\r\n"])
async def test_a_body_in_broken_chunks_is_answered_once_and_closed(tiny, broken):
    answered = await spoken(tiny, head(tiny, **CHUNKED) + b"\r\n" + broken)

    assert answered.startswith(b"HTTP/1.1 400 ")
    assert 1 == answered.count(b"\r\n\r\n")


async def test_a_body_in_chunks_is_a_body(tiny):
    sent = head(tiny, Connection="close", **CHUNKED) + b"\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"

    assert (await spoken(tiny, sent)).startswith(b"HTTP/1.1 201 ")


async def test_after_a_refusal_with_a_small_body_unread_the_connection_goes_on(tiny):
    reader, writer = await asyncio.open_connection(tiny.host, tiny.port)
    writer.write(head(tiny, **{"Content-Type": "text/plain", "Content-Length": "2"}) + b"\r\n")

    assert (await reader.readline()).startswith(b"HTTP/1.1 415 ")
    told = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in told.split(b"\r\n") if line.startswith(b"Content-Length"))
    await reader.readexactly(int(length.partition(b":")[2]))
    writer.write(b"{}" + GET + b"\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


# -- by header ----------------------------------------------------------


@pytest.mark.parametrize(
    "coding", ["gzip", "br", "zstd", "gzip, gzip", "identity", "deflate", "nonsense"]
)
async def test_any_content_encoding_is_refused_unread(tiny, coding):
    tiny.app[SEEN].clear()
    bomb = b"\x1f\x8b" + b"\0" * 100
    response, body = await tiny.ask(
        "POST", ACT, headers=tiny.writing(**{"Content-Encoding": coding}), data=bomb
    )

    assert (415, "encoding-not-supported") == (response.status, slug(body))
    assert [] == tiny.app[SEEN]


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/xml",
        "application/json; charset=gbk",
        "application/json; version=1",
        "application/json, application/json",
        "application/problem+json",
        "",
    ],
)
async def test_only_json_in_utf8_is_a_body(tiny, media):
    response, body = await tiny.ask(
        "POST", ACT, headers=tiny.writing(**{"Content-Type": media}), data=b"{}"
    )

    assert (415, "media-type") == (response.status, slug(body))


async def test_a_missing_media_type_is_refused(tiny):
    given = tiny.writing()
    del given["Content-Type"]
    response, body = await tiny.ask(
        "POST", ACT, headers=given, data=b"{}", skip_auto_headers={"Content-Type"}
    )

    assert (415, "media-type") == (response.status, slug(body))


@pytest.mark.parametrize(
    "media",
    ["application/json", "Application/JSON; Charset=UTF-8", 'application/json;charset="utf-8"'],
)
async def test_json_may_name_its_charset(tiny, media):
    response, _ = await tiny.ask(
        "POST", ACT, headers=tiny.writing(**{"Content-Type": media}), data=b"{}"
    )

    assert 201 == response.status


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/xml", 406),
        ("text/html, application/xml;q=0.9", 406),
        ("application/json;q=0, */*", 406),
        ("application/json;q=0", 406),
        ("", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("text/html, */*;q=0.1", 200),
        ("APPLICATION/JSON", 200),
    ],
)
async def test_what_is_not_accepted_is_not_sent(tiny, accept, status):
    response, body = await tiny.ask("GET", CASES, headers={**tiny.bearer(), "Accept": accept})

    assert status == response.status
    if status == 406:
        assert "not-acceptable" == slug(body)


CASE = f"{CASES}/469002-2026-000001"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", CASE, "GET, HEAD"),
        ("PATCH", CASE, "GET, HEAD"),
        ("DELETE", CASE, "GET, HEAD"),
        ("POST", CASE, "GET, HEAD"),
        ("GET", ACT, "POST"),
        ("TRACE", CASE, "GET, HEAD"),
        ("TRACE", "/nowhere", "GET, HEAD, POST"),
    ],
)
async def test_other_methods_are_not_allowed(tiny, method, path, allow):
    answered = await spoken(
        tiny, f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + HOST + b"\r\n"
    )
    told, _, body = answered.partition(b"\r\n\r\n")

    assert answered.startswith(b"HTTP/1.1 405 ")
    assert f"Allow: {allow}".encode() in told
    assert "method-not-allowed" == slug(body)


async def test_head_is_allowed_where_get_is(tiny):
    response, body = await tiny.ask("HEAD", CASES, headers=tiny.bearer())

    assert (200, b"") == (response.status, body)


# -- too slow ----------------------------------------------------------

HASTY = Settings(head_deadline_s=0.05, body_deadline_s=0.05)


@pytest.fixture(scope="module")
async def hasty(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("hasty"), HASTY) as tiny:
        yield tiny


async def test_a_silent_socket_is_closed(hasty):
    assert b"" == await spoken(hasty, b"")


@pytest.mark.parametrize("begun", [b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b"])
async def test_a_head_that_does_not_end_is_answered_408_and_closed(hasty, begun):
    answered = await spoken(hasty, begun)
    told, _, body = answered.partition(b"\r\n\r\n")

    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"X-Request-Id: " in told
    assert "timeout" == slug(body)
    assert len(body) == int(told.partition(b"Content-Length: ")[2].partition(b"\r")[0])


async def test_a_head_that_dribbles_is_cut_off_all_the_same(hasty):
    reader, writer = await asyncio.open_connection(hasty.host, hasty.port)
    sent = GET + b"X-Slow: " + b"a" * 100_000
    answered = b""
    for at in range(len(sent)):
        writer.write(sent[at : at + 1])
        try:
            async with asyncio.timeout(0.002):
                answered = await reader.read(65_536)
                break
        except TimeoutError:
            continue
    writer.close()

    assert answered.startswith(b"HTTP/1.1 408 ")


async def test_the_next_head_has_a_deadline_too(hasty):
    reader, writer = await asyncio.open_connection(hasty.host, hasty.port)
    writer.write(GET + b"\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    await reader.readuntil(b"}")
    writer.write(b"GET /heal")

    assert (await reader.read(-1)).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_an_idle_connection_outlives_the_deadline_of_a_head(tiny):
    reader, writer = await asyncio.open_connection(tiny.host, tiny.port)
    for _ in range(2):
        writer.write(GET + b"\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        await reader.readuntil(b"}")
    writer.close()


async def test_a_body_that_does_not_end_is_answered_408_and_closed(hasty):
    answered = await spoken(hasty, head(hasty, **{"Content-Length": "10"}) + b"\r\n{")

    assert answered.startswith(b"HTTP/1.1 408 ")
    assert "timeout" == slug(answered.partition(b"\r\n\r\n")[2])


UPLOAD = {"Content-Type": "application/x-ndjson"}


async def test_a_stream_below_its_pace_is_cut_off(hasty):
    sent = head(hasty, "/v1/uploads", **UPLOAD, **{"Content-Length": "1000"}) + b"\r\n{}"

    assert (await spoken(hasty, sent)).startswith(b"HTTP/1.1 408 ")


async def test_a_stream_that_keeps_its_pace_is_read_to_its_end(tiny):
    data = b"x" * (1 << 20)
    response, body = await tiny.ask(
        "POST", "/v1/uploads", headers=tiny.writing(**UPLOAD), data=data
    )

    assert 201 == response.status
    assert {"size": 1 << 20} == orjson.loads(body)


async def test_a_stream_over_its_limit_is_refused(tiny, monkeypatch):
    monkeypatch.setattr(framing, "LINGER_S", 0.01)
    sent = head(tiny, "/v1/uploads", **UPLOAD, **CHUNKED) + b"\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    assert (await spoken(tiny, sent + chunk * 17)).startswith(b"HTTP/1.1 413 ")


# -- too many ----------------------------------------------------------


async def test_one_peer_has_so_many_connections_and_no_more(tmp_path):
    async with running(tmp_path, Settings(peer_connections=3)) as tiny:
        held = []
        for _ in range(3):
            reader, writer = await asyncio.open_connection(tiny.host, tiny.port)
            writer.write(GET + b"\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            held.append((reader, writer))
        reader, writer = await asyncio.open_connection(tiny.host, tiny.port)
        assert b"" == await rest_of(reader)
        writer.close()

        held[0][1].close()
        await held[0][1].wait_closed()
        answered = b""
        while not answered:  # the server hears of the closing a little later
            reader, writer = await asyncio.open_connection(tiny.host, tiny.port)
            writer.write(GET + b"Connection: close\r\n\r\n")
            answered = await rest_of(reader)
            writer.close()
        assert answered.startswith(b"HTTP/1.1 200 ")
        for _, writer in held:
            writer.close()


async def test_a_configured_proxy_is_not_capped(tmp_path):
    settings = Settings(peer_connections=0, proxies=("127.0.0.1",))
    async with running(tmp_path, settings) as tiny:
        response, _ = await tiny.ask("GET", "/healthz")
        assert 200 == response.status


async def test_a_caller_who_hangs_up_in_mid_body_breaks_nothing(tiny):
    _, writer = await asyncio.open_connection(tiny.host, tiny.port)
    writer.write(head(tiny, **{"Content-Length": "10"}) + b"\r\n{")
    await writer.drain()
    writer.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
    )
    writer.transport.abort()

    response, _ = await tiny.ask("GET", "/healthz")
    assert 200 == response.status
