"""What a running service holds: the store, the keys, its ledgers, and what runs beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import structlog
from aiohttp import web

from api.headers import CURSOR_KEY
from api.problems import as_refused
from api.settings import Settings
from ledger.case import Case
from ledger.database import Database, Reach, Role
from ledger.errors import Corrupt, LedgerError
from ledger.keyring import Keyring, derived, secret
from ledger.ledger import Ledger
from ledger.privacy import applicant_index
from ledger.store import Store
from projections import (
    audit_trail,
    complaints,
    conformity,
    current_state,
    findings,
    matters,
    performance,
    progress,
    reviews,
    seal_register,
    timeout_alerts,
)
from projections.findings_facts import Who
from projections.follow import Projection, following

log = structlog.get_logger()

# Other processes' office acts are known here after this; the append never waits for it.
REFRESH_S = 1.0
SETTLE_S = 60.0
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
)


class Service:
    """Made once at start-up, closed at the end; every route finds it under `SERVICE`."""

    def __init__(self, settings: Settings, database: Database, keys: Path) -> None:
        """Bind the parts; ledgers are opened when they are first asked for."""
        self.settings = settings
        self.database = database
        self.keys = keys
        self.keyring = Keyring(keys)
        self.store = Store(database.as_role(Role.APP))
        own = secret(keys / "service.key")
        self.digest_key = derived(own, "idempotency")
        self.cursor_key = derived(own, "cursors")
        self.staging_key = derived(own, "staging")
        self._applicants_key = derived(own, "applicants")
        self.projections = (*PROJECTIONS, findings.projection(self._who))
        # What lists read from: rows that can be made again, never the truth.
        self.reads: Any = None
        # The number of this deployment, which fences off those before it.
        self._epoch = settings.epoch
        self._ledgers: dict[str, Ledger] = {}
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
                await self.store.take_over(name, self._epoch)
                ledger = Ledger(name, self.store, self.keyring)
                await ledger.open()
                await self._running.enter_async_context(
                    following(self.projections, name, self.store, self.reads)
                )
                self._ledgers[name] = ledger
        return self._ledgers[name]

    def _who(self, ledger: str, case: Case) -> Who:
        """Tell cases of one applicant by digests; the key never leaves this process."""
        return Who(*applicant_index(case, self.keyring, ledger, self._applicants_key))

    async def caught_up(self, name: str, position: int, views: Sequence[str] = ()) -> None:
        """Wait until views (all of them, or these) show a position, and all until now.

        Raises `Behind` where that takes too long.
        """
        names = views or [p.name for p in self.projections]
        hurry = partial(self.store.hurry, name)
        if position >= 0:
            await progress.at_least(self.reads, name, names, position, hurry=hurry)
        await progress.at_head(self.reads, name, names, hurry=hurry)

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

    async def ready(self) -> web.Response:
        """Answer whether acts can be taken, and how far behind the views are."""
        told: dict[str, dict[str, object]] = {}
        try:
            # Also where nobody has asked for a ledger yet.
            await self.store.ledgers()
            for name, ledger in tuple(self._ledgers.items()):
                told[name] = {
                    "simulated": ledger.office.simulated,
                    "held": await self._held(name),
                    "views": await progress.status(self.reads, name),
                }
        except LedgerError as error:
            return _told(503, {"ready": False, "why": str(error)})
        held = [f"{name}: {one['held']}" for name, one in told.items() if one["held"]]
        if held:
            return _told(503, {"ready": False, "why": "; ".join(held), "ledgers": told})
        return _told(200, {"ready": True, "ledgers": told})

    def broken(self, name: str) -> Corrupt | None:
        """Say what does not prove out in a ledger or its refusals, None while all is well."""
        sequences = (name, f"{name}.open")
        return next((w.held for w in map(self.store.writer, sequences) if w.held), None)

    async def _held(self, name: str) -> str | None:
        """Say why nothing can be recorded in a ledger here, None while all is well."""
        broken = self.broken(name)
        if broken is not None:
            return f"appends are held: {broken}"
        return "another deployment took over" if await self.store.fenced(name) else None

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """Connect, keep up with other processes, and put everything away at the end."""
        app[CURSOR_KEY] = self.cursor_key
        await self.store.connect()
        self._epoch = self._epoch or await self.store.new_epoch()
        self.reads = Reach(await self.database.pool(Role.PROJECT))
        task = asyncio.create_task(self._keep_up())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await self._running.aclose()
        await self.reads.close()
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
            for ledger in tuple(self._ledgers.values()):
                try:
                    await ledger.refresh()
                    if due:
                        await self._settle(ledger)
                except LedgerError as error:
                    log.warning("not kept up", ledger=ledger.name, why=as_refused(error).slug)

    async def _settle(self, ledger: Ledger) -> None:
        """Record acceptances by law that have fallen due; whoever acts first does it too."""
        now = await ledger.now()
        for stream in await current_state.due_by_law(self.reads, ledger.name, now):
            case = await ledger.load(stream)
            if case is not None:
                await ledger.settle(case)


def _told(status: int, data: object) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(data),
        content_type="application/json",
        charset="utf-8",
        headers={"Retry-After": "1"} if status == 503 else None,
    )


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)
