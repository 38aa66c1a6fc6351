"""fsck: everything derived again from the stored bytes, and compared with what is stored (P6).

Python reads each event once: it hashes the record, says every column again from it, and grows
the tree; SQL compares whole sets (versions, stream heads, registers, requests).  All of it is
one snapshot of the database: the caller opens the transaction.  Ranges of a large ledger are
looked at by several processes.  Memory does not grow with the ledger.  The first bad position of
each kind is told, and it goes on to the end.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from ledger.durable import replaced
from ledger.errors import Refused
from ledger.fsck_anchor import Anchors
from ledger.fsck_event import Bad, Judged, numbers_differ
from ledger.fsck_log import (
    Signers,
    Stamped,
    judge_checkpoint,
    judge_cosignatures,
    judge_kept,
    opened,
)
from ledger.fsck_own import judge_opened, recorded, signers_of
from ledger.fsck_ranges import Look, Looked, Workers, in_order, looked
from ledger.fsck_tree import Full, Tree, span
from ledger.queries import load
from ledger.tlog import note
from ledger.tlog.errors import TlogError
from ledger.tlog.merkle import HASH_BYTES
from ledger.tlog.policy import Policy
from ledger.tlog.tile import HEIGHT, WIDTH, Edge, levels

SQL = load(Path(__file__).with_suffix(".sql"))
BATCH = 4_096
SAVED_EVERY_S = 10.0
# From so many events on, processes are worth their start.
LARGE = 100_000
SETS = ("stream", "register", "idempotency", "tile", "cosignature", "signed", "row")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one sequence: how many events, their root, the first of each kind."""

    sequence: str
    events: int
    root: bytes
    bad: tuple[Bad, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How to look: who is believed, what is held against it, where to begin.

    `outside` are checkpoints that somebody kept elsewhere, by where; None where one is missing.
    `begin` is the position to begin at, trusting what is before it; `state` the file that a
    check that was cut short goes on from.
    """

    policy: Policy | None = None
    outside: Mapping[str, bytes | None] = field(default_factory=dict)
    stamped: Stamped | None = None
    begin: int = 0
    state: Path | None = None
    resume: bool = False
    progress: Progress = lambda _sequence, _done, _of: None


class Fsck:
    """One check of one sequence, over a connection within one snapshot.

    With a second connection within the same snapshot, sets are compared beside the reading; with
    workers that see it too, they look at the ranges of a large sequence.
    """

    def __init__(
        self,
        connection: Any,  # noqa: ANN401
        sequence: str,
        asked: Asked,
        beside: Any = None,  # noqa: ANN401
        workers: Workers | None = None,
    ) -> None:
        """Bind to a sequence; `run` does it."""
        self._db = connection
        self._beside = beside
        self._sequence = sequence
        self._asked = asked
        self.judged = Judged()
        self._workers = workers
        self._tree = Tree(self.judged)
        self._next = 0
        # When the event before was recorded.
        self._before: datetime | None = None
        self._good = 0
        self._numbers: list[tuple[int, str, int]] = []
        self._log: Mapping[str, Any] = {}
        self._signers: Signers | None = None
        # What each checkpoint kept elsewhere says, and the sizes at which the tree is wanted.
        self._told: dict[str, tuple[int, bytes] | str | None] = {}
        self._wanted: set[int] = set()

    async def run(self) -> Report:
        """Look at everything and return what was found; raises `Refused` where it cannot begin."""
        await self._facts()
        await self._begin()
        if self._beside is None:
            await self._walk()
            await self._sets(self._db)
        else:
            sets = asyncio.create_task(self._sets(self._beside))
            try:
                await self._walk()
                await sets
            finally:
                sets.cancel()
                await asyncio.wait([sets])
        if self._asked.state is not None:
            self._asked.state.unlink(missing_ok=True)
        found = self.judged.found.values()
        order = sorted(found, key=lambda bad: (bad.position is None, bad.position or 0, bad.kind))
        return Report(self._sequence, self._next, self._tree.edge.root, tuple(order))

    async def _walk(self) -> None:
        """Look at every event, and at what is made of them."""
        await self._events()
        await self._anchors()
        await self._end()

    async def _sets(self, connection: Any) -> None:  # noqa: ANN401
        """Compare whole sets, in SQL."""
        for kind in SETS:
            for row in await connection.fetch(SQL[f"check_{kind}"], self._sequence):
                self.judged.add(row.get("kind", kind), row["position"], row["why"])

    # -- before ------------------------------------------------------------------------------

    async def _facts(self) -> None:
        """Read the log's row, and which keys and clock the ledger itself recorded."""
        rows = await self._fetch("log", self._sequence)
        self._log = rows[0] if rows else {}
        name = self._sequence.partition(".")[0]
        own = recorded(self._sequence, await self._fetch("began", name))
        heads = await self._fetch("head", self._sequence)
        judge_opened(own, heads, await self._fetch("clock", name), self.judged)
        self._signers = signers_of(own, self._log, self._asked.policy, self.judged)
        for where, raw in self._asked.outside.items():
            self._told[where] = None if raw is None else self._opened(raw)
        self._wanted = {told[0] for told in self._told.values() if isinstance(told, tuple)}
        if self._log:
            self._wanted.add(self._log["size"])

    async def _begin(self) -> None:
        """Stand where this check begins: at 0, at a position, or where it was cut short."""
        state = self._asked.state
        if self._asked.resume and state is not None and state.exists():
            await self._resumed(orjson.loads(state.read_bytes()))
        elif self._asked.begin:
            self._tree.edge = await self._stored_edge(self._asked.begin)
        self._next = self._good = self._tree.edge.size
        if self._next in self._wanted:
            self._tree.mark()

    async def _resumed(self, saved: Mapping[str, Any]) -> None:
        if saved["sequence"] != self._sequence:
            raise Refused("schema", f"the state file is of {saved['sequence']}")
        partial = [[bytes.fromhex(one) for one in row] for row in saved["partial"]]
        edge = Edge(saved["position"], partial)
        if saved["before"] is not None:
            self._before = datetime.fromisoformat(saved["before"])
        self.judged.found = {one["kind"]: Bad(**one) for one in saved["bad"]}
        if self._log and self._log["size"] >= edge.size:
            now = await self._stored_edge(edge.size)
            if now.root != edge.root:
                why = "what was read before the interruption has changed since"
                self.judged.add("tree", 0, why)
        self._tree.edge = edge

    async def _stored_edge(self, size: int) -> Edge:
        """Make the edge of the tree at a size from what is stored, which is then trusted."""
        if not self._log or size > self._log["size"]:
            raise Refused("schema", f"position {size} is not in the tree yet: begin before it")
        partial: list[list[bytes]] = []
        for level in levels(size):
            n, width = divmod(size >> HEIGHT * level, WIDTH)
            begin, end = n * WIDTH, n * WIDTH + width
            if level == 0:
                rows = await self._fetch("leaves", self._sequence, begin, end)
            else:
                rows = await self._fetch("roots", self._sequence, level - 1, begin, end)
            if len(rows) != width:
                raise Refused("schema", f"the tree has a hole before {size}: begin at 0")
            partial.append([bytes(row["hash"]) for row in rows])
        return Edge(size, partial)

    # -- the events --------------------------------------------------------------------------

    async def _events(self) -> None:
        head = await self._fetch("head", self._sequence)
        of = head[0]["size"] if head else 0
        look, ahead = self._looking(of - self._next)
        numbers = await self._db.cursor(SQL["numbers"], self._sequence, self._next)
        saved = time.monotonic()
        async with aclosing(in_order(self._db, self._sequence, self._next, look, ahead)) as ranges:
            async for one in ranges:
                before, upto = self._tree.edge.size, one.upto
                checkpoints = await self._fetch("checkpoints", self._sequence, before, upto)
                await self._tiles(self._take(one, [row["size"] for row in checkpoints]))
                await self._registers(numbers, one.numbers, upto)
                await self._taken_over(one)
                await self._checkpoints(checkpoints, before, upto)
                self._asked.progress(self._sequence, self._next, of)
                if time.monotonic() - saved >= SAVED_EVERY_S:
                    saved = time.monotonic()
                    await asyncio.to_thread(self._save)
        await self._registers(numbers, (), None)

    def _looking(self, events: int) -> tuple[Look, int]:
        """Tell who looks at ranges, and how many at once."""
        workers = self._workers
        if workers is None or events < LARGE:
            return partial(looked, self._db, self._sequence), 1
        # One more each than they are at, so that none waits for the next.
        return partial(workers.looked, self._sequence), 2 * workers.many

    def _take(self, one: Looked, sizes: Sequence[int]) -> Full:
        """Take in a range: what is wrong within it, and grow the tree by its hashes."""
        for bad in one.found:
            self.judged.add(bad.kind, bad.position, bad.why)
        if self._before is not None and one.first is not None and one.first < self._before:
            self.judged.add("time", one.runs[0][0], "is recorded before the event before it")
        self._before = one.last
        wanted = sorted(self._wanted.union(sizes))
        tree, full = self._tree, Full()
        for start, joined in one.runs:
            if start != self._next:
                missing = start - self._next
                self.judged.add("missing", self._next, f"{missing} events are not there")
                tree.skip(missing)
            self._next = start + len(joined) // HASH_BYTES
            hashes = [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
            at = start
            for size in wanted[bisect_right(wanted, start) : bisect_right(wanted, self._next)]:
                tree.hashes += hashes[at - start : size - start]
                full |= tree.grow()
                tree.mark()
                at = size
            tree.hashes += hashes[at - start :]
        return full | tree.grow()

    async def _tiles(self, full: Full) -> None:
        size = self._log["size"] if self._log else 0
        due = {
            place: made for place, made in full.items() if (place[1] + 1) * span(place[0]) <= size
        }
        places = ([level for level, _ in due], [n for _, n in due])
        for row in await self._fetch("tiles", self._sequence, *places) if due else ():
            self._tree.compare(row, *due[row["level"], row["n"]])

    async def _registers(
        self,
        cursor: Any,  # noqa: ANN401
        named: Sequence[tuple[int, str, int]],
        upto: int | None,
    ) -> None:
        """Hold the numbers that records name against the register, up to a position."""
        held = self._numbers
        while upto is None or not held or held[-1][0] < upto:
            rows = await cursor.fetch(BATCH)
            if not rows:
                break
            held += [(row["position"], row["name"], row["number"]) for row in rows]
        due = held if upto is None else [one for one in held if one[0] < upto]
        self._numbers = held[len(due) :]
        for position, why in numbers_differ(named, due):
            self.judged.add("register", position, why)

    async def _taken_over(self, one: Looked) -> None:
        """Look for the event that a personal field was taken over from."""
        if not one.foreign:
            return
        positions, streams, events = zip(*one.foreign, strict=True)
        (row,) = await self._fetch(
            "taken_over", self._sequence, list(positions), list(streams), list(events)
        )
        if row[0] is not None:
            why = "a personal field is bound to another event"
            self.judged.add("ciphertext", row[0], why)

    async def _checkpoints(self, rows: Sequence[Any], before: int, upto: int) -> None:
        if self._signers is None:
            return
        lines = await self._by_size("cosignatures", before, upto)
        stamps = await self._by_size("time_stamps", before, upto)
        for row in rows:
            size = row["size"]
            edge = self._tree.at.get(size)
            root = edge.root if edge else None
            judge_checkpoint(row, root, self._good, self._signers, self.judged)
            self._good = size if root == row["root"] else self._good
            try:
                text = note.parse(bytes(row["note"])).text
            except TlogError:
                continue
            for where, kept in self._asked.outside.items():
                if kept is not None and self._told[where] == (size, row["root"]):
                    stored = bytes(row["note"])
                    judge_kept(where, kept, stored, size, self._signers, self.judged)
            judge_cosignatures(text, size, lines.get(size, ()), self._signers, self.judged)
            for stamp in stamps.get(size, ()) if self._asked.stamped else ():
                why = self._asked.stamped and self._asked.stamped(text, bytes(stamp["token"]))
                if why:
                    self.judged.add("time stamp", size, f"{stamp['authority']}: {why}")

    # -- after -------------------------------------------------------------------------------

    async def _anchors(self) -> None:
        """Check what is kept of other logs again, from its first anchor on."""
        anchors = Anchors(self.judged)
        cursor = await self._db.cursor(SQL["anchors"], self._sequence)
        while rows := await cursor.fetch(BATCH):
            for row in rows:
                anchors.judge(*row)

    async def _end(self) -> None:
        """Compare head, log and the checkpoints kept elsewhere with what was read."""
        for head in await self._fetch("head", self._sequence):
            if head["size"] != self._next:
                why = f"the head says {head['size']}, and there are {self._next} events"
                self.judged.add("head", min(head["size"], self._next), why)
            elif self._next and head["recorded_at"] != self._before:
                why = "the head has another time than the newest event"
                self.judged.add("head", self._next - 1, why)
        if self._log and self._tree.whole:
            edge = self._tree.at.get(self._log["size"])
            if edge is None and self._log["size"] > self._next:
                why = f"the tree has {self._log['size']} events, and there are {self._next}"
                self.judged.add("frontier", self._next, why)
            elif edge is not None and b"".join(edge.hashes) != self._log["frontier"]:
                self.judged.add("frontier", self._good, "the events do not lead to the frontier")
        beyond = await self._fetch("checkpoints", self._sequence, self._next, 2**62)
        if beyond:
            missing = beyond[-1]["size"] - self._next
            self.judged.add("tree", self._next, f"truncated: {missing} events missing")
        for where, told in self._told.items():
            self._outside(where, told)

    def _outside(self, where: str, told: tuple[int, bytes] | str | None) -> None:
        if told is None:
            if self._log and self._log["signed_size"]:
                self.judged.add("outside", None, f"{where} is missing")
        elif isinstance(told, str):
            self.judged.add("outside", None, f"{where}: {told}")
        elif told[0] > self._next:
            missing = told[0] - self._next
            why = f"truncated: {missing} events missing that {where} has signed"
            self.judged.add("outside", self._next, why)
        elif told[0] in self._tree.at and self._tree.at[told[0]].root != told[1]:
            agreed = min(self._good, told[0]) if self._good < told[0] else 0
            why = f"{where} has signed another history of {told[0]} events"
            self.judged.add("outside", agreed, why)

    def _opened(self, raw: bytes) -> tuple[int, bytes] | str:
        if self._signers is None:
            return "there is no log"
        try:
            checkpoint = opened(raw, self._signers)
        except TlogError as error:
            return str(error)
        return checkpoint.size, checkpoint.root

    async def _by_size(self, name: str, before: int, upto: int) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        for row in await self._fetch(name, self._sequence, before, upto):
            found.setdefault(row["size"], []).append(row)
        return found

    def _save(self) -> None:
        """Write down how far it is: whole or not at all, and on the disk when this returns."""
        state = self._asked.state
        if state is None or not self._tree.whole:
            return
        before = self._before
        told = {
            "sequence": self._sequence,
            "position": self._next,
            "partial": [[one.hex() for one in row] for row in self._tree.edge.partial],
            "before": before.isoformat() if before else None,
            "bad": [asdict(one) for one in self.judged.found.values()],
        }
        replaced(state, orjson.dumps(told))

    async def _fetch(self, name: str, *arguments: Any) -> list[Any]:  # noqa: ANN401
        rows: list[Any] = await self._db.fetch(SQL[name], *arguments)
        return rows


async def strangers(
    connection: Any,  # noqa: ANN401
    applied: Sequence[tuple[int, str, bytes]],
) -> tuple[Bad, ...]:
    """Return rows that belong to no ledger, and migrations that are not this program's."""
    judged = Judged()
    for row in await connection.fetch(SQL["strangers"]):
        judged.add("stranger", None, f"rows of {row['ledger']}, which is no ledger: {row['what']}")
    rows = await connection.fetch(SQL["migrations"])
    found = [(row["number"], row["name"], bytes(row["sha256"])) for row in rows]
    if found != list(applied):
        judged.add("migration", None, "the migrations on record are not those of this program")
    return tuple(judged.found.values())
