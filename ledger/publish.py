"""The publisher: it integrates what was sequenced, and signs what it can prove.

Integrating reads the stored bytes again, hashes them, and compares with the stored leaf: one
flipped bit has ended other people's logs.  Signing takes the last checkpoint ever signed from
the database and from the file outside it, and proves the new root consistent with both; a
restored backup shows there.  A start after a crash is this loop, nothing else.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NoReturn

from ledger.durable import replaced
from ledger.errors import Corrupt, LedgerError, Unavailable
from ledger.log import Log, LogState, SignedCheckpoint
from ledger.signing import LogKey, keys, sm2_signers
from ledger.store import Store
from ledger.tlog import merkle, note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.errors import TlogError, Unproven
from ledger.tlog.merkle import MAX_SIZE
from ledger.tlog.tile import HEIGHT, WIDTH, Edge, Tile, decode, levels, subtree
from ledger.tlog.verify import verify_signed

READ_AT_ONCE = 500
# How long acts gather before a checkpoint covers them, where nobody waits for it.
GATHER_S = 1.0
POLL_S = 1.0
PAUSE_S = 2.0
OUTSIDE = "the file outside the database"

Report = Callable[[str, LedgerError], None]
Heard = Callable[[SignedCheckpoint], None]
Check = Callable[[], Awaitable[None]]


class Publisher:
    """Integrates and signs the log of one sequence in this process.

    Several processes may each have one: the database lets one of them move the log at a time,
    and the others look again.  On `Corrupt` it stops, and holds the writer of the sequence.
    """

    def __init__(self, store: Store, name: str, folder_of_keys: Path, outside: Path) -> None:
        """Take where the keys are, and the folder of the checkpoint files outside the database."""
        self.name = name
        self.log = Log(store, name)
        self.on_published: list[Heard] = []
        self._store = store
        self._keys = folder_of_keys
        self._outside = outside / f"{name}.checkpoint"
        self._edge: Edge | None = None
        self._signed = 0
        self._known: tuple[tuple[str, ...], tuple[LogKey, ...]] | None = None
        self._asked = asyncio.Event()
        self._waiting: set[asyncio.Future[None]] = set()

    # -- what there is now -------------------------------------------------------------------

    @property
    def checks(self) -> tuple[tuple[str, Check], ...]:
        """What a start proves, in order, each with the code of its assertion; any may raise."""
        return (
            ("ST-12", self._check_keys),
            ("ST-8", self._check_length),
            ("ST-7", self._check_tree),
            ("ST-8", self._check_history),
        )

    async def check(self) -> None:
        """Prove what is stored consistent with the last checkpoints signed (ST-7, ST-8, ST-12).

        Raises `Corrupt` where the ledger is shorter than one, or has another history.
        """
        for _, proved in self.checks:
            await proved()

    async def _check_keys(self) -> None:
        state = await self._state()
        try:
            # No checkpoint: it is thrown away, and shows that the halves belong together.
            self._signed_by_all(f"{self.name}\n", state)
        except Unavailable as error:
            raise Corrupt(str(error)) from error

    async def _check_length(self) -> None:
        await self._long_enough(await self._state())

    async def _check_tree(self) -> None:
        self._edge = await self._edge_of(await self._state())

    async def _check_history(self) -> None:
        state = await self._state()
        signed = max((older.size for _, older in await self._last(state)), default=0)
        # What no checkpoint covers can be integrated later, however much that is.
        if await self._caught_up(signed):
            await self._proven(self._now(state.origin))

    async def advance(self) -> int:
        """Integrate and sign all there is now; return the size that is signed."""
        while True:
            state = await self._state()
            if self._edge is None or self._edge.size != state.size:
                self._edge = await self._edge_of(state)
            try:
                if not await self._caught_up():
                    continue
                if self._edge.size == state.signed_size or await self._published():
                    self._tell(self._edge.size)
                    return self._edge.size
            except BaseException:
                self._edge = None  # what is stored is the state
                raise

    async def published(self, size: int, patience_s: float) -> bool:
        """Wait until a checkpoint covers a size; False where that takes too long."""
        until = asyncio.get_running_loop().time() + patience_s
        while self._signed < size:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            self._asked.set()
            self._store.hurry(f"log {self.name}")
            try:
                async with asyncio.timeout_at(until):
                    await waiting
            except TimeoutError:
                return False
            finally:
                self._waiting.discard(waiting)
        return True

    # -- integrating -------------------------------------------------------------------------

    async def _edge_of(self, state: LogState) -> Edge:
        """Make the partial tiles of the stored tree, and hold them against its frontier."""
        size = state.size
        partial: list[list[bytes]] = []
        for level in levels(size):
            n, width = divmod(size >> HEIGHT * level, WIDTH)
            hashes = await self.log.tile(Tile(level, n, width)) if width else b""
            if hashes is None:
                raise Corrupt(f"the tree of {self.name} has no tile {n} at level {level}")
            partial.append(list(decode(hashes, width)) if width else [])
        edge = Edge(size, partial)
        if edge.frontier != state.frontier:
            raise Corrupt(f"the tiles of {self.name} do not lead to its frontier of {size}")
        return edge

    async def _caught_up(self, upto: int = MAX_SIZE) -> bool:
        """Integrate events up to a size or the newest; False where somebody else moved the tree."""
        edge = self._edge
        assert edge is not None
        while True:
            before = edge.size
            rows = await self.log.following(before, READ_AT_ONCE) if before < upto else []
            if not rows:
                return True
            full: list[tuple[Tile, bytes, bytes]] = []
            for position, record, leaf in rows:
                if position != edge.size:
                    raise Corrupt(f"position {edge.size} of {self.name} is not there")
                if merkle.leaf_hash(record) != leaf:
                    why = f"position {position} of {self.name} is not what its hash was made of"
                    raise Corrupt(why)
                for tile, hashes in edge.add(leaf):
                    full.append((tile, hashes, subtree(decode(hashes))))
            epoch = await self._store.epoch(self.name)
            if not await self.log.integrate(epoch, before, edge.frontier, full):
                self._edge = None
                return False

    # -- signing -----------------------------------------------------------------------------

    async def _published(self) -> bool:
        """Sign the tree as it is integrated; False where somebody else has signed meanwhile."""
        state = await self._state()
        now = self._now(state.origin)
        await self._proven(now)
        signed = self._signed_by_all(now.text, state)
        # The file first: it is never behind the database, whenever this is cut short.
        await asyncio.to_thread(self._write, signed, now.size)
        epoch = await self._store.epoch(self.name)
        if not await self.log.publish(epoch, state.signed_size, now.size, now.root, signed):
            return False
        told = await self.log.checkpoint(now.size)
        if told is not None:
            for hook in self.on_published:
                hook(told)
        return True

    def _now(self, origin: str) -> Checkpoint:
        assert self._edge is not None
        return Checkpoint(origin, self._edge.size, self._edge.root)

    async def _proven(self, now: Checkpoint) -> None:
        """Prove that all that was ever signed is the beginning of what is there now."""
        state = await self._state()
        for where, older in await self._last(state):
            _long_enough(older, now.size, where)
            try:
                path = await self.log.consistency(older.size, now.size)
                merkle.check_consistency(older.size, now.size, path, older.root, now.root)
            except TlogError as error:
                why = f"{self.name} is not the history of the checkpoint in {where}: {error}"
                raise Corrupt(why) from error

    async def _long_enough(self, state: LogState) -> None:
        """Say how many events are missing, before anything asks for one."""
        head = await self._store.head(self.name)
        for where, older in await self._last(state):
            _long_enough(older, head.size if head is not None else 0, where)

    async def _last(self, state: LogState) -> list[tuple[str, Checkpoint]]:
        """Return the last checkpoints signed, from the database and from the file outside it."""
        newest = await self.log.checkpoint(state.signed_size)
        if newest is None and state.signed_size:
            raise Corrupt(f"{self.name} signed {state.signed_size}, and has no such checkpoint")
        outside = await asyncio.to_thread(self._read)
        if outside is None and state.signed_size:
            raise Corrupt(f"the file {self._outside.name} outside the database is missing")
        known = [("the database", newest.note if newest else None), (OUTSIDE, outside)]
        return [(where, self._opened(raw, where, state)) for where, raw in known if raw is not None]

    def _opened(self, raw: bytes, where: str, state: LogState) -> Checkpoint:
        """Read a checkpoint of ours, signed by a key of ours."""
        try:
            known = [note.VerifierKey.parse(text) for text in state.keys]
            return verify_signed(raw, state.origin, known)
        except TlogError as error:
            raise Corrupt(f"the checkpoint of {self.name} in {where}: {error}") from error

    def _signers(self, state: LogState) -> tuple[LogKey, ...]:
        """Return the keys that the log signs with, read anew when they have changed."""
        if self._known is None or self._known[0] != state.keys:
            self._known = state.keys, keys(self._keys, self.name, state.keys)
        return self._known[1]

    def _signed_by_all(self, text: str, state: LogState) -> bytes:
        """Return a text as a note: the keys of the log's row sign, and the SM2 keys there are.

        Raises `Unavailable` for an SM2 key that cannot sign, as its file may have come just now.
        """
        pairs: list[tuple[note.Key, note.Sign]] = [
            *((key.verifier, key.sign) for key in self._signers(state)),
            *sm2_signers(self._keys, self.name, state.origin),
        ]
        try:
            lines = tuple(note.sign(text, key, sign) for key, sign in pairs)
        except Unproven as error:
            raise Unavailable("integrity-hold", f"a key of {self.name}: {error}") from error
        return note.Note(text, lines).raw

    def _read(self) -> bytes | None:
        try:
            return self._outside.read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, signed: bytes, size: int) -> None:
        """Replace the file outside, never by an older one; durable when this returns."""
        folder = self._outside.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            if known is not None and parse_checkpoint(note.parse(known).text).size >= size:
                return
            replaced(self._outside, signed)

    # -- the loop ----------------------------------------------------------------------------

    async def run(self, report: Report) -> NoReturn:
        """Keep up for ever; what fails is reported, and tried again unless it is `Corrupt`."""
        while True:
            try:
                await self.advance()
            except Corrupt as error:
                self._store.writer(self.name).hold(error)
                report(self.name, error)
                await asyncio.Event().wait()
            except LedgerError as error:
                report(self.name, error)
                await asyncio.sleep(PAUSE_S)
                continue
            await self._more()

    async def _more(self) -> None:
        """Wait until there is something to sign, and then a while for more of it."""
        edge = self._edge
        if edge is not None and not self._asked.is_set():
            await self._store.wait_beyond(self.name, edge.size, poll_s=POLL_S)
            if self._store.known_size(self.name) > edge.size and not self._asked.is_set():
                await self._store.gather(f"log {self.name}", GATHER_S)
        self._asked.clear()

    def _tell(self, size: int) -> None:
        self._signed = max(size, self._signed)
        for waiting in tuple(self._waiting):
            if not waiting.done():
                waiting.set_result(None)

    async def _state(self) -> LogState:
        state = await self.log.state()
        if state is None:
            why = f"{self.name} has no log: `caseledger migrate` begins it"
            raise Unavailable("integrity-hold", why)
        return state


@asynccontextmanager
async def publishing(publisher: Publisher, report: Report) -> AsyncIterator[None]:
    """Let a publisher run while the block does."""
    task = asyncio.create_task(publisher.run(report))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _long_enough(older: Checkpoint, size: int, where: str) -> None:
    if older.size > size:
        raise Corrupt(f"truncated: {older.size - size} events missing that {where} has signed")
