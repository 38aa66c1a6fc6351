"""Ten thousand random lives of limits, 2019 to 2026, counted a second time day by day.

The second count knows nothing of ours but the words of the papers (DOMAIN 5): its working days
are those of chinesecalendar, its pauses are sets of dates, and it counts on its fingers.
"""

import os
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import chinese_calendar
import pytest

from ledger.deadline import view
from ledger.limit import Extension, Facts, Pause, Run, Step
from tests.ledger.days import POLICY, ZONE, calendars

CASES = 10_000
CHUNKS = 10
SEED = int(os.environ.get("SEED", "469002"))
FIRST, LAST = date(2019, 1, 2), date(2026, 12, 31)
ONE = timedelta(days=1)
RULES = ("suspension.after-start", "suspension.from-start", "suspension.whole-days")

DAYS = [FIRST + n * ONE for n in range((LAST - FIRST).days + 1)]
WORKING = {day: chinese_calendar.is_workday(day) for day in DAYS}


@dataclass(frozen=True)
class Life:
    """One limit of a case, what stopped or lengthened it, and the day it is looked at."""

    unit: str
    start: date
    budget: int
    pauses: tuple[Pause, ...]
    extensions: tuple[Extension, ...]
    on: date


def drawn(rng) -> Life:
    start = FIRST + rng.randrange((date(2026, 4, 30) - FIRST).days) * ONE
    unit = rng.choice(("working-day", "working-day", "day"))
    pauses = []
    for n in range(rng.choice((0, 0, 1, 1, 2, 3)) if unit == "working-day" else 0):
        begun = start + rng.randrange(30) * ONE
        lasts = rng.randrange(25)
        pauses.append(
            Pause(
                kind=f"kind-{n}",
                start=begun,
                end=None if rng.random() < 0.2 else begun + lasts * ONE,
                planned_days=rng.randrange(15),
                position=10 + n,
                rule=rng.choice(RULES),
            )
        )
    longer: tuple[Extension, ...] = ()
    if unit == "working-day" and rng.random() < 0.4:
        longer = (Extension(days=rng.randrange(1, 16), position=20, effective=rng.random() < 0.8),)
    budget = rng.choice((0, 1, 3, 5, 10, 20, 45, rng.randrange(60)))
    on = start + rng.randrange(90) * ONE
    return Life(unit, start, budget, tuple(pauses), longer, on)


# -- counted by us -----------------------------------------------------------------------------


def counted(life: Life):
    run = Run(
        name="statutory",
        unit=life.unit,
        budget=life.budget,
        start=life.start,
        rule="acceptance.accepted",
        opened=1,
        opened_at=datetime.combine(life.start, time(9), ZONE),
        pausable=True,
    )
    facts = Facts(runs=(run,), pauses=life.pauses, extensions=life.extensions)
    at = datetime.combine(life.on, time(12), ZONE)
    (found,) = view((Step(-1, facts),), CALENDARS, at.astimezone(UTC), ZONE, POLICY)
    return found.due, found.used, found.light == "red"


CALENDARS = calendars(*(f"cn-{year}" for year in range(2019, 2027)))


# -- counted on fingers --------------------------------------------------------------------------


def paused(life: Life) -> set[date]:
    out = set()
    for pause in life.pauses:
        end = pause.end
        if end is None:
            end, left = pause.start, pause.planned_days
            while left:
                end += ONE
                left -= WORKING[end]
            end = max(end, life.on)
        first = pause.start if pause.rule == "suspension.from-start" else pause.start + ONE
        last = end - ONE if pause.rule == "suspension.whole-days" else end
        out |= set(days_of(first, last))
    return out


def days_of(first: date, last: date):
    return [first + n * ONE for n in range((last - first).days + 1)]


def on_fingers(life: Life):
    out = paused(life)
    budget = life.budget + sum(e.days for e in life.extensions if e.effective)

    def counts(day: date) -> bool:
        return day not in out and (life.unit == "day" or WORKING[day])

    due, left = life.start, budget
    while left:
        due += ONE
        left -= counts(due)
    if life.unit == "day" and budget:
        while not WORKING[due]:
            due += ONE
    used = sum(counts(day) for day in days_of(life.start + ONE, life.on))
    return due, used, life.on > due


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_ten_thousand_limits_are_counted_the_same_by_others(chunk):
    print(f"SEED={SEED}")
    rng = random.Random(f"{SEED}/{chunk}")
    for _ in range(CASES // CHUNKS):
        life = drawn(rng)
        assert on_fingers(life) == counted(life), life


def test_control_a_count_that_forgets_make_up_days_is_found():
    rng = random.Random(SEED)
    lives = [drawn(rng) for _ in range(300)]
    made_up = {day for day in DAYS if WORKING[day] and day.weekday() >= 5}
    assert made_up, "the years have make-up days"

    def forgetful(life: Life):
        before = {day: WORKING.pop(day) for day in made_up}
        WORKING.update(dict.fromkeys(made_up, False))
        try:
            return on_fingers(life)
        finally:
            WORKING.update(before)

    assert any(forgetful(life) != counted(life) for life in lives)
