"""What a running service holds: the store, the keys, its ledgers, and what runs beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from api.anchoring import Follower, anchoring
from api.feeding import askers, feeding, policy_of
from api.headers import CURSOR_KEY
from api.metrics import METRICS, Metrics
from api.pools import opened
from api.problems import as_refused
from api.settings import Settings
from api.stamping import Stamper, stamper_of, stamping
from ledger import proved, startup
from ledger.access_log import AccessLog
from ledger.case import Case
from ledger.closing import CLOSED_EPOCH, link_of
from ledger.database import Database, Role
from ledger.errors import Corrupt, LedgerError, Unavailable
from ledger.finding import Finding, Severity
from ledger.keyring import Keyring, derived, secret
from ledger.ledger import Ledger
from ledger.log import Log
from ledger.privacy import applicant_index
from ledger.publish import Publisher, publishing
from ledger.shape import Shape
from ledger.store import Store, companions
from ledger.stored import read as read_record
from projections import (
    audit_trail,
    complaints,
    conformity,
    current_state,
    findings,
    matters,
    performance,
    progress,
    readings,
    reviews,
    seal_register,
    timeout_alerts,
)
from projections.findings_facts import Who
from projections.findings_kept import Keeper, keeping
from projections.findings_read import parameters
from projections.follow import Projection, following

log = structlog.get_logger()

# Other processes' office acts are known here after this; the append never waits for it.
REFRESH_S = 1.0
SETTLE_S = 60.0
STOPPING = frozenset({Severity.REFUSE, Severity.HOLD})
# What passes by itself: appends are paused, and go on.
PASSING = frozenset({"ST-3", "ST-14"})
# Those that need no key; `Service.projections` are all.
PROJECTIONS: tuple[Projection, ...] = (
    current_state.PROJECTION,
    timeout_alerts.PROJECTION,
    audit_trail.PROJECTION,
    seal_register.PROJECTION,
    reviews.PROJECTION,
    performance.PROJECTION,
    complaints.PROJECTION,
    matters.PROJECTION,
    conformity.PROJECTION,
    readings.PROJECTION,
)


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One of the demo's people, to be signed in as with a press on a button."""

    name: str
    posts: tuple[str, ...]
    token: Callable[[], str]


class Service:
    """Made once at start-up, closed at the end; every route finds it under `SERVICE`."""

    def __init__(self, settings: Settings, database: Database, keys: Path) -> None:
        """Bind the parts; ledgers are opened when they are first asked for."""
        self.settings = settings
        self.database = database
        self.keys = keys
        self.checkpoints = settings.checkpoints_beside(keys)
        self.keyring = Keyring(keys)
        self.store = Store(database.as_role(Role.APP))
        own = secret(keys / "service.key")
        self.digest_key = derived(own, "idempotency")
        self.cursor_key = derived(own, "cursors")
        self.readings_key = derived(own, "readings")
        self._applicants_key = derived(own, "applicants")
        self.projections = (*PROJECTIONS, findings.projection(self._who, self.keyring.erase))
        # Whom the pages of the demo let anybody be, and nothing else does.
        self.demo_people: Mapping[str, DemoPerson] = {}
        # What lists are read over, what reads tables whole, and what the views are written over.
        self.reads: Any = None
        self.wholes: Any = None
        self.views: Any = None
        # The number of this deployment, which fences off those before it.
        self._epoch = settings.epoch
        self._ledgers: dict[str, Ledger] = {}
        # Which ledgers the database held a moment ago.
        self.names: tuple[str, ...] = ()
        # Of each sequence, the companions of a ledger too.
        self.publishers: dict[str, Publisher] = {}
        # What did not hold of the server when this began, and of each sequence since.
        self.server: tuple[Finding, ...] = ()
        self.found: dict[str, list[Finding]] = {}
        # Who follows the logs that are anchored in each ledger, where any are.
        self.followers: dict[str, Follower] = {}
        self._metrics: Metrics | None = None
        # Who measures what the cases of each ledger show together.
        self.keepers: dict[str, Keeper] = {}
        # What stamps the log of each ledger, where an authority is set.
        self.stampers: dict[str, Stamper] = {}
        # By which statement a ledger was closed; it is read, and never written again.
        self.closed: dict[str, str] = {}
        self._opening = asyncio.Lock()
        self._woken = asyncio.Event()
        self._running = contextlib.AsyncExitStack()

    @property
    def ledgers(self) -> Mapping[str, Ledger]:
        """The ledgers opened so far."""
        return self._ledgers

    async def ledger(self, name: str) -> Ledger | None:
        """Return a ledger of this database, opened; None where there is none of that name."""
        found = self._ledgers.get(name)
        if found is not None:
            return found
        async with self._opening:
            if name not in self._ledgers:
                if await self.store.head(name) is None:
                    return None
                statement = await proved.closed(self.store, self.checkpoints, name)
                await self.store.take_over(name, CLOSED_EPOCH if statement else self._epoch)
                ledger = Ledger(name, self.store, self.keyring)
                if statement is not None:
                    self.closed[name] = statement
                    ledger.access.continued_by = await self._continued(name)
                await ledger.open()
                for sequence in (name, *companions(name)):
                    await self._publish(sequence)
                await self._running.enter_async_context(
                    following(self.projections, name, self.store, self.views)
                )
                self._ledgers[name] = ledger
                await self._keep_findings(ledger)
                await self._anchor(ledger)
        return self._ledgers[name]

    async def _continued(self, name: str) -> AccessLog | None:
        """Return the access log that goes on for a closed ledger: of one that is not closed."""
        found = await self._follower(name)
        passed = {name}
        while found is not None and found.ledger not in passed:
            if await proved.closed(self.store, self.checkpoints, found.ledger) is None:
                return found
            passed.add(found.ledger)
            found = await self._follower(found.ledger)
        return None

    async def _follower(self, name: str) -> AccessLog | None:
        """Return the access log of the ledger that follows a closed one, None where none does.

        Reading the closed one is put on record there: it takes no entry itself.
        """
        state = await Log(self.store, name).state()
        for other in await self.store.ledgers():
            first = await self.store.row(other, 0)
            before = link_of(read_record(first.record)) if first is not None else None
            if before is not None and state is not None and before["origin"] == state.origin:
                return AccessLog(other, self.store, self.keyring)
        return None

    async def _publish(self, sequence: str) -> None:
        """Prove a log against what was signed, and keep signing; what does not prove out is held.

        Readers are served all the same (ST-5, ST-7, ST-8, ST-10, ST-12).
        """
        publisher = Publisher(self.store, sequence, self.keys, self.checkpoints)
        self.publishers[sequence] = publisher
        state = await publisher.log.state()
        given = policy_of(self.settings, sequence, state.keys) if state is not None else None
        of = self.sequence(sequence, askers(given) if given is not None else None)
        self.found[sequence] = await proved.examined(of)
        # A pause passes by itself (`watch`); everything else is held until somebody looks.
        # What is wrong with the server holds the ledgers; what is read is recorded all the same.
        own = "." not in sequence
        held = [f for f in self.server if own and f.severity is Severity.HOLD]
        held = [f for f in held if f.id not in PASSING]
        held += [f for f in self.found[sequence] if f.severity in STOPPING]
        for finding in self.found[sequence]:
            log.warning("not as it should be", sequence=sequence, what=finding.id)
        if held:
            error = Corrupt(str(held[0]))
            self.store.writer(sequence).hold(error)
            self._unpublished(sequence, error)
            return
        await self._running.enter_async_context(publishing(publisher, self._unpublished))
        if given is not None:
            hold = partial(self._unpublished, sequence)
            listen = publisher.on_published.append
            await self._running.enter_async_context(feeding(publisher.log, given, listen, hold))
        stamper = stamper_of(self.settings, publisher.log)
        if stamper is not None:
            self.stampers[sequence] = stamper
            await self._running.enter_async_context(
                stamping(stamper, publisher.on_published.append)
            )

    async def _keep_findings(self, ledger: Ledger) -> None:
        """Measure what cases show together beside those who read it, where that takes long."""
        name = ledger.name
        size = partial(self.store.known_size, name)
        keeper = Keeper(name, self.wholes, lambda: parameters(ledger.office), ledger.now, size)
        self.keepers[name] = keeper
        await self._running.enter_async_context(keeping(keeper))

    async def _anchor(self, ledger: Ledger) -> None:
        """Follow the logs that are anchored in a ledger, where the operator names any.

        Not into one that is closed, nor while one is held: nothing could be recorded.
        """
        file = self.settings.anchored
        if file is None or ledger.name in self.closed:
            return
        follower = Follower(ledger, file, self.settings.anchor_every_s, self._looked)
        follower.stopped = partial(self.broken, ledger.name)
        self.followers[ledger.name] = follower
        await self._running.enter_async_context(anchoring(follower))

    def _looked(self, came: str) -> None:
        if self._metrics is not None:
            self._metrics.anchors.labels(came).inc()

    def sequence(
        self, sequence: str, witnesses: Mapping[str, proved.AskSize] | None = None
    ) -> proved.OneSequence:
        """Return what the assertions on a sequence look at."""
        return proved.OneSequence(
            store=self.store,
            publisher=self.publishers[sequence],
            epoch=self._epoch,
            checkpoints=self.checkpoints,
            apart=self.settings.database_url is not None,
            witnesses=witnesses or {},
        )

    def findings(self, name: str) -> list[Finding]:
        """Return what does not hold of a ledger and its companions."""
        return [f for sequence in (name, *companions(name)) for f in self.found.get(sequence, ())]

    async def watch(self) -> None:
        """Pause appends while a disk is full (ST-14) or a required standby is away (ST-3)."""
        found = startup.full_disk(self.folders)
        if found is None and self.settings.standby_required:
            found = await self._without_standby()
        if found is None:
            self.store.paused = None
            return
        slug = "storage-full" if found.id == "ST-14" else "integrity-hold"
        if self.store.paused is None:
            log.error("appends are paused", what=found.id)
        self.store.paused = Unavailable(slug, str(found), retry_after_s=30)

    async def _without_standby(self) -> Finding | None:
        async with self.reads.acquire() as connection:
            server = startup.Server(
                connection=connection,
                found=Shape({}),
                applied=(),
                keys=self.keys,
                standbys=self.settings.standby_required,
            )
            return await startup.standby_attached(server)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that need room: keys, checkpoints, and the embedded database."""
        cluster = self.database.cluster
        return (self.keys, self.checkpoints, *([cluster.data] if cluster is not None else []))

    def _unpublished(self, sequence: str, error: LedgerError) -> None:
        """Report what a publisher fails at; a companion that does not prove out holds its ledger.

        The other way round it does not: readings of a ledger that is held are still recorded.
        """
        if isinstance(error, Corrupt):
            for name in {sequence, sequence.partition(".")[0]}:
                self.store.writer(name).hold(error)
            log.error("appends are held: see /readyz", sequence=sequence)
        else:
            log.warning("not published", sequence=sequence, why=as_refused(error).slug)

    def _who(self, ledger: str, case: Case) -> Who:
        """Tell cases of one applicant by digests; the key never leaves this process."""
        return Who(*applicant_index(case, self.keyring, ledger, self._applicants_key))

    async def caught_up(self, name: str, position: int, views: Sequence[str] = ()) -> None:
        """Wait until views (all of them, or these) show a position, and all until now.

        Raises `Behind` where that takes too long.
        """
        names = views or [p.name for p in self.projections]
        patience_s = self.settings.at_least_s
        hurry = partial(self.store.hurry, name)
        await progress.at_head(
            self.reads, name, names, position=position, patience_s=patience_s, hurry=hurry
        )

    async def at_least(self, name: str, position: int) -> None:
        """Wait until every view shows a position of a ledger, for a while; else `Behind`."""
        names = [p.name for p in self.projections]
        patience_s = self.settings.at_least_s
        hurry = partial(self.store.hurry, name)
        await progress.at_least(
            self.reads, name, names, position, patience_s=patience_s, hurry=hurry
        )

    def wake(self, name: str) -> None:
        """Let what runs beside look again: the clock or the office of a ledger has moved."""
        log.debug("ledger moved", ledger=name)
        self._woken.set()

    def stamps(self) -> tuple[int, int]:
        """Count the time stamps that were kept since the start, and those that failed."""
        told = self.stampers.values()
        return sum(one.kept for one in told), sum(one.failed for one in told)

    def oldest_anchor(self) -> float:
        """Tell when the followed log was anchored whose newest anchor is the oldest; 0: none is."""
        every = (at for one in self.followers.values() for _, at in one.newest.values())
        return min((at.timestamp() for at in every), default=0.0)

    def broken(self, name: str) -> Corrupt | None:
        """Say what does not prove out in a ledger or its refusals, None while all is well."""
        writers = map(self.store.writer, (name, *companions(name)))
        return next((one.held for one in writers if one.held), None)

    def unproven(self, name: str) -> bool:
        """Tell whether readers of a ledger have to be warned."""
        paused = self.store.paused
        apart = paused is not None and paused.slug == "integrity-hold"
        return apart or self.broken(name) is not None

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """Connect, keep up with other processes, and put everything away at the end."""
        app[CURSOR_KEY] = self.cursor_key
        self._metrics = app[METRICS]
        await self.store.connect()
        self._epoch = self._epoch or await self.store.new_epoch()
        pools = await self._running.enter_async_context(opened(self.database))
        self.views, self.reads, self.wholes = pools.views, pools.reads, pools.wholes
        await self.watch()
        self.names = await self.store.ledgers()
        task = asyncio.create_task(self._keep_up())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await self._running.aclose()
        await self.store.close()
        self.keyring.close()

    async def _keep_up(self) -> None:
        """Read what other processes recorded, and record what the law has done meanwhile.

        The law is seen to when nothing has moved for a while, or at the latest after
        `SETTLE_S`: whoever has just set a clock has the time to act, and then what the law
        did stands in one append with that act.
        """
        loop = asyncio.get_running_loop()
        settled = loop.time()
        while True:
            due = loop.time() - settled >= SETTLE_S
            try:
                async with asyncio.timeout(REFRESH_S):
                    await self._woken.wait()
            except TimeoutError:
                due = True
            self._woken.clear()
            settled = loop.time() if due else settled
            try:
                await self.watch()
                self.names = await self.store.ledgers()
            except LedgerError as error:
                log.warning("not watched", why=as_refused(error).slug)
            for ledger in tuple(self._ledgers.values()):
                if ledger.name in self.closed:
                    continue
                try:
                    await ledger.refresh()
                    if due:
                        await self._settle(ledger)
                except LedgerError as error:
                    log.warning("not kept up", ledger=ledger.name, why=as_refused(error).slug)

    async def _settle(self, ledger: Ledger) -> None:
        """Record acceptances by law that have fallen due; whoever acts first does it too.

        Not while nobody has confirmed a clock that is far ahead: they could not be taken back.
        """
        if any(f.severity is Severity.ALERTS for f in self.findings(ledger.name)):
            return
        now = await ledger.now()
        for stream in await current_state.due_by_law(self.reads, ledger.name, now):
            case = await ledger.load(stream)
            if case is not None:
                await ledger.settle(case)


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)
