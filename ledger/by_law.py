"""What the law does by itself (视为受理, 视为准予延续): by nobody's hand, and by nobody's name.

It is recorded when it falls due, and in any case before the next act on the case.
"""

from ledger.case import LAW, Case, Event, Events
from ledger.due import expired, lapsed
from ledger.fold_permit import renewed_validity
from ledger.lifecycle import Stage
from ledger.occasion import Occasion, event


def deemed(case: Case, on: Occasion) -> Event:
    """Record that the law has accepted (视为受理; APL 32(4))."""
    at = lapsed(case, on.office, on.now) or on.now
    terms = on.office.terms(case.terms["item"], at)
    return event(case, on, "deemed-accepted", {"terms": terms}, occurred_at=at, by=LAW)


def deemed_renewed(case: Case, on: Occasion) -> Event:
    """Record that the law lets a permit go on (视为准予延续; APL 50)."""
    at = expired(case, on.now) or on.now
    about = case.permit_of or {}
    valid = renewed_validity(about.get("valid_to"), case.terms.get("validity_years"))
    data = {"permit": about.get("case"), **valid}
    return event(case, on, "deemed-renewed", data, occurred_at=at, by=LAW)


def permit_goes_on(permit: Case, on: Occasion, renewal: Event, number: str) -> Event:
    """Record the same in the case that the permit was granted in."""
    valid = {k: v for k, v in renewal.data.items() if k.startswith("valid_")}
    at = renewal.occurred_at
    return event(permit, on, "deemed-renewed", {"by": number, **valid}, occurred_at=at, by=LAW)


def by_law(case: Case, on: Occasion) -> Events:
    """Return what the law has done to the case by now and nobody has recorded yet."""
    if case.source is not None or case.version == 0:
        return ()
    found: Events = ()
    if case.stage in (Stage.RECEIVED, Stage.SUPPLEMENTING):
        found = (deemed(case, on),) if lapsed(case, on.office, on.now) is not None else ()
    after = case.following(found) if found else case
    if expired(after, on.now) is not None:
        found = (*found, deemed_renewed(after, on))
    return found
