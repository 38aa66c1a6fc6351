"""Subjects of personal data: who they are in a case, and what is done about their data.

Restrict, release, hold, lift the hold; ask for the key to be destroyed, and approve that.
"""

from collections.abc import Iterable
from datetime import date, datetime

from aiohttp import web

from api import headers
from api.access import Entry, case_for, enter, not_given, reading
from api.answers import brief, instant, rendered
from api.bodies import decoded
from api.record import occasion, scoped_key
from api.subject_bodies import BODIES
from ledger import complaint as complaints
from ledger import matter as matters
from ledger import standing, subject
from ledger.case import Actor, Case, Data, Events, Json
from ledger.complaint_rules import Stage as ComplaintStage
from ledger.errors import Refused
from ledger.lifecycle import OVER, Role
from ledger.occasion import Occasion
from ledger.office import Office
from ledger.state import number_of
from ledger.subject import Action, Place, Subject, replay, stream_of

READERS = frozenset({Role.HANDLER, Role.BUREAU_HEAD, Role.INSPECTOR, Role.INSPECTION_LEAD})


async def act(request: web.Request) -> web.Response:
    """Do an act about the data of a subject: `POST /subjects/{subject}/{action}`."""
    entry = await enter(request)
    action = Action(request.match_info["action"])
    reference = request.match_info["subject"]
    place, _ = await _found(entry, reference)
    _candidate(entry, entry.office, entry.now, action, place)
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, BODIES[str(action)])
    mac = scoped_key(entry, request.path, key, body)
    details: dict[str, str | None] = {
        name: body[name] for name in ("legal_basis", "retention") if name in body
    }
    if action == Action.APPROVE:
        details["fingerprint"] = entry.ledger.keyring.fingerprint(reference)

    def decide(stream: str, events: Events, office: Office, now: datetime) -> Events:
        del stream
        by = _candidate(entry, office, now, action, place)
        on = occasion(by, office, now, body)
        return subject.act(action, replay(reference, events), on, place, **details)

    done = await entry.ledger.record_in(
        decide,
        kind="subject",
        stream=stream_of(reference),
        key=mac,
        correlation=headers.request_id(request),
    )
    events = await entry.ledger.history(stream_of(reference), done.position)
    known = replay(reference, events)
    office = entry.ledger.office.as_of(done.position)
    state = _state(known, done.recorded_at)
    told = {
        "subject": reference,
        "state": "proposed" if action == Action.DESTROY_KEY else state,
        "events": [brief(event) for event in done.events],
        "version": known.version,
        "position": done.position,
        "now": _shown(entry, office, known, place, done.recorded_at),
    }
    extra = {"Idempotency-Replayed": "true"} if done.replayed else {}
    return rendered(told, status=201, headers={"Ledger-Position": str(done.position), **extra})


async def one(request: web.Request) -> web.Response:
    """Answer how it stands with the data of a subject: `GET /subjects/{subject}`."""
    entry = await enter(request)
    place, known = await _found(entry, request.match_info["subject"])
    headers.query(request, {"at_least"})
    return rendered(_shown(entry, entry.office, known, place, entry.now))


async def of_case(request: web.Request) -> web.Response:
    """Answer whose data are in a case: `GET /cases/{case}/subjects`."""
    entry = await enter(request)
    entry, case = await case_for(entry, request.match_info["case"])
    reading(entry, "case", case)
    headers.query(request, {"at_least"})
    if not entry.roles() & READERS:
        raise not_given(entry, READERS, "subjects")
    items = []
    for reference in _references(case):
        place, known = await _standing(entry, reference)
        items.append(_shown(entry, entry.office, known, place, entry.now))
    return rendered({"items": items, "next": None})


def _references(case: Case) -> list[str]:
    """List the subjects whose ciphertext stands in a case, in the order they came."""
    found: dict[str, None] = {}

    def look(value: Json) -> None:
        if isinstance(value, dict):
            if len(value) == 1 and "enc" in value:
                found.setdefault(value["enc"]["subject"])
            else:
                for inner in value.values():
                    look(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                look(inner)

    for event in case.events:
        look(dict(event.data))
    return list(found)


# -- who, and where --------------------------------------------------------------------------------


async def _found(entry: Entry, reference: str) -> tuple[Place, Subject]:
    """Return a subject and where it stands; for who has nothing to do with it there is none."""
    place, known = await _standing(entry, reference)
    if not _concerned(entry, place):
        raise Refused("not-found", "no such subject, or not for you")
    return place, known


async def _standing(entry: Entry, reference: str) -> tuple[Place, Subject]:
    """Return a subject and where it stands, whoever asks."""
    missing = Refused("not-found", "no such subject, or not for you")
    if len(reference) != 32 or not reference.isascii() or not reference.isalnum():
        raise missing
    ledger = entry.ledger
    events = await ledger.history(stream_of(reference))
    if events:
        stream, role = str(events[0].data["of"]), str(events[0].data["role"])
    else:
        about = ledger.keyring.about(reference)
        if about is None or about[0] != ledger.name:
            raise missing
        _, stream, role = about
    place = await _place(entry, stream, role)
    if place is None:
        raise missing
    return place, replay(reference, events)


def _concerned(entry: Entry, place: Place) -> bool:
    """Tell whether the subject is any business of the caller's."""
    on = entry.now.astimezone(entry.office.zone).date()
    return any(
        _fits(post.role, post.organ, place, jurisdiction=post.jurisdiction)
        for post in entry.caller.posts(entry.office)
        if post.active(on) or post.was(on)
    )


def _fits(role: Role, organ: str, place: Place, *, jurisdiction: bool) -> bool:
    if role == Role.INSPECTOR:
        return jurisdiction
    letters = {letter for cells in subject.MAY.values() for r, letter in cells if r == role}
    return (
        "*" in letters
        or ("O" in letters and organ in place.organs)
        or ("J" in letters and jurisdiction)
    )


def _candidate(entry: Entry, office: Office, now: datetime, action: Action, place: Place) -> Actor:
    """Return the actor in whose post the act may be done, or refuse."""
    on = now.astimezone(office.zone).date()
    over = False
    for held in entry.caller.posts(office):
        letters = {letter for role, letter in subject.MAY[action] if role == held.role}
        fits = "*" in letters or ("O" in letters and held.organ in place.organs)
        if not fits and not ("J" in letters and held.jurisdiction):
            continue
        if held.active(on):
            return held.actor(entry.caller.client)
        over = over or held.was(on)
    if over:
        raise Refused("appointment-ended", "the appointment that gave this has ended")
    raise Refused("action-not-allowed", f"no appointment of yours gives {action} here")


async def _place(entry: Entry, stream: str, role: str) -> Place | None:
    """Tell where a subject stands: in a case, a complaint, or a matter."""
    ledger, zone = entry.ledger, entry.office.zone
    kind = stream.partition(":")[0]
    if kind == "case":
        case = await ledger.load(stream)
        if case is None:
            return None
        of = standing.subject(case)
        organs = frozenset(o for o in (of.approving, of.window) if o)
        return Place(stream, role, number_of(case, ledger.name), organs, _ended(case))
    events = await ledger.history(stream)
    if not events:
        return None
    last = events[-1].occurred_at.astimezone(zone).date()
    if kind == "complaint":
        found = complaints.replay(events, zone)
        over = last if found.stage == ComplaintStage.CLOSED else None
        organs = frozenset(o for o in (found.organ,) if o)
        return Place(stream, role, complaints.number_of(found, ledger.name), organs, over)
    if kind == "matter":
        joined = matters.replay(events, zone)
        ends = [_ended(c) if (c := await ledger.load(s)) else None for s in joined.cases]
        over = max(_known(ends), default=None) if ends and None not in ends else None
        number = matters.number_of(joined, ledger.name)
        return Place(stream, role, number, frozenset({joined.organ}), over)
    return None


def _known(days: Iterable[date | None]) -> list[date]:
    return [day for day in days if day is not None]


def _ended(case: Case) -> date | None:
    """Return the day on which the last thing was done with a case that is over."""
    if case.stage not in OVER:
        return None
    return case.on(case.events[-1].occurred_at)


# -- answers ---------------------------------------------------------------------------------------


def _state(known: Subject, now: datetime) -> str:
    if known.destroyed is not None:
        return "destroyed"
    if known.waiting(now) is not None:
        return "destruction-proposed"
    return "held" if known.held else "restricted" if known.restricted else "open"


def _shown(entry: Entry, office: Office, known: Subject, place: Place, now: datetime) -> Data:
    """Tell how it stands; whose data these are is told by the case alone."""
    on = Occasion(by=Actor(kind="by-law"), now=now, office=office)
    over = subject.retention_over(on, place)
    destroyed = known.destroyed
    waits = known.waiting(now)
    return {
        "subject": known.reference,
        "role": place.role,
        "number": place.number,
        "state": _state(known, now),
        "restricted": known.restricted,
        "held": known.held,
        "retained_to": None if over is None else over.isoformat(),
        "proposed_by": None if waits is None else waits.actor.person,
        "destroyed_at": None if destroyed is None else instant(destroyed.recorded_at),
        "backups_gone_on": None if destroyed is None else destroyed.data["backups_gone_on"],
        "version": known.version,
        "allowed_actions": _options(entry, office, known, place, now),
    }


def _options(
    entry: Entry, office: Office, known: Subject, place: Place, now: datetime
) -> list[str]:
    found = []
    for action in Action:
        try:
            by = _candidate(entry, office, now, action, place)
            subject.permit(action, known, Occasion(by=by, now=now, office=office), place)
        except Refused:
            continue
        found.append(str(action))
    return found
