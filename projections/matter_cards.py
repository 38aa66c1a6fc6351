"""The cards of a matter: what it waits for, and who has let it wait.  Pure.

A case raises its own cards on whoever has it in hand.  Those here tell the organ that opened
the matter which case holds up the whole, and an organ that was asked that its opinion is
awaited.  What closes such a card is what was waited for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.alert import Alert, Moment, raised
from ledger.case import Case, Event, Events
from ledger.case import replay as folded
from ledger.lifecycle import Role
from ledger.matter import OPINION, PROMISE, Matter, deadlines, number_of, replay, settled_at
from ledger.matter_rules import EVENTS, MAY, Action
from ledger.office import Office
from projections.cards import FOR_EVER, Card
from projections.known_limits import by_policy, moments
from projections.limits import NATION
from projections.unfolded import Then

# What a matter waits for in a case of it: the limit there, its name here, and at which levels.
# Of a promise only that it was broken; in joint handling the limit of law as it runs (45 + 15).
WAITS: Mapping[str, tuple[str, frozenset[str]]] = {
    "promised": ("matter-case", frozenset({"red"})),
    "statutory": ("matter-joint", frozenset({"early", "yellow", "red"})),
}
# After these a case may be settled, or not be settled any more.
SETTLING = frozenset(
    {"decided", "deemed-renewed", "declined", "withdrawn", "terminated", "correction-approved"}
)
# Who answers in the organ that opened it; a red card goes to its head besides.
OPENING = tuple(may.role for may in MAY[Action.OPEN])
ASKED = (Role.HANDLER, Role.SUPERVISOR, Role.ENFORCER)

Unfolded = tuple[Case, list[Then]]


@dataclass(frozen=True, slots=True)
class _Known:
    """A matter as it was known from one of its events on."""

    at: datetime
    matter: Matter


def of_matter(history: Events, cases: Mapping[str, Unfolded], office: Office) -> Iterator[Card]:
    """List every card of a matter, those too that will be raised if nobody acts.

    `cases` are those that belong to it or once did, in the order in which they joined.
    """
    known = [
        _Known(_recorded(event), replay(history[:n], office.zone))
        for n, event in enumerate(history, 1)
    ]
    newest = known[-1].matter
    number, policy = number_of(newest, office.ledger), newest.terms["policies"]["alerts"]
    own = _own(known, {stream: _settled(case) for stream, (case, _) in cases.items()}, office)
    for name, organ in _waiting(newest):
        word = number if organ is None else f"{number}/{organ}"
        found = [_only(moment, name, organ) for moment in own]
        for alert in raised(word, found, policy, office.zone, FOR_EVER):
            yield _card(newest, number, alert, _posts(alert, organ, newest))
    for n, (stream, unfolded) in enumerate(cases.items(), 1):
        # The number of the case is not for everybody who reads the matter.
        word = f"{number}/case-{n}"
        yield from _of_case(newest, word, unfolded, _ends(history, stream), office)


def _recorded(event: Event) -> datetime:
    assert event.recorded_at is not None, "what is followed was recorded"
    return event.recorded_at


# -- its own limits ------------------------------------------------------------------------------


def _waiting(matter: Matter) -> list[tuple[str, str | None]]:
    """Name what the matter itself waits for: its promise, and each organ that was asked."""
    asked = dict.fromkeys(opinion["organ"] for opinion in matter.opinions)
    promise: list[tuple[str, str | None]] = [] if matter.promise is None else [(PROMISE, None)]
    return [*promise, *((OPINION, organ) for organ in asked)]


def _only(moment: Moment, name: str, organ: str | None) -> Moment:
    mine = (
        d for d in moment.deadlines if d.name == name and organ in (None, d.run.data.get("organ"))
    )
    return replace(moment, deadlines=tuple(mine))


# When a case was settled, by what was known from each position on.
_Settled = Sequence[tuple[int, datetime, datetime | None]]


def _settled(case: Case) -> _Settled:
    return [
        (event.position, _recorded(event), settled_at(folded(case.events[:n], case.zone)))
        for n, event in enumerate(case.events, 1)
        if event.type in SETTLING
    ]


def _own(known: list[_Known], cases: Mapping[str, _Settled], office: Office) -> list[Moment]:
    """List the moments from which something else held about the limits of the matter itself."""
    first = known[0].matter.position
    happened: list[tuple[int, datetime, str | None]] = [
        (version.position, version.approved_at, "calendar")
        for version in office.calendars.versions
        if version.calendar in (NATION, office.ledger)
        and version.approved_at is not None
        and version.position > first
    ]
    happened += [(k.matter.position, k.at, _cause(k.matter)) for k in known]
    happened += [(p, at, None) for settled in cases.values() for p, at, _ in settled]
    found = []
    for position, at, cause in sorted(happened):
        then = [k.matter for k in known if k.matter.position <= position][-1]
        done = [_by(cases.get(stream, ()), position) for stream in then.cases]
        calendars = office.calendars.known_at(position)
        measured = deadlines(then, done, office, at, calendars)
        found.append(Moment(position, at, measured, cause))
    return found


def _cause(matter: Matter) -> str | None:
    corrected = matter.events[-1].type == EVENTS[Action.APPROVE_CORRECTION]
    return "correction" if corrected else None


def _by(settled: _Settled, position: int) -> datetime | None:
    """Tell when a case was settled, as it was known at a position."""
    known = [done for at, _, done in settled if at <= position]
    return known[-1] if known else None


# -- the limits of its cases ---------------------------------------------------------------------


def _ends(history: Events, case: str) -> Moment | None:
    """Tell the moment from which a case belonged to the matter no more."""
    for event in history:
        if event.type == EVENTS[Action.SPLIT_OFF] and event.data["case"] == case:
            return Moment(event.position, _recorded(event), (), "split-off")
    return None


def _of_case(
    matter: Matter, word: str, of: Unfolded, ends: Moment | None, office: Office
) -> Iterator[Card]:
    case, known = of
    number = number_of(matter, office.ledger)
    for name, (here, levels) in WAITS.items():
        if name == "statutory" and case.terms.get("kind") != "joint":
            continue
        for policy, found in by_policy(moments(known, office, case.zone, frozenset({name}))):
            until = found if ends is None else _until(found, ends)
            for alert in raised(word, until, policy, case.zone, FOR_EVER):
                if alert.deadline == name and alert.level in levels:
                    card = _card(matter, number, alert, _posts(alert, None, matter))
                    yield replace(card, deadline=here)


def _until(found: list[Moment], ends: Moment) -> list[Moment]:
    return [*(moment for moment in found if moment.position < ends.position), ends]


# -- the card ------------------------------------------------------------------------------------


def _card(matter: Matter, number: str, alert: Alert, posts: tuple[str, ...]) -> Card:
    # What was done before its case was split off stays done.
    done = alert.state == "withdrawn" and alert.reason == "split-off" and alert.met_at is not None
    withdrawn = alert.state == "withdrawn" and not done
    closed_at = alert.met_at if done else alert.ended_at or alert.met_at
    return Card(
        id=alert.id,
        stream=matter.stream,
        case_no=number,
        item=None,
        organ=matter.organ,
        rule=alert.rule,
        level=alert.level,
        policy=alert.policy,
        raised_at=alert.raised_at,
        cause="deadline",
        persons=(),
        posts=posts,
        deadline=alert.deadline,
        start=alert.start,
        due=alert.due,
        answer_by=alert.answer_by,
        closed_at=None if withdrawn else closed_at,
        withdrawn_at=alert.ended_at if withdrawn else None,
        met_at=alert.met_at,
        reason=alert.reason if withdrawn else None,
    )


def _posts(alert: Alert, asked: str | None, matter: Matter) -> tuple[str, ...]:
    """Name who answers: the organ that was asked, else the one that opened the matter."""
    organ, roles = (matter.organ, OPENING) if asked is None else (asked, ASKED)
    red = (Role.BUREAU_HEAD,) if alert.level == "red" else ()
    return tuple(sorted(f"{role}@{organ}" for role in (*roles, *red)))
