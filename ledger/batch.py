"""What callers hand to the append, and which of it may go together.

Within a batch no two commands write a stream, none reads a stream that another writes, and
no key appears twice: then checking the whole batch against the state before it is exact.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

MAX_COMMANDS = 256
MAX_BYTES = 1 << 20
# How far behind the first of them commands are looked at for one that may go now: beyond
# that, a crowd on one stream would be looked through again for every batch.
MAX_LOOKED_AT = 4 * MAX_COMMANDS
MAX_KEY = 1_000
MAX_BODY = 60_000

STREAM = re.compile(r"[A-Za-z0-9:._/-]{1,80}")
TYPE = re.compile(r"[a-z0-9-]{1,60}")
REGISTER = re.compile(r"[A-Za-z0-9/._-]{1,100}(?:%Y)?")


@dataclass(frozen=True, slots=True)
class Command:
    """What one caller hands to the append.

    `key` carries its scope, `digest` is keyed; `reads` are the streams it was decided on with
    the version seen (0: does not exist yet), every stream it writes among them; `events` are
    (stream, type, body, register names wanted).
    """

    key: str
    digest: bytes
    reads: Mapping[str, int]
    events: tuple[tuple[str, str, bytes, tuple[str, ...]], ...]
    # How many bytes of events it brings.
    size: int = field(init=False)

    def __post_init__(self) -> None:
        """Measure it once: the queue and the batch both ask."""
        object.__setattr__(self, "size", sum(len(body) for _, _, body, _ in self.events))

    def check(self) -> None:
        """Raise ValueError where the database would refuse the whole batch because of it."""
        if not self.events or not 1 <= len(self.key.encode()) <= MAX_KEY or "\0" in self.key:
            raise ValueError("a command has events, and a key of 1 to 1,000 bytes")
        for stream in self.reads:
            if not STREAM.fullmatch(stream):
                raise ValueError(f"not the name of a stream: {stream!r}")
        for stream, kind, body, registers in self.events:
            if stream not in self.reads:
                raise ValueError(f"{stream} is written and was not read")
            if not TYPE.fullmatch(kind) or len(body) > MAX_BODY:
                raise ValueError(f"not an event that can be stored: {kind!r}, {len(body)} bytes")
            if registers and len(set(registers)) < len(registers):
                raise ValueError("an event wants two numbers of one register")
            for register in registers:
                if not REGISTER.fullmatch(register):
                    raise ValueError(f"not the name of a register: {register!r}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: appended, replayed, key-reused or moved.

    `first_position` is -1 where nothing is stored under its key; `recorded_at` and
    `registers` (one mapping an event) are known where it was appended just now.
    """

    kind: str
    first_position: int
    events: int
    recorded_at: datetime | None
    registers: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """One event that is stored, as far as this process needs to know it."""

    stream: str
    position: int
    type: str


def taken(queue: deque[Any], command_of: Any = lambda entry: entry) -> list[Any]:  # noqa: ANN401
    """Take from the queue what may go together; the rest stays there in its order."""
    batch: list[Any] = []
    left: list[Any] = []
    written: set[str] = set()
    read: set[str] = set()
    keys: set[str] = set()
    size = 0
    while queue and len(batch) < MAX_COMMANDS and len(left) < MAX_LOOKED_AT:
        entry = queue[0]
        command: Command = command_of(entry)
        if batch and size + command.size > MAX_BYTES:
            break
        queue.popleft()
        writes = {stream for stream, _, _, _ in command.events}
        if (
            command.key in keys
            or not read.isdisjoint(writes)
            or not written.isdisjoint(command.reads)
        ):
            left.append(entry)
        else:
            batch.append(entry)
            size += command.size
        # What is left behind counts too: nothing overtakes it on what it touches.
        written |= writes
        read.update(command.reads)
        keys.add(command.key)
    queue.extendleft(reversed(left))
    return batch


def arrays(commands: Sequence[Command]) -> tuple[list[Any], ...]:
    """Lay commands out as the arrays that the append takes; everything counts from 1."""
    reads = [
        (n, stream, version)
        for n, command in enumerate(commands, 1)
        for stream, version in command.reads.items()
    ]
    events = [(n, *event) for n, command in enumerate(commands, 1) for event in command.events]
    numbers = [(n, name) for n, event in enumerate(events, 1) for name in event[4]]
    return (
        [command.key for command in commands],
        [command.digest for command in commands],
        [n for n, _, _ in reads],
        [stream for _, stream, _ in reads],
        [version for _, _, version in reads],
        [event[0] for event in events],
        [event[1] for event in events],
        [event[2] for event in events],
        [event[3] for event in events],
        [n for n, _ in numbers],
        [name for _, name in numbers],
    )


def outcome(row: Mapping[str, Any]) -> Outcome:
    """Read one row of the append's answer."""
    kind, position, events = row["outcome"], row["first_position"], row["events"] or 0
    if kind != "appended":
        return Outcome(kind, -1 if position is None else position, events, None, ())
    given = row["registers"]
    registers = tuple(orjson.loads(given)) if given else ({},) * events
    return Outcome(kind, position, events, row["recorded_at"], registers)


def stored(done: Iterable[tuple[Command, Outcome]]) -> list[Committed]:
    """List the events that commands have in the ledger."""
    return [
        Committed(stream, outcome.first_position + i, kind)
        for command, outcome in done
        for i, (stream, kind, _, _) in enumerate(command.events)
    ]
