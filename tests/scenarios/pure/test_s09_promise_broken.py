"""S09: a promise broken, the law kept."""

import pytest

from tests.ledger.given import last, local, part

EXPLAINED = {"what": "explanation", "where": "www.qionghai.gov.cn/gk"}


@pytest.fixture
def case(bureau):
    case = bureau.accepted("QH-002", "2026-05-06")
    bureau.granted(case, "2026-05-14")
    return case


def test_the_promise_is_late_and_the_law_is_kept(bureau, case):
    state = bureau.state(case)

    promised = {"due": "2026-05-12", "met_at": "2026-05-14", "used": 7, "light": "met-late"}
    assert promised == part(last(state, "promised"), promised)
    statutory = {"due": "2026-06-02", "light": "met"}
    assert statutory == part(last(state, "statutory"), statutory)
    assert {"flag": "promise-broken", "rule": "promise.explain"} in [
        part(f, ("flag", "rule")) for f in state["flags"]
    ]
    explain = {"budget": 5, "start": "2026-05-12", "due": "2026-05-19"}
    assert explain == part(last(state, "stage:explain"), explain)
    assert "met_at" not in last(state, "stage:explain")


def test_the_duty_to_explain_opens_when_the_promise_is_broken(bureau):
    case = bureau.accepted("QH-002", "2026-05-06")

    before = bureau.state(case, at="2026-05-12 23:59:59")
    after = bureau.state(case, at="2026-05-13 00:00")

    assert (0, 1) == tuple(
        sum(d["name"] == "stage:explain" for d in s["deadlines"]) for s in (before, after)
    )


def test_the_red_card_is_on_the_promise_alone(bureau, case):
    cards = [c for c in bureau.alerts(case) if c.level == "red"]

    assert [("promised", local("2026-05-13 00:00"))] == [(c.deadline, c.raised_at) for c in cards]


def test_explained_on_the_last_day(bureau, case):
    bureau.act(case, "publish", EXPLAINED, by="chen-zhi", at="2026-05-19 10:00")

    state = bureau.state(case)
    explain = {"met_at": "2026-05-19", "light": "met"}
    assert explain == part(last(state, "stage:explain"), explain)
    assert "promise-broken" in [f["flag"] for f in state["flags"]]
