"""The figures counted by hand, and what must hold of any cases whatever."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.definitions import (
    BY_ID,
    DEFINITIONS,
    Counted,
    Listed,
    Period,
    Rated,
    causes,
)
from projections.tally import SHOWN, Tally, average_of_organs, percent, told

ZONE = ZoneInfo("Asia/Shanghai")


def day(text):
    return date.fromisoformat(f"2026-{text}")


def noon(on, clock="12:00"):
    return datetime.combine(on, time.fromisoformat(clock), ZONE)


MAY = Period(day("05-01"), day("05-31"), noon(day("06-30")))


def item(code="A", **more):
    return Listed(
        **{"code": code, "organ": "o", "kind": "promised", "law": 20, "promise": 10} | more
    )


def case(number="K", **more):
    return Counted(**{"case_no": number, "kind": "promised"} | more)


def met(number, due, on, **more):
    return case(number, promised_due=day(due), promised_met=day(on), **more)


def counted(definition, things, period=MAY):
    tally = Tally(BY_ID[definition], period)
    for n, thing in enumerate(things):
        tally.add(thing, 1, ((n, getattr(thing, "code", None) or thing.case_no),))
    return tally


def told_of(definition, things, period=MAY, average=None):
    return told(counted(definition, things, period), average)


# -- items ---------------------------------------------------------------------------------------


def test_compression_is_read_in_two_ways_and_both_are_shown():
    # DOMAIN 12: L = (20, 20, 5), C = (10, 2, 5): mean 46.7 % fails, pooled 62.2 % passes.
    things = [item("a"), item("b", promise=2), item("c", law=5, promise=5)]

    mean = told_of("kpi.compression@1", things)
    pooled = told_of("kpi.compression-pooled@1", things)

    assert ("7/5", 3, "7/15", "46.67") == tuple(
        mean[name] for name in ("numerator", "denominator", "value", "percent")
    )
    assert mean["reached"] is False
    assert (28, 45, "28/45", "62.22") == tuple(
        pooled[name] for name in ("numerator", "denominator", "value", "percent")
    )
    assert pooled["aim"] is None


def test_an_instant_promise_is_zero_and_a_filing_is_no_permit():
    things = [item("a", kind="instant", promise=0), item("f", kind="filing", law=0, promise=0)]

    mean = told_of("kpi.compression@1", things)
    instant = told_of("kpi.instant@1", [*things, item("b")])

    assert (1, 1, "1") == (mean["numerator"], mean["denominator"], mean["value"])
    assert (1, 2, "1/2", True) == tuple(
        instant[name] for name in ("numerator", "denominator", "value", "reached")
    )


@pytest.mark.parametrize(
    ("definition", "marked", "reached_by"),
    [("kpi.window@1", "window", 7), ("kpi.no-visit@1", "no_visit", 8)],
)
def test_a_share_of_items_reaches_its_aim_exactly_at_the_aim(definition, marked, reached_by):
    def of(number):
        return told_of(definition, [item(str(n), **{marked: n < number}) for n in range(10)])

    below, at = of(reached_by - 1), of(reached_by)

    assert (reached_by - 1, 10, False) == tuple(
        below[name] for name in ("numerator", "denominator", "reached")
    )
    assert (reached_by, 10, True) == tuple(at[n] for n in ("numerator", "denominator", "reached"))
    assert [str(n) for n in range(reached_by)] == at["catalogue"]


def test_elements_names_what_each_item_lacks():
    things = [item("a"), item("b", lacking=("form", "fees"))]

    figure = told_of("kpi.elements@1", things)

    assert (1, 2, False) == (figure["numerator"], figure["denominator"], figure["reached"])
    assert {"form": ["b"], "fees": ["b"]} == figure["lacking"]


def test_the_second_reading_of_instant_compares_with_the_average_of_the_organs():
    own = [item("a", kind="instant", promise=0), item("b"), item("c"), item("d")]
    other = [item("x", kind="instant", promise=0, organ="p"), item("y", organ="p")]
    average = average_of_organs(BY_ID["kpi.instant-average@1"], [*own, *other], MAY)

    figure = told_of("kpi.instant-average@1", own, average=average)

    # 1/4 and 1/2: their mean is 3/8, whatever the sizes of the organs.
    assert Fraction(3, 8) == average
    assert {"operator": ">=", "value": "3/8"} == figure["aim"]
    assert figure["reached"] is False
    assert told_of("kpi.instant@1", own)["reached"] is True


def test_without_items_there_is_no_figure_and_no_verdict():
    figure = told_of("kpi.window@1", [])

    assert (0, 0, None, None, None) == tuple(
        figure[name] for name in ("numerator", "denominator", "value", "percent", "reached")
    )


# -- cases ---------------------------------------------------------------------------------------


def test_early_is_before_the_day_and_instant_cases_are_left_out_or_not():
    things = [
        met("early", "05-12", "05-11"),
        met("same", "05-12", "05-12"),
        met("late", "05-12", "05-14"),
        met("april", "05-12", "04-30"),
        met("given-up", "05-12", "05-11", given_up=True),
        met("instant", "05-12", "05-12", kind="instant"),
    ]

    without, whole = told_of("kpi.early@1", things), told_of("kpi.early-with-instant@1", things)

    assert (1, 3, ["early"]) == (without["numerator"], without["denominator"], without["cases"])
    assert (1, 4, ["same", "late", "instant"]) == (
        whole["numerator"],
        whole["denominator"],
        whole["other_cases"],
    )


def test_every_cause_of_overdue_and_a_case_counts_once():
    things = [
        met("kept", "05-12", "05-12"),
        met("late", "05-12", "05-14"),
        case("open", promised_due=day("05-30")),
        case("deemed", deemed_on=day("05-04"), promised_due=day("07-01")),
        met("extended", "05-20", "05-19", extended_late_on=(day("05-18"),)),
        met("silent", "05-20", "05-19", unreasoned_on=day("05-19")),
        case("handed-late", promised_due=day("04-28"), promised_met=day("04-28"),
             issue_due=day("05-14"), issue_met=day("05-15")),
        met("never-handed", "05-06", "05-06", issue_due=day("05-20")),
        met("twice", "05-12", "05-14", deemed_on=day("05-02")),
    ]  # fmt: skip

    figure = told_of("kpi.overdue@1", things)

    # N: kept, late, extended, silent, never-handed, twice; and open, deemed, handed-late.
    assert (8, 9) == (figure["numerator"], figure["denominator"])
    assert {
        "promised": ["late", "twice"],
        "open": ["open"],
        "deemed-acceptance": ["deemed", "twice"],
        "extension": ["extended"],
        "reasons": ["silent"],
        "issue": ["handed-late", "never-handed"],
    } == figure["causes"]
    assert ["kept"] == figure["other_cases"]
    assert {"operator": "=", "value": "0"} == figure["aim"]


@pytest.mark.parametrize(
    ("due", "met_on", "ended", "today", "open_"),
    [
        ("05-30", None, None, "06-30", True),
        # The last day ends at 24:00: in its last moment, what is due on it is not past.
        ("05-31", None, None, "06-30", False),
        ("05-30", "05-31", None, "06-30", False),
        ("05-30", "06-01", None, "06-30", True),
        ("05-30", None, "05-31", "06-30", False),
        ("05-30", None, "06-01", "06-30", True),
        # A period that still goes on ends, so far, now.
        ("05-12", None, None, "05-12", False),
        ("05-12", None, None, "05-13", True),
        # What has not begun has no cases.
        ("04-12", None, None, "04-20", False),
    ],
)
def test_open_past_the_promise_at_the_end_of_the_period(due, met_on, ended, today, open_):
    period = replace(MAY, now=noon(day(today)))
    thing = case(
        promised_due=day(due),
        promised_met=met_on and day(met_on),
        promised_ended=ended and day(ended),
    )

    assert open_ == ("open" in causes(thing, period))


@pytest.mark.parametrize(
    ("due", "today", "clock", "open_"),
    [
        # What is due on the last day is past in the last moment of the period.
        ("05-31", "06-30", "12:00", True),
        ("05-31", "05-31", "17:29", False),
        ("05-31", "05-31", "17:30", True),
        ("05-12", "05-12", "17:29", False),
        ("05-12", "05-12", "17:30", True),
        ("06-01", "06-30", "12:00", False),
    ],
)
def test_open_past_the_close_of_business(due, today, clock, open_):
    period = replace(MAY, now=noon(day(today), clock))
    thing = case(promised_due=day(due), closes=time(17, 30))

    assert open_ == ("open" in causes(thing, period))


def test_late_on_the_last_day_is_late_and_not_early():
    things = [
        met("in-time", "05-12", "05-12"),
        met("late", "05-12", "05-12", promised_after_close=True),
        met("handed-late", "05-12", "05-11", issue_due=day("05-14"), issue_met=day("05-14"),
            issue_after_close=True),
    ]  # fmt: skip

    figure = told_of("kpi.overdue@1", things)

    assert {"promised": ["late"], "issue": ["handed-late"]} == figure["causes"]
    assert ["handed-late"] == told_of("kpi.early@1", things)["cases"]
    fed_back = Rated(case_no="K", due=day("05-12"), met_on=day("05-12"))
    assert (True, False) == (fed_back.on_time, replace(fed_back, after_close=True).on_time)


def test_a_clock_that_stands_still_has_no_due_date_and_is_never_past_it():
    assert () == causes(case(promised_due=None), MAY)


def test_no_visit_realised_leaves_out_who_came_to_a_window():
    things = [
        met("online", "05-12", "05-12"),
        met("window", "05-12", "05-12", visited=True),
        met("june", "06-12", "06-12"),
    ]

    figure = told_of("kpi.no-visit-realised@1", things)

    assert (1, 2, ["online"]) == (figure["numerator"], figure["denominator"], figure["cases"])


# -- evaluations ---------------------------------------------------------------------------------


def test_bad_reviews_on_time():
    def rated(number, due, on=None, verdict=None):
        return Rated(case_no=number, due=day(due), met_on=on and day(on), verdict=verdict)

    things = [
        rated("on-the-day", "05-12", "05-12", "valid"),
        rated("late", "05-12", "05-13", "valid"),
        rated("open", "05-12"),
        rated("mistaken", "05-12", "05-20", "mistaken"),
        rated("malicious", "05-12", None, "malicious"),
        rated("june", "06-01", "05-12", "valid"),
    ]

    figure = told_of("kpi.bad-review-on-time@1", things)

    assert (1, 3, ["on-the-day"]) == (
        figure["numerator"],
        figure["denominator"],
        figure["cases"],
    )
    assert ["late", "open"] == figure["other_cases"]


def test_imported_cases_are_held_to_their_own_deadline():
    things = [
        case("late", ended_on=day("05-12"), ended_late=True),
        case("kept", ended_on=day("05-12")),
        case("june", ended_on=day("06-12"), ended_late=True),
    ]

    figure = told_of("import.closed-late@1", things)

    assert (1, 2, ["late"]) == (figure["numerator"], figure["denominator"], figure["cases"])


def test_no_more_cases_are_named_than_fit_and_it_is_said():
    figure = told_of("kpi.early@1", [met(f"c{n}", "05-12", "05-11") for n in range(SHOWN + 1)])

    assert (SHOWN + 1, SHOWN, True) == (figure["numerator"], len(figure["cases"]), figure["more"])


# -- of any cases whatever -----------------------------------------------------------------------

DAYS = st.integers(0, 120).map(lambda n: date(2026, 3, 1) + timedelta(days=n))
MAYBE = st.none() | DAYS
CASES = st.builds(
    Counted,
    case_no=st.text("abc", min_size=1, max_size=3),
    kind=st.sampled_from(["instant", "promised", "filing"]),
    given_up=st.booleans(),
    visited=st.booleans(),
    promised_due=MAYBE,
    promised_met=MAYBE,
    promised_ended=MAYBE,
    issue_due=MAYBE,
    issue_met=MAYBE,
    issue_ended=MAYBE,
    deemed_on=MAYBE,
    extended_late_on=st.lists(DAYS, max_size=2).map(tuple),
    unreasoned_on=MAYBE,
    ended_on=MAYBE,
    ended_late=st.booleans(),
)
ITEMS = st.builds(
    Listed,
    code=st.text("abc", min_size=1, max_size=3),
    organ=st.sampled_from("opq"),
    kind=st.sampled_from(["instant", "promised", "filing"]),
    law=st.integers(0, 60),
    promise=st.just(0),
    window=st.booleans(),
    no_visit=st.booleans(),
    lacking=st.sampled_from([(), ("form",)]),
)
RATED = st.builds(
    Rated,
    case_no=st.just("K"),
    due=DAYS,
    met_on=MAYBE,
    verdict=st.sampled_from([None, "valid", "mistaken", "malicious"]),
)
THINGS = {"item": ITEMS, "case": CASES, "import": CASES, "review": RATED}


def any_period(first, length, today):
    return Period(first, first + timedelta(days=length), noon(today))


PERIODS = st.builds(any_period, DAYS, st.integers(0, 60), DAYS)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.id)
@given(data=st.data())
def test_a_share_is_none_or_between_nothing_and_all_and_parts_add_up(definition, data):
    period = data.draw(PERIODS)
    things = data.draw(st.lists(THINGS[definition.of], max_size=12))
    parted = [(thing, data.draw(st.sampled_from("xyz"))) for thing in things]

    whole = counted(definition.id, things, period)
    parts = [
        counted(definition.id, [t for t, o in parted if o == organ], period) for organ in "xyz"
    ]

    assert 0 <= whole.numerator <= whole.denominator
    assert (whole.value is None) == (whole.denominator == 0)
    assert whole.numerator == sum(part.numerator for part in parts)
    assert whole.denominator == sum(part.denominator for part in parts)
    shown = told(whole, Fraction(1, 2))
    assert "." not in str(shown["value"]), "no floats"


@given(things=st.lists(CASES, max_size=12), period=PERIODS)
def test_overdue_has_the_same_cases_under_its_causes(things, period):
    named = [replace(thing, case_no=f"K{n}") for n, thing in enumerate(things)]
    tally = counted("kpi.overdue@1", named, period)

    assert set(tally.counted.shown) == {
        case for cases in tally.reasons.values() for case in cases.shown
    }
    assert tally.numerator == tally.counted.many


@given(st.fractions())
def test_percent_is_the_share_to_two_decimals_half_up(value):
    text = percent(value)

    shown = Fraction(text)
    assert abs(shown - value * 100) <= Fraction(1, 200)
    assert 2 == len(text.partition(".")[2])
