"""What a policy may say: one of the known kinds, told apart by its `kind`.

Its numbers are data, its members are not: an unknown one is refused like everywhere.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta

from api.fields import Code, Count, Days, Line, Many, Maybe, Name, Some, TimeOfDay
from api.parts import OfficeAct, Shape

Percent = Annotated[int, Meta(ge=0, le=100)]
Hour = Annotated[int, Meta(ge=0, le=24)]


class Policy(OfficeAct, tag_field="kind"):
    """What the kinds of policy have in common."""

    id: Name


class Deadlines(Policy, tag="deadlines"):
    """Limits that no item states, from which day a suspension pauses, and when a day ends.

    `closes_at` is the close of business, in local time, where last days end with it.
    """

    supplement: Maybe[Days] = UNSET
    issue: Maybe[Days] = UNSET
    transfer: Maybe[Days] = UNSET
    publish: Maybe[Days] = UNSET
    explain: Maybe[Days] = UNSET
    verify: Maybe[Days] = UNSET
    hearing: Maybe[Days] = UNSET
    hearing_request: Maybe[Days] = UNSET
    penalty: Maybe[Days] = UNSET
    suspension: Maybe[
        Literal["suspension.after-start", "suspension.from-start", "suspension.whole-days"]
    ] = UNSET
    day_end: Maybe[Literal["day-end.midnight", "day-end.close-of-business"]] = UNSET
    closes_at: Maybe[TimeOfDay] = UNSET


class Threshold(Shape):
    """The point at which a deadline takes a colour; exactly one member says how."""

    left: Maybe[Days] = UNSET
    used_percent: Maybe[Percent] = UNSET
    on_due: Maybe[bool] = UNSET


class Level(Shape):
    """The thresholds of deadlines up to a certain budget; without one, of all longer ones."""

    budget_to: Maybe[Days] = UNSET
    early: Maybe[Threshold] = UNSET
    yellow: Maybe[Threshold] = UNSET


class Alerts(Policy, tag="alerts"):
    """Thresholds, and how soon a card is answered (预警 黄牌 红牌)."""

    levels: Some[Level]
    answer: Days
    base: Maybe[Literal["each", "promised", "statutory"]] = UNSET


class Duty(Policy, tag="duty"):
    """Which levels of opinion are asked for, and which separations are lifted."""

    lifts: Maybe[Many[Code]] = UNSET
    levels: Maybe[Many[Literal["handle", "check"]]] = UNSET
    points_complete: Maybe[bool] = UNSET
    items: Maybe[Many[Code]] = UNSET


class Link(Policy, tag="link"):
    """When a grant is pushed to and claimed by the supervising organ."""

    push_after: Literal["grant", "close"]
    push: Days
    claim: Days | None
    responsible_after: Literal["push", "claim"]


class Reviews(Policy, tag="reviews"):
    """How soon a bad review is fed back (好差评)."""

    bad_review: Days


class Posts(Policy, tag="posts"):
    """For how long a post may be delegated, and when it wants looking at (授权, 委托)."""

    delegation_days: Days
    expiring_days: Maybe[Days] = UNSET
    unused_days: Maybe[Days] = UNSET


class Complaints(Policy, tag="complaints"):
    """How soon a complaint is assigned, replied to and closed (12345 工单), in working days."""

    assign: Days
    reply: Days
    close: Days


class Privacy(Policy, tag="privacy"):
    """How long personal data are kept, what opens them, how old a backup of keys gets."""

    retention_years: Days
    key_backup_days: Days
    purposes: Maybe[Many[Literal["handle", "serve", "complaint", "court", "inspection"]]] = UNSET


class Numbers(Policy, tag="numbers"):
    """What a case number looks like."""

    case: Annotated[Line, Meta(pattern=r"\{number:0[1-9]d\}")]


class Findings(Policy, tag="findings"):
    """What inspectors look for (线索): the numbers of the rules, and whether supervisors read.

    A member that is left out has the number of the table of rules.
    """

    supervisors: Maybe[bool] = UNSET
    applicant_months: Maybe[Days] = UNSET
    rubber_stamp_s: Maybe[Days] = UNSET
    quick_grant_s: Maybe[Days] = UNSET
    parked_days: Maybe[Days] = UNSET
    pause_left: Maybe[Days] = UNSET
    pause_left_percent: Maybe[Percent] = UNSET
    refile_days: Maybe[Days] = UNSET
    back_dating_days: Maybe[Days] = UNSET
    burst_entries: Maybe[Count] = UNSET
    burst_minutes: Maybe[Count] = UNSET
    intervention_days: Maybe[Days] = UNSET
    office_from: Maybe[Hour] = UNSET
    office_to: Maybe[Hour] = UNSET
    seals_a_minute: Maybe[Count] = UNSET
    voids_percent: Maybe[Percent] = UNSET
    jump_percent: Maybe[Percent] = UNSET
    concentration_percent: Maybe[Percent] = UNSET
    concentration_cases: Maybe[Count] = UNSET
    loop_acts: Maybe[Count] = UNSET
    transfer_days: Maybe[Days] = UNSET
    month_end_days: Maybe[Count] = UNSET
    month_end_times: Maybe[Days] = UNSET
    month_end_cases: Maybe[Count] = UNSET
    night_from: Maybe[Hour] = UNSET
    night_to: Maybe[Hour] = UNSET
    outlier_sigmas: Maybe[Days] = UNSET
    rare_percent: Maybe[Percent] = UNSET
    ratings: Maybe[Count] = UNSET
    ratings_at_once: Maybe[Count] = UNSET
    ratings_minutes: Maybe[Count] = UNSET
    uncounted_percent: Maybe[Percent] = UNSET
    inspect_months: Maybe[Days] = UNSET
    penalty_days: Maybe[Days] = UNSET
    served_days: Maybe[Days] = UNSET
    alert_answer_s: Maybe[Days] = UNSET


POLICY = (
    Deadlines | Alerts | Duty | Link | Reviews | Complaints | Privacy | Numbers | Findings | Posts
)
