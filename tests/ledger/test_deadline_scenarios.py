"""The dates of the acceptance scenarios, as functions of facts and calendars."""

from dataclasses import replace

import pytest

from ledger.alert import CAUSES, Moment, raised
from ledger.deadline import foreseen, thresholds
from ledger.limit import Extension, Facts, Pause, Step
from ledger.workdays import Calendars
from tests.ledger.days import (
    EXAMPLE,
    POLICY,
    ZONE,
    accepted,
    adopted,
    at,
    calendars,
    day,
    listed,
    measured,
    moment,
    run,
    shown,
    uncorrected,
)

# -- S01 Make-up days count (National Day) --------------------------------------------------

S01 = uncorrected(accepted("2025-09-22"))
S01_TABLE = [
    ("2025-09-22", 0, "green", 0, "green"),
    ("2025-09-25", 3, "green", 3, "green"),
    ("2025-09-26", 4, "green", 4, "yellow"),
    ("2025-09-27", 4, "green", 4, "yellow"),
    ("2025-09-28", 5, "green", 5, "yellow"),
    ("2025-09-29", 6, "green", 6, "red"),
    ("2025-10-08", 7, "green", 7, "red"),
    ("2025-10-11", 10, "green", 10, "red"),
    ("2025-10-13", 11, "green", 11, "red"),
    ("2025-10-21", 17, "green", 17, "red"),
    ("2025-10-22", 18, "yellow", 18, "red"),
    ("2025-10-24", 20, "yellow", 20, "red"),
    ("2025-10-25", 20, "red", 20, "red"),
]


def test_s01_the_whole_deadline_is_explained():
    found = shown(S01, "2025-09-22 12:00")

    assert found["statutory"] == {
        "name": "statutory",
        "unit": "working-day",
        "budget": 20,
        "used": 0,
        "paused_days": 0,
        "start": "2025-09-22",
        "due": "2025-10-24",
        "light": "green",
        "basis": "APL 42",
        "rule": "acceptance.accepted",
        "calendar_version": "cn@4",
        "moved_by": [],
    }
    assert "2025-09-28" == found["promised"]["due"]
    assert "优化营商环境条例 36" == found["promised"]["basis"]


@pytest.mark.parametrize(("on", "used", "light", "promise_used", "promise_light"), S01_TABLE)
def test_s01_used_and_light_on_each_day(on, used, light, promise_used, promise_light):
    found = shown(S01, f"{on} 12:00")

    assert (used, light) == (found["statutory"]["used"], found["statutory"]["light"])
    assert (promise_used, promise_light) == (
        found["promised"]["used"],
        found["promised"]["light"],
    )


def test_s01_cards_are_raised_at_midnight():
    moments = [moment(2, "2025-09-22 10:00", accepted("2025-09-22"))]

    cards = raised("K", moments, POLICY, ZONE, at("2025-10-25 12:00"))

    assert [
        ("promised", "early", at("2025-09-25 00:00")),
        ("promised", "yellow", at("2025-09-26 00:00")),
        ("promised", "red", at("2025-09-29 00:00")),
        ("statutory", "early", at("2025-10-17 00:00")),
        ("statutory", "yellow", at("2025-10-22 00:00")),
        ("statutory", "red", at("2025-10-25 00:00")),
    ] == [(c.deadline, c.level, c.raised_at) for c in cards]
    assert {"raised"} == {c.state for c in cards}
    assert "K/promised/2025-09-22/early" == cards[0].id
    assert {"alerts-default@1"} == {c.policy for c in cards}


@pytest.mark.parametrize(
    ("forgotten", "wrong"), [(["work"], "2025-10-28"), (["off", "work"], "2025-10-20")]
)
def test_s01_control_who_forgets_a_list_gets_the_wrong_day(forgotten, wrong):
    known = adopted(Calendars(), listed("cn-2025") | {key: [] for key in forgotten}, 1)

    assert wrong == shown(S01, "2025-09-22 12:00", known)["statutory"]["due"]


# -- S02 Supplement on the last day, which is a Sunday --------------------------------------


def test_s02_the_last_day_is_a_sunday_at_work():
    received = run("supplement", "2025-09-22", 5)
    before = shown(uncorrected([received]), "2025-09-28 15:00")["supplement"]

    after = shown(uncorrected([replace(received, met=day("2025-09-28"))]), "2025-09-29 00:10")

    assert ("2025-09-28", "yellow") == (before["due"], before["light"])
    assert (5, "2025-09-28", "met") == (
        after["supplement"]["used"],
        after["supplement"]["met_at"],
        after["supplement"]["light"],
    )


def test_s02_the_clock_starts_when_the_list_is_complete():
    first = run("supplement", "2025-09-22", 5, met=day("2025-09-28"))
    again = run("supplement", "2025-10-09", 5, 14)

    opened = shown(uncorrected([first, again]), "2025-10-09 11:01")["supplement"]
    limits = accepted("2025-10-09", opened=15, rule="acceptance.when-complete")
    after = shown(uncorrected(limits), "2025-10-10 09:01")
    wrong = shown(uncorrected(accepted("2025-10-10")), "2025-10-10 09:01")

    assert ("2025-10-09", "2025-10-15", "green") == (
        opened["start"],
        opened["due"],
        opened["light"],
    )
    assert "2025-11-05" == after["statutory"]["due"]
    assert "acceptance.when-complete" == after["statutory"]["rule"]
    assert "2025-10-15" == after["promised"]["due"]
    assert "2025-11-06" == wrong["statutory"]["due"]


# -- S03 Supplement on day 6: accepted by law -----------------------------------------------


def test_s03_accepted_by_law_from_the_day_of_receipt():
    late = run("supplement", "2025-09-22", 5, met=day("2025-09-29"))
    limits = accepted("2025-09-22", opened=11, rule="acceptance.deemed")

    found = shown(uncorrected([late, *limits]), "2025-09-29 08:30")

    assert "2025-10-24" == found["statutory"]["due"]
    assert "acceptance.deemed" == found["statutory"]["rule"]
    assert ("2025-09-28", "red") == (found["promised"]["due"], found["promised"]["light"])
    assert "met-late" == found["supplement"]["light"]


@pytest.mark.parametrize("recorded", ["00:00", "08:30"])
def test_s03_the_red_card_names_what_the_law_did(recorded):
    supplement = run("supplement", "2025-09-22", 5)
    met = replace(supplement, met=day("2025-09-29"))
    limits = accepted("2025-09-22", opened=11, rule="acceptance.deemed")
    moments = [
        moment(1, "2025-09-22 09:00", [supplement]),
        moment(2, f"2025-09-29 {recorded}", [met, *limits]),
    ]

    cards = raised("K", moments, POLICY, ZONE, at("2025-09-29 09:00"))

    red = [c for c in cards if c.level == "red"]
    assert [("supplement", "acceptance.deemed", at("2025-09-29 00:00"))] == [
        (c.deadline, c.rule, c.raised_at) for c in red if c.deadline == "supplement"
    ]
    assert [("promised", "acceptance.deemed", at(f"2025-09-29 {recorded}"))] == [
        (c.deadline, c.rule, c.raised_at) for c in red if c.deadline == "promised"
    ]
    # Overdue when it came to be known: one card, and not three.
    assert 1 == sum(c.deadline == "promised" for c in cards)


# -- S04 The calendar changes in mid-case ---------------------------------------------------

S04_FIRST = calendars("cn-2020-first")
S04_BOTH = adopted(S04_FIRST, listed("cn-2020"), 9, at("2020-01-27 10:30"))
S04 = uncorrected([run("supplement", "2020-01-20", 5, 4)])


def test_s04_the_due_date_moves_and_says_by_which_notice():
    before = shown(S04, "2020-01-25 12:00", S04_FIRST)["supplement"]
    after = shown(S04, "2020-01-27 11:00", S04_BOTH)["supplement"]

    assert ("2020-02-01", "cn@1", []) == (
        before["due"],
        before["calendar_version"],
        before["moved_by"],
    )
    assert ("2020-02-04", "cn@2") == (after["due"], after["calendar_version"])
    assert [
        {
            "cause": "calendar",
            "rule": "calendar.recalculate",
            "position": 9,
            "notice": "国办发明电〔2020〕1号",
            "from": "2020-02-01",
            "to": "2020-02-04",
        }
    ] == after["moved_by"]


def test_s04_an_earlier_position_answers_with_the_earlier_calendar():
    as_of = shown(S04, "2020-01-25 12:00", S04_BOTH.known_at(8))["supplement"]

    assert as_of == shown(S04, "2020-01-25 12:00", S04_FIRST)["supplement"]


def test_s04_control_without_positions_the_past_would_change(monkeypatch):
    monkeypatch.setattr(Calendars, "known_at", lambda self, _: self)

    as_of = shown(S04, "2020-01-25 12:00", S04_BOTH.known_at(8))["supplement"]

    assert "2020-02-04" == as_of["due"]


def test_s04_used_and_light_follow_the_calendar():
    under_first = shown(S04, "2020-01-31 12:00", S04_FIRST)["supplement"]
    under_both = shown(S04, "2020-01-31 12:00", S04_BOTH)["supplement"]
    met = uncorrected([run("supplement", "2020-01-20", 5, 4, met=day("2020-02-04"))])

    assert (4, "yellow") == (under_first["used"], under_first["light"])
    assert (3, "green") == (under_both["used"], under_both["light"])
    assert "met" == shown(met, "2020-02-05 12:00", S04_BOTH)["supplement"]["light"]


def test_s04_a_yellow_card_is_withdrawn_by_the_calendar():
    runs = S04[0].facts.runs
    late = adopted(S04_FIRST, listed("cn-2020"), 9, at("2020-01-31 10:30"))
    moments = [
        moment(4, "2020-01-20 09:00", runs, known=S04_FIRST),
        moment(9, "2020-01-31 10:30", runs, "calendar", late),
    ]

    cards = raised("K", moments, POLICY, ZONE, at("2020-02-05 12:00"))

    assert [
        ("early", "K/supplement/2020-01-20/early", at("2020-01-23 00:00"), "raised"),
        ("yellow", "K/supplement/2020-01-20/yellow", at("2020-01-31 00:00"), "withdrawn"),
        ("yellow", "K/supplement/2020-01-20/yellow/2", at("2020-02-03 00:00"), "raised"),
        ("red", "K/supplement/2020-01-20/red", at("2020-02-05 00:00"), "raised"),
    ] == [(c.level, c.id, c.raised_at, c.state) for c in cards]
    assert ("calendar", at("2020-01-31 10:30")) == (cards[1].reason, cards[1].ended_at)


# -- S05 A county's own holiday -------------------------------------------------------------


def test_s05_a_county_counts_by_its_own_holidays():
    county = {"calendar": "469028", "year": 2023, "off": ["2023-04-20", "2023-04-21"], "work": []}
    known = adopted(calendars("cn-2023"), county | {"notice": {"number": "陵府办〔2023〕"}}, 2)
    steps = uncorrected(accepted("2023-04-14"))

    lingshui = shown(steps, "2023-04-22 12:00", known, overlay="469028")
    qionghai = shown(steps, "2023-04-22 12:00", calendars("cn-2023"), overlay="469002")

    assert ("2023-04-24", 3, "green") == facts_of(lingshui["promised"])
    assert "2023-05-17" == lingshui["statutory"]["due"]
    assert "cn@1+469028@1" == lingshui["statutory"]["calendar_version"]
    assert ("2023-04-21", 5, "red") == facts_of(qionghai["promised"])
    assert "2023-05-15" == qionghai["statutory"]["due"]
    assert "cn@1" == qionghai["statutory"]["calendar_version"]


def facts_of(document):
    return document["due"], document["used"], document["light"]


# -- S06 Expert review stops the clock ------------------------------------------------------


def s06(rule="suspension.after-start", end=None):
    pause = Pause(
        kind="expert-review",
        start=day("2026-03-09"),
        end=day(end) if end else None,
        planned_days=10,
        position=20,
        rule=rule,
    )
    special = run("special", "2026-03-09", 10, 20, met=day(end) if end else None)
    return uncorrected([*accepted("2026-03-02", 10), special], pauses=(pause,))


def test_s06_before_the_suspension():
    found = shown(uncorrected(accepted("2026-03-02", 10)), "2026-03-02 12:00")

    assert "2026-03-30" == found["statutory"]["due"]
    assert "2026-03-16" == found["promised"]["due"]


def test_s06_the_clock_stands_still_as_if_it_ended_as_planned():
    found = shown(s06(), "2026-03-12 12:00")

    assert ("2026-04-14", 5, "stopped") == facts_of(found["statutory"])
    assert (5, "stopped") == facts_of(found["promised"])[1:]
    assert ("2026-03-23", 3, "green") == facts_of(found["special"])


def test_s06_after_the_result_the_days_between_are_given_back():
    found = shown(s06(end="2026-03-20"), "2026-03-20 15:01")

    statutory = found["statutory"]
    assert ("2026-04-13", 5, "green") == facts_of(statutory)
    assert 9 == statutory["paused_days"]
    assert [
        {
            "cause": "suspension",
            "rule": "suspension.after-start",
            "position": 20,
            "from": "2026-03-30",
            "to": "2026-04-13",
        }
    ] == statutory["moved_by"]
    assert "2026-03-27" == found["promised"]["due"]
    assert ("2026-03-20", "met") == (found["special"]["met_at"], found["special"]["light"])


@pytest.mark.parametrize(
    ("rule", "law", "promise"),
    [
        ("suspension.from-start", "2026-04-14", "2026-03-30"),
        ("suspension.whole-days", "2026-04-10", "2026-03-26"),
    ],
)
def test_s06_another_policy_counts_other_days_and_says_so(rule, law, promise):
    found = shown(s06(rule, "2026-03-20"), "2026-03-20 15:01")

    assert law == found["statutory"]["due"]
    assert promise == found["promised"]["due"]
    assert rule == found["statutory"]["moved_by"][0]["rule"]


# -- S07 Extension: by whom, when, once -----------------------------------------------------


def test_s07_in_time_it_lengthens_the_law_and_not_the_promise():
    extension = Extension(days=10, position=30)

    found = shown(uncorrected(accepted("2026-03-02"), extensions=(extension,)), "2026-03-30 17:01")

    assert 30 == found["statutory"]["budget"]
    assert ("2026-04-14", 20, "green") == facts_of(found["statutory"])
    assert [
        {
            "cause": "extension",
            "rule": "extension.in-time",
            "position": 30,
            "from": "2026-03-30",
            "to": "2026-04-14",
        }
    ] == found["statutory"]["moved_by"]
    assert ("2026-03-09", "red") == (found["promised"]["due"], found["promised"]["light"])


def test_s07_too_late_it_moves_nothing():
    late = Extension(days=10, position=30, effective=False)

    found = shown(uncorrected(accepted("2026-03-02"), extensions=(late,)), "2026-03-31 09:01")

    assert 20 == found["statutory"]["budget"]
    assert ("2026-03-30", "red") == (found["statutory"]["due"], found["statutory"]["light"])
    assert [] == found["statutory"]["moved_by"]


def test_s07_the_yellow_card_is_withdrawn_and_raised_again_later():
    runs = accepted("2026-03-02")[:1]
    extension = Extension(days=10, position=30)
    moments = [
        moment(2, "2026-03-02 10:00", runs),
        moment(30, "2026-03-30 17:00", runs, CAUSES["extended"], extensions=(extension,)),
    ]

    cards = raised("K", moments, POLICY, ZONE, at("2026-03-30 17:01"))

    yellow = [c for c in cards if c.level == "yellow"]
    assert (at("2026-03-26 00:00"), "withdrawn", "extension") == (
        yellow[0].raised_at,
        yellow[0].state,
        yellow[0].reason,
    )
    assert (at("2026-04-09 00:00"), "planned") == (yellow[1].raised_at, yellow[1].state)


# -- S08 Hand out within ten working days ---------------------------------------------------


@pytest.mark.parametrize(("met", "light"), [("2026-05-14", "met"), ("2026-05-15", "met-late")])
def test_s08_a_saturday_at_work_counts(met, light):
    issue = run("issue", "2026-04-28", 10)
    open_ = measured(uncorrected([issue]), "2026-05-12 12:00")["issue"]

    found = shown(uncorrected([replace(issue, met=day(met))]), "2026-05-20 12:00")["issue"]

    assert day("2026-05-14") == open_.due
    assert at("2026-05-13 00:00") == thresholds(open_, POLICY, ZONE)["yellow"]
    assert (met, light) == (found["met_at"], found["light"])


# -- S09 Promise broken, law kept -----------------------------------------------------------


def s09(met=None, explained=None):
    runs = accepted("2026-05-06", met=day(met) if met else None)
    explained = day(explained) if explained else None
    return uncorrected(runs, explain=5, explained=explained)


def test_s09_a_broken_promise_must_be_explained():
    found = shown(s09("2026-05-14"), "2026-05-14 16:01")

    assert ("2026-05-12", 7, "met-late") == facts_of(found["promised"])
    assert "2026-05-14" == found["promised"]["met_at"]
    assert ("2026-06-02", "met") == (found["statutory"]["due"], found["statutory"]["light"])
    explain = found["stage:explain"]
    assert (5, "2026-05-12", "2026-05-19") == (explain["budget"], explain["start"], explain["due"])
    assert "green" == explain["light"]


def test_s09_the_duty_to_explain_is_open_from_the_day_after():
    assert "stage:explain" not in shown(s09(), "2026-05-12 23:59")
    assert "stage:explain" in shown(s09(), "2026-05-13 00:00")
    assert "stage:explain" not in shown(s09("2026-05-12"), "2026-05-20 00:00")


def test_s09_an_explanation_in_time_meets_it():
    found = shown(s09("2026-05-14", "2026-05-19"), "2026-05-19 10:01")["stage:explain"]

    assert ("2026-05-19", "met") == (found["met_at"], found["light"])


def test_s09_a_red_card_on_the_promise_and_none_on_the_law():
    moments = [
        Moment(2, at("2026-05-06 10:00"), foreseen(s09(), EXAMPLE, at("2026-05-06 10:00"), *RULES)),
        Moment(
            9,
            at("2026-05-14 16:00"),
            foreseen(s09("2026-05-14"), EXAMPLE, at("2026-05-14 16:00"), *RULES),
        ),
    ]

    cards = raised("K", moments, POLICY, ZONE, at("2026-05-14 17:00"))

    assert [("promised", at("2026-05-13 00:00"))] == [
        (c.deadline, c.raised_at) for c in cards if c.level == "red" and c.state == "raised"
    ]
    assert ["planned"] * 3 == [c.state for c in cards if c.deadline == "stage:explain"]


RULES = (ZONE, POLICY)

# -- S13 A correction does not change the past ----------------------------------------------

S13_RECORDED = Facts(accepted("2026-06-09"))
S13_CORRECTED = Facts(accepted("2026-06-08"))
S13 = (Step(-1, S13_RECORDED), Step(40, S13_CORRECTED, at("2026-06-10 10:00")))


def test_s13_an_approved_correction_moves_the_dates_and_says_so():
    before = shown(S13[:1], "2026-06-09 12:00")
    after = shown(S13, "2026-06-10 10:01")

    assert ("2026-07-08", []) == (before["statutory"]["due"], before["statutory"]["moved_by"])
    assert "2026-06-16" == before["promised"]["due"]
    assert ("2026-06-08", "2026-07-07") == (
        after["statutory"]["start"],
        after["statutory"]["due"],
    )
    assert [
        {
            "cause": "correction",
            "rule": "correction.approved",
            "position": 40,
            "from": "2026-07-08",
            "to": "2026-07-07",
        }
    ] == after["statutory"]["moved_by"]
    assert "2026-06-15" == after["promised"]["due"]


# -- S15 Pushed and claimed over the Spring Festival ----------------------------------------


def test_s15_the_festival_stands_between_push_and_claim():
    runs = [
        run("push", "2026-02-13", 1, met=day("2026-02-14")),
        run("stage:publish", "2026-02-13", 7),
        run("issue", "2026-02-13", 10),
        run("claim", "2026-02-14", 2, 12),
    ]

    found = shown(uncorrected(runs), "2026-02-24 12:00")

    assert ("2026-02-14", "met") == (found["push"]["due"], found["push"]["light"])
    assert "2026-03-02" == found["stage:publish"]["due"]
    assert "2026-03-05" == found["issue"]["due"]
    assert "2026-02-25" == found["claim"]["due"]


@pytest.mark.parametrize(
    ("on", "light"), [("2026-02-24", "green"), ("2026-02-25", "yellow"), ("2026-02-26", "red")]
)
def test_s15_the_light_of_an_unclaimed_push(on, light):
    found = shown(uncorrected([run("claim", "2026-02-14", 2)]), f"{on} 12:00")

    assert light == found["claim"]["light"]


def test_s15_a_red_card_at_midnight_and_a_claim_that_came_too_late():
    claim = run("claim", "2026-02-14", 2)
    claimed = replace(claim, met=day("2026-02-26"))
    moments = [moment(12, "2026-02-14 16:00", [claim]), moment(13, "2026-02-26 09:00", [claimed])]

    cards = raised("K", moments, POLICY, ZONE, at("2026-02-26 09:01"))

    assert [
        ("yellow", at("2026-02-25 00:00"), "closed"),
        ("red", at("2026-02-26 00:00"), "raised"),
    ] == [(c.level, c.raised_at, c.state) for c in cards]
    assert "met-late" == shown(uncorrected([claimed]), "2026-02-26 09:01")["claim"]["light"]


# -- S16 A bad review fixed too late --------------------------------------------------------


def test_s16_fixed_after_the_holidays_is_too_late():
    review = run("bad-review", "2026-09-22", 5)

    open_ = shown(uncorrected([review]), "2026-09-22 10:00")["bad-review"]
    fixed = replace(review, met=day("2026-10-08"))
    found = shown(uncorrected([fixed]), "2026-10-09 12:00")["bad-review"]

    assert "2026-09-30" == open_["due"]
    assert ("2026-09-30", 6, "met-late") == facts_of(found)
    assert "2026-10-08" == found["met_at"]
