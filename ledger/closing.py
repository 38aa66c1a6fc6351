"""The closing statement of a ledger, signed by two people of two organs (STORE 10, recovery).

A ledger that is shorter than what it signed, or has another history, may never go on under its
origin: whoever holds the old checkpoint would have two histories of one name.  The statement
says what was signed, what is held, and what is missing.  A ledger with a new origin commits it in
its first event, so whoever trusts the new one learns what became of the old one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.stored import Stored
from ledger.tlog import note
from ledger.tlog.checkpoint import Checkpoint, decimal
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.errors import Malformed, TlogError, Unproven
from ledger.tlog.merkle import HASH_BYTES
from ledger.tlog.note import VerifierKey

FORMAT = "caseledger-closing/v1"
# What a closed ledger is written under: no deployment has a number as large.
CLOSED_EPOCH = 2**63 - 1
# The file outside the database, beside the checkpoints; it outlives every restore.
SUFFIX = ".closed"
SIGNERS = 2
MAX_REASON = 500
OPENED = "ledger-opened"
COMMITTED = {"origin", "checkpoint", "held", "statement"}


@dataclass(frozen=True, slots=True)
class Held:
    """One log: the last checkpoint that is known of it, and how much of it is held."""

    signed: Checkpoint
    size: int
    root: bytes

    @property
    def missing(self) -> int:
        """How many events are missing that were signed."""
        return max(self.signed.size - self.size, 0)

    @property
    def line(self) -> str:
        """The line of the statement."""
        signed, root = note.base64(self.signed.root), note.base64(self.root)
        return (
            f"log {self.signed.origin} signed {self.signed.size} {signed} held {self.size} {root}"
        )


@dataclass(frozen=True, slots=True)
class Closing:
    """What two people sign: of which ledger, why, its logs (its own first), and their keys."""

    ledger: str
    reason: str
    logs: tuple[Held, ...]
    signers: tuple[VerifierKey, ...]

    def __post_init__(self) -> None:
        """Raise `Malformed` for what could not be written and read back the same."""
        if not self.logs:
            raise Malformed("a closing statement without a log")
        if not 0 < len(self.reason) <= MAX_REASON or not self.reason.isprintable():
            raise Malformed(f"a reason is one line of at most {MAX_REASON} characters")
        people = [person_of(key) for key in self.signers]
        if len(people) != SIGNERS or len({key.public for key in self.signers}) != SIGNERS:
            raise Malformed("two people sign, each with a key of their own")
        if len({organ for organ, _ in people}) != SIGNERS:
            raise Malformed("the two who sign are of one organ")
        if len({person for _, person in people}) != SIGNERS:
            raise Malformed("one person does not sign for two organs")

    @property
    def own(self) -> Held:
        """The log of the ledger itself."""
        return self.logs[0]

    @property
    def text(self) -> str:
        """The text that is signed; `parse` gives back the same."""
        lines = [FORMAT, f"ledger {self.ledger}", f"because {self.reason}"]
        lines += [log.line for log in self.logs]
        lines += [f"signer {key.text}" for key in self.signers]
        return "".join(f"{line}\n" for line in lines)


def person_of(key: VerifierKey) -> tuple[str, str]:
    """Return organ and person of a key named `organ/person`; raise `Malformed`."""
    organ, slash, person = key.name.partition("/")
    if not organ or not slash or not person or "/" in person:
        raise Malformed(f"{key.name} is not organ/person")
    return organ, person


def parse(text: str) -> Closing:
    """Read the text of a statement; raise `Malformed` for another spelling."""
    lines = text.removesuffix("\n").split("\n")
    if lines[0] != FORMAT or len(lines) < 3:
        raise Malformed("not a closing statement")
    logs = tuple(_log(line) for line in lines if line.startswith("log "))
    keys = [line.removeprefix("signer ") for line in lines if line.startswith("signer ")]
    found = Closing(
        lines[1].removeprefix("ledger "),
        lines[2].removeprefix("because "),
        logs,
        tuple(VerifierKey.parse(key) for key in keys),
    )
    if found.text != text:
        raise Malformed("another spelling of a closing statement")
    return found


def _log(line: str) -> Held:
    words = line.split(" ")
    if len(words) != 8 or (words[2], words[5]) != ("signed", "held"):
        raise Malformed("a log of a closing statement in another spelling")
    root = note.from_base64(words[7])
    if len(root) != HASH_BYTES:
        raise Malformed("a root has 32 bytes")
    signed = Checkpoint(words[1], decimal(words[3]), note.from_base64(words[4]))
    return Held(signed, decimal(words[6]), root)


def signed_by(raw: bytes, public: bytes, sign: note.Sign) -> bytes:
    """Return a statement with one more signature, in the order of its signers.

    `raw` is the text alone or with the other's signature.  Raises `Malformed`, and `Unproven`
    where the key is none that the statement names, or the other's signature fails.
    """
    text = raw.decode()
    lines: tuple[note.Signature, ...] = ()
    if "\n\n" in text:
        read = note.parse(raw)
        text, lines = read.text, read.signatures
    told = parse(text)
    key = next((one for one in told.signers if one.public == public), None)
    if key is None:
        raise Unproven("signature", "the statement names another key: whoever signs is in it")
    others = tuple(one for one in lines if (one.name, one.key_id) != (key.name, key.key_id))
    order = [(one.name, one.key_id) for one in told.signers]
    mine = (*others, note.sign(text, key, sign))
    whole = note.Note(text, tuple(sorted(mine, key=lambda s: order.index((s.name, s.key_id)))))
    note.opened(whole, told.signers)
    return whole.raw


def closed(raw: bytes) -> Closing:
    """Read a statement that both have signed, and nobody else; raise `Malformed` or `Unproven`."""
    read = note.parse(raw)
    told = parse(read.text)
    found = [key for key, _ in note.opened(read, told.signers)]
    if found != list(told.signers) or len(read.signatures) != SIGNERS:
        raise Unproven("signature", "a closing statement is signed by the two it names, in order")
    return told


def digest(raw: bytes) -> str:
    """Return what a statement is known by: SHA-256 of the file with both signatures."""
    return sha256(raw).hexdigest()


def follows(raw: bytes, wanted: str | None) -> dict[str, object]:
    """Return what the first event of the ledger that follows commits.

    `wanted` is the digest that the closing printed.  Raises `Malformed` or `Unproven`.
    """
    told = closed(raw)
    if wanted is not None and digest(raw) != wanted:
        raise Unproven("digest", "not the statement that closed the ledger")
    return {
        "origin": told.own.signed.origin,
        "checkpoint": told.own.signed.text,
        "held": told.own.size,
        "statement": digest(raw),
    }


def check_link(told: object, raw: bytes) -> Closing:
    """Check that what a first event commits is this statement; raise `Malformed` or `Unproven`."""
    found = closed(raw)
    if told != follows(raw, None):
        raise Unproven("follows", "the first event commits another statement")
    return found


def link_of(first: Stored) -> Mapping[str, Any] | None:
    """Return what a first event commits of the ledger before, None where it follows none.

    Anybody's record: what has not the shape of `follows` commits nothing.
    """
    told = first.data.get("follows") if first.type == OPENED else None
    if not isinstance(told, dict) or set(told) != COMMITTED or type(told["held"]) is not int:
        return None
    if not all(isinstance(told[name], str) for name in COMMITTED - {"held"}):
        return None
    try:
        parse_checkpoint(told["checkpoint"])
    except TlogError:
        return None
    return told
