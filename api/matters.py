"""Matters (一件事, 联合办理): opened, joined, split, asked about, shown.

A matter is shown to whoever may read it or one of its cases; of the others the reader learns
whether they are settled, and nothing else.
"""

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from api import headers
from api.access import Entry, Scopes, as_applicant, case_for, enter, scopes
from api.answers import brief, of_list, rendered, shown_event
from api.bodies import decoded
from api.matter_bodies import BODIES
from api.numbered import on_matter
from api.progress import next_due
from api.record import COMMON, RENAMED, check_corrected, occasion, scoped_key
from ledger import matter, matter_correction, privacy, standing
from ledger.case import Case, Data, Event, Events, Json
from ledger.correction_beside import corrections
from ledger.deadline import Deadline
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.matter import Matter, deadlines, number_of, replay, settled_at
from ledger.matter_rules import EVENTS, READING, Action
from ledger.office import Office
from ledger.recorded import Recorded
from ledger.state import number_of as case_number
from projections import current_state, matters
from projections.asked import Page

Details = Mapping[str, Json]

DOES = {**matter.DOES, **matter_correction.DOES}
# Which act an event was.
CALLED: Mapping[str, str] = {event: str(action) for action, event in EVENTS.items()}


# -- acts --------------------------------------------------------------------------------------


async def opened(request: web.Request) -> web.Response:
    """Open a matter: `POST /matters`."""
    entry = await enter(request)
    matter.candidate(Action.OPEN, None, entry.caller, entry.office, entry.now)
    key = headers.idempotency_key(request)
    headers.no_query(request)
    if headers.if_match(request, required=False) is not None:
        raise Refused("version-invalid", "a new matter has no version")
    body = await decoded(request, BODIES[str(Action.OPEN)])
    return await _answer(entry, await begun(entry, request, key, body), created=True)


async def begun(entry: Entry, request: web.Request, key: str, body: Details) -> Recorded:
    """Record a matter, as the interface and the page of it do."""
    mac = scoped_key(entry, f"/v1/ledgers/{entry.ledger.name}/matters", key, body)
    details = {name: body[name] for name in body if name not in COMMON}

    def decide(stream: str, events: Events, office: Office, now: datetime) -> Events:
        del events
        by = matter.candidate(Action.OPEN, None, entry.caller, office, now)
        return matter.open_matter(stream, occasion(by, office, now, body), **details)

    return await entry.ledger.record_in(
        decide, kind="matter", stream=None, key=mac, correlation=headers.request_id(request)
    )


async def act(request: web.Request) -> web.Response:
    """Act on a matter: `POST /matters/{matter}/{action}`."""
    entry = await enter(request)
    entry, found = await on_matter(request, entry)
    action = Action(request.match_info["action"])
    matter.candidate(action, found, entry.caller, entry.office, entry.now)
    key = headers.idempotency_key(request)
    headers.no_query(request)
    expected = headers.if_match(request, required=True)
    body = await decoded(request, BODIES[str(action)])
    done = await acted(entry, request, found, action, key, expected, body)
    return await _answer(entry, done, created=False)


async def acted(
    entry: Entry,
    request: web.Request,
    of: Matter,
    action: Action,
    key: str,
    expected: int | None,
    body: Details,
) -> Recorded:
    """Record an act on a matter, as the interface and the page of it do."""
    if action == Action.CORRECT:
        check_corrected(of.events, CALLED, BODIES, body)
    number = number_of(of, entry.ledger.name)
    path = f"/v1/ledgers/{entry.ledger.name}/matters/{number}/{action}"
    mac = scoped_key(entry, path, key, body)
    details = {RENAMED.get(name, name): body[name] for name in body if name not in COMMON}
    if action == Action.SPLIT_OFF:
        details["case"] = await _stream_of(entry, body["case"])

    def decide(stream: str, events: Events, office: Office, now: datetime) -> Events:
        del stream
        known = replay(events, office.zone)
        by = matter.candidate(action, known, entry.caller, office, now)
        return DOES[action](known, occasion(by, office, now, body), **details)

    return await entry.ledger.record_in(
        decide,
        kind="matter",
        stream=of.stream,
        key=mac,
        expected=expected,
        correlation=headers.request_id(request),
    )


async def _stream_of(entry: Entry, number: str) -> str:
    try:
        _, case = await case_for(entry, number)
    except Refused as refused:
        if refused.slug not in ("case-not-found", "appointment-ended"):
            raise
        raise Refused("unknown-reference", "no such case", pointer="/case") from None
    return case.stream


async def _answer(entry: Entry, done: Recorded, *, created: bool) -> web.Response:
    """Answer an act with what it recorded: a replay is the same bytes."""
    ledger = entry.ledger
    after = replay(await ledger.history(done.events[-1].stream, done.position), ledger.office.zone)
    number = number_of(after, ledger.name)
    answer = {
        "matter": number,
        "version": after.version,
        "events": [brief(event) for event in done.events],
    }
    more = {"Location": f"/v1/ledgers/{ledger.name}/matters/{number}"} if created else {}
    if done.replayed:
        more["Idempotency-Replayed"] = "true"
    return rendered(answer, status=201, headers={**_headers(after), **more})


# -- readings ----------------------------------------------------------------------------------


async def one(request: web.Request) -> web.Response:
    """Answer a matter with how far its cases are: `GET /matters/{matter}`."""
    entry = await enter(request)
    headers.query(request, {"at_least"})
    entry, found = await on_matter(request, entry)
    shown, _ = await whole(entry, found)
    return rendered(shown, headers=_headers(found))


async def whole(entry: Entry, found: Matter) -> tuple[dict[str, Json], list[Deadline]]:
    """Return a matter with how far its cases are, and its limits as they were measured."""
    now = await entry.ledger.now()
    loaded = [await entry.ledger.load(stream) for stream in found.cases]
    cases = [entry.ledger.by_now(case, now) for case in loaded if case is not None]
    measured = deadlines(found, [settled_at(case) for case in cases], entry.office, now)
    return _shown(entry, found, cases, now), list(measured)


async def listed(request: web.Request) -> web.Response:
    """Answer a page of the matters: `GET /matters` with its filters."""
    entry = await enter(request)
    by_cases = scopes(entry, "case")
    page = headers.page(request, entry.caller.person, "matters", matters.FILTERS, countable=True)
    found = await page_of(entry, by_cases, page)
    return of_list(found.items, page.cursor(found.next), found.total)


async def page_of(entry: Entry, by_cases: Scopes, page: headers.Page) -> Page:
    """Return a page of the matters of the caller's posts, and of those with cases in scope."""
    views = (matters.PROJECTION.name, current_state.PROJECTION.name)
    await entry.service.caught_up(entry.ledger.name, -1, views)
    return await matters.listed(
        entry.service.reads, entry.ledger.name, _scopes(entry), by_cases, page.filters,
        page.after, page.limit, entry.now, counted=page.counted,
    )  # fmt: skip


def _scopes(entry: Entry) -> Scopes:
    """List the relations to matters that the caller's posts give."""
    return tuple(
        (letter, held.organ, None)
        for held in entry.active_posts()
        for letter in READING.get(str(held.role), "")
        if letter != "J" or held.jurisdiction
    )


def _headers(of: Matter) -> dict[str, str]:
    return {"ETag": f'"{of.version}"', "Ledger-Position": str(of.position)}


def _shown(entry: Entry, of: Matter, cases: list[Case], now: datetime) -> dict[str, Json]:
    ledger, office = entry.ledger, entry.office
    mask = privacy.Mask(ledger.keyring, ledger.name, {e.id for e in of.events})
    readable = [case for case in cases if _reads(entry, of, case, now)]
    settled = [settled_at(case) for case in cases]
    waits = [due for case in readable if (due := next_due(case, entry, now)) is not None]
    whole = matter.reads(of, entry.caller, office, now)
    shown: dict[str, Json] = {
        "matter": number_of(of, ledger.name),
        "name": of.name,
        "kind": of.kind,
        "version": of.version,
        "position": of.position,
        "as_of": now.isoformat(),
        "organ": of.organ,
        "opened_on": str(of.opened_on),
        **mask.fields({"applicant": of.applicant}),
        "items": list(of.items),
        "materials": [_material(one, readable, ledger.name) for one in of.materials],
        "cases": [_child(entry, case, now, seen=case in readable) for case in cases],
        "of": len(cases),
        "decided": sum(at is not None for at in settled),
        "next_due": min(waits, key=lambda due: str(due["due"]), default=None),
        "deadlines": [d.document() for d in deadlines(of, settled, office, now)],
        "opinions": [_opinion(entry, of, one) for one in of.opinions],
        "missing": list(of.missing),
        "corrections": [mask.fields(c) for c in corrections(of.events)] if whole else [],
        "allowed_actions": list(_options(entry, of, now)),
    }
    if whole:
        shown["history"] = [_told(event, entry, of) for event in of.events]
    return shown


def _reads(entry: Entry, of: Matter, case: Case, now: datetime) -> bool:
    """Tell whether the caller reads a case: by a post, or as the applicant of both."""
    if entry.caller.applicant_of == of.stream:
        return as_applicant(entry, case).caller.applicant_of == case.stream
    return standing.reads("case", entry.caller, case, entry.office, now)


def _child(entry: Entry, case: Case, now: datetime, *, seen: bool) -> Data:
    state = "pending" if settled_at(case) is None else "decided"
    hidden = ("case", "item", "item_name", "organ", "stage", "outcome", "next_due")
    if not seen:
        return {**dict.fromkeys(hidden), "state": state}
    return {
        "case": case_number(case, entry.ledger.name),
        "item": case.terms.get("item"),
        "item_name": case.terms.get("name"),
        "organ": standing.subject(case).approving,
        "stage": str(case.stage),
        "outcome": (case.decision or {}).get("outcome"),
        "next_due": next_due(case, entry, now),
        "state": state,
    }


def _material(material: Data, cases: list[Case], ledger: str) -> Data:
    """Tell a material of the pack with the cases that name its digest."""
    digest = material["sha256"]
    with_it = [c for c in cases if any(m["sha256"] == digest for m in c.materials)]
    return {
        **{name: material[name] for name in ("name", "sha256", "media_type")},
        "cases": [case_number(case, ledger) for case in with_it],
    }


def _hears(entry: Entry, of: Matter, organ: str) -> bool:
    """Tell whether the caller is told what an organ said: who asked, itself, inspection."""
    return any(
        held.organ in (of.organ, organ) or (held.jurisdiction and held.role != Role.HOTLINE)
        for held in entry.active_posts()
        if str(held.role) in READING
    )


def _opinion(entry: Entry, of: Matter, opinion: Data) -> Data:
    given = opinion["given"] or {}
    heard = _hears(entry, of, opinion["organ"])
    return {
        **{name: opinion[name] for name in ("request", "organ", "question", "on")},
        "state": "given" if given else "missing",
        "given_on": given.get("on"),
        "recommend": given.get("recommend") if heard else None,
        "opinion": given.get("opinion") if heard else None,
    }


def _told(event: Event, entry: Entry, of: Matter) -> Data:
    """Tell an act of a matter; what an organ said only to who hears it."""
    told = shown_event(event, entry, None, None)
    organ = event.actor.organ or ""
    if event.type == "matter-opinion-given" and not _hears(entry, of, organ):
        return {**told, "data": {"request": event.data["request"]}}
    return told


def _options(entry: Entry, of: Matter, now: datetime) -> tuple[str, ...]:
    """List what the caller may do to the matter now."""
    found = []
    for action in DOES:
        possible = {
            Action.APPROVE_CORRECTION: any(not c["approved"] for c in corrections(of.events)),
            Action.SPLIT_OFF: bool(of.cases),
            Action.GIVE_OPINION: bool(of.missing),
        }
        try:
            matter.candidate(action, of, entry.caller, entry.office, now)
        except Refused:
            continue
        if possible.get(action, True):
            found.append(str(action))
    return tuple(found)
