"""Who may see personal fields in clear, and which fields there are (SECURITY 3.3, 6).

Pure: opening them is `privacy`'s.  Whoever asks says what for, and it is on record before the
answer leaves; kept for storage only, they open for a court alone.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from ledger.case import Case, Data
from ledger.classes import FIELDS
from ledger.lifecycle import Role, Stage
from ledger.office import Office
from ledger.precondition import open_review
from ledger.standing import Caller, relations, subject

_TAKING = frozenset({Stage.RECEIVED, Stage.SUPPLEMENTING, Stage.ACCEPTED})
_REVIEWING = frozenset({Stage.ACCEPTED, Stage.IN_REVIEW, Stage.SUSPENDED})
_HANDING_OUT = frozenset({Stage.DECIDED, Stage.SEALED, Stage.ISSUED})

# The relations that a post needs to the case, and the stages at which the case is its own;
# None: at any.
MAY: Mapping[Role, tuple[str, frozenset[Stage] | None]] = {
    Role.CLERK: ("O", _TAKING),
    Role.HANDLER: ("OP", _REVIEWING),
    Role.CHECKER: ("OP", _REVIEWING),
    Role.APPROVER: ("O", _REVIEWING),
    Role.ISSUER: ("O", _HANDING_OUT),
    Role.SUPERVISOR: ("S", None),
    Role.ENFORCER: ("E", None),
    Role.INSPECTOR: ("J", None),
}

# Every personal field that a case shows, by its path.
PATHS: tuple[str, ...] = tuple(
    path
    for kind in ("received", "issued")
    for path, known in FIELDS[kind].items()
    if known.startswith(("personal ", "sensitive ")) and "." in path
)

# All that the hotline needs to call back who rated badly.
TELEPHONES = frozenset({"applicant.telephone", "applicant.agent.telephone"})


def may(paths: Collection[str], caller: Caller, case: Case, office: Office, now: datetime) -> bool:
    """Tell whether a post of the caller opens these personal fields of the case now."""
    if caller.applicant_of is not None:
        return caller.applicant_of == case.stream
    on, of = now.astimezone(office.zone).date(), subject(case)
    calling = set(paths) <= TELEPHONES and open_review(case) is not None
    for held in caller.posts(office):
        if not held.active(on) or not held.covers(of.item):
            continue
        if held.role == Role.HOTLINE and held.jurisdiction and calling:
            return True
        if held.role not in MAY:
            continue
        letters, stages = MAY[held.role]
        if not set(letters) & set(relations(held, of, office)):
            continue
        if stages is None or case.stage in stages:
            return True
    return False


def field_at(case: Case, path: str) -> Data | None:
    """Return the ciphertext at a path of a case, None where nothing was said there."""
    if path.startswith("applicant."):
        found: object = {"applicant": case.applicant}
    else:
        found = case.issued or {}
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) and "enc" in found else None
