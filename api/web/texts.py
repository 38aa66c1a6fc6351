"""What the pages say, in Chinese first and in English; one catalogue, `texts.json`.

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
    read = orjson.loads(files("api.web").joinpath("texts.json").read_bytes())
    return {key: (chinese, english) for key, (chinese, english) in read.items()}


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
