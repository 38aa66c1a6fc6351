"""Two deployments on one database: the later one writes, the one before it is fenced off."""

import contextlib
from dataclasses import replace

import asyncpg
import pytest

from api.setup import initialise
from ledger.store import Store
from tests.api.serving import application, serve, started

LATER = "469005"


@pytest.fixture
async def old(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        assert 201 == (await receive(serving)).status
        yield serving


@pytest.fixture
async def beside(database, old):
    """Starts another process on the same database: `await beside(epoch=…)`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**more):
            settings = replace(old.service.settings, **more)
            return await stack.enter_async_context(started(settings, database))

        yield start


async def receive(serving):
    return await serving.post("/cases", application("QH-002"), by="zhou-min")


async def ready(serving):
    answer = await serving.get(f"{serving.base}/readyz")
    return answer.status, answer.body.get("why")


async def test_the_deployment_before_is_fenced(old, beside):
    new = await beside()
    assert 201 == (await receive(new)).status

    refused = await receive(old)

    assert (503, "integrity-hold") == (refused.status, refused.slug)
    assert "60" == refused.headers["Retry-After"]
    assert (503, "469002: another deployment took over") == await ready(old)
    assert (200, None) == await ready(new)
    # A reading is put on record: it is refused by the one before, and served by the one after.
    assert 503 == (await old.get("/audit/approval", by="jiang-he")).status
    assert 2 == len((await new.get("/audit/approval", by="jiang-he")).body["items"])
    assert 201 == (await receive(new)).status


async def test_a_refusal_is_not_put_on_record_by_a_fenced_one(old, beside):
    new = await beside()
    assert 201 == (await receive(new)).status

    refused = await old.post("/cases", application("QH-002"), by="huang-qiang")

    assert (503, "integrity-hold") == (refused.status, refused.slug)


async def test_control_without_taking_over_both_write(old, beside, monkeypatch):
    async def nothing(_store, _ledger, _epoch=None):
        return 0

    monkeypatch.setattr(Store, "take_over", nothing)
    new = await beside()

    assert [201, 201, 201] == [(await receive(one)).status for one in (new, old, new)]


async def test_processes_of_one_deployment_share_its_number(old, beside):
    number = await old.service.store.epoch("469002") + 1
    one, two = await beside(epoch=number), await beside(epoch=number)

    assert [201, 201, 201] == [(await receive(it)).status for it in (one, two, one)]
    assert (503, "integrity-hold") == ((refused := await receive(old)).status, refused.slug)
    assert [(200, None), (200, None)] == [await ready(one), await ready(two)]


async def test_an_older_deployment_takes_nothing_back(old, beside):
    number = await old.service.store.epoch("469002")
    new = await beside()
    assert 201 == (await receive(new)).status

    again = await beside(epoch=number)

    assert (503, "integrity-hold") == ((refused := await receive(again)).status, refused.slug)
    assert 201 == (await receive(new)).status


async def test_a_ledger_made_later_is_the_later_deployments(old, beside, database):
    new = await beside()
    migrating = await asyncpg.connect(**database.as_creator())
    now = await new.service.store.now("469002")
    await initialise(database, migrating, old.service.keys, LATER, simulated=now)
    await migrating.close()
    for serving in (old, new):
        serving.ledger = LATER

    # The older one looks at it first, and again after the newer one has.
    for _ in range(2):
        assert 200 == (await old.get("/items", by="chen-zhi")).status
        assert 201 == (await receive(new)).status

    assert (503, "integrity-hold") == ((refused := await receive(old)).status, refused.slug)
