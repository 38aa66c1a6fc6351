"""Conformity (四级四同): how each item of the ledger stands to the baseline of the catalogue.

One row for each item under the baseline that it follows, and one for each baseline that no
item follows.  Both sides are written anew together: whichever of them moved.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger import catalogue
from ledger.case import Data
from ledger.office.elements import ELEMENTS
from ledger.office.versioned import Versioned
from ledger.queries import load
from projections.asked import Asked, Mark, Page, of_page, total, wrong_mark
from projections.follow import Batch, Connection, Pool, Projection
from projections.histories import is_baseline

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset({"state", "element", "organ", "standard"})
ITEM = "item:"


# -- reading ----------------------------------------------------------------------------------


async def listed(
    reads: Pool,
    ledger: str,
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    *,
    counted: bool = False,
) -> Page:
    """Return a page of items and baselines by the code they share."""
    asked = Asked(filters)
    if after is not None and not (isinstance(after, list | tuple) and len(after) == 2):
        raise wrong_mark()
    mark: Sequence[Any] = after if isinstance(after, list | tuple) else (None, None)
    rows = await reads.fetch(
        of_page(SQL["listed"], counted=counted),
        ledger,
        limit + 1,
        *mark,
        asked.one_of("state", catalogue.STATES),
        asked.one_of("element", tuple(ELEMENTS)),
        asked.text("organ"),
        asked.text("standard"),
        counted,
    )
    found = [row for row in rows if row["standard"] is not None]
    last = found[limit - 1] if len(found) > limit else None
    return Page(
        tuple(_shown(row) for row in found[:limit]),
        None if last is None else (last["standard"], last["item"]),
        rows[0]["shown_position"] if rows else -1,
        total(rows, counted=counted),
    )


def _shown(row: Any) -> Data:  # noqa: ANN401 (asyncpg ships no types)
    return {
        "standard": row["standard"],
        "item": row["item"] or None,
        "name": row["name"],
        "organ": row["organ"],
        "state": row["state"],
        "differs": list(row["differs"]),
        "lacking": list(row["lacking"]),
        "position": row["position"],
    }


async def summary(reads: Pool, ledger: str) -> Data:
    """Return how many stand how, and which elements differ or are lacking how often."""
    row = await reads.fetchrow(SQL["summary"], ledger)
    told: Mapping[str, Any] = orjson.loads(row["told"]) if row is not None else {}
    states, differs, lacking = (told.get(n) or {} for n in ("states", "differs", "lacking"))
    return {
        "position": row["shown_position"] if row is not None else -1,
        "baselines": told.get("baselines") or 0,
        "items": sum(states.values()) - states.get("not-offered", 0),
        "states": {state: states.get(state, 0) for state in catalogue.STATES},
        "elements": [
            {
                "element": name,
                "rule": catalogue.RULES[name],
                "differs": differs.get(name, 0),
                "lacking": lacking.get(name, 0),
            }
            for name in ELEMENTS
        ],
    }


async def baseline(reads: Pool, ledger: str, code: str) -> Data | None:
    """Return a baseline as it stands; None where there is none."""
    row = await reads.fetchrow(SQL["baseline"], ledger, code)
    if row is None:
        return None
    content = orjson.loads(row["content"])
    return {
        "code": row["code"],
        "name": content.get("name", row["code"]),
        "elements": content.get("elements", {}),
        "ended": row["ended"],
        "version": row["version"],
        "position": row["position"],
    }


# -- following --------------------------------------------------------------------------------

BASELINE = ("ledger", "generation", "code", "version", "position", "ended", "content")
COLUMNS = (
    "ledger",
    "generation",
    "standard",
    "item",
    "name",
    "organ",
    "state",
    "differs",
    "lacking",
    "position",
)


async def apply(connection: Connection, batch: Batch) -> None:
    """Take in what was set, and compare anew whatever stands under the same baselines."""
    items = {e.stream.removeprefix(ITEM) for e in batch.events if e.stream.startswith(ITEM)}
    changed = await _baselines(connection, batch)
    if not items and not changed:
        return
    things = {code: _in_force(batch.office.thing(ITEM + code)) for code in items}
    now = {catalogue.standard_of(t.content) for t in things.values() if t is not None}
    before = await connection.fetch(SQL["of_items"], *batch.key, sorted(items))
    touched = sorted(changed | now | {row["standard"] for row in before})
    there = await connection.fetch(SQL["under"], *batch.key, touched)
    for code in {row["item"] for row in there} - things.keys():
        things[code] = _in_force(batch.office.thing(ITEM + code))
    standing = await connection.fetch(SQL["baselines"], *batch.key, touched)
    await connection.execute(SQL["remove_some"], *batch.key, touched)
    baselines = {row["code"]: _known(row) for row in standing}
    await connection.copy_records_to_table(
        "conformity",
        schema_name="projections",
        columns=COLUMNS,
        records=[(*batch.key, *row) for row in _rows(touched, baselines, things.values())],
    )


async def _baselines(connection: Connection, batch: Batch) -> set[str]:
    """Write the baselines of a batch, and name them."""
    events = [e for e in batch.events if is_baseline(e.stream)]
    if not events:
        return set()
    codes = sorted({e.stream.removeprefix(catalogue.PREFIX) for e in events})
    known = await connection.fetch(SQL["baselines"], *batch.key, codes)
    found = {row["code"]: _known(row) for row in known}
    for event in events:
        code = event.stream.removeprefix(catalogue.PREFIX)
        found[code] = catalogue.read(event, found.get(code))
    await connection.execute(SQL["remove_baselines"], *batch.key, codes)
    await connection.copy_records_to_table(
        "baseline",
        schema_name="projections",
        columns=BASELINE,
        records=[
            (*batch.key, b.code, b.version, b.position, b.ended, orjson.dumps(b.content).decode())
            for b in found.values()
        ],
    )
    return set(codes)


def _known(row: Any) -> catalogue.Baseline:  # noqa: ANN401 (asyncpg ships no types)
    content = orjson.loads(row["content"])
    return catalogue.Baseline(
        row["code"], content, row["version"], row["position"], ended=row["ended"]
    )


class _Item(NamedTuple):
    """An item in force, and where that was recorded."""

    code: str
    content: Data
    position: int


def _in_force(thing: Versioned | None) -> _Item | None:
    if thing is None or thing.current is None or thing.ended is not None:
        return None
    return _Item(thing.id, thing.current.content, thing.current.position)


def _rows(
    standards: Iterable[str],
    baselines: Mapping[str, catalogue.Baseline],
    items: Iterable[_Item | None],
) -> Iterable[tuple[object, ...]]:
    under: dict[str, list[_Item]] = {}
    for item in items:
        if item is not None:
            under.setdefault(catalogue.standard_of(item.content), []).append(item)
    for standard in standards:
        known = baselines.get(standard)
        baseline = None if known is None or known.ended else known
        content = None if baseline is None else baseline.content
        for item in sorted(under.get(standard, ()), key=lambda i: i.code):
            yield _row(standard, item, content)
        if baseline is not None and standard not in under:
            name = str(baseline.content["name"])
            yield standard, "", name, None, "not-offered", [], [], baseline.position


def _row(standard: str, item: _Item, baseline: Data | None) -> tuple[object, ...]:
    found = catalogue.compared(item.content, baseline)
    return (
        standard,
        item.code,
        str(item.content["name"]),
        str(item.content["organs"]["approving"]),
        catalogue.state_of(found, has_baseline=baseline is not None),
        [one.element for one in found if one.verdict == "differs"],
        [one.element for one in found if one.verdict == "lacking"],
        item.position,
    )


PROJECTION = Projection(
    name="conformity",
    apply=apply,
    rows={"baseline": SQL["baseline_rows"], "conformity": SQL["rows"]},
    remove={"baseline": SQL["remove_baseline"], "conformity": SQL["remove"]},
)
