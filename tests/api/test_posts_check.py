"""What wants looking at in the posts of a ledger, over HTTP."""

import pytest

from tests.api.serving import application, serve


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path, start="2026-03-02"):
        yield one


async def noted(here, query="", *, by="qin-yu"):
    answer = await here.get(f"/posts/check{query}", by=by)
    assert 200 == answer.status, answer.body
    return answer.body


async def test_a_post_is_unused_until_somebody_acts_in_it(here):
    unused = {n["person"] for n in (await noted(here, "?rule=post.unused&limit=500"))["items"]}
    assert {"zhou-min", "fu-hailing", "fang-ke"} <= unused

    assert 201 == (await here.post("/cases", application("QH-002"), by="zhou-min")).status
    refused = await here.post("/cases", application("QH-002"), by="lin-bo")
    assert 403 == refused.status

    unused = {n["person"] for n in (await noted(here, "?rule=post.unused&limit=500"))["items"]}
    assert {"fu-hailing", "lin-bo"} <= unused
    assert "zhou-min" not in unused


async def test_what_was_done_for_somebody_does_not_use_ones_own_post(here):
    """Chen Zhi receives for Zhou Min, who has done nothing herself."""
    body = {
        "id": "lent", "kind": "delegation", "delegator": "zhou-min", "person": "chen-zhi",
        "role": "clerk", "organ": "qh-xzsp", "actions": ["receive"],
        "from": "2026-03-02", "to": "2026-03-20",
    }  # fmt: skip
    assert 201 == (await here.post("/appointments", body, by="fang-ke")).status
    assert 201 == (await here.post("/appointments/lent/approve", by="wu-jun")).status
    assert 201 == (await here.post("/cases", application("QH-002"), by="chen-zhi")).status

    unused = {n["person"] for n in (await noted(here, "?rule=post.unused&limit=500"))["items"]}

    assert "zhou-min" in unused
    assert not {"fang-ke", "wu-jun"} & unused


async def test_what_is_noted_comes_in_pages(here):
    whole = await noted(here, "?limit=500&count=exact")
    assert whole["total"] == len(whole["items"]) > 10

    items, query = [], "?limit=4"
    while query is not None:
        page = await noted(here, query)
        items += page["items"]
        query = f"?limit=4&after={page['next']}" if page["next"] else None

    assert whole["items"] == items


async def test_an_end_that_comes_near_is_told(here):
    post = {"id": "short", "person": "new", "role": "clerk", "organ": "qh-xzsp"}
    days = {"from": "2026-03-02", "to": "2026-03-20"}
    await here.post("/appointments", post | days, by="fang-ke")
    await here.post("/appointments/short/approve", by="wu-jun")

    told = (await noted(here, "?rule=post.expiring", by="yan-qing"))["items"]

    assert [
        {"rule": "post.expiring", "person": "new", "appointments": ["short"], "day": "2026-03-20"}
    ] == told


@pytest.mark.parametrize("by", ["wu-jun", "guo-an", "mo-li", "xing-tao"])
async def test_nobody_else_reads_it(here, by):
    refused = await here.get("/posts/check", by=by)

    assert (403, "action-not-allowed") == refused.refusal[:2]
