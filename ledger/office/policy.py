"""Policies (规则): versioned rule sets that differ by place.

A policy that relaxes separation, thresholds or answers is approved by supervision: the
supervised do not loosen their own supervision.
"""

from ledger.case import Data
from ledger.lifecycle import SEPARATIONS

HARD = frozenset(s.rule for s in SEPARATIONS if s.kind != "policy")


def relaxes(before: Data | None, after: Data) -> bool:
    """Tell whether a new version is looser than the one in force."""
    kind = after["kind"]
    old = before or {}
    if kind == "duty":
        return bool(set(after.get("lifts", ())) - set(old.get("lifts", ()))) or bool(
            set(old.get("levels", ())) - set(after.get("levels", ()))
        )
    if kind in ("alerts", "reviews"):
        return before is not None and after != before
    return False
