"""The bureau's door: acts on cases.

Every act goes through the fixed order of checks: the case, the post, the headers, the body,
then the ledger.  What is refused is put on record by `refusals`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from aiohttp import web

from api import headers
from api.access import Entry, action_of, case_for, enter
from api.answers import act_answer
from api.bodies import ACTS, check_members, decoded
from api.numbered import joining
from api.parts import Act
from api.references import Known, known
from ledger import (
    approval,
    authority,
    correction,
    enforcement,
    matter,
    permit,
    privacy,
    result,
    standing,
    supervision,
)
from ledger.case import Actor, Case, Events, Json
from ledger.errors import Refused
from ledger.lifecycle import ACTION_OF, MAY, Action
from ledger.occasion import Occasion
from ledger.office import Office
from ledger.recorded import Key, Recorded

Details = Mapping[str, Json]
COMMON = ("occurred_at", "reason", "basis")

# Which function does which action: it bears its name.  The only place where they meet.
MODULES = (approval, result, permit, correction, supervision, enforcement)
DOES: Mapping[Action, Callable[..., Events]] = {
    action: next(vars(m)[name] for m in MODULES if name in vars(m))
    for action in Action
    for name in [str(action).replace("-", "_")]
}

# A time that cannot be is refused before these.
AFTER_TIMES = frozenset({"document-mismatch", "seal-not-held", "rule-refused"})

# `event` is what the caller says; the function means the id of one.
RENAMED = {"event": "event_id"}


async def receive(request: web.Request) -> web.Response:
    """Take an application in: `POST /cases`."""
    entry = await enter(request)
    may_receive(entry)
    key = headers.idempotency_key(request)
    headers.no_query(request)
    expected = headers.if_match(request, required=False)
    if expected is not None:
        raise Refused("version-invalid", "a new case has no version")
    body = await decoded(request, ACTS["receive"])
    done = await received(entry, request, key, body)
    return act_answer(entry, done, created=True)


async def received(entry: Entry, request: web.Request, key: str, body: Details) -> Recorded:
    """Record a receipt, as the interface and the page of it do."""
    path = f"/v1/ledgers/{entry.ledger.name}/cases"
    mac = scoped_key(entry, path, key, body)
    named, unknown = await known(entry, Action.RECEIVE, None, body)
    joins = await joining(entry, body)

    async def look() -> None:
        nonlocal named, unknown, joins
        named, unknown = await known(entry, Action.RECEIVE, None, body)
        joins = await joining(entry, body)

    def decide(case: Case, office: Office, now: datetime) -> Events:
        here = _receiving(entry, body)
        terms = office.terms(body["item"])
        of = standing.about(terms)
        posts = standing.candidates(Action.RECEIVE, here.caller, of, office, now)
        if unknown is not None:
            raise unknown
        actor = posts[0][0]
        details = {name: body[name] for name in body if name not in (*COMMON, "matter")}
        if actor.organ is None:
            details["organ"] = of.approving
        on = occasion(actor, office, now, body, named)
        events = approval.receive(case, on, **details)
        return events if joins is None else matter.joined(joins, on, events[0], entry.ledger.name)

    return await entry.ledger.record(
        decide, stream=None, key=mac, correlation=headers.request_id(request), look=look
    )


def _receiving(entry: Entry, body: Details) -> Entry:
    """Let an applicant hand in their own application, or one they are the agent of."""
    client = entry.office.clients.get(entry.caller.client or "")
    if entry.caller.posts(entry.office) or not (client and client.get("applicants")):
        return entry
    applicant = body["applicant"]
    ids = {applicant.get("id"), (applicant.get("agent") or {}).get("id")}
    if entry.caller.person is not None and entry.caller.person in ids:
        return replace(entry, caller=replace(entry.caller, applicant_of="new"))
    return entry


def may_receive(entry: Entry) -> None:
    """Refuse who could receive nothing at all, before anything is read."""
    client = entry.office.clients.get(entry.caller.client or "")
    if client is not None and (client.get("applicants") or entry.caller.person is None):
        return
    roles = {may.role for may in MAY[Action.RECEIVE]}
    on = entry.now.astimezone(entry.office.zone).date()
    held = [p for p in entry.caller.posts(entry.office) if p.role in roles]
    held += [d for d in entry.caller.lent(entry.office) if Action.RECEIVE in d.actions]
    if any(p.active(on) for p in held):
        return
    if any(p.was(on) for p in held):
        raise Refused("appointment-ended", "the appointment that gave this has ended")
    raise Refused("action-not-allowed", "no appointment of yours gives receive here")


async def act(request: web.Request) -> web.Response:
    """Do an action on a case: `POST /cases/{case}/{action}`."""
    entry = await enter(request)
    entry, case = await case_for(entry, request.match_info["case"], fresh=False)
    action = action_of(request.match_info["action"])
    if action == Action.RECEIVE:
        raise Refused("not-found", "no such action")
    standing.candidates(action, entry.caller, standing.subject(case), entry.office, entry.now)
    key = headers.idempotency_key(request)
    headers.no_query(request)
    expected = headers.if_match(request, required=True)
    body = await decoded(request, ACTS[str(action)])
    done = await acted(entry, request, case, action, key, expected, body)
    return act_answer(entry, done, created=False)


async def acted(
    entry: Entry,
    request: web.Request,
    case: Case,
    action: Action,
    key: str,
    expected: int | None,
    body: Details,
) -> Recorded:
    """Record an act on a case, as the interface and the page of it do."""
    if action == Action.CORRECT:
        _check_correction(case, body)
    path = f"/v1/ledgers/{entry.ledger.name}/cases/{request.match_info['case']}/{action}"
    mac = scoped_key(entry, path, key, body)
    details = {RENAMED.get(n, n): body[n] for n in body if n not in COMMON}
    named, unknown = await known(entry, action, case, body)

    async def look() -> None:
        nonlocal named, unknown
        named, unknown = await known(entry, action, case, body)

    def decide(case: Case, office: Office, now: datetime) -> Events:
        on = occasion(entry.actor(), office, now, body, named)
        late = on.late and authority.was_possible(action, case, on.at)
        asked = {**body, "late": late, "card": named.get("card")}
        actor = authority.permit(action, case, entry.caller, office, now, asked)
        if unknown is not None:
            raise unknown
        try:
            return DOES[action](case, replace(on, by=actor), **details)
        except Refused as refused:
            if refused.slug in AFTER_TIMES:
                on.timely(case)
            raise

    return await entry.ledger.record(
        decide,
        stream=case.stream,
        key=mac,
        expected=expected,
        correlation=headers.request_id(request),
        look=look,
    )


def _check_correction(case: Case, body: Details) -> None:
    """Check new values as the act they correct was checked."""
    target = case.event(body["event"])
    corrected = ACTION_OF.get(target.type) if target is not None else None
    if corrected is not None:
        check_members(body["fields"], ACTS[str(corrected)], "/fields")


def check_corrected(
    events: Events, actions: Mapping[str, str], bodies: Mapping[str, type[Act]], body: Details
) -> None:
    """Check the new values of a complaint or a matter as the act they correct was checked."""
    target = next((e for e in events if e.id == body["event"]), None)
    shape = bodies.get(actions.get(target.type, "")) if target is not None else None
    if shape is not None:
        check_members(body["fields"], shape, "/fields")


def occasion(
    by: Actor, office: Office, now: datetime, body: Details, named: Known | None = None
) -> Occasion:
    """Say who acts, when and why, by what the body says of it; and what was looked up."""
    return Occasion(
        by=by,
        now=now,
        office=office,
        occurred_at=body.get("occurred_at"),
        reason=body.get("reason"),
        basis=body.get("basis"),
        **(named or Known()),
    )


def scoped_key(entry: Entry, path: str, key: str, body: Details) -> Key:
    """Scope the key, and digest the request to that path as it was understood."""
    caller = entry.caller
    person = caller.person or ""
    if person and not caller.posts(entry.office):
        # An applicant's id is an identity number, and their key may be made of it: neither is
        # stored in clear.
        own = privacy.digest(entry.service.digest_key, "key", {"person": person, "key": key})
        person, key = "applicant", own.hex()
    scoped = f"{person}|{caller.client or ''}|{key}"
    digest = privacy.digest(entry.service.digest_key, path, body)
    return Key(scoped, digest)
