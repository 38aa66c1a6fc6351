"""Who may do what, when, and what it is called: the tables of a case's life.

Routes, forms, the OpenAPI document, `authority.permit` and the property tests read these
tables; there is no rule of stage or role anywhere else.  The law behind each row stands in
the papers on the domain; APL is the Administrative Permission Law (行政许可法).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Responsibility(StrEnum):
    """Whose duty an act serves (职责); every action has exactly one."""

    APPROVAL = "approval"
    SUPERVISION = "supervision"
    ENFORCEMENT = "enforcement"
    ADMINISTRATION = "administration"


class Stage(StrEnum):
    """Where a case stands in its life (环节)."""

    RECEIVED = "received"
    SUPPLEMENTING = "supplementing"
    ACCEPTED = "accepted"
    IN_REVIEW = "in-review"
    SUSPENDED = "suspended"
    DECIDED = "decided"
    SEALED = "sealed"
    ISSUED = "issued"
    CLOSED = "closed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Role(StrEnum):
    """A post that an appointment gives (岗位)."""

    CLERK = "clerk"
    HANDLER = "handler"
    CHECKER = "checker"
    APPROVER = "approver"
    SEALER = "sealer"
    ISSUER = "issuer"
    BUREAU_HEAD = "bureau-head"
    SUPERVISOR = "supervisor"
    HOTLINE = "hotline"
    ENFORCER = "enforcer"
    INSPECTOR = "inspector"
    INSPECTION_LEAD = "inspection-lead"
    SYSTEM_ADMIN = "system-admin"
    SECURITY_ADMIN = "security-admin"
    AUDIT_ADMIN = "audit-admin"
    APPLICANT = "applicant"
    CLIENT_SYSTEM = "client-system"


# What a post belongs to: nobody holds posts in two of the four (SOD-6), and an
# administrator holds no other post at all (SOD-7).
BRANCH: Mapping[Role, str] = {
    **dict.fromkeys(
        (
            Role.CLERK,
            Role.HANDLER,
            Role.CHECKER,
            Role.APPROVER,
            Role.SEALER,
            Role.ISSUER,
            Role.BUREAU_HEAD,
        ),
        "approval",
    ),
    Role.SUPERVISOR: "supervision",
    Role.HOTLINE: "supervision",
    Role.ENFORCER: "enforcement",
    Role.INSPECTOR: "inspection",
    Role.INSPECTION_LEAD: "inspection",
    Role.SYSTEM_ADMIN: "administration",
    Role.SECURITY_ADMIN: "administration",
    Role.AUDIT_ADMIN: "administration",
}


class Action(StrEnum):
    """What an actor may do to a case (办理动作)."""

    RECEIVE = "receive"
    CORRECT_ON_SPOT = "correct-on-spot"
    REQUEST_SUPPLEMENT = "request-supplement"
    RECEIVE_SUPPLEMENT = "receive-supplement"
    ACCEPT = "accept"
    DECLINE = "decline"
    TRANSFER = "transfer"
    ACKNOWLEDGE_TRANSFER = "acknowledge-transfer"
    REFUSE_TRANSFER = "refuse-transfer"
    REVIEW = "review"
    SUSPEND = "suspend"
    RESUME = "resume"
    EXTEND = "extend"
    RESERVE_NUMBER = "reserve-number"
    VOID_NUMBER = "void-number"
    DECIDE = "decide"
    SEAL = "seal"
    VOID_SEAL = "void-seal"
    ISSUE = "issue"
    PUBLISH = "publish"
    PUSH = "push"
    CLAIM = "claim"
    EVALUATE = "evaluate"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    CORRECT = "correct"
    APPROVE_CORRECTION = "approve-correction"
    DECLARE_RECUSAL = "declare-recusal"
    RECORD_INTERVENTION = "record-intervention"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the life of a case.

    `when` are the stages in which the action is possible, `then` the stage it leads to
    (None: the fold decides or nothing moves), `once` whether a second time is `already-done`,
    `late` whether it may still be entered after the decision as a late entry (补录).
    """

    event: str
    responsibility: Responsibility
    when: frozenset[Stage]
    then: Stage | None = None
    once: bool = False
    late: bool = False


_OPEN = frozenset({Stage.RECEIVED, Stage.SUPPLEMENTING})
_WORK = frozenset({Stage.ACCEPTED, Stage.IN_REVIEW})
_RUNNING = _WORK | {Stage.SUSPENDED}
_BEFORE = _OPEN | _RUNNING
_AFTER = frozenset({Stage.DECIDED, Stage.SEALED, Stage.ISSUED, Stage.CLOSED})
_GRANTED = _AFTER
_ENDED = frozenset({Stage.DECLINED, Stage.WITHDRAWN})
_ALL = _BEFORE | _AFTER | _ENDED

_A = Responsibility.APPROVAL
_S = Responsibility.SUPERVISION

RULES: Mapping[Action, Rule] = {
    Action.RECEIVE: Rule("received", _A, frozenset(), Stage.RECEIVED),
    Action.CORRECT_ON_SPOT: Rule("corrected-on-spot", _A, _OPEN),
    # Stages after acceptance: a notice that comes after the law has accepted (supplement.late).
    Action.REQUEST_SUPPLEMENT: Rule("supplement-requested", _A, _OPEN | _WORK),
    # Stages after acceptance: what was accepted as owed (容缺受理) may still come in.
    Action.RECEIVE_SUPPLEMENT: Rule(
        "supplement-received", _A, frozenset({Stage.SUPPLEMENTING}) | _RUNNING | _AFTER
    ),
    Action.ACCEPT: Rule("accepted", _A, _OPEN, Stage.ACCEPTED, once=True),
    Action.DECLINE: Rule("declined", _A, _OPEN, Stage.DECLINED, once=True),
    Action.TRANSFER: Rule("transferred", _A, _BEFORE, late=True),
    Action.ACKNOWLEDGE_TRANSFER: Rule("transfer-acknowledged", _A, _BEFORE, late=True),
    Action.REFUSE_TRANSFER: Rule("transfer-refused", _A, _BEFORE, late=True),
    Action.REVIEW: Rule("reviewed", _A, _WORK, Stage.IN_REVIEW, late=True),
    Action.SUSPEND: Rule("suspended", _A, _RUNNING),
    Action.RESUME: Rule("resumed", _A, frozenset({Stage.SUSPENDED})),
    Action.EXTEND: Rule("extended", _A, _RUNNING),
    Action.RESERVE_NUMBER: Rule("number-reserved", _A, _RUNNING | _AFTER),
    Action.VOID_NUMBER: Rule("number-voided", _A, _RUNNING | _AFTER),
    Action.DECIDE: Rule("decided", _A, _WORK, Stage.DECIDED, once=True),
    # The authorising event, not the stage, says whether a kind of document may be sealed.
    Action.SEAL: Rule("sealed", _A, _ALL),
    Action.VOID_SEAL: Rule("seal-voided", _A, _ALL),
    Action.ISSUE: Rule("issued", _A, frozenset({Stage.SEALED}), Stage.ISSUED, once=True),
    # Before the decision only why a promise was broken.
    Action.PUBLISH: Rule("published", _A, _RUNNING | _AFTER),
    Action.PUSH: Rule("pushed", _A, _AFTER | _WORK),
    Action.CLAIM: Rule("claimed", _S, _AFTER | _WORK),
    Action.EVALUATE: Rule("evaluated", _S, _RUNNING | _AFTER | _ENDED, once=True),
    Action.CLOSE: Rule("closed", _A, frozenset({Stage.ISSUED}), Stage.CLOSED, once=True),
    Action.WITHDRAW: Rule("withdrawn", _A, _BEFORE, Stage.WITHDRAWN, once=True),
    Action.CORRECT: Rule("correction-proposed", _A, _ALL),
    Action.APPROVE_CORRECTION: Rule("correction-approved", _A, _ALL),
    Action.DECLARE_RECUSAL: Rule("recusal-declared", _A, _BEFORE, late=True),
    Action.RECORD_INTERVENTION: Rule("intervention-recorded", _A, _BEFORE, late=True),
}

# What the law does by itself, with nobody's name on it (视为受理).
BY_LAW: Mapping[str, Responsibility] = {"deemed-accepted": _A}

ACTION_OF: Mapping[str, Action] = {rule.event: action for action, rule in RULES.items()}


@dataclass(frozen=True, slots=True)
class May:
    """One cell of who may do what: the role, through which relations, under which conditions.

    Relations: O own, P part, S supervising, E enforcing, A above, J jurisdiction, X the
    applicant.  Conditions are names of the pure functions in `authority.CONDITIONS`.
    """

    role: Role
    relations: str
    conditions: tuple[str, ...] = ()


def _row(cells: str) -> tuple[May, ...]:
    """Read one line of the table: `role RELATIONS condition condition; role …`."""
    may = []
    for cell in cells.split(";"):
        role, relations, *conditions = cell.split()
        may.append(May(Role(role), relations, tuple(conditions)))
    return tuple(may)


MAY: Mapping[Action, tuple[May, ...]] = {
    Action.RECEIVE: _row("clerk O; applicant X; client-system O itself"),
    Action.CORRECT_ON_SPOT: _row("clerk O; handler O"),
    Action.REQUEST_SUPPLEMENT: _row("clerk O; handler O"),
    Action.RECEIVE_SUPPLEMENT: _row("clerk O; handler O; applicant X; client-system O itself"),
    Action.ACCEPT: _row("clerk O"),
    Action.DECLINE: _row("clerk O"),
    Action.TRANSFER: _row("clerk O; handler O; checker O; bureau-head O"),
    Action.ACKNOWLEDGE_TRANSFER: _row(
        "clerk O receiver; handler OP receiver; checker OP receiver; approver OP receiver;"
        "bureau-head OP receiver"
    ),
    Action.REFUSE_TRANSFER: _row(
        "clerk O receiver; handler OP receiver; checker OP receiver; approver OP receiver;"
        "bureau-head OP receiver"
    ),
    Action.REVIEW: _row("handler OP level-handle; checker OP level-check"),
    Action.SUSPEND: _row("handler O; approver O"),
    Action.RESUME: _row("handler O; approver O"),
    Action.EXTEND: _row("handler O; bureau-head O"),
    Action.RESERVE_NUMBER: _row("handler O; approver O"),
    Action.VOID_NUMBER: _row("handler O; approver O"),
    Action.DECIDE: _row("approver O; bureau-head O"),
    Action.SEAL: _row("sealer O"),
    Action.VOID_SEAL: _row("sealer O"),
    Action.ISSUE: _row("issuer O; client-system O itself electronic"),
    Action.PUBLISH: _row("handler O; issuer O; client-system O itself"),
    Action.PUSH: _row("handler O; issuer O; client-system O itself"),
    Action.CLAIM: _row("supervisor S"),
    Action.EVALUATE: _row("hotline J called; applicant X"),
    Action.CLOSE: _row("handler O; issuer O"),
    Action.WITHDRAW: _row("clerk O written-request; handler O written-request; applicant X"),
    Action.CORRECT: _row(
        "clerk O own-line; handler O own-line; checker O own-line; approver O own-line;"
        "sealer O own-line; issuer O own-line; bureau-head O own-line; supervisor S own-line;"
        "enforcer E own-line; hotline J own-line"
    ),
    Action.APPROVE_CORRECTION: _row(
        "approver O own-line; bureau-head O own-line; supervisor S own-line;"
        "enforcer E own-line; hotline J own-line"
    ),
    Action.DECLARE_RECUSAL: _row(
        "clerk OP; handler OP; checker OP; approver OP; sealer OP; issuer OP; bureau-head OP;"
        "supervisor S; enforcer E; hotline J"
    ),
    Action.RECORD_INTERVENTION: _row(
        "clerk OP; handler OP; checker OP; approver OP; sealer OP; issuer OP; bureau-head OP;"
        "supervisor S; enforcer E; hotline J"
    ),
}


@dataclass(frozen=True, slots=True)
class Separation:
    """Two duties of one case that one person may not join (不相容岗位).

    `kind` is law, core or policy; a policy rule may be lifted by the duty policy in the
    case's terms, and only there.
    """

    rule: str
    earlier: str
    later: str
    kind: str


SEPARATIONS: tuple[Separation, ...] = (
    Separation("SOD-1", "accept", "decide", "policy"),
    Separation("SOD-2", "review:handle", "review:check", "policy"),
    Separation("SOD-2", "review:check", "review:handle", "policy"),
    Separation("SOD-2", "review:handle", "decide", "policy"),
    Separation("SOD-2", "review:check", "decide", "policy"),
    # A decision stands before a late-entered opinion too.
    Separation("SOD-2", "decide", "review:handle", "policy"),
    Separation("SOD-2", "decide", "review:check", "policy"),
    Separation("SOD-3", "decide", "seal", "policy"),
    Separation("SOD-4", "accept", "seal:result", "policy"),
    Separation("SOD-5", "decide", "issue", "policy"),
    Separation("SOD-11", "preside", "review:handle", "law"),
    Separation("SOD-11", "preside", "review:check", "law"),
)

# After a recusal nothing but handing the case over, or back (SOD-13, 公务员法 76).
AFTER_RECUSAL = frozenset({Action.TRANSFER, Action.REFUSE_TRANSFER, Action.DECLARE_RECUSAL})

# An imported case is a fact: its record can be put right, and nothing else be done to it.
ON_FACTS = frozenset({Action.CORRECT, Action.APPROVE_CORRECTION})

# The special procedures of APL 45: their time is not counted.
SUSPENSION_KINDS = frozenset(
    {
        "hearing",
        "tender",
        "auction",
        "inspection",
        "testing",
        "quarantine",
        "appraisal",
        "expert-review",
    }
)

# Which recorded act allows a document to be sealed (授权用印的记录).
AUTHORISING: Mapping[str, frozenset[str]] = {
    "acceptance-notice": frozenset({"accepted", "deemed-accepted"}),
    "filing-receipt": frozenset({"accepted", "deemed-accepted"}),
    "decline-notice": frozenset({"declined"}),
    "supplement-notice": frozenset({"supplement-requested"}),
    "special-notice": frozenset({"suspended"}),
    "extension-notice": frozenset({"extended"}),
    "decision": frozenset({"decided"}),
    "licence": frozenset({"decided"}),
}
