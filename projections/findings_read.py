"""Reads findings: measures compared with the numbers in force and with the time it is now.

One statement tells them all.  It takes the numbers of the policy and the tests of the
measures as data, so that a rule's text, its numbers and what it finds come from one table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from projections.asked import Asked, Mark, Page, wrong_mark
from projections.findings_measures import MEASURES
from projections.findings_rules import POLICY, RULES, Parameters, Rule
from projections.follow import Connection, Pool

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset({"rule", "part", "case", "officer", "organ", "item", "from", "to"})
FIGURES = frozenset({"rule", "by", "officer", "organ", "item", "from", "to"})
GROUPS = frozenset({"part", "officer", "unit", "month"})


def parameters(office: Office) -> Parameters:
    """Return the numbers in force: those of the policy, or of the table where there is none."""
    thing = office.thing(f"policy:{POLICY}")
    current = None if thing is None else thing.current
    return Parameters() if current is None else Parameters.of(current.content, current.number)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Which rows are read: the generation, the position they show, the zone of their days."""

    generation: int
    position: int
    zone: str


async def listed(
    reads: Pool,
    ledger: str,
    by: Parameters,
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    now: datetime,
    *,
    counted: bool = False,
) -> Page:
    """Return a page of the findings there are by now, the newest first."""
    asked = Asked(filters)
    rule = _computable(asked.one_of("rule", RULES))
    last_of = _before(after)
    async with reads.acquire() as connection:
        shown, rows = await _read(
            connection, ledger, by, asked, rule, now, summary=False, mark=last_of, limit=limit + 1
        )
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        tuple(_finding(row, by, shown.zone) for row in rows[:limit]),
        [instant(last["came_at"]), last["id"]] if last else None,
        shown.position,
        (rows[0]["total"] if rows else 0) if counted else None,
    )


async def summary(
    reads: Pool, ledger: str, by: Parameters, filters: Mapping[str, str], now: datetime
) -> tuple[Data, ...]:
    """Tell of every rule what it looks for, by which numbers, and how much it finds by now."""
    asked = Asked(filters)
    async with reads.acquire() as connection:
        shown, rows = await _read(
            connection, ledger, by, asked, None, now,
            summary=True, mark=(None, None), limit=len(RULES),
        )  # fmt: skip
    found = {row["rule"]: row for row in rows}
    return tuple(_rule(rule, by, found.get(rule.id), shown.zone) for rule in RULES.values())


async def _read(
    connection: Connection,
    ledger: str,
    by: Parameters,
    asked: Asked,
    rule: Rule | None,
    now: datetime,
    *,
    summary: bool,
    mark: tuple[datetime | None, str | None],
    limit: int,
) -> tuple[_Shown, Sequence[Any]]:
    own = rule.id if rule else None
    tests = [
        m.condition(by) for m in MEASURES.values() if not m.figures_only and own in (None, m.rule)
    ]
    filters = (
        asked.text("case"),
        asked.text("officer"),
        asked.text("organ"),
        asked.text("item"),
        *asked.moment("from"),
        *asked.moment("to"),
    )
    # Generation and rows are read of one moment, or a rebuild could take them away between.
    async with connection.transaction(readonly=True, isolation="repeatable_read"):
        await connection.fetch(SQL["plan_for_these_values"])
        shown = await _shown(connection, ledger)
        rows = await connection.fetch(
            SQL["listed"],
            ledger,
            shown.generation,
            shown.zone,
            now,
            orjson.dumps(dict(by.values)).decode(),
            orjson.dumps(tests).decode(),
            own,
            *filters,
            summary,
            *mark,
            limit,
            asked.text("part"),
        )
    return shown, rows


async def figures(
    reads: Pool, ledger: str, filters: Mapping[str, str], now: datetime
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
        *asked.moment("from"),
        *asked.moment("to"),
        now,
    )
    async with (
        reads.acquire() as connection,
        connection.transaction(readonly=True, isolation="repeatable_read"),
    ):
        shown = await _shown(connection, ledger)
        rows = await connection.fetch(
            SQL["figures"], ledger, shown.generation, shown.zone, *arguments
        )
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


async def _shown(connection: Connection, ledger: str) -> _Shown:
    row = await connection.fetchrow(SQL["shown"], ledger)
    if row is None:
        return _Shown(0, -1, "UTC")
    return _Shown(row["generation"], row["position"], row["zone"])


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


def _finding(row: Any, by: Parameters, zone: str) -> Data:  # noqa: ANN401 (asyncpg ships no types)
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
        "came_at": row["came_at"].astimezone(ZoneInfo(zone)).isoformat(),
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


def _rule(rule: Rule, by: Parameters, newest: Any, zone: str) -> Data:  # noqa: ANN401
    computed = rule.why_not is None
    return {
        "rule": rule.id,
        **_words(rule, by),
        "parameters": {name: by.values[name] for name in rule.parameters},
        "policy": by.policy,
        "computed": computed,
        "why_not": None if rule.why_not is None else dict(zip(("zh-CN", "en"), rule.why_not,
                                                             strict=True)),
        "findings": None if not computed else 0 if newest is None else newest["of_rule"],
        "newest_at": None if newest is None
        else newest["came_at"].astimezone(ZoneInfo(zone)).isoformat(),
    }  # fmt: skip


def _number(value: Decimal | int | None) -> int | float | None:
    if value is None or isinstance(value, int):
        return value
    return int(value) if value == value.to_integral_value() else float(value)
