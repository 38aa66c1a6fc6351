"""Where acts and limits are drawn."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from api.web.lanes import LANES, LEFT, RIGHT, WIDTH, Act, Limit, drawn, text_width
from ledger.workdays import WorkingDays

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = date(2026, 3, 2)
DAYS = WorkingDays({}, {2026}, "cn@1")


def act(number: int, day: int, hour: int = 9, lane: str = "approval", label: str = "受理") -> Act:
    at = datetime(2026, 3, 2, hour, tzinfo=ZONE) + timedelta(days=day)
    return Act(lane=lane, at=at, number=number, label=label)


def limit(start: int, due: int, done: int | None = None, light: str = "green") -> Limit:
    def day(n: int) -> date:
        return MONDAY + timedelta(days=n)

    met = None if done is None else day(done)
    return Limit(
        lane="approval", label="法定时限", start=day(start), due=day(due), done=met, light=light
    )


def draw(acts, limits=(), today=MONDAY, *, running=True):
    return drawn(acts, limits, today=today, running=running, zone=ZONE, days=DAYS)


def test_there_are_three_lanes_even_when_two_are_empty():
    assert LANES == tuple(lane.name for lane in draw([act(1, 0)]).lanes)


def test_a_day_is_at_the_same_place_in_every_lane():
    drawing = draw([act(1, 3), act(2, 3, lane="supervision")])

    assert drawing.lanes[0].acts[0].x == drawing.lanes[1].acts[0].x


def test_days_off_are_shaded_as_the_calendar_says():
    drawing = draw([act(1, 0), act(2, 13)])
    day = (WIDTH - LEFT - RIGHT) / 15

    assert [
        (round(LEFT + 5 * day, 1), round(2 * day, 1)),
        (round(LEFT + 12 * day, 1), round(2 * day, 1)),
    ] == list(drawing.off)


def test_what_was_done_late_is_drawn_beyond_its_due_day():
    bars = draw(
        [act(1, 0)], [limit(0, 3, done=5, light="met-late"), limit(0, 5, done=3, light="met")]
    )

    late, kept = bars.lanes[0].bars
    assert late.over > 0
    assert 0 == kept.over
    assert kept.used < kept.width


def test_today_is_drawn_only_while_the_case_runs():
    assert draw([act(1, 0)]).today is not None
    assert draw([act(1, 0)], running=False).today is None


def test_a_case_of_long_ago_is_not_drawn_up_to_today():
    long_after = MONDAY + timedelta(days=900)

    assert draw([act(1, 0), act(2, 4)], today=long_after, running=False).ticks[-1][1] == "03-08"


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 23), st.sampled_from(LANES)),
        min_size=1,
        max_size=25,
    )
)
def test_no_label_lies_on_another_or_outside(times):
    acts = [act(n, day, hour, lane) for n, (day, hour, lane) in enumerate(times, 1)]

    for lane in draw(acts, running=False).lanes:
        taken: list[tuple[float, float, float]] = []
        for placed in lane.acts:
            width = text_width(placed.act.label, placed.act.number)
            left = placed.label_x if placed.anchor == "start" else placed.label_x - width
            assert left >= 0
            assert left + width <= WIDTH
            assert lane.top <= placed.y <= lane.base
            assert all(
                y != placed.y or left >= end - 0.2 or left + width <= start + 0.2
                for start, end, y in taken
            )
            taken.append((left, left + width, placed.y))
