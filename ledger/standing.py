"""What a caller's posts give on cases of certain organs, before any case is looked at.

Half of every question of authority hangs on posts and organs alone, and the same few callers
ask it of cases of the same few organs all day long: the answer is kept with the office it was
read from, and goes with it.  Unknown action, role or relation: denied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from ledger.case import Actor, Case, Data
from ledger.errors import Refused
from ledger.lifecycle import MAY, Action, May, Role
from ledger.office import Office, emergency
from ledger.office.appointment import Post
from ledger.runs import organs

KEPT = 4_096


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

    def lent(self, office: Office) -> tuple[Post, ...]:
        """List what others have delegated to this caller, ended ones too."""
        return tuple(
            held
            for held in office.delegations
            if held.person == self.person and self.organ in (None, held.organ)
        )


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
    told: frozenset[str] = frozenset()


def subject(case: Case) -> Subject:
    """Read the organs of a case out of its terms, and who was told its result."""
    return about(case.terms, window=case.organ, parts=case.parts, told=told(case))


def told(case: Case) -> frozenset[str]:
    """Name the organs that were notified of the result: before that it is not theirs to see."""
    if not case.pushes:
        return frozenset()
    notified = organs(case.terms, "notified")
    return frozenset(push["to"] for push in case.pushes if push["to"] in notified)


def about(
    terms: Data,
    *,
    window: str | None = None,
    parts: frozenset[str] = frozenset(),
    told: frozenset[str] = frozenset(),
) -> Subject:
    """Read the organs out of terms; imported cases have only the organ that imported them."""
    approving = organs(terms, "approving")
    return Subject(
        approving=approving[0] if approving else (window or ""),
        window=window,
        delegator=terms.get("delegator"),
        supervising=organs(terms, "supervising"),
        enforcing=organs(terms, "enforcing"),
        parts=parts,
        item=str(terms.get("item", "")),
        told=told,
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
    if post.organ in of.told:
        letters += "T"
    if post.organ in office.all_above(of.approving):
        letters += "A"
    if post.jurisdiction:
        letters += "J"
    return letters


_CASE: Mapping[Role, str] = {
    **dict.fromkeys(
        (Role.CLERK, Role.HANDLER, Role.CHECKER, Role.APPROVER, Role.SEALER, Role.ISSUER), "OP"
    ),
    Role.BUREAU_HEAD: "OA",
    Role.SUPERVISOR: "SAJT",
    Role.ENFORCER: "E",
    Role.INSPECTOR: "J",
    Role.INSPECTION_LEAD: "J",
    Role.HOTLINE: "J",
    Role.CLIENT_SYSTEM: "O",
}

# What may be read, by role and relation (SECURITY 3.3); of a client system that acts as itself
# only what of it is a list.
READING: Mapping[str, Mapping[Role, str]] = {
    "case": _CASE,
    # The hotline reads cases that were rated, and of any other how far it has come.
    "progress": _CASE,
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
    "dossier": {
        Role.BUREAU_HEAD: "O",
        Role.SUPERVISOR: "S",
        Role.ENFORCER: "E",
        Role.INSPECTOR: "J",
    },
    # A supervisor where the findings policy says so.
    "findings": {Role.INSPECTOR: "J", Role.INSPECTION_LEAD: "J", Role.SUPERVISOR: "J"},
    "performance": {
        Role.APPROVER: "O",
        Role.BUREAU_HEAD: "OA",
        Role.SUPERVISOR: "SAJ",
        Role.INSPECTOR: "J",
    },
    "reviews": {
        Role.APPROVER: "O",
        Role.BUREAU_HEAD: "OA",
        Role.SUPERVISOR: "SAJ",
        Role.INSPECTOR: "J",
        Role.HOTLINE: "J",
    },
    # Here O is the unit that a complaint was assigned to.
    "complaints": {
        Role.HOTLINE: "J",
        Role.HANDLER: "O",
        Role.BUREAU_HEAD: "OA",
        Role.SUPERVISOR: "SAJO",
        Role.ENFORCER: "O",
        Role.INSPECTOR: "J",
        Role.INSPECTION_LEAD: "J",
    },
    # Here O and A are relations to the seal's organ; its keeper reads it by custody.
    "register": {
        Role.BUREAU_HEAD: "OA",
        Role.SUPERVISOR: "SA",
        Role.INSPECTOR: "J",
        Role.INSPECTION_LEAD: "J",
    },
    "feed": {
        Role.SUPERVISOR: "SJ",
        Role.INSPECTOR: "J",
        Role.INSPECTION_LEAD: "J",
        Role.CLIENT_SYSTEM: "O",
    },
}

_NO_CASE_CONTENT = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller's posts give on the cases of a subject on a day, conditions aside.

    `acts` are the posts by which each action may be done, `ended` the actions that only an
    ended post gave; `readings` what may be read, `if_reviewed` what only of reviewed cases;
    `here` whether a post has to do with such a case, `was` whether an ended one had.
    """

    acts: Mapping[Action, tuple[tuple[Actor, May], ...]]
    ended: frozenset[Action]
    readings: frozenset[str]
    if_reviewed: frozenset[str]
    here: bool
    was: bool


def standing(caller: Caller, of: Subject, office: Office, now: datetime) -> Standing:
    """Return what the caller's posts give on cases of this subject today."""
    asked = (caller, of, now.astimezone(office.zone).date())
    known: dict[object, Standing] = office.remembered
    found = known.get(asked)
    if found is None:
        if len(known) >= KEPT:
            known.clear()
        found = known[asked] = _standing(*asked, office)
    mine = [held for held in office.emergencies if held.person == caller.person]
    return _in_emergency(mine, found, caller, of, office, now) if mine else found


def _standing(caller: Caller, of: Subject, on: date, office: Office) -> Standing:
    acts = _without_post(caller, of, office)
    ended: set[Action] = set()
    readings: set[str] = set()
    if_reviewed: set[str] = set()
    here = was = False
    for held in caller.posts(office):
        letters = relations(held, of, office)
        if not letters:
            continue
        active, over = held.active(on), held.was(on)
        if held.role not in _NO_CASE_CONTENT:
            here, was = here or active, was or over
        if not held.covers(of.item):
            continue
        for action, cells in MAY.items():
            for may in cells:
                if held.role != may.role or not any(x in may.relations for x in letters):
                    continue
                if active:
                    acts.setdefault(action, []).append((held.actor(caller.client), may))
                elif over:
                    ended.add(action)
        for what, table in READING.items():
            if active and any(x in table.get(held.role, "") for x in letters):
                reviewed_only = what == "case" and held.role == Role.HOTLINE
                (if_reviewed if reviewed_only else readings).add(what)
    _by_delegation(caller, of, on, office, acts, ended)
    return Standing(
        acts={action: tuple(acts[action]) for action in Action if action in acts},
        ended=frozenset(ended - acts.keys()),
        readings=frozenset(readings),
        if_reviewed=frozenset(if_reviewed),
        here=here,
        was=was,
    )


def _by_delegation(
    caller: Caller,
    of: Subject,
    on: date,
    office: Office,
    acts: dict[Action, list[tuple[Actor, May]]],
    ended: set[Action],
) -> None:
    """Add what others have delegated: never more than their own posts give them today."""
    for held in caller.lent(office):
        begun = held.active(on) or held.was(on)
        if not begun or not held.covers(of.item):
            continue
        behind = _behind(held, of, on, office)
        for action in (Action(name) for name in held.actions):
            for may in MAY[action]:
                if may.role != held.role:
                    continue
                if behind is None or not held.active(on):
                    ended.add(action)
                elif any(x in may.relations for x in relations(behind, of, office)):
                    acts.setdefault(action, []).append((_delegated(held, behind, caller), may))


def _in_emergency(
    mine: Sequence[Post],
    given: Standing,
    caller: Caller,
    of: Subject,
    office: Office,
    now: datetime,
) -> Standing:
    """Add what break-glass gives at this instant: reading, and handing a case over."""
    for held in mine:
        letters = relations(held, of, office)
        cells = [may for may in MAY[emergency.GIVES] if may.role == held.role]
        given_here = any(x in may.relations for may in cells for x in letters)
        if not given_here or not held.covers(of.item):
            continue
        if emergency.live(held, now):
            ways = tuple((held.actor(caller.client), may) for may in cells)
            acts = {**given.acts, emergency.GIVES: (*given.acts.get(emergency.GIVES, ()), *ways)}
            readings = given.readings | {"case", "history"}
            given = replace(given, acts=acts, readings=readings, here=True)
        elif emergency.over(held, now) and emergency.GIVES not in given.acts:
            given = replace(given, ended=given.ended | {emergency.GIVES}, was=True)
    return given


def _behind(held: Post, of: Subject, on: date, office: Office) -> Post | None:
    """Return the delegator's own post that a delegation is of, if it can be used today."""
    for post in office.posts_of(held.delegator):
        same = (post.role, post.organ) == (held.role, held.organ)
        if same and post.active(on) and post.covers(of.item):
            return post
    return None


def _delegated(held: Post, behind: Post, caller: Caller) -> Actor:
    actor = held.actor(caller.client)
    return replace(actor, delegator=behind.person, delegated_from=behind.id)


def _without_post(
    caller: Caller, of: Subject, office: Office
) -> dict[Action, list[tuple[Actor, May]]]:
    """List what the applicant may do, and a client system that acts as itself."""
    found: dict[Action, list[tuple[Actor, May]]] = {}
    for action, cells in MAY.items():
        for may in cells:
            if may.role == Role.APPLICANT and caller.applicant_of is not None:
                # Their id is known to the client system and to the application, both in their
                # keeping; a record names nobody whom it could not forget.
                actor = Actor(role=str(Role.APPLICANT), client=caller.client)
                found.setdefault(action, []).append((actor, may))
            if may.role == Role.CLIENT_SYSTEM and caller.person is None:
                organ = _system_organ(caller, office)
                if organ is not None and organ in (of.approving, of.window):
                    role = str(Role.CLIENT_SYSTEM)
                    system = Actor(kind="system", role=role, organ=organ, client=caller.client)
                    found.setdefault(action, []).append((system, may))
    return found


def _system_organ(caller: Caller, office: Office) -> str | None:
    client = office.clients.get(caller.client or "")
    return str(client["organ"]) if client else None


def reads(what: str, caller: Caller, case: Case, office: Office, now: datetime) -> bool:
    """Tell whether a post of the caller gives this reading of the case."""
    if what in ("case", "progress") and caller.applicant_of is not None:
        return caller.applicant_of == case.stream
    given = standing(caller, subject(case), office, now)
    return what in given.readings or (what in given.if_reviewed and bool(case.reviews))


def visible(caller: Caller, case: Case, office: Office, now: datetime) -> None:
    """Refuse as if the case did not exist, unless something makes it the caller's business."""
    if caller.applicant_of is not None and caller.applicant_of == case.stream:
        return
    of = subject(case)
    given = standing(caller, of, office, now)
    if given.here:
        return
    if caller.person is None and _system_organ(caller, office) in (of.approving, of.window):
        return
    if given.was:
        raise Refused("appointment-ended", "your appointment here has ended")
    raise Refused("case-not-found", "no such case, or not for you")


def candidates(
    action: Action, caller: Caller, of: Subject, office: Office, now: datetime
) -> tuple[tuple[Actor, May], ...]:
    """List the posts by which the caller may do the action here, conditions aside.

    Raises `appointment-ended` where only an ended post gave it, else `action-not-allowed`.
    """
    given = standing(caller, of, office, now)
    found = given.acts.get(action, ())
    if found:
        return found
    if action in given.ended:
        raise Refused("appointment-ended", "the appointment that gave this has ended")
    raise Refused("action-not-allowed", f"no appointment of yours gives {action} here")
