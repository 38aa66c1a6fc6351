"""S15: pushed and claimed over the Spring Festival."""

import pytest

from tests.ledger.given import GRANT, LICENCE, last, local, part, refuses, sealing, sha

PUSH = {"to": "qh-wjw"}


@pytest.fixture
def case(bureau):
    case = bureau.accepted("QH-002", "2026-02-11")
    bureau.granted(case, "2026-02-13")
    return case


def test_the_duties_after_a_grant(bureau, case):
    state = bureau.state(case)

    push = {"budget": 1, "start": "2026-02-13", "due": "2026-02-14"}
    assert push == part(last(state, "push"), push)
    assert ("2026-03-02", "2026-03-05") == (
        last(state, "stage:publish")["due"],
        last(state, "issue")["due"],
    )


def test_pushed_on_a_saturday_at_work_and_claimed_too_late(bureau, case):
    bureau.act(case, "push", PUSH, by="chen-zhi", at="2026-02-14 16:00")

    state = bureau.state(case)
    assert "met" == last(state, "push")["light"]
    pushed = {
        "to": "qh-wjw",
        "policy": "link-default@1",
        "claimed_at": None,
        "responsible": "supervisor",
    }
    assert pushed == part(state["pushes"][0], pushed)
    claim = {"budget": 2, "start": "2026-02-14", "due": "2026-02-25"}
    assert claim == part(last(state, "claim"), claim)
    lights = [
        last(bureau.state(case, at=f"2026-02-{day} 12:00"), "claim")["light"]
        for day in (24, 25, 26)
    ]
    assert ["green", "yellow", "red"] == lights


def test_the_claim_is_the_supervisors_alone(bureau, case):
    bureau.act(case, "push", PUSH, by="chen-zhi", at="2026-02-14 16:00")

    with refuses("action-not-allowed"):
        bureau.act(case, "claim", by="chen-zhi", at="2026-02-26 08:00")
    bureau.act(case, "claim", by="mo-li", at="2026-02-26 09:00")

    claim = {"met_at": "2026-02-26", "light": "met-late"}
    assert claim == part(last(bureau.state(case), "claim"), claim)


def test_the_red_card_is_raised_at_midnight(bureau, case):
    bureau.act(case, "push", PUSH, by="chen-zhi", at="2026-02-14 16:00")

    red = [c for c in bureau.alerts(case, at="2026-02-26 00:00") if c.level == "red"]

    assert [("claim", local("2026-02-26 00:00"))] == [(c.deadline, c.raised_at) for c in red]


def test_a_filing_is_pushed_and_that_is_receipt(bureau):
    case = bureau.accepted("QH-006", "2026-02-11")

    bureau.act(case, "push", {"to": "qh-scjg"}, by="chen-zhi", at="2026-02-11 11:00")

    state = bureau.state(case)
    assert "claim" not in [d["name"] for d in state["deadlines"]]
    assert "supervisor" == state["pushes"][0]["responsible"]


def test_where_a_signature_moves_it_the_bureau_answers_until_then(bureau):
    case = bureau.accepted("QH-008", "2026-02-11")
    bureau.reviewed(case, "2026-02-11")
    bureau.act(case, "decide", GRANT, by="huang-qiang", at="2026-02-11 16:00")
    bureau.act(case, "seal", sealing(), by="he-yan")
    hand_out = {"document": LICENCE, "method": "window", "receipt": sha("r")}
    bureau.act(case, "issue", hand_out, by="tang-li")
    bureau.act(case, "publish", {"what": "decision", "where": "公示栏"}, by="chen-zhi")
    bureau.act(case, "close", by="chen-zhi", at="2026-02-12 09:00")

    bureau.act(case, "push", {"to": "qh-zjj"}, by="chen-zhi", at="2026-02-12 10:00")
    before = bureau.state(case)["pushes"][0]["responsible"]
    bureau.act(case, "claim", by="zheng-kai", at="2026-02-13 09:00")
    after = bureau.state(case)["pushes"][0]["responsible"]

    assert ("bureau", "supervisor") == (before, after)
