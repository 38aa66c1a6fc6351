"""Who sees a row of a list: the row's side, and the reader's, of one and the same key.

A row is marked with what organs are to its case (`O:qh-xzsp`, `S:qh-wjw`); a reader brings
the relations that posts give, some of them for certain items only.  The letters are those of
`authority`: O own, P part, S supervising, E enforcing, A above, T told of the result; J is the
whole ledger, R of it what was reviewed, N none of a case.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ledger.case import Case
from ledger.office import Office
from ledger.standing import Subject, about, told

# One relation that a post gives: its letter, the organ, the items it covers (None: all).
Scope = tuple[str, str, tuple[str, ...] | None]


def of_case(case: Case) -> Subject:
    """Read the organs of a case; an applicant's own act names none but the approving one."""
    return about(case.terms, window=case.organ, parts=case.parts, told=told(case))


def without_parts(case: Case) -> Subject:
    """Read the organs of a case but those it was handed to, which change with every transfer."""
    return about(case.terms, window=case.organ)


def marks(of: Subject, office: Office) -> list[str]:
    """Mark a row with what every organ is to it, in order."""
    found = {f"O:{organ}" for organ in (of.approving, of.window) if organ}
    found |= {f"P:{organ}" for organ in (*of.parts, of.delegator) if organ}
    found |= {f"S:{organ}" for organ in of.supervising}
    found |= {f"E:{organ}" for organ in of.enforcing}
    found |= {f"T:{organ}" for organ in of.told}
    found |= {f"A:{above}" for above in office.all_above(of.approving)}
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Reader:
    """What a reader may see, as a statement compares it: everything, or marks and items."""

    everything: bool
    reviewed: bool
    marks: list[str]
    item_marks: list[str]
    items: list[str]

    @property
    def arguments(self) -> tuple[bool, list[str], list[str], list[str]]:
        """The first parameters of every list that is limited to what its reader may see."""
        return self.everything, self.marks, self.item_marks, self.items

    def sees(self, row: Collection[str], item: str) -> bool:
        """Tell whether a row with these marks is shown, as a statement would."""
        limited = zip(self.item_marks, self.items, strict=True)
        return (
            self.everything
            or any(mark in row for mark in self.marks)
            or any(item == of and mark in row for mark, of in limited)
        )


def reader(scopes: Iterable[Scope]) -> Reader:
    """Turn the relations of a reader's posts into marks."""
    known = tuple(scopes)
    limited = [
        (f"{letter}:{organ}", item)
        for letter, organ, items in known
        if letter not in "JRN" and items is not None
        for item in items
    ]
    return Reader(
        everything=any(letter == "J" for letter, _, _ in known),
        reviewed=any(letter == "R" for letter, _, _ in known),
        marks=[
            f"{letter}:{o}" for letter, o, items in known if letter not in "JRN" and items is None
        ],
        item_marks=[mark for mark, _ in limited],
        items=[item for _, item in limited],
    )
