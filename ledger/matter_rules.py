"""Who may do what to a matter (一件事, 联合办理): the tables, in the form of those of a case.

A matter has no stage of its own: where it stands follows from its cases.
"""

from collections.abc import Mapping
from enum import StrEnum

from ledger.lifecycle import May, row


class Action(StrEnum):
    """What an actor may do to a matter."""

    OPEN = "open-matter"
    JOIN = "join-matter"
    SPLIT_OFF = "split-off"
    REQUEST_OPINION = "request-opinion"
    GIVE_OPINION = "give-opinion"
    CORRECT = "correct-matter"
    APPROVE_CORRECTION = "approve-matter-correction"


EVENTS: Mapping[Action, str] = {
    Action.OPEN: "matter-opened",
    Action.JOIN: "matter-case-joined",
    Action.SPLIT_OFF: "matter-case-split-off",
    Action.REQUEST_OPINION: "matter-opinion-requested",
    Action.GIVE_OPINION: "matter-opinion-given",
    Action.CORRECT: "matter-correction-proposed",
    Action.APPROVE_CORRECTION: "matter-correction-approved",
}

# Relations: O the organ that opened it, P one that was asked for an opinion, X the applicant,
# who may always have a case taken by itself (拆分).
MAY: Mapping[Action, tuple[May, ...]] = {
    action: row(cells)
    for action, cells in {
        Action.OPEN: "clerk O; handler O",
        Action.JOIN: "clerk O; applicant X",
        Action.SPLIT_OFF: "clerk O; handler O; applicant X",
        Action.REQUEST_OPINION: "clerk O; handler O",
        Action.GIVE_OPINION: "handler P; checker P; approver P; bureau-head P; supervisor P;"
        "enforcer P",
        # Only acts of the own organ; those of the applicant are in the care of who opened it.
        Action.CORRECT: "clerk O; handler OP; checker P; approver P; bureau-head P; supervisor P;"
        "enforcer P",
        Action.APPROVE_CORRECTION: "approver OP; bureau-head OP; supervisor P; enforcer P",
    }.items()
}

# What was written down, by type of event.  Which case belongs to it, who was asked and what
# they said is undone by an act of its own.
CORRECTABLE: Mapping[str, frozenset[str]] = {
    "matter-opened": frozenset({"name", "applicant", "materials", "promise", "occurred_at"}),
    "matter-case-split-off": frozenset({"occurred_at"}),
    "matter-opinion-requested": frozenset({"question", "days", "occurred_at"}),
    "matter-opinion-given": frozenset({"occurred_at"}),
}

# Who of the organs of a matter reads it: the bureau its own, an organ that was asked.
READING: Mapping[str, str] = {
    **dict.fromkeys(("clerk", "handler", "checker", "approver"), "OP"),
    "bureau-head": "OPA",
    "supervisor": "AJP",
    "enforcer": "P",
    "inspector": "J",
    "inspection-lead": "J",
}

# One form for several items (一件事), or one request with parallel opinions (联合办理, 联合验收).
KINDS = ("one-thing", "joint")
