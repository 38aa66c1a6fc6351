"""The bureau's own set-up: opened once, two persons for each power, ended by one, as of any day."""

from collections import Counter
from datetime import date, timedelta

import pytest

from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import appointment
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
    assert 8 == sum(t.kind == "item" for t in office.things.values())
    assert 10 == sum(t.kind == "policy" for t in office.things.values())
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
    both = {"person": "fang-ke", "role": "bureau-head", "organ": "qh-xzsp", "from": "2020-01-01"}
    bureau.propose("appointment", "fang-ke-head", both, by="fang-ke")
    bureau.set_up(
        given.versioned.approved(
            bureau.office.things["appointment:fang-ke-head"],
            1,
            given.LAW,
            bureau.now,
            proposal=next(
                iter(bureau.office.things["appointment:fang-ke-head"].proposals.values())
            ),
        )
    )
    bureau.propose("calendar", "cn", CALENDARS["cn-2026"], by="fang-ke")

    with refuses("separation-of-duties", "SOD-19"):
        bureau.approve("calendar", "cn", by="fang-ke")
    bureau.approve("calendar", "cn", by="wu-jun")


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


# -- what must stay apart -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "role", "rule"),
    [
        ("mo-li", Role.CLERK, "SOD-6"),
        ("zhou-min", Role.ENFORCER, "SOD-6"),
        ("ke-jun", Role.INSPECTOR, "SOD-6"),
        ("zhou-min", Role.SYSTEM_ADMIN, "SOD-7"),
        ("guo-an", Role.CLERK, "SOD-7"),
        ("guo-an", Role.AUDIT_ADMIN, "SOD-7"),
    ],
)
def test_posts_that_must_not_be_joined(bureau, person, role, rule):
    with refuses("separation-of-duties", rule):
        appointment.separated(bureau.office.posts, person, role, ON)


def test_posts_of_one_branch_are_joined(bureau):
    appointment.separated(bureau.office.posts, "zhou-min", Role.APPROVER, ON)
    appointment.separated(bureau.office.posts, "nobody", Role.SYSTEM_ADMIN, ON)


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
    old = bureau.office.things["item:QH-002"].current
    bureau.at("2026-03-02 09:00")
    new = {**old.content, "limits": {"statutory": 20, "promised": 3}}
    bureau.propose("item", "QH-002", new, by="wu-jun")
    bureau.approve("item", "QH-002", by="mo-li", at="2026-03-02 10:00")
    thing = bureau.office.things["item:QH-002"]

    assert (1, 2) == (
        thing.at(bureau.now - timedelta(seconds=1)).number,
        thing.at(bureau.now).number,
    )
