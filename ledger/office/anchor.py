"""Anchors: one ledger keeps the checkpoints of others, so that none is rewritten unseen (存证).

A provincial ledger registers the log of a county (origin, keys, name) and records its checkpoints
one after the other, each verbatim and with the proof that it extends the one before.
Whoever holds the provincial log then notices a county's history that was made anew, even where
that county's database and key were stolen and no witness was asked.  Pure: notes and proofs are
handed in, and `ledger.tlog` judges them (C2SP tlog-checkpoint, RFC 9162, 2.1.4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.case import Actor, Data, Event, Events
from ledger.errors import Refused
from ledger.held import ANCHORED, CONFLICT, PREFIX
from ledger.office import Office
from ledger.office.versioned import Versioned
from ledger.origin import SIMULATED
from ledger.tlog import merkle, note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Malformed, TlogError, Unproven
from ledger.tlog.merkle import HASH_BYTES
from ledger.tlog.note import VerifierKey
from ledger.tlog.verify import verify_signed

__all__ = ["ANCHORED", "CONFLICT", "KIND", "PREFIX"]

KIND = "anchored-log"

# Two of them and a proof have to fit into one event of 60,000 bytes, however they are escaped.
MAX_NOTE = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a log is anchored, as the newest event of its stream says.

    `version` is that of the newest event, `position` its place; `conflict` is the version of the
    newest conflict, `open` whether nothing that proves consistent came after it.
    """

    version: int = 0
    position: int | None = None
    size: int = 0
    root: bytes = merkle.EMPTY_ROOT
    note: str = ""
    conflict: int | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint to be anchored: its note, and the proof from an earlier size.

    `root` is what that log says its root was at `size`; None: the one that is anchored.
    """

    raw: bytes
    size: int
    path: tuple[bytes, ...]
    root: bytes | None = None


def stream_of(log: str) -> str:
    """Name the stream of the anchors of a registered log."""
    return PREFIX + log


def keys_of(content: Data) -> tuple[VerifierKey, ...]:
    """Return the verifier keys of a registered log; raise `Malformed` for what is none."""
    return tuple(VerifierKey.parse(text) for text in content["keys"])


def seen(newest: Event | None) -> Seen:
    """Read how far a log is anchored from the newest event of its stream, None where none is."""
    if newest is None:
        return Seen()
    data = newest.data
    return Seen(
        version=newest.version,
        position=newest.position,
        size=data["size"],
        root=note.from_base64(data["root"]),
        note=data["note"],
        conflict=data.get("conflict"),
        open=newest.type == CONFLICT,
    )


# -- what is registered --------------------------------------------------------------------------


def check(office: Office, content: Data) -> None:
    """Refuse a log with keys that are not its own, or an origin that is another one's."""
    try:
        keys = keys_of(content)
    except Malformed as error:
        raise Refused("schema", str(error), pointer="/keys") from error
    origin = content["origin"]
    if any(key.name != origin for key in keys) or len(set(keys)) < len(keys):
        raise Refused(
            "schema", "a key of a log is named like its origin, and stands there once",
            rule="anchor.keys", pointer="/keys",
        )  # fmt: skip
    if origin.endswith(SIMULATED) and not office.simulated:
        raise Refused(
            "rule-refused", "the clock of that ledger can be set: it proves nothing here",
            rule="anchor.simulated", pointer="/origin",
        )  # fmt: skip
    if any(e.type == "log-key-set" and e.data["origin"] == origin for e in office.events):
        # Every anchor would make it grow, and want the next one.
        raise Refused(
            "rule-refused", "a ledger does not anchor itself",
            rule="anchor.own", pointer="/origin",
        )  # fmt: skip
    for thing in office.things(KIND):
        current = thing.current
        if current is None:
            continue
        same = current.content["origin"] == origin
        if same != (thing.id == content["id"]):
            raise Refused(
                "rule-refused",
                "that log is registered under another id" if same else "that id is another log",
                rule="anchor.origin", earlier_position=current.position,
            )  # fmt: skip


def beside(office: Office, content: Data) -> Mapping[str, int]:
    """Name the other registrations of this origin, proposed or in force, as they are now.

    An approval rests on them: two at once would else give one log two streams.
    """
    found = [
        thing.stream
        for thing in office.things(KIND)
        if thing.id != content["id"] and content["origin"] in _origins(thing)
    ]
    return office.relied(*found)


def _origins(thing: Versioned) -> frozenset[str]:
    told = [thing.current.content] if thing.current is not None else []
    waiting = [proposal.content for proposal in thing.proposals.values()]
    return frozenset(one["origin"] for one in (*told, *waiting))


# -- what is recorded ----------------------------------------------------------------------------


def recorded(
    log: Versioned,
    newest: Event | None,
    actor: Actor,
    at: datetime,
    *,
    given: Submission,
    relied_on: Mapping[str, int],
    reason: str | None = None,
) -> Events:
    """Record a checkpoint of a registered log, or the proof that it has two histories.

    Refuses what is not signed by the log (`anchor-unproven`), what it cannot be shown to extend
    (`anchor-unproven`), a smaller one (`anchor-shrunk`), and what is there already.  Two signed
    checkpoints that no one history has are no refusal: they are the event `anchor-conflict`.
    """
    if log.current is None:
        raise Refused("rule-refused", "nobody has approved it yet", rule="anchor.approved")
    content, before = log.current.content, seen(newest)
    checkpoint = _verified(given.raw, content)
    data = {"origin": content["origin"], "name": content["name"]}
    parts = _parts(before, checkpoint, given)
    told = (_conflict if parts else _anchored)(before, checkpoint, given)
    return (
        Event(
            stream=stream_of(log.id),
            version=before.version + 1,
            type=CONFLICT if parts else ANCHORED,
            occurred_at=at,
            actor=actor,
            responsibility="administration",
            data={**data, **told},
            relied_on=relied_on,
            reason=reason,
        ),
    )


def _verified(raw: bytes, content: Data) -> Checkpoint:
    if len(raw) > MAX_NOTE:
        raise Refused("schema", f"a note of more than {MAX_NOTE} bytes", pointer="/note")
    try:
        return verify_signed(raw, content["origin"], keys_of(content))
    except Malformed as error:
        raise Refused("schema", str(error), pointer="/note") from error
    except Unproven as error:
        raise Refused(
            "anchor-unproven", str(error), rule="anchor.signature", pointer="/note"
        ) from error


def _parts(before: Seen, new: Checkpoint, given: Submission) -> bool:
    """Tell whether a checkpoint parts from what is anchored; refuse what shows neither."""
    if new.size == before.size:
        if new.root != before.root:
            return True
        raise Refused(
            "already-done", "it is anchored", rule="anchor.grown", earlier_position=before.position
        )
    if new.size < before.size:
        raise Refused(
            "anchor-shrunk", f"{before.size} events are anchored, this has {new.size}",
            rule="anchor.shrunk", earlier_position=before.position,
        )  # fmt: skip
    if given.size != before.size:
        raise Refused("basis-moved", f"the newest anchor has the size {before.size}")
    # Whoever hands in a wrong path proves nothing.  One that leads from another root of that
    # size to the signed root does: the log that signed both has two histories.
    then = before.root if given.root is None else given.root
    try:
        merkle.check_consistency(before.size, new.size, given.path, then, new.root)
    except TlogError as error:
        raise Refused(
            "anchor-unproven", str(error), rule="anchor.consistency", pointer="/path"
        ) from error
    return then != before.root


def _anchored(before: Seen, new: Checkpoint, given: Submission) -> Data:
    """Tell of a checkpoint that extends the one before, with the proof of it."""
    return {
        "size": new.size,
        "root": note.base64(new.root),
        "note": given.raw.decode(),
        "before": {"size": before.size, "root": note.base64(before.root)},
        "path": _texts(given.path),
        "conflict": before.conflict,
    }


def _conflict(before: Seen, new: Checkpoint, given: Submission) -> Data:
    """Tell of two histories: both notes, and how the second one shows another root."""
    if before.open:
        # One is enough: a fork that grows would fill the ledger.
        raise Refused(
            "anchor-conflict", "a conflict is on record, and nothing consistent came after it",
            rule="anchor.conflict", earlier_position=before.position,
        )  # fmt: skip
    then = new.root if new.size == before.size else given.root
    return {
        "size": before.size,
        "root": note.base64(before.root),
        "note": before.note,
        "other": {
            "size": new.size,
            "root": note.base64(new.root),
            "note": given.raw.decode(),
            "root_then": note.base64(then or before.root),
        },
        "path": _texts(() if new.size == before.size else given.path),
        "conflict": before.version + 1,
    }


def _texts(path: Sequence[bytes]) -> list[str]:
    return [note.base64(one) for one in path]


def hashes(texts: Sequence[str], pointer: str) -> tuple[bytes, ...]:
    """Read hashes of a proof as they are written; refuse what is none."""
    try:
        found = tuple(note.from_base64(text) for text in texts)
    except Malformed as error:
        raise Refused("schema", str(error), pointer=pointer) from error
    if any(len(one) != HASH_BYTES for one in found):
        raise Refused("schema", "a hash has 32 bytes", pointer=pointer)
    return found
