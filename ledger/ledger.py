"""The one door: cases read, acts recorded, the office kept current.

An act is decided on what is known here, and the append checks that nothing it was decided
on has moved; if something has, it is decided again.  A crash before the append leaves
nothing, a crash after it leaves a whole act that the same key finds again.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from secrets import token_hex

from ledger import by_law, privacy, records, subject
from ledger.access_log import AccessLog, refusal
from ledger.case import LAW, Actor, Case, Event, Events, Flag, replay
from ledger.case_cache import CaseCache
from ledger.clock import Clock
from ledger.errors import Corrupt, Moved, Refused
from ledger.occasion import Occasion
from ledger.office import Office
from ledger.precondition import permit_state
from ledger.recorded import Key, Recorded, own, pinned, recorded
from ledger.state import number_of
from ledger.store import Command, Committed, Row, Store, Writer

Decide = Callable[[Case, Office, datetime], Events]
DecideOffice = Callable[[Office, datetime], Events]
# An act in a stream of another kind: the stream and its events so far, the office, the time.
DecideIn = Callable[[str, Events, Office, datetime], Events]

TRIES = 3
OFFICE_STREAMS = (
    "anchored-log:", "appointment:", "calendar:", "item:", "ledger:", "policy:", "seal:",
)  # fmt: skip
KNOWN_AT_ONCE = (*OFFICE_STREAMS, "subject:")
SUBJECTS_AT_ONCE = 500


class Ledger:
    """One jurisdiction's ledger as this process knows it."""

    def __init__(self, name: str, store: Store, keyring: privacy.Keyring) -> None:
        """Bind a name to a store; `open` reads the office."""
        self.name = name
        self.store = store
        self.keyring = keyring
        self.clock = Clock(store, name)
        self.access = AccessLog(name, store, keyring)
        self.office = Office(name)
        self._writer: Writer | None = None
        self.cases = CaseCache()
        # How far what was done about subjects is known here, by its register.
        self._subjects = 0

    async def open(self) -> None:
        """Read the office and make ready to write."""
        self._writer = self.store.writer(self.name)
        self._writer.before_append.append(self.keyring.flush)
        self._writer.on_commit.append(self._committed)
        await self.refresh()

    # -- reading ---------------------------------------------------------------------------

    async def now(self) -> datetime:
        """Tell the ledger's time: the database's, or the simulated one."""
        return await self.clock.now()

    async def set_clock(self, at: datetime) -> datetime:
        """Set the clock of a simulated ledger forward."""
        return await self.clock.set(at)

    async def refresh(self) -> Office:
        """Read what the office and about subjects was recorded and is not yet known here."""
        rows = await self.store.office_rows(self.name, self.office.position + 1)
        if rows:
            self.office = self.office.following(records.decode(row) for row in rows)
        await self._subjects_known()
        return self.office

    async def _subjects_known(self) -> None:
        """Restrict and forget whom the ledger says so, in this process.

        A key is destroyed after the act is durable: here, at the latest when a process starts.
        """
        while rows := await self.store.numbered(
            self.name, subject.REGISTER, self._subjects, SUBJECTS_AT_ONCE
        ):
            for row in rows:
                event = records.decode(row)
                reference = event.data["reference"]
                if event.type == "key-destroyed":
                    await self.keyring.forget(reference)
                elif event.type == "subject-restricted":
                    self.keyring.restricted.add(reference)
                elif event.type == "subject-released":
                    self.keyring.restricted.discard(reference)
                self._subjects = event.registers[subject.REGISTER]

    async def peek(self, stream: str) -> Case | None:
        """Return a case as last known here, which the append will check; else read it."""
        return self.cases.get(stream) or await self.load(stream)

    async def load(self, stream: str) -> Case | None:
        """Return a case by its stream, at its newest version; None where there is none."""
        cached = self.cases.get(stream)
        rows = await self.store.of_stream(
            self.name, stream, after_version=cached.version if cached else 0
        )
        return self._following(cached, rows)

    async def whole(self, stream: str) -> tuple[Case | None, Sequence[Row]]:
        """Return a case as `load` does, with its whole history as it is stored."""
        rows = await self.store.of_stream(self.name, stream)
        cached = self.cases.get(stream)
        return self._following(cached, rows[cached.version if cached else 0 :]), rows

    def _following(self, known: Case | None, rows: Iterable[Row]) -> Case | None:
        """Return a case with what was stored since it was known here."""
        events = tuple(records.decode(row) for row in rows)
        if events:
            known = known.following(events) if known else replay(events, self.office.zone)
            self.cases.keep(known)
        return known

    async def stream_of(self, register: str, number: int) -> str | None:
        """Lead from an official case number to the stream that has it."""
        known = self.cases.stream_of(register, number)
        if known is None:
            row = await self.store.number(self.name, register, number)
            if row is None:
                return None
            known = row.stream
            self.cases.keep_number(register, number, known)
        return known

    async def events_from(self, position: int, limit: int) -> Events:
        """Return up to `limit` events from a position on, in order."""
        rows = await self.store.since(self.name, position, limit)
        return tuple(records.decode(row) for row in rows)

    async def found(self, key: Key) -> Recorded | None:
        """Return what was recorded under a key, or None; another request is refused."""
        row = await self.store.key(self.name, key.key)
        if row is None:
            return None
        digest, position, count = row
        if digest != key.digest:
            raise Refused("idempotency-key-reused", "this key was used for another request")
        return await self._again(position, count)

    async def as_it_was(self, stream: str, position: int) -> Case:
        """Return a case as the ledger knew it when `position` was its newest event."""
        rows = await self.store.of_stream(self.name, stream, upto_position=position)
        return replay((records.decode(row) for row in rows), self.office.zone)

    async def newest(self, *streams: str) -> Mapping[str, Event]:
        """Return the newest event of each of some streams, where there is one."""
        rows = await self.store.newest_of(self.name, streams)
        return {row.stream: records.decode(row) for row in rows}

    async def part(self, stream: str, after_version: int, limit: int) -> Events:
        """Return up to `limit` events of a stream behind a version, in order."""
        rows = await self.store.part_of(self.name, stream, after_version, limit)
        return tuple(records.decode(row) for row in rows)

    async def history(self, stream: str, upto: int | None = None) -> Events:
        """Return the events of a stream in order, up to a position (None: all)."""
        rows = await self.store.of_stream(self.name, stream, upto_position=upto)
        return tuple(records.decode(row) for row in rows)

    # -- recording ---------------------------------------------------------------------------

    async def record(
        self,
        decide: Decide,
        *,
        stream: str | None,
        key: Key,
        expected: int | None = None,
        correlation: str | None = None,
        look: Callable[[], Awaitable[None]] | None = None,
    ) -> Recorded:
        """Record an act on a case, or on a new one (`stream` None).

        `expected` is the version the caller pinned, `look` reads again what the act refers to
        besides, when something it was decided on has moved.  Raises `Refused` where a rule says no,
        `Unknown` where the outcome cannot be told, `Unavailable` where nothing was stored.
        """
        for _ in range(TRIES):
            now = await self.now()
            case = await self._current(stream)
            law: Events = ()
            try:
                if expected is not None:
                    pinned(case.version, case.events, expected)
                law = await self._by_law(case, now)
                events = (*law, *decide(own(case, law), self.office, now))
            except Refused:
                found = await self.found(key)
                if found is not None:
                    return found
                if await self._newer(case):
                    continue  # decided on an old copy: another process has acted
                if law:
                    # What the law has done stands, whatever is refused after it.
                    await self.settle(case)
                    continue
                raise
            reads = {case.stream: case.version}
            try:
                return await self._append(events, reads, key, correlation, case, now)
            except Moved:
                await self.refresh()
                if look is not None:
                    await look()
        raise Refused("basis-moved", "what the act rests on keeps changing: read again")

    def by_now(self, case: Case, now: datetime) -> Case:
        """Return the case as the law has made it by now, on record or not yet."""
        return own(case, by_law.by_law(case, self._by_nobody(now)))

    async def settle(self, case: Case) -> Case:
        """Record what the law has done to a case by now, before it is shown."""
        for _ in range(TRIES):
            now = await self.now()
            events = await self._by_law(case, now)
            if not events:
                return case
            key = Key(f"by-law|{case.stream}|{case.version}", b"by-law")
            try:
                done = await self._append(events, {case.stream: case.version}, key, None, case, now)
            except Moved:
                await self.refresh()
            else:
                if done.case is not None and not done.replayed:
                    return done.case
            case = await self._current(case.stream)
        return case

    async def record_office(
        self, decide: DecideOffice, *, key: Key, correlation: str | None = None
    ) -> Recorded:
        """Record an act of the bureau's own set-up.

        It is decided on all that is on record by now, other processes' acts too: the append
        checks what the act knows of, and of what it does not know there is nothing to check.
        """
        for _ in range(TRIES):
            await self.refresh()
            now = await self.now()
            try:
                events = decide(self.office, now)
            except Refused:
                found = await self.found(key)
                if found is not None:
                    return found
                raise
            try:
                return await self._append(events, {}, key, correlation, None, now)
            except Moved:
                continue
        raise Refused("basis-moved", "what the act rests on keeps changing: read again")

    async def record_in(
        self,
        decide: DecideIn,
        *,
        kind: str,
        stream: str | None,
        key: Key,
        expected: int | None = None,
        correlation: str | None = None,
        newest: bool = False,
    ) -> Recorded:
        """Record an act in a stream that is neither a case's nor the office's.

        It is read each time it is decided on, or of a long one the `newest` event alone;
        `stream` None begins a new one of the kind.
        """
        for _ in range(TRIES):
            now = await self.now()
            events = await self._so_far(stream, newest=newest)
            named = stream or f"{kind}:{token_hex(16)}"
            version = events[-1].version if events else 0
            try:
                if expected is not None:
                    pinned(version, events, expected)
                decided = decide(named, events, self.office, now)
            except Refused:
                found = await self.found(key)
                if found is not None:
                    return found
                raise
            try:
                return await self._append(decided, {named: version}, key, correlation, None, now)
            except Moved:
                await self.refresh()
        raise Refused("basis-moved", "what the act rests on keeps changing: read again")

    async def take_in(self, events: Events, key: Key) -> Recorded:
        """Record what a row of a file says: events of one stream, whole.

        `Moved` where that stream is at another version: a case that is here already.
        """
        now = await self.now()
        before = {events[0].stream: events[0].version - 1}
        return await self._append(events, before, key, None, None, now)

    async def refuse(
        self, refused: Refused, *, action: str, by: Actor, case: str | None, item: str | None,
        correlation: str | None = None, details: Mapping[str, str] | None = None,
        flags: tuple[Flag, ...] = (), sealed: bool = False,
    ) -> None:  # fmt: skip
        """Put a refusal on record in the access log, never in the case.

        Of inspection it goes into the sealed line: what they were refused tells what they asked.
        """
        event = refusal(
            refused, await self.now(), by, {"action": action, "case": case, "item": item},
            details or {}, flags, correlation,
        )  # fmt: skip
        await self.access.put(event, sealed=sealed)

    # -- inside ----------------------------------------------------------------------------

    async def _so_far(self, stream: str | None, *, newest: bool) -> Events:
        if stream is None:
            return ()
        return tuple((await self.newest(stream)).values()) if newest else await self.history(stream)

    def _by_nobody(self, now: datetime) -> Occasion:
        return Occasion(by=LAW, now=now, office=self.office)

    async def _by_law(self, case: Case, now: datetime) -> Events:
        """Return what the law has done by now, to the case and to the permit it is about."""
        on = self._by_nobody(now)
        events = by_law.by_law(case, on)
        renewed = next((e for e in events if e.type == "deemed-renewed"), None)
        stream = (case.permit_of or {}).get("stream")
        permit = await self.load(stream) if renewed is not None and stream else None
        if renewed is None or permit is None:
            return events
        if permit_state(permit, permit.on(now)) not in ("in-force", "expired"):
            return tuple(e for e in events if e is not renewed)  # what has ended is not renewed
        number = number_of(case, self.name)
        return (by_law.permit_goes_on(permit, on, renewed, number), *events)

    async def _current(self, stream: str | None) -> Case:
        if stream is None:
            return Case(f"case:{token_hex(16)}", self.office.zone)
        case = self.cases.get(stream) or await self.load(stream)
        if case is None:
            raise Refused("case-not-found", "no such case, or not for you")
        return case

    async def _newer(self, case: Case) -> bool:
        if case.version == 0:
            return False
        fresh = await self.load(case.stream)
        return fresh is not None and fresh.version > case.version

    async def _append(
        self,
        events: Events,
        reads: Mapping[str, int],
        key: Key,
        correlation: str | None,
        case: Case | None,
        now: datetime,
    ) -> Recorded:
        if self._writer is None:
            raise Corrupt("the ledger was not opened")
        own_first = next((e for e in events if case is None or e.stream == case.stream), events[0])
        under = privacy.wrapping(case, own_first, self.name, now)
        ready = tuple(self._ready(event, correlation, under) for event in events)
        guards: dict[str, int] = {}
        for event in ready:
            guards.setdefault(event.stream, event.version - 1)
        for event in ready:
            guards.update(event.relied_on)
        command = Command(
            key=key.key,
            digest=key.digest,
            reads={**guards, **reads},
            events=tuple((e.stream, e.type, records.encode(e), e.numbers) for e in ready),
        )
        outcome = await self._writer.append(command)
        if outcome.kind == "moved":
            self.cases.forget(reads)
            raise Moved(tuple(command.reads))
        if outcome.kind == "key-reused":
            raise Refused("idempotency-key-reused", "this key was used for another request")
        if outcome.kind == "replayed":
            return await self._again(outcome.first_position, outcome.events)
        stored = recorded(ready, outcome)
        if case is None:
            return Recorded(stored, None, replayed=False)
        self.cases.forget({event.stream for event in stored} - {case.stream})
        case = own(case, stored)
        self.cases.keep(case)
        return Recorded(stored, case, replayed=False)

    def _ready(self, event: Event, correlation: str | None, under: str) -> Event:
        """Give the event its random id and encrypt what belongs to a person."""
        named = replace(event, id=token_hex(16), correlation=correlation)
        return privacy.encrypted(named, self.keyring, self.name, under)

    async def _again(self, position: int, count: int) -> Recorded:
        events = await self.events_from(position, count)
        stream = events[-1].stream
        case = None
        if stream.startswith("case:"):
            case = await self.as_it_was(stream, events[-1].position)
        return Recorded(events, case, replayed=True)

    async def _committed(self, stored: Iterable[Committed]) -> None:
        """Take what everybody has to know into account before anybody is told that it is stored."""
        if any(e.stream.startswith(KNOWN_AT_ONCE) for e in stored):
            await self.refresh()
