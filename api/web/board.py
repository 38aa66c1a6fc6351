"""The board for who supervises: lights, cards, queues, evaluations, complaints and figures.

Every number leads to the list that it counts; every chart has its table beside it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from aiohttp import web

from api import alerts
from api.access import Entry, Scopes, scopes
from api.problems import as_refused
from api.routes import Route
from api.tokens import Caller
from api.web import lists, sheet
from api.web.charts import Chart, bars
from api.web.list_columns import definition_text
from api.web.list_filters import filters_of
from api.web.list_table import LISTS, may_read
from api.web.page import rendered
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.trouble import status_of, trouble_of
from api.web.within import entered, head
from ledger import catalogue
from ledger.case import Data
from ledger.complaint_rules import Stage
from ledger.errors import Behind, Refused
from projections import board, link_queue, reviews
from projections import conformity as conforming
from projections import performance as counting
from projections.definitions import WITH_CASES

LIGHTS = ("red", "yellow", "near", "stopped", "green")
LEVELS = ("red", "yellow", "early")
STATES = ("raised", "answered", "closed", "withdrawn")
MOST = 12
# What is due within so many working days, and still green, is near its end.
NEAR = 3
# What may be asked of the figures.
ASKED = ("from", "to", "organ", "item")


@dataclass(frozen=True, slots=True)
class Number:
    """A number, and the list that it counts; no list where there is nothing."""

    n: int
    href: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table of numbers."""

    label: str
    numbers: tuple[Number, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A chart and its table: headings, lines, and how many lines were left out."""

    id: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    chart: Chart | None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its definition, what it is held against, and the cases behind it."""

    text: str
    formula: str
    id: str
    told: str
    percent: str
    aim: str
    reached: bool | None
    above: str
    below: str


def table() -> tuple[Route, ...]:
    """List the route of the board."""
    shown = page(board_page)
    return (row("GET", "/board/{ledger}", shown, "What stands how, counted", "read-performance"),)


async def board_page(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show the board: `GET /board/{ledger}`; figures are of the period asked for."""
    entry = await entered(request, caller)
    given = scopes(entry, "performance")
    texts = Texts(texts.language, entry.office.zone)
    period = _period(request, entry)
    reads, ledger = entry.service.reads, entry.ledger.name
    # Side by side: each reads a good part of what there is.
    told, (figures, refused), conformity = await asyncio.gather(
        board.told(
            reads,
            ledger,
            caller.person,
            entry.now,
            _near(entry),
            cases=_of(entry, "case"),
            alerts=alerts.seen_by(entry),
            reviews=_of(entry, "reviews"),
            complaints=_of(entry, "complaints"),
        ),
        _figures(entry, given, period, texts),
        _conformity(entry, texts),
    )
    response = rendered(
        request,
        "board.html",
        texts,
        status=status_of(refused),
        **head(entry, texts),
        blocks=(*_blocks(told, entry, texts), *conformity),
        figures=figures,
        fields=[
            one for one in filters_of(LISTS["figures"], period, entry, texts) if one.name in ASKED
        ],
        position=told.position,
        behind=told.behind,
        trouble=None if refused is None else trouble_of(refused, texts),
    )
    response.headers["Ledger-Position"] = str(told.position)
    return response


async def _figures(
    entry: Entry, given: Scopes, period: dict[str, str], texts: Texts
) -> tuple[list[Figure], Refused | None]:
    """Count the figures of a period; none where it is refused."""
    try:
        found = await counting.figures(entry.service.reads, entry.office, given, period, entry.now)
    except (Refused, Behind) as error:
        return [], as_refused(error)
    return [_figure(one, period, entry, texts) for one in found["items"]], None


def _near(entry: Entry) -> date:
    """Return the last day that is near."""
    days = entry.office.calendars.days("cn", entry.office.ledger)
    return days.add(entry.now.astimezone(entry.office.zone).date(), NEAR)


def _of(entry: Entry, what: str) -> Scopes:
    """Return the scopes of a list; none for who does not read it."""
    try:
        return scopes(entry, what)
    except Refused:
        return ()


def _period(request: web.Request, entry: Entry) -> dict[str, str]:
    """Read the period of the figures: this month where none is asked for."""
    today = entry.now.astimezone(entry.office.zone).date()
    usual = {"from": str(today.replace(day=1)), "to": str(today)}
    asked = {n: request.query.get(n, "")[:200] for n in ASKED}
    return usual | {name: text for name, text in asked.items() if text}


# -- the blocks ----------------------------------------------------------------------------------


def _blocks(told: board.Board, entry: Entry, texts: Texts) -> Iterable[Block]:
    def organ(name: str) -> str:
        return sheet.organ(name, entry.office)

    def item(code: str) -> str:
        return lists.item_name(code, entry.office)

    yield _lights("organ", told, entry, texts, organ)
    yield _lights("item", told, entry, texts, item)
    yield _made(
        "alert", told, texts, entry,
        [(level, texts.of("level", level)) for level in LEVELS],
        [(state, texts.of("alert", state)) for state in STATES],
        lambda level, state: ("alerts", {"level": level, "state": state}),
    )  # fmt: skip
    yield _made(
        "link", told, texts, entry,
        [(name, texts.of("deadline", name)) for name in link_queue.DEADLINES],
        [(light, texts.of("light", light)) for light in ("red", "yellow", "green")],
        lambda name, light: ("links", {"deadline": name, "light": light}),
    )  # fmt: skip
    if may_read(entry, LISTS["reviews"]):
        yield _made(
            "bad", told, texts, entry,
            [(state, texts.of("review-state", state)) for state in reviews.STATES],
            [("true", texts("board.counted")), ("false", texts("board.not-counted"))],
            lambda state, counted: (
                "reviews", {"bad": "true", "state": state, "counted": counted}
            ),
        )  # fmt: skip
        yield _made(
            "grade", told, texts, entry,
            [(grade, texts.of("value", grade)) for grade in reversed(reviews.GRADES)],
            [("", texts("board.number"))],
            lambda grade, _: ("reviews", {"grade": grade}),
        )  # fmt: skip
    if may_read(entry, LISTS["complaints"]):
        yield _made(
            "complaint", told, texts, entry,
            [(str(stage), texts.of("complaint-state", stage)) for stage in Stage],
            [("true", texts("board.overdue")), ("false", texts("board.in-time"))],
            lambda state, overdue: ("complaints", {"state": state, "overdue": overdue}),
        )  # fmt: skip


def _made(
    block: str,
    told: board.Board,
    texts: Texts,
    entry: Entry,
    ones: Sequence[tuple[str, str]],
    twos: Sequence[tuple[str, str]],
    of: Callable[[str, str], tuple[str, dict[str, str]]],
) -> Block:
    """Put the counts of a block into a table, each number with its list, and draw them."""
    lines = tuple(
        Line(
            label,
            tuple(
                _number(told.of(block, one, two), entry, *of(one, two), kind=two) for two, _ in twos
            ),
        )
        for one, label in ones
    )
    drawn = [
        (label, [(_drawn(block, two), told.of(block, one, two)) for two, _ in twos])
        for one, label in ones
    ]
    title = texts.of("board", block)
    return Block(block, tuple(word for _, word in twos), lines, bars(block, title, drawn))


def _drawn(block: str, two: str) -> str:
    """Name the colour of a part of a bar."""
    colours = {
        "true": "red" if block in ("complaint", "bad") else "green", "false": "stopped",
        "raised": "red", "answered": "yellow", "closed": "green", "withdrawn": "stopped",
        "": "plain",
    }  # fmt: skip
    return colours.get(two, two)


def _number(n: int, entry: Entry, listing: str, asked: dict[str, str], *, kind: str = "") -> Number:
    return Number(n, f"/lists/{entry.ledger.name}/{listing}?{urlencode(asked)}" if n else "", kind)


def _lights(
    by: str, told: board.Board, entry: Entry, texts: Texts, name: Callable[[str], str]
) -> Block:
    """Tell red, yellow and near-due by organ or item; what is worst at the top."""
    block = f"{by}-light"
    every = sorted(
        (one for one in told.ones(block) if one),
        key=lambda one: [-told.of(block, one, light) for light in LIGHTS],
    )
    lines = [
        Line(
            name(one),
            tuple(
                _number(
                    told.of(block, one, light), entry, *_list_of(by, one, light, entry), kind=light
                )
                for light in LIGHTS
            ),
        )
        for one in every[:MOST]
    ]
    drawn = [(name(one), _parts(told, block, one)) for one in every[:MOST]]
    heads = tuple(texts("board.near" if light == "near" else f"light.{light}") for light in LIGHTS)
    title = texts.of("board", block)
    more = len(every) - len(lines)
    return Block(block, heads, tuple(lines), bars(block, title, drawn), more)


def _list_of(by: str, one: str, light: str, entry: Entry) -> tuple[str, dict[str, str]]:
    if light == "near":
        return "cases", {"light": "green", "due_to": str(_near(entry)), by: one}
    return "cases", {"light": light, by: one}


def _parts(told: board.Board, block: str, one: str) -> list[tuple[str, int]]:
    """Return the parts of a bar: what is near its end is drawn apart from the green."""
    counts = {light: told.of(block, one, light) for light in LIGHTS}
    return [*{**counts, "green": counts["green"] - counts["near"]}.items()]


async def _conformity(entry: Entry, texts: Texts) -> tuple[Block, ...]:
    """Tell how many items stand how to the catalogue; nothing for who may not read it."""
    if not may_read(entry, LISTS["conformity"]):
        return ()
    summary = await conforming.summary(entry.service.reads, entry.ledger.name)
    states = [(state, summary["states"][state]) for state in catalogue.STATES]
    colours = {"conforming": "green", "differing": "red", "incomplete": "yellow"}
    lines = tuple(
        Line(texts.of("conformity", state), (_number(n, entry, "conformity", {"state": state}),))
        for state, n in states
    )
    elements = tuple(
        Line(
            texts.of("data", one["element"]),
            (_number(one["differs"] + one["lacking"], entry, "conformity",
                {"element": one["element"]}),),
        )
        for one in summary["elements"]
        if one["differs"] + one["lacking"]
    )  # fmt: skip
    drawn = [
        (texts.of("conformity", state), [(colours.get(state, "stopped"), n)]) for state, n in states
    ]
    title = texts("board.conformity")
    chart = bars("conformity", title, drawn)
    return (Block("conformity", (texts("board.number"),), lines + elements, chart),)


# -- figures -------------------------------------------------------------------------------------


def _figure(found: Data, period: dict[str, str], entry: Entry, texts: Texts) -> Figure:
    above = below = ""
    if found["definition"] in WITH_CASES:
        path = f"/lists/{entry.ledger.name}/figures"
        asked = {"definition": found["definition"], **period}
        above = f"{path}?{urlencode({**asked, 'counted': 'true'})}"
        below = f"{path}?{urlencode(asked)}"
    aim = found["aim"]
    return Figure(
        text=definition_text(found["definition"], texts.language),
        formula=texts(f"formula.{found['definition']}"),
        id=found["definition"],
        told=f"{found['numerator']} / {found['denominator']}",
        percent="—" if found["percent"] is None else f"{found['percent']} %",
        aim="" if aim is None else f"{_SIGN[aim['operator']]} {_share(aim['value'])}",
        reached=found["reached"],
        above=above if found["numerator"] else "",
        below=below if found["denominator"] else "",
    )


_SIGN = {">=": "≥", "=": "="}


def _share(value: str) -> str:
    """Write a share such as 7/10 in percent."""
    above, _, below = value.partition("/")
    hundredths = (int(above) * 10_000 + int(below or 1) // 2) // int(below or 1)
    return f"{hundredths // 100}.{hundredths % 100:02d} %".replace(".00 ", " ")
