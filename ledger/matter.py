"""A matter (一件事, 联合办理): a parent that joins cases; and the acts on it.

It holds what no case of it holds: the name, the one form, the promise for the whole, who was
asked for an opinion.  Each case keeps its organ, its limits, its decision and its remedy, so
how far a matter has come is told from them, and stored nowhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ledger.case import Actor, Case, Data, Event, Events, Json, as_corrected
from ledger.deadline import Deadline, view
from ledger.errors import Refused
from ledger.lifecycle import Responsibility, Role
from ledger.limit import Facts, Run, Step, closing
from ledger.matter_rules import EVENTS, MAY, READING, Action
from ledger.occasion import Occasion, event_beside
from ledger.office import Office
from ledger.office.appointment import Post
from ledger.standing import Caller
from ledger.workdays import Calendars

NUMBER = "{ledger}-M-{year}-{number:06d}"
REGISTER = "matter/%Y"
POLICIES = {"alerts": "alerts-default", "deadlines": "deadlines-default"}
PROMISE, OPINION = "matter-promise", "matter-opinion"


@dataclass(frozen=True, kw_only=True, slots=True)
class Matter:
    """What the events of a matter add up to; `cases` are the streams that belong to it now."""

    stream: str
    zone: ZoneInfo
    version: int = 0
    position: int = -1
    recorded_at: datetime | None = None
    register: str = ""
    number: int = 0
    name: str = ""
    kind: str = ""
    organ: str = ""
    opened_on: date | None = None
    applicant: Data = field(default_factory=dict)
    items: tuple[str, ...] = ()
    materials: tuple[Data, ...] = ()
    terms: Data = field(default_factory=dict)
    cases: tuple[str, ...] = ()
    split_off: tuple[str, ...] = ()
    opinions: tuple[Data, ...] = ()
    promise: Run | None = None
    asked: tuple[Run, ...] = ()
    events: Events = ()

    def on(self, at: datetime) -> date:
        """Tell the local date of law of an instant, in the ledger's zone."""
        return at.astimezone(self.zone).date()

    @property
    def missing(self) -> tuple[str, ...]:
        """Name the organs whose opinion has not come, in the order they were asked."""
        return tuple(dict.fromkeys(o["organ"] for o in self.opinions if o["given"] is None))


def replay(
    events: Iterable[Event],
    zone: ZoneInfo,
    corrections: int | None = None,
    *,
    tried: Data | None = None,
) -> Matter:
    """Fold the history of a matter, with so many of its corrections (None: all).

    With `tried` it is as it would be with one correction more.
    """
    history = tuple(events)
    matter = Matter(stream=history[0].stream if history else "", zone=zone)
    for event in as_corrected(history, corrections, tried=tried):
        matter = replace(
            _FOLD[event.type](matter, event),
            version=event.version,
            position=event.position,
            recorded_at=event.recorded_at,
        )
    return replace(matter, events=history)


def number_of(matter: Matter, ledger: str) -> str:
    """Write the official number of a matter."""
    year = matter.register.rpartition("/")[2]
    return NUMBER.format(ledger=ledger, year=year, number=matter.number)


# -- the fold ----------------------------------------------------------------------------------


def _opened(matter: Matter, event: Event) -> Matter:
    data = event.data
    register, number = next(iter(event.registers.items()), ("", 0))
    on = matter.on(event.occurred_at)
    days = data.get("promise")
    return replace(
        matter,
        register=register,
        number=number,
        name=data["name"],
        kind=data["kind"],
        organ=data["organ"],
        opened_on=on,
        applicant=data["applicant"],
        items=tuple(data.get("items", ())),
        materials=tuple(data.get("materials", ())),
        terms=data["terms"],
        promise=None
        if days is None
        else _run(PROMISE, days, on, event, "promise of the matter", data["terms"]),
    )


def _joined(matter: Matter, event: Event) -> Matter:
    return replace(matter, cases=(*matter.cases, event.data["case"]))


def _split_off(matter: Matter, event: Event) -> Matter:
    gone = event.data["case"]
    left = tuple(stream for stream in matter.cases if stream != gone)
    return replace(matter, cases=left, split_off=(*matter.split_off, gone))


def _requested(matter: Matter, event: Event) -> Matter:
    on = matter.on(event.occurred_at)
    opinion = {**event.data, "request": event.id, "on": on.isoformat(), "given": None}
    basis = "request for an opinion"
    run = _run(
        OPINION, event.data["days"], on, event, basis, matter.terms, organ=event.data["organ"]
    )
    return replace(matter, opinions=(*matter.opinions, opinion), asked=(*matter.asked, run))


def _given(matter: Matter, event: Event) -> Matter:
    on = matter.on(event.occurred_at)
    place = [o["request"] for o in matter.opinions].index(event.data["request"])
    given = {
        "opinion": event.data["opinion"],
        "recommend": event.data["recommend"],
        "by": event.actor.person,
        "on": on.isoformat(),
        "event": event.id,
    }
    opinions, asked = list(matter.opinions), list(matter.asked)
    opinions[place] = {**opinions[place], "given": given}
    asked[place] = asked[place].met_at(event.occurred_at, matter.zone)
    return replace(matter, opinions=tuple(opinions), asked=tuple(asked))


def _run(
    name: str, days: int, start: date, event: Event, basis: str, terms: Data, **more: Json
) -> Run:
    return Run(
        name=name,
        budget=int(days),
        start=start,
        rule="deadline.day-after",
        opened=event.position,
        opened_at=event.recorded_at or event.occurred_at,
        closes=closing(terms["policies"].get("deadlines", {})),
        data={"basis": basis, **more},
    )


def _as_it_is(matter: Matter, _event: Event) -> Matter:
    return matter


_FOLD: Mapping[str, Callable[[Matter, Event], Matter]] = {
    EVENTS[Action.OPEN]: _opened,
    EVENTS[Action.JOIN]: _joined,
    EVENTS[Action.SPLIT_OFF]: _split_off,
    EVENTS[Action.REQUEST_OPINION]: _requested,
    EVENTS[Action.GIVE_OPINION]: _given,
    # What they change is in the events by now.
    EVENTS[Action.CORRECT]: _as_it_is,
    EVENTS[Action.APPROVE_CORRECTION]: _as_it_is,
}


# -- what follows from the cases -----------------------------------------------------------------


def settled_at(case: Case) -> datetime | None:
    """Tell when a case was decided, or ended without a decision; None while it runs."""
    events = as_corrected(case.events)
    if case.decision is not None:
        decided = case.decision["event"]
        return next(e.occurred_at for e in events if e.id == decided)
    ends = [e for e in events if e.type in ("declined", "withdrawn", "terminated")]
    return ends[-1].occurred_at if ends else None


def deadlines(
    matter: Matter,
    settled: Sequence[datetime | None],
    office: Office,
    at: datetime,
    calendars: Calendars | None = None,
) -> tuple[Deadline, ...]:
    """Measure the promise for the whole, and what was asked of each organ.

    `settled` tells of each of its cases when it was: the promise is kept when the last of them
    is.  Counted is by these calendars, or by all known.
    """
    policy = matter.terms["policies"]["alerts"]
    days = office.calendars if calendars is None else calendars
    approved = [e for e in matter.events if e.type == EVENTS[Action.APPROVE_CORRECTION]]
    before = [replay(matter.events, matter.zone, n) for n in range(len(approved))]
    first, *after = (Facts(runs=_runs(known, settled)) for known in (*before, matter))
    later = zip(approved, after, strict=True)
    steps = (Step(-1, first), *(Step(e.position, known, e.recorded_at) for e, known in later))
    return view(steps, days, at, office.zone, policy, overlay=office.ledger)


def _runs(matter: Matter, settled: Sequence[datetime | None]) -> tuple[Run, ...]:
    if matter.promise is None:
        return matter.asked
    known = [at for at in settled if at is not None]
    kept = known and len(known) == len(settled)
    run = matter.promise
    return (*matter.asked, run.met_at(max(known), matter.zone) if kept else run)


# -- who may -----------------------------------------------------------------------------------


def letters(post: Post, matter: Matter, office: Office) -> str:
    """Name the relations of a post's organ to a matter."""
    found = "O" if post.organ == matter.organ else ""
    if post.organ in {opinion["organ"] for opinion in matter.opinions}:
        found += "P"
    if post.organ in office.all_above(matter.organ):
        found += "A"
    return found + ("J" if post.jurisdiction else "")


def reads(matter: Matter, caller: Caller, office: Office, now: datetime) -> bool:
    """Tell whether a post of the caller gives reading the matter itself."""
    on = now.astimezone(office.zone).date()
    return any(
        set(letters(post, matter, office)) & set(READING.get(str(post.role), ""))
        for post in caller.posts(office)
        if post.active(on)
    )


def candidate(
    action: Action, matter: Matter | None, caller: Caller, office: Office, now: datetime
) -> Actor:
    """Return the actor in whose post the act may be done; without a matter, who may open one.

    The applicant of a matter is told by the caller's `applicant_of`.
    """
    if matter is not None and caller.applicant_of == matter.stream:
        if any(may.role == Role.APPLICANT for may in MAY[action]):
            return Actor(role=str(Role.APPLICANT), client=caller.client)
        raise Refused("action-not-allowed", f"{action} is not yours to do")
    on = now.astimezone(office.zone).date()
    held = [
        post
        for post in caller.posts(office)
        for may in MAY[action]
        if post.role == may.role
        and set("O" if matter is None else letters(post, matter, office)) & set(may.relations)
    ]
    for post in held:
        if post.active(on):
            return post.actor(caller.client)
    if any(post.was(on) for post in held):
        raise Refused("appointment-ended", "the appointment that gave this has ended")
    raise Refused("action-not-allowed", f"no appointment of yours gives {action} here")


# -- the acts ----------------------------------------------------------------------------------


def open_matter(stream: str, on: Occasion, *, items: Sequence[str], **details: Json) -> Events:
    """Open a matter (一件事申请): one form and one pack for all its items."""
    for i, item in enumerate(items):
        if on.office.thing(f"item:{item}") is None:
            raise Refused("unknown-reference", "no such item", pointer=f"/items/{i}")
    rules = {kind: on.office.version("policy", name) for kind, name in POLICIES.items()}
    policies = {kind: {**rule.content, "version": rule.number} for kind, rule in rules.items()}
    data = {
        **details,
        "items": list(items),
        "organ": on.by.organ,
        "terms": {"policies": policies},
    }
    relied = on.office.relied(*(f"policy:{name}" for name in POLICIES.values()))
    new = Matter(stream=stream, zone=on.office.zone)
    return recorded(Action.OPEN, new, on, data, relied=relied, numbers=(REGISTER,))


def joined(matter: Matter, on: Occasion, received: Event, ledger: str) -> Events:
    """Let a case that is being received belong to a matter: an event of each, in one append."""
    item = received.data["item"]
    if matter.items and item not in matter.items:
        raise Refused("rule-refused", "that item is not of the matter", rule="matter.items")
    named = {"number": number_of(matter, ledger), "stream": matter.stream}
    case = replace(received, data={**received.data, "matter": named})
    return (*recorded(Action.JOIN, matter, on, {"case": received.stream}), case)


def split_off(matter: Matter, on: Occasion, *, case: str) -> Events:
    """Take a case out, to be handled by itself; nothing of the case changes (拆分办理)."""
    if case not in matter.cases:
        raise Refused("unknown-reference", "no such case in the matter", pointer="/case")
    return recorded(Action.SPLIT_OFF, matter, on, {"case": case})


def request_opinion(
    matter: Matter, on: Occasion, *, organ: str, question: str, days: int
) -> Events:
    """Ask an organ for its opinion, beside the others (并联征求意见)."""
    if organ not in on.office.organs:
        raise Refused("unknown-reference", "no such organ", pointer="/organ")
    if organ in matter.missing:
        raise Refused("already-done", "its opinion is being waited for", rule="opinion.once")
    return recorded(
        Action.REQUEST_OPINION, matter, on, {"organ": organ, "question": question, "days": days}
    )


def give_opinion(
    matter: Matter, on: Occasion, *, request: str, opinion: str, recommend: str
) -> Events:
    """Give the opinion that was asked for, once, by the organ that was asked."""
    asked = next((o for o in matter.opinions if o["request"] == request), None)
    if asked is None:
        raise Refused("unknown-reference", "nothing was asked so", pointer="/request")
    if asked["organ"] != on.by.organ:
        raise Refused("action-not-allowed", "another organ was asked")
    if asked["given"] is not None:
        raise Refused("already-done", "the opinion is on record", rule="opinion.once")
    data = {"request": request, "opinion": opinion, "recommend": recommend}
    return recorded(Action.GIVE_OPINION, matter, on, data)


def recorded(
    action: Action,
    matter: Matter,
    on: Occasion,
    data: Data,
    *,
    relied: Mapping[str, int] | None = None,
    numbers: tuple[str, ...] = (),
) -> Events:
    """Make the event of an act on a matter."""
    event = event_beside(
        matter.stream,
        matter.version + 1,
        on,
        EVENTS[action],
        data,
        responsibility=Responsibility.APPROVAL,
        relied=relied,
        numbers=numbers,
    )
    return (event,)


DOES: Mapping[Action, Callable[..., Events]] = {
    Action.SPLIT_OFF: split_off,
    Action.REQUEST_OPINION: request_opinion,
    Action.GIVE_OPINION: give_opinion,
}
