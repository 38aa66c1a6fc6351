"""Brings a database to the shape this program expects: numbered SQL files, forward only.

Imports nothing of ours, so that it can be read, and run, on its own.  An applied file is
never edited; a database that is newer than the program is left alone.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

FOLDER = Path(__file__).parent
SAY = dict(
    re.findall(
        r"^-- name: (\w+)\n(?:--.*\n)*([^;]+);", (FOLDER / "runner.sql").read_text(), re.MULTILINE
    )
)


class MigrationError(Exception):
    """The database is not, and was not, brought to this program's shape: read the message."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its text with plain line ends, and the marks of its first block."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> bytes:
        """What the journal keeps of it."""
        return hashlib.sha256(self.text.encode()).digest()

    def marked(self, mark: str) -> bool:
        """Whether its first block says so."""
        first_block = self.text.split("\n\n", 1)[0]
        return f"-- migrate: {mark}\n" in f"{first_block}\n"

    def failed(self, error: asyncpg.PostgresError) -> MigrationError:
        """The error with file and line, as an editor understands it."""
        place = getattr(error, "position", None)
        line = f":{self.text.count(chr(10), 0, int(place) - 1) + 1}" if place else ""
        context = getattr(error, "context", None)
        return MigrationError(f"{self.name}{line}: {error}" + (f"\n{context}" if context else ""))


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """The files of `folder` in order; a gap or a number given twice is an error."""
    found = tuple(
        Migration(int(path.name[:4]), path.name, "\n".join(path.read_text("utf-8").splitlines()))
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    )
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise MigrationError(f"{migration.name}: number {expected:04} was expected here")
    return found


async def apply(
    connection: "asyncpg.Connection[Any]",
    progress: Callable[[str], None] = lambda _: None,
    *,
    folder: Path = FOLDER,
) -> int:
    """Applies what is missing and returns how many files that were.

    A crash leaves a file applied and noted, or neither; without a transaction, applied but
    perhaps not noted: such a file says itself how it may be run again.
    """
    ours = migrations(folder)
    async with _alone(connection, progress):
        missing = await pending(connection, ours)
        for migration in missing:
            progress(f"applying {migration.name}")
            try:
                await _apply(connection, migration)
            except asyncpg.PostgresError as error:
                raise migration.failed(error) from error
    return len(missing)


async def pending(
    connection: "asyncpg.Connection[Any]", ours: Sequence[Migration]
) -> tuple[Migration, ...]:
    """What this database still lacks; a difference in what it has is an error."""
    if not await connection.fetchval(SAY["journal"]):
        return tuple(ours)
    theirs = await connection.fetch(SAY["applied"])
    if len(theirs) > len(ours):
        newest = theirs[-1]["name"]
        raise MigrationError(f"the database is newer than this program: it has {newest}")
    for row, migration in zip(theirs, ours, strict=False):
        if row["number"] != migration.number or row["sha256"] != migration.sha256:
            raise MigrationError(f"{migration.name} was changed after it was applied")
    return tuple(ours[len(theirs) :])


async def _apply(connection: "asyncpg.Connection[Any]", migration: Migration) -> None:
    if migration.marked("no-transaction"):
        # One statement a file, or PostgreSQL would make a transaction of them by itself.
        await connection.execute(SAY["patience"], False)
        try:
            await connection.execute(SAY["as_owner"])
            await connection.execute(migration.text)
            await _note(connection, migration)
        finally:
            await connection.execute(SAY["as_ourselves"])
            await connection.execute(SAY["impatience"])
        return
    async with connection.transaction():
        await connection.execute(SAY["patience"], True)
        if not migration.marked("as-creator"):
            await connection.execute(SAY["as_owner"])
        await connection.execute(migration.text)
        await connection.execute(SAY["as_owner"])
        await _note(connection, migration)
        await connection.execute(SAY["as_ourselves"])


async def _note(connection: "asyncpg.Connection[Any]", migration: Migration) -> None:
    await connection.execute(SAY["note"], migration.number, migration.name, migration.sha256)


@asynccontextmanager
async def _alone(
    connection: "asyncpg.Connection[Any]", progress: Callable[[str], None]
) -> AsyncIterator[None]:
    if not await connection.fetchval(SAY["lock"]):
        progress("waiting: another process is migrating this database")
        while not await connection.fetchval(SAY["lock"]):  # noqa: ASYNC110  another process has it
            await asyncio.sleep(0.1)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute(SAY["unlock"])
