"""Whether what is proposed could be in force: by whom, and held against the office as it is.

Asked when it is proposed and again when it is approved, since the office may have moved.
Shapes were checked before; here are the rules that a shape cannot say.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from ledger.case import Actor, Data
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import (
    Office,
    anchor,
    appointment,
    authority,
    calendar,
    delegation,
    emergency,
    item,
    policy,
)
from ledger.office.versioned import Versioned

# What a stream can be named by; an id made of a person's id may be none.
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
NAME_IN = {
    "item": "code",
    "calendar": "calendar",
    "policy": "id",
    "appointment": "id",
    "anchored-log": "id",
}

# What only an appointment of one kind says.
_ONLY: Mapping[str, tuple[str, ...]] = {
    "post": ("jurisdiction",),
    "delegation": ("delegator", "actions"),
    "break-glass": ("hours", "reason_code", "text", "reference"),
}


def permitted(
    office: Office, actors: tuple[Actor, ...], kind: str, act: str, content: Data, now: datetime
) -> Actor:
    """Choose the post of somebody in which they may propose or approve this, or refuse."""
    if kind == "appointment":
        actor = authority.appointing(office, actors, act, content)
        if act == "propose" and actor.person == content["person"]:
            raise Refused("separation-of-duties", "nobody proposes their own post", rule="SOD-8")
        if actor.person == content.get("delegator"):
            raise Refused(
                "separation-of-duties",
                "who delegates neither proposes nor approves that",
                rule="SOD-19",
            )
    else:
        actor = authority.choosing(office, actors, kind, act, content)
    sound(office, kind, content[NAME_IN[kind]], content, now)
    return actor


def beside(office: Office, name: str, person: str) -> Mapping[str, int]:
    """Name the other appointments of a person, granted or proposed, with the versions seen.

    An approval rests on them: two at once would else join what must stay apart (SOD-6).
    """
    found = [
        thing.stream
        for thing in office.things("appointment")
        if thing.id != name and person in _persons(thing)
    ]
    return office.relied(*found)


def _persons(thing: Versioned) -> frozenset[str]:
    granted = [thing.current.content] if thing.current is not None else []
    return frozenset(
        c["person"] for c in (*granted, *(p.content for p in thing.proposals.values()))
    )


def sound(office: Office, kind: str, name: str, content: Data, now: datetime) -> None:
    """Refuse a proposal of this kind and name that must not be in force."""
    on = now.astimezone(office.zone).date()
    if kind == "appointment":
        _appointment(office, name, content, on)
    elif kind == "calendar":
        calendar.check(content)
    elif kind == "policy":
        _policy(office, name, content)
    elif kind == "item":
        _item(office, content)
    elif kind == anchor.KIND:
        anchor.check(office, content)


def keeper(office: Office, person: object, now: datetime, pointer: str) -> None:
    """Refuse as keeper of a seal who is no sealer today."""
    on = now.astimezone(office.zone).date()
    posts = office.posts_of(str(person))
    if not any(p.role == Role.SEALER and p.active(on) for p in posts):
        raise Refused("unknown-reference", "no sealer of that name", pointer=pointer)


def _appointment(office: Office, name: str, content: Data, on: date) -> None:
    if content["organ"] not in office.organs:
        raise Refused("unknown-reference", "no such organ", pointer="/organ")
    if not _NAME.fullmatch(name):
        raise Refused("schema", "give the appointment an id of its own", pointer="/id")
    kind = content.get("kind", "post")
    for name_of in (n for other, names in _ONLY.items() if other != kind for n in names):
        if name_of in content:
            raise Refused("schema", f"a {kind} says nothing of that", pointer=f"/{name_of}")
    new = appointment.read(name, content)
    if new.person in office.clients:
        raise Refused("separation-of-duties", "a system is never a person", rule="SOD-17")
    if new.until is not None and new.until < new.since:
        raise Refused("schema", "it ends before it begins", pointer="/to")
    thing = office.thing(new.stream)
    held = None if thing is None else appointment.post(thing)
    if held is not None and not held.same(new):
        # Else a post would end, or move to somebody else, without anybody saying so.
        raise Refused("rule-refused", "that id is another post", rule="appointment.same")
    if new.emergency:
        emergency.check(office, content, new, on)
        new = replace(new, until=new.since)
    elif kind == "delegation":
        delegation.check(office, new, on)
    appointment.separated(office.powers, new, office.organs, on)


def _policy(office: Office, name: str, content: Data) -> None:
    policy.check(content)
    thing = office.thing(f"policy:{name}")
    current = None if thing is None else thing.current
    if current is not None and current.content["kind"] != content["kind"]:
        raise Refused("schema", "that id is a policy of another kind", pointer="/kind")


def _item(office: Office, content: Data) -> None:
    for name, organs in content["organs"].items():
        for organ in [organs] if isinstance(organs, str) else organs:
            if organ not in office.organs:
                raise Refused("unknown-reference", "no such organ", pointer=f"/organs/{name}")
    for organ in content.get("opinions", ()):
        if organ not in office.organs:
            raise Refused("unknown-reference", "no such organ", pointer="/opinions")
    item.check(content)
    for kind, name in item.policy_ids(content).items():
        thing = office.thing(f"policy:{name}")
        version = None if thing is None else thing.current
        pointer = f"/policies/{kind}"
        if version is None or version.content["kind"] != kind:
            raise Refused("unknown-reference", f"no {kind} policy of that name", pointer=pointer)
        kinds = version.content.get("items", (content["kind"],))
        if content["kind"] not in kinds:
            raise Refused("schema", "that policy is for items of other kinds", pointer=pointer)
