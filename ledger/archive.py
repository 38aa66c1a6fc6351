"""A zip file in one spelling: what a dossier travels in, and the only kind that is read.

Names are flat and sorted, dates fixed, nothing is encrypted, linked, commented or appended, and
the members follow each other without a gap: so the same files make the same bytes, and what a
hostile file could hide has no place to stand in.  Whatever is read is bounded before it is
read.  The format is APPNOTE 6.3 without its options; every unzip program opens it.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Protocol

MAX_MEMBERS = 20_000
MAX_RATIO = 100
MAX_TOTAL = 2 << 30
MAX_READ = 32 << 20
CHUNK = 1 << 16

# One name is one file: no folder, no drive, no second dot to climb with, small letters only.
NAME = re.compile(r"[a-zA-Z0-9]+(?:[.-][a-zA-Z0-9]+)*", re.ASCII)
MAX_NAME = 100

_LOCAL = Struct("<4s5H3L2H")
_CENTRAL = Struct("<4s6H3L5H2L")
_END = Struct("<4s4H2LH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"
STORED, DEFLATED = 0, 8
# Version 2.0 to extract; made on Unix, as an ordinary file that all may read; 1980-01-01.
_NEEDED, _MADE_BY, _MODE = 20, 3 << 8 | 20, 0o100644 << 16
_TIME, _DATE = 0, 1 << 5 | 1

# Brings the bytes of a member, from its beginning, as often as it is asked.
Source = Callable[[], Iterable[bytes]]


class Hostile(Exception):
    """A file that is no archive in our one spelling, or larger than one may be."""


class Bytes(Protocol):
    """Where an archive lies: a file, or bytes in memory that behave like one."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""

    def read(self, size: int = -1, /) -> bytes:
        """Read so many bytes from there, fewer only at the end."""


class Sink(Protocol):
    """Where an archive is written to, from its beginning to its end."""

    def write(self, piece: bytes, /) -> object:
        """Write a piece behind the last one."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its place, its sizes, how it is packed."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def local(self) -> bytes:
        """The header before its bytes."""
        name = self.name.encode("ascii")
        sizes = (self.crc, self.packed, self.size, len(name), 0)
        return _LOCAL.pack(_LOCAL_MARK, _NEEDED, 0, self.method, _TIME, _DATE, *sizes) + name

    @property
    def central(self) -> bytes:
        """Its entry in the directory."""
        name = self.name.encode("ascii")
        sizes = (self.crc, self.packed, self.size, len(name), 0, 0, 0, 0, _MODE, self.offset)
        fixed = (_CENTRAL_MARK, _MADE_BY, _NEEDED, 0, self.method, _TIME, _DATE)
        return _CENTRAL.pack(*fixed, *sizes) + name

    @property
    def begin(self) -> int:
        """Where its bytes begin."""
        return self.offset + _LOCAL.size + len(self.name)


# -- writing -----------------------------------------------------------------------------------


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of these files: the same files, the same bytes.

    Raises `ValueError` for a name or a number of files that no archive has.
    """
    written = _Written()
    write(written, {name: _once(content) for name, content in files.items()})
    return b"".join(written.pieces)


def write(out: Sink, files: Mapping[str, Source]) -> None:
    """Write an archive of these files to a sink; large ones are read twice and stored as they are.

    Raises `ValueError` for a name, a number or a size that no archive has, and for a source
    that is not the same when it is read again.
    """
    if len(files) > MAX_MEMBERS:
        raise ValueError(f"more than {MAX_MEMBERS} files")
    members, offset, total = [], 0, 0
    for name in sorted(files):
        if not NAME.fullmatch(name) or len(name) > MAX_NAME:
            raise ValueError(f"no name of a file in an archive: {name!a}")
        member, pieces = _prepared(name, files[name], offset)
        total += member.size
        if total > MAX_TOTAL:
            raise ValueError("more than 2 GiB of files")
        out.write(member.local)
        length = 0
        for piece in pieces:
            out.write(piece)
            length += len(piece)
        if length != member.packed:
            raise ValueError(f"{name} changed while it was packed")
        members.append(member)
        offset = member.begin + member.packed
    directory = b"".join(member.central for member in members)
    out.write(directory)
    count = len(members)
    out.write(_END.pack(_END_MARK, 0, 0, count, count, len(directory), offset, 0))


class _Written:
    """A sink in memory."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)


def _once(content: bytes) -> Source:
    return lambda: (content,)


def _prepared(name: str, source: Source, offset: int) -> tuple[Member, Iterable[bytes]]:
    """Return a member and its packed bytes: deflated where that is worth it, and believable."""
    crc, size = 0, 0
    content: list[bytes] | None = []
    for piece in source():
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        if content is not None:
            content.append(piece)
        if size > MAX_READ:
            content = None
    if content is not None:
        packing = zlib.compressobj(9, zlib.DEFLATED, -15)
        deflated = b"".join([*map(packing.compress, content), packing.flush()])
        if len(deflated) < size <= len(deflated) * MAX_RATIO:
            return Member(name, DEFLATED, crc, len(deflated), size, offset), (deflated,)
    return Member(name, STORED, crc, size, size, offset), source()


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose directory has been read and found to be in the one spelling.

    What its members say of themselves is checked when they are read.
    """

    source: Bytes
    members: Mapping[str, Member]

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member piece by piece; raise `Hostile` where they are not its."""
        member = self.members[name]
        self.source.seek(member.begin)
        crc = size = 0
        for piece in _unpacked(self.source, member):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            if size > member.size:
                break
            yield piece
        if (crc, size) != (member.crc, member.size):
            raise Hostile(f"{name}: not the bytes that the directory tells of")

    def read(self, name: str, limit: int = MAX_READ) -> bytes:
        """Return a member whole; raise `Hostile` for one that is larger than it may be."""
        if self.members[name].size > limit:
            raise Hostile(f"{name}: larger than {limit} bytes")
        return b"".join(self.pieces(name))

    def sha256(self, name: str) -> str:
        """Return the digest of a member, however large it is."""
        digest = sha256()
        for piece in self.pieces(name):
            digest.update(piece)
        return digest.hexdigest()


def opened(source: Bytes) -> Archive:
    """Read the directory of an archive; raise `Hostile` for every other spelling.

    No more is read than the end, a directory of at most 20,000 entries, and the header of each
    member.
    """
    total = source.seek(0, 2)
    if total < _END.size:
        raise Hostile("not a zip file, or cut off")
    end = total - _END.size
    source.seek(end)
    mark, disk, first, here, count, length, begin, comment = _END.unpack(source.read(_END.size))
    if mark != _END_MARK:
        raise Hostile("not a zip file, or something stands behind its end")
    if disk or first or comment or here != count:
        raise Hostile("an archive in parts, or with a comment")
    if count > MAX_MEMBERS:
        raise Hostile(f"more than {MAX_MEMBERS} entries")
    if begin + length != end or length > count * (_CENTRAL.size + MAX_NAME):
        raise Hostile("a directory that does not reach from the last file to the end")
    source.seek(begin)
    members = _directory(source.read(length), count)
    _contiguous(source, members, begin)
    return Archive(source, {member.name: member for member in members})


def _directory(raw: bytes, count: int) -> list[Member]:
    """Read the entries of the directory, which have to be spelled as we spell them."""
    members: list[Member] = []
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > len(raw):
            raise Hostile("a directory that ends too early")
        fields = _CENTRAL.unpack_from(raw, at)
        flags, method, crc, small, size, length, offset = (
            *fields[3:5], *fields[7:10], fields[10], fields[-1],
        )  # fmt: skip
        if flags:
            raise Hostile("an entry that is encrypted, or told of after its bytes")
        name = _name(raw[at + _CENTRAL.size : at + _CENTRAL.size + length], length)
        if method not in (STORED, DEFLATED):
            raise Hostile(f"{name}: packed in a way that is not read here")
        member = Member(name, method, crc, small, size, offset)
        if raw[at : at + len(member.central)] != member.central:
            raise Hostile(f"{name}: a link, a date, or more than an ordinary file says of itself")
        if members and name <= members[-1].name:
            raise Hostile(f"{name}: twice, or not in its order")
        members.append(member)
        at += len(member.central)
    if at != len(raw):
        raise Hostile("something between the directory and the end")
    return members


def _name(raw: bytes, length: int) -> str:
    name = raw.decode("latin-1")
    if len(raw) != length or length > MAX_NAME or not NAME.fullmatch(name):
        raise Hostile(f"a name that no file of a dossier has: {name[:MAX_NAME]!a}")
    return name


def _contiguous(source: Bytes, members: Iterable[Member], begin: int) -> None:
    """Check that the members follow each other to the directory, and how large they may become."""
    at = total = 0
    for member in members:
        if member.offset != at:
            raise Hostile(f"{member.name}: does not stand behind the file before it")
        if member.method == STORED and member.packed != member.size:
            raise Hostile(f"{member.name}: stored, and of two sizes")
        if member.size > max(member.packed, 1) * MAX_RATIO:
            raise Hostile(f"{member.name}: packed to less than a {MAX_RATIO}th of its size")
        total += member.size
        if total > MAX_TOTAL:
            raise Hostile("more than 2 GiB of files")
        at = member.begin + member.packed
        if at > begin:
            raise Hostile(f"{member.name}: reaches into the directory")
        source.seek(member.offset)
        if source.read(len(member.local)) != member.local:
            raise Hostile(f"{member.name}: its header differs from the directory")
    if at != begin:
        raise Hostile("something stands between the files and the directory")


def _unpacked(source: Bytes, member: Member) -> Iterator[bytes]:
    """Yield the bytes of a member, and never more of them at once than a chunk."""
    left = member.packed
    inflating = zlib.decompressobj(-15) if member.method == DEFLATED else None
    while left:
        piece = source.read(min(CHUNK, left))
        if not piece:
            raise Hostile(f"{member.name}: cut off")
        left -= len(piece)
        if inflating is None:
            yield piece
            continue
        try:
            while piece:
                if inflating.eof:
                    raise Hostile(f"{member.name}: something stands behind its end")
                yield inflating.decompress(piece, CHUNK)
                piece = inflating.unconsumed_tail or inflating.unused_data
        except zlib.error as error:
            raise Hostile(f"{member.name}: cannot be unpacked") from error
    if inflating is not None:
        yield inflating.flush(CHUNK)
        if not inflating.eof:
            raise Hostile(f"{member.name}: cannot be unpacked to its end")
