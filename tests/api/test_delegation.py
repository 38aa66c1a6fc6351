"""Delegation over HTTP: granted by two others, used by the delegate, ended in the append."""

import asyncio

import pytest

from tests.api.serving import GRANT, application, serve


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def lent(here, **more):
    body = {
        "id": "lent",
        "kind": "delegation",
        "delegator": "huang-qiang",
        "person": "chen-zhi",
        "role": "approver",
        "organ": "qh-xzsp",
        "actions": ["decide"],
        "from": "2026-03-02",
        "to": "2026-03-20",
    } | more
    proposed = await here.post("/appointments", body, by="fang-ke")
    assert (201, "proposed") == (proposed.status, proposed.body["state"]), proposed.body
    approved = await here.post("/appointments/lent/approve", by="wu-jun")
    assert 201 == approved.status, approved.body


async def test_both_stand_in_the_act_in_the_audit_trail_and_in_the_refusal(here):
    case = await here.accepted("QH-002", "2026-03-02")
    before = await here.act(case, "decide", GRANT, by="chen-zhi")
    assert (403, "action-not-allowed") == before.refusal[:2]
    await lent(here)

    done = await here.done(case, "decide", GRANT, by="chen-zhi")

    position = done.body["events"][0]["position"]
    events = (await here.get(f"/cases/{case}/events")).body["items"]
    actor = events[-1]["actor"]
    assert ("chen-zhi", "huang-qiang") == (actor["person"], actor["delegator"])
    trail = await here.get(
        f"/audit/approval?case={case}&action=decide&at_least={position}", "xing-tao"
    )
    acts = [row for row in trail.body["items"] if not row["refused"]]
    assert [("chen-zhi", "huang-qiang")] == [
        (row["actor"]["person"], row["actor"]["delegator"]) for row in acts
    ]


async def test_an_application_is_received_by_delegation(here):
    await here.at("2026-03-02 09:00")
    before = await here.post("/cases", application("QH-002"), by="chen-zhi")
    assert (403, "action-not-allowed") == before.refusal[:2]
    await lent(here, delegator="zhou-min", role="clerk", actions=["receive"])

    received = await here.post("/cases", application("QH-002"), by="chen-zhi")

    assert 201 == received.status, received.body
    events = (await here.get(f"/cases/{received.body['case']}/events")).body["items"]
    assert "zhou-min" == events[0]["actor"]["delegator"]
    await here.at("2026-03-21 09:00")
    late = await here.post("/cases", application("QH-002"), by="chen-zhi")
    assert (403, "appointment-ended") == late.refusal[:2]


async def test_without_an_id_each_kind_gets_its_own(here):
    await here.at("2026-03-02 09:00")
    body = {
        "kind": "delegation",
        "delegator": "fu-hailing",
        "person": "chen-zhi",
        "role": "clerk",
        "organ": "qh-xzsp",
        "actions": ["accept"],
        "from": "2026-03-02",
        "to": "2026-03-20",
    }

    proposed = await here.post("/appointments", body, by="fang-ke")

    assert "chen-zhi-clerk-delegation-2026-03-02" == proposed.body["id"]
    post = {"person": "chen-zhi", "role": "clerk", "organ": "qh-xzsp", "from": "2026-03-02"}
    assert "chen-zhi-clerk" == (await here.post("/appointments", post, by="fang-ke")).body["id"]


async def test_the_append_itself_refuses_when_the_post_behind_it_ends(here):
    """The acts are decided on what this process knows; another one has ended the post."""
    cases = [await here.accepted("QH-002", day) for day in ("2026-03-02", "2026-03-03")]
    await lent(here)
    await here.done(cases[0], "decide", GRANT, by="chen-zhi")
    posts = (await here.get("/appointments?limit=500")).body["items"]
    (post,) = [
        p["id"]
        for p in posts
        if p["content"]["person"] == "huang-qiang" and p["content"]["role"] == "approver"
    ]
    ended = await here.post(f"/appointments/{post}/end", {"reason": "调离"}, by="wu-jun")
    assert 201 == ended.status

    refused = await here.act(cases[1], "decide", GRANT, by="chen-zhi")

    assert (403, "appointment-ended") == refused.refusal[:2]


@pytest.mark.parametrize(
    ("more", "status", "rule"),
    [
        ({"to": "2026-05-20"}, 422, "delegation.days"),
        ({"actions": ["accept"]}, 422, "delegation.actions"),
        ({"role": "sealer", "delegator": "he-yan", "actions": ["seal"]}, 409, "seal.custody"),
    ],
)
async def test_what_cannot_be_delegated_is_refused(here, more, status, rule):
    await here.at("2026-03-02 09:00")
    body = {
        "kind": "delegation",
        "delegator": "huang-qiang",
        "person": "chen-zhi",
        "role": "approver",
        "organ": "qh-xzsp",
        "actions": ["decide"],
        "from": "2026-03-02",
        "to": "2026-03-20",
    } | more

    refused = await here.post("/appointments", body, by="fang-ke")

    assert (status, rule) == (refused.status, refused.body["rule"])


async def test_two_approvals_at_once_never_join_what_must_stay_apart(here):
    """Two posts of one person, in two branches, approved in the same moment."""
    await here.at("2026-03-02 09:00")
    for n in range(8):
        person = f"new-{n}"
        posts = {
            f"{person}-a": {"role": "handler", "organ": "qh-xzsp"},
            f"{person}-b": {"role": "supervisor", "organ": "qh-wjw"},
        }
        for name, post in posts.items():
            body = {"id": name, "person": person, "from": "2026-03-02", **post}
            assert 201 == (await here.post("/appointments", body, by="fang-ke")).status
        answers = await asyncio.gather(
            here.post(f"/appointments/{person}-a/approve", by="wu-jun"),
            here.post(f"/appointments/{person}-b/approve", by="shi-lei"),
        )
        assert [201, 403] == sorted(a.status for a in answers)
        (refused,) = [a for a in answers if a.status == 403]
        assert "SOD-6" == refused.body["rule"]


@pytest.mark.parametrize(
    ("more", "slug"),
    [
        ({"from": "2026-03-10"}, "action-not-allowed"),
        ({"from": "2026-02-10", "to": "2026-02-20"}, "appointment-ended"),
        ({"items": ["QH-003"]}, "action-not-allowed"),
    ],
)
async def test_a_delegation_gives_nothing_before_its_day_and_for_nothing_else(here, more, slug):
    case = await here.accepted("QH-002", "2026-03-02")
    await lent(here, **more)

    refused = await here.act(case, "decide", GRANT, by="chen-zhi")

    assert (403, slug) == refused.refusal[:2]
