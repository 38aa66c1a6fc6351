"""Whether events follow each other as a ledger gives them: for who reads a copy, event by event.

Positions rise, time never goes back, a stream has every version once, a register every number
once (STORE 3).  It holds for a whole log, and for the events of one case.
"""

from dataclasses import dataclass, field
from datetime import datetime

from ledger.stored import Stored


@dataclass(slots=True)
class Order:
    """What has been read so far; `whole` where no event and no number may be left out."""

    whole: bool = False
    ledger: str | None = None
    position: int = -1
    recorded_at: datetime | None = None
    versions: dict[str, int] = field(default_factory=dict)
    registers: dict[str, int] = field(default_factory=dict)

    def take(self, one: Stored) -> str | None:
        """Take the next event in; say what is wrong with it, None where nothing is."""
        wrong = self._wrong(one)
        self.ledger = one.ledger
        self.position = one.position
        self.recorded_at = one.recorded_at
        self.versions[one.stream] = one.version
        self.registers.update(one.registers)
        return wrong

    def _wrong(self, one: Stored) -> str | None:
        if self.ledger not in (None, one.ledger):
            return "of another ledger"
        if one.position <= self.position or (self.whole and one.position != self.position + 1):
            return "not at the next position"
        if self.recorded_at is not None and one.recorded_at < self.recorded_at:
            return "recorded before the event before it"
        due = self.versions.get(one.stream, 0) + 1
        if one.version != due:
            return f"version {one.version} where version {due} is missing"
        for name, number in one.registers.items():
            last = self.registers.get(name, 0)
            if number <= last or (self.whole and number != last + 1):
                return f"number {number} of a register whose last one was {last}"
        return None
