"""Personal fields (个人信息): encrypted one by one, opened, masked.

Each (subject, case) has a key of its own that lives outside the database.  The ledger holds
ciphertext, so proofs outlive the key: destroying it erases the person (个人信息保护法 47).
A salted commitment inside lets one field be opened to a court, and tells nothing after.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_bytes

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.case import Case, Data, Event, Json
from ledger.classes import changed
from ledger.errors import Corrupt
from ledger.keyring import Keyring, wrapping_key
from ledger.lifecycle import Role

__all__ = ["Keyring", "Mask", "applicant_ids", "digest", "encrypted", "opened"]


GONE = "***"


def encrypted(event: Event, keyring: Keyring, ledger: str, under: str) -> Event:
    """Return the event with every personal field as ciphertext.

    `under` names the wrapping key of a subject that is new.  KeyError for a member that
    nobody gave a class: it is never recorded.
    """
    if event.actor.role == Role.APPLICANT and (event.reason or event.basis):
        # Staff give reasons in office; what applicants say of themselves is theirs.
        said = {"reason": event.reason, "basis": event.basis}
        statement = {name: text for name, text in said.items() if text}
        data = {**event.data, "statement": statement}
        event = replace(event, data=data, reason=None, basis=None)

    def hidden(path: str, whose: str, value: Json) -> Json:
        subject, key = keyring.subject(ledger, event.stream, whose, under)
        return _encrypted(value, Place(ledger, event.id, path, subject), key)

    return replace(event, data=changed(event.type, event.data, hidden))


def wrapping(case: Case | None, first: Event, ledger: str, now: datetime) -> str:
    """Name the key that wraps those of new subjects: of the organ of the case and of the year.

    The organ is the window's that took the case, else who approves; the year that of the
    ledger, not that of when somebody says that it happened.
    """
    organ = case.organ if case is not None else None
    organ = organ or first.data.get("organ") or first.actor.organ
    return wrapping_key(ledger, organ, now.year)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ciphertext stands, and whose it is: it opens nowhere else."""

    ledger: str
    event: str
    path: str
    subject: str

    @property
    def tied(self) -> bytes:
        """The associated data of the ciphertext; the last is the version of this scheme."""
        return f"{self.ledger}\0{self.event}\0{self.path}\0{self.subject}\x001".encode()


def _encrypted(value: Json, at: Place, key: bytes) -> Data:
    salt, nonce = token_bytes(32), token_bytes(12)
    clear = orjson.dumps([b64encode(salt).decode(), value], option=orjson.OPT_SORT_KEYS)
    written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    commitment = hmac.new(salt, at.path.encode() + b"\0" + written, hashlib.sha256)
    return {
        "enc": {
            "subject": at.subject,
            "event": at.event,
            "path": at.path,
            "nonce": b64encode(nonce).decode(),
            "data": b64encode(AESGCM(key).encrypt(nonce, clear, at.tied)).decode(),
            "commitment": commitment.hexdigest(),
        }
    }


def opened(
    field: Data, keyring: Keyring, ledger: str, *, events: Collection[str], path: str
) -> Json:
    """Return a field in clear; None once its key is gone, or where it was not written.

    It may have been written in any of `events`, at that path; moved to another it is nothing.
    """
    enc = field["enc"]
    if enc["event"] not in events or enc["path"] != path:
        return None
    key = keyring.key(enc["subject"])
    if key is None:
        return None
    tied = Place(ledger, enc["event"], enc["path"], enc["subject"]).tied
    try:
        clear = AESGCM(key).decrypt(b64decode(enc["nonce"]), b64decode(enc["data"]), tied)
    except InvalidTag:
        return None
    return orjson.loads(clear)[1]


def applicant_ids(case: Case, keyring: Keyring, ledger: str) -> frozenset[str]:
    """Return the ids of the applicant and the agent in clear, to recognise them by."""
    return frozenset(c for c in _ids(case, keyring, ledger) if c is not None)


def applicant_index(
    case: Case, keyring: Keyring, ledger: str, key: bytes
) -> tuple[str | None, str | None]:
    """Return keyed digests of the ids of the applicant and the agent (None: not known).

    Cases of one applicant have the same; without the key, which is not in the database,
    nobody can try ids against them.
    """
    found = [
        None if clear is None else hmac.digest(key, f"{ledger}\0{clear}".encode(), "sha256").hex()
        for clear in _ids(case, keyring, ledger)
    ]
    return found[0], found[1]


def _ids(case: Case, keyring: Keyring, ledger: str) -> list[Json]:
    """Open the ids of the applicant and the agent, None where one is not there or gone."""
    events = {event.id for event in case.events}
    agent = case.applicant.get("agent") or {}
    fields = {
        "applicant.id": case.applicant.get("id"),
        "applicant.agent.id": agent.get("id"),
    }
    return [
        None if field is None else opened(field, keyring, ledger, events=events, path=path)
        for path, field in fields.items()
    ]


class Mask:
    """Shows data with its personal fields masked: 张*三, 4600**********1234, 138****5678."""

    def __init__(self, keyring: Keyring, ledger: str, events: Collection[str]) -> None:
        """Take the keys; ciphertext that was written in no event of `events` stays hidden."""
        self._keyring = keyring
        self._ledger = ledger
        self._events = events

    def fields(self, data: Data, at: str = "") -> dict[str, Json]:
        """Return the data, which stands at a path of its event, with every field masked.

        Where the data of somebody are kept for storage only, that is said beside them.
        """
        shown = {name: self._shown(value, f"{at}{name}") for name, value in data.items()}
        if any(self._is_restricted(value) for value in data.values()):
            shown["restricted"] = True
        return shown

    def _is_restricted(self, value: Json) -> bool:
        if not isinstance(value, dict) or len(value) != 1 or "enc" not in value:
            return False
        return value["enc"]["subject"] in self._keyring.restricted

    def _shown(self, value: Json, path: str) -> Json:
        if isinstance(value, dict):
            if len(value) == 1 and "enc" in value:
                return self._masked(value, path.removeprefix("fields."))
            return self.fields(value, f"{path}.")
        if isinstance(value, list | tuple):
            return [self._shown(inner, path) for inner in value]
        return value

    def _masked(self, field: Data, path: str) -> str:
        enc = field["enc"]
        if enc["subject"] in self._keyring.restricted:
            return GONE
        this = (self._ledger, enc["nonce"], enc["data"])
        known = self._keyring.masked.get(this)
        if known is None or enc["event"] not in self._events or enc["path"] != path:
            clear = opened(field, self._keyring, self._ledger, events=self._events, path=path)
            known = masked(path, clear)
            if clear is not None:
                self._keyring.remember_mask(this, known)
        return known


def masked(path: str, clear: Json) -> str:
    """Mask one value by what it is: a name, a number of a person, or anything else."""
    if not isinstance(clear, str) or not clear:
        return GONE
    last = path.rpartition(".")[2]
    if last == "address":
        return _district(clear)
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


# Province, city, county or district: the names of what lies below them are left out, and so
# is what is only called so (小区, 市场路).
_DISTRICT = re.compile(
    r"(?:[^省市县区]{2,7}(?:省|自治区|特别行政区))?"
    r"(?:[^省市县区镇乡街道路村]{1,9}?(?:自治州|地区|盟|市(?!场)))?"
    r"(?:[^省市县区镇乡街道路村]{1,9}?(?:自治县|(?<![小社园])区|县|旗|市(?!场)))?"
)


def _district(clear: str) -> str:
    """Keep of an address what is above the town."""
    found = _DISTRICT.match(clear)
    return (found[0] if found else "") + GONE


def sealed(key: bytes, place: str, clear: bytes) -> bytes:
    """Return bytes sealed for a while, tied to the place they wait at."""
    nonce = token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, clear, place.encode())


def unsealed(key: bytes, place: str, waiting: bytes) -> bytes:
    """Return what was sealed there; `Corrupt` where it was not."""
    try:
        return AESGCM(key).decrypt(waiting[:12], waiting[12:], place.encode())
    except (InvalidTag, ValueError):
        raise Corrupt(f"{place} was not sealed here") from None


def digest(key: bytes, route: str, body: Mapping[str, Json]) -> bytes:
    """Return the keyed digest of a request as it was understood.

    Keyed, because a bare digest of a form with an identity number can be guessed.
    """
    written = orjson.dumps(body, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    return hmac.new(key, route.encode() + b"\0" + written, hashlib.sha256).digest()
