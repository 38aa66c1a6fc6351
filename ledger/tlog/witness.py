"""What a log asks of a witness, and what a witness answers (C2SP tlog-witness).

Pure: whoever keeps the state checks and stores in one step, before the answer goes out.  A
witness cosigns only what extends all that it saw of a log; what it refuses is kept as evidence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ledger.tlog import checkpoint as checkpoints
from ledger.tlog import merkle, note
from ledger.tlog.checkpoint import Checkpoint, decimal
from ledger.tlog.errors import Malformed, Unproven
from ledger.tlog.note import VerifierKey

MAX_REQUEST = 64 * 1024
MAX_PATH = 63
SIZE_TYPE = "text/x.tlog.size"

Refusal = Literal["unknown-log", "not-signed", "old-size", "conflict"]


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint that a log hands in, with the proof that it extends the size `old`."""

    old: int
    path: tuple[bytes, ...]
    note: note.Note
    raw_note: bytes

    @property
    def raw(self) -> bytes:
        """The body of the request; `parse` gives back the same submission."""
        lines = [f"old {self.old}\n", *(f"{note.base64(one)}\n" for one in self.path)]
        return "".join(lines).encode() + b"\n" + self.raw_note


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest checkpoint of a log that a witness has cosigned; size 0: none yet."""

    size: int = 0
    root: bytes = merkle.EMPTY_ROOT


class NotCosigned(Unproven):
    """A submission that is not cosigned.

    `what` is `unknown-log` (404), `not-signed` (403), `old-size` (409: `size` is the one last
    seen) or `conflict` (422: a wrong proof, or another root for a size that was seen).
    """

    def __init__(self, what: Refusal, why: str, size: int = 0) -> None:
        super().__init__(what, why)
        self.size = size


def submission(old: int, path: Iterable[bytes], raw_note: bytes) -> Submission:
    """Return a submission of a checkpoint as it was signed."""
    return Submission(old, tuple(path), note.parse(raw_note), raw_note)


def parse(raw: bytes) -> Submission:
    """Read the body of a request; raise `Malformed` for every other spelling."""
    if len(raw) > MAX_REQUEST:
        raise Malformed("a request longer than 64 KiB")
    head, parted, signed = raw.partition(b"\n\n")
    if not parted:
        raise Malformed("a request without a checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("a proof with something else than ASCII") from error
    if not first.startswith("old "):
        raise Malformed("the first line is not the old size")
    if len(lines) > MAX_PATH:
        raise Malformed("a path that no tree has")
    path = tuple(note.from_base64(line) for line in lines)
    if any(len(one) != merkle.HASH_BYTES for one in path):
        raise Malformed("a hash has 32 bytes")
    read = submission(decimal(first.removeprefix("old ")), path, signed)
    if read.old > checkpoints.parse(read.note.text).size:
        raise Malformed("an old size that is larger than the new one")
    return read


def origin_of(asked: Submission) -> str:
    """Return which log a submission says it is of; nothing is verified yet."""
    return checkpoints.parse(asked.note.text).origin


def accepted(asked: Submission, keys: Iterable[VerifierKey], seen: Seen) -> Checkpoint:
    """Return the checkpoint that may be cosigned now; raise `NotCosigned` for one that may not.

    `keys` are the verifier keys of the log that it names (none: unknown), `seen` what this
    witness last cosigned of it.
    """
    read = checkpoints.parse(asked.note.text)
    known = [key for key in keys if key.name == read.origin]
    if not known:
        raise NotCosigned("unknown-log", f"no log {read.origin} is known here")
    try:
        note.opened(asked.note, known)
    except Unproven as error:
        raise NotCosigned("not-signed", error.why) from error
    if asked.old != seen.size:
        raise NotCosigned("old-size", f"{seen.size} is the size last seen", seen.size)
    try:
        merkle.check_consistency(seen.size, read.size, asked.path, seen.root, read.root)
    except Unproven as error:
        raise NotCosigned("conflict", error.why, seen.size) from error
    return read
