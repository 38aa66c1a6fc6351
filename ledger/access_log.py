"""The access log of a ledger: who read what, and who was refused, durable before the answer.

Two lines, each a sequence of its own beside the ledger: the open one for everybody, the sealed
one for inspection.  An entry of the sealed line is encrypted as a whole and padded: what stands
in clear says only that there is an entry (SECURITY 3.6).
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_bytes, token_hex

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger import records
from ledger.case import Actor, Event, Events, Flag
from ledger.errors import Corrupt, Refused, Unavailable
from ledger.keyring import Keyring
from ledger.store import Command, Store, companions

NONCE = 12
LENGTH = 4
# Entries are padded to one of these sizes, then to whole multiples of the largest.
SIZES = (1_024, 2_048, 4_096)
NOBODY = Actor(kind="system")


@dataclass(frozen=True, slots=True)
class _Record:
    record: bytes


class AccessLog:
    """Both lines of the access log of one ledger."""

    def __init__(self, ledger: str, store: Store, keyring: Keyring) -> None:
        """Bind the parts; the key of the sealed line is read when it is first needed."""
        self.ledger = ledger
        self._store = store
        self._keyring = keyring
        self._cipher: AESGCM | None = None
        # Of a ledger that is closed: that of the one that follows it, which readings go to.
        self.continued_by: AccessLog | None = None

    async def put(self, event: Event, *, sealed: bool) -> None:
        """Store an entry; return only when it is durable.

        Raises `Unavailable`, `Unknown` or `Corrupt` as the append does.
        """
        if self.continued_by is not None:
            told = replace(event, data={**event.data, "ledger": self.ledger})
            await self.continued_by.put(told, sealed=sealed)
            return
        open_line, sealed_line = companions(self.ledger)
        entry = self._enclosed(event) if sealed else event
        command = Command(
            key=f"entry|{entry.id}",
            digest=b"entry",
            reads={entry.stream: 0},
            events=((entry.stream, entry.type, records.encode(entry), ()),),
        )
        outcome = await self._store.writer(sealed_line if sealed else open_line).append(command)
        if outcome.kind not in ("appended", "replayed"):
            raise Unavailable("busy", "the entry was not stored")

    async def entries(self, position: int, limit: int, *, sealed: bool) -> Events:
        """Return entries of a line from a position on, in order, the sealed ones opened.

        Raises `Corrupt` for an entry that its key does not open.
        """
        line = companions(self.ledger)[sealed]
        rows = await self._store.since(line, position, limit)
        if not sealed:
            return tuple(records.decode(row) for row in rows)
        return tuple(self._opened(records.decode(row), row.record) for row in rows)

    def _enclosed(self, event: Event) -> Event:
        """Return the entry that stands for an event in the sealed line."""
        nonce = token_bytes(NONCE)
        outer = f"reading:{token_hex(16)}"
        # Inside and outside bear one stream and one id, so that neither can be exchanged.
        body = padded(records.encode(replace(event, stream=outer)))
        secret = nonce + self._key().encrypt(nonce, body, self._about(event.id))
        return Event(
            stream=outer,
            version=1,
            type="entry-sealed",
            id=event.id,
            occurred_at=event.occurred_at,
            actor=NOBODY,
            responsibility="administration",
            data={"entry": b64encode(secret).decode()},
        )

    def _opened(self, entry: Event, record: bytes) -> Event:
        secret = b64decode(entry.data["entry"], validate=True)
        try:
            body = self._key().decrypt(secret[:NONCE], secret[NONCE:], self._about(entry.id))
        except InvalidTag:
            raise Corrupt("an entry of the sealed line cannot be opened") from None
        header, _ = records.split(record)
        event = records.decode(_Record(header + b"\n" + unpadded(body)))
        if (event.id, event.stream) != (entry.id, entry.stream):
            raise Corrupt("an entry of the sealed line stands in the wrong place")
        return event

    def _about(self, event: str) -> bytes:
        return f"{self.ledger}|{event}".encode()

    def _key(self) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(self._keyring.inspection_key(self.ledger))
        return self._cipher


def refusal(
    refused: Refused, now: datetime, by: Actor, asked: Mapping[str, str | None],
    details: Mapping[str, str], flags: tuple[Flag, ...], correlation: str | None,
) -> Event:  # fmt: skip
    """Return the entry about somebody who was turned away: what was asked for, and why not."""
    data = {
        **asked,
        "slug": refused.slug,
        "rule": refused.rule,
        "earlier_position": refused.earlier_position,
        **details,
    }
    return Event(
        stream=f"refusal:{token_hex(16)}",
        version=1,
        type="refused",
        id=token_hex(16),
        occurred_at=now,
        actor=by,
        responsibility="administration",
        data={name: value for name, value in data.items() if value is not None},
        flags=flags,
        correlation=correlation,
    )


def padded(body: bytes) -> bytes:
    """Return a body with its length before it, filled up to one of few sizes."""
    whole = len(body).to_bytes(LENGTH) + body
    largest = SIZES[-1]
    size = next((s for s in SIZES if s >= len(whole)), -(-len(whole) // largest) * largest)
    return whole.ljust(size, b"\0")


def unpadded(whole: bytes) -> bytes:
    """Return the body out of what `padded` made."""
    return whole[LENGTH : LENGTH + int.from_bytes(whole[:LENGTH])]
