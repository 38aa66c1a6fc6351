"""Applicants that nobody is: invented names, and numbers that are well formed but given to none."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

Json = Any


def applicant(no: int, setting: Mapping[str, Json], rng: Random) -> dict[str, Json]:
    """Invent the applicant of a case, a person or a firm."""
    if rng.random() < 0.3:
        name = rng.choice(setting["surnames"]) + rng.choice(setting["given"])
        # An area code that no person has.
        born = date(1960, 1, 1) + timedelta(days=rng.randrange(15_000))
        body = f"460000{born:%Y%m%d}{no:03}"
        telephone = f"1380000{rng.randrange(10_000):04}"
        scheme = {"id_scheme": "GB 11643", "id": body + _person_check(body)}
        return {"kind": "person", "name": name, **scheme, "telephone": telephone}
    name = f"琼海示例{rng.choice(setting['firms'])}{no:03}有限公司"
    body = f"91469002MA5Y{no:05}"
    return {
        "kind": "organisation",
        "name": name,
        "id_scheme": "USCC",
        "id": body + _uscc_check(body),
    }


def _person_check(body: str) -> str:
    """Return the last character of a citizen's number (GB 11643)."""
    total = sum(int(c) * (2 ** (17 - n) % 11) for n, c in enumerate(body))
    return "10X98765432"[total % 11]


def _uscc_check(body: str) -> str:
    """Return the last character of a unified social credit code (GB 32100)."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(c) * pow(3, n, 31) for n, c in enumerate(body))
    return alphabet[(31 - total % 31) % 31]
