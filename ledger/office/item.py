"""Items (事项) of the catalogue, and the terms a case takes from them.

Terms (受理时适用的规则) are the part of the item version and of the policies in force that a
case needs; they are copied into its events, so that a replay needs no catalogue.
"""

from collections.abc import Mapping

from ledger.case import Data
from ledger.office.versioned import Version

POLICY_KINDS = ("deadlines", "alerts", "duty", "link", "reviews", "numbers")


def terms(item: Version, policies: Mapping[str, Version]) -> Data:
    """Copy what a case needs of an item version and of the policies of each kind."""
    content = item.content
    copied = {
        name: content[name]
        for name in (
            "name",
            "kind",
            "limits",
            "organs",
            "special",
            "result",
            "documents",
            "extension",
            "site_check",
            "points",
            "delegator",
            "validity_years",
            "promise_ends_with",
        )
        if name in content
    }
    rules = {
        kind: {**version.content, "version": version.number} for kind, version in policies.items()
    }
    return {**copied, "item": content["code"], "version": item.number, "policies": rules}


def policy_ids(content: Data) -> Mapping[str, str]:
    """Name the policy of each kind that an item is handled under."""
    chosen: Mapping[str, str] = content.get("policies", {})
    standard = {"duty": "duty-standard"}
    return {kind: chosen.get(kind, standard.get(kind, f"{kind}-default")) for kind in POLICY_KINDS}
