"""Rows of an uploaded file, as its bytes come in: CSV (RFC 4180) or one JSON object a line.

Bytes in, rows out; nothing here waits for anybody.  A row that cannot be read is a row all
the same: it comes out without cells, to be set aside by its number.  Only a file that cannot
be read as a whole is refused (`import-format`).
"""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from api.bodies import object_of
from api.headers import echo
from ledger.errors import Refused

MAX_RECORD = 256 * 1024
MAX_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 1, its cells by column, and the bytes it is kept as.

    Of a log a row is a trace: its cells are the attributes of the `trace` and of its `events`.
    No cells (None): the row cannot be read.
    """

    number: int
    cells: Mapping[str, Any] | None
    raw: bytes


class Rows(Protocol):
    """A reader of rows that is fed with bytes."""

    def feed(self, data: bytes) -> Sequence[Row]:
        """Take more bytes and return the rows that are complete."""

    def end(self) -> Sequence[Row]:
        """Return what is left when the file has ended."""


def unreadable(why: str) -> Refused:
    """Refuse a file as a whole."""
    return Refused("import-format", why)


@dataclass(slots=True)
class CsvRows:
    """Rows of a CSV file whose first line names the columns."""

    needed: frozenset[str]
    _columns: list[str] | None = None
    _number: int = 0
    _text: str = ""
    _record: list[str] = field(default_factory=list)
    _length: int = 0
    _open: bool = False
    _decode: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8-sig")("strict")
    )

    def feed(self, data: bytes) -> Sequence[Row]:
        """Take more bytes and return the rows that are complete."""
        return list(self._rows(self._records(self._decoded(data, final=False), final=False)))

    def end(self) -> Sequence[Row]:
        """Return what is left when the file has ended."""
        found = list(self._rows(self._records(self._decoded(b"", final=True), final=True)))
        if self._columns is None:
            raise unreadable("an empty file")
        return found

    def _decoded(self, data: bytes, *, final: bool) -> str:
        try:
            return self._decode.decode(data, final)
        except UnicodeDecodeError:
            raise unreadable("not UTF-8") from None

    def _records(self, more: str, *, final: bool) -> Iterator[str]:
        """Split into records: a line break inside quotes belongs to its field."""
        lines = (self._text + more).split("\n")
        self._text = lines.pop()
        if final and (self._text or self._open):
            lines.append(self._text)
            self._text = ""
        for line in lines:
            self._record.append(line)
            self._length += len(line)
            if line.count('"') % 2:
                self._open = not self._open
            if self._length > MAX_RECORD:
                break
            if not self._open or (final and line is lines[-1]):
                record = "\n".join(self._record)
                self._record, self._length, self._open = [], 0, False
                if record.strip("\r"):
                    yield record
        if self._length + len(self._text) > MAX_RECORD:
            raise unreadable(f"a row longer than {MAX_RECORD} characters")

    def _rows(self, records: Iterator[str]) -> Iterator[Row]:
        for record in records:
            cells = _cells(record)
            if self._columns is None:
                self._columns = self._header(cells)
                continue
            self._number += 1
            if cells is None or len(cells) != len(self._columns):
                yield Row(self._number, None, orjson.dumps({"": record[:1_000]}))
            else:
                row = dict(zip(self._columns, cells, strict=True))
                yield Row(self._number, row, orjson.dumps(row))

    def _header(self, cells: list[str] | None) -> list[str]:
        if cells is None or len(cells) > MAX_COLUMNS or len(set(cells)) != len(cells):
            raise unreadable("the first line does not name columns, each once")
        missing = sorted(self.needed - set(cells))
        if missing:
            raise unreadable(f"no column {echo(missing[0])}")
        return cells


def _cells(record: str) -> list[str] | None:
    try:
        # `strict` refuses text behind a closing quote, which would be read as something else.
        return next(csv.reader([record], strict=True))
    except (csv.Error, StopIteration):
        return None


@dataclass(slots=True)
class JsonRows:
    """Rows of a file with one JSON object a line: a flat one, whose values are read as texts.

    Of a catalogue an object is whatever it is (`whole`).
    """

    whole: bool = False
    _number: int = 0
    _rest: bytes = b""

    def feed(self, data: bytes) -> Sequence[Row]:
        """Take more bytes and return the rows that are complete."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_RECORD:
            raise unreadable(f"a line longer than {MAX_RECORD} bytes")
        return [self._row(line) for line in lines if line.strip()]

    def end(self) -> Sequence[Row]:
        """Return what is left when the file has ended."""
        rest, self._rest = self._rest, b""
        return [self._row(rest)] if rest.strip() else []

    def _row(self, line: bytes) -> Row:
        self._number += 1
        cells = _object(line) if self.whole else _members(line)
        if cells is None:
            kept = line[:1_000].decode("utf-8", "replace")
            return Row(self._number, None, orjson.dumps({"": kept}))
        return Row(self._number, cells, orjson.dumps(cells))


def _object(line: bytes) -> dict[str, Any] | None:
    """Return an object; None where it is none."""
    try:
        return object_of(line)
    except Refused:
        return None


def _members(line: bytes) -> dict[str, str] | None:
    """Return the members of a flat object as texts; None where it is none."""
    data = _object(line)
    if data is None:
        return None
    cells = {}
    for name, value in data.items():
        if isinstance(value, dict | list):
            return None
        if value is None:
            continue
        cells[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return cells


def row_of(raw: bytes) -> dict[str, Any]:
    """Return the cells of a row out of the bytes it was kept as."""
    cells: dict[str, Any] = orjson.loads(raw)
    return cells
