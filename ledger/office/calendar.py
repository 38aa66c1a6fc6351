"""Working calendars (工作日历) as the office adopts them, year by year, with their notice."""

from datetime import date

from ledger.case import Data
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


def check(content: Data) -> None:
    """Refuse a year without its notice, and days listed twice or of another year."""
    if not content.get("provisional") and not content.get("notice"):
        raise Refused(
            "schema", "a year that is not provisional rests on a notice", pointer="/notice"
        )
    year, off, work = int(content["year"]), tuple(content["off"]), tuple(content["work"])
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
