"""Due dates as others count them: day by day, by a calendar that is not ours."""

from datetime import date, timedelta

import chinese_calendar

ONE = timedelta(days=1)


def oracle(start, days, *paused, closed=()):
    """The last of some working days after a start.

    `paused` are suspensions, from the day after their first date to their last; `closed` are
    days off of a county or city alone.
    """
    out = {date.fromisoformat(day) for day in closed}
    for begun, ended in paused:
        day = date.fromisoformat(begun)
        while day < date.fromisoformat(ended):
            day += ONE
            out.add(day)
    day = date.fromisoformat(start)
    while days:
        day += ONE
        days -= chinese_calendar.is_workday(day) and day not in out
    return day.isoformat()
