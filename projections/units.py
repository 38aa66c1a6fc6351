"""Which unit a case counts for, in figures and in rankings by unit.

It is the organ of whoever decided it; before that, of whoever accepted it, or took it in.
Handing a case about does not move it from one unit's figures to another's.
"""

from ledger.case import Case

DUTIES = ("decide", "accept", "receive")


def unit_of(case: Case, before: int | None = None) -> str | None:
    """Name the unit, as it was before a position (None: as it is now)."""
    for duty in DUTIES:
        for done in reversed(case.duties):
            if done["duty"] == duty and (before is None or done["position"] < before):
                return str(done["organ"]) if done.get("organ") else None
    return case.organ
