"""Acts on complaints and matters from pages: a new one, and every act on one that is there.

They are recorded by the functions of the interface: a form says what a body would.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from aiohttp import web

from api.access import Entry
from api.bodies import shaped
from api.purpose import SHOWS_CASE
from api.routes import Route
from api.tokens import Caller
from api.web import correcting, forms, offered, sheet
from api.web.facts import correction_note
from api.web.labels import Labels
from api.web.numbered_kinds import COMPLAINTS, MATTERS, Kind, Thing
from api.web.page import rendered
from api.web.sent import (
    EVENT,
    KEY,
    MORE,
    VERSION,
    check_key,
    expected_version,
    form_key,
    form_token,
    form_version,
    seen_version,
    sent,
)
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.trouble import Trouble, refused_by, status_of, trouble_of
from api.web.within import entered, head, recorded
from ledger.case import Data
from ledger.errors import LedgerError, Refused

KINDS: tuple[Kind, ...] = (COMPLAINTS, MATTERS)


def table() -> tuple[Route, ...]:
    """List the routes of these forms; that of a new one comes before one that is there."""
    return tuple(route for kind in KINDS for route in _of(kind))


def _of(kind: Kind) -> tuple[Route, ...]:
    new = f"/{kind.path}/{{ledger}}/new"
    one = f"/{kind.path}/{{ledger}}/{{{kind.word}}}"
    act = f"{one}/{{action}}"
    making, doing = page(partial(begin, kind)), page(partial(form, kind))
    return (
        row("GET", new, making, f"The form of a new {kind.word}", str(kind.begin)),
        row("POST", new, making, f"Record a new {kind.word}", str(kind.begin)),
        row("GET", act, doing, f"The form of an act on a {kind.word}", "{action}"),
        row("POST", act, doing, f"Do an act on a {kind.word} by its form", "{action}"),
    )  # fmt: skip


async def begin(
    kind: Kind, request: web.Request, texts: Texts, caller: Caller
) -> web.StreamResponse:
    """Show the form of a new one, or record it."""
    entry = await entered(request, caller)
    kind.may(kind.begin, entry, None)
    texts = Texts(texts.language, entry.office.zone)
    given = await sent(request) if request.method == "POST" else dict(_asked(request))
    given = forms.by_label(given, offered.of_numbered(entry, texts, {}))
    more, key = given.pop(MORE, ""), given.pop(KEY, "")
    refused = None
    if request.method == "POST" and not more:
        try:
            shape = kind.bodies[kind.begin]
            body = shaped(forms.details(shape, given, entry.office.zone), shape)
            check_key(key)
            done = await kind.begun(entry, request, f"page-{key}", body)
        except LedgerError as error:
            refused = await refused_by(request, error)
        else:
            number = kind.numbered(done.events, entry)
            return recorded(
                request, texts, f"/{kind.path}/{entry.ledger.name}/{number}#done", done.position
            )
    return _form(kind, request, texts, entry, None, kind.begin, given, more=more, refused=refused)


async def form(
    kind: Kind, request: web.Request, texts: Texts, caller: Caller
) -> web.StreamResponse:
    """Show the form of an act on one, or do it."""
    entry = await entered(request, caller)
    thing = await kind.find(request, entry)
    entry, texts = thing.entry, Texts(texts.language, thing.entry.office.zone)
    action = kind.action(request.match_info["action"])
    kind.may(action, entry, thing)
    if request.method != "POST":
        given = dict(_asked(request))
        if action == kind.correct and "event" not in given:
            return _targets(kind, request, texts, thing)
        event = given.pop("event", "") if action == kind.correct else ""
        return _form(kind, request, texts, entry, thing, action, given, event=event)
    given = forms.by_label(await sent(request), offered.of_numbered(entry, texts, thing.told))
    more, key = given.pop(MORE, ""), given.pop(KEY, "")
    version = seen_version(given.pop(VERSION, ""))
    event = given.pop(EVENT, "")
    refused = None
    if not more:
        try:
            body = _body(kind, thing, action, given, event, version)
            check_key(key)
            expected = expected_version(version)
            done = await kind.acted(thing, request, action, f"page-{key}", expected, body)
        except LedgerError as error:
            refused = await refused_by(request, error)
            before, thing = thing, await kind.find(request, entry)
            if action == kind.correct and refused.slug == "version-conflict":
                seen, newest = _target(kind, before, event, version), _target(kind, thing, event)
                given = correcting.merged(seen, newest, given, entry.office.zone)
        else:
            return recorded(request, texts, f"{_at(kind, thing)}#done", done.position)
    return _form(
        kind, request, texts, entry, thing, action, given,
        event=event, more=more, version=version, refused=refused,
    )  # fmt: skip


# -- inside ----------------------------------------------------------------------------------------


def _asked(request: web.Request) -> Mapping[str, str]:
    return {name: value for name, value in request.query.items() if name != "lang"}


def _at(kind: Kind, thing: Thing) -> str:
    return f"/{kind.path}/{thing.entry.ledger.name}/{thing.number}"


def _body(
    kind: Kind, thing: Thing, action: str, given: Mapping[str, str], event: str, version: int | None
) -> dict[str, object]:
    shape, zone = kind.bodies[action], thing.entry.office.zone
    if action != kind.correct:
        return shaped(forms.details(shape, given, zone), shape)
    return shaped(correcting.said(_target(kind, thing, event, version), given, zone), shape)


def _target(kind: Kind, thing: Thing, event: str, version: int | None = None) -> correcting.Target:
    history = kind.history(thing)
    events = correcting.upto(history.events, version)
    return correcting.target(replace(history, events=events), event)


def _since(
    thing: Thing | None, version: int | None, refused: Refused | None, texts: Texts
) -> tuple[sheet.Row, ...]:
    """Tell what happened since the form was made, where that is why it was refused."""
    if thing is None or refused is None or refused.slug != "version-conflict":
        return ()
    seen = {event.id for event in correcting.upto(thing.of.events, version)}
    new = [event for event in thing.told.get("history", ()) if event["id"] not in seen]
    return sheet.history(new, texts, thing.entry.office)


def _stage(kind: Kind, thing: Thing | None) -> tuple[str, str] | None:
    """Return how far it has come, as a word of the texts; a matter is as far as its cases are."""
    state = None if thing is None else thing.told.get("state")
    return None if state is None else (f"{kind.word}-state", str(state))


def _waiting(thing: Thing) -> list[Data]:
    return [one for one in thing.told["corrections"] if not one["approved"]]


def _targets(kind: Kind, request: web.Request, texts: Texts, thing: Thing) -> web.Response:
    """Show which acts may be put right, of those that the reader is told."""
    ids = {event.id for event in correcting.possible(kind.history(thing))}
    events = [one for one in reversed(thing.told.get("history", ())) if one["id"] in ids]
    rows = sheet.history(events, texts, thing.entry.office)
    return rendered(
        request,
        "correct.html",
        texts,
        **head(thing.entry, texts),
        at=_at(kind, thing),
        back=_at(kind, thing),
        title=thing.number,
        subtitle=texts(f"{kind.word}.title"),
        action=kind.correct,
        rows=[(event["id"], row) for event, row in zip(events, rows, strict=True)],
    )


def _form(
    kind: Kind,
    request: web.Request,
    texts: Texts,
    entry: Entry,
    thing: Thing | None,
    action: str,
    given: Mapping[str, str],
    *,
    event: str = "",
    more: str = "",
    version: int | None = None,
    refused: Refused | None = None,
) -> web.Response:
    target = None
    if thing is not None and action == kind.correct:
        target = _target(kind, thing, event)
        if request.method != "POST":
            given = correcting.recorded(target, entry.office.zone) | dict(given)
    waiting = _waiting(thing) if thing is not None and action == kind.approve else []
    if len(waiting) == 1:
        given = {"event": str(waiting[0]["id"]), **given}
    choices = offered.of_numbered(entry, texts, thing.told if thing is not None else {})
    if thing is not None and waiting:
        choices = {**choices, "event": correcting.proposals(thing.of.events, waiting, texts)}
    wrong = refused.pointer if refused is not None and refused.pointer else ""
    filling = forms.Filling(given, Labels(texts, kind.word), choices, more, wrong)
    shape = kind.bodies[action] if target is None else target.shape
    since = _since(thing, version, refused, texts)
    trouble: Trouble | None = None if refused is None else trouble_of(refused, texts, since)
    response = rendered(
        request,
        "act.html",
        texts,
        status=status_of(refused),
        **head(entry, texts),
        at=f"/{kind.path}/{entry.ledger.name}" if thing is None else _at(kind, thing),
        back=f"/lists/{entry.ledger.name}/{kind.path}" if thing is None else _at(kind, thing),
        step="new" if thing is None else action,
        title=texts(f"{kind.word}.title") if thing is None else thing.number,
        subtitle="" if thing is None else texts(f"{kind.word}.title"),
        action=action,
        version=None if thing is None else form_version(version, refused, thing.of.version),
        stage=_stage(kind, thing),
        against=None,
        then=None,
        done="",
        target=target and target.event,
        notes=()
        if thing is None
        else correction_note(thing.of.events, waiting, texts, entry.office),
        trouble=trouble,
        fields=forms.shown(shape, filling),
        token=form_token(request),
        key=form_key(request, refused),
    )
    response[SHOWS_CASE] = thing is not None
    return response
