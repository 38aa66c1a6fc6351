"""What the events of a case say about its limits: runs, pauses, extensions.

The fold of a case makes these and `deadline` measures them; neither knows the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

# JSON as it came: the details a run carries for its readers, and policies.
Data = Mapping[str, Any]

# When the last day of a limit ends (`day_end` of a deadlines policy, 民法典 203): at 24:00, or
# at the close of business, which the policy names.
MIDNIGHT, CLOSE_OF_BUSINESS = "day-end.midnight", "day-end.close-of-business"
_DAY = timedelta(days=1)
# The two limits of a case as a whole (法定时限, 承诺时限).
WHOLE = ("statutory", "promised")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One running of a named limit, as the case's events opened, met or ended it.

    `start` is day 0 and is never counted.  `opened` is the position of the event that opened
    it (negative while that event is not recorded), `opened_at` the time of that recording.
    `met` is the day the duty was done; `ended` the day on which the case took the duty away
    (withdrawn, terminated, declined).  `closes` is the time at which a last day ends, None for
    24:00, and `after_close` says that it was met or ended later on its day than that.  `data`
    may hold `basis` and whatever readers need.
    """

    name: str
    budget: int
    start: date
    rule: str
    opened: int
    opened_at: datetime
    unit: str = "working-day"
    met: date | None = None
    ended: date | None = None
    pausable: bool = False
    closes: time | None = None
    after_close: bool = False
    data: Data = field(default_factory=dict)

    def over(self, due: date) -> bool:
        """Tell whether a last day had ended when the duty was done or taken away."""
        last = self.met or self.ended
        return last is not None and (last > due or (last == due and self.after_close))

    def closed(self, at: date | datetime, zone: tzinfo) -> bool:
        """Tell whether an act came after the close of its day; of a mere day nobody can tell."""
        if self.closes is None or not isinstance(at, datetime):
            return False
        return at.astimezone(zone).time() >= self.closes

    def met_at(self, at: date | datetime, zone: tzinfo) -> "Run":
        """Return the run as met then."""
        return replace(self, met=local_day(at, zone), after_close=self.closed(at, zone))

    def ended_at(self, at: datetime, zone: tzinfo) -> "Run":
        """Return the run as taken away then."""
        return replace(self, ended=local_day(at, zone), after_close=self.closed(at, zone))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """One suspension (中止计时): which days it takes out is said by its rule.

    `start` is the later of act and service of the notice, `end` the day the result reached
    the organ, None while it runs.
    """

    kind: str
    start: date
    position: int
    end: date | None = None
    planned_days: int = 0
    rule: str = "suspension.after-start"


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """One extension of the statutory limit (延期); without effect if it came too late."""

    days: int
    position: int
    effective: bool = True
    rule: str = "extension.in-time"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the fold of a case says about its limits.

    `explain` is the budget for explaining a broken promise (0: no such duty), `explained` the
    instant at which that was done, or its day.
    """

    runs: Sequence[Run] = ()
    pauses: Sequence[Pause] = ()
    extensions: Sequence[Extension] = ()
    explain: int = 0
    explained: date | datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The facts as corrected from a position on; the first step of a case is uncorrected."""

    position: int
    facts: Facts
    at: datetime | None = None


def closing(policy: Data) -> time | None:
    """Tell at which time the last day of a limit ends by a deadlines policy, None for 24:00."""
    if policy.get("day_end", MIDNIGHT) == MIDNIGHT:
        return None
    return time.fromisoformat(policy["closes_at"])


def day_ends(day: date, closes: time | None, zone: tzinfo) -> datetime:
    """Return the instant at which a last day is over."""
    if closes is None:
        return datetime.combine(day + _DAY, time(), zone)
    return datetime.combine(day, closes, zone)


def local_day(at: date | datetime, zone: tzinfo) -> date:
    """Return the local date of an instant; a day is its own."""
    return at.astimezone(zone).date() if isinstance(at, datetime) else at


def basis(run: Run) -> str:
    """Name the law or policy that a limit rests on."""
    return str(run.data.get("basis") or _BASIS.get(run.name, "local rules"))


_BASIS: Mapping[str, str] = {
    "supplement": "APL 32(4)",
    "statutory": "APL 42",
    "promised": "优化营商环境条例 36",
    "special": "APL 45",
    "issue": "APL 44",
    "push": "link policy",
    "claim": "link policy",
    "bad-review": "reviews policy",
    "stage:transfer": "deadlines policy",
    "stage:publish": "政府信息公开条例 26",
    "stage:explain": "优化营商环境条例 36",
    "stage:verify": "国办发〔2020〕42号",
    "stage:hearing-request": "APL 47",
    "stage:hearing": "APL 47",
    "stage:renewal": "APL 50",
    "stage:penalty": "行政处罚法 60",
    "evidence": "行政诉讼法 67; 行政复议法 48",
}
