"""Refusals on record: of authority, and conflicts with a rule; on every route, nothing else."""

import pytest

from api import app, exchange
from api.web.pages import table as pages
from tests.api.serving import GRANT, serve, sha

DOCUMENT = {"kind": "licence", "version": 1, "sha256": sha("other")}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


async def recorded(here):
    answer = await here.get("/audit/all?refused=true&limit=500", by="yan-qing")
    assert 200 == answer.status, answer.body
    return [
        (row["actor"]["person"], row["action"], row["slug"], row["rule"], row["case"])
        for row in answer.body["items"]
    ]


def test_every_route_has_a_name_for_the_record():
    rows = [*app.table(), *exchange.table(), *pages()]

    assert [] == [row.path for row in rows if row.access != "anyone" and not row.name]


async def test_a_refused_act_is_on_record_with_its_case(here):
    case = await here.accepted("QH-002", "2026-03-02")

    await here.act(case, "decide", GRANT, by="zhou-min")
    await here.act(case, "seal", {"seal": "QH-S1", "document": DOCUMENT}, by="he-yan")
    await here.act(case, "close", by="tang-li")

    assert [
        ("zhou-min", "decide", "action-not-allowed", None, case),
        ("he-yan", "seal", "wrong-stage", "seal.authorising-event", case),
        ("tang-li", "close", "wrong-stage", "stage.close", case),
    ] == await recorded(here)


async def test_whose_post_has_ended_is_on_record_though_the_case_is_gone_for_them(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.post("/appointments/zhou-min-clerk/end", by="fang-ke")

    told = [
        await here.act(case, "withdraw", {"request": sha("r")}, by="zhou-min"),
        await here.get(f"/cases/{case}", by="zhou-min"),
        await here.post("/cases", {}, by="zhou-min"),
        await here.get("/cases", by="zhou-min"),
        await here.get("/items", by="zhou-min"),
    ]

    assert [(403, "appointment-ended")] * 5 == [(a.status, a.slug) for a in told]
    assert ["withdraw", "read-case", "receive", "read-cases", "read-items"] == [
        row[1] for row in await recorded(here)
    ]


async def test_acts_of_the_office_and_imports_are_on_record_too(here):
    await here.post("/seals/QH-S1/approve", by="wu-jun")
    await here.post("/seals/QH-S1/hand-over", {"to": "he-yan"}, by="zhou-min")
    await here.post("/clock", {"now": "2026-03-09T00:00:00+08:00"}, by="wu-jun")
    await here.post(f"/imports/{'0' * 32}/commit", by="wu-jun")  # not there: 404
    await here.post("/appointments/li-na-supervisor/end", by="fang-ke")
    await here.post("/appointments/li-na-supervisor/end", by="fang-ke")

    assert [
        ("wu-jun", "seal-approve", "rule-refused", "seal.custody", None),
        ("zhou-min", "seal-hand-over", "action-not-allowed", None, None),
        ("wu-jun", "clock-set", "action-not-allowed", None, None),
        ("fang-ke", "appointment-end", "already-done", "appointment.ended", None),
    ] == await recorded(here)


async def test_nothing_else_is_on_record(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.done(case, "withdraw", {"request": sha("r")}, by="zhou-min")

    told = [
        await here.act(case, "withdraw", {"request": sha("r")}, by="zhou-min"),  # no rule
        await here.act(case, "accept", by="zhou-min", version=1),
        await here.act(case, "accept", {"x": 1}, by="zhou-min"),
        await here.act("469002-2026-000099", "accept", by="zhou-min", version=1),
        await here.post("/cases", {"item": "x"}, by="zhou-min", headers={"If-Match": '"1"'}),
        await here.get("/cases?a=b", by="zhou-min"),
        await here.get("/items/nothing", by="zhou-min"),
        await here.get("/cases", by="nobody"),
        await here.get("/cases", by=None),
    ]

    assert [
        "already-done",
        "version-conflict",
        "unknown-field",
        "case-not-found",
        "version-invalid",
        "invalid-parameter",
        "not-found",
        "not-found",
        "unauthenticated",
    ] == [answer.slug for answer in told]
    assert [] == await recorded(here)
