"""Where the rows of an import wait: under a key of its own, and not for ever.

Rows name people, and backups of the database have them as they waited.  So each import has a
throw-away key in the keyring, which is destroyed as soon as no row of it waits: when they are
in the ledger, when the upload is dropped or abandoned, and when nobody has let it in for thirty
days.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from api.service import Service
from ledger import privacy
from ledger.keyring import wrapping_key
from ledger.queries import load

log = structlog.get_logger()

SQL = load(Path(__file__).with_name("imports.sql"))
KIND = "import"


class Staging:
    """The staging tables of imports, and the keys under which their rows wait."""

    def __init__(self, service: Service) -> None:
        """Bind to a service, whose pool may write projections once it runs."""
        self.service = service

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[Any]:
        """Give a connection, in a transaction; `Unavailable` while the database is away."""
        async with self.service.views.acquire() as connection, connection.transaction():
            yield connection

    async def new_key(self, ledger: str, imported_id: str, year: int) -> bytes:
        """Make the key of an import whose file is known to the database already.

        In this order, for a key of which no file is known is taken for one to destroy.
        """
        under = wrapping_key(ledger, None, year)
        return await self.service.keyring.new_passing(ledger, f"{KIND}:{imported_id}", under)

    def key(self, ledger: str, imported_id: str) -> bytes | None:
        """Return the key under which rows of an import wait; None once it is destroyed."""
        return self.service.keyring.passing_key(ledger, f"{KIND}:{imported_id}")

    async def sweep(self) -> None:
        """Drop what uploads left that broke off, and set aside what nobody let in."""
        async with self.reached() as connection:
            for place in await connection.fetch(SQL["sweep_files"]):
                await connection.execute(SQL["drop_rows"], *place)
            for place in await connection.fetch(SQL["overdue"]):
                await _rest_aside(connection, place["ledger"], place["id"], "expired")
                log.warning("import expired", ledger=place["ledger"], id=place["id"])
        for ledger in await self.service.store.ledgers():
            await self.destroy_keys(ledger)
        # One that somebody's reading kept from its end is not among them any more.
        await self.service.keyring.ended()

    async def abandon(self, ledger: str, imported_id: str, by: str, at: datetime) -> bool:
        """Set the rows of a file aside that nobody has let in; False where somebody has.

        Its key goes with them.  Who did it first stays on record.
        """
        place = (ledger, imported_id)
        async with self.reached() as connection:
            if await connection.fetchval(SQL["abandoned"], *place, by, at) is None:
                return False
            await _rest_aside(connection, *place, "abandoned")
        await self.destroy_keys(ledger)
        return True

    async def destroy_keys(self, ledger: str) -> None:
        """Destroy the keys of imports of which no row waits any more.

        What becomes of the rows is durable before.  A crash here leaves keys that the next
        start destroys; so it does with those that a backup of the keys brought back.
        """
        # Keys first: one that is made after this has a file that is looked for next time.
        keys = self.service.keyring.passing(ledger, KIND)
        if not keys:
            return
        async with self.reached() as connection:
            waited_for = {f"{KIND}:{row[0]}" for row in await connection.fetch(
                SQL["waited_for"], ledger)}  # fmt: skip
        for place, reference in keys:
            if place not in waited_for:
                await self.service.keyring.forget(reference)


async def _rest_aside(connection: Any, ledger: str, imported_id: str, code: str) -> None:  # noqa: ANN401
    await connection.execute(SQL["rest_aside"], ledger, imported_id, code)
    await connection.execute(SQL["rest_counted"], ledger, imported_id)


def sealed(key: bytes, imported_id: str, number: int, raw: bytes) -> bytes:
    """Seal a row for the time it waits; it opens as that row of that file."""
    return privacy.sealed(key, f"{imported_id}|{number}", raw)


def unsealed(key: bytes, imported_id: str, number: int, waiting: bytes) -> bytes:
    """Return a row as it was sealed; `Corrupt` where it was not."""
    return privacy.unsealed(key, f"{imported_id}|{number}", waiting)
