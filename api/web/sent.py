"""What a form of a page sends: its fields, and of files only their digests.

A file that somebody chooses is hashed as it comes in and kept nowhere: the ledger holds digests.
"""

import hashlib
from secrets import token_hex
from urllib.parse import parse_qsl

from aiohttp import web

from api import framing
from api.headers import CURSOR_KEY
from api.multipart import Head, Parts, boundary_of
from api.web import session
from ledger.errors import Refused
from ledger.keyring import derived

FORM_BYTES = 256 * 1024
FILE_BYTES = 256 * 1024 * 1024
FIELDS = 2_000
FORM_TYPE = "application/x-www-form-urlencoded"
# What a form carries besides what the act says; a correction also the act that it puts right,
# and a press on the second button what is to be done next.
KEY, VERSION, MORE, EVENT, THEN = "_key", "_version", "_more", "_event", "_then"


def form_token(request: web.Request, path: str | None = None) -> str:
    """Return what a form of ours carries, so that one of somebody else's page is told apart.

    It counts for one address (None: that of the page it stands on) and one who is signed in.
    """
    given = session.SIGNED_IN.value(request) or ""
    key = derived(request.app[CURSOR_KEY], "form")
    return derived(key, f"{given}\0{path or request.path}").hex()


# The key under which a form was sent.
SENT_KEY: web.RequestKey[str] = web.RequestKey("sent-key", str)


def form_key(request: web.Request, refused: Refused | None = None) -> str:
    """Return the idempotency key that a form carries: of one that comes back the same or another.

    What was refused was not recorded, and what is asked for then is another request.  Where the
    outcome is not known, or one more row was asked for, it is the same one.
    """
    key = request.get(SENT_KEY, "")
    same = refused is None or refused.slug == "outcome-unknown"
    return key if same and key.isascii() and key.isalnum() else token_hex(16)


def seen_version(text: str) -> int | None:
    """Read the version that a form was made for; None for what is none."""
    return int(text[:16]) if text.isascii() and text.isdigit() else None


def form_version(seen: int | None, refused: Refused | None, newest: int) -> int:
    """Return the version that a form carries: what its reader saw, until they hear of a newer."""
    told = refused is not None and refused.slug == "version-conflict"
    return newest if told or seen is None else seen


def check_key(key: str) -> None:
    """Refuse the idempotency key of a form that is not one of ours."""
    if not key.isascii() or not key.isalnum():
        raise Refused("bad-request", "the form was changed on its way")


def expected_version(seen: int | None) -> int:
    """Return the version that an act is done on.  Raises `Refused` (`bad-request`) for none."""
    if seen is None:
        raise Refused("bad-request", "the form was changed on its way")
    return seen


async def sent(request: web.Request) -> dict[str, str]:
    """Return the fields of a form of ours; a file stands there as its SHA-256.

    The field of a file is named `file:` and the place of its digest; where no file was chosen,
    what was typed there counts.  Raises `Refused`: `origin-not-allowed` for a form that is not
    ours, `media-type`, `body-too-large`, `bad-request`.
    """
    session.own_form(request)
    given = request.headers.get("Content-Type", "")
    boundary = boundary_of(given)
    if boundary is not None:
        fields = await _parts(request, boundary)
    elif given.partition(";")[0].strip().lower() == FORM_TYPE:
        raw = await framing.body(request, FORM_BYTES)
        fields = dict(_pairs(raw))
    else:
        raise Refused("media-type", "a form")
    if fields.pop("_token", "") != form_token(request):
        raise Refused("origin-not-allowed", "")
    request[SENT_KEY] = fields.get(KEY, "")
    return fields


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS
        )
    except ValueError:
        raise Refused("bad-request", "the form cannot be read") from None


async def _parts(request: web.Request, boundary: bytes) -> dict[str, str]:
    parts = Parts(boundary)
    texts: dict[str, bytearray] = {}
    files: dict[str, tuple[str, hashlib._Hash]] = {}
    name, size = "", 0
    async for piece in framing.stream(request, FILE_BYTES):
        for found in parts.feed(piece):
            if isinstance(found, Head):
                name = found.name
                if name in texts or name in files or len(texts) + len(files) == FIELDS:
                    raise Refused("bad-request", "a field twice, or too many of them")
                if found.filename is None:
                    texts[name] = bytearray()
                elif found.filename:
                    files[name] = (found.filename, hashlib.sha256())
                else:
                    name = ""
            elif name in files:
                files[name][1].update(found.data)
            elif name:
                size += len(found.data)
                if size > FORM_BYTES:
                    raise Refused("body-too-large", f"more than {FORM_BYTES} bytes of text")
                texts[name] += found.data
    parts.end()
    try:
        told = {field: bytes(text).decode() for field, text in texts.items()}
    except UnicodeDecodeError:
        raise Refused("bad-request", "the form is not UTF-8") from None
    for field, (_, made) in files.items():
        told[field.removeprefix("file:")] = made.hexdigest()
    return told
