"""Who may do what to a complaint (12345 工单), and when: the tables of its life.

The same form as those of a case in `lifecycle`.  Every act on a complaint serves supervision:
the unit that is complained of answers, and never closes (谁处理, 谁不结案).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ledger.lifecycle import May, row


class Stage(StrEnum):
    """How far a complaint has come."""

    REGISTERED = "registered"
    ASSIGNED = "assigned"
    REPLIED = "replied"
    ESCALATED = "escalated"
    CLOSED = "closed"


class Action(StrEnum):
    """What an actor may do to a complaint."""

    REGISTER = "register-complaint"
    ASSIGN = "assign"
    REPLY = "reply"
    ESCALATE = "escalate"
    CLOSE = "close-complaint"
    CORRECT = "correct-complaint"
    APPROVE_CORRECTION = "approve-complaint-correction"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: the event it becomes, the stages it is possible in, the one it leads to.

    `then` is None where the stage stays.
    """

    event: str
    when: frozenset[Stage]
    then: Stage | None


_OPEN = frozenset(Stage) - {Stage.CLOSED}
_WITH_A_UNIT = frozenset({Stage.ASSIGNED, Stage.REPLIED, Stage.ESCALATED})

RULES: Mapping[Action, Rule] = {
    Action.REGISTER: Rule("complaint-registered", frozenset(), Stage.REGISTERED),
    Action.ASSIGN: Rule("complaint-assigned", _OPEN, Stage.ASSIGNED),
    Action.REPLY: Rule("complaint-replied", _WITH_A_UNIT, Stage.REPLIED),
    Action.ESCALATE: Rule("complaint-escalated", _OPEN, Stage.ESCALATED),
    Action.CLOSE: Rule("complaint-closed", _OPEN, Stage.CLOSED),
    Action.CORRECT: Rule("complaint-correction-proposed", frozenset(Stage), None),
    Action.APPROVE_CORRECTION: Rule("complaint-correction-approved", frozenset(Stage), None),
}

# Relations: O the unit it was assigned to, A above that unit, S supervising the item of the
# case it is about, J jurisdiction.  X is whoever complains, through a client system.
MAY: Mapping[Action, tuple[May, ...]] = {
    action: row(cells)
    for action, cells in {
        Action.REGISTER: "hotline J; applicant X",
        Action.ASSIGN: "hotline J",
        Action.REPLY: "bureau-head O; handler O; supervisor O; enforcer O",
        Action.ESCALATE: "hotline J",
        Action.CLOSE: "hotline J",
        # Only acts of the own organ; those of who complains are in the care of the hotline.
        Action.CORRECT: "hotline J; bureau-head O; handler O; supervisor O; enforcer O",
        Action.APPROVE_CORRECTION: "hotline J; supervisor JO; bureau-head O",
    }.items()
}

# What was written down, by type of event.  What was passed on, answered or decided is undone
# by an act of its own; what it is about may not be put right where that keeps it from somebody.
CORRECTABLE: Mapping[str, frozenset[str]] = {
    "complaint-registered": frozenset(
        {"kind", "channel", "call_reference", "caller", "text", "about", "occurred_at"}
    ),
    "complaint-assigned": frozenset({"summary", "occurred_at"}),
    "complaint-replied": frozenset({"document", "occurred_at"}),
    "complaint-escalated": frozenset({"occurred_at"}),
    "complaint-closed": frozenset({"satisfaction", "occurred_at"}),
}

# What a complaint is about: service, delay, refused intake (不予收件), work past the system
# (体外循环), other.
KINDS = ("service", "delay", "refused-intake", "off-system", "other")

# What may be taken to those above, or to inspection, before any unit has answered.
SERIOUS = frozenset({"refused-intake", "off-system"})

# Which organs a complaint is taken to: the services authority, the government, inspection.
ABOVE = frozenset({"authority", "government", "inspection"})
