"""Between acceptance and decision: transfers, opinions, procedures, extension, numbers."""

from dataclasses import replace

import pytest

from ledger.lifecycle import Stage
from tests.ledger import given
from tests.ledger.given import document, last, lights, opinion, part, refuses, sealing, sha
from tests.ledger.lives import HAND_OUT, SAYS, TESTING, do, led_to

HEARD = {
    "kind": "hearing",
    "approved_by": "huang-qiang",
    "notice": sha("hearing-notice"),
    "served_at": "2026-03-03",
}
ORDERED = {
    **HEARD,
    "served_at": "2026-03-06",
    "requested_at": "2026-03-05",
    "presider": "lin-bo",
    "held_on": "2026-03-17",
}


def act(bureau, case, action, body, *, by="chen-zhi", at=None):
    return bureau.act(case, action, body, by=by, at=at)


# -- handing over ------------------------------------------------------------------------------


def test_until_it_is_acknowledged_the_duty_is_the_senders(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    do(bureau, case, "transfer")
    assert "zhou-min" == bureau.state(case)["holder"]["person"]

    do(bureau, case, "acknowledge-transfer")

    state = bureau.state(case)
    assert ("chen-zhi", None, "in-review") == (
        state["holder"]["person"],
        state["transfer"],
        state["stage"],
    )
    assert "met" == last(state, "stage:transfer")["light"]


def test_only_the_receiver_acknowledges(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    do(bureau, case, "transfer")

    with refuses("action-not-allowed"):
        do(bureau, case, "acknowledge-transfer", by="wang-lan")


def test_a_transfer_to_a_unit_is_taken_by_anyone_of_it(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    act(bureau, case, "transfer", {"to": {"unit": "qh-xzsp"}}, by="zhou-min")

    do(bureau, case, "acknowledge-transfer", by="wang-lan")

    assert "wang-lan" == bureau.state(case)["holder"]["person"]


def test_a_refused_transfer_says_why_and_leaves_the_duty(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    do(bureau, case, "transfer")

    with refuses("schema", "transfer.reason", pointer="/reason"):
        act(bureau, case, "refuse-transfer", {})
    do(bureau, case, "refuse-transfer")

    state = bureau.state(case)
    assert ("zhou-min", None) == (state["holder"]["person"], state["transfer"])
    assert "met" == last(state, "stage:transfer")["light"]


def test_a_case_is_not_handed_on_twice_at_once(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    (first,) = do(bureau, case, "transfer")

    with refuses("already-done", "transfer.pending", earlier=first.position):
        do(bureau, case, "transfer")


@pytest.mark.parametrize(
    ("to", "pointer"),
    [({"unit": "nowhere"}, "/to/unit"), ({"unit": "qh-xzsp", "person": "mo-li"}, "/to/person")],
)
def test_a_transfer_goes_to_somebody_who_is_there(bureau, to, pointer):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("unknown-reference", pointer=pointer):
        act(bureau, case, "transfer", {"to": to}, by="zhou-min")


def test_what_was_handed_to_another_organ_becomes_its_business(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    assert "review" not in bureau.state(case, by="zheng-kai")["allowed_actions"]
    post = {"person": "ou", "role": "handler", "organ": "qh-zjj", "from": "2020-01-01"}
    bureau.propose("appointment", "ou-handler", post, by="fang-ke")
    bureau.approve("appointment", "ou-handler", by="shi-lei")

    act(bureau, case, "transfer", {"to": {"unit": "qh-zjj", "person": "ou"}}, by="zhou-min")
    do(bureau, case, "acknowledge-transfer", by="ou")

    assert do(bureau, case, "review", by="ou")


def test_a_transfer_nobody_took_does_not_outlive_the_decision(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    do(bureau, case, "transfer")

    for action in ("decide", "seal", "issue", "publish", "push", "close"):
        do(bureau, case, action)

    assert "closed" == bureau.state(case)["stage"]


def test_a_transfer_to_who_can_no_longer_take_it_goes_to_somebody_else(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    do(bureau, case, "transfer")
    to = {"to": {"unit": "qh-xzsp", "person": "wang-lan"}}
    with refuses("already-done", "transfer.pending"):
        act(bureau, case, "transfer", to, by="zhou-min")
    bureau.end("chen-zhi-handler", by="wu-jun")

    act(bureau, case, "transfer", to, by="zhou-min")
    do(bureau, case, "acknowledge-transfer", by="wang-lan")

    state = bureau.state(case)
    assert "wang-lan" == state["holder"]["person"]
    open_ = [d for d in state["deadlines"] if "met_at" not in d and "ended_at" not in d]
    assert "stage:transfer" not in [d["name"] for d in open_]


def test_a_filing_that_was_sealed_waits_for_no_transfer(bureau):
    case = bureau.accepted("QH-006", "2026-03-02")
    do(bureau, case, "transfer")
    act(bureau, case, "seal", sealing("filing-receipt"), by="he-yan")
    hand_out = {**HAND_OUT, "document": document("filing-receipt")}
    act(bureau, case, "issue", hand_out, by="tang-li")
    act(bureau, case, "push", {"to": "qh-scjg"}, by="chen-zhi")

    do(bureau, case, "close")


# -- opinions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "pointer"),
    [({"opinion": " "}, "/opinion"), ({"opinion": None}, "/opinion"),
     ({"recommend": None}, "/recommend")],
)  # fmt: skip
def test_a_name_alone_is_no_opinion(bureau, more, pointer):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("schema", "opinion.explicit", pointer=pointer):
        do(bureau, case, "review", **more)


def test_each_level_has_its_own_post(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("action-not-allowed"):
        act(bureau, case, "review", opinion("check", "同意"), by="chen-zhi")
    with refuses("action-not-allowed"):
        act(bureau, case, "review", opinion("handle", "同意"), by="lin-bo")
    act(bureau, case, "review", opinion("check", "同意"), by="lin-bo")


def test_a_site_check_names_two(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    site = {"place": "海南省琼海市", "at": "2026-03-02T10:00:00+08:00", "finding": "符合"}

    with refuses("separation-of-duties", "SOD-12"):
        do(bureau, case, "review", site={**site, "persons": ["chen-zhi", "chen-zhi"]})
    do(bureau, case, "review", site={**site, "persons": ["chen-zhi", "wang-lan"]})


def test_an_opinion_of_before_the_acceptance_is_none(bureau):
    case = bureau.accepted("QH-002", "2026-03-04")
    bureau.at("2026-03-05 09:00")
    do(bureau, case, "decide")
    late = {**opinion("handle", "符合"), "reason": "当日未上传"}

    with refuses("wrong-stage", "time.after-decision"):
        body = {**late, "occurred_at": "2026-03-03T10:00:00+08:00"}
        act(bureau, case, "review", body, at="2026-03-06 09:00")
    act(bureau, case, "review", {**late, "occurred_at": "2026-03-04T11:00:00+08:00"})


def test_an_opinion_of_the_same_day_is_no_late_entry(bureau):
    case = bureau.accepted("QH-002", "2026-03-04")
    do(bureau, case, "decide")
    body = {
        **opinion("handle", "符合"),
        "reason": "当日未上传",
        "occurred_at": "2026-03-04T09:59:00+08:00",
    }

    with refuses("wrong-stage", "time.after-decision"):
        act(bureau, case, "review", body, at="2026-03-04 18:00")


def test_nothing_happens_ahead_of_the_ledgers_time(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    bureau.at("2026-03-02 12:00")

    do(bureau, case, "review", occurred_at="2026-03-02T12:02:00+08:00")
    with refuses("occurred-in-future", pointer="/occurred_at"):
        do(bureau, case, "review", occurred_at="2026-03-02T12:02:01+08:00")


# -- special procedures ------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["lin-bo", "nobody", None, "wang-lan"])
def test_an_approver_of_the_organ_and_the_item_approves_a_suspension(bureau, person):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("beyond-authority", "suspension.approver"):
        do(bureau, case, "suspend", approved_by=person)


def test_who_suspends_does_not_approve_it_by_being_named(bureau):
    post = {"person": "chen-zhi", "role": "approver", "organ": "qh-xzsp", "from": "2020-01-01"}
    bureau.propose("appointment", "chen-zhi-approver", post, by="fang-ke")
    bureau.approve("appointment", "chen-zhi-approver", by="wu-jun")
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("beyond-authority", "suspension.approver"):
        do(bureau, case, "suspend", approved_by="chen-zhi")


def test_an_approver_suspends_by_their_own_hand(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    (suspended,) = do(bureau, case, "suspend", by="huang-qiang", approved_by=None)

    assert "huang-qiang" == suspended.data["approved_by"]
    assert "suspended" == bureau.state(case)["stage"]


def test_who_was_no_approver_on_that_day_approved_nothing_on_it(bureau):
    post = {"person": "new", "role": "approver", "organ": "qh-xzsp", "from": "2026-03-05"}
    bureau.propose("appointment", "new", post, by="fang-ke")
    bureau.approve("appointment", "new", by="wu-jun")
    case = led_to(bureau, Stage.ACCEPTED)
    late = {**TESTING, "approved_by": "new", "reason": "系统停机"}
    bureau.at("2026-03-06 09:00")

    with refuses("beyond-authority", "suspension.approver"):
        act(bureau, case, "suspend", {**late, "occurred_at": "2026-03-04T10:00:00+08:00"})
    act(bureau, case, "suspend", {**late, "occurred_at": "2026-03-05T10:00:00+08:00"})


def test_without_a_written_notice_nothing_is_paused(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    before = last(bureau.state(case), "statutory")

    (suspended,) = do(bureau, case, "suspend", notice=None)

    assert {"flag": "suspension-without-notice", "rule": "suspension.notice"} in suspended.flags
    state = bureau.state(case)
    assert "accepted" == state["stage"]
    assert before == last(state, "statutory")
    # A later one with its notice pauses from the day that was served.
    act(bureau, case, "suspend", {**TESTING, "served_at": "2026-03-04"}, at="2026-03-04 10:00")
    special = {"start": "2026-03-04", "due": "2026-03-11"}
    assert special == part(last(bureau.state(case), "special"), special)


def test_two_procedures_at_once_pause_a_day_once(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    act(bureau, case, "suspend", TESTING)
    act(bureau, case, "suspend", {**TESTING, "kind": "inspection"}, at="2026-03-04 10:00")

    act(bureau, case, "resume", {"kind": "testing"}, at="2026-03-06 10:00")
    assert "suspended" == bureau.state(case)["stage"]
    act(bureau, case, "resume", {"kind": "inspection"}, at="2026-03-09 10:00")

    state = bureau.state(case)
    statutory = {"paused_days": 5, "due": "2026-04-07", "light": "green"}
    assert statutory == part(last(state, "statutory"), statutory)
    met = [d["met_at"] for d in state["deadlines"] if d["name"] == "special"]
    assert ["2026-03-06", "2026-03-09"] == met
    assert "accepted" == state["stage"]


def test_a_procedure_is_not_begun_twice_nor_ended_where_none_runs(bureau):
    case = led_to(bureau, Stage.SUSPENDED)

    with refuses("already-done", "suspension.kind"):
        do(bureau, case, "suspend")
    with refuses("rule-refused", "suspension.kind"):
        do(bureau, case, "resume", kind="inspection")


def test_beyond_the_plan_the_procedure_is_red_and_the_days_stay_paused(bureau):
    case = led_to(bureau, Stage.SUSPENDED)

    state = bureau.state(case, at="2026-03-20 12:00")

    assert "red" == last(state, "special")["light"]
    assert [(0, "stopped"), (0, "stopped")] == lights(state, "statutory", "promised")


def test_what_had_run_out_before_a_suspension_stays_red(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    body = {**TESTING, "served_at": "2026-03-11"}

    act(bureau, case, "suspend", body, at="2026-03-11 10:00")

    state = bureau.state(case)
    assert ("red", "stopped") == (
        last(state, "promised")["light"],
        last(state, "statutory")["light"],
    )


# -- hearings ----------------------------------------------------------------------------------


def told(bureau):
    case = bureau.accepted("QH-003", "2026-03-02")
    act(bureau, case, "suspend", HEARD, at="2026-03-03 10:00")
    return case


def test_telling_the_right_stops_the_clock_until_somebody_asks(bureau):
    case = told(bureau)

    state = bureau.state(case)

    request = {"budget": 5, "start": "2026-03-03", "due": "2026-03-10"}
    assert request == part(last(state, "stage:hearing-request"), request)
    assert "stopped" == last(state, "statutory")["light"]


def test_a_hearing_that_was_asked_for_is_ordered_in_time(bureau):
    case = told(bureau)

    act(bureau, case, "suspend", ORDERED, at="2026-03-06 10:00")

    state = bureau.state(case)
    assert "2026-03-05" == last(state, "stage:hearing-request")["met_at"]
    hearing = {"budget": 20, "start": "2026-03-05", "due": "2026-04-02"}
    assert hearing == part(last(state, "stage:hearing"), hearing)
    act(bureau, case, "resume", {"kind": "hearing", "result": sha("r")}, at="2026-03-17 17:00")
    state = bureau.state(case)
    assert "met" == last(state, "stage:hearing")["light"]
    assert "accepted" == state["stage"]


def test_where_nobody_asks_the_clock_stood_until_the_last_day_of_asking(bureau):
    case = told(bureau)

    act(bureau, case, "resume", {"kind": "hearing"}, at="2026-03-12 10:00")

    # Told on Tuesday 3 March, five days to ask: Tuesday 10 March.
    state = bureau.state(case)
    statutory = {"paused_days": 5, "due": "2026-04-07"}
    assert statutory == part(last(state, "statutory"), statutory)
    assert "met-late" == last(state, "stage:hearing-request")["light"]


@pytest.mark.parametrize("day", ["2026-03-09", "2026-03-10"])
def test_where_the_clock_is_started_in_time_it_starts_on_that_day(bureau, day):
    case = told(bureau)

    act(bureau, case, "resume", {"kind": "hearing"}, at=f"{day} 10:00")

    paused = {"2026-03-09": 4, "2026-03-10": 5}[day]
    assert paused == last(bureau.state(case), "statutory")["paused_days"]


def test_seven_working_days_lie_between_notice_and_hearing(bureau):
    case = told(bureau)

    with refuses("rule-refused", "hearing.notice"):
        body = {**ORDERED, "held_on": "2026-03-16"}
        act(bureau, case, "suspend", body, at="2026-03-06 10:00")
    act(bureau, case, "suspend", ORDERED)


def test_a_hearing_ordered_at_once_can_be_ended(bureau):
    case = bureau.accepted("QH-003", "2026-03-02")

    act(bureau, case, "suspend", ORDERED, at="2026-03-06 10:00")
    act(bureau, case, "resume", {"kind": "hearing", "result": sha("r")}, at="2026-03-17 17:00")

    state = bureau.state(case)
    assert "accepted" == state["stage"]
    assert 7 == last(state, "statutory")["paused_days"]


@pytest.mark.parametrize("body", [ORDERED, {**HEARD, "presider": "lin-bo"}])
def test_who_reviewed_does_not_preside(bureau, body):
    case = bureau.accepted("QH-003", "2026-03-02")
    (review,) = act(bureau, case, "review", opinion("check", "同意"), by="lin-bo")

    with refuses("separation-of-duties", "SOD-11", earlier=review.position):
        act(bureau, case, "suspend", body, at="2026-03-06 10:00")


def test_who_presides_does_not_review(bureau):
    case = told(bureau)
    (ordered,) = act(bureau, case, "suspend", ORDERED, at="2026-03-06 10:00")
    act(bureau, case, "resume", {"kind": "hearing", "result": sha("r")}, at="2026-03-17 17:00")

    with refuses("separation-of-duties", "SOD-11", earlier=ordered.position):
        act(bureau, case, "review", opinion("check", "同意"), by="lin-bo")


@pytest.mark.parametrize(("basis", "flagged"), [(None, True), ("听证笔录2026-001", False)])
def test_a_decision_after_a_hearing_rests_on_its_record(bureau, basis, flagged):
    case = told(bureau)
    act(bureau, case, "suspend", ORDERED, at="2026-03-06 10:00")
    act(bureau, case, "resume", {"kind": "hearing", "result": sha("r")}, at="2026-03-17 17:00")
    grant = {
        "outcome": "grant",
        "document": {"kind": "decision", "version": 1, "sha256": sha("d")},
    }

    (decided,) = act(bureau, case, "decide", {**grant, "basis": basis}, by="huang-qiang")

    assert flagged is ("not-on-record" in [f["flag"] for f in decided.flags])


# -- extension ---------------------------------------------------------------------------------


def test_an_extension_gives_a_reason(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)

    with refuses("schema", "extension.reason", pointer="/reason"):
        do(bureau, case, "extend", reason=None)


def test_an_item_without_extension_has_none(bureau):
    case = bureau.accepted("QH-001", "2026-03-02")

    with refuses("rule-refused", "extension.at-most"):
        do(bureau, case, "extend")


def test_joint_handling_is_extended_by_the_head_of_the_government(bureau):
    case = bureau.accepted("QH-005", "2026-03-02")

    with refuses("beyond-authority", "extension.approver"):
        do(bureau, case, "extend", days=15)
    do(bureau, case, "extend", days=15, approved_by="shi-lei")

    statutory = {"budget": 60, "due": "2026-05-28"}
    assert statutory == part(last(bureau.state(case), "statutory"), statutory)


def test_where_no_organ_stands_above_nobody_extends_joint_handling(bureau):
    case = bureau.accepted("QH-005", "2026-03-02")
    organs = {**bureau.office.organs}
    organs["qh-xzsp"] = {k: v for k, v in organs["qh-xzsp"].items() if k != "above"}
    bureau.office = replace(bureau.office, organs=organs)

    for head in ("wu-jun", "shi-lei"):
        with refuses("beyond-authority", "extension.approver"):
            do(bureau, case, "extend", approved_by=head)


@pytest.mark.parametrize(("code", "days"), [("QH-002", 10), ("QH-005", 15)])
def test_the_law_bounds_an_extension_whatever_an_old_item_says(bureau, code, days):
    item = bureau.office.existing(f"item:{code}").current.content
    generous = {**item, "extension": {"days": 30}}
    bureau.set_up((given.item_set(bureau, code, generous),))
    case = bureau.accepted(code, "2026-03-02")
    head = "shi-lei" if code == "QH-005" else "wu-jun"

    with refuses("schema", "extension.at-most", pointer="/days"):
        do(bureau, case, "extend", days=days + 1, approved_by=head)
    do(bureau, case, "extend", days=days, approved_by=head)


@pytest.mark.parametrize("approved_by", ["wu-jun", None])
def test_the_head_extends_by_their_own_hand(bureau, approved_by):
    case = led_to(bureau, Stage.IN_REVIEW)

    (extended,) = do(bureau, case, "extend", by="wu-jun", approved_by=approved_by)

    assert "wu-jun" == extended.data["approved_by"]
    assert 1 == extended.relied_on["appointment:wu-jun-bureau-head"]
    assert 30 == last(bureau.state(case), "statutory")["budget"]


def test_a_head_whose_post_has_ended_approves_nothing(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    bureau.end("wu-jun-bureau-head", by="fang-ke")

    with refuses("beyond-authority", "extension.approver"):
        do(bureau, case, "extend")


def test_an_extension_that_came_too_late_does_not_use_up_the_one(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    late = bureau.act(case, "extend", SAYS["extend"], by="chen-zhi", at="2026-03-31 09:00")
    assert late[0].data["effective"] is False

    again = {**SAYS["extend"], "occurred_at": "2026-03-30T17:00:00+08:00"}
    (second,) = bureau.act(case, "extend", again, by="chen-zhi")

    # An entry for an earlier day: it looks late, and counts by the day it was done.
    assert ["late-entry"] == [f["flag"] for f in second.flags]
    assert second.data["effective"] is True


# -- numbers -----------------------------------------------------------------------------------


def test_a_number_is_reserved_before_it_is_printed_and_used_by_the_decision(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)

    do(bureau, case, "reserve-number")

    (number,) = bureau.state(case)["numbers"]
    assert ("licence-2026-000001", "reserved") == (number["number"], number["state"])
    document = {**SAYS["decide"]["document"], "number": "licence-2026-000001"}
    do(bureau, case, "decide", document=document)
    assert ["used"] == [n["state"] for n in bureau.state(case)["numbers"]]


def test_a_number_of_nobody_or_of_another_case_is_not_printed(bureau):
    other = led_to(bureau, Stage.IN_REVIEW)
    do(bureau, other, "reserve-number")
    case = bureau.received("QH-002", "2026-03-02 12:00")
    do(bureau, case, "accept")
    document = {**SAYS["decide"]["document"], "number": "licence-2026-000001"}

    with refuses("unknown-reference", pointer="/document/number"):
        do(bureau, case, "decide", document=document)


def test_an_unused_number_stays_visible_as_void(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    do(bureau, case, "reserve-number")

    with refuses("schema", "number.reason", pointer="/reason"):
        do(bureau, case, "void-number", reason="")
    with refuses("unknown-reference", pointer="/number"):
        do(bureau, case, "void-number", number="licence-2026-000002")
    do(bureau, case, "void-number")

    assert ["void"] == [n["state"] for n in bureau.state(case)["numbers"]]
    with refuses("already-done", "number.once"):
        do(bureau, case, "void-number")
    do(bureau, case, "reserve-number")
    assert "licence-2026-000002" == bureau.state(case)["numbers"][-1]["number"]


def test_a_number_is_only_for_a_document_of_the_item(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)

    with refuses("unknown-reference", pointer="/kind"):
        do(bureau, case, "reserve-number", kind="filing-receipt")
