"""The keys that erase: one for each (subject, case), outside the database and its folder.

A small SQLite file holds them, each wrapped by the key of an organ and a year, which lies
beside it in a file of mode 0400.  New keys are durable before the events that need them: a
crash between the two leaves a key that nobody uses, never an event that nobody can read.
"""

import asyncio
import hashlib
import hmac
import os
import re
import sqlite3
import threading
from collections import OrderedDict
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.durable import kept_secret, settled
from ledger.errors import Corrupt, Unavailable
from ledger.queries import load

K = TypeVar("K")
V = TypeVar("V")

CACHED = 50_000
KEY_BYTES = 32
# The role of a key under which something waits for a while, and which is then destroyed.
PASSING = "passing"
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Keyring:
    """The keys of all subjects, by who they are in which case and by their reference.

    One connection writes, in a thread; another reads and never waits for the disk.
    """

    def __init__(self, folder: Path) -> None:
        """Open (or make) the keyring in a folder of mode 0700."""
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            settled(folder.parent)
        self._folder = folder
        self._path = folder / "subjects.db"
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            settled(folder)
        self._statements = load(Path(__file__).with_suffix(".sql"))
        self._db = self._connected()
        for name in ("journal", "table", "index"):
            self._db.execute(self._statements[name])
        # What a crash in the middle of a destruction left, or somebody's reading keeps there.
        self._left = bool(self._db.execute(self._statements["checkpoint"]).fetchone()[0])
        self._reads = self._connected()
        self._writing = asyncio.Lock()
        # Whoever waits for a thread may be cancelled, and the thread goes on: what writes or
        # closes next, in whatever thread, waits for it.
        self._using = threading.RLock()
        self._pending: list[tuple[str, str, str, str, str, bytes]] = []
        self._subjects: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._keys: OrderedDict[str, bytes] = OrderedDict()
        self._wrapping: dict[str, bytes] = {}
        # What fields show masked, by where they are and their ciphertext: every answer on a
        # case asks for the same ones.  Dropped with the key.
        self.masked: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        # Whose data are kept for storage only: nothing of them is shown, not even masked.
        self.restricted: set[str] = set()

    def close(self) -> None:
        """Close the file, once nothing is being written any more."""
        with self._using:
            self._reads.close()
            self._db.close()

    def subject(self, ledger: str, stream: str, role: str, under: str) -> tuple[str, bytes]:
        """Return reference and key of a subject in a case; new ones wait for `flush`.

        `under` names the wrapping key of a new one (`wrapping_key`).  Raises `Corrupt` where
        a key is there and cannot be opened: another one would hide that from everybody.
        """
        who = (ledger, stream, role)
        reference = self._subjects.get(who)
        if reference is None:
            row = self._reads.execute(self._statements["by_subject"], who).fetchone()
            reference = row[0] if row else self._made(who, under)
            _kept(self._subjects, who, reference)
        key = self.key(reference)
        if key is None:
            raise Corrupt("the key of a subject is stored and cannot be opened")
        return reference, key

    def key(self, reference: str) -> bytes | None:
        """Return the key of a reference; None once it, or what it is wrapped by, is gone."""
        known = self._keys.get(reference)
        if known is None:
            known = self._opened(reference)
            if known is not None:
                _kept(self._keys, reference, known)
        return known

    def about(self, reference: str) -> tuple[str, str, str] | None:
        """Return ledger, stream and role of a reference; None where it has no key, or no more."""
        row = self._reads.execute(self._statements["about"], (reference,)).fetchone()
        return (row[0], row[1], row[2]) if row is not None else None

    def subjects(self, ledger: str, stream: str) -> tuple[tuple[str, str], ...]:
        """Return role and reference of everybody who has a key in a stream."""
        rows = self._reads.execute(self._statements["of_stream"], (ledger, stream)).fetchall()
        return tuple((role, reference) for role, reference in rows)

    def fingerprint(self, reference: str) -> str | None:
        """Return what tells a key from others, and nothing else: it is 256 random bits."""
        key = self.key(reference)
        return None if key is None else hashlib.sha256(b"key\0" + key).hexdigest()

    async def new_passing(self, ledger: str, place: str, under: str) -> bytes:
        """Make the key of what waits at a place, durable once it is returned.

        It is not remembered here: who destroys it (`forget`) may be another process.
        """
        reference = self._made((ledger, place, PASSING), under)
        key = self._keys.pop(reference)
        await self.flush()
        return key

    def passing_key(self, ledger: str, place: str) -> bytes | None:
        """Return the key of what waits at a place; None once it is destroyed."""
        who = (ledger, place, PASSING)
        row = self._reads.execute(self._statements["by_subject"], who).fetchone()
        return None if row is None else self._opened(row[0])

    def passing(self, ledger: str, kind: str) -> tuple[tuple[str, str], ...]:
        """Return place and reference of every such key, of places of a kind (`import:…`)."""
        asked = (ledger, f"{kind}:", f"{kind};", PASSING)
        return tuple(self._reads.execute(self._statements["passing"], asked).fetchall())

    def inspection_key(self, ledger: str) -> bytes:
        """Return the key of the sealed line of a ledger's access log, made on first use."""
        return secret(self._folder / f"inspection-{ledger}.key")

    def remember_mask(self, field: tuple[str, str, str], shown: str) -> None:
        """Remember how a field is shown masked."""
        _kept(self.masked, field, shown)

    async def flush(self) -> None:
        """Make new keys durable; the append of what needs them waits for this.

        Whoever finds another flush at work waits for it: that one may hold their keys.
        """
        async with self._writing:
            waiting = tuple(self._pending)
            if waiting:
                await asyncio.to_thread(self._write, waiting)
                del self._pending[: len(waiting)]

    async def forget(self, reference: str) -> None:
        """Destroy a key: nothing under it is ever opened again, by anybody.

        Again and again it does no harm: a crash in the middle is ended by the next call.
        """
        await self.flush()
        try:
            if self.about(reference) is not None:
                async with self._writing:
                    await asyncio.to_thread(self._destroy, reference)
            await self.ended()
        finally:
            self._forgotten(reference)

    async def ended(self) -> None:
        """End what `forget` could not: while somebody reads, what was deleted is still there.

        Raises `Unavailable` as that does, until nobody does.
        """
        if self._left:
            async with self._writing:
                await asyncio.to_thread(self._overwrite)

    def erase(self, reference: str) -> None:
        """Destroy a key at once, in this thread: for who is about to measure without it."""
        try:
            if self.about(reference) is not None:
                self._destroy(reference)
        finally:
            self._forgotten(reference)

    def _forgotten(self, reference: str) -> None:
        self.restricted.discard(reference)
        self._keys.pop(reference, None)
        self.masked.clear()
        for who in [who for who, known in self._subjects.items() if known == reference]:
            del self._subjects[who]

    # -- inside ----------------------------------------------------------------------------

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        for name in ("secure", "durable"):
            db.execute(self._statements[name])
        return db

    def _opened(self, reference: str) -> bytes | None:
        row = self._reads.execute(self._statements["by_reference"], (reference,)).fetchone()
        if row is None:
            return None
        name, wrapped = row
        wrapping = self._wrapping.get(name) or _read(self._file(name))
        if wrapping is None:
            return None
        self._wrapping[name] = wrapping
        try:
            return AESGCM(wrapping).decrypt(wrapped[:12], wrapped[12:], reference.encode())
        except InvalidTag:
            return None

    def _made(self, who: tuple[str, str, str], under: str) -> str:
        reference, key, nonce = token_hex(16), token_bytes(KEY_BYTES), token_bytes(12)
        if under not in self._wrapping:
            self._wrapping[under] = secret(self._file(under))
        sealed = AESGCM(self._wrapping[under]).encrypt(nonce, key, reference.encode())
        self._pending.append((*who, reference, under, nonce + sealed))
        _kept(self._keys, reference, key)
        return reference

    def _write(self, waiting: tuple[tuple[str, str, str, str, str, bytes], ...]) -> None:
        with self._using:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(self._statements["add"], waiting)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _destroy(self, reference: str) -> None:
        with self._using:
            self._db.execute(self._statements["forget"], (reference,))
            self._left = True
            self._overwrite()

    def _overwrite(self) -> None:
        # The write-ahead file has the page as it was.  A crash here leaves that, and opening
        # the keyring ends it.
        with self._using:
            if self._db.execute(self._statements["checkpoint"]).fetchone()[0]:
                raise Unavailable("busy", "somebody reads the keys: destroy it again")
            self._left = False

    def _file(self, name: str) -> Path:
        return self._folder / f"wrap-{name}.key"


def wrapping_key(ledger: str, organ: str | None, year: int) -> str:
    """Name the key that wraps those of an organ's cases of a year; without organ the ledger's."""
    own = organ or ""
    if own and not _FILE_NAME.fullmatch(own):  # a code may hold anything, a slash too
        own = hashlib.sha256(own.encode()).hexdigest()[:32]
    return f"{ledger}.{own}.{year}"


def secret(path: Path) -> bytes:
    """Return the 32 random bytes of a key file of mode 0400, made on first use.

    Of two processes none goes on with a key that is not there.
    """
    known = _read(path)
    if known is not None:
        return known
    kept_secret(path, token_bytes(KEY_BYTES).hex() + "\n")
    made = _read(path)
    assert made is not None, "it has just been named"
    return made


def _read(path: Path) -> bytes | None:
    """Return the key in a file, or None where there is no such file."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise Corrupt(f"{path.name} is not a key")
    return key


def _kept(known: OrderedDict[K, V], name: K, value: V) -> None:
    known[name] = value
    if len(known) > CACHED:
        known.popitem(last=False)


def derived(key: bytes, purpose: str) -> bytes:
    """Derive a key for one purpose from another."""
    return hmac.new(key, purpose.encode(), hashlib.sha256).digest()
