"""HTTP by hand: what an ordinary client would mend or refuse is sent as it stands."""

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Ask:
    """A request to be spoiled: `headers` may name one twice, `length` may lie."""

    method: str
    path: str
    query: list[str] = field(default_factory=list)
    headers: dict[str, str | list[str] | None] = field(default_factory=dict)
    body: bytes = b""
    length: int | None = None
    by: str | None = None
    ledger: str = "469002"

    def written(self, here) -> bytes:
        query = "?" + "&".join(self.query) if self.query else ""
        path = f"/v1/ledgers/{self.ledger}{self.path}" if self.ledger else self.path
        sent = {"Host": "127.0.0.1", "Connection": "close"}
        if self.by is not None:
            sent["Authorization"] = f"Bearer {here.tokens.token(self.by, self.by)}"
        if self.method == "POST":
            sent["Content-Length"] = str(len(self.body) if self.length is None else self.length)
        lines = [f"{self.method} {path}{query} HTTP/1.1"]
        for name, value in {**sent, **self.headers}.items():
            given = value if isinstance(value, list) else [value]
            lines += [f"{name}: {one}" for one in given if one is not None]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


@dataclass
class Told:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self):
        return json.loads(self.raw) if self.raw[:1] in (b"{", b"[") else {}

    @property
    def said(self):
        """The status and the slug; of what is no refusal, the status alone."""
        kind = str(self.body.get("type", "")) if isinstance(self.body, dict) else ""
        slug = kind.removeprefix("/problems/") if kind.startswith("/problems/") else ""
        return f"{self.status} {slug}".strip()


async def ask(here, asked: Ask) -> Told:
    at = urlsplit(here.base)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        writer.write(asked.written(here))
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head[:-4].decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        if headers.get("Transfer-Encoding") == "chunked":
            rest = _joined(await reader.read())
        else:
            rest = await reader.readexactly(int(headers["Content-Length"]))
    finally:
        writer.close()
    return Told(int(lines[0].split()[1]), headers, rest)


def _joined(raw: bytes) -> bytes:
    whole = b""
    while raw:
        size, _, rest = raw.partition(b"\r\n")
        n = int(size, 16)
        if n == 0:
            break
        whole, raw = whole + rest[:n], rest[n + 2 :]
    return whole
