"""Makes a projection anew beside the one that is shown, compares the two, and switches.

The next generation is filled by the same steps that follow the ledger.  When it stands where
the shown one stands, that one is held still, the bytes of both are compared, and one row is
changed.  A crash before that leaves a generation that nobody sees, and that the next rebuild
removes; a crash after it leaves old rows, which the next rebuild removes as well.
"""

import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.errors import Unavailable
from ledger.store import Store
from projections.follow import SQL, Connection, Follower, Pool, Projection

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found.

    `same` tells whether the rows that were shown were, byte for byte, what the ledger says;
    None where they could not be compared, because the shown generation had stopped.
    `differing` names the tables that were not.
    """

    projection: str
    generation: int
    events: int
    same: bool | None
    differing: tuple[str, ...]


async def rebuild(
    projection: Projection,
    ledger: str,
    store: Store,
    pool: Pool,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Rebuilt:
    """Rebuild a projection while it is read and followed, and show the new rows."""
    with _patient():
        return await _Beside(projection, ledger, store, pool, progress).run(switch=True)


async def check(
    projection: Projection,
    ledger: str,
    store: Store,
    pool: Pool,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Rebuilt:
    """Rebuild a projection only to compare it, and change nothing of what is shown."""
    with _patient():
        return await _Beside(projection, ledger, store, pool, progress).run(switch=False)


@contextmanager
def _patient() -> Iterator[None]:
    """Let the collector of cycles look less often.

    Events make no cycles, and to look through them again and again takes half of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Beside:
    """One rebuild."""

    def __init__(
        self,
        projection: Projection,
        ledger: str,
        store: Store,
        pool: Pool,
        progress: Callable[[int, int], None],
    ) -> None:
        self._projection = projection
        self._ledger = ledger
        self._store = store
        self._pool = pool
        self._progress = progress

    async def run(self, *, switch: bool) -> Rebuilt:
        await Follower(self._projection, self._ledger, self._store, self._pool).begin()
        shown = await self._generation()
        generation = await self._clear(shown) + 1
        target, stopped = await self._target(shown)
        follower = Follower(
            self._projection,
            self._ledger,
            self._store,
            self._pool,
            generation=generation,
            target=target[self._ledger],
        )
        await follower.begin()
        await self._upto(follower, target, shown=True)
        same, differing = await self._finish(
            follower, shown, generation, comparable=not stopped, switch=switch
        )
        await self._remove(shown if switch else generation)
        return Rebuilt(
            self._projection.name,
            generation if switch else shown,
            sum(target.values()),
            same,
            differing,
        )

    async def _finish(
        self,
        follower: Follower,
        shown: int,
        generation: int,
        *,
        comparable: bool,
        switch: bool,
    ) -> tuple[bool | None, tuple[str, ...]]:
        """Hold the shown generation, come to where it stands, compare, and switch."""
        name = self._projection.name
        async with self._pool.acquire() as connection, connection.transaction():
            held = await connection.fetchval(SQL["wait_and_hold"], self._ledger, name, shown)
            if held is None:
                raise Unavailable("busy", "another rebuild has switched this projection")
            same: bool | None = None
            differing: tuple[str, ...] = ()
            if comparable:
                await self._upto(follower, await self._places(connection, shown), shown=False)
                before = await self._digests(connection, shown)
                after = await self._digests(connection, generation)
                differing = tuple(sorted(t for t in before if before[t] != after[t]))
                same = not differing
            if switch:
                await connection.execute(SQL["switch"], self._ledger, name, generation)
                # Whoever waits for the old generation finds no row to write to.
                await connection.execute(SQL["leave"], self._ledger, shown, name)
        return same, differing

    async def _upto(self, follower: Follower, target: Mapping[str, int], *, shown: bool) -> None:
        for sequence in follower.sequences:
            at = follower.at(sequence)
            while at < target.get(sequence, 0):
                count = await follower.step(sequence, min(BATCH, target[sequence] - at))
                if count == 0:
                    raise Unavailable("busy", "another rebuild has taken over")
                at += count
                if shown:
                    self._progress(
                        sum(follower.at(s) for s in follower.sequences), sum(target.values())
                    )

    async def _target(self, shown: int) -> tuple[Mapping[str, int], bool]:
        """Tell how far to go: to where the shown one is, or to the end if it has stopped."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(SQL["places"], self._ledger, shown, self._projection.name)
            if any(row["failed_position"] is not None for row in rows):
                sizes = await connection.fetch(SQL["sizes"], self._ledger)
                own = self._projection.sequences(self._ledger)
                return {r["ledger"]: r["size"] for r in sizes if r["ledger"] in own}, True
            return {row["sequence"]: row["next_position"] for row in rows}, False

    async def _places(self, connection: Connection, generation: int) -> Mapping[str, int]:
        rows = await connection.fetch(
            SQL["places"], self._ledger, generation, self._projection.name
        )
        return {row["sequence"]: row["next_position"] for row in rows}

    async def _digests(self, connection: Connection, generation: int) -> dict[str, str]:
        """Return a digest of every table's rows, as the database sends them."""
        found = {}
        for table, query in self._projection.rows.items():
            digest = hashlib.sha256()

            async def take(data: bytes, digest: "hashlib._Hash" = digest) -> None:
                digest.update(data)

            bare = query.rstrip().rstrip(";")
            await connection.copy_from_query(
                bare, self._ledger, generation, output=take, format="binary"
            )
            found[table] = digest.hexdigest()
        return found

    async def _generation(self) -> int:
        async with self._pool.acquire() as connection:
            name = self._projection.name
            return int(await connection.fetchval(SQL["shown"], self._ledger, name))

    async def _clear(self, shown: int) -> int:
        """Remove what earlier rebuilds left behind; return the highest generation there was."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(SQL["generations"], self._ledger, self._projection.name)
        known = [int(row["generation"]) for row in rows]
        for generation in known:
            if generation != shown:
                await self._remove(generation)
        return max(known)

    async def _remove(self, generation: int) -> None:
        """Remove a generation: first the right to write it, then its rows, some at a time."""
        async with self._pool.acquire() as connection:
            await connection.execute(SQL["leave"], self._ledger, generation, self._projection.name)
            for statement in self._projection.remove.values():
                while await connection.execute(statement, self._ledger, generation) != "DELETE 0":
                    pass
            await connection.execute(SQL["forget"], self._ledger, generation, self._projection.name)
