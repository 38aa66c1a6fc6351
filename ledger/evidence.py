"""Whether a dossier proves what it says: checked from its bytes and keys known before.

Events first, in their order, so that the first bad position is named; then whether any are
missing, the statement, the manifest, and what lies beside them.  Nothing in a dossier is
believed: all but the number of the case is worked out anew and compared.  A hole in this
check is a hole in every dossier, so each line of it has a forged one in the tests.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

import orjson

from ledger import dossier
from ledger.closing import link_of
from ledger.dossier import (
    CASE,
    CHECKPOINT,
    MANIFEST,
    OPEN_CHECKPOINT,
    OPENING,
    REFUSAL,
    RULE,
    STATEMENT,
)
from ledger.order import Order
from ledger.rotation import KEYS, Chain, Step, followed
from ledger.stored import Stored, Unreadable, written
from ledger.stored import read as read_record
from ledger.tlog import merkle, note, proof
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.errors import TlogError
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import NONE, Policy
from ledger.tlog.tile import MAX_ENTRY
from ledger.tlog.verify import Verified, verify_checkpoint

MAX_FILE = 16 << 20
# All that is kept in memory: everything but documents, of which only digests are taken.
MAX_READ = 96 << 20
REFUSED = "refused"


class Files(Protocol):
    """The files of a dossier, wherever they lie."""

    @property
    def members(self) -> Collection[str]:
        """Their names, in order."""

    def read(self, name: str, limit: int, /) -> bytes:
        """Return one whole; it is refused where it is larger than `limit`."""

    def sha256(self, name: str, /) -> str:
        """Return the digest of one, however large it is."""


class Unfit(Exception):
    """What does not prove out: the first bad thing, with its position where it has one."""

    def __init__(self, what: str, why: str, position: int | None = None) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why
        self.position = position


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a dossier that proves out is of, and what it does not have."""

    ledger: str
    number: str
    stream: str
    checkpoint: Checkpoint
    cosigned: Mapping[str, int]
    # How keys took over from those that were known.
    steps: tuple[Step, ...]
    versions: int
    newest: datetime
    manifest: Mapping[str, Any]
    rules: int
    refusals: int
    # Whether a key of the log in which refusals stand was known; else the statement has them.
    refusals_proved: bool
    packed: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def simulated(self) -> bool:
        """Whether the ledger's clock could be set."""
        return bool(self.manifest["simulated"])


def check(files: Files, policy: Policy, origin: str | None = None) -> Found:
    """Check a dossier against a policy; raise `Unfit` with the first bad thing.

    The quorum of the policy is asked for under the checkpoint of the ledger.  The checkpoint of
    the open line needs the signature of its log, if the policy has a key of it.
    """
    return _Checking(files, policy).all(origin)


@dataclass(slots=True)
class _Checking:
    """One dossier being checked."""

    files: Files
    policy: Policy
    digests: dict[str, str] = field(default_factory=dict)
    length: int = 0

    def all(self, origin: str | None) -> Found:
        """Check everything, in the order in which it is told."""
        names = self._names()
        chain = self._chain()
        verified = self._checkpoint(CHECKPOINT, self.policy, origin, names[CASE])
        checkpoint = verified.checkpoint
        try:
            standing = chain.check(self._read(CHECKPOINT), checkpoint)
        except TlogError as error:
            raise Unfit(CHECKPOINT, str(error), names[CASE][0]) from error
        stated, wrong = self._stated(checkpoint, standing)
        told, spoiled = self._told()
        events = list(self._events(CASE, names[CASE], checkpoint, _positions(told, "events")))
        order = Order()
        for one in events:
            _in_order(order, one, events[0].stream)
        self._whole(events, stated)
        if wrong is not None:
            raise wrong
        if spoiled is not None:
            raise spoiled
        rules = list(self._events(RULE, names[RULE], checkpoint, _positions(told, "relied_on")))
        self._rules(rules, dossier.relied_on(events)[0])
        opening = list(self._events(OPENING, names[OPENING], checkpoint, set()))
        _opened(opening, events[0].ledger)
        hinted = _positions(told, "refusals")
        refusals, proved = self._refusals(names[REFUSAL], hinted, told, chain)
        self._manifest(told, checkpoint, (events, rules, refusals), opening, stated)
        packed, missing = self._documents(told)
        return Found(
            ledger=events[0].ledger,
            number=told["case"],
            stream=events[0].stream,
            checkpoint=checkpoint,
            cosigned=verified.cosigned,
            steps=chain.steps,
            versions=len(events),
            newest=events[-1].recorded_at,
            manifest=told,
            rules=len(rules),
            refusals=len(refusals),
            refusals_proved=proved,
            packed=packed,
            missing=missing,
        )

    def _names(self) -> dict[str, list[int]]:
        """Return the positions there are files of, by kind; no other file may be in here."""
        found: dict[str, set[int]] = {CASE: set(), RULE: set(), REFUSAL: set(), OPENING: set()}
        for name in self.files.members:
            event = dossier.EVENT_NAME.fullmatch(name)
            if event:
                found[event[1]].add(int(event[2]))
            elif name not in dossier.SINGLE and not _named_by_digest(name):
                raise Unfit(_shown(name), "no file that a dossier has")
        if not found[CASE]:
            raise Unfit("events", "there is none of the case")
        return {kind: sorted(positions) for kind, positions in found.items()}

    def _read(self, name: str, position: int | None = None, limit: int = MAX_FILE) -> bytes:
        if name not in self.files.members:
            raise Unfit(name, "is not there", position)
        content = self.files.read(name, limit)
        self.length += len(content)
        if self.length > MAX_READ:
            raise Unfit(name, "more than a dossier without its documents may have", position)
        self.digests[name] = sha256(content).hexdigest()
        return content

    def _checkpoint(
        self, name: str, policy: Policy, origin: str | None, positions: list[int]
    ) -> Verified:
        """Check who signed: without that nothing from the first position on is proven."""
        try:
            verified = verify_checkpoint(self._read(name), policy)
        except TlogError as error:
            raise Unfit(name, str(error), positions[0]) from error
        of = verified.checkpoint.origin
        if origin is not None and of != origin:
            raise Unfit(name, f"of the log {_shown(of)}, not {origin}", positions[0])
        return verified

    def _chain(self) -> Chain:
        """Follow the keys of the log from those that are known; from here on they count too."""
        try:
            raw = self._read(KEYS) if KEYS in self.files.members else None
            chain = followed(self.policy, raw)
        except TlogError as error:
            raise Unfit(KEYS, str(error)) from error
        self.policy = chain.policy
        return chain

    def _stated(
        self, checkpoint: Checkpoint, standing: tuple[VerifierKey, ...]
    ) -> tuple[dossier.Statement | None, Unfit | None]:
        """Read the statement; what is wrong with it is told behind what is wrong with events.

        It counts by the keys that stand under the checkpoint: one that was retired states nothing.
        """
        keys = [dossier.statement_key(key) for key in standing]
        try:
            signed = note.parse(self._read(STATEMENT))
            note.opened(signed, keys)
            stated = dossier.Statement.parse(signed.text)
        except TlogError as error:
            return None, Unfit(STATEMENT, str(error))
        of = (checkpoint.origin, checkpoint.size, checkpoint.root)
        if (stated.origin, stated.size, stated.root) != of:
            return None, Unfit(STATEMENT, "about another checkpoint")
        return stated, None

    def _told(self) -> tuple[Mapping[str, Any], Unfit | None]:
        """Read the manifest; until it is compared it is no more than a hint."""
        raw = self._read(MANIFEST)
        try:
            told = orjson.loads(raw)
            again = written(told)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
            return {}, Unfit(MANIFEST, "not JSON, or nested too deeply")
        if not isinstance(told, dict) or again != raw:
            return {}, Unfit(MANIFEST, "JSON in another spelling")
        if told.get("format") != dossier.FORMAT:
            return {}, Unfit(MANIFEST, f"not of the format {dossier.FORMAT}")
        if not isinstance(told.get("case"), str):
            return {}, Unfit(MANIFEST, "without the number of the case")
        return told, None

    def _events(
        self, kind: str, there: list[int], checkpoint: Checkpoint, told: set[int]
    ) -> Iterator[Stored]:
        """Yield the events of a kind in their order, each one proven; the manifest may know more.

        A file that only the manifest knows of is missing, and so is a half of one.
        """
        name = OPEN_CHECKPOINT if kind == REFUSAL else CHECKPOINT
        signed = self._read(name)
        for position in sorted({*there, *told}):
            record = self._read(dossier.event_name(kind, position), position, MAX_ENTRY)
            raw = self._read(dossier.event_name(kind, position, "tlog-proof"), position)
            try:
                given = proof.parse(raw)
                leaf = merkle.leaf_hash(record)
                if given.checkpoint.raw != signed or given.extra is not None:
                    raise Unfit("proof", f"not under the file {name}", position)
                if given.index != position:
                    raise Unfit("proof", f"of position {given.index}", position)
                merkle.check_inclusion(position, checkpoint.size, leaf, given.path, checkpoint.root)
                stored = read_record(record)
            except TlogError as error:
                raise Unfit("event", f"not what stands in the log: {error}", position) from error
            except Unreadable as error:
                raise Unfit("event", str(error), position) from error
            if stored.position != position:
                raise Unfit("event", f"of position {stored.position}", position)
            yield stored

    def _whole(self, events: list[Stored], stated: dossier.Statement | None) -> None:
        """Check that the newest event there is is the newest one below the checkpoint."""
        newest = events[-1]
        if stated is None:
            return
        if stated.stream != newest.stream:
            raise Unfit(STATEMENT, "about another case", events[0].position)
        if (stated.versions, stated.last) != (newest.version, newest.position):
            why = (
                f"version {stated.versions} is the last one stated, {newest.version} the last here"
            )
            raise Unfit("event", f"missing: {why}", max(stated.last, newest.position))

    def _rules(self, rules: list[Stored], needed: Mapping[str, int]) -> None:
        """Check that each thing relied on is there from its first version on, and nothing else."""
        seen: dict[str, int] = {}
        for one in rules:
            if one.version > needed.get(one.stream, 0):
                why = f"the case does not rest on version {one.version} of {_shown(one.stream)}"
                raise Unfit("rule", why, one.position)
            if one.version != seen.get(one.stream, 0) + 1:
                why = f"version {one.version} of {_shown(one.stream)} where another one is due"
                raise Unfit("rule", why, one.position)
            seen[one.stream] = one.version

    def _refusals(
        self, there: list[int], told: set[int], manifest: Mapping[str, Any], chain: Chain
    ) -> tuple[list[Stored], bool]:
        """Check refusals under the checkpoint of their own log, by a key of it if one is known."""
        if not there and not told:
            if OPEN_CHECKPOINT in self.files.members:
                raise Unfit(OPEN_CHECKPOINT, "over no refusal")
            return [], True
        first = min({*there, *told})
        raw = self._read(OPEN_CHECKPOINT, first)
        try:
            signed = note.parse(raw)
            checkpoint = parse_checkpoint(signed.text)
        except TlogError as error:
            raise Unfit(OPEN_CHECKPOINT, str(error), first) from error
        if checkpoint.origin != f"{manifest.get('origin')}/open":
            raise Unfit(OPEN_CHECKPOINT, f"of the log {_shown(checkpoint.origin)}", first)
        known = any(key.name == checkpoint.origin for key in self.policy.logs)
        if known:
            alone = Policy(self.policy.logs, self.policy.witnesses, self.policy.groups, NONE)
            self._checkpoint(OPEN_CHECKPOINT, alone, None, [first])
            try:
                chain.check(raw, checkpoint)
            except TlogError as error:
                raise Unfit(OPEN_CHECKPOINT, str(error), first) from error
        refusals = list(self._events(REFUSAL, there, checkpoint, told))
        for one in refusals:
            mine = one.data.get("case") == manifest.get("case")
            if one.type != REFUSED or one.ledger != f"{manifest.get('ledger')}.open" or not mine:
                raise Unfit("refusal", "not one on this case", one.position)
        return refusals, known

    def _manifest(
        self,
        told: Mapping[str, Any],
        checkpoint: Checkpoint,
        found: tuple[list[Stored], list[Stored], list[Stored]],
        opening: list[Stored],
        stated: dossier.Statement | None,
    ) -> None:
        """Work the manifest out anew, and compare; only then the digest that was signed."""
        for name in self.files.members:
            if name not in self.digests and not dossier.DOCUMENT_NAME.fullmatch(name):
                self._read(name)
        own = {name: at for name, at in self.digests.items() if name not in (MANIFEST, STATEMENT)}
        for name in self.files.members:
            stamp = dossier.STAMP_NAME.fullmatch(name)
            if stamp and own[name] != stamp[1]:
                raise Unfit(name, "not what its name is the digest of")
        more = told.get("more_refusals") is True
        made = dossier.manifest(told["case"], checkpoint, *found, own, opening, more=more)
        _numbered(told["case"], found[0][0])
        _satisfied(made["relied_on"])
        for member in sorted({*made, *told}):
            if made.get(member) != told.get(member):
                raise Unfit(MANIFEST, f"{_shown(member)}: {_difference(told, made, member)}")
        if stated is None or stated.manifest != self.digests[MANIFEST]:
            raise Unfit(MANIFEST, "not the one that was signed")

    def _documents(self, told: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Check each packed document by its digest; return which are there, and which are not."""
        named = [one["sha256"] for one in told["documents"]]
        packed = []
        for name in self.files.members:
            document = dossier.DOCUMENT_NAME.fullmatch(name)
            if document is None:
                continue
            if document[1] not in named:
                raise Unfit(name, "a document that no event names")
            if self.files.sha256(name) != document[1]:
                raise Unfit(name, "not the document that was recorded")
            packed.append(document[1])
        return tuple(packed), tuple(digest for digest in named if digest not in packed)


def _opened(opening: list[Stored], ledger: str) -> None:
    """Check that what is packed as the ledger's beginning is that, and links to one before."""
    for one in opening:
        if one.position != 0 or one.ledger != ledger or link_of(one) is None:
            raise Unfit("opening", "not the first event of a ledger that follows", one.position)


def _in_order(order: Order, one: Stored, stream: str) -> None:
    """Check the next event of the case: one stream, no version left out, time never back."""
    if one.stream != stream:
        raise Unfit("event", f"of another stream, {_shown(one.stream)}", one.position)
    if not stream.startswith("case:"):
        raise Unfit("event", f"{_shown(stream)} is no case", one.position)
    wrong = order.take(one)
    if wrong is not None:
        raise Unfit("event", wrong, one.position)


def _positions(told: Mapping[str, Any], member: str) -> set[int]:
    """Return the positions that a manifest tells of, as a hint: anything may stand there."""
    found: set[int] = set()
    listed = told.get(member)
    for one in listed if isinstance(listed, list) else ():
        values = [one]
        if isinstance(one, dict):
            many = one.get("positions")
            values = many if isinstance(many, list) else [one.get("position")]
        for value in values:
            if type(value) is int and 0 <= value <= dossier.MAX_POSITION:
                found.add(value)
    return found


def _numbered(number: str, first: Stored) -> None:
    """Check that the number of the case has the register number its first event was given."""
    given = [n for name, n in first.registers.items() if name.startswith("case/")]
    digits = {int(one) for one in re.findall(r"[0-9]{1,15}", number)}
    if len(number) > 200 or any(n not in digits for n in given):
        raise Unfit(MANIFEST, f"the case was given another number than {_shown(number)}")


def _satisfied(relied: list[dict[str, Any]]) -> None:
    """Check that every thing relied on goes to the version relied on."""
    for one in relied:
        if len(one["positions"]) != one["version"]:
            why = f"{_shown(one['stream'])}: {len(one['positions'])} of {one['version']} versions"
            raise Unfit("rules", why)


def _difference(told: Mapping[str, Any], made: Mapping[str, Any], member: str) -> str:
    if member not in told or member not in made:
        return "missing, or one too many"
    if member == "files":
        theirs = told[member] if isinstance(told[member], dict) else {}
        names = {*made[member], *theirs}
        first = min(n for n in names if theirs.get(n) != made[member].get(n))
        return f"{_shown(str(first))} is not as it was packed"
    return "does not follow from the events"


def _named_by_digest(name: str) -> bool:
    return bool(dossier.DOCUMENT_NAME.fullmatch(name) or dossier.STAMP_NAME.fullmatch(name))


def _shown(text: str) -> str:
    """Return somebody's text so that it cannot steer a terminal, nor fill it."""
    return ascii(text[:100])[1:-1]
