"""The cards of a case and of a refusal, as rows: which, at which instant, to whom.

Pure: what is known of the case, of the office and of time comes in.  The cards of deadlines
are told by `ledger.alert`; here is who has to answer them, and the cards that hang on no
deadline because the procedure itself was broken.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ledger.alert import CAUSES, Alert, Moment, raised
from ledger.case import Case, Data, Event
from ledger.deadline import foreseen
from ledger.due import steps
from ledger.errors import Refused
from ledger.lifecycle import SEPARATIONS, Role, Stage
from ledger.office import Office
from ledger.state import number_of
from projections import seen

NATION = "cn"
FOR_EVER = datetime.max.replace(tzinfo=UTC)

# What is recorded, and is against the procedure all the same.
IRREGULAR = frozenset(
    {"suspension.notice", "extension.in-time", "supplement.once", "opinion.override"}
)
# A separation that policy may lift is a yellow card; law and core are red.
LENIENT = frozenset(row.rule for row in SEPARATIONS if row.kind == "policy")

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
    reason: str | None = None


def of_case(case: Case, office: Office) -> tuple[Card, ...]:
    """List every card of a case, those too that will be raised if nobody acts."""
    known = _then(case)
    return (*_of_deadlines(case, office, known), *_of_events(case, office, known))


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


def level_of(rule: str) -> str | None:
    """Tell the level of the card that a refusal by this rule raises, or None."""
    if rule.startswith("seal."):
        return "red"
    if rule.startswith("SOD-"):
        return "yellow" if rule in LENIENT else "red"
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


def _then(case: Case) -> list[Case]:
    """Return the case as it was known after each of its events."""
    known = []
    now = Case(case.stream, case.zone)
    for event in case.events:
        now = now.following((event,))
        known.append(now)
    return known


def _of_deadlines(case: Case, office: Office, known: list[Case]) -> Iterator[Card]:
    if not case.runs:
        return
    number = number_of(case, office.ledger)
    item, organ = case.terms.get("item"), seen.of_case(case).approving
    for policy, moments in _by_policy(_moments(known, office)):
        for alert in raised(number, moments, policy, case.zone, FOR_EVER):
            persons, posts = _addressees(alert, _at(known, alert.raised_at))
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
                reason=alert.reason if alert.state == "withdrawn" else None,
            )


@dataclass(frozen=True, slots=True)
class _Known:
    """A moment of a case, and the alert policy of the terms that it had then."""

    moment: Moment
    policy: Data


def _moments(known: list[Case], office: Office) -> list[_Known]:
    """List the moments from which something else held about the limits of a case."""
    first = known[0].position
    happened: list[tuple[int, datetime, Case | None, str | None]] = [
        (v.position, v.approved_at, None, "calendar")
        for v in office.calendars.versions
        if v.position > first and v.calendar in (NATION, office.ledger) and v.approved_at
    ]
    before: Case | None = None
    for now in known:
        event = now.events[-1]
        if _moved(before, now) and now.recorded_at is not None:
            happened.append((now.position, now.recorded_at, now, CAUSES.get(event.type)))
        before = now
    found = []
    case = known[0]
    for position, at, then, cause in sorted(happened, key=lambda h: h[0]):
        case = then or case
        if case.runs:
            policy = case.terms["policies"]["alerts"]
            calendars = office.calendars.known_at(position)
            ahead = foreseen(steps(case), calendars, at, case.zone, policy, overlay=office.ledger)
            found.append(_Known(Moment(position, at, ahead, cause), policy))
    return found


def _moved(before: Case | None, now: Case) -> bool:
    """Tell whether an event changed what the limits of a case rest on."""
    return (
        before is None
        or before.runs is not now.runs
        or before.pauses is not now.pauses
        or before.extensions is not now.extensions
        or before.explained_on != now.explained_on
    )


def _by_policy(known: list[_Known]) -> Iterator[tuple[Data, list[Moment]]]:
    """Give the moments with the policy their limits go by.

    Terms are taken at receipt and again at acceptance.  Where the alert policy was another
    one by then, what was opened before goes on by the earlier one.
    """
    if not known:
        return
    old, new = known[0].policy, known[-1].policy
    if old == new:
        yield new, [k.moment for k in known]
        return
    since = next(k.moment.position for k in known if k.policy == new)
    for policy, later in ((old, False), (new, True)):
        moments = [
            Moment(
                k.moment.position,
                k.moment.recorded_at,
                tuple(d for d in k.moment.deadlines if (d.run.opened >= since) == later),
                k.moment.cause,
            )
            for k in known
        ]
        yield policy, moments


def _at(known: list[Case], at: datetime) -> Case:
    """Return the case as it was known at an instant."""
    then = known[0]
    for case in known:
        if case.recorded_at is not None and case.recorded_at <= at:
            then = case
    return then


def _addressees(alert: Alert, case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name who answers a card: persons, and posts for whose holder of that time it is."""
    of = seen.of_case(case)
    if alert.deadline in SUPERVISORS_DUTY:
        waiting = [p["to"] for p in case.pushes if p["claimed_at"] is None]
        organs = sorted(set(waiting) or set(of.supervising))
        return (), tuple(f"{Role.SUPERVISOR}@{organ}" for organ in organs)
    holder = _holder(case)
    posts = []
    if holder is None:
        role = Role.CLERK if case.stage in (Stage.RECEIVED, Stage.SUPPLEMENTING) else Role.HANDLER
        posts.append(f"{role}@{of.approving}")
    if alert.level == "red":
        posts.append(f"{Role.BUREAU_HEAD}@{of.approving}")
    return (holder,) if holder else (), tuple(sorted(posts))


def _holder(case: Case) -> str | None:
    """Name who has the case in hand: until a transfer is acknowledged, its sender."""
    holding: Mapping[str, str | None] = case.pending["from"] if case.pending else case.holder
    person = holding.get("person")
    applied = {e.actor.person for e in case.events if e.actor.role == Role.APPLICANT}
    return None if person in applied else person


# -- what was recorded against the procedure ----------------------------------------------------


def _of_events(case: Case, office: Office, known: list[Case]) -> Iterator[Card]:
    number = number_of(case, office.ledger)
    standing = {(f["event"], f["rule"]) for f in case.flags}
    for event in case.events:
        for flag in event.flags:
            if flag["rule"] not in IRREGULAR or event.recorded_at is None:
                continue
            voided = None
            if (event.id, flag["rule"]) not in standing:
                voided = _corrected_at(case)
            policy = _at(known, event.recorded_at).terms["policies"]["alerts"]
            days = office.calendars.known_at(event.position).days(NATION, office.ledger)
            by = event.actor
            yield Card(
                id=f"{number}/{flag['rule']}/{event.id}",
                stream=case.stream,
                case_no=number,
                item=case.terms.get("item"),
                organ=seen.of_case(case).approving,
                rule=flag["rule"],
                level="yellow",
                policy=f"{policy['id']}@{policy.get('version', 1)}",
                raised_at=event.recorded_at,
                cause="event",
                persons=(by.person,) if by.person and by.role != Role.APPLICANT else (),
                posts=(),
                answer_by=days.add(case.on(event.recorded_at), int(policy["answer"])),
                withdrawn_at=voided,
                reason="correction" if voided else None,
            )


def _corrected_at(case: Case) -> datetime | None:
    """Tell when the newest correction was approved."""
    approved = [e.recorded_at for e in case.events if e.type == "correction-approved"]
    return approved[-1] if approved else None
