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
    rb'"enc":\{"commitment":"[0-9a-f]{64}","data":"(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/=]{4}",'
    rb'"event":"([0-9a-f]{32})","nonce":"[A-Za-z0-9+/]{16}","path":"(?:[^"\\]|\\.)+",'
    rb'"subject":"[0-9a-f]{32}"\}'
)
OWN_ID = re.compile(rb',"id":"([0-9a-f]{32})","occurred_at":"')


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
    _stamp: bytes = b""

    def judge(
        self, position: int, stream: str, version: int, kind: str, at: datetime, record: bytes
    ) -> None:
        """Hold the columns of an event against its record."""
        if at != self.before:
            self._next_moment(position, at)
        header = b'{"ledger":"%s","position":%d,"recorded_at":"%s","registers":{' % (
            self.sequence.encode(),
            position,
            self._stamp,
        )
        end = len(header)
        if not record.startswith(header):
            self.judged.add("header", position, _unlike(record, header))
        elif record[end : end + 3] != NO_NUMBERS:
            self._numbers(position, record, end)
        body_end = b'"stream":"%s","type":"%s","version":%d}' % (
            stream.encode(),
            kind.encode(),
            version,
        )
        if not record.endswith(body_end):
            self._parsed(position, record, {"stream": stream, "type": kind, "version": version})
        if ENCRYPTED in record:
            self._ciphertexts(position, stream, record)

    def go_on(self, at: datetime) -> None:
        """Go on behind an event that was recorded at an instant."""
        self.before = at
        # asyncpg gives instants in UTC: the one spelling is ISO 8601 with Z for that.
        self._stamp = at.isoformat(timespec="microseconds")[:26].encode() + b"Z"

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

    def _ciphertexts(self, position: int, stream: str, record: bytes) -> None:
        found = CIPHERTEXT.findall(record)
        if len(found) != record.count(ENCRYPTED):
            self.judged.add("ciphertext", position, "a personal field is not in its form")
            return
        own = OWN_ID.search(record)
        for event in found:
            if own is None or event != own[1]:
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
