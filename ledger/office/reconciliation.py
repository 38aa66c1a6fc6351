"""The uses of a seal as the ledger has them, held against the counter of the seal (印章核对).

What is stamped and stands in no register is the oldest way round an approval: a seal is counted
by hand now and then, and what the ledger counted until the same day is recorded beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ledger.case import Actor, Data, Event, Events
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import Office
from ledger.office.seal import Seal

RULE = "seal.reconciliation"


@dataclass(frozen=True, slots=True)
class Counted:
    """What stands in the register of a seal: how many uses, and the position of the last."""

    uses: int
    position: int | None


def organs_of(seal: Seal, office: Office) -> tuple[str, ...]:
    """Name the organs a seal has to do with: whose it is, and in whose keeping it is.

    They differ where the seal of a delegating organ lies in the bureau.
    """
    keeping = [p.organ for p in office.posts_of(seal.keeper) if p.role == Role.SEALER]
    own = str(seal.content.get("organ", ""))
    return tuple(dict.fromkeys(organ for organ in (own, *keeping) if organ))


def reconciled(
    seal: Seal,
    office: Office,
    actors: Sequence[Actor],
    at: datetime,
    *,
    details: Data,
    counted: Counted,
    reason: str | None,
) -> Events:
    """Record a count of the seal beside the ledger's own, and their difference.

    For the keeper, or for the head of an organ that the seal has to do with.  A difference is
    recorded like its absence; that it is one is a red card.
    """
    if date.fromisoformat(details["as_of"]) > at.astimezone(office.zone).date():
        raise Refused("schema", "that day has not come", rule=RULE, pointer="/as_of")
    organs = organs_of(seal, office)
    data = {
        "counter": details["counter"],
        "as_of": details["as_of"],
        "paper_register_sha256": details.get("paper_register_sha256"),
        "uses": counted.uses,
        "last_position": counted.position,
        "difference": details["counter"] - counted.uses,
        "keeper": seal.keeper,
        "organs": list(organs),
    }
    return (
        Event(
            stream=seal.stream,
            version=seal.version + 1,
            type="seal-reconciled",
            occurred_at=at,
            actor=_counting(seal, actors, organs),
            responsibility="administration",
            data=data,
            reason=reason,
        ),
    )


def _counting(seal: Seal, actors: Sequence[Actor], organs: Sequence[str]) -> Actor:
    for actor in actors:
        if actor.role == Role.SEALER and actor.person == seal.keeper:
            return actor
        if actor.role == Role.BUREAU_HEAD and actor.organ in organs:
            return actor
    if any(actor.role == Role.SEALER for actor in actors):
        raise Refused("seal-not-held", "another person keeps this seal", rule="seal.custody")
    raise Refused("action-not-allowed", "its keeper or the head of its organ counts a seal")
