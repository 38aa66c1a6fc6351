"""SM2 with SM3: one more signature line under a checkpoint, beside the log's own, never for it.

Who has to use commercial cryptography (GB/T 39786) pins such a key beside the Ed25519 one; to
everybody else its lines are those of an unknown key (C2SP signed-note, signature type 0xff).
What is signed is the text of the note, by GB/T 32918.2 with the user id that GM/T 0009 gives
where no other was agreed.  The library is an extra: without it keys are read, and no line is.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from ledger.tlog import note
from ledger.tlog.errors import Malformed, Unproven

# What stands behind the type of signatures that the specification gives no number.
KIND, IDENTIFIER = 0xFF, b"caseledger/sm2-sm3/v1"
USER_ID = b"1234567812345678"
INTEGER_BYTES = 32
SIGNATURE_BYTES = 2 * INTEGER_BYTES
PUBLIC_BYTES = 1 + 2 * INTEGER_BYTES
# The point is written as x and y, behind this (GB/T 32918.1, 4.2.8).
UNCOMPRESSED = b"\x04"
# The curve that GB/T 32918.5 recommends: y² = x³ + ax + b over p; its order.
P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
A = P - 3
B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123

INSTALL = "gmssl-pyx is not installed: pip install 'caseledger[sm]'"


class NotInstalled(Exception):
    """The library is not here, so nothing can be said about a line by SM2."""

    def __init__(self) -> None:
        super().__init__(INSTALL)


@dataclass(frozen=True, slots=True)
class Sm2Key:
    """The SM2 key of a log: its name is the log's, its point has 65 bytes."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        """Raise `Malformed` for a name that could not be written, or no point of the curve."""
        note.check_name(self.name)
        if len(self.public) != PUBLIC_BYTES or not self.public.startswith(UNCOMPRESSED):
            raise Malformed("an SM2 key has 65 bytes, 04 first")
        x, y = _integers(self.public[1:])
        if x >= P or y >= P or (y * y - (x * x * x + A * x + B)) % P:
            raise Malformed("an SM2 key that is no point of the curve")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name+id+key`; raise `Malformed` for another spelling, type or id."""
        name, key = note.parse_key(text, KIND)
        if not key.startswith(IDENTIFIER):
            raise Malformed("a key of a signature type that is not known here")
        return cls(name, key.removeprefix(IDENTIFIER))

    @property
    def text(self) -> str:
        """The key as people hand it on: `name+id+key`."""
        return note.key_text(self.name, KIND, IDENTIFIER + self.public)

    @property
    def key_id(self) -> int:
        """The id by which the signature line names the key."""
        return note.key_id(self.name, KIND, IDENTIFIER + self.public)

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether this is the key's signature r ‖ s of the text; raise `NotInstalled`."""
        known = library()
        if len(signature) != SIGNATURE_BYTES:
            return False
        r, s = _integers(signature)
        # The library refuses these too, and tells standard error why.
        if not (0 < r < N and 0 < s < N and (r + s) % N):
            return False
        with suppress(known.GmsslInnerError):
            encoded = encode_dss_signature(r, s)
            return bool(known.sm2_verify(self.public[1:], text.encode(), encoded, USER_ID))
        return False


def is_key(text: str) -> bool:
    """Whether a text is an SM2 key."""
    try:
        Sm2Key.parse(text)
    except Malformed:
        return False
    return True


def new_pair() -> tuple[bytes, bytes]:
    """Return a new public and private key; raise `NotInstalled`."""
    public, private = library().sm2_key_generate()
    return UNCOMPRESSED + bytes(public), bytes(private)


def signer(public: bytes, private: bytes) -> note.Sign:
    """Return what signs with a private key, as r ‖ s; it draws a number for each signature.

    Raises `NotInstalled`; what it returns raises `Unproven` for a private half that is none.
    """
    known = library()

    def sign(message: bytes) -> bytes:
        try:
            signed = known.sm2_sign(private, public[1:], message, USER_ID)
        except known.GmsslInnerError as error:
            raise Unproven("signature", "the private half of an SM2 key is none") from error
        r, s = decode_dss_signature(signed)
        return r.to_bytes(INTEGER_BYTES, "big") + s.to_bytes(INTEGER_BYTES, "big")

    return sign


def check(raw: bytes, origin: str, keys: Iterable[Sm2Key]) -> tuple[Sm2Key, ...]:
    """Check that a checkpoint bears the line of an SM2 key of its log; return whose lines it bears.

    Raises `Malformed`, `NotInstalled`, or `Unproven`: `signature` where none of these keys is of
    the log, none has signed, or a line of one does not verify.
    """
    own = [key for key in keys if key.name == origin]
    if not own:
        raise Unproven("signature", f"none of the SM2 keys is of {origin}")
    read = note.parse(raw)
    there = {(line.name, line.key_id) for line in read.signatures}
    if not any((key.name, key.key_id) in there for key in own):
        raise Unproven("signature", "no line by an SM2 key that is known")
    return tuple(key for key, _ in note.opened(read, own) if isinstance(key, Sm2Key))


@cache
def library() -> Any:  # noqa: ANN401 (it ships no types)
    """Return the library; raise `NotInstalled` where it is not."""
    try:
        return import_module("gmssl_pyx")
    except ImportError as error:
        raise NotInstalled from error


def _integers(raw: bytes) -> tuple[int, int]:
    return int.from_bytes(raw[:INTEGER_BYTES], "big"), int.from_bytes(raw[INTEGER_BYTES:], "big")
