"""Policies (规则): versioned rule sets that differ by place.

A policy that relaxes separation, thresholds or answers is approved by supervision: the
supervised do not loosen their own supervision.  What the law separates no policy lifts.
"""

import re
from collections.abc import Mapping, Sequence

from ledger.case import Data
from ledger.errors import Refused
from ledger.lifecycle import LIFTABLE
from ledger.limit import CLOSE_OF_BUSINESS, MIDNIGHT

_NO_PART = re.compile(r"[/?#%\s]")


def relaxes(before: Data | None, after: Data) -> bool:
    """Tell whether a new version is looser than the one in force."""
    kind = after["kind"]
    old = before or {}
    if kind == "duty":
        return (
            bool(set(after.get("lifts", ())) - set(old.get("lifts", ())))
            or bool(set(old.get("levels", ())) - set(after.get("levels", ())))
            or (bool(after.get("lifts")) and _wider(old.get("items"), after.get("items")))
            or (bool(old.get("points_complete")) and not after.get("points_complete"))
        )
    if kind in ("alerts", "complaints", "reviews"):
        return before is not None and after != before
    # What inspectors look for, how far posts are lent, and how soon a person is forgotten, is
    # never set by those they look at, not for the first time either.
    return kind in ("findings", "posts", "privacy")


def _wider(before: Sequence[str] | None, after: Sequence[str] | None) -> bool:
    """Tell whether a policy reaches kinds of item that it did not; None is every kind."""
    return before is not None and (after is None or bool(set(after) - set(before)))


def check(content: Data) -> None:
    """Refuse a policy that lifts what cannot be lifted, or that could not be read later."""
    for i, rule in enumerate(content.get("lifts", ())):
        if rule not in LIFTABLE:
            raise Refused("schema", "no policy lifts this", rule=rule, pointer=f"/lifts/{i}")
    if content["kind"] == "alerts":
        _levels(content["levels"])
    if content["kind"] == "numbers":
        _pattern(content["case"])
    if content["kind"] == "deadlines":
        _day_end(content)


def _day_end(content: Data) -> None:
    """Refuse a close of business without a time, and a time that nothing ends at."""
    closes = content.get("day_end", MIDNIGHT) == CLOSE_OF_BUSINESS
    if closes != (content.get("closes_at") is not None):
        raise Refused(
            "schema",
            "a time stands exactly where days end at the close of business",
            rule="deadline.day-end",
            pointer="/closes_at",
        )


def _levels(levels: Sequence[Data]) -> None:
    """Refuse thresholds that leave out a budget, or say nothing or two things."""
    budgets = [level.get("budget_to") for level in levels]
    rising = [b for b in budgets if b is not None]
    if budgets[-1] is not None or None in budgets[:-1] or rising != sorted(set(rising)):
        raise Refused(
            "schema", "levels rise by budget_to, and the last one has none", pointer="/levels"
        )
    for i, level in enumerate(levels):
        for name in ("early", "yellow"):
            if name in level and len(level[name]) != 1:
                raise Refused(
                    "schema", "exactly one member says when", pointer=f"/levels/{i}/{name}"
                )


def _pattern(pattern: str) -> None:
    """Refuse a pattern of case numbers that no number, or no year, could be read out of."""
    known: Mapping[str, str | int] = {"ledger": "x", "year": "2026", "number": 1}
    try:
        number = pattern.format(**known)
    except (AttributeError, IndexError, KeyError, ValueError):
        raise Refused("schema", "not a pattern of case numbers", pointer="/case") from None
    if "{year}" not in pattern:
        raise Refused("schema", "numbers begin anew each year", pointer="/case")
    if _NO_PART.search(number):
        raise Refused("schema", "a case number is one part of an address", pointer="/case")
