"""Cards: raised once, in the order of the ledger, and never unsaid without a reason."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ledger.alert
from ledger.alert import CAUSES, raised
from ledger.limit import Pause
from tests.ledger.days import (
    EXAMPLE,
    POLICY,
    ZONE,
    accepted,
    adopted,
    at,
    day,
    listed,
    moment,
    run,
)

ISSUE = run("issue", "2026-03-02", 5)  # early 03-05, yellow 03-06, due 03-09


def cards(moments, when, **acts):
    return raised("K", moments, POLICY, ZONE, at(when), **acts)


def states(found):
    return [(c.level, c.state) for c in found]


def opened(*runs, when="2026-03-02 10:00", **facts):
    return moment(2, when, runs, **facts)


def test_what_is_still_to_come_is_planned():
    moments = [opened(ISSUE)]

    assert [("early", "raised"), ("yellow", "planned"), ("red", "planned")] == states(
        cards(moments, "2026-03-05 00:00")
    )
    assert ["planned"] * 3 == [c.state for c in cards(moments, "2026-03-04 23:59")]


def test_who_must_answer_has_two_working_days_and_nobody_answers_an_early_card():
    found = cards([opened(ISSUE)], "2026-03-10 12:00")

    assert [None, day("2026-03-10"), day("2026-03-12")] == [c.answer_by for c in found]


def test_early_and_yellow_close_when_met_and_red_only_when_answered_too():
    met = replace(ISSUE, met=day("2026-03-11"))
    moments = [opened(ISSUE), moment(9, "2026-03-11 09:00", [met])]
    red = "K/issue/2026-03-02/red"

    silent = cards(moments, "2026-03-12 12:00")
    answered = cards(moments, "2026-03-12 12:00", answered={red})
    before = cards(moments[:1], "2026-03-10 12:00", answered={red})

    assert [("early", "closed"), ("yellow", "closed"), ("red", "raised")] == states(silent)
    assert [at("2026-03-11 09:00")] * 2 == [c.ended_at for c in silent[:2]]
    assert "closed" == answered[2].state
    assert "answered" == before[2].state


def test_what_is_met_in_time_raises_nothing_later():
    met = replace(ISSUE, met=day("2026-03-04"))

    assert () == cards([opened(ISSUE), moment(9, "2026-03-04 09:00", [met])], "2026-04-01 12:00")


def test_a_person_may_withdraw_with_a_reason():
    identity = "K/issue/2026-03-02/yellow"

    found = cards([opened(ISSUE)], "2026-03-06 12:00", withdrawn={identity: "误报"})

    assert ("withdrawn", "误报") == (found[1].state, found[1].reason)


def test_a_late_entry_does_not_heal_a_red_card():
    in_time = replace(ISSUE, met=day("2026-03-09"))
    moments = [opened(ISSUE), moment(9, "2026-03-12 09:00", [in_time])]

    found = cards(moments, "2026-03-12 12:00")

    assert ("red", "raised") == states(found)[2]


@pytest.mark.parametrize("cause", [None, "calendar"])
def test_nor_does_a_calendar_that_has_nothing_to_do_with_it(cause):
    in_time = replace(ISSUE, met=day("2026-03-09"))
    moments = [
        opened(ISSUE),
        moment(9, "2026-03-12 09:00", [in_time]),
        moment(12, "2026-03-20 09:00", [in_time], cause),
    ]

    assert ("red", "raised") == states(cards(moments, "2026-03-20 12:00"))[2]


def test_a_correction_of_the_day_it_was_met_withdraws_it():
    late = replace(ISSUE, met=day("2026-03-10"))
    moments = [
        opened(ISSUE),
        moment(9, "2026-03-10 09:00", [late]),
        moment(12, "2026-03-20 09:00", [replace(late, met=day("2026-03-09"))], "correction"),
    ]

    red = cards(moments, "2026-03-20 12:00")[2]

    assert ("withdrawn", "correction", at("2026-03-20 09:00")) == (
        red.state,
        red.reason,
        red.ended_at,
    )


def test_a_calendar_that_makes_it_timely_withdraws_it():
    late = replace(ISSUE, met=day("2026-03-10"))
    closure = {"calendar": "cn", "year": 2026, "off": ["2026-03-05"], "work": []}
    known = adopted(EXAMPLE, listed("cn-2026") | closure, 12, at("2026-03-20 09:00"))
    moments = [
        opened(ISSUE),
        moment(9, "2026-03-10 09:00", [late]),
        moment(12, "2026-03-20 09:00", [late], "calendar", known),
    ]

    red = cards(moments, "2026-03-20 12:00")[2]

    assert ("withdrawn", "calendar", day("2026-03-10")) == (red.state, red.reason, red.due)


def test_a_correction_that_moves_the_start_withdraws_the_cards_of_the_old_one():
    other = run("issue", "2026-03-05", 5)
    moments = [opened(ISSUE), moment(9, "2026-03-06 10:00", [other], CAUSES["correction-approved"])]

    found = cards(moments, "2026-03-06 12:00")

    assert [
        ("K/issue/2026-03-02/early", "withdrawn"),
        ("K/issue/2026-03-02/yellow", "withdrawn"),
    ] == [(c.id, c.state) for c in found if c.state != "planned"]
    assert {"correction"} == {c.reason for c in found if c.state == "withdrawn"}


def test_an_explanation_that_a_late_entry_made_needless_is_withdrawn():
    promised = accepted("2026-03-02")[1:]
    in_time = [replace(r, met=day("2026-03-06")) for r in promised]
    moments = [
        moment(2, "2026-03-02 10:00", promised, explain=5),
        moment(9, "2026-03-16 10:00", in_time, explain=5),
    ]

    found = cards(moments, "2026-03-16 12:00")

    explain = [c for c in found if c.deadline == "stage:explain"]
    assert [("early", "withdrawn", "late-entry"), ("yellow", "withdrawn", "late-entry")] == [
        (c.level, c.state, c.reason) for c in explain
    ]


PAUSED = Pause(kind="testing", start=day("2026-03-05"), position=8, planned_days=3)


def test_while_the_clock_is_stopped_nothing_is_raised():
    runs = accepted("2026-03-02")[1:]
    moments = [
        opened(*runs),
        moment(8, "2026-03-05 10:00", runs, CAUSES["suspended"], pauses=[PAUSED]),
    ]

    found = cards(moments, "2026-04-20 12:00")

    # Raised before the pause; the yellow and red of the running days never come.
    assert [("early", "raised")] == states(found)


def test_nor_is_anything_that_would_follow_from_the_stopped_clock():
    runs = accepted("2026-03-02")[1:]
    facts = {"pauses": [PAUSED], "explain": 5}
    moments = [
        opened(*runs, explain=5),
        moment(8, "2026-03-05 10:00", runs, CAUSES["suspended"], **facts),
    ]

    found = cards(moments, "2026-04-20 12:00")

    assert {"promised"} == {c.deadline for c in found}


def test_control_a_clock_that_is_not_known_to_be_stopped_raises(monkeypatch):
    runs = accepted("2026-03-02")[1:]
    deaf = moment(8, "2026-03-05 10:00", runs, CAUSES["suspended"], pauses=[PAUSED])
    deaf = replace(deaf, deadlines=[replace(d, held_from=None) for d in deaf.deadlines])

    found = cards([opened(*runs), deaf], "2026-04-20 12:00")

    assert [("early", "raised"), ("yellow", "raised"), ("red", "raised")] == states(found)


def test_after_the_pause_it_goes_on_where_it_stopped():
    runs = accepted("2026-03-02")[1:]
    over = replace(PAUSED, end=day("2026-03-12"))
    moments = [
        opened(*runs),
        moment(8, "2026-03-05 10:00", runs, CAUSES["suspended"], pauses=[PAUSED]),
        moment(9, "2026-03-12 15:00", runs, CAUSES["resumed"], pauses=[over]),
    ]

    found = cards(moments, "2026-03-17 12:00")

    assert [
        ("early", at("2026-03-05 00:00")),
        ("yellow", at("2026-03-13 00:00")),
        ("red", at("2026-03-17 00:00")),
    ] == [(c.level, c.raised_at) for c in found]


def test_what_runs_out_on_the_day_of_the_suspension_is_overdue_all_the_same():
    runs = accepted("2026-03-02")[1:]
    pause = replace(PAUSED, start=day("2026-03-09"))
    moments = [
        opened(*runs),
        moment(8, "2026-03-09 10:00", runs, CAUSES["suspended"], pauses=[pause]),
    ]

    found = cards(moments, "2026-03-10 00:00")

    assert ("red", at("2026-03-10 00:00"), "raised") == (
        found[2].level,
        found[2].raised_at,
        found[2].state,
    )


def test_a_suspension_recorded_late_withdraws_what_it_lifts():
    runs = accepted("2026-03-02")[1:]
    pause = replace(PAUSED, start=day("2026-03-03"), end=day("2026-03-06"))
    moments = [
        opened(*runs),
        moment(8, "2026-03-06 10:00", runs, CAUSES["suspended"], pauses=[pause]),
    ]

    found = cards(moments, "2026-03-06 12:00")

    assert [("early", "suspension"), ("yellow", "suspension")] == [
        (c.level, c.reason) for c in found if c.state == "withdrawn"
    ]


def test_two_runs_alike_have_cards_of_their_own():
    found = cards([opened(ISSUE, ISSUE)], "2026-03-05 12:00")

    assert ["K/issue/2026-03-02/early", "K/issue/2026-03-02/early/run-2"] == [
        c.id for c in found if c.level == "early"
    ]


def test_what_ended_closes_as_what_is_met():
    ended = replace(ISSUE, ended=day("2026-03-06"))
    moments = [opened(ISSUE), moment(9, "2026-03-06 09:00", [ended])]

    assert [("early", "closed"), ("yellow", "closed")] == states(cards(moments, "2026-04-01 12:00"))


def test_one_append_of_two_events_raises_what_the_second_leaves():
    """A limit that is opened and met in the same instant was never open to anybody."""
    met = replace(ISSUE, met=day("2026-03-02"))
    moments = [opened(ISSUE), moment(3, "2026-03-02 10:00", [met])]

    assert () == cards(moments, "2026-04-01 12:00")


def test_what_is_met_too_late_before_anybody_could_know_is_red_all_the_same():
    late = replace(ISSUE, met=day("2026-03-10"))

    found = cards([opened(late, when="2026-03-12 10:00")], "2026-03-12 12:00")

    assert [("red", "raised")] == states(found)
    assert at("2026-03-12 10:00") == found[0].raised_at


def test_what_is_met_on_the_last_day_is_in_time():
    in_time = replace(ISSUE, met=day("2026-03-09"))

    assert () == cards([opened(in_time, when="2026-03-12 10:00")], "2026-03-12 12:00")


def test_the_zone_of_the_ledger_says_on_which_day_an_answer_is_due():
    utc = replace(opened(ISSUE), recorded_at=at("2026-03-06 05:00").astimezone(None))

    yellow = cards([utc], "2026-03-06 12:00")[0]

    assert ("yellow", day("2026-03-10")) == (yellow.level, yellow.answer_by)


@given(st.lists(st.integers(0, 30 * 24), max_size=6), st.integers(1, 12))
def test_what_was_raised_is_never_unsaid(hours, budget):
    """More moments and later readings only add to the cards, or say what became of them."""
    begun = at("2026-03-02 10:00")
    line = run("issue", "2026-03-02", budget)
    moments = [opened(line)]
    known: dict[str, object] = {}

    for number, hour in enumerate(sorted(hours)):
        when = begun + timedelta(hours=hour)
        found = cards(moments, f"{when:%Y-%m-%d %H:%M}")
        now = {c.id: c.raised_at for c in found if c.state != "planned"}
        assert known.items() <= now.items()
        known = now
        moments.append(moment(3 + number, f"{when:%Y-%m-%d %H:%M}", [line]))


def test_control_without_the_next_moment_a_card_would_be_raised_after_the_fact(monkeypatch):
    met = replace(ISSUE, met=day("2026-03-04"))
    moments = [opened(ISSUE), moment(9, "2026-03-04 09:00", [met])]
    real = ledger.alert._begins_at
    monkeypatch.setattr(
        ledger.alert, "_begins_at", lambda level, known: real(level, replace(known, until=None))
    )

    assert [("early", "closed"), ("yellow", "closed"), ("red", "raised")] == states(
        cards(moments, "2026-04-01 12:00")
    )
