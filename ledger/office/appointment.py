"""Appointments (授权): a person's post in an organ, from when to when, granted by whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ledger.case import Actor, Data
from ledger.errors import Refused
from ledger.lifecycle import BRANCH, Role
from ledger.office.versioned import Versioned

EMERGENCY = "break-glass"
EMERGENCY_HOURS = 4


@dataclass(frozen=True, slots=True)
class Post:
    """An appointment as it can be used: who, in which role, where, for which items.

    A delegation (委托) is one of `actions` of the `delegator`'s own post, and gives no more
    than that post gives at the moment.
    """

    id: str
    stream: str
    person: str
    name: str
    role: Role
    organ: str
    items: tuple[str, ...] | None
    jurisdiction: bool
    since: date
    until: date | None
    ended: bool
    delegator: str | None = None
    actions: frozenset[str] = frozenset()
    # From when to when an emergency lasts (break-glass); None for what is granted by the day.
    lasts: tuple[datetime, datetime] | None = None
    emergency: bool = False

    def actor(self, client: str | None = None) -> Actor:
        """Return who acts in this post, and through which client system."""
        return Actor(
            person=self.person,
            name=self.name,
            role=str(self.role),
            organ=self.organ,
            appointment=self.id,
            client=client,
        )

    def active(self, on: date) -> bool:
        """Tell whether the post can be used on that day."""
        return not self.ended and self.since <= on and (self.until is None or on <= self.until)

    def was(self, on: date) -> bool:
        """Tell whether the post existed and has ended by that day."""
        return self.ended or (self.until is not None and on > self.until)

    def covers(self, item: str | None) -> bool:
        """Tell whether the post's scope holds the item."""
        return self.items is None or item is None or item in self.items

    def same(self, other: "Post") -> bool:
        """Tell whether another version could be of this post; each emergency is its own."""
        return not self.emergency and not other.emergency and self.whose() == other.whose()

    def whose(self) -> tuple[str, Role, str, str | None]:
        """Say what makes it the same post: the person, the role, the organ, and whose it is."""
        return self.person, self.role, self.organ, self.delegator

    def meets(self, other: "Post", on: date) -> bool:
        """Tell whether both posts can be used on one and the same day, from a day on."""
        if self.ended or other.ended:
            return False
        first = max(self.since, other.since, on)
        return first <= min(self.until or date.max, other.until or date.max)


def post(thing: Versioned) -> Post | None:
    """Read the post out of an approved appointment; None while it is only proposed."""
    if thing.current is None:
        return None
    held = read(thing.id, thing.current.content, ended=thing.ended is not None)
    if not held.emergency:
        return held
    at = thing.current.at
    hours = min(int(thing.current.content.get("hours", EMERGENCY_HOURS)), EMERGENCY_HOURS)
    return replace(held, lasts=(at, at + timedelta(hours=hours)))


def read(name: str, content: Data, *, ended: bool = False) -> Post:
    """Read the post that an appointment of this content is, or would be."""
    items = content.get("items", "all")
    until = content.get("to")
    return Post(
        id=name,
        stream=f"appointment:{name}",
        person=content["person"],
        name=content.get("name", content["person"]),
        role=Role(content["role"]),
        organ=content["organ"],
        items=None if items == "all" else tuple(items),
        jurisdiction=bool(content.get("jurisdiction")),
        since=date.fromisoformat(content["from"]),
        until=date.fromisoformat(until) if until else None,
        ended=ended,
        delegator=content.get("delegator"),
        actions=frozenset(content.get("actions", ())),
        emergency=content.get("kind") == EMERGENCY,
    )


# A head counts in the line of the organ (局领导): the head of a supervising organ supervises.
_HEADS_OF: Mapping[str, str] = {
    "supervising": "supervision",
    "authority": "supervision",
    "enforcing": "enforcement",
    "inspection": "inspection",
}


def branch(held: Post, organs: Mapping[str, Data]) -> str:
    """Name the branch that a post belongs to."""
    if held.role == Role.BUREAU_HEAD:
        part = str(organs.get(held.organ, {}).get("part"))
        return _HEADS_OF.get(part, BRANCH[held.role])
    return BRANCH[held.role]


def separated(posts: Iterable[Post], new: Post, organs: Mapping[str, Data], on: date) -> None:
    """Refuse a post that joins what must stay apart at any time from a day on.

    SOD-6, and SOD-7 for administrators.  A post that begins later counts as well as one of
    today; the post that the new one takes the place of does not.
    """
    for held in posts:
        if held.person != new.person or held.id == new.id or not held.meets(new, on):
            continue
        rule = apart(held, new, organs)
        if rule is not None:
            raise Refused("separation-of-duties", _APART[rule], rule=rule)


_APART = {
    "SOD-6": "nobody holds posts in two of approval, supervision, enforcement, inspection",
    "SOD-7": "an administrator holds no other post",
}


def apart(one: Post, other: Post, organs: Mapping[str, Data]) -> str | None:
    """Name the rule by which one person may not hold both posts at one time, None if they may."""
    branches = {branch(one, organs), branch(other, organs)}
    if "administration" in branches and one.role != other.role:
        return "SOD-7"
    return "SOD-6" if len(branches) > 1 else None
