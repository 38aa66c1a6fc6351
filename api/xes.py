"""Traces of an event log in XES (IEEE 1849), as its bytes come in: a trace is a row with events.

XML is read as a stream, and only as much of it as a log needs: a document type, an entity, a
processing instruction, another encoding, or a piece that does not end refuse the file as a
whole (`import-format`).  What a log nests below its attributes is not ours and is passed by.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

import orjson

from api.headers import echo
from api.rows import Row, unreadable

# A token, a tag with its attributes, that is longer than this is nobody's log.
MAX_TOKEN = 256 * 1024
MAX_DEPTH = 32
MAX_EVENTS = 1_000
MAX_ATTRIBUTES = 200

NAMESPACES = ("", "http://www.xes-standard.org/", "http://www.xes-standard.org")
# The kinds of attribute that say something in one value; lists and containers do not.
PLAIN = frozenset({"string", "date", "int", "float", "boolean", "id"})

Attributes = dict[str, str]


@dataclass(slots=True)
class _Trace:
    """A trace while it is being read; `bad` once it cannot be a row any more."""

    attributes: Attributes = field(default_factory=dict)
    events: list[Attributes] = field(default_factory=list)
    bad: bool = False

    def note(self, where: Attributes, key: str | None, value: str | None) -> None:
        """Keep an attribute; one without a key or a value, or given twice, spoils the trace."""
        if key is None or value is None or key in where or len(where) >= MAX_ATTRIBUTES:
            self.bad = True
        else:
            where[key] = value


class XesRows:
    """Traces of a log, one row each."""

    def __init__(self) -> None:
        """Make ready to be fed."""
        self._parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        self._parser.buffer_text = False
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.XmlDeclHandler = self._declared
        self._parser.StartDoctypeDeclHandler = _refused("a document type")
        self._parser.EntityDeclHandler = _refused("an entity")
        self._parser.ExternalEntityRefHandler = _refused("an outside entity")
        self._parser.ProcessingInstructionHandler = _refused("a processing instruction")
        self._fed = 0
        self._path: list[str] = []
        self._trace: _Trace | None = None
        self._event: Attributes | None = None
        self._number = 0
        self._found: list[Row] = []

    def feed(self, data: bytes) -> Sequence[Row]:
        """Take more bytes and return the traces that are complete."""
        for start in range(0, len(data), MAX_TOKEN):
            piece = data[start : start + MAX_TOKEN]
            self._fed += len(piece)
            if b"\0" in piece:
                raise unreadable("not UTF-8")  # the parser would follow a mark of UTF-16
            self._parse(piece, final=False)
            if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN:
                raise unreadable(f"a tag longer than {MAX_TOKEN} bytes")
        return self._taken()

    def end(self) -> Sequence[Row]:
        """Return what is left when the file has ended; one that breaks off is none."""
        self._parse(b"", final=True)
        return self._taken()

    def _parse(self, data: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            why = expat.ErrorString(error.code)
            raise unreadable(f"XML, line {error.lineno}: {why}") from None

    def _taken(self) -> Sequence[Row]:
        found, self._found = self._found, []
        return found

    # -- what the parser tells ---------------------------------------------------------------

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise unreadable("not UTF-8")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if space not in NAMESPACES:
            raise unreadable(f"not an element of XES: {echo(local)}")
        if not self._path and local != "log":
            raise unreadable("not a log")
        if len(self._path) >= MAX_DEPTH:
            raise unreadable("nested too deeply")
        self._path.append(local)
        match self._path:
            case ["log", "trace"]:
                self._trace = _Trace()
            case ["log", "event"]:
                raise unreadable("an event outside a trace")
            case ["log", "trace", "event"]:
                self._begin_event()
            case ["log", "trace", "event", kind] if kind in PLAIN:
                self._note(self._event, attributes)
            case ["log", "trace", kind] if kind in PLAIN and self._trace is not None:
                self._note(self._trace.attributes, attributes)

    def _begin_event(self) -> None:
        assert self._trace is not None, "an event stands in its trace"
        self._event = {}
        if len(self._trace.events) >= MAX_EVENTS:
            self._trace.bad = True
        else:
            self._trace.events.append(self._event)

    def _note(self, where: Attributes | None, attributes: dict[str, str]) -> None:
        assert self._trace is not None, "an attribute stands in its trace"
        assert where is not None, "an attribute stands in its event"
        self._trace.note(where, attributes.get("key"), attributes.get("value"))

    def _end(self, _name: str) -> None:
        if self._path == ["log", "trace"] and self._trace is not None:
            self._number += 1
            self._found.append(_row(self._number, self._trace))
            self._trace = None
        self._path.pop()


def _row(number: int, trace: _Trace) -> Row:
    if trace.bad:
        return Row(number, None, b"")
    cells = {"trace": trace.attributes, "events": trace.events}
    return Row(number, cells, orjson.dumps(cells))


def _refused(what: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 expat's handlers differ
    def handler(*_told: object) -> None:
        raise unreadable(f"{what} has no place in a log")

    return handler
