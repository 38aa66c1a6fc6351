"""What folding an event notes of a case: limits that start, are met or end, duties done.

Shared by both halves of the fold; a case is changed in place here, while it is being built.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ledger.limit import Run, closing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from ledger.case import Case, Data, Event, Json


def opened(case: Case, event: Event, name: str, budget: int, start: date, **more: Json) -> None:
    """Start a limit of a case; what happened elsewhere is bound by none of ours."""
    if case.source is not None:
        return  # what happened elsewhere is a fact; our limits did not bind it
    closes = more.pop("closes", closing(policy(case, "deadlines")))
    run = Run(
        name=name,
        unit=more.pop("unit", "working-day"),
        budget=budget,
        start=start,
        rule=more.pop("rule", "deadline.day-after"),
        opened=event.position,
        opened_at=event.recorded_at or event.occurred_at,
        pausable=name in ("statutory", "promised"),
        closes=closes,
        **more,
    )
    at = event.occurred_at
    if budget == 0 and start == case.on(at) and run.closed(at, case.zone):
        run = replace(run, closes=None)  # what begins after the close has the rest of its day
    case.runs = (*case.runs, run)


def met(case: Case, name: str, at: date | datetime, kind: str | None = None) -> None:
    """Note when the newest run of a limit was met, if it still runs.

    `at` is the instant, or the day where the act names no more than that.
    """
    for i in range(len(case.runs) - 1, -1, -1):
        run = case.runs[i]
        if run.name == name and run.data.get("kind") == kind:
            if run.met is None and run.ended is None:
                runs = list(case.runs)
                runs[i] = run.met_at(at, case.zone)
                case.runs = tuple(runs)
            return


def ended(case: Case, at: datetime, name: str | None = None, kind: str | None = None) -> None:
    """End what runs (under one name, of one kind, or all): the case has taken the duty away."""
    case.runs = tuple(
        run.ended_at(at, case.zone)
        if run.met is None
        and run.ended is None
        and name in (None, run.name)
        and kind in (None, run.data.get("kind"))
        else run
        for run in case.runs
    )


def done(case: Case, event: Event, duty: str) -> None:
    """Note who did a duty of the case; what is done by delegation counts for both."""
    actor = event.actor
    for person in (actor.person, *([actor.delegator] if actor.delegator else ())):
        noted = {
            "duty": duty,
            "person": person,
            "organ": actor.organ,
            "event": event.id,
            "position": event.position,
        }
        case.duties = (*case.duties, noted)


def policy(case: Case, kind: str) -> Data:
    """Return a policy of the case's terms."""
    policies: Mapping[str, Data] = case.terms.get("policies", {})
    return policies.get(kind, {})


def days(case: Case, name: str) -> int:
    """Return a number of days that the deadlines policy of the terms gives."""
    return int(policy(case, "deadlines").get(name, 0))


def organs(terms: Data, name: str) -> tuple[str, ...]:
    """Name the organs that are this to a case by its terms, such as supervising or notified."""
    found = terms.get("organs", {}).get(name) or ()
    return (found,) if isinstance(found, str) else tuple(found)


def receivers(terms: Data) -> tuple[str, ...]:
    """Name who is pushed what was granted: who supervises it, and who is told (多证合一)."""
    return (*organs(terms, "supervising"), *organs(terms, "notified"))
