"""What becomes of a permit (许可) after it was granted: the verbs that must not be confused.

Withdrawn before the decision is the application (撤回申请); recalled a lawful permit (撤回许可,
APL 8), revoked a wrong one (撤销, APL 69), cancelled one as a penalty (吊销, enforcement),
deregistered whatever ended it (注销, APL 70).  Amending and renewing carry out an application
of their own about a permit in force (变更, 延续; APL 49-50).
"""

from datetime import date

from ledger.case import Case, Data, Event, Events, Flag, flag
from ledger.errors import Refused
from ledger.fold_result import validity
from ledger.lifecycle import PROPOSALS, Action
from ledger.occasion import Occasion, event
from ledger.precondition import permit_state


def recall_permit(
    case: Case,
    on: Occasion,
    *,
    grounds: str | None = None,
    compensation: str | None = None,
    document: Data | None = None,
    notice: str | None = None,
) -> Events:
    """Recall a lawful permit because law or facts have changed, with compensation (APL 8)."""
    _said(grounds, "recall.grounds", "/grounds")
    _said(compensation, "recall.compensation", "/compensation")
    proposal = _proposed(case, on)
    data = {
        "grounds": grounds,
        "compensation": compensation,
        "document": document,
        "notice": notice,
        "proposal": proposal.id,
    }
    return (event(case, on, "permit-recalled", data),)


def revoke_permit(
    case: Case,
    on: Occasion,
    *,
    grounds: str | None = None,
    notice: str | None = None,
    served_at: str | None = None,
    heard: str | None = None,
    document: Data | None = None,
) -> Events:
    """Revoke a permit wrongly granted or got by fraud, after its holder could speak (APL 69)."""
    _said(grounds, "revocation.grounds", "/grounds")
    proposal = _proposed(case, on)
    if notice is None or served_at is None or heard is None:
        raise Refused(
            "rule-refused",
            "a notice is served and the holder heard, or the time to speak has lapsed",
            rule="revocation.heard",
        )
    if date.fromisoformat(served_at) > case.on(on.at):
        raise Refused("schema", "the notice is not served yet", pointer="/served_at")
    data = {
        "grounds": grounds,
        "notice": notice,
        "served_at": served_at,
        "heard": heard,
        "document": document,
        "proposal": proposal.id,
    }
    return (event(case, on, "permit-revoked", data),)


def _said(text: str | None, rule: str, pointer: str) -> None:
    if not (text or "").strip():
        raise Refused("schema", "say on which grounds", rule=rule, pointer=pointer)


def _proposed(case: Case, on: Occasion) -> Event:
    """Return the newest recorded proposal of another person, or refuse (SOD-10)."""
    found = [
        e
        for e in case.events
        if e.type == "revocation-proposed"
        or (e.type == "reviewed" and e.data.get("recommend") in PROPOSALS)
    ]
    others = [e for e in found if not e.actor.persons & on.by.persons]
    if not others:
        raise Refused(
            "separation-of-duties",
            "it rests on a recorded proposal of another person",
            rule="SOD-10",
            earlier_position=found[-1].position if found else None,
        )
    return others[-1]


# What has to have become of the permit for each reason to deregister it (APL 70).
FOLLOWS = {
    "expiry": "expired",
    "death": "in-force",
    "dissolution": "in-force",
    "surrender": "in-force",
    "recall": "recalled",
    "revocation": "revoked",
    "cancellation": "cancelled",
    "annulment": "annulled",
}


def deregister(
    case: Case,
    on: Occasion,
    *,
    follows: str | None = None,
    request: str | None = None,
    document: Data | None = None,
) -> Events:
    """Do the formality after what ended a permit (注销; APL 70); `follows` names it."""
    if follows is None:
        raise Refused(
            "schema", "name what it follows", rule="deregistration.follows", pointer="/follows"
        )
    state = permit_state(case, case.on(on.at))
    if FOLLOWS[follows] != state:
        raise Refused("rule-refused", f"the permit is {state}", rule="deregistration.follows")
    data = {"follows": follows, "request": request, "document": document}
    return (event(case, on, "deregistered", data),)


def amend(
    case: Case,
    on: Occasion,
    *,
    by: str,
    changes: str | None = None,
    document: Data | None = None,
) -> Events:
    """Change a permit in force as its holder has applied for (变更; APL 49)."""
    _applied(case, on, Action.AMEND, by)
    data = {"by": by, "changes": changes, "document": document, **validity(document or {})}
    return (event(case, on, "amended", data),)


def renew(case: Case, on: Occasion, *, by: str, document: Data | None = None) -> Events:
    """Let a permit in force go on as its holder has applied for (延续; APL 50)."""
    other = _applied(case, on, Action.RENEW, by)
    decision = other.decision or {}
    expires = (case.decision or {}).get("valid_to")
    if expires is not None and decision["on"] > expires and not decision.get("deemed"):
        raise Refused("rule-refused", "the permit had expired by then", rule="renewal.expired")
    granted = {name: decision.get(name) for name in ("valid_from", "valid_to")}
    data = {"by": by, "document": document, **granted, **validity(document or {})}
    return (event(case, on, "renewed", data),)


def _applied(case: Case, on: Occasion, action: Action, by: str) -> Case:
    """Return the granted application about this permit, or refuse."""
    other = on.other
    about = other.permit_of if other is not None else None
    granted = other is not None and (other.decision or {}).get("outcome") == "grant"
    if other is None or about is None or about.get("stream") != case.stream or not granted:
        raise Refused(
            "rule-refused",
            f"no granted application to {action} this permit",
            rule="permit.application",
        )
    for earlier in case.events:
        if earlier.type in ("amended", "renewed") and earlier.data.get("by") == by:
            raise Refused("already-done", "it is carried out", earlier_position=earlier.position)
    return other


# -- applications about a permit --------------------------------------------------------------

# A renewal is applied for so many calendar days before expiry, or earlier (APL 50).
BEFORE_EXPIRY = 30


def about_permit(
    case: Case, on: Occasion, purpose: str, number: str | None, valid_to: str | None
) -> tuple[Data | None, tuple[Flag, ...]]:
    """Say which permit an application is about, until when it is valid, and if it came in time."""
    other = on.other
    stream = None
    if number is not None:
        state = permit_state(other, case.on(on.at)) if other is not None else None
        if other is None or state is None:
            raise Refused("unknown-reference", "no such permit", pointer="/permit")
        if state not in ("in-force", "expired"):
            raise Refused("rule-refused", f"the permit is {state}", rule="permit.in-force")
        stream = other.stream
        valid_to = (other.decision or {}).get("valid_to") or valid_to
    if number is None and valid_to is None:
        return None, ()
    day = case.on(on.at).toordinal()
    in_time = valid_to is None or day <= date.fromisoformat(valid_to).toordinal() - BEFORE_EXPIRY
    late = purpose == "renewal" and not in_time
    told = {
        "case": number,
        "stream": stream,
        "purpose": purpose,
        "valid_to": valid_to,
        "in_time": in_time,
    }
    flags = (flag("applied-late", "renewal.deemed"),) if late else ()
    return {name: value for name, value in told.items() if value is not None}, flags
