"""Posts that are lent or granted for hours lead past no rule that binds posts of one's own."""

from dataclasses import replace

import pytest

from ledger.lifecycle import Stage
from tests.ledger.given import GRANT, refuses
from tests.ledger.lives import DAY, SAYS, TO_CHEN, led_to
from tests.ledger.test_delegation import delegation, lent

ASKED = {
    "kind": "break-glass",
    "person": "lin-bo",
    "role": "handler",
    "organ": "qh-xzsp",
    "from": "2026-03-02",
    "reason_code": "duty-absent",
    "text": "承办人突发疾病",
    "reference": "值班电话 2026-0302",
}


def granted(bureau, name, content, *, head="wu-jun"):
    bureau.propose("appointment", name, content, by="fang-ke")
    bureau.approve("appointment", name, by=head)


def post(person, role, organ="qh-xzsp", **more):
    return {"person": person, "role": role, "organ": organ, "from": "2026-03-02", **more}


@pytest.mark.parametrize("more", [{"delegator": "huang-qiang"}, {"actions": ["decide"]}])
def test_break_glass_names_no_delegator_and_no_acts(bureau, more):
    """Else it would be a delegation that nobody looked at, without an end."""
    bureau.at("2026-03-02 08:00")

    with refuses("schema"):
        bureau.propose("appointment", "flood", {**ASKED, **more}, by="fang-ke")


def test_a_delegation_has_no_hours(bureau):
    bureau.at("2026-03-02 08:00")

    with refuses("schema", pointer="/hours"):
        bureau.propose("appointment", "lent", delegation(hours=2), by="fang-ke")


@pytest.mark.parametrize(
    "content",
    [
        {**ASKED, "person": "chen-zhi"},
        delegation(person="chen-zhi", delegator="wang-lan", role="handler", actions=["suspend"]),
    ],
    ids=["break-glass", "delegation"],
)
def test_a_post_of_ones_own_is_not_turned_into_another_kind(bureau, content):
    """Approved under the id of a post, it would take that post's place."""
    bureau.at("2026-03-02 08:00")

    with refuses("rule-refused", "appointment.same"):
        bureau.propose("appointment", "chen-zhi-handler", content, by="fang-ke")


def test_one_delegation_is_not_turned_into_that_of_another_post(bureau):
    bureau.at("2026-03-02 08:00")
    lent(bureau)

    with refuses("rule-refused", "appointment.same"):
        bureau.propose("appointment", "lent", delegation(delegator="fu-hailing"), by="fang-ke")
    bureau.propose("appointment", "lent", delegation(to="2026-03-25"), by="fang-ke")


def test_each_emergency_is_asked_for_and_looked_at_by_itself(bureau):
    """Under the same id the second one would take the duty to review the first one away."""
    bureau.at("2026-03-02 08:00")
    granted(bureau, "flood", ASKED)

    with refuses("rule-refused", "appointment.same"):
        bureau.propose("appointment", "flood", ASKED, by="fang-ke")


# -- SOD-6: what is lent belongs to a branch like a post ---------------------------------------


def test_who_acts_for_approval_gets_no_post_in_supervision(bureau):
    """Chen Zhi leaves, and still has what Huang Qiang lent him."""
    bureau.at("2026-03-02 08:00")
    lent(bureau)
    bureau.end("chen-zhi-handler", by="wu-jun")

    with refuses("separation-of-duties", "SOD-6"):
        new = post("chen-zhi", "supervisor", "qh-wjw")
        bureau.propose("appointment", "chen-zhi-supervisor", new, by="fang-ke")
    # Control: what was lent has ended too.
    bureau.end("lent", by="wu-jun")
    granted(bureau, "chen-zhi-supervisor", new, head="shi-lei")


def test_during_an_emergency_nobody_gets_a_post_in_another_branch(bureau):
    bureau.at("2026-03-02 08:00")
    granted(bureau, "flood", ASKED)
    bureau.end("lin-bo-checker", by="wu-jun")
    new = post("lin-bo", "supervisor", "qh-wjw")

    with refuses("separation-of-duties", "SOD-6"):
        bureau.propose("appointment", "lin-bo-supervisor", new, by="fang-ke")
    # The day after, it is over.
    bureau.at("2026-03-03 08:00")
    granted(bureau, "lin-bo-supervisor", new | {"from": "2026-03-03"}, head="shi-lei")


# -- SOD-17 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["post", "delegation", "break-glass"])
def test_a_client_system_holds_no_post(bureau, kind):
    """Else it could be named as the second person."""
    bureau.at("2026-03-02 08:00")
    content = {
        "post": post("zc", "approver"),
        "delegation": delegation(person="zc"),
        "break-glass": {**ASKED, "person": "zc"},
    }[kind]

    with refuses("separation-of-duties", "SOD-17"):
        bureau.propose("appointment", "zc-one", content, by="fang-ke")


def test_a_client_system_is_not_named_as_approving(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("beyond-authority", "suspension.approver"):
        bureau.act(case, "suspend", SAYS["suspend"] | {"approved_by": "zc"}, by="chen-zhi")


@pytest.mark.parametrize("second", [None, "zc", "zwfw"])
def test_two_systems_of_one_person_are_one_person(bureau, second):
    case = bureau.received("QH-002", DAY, by="fu-hailing")
    bureau.act(case, "accept", by="fu-hailing", client="zc")

    with refuses("separation-of-duties", "SOD-1"):
        bureau.act(case, "decide", GRANT, by="fu-hailing", client=second)


# -- what is done for somebody -----------------------------------------------------------------


def test_what_a_policy_lets_the_delegator_join_says_so(bureau):
    """Wang Lan accepted; for her Chen Zhi decides, which only the duty policy allows."""
    case = bureau.received("QH-001", DAY, by="wang-lan")
    bureau.act(case, "accept", {}, by="wang-lan")
    lent(bureau, delegator="wang-lan")

    (decided,) = bureau.act(case, "decide", GRANT, by="chen-zhi")

    assert "wang-lan" == decided.actor.delegator
    assert {"flag": "sole-handler", "rule": "duty-sole-handler"} in decided.flags


def test_what_was_handed_to_the_delegator_the_delegate_takes_over(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    bureau.act(case, "transfer", TO_CHEN, by="zhou-min")
    acts = ["acknowledge-transfer"]
    granted(
        bureau, "a", delegation(delegator="chen-zhi", person="lin-bo", role="handler", actions=acts)
    )

    (taken,) = bureau.act(case, "acknowledge-transfer", by="lin-bo")

    assert "chen-zhi" == taken.actor.delegator


def test_what_was_handed_to_the_delegate_is_none_of_the_delegators(bureau):
    """Tang Li has no post that takes a case over; Chen Zhi's was not asked to."""
    case = led_to(bureau, Stage.ACCEPTED)
    to = {"to": {"unit": "qh-xzsp", "person": "tang-li"}}
    bureau.act(case, "transfer", to, by="zhou-min")
    acts = ["acknowledge-transfer"]
    granted(
        bureau,
        "a",
        delegation(delegator="chen-zhi", person="tang-li", role="handler", actions=acts),
    )

    with refuses("action-not-allowed"):
        bureau.act(case, "acknowledge-transfer", by="tang-li")


def test_who_lets_another_suspend_does_not_approve_it_by_being_named(bureau):
    """Of the item Wang Lan is handler and approver; an act for her is hers."""
    case = bureau.received("QH-001", DAY)
    bureau.act(case, "accept", by="zhou-min")
    acts = ["suspend"]
    granted(
        bureau,
        "a",
        delegation(delegator="wang-lan", person="tang-li", role="handler", actions=acts),
    )
    terms = bureau.cases[case].terms
    bureau.cases[case] = replace(bureau.cases[case], terms={**terms, "special": ["testing"]})
    named = SAYS["suspend"] | {"approved_by": "wang-lan"}

    with refuses("beyond-authority", "suspension.approver"):
        bureau.act(case, "suspend", named, by="tang-li")
    # Control: somebody else approves it.
    bureau.act(case, "suspend", named | {"approved_by": "huang-qiang"}, by="tang-li")
