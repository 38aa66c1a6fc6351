"""One log as it is stored: its state, tiles, bundles, checkpoints, and proofs made of them.

Whatever was signed once can be served for ever: full tiles are stored, partial ones and
bundles are made of at most 256 rows.  Nothing here signs; `publish.py` does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from ledger.errors import Behind, Corrupt, Unavailable
from ledger.queries import load
from ledger.rotation import joined
from ledger.store import Row, Store
from ledger.stored import read
from ledger.tlog import merkle, note
from ledger.tlog.errors import TlogError
from ledger.tlog.merkle import HASH_BYTES, MAX_SIZE, Frontier, Node
from ledger.tlog.proof import Proof
from ledger.tlog.tile import ENTRIES, WIDTH, Tile, encode_bundle, needed, node_of

T = TypeVar("T")

SQL = load(Path(__file__).with_suffix(".sql"))

# 8 KiB each: what is asked for most are the newest ones, and those high up.
CACHED_TILES = 512


@dataclass(frozen=True, slots=True)
class LogState:
    """How far a log is: what is in the tree, and how much of that a checkpoint covers.

    `keys` are the verifier keys that sign, the newest last; `signed_size` 0: nothing is signed.
    """

    origin: str
    keys: tuple[str, ...]
    size: int
    frontier: Frontier
    signed_size: int


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it was signed, with the cosignatures that have come in since."""

    size: int
    root: bytes
    note: bytes
    signed_at: datetime
    epoch: int
    timeline: int


@dataclass(frozen=True, slots=True)
class Signed:
    """What is signed of a log, read in one moment, and the steps by which its keys took over."""

    state: LogState
    newest: SignedCheckpoint | None
    key_steps: bytes


class Log:
    """The log of one sequence of a store; it reads, and keeps what others signed."""

    def __init__(self, store: Store, name: str) -> None:
        """Bind to a sequence: a ledger or one of its companions."""
        self.name = name
        self._store = store
        self._tiles: OrderedDict[Tile, bytes] = OrderedDict()
        # Up to which size it was looked for events that are no anchors, and the last one's.
        self._besides = (0, 0)

    async def state(self) -> LogState | None:
        """Return how far the log is, None where the sequence has none."""
        rows = await self._fetch("state", self.name)
        return self._state(rows[0]) if rows else None

    async def signed(self) -> Signed | None:
        """Return state, newest checkpoint and steps of the keys in one reading; None: no log."""
        rows = await self._fetch("signed", self.name, self.name.partition(".")[0])
        if not rows:
            return None
        newest = None if rows[0]["note"] is None else _checkpoint(rows[0])
        return Signed(self._state(rows[0]), newest, self._steps(rows[0]["steps"] or ()))

    def _state(self, row: Any) -> LogState:  # noqa: ANN401 (asyncpg ships no types)
        frontier = row["frontier"]
        hashes = [frontier[at : at + HASH_BYTES] for at in range(0, len(frontier), HASH_BYTES)]
        try:
            edge = Frontier(row["tree_size"], tuple(hashes))
        except ValueError as error:
            raise Corrupt(f"the frontier of {self.name} is none: {error}") from error
        return LogState(
            row["origin"], tuple(row["keys"]), row["tree_size"], edge, row["signed_size"]
        )

    async def besides_anchors(self, size: int) -> int:
        """Return how large the log was behind its newest event that is no anchor, up to a size.

        What was looked through is not looked through again: a log may hold anchors alone for years.
        """
        upto, found = self._besides
        if size > upto:
            rows = await self._fetch("besides_anchors", self.name, upto, size)
            found = rows[0]["size"] if rows else found
            self._besides = max(self._besides, (size, found))
        return min(found, size)

    # -- tiles -------------------------------------------------------------------------------

    async def tile(self, tile: Tile) -> bytes | None:
        """Return the bytes of a hash tile, full or partial; None where the tree has none such."""
        return (await self.tiles((tile,))).get(tile)

    async def tiles(self, wanted: Iterable[Tile]) -> dict[Tile, bytes]:
        """Return several hash tiles, those that the tree has; one reading for all not known."""
        found = {}
        missing = []
        for tile in wanted:
            if tile in self._tiles:
                self._tiles.move_to_end(tile)
                found[tile] = self._tiles[tile]
            else:
                missing.append(tile)
        if not missing:
            return found
        rows = await self._fetch(
            "tiles",
            self.name,
            [tile.level for tile in missing],
            [tile.n for tile in missing],
            [tile.width for tile in missing],
        )
        for row in rows:
            tile = missing[row["at"] - 1]
            found[tile] = self._known(tile, row["hashes"])
        return found

    def _known(self, tile: Tile, hashes: bytes) -> bytes:
        """Remember a tile: what one of a width holds never changes."""
        self._tiles[tile] = bytes(hashes)
        while len(self._tiles) > CACHED_TILES:
            self._tiles.popitem(last=False)
        return self._tiles[tile]

    async def _around(self, position: int) -> None:
        """Read the full tile that an event is in, if there is one.

        A proof takes it under whatever checkpoint, so it is read before it is known which one.
        """
        tile = Tile(0, position // WIDTH)
        if tile not in self._tiles:
            for row in await self._fetch("full_tile", self.name, tile.level, tile.n):
                self._known(tile, row["hashes"])

    async def bundle(self, tile: Tile) -> bytes | None:
        """Return a bundle of entries; None where the tree has not that many."""
        assert tile.level == ENTRIES
        begin = tile.n * WIDTH
        rows = await self._fetch("entries", self.name, begin, begin + tile.width)
        if len(rows) != tile.width:
            return None
        return encode_bundle(bytes(row["record"]) for row in rows)

    # -- proofs ------------------------------------------------------------------------------

    async def inclusion(self, position: int, size: int) -> tuple[bytes, ...]:
        """Return the audit path of an event in the tree of a size (RFC 6962, 2.1.1)."""
        return await self._over(size, lambda node: merkle.inclusion_proof(position, size, node))

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the proof that the tree of one size is the beginning of a later one."""
        return await self._over(new, lambda node: merkle.consistency_proof(old, new, node))

    async def root(self, size: int) -> bytes:
        """Return the root of a size, from the stored tiles."""
        return await self._over(size, lambda node: merkle.root(size, node))

    async def proof(self, position: int, under: SignedCheckpoint | None = None) -> Proof:
        """Return the proof of one event under a checkpoint (None: the newest one).

        Raises `Behind` where no checkpoint covers it yet, and `Corrupt` where what is stored
        does not prove out: a wrong proof is never handed out.
        """
        signed, row, _ = await asyncio.gather(
            self._or_newest(under), self._store.row(self.name, position), self._around(position)
        )
        if signed is None or position >= signed.size:
            raise Behind("no checkpoint covers that position yet")
        if row is None:
            raise Corrupt(f"position {position} of {self.name} is signed and not there")
        return await self.proof_of(row, signed)

    async def _or_newest(self, under: SignedCheckpoint | None) -> SignedCheckpoint | None:
        return under or await self.newest()

    async def proof_of(self, row: Row, under: SignedCheckpoint) -> Proof:
        """Return the proof of an event that was read already; raise as `proof` does."""
        position = row.position
        if position >= under.size:
            raise Behind("no checkpoint covers that position yet")
        path = await self.inclusion(position, under.size)
        try:
            leaf = merkle.leaf_hash(row.record)
            merkle.check_inclusion(position, under.size, leaf, path, under.root)
            return Proof(position, path, note.parse(under.note))
        except TlogError as error:
            raise Corrupt(f"position {position} of {self.name}: {error}") from error

    async def _over(self, size: int, made: Callable[[Node], T]) -> T:
        """Make something of the nodes of a tree: first ask which tiles it takes, then read them."""
        wanted = needed(size, made)
        stored = await self.tiles(wanted)
        for tile in wanted:
            if tile not in stored:
                raise Corrupt(f"{tile.path} of {self.name} is not there")
        try:
            return made(node_of(stored.__getitem__, size))
        except TlogError as error:
            raise Corrupt(f"a tile of {self.name}: {error}") from error

    # -- checkpoints -------------------------------------------------------------------------

    async def newest(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint with its cosignatures, None before the first."""
        return await self._signed("newest", self.name)

    async def checkpoint(self, size: int) -> SignedCheckpoint | None:
        """Return the checkpoint of a size, None where none was signed."""
        return await self._signed("checkpoint", self.name, size)

    async def key_steps(self, below: int = MAX_SIZE) -> bytes:
        """Return the steps by which the keys of this log took over, up to a size of its ledger."""
        own = self.name.partition(".")[0]
        return self._steps(row["record"] for row in await self._fetch("key_steps", own, below))

    def _steps(self, stored: Iterable[bytes]) -> bytes:
        told = [read(bytes(record)).data for record in stored]
        return joined(
            str(one["step"]) for one in told if one.get("sequence") == self.name and "step" in one
        )

    async def time_stamps(self, size: int) -> dict[str, bytes]:
        """Return what each time-stamping authority answered about a checkpoint (RFC 3161)."""
        rows = await self._fetch("time_stamps", self.name, size)
        return {row["authority"]: bytes(row["token"]) for row in rows}

    async def last_stamped(self) -> tuple[SignedCheckpoint, bytes] | None:
        """Return the newest checkpoint that an authority stamped, and what it answered."""
        rows = await self._fetch("last_stamped", self.name)
        found = await self.checkpoint(rows[0]["size"]) if rows else None
        return None if found is None else (found, bytes(rows[0]["token"]))

    async def keep_cosignature(self, size: int, witness: str, line: str, at: int) -> bool:
        """Keep a witness's line under a checkpoint; False where one of it is kept already."""
        return bool(await self._value("keep_cosignature", self.name, size, witness, line, at))

    async def keep_time_stamp(self, size: int, authority: str, token: bytes) -> bool:
        """Keep an authority's token for a checkpoint; False where one of it is kept already."""
        return bool(await self._value("keep_time_stamp", self.name, size, authority, token))

    async def _signed(self, name: str, *arguments: Any) -> SignedCheckpoint | None:  # noqa: ANN401
        rows = await self._fetch(name, *arguments)
        return _checkpoint(rows[0]) if rows else None

    # -- moving it on, for the publisher -----------------------------------------------------

    async def following(self, size: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        """Return position, record and leaf of the events behind a size, in order."""
        rows: list[tuple[int, bytes, bytes]] = await self._fetch(
            "following", self.name, size, limit
        )
        return rows

    async def integrate(
        self,
        epoch: int,
        before: int,
        frontier: Frontier,
        full: list[tuple[Tile, bytes, bytes]],
    ) -> bool:
        """Store the tiles that became full, each with its root, and the new frontier.

        False where somebody else has moved the tree meanwhile.
        """
        return bool(
            await self._value(
                "integrate",
                self.name,
                epoch,
                before,
                frontier.size,
                b"".join(frontier.hashes),
                [tile.level for tile, _, _ in full],
                [tile.n for tile, _, _ in full],
                [hashes for _, hashes, _ in full],
                [root for _, _, root in full],
            )
        )

    async def publish(self, epoch: int, before: int, size: int, root: bytes, signed: bytes) -> bool:
        """Store a checkpoint; False where another one was signed meanwhile."""
        return bool(await self._value("publish", self.name, epoch, before, size, root, signed))

    async def _value(self, name: str, *arguments: Any) -> Any:  # noqa: ANN401
        rows = await self._fetch(name, *arguments)
        return rows[0][0]

    async def _fetch(self, name: str, *arguments: Any) -> list[Any]:  # noqa: ANN401
        try:
            return await self._store.fetch(SQL[name], *arguments)
        except asyncpg.LockNotAvailableError as error:
            raise Unavailable("busy", "another process holds the log") from error
        except asyncpg.PostgresError as error:
            state = str(error.sqlstate)
            if state == "LG002":
                raise Unavailable("integrity-hold", "another deployment took over") from error
            if state == "LG006":
                raise Corrupt(f"the log of {self.name}: {error}") from error
            raise


def _checkpoint(row: Any) -> SignedCheckpoint:  # noqa: ANN401 (asyncpg ships no types)
    whole = bytes(row["note"]) + (row["lines"] or "").encode()
    return SignedCheckpoint(
        row["size"], bytes(row["root"]), whole, row["signed_at"], row["epoch"], row["timeline"]
    )
