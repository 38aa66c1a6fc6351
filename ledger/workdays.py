"""Which days are working days (工作日), by the calendars known at a position.

A calendar is append-only: each version sets one year of one calendar (the national one, or
the overlay of a city or county) and names the notice it rests on.  Nothing here knows a
year before its notice; such a year is provisional and says so.  Counting is arithmetic on
Mondays to Fridays, corrected by the few days that the notices name.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import accumulate

# First and last day, both included.
Span = tuple[date, date]
Spans = Sequence[Span]

_DAY = timedelta(days=1)
_WEEKDAYS = 5
_KEPT = 8_192


def years_after(day: date, years: int) -> date:
    """Return the same day so many years later; of 29 February, 1 March where there is none.

    >>> years_after(date(2024, 2, 29), 1)
    datetime.date(2025, 3, 1)
    """
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarVersion:
    """One adopted year of one calendar (工作日历): the days off and the make-up days (调休).

    `version` counts per calendar in the order adopted, `position` is that of the approval.
    `notice` is its number, None where there is no notice (a provisional year).
    """

    calendar: str
    version: int
    year: int
    off: frozenset[date]
    work: frozenset[date]
    position: int
    provisional: bool = False
    notice: str | None = None
    approved_at: datetime | None = None


class WorkingDays:
    """The working days of one jurisdiction; immutable.

    >>> days = WorkingDays({date(2025, 9, 28): True, date(2025, 10, 1): False}, {2025}, "cn@1")
    >>> days.working(date(2025, 9, 28)), days.count(date(2025, 9, 26), date(2025, 10, 1))
    (True, 3)
    >>> days.add(date(2025, 9, 26), 4)
    datetime.date(2025, 10, 2)
    """

    __slots__ = ("_added", "_sums", "_turned", "_turned_days", "_years", "label")

    def __init__(self, listed: Mapping[date, bool], official: Iterable[int], label: str) -> None:
        """Take what the notices list (True: at work), and the years that have a notice."""
        turned = {day.toordinal(): work for day, work in listed.items()}
        # Only the days that differ from Monday to Friday matter to a count.
        turned = {day: work for day, work in turned.items() if work != _weekday(day)}
        self._turned = turned
        self._turned_days = sorted(turned)
        steps = (1 if turned[day] else -1 for day in self._turned_days)
        self._sums = tuple(accumulate(steps, initial=0))
        self._years = frozenset(official)
        # What was asked before: the limits of a day's cases start together and run alike.
        self._added: dict[tuple[date, int], date] = {}
        self.label = label

    def working(self, day: date) -> bool:
        """Tell whether a day is a working day."""
        return self._works(day.toordinal())

    def count(self, after: date, until: date) -> int:
        """Count the working days d with after < d <= until; 0 where there are none."""
        if until <= after:
            return 0
        return self._upto(until.toordinal()) - self._upto(after.toordinal())

    def add(self, start: date, days: int, paused: Spans = ()) -> date:
        """Return the n-th working day after a date, not counting days in the paused spans.

        The spans are disjoint and in order, as `union` gives them.  Zero days is the date
        itself, working day or not.
        """
        for first, last in paused:
            if days == 0 or last <= start:
                continue
            ahead = self.count(start, first - _DAY)
            if days <= ahead:
                break
            days -= ahead
            start = last
        found = self._added.get((start, days))
        if found is None:
            if len(self._added) >= _KEPT:
                self._added.clear()
            found = self._added[start, days] = self._after(start, days)
        return found

    def on_or_after(self, day: date) -> date:
        """Return the day itself if it is a working day, else the next one."""
        return day if self.working(day) else self._after(day, 1)

    def provisional(self, day: date) -> bool:
        """Tell whether no notice has settled the year of this day."""
        return day.year not in self._years

    def uncertain(self, first: date, last: date) -> bool:
        """Tell whether any day from first to last is provisional."""
        if first.year == last.year:
            return first.year not in self._years
        return any(year not in self._years for year in range(first.year, last.year + 1))

    def _upto(self, ordinal: int) -> int:
        """Count the working days from the beginning of time to this day."""
        weeks, rest = divmod(ordinal, 7)  # day 1 is a Monday
        turned = self._sums[bisect_right(self._turned_days, ordinal)]
        return _WEEKDAYS * weeks + min(rest, _WEEKDAYS) + turned

    def _after(self, start: date, days: int) -> date:
        if days == 0:
            return start
        here = start.toordinal()
        target = self._upto(here) + days
        missing = days
        # Jump as if no notice existed, and look what is still missing: two or three rounds.
        while missing > 0:
            here = _weekdays_on(here, missing)
            missing = target - self._upto(here)
        # A make-up day may have carried us too far, or the jump may have ended on a day off.
        while missing < 0 or not self._works(here):
            missing += self._works(here)
            here -= 1
        return date.fromordinal(here)

    def _works(self, ordinal: int) -> bool:
        turned = self._turned.get(ordinal)
        return _weekday(ordinal) if turned is None else turned


@dataclass(frozen=True, slots=True)
class Calendars:
    """All adopted versions of all calendars of a ledger, in the order adopted."""

    versions: tuple[CalendarVersion, ...] = ()
    # What was asked before: a function of the versions, so that it is no state.
    _known: dict[int, "Calendars"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _days: dict[tuple[str, str | None], WorkingDays] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def with_(self, version: CalendarVersion) -> "Calendars":
        """Return the calendars with one more adopted version."""
        assert not self.versions or self.versions[-1].position <= version.position
        return Calendars((*self.versions, version))

    def known_at(self, position: int) -> "Calendars":
        """Return the calendars as known at a position: what was approved at or before it."""
        if not self.versions or self.versions[-1].position <= position:
            return self
        known = tuple(v for v in self.versions if v.position <= position)
        return self._known.setdefault(len(known), Calendars(known))

    def number(self, calendar: str) -> int:
        """Return how many versions of a calendar were adopted."""
        return sum(v.calendar == calendar for v in self.versions)

    def days(self, national: str = "cn", overlay: str | None = None) -> WorkingDays:
        """Return the working days of a jurisdiction: its overlay decides, then the nation."""
        found = self._days.get((national, overlay))
        if found is None:
            found = self._days.setdefault((national, overlay), self._read(national, overlay))
        return found

    def _read(self, national: str, overlay: str | None) -> WorkingDays:
        in_force = self._in_force(national)
        listed = _listed(in_force)
        label = f"{national}@{self.number(national)}"
        if overlay is not None and self.number(overlay):
            listed |= _listed(self._in_force(overlay))
            label += f"+{overlay}@{self.number(overlay)}"
        return WorkingDays(listed, (v.year for v in in_force if not v.provisional), label)

    def _in_force(self, calendar: str) -> tuple[CalendarVersion, ...]:
        # A version replaces its year; what it says of the December before goes with it.
        by_year = {v.year: v for v in self.versions if v.calendar == calendar}
        return tuple(sorted(by_year.values(), key=lambda v: v.version))


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans as a set of days: in order and disjoint, empty ones left out.

    >>> union([(date(2026, 3, 3), date(2026, 3, 5)), (date(2026, 3, 4), date(2026, 3, 9))])
    ((datetime.date(2026, 3, 3), datetime.date(2026, 3, 9)),)
    """
    joined: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if joined and first <= joined[-1][1] + _DAY:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def _listed(versions: Iterable[CalendarVersion]) -> dict[date, bool]:
    listed: dict[date, bool] = {}
    for version in versions:
        listed.update(dict.fromkeys(version.off, False))
        listed.update(dict.fromkeys(version.work, True))
    return listed


def _weekday(ordinal: int) -> bool:
    """Tell whether a day of the calendar (day 1 is a Monday) is one of Monday to Friday."""
    return (ordinal - 1) % 7 < _WEEKDAYS


def _weekdays_on(ordinal: int, days: int) -> int:
    """Return the n-th Monday to Friday after a day."""
    back = min((ordinal - 1) % 7, _WEEKDAYS - 1)  # from a weekend we count as from its Friday
    monday = ordinal - (ordinal - 1) % 7
    weeks, rest = divmod(back + days, _WEEKDAYS)
    return monday + 7 * weeks + rest
