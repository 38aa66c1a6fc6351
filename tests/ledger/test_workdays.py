"""Working days: what the notices list, counted forward and back, and what nobody knows yet."""

import doctest
import random
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import workdays
from ledger.workdays import Calendars, WorkingDays, union
from tests.ledger.days import adopted, calendars, day, listed

OFFICIAL = [f"cn-{year}" for year in range(2019, 2027)]
NATION = calendars(*OFFICIAL).days()
ONE = timedelta(days=1)

DATES = st.dates(date(2019, 1, 1), date(2026, 12, 31))
SPANS = st.lists(st.tuples(st.integers(-10, 60), st.integers(-2, 20)), max_size=5)


def near(start, spans):
    """Place spans, some of them empty, around a date."""
    firsts = ((start + timedelta(days=after), length) for after, length in spans)
    return [(first, first + timedelta(days=length)) for first, length in firsts]


def test_the_examples_in_the_docstrings_hold():
    assert 0 == doctest.testmod(workdays).failed


def test_every_day_of_eight_years_is_what_the_notices_say():
    days = [date(2019, 1, 1) + timedelta(days=n) for n in range(8 * 365 + 2)]

    wrong = [d for d in days if NATION.working(d) != chinese_calendar.is_workday(d)]

    assert [] == wrong
    assert date(2026, 12, 31) == days[-1]


AT_WORK = cache(chinese_calendar.is_workday)


def oracle(start, budget):
    while budget:
        start += ONE
        budget -= AT_WORK(start)
    return start


def disagreements(days, pairs):
    return [
        (start, budget)
        for start, budget in pairs
        if days.add(start, budget) != (due := oracle(start, budget))
        or days.count(start, due) != budget
    ]


@pytest.fixture
def pairs():
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    span = (date(2026, 8, 1) - date(2019, 1, 1)).days
    return [
        (date(2019, 1, 1) + timedelta(days=rng.randrange(span)), rng.randrange(61))
        for _ in range(2000)
    ]


def test_two_thousand_due_dates_agree_with_a_calendar_of_others(pairs):
    assert [] == disagreements(NATION, pairs)


@pytest.mark.parametrize("forgotten", ["off", "work"])
def test_control_without_holidays_or_make_up_days_they_do_not_agree(pairs, forgotten):
    known = Calendars()
    for position, name in enumerate(OFFICIAL):
        known = adopted(known, listed(name) | {forgotten: []}, position)

    assert len(disagreements(known.days(), pairs)) > 200


@given(DATES, st.integers(0, 200))
def test_adding_and_counting_are_inverse(start, budget):
    due = NATION.add(start, budget)

    assert budget == NATION.count(start, due)
    assert budget == 0 or (NATION.working(due) and budget - 1 == NATION.count(start, due - ONE))


@given(DATES, DATES, DATES)
def test_counts_add_up_and_never_fall(a, b, c):
    a, b, c = sorted((a, b, c))

    assert NATION.count(a, c) == NATION.count(a, b) + NATION.count(b, c)
    assert 0 <= NATION.count(a, b) <= (b - a).days
    assert 0 == NATION.count(c, a)


@given(DATES, st.integers(0, 40), SPANS)
def test_paused_days_are_not_counted(start, budget, spans):
    spans = near(start, spans)
    due = NATION.add(start, budget, union(spans))

    used, d = 0, start
    while used < budget:
        d += ONE
        paused = any(first <= d <= last for first, last in spans)
        used += not paused and NATION.working(d)
    assert d == due


@given(DATES, st.integers(0, 40), SPANS)
def test_a_pause_never_brings_a_date_forward(start, budget, spans):
    paused = union(near(start, spans))

    assert NATION.add(start, budget, paused) >= NATION.add(start, budget)
    assert NATION.add(start, budget + 1, paused) > NATION.add(start, budget, paused)


@given(DATES, SPANS)
def test_a_union_is_the_same_set_of_days_each_once(start, spans):
    spans = near(start, spans)

    def days(found):
        return [
            first + timedelta(days=n)
            for first, last in found
            for n in range((last - first).days + 1)
        ]

    joined = union(spans)

    assert sorted(set(days(spans))) == days(joined)
    assert all(b[0] - a[1] > ONE for a, b in pairwise(joined))


@given(DATES)
def test_a_day_off_rolls_to_the_next_working_day(start):
    rolled = NATION.on_or_after(start)

    assert NATION.working(rolled)
    assert 0 == NATION.count(start, rolled - ONE)
    assert (rolled == start) == NATION.working(start)


@pytest.mark.parametrize(
    ("name", "first", "last", "working"),
    [
        ("cn-2019", "2018-12-29", "2018-12-29", True),
        ("cn-2019", "2018-12-31", "2019-01-01", False),
        ("cn-2023", "2022-12-31", "2023-01-02", False),
    ],
)
def test_a_notice_lists_days_of_the_december_before(name, first, last, working):
    days = calendars(name).days()

    d = day(first)
    while d <= day(last):
        assert working == days.working(d)
        d += ONE


def test_a_version_replaces_its_year_and_nothing_else():
    known = calendars("cn-2019", "cn-2020-first", "cn-2020")

    assert not known.days().working(day("2020-02-01"))
    assert known.known_at(2).days().working(day("2020-02-01"))
    assert not known.days().working(day("2019-10-01"))
    assert "cn@3" == known.days().label
    assert "cn@2" == known.known_at(2).days().label


def test_what_is_not_yet_approved_is_not_known():
    known = calendars("cn-2019", "cn-2020-first")

    assert known is known.known_at(2)
    assert known.known_at(1) is known.known_at(1)
    assert "cn@0" == known.known_at(0).days().label


def test_versions_are_adopted_in_the_order_of_the_ledger():
    known = adopted(Calendars(), listed("cn-2025"), 5)

    with pytest.raises(AssertionError):
        adopted(known, listed("cn-2026"), 4)


def test_a_county_decides_for_itself_and_its_label_says_so():
    county = {"calendar": "469028", "year": 2023, "off": ["2023-04-20", "2023-04-21"], "work": []}
    known = adopted(calendars("cn-2023"), county, 5)

    assert not known.days("cn", "469028").working(day("2023-04-20"))
    assert known.days("cn", "469028").working(day("2023-04-23"))
    assert known.days("cn", "469002").working(day("2023-04-20"))
    assert "cn@1+469028@1" == known.days("cn", "469028").label
    assert "cn@1" == known.days("cn", "469002").label
    assert "cn@1" == known.known_at(4).days("cn", "469028").label


def test_a_county_may_also_work_on_a_holiday_of_the_nation():
    county = {"calendar": "x", "year": 2023, "off": [], "work": ["2023-05-01"]}

    known = adopted(calendars("cn-2023"), county, 5)

    assert known.days("cn", "x").working(day("2023-05-01"))


def test_a_year_without_notice_is_provisional_whether_or_not_it_has_a_file():
    days = calendars("cn-2026", "cn-2027").days()

    assert not days.provisional(day("2026-12-31"))
    assert days.provisional(day("2027-01-01"))
    assert days.provisional(day("2028-01-01"))
    assert not days.uncertain(day("2026-01-01"), day("2026-12-31"))
    assert days.uncertain(day("2026-12-31"), day("2027-01-01"))


def test_the_notice_of_a_provisional_year_settles_it():
    known = calendars("cn-2027")
    official = listed("cn-2027") | {"provisional": False, "notice": {"number": "n"}}

    assert not adopted(known, official, 9).days().provisional(day("2027-03-01"))


def test_2027_has_the_days_that_the_law_itself_names_and_no_make_up_days():
    found = listed("cn-2027")

    named = ["01-01", "02-05", "02-06", "02-07", "02-08", "04-05", "05-01", "05-02"]
    named += ["06-09", "09-15", "10-01", "10-02", "10-03"]
    assert [f"2027-{d}" for d in named] == found["off"]
    assert [] == found["work"]
    assert found["provisional"]
    assert "notice" not in found


@pytest.mark.parametrize("name", [*OFFICIAL, "cn-2020-first", "cn-2027"])
def test_a_calendar_file_is_in_order_and_each_day_is_listed_once(name):
    found = listed(name)
    days = found["off"] + found["work"]

    assert found["off"] == sorted(found["off"])
    assert found["work"] == sorted(found["work"])
    assert len(days) == len(set(days))
    assert {found["year"], found["year"] - 1} >= {day(d).year for d in days}
    # Make-up days are weekends: anything else would be a slip of the pen.
    assert all(day(d).weekday() >= 5 for d in found["work"])
    if not found["provisional"]:
        assert found["notice"]["issued"] < f"{found['year']}-12-31"
        assert "国办发明电〔" in found["notice"]["number"]


def test_nobody_asks_about_the_end_of_time():
    days = WorkingDays({}, (), "none")

    assert day("2100-01-01") == days.add(day("2100-01-01"), 0)
    assert 261 == days.count(day("2099-12-31"), day("2100-12-31"))
