"""Working calendars (工作日历) as the office adopts them, year by year, with their notice."""

from datetime import date

from ledger.errors import Refused
from ledger.office.versioned import Version
from ledger.workdays import CalendarVersion


def adopted(calendar: str, version: Version) -> CalendarVersion:
    """Read an approved version as the year of working days that it sets."""
    content = version.content
    notice = content.get("notice") or {}
    return CalendarVersion(
        calendar=calendar,
        version=version.number,
        year=int(content["year"]),
        off=frozenset(date.fromisoformat(day) for day in content["off"]),
        work=frozenset(date.fromisoformat(day) for day in content["work"]),
        provisional=bool(content.get("provisional")),
        notice=notice.get("number"),
        position=version.position,
        approved_at=version.at,
    )


def check(year: int, off: tuple[str, ...], work: tuple[str, ...]) -> None:
    """Refuse days that are listed twice or lie outside the year and the month around it."""
    for name, days in (("off", off), ("work", work)):
        for i, day in enumerate(days):
            parsed = date.fromisoformat(day)
            near = date(year - 1, 12, 1) <= parsed <= date(year + 1, 1, 31)
            if not near or day in days[:i] or (name == "work" and day in off):
                raise Refused(
                    "schema",
                    "a day of another year, listed twice, or both off and at work",
                    pointer=f"/{name}/{i}",
                )
