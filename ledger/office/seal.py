"""Seals (印章) and their custody: who keeps a seal counts by the instant."""

from dataclasses import dataclass, replace
from datetime import datetime

from ledger.case import Actor, Data, Event, Events
from ledger.errors import Refused
from ledger.office.versioned import lapsed


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
    offered_at: datetime | None = None
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
            content = event.data["content"]
            return replace(seal, content=content, keeper=content.get("keeper"))
        if what == "enabled":
            keeper = event.data.get("keeper", seal.keeper)
            since = seal.keeper_since or at
            return replace(seal, in_use=True, state="in-use", keeper=keeper, keeper_since=since)
        if what == "handed-over":
            return replace(
                seal,
                offered_to=event.data["to"],
                offered_at=at,
                proposed_position=event.position,
                taken_by=None,
                approved=False,
            )
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
        offered_at=None,
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
    if act == "enable":
        _enabling(seal, data.get("keeper"))
    if act == "hand-over" and by.person != seal.keeper:
        raise Refused("seal-not-held", "only its keeper hands a seal over", rule="seal.custody")
    if act in ("take-over", "approve"):
        _handing_over(seal, act, by, at)
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


def _enabling(seal: Seal, keeper: str | None) -> None:
    """Refuse to move custody by putting in use: it is handed over, and by two persons."""
    if seal.in_use:
        raise Refused("already-done", "the seal is in use", rule="seal.in-use")
    if seal.keeper is None and keeper is None:
        raise Refused("schema", "a seal in use has a keeper", pointer="/keeper")
    if keeper is not None and seal.keeper not in (None, keeper):
        raise Refused(
            "seal-not-held", "another person keeps it: hand it over first", rule="seal.custody"
        )


def _handing_over(seal: Seal, act: str, by: Actor, at: datetime) -> None:
    """Refuse to take over, or to approve, what was not handed over, or too long ago."""
    if seal.offered_at is None and act == "approve":
        raise Refused("rule-refused", "no hand-over waits for approval", rule="seal.custody")
    if act == "take-over" and by.person != seal.offered_to:
        raise Refused("seal-not-held", "the seal was not handed to you", rule="seal.custody")
    if act == "approve" and by.person in (seal.keeper, seal.offered_to):
        raise Refused(
            "separation-of-duties",
            "who hands a seal over or takes it does not approve that",
            rule="SOD-19",
            earlier_position=seal.proposed_position,
        )
    if seal.offered_at is not None and lapsed(seal.offered_at, at):
        raise Refused(
            "rule-refused",
            "it was not completed within 30 days: hand it over again",
            rule="proposal.lapsed",
            earlier_position=seal.proposed_position,
        )
