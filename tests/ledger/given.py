"""A bureau without a database: the example office, and cases that live by the acts done on them.

What the database gives (position, version, time, numbers) is given here as it would give it,
and every act goes through the bytes it would be stored as.  The clock is set by hand and
goes forward only.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

import ledger as package
from ledger import (
    alert,
    approval,
    authority,
    by_law,
    classes,
    correction,
    enforcement,
    permit,
    records,
    result,
    standing,
    supervision,
)
from ledger.case import LAW, Actor, Case, Data, Event, Events, replay
from ledger.deadline import foreseen
from ledger.due import steps
from ledger.errors import Refused
from ledger.lifecycle import Action
from ledger.occasion import Occasion
from ledger.office import Office, check, seal, versioned
from ledger.office import authority as office_authority
from ledger.office.setup import opening
from ledger.standing import Caller
from ledger.state import state

DATA = Path(package.__file__).parent / "data"
ZONE = ZoneInfo("Asia/Shanghai")
START = "2020-01-01 00:00"
COMMON = ("occurred_at", "reason", "basis")


def contents(kind):
    return {path.stem: json.loads(path.read_text()) for path in (DATA / kind).glob("*.json")}


EXAMPLE = json.loads((DATA / "example.json").read_text())
CALENDARS = contents("calendars")
POLICIES = contents("policies")


def local(text):
    """The instant of a local time, such as 2025-09-22 09:00."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def act_function(action):
    """The function that does an action: it bears its name."""
    name = str(action).replace("-", "_")
    (found,) = (
        vars(m)[name]
        for m in (approval, correction, enforcement, permit, result, supervision)
        if name in vars(m)
    )
    return found


@dataclass(frozen=True)
class Row:
    record: bytes


@dataclass
class Bureau:
    """One ledger: what its database holds, and its clock."""

    office: Office
    now: datetime = field(default_factory=lambda: local(START))
    position: int = 0
    versions: Counter = field(default_factory=Counter)
    numbers: Counter = field(default_factory=Counter)
    cases: dict[str, Case] = field(default_factory=dict)
    refusals: list[Refused] = field(default_factory=list)

    # -- the clock ---------------------------------------------------------------------------

    def at(self, text):
        when = local(text)
        assert when >= self.now, "the clock goes forward only"
        self.now = when
        return self

    # -- what is there -------------------------------------------------------------------------

    def case(self, name) -> Case:
        """A case as it stands now: what the law has done by now is on record first."""
        case = self.cases[name]
        return self.store(name, case, self.by_law(case))

    def state(self, name, *, by="chen-zhi", at=None):
        if at is not None:
            self.at(at)
        return state(self.case(name), Caller(by), self.office, self.now)

    def as_of(self, name, text):
        """The state as the ledger knew it then."""
        then = local(text)
        known = tuple(e for e in self.cases[name].events if self.recorded(e) <= then)
        positions = [e.position for e in (*self.office.events, *known) if self.recorded(e) <= then]
        office = self.office.as_of(max(positions))
        return state(replay(known, ZONE), Caller("chen-zhi"), office, then)

    def alerts(self, name, *, at=None):
        """The cards of a case by level and deadline, those raised by now."""
        if at is not None:
            self.at(at)
        case = self.case(name)
        policy = case.terms["policies"]["alerts"]
        cards = alert.raised(name, self.moments(case), policy, ZONE, self.now)
        return [card for card in cards if card.state != "planned"]

    def moments(self, case):
        """What was known of a case's deadlines after each event that could move them."""
        first = case.events[0].position
        overlay = self.office.ledger
        own = [(e.position, self.recorded(e), alert.CAUSES.get(e.type)) for e in case.events]
        adopted = [
            (v.position, v.approved_at or self.now, "calendar")
            for v in self.office.calendars.versions
            if v.position > first and v.calendar in ("cn", overlay)
        ]
        found = []
        for position, at, cause in sorted([*own, *adopted]):
            known = replay((e for e in case.events if e.position <= position), ZONE)
            calendars = self.office.calendars.known_at(position)
            policy = known.terms["policies"]["alerts"]
            seen = foreseen(steps(known), calendars, at, ZONE, policy, overlay=overlay)
            found.append(alert.Moment(position, at, seen, cause))
        return found

    @staticmethod
    def recorded(event: Event) -> datetime:
        assert event.recorded_at is not None
        return event.recorded_at

    # -- acts ------------------------------------------------------------------------------------

    def received(self, item, at, *, by="zhou-min", other=None, **more):
        self.at(f"{at} 09:00" if len(at) == 10 else at)
        name = f"case:{len(self.cases) + 1}"
        body = application(item) | more
        of = standing.about(self.office.terms(item))
        posts = standing.candidates(Action.RECEIVE, Caller(by), of, self.office, self.now)
        occasion = replace(self.occasion(posts[0][0], body), other=other)
        case = Case(name, ZONE)
        self.store(name, case, approval.receive(case, occasion, **details(body)))
        return name

    def act(self, name, action, body=None, *, by, at=None, client=None, applicant=False, **known):
        """Do an action as the service does it; return what it recorded.

        `known` is what the service looks up besides: another case, a card, a sanction.
        """
        if at is not None:
            self.at(at)
        action, body = Action(action), body or {}
        caller = Caller(by, client=client, applicant_of=name if applicant else None)
        before = self.cases[name]
        law = self.by_law(before)
        case = before.following(law)
        occasion = self.occasion(LAW, body)
        late = occasion.late and authority.was_possible(action, case, occasion.at)
        try:
            asked = {**body, "late": late, "card": known.get("card")}
            actor = authority.permit(action, case, caller, self.office, self.now, asked)
            occasion = replace(occasion, by=actor, **known)
            events = act_function(action)(case, occasion, **details(body))
        except Refused as refused:
            self.refusals.append(refused)
            raise
        self.store(name, before, (*law, *events))
        return self.cases[name].events[before.version :]

    def accepted(self, item, day, *, by="zhou-min"):
        case = self.received(item, day, by=by)
        self.act(case, "accept", by=by, at=f"{day} 10:00")
        return case

    def transferred(self, case, at):
        to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [sha("form")]}
        self.act(case, "transfer", to, by="zhou-min", at=at)
        self.act(case, "acknowledge-transfer", by="chen-zhi")

    def reviewed(self, case, day):
        self.transferred(case, f"{day} 14:00")
        self.act(case, "review", opinion("handle", "材料齐全，符合条件"), by="chen-zhi")
        agreed = opinion("check", "同意") | {"adopts": True}
        self.act(case, "review", agreed, by="lin-bo", at=f"{day} 15:00")

    def granted(self, case, day):
        self.reviewed(case, day)
        self.act(case, "decide", GRANT, by="huang-qiang", at=f"{day} 16:00")

    # -- the office --------------------------------------------------------------------------------

    def who(self, kind, act, by, content=None):
        posts = self.office.posts_of(by)
        actors = office_authority.who(self.office, posts, self.now, kind, act, None)
        if content is None:
            return actors[0]
        return check.permitted(self.office, actors, kind, act, content, self.now)

    def propose(self, kind, name, content, *, by, at=None):
        if at is not None:
            self.at(at)
        stream = f"{kind}:{name}"
        content = {check.NAME_IN[kind]: name, **content}
        actor = self.who(kind, "propose", by, content)
        version = self.office.stream_versions.get(stream, 0)
        (event,) = versioned.proposed(kind, stream, version, actor, self.now, content)
        return self.set_up((event,))[-1]

    def approve(self, kind, name, *, by, at=None):
        if at is not None:
            self.at(at)
        thing = self.office.existing(f"{kind}:{name}")
        proposal = tuple(thing.proposals.values())[-1]
        version = self.office.stream_versions[thing.stream]
        actor = self.who(kind, "approve", by, proposal.content)
        events = versioned.approved(thing, version, actor, self.now, proposal=proposal)
        return self.set_up(events)[-1]

    def end(self, appointment, *, by):
        thing = self.office.existing(f"appointment:{appointment}")
        version = self.office.stream_versions[thing.stream]
        posts = self.office.posts_of(by)
        actors = office_authority.who(self.office, posts, self.now, "appointment", "end", None)
        content = thing.current.content
        actor = office_authority.appointing(self.office, actors, "end", content)
        return self.set_up(versioned.ended(thing, version, actor, self.now, None))[-1]

    def custody(self, name, act, *, by, data: Mapping[str, object] | None = None):
        held = self.office.seals[name]
        actor = self.who("seal", act, by)
        events = seal.custody(held, act, actor, self.now, data=data or {}, reason=None)
        return self.set_up(events)[-1]

    # -- what the database does --------------------------------------------------------------------

    def set_up(self, events):
        """Record events of the office."""
        recorded = self.append(events)
        self.office = self.office.following(recorded)
        return recorded

    def store(self, name, case, events) -> Case:
        self.cases[name] = case.following(self.append(events)) if events else case
        return self.cases[name]

    def append(self, events: Iterable[Event]) -> Events:
        """Store what was decided: its guards hold, its versions follow, its bytes come back."""
        recorded = []
        decided_on = Counter(self.versions)
        for event in events:
            for stream, version in event.relied_on.items():
                assert decided_on[stream] == version, f"{stream} has moved"
            assert self.versions[event.stream] + 1 == event.version
            self.versions[event.stream] = event.version
            header = {
                "ledger": self.office.ledger,
                "position": self.position,
                "recorded_at": records.instant(self.now),
                "registers": {self.named(n): self.next(self.named(n)) for n in event.numbers},
            }
            named = replace(event, id=f"{self.position:032x}")
            classes.changed(named.type, named.data, lambda _path, _whose, value: value)
            recorded.append(
                records.decode(Row(orjson.dumps(header) + b"\n" + records.encode(named)))
            )
            self.position += 1
        return tuple(recorded)

    def named(self, register):
        return register.replace("%Y", str(self.now.astimezone(ZONE).year))

    def next(self, register):
        self.numbers[register] += 1
        return self.numbers[register]

    def occasion(self, by, body):
        occurred_at = body.get("occurred_at")
        return Occasion(
            by=by,
            now=self.now,
            office=self.office,
            occurred_at=None if occurred_at is None else datetime.fromisoformat(occurred_at),
            reason=body.get("reason"),
            basis=body.get("basis"),
        )

    def by_law(self, case):
        return by_law.by_law(case, Occasion(by=LAW, now=self.now, office=self.office))


def bureau(
    *,
    ledger="469002",
    document=EXAMPLE,
    calendars=None,
    policies: Mapping[str, Data] | None = None,
    at=START,
) -> Bureau:
    """A bureau set up from the example (or another document), with other calendars if named."""
    if calendars is not None:
        document = {**document, "calendars": list(calendars)}
    here = Bureau(Office(ledger), now=local(at))
    here.set_up(
        opening(
            document,
            CALENDARS,
            {**POLICIES, **(policies or {})},
            ledger=ledger,
            at=here.now,
            simulated=True,
        )
    )
    return here


def item_set(bureau, code, content) -> Event:
    """An item as an earlier set-up may have put it in force, which no proposal may today."""
    stream = f"item:{code}"
    return Event(
        stream=stream,
        version=bureau.office.stream_versions[stream] + 1,
        type="item-set",
        occurred_at=bureau.now,
        actor=Actor(kind="system", client="init"),
        responsibility="administration",
        data={"content": content},
    )


def details(body):
    """An act's details: what the caller says, in the words of its function."""
    renamed = {"event": "event_id"}
    return {renamed.get(name, name): body[name] for name in body if name not in COMMON}


@contextmanager
def refuses(slug, rule=None, *, pointer=None, earlier=None):
    """The act inside is refused by this rule, and by no other."""
    with pytest.raises(Refused) as caught:
        yield
    refused = caught.value
    assert (slug, rule) == (refused.slug, refused.rule), refused.why
    if pointer is not None:
        assert pointer == refused.pointer
    if earlier is not None:
        assert earlier == refused.earlier_position


def application(item):
    return {
        "item": item,
        "applicant": {
            "kind": "organisation",
            "name": "海南示例餐饮有限公司",
            "id_scheme": "USCC",
            "id": "91469002MA5X00014X",
        },
        "channel": "window",
        "materials": [material("申请表", "form")],
    }


def material(name, text):
    return {"name": name, "sha256": sha(text), "media_type": "application/pdf"}


def opinion(level, text, recommend="grant"):
    return {"level": level, "opinion": text, "recommend": recommend}


def document(kind="licence", version=1, text=None):
    return {"kind": kind, "version": version, "sha256": sha(text or f"{kind}-{version}")}


def sealing(kind="licence", version=1, text=None, medium="paper", seal="QH-S1"):
    return {
        "seal": seal,
        "document": document(kind, version, text),
        "copies": 1,
        "medium": medium,
    }


LICENCE = document()
GRANT = {
    "outcome": "grant",
    "document": {**LICENCE, "valid_from": "2026-01-01", "valid_to": "2029-12-31"},
}
SUPPLEMENT = {
    "missing": [{"material": "场所平面图"}],
    "served_at": "2025-09-28",
    "notice": sha("supplement-notice"),
}


def last(state, name):
    """The newest entry of a deadline."""
    return [d for d in state["deadlines"] if d["name"] == name][-1]


def part(whole, expected):
    """The members of `whole` that are asked about, for a comparison that shows both."""
    return {name: whole.get(name) for name in expected}


def lights(state, *names):
    return [(last(state, name)["used"], last(state, name)["light"]) for name in names]
