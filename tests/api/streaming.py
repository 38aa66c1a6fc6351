"""Reads `text/event-stream` as a browser does: events with their ids, whatever is between them."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

PATIENCE_S = 30


@dataclass
class Reading:
    response: aiohttp.ClientResponse
    last: str = ""

    async def next(self):
        """The data of the next event; None where the stream has ended."""
        data, position = [], ""
        while True:
            async with asyncio.timeout(PATIENCE_S):
                line = (await self.response.content.readline()).decode()
            if not line:
                return None
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "id":
                position = value
            elif name == "data":
                data.append(value)
            elif line == "\n":
                self.last = position or self.last
                if data:
                    return json.loads("\n".join(data))

    async def some(self, number):
        return [await self.next() for _ in range(number)]


@asynccontextmanager
async def stream(here, path="/events", *, by=None, headers=None):
    """An open stream, the answer to which has begun."""
    sent = {"Accept": "text/event-stream"} | (headers or {})
    if by is not None:
        sent["Authorization"] = f"Bearer {here.tokens.token(by, by)}"
    url = path if path.startswith("http") else here.url + path
    async with here.session.get(url, headers=sent, allow_redirects=False) as response:
        yield Reading(response)
