"""The rules of the findings (线索), as data: what each looks for, and how it is measured.

A rule's text names its numbers, which come from the policy of the ledger, so that a place
with others needs no code.  A measure says how one number of a rule is compared: what is
stored is only what was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.case import Data

POLICY = "findings-default"

RECORDED = "recorded"
OCCURRED = "occurred"

# The numbers of the rules where no policy of the ledger says otherwise; `_s` are seconds.
PARAMETERS: Mapping[str, int] = {
    "applicant_months": 12,
    "rubber_stamp_s": 60,
    "quick_grant_s": 120,
    "parked_days": 4,
    "pause_left": 1,
    "pause_left_percent": 10,
    "refile_days": 30,
    "back_dating_days": 7,
    "burst_entries": 10,
    "burst_minutes": 10,
    "intervention_days": 1,
    "office_from": 8,
    "office_to": 18,
    "seals_a_minute": 5,
    "voids_percent": 2,
    "jump_percent": 10,
    "concentration_percent": 80,
    "concentration_cases": 5,
    "loop_acts": 3,
    "transfer_days": 1,
    "month_end_days": 2,
    "month_end_times": 3,
    "month_end_cases": 5,
    "night_from": 22,
    "night_to": 6,
    "outlier_sigmas": 3,
    "rare_percent": 1,
    "ratings": 1000,
    "ratings_at_once": 5,
    "ratings_minutes": 10,
    "uncounted_percent": 50,
    "inspect_months": 12,
    "penalty_days": 90,
    "served_days": 7,
    "alert_answer_s": 60,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its title and text in Chinese and English, and the time it reads.

    `recorded` is the ledger's own time; of acts that other systems did it is when they say
    they happened.  `why_not` tells, in both languages, why it cannot be computed yet.
    """

    id: str
    title: tuple[str, str]
    text: tuple[str, str]
    time: str = RECORDED
    parameters: tuple[str, ...] = ()
    why_not: tuple[str, str] | None = None


def _rule(
    name: str,
    title: tuple[str, str],
    text: tuple[str, str],
    parameters: str = "",
    time: str = RECORDED,
    why_not: tuple[str, str] | None = None,
) -> Rule:
    return Rule(name, title, text, time, tuple(parameters.split()), why_not)


_ROWS = (
    _rule(
        "four-eyes", ("一人两岗", "Four eyes were two"),
        ("不相容的两个岗位由同一人办理（导入的办件，或经规则放开）",
         "a pair of duties that must not be joined, done by one person (imports, lifted rules)"),
    ),
    _rule(
        "two-responsibilities", ("一人多职责", "Two responsibilities in one hand"),
        ("同一人在同一办件，或{applicant_months}个月内对同一申请人，行使审批、监管、执法中两项以上职责",
         ("one person acting in two or more responsibilities on a case, or on one applicant "
         "within {applicant_months} months")),
        "applicant_months",
    ),
    _rule(
        "sole-handler", ("一人办结", "One person alone"),
        ("依据一人办理的规则办理", "done by one person under a policy that allows it"),
    ),
    _rule(
        "skipped-level", ("越级决定", "A level was skipped"),
        ("未经规则要求的承办或审核意见即作决定",
         "decided without the opinion at level handle or check that the policy asks for"),
    ),
    _rule(
        "rubber-stamp", ("秒批", "Rubber stamp"),
        ("最后一次审查到决定不足{rubber_stamp_s}秒；按人统计，同一人与不同人分列",
         ("less than {rubber_stamp_s} s from the last review to the decision; per officer, the "
         "same person and another apart")),
        "rubber_stamp_s",
    ),
    _rule(
        "quick-grant", ("秒准", "Granted at once"),
        ("非即办件受理到准予不足{quick_grant_s}秒",
         "less than {quick_grant_s} s from acceptance to grant, the item not being instant"),
        "quick_grant_s",
    ),
    _rule(
        "parked-receipt", ("压件", "Parked after receipt"),
        ("收件后{parked_days}个工作日以上未受理且未告知补正",
         ("{parked_days} working days or more from receipt to acceptance without a supplement "
         "request")),
        "parked_days",
    ),
    _rule(
        "repeated-supplement", ("反复补正", "Supplements again and again"),
        ("两次以上告知补正，或未一次性告知", "two requests or more, or not told all at once"),
    ),
    _rule(
        "convenient-pause", ("卡点停表", "A convenient pause"),
        (("剩余不超过{pause_left}天或少于期限的{pause_left_percent}%时，或超期后，"
         "中止、延期或告知补正；按人统计"),
         ("suspended, extended or asked for a supplement with {pause_left} day or less or under "
         "{pause_left_percent} % of the budget left, or after it; per officer")),
        "pause_left pause_left_percent",
    ),
    _rule(
        "pause-overrun", ("停表失控", "A pause out of hand"),
        ("特别程序超期、无书面通知，或无结果即恢复",
         "a special procedure overdue, without notice, or ended without a result"),
    ),
    _rule(
        "withdraw-refile", ("撤回重报", "Withdrawn and filed again"),
        ("撤回或终止后{refile_days}日内同一申请人又申请同一事项",
         ("withdrawn or terminated, and the same item received from the same applicant within "
         "{refile_days} days")),
        "refile_days",
    ),
    _rule(
        "hollow-close", ("空转办结", "Closed and hollow"),
        ("未颁发即办结，或办结时尚有未尽职责", "closed before issue, or with a duty open"),
    ),
    _rule(
        "back-dating", ("倒签", "Back-dating"),
        ("记录时间晚于所称时间超过{back_dating_days}日，或办结后仍有办理记录",
         ("recorded more than {back_dating_days} days after it is said to have happened, or any "
         "act recorded after the close")),
        "back_dating_days",
    ),
    _rule(
        "backfill-burst", ("突击补录", "A burst of late entries"),
        ("同一系统{burst_minutes}分钟内补录{burst_entries}条以上",
         "{burst_entries} late entries or more of one client system within {burst_minutes} min"),
        "burst_entries burst_minutes",
    ),
    _rule(
        "impossible-order", ("次序颠倒", "An impossible order"),
        ("按所称时间，决定早于受理、用印早于决定、颁发早于用印，或许可前已从事许可活动",
         ("by the time claimed: decided before accepted, sealed before decided, issued before "
         "sealed, or the licensed activity found before the grant")),
        time=OCCURRED,
    ),
    _rule(
        "evidence-after", ("事后补证", "Evidence after the fact"),
        ("意见、现场核查或材料在其所支持的决定之后记录",
         "an opinion, site check or material recorded after the decision it supports"),
    ),
    _rule(
        "overridden-opinion", ("改变意见", "An overridden opinion"),
        ("决定与最后一次审查建议不同；有无理由分列",
         "the outcome is not the last recommendation; with and without a reason"),
    ),
    _rule(
        "intervention", ("打招呼", "Intervention"),
        ("有打招呼记录；或被拒绝的动作{intervention_days}日内由他人完成",
         ("an intervention on record; or a refused act done by another person within "
         "{intervention_days} day")),
        "intervention_days",
    ),
    _rule(
        "seal-order", ("用印失序", "Seal out of order"),
        ("无依据或先于依据用印、一份文书两次用印、决定人与用印人为同一人",
         ("a use without or before its authorising event, two uses on one document, or who "
         "decided is who sealed")),
    ),
    _rule(
        "seal-habit", ("用印习惯异常", "Odd habits of sealing"),
        (("{office_from}时至{office_to}时以外或非工作日用印；一枚印章一分钟内用印超过{seals_a_minute}次；"
         "作废超过用印数的{voids_percent}%"),
         ("used outside office hours ({office_from} to {office_to} h of working days); more than "
         "{seals_a_minute} uses of a seal in a minute; voids over {voids_percent} % of uses")),
        "office_from office_to seals_a_minute voids_percent",
    ),
    _rule(
        "queue-jump", ("插队", "Queue jump"),
        ("数量有限的事项，先于较早受理者决定；任何事项，较早者仍在等待而办理时间不足中位数的{jump_percent}%",
         ("an item of limited number decided before an earlier accepted case; any item: decided "
         "in less than {jump_percent} % of the median while an older case waits")),
        "jump_percent",
    ),
    _rule(
        "concentration", ("过度集中", "Concentration"),
        ("同一申请人或代理人的办件（{concentration_cases}件以上）超过{concentration_percent}%由同一人决定",
         ("one officer decides more than {concentration_percent} % of the cases of an applicant "
         "or agent who has {concentration_cases} or more")),
        "concentration_percent concentration_cases",
    ),
    _rule(
        "loops", ("反复", "Loops"),
        ("同一办件中一个动作{loop_acts}次以上，或退回前一环节；以工作日计其代价",
         ("an act {loop_acts} times or more in a case, or back to an earlier stage; the cost in "
         "working days")),
        "loop_acts",
    ),
    _rule(
        "handover", ("转办", "Handing on"),
        ("转办超过{transfer_days}个工作日无人接收；甲转乙又转甲两次以上；单位间转办矩阵见统计",
         ("a transfer not acknowledged for more than {transfer_days} working day; from A to B to "
         "A twice; the matrix from unit to unit is in the figures")),
        "transfer_days",
    ),
    _rule(
        "bottleneck", ("瓶颈", "Bottleneck"),
        ("各步骤等待和办理时间（秒）的中位数、九成位数和最大值，按单位和月份",
         "waiting and handling time per step in seconds, p50, p90 and max, by unit and month"),
    ),
    _rule(
        "batch", ("突击决定", "In batches"),
        (("月末{month_end_days}个工作日的决定超过当月日均的{month_end_times}倍（当月{month_end_cases}件以上）；"
         "{night_from}时至{night_to}时及非工作日的办理"),
         ("decisions in the last {month_end_days} working days of a month over {month_end_times} "
         "times its daily mean (in a month of {month_end_cases} or more); acts at night "
         "({night_from} to {night_to} h) and on days off")),
        "month_end_days month_end_times month_end_cases night_from night_to",
    ),
    _rule(
        "outlier", ("时间离群", "Outlier"),
        ("两个动作之间的时间偏离该事项版本均值{outlier_sigmas}倍标准差以上",
         ("the time between two acts beyond {outlier_sigmas} standard deviations of the mean of "
         "the item version")),
        "outlier_sigmas",
    ),
    _rule(
        "rare-route", ("罕见路径", "A rare route"),
        ("动作序列在该事项已办结办件中占比低于{rare_percent}%",
         "a sequence of acts with a share below {rare_percent} % of the ended cases of the item"),
        "rare_percent",
    ),
    _rule(
        "route", ("路径违规", "Off the route"),
        (("违反先后或响应约束：先决定后用印、先用印后颁发、先推送后认领、受理须决定或终结、差评须反馈、"
         "一份文书一次用印、不得既撤回又有用印的证照"),
         ("breaks of: decide before seal, seal before issue, push before claim, what is accepted "
         "is decided or ended, a bad rating is fed back, one sealing per document, never both "
         "withdrawn and a sealed licence")),
    ),
    _rule(
        "suppressed-reviews", ("差评被压", "Suppressed reviews"),
        (("{ratings}条以上评价无一差评；一个终端{ratings_minutes}分钟内{ratings_at_once}条以上；"
         "误评与恶意评价超过差评的{uncounted_percent}%"),
         ("no bad one in {ratings} ratings or more; {ratings_at_once} or more from one terminal "
         "in {ratings_minutes} min; mistaken and malicious over {uncounted_percent} % of the bad")),
        "ratings ratings_at_once ratings_minutes uncounted_percent",
    ),
    _rule(
        "unsupervised", ("监管缺位", "Unsupervised"),
        ("推送后逾期无人认领；认领后{inspect_months}个月内未检查；承诺逾期未核查",
         ("pushed and not claimed in time; claimed and not inspected within {inspect_months} "
         "months; a commitment not verified in time")),
        "inspect_months",
    ),
    _rule(
        "enforcement-late", ("执法迟延", "Enforcement late"),
        ("立案至处罚超过{penalty_days}日，处罚决定超过{served_days}个工作日未送达，或执法人员少于两人",
         ("more than {penalty_days} days to the penalty, served after more than {served_days} "
         "working days, or fewer than two officers")),
        "penalty_days served_days",
    ),
    _rule(
        "alert-habit", ("应付预警", "Alerts brushed aside"),
        ("预警被撤销，或{alert_answer_s}秒内即答复；按单位统计",
         "alerts withdrawn, or answered within {alert_answer_s} s; per unit"),
        "alert_answer_s",
    ),
    _rule(
        "curious-reader", ("无职责阅看", "A curious reader"),
        ("本单位无相应职责的人阅看办件", "a case read by someone of the organ without duty in it"),
        why_not=("须有阅看日志，目前尚未记录", "it needs the log of readings, not kept yet"),
    ),
)  # fmt: skip

RULES: Mapping[str, Rule] = {rule.id: rule for rule in _ROWS}

# What each rule is about, in the order in which they are read; those that only measure come last:
# what they tell is no reason to look before somebody has compared it.
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "duties": (
        "four-eyes", "two-responsibilities", "sole-handler", "skipped-level", "overridden-opinion",
        "intervention", "concentration", "curious-reader",
    ),
    "times": (
        "rubber-stamp", "quick-grant", "parked-receipt", "convenient-pause", "pause-overrun",
        "queue-jump", "batch", "outlier",
    ),
    "records": ("back-dating", "backfill-burst", "impossible-order", "evidence-after"),
    "routes": (
        "repeated-supplement", "withdraw-refile", "hollow-close", "loops", "handover", "rare-route",
        "route",
    ),
    "seals": ("seal-order", "seal-habit"),
    "afterwards": ("suppressed-reviews", "unsupervised", "enforcement-late", "alert-habit"),
    "measured": ("bottleneck",),
}  # fmt: skip
FINDING = frozenset(RULES) - frozenset(SUBJECTS["measured"])


@dataclass(frozen=True, slots=True)
class Parameters:
    """The numbers that the rules go by, and the policy version they are from.

    Version 0 is the table above: the ledger has no such policy yet.
    """

    version: int = 0
    supervisors: bool = False
    values: Mapping[str, int] = field(default_factory=lambda: PARAMETERS)

    @classmethod
    def of(cls, content: Data, version: int) -> "Parameters":
        """Read a policy; what it leaves out is as in the table."""
        given = {name: int(content.get(name, value)) for name, value in PARAMETERS.items()}
        return cls(version, bool(content.get("supervisors")), given)

    @property
    def policy(self) -> str:
        """The id of the policy with its version."""
        return f"{POLICY}@{self.version}"

    def text(self, rule: Rule) -> tuple[str, str]:
        """Return the text of a rule with its numbers, in Chinese and English."""
        return rule.text[0].format(**self.values), rule.text[1].format(**self.values)
