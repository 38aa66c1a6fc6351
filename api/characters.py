"""Which characters a name and a text may hold.

A name is one line without anything invisible; a text may also break lines and use tabs.
Everything else is stored as sent: rare ideographs, private-use and unassigned code points
and variation selectors occur in people's names.
"""

import re
from unicodedata import category

# Cc, as parameters of a query may not hold it either.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_NOT = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_TEXT_NOT = frozenset({"Cc", "Zl", "Zp", "Cs"})
MARKS_AT_MOST = 8


def line_is_clean(text: str) -> bool:
    """Tell whether a single line holds no control, format, separator or noncharacter."""
    # Printable leaves out all of them, and some that may stand: then look one by one.
    return text.isprintable() or not any(category(c) in _LINE_NOT or _noncharacter(c) for c in text)


def text_is_clean(text: str) -> bool:
    """Tell whether a text holds no control, bidi control, separator or noncharacter.

    Nor a run of combining marks that would bury the line above it.
    """
    one_line = text.replace("\n", " ").replace("\t", " ")
    if one_line.isascii():
        return one_line.isprintable()
    marks = 0
    for c in one_line:
        kind = category(c)
        if kind in _TEXT_NOT or c in _BIDI or _noncharacter(c):
            return False
        marks = marks + 1 if kind[0] == "M" else 0
        if marks > MARKS_AT_MOST:
            return False
    return True


def _noncharacter(c: str) -> bool:
    point = ord(c)
    return 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE
