"""Reads findings: measures compared with the numbers in force and with the time it is now.

The statements take the numbers of the policy and the tests of the measures as data, so that a
rule's text, its numbers and what it finds come from one table.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from ledger.case import Data
from ledger.errors import Refused
from ledger.office import Office
from ledger.queries import load
from ledger.records import instant
from projections.asked import Asked, Mark, Page, total, wrong_mark
from projections.findings_kept import ACROSS, measure, numbers, standing, standing_of
from projections.findings_measures import MEASURES
from projections.findings_rules import POLICY, RULES, Parameters, Rule
from projections.follow import Pool

SQL = load(Path(__file__).with_suffix(".sql"))
# A page with the total, which is counted only where somebody asks for it.
COUNTED = SQL["listed"].replace(
    "NULL::bigint AS total", SQL["total"].replace("COUNTED", SQL["counted"].rstrip(";"))
)

FILTERS = frozenset({"rule", "part", "case", "officer", "organ", "item", "from", "to"})
FIGURES = frozenset({"rule", "by", "officer", "organ", "item", "from", "to"})
GROUPS = frozenset({"part", "officer", "unit", "month"})


def parameters(office: Office) -> Parameters:
    """Return the numbers in force: those of the policy, or of the table where there is none."""
    thing = office.thing(f"policy:{POLICY}")
    current = None if thing is None else thing.current
    return Parameters() if current is None else Parameters.of(current.content, current.number)


async def listed(
    reads: Pool,
    wholes: Pool,
    ledger: str,
    zone: ZoneInfo,
    by: Parameters,
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    now: datetime,
    *,
    counted: bool = False,
    rules: Collection[str] = RULES,
) -> Page:
    """Return a page of the findings there are by now, the newest first.

    Of the first page of several rules is told which of them find anything.  `rules` are those
    that are looked at where none is asked for.

    What cases show together is read as it was measured (`findings_kept`).  What of it is quick
    to measure is measured first where something has moved; of the rest is told how it stands.
    """
    asked = Asked(filters)
    rule = _computable(asked.one_of("rule", RULES))
    statement = COUNTED if counted else SQL["listed"]
    of = rules if rule is None else {rule.id}
    arguments = (*_arguments(ledger, zone, by, asked, rule, now, of), *_before(after), limit + 1)
    rows = await reads.fetch(statement, *arguments)
    stands = standing_of(_stands(rows), ACROSS & frozenset(of))
    quick = stands.quick() if rows else frozenset()
    if quick:
        await measure(wholes, ledger, by, quick, now)
        rows = await reads.fetch(statement, *arguments)
    found = [row for row in rows if row["id"] is not None]
    last = found[limit - 1] if len(found) > limit else None
    return Page(
        tuple(_finding(row, by) for row in found[:limit]),
        [instant(last["came_at"]), last["id"]] if last else None,
        rows[0]["shown_position"] if rows else -1,
        total(rows, counted=counted),
        stands.without(quick),
        frozenset(rows[0]["rules"]) if rows and rule is None and after is None else None,
    )


async def summary(
    wholes: Pool,
    ledger: str,
    zone: ZoneInfo,
    by: Parameters,
    filters: Mapping[str, str],
    now: datetime,
) -> Page:
    """Tell of every rule what it looks for, by which numbers, and how much it finds by now.

    Of rules that were never measured by these numbers it is not told how much.
    """
    stands = await standing(wholes, ledger, by, ACROSS)
    quick = stands.quick()
    if quick:
        await measure(wholes, ledger, by, quick, now)
    behind = stands.without(quick)
    unknown = {rule.name for rule in behind if not rule.known}
    arguments = _arguments(ledger, zone, by, Asked(filters), None, now)
    rows = await wholes.fetch(SQL["counted"], *arguments)
    found = {row["rule"]: row for row in rows}
    told = (
        _rule(rule, by, found.get(rule.id), known=rule.why_not is None and rule.id not in unknown)
        for rule in RULES.values()
    )
    return Page(tuple(told), None, stands.shown, behind=behind)


def _stands(rows: Sequence[Any]) -> Sequence[Data]:
    """Read how the rules stand, as the first row of a list tells it."""
    found: Sequence[Data] = orjson.loads(rows[0]["standing"]) if rows else ()
    return found


def _arguments(
    ledger: str,
    zone: ZoneInfo,
    by: Parameters,
    asked: Asked,
    rule: Rule | None,
    now: datetime,
    rules: Collection[str] = RULES,
) -> tuple[object, ...]:
    own = rule.id if rule else None
    tests = [m.condition(by) for m in MEASURES.values() if not m.figures_only and m.rule in rules]
    return (
        ledger,
        now,
        numbers(by),
        orjson.dumps(tests).decode(),
        own,
        asked.text("case"),
        asked.text("officer"),
        asked.text("organ"),
        asked.text("item"),
        *asked.bounds(zone),
        asked.text("part"),
    )


async def figures(
    reads: Pool, ledger: str, zone: ZoneInfo, filters: Mapping[str, str], now: datetime
) -> tuple[Data, ...]:
    """Tell how what rules measured is spread, by part, officer, unit or month."""
    asked = Asked(filters)
    rule = _computable(asked.one_of("rule", RULES))
    group = asked.one_of("by", GROUPS) or "part"
    arguments = (
        rule.id if rule else None,
        group,
        asked.text("item"),
        asked.text("organ"),
        asked.text("officer"),
        *asked.bounds(zone),
        now,
    )
    rows = await reads.fetch(SQL["figures"], ledger, *arguments)
    return tuple(
        {
            "measure": row["measure"],
            "unit_of_measure": MEASURES[row["measure"]].unit,
            group: row["part"],
            "same_person": row["same"],
            **{
                name: _number(row[name])
                for name in (
                    "cases", "measured", "nothing", "sum", "least", "p50", "p90", "most"
                )
            },
        }
        for row in rows
    )  # fmt: skip


def _computable(name: str | None) -> Rule | None:
    rule = None if name is None else RULES[name]
    if rule is not None and rule.why_not is not None:
        raise Refused("invalid-parameter", f"rule: {name} is not computed: {rule.why_not[1]}")
    return rule


def _before(after: Mark | None) -> tuple[datetime | None, str | None]:
    match after:
        case None:
            return None, None
        case [str() as at, str() as found]:
            return datetime.fromisoformat(at), found
    raise wrong_mark()


def _finding(row: Any, by: Parameters) -> Data:  # noqa: ANN401 (asyncpg ships no types)
    measure, rule = MEASURES[row["measure"]], RULES[row["rule"]]
    figures = orjson.loads(row["figures"]) if row["figures"] else {}
    return {
        "id": row["id"],
        "rule": rule.id,
        **_words(rule, by),
        "measure": measure.name,
        "part": row["part"],
        "cases": list(row["cases"]),
        "positions": sorted(row["positions"]),
        "came_at": row["came_at"].astimezone(ZoneInfo(row["zone"])).isoformat(),
        "measured": _number(row["measured"]),
        "unit_of_measure": measure.unit,
        "compare": measure.test[0] if measure.test else None,
        "threshold": measure.threshold(by),
        "beside": _number(row["beside"]),
        "beside_unit": measure.beside_unit,
        "figures": figures,
        "officer": row["officer"],
        "unit": row["unit"],
        "same_person": row["same"],
        "items": sorted(filter(None, row["items"])),
        "organs": sorted(filter(None, row["organs"])),
        "policy": by.policy,
    }


def _words(rule: Rule, by: Parameters) -> Data:
    zh, en = by.text(rule)
    return {
        "title": {"zh-CN": rule.title[0], "en": rule.title[1]},
        "text": {"zh-CN": zh, "en": en},
        "time": rule.time,
    }


def _rule(rule: Rule, by: Parameters, newest: Any, *, known: bool) -> Data:  # noqa: ANN401
    return {
        "rule": rule.id,
        **_words(rule, by),
        "parameters": {name: by.values[name] for name in rule.parameters},
        "policy": by.policy,
        "computed": rule.why_not is None,
        "why_not": None if rule.why_not is None else dict(zip(("zh-CN", "en"), rule.why_not,
                                                             strict=True)),
        "findings": None if not known else 0 if newest is None else newest["many"],
        "newest_at": None if newest is None
        else newest["newest_at"].astimezone(ZoneInfo(newest["zone"])).isoformat(),
    }  # fmt: skip


def _number(value: Decimal | int | None) -> int | float | None:
    if value is None or isinstance(value, int):
        return value
    return int(value) if value == value.to_integral_value() else float(value)
