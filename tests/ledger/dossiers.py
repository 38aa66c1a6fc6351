"""A small log with one case in it, and dossiers made of it: true ones, and forged ones.

The records have the shape of ours; what they say is made up.  Whoever forges may have the log's
key or not: `made` signs with the key of a seed.
"""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from ledger import archive, dossier, rotation
from ledger.stored import written
from ledger.tlog import cosignature, merkle, note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import Note, VerifierKey
from ledger.tlog.policy import parse as parse_policy
from ledger.tlog.proof import Proof
from tests.ledger.tlog import keys, trees

START = datetime(2026, 4, 13, 1, tzinfo=UTC)
ORIGIN = f"{keys.ORIGIN}/simulated"
OPEN = f"{ORIGIN}/open"
CASE, OTHER = "case:" + "a" * 32, "case:" + "b" * 32
NUMBER = "469002-2026-000007"
FORM, LICENCE = (sha256(name).hexdigest() for name in (b"form", b"licence"))
LOG = VerifierKey(ORIGIN, keys.public("log"))
LINE = VerifierKey(OPEN, keys.public("line"))
POLICY = parse_policy(f"log {LOG.text}\nlog {LINE.text}\nquorum none\n".encode())
MAIN_ONLY = parse_policy(f"log {LOG.text}\nquorum none\n".encode())
WITNESSED = parse_policy(
    f"log {LOG.text}\nlog {LINE.text}\nwitness inspection {keys.INSPECTION.text}\n"
    "quorum inspection\n".encode()
)
NOON = 1_790_000_000


def at(minutes):
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def record(position, stream, version, type_, data=None, *, ledger="469002", **more):
    """A record as the append and the encoder make it."""
    minutes = more.pop("minutes", position)
    header = {
        "ledger": ledger,
        "position": position,
        "recorded_at": at(minutes),
        "registers": more.pop("registers", {}),
    }
    body = {
        "actor": {"kind": "person", "person": "chen-zhi"},
        "data": data or {},
        "id": sha256(f"{ledger}{position}".encode()).hexdigest()[:32],
        "occurred_at": at(minutes),
        "responsibility": "approval",
        "schema": 1,
        "stream": stream,
        "type": type_,
        "version": version,
        **more,
    }
    return written(header) + b"\n" + written(body)


FOLLOWS = {
    "origin": "before.example/469001",
    "checkpoint": Checkpoint("before.example/469001", 3, bytes(32)).text,
    "held": 2,
    "statement": "0" * 64,
}


def beginning(**link):
    """The first event of a ledger that follows one which was closed."""
    return record(0, "ledger:469002", 1, "ledger-opened", {"follows": FOLLOWS | link})


def pair(seed):
    return VerifierKey(ORIGIN, keys.public(seed)), keys.signer(seed)


def steps(*told):
    """The file of steps: each an act, the seeds of the old and the new key, and a size."""
    return rotation.joined(
        rotation.signed(act, pair(old), pair(new), size) for act, old, new, size in told
    )


POST = {"appointment:chen-zhi-handler": 2}
ITEM = {"item:QH-002": 1}


def entries():
    """The ledger: what the office set up, another case, and ours, the ends of which are others'."""
    form = {"name": "申请表", "sha256": FORM, "ref": {"system": "files", "id": "7"}}
    licence = {"document": {"kind": "licence", "sha256": LICENCE}, "outcome": "grant"}
    return [
        record(0, "ledger:469002", 1, "ledger-opened"),
        record(1, "item:QH-002", 1, "item-set"),
        record(2, "appointment:chen-zhi-handler", 1, "appointment-proposed"),
        record(3, OTHER, 1, "received", registers={"case/2026": 6}),
        record(4, "appointment:chen-zhi-handler", 2, "appointment-approved"),
        record(5, CASE, 1, "received", {"materials": [form]}, registers={"case/2026": 7},
               relied_on=ITEM),
        record(6, OTHER, 2, "accepted"),
        record(7, CASE, 2, "accepted", relied_on=POST),
        record(8, CASE, 3, "reviewed", {"opinion": "同意"}, relied_on=POST),
        record(9, CASE, 4, "decided", licence, relied_on=POST | {OTHER: 2}),
        record(10, "appointment:chen-zhi-handler", 3, "appointment-ended"),
        record(11, CASE, 5, "reviewed", {"opinion": "同意"}, flags=[{"flag": "late-entry"}]),
        record(12, OTHER, 3, "decided"),
    ]  # fmt: skip


def refused(position, number, action):
    data = {"case": number, "action": action}
    return record(position, f"refusal:{position}", 1, "refused", data, ledger="469002.open")


def refusals():
    """The open line: refusals on our case, and on another one."""
    return [refused(0, NUMBER, "seal"), refused(1, "x", "seal"), refused(2, NUMBER, "issue")]


@dataclass
class Making:
    """What a dossier is made of; a forger changes it before it is made."""

    entries: list = field(default_factory=entries)
    refusals: list = field(default_factory=refusals)
    case: tuple = (5, 7, 8, 9, 11)
    rules: tuple = (1, 2, 4)
    refused: tuple = (0, 2)
    number: str = NUMBER
    origin: str = ORIGIN
    key: str = "log"
    line_key: str = "line"
    witnesses: tuple = ()
    # The other keys of the log that sign, and how they took over.
    also: tuple = ()
    keys: bytes = b""
    vkey: bytes = b""
    opening: tuple = ()
    stamps: tuple = (b"token",)

    def signed(self, rows, origin, size, *seeds):
        one = Checkpoint(origin, size, merkle.root(size, lambda h, i: rows[h][i]))
        lines = [
            note.sign(one.text, VerifierKey(origin, keys.public(seed)), keys.signer(seed))
            for seed in seeds
        ]
        lines += [
            cosignature.cosign(one.text, keys.INSPECTION, NOON, keys.signer(name))
            for name in self.witnesses
        ]
        return Note(one.text, tuple(lines))

    def proved(self, log, positions, checkpoint, rows):
        return tuple(
            dossier.Proved(
                p,
                log[p],
                Proof(
                    p, merkle.inclusion_proof(p, len(log), lambda h, i: rows[h][i]), checkpoint
                ).raw,
            )
            for p in positions
        )

    def contents(self):
        rows = trees.rows_over(self.entries)
        under = self.signed(rows, self.origin, len(self.entries), self.key, *self.also)
        line_rows = trees.rows_over(self.refusals)
        line = self.signed(line_rows, f"{self.origin}/open", len(self.refusals), self.line_key)
        return dossier.Contents(
            number=self.number,
            events=self.proved(self.entries, self.case, under, rows),
            rules=self.proved(self.entries, self.rules, under, rows),
            checkpoint=under.raw,
            policy=POLICY.raw,
            page=b"<!doctype html>",
            refusals=self.proved(self.refusals, self.refused, line, line_rows),
            refused_under=line.raw if self.refused else None,
            stamps=self.stamps,
            opening=self.proved(self.entries, self.opening, under, rows),
            keys=self.keys,
            vkey=self.vkey,
        )

    def files(self):
        seeds = (self.key, *self.also)
        pairs = [(VerifierKey(self.origin, keys.public(one)), keys.signer(one)) for one in seeds]
        return dossier.files(self.contents(), pairs)


def zipped(files):
    return archive.packed(files)


def opened(raw):
    return archive.opened(io.BytesIO(raw))
