"""What was known of the limits of a case from each moment on: what their cards are raised on.

Pure.  A case raises cards on it, and so does the matter that waits for the case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ledger.alert import CAUSES, Moment
from ledger.deadline import foreseen
from projections.limits import NATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from ledger.case import Data
    from ledger.limit import Facts
    from ledger.office import Office
    from projections.unfolded import Then


@dataclass(frozen=True, slots=True)
class Known:
    """A moment of a case, and the alert policy of the terms that it had then."""

    moment: Moment
    policy: Data


def moments(
    known: list[Then], office: Office, zone: ZoneInfo, names: frozenset[str]
) -> list[Known]:
    """List the moments from which something else held about these limits of a case."""
    happened: list[tuple[int, datetime, Then | None, str | None]] = [
        (v.position, v.approved_at, None, "calendar")
        for v in office.calendars.versions
        if v.position > known[0].position
        and v.calendar in (NATION, office.ledger)
        and v.approved_at is not None
    ]
    before: Facts | None = None
    for then in known:
        now = _only(then.steps[-1].facts, names)
        if now != before or then.type == "correction-approved":
            happened.append((then.position, then.recorded_at, then, CAUSES.get(then.type)))
        before = now
    found = []
    then = known[0]
    for position, at, changed, cause in sorted(happened, key=lambda h: h[0]):
        then = changed or then
        steps_then = tuple(replace(step, facts=_only(step.facts, names)) for step in then.steps)
        if then.runs:
            policy = then.terms["policies"]["alerts"]
            calendars = office.calendars.known_at(position)
            ahead = foreseen(steps_then, calendars, at, zone, policy, overlay=office.ledger)
            found.append(Known(Moment(position, at, ahead, cause), policy))
    return found


def _only(of: Facts, names: frozenset[str]) -> Facts:
    return replace(of, runs=tuple(run for run in of.runs if run.name in names))


def by_policy(known: list[Known]) -> Iterator[tuple[Data, list[Moment]]]:
    """Give the moments with the policy their limits go by.

    Terms are taken at receipt and again at acceptance.  Where the alert policy was another
    one by then, what was opened before goes on by the earlier one.
    """
    if not known:
        return
    old, new = known[0].policy, known[-1].policy
    if old == new:
        yield new, [k.moment for k in known]
        return
    since = next(k.moment.position for k in known if k.policy == new)
    for policy, later in ((old, False), (new, True)):
        found = [
            replace(
                k.moment,
                deadlines=tuple(d for d in k.moment.deadlines if (d.run.opened >= since) == later),
            )
            for k in known
        ]
        yield policy, found
