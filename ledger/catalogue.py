"""The catalogue of a province (政务服务事项目录): baseline items, and how items stand to them.

From the nation down to the village an item has the same name, type, basis and code (四级四同),
its limit by law is no longer, and the rest of the 13 elements is each bureau's to word.  What
an element has to be is data here.  Baselines are no part of the office: cases never ask them.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.case import Actor, Data, Event
from ledger.office.elements import ELEMENTS, is_code, lacking

KIND = "baseline"
PREFIX = f"{KIND}:"

# What an element of an item is held against: the very text, the number as its limit, nothing.
SAME, AT_MOST, OWN = "same", "at-most", "own"
RULES: Mapping[str, str] = {
    "main_name": SAME,
    "sub_name": SAME,
    "type": SAME,
    "main_code": SAME,
    "sub_code": SAME,
    "legal_basis": SAME,
    "materials": OWN,
    "acceptance_conditions": OWN,
    "process": OWN,
    "fees": OWN,
    "statutory_limit": AT_MOST,
    "form": OWN,
    "complaint_telephone": OWN,
}

# How an item stands: as the baseline, other than it, short of elements, without a baseline;
# and a baseline that no item follows.
STATES = ("conforming", "differing", "incomplete", "no-baseline", "not-offered")

_DAYS = re.compile(r"([0-9]{1,9})\s*(?:个)?\s*(工作日|working days?)?\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline item as its newest event leaves it; `ended` where it was struck off."""

    code: str
    content: Data
    version: int
    position: int
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """One element beside the baseline: what it is held against, and whether it stands."""

    element: str
    rule: str
    baseline: str | None
    item: str | None
    verdict: str  # same, allowed, differs, lacking, unknown


def read(event: Event, before: Baseline | None) -> Baseline:
    """Return a baseline with one more event."""
    code = event.stream.removeprefix(PREFIX)
    if event.type == "baseline-ended":
        content = before.content if before is not None else {}
        return Baseline(code, content, event.version, event.position, ended=True)
    return Baseline(code, event.data["content"], event.version, event.position)


def standard_of(content: Data) -> str:
    """Name the baseline that an item follows: by its sub code, its main code, or its own."""
    elements: Mapping[str, str] = content.get("elements") or {}
    given = (elements.get(name, "") for name in ("sub_code", "main_code"))
    codes = (unicodedata.normalize("NFKC", code).strip() for code in given)
    return next((code for code in codes if is_code(code)), str(content["code"]))


def compared(item: Data, baseline: Data | None) -> tuple[Compared, ...]:
    """Hold all 13 elements of an item against those of its baseline."""
    missing = lacking(item)
    own: Mapping[str, str] = item.get("elements") or {}
    wanted: Mapping[str, str] = (baseline or {}).get("elements") or {}
    return tuple(
        Compared(
            name, RULES[name], wanted.get(name), own.get(name),
            _verdict(name, own.get(name), wanted.get(name), valid=name not in missing),
        )
        for name in ELEMENTS
    )  # fmt: skip


def state_of(found: Sequence[Compared], *, has_baseline: bool) -> str:
    """Say how an item stands, the worst first."""
    verdicts = {one.verdict for one in found}
    if not has_baseline:
        return "no-baseline"
    if "differs" in verdicts:
        return "differing"
    return "incomplete" if "lacking" in verdicts else "conforming"


def _verdict(name: str, own: str | None, wanted: str | None, *, valid: bool) -> str:
    if own is None or not own.strip():
        return "lacking"
    if wanted and not _stands(RULES[name], own, wanted):
        return "differs"
    if not valid:
        return "lacking"
    if not wanted:
        return "unknown"
    return "same" if plain(own) == plain(wanted) else "allowed"


def _stands(rule: str, own: str, wanted: str) -> bool:
    if rule == OWN or plain(own) == plain(wanted):
        return True
    return rule == AT_MOST and _at_most(own, wanted)


def plain(text: str) -> str:
    """Return a text as it is compared: width, spaces and the end of a sentence tell nothing."""
    return "".join(unicodedata.normalize("NFKC", text).split()).rstrip(".。").casefold()


def _at_most(own: str, wanted: str) -> bool:
    """Tell whether a limit in working days is no longer than another; else it must be the same."""
    mine, theirs = _DAYS.fullmatch(plain(own)), _DAYS.fullmatch(plain(wanted))
    return mine is not None and theirs is not None and int(mine[1]) <= int(theirs[1])


# -- what a row of a file becomes ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of a file of the catalogue, ready to be recorded.

    `content` None strikes the baseline off.  Who uploaded the file proposed what it says, who
    let it in is the actor: two persons, as for any item (SOD-19).
    """

    kind: str  # item or baseline
    code: str
    content: Data | None
    by: Actor
    proposed_by: str
    relied_on: Mapping[str, int]
    source: Data

    @property
    def stream(self) -> str:
        """Name the stream that the row is about."""
        return f"{self.kind}:{self.code}"


def event_of(row: Row, version: int, at: datetime) -> Event:
    """Make the event by which a row sets an item or a baseline, or ends a baseline."""
    ends = row.content is None
    said: Data = {} if ends else {"content": row.content}
    return Event(
        stream=row.stream,
        version=version + 1,
        type=f"{row.kind}-{'ended' if ends else 'set'}",
        occurred_at=at,
        actor=row.by,
        responsibility="administration",
        data={**said, "proposed_by": row.proposed_by},
        relied_on=row.relied_on,
        source=row.source,
    )
