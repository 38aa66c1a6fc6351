"""Who sets up what (SECURITY 3.3): proposing, approving, ending, and custody of seals.

Rows are data; `who` returns the actor or refuses.
"""

from collections.abc import Mapping
from datetime import datetime

from ledger.case import Actor, Data
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import Office
from ledger.office.appointment import Post

_ADMINS = (Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN)
_INSPECTION = (Role.INSPECTOR, Role.INSPECTION_LEAD)
_HEADS = (Role.BUREAU_HEAD,)

# kind of thing → act → roles that may.
OFFICE: Mapping[str, Mapping[str, tuple[Role, ...]]] = {
    "item": {"propose": _HEADS, "approve": (Role.SUPERVISOR,)},
    "calendar": {"propose": (Role.SECURITY_ADMIN,), "approve": _HEADS},
    "policy": {"propose": (Role.SECURITY_ADMIN,), "approve": _HEADS},
    "appointment": {
        "propose": (Role.SECURITY_ADMIN, Role.INSPECTION_LEAD),
        "approve": (Role.BUREAU_HEAD, Role.AUDIT_ADMIN, Role.INSPECTION_LEAD),
        "end": (
            Role.SECURITY_ADMIN,
            Role.BUREAU_HEAD,
            Role.AUDIT_ADMIN,
            Role.INSPECTION_LEAD,
        ),
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
    },
    "clock": {"set": (Role.SYSTEM_ADMIN,)},
    "import": {"upload": (Role.SYSTEM_ADMIN,), "commit": _HEADS},
}


def who(
    office: Office, posts: tuple[Post, ...], now: datetime, kind: str, act: str, client: str | None
) -> tuple[Actor, ...]:
    """Return the caller in each post that may do this office act; refuse if none may."""
    on = now.astimezone(office.zone).date()
    # A loss is reported by anyone, at once.
    roles = tuple(Role) if (kind, act) == ("seal", "report-lost") else OFFICE[kind].get(act, ())
    fitting = [p for p in posts if p.role in roles]
    found = tuple(
        Actor(
            person=p.person,
            name=p.name,
            role=str(p.role),
            organ=p.organ,
            appointment=p.id,
            client=client,
        )
        for p in fitting
        if p.active(on)
    )
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
        wanted = {Role.INSPECTION_LEAD} if role in _INSPECTION else {Role.SECURITY_ADMIN}
        where = None
    elif role in _INSPECTION or role == Role.AUDIT_ADMIN:
        wanted, where = {Role.INSPECTION_LEAD}, None
    elif role in _ADMINS:
        wanted, where = {Role.AUDIT_ADMIN}, None
    else:
        wanted = {Role.BUREAU_HEAD}
        where = office.above(organ) if role == Role.BUREAU_HEAD else organ
        if role != Role.BUREAU_HEAD and not any(
            p.role == Role.BUREAU_HEAD and p.organ == organ for p in office.posts
        ):
            where = office.above(organ)  # an organ whose head holds no post here
    for actor in actors:
        if actor.role in wanted and (where is None or actor.organ == where):
            return actor
    raise Refused("action-not-allowed", f"no appointment of yours lets you {act} this post")


def approving(actors: tuple[Actor, ...], kind: str, content: Data) -> Actor:
    """Choose the post by which an item may be approved: a supervisor of the item."""
    if kind != "item":
        return actors[0]
    organs = content["organs"]["supervising"]
    names = (organs,) if isinstance(organs, str) else tuple(organs)
    for actor in actors:
        if actor.organ in names:
            return actor
    raise Refused("action-not-allowed", "a supervisor of the item approves it")


def supervising(
    office: Office, posts: tuple[Post, ...], now: datetime, client: str | None
) -> Actor:
    """Return the caller as a supervisor over the bureau (A or J), or refuse."""
    on = now.astimezone(office.zone).date()
    for p in posts:
        if p.role == Role.SUPERVISOR and p.active(on) and p.jurisdiction:
            return Actor(
                person=p.person,
                name=p.name,
                role=str(p.role),
                organ=p.organ,
                appointment=p.id,
                client=client,
            )
    raise Refused(
        "action-not-allowed", "what loosens supervision is approved by supervision, not the bureau"
    )
