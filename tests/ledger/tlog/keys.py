"""Keys with known private halves: of a log, also by SM2, of two witnesses, of somebody else."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.tlog.cosignature import CosignerKey
from ledger.tlog.note import VerifierKey
from ledger.tlog.sm2 import Sm2Key

ORIGIN = "ledger.example/469002"


def private(seed):
    return Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest())


def public(seed):
    return private(seed).public_key().public_bytes_raw()


def signer(seed):
    return private(seed).sign


LOG = VerifierKey(ORIGIN, public("log"))
OTHER = VerifierKey("other.example/log", public("other"))
# The public key of the example in GB/T 32918.5-2017, annex A.2.
POINT = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SM2 = Sm2Key(ORIGIN, POINT)
SUPERVISION = CosignerKey("supervision.example", public("supervision"))
INSPECTION = CosignerKey("inspection.example", public("inspection"))
