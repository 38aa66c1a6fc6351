"""The dossier of a case (证据包): what is in it, under which names, and what its maker states.

It is made for somebody without our database, our network and our good will: the bytes as they
were stored, their proofs under one checkpoint, the rules they rest on, and a page to read
(电子签名法 5, 8; 行政诉讼证据规定 60; 监察法 28).  A bare tree proves what is there, never
that nothing else is: that a case has n versions below a checkpoint, and no more, is a
statement of whoever keeps the log.  `manifest.note` is that statement, signed.  Cutting off
the newest event and telling so breaks the signature; not telling so leaves a hole.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.closing import link_of
from ledger.dossier_text import EXPLAINED
from ledger.origin import SIMULATED
from ledger.rotation import KEYS
from ledger.stored import Stored, read, written
from ledger.tlog import note
from ledger.tlog.checkpoint import Checkpoint, decimal
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.errors import Malformed
from ledger.tlog.note import VerifierKey

FORMAT = "caseledger-dossier/v1"
MANIFEST, STATEMENT = "manifest.json", "manifest.note"
CHECKPOINT, OPEN_CHECKPOINT = "checkpoint", "checkpoint.open"
POLICY, VKEY, README, PAGE = "policy", "vkey", "README.txt", "index.html"
CASE, RULE, REFUSAL, OPENING = "case", "rule", "refusal", "opening"
SINGLE = (MANIFEST, STATEMENT, CHECKPOINT, OPEN_CHECKPOINT, POLICY, VKEY, README, PAGE, KEYS)
EVENT_NAME = re.compile(r"(case|rule|refusal|opening)-([0-9]{12})\.(event|tlog-proof)", re.ASCII)
DOCUMENT_NAME = re.compile(r"document-([0-9a-f]{64})", re.ASCII)
STAMP_NAME = re.compile(r"time-stamp-([0-9a-f]{64})\.tsr", re.ASCII)
MAX_POSITION = 10**12 - 1

# What a case rests on that is the office's and can be shown whole; other streams it names are
# other people's cases.
RULES = ("appointment:", "calendar:", "item:", "ledger:", "policy:", "seal:")
DECISION = "decided"
# What JSON tells, as the manifest has it.
Told = Mapping[str, Any]
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proved:
    """An event as it is stored, and the proof of it under the checkpoint of its log."""

    position: int
    record: bytes
    proof: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a dossier is made of: everything in it is bytes that somebody else can check.

    `rules` are the histories of what the case rests on, `refusals` what was refused on it, in
    the log of the ledger's open line under `refused_under`; `more_refused`: those are the first
    ones only.  `stamps` are time stamps of the checkpoint (RFC 3161).
    """

    number: str
    events: Sequence[Proved]
    rules: Sequence[Proved]
    checkpoint: bytes
    policy: bytes
    page: bytes
    refusals: Sequence[Proved] = ()
    refused_under: bytes | None = None
    more_refused: bool = False
    stamps: Sequence[bytes] = ()
    # The first event of a ledger that follows one which was closed; else nothing.
    opening: Sequence[Proved] = ()
    # How the keys of these logs took over, where any did (`rotation.py`).
    keys: bytes = b""
    # The keys of the log, one a line, where the checkpoint bears one that no policy can name.
    vkey: bytes = b""


@dataclass(frozen=True, slots=True)
class Statement:
    """What the keeper of a log states of a dossier: how far the case goes, and what is in it.

    Of `versions` events of a stream below the checkpoint's size the last is at `last`; the
    manifest has this digest.  No checkpoint and no cosignature has such a text.
    """

    origin: str
    stream: str
    versions: int
    last: int
    size: int
    root: bytes
    manifest: str

    @property
    def text(self) -> str:
        """The text that is signed; `parse` gives back the same statement."""
        lines = (
            FORMAT,
            self.origin,
            self.stream,
            f"versions {self.versions}",
            f"last {self.last}",
            f"size {self.size}",
            f"root {note.base64(self.root)}",
            f"manifest {self.manifest}",
        )
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "Statement":
        """Read a statement; raise `Malformed` for another spelling."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) != 8 or lines[0] != FORMAT:
            raise Malformed("not the statement of a dossier")
        told: dict[str, str] = {}
        for name, line in zip(
            ("versions", "last", "size", "root", "manifest"), lines[3:], strict=True
        ):
            label, _, told[name] = line.partition(" ")
            if label != name:
                raise Malformed(f"a statement without {name}")
        found = cls(
            lines[1],
            lines[2],
            decimal(told["versions"]),
            decimal(told["last"]),
            decimal(told["size"]),
            note.from_base64(told["root"]),
            told["manifest"],
        )
        if found.text != text or not _DIGEST.fullmatch(found.manifest):
            raise Malformed("another spelling of a statement")
        return found


def statement_key(log: VerifierKey) -> VerifierKey:
    """Return the key that a log's key is for dossiers: the same one under a name of its own."""
    return VerifierKey(f"{log.name}/dossier", log.public)


def event_name(kind: str, position: int, what: str = "event") -> str:
    """Return the name of an event, or of its proof, by its position.

    >>> event_name("case", 42)
    'case-000000000042.event'
    """
    return f"{kind}-{position:012}.{what}"


# -- making ------------------------------------------------------------------------------------


def files(contents: Contents, keys: Iterable[tuple[VerifierKey, note.Sign]]) -> dict[str, bytes]:
    """Return the files of a dossier, the manifest and the signed statement among them.

    The same contents make the same bytes: nothing here is drawn or asked of a clock, and
    Ed25519 signs one text in one way (RFC 8032).  SM2 does not, so no SM2 key states a dossier.
    """
    found = {
        CHECKPOINT: contents.checkpoint,
        POLICY: contents.policy,
        README: EXPLAINED.encode(),
        PAGE: contents.page,
    }
    if contents.keys:
        found[KEYS] = contents.keys
    if contents.vkey:
        found[VKEY] = contents.vkey
    if contents.refused_under is not None:
        found[OPEN_CHECKPOINT] = contents.refused_under
    kinds = (
        (CASE, contents.events),
        (RULE, contents.rules),
        (REFUSAL, contents.refusals),
        (OPENING, contents.opening),
    )
    for kind, proved in kinds:
        for one in proved:
            found[event_name(kind, one.position)] = one.record
            found[event_name(kind, one.position, "tlog-proof")] = one.proof
    for token in contents.stamps:
        found[f"time-stamp-{sha256(token).hexdigest()}.tsr"] = token
    checkpoint = parse_checkpoint(note.parse(contents.checkpoint).text)
    events, rules, refusals, opening = ([read(one.record) for one in proved] for _, proved in kinds)
    digests = {name: sha256(content).hexdigest() for name, content in found.items()}
    told = manifest(
        contents.number,
        checkpoint,
        events,
        rules,
        refusals,
        digests,
        opening,
        more=contents.more_refused,
    )
    found[MANIFEST] = written(told)
    stated = statement(checkpoint, events, found[MANIFEST])
    lines = tuple(note.sign(stated.text, statement_key(key), sign) for key, sign in keys)
    found[STATEMENT] = note.Note(stated.text, lines).raw
    return found


def statement(checkpoint: Checkpoint, events: Sequence[Stored], told: bytes) -> Statement:
    """Return what is to be stated of a case's events and the manifest over them."""
    newest = events[-1]
    return Statement(
        checkpoint.origin,
        newest.stream,
        newest.version,
        newest.position,
        checkpoint.size,
        checkpoint.root,
        sha256(told).hexdigest(),
    )


def manifest(
    number: str,
    checkpoint: Checkpoint,
    events: Sequence[Stored],
    rules: Sequence[Stored],
    refusals: Sequence[Stored],
    digests: Mapping[str, str],
    opening: Sequence[Stored] = (),
    *,
    more: bool,
) -> dict[str, Any]:
    """Return what the manifest tells.

    All but the number, and whether there are more refusals, follows from the other files: who
    verifies works it out anew and compares.
    """
    at_decision, after_decision = around_decision(events)
    needed, elsewhere = relied_on(events)
    link = link_of(opening[0]) if opening else None
    return ({} if link is None else {"follows": link}) | {
        "format": FORMAT,
        "ledger": events[0].ledger,
        "origin": checkpoint.origin,
        "simulated": SIMULATED in checkpoint.origin,
        "case": number,
        "stream": events[0].stream,
        "checkpoint": {"size": checkpoint.size, "root": checkpoint.root.hex()},
        "completeness": {
            "versions": len(events),
            "last_position": events[-1].position,
            "says": "versions 1 to n of this case, without a gap, are all there are below the "
            "size of the checkpoint; what was recorded later is not in here",
        },
        "events": [
            {"position": one.position, "version": one.version, "type": one.type} for one in events
        ],
        "at_decision": at_decision,
        "after_decision": after_decision,
        "relied_on": [
            {
                "stream": stream,
                "version": version,
                "positions": [one.position for one in rules if one.stream == stream],
            }
            for stream, version in sorted(needed.items())
        ],
        "relied_on_elsewhere": elsewhere,
        "refusals": [one.position for one in refusals],
        "more_refusals": more,
        "documents": documents(events),
        "files": dict(digests),
    }


def around_decision(events: Sequence[Stored]) -> tuple[list[int], list[int]]:
    """Return the positions recorded before or with the last decision, and those after it.

    It goes by the order of recording, whatever `occurred_at` claims: what was entered after
    the decision was not before whoever decided (行政诉讼证据规定 60).  Where nothing was
    decided all are of the first kind.
    """
    decided = [one.position for one in events if one.type == DECISION]
    last = decided[-1] if decided else MAX_POSITION
    positions = [one.position for one in events]
    return [p for p in positions if p <= last], [p for p in positions if p > last]


def relied_on(events: Sequence[Stored]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the newest version relied on of each thing of the office, and of other streams."""
    office: dict[str, int] = {}
    elsewhere: dict[str, int] = {}
    for one in events:
        for stream, version in one.relied_on.items():
            of = office if stream.startswith(RULES) else elsewhere
            of[stream] = max(version, of.get(stream, 0))
    own = {one.stream for one in events}
    return office, {stream: at for stream, at in elsewhere.items() if stream not in own}


def documents(events: Iterable[Stored]) -> list[dict[str, Any]]:
    """Return every document the events name by its SHA-256: where, and as what.

    The ledger has digests only; who packs the dossier may add the files, and whoever verifies
    is told which are missing.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in events:
        for label, digest, ref in _digests(one.data, ""):
            told = found.setdefault(digest, {"sha256": digest, "positions": [], "as": []})
            if one.position not in told["positions"]:
                told["positions"].append(one.position)
            if label not in told["as"]:
                told["as"].append(label)
            if ref is not None:
                told.setdefault("ref", ref)
    return [found[digest] for digest in sorted(found)]


def _digests(value: Any, label: str) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401 (JSON)
    """Yield label, digest and ref of each document named in the data of an event.

    Ciphertext has a commitment that looks like one, and the terms name what the office has.
    """
    if isinstance(value, dict):
        if set(value) == {"enc"}:
            return
        named = value.get("name") or value.get("kind")
        inner = f"{label}: {named}" if isinstance(named, str) else label
        for name, one in value.items():
            if name == "sha256" and isinstance(one, str) and _DIGEST.fullmatch(one):
                yield inner, one, value.get("ref")
            elif name not in ("terms", "ref"):
                yield from _digests(one, f"{label}.{name}".lstrip("."))
    elif isinstance(value, list):
        for one in value:
            yield from _digests(one, label)
    elif isinstance(value, str) and _DIGEST.fullmatch(value):
        yield label, value, None
