"""Approval (审批): from receipt to the decision.  What follows it stands in `result`.

Every act takes the case, its occasion and its details, and returns events or refuses.
Whether the actor may do it at this stage was asked before (`authority.permit`).
"""

from collections.abc import Sequence
from datetime import date

from ledger.by_law import deemed
from ledger.case import Case, Data, Events, Json, flag
from ledger.due import in_time, newest
from ledger.errors import Refused
from ledger.fold_result import official
from ledger.lifecycle import SUSPENSION_KINDS
from ledger.occasion import Occasion, event, not_recused
from ledger.office.item import extension_at_most
from ledger.permit import about_permit

Things = Sequence[Data]


def receive(
    case: Case,
    on: Occasion,
    *,
    item: str,
    applicant: Data,
    channel: str,
    materials: Things = (),
    permit: str | None = None,
    permit_valid_to: str | None = None,
    organ: str | None = None,
) -> Events:
    """Take an application in (收件; APL 29, 31).  Receipt is not acceptance.

    One about a permit names the case it was granted in, or until when a permit is valid that
    was granted before the ledger.
    """
    terms = on.office.terms(item)
    purpose = str(terms.get("about", "other"))
    about, flags = about_permit(case, on, purpose, permit, permit_valid_to)
    data = {
        "item": item,
        "terms": terms,
        "applicant": applicant,
        "channel": channel,
        "materials": list(materials),
        "permit": permit,
        "about": about,
        "organ": organ,
    }
    relied = on.office.relied(*on.office.terms_streams(terms))
    received = event(case, on, "received", data, flags=flags, relied=relied, numbers=("case/%Y",))
    return (received,)


def correct_on_spot(case: Case, on: Occasion, *, corrected: Things = ()) -> Events:
    """Let the applicant mend the form at once (当场更正; APL 32(3))."""
    return (event(case, on, "corrected-on-spot", {"corrected": list(corrected)}),)


def request_supplement(
    case: Case,
    on: Occasion,
    *,
    missing: Things,
    served_at: str | None = None,
    notice: str | None = None,
    respond_by: str | None = None,
) -> Events:
    """Tell everything that is missing, once (一次性告知; APL 32(4)).

    A notice after the law has accepted moves nothing (`supplement.late`); a second list
    naming what was visible in the first pack delays nothing (`supplement.once`).
    """
    if served_at is not None and date.fromisoformat(served_at) > case.on(on.now):
        raise Refused("schema", "the notice is not served yet", pointer="/served_at")
    if served_at is not None and case.received_on and served_at < case.received_on.isoformat():
        raise Refused("schema", "served before the application came", pointer="/served_at")
    data: dict[str, Json] = {
        "missing": list(missing),
        "served_at": served_at,
        "notice": notice,
        "respond_by": respond_by,
    }
    if case.deemed:
        late = (flag("late-notice", "supplement.late"),)
        return (event(case, on, "supplement-requested", data, flags=late),)
    names = {m["material"] for m in missing}
    known = set(case.listed) | {m["name"] for m in case.materials} - case.visible_first
    if not case.listed or names <= known:
        return (event(case, on, "supplement-requested", data),)
    # The second list delays nothing: with the first one complete the law accepts as of then.
    before: Events = ()
    if case.complete_on is not None:
        before = (deemed(case, on),)
        case = case.following(before)
    data["delays_nothing"] = True
    flags = (flag("not-all-at-once", "supplement.once"),)
    return (*before, event(case, on, "supplement-requested", data, flags=flags))


def receive_supplement(case: Case, on: Occasion, *, materials: Things) -> Events:
    """Take in what was asked for (补正; APL 32(5))."""
    return (event(case, on, "supplement-received", {"materials": list(materials)}),)


def accept(
    case: Case,
    on: Occasion,
    *,
    tolerant: Things = (),
    commitment: str | None = None,
    points: Things = (),
    owed_days: int | None = None,
) -> Events:
    """Accept the application (受理; APL 32(5)): the limits of the terms begin.

    What is owed (容缺受理) comes in within the promise; who is under a sanction is trusted
    neither with that nor with a commitment (告知承诺).
    """
    terms = on.office.terms(case.terms["item"])
    flags = _points(case, "accept", points)
    if (tolerant or commitment) and on.listed is not None:
        raise Refused(
            "rule-refused",
            "a sanction against the applicant is in force",
            rule="credit.listed",
            earlier_position=on.listed,
        )
    if owed_days is not None and owed_days > int(terms["limits"]["promised"]):
        raise Refused(
            "rule-refused", "what is owed comes in within the promise", rule="tolerant.limit"
        )
    data = {
        "terms": terms,
        "tolerant": list(tolerant) or None,
        "commitment": commitment,
        "points": list(points) or None,
        "owed_days": owed_days,
    }
    relied = on.office.relied(*on.office.terms_streams(terms))
    return (event(case, on, "accepted", data, flags=flags, relied=relied),)


def _points(case: Case, step: str, points: Things) -> tuple[Data, ...]:
    """Flag the requirements of the item nobody looked at, or refuse where policy says so."""
    asked = {p["no"] for p in case.terms.get("points", ()) if p.get("step", "accept") == step}
    if not asked - {p["no"] for p in points}:
        return ()
    if case.terms["policies"]["duty"].get("points_complete"):
        raise Refused(
            "rule-refused", "every point of the item wants a result", rule="points.complete"
        )
    return (flag("points-missing", "points.complete"),)


def decline(
    case: Case,
    on: Occasion,
    *,
    kind: str,
    organ: str | None = None,
    reasons: str | None = None,
    notice: str | None = None,
) -> Events:
    """Decline an application that is not ours or needs no permit (不予受理; APL 32(1)(2))."""
    if kind == "not-ours" and organ is None:
        raise Refused(
            "schema", "say which organ is competent", rule="decline.organ", pointer="/organ"
        )
    if not (reasons or "").strip():
        raise Refused(
            "schema", "a refusal gives reasons", rule="decline.reasons", pointer="/reasons"
        )
    data = {"kind": kind, "organ": organ, "reasons": reasons, "notice": notice}
    return (event(case, on, "declined", data),)


def transfer(case: Case, on: Occasion, *, to: Data, handed_over: Sequence[str] = ()) -> Events:
    """Hand the case on (转办); until it is acknowledged the duty is the sender's."""
    person = to.get("person")
    if person is not None:
        not_recused(case, person)
    if case.pending is not None and _can_take(case, on, case.pending["to"]):
        raise Refused(
            "already-done",
            "a transfer waits to be acknowledged",
            rule="transfer.pending",
            earlier_position=case.pending["position"],
        )
    if to["unit"] not in on.office.organs:
        raise Refused("unknown-reference", "no such organ", pointer="/to/unit")
    if not _can_take(case, on, to):
        raise Refused("unknown-reference", "no such person in that unit", pointer="/to/person")
    data = {"to": dict(to), "handed_over": list(handed_over)}
    return (event(case, on, "transferred", data),)


def _can_take(case: Case, on: Occasion, to: Data) -> bool:
    """Tell whether whom a case is handed to is there, and has not stepped back from it."""
    person = to.get("person")
    return person is None or (
        person not in case.recused
        and any(
            held.organ == to["unit"] and held.active(case.on(on.now))
            for held in on.office.posts_of(person)
        )
    )


def acknowledge_transfer(case: Case, on: Occasion) -> Events:
    """Take over what was handed on; the duty moves now."""
    return (event(case, on, "transfer-acknowledged", {}),)


def refuse_transfer(case: Case, on: Occasion) -> Events:
    """Refuse what was handed on, with the reason."""
    if not (on.reason or "").strip():
        raise Refused("schema", "say why", rule="transfer.reason", pointer="/reason")
    return (event(case, on, "transfer-refused", {}),)


def review(
    case: Case,
    on: Occasion,
    *,
    level: str,
    opinion: str | None = None,
    recommend: str | None = None,
    adopts: bool | None = None,
    site: Data | None = None,
    points: Things = (),
) -> Events:
    """Record an opinion at its level (审查; APL 34-37): a name alone is none."""
    if site is not None and len(set(site.get("persons", ()))) < 2:
        raise Refused(
            "separation-of-duties", "a site check names two officers or more", rule="SOD-12"
        )
    if not (opinion or "").strip():
        raise Refused("schema", "write an opinion", rule="opinion.explicit", pointer="/opinion")
    if recommend is None:
        raise Refused(
            "schema", "recommend something", rule="opinion.explicit", pointer="/recommend"
        )
    data = {
        "level": level,
        "opinion": opinion,
        "recommend": recommend,
        "adopts": adopts,
        "site": site,
        "points": list(points) or None,
    }
    flags = _points(case, "review", points) if level == "handle" else ()
    return (event(case, on, "reviewed", data, flags=flags),)


def suspend(
    case: Case,
    on: Occasion,
    *,
    kind: str,
    planned_days: int | None = None,
    approved_by: str | None = None,
    notice: str | None = None,
    served_at: str | None = None,
    requested_at: str | None = None,
    presider: str | None = None,
    held_on: str | None = None,
) -> Events:
    """Stop the clocks for a special procedure (特别程序; APL 45), by notice only."""
    if kind not in SUSPENSION_KINDS or kind not in case.terms.get("special", ()):
        raise Refused(
            "rule-refused", "the item does not allow this procedure", rule="suspension.kind"
        )
    ordered = kind == "hearing" and held_on is not None
    if not ordered and any(p.kind == kind and p.end is None for p in case.pauses):
        raise Refused("already-done", "this procedure is running", rule="suspension.kind")
    approved_by, relied = on.approver(case, approved_by, "suspension.approver")
    _presider(case, presider)
    if held_on is not None:
        _hearing(case, on, served_at, held_on)
    data = {
        "kind": kind,
        "planned_days": planned_days,
        "approved_by": approved_by,
        "notice": notice,
        "served_at": served_at,
        "requested_at": requested_at,
        "presider": presider,
        "held_on": held_on,
    }
    flags = () if notice else (flag("suspension-without-notice", "suspension.notice"),)
    return (event(case, on, "suspended", data, flags=flags, relied=relied),)


def _presider(case: Case, presider: str | None) -> None:
    """Refuse as presider of a hearing who has reviewed the case (APL 48(3)), or stepped back."""
    if presider is not None:
        not_recused(case, presider)
    for done in case.duties if presider is not None else ():
        if done["person"] == presider and done["duty"].startswith("review:"):
            raise Refused(
                "separation-of-duties",
                "who reviewed the case does not preside its hearing",
                rule="SOD-11",
                earlier_position=done["position"],
            )


def _hearing(case: Case, on: Occasion, served_at: str | None, held_on: str) -> None:
    """Refuse a hearing that is held too soon after its notice (APL 48(1))."""
    served = date.fromisoformat(served_at) if served_at else case.on(on.at)
    days = on.office.calendars.days("cn", on.office.ledger)
    if days.count(served, date.fromisoformat(held_on)) < 7:
        raise Refused(
            "rule-refused",
            "seven working days lie between notice and hearing",
            rule="hearing.notice",
        )


def resume(case: Case, on: Occasion, *, kind: str, result: str | None = None) -> Events:
    """End a special procedure on the day its result reached the organ."""
    if not any(p.kind == kind and p.end is None for p in case.pauses):
        raise Refused("rule-refused", "no such procedure is running", rule="suspension.kind")
    data = {"kind": kind, "result": result, "ended_on": _asking_ended(case, on, kind)}
    return (event(case, on, "resumed", data),)


def _asking_ended(case: Case, on: Occasion, kind: str) -> str | None:
    """Tell on which earlier day the clock went on: the last one to ask for a hearing (§4).

    None where a hearing was ordered, or the asking period has not passed.
    """
    if kind != "hearing" or case.open_run("stage:hearing-request") is None:
        return None
    limit = newest(case, on.office, "stage:hearing-request", on.now)
    return None if limit is None or in_time(limit, case, on.at) else limit.due.isoformat()


def extend(
    case: Case,
    on: Occasion,
    *,
    days: int,
    approved_by: str | None = None,
    notice: str | None = None,
) -> Events:
    """Lengthen the statutory limit once, by the head, with notice and reason (延期; APL 42)."""
    rule = case.terms.get("extension")
    if rule is None:
        raise Refused("rule-refused", "the item allows no extension", rule="extension.at-most")
    organ: str | None = case.terms["organs"]["approving"]
    if rule.get("by", "head-above" if case.terms["kind"] == "joint" else "head") == "head-above":
        organ = on.office.above(str(organ))
    approved_by, relied = on.head(case, organ, approved_by)
    for earlier in case.events:
        if earlier.type == "extended" and earlier.data["effective"]:
            raise Refused(
                "already-done",
                "it was extended once",
                rule="extension.once",
                earlier_position=earlier.position,
            )
    if not 0 < days <= extension_at_most(case.terms):
        raise Refused("schema", "more days than allowed", rule="extension.at-most", pointer="/days")
    if notice is None:
        raise Refused("schema", "tell the applicant", rule="extension.notice", pointer="/notice")
    if not (on.reason or "").strip():
        raise Refused("schema", "say why", rule="extension.reason", pointer="/reason")
    effective = in_time(newest(case, on.office, "statutory", on.now), case, on.at)
    data = {"days": days, "approved_by": approved_by, "notice": notice, "effective": effective}
    flags = () if effective else (flag("extension-after-due", "extension.in-time"),)
    return (event(case, on, "extended", data, flags=flags, relied=relied),)


def reserve_number(case: Case, on: Occasion, *, kind: str) -> Events:
    """Take the next official number of a kind of document (文号), before it is printed."""
    if kind not in case.terms.get("documents", ()):
        raise Refused("unknown-reference", "the item has no such document", pointer="/kind")
    return (event(case, on, "number-reserved", {"kind": kind}, numbers=(f"document/{kind}/%Y",)),)


def void_number(case: Case, on: Occasion, *, kind: str, number: str) -> Events:
    """Say that a reserved number will not be used, and why; it stays visible."""
    found = [n for n in case.numbers if n["kind"] == kind and official(n) == number]
    if not found:
        raise Refused("unknown-reference", "no such number of this case", pointer="/number")
    if found[0]["state"] != "reserved":
        raise Refused("already-done", f"the number is {found[0]['state']}", rule="number.once")
    if not (on.reason or "").strip():
        raise Refused("schema", "say why", rule="number.reason", pointer="/reason")
    return (event(case, on, "number-voided", {"kind": kind, "number": number}),)


def withdraw(case: Case, on: Occasion, *, request: str | None = None) -> Events:
    """Take the application back before the decision (撤回申请)."""
    return (event(case, on, "withdrawn", {"request": request}),)


def terminate(
    case: Case, on: Occasion, *, kind: str | None = None, evidence: str | None = None
) -> Events:
    """End an application whose applicant cannot go on with it (终止审查)."""
    if kind is None:
        raise Refused("schema", "say which case it is", rule="termination.kind", pointer="/kind")
    if not (on.reason or "").strip():
        raise Refused("schema", "say why", rule="termination.reason", pointer="/reason")
    if kind == "supplement-lapsed":
        _lapsed_supplement(case, on)
    return (event(case, on, "terminated", {"kind": kind, "evidence": evidence}),)


def _lapsed_supplement(case: Case, on: Occasion) -> None:
    """Refuse to end for want of a supplement whose end the notice did not name, or before it."""
    named = [
        e.data["respond_by"]
        for e in case.events
        if e.type == "supplement-requested" and e.data.get("respond_by")
    ]
    if not case.outstanding or not named or case.on(on.at).isoformat() <= named[-1]:
        raise Refused(
            "rule-refused",
            "the notice named no day by which to hand in, or it is not over",
            rule="termination.lapsed",
        )
