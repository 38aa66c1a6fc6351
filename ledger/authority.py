"""Who may do what on a case, and what history forbids (SECURITY: roles, relations, SOD).

`visible` says whether the case exists for the caller at all, `post_for` whether a post of
theirs gives the action, `permit` whether this act, with these details, may be done now.
Unknown action, role or relation: denied.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger.case import Actor, Case, Data, replay
from ledger.errors import Refused
from ledger.lifecycle import (
    AFTER_RECUSAL,
    MAY,
    ON_FACTS,
    RULES,
    SEPARATIONS,
    Action,
    May,
    Role,
    Stage,
)
from ledger.office import Office
from ledger.office.appointment import Post


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a person, through which client system; a system alone has no person.

    `organ` limits the posts to those in the organ of a client system that speaks for the
    person; `applicant_of` is the stream of the case whose applicant the person is.
    """

    person: str | None
    name: str | None = None
    client: str | None = None
    organ: str | None = None
    applicant_of: str | None = None

    def posts(self, office: Office) -> tuple[Post, ...]:
        """List the posts that count for this caller, ended ones too."""
        held = office.posts_of(self.person)
        return held if self.organ is None else tuple(p for p in held if p.organ == self.organ)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an act is done on, as far as relations ask: a case, or an item to be received."""

    approving: str
    window: str | None
    delegator: str | None
    supervising: tuple[str, ...]
    enforcing: tuple[str, ...]
    parts: frozenset[str]
    item: str


def subject(case: Case) -> Subject:
    """Read the organs of a case out of its terms."""
    return about(case.terms, window=case.organ, parts=case.parts)


def about(
    terms: Data, *, window: str | None = None, parts: frozenset[str] = frozenset()
) -> Subject:
    """Read the organs out of terms; imported cases have only the organ that imported them."""
    organs: Mapping[str, str | list[str]] = terms.get("organs", {})

    def many(name: str) -> tuple[str, ...]:
        value = organs.get(name, ())
        return (value,) if isinstance(value, str) else tuple(value)

    approving = many("approving")
    return Subject(
        approving=approving[0] if approving else (window or ""),
        window=window,
        delegator=terms.get("delegator"),
        supervising=many("supervising"),
        enforcing=many("enforcing"),
        parts=parts,
        item=str(terms.get("item", "")),
    )


def relations(post: Post, of: Subject, office: Office) -> str:
    """Name the relations of a post's organ to a case, as letters."""
    letters = ""
    if post.organ in (of.approving, of.window):
        letters += "O"
    if post.organ in of.parts or post.organ == of.delegator:
        letters += "P"
    if post.organ in of.supervising:
        letters += "S"
    if post.organ in of.enforcing:
        letters += "E"
    if office.above(of.approving) == post.organ:
        letters += "A"
    if post.jurisdiction:
        letters += "J"
    return letters


# What may be read, by role and relation (SECURITY 3.3).  X is the applicant of the case.
READING: Mapping[str, Mapping[Role, str]] = {
    "case": {
        **dict.fromkeys(
            (Role.CLERK, Role.HANDLER, Role.CHECKER, Role.APPROVER, Role.SEALER, Role.ISSUER), "OP"
        ),
        Role.BUREAU_HEAD: "OA",
        Role.SUPERVISOR: "SAJ",
        Role.ENFORCER: "E",
        Role.INSPECTOR: "J",
        Role.INSPECTION_LEAD: "J",
        Role.HOTLINE: "J",
    },
    "history": {
        Role.HANDLER: "O",
        Role.CHECKER: "O",
        Role.APPROVER: "O",
        Role.BUREAU_HEAD: "OA",
        Role.SUPERVISOR: "SAJ",
        Role.ENFORCER: "E",
        Role.INSPECTOR: "J",
        Role.INSPECTION_LEAD: "J",
    },
    "alerts": {
        Role.APPROVER: "O",
        Role.BUREAU_HEAD: "OA",
        Role.SUPERVISOR: "SAJ",
        Role.INSPECTOR: "J",
        Role.INSPECTION_LEAD: "J",
    },
    "audit": {
        Role.BUREAU_HEAD: "O",
        Role.SUPERVISOR: "SAJ",
        Role.ENFORCER: "E",
        Role.INSPECTOR: "J",
        Role.INSPECTION_LEAD: "J",
    },
    "export": {
        Role.BUREAU_HEAD: "O",
        Role.SUPERVISOR: "S",
        Role.ENFORCER: "E",
        Role.INSPECTOR: "J",
    },
    "feed": {
        Role.SUPERVISOR: "SJ",
        Role.INSPECTOR: "J",
        Role.INSPECTION_LEAD: "J",
    },
}


def reads(what: str, caller: Caller, case: Case, office: Office, now: datetime) -> bool:
    """Tell whether a post of the caller gives this reading of the case."""
    if what == "case" and caller.applicant_of is not None:
        return caller.applicant_of == case.stream
    on = case.on(now)
    table = READING[what]
    of = subject(case)
    return any(
        held.active(on)
        and held.covers(of.item)
        and any(letter in table.get(held.role, "") for letter in relations(held, of, office))
        and not (what == "case" and held.role == Role.HOTLINE and not case.reviews)
        for held in caller.posts(office)
    )


def visible(caller: Caller, case: Case, office: Office, now: datetime) -> None:
    """Refuse as if the case did not exist, unless something makes it the caller's business."""
    if reads("case", caller, case, office, now):
        return
    of = subject(case)
    if caller.person is None and _system_organ(caller, office) in (of.approving, of.window):
        return
    for held in caller.posts(office):
        if relations(held, of, office) and held.role not in _NO_CASE_CONTENT:
            if held.active(case.on(now)):
                return
            raise Refused("appointment-ended", "your appointment here has ended")
    raise Refused("case-not-found", "no such case, or not for you")


_NO_CASE_CONTENT = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})


def _system_organ(caller: Caller, office: Office) -> str | None:
    client = office.clients.get(caller.client or "")
    return str(client["organ"]) if client else None


def candidates(
    action: Action, caller: Caller, of: Subject, office: Office, now: datetime
) -> tuple[tuple[Actor, May], ...]:
    """List the posts by which the caller may do the action here, conditions aside.

    Raises `appointment-ended` where only an ended post gave it, else `action-not-allowed`.
    """
    on = now.astimezone(office.zone).date()
    found = _without_post(action, caller, of, office)
    ended = False
    for held in caller.posts(office):
        if not held.covers(of.item):
            continue
        letters = relations(held, of, office)
        for may in MAY[action]:
            if held.role != may.role or not any(x in may.relations for x in letters):
                continue
            if held.active(on):
                found.append((_actor(held, caller), may))
            ended = ended or held.was(on)
    if found:
        return tuple(found)
    if ended:
        raise Refused("appointment-ended", "the appointment that gave this has ended")
    raise Refused("action-not-allowed", f"no appointment of yours gives {action} here")


def _without_post(
    action: Action, caller: Caller, of: Subject, office: Office
) -> list[tuple[Actor, May]]:
    """List what the applicant may do, and a client system that acts as itself."""
    found: list[tuple[Actor, May]] = []
    for may in MAY[action]:
        if may.role == Role.APPLICANT and caller.applicant_of is not None:
            actor = Actor(person=caller.person, role=str(Role.APPLICANT), client=caller.client)
            found.append((actor, may))
        if may.role == Role.CLIENT_SYSTEM and caller.person is None:
            organ = _system_organ(caller, office)
            if organ is not None and organ in (of.approving, of.window):
                role = str(Role.CLIENT_SYSTEM)
                system = Actor(kind="system", role=role, organ=organ, client=caller.client)
                found.append((system, may))
    return found


def _actor(held: Post, caller: Caller) -> Actor:
    return Actor(
        kind="person",
        person=held.person,
        name=held.name,
        role=str(held.role),
        organ=held.organ,
        appointment=held.id,
        client=caller.client,
    )


def permit(
    action: Action,
    case: Case,
    caller: Caller,
    office: Office,
    now: datetime,
    details: Data,
) -> Actor:
    """Return the actor in whose post the act may be done now; refuse otherwise.

    Order of refusal: post, conditions and history (403), then the stage (409).
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
    forbidden_by_history(action, case, actor, details)
    possible(action, case, details)
    return actor


def forbidden_by_history(action: Action, case: Case, actor: Actor, details: Data) -> None:
    """Refuse what this person's earlier acts on the case forbid (SOD, recusal)."""
    if actor.person is None:
        return
    if actor.person in case.recused and action not in AFTER_RECUSAL:
        raise Refused(
            "separation-of-duties",
            "who declared an interest does nothing more on the case but hand it over",
            rule="SOD-13",
            earlier_position=case.recused[actor.person],
        )
    duty = case.terms.get("policies", {}).get("duty", {})
    kind = case.terms.get("kind")
    # No other kind of case can be handled by one person, whatever policy its item names.
    lifted = frozenset(duty.get("lifts", ()) if kind in duty.get("items", (kind,)) else ())
    names = _duties(action, case, details)
    for row in SEPARATIONS:
        if row.later not in names or (row.kind == "policy" and row.rule in lifted):
            continue
        for done in case.duties:
            if done["duty"] == row.earlier and done["person"] == actor.person:
                raise Refused(
                    "separation-of-duties",
                    f"who did {row.earlier} on this case does not {row.later} it",
                    rule=row.rule,
                    earlier_position=done["position"],
                )


def _duties(action: Action, case: Case, details: Data) -> frozenset[str]:
    if action == Action.REVIEW:
        levels = [details["level"]] if "level" in details else ["handle", "check"]
        return frozenset(f"review:{level}" for level in levels)
    if action == Action.SEAL:
        document = details.get("document")
        # Without details it is the result document that is asked about.
        result = document is None or document["kind"] == case.result_kind
        return frozenset({"seal", "seal:result"} if result else {"seal"})
    return frozenset({str(action)})


def possible(action: Action, case: Case, details: Data) -> None:
    """Refuse what the stage forbids, by the table of the lifecycle."""
    if case.source is not None and action not in ON_FACTS:
        raise Refused(
            "rule-refused", "what happened elsewhere is not acted on here", rule="import.elsewhere"
        )
    rule = RULES[action]
    if case.stage in rule.when:
        return
    # Where the law has accepted, nobody accepts any more.
    kinds = {rule.event, "deemed-accepted"} if action == Action.ACCEPT else {rule.event}
    done = next((e for e in case.events if e.type in kinds), None)
    if rule.once and done is not None and (done.type == rule.event or case.deemed):
        position = done.position if done.position >= 0 else None
        raise Refused("already-done", f"{action} is on record", earlier_position=position)
    if action == Action.WITHDRAW and case.decision is not None:
        raise Refused(
            "wrong-stage", "it is decided: surrender is the way", rule="withdraw.before-decision"
        )
    if rule.late and case.decision is not None:
        if details.get("late"):
            return
        raise Refused("wrong-stage", "the case is decided", rule="time.after-decision")
    raise Refused(
        "wrong-stage", f"{action} is not possible at {case.stage}", rule=f"stage.{action}"
    )


def was_possible(action: Action, case: Case, at: datetime) -> bool:
    """Tell whether the stage allowed an action at an earlier instant, by all that is known now."""
    then = replay(case.events, case.zone, until=at)
    return then.version > 0 and then.stage in RULES[action].when


def options(
    case: Case, caller: Caller, office: Office, now: datetime
) -> tuple[tuple[str, ...], tuple[Data, ...]]:
    """Say what the caller may do now, and what their posts give but not now, and why."""
    allowed: list[str] = []
    forbidden: list[Data] = []
    for action in Action:
        if action == Action.RECEIVE:
            continue
        try:
            posts = candidates(action, caller, subject(case), office, now)
        except Refused:
            continue
        reasons = [_against(action, case, actor, may) for actor, may in posts]
        if None in reasons:
            allowed.append(str(action))
        elif reasons[0] is not None:
            rule = reasons[0].rule or reasons[0].slug
            forbidden.append({"action": str(action), "rule": rule, "why": reasons[0].why})
    return tuple(allowed), tuple(forbidden)


def _against(action: Action, case: Case, actor: Actor, may: May) -> Refused | None:
    """Say what stands against an action in a post, as far as that is known without details."""
    levels = [c.removeprefix("level-") for c in may.conditions if c.startswith("level-")]
    details = {"level": levels[0]} if levels else {}
    try:
        forbidden_by_history(action, case, actor, details)
        possible(action, case, details)
        waiting(action, case, actor)
    except Refused as refused:
        return refused
    return None


def waiting(action: Action, case: Case, actor: Actor) -> None:
    """Refuse an act that answers something which is not there to be answered."""
    if action in (Action.ACKNOWLEDGE_TRANSFER, Action.REFUSE_TRANSFER):
        if case.pending is None:
            raise Refused("wrong-stage", "no transfer waits", rule=f"stage.{action}")
        if not CONDITIONS["receiver"](case, actor, {}):
            raise Refused("action-not-allowed", "the transfer is not to you")
    if action == Action.CLAIM and not any(
        p["to"] == actor.organ and p["claimed_at"] is None for p in case.pushes
    ):
        raise Refused("wrong-stage", "nothing was pushed to your organ", rule="stage.claim")
    if action == Action.REQUEST_SUPPLEMENT and case.accepted_on is not None and not case.deemed:
        raise Refused("wrong-stage", "the case is accepted", rule="stage.request-supplement")
    if action == Action.RECEIVE_SUPPLEMENT and case.stage != Stage.SUPPLEMENTING:
        late = case.deemed and case.listed
        if not case.owed and not late:
            raise Refused("wrong-stage", "nothing is asked for", rule="stage.receive-supplement")


def _receiver(case: Case, actor: Actor, _details: Data) -> bool:
    if case.pending is None:
        return True  # nothing waits: the stage refuses it
    to = case.pending["to"]
    if to.get("person"):
        return bool(to["person"] == actor.person)
    return bool(to["unit"] == actor.organ)


def _own_line(case: Case, actor: Actor, details: Data) -> bool:
    event_id = details.get("event")
    target = case.event(event_id) if event_id is not None else None
    if target is not None and target.type == "correction-proposed":
        return target.actor.organ == actor.organ
    if target is None:
        return True  # an unknown reference is refused as such
    return target.actor.kind == "by-law" or target.actor.organ == actor.organ


# Conditions of the table that need the details of an act; the others (who may be named as
# approving, who keeps a seal) are refused by the act itself with their own slug.
CONDITIONS: Mapping[str, Callable[[Case, Actor, Data], bool]] = {
    "itself": lambda case, actor, details: actor.kind == "system",
    "electronic": lambda case, actor, details: details.get("method") == "electronic",
    "receiver": _receiver,
    "level-handle": lambda case, actor, details: details.get("level", "handle") == "handle",
    "level-check": lambda case, actor, details: details.get("level", "check") == "check",
    "own-line": _own_line,
    "written-request": lambda case, actor, details: "request" in details or not details,
    "called": lambda case, actor, details: "call_reference" in details or not details,
}
