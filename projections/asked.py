"""What is asked of a list, read strictly; and what a list answers.

A filter that is not understood is refused: a list that silently ignored it would show too much.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from ledger.case import Data
from ledger.errors import Refused

# Where a list goes on: the sort key of its last row.
Mark = int | str | Sequence[int | str | None]

# How a list counts all rows that fit.
COUNT = "count(*) OVER ()"

_LONGEST = 200
_MOST = 2**53 - 1
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_FIRST_YEAR = 1900
_LEAST = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the position of the ledger that they show.

    `next` is the mark behind the last one, None where there are no more; `total` is how many
    fit the filters, None where that was not asked.  `behind` is what of it was measured earlier,
    `rules` which rules find anything at all, None where that is not told.
    """

    items: tuple[Data, ...]
    next: Mark | None
    position: int
    total: int | None = None
    behind: Sequence[Any] = ()
    rules: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of a list by name, as text."""

    filters: Mapping[str, str]

    def text(self, name: str) -> str | None:
        """Return a filter as it is; None where it is not asked for."""
        value = self.filters.get(name)
        if value is not None and not 0 < len(value) <= _LONGEST:
            raise wrong(name, f"1 to {_LONGEST} characters")
        return value

    def one_of(self, name: str, among: Collection[str]) -> str | None:
        """Return one of a few words."""
        value = self.text(name)
        if value is not None and value not in among:
            raise wrong(name, "one of " + ", ".join(sorted(among)))
        return value

    def truth(self, name: str) -> bool | None:
        """Return true or false."""
        value = self.one_of(name, ("true", "false"))
        return None if value is None else value == "true"

    def number(self, name: str) -> int | None:
        """Return a whole number that a position can be."""
        value = self.text(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value) or int(value) > _MOST:
            raise wrong(name, f"a whole number up to {_MOST}")
        return int(value)

    def day(self, name: str) -> date | None:
        """Return a local date such as 2026-03-02."""
        value = self.text(name)
        if value is None:
            return None
        found = _day(value)
        if found is None:
            raise wrong(name, "a date such as 2026-03-02")
        return found

    def moment(self, name: str) -> tuple[datetime | None, date | None]:
        """Return an instant with its offset, or a local date; one of the two, or neither."""
        value = self.text(name)
        if value is None:
            return None, None
        day = _day(value)
        if day is not None:
            return None, day
        at: datetime | None
        try:
            at = datetime.fromisoformat(value)
            at = at.astimezone(UTC) if at.tzinfo is not None else None
        except (ValueError, OverflowError):
            at = None
        if at is None or at.year < _FIRST_YEAR:
            raise wrong(name, "a date, or a time such as 2026-03-02T09:00:00+08:00")
        return at, None

    def bounds(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Return from when and until when, both included; days are those of a zone."""
        begin, first = self.moment("from")
        end, last = self.moment("to")
        if first is not None:
            begin = datetime(first.year, first.month, first.day, tzinfo=zone)
        if last is not None and last < date.max:
            following = last + _DAY
            end = datetime(following.year, following.month, following.day, tzinfo=zone) - _LEAST
        return begin, end


def total(rows: Sequence[Any], *, counted: bool) -> int | None:
    """Return how many rows fit, as each row of a page says it; None where nobody asked."""
    return int(rows[0]["total"] or 0) if counted and rows else None


@cache
def of_page(statement: str, *, counted: bool) -> str:
    """Return the statement of a list; where the total was not asked for, without counting it.

    A plan that might count cannot stop at the end of a page: it reads every row that fits, and
    no argument that says otherwise comes early enough to change that.
    """
    assert COUNT in statement, "not a statement of a list"
    return statement if counted else statement.replace(COUNT, "NULL::bigint")


def behind(prefix: str | None) -> str | None:
    """Return a text that sorts behind everything that begins so (None: nothing asked)."""
    return None if prefix is None else prefix + "\U0010ffff"


def wrong_mark() -> Refused:
    """Say that a list cannot go on where it is asked to."""
    return Refused("invalid-cursor", "not a cursor of this list")


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.isoformat() == text and found.year >= _FIRST_YEAR else None


def wrong(name: str, wanted: str) -> Refused:
    """Say that a filter is not what it has to be."""
    return Refused("invalid-parameter", f"{name}: {wanted}")
