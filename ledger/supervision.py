"""Supervision (监管): what the competent departments, the hotline and applicants do.

Claiming and inspecting what was granted, orders, cards and their answers, ratings and what
follows a bad one (好差评; GB/T 39734), and the remedies of law against what was done.
"""

from collections.abc import Sequence
from datetime import date

from ledger.case import Case, Data, Events, Flag, Json, flag
from ledger.errors import Refused
from ledger.occasion import Occasion, event
from ledger.precondition import open_review

Persons = Sequence[str]


def claim(case: Case, on: Occasion) -> Events:
    """Take over the supervision of what was pushed (认领)."""
    return (event(case, on, "claimed", {}),)


def inspect(
    case: Case,
    on: Occasion,
    *,
    purpose: str,
    outcome: str,
    text: str | None = None,
    persons: Persons = (),
    evidence: str | None = None,
) -> Events:
    """Inspect what was granted (监督检查; APL 61-62), or verify what was promised for it.

    A promise found false is flagged: the way on is `propose-revocation`.
    """
    data = {
        "purpose": purpose,
        "outcome": outcome,
        "text": text,
        "persons": list(persons) or None,
        "evidence": evidence,
    }
    flags: tuple[Flag, ...] = ()
    if outcome == "false-promise":
        flags = (flag("false-promise", "commitment.verify"),)
    return (event(case, on, "inspected", data, flags=flags),)


def propose_revocation(
    case: Case,
    on: Occasion,
    *,
    grounds: str | None = None,
    text: str | None = None,
    evidence: str | None = None,
) -> Events:
    """Propose to the bureau that a permit be revoked; it must answer, either way (APL 69)."""
    if not (grounds or "").strip():
        raise Refused(
            "schema", "say on which grounds", rule="revocation.grounds", pointer="/grounds"
        )
    data = {"grounds": grounds, "text": text, "evidence": evidence}
    return (event(case, on, "revocation-proposed", data),)


def supervise(case: Case, on: Occasion, *, order: str, due: str | None = None) -> Events:
    """Urge on, or order what is to be done (督办): a yellow card on whoever has the case."""
    if due is not None and date.fromisoformat(due) < case.on(on.at):
        raise Refused("schema", "that day is over", pointer="/due")
    return (event(case, on, "supervised", {"order": order, "due": due}),)


# -- cards --------------------------------------------------------------------------------------


def answer_alert(
    case: Case,
    on: Occasion,
    *,
    alert: str,
    explanation: str | None = None,
    remedy: str | None = None,
    accepts: bool | None = None,
) -> Events:
    """Answer a card one is named on (预警答复): why, what is done about it, and if one accepts.

    A proposal to revoke is answered with `accepts` and reasons, either way.
    """
    card = _card(on)
    if not (explanation or "").strip():
        raise Refused("schema", "say why", rule="alert.explanation", pointer="/explanation")
    if card["rule"] == "revocation.proposed" and accepts is None:
        raise Refused(
            "schema", "say whether you accept", rule="revocation.answer", pointer="/accepts"
        )
    _unanswered(case, alert)
    data = {
        "alert": alert,
        "level": card["level"],
        "explanation": explanation,
        "remedy": remedy,
        "accepts": accepts,
    }
    return (event(case, on, "alert-answered", data),)


def withdraw_alert(case: Case, on: Occasion, *, alert: str) -> Events:
    """Take a card back with its reason; whoever must answer it does not (SOD-16)."""
    card = _card(on)
    if on.by.persons & set(card["addressees"]):
        raise Refused(
            "separation-of-duties", "who must answer a card does not withdraw it", rule="SOD-16"
        )
    if not (on.reason or "").strip():
        raise Refused("schema", "say why", rule="alert.reason", pointer="/reason")
    _unanswered(case, alert, withdrawn=True)
    return (event(case, on, "alert-withdrawn", {"alert": alert, "level": card["level"]}),)


def _card(on: Occasion) -> Data:
    if on.card is None:
        raise Refused("unknown-reference", "no such card of this case", pointer="/alert")
    if on.card["state"] in ("withdrawn", "closed"):
        raise Refused("already-done", f"the card is {on.card['state']}", rule="alert.once")
    return on.card


def _unanswered(case: Case, alert: str, *, withdrawn: bool = False) -> None:
    for done in case.answers:
        if done["alert"] == alert and (done["withdrawn"] or not withdrawn):
            raise Refused(
                "already-done",
                "the card is answered",
                rule="alert.once",
                earlier_position=done["position"],
            )


# -- ratings ------------------------------------------------------------------------------------


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
    """Rate the service once (好差评; GB/T 39734): 5 very satisfied … 1 very dissatisfied.

    After a bad rating was fed back it may be rated once more; the first one stays.
    """
    again = len(case.reviews) == 1 and case.reviews[0].get("fed_back_on") is not None
    if case.reviews and not again:
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


def call_back(case: Case, on: Occasion, *, reached: bool = True, text: str | None = None) -> Events:
    """Ask the person who rated badly what was wrong (回访)."""
    return _following(case, on, "called-back", reached=reached, text=text)


def verify_review(case: Case, on: Occasion, *, verdict: str, text: str | None = None) -> Events:
    """Find a bad rating valid, mistaken or malicious (核实); it is not deleted either way."""
    return _following(case, on, "review-verified", verdict=verdict, text=text)


def rectify(case: Case, on: Occasion, *, measure: str, evidence: str | None = None) -> Events:
    """Put right what a bad rating was about (整改)."""
    return _following(case, on, "rectified", measure=measure, evidence=evidence)


def feed_back(case: Case, on: Occasion, *, text: str, method: str | None = None) -> Events:
    """Tell the person who rated what was done (反馈): it ends the time to follow it up."""
    return _following(case, on, "fed-back", text=text, method=method)


def close_review(case: Case, on: Occasion, *, text: str | None = None) -> Events:
    """Close what followed a bad rating (办结)."""
    return _following(case, on, "review-closed", text=text)


def _following(case: Case, on: Occasion, kind: str, **data: Json) -> Events:
    """Record an act on the rating that is being followed up."""
    review = open_review(case)
    this = review["event"] if review is not None else None
    return (event(case, on, kind, {"review": this, **data}),)


# -- remedies of law ----------------------------------------------------------------------------


def record_remedy(
    case: Case,
    on: Occasion,
    *,
    kind: str,
    body: str,
    filed_on: str,
    step: str = "filed",
    evidence_due: str | None = None,
    document: str | None = None,
) -> Events:
    """Record that what was done is challenged, or that the evidence was handed in (救济)."""
    filed = date.fromisoformat(filed_on)
    if filed > case.on(on.at):
        raise Refused("schema", "that day is to come", pointer="/filed_on")
    if evidence_due is not None and date.fromisoformat(evidence_due) < filed:
        raise Refused("schema", "due before it was filed", pointer="/evidence_due")
    pending = [r for r in case.remedies if r["kind"] == kind and r.get("result") is None]
    if step == "evidence" and not pending:
        raise Refused("wrong-stage", "no such remedy is pending", rule="stage.record-remedy")
    if step == "filed" and any(r["body"] == body for r in pending):
        raise Refused("already-done", "it is on record", earlier_position=pending[-1]["position"])
    data = {
        "kind": kind,
        "body": body,
        "filed_on": filed_on,
        "step": step,
        "evidence_due": evidence_due,
        "document": document,
    }
    return (event(case, on, "remedy-recorded", data),)


def record_remedy_result(
    case: Case,
    on: Occasion,
    *,
    result: str,
    document: str | None = None,
    remedy: str | None = None,
) -> Events:
    """Record what the reviewing body or the court decided; it counts without an act of ours."""
    pending = [r for r in case.remedies if r.get("result") is None]
    if remedy is not None:
        pending = [r for r in pending if r["event"] == remedy]
    if not pending:
        raise Refused("unknown-reference", "no such remedy is pending", pointer="/remedy")
    data = {"remedy": pending[-1]["event"], "result": result, "document": document}
    return (event(case, on, "remedy-result-recorded", data),)
