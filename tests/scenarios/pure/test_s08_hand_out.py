"""S08: hand out within ten working days."""

import pytest

from tests.ledger.given import LICENCE, last, part, refuses, sealing, sha

HAND_OUT = {
    "document": LICENCE,
    "method": "window",
    "recipient": {"name": "张三", "id": "460000199001010013"},
    "receipt": sha("receipt"),
}


@pytest.fixture
def case(bureau):
    case = bureau.accepted("QH-002", "2026-04-27")
    bureau.granted(case, "2026-04-28")
    bureau.act(case, "seal", sealing(), by="he-yan", at="2026-04-28 16:30")
    return case


def test_a_saturday_at_work_counts(bureau, case):
    issue = {"budget": 10, "start": "2026-04-28", "due": "2026-05-14"}
    assert issue == part(last(bureau.state(case), "issue"), issue)

    lights = [
        last(bureau.state(case, at=at), "issue")["light"]
        for at in ("2026-05-12 23:59:59", "2026-05-13 00:00")
    ]

    assert ["green", "yellow"] == lights


def test_who_decides_does_not_hand_out(bureau, case):
    with refuses("action-not-allowed"):
        bureau.act(case, "issue", HAND_OUT, by="huang-qiang", at="2026-05-14 16:00")


@pytest.mark.parametrize(
    ("at", "light"), [("2026-05-14 17:30", "met"), ("2026-05-15 09:00", "met-late")]
)
def test_on_the_last_day_and_a_day_late(bureau, case, at, light):
    bureau.act(case, "issue", HAND_OUT, by="tang-li", at=at)

    state = bureau.state(case)
    issue = {"met_at": at[:10], "light": light}
    assert issue == part(last(state, "issue"), issue)
    assert "issued" == state["stage"]
