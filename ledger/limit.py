"""What the events of a case say about its limits: runs, pauses, extensions.

The fold of a case makes these and `deadline` measures them; neither knows the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

# JSON as it came: the details a run carries for its readers, and policies.
Data = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One running of a named limit, as the case's events opened, met or ended it.

    `start` is day 0 and is never counted.  `opened` is the position of the event that opened
    it (negative while that event is not recorded), `opened_at` the time of that recording.
    `met` is the day the duty was done; `ended` the day on which the case took the duty away
    (withdrawn, terminated, declined).  `data` may hold `basis` and whatever readers need.
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
    data: Data = field(default_factory=dict)


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
    day that was done.
    """

    runs: Sequence[Run] = ()
    pauses: Sequence[Pause] = ()
    extensions: Sequence[Extension] = ()
    explain: int = 0
    explained: date | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The facts as corrected from a position on; the first step of a case is uncorrected."""

    position: int
    facts: Facts
    at: datetime | None = None


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
