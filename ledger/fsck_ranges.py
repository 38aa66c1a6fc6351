"""Ranges of events, each looked at by itself: read, hashed, every column said again by its record.

A range needs nothing of the one before it, so that several processes look at several; what goes
from one to the next (the tree, gaps, time) is left to who takes them in, in order.
"""

import asyncio
import signal
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import asyncpg

from ledger.errors import Unavailable
from ledger.fsck_event import Bad, Columns, Judged
from ledger.queries import load
from ledger.tlog.merkle import HASH_BYTES

SQL = load(Path(__file__).with_suffix(".sql"))
# How many positions a range has: as many records are in memory at once, in each process.
RANGE = 4_096
WITHOUT = "--jobs 1 does without such processes"
# How long the last range of a process may take.
LONGEST_S = 10.0


@dataclass(slots=True)
class Looked:
    """What a range shows: what is wrong within it, and what is to be held against others.

    `runs` are the hashes of events that follow each other without a gap, one behind the other,
    by the position of the first; `numbers` are the official numbers that records name (position,
    register, number), `foreign` the ciphertexts that were taken over from an earlier event
    (position, stream, event); `first` and `last` are the times of the first event and the last.
    """

    end: int
    runs: list[tuple[int, bytes]] = field(default_factory=list)
    found: tuple[Bad, ...] = ()
    numbers: list[tuple[int, str, int]] = field(default_factory=list)
    foreign: list[tuple[int, str, str]] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def upto(self) -> int:
        """The position behind the last event."""
        start, hashes = self.runs[-1]
        return start + len(hashes) // HASH_BYTES


Look = Callable[[int, int], Coroutine[Any, Any, Looked]]


async def looked(connection: Any, sequence: str, begin: int, end: int) -> Looked:  # noqa: ANN401
    """Look at the events of a sequence from `begin` on, up to `end`."""
    rows = await connection.fetch(SQL["events"], sequence, begin, end)
    one = Looked(end)
    if not rows:
        return one
    judged = Judged()
    columns = Columns(sequence, judged)
    judge, run = columns.judge, list[bytes]()
    start = following = rows[0]["position"]
    for position, stream, version, kind, at, record, leaf in rows:
        if position != following:
            if position < following:
                judged.add("twice", position, "stands there a second time")
                continue
            one.runs.append((start, b"".join(run)))
            run.clear()
            start = position
        following = position + 1
        hashed = sha256(b"\x00" + record).digest()
        if hashed != leaf:
            judged.add("leaf", position, "the hash is not that of the record")
        judge(position, stream, version, kind, at, record)
        run.append(hashed)
    one.runs.append((start, b"".join(run)))
    one.found = tuple(judged.found.values())
    one.numbers = [(p, name, n) for p, all_ in columns.numbers.items() for name, n in all_]
    one.foreign = columns.foreign
    one.first, one.last = rows[0]["recorded_at"], columns.before
    return one


async def in_order(
    connection: Any,  # noqa: ANN401
    sequence: str,
    begin: int,
    look: Look,
    ahead: int,
) -> AsyncGenerator[Looked]:
    """Yield every range that has events, in order; so many are looked at ahead of the first.

    A gap is passed over, however large it is.
    """
    newest = await connection.fetchval(SQL["newest"], sequence)
    end = 0 if newest is None else newest + 1
    waiting: deque[asyncio.Task[Looked]] = deque()
    try:
        while True:
            while begin < end and len(waiting) < ahead:
                upto = min(begin + RANGE, end)
                waiting.append(asyncio.create_task(look(begin, upto)))
                begin = upto
            if not waiting:
                return
            one = await waiting.popleft()
            if one.runs:
                yield one
            elif begin < end:
                begin = max(begin, await connection.fetchval(SQL["following"], sequence, one.end))
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


class Workers:
    """Processes that look at ranges, each over a connection that sees the same moment.

    `reach` is how they connect, `moment` the statement that a transaction begins with; they are
    started when the first range is given to them, and end with who started them.
    """

    def __init__(self, reach: Mapping[str, Any], moment: str, many: int) -> None:
        """Name them; leave by `close`."""
        self.many = many
        self._words = dict(reach), moment
        self._all: list[_Worker] = []
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()

    async def looked(self, sequence: str, begin: int, end: int) -> Looked:
        """Have one of them look at a range.

        Raises `Unavailable` where it cannot, or has died.
        """
        if not self._all:
            self._all = [_Worker(*self._words) for _ in range(self.many)]
            for one in self._all:
                self._idle.put_nowait(one)
        worker = await self._idle.get()
        try:
            return await asyncio.to_thread(worker.looked, sequence, begin, end)
        finally:
            self._idle.put_nowait(worker)

    def close(self) -> None:
        """End them."""
        for one in self._all:
            one.close()


class _Worker:
    """One process, and the pipe to it: where either ends, the other sees the end of the pipe.

    Started anew: a fork would take over connections and threads.
    """

    def __init__(self, reach: dict[str, Any], moment: str) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, reach, moment), daemon=True)
        self.process.start()
        theirs.close()

    def looked(self, sequence: str, begin: int, end: int) -> Looked:
        try:
            self._pipe.send((sequence, begin, end))
            told = self._pipe.recv()
        except (EOFError, OSError) as error:
            why = "a process that reads events has ended before its time"
            raise Unavailable("store-unavailable", f"{why}; {WITHOUT}") from error
        if isinstance(told, str):
            raise Unavailable("store-unavailable", f"reading events: {told}; {WITHOUT}")
        assert isinstance(told, Looked)
        return told

    def close(self) -> None:
        # A worker that is asked nothing more ends; one that looks at a range does so behind it.
        self._pipe.close()
        self.process.join(LONGEST_S)
        self.process.kill()


def _serve(pipe: Connection, reach: dict[str, Any], moment: str) -> None:
    """Look at the ranges that are asked for, until nobody is there to ask."""
    # Whoever interrupts the check closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner() as runner, suppress(EOFError, OSError):
        connection = None
        while True:
            asked = pipe.recv()
            told: Looked | str
            try:
                connection = connection or runner.run(_connected(reach, moment))
                told = runner.run(looked(connection, *asked))
            except Exception as error:  # noqa: BLE001 (it is told to who asked)
                told = f"{type(error).__name__}: {error}"
            pipe.send(told)


async def _connected(reach: dict[str, Any], moment: str) -> Any:  # noqa: ANN401
    connection = await asyncpg.connect(**reach)
    await connection.transaction(isolation="repeatable_read", readonly=True).start()
    await connection.execute(moment)
    return connection
