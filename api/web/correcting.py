"""Corrections from a page: which acts may be put right, and the form of one of them.

The form is that of the act which is corrected, filled with what was recorded; what differs from
it when it comes back is what the correction says.  Of a person's fields only a mask is shown:
they stand empty, and one that stays empty is not corrected.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Struct, UnsetType

from api.access import Entry
from api.acts import ACTS
from api.fields import Digest, Instant
from api.parts import Act
from api.web import facts, forms
from api.web.texts import Texts
from ledger import authority, standing
from ledger.case import Case, Data, Event, Events, Json, as_corrected
from ledger.correction import given
from ledger.errors import Refused
from ledger.lifecycle import ACTION_OF, Action

Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class History:
    """What was recorded of a thing, what may be put right of each act, and the acts' shapes."""

    events: Events
    given: Callable[[Event], frozenset[str]]
    shape: Callable[[str], type[Act] | None]


@dataclass(frozen=True, slots=True)
class Target:
    """An act that is to be put right, as it stands: which members, and how a form asks for them."""

    event: Event
    names: frozenset[str]
    shape: type[Struct]


def of_case(entry: Entry, case: Case, version: int | None = None) -> History:
    """Return what the caller may put right of a case, as it stood at a version (None: now).

    Their own line's acts only: those of another one they could not, and may not even read.
    """
    of = standing.subject(case)
    posts = standing.candidates(Action.CORRECT, entry.caller, of, entry.office, entry.now)

    def own(event: Event) -> frozenset[str]:
        mine = any(authority.own_line(actor, event) for actor, _ in posts)
        return given(event) if mine else frozenset()

    return History(upto(case.events, version), own, _act_of)


def upto(events: Events, version: int | None) -> Events:
    """Return the events that a form of a version was made of; None: all."""
    return tuple(event for event in events if version is None or event.version <= version)


def _act_of(kind: str) -> type[Act] | None:
    return ACTS[str(ACTION_OF[kind])] if kind in ACTION_OF else None


def possible(of: History) -> list[Event]:
    """List the acts of which something may be put right, newest first, as they stand."""
    return [event for event in reversed(as_corrected(of.events)) if of.given(event)]


def target(of: History, event_id: str) -> Target:
    """Find the act that is to be put right.  Raises `Refused` (`not-found`)."""
    event = next((event for event in possible(of) if event.id == event_id), None)
    if event is None:
        raise Refused("not-found", "no act that could be corrected")
    names = of.given(event)
    return Target(event, names, _shape(of.shape(event.type), names))


@cache
def _shape(act: type[Act] | None, names: frozenset[str]) -> type[Struct]:
    """Return the shape of a correction: members of the act, none required, and why."""
    members: list[tuple[str, Any, Any]] = []
    if "void" in names:
        members.append(("void", bool | UnsetType, UNSET))
    if "occurred_at" in names:
        members.append(("occurred_at", Instant | UnsetType, UNSET))
    members += [
        (one.encode_name, one.type | UnsetType, UNSET)
        for one in (msgspec.structs.fields(act) if act is not None else ())
        if one.encode_name in names - {"occurred_at"}
    ]
    fields: Any = msgspec.defstruct("Fields", members, forbid_unknown_fields=True)
    return msgspec.defstruct(
        "Correction",
        [("fields", fields), ("evidence", Digest | UnsetType, UNSET)],
        bases=(Act,),
        forbid_unknown_fields=True,
    )


def recorded(of: Target, zone: ZoneInfo) -> dict[str, str]:
    """Return what the form begins with: what was recorded, by place, without a person's fields."""
    event = of.event
    data = {name: _open(event.data[name]) for name in of.names if name in event.data}
    if "occurred_at" in of.names:
        local = event.occurred_at.astimezone(zone).replace(tzinfo=None)
        data["occurred_at"] = local.isoformat(timespec="seconds")
    return forms.flat({"fields": data})


def _open(value: Json) -> Json:
    """Leave out what is recorded as ciphertext."""
    if isinstance(value, Mapping):
        if set(value) == {"enc"}:
            return None
        return {name: _open(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_open(inner) for inner in value]
    return value


def said(of: Target, sent: Mapping[str, str], zone: ZoneInfo) -> dict[str, Json]:
    """Return what a form says, as the body of a request: only what differs from the record.

    Raises `Refused` (`schema`, with its pointer) for a value that was taken away: a correction
    gives a new one.
    """
    body = forms.details(of.shape, sent, zone)
    before = recorded(of, zone)
    fields: dict[str, Json] = {}
    for name in sorted(of.names):
        place = f"fields.{name}"
        if _under(place, before) == _under(place, sent):
            continue
        value = body.get("fields", {}).get(name)
        if value is None:
            raise Refused("schema", "a correction gives a value", pointer=f"/fields/{name}")
        _whole(of.event.data.get(name), place, sent)
        fields[name] = value
    if not fields:
        raise Refused("schema", "nothing differs from what is recorded", pointer="/fields")
    return {**body, "event": of.event.id, "fields": fields}


def _whole(value: Json, place: str, sent: Mapping[str, str]) -> None:
    """Refuse to lose a person's field: the page knows no value to put back for an empty one."""
    if isinstance(value, Mapping) and set(value) == {"enc"}:
        if not sent.get(place, "").strip():
            why = "it is recorded, and is given anew with what is put right beside it"
            raise Refused("schema", why, pointer=f"/{place.replace('.', '/')}")
        return
    inner = (
        value.items()
        if isinstance(value, Mapping)
        else enumerate(value)
        if isinstance(value, list | tuple)
        else ()
    )
    for name, one in inner:
        _whole(one, f"{place}.{name}", sent)


def merged(seen: Target, newest: Target, sent: Mapping[str, str], zone: ZoneInfo) -> dict[str, str]:
    """Put what somebody changed onto the record as it stands now."""
    before, now = recorded(seen, zone), recorded(newest, zone)
    told = {name: value for name, value in sent.items() if not name.startswith("fields.")}
    for name in newest.names:
        place = f"fields.{name}"
        kept = now if _under(place, before) == _under(place, sent) else sent
        told |= _under(place, kept)
    return told


def _under(place: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return what stands at a place and below it, as far as anything stands there."""
    return {
        name: value.replace("\r\n", "\n").strip()
        for name, value in values.items()
        if (name == place or name.startswith(f"{place}.")) and value.strip()
    }


def proposals(events: Events, corrections: Iterable[Data], texts: Texts) -> Choices:
    """Offer the corrections that nobody has approved yet, each by what it corrects."""
    return [
        (str(one["id"]), facts.called(events, one, texts))
        for one in corrections
        if not one["approved"]
    ]
