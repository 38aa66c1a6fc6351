"""Three lanes on one time line: where each act and each limit of a case is drawn.

Only geometry: what is drawn comes in, numbers for the template come out.  The same days are
at the same place in every lane, so that a reader sees what waited for what.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from unicodedata import east_asian_width

from ledger.workdays import WorkingDays

LANES = ("approval", "supervision", "enforcement")

WIDTH = 1160
LEFT = 96
RIGHT = 18
ROW = 17
BAR = 21
GLYPH = 12
_DAY = timedelta(days=1)
# Below this a column for a day off is noise.
_SHADED_PX = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """Something that happened: its lane, instant, number in the history, name and kind."""

    lane: str
    at: datetime
    number: int
    label: str
    kind: str = "act"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """A limit that ran: from, due, and the day on which it was met or ended, if it was."""

    lane: str
    label: str
    start: date
    due: date
    done: date | None
    light: str
    paused: Sequence[tuple[date, date]] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """An act with its place: the mark at x on the base line, the label in a row above it."""

    act: Act
    x: float
    y: float
    anchor: str
    label_x: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit with its place: the whole, the used part, the pauses, and the due mark."""

    limit: Limit
    x: float
    y: float
    width: float
    used: float
    due_x: float
    over: float
    paused: tuple[tuple[float, float], ...]
    label_x: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: its name, where it begins and ends, its base line, its acts and bars."""

    name: str
    top: float
    base: float
    bottom: float
    acts: tuple[Placed, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole drawing: lanes, the ticks of the days, days off, and today."""

    width: int
    height: float
    left: int
    right: float
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]
    off: tuple[tuple[float, float], ...]
    today: float | None


@dataclass(frozen=True, slots=True)
class _Scale:
    first: date
    last: date
    zone: tzinfo

    @property
    def day(self) -> float:
        return (WIDTH - LEFT - RIGHT) / ((self.last - self.first).days + 1)

    def at(self, instant: datetime) -> float:
        start = datetime.combine(self.first, time(), self.zone)
        return LEFT + (instant - start) / _DAY * self.day

    def of(self, day: date) -> float:
        """Where a day begins; never outside the drawing."""
        inside = min(max(day, self.first), self.last + _DAY)
        return LEFT + (inside - self.first).days * self.day


def drawn(
    acts: Iterable[Act],
    limits: Iterable[Limit],
    *,
    today: date,
    running: bool,
    zone: tzinfo,
    days: WorkingDays | None,
) -> Drawing:
    """Lay a case out; `running` says whether today is still part of its story."""
    all_acts = sorted(acts, key=lambda a: (a.at, a.number))
    all_limits = tuple(limits)
    scale = _scale(all_acts, all_limits, today if running else None, zone)
    top = 26.0
    lanes: list[Lane] = []
    for name in LANES:
        lane = _lane(
            name,
            top,
            [a for a in all_acts if a.lane == name],
            [limit for limit in all_limits if limit.lane == name],
            scale,
            today,
        )
        lanes.append(lane)
        top = lane.bottom
    return Drawing(
        width=WIDTH,
        height=top + 6,
        left=LEFT,
        right=WIDTH - RIGHT,
        lanes=tuple(lanes),
        ticks=_ticks(scale),
        off=_off(scale, days),
        today=scale.of(today) if running and scale.first <= today <= scale.last else None,
    )


def _scale(
    acts: Sequence[Act], limits: Sequence[Limit], today: date | None, zone: tzinfo
) -> _Scale:
    seen = [a.at.astimezone(zone).date() for a in acts]
    seen += [limit.start for limit in limits] + [limit.due for limit in limits]
    seen += [limit.done for limit in limits if limit.done is not None]
    if today is not None:
        seen.append(today)
    first, last = min(seen, default=date.min), max(seen, default=date.min)
    # A week at least, or one busy day would fill the page.
    return _Scale(first, max(last + _DAY, first + 6 * _DAY), zone)


def _lane(
    name: str,
    top: float,
    acts: Sequence[Act],
    limits: Sequence[Limit],
    scale: _Scale,
    today: date,
) -> Lane:
    rows: list[float] = []  # where each row of labels ends
    laid: list[tuple[Act, float, int, str, float]] = []
    for act in acts:
        x = scale.at(act.at)
        width = text_width(act.label, act.number) + 10
        flipped = x + width > WIDTH - 4
        start = x - width if flipped else x
        row = next((n for n, end in enumerate(rows) if end <= start), len(rows))
        rows[row : row + 1] = [start + width]
        laid.append((act, x, row, "end" if flipped else "start", x - 5 if flipped else x + 5))
    base = top + 14 + ROW * max(1, len(rows))
    placed = tuple(
        Placed(act, round(x, 1), base - 8 - ROW * row, anchor, round(label_x, 1))
        for act, x, row, anchor, label_x in laid
    )
    bars = tuple(
        _bar(limit, base + 14 + BAR * n, scale, today)
        for n, limit in enumerate(sorted(limits, key=lambda i: (i.start, i.due)))
    )
    bottom = base + 14 + BAR * len(bars) + (4 if bars else 0)
    return Lane(name, top, base, bottom, placed, bars)


def _bar(limit: Limit, y: float, scale: _Scale, today: date) -> Bar:
    start = scale.of(limit.start)
    due = scale.of(limit.due + _DAY)  # a due day ends at midnight
    reached = scale.of((limit.done or max(today, limit.start)) + _DAY)
    used = min(reached, due) - start
    over = max(0.0, reached - due) if limit.light in ("red", "met-late") else 0.0
    paused = tuple(
        (round(scale.of(first), 1), round(scale.of(min(last, scale.last) + _DAY), 1))
        for first, last in limit.paused
        if first <= scale.last
    )
    end = due + over
    flipped = end + text_width(limit.label) + 8 > WIDTH
    return Bar(
        limit=limit,
        x=round(start, 1),
        y=y,
        width=round(max(2.0, due - start), 1),
        used=round(max(0.0, used), 1),
        due_x=round(due, 1),
        over=round(over, 1),
        paused=tuple((a, round(b - a, 1)) for a, b in paused),
        label_x=round(start - 6 if flipped else end + 6, 1),
        anchor="end" if flipped else "start",
    )


def text_width(text: str, number: int = 0) -> float:
    """Estimate how wide a text is drawn, wide characters counted as such."""
    shown = f"{number} {text}" if number else text
    return sum(GLYPH if east_asian_width(c) in "WF" else GLYPH * 0.58 for c in shown)


def _ticks(scale: _Scale) -> tuple[tuple[float, str], ...]:
    step = next((n for n in (1, 2, 7, 14, 30, 61, 122, 365) if n * scale.day >= 72), 730)
    count = (scale.last - scale.first).days + 1
    days = (scale.first + timedelta(days=n) for n in range(0, count, step))
    ticks = []
    year = None
    for day in days:
        ticks.append((round(scale.of(day), 1), f"{day:%m-%d}" if day.year == year else str(day)))
        year = day.year
    return tuple(ticks)


def _off(scale: _Scale, days: WorkingDays | None) -> tuple[tuple[float, float], ...]:
    """Join the days off into columns: they are why a due date lies where it lies."""
    if days is None or scale.day < _SHADED_PX:
        return ()
    columns: list[tuple[float, float]] = []
    for n in range((scale.last - scale.first).days + 1):
        day = scale.first + timedelta(days=n)
        if days.working(day):
            continue
        x = scale.of(day)
        if columns and abs(columns[-1][0] + columns[-1][1] - x) < 0.01:
            columns[-1] = (columns[-1][0], columns[-1][1] + scale.day)
        else:
            columns.append((x, scale.day))
    return tuple((round(x, 1), round(width, 1)) for x, width in columns)
