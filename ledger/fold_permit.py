"""What the events of a permit do to the case it was granted in, and to an application about it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from ledger.fold_result import granted, validity
from ledger.fold_supervision import penalty_of_permit
from ledger.lifecycle import Stage
from ledger.runs import done, ended, met, opened
from ledger.workdays import years_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ledger.case import Case, Event, Json


def applied(case: Case, event: Event) -> None:
    """Note which permit an application is about; a renewal in time is decided by its expiry."""
    case.permit_of = event.data.get("about")
    ends = renewal_ends(case)
    if ends is not None:
        # A permit expires on its day, working or not: no day is counted.  And it is valid to the
        # end of it, whenever the office closes.
        opened(case, event, "stage:renewal", 0, ends, unit="day", closes=None)


def renewal_ends(case: Case) -> date | None:
    """Tell on which day a renewal that was applied for in time has to be decided."""
    about = case.permit_of or {}
    if about.get("purpose") != "renewal" or not about.get("in_time") or not about.get("valid_to"):
        return None
    return date.fromisoformat(about["valid_to"])


def _ended(state: str, duty: str) -> Callable[[Case, Event], None]:
    def fold(case: Case, event: Event) -> None:
        _stands(case, event, permit=state)
        ended(case, event.occurred_at, "issue")  # nothing is handed out any more
        done(case, event, duty)

    return fold


def _stands(case: Case, event: Event, **how: Json) -> None:
    """Say how the permit stands from an event on."""
    if case.decision is not None:
        on = case.on(event.occurred_at).isoformat()
        case.decision = {**case.decision, **how, "permit_event": event.id, "permit_on": on}


def _goes_on(case: Case, event: Event) -> None:
    _stands(case, event, permit="in-force", **validity(event.data))


def _amended(case: Case, event: Event) -> None:
    _goes_on(case, event)
    done(case, event, "amend")


def _renewed(case: Case, event: Event) -> None:
    _goes_on(case, event)
    done(case, event, "renew")


def _deemed_renewed(case: Case, event: Event) -> None:
    """Let the permit go on by law (APL 50); of the application it is the decision."""
    if "by" in event.data:
        _goes_on(case, event)
        return
    on = case.on(event.occurred_at)
    case.decision = {
        "outcome": "grant",
        "deemed": True,
        "by": None,
        "event": event.id,
        "position": event.position,
        "on": on.isoformat(),
        "permit": "in-force",
        **validity(event.data),
    }
    case.stage = Stage.DECIDED
    met(case, "stage:renewal", event.occurred_at)
    granted(case, event, on)


def renewed_validity(valid_to: str | None, years: Json) -> Mapping[str, str]:
    """Tell from when to when a renewed permit is valid: as long again as the terms say."""
    if valid_to is None or not years:
        return {}
    begins = date.fromisoformat(valid_to) + timedelta(days=1)
    ends = years_after(begins, int(years)) - timedelta(days=1)
    return {"valid_from": begins.isoformat(), "valid_to": ends.isoformat()}


def _cancelled(case: Case, event: Event) -> None:
    penalty_of_permit(case, event)
    _ended("cancelled", "cancel-permit")(case, event)


OF_PERMIT: Mapping[str, Callable[[Case, Event], None]] = {
    "permit-recalled": _ended("recalled", "recall-permit"),
    "permit-revoked": _ended("revoked", "revoke-permit"),
    "permit-cancelled": _cancelled,
    "deregistered": _ended("deregistered", "deregister"),
    "amended": _amended,
    "renewed": _renewed,
    "deemed-renewed": _deemed_renewed,
}
