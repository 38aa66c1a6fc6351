"""A case (办件): what its events add up to.

State is a fold over events and nothing else.  Corrections are applied in the fold, so what
was known before an approval can always be told again by folding with fewer of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ledger.fold import FOLD, HOLDS
from ledger.lifecycle import Stage
from ledger.limit import Extension, Pause, Run

# The one seam where the domain holds JSON as it came: the details of an act.
Json = Any
Data = Mapping[str, Json]
Flag = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """The person who acted, in which post, for which organ, through which system (办理人).

    `kind` is person, by-law (what the law does: nobody's name), system (a client system
    acting as itself) or elsewhere (a person of another system, of whom it was imported).
    Who acts by delegation (委托) names the `delegator` and the appointment that is used.
    """

    kind: str = "person"
    person: str | None = None
    name: str | None = None
    role: str | None = None
    organ: str | None = None
    appointment: str | None = None
    client: str | None = None
    delegator: str | None = None
    delegated_from: str | None = None

    @property
    def persons(self) -> frozenset[str]:
        """Who the act counts for: whoever did it, and for whom (SECURITY 3.4)."""
        return frozenset(p for p in (self.person, self.delegator) if p is not None)


LAW = Actor(kind="by-law")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One act as recorded (记录); never changed.

    `relied_on` names the streams it was decided on with the versions seen: they are the
    guards of the append.  `numbers` are the registers it wants a number of.  Position,
    recorded_at and registers are given by the database.
    """

    stream: str
    version: int
    type: str
    occurred_at: datetime
    actor: Actor
    responsibility: str
    data: Data
    schema: int = 1
    id: str = ""
    reason: str | None = None
    basis: str | None = None
    flags: tuple[Flag, ...] = ()
    relied_on: Mapping[str, int] = field(default_factory=dict)
    source: Data | None = None
    correlation: str | None = None
    numbers: tuple[str, ...] = ()
    position: int = -1
    recorded_at: datetime | None = None
    registers: Mapping[str, int] = field(default_factory=dict)


Events = tuple[Event, ...]


def flag(name: str, rule: str) -> Flag:
    """Say that something irregular was recorded, and by which rule it is irregular."""
    return {"flag": name, "rule": rule}


@dataclass(slots=True)
class Case:
    """One application for one item, from receipt to its end.

    Built by `replay`, advanced by `following`; treated as immutable by everybody else.
    """

    stream: str
    zone: ZoneInfo
    version: int = 0
    position: int = -1
    recorded_at: datetime | None = None
    register: str = ""
    number: int = 0
    stage: Stage = Stage.RECEIVED
    stage_before: Stage = Stage.ACCEPTED
    terms: Data = field(default_factory=dict)
    applicant: Data = field(default_factory=dict)
    channel: str = ""
    source: Data | None = None
    organ: str | None = None
    materials: tuple[Data, ...] = ()
    received_on: date | None = None
    visible_first: frozenset[str] = frozenset()
    listed: tuple[str, ...] = ()
    outstanding: frozenset[str] = frozenset()
    complete_on: date | None = None
    deemed: bool = False
    accepted_on: date | None = None
    owed: frozenset[str] = frozenset()
    committed: bool = False
    permit_of: Data | None = None
    matter: Data | None = None
    holder: Data = field(default_factory=dict)
    pending: Data | None = None
    parts: frozenset[str] = frozenset()
    opinions: tuple[Data, ...] = ()
    suspensions: tuple[Data, ...] = ()
    decision: Data | None = None
    numbers: tuple[Data, ...] = ()
    seals: tuple[Data, ...] = ()
    issued: Data | None = None
    published: tuple[Data, ...] = ()
    explained_at: datetime | None = None
    pushes: tuple[Data, ...] = ()
    reviews: tuple[Data, ...] = ()
    inspections: tuple[Data, ...] = ()
    proposals: tuple[Data, ...] = ()
    orders: tuple[Data, ...] = ()
    answers: tuple[Data, ...] = ()
    remedies: tuple[Data, ...] = ()
    investigations: tuple[Data, ...] = ()
    sanctions: tuple[Data, ...] = ()
    duties: tuple[Data, ...] = ()
    flags: tuple[Data, ...] = ()
    corrections: tuple[Data, ...] = ()
    recused: Mapping[str, int] = field(default_factory=dict)
    closed_on: date | None = None
    archived: Data | None = None
    runs: tuple[Run, ...] = ()
    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extension, ...] = ()
    events: Events = ()

    def on(self, at: datetime) -> date:
        """Tell the local date of law of an instant, in the ledger's zone."""
        return at.astimezone(self.zone).date()

    def following(self, events: Iterable[Event]) -> "Case":
        """Return the case with further events; an approved correction folds it anew."""
        more = tuple(events)
        if any(e.type == "correction-approved" for e in more):
            return replay(self.events + more, self.zone)
        case = copy(self)
        for event in more:
            _apply(case, event, event)
        case.events = self.events + more
        return case

    def open_run(self, name: str) -> Run | None:
        """Return the newest run of that deadline if nothing has met or ended it."""
        for run in reversed(self.runs):
            if run.name == name:
                return run if run.met is None and run.ended is None else None
        return None

    def duty(self, name: str) -> Data | None:
        """Return who did that duty last, or None."""
        for done in reversed(self.duties):
            if done["duty"] == name:
                return done
        return None

    def event(self, event_id: str) -> Event | None:
        """Return the event of that id, or None."""
        return next((e for e in self.events if e.id == event_id), None)

    @property
    def result_kind(self) -> str:
        """Name the kind of the document that the outcome is sealed as."""
        if self.decision is not None and self.decision["outcome"] == "deny":
            return "decision"
        return str(self.terms.get("result", "decision"))


def replay(
    events: Iterable[Event],
    zone: ZoneInfo,
    corrections: int | None = None,
    *,
    until: datetime | None = None,
    tried: Data | None = None,
) -> Case:
    """Fold a history, with the first `corrections` approved corrections (None: all).

    With `until`, only what had happened by then, as far as it is known by now; with `tried`,
    as it would be with one correction more.
    """
    history = tuple(events)
    fixes = [*_approved(history)[:corrections], *([tried] if tried else [])]
    changed: dict[str, dict[str, Json]] = {}
    for proposal in fixes:
        changed.setdefault(proposal["event"], {}).update(proposal["fields"])
    case = Case(history[0].stream if history else "", zone)
    applied = []
    for event in history:
        corrected = _corrected(event, changed.get(event.id))
        if until is None or (corrected is not None and corrected.occurred_at <= until):
            _apply(case, event, corrected)
            applied.append(event)
    case.events = tuple(applied)
    return case


def unfolding(events: Iterable[Event], zone: ZoneInfo) -> Iterator[Case]:
    """Fold a history as it was recorded, and give the case after each event.

    It is one object that goes on changing: take what is wanted before the next.  Corrections
    are not applied.
    """
    history = tuple(events)
    case = Case(history[0].stream if history else "", zone)
    for event in history:
        _apply(case, event, event)
        yield case


def as_corrected(
    history: Events, corrections: int | None = None, *, tried: Data | None = None
) -> Events:
    """Return the events with what is known of them by now; those made void are left out.

    With `corrections` only so many are applied, with `tried` one more.
    """
    changed: dict[str, dict[str, Json]] = {}
    for proposal in [*_approved(history)[:corrections], *([tried] if tried else [])]:
        changed.setdefault(proposal["event"], {}).update(proposal["fields"])
    corrected = (_corrected(event, changed.get(event.id)) for event in history)
    return tuple(event for event in corrected if event is not None)


def approvals(case: Case) -> tuple[int, ...]:
    """List the positions at which corrections of this case were approved."""
    return tuple(e.position for e in case.events if e.type == "correction-approved")


def _approved(history: Events) -> list[Data]:
    # Those of complaints and matters are called after what they correct.
    proposals = {e.id: e.data for e in history if e.type.endswith("correction-proposed")}
    return [
        proposals[e.data["event"]]
        for e in history
        if e.type.endswith("correction-approved") and e.data["event"] in proposals
    ]


def _corrected(event: Event, fields: Mapping[str, Json] | None) -> Event | None:
    if fields is None:
        return event
    if fields.get("void") is True:
        return None
    data = dict(event.data)
    occurred_at = event.occurred_at
    for name, value in fields.items():
        if name == "occurred_at":
            occurred_at = datetime.fromisoformat(value)
        else:
            data[name] = value
    return replace(event, data=data, occurred_at=occurred_at)


def _apply(case: Case, recorded: Event, event: Event | None) -> None:
    """Advance the case by one event, in place; `event` is it as corrected, None if voided."""
    case.version = recorded.version
    case.position = recorded.position
    case.recorded_at = recorded.recorded_at
    if event is None:
        return
    for raised in event.flags:
        holds = HOLDS.get(raised["flag"])
        if holds is None or holds(case, event):
            case.flags = (*case.flags, {**raised, "event": event.id})
    fold = FOLD.get(event.type)
    if fold is not None:
        fold(case, event)
