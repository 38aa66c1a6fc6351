"""Who is told of a result (多证合一), over HTTP: sees the case from then on, and signs for it."""

import json
from pathlib import Path

import pytest

import ledger as package
from tests.api.serving import serve

EXAMPLE = json.loads((Path(package.__file__).parent / "data/example.json").read_text())


def document():
    """The example, in which one more organ is told of each permit of QH-002."""
    items = [
        item | {"organs": item["organs"] | {"notified": ["qh-scjg"]}}
        if item["code"] == "QH-002"
        else item
        for item in EXAMPLE["items"]
    ]
    return EXAMPLE | {"items": items}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path, documents={"469002": document()}):
        yield one


async def test_who_is_told_sees_the_case_from_then_on_and_signs_for_it(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.granted(case, "2026-03-02")
    before = await here.get(f"/cases/{case}", by="li-na")
    assert (404, "case-not-found") == (before.status, before.slug)
    assert [] == (await here.get("/cases", by="li-na")).body["items"]

    await here.done(case, "push", {"to": "qh-scjg"}, by="chen-zhi", at="2026-03-03 09:00")
    shown = await here.get(f"/cases/{case}", by="li-na")
    assert 200 == shown.status, shown.body
    assert "claim" in shown.body["allowed_actions"]
    assert "inspect" not in shown.body["allowed_actions"]
    since = f"at_least={shown.body['position']}"
    listed = await here.get(f"/cases?{since}", by="li-na")
    assert [case] == [row["case"] for row in listed.body["items"]]
    for part in ("events", "replay"):
        assert 403 == (await here.get(f"/cases/{case}/{part}", by="li-na")).status

    # Two working days to sign: the card is theirs, and answered by them.
    await here.at("2026-03-06 09:00")
    cards = await here.get(f"/alerts?deadline=claim&level=red&{since}", by="li-na")
    (card,) = cards.body["items"]
    assert (["qh-scjg"], ["li-na"]) == (card["organs"], card["addressees"])
    answer = {"alert": card["id"], "explanation": "系统升级"}
    await here.done(case, "answer-alert", answer, by="li-na")
    await here.done(case, "claim", by="li-na")
    (push,) = (await here.state(case))["pushes"]
    assert "notified" == push["responsible"]


async def test_who_signed_and_supervises_nothing_is_asked_for_no_inspection(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.granted(case, "2026-03-02")
    for organ, by in (("qh-scjg", "li-na"), ("qh-wjw", "mo-li")):
        await here.done(case, "push", {"to": organ}, by="chen-zhi")
        await here.done(case, "claim", by=by)

    await here.at("2027-04-01 09:00")
    found = (await here.get(f"/findings?rule=unsupervised&case={case}", by="jiang-he")).body[
        "items"
    ]
    assert ["qh-wjw"] == [one["unit"] for one in found]
