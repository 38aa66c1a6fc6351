"""The histories of the cases of a batch, up to its end.

A case whose earlier events are not at hand is read again from the ledger.  A few are kept, for
those that are being worked on; so are, while a rebuild goes on, those that it will come to
again, because each is only looked at when its last event comes.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ledger import catalogue, records
from ledger.case import Event, Events
from ledger.store import Row, Store

# How many events are kept, however many cases they belong to.
KEPT = 20_000
# So many histories are read at a time: what a recount by a new calendar holds in memory.
AT_ONCE = 500

# The followers of a process read the same events one after the other: so many are at hand.
DECODED = 2_048

ALONE = (
    "anchor:", "baseline:", "case:", "complaint:", "matter:", "reading:", "refusal:", "text:",
    "uuid:",
)  # fmt: skip


def is_case(stream: str) -> bool:
    """Tell whether a stream is that of a case."""
    return stream.startswith("case:")


def is_complaint(stream: str) -> bool:
    """Tell whether a stream is that of a complaint."""
    return stream.startswith("complaint:")


def is_matter(stream: str) -> bool:
    """Tell whether a stream is that of a matter."""
    return stream.startswith("matter:")


def is_baseline(stream: str) -> bool:
    """Tell whether a stream is that of an item of the catalogue's baseline."""
    return stream.startswith(catalogue.PREFIX)


def is_office(stream: str) -> bool:
    """Tell whether a stream belongs to the bureau's own set-up."""
    return not stream.startswith(ALONE)


def decoded(row: Row) -> Event:
    """Read a stored record; once for all who follow, since an event is never changed."""
    return _decoded(row.record)


@lru_cache(maxsize=DECODED)
def _decoded(record: bytes) -> Event:
    return records.decode(_Record(record))


@dataclass(frozen=True, slots=True)
class _Record:
    record: bytes


class Histories:
    """What one follower has at hand."""

    def __init__(self, store: Store, ledger: str) -> None:
        """Begin with nothing; `at` reads what it needs."""
        self._store = store
        self._ledger = ledger
        self._kept: OrderedDict[str, Events] = OrderedDict()
        self._size = 0

    async def at(self, streams: Iterable[str], events: Events, end: int) -> Mapping[str, Events]:
        """Return these histories with everything before position `end`.

        `events` is the batch; what it holds of other cases is kept as well.
        """
        own = _by_stream(events)
        found: dict[str, Events] = {}
        missing = []
        for stream in streams:
            history = self._known(stream, own.pop(stream, ()))
            if history:
                found[stream] = history
            else:
                missing.append(stream)
        for start in range(0, len(missing), AT_ONCE):
            found |= await self._read(missing[start : start + AT_ONCE], end)
        for stream, history in found.items():
            self._keep(stream, history)
        for stream, more in own.items():
            history = self._known(stream, more) if is_case(stream) else ()
            if history:
                self._keep(stream, history)
        return found

    def forget(self) -> None:
        """Drop what is kept: a batch was not applied after all."""
        self._kept.clear()
        self._size = 0

    def _known(self, stream: str, more: Events) -> Events:
        """Return what is kept of a case and goes on with `more`; nothing if that has a gap.

        Without more there is nothing: what is kept may have been passed by.
        """
        if not more:
            return ()
        kept = self._kept.get(stream, ()) if more[0].version > 1 else ()
        return (*kept, *more) if len(kept) == more[0].version - 1 else ()

    async def _read(self, streams: list[str], end: int) -> dict[str, Events]:
        rows = await self._store.of_streams(self._ledger, streams)
        return _by_stream(decoded(row) for row in rows if row.position < end)

    def _keep(self, stream: str, history: Events) -> None:
        self._size += len(history) - len(self._kept.pop(stream, ()))
        self._kept[stream] = history
        while self._size > KEPT:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)


def _by_stream(events: Iterable[Event]) -> dict[str, Events]:
    parted: dict[str, list[Event]] = {}
    for event in events:
        parted.setdefault(event.stream, []).append(event)
    return {stream: tuple(history) for stream, history in parted.items()}
