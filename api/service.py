"""What a running service holds: the store, the keys, its ledgers, and the projections."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from api.settings import Settings
from ledger import privacy
from ledger.ledger import Ledger
from ledger.store import Store


class Service:
    """Made once at start-up, closed at the end; every route finds it under `SERVICE`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        keyring: privacy.Keyring,
        digest_key: bytes,
        cursor_key: bytes,
    ) -> None:
        """Bind the parts; ledgers are opened when they are first asked for."""
        self.settings = settings
        self.store = store
        self.keyring = keyring
        self.digest_key = digest_key
        self.cursor_key = cursor_key
        self._ledgers: dict[str, Ledger] = {}
        self._opening = asyncio.Lock()

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
                if name.endswith(".open") or await self.store.head(name) is None:
                    return None
                ledger = Ledger(name, self.store, self.keyring)
                await ledger.open()
                self._ledgers[name] = ledger
        return self._ledgers[name]


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)
