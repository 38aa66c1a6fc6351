"""What a ledger recorded of itself (zone, clock, the keys of its logs), held against the rows.

Pure: `fsck` reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ledger.fsck_event import Judged
from ledger.fsck_log import Signers
from ledger.records import split
from ledger.tlog.errors import TlogError
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.sm2 import Sm2Key

Row = Mapping[str, Any]


@dataclass(slots=True)
class Recorded:
    """What the first events say, and those that named keys or retired them: of one sequence."""

    zone: Any = None
    simulated: Any = None
    opened_at: int | None = None
    named: list[Mapping[str, Any]] = field(default_factory=list)
    retired: set[str] = field(default_factory=set)
    by_sm2: list[str] = field(default_factory=list)


def recorded(sequence: str, rows: Sequence[Row]) -> Recorded:
    """Read the events; what cannot be read is told with its position when all are."""
    found = Recorded()
    for row in rows:
        try:
            data = orjson.loads(split(bytes(row["record"]))[1])["data"]
        except (KeyError, TypeError, ValueError):
            continue
        if row["type"] == "log-key-set" and data.get("sequence") == sequence:
            found.named.append(data)
        elif row["type"] == "log-key-retired" and data.get("sequence") == sequence:
            found.retired.add(str(data.get("key")))
        elif row["type"] == "log-sm2-set" and data.get("sequence") == sequence:
            found.by_sm2.append(str(data.get("key")))
        elif row["type"] == "ledger-opened":
            found.opened_at = row["position"]
            found.zone, found.simulated = data.get("zone"), data.get("simulated")
    return found


def judge_opened(
    own: Recorded, heads: Sequence[Row], clocks: Sequence[Row], judged: Judged
) -> None:
    """Hold zone and clock against the event that opened the ledger."""
    if own.opened_at is None:
        return
    if any(head["zone"] != own.zone for head in heads):
        judged.add("head", own.opened_at, "the zone is not that of the first event")
    if any(clock["simulated"] != own.simulated for clock in clocks):
        judged.add("clock", own.opened_at, "the clock is not that of the first event")


def signers_of(
    own: Recorded, log: Row | None, policy: Policy | None, judged: Judged
) -> Signers | None:
    """Return who signs for the log by the events, None where there is no log."""
    if not log:
        if own.named:
            judged.add("log", None, "the log is not there")
        return None
    keys = tuple(log["keys"])
    known = [str(one["key"]) for one in own.named] or list(keys)
    if own.named and log["origin"] != own.named[0]["origin"]:
        judged.add("log", None, "the origin is not that of the first events")
    if not keys or keys != tuple(key for key in known if key not in own.retired):
        judged.add("log", None, "its keys are not those that the events name")
    try:
        parsed = tuple(VerifierKey.parse(key) for key in known)
        beside = tuple(Sm2Key.parse(key) for key in own.by_sm2)
    except TlogError as error:
        judged.add("log", None, f"a key of the log: {error}")
        parsed = beside = ()
    origin = str(own.named[0]["origin"]) if own.named else str(log["origin"])
    return Signers(origin, parsed, policy, beside)
