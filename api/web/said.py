"""Details of refusals that name something, in the reader's words.

The catalogue has how each is said, with a place for every word that changes: `said.{action} is on
record`.  A place is named after the kind of the word, which is then told by its own text.
"""

import re
from functools import cache

from api.web.texts import Texts, catalogue

KIND = "said."
PLACE = re.compile(r"\{([a-z-]+)\}")


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...]:
    """Every form as a pattern with its key and places; what says most by itself comes first."""
    keys = [key for key in catalogue() if key.startswith(KIND)]
    keys.sort(key=lambda key: (-len(PLACE.sub("", key)), key))
    return tuple((_pattern(key.removeprefix(KIND)), key, tuple(PLACE.findall(key))) for key in keys)


def _pattern(form: str) -> re.Pattern[str]:
    parts = PLACE.split(form)
    return re.compile("(.+)".join(re.escape(part) for part in parts[::2]), re.DOTALL)


def said(why: str, texts: Texts) -> str | None:
    """Return a detail in words, None where no form is known for it."""
    key = f"detail.{why}"
    if texts.known(key):
        return texts(key)
    for pattern, form, places in _forms():
        found = pattern.fullmatch(why)
        if found:
            words = zip(places, found.groups(), strict=True)
            told = texts(form, **{place: _word(place, word, texts) for place, word in words})
            return told[0].upper() + told[1:]
    return None


def _word(place: str, word: str, texts: Texts) -> str:
    kind = place.removesuffix("-later")
    return texts.of(kind, word) if texts.known(f"{kind}.{word}") else word
