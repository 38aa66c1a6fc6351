"""A complaint (投诉, 12345 工单): what its events add up to, its limits, and who sees it.

It is a stream of its own, with or without a case.  State is a fold over events, limits are
measured as those of cases are.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ledger.case import Data, Event, Events, as_corrected
from ledger.complaint_rules import RULES, Stage
from ledger.deadline import Deadline, view
from ledger.limit import Facts, Run, Step, closing
from ledger.office import Office
from ledger.office.appointment import Post
from ledger.standing import READING, Caller, Subject, relations
from ledger.workdays import Calendars

APPROVED = "complaint-correction-approved"
BASIS = "complaints policy"
NUMBER = "{ledger}-C-{year}-{number:06d}"
REGISTER = "complaint/%Y"

Runs = tuple[Run, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Complaint:
    """One complaint, from its registration to its end.

    `unit` is the organ it was assigned to last, `about` the unit, person and item complained
    of, `case` the case it is about.
    """

    stream: str
    zone: ZoneInfo
    version: int = 0
    position: int = -1
    recorded_at: datetime | None = None
    register: str = ""
    number: int = 0
    stage: Stage = Stage.REGISTERED
    kind: str = ""
    channel: str = ""
    call_reference: str | None = None
    registered_on: date | None = None
    organ: str | None = None
    caller: Data = field(default_factory=dict)
    text: Data | str = ""
    about: Data = field(default_factory=dict)
    case: Data = field(default_factory=dict)
    terms: Data = field(default_factory=dict)
    unit: str | None = None
    assigned: tuple[Data, ...] = ()
    replies: tuple[Data, ...] = ()
    escalations: tuple[Data, ...] = ()
    closed: Data | None = None
    flags: tuple[Data, ...] = ()
    runs: tuple[Run, ...] = ()
    events: Events = ()

    def on(self, at: datetime) -> date:
        """Tell the local date of law of an instant, in the ledger's zone."""
        return at.astimezone(self.zone).date()

    @property
    def discreet(self) -> bool:
        """Whether it is of work past the system, by a person: material for inspection."""
        return self.kind == "off-system" and "person" in self.about


def replay(
    events: Iterable[Event],
    zone: ZoneInfo,
    corrections: int | None = None,
    *,
    tried: Data | None = None,
) -> Complaint:
    """Fold the history of a complaint, with so many of its corrections (None: all).

    With `tried` it is as it would be with one correction more.
    """
    history = tuple(events)
    complaint = Complaint(stream=history[0].stream if history else "", zone=zone)
    for event in as_corrected(history, corrections, tried=tried):
        complaint = replace(
            _FOLD[event.type](complaint, event),
            version=event.version,
            position=event.position,
            recorded_at=event.recorded_at,
            stage=_THEN[event.type] or complaint.stage,
            flags=(*complaint.flags, *({**raised, "event": event.id} for raised in event.flags)),
        )
    return replace(complaint, events=history)


def number_of(complaint: Complaint, ledger: str) -> str:
    """Write the official number of a complaint."""
    year = complaint.register.rpartition("/")[2]
    return NUMBER.format(ledger=ledger, year=year, number=complaint.number)


# -- the fold ----------------------------------------------------------------------------------


def _registered(complaint: Complaint, event: Event) -> Complaint:
    data = event.data
    register, number = next(iter(event.registers.items()), ("", 0))
    on = complaint.on(event.occurred_at)
    limits = data["terms"]["policies"]["complaints"]
    return replace(
        complaint,
        register=register,
        number=number,
        kind=data["kind"],
        channel=data["channel"],
        call_reference=data.get("call_reference"),
        registered_on=on,
        organ=data.get("organ") or event.actor.organ,
        caller=data.get("caller", {}),
        text=data["text"],
        about=data.get("about", {}),
        case=data.get("case", {}),
        terms=data["terms"],
        runs=(
            _run("complaint-assign", limits["assign"], on, event, data["terms"]),
            _run("complaint-close", limits["close"], on, event, data["terms"]),
        ),
    )


def _assigned(complaint: Complaint, event: Event) -> Complaint:
    on = complaint.on(event.occurred_at)
    budget = complaint.terms["policies"]["complaints"]["reply"]
    runs = _met(complaint.runs, "complaint-assign", event, complaint.zone)
    runs = _ended(runs, "complaint-reply", event, complaint.zone)
    return replace(
        complaint,
        unit=event.data["unit"],
        assigned=(*complaint.assigned, _told(complaint, event)),
        runs=(*runs, _run("complaint-reply", budget, on, event, complaint.terms)),
    )


def _replied(complaint: Complaint, event: Event) -> Complaint:
    return replace(
        complaint,
        replies=(*complaint.replies, {**_told(complaint, event), "organ": event.actor.organ}),
        runs=_met(complaint.runs, "complaint-reply", event, complaint.zone),
    )


def _escalated(complaint: Complaint, event: Event) -> Complaint:
    # Who takes it further has not left it lying, whatever the unit has still to do.
    return replace(
        complaint,
        escalations=(*complaint.escalations, _told(complaint, event)),
        runs=_met(complaint.runs, "complaint-assign", event, complaint.zone),
    )


def _closed(complaint: Complaint, event: Event) -> Complaint:
    runs = _met(complaint.runs, "complaint-close", event, complaint.zone)
    for name in ("complaint-assign", "complaint-reply"):
        runs = _ended(runs, name, event, complaint.zone)
    return replace(complaint, closed=_told(complaint, event), runs=runs)


def _told(complaint: Complaint, event: Event) -> Data:
    """Tell an act with its day and place."""
    on = complaint.on(event.occurred_at).isoformat()
    return {**event.data, "on": on, "event": event.id, "position": event.position}


def _run(name: str, budget: int, start: date, event: Event, terms: Data) -> Run:
    return Run(
        name=name,
        budget=int(budget),
        start=start,
        rule="deadline.day-after",
        opened=event.position,
        opened_at=event.recorded_at or event.occurred_at,
        closes=closing(terms["policies"].get("deadlines", {})),
        data={"basis": BASIS},
    )


def _open(run: Run, name: str) -> bool:
    return run.name == name and run.met is None and run.ended is None


def _met(runs: Runs, name: str, event: Event, zone: ZoneInfo) -> Runs:
    at = event.occurred_at
    return tuple(run.met_at(at, zone) if _open(run, name) else run for run in runs)


def _ended(runs: Runs, name: str, event: Event, zone: ZoneInfo) -> Runs:
    at = event.occurred_at
    return tuple(run.ended_at(at, zone) if _open(run, name) else run for run in runs)


def _as_it_is(complaint: Complaint, _event: Event) -> Complaint:
    return complaint


_FOLD: Mapping[str, Callable[[Complaint, Event], Complaint]] = {
    "complaint-registered": _registered,
    "complaint-assigned": _assigned,
    "complaint-replied": _replied,
    "complaint-escalated": _escalated,
    "complaint-closed": _closed,
    # What they change is in the events by now.
    "complaint-correction-proposed": _as_it_is,
    APPROVED: _as_it_is,
}
_THEN: Mapping[str, Stage | None] = {rule.event: rule.then for rule in RULES.values()}


# -- limits ------------------------------------------------------------------------------------


def deadlines(
    complaint: Complaint, office: Office, at: datetime, calendars: Calendars | None = None
) -> tuple[Deadline, ...]:
    """Measure the limits of a complaint at an instant, by these calendars or all known."""
    policy = complaint.terms["policies"]["alerts"]
    days = office.calendars if calendars is None else calendars
    return view(_steps(complaint), days, at, office.zone, policy, overlay=office.ledger)


def _steps(complaint: Complaint) -> tuple[Step, ...]:
    """Give its limits before any correction, then after each approved one."""
    approved = [e for e in complaint.events if e.type == APPROVED]
    before = [replay(complaint.events, complaint.zone, n).runs for n in range(len(approved))]
    first, *after = (Facts(runs=runs) for runs in (*before, complaint.runs))
    later = zip(approved, after, strict=True)
    return (Step(-1, first), *(Step(e.position, known, e.recorded_at) for e, known in later))


# -- who sees it -------------------------------------------------------------------------------


def subject(complaint: Complaint) -> Subject:
    """Say what organs are to a complaint: the unit is its own, and no other of the case.

    One about a person's work past the system is kept from who is beside and above that unit:
    it goes to the unit it was given to, and to those with the whole jurisdiction.
    """
    case = complaint.case
    return Subject(
        approving=complaint.unit or "",
        window=None,
        delegator=None,
        supervising=() if complaint.discreet else tuple(case.get("supervising", ())),
        enforcing=(),
        parts=frozenset(),
        item=str(case.get("item", complaint.about.get("item", ""))),
    )


def letters(post: Post, complaint: Complaint, office: Office) -> str:
    """Name the relations of a post's organ to a complaint."""
    found = relations(post, subject(complaint), office)
    return found.replace("A", "") if complaint.discreet else found


def marked(complaint: Complaint, marks: list[str]) -> list[str]:
    """Return of the marks of a row those that hold for this complaint, as `letters` does."""
    return [m for m in marks if not (complaint.discreet and m.startswith("A:"))]


def readers(caller: Caller, complaint: Complaint, office: Office) -> tuple[Post, ...]:
    """List the posts of a caller that give reading it, ended ones too.

    Nobody reads who worked past the system what is said of them.
    """
    if complaint.discreet and caller.person == complaint.about["person"]:
        return ()
    table = READING["complaints"]
    return tuple(
        held
        for held in caller.posts(office)
        if held.covers(subject(complaint).item or None)
        and set(letters(held, complaint, office)) & set(table.get(held.role, ""))
    )
