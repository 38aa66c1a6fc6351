"""Supervision (监管): what the competent departments, the hotline and applicants do."""

from ledger.authority import waiting
from ledger.case import Case, Events
from ledger.errors import Refused
from ledger.lifecycle import Action
from ledger.occasion import Occasion, event


def claim(case: Case, on: Occasion) -> Events:
    """Take over the supervision of what was pushed (认领)."""
    waiting(Action.CLAIM, case, on.by)
    return (event(case, on, "claimed", {}),)


def evaluate(
    case: Case,
    on: Occasion,
    *,
    grade: int,
    channel: str,
    text: str | None = None,
    about: str | None = None,
    call_reference: str | None = None,
) -> Events:
    """Rate the service once (好差评; GB/T 39734): 5 very satisfied … 1 very dissatisfied."""
    if case.reviews:
        raise Refused(
            "already-done",
            "it was rated",
            rule="review.once",
            earlier_position=case.reviews[0]["position"],
        )
    data = {
        "grade": grade,
        "channel": channel,
        "text": text,
        "about": about,
        "call_reference": call_reference,
    }
    return (event(case, on, "evaluated", data),)
