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
    ARCHIVED = "archived"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    TERMINATED = "terminated"


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
    CLOSE = "close"
    ARCHIVE = "archive"
    WITHDRAW = "withdraw"
    TERMINATE = "terminate"
    RECALL_PERMIT = "recall-permit"
    REVOKE_PERMIT = "revoke-permit"
    DEREGISTER = "deregister"
    AMEND = "amend"
    RENEW = "renew"
    CORRECT = "correct"
    APPROVE_CORRECTION = "approve-correction"
    DECLARE_RECUSAL = "declare-recusal"
    RECORD_INTERVENTION = "record-intervention"
    CLAIM = "claim"
    INSPECT = "inspect"
    PROPOSE_REVOCATION = "propose-revocation"
    SUPERVISE = "supervise"
    ANSWER_ALERT = "answer-alert"
    WITHDRAW_ALERT = "withdraw-alert"
    EVALUATE = "evaluate"
    CALL_BACK = "call-back"
    VERIFY_REVIEW = "verify-review"
    RECTIFY = "rectify"
    FEED_BACK = "feed-back"
    CLOSE_REVIEW = "close-review"
    RECORD_REMEDY = "record-remedy"
    RECORD_REMEDY_RESULT = "record-remedy-result"
    OPEN_INVESTIGATION = "open-investigation"
    RECORD_FINDING = "record-finding"
    PENALISE = "penalise"
    CANCEL_PERMIT = "cancel-permit"
    SANCTION = "sanction"
    CLOSE_INVESTIGATION = "close-investigation"


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
# What was granted goes on to live when its case is in the archive.
_GRANTED = _AFTER | {Stage.ARCHIVED}
_ENDED = frozenset({Stage.DECLINED, Stage.WITHDRAWN, Stage.TERMINATED})
# Nothing more waits for anybody.
OVER = _ENDED | {Stage.CLOSED, Stage.ARCHIVED}
_RATED = _RUNNING | _GRANTED | _ENDED
_ALL = _BEFORE | _GRANTED | _ENDED

_A = Responsibility.APPROVAL
_S = Responsibility.SUPERVISION
_E = Responsibility.ENFORCEMENT

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
    Action.PUBLISH: Rule("published", _A, _RUNNING | _GRANTED),
    Action.PUSH: Rule("pushed", _A, _AFTER | _WORK),
    Action.CLOSE: Rule("closed", _A, frozenset({Stage.ISSUED}), Stage.CLOSED, once=True),
    Action.ARCHIVE: Rule("archived", _A, frozenset({Stage.CLOSED}), Stage.ARCHIVED, once=True),
    Action.WITHDRAW: Rule("withdrawn", _A, _BEFORE, Stage.WITHDRAWN, once=True),
    Action.TERMINATE: Rule("terminated", _A, _BEFORE, Stage.TERMINATED, once=True),
    # The verbs on what was granted; `decision.permit` says how it stands.
    Action.RECALL_PERMIT: Rule("permit-recalled", _A, _GRANTED, once=True),
    Action.REVOKE_PERMIT: Rule("permit-revoked", _A, _GRANTED, once=True),
    Action.DEREGISTER: Rule("deregistered", _A, _GRANTED, once=True),
    Action.AMEND: Rule("amended", _A, _GRANTED),
    Action.RENEW: Rule("renewed", _A, _GRANTED),
    Action.CORRECT: Rule("correction-proposed", _A, _ALL),
    Action.APPROVE_CORRECTION: Rule("correction-approved", _A, _ALL),
    Action.DECLARE_RECUSAL: Rule("recusal-declared", _A, _BEFORE, late=True),
    Action.RECORD_INTERVENTION: Rule("intervention-recorded", _A, _BEFORE, late=True),
    Action.CLAIM: Rule("claimed", _S, _GRANTED | _WORK),
    Action.INSPECT: Rule("inspected", _S, _GRANTED | _WORK),
    Action.PROPOSE_REVOCATION: Rule("revocation-proposed", _S, _GRANTED),
    Action.SUPERVISE: Rule("supervised", _S, _ALL),
    Action.ANSWER_ALERT: Rule("alert-answered", _S, _ALL),
    Action.WITHDRAW_ALERT: Rule("alert-withdrawn", _S, _ALL),
    Action.EVALUATE: Rule("evaluated", _S, _RATED),
    Action.CALL_BACK: Rule("called-back", _S, _RATED),
    Action.VERIFY_REVIEW: Rule("review-verified", _S, _RATED),
    Action.RECTIFY: Rule("rectified", _S, _RATED),
    Action.FEED_BACK: Rule("fed-back", _S, _RATED),
    Action.CLOSE_REVIEW: Rule("review-closed", _S, _RATED),
    Action.RECORD_REMEDY: Rule("remedy-recorded", _S, _ALL),
    Action.RECORD_REMEDY_RESULT: Rule("remedy-result-recorded", _S, _ALL),
    Action.OPEN_INVESTIGATION: Rule("investigation-opened", _E, _ALL),
    Action.RECORD_FINDING: Rule("finding-recorded", _E, _ALL),
    Action.PENALISE: Rule("penalised", _E, _ALL),
    Action.CANCEL_PERMIT: Rule("permit-cancelled", _E, _GRANTED, once=True),
    Action.SANCTION: Rule("sanctioned", _E, _ALL),
    Action.CLOSE_INVESTIGATION: Rule("investigation-closed", _E, _ALL),
}

# What the law does by itself, with nobody's name on it (视为受理, 视为准予延续).
BY_LAW: Mapping[str, Responsibility] = {"deemed-accepted": _A, "deemed-renewed": _A}

ACTION_OF: Mapping[str, Action] = {rule.event: action for action, rule in RULES.items()}


@dataclass(frozen=True, slots=True)
class May:
    """One cell of who may do what: the role, through which relations, under which conditions.

    Relations: O own, P part, S supervising, E enforcing, A above, J jurisdiction, T told of
    the result (多证合一), X the applicant.  Conditions are names of the pure functions in
    `authority.CONDITIONS`.
    """

    role: Role
    relations: str
    conditions: tuple[str, ...] = ()


def row(cells: str) -> tuple[May, ...]:
    """Read one line of the table: `role RELATIONS condition condition; role …`."""
    may = []
    for cell in cells.split(";"):
        role, relations, *conditions = cell.split()
        may.append(May(Role(role), relations, tuple(conditions)))
    return tuple(may)


_RECEIVERS = (
    "clerk O receiver; handler OP receiver; checker OP receiver; approver OP receiver;"
    "bureau-head OP receiver"
)
_OWN_LINE = (
    "approver O own-line; bureau-head O own-line; supervisor S own-line; enforcer E own-line;"
    "hotline J own-line"
)
_EVERYBODY = (
    "clerk OP; handler OP; checker OP; approver OP; sealer OP; issuer OP; bureau-head OP;"
    "supervisor S; enforcer E; hotline J"
)

MAY: Mapping[Action, tuple[May, ...]] = {
    action: row(cells)
    for action, cells in {
        Action.RECEIVE: "clerk O; applicant X; client-system O itself",
        Action.CORRECT_ON_SPOT: "clerk O; handler O",
        Action.REQUEST_SUPPLEMENT: "clerk O; handler O",
        Action.RECEIVE_SUPPLEMENT: "clerk O; handler O; applicant X; client-system O itself",
        Action.ACCEPT: "clerk O",
        Action.DECLINE: "clerk O",
        Action.TRANSFER: "clerk O; handler O; checker O; bureau-head O",
        Action.ACKNOWLEDGE_TRANSFER: _RECEIVERS,
        Action.REFUSE_TRANSFER: _RECEIVERS,
        Action.REVIEW: "handler OP level-handle; checker OP level-check",
        Action.SUSPEND: "handler O; approver O",
        Action.RESUME: "handler O; approver O",
        Action.EXTEND: "handler O; bureau-head O",
        Action.RESERVE_NUMBER: "handler O; approver O",
        Action.VOID_NUMBER: "handler O; approver O",
        Action.DECIDE: "approver O; bureau-head O",
        Action.SEAL: "sealer O",
        Action.VOID_SEAL: "sealer O",
        Action.ISSUE: "issuer O; client-system O itself electronic",
        Action.PUBLISH: "handler O; issuer O; client-system O itself",
        Action.PUSH: "handler O; issuer O; client-system O itself",
        Action.CLOSE: "handler O; issuer O",
        Action.ARCHIVE: "handler O; issuer O; client-system O itself",
        Action.WITHDRAW: "clerk O written-request; handler O written-request; applicant X",
        Action.TERMINATE: "approver O; bureau-head O",
        Action.RECALL_PERMIT: "approver O; bureau-head O",
        Action.REVOKE_PERMIT: "approver O; bureau-head OA",
        Action.DEREGISTER: "approver O",
        Action.AMEND: "approver O",
        Action.RENEW: "approver O",
        Action.CORRECT: "clerk O own-line; handler O own-line; checker O own-line;"
        "sealer O own-line; issuer O own-line;" + _OWN_LINE,
        Action.APPROVE_CORRECTION: _OWN_LINE,
        Action.DECLARE_RECUSAL: _EVERYBODY,
        Action.RECORD_INTERVENTION: _EVERYBODY,
        Action.CLAIM: "supervisor ST",
        Action.INSPECT: "supervisor S",
        Action.PROPOSE_REVOCATION: "supervisor S; enforcer E",
        Action.SUPERVISE: "bureau-head A; supervisor SAJ; hotline J of-reviews",
        Action.ANSWER_ALERT: "clerk O addressee; handler O addressee; checker O addressee;"
        "approver O addressee; sealer O addressee; issuer O addressee;"
        "bureau-head OSET addressee;"
        "supervisor ST addressee; enforcer E addressee",
        Action.WITHDRAW_ALERT: "supervisor AJ",
        Action.EVALUATE: "hotline J called; applicant X",
        Action.CALL_BACK: "handler O; bureau-head O; hotline J",
        Action.VERIFY_REVIEW: "bureau-head O valid-only; supervisor SJ; hotline J",
        Action.RECTIFY: "handler O; bureau-head O",
        Action.FEED_BACK: "bureau-head O; hotline J",
        Action.CLOSE_REVIEW: "hotline J",
        Action.RECORD_REMEDY: "handler O; bureau-head O; supervisor SAJ",
        Action.RECORD_REMEDY_RESULT: "handler O; bureau-head O; supervisor SAJ",
        Action.OPEN_INVESTIGATION: "enforcer E",
        Action.RECORD_FINDING: "enforcer E",
        Action.PENALISE: "enforcer E",
        Action.CANCEL_PERMIT: "enforcer E",
        Action.SANCTION: "enforcer E",
        Action.CLOSE_INVESTIGATION: "enforcer E",
    }.items()
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
    # To take a permit back is a decision too, with a document of its own to be sealed.
    Separation("SOD-3", "recall-permit", "seal", "policy"),
    Separation("SOD-3", "revoke-permit", "seal", "policy"),
    Separation("SOD-4", "accept", "seal:result", "policy"),
    Separation("SOD-5", "decide", "issue", "policy"),
    Separation("SOD-11", "preside", "review:handle", "law"),
    Separation("SOD-11", "preside", "review:check", "law"),
)

# What a duty policy may lift, and nothing else.
LIFTABLE = frozenset({row.rule for row in SEPARATIONS if row.kind == "policy"} | {"SOD-15"})

# After a recusal nothing but handing the case over, or back (SOD-13, 公务员法 76).
AFTER_RECUSAL = frozenset({Action.TRANSFER, Action.REFUSE_TRANSFER, Action.DECLARE_RECUSAL})

# Who was complained of does not follow the complaint up (SOD-15): a rule of policy.
OF_OTHERS = frozenset({Action.CALL_BACK, Action.VERIFY_REVIEW, Action.CLOSE_REVIEW})

# What is done to a card (预警 黄牌 红牌): whether there is one, the case alone does not tell.
ON_CARDS = frozenset({Action.ANSWER_ALERT, Action.WITHDRAW_ALERT})

# What a review may propose of a permit that was granted (SOD-10).
PROPOSALS = frozenset({"recall", "revoke"})

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
    "licence": frozenset({"decided", "amended", "renewed", "deemed-renewed"}),
    "revocation": frozenset({"permit-revoked"}),
    "recall": frozenset({"permit-recalled"}),
    "deregistration": frozenset({"deregistered"}),
}
