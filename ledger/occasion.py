"""The occasion of an act: who, when, relying on what; and the event it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ledger.authority import alone
from ledger.case import Actor, Case, Data, Event, Flag, flag
from ledger.errors import Refused
from ledger.lifecycle import ACTION_OF, BY_LAW, RULES, Responsibility, Role
from ledger.office import Office, emergency

if TYPE_CHECKING:
    from ledger.matter import Matter

AHEAD = timedelta(seconds=120)

# Who approved, and the versions of streams that this rests on.
Approved = tuple[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """What every act has besides its details.

    `now` is the ledger's clock, `occurred_at` what the actor claims (None: now).  `other` is
    another case that the act names, `card` the card it is about, `listed` where a sanction
    stands under which the subject of the case is, `matter` the matter that the case is of.
    """

    by: Actor
    now: datetime
    office: Office
    occurred_at: datetime | None = None
    reason: str | None = None
    basis: str | None = None
    correlation: str | None = None
    other: Case | None = None
    card: Data | None = None
    listed: int | None = None
    matter: "Matter | None" = None

    @property
    def at(self) -> datetime:
        """The instant the act counts from."""
        return self.occurred_at or self.now

    @property
    def late(self) -> bool:
        """Tell whether this is a late entry (补录): claimed for an earlier local date."""
        zone = self.office.zone
        return self.at.astimezone(zone).date() < self.now.astimezone(zone).date()

    def timely(self, case: Case) -> tuple[Flag, ...]:
        """Refuse times that cannot be; flag what is entered late, and after the decision."""
        flags = self.entered()
        if flags and case.decision is not None and self.at < _decided_at(case):
            return (*flags, flag("recorded-after-decision", "time.after-decision"))
        return flags

    def entered(self) -> tuple[Flag, ...]:
        """Refuse times that cannot be; flag what is entered late."""
        if self.at > self.now + AHEAD:
            raise Refused("occurred-in-future", "occurred_at lies ahead", pointer="/occurred_at")
        if not self.late:
            return ()
        if not (self.reason or "").strip():
            raise Refused(
                "schema",
                "an act entered on a later day says why",
                rule="late-entry.reason",
                pointer="/reason",
            )
        return (flag("late-entry", "late-entry.reason"),)

    def head(self, case: Case, organ: str | None, person: str | None) -> Approved:
        """Rely on the person being the organ's head, or refuse (beyond-authority)."""
        return self._named(case, organ, person, (Role.BUREAU_HEAD,), "extension.approver")

    def approver(self, case: Case, person: str | None, rule: str) -> Approved:
        """Rely on the person being an approver of the approving organ, or refuse."""
        organ = case.terms["organs"]["approving"]
        return self._named(case, organ, person, (Role.APPROVER, Role.BUREAU_HEAD), rule)

    def _named(
        self, case: Case, organ: str | None, person: str | None, roles: tuple[Role, ...], rule: str
    ) -> Approved:
        # Who acts in the approving post approves by acting; in another post nobody approves
        # what they do themselves.
        own = self.by.role in roles and self.by.organ == organ
        person = self.by.person if own and person is None else person
        if own and person == self.by.person and self.by.delegator is not None:
            return str(person), {}  # the act relies on the delegation and on the post behind it
        if person is not None:
            not_recused(case, person)
        if person is not None and organ is not None and (own or person not in self.by.persons):
            for role in roles:
                held = self.office.holds(person, role, organ, self.now, case.terms["item"])
                # Who came into the post later approved nothing on the day of the act.
                if held is not None and held.since <= case.on(self.at):
                    return person, self.office.relied(held.stream)
        raise Refused(
            "beyond-authority", "the person named as approving could not approve this", rule=rule
        )


def not_recused(case: Case, person: str) -> None:
    """Refuse a part in the case for who has stepped back from it (SOD-13)."""
    if person in case.recused:
        raise Refused(
            "separation-of-duties",
            "who declared an interest takes no part in the case",
            rule="SOD-13",
            earlier_position=case.recused[person],
        )


def _decided_at(case: Case) -> datetime:
    return next(e.occurred_at for e in case.events if e.type == "decided")


def event(
    case: Case,
    on: Occasion,
    kind: str,
    data: Data,
    *,
    flags: tuple[Flag, ...] = (),
    relied: Mapping[str, int] | None = None,
    numbers: tuple[str, ...] = (),
    occurred_at: datetime | None = None,
    by: Actor | None = None,
) -> Event:
    """Make the next event of a case, relying on the actor's appointment.

    What one person may do here only because a duty policy lifts a rule says so (SECURITY 3.5).
    """
    actor = by or on.by
    streams = dict(relied or {})
    policy = alone(kind, case, actor, data)
    if policy is not None:
        flags = (*flags, flag("sole-handler", policy["id"]))
        data = {**data, "duty_policy": f"{policy['id']}@{policy['version']}"}
        streams.update(on.office.relied(f"policy:{policy['id']}"))
    if any(held.id == actor.appointment for held in on.office.emergencies):
        flags = (*flags, emergency.TAG)
    for appointment in (actor.appointment, actor.delegated_from):
        if appointment is not None:
            streams.update(on.office.relied(f"appointment:{appointment}"))
    action = ACTION_OF.get(kind)
    responsibility = RULES[action].responsibility if action else BY_LAW[kind]
    by_law = actor.kind == "by-law"
    return Event(
        stream=case.stream,
        version=case.version + 1,
        type=kind,
        occurred_at=occurred_at or on.at,
        actor=actor,
        responsibility=str(responsibility),
        reason=None if by_law else on.reason,
        basis=None if by_law else on.basis,
        data={name: value for name, value in data.items() if value is not None},
        flags=flags if by_law else (*on.timely(case), *flags),
        relied_on=streams,
        correlation=on.correlation,
        numbers=numbers,
    )


def event_beside(
    stream: str,
    version: int,
    on: Occasion,
    kind: str,
    data: Data,
    *,
    responsibility: Responsibility,
    relied: Mapping[str, int] | None = None,
    numbers: tuple[str, ...] = (),
) -> Event:
    """Make an event of a record that stands beside the cases: a complaint, a matter."""
    streams = dict(relied or {})
    if on.by.appointment is not None:
        streams.update(on.office.relied(f"appointment:{on.by.appointment}"))
    return Event(
        stream=stream,
        version=version,
        type=kind,
        occurred_at=on.at,
        actor=on.by,
        responsibility=str(responsibility),
        reason=on.reason,
        basis=on.basis,
        data={name: value for name, value in data.items() if value is not None},
        flags=on.entered(),
        relied_on=streams,
        numbers=numbers,
    )
