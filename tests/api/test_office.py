"""The bureau's own set-up over HTTP: what is refused there, and by which rule."""

import pytest

from tests.api.serving import serve

POST = {"person": "new", "role": "clerk", "organ": "qh-xzsp", "from": "2020-01-01"}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def content(here, things, name):
    return (await here.get(f"/{things}/{name}", by="wu-jun")).body["content"]


async def test_a_promise_longer_than_the_law_is_not_proposed(here):
    item = await content(here, "items", "QH-002")
    item["limits"] = {"statutory": 20, "promised": 21}

    answer = await here.post("/items", item, by="wu-jun")

    assert (422, "schema", "promise.at-most") == answer.refusal
    assert "/limits/promised" == answer.body["pointer"]


async def test_what_nobody_approved_is_shown_as_lapsed_and_refused_on_record(here):
    await here.at("2026-03-02 10:00")
    proposed = await here.post("/appointments", POST, by="fang-ke")
    path = f"/appointments/{proposed.body['id']}"
    assert "proposed" == (await here.get(path, by="wu-jun")).body["state"]

    await here.at("2026-04-02 10:00")

    shown = (await here.get(path, by="wu-jun")).body
    assert ("lapsed", ["lapsed"]) == (shown["state"], [p["state"] for p in shown["proposals"]])
    answer = await here.post(f"{path}/approve", by="wu-jun")
    assert (409, "rule-refused", "proposal.lapsed") == answer.refusal
    assert proposed.body["position"] == answer.body["earlier_position"]
    audit = await here.get("/audit/administration?refused=true", by="qin-yu")
    assert ["proposal.lapsed"] == [row["rule"] for row in audit.body["items"]]
    again = await here.post("/appointments", POST, by="fang-ke")
    done = await here.post(f"/appointments/{again.body['id']}/approve", by="wu-jun")
    assert 201 == done.status


async def test_the_keeper_changes_by_hand_over_only(here):
    post = POST | {"person": "tang-li", "role": "sealer"}
    await here.post("/appointments", post, by="fang-ke")
    await here.post("/appointments/tang-li-sealer/approve", by="wu-jun")
    await here.post("/seals/QH-S1/disable", by="wu-jun")

    answer = await here.post("/seals/QH-S1/enable", {"keeper": "tang-li"}, by="wu-jun")

    assert (409, "seal-not-held", "seal.custody") == answer.refusal
    assert 201 == (await here.post("/seals/QH-S1/enable", by="wu-jun")).status
    assert "he-yan" == (await here.get("/seals/QH-S1", by="wu-jun")).body["keeper"]


async def test_posts_of_two_branches_do_not_meet_in_time(here):
    await here.at("2026-03-02 10:00")
    later = POST | {"id": "new-1", "from": "2026-06-01", "to": "2026-08-31"}
    await here.post("/appointments", later, by="fang-ke")
    assert 201 == (await here.post("/appointments/new-1/approve", by="wu-jun")).status
    other = POST | {"id": "new-2", "role": "supervisor", "organ": "qh-wjw", "from": "2026-08-01"}

    answer = await here.post("/appointments", other, by="fang-ke")

    assert (403, "separation-of-duties", "SOD-6") == answer.refusal
    after = other | {"from": "2026-09-01"}
    assert 201 == (await here.post("/appointments", after, by="fang-ke")).status


@pytest.mark.parametrize(
    ("path", "body", "by", "pointer"),
    [
        ("/appointments", POST | {"person": "张三"}, "fang-ke", "/id"),
        ("/seals", {"id": "X", "name": "x", "organ": "nowhere", "media": ["paper"]}, "wu-jun",
         "/organ"),
        ("/seals", {"id": "X", "name": "x", "organ": "qh-xzsp", "media": ["paper"],
                    "keeper": "zhou-min"}, "wu-jun", "/keeper"),
    ],
)  # fmt: skip
async def test_what_cannot_be_set_up_says_where(here, path, body, by, pointer):
    answer = await here.post(path, body, by=by)

    assert (422, pointer) == (answer.status, answer.body["pointer"])


async def test_a_case_is_found_by_the_number_it_was_given(here):
    case = await here.received("QH-002", "2026-03-02")
    pattern = await content(here, "policies", "numbers-default") | {"case": "{year}.{number:04d}"}
    assert 201 == (await here.post("/policies", pattern, by="fang-ke")).status
    done = await here.post("/policies/numbers-default/approve", by="wu-jun")
    assert 201 == done.status, done.body

    later = await here.received("QH-002", "2026-03-03")

    assert ("469002-2026-000001", "2026.0002") == (case, later)
    await here.done(case, "accept", by="zhou-min")
    for number in (case, later):
        assert number == (await here.state(number))["case"]
    for number in ("2026.0001", "469002-2026-000002"):
        assert 404 == (await here.get(f"/cases/{number}")).status
