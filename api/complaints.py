"""Complaints (12345 工单): registered, acted on, listed, shown.

Who complains is masked for everyone, and not shown to the unit at all: what that has to know
stands in the words in which the hotline passed it on.
"""

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from api import headers
from api.access import Entry, Scopes, case_for, enter, scopes
from api.answers import act_document, of_list, rendered, shown_event
from api.bodies import decoded
from api.complaint_bodies import BODIES
from api.numbered import Found, on_complaint, speaks_for_themselves
from api.record import COMMON, RENAMED, check_corrected, occasion, scoped_key
from ledger import complaining, privacy, standing
from ledger.case import Data, Events, Json
from ledger.complaint import Complaint, deadlines, number_of, replay, subject
from ledger.complaint_rules import RULES, Action
from ledger.correction_beside import corrections
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import Office
from ledger.recorded import Recorded
from projections import complaints
from projections.asked import Page

Details = Mapping[str, Json]

# Which act an event was.
CALLED: Mapping[str, str] = {rule.event: str(action) for action, rule in RULES.items()}

# Who handles complaints sees what there is of the caller; a unit sees none of it.
WITH_CALLER = frozenset({Role.HOTLINE, Role.INSPECTOR, Role.INSPECTION_LEAD})


# -- acts --------------------------------------------------------------------------------------


async def register(request: web.Request) -> web.Response:
    """Register a complaint: `POST /complaints`, by the hotline or by who complains."""
    entry = await enter(request)
    own = speaks_for_themselves(entry)
    if not own:
        complaining.candidate(Action.REGISTER, entry.caller, None, entry.office, entry.now)
    key = headers.idempotency_key(request)
    headers.no_query(request)
    if headers.if_match(request, required=False) is not None:
        raise Refused("version-invalid", "a new complaint has no version")
    body = await decoded(request, BODIES[str(Action.REGISTER)])
    done = await registered(entry, request, key, body)
    return await _answer(entry, done, own=own, created=True)


async def registered(entry: Entry, request: web.Request, key: str, body: Details) -> Recorded:
    """Record a complaint, as the interface and the page of it do."""
    own = speaks_for_themselves(entry)
    mac = scoped_key(entry, f"/v1/ledgers/{entry.ledger.name}/complaints", key, body)
    if own and body.get("caller", {}).get("id") not in (None, entry.caller.person):
        raise Refused("action-not-allowed", "who complains speaks for themselves")
    case = await _case(entry, body.get("case"))
    details = {name: body[name] for name in body if name not in (*COMMON, "case")}

    def decide(stream: str, events: Events, office: Office, now: datetime) -> Events:
        del events
        if own:
            organ = str(office.clients[entry.caller.client or ""]["organ"])
            by, more = complaining.speaker(entry.caller), {**details, "organ": organ}
        else:
            by = complaining.candidate(Action.REGISTER, entry.caller, None, office, now)
            more = details
        return complaining.register(stream, occasion(by, office, now, body), case=case, **more)

    return await entry.ledger.record_in(
        decide, kind="complaint", stream=None, key=mac, correlation=headers.request_id(request)
    )


async def act(request: web.Request) -> web.Response:
    """Act on a complaint: `POST /complaints/{complaint}/{action}`."""
    entry = await enter(request)
    found = await on_complaint(request, entry)
    action = Action(request.match_info["action"])
    complaining.candidate(action, entry.caller, found.complaint, entry.office, entry.now)
    key = headers.idempotency_key(request)
    headers.no_query(request)
    expected = headers.if_match(request, required=True)
    body = await decoded(request, BODIES[str(action)])
    done = await acted(entry, request, found.complaint, action, key, expected, body)
    return await _answer(entry, done, own=found.own, created=False)


async def acted(
    entry: Entry,
    request: web.Request,
    of: Complaint,
    action: Action,
    key: str,
    expected: int | None,
    body: Details,
) -> Recorded:
    """Record an act on a complaint, as the interface and the page of it do."""
    if action == Action.CORRECT:
        check_corrected(of.events, CALLED, BODIES, body)
    number = number_of(of, entry.ledger.name)
    path = f"/v1/ledgers/{entry.ledger.name}/complaints/{number}/{action}"
    mac = scoped_key(entry, path, key, body)
    details = {RENAMED.get(name, name): body[name] for name in body if name not in COMMON}

    def decide(stream: str, events: Events, office: Office, now: datetime) -> Events:
        del stream
        complaint = replay(events, office.zone)
        by = complaining.permit(action, complaint, entry.caller, office, now)
        return complaining.DOES[action](complaint, occasion(by, office, now, body), **details)

    return await entry.ledger.record_in(
        decide,
        kind="complaint",
        stream=of.stream,
        key=mac,
        expected=expected,
        correlation=headers.request_id(request),
    )


async def _case(entry: Entry, number: str | None) -> Data | None:
    """Look up the case that a complaint is about; one that is not there is told as such."""
    if number is None:
        return None
    try:
        _, case = await case_for(entry, number)
    except Refused as refused:
        if refused.slug not in ("case-not-found", "appointment-ended"):
            raise
        raise Refused("unknown-reference", "no such case", pointer="/case") from None
    of = standing.subject(case)
    return {
        "number": number,
        "stream": case.stream,
        "item": of.item,
        "approving": of.approving,
        "supervising": list(of.supervising),
    }


# -- readings ----------------------------------------------------------------------------------


async def one(request: web.Request) -> web.Response:
    """Answer a complaint with its history: `GET /complaints/{complaint}`."""
    entry = await enter(request)
    headers.query(request, {"at_least"})
    found = await on_complaint(request, entry)
    return rendered(whole(entry, found), headers=_headers(found.complaint))


def whole(entry: Entry, found: Found) -> dict[str, Json]:
    """Return a complaint with its history, as far as whoever asks is shown it."""
    shown = _shown(entry, found.complaint, entry.office, entry.now, own=found.own)
    if not found.own:
        shown["history"] = [
            _without_caller(shown_event(event, entry, None, None), entry)
            for event in found.complaint.events
        ]
    return shown


async def listed(request: web.Request) -> web.Response:
    """Answer a page of the complaints: `GET /complaints` with its filters."""
    entry = await enter(request)
    seen = scopes(entry, "complaints")
    person = entry.caller.person
    page = headers.page(request, person, "complaints", complaints.FILTERS, countable=True)
    found = await page_of(entry, seen, page)
    return of_list(found.items, page.cursor(found.next), found.total)


async def page_of(entry: Entry, seen: Scopes, page: headers.Page) -> Page:
    """Return a page of the complaints in these scopes."""
    await entry.service.caught_up(entry.ledger.name, -1, (complaints.PROJECTION.name,))
    return await complaints.listed(
        entry.service.reads, entry.ledger.name, entry.caller.person, seen, page.filters,
        page.after, page.limit, entry.now, counted=page.counted,
    )  # fmt: skip


# -- answers -----------------------------------------------------------------------------------


async def _answer(entry: Entry, done: Recorded, *, own: bool, created: bool) -> web.Response:
    """Answer an act as of its own position and time: a replay is the same bytes."""
    ledger = entry.ledger
    events = await ledger.history(done.events[-1].stream, done.position)
    office = ledger.office.as_of(done.position)
    complaint = replay(events, office.zone)
    shown = _shown(entry, complaint, office, done.recorded_at, own=own)
    number = str(shown["complaint"])
    answer = act_document("complaint", number, done, shown)
    more = {"Location": f"/v1/ledgers/{ledger.name}/complaints/{number}"} if created else {}
    if done.replayed:
        more["Idempotency-Replayed"] = "true"
    return rendered(answer, status=201, headers={**_headers(complaint), **more})


def _headers(complaint: Complaint) -> dict[str, str]:
    return {"ETag": f'"{complaint.version}"', "Ledger-Position": str(complaint.position)}


def _shown(
    entry: Entry, complaint: Complaint, office: Office, at: datetime, *, own: bool
) -> dict[str, Json]:
    ledger = entry.ledger
    mask = privacy.Mask(ledger.keyring, ledger.name, {e.id for e in complaint.events})
    shown: dict[str, Json] = {
        "complaint": number_of(complaint, ledger.name),
        "kind": complaint.kind,
        "channel": complaint.channel,
        "state": str(complaint.stage),
        "version": complaint.version,
        "position": complaint.position,
        "as_of": at.isoformat(),
        "registered_on": str(complaint.registered_on),
        "call_reference": complaint.call_reference,
        **mask.fields({"caller": complaint.caller, "text": complaint.text}),
        "about": dict(complaint.about),
        "case": complaint.case.get("number"),
        "item": subject(complaint).item or None,
        "unit": complaint.unit,
        "assigned": list(complaint.assigned),
        "replies": list(complaint.replies),
        "escalations": list(complaint.escalations),
        "closed": None if complaint.closed is None else mask.fields(complaint.closed),
        "deadlines": [d.document() for d in deadlines(complaint, office, at)],
        "flags": list(complaint.flags),
        "corrections": [mask.fields(c) for c in corrections(complaint.events)],
        "allowed_actions": list(complaining.options(complaint, entry.caller, office, at)),
    }
    if not own and not _with_caller(entry, office):
        del shown["caller"]
        shown["call_reference"] = None
        shown["corrections"] = [_hidden(c) for c in shown["corrections"]]
    return shown


def _with_caller(entry: Entry, office: Office) -> bool:
    """Tell whether some post shows what there is of the caller: the unit's do not."""
    return any(p.role in WITH_CALLER and p.jurisdiction for p in entry.caller.posts(office))


def _without_caller(event: Data, entry: Entry) -> Data:
    if _with_caller(entry, entry.office):
        return event
    return {**event, "data": _hidden(event["data"])}


def _hidden(data: Data) -> Data:
    """Leave out who complains, as it was recorded or as it was put right."""
    hidden = ("caller", "call_reference")
    left = {name: value for name, value in data.items() if name not in hidden}
    return {**left, "fields": _hidden(left["fields"])} if "fields" in left else left
