"""JSON read strictly: bodies, tokens and key sets, before anything else looks at them.

The checks run in a fixed order: bytes, depth, JSON, duplicates.  What is accepted here,
`json.loads` accepts too; numbers that are none of ours are marked for who knows the shape.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from api.headers import MAX_INTEGER, echo
from ledger.errors import Refused

MAX_DEPTH = 32

# The one seam where JSON is held as it came.
Json = Any

# Each string is consumed whole and never looked at again, so the time is linear.
_STRINGS = re.compile(rb'"(?>[^"\\]+|\\.)*+"?', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Fraction(str):
    """A number with a fraction or an exponent: no number of ours."""

    __slots__ = ()


class Huge(str):
    """An integer beyond 2^53 - 1."""

    __slots__ = ()


def object_of(raw: bytes) -> dict[str, Json]:
    """Decode exactly one JSON object, strictly.

    Numbers that are none of ours are left in it, marked, for `shaped` to refuse.
    """
    malformed = Refused("malformed-json", "not exactly one JSON object in UTF-8")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed from None
    if _too_deep(raw):
        raise Refused("too-deep", "")
    duplicates: list[str] = []

    def members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            duplicates.append(next(n for i, n in enumerate(names) if n in names[:i]))
        return found

    try:
        data = json.loads(
            text,
            object_pairs_hook=members,
            parse_int=_integer,
            parse_float=Fraction,
            parse_constant=_constant,
        )
    except (ValueError, RecursionError):
        raise malformed from None
    if not isinstance(data, dict) or _lone_surrogate(text, data):
        raise malformed
    if duplicates:
        raise Refused("duplicate-key", echo(duplicates[0]))
    return data


def _too_deep(raw: bytes) -> bool:
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _STRINGS.sub(b"", raw):
        if bracket in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif bracket in b"}]":
            depth -= 1
    return False


def _integer(text: str) -> int | Huge:
    # By length first: reading an endless run of digits is work.
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        return Huge(text[:20])
    return int(text)


def _constant(text: str) -> Json:
    raise ValueError(text)


def _lone_surrogate(text: str, data: Json) -> bool:
    """Look for halves of characters, which only an escape can bring in."""
    if "\\ud" not in text.lower():
        return False
    return any(_SURROGATE.search(found) for found in _strings(data))


def _strings(data: Json) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for one in data:
            yield from _strings(one)
    elif isinstance(data, dict):
        for name, one in data.items():
            yield name
            yield from _strings(one)
