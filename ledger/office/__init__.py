"""The bureau's own set-up: organs, posts, seals, items, calendars, policies, anchored logs.

`Office` is a fold like a case: it is advanced by events, and asked as of a position.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping, ValuesView
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from ledger.case import Data, Event, Events
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import appointment, calendar, item
from ledger.office.appointment import Post
from ledger.office.seal import Seal
from ledger.office.versioned import Version, Versioned
from ledger.workdays import Calendars

KINDS = ("item", "calendar", "policy", "appointment", "anchored-log")

# How many earlier offices are kept at hand: those that one history is replayed by.
PAST = 16


@dataclass
class Office:
    """Everything that cases rely on, as known at a position of the ledger.

    A province's catalogue makes tens of thousands of items of it: nothing here looks at all
    of them but where all are asked for.
    """

    ledger: str
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    position: int = -1
    simulated: bool = False
    organs: dict[str, Data] = field(default_factory=dict)
    clients: dict[str, Data] = field(default_factory=dict)
    seals: dict[str, Seal] = field(default_factory=dict)
    stream_versions: dict[str, int] = field(default_factory=dict)
    calendars: Calendars = field(default_factory=Calendars)
    events: Events = ()
    by_kind: Mapping[str, dict[str, Versioned]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    # Offices of the past by the number of their events: what comes later changes none of them.
    _past: "OrderedDict[int, Office]" = field(default_factory=OrderedDict, repr=False)

    def following(self, events: Iterable[Event]) -> "Office":
        """Return the office with further events of its streams, in order of position."""
        more = tuple(e for e in events if e.position > self.position)
        if not more:
            return self
        office = copy(self)
        for name in (
            "_granted",
            "posts",
            "delegations",
            "emergencies",
            "_posts_by_person",
            "remembered",
        ):
            office.__dict__.pop(name, None)
        office.organs, office.clients = dict(self.organs), dict(self.clients)
        office.seals, office.stream_versions = dict(self.seals), dict(self.stream_versions)
        touched = {event.stream.partition(":")[0] for event in more}
        office.by_kind = {
            kind: dict(things) if kind in touched else things
            for kind, things in self.by_kind.items()
        }
        for event in more:
            _apply(office, event)
        office.events = self.events + more
        return office

    def as_of(self, position: int) -> "Office":
        """Return the office as it was known at a position."""
        if position >= self.position:
            return self
        count = bisect_right(self.events, position, key=lambda e: e.position)
        found = self._past.get(count)
        if found is None:
            found = Office(self.ledger, self.zone).following(self.events[:count])
            self._past[count] = found
            if len(self._past) > PAST:
                self._past.popitem(last=False)
        return found

    def thing(self, stream: str) -> Versioned | None:
        """Return an item, calendar, policy or appointment by its stream, with all its versions."""
        kind, _, name = stream.partition(":")
        return self.by_kind.get(kind, {}).get(name)

    def existing(self, stream: str) -> Versioned:
        """Return a thing that is there, such as one an event is about; else `KeyError`."""
        kind, _, name = stream.partition(":")
        return self.by_kind[kind][name]

    def things(self, kind: str) -> ValuesView[Versioned]:
        """Return all things of a kind (`KINDS`), in the order they came."""
        return self.by_kind[kind].values()

    # -- what cases ask ------------------------------------------------------------------

    def version(self, kind: str, name: str, at: datetime | None = None) -> Version:
        """Return the version in force of an item or policy; refuse what is not there."""
        thing = self.thing(f"{kind}:{name}")
        found = None if thing is None else thing.current if at is None else thing.at(at)
        if found is None:
            raise Refused("unknown-reference", f"no {kind} of that name is in force")
        return found

    def setting(self, policy: str, name: str, otherwise: int) -> int:
        """Return a number of a policy in force, or what counts where it says nothing."""
        thing = self.thing(f"policy:{policy}")
        rules = thing.current.content if thing is not None and thing.current is not None else {}
        return int(rules.get(name, otherwise))

    def terms(self, code: str, at: datetime | None = None) -> Data:
        """Return the terms of an item with the policies in force (at an instant)."""
        version = self.version("item", code, at)
        policies = {
            kind: self.version("policy", name, at)
            for kind, name in item.policy_ids(version.content).items()
        }
        return item.terms(version, policies)

    def relied(self, *streams: str) -> Mapping[str, int]:
        """Name the versions of office streams that an act is decided on."""
        return {stream: self.stream_versions.get(stream, 0) for stream in streams}

    def terms_streams(self, terms: Data) -> tuple[str, ...]:
        """Name the streams that these terms were taken from."""
        policies = tuple(f"policy:{p['id']}" for p in terms["policies"].values())
        return (f"item:{terms['item']}", *policies)

    @cached_property
    def _granted(self) -> tuple[Post, ...]:
        found = (appointment.post(thing) for thing in self.things("appointment"))
        return tuple(p for p in found if p is not None)

    @cached_property
    def posts(self) -> tuple[Post, ...]:
        """All approved posts that people hold themselves, ended ones too."""
        own = (p for p in self._granted if p.delegator is None)
        return tuple(p for p in own if not p.emergency)

    @cached_property
    def emergencies(self) -> tuple[Post, ...]:
        """All confirmed break-glass appointments, ended ones too."""
        return tuple(
            replace(p, until=p.lasts[1].astimezone(self.zone).date())
            for p in self._granted
            if p.lasts is not None
        )

    @cached_property
    def delegations(self) -> tuple[Post, ...]:
        """All approved delegations, ended ones too."""
        return tuple(p for p in self._granted if p.delegator is not None)

    @property
    def powers(self) -> tuple[Post, ...]:
        """Whatever lets a person act, held or lent: what must stay apart is asked of all of it."""
        return (*self.posts, *self.delegations, *self.emergencies)

    @cached_property
    def remembered(self) -> dict[object, Any]:
        """What was worked out from this office before: a function of it, so that it is no state."""
        return {}

    @cached_property
    def _posts_by_person(self) -> Mapping[str, tuple[Post, ...]]:
        by: dict[str, tuple[Post, ...]] = {}
        for held in self.posts:
            by[held.person] = (*by.get(held.person, ()), held)
        return by

    def posts_of(self, person: str | None) -> tuple[Post, ...]:
        """All posts of a person, ended ones too, in the order they were granted."""
        return self._posts_by_person.get(person or "", ())

    def holds(
        self, person: str, role: Role, organ: str, at: datetime, code: str | None = None
    ) -> Post | None:
        """Return the post by which a person has a role in an organ (for an item) at that time."""
        on = at.astimezone(self.zone).date()
        for held in self.posts_of(person):
            fits = held.role == role and held.organ == organ and held.covers(code)
            if fits and held.active(on):
                return held
        return None

    def above(self, organ: str) -> str | None:
        """Name the organ above an organ, or None."""
        parent = self.organs.get(organ, {}).get("above")
        return str(parent) if parent is not None else None

    def all_above(self, organ: str) -> tuple[str, ...]:
        """Name every organ above an organ, the nearest first."""
        found: list[str] = []
        parent = self.above(organ)
        while parent is not None and parent not in found:
            found.append(parent)
            parent = self.above(parent)
        return tuple(found)

    def named(self, role: Role, organ: str, at: datetime) -> tuple[str, ...]:
        """Name the persons who hold a role in an organ at that time."""
        on = at.astimezone(self.zone).date()
        return tuple(
            p.person for p in self.posts if p.role == role and p.organ == organ and p.active(on)
        )


def _apply(office: Office, event: Event) -> None:
    """Take one event into an office whose mappings are its own."""
    office.position = event.position
    office.stream_versions[event.stream] = event.version
    kind, _, name = event.stream.partition(":")
    if event.type == "ledger-opened":
        office.zone = ZoneInfo(event.data["zone"])
        office.simulated = bool(event.data.get("simulated"))
    elif event.type == "organ-set":
        office.organs[event.data["id"]] = event.data
    elif event.type == "client-set":
        office.clients[event.data["id"]] = event.data
    elif kind == "seal":
        seal = office.seals.get(name) or Seal(name, event.stream, {})
        office.seals[name] = seal.following(event)
    elif kind in KINDS:
        thing = office.thing(event.stream) or Versioned(event.stream, kind, name)
        before = len(thing.versions)
        thing = thing.following(event)
        office.by_kind[kind][name] = thing
        if kind == "calendar" and thing.current is not None and len(thing.versions) > before:
            version = calendar.adopted(name, thing.current)
            office.calendars = office.calendars.with_(version)
