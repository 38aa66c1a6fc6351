"""Keys of client systems: random, shown once, kept as digests in a private file.

A key names its system and nothing else; the person is named beside it in `On-Behalf-Of`.
The file is looked at again at most once a second, so a removed key ends at once.
"""

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from api import private

_FORM = re.compile(r"clk_[A-Za-z0-9_-]{43}", re.ASCII)
LOOK_S = 1.0


class ApiKeys:
    """The keys in one file; a file that is not there holds none."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Bind the file; it is read when a key is first asked for."""
        self._path = path
        self._clock = clock
        self._looked: float | None = None
        self._state: tuple[int, int] | None = None
        self._clients: dict[str, str] = {}

    def client(self, key: str) -> str | None:
        """Return the client system that a key belongs to, or None."""
        if not _FORM.fullmatch(key):
            return None
        self._look()
        return self._clients.get(_digest(key))

    def add(self, client: str, note: str = "") -> str:
        """Make a key for a client system and return it: nobody can show it again."""
        key = f"clk_{secrets.token_urlsafe(32)}"
        entry = {
            "id": secrets.token_hex(8),
            "client": client,
            "sha256": _digest(key),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "note": note,
        }
        with self._alone():
            self._write([*self.listed(), entry])
        return key

    def remove(self, key_id: str) -> bool:
        """Remove a key by its id; tell whether there was one."""
        with self._alone():
            before = self.listed()
            after = [entry for entry in before if entry["id"] != key_id]
            if len(after) < len(before):
                self._write(after)
            return len(after) < len(before)

    def listed(self) -> list[dict[str, Any]]:
        """List the keys without what would open anything."""
        if not self._path.exists():
            return []
        entries: list[dict[str, Any]] = orjson.loads(private.read(self._path))["keys"]
        return entries

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else change the file meanwhile: their key would be lost, or back again."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _write(self, entries: list[dict[str, Any]]) -> None:
        private.write(self._path, orjson.dumps({"keys": entries}, option=orjson.OPT_INDENT_2))
        self._looked = None

    def _look(self) -> None:
        now = self._clock()
        if self._looked is not None and now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._clients, self._state = {}, None
            return
        state = (found.st_mtime_ns, found.st_ino)
        if state != self._state:
            self._clients = {entry["sha256"]: entry["client"] for entry in self.listed()}
            self._state = state


def _digest(key: str) -> str:
    # A plain digest is enough: a key has 256 random bits, nobody guesses it.
    return hashlib.sha256(key.encode()).hexdigest()
