"""Two accounts of one person are one person, and a system is never a second one (SOD-17)."""

import pytest

from api.api_keys import ApiKeys
from api.issuing import API_KEYS_FILE
from tests.api.serving import GRANT, serve, sha

FIX = {"fields": {"channel": "online"}, "evidence": sha("slip"), "reason": "以纸质为准"}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path, start="2026-03-02"):
        keys = ApiKeys(one.service.keys / API_KEYS_FILE)
        one.keys = {name: keys.add(name) for name in ("zc", "zwfw")}
        yield one


def through(here, system, person):
    """What a client system of the bureau says when it speaks for somebody, or for itself."""
    named = {"On-Behalf-Of": person} if person else {}
    return {"Authorization": f"Bearer {here.keys[system]}", **named}


async def accepted(here, **more):
    case = await here.received("QH-002", "2026-03-02")
    await here.done(case, "accept", by=None, headers=through(here, "zc", "fu-hailing"))
    return case


@pytest.mark.parametrize("second", ["zc", "zwfw", "a token of her own"])
async def test_who_accepted_through_one_system_decides_through_none(here, second):
    case = await accepted(here)
    own = second not in here.keys
    headers = {} if own else through(here, second, "fu-hailing")

    refused = await here.act(
        case, "decide", GRANT, by="fu-hailing" if own else None, headers=headers
    )

    assert (403, "separation-of-duties", "SOD-1") == refused.refusal
    # Control: somebody else, through the same system.
    await here.done(case, "decide", GRANT, by=None, headers=through(here, "zc", "huang-qiang"))


async def test_a_correction_proposed_through_a_system_is_not_approved_by_the_same_person(here):
    case = await here.accepted("QH-002", "2026-03-02")
    event = (await here.get(f"/cases/{case}/events")).body["items"][0]["id"]
    proposed = await here.done(
        case, "correct", {"event": event, **FIX}, by=None,
        headers=through(here, "zc", "huang-qiang"),
    )  # fmt: skip
    named = {"event": proposed.body["events"][-1]["id"]}

    refused = await here.act(case, "approve-correction", named, by="huang-qiang")

    assert (403, "separation-of-duties", "SOD-9") == refused.refusal


async def test_who_proposed_a_post_in_person_does_not_approve_it_through_a_system(here):
    """And a system alone approves nothing."""
    post = {"id": "new", "person": "new", "role": "clerk", "organ": "qh-xzsp"}
    await here.post("/appointments", post | {"from": "2026-03-02"}, by="fang-ke")
    path = "/appointments/new/approve"

    again = await here.post(path, by=None, headers=through(here, "zc", "fang-ke"))
    alone = await here.post(path, by=None, headers=through(here, "zc", None))

    assert (403, "action-not-allowed") == again.refusal[:2]
    assert (400, "on-behalf-of-invalid") == alone.refusal[:2]


async def test_a_system_gets_no_post(here):
    post = {"id": "new", "person": "zc", "role": "approver", "organ": "qh-xzsp"}

    refused = await here.post("/appointments", post | {"from": "2026-03-02"}, by="fang-ke")

    assert (403, "separation-of-duties", "SOD-17") == refused.refusal
