"""What a reading can be asked for: the parameters of each list, with their types.

For the document.  Where they are read, an unknown or malformed one is refused; a test sends
every one that stands here, and some that do not.
"""

from collections.abc import Iterable, Mapping

from api.purpose import CODES as PURPOSES
from ledger import catalogue, complaint_rules, matter_rules, records, revealing
from ledger.imported import CODES
from ledger.lifecycle import Responsibility, Stage
from ledger.office import upkeep
from ledger.office.elements import ELEMENTS
from projections import (
    current_state,
    definitions,
    findings_read,
    link_queue,
    reviews,
    timeout_alerts,
)
from projections.findings_rules import RULES

Schema = Mapping[str, object]

TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
DAY: Schema = {"type": "string", "format": "date"}
WHOLE: Schema = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
TRUTH: Schema = {"type": "boolean"}
MOMENT: Schema = {"anyOf": [{"type": "string", "format": "date-time"}, DAY]}
TIME_OR_POSITION: Schema = {"anyOf": [{"type": "string", "format": "date-time"}, WHOLE]}


def among(words: Iterable[object]) -> Schema:
    """Return the type of one of a few words."""
    return {"type": "string", "enum": sorted(map(str, words))}


AT_LEAST: Mapping[str, Schema] = {"at_least": WHOLE}
LIMIT: Mapping[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
}
PAGING = {
    **LIMIT,
    "after": {"type": "string", "description": "`next` of the last page"},
    **AT_LEAST,
}
COUNT = {"count": among(["exact"])}

CASE_FILTERS: Mapping[str, Schema] = {
    "stage": among(Stage),
    "item": TEXT,
    "responsibility": among(Responsibility),
    "officer": TEXT,
    "organ": TEXT,
    "overdue": TRUTH,
    "light": among(current_state.LIGHTS),
    "received_from": DAY,
    "received_to": DAY,
    "closed_from": DAY,
    "closed_to": DAY,
    "updated_after": WHOLE,
    "due_to": {**DAY, "description": "open, and due on or before that day"},
    "q": {**TEXT, "description": "how the case number begins"},
}
CASES = {**CASE_FILTERS, **PAGING, **COUNT}
EXPORT = {**CASE_FILTERS, **AT_LEAST}
AS_OF = {"as_of": {**TIME_OR_POSITION, "description": "what the ledger knew then"}}
CASE = {
    **AS_OF,
    "valid_at": {
        "type": "string",
        "format": "date-time",
        "description": "what was so then, by all that is known since",
    },
    "reveal": {
        **TEXT,
        "maxLength": 1000,
        "description": f"fields in clear, with a Purpose header: {', '.join(revealing.PATHS)}",
    },
    **AT_LEAST,
}
REPLAY = {"to": {**WHOLE, "minimum": 1, "description": "a version of the case"}, **AT_LEAST}
ALERT_FILTERS: Mapping[str, Schema] = {
    "level": among(timeout_alerts.LEVELS),
    "organ": TEXT,
    "item": TEXT,
    "state": among(timeout_alerts.STATES),
    "deadline": TEXT,
    "case": TEXT,
}
ALERTS = {**ALERT_FILTERS, **PAGING, **COUNT}
LINK_FILTERS: Mapping[str, Schema] = {
    "deadline": among(link_queue.DEADLINES),
    "light": among(link_queue.LIGHTS),
    "organ": TEXT,
    "waits_for": TEXT,
    "item": TEXT,
    "case": TEXT,
}
LINKS = {**LINK_FILTERS, **PAGING, **COUNT}
AUDIT_FILTERS: Mapping[str, Schema] = {
    "actor": TEXT,
    "organ": TEXT,
    "action": TEXT,
    "item": TEXT,
    "case": TEXT,
    "from": MOMENT,
    "to": MOMENT,
    "refused": TRUTH,
    "late_entry": TRUTH,
}
AUDIT = {**AUDIT_FILTERS, "format": among(["json", "csv"]), **PAGING, **COUNT}
ACCESS_LOG = {
    "case": TEXT,
    "person": TEXT,
    "organ": TEXT,
    "what": TEXT,
    "from": MOMENT,
    "to": MOMENT,
    "purpose": among(PURPOSES),
    "line": among(["open", "sealed"]),
    **PAGING,
}
_FINDING_FILTERS: Mapping[str, Schema] = {
    "officer": TEXT,
    "organ": TEXT,
    "item": TEXT,
    "from": MOMENT,
    "to": MOMENT,
}
FINDINGS = {"rule": among(RULES), "part": TEXT, "case": TEXT, **_FINDING_FILTERS, **PAGING, **COUNT}
FINDING_RULES = {**_FINDING_FILTERS, **AT_LEAST}
FINDING_FIGURES = {
    "rule": among(RULES),
    "by": {**among(findings_read.GROUPS), "default": "part"},
    **_FINDING_FILTERS,
    **AT_LEAST,
}
REGISTER = {
    "from": DAY,
    "to": DAY,
    "kind": TEXT,
    "void": TRUTH,
    "item": TEXT,
    "case": TEXT,
    **PAGING,
    **COUNT,
}
_PERIOD: Mapping[str, Schema] = {"from": DAY, "to": DAY}
REVIEWS = {
    "grade": {"type": "integer", "minimum": 1, "maximum": 5},
    "bad": TRUTH,
    "state": among(reviews.STATES),
    "organ": TEXT,
    "unit": TEXT,
    "item": TEXT,
    "officer": TEXT,
    "counted": TRUTH,
    **_PERIOD,
    **PAGING,
    **COUNT,
}
REVIEW_UNITS = {**_PERIOD, "organ": TEXT, "item": TEXT, **AS_OF, **AT_LEAST}
COMPLAINTS = {
    "state": among(complaint_rules.Stage),
    "kind": among(complaint_rules.KINDS),
    "unit": TEXT,
    "case": TEXT,
    "overdue": TRUTH,
    **_PERIOD,
    **PAGING,
    **COUNT,
}
CONFORMITY = {
    "state": among(catalogue.STATES),
    "element": among(ELEMENTS),
    "organ": TEXT,
    "standard": {**TEXT, "description": "the code of a baseline"},
    "format": among(["json", "csv"]),
    **PAGING,
    **COUNT,
}
MATTERS = {
    "kind": among(matter_rules.KINDS),
    "organ": TEXT,
    "missing": {**TEXT, "description": "an organ whose opinion has not come"},
    "settled": TRUTH,
    "item": TEXT,
    **PAGING,
    **COUNT,
}
_FIGURES: Mapping[str, Schema] = {
    **_PERIOD,
    "organ": TEXT,
    "item": TEXT,
    "unit": TEXT,
    "source": {**TEXT, "description": "a system whose cases were imported; else our own cases"},
}
PERFORMANCE = {**_FIGURES, **AS_OF, **AT_LEAST}
PERFORMANCE_CASES = {
    **_FIGURES,
    **AS_OF,
    "definition": among(definitions.WITH_CASES),
    "counted": TRUTH,
    **PAGING,
    **COUNT,
}
EVENTS = {
    "item": TEXT,
    "responsibility": among(Responsibility),
    "type": among(records.TYPES),
    "case": TEXT,
    "after": WHOLE,
    **LIMIT,
    **AT_LEAST,
}
THING = {**AS_OF, **AT_LEAST}
THINGS = {**THING, **PAGING, **COUNT}
POSTS = {"rule": among(upkeep.RULES), **PAGING, **COUNT}
ROWS = {"state": among(["ready", "quarantined", "recorded"]), "code": among(CODES), **PAGING}
UPLOAD = {"dry_run": TRUTH, **AT_LEAST}
