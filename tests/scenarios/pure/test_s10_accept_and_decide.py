"""S10: one person may not accept and decide, unless a published policy says so."""

from tests.ledger.given import GRANT, last, part, refuses


def test_who_accepted_does_not_decide(bureau):
    case = bureau.received("QH-002", "2026-03-02", by="zhou-min")
    (accepted,) = bureau.act(case, "accept", by="fu-hailing", at="2026-03-02 10:00")
    bureau.reviewed(case, "2026-03-04")
    before = bureau.case(case).version

    with refuses("separation-of-duties", "SOD-1", earlier=accepted.position):
        bureau.act(case, "decide", GRANT, by="fu-hailing", at="2026-03-05 10:00")

    state = bureau.state(case, by="fu-hailing")
    assert before == state["version"]
    assert ["SOD-1"] == [f["rule"] for f in state["forbidden_actions"] if f["action"] == "decide"]
    bureau.act(case, "decide", GRANT, by="huang-qiang")
    assert "decided" == bureau.state(case)["stage"]


def test_a_sole_handler_under_a_published_policy(bureau):
    case = bureau.received("QH-001", "2026-03-05", by="wang-lan")
    bureau.act(case, "accept", by="wang-lan", at="2026-03-05 10:00")

    (decided,) = bureau.act(case, "decide", GRANT, by="wang-lan", at="2026-03-05 10:30")

    assert 1 == decided.relied_on["policy:duty-sole-handler"]
    assert "duty-sole-handler@1" == decided.data["duty_policy"]
    state = bureau.state(case)
    assert "sole-handler" in [f["flag"] for f in state["flags"]]
    promised = {"budget": 0, "start": "2026-03-05", "due": "2026-03-05", "light": "met"}
    assert promised == part(last(state, "promised"), promised)


def test_no_other_kind_of_case_is_handled_by_one_person(bureau):
    case = bureau.accepted("QH-002", "2026-03-06", by="wang-lan")

    with refuses("action-not-allowed"):
        bureau.act(case, "decide", GRANT, by="wang-lan", at="2026-03-06 11:00")
