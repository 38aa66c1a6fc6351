"""The bureau's own set-up: opened once, two persons for each power, ended by one, as of any day."""

from collections import Counter
from datetime import date, timedelta

import pytest

from ledger.case import Actor
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import appointment, check, versioned
from ledger.office.setup import opening
from tests.ledger import given
from tests.ledger.given import CALENDARS, EXAMPLE, POLICIES, refuses

POST = {"person": "new", "role": "clerk", "organ": "qh-xzsp", "from": "2020-01-01"}
ON = date(2026, 3, 2)


def opened():
    return opening(
        EXAMPLE, CALENDARS, POLICIES, ledger="469002", at=given.local(given.START), simulated=True
    )


# -- the first events ----------------------------------------------------------------------------


def test_the_first_event_opens_the_ledger_and_says_that_it_is_simulated():
    first = opened()[0]

    assert ("ledger:469002", 1, "ledger-opened") == (first.stream, first.version, first.type)
    assert first.data["simulated"] is True
    assert ("system", None) == (first.actor.kind, first.actor.person)


def test_versions_follow_in_every_stream():
    versions = Counter()
    for event in opened():
        versions[event.stream] += 1
        assert versions[event.stream] == event.version


def test_the_example_is_what_the_papers_list(bureau):
    office = bureau.office

    assert (9, 3, 2) == (len(office.organs), len(office.clients), len(office.seals))
    assert 8 == len(office.things("item"))
    assert 13 == len(office.things("policy"))
    assert "cn@4" == office.calendars.days("cn", "469002").label
    assert {"he-yan"} == {seal.keeper for seal in office.seals.values()}
    assert all(seal.in_use for seal in office.seals.values())


def test_a_calendar_that_is_missing_opens_nothing():
    with pytest.raises(KeyError):
        opening(
            {**EXAMPLE, "calendars": ["cn-1999"]},
            CALENDARS,
            POLICIES,
            ledger="469002",
            at=given.local(given.START),
            simulated=True,
        )


# -- two persons ---------------------------------------------------------------------------------


def test_a_post_is_in_force_once_another_person_approves(bureau):
    bureau.propose("appointment", "new-clerk", POST, by="fang-ke")
    assert () == bureau.office.posts_of("new")

    bureau.approve("appointment", "new-clerk", by="wu-jun")

    assert ["clerk"] == [str(p.role) for p in bureau.office.posts_of("new")]


def test_nobody_approves_their_own_post(bureau):
    post = {**POST, "person": "wu-jun", "role": "approver"}
    bureau.propose("appointment", "wu-jun-approver", post, by="fang-ke")

    with refuses("separation-of-duties", "SOD-8"):
        bureau.approve("appointment", "wu-jun-approver", by="wu-jun")


def test_who_proposes_does_not_approve(bureau):
    year = CALENDARS["cn-2026"]
    bureau.propose("calendar", "cn", year, by="fang-ke")
    thing = bureau.office.existing("calendar:cn")
    (proposal,) = thing.proposals.values()

    # Nobody holds both posts (SOD-7); whoever did would be refused all the same.
    with refuses("separation-of-duties", "SOD-19", earlier=proposal.position):
        versioned.approved(thing, 5, Actor(person="fang-ke"), bureau.now, proposal=proposal)
    bureau.approve("calendar", "cn", by="wu-jun")


@pytest.mark.parametrize(
    ("kind", "name", "proposer", "approver"),
    [
        ("item", "QH-002", "wu-jun", "mo-li"),
        ("calendar", "cn", "fang-ke", "wu-jun"),
        ("policy", "deadlines-default", "fang-ke", "wu-jun"),
        ("appointment", "zhou-min-clerk", "fang-ke", "wu-jun"),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_what_nobody_approves_within_thirty_days_has_lapsed(
    bureau, kind, name, proposer, approver, late
):
    content = bureau.office.existing(f"{kind}:{name}").current.content
    proposed = bureau.propose(kind, name, content, by=proposer, at="2026-03-02 10:00")

    bureau.at("2026-04-01 10:00:01" if late else "2026-04-01 10:00:00")

    if not late:
        bureau.approve(kind, name, by=approver)
        return
    with refuses("rule-refused", "proposal.lapsed", earlier=proposed.position):
        bureau.approve(kind, name, by=approver)
    # Control: proposed anew, it is approved.
    bureau.propose(kind, name, content, by=proposer)
    bureau.approve(kind, name, by=approver)


def test_an_ended_post_gives_nothing_from_that_moment(bureau):
    case = bureau.received("QH-002", "2026-03-02")
    bureau.end("zhou-min-clerk", by="wu-jun")

    with refuses("appointment-ended"):
        bureau.act(case, "accept", by="zhou-min")
    bureau.act(case, "accept", by="fu-hailing")


@pytest.mark.parametrize(
    ("to", "slug"), [("2026-03-01", "appointment-ended"), ("2026-03-02", None)]
)
def test_a_post_counts_through_its_last_day(bureau, to, slug):
    bureau.propose("appointment", "new-clerk", {**POST, "to": to}, by="fang-ke")
    bureau.approve("appointment", "new-clerk", by="wu-jun")
    case = bureau.received("QH-002", "2026-03-02")

    try:
        bureau.act(case, "accept", by="new")
        found = None
    except Refused as refused:
        found = refused.slug

    assert slug == found


def test_who_is_appointed_again_after_an_end_has_the_post_again(bureau):
    bureau.at("2026-03-02 09:00").end("zhou-min-clerk", by="wu-jun")
    content = bureau.office.existing("appointment:zhou-min-clerk").current.content

    bureau.propose("appointment", "zhou-min-clerk", content, by="fang-ke")
    bureau.approve("appointment", "zhou-min-clerk", by="wu-jun")

    assert bureau.received("QH-002", "2026-03-02 10:00", by="zhou-min")


@pytest.mark.parametrize("more", [{"person": "mo-li"}, {"role": "handler"}, {"organ": "qh-zjj"}])
def test_a_post_does_not_become_another_one_by_its_id(bureau, more):
    content = {**POST, "person": "zhou-min", **more}

    with refuses("rule-refused", "appointment.same"):
        bureau.propose("appointment", "zhou-min-clerk", content, by="fang-ke")


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"organ": "nowhere"}, "/organ"),
        ({"to": "2019-12-31"}, "/to"),
        ({"delegator": "huang-qiang"}, "/delegator"),
        ({"actions": ["accept"]}, "/actions"),
        ({"kind": "break-glass"}, "/reason_code"),
    ],
)
def test_a_post_that_cannot_be_is_not_proposed(bureau, more, pointer):
    with pytest.raises(Refused) as refused:
        bureau.propose("appointment", "new-clerk", {**POST, **more}, by="fang-ke")

    assert pointer == refused.value.pointer


# Who approves a post of which role in which organ; and who does not.
APPROVERS = [
    ("clerk", "qh-xzsp", "wu-jun", "shi-lei"),
    ("clerk", "qh-zjj", "shi-lei", "wu-jun"),  # an organ without a head here: the one above
    ("bureau-head", "qh-xzsp", "shi-lei", "wu-jun"),
    ("security-admin", "qh-xzsp", "qin-yu", "wu-jun"),
    ("system-admin", "qh-xzsp", "qin-yu", "yan-qing"),
    ("audit-admin", "qh-xzsp", "yan-qing", "qin-yu"),
]


@pytest.mark.parametrize(("role", "organ", "right", "wrong"), APPROVERS)
def test_each_post_has_its_approver(bureau, role, organ, right, wrong):
    post = {**POST, "role": role, "organ": organ}
    bureau.propose("appointment", "new", post, by="fang-ke")

    with refuses("action-not-allowed"):
        bureau.approve("appointment", "new", by=wrong)
    bureau.approve("appointment", "new", by=right)


@pytest.mark.parametrize("role", ["bureau-head", "clerk"])
def test_nobody_here_appoints_where_no_organ_stands_above(bureau, role):
    bureau.propose("appointment", "new", {**POST, "role": role, "organ": "hn-zjt"}, by="fang-ke")

    for head in ("wu-jun", "shi-lei"):
        with refuses("action-not-allowed"):
            bureau.approve("appointment", "new", by=head)


def test_inspectors_are_appointed_by_two_inspection_leads(bureau):
    lead = {**POST, "person": "second", "role": "inspection-lead", "organ": "qh-jw"}
    bureau.propose("appointment", "second", lead, by="yan-qing")
    with refuses("separation-of-duties", "SOD-8"):
        bureau.approve("appointment", "second", by="yan-qing")
    with refuses("action-not-allowed"):
        bureau.propose("appointment", "new", {**lead, "person": "new"}, by="fang-ke")


@pytest.mark.parametrize(
    ("post", "by", "ends"),
    [
        ("zhou-min-clerk", "fang-ke", True),
        ("zhou-min-clerk", "wu-jun", True),
        ("zhou-min-clerk", "shi-lei", True),
        ("zhou-min-clerk", "qin-yu", True),
        ("zhou-min-clerk", "yan-qing", True),
        ("mo-li-supervisor", "wu-jun", False),  # the supervised do not end their supervision
        ("jiang-he-inspector", "wu-jun", False),
        ("jiang-he-inspector", "fang-ke", False),
        ("jiang-he-inspector", "qin-yu", False),
        ("jiang-he-inspector", "yan-qing", True),
    ],
)
def test_who_may_end_a_post_at_once(bureau, post, by, ends):
    if ends:
        bureau.end(post, by=by)
        assert bureau.office.existing(f"appointment:{post}").ended
        return
    with refuses("action-not-allowed"):
        bureau.end(post, by=by)


# -- what must stay apart -------------------------------------------------------------------------


def joins(bureau, person, role, organ="qh-xzsp", since="2026-01-01", until=None, name="new"):
    content = {**POST, "person": person, "role": str(role), "organ": organ, "from": since}
    new = appointment.read(name, {**content, "to": until})
    appointment.separated(bureau.office.posts, new, bureau.office.organs, ON)


def grant(bureau, name, content, *, approver="wu-jun"):
    bureau.propose("appointment", name, {**POST, **content}, by="fang-ke")
    bureau.approve("appointment", name, by=approver)


@pytest.mark.parametrize(
    ("person", "role", "organ", "rule"),
    [
        ("mo-li", Role.CLERK, "qh-xzsp", "SOD-6"),
        ("zhou-min", Role.ENFORCER, "qh-zfj", "SOD-6"),
        ("ke-jun", Role.INSPECTOR, "qh-jw", "SOD-6"),
        ("zhou-min", Role.SYSTEM_ADMIN, "qh-xzsp", "SOD-7"),
        ("guo-an", Role.CLERK, "qh-xzsp", "SOD-7"),
        ("guo-an", Role.AUDIT_ADMIN, "qh-xzsp", "SOD-7"),
        # The head of any organ counts in that organ's line.
        ("zhou-min", Role.BUREAU_HEAD, "qh-wjw", "SOD-6"),
        ("mo-li", Role.BUREAU_HEAD, "qh-xzsp", "SOD-6"),
        ("wu-jun", Role.BUREAU_HEAD, "qh-zfj", "SOD-6"),
    ],
)
def test_posts_that_must_not_be_joined(bureau, person, role, organ, rule):
    with refuses("separation-of-duties", rule):
        joins(bureau, person, role, organ)


@pytest.mark.parametrize(
    ("person", "role", "organ"),
    [
        ("zhou-min", Role.APPROVER, "qh-xzsp"),
        ("nobody", Role.SYSTEM_ADMIN, "qh-xzsp"),
        ("mo-li", Role.BUREAU_HEAD, "qh-wjw"),
        ("lu-qian", Role.BUREAU_HEAD, "qh-12345"),
        ("ke-jun", Role.BUREAU_HEAD, "qh-zfj"),
        ("yan-qing", Role.BUREAU_HEAD, "qh-jw"),
    ],
)
def test_posts_of_one_branch_are_joined(bureau, person, role, organ):
    joins(bureau, person, role, organ)


@pytest.mark.parametrize(
    ("since", "until", "meets"),
    [
        ("2026-04-01", None, True),  # begins later than today, while the other one lasts
        ("2026-06-30", "2026-12-31", True),
        ("2026-07-01", "2026-12-31", False),  # after the other has ended
        ("2026-03-02", "2026-03-31", False),  # before the other begins
        ("2026-03-02", "2026-04-01", True),
        ("2020-01-01", "2026-03-01", False),  # over already
    ],
)
def test_posts_that_begin_later_are_kept_apart_over_their_whole_time(bureau, since, until, meets):
    grant(bureau, "new-1", {"from": "2026-04-01", "to": "2026-06-30"})

    if not meets:
        joins(bureau, "new", Role.SUPERVISOR, "qh-wjw", since, until, name="new-2")
        return
    with refuses("separation-of-duties", "SOD-6"):
        joins(bureau, "new", Role.SUPERVISOR, "qh-wjw", since, until, name="new-2")


def test_a_post_is_kept_apart_when_it_is_approved_too(bureau):
    supervisor = {**POST, "role": "supervisor", "organ": "qh-wjw", "from": "2026-05-01"}
    bureau.propose("appointment", "new-2", supervisor, by="fang-ke")
    grant(bureau, "new-1", {"from": "2026-04-01"})

    with refuses("separation-of-duties", "SOD-6"):
        bureau.approve("appointment", "new-2", by="shi-lei")


def test_a_post_made_longer_meets_what_it_did_not_meet_before(bureau):
    grant(bureau, "new-1", {"from": "2026-01-01", "to": "2026-03-31"})
    supervisor = {"role": "supervisor", "organ": "qh-wjw", "from": "2026-04-01"}
    grant(bureau, "new-2", supervisor, approver="shi-lei")

    with refuses("separation-of-duties", "SOD-6"):
        bureau.propose("appointment", "new-1", {**POST, "from": "2026-01-01"}, by="fang-ke")
    # Control: the same post anew does not meet itself.
    grant(bureau, "new-1", {"from": "2026-01-01", "to": "2026-03-31"})


def test_an_ended_post_stands_in_nobodys_way(bureau):
    bureau.end("mo-li-supervisor", by="shi-lei")

    joins(bureau, "mo-li", Role.CLERK)


# -- items, policies, calendars -------------------------------------------------------------------


def item(bureau, code="QH-002", **more):
    return {**bureau.office.existing(f"item:{code}").current.content, **more}


@pytest.mark.parametrize(
    ("code", "more", "rule", "pointer"),
    [
        ("QH-002", {"limits": {"statutory": 20, "promised": 21}}, "promise.at-most",
         "/limits/promised"),
        ("QH-001", {"limits": {"statutory": 20, "promised": 1}}, "promise.at-most",
         "/limits/promised"),
        ("QH-002", {"extension": {"days": 11, "by": "head"}}, "extension.at-most",
         "/extension/days"),
        ("QH-005", {"extension": {"days": 16, "by": "head-above"}}, "extension.at-most",
         "/extension/days"),
        ("QH-002", {"result": "diploma"}, None, "/result"),
        ("QH-002", {"organs": {"approving": "qh-xzsp"}}, None, "/organs/supervising"),
        ("QH-002", {"policies": {"duty": "duty-sole-handler"}}, None, "/policies/duty"),
        ("QH-002", {"policies": {"duty": "duty-two-person"}}, None, "/policies/duty"),
    ],
)  # fmt: skip
def test_an_item_that_the_law_or_no_case_could_live_by_is_not_proposed(
    bureau, code, more, rule, pointer
):
    with refuses("schema", rule, pointer=pointer):
        bureau.propose("item", code, item(bureau, code, **more), by="wu-jun")
    # Control: as it was.
    bureau.propose("item", code, item(bureau, code), by="wu-jun")


@pytest.mark.parametrize("promised", [20, 5, 0])
def test_a_promise_may_be_as_long_as_the_law(bureau, promised):
    limits = {"statutory": 20, "promised": promised}

    bureau.propose("item", "QH-002", item(bureau, limits=limits), by="wu-jun")
    bureau.approve("item", "QH-002", by="mo-li")


@pytest.mark.parametrize("policies", [{"duty": "none"}, {"duty": "link-default"}])
def test_an_item_names_policies_that_are_there_and_of_the_kind(bureau, policies):
    with refuses("unknown-reference", pointer="/policies/duty"):
        bureau.propose("item", "QH-002", item(bureau, policies=policies), by="wu-jun")


def test_an_item_is_the_business_of_the_organs_it_names(bureau):
    with refuses("action-not-allowed"):
        other = item(bureau, organs={"approving": "qh-zjj", "supervising": ["qh-wjw"]})
        bureau.propose("item", "QH-002", other, by="wu-jun")
    bureau.propose("item", "QH-002", item(bureau), by="wu-jun")
    with refuses("action-not-allowed"):
        bureau.approve("item", "QH-002", by="zheng-kai")
    bureau.approve("item", "QH-002", by="mo-li")


DUTY = POLICIES["duty-standard"]
SOLE = POLICIES["duty-sole-handler"]
ALERTS = POLICIES["alerts-default"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("duty-standard", {**DUTY, "lifts": ["SOD-1"]}),
        ("duty-standard", {**DUTY, "levels": ["handle"]}),
        ("duty-sole-handler", {**SOLE, "items": ["instant", "promised"]}),
        ("duty-new", {**DUTY, "id": "duty-new", "lifts": ["SOD-5"]}),
        ("alerts-default", {**ALERTS, "answer": 5}),
        ("reviews-default", {**POLICIES["reviews-default"], "bad_review": 9}),
    ],
)
def test_what_loosens_supervision_is_approved_by_supervision(bureau, name, content):
    bureau.propose("policy", name, content, by="fang-ke")

    for other in ("wu-jun", "mo-li"):
        with refuses("action-not-allowed"):
            bureau.approve("policy", name, by=other)
    bureau.approve("policy", name, by="xing-tao")


def test_a_supervisor_of_the_government_above_approves_it_too(bureau):
    post = {"role": "supervisor", "organ": "qh-gov"}
    bureau.propose("appointment", "new", {**POST, **post}, by="fang-ke")
    with refuses("action-not-allowed"):
        bureau.approve("appointment", "new", by="wu-jun")
    bureau.approve("appointment", "new", by="shi-lei")
    bureau.propose("policy", "alerts-default", {**ALERTS, "answer": 5}, by="fang-ke")

    bureau.approve("policy", "alerts-default", by="new")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("duty-two-person", {**POLICIES["duty-two-person"], "lifts": []}),
        ("duty-standard", {**DUTY, "points_complete": True}),
        ("deadlines-default", {**POLICIES["deadlines-default"], "transfer": 2}),
    ],
)
def test_what_loosens_nothing_is_approved_by_the_head(bureau, name, content):
    bureau.propose("policy", name, content, by="fang-ke")

    with refuses("action-not-allowed"):
        bureau.approve("policy", name, by="xing-tao")
    bureau.approve("policy", name, by="wu-jun")


def test_who_approves_is_judged_by_what_is_approved(bureau):
    bureau.propose("policy", "duty-standard", {**DUTY, "lifts": ["SOD-1"]}, by="fang-ke")
    bureau.propose("policy", "duty-standard", {**DUTY, "points_complete": True}, by="fang-ke")

    bureau.approve("policy", "duty-standard", by="wu-jun")


@pytest.mark.parametrize("rule", ["SOD-6", "SOD-9", "SOD-11", "SOD-12", "SOD-13", "SOD-99"])
def test_no_policy_lifts_what_is_law_or_core(bureau, rule):
    with refuses("schema", rule, pointer="/lifts/1"):
        bureau.propose("policy", "duty-standard", {**DUTY, "lifts": ["SOD-1", rule]}, by="fang-ke")


@pytest.mark.parametrize(
    ("name", "content", "pointer"),
    [
        ("alerts-default", {"levels": [{"budget_to": 9, "yellow": {"left": 1}}]}, "/levels"),
        ("alerts-default", {"levels": [{}, {"budget_to": 9}]}, "/levels"),
        ("alerts-default", {"levels": [{"budget_to": 9}, {"budget_to": 3}, {}]}, "/levels"),
        ("alerts-default", {"levels": [{"yellow": {}}]}, "/levels/0/yellow"),
        ("alerts-default", {"levels": [{"early": {"left": 1, "on_due": True}}]},
         "/levels/0/early"),
        ("numbers-default", {"case": "{ledger}-{number:06d}"}, "/case"),
        ("numbers-default", {"case": "{year}/{number:06d}"}, "/case"),
        ("numbers-default", {"case": "{who}-{year}-{number:06d}"}, "/case"),
        ("numbers-default", {"case": "{year}-{number:06d}-{"}, "/case"),
    ],
)  # fmt: skip
def test_a_policy_that_could_not_be_read_later_is_not_proposed(bureau, name, content, pointer):
    with refuses("schema", pointer=pointer):
        bureau.propose("policy", name, {**POLICIES[name], **content}, by="fang-ke")


def test_a_policy_stays_of_its_kind(bureau):
    other = {**POLICIES["link-default"], "id": "duty-standard"}

    with refuses("schema", pointer="/kind"):
        bureau.propose("policy", "duty-standard", other, by="fang-ke")


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"notice": None}, "/notice"),
        ({"off": ["2026-01-01", "2026-01-01"]}, "/off/1"),
        ({"off": ["2026-01-01"], "work": ["2026-01-01"]}, "/work/0"),
        ({"off": ["2025-11-30"]}, "/off/0"),
    ],
)
def test_a_year_of_a_calendar_rests_on_its_notice(bureau, more, pointer):
    with refuses("schema", pointer=pointer):
        bureau.propose("calendar", "cn", {**CALENDARS["cn-2026"], **more}, by="fang-ke")


def test_a_provisional_year_has_no_notice_yet(bureau):
    bureau.propose("calendar", "cn", CALENDARS["cn-2027"], by="fang-ke")


# -- custody --------------------------------------------------------------------------------------


def test_only_the_keeper_hands_over_and_only_the_one_named_takes(bureau):
    post = {**POST, "person": "tang-li", "role": "sealer"}
    bureau.propose("appointment", "tang-li-sealer", post, by="fang-ke")
    bureau.approve("appointment", "tang-li-sealer", by="wu-jun")

    with refuses("seal-not-held", "seal.custody"):
        bureau.custody("QH-S1", "hand-over", by="tang-li", data={"to": "tang-li"})
    with refuses("seal-not-held", "seal.custody"):
        bureau.custody("QH-S1", "take-over", by="tang-li")
    with refuses("rule-refused", "seal.custody"):
        bureau.custody("QH-S1", "approve", by="wu-jun")


def sealer(bureau, person="tang-li"):
    grant(bureau, f"{person}-sealer", {"person": person, "role": "sealer"})


def handed_over(bureau, at):
    sealer(bureau)
    bureau.at(at)
    return bureau.custody("QH-S1", "hand-over", by="he-yan", data={"to": "tang-li"})


@pytest.mark.parametrize("order", [("take-over", "approve"), ("approve", "take-over")])
def test_custody_moves_when_the_new_keeper_took_it_and_the_head_approved(bureau, order):
    handed_over(bureau, "2026-03-02 10:00")
    by = {"take-over": "tang-li", "approve": "wu-jun"}

    bureau.custody("QH-S1", order[0], by=by[order[0]])
    assert "he-yan" == bureau.office.seals["QH-S1"].keeper
    bureau.custody("QH-S1", order[1], by=by[order[1]])

    assert "tang-li" == bureau.office.seals["QH-S1"].keeper


@pytest.mark.parametrize(("act", "by"), [("take-over", "tang-li"), ("approve", "wu-jun")])
def test_a_hand_over_that_was_not_completed_in_thirty_days_has_lapsed(bureau, act, by):
    offered = handed_over(bureau, "2026-03-02 10:00")

    bureau.at("2026-04-01 10:00:01")

    with refuses("rule-refused", "proposal.lapsed", earlier=offered.position):
        bureau.custody("QH-S1", act, by=by)
    # Control: handed over anew, it can be completed.
    bureau.custody("QH-S1", "hand-over", by="he-yan", data={"to": "tang-li"})
    bureau.custody("QH-S1", act, by=by)


def test_putting_a_seal_in_use_moves_no_custody(bureau):
    sealer(bureau)
    bureau.custody("QH-S1", "disable", by="wu-jun")

    with refuses("seal-not-held", "seal.custody"):
        bureau.custody("QH-S1", "enable", by="wu-jun", data={"keeper": "tang-li"})
    bureau.custody("QH-S1", "enable", by="wu-jun")

    assert "he-yan" == bureau.office.seals["QH-S1"].keeper
    with refuses("already-done", "seal.in-use"):
        bureau.custody("QH-S1", "enable", by="wu-jun")


def registered(bureau, **more):
    content = {"id": "QH-S9", "name": "新章", "organ": "qh-xzsp", "media": ["paper"], **more}
    actor = bureau.who("seal", "register", "wu-jun")
    new = given.seal.Seal("QH-S9", "seal:QH-S9", content)
    bureau.set_up(
        given.seal.custody(
            new, "register", actor, bureau.now, data={"content": content}, reason=None
        )
    )


def test_the_first_keeper_is_named_when_it_is_registered_or_put_in_use(bureau):
    registered(bureau, keeper="he-yan")

    bureau.custody("QH-S9", "enable", by="wu-jun")

    assert ("he-yan", True) == (
        bureau.office.seals["QH-S9"].keeper,
        bureau.office.seals["QH-S9"].in_use,
    )


def test_a_seal_in_use_has_a_keeper(bureau):
    registered(bureau)

    with refuses("schema", pointer="/keeper"):
        bureau.custody("QH-S9", "enable", by="wu-jun")
    bureau.custody("QH-S9", "enable", by="wu-jun", data={"keeper": "he-yan"})

    assert "he-yan" == bureau.office.seals["QH-S9"].keeper


@pytest.mark.parametrize(("person", "keeps"), [("he-yan", True), ("zhou-min", False)])
def test_who_keeps_a_seal_is_a_sealer_today(bureau, person, keeps):
    if keeps:
        check.keeper(bureau.office, person, bureau.now, "/to")
        bureau.end("he-yan-sealer", by="wu-jun")
    with refuses("unknown-reference", pointer="/to"):
        check.keeper(bureau.office, person, bureau.now, "/to")


# -- as of ----------------------------------------------------------------------------------------


def test_an_earlier_position_is_answered_with_the_earlier_office(bureau):
    before = bureau.office.position
    bureau.at("2026-03-02 09:00")
    bureau.end("zhou-min-clerk", by="wu-jun")

    assert bureau.office.posts_of("zhou-min")[0].ended
    assert not bureau.office.as_of(before).posts_of("zhou-min")[0].ended
    assert before == bureau.office.as_of(before).position
    assert bureau.office.as_of(bureau.office.position + 5) is bureau.office


def test_a_version_counts_from_its_approval(bureau):
    old = bureau.office.existing("item:QH-002").current
    bureau.at("2026-03-02 09:00")
    new = {**old.content, "limits": {"statutory": 20, "promised": 3}}
    bureau.propose("item", "QH-002", new, by="wu-jun")
    bureau.approve("item", "QH-002", by="mo-li", at="2026-03-02 10:00")
    thing = bureau.office.existing("item:QH-002")

    assert (1, 2) == (
        thing.at(bureau.now - timedelta(seconds=1)).number,
        thing.at(bureau.now).number,
    )
