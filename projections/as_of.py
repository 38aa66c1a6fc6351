"""Figures as the ledger knew them at a position: rows that still hold, and those told anew.

A row that nothing has moved since is the row of then.  Of the others the events up to the
position are read and folded, so many and no more; nothing is stored.  Who may see a case is asked
of today, as it is when a case itself is read as of then.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from ledger.case import Case, replay
from ledger.errors import Refused
from ledger.office import Office
from ledger.store import Store
from projections.follow import Connection
from projections.histories import Histories
from projections.limits import NATION, span

# So many cases are told anew for one question: some seconds, and what a page of a report needs.
MOST = 5_000
# So many at a time, so that nobody else waits for them.
AT_ONCE = 20

# The rows of a case as its projection would write them, by the office of then.
Tell = Callable[[Case, Office], Iterable[tuple[object, ...] | None]]
Row = Any  # asyncpg ships no types
# What a statement takes: the position, the cases told anew, and their rows.
Known = tuple[int | None, Sequence[str], str]
NOW: Known = (None, (), "[]")


@dataclass(frozen=True, slots=True)
class Then:
    """A position, when that was, the office as known then, and what was adopted since."""

    position: int
    at: datetime
    office: Office
    since: tuple[tuple[date, date], ...]
    store: Store

    @classmethod
    def of(cls, office: Office, store: Store, position: int, at: datetime) -> "Then":
        """Go back in an office to a position."""
        adopted = tuple(
            span(version.year)
            for version in office.calendars.versions
            if version.position > position and version.calendar in (NATION, office.ledger)
        )
        return cls(position, at, office.as_of(position), adopted, store)

    async def known(
        self, connection: Connection, moved: str, tell: Tell, columns: Sequence[str]
    ) -> Known:
        """Tell anew the cases that have moved since; refuse more than can be told at once."""
        firsts, lasts = [day for day, _ in self.since], [day for _, day in self.since]
        ledger = self.office.ledger
        rows = await connection.fetch(moved, ledger, self.position, firsts, lasts, MOST + 1)
        if len(rows) > MOST:
            raise Refused("invalid-parameter", f"as_of: more than {MOST} cases have moved since")
        seen = {row["stream"]: row for row in rows}
        found: list[Mapping[str, object]] = []
        histories = Histories(self.store, ledger)
        streams = sorted(seen)
        for start in range(0, len(streams), AT_ONCE):
            some = streams[start : start + AT_ONCE]
            read = await histories.at(some, (), self.position + 1)
            for stream in read:
                case = replay(read[stream], self.office.zone)
                found += self._rows(case, seen[stream], tell, columns)
            await asyncio.sleep(0)
        return self.position, list(seen), orjson.dumps(found).decode()

    def _rows(
        self, case: Case, today: Row, tell: Tell, columns: Sequence[str]
    ) -> Iterator[Mapping[str, object]]:
        key = (self.office.ledger, today["generation"])
        for row in tell(case, self.office):
            if row is not None:
                yield {**dict(zip(columns, (*key, *row), strict=True)), "seen": today["seen"]}
