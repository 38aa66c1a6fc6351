"""Whom `caseledger verify` believes, and how a log is opened by it: keys that came another way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509

from api.copies import Address, Denied, Folder, Source
from ledger import time_stamp
from ledger.copy_of_log import Copy
from ledger.dossier import POLICY
from ledger.evidence import Unfit
from ledger.rotation import KEYS, Chain, followed
from ledger.tlog import note, policy, sm2
from ledger.tlog.errors import TlogError
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import NONE, Policy
from ledger.tlog.sm2 import NotInstalled, Sm2Key
from ledger.tlog.verify import Verified, verify_checkpoint

# Hears how many steps are done, of how many.
Progress = Callable[[int, int], None]


class WronglyUsed(Exception):
    """What was asked for makes no sense, whatever the bytes are."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures count; `pinned` False: those that the thing itself brings along."""

    policy: Policy | None
    origin: str | None = None
    older: bytes | None = None
    # The closing statement of the ledger that this one has to follow.
    statement: bytes | None = None
    # The certificates that time stamps have to lead to; None: they are not asked for.
    stamps: tuple[x509.Certificate, ...] | None = None
    # The keys by SM2, one of which has to have signed beside the log's own; none: nothing is asked.
    beside: tuple[Sm2Key, ...] = ()

    @property
    def pinned(self) -> bool:
        """Whether there are keys that came another way."""
        return self.policy is not None


def trust(
    keys: tuple[str, ...],
    file: Path | None,
    origin: str | None,
    older: Path | None,
    statement: Path | None = None,
) -> Trust:
    """Read what somebody trusts; raise `WronglyUsed` for what is no key, policy or checkpoint.

    A policy cannot name keys by SM2: they are given beside one, or beside the log's own key.
    """
    given = [text for texts in keys for text in texts.split() or [texts]]
    own = [text for text in given if not sm2.is_key(text)]
    if own and file is not None:
        raise WronglyUsed("--key or --policy, not both: a policy names its keys")
    beside = tuple(Sm2Key.parse(text) for text in given if sm2.is_key(text))
    if beside:
        _checkable(has_own=bool(own) or file is not None)
    try:
        kept = older.read_bytes() if older is not None else None
        if kept is not None:
            note.parse(kept)
        closed = statement.read_bytes() if statement is not None else None
        if file is not None:
            parsed = policy.parse(file.read_bytes())
            return Trust(parsed, origin, kept, closed, beside=beside)
        known = tuple(VerifierKey.parse(text) for text in own)
    except (TlogError, OSError) as error:
        raise WronglyUsed(f"not a key, policy or checkpoint: {error}") from error
    pinned = Policy(known, {}, {}, NONE) if known else None
    return Trust(pinned, origin, kept, closed, beside=beside)


def _checkable(*, has_own: bool) -> None:
    """Refuse keys by SM2 that say nothing: alone, or where the library is not."""
    if not has_own:
        raise WronglyUsed("a line by SM2 stands beside the log's own: its other key is needed too")
    try:
        sm2.library()
    except NotInstalled as error:
        why = f"the line by SM2 cannot be checked here: {error}; without that key the rest can be"
        raise WronglyUsed(why) from error


def with_stamps(trusted: Trust, file: Path) -> Trust:
    """Ask for a time stamp that leads to one of the certificates in a file (PEM)."""
    try:
        return replace(trusted, stamps=time_stamp.trusted(file.read_bytes()))
    except (OSError, time_stamp.BadStamp) as error:
        raise WronglyUsed(f"not a file of certificates: {error}") from error


@contextmanager
def source(place: str, token: str | None) -> Iterator[Source | None]:
    """Open a copy of a log, a folder or an address; None for a file."""
    if place.startswith(("http://", "https://")):
        try:
            address = Address(place, token)
        except ValueError as error:
            raise WronglyUsed(str(error)) from error
        with address:
            yield address
        return
    path = Path(place)
    if not path.is_dir():
        if not path.is_file():
            raise WronglyUsed(f"{place}: no file, folder or address")
        yield None
        return
    if (path / "manifest.json").exists():
        raise WronglyUsed("an unpacked dossier: verify the zip file as it was handed over")
    yield Folder(path)


def has_entries(copy: Copy) -> bool:
    """Whether there are entries, and for this reader."""
    try:
        return copy.has_entries
    except Denied:
        return False


def chain_of(known: Policy, raw: bytes | None) -> Chain:
    """Follow the keys of the log from those that are pinned."""
    try:
        return followed(known, raw)
    except TlogError as error:
        raise Unfit(KEYS, str(error)) from error


def checkpoint_of(raw: bytes, chain: Chain, trusted: Trust) -> Verified:
    """Verify the checkpoint of a log; it is the one whose origin is asked for, if any is."""
    try:
        signed = verify_checkpoint(raw, chain.policy)
        chain.check(raw, signed.checkpoint)
    except TlogError as error:
        raise Unfit("checkpoint", str(error), 0) from error
    origin = signed.checkpoint.origin
    if trusted.origin is not None and origin != trusted.origin:
        raise Unfit("checkpoint", f"of the log {plain(origin)}, not {trusted.origin}", 0)
    return signed


def by_sm2(raw: bytes, origin: str, trusted: Trust, told: bytes | None) -> list[str]:
    """Check the line by SM2 under a checkpoint that was verified, and tell of it.

    `told` are the keys that the thing brings along: they say that there is one, and no more.
    """
    if trusted.beside:
        try:
            found = sm2.check(raw, origin, trusted.beside)
        except TlogError as error:
            raise Unfit("checkpoint", f"SM2: {error}", 0) from error
        return [f"国密 SM2          signed by {', '.join(f'{key.key_id:08x}' for key in found)}"]
    words = (told or b"").decode("utf-8", "replace").split()
    known = {(key.name, key.key_id) for key in map(Sm2Key.parse, filter(sm2.is_key, words))}
    if any((line.name, line.key_id) in known for line in note.parse(raw).signatures):
        return ["国密 SM2          a line is there, not verified: no --key by SM2 未核验"]
    return []


def inside(read: Callable[[str], bytes | None]) -> Policy:
    """Take the policy that a thing brings along: good for finding damage, and no more."""
    raw = read(POLICY)
    try:
        if raw is not None:
            return policy.parse(raw)
    except TlogError as error:
        raise Unfit(POLICY, str(error)) from error
    raise WronglyUsed("no key: --key or --policy, from somewhere else than this")


def plain(text: str) -> str:
    """Return somebody's text without what would steer a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:400])
