"""A case as it was known after each of its events: what cards are raised on, and to whom.

Only what cards ask is taken, because this is done for every case of a ledger when cards are
made anew.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ledger.case import Case, Data, Event, Events, unfolding
from ledger.due import steps
from ledger.lifecycle import Stage
from ledger.limit import Extension, Facts, Pause, Run, Step
from ledger.standing import Subject, about


class Then(NamedTuple):
    """What was known of a case from one of its events on, as far as its cards ask.

    `known` are the facts before and after each correction, empty while there is none.
    """

    position: int
    recorded_at: datetime
    type: str
    terms: Data
    runs: tuple[Run, ...]
    pauses: tuple[Pause, ...]
    extensions: tuple[Extension, ...]
    explained: datetime | None
    known: tuple[Step, ...]
    stage: Stage
    holding: Data
    organ: str | None
    parts: frozenset[str]
    pushes: tuple[Data, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The facts about its limits, before and after each correction."""
        if self.known:
            return self.known
        rules = self.terms.get("policies", {}).get("deadlines", {})
        explain = int(rules.get("explain", 0))
        facts = Facts(self.runs, self.pauses, self.extensions, explain, self.explained)
        return (Step(-1, facts),)

    @property
    def of(self) -> Subject:
        """Its organs."""
        return about(self.terms, window=self.organ, parts=self.parts)

    @property
    def waiting(self) -> set[str]:
        """The organs it was pushed to that have not claimed it."""
        return {str(push["to"]) for push in self.pushes if push["claimed_at"] is None}


def unfolded(history: Events, zone: ZoneInfo) -> tuple[Case, list[Then]]:
    """Fold a history, and tell what was known after each of its events."""
    corrected = any(e.type == "correction-approved" for e in history)
    known = []
    case = Case(history[0].stream, zone)
    for event, now in zip(history, _cases(history, zone, corrected=corrected), strict=True):
        case = now
        known.append(_then(event, case, steps(case) if corrected else ()))
    case.events = history
    return case, known


def _cases(history: Events, zone: ZoneInfo, *, corrected: bool) -> Iterator[Case]:
    if not corrected:
        yield from unfolding(history, zone)
        return
    case = Case(history[0].stream, zone)
    for event in history:
        case = case.following((event,))
        yield case


def _then(event: Event, case: Case, known: tuple[Step, ...]) -> Then:
    assert event.recorded_at is not None, "a case that is followed was recorded"
    return Then(
        event.position,
        event.recorded_at,
        event.type,
        case.terms,
        case.runs,
        case.pauses,
        case.extensions,
        case.explained_at,
        known,
        case.stage,
        case.pending["from"] if case.pending else case.holder,
        case.organ,
        case.parts,
        case.pushes,
    )
