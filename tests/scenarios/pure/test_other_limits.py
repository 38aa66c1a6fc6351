"""Scenarios of the same kind as S02 to S15 with other dates: whole lives across holidays.

Each expected date is stated, and counted a second time by the oracle, which shares neither
code nor calendar files with the ledger.
"""

import pytest

from tests.ledger import given
from tests.ledger.given import CALENDARS, last, material, part, refuses, sha
from tests.scenarios.oracle import oracle

NOTICE = sha("special-notice")
HEAD = {"approved_by": "wu-jun", "notice": sha("extension-notice"), "reason": "案情复杂"}


def stop(kind, served, planned):
    return {
        "kind": kind,
        "planned_days": planned,
        "approved_by": "huang-qiang",
        "notice": NOTICE,
        "served_at": served,
    }


def suspend(bureau, case, kind, day, planned):
    bureau.act(case, "suspend", stop(kind, day, planned), by="chen-zhi", at=f"{day} 10:00")


def resume(bureau, case, kind, day):
    body = {"kind": kind, "result": sha("report")}
    bureau.act(case, "resume", body, by="chen-zhi", at=f"{day} 15:00")


def dues(state, *names):
    return [last(state, name)["due"] for name in names]


def moves(state, name):
    moved = last(state, name)["moved_by"]
    return [(m["cause"], m["rule"], m["from"], m["to"]) for m in moved]


def by_law(state):
    return [d["name"] for d in state["deadlines"] if d["rule"] == "acceptance.deemed"]


# -- supplements -------------------------------------------------------------------------


def supplemented(bureau, received, asked, complete):
    case = bureau.received("QH-002", received)
    ask = {"missing": [{"material": "场所平面图"}], "served_at": asked, "notice": sha("n")}
    bureau.act(case, "request-supplement", ask, by="zhou-min", at=f"{asked} 10:00")
    plan = {"materials": [material("场所平面图", "plan")]}
    bureau.act(case, "receive-supplement", plan, by="zhou-min", at=f"{complete} 11:00")
    return case


def test_silence_after_the_list_over_the_spring_festival(bureau):
    case = supplemented(bureau, "2026-02-02", "2026-02-09", "2026-02-10")
    assert oracle("2026-02-02", 5) == "2026-02-09"

    # 11, 12, 13, Saturday 14 at work, Tuesday 24 after nine days off.
    again = {"start": "2026-02-10", "due": "2026-02-24", "light": "green"}
    assert again == part(last(bureau.state(case), "supplement"), again)
    assert oracle("2026-02-10", 5) == "2026-02-24"
    assert "supplementing" == bureau.state(case, at="2026-02-24 23:59:59")["stage"]
    state = bureau.state(case, at="2026-02-25 00:00")
    assert ("accepted", ["statutory", "promised"]) == (state["stage"], by_law(state))
    assert ["2026-03-16", "2026-02-24"] == dues(state, "statutory", "promised")
    assert oracle("2026-02-10", 20) == "2026-03-16"


def test_a_corrected_day_of_the_supplement_moves_what_began_on_it(bureau):
    # Tomb-sweeping: Friday 4 to Sunday 6 April 2025 are off, without a make-up day.
    case = supplemented(bureau, "2025-04-01", "2025-04-02", "2025-04-08")
    bureau.act(case, "accept", {}, by="zhou-min", at="2025-04-09 09:00")
    state = bureau.state(case)
    assert ["2025-05-08", "2025-04-15"] == dues(state, "statutory", "promised")
    assert "acceptance.when-complete" == last(state, "statutory")["rule"]
    received = next(e for e in bureau.cases[case].events if e.type == "supplement-received")

    fix = {
        "event": received.id,
        "fields": {"occurred_at": "2025-04-07T16:00:00+08:00"},
        "evidence": sha("slip"),
        "reason": "窗口登记",
    }
    (proposed,) = bureau.act(case, "correct", fix, by="zhou-min", at="2025-04-10 09:00")
    assert "2025-05-08" == last(bureau.state(case), "statutory")["due"]
    approve = {"event": proposed.id}
    bureau.act(case, "approve-correction", approve, by="huang-qiang", at="2025-04-10 10:00")

    state = bureau.state(case)
    assert ["2025-05-07", "2025-04-14"] == dues(state, "statutory", "promised")
    assert [oracle("2025-04-07", n) for n in (20, 5)] == ["2025-05-07", "2025-04-14"]
    correction = ("correction", "correction.approved", "2025-05-08", "2025-05-07")
    assert [correction] == moves(state, "statutory")
    second = {"start": "2025-04-07", "due": "2025-04-14", "met_at": "2025-04-09"}
    assert second == part(last(state, "supplement"), second)
    assert "2025-05-08" == last(bureau.as_of(case, "2025-04-09 12:00"), "statutory")["due"]


def test_a_notice_served_after_the_holiday_is_a_day_too_late(bureau):
    case = bureau.received("QH-002", "2024-09-25")
    # 26, 27, Sunday 29 at work, 30, then Tuesday 8 October.
    assert "2024-10-08" == last(bureau.state(case), "supplement")["due"] == oracle("2024-09-25", 5)
    ask = {"missing": [{"material": "场所平面图"}], "served_at": "2024-10-09", "notice": sha("n")}

    law, asked = bureau.act(case, "request-supplement", ask, by="zhou-min", at="2024-10-09 08:31")

    assert ("deemed-accepted", None, "by-law") == (law.type, law.actor.person, law.actor.kind)
    assert [{"flag": "late-notice", "rule": "supplement.late"}] == list(asked.flags)
    state = bureau.state(case)
    assert ("accepted", ["2024-10-28", "2024-10-08"]) == (
        state["stage"],
        dues(state, "statutory", "promised"),
    )
    assert oracle("2024-09-25", 20) == "2024-10-28"


# -- suspensions and extensions ----------------------------------------------------------


def test_two_suspensions_one_after_the_other(bureau):
    case = bureau.accepted("QH-002", "2025-04-21")
    bureau.transferred(case, "2025-04-21 11:00")
    suspend(bureau, case, "inspection", "2025-04-24", 5)
    resume(bureau, case, "inspection", "2025-05-06")
    state = bureau.state(case)
    # 25, Sunday 27 at work, 28, 29, 30 April and 6 May.
    assert 6 == last(state, "statutory")["paused_days"]
    assert ["2025-05-29", "2025-05-08"] == dues(state, "statutory", "promised")

    suspend(bureau, case, "testing", "2025-05-09", 5)
    resume(bureau, case, "testing", "2025-05-16")

    state = bureau.state(case)
    pauses = (("2025-04-24", "2025-05-06"), ("2025-05-09", "2025-05-16"))
    assert "2025-06-06" == last(state, "statutory")["due"] == oracle("2025-04-21", 20, *pauses)
    assert 11 == last(state, "statutory")["paused_days"]
    assert [
        ("suspension", "suspension.after-start", "2025-05-21", "2025-05-29"),
        ("suspension", "suspension.after-start", "2025-05-29", "2025-06-06"),
    ] == moves(state, "statutory")
    # The promise had run out on the day before the second one: it stays broken.
    assert ("2025-05-08", "red") == (
        last(state, "promised")["due"],
        last(state, "promised")["light"],
    )
    lights = [d["light"] for d in state["deadlines"] if d["name"] == "special"]
    assert ["met-late", "met"] == lights


def test_two_suspensions_over_the_national_day_pause_each_day_once(bureau):
    case = bureau.accepted("QH-002", "2024-09-23")
    bureau.transferred(case, "2024-09-23 11:00")
    suspend(bureau, case, "inspection", "2024-09-26", 5)
    suspend(bureau, case, "testing", "2024-09-29", 5)

    special = [(d["start"], d["due"]) for d in bureau.state(case)["deadlines"] if
               d["name"] == "special"]  # fmt: skip
    assert [("2024-09-26", "2024-10-09"), ("2024-09-29", "2024-10-11")] == special
    resume(bureau, case, "inspection", "2024-10-09")
    assert "suspended" == bureau.state(case)["stage"]
    resume(bureau, case, "testing", "2024-10-12")

    state = bureau.state(case)
    pause = ("2024-09-26", "2024-10-12")
    assert ["2024-11-05", "2024-10-15"] == dues(state, "statutory", "promised")
    assert oracle("2024-09-23", 20, pause) == "2024-11-05"
    assert oracle("2024-09-23", 5, pause) == "2024-10-15"
    # 27, Sunday 29, 30 September, 8, 9, 10, 11 and Saturday 12 October.
    assert 8 == last(state, "promised")["paused_days"]


def test_an_extension_while_the_clock_stands(bureau):
    case = bureau.accepted("QH-002", "2026-04-13")
    bureau.transferred(case, "2026-04-13 11:00")
    assert "2026-05-13" == last(bureau.state(case), "statutory")["due"]
    suspend(bureau, case, "testing", "2026-04-20", 10)
    assert "2026-05-27" == last(bureau.state(case), "statutory")["due"]

    bureau.act(case, "extend", {"days": 10, **HEAD}, by="chen-zhi", at="2026-04-28 10:00")
    assert "2026-06-10" == last(bureau.state(case), "statutory")["due"]
    resume(bureau, case, "testing", "2026-05-08")

    state = bureau.state(case)
    pause = ("2026-04-20", "2026-05-08")
    statutory = {"budget": 30, "due": "2026-06-11", "paused_days": 11, "light": "green"}
    assert statutory == part(last(state, "statutory"), statutory)
    assert oracle("2026-04-13", 30, pause) == "2026-06-11"
    assert [
        ("suspension", "suspension.after-start", "2026-05-13", "2026-05-28"),
        ("extension", "extension.in-time", "2026-05-28", "2026-06-11"),
    ] == moves(state, "statutory")
    # The promise ran out on the first day of the suspension, which still counts.
    assert "2026-04-20" == last(state, "promised")["due"]
    assert "red" == last(state, "promised")["light"]


@pytest.mark.parametrize(
    ("at", "effective", "due"),
    [("2025-01-27 17:30", True, "2025-02-17"), ("2025-01-28 09:00", False, "2025-01-27")],
)
def test_an_extension_on_the_last_day_before_the_spring_festival(bureau, at, effective, due):
    case = bureau.accepted("QH-002", "2024-12-30")
    bureau.transferred(case, "2024-12-30 11:00")
    assert "2025-01-27" == last(bureau.state(case), "statutory")["due"] == oracle("2024-12-30", 20)

    (extended,) = bureau.act(case, "extend", {"days": 10, **HEAD}, by="chen-zhi", at=at)

    assert effective is extended.data["effective"]
    flags = [] if effective else [{"flag": "extension-after-due", "rule": "extension.in-time"}]
    assert flags == list(extended.flags)
    statutory = {"budget": 30 if effective else 20, "due": due}
    assert statutory == part(last(bureau.state(case), "statutory"), statutory)
    assert due == oracle("2024-12-30", statutory["budget"])


def test_joint_handling_over_the_year_boundary(bureau):
    case = bureau.accepted("QH-005", "2025-11-17")
    bureau.transferred(case, "2025-11-17 11:00")
    assert ["2026-01-20", "2025-12-03"] == dues(bureau.state(case), "statutory", "promised")
    assert [oracle("2025-11-17", n) for n in (45, 12)] == ["2026-01-20", "2025-12-03"]
    body = {**HEAD, "days": 15}
    with refuses("beyond-authority", "extension.approver"):
        bureau.act(case, "extend", body, by="chen-zhi", at="2026-01-20 15:00")

    bureau.act(case, "extend", {**body, "approved_by": "shi-lei"}, by="chen-zhi")

    statutory = {"budget": 60, "due": "2026-02-10"}
    assert statutory == part(last(bureau.state(case), "statutory"), statutory)
    assert oracle("2025-11-17", 60) == "2026-02-10"


def test_a_hearing_over_may_day(bureau):
    case = bureau.accepted("QH-003", "2026-04-13")
    bureau.transferred(case, "2026-04-13 11:00")
    told = {"kind": "hearing", "approved_by": "huang-qiang", "notice": NOTICE}
    first = {**told, "served_at": "2026-04-21"}
    bureau.act(case, "suspend", first, by="chen-zhi", at="2026-04-21 10:00")
    asking = {"start": "2026-04-21", "due": "2026-04-28", "budget": 5}
    assert asking == part(last(bureau.state(case), "stage:hearing-request"), asking)

    order = {
        **told,
        "served_at": "2026-04-28",
        "requested_at": "2026-04-27",
        "presider": "huang-qiang",
    }
    # 29, 30 April, 6, 7, 8 May and Saturday 9 at work: six; Monday 11 is the seventh.
    with refuses("rule-refused", "hearing.notice"):
        early = {**order, "held_on": "2026-05-09"}
        bureau.act(case, "suspend", early, by="chen-zhi", at="2026-04-28 10:00")
    bureau.act(case, "suspend", {**order, "held_on": "2026-05-11"}, by="chen-zhi")

    assert oracle("2026-04-28", 7) == "2026-05-11"
    state = bureau.state(case)
    assert "2026-04-27" == last(state, "stage:hearing-request")["met_at"]
    assert "2026-05-27" == last(state, "stage:hearing")["due"] == oracle("2026-04-27", 20)
    resume(bureau, case, "hearing", "2026-05-11")
    state = bureau.state(case)
    pause = ("2026-04-21", "2026-05-11")
    assert ["2026-05-29", "2026-05-15"] == dues(state, "statutory", "promised")
    assert [oracle("2026-04-13", n, pause) for n in (20, 10)] == ["2026-05-29", "2026-05-15"]
    with refuses("separation-of-duties", "SOD-11"):
        post = {"person": "huang-qiang", "role": "checker", "organ": "qh-xzsp",
                "from": "2026-01-01"}  # fmt: skip
        bureau.propose("appointment", "huang-checker", post, by="fang-ke")
        bureau.approve("appointment", "huang-checker", by="wu-jun")
        body = given.opinion("check", "同意")
        bureau.act(case, "review", body, by="huang-qiang")


# -- calendars ---------------------------------------------------------------------------

COUNTY = {
    "calendar": "469030",
    "year": 2024,
    # Invented: its own festival, and the make-up Sunday before it that it does not work.
    "off": ["2024-04-07", "2024-04-11", "2024-04-12"],
    "work": [],
    "notice": {"number": "示例〔2024〕1号", "issued": "2024-03-20", "sha256": sha("county")},
}


@pytest.mark.parametrize(
    ("ledger", "promised", "statutory", "version"),
    [
        ("469030", "2024-04-16", "2024-05-09", "cn@4+469030@1"),
        ("469002", "2024-04-11", "2024-05-06", "cn@4"),
    ],
)
def test_a_countys_own_festival_beside_the_nations(ledger, promised, statutory, version):
    bureau = given.bureau(ledger=ledger)
    bureau.propose("calendar", "469030", COUNTY, by="fang-ke", at="2024-03-21 10:00")
    bureau.approve("calendar", "469030", by="wu-jun", at="2024-03-21 11:00")
    case = bureau.accepted("QH-002", "2024-04-03")

    state = bureau.state(case)

    assert [promised, statutory] == dues(state, "promised", "statutory")
    closed = COUNTY["off"] if ledger == "469030" else ()
    assert promised == oracle("2024-04-03", 5, closed=closed)
    assert statutory == oracle("2024-04-03", 20, closed=closed)
    assert version == last(state, "promised")["calendar_version"]
    at_noon = last(bureau.state(case, at="2024-04-12 12:00"), "promised")
    assert ("green" if ledger == "469030" else "red") == at_noon["light"]


def test_a_typhoon_closes_a_city_for_two_days(bureau):
    case = bureau.accepted("QH-002", "2024-09-03")
    assert "2024-09-10" == last(bureau.state(case), "promised")["due"]
    # Early on Friday the 6th; then the city is closed on that day and on Monday.
    closed = ["2024-09-06", "2024-09-09"]
    year = {**COUNTY, "calendar": "469002", "off": closed}
    bureau.propose("calendar", "469002", year, by="fang-ke", at="2024-09-06 09:00")
    assert "2024-09-10" == last(bureau.state(case), "promised")["due"]
    approved = bureau.approve("calendar", "469002", by="wu-jun", at="2024-09-06 09:30")

    state = bureau.state(case)

    assert "2024-09-12" == last(state, "promised")["due"]
    assert oracle("2024-09-03", 5, closed=closed) == "2024-09-12"
    assert [
        {
            "cause": "calendar",
            "rule": "calendar.recalculate",
            "position": approved.position,
            "notice": "示例〔2024〕1号",
            "from": "2024-09-10",
            "to": "2024-09-12",
        }
    ] == last(state, "promised")["moved_by"]
    (early,) = (c for c in bureau.alerts(case) if c.deadline == "promised")
    assert ("early", "withdrawn", "calendar") == (early.level, early.state, early.reason)
    assert "2024-09-10" == last(bureau.as_of(case, "2024-09-06 09:10"), "promised")["due"]


def test_a_year_without_its_notice_is_provisional_until_it_comes(bureau):
    case = bureau.accepted("QH-002", "2026-12-24")
    state = bureau.state(case)
    assert True is last(state, "statutory")["provisional"]
    before = last(state, "statutory")["due"]
    # 1 January alone is off by the law itself: 25, 28 to 31 December, then from the 4th on.
    assert "2027-01-22" == before
    assert "provisional" not in last(state, "promised")
    assert "2026-12-31" == last(state, "promised")["due"] == oracle("2026-12-24", 5)

    notice = {"number": "示例〔2026〕9号", "issued": "2026-12-28", "sha256": sha("2027")}
    year = {**CALENDARS["cn-2027"], "provisional": False, "notice": notice}
    year |= {"off": [*year["off"], "2027-01-04"], "work": ["2027-01-09"]}
    bureau.propose("calendar", "cn", year, by="fang-ke", at="2026-12-28 10:00")
    bureau.approve("calendar", "cn", by="wu-jun", at="2026-12-28 11:00")

    # Monday the 4th off, Saturday the 9th at work: the same day, and certain now.
    state = bureau.state(case)
    assert (before, []) == (last(state, "statutory")["due"], last(state, "statutory")["moved_by"])
    assert "provisional" not in last(state, "statutory")
