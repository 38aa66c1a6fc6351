"""Forms made of the shapes of the interface: what an act may say is written down once.

A shape becomes fields, fields become a form, and what is sent back becomes the details that
the interface would have been sent; they are checked there, by the same shape.  A field is
named by its place: `materials.0.name`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UnsetType, inspect

from api.fields import EMPTY_SHA256, LIST_MAX
from ledger.case import Json
from ledger.errors import Refused
from ledger.office.elements import ELEMENTS

# What a list shows when it is empty, and how many more a press on its button adds.
ROWS = 1
MORE = 1
MOST_ROWS = LIST_MAX


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a shape.

    `kind` is `line`, `text`, `digest`, `day`, `instant`, `whole`, `truth`, `choice`, `free`,
    `group` (of `parts`) or `list` (of `parts[0]`).
    """

    name: str
    kind: str
    required: bool
    choices: tuple[str, ...] = ()
    parts: tuple["Field", ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as it stands in a form: where, with what in it, and what is wrong with it.

    `required` says what the shape asks for, `star` what this form has to say: nothing in a row
    or a group that may be left out, unless something stands in it.  `spare` is such a group or
    list.  `begun` is the first field of a row that was just added: there the writing goes on.
    """

    place: str
    label: str
    kind: str
    required: bool
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    open_choice: bool = False
    wrong: bool = False
    begun: bool = False
    star: bool = False
    spare: bool = False
    parts: tuple["Shown", ...] = field(default=())

    @property
    def needs(self) -> tuple[str, ...]:
        """What has to be said in it, if anything is."""
        of = self.parts[0].parts if self.kind == "list" and self.parts else self.parts
        return tuple(part.label for part in of if part.required)

    @property
    def offered(self) -> tuple[tuple[str, str], ...]:
        """What is offered to be written: words, but for a digest, whose form is checked."""
        if self.kind == "digest":
            return self.choices
        return tuple((label, "") for _, label in self.choices)

    @property
    def told(self) -> str:
        """What stands in a field to write in: the words for a code that is offered."""
        if self.kind == "digest" or not self.open_choice:
            return self.value
        return dict(self.choices).get(self.value, self.value)

    @property
    def said(self) -> bool:
        """Whether anything stands in it or is wrong with it, or it is where the writing goes on."""
        return bool(self.value) or self.wrong or self.begun or any(p.said for p in self.parts)


# Members that are words by name, and which names there are.
WORDS: Mapping[str, tuple[str, ...]] = {"elements": tuple(ELEMENTS)}
# What every act has: when it happened, if not now, and why.
COMMON = ("occurred_at", "reason", "basis")
# Members of which nobody types a value that is not offered.
CLOSED = frozenset({"event", "request"})


@cache
def fields_of(shape: type) -> tuple[Field, ...]:
    """Return the fields of a shape, its own members before those that every act has."""
    kind = inspect.type_info(shape)
    assert isinstance(kind, inspect.StructType), shape
    made = [_field(one.encode_name, one.type, one.required) for one in kind.fields]
    return (*(f for f in made if f.name not in COMMON), *(f for f in made if f.name in COMMON))


def _field(name: str, kind: inspect.Type, required: bool) -> Field:  # noqa: FBT001
    form = ""
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            form = str((kind.extra or {}).get("form", form))
            kind = kind.type
        else:
            left = [one for one in kind.types if not _unset(one)]
            # Of a word or a list of codes the list says more; "all" is the list left empty.
            lists = [one for one in left if isinstance(_plain(one), inspect.ListType)]
            if len(left) != 1 and not lists:
                return Field(name, "free", required)
            kind = (lists or left)[0]
    if isinstance(kind, inspect.LiteralType):
        return Field(name, "choice", required, tuple(map(str, kind.values)))
    if isinstance(kind, inspect.StructType):
        parts = tuple(_field(one.encode_name, one.type, one.required) for one in kind.fields)
        return Field(name, "group", required, parts=parts)
    if isinstance(kind, inspect.ListType):
        return Field(name, "list", required, parts=(_field("", kind.item_type, True),))
    if isinstance(kind, inspect.StrType):
        if kind.pattern and EMPTY_SHA256 in kind.pattern:
            return Field(name, "digest", required)
        return Field(name, form or "text", required)
    if isinstance(kind, inspect.DictType) and name in WORDS:
        parts = tuple(Field(word, "text", False) for word in WORDS[name])
        return Field(name, "group", required, parts=parts)
    simple = {inspect.IntType: "whole", inspect.BoolType: "truth"}
    return Field(name, simple.get(type(kind), "free"), required)


def _plain(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _unset(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.NoneType):
        return True
    return isinstance(kind, inspect.CustomType) and kind.cls is UnsetType


# -- back from the form ----------------------------------------------------------------------------


def details(shape: type, sent: Mapping[str, str], zone: ZoneInfo) -> dict[str, Json]:
    """Return what a form says, as the body of a request; what is empty was not said.

    Raises `Refused` (`schema`, with its pointer) for what is no number and no time.
    """
    told = {}
    for one in fields_of(shape):
        value = _value(one, one.name, sent, zone)
        if value is not None:
            told[one.name] = value
    return told


def _value(one: Field, at: str, sent: Mapping[str, str], zone: ZoneInfo) -> Json:
    if one.kind == "group":
        inner = {p.name: _value(p, f"{at}.{p.name}", sent, zone) for p in one.parts}
        kept = {name: value for name, value in inner.items() if value is not None}
        # A box that is not ticked says no, but nobody has ticked it in an empty group.
        return kept if any(value is not False for value in kept.values()) else None
    if one.kind == "list":
        rows = [_value(one.parts[0], f"{at}.{n}", sent, zone) for n in _rows(at, sent)]
        return [row for row in rows if row is not None] or None
    if one.kind == "truth":
        text = sent.get(at, "")
        return {"yes": True, "no": False}.get(text)
    text = sent.get(at, "")
    text = text.replace("\r\n", "\n") if one.kind == "text" else text.strip()
    return _simple(one, text, at, zone) if text.strip() else None


def _simple(one: Field, text: str, at: str, zone: ZoneInfo) -> Json:
    wrong = "/" + at.replace(".", "/")
    if one.kind == "whole":
        if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit():
            raise Refused("schema", "not a whole number", pointer=wrong)
        return int(text[:20])
    if one.kind == "instant":
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise Refused("schema", "no such time", pointer=wrong) from None
        return (when if when.tzinfo else when.replace(tzinfo=zone)).isoformat()
    return text


def by_label(
    sent: Mapping[str, str], choices: Mapping[str, Sequence[tuple[str, str]]]
) -> dict[str, str]:
    """Put the code for what was typed in words, where a choice bears exactly these."""
    told = dict(sent)
    for place, text in sent.items():
        offered = apart(choices.get(_general(place), ()))
        if text and text not in {code for code, _ in offered}:
            told[place] = next((code for code, label in offered if label == text.strip()), text)
    return told


def apart(choices: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return choices with words that tell them apart: the code stands behind equal ones.

    >>> apart([("chen-zhi", "陈志"), ("chen-zhi-2", "陈志"), ("wu-jun", "吴军")])
    (('chen-zhi', '陈志 (chen-zhi)'), ('chen-zhi-2', '陈志 (chen-zhi-2)'), ('wu-jun', '吴军'))
    """
    many = Counter(label for _, label in choices)
    codes = {code for code, _ in choices}

    def words(code: str, label: str) -> str:
        alike = many[label] > 1 or (label in codes and label != code)
        return f"{label} ({code})" if alike else label

    return tuple((code, words(code, label)) for code, label in choices)


def _rows(at: str, sent: Mapping[str, str]) -> list[int]:
    """List which rows of a list were sent, in their order."""
    found = set()
    for name in sent:
        if name.startswith(f"{at}."):
            number = name[len(at) + 1 :].partition(".")[0]
            if number.isascii() and number.isdigit() and len(number) < 4:
                found.add(int(number))
    return sorted(found)[:MOST_ROWS]


# -- and into the form -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filling:
    """What a form is filled with: values by place, choices by name, how many rows, what is wrong.

    `labels` gives the words for a member and for one of its values, `spare` names members that
    may be left out though the shape asks for them.
    """

    sent: Mapping[str, str]
    labels: Any
    choices: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    more: str = ""
    wrong: str = ""
    spare: frozenset[str] = frozenset()

    def written(self, place: str) -> bool:
        """Tell whether anything stands at a place or below it."""
        return any(
            value.strip()
            for name, value in self.sent.items()
            if name == place or name.startswith(f"{place}.")
        )


def shown(shape: type, filling: Filling, *, without: frozenset[str] = frozenset()) -> list[Shown]:
    """Return the fields of a shape as they stand in a form."""
    return [_shown(f, f.name, filling) for f in fields_of(shape) if f.name not in without]


def _row(row: Shown, numbered: str) -> Shown:
    """Name a row: by the word for what stands in it, where there is one."""
    return replace(row, label=dict(row.choices).get(row.value, numbered))


def _shown(one: Field, place: str, filling: Filling, *, around: bool = True) -> Shown:
    """Show a field; `around` says that what it stands in has to be said."""
    label = filling.labels.member(one.name)
    star = around and one.required and one.name not in filling.spare
    parts: tuple[Shown, ...] = ()
    if one.kind == "group":
        begun = star or (around and one.name not in filling.spare and filling.written(place))
        parts = tuple(_shown(p, f"{place}.{p.name}", filling, around=begun) for p in one.parts)
    elif one.kind == "list":
        parts = tuple(
            _row(_shown(one.parts[0], f"{place}.{n}", filling, around=needed), f"{label} {n + 1}")
            for n in range(_count(place, filling))
            for needed in (_needed(one, n, place, filling, star=star),)
        )
        if filling.more == place:
            parts = (*parts[:-1], _begun(parts[-1]))
    general = _general(place)
    offered = apart(filling.choices.get(general, ()))
    choices = offered or tuple((c, filling.labels.value(one.name, c)) for c in one.choices)
    return Shown(
        place,
        label,
        one.kind,
        one.required,
        filling.sent.get(place, ""),
        choices,
        bool(offered) and one.kind != "choice" and one.name not in CLOSED,
        filling.wrong == "/" + place.replace(".", "/"),
        star=star,
        # A correction leaves out what it leaves as it was.
        spare=bool(parts and one.name and not star) and not place.startswith("fields."),
        parts=parts,
    )


def _needed(one: Field, n: int, place: str, filling: Filling, *, star: bool) -> bool:
    """Tell whether a row has to be said: the first of what is required, or one that is begun."""
    if one.name in filling.spare:
        return False
    whole = one.parts[0].kind == "group" and filling.written(f"{place}.{n}")
    return (star and n == 0) or whole


def _begun(row: Shown) -> Shown:
    """Mark the field of a row that stands first in it: what it needs stands before the rest."""
    if not row.parts:
        return replace(row, begun=True)
    first = next((part for part in row.parts if part.required), row.parts[0])
    return replace(row, parts=tuple(_begun(p) if p is first else p for p in row.parts))


def _count(place: str, filling: Filling) -> int:
    rows = _rows(place, filling.sent)
    count = rows[-1] + 1 if rows else ROWS
    if filling.more == place:
        count += MORE
    return min(max(count, ROWS), MOST_ROWS)


def _general(place: str) -> str:
    """Return a place without the numbers of rows: `materials.name`."""
    return ".".join(part for part in place.split(".") if not part.isdigit())


def flat(data: Json, at: str = "") -> dict[str, str]:
    """Return details as a form has them: each value by its place."""
    told: dict[str, str] = {}
    pairs: Any = data.items() if isinstance(data, Mapping) else enumerate(data)
    for name, value in pairs:
        place = f"{at}.{name}" if at else str(name)
        if isinstance(value, Mapping | list | tuple):
            told |= flat(value, place)
        elif isinstance(value, bool):
            told[place] = "yes" if value else "no"
        elif value is not None:
            told[place] = str(value)
    return told
