"""Cases as they stood at the end of a batch: each folded once, however many events it has there.

A case whose earlier events are not at hand is read again from the ledger; a small cache spares
that for the cases that are being worked on.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from ledger import records
from ledger.case import Case, Event, Events, replay
from ledger.store import Store

KEPT = 500
# So many histories are read at a time: what a recount by a new calendar holds in memory.
AT_ONCE = 500

ALONE = ("case:", "complaint:", "uuid:", "refusal:")


def is_case(stream: str) -> bool:
    """Tell whether a stream is that of a case."""
    return stream.startswith("case:")


def is_office(stream: str) -> bool:
    """Tell whether a stream belongs to the bureau's own set-up."""
    return not stream.startswith(ALONE)


class Folded:
    """The cases of one follower."""

    def __init__(self, store: Store, ledger: str) -> None:
        """Begin with none; `at` reads what it needs."""
        self._store = store
        self._ledger = ledger
        self._kept: OrderedDict[str, Case] = OrderedDict()

    async def at(
        self, streams: Iterable[str], events: Events, end: int, zone: ZoneInfo
    ) -> Mapping[str, Case]:
        """Return these cases with everything before position `end`; `events` is the batch."""
        own: dict[str, list[Event]] = {stream: [] for stream in streams}
        for event in events:
            if event.stream in own:
                own[event.stream].append(event)
        found: dict[str, Case] = {}
        missing = []
        for stream, more in own.items():
            case = self._from_hand(stream, more, zone)
            if case is None:
                missing.append(stream)
            else:
                found[stream] = case
        for start in range(0, len(missing), AT_ONCE):
            found |= await self._read(missing[start : start + AT_ONCE], end, zone)
        for stream in own:
            self._keep(found[stream])
        return found

    def forget(self) -> None:
        """Drop what is kept: a batch was not applied after all."""
        self._kept.clear()

    def _from_hand(self, stream: str, more: list[Event], zone: ZoneInfo) -> Case | None:
        if not more:
            return None
        if more[0].version == 1:
            return replay(more, zone)
        kept = self._kept.get(stream)
        if kept is not None and kept.version == more[0].version - 1:
            return kept.following(more)
        return None

    async def _read(self, streams: list[str], end: int, zone: ZoneInfo) -> dict[str, Case]:
        histories: dict[str, list[Event]] = {}
        for row in await self._store.of_streams(self._ledger, streams):
            if row.position < end:
                histories.setdefault(row.stream, []).append(records.decode(row))
        return {stream: replay(history, zone) for stream, history in histories.items()}

    def _keep(self, case: Case) -> None:
        self._kept[case.stream] = case
        self._kept.move_to_end(case.stream)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
