"""Rotating the key of a log: who takes over from whom, signed by both (STORE 10, keys).

For a while both keys sign every checkpoint; then the old one is retired.  Each step is a note that
both sign, stands in an event of the ledger, and is handed out beside the checkpoint, so that
whoever pinned the first key follows to the newest.  A thief of the first key can write such notes
too: what he cannot have are the witnesses' lines and the checkpoints that others kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, cast

from ledger.tlog import note
from ledger.tlog.checkpoint import Checkpoint, decimal
from ledger.tlog.errors import Malformed, Unproven
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import Policy

FORMAT = "caseledger-key/v1"
# The file of all steps of a log, as it is served and packed.
KEYS = "keys"
LINES = 9  # six of text, an empty one, two of signatures
MAX_STEPS = 1_000

Act = Literal["add", "retire"]
Pair = tuple[VerifierKey, note.Sign]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: from `size` on the new key signs beside the old one, or the old one no more."""

    act: Act
    old: VerifierKey
    new: VerifierKey
    size: int

    def __post_init__(self) -> None:
        """Raise `Malformed` for what is no step."""
        if self.act not in ("add", "retire"):
            raise Malformed("neither added nor retired")
        if self.old.name != self.new.name or self.old == self.new:
            raise Malformed("two keys of one log")

    @property
    def text(self) -> str:
        """The text that both sign; no checkpoint and no cosignature has such a one."""
        lines = (
            FORMAT,
            self.old.name,
            self.act,
            f"old {self.old.text}",
            f"new {self.new.text}",
            f"size {self.size}",
        )
        return "".join(f"{line}\n" for line in lines)


def signed(act: Act, old: Pair, new: Pair, size: int) -> str:
    """Return a step as a note that both keys, each with what signs, have signed."""
    text = Step(act, old[0], new[0], size).text
    lines = tuple(note.sign(text, key, sign) for key, sign in (old, new))
    return note.Note(text, lines).raw.decode()


def read(raw: bytes) -> Step:
    """Read a step that both keys have signed; raise `Malformed` or `Unproven`."""
    parsed = note.parse(raw)
    lines = parsed.text.removesuffix("\n").split("\n")
    if len(lines) != 6 or lines[0] != FORMAT:
        raise Malformed("not a step of a log's keys")
    old = VerifierKey.parse(lines[3].removeprefix("old "))
    new = VerifierKey.parse(lines[4].removeprefix("new "))
    step = Step(cast("Act", lines[2]), old, new, decimal(lines[5].removeprefix("size ")))
    if step.text != parsed.text:
        raise Malformed("another spelling of a step of a log's keys")
    if len(note.opened(parsed, (old, new))) != 2 or len(parsed.signatures) != 2:
        raise Unproven("signature", "old and new key both sign a step")
    return step


def steps(raw: bytes) -> tuple[Step, ...]:
    """Read the file of a log's steps, in their order; raise `Malformed` or `Unproven`."""
    lines = raw.splitlines(keepends=True)
    if len(lines) % LINES or len(lines) > MAX_STEPS * LINES:
        raise Malformed("not a file of a log's keys")
    parts = (lines[at : at + LINES] for at in range(0, len(lines), LINES))
    return tuple(read(b"".join(part)) for part in parts)


@dataclass(frozen=True, slots=True)
class Chain:
    """What follows from the keys that are pinned: the policy with their successors.

    `retired` says up to which size a checkpoint may bear the signature of that key alone.
    """

    policy: Policy
    steps: tuple[Step, ...]
    retired: tuple[tuple[VerifierKey, int], ...]

    def check(self, raw: bytes, checkpoint: Checkpoint) -> tuple[VerifierKey, ...]:
        """Return the keys of its log that a checkpoint bears and that were not retired before.

        The checkpoint was verified.  Raises `Unproven` where it bears retired keys alone.
        """
        ended = dict(self.retired)
        found = {key for key, _ in note.opened(note.parse(raw), self.policy.logs)}
        mine = [key for key in self.policy.logs if key in found and key.name == checkpoint.origin]
        standing = tuple(key for key in mine if ended.get(key, checkpoint.size) >= checkpoint.size)
        if not standing:
            raise Unproven("signature", "signed by a key that was retired before")
        return standing


def followed(policy: Policy, raw: bytes | None) -> Chain:
    """Follow the steps of a log from the keys of a policy; raise `Malformed` or `Unproven`.

    A step by keys that nobody knows is passed over: it proves nothing to this reader.  One by a
    key that was retired before is a thief's.
    """
    logs, ended = list(policy.logs), dict[VerifierKey, int]()
    taken = []
    for step in steps(raw or b""):
        if step.old not in logs:
            continue
        if ended.get(step.old, step.size) < step.size:
            raise Unproven("signature", "a step by a key that was retired before")
        taken.append(step)
        if step.new not in logs:
            logs.append(step.new)
        if step.act == "retire":
            ended[step.old] = min(step.size, ended.get(step.old, step.size))
    return Chain(replace(policy, logs=tuple(logs)), tuple(taken), tuple(ended.items()))


def since(raw: bytes, key: str) -> int:
    """Return the least size of a checkpoint that surely bears a key; 0 for the first one of a log.

    `raw` are the steps of its log.  Raises `Malformed` or `Unproven`.
    """
    taken = (step.size for step in steps(raw) if step.act == "add" and step.new.text == key)
    return max(taken, default=-1) + 1


def joined(notes: Iterable[str]) -> bytes:
    """Return the file of a log's steps."""
    return "".join(notes).encode()
