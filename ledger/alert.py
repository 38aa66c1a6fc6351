"""Which cards (预警, 黄牌, 红牌) the deadlines of a case have raised, and what became of them.

Raising is a function of the ledger and of time, in the order of the ledger: what is known at
a moment holds until the next one is recorded.  So a rebuild raises the same cards at the same
instants, nothing has to be appended because time passes, and what was raised is never
unsaid: it is answered, closed or withdrawn for a reason.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from itertools import chain

from ledger.deadline import Deadline, thresholds
from ledger.limit import Data

LEVELS = ("early", "yellow", "red")

# What an event of this type may lift; an adopted calendar lifts with cause "calendar".
CAUSES: Mapping[str, str] = {
    "suspended": "suspension",
    "resumed": "suspension",
    "extended": "extension",
    "correction-approved": "correction",
}

# Where the law acts in the instant of overdue, its rule stands on the red card.
_BY_LAW: Mapping[str, str] = {
    "supplement": "acceptance.deemed",
    "stage:renewal": "renewal.deemed",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What `foreseen` said of a case from one position on, until the next moment.

    There is one for each event of the case and for each calendar adopted since it began;
    `cause` is that of CAUSES, "calendar", or None where the act moves no deadline.
    """

    position: int
    recorded_at: datetime
    deadlines: Sequence[Deadline]
    cause: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One card of one level on one run of a deadline.

    `state` is planned (it will be raised if nobody acts), raised, answered, closed or
    withdrawn.  `position` is that of the moment from which it holds, `ended_at` the time at
    which it was closed or withdrawn, None for a card that was closed by its answer; `met_at`
    that at which the duty behind it was done, or taken away.
    """

    id: str
    case: str
    deadline: str
    start: date
    due: date
    level: str
    rule: str
    policy: str
    position: int
    raised_at: datetime
    answer_by: date | None
    state: str = "raised"
    ended_at: datetime | None = None
    met_at: datetime | None = None
    reason: str | None = None


# A run of a deadline: its name, its start, and which of the runs alike.
_Key = tuple[str, date, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """One deadline as known from a moment until the next; None where it is not there."""

    moment: Moment
    until: datetime | None
    deadline: Deadline | None
    begins: Mapping[str, datetime | None]


def raised(
    case: str,
    moments: Sequence[Moment],
    policy: Data,
    zone: tzinfo,
    at: datetime,
    *,
    answered: Collection[str] = (),
    withdrawn: Mapping[str, str] | None = None,
) -> tuple[Alert, ...]:
    """List the cards of a case as they stand at an instant, by the time they are raised.

    `answered` are the ids that somebody answered, `withdrawn` those that a person withdrew,
    with the reason.
    """
    cards: list[Alert] = []
    for key, known in _histories(moments, policy, zone).items():
        for level in LEVELS:
            for card in _cards(case, key, level, known, policy):
                now = known[-1].deadline
                cards.append(_as_of(card, now, at, answered, withdrawn or {}))
    return tuple(sorted(cards, key=lambda card: (card.raised_at, card.id)))


def _histories(moments: Sequence[Moment], policy: Data, zone: tzinfo) -> dict[_Key, list[_Known]]:
    """Follow each run through all moments from the first that knows it."""
    found: dict[_Key, list[_Known]] = {}
    local = [replace(m, recorded_at=m.recorded_at.astimezone(zone)) for m in moments]
    for number, moment in enumerate(local):
        until = local[number + 1].recorded_at if number + 1 < len(local) else None
        here = _keyed(moment.deadlines)
        for key in dict.fromkeys(chain(found, here)):
            deadline = here.get(key)
            begins = {} if deadline is None else thresholds(deadline, policy, zone)
            found.setdefault(key, []).append(_Known(moment, until, deadline, begins))
    return found


def _keyed(deadlines: Sequence[Deadline]) -> dict[_Key, Deadline]:
    keyed: dict[_Key, Deadline] = {}
    for deadline in deadlines:
        alike = sum((deadline.name, deadline.run.start) == key[:2] for key in keyed)
        keyed[deadline.name, deadline.run.start, alike] = deadline
    return keyed


def _cards(
    case: str, key: _Key, level: str, history: Sequence[_Known], policy: Data
) -> Iterator[Alert]:
    """Give the cards of one level on one run; a second one only after the first was lifted."""
    live: Alert | None = None
    before: Deadline | None = None
    number = 0
    for known in history:
        if live is not None:
            live = _later(live, before, known)
            if live.ended_at is not None:
                yield live
                live = None
        begins_at = _begins_at(level, known) if live is None else None
        if begins_at is not None and known.deadline is not None:
            number += 1
            live = _card(case, key, level, number, known, known.deadline, begins_at, policy)
        before = known.deadline
    if live is not None:
        yield live


def _begins_at(level: str, known: _Known) -> datetime | None:
    """Tell when a card is raised by what is known, None if it is not, before the next moment.

    A level is raised where it is the highest that holds: a case that is overdue when it comes
    to be known gets one red card, and not three.
    """
    deadline, begins = known.deadline, known.begins.get(level)
    if deadline is None or begins is None:
        return None
    at = max(begins, known.moment.recorded_at)
    if not deadline.open:
        return at if level == "red" and deadline.late else None
    above = [known.begins[name] for name in LEVELS[LEVELS.index(level) + 1 :]]
    ends = min((end for end in above if end is not None), default=None)
    ends = min((end for end in (ends, known.until) if end is not None), default=None)
    if ends is not None and at >= ends:
        return None
    if deadline.held_from is not None:
        # A stopped clock raises nothing; one that had run out before it stopped is overdue.
        return at if level == "red" and deadline.due < deadline.held_from else None
    return at


def _later(card: Alert, before: Deadline | None, known: _Known) -> Alert:
    """Return the card as it stands from a further moment on."""
    now, moment = known.deadline, known.moment
    if now is None:
        return _withdrawn(card, moment)
    met_at = None if now.open else card.met_at or moment.recorded_at
    card = replace(card, due=now.due, met_at=met_at)
    begins = known.begins[card.level]
    if now.open:
        holds = begins is not None and begins <= moment.recorded_at
        return card if holds else _withdrawn(card, moment)
    if card.level != "red":
        return replace(card, state="closed", ended_at=moment.recorded_at)
    moved = before is None or _ended(before) != _ended(now)
    if moment.cause is not None and moved and not now.run.over(now.due):
        return _withdrawn(card, moment)
    return card


def _ended(deadline: Deadline) -> tuple[date, date | None, bool]:
    run = deadline.run
    return deadline.due, run.met, run.met is not None and run.after_close


def _withdrawn(card: Alert, moment: Moment) -> Alert:
    reason = moment.cause or "late-entry"
    return replace(card, state="withdrawn", ended_at=moment.recorded_at, reason=reason)


def _card(
    case: str,
    key: _Key,
    level: str,
    number: int,
    known: _Known,
    deadline: Deadline,
    raised_at: datetime,
    policy: Data,
) -> Alert:
    name, start, alike = key
    words = [case, name, start.isoformat(), level]
    words += [f"run-{alike + 1}"] if alike else []
    words += [str(number)] if number > 1 else []
    on = raised_at.date()
    return Alert(
        id="/".join(words),
        case=case,
        deadline=name,
        start=start,
        due=deadline.due,
        level=level,
        rule=_BY_LAW.get(name, deadline.run.rule) if level == "red" else deadline.run.rule,
        policy=f"{policy['id']}@{policy.get('version', 1)}",
        position=known.moment.position,
        raised_at=raised_at,
        met_at=None if deadline.open else known.moment.recorded_at,
        answer_by=None if level == "early" else deadline.days.add(on, int(policy["answer"])),
    )


def _as_of(
    card: Alert,
    deadline: Deadline | None,
    at: datetime,
    answered: Collection[str],
    withdrawn: Mapping[str, str],
) -> Alert:
    """Say what acts of persons and the time of reading make of a card."""
    if card.ended_at is not None:
        return card
    if card.id in withdrawn:
        return replace(card, state="withdrawn", reason=withdrawn[card.id])
    if card.raised_at > at:
        return replace(card, state="planned")
    if card.id in answered:
        open_ = deadline is not None and deadline.open
        return replace(card, state="answered" if open_ else "closed")
    return card
