"""Signed notes: a text and the lines of those who signed it (C2SP signed-note).

The parser takes one spelling.  A note proves something only once `opened` has found a known
key's signature under it; until then its text is anybody's.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger.tlog.errors import Malformed, Unproven

ED25519 = 0x01
KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEY_ID = re.compile(r"[0-9a-f]{8}")

# The specification asks for 16 at least, and for some limit: every known key costs a check.
MAX_SIGNATURES = 64
MAX_NOTE = 1_000_000

Sign = Callable[[bytes], bytes]


class Key(Protocol):
    """What may have signed a note: known by name and id, and able to tell."""

    @property
    def name(self) -> str:
        """The key's name, without spaces and plus."""

    @property
    def key_id(self) -> int:
        """The 32 bits that, with the name, say which key and which algorithm it is."""

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether this is the key's signature of the text."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note: who says they signed, and the bytes that shall prove it."""

    name: str
    key_id: int
    signature: bytes

    @property
    def line(self) -> str:
        """The line as it stands in the note, with its line feed."""
        return f"— {self.name} {base64(self.key_id.to_bytes(4, 'big') + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, with its last line feed, and the signatures under it in their order.

    Raises `Malformed` for a text or a number of signatures that no note has.
    """

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        """Keep to what can be written, and read back the same."""
        if not self.text.endswith("\n"):
            raise Malformed("a text without its last line feed")
        if any(one < " " and one != "\n" for one in self.text):
            raise Malformed("a text with a control character")
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise Malformed(f"a note has from 1 to {MAX_SIGNATURES} signatures")

    @property
    def raw(self) -> bytes:
        """The note as it is stored and served; `parse` gives back the same note."""
        lines = "".join(signature.line for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()


def parse(raw: bytes) -> Note:
    """Read a note, whoever signed it; raise `Malformed` for every other spelling."""
    if len(raw) > MAX_NOTE:
        raise Malformed("a note is longer than 1,000,000 bytes")
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a note that is not UTF-8") from error
    # The text may have empty lines of its own: the last one parts it from the signatures.
    text, parted, lines = whole.rpartition("\n\n")
    if not parted or not lines.endswith("\n"):
        raise Malformed("a note without signatures")
    # Counted before they are read: each would cost something.
    if lines.count("\n") > MAX_SIGNATURES:
        raise Malformed(f"a note has from 1 to {MAX_SIGNATURES} signatures")
    signed = lines.removesuffix("\n").split("\n")
    return Note(text + "\n", tuple(_signature(line) for line in signed))


def opened(note: Note, keys: Iterable[Key]) -> tuple[tuple[Key, bytes], ...]:
    """Return which of these keys signed the note, each with its signature.

    Lines of other keys are passed over, even where the name or the id is a known one's.
    Raises `Unproven` (`signature`) where a known key's signature fails or stands there twice,
    and where no known key has signed.  Raises `ValueError` where two keys have one name and
    id: then no line tells which of them it is from.
    """
    different = set(keys)
    known = {(key.name, key.key_id): key for key in different}
    if len(known) != len(different):
        raise ValueError("two keys of one name and id")
    found: dict[tuple[str, int], tuple[Key, bytes]] = {}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        if (line.name, line.key_id) in found:
            raise Unproven("signature", f"{line.name} signed twice")
        if not key.verifies(note.text, line.signature):
            raise Unproven("signature", f"the signature of {line.name} does not verify")
        found[line.name, line.key_id] = (key, line.signature)
    if not found:
        raise Unproven("signature", "no known key has signed")
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The Ed25519 key of who signs notes, such as a log (signature type 0x01)."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        """Raise `Malformed` for a name or a key that could not be written."""
        check_name(self.name)
        if len(self.public) != KEY_BYTES:
            raise Malformed("an Ed25519 key has 32 bytes")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name+id+key`; raise `Malformed` for another spelling, type or id."""
        return cls(*parse_key(text, ED25519))

    @property
    def text(self) -> str:
        """The key as people hand it on: `name+id+key`."""
        return key_text(self.name, ED25519, self.public)

    @property
    def key_id(self) -> int:
        """The id by which the signature line names the key."""
        return key_id(self.name, ED25519, self.public)

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether this is the key's Ed25519 signature (RFC 8032) of the text."""
        return ed25519_verifies(self.public, signature, text.encode())


def sign(text: str, key: Key, signer: Sign) -> Signature:
    """Return the signature line of a key; `signer` has the private half, in a file or a token.

    Raises `Unproven` (`signature`) where the two halves do not belong together: what cannot be
    verified must not leave the house.
    """
    signature = signer(text.encode())
    if not key.verifies(text, signature):
        raise Unproven("signature", f"what signed is not the key of {key.name}")
    return Signature(key.name, key.key_id, signature)


def key_id(name: str, kind: int, public: bytes) -> int:
    """Return the first 32 bits of SHA-256 of name, line feed, signature type and key."""
    named = name.encode() + b"\n" + bytes((kind,)) + public
    return int.from_bytes(sha256(named).digest()[:4], "big")


def key_text(name: str, kind: int, public: bytes) -> str:
    """Write a verifier key: `name+id+base64(type ‖ key)`."""
    return f"{name}+{key_id(name, kind, public):08x}+{base64(bytes((kind,)) + public)}"


def parse_key(text: str, kind: int) -> tuple[str, bytes]:
    """Return name and public key of a verifier key of one signature type.

    Raises `Malformed` for another spelling or type, or an id that is not the key's.
    """
    # Neither name nor id has a plus; base64 may have.
    name, written_id, encoded = (*text.split("+", 2), "", "")[:3]
    check_name(name)
    if not KEY_ID.fullmatch(written_id):
        raise Malformed("a key id is 8 small hexadecimal digits")
    key = from_base64(encoded)
    if key[:1] != bytes((kind,)):
        raise Malformed(f"not a key of the signature type 0x{kind:02x}")
    if int(written_id, 16) != key_id(name, kind, key[1:]):
        raise Malformed("a key id that is not the key's")
    return name, key[1:]


def ed25519_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature (RFC 8032) holds; False for a key that is none."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_name(name: str) -> None:
    """Raise `Malformed` for what is no name of a key: empty, or with a space, plus or control."""
    if not name or "+" in name or any(one.isspace() or one < " " for one in name):
        raise Malformed("not a name of a key")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise Malformed("a name of a key that is not UTF-8") from error


def base64(raw: bytes) -> str:
    """Write bytes in the standard alphabet, padded (RFC 4648, section 4)."""
    return b64encode(raw).decode("ascii")


def from_base64(text: str) -> bytes:
    """Read base64; raise `Malformed` for a second spelling of the same bytes, too."""
    try:
        raw = b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise Malformed("not base64") from error
    # The last character may carry bits that are thrown away.
    if base64(raw) != text:
        raise Malformed("another spelling in base64")
    return raw


def _signature(line: str) -> Signature:
    dash, name, encoded = (*line.split(" "), "", "", "")[:3]
    if dash != "—" or line.count(" ") != 2:
        raise Malformed("not a signature line")
    check_name(name)
    raw = from_base64(encoded)
    if len(raw) < 5:
        raise Malformed("a signature line without a signature")
    return Signature(name, int.from_bytes(raw[:4], "big"), raw[4:])
