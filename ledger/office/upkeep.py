"""What wants looking at in the posts as they stand: every night, or whenever somebody asks.

An approval refuses what must stay apart, and the append checks that nothing came between.  What
joins all the same (an organ was moved, an earlier set-up had it) is found here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations

from ledger.lifecycle import Role
from ledger.office import Office, emergency
from ledger.office.appointment import Post, apart

# Days, where no policy of kind posts says otherwise.
EXPIRES_WITHIN = 30
UNUSED_FOR = 90

# Who only reads leaves no act by which one could tell that the post is used.
_READS_ONLY = frozenset({Role.INSPECTOR})

RULES = (
    "SOD-6",
    "SOD-7",
    "SOD-17",
    emergency.RULE,
    "post.expiring",
    "post.unused",
)


@dataclass(frozen=True, slots=True)
class Noted:
    """One thing to look at: by which rule, whose posts, and since or until which day."""

    rule: str
    person: str
    appointments: tuple[str, ...]
    day: date | None = None


def noted(office: Office, on: date, used: Mapping[str, datetime]) -> tuple[Noted, ...]:
    """List what is to be looked at on a day, rule by rule, then by person.

    `used` tells when a post was last acted in, by its appointment.
    """
    found = (
        *_joined(office, on),
        *_systems(office, on),
        *_unreviewed(office),
        *_expiring(office, on),
        *_unused(office, on, used),
    )
    order = {rule: n for n, rule in enumerate(RULES)}
    return tuple(sorted(found, key=lambda n: (order[n.rule], n.person, n.appointments)))


def _joined(office: Office, on: date) -> Iterator[Noted]:
    """Find the posts of one person, held or lent, that must stay apart (SOD-6, SOD-7)."""
    by: dict[str, list[Post]] = {}
    for held in office.powers:
        by.setdefault(held.person, []).append(held)
    for person, posts in by.items():
        for one, other in combinations(posts, 2):
            rule = apart(one, other, office.organs) if one.meets(other, on) else None
            if rule is not None:
                ids = tuple(sorted((one.id, other.id)))
                yield Noted(rule, person, ids, max(one.since, other.since))


def _systems(office: Office, on: date) -> Iterator[Noted]:
    for held in office.powers:
        if held.person in office.clients and not held.was(on):
            yield Noted("SOD-17", held.person, (held.id,), held.since)


def _unreviewed(office: Office) -> Iterator[Noted]:
    for held in office.emergencies:
        if emergency.waits_for_review(office.existing(held.stream)):
            yield Noted(emergency.RULE, held.person, (held.id,), held.since)


def _expiring(office: Office, on: date) -> Iterator[Noted]:
    within = timedelta(days=office.setting("posts-default", "expiring_days", EXPIRES_WITHIN))
    for held in office.posts:
        if held.active(on) and held.until is not None and held.until <= on + within:
            yield Noted("post.expiring", held.person, (held.id,), held.until)


def _unused(office: Office, on: date, used: Mapping[str, datetime]) -> Iterator[Noted]:
    """Find the posts nobody has acted in for so long; what is not needed is taken back."""
    after = on - timedelta(days=office.setting("posts-default", "unused_days", UNUSED_FOR))
    for held in office.posts:
        last = used.get(held.id)
        day = held.since if last is None else last.astimezone(office.zone).date()
        if held.active(on) and held.role not in _READS_ONLY and day <= after:
            yield Noted("post.unused", held.person, (held.id,), day)
