"""What the database is made of, compared with what the migrations make.

`data/shape.txt` is written from a freshly migrated database (`python -m tests.ledger.shape`) and
read by people in reviews: one line for each table, column, index, trigger, function and right.
Every partition of the events has to look like the first one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.queries import load

SQL = load(Path(__file__).with_suffix(".sql"))
EXPECTED = Path(__file__).parent / "data" / "shape.txt"
PARTITION = re.compile(r"\bevent_[0-9]{4,}")
PARTITIONS = "ledger.event_N"
TOLD = 3

# What a line is about, and which assertion it belongs to (SECURITY 7).
RIGHTS = frozenset({"grant"})
GUARDS = frozenset({"function", "trigger", "rule"})
TABLES = frozenset({"table", "column", "constraint", "index"})


@dataclass(frozen=True, slots=True)
class Shape:
    """The lines of a database, each with the place it is about, as `kind | place | name | said`."""

    lines: Mapping[str, str]

    def of(self, kinds: Iterable[str]) -> set[str]:
        """Return the lines of some kinds."""
        wanted = set(kinds)
        return {line for line in self.lines if line.partition(" | ")[0] in wanted}


async def shape(connection: Any) -> Shape:  # noqa: ANN401 (asyncpg ships no types)
    """Read the shape of a database; any role may."""
    rows = await connection.fetch(SQL["shape"])
    return Shape({_line(row): str(row["place"]) for row in rows})


def expected() -> Shape:
    """Return the shape that the migrations of this program make."""
    lines = EXPECTED.read_text("utf-8").splitlines()
    return Shape({line: line.split(" | ")[1] for line in lines})


def differences(found: Shape, wanted: Shape, kinds: Iterable[str]) -> Sequence[str]:
    """Return what differs, in the order of the lines: `missing …` and `not ours …`."""
    kinds = frozenset(kinds)
    told = []
    for name, lines in _by_partition(found, kinds):
        want = {line for line in wanted.of(kinds) if _partition(wanted.lines[line]) == bool(name)}
        told += [f"missing {_named(line, name)}" for line in sorted(want - lines)]
        told += [f"not ours {_named(line, name)}" for line in sorted(lines - want)]
    return told


def in_words(differing: Sequence[str]) -> str:
    """Return the first few differences as one text."""
    more = len(differing) - TOLD
    return "; ".join(differing[:TOLD]) + (f"; and {more} more" if more > 0 else "")


def _by_partition(found: Shape, kinds: frozenset[str]) -> Sequence[tuple[str, set[str]]]:
    """Part what is found into all that is in no partition, and each partition by its name."""
    parts: dict[str, set[str]] = {"": set()}
    # A ledger always has a first partition: without it, its lines are missing.
    for line, place in found.lines.items():
        if match := PARTITION.search(place):
            parts.setdefault(match[0], set())
        if line.partition(" | ")[0] in kinds:
            name = match[0] if match else ""
            parts[name].add(PARTITION.sub("event_N", line))
    if len(parts) == 1:
        parts["event_0000"] = set()
    return tuple(parts.items())


def _partition(place: str) -> bool:
    return place == PARTITIONS or place.startswith(f"{PARTITIONS}.")


def _named(line: str, partition: str) -> str:
    return line.replace("event_N", partition) if partition else line


def _line(row: Mapping[str, Any]) -> str:
    said = " ".join(str(row["said"]).split())
    return f"{row['kind']} | {row['place']} | {row['name']} | {said}"
