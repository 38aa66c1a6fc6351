"""The parts of a `multipart/form-data` body, as its bytes come in (RFC 7578).

Bytes in, parts out.  One spelling is accepted: lines end with CRLF, a part has a name, its
head is short; anything else is no upload of ours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from ledger.errors import Refused

MAX_HEAD = 8 * 1024

_BOUNDARY = re.compile(
    r'multipart/form-data\s*;\s*boundary=(?:"([^"\\]{1,70})"|([A-Za-z0-9\'()+_,./:=?-]{1,70}))\s*',
    re.IGNORECASE | re.ASCII,
)
_DISPOSITION = re.compile(r"content-disposition:\s*form-data\s*(;.*)", re.IGNORECASE)
_TYPE = re.compile(r"content-type:\s*([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+)", re.IGNORECASE)
_PARAMETER = re.compile(r';\s*(name|filename)="([^"\r\n]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a part begins: its name, the name of its file, and its media type."""

    name: str
    filename: str | None
    media: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the part that has begun."""

    data: bytes


class _State(Enum):
    BEFORE = auto()
    HEAD = auto()
    INSIDE = auto()
    AFTER = auto()


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary that a `Content-Type` names; None where it is no form of ours."""
    match = _BOUNDARY.fullmatch(content_type.strip())
    return None if match is None else (match[1] or match[2]).encode("ascii", "replace")


class Parts:
    """A reader of parts that is fed with bytes."""

    def __init__(self, boundary: bytes) -> None:
        """Begin before the first part."""
        self._mark = b"\r\n--" + boundary
        # The first mark has no line before it.
        self._rest = b"\r\n"
        self._state = _State.BEFORE

    def feed(self, data: bytes) -> Iterator[Head | Piece]:
        """Take more bytes; give heads and pieces in order."""
        self._rest += data
        while self._state is not _State.AFTER:
            if self._state is _State.HEAD:
                head = self._head()
                if head is None:
                    return
                yield head
                continue
            at = self._rest.find(self._mark)
            end = at + len(self._mark)
            if at < 0 or len(self._rest) < end + 2:
                # Keep what may be the beginning of a mark.
                keep = at if at >= 0 else max(0, len(self._rest) - len(self._mark) + 1)
                yield from self._pieces(keep)
                return
            yield from self._pieces(at)
            self._pass_mark()

    def end(self) -> None:
        """Refuse a body that ended in the middle of a part."""
        if self._state is not _State.AFTER:
            raise _broken()

    def _pieces(self, upto: int) -> Iterator[Piece]:
        data, self._rest = self._rest[:upto], self._rest[upto:]
        if self._state is _State.BEFORE and data:
            raise _broken()
        if data:
            yield Piece(data)

    def _pass_mark(self) -> None:
        after = self._rest[len(self._mark) : len(self._mark) + 2]
        if after not in (b"\r\n", b"--"):
            raise _broken()
        self._rest = self._rest[len(self._mark) + 2 :]
        self._state = _State.HEAD if after == b"\r\n" else _State.AFTER

    def _head(self) -> Head | None:
        at = self._rest.find(b"\r\n\r\n")
        if at > MAX_HEAD or (at < 0 and len(self._rest) > MAX_HEAD):
            raise _broken()
        if at < 0:
            return None
        try:
            lines = self._rest[:at].decode("utf-8").split("\r\n")
        except UnicodeDecodeError:
            raise _broken() from None
        self._rest = self._rest[at + 4 :]
        self._state = _State.INSIDE
        return _head(lines)


def _head(lines: list[str]) -> Head:
    name = filename = media = None
    for line in lines:
        disposition, kind = _DISPOSITION.fullmatch(line), _TYPE.match(line)
        if disposition is not None:
            given = {k.lower(): v for k, v in _PARAMETER.findall(disposition[1])}
            name, filename = given.get("name"), given.get("filename")
        elif kind is not None:
            media = kind[1].lower()
        elif line.lower().startswith("content-transfer-encoding"):
            raise _broken()
    if not name:
        raise _broken()
    return Head(name, filename, media)


def _broken() -> Refused:
    return Refused("import-format", "not a form with its parts as RFC 7578 has them")
