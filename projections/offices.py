"""The bureau as known at places of a ledger, worked out once for all who follow it.

What stands before a position never changes, so an office belongs to its position whatever
becomes of the batch that it was wanted for.
"""

import asyncio
from collections import OrderedDict

from ledger import records
from ledger.case import Events
from ledger.office import Office
from ledger.store import Store

# The places where the followers of a ledger are: most of them have one office in common.
KEPT = 64


class Offices:
    """The offices of one ledger that are at hand."""

    def __init__(self, store: Store, ledger: str) -> None:
        """Begin with none; `at` reads what it needs."""
        self._store = store
        self._ledger = ledger
        self._known: OrderedDict[int, Office] = OrderedDict()
        # Who comes while another reads finds what that one has read.
        self._reading = asyncio.Lock()

    async def at(self, end: int) -> Office:
        """Return the office as known before a position."""
        async with self._reading:
            found = self._known.get(end)
            if found is None:
                near = max((place for place in self._known if place < end), default=0)
                found = self._known.get(near) or Office(self._ledger)
                rows = await self._store.office_rows(self._ledger, max(near, found.position + 1))
                found = found.following(records.decode(r) for r in rows if r.position < end)
            return self._keep(end, found)

    def after(self, office: Office, own: Events, end: int) -> Office:
        """Return what an office becomes by its events up to a position."""
        return self._keep(end, self._known.get(end) or office.following(own))

    def _keep(self, end: int, office: Office) -> Office:
        self._known[end] = office
        self._known.move_to_end(end)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return office
