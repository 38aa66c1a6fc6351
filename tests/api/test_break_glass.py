"""Break-glass: confirmed at once by a second person, for hours, tagged, and reviewed by a third."""

import pytest

from projections.rebuild import check
from tests.api.serving import serve, sha

ASKED = {
    "id": "flood",
    "kind": "break-glass",
    "person": "lin-bo",
    "role": "handler",
    "organ": "qh-xzsp",
    "from": "2026-03-02",
    "reason_code": "duty-absent",
    "text": "承办人突发疾病，办件今日到期",
    "reference": "值班电话 2026-0302",
}
TO = {"to": {"unit": "qh-xzsp", "person": "wang-lan"}, "handed_over": [sha("form")]}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def asked(here, **more):
    body = {name: value for name, value in (ASKED | more).items() if value is not None}
    return await here.post("/appointments", body, by="fang-ke")


async def let_in(here):
    await here.at("2026-03-02 10:00")
    assert 201 == (await asked(here)).status
    await here.at("2026-03-02 10:05")
    return await here.post("/appointments/flood/approve", by="wu-jun")


async def a_case(here):
    await here.at("2026-03-02 09:00")
    case = await here.received("QH-002", "2026-03-02 09:01")
    await here.done(case, "accept", by="zhou-min")
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}
    await here.done(case, "transfer", to, by="zhou-min")
    await here.done(case, "acknowledge-transfer", by="chen-zhi")
    return case


async def test_for_four_hours_a_case_can_be_read_and_handed_over_and_nothing_else(here):
    case = await a_case(here)
    assert 201 == (await let_in(here)).status
    suspend = {"kind": "testing", "notice": sha("n"), "approved_by": "huang-qiang"}

    for action, body in (("suspend", suspend), ("reserve-number", {"kind": "licence"})):
        refused = await here.act(case, action, body, by="lin-bo")
        assert (403, "action-not-allowed") == refused.refusal[:2]
    await here.done(case, "transfer", TO, by="lin-bo", at="2026-03-02 14:04")


async def test_what_only_break_glass_gives_is_tagged_and_over_after_four_hours(here):
    """Tang Li hands cases out; she hands none over but by break-glass."""
    case = await a_case(here)
    before = await here.act(case, "transfer", TO, by="tang-li")
    assert (403, "action-not-allowed") == before.refusal[:2]
    await here.at("2026-03-02 10:00")
    assert 201 == (await asked(here, person="tang-li")).status
    await here.at("2026-03-02 10:14")
    assert 201 == (await here.post("/appointments/flood/approve", by="wu-jun")).status
    assert 200 == (await here.get(f"/cases/{case}/events", by="tang-li")).status

    done = await here.done(case, "transfer", TO, by="tang-li", at="2026-03-02 14:13")

    (event,) = done.body["events"]
    assert [("break-glass", "break-glass.used")] == [(f["flag"], f["rule"]) for f in event["flags"]]
    history = await here.get(f"/cases/{case}/events")
    assert "flood" == history.body["items"][-1]["actor"]["appointment"]
    await here.done(case, "acknowledge-transfer", by="wang-lan")
    late = await here.act(case, "transfer", TO, by="tang-li", at="2026-03-02 14:15")
    assert (403, "appointment-ended") == late.refusal[:2]
    assert 403 == (await here.get(f"/cases/{case}/events", by="tang-li")).status


async def test_what_is_refused_during_it_is_tagged_too_and_what_ones_own_post_gives_is_not(here):
    """Tang Li asks for more than it gives, and reserves nothing; she hands out by her own post."""
    case = await a_case(here)
    suspend = {"kind": "testing", "notice": sha("n"), "approved_by": "huang-qiang"}
    await here.act(case, "suspend", suspend, by="tang-li")
    await here.at("2026-03-02 10:00")
    await asked(here, person="tang-li")
    await here.post("/appointments/flood/approve", by="wu-jun")
    await here.act(case, "suspend", suspend, by="tang-li")
    await here.get("/findings", by="tang-li")
    await here.done(case, "transfer", TO, by="tang-li")
    await here.act(case, "suspend", suspend, by="chen-zhi", version=1)
    await here.done(case, "acknowledge-transfer", by="wang-lan")
    await here.act(case, "suspend", suspend, by="tang-li", at="2026-03-02 14:01")

    trail = (await here.get("/audit/all?actor=tang-li&limit=500", by="yan-qing")).body["items"]

    told = [(row["action"], row["refused"], row["break_glass"]) for row in trail]
    assert [
        ("suspend", True, False),
        ("suspend", True, True),
        ("read-findings", True, True),
        ("transfer", False, True),
        ("suspend", True, False),
    ] == told
    csv = await here.get("/audit/all?actor=tang-li&format=csv", by="yan-qing")
    assert b",break_glass," in csv.raw.splitlines()[0]


async def test_it_is_confirmed_within_a_quarter_of_an_hour_or_it_lapses(here):
    await here.at("2026-03-02 10:00")
    await asked(here)
    for by in ("lin-bo", "fang-ke", "huang-qiang"):
        assert 403 == (await here.post("/appointments/flood/approve", by=by)).status
    await here.at("2026-03-02 10:16")

    late = await here.post("/appointments/flood/approve", by="wu-jun")

    assert (409, "rule-refused", "proposal.lapsed") == late.refusal
    shown = await here.get("/appointments/flood")
    assert ("lapsed", False) == (shown.body["state"], shown.body["review_due"])


async def test_a_duty_to_review_opens_by_itself_and_is_done_by_somebody_else(here):
    await a_case(here)
    confirmed = await let_in(here)
    shown = (await here.get("/appointments/flood")).body
    assert (True, None) == (shown["review_due"], shown["reviewed_at"])
    query = f"/alerts?at_least={confirmed.body['position']}"
    (card,) = [
        a
        for a in (await here.get(query, by="qin-yu")).body["items"]
        if a["rule"] == "break-glass.used"
    ]
    assert ("red", ["qin-yu", "yan-qing"]) == (card["level"], card["addressees"])
    text = {"text": "转办有据，未见异常"}
    for by in ("wu-jun", "fang-ke", "lin-bo"):
        refused = await here.post("/appointments/flood/review", text, by=by)
        assert (403, "action-not-allowed") == refused.refusal[:2]
    assert 422 == (await here.post("/appointments/flood/review", {}, by="yan-qing")).status

    done = await here.post("/appointments/flood/review", text, by="yan-qing")

    assert (201, "reviewed") == (done.status, done.body["state"])
    shown = (await here.get("/appointments/flood")).body
    assert (False, "转办有据，未见异常") == (shown["review_due"], shown["review"])
    query = f"/alerts?at_least={done.body['position']}"
    (card,) = [
        a
        for a in (await here.get(query, by="qin-yu")).body["items"]
        if a["rule"] == "break-glass.used"
    ]
    assert "closed" == card["state"]
    twice = await here.post("/appointments/flood/review", text, by="qin-yu")
    assert (409, "already-done", "break-glass.review") == twice.refusal
    service = here.service
    alerts = next(p for p in service.projections if p.name == "timeout_alerts")
    assert (await check(alerts, here.ledger, service.store, service.reads)).same


@pytest.mark.parametrize(
    ("more", "status", "rule"),
    [
        ({"text": None}, 422, "break-glass.reason"),
        ({"reference": None}, 422, "break-glass.reason"),
        ({"to": "2026-03-03"}, 422, "break-glass.hours"),
        ({"from": "2026-03-03"}, 422, "break-glass.hours"),
        ({"hours": 5}, 422, None),
        ({"role": "approver"}, 422, None),
        ({"person": "nobody"}, 422, None),
        ({"person": "mo-li"}, 403, "SOD-6"),
    ],
)
async def test_what_break_glass_cannot_be(here, more, status, rule):
    await here.at("2026-03-02 10:00")

    refused = await asked(here, **more)

    assert (status, rule) == (refused.status, refused.body.get("rule")), refused.body


@pytest.mark.parametrize(("item", "told"), [("QH-002", 201), ("QH-003", 403)])
async def test_what_is_broken_for_one_item_opens_no_other(here, item, told):
    case = await a_case(here)
    await here.at("2026-03-02 10:00")
    assert 201 == (await asked(here, person="he-yan", items=[item])).status
    assert 201 == (await here.post("/appointments/flood/approve", by="wu-jun")).status

    seen = await here.get(f"/cases/{case}/events", by="he-yan")
    done = await here.act(case, "transfer", TO, by="he-yan")

    assert (200 if told == 201 else 403, told) == (seen.status, done.status)
