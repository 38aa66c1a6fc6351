"""S04: the calendar changes in mid-case (Spring Festival 2020)."""

import pytest

from tests.ledger import given
from tests.ledger.given import CALENDARS, SUPPLEMENT, last, part, sha

NUMBER = "国办发明电〔2020〕1号"
NOTICE = {"number": NUMBER, "issued": "2020-01-26", "sha256": sha("notice-2020-1")}
NEW_YEAR = {**CALENDARS["cn-2020"], "notice": NOTICE}


@pytest.fixture
def bureau():
    return given.bureau(calendars=["cn-2020-first"])


def prolonged(bureau):
    """The holiday prolonged on 27 January; the position of the approval."""
    bureau.propose("calendar", "cn", NEW_YEAR, by="fang-ke", at="2020-01-27 10:00")
    return bureau.approve("calendar", "cn", by="wu-jun", at="2020-01-27 10:30").position


def test_an_approved_notice_moves_what_is_running(bureau):
    case = bureau.received("QH-002", "2020-01-20")
    before = {"due": "2020-02-01", "calendar_version": "cn@1", "moved_by": []}
    assert before == part(last(bureau.state(case, at="2020-01-25 12:00"), "supplement"), before)
    bureau.propose("calendar", "cn", NEW_YEAR, by="fang-ke", at="2020-01-27 10:00")
    assert before == part(last(bureau.state(case), "supplement"), before)

    position = bureau.approve("calendar", "cn", by="wu-jun", at="2020-01-27 10:30").position

    state = bureau.state(case, at="2020-01-27 11:00")
    moved = {
        "cause": "calendar",
        "rule": "calendar.recalculate",
        "position": position,
        "notice": NUMBER,
        "from": "2020-02-01",
        "to": "2020-02-04",
    }
    after = {"due": "2020-02-04", "calendar_version": "cn@2", "moved_by": [moved]}
    assert after == part(last(state, "supplement"), after)


def test_an_earlier_day_is_answered_with_the_earlier_calendar(bureau):
    case = bureau.received("QH-002", "2020-01-20")
    prolonged(bureau)

    then = last(bureau.as_of(case, "2020-01-25 12:00"), "supplement")

    known = {"due": "2020-02-01", "calendar_version": "cn@1"}
    assert known == part(then, known)


def test_a_notice_in_the_prolonged_time_is_in_time(bureau):
    case = bureau.received("QH-002", "2020-01-20")
    prolonged(bureau)
    light = last(bureau.state(case, at="2020-01-31 12:00"), "supplement")
    assert (3, "green") == (light["used"], light["light"])

    asked = {**SUPPLEMENT, "served_at": "2020-02-04"}
    done = bureau.act(case, "request-supplement", asked, by="zhou-min", at="2020-02-04 16:00")

    assert ["supplement-requested"] == [e.type for e in done]
    assert "met" == last(bureau.state(case), "supplement")["light"]


def test_under_the_first_notice_the_same_day_is_yellow(bureau):
    case = bureau.received("QH-002", "2020-01-20")

    light = last(bureau.state(case, at="2020-01-31 12:00"), "supplement")

    assert (4, "yellow") == (light["used"], light["light"])
