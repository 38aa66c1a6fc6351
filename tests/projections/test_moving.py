"""What is not looked at moves nothing: figures, reviews and seal uses name the acts that do.

Rows are functions of the events that move them, whatever else happens to the case; else they
would depend on how the ledger was cut into batches, and a rebuild would give others.
"""

import contextlib
from datetime import timedelta

import pytest

from ledger.case import replay
from ledger.errors import Refused
from ledger.lifecycle import RULES, Action, Stage
from projections import reviews, seal_register
from projections.figures import MOVING, row_of
from tests.ledger.given import bureau, sealing
from tests.ledger.lives import LEADS, NEEDS, do, led_to

VIEWS = {
    "performance": (MOVING, lambda case, office: [row_of(case, office)]),
    "reviews": (reviews.MOVING, reviews.rows_of),
    "seal_register": (seal_register.USES, seal_register.rows_of),
}


def told(view, events, office):
    return [row for row in VIEWS[view][1](replay(events, office.zone), office) if row is not None]


def unseen(view, events, office):
    """The types of acts after which a row was another without being looked at."""
    moving, found, before = VIEWS[view][0], set(), []
    for n, event in enumerate(events, 1):
        now = told(view, events[:n], office)
        if now != before and event.type not in moving:
            found.add(event.type)
        before = now
    return found


def lives():
    """A case at every stage with a seal used and a bad rating, and every act after that."""
    for stage in LEADS:
        for action in Action:
            if action != Action.RECEIVE:
                yield pytest.param(stage, action, id=f"{stage}-{action}")


@pytest.mark.parametrize(("stage", "action"), tuple(lives()))
def test_no_act_moves_a_row_unseen(stage, action):
    here = bureau(at="2026-03-02 09:00")
    case = led_to(here, stage)
    for first in (Action.SEAL, Action.EVALUATE, *NEEDS.get(action, ()), action):
        here.now += timedelta(days=1)
        more = {"grade": 2} if first == Action.EVALUATE else {}
        if first == Action.SEAL and action != Action.SEAL:
            more = sealing("acceptance-notice", 1)
        with contextlib.suppress(Refused):
            do(here, case, first, **more)
    here.now += timedelta(days=40)
    with contextlib.suppress(Refused):
        do(here, case, Action.TRANSFER)
    events = here.case(case).events

    for view in VIEWS:
        assert set() == unseen(view, events, here.office), view


def test_control_an_act_that_is_not_named_is_found(monkeypatch):
    here = bureau(at="2026-03-02 09:00")
    case = led_to(here, Stage.ISSUED)
    events = here.case(case).events
    monkeypatch.setitem(VIEWS, "performance", (frozenset(), VIEWS["performance"][1]))
    monkeypatch.setitem(VIEWS, "seal_register", (frozenset(), VIEWS["seal_register"][1]))

    assert {"accepted", "decided", "issued"} == unseen("performance", events, here.office)
    assert {"sealed"} == unseen("seal_register", events, here.office)


def test_every_act_that_moves_is_one_that_can_be_recorded():
    known = {rule.event for rule in RULES.values()} | {"deemed-accepted", "deemed-renewed"}

    for moving, _ in VIEWS.values():
        assert set() == moving - known
