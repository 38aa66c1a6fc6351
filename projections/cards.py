"""The cards of a case and of a refusal, as rows: which, at which instant, to whom.

Pure: what is known of the case, of the office and of time comes in.  The cards of deadlines
are told by `ledger.alert`; here is who has to answer them, and the cards that hang on no
deadline because the procedure itself was broken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from ledger.alert import Alert, raised
from ledger.case import Case, Event
from ledger.errors import Refused
from ledger.lifecycle import LIFTABLE, Role, Stage
from ledger.office import Office
from ledger.office.appointment import EMERGENCY
from ledger.office.reconciliation import RULE
from ledger.state import number_of
from ledger.workdays import CalendarVersion
from projections.known_limits import by_policy, moments
from projections.limits import NATION, Policy, far, instants, plain, span
from projections.unfolded import Then

EXPLAIN = "stage:explain"
FOR_EVER = datetime.max.replace(tzinfo=UTC)

# An act that asks for an answer: the level of its card, and its rule.
ASKING = {
    "revocation-proposed": ("red", "revocation.proposed"),
    "supervised": ("yellow", "supervision.order"),
}

# What is recorded, and is against the procedure all the same.
IRREGULAR = frozenset(
    {"suspension.notice", "extension.in-time", "supplement.once", "opinion.override"}
)
# Who looks at what was done in an emergency.
REVIEWING = (Role.AUDIT_ADMIN, Role.INSPECTION_LEAD)

# The supervisor's side answers for these.
SUPERVISORS_DUTY = frozenset({"claim", "stage:verify"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One early, yellow or red card; `persons` are named, `posts` are role@organ."""

    id: str
    stream: str | None
    case_no: str | None
    item: str | None
    organ: str | None
    rule: str
    level: str
    policy: str | None
    raised_at: datetime
    cause: str
    persons: tuple[str, ...]
    posts: tuple[str, ...]
    deadline: str | None = None
    start: date | None = None
    due: date | None = None
    answer_by: date | None = None
    closed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    met_at: datetime | None = None
    reason: str | None = None


def of_case(case: Case, known: list[Then], office: Office) -> tuple[Card, ...]:
    """List every card of a case, those too that will be raised if nobody acts."""
    return (*_of_deadlines(case, known, office), *_of_events(case, known, office))


def of_refusal(event: Event, office: Office) -> Card | None:
    """Return the card of a refusal that tells of a broken procedure, else None."""
    rule = str(event.data.get("rule") or "")
    level = level_of(rule)
    if level is None or event.recorded_at is None:
        return None
    by = event.actor
    staff = by.person if by.role not in (None, Role.APPLICANT) else None
    policy, answer_by = answering(event.recorded_at, office)
    return Card(
        id=f"refusal/{event.id}",
        stream=event.data.get("stream"),
        case_no=event.data.get("case"),
        item=event.data.get("item"),
        organ=by.organ,
        rule=rule,
        level=level,
        policy=policy,
        raised_at=event.recorded_at,
        cause="refusal",
        persons=(staff,) if staff else (),
        posts=(f"{Role.BUREAU_HEAD}@{by.organ}",) if level == "red" and by.organ else (),
        answer_by=answer_by,
    )


def of_reconciliation(event: Event, office: Office) -> Card | None:
    """Return the card of a seal whose count differs from its register, None if they agree."""
    if not event.data["difference"] or event.recorded_at is None:
        return None
    keeper, organs = event.data.get("keeper"), event.data["organs"]
    policy, answer_by = answering(event.recorded_at, office)
    return Card(
        id=f"{RULE}/{event.id}",
        stream=event.stream,
        case_no=None,
        item=None,
        # Whose seal it is may be an organ far away; in whose keeping it is comes last.
        organ=organs[-1] if organs else None,
        rule=RULE,
        level="red",
        policy=policy,
        raised_at=event.recorded_at,
        cause="event",
        persons=(keeper,) if keeper else (),
        posts=tuple(sorted(f"{Role.BUREAU_HEAD}@{organ}" for organ in organs)),
        answer_by=answer_by,
    )


def of_emergency(event: Event, office: Office) -> Card | None:
    """Return the card of a break-glass that was confirmed, for those who review it."""
    thing = office.existing(event.stream)
    at = event.recorded_at
    if at is None or thing.current is None or thing.current.content.get("kind") != EMERGENCY:
        return None
    policy, answer_by = answering(at, office)
    on = at.astimezone(office.zone).date()
    reviewing = [p for p in office.posts if p.role in REVIEWING and p.active(on)]
    return Card(
        id=f"break-glass/{event.id}",
        stream=event.stream,
        case_no=None,
        item=None,
        organ=thing.current.content["organ"],
        rule="break-glass.used",
        level="red",
        policy=policy,
        raised_at=at,
        cause="event",
        persons=(),
        posts=tuple(sorted({f"{p.role}@{p.organ}" for p in reviewing})),
        answer_by=answer_by,
    )


def level_of(rule: str) -> str | None:
    """Tell the level of the card that a refusal by this rule raises, or None."""
    if rule.startswith("seal."):
        return "red"
    if rule.startswith("SOD-"):
        # A separation that policy may lift is a yellow card; law and core are red.
        return "yellow" if rule in LIFTABLE else "red"
    return None


def answering(at: datetime, office: Office) -> tuple[str | None, date | None]:
    """Tell by which policy a refusal's card of that time is answered, and until when.

    What counts is what was approved by then, whichever of the two was followed first.
    """
    try:
        policy = office.version("policy", "alerts-default", at)
    except Refused:
        return None, None
    known = [v for v in office.calendars.versions if v.approved_at and v.approved_at <= at]
    position = max((v.position for v in known), default=-1)
    days = office.calendars.known_at(position).days(NATION, office.ledger)
    on = at.astimezone(office.zone).date()
    name = f"{policy.content['id']}@{policy.number}"
    return name, days.add(on, int(policy.content["answer"]))


# -- deadlines --------------------------------------------------------------------------------


def _of_deadlines(case: Case, known: list[Then], office: Office) -> Iterator[Card]:
    names = _at_stake(case, known, office)
    if not names:
        return
    number = number_of(case, office.ledger)
    item, organ = case.terms.get("item"), known[-1].of.approving
    for policy, found in by_policy(moments(known, office, case.zone, names)):
        for alert in raised(number, found, policy, case.zone, FOR_EVER):
            persons, posts = _addressees(alert, _at(known, alert.raised_at), case)
            yield Card(
                id=alert.id,
                stream=case.stream,
                case_no=number,
                item=item,
                organ=organ,
                rule=alert.rule,
                level=alert.level,
                policy=alert.policy,
                raised_at=alert.raised_at,
                cause="deadline",
                persons=persons,
                posts=posts,
                deadline=alert.deadline,
                start=alert.start,
                due=alert.due,
                answer_by=alert.answer_by,
                closed_at=alert.ended_at if alert.state == "closed" else None,
                withdrawn_at=alert.ended_at if alert.state == "withdrawn" else None,
                met_at=alert.met_at,
                reason=alert.reason if alert.state == "withdrawn" else None,
            )


def _at_stake(case: Case, known: list[Then], office: Office) -> frozenset[str]:
    """Name the deadlines that may have raised a card, or will: only those are looked at.

    In a plain case a limit that was met before its first warning is none of them, and nearly
    all are met so.
    """
    if not case.runs:
        return frozenset()
    policy = Policy.of(case.terms["policies"]["alerts"])
    if (
        not plain(case)
        or _calendars(case, known, office)
        or policy != Policy.of(known[0].terms["policies"]["alerts"])
    ):
        # Also what a correction took away: its cards were raised, and are withdrawn, not unsaid.
        return frozenset(run.name for then in known for run in then.runs) | {EXPLAIN}
    days = office.calendars.known_at(known[0].position).days(NATION, office.ledger)
    names = set()
    for number, run in enumerate(case.runs):
        at = instants(run, days, case.zone, policy)
        last = run.met or run.ended
        if last is None or run.over(at.due) or at.first < _ended_at(known, number):
            names.add(run.name)
    return frozenset(names | {EXPLAIN} if "promised" in names else names)


def _ended_at(known: list[Then], number: int) -> datetime:
    """Tell when it was recorded that a run was met or ended."""
    for then in known:
        if number < len(then.runs):
            run = then.runs[number]
            if run.met is not None or run.ended is not None:
                return then.recorded_at
    return FOR_EVER


def _calendars(case: Case, known: list[Then], office: Office) -> list[CalendarVersion]:
    """List the calendars adopted since the case began that can move one of its limits."""
    first, last = case.received_on, far(case)
    assert first is not None, "a case begins with its receipt"
    assert last is not None, "a case with deadlines ends somewhere"
    begun = min(first, *(run.start for run in case.runs))
    found = []
    for version in office.calendars.versions:
        if version.position > known[0].position and version.calendar in (NATION, office.ledger):
            from_day, to_day = span(version.year)
            if from_day <= last and to_day >= begun:
                found.append(version)
    return found


def _at(known: list[Then], at: datetime) -> Then:
    """Return what was known at an instant."""
    then = known[0]
    for later in known:
        if later.recorded_at <= at:
            then = later
    return then


def _addressees(alert: Alert, then: Then, case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name who answers a card: persons, and posts for whose holder of that time it is."""
    if alert.deadline in SUPERVISORS_DUTY:
        supervising = set(then.of.supervising)
        # Who was only notified signs for it, and verifies nothing.
        waiting = then.waiting if alert.deadline == "claim" else then.waiting & supervising
        organs = waiting or supervising
        roles = (Role.SUPERVISOR, Role.BUREAU_HEAD) if alert.level == "red" else (Role.SUPERVISOR,)
        return (), tuple(sorted(f"{role}@{organ}" for role in roles for organ in organs))
    holder = _holder(then, case)
    posts = []
    if holder is None:
        waits = then.stage in (Stage.RECEIVED, Stage.SUPPLEMENTING)
        posts.append(f"{Role.CLERK if waits else Role.HANDLER}@{then.of.approving}")
    if alert.level == "red":
        posts.append(f"{Role.BUREAU_HEAD}@{then.of.approving}")
    return (holder,) if holder else (), tuple(sorted(posts))


def _holder(then: Then, case: Case) -> str | None:
    """Name who has the case in hand: until a transfer is acknowledged, its sender."""
    person = then.holding.get("person")
    applied = {e.actor.person for e in case.events if e.actor.role == Role.APPLICANT}
    return None if person is None or person in applied else str(person)


# -- what was recorded against the procedure ----------------------------------------------------


def _of_events(case: Case, known: list[Then], office: Office) -> Iterator[Card]:
    if not any(event.flags or event.type in ASKING for event in case.events):
        return
    standing = {(f["event"], f["rule"]) for f in case.flags}
    for event in case.events:
        if event.recorded_at is None:
            continue
        if event.type in ASKING:
            level, rule = ASKING[event.type]
            holder = _holder(_at(known, event.recorded_at), case)
            card = _of_event(case, event, known, office, rule)
            posts = (f"{Role.BUREAU_HEAD}@{card.organ}",)
            persons = (holder,) if holder and event.type == "supervised" else ()
            yield replace(card, level=level, persons=persons, posts=posts)
        for flag in event.flags:
            if flag["rule"] not in IRREGULAR:
                continue
            card = _of_event(case, event, known, office, flag["rule"])
            if (event.id, flag["rule"]) not in standing:
                card = replace(card, withdrawn_at=_corrected_at(case), reason="correction")
            yield card


def _of_event(case: Case, event: Event, known: list[Then], office: Office, rule: str) -> Card:
    """Make the card that an act raises on whoever did it."""
    at = event.recorded_at
    assert at is not None, "what raises a card is recorded"
    number = number_of(case, office.ledger)
    policy = _at(known, at).terms["policies"]["alerts"]
    days = office.calendars.known_at(event.position).days(NATION, office.ledger)
    by = event.actor
    return Card(
        id=f"{number}/{rule}/{event.id}",
        stream=case.stream,
        case_no=number,
        item=case.terms.get("item"),
        organ=known[-1].of.approving,
        rule=rule,
        level="yellow",
        policy=f"{policy['id']}@{policy.get('version', 1)}",
        raised_at=at,
        cause="event",
        persons=(by.person,) if by.person and by.role != Role.APPLICANT else (),
        posts=(),
        answer_by=days.add(case.on(at), int(policy["answer"])),
    )


def _corrected_at(case: Case) -> datetime | None:
    """Tell when the newest correction was approved."""
    approved = [e.recorded_at for e in case.events if e.type == "correction-approved"]
    return approved[-1] if approved else None
