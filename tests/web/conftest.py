"""A service with its pages, a simulated example ledger in it, and a reader with a cookie jar."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from api import operate
from api.settings import Settings
from tests.api.serving import Serving

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Seen:
    status: int
    text: str
    headers: dict
    cookies: dict


@dataclass
class Reader:
    """Somebody at a browser that keeps cookies and shows no pictures."""

    session: aiohttp.ClientSession
    base: str
    serving: Serving

    async def get(self, path, **headers):
        async with self.session.get(self.base + path, headers=headers) as answer:
            return Seen(
                answer.status, await answer.text(), dict(answer.headers), dict(answer.cookies)
            )

    async def post(self, path, form=None, **headers):
        asked = self.session.post(
            self.base + path, data=form or {}, headers=headers, allow_redirects=False
        )
        async with asked as answer:
            return Seen(
                answer.status, await answer.text(), dict(answer.headers), dict(answer.cookies)
            )

    async def sign_in(self, person, following="/"):
        token = self.serving.tokens.token(person, person)
        return await self.post("/sign-in", {"token": token, "next": following})


@asynccontextmanager
async def served(database, folder, **more):
    """A service over an example ledger that nobody has used yet, with more settings."""
    # Nobody is limited: all readers of a module have one address.
    rates = {"rate_person": 0, "rate_client": 0, "rate_failures": 0}
    settings = Settings(home=folder, port=0, admin_port=0, **rates, **more)
    at = operate.Home(folder, folder / "keys")
    start = datetime(2025, 12, 1, 8, tzinfo=ZONE)
    await operate.create(database, at, "469002", simulated=start, document=None)
    async with (
        operate.served(settings, at, database) as running,
        aiohttp.ClientSession() as session,
    ):
        yield Serving(session, running.url, running.issuer, running.service)


@asynccontextmanager
async def reading(serving):
    """A reader of a service, signed in as nobody."""
    jar = aiohttp.CookieJar(unsafe=True)  # our address is a number
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Reader(session, serving.base, serving)


@pytest.fixture
async def serving(database, tmp_path):
    async with served(database, tmp_path) as serving:
        yield serving


@pytest.fixture
async def reader(serving):
    async with reading(serving) as reader:
        yield reader


@pytest.fixture(scope="module")
async def shared(lasting, tmp_path_factory):
    """The service of those tests of a module that change nothing which another one looks at."""
    async with served(lasting, tmp_path_factory.mktemp("shared")) as serving:
        yield serving


@pytest.fixture
async def visitor(shared):
    """A reader there, with a cookie jar of the test's own."""
    async with reading(shared) as reader:
        yield reader


@pytest.fixture(scope="session", autouse=True)
async def the_browser_ends():
    """Close the browser that the tests of a run share, in the loop that it was started in."""
    yield
    from tests.web.test_browser import SHARED

    await SHARED.close()
