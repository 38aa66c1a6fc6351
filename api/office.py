"""The bureau's own set-up over HTTP: items, calendars, policies, posts, seals, the clock.

Where two persons are asked for, the first POST answers `"state": "proposed"`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice

from aiohttp import web

from api import headers
from api.access import Entry, enter, not_given
from api.answers import brief, instant, of_list, rendered, shown_actor
from api.bodies import OFFICE_BODIES, decoded
from api.cases import moment
from api.record import scoped_key
from api.routes import KINDS
from ledger.case import Actor, Data, Events, Json
from ledger.errors import Refused
from ledger.ledger import DecideOffice
from ledger.lifecycle import Role
from ledger.office import Office, anchor, check, emergency, seal, versioned
from ledger.office import authority as office_authority
from ledger.office.seal import Seal
from ledger.office.versioned import Versioned
from ledger.recorded import Recorded


async def propose(request: web.Request) -> web.Response:
    """Propose a new item, calendar year, policy version or appointment."""
    entry = await enter(request)
    kind = KINDS[request.match_info["things"]]
    actors = allowed(entry, kind, "propose")
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, OFFICE_BODIES[kind])
    done = await proposed(entry, request, kind, actors, key, body)
    return answer(done, "proposed")


async def proposed(
    entry: Entry,
    request: web.Request,
    kind: str,
    actors: tuple[Actor, ...],
    key: str,
    body: Mapping[str, Json],
) -> Recorded:
    """Record a proposal, as the interface and the page of it do."""
    content = {k: v for k, v in body.items() if k not in ("reason", "basis", "occurred_at")}
    if kind == "appointment":
        content.setdefault("id", _named_after(content))
    stream = f"{kind}:{content[check.NAME_IN[kind]]}"

    def decide(office: Office, now: datetime) -> Events:
        actor = check.permitted(office, actors, kind, "propose", content, now)
        version = office.stream_versions.get(stream, 0)
        return versioned.proposed(kind, stream, version, actor, now, content)

    return await recorded(request, entry, f"/{plural(kind)}", decide, key, body)


def _named_after(content: Data) -> str:
    """Name an appointment that the caller gave no id."""
    kind = content.get("kind", "post")
    of_kind = () if kind == "post" else (kind, content["from"])
    return "-".join((content["person"], content["role"], *of_kind))


async def approve(request: web.Request) -> web.Response:
    """Put in force what another person proposed."""
    entry = await enter(request)
    kind = KINDS[request.match_info["things"]]
    found(entry.office, kind, request.match_info["id"])
    actors = allowed(entry, kind, "approve")
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, OFFICE_BODIES["approve"])
    done = await approved(entry, request, kind, request.match_info["id"], actors, key, body)
    return answer(done, "approved")


async def approved(
    entry: Entry,
    request: web.Request,
    kind: str,
    name: str,
    actors: tuple[Actor, ...],
    key: str,
    body: Mapping[str, Json],
) -> Recorded:
    """Record an approval, as the interface and the page of it do."""

    def decide(office: Office, now: datetime) -> Events:
        now_thing = found(office, kind, name)
        proposal = _proposal(now_thing, body.get("proposal"))
        actor = check.permitted(office, actors, kind, "approve", proposal.content, now)
        version = office.stream_versions[now_thing.stream]
        events = versioned.approved(now_thing, version, actor, now, proposal=proposal)
        if kind == "anchored-log":
            rests_on = anchor.beside(office, proposal.content)
        elif kind == "appointment":
            rests_on = check.beside(office, now_thing.id, proposal.content["person"])
        else:
            return events
        return tuple(replace(event, relied_on=rests_on) for event in events)

    return await recorded(request, entry, f"/{plural(kind)}/{name}/approve", decide, key, body)


def _proposal(thing: Versioned, wanted: str | None) -> versioned.Proposal:
    if wanted is not None:
        proposal = thing.proposals.get(wanted)
    else:
        proposal = next(reversed(tuple(thing.proposals.values())), None)
    if proposal is None:
        raise Refused("unknown-reference", "nothing of that name waits for approval")
    return proposal


async def end(request: web.Request) -> web.Response:
    """End an appointment at once: `POST /appointments/{id}/end`."""
    entry = await enter(request)
    thing = found(entry.office, "appointment", request.match_info["id"])
    actors = allowed(entry, "appointment", "end")
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, OFFICE_BODIES["end"])
    return answer(await ended(entry, request, thing.id, actors, key, body), "ended")


async def ended(
    entry: Entry,
    request: web.Request,
    name: str,
    actors: tuple[Actor, ...],
    key: str,
    body: Mapping[str, Json],
) -> Recorded:
    """Record the end of an appointment, as the interface and the page of it do."""

    def decide(office: Office, now: datetime) -> Events:
        current = found(office, "appointment", name)
        version = office.stream_versions[current.stream]
        actor = actors[0]
        if current.current is not None:
            content = current.current.content
            actor = office_authority.appointing(office, actors, "end", content)
        return versioned.ended(current, version, actor, now, body.get("reason"))

    return await recorded(request, entry, f"/appointments/{name}/end", decide, key, body)


async def review(request: web.Request) -> web.Response:
    """Say what was found of a break-glass: `POST /appointments/{id}/review`."""
    entry = await enter(request)
    thing = found(entry.office, "appointment", request.match_info["id"])
    actors = allowed(entry, "appointment", "review")
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, OFFICE_BODIES["appointment-review"])

    def decide(office: Office, now: datetime) -> Events:
        current = found(office, "appointment", thing.id)
        version = office.stream_versions[current.stream]
        text, reason = body["text"], body.get("reason")
        return emergency.reviewed(current, version, actors[0], now, text=text, reason=reason)

    path = f"/appointments/{thing.id}/review"
    return answer(await recorded(request, entry, path, decide, key, body), "reviewed")


async def custody(request: web.Request) -> web.Response:
    """Register a seal, or do a custody act on one."""
    entry = await enter(request)
    act_name = request.match_info.get("act", "register")
    if act_name not in seal.CUSTODY:
        raise Refused("not-found", "no such custody act")
    name = request.match_info.get("seal")
    if name is not None:
        seal_of(entry.office, name)
    actors = allowed(entry, "seal", act_name)
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, OFFICE_BODIES[f"seal-{act_name}"])
    return answer(await kept(entry, request, act_name, name, actors, key, body), act_name)


async def kept(
    entry: Entry,
    request: web.Request,
    act_name: str,
    name: str | None,
    actors: tuple[Actor, ...],
    key: str,
    body: Mapping[str, Json],
) -> Recorded:
    """Record a custody act, as the interface and the page of it do; `name` None: a new seal."""
    data = {k: v for k, v in body.items() if k not in ("reason", "basis", "occurred_at")}

    def decide(office: Office, now: datetime) -> Events:
        this = name or str(data["id"])
        known = office.seals.get(this)
        if act_name == "register":
            if known is not None:
                raise Refused("already-done", "a seal of that id is registered")
            known = Seal(this, f"seal:{this}", data)
            if data["organ"] not in office.organs:
                raise Refused("unknown-reference", "no such organ", pointer="/organ")
            details: Data = {"content": data}
        else:
            details = data
        if known is None:
            raise Refused("not-found", "no such seal")
        for named in ("to", "keeper"):
            if data.get(named) is not None:
                check.keeper(office, data[named], now, f"/{named}")
        return seal.custody(
            known, act_name, actors[0], now, data=details, reason=body.get("reason")
        )

    path = "/seals" if name is None else f"/seals/{name}/{act_name}"
    return await recorded(request, entry, path, decide, key, body)


async def clock(request: web.Request) -> web.Response:
    """Set the clock of a simulated ledger forward: `POST /clock`."""
    entry = await enter(request)
    if not entry.office.simulated:
        raise Refused("not-found", "the clock of this ledger cannot be set")
    allowed(entry, "clock", "set")
    headers.no_query(request)
    body = await decoded(request, OFFICE_BODIES["clock"])
    now = await entry.ledger.set_clock(body["now"])
    entry.service.wake(entry.ledger.name)
    return rendered({"now": instant(now)}, status=201)


async def listing(request: web.Request) -> web.Response:
    """List the office's things of one kind, in the order they came, now or as of then."""
    entry = await enter(request)
    any_post(entry)
    name = request.match_info["things"]
    page = headers.page(request, entry.caller.person, name, {"as_of"}, countable=True)
    office, at = await _as_of(entry, page.filters.get("as_of"))
    begin = page.after if isinstance(page.after, int) else 0
    end = begin + page.limit
    if name == "seals":
        size = len(office.seals)
        items = [shown_seal(s) for s in islice(office.seals.values(), begin, end)]
    else:
        things = office.things(KINDS[name])
        size = len(things)
        items = [shown(t, at) for t in islice(things, begin, end)]
    following = page.cursor(end if end < size else None)
    return of_list(items, following, size if page.counted else None)


async def showing(request: web.Request) -> web.Response:
    """Show one thing of the office with all its versions."""
    entry = await enter(request)
    name, this = request.match_info["things"], request.match_info["id"]
    if name == "seals":
        seal_of(entry.office, this)
    else:
        found(entry.office, KINDS[name], this)
    any_post(entry)
    query = headers.query(request, {"as_of", "at_least"})
    office, at = await _as_of(entry, query.get("as_of"))
    if name == "seals":
        return rendered(shown_seal(seal_of(office, this)))
    return rendered(shown(found(office, KINDS[name], this), at))


def seal_of(office: Office, name: str) -> Seal:
    """Return a seal of the office, or say that there is none."""
    """Return a seal of the office, or say that there is none."""
    if name not in office.seals:
        raise Refused("not-found", "no such seal")
    return office.seals[name]


async def _as_of(entry: Entry, text: str | None) -> tuple[Office, datetime]:
    if text is None:
        return entry.office, entry.now
    position, at = await moment(entry, text, "as_of")
    return entry.office.as_of(position), at


def any_post(entry: Entry) -> None:
    """Refuse who holds no post here: whoever holds one sees what the bureau has set up."""
    if not entry.active_posts() and entry.caller.person is not None:
        raise not_given(entry, Role, "the office")


def found(office: Office, kind: str, name: str) -> Versioned:
    """Return a thing of the office, or say that there is none."""
    thing = office.thing(f"{kind}:{name}")
    if thing is None:
        raise Refused("not-found", f"no such {kind}")
    return thing


def _standing(thing: Versioned, now: datetime) -> str:
    if thing.ended or thing.current:
        return "ended" if thing.ended else "in-force"
    waits = any(not versioned.lapsed(p.at, now, p.content) for p in thing.proposals.values())
    return "proposed" if waits else "lapsed"


def shown(thing: Versioned, now: datetime) -> Data:
    """Tell a thing of the office with its versions and proposals."""
    current = thing.current
    return {
        "id": thing.id,
        "kind": thing.kind,
        "state": _standing(thing, now),
        "version": current.number if current else 0,
        "content": current.content if current else None,
        "ended_at": instant(thing.ended),
        "reviewed_at": instant(thing.reviewed.recorded_at) if thing.reviewed else None,
        "review": thing.reviewed.data["text"] if thing.reviewed else None,
        "review_due": emergency.waits_for_review(thing),
        "versions": [
            {
                "version": v.number,
                "position": v.position,
                "at": instant(v.at),
                "proposed_by": v.proposed_by,
                "approved_by": v.approved_by,
                "content": v.content,
            }
            for v in thing.versions
        ],
        "proposals": [
            {
                "id": p.id,
                "content": p.content,
                "by": shown_actor(p.by),
                "at": instant(p.at),
                "position": p.position,
                "state": "lapsed" if versioned.lapsed(p.at, now, p.content) else "proposed",
            }
            for p in thing.proposals.values()
        ],
    }


def shown_seal(this: Seal) -> Data:
    """Tell a seal with its custody."""
    return {
        "id": this.id,
        **this.content,
        "state": this.state,
        "keeper": this.keeper,
        "keeper_since": instant(this.keeper_since),
        "offered_to": this.offered_to,
        "version": this.version,
    }


# -- the order of checks for an office act ------------------------------------------------


def allowed(entry: Entry, kind: str, act_name: str) -> tuple[Actor, ...]:
    """Return the posts that give an office act, or refuse."""
    posts = entry.caller.posts(entry.office)
    return office_authority.who(entry.office, posts, entry.now, kind, act_name, entry.caller.client)


def plural(kind: str) -> str:
    """Return what a list of things of a kind is called in an address."""
    return next(things for things, one in KINDS.items() if one == kind)


async def recorded(
    request: web.Request,
    entry: Entry,
    path: str,
    decide: DecideOffice,
    key: str,
    body: Mapping[str, Json],
) -> Recorded:
    """Record an office act; `path` is that of the interface, behind the ledger."""
    mac = scoped_key(entry, f"/v1/ledgers/{entry.ledger.name}{path}", key, body)
    done = await entry.ledger.record_office(
        decide, key=mac, correlation=headers.request_id(request)
    )
    entry.service.wake(entry.ledger.name)
    return done


def answer(done: Recorded, state: str) -> web.Response:
    """Answer an office act: what its thing is now."""
    event = done.events[-1]
    told = {
        "id": event.stream.partition(":")[2],
        "state": state,
        "events": [brief(e) for e in done.events],
        "version": event.version,
        "position": event.position,
    }
    extra = {"Idempotency-Replayed": "true"} if done.replayed else {}
    return rendered(told, status=201, headers={"Ledger-Position": str(event.position), **extra})
