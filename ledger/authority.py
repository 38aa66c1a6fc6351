"""Whether an act may be done now: the post, the history of the case, its stage (SOD).

`permit` is the one question; `options` asks it of every action at once.  What posts alone
give is told by `standing`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import chain

from ledger.case import Actor, Case, Data, Event, replay
from ledger.errors import Refused
from ledger.lifecycle import (
    ACTION_OF,
    AFTER_RECUSAL,
    BRANCH,
    OF_OTHERS,
    ON_CARDS,
    ON_FACTS,
    PROPOSALS,
    RULES,
    SEPARATIONS,
    Action,
    May,
    Role,
    Separation,
)
from ledger.office import Office
from ledger.precondition import concerned, receiver, unmet
from ledger.standing import Caller, candidates, standing, subject

# What stands against each duty, in the order of the table.
_SEPARATED: Mapping[str, tuple[Separation, ...]] = {
    row.later: tuple(other for other in SEPARATIONS if other.later == row.later)
    for row in SEPARATIONS
}


def permit(
    action: Action,
    case: Case,
    caller: Caller,
    office: Office,
    now: datetime,
    details: Data,
) -> Actor:
    """Return the actor in whose post the act may be done now; refuse otherwise.

    Order of refusal: post, conditions and history (403), then the stage and what the act
    answers (409).
    """
    posts = candidates(action, caller, subject(case), office, now)
    met = [
        actor
        for actor, may in posts
        if all(CONDITIONS[name](case, actor, details) for name in may.conditions)
    ]
    if not met:
        raise Refused("action-not-allowed", f"your post does not give {action} in this way")
    actor = met[0]
    against = (
        forbidden(action, case, actor, details)
        or impossible(action, case, details)
        or unmet(action, case, actor, now)
    )
    if against is not None:
        raise against
    return actor


def forbidden(action: Action, case: Case, actor: Actor, details: Data) -> Refused | None:
    """Say what this person's earlier acts on the case forbid (SOD, recusal), None if nothing."""
    if actor.person is None:
        return None
    stepped_back = actor.persons & case.recused.keys()
    if stepped_back and action not in AFTER_RECUSAL:
        return Refused(
            "separation-of-duties",
            "who declared an interest does nothing more on the case but hand it over",
            rule="SOD-13",
            earlier_position=min(case.recused[person] for person in stepped_back),
        )
    if action in OF_OTHERS and "SOD-15" not in _lifted(case) and actor.persons & concerned(case):
        return Refused(
            "separation-of-duties",
            "who was complained of does not follow the complaint up",
            rule="SOD-15",
            earlier_position=case.reviews[-1]["position"] if case.reviews else None,
        )
    for row in chain.from_iterable(
        _SEPARATED.get(duty, ()) for duty in _duties(action, case, details)
    ):
        for done in case.duties:
            if done["duty"] != row.earlier or done["person"] not in actor.persons:
                continue
            if row.kind == "policy" and row.rule in _lifted(case):
                break
            return Refused(
                "separation-of-duties",
                f"who did {row.earlier} on this case does not {row.later} it",
                rule=row.rule,
                earlier_position=done["position"],
            )
    return None


def _lifted(case: Case) -> frozenset[str]:
    """Name the rules that the duty policy of the case lifts.

    No other kind of case can be handled by one person, whatever policy its item names.
    """
    return frozenset(duty_policy(case).get("lifts", ()))


def duty_policy(case: Case) -> Data:
    """Return the duty policy that the case is handled under; of another kind's, nothing."""
    duty: Data = case.terms.get("policies", {}).get("duty", {})
    return duty if case.terms.get("kind") in duty.get("items", (case.terms.get("kind"),)) else {}


def alone(kind: str, case: Case, actor: Actor, data: Data) -> Data | None:
    """Return the policy that lets this person do this after what they did, None if none must."""
    action = ACTION_OF.get(kind)
    if action is None or not _lifted(case):
        return None
    mine = {done["duty"] for done in case.duties if done["person"] in actor.persons}
    for duty in _duties(action, case, data):
        if any(row.kind == "policy" and row.earlier in mine for row in _SEPARATED.get(duty, ())):
            return duty_policy(case)
    return None


def _duties(action: Action, case: Case, details: Data) -> tuple[str, ...]:
    if action == Action.REVIEW:
        levels = (details["level"],) if "level" in details else ("handle", "check")
        return tuple(f"review:{level}" for level in levels)
    if action == Action.SEAL:
        document = details.get("document")
        # Without details it is the result document that is asked about.
        result = document is None or document["kind"] == case.result_kind
        return ("seal", "seal:result") if result else ("seal",)
    return (action,)


def impossible(action: Action, case: Case, details: Data) -> Refused | None:
    """Say what the stage forbids, by the table of the lifecycle, None if nothing."""
    if case.source is not None and action not in ON_FACTS:
        return Refused(
            "rule-refused", "what happened elsewhere is not acted on here", rule="import.elsewhere"
        )
    rule = RULES[action]
    proposed = action == Action.REVIEW and details.get("recommend") in PROPOSALS
    possible = case.stage in (RULES[Action.PROPOSE_REVOCATION].when if proposed else rule.when)
    # Where the law has accepted, or renewed, nobody does it any more.
    kinds = (rule.event, _by_law_instead(action, case)) if rule.once else ()
    # The newest one: an earlier one was made void.
    done = next((e for e in reversed(case.events) if e.type in kinds), None) if kinds else None
    # What moves no stage is done once all the same.
    if possible and (done is None or rule.then is not None):
        return None
    if proposed:
        return Refused("wrong-stage", "nothing was granted", rule=f"stage.{action}")
    if done is not None:
        position = done.position if done.position >= 0 else None
        return Refused("already-done", f"{action} is on record", earlier_position=position)
    if action == Action.WITHDRAW and case.decision is not None:
        return Refused(
            "wrong-stage", "it is decided: surrender is the way", rule="withdraw.before-decision"
        )
    if rule.late and case.decision is not None:
        if details.get("late"):
            return None
        return Refused("wrong-stage", "the case is decided", rule="time.after-decision")
    return Refused(
        "wrong-stage", f"{action} is not possible at {case.stage}", rule=f"stage.{action}"
    )


def _by_law_instead(action: Action, case: Case) -> str | None:
    """Name the event by which the law has done what this action does, if that stands."""
    if action == Action.ACCEPT and case.deemed:
        return "deemed-accepted"
    if action == Action.DECIDE and (case.decision or {}).get("deemed"):
        return "deemed-renewed"
    return None


def was_possible(action: Action, case: Case, at: datetime) -> bool:
    """Tell whether the stage allowed an action at an earlier instant, by all that is known now."""
    then = replay(case.events, case.zone, until=at)
    return then.version > 0 and then.stage in RULES[action].when


def options(
    case: Case, caller: Caller, office: Office, now: datetime
) -> tuple[tuple[str, ...], tuple[Data, ...]]:
    """Say what the caller may do now, and what their posts give but not now, and why."""
    allowed: list[str] = []
    refused: list[Data] = []
    for action, posts in standing(caller, subject(case), office, now).acts.items():
        if action == Action.RECEIVE or action in ON_CARDS:
            continue
        reasons = [_against(action, case, actor, may, now) for actor, may in posts]
        if None in reasons:
            allowed.append(str(action))
        elif reasons[0] is not None:
            rule = reasons[0].rule or reasons[0].slug
            refused.append({"action": str(action), "rule": rule, "why": reasons[0].why})
    return tuple(allowed), tuple(refused)


def _against(action: Action, case: Case, actor: Actor, may: May, now: datetime) -> Refused | None:
    """Say what stands against an action in a post, as far as that is known without details."""
    levels = [c.removeprefix("level-") for c in may.conditions if c.startswith("level-")]
    details = {"level": levels[0]} if levels else {}
    return (
        forbidden(action, case, actor, details)
        or impossible(action, case, details)
        or unmet(action, case, actor, now)
    )


def _own_line(case: Case, actor: Actor, details: Data) -> bool:
    event_id = details.get("event")
    target = case.event(event_id) if event_id is not None else None
    # An unknown reference is refused as such.
    return target is None or own_line(actor, target)


def own_line(actor: Actor, target: Event) -> bool:
    """Tell whether an act is of the line of whoever would put it right."""
    if target.actor.organ is not None:
        return target.actor.organ == actor.organ
    # What the law or an applicant did is the business of the line whose duty it served.
    line = None if actor.role is None else BRANCH.get(Role(actor.role))
    return line == target.responsibility


def _addressed(actor: Actor, card: Data | None) -> bool:
    """Tell whether a card is answered by this person: named there, or head of the addressees."""
    if card is None:
        return True
    heads = actor.role == Role.BUREAU_HEAD and actor.organ in card["organs"]
    return heads or bool(actor.persons & set(card["addressees"]))


# Conditions of the table that need the details of an act; the others (who may be named as
# approving, who keeps a seal) are refused by the act itself with their own slug.
CONDITIONS: Mapping[str, Callable[[Case, Actor, Data], bool]] = {
    "itself": lambda case, actor, details: actor.kind == "system",
    "electronic": lambda case, actor, details: details.get("method") == "electronic",
    "receiver": receiver,
    "level-handle": lambda case, actor, details: details.get("level", "handle") == "handle",
    "level-check": lambda case, actor, details: details.get("level", "check") == "check",
    "own-line": _own_line,
    "written-request": lambda case, actor, details: "request" in details or not details,
    "addressee": lambda case, actor, details: _addressed(actor, details.get("card")),
    "valid-only": lambda case, actor, details: details.get("verdict", "valid") == "valid",
    # The hotline follows ratings up, and nothing else (12345).
    "of-reviews": lambda case, actor, details: bool(case.reviews),
    "called": lambda case, actor, details: "call_reference" in details or not details,
}
