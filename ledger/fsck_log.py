"""Checkpoints and what others signed under them, held against a tree computed anew.  Pure.

The formats are C2SP's (tlog-checkpoint, tlog-cosignature); a signature is only believed by a
key that the ledger's own events name, or the row of its log where no event does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ledger.fsck_event import Judged
from ledger.tlog import note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import CosignerKey, cosigned_at
from ledger.tlog.errors import TlogError
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.sm2 import NotInstalled, Sm2Key
from ledger.tlog.verify import verify_signed

# Says what is wrong with a time stamp on the text of a checkpoint, None where it is good.
Stamped = Callable[[str, bytes], str | None]


@dataclass(frozen=True, slots=True)
class Signers:
    """Under which name and keys a log signs, and which witnesses are known."""

    origin: str
    keys: tuple[VerifierKey, ...]
    policy: Policy | None = None
    by_sm2: tuple[Sm2Key, ...] = ()

    def witnesses(self) -> Mapping[tuple[str, int], CosignerKey]:
        """Return the keys of the witnesses by what their lines are found by."""
        known = self.policy.witnesses.values() if self.policy else ()
        return {(key.name, key.key_id): key for key in known}


def opened(raw: bytes, signers: Signers) -> Checkpoint:
    """Read a checkpoint that a key of this log has signed; raise `TlogError`."""
    return verify_signed(raw, signers.origin, signers.keys)


def judge_checkpoint(
    row: Mapping[str, object], root: bytes | None, good: int, signers: Signers, judged: Judged
) -> None:
    """Hold a stored checkpoint against the tree; `good` is the size that last agreed."""
    size, stored = int(str(row["size"])), row["root"]
    try:
        told = opened(bytes(row["note"]), signers)  # type: ignore[call-overload]
    except TlogError as error:
        judged.add("checkpoint", size, f"the checkpoint of {size}: {error}")
        return
    if (told.size, told.root) != (size, stored):
        judged.add("checkpoint", size, f"the row of checkpoint {size} is not what was signed")
    elif root is not None and root != stored:
        why = f"the events from {good} to {size - 1} are not those of checkpoint {size}"
        judged.add("tree", good, why)
    try:
        _by_sm2(bytes(row["note"]), signers)  # type: ignore[call-overload]
    except TlogError as error:
        judged.add("checkpoint", size, f"the checkpoint of {size}: {error}")
    except NotInstalled as error:
        judged.add("sm2", size, f"lines by SM2 cannot be checked here: {error}")


def judge_kept(
    where: str, kept: bytes, stored: bytes, size: int, signers: Signers, judged: Judged
) -> None:
    """Miss a line by SM2 that the same checkpoint bears elsewhere.

    That a checkpoint has to bear one, no event says: a key signs while its file is there.
    """
    try:
        known = _by_sm2(kept, signers)
    except TlogError as error:
        judged.add("outside", None, f"{where}: {error}")
    except NotInstalled as error:
        judged.add("sm2", size, f"lines by SM2 cannot be checked here: {error}")
    else:
        if known - _bears(stored, signers):
            why = f"the checkpoint of {size} has no line by SM2, which {where} has"
            judged.add("checkpoint", size, why)


def _by_sm2(raw: bytes, signers: Signers) -> set[Sm2Key]:
    """Return the SM2 keys that signed a note; raise `TlogError` where a line is not theirs."""
    known = _bears(raw, signers)
    if known:
        note.opened(note.parse(raw), known)
    return known


def _bears(raw: bytes, signers: Signers) -> set[Sm2Key]:
    """Return the SM2 keys of which a note has a line, whatever it is worth."""
    there = {(line.name, line.key_id) for line in note.parse(raw).signatures}
    return {key for key in signers.by_sm2 if (key.name, key.key_id) in there}


def judge_cosignatures(
    text: str, size: int, rows: Sequence[Mapping[str, object]], signers: Signers, judged: Judged
) -> None:
    """Hold the lines of witnesses under a checkpoint against its text."""
    known = signers.witnesses()
    for row in rows:
        why = _cosigned(text, row, known)
        if why:
            judged.add("cosignature", size, f"{row['witness']} under checkpoint {size}: {why}")


def _cosigned(
    text: str, row: Mapping[str, object], known: Mapping[tuple[str, int], CosignerKey]
) -> str | None:
    try:
        read = note.parse(f"{text}\n{row['line']}".encode())
    except TlogError as error:
        return str(error)
    if len(read.signatures) != 1:
        return "more than one line"
    line = read.signatures[0]
    if line.name != row["witness"]:
        return f"the line is of {line.name}"
    if len(line.signature) < 8 or cosigned_at(line.signature) != row["at"]:
        return "the time is not that of the line"
    key = known.get((line.name, line.key_id))
    if key is None and line.name in {name for name, _ in known}:
        return "the line is of a key that the policy does not give it"
    if key is not None and not key.verifies(text, line.signature):
        return "the signature does not verify"
    return None
