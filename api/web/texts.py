"""What the pages say, in Chinese first and in English: one catalogue.

It stands in `texts*.json`, a file for each part of the pages; no key stands in two of them.
A text that is missing in the catalogue is shown as its key, so that nothing recorded is ever
hidden because nobody has translated it yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import orjson

LANGUAGES = ("zh-CN", "en")
DEFAULT = LANGUAGES[0]


@cache
def catalogue() -> Mapping[str, tuple[str, str]]:
    """Return every text by its key: Chinese, English."""
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(files("api.web").iterdir(), key=lambda file: file.name):
        if file.name.startswith("texts") and file.name.endswith(".json"):
            for key, (chinese, english) in orjson.loads(file.read_bytes()).items():
                assert key not in found, f"{key} stands in two files of texts"
                found[key] = (chinese, english)
    return found


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language, and how it writes times and gaps."""

    language: str
    zone: ZoneInfo

    def __call__(self, key: str, **values: object) -> str:
        """Return a text; an unknown key is its own text."""
        found = catalogue().get(key)
        if found is None:
            return key.partition(".")[2] or key
        text = found[LANGUAGES.index(self.language)]
        return text.format(**values) if values else text

    def of(self, kind: str, value: object) -> str:
        """Return the text of a coded value, such as the stage `accepted`."""
        return self(f"{kind}.{value}")

    def rule(self, rule: str) -> str:
        """Return what a rule asks for; that of a stage is told alike for every act."""
        return self("rule.stage" if rule.startswith("stage.") else f"rule.{rule}")

    def codes(self, kind: str) -> list[str]:
        """List the coded values of a kind that the catalogue has a text for."""
        start = f"{kind}."
        return [key.removeprefix(start) for key in catalogue() if key.startswith(start)]

    def known(self, key: str) -> bool:
        """Tell whether the catalogue has that key."""
        return key in catalogue()

    def day(self, value: date | str | None) -> str:
        """Write a local date."""
        return "—" if value is None else str(value)

    def instant(self, at: datetime | str | None) -> str:
        """Write an instant in the ledger's zone, to the second."""
        if at is None:
            return "—"
        when = datetime.fromisoformat(at) if isinstance(at, str) else at
        return f"{when.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def gap(self, occurred: datetime, recorded: datetime | None) -> str:
        """Say how long after it happened an act was recorded; nothing under a minute."""
        gap = (recorded or occurred) - occurred
        if gap < timedelta(minutes=1):
            return ""
        if gap < timedelta(hours=1):
            said = self("gap.minutes", n=gap // timedelta(minutes=1))
        elif gap < timedelta(days=2):
            said = self("gap.hours", n=gap // timedelta(hours=1))
        else:
            said = self("gap.days", n=gap.days)
        return self("gap.after", gap=said)
