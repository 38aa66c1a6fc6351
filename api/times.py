"""Times as callers write them: one spelling of an instant, one of a day.

An instant is RFC 3339 with `T` and with `Z` or an offset, at most six fraction digits, no
leap second, from 1900 on; a day is a local date of law.
"""

import re
from datetime import UTC, date, datetime

INSTANT = (
    r"^(?:19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{1,6})?(?:Z|(?!-00:00)[+-][0-2][0-9]:[0-5][0-9])$(?!\n)"
)
DAY = r"^(?:19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$(?!\n)"

_INSTANT = re.compile(INSTANT)
_DAY = re.compile(DAY)


def instant(text: str) -> datetime | None:
    """Read an instant as UTC; None where it is not one.

    >>> instant("2026-03-02T09:00:00.5+08:00")
    datetime.datetime(2026, 3, 2, 1, 0, 0, 500000, tzinfo=datetime.timezone.utc)
    """
    if not _INSTANT.match(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(text: str) -> date | None:
    """Read a day; None where it is not one."""
    if not _DAY.match(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
