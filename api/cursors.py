"""Cursors of lists: opaque, and good for one ledger, list, person and set of filters only.

A cursor is a mark of where to go on, sealed by a keyed digest over the mark and its scope;
it holds nothing that the list itself does not show.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence

import orjson

from ledger.errors import Refused

# Where a list goes on: a position, or the sort key of its last row.
Mark = int | str | Sequence[int | str | None]

_MAC = 16


def sealed(key: bytes, scope: Sequence[str], mark: Mark) -> str:
    """Return the cursor of a mark within a scope.

    >>> opened(b"k", ("469002", "cases"), sealed(b"k", ("469002", "cases"), 41))
    41
    """
    written = orjson.dumps(mark)
    return urlsafe_b64encode(_mac(key, scope, written) + written).decode().rstrip("=")


def opened(key: bytes, scope: Sequence[str], text: str) -> Mark:
    """Return the mark of a cursor; refuse what we did not seal for this scope."""
    wrong = Refused("invalid-cursor", "not a cursor of ours for this list")
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (NotBase64, UnicodeEncodeError, ValueError):
        raise wrong from None
    mac, written = raw[:_MAC], raw[_MAC:]
    if not hmac.compare_digest(mac, _mac(key, scope, written)):
        raise wrong
    mark: Mark = orjson.loads(written)
    if sealed(key, scope, mark) != text:
        raise wrong  # another spelling of the same bytes
    return mark


def _mac(key: bytes, scope: Sequence[str], written: bytes) -> bytes:
    return hmac.digest(key, orjson.dumps(["cursor", *scope]) + b"\0" + written, "sha256")[:_MAC]
