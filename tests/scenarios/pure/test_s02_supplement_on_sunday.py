"""S02: a supplement asked for on the last day, which is a Sunday at work."""

from tests.ledger.given import SUPPLEMENT, last, material, part

PLAN = {"materials": [material("场所平面图", "plan")]}


def test_a_notice_on_the_last_day_is_in_time(bureau):
    case = bureau.received("QH-002", "2025-09-22")
    due = {"budget": 5, "start": "2025-09-22", "due": "2025-09-28"}
    assert due == part(last(bureau.state(case), "supplement"), due)

    done = bureau.act(case, "request-supplement", SUPPLEMENT, by="zhou-min", at="2025-09-28 16:00")

    assert ["supplement-requested"] == [e.type for e in done]
    for at in ("2025-09-28 16:00", "2025-09-29 00:10"):
        state = bureau.state(case, at=at)
        met = {"used": 5, "met_at": "2025-09-28", "light": "met"}
        assert met == part(last(state, "supplement"), met)
        assert "supplementing" == state["stage"]
        assert "statutory" not in [d["name"] for d in state["deadlines"]]
    assert "deemed-accepted" not in [e.type for e in bureau.case(case).events]


def test_the_limits_start_on_the_day_the_list_was_complete(bureau):
    case = bureau.received("QH-002", "2025-09-22")
    bureau.act(case, "request-supplement", SUPPLEMENT, by="zhou-min", at="2025-09-28 16:00")

    bureau.act(case, "receive-supplement", PLAN, by="zhou-min", at="2025-10-09 11:00")

    state = bureau.state(case)
    again = {"start": "2025-10-09", "due": "2025-10-15"}
    assert again == part(last(state, "supplement"), again)
    assert "met_at" not in last(state, "supplement")
    # The stage stays until somebody accepts or declines, or the law does.
    assert "supplementing" == state["stage"]

    bureau.act(case, "accept", by="zhou-min", at="2025-10-10 09:00")

    state = bureau.state(case)
    statutory = {"start": "2025-10-09", "due": "2025-11-05", "rule": "acceptance.when-complete"}
    assert statutory == part(last(state, "statutory"), statutory)
    assert "2025-10-15" == last(state, "promised")["due"]
