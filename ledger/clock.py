"""What time it is in a ledger, asked of the database and kept for a moment.

Every act asks several times; one question answers all who ask at once, and its answer runs
on with the machine's clock for as long as it is fresh.
"""

import asyncio
import time
from datetime import datetime, timedelta

from ledger.store import Store

FRESH_S = 0.05


class Clock:
    """The clock of one ledger as this process knows it."""

    def __init__(self, store: Store, ledger: str) -> None:
        """Bind to a ledger; nothing is asked yet."""
        self._store = store
        self._ledger = ledger
        self._known: tuple[datetime, float] | None = None
        self._asking = asyncio.Lock()

    async def now(self) -> datetime:
        """Tell the ledger's time: the database's, or the simulated one."""
        at = self._fresh()
        if at is not None:
            return at
        async with self._asking:
            at = self._fresh()
            if at is None:
                asked = time.monotonic()
                at = await self._store.now(self._ledger)
                self._known = (at, asked)
            return at

    async def set(self, at: datetime) -> datetime:
        """Set the clock of a simulated ledger forward."""
        async with self._asking:
            await self._store.set_clock(self._ledger, at)
            self._known = None
        return await self.now()

    def _fresh(self) -> datetime | None:
        if self._known is None:
            return None
        at, asked = self._known
        gone = time.monotonic() - asked
        return at + timedelta(seconds=gone) if gone < FRESH_S else None
