"""Events as canonical bytes, and back: one spelling, and the bytes stored are the bytes hashed.

Bodies are JSON with sorted ASCII keys, no floats, no integer beyond 2^53-1, no NUL: then
orjson with sorted keys equals RFC 8785.  Old schema versions are lifted on reading; the
stored bytes never change.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from eventsourcing.persistence import Mapper, StoredEvent

from ledger.case import Actor, Event, Json
from ledger.classes import FIELDS
from ledger.errors import Corrupt, Refused

MAX_INTEGER = 2**53 - 1
MAX_RECORD = 60_000
HEADER_ROOM = 1_000

# Every type of event that may stand in a ledger, with its newest schema version.
TYPES: Mapping[str, int] = dict.fromkeys(FIELDS, 1)

# (type, schema version it lifts from) → the body one version later.
Body = dict[str, Any]
UPCASTS: Mapping[tuple[str, int], Callable[[Body], Body]] = {}


class Stored(Protocol):
    """A row of the ledger, as far as reading an event goes."""

    @property
    def record(self) -> bytes:
        """Header line, line feed, body."""


def encode(event: Event) -> bytes:
    """Return the body of an event as canonical bytes.

    Raises `Refused` (`record-too-large`) where the record would exceed 60,000 bytes.
    """
    actor = event.actor
    body: Body = {
        "actor": {
            name: value
            for name, value in (
                ("kind", actor.kind),
                ("person", actor.person),
                ("name", actor.name),
                ("role", actor.role),
                ("organ", actor.organ),
                ("appointment", actor.appointment),
                ("client", actor.client),
                ("delegator", actor.delegator),
                ("delegated_from", actor.delegated_from),
            )
            if value is not None
        },
        "data": event.data,
        "id": event.id,
        "occurred_at": instant(event.occurred_at),
        "responsibility": event.responsibility,
        "schema": event.schema,
        "stream": event.stream,
        "type": event.type,
        "version": event.version,
    }
    for name, value in (
        ("basis", event.basis),
        ("correlation", event.correlation),
        ("flags", event.flags),
        ("reason", event.reason),
        ("relied_on", event.relied_on),
        ("source", event.source),
    ):
        if value:
            body[name] = value
    _strict(body)
    written = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    if len(written) > MAX_RECORD - HEADER_ROOM:
        raise Refused("record-too-large", "the event would exceed 60,000 bytes")
    return written


def instant(at: datetime) -> str:
    """Write an instant in its one spelling: UTC, microseconds, Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _strict(value: Json) -> None:
    """Refuse what has more than one spelling; it is our own mistake if it comes this far."""
    kind = type(value)
    if kind is str:
        if "\0" in value:
            raise ValueError("NUL in a text")
    elif kind is dict:
        for name, inner in value.items():
            if type(name) is not str or not name.isascii():
                raise ValueError(f"not an ASCII key: {name!r}")
            _strict(inner)
    elif kind in (list, tuple):
        for inner in value:
            _strict(inner)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError("an integer beyond 2^53-1")
    elif value is not None and kind is not bool:
        raise ValueError(f"{kind.__name__} has no canonical spelling")


def split(record: bytes) -> tuple[bytes, bytes]:
    """Part a record into its header line and its body."""
    header, line_feed, body = record.partition(b"\n")
    if not line_feed:
        raise Corrupt("a record without a header")
    return header, body


def decode(row: Stored) -> Event:
    """Read a stored record; raise `Corrupt` where it is not one of ours."""
    return MAPPER.to_domain_event(
        StoredEvent(originator_id="", originator_version=0, topic="", state=row.record)
    )


class LedgerMapper(Mapper[str]):
    """The library's mapper over our bytes: a type is a word of `TYPES`, never a Python path.

    The stored topic is not read at all: `resolve_topic` would import a module that stored
    bytes name.
    """

    def __init__(
        self,
        types: Mapping[str, int] = TYPES,
        upcasts: Mapping[tuple[str, int], Callable[[Body], Body]] = UPCASTS,
    ) -> None:
        """Take the table of types, and how old bodies are lifted."""
        self._types = types
        self._upcasts = upcasts

    def to_stored_event(self, domain_event: Any) -> StoredEvent:  # noqa: ANN401 (the library's)
        """Return an event as the library stores it: our bytes under our word."""
        return StoredEvent(
            originator_id=domain_event.stream,
            originator_version=domain_event.version,
            topic=domain_event.type,
            state=encode(domain_event),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Event:  # type: ignore[override]
        """Read a record, lifting an old schema version to the newest one."""
        header_line, body_line = split(stored_event.state)
        try:
            header, body = orjson.loads(header_line), orjson.loads(body_line)
            newest = self._types.get(body["type"])
            if newest is None or body["schema"] > newest:
                raise Corrupt(f"an event of type {body['type']} {body['schema']} is not known")
            while body["schema"] < newest:
                step = self._upcasts.get((body["type"], body["schema"]))
                if step is None:
                    raise Corrupt(f"nothing lifts {body['type']} {body['schema']}")
                body = {**step(body), "schema": body["schema"] + 1}
            return _event(header, body)
        except (KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"a record that cannot be read: {error}") from error


def _event(header: Body, body: Body) -> Event:
    return Event(
        stream=body["stream"],
        version=body["version"],
        type=body["type"],
        schema=body["schema"],
        id=body["id"],
        occurred_at=datetime.fromisoformat(body["occurred_at"]),
        actor=Actor(**body["actor"]),
        responsibility=body["responsibility"],
        data=body["data"],
        reason=body.get("reason"),
        basis=body.get("basis"),
        flags=tuple(body.get("flags", ())),
        relied_on=body.get("relied_on", {}),
        source=body.get("source"),
        correlation=body.get("correlation"),
        position=header["position"],
        recorded_at=datetime.fromisoformat(header["recorded_at"]),
        registers=header["registers"],
    )


MAPPER = LedgerMapper()
