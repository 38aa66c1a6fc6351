"""Personal fields (个人信息): encrypted one by one, opened, masked.

Each (subject, case) has a key of its own that lives outside the database.  The ledger holds
ciphertext, so proofs outlive the key: destroying it erases the person (个人信息保护法 47).
A salted commitment inside lets one field be opened to a court, and tells nothing after.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from secrets import token_bytes

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.case import Case, Data, Event, Json
from ledger.classes import class_of, whole
from ledger.keyring import Keyring
from ledger.lifecycle import Role

__all__ = ["Keyring", "Mask", "applicant_ids", "digest", "encrypted", "opened"]


GONE = "***"
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def encrypted(event: Event, keyring: Keyring, ledger: str) -> Event:
    """Return the event with every personal field as ciphertext."""
    if event.type == "correction-proposed":
        # The new values belong to whom the old ones belong to.
        of = replace(event, type=event.data["of"], data=event.data["fields"])
        fields = _encrypted(of.data, "", of, keyring, ledger)
        return replace(event, data={**event.data, "fields": fields})
    if event.reason is not None and event.actor.role == Role.APPLICANT:
        # Staff give reasons in office; what applicants say of themselves is theirs.
        event = replace(event, data={**event.data, "statement": event.reason}, reason=None)
    return replace(event, data=_encrypted(event.data, "", event, keyring, ledger))


def _encrypted(value: Json, path: str, event: Event, keyring: Keyring, ledger: str) -> Json:
    if isinstance(value, Mapping) and not (path and whole(event.type, path)):
        return {
            name: _encrypted(inner, f"{path}.{name}" if path else name, event, keyring, ledger)
            for name, inner in value.items()
        }
    role = class_of(event.type, path).partition(" ")[2]
    if not role or value is None:
        return value
    subject, key = keyring.subject(ledger, event.stream, role, _wrapping(ledger, event))
    salt = token_bytes(32)
    clear = orjson.dumps([b64encode(salt).decode(), value], option=orjson.OPT_SORT_KEYS)
    nonce = token_bytes(12)
    tied = _tied(ledger, event.id, path, subject)
    written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    commitment = hmac.new(salt, path.encode() + b"\0" + written, hashlib.sha256)
    return {
        "enc": {
            "subject": subject,
            "event": event.id,
            "path": path,
            "nonce": b64encode(nonce).decode(),
            "data": b64encode(AESGCM(key).encrypt(nonce, clear, tied)).decode(),
            "commitment": commitment.hexdigest(),
        }
    }


def _wrapping(ledger: str, event: Event) -> str:
    """Name the wrapping key: of the organ whose act it is (else the ledger's), and of the year."""
    organ = event.data.get("organ") or event.actor.organ or ""
    if not _FILE_NAME.fullmatch(organ):  # a code may hold anything, a slash too
        organ = hashlib.sha256(organ.encode()).hexdigest()[:16] if organ else "ledger"
    return f"{ledger}-{organ}-{event.occurred_at.year}"


def _tied(ledger: str, event: str, path: str, subject: str) -> bytes:
    """Bind a ciphertext to its place, so that it cannot be moved."""
    return f"{ledger}\0{event}\0{path}\0{subject}\x001".encode()


def opened(field: Data, keyring: Keyring, ledger: str, event: str | None = None) -> Json:
    """Return a field in clear; None once its key is gone, or where it was not written."""
    enc = field["enc"]
    key = keyring.key(enc["subject"])
    if key is None or (event is not None and enc["event"] != event):
        return None
    tied = _tied(ledger, enc["event"], enc["path"], enc["subject"])
    try:
        clear = AESGCM(key).decrypt(b64decode(enc["nonce"]), b64decode(enc["data"]), tied)
    except InvalidTag:
        return None
    return orjson.loads(clear)[1]


def applicant_ids(applicant: Data, _case: Case, keyring: Keyring, ledger: str) -> frozenset[str]:
    """Return the ids of the applicant and the agent in clear, to recognise them by."""
    agent = applicant.get("agent") or {}
    fields = [holder["id"] for holder in (applicant, agent) if "id" in holder]
    clear = (opened(f, keyring, ledger) if isinstance(f, Mapping) else f for f in fields)
    return frozenset(c for c in clear if c is not None)


class Mask:
    """Shows data with its personal fields masked: 张*三, 4600**********1234, 138****5678."""

    def __init__(self, keyring: Keyring, ledger: str, event: str | None = None) -> None:
        """Take the keys; `event` refuses ciphertext that was written in another event."""
        self._keyring = keyring
        self._ledger = ledger
        self._event = event

    def fields(self, data: Data) -> dict[str, Json]:
        """Return the data with every encrypted field masked."""
        return {name: self._shown(value) for name, value in data.items()}

    def _shown(self, value: Json) -> Json:
        if isinstance(value, dict):
            if len(value) == 1 and "enc" in value:
                return self._masked(value)
            return self.fields(value)
        if isinstance(value, list | tuple):
            return [self._shown(inner) for inner in value]
        return value

    def _masked(self, field: Data) -> str:
        enc = field["enc"]
        if self._event is not None and enc["event"] != self._event:
            return GONE
        known = self._keyring.masked.get((self._ledger, enc["nonce"], enc["data"]))
        if known is None:
            known = masked(enc["path"], opened(field, self._keyring, self._ledger, self._event))
            self._keyring.remember_mask((self._ledger, enc["nonce"], enc["data"]), known)
        return known


def masked(path: str, clear: Json) -> str:
    """Mask one value by what it is: a name, a number of a person, or anything else."""
    if not isinstance(clear, str) or not clear:
        return GONE
    last = path.rpartition(".")[2]
    if last == "name":
        return _name(clear)
    if last == "id" and len(clear) >= 12:
        return clear[:4] + "*" * (len(clear) - 8) + clear[-4:]
    if last in ("phone", "telephone", "mobile") and len(clear) >= 7:
        return clear[:3] + "****" + clear[-4:]
    return GONE


def _name(clear: str) -> str:
    if len(clear) <= 2:
        return clear[: len(clear) - 1] + "*"
    kept = 1 if len(clear) < 8 else 2
    return clear[:kept] + "*" * (len(clear) - 2 * kept) + clear[-kept:]


def digest(key: bytes, route: str, body: Mapping[str, Json]) -> bytes:
    """Return the keyed digest of a request as it was understood.

    Keyed, because a bare digest of a form with an identity number can be guessed.
    """
    written = orjson.dumps(body, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return hmac.new(key, route.encode() + b"\0" + written, hashlib.sha256).digest()
