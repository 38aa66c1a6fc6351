"""Who did what, for supervision and inspection: what the pages of persons and organs rest on."""

from api.access import Entry, Scopes, not_given
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.standing import READING
from projections import doings
from projections.audit_trail import PROJECTION

READERS = frozenset({Role.SUPERVISOR, Role.INSPECTOR, Role.INSPECTION_LEAD})
VIEW = (PROJECTION.name,)


def seen_by(entry: Entry) -> Scopes:
    """Return what of the audit trail the caller follows persons in; refuse who may not.

    A head or an enforcer reads acts on cases, and does not follow a person through them.
    """
    found = tuple(
        (letter, held.organ, held.items)
        for held in entry.active_posts()
        if held.role in READERS
        for letter in READING["audit"].get(held.role, "")
        if letter != "J" or held.jurisdiction
    )
    if not found:
        raise not_given(entry, READERS, "what a person did")
    return found


def follows(entry: Entry) -> bool:
    """Tell whether the caller may follow persons and organs."""
    try:
        seen_by(entry)
    except Refused:
        return False
    return True


async def of(
    entry: Entry, seen: Scopes, *, person: str | None = None, organ: str | None = None
) -> doings.Doings:
    """Return what a person or an organ did; who is not known here, and did nothing, is not there.

    Raises `Refused` (`not-found`).
    """
    await entry.service.caught_up(entry.ledger.name, -1, VIEW)
    found = await doings.told(
        entry.service.reads, entry.ledger.name, seen, person=person, organ=organ
    )
    known = entry.office.posts_of(person) if person is not None else organ in entry.office.organs
    if not known and not found.lines:
        raise Refused("not-found", "nobody of that name has acted here")
    return found
