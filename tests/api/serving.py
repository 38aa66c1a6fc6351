"""A service of its own for a test: a real database, real HTTP, a simulated ledger.

Time is set through the interface by the system administrator; every person calls with a
token of the local issuer.  Whatever is answered is held against the OpenAPI document.
"""

import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from api import docs, pools
from api.app import build
from api.framing import Runner
from api.issuing import OwnIssuer
from api.routes import TABLE
from api.service import Service
from api.settings import Settings
from api.setup import initialise
from api.web import pages
from tests.api import begun
from tests.api.documented import Documented, document_of

ZONE = ZoneInfo("Asia/Shanghai")
KEYS = count(1)
# Nobody is limited, and on a slow machine a reading waits for its view.
UNHURRIED = {"rate_person": 0, "rate_client": 0, "rate_failures": 0, "at_least_s": 30.0}
# Each connection costs a test some milliseconds, and few of them wait for one another.
FEW = {"VIEWS": 3, "READS": 2, "WHOLES": 1}


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Answer:
    status: int
    body: dict
    headers: dict
    raw: bytes

    @property
    def slug(self):
        return self.body["type"].removeprefix("/problems/")

    @property
    def refusal(self):
        return (self.status, self.slug, self.body.get("rule"))


@dataclass
class Serving:
    """One running service and one ledger in it, as its callers see them."""

    session: aiohttp.ClientSession
    base: str
    tokens: OwnIssuer
    service: Service
    ledger: str = "469002"
    document: Documented | None = None
    app: web.Application | None = None
    versions: dict = field(default_factory=dict)

    @property
    def url(self):
        return f"{self.base}/v1/ledgers/{self.ledger}"

    async def call(self, method, path, *, by=None, body=None, headers=None, data=None):
        sent = {"Authorization": f"Bearer {self.tokens.token(by, by)}"} if by else {}
        sent |= headers or {}
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        url = path if path.startswith("http") else self.url + path
        async with self.session.request(
            method, url, headers=sent, data=data, allow_redirects=False
        ) as response:
            raw = await response.read()
            is_json = response.content_type.endswith(("/json", "+json"))
            body = json.loads(raw) if raw and is_json else {}
            if self.document is not None:
                self.document.check(method, url.removeprefix(self.base), response, body)
            return Answer(response.status, body, response.headers.copy(), raw)

    async def get(self, path, by="chen-zhi", **more):
        return await self.call("GET", path, by=by, **more)

    async def post(self, path, body=None, *, by, headers=None, key=None, **more):
        named = {"Idempotency-Key": key or f"key-{next(KEYS)}"} | (headers or {})
        body = {} if body is None else body
        return await self.call("POST", path, by=by, body=body, headers=named, **more)

    async def at(self, text):
        """Set the ledger's clock to a local time, such as 2025-09-22 09:00."""
        when = datetime.fromisoformat(text).replace(tzinfo=ZONE)
        answer = await self.post("/clock", {"now": when.isoformat()}, by="guo-an")
        assert answer.status == 201, answer.body

    async def act(self, case, action, body=None, *, by, at=None, version=None, **more):
        """Do an action with the version last seen; remember the one it left."""
        if at is not None:
            await self.at(at)
        if version is None:
            version = self.versions[case]
        headers = {"If-Match": f'"{version}"'} | more.pop("headers", {})
        answer = await self.post(f"/cases/{case}/{action}", body, by=by, headers=headers, **more)
        if answer.status == 201:
            self.versions[case] = answer.body["version"]
        return answer

    async def done(self, case, action, body=None, *, by, at=None, **more):
        """Do an action that has to succeed."""
        answer = await self.act(case, action, body, by=by, at=at, **more)
        assert answer.status == 201, (action, answer.body)
        return answer

    async def received(self, item, at=None, *, by="zhou-min", **more):
        """Take a case in on a day; without one, here and below, the clock is left alone."""
        if at is not None:
            await self.at(f"{at} 09:00" if len(at) == 10 else at)
        answer = await self.post("/cases", application(item) | more, by=by)
        assert answer.status == 201, answer.body
        case = answer.body["case"]
        self.versions[case] = answer.body["version"]
        return case

    async def accepted(self, item, day=None, **more):
        case = await self.received(item, day, **more)
        await self.done(case, "accept", by="zhou-min", at=day and f"{day} 10:00")
        return case

    async def reviewed(self, case, day=None):
        to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [sha("form")]}
        await self.done(case, "transfer", to, by="zhou-min", at=day and f"{day} 14:00")
        await self.done(case, "acknowledge-transfer", by="chen-zhi")
        await self.done(case, "review", opinion("handle", "材料齐全，符合条件"), by="chen-zhi")
        agreed = opinion("check", "同意") | {"adopts": True}
        await self.done(case, "review", agreed, by="lin-bo", at=day and f"{day} 14:30")

    async def granted(self, case, day=None):
        await self.reviewed(case, day)
        return await self.done(case, "decide", GRANT, by="huang-qiang", at=day and f"{day} 16:00")

    async def state(self, case, *, by="chen-zhi", at=None):
        if at is not None:
            await self.at(at)
        answer = await self.get(f"/cases/{case}", by=by)
        assert answer.status == 200, answer.body
        self.versions[case] = answer.body["version"]
        return answer.body


def application(item):
    return {
        "item": item,
        "applicant": {
            "kind": "organisation",
            "name": "海南示例餐饮有限公司",
            "id_scheme": "USCC",
            "id": "91469002MA5X00014X",
        },
        "channel": "window",
        "materials": [{"name": "申请表", "sha256": sha("form"), "media_type": "application/pdf"}],
    }


def opinion(level, text, recommend="grant"):
    return {"level": level, "opinion": text, "recommend": recommend}


LICENCE = {"kind": "licence", "version": 1, "sha256": sha("licence-1")}
GRANT = {
    "outcome": "grant",
    "document": LICENCE | {"valid_from": "2026-01-01", "valid_to": "2029-12-31"},
}


def patient(here, at_least_s):
    """Let a running service wait so long from now on where a reading has to wait for its views."""
    here.service.settings = replace(here.service.settings, at_least_s=at_least_s)
    return here


def last(state, name):
    """The newest entry of a deadline."""
    return [d for d in state["deadlines"] if d["name"] == name][-1]


def part(whole, **expected):
    """The members of `whole` that are asked about, for a comparison that shows both."""
    return {name: whole.get(name) for name in expected}


async def serve(database, folder: Path, *, start="2020-01-01", ledgers=("469002",), **setup):
    """Yield a running service with simulated example ledgers; `fresh`: no copy of one that ran."""
    settings = Settings(home=folder, **UNHURRIED | setup.get("settings", {}))
    documents = setup.get("documents", {})
    fresh = setup.get("fresh") or not begun.within_reach(database)
    if fresh or documents or len(ledgers) > 1:
        await initialised(database, folder, start, ledgers, documents)
    else:
        await begun.copied(database, folder, start, ledgers[0])
    async with started(settings, database, ledgers[0], setup.get("also")) as serving:
        yield serving


async def initialised(database, folder, start, ledgers, documents):
    """Set simulated ledgers up, with their keys below a folder."""
    creator = await asyncpg.connect(**database.as_creator())
    at = datetime.fromisoformat(start).replace(tzinfo=ZONE)
    try:
        for name in ledgers:
            document = documents.get(name)
            await initialise(
                database, creator, folder / "keys", name, simulated=at, document=document
            )
    finally:
        await creator.close()


@asynccontextmanager
async def started(settings, database, ledger="469002", also=None):
    """A process of the service, over a database whose ledgers are there."""
    keys = settings.home / "keys"
    service = Service(settings, database, keys)
    tokens = OwnIssuer(keys, settings.audience)
    app = build(service, rows=(*docs.routes(), *pages.table()), also=also)
    runner = Runner(app, settings)
    with patch.multiple(pools, **FEW):
        await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        document = document_of(app[TABLE])
        async with aiohttp.ClientSession() as session:
            yield Serving(
                session, f"http://127.0.0.1:{port}", tokens, service, ledger, document, app
            )
    finally:
        await runner.cleanup()


def here_and_apart(world):
    """Two fixtures of a world that `world(database, folder)` makes: its module's, and a test's own.

    `here` is for who changes nothing that others see, `apart` for all others.
    """

    @pytest.fixture(scope="module")
    async def here(lasting, tmp_path_factory):
        async for serving in world(lasting, tmp_path_factory.mktemp("here")):
            yield serving

    @pytest.fixture
    async def apart(database, tmp_path):
        async for serving in world(database, tmp_path):
            yield serving

    return here, apart
