"""What the bureau sets up, in versions: proposed by one person, approved by another.

Items, calendars, policies and appointments share this life; what they contain does not
matter here.  A version counts from the position of its approval, so an earlier position
is answered with the earlier version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ledger.case import Actor, Data, Event, Events
from ledger.errors import Refused

# What nobody approves within this time has lapsed: what was right to grant may not be any more.
LAPSES_AFTER = timedelta(days=30)


# An emergency is confirmed at once, or it was none (SECURITY 3.5).
CONFIRMED_WITHIN = timedelta(minutes=15)


def lapsed(since: datetime, now: datetime, content: Data | None = None) -> bool:
    """Tell whether what was proposed at an instant can no longer be approved."""
    at_once = (content or {}).get("kind") == "break-glass"
    return now - since > (CONFIRMED_WITHIN if at_once else LAPSES_AFTER)


@dataclass(frozen=True, slots=True)
class Version:
    """One approved version: its number (1-based), content, and who put it in force when."""

    number: int
    content: Data
    position: int
    at: datetime
    proposed_by: str | None
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one person proposed and nobody has approved yet."""

    id: str
    content: Data
    by: Actor
    at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Versioned:
    """One thing of the office with all its versions and open proposals."""

    stream: str
    kind: str
    id: str
    versions: tuple[Version, ...] = ()
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    ended: datetime | None = None
    reviewed: Event | None = None

    @property
    def current(self) -> Version | None:
        """Return the newest approved version, None while nothing is approved."""
        return self.versions[-1] if self.versions else None

    def at(self, instant: datetime) -> Version | None:
        """Return the version in force at an instant of the ledger's clock."""
        return next((v for v in reversed(self.versions) if v.at <= instant), None)

    def following(self, event: Event) -> "Versioned":
        """Return the thing with one more event."""
        at = event.recorded_at or event.occurred_at
        what = event.type.removeprefix(self.kind + "-")
        if what == "set":
            return self._with(event.data["content"], event, at, None)
        if what == "proposed":
            entry = Proposal(event.id, event.data["content"], event.actor, at, event.position)
            return replace(self, proposals={**self.proposals, event.id: entry})
        if what == "approved":
            proposal = self.proposals[event.data["proposal"]]
            rest = {k: v for k, v in self.proposals.items() if k != proposal.id}
            put = self._with(proposal.content, event, at, proposal)
            return replace(put, proposals=rest)
        if what == "ended":
            return replace(self, ended=at)
        if what == "reviewed":
            return replace(self, reviewed=event)
        return self

    def _with(
        self, content: Data, event: Event, at: datetime, proposal: Proposal | None
    ) -> "Versioned":
        version = Version(
            number=len(self.versions) + 1,
            content=content,
            position=event.position,
            at=at,
            # What came with a file was proposed by who uploaded it.
            proposed_by=proposal.by.person
            if proposal
            else event.data.get("proposed_by", event.actor.person),
            approved_by=event.actor.person,
        )
        # Who was appointed again after an end has the post again.
        return replace(self, versions=(*self.versions, version), ended=None, reviewed=None)


def proposed(
    kind: str, stream: str, version: int, by: Actor, at: datetime, content: Data
) -> Events:
    """Record a proposal; nothing is in force until another person approves it."""
    return (_event(f"{kind}-proposed", stream, version, by, at, {"content": content}),)


def approved(
    thing: Versioned, version: int, by: Actor, at: datetime, *, proposal: Proposal
) -> Events:
    """Record an approval in time, by a person who is not the proposer (SOD-19; SOD-8 for posts)."""
    rule = "SOD-8" if thing.kind == "appointment" else "SOD-19"
    content = proposal.content if thing.kind == "appointment" else {}
    appointed = (content.get("person"), content.get("delegator"))
    if by.person in (proposal.by.person, *appointed):
        raise Refused(
            "separation-of-duties",
            "proposer, approver and the person appointed are different persons",
            rule=rule,
            earlier_position=proposal.position,
        )
    if lapsed(proposal.at, at, proposal.content):
        raise Refused(
            "rule-refused",
            "nobody approved it in time: propose it again",
            rule="proposal.lapsed",
            earlier_position=proposal.position,
        )
    data = {"proposal": proposal.id}
    return (_event(f"{thing.kind}-approved", thing.stream, version, by, at, data),)


def ended(thing: Versioned, version: int, by: Actor, at: datetime, reason: str | None) -> Events:
    """End a power at once; one person is enough."""
    if thing.ended is not None:
        raise Refused("already-done", "it has ended already", rule=f"{thing.kind}.ended")
    return (_event(f"{thing.kind}-ended", thing.stream, version, by, at, {}, reason),)


def _event(
    kind: str,
    stream: str,
    version: int,
    by: Actor,
    at: datetime,
    data: Data,
    reason: str | None = None,
) -> Event:
    return Event(
        stream=stream,
        version=version + 1,
        type=kind,
        occurred_at=at,
        actor=by,
        responsibility="administration",
        data=data,
        reason=reason,
    )
