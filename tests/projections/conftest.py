"""A bureau on a simulated ledger: acts are appended as the service appends them.

The domain's own functions decide, the store's own writer appends; only authority is left out,
because what may be done is not what is tested here.
"""

import contextlib
import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from secrets import token_hex

import asyncpg
import pytest

from ledger import approval, by_law, catalogue, complaining, matter, records, result, supervision
from ledger.case import LAW, Actor, Case, Event, Events, replay
from ledger.complaint import replay as replayed
from ledger.database import Role
from ledger.occasion import Occasion
from ledger.office import Office
from ledger.office.setup import opening
from ledger.queries import load
from ledger.store import Command, Store, open_ledger
from projections import (
    audit_trail,
    board,
    complaints,
    conformity,
    current_state,
    findings,
    findings_read,
    matters,
    performance,
    readings,
    reviews,
    seal_register,
    timeout_alerts,
)
from projections.findings_facts import Who
from projections.follow import Follower

LEDGER = "469002"
# Names for those that share a database.
LEDGERS = count(469100)
MONDAY = "2025-09-22 08:00"
DATA = Path(records.__file__).parent / "data"
EVERYTHING = (("J", "qh-12345", None),)
MISCOUNTED = load(Path(__file__).with_name("many.sql"))["miscounted"]


def indexed(ledger, case):
    """Who applied: here applicants stand in clear, in the service they are encrypted."""
    agent = case.applicant.get("agent") or {}
    known = (case.applicant.get("id"), agent.get("id"))
    return Who(*(i and hashlib.sha256(f"{ledger} {i}".encode()).hexdigest() for i in known))


FINDINGS = findings.projection(indexed)
PROJECTIONS = (
    current_state.PROJECTION,
    timeout_alerts.PROJECTION,
    audit_trail.PROJECTION,
    FINDINGS,
    seal_register.PROJECTION,
    reviews.PROJECTION,
    performance.PROJECTION,
    complaints.PROJECTION,
    matters.PROJECTION,
    conformity.PROJECTION,
    readings.PROJECTION,
)


def person(who, role, organ="qh-xzsp"):
    return Actor(person=who, name=who, role=role, organ=organ, appointment=f"{who}-{role}")


ZHOU = person("zhou-min", "clerk")
CHEN = person("chen-zhi", "handler")
LIN = person("lin-bo", "checker")
HUANG = person("huang-qiang", "approver")
WU = person("wu-jun", "bureau-head")
HE = person("he-yan", "sealer")
TANG = person("tang-li", "issuer")
MO = person("mo-li", "supervisor", "qh-wjw")
LU = person("lu-qian", "hotline", "qh-12345")
FANG = person("fang-ke", "security-admin")

APPLICANT = {"kind": "organisation", "name": "c", "id_scheme": "USCC", "id": "c"}
FORM = {"name": "申请表", "sha256": "0" * 64, "media_type": "application/pdf"}
LICENCE = {"kind": "licence", "version": 1, "sha256": "1" * 64}


def instant(text):
    """An instant of the ledger's zone: `2025-09-22 09:00`."""
    return datetime.fromisoformat(text.replace(" ", "T") + ":00+08:00")


def content(folder, name):
    return json.loads((DATA / folder / f"{name}.json").read_text("utf-8"))


class Bureau:
    """One ledger: set the clock, act, follow, read."""

    def __init__(self, store, pool, reads, ledger=LEDGER):
        self.store = store
        self.pool = pool
        self.reads = reads
        self.ledger = ledger
        self.office = Office(ledger)
        self.keys = count()

    async def open(self, **changes):
        document = content(".", "example") | changes
        calendars = {name: content("calendars", name) for name in document["calendars"]}
        policies = {name: content("policies", name) for name in document["policies"]}
        at = await self.store.now(self.ledger)
        await self.append(
            opening(document, calendars, policies, ledger=self.ledger, at=at, simulated=True)
        )

    async def at(self, text):
        await self.store.set_clock(self.ledger, instant(text))

    async def append(self, events, sequence=None):
        """Append events in as few commands as they fit; return them as recorded."""
        events = tuple(replace(e, id=e.id or token_hex(16)) for e in events)
        reads: dict[str, int] = {}
        for event in events:
            reads.setdefault(event.stream, event.version - 1)
        command = Command(
            key=f"key-{next(self.keys)}",
            digest=b"d",
            reads=reads,
            events=tuple((e.stream, e.type, records.encode(e), e.numbers) for e in events),
        )
        outcome = await self.store.writer(sequence or self.ledger).append(command)
        assert outcome.kind == "appended"
        rows = await self.store.since(sequence or self.ledger, outcome.first_position, len(events))
        done = tuple(records.decode(row) for row in rows)
        if sequence is None:
            self.office = self.office.following(
                e
                for e in done
                if not e.stream.startswith(("case:", "complaint:", "matter:", "uuid:"))
            )
        return done

    async def case(self, stream):
        rows = await self.store.of_stream(self.ledger, stream)
        return replay((records.decode(row) for row in rows), self.office.zone)

    async def act(self, stream, does, by, *, reason=None, occurred_at=None, **details):
        """Do an act on a case, after what the law has done to it; return the case."""
        now = await self.store.now(self.ledger)
        case = await self.case(stream) if stream else None
        before: Events = ()
        if case is None:
            case = Case(f"case:{token_hex(16)}", self.office.zone)
        else:
            before = by_law.by_law(case, Occasion(by=LAW, now=now, office=self.office))
        on = Occasion(by=by, now=now, office=self.office, reason=reason, occurred_at=occurred_at)
        events = (*before, *does(case.following(before), on, **details))
        await self.append(events)
        return await self.case(case.stream)

    async def received(self, item="QH-002", by=ZHOU):
        case = await self.act(
            None, approval.receive, by, item=item, applicant=APPLICANT, channel="window",
            materials=[FORM], organ="qh-xzsp",
        )  # fmt: skip
        return case.stream

    async def accepted(self, item="QH-002"):
        stream = await self.received(item)
        await self.act(stream, approval.accept, ZHOU)
        return stream

    async def handed_to(self, stream, who=CHEN):
        await self.act(
            stream, approval.transfer, ZHOU, to={"unit": who.organ, "person": who.person}
        )
        await self.act(stream, approval.acknowledge_transfer, who)

    async def reviewed(self, stream):
        await self.handed_to(stream)
        for level, by in (("handle", CHEN), ("check", LIN)):
            await self.act(
                stream, approval.review, by, level=level, opinion="同意", recommend="grant"
            )

    async def granted(self, stream):
        await self.reviewed(stream)
        await self.act(stream, result.decide, HUANG, outcome="grant", document=LICENCE)

    async def finished(self, item="QH-002"):
        """A case from receipt to its end, in one day."""
        stream = await self.accepted(item)
        await self.granted(stream)
        await self.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE)
        await self.act(
            stream, result.issue, TANG, document=LICENCE, method="window", recipient={"name": "c"}
        )
        await self.act(stream, result.push, CHEN, to="qh-wjw")
        await self.act(stream, supervision.claim, MO)
        await self.act(stream, result.publish, CHEN, what="decision", where="网站")
        await self.act(stream, result.close, CHEN)
        return stream

    async def complained(self):
        """A complaint that was given to the bureau."""
        now = await self.store.now(self.ledger)
        on = Occasion(by=LU, now=now, office=self.office)
        stream = f"complaint:{token_hex(16)}"
        told = {"kind": "delay", "channel": "telephone", "text": "t"}
        events = await self.append(complaining.register(stream, on, case=None, **told))
        complaint = replayed(events, self.office.zone)
        await self.append(complaining.assign(complaint, on, unit="qh-xzsp", summary="s"))
        return stream

    async def baselines(self, name="HN"):
        """Two baselines, one of them set anew and struck off; an item that follows the other."""
        now = await self.store.now(self.ledger)
        item = self.office.existing("item:QH-002").current.content
        first, second = f"{name}-1", f"{name}-2"
        wanted = {"code": first, "name": "n", "elements": {**item["elements"], "fees": "x"}}
        moved = {**item, "elements": {**item["elements"], "sub_code": first}}
        rows = (
            ("baseline", first, wanted, 0), ("baseline", second, {**wanted, "code": second}, 0),
            ("item", "QH-002", moved, self.office.stream_versions["item:QH-002"]),
            ("baseline", first, {**wanted, "name": "m"}, 1), ("baseline", second, None, 1),
        )  # fmt: skip
        for kind, code, content, version in rows:
            row = catalogue.Row(
                kind=kind, code=code, content=content, by=WU, proposed_by="guo-an",
                relied_on={}, source={"system": "s", "row": 1},
            )  # fmt: skip
            await self.append((catalogue.event_of(row, version, now),))

    async def matter(self):
        """A matter of the bureau, with one case in it, and an opinion asked for."""
        now = await self.store.now(self.ledger)
        on = Occasion(by=ZHOU, now=now, office=self.office)
        stream = f"matter:{token_hex(16)}"
        told = {"name": "n", "kind": "one-thing", "applicant": APPLICANT}
        opened = await self.append(matter.open_matter(stream, on, items=["QH-002"], **told))
        of = matter.replay(opened, self.office.zone)
        case = Case(f"case:{token_hex(16)}", self.office.zone)
        (received,) = approval.receive(
            case, on, item="QH-002", applicant=APPLICANT, channel="window", organ="qh-xzsp"
        )
        joined = await self.append(matter.joined(of, on, received, self.ledger))
        of = matter.replay((*opened, joined[0]), self.office.zone)
        await self.append(matter.request_opinion(of, on, organ="qh-wjw", question="?", days=5))
        return stream

    async def refused(self, stream, action, by, slug, rule=None, **more):
        case = await self.case(stream) if stream else None
        data = {"action": action, "slug": slug, "rule": rule, **more}
        if case is not None:
            data |= {"case": self.number(case), "stream": stream, "item": case.terms["item"]}
        event = Event(
            stream=f"refusal:{token_hex(16)}",
            version=1,
            type="refused",
            occurred_at=await self.store.now(self.ledger),
            actor=by,
            responsibility="administration",
            data={k: v for k, v in data.items() if v is not None},
        )
        return (await self.append((event,), f"{self.ledger}.open"))[0]

    async def adopt(self, year, *, off, work, notice, name="cn"):
        """Adopt a calendar version: proposed by one, approved by another."""
        stream = f"calendar:{name}"
        version = self.office.stream_versions.get(stream, 0)
        calendar = {
            "calendar": name, "year": year, "off": off, "work": work, "notice": {"number": notice}
        }  # fmt: skip
        at = await self.store.now(self.ledger)
        common = {"occurred_at": at, "responsibility": "administration", "stream": stream}
        proposed = Event(
            type="calendar-proposed", version=version + 1, actor=FANG, data={"content": calendar},
            id=token_hex(16), **common,
        )  # fmt: skip
        approved = Event(
            type="calendar-approved", version=version + 2, actor=WU,
            data={"proposal": proposed.id}, **common,
        )  # fmt: skip
        return (await self.append((proposed, approved)))[1]

    def number(self, case):
        return f"{self.ledger}-{case.register[-4:]}-{case.number:06d}"

    # -- following and reading ---------------------------------------------------------------

    def follower(self, projection, **more):
        return Follower(projection, self.ledger, self.store, self.pool, **more)

    async def follow(self, projection, limit=500):
        """Bring a projection to the end of its sequences, by a follower of its own."""
        follower = self.follower(projection)
        await follower.begin()
        for sequence in follower.sequences:
            while await follower.step(sequence, limit):
                pass

    async def cases(self, now=None, scopes=EVERYTHING, after=None, limit=50, **filters):
        await self.follow(current_state.PROJECTION)
        now = instant(now) if now else await self.store.now(self.ledger)
        return await current_state.listed(
            self.reads, self.ledger, scopes, filters, after, limit, now
        )

    async def audit(self, which="all", scopes=EVERYTHING, after=None, limit=50, **filters):
        await self.follow(audit_trail.PROJECTION)
        filters = {name.rstrip("_"): value for name, value in filters.items()}
        return await audit_trail.listed(
            self.reads, self.ledger, which, scopes, filters, after, limit
        )

    async def alerts(
        self, now=None, scopes=EVERYTHING, after=None, limit=50, person=None, **filters
    ):
        await self.follow(timeout_alerts.PROJECTION)
        now = instant(now) if now else await self.store.now(self.ledger)
        await self.counted(now, scopes, person)
        return await timeout_alerts.listed(
            self.reads, self.ledger, scopes, filters, after, limit, now, person=person
        )

    async def counted(self, now, scopes=EVERYTHING, person=None):
        """Hold the count of cards against the cards, for every reader that a test has.

        The board of a reader counts what their list shows; and what was counted as cards moved
        is what a count of all of them gives.
        """
        reads, ledger = self.reads, self.ledger
        told = await board.told(
            reads, ledger, person, now, now.date(), cases=(), alerts=scopes, reviews=(),
            complaints=(),
        )  # fmt: skip
        page = await timeout_alerts.listed(
            reads, ledger, scopes, {}, None, 10_000, now, person=person
        )
        shown = Counter((card["level"], card["state"]) for card in page.items)
        assert shown == {key[1:]: n for key, n in told.counts.items() if key[0] == "alert"}
        for differing in await reads.fetch(MISCOUNTED, ledger):
            raise AssertionError(f"counted otherwise: {tuple(differing)}")
        return shown

    async def counted_anew(self, projection):
        """Take the count away, as before there was one; what every list shows all the same."""
        await self.follow(projection)
        async with self.pool.acquire() as connection:
            for table in ("alert_count", "alert_counted"):
                await connection.execute(projection.remove[table], self.ledger, 1)
        return await self.counted(await self.store.now(self.ledger))

    async def findings(self, now=None, after=None, limit=50, *, counted=False, **filters):
        for projection in (timeout_alerts.PROJECTION, FINDINGS):
            await self.follow(projection)
        now = instant(now) if now else await self.store.now(self.ledger)
        filters = {name.rstrip("_"): value for name, value in filters.items()}
        by = findings_read.parameters(self.office)
        return await findings_read.listed(
            self.pool, self.pool, self.ledger, self.office.zone, by, filters, after, limit, now,
            counted=counted,
        )  # fmt: skip

    async def rows(self, projection, generation=1):
        """Every row of a projection as the database tells it."""
        found = {}
        async with self.pool.acquire() as connection:
            for table, query in projection.rows.items():
                rows = await connection.fetch(query, self.ledger, generation)
                found[table] = [tuple(row) for row in rows]
        return found


@contextlib.asynccontextmanager
async def connected(database):
    """The connections to a database by which ledgers are opened, projected and read."""
    async with contextlib.AsyncExitStack() as stack:
        migrating = await asyncpg.connect(**database.as_creator())
        stack.push_async_callback(migrating.close)
        pool = await stack.enter_async_context(
            asyncpg.create_pool(**database.as_role(Role.PROJECT), min_size=0, max_size=6)
        )
        reads = await stack.enter_async_context(
            asyncpg.create_pool(**database.as_role(Role.APP), min_size=0, max_size=4)
        )
        yield database, migrating, pool, reads


@contextlib.asynccontextmanager
async def making(database, migrating, pool, reads):
    """Opens ledgers, each with the example data, at an instant of its own clock."""
    store = Store(database.as_role(Role.APP))
    await store.connect()

    async def made(start=MONDAY, ledger=LEDGER, **changes):
        await open_ledger(migrating, ledger, "Asia/Shanghai", instant(start))
        bureau = Bureau(store, pool, reads, ledger)
        await bureau.open(**changes)
        return bureau

    try:
        yield made
    finally:
        await store.close()


@pytest.fixture
async def make_bureau(database):
    """Opens ledgers in a database of the test's own."""
    async with connected(database) as connections, making(*connections) as made:
        yield made


@pytest.fixture(scope="module")
async def shared(lasting):
    """Connections to the one database of a module, where each test has a ledger of its own."""
    async with connected(lasting) as connections:
        yield connections


@pytest.fixture
async def make_ledger(shared):
    """Opens ledgers that no other test of the module has."""
    async with making(*shared) as made:

        async def another(start=MONDAY, **changes):
            return await made(start, str(next(LEDGERS)), **changes)

        yield another


@pytest.fixture
async def bureau(make_bureau):
    """The example bureau on the morning of Monday 2025-09-22."""
    return await make_bureau()


def beside_others(start=MONDAY):
    """A `bureau` whose ledger lies in the database of its module."""

    @pytest.fixture
    async def bureau(make_ledger):
        return await make_ledger(start)

    return bureau
