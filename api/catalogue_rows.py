"""Rows of a file of the catalogue: items and baselines, judged like what `POST /items` takes.

A row that could not be in force is set aside with a code and the place of what is wrong, so
that the bureau can mend its file: nothing in a catalogue names a person.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import UNSET

from api.bodies import OFFICE_BODIES, shaped
from api.fields import Line, Maybe, Name, Text
from api.parts import OfficeAct, Shape
from ledger.case import Data, Json
from ledger.errors import Refused
from ledger.imported import CODES
from ledger.mapping import CatalogueMapping
from ledger.office import Office, check
from ledger.office.elements import ELEMENTS

# How a cell says yes or no, and what parts a list in one.
_TRUTH = {
    **dict.fromkeys(("true", "yes", "y", "1", "是", "有"), True),
    **dict.fromkeys(("false", "no", "n", "0", "否", "无"), False),
}
_PARTS = str.maketrans(dict.fromkeys("，、；;|", ","))

_LISTS = frozenset({"documents", "special", "opinions", "organs.supervising", "organs.enforcing"})
_NUMBERS = frozenset({"limits.statutory", "limits.promised", "extension.days", "validity_years"})
_TRUTHS = frozenset({"site_check", "window", "no_visit", "secret", "limited", "ended"})


class Baseline(Shape):
    """An item of the baseline; one that is struck off (取消) says no more than its code."""

    code: Name
    name: Maybe[Line] = UNSET
    elements: Maybe[dict[str, Text]] = UNSET
    ended: Maybe[bool] = UNSET


@dataclass(frozen=True, slots=True)
class Judged:
    """What a row says: its code and content, and why it is set aside (None: it is not).

    `content` None strikes the item of that code off; `note` says where the row is wrong.
    """

    id: str | None
    content: Data | None = None
    code: str | None = None
    note: str | None = None


def judged(cells: Mapping[str, Any], by: CatalogueMapping, office: Office, now: datetime) -> Judged:
    """Read a row, and hold it against the rules for items and the office as it is."""
    try:
        content = _content(cells, by)
    except Refused as refused:
        return _aside(cells.get(by.members.get("code", "code")), refused)
    own = content.get("code")
    if not isinstance(own, str) or not own.strip():
        return Judged(None, code="missing-id")
    try:
        if by.catalogue == "items":
            content = shaped(content, OFFICE_BODIES["item"])
            kept = {k: v for k, v in content.items() if k not in OfficeAct.__struct_fields__}
            check.sound(office, "item", own, kept, now)
            return Judged(own, kept)
        return Judged(own, _baseline(shaped(content, Baseline)))
    except Refused as refused:
        return _aside(own, refused)


def _baseline(content: dict[str, Json]) -> Data | None:
    if content.pop("ended", False):
        return None
    if not content.get("name"):
        raise Refused("schema", "a baseline has a name", pointer="/name")
    for name in content.setdefault("elements", {}):
        if name not in ELEMENTS:
            raise Refused("unknown-field", "none of the 13 elements", pointer=f"/elements/{name}")
    return content


def _aside(own: object, refused: Refused) -> Judged:
    code = refused.slug if refused.slug in CODES else "bad-value"
    # What cannot be shown is not kept either.
    shown = own if isinstance(own, str) and code not in ("forbidden-character", "too-long") else ""
    return Judged(shown[:80] or None, code=code, note=f"{refused.pointer or '/'}: {refused.why}")


def _content(cells: Mapping[str, Any], by: CatalogueMapping) -> dict[str, Json]:
    """Put together what a row says: its members, and those that every row has."""
    said: dict[str, Json] = dict(cells)
    if by.members:
        said = {}
        for path, column in by.members.items():
            text = cells.get(column)
            if text is None or not str(text).strip():
                continue
            outer, _, inner = path.partition(".")
            value = _read(path, str(text).strip())
            if inner:
                said.setdefault(outer, {})[inner] = value
            else:
                said[outer] = value
    return _filled(by.defaults, said)


def _filled(defaults: Mapping[str, Json], said: Mapping[str, Json]) -> dict[str, Json]:
    whole = {**defaults, **said}
    for name, value in defaults.items():
        own = said.get(name)
        if isinstance(value, dict) and isinstance(own, dict):
            whole[name] = {**value, **own}
    return whole


def _read(path: str, text: str) -> Json:
    """Read a cell as what its member is: a list, a number, a truth or a text."""
    pointer = "/" + path.replace(".", "/")
    if path in _LISTS:
        return [part.strip() for part in text.translate(_PARTS).split(",") if part.strip()]
    if path in _NUMBERS:
        return _or_refused(int, text, pointer, "a whole number")
    if path in _TRUTHS:
        return _or_refused(lambda t: _TRUTH[t.lower()], text, pointer, "yes or no")
    return text


def _or_refused(read: Callable[[str], Json], text: str, pointer: str, wanted: str) -> Json:
    try:
        return read(text)
    except (ValueError, KeyError):
        raise Refused("schema", f"{wanted} is wanted here", pointer=pointer) from None
