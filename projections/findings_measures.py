"""How each number of a rule is compared: one table, read by whoever reads findings.

A measure is named `rule.what`.  Its test is an operator and a number, or the name of a
parameter of the policy; a second test may stand beside it.  Without a test, what was found is
a finding as it is; a measure of figures only is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from projections.findings_rules import Parameters

Test = tuple[str, int | str]


@dataclass(frozen=True, slots=True)
class Measure:
    """What one number of a rule counts, and from where on it is a finding.

    `either` says that one of the two tests is enough.
    """

    name: str
    unit: str | None = None
    test: Test | None = None
    beside: Test | None = None
    beside_unit: str | None = None
    either: bool = False
    figures_only: bool = False

    @property
    def rule(self) -> str:
        """The rule it belongs to."""
        return self.name.partition(".")[0]

    def threshold(self, by: Parameters) -> int | None:
        """Return the number it is compared with."""
        return _number(self.test, by)

    def condition(self, by: Parameters) -> dict[str, object]:
        """Return the tests as a statement compares them."""
        return {
            "measure": self.name,
            "op": self.test[0] if self.test else None,
            "threshold": _number(self.test, by),
            "beside_op": self.beside[0] if self.beside else None,
            "beside_threshold": _number(self.beside, by),
            "either": self.either,
        }


def _number(test: Test | None, by: Parameters) -> int | None:
    if test is None:
        return None
    return by.values[test[1]] if isinstance(test[1], str) else test[1]


_ROWS = (
    Measure("four-eyes.pair", "same-person", (">=", 1)),
    Measure("two-responsibilities.case", "responsibility", (">=", 2)),
    Measure("two-responsibilities.applicant", "responsibility", (">=", 2)),
    Measure("sole-handler.act"),
    Measure("skipped-level.decision"),
    Measure("rubber-stamp.decision", "second", ("<", "rubber_stamp_s")),
    Measure("quick-grant.decision", "second", ("<", "quick_grant_s")),
    Measure("parked-receipt.receipt", "working-day", (">=", "parked_days")),
    Measure("repeated-supplement.requests", "request", (">=", 2)),
    Measure("repeated-supplement.not-all-at-once"),
    Measure(
        "convenient-pause.act", "day", ("<=", "pause_left"),
        ("<", "pause_left_percent"), "percent", either=True,
    ),
    Measure("pause-overrun.overdue", "working-day"),
    Measure("pause-overrun.without-notice"),
    Measure("pause-overrun.without-result"),
    Measure("withdraw-refile.receipt", "day", ("<=", "refile_days")),
    Measure("hollow-close.before-issue"),
    Measure("hollow-close.duty-open"),
    Measure("back-dating.late-entry", "day", (">", "back_dating_days")),
    Measure("back-dating.after-close", "day"),
    Measure("backfill-burst.entries", "entry", (">=", "burst_entries")),
    Measure("impossible-order.decided-before-accepted"),
    Measure("impossible-order.sealed-before-decided"),
    Measure("impossible-order.issued-before-sealed"),
    Measure("impossible-order.activity-before-grant"),
    Measure("evidence-after.opinion", "day"),
    Measure("evidence-after.site-check", "day"),
    Measure("evidence-after.material", "day"),
    Measure("overridden-opinion.with-reason"),
    Measure("overridden-opinion.without-reason"),
    Measure("intervention.recorded"),
    Measure("intervention.done-by-another", "day", ("<=", "intervention_days")),
    Measure("seal-order.unauthorised"),
    Measure("seal-order.twice"),
    Measure("seal-order.decider"),
    Measure("seal-habit.outside-hours"),
    Measure("seal-habit.rate", "use", (">", "seals_a_minute")),
    Measure("seal-habit.voids", "percent", (">", "voids_percent"), beside_unit="use"),
    Measure("queue-jump.limited", "case", (">=", 1)),
    Measure("queue-jump.quick", "percent", ("<", "jump_percent"), (">=", 1), "case"),
    Measure(
        "concentration.applicant", "percent", (">", "concentration_percent"),
        (">=", "concentration_cases"), "case",
    ),
    Measure(
        "concentration.agent", "percent", (">", "concentration_percent"),
        (">=", "concentration_cases"), "case",
    ),
    Measure("loops.act", "time", (">=", "loop_acts"), beside_unit="working-day"),
    Measure("loops.back", "time", (">=", 1), beside_unit="working-day"),
    Measure("handover.unacknowledged", "working-day", (">", "transfer_days")),
    Measure("handover.returns", "time", (">=", 2)),
    Measure("handover.persons", "time", figures_only=True),
    Measure("handover.units", "time", figures_only=True),
    Measure("bottleneck.waiting", "second", beside_unit="act"),
    Measure("bottleneck.handling", "second", beside_unit="act"),
    Measure(
        "batch.month-end", "time", (">", "month_end_times"), (">=", "month_end_cases"), "case"
    ),
    Measure("batch.night"),
    Measure("batch.day-off"),
    Measure("outlier.gap", "sigma", (">", "outlier_sigmas"), beside_unit="second"),
    Measure("rare-route.case", "percent", ("<", "rare_percent")),
    Measure("route.sealed-without-decision"),
    Measure("route.issued-without-seal"),
    Measure("route.claimed-without-push"),
    Measure("route.accepted-without-outcome"),
    Measure("route.bad-rating-without-feedback"),
    Measure("route.sealed-twice"),
    Measure("route.withdrawn-and-sealed"),
    Measure("suppressed-reviews.none-bad", "rating", (">=", "ratings")),
    Measure("suppressed-reviews.terminal", "rating", (">=", "ratings_at_once")),
    Measure(
        "suppressed-reviews.uncounted", "percent", (">", "uncounted_percent"),
        beside_unit="rating",
    ),
    Measure("unsupervised.unclaimed"),
    Measure("unsupervised.uninspected", "month", (">", "inspect_months")),
    Measure("unsupervised.unverified"),
    Measure("enforcement-late.penalty", "day", (">", "penalty_days")),
    Measure("enforcement-late.served", "working-day", (">", "served_days")),
    Measure("enforcement-late.officers", "officer", ("<", 2)),
    Measure("alert-habit.withdrawn"),
    Measure("alert-habit.answered", "second", ("<=", "alert_answer_s")),
)  # fmt: skip

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ROWS}
