"""Personal fields: what kind each field is, encrypting them one by one, and masking.

Each (subject, case) has a key of its own that lives outside the database.  The ledger holds
ciphertext, so proofs outlive the key: destroying it erases the person (个人信息保护法 47).
A salted commitment inside lets one field be opened to a court, and tells nothing after.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from secrets import token_bytes

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.case import Case, Data, Event, Json
from ledger.keyring import Keyring

__all__ = ["FIELDS", "Keyring", "Mask", "applicant_ids", "digest", "encrypted", "opened"]


def _alike(kinds: tuple[str, ...], name: str) -> dict[str, Mapping[str, str]]:
    """Give every member of several types the same class."""
    return {kind: {"*": name} for kind in kinds}


# The class of every member of every event's data.  A dot goes one member deeper, `*` stands
# for all that are left; a personal one names whose it is.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "received": {
        "applicant.kind": "public",
        "applicant.id_scheme": "public",
        "applicant.name": "personal applicant",
        "applicant.id": "sensitive applicant",
        "applicant.agent.*": "sensitive agent",
        "applicant.*": "personal applicant",
        "*": "public",
    },
    "issued": {"recipient.*": "personal recipient", "*": "public"},
    "evaluated": {"text": "personal evaluator", "*": "public"},
    "intervention-recorded": {
        "who": "inspection inspection",
        "text": "inspection inspection",
        "unit": "inspection inspection",
    },
    "recusal-declared": {"interest": "inspection inspection"},
    "refused": {"*": "official"},
    "library": {"*": "official"},
    **_alike(
        (
            "corrected-on-spot",
            "supplement-requested",
            "supplement-received",
            "accepted",
            "declined",
            "deemed-accepted",
            "decided",
            "published",
            "pushed",
            "claimed",
            "closed",
            "withdrawn",
            "suspended",
            "resumed",
            "extended",
            "number-reserved",
            "number-voided",
            "sealed",
            "seal-voided",
            # But its new values are of the class of what they correct.
            "correction-proposed",
            "correction-approved",
        ),
        "public",
    ),
    **_alike(
        (
            "transferred",
            "transfer-acknowledged",
            "transfer-refused",
            "reviewed",
            "ledger-opened",
            "organ-set",
            "client-set",
            "item-set",
            "item-proposed",
            "item-approved",
            "calendar-set",
            "calendar-proposed",
            "calendar-approved",
            "policy-set",
            "policy-proposed",
            "policy-approved",
            "appointment-set",
            "appointment-proposed",
            "appointment-approved",
            "appointment-ended",
            "seal-registered",
            "seal-enabled",
            "seal-handed-over",
            "seal-taken-over",
            "seal-hand-over-approved",
            "seal-disabled",
            "seal-locked-away",
            "seal-destroyed",
            "seal-lost",
        ),
        "official",
    ),
}
PERSONAL = frozenset({"personal", "sensitive", "inspection"})
GONE = "***"


def class_of(kind: str, path: str) -> str:
    """Return the class of a member, with whose it is; KeyError where nobody gave it one."""
    table = FIELDS[kind]
    if path in table:
        return table[path]
    parent = path
    while parent:
        parent = parent.rpartition(".")[0]
        wild = f"{parent}.*" if parent else "*"
        if wild in table:
            return table[wild]
    raise KeyError(f"{kind}: {path} has no class")


def encrypted(event: Event, keyring: Keyring, ledger: str) -> Event:
    """Return the event with every personal field as ciphertext."""
    corrected = event.data.get("of") if event.type == "correction-proposed" else None
    if corrected is not None:
        # The new values belong to whom the old ones belong to.
        new = encrypted(replace(event, type=corrected, data=event.data["fields"]), keyring, ledger)
        return replace(event, data={**event.data, "fields": new.data})
    if not any(c.split()[0] in PERSONAL for c in FIELDS[event.type].values()):
        return event
    data = _encrypted(event.data, "", event, keyring, ledger)
    return replace(event, data=data)


def _encrypted(value: Json, path: str, event: Event, keyring: Keyring, ledger: str) -> Json:
    if isinstance(value, Mapping) and not (path and _leaf(event.type, path)):
        return {
            name: _encrypted(inner, f"{path}.{name}" if path else name, event, keyring, ledger)
            for name, inner in value.items()
        }
    kind, _, role = class_of(event.type, path).partition(" ")
    if kind not in PERSONAL or value is None:
        return value
    subject, key = keyring.subject(ledger, event.stream, role)
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


def _leaf(kind: str, path: str) -> bool:
    """Tell whether an object at this path is one field: nothing below it has a class."""
    below = path + "."
    return not any(name.startswith(below) for name in FIELDS[kind]) and path in FIELDS[kind]


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
        if isinstance(value, Mapping):
            if "enc" in value and len(value) == 1:
                clear = opened(value, self._keyring, self._ledger, self._event)
                return masked(value["enc"]["path"], clear)
            return self.fields(value)
        if isinstance(value, list | tuple):
            return [self._shown(inner) for inner in value]
        return value


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
    if len(clear) == 1:
        return "*"
    if len(clear) <= 3:
        return clear[0] + "*" + clear[2:]
    return clear[:2] + "*" * (len(clear) - 4) + clear[-2:]


def digest(key: bytes, route: str, body: Mapping[str, Json]) -> bytes:
    """Return the keyed digest of a request as it was understood.

    Keyed, because a bare digest of a form with an identity number can be guessed.
    """
    written = orjson.dumps(body, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return hmac.new(key, route.encode() + b"\0" + written, hashlib.sha256).digest()


def paths(data: Data, prefix: str = "") -> Iterator[str]:
    """List the paths of all members of some data."""
    for name, value in data.items():
        path = f"{prefix}.{name}" if prefix else name
        yield path
        if isinstance(value, Mapping):
            yield from paths(value, path)
