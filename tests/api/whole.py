"""A body with every member that a shape has, so that each string of it can be spoiled."""

import re

from msgspec import inspect

# What a member with a pattern may be, the first that fits.
FITTING = (
    "2026-03-02",
    "2026-03-02T09:00:00+08:00",
    "a" * 64,
    "b" * 32,
    "{year}-{number:06d}",
    "17:30",
    "x-1",
)


def whole(shape):
    """Return a body of this shape with all its members, each list with one entry."""
    return _filled(inspect.type_info(shape))


def forms(shape, at=()):
    """List every string of such a body: where it stands, its form, and if it has a pattern."""
    return dict(_forms(inspect.type_info(shape), at, {}))


def put(value, at, new):
    """Return a body with another value at a place in it."""
    if not at:
        return new
    first, *rest = at
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[first] = put(value[first], rest, new)
    return copy


def _filled(kind):
    kind, _ = _bare(kind)
    if isinstance(kind, inspect.StructType):
        tag = {kind.tag_field: kind.tag} if kind.tag_field else {}
        return tag | {field.encode_name: _filled(field.type) for field in kind.fields}
    if isinstance(kind, inspect.ListType):
        return [_filled(kind.item_type)]
    if isinstance(kind, inspect.LiteralType):
        return kind.values[0]
    if isinstance(kind, inspect.DictType):
        return {"name": "x"}
    if isinstance(kind, inspect.BoolType):
        return True
    if isinstance(kind, inspect.IntType):
        return max(kind.ge or 1, 1)
    assert isinstance(kind, inspect.StrType), kind
    if kind.pattern is None:
        return "x"
    return next(text for text in FITTING if re.search(kind.pattern, text))


def _forms(kind, at, extra):
    kind, more = _bare(kind)
    extra = {**extra, **more}
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from _forms(field.type, (*at, field.encode_name), {})
    elif isinstance(kind, inspect.ListType):
        yield from _forms(kind.item_type, (*at, 0), {})
    elif isinstance(kind, inspect.StrType):
        yield at, (extra.get("form"), kind.pattern is not None)


def _bare(kind):
    """Take off what is said about a type, and the choice of leaving the member out."""
    said = {}
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            said |= kind.extra or {}
            kind = kind.type
        else:
            left = [t for t in kind.types if not isinstance(t, inspect.NoneType)]
            kind = left[-1]
    return kind, said
