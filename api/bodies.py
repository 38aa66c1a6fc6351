"""Bodies: bytes from outside become an act's details, or the caller hears what is wrong.

The checks run in a fixed order, and the first that fails answers alone: bytes, depth, JSON,
duplicates, members, types and ranges, characters and lengths.  The decoder accepts nothing
that `json.loads` would not.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType, inspect

from api import framing, times
from api.acts import ACTS
from api.characters import line_is_clean, text_is_clean
from api.fields import LINE_MAX, LIST_MAX, TEXT_MAX
from api.office_acts import OFFICE_BODIES
from api.strict import Fraction, Huge, Json, object_of
from ledger.errors import Refused

__all__ = ["ACTS", "OFFICE_BODIES", "check_members", "decoded", "object_of", "shaped"]

MAX_BYTES = 256 * 1024
MAX_MEMBERS = 1_000

_FREE = (inspect.DictType, inspect.AnyType)
_NESTED = (list, dict)
_MARKS = (Huge, Fraction)

# Where something stands: its name or index, and where that is; written out on refusal only.
At = tuple[Any, str | int] | None
Leaf = tuple[At, str, str]

_PATH = re.compile(r"\.([^.\[\]]+)|\[([0-9]+|\.\.\.)\]")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")


async def decoded(request: web.Request, shape: object) -> dict[str, Json]:
    """Read the body of a request as an act's details: checks 9 and 10.

    Instants at the top are returned as aware datetimes in UTC, all else as it came; an
    optional member that was left out is absent.
    """
    raw = await framing.body(request, MAX_BYTES)
    return shaped(object_of(raw), shape)


def check_members(data: Mapping[str, Json], shape: type[msgspec.Struct], at: str) -> None:
    """Check some members of a shape where they stand alone, as a correction gives them.

    What the shape does not name is for the caller to judge.
    """
    loose = _loose(shape)
    named = {field.name for field in msgspec.structs.fields(loose)}
    try:
        shaped({name: value for name, value in data.items() if name in named}, loose)
    except Refused as refused:
        refused.pointer = at + (refused.pointer or "")
        raise


@cache
def _loose(shape: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return the shape with no member required."""
    optional: list[tuple[str, Any, Any]] = [
        (field.name, field.type | UnsetType, UNSET) for field in msgspec.structs.fields(shape)
    ]
    return msgspec.defstruct(shape.__name__, optional, forbid_unknown_fields=True)


# -- JSON to details ----------------------------------------------------------------------------


def shaped(data: dict[str, Json], shape: object) -> dict[str, Json]:
    """Check an object against a shape, in the fixed order, and return it as details."""
    kind = _kind(shape)
    try:
        msgspec.convert(data, shape)
        wrong = None
    except msgspec.ValidationError as error:
        wrong = error
    if wrong is not None or _marked(data):
        # What is unknown is told before what is of a wrong type.
        _members(kind, data, None)
        _numbers(data, None)
        if wrong is not None:
            raise _not_of_shape(wrong, data)
    leaves = list(_leaves(kind, data, None))
    _forms(leaves)
    _characters(leaves)
    _lengths(leaves, data)
    return {
        name: times.instant(value) if _form(known) == "instant" else value
        for (name, value), known in zip(data.items(), _kinds_of(kind, data), strict=True)
    }


def _kinds_of(kind: inspect.Type, data: dict[str, Json]) -> Iterator[inspect.Type]:
    for _, inner, _ in _inside(_bare(kind, data), data, None):
        yield inner or inspect.AnyType()


@cache
def _kind(shape: object) -> inspect.Type:
    return inspect.type_info(shape)


@cache
def _fields(cls: type) -> Mapping[str, inspect.Type]:
    kind = _kind(cls)
    assert isinstance(kind, inspect.StructType)
    known = {field.encode_name: field.type for field in kind.fields}
    if kind.tag_field is not None:
        known[kind.tag_field] = inspect.LiteralType((kind.tag,))
    return known


def _bare(kind: inspect.Type, value: Json) -> inspect.Type:
    """Take the annotations off a type, and of several types the one that a value can be."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if not isinstance(kind, inspect.UnionType):
        return kind
    kinds = [_bare(one, value) for one in kind.types]
    for one in kinds:
        if isinstance(one, inspect.StructType) and isinstance(value, dict):
            if one.tag_field is None or value.get(one.tag_field) == one.tag:
                return one
        elif isinstance(one, inspect.ListType) and isinstance(value, list):
            return one
    return inspect.AnyType()


def _members(kind: inspect.Type, value: Json, at: At) -> None:
    """Refuse a member that the shape does not name, wherever it stands."""
    bare = _bare(kind, value)
    for pointer, inner, one in _inside(bare, value, at):
        if inner is None:
            raise Refused("unknown-field", "", pointer=_pointer(pointer))
        _members(inner, one, pointer)


def _inside(
    bare: inspect.Type, value: Json, at: At
) -> Iterator[tuple[At, inspect.Type | None, Json]]:
    """List what stands inside a value: pointer, type (None: not named), value."""
    if isinstance(bare, inspect.StructType) and isinstance(value, dict):
        known = _fields(bare.cls)
        for name, one in value.items():
            yield (at, name), known.get(name), one
    elif isinstance(bare, inspect.ListType) and isinstance(value, list):
        for i, one in enumerate(value):
            yield (at, i), bare.item_type, one
    elif isinstance(bare, inspect.DictType) and isinstance(value, dict):
        for name, one in value.items():
            yield (at, name), bare.value_type, one
    elif isinstance(bare, inspect.AnyType) and isinstance(value, _NESTED):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, one in pairs:
            yield (at, name), bare, one


def _marked(data: Json) -> bool:
    """Tell whether the decoder marked a number anywhere."""
    if isinstance(data, dict):
        return any(_marked(one) for one in data.values())
    if isinstance(data, list):
        return any(_marked(one) for one in data)
    return isinstance(data, _MARKS)


def _numbers(data: Json, at: At) -> None:
    """Refuse the numbers that the decoder marked."""
    if isinstance(data, Huge):
        raise Refused("integer-range", "", pointer=_pointer(at))
    if isinstance(data, Fraction):
        raise Refused("schema", "no fractions and no exponents", pointer=_pointer(at))
    if isinstance(data, dict):
        for name, one in data.items():
            _numbers(one, (at, name))
    elif isinstance(data, list):
        for i, one in enumerate(data):
            _numbers(one, (at, i))


def _not_of_shape(error: msgspec.ValidationError, data: Json) -> Refused:
    """Say what is wrong and where, in our words: the library's may repeat what was sent."""
    what, _, path = str(error).partition(" - at `")
    path = path.removesuffix("`")
    pointer: At = None
    value = data
    for name, index in _PATH.findall(path):
        pointer = (pointer, name or index)
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError, ValueError):
            value = None
    if isinstance(value, str) and not text_is_clean(value):
        return Refused("forbidden-character", "", pointer=_pointer(pointer))
    missing = _MISSING.match(what)
    if missing:
        return Refused("schema", "it is missing", pointer=_pointer((pointer, missing[1])))
    if what.startswith("Invalid"):
        what = "not one of the values allowed here"
    elif "regex" in what:
        what = "not of the form required here"
    return Refused("schema", what, pointer=_pointer(pointer))


def _leaves(kind: inspect.Type, value: Json, at: At) -> Iterator[Leaf]:
    """List the strings of a value with the form each has to have; free ones are texts."""
    if isinstance(value, str):
        yield at, value, _form(kind)
        return
    bare = _bare(kind, value)
    if isinstance(bare, _FREE) and isinstance(value, dict):
        for name in value:
            yield (at, name), name, "line"
    for pointer, inner, one in _inside(bare, value, at):
        if inner is not None:
            yield from _leaves(inner, one, pointer)


def _form(kind: inspect.Type) -> str:
    while isinstance(kind, inspect.Metadata):
        if kind.extra is not None:
            return str(kind.extra["form"])
        kind = kind.type
    return "text"


def _forms(leaves: list[Leaf]) -> None:
    """Refuse blank lines, and times that the calendar does not have."""
    for pointer, value, form in leaves:
        if form == "line" and not value.strip():
            raise Refused("schema", "it is blank", pointer=_pointer(pointer))
        if form == "instant" and times.instant(value) is None:
            raise Refused("schema", "no such time", pointer=_pointer(pointer))
        if form == "day" and times.day(value) is None:
            raise Refused("schema", "no such day", pointer=_pointer(pointer))


def _characters(leaves: list[Leaf]) -> None:
    for pointer, value, form in leaves:
        if not (line_is_clean(value) if form == "line" else text_is_clean(value)):
            raise Refused("forbidden-character", "", pointer=_pointer(pointer))


def _lengths(leaves: list[Leaf], data: Json) -> None:
    for pointer, value, form in leaves:
        if len(value) > (LINE_MAX if form == "line" else TEXT_MAX):
            raise Refused("too-long", "", pointer=_pointer(pointer))
    if _count(data, None) > MAX_MEMBERS:
        raise Refused("too-many-items", f"more than {MAX_MEMBERS} members")


def _count(data: Json, at: At) -> int:
    """Count the members of an object and of all in it; refuse a long list on the way."""
    if isinstance(data, dict):
        return len(data) + sum(_count(one, (at, name)) for name, one in data.items())
    if isinstance(data, list):
        if len(data) > LIST_MAX:
            raise Refused("too-many-items", f"more than {LIST_MAX}", pointer=_pointer(at))
        return sum(_count(one, (at, i)) for i, one in enumerate(data))
    return 0


def _pointer(at: At) -> str:
    """Write out where something stands as a JSON pointer; an endless name is cut."""
    steps = []
    while at is not None:
        at, name = at
        steps.append(str(name)[:64].replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in reversed(steps))
