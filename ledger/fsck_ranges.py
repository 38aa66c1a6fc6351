"""Ranges of events, each looked at by itself: read, hashed, every column said again by its record.

A range needs nothing of the one before it, so that several processes look at several; what goes
from one to the next (the tree, gaps, time) is left to who takes them in, in order.
"""

import asyncio
import os
import signal
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from multiprocessing import get_context, parent_process
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
    started when the first range is given to them.
    """

    def __init__(self, reach: Mapping[str, Any], moment: str, many: int) -> None:
        """Name them; leave by `close`."""
        self.many = many
        self._pool = ProcessPoolExecutor(
            many, get_context("spawn"), initializer=_begin, initargs=(dict(reach), moment)
        )

    async def looked(self, sequence: str, begin: int, end: int) -> Looked:
        """Have one of them look at a range; raises what that raises, and where one has died."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, _look, sequence, begin, end)
        except BrokenProcessPool as error:
            why = "a process that reads events has ended before its time; --jobs 1 does without"
            raise Unavailable("store-unavailable", why) from error

    def close(self) -> None:
        """End them; what nobody has begun with is not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Worker:
    """What one process keeps from one range to the next."""

    runner: asyncio.Runner
    connection: Any


def _begin(reach: dict[str, Any], moment: str) -> None:
    # Whoever interrupts the check ends its processes; should it be killed, they end by themselves.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    async def connected() -> Any:  # noqa: ANN401 (asyncpg ships no types)
        connection = await asyncpg.connect(**reach)
        await connection.transaction(isolation="repeatable_read", readonly=True).start()
        await connection.execute(moment)
        return connection

    _Worker.runner = asyncio.Runner()
    _Worker.connection = _Worker.runner.run(connected())


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "it was started by one"
    parent.join()
    os._exit(1)


def _look(sequence: str, begin: int, end: int) -> Looked:
    return _Worker.runner.run(looked(_Worker.connection, sequence, begin, end))
