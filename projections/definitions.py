"""What the bureau is measured by (考核指标): one table of definitions.

Pure.  A definition says of each item, case or evaluation what it weighs below the line and
how much of that stands above it, for a period; nothing else is counted anywhere.  Where the
text of the law of figures can be read in two ways, both stand here, each with an id of its
own.  Numbers are whole or fractions and never floats: a share of exactly 80 % is not missed
by rounding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from fractions import Fraction
from typing import Any

from ledger.limit import day_ends


@dataclass(frozen=True, slots=True)
class Period:
    """Local dates, both included; `now` is the ledger's time, beyond which nothing has happened."""

    first: date
    last: date
    now: datetime

    def holds(self, day: date | None) -> bool:
        """Tell whether a day lies in the period."""
        return day is not None and self.first <= day <= self.last

    def past_at_end(self, due: date | None, closes: time | None, *ends: date | None) -> bool:
        """Tell whether a limit had run out in the last moment of the period and was open.

        Where the last day of a limit ends at 24:00, what is due on the last day of the period is
        not past it; where it ends at the close of business, it is.  Of a period that still goes
        on, the last moment is now; one to come has none.
        """
        if due is None or due > self.last or self.first > self.now.date():
            return False
        if due == self.last and closes is None:
            return False
        zone = self.now.tzinfo
        assert zone is not None, "an instant has a zone"
        if day_ends(due, closes, zone) > self.now:
            return False
        return all(end is None or end > self.last for end in ends)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """An item in force at the end of a period, as far as figures ask."""

    code: str
    organ: str
    kind: str
    law: int
    promise: int
    window: bool = False
    no_visit: bool = False
    lacking: tuple[str, ...] = ()

    @property
    def permit(self) -> bool:
        """Whether it is a permit: everything but what is only filed (优化营商环境条例 39)."""
        return self.kind != "filing"

    @property
    def shortened(self) -> int:
        """The working days by which the promise is shorter than the law."""
        return self.law - (0 if self.kind == "instant" else self.promise)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """A case as figures see it: what was due when, what was done when, what went wrong when.

    Which case it is counts for nothing.
    """

    case_no: str = ""
    kind: str | None = None
    given_up: bool = False
    visited: bool = False
    promised_due: date | None = None
    promised_met: date | None = None
    promised_ended: date | None = None
    promised_after_close: bool = False
    issue_due: date | None = None
    issue_met: date | None = None
    issue_ended: date | None = None
    issue_after_close: bool = False
    closes: time | None = None
    deemed_on: date | None = None
    extended_late_on: tuple[date, ...] = ()
    unreasoned_on: date | None = None
    ended_on: date | None = None
    own_due: date | None = None
    ended_late: bool = False

    @property
    def late(self) -> bool:
        """Whether the promise was met after its day had ended."""
        return _after(self.promised_met, self.promised_due, closed=self.promised_after_close)

    @property
    def issued_late(self) -> bool:
        """Whether the result was handed out after the day for it had ended."""
        return _after(self.issue_met, self.issue_due, closed=self.issue_after_close)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rated:
    """A bad evaluation as figures see it."""

    case_no: str
    due: date | None
    met_on: date | None
    verdict: str | None = None
    after_close: bool = False

    @property
    def on_time(self) -> bool:
        """Whether it was fed back before its day had ended."""
        return self.met_on is not None and not _after(
            self.met_on, self.due, closed=self.after_close
        )

    @property
    def counts(self) -> bool:
        """Whether it counts: what was found mistaken or malicious is shown and not counted."""
        return self.verdict not in UNCOUNTED


UNCOUNTED = frozenset({"mistaken", "malicious"})


def _after(done: date | None, due: date | None, *, closed: bool) -> bool:
    """Tell whether a day had ended when something was done; `closed` is later than the close."""
    if done is None or due is None:
        return False
    return done > due or (done == due and closed)


# -- what cases are counted by -----------------------------------------------------------------


def causes(case: Counted, period: Period) -> tuple[str, ...]:
    """Name what makes a case overdue in a period (kpi.overdue@1), each cause once."""
    known = {
        "promised": period.holds(case.promised_met) and case.late,
        "open": period.past_at_end(
            case.promised_due, case.closes, case.promised_met, case.promised_ended
        ),
        "deemed-acceptance": period.holds(case.deemed_on),
        "extension": any(period.holds(day) for day in case.extended_late_on),
        "reasons": period.holds(case.unreasoned_on),
        # Never handed out is no better than handed out late.
        "issue": (period.holds(case.issue_met) and case.issued_late)
        or period.past_at_end(case.issue_due, case.closes, case.issue_met, case.issue_ended),
    }
    return tuple(name for name, there in known.items() if there)


def _in_n(case: Counted, period: Period) -> bool:
    """Tell whether a case is one of N: promise met in the period, not given up."""
    return period.holds(case.promised_met) and not case.given_up


def _not_instant(case: Counted, period: Period) -> bool:
    return _in_n(case, period) and case.kind != "instant"


def _early(case: Counted) -> bool:
    """Tell whether the promise was met before its day; on the same day is on time."""
    met, due = case.promised_met, case.promised_due
    return met is not None and due is not None and met < due


# -- the table -----------------------------------------------------------------------------------

Thing = Any  # Listed, Counted or Rated: what `of` says


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """One row of the table.

    `of` says what is counted: item, case, review or import (cases of another system).
    `weight` is what a thing adds below the line, 0 where it is not one of those counted;
    `amount` what it adds above.  `aim` is an operator and a number, or the word `average`.
    `why` names the member in which things stand by reason, and gives the reasons of one.
    """

    id: str
    of: str
    zh: str
    en: str
    formula: str
    weight: Callable[[Thing, Period], int]
    amount: Callable[[Thing, Period], Fraction | int]
    aim: tuple[str, Fraction | str] | None = None
    why: tuple[str, Callable[[Thing, Period], tuple[str, ...]]] | None = None


AT_LEAST, EXACTLY, AVERAGE = ">=", "=", "average"
_ALL = Fraction(1)

DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        id="kpi.window@1",
        of="item",
        zh="进驻综合窗口的事项占比",
        en="Items taken in at the comprehensive window",
        formula="items with intake at the comprehensive window / I",
        weight=lambda item, _p: 1,
        amount=lambda item, _p: int(item.window),
        aim=(AT_LEAST, Fraction(7, 10)),
    ),
    Definition(
        id="kpi.compression@1",
        of="item",
        zh="承诺时限较法定时限压缩率（各许可事项平均）",
        en="Promise shorter than law, mean over the permits",
        formula="mean over A of (L - C) / L; L law, C promise in working days, instant C = 0",
        weight=lambda item, _p: int(item.permit and item.law > 0),
        amount=lambda item, _p: Fraction(item.shortened, item.law),
        aim=(AT_LEAST, Fraction(1, 2)),
    ),
    Definition(
        id="kpi.compression-pooled@1",
        of="item",
        zh="承诺时限较法定时限压缩率（合并计算）",
        en="Promise shorter than law, all permits pooled",
        formula="1 - sum of C / sum of L over A",
        weight=lambda item, _p: item.law if item.permit else 0,
        amount=lambda item, _p: item.shortened,
    ),
    Definition(
        id="kpi.no-visit@1",
        of="item",
        zh="“不见面”事项占比",
        en="Items marked as needing no visit",
        formula="items marked no-visit / I",
        weight=lambda item, _p: 1,
        amount=lambda item, _p: int(item.no_visit),
        aim=(AT_LEAST, Fraction(8, 10)),
    ),
    Definition(
        id="kpi.no-visit-realised@1",
        of="case",
        zh="实际未到窗口的办件占比",
        en="Cases without an act at a window",
        formula="cases of N without an act of channel window / N",
        weight=lambda case, period: int(_in_n(case, period)),
        amount=lambda case, _p: int(not case.visited),
    ),
    Definition(
        id="kpi.instant@1",
        of="item",
        zh="即办件占许可事项比例",
        en="Instant items among the permits",
        formula="instant permits / A",
        weight=lambda item, _p: int(item.permit),
        amount=lambda item, _p: int(item.kind == "instant"),
        aim=(AT_LEAST, Fraction(1, 10)),
    ),
    Definition(
        id="kpi.instant-average@1",
        of="item",
        zh="即办件占许可事项比例（不低于各单位平均）",
        en="Instant items among the permits, against the average of the organs",
        formula="instant permits / A, at least the mean of the approving organs' shares",
        weight=lambda item, _p: int(item.permit),
        amount=lambda item, _p: int(item.kind == "instant"),
        aim=(AT_LEAST, AVERAGE),
    ),
    Definition(
        id="kpi.elements@1",
        of="item",
        zh="十三项要素齐全有效的事项占比",
        en="Items with all 13 elements valid",
        formula="items with all 13 elements valid / I",
        weight=lambda item, _p: 1,
        amount=lambda item, _p: int(not item.lacking),
        aim=(AT_LEAST, _ALL),
        why=("lacking", lambda item, _p: item.lacking),
    ),
    Definition(
        id="kpi.overdue@1",
        of="case",
        zh="超时办件",
        en="Overdue cases",
        formula="cases with promised met late in P, open past it at the end of P, or in P: deemed"
        " acceptance, extension asked late, denial without reasons, issue late"
        " / N and the cases of the numerator",
        weight=lambda case, period: int(_in_n(case, period) or bool(causes(case, period))),
        amount=lambda case, period: int(bool(causes(case, period))),
        aim=(EXACTLY, Fraction(0)),
        why=("causes", causes),
    ),
    Definition(
        id="kpi.early@1",
        of="case",
        zh="提前办结率（不含即办件）",
        en="Cases done early, instant ones left out",
        formula="cases of N less instant with met_at < promised due / N less instant",
        weight=lambda case, period: int(_not_instant(case, period)),
        amount=lambda case, _p: int(_early(case)),
        aim=(AT_LEAST, Fraction(3, 4)),
    ),
    Definition(
        id="kpi.early-with-instant@1",
        of="case",
        zh="提前办结率（含即办件）",
        en="Cases done early, instant ones counted",
        formula="cases of N with met_at < promised due / N",
        weight=lambda case, period: int(_in_n(case, period)),
        amount=lambda case, _p: int(_early(case)),
        aim=(AT_LEAST, Fraction(3, 4)),
    ),
    Definition(
        id="kpi.bad-review-on-time@1",
        of="review",
        zh="差评按时反馈率",
        en="Bad reviews fed back on time",
        formula="fed back on or before due / bad reviews due in P less mistaken and malicious",
        weight=lambda review, period: int(period.holds(review.due) and review.counts),
        amount=lambda review, _p: int(review.on_time),
        aim=(AT_LEAST, _ALL),
    ),
    Definition(
        id="import.closed-late@1",
        of="import",
        zh="外系统办件：办结晚于其自身期限",
        en="Imported cases that ended after their own deadline",
        formula="ended in P after the deadline that came with them / ended in P",
        weight=lambda case, period: int(period.holds(case.ended_on)),
        amount=lambda case, _p: int(case.ended_late),
    ),
)

BY_ID: Mapping[str, Definition] = {definition.id: definition for definition in DEFINITIONS}
# Those whose cases can be listed.
WITH_CASES: Mapping[str, Definition] = {d.id: d for d in DEFINITIONS if d.of != "item"}
