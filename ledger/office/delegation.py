"""Delegation (委托): some acts of one's own post, to somebody of the same organ, for some days.

It widens nothing: what it gives is looked up in the delegator's post whenever it is used
(`standing`), and the append checks both appointments.
"""

from datetime import date

from ledger.errors import Refused
from ledger.lifecycle import MAY, Action
from ledger.office import Office
from ledger.office.appointment import Post

# At most so many days, where no policy of kind posts says otherwise.
AT_MOST = 30

# Custody of a seal is handed over, never delegated; and nobody steps back for somebody else.
OF_CUSTODY = frozenset({Action.SEAL, Action.VOID_SEAL})
PERSONAL = frozenset({Action.DECLARE_RECUSAL})


def check(office: Office, new: Post, on: date) -> None:
    """Refuse a delegation of what the delegator has not, or may not delegate."""
    _days(office, new)
    _actions(new)
    own = [p for p in office.posts_of(new.delegator) if p.role == new.role and p.active(on)]
    if not any(p.organ == new.organ for p in own):
        if any(_gives(d, new, on) for d in office.delegations):
            # 行政许可法 24: what was delegated is not delegated on.
            raise Refused("separation-of-duties", "a delegate does not delegate", rule="SOD-14")
        raise Refused("unknown-reference", "the delegator has no such post", pointer="/delegator")
    if new.person == new.delegator:
        raise Refused("schema", "one delegates to somebody else", pointer="/person")
    if not any(p.organ == new.organ and p.active(on) for p in office.posts_of(new.person)):
        raise Refused("unknown-reference", "nobody of that organ", pointer="/person")


def _gives(held: Post, new: Post, on: date) -> bool:
    same = (held.role, held.organ) == (new.role, new.organ)
    return held.person == new.delegator and same and held.active(on)


def _days(office: Office, new: Post) -> None:
    most = office.setting("posts-default", "delegation_days", AT_MOST)
    if new.until is None or (new.until - new.since).days >= most:
        raise Refused(
            "schema", f"a delegation ends within {most} days", rule="delegation.days", pointer="/to"
        )


def _actions(new: Post) -> None:
    given = {
        str(action)
        for action, cells in MAY.items()
        if action not in PERSONAL and any(cell.role == new.role for cell in cells)
    }
    for action in sorted(new.actions):
        if action not in given:
            raise Refused(
                "schema", f"not an act of that post to delegate: {action}",
                rule="delegation.actions", pointer="/actions",
            )  # fmt: skip
        if Action(action) in OF_CUSTODY:
            raise Refused("rule-refused", "custody is handed over instead", rule="seal.custody")
    if not new.actions:
        raise Refused("schema", "name the acts", rule="delegation.actions", pointer="/actions")
