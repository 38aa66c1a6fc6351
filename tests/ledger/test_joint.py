"""Joint handling (联合办理): a decision waits for who was asked in time, and for nobody longer."""

import random
from datetime import date, timedelta

import chinese_calendar
import pytest

from ledger import joint, matter, precondition
from ledger.case import Actor
from ledger.errors import Refused
from ledger.lifecycle import Action
from ledger.occasion import Occasion
from tests.ledger import given
from tests.ledger.given import ZONE, document, local, part, refuses

DAY = "2026-03-02"  # a Monday
DECISION = {"outcome": "grant", "document": document("decision")}
DENIAL = DECISION | {"outcome": "deny", "reasons": "消防不合格"}
STREAM = "matter:1"


@pytest.fixture
def bureau():
    return given.bureau()


class Joint:
    """A case of joint handling, and the matter in which its opinions are asked for."""

    def __init__(self, bureau, day=DAY, item="QH-005"):
        self.bureau = bureau
        self.history = ()
        bureau.at(f"{day} 09:00")
        form = {"name": "竣工联合验收", "kind": "joint", "applicant": {}}
        self.store(matter.open_matter(STREAM, self.occasion("zhou-min"), items=[item], **form))
        self.case = bureau.accepted(item, day)

    @property
    def matter(self):
        return matter.replay(self.history, ZONE)

    def occasion(self, person, organ="qh-xzsp", at=None):
        by = Actor(person=person, role="handler", organ=organ)
        return Occasion(by=by, now=self.bureau.now, office=self.bureau.office, occurred_at=at)

    def store(self, events):
        self.history = (*self.history, *self.bureau.append(events))

    def asked(self, organ, days, at=None):
        if at is not None:
            self.bureau.at(at)
        on = self.occasion("chen-zhi")
        self.store(matter.request_opinion(self.matter, on, organ=organ, question="?", days=days))

    def answered(self, organ, recommend="agree"):
        request = [o["request"] for o in self.matter.opinions if o["organ"] == organ][-1]
        said = {"request": request, "opinion": "同意", "recommend": recommend}
        self.store(matter.give_opinion(self.matter, self.occasion("mo-li", organ), **said))

    def decided(self, body=DECISION, at=None):
        (event,) = self.bureau.act(
            self.case, "decide", body, by="huang-qiang", at=at, matter=self.matter
        )
        return event


def opinion_flags(event):
    return [f["flag"] for f in event.flags if f["flag"].startswith("opinion-")]


@pytest.mark.parametrize("body", [DECISION, DENIAL])
def test_a_decision_waits_while_an_organ_that_was_asked_has_time(bureau, body):
    of = Joint(bureau)
    of.asked("qh-zjj", 5)
    of.asked("qh-wjw", 3)
    of.answered("qh-wjw")

    with refuses("rule-refused", "opinion.awaited"):
        of.decided(body, at="2026-03-09 23:59")  # 5 working days: the last is the 9th
    of.answered("qh-zjj")

    assert [] == opinion_flags(of.decided(body))


def test_who_lets_its_time_pass_holds_nobody_up_and_is_named(bureau):
    of = Joint(bureau)
    of.asked("qh-zjj", 5)
    of.asked("qh-wjw", 5)
    of.answered("qh-zjj")

    event = of.decided(at="2026-03-10 00:00")

    assert ["opinion-missing"] == opinion_flags(event)
    assert ["qh-wjw"] == event.data["opinions_missing"]
    flags = bureau.state(of.case)["flags"]
    missing = {"flag": "opinion-missing", "rule": "opinion.missing", "event": event.id}
    assert missing in flags
    assert ["qh-wjw"] == bureau.state(of.case)["decision"]["opinions_missing"]


def test_nobody_is_waited_for_beyond_the_last_day_of_the_law(bureau):
    of = Joint(bureau)
    of.asked("qh-zjj", 90)
    last = after(date.fromisoformat(DAY), 45)

    with refuses("rule-refused", "opinion.awaited"):
        of.decided(at=f"{last - timedelta(days=1)} 23:59")

    event = of.decided(at=f"{last} 09:00")
    assert "qh-zjj" in event.data["opinions_missing"]
    assert "opinion-missing" in opinion_flags(event)


def test_who_was_never_asked_holds_nobody_up_and_is_flagged_apart(bureau):
    of = Joint(bureau)
    of.asked("qh-zjj", 2)

    event = of.decided(at="2026-03-05 09:00")

    assert ["opinion-missing", "opinion-not-asked"] == opinion_flags(event)
    assert ["qh-zjj", "qh-wjw"] == event.data["opinions_missing"]


def test_without_a_matter_nobody_was_asked(bureau):
    case = bureau.accepted("QH-005", DAY)

    (event,) = bureau.act(case, "decide", DECISION, by="huang-qiang")

    assert ["opinion-not-asked"] == opinion_flags(event)
    assert ["qh-zjj", "qh-wjw"] == event.data["opinions_missing"]


def test_an_opinion_of_an_organ_that_the_item_does_not_name_is_not_waited_for(bureau):
    of = Joint(bureau)
    for organ in ("qh-zjj", "qh-wjw"):
        of.asked(organ, 5)
        of.answered(organ)
    of.asked("qh-scjg", 5)

    assert [] == opinion_flags(of.decided())


def test_items_of_another_kind_wait_for_nobody(bureau):
    of = Joint(bureau, item="QH-002")
    of.asked("qh-wjw", 5)

    event = of.decided(given.GRANT)

    assert [] == opinion_flags(event)
    assert "opinions_missing" not in event.data


def test_asked_again_the_newest_question_counts(bureau):
    of = Joint(bureau)
    for organ in ("qh-zjj", "qh-wjw"):
        of.asked(organ, 1)
        of.answered(organ)
    of.asked("qh-wjw", 2)

    with refuses("rule-refused", "opinion.awaited"):
        of.decided()
    of.answered("qh-wjw", "disagree")
    assert [] == opinion_flags(of.decided())


def test_a_late_entry_goes_by_the_day_of_the_decision(bureau):
    of = Joint(bureau)
    for organ in ("qh-zjj", "qh-wjw"):
        of.asked(organ, 3)
    bureau.at("2026-03-06 09:00")  # both had until the 5th
    body = DECISION | {"reason": "系统故障"}

    with refuses("rule-refused", "opinion.awaited"):
        of.decided(body | {"occurred_at": local("2026-03-05 16:00").isoformat()})

    event = of.decided(body)
    assert ["opinion-missing"] == opinion_flags(event)


def test_a_decision_rests_on_what_was_asked_by_then(bureau):
    of = Joint(bureau)
    for organ in ("qh-zjj", "qh-wjw"):
        of.asked(organ, 3)
        of.answered(organ)

    event = of.decided()

    assert {STREAM: of.matter.version} == part(event.relied_on, (STREAM,))
    assert 5 == of.matter.version


def test_no_walk_decides_before_the_last_day_of_who_was_asked():
    """Questions, answers and days at random, against the published calendar."""
    done = {"decided": 0, "waited": 0}
    for seed in range(60):
        rng = random.Random(seed)
        of = Joint(given.bureau())
        today, until = date.fromisoformat(DAY), {}
        for _ in range(rng.randrange(2, 9)):
            today += timedelta(days=rng.randrange(4))
            if of.bureau.now < local(f"{today} 15:00"):
                of.bureau.at(f"{today} 15:00")
            organ = rng.choice(("qh-zjj", "qh-wjw"))
            if organ in of.matter.missing:
                of.answered(organ)
                until.pop(organ)
            else:
                days = rng.randrange(1, 6)
                of.asked(organ, days)
                until[organ] = after(today, days)
        # In the order of the item's list, as they are told.
        waits = [o for o in ("qh-zjj", "qh-wjw") if o in until and today <= until[o]]
        if waits:
            with pytest.raises(Refused, match=".*".join(waits)) as refused:
                of.decided()
            assert "opinion.awaited" == refused.value.rule, seed
            done["waited"] += 1
            continue
        asked = {o["organ"] for o in of.matter.opinions}
        missing = [o for o in ("qh-zjj", "qh-wjw") if o in until or o not in asked]
        assert missing == of.decided().data.get("opinions_missing", []), seed
        done["decided"] += 1
    assert min(done.values()) > 5, done


def after(day, days):
    while days:
        day += timedelta(days=1)
        days -= chinese_calendar.is_workday(day)
    return day


def test_control_without_the_row_a_decision_waits_for_nobody(bureau, monkeypatch):
    monkeypatch.setattr(precondition, "_OWED", {})
    of = Joint(bureau)
    of.asked("qh-zjj", 5)

    of.decided()

    assert {Action.DECIDE: joint.awaited} != precondition._OWED
