"""What an operator has confirmed after looking: a new timeline (ST-10), a clock (ST-11).

One JSON object a line, in the folder of checkpoints outside the database.  Lines are only
added; a confirmation counts for the value it names and for no other.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ledger.errors import Corrupt

FILE = "confirmed.jsonl"
CONFIRMABLE = ("ST-10", "ST-11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Who confirmed what of which ledger, when, and why; `value` is what they saw."""

    code: str
    ledger: str
    value: str
    by: str
    reason: str
    at: str


def confirmations(folder: Path) -> tuple[Confirmation, ...]:
    """Return all that was confirmed; raise `Corrupt` for a line that is none of ours."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    try:
        return tuple(Confirmation(**json.loads(line)) for line in text.splitlines())
    except (TypeError, ValueError) as error:
        raise Corrupt(f"{FILE} has a line that is no confirmation") from error


def confirm(folder: Path, one: Confirmation) -> None:
    """Add a confirmation; durable when this returns."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(asdict(one), ensure_ascii=False, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
