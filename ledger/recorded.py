"""An act as it stands in the ledger, and what the one door asks of it: key, version, numbers."""

from dataclasses import dataclass, replace
from datetime import datetime

from ledger.case import Case, Events
from ledger.errors import Corrupt, Refused
from ledger.store import Outcome


@dataclass(frozen=True, slots=True)
class Recorded:
    """An act as it stands in the ledger.

    `case` is the case after it (None for an office act), `replayed` whether the act was only
    found again by its key.
    """

    events: Events
    case: Case | None
    replayed: bool

    @property
    def position(self) -> int:
        """The position of the last event of the act."""
        return self.events[-1].position

    @property
    def recorded_at(self) -> datetime:
        """The time the database gave."""
        at = self.events[-1].recorded_at
        if at is None:
            raise Corrupt("a recorded event has no time")
        return at


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key with its scope, and the keyed digest of the request."""

    key: str
    digest: bytes


def own(case: Case, events: Events) -> Case:
    """Return the case with those of the events that are its own."""
    its = [e for e in events if e.stream == case.stream]
    return case.following(its) if its else case


def pinned(version: int, events: Events, expected: int) -> None:
    """Refuse another version than the caller saw; what the law added since does not count."""
    if version == expected:
        return
    newer = [e for e in events if e.version > expected]
    if newer and expected > 0 and all(e.actor.kind == "by-law" for e in newer):
        return
    raise Refused("version-conflict", "it has moved on", current_version=version)


def recorded(events: Events, outcome: Outcome) -> Events:
    """Return the events with the positions, time and numbers that the append gave."""
    return tuple(
        replace(
            event,
            position=outcome.first_position + i,
            recorded_at=outcome.recorded_at,
            registers=outcome.registers[i] if outcome.registers else {},
        )
        for i, event in enumerate(events)
    )
