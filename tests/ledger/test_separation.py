"""Separation of duties: every row of the table, with the same act by another person as control."""

from dataclasses import replace

import pytest

from ledger import authority
from ledger.errors import Refused
from ledger.lifecycle import AFTER_RECUSAL, SEPARATIONS, Action, Stage
from tests.ledger import given
from tests.ledger.given import opinion, refuses, sealing, sha
from tests.ledger.lives import BY, DAY, HAND_OUT, do, led_to

ROLES = ("clerk", "handler", "checker", "approver", "sealer", "issuer")
HEARING = {
    "kind": "hearing",
    "approved_by": "wu-jun",
    "notice": sha("hearing"),
    "served_at": DAY,
    "presider": "both",
    "held_on": "2026-03-20",
}
REVOKED = {"grounds": "69(2)", "notice": sha("n"), "served_at": DAY, "heard": "statement"}
PROPOSED = {"grounds": "69(2)", "text": "申请材料虚假"}
GRANTED = {"outcome": "grant", "document": given.document("decision")}

# What somebody does so that a duty is theirs, on an item that allows all of it.
DUTY = {
    "accept": ("accept", {}),
    "review:handle": ("review", opinion("handle", "符合")),
    "review:check": ("review", opinion("check", "同意")),
    "decide": ("decide", GRANTED),
    "seal": ("seal", sealing("decision", seal="QH-S2")),
    "seal:result": ("seal", sealing("decision", seal="QH-S2")),
    "issue": ("issue", {**HAND_OUT, "document": given.document("decision")}),
    "preside": ("suspend", HEARING),
    "recall-permit": ("recall-permit", {"grounds": "规划修改", "compensation": "依法补偿"}),
    "revoke-permit": ("revoke-permit", REVOKED),
}
ORDER = ("accept", "preside", "review:handle", "review:check", "decide", "seal", "issue")
USUAL = {
    "accept": "zhou-min",
    "preside": "chen-zhi",
    "review:handle": "chen-zhi",
    "review:check": "lin-bo",
    "decide": "huang-qiang",
    "seal": "he-yan",
    "issue": "tang-li",
}


def by_history(action, case, actor, details):
    against = authority.forbidden(action, case, actor, details)
    if against is not None:
        raise against


@pytest.fixture
def everybody(bureau):
    """One person in every post of the bureau, who keeps the seals too."""
    for role in ROLES:
        for person in ("both", "control"):
            post = {"person": person, "role": role, "organ": "qh-xzsp", "from": "2020-01-01"}
            name = f"{person}-{role}"
            bureau.propose("appointment", name, post, by="fang-ke")
            bureau.approve("appointment", name, by="wu-jun")
    return bureau


def keep(bureau, person):
    held = bureau.office.seals["QH-S2"]
    bureau.office.seals = {**bureau.office.seals, "QH-S2": replace(held, keeper=person)}


def act(bureau, case, duty, by):
    action, body = DUTY[duty]
    if action == "seal":
        keep(bureau, by)
    return bureau.act(case, action, body, by=by)


def up_to(bureau, row):
    """A case in which `both` has done the earlier duty, and the later one is next."""
    case = bureau.received("QH-003", DAY, by="wang-lan")
    later = row.later.removesuffix(":result")
    before = ORDER[: ORDER.index(later)] if row.earlier != "decide" or later in AFTER else ORDER[:5]
    done = None
    for duty in before:
        mine = duty == row.earlier
        if duty == "preside" and not mine:
            continue
        if duty == later:
            continue
        (event,) = act(bureau, case, duty, "chen-zhi" if duty == "preside" else
                       "both" if mine else USUAL[duty])  # fmt: skip
        done = event if mine else done
        if duty == "preside":
            bureau.act(case, "resume", {"kind": "hearing"}, by="chen-zhi")
    if row.earlier in ("recall-permit", "revoke-permit"):
        bureau.act(case, "propose-revocation", PROPOSED, by="zheng-kai")
    if done is None:
        (done,) = act(bureau, case, row.earlier, "both")
    return case, done


AFTER = ("seal", "issue")
LATE = [r for r in SEPARATIONS if r.earlier == "decide" and r.later.startswith("review")]


@pytest.mark.parametrize("row", [r for r in SEPARATIONS if r not in LATE], ids=str)
def test_who_did_the_one_does_not_do_the_other(everybody, row):
    case, done = up_to(everybody, row)

    with refuses("separation-of-duties", row.rule, earlier=done.position):
        act(everybody, case, row.later, "both")
    # Control: the same act, at the same moment, by somebody who did nothing yet.
    act(everybody, case, row.later, "control")


@pytest.mark.parametrize("row", LATE, ids=str)
def test_who_decided_does_not_enter_an_opinion_afterwards(everybody, row):
    case = everybody.accepted("QH-003", DAY)
    (decided,) = everybody.act(case, "decide", GRANTED, by="both", at="2026-03-04 10:00")
    everybody.at("2026-03-05 09:00")
    body = {
        **DUTY[row.later][1],
        "occurred_at": "2026-03-03T10:00:00+08:00",
        "reason": "当日未上传",
    }

    with refuses("separation-of-duties", row.rule, earlier=decided.position):
        everybody.act(case, "review", body, by="both")
    everybody.act(case, "review", body, by="control")


@pytest.mark.parametrize("row", [r for r in SEPARATIONS if r not in LATE], ids=str)
def test_with_the_history_cut_away_nothing_is_forbidden(everybody, row):
    case, _ = up_to(everybody, row)
    known = everybody.cases[case]
    action, body = DUTY[row.later]
    actor = authority.Actor(person="both")
    with pytest.raises(Refused):
        by_history(Action(action), known, actor, body)

    by_history(Action(action), replace(known, duties=()), actor, body)


# -- what only a published policy lifts ----------------------------------------------------------


def under(case, **duty):
    policies = case.terms["policies"]
    new = {**policies["duty"], **duty}
    return replace(case, terms={**case.terms, "policies": {**policies, "duty": new}})


@pytest.mark.parametrize("kind", ["instant", "promised"])
def test_a_policy_lifts_only_for_the_kinds_it_names(everybody, kind):
    row = next(r for r in SEPARATIONS if r.rule == "SOD-1")
    case, _ = up_to(everybody, row)
    known = under(everybody.cases[case], lifts=["SOD-1"], items=["instant"])
    known = replace(known, terms={**known.terms, "kind": kind})
    actor = authority.Actor(person="both")

    if kind == "instant":
        by_history(Action.DECIDE, known, actor, GRANTED)
    else:
        with refuses("separation-of-duties", "SOD-1"):
            by_history(Action.DECIDE, known, actor, GRANTED)


@pytest.mark.parametrize("row", [r for r in SEPARATIONS if r.kind != "policy"], ids=str)
def test_what_the_law_separates_no_policy_lifts(everybody, row):
    case, _ = up_to(everybody, row)
    known = under(everybody.cases[case], lifts=[row.rule])
    action, body = DUTY[row.later]

    with refuses("separation-of-duties", row.rule):
        actor = authority.Actor(person="both")
        by_history(Action(action), known, actor, body)


def test_the_acceptor_may_seal_the_acceptance_notice_but_not_the_licence(everybody):
    case = everybody.received("QH-003", DAY, by="wang-lan")
    everybody.act(case, "accept", by="both")
    keep(everybody, "both")
    everybody.act(case, "seal", sealing("acceptance-notice", seal="QH-S2"), by="both")
    everybody.act(case, "decide", GRANTED, by="huang-qiang")

    with refuses("separation-of-duties", "SOD-4"):
        everybody.act(case, "seal", sealing("decision", seal="QH-S2"), by="both")


# -- ratings and enforcement -------------------------------------------------------------------


def test_without_a_rating_nobody_is_complained_of(bureau):
    case = led_to(bureau, Stage.CLOSED)

    with refuses("wrong-stage", "stage.call-back"):
        bureau.act(case, "call-back", by="chen-zhi")


def test_an_officer_who_stepped_back_is_not_named(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    bureau.act(case, "declare-recusal", {"interest": "亲属"}, by="gao-yuan")
    bureau.act(case, "open-investigation", {"grounds": "x"}, by="ke-jun")

    with refuses("separation-of-duties", "SOD-13"):
        body = {"officers": ["ke-jun", "gao-yuan"], "finding": "x"}
        bureau.act(case, "record-finding", body, by="ke-jun")


# -- recusal -------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [a for a in Action if a != Action.RECEIVE])
def test_after_a_recusal_nothing_but_handing_over(bureau, action):
    case = led_to(bureau, Stage.IN_REVIEW)
    person = BY.get(action, "chen-zhi") or "chen-zhi"
    if person == "xing-tao":
        person = "mo-li"  # only who supervises the item has an interest to declare
    (declared,) = bureau.act(case, "declare-recusal", {"interest": "亲属"}, by=person)
    known, actor = bureau.cases[case], authority.Actor(person=person)

    if action in AFTER_RECUSAL:
        by_history(action, known, actor, {})
    else:
        with refuses("separation-of-duties", "SOD-13", earlier=declared.position):
            by_history(action, known, actor, {})
    # Control: a colleague who declared nothing.
    by_history(action, known, authority.Actor(person="colleague"), {})


@pytest.mark.parametrize(
    ("person", "action", "more"),
    [
        ("huang-qiang", "suspend", {}),
        ("wu-jun", "extend", {}),
        ("huang-qiang", "void-seal", {}),
    ],
)
def test_who_stepped_back_approves_nothing_by_being_named(bureau, person, action, more):
    case = led_to(bureau, Stage.IN_REVIEW)
    (declared,) = bureau.act(case, "declare-recusal", {}, by=person)
    if action == "void-seal":
        do(bureau, case, "decide", by="wu-jun")
        do(bureau, case, "seal")

    with refuses("separation-of-duties", "SOD-13", earlier=declared.position):
        do(bureau, case, action, **more)
    # Control: a colleague in the same post.
    if action != "extend":
        do(bureau, case, action, approved_by="fu-hailing")


def test_who_stepped_back_presides_no_hearing(bureau):
    case = bureau.accepted("QH-003", DAY)
    (declared,) = bureau.act(case, "declare-recusal", {}, by="lin-bo")

    with refuses("separation-of-duties", "SOD-13", earlier=declared.position):
        bureau.act(case, "suspend", {**HEARING, "presider": "lin-bo"}, by="chen-zhi")


def test_a_case_is_not_handed_to_who_stepped_back(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    (declared,) = bureau.act(case, "declare-recusal", {}, by="chen-zhi")

    with refuses("separation-of-duties", "SOD-13", earlier=declared.position):
        do(bureau, case, "transfer")


def test_who_steps_back_refuses_what_was_handed_to_them(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    do(bureau, case, "transfer")
    do(bureau, case, "declare-recusal", by="chen-zhi")

    with refuses("separation-of-duties", "SOD-13"):
        do(bureau, case, "acknowledge-transfer")
    do(bureau, case, "refuse-transfer", reason="回避")

    to = {"to": {"unit": "qh-xzsp", "person": "wang-lan"}}
    bureau.act(case, "transfer", to, by="zhou-min")


# -- what is done alone is marked ------------------------------------------------------------------


def test_each_act_that_only_a_policy_allows_says_so(bureau):
    for role in ("sealer", "issuer"):
        post = {"person": "wang-lan", "role": role, "organ": "qh-xzsp", "from": "2020-01-01"}
        bureau.propose("appointment", f"wang-lan-{role}", post, by="fang-ke")
        bureau.approve("appointment", f"wang-lan-{role}", by="wu-jun")
    case = bureau.received("QH-001", DAY, by="wang-lan")
    (accepted,) = bureau.act(case, "accept", {}, by="wang-lan")
    (reviewed,) = bureau.act(case, "review", opinion("handle", "符合"), by="wang-lan")
    grant = {"outcome": "grant", "document": given.document("licence")}
    (decided,) = bureau.act(case, "decide", grant, by="wang-lan")
    held = bureau.office.seals["QH-S1"]
    bureau.office.seals = {**bureau.office.seals, "QH-S1": replace(held, keeper="wang-lan")}
    (sealed,) = bureau.act(case, "seal", sealing(), by="wang-lan")
    (issued,) = bureau.act(case, "issue", HAND_OUT, by="wang-lan")

    marked = [
        event.type
        for event in (accepted, reviewed, decided, sealed, issued)
        if {"flag": "sole-handler", "rule": "duty-sole-handler"} in event.flags
    ]
    assert ["decided", "sealed", "issued"] == marked
    for event in (decided, sealed, issued):
        assert "duty-sole-handler@1" == event.data["duty_policy"]
        assert 1 == event.relied_on["policy:duty-sole-handler"]


def test_control_the_same_acts_by_different_people_are_not_marked(bureau):
    case = bureau.accepted("QH-001", DAY)
    grant = {"outcome": "grant", "document": given.document("licence")}
    (decided,) = bureau.act(case, "decide", grant, by="huang-qiang")
    (sealed,) = bureau.act(case, "seal", sealing(), by="he-yan")

    assert () == decided.flags == sealed.flags


def test_an_opinion_under_a_policy_for_other_kinds_is_still_asked_for(bureau):
    policies = {"duty": "duty-sole-handler", "link": "link-default"}
    old = bureau.office.existing("item:QH-002").current.content
    bureau.set_up((given.item_set(bureau, "QH-002", {**old, "policies": policies}),))
    case = bureau.accepted("QH-002", DAY)

    (decided,) = do(bureau, case, "decide")

    assert ["skipped-level"] == [f["flag"] for f in decided.flags]


def test_who_stepped_back_hands_the_case_over(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    do(bureau, case, "declare-recusal", by="chen-zhi")

    with refuses("separation-of-duties", "SOD-13"):
        do(bureau, case, "suspend")
    to = {"to": {"unit": "qh-xzsp", "person": "wang-lan"}}
    bureau.act(case, "transfer", to, by="chen-zhi")
    do(bureau, case, "acknowledge-transfer", by="wang-lan")
