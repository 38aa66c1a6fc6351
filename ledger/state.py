"""A case as it is shown: the fold, its deadlines and what the reader may do now.

Personal fields stay as they are stored; who shows them masks them (`privacy.masked`).
"""

from datetime import datetime

from ledger.authority import options
from ledger.case import Case, Data
from ledger.due import deadlines, derived_flags
from ledger.fold_result import official
from ledger.office import Office
from ledger.precondition import permit_state
from ledger.standing import Caller


def number_of(case: Case, ledger: str) -> str:
    """Write the official case number by the pattern of the terms (DOMAIN 15)."""
    return case_number(case.register, case.number, ledger, pattern_of(case))


def pattern_of(case: Case) -> str:
    """Return the pattern that case numbers are written by."""
    numbers = case.terms.get("policies", {}).get("numbers", {})
    return str(numbers.get("case", "{ledger}-{year}-{number:06d}"))


def case_number(register: str, number: int, ledger: str, pattern: str) -> str:
    """Write a register number as an official case number."""
    return pattern.format(ledger=ledger, year=register.rsplit("/", 1)[-1], number=number)


def state(case: Case, caller: Caller, office: Office, at: datetime) -> Data:
    """Return the case state of the API, as of `at` with the office as given."""
    allowed, forbidden = options(case, caller, office, at)
    views = deadlines(case, office, at)
    return {
        "case": number_of(case, office.ledger),
        "item": case.terms.get("item", (case.source or {}).get("item")),
        "terms": case.terms,
        "stage": str(case.stage),
        "version": case.version,
        "position": case.position,
        "as_of": at.isoformat(),
        "applicant": case.applicant,
        "channel": case.channel,
        "materials": list(case.materials),
        "received_on": case.received_on.isoformat() if case.received_on else None,
        "accepted_on": case.accepted_on.isoformat() if case.accepted_on else None,
        "outstanding": sorted(case.outstanding),
        "holder": case.holder,
        "transfer": case.pending,
        "deadlines": list(views),
        "opinions": list(case.opinions),
        "suspensions": list(case.suspensions),
        "numbers": [{**n, "number": official(n)} for n in case.numbers],
        "decision": _decision(case, at),
        "seals": list(case.seals),
        "issued": case.issued,
        "published": list(case.published),
        "pushes": list(case.pushes),
        "reviews": list(case.reviews),
        "permit_of": case.permit_of,
        "matter": (case.matter or {}).get("number"),
        "inspections": list(case.inspections),
        "proposals": list(case.proposals),
        "orders": list(case.orders),
        "answers": list(case.answers),
        "remedies": list(case.remedies),
        "investigations": list(case.investigations),
        "sanctions": list(case.sanctions),
        "archived": case.archived,
        "corrections": list(case.corrections),
        "duties_done": list(case.duties),
        "flags": [*case.flags, *derived_flags(views)],
        "source": case.source,
        "closed_on": case.closed_on.isoformat() if case.closed_on else None,
        "allowed_actions": list(allowed),
        "forbidden_actions": list(forbidden),
    }


def _decision(case: Case, at: datetime) -> Data | None:
    """Return the decision with the permit as it stands on the day."""
    if case.decision is None or "permit" not in case.decision:
        return case.decision
    return {**case.decision, "permit": permit_state(case, case.on(at))}
