"""The kinds of value that bodies are made of, with their limits.

The pattern of a value is checked with its type; what a name or a text may hold, and how
long it may be, is checked after all types are right (`bodies`).
"""

from typing import Annotated, TypeAlias, TypeVar

from msgspec import Meta, UnsetType

from api import times

T = TypeVar("T")

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
EMPTY_SM3 = "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"

LINE_MAX = 200
TEXT_MAX = 10_000
LIST_MAX = 200


def _string(form: str, most: int, describe: str, pattern: str | None = None) -> Meta:
    return Meta(
        pattern=pattern,
        description=describe,
        extra_json_schema={"maxLength": most},
        extra={"form": form},
    )


Maybe: TypeAlias = T | UnsetType
Many: TypeAlias = Annotated[list[T], Meta(extra_json_schema={"maxItems": LIST_MAX})]
Some: TypeAlias = Annotated[list[T], Meta(min_length=1, extra_json_schema={"maxItems": LIST_MAX})]

Line = Annotated[str, _string("line", LINE_MAX, "one line, not blank, nothing invisible")]
Text = Annotated[str, _string("text", TEXT_MAX, "may hold line breaks and tabs")]
Code = Annotated[str, _string("line", LINE_MAX, "an opaque code; compared, never parsed")]
Person = Annotated[str, _string("line", LINE_MAX, "the id of a person")]
# Names of streams and registers are made of these.
Name = Annotated[str, _string("line", 80, "an id of the ledger", r"^[A-Za-z0-9._-]{1,64}$(?!\n)")]
Digest = Annotated[
    str,
    _string(
        "line",
        64,
        "SHA-256 in lower-case hex, not that of nothing",
        rf"^(?!{EMPTY_SHA256}$)[0-9a-f]{{64}}$(?!\n)",
    ),
]
Sm3 = Annotated[
    str,
    _string("line", 64, "SM3 in lower-case hex", rf"^(?!{EMPTY_SM3}$)[0-9a-f]{{64}}$(?!\n)"),
]
EventId = Annotated[str, _string("line", 32, "the id of an event", r"^[0-9a-f]{32}$(?!\n)")]
Base64 = Annotated[str, _string("text", TEXT_MAX, "base64", r"^[A-Za-z0-9+/]+={0,2}$(?!\n)")]
Instant = Annotated[str, _string("instant", 35, "RFC 3339 with offset", times.INSTANT)]
TimeOfDay = Annotated[
    str,
    _string("line", 5, "a local time, to the minute", r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)"),
]
LocalDate = Annotated[str, _string("day", 10, "a local date of law", times.DAY)]
Count = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Days = Annotated[int, Meta(ge=0, le=36_500)]
