"""What a process remembers of cases: how far it knows each, and which has an official number.

Nothing rests on it: a case is read on from what is remembered, and the append checks the rest.
"""

from collections import OrderedDict
from collections.abc import Iterable

from ledger.case import Case

CASES = 20_000


class CaseCache:
    """The cases last used, and the numbers last asked for."""

    def __init__(self) -> None:
        """Begin with none."""
        self._cases: OrderedDict[str, Case] = OrderedDict()
        self._streams: OrderedDict[tuple[str, int], str] = OrderedDict()

    def get(self, stream: str) -> Case | None:
        """Return a case as last known here."""
        return self._cases.get(stream)

    def keep(self, case: Case) -> None:
        """Remember a case, unless a newer version of it is known."""
        held = self._cases.get(case.stream)
        if held is not None and held.version > case.version:
            return
        self._cases[case.stream] = case
        self._cases.move_to_end(case.stream)
        if case.number:
            self.keep_number(case.register, case.number, case.stream)
        if len(self._cases) > CASES:
            self._cases.popitem(last=False)

    def forget(self, streams: Iterable[str]) -> None:
        """Forget cases that are known to have moved."""
        for stream in streams:
            self._cases.pop(stream, None)

    def stream_of(self, register: str, number: int) -> str | None:
        """Return the stream that has an official number, if that is known here."""
        return self._streams.get((register, number))

    def keep_number(self, register: str, number: int, stream: str) -> None:
        """Remember which stream has an official number; that never changes."""
        self._streams[register, number] = stream
        if len(self._streams) > CASES:
            self._streams.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, as a process that has just started."""
        self._cases.clear()
        self._streams.clear()
