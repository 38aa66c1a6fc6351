"""The short way of measuring a plain case, and of leaving out its deadlines that raise nothing,
tells what the long way tells."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger import approval, result, supervision
from ledger.case import Actor, Case, Events
from ledger.errors import Refused
from ledger.occasion import Occasion
from ledger.office import Office
from ledger.office.setup import opening
from projections import cards
from projections.limits import far, limits, measured
from projections.unfolded import unfolded
from tests.projections.conftest import (
    APPLICANT,
    CHEN,
    FORM,
    HE,
    HUANG,
    LICENCE,
    LIN,
    MO,
    TANG,
    ZHOU,
    content,
    instant,
)

START = instant("2025-09-15 08:00")
DECISION = LICENCE | {"kind": "decision"}
ITEMS = ("QH-001", "QH-002", "QH-003", "QH-004", "QH-005", "QH-006", "QH-008")


def example():
    document = content(".", "example")
    calendars = {name: content("calendars", name) for name in document["calendars"]}
    policies = {name: content("policies", name) for name in document["policies"]}
    told = opening(document, calendars, policies, ledger="469002", at=START, simulated=True)
    recorded = (
        replace(e, id=f"{n:032x}", position=n, recorded_at=START) for n, e in enumerate(told)
    )
    return Office("469002").following(recorded)


OFFICE = example()
HANDLED = {"level": "handle", "opinion": "同意", "recommend": "grant"}
CHECKED = {"level": "check", "opinion": "同意", "recommend": "grant"}
STOP = {"approved_by": "huang-qiang", "notice": "7" * 64, "planned_days": 5}
ACTS: tuple[tuple[Callable[..., Events], Actor, dict[str, Any]], ...] = (
    (approval.request_supplement, ZHOU, {"missing": [{"material": "图"}], "notice": "8" * 64}),
    (approval.receive_supplement, ZHOU, {"materials": [{**FORM, "name": "图"}]}),
    (approval.accept, ZHOU, {}),
    (approval.transfer, ZHOU, {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}),
    (approval.acknowledge_transfer, CHEN, {}),
    (approval.review, CHEN, HANDLED),
    (approval.review, LIN, CHECKED),
    (approval.suspend, CHEN, {"kind": "inspection", **STOP}),
    (approval.resume, CHEN, {"kind": "inspection"}),
    (approval.suspend, CHEN, {"kind": "expert-review", **STOP}),
    (approval.resume, CHEN, {"kind": "expert-review"}),
    (approval.extend, CHEN, {"days": 5, "approved_by": "wu-jun", "notice": "9" * 64}),
    (result.decide, HUANG, {"outcome": "grant", "document": LICENCE}),
    (result.decide, HUANG, {"outcome": "deny", "reasons": "不符合", "document": DECISION}),
    (result.seal, HE, {"seal": "QH-S1", "document": LICENCE}),
    (result.issue, TANG, {"document": LICENCE, "method": "window", "recipient": {}}),
    (result.push, CHEN, {"to": "qh-wjw"}),
    (supervision.claim, MO, {}),
    (result.publish, CHEN, {"what": "decision", "where": "网站"}),
    (result.publish, CHEN, {"what": "explanation", "where": "网站"}),
    (approval.withdraw, ZHOU, {}),
    (approval.decline, ZHOU, {"kind": "not-needed", "reasons": "不需要"}),
)


def lived(chance):
    """A case of random acts at random times; what the acts themselves refuse is left out."""
    now, position = START, OFFICE.position + 1
    case = Case("case:x", OFFICE.zone)

    def happens(case, does, by, details):
        nonlocal position
        on = Occasion(by=by, now=now, office=OFFICE, reason="因")
        done = []
        for event in does(case, on, **details):
            registers = {"case/2025": 1} if case.version == 0 else {}
            done.append(
                replace(
                    event, id=f"{position:032x}", position=position, recorded_at=now,
                    registers=registers,
                )
            )  # fmt: skip
            position += 1
        return case.following(done)

    receipt = {
        "item": chance.choice(ITEMS), "applicant": APPLICANT, "channel": "window",
        "materials": [FORM], "organ": "qh-xzsp",
    }  # fmt: skip
    case = happens(case, approval.receive, ZHOU, receipt)
    pace = chance.choice((0.2, 1, 4))
    for _ in range(chance.randrange(30)):
        now += timedelta(days=chance.expovariate(1) * pace)
        does, by, details = chance.choice(ACTS)
        try:
            case = happens(case, does, by, details)
        except (Refused, KeyError, TypeError):
            continue
    return case


@pytest.mark.parametrize("seed", range(40))
def test_the_short_way_tells_what_the_long_way_tells(seed, monkeypatch):
    chance = random.Random(seed)
    for _ in range(10):
        case = lived(chance)
        _, known = unfolded(case.events, case.zone)

        assert measured(case, OFFICE) == limits(case, OFFICE)
        told = cards.of_case(case, known, OFFICE)
        every = frozenset(run.name for run in case.runs) | {cards.EXPLAIN}
        with monkeypatch.context() as patched:
            patched.setattr(cards, "_at_stake", lambda *_, every=every: every)
            assert cards.of_case(case, known, OFFICE) == told


def test_the_random_cases_are_worth_looking_at():
    """The control of the test above: among its cases are all that it means to compare."""
    chance = random.Random(0)
    cases = [lived(chance) for _ in range(300)]

    assert {"received", "suspended", "decided", "withdrawn"} <= {str(c.stage) for c in cases}
    assert 20 < sum(bool(c.pauses) for c in cases)
    assert 5 < sum(bool(c.extensions) for c in cases)
    assert 50 < sum(len(c.runs) > 4 for c in cases)
    told = [cards.of_case(c, unfolded(c.events, c.zone)[1], OFFICE) for c in cases]
    assert 20 < sum(not cards for cards in told) < 280
    levels = {card.level for some in told for card in some}
    assert {"early", "yellow", "red"} == levels
    assert any(card.closed_at for some in told for card in some)


@pytest.mark.parametrize("seed", range(10))
def test_no_calendar_after_the_last_day_moves_anything(seed):
    chance = random.Random(seed)
    for _ in range(10):
        case = lived(chance)
        last = far(case)
        if last is not None:
            found = measured(case, OFFICE)
            dues = [found.statutory, found.promised, found.next_due]
            assert all(due < last for due in dues if due is not None)
