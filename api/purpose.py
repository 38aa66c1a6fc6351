"""Why somebody looks closer: the `Purpose` header, `<code>; <reference>`.

Who asks for personal fields in clear, or reads for an inspection, says what for; it goes into
the access log before the answer leaves (个人信息保护法 6: a clear and reasonable purpose).
"""

import re
from dataclasses import dataclass

from aiohttp import web

from ledger.errors import Refused
from ledger.subject import PURPOSES

# What it may be for; which of them open fields is policy.
CODES = frozenset(PURPOSES)
_FORM = re.compile(r"(?P<code>[a-z]{1,20})\s*;\s*(?P<reference>\S.{0,118}\S|\S)")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a reading is for, and the notice, ticket or case it rests on."""

    code: str
    reference: str


# What was said, and which fields were shown in clear: the access log reads both.
PURPOSE: web.RequestKey[Purpose] = web.RequestKey("purpose", Purpose)
# Of an answer: how many rows it shows, and whether it shows the case though it is a refusal.
ITEMS: web.ResponseKey[int] = web.ResponseKey("items", int)
SHOWS_CASE: web.ResponseKey[bool] = web.ResponseKey("shows-case", bool)
REVEALED: web.RequestKey[tuple[str, ...]] = web.RequestKey("revealed", tuple)


def purpose(request: web.Request) -> Purpose | None:
    """Read the header and note it for the access log; None where there is none.

    Raises `Refused` (`purpose-required`) for one that is not `<code>; <reference>`, or twice.
    """
    given = request.headers.getall("Purpose", ())
    if not given:
        return None
    return say(request, given[0] if len(given) == 1 else "")


def say(request: web.Request, text: str) -> Purpose:
    """Note what a reading is for, given as `<code>; <reference>`."""
    said = request[PURPOSE] = read(text)
    return said


def read(text: str) -> Purpose:
    """Read `<code>; <reference>`.  Raises `Refused` (`purpose-required`) for anything else."""
    found = _FORM.fullmatch(text.strip())
    if found is None or found["code"] not in CODES or not found["reference"].isprintable():
        known = ", ".join(sorted(CODES))
        raise Refused("purpose-required", f"Purpose: one of {known}; and a reference")
    return Purpose(found["code"], found["reference"])
