"""Who sets up what (SECURITY 3.3): proposing, approving, ending, and custody of seals.

Rows are data; `who` returns the actor or refuses.
"""

from collections.abc import Mapping
from datetime import datetime

from ledger.case import Actor, Data
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import Office, policy
from ledger.office.appointment import Post

_ADMINS = (Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN)
_INSPECTION = (Role.INSPECTOR, Role.INSPECTION_LEAD)
_HEADS = (Role.BUREAU_HEAD,)

# kind of thing → act → roles that may.
OFFICE: Mapping[str, Mapping[str, tuple[Role, ...]]] = {
    "item": {"propose": _HEADS, "approve": (Role.SUPERVISOR,)},
    "calendar": {"propose": (Role.SECURITY_ADMIN,), "approve": _HEADS},
    # Supervision approves what loosens it, the head all else (`approving`).
    "policy": {"propose": (Role.SECURITY_ADMIN,), "approve": (*_HEADS, Role.SUPERVISOR)},
    "appointment": {
        "propose": (Role.SECURITY_ADMIN, Role.INSPECTION_LEAD),
        "approve": (Role.BUREAU_HEAD, Role.AUDIT_ADMIN, Role.INSPECTION_LEAD),
        "end": (
            Role.SECURITY_ADMIN,
            Role.BUREAU_HEAD,
            Role.AUDIT_ADMIN,
            Role.INSPECTION_LEAD,
        ),
        "review": (Role.AUDIT_ADMIN, Role.INSPECTION_LEAD),
    },
    "seal": {
        "register": _HEADS,
        "enable": _HEADS,
        "hand-over": (Role.SEALER,),
        "take-over": (Role.SEALER,),
        "approve": _HEADS,
        "disable": _HEADS,
        "lock-away": _HEADS,
        "destroy": _HEADS,
        # The keeper, or the head of an organ that the seal is of or lies in (`reconciliation`).
        "reconcile": (Role.SEALER, *_HEADS),
    },
    # Whose keys count is a question of security; whom they bind is looked after by others.
    "anchored-log": {
        "propose": (Role.SECURITY_ADMIN,),
        "approve": (Role.AUDIT_ADMIN, Role.INSPECTION_LEAD),
        "anchor": (*_ADMINS, Role.AUDIT_ADMIN, Role.INSPECTION_LEAD),
    },
    "clock": {"set": (Role.SYSTEM_ADMIN,)},
    "import": {
        "upload": (Role.SYSTEM_ADMIN,),
        "commit": _HEADS,
        "abandon": (Role.SYSTEM_ADMIN, *_HEADS),
    },
}


def who(
    office: Office, posts: tuple[Post, ...], now: datetime, kind: str, act: str, client: str | None
) -> tuple[Actor, ...]:
    """Return the caller in each post that may do this office act; refuse if none may."""
    on = now.astimezone(office.zone).date()
    # A loss is reported by anyone, at once.
    roles = tuple(Role) if (kind, act) == ("seal", "report-lost") else OFFICE[kind].get(act, ())
    fitting = [p for p in posts if p.role in roles]
    found = tuple(p.actor(client) for p in fitting if p.active(on))
    if found:
        return found
    if any(p.was(on) for p in fitting):
        raise Refused("appointment-ended", "the appointment that gave this has ended")
    raise Refused("action-not-allowed", f"no appointment of yours gives {act} of a {kind}")


def appointing(office: Office, actors: tuple[Actor, ...], act: str, content: Data) -> Actor:
    """Choose the post by which an appointment may be proposed or approved, or refuse.

    The head of the organ approves; a head is approved by the head above; the security and
    system administrators by the audit administrator, that one by an inspection lead;
    inspection posts are proposed and approved by two inspection leads.
    """
    role, organ = Role(content["role"]), content["organ"]
    if act == "propose":
        wanted = Role.INSPECTION_LEAD if role in _INSPECTION else Role.SECURITY_ADMIN
        heads: tuple[str | None, ...] = ()
    else:
        wanted, heads = _approver(office, role, organ)
    if act == "end" and role not in _INSPECTION:
        # Any one of those who propose or approve; heads end what is below them.
        for actor in actors:
            if actor.role != Role.BUREAU_HEAD or actor.organ in (organ, *office.all_above(organ)):
                return actor
    for actor in actors:
        if actor.role == wanted and (wanted != Role.BUREAU_HEAD or actor.organ in heads):
            return actor
    raise Refused("action-not-allowed", f"no appointment of yours lets you {act} this post")


def _approver(office: Office, role: Role, organ: str) -> tuple[Role, tuple[str | None, ...]]:
    """Name the role that approves a post, and for a head of which organ (none: of nowhere)."""
    if role in _INSPECTION or role == Role.AUDIT_ADMIN:
        return Role.INSPECTION_LEAD, ()
    if role in _ADMINS:
        return Role.AUDIT_ADMIN, ()
    headed = any(p.role == Role.BUREAU_HEAD and p.organ == organ for p in office.posts)
    # The head above stands in for an organ whose head holds no post here.
    own = role != Role.BUREAU_HEAD and headed
    return Role.BUREAU_HEAD, (organ if own else office.above(organ),)


def choosing(
    office: Office, actors: tuple[Actor, ...], kind: str, act: str, content: Data
) -> Actor:
    """Choose the post by which something else may be proposed or approved, or refuse.

    An item is proposed by the head of its approving organ (or of one above) and approved by
    a supervisor of the item; a policy that loosens supervision is approved by supervision.
    """
    if kind == "item" and act == "propose":
        approving = str(content["organs"]["approving"])
        here = (approving, *office.all_above(approving))
        return _first(actors, here, "the head of the approving organ proposes an item")
    if kind == "item":
        organs = content["organs"].get("supervising", ())
        names = (organs,) if isinstance(organs, str) else tuple(organs)
        return _first(actors, names, "a supervisor of the item approves it")
    if kind == "policy" and act == "approve":
        return _of_policy(office, actors, content)
    return actors[0]


def _first(actors: tuple[Actor, ...], organs: tuple[str, ...], why: str) -> Actor:
    for actor in actors:
        if actor.organ in organs:
            return actor
    raise Refused("action-not-allowed", why)


def _of_policy(office: Office, actors: tuple[Actor, ...], content: Data) -> Actor:
    thing = office.thing(f"policy:{content['id']}")
    before = thing.current.content if thing is not None and thing.current is not None else None
    looser = policy.relaxes(before, content)
    for actor in actors:
        if looser and actor.role == Role.SUPERVISOR and _over_the_bureau(office, actor):
            return actor
        if not looser and actor.role == Role.BUREAU_HEAD:
            return actor
    raise Refused(
        "action-not-allowed",
        "what loosens supervision is approved by supervision, not the bureau"
        if looser
        else "the head approves this",
    )


def _over_the_bureau(office: Office, actor: Actor) -> bool:
    """Tell whether a supervisor stands above a bureau (A), or over the whole ledger (J)."""
    posts = office.posts_of(actor.person)
    if any(p.id == actor.appointment and p.jurisdiction for p in posts):
        return True
    bureaus = [name for name, organ in office.organs.items() if organ.get("part") == "approving"]
    return any(actor.organ in office.all_above(bureau) for bureau in bureaus)
