"""Acts from a page: the form of what may be done now, and doing it.

The form is made of the same shape as the body of the interface, and what it says is recorded
by the same function: a page can do nothing that the interface would refuse.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from msgspec import Struct

from api.access import Entry, action_of, case_for
from api.answers import shown_event, shown_state
from api.bodies import ACTS, shaped
from api.purpose import SHOWS_CASE
from api.record import acted, may_receive, received
from api.routes import Route
from api.tokens import Caller
from api.web import correcting, forms, offered, sheet
from api.web.facts import correction_note
from api.web.labels import Labels
from api.web.page import rendered
from api.web.sent import (
    EVENT,
    KEY,
    MORE,
    THEN,
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
from ledger import records, standing
from ledger.case import Case, Data
from ledger.errors import LedgerError, Refused
from ledger.lifecycle import Action
from ledger.recorded import Recorded
from ledger.state import number_of


def table() -> tuple[Route, ...]:
    """List the routes of these pages."""
    new, one = "/cases/{ledger}/new", "/cases/{ledger}/{case}/{action}"
    return (
        row("GET", new, page(new_case), "Take an application in", "receive"),
        row("POST", new, page(new_case), "Record an application", "receive"),
        row("GET", one, page(form), "The form of an act on a case", "{action}"),
        row("POST", one, page(act), "Do an act on a case by its form", "{action}"),
    )


async def form(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show the form of an act on a case: `GET /cases/{ledger}/{case}/{action}`."""
    entry, case, action = await _where(request, caller)
    texts = Texts(texts.language, entry.office.zone)
    given = {name: value for name, value in request.query.items() if name not in ("lang", "done")}
    if action == Action.CORRECT:
        if "event" not in given:
            return _targets(request, texts, entry, case)
        target = correcting.target(correcting.of_case(entry, case), given.pop("event"))
        given = correcting.recorded(target, entry.office.zone) | given
        return _form(request, texts, entry, case, action, given, target=target)
    if not given:
        given = offered.defaults(action, case, entry)
    return _form(request, texts, entry, case, action, given)


async def act(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Do an act on a case by its form: `POST /cases/{ledger}/{case}/{action}`."""
    entry, case, action = await _where(request, caller)
    texts = Texts(texts.language, entry.office.zone)
    given = await sent(request)
    more, key = given.pop(MORE, ""), given.pop(KEY, "")
    version = seen_version(given.pop(VERSION, ""))
    named, then = given.pop(EVENT, ""), given.pop(THEN, "")
    given = forms.by_label(given, offered.choices(entry, case, texts))
    target = None
    if action == Action.CORRECT:
        target = correcting.target(correcting.of_case(entry, case, version), named)
    if more:
        return _form(
            request, texts, entry, case, action, given, more=more, version=version, target=target
        )
    try:
        said = (
            forms.details(ACTS[action], given, entry.office.zone)
            if target is None
            else correcting.said(target, given, entry.office.zone)
        )
        body = shaped(said, ACTS[action])
        check_key(key)
        expected = expected_version(version)
        done = await acted(entry, request, case, action, f"page-{key}", expected, body)
    except LedgerError as error:
        refused = await refused_by(request, error)
        trouble = await _trouble(texts, entry, case, refused, version)
        _, fresh = await case_for(entry, request.match_info["case"])
        if target is not None and refused.slug == "version-conflict":
            newest = correcting.target(correcting.of_case(entry, fresh), named)
            given = correcting.merged(target, newest, given, entry.office.zone)
            target = newest
        return _form(
            request, texts, entry, fresh, action, given,
            version=version, target=target, trouble=trouble, refused=refused,
        )  # fmt: skip
    return _onward(request, texts, entry, done, then)


async def new_case(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show the form of the window, or take an application in: `/cases/{ledger}/new`."""
    entry = await entered(request, caller)
    may_receive(entry)
    texts = Texts(texts.language, entry.office.zone)
    if request.method != "POST":
        item = request.query.get("item", "")
        given = offered.received(item, entry)
        return _intake(request, texts, entry, given)
    given = await sent(request)
    more, key, then = given.pop(MORE, ""), given.pop(KEY, ""), given.pop(THEN, "")
    given = forms.by_label(given, offered.of_receipt(entry, given.get("item", ""), texts))
    if more:
        return _intake(request, texts, entry, given, more=more)
    try:
        handed_in = _handed_in(given)
        details = forms.details(ACTS["receive"], handed_in, entry.office.zone)
        body = shaped({"materials": [], **details}, ACTS["receive"])
        check_key(key)
        done = await received(entry, request, f"page-{key}", body)
    except LedgerError as error:
        refused = await refused_by(request, error)
        trouble = await _trouble(texts, entry, None, refused, None)
        return _intake(request, texts, entry, given, trouble=trouble, refused=refused)
    return _onward(request, texts, entry, done, then)


def _onward(
    request: web.Request, texts: Texts, entry: Entry, done: Recorded, then: str
) -> web.Response:
    """Lead to the case after an act, or to the form of what was to come next if it may be done."""
    assert done.case is not None
    at = f"/cases/{entry.ledger.name}/{number_of(done.case, entry.ledger.name)}"
    allowed = shown_state(done.case, entry, entry.office, done.recorded_at)["allowed_actions"]
    return recorded(
        request, texts, f"{at}/{then}" if then in allowed else f"{at}#done", done.position
    )


def _handed_in(given: Mapping[str, str]) -> dict[str, str]:
    """Leave out the materials that were listed and not handed in: those without a digest."""
    missing = tuple(
        name.removesuffix("sha256")
        for name, value in given.items()
        if name.startswith("materials.") and name.endswith(".sha256") and not value.strip()
    )
    return {name: value for name, value in given.items() if not name.startswith(missing)}


# -- inside ----------------------------------------------------------------------------------------


async def _where(request: web.Request, caller: Caller) -> tuple[Entry, Case, Action]:
    """Find the case, and refuse who could never do that on it."""
    entry = await entered(request, caller)
    entry, case = await case_for(entry, request.match_info["case"])
    action = action_of(request.match_info["action"])
    if action == Action.RECEIVE:
        raise Refused("not-found", "no such form")
    standing.candidates(action, entry.caller, standing.subject(case), entry.office, entry.now)
    return entry, case, action


def _form(
    request: web.Request,
    texts: Texts,
    entry: Entry,
    case: Case,
    action: Action,
    given: Mapping[str, str],
    *,
    target: correcting.Target | None = None,
    more: str = "",
    version: int | None = None,
    trouble: Trouble | None = None,
    refused: Refused | None = None,
) -> web.Response:
    state = shown_state(case, entry, entry.office, entry.now)
    against = next((f for f in state["forbidden_actions"] if f["action"] == action), None)
    response = _page(
        request,
        texts,
        entry,
        "act.html",
        ACTS[action] if target is None else target.shape,
        given,
        offered.choices(entry, case, texts),
        more,
        refused,
        **_of_case(entry, state, action),
        version=form_version(version, refused, case.version),
        against=None if trouble is not None else against,
        target=target and target.event,
        then=offered.following(action, entry),
        done=_done(request, case, texts),
        notes=correction_note(case.events, state["corrections"], texts, entry.office)
        if action == Action.APPROVE_CORRECTION
        else (),
        trouble=trouble,
    )
    # Shown with what was wrong in the form, it is a reading of the case all the same.
    response[SHOWS_CASE] = True
    return response


def _done(request: web.Request, case: Case, texts: Texts) -> str:
    """Say what was recorded just before, where the address tells of it."""
    asked = request.query.get("done", "")
    act = next((event for event in case.events if str(event.position) == asked), None)
    return (
        sheet.recorded(act.type, act.version, act.position, act.recorded_at, texts)
        if act is not None
        else ""
    )


def _of_case(entry: Entry, state: Data, action: Action) -> dict[str, Any]:
    return {
        "at": (at := f"/cases/{entry.ledger.name}/{state['case']}"),
        "back": at,
        "title": state["case"],
        "subtitle": sheet.item(state)["name"],
        "stage": ("stage", state["stage"]),
        "action": action,
        "step": action,
    }


def _targets(request: web.Request, texts: Texts, entry: Entry, case: Case) -> web.Response:
    """Show which acts of a case may be put right."""
    state = shown_state(case, entry, entry.office, entry.now)
    possible = correcting.possible(correcting.of_case(entry, case))
    events = [shown_event(one, entry, case, None) for one in possible]
    response = rendered(
        request,
        "correct.html",
        texts,
        **head(entry, texts),
        **_of_case(entry, state, Action.CORRECT),
        rows=[
            (event["id"], row)
            for event, row in zip(events, sheet.history(events, texts, entry.office), strict=True)
        ],
    )
    response[SHOWS_CASE] = True
    return response


def _intake(
    request: web.Request,
    texts: Texts,
    entry: Entry,
    given: Mapping[str, str],
    *,
    more: str = "",
    trouble: Trouble | None = None,
    refused: Refused | None = None,
) -> web.Response:
    return _page(
        request,
        texts,
        entry,
        "new.html",
        ACTS["receive"],
        given,
        offered.of_receipt(entry, given.get("item", ""), texts),
        more,
        refused,
        spare=frozenset({"materials"}),
        then=offered.following(Action.RECEIVE, entry),
        items=offered.items(entry),
        chosen=given.get("item", ""),
        trouble=trouble,
    )


def _page(
    request: web.Request,
    texts: Texts,
    entry: Entry,
    template: str,
    shape: type[Struct],
    given: Mapping[str, str],
    choices: Mapping[str, offered.Choices],
    more: str,
    refused: Refused | None,
    spare: frozenset[str] = frozenset(),
    **told: object,
) -> web.Response:
    wrong = refused.pointer if refused is not None and refused.pointer else ""
    filling = forms.Filling(given, Labels(texts), choices, more, wrong, spare)
    return rendered(
        request,
        template,
        texts,
        status=status_of(refused),
        **head(entry, texts),
        fields=forms.shown(shape, filling),
        token=form_token(request),
        key=form_key(request, refused),
        **told,
    )


async def _trouble(
    texts: Texts,
    entry: Entry,
    case: Case | None,
    refused: Refused,
    version: int | None,
) -> Trouble:
    """Say why, and tell what happened meanwhile."""
    since: tuple[sheet.Row, ...] = ()
    if refused.slug == "version-conflict" and case is not None and version is not None:
        rows = await entry.ledger.store.of_stream(
            entry.ledger.name, case.stream, after_version=version
        )
        if standing.reads("history", entry.caller, case, entry.office, entry.now):
            events = [shown_event(records.decode(row), entry, case, row.leaf) for row in rows]
            since = sheet.history(events, texts, entry.office)
    return trouble_of(refused, texts, since)
