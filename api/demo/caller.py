"""How the demo speaks to the service: over HTTP, as anybody else, and not giving up early.

Every write carries a key that is the same in each run.  So a request whose answer was lost
is sent again, a demo that was killed goes on, and nothing is done twice.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

Json = Any
TokenFor = Callable[[str], str]

PATIENCE_S = 120.0
AGAIN = frozenset({429, 503})


class DemoError(Exception):
    """The service answered what the demo cannot go on with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the body where it is JSON, and what the headers say."""

    status: int
    body: Mapping[str, Json]
    raw: bytes
    headers: Mapping[str, str]

    @property
    def good(self) -> bool:
        """Tell whether it was done."""
        return self.status < 300

    @property
    def replayed(self) -> bool:
        """Tell whether it had been done before."""
        return self.headers.get("Idempotency-Replayed") == "true"

    @property
    def slug(self) -> str:
        """Name the reason of a refusal."""
        return str(self.body.get("type", "")).rpartition("/")[2]

    @property
    def reason(self) -> str:
        """Name the reason of a refusal with its rule."""
        rule = self.body.get("rule")
        return f"{self.status} {self.slug}" + (f" ({rule})" if rule else "")


@dataclass(slots=True)
class Tally:
    """What was sent, and what came of it."""

    done: int = 0
    replayed: int = 0
    refused: int = 0
    again: int = 0
    unexpected: list[str] = field(default_factory=list)


class Bureau:
    """The service as the people of the example bureau reach it."""

    def __init__(
        self, session: aiohttp.ClientSession, base: str, token_for: TokenFor, ledger: str
    ) -> None:
        """Take where it is, and how to get a token for a person."""
        self.session = session
        self.base = base.rstrip("/")
        self.ledger = ledger
        self.tally = Tally()
        self._token_for = token_for
        self._tokens: dict[str, str] = {}
        self._now: datetime | None = None

    @property
    def url(self) -> str:
        """The address of the ledger."""
        return f"{self.base}/v1/ledgers/{self.ledger}"

    def page(self, case: str) -> str:
        """The address of the page of a case."""
        return f"{self.base}/cases/{self.ledger}/{case}"

    async def get(self, path: str, by: str, **query: str | int) -> Answer:
        """Read something."""
        params = {name: str(value) for name, value in query.items()}
        return await self._sent("GET", path, by, params=params)

    async def post(self, path: str, body: Json, by: str, key: str) -> Answer:
        """Do something that is on no case yet."""
        return await self._written(path, body, by, {"Idempotency-Key": key})

    async def act(
        self,
        number: str,
        action: str,
        body: Json,
        by: str,
        key: str,
        version: int,
        *,
        of: str = "cases",
    ) -> Answer:
        """Do an action on a case as last seen, or on a complaint or a matter."""
        headers = {"Idempotency-Key": key, "If-Match": f'"{version}"'}
        return await self._written(f"/{of}/{number}/{action}", body, by, headers)

    async def upload(self, form: Callable[[], aiohttp.FormData], by: str, key: str) -> Answer:
        """Upload a form; it is made anew for each attempt."""
        return await self._sent("POST", "/imports", by, {"Idempotency-Key": key}, form=form)

    async def clock(self, at: datetime, by: str) -> None:
        """Set the ledger's clock forward; leave it where it is further already."""
        if self._now is not None and at <= self._now:
            return
        answer = await self._written("/clock", {"now": at.isoformat()}, by, {})
        if answer.good:
            self._now = at
        elif answer.slug != "schema":
            raise DemoError(f"the clock: {answer.reason}")

    async def _written(self, path: str, body: Json, by: str, headers: Mapping[str, str]) -> Answer:
        data = json.dumps(body, ensure_ascii=False).encode()
        typed = {"Content-Type": "application/json", **headers}
        return await self._sent("POST", path, by, typed, data=data)

    async def _sent(
        self,
        method: str,
        path: str,
        by: str,
        headers: Mapping[str, str] | None = None,
        *,
        data: bytes | None = None,
        form: Callable[[], aiohttp.FormData] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request until it is answered with more than "not now"."""
        url = path if path.startswith("http") else self.url + path
        sent = {"Authorization": f"Bearer {self._token(by)}", **(headers or {})}
        wait_s = 0.05
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    async with self.session.request(
                        method, url, headers=sent, data=form() if form else data, params=params
                    ) as response:
                        raw = await response.read()
                        if response.status not in AGAIN:
                            return self._answer(response, raw)
                except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                    pass  # gone in the middle: the key tells whether it was done
                self.tally.again += 1
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, 1.0)

    def _answer(self, response: aiohttp.ClientResponse, raw: bytes) -> Answer:
        body = json.loads(raw) if raw and "json" in response.content_type else {}
        return Answer(response.status, body, raw, dict(response.headers))

    def _token(self, person: str) -> str:
        if person not in self._tokens:
            self._tokens[person] = self._token_for(person)
        return self._tokens[person]
