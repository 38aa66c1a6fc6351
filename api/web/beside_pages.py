"""What stands beside the cases, on a page of its own: a complaint, a matter.

They are told by the functions of the interface, so whoever may not see who complained, or what
an organ said, sees neither here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from api.access import Entry
from api.routes import Route
from api.tokens import Caller
from api.web import correcting, sheet
from api.web.cells import NOTHING, Cell, Teller
from api.web.facts import Line, Note, correction_note
from api.web.list_table import LISTS, may_read
from api.web.numbered_kinds import COMPLAINTS, MATTERS, Kind, Thing
from api.web.page import rendered
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import entered, head
from ledger.case import Data
from ledger.matter import Matter

Fact = tuple[str, Cell]


def table() -> tuple[Route, ...]:
    """List the routes of these pages."""
    return (
        row("GET", "/complaints/{ledger}/{complaint}", page(complaint), "A complaint on one page",
            "read-complaint"),
        row("GET", "/matters/{ledger}/{matter}", page(matter), "A matter on one page",
            "read-matter"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page: its title, headings and lines of cells."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]


async def complaint(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show a complaint with its history: `GET /complaints/{ledger}/{complaint}`."""
    thing = await COMPLAINTS.find(request, await entered(request, caller))
    texts = Texts(texts.language, thing.entry.office.zone)
    told, teller = thing.told, Teller(thing.entry, texts)
    return _page(
        request,
        texts,
        COMPLAINTS,
        thing,
        name=texts.of("complaint-kind", told["kind"]),
        state=texts.of("complaint-state", told["state"]),
        facts=_of_complaint(told, teller),
        text=told["text"],
        tables=(),
        notes=_handled(told, teller),
        history=_history(told, texts, thing.entry, {}),
    )


async def matter(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show a matter with its cases and opinions: `GET /matters/{ledger}/{matter}`."""
    thing = await MATTERS.find(request, await entered(request, caller))
    texts = Texts(texts.language, thing.entry.office.zone)
    told, teller = thing.told, Teller(thing.entry, texts)
    assert isinstance(thing.of, Matter)
    return _page(
        request,
        texts,
        MATTERS,
        thing,
        name=told["name"],
        state=f"{told['decided']} / {told['of']}",
        facts=_of_matter(told, teller),
        text="",
        tables=tuple(t for t in (_children(told, teller), _opinions(told, teller)) if t.lines),
        notes=(),
        history=_history(told, texts, thing.entry, _numbers(thing.of.cases, told["cases"], texts)),
    )


def _page(
    request: web.Request,
    texts: Texts,
    kind: Kind,
    thing: Thing,
    *,
    history: Sequence[sheet.Row],
    notes: Sequence[Note],
    **shown: Any,  # noqa: ANN401  (what the template is told)
) -> web.Response:
    entry, told = thing.entry, thing.told
    allowed = told["allowed_actions"]
    correctable = correcting.possible(kind.history(thing)) if kind.correct in allowed else ()
    more: dict[str, Any] = {
        **head(entry, texts),
        "number": thing.number,
        "at": f"/{kind.path}/{entry.ledger.name}/{thing.number}",
        "kind": kind.word,
        "back": kind.path if may_read(entry, LISTS[kind.path]) else "",
        "dues": sheet.limits(thing.measured, texts),
        "notes": (
            *notes,
            *correction_note(thing.of.events, told["corrections"], texts, entry.office),
        ),
        "history": history,
        "allowed": allowed,
        "correct": kind.correct,
        "correctable": {event.version: event.id for event in correctable},
        "done": [one for one in history if str(one.position) == request.query.get("done")],
    }
    response = rendered(request, "beside.html", texts, **more, **shown)
    response.headers["Ledger-Position"] = str(told["position"])
    return response


def _numbers(streams: Sequence[str], cases: Sequence[Data], texts: Texts) -> dict[str, str]:
    """Return the numbers of the cases of a matter by their streams, as far as they may be told."""
    if len(streams) != len(cases):
        return {}
    told = zip(streams, cases, strict=True)
    return {stream: case["case"] or texts("beside.hidden") for stream, case in told}


def _history(
    told: Data, texts: Texts, entry: Entry, numbers: Mapping[str, str]
) -> tuple[sheet.Row, ...]:
    """Tell the acts, with codes in words and cases by their numbers."""
    events = [
        {**event, "data": _in_words(event["type"], event["data"], texts, numbers)}
        for event in told.get("history", ())
    ]
    return sheet.history(events, texts, entry.office)


def _in_words(kind: str, data: Data, texts: Texts, numbers: Mapping[str, str]) -> Data:
    of = kind.partition("-")[0]
    shown = dict(data)
    for name in ("kind", "result"):
        if texts.known(f"{of}-{name}.{data.get(name)}"):
            shown[name] = texts.of(f"{of}-{name}", data[name])
    case = shown.pop("case", None)
    number = case.get("number") if isinstance(case, Mapping) else numbers.get(str(case))
    # Its own heading: elsewhere the word stands for the pattern of numbers.
    return {**shown, "number": number} if number else shown


# -- a complaint ----------------------------------------------------------------------------------


def _of_complaint(told: Data, t: Teller) -> Sequence[Fact]:
    about = told["about"]
    found: list[Fact] = [
        (t.texts("case.channel"), t.coded("channel", told["channel"])),
        (t.texts("list.registered"), t.day(told["registered_on"], told["position"])),
        (t.texts("list.unit"), t.organ(told["unit"] or about.get("unit"))),
        (t.texts("beside.about"), t.person(about.get("person"))),
        (t.texts("col.case"), t.case(told["case"])),
        (t.texts("col.item"), t.item(told["item"])),
    ]
    if "caller" in told:
        caller = "；".join(str(value) for value in told["caller"].values() if value)
        found.append((t.texts("beside.caller"), t.text(caller, t.texts("case.masked"))))
        found.append((t.texts("data.call_reference"), t.text(told["call_reference"])))
    return [*found, (t.texts("case.version"), t.number(told["version"]))]


def _handled(told: Data, t: Teller) -> Sequence[Note]:
    closed = [told["closed"]] if told["closed"] else []
    parts = (
        ("beside.assigned", told["assigned"]),
        ("beside.replies", told["replies"]),
        ("beside.escalations", told["escalations"]),
        ("beside.closed", closed),
    )
    notes = (
        Note(t.texts(title), tuple(Line(*_act(one, t)) for one in acts)) for title, acts in parts
    )
    return tuple(note for note in notes if note.lines)


def _act(one: Data, t: Teller) -> tuple[str, str]:
    """Tell an act on a complaint: its day, and what was said in it."""
    said = [
        sheet.told(name, value, t.texts, t.office)
        if name != "result"
        else t.texts.of("complaint-result", value)
        for name, value in one.items()
        if name not in ("on", "position", "event") and value not in (None, "", {})
    ]
    return str(one.get("on", NOTHING)), " · ".join(said)


# -- a matter -------------------------------------------------------------------------------------


def _of_matter(told: Data, t: Teller) -> Sequence[Fact]:
    applicant = told["applicant"] or {}
    due = told["next_due"] or {}
    return (
        (t.texts("list.kind"), t.coded("matter-kind", told["kind"])),
        (t.texts("list.organ"), t.organ(told["organ"])),
        (t.texts("list.opened"), t.day(told["opened_on"], told["position"])),
        (t.texts("case.applicant"), t.text(applicant.get("name"), t.texts("case.masked"))),
        (t.texts("list.progress"), t.text(f"{told['decided']} / {told['of']}")),
        (t.texts("col.due"), t.due(due.get("due"))),
        (t.texts("list.missing"), t.organs(told["missing"])),
        (t.texts("case.version"), t.number(told["version"])),
    )


def _children(told: Data, t: Teller) -> Table:
    """Tell the cases; of those that the reader does not read, only whether they are decided."""
    keys = ("col.case", "col.item", "list.organ", "col.stage", "case.decision", "col.due",
            "col.state")  # fmt: skip
    return Table(
        t.texts("lists.cases"), _heads(keys, t), tuple(_child(one, t) for one in told["cases"])
    )


def _child(one: Data, t: Teller) -> tuple[Cell, ...]:
    due = one["next_due"] or {}
    return (
        t.case(one["case"]) if one["case"] else t.text(t.texts("beside.hidden")),
        t.text(one["item_name"]) if one["item_name"] else t.item(one["item"]),
        t.organ(one["organ"]),
        t.coded("stage", one["stage"]),
        t.coded("outcome", one["outcome"]),
        t.due(due.get("due")),
        t.coded("beside", one["state"]),
    )


def _opinions(told: Data, t: Teller) -> Table:
    keys = ("list.organ", "beside.question", "beside.asked", "beside.given", "beside.opinion")
    lines = (
        (
            t.organ(one["organ"]),
            t.text(one["question"]),
            t.day(one["on"]),
            t.day(one["given_on"]) if one["state"] == "given" else t.coded("beside", "missing"),
            t.text(
                one["opinion"], t.texts.of("value", one["recommend"]) if one["recommend"] else ""
            ),
        )
        for one in told["opinions"]
    )
    return Table(t.texts("beside.opinions"), _heads(keys, t), tuple(lines))


def _heads(keys: Iterable[str], t: Teller) -> tuple[str, ...]:
    return tuple(t.texts(key) for key in keys)
