"""A database that goes away under a running service: said so, waited out, and gone on after."""

import asyncio
from dataclasses import replace

import pytest
import structlog

from ledger.database import Role
from tests.api.serving import serve
from tests.ledger.test_store_writer import complaining

LISTS = (
    "/cases", "/alerts", "/audit/all", "/reviews", "/performance?from=2026-01-01&to=2026-12-31",
    "/events", "/export/ndjson", f"/imports/{'0' * 32}",
)  # fmt: skip
READING = (*LISTS, "/cases/469002-2026-000001", "/seals/QH-S1/register")


@pytest.fixture
async def here(database, gate, tmp_path):
    """A service that reaches its database through a gate."""
    behind = replace(database, reach={**database.reach, "host": str(gate.folder)})
    async for serving in serve(behind, tmp_path, start="2026-03-02"):
        yield serving


@pytest.fixture
async def half(database, gate, tmp_path):
    """A service of which only the views are reached through a gate."""
    how = database.as_role(Role.PROJECT)
    url = f"postgresql://{how['user']}:{how['password']}@/{how['database']}?host="
    reach = {"dsn": url + str(how["host"])}
    behind = replace(database, reach=reach, given={Role.PROJECT: url + str(gate.folder)})
    async for serving in serve(behind, tmp_path, start="2026-03-02"):
        yield serving


async def test_what_needs_the_database_answers_503_until_it_is_back(here, gate):
    case = await here.received("QH-002", "2026-03-02")
    ready = f"{here.base}/readyz"
    assert 200 == (await here.get(ready)).status

    gate.shut()

    for path in READING:
        answer = await here.get(path, by="jiang-he")
        assert (503, "store-unavailable") == (answer.status, answer.slug), path
        assert int(answer.headers["Retry-After"]) > 0
    answer = await here.act(case, "accept", by="zhou-min")
    assert (503, "store-unavailable") == (answer.status, answer.slug)
    told = await here.get(ready)
    assert (503, False) == (told.status, told.body["ready"])
    assert 200 == (await here.get(f"{here.base}/healthz")).status

    gate.reopen()

    await here.done(case, "accept", by="zhou-min")
    for path in READING:
        assert (await here.get(path, by="jiang-he")).status in (200, 404), path
    assert 200 == (await here.get(ready)).status


async def test_views_that_cannot_be_reached_answer_503(half, gate):
    gate.shut()

    for path in ("/cases", "/alerts", "/audit/all", "/export/csv"):
        answer = await half.get(path, by="jiang-he")
        assert (503, "store-unavailable") == (answer.status, answer.slug), path
    assert 503 == (await half.get(f"{half.base}/readyz")).status


async def test_what_runs_beside_is_not_ended_by_an_outage(half, gate):
    (beside,) = (t for t in asyncio.all_tasks() if "_keep_up" in repr(t.get_coro()))
    case = await half.received("QH-002", "2026-03-02")
    gate.shut()
    with structlog.testing.capture_logs() as logged:
        half.service.wake(half.ledger)
        while "not kept up" not in {line["event"] for line in logged}:
            assert not beside.done()
            await asyncio.sleep(0)
    gate.reopen()

    await half.at("2026-03-20 09:00")

    acts = []
    while "deemed-accepted" not in acts:
        answer = await half.get(f"/audit/all?case={case}", by="jiang-he")
        acts = [row["action"] for row in answer.body.get("items", ())]


# -- a database that is there, and cannot store ------------------------------------------------


@pytest.fixture
async def plain(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


async def test_while_no_space_is_left_acts_wait_and_no_case_is_shown(plain, connect):
    case = await plain.received("QH-002", "2026-03-02")
    creator = await connect()
    await complaining(creator, "EXCEPTION", "53100", "no space")

    for answer in (
        await plain.act(case, "accept", by="zhou-min", key="k"),
        await plain.act(case, "decide", {"outcome": "deny"}, by="zhou-min"),  # refused: on record
        await plain.post("/seals/QH-S1/report-lost", by="zhou-min"),
    ):
        assert (503, "storage-full", "30") == (
            answer.status,
            answer.slug,
            answer.headers["Retry-After"],
        )
    # Reading is recorded first: what cannot be recorded is not shown.
    for path in ("/cases", f"/cases/{case}"):
        answer = await plain.get(path)
        assert (503, "access-log-unavailable") == (answer.status, answer.slug), path
        assert b"QH-002" not in answer.raw
    for path in ("/items", f"{plain.base}/readyz"):
        assert 200 == (await plain.get(path)).status, path

    await creator.execute("DROP TRIGGER complains ON ledger.idempotency")
    answer = await plain.act(case, "accept", by="zhou-min", key="k")
    assert (201, None) == (answer.status, answer.headers.get("Idempotency-Replayed"))


async def test_what_does_not_prove_out_holds_acts_and_warns_readers(plain, connect):
    case = await plain.received("QH-002", "2026-03-02")
    assert "Ledger-Integrity" not in (await plain.get(f"/cases/{case}")).headers
    creator = await connect()
    # What our own code should have made impossible; the server quotes what it was given.
    await complaining(creator, "EXCEPTION", "23505", "Key=(460000199001010013) exists")
    first = await plain.act(case, "accept", by="zhou-min")
    await creator.execute("DROP TRIGGER complains ON ledger.idempotency")

    again = await plain.act(case, "accept", by="zhou-min")

    for answer in (first, again):
        assert (503, "integrity-hold", "60", "hold") == (
            answer.status,
            answer.slug,
            answer.headers["Retry-After"],
            answer.headers["Ledger-Integrity"],
        )
    for path in ("/cases", f"/cases/{case}", f"/cases/{case}/events", "/items", "/audit/all"):
        answer = await plain.get(path, by="wu-jun")
        assert (200, "hold") == (answer.status, answer.headers["Ledger-Integrity"]), path
    ready = await plain.get(f"{plain.base}/readyz")
    assert 503 == ready.status
    for answer in (first, again, ready):
        assert b"460000199001010013" not in answer.raw


async def test_nobody_is_told_that_all_is_well_before_the_database_was_asked(here, gate):
    gate.shut()

    answer = await here.get(f"{here.base}/readyz", by=None)

    assert (503, "1") == (answer.status, answer.headers["Retry-After"])
