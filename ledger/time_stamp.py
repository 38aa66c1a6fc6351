"""Time stamps on checkpoints: what an authority is asked, and whether its answer holds (RFC 3161).

The request is over the SHA-256 of a checkpoint's text, so `openssl ts -verify` checks the same.
Answers are kept byte for byte and read by the few rules below: definite lengths, one signer, its
certificate bound by RFC 5035 or RFC 2634, and a chain to a certificate that was trusted before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1, sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

MAX_ANSWER = 64 * 1024
SEQUENCE, SET, INTEGER, OCTETS, OID, TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x18
BOOLEAN, NULL = 0x01, 0x05
FIRST, SECOND = 0xA0, 0xA1
GRANTED = (0, 1)
MAX_CHAIN = 5

# Object identifiers as they are encoded.
SHA256 = bytes.fromhex("608648016503040201")
HASHES: dict[bytes, hashes.HashAlgorithm] = {
    SHA256: hashes.SHA256(),
    bytes.fromhex("608648016503040202"): hashes.SHA384(),
    bytes.fromhex("608648016503040203"): hashes.SHA512(),
}
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
TST_INFO = bytes.fromhex("2a864886f70d0109100104")
CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
SIGNING_CERTIFICATE = bytes.fromhex("2a864886f70d010910020c")
SIGNING_CERTIFICATE_V2 = bytes.fromhex("2a864886f70d010910022f")


# What reading bytes that are no answer, or certificates that are none, ends with.
UNREADABLE = (
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class BadStamp(Exception):
    """An answer that proves no time of this text."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an authority says: at this instant it saw the text."""

    at: datetime
    authority: str
    nonce: int | None


@dataclass(frozen=True, slots=True)
class _Part:
    """One element of DER: its tag, what is in it, and all of it."""

    tag: int
    body: bytes
    raw: bytes

    def parts(self) -> list["_Part"]:
        """Read what is in it."""
        return list(_elements(self.body))


def request(text: str, nonce: int) -> bytes:
    """Return the request for a stamp on a text, with the authority's certificate in the answer."""
    digest = sha256(text.encode()).digest()
    imprint = _tlv(SEQUENCE, _tlv(SEQUENCE, _tlv(OID, SHA256) + _tlv(NULL)) + _tlv(OCTETS, digest))
    drawn = nonce.to_bytes(nonce.bit_length() // 8 + 1, "big")
    return _tlv(
        SEQUENCE, _tlv(INTEGER, b"\1") + imprint + _tlv(INTEGER, drawn) + _tlv(BOOLEAN, b"\xff")
    )


def trusted(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read the certificates that are believed; raise `BadStamp` where there are none."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise BadStamp(f"no certificate: {error}") from error


def verified(text: str, answer: bytes, roots: Sequence[x509.Certificate]) -> Stamp:
    """Check an answer against a text and the certificates that are believed.

    Raises `BadStamp`, whatever the bytes are.
    """
    if len(answer) > MAX_ANSWER:
        raise BadStamp("larger than an answer may be")
    try:
        return _verified(text, answer, roots)
    except UNREADABLE as error:
        raise BadStamp(f"not an answer of a time-stamping authority: {error}") from error


def _verified(text: str, answer: bytes, roots: Sequence[x509.Certificate]) -> Stamp:
    status, content = _only(answer, SEQUENCE).parts()[:2]
    if int.from_bytes(_of(status.parts()[0], INTEGER), "big") not in GRANTED:
        raise BadStamp("the authority refused")
    kind, inside = content.parts()
    if _of(kind, OID) != SIGNED_DATA:
        raise BadStamp("not signed data")
    data = _only(inside.body, SEQUENCE).parts()
    carried, wrapped = data[2].parts()
    if _of(carried, OID) != TST_INFO:
        raise BadStamp("not a time stamp")
    info = _of(_only(wrapped.body, OCTETS), OCTETS)
    told, at, nonce = _told(info)
    if told != sha256(text.encode()).digest():
        raise BadStamp("over something else than this checkpoint")
    inner = [part for part in data[3:] if part.tag == FIRST]
    carried_along = [x509.load_der_x509_certificate(one.raw) for one in inner[0].parts()
                     if one.tag == SEQUENCE] if inner else []  # fmt: skip
    signers = data[-1].parts()
    if data[-1].tag != SET or len(signers) != 1:
        raise BadStamp("one signer, no more")
    # What is believed comes first: a cross-signed twin of a root would lead past it.
    known = [*roots, *carried_along]
    signer = _signer(signers[0], info, known)
    _chained(signer, known, roots, at)
    return Stamp(at, signer.subject.rfc4514_string(), nonce)


def _told(info: bytes) -> tuple[bytes, datetime, int | None]:
    """Read digest, time and nonce of a time stamp (RFC 3161, 2.4.2)."""
    parts = _only(info, SEQUENCE).parts()
    algorithm, digest = parts[2].parts()
    if _of(algorithm.parts()[0], OID) != SHA256:
        raise BadStamp("over another kind of digest")
    written = _of(parts[4], TIME).decode("ascii")
    form = "%Y%m%d%H%M%S.%fZ" if "." in written else "%Y%m%d%H%M%SZ"
    at = datetime.strptime(written, form).replace(tzinfo=UTC)
    nonces = [one for one in parts[5:] if one.tag == INTEGER]
    nonce = int.from_bytes(nonces[0].body, "big") if nonces else None
    return _of(digest, OCTETS), at, nonce


def _signer(one: _Part, info: bytes, known: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the certificate whose key signed, after checking what it signed (RFC 5652, 5.4)."""
    parts = one.parts()
    algorithm = HASHES.get(_of(parts[2].parts()[0], OID))
    if algorithm is None or parts[3].tag != FIRST:
        raise BadStamp("a digest that is not known, or nothing signed beside the time")
    attributes = {}
    for attribute in parts[3].parts():
        name, values = attribute.parts()
        if _of(name, OID) in attributes or len(values.parts()) != 1:
            raise BadStamp("an attribute that stands twice")
        attributes[name.body] = values.parts()[0]
    hashed = hashes.Hash(algorithm)
    hashed.update(info)
    if attributes[CONTENT_TYPE].body != TST_INFO or attributes[MESSAGE_DIGEST].body != (
        hashed.finalize()
    ):
        raise BadStamp("what was signed is another time stamp")
    signature = _of(parts[5], OCTETS)
    signed = bytes((SET,)) + parts[3].raw[1:]
    for certificate in known:
        if _named(attributes, certificate) and _signs(certificate, signed, signature, algorithm):
            return certificate
    raise BadStamp("no certificate that is known has signed")


def _named(attributes: dict[bytes, _Part], certificate: x509.Certificate) -> bool:
    """Whether the signature names this certificate by its digest, as it has to."""
    der = certificate.public_bytes(Encoding.DER)
    if SIGNING_CERTIFICATE_V2 in attributes:
        first = attributes[SIGNING_CERTIFICATE_V2].parts()[0].parts()[0].parts()
        algorithm = HASHES.get(first[0].parts()[0].body) if first[0].tag == SEQUENCE else None
        digest = first[1] if first[0].tag == SEQUENCE else first[0]
        hashed = hashes.Hash(algorithm or hashes.SHA256())
        hashed.update(der)
        return digest.tag == OCTETS and digest.body == hashed.finalize()
    if SIGNING_CERTIFICATE in attributes:
        first = attributes[SIGNING_CERTIFICATE].parts()[0].parts()[0].parts()
        return first[0].body == sha1(der).digest()  # noqa: S324 as RFC 2634 has it
    return False


def _signs(
    certificate: x509.Certificate, signed: bytes, signature: bytes, by: hashes.HashAlgorithm
) -> bool:
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), by)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(by))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _chained(
    signer: x509.Certificate,
    known: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
) -> None:
    """Check that the signer may stamp, and that its chain, valid then, ends at one believed."""
    try:
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        raise BadStamp("the certificate is not for time stamps") from None
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise BadStamp("the certificate is not for time stamps alone")
    one = signer
    for _ in range(MAX_CHAIN):
        if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
            raise BadStamp("a certificate that was not valid then")
        if one in roots:
            return
        issuer = next((other for other in known if _issued(one, other)), None)
        if issuer is None:
            break
        one = issuer
    raise BadStamp("the chain ends at no certificate that is believed")


def _issued(one: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(by)
        basic = by.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return bool(basic.ca)


# -- DER ---------------------------------------------------------------------------------------


def _tlv(tag: int, body: bytes = b"") -> bytes:
    assert len(body) < 128, "a request is short"
    return bytes((tag, len(body))) + body


def _elements(raw: bytes) -> Iterator[_Part]:
    at = 0
    while at < len(raw):
        tag, length, begin = raw[at], raw[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 3:
                raise BadStamp("a length that is not definite")
            length, begin = int.from_bytes(raw[begin : begin + count], "big"), begin + count
        if begin + length > len(raw):
            raise BadStamp("cut short")
        yield _Part(tag, raw[begin : begin + length], raw[at : begin + length])
        at = begin + length


def _only(raw: bytes, tag: int) -> _Part:
    (one,) = _elements(raw)
    if one.tag != tag:
        raise BadStamp("something else than it should be")
    return one


def _of(part: _Part, tag: int) -> bytes:
    if part.tag != tag:
        raise BadStamp("something else than it should be")
    return part.body
