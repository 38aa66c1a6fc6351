"""Deadlines: counted by definition, paused once, moved with a reason, coloured by policy."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ledger.deadline
from ledger.counting import Count
from ledger.deadline import foreseen, thresholds
from ledger.limit import Extension, Facts, Pause, Step, basis
from ledger.workdays import union
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
    run,
    shown,
    uncorrected,
)

ONE = timedelta(days=1)
NATION = EXAMPLE.days()
DATES = st.dates(date(2024, 1, 1), date(2026, 12, 31))
UNITS = st.sampled_from(["working-day", "day"])
BUDGETS = st.integers(0, 40)
AROUND = st.lists(st.tuples(st.integers(-10, 50), st.integers(0, 20)), max_size=4)


@st.composite
def counts(draw):
    """Draw a count with pauses around its start."""
    start = draw(DATES)
    firsts = [(start + timedelta(days=after), more) for after, more in draw(AROUND)]
    spans = union((first, first + timedelta(days=more)) for first, more in firsts)
    return Count(start, draw(UNITS), NATION, spans)


# -- counted by definition ------------------------------------------------------------------


def counted(count):
    """Walk the days after the start that count, as the definition has it."""
    d = count.start
    while True:
        d += ONE
        paused = any(first <= d <= last for first, last in count.paused)
        if not paused and (count.unit == "day" or count.days.working(d)):
            yield d


@given(counts(), BUDGETS)
def test_due_is_the_first_day_with_the_budget_used(count, budget):
    walk = counted(count)

    used = [next(walk) for _ in range(budget)]

    assert (used[-1] if used else count.start) == count.nth(budget)


@given(counts(), st.integers(0, 90))
def test_used_is_the_number_of_counted_days_until_then(count, later):
    until = count.start + timedelta(days=later)

    used = 0
    for d in counted(count):
        if d > until:
            break
        used += 1

    assert used == count.used(until)


@given(counts(), BUDGETS)
def test_using_up_and_being_due_are_inverse(count, budget):
    assert budget == count.used(count.nth(budget))
    assert budget == 0 or budget - 1 == count.used(count.nth(budget) - ONE)


@given(counts(), BUDGETS)
def test_start_budget_and_paused_days_explain_the_due_date(count, budget):
    due = count.nth(budget)

    passed = replace(count, paused=())

    assert passed.used(due) == budget + count.taken(due)


@pytest.mark.parametrize("unit", ["working-day", "day"])
def test_a_limit_that_runs_out_on_the_eve_of_a_pause_ends_there(unit):
    pause = (day("2026-03-05"), day("2026-03-06"))

    count = Count(day("2026-03-02"), unit, NATION, (pause,))

    assert day("2026-03-04") == count.nth(2)
    assert count.nth(3) > day("2026-03-06")


@given(DATES, BUDGETS)
def test_calendar_days_end_on_a_working_day(start, budget):
    due = Count(start, "day", NATION).due(budget)

    assert due >= start + timedelta(days=budget)
    assert budget == 0 or NATION.working(due)


def test_sixty_days_that_end_in_a_holiday_roll_past_it():
    verify = run("stage:verify", "2026-03-04", 60, unit="day")

    found = shown(uncorrected([verify]), "2026-05-03 12:00")["stage:verify"]

    # Day 60 is Sunday 2026-05-03, in the holidays that end on Tuesday.
    assert (60, "2026-05-06", "yellow") == (found["used"], found["due"], found["light"])
    assert "2026-05-03" == (day("2026-03-04") + timedelta(days=60)).isoformat()


def test_control_without_rolling_it_would_end_on_a_day_off(monkeypatch):
    monkeypatch.setattr(Count, "due", Count.nth)
    verify = run("stage:verify", "2026-03-04", 60, unit="day")

    assert "2026-05-03" == shown(uncorrected([verify]), "2026-05-01 12:00")["stage:verify"]["due"]


@pytest.mark.parametrize("unit", ["working-day", "day"])
def test_zero_days_are_due_on_the_start_also_on_a_day_off(unit):
    expiry = run("stage:renewal", "2026-10-03", 0, unit=unit)

    on_the_day = shown(uncorrected([expiry]), "2026-10-03 12:00")["stage:renewal"]
    after = shown(uncorrected([expiry]), "2026-10-04 00:00")["stage:renewal"]

    assert ("2026-10-03", "yellow", 0) == (
        on_the_day["due"],
        on_the_day["light"],
        on_the_day["used"],
    )
    assert "red" == after["light"]


def test_before_its_start_nothing_is_used():
    assert 0 == shown(uncorrected(accepted("2026-03-02")), "2026-02-20 12:00")["statutory"]["used"]


def test_deadlines_are_in_order_of_start():
    runs = [run("issue", "2026-03-05", 10), run("supplement", "2026-03-02", 5)]

    found = ledger.deadline.view(uncorrected(runs), EXAMPLE, at("2026-03-05 12:00"), ZONE, POLICY)

    assert ["supplement", "issue"] == [d.name for d in found]


# -- paused ---------------------------------------------------------------------------------


def pause(start, end=None, planned=5, position=20, **more):
    end = day(end) if end else None
    return Pause(
        kind="testing", start=day(start), end=end, planned_days=planned, position=position, **more
    )


TWO_PAUSES = (pause("2026-03-04", "2026-03-11"), pause("2026-03-09", "2026-03-13", position=21))


def test_two_suspensions_at_once_pause_a_day_once():
    found = shown(uncorrected(accepted("2026-03-02"), pauses=TWO_PAUSES), "2026-03-16 12:00")

    statutory = found["statutory"]
    assert 7 == statutory["paused_days"]
    assert 3 == statutory["used"]
    assert "2026-04-09" == statutory["due"]
    assert [("suspension", 20, "2026-03-30", "2026-04-07"), ("suspension", 21, "2026-04-07",
            "2026-04-09")] == [
        (m["cause"], m["position"], m["from"], m["to"]) for m in statutory["moved_by"]
    ]  # fmt: skip


def test_control_without_the_union_a_day_is_paused_twice(monkeypatch):
    monkeypatch.setattr(ledger.deadline, "union", lambda spans: tuple(sorted(spans)))

    found = shown(uncorrected(accepted("2026-03-02"), pauses=TWO_PAUSES), "2026-03-16 12:00")

    assert found["statutory"]["paused_days"] > 7


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 15)), min_size=1, max_size=4),
    st.sampled_from(["suspension.after-start", "suspension.from-start", "suspension.whole-days"]),
)
def test_pauses_are_a_set_of_dates(found, rule):
    start = day("2026-03-02")
    pauses = tuple(
        Pause(
            kind="testing",
            start=start + timedelta(days=after),
            end=start + timedelta(days=after + length),
            position=20 + n,
            rule=rule,
        )
        for n, (after, length) in enumerate(found)
    )
    days = {
        d
        for p in pauses
        for n in range((p.end - p.start).days + 1 if p.end else 0)
        for d in [p.start + timedelta(days=n)]
        if not (d == p.start and rule != "suspension.from-start")
        and not (d == p.end and rule == "suspension.whole-days")
    }

    statutory = measured(uncorrected(accepted("2026-03-02"), pauses=pauses), "2026-03-02 12:00")[
        "statutory"
    ]

    assert sum(NATION.working(d) for d in days) == statutory.paused_days
    assert statutory.due not in days
    assert 20 == NATION.count(start, statutory.due) - sum(
        NATION.working(d) for d in days if d <= statutory.due
    )


def test_beyond_the_planned_time_the_due_date_moves_with_the_days():
    steps = uncorrected(accepted("2026-03-02"), pauses=(pause("2026-03-04", planned=2),))

    planned = shown(steps, "2026-03-05 12:00")["statutory"]
    beyond = shown(steps, "2026-03-11 12:00")["statutory"]

    assert ("2026-04-01", 2, "stopped") == (planned["due"], planned["paused_days"],
                                            planned["light"])  # fmt: skip
    assert ("2026-04-07", 5, "stopped") == (beyond["due"], beyond["paused_days"], beyond["light"])
    assert (2, 2) == (planned["used"], beyond["used"])


def test_what_was_overdue_before_the_pause_stays_red():
    steps = uncorrected(accepted("2026-03-02"), pauses=(pause("2026-03-11"),))

    found = shown(steps, "2026-03-12 12:00")

    assert "stopped" == found["statutory"]["light"]
    assert ("2026-03-09", "red") == (found["promised"]["due"], found["promised"]["light"])


def test_a_suspension_on_the_last_day_comes_too_late_for_it():
    steps = uncorrected(accepted("2026-03-02"), pauses=(pause("2026-03-09"),))

    assert "stopped" == shown(steps, "2026-03-09 12:00")["promised"]["light"]
    assert "red" == shown(steps, "2026-03-10 00:00")["promised"]["light"]


def test_only_the_limits_on_the_decision_are_paused():
    steps = uncorrected([run("issue", "2026-03-02", 10)], pauses=(pause("2026-03-04"),))

    found = shown(steps, "2026-03-06 12:00")["issue"]

    assert ("green", 4, 0) == (found["light"], found["used"], found["paused_days"])


def test_a_case_withdrawn_while_suspended_keeps_the_due_date_of_that_day():
    runs = [replace(r, ended=day("2026-03-06")) for r in accepted("2026-03-02")]
    steps = uncorrected(runs, pauses=(pause("2026-03-04", planned=0),))

    then = shown(steps, "2026-03-06 12:00")["statutory"]

    assert then == shown(steps, "2026-06-01 12:00")["statutory"]
    assert ("2026-03-06", "stopped", 2) == (then["ended_at"], then["light"], then["used"])


# -- ended ----------------------------------------------------------------------------------


def test_what_has_ended_keeps_the_light_of_its_last_day():
    runs = [replace(r, ended=day("2026-03-10")) for r in accepted("2026-03-02")]

    found = shown(uncorrected(runs, explain=5), "2026-05-01 12:00")

    assert ("2026-03-10", "green", 6) == (
        found["statutory"]["ended_at"],
        found["statutory"]["light"],
        found["statutory"]["used"],
    )
    assert "red" == found["promised"]["light"]
    assert "2026-03-10" == found["stage:explain"]["ended_at"]


def test_a_promise_that_ended_in_time_need_not_be_explained():
    runs = [replace(r, ended=day("2026-03-09")) for r in accepted("2026-03-02")]

    assert "stage:explain" not in shown(uncorrected(runs, explain=5), "2026-05-01 12:00")


def test_left_is_never_negative():
    found = measured(uncorrected(accepted("2026-03-02")), "2026-03-20 12:00")

    assert (0, 6) == (found["promised"].left, found["statutory"].left)


# -- provisional ----------------------------------------------------------------------------


def test_a_count_into_a_year_without_notice_says_so():
    december = shown(uncorrected(accepted("2026-12-14")), "2026-12-14 12:00")
    into = {name: d.get("provisional") for name, d in december.items()}

    assert {"statutory": True, "promised": None} == into


def test_the_notice_when_it_comes_is_a_change_like_any_other():
    notice = listed("cn-2027") | {"provisional": False, "notice": {"number": "n〔2026〕9号"}}
    notice = notice | {"off": [*notice["off"], "2027-01-04"]}
    known = adopted(EXAMPLE, notice, 50)

    found = shown(uncorrected(accepted("2026-12-14")), "2026-12-20 12:00", known)["statutory"]

    assert "provisional" not in found
    assert "cn@5" == found["calendar_version"]
    assert [("calendar", 50, "n〔2026〕9号")] == [
        (m["cause"], m["position"], m["notice"]) for m in found["moved_by"]
    ]


def test_only_the_days_that_are_counted_make_it_provisional():
    eve = uncorrected([run("issue", "2025-12-31", 3)])

    assert "provisional" not in shown(eve, "2026-01-05 12:00", calendars("cn-2026"))["issue"]


def test_a_due_date_that_counts_no_day_is_never_provisional():
    expiry = run("stage:renewal", "2030-03-01", 0)

    assert "provisional" not in shown(uncorrected([expiry]), "2026-03-01 12:00")["stage:renewal"]


# -- moved ----------------------------------------------------------------------------------


def test_what_moved_a_date_is_told_in_order_of_position_and_without_gaps():
    known = adopted(EXAMPLE, listed("cn-2026") | {"off": []}, 25)
    recorded = Facts(
        runs=accepted("2026-03-03"),
        pauses=(pause("2026-03-04", "2026-03-06", position=30),),
        extensions=(Extension(days=10, position=20),),
    )
    corrected = replace(recorded, runs=accepted("2026-03-02"))
    steps = (Step(-1, recorded), Step(40, corrected, at("2026-03-20 10:00")))

    moved = shown(steps, "2026-03-20 12:00", known)["statutory"]["moved_by"]

    assert ["extension", "calendar", "suspension", "correction"] == [m["cause"] for m in moved]
    assert [20, 25, 30, 40] == [m["position"] for m in moved]
    assert "2026-03-31" == moved[0]["from"]
    assert [m["to"] for m in moved[:-1]] == [m["from"] for m in moved[1:]]
    assert measured(steps, "2026-03-20 12:00", known)["statutory"].due == day(moved[-1]["to"])


def test_a_notice_adopted_before_the_run_was_opened_moved_nothing():
    known = adopted(EXAMPLE, listed("cn-2026") | {"off": []}, 9)

    assert (
        ()
        == measured(uncorrected(accepted("2026-03-20")), "2026-03-20 12:00", known)[
            "statutory"
        ].moved_by
    )


def test_another_countys_calendar_moves_nothing():
    other = {"calendar": "469028", "year": 2026, "off": ["2026-03-04"], "work": []}
    known = adopted(EXAMPLE, other, 50)
    steps = uncorrected(accepted("2026-03-02"))

    here = measured(steps, "2026-03-02 12:00", known, overlay="469002")["promised"]
    there = measured(steps, "2026-03-02 12:00", known, overlay="469028")["promised"]

    assert () == here.moved_by
    assert ["calendar"] == [m["cause"] for m in there.moved_by]
    assert "notice" not in there.moved_by[0]


def test_an_act_that_is_being_decided_comes_after_everything_known():
    runs = accepted("2026-03-02", opened=-1)
    steps = uncorrected(
        accepted("2026-03-02"), pauses=(pause("2026-03-04", "2026-03-06", position=-1),)
    )

    fresh = shown(uncorrected(runs), "2026-03-02 10:00")["statutory"]
    paused = shown(steps, "2026-03-06 10:00")["statutory"]

    assert [] == fresh["moved_by"]
    assert "2026-03-30" == fresh["due"]
    assert [("suspension", None)] == [(m["cause"], m["position"]) for m in paused["moved_by"]]


def test_a_correction_may_void_what_opened_a_run():
    deemed = accepted("2026-03-02", opened=11, rule="acceptance.deemed")
    steps = (
        Step(-1, Facts(deemed)),
        Step(40, Facts(accepted("2026-03-10", opened=15)), at("2026-03-12 10:00")),
    )

    moved = measured(steps, "2026-03-12 12:00")["statutory"].moved_by

    assert [("correction", "2026-03-30", "2026-04-08")] == [
        (m["cause"], m["from"], m["to"]) for m in moved
    ]


def test_a_run_that_only_a_correction_opened_was_not_moved():
    steps = (
        Step(-1, Facts(())),
        Step(40, Facts(accepted("2026-03-10", opened=15)), at("2026-03-12 10:00")),
    )

    assert () == measured(steps, "2026-03-12 12:00")["statutory"].moved_by


def test_the_duty_to_explain_says_what_moved_it_once_it_was_there():
    # First the make-up Saturday 05-09 goes, then, with the promise broken, a typhoon comes.
    no_saturday = listed("cn-2026") | {"work": []}
    typhoon = no_saturday | {"off": [*no_saturday["off"], "2026-05-18"]}
    known = adopted(EXAMPLE, no_saturday, 20, at("2026-05-08 10:00"))
    known = adopted(known, typhoon, 30, at("2026-05-15 10:00"))
    steps = uncorrected(accepted("2026-05-06"), explain=5)

    found = measured(steps, "2026-05-18 12:00", known)
    explain = found["stage:explain"]

    assert [20] == [m["position"] for m in found["promised"].moved_by]
    assert (day("2026-05-13"), day("2026-05-21")) == (explain.run.start, explain.due)
    assert at("2026-05-14 00:00") == explain.run.opened_at
    assert [(30, "2026-05-20", "2026-05-21")] == [
        (m["position"], m["from"], m["to"]) for m in explain.moved_by
    ]


def test_a_run_is_known_again_by_the_event_that_opened_it():
    first = run("supplement", "2026-03-02", 5, 4, met=day("2026-03-05"))
    again = run("supplement", "2026-03-10", 5, 14)
    steps = (
        Step(-1, Facts((first, again))),
        Step(40, Facts((again,)), at("2026-03-12 10:00")),
    )

    assert () == measured(steps, "2026-03-12 12:00")["supplement"].moved_by


def test_a_promise_that_did_not_exist_before_a_correction_leaves_no_trace():
    steps = (
        Step(-1, Facts(())),
        Step(40, Facts(accepted("2026-03-02", opened=15), explain=5), at("2026-03-12 10:00")),
    )

    assert [] == shown(steps, "2026-03-12 12:00")["stage:explain"]["moved_by"]


# -- coloured -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "early", "yellow"),
    [
        (1, None, 1),
        (3, None, 3),
        (4, 2, 3),
        (5, 3, 4),
        (9, 7, 8),
        (10, 8, 9),
        (20, 15, 18),
        (45, 34, 41),
    ],
)
def test_thresholds_by_the_size_of_the_budget(budget, early, yellow):
    start = "2026-03-02"
    deadline = measured(uncorrected([run("issue", start, budget)]), f"{start} 12:00")["issue"]

    found = thresholds(deadline, POLICY, ZONE)

    def instant(used):
        return None if used is None else at(f"{NATION.add(day(start), used)} 00:00")

    assert {
        "early": instant(early),
        "yellow": instant(yellow),
        "red": at(f"{deadline.due + ONE} 00:00"),
    } == found


def test_a_place_may_have_other_thresholds():
    local = {"levels": [{"yellow": {"used_percent": 50}}]}
    steps = uncorrected([run("issue", "2026-03-02", 3)])

    found = ledger.deadline.view(steps, EXAMPLE, at("2026-03-04 12:00"), ZONE, local)

    assert ["yellow"] == [d.light for d in found]


def test_a_place_may_have_no_yellow_at_all():
    steps = uncorrected([run("issue", "2026-03-02", 3)])

    found = ledger.deadline.view(steps, EXAMPLE, at("2026-03-05 12:00"), ZONE, {"levels": [{}]})

    assert ["green"] == [d.light for d in found]
    assert thresholds(found[0], {"levels": [{}]}, ZONE)["yellow"] is None


@given(DATES, UNITS, BUDGETS)
def test_a_light_never_turns_back_while_nothing_happens(start, unit, budget):
    steps = uncorrected([run("issue", start.isoformat(), budget, unit=unit)])
    order = ["green", "yellow", "red"]

    lights = [
        order.index(shown(steps, f"{start + timedelta(days=n)} 12:00")["issue"]["light"])
        for n in range(0, 80, 3)
    ]

    assert sorted(lights) == lights


def test_a_limit_names_its_law_and_a_policy_may_name_another():
    assert "APL 44" == basis(run("issue", "2026-03-02", 10))
    assert "local rules" == basis(run("stage:owed", "2026-03-02", 10))
    assert "自贸港条例" == basis(run("issue", "2026-03-02", 10, data={"basis": "自贸港条例"}))


def test_what_is_foreseen_is_not_shown():
    steps = uncorrected(accepted("2026-03-02"), explain=5)
    when = at("2026-03-05 12:00")

    names = [d.name for d in foreseen(steps, EXAMPLE, when, ZONE, POLICY) if d.foreseen]

    assert ["stage:explain"] == names
    assert "stage:explain" not in measured(steps, "2026-03-05 12:00")


def test_a_calendar_alone_can_break_no_past_answer():
    known = adopted(calendars("cn-2026"), listed("cn-2026") | {"off": []}, 50)
    steps = uncorrected(accepted("2026-04-27"))

    assert (
        shown(steps, "2026-05-08 12:00", calendars("cn-2026"))
        == shown(steps, "2026-05-08 12:00", known.known_at(49))
    )  # fmt: skip
