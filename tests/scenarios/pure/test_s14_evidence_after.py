"""S14: evidence after the fact."""

import pytest

from tests.ledger.given import GRANT, local, opinion, refuses

CHECK = {**opinion("check", "同意"), "adopts": True}
LATE = {**CHECK, "occurred_at": "2026-03-11T16:00:00+08:00"}


@pytest.fixture
def case(bureau):
    case = bureau.accepted("QH-002", "2026-03-09")
    bureau.transferred(case, "2026-03-11 10:00")
    bureau.act(case, "review", opinion("handle", "符合条件"), by="chen-zhi")
    (decided,) = bureau.act(case, "decide", GRANT, by="huang-qiang", at="2026-03-12 15:00")
    assert "skipped-level" in [f["flag"] for f in decided.flags]
    return case


def test_after_the_decision_no_opinion_of_today(bureau, case):
    with refuses("wrong-stage", "time.after-decision"):
        bureau.act(case, "review", CHECK, by="lin-bo", at="2026-03-13 09:10")


def test_an_opinion_of_an_earlier_day_says_why_it_comes_now(bureau, case):
    with refuses("schema", "late-entry.reason", pointer="/reason"):
        bureau.act(case, "review", LATE, by="lin-bo", at="2026-03-13 09:15")


def test_a_late_entry_looks_late(bureau, case):
    version = bureau.case(case).version
    body = {**LATE, "reason": "当日未上传"}

    (late,) = bureau.act(case, "review", body, by="lin-bo", at="2026-03-13 09:20")

    state = bureau.state(case)
    assert (version + 1, "decided") == (state["version"], state["stage"])
    assert {"late-entry", "recorded-after-decision"} == {f["flag"] for f in late.flags}
    assert "skipped-level" in [f["flag"] for f in state["flags"]]
    assert (local("2026-03-11 16:00"), local("2026-03-13 09:20")) == (
        late.occurred_at,
        late.recorded_at,
    )
