"""The keys that erase: one for each (subject, case), outside the database and its folder.

A small SQLite file holds them, each wrapped by the key of an organ and a year, which lies
beside it in a file of mode 0400.  New keys are durable before the events that need them: a
crash between the two leaves a key that nobody uses, never an event that nobody can read.
"""

import asyncio
import hashlib
import hmac
import os
import sqlite3
from collections import OrderedDict
from pathlib import Path
from secrets import token_bytes, token_hex
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.queries import load

CACHED = 50_000


class Keyring:
    """The keys of all subjects, by who they are in which case and by their reference."""

    def __init__(self, folder: Path) -> None:
        """Open (or make) the keyring in a folder of mode 0700."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        path = folder / "subjects.db"
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            _settled(folder)
        self._statements = load(Path(__file__).with_suffix(".sql"))
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for name in ("secure", "durable", "journal", "table"):
            self._db.execute(self._statements[name])
        self._lock = Lock()
        self._pending: list[tuple[str, str, str, str, str, bytes]] = []
        self._subjects: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._keys: OrderedDict[str, bytes] = OrderedDict()
        self._wrapping: dict[str, bytes] = {}
        # What fields show masked, by where they are and their ciphertext: every answer on a
        # case asks for the same ones.  Dropped with the key.
        self.masked: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def subject(self, ledger: str, stream: str, role: str, under: str) -> tuple[str, bytes]:
        """Return reference and key of a subject in a case; new ones wait for `flush`.

        `under` names the wrapping key of a new one: of the organ and the year.
        """
        who = (ledger, stream, role)
        reference = self._subjects.get(who)
        if reference is None:
            with self._lock:
                row = self._db.execute(self._statements["by_subject"], who).fetchone()
            reference = row[0] if row else None
        if reference is not None:
            key = self.key(reference)
            if key is not None:
                self._remember(who, reference, key)
                return reference, key
        reference, key = token_hex(16), token_bytes(32)
        nonce = token_bytes(12)
        wrapped = nonce + AESGCM(self._wrap(under)).encrypt(nonce, key, reference.encode())
        self._pending.append((*who, reference, under, wrapped))
        self._remember(who, reference, key)
        return reference, key

    def key(self, reference: str) -> bytes | None:
        """Return the key of a reference; None once it is destroyed."""
        known = self._keys.get(reference)
        if known is not None:
            return known
        with self._lock:
            row = self._db.execute(self._statements["by_reference"], (reference,)).fetchone()
        if row is None:
            return None
        name, wrapped = row
        try:
            key = AESGCM(self._wrap(name)).decrypt(wrapped[:12], wrapped[12:], reference.encode())
        except InvalidTag:
            return None
        self._keys[reference] = key
        return key

    def remember_mask(self, field: tuple[str, str, str], shown: str) -> None:
        """Remember how a field is shown masked."""
        self.masked[field] = shown
        if len(self.masked) > CACHED:
            self.masked.popitem(last=False)

    async def flush(self) -> None:
        """Make new keys durable; the append of what needs them waits for this."""
        if self._pending:
            waiting, self._pending = self._pending, []
            try:
                await asyncio.to_thread(self._write, waiting)
            except BaseException:
                self._pending = waiting + self._pending
                raise

    def _write(self, waiting: list[tuple[str, str, str, str, str, bytes]]) -> None:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(self._statements["add"], waiting)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _remember(self, who: tuple[str, str, str], reference: str, key: bytes) -> None:
        self._subjects[who] = reference
        self._keys[reference] = key
        while len(self._subjects) > CACHED:
            self._subjects.popitem(last=False)
        while len(self._keys) > CACHED:
            self._keys.popitem(last=False)

    def _wrap(self, name: str) -> bytes:
        if name not in self._wrapping:
            self._wrapping[name] = secret(self._folder / f"wrap-{name}.key")
        return self._wrapping[name]


def secret(path: Path) -> bytes:
    """Return the 32 random bytes of a key file of mode 0400, made on first use."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
    except FileExistsError:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    made = token_bytes(32)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(made.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    _settled(path.parent)
    return made


def _settled(folder: Path) -> None:
    """Put a new name on the disk: a synced file that is in no folder is lost all the same."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def derived(key: bytes, purpose: str) -> bytes:
    """Derive a key for one purpose from another."""
    return hmac.new(key, purpose.encode(), hashlib.sha256).digest()
