"""Corrections of what was written down of a matter (更正); see `correction_beside`."""

from collections.abc import Callable, Mapping

from ledger.case import Actor, Data, Event, Events
from ledger.correction_beside import Corrected, approval, proposal
from ledger.matter import Matter, deadlines, recorded, replay
from ledger.matter_rules import CORRECTABLE, Action
from ledger.occasion import Occasion


def correct(
    matter: Matter, on: Occasion, *, event_id: str, fields: Data, evidence: str | None = None
) -> Events:
    """Propose to put right what was written down of it."""
    of = _corrected(matter, on)
    data = proposal(of, on, event_id=event_id, fields=fields, evidence=evidence)
    return recorded(Action.CORRECT, matter, on, data)


def approve_correction(matter: Matter, on: Occasion, *, event_id: str) -> Events:
    """Approve a correction; who proposed it does not (SOD-9)."""
    data = approval(_corrected(matter, on), on, event_id=event_id)
    return recorded(Action.APPROVE_CORRECTION, matter, on, data)


def own(matter: Matter, target: Event, by: Actor) -> bool:
    """Tell whether an act is of the line of whoever would put it right."""
    # What the applicant did is in the care of who opened the matter.
    return by.organ == (target.actor.organ or matter.organ)


def _corrected(matter: Matter, on: Occasion) -> Corrected:
    def tried(correction: Data) -> object:
        known = replay(matter.events, matter.zone, tried=correction)
        return deadlines(known, (), on.office, on.now)

    return Corrected(
        events=matter.events,
        table=CORRECTABLE,
        own=lambda target: own(matter, target, on.by),
        tried=tried,
    )


DOES: Mapping[Action, Callable[..., Events]] = {
    Action.CORRECT: correct,
    Action.APPROVE_CORRECTION: approve_correction,
}
