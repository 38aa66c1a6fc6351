"""What the events of supervision and of enforcement do to a case."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ledger.runs import done, ended, met, opened, policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ledger.case import Case, Data, Event, Json


def _noted(case: Case, event: Event, **more: Json) -> Data:
    """Keep of an event what a reader of the case asks for."""
    return {
        **event.data,
        "by": event.actor.person,
        "organ": event.actor.organ,
        "event": event.id,
        "position": event.position,
        "on": case.on(event.occurred_at).isoformat(),
        **more,
    }


def _claimed(case: Case, event: Event) -> None:
    case.pushes = tuple(
        _signed_for(p, event) if p["to"] == event.actor.organ and p["claimed_at"] is None else p
        for p in case.pushes
    )
    met(case, "claim", event.occurred_at, event.actor.organ)
    done(case, event, "claim")


def _signed_for(push: Data, event: Event) -> Data:
    """Note who took over what was pushed; who was only notified took nothing over."""
    told = push["responsible"] == "notified"
    responsible = "notified" if told else "supervisor"
    return {**push, "claimed_at": event.occurred_at.isoformat(), "responsible": responsible}


def _inspected(case: Case, event: Event) -> None:
    case.inspections = (*case.inspections, _noted(case, event))
    if event.data["purpose"] == "verification":
        met(case, "stage:verify", event.occurred_at)
    done(case, event, "inspect")


def _revocation_proposed(case: Case, event: Event) -> None:
    case.proposals = (*case.proposals, _noted(case, event))
    done(case, event, "propose-revocation")


def _supervised(case: Case, event: Event) -> None:
    case.orders = (*case.orders, _noted(case, event))
    done(case, event, "supervise")


def _answered(case: Case, event: Event) -> None:
    withdrawn = event.type == "alert-withdrawn"
    entry = _noted(case, event, withdrawn=withdrawn, reason=event.reason)
    case.answers = (*case.answers, entry)
    proposal = str(event.data["alert"]).rpartition("/")[2]
    if event.data.get("accepts") is not None:
        answer = {"accepted": event.data["accepts"], "answered_on": entry["on"]}
        case.proposals = tuple(
            {**p, **answer} if p["event"] == proposal else p for p in case.proposals
        )


# -- ratings ------------------------------------------------------------------------------------


def _evaluated(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    review = {
        **event.data,
        "event": event.id,
        "position": event.position,
        "on": on.isoformat(),
        "called_back": [],
        "rectified": [],
    }
    case.reviews = (*case.reviews, review)
    if case.source is None and int(event.data["grade"]) <= 2:
        budget = int(policy(case, "reviews")["bad_review"])
        opened(case, event, "bad-review", budget, on, data={"kind": event.id})


def _followed(case: Case, event: Event, **how: Json) -> None:
    """Note what followed a rating; what is a list there grows."""
    this = event.data["review"]
    case.reviews = tuple(
        {**r, **{k: [*r[k], v] if k in ("called_back", "rectified") else v for k, v in how.items()}}
        if r["event"] == this
        else r
        for r in case.reviews
    )


def _called_back(case: Case, event: Event) -> None:
    _followed(case, event, called_back=_noted(case, event))
    done(case, event, "call-back")


def _review_verified(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    verdict = event.data["verdict"]
    _followed(case, event, verdict=verdict, verified_on=on.isoformat())
    if verdict != "valid":
        # Mistaken and malicious are not counted, and not deleted.
        ended(case, event.occurred_at, "bad-review", event.data["review"])
    done(case, event, "verify-review")


def _rectified(case: Case, event: Event) -> None:
    _followed(case, event, rectified=_noted(case, event))
    done(case, event, "rectify")


def _fed_back(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    _followed(case, event, fed_back_on=on.isoformat())
    met(case, "bad-review", event.occurred_at, event.data["review"])
    done(case, event, "feed-back")


def _review_closed(case: Case, event: Event) -> None:
    _followed(case, event, closed_on=case.on(event.occurred_at).isoformat())
    done(case, event, "close-review")


# -- remedies -----------------------------------------------------------------------------------


# How long the organ has to hand in its evidence: 行政诉讼法 67, 行政复议法 48.
_EVIDENCE: Mapping[str, tuple[int, str]] = {
    "litigation": (15, "day"),
    "reconsideration": (10, "working-day"),
}


def _remedy_recorded(case: Case, event: Event) -> None:
    data = event.data
    filed = date.fromisoformat(data["filed_on"])
    if data["step"] == "evidence":
        pending = [r for r in case.remedies if r["kind"] == data["kind"] and "result" not in r]
        if pending:
            met(case, "evidence", filed, pending[-1]["event"])
        return
    case.remedies = (*case.remedies, _noted(case, event))
    due = data.get("evidence_due")
    of = {"kind": event.id}
    if due is not None:
        # The day that was set is the day, working or not.
        opened(case, event, "evidence", 0, date.fromisoformat(due), unit="day", data=of)
    elif data["kind"] in _EVIDENCE:
        budget, unit = _EVIDENCE[data["kind"]]
        opened(case, event, "evidence", budget, filed, unit=unit, data=of)


def _remedy_result_recorded(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    result = {"result": event.data["result"], "result_on": on.isoformat()}
    this = event.data["remedy"]
    case.remedies = tuple({**r, **result} if r["event"] == this else r for r in case.remedies)
    ended(case, event.occurred_at, "evidence", this)
    if event.data["result"] == "annulled" and (case.decision or {}).get("permit"):
        # It ends without the bureau's act.
        annulled = {"permit": "annulled", "permit_event": event.id, "permit_on": on.isoformat()}
        case.decision = {**(case.decision or {}), **annulled}
        ended(case, event.occurred_at, "issue")


# -- enforcement --------------------------------------------------------------------------------


def _investigation_opened(case: Case, event: Event) -> None:
    entry = _noted(case, event, findings=[], penalties=[], closed_on=None)
    case.investigations = (*case.investigations, entry)
    days = int(policy(case, "deadlines").get("penalty", 90))
    opened(case, event, "stage:penalty", days, case.on(event.occurred_at), unit="day")
    done(case, event, "open-investigation")


def _investigated(case: Case, **how: Json) -> None:
    newest = dict(case.investigations[-1])
    for name, value in how.items():
        newest[name] = [*newest[name], value] if name in ("findings", "penalties") else value
    case.investigations = (*case.investigations[:-1], newest)


def _finding_recorded(case: Case, event: Event) -> None:
    _investigated(case, findings=_noted(case, event))
    done(case, event, "record-finding")


def _penalised(case: Case, event: Event) -> None:
    _investigated(case, penalties=_noted(case, event, type=event.type))
    met(case, "stage:penalty", event.occurred_at)
    done(case, event, "penalise")


def penalty_of_permit(case: Case, event: Event) -> None:
    """Note the cancelling of a permit as the penalty that it is."""
    _investigated(case, penalties=_noted(case, event, type=event.type))
    met(case, "stage:penalty", event.occurred_at)


def _sanctioned(case: Case, event: Event) -> None:
    case.sanctions = (*case.sanctions, _noted(case, event))
    done(case, event, "sanction")


def _investigation_closed(case: Case, event: Event) -> None:
    on = case.on(event.occurred_at)
    data = event.data
    _investigated(case, closed_on=on.isoformat(), result=data["result"])
    met(case, "stage:penalty", event.occurred_at)
    done(case, event, "close-investigation")


OF_SUPERVISION: Mapping[str, Callable[[Case, Event], None]] = {
    "claimed": _claimed,
    "inspected": _inspected,
    "revocation-proposed": _revocation_proposed,
    "supervised": _supervised,
    "alert-answered": _answered,
    "alert-withdrawn": _answered,
    "evaluated": _evaluated,
    "called-back": _called_back,
    "review-verified": _review_verified,
    "rectified": _rectified,
    "fed-back": _fed_back,
    "review-closed": _review_closed,
    "remedy-recorded": _remedy_recorded,
    "remedy-result-recorded": _remedy_result_recorded,
    "investigation-opened": _investigation_opened,
    "finding-recorded": _finding_recorded,
    "penalised": _penalised,
    "sanctioned": _sanctioned,
    "investigation-closed": _investigation_closed,
}
