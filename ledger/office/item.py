"""Items (事项) of the catalogue, and the terms a case takes from them.

Terms (受理时适用的规则) are the part of the item version and of the policies in force that a
case needs; they are copied into its events, so that a replay needs no catalogue.
"""

from collections.abc import Mapping

from ledger.case import Data
from ledger.errors import Refused
from ledger.office.versioned import Version
from ledger.runs import organs

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
            "about",
            "limited",
            "opinions",
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


def for_supervision(before: Data | None, content: Data) -> str | None:
    """Name the member of an item that supervision has to approve, None where there is none.

    Which duties one person may join, and who supervises, is not for the bureau alone to set.
    """
    duty = policy_ids(content)["duty"]
    if duty != (policy_ids(before)["duty"] if before is not None else policy_ids({})["duty"]):
        return "/policies/duty"
    if before is not None and before["organs"].get("supervising") != content["organs"].get(
        "supervising"
    ):
        return "/organs/supervising"
    return None


# How far the law lets its limit be lengthened (APL 42), in working days.
EXTENSION_AT_MOST: Mapping[str, int] = {"joint": 15}
EXTENSION_USUAL = 10


def extension_at_most(content: Data) -> int:
    """Tell by how many working days a limit of this item may be lengthened: law and item."""
    by_law = EXTENSION_AT_MOST.get(str(content["kind"]), EXTENSION_USUAL)
    return min(int(content["extension"]["days"]), by_law)


def check(content: Data) -> None:
    """Refuse an item that promises less than the law, or that no case could be handled by."""
    limits = content["limits"]
    if int(limits["promised"]) > int(limits["statutory"]):
        raise Refused(
            "schema",
            "a promise is never longer than the law allows",
            rule="promise.at-most",
            pointer="/limits/promised",
        )
    if content["kind"] == "instant" and int(limits["promised"]) != 0:
        raise Refused(
            "schema",
            "an instant case is due on the day it begins",
            rule="promise.at-most",
            pointer="/limits/promised",
        )
    extension = content.get("extension")
    if extension is not None and int(extension["days"]) != extension_at_most(content):
        raise Refused(
            "schema",
            "the law allows fewer days",
            rule="extension.at-most",
            pointer="/extension/days",
        )
    if content["result"] not in content["documents"]:
        raise Refused("schema", "the result is none of the documents", pointer="/result")
    if not content["organs"].get("supervising"):
        raise Refused("schema", "somebody supervises every item", pointer="/organs/supervising")
    told = organs(content, "notified")
    others = {o for name in content["organs"] if name != "notified" for o in organs(content, name)}
    # Who supervises is pushed the result anyway; two duties of one organ could not be told apart.
    if others & set(told) or len(set(told)) < len(told):
        raise Refused(
            "schema",
            "whoever is notified has no other part in the item, and stands there once",
            rule="notification.others",
            pointer="/organs/notified",
        )
