"""From receipt to acceptance: supplements once, silence is acceptance, what is owed."""

import pytest

from ledger.lifecycle import Stage
from tests.ledger.given import POLICIES, last, material, part, refuses, sha
from tests.ledger.lives import DAY, PLAN, TOLERANT, do, led_to

OPEN = "2026-03-02"
DUE = "2026-03-09"


def missing(*names, served="2026-03-04", **more):
    return {"missing": [{"material": n} for n in names], "served_at": served, **more}


def ask(bureau, case, *names, at="2026-03-04 10:00", **more):
    body = missing(*names, notice=sha("n"), **more)
    return bureau.act(case, "request-supplement", body, by="zhou-min", at=at)


def hand_in(bureau, case, *names, at):
    body = {"materials": [material(n, n) for n in names]}
    return bureau.act(case, "receive-supplement", body, by="zhou-min", at=at)


# -- receipt -----------------------------------------------------------------------------------


def test_receipt_is_not_acceptance(bureau):
    case = bureau.received("QH-002", OPEN)

    state = bureau.state(case)

    assert ("received", None) == (state["stage"], state["accepted_on"])
    assert ["supplement"] == [d["name"] for d in state["deadlines"]]


def test_numbers_are_given_in_order_and_by_year(bureau):
    first = bureau.received("QH-002", "2025-12-31")
    second = bureau.received("QH-003", "2025-12-31 10:00")
    third = bureau.received("QH-002", "2026-01-01")

    assert ["469002-2025-000001", "469002-2025-000002", "469002-2026-000001"] == [
        bureau.state(case)["case"] for case in (first, second, third)
    ]


def test_the_terms_are_those_of_the_day_of_receipt_until_acceptance(bureau):
    old = bureau.office.existing("item:QH-002").current.content
    case = bureau.received("QH-002", OPEN)
    bureau.propose(
        "item", "QH-002", {**old, "limits": {"statutory": 20, "promised": 3}}, by="wu-jun"
    )
    bureau.approve("item", "QH-002", by="mo-li")
    assert 5 == bureau.state(case)["terms"]["limits"]["promised"]

    do(bureau, case, "accept")

    assert 3 == bureau.state(case)["terms"]["limits"]["promised"]
    # What comes into force after acceptance does not touch the case any more.
    bureau.propose("item", "QH-002", old, by="wu-jun")
    bureau.approve("item", "QH-002", by="mo-li")
    assert 3 == last(bureau.state(case), "promised")["budget"]


def test_an_item_that_is_not_there_cannot_be_applied_for(bureau):
    with refuses("unknown-reference"):
        bureau.received("QH-999", OPEN)


def test_a_post_for_other_items_receives_nothing_here(bureau):
    post = {
        "person": "new",
        "role": "clerk",
        "organ": "qh-xzsp",
        "items": ["QH-001"],
        "from": "2020-01-01",
    }
    bureau.propose("appointment", "new-clerk", post, by="fang-ke")
    bureau.approve("appointment", "new-clerk", by="wu-jun")

    with refuses("action-not-allowed"):
        bureau.received("QH-002", OPEN, by="new")
    assert bureau.received("QH-001", OPEN, by="new")


# -- supplements --------------------------------------------------------------------------------


def test_a_request_that_was_not_served_meets_nothing(bureau):
    case = bureau.received("QH-002", OPEN)
    body = {"missing": [{"material": "场所平面图"}]}
    bureau.act(case, "request-supplement", body, by="zhou-min", at="2026-03-04 10:00")

    before = bureau.state(case, at="2026-03-09 23:59:59")
    after = bureau.state(case, at="2026-03-10 00:00")

    assert ("supplementing", "accepted") == (before["stage"], after["stage"])
    assert "2026-03-02" == last(after, "statutory")["start"]


def test_a_notice_cannot_have_been_served_tomorrow(bureau):
    case = bureau.received("QH-002", OPEN)

    with refuses("schema", pointer="/served_at"):
        ask(bureau, case, "场所平面图", served="2026-03-05")


def test_a_notice_is_not_served_before_the_application_came(bureau):
    case = bureau.received("QH-002", OPEN)

    with refuses("schema", pointer="/served_at"):
        ask(bureau, case, "场所平面图", served="2026-03-01")


def test_the_number_of_a_case_stays_as_it_was_given(bureau):
    case = bureau.received("QH-002", OPEN)
    pattern = {**POLICIES["numbers-default"], "case": "{year}.{number:04d}"}
    bureau.propose("policy", "numbers-default", pattern, by="fang-ke")
    bureau.approve("policy", "numbers-default", by="wu-jun")

    do(bureau, case, "accept")

    assert "469002-2026-000001" == bureau.state(case)["case"]
    later = bureau.received("QH-002", "2026-03-03")
    assert "2026.0002" == bureau.state(later)["case"]


def test_part_of_the_list_does_not_complete_it(bureau):
    case = bureau.received("QH-002", OPEN)
    ask(bureau, case, "平面图", "健康证明")

    hand_in(bureau, case, "平面图", at="2026-03-05 09:00")

    state = bureau.state(case)
    assert ["健康证明"] == state["outstanding"]
    assert 1 == sum(d["name"] == "supplement" for d in state["deadlines"])
    hand_in(bureau, case, "健康证明", at="2026-03-06 09:00")
    again = {"start": "2026-03-06", "due": "2026-03-13"}
    assert again == part(last(bureau.state(case), "supplement"), again)


def test_silence_after_the_list_is_complete_is_acceptance_from_that_day(bureau):
    case = bureau.received("QH-002", OPEN)
    ask(bureau, case, "平面图")
    hand_in(bureau, case, "平面图", at="2026-03-06 09:00")

    state = bureau.state(case, at="2026-03-14 00:00")

    assert "accepted" == state["stage"]
    statutory = {"start": "2026-03-06", "rule": "acceptance.deemed"}
    assert statutory == part(last(state, "statutory"), statutory)


def test_nothing_is_deemed_while_the_applicant_is_to_supply(bureau):
    case = bureau.received("QH-002", OPEN)
    ask(bureau, case, "平面图")

    assert "supplementing" == bureau.state(case, at="2026-06-01 09:00")["stage"]


def test_a_second_list_of_what_was_visible_at_first_delays_nothing(bureau):
    case = bureau.received("QH-002", OPEN)
    ask(bureau, case, "平面图")
    hand_in(bureau, case, "平面图", at="2026-03-06 09:00")

    done = ask(bureau, case, "健康证明", at="2026-03-09 10:00", served="2026-03-09")

    assert ["deemed-accepted", "supplement-requested"] == [e.type for e in done]
    assert {"flag": "not-all-at-once", "rule": "supplement.once"} in done[1].flags
    state = bureau.state(case)
    assert "accepted" == state["stage"]
    assert "2026-03-06" == last(state, "statutory")["start"]


def test_a_second_list_before_the_first_is_complete_is_recorded_and_asks_no_more(bureau):
    case = bureau.received("QH-002", OPEN)
    ask(bureau, case, "平面图")

    (second,) = ask(bureau, case, "健康证明", at="2026-03-05 10:00", served="2026-03-05")

    assert "not-all-at-once" in [f["flag"] for f in second.flags]
    assert ["平面图"] == bureau.state(case)["outstanding"]


def test_what_came_in_only_with_the_supplement_may_be_asked_about(bureau):
    case = bureau.received("QH-002", OPEN)
    ask(bureau, case, "平面图")
    hand_in(bureau, case, "平面图", at="2026-03-06 09:00")

    (second,) = ask(bureau, case, "平面图", at="2026-03-09 10:00", served="2026-03-09")

    assert () == second.flags
    state = bureau.state(case)
    assert ("supplementing", ["平面图"]) == (state["stage"], state["outstanding"])


def test_nothing_is_asked_for_once_a_person_has_accepted(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("wrong-stage", "stage.request-supplement"):
        do(bureau, case, "request-supplement")


def test_a_late_acceptance_does_not_undo_what_the_law_did(bureau):
    case = bureau.received("QH-002", OPEN)
    body = {"occurred_at": "2026-03-09T17:00:00+08:00", "reason": "系统停机"}

    with refuses("already-done"):
        bureau.act(case, "accept", body, by="zhou-min", at="2026-03-10 09:00")

    # Nothing was asked to be stored but what the law did, and that stands for the next one.
    (deemed,) = (e for e in bureau.case(case).events if e.type == "deemed-accepted")
    with refuses("already-done", earlier=deemed.position):
        bureau.act(case, "accept", body, by="zhou-min")


def test_a_notice_in_time_that_was_recorded_late_counts_by_correction_only(bureau):
    case = bureau.received("QH-002", OPEN)
    body = missing("平面图", served="2026-03-09", notice=sha("n"))
    late = {**body, "occurred_at": "2026-03-09T17:00:00+08:00", "reason": "系统停机"}
    deemed, asked = bureau.act(
        case, "request-supplement", late, by="zhou-min", at="2026-03-10 09:00"
    )
    assert {"late-notice", "late-entry"} == {f["flag"] for f in asked.flags}
    assert "accepted" == bureau.state(case)["stage"]

    void = {"event": deemed.id, "fields": {"void": True}, "evidence": sha("slip")}
    (proposal,) = bureau.act(case, "correct", void, by="zhou-min", at="2026-03-10 09:30")
    bureau.act(case, "approve-correction", {"event": proposal.id}, by="huang-qiang")

    state = bureau.state(case)
    assert ("supplementing", ["平面图"]) == (state["stage"], state["outstanding"])
    assert ("2026-03-09", "met") == (
        last(state, "supplement")["met_at"],
        last(state, "supplement")["light"],
    )
    assert "statutory" not in [d["name"] for d in state["deadlines"]]


# -- declining, withdrawing, owing --------------------------------------------------------------


def test_declining_says_why_and_who_is_competent(bureau):
    case = bureau.received("QH-002", OPEN)

    with refuses("schema", "decline.organ", pointer="/organ"):
        do(bureau, case, "decline", kind="not-ours")
    with refuses("schema", "decline.reasons", pointer="/reasons"):
        do(bureau, case, "decline", reasons=" ")
    do(bureau, case, "decline")

    state = bureau.state(case)
    assert "declined" == state["stage"]
    assert ["met"] == [d["light"] for d in state["deadlines"]]


def test_accept_after_decline_is_of_another_stage(bureau):
    case = led_to(bureau, Stage.DECLINED)

    with refuses("wrong-stage", "stage.accept"):
        do(bureau, case, "accept")


def test_withdrawing_ends_every_limit(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)

    do(bureau, case, "withdraw")

    ends = {d["name"]: d.get("ended_at") for d in bureau.state(case)["deadlines"]}
    assert {"supplement": None, "statutory": DAY, "promised": DAY} == ends


def test_after_the_decision_the_way_is_not_withdrawal(bureau):
    case = led_to(bureau, Stage.DECIDED)

    with refuses("wrong-stage", "withdraw.before-decision"):
        do(bureau, case, "withdraw")


def test_an_officer_withdraws_only_with_the_applicants_request(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("action-not-allowed"):
        bureau.act(case, "withdraw", {"reason": "申请人口头要求"}, by="zhou-min")
    bureau.act(case, "withdraw", by="460000199001010013", applicant=True)


def test_what_is_owed_has_the_time_of_the_promise(bureau):
    case = bureau.received("QH-002", OPEN)

    bureau.act(case, "accept", TOLERANT, by="zhou-min", at=f"{OPEN} 10:00")

    owed = {"budget": 5, "start": OPEN, "due": DUE}
    assert owed == part(last(bureau.state(case), "stage:owed"), owed)
    do(bureau, case, "receive-supplement")
    assert "met" == last(bureau.state(case), "stage:owed")["light"]


def test_what_is_owed_too_long_is_flagged(bureau):
    case = bureau.received("QH-002", OPEN)
    bureau.act(case, "accept", TOLERANT, by="zhou-min", at=f"{OPEN} 10:00")

    flags = [f["flag"] for f in bureau.state(case, at="2026-03-10 00:00")["flags"]]

    assert "owed-late" in flags


@pytest.mark.parametrize("stage", [Stage.SUSPENDED, Stage.DECIDED, Stage.SEALED])
def test_what_is_owed_may_come_in_as_long_as_it_is_owed(bureau, stage):
    case = bureau.received("QH-002", DAY)
    bureau.act(case, "accept", TOLERANT, by="zhou-min")
    after = {
        Stage.SUSPENDED: ("suspend",),
        Stage.DECIDED: ("review", "decide"),
        Stage.SEALED: ("review", "decide", "seal"),
    }
    for action in after[stage]:
        do(bureau, case, action)

    bureau.act(case, "receive-supplement", PLAN, by="zhou-min")

    assert (stage, "met") == (
        bureau.case(case).stage,
        last(bureau.state(case), "stage:owed")["light"],
    )


def test_points_that_nobody_looked_at_are_flagged(bureau):
    item = bureau.office.existing("item:QH-002").current.content
    points = [{"no": "1", "step": "accept", "text": "申请表签字"}]
    bureau.propose("item", "QH-002", {**item, "points": points}, by="wu-jun")
    bureau.approve("item", "QH-002", by="mo-li")
    case = bureau.received("QH-002", OPEN)

    (accepted,) = do(bureau, case, "accept")

    assert {"flag": "points-missing", "rule": "points.complete"} in accepted.flags


def test_points_that_were_looked_at_are_not(bureau):
    item = bureau.office.existing("item:QH-002").current.content
    points = [{"no": "1", "step": "accept", "text": "申请表签字"}]
    bureau.propose("item", "QH-002", {**item, "points": points}, by="wu-jun")
    bureau.approve("item", "QH-002", by="mo-li")
    case = bureau.received("QH-002", OPEN)

    (accepted,) = do(bureau, case, "accept", points=[{"no": "1", "result": "met"}])

    assert () == accepted.flags
