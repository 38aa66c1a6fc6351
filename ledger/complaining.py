"""The acts on a complaint: registered, assigned, replied to, taken further, closed.

Pure, as the acts on cases are: they return the event, or refuse.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from ledger import correction_beside
from ledger.case import Actor, Data, Event, Events, Json
from ledger.complaint import (
    REGISTER,
    Complaint,
    deadlines,
    letters,
    readers,
    replay,
    subject,
)
from ledger.complaint_rules import ABOVE, CORRECTABLE, MAY, RULES, SERIOUS, Action, Stage
from ledger.errors import Refused
from ledger.lifecycle import Responsibility, Role
from ledger.occasion import Occasion, event_beside
from ledger.office import Office
from ledger.office.appointment import Post
from ledger.standing import Caller

POLICIES = {
    "complaints": "complaints-default",
    "alerts": "alerts-default",
    "deadlines": "deadlines-default",  # of it, when a day ends
}


# -- who may -----------------------------------------------------------------------------------


def visible(caller: Caller, complaint: Complaint, office: Office, now: datetime) -> None:
    """Refuse as if the complaint did not exist, unless a post gives reading it."""
    held = readers(caller, complaint, office)
    on = now.astimezone(office.zone).date()
    if any(post.active(on) for post in held):
        return
    if any(post.was(on) for post in held):
        raise Refused("appointment-ended", "your appointment here has ended")
    raise Refused("not-found", "no such complaint, or not for you")


def candidate(
    action: Action, caller: Caller, complaint: Complaint | None, office: Office, now: datetime
) -> Actor:
    """Return the actor in whose post the act may be done here; refuse who has none.

    Without a complaint it is asked who may register one.
    """
    on = now.astimezone(office.zone).date()
    held = [
        post
        for post in caller.posts(office)
        for may in MAY[action]
        if post.role == may.role and set(_letters(post, complaint, office)) & set(may.relations)
    ]
    for post in held:
        if post.active(on):
            return post.actor(caller.client)
    if any(post.was(on) for post in held):
        raise Refused("appointment-ended", "the appointment that gave this has ended")
    raise Refused("action-not-allowed", f"no appointment of yours gives {action} here")


def _letters(post: Post, complaint: Complaint | None, office: Office) -> str:
    if complaint is None:
        return "J" if post.jurisdiction else ""
    covered = post.covers(subject(complaint).item or None)
    return letters(post, complaint, office) if covered else ""


def permit(
    action: Action, complaint: Complaint, caller: Caller, office: Office, now: datetime
) -> Actor:
    """Return the actor who may do this to the complaint now; post, history, then the stage."""
    actor = candidate(action, caller, complaint, office, now)
    against = _against(action, complaint, actor)
    if against is not None:
        raise against
    return actor


def _against(action: Action, complaint: Complaint, actor: Actor) -> Refused | None:
    if actor.person is not None and actor.person == complaint.about.get("person"):
        return Refused(
            "separation-of-duties",
            "who was complained of does not follow the complaint up",
            rule="SOD-15",
            earlier_position=complaint.events[0].position,
        )
    if complaint.stage not in RULES[action].when:
        return Refused(
            "wrong-stage",
            f"{action} is not possible at {complaint.stage}",
            rule=f"stage.{action}",
        )
    return None


def options(complaint: Complaint, caller: Caller, office: Office, now: datetime) -> tuple[str, ...]:
    """List what the caller may do to the complaint now."""
    found = []
    waiting = any(not c["approved"] for c in correction_beside.corrections(complaint.events))
    for action in RULES:
        if action == Action.REGISTER or (action == Action.APPROVE_CORRECTION and not waiting):
            continue
        try:
            permit(action, complaint, caller, office, now)
        except Refused:
            continue
        found.append(str(action))
    return tuple(found)


# -- the acts ----------------------------------------------------------------------------------


def register(stream: str, on: Occasion, *, case: Data | None, **details: Json) -> Events:
    """Register a complaint (登记), with what it was said to be about.

    `case` is the case it is about, with the organs that matter for it.
    """
    about = dict(details.pop("about", {}))
    if case is not None and "unit" not in about and case.get("approving"):
        about["unit"] = case["approving"]
    _known(about, on, "/about")
    rules = {kind: on.office.version("policy", name) for kind, name in POLICIES.items()}
    policies = {kind: {**rule.content, "version": rule.number} for kind, rule in rules.items()}
    data = {
        **details,
        "about": about or None,
        "case": case,
        "terms": {"policies": policies},
    }
    streams = on.office.relied(*(f"policy:{name}" for name in POLICIES.values()))
    new = Complaint(stream=stream, zone=on.office.zone)
    return _event(Action.REGISTER, new, on, data, relied=streams, numbers=(REGISTER,))


def _known(about: Data, on: Occasion, pointer: str) -> None:
    """Refuse a unit or an item that is not there."""
    if "unit" in about and about["unit"] not in on.office.organs:
        raise Refused("unknown-reference", "no such organ", pointer=f"{pointer}/unit")
    if "item" in about and on.office.thing(f"item:{about['item']}") is None:
        raise Refused("unknown-reference", "no such item", pointer=f"{pointer}/item")


def assign(complaint: Complaint, on: Occasion, *, unit: str, summary: str) -> Events:
    """Give it to a unit (派单), in the hotline's words: who complains is not passed on."""
    if unit not in on.office.organs:
        raise Refused("unknown-reference", "no such organ", pointer="/unit")
    person = complaint.about.get("person")
    if complaint.discreet and any(p.organ == unit for p in on.office.posts_of(person)):
        raise Refused(
            "rule-refused",
            "what is said of a person's work past the system is not given to their own unit",
            rule="complaint.not-to-the-concerned",
        )
    return _event(Action.ASSIGN, complaint, on, {"unit": unit, "summary": summary})


def reply(
    complaint: Complaint, on: Occasion, *, result: str, measure: str, document: str | None = None
) -> Events:
    """Say what was done, or why nothing was (反馈)."""
    data = {"result": result, "measure": measure, "document": document}
    return _event(Action.REPLY, complaint, on, data)


def escalate(
    complaint: Complaint, on: Occasion, *, to: str, ground: str, text: str | None = None
) -> Events:
    """Take it to those above, or to inspection: refused, late, or serious in itself (升级)."""
    if on.office.organs.get(to, {}).get("part") not in ABOVE:
        raise Refused("unknown-reference", "no organ above, and no inspection", pointer="/to")
    if not _so(ground, complaint, on):
        raise Refused(
            "rule-refused",
            f"the complaint is not {ground}",
            rule="complaint.grounds",
            pointer="/ground",
        )
    return _event(Action.ESCALATE, complaint, on, {"to": to, "ground": ground, "text": text})


def _so(ground: str, complaint: Complaint, on: Occasion) -> bool:
    """Tell whether what is given as the ground is so, by what is on record."""
    if ground == "serious":
        return complaint.kind in SERIOUS
    if ground == "refused":
        return bool(complaint.replies) and complaint.replies[-1]["result"] == "refused"
    limits = deadlines(complaint, on.office, on.at)
    asked = [d for d in limits if d.name == "complaint-reply"]
    return any(d.late or (d.open and d.light == "red") for d in asked)


def close(
    complaint: Complaint,
    on: Occasion,
    *,
    result: str,
    text: str | None = None,
    satisfaction: Data | None = None,
) -> Events:
    """Close it (办结): resolved or unfounded by what was answered, or withdrawn by the caller."""
    if complaint.stage == Stage.ASSIGNED and result != "withdrawn":
        raise Refused("wrong-stage", "the unit has not answered", rule="complaint.reply-first")
    data = {"result": result, "text": text, "satisfaction": satisfaction}
    return _event(Action.CLOSE, complaint, on, data)


def correct(
    complaint: Complaint,
    on: Occasion,
    *,
    event_id: str,
    fields: Data,
    evidence: str | None = None,
) -> Events:
    """Propose to put right what was written down of it (更正)."""
    of = _corrected(complaint, on)
    data = correction_beside.proposal(of, on, event_id=event_id, fields=fields, evidence=evidence)
    _open_to_all(complaint, data)
    if "about" in fields:
        _known(dict(fields["about"]), on, "/fields/about")
    return _event(Action.CORRECT, complaint, on, data)


def approve_correction(complaint: Complaint, on: Occasion, *, event_id: str) -> Events:
    """Approve a correction; who proposed it does not (SOD-9)."""
    of = _corrected(complaint, on)
    data = correction_beside.approval(of, on, event_id=event_id)
    _open_to_all(complaint, next(e.data for e in complaint.events if e.id == event_id))
    return _event(Action.APPROVE_CORRECTION, complaint, on, data)


def _open_to_all(complaint: Complaint, proposal: Data) -> None:
    """Refuse a correction by which a complaint is kept from somebody, or not any more.

    The proposal itself would tell them, and so would what was shown before: such a complaint
    is registered anew.
    """
    if not {"kind", "about"} & set(proposal["fields"]):
        return
    if complaint.discreet or replay(complaint.events, complaint.zone, tried=proposal).discreet:
        raise Refused("rule-refused", "that keeps it from somebody", rule="correction.fields")


def own(complaint: Complaint, target: Event, by: Actor) -> bool:
    """Tell whether an act is of the line of whoever would put it right."""
    if target.actor.organ is not None:
        return target.actor.organ == by.organ
    # Who complains, through a portal, is in the care of those who follow complaints up.
    return by.organ != complaint.unit


def _corrected(complaint: Complaint, on: Occasion) -> correction_beside.Corrected:
    def tried(correction: Data) -> object:
        known = replay(complaint.events, complaint.zone, tried=correction)
        return deadlines(known, on.office, on.now)

    return correction_beside.Corrected(
        events=complaint.events,
        table=CORRECTABLE,
        own=lambda target: own(complaint, target, on.by),
        tried=tried,
    )


def _event(
    action: Action,
    complaint: Complaint,
    on: Occasion,
    data: Data,
    *,
    relied: Mapping[str, int] | None = None,
    numbers: tuple[str, ...] = (),
) -> Events:
    event = event_beside(
        complaint.stream,
        complaint.version + 1,
        on,
        RULES[action].event,
        data,
        responsibility=Responsibility.SUPERVISION,
        relied=relied,
        numbers=numbers,
    )
    return (event,)


DOES: Mapping[Action, Callable[..., Events]] = {
    Action.ASSIGN: assign,
    Action.REPLY: reply,
    Action.ESCALATE: escalate,
    Action.CLOSE: close,
    Action.CORRECT: correct,
    Action.APPROVE_CORRECTION: approve_correction,
}


def speaker(caller: Caller) -> Actor:
    """Return who complains through a client system: a role, and nobody's name."""
    return Actor(role=str(Role.APPLICANT), client=caller.client)
