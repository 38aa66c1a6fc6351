"""The office: what the bureau has set up, who proposed and approved it, and doing both.

Items, calendars, policies, appointments and seals: current, history, what waits for approval.
Forms are made of the shapes of the interface, and recorded by its functions.
"""

from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web
from msgspec import inspect

from api import office
from api.access import Entry
from api.bodies import OFFICE_BODIES, shaped
from api.routes import KINDS, Route
from api.tokens import Caller
from api.web import forms, offered, office_event, set_up, sheet
from api.web.labels import Labels
from api.web.page import rendered
from api.web.sent import check_key, form_key, form_token, sent
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.trouble import refused_by, status_of, trouble_of
from api.web.within import elsewhere, entered, head
from ledger.errors import LedgerError, Refused
from ledger.office.seal import CUSTODY
from ledger.office.versioned import lapsed

LIMIT = 50
AT = "/office/{ledger}"
THINGS = tuple(KINDS)


def table() -> tuple[Route, ...]:
    """List the routes of these pages."""
    return (
        row("GET", AT, page(front), "What the bureau has set up", "read-office"),
        row("GET", f"{AT}/{{things}}", page(listed), "Things of one kind", "read-office"),
        row("GET", f"{AT}/{{things}}/propose", page(propose), "Propose a thing", "office-propose"),
        row("POST", f"{AT}/{{things}}/propose", page(propose), "Propose it", "office-propose"),
        row("GET", f"{AT}/{{things}}/{{id}}", page(one), "One thing and its versions",
            "read-office"),
        row("POST", f"{AT}/{{things}}/{{id}}/{{act}}", page(act), "Act on a thing", "office-act"),
    )  # fmt: skip


async def front(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show the organs, and what waits for approval: `GET /office/{ledger}`."""
    entry, texts = await _in(request, texts, caller)
    waiting = [
        (things, thing.id, set_up.title_of(thing.kind, proposal.content, texts, entry))
        for things, kind in KINDS.items()
        if kind != "seal"
        for thing in entry.office.things(kind)
        for proposal in thing.proposals.values()
        if not lapsed(proposal.at, entry.now, proposal.content)
    ]
    organs = [
        (name, one.get("name", name), sheet.organ(one.get("above"), entry.office))
        for name, one in sorted(entry.office.organs.items())
    ]
    return _page(
        request, texts, entry, "office.html", things=THINGS, waiting=waiting[:LIMIT], organs=organs
    )


async def listed(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """List things of one kind, fifty at a time: `GET /office/{ledger}/{things}`."""
    entry, texts = await _in(request, texts, caller)
    things = _things(request)
    text = request.query.get("from", "0")
    begin = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if things == "seals":
        size = len(entry.office.seals)
        found = [
            office.shown_seal(s) for s in islice(entry.office.seals.values(), begin, begin + LIMIT)
        ]
    else:
        every = entry.office.things(KINDS[things])
        size = len(every)
        found = [office.shown(t, entry.now) for t in islice(every, begin, begin + LIMIT)]
    rows = [
        {
            "id": thing["id"],
            "title": set_up.title_of(KINDS[things], set_up.content_of(thing), texts, entry),
            "state": thing["state"],
            "version": thing["version"],
            "waits": any(p["state"] == "proposed" for p in thing.get("proposals", ())),
        }
        for thing in found
    ]
    following = begin + LIMIT if begin + LIMIT < size else None
    return _page(
        request,
        texts,
        entry,
        "things.html",
        things=things,
        rows=rows,
        following=following,
        size=size,
        may=_may(entry, KINDS[things], "register" if things == "seals" else "propose"),
        kinds=tuple(_policies()) if things == "policies" else (),
    )


async def one(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show one thing with its versions and proposals: `GET /office/{ledger}/{things}/{id}`."""
    entry, texts = await _in(request, texts, caller)
    return await _one(request, texts, entry)


async def propose(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show the form of a proposal, or record it: `/office/{ledger}/{things}/propose`."""
    entry, texts = await _in(request, texts, caller)
    things = _things(request)
    kind = KINDS[things]
    step = "register" if kind == "seal" else "propose"
    actors = office.allowed(entry, kind, step)
    given: dict[str, str] = {}
    if request.method == "POST":
        given = forms.by_label(await sent(request), offered.of_office(entry, texts))
        more, key = given.pop("_more", ""), given.pop("_key", "")
        which = given.pop("_kind", "")
        if more:
            return _form(request, texts, entry, which, given, more=more)
        try:
            body = _body(_shape(kind, which), given, entry)
            check_key(key)
            if kind == "seal":
                done = await office.kept(entry, request, "register", None, actors, key, body)
            else:
                done = await office.proposed(entry, request, kind, actors, key, body)
        except LedgerError as error:
            refused = await refused_by(request, error)
            return _form(request, texts, entry, which, given, refused=refused)
        name = done.events[-1].stream.partition(":")[2]
        return elsewhere(f"/office/{entry.ledger.name}/{things}/{quote(name)}")
    which = request.query.get("kind", "")
    beside = request.query.get("from")
    if beside is not None and kind != "seal":
        current = office.found(entry.office, kind, beside).current
        content = current.content if current is not None else {}
        which = str(content.get("kind", which)) if kind == "policy" else which
        given = forms.flat(content)
    return _form(request, texts, entry, which, given)


async def act(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Approve, end, or do a custody act: `POST /office/{ledger}/{things}/{id}/{act}`."""
    entry, texts = await _in(request, texts, caller)
    things, name, step = _things(request), request.match_info["id"], request.match_info["act"]
    kind = KINDS[things]
    given = forms.by_label(await sent(request), offered.of_office(entry, texts))
    key = given.pop("_key", "")
    try:
        shape = _shape_of_act(kind, step)
        if kind == "seal":
            office.seal_of(entry.office, name)
        else:
            office.found(entry.office, kind, name)
        body = _body(shape, given, entry)
        actors = office.allowed(entry, kind, step)
        check_key(key)
        if kind == "seal":
            await office.kept(entry, request, step, name, actors, key, body)
        elif step == "approve":
            await office.approved(entry, request, kind, name, actors, key, body)
        else:
            await office.ended(entry, request, name, actors, key, body)
    except LedgerError as error:
        return await _one(request, texts, entry, refused=await refused_by(request, error))
    return elsewhere(f"/office/{entry.ledger.name}/{things}/{quote(name)}")


# -- inside ----------------------------------------------------------------------------------------


async def _in(request: web.Request, texts: Texts, caller: Caller) -> tuple[Entry, Texts]:
    entry = await entered(request, caller)
    office.any_post(entry)
    return entry, Texts(texts.language, entry.office.zone)


def _things(request: web.Request) -> str:
    things = request.match_info["things"]
    if things not in KINDS:
        raise Refused("not-found", "no such list")
    return things


async def _one(
    request: web.Request, texts: Texts, entry: Entry, *, refused: Refused | None = None
) -> web.Response:
    things, name = _things(request), request.match_info["id"]
    kind = KINDS[things]
    if kind == "seal":
        thing = office.shown_seal(office.seal_of(entry.office, name))
        steps = [step for step in CUSTODY if step != "register" and _may(entry, kind, step)]
        acts = [(step, _fields(OFFICE_BODIES[f"seal-{step}"], texts, entry)) for step in steps]
        lines = set_up.lines_of(thing, {}, texts, entry)
        versions: list[Any] = []
        proposals: list[Any] = []
    else:
        thing = office.shown(office.found(entry.office, kind, name), entry.now)
        acts = []
        if kind == "appointment" and thing["state"] == "in-force" and _may(entry, kind, "end"):
            acts = [("end", _fields(OFFICE_BODIES["end"], texts, entry))]
        lines = set_up.lines_of(thing["content"] or {}, {}, texts, entry)
        versions = set_up.versions_of(thing["versions"], texts, entry)
        proposals = [
            {**p, "lines": set_up.lines_of(p["content"], thing["content"] or {}, texts, entry)}
            for p in thing["proposals"]
        ]
    return _page(
        request,
        texts,
        entry,
        "thing.html",
        refused,
        things=things,
        id=name,
        title=set_up.title_of(kind, set_up.content_of(thing), texts, entry),
        thing=thing,
        lines=lines,
        versions=versions,
        proposals=proposals,
        acts=acts,
        events=await office_event.of(entry, f"{kind}:{name}"),
        may_approve=kind != "seal" and _may(entry, kind, "approve"),
        may_propose=kind != "seal" and _may(entry, kind, "propose"),
    )


@cache
def _policies() -> Mapping[str, type[msgspec.Struct]]:
    """Return the shape of each kind of policy."""
    union = inspect.type_info(OFFICE_BODIES["policy"])
    assert isinstance(union, inspect.UnionType)
    return {str(one.tag): one.cls for one in union.types if isinstance(one, inspect.StructType)}


def _shape_of_act(kind: str, step: str) -> object:
    """Return the shape of an act on a thing that is there."""
    if kind == "seal" and step in CUSTODY and step != "register":
        return OFFICE_BODIES[f"seal-{step}"]
    if kind != "seal" and (step == "approve" or (kind, step) == ("appointment", "end")):
        return OFFICE_BODIES[step]
    raise Refused("not-found", "no such act")


def _shape(kind: str, which: str) -> type[msgspec.Struct]:
    """Return the shape of a proposal; of a policy that of its kind."""
    if kind == "seal":
        return OFFICE_BODIES["seal-register"]  # type: ignore[return-value]
    if kind != "policy":
        return OFFICE_BODIES[kind]  # type: ignore[return-value]
    if which not in _policies():
        raise Refused("not-found", "no such kind of policy")
    return _policies()[which]


def _body(shape: object, given: Mapping[str, str], entry: Entry) -> dict[str, Any]:
    """Read a form as a body and check it as the interface checks it."""
    assert isinstance(shape, type)
    details = forms.details(shape, given, entry.office.zone)
    tag = getattr(shape, "__struct_config__").tag  # noqa: B009 (it has no other name)
    if tag is not None:
        details = {"kind": tag, **details}
    return shaped(details, shape)


def _fields(shape: object, texts: Texts, entry: Entry) -> list[forms.Shown]:
    assert isinstance(shape, type)
    choices = offered.of_office(entry, texts)
    return forms.shown(shape, forms.Filling({}, Labels(texts, "office"), choices))


def _may(entry: Entry, kind: str, step: str) -> bool:
    try:
        office.allowed(entry, kind, step)
    except Refused:
        return False
    return True


def _form(
    request: web.Request,
    texts: Texts,
    entry: Entry,
    which: str,
    given: Mapping[str, str],
    *,
    more: str = "",
    refused: Refused | None = None,
) -> web.Response:
    things = _things(request)
    shape = _shape(KINDS[things], which)
    wrong = refused.pointer if refused is not None and refused.pointer else ""
    filling = forms.Filling(
        given, Labels(texts, "office"), offered.of_office(entry, texts), more, wrong
    )
    return _page(
        request,
        texts,
        entry,
        "propose.html",
        refused,
        things=things,
        which=which,
        fields=forms.shown(shape, filling),
    )


def _page(
    request: web.Request,
    texts: Texts,
    entry: Entry,
    template: str,
    refused: Refused | None = None,
    **told: object,
) -> web.Response:
    return rendered(
        request,
        template,
        texts,
        status=status_of(refused),
        **head(entry, texts),
        person=lambda one: sheet.person(one, entry.office),
        token_of=lambda path: form_token(request, path),
        key=form_key(request, refused),
        trouble=None if refused is None else trouble_of(refused, texts),
        **told,
    )
