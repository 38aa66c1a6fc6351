"""Writes the steps of one case down, an hour of the bureau after the other."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from ledger.workdays import WorkingDays

Json = Any
Body = dict[str, Json]

ZONE = ZoneInfo("Asia/Shanghai")
# The hours at which the example bureau acts; the clock is set to each of them.
HOURS = (time(9, 10), time(10, 20), time(11, 15), time(14, 5), time(15, 30), time(16, 40))


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the plan: when, by whom, what, and whether it ought to be refused.

    In the body `$number:<kind>` stands for the document number reserved before, and
    `$event:<type>` for the id of the case's event of that type.
    """

    at: datetime
    by: str
    action: str
    body: Body
    key: str
    refused: str | None = None


def sha(text: str) -> str:
    """Return the digest that stands for a document of the plan."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Moment:
    """A working day and one of the hours of it."""

    day: date
    hour: int

    def at(self) -> datetime:
        """Return the instant of it."""
        return datetime.combine(self.day, HOURS[self.hour], ZONE)


@dataclass(slots=True)
class Pen:
    """Writes the steps of one case, one after the other in time."""

    no: int
    item: Mapping[str, Json]
    setting: Mapping[str, Json]
    rng: Random
    days: WorkingDays
    moment: Moment
    steps: list[Step] = field(default_factory=list)
    # From when the promise runs, and how many working days of it were paused.
    promised: date | None = None
    paused: int = 0

    @property
    def people(self) -> Mapping[str, Json]:
        """Who is who."""
        return self.setting["people"]  # type: ignore[no-any-return]

    @property
    def today(self) -> str:
        """The day of the next step."""
        return self.moment.day.isoformat()

    def write(self, by: str, action: str, body: Body | None = None, **more: str) -> None:
        """Write the next step, an hour of the bureau later than the one before."""
        key = f"demo-walk-{self.no:03}-{len(self.steps):02}-{action}"
        self.steps.append(Step(self.moment.at(), by, action, body or {}, key, **more))
        self.later()

    def later(self, hours: int = 1) -> None:
        """Go on some of the bureau's hours later."""
        over, self.moment.hour = divmod(self.moment.hour + hours, len(HOURS))
        if over:
            self.moment.day = self.days.add(self.moment.day, over)

    def wait(self, days: int) -> None:
        """Go on some working days later."""
        if days > 0:
            hour = self.rng.randrange(len(HOURS) - 1)
            self.moment = Moment(self.days.add(self.moment.day, days), hour)

    def digest(self, what: str) -> str:
        """Return the digest of a paper of this case."""
        return sha(f"{self.item['code']} {self.no} {what}")

    def document(self, kind: str, version: int = 1) -> Body:
        """Name a document of this case by its digest."""
        return {"kind": kind, "version": version, "sha256": self.digest(f"{kind} {version}")}
