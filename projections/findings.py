"""Findings (线索): patterns that an inspector should look at, each by a stated rule.

Followed are facts and measures, no verdicts: whether a measure is a finding depends on the
policy and on the day it is asked, and is compared by whoever reads (`findings_read`).  Rules
about one case are measured when something happens to it, rules across cases when they are
asked, from the facts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from decimal import Decimal
from operator import attrgetter
from pathlib import Path

from ledger.case import Case
from ledger.queries import load
from projections import (
    findings_after,
    findings_kept,
    findings_order,
    findings_persons,
    findings_times,
)
from projections.findings_case import Found, Looked
from projections.findings_facts import Who, of_acts, of_case, of_refusal
from projections.follow import REFUSALS, Batch, Connection, Projection
from projections.limits import adopted

SQL = load(Path(__file__).with_suffix(".sql"))

# Tells who applied for a case of a ledger, so that cases of one applicant can be known.
Index = Callable[[str, Case], Who]

# What measures a case, rule by rule.
MEASURED: Sequence[Callable[[Looked], Iterator[Found]]] = (
    findings_persons.four_eyes,
    findings_persons.two_responsibilities,
    findings_persons.sole_handler,
    findings_persons.skipped_level,
    findings_persons.rubber_stamp,
    findings_persons.quick_grant,
    findings_persons.overridden_opinion,
    findings_persons.intervention,
    findings_persons.handover,
    findings_times.parked_receipt,
    findings_times.repeated_supplement,
    findings_times.convenient_pause,
    findings_times.pause_overrun,
    findings_times.back_dating,
    findings_times.loops,
    findings_order.hollow_close,
    findings_order.impossible_order,
    findings_order.evidence_after,
    findings_order.seal_order,
    findings_order.route,
    findings_after.unsupervised,
    findings_after.enforcement_late,
)

_OWN = ("ledger", "generation")
_CASE = (
    *_OWN,
    "stream",
    "case_no",
    "item",
    "item_version",
    "limited",
    "organ",
    "own",
    "applicant",
    "agent",
    "received_position",
    "received_at",
    "accepted_position",
    "accepted_at",
    "decided_position",
    "decided_at",
    "decider",
    "ended_at",
    "route",
    "last_position",
    "first_day",
    "last_day",
)
_ACT = (
    *_OWN,
    "stream",
    "position",
    "at",
    "type",
    "action",
    "step",
    "person",
    "organ",
    "client",
    "branch",
    "staff",
    "own",
    "late",
    "working",
    "after",
    "gap_s",
    "seal",
    "grade",
    "terminal",
    "verdict",
    "alert",
    "days_left",
    "days_in_month",
)
_REFUSAL = (*_OWN, "position", "stream", "action", "person", "rule", "recorded_at")
_FIELDS = tuple(f.name for f in fields(Found))
_FOUND = (*_OWN, "stream", *_FIELDS)
_values = attrgetter(*_FIELDS)


def unknown(_ledger: str, _case: Case) -> Who:
    """Know no applicant: where the keys are not at hand, rules that compare them find nothing."""
    return Who()


def _nobody(_reference: str) -> None:
    """Forget nobody: where the keys are not at hand."""


def projection(index: Index = unknown, forget: Callable[[str], None] = _nobody) -> Projection:
    """Return the projection, which knows applicants by an index whose key it never sees.

    Once the key of somebody is destroyed their cases are measured anew, without knowing them;
    `forget` sees to it that they are not known here any more.
    """

    async def apply(connection: Connection, batch: Batch) -> None:
        """Measure every case anew that something happened to, and note the refusals."""
        if batch.refusals:
            await _refusals(connection, batch)
            return
        streams = batch.streams
        for first, last in adopted(batch):
            rows = await connection.fetch(SQL["moved_by_calendar"], *batch.key, first, last)
            streams |= {row["stream"] for row in rows} - batch.later
        for event in batch.events:
            if event.type == "key-destroyed":
                forget(event.data["reference"])
                if event.data["of"].startswith("case:"):
                    streams |= {event.data["of"]} - batch.later
        cases = await batch.cases(streams)
        if cases:
            await _cases(connection, batch, cases, index)

    return Projection(
        name="findings",
        apply=apply,
        rows={
            "finding": SQL["rows"],
            "finding_case": SQL["rows_of_cases"],
            "finding_act": SQL["rows_of_acts"],
            "finding_refusal": SQL["rows_of_refusals"],
        },
        remove={
            "finding": SQL["remove"],
            "finding_case": SQL["remove_all_cases"],
            "finding_act": SQL["remove_all_acts"],
            "finding_refusal": SQL["remove_all_refusals"],
            **findings_kept.REMOVE,
        },
        beside=REFUSALS,
    )


async def _refusals(connection: Connection, batch: Batch) -> None:
    rows = [(*batch.key, *row) for row in map(of_refusal, batch.events) if row is not None]
    await _copied(connection, "finding_refusal", _REFUSAL, rows)


async def _cases(connection: Connection, batch: Batch, cases: Sequence[Case], index: Index) -> None:
    streams = [case.stream for case in cases]
    for name in ("remove_of_cases", "remove_acts", "remove_cases"):
        await connection.execute(SQL[name], *batch.key, streams)
    looked = [Looked(case, batch.office) for case in cases]
    facts = [(*batch.key, *of_case(of, index(batch.ledger, of.case))) for of in looked]
    await _copied(connection, "finding_case", _CASE, facts)
    acts = [(*batch.key, *row) for of in looked for row in of_acts(of)]
    await _copied(connection, "finding_act", _ACT, acts)
    found = [
        (*batch.key, of.case.stream, *_row(one))
        for of in looked
        for measure in MEASURED
        for one in measure(of)
    ]
    await _copied(connection, "finding", _FOUND, found)


def _row(found: Found) -> Iterator[object]:
    for value in _values(found):
        yield Decimal(str(value)) if isinstance(value, float) else value


async def _copied(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[object]
) -> None:
    if rows:
        await connection.copy_records_to_table(
            table, schema_name="projections", columns=columns, records=rows
        )
