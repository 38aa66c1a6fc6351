"""What the bureau is measured by (考核), as the ledger says it now: figures, and their cases.

Stored are dates and facts of each case; what they count for in a period is said by the table
of `definitions`, when somebody asks.  So a correction or a calendar moves a figure as it moves
a due date, and a definition that is read in two ways is counted in both from the same rows.
The items are read from the office, the evaluations from the rows of `reviews`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from ledger.case import Case, Data
from ledger.office import Office
from ledger.office.elements import lacking
from ledger.queries import load
from ledger.standing import Subject, about
from projections import reviews, seen
from projections.as_of import NOW, Known, Then
from projections.asked import Asked, Mark, Page, wrong, wrong_mark
from projections.current_state import OWN
from projections.definitions import (
    AVERAGE,
    DEFINITIONS,
    WITH_CASES,
    Counted,
    Definition,
    Listed,
    Period,
    Rated,
    Thing,
)
from projections.figures import COLUMNS, MOVING, row_of
from projections.follow import Batch, Connection, Pool, Projection
from projections.histories import is_case
from projections.limits import moved
from projections.tally import SHOWN, Named, Tally, average_of_organs, told

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset({"from", "to", "organ", "item", "unit", "source"})
OF_CASES = FILTERS | {"definition", "counted"}

# So many rows are counted before others have their turn.
AT_ONCE = 500

# So many cases are looked at for a page of those behind a figure, and all only if need be.
SOME = 1_000

_COUNTED = tuple(field.name for field in fields(Counted) if field.name != "case_no")
_RATED = tuple(field.name for field in fields(Rated))


# -- reading ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for: a period, a part of the ledger, and who asks."""

    ledger: str
    period: Period
    reader: seen.Reader
    organ: str | None
    item: str | None
    unit: str | None
    source: str

    @classmethod
    def of(
        cls, ledger: str, scopes: Sequence[seen.Scope], asked: Asked, now: datetime
    ) -> "Question":
        """Read the filters; refuse a period that has no beginning, no end, or is turned round."""
        first, last = asked.day("from"), asked.day("to")
        if first is None or last is None:
            raise wrong("to" if first else "from", "a date such as 2026-03-02")
        if last < first:
            raise wrong("to", "no day before `from`")
        return cls(
            ledger=ledger,
            period=Period(first, last, now),
            reader=seen.reader(scopes),
            organ=asked.text("organ"),
            item=asked.text("item"),
            unit=asked.text("unit"),
            source=asked.text("source") or OWN,
        )

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """The definitions that have an answer: of another system's cases only their own.

        Items belong to organs, not to units.
        """
        if self.source != OWN:
            return tuple(d for d in DEFINITIONS if d.of == "import")
        apart = {"import"} | ({"item"} if self.unit is not None else set())
        return tuple(d for d in DEFINITIONS if d.of not in apart)

    def arguments(self, after: int | None = None) -> tuple[object, ...]:
        """The parameters of the statements that give the things of a period."""
        return (
            self.ledger,
            *self.reader.arguments,
            self.source,
            self.period.first,
            self.period.last,
            self.organ,
            self.item,
            self.unit,
            after,
        )


async def figures(
    reads: Pool,
    office: Office,
    scopes: Sequence[seen.Scope],
    filters: Mapping[str, str],
    now: datetime,
    then: Then | None = None,
) -> Data:
    """Return every figure that the question has an answer to, with the position it shows.

    With `then`, `office` and `now` are those of then.
    """
    question = Question.of(office.ledger, scopes, Asked(filters), now.astimezone(office.zone))
    tallies = {d.id: Tally(d, question.period) for d in question.definitions}
    every = tuple(items(office, question.period, now))
    shown = [one for one, of in every if _asked_for(one, of, question, office)]
    for tally in tallies.values():
        if tally.definition.of == "item":
            for n, one in enumerate(shown):
                tally.add(one, 1, ((n, one.code),))
    positions = []
    async with _moment(reads, then) as connection:
        for of in ("case", "review", "import"):
            mine = [tally for tally in tallies.values() if tally.definition.of == of]
            if mine:
                statement = "reviews_due" if of == "review" else "alike_in_period"
                more = None if of == "review" else SHOWN
                position, rows = await _read(connection, statement, question, of, then, more)
                positions.append(position)
                async for row, thing in _things(of, rows):
                    many, named = _alike(row, of)
                    for tally in mine:
                        tally.add(thing, many, named)
    return {
        **{name: filters.get(name) for name in sorted(FILTERS)},
        "as_of": now.astimezone(office.zone).isoformat(),
        "position": min(positions),
        "items": [told(t, _average(t, [one for one, _ in every])) for t in tallies.values()],
        "next": None,
    }


@asynccontextmanager
async def _moment(reads: Pool, then: Then | None) -> AsyncIterator[Any]:
    """Give what reads of one moment: of now each statement does, of then several together."""
    if then is None:
        yield reads
        return
    one_moment = {"readonly": True, "isolation": "repeatable_read"}
    async with reads.acquire() as connection, connection.transaction(**one_moment):
        yield connection


async def _read(
    connection: Connection,
    statement: str,
    question: Question,
    of: str,
    then: Then | None,
    limit: int | None,
    after: int | None = None,
) -> tuple[int, Sequence[Any]]:
    """Return the rows of a period, and the position that they show."""
    known = await _known(connection, of, then)
    rows = await connection.fetch(SQL[statement], *question.arguments(after), *known, limit)
    position = -1 if not rows else int(rows[0]["shown_position"])
    if then is not None:
        position = then.position
    mark = "cases" if statement == "alike_in_period" else "mark"
    return position, [row for row in rows if row[mark] is not None]


def _alike(row: Any, of: str) -> tuple[int, Sequence[Named]]:  # noqa: ANN401
    """Tell how many a row stands for, and the first of them."""
    if of == "review":
        return 1, ((row["mark"], row["case_no"]),)
    return row["cases"], list(zip(row["marks"], row["names"], strict=True))


async def _known(connection: Connection, of: str, then: Then | None) -> Known:
    """Tell anew what has moved since then; nothing where figures of now are asked for."""
    if then is None:
        return NOW
    if of == "review":
        moved = reviews.SQL["moved_since"]
        return await then.known(connection, moved, reviews.rows_of, reviews.COLUMNS)
    return await then.known(connection, SQL["moved_since"], _row, COLUMNS)


def _row(case: Case, office: Office) -> tuple[tuple[object, ...] | None]:
    return (row_of(case, office),)


def _average(tally: Tally, every: Sequence[Listed]) -> Any:  # noqa: ANN401
    """Return what an aim is held against where it is the average of the whole ledger."""
    aim = tally.definition.aim
    if aim is None or aim[1] != AVERAGE:
        return None
    return average_of_organs(tally.definition, every, tally.period)


async def cases(
    reads: Pool,
    office: Office,
    scopes: Sequence[seen.Scope],
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    now: datetime,
    *,
    counted: bool = False,
    then: Then | None = None,
) -> Page:
    """Return a page of the cases behind one figure, in the order of their receipt.

    They are those below the line; `counted` in the filters asks for those above it, or for
    the others.
    """
    asked = Asked(filters)
    definition = WITH_CASES.get(asked.one_of("definition", WITH_CASES) or "")
    if definition is None:
        raise wrong("definition", "one of " + ", ".join(sorted(WITH_CASES)))
    if after is not None and not isinstance(after, int):
        raise wrong_mark()
    question = Question.of(office.ledger, scopes, asked, now.astimezone(office.zone))
    wanted = asked.truth("counted")
    found: list[tuple[int, Data]] = []
    total = 0
    of, start = definition.of, None if counted else after
    statement = "reviews_due" if of == "review" else "of_period"
    some = SOME if then is None and not counted else None
    async with _moment(reads, then) as connection:
        while True:
            position, rows = await _read(connection, statement, question, of, then, some, start)
            # Of cases of another system only their own definitions have an answer.
            own = rows if definition in question.definitions else ()
            async for row, thing in _things(of, own):
                row_told = _behind(definition, question.period, row, thing)
                if row_told is None or wanted not in (None, row_told["counted"]):
                    continue
                total += 1
                if row["mark"] > (after or -1) and len(found) <= limit:
                    found.append((row["mark"], row_told))
                if len(found) > limit and not counted:
                    break
            if some is None or len(rows) < some or len(found) > limit:
                break
            start, some = rows[-1]["mark"], None
    following = found[limit - 1][0] if len(found) > limit else None
    return Page(
        tuple(one for _, one in found[:limit]),
        following,
        position,
        total if counted else None,
    )


def _behind(definition: Definition, period: Period, row: Any, thing: Thing) -> Data | None:  # noqa: ANN401
    """Tell of a case why it stands behind a figure; None where it does not."""
    if not definition.weight(thing, period):
        return None
    due, met = {
        "case": (row.get("promised_due"), row.get("promised_met")),
        "import": (row.get("own_due"), row.get("ended_on")),
        "review": (row.get("due"), row.get("met_on")),
    }[definition.of]
    why = definition.why
    return {
        "case": row["case_no"],
        "item": row["item"],
        "organ": row["organ"],
        "unit": row["unit"],
        "counted": bool(definition.amount(thing, period)),
        "due": None if due is None else due.isoformat(),
        "met_on": None if met is None else met.isoformat(),
        "causes": [] if why is None else list(why[1](thing, period)),
    }


async def _things(of: str, rows: Sequence[Any]) -> AsyncIterator[tuple[Any, Thing]]:
    """Give rows one by one as things to be counted; others have their turn between."""
    for n, row in enumerate(rows, 1):
        if of == "review":
            yield row, Rated(**{name: row[name] for name in _RATED})
        else:
            late = tuple(row["extended_late_on"])
            values = {name: row[name] for name in _COUNTED}
            yield row, Counted(**{**values, "extended_late_on": late})
        if n % AT_ONCE == 0:
            await asyncio.sleep(0)


def items(office: Office, period: Period, now: datetime) -> Iterator[tuple[Listed, Subject]]:
    """Give the non-secret items in force at the end of a period, or now if it goes on."""
    end = datetime.combine(period.last, time(), office.zone) + timedelta(days=1)
    at = min(now, end - timedelta(microseconds=1))
    for thing in office.things("item"):
        version = thing.at(at)
        over = thing.ended is not None and thing.ended <= at
        if version is None or over or version.content.get("secret"):
            continue
        content = version.content
        of = about({"organs": content["organs"], "item": content["code"]})
        listed = Listed(
            code=str(content["code"]),
            organ=of.approving,
            kind=str(content["kind"]),
            law=int(content["limits"]["statutory"]),
            promise=int(content["limits"]["promised"]),
            window=bool(content.get("window")),
            no_visit=bool(content.get("no_visit")),
            lacking=lacking(content),
        )
        yield listed, of


def _asked_for(one: Listed, of: Subject, question: Question, office: Office) -> bool:
    if question.organ not in (None, one.organ) or question.item not in (None, one.code):
        return False
    return question.reader.sees(seen.marks(of, office), one.code)


# -- following --------------------------------------------------------------------------------


async def apply(connection: Connection, batch: Batch) -> None:
    """Write anew the cases that something countable happened to, or whose days were set anew."""
    streams = {e.stream for e in batch.events if e.type in MOVING and is_case(e.stream)}
    streams |= await moved(connection, batch.everything, SQL["moved_by_calendar"], SQL["of_organ"])
    told = await batch.cases(streams)
    if not told:
        return
    await connection.execute(SQL["remove_cases"], *batch.key, [case.stream for case in told])
    rows = [row_of(case, batch.office) for case in told]
    await connection.copy_records_to_table(
        "figure_case",
        schema_name="projections",
        columns=COLUMNS,
        records=[(*batch.key, *row) for row in rows if row is not None],
    )


PROJECTION = Projection(
    name="performance",
    apply=apply,
    rows={"figure_case": SQL["rows"]},
    remove={"figure_case": SQL["remove"]},
)
