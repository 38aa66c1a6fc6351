"""Cosignatures: a witness says when it saw a log at a checkpoint (C2SP tlog-cosignature).

The Ed25519 kind, `cosignature/v1`.  What is signed does not name the witness, so a key
belongs to one witness only; a policy refuses it under two names.
"""

from dataclasses import dataclass
from typing import Self

from ledger.tlog import checkpoint, note
from ledger.tlog.errors import Malformed, Unproven

COSIGNATURE = 0x04
TIME_BYTES = 8
MAX_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """The Ed25519 key of a witness (signature type 0x04)."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        """Raise `Malformed` for a name or a key that could not be written."""
        note.check_name(self.name)
        if len(self.public) != note.KEY_BYTES:
            raise Malformed("an Ed25519 key has 32 bytes")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name+id+key`; raise `Malformed` for another spelling, type or id."""
        return cls(*note.parse_key(text, COSIGNATURE))

    @property
    def text(self) -> str:
        """The key as people hand it on: `name+id+key`."""
        return note.key_text(self.name, COSIGNATURE, self.public)

    @property
    def key_id(self) -> int:
        """The id by which the signature line names the key."""
        return note.key_id(self.name, COSIGNATURE, self.public)

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether the witness cosigned this text, at the time that the signature carries."""
        if len(signature) != TIME_BYTES + note.SIGNATURE_BYTES:
            return False
        at = cosigned_at(signature)
        return at <= MAX_TIME and note.ed25519_verifies(
            self.public, signature[TIME_BYTES:], message(text, at)
        )


def message(text: str, at: int) -> bytes:
    """Return what a witness signs: a fixed line, the time, the text of the checkpoint."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def cosigned_at(signature: bytes) -> int:
    """Return the second since 1970 at which a cosignature says it was made."""
    return int.from_bytes(signature[:TIME_BYTES], "big")


def cosign(text: str, key: CosignerKey, at: int, signer: note.Sign) -> note.Signature:
    """Return a witness's line under a checkpoint.

    Raises `Malformed` where the text is no checkpoint, `ValueError` for a time before 1970 or
    beyond 2^63-1, and `Unproven` (`signature`) where `signer` is not the key's other half.
    """
    checkpoint.parse(text)
    if not 0 <= at <= MAX_TIME:
        raise ValueError("a time is from 0 to 2^63-1")
    signature = at.to_bytes(TIME_BYTES, "big") + signer(message(text, at))
    if not key.verifies(text, signature):
        raise Unproven("signature", f"what signed is not the key of {key.name}")
    return note.Signature(key.name, key.key_id, signature)
