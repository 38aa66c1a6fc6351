"""Two states of a case beside each other, in words: only what is different is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.replay import changed
from api.web.sheet import person, told
from api.web.texts import Texts
from ledger.case import Data, Json
from ledger.office import Office

_WHERE = frozenset({"event", "position"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One member of the state: the lines that only the first has, and only the second."""

    label: str
    old: tuple[str, ...]
    new: tuple[str, ...]


def differences(before: Data, after: Data, texts: Texts, office: Office) -> tuple[Difference, ...]:
    """Tell what is different between two states, member by member."""
    found = []
    for name in changed(dict(before), dict(after)):
        old = tuple(_lines(name, before.get(name), texts, office))
        new = tuple(_lines(name, after[name], texts, office))
        found.append(
            Difference(
                texts.of("member", name),
                tuple(line for line in old if line not in new),
                tuple(line for line in new if line not in old),
            )
        )
    return tuple(one for one in found if one.old or one.new)


def _lines(name: str, value: Json, texts: Texts, office: Office) -> Iterable[str]:
    if value is None:
        return
    if name == "stage":
        yield texts.of("stage", value)
    elif name == "deadlines":
        yield from (_limit(one, texts) for one in value)
    elif name == "flags":
        yield from (f"{texts.of('flag', f['flag'])} {texts.of('rule', f['rule'])}" for f in value)
    elif name == "duties_done":
        yield from (_duty(one, texts, office) for one in value)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if one not in (None, [], {}) and key not in _WHERE:
                yield _member(key, one, texts, office)
    elif isinstance(value, list | tuple):
        yield from (_entry(name, one, texts, office) for one in value)
    else:
        yield told(name, value, texts, office)


def _member(key: str, one: Json, texts: Texts, office: Office) -> str:
    """Write one member of what a step changed; some words mean something else in an act."""
    kind = "replay-data" if texts.known(f"replay-data.{key}") else "data"
    if key == "by" and isinstance(one, str):
        return f"{texts.of(kind, key)} {person(one, office)}"
    return f"{texts.of(kind, key)} {told(key, one, texts, office)}"


def _duty(duty: Data, texts: Texts, office: Office) -> str:
    """Write which duty somebody has done on the case."""
    action, _, level = str(duty["duty"]).partition(":")
    done = f"{texts.of('action', action)} {told('level', level, texts, office)}".strip()
    return f"{done} · {person(duty['person'], office)}"


def _entry(name: str, one: Json, texts: Texts, office: Office) -> str:
    """Write one thing of a list, by whom last; where it is recorded, its step tells."""
    if not isinstance(one, Mapping):
        return told(name, one, texts, office)
    kept = {key: value for key, value in one.items() if key not in _WHERE}
    by = one.get("by")
    if not isinstance(by, str) or not office.posts_of(by):
        return told(name, kept, texts, office)
    kept.pop("by")
    return f"{told(name, kept, texts, office)} · {person(by, office)}"


def _limit(limit: Data, texts: Texts) -> str:
    """Write one deadline as it stood: name, light, used of its budget, and when it is due."""
    used = texts("why.used", used=limit["used"], budget=limit["budget"])
    light = texts.of("light", limit["light"])
    due = f"{texts('col.due')} {limit['due']}"
    return f"{texts.of('deadline', limit['name'])} · {light} · {used} · {due}"
