"""Anchors held against the keys that were registered for their log, and each against the last.

The tree proves that nobody changed a record since; not that what was recorded was signed by
that log, nor that it extends what was anchored before.  The checks are made again from the notes
and the proofs themselves (C2SP tlog-checkpoint, RFC 9162, 2.1.4).  Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ledger.fsck_event import Judged
from ledger.held import ANCHORED, CONFLICT, PREFIX
from ledger.tlog import merkle, note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import TlogError, Unproven
from ledger.tlog.note import VerifierKey
from ledger.tlog.verify import verify_signed

LOG = "anchored-log:"
NOTHING = Checkpoint("nothing", 0, merkle.EMPTY_ROOT)

# data, what was registered, the last checkpoint and its note → the last ones from then on.
Check = Callable[[Mapping[str, Any], Mapping[str, Any], Checkpoint, str], tuple[Checkpoint, str]]


@dataclass(slots=True)
class _Registered:
    """A log as it was registered: what is proposed, and what is in force from which version on."""

    proposed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    approved: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)

    def at(self, version: int) -> Mapping[str, Any]:
        """Return what was in force at a version of its stream; `Unproven` where nothing was."""
        found = [content for since, content in self.approved if since <= version]
        if not found:
            raise Unproven("keys", "nobody had registered that log then")
        return found[-1]


class Anchors:
    """Judges anchors in the order of their streams, those of the registrations first."""

    def __init__(self, judged: Judged) -> None:
        """Take where what is wrong is told."""
        self._judged = judged
        self._logs: dict[str, _Registered] = {}
        self._last: dict[str, tuple[Checkpoint, str]] = {}

    def judge(self, position: int, stream: str, version: int, kind: str, record: bytes) -> None:
        """Take an event in, and say what is wrong with it."""
        try:
            body = orjson.loads(record.partition(b"\n")[2])
            if stream.startswith(LOG):
                self._register(stream.removeprefix(LOG), version, kind, body)
            else:
                self._check(stream.removeprefix(PREFIX), CHECKS[kind], body)
        except TlogError as error:
            self._judged.add("anchor", position, f"{stream}: {error}")
        except (AttributeError, KeyError, TypeError, ValueError):
            self._judged.add("anchor", position, f"{stream}: not in its form")

    def _check(self, log: str, check: Check, body: Mapping[str, Any]) -> None:
        known = self._logs.get(log, _Registered()).at(body["relied_on"][LOG + log])
        before, text = self._last.get(log, (NOTHING, ""))
        self._last[log] = check(body["data"], known, before, text)

    def _register(self, log: str, version: int, kind: str, body: Mapping[str, Any]) -> None:
        registered = self._logs.setdefault(log, _Registered())
        if kind == "anchored-log-proposed":
            registered.proposed[body["id"]] = body["data"]["content"]
        elif kind == "anchored-log-approved":
            content = registered.proposed[body["data"]["proposal"]]
            registered.approved.append((version, content))


def _anchored(
    data: Mapping[str, Any], known: Mapping[str, Any], before: Checkpoint, _text: str
) -> tuple[Checkpoint, str]:
    new = _signed(data, known)
    if _told(data["before"]) != (before.size, before.root):
        raise Unproven("before", "it does not go on from the anchor before it")
    merkle.check_consistency(before.size, new.size, _path(data), before.root, new.root)
    return new, data["note"]


def _conflict(
    data: Mapping[str, Any], known: Mapping[str, Any], before: Checkpoint, text: str
) -> tuple[Checkpoint, str]:
    """Check that the two cannot both be; what is anchored stays as it is."""
    if _told(data) != (before.size, before.root) or data["note"] != text:
        raise Unproven("before", "it is not against the anchor before it")
    other = _signed(data["other"], known)
    then = note.from_base64(data["other"]["root_then"])
    if other.size == before.size:
        then = other.root
    else:
        merkle.check_consistency(before.size, other.size, _path(data), then, other.root)
    if then == before.root:
        raise Unproven("conflict", "the two checkpoints do not contradict each other")
    return before, text


def _signed(data: Mapping[str, Any], known: Mapping[str, Any]) -> Checkpoint:
    """Return the checkpoint of a note that the log has signed and the event tells of rightly."""
    keys = tuple(VerifierKey.parse(text) for text in known["keys"])
    found = verify_signed(data["note"].encode(), known["origin"], keys)
    if _told(data) != (found.size, found.root):
        raise Unproven("note", "the event tells another size or root than its note")
    return found


def _told(data: Mapping[str, Any]) -> tuple[int, bytes]:
    return data["size"], note.from_base64(data["root"])


def _path(data: Mapping[str, Any]) -> tuple[bytes, ...]:
    return tuple(note.from_base64(text) for text in data["path"])


CHECKS: Mapping[str, Check] = {ANCHORED: _anchored, CONFLICT: _conflict}
