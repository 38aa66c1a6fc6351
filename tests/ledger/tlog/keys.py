"""Keys with known private halves: of a log, of two witnesses, of somebody else."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.tlog.cosignature import CosignerKey
from ledger.tlog.note import VerifierKey

ORIGIN = "ledger.example/469002"


def private(seed):
    return Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest())


def public(seed):
    return private(seed).public_key().public_bytes_raw()


def signer(seed):
    return private(seed).sign


LOG = VerifierKey(ORIGIN, public("log"))
OTHER = VerifierKey("other.example/log", public("other"))
SUPERVISION = CosignerKey("supervision.example", public("supervision"))
INSPECTION = CosignerKey("inspection.example", public("inspection"))
