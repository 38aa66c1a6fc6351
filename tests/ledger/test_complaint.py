"""Complaints as pure acts: grounds, limits, who may, and every act at every stage."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given as cases
from hypothesis import strategies as st

from ledger import complaining
from ledger.case import Actor
from ledger.complaint import Complaint, deadlines, replay
from ledger.complaint_rules import MAY, RULES, Action, Stage
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.occasion import Occasion
from ledger.standing import Caller
from tests.ledger import given

LU = Actor(person="lu-qian", name="卢倩", role="hotline", organ="qh-12345")
CHEN = Actor(person="chen-zhi", name="陈志", role="handler", organ="qh-xzsp")
TOLD = {"kind": "refused-intake", "channel": "telephone", "text": "不予收件"}
BODIES = {
    Action.ASSIGN: (LU, {"unit": "qh-xzsp", "summary": "不予收件"}),
    Action.REPLY: (CHEN, {"result": "done", "measure": "已补收"}),
    Action.ESCALATE: (LU, {"to": "qh-jw", "ground": "serious"}),
    Action.CLOSE: (LU, {"result": "withdrawn"}),
}
MORNING = datetime.fromisoformat("2026-03-02T09:00:00+08:00")


@pytest.fixture(scope="module")
def office():
    return given.bureau().office


def on(office, by, at=MORNING):
    return Occasion(by=by, now=at, office=office)


def numbered(events, before=0):
    """Give events the places the append would give."""
    return tuple(
        replace(
            event,
            id=f"{before + i:032x}",
            position=100 + before + i,
            recorded_at=event.occurred_at,
            registers={"complaint/2026": 1} if event.numbers else {},
        )
        for i, event in enumerate(events)
    )


def registered(office, **more):
    events = complaining.register("complaint:1", on(office, LU), case=None, **TOLD | more)
    return replay(numbered(events), office.zone)


def acted(office, complaint, action, at=MORNING, **more):
    by, body = BODIES[action]
    events = complaining.DOES[action](complaint, on(office, by, at), **body | more)
    history = (*complaint.events, *numbered(events, complaint.version))
    return replay(history, office.zone)


def test_every_action_has_a_row_in_each_table():
    assert set(Action) == set(RULES) == set(MAY)
    assert set(Action) - {Action.REGISTER} == set(complaining.DOES)
    assert len(RULES) == len({rule.event for rule in RULES.values()})


def test_nobody_of_the_unit_closes_or_takes_it_further():
    for action in (Action.CLOSE, Action.ESCALATE, Action.ASSIGN):
        assert {Role.HOTLINE} == {may.role for may in MAY[action]}


@cases(st.lists(st.sampled_from([*BODIES]), max_size=8))
def test_any_order_of_acts_ends_where_the_table_says(actions):
    office = given.bureau().office
    complaint = registered(office)
    posts = {by.person: Caller(by.person) for by in (LU, CHEN)}
    slugs = set()
    for action in actions:
        by, _ = BODIES[action]
        before = complaint.stage
        try:
            complaining.permit(action, complaint, posts[by.person], office, MORNING)
        except Refused as refused:
            slugs.add(refused.slug)
            assert before not in RULES[action].when or complaint.unit is None
            continue
        complaint = acted(office, complaint, action)
        assert before in RULES[action].when
        assert RULES[action].then == complaint.stage
        # What is kept can be told again from the beginning.
        assert complaint == replay(complaint.events, office.zone)
    assert slugs <= {"wrong-stage", "action-not-allowed"}
    open_ = [d for d in deadlines(complaint, office, MORNING) if d.open]
    assert (complaint.stage == Stage.CLOSED) == (not open_)


@pytest.mark.parametrize(
    ("day", "light"), [("09", "yellow"), ("10", "red"), ("05", "green"), ("06", "yellow")]
)
def test_the_unit_has_five_working_days(office, day, light):
    complaint = acted(office, registered(office), Action.ASSIGN)
    at = datetime.fromisoformat(f"2026-03-{day}T12:00:00+08:00")

    (reply,) = [d for d in deadlines(complaint, office, at) if d.name == "complaint-reply"]

    assert ("2026-03-09", light) == (reply.due.isoformat(), reply.light)


def test_late_is_what_the_unit_is_not_what_the_hotline_is(office):
    late = datetime.fromisoformat("2026-03-10T09:00:00+08:00")
    with pytest.raises(Refused) as refused:
        acted(office, registered(office), Action.ESCALATE, at=late, ground="late")
    assert "complaint.grounds" == refused.value.rule

    given_to = acted(office, registered(office), Action.ASSIGN)
    assert Stage.ESCALATED == acted(office, given_to, Action.ESCALATE, at=late, ground="late").stage


@pytest.mark.parametrize("kind", ["service", "delay", "other"])
def test_only_some_kinds_are_serious_in_themselves(office, kind):
    with pytest.raises(Refused) as refused:
        acted(office, registered(office, kind=kind), Action.ESCALATE)
    assert "complaint.grounds" == refused.value.rule


def test_what_is_said_of_work_past_the_system_goes_to_another_unit(office):
    told = registered(office, kind="off-system", about={"unit": "qh-xzsp", "person": "chen-zhi"})
    with pytest.raises(Refused) as refused:
        acted(office, told, Action.ASSIGN)
    assert "complaint.not-to-the-concerned" == refused.value.rule

    elsewhere = acted(office, told, Action.ASSIGN, unit="qh-12345")
    assert "qh-12345" == elsewhere.unit
    # Control: of another kind, it goes to the unit of the person.
    other = registered(office, about={"unit": "qh-xzsp", "person": "chen-zhi"})
    assert "qh-xzsp" == acted(office, other, Action.ASSIGN).unit


def test_an_empty_history_is_no_complaint(office):
    assert Complaint(stream="", zone=office.zone) == replay((), office.zone)
