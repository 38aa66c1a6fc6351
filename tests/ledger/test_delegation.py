"""Delegation: what of one's post may be lent, for how long, and that it counts for both."""

import pytest

from ledger.lifecycle import Stage
from tests.ledger.given import GRANT, POLICIES, last, refuses
from tests.ledger.lives import SAYS, led_to

DAYS = {"from": "2026-03-02", "to": "2026-03-20"}


def delegation(**more):
    """Huang Qiang lets Chen Zhi decide."""
    return {
        "kind": "delegation",
        "delegator": "huang-qiang",
        "person": "chen-zhi",
        "name": "陈志",
        "role": "approver",
        "organ": "qh-xzsp",
        "actions": ["decide"],
        **DAYS,
    } | more


def lent(bureau, **more):
    bureau.propose("appointment", "lent", delegation(**more), by="fang-ke")
    bureau.approve("appointment", "lent", by="wu-jun")


def accepted(bureau):
    return led_to(bureau, Stage.ACCEPTED)


def test_a_delegate_does_what_the_delegator_could_and_both_are_named(bureau):
    case = accepted(bureau)
    with refuses("action-not-allowed"):
        bureau.act(case, "decide", GRANT, by="chen-zhi")
    lent(bureau)

    (decided,) = bureau.act(case, "decide", GRANT, by="chen-zhi")

    by = decided.actor
    assert ("chen-zhi", "huang-qiang", "approver") == (by.person, by.delegator, by.role)
    assert {"appointment:lent", f"appointment:{by.delegated_from}"} <= set(decided.relied_on)
    duties = bureau.state(case)["duties_done"]
    assert ["chen-zhi", "huang-qiang"] == [d["person"] for d in duties if d["duty"] == "decide"]


@pytest.mark.parametrize("person", ["chen-zhi", "huang-qiang"])
def test_what_was_done_by_delegation_counts_for_both(bureau, person):
    case = accepted(bureau)
    lent(bureau)
    bureau.act(case, "decide", GRANT, by="chen-zhi")
    for who in ("chen-zhi", "huang-qiang"):
        post = {"person": who, "role": "issuer", "organ": "qh-xzsp", "from": "2026-03-02"}
        bureau.propose("appointment", f"{who}-issuer", post, by="fang-ke")
        bureau.approve("appointment", f"{who}-issuer", by="wu-jun")
    bureau.act(case, "seal", SAYS["seal"], by="he-yan")

    with refuses("separation-of-duties", "SOD-5"):
        bureau.act(case, "issue", SAYS["issue"], by=person)


def test_what_the_delegator_did_binds_the_delegate(bureau):
    """Fu Hailing accepted, so she may not decide, and nobody decides for her."""
    case = bureau.received("QH-002", "2026-03-02", by="fu-hailing")
    bureau.act(case, "accept", by="fu-hailing")
    lent(bureau, delegator="fu-hailing")

    with refuses("separation-of-duties", "SOD-1"):
        bureau.act(case, "decide", GRANT, by="chen-zhi")


def test_what_the_delegate_did_binds_too(bureau):
    case = bureau.received("QH-002", "2026-03-02", by="wang-lan")
    bureau.act(case, "accept", by="wang-lan")
    lent(bureau, person="wang-lan")

    with refuses("separation-of-duties", "SOD-1"):
        bureau.act(case, "decide", GRANT, by="wang-lan")


@pytest.mark.parametrize("stepped_back", ["chen-zhi", "huang-qiang"])
def test_after_a_recusal_of_either_nothing_is_done(bureau, stepped_back):
    case = accepted(bureau)
    lent(bureau)
    bureau.act(case, "declare-recusal", {"interest": "亲属"}, by=stepped_back)

    with refuses("separation-of-duties", "SOD-13"):
        bureau.act(case, "decide", GRANT, by="chen-zhi")


def test_only_the_acts_that_are_named_and_only_within_the_days(bureau):
    case = accepted(bureau)
    lent(bureau, actions=["suspend"], to="2026-03-03")

    with refuses("action-not-allowed"):
        bureau.act(case, "decide", GRANT, by="chen-zhi")
    with refuses("appointment-ended"):
        lent(bureau, actions=["decide"], to="2026-03-03")
        bureau.act(case, "decide", GRANT, by="chen-zhi", at="2026-03-04 09:00")


def test_it_ends_with_the_post_behind_it(bureau):
    case = accepted(bureau)
    lent(bureau)
    (post,) = [p for p in bureau.office.posts_of("huang-qiang") if p.role == "approver"]
    bureau.end(post.id, by="wu-jun")

    with refuses("appointment-ended"):
        bureau.act(case, "decide", GRANT, by="chen-zhi")


def test_it_gives_no_more_items_than_the_post_behind_it(bureau):
    """Wang Lan is an approver for QH-001 only."""
    case = accepted(bureau)
    lent(bureau, delegator="wang-lan")

    with refuses("appointment-ended"):
        bureau.act(case, "decide", GRANT, by="chen-zhi")


def test_a_delegation_is_offered_like_a_post(bureau):
    case = accepted(bureau)
    lent(bureau)

    assert "decide" in bureau.state(case)["allowed_actions"]


def test_no_office_act_and_no_approval_is_lent(bureau):
    case = accepted(bureau)
    assert not any(p.delegator for p in bureau.office.posts)
    body = SAYS["extend"] | {"approved_by": "chen-zhi"}
    lent(bureau)
    with refuses("beyond-authority", "extension.approver"):
        bureau.act(case, "extend", body, by="wang-lan")
    assert last(bureau.state(case), "statutory")["budget"] == 20


@pytest.mark.parametrize(
    ("more", "slug", "rule"),
    [
        ({"to": "2026-04-01"}, "schema", "delegation.days"),
        ({"to": None}, "schema", "delegation.days"),
        ({"actions": []}, "schema", "delegation.actions"),
        ({"actions": ["accept"]}, "schema", "delegation.actions"),
        ({"actions": ["declare-recusal"]}, "schema", "delegation.actions"),
        ({"actions": ["hand-over"]}, "schema", "delegation.actions"),
        ({"delegator": "chen-zhi", "person": "lin-bo"}, "unknown-reference", None),
        ({"delegator": "huang-qiang", "person": "huang-qiang"}, "schema", None),
        ({"person": "mo-li"}, "unknown-reference", None),
        (
            {"delegator": "he-yan", "role": "sealer", "actions": ["seal"]},
            "rule-refused",
            "seal.custody",
        ),
        ({"kind": "post"}, "schema", None),
    ],
)
def test_what_cannot_be_delegated(bureau, more, slug, rule):
    bureau.at("2026-03-02 08:00")
    content = {k: v for k, v in delegation(**more).items() if v is not None}

    with refuses(slug, rule):
        bureau.propose("appointment", "lent", content, by="fang-ke")


def test_a_delegate_does_not_delegate(bureau):
    bureau.at("2026-03-02 08:00")
    lent(bureau)

    with refuses("separation-of-duties", "SOD-14"):
        further = delegation(delegator="chen-zhi", person="lin-bo")
        bureau.propose("appointment", "further", further, by="fang-ke")


def test_neither_of_the_two_approves_it(bureau):
    bureau.at("2026-03-02 08:00")
    content = delegation(person="wu-jun", name="吴军", actions=["suspend"])
    bureau.propose("appointment", "lent", content, by="fang-ke")
    with refuses("separation-of-duties", "SOD-8"):
        bureau.approve("appointment", "lent", by="wu-jun")

    content = delegation(delegator="wu-jun", role="bureau-head", actions=["extend"])
    bureau.propose("appointment", "of-the-head", content, by="fang-ke")
    with refuses("action-not-allowed"):
        bureau.approve("appointment", "of-the-head", by="wu-jun")
    bureau.approve("appointment", "of-the-head", by="shi-lei")


def test_for_how_long_is_policy_that_supervision_sets(bureau):
    bureau.at("2026-03-02 08:00")
    content = {"kind": "posts", "delegation_days": 60}
    assert "posts-default" not in POLICIES
    bureau.propose("policy", "posts-default", content, by="fang-ke")
    with refuses("action-not-allowed"):
        bureau.approve("policy", "posts-default", by="wu-jun")
    bureau.approve("policy", "posts-default", by="xing-tao")

    lent(bureau, to="2026-04-20")
