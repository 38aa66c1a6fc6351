"""A stored record as a stranger reads it: header and body, in the one spelling, and no rules.

Who verifies has bytes and nothing else.  What a record says of itself is read strictly, types
and spelling; what it means is the fold's, and is not asked here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

MAX_NUMBER = 2**53 - 1


class Unreadable(Exception):
    """Bytes that are no record in the one spelling of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What header and body of a record say of where it stands, and what it rests on."""

    ledger: str
    position: int
    recorded_at: datetime
    registers: Mapping[str, int]
    stream: str
    version: int
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]
    relied_on: Mapping[str, int]


def read(record: bytes) -> Stored:
    """Read a record; raise `Unreadable` for another spelling (RFC 8785) or shape."""
    header_line, line_feed, body_line = record.partition(b"\n")
    if not line_feed:
        raise Unreadable("a record without a header")
    header, body = _object(header_line), _object(body_line)
    try:
        return Stored(
            ledger=_text(header["ledger"]),
            position=_number(header["position"], 0),
            recorded_at=_instant(header["recorded_at"]),
            registers=_numbers(header["registers"]),
            stream=_text(body["stream"]),
            version=_number(body["version"], 1),
            type=_text(body["type"]),
            occurred_at=_instant(body["occurred_at"]),
            data=_mapping(body["data"]),
            relied_on=_numbers(body.get("relied_on", {})),
        )
    except KeyError as error:
        raise Unreadable(f"a record without {error}") from error


def written(value: object) -> bytes:
    """Write JSON as it is stored: sorted, without spaces, one spelling."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(line)
        again = written(found)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError) as error:
        raise Unreadable("not JSON, or nested too deeply") from error
    if not isinstance(found, dict) or again != line:
        raise Unreadable("JSON in another spelling")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Unreadable("not a text")
    return value


def _number(value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_NUMBER:
        raise Unreadable("not a number of ours")
    return value


def _instant(value: object) -> datetime:
    text = _text(value)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable("not an instant") from error
    if at.tzinfo != UTC or f"{at:%Y-%m-%dT%H:%M:%S.%fZ}" != text:
        raise Unreadable("an instant in another spelling")
    return at


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable("not an object")
    return value


def _numbers(value: object) -> Mapping[str, int]:
    return {name: _number(number, 1) for name, number in _mapping(value).items()}
