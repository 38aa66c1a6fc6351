"""The deadlines of a case: its facts, before and after each correction, and the calendars.

The glue between the fold (`case`) and the arithmetic (`deadline`): no rule stands here.
"""

from datetime import datetime

from ledger.case import Case, Data, approvals, replay
from ledger.deadline import Deadline, view
from ledger.limit import Facts, Step, day_ends
from ledger.office import Office


def facts(case: Case) -> Facts:
    """Say what the fold knows about the case's limits."""
    rules = case.terms.get("policies", {}).get("deadlines", {})
    return Facts(
        runs=case.runs,
        pauses=case.pauses,
        extensions=case.extensions,
        explain=int(rules.get("explain", 0)),
        explained=case.explained_at,
    )


def steps(case: Case) -> tuple[Step, ...]:
    """Give the facts before any correction, then those after each approved one."""
    corrected = approvals(case)
    if not corrected:
        return (Step(-1, facts(case)),)
    found = [Step(-1, facts(replay(case.events, case.zone, 0)))]
    for n, position in enumerate(corrected, 1):
        approved = next(e for e in case.events if e.position == position)
        # The case itself is the last one, also where a further correction was tried on it.
        known = case if n == len(corrected) else replay(case.events, case.zone, n)
        found.append(Step(position, facts(known), approved.recorded_at))
    return tuple(found)


def measured(case: Case, office: Office, at: datetime) -> tuple[Deadline, ...]:
    """Measure every deadline of a case at an instant, with the office's calendars."""
    if not case.runs:
        return ()
    policy = case.terms["policies"]["alerts"]
    return view(steps(case), office.calendars, at, case.zone, policy, overlay=office.ledger)


def deadlines(case: Case, office: Office, at: datetime) -> tuple[Data, ...]:
    """Return the deadlines of a case as they are shown."""
    return tuple(deadline.document() for deadline in measured(case, office, at))


def newest(case: Case, office: Office, name: str, at: datetime) -> Deadline | None:
    """Measure the newest run of a deadline, or return None where it never ran."""
    found = [d for d in measured(case, office, at) if d.name == name]
    return found[-1] if found else None


def in_time(deadline: Deadline | None, case: Case, at: datetime) -> bool:
    """Tell whether an instant lies before the end of the due date."""
    return deadline is not None and at < deadline.over_at(case.zone)


def lapsed(case: Case, office: Office, now: datetime) -> datetime | None:
    """Tell when the law accepted the case; None while it has not (APL 32(4)).

    That is when the last day to speak was over, if it passed in silence.
    """
    falls = falls_due(case, office, now)
    return falls if falls is not None and falls <= now else None


def falls_due(case: Case, office: Office, now: datetime) -> datetime | None:
    """Tell when the law will accept the case if nobody speaks; None where it will not."""
    if case.open_run("supplement") is None:
        return None
    limit = newest(case, office, "supplement", now)
    return None if limit is None else limit.over_at(case.zone)


def expired(case: Case, now: datetime) -> datetime | None:
    """Tell when the law renewed a permit whose renewal nobody decided; None while it has not.

    That is 24:00 of the day of expiry (APL 50).
    """
    at = renewal_due(case)
    return at if at is not None and at <= now else None


def renewal_due(case: Case) -> datetime | None:
    """Tell when the law will renew if nobody decides; None where it will not."""
    run = case.open_run("stage:renewal")
    # What waits for the applicant is not undecided by the organ's silence.
    if run is None or case.decision is not None or case.outstanding:
        return None
    return day_ends(run.start, run.closes, case.zone)


# What time alone has done: the deadline that was missed, the flag, its rule.
_MISSED = {
    "promised": {"flag": "promise-broken", "rule": "promise.explain"},
    "stage:owed": {"flag": "owed-late", "rule": "tolerant.limit"},
}


def derived_flags(views: tuple[Data, ...]) -> tuple[Data, ...]:
    """Flag a promise broken (优化营商环境条例 36), and materials owed for too long."""
    late = {d["name"] for d in views if d["light"] in ("red", "met-late") and not d.get("ended_at")}
    return tuple({**flag, "event": None} for name, flag in _MISSED.items() if name in late)
