"""Characters that deceive the eye, made visible wherever a text is shown.

The ledger keeps what was sent; a name may hold rare or private characters.  The page shows
them and says so, and shows what is invisible by its code.
"""

import re
import unicodedata

from markupsafe import Markup, escape

from api.web.texts import Texts

# What looks alike in another script, when it stands in a word of Latin letters.
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")
_PLAIN = re.compile(r"[\x20-\x7e\n\t\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e\u00b7\u2014-\u2026]*")
_MARKS = 2


def odd(text: str) -> dict[int, str]:
    r"""Name what is unusual about a text: index of the character → key of the text for it.

    >>> odd("张三"), odd("a\u202eb"), odd("p\u0430ypal")
    ({}, {1: 'odd.invisible'}, {1: 'odd.mixed'})
    """
    if _PLAIN.fullmatch(text):
        return {}
    found: dict[int, str] = {}
    stacked = 0
    for index, character in enumerate(text):
        category = unicodedata.category(character)
        stacked = stacked + 1 if category in ("Mn", "Me") and not _selector(character) else 0
        key = _KIND.get(category)
        if category == "Zs":
            key = None if character in " \u3000" else "odd.space"
        if category == "Cc" and character in "\n\t":
            key = None
        if stacked > _MARKS:
            key = "odd.mark"
        if key is not None:
            found[index] = key
    for index in _mixed(text):
        found.setdefault(index, "odd.mixed")
    return found


_KIND = {
    "Cc": "odd.control",
    "Cf": "odd.invisible",
    "Zl": "odd.invisible",
    "Zp": "odd.invisible",
    "Co": "odd.private",
    "Cn": "odd.unassigned",
    "Cs": "odd.unassigned",
}
# These are shown beside their mark: they may be part of a person's name.
_SHOWN = frozenset({"odd.private", "odd.unassigned", "odd.mixed", "odd.mark"})


def _selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _mixed(text: str) -> list[int]:
    """Find letters of another script inside a word that has Latin letters too."""
    found: list[int] = []
    for word in re.finditer(r"[^\W\d_]+", text):
        scripts = [_script(c) for c in word.group()]
        if "LATIN" in scripts:
            strange = (n for n, s in enumerate(scripts) if s in ("CYRILLIC", "GREEK"))
            found.extend(word.start() + n for n in strange)
    return found


def _script(character: str) -> str:
    name = unicodedata.name(character, "")
    return next((s for s in _SCRIPTS if name.startswith(s)), "")


def marked(text: str, texts: Texts) -> str | Markup:
    """Return a text with its unusual characters marked; a usual one as it is."""
    strange = odd(text)
    if not strange:
        return text
    parts = [
        _mark(character, strange[index], texts) if index in strange else escape(character)
        for index, character in enumerate(text)
    ]
    return Markup("").join(parts)


def _mark(character: str, key: str, texts: Texts) -> Markup:
    code = f"U+{ord(character):04X}"
    surrogate = "\ud800" <= character <= "\udfff"
    shown = character if key in _SHOWN and not surrogate else ""
    template = Markup('<span class="odd" title="{} {}">{}<sup>{}</sup></span>')
    return template.format(code, texts(key), shown, code)
