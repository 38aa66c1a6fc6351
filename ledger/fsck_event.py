"""One stored event, held against its own bytes: every column is said again by the record.

The header and the last members of the body are at fixed places of the canonical spelling
(`records.encode` sorts the keys), so that most events are judged without being parsed.  Pure.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

Numbers = list[tuple[str, int]]

NO_NUMBERS = b"}}\n"
ENCRYPTED = b'"enc":{'
# What `privacy` writes: a subject, the event and the place it is bound to, and no clear text.
CIPHERTEXT = re.compile(
    rb'"enc":\{"commitment":"[0-9a-f]{64}","data":"(?P<data>[A-Za-z0-9+/]+={0,2})",'
    rb'"event":"(?P<event>[0-9a-f]{32})","nonce":"[A-Za-z0-9+/]{16}","path":"(?!")[^"\\]*(?:\\.[^"\\]*)*",'
    rb'"subject":"[0-9a-f]{32}"\}'
)


@dataclass(frozen=True, slots=True)
class Bad:
    """The first thing wrong of its kind; `position` is None where it has none."""

    kind: str
    position: int | None
    why: str


@dataclass(slots=True)
class Judged:
    """What is wrong, the first of each kind; it goes on to the end all the same."""

    found: dict[str, Bad] = field(default_factory=dict)

    def add(self, kind: str, position: int | None, why: str) -> None:
        """Keep what is wrong, unless there is an earlier one of its kind."""
        known = self.found.get(kind)
        earlier = known is not None and (
            position is None or (known.position is not None and known.position <= position)
        )
        if not earlier:
            self.found[kind] = Bad(kind, position, why)


@dataclass(slots=True)
class Columns:
    """Derives the columns of one sequence's events again; what is found goes to `judged`.

    `numbers` holds the official numbers that records name, `foreign` the ciphertexts that were
    taken over from an earlier event, both until the caller has looked at them.
    """

    sequence: str
    judged: Judged
    before: datetime | None = None
    numbers: dict[int, Numbers] = field(default_factory=dict)
    foreign: list[tuple[int, str, str]] = field(default_factory=list)
    _opening: str = field(init=False)
    _moment: str = ""

    def __post_init__(self) -> None:
        """Write how every header of the sequence begins."""
        self._opening = f'{{"ledger":"{self.sequence}","position":'

    def judge(
        self, position: int, stream: str, version: int, kind: str, at: datetime, record: bytes
    ) -> None:
        """Hold the columns of an event against its record."""
        if at != self.before:
            self._next_moment(position, at)
        header = f"{self._opening}{position}{self._moment}".encode()
        if not record.startswith(header):
            self.judged.add("header", position, _unlike(record, header))
        elif not record.startswith(NO_NUMBERS, len(header)):
            self._numbers(position, record, len(header))
        ending = f'"stream":"{stream}","type":"{kind}","version":{version}}}'.encode()
        if not record.endswith(ending):
            self._parsed(position, record, {"stream": stream, "type": kind, "version": version})
        encrypted = record.find(ENCRYPTED)
        if encrypted >= 0:
            self._ciphertexts(position, stream, record, encrypted)

    def go_on(self, at: datetime) -> None:
        """Go on behind an event that was recorded at an instant."""
        self.before = at
        # asyncpg gives instants in UTC: the one spelling is ISO 8601 with Z for that.
        stamp = at.isoformat(timespec="microseconds")[:26]
        self._moment = f',"recorded_at":"{stamp}Z","registers":{{'

    def _next_moment(self, position: int, at: datetime) -> None:
        if self.before is not None and at < self.before:
            self.judged.add("time", position, "is recorded before the event before it")
        self.go_on(at)

    def _numbers(self, position: int, record: bytes, begin: int) -> None:
        inside = record[begin : record.find(b"}}\n", begin)]
        try:
            told = orjson.loads(b"{%s}" % inside)
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict) or any(type(n) is not int for n in told.values()):
            self.judged.add("header", position, "names its official numbers in no readable way")
            return
        self.numbers[position] = list(told.items())

    def _parsed(self, position: int, record: bytes, columns: dict[str, object]) -> None:
        """Say which column it is, where the fast look did not find all of them."""
        try:
            body = orjson.loads(record.partition(b"\n")[2])
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            self.judged.add("body", position, "has a body that cannot be read")
            return
        for name, value in columns.items():
            if body.get(name) != value:
                self.judged.add(name, position, f"the {name} is not that of the record")

    def _ciphertexts(self, position: int, stream: str, record: bytes, at: int) -> None:
        """Look at personal fields, the first at a place; they are bound to this event or others."""
        bound = set()
        while at >= 0:
            found = CIPHERTEXT.match(record, at)
            if found is None or len(found["data"]) % 4:
                self.judged.add("ciphertext", position, "a personal field is not in its form")
                return
            bound.add(found["event"])
            at = record.find(ENCRYPTED, found.end())
        for event in sorted(bound):
            if b',"id":"%s","occurred_at":"' % event not in record:
                self.foreign.append((position, stream, event.decode()))


def numbers_differ(
    named: Sequence[tuple[int, str, int]], stored: Sequence[tuple[int, str, int]]
) -> Iterator[tuple[int, str]]:
    """Yield where records and the register part: (position, what), in order."""
    left, right = set(named), set(stored)
    for position, name, number in sorted(left ^ right):
        where = "the register" if (position, name, number) in left else "its record"
        yield position, f"number {number} of {name} is not in {where}"


def _unlike(record: bytes, header: bytes) -> str:
    """Say which member of the header is another one."""
    for name in (b'"ledger":', b'"position":', b'"recorded_at":'):
        upto = header.find(b",", header.find(name)) + 1
        if not record.startswith(header[:upto]):
            column = name.strip(b'":').decode()
            return f"the {column} is not that of the record"
    return "the header is not in its spelling"
