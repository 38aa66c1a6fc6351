"""Complaints and matters as pages see them: found, told and recorded as the interface does it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiohttp import web

from api import complaint_bodies, complaints, matter_bodies, matters
from api.access import Entry
from api.numbered import on_complaint, on_matter
from api.parts import Act
from api.web.correcting import History
from ledger import (
    complaining,
    complaint,
    complaint_rules,
    matter,
    matter_correction,
    matter_rules,
)
from ledger.case import Actor, Data, Event, Events
from ledger.complaint import Complaint
from ledger.deadline import Deadline
from ledger.errors import Refused
from ledger.matter import Matter
from ledger.recorded import Recorded

Details = Mapping[str, Any]
Named = Complaint | Matter


@dataclass(frozen=True, slots=True)
class Thing:
    """One complaint or one matter, and what its reader is told of it."""

    entry: Entry
    of: Named
    number: str
    told: Data
    measured: Sequence[Deadline]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of thing with an official number: its words, its acts, and how they are recorded.

    `word` is its name in texts, `path` that of its pages.  `bodies` are the shapes of its acts, of
    which `begin` makes a new one; `called` says which act an event was, `correctable` what may be
    put right of it, and `own` whether it is of somebody's line.
    """

    word: str
    path: str
    begin: StrEnum
    correct: StrEnum
    approve: StrEnum
    bodies: Mapping[str, type[Act]]
    called: Mapping[str, str]
    correctable: Mapping[str, frozenset[str]]
    own: Callable[[Any, Event, Actor], bool]
    find: Callable[[web.Request, Entry], Awaitable[Thing]]
    candidate: Callable[[Any, Entry, Any], Actor]
    begun: Callable[[Entry, web.Request, str, Details], Awaitable[Recorded]]
    acts: Callable[..., Awaitable[Recorded]]
    numbered: Callable[[Events, Entry], str]

    def action(self, name: str) -> StrEnum:
        """Return an act on one that is there.  Raises `Refused` (`not-found`)."""
        if name not in self.bodies or name == self.begin:
            raise Refused("not-found", "no such act")
        return type(self.begin)(name)

    def may(self, action: StrEnum, entry: Entry, thing: Thing | None) -> Actor:
        """Refuse who has no post for an act; without a thing, for making one."""
        return self.candidate(action, entry, None if thing is None else thing.of)

    async def acted(
        self,
        thing: Thing,
        request: web.Request,
        action: StrEnum,
        key: str,
        expected: int,
        body: Details,
    ) -> Recorded:
        """Record an act on one."""
        return await self.acts(thing.entry, request, thing.of, action, key, expected, body)

    def history(self, thing: Thing) -> History:
        """Tell what the caller may put right of it, who has a post for that."""
        by = self.may(self.correct, thing.entry, thing)

        def given(event: Event) -> frozenset[str]:
            if not self.own(thing.of, event, by):
                return frozenset()
            return self.correctable.get(event.type, frozenset())

        return History(
            thing.of.events, given, lambda event: self.bodies.get(self.called.get(event, ""))
        )


# -- complaints (投诉工单) ---------------------------------------------------------------------


async def _complaint(request: web.Request, entry: Entry) -> Thing:
    found = await on_complaint(request, entry)
    of = found.complaint
    measured = complaint.deadlines(of, entry.office, entry.now)
    told = complaints.whole(entry, found)
    return Thing(entry, of, complaint.number_of(of, entry.ledger.name), told, measured)


COMPLAINTS = Kind(
    word="complaint",
    path="complaints",
    begin=complaint_rules.Action.REGISTER,
    correct=complaint_rules.Action.CORRECT,
    approve=complaint_rules.Action.APPROVE_CORRECTION,
    bodies=complaint_bodies.BODIES,
    called=complaints.CALLED,
    correctable=complaint_rules.CORRECTABLE,
    own=complaining.own,
    find=_complaint,
    candidate=lambda action, entry, of: complaining.candidate(
        action, entry.caller, of, entry.office, entry.now
    ),
    begun=complaints.registered,
    acts=complaints.acted,
    numbered=lambda events, entry: complaint.number_of(
        complaint.replay(events, entry.office.zone), entry.ledger.name
    ),
)


# -- matters (一件事) ------------------------------------------------------------------------


async def _matter(request: web.Request, entry: Entry) -> Thing:
    entry, of = await on_matter(request, entry)
    told, measured = await matters.whole(entry, of)
    return Thing(entry, of, matter.number_of(of, entry.ledger.name), told, measured)


MATTERS = Kind(
    word="matter",
    path="matters",
    begin=matter_rules.Action.OPEN,
    correct=matter_rules.Action.CORRECT,
    approve=matter_rules.Action.APPROVE_CORRECTION,
    bodies=matter_bodies.BODIES,
    called=matters.CALLED,
    correctable=matter_rules.CORRECTABLE,
    own=matter_correction.own,
    find=_matter,
    candidate=lambda action, entry, of: matter.candidate(
        action, of, entry.caller, entry.office, entry.now
    ),
    begun=matters.begun,
    acts=matters.acted,
    numbered=lambda events, entry: matter.number_of(
        matter.replay(events, entry.office.zone), entry.ledger.name
    ),
)
