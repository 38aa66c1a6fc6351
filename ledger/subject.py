"""The subject of personal data: restricted, held, forgotten (个人信息保护法 47).

A subject is one person in one case, matter or complaint, known by a random reference.  What is
done about their data are acts of a stream of its own, numbered in a register; pure, as the acts
on cases are.  Destroying the key takes two persons; the ciphertext stays, and proofs with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from ledger.case import Event, Events
from ledger.errors import Refused
from ledger.lifecycle import Responsibility, Role
from ledger.occasion import Occasion, event_beside
from ledger.workdays import years_after

# Every act on a subject takes a number of it: who follows them asks by number.
REGISTER = "subjects"
LAPSES = timedelta(days=30)
POLICY = "privacy-default"
# What counts where no policy says otherwise: archives of permits are kept ten years, and
# backups of keys no longer than five weeks.
RETENTION_YEARS = 10
KEY_BACKUP_DAYS = 35
PURPOSES = ("handle", "serve", "complaint", "court", "inspection")


class Action(StrEnum):
    """What may be done about the data of a subject."""

    RESTRICT = "restrict"
    RELEASE = "release"
    HOLD = "hold"
    LIFT_HOLD = "lift-hold"
    DESTROY_KEY = "destroy-key"
    APPROVE = "approve"


# Who may: the role, and whether the post has to be of an organ whose own it is (O) or of the
# whole jurisdiction (J).
MAY: Mapping[Action, tuple[tuple[Role, str], ...]] = {
    Action.RESTRICT: ((Role.HANDLER, "O"), (Role.BUREAU_HEAD, "O")),
    Action.RELEASE: ((Role.HANDLER, "O"), (Role.BUREAU_HEAD, "O")),
    Action.HOLD: ((Role.INSPECTION_LEAD, "J"),),
    Action.LIFT_HOLD: ((Role.INSPECTION_LEAD, "J"),),
    Action.DESTROY_KEY: ((Role.BUREAU_HEAD, "O"),),
    Action.APPROVE: ((Role.SECURITY_ADMIN, "*"),),
}
EVENTS: Mapping[Action, str] = {
    Action.RESTRICT: "subject-restricted",
    Action.RELEASE: "subject-released",
    Action.HOLD: "subject-held",
    Action.LIFT_HOLD: "subject-hold-lifted",
    Action.DESTROY_KEY: "key-destruction-proposed",
    Action.APPROVE: "key-destroyed",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject stands: in which stream, in which role, whose data these are."""

    stream: str
    role: str
    number: str | None
    organs: frozenset[str]
    # The day after which nothing more is done with it; None: it is still being handled.
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What its events add up to."""

    reference: str
    events: Events = ()
    restricted: bool = False
    held: bool = False
    proposal: Event | None = None
    destroyed: Event | None = None

    @property
    def version(self) -> int:
        """How many acts there were."""
        return self.events[-1].version if self.events else 0

    def waiting(self, now: datetime) -> Event | None:
        """Return the proposal to destroy that waits for approval; it lapses after 30 days."""
        if self.proposal is None or self.destroyed is not None:
            return None
        return self.proposal if now - self.proposal.occurred_at <= LAPSES else None


def replay(reference: str, events: Events) -> Subject:
    """Return what the events of a subject add up to."""
    restricted = held = False
    proposal = destroyed = None
    for event in events:
        match event.type:
            case "subject-restricted":
                restricted = True
            case "subject-released":
                restricted = False
            case "subject-held":
                held, proposal = True, None
            case "subject-hold-lifted":
                held = False
            case "key-destruction-proposed":
                proposal = event
            case "key-destroyed":
                destroyed = event
    return Subject(reference, events, restricted, held, proposal, destroyed)


def stream_of(reference: str) -> str:
    """Return the stream of what is done about a subject."""
    return f"subject:{reference}"


def permit(action: Action, subject: Subject, on: Occasion, at: Place) -> None:
    """Refuse what is not possible now, or not yet; who may, was asked before."""
    if subject.destroyed is not None:
        raise _done("the key is destroyed already", subject.destroyed)
    match action:
        case Action.RESTRICT if subject.restricted:
            raise _done("it is restricted already", _last(subject, "subject-restricted"))
        case Action.RELEASE if not subject.restricted:
            raise Refused("wrong-stage", "it is not restricted", rule="subject.restricted")
        case Action.HOLD if subject.held:
            raise _done("it is held already", _last(subject, "subject-held"))
        case Action.LIFT_HOLD if not subject.held:
            raise Refused("wrong-stage", "it is not held", rule="subject.held")
        case Action.DESTROY_KEY:
            _destructible(subject, on, at)
        case Action.APPROVE:
            _approvable(subject, on, at)
        case _:
            pass


def _destructible(subject: Subject, on: Occasion, at: Place) -> None:
    """Refuse while inspection holds it, and until the retention is over."""
    if subject.held:
        raise Refused("legal-hold", "inspection holds these data", rule="subject.held")
    over = retention_over(on, at)
    if over is None:
        raise Refused("rule-refused", "it is still being handled", rule="retention.open")
    today = on.now.astimezone(on.office.zone).date()
    if today <= over:
        why = f"it has to be kept to the end of {over.isoformat()}"
        raise Refused("rule-refused", why, rule="retention.period")


def _approvable(subject: Subject, on: Occasion, at: Place) -> None:
    proposal = subject.waiting(on.now)
    if proposal is None:
        raise Refused("wrong-stage", "nothing waits for approval", rule="subject.proposal")
    if proposal.actor.person == on.by.person:
        raise Refused(
            "separation-of-duties",
            "who asked for it does not approve it",
            rule="SOD-19",
            earlier_position=proposal.position,
        )
    _destructible(subject, on, at)


def retention_over(on: Occasion, at: Place) -> date | None:
    """Return the last day on which the data have to be kept; None while it is handled."""
    if at.ended_on is None:
        return None
    years = on.office.setting(POLICY, "retention_years", RETENTION_YEARS)
    return years_after(at.ended_on, years)


def act(
    action: Action,
    subject: Subject,
    on: Occasion,
    at: Place,
    *,
    legal_basis: str | None = None,
    retention: str | None = None,
    fingerprint: str | None = None,
) -> Events:
    """Do an act on a subject.

    Destroying rests on a legal basis and a retention rule, and says until when backups of keys
    may still hold it: only then is it gone everywhere.
    """
    permit(action, subject, on, at)
    data: dict[str, object] = {
        "reference": subject.reference,
        "of": at.stream,
        "role": at.role,
        "number": at.number,
    }
    if action == Action.DESTROY_KEY:
        data |= {"legal_basis": legal_basis, "retention": retention}
    if action == Action.APPROVE:
        proposal = subject.waiting(on.now)
        assert proposal is not None, "it was asked for"
        days = on.office.setting(POLICY, "key_backup_days", KEY_BACKUP_DAYS)
        gone_on = on.now.astimezone(on.office.zone).date() + timedelta(days=days)
        data |= {
            "proposal": proposal.id,
            "legal_basis": proposal.data["legal_basis"],
            "retention": proposal.data["retention"],
            "fingerprint": fingerprint,
            "backups_gone_on": gone_on.isoformat(),
        }
    event = event_beside(
        stream_of(subject.reference),
        subject.version + 1,
        on,
        EVENTS[action],
        data,
        responsibility=Responsibility.ADMINISTRATION,
        numbers=(REGISTER,),
    )
    return (event,)


def _last(subject: Subject, kind: str) -> Event:
    return next(event for event in reversed(subject.events) if event.type == kind)


def _done(why: str, earlier: Event) -> Refused:
    return Refused("already-done", why, earlier_position=earlier.position)
