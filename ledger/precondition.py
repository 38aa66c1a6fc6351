"""What has to be there for an act besides its stage: a transfer that waits, a permit in force.

One function an action, asked before the act is done and again when it is said what may be
done now; each says why not, or None.  What hangs on more than the case (what its matter asked
of others) is asked by the act itself, of what was looked up for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import joint
from ledger.errors import Refused
from ledger.lifecycle import Action, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from ledger.case import Actor, Case, Data
    from ledger.occasion import Occasion


def unmet(action: Action, case: Case, actor: Actor, now: datetime) -> Refused | None:
    """Say why an act would answer something which is not there, None if it would not."""
    asked = _ASKED.get(action)
    return None if asked is None else asked(case, actor, case.on(now))


def owed(action: Action, case: Case, on: Occasion) -> Refused | None:
    """Say what others still owe that an act has to wait for, None if it has not to."""
    asked = _OWED.get(action)
    return None if asked is None else asked(case, on)


def receiver(case: Case, actor: Actor, _details: Data) -> bool:
    """Tell whether the transfer that waits, if one does, is to this person or unit.

    Who acts for somebody takes over what was handed to them.
    """
    if case.pending is None:
        return True  # nothing waits: the stage refuses it
    to = case.pending["to"]
    if to.get("person"):
        return bool(to["person"] == (actor.delegator or actor.person))
    return bool(to["unit"] == actor.organ)


def permit_state(case: Case, on: date) -> str | None:
    """Tell how the permit of a case stands on a day; None where none was granted.

    `in-force`, `expired`, `recalled`, `revoked`, `cancelled`, `annulled` or `deregistered`.
    """
    if case.decision is None or case.decision.get("permit") is None:
        return None
    ends = case.decision.get("valid_to")
    state = str(case.decision["permit"])
    return "expired" if state == "in-force" and ends and on.isoformat() > ends else state


def open_review(case: Case) -> Data | None:
    """Return the bad rating that is being followed up: the newest that is not closed."""
    found = [r for r in case.reviews if int(r["grade"]) <= 2 and r.get("closed_on") is None]
    return found[-1] if found else None


def concerned(case: Case) -> frozenset[str]:
    """Name whom the rating is about: who it names, else everyone who did a duty of the case."""
    if not case.reviews:
        return frozenset()
    review = open_review(case) or case.reviews[-1]
    if review.get("about"):
        return frozenset({str(review["about"])})
    before = [d for d in case.duties if d["position"] < review["position"]]
    return frozenset(d["person"] for d in before if d["person"] is not None)


def investigation(case: Case) -> Data | None:
    """Return the investigation that is open, None if none is."""
    found = [i for i in case.investigations if i["closed_on"] is None]
    return found[-1] if found else None


# -- approval ---------------------------------------------------------------------------------


def _transfer(action: Action) -> Callable[[Case, Actor, date], Refused | None]:
    def asked(case: Case, actor: Actor, _on: date) -> Refused | None:
        if case.pending is None:
            return Refused("wrong-stage", "no transfer waits", rule=f"stage.{action}")
        if not receiver(case, actor, {}):
            return Refused("action-not-allowed", "the transfer is not to you")
        return None

    return asked


def _request_supplement(case: Case, _actor: Actor, _on: date) -> Refused | None:
    if case.accepted_on is not None and not case.deemed:
        return Refused("wrong-stage", "the case is accepted", rule="stage.request-supplement")
    return None


def _receive_supplement(case: Case, _actor: Actor, _on: date) -> Refused | None:
    late = case.deemed and case.listed
    if case.stage == Stage.SUPPLEMENTING or case.owed or late:
        return None
    return Refused("wrong-stage", "nothing is asked for", rule="stage.receive-supplement")


def _permit(action: Action, *states: str) -> Callable[[Case, Actor, date], Refused | None]:
    def asked(case: Case, _actor: Actor, on: date) -> Refused | None:
        state = permit_state(case, on)
        if state in states:
            return None
        why = "no permit was granted" if state is None else f"the permit is {state}"
        return Refused("wrong-stage", why, rule=f"stage.{action}")

    return asked


# -- supervision ------------------------------------------------------------------------------


def _claim(case: Case, actor: Actor, _on: date) -> Refused | None:
    # Where the push is the receipt, nothing is claimed.
    claimed = case.terms.get("policies", {}).get("link", {}).get("claim") is not None
    mine = (p for p in case.pushes if p["to"] == actor.organ and p["claimed_at"] is None)
    if claimed and any(mine):
        return None
    return Refused("wrong-stage", "nothing was pushed to your organ", rule="stage.claim")


def _inspect(case: Case, _actor: Actor, on: date) -> Refused | None:
    filed = case.terms.get("kind") == "filing" and case.accepted_on is not None
    if filed or permit_state(case, on) is not None:
        return None
    return Refused("wrong-stage", "nothing was granted yet", rule="stage.inspect")


def _review(
    action: Action, ready: Callable[[Data], bool], why: str
) -> Callable[[Case, Actor, date], Refused | None]:
    def asked(case: Case, _actor: Actor, _on: date) -> Refused | None:
        review = open_review(case)
        if review is None:
            return Refused("wrong-stage", "no bad rating is open", rule=f"stage.{action}")
        if not ready(review):
            return Refused("wrong-stage", why, rule=f"stage.{action}")
        return None

    return asked


def _counted(review: Data) -> bool:
    return bool(review.get("verdict") == "valid")


def _remedy_result(case: Case, _actor: Actor, _on: date) -> Refused | None:
    if any(r.get("result") is None for r in case.remedies):
        return None
    return Refused("wrong-stage", "no remedy is pending", rule="stage.record-remedy-result")


# -- enforcement ------------------------------------------------------------------------------


def _investigated(action: Action) -> Callable[[Case, Actor, date], Refused | None]:
    def asked(case: Case, _actor: Actor, _on: date) -> Refused | None:
        if investigation(case) is None:
            return Refused("wrong-stage", "no investigation is open", rule=f"stage.{action}")
        return None

    return asked


def _open_investigation(case: Case, _actor: Actor, _on: date) -> Refused | None:
    running = investigation(case)
    if running is None:
        return None
    return Refused("already-done", "an investigation is open", earlier_position=running["position"])


def _found(action: Action) -> Callable[[Case, Actor, date], Refused | None]:
    def asked(case: Case, _actor: Actor, _on: date) -> Refused | None:
        running = investigation(case)
        if running is None or not running["findings"]:
            return Refused("wrong-stage", "nothing was found yet", rule=f"stage.{action}")
        return None

    return asked


def _cancel_permit(case: Case, actor: Actor, on: date) -> Refused | None:
    against = _permit(Action.CANCEL_PERMIT, "in-force")(case, actor, on)
    return against or _found(Action.CANCEL_PERMIT)(case, actor, on)


def _sanction(case: Case, _actor: Actor, _on: date) -> Refused | None:
    if case.investigations:
        return None
    return Refused("wrong-stage", "nothing was investigated", rule="stage.sanction")


_ENDS = ("recalled", "revoked", "cancelled", "annulled")

_ASKED: Mapping[Action, Callable[[Case, Actor, date], Refused | None]] = {
    Action.ACKNOWLEDGE_TRANSFER: _transfer(Action.ACKNOWLEDGE_TRANSFER),
    Action.REFUSE_TRANSFER: _transfer(Action.REFUSE_TRANSFER),
    Action.REQUEST_SUPPLEMENT: _request_supplement,
    Action.RECEIVE_SUPPLEMENT: _receive_supplement,
    Action.RECALL_PERMIT: _permit(Action.RECALL_PERMIT, "in-force"),
    # What was granted wrongly was so also when it has expired (APL 69).
    Action.REVOKE_PERMIT: _permit(Action.REVOKE_PERMIT, "in-force", "expired"),
    Action.DEREGISTER: _permit(Action.DEREGISTER, "in-force", "expired", *_ENDS),
    Action.AMEND: _permit(Action.AMEND, "in-force"),
    # Applied for and granted in time, it may be written down after the day of expiry.
    Action.RENEW: _permit(Action.RENEW, "in-force", "expired"),
    Action.PROPOSE_REVOCATION: _permit(Action.PROPOSE_REVOCATION, "in-force", "expired"),
    Action.CLAIM: _claim,
    Action.INSPECT: _inspect,
    Action.CALL_BACK: _review(
        Action.CALL_BACK, lambda r: r.get("verdict") is None, "the rating was verified"
    ),
    Action.VERIFY_REVIEW: _review(
        Action.VERIFY_REVIEW,
        lambda r: bool(r["called_back"]) and r.get("verdict") is None,
        "the person who rated is called back first, and the rating verified once",
    ),
    Action.RECTIFY: _review(
        Action.RECTIFY,
        lambda r: _counted(r) and r.get("fed_back_on") is None,
        "only what was found valid is put right, and before it is fed back",
    ),
    Action.FEED_BACK: _review(
        Action.FEED_BACK,
        lambda r: _counted(r) and bool(r["rectified"]) and r.get("fed_back_on") is None,
        "what was put right is fed back, once",
    ),
    Action.CLOSE_REVIEW: _review(
        Action.CLOSE_REVIEW,
        lambda r: r.get("fed_back_on") is not None or r.get("verdict") in ("mistaken", "malicious"),
        "it is neither fed back nor found mistaken or malicious",
    ),
    Action.RECORD_REMEDY_RESULT: _remedy_result,
    Action.OPEN_INVESTIGATION: _open_investigation,
    Action.RECORD_FINDING: _investigated(Action.RECORD_FINDING),
    Action.PENALISE: _found(Action.PENALISE),
    Action.CANCEL_PERMIT: _cancel_permit,
    Action.SANCTION: _sanction,
    Action.CLOSE_INVESTIGATION: _investigated(Action.CLOSE_INVESTIGATION),
}

# What others owe: looked up for the act, so that no list of what may be done now tells it.
_OWED: Mapping[Action, Callable[[Case, Occasion], Refused | None]] = {
    Action.DECIDE: joint.awaited,
}
