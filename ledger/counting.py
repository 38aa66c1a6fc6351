"""How the days of one running limit are counted: from day 0, in its unit, without pauses."""

from dataclasses import dataclass
from datetime import date, timedelta

from ledger.workdays import Spans, WorkingDays

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Count:
    """A start date that is never counted, a unit, and the days that suspensions take out.

    `paused` is a set of days as `workdays.union` gives it.
    """

    start: date
    unit: str
    days: WorkingDays
    paused: Spans = ()

    def due(self, budget: int) -> date:
        """Return the last day of a budget.

        A budget in calendar days rolls forward from a day off; zero days is the start itself,
        also on a day off: a permit expires on its day.
        """
        last = self.nth(budget)
        return self.days.on_or_after(last) if self.unit == "day" and budget else last

    def nth(self, number: int) -> date:
        """Return the first day on which that many days are used."""
        if self.unit == "working-day":
            return self.days.add(self.start, number, self.paused)
        day = self.start
        for first, last in self.paused:
            if number == 0 or last <= day:
                continue
            ahead = max(0, (first - day).days - 1)
            if number <= ahead:
                break
            number, day = number - ahead, last
        return day + timedelta(days=number)

    def used(self, until: date) -> int:
        """Count the days used on a day: 0 on the start and before it."""
        return self._between(self.start, until) - self.taken(until)

    def taken(self, until: date = date.max) -> int:
        """Count the days after the start, up to a day, that the pauses take out."""
        return sum(
            self._between(max(self.start, first - _DAY), min(last, until))
            for first, last in self.paused
        )

    def _between(self, after: date, until: date) -> int:
        if self.unit == "working-day":
            return self.days.count(after, until)
        return max(0, (until - after).days)
