"""Where a copy of a log is read: a folder, or an address; and how one is written.

The folder has the paths under which a log is served (C2SP tlog-tiles), so a folder on a stick is
a complete log.  Fetching keeps one connection and follows nobody elsewhere.
"""

import http.client
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from ledger.copy_of_log import MAX_BUNDLE
from ledger.rotation import KEYS
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.errors import TlogError
from ledger.tlog.note import MAX_NOTE
from ledger.tlog.note import parse as parse_note
from ledger.tlog.tile import ENTRIES, HEIGHT, WIDTH, Tile, levels, tiles

PATIENCE_S = 30.0
LIMIT = max(MAX_BUNDLE, MAX_NOTE)
OLDER = "checkpoint.older"
# The newest checkpoint that an authority stamped, and what it answered.
STAMPED, STAMP = "time-stamped", "time-stamp"
TRIES = 5


class Unread(Exception):
    """What could not be read, for another reason than that it is not there."""


class Denied(Unread):
    """The service gives this to others: entries go to those who may read every case."""


class Source(Protocol):
    """A copy of a log, wherever it lies."""

    def get(self, path: str) -> bytes | None:
        """Return the bytes at a path of the log, None where there are none."""


class Folder:
    """A copy in a folder."""

    def __init__(self, at: Path) -> None:
        """Take the folder."""
        self.at = at

    def get(self, path: str) -> bytes | None:
        """Return the bytes of a file, None where there is none; `Unread` beyond all limits."""
        file = self.at / path
        # What is no file, such as a pipe or a device, might never end.
        if not file.is_file():
            return None
        try:
            with file.open("rb") as opened:
                found = opened.read(LIMIT + 1)
        except OSError as error:
            raise Unread(f"{path}: {error.strerror}") from error
        if len(found) > LIMIT:
            raise Unread(f"{path}: larger than a file of a log may be")
        return found

    def put(self, path: str, content: bytes) -> None:
        """Write a file whole or not at all."""
        file = self.at / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(file.name + ".new")
        new.write_bytes(content)
        new.replace(file)

    def has(self, tile: Tile) -> bool:
        """Whether a tile or bundle was written here before."""
        return os.path.isfile(self.at / tile.path)  # noqa: PTH113 (a million times: no objects)


class Address:
    """A log that is served at an address, read over one connection."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """Take the address; raise `ValueError` for one that is none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(f"not the http(s) address of a log: {url}")
        if parts.username or parts.password:
            raise ValueError("an address with a password: hand a token in, in a file")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connect: Callable[[], http.client.HTTPConnection] = lambda: kind(
            parts.hostname or "", parts.port, timeout=PATIENCE_S
        )
        self._base = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def get(self, path: str) -> bytes | None:
        """Return the bytes at a path, None where there are none.

        Raises `Denied` where they are not for this reader, `Unread` for any other answer.
        """
        status, found = self._asked(f"{self._base}/{path}")
        if status == http.client.OK:
            if len(found) > LIMIT:
                raise Unread(f"{path}: larger than a file of a log may be")
            return found
        if status == http.client.NOT_FOUND:
            return None
        if status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            raise Denied(f"{path}: not for this reader ({status})")
        raise Unread(f"{path}: answered with {status}")

    def _asked(self, path: str) -> tuple[int, bytes]:
        """Ask once; and once more where an idle connection was closed meanwhile."""
        for last in (False, True):
            try:
                self._connection.request("GET", path, headers=self._headers)
                with self._connection.getresponse() as answer:
                    return answer.status, answer.read(LIMIT + 1)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if last:
                    why = str(error) or type(error).__name__
                    raise Unread(f"no log answers there: {why}") from error
                self._connection = self._connect()
        raise AssertionError


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How far a folder is a copy of a log, and whether it has the entries."""

    checkpoint: Checkpoint
    entries: bool


def stamped(source: Source) -> tuple[bytes, bytes] | None:
    """Return the newest checkpoint that an authority stamped and what it answered; None: none is.

    Two files of a log that may go on meanwhile: read again until they belong together.  Whoever
    asks before the checkpoint has a stamp on that checkpoint or an older one.
    Raises `Unread` where they never stay.
    """
    raw = source.get(STAMPED)
    for _ in range(TRIES):
        if raw is None:
            return None
        answer, again = source.get(STAMP), source.get(STAMPED)
        if again == raw:
            return None if answer is None else (raw, answer)
        raw = again
    raise Unread(f"{STAMPED}: changes faster than it can be read")


def mirrored(source: Source, folder: Folder, progress: Callable[[int, int], None]) -> Mirrored:
    """Bring a folder up to the newest checkpoint of a log; what is there already stays.

    Full tiles never change, so an interrupted copy goes on where it was.  The checkpoint comes
    last: it never speaks of what is not there.  The one it replaces is kept beside it.
    Nothing is believed or verified here: `caseledger verify` does that, with a key.
    """
    pair = stamped(source)
    raw = source.get("checkpoint")
    if raw is None:
        raise Unread("checkpoint: nothing is signed there yet")
    checkpoint = _read(raw, "the checkpoint that is served")
    before = folder.get("checkpoint")
    if before is not None:
        older = _read(before, "the checkpoint in the folder")
        if older.origin != checkpoint.origin or older.size > checkpoint.size:
            why = f"the folder holds {older.size} events of {older.origin}"
            raise Unread(f"{why}: that is no beginning of what is served; keep both")
    entries = _entries_given(source, checkpoint.size)
    wanted = [ENTRIES, *levels(checkpoint.size)] if entries else levels(checkpoint.size)
    # Counted, not listed: how large a log says it is is nobody's word yet.
    count = sum(-(-(checkpoint.size >> HEIGHT * max(level, 0)) // WIDTH) for level in wanted)
    for no, tile in enumerate(_tiles(checkpoint.size, wanted), start=1):
        if not folder.has(tile):
            folder.put(tile.path, _there(source, tile))
        progress(no, count)
    for name in ("vkey", "policy", KEYS):
        told = source.get(name)
        if told:
            folder.put(name, told)
    for name, told in zip((STAMPED, STAMP), pair or (), strict=False):
        folder.put(name, told)
    if before is not None and before != raw:
        folder.put(OLDER, before)
    folder.put("checkpoint", raw)
    return Mirrored(checkpoint, entries=entries)


def _entries_given(source: Source, size: int) -> bool:
    """Ask whether entries are given to this reader."""
    first = next(tiles(size, ENTRIES), None)
    try:
        return first is not None and source.get(first.path) is not None
    except Denied:
        return False


def _tiles(size: int, wanted: Iterable[int]) -> Iterator[Tile]:
    for level in wanted:
        yield from tiles(size, level)


def _there(source: Source, tile: Tile) -> bytes:
    found = source.get(tile.path)
    if found is None:
        raise Unread(f"{tile.path}: not served, though the checkpoint covers it")
    return found


def _read(raw: bytes, what: str) -> Checkpoint:
    try:
        return parse_checkpoint(parse_note(raw).text)
    except TlogError as error:
        raise Unread(f"{what}: {error}") from error
