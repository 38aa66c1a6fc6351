"""Enforcement (综合行政执法): what the enforcement team does about a case, and tells the bureau.

Findings, penalties and the cancelling of a permit name two enforcers or more (SOD-12;
行政处罚法 42); a penalty falls within 90 days of the opening (行政处罚法 60).
"""

from collections.abc import Sequence
from datetime import date

from ledger.case import Case, Data, Events
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.occasion import Occasion, event, not_recused
from ledger.precondition import investigation

Persons = Sequence[str]


def open_investigation(
    case: Case, on: Occasion, *, grounds: str, clue: str | None = None
) -> Events:
    """Open an investigation (立案; 行政处罚法 54); 90 days to its end begin."""
    return (event(case, on, "investigation-opened", {"grounds": grounds, "clue": clue}),)


def record_finding(
    case: Case,
    on: Occasion,
    *,
    officers: Persons = (),
    finding: str,
    evidence: str | None = None,
    place: str | None = None,
    found_on: str | None = None,
) -> Events:
    """Record what was found, by two enforcers (调查取证; 行政处罚法 42, 55)."""
    _two(case, on, officers)
    if found_on is not None and date.fromisoformat(found_on) > case.on(on.at):
        raise Refused("schema", "that day is to come", pointer="/found_on")
    data = {
        "officers": list(officers),
        "finding": finding,
        "evidence": evidence,
        "place": place,
        "found_on": found_on,
    }
    return (event(case, on, "finding-recorded", data),)


def penalise(
    case: Case,
    on: Occasion,
    *,
    officers: Persons = (),
    kind: str,
    amount: int | None = None,
    document: Data | None = None,
    served_at: str | None = None,
    presider: str | None = None,
    text: str | None = None,
) -> Events:
    """Impose a penalty (行政处罚; 行政处罚法 9, 57); `amount` is in fen (0.01 yuan)."""
    _two(case, on, officers)
    _presided(case, officers, presider)
    _served(case, on, served_at)
    if kind == "fine" and amount is None:
        raise Refused("schema", "say how much", rule="penalty.amount", pointer="/amount")
    data = {
        "officers": list(officers),
        "kind": kind,
        "amount": amount,
        "document": document,
        "served_at": served_at,
        "presider": presider,
        "text": text,
    }
    return (event(case, on, "penalised", data),)


def cancel_permit(
    case: Case,
    on: Occasion,
    *,
    officers: Persons = (),
    notice: str | None = None,
    served_at: str | None = None,
    heard: str | None = None,
    presider: str | None = None,
    document: Data | None = None,
) -> Events:
    """Cancel a permit as a penalty, after a hearing was offered (吊销; 行政处罚法 9, 63)."""
    _two(case, on, officers)
    _presided(case, officers, presider)
    if notice is None or served_at is None or heard is None:
        raise Refused(
            "rule-refused",
            "a notice tells the right to a hearing, and it was held, waived or has lapsed",
            rule="cancellation.heard",
        )
    _served(case, on, served_at)
    data = {
        "officers": list(officers),
        "notice": notice,
        "served_at": served_at,
        "heard": heard,
        "presider": presider,
        "document": document,
    }
    return (event(case, on, "permit-cancelled", data),)


def sanction(
    case: Case,
    on: Occasion,
    *,
    measure: str,
    until: str,
    subject: str | None = None,
) -> Events:
    """Put a subject under a sanction until a day (联合惩戒): no trust is given meanwhile.

    Without `subject` it is the applicant of the case.  Its commitments and tolerant
    acceptances are refused while it lasts (`credit.listed`).
    """
    if date.fromisoformat(until) < case.on(on.at):
        raise Refused("schema", "it would be over", pointer="/until")
    data = {"measure": measure, "until": until, "subject": subject}
    return (event(case, on, "sanctioned", data),)


def close_investigation(
    case: Case, on: Occasion, *, result: str, report: str | None = None, text: str | None = None
) -> Events:
    """Close an investigation and report to the bureau what came of it (结案, 回流)."""
    running = investigation(case)
    if result == "penalised" and running is not None and not running["penalties"]:
        raise Refused("rule-refused", "no penalty is on record", rule="investigation.result")
    data = {"result": result, "report": report, "text": text}
    return (event(case, on, "investigation-closed", data),)


def _two(case: Case, on: Occasion, officers: Persons) -> None:
    """Refuse fewer than two enforcers of the organ of whoever acts (SOD-12)."""
    for officer in officers:
        not_recused(case, officer)
    held = set(on.office.named(Role.ENFORCER, str(on.by.organ), on.at))
    if len(set(officers) & held) < 2:
        raise Refused("separation-of-duties", "two enforcers or more are named", rule="SOD-12")


def _presided(case: Case, officers: Persons, presider: str | None) -> None:
    """Refuse as presider of a hearing who investigated (SOD-11; 行政处罚法 64)."""
    if presider is None:
        return
    running = investigation(case)
    found = running["findings"] if running is not None else ()
    position = next((f["position"] for f in found if presider in f["officers"]), None)
    if position is not None or presider in officers:
        raise Refused(
            "separation-of-duties",
            "who investigated does not preside the hearing",
            rule="SOD-11",
            earlier_position=position,
        )


def _served(case: Case, on: Occasion, served_at: str | None) -> None:
    if served_at is not None and date.fromisoformat(served_at) > case.on(on.at):
        raise Refused("schema", "it is not served yet", pointer="/served_at")
