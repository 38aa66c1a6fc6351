"""The keys of a log: files of mode 0400 in the folder of keys.

A log signs with every key that its row names: one, or two while one takes over from the other.
`log-<sequence>.<n>.key` holds the 32 bytes of an Ed25519 private key (RFC 8032).

Beside them it signs with every SM2 key that is there: `log-<sequence>.<id>.sm2` has both halves,
the verifier key on the first line, so that a file says of itself for which log it is.  No row
names them: such a line is there as long as the file is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.case import Event
from ledger.durable import kept_secret
from ledger.errors import Corrupt, Unavailable
from ledger.keyring import secret
from ledger.origin import SIMULATED
from ledger.tlog import note, sm2
from ledger.tlog.errors import Malformed
from ledger.tlog.note import Sign, VerifierKey
from ledger.tlog.sm2 import NotInstalled, Sm2Key

# The type of the events that name SM2 keys of logs.
SM2_SET = "log-sm2-set"


@dataclass(frozen=True, slots=True)
class LogKey:
    """Both halves of a key: what anybody may know, and what signs."""

    verifier: VerifierKey
    sign: Sign


@dataclass(frozen=True, slots=True)
class Sm2Pair:
    """Both halves of an SM2 key, as a file has them."""

    verifier: Sm2Key
    private: bytes


def new_origin(ledger: str, *, simulated: bool, chosen: str | None = None) -> str:
    """Return the name of a log among all logs of the world, never used before.

    It does not follow the host's name, which changes hands.  A simulated ledger says so in it.
    """
    name = chosen or f"{ledger}.caseledger/{token_hex(8)}"
    return f"{name}{SIMULATED}" if simulated else name


def new_key(folder: Path, sequence: str, origin: str) -> LogKey:
    """Make the next key of a log, in a file of its own."""
    number = 1 + max((n for n, _ in _files(folder, sequence)), default=0)
    return _of(folder / f"log-{sequence}.{number}.key", origin)


def keys(folder: Path, sequence: str, wanted: Iterable[str]) -> tuple[LogKey, ...]:
    """Return the keys of a log that its row names, in that order.

    Raises `Corrupt` where the private half of one is not in the folder, or can be read by others
    than us (ST-12).
    """
    found = []
    for path in (path for _, path in _files(folder, sequence)):
        if path.stat().st_mode & 0o077:
            raise Corrupt(f"{path.name} can be read by others: mode 0400 is wanted")
        found.append(path)
    told = []
    for text in wanted:
        verifier = VerifierKey.parse(text)
        mine = (_of(path, verifier.name) for path in found)
        key = next((one for one in mine if one.verifier == verifier), None)
        if key is None:
            raise Corrupt(f"no file in the folder of keys holds the key {text} of {sequence}")
        told.append(key)
    return tuple(told)


def public_halves(folder: Path, sequence: str, origin: str) -> tuple[VerifierKey, ...]:
    """Return what anybody may know of every key of a log that is in the folder, in their order.

    Where a row of a log is older than its keys, they say what it has signed with since.
    """
    return tuple(_of(path, origin).verifier for _, path in _files(folder, sequence))


def new_sm2_key(folder: Path, sequence: str, origin: str) -> Sm2Key:
    """Make an SM2 key of a log, in a file of its own; raise `NotInstalled` without the library."""
    public, private = sm2.new_pair()
    key = Sm2Key(origin, public)
    name = f"log-{sequence}.{key.key_id:08x}.sm2"
    kept_secret(folder / name, f"{key.text}\n{private.hex()}\n")
    return key


def sm2_keys(folder: Path, sequence: str, origin: str) -> tuple[Sm2Pair, ...]:
    """Return the SM2 keys of a log that are in the folder, by their ids.

    Those of an earlier log of that sequence, under another origin, are passed over.  Raises
    `Unavailable` for a file that is none, or that others can read: it may be put right while
    the service runs, and a start refuses it (ST-12).
    """
    found = []
    for path in sorted(folder.glob(f"log-{sequence}.*.sm2")):
        middle = path.name.removeprefix(f"log-{sequence}.").removesuffix(".sm2")
        # The rest are of the lines beside the ledger, whose names go on behind a dot.
        if note.KEY_ID.fullmatch(middle):
            found.append(_sm2_of(path))
    return tuple(one for one in found if one.verifier.name == origin)


def sm2_set(events: Iterable[Event], sequence: str) -> list[Event]:
    """Return the events that name an SM2 key of a log, in their order."""
    return [e for e in events if e.type == SM2_SET and e.data["sequence"] == sequence]


def sm2_signers(folder: Path, sequence: str, origin: str) -> tuple[tuple[Sm2Key, Sign], ...]:
    """Return the SM2 keys of a log with what signs.

    Raises `Unavailable` where there is one and the library is not there, and as `sm2_keys` does.
    """
    pairs = sm2_keys(folder, sequence, origin)
    try:
        return tuple((one.verifier, sm2.signer(one.verifier.public, one.private)) for one in pairs)
    except NotInstalled as error:
        why = f"{sequence} has an SM2 key, and {error}; or move its file out of the folder of keys"
        raise Unavailable("integrity-hold", why) from error


def key_of_file(path: Path, name: str, *, make: bool = True) -> LogKey:
    """Return the key in a file of mode 0400, under a name; made where there is none.

    Raises `FileNotFoundError` where none is to be made, `Corrupt` where others can read it.
    """
    if path.exists() and path.stat().st_mode & 0o077:
        raise Corrupt(f"{path.name} can be read by others: mode 0400 is wanted")
    if not make and not path.exists():
        raise FileNotFoundError(path)
    return _of(path, name)


def _of(path: Path, origin: str) -> LogKey:
    private = Ed25519PrivateKey.from_private_bytes(secret(path))
    return LogKey(VerifierKey(origin, private.public_key().public_bytes_raw()), private.sign)


def _sm2_of(path: Path) -> Sm2Pair:
    try:
        if path.stat().st_mode & 0o077:
            why = f"{path.name} is to be read by nobody else: mode 0400"
            raise Unavailable("integrity-hold", why)
        text, private = path.read_text("utf-8").splitlines()
        key = Sm2Key.parse(text)
        return Sm2Pair(key, bytes.fromhex(private))
    except (OSError, ValueError, Malformed) as error:
        raise Unavailable(
            "integrity-hold", f"{path.name} is no key to sign with: {error}"
        ) from error


def _files(folder: Path, sequence: str) -> list[tuple[int, Path]]:
    """List the key files of a sequence with their numbers, in order."""
    found = []
    for path in folder.glob(f"log-{sequence}.*.key"):
        middle = path.name.removeprefix(f"log-{sequence}.").removesuffix(".key")
        if middle.isascii() and middle.isdigit():
            found.append((int(middle), path))
    return sorted(found)
