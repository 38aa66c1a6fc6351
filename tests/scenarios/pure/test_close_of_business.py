"""A last day that ends at the close of business, and what has no such end."""

from dataclasses import replace
from datetime import datetime

import pytest

from ledger import complaining
from ledger.complaint import deadlines, replay
from ledger.occasion import Occasion
from tests.ledger import given
from tests.ledger.given import last, local, part
from tests.ledger.test_complaint import CHEN, LU, TOLD

DEADLINES = given.POLICIES["deadlines-default"]
CLOSES = {**DEADLINES, "day_end": "day-end.close-of-business", "closes_at": "17:30"}


@pytest.fixture
def bureau():
    return given.bureau(policies={"deadlines-default": CLOSES})


@pytest.mark.parametrize(
    ("at", "light"),
    [("09:00", "yellow"), ("17:29:59", "yellow"), ("17:30", "red"), ("23:59", "red")],
)
def test_due_today_is_overdue_from_the_close(bureau, at, light):
    case = bureau.accepted("QH-002", "2026-05-06")

    assert light == last(bureau.state(case, at=f"2026-05-12 {at}"), "promised")["light"]


def test_the_duty_to_explain_opens_at_the_close(bureau):
    case = bureau.accepted("QH-002", "2026-05-06")

    before = bureau.state(case, at="2026-05-12 17:29:59")
    after = bureau.state(case, at="2026-05-12 17:30")

    assert (0, 1) == tuple(
        sum(d["name"] == "stage:explain" for d in s["deadlines"]) for s in (before, after)
    )


def test_the_explanation_is_late_after_the_close_of_its_day(bureau):
    case = bureau.accepted("QH-002", "2026-05-06")
    told = {"what": "explanation", "where": "www.qionghai.gov.cn/gk"}

    bureau.act(case, "publish", told, by="chen-zhi", at="2026-05-19 17:30")

    explain = {"due": "2026-05-19", "met_at": "2026-05-19", "light": "met-late"}
    assert explain == part(last(bureau.state(case), "stage:explain"), explain)


def test_what_begins_after_the_close_has_the_rest_of_its_day(bureau):
    case = bureau.received("QH-001", "2026-05-06 18:00")
    bureau.act(case, "accept", by="zhou-min", at="2026-05-06 18:05")

    assert "yellow" == last(bureau.state(case, at="2026-05-06 23:59"), "promised")["light"]
    assert "red" == last(bureau.state(case, at="2026-05-07 00:00"), "promised")["light"]


def test_withdrawn_after_the_close_of_the_last_day_is_still_a_broken_promise(bureau):
    case = bureau.accepted("QH-002", "2026-05-06")
    body = {"request": given.sha("request")}

    bureau.act(case, "withdraw", body, by="zhou-min", at="2026-05-12 17:45")

    assert "red" == last(bureau.state(case), "promised")["light"]
    cards = [c for c in bureau.alerts(case) if (c.deadline, c.level) == ("promised", "red")]
    assert [local("2026-05-12 17:30")] == [card.raised_at for card in cards]


def test_a_mere_day_is_the_whole_day(bureau):
    case = bureau.received("QH-002", "2026-05-06 09:00")
    body = {
        "missing": [{"material": "场所平面图"}],
        "served_at": "2026-05-12",
        "notice": given.sha("notice"),
    }

    bureau.act(case, "request-supplement", body, by="zhou-min", at="2026-05-12 17:29")

    supplement = {"due": "2026-05-12", "met_at": "2026-05-12", "light": "met"}
    assert supplement == part(last(bureau.state(case), "supplement"), supplement)


@pytest.mark.parametrize(("clock", "late"), [("17:29:59", False), ("17:30", True), ("23:00", True)])
def test_a_complaint_is_answered_before_the_close(bureau, clock, late):
    def done(complaint, events):
        recorded = tuple(
            replace(e, id=f"{n:032x}", position=100 + n, recorded_at=e.occurred_at)
            for n, e in enumerate(events, len(complaint.events) if complaint else 0)
        )
        return replay(((complaint.events if complaint else ()) + recorded), office.zone)

    def on(by, at):
        return Occasion(by=by, now=datetime.fromisoformat(f"{at}+08:00"), office=office)

    office = bureau.office
    events = complaining.register("complaint:1", on(LU, "2026-05-06T09:00"), case=None, **TOLD)
    one = done(None, events)
    given_to = complaining.assign(
        one, on(LU, "2026-05-06T10:00"), unit="qh-xzsp", summary="不予收件"
    )
    one = done(one, given_to)
    answered = complaining.reply(
        one, on(CHEN, f"2026-05-12T{clock}"), result="done", measure="已补收"
    )
    one = done(one, answered)

    found = {d.name: d for d in deadlines(one, office, one.recorded_at)}
    assert late == found["complaint-reply"].late
