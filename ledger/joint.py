"""Joint handling (联合办理): which opinions a decision waits for, and which it goes without.

The item says whose opinion is wanted, the matter who was asked, when and for how long.  An
organ that lets its time pass does not hold up the others (DOMAIN 10; APL 26): the case is
decided without it, and that stands on record.  So it is on the last day of the case's own limit by
law, however long an organ was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.due import newest
from ledger.errors import Refused

if TYPE_CHECKING:
    from datetime import date

    from ledger.case import Case
    from ledger.matter import Matter
    from ledger.occasion import Occasion
    from ledger.office import Office


@dataclass(frozen=True, slots=True)
class Wanted:
    """One organ whose opinion the item wants; `due` is None where it was never asked."""

    organ: str
    due: date | None
    given: bool

    def awaited(self, day: date) -> bool:
        """Tell whether the organ may still answer on that day."""
        return not self.given and self.due is not None and day <= self.due


def wanted(case: Case, matter: Matter | None, office: Office, day: date) -> tuple[Wanted, ...]:
    """Say of each organ how its opinion stood on a day; nothing of items of another kind.

    What was asked stays asked when a case is split off: of the case nothing changes then.
    """
    if case.terms.get("kind") != "joint":
        return ()
    return tuple(_stood(organ, matter, office, day) for organ in case.terms.get("opinions", ()))


def _stood(organ: str, matter: Matter | None, office: Office, day: date) -> Wanted:
    asked = () if matter is None else zip(matter.opinions, matter.asked, strict=True)
    mine = [(o, run) for o, run in asked if o["organ"] == organ and run.start <= day]
    if not mine:
        return Wanted(organ, None, given=False)
    # Asked again after an answer, it is the newest question that counts.
    opinion, run = mine[-1]
    due = office.calendars.days("cn", office.ledger).add(run.start, run.budget)
    given = opinion["given"] is not None and opinion["given"]["on"] <= day.isoformat()
    return Wanted(organ, due, given=given)


def awaited(case: Case, on: Occasion) -> Refused | None:
    """Say whose opinion a decision has to wait for, None if nobody's."""
    day = case.on(on.at)
    waits = [w for w in wanted(case, on.matter, on.office, day) if w.awaited(day)]
    limit = newest(case, on.office, "statutory", on.at) if waits else None
    if not waits or (limit is not None and day >= limit.due):
        return None
    told = ", ".join(f"{w.organ} (until {w.due})" for w in waits)
    return Refused("rule-refused", f"opinions are awaited: {told}", rule="opinion.awaited")
