"""What a witness remembers, in a SQLite file of its own; check and store are one step."""

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger.queries import load
from ledger.tlog import merkle
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.witness import NotCosigned, Seen, Submission, origin_of

Check = Callable[[Seen], Checkpoint]
Cosign = Callable[[Checkpoint], tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest checkpoint of a log that this witness cosigned, and its own line under it."""

    origin: str
    size: int
    root: bytes
    note: bytes
    line: str
    at: int


@dataclass(frozen=True, slots=True)
class PutAside:
    """What was refused as a conflict: the request, and the checkpoint it parts from."""

    id: int
    origin: str
    what: str
    why: str
    body: bytes
    known: bytes | None
    at: int


class Memory:
    """The file of a witness."""

    def __init__(self, path: Path) -> None:
        """Open or make it; nobody else may read or write it."""
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._statements = load(Path(__file__).with_suffix(".sql"))
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for name in ("durable", "log", "refused"):
            self._db.execute(self._statements[name])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def cosigned(self, asked: Submission, check: Check, cosign: Cosign, now: int) -> str:
        """Check a submission against what was seen, store it, and return the line under it.

        All in one transaction, durable when this returns.  What conflicts is put aside, and
        `NotCosigned` raised again.
        """
        origin = origin_of(asked)
        self._db.execute(self._statements["begin"])
        try:
            row = self._db.execute(self._statements["seen"], (origin,)).fetchone()
            seen = Seen(row[0], row[1]) if row else Seen(0, merkle.EMPTY_ROOT)
            try:
                read = check(seen)
            except NotCosigned as refused:
                if refused.what == "conflict":
                    self._put_aside(origin, refused, asked, now)
                self._db.execute("COMMIT")
                raise
            line, at = cosign(read)
            kept = (origin, read.size, read.root, asked.raw_note, line, at)
            self._db.execute(self._statements["keep"], kept)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return line

    def _put_aside(self, origin: str, refused: NotCosigned, asked: Submission, now: int) -> None:
        known = self._db.execute(self._statements["note_of"], (origin,)).fetchone()
        self._db.execute(
            self._statements["put_aside"],
            (origin, refused.what, refused.why, asked.raw, known[0] if known else None, now),
        )

    def logs(self) -> list[Kept]:
        """List the newest checkpoint of every log."""
        return [Kept(*row) for row in self._db.execute(self._statements["logs"])]

    def put_aside(self, limit: int = 100) -> list[PutAside]:
        """List what was refused as a conflict, the newest first."""
        return [PutAside(*row) for row in self._db.execute(self._statements["conflicts"], (limit,))]
