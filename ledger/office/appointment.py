"""Appointments (授权): a person's post in an organ, from when to when, granted by whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.errors import Refused
from ledger.lifecycle import BRANCH, Role
from ledger.office.versioned import Versioned


@dataclass(frozen=True, slots=True)
class Post:
    """An appointment as it can be used: who, in which role, where, for which items."""

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

    def active(self, on: date) -> bool:
        """Tell whether the post can be used on that day."""
        return not self.ended and self.since <= on and (self.until is None or on <= self.until)

    def was(self, on: date) -> bool:
        """Tell whether the post existed and has ended by that day."""
        return self.ended or (self.until is not None and on > self.until)

    def covers(self, item: str | None) -> bool:
        """Tell whether the post's scope holds the item."""
        return self.items is None or item is None or item in self.items


def post(thing: Versioned) -> Post | None:
    """Read the post out of an approved appointment; None while it is only proposed."""
    if thing.current is None:
        return None
    content = thing.current.content
    items = content.get("items", "all")
    until = content.get("to")
    return Post(
        id=thing.id,
        stream=thing.stream,
        person=content["person"],
        name=content.get("name", content["person"]),
        role=Role(content["role"]),
        organ=content["organ"],
        items=None if items == "all" else tuple(items),
        jurisdiction=bool(content.get("jurisdiction")),
        since=date.fromisoformat(content["from"]),
        until=date.fromisoformat(until) if until else None,
        ended=thing.ended is not None,
    )


def separated(posts: Iterable[Post], person: str, role: Role, on: date) -> None:
    """Refuse a post that joins what must stay apart: SOD-6, and SOD-7 for administrators."""
    for held in posts:
        if held.person != person or not held.active(on):
            continue
        branches = {BRANCH[held.role], BRANCH[role]}
        if "administration" in branches and held.role != role:
            raise Refused(
                "separation-of-duties",
                "an administrator holds no other post",
                rule="SOD-7",
            )
        if len(branches) > 1:
            raise Refused(
                "separation-of-duties",
                "nobody holds posts in two of approval, supervision, enforcement, inspection",
                rule="SOD-6",
            )
