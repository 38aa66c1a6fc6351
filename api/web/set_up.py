"""What the bureau has set up, in the reader's words: members, what changed, titles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.access import Entry
from api.web import sheet
from api.web.labels import Labels
from api.web.texts import Texts
from ledger.case import Data


@dataclass(frozen=True, slots=True)
class Line:
    """One member of what is set up: its words, its value, and the value before where it differs."""

    label: str
    value: str
    before: str | None


def versions_of(versions: Sequence[Data], texts: Texts, entry: Entry) -> list[Data]:
    """Tell each version with what it changed, the newest first."""
    told: list[Data] = []
    before: Data = {}
    for version in versions:
        changed = [
            line
            for line in lines_of(version["content"], before, texts, entry)
            if line.before is not None
        ]
        told.append({**version, "changed": changed})
        before = version["content"]
    return told[::-1]


def lines_of(content: Data, before: Data, texts: Texts, entry: Entry) -> list[Line]:
    """Tell what is set up, member by member; beside it what it was, where that differs."""
    labels = Labels(texts, "office")
    found = []
    for name in dict.fromkeys([*content, *before]):
        now = _told(name, content.get(name), texts, entry)
        then = _told(name, before.get(name), texts, entry) if before else now
        if now or then:
            found.append(Line(labels.member(name), now, then if before and then != now else None))
    return found


def _told(name: str, value: Any, texts: Texts, entry: Entry) -> str:  # noqa: ANN401
    if value in (None, [], {}, ()):
        return ""
    return sheet.told(name, value, texts, entry.office)


def content_of(thing: Data) -> Data:
    """Return what is in force of a thing; what was proposed where nothing is."""
    if "content" not in thing:
        return thing
    if thing["content"] is not None:
        return dict(thing["content"])
    waiting = thing["proposals"]
    return dict(waiting[-1]["content"]) if waiting else {}


def title_of(kind: str, content: Data, texts: Texts, entry: Entry) -> str:
    """Name a thing in the reader's words."""
    if kind == "appointment":
        person = content.get("name") or content.get("person") or ""
        role = texts.of("role", content.get("role", ""))
        return f"{person} · {role} · {sheet.organ(content.get('organ'), entry.office)}"
    if kind == "policy":
        return sheet.policy(str(content.get("id", "")), texts)
    if kind == "calendar":
        return f"{content.get('calendar', '')} {content.get('year', '')}"
    return str(content.get("name") or content.get("id") or content.get("code") or "")
