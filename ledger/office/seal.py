"""Seals (印章) and their custody: who keeps a seal counts by the instant."""

from dataclasses import dataclass, replace
from datetime import datetime

from ledger.case import Actor, Data, Event, Events
from ledger.errors import Refused


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as its custody acts add up: in use or not, kept by whom, being handed to whom."""

    id: str
    stream: str
    content: Data
    keeper: str | None = None
    keeper_since: datetime | None = None
    in_use: bool = False
    state: str = "registered"
    offered_to: str | None = None
    taken_by: str | None = None
    approved: bool = False
    proposed_position: int = -1
    version: int = 0

    def following(self, event: Event) -> "Seal":
        """Return the seal with one more custody act."""
        at = event.recorded_at or event.occurred_at
        seal = replace(self, version=event.version)
        what = event.type.removeprefix("seal-")
        if what == "registered":
            return replace(seal, content=event.data["content"])
        if what == "enabled":
            keeper = event.data.get("keeper", seal.keeper)
            return replace(seal, in_use=True, state="in-use", keeper=keeper, keeper_since=at)
        if what == "handed-over":
            offer = {"offered_to": event.data["to"], "proposed_position": event.position}
            return replace(seal, **offer, taken_by=None, approved=False)
        if what == "taken-over":
            return _complete(replace(seal, taken_by=event.actor.person), at)
        if what == "hand-over-approved":
            return _complete(replace(seal, approved=True), at)
        stops = {
            "disabled": "disabled",
            "locked-away": "locked-away",
            "destroyed": "destroyed",
            "lost": "lost",
        }
        if what in stops:
            return replace(seal, in_use=False, state=stops[what])
        return seal


def _complete(seal: Seal, at: datetime) -> Seal:
    """Move custody once the new keeper has taken it over and the head has approved."""
    if seal.taken_by is None or not seal.approved:
        return seal
    return replace(
        seal,
        keeper=seal.taken_by,
        keeper_since=at,
        offered_to=None,
        taken_by=None,
        approved=False,
    )


CUSTODY = {
    "register": "seal-registered",
    "enable": "seal-enabled",
    "hand-over": "seal-handed-over",
    "take-over": "seal-taken-over",
    "approve": "seal-hand-over-approved",
    "disable": "seal-disabled",
    "lock-away": "seal-locked-away",
    "destroy": "seal-destroyed",
    "report-lost": "seal-lost",
}


def custody(
    seal: Seal, act: str, by: Actor, at: datetime, *, data: Data, reason: str | None
) -> Events:
    """Record a custody act (register, enable, hand over, take over, stop, destroy, lose).

    Handing over is for the keeper, taking over for the person named, approving for a head
    who is neither (SOD-19).  A seal destroyed or lost takes no further act.
    """
    if seal.state in ("destroyed", "lost"):
        raise Refused("seal-not-held", "the seal is gone", rule="seal.in-use")
    if act == "hand-over" and by.person != seal.keeper:
        raise Refused("seal-not-held", "only its keeper hands a seal over", rule="seal.custody")
    if act == "take-over" and by.person != seal.offered_to:
        raise Refused("seal-not-held", "the seal was not handed to you", rule="seal.custody")
    if act == "approve":
        if seal.offered_to is None:
            raise Refused("rule-refused", "no hand-over waits for approval", rule="seal.custody")
        if by.person in (seal.keeper, seal.offered_to):
            raise Refused(
                "separation-of-duties",
                "who hands a seal over or takes it does not approve that",
                rule="SOD-19",
                earlier_position=seal.proposed_position,
            )
    return (
        Event(
            stream=seal.stream,
            version=seal.version + 1,
            type=CUSTODY[act],
            occurred_at=at,
            actor=by,
            responsibility="administration",
            data=data,
            reason=reason,
        ),
    )
