"""The rows of the first page: alerts and cases in the words of the reader."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from api.web.sheet import organ, person
from api.web.texts import Texts
from ledger.case import Data
from ledger.office import Office


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of a list, the cursor of the next, and the position that it shows."""

    rows: Sequence[Data]
    next: str | None
    position: int


def alert_rows(
    alerts: Iterable[Data], texts: Texts, office: Office, reader: str | None = None
) -> list[Data]:
    """Tell alerts as lines of a table; those that the reader has to answer are marked."""
    return [
        {
            **_alert(alert, texts, office),
            "mine": alert["state"] == "raised" and reader in alert.get("addressees", ()),
        }
        for alert in alerts
    ]


def _alert(alert: Data, texts: Texts, office: Office) -> Data:
    name = alert.get("deadline")
    rule = str(alert.get("rule") or "")
    named = texts.of("deadline", name) if name else texts.of("rule", rule)
    return {
        "id": alert["id"],
        "level": alert["level"],
        "case": alert["case"],
        "href": page_of(office.ledger, str(alert["case"])) if alert["case"] else "",
        # What has a form to answer it: cards of complaints and matters close by other acts.
        "page": alert["case"] is not None and not str(name).startswith(("complaint-", "matter-")),
        "item": item_name(alert.get("item"), office),
        "deadline": named,
        "rule": texts.of("rule", rule) if name and rule.startswith("acceptance.") else "",
        "due": alert.get("due"),
        "raised_at": alert["raised_at"],
        "addressees": who_answers(alert, texts, office),
        "answer_by": alert.get("answer_by"),
        "state": alert["state"],
    }


def who_answers(alert: Data, texts: Texts, office: Office) -> str:
    """Name who has to answer a card, each by their post in an organ that answers for it.

    Where nobody held the post by then, it is the organ's.
    """
    organs = alert.get("organs", ())
    named = []
    for one in alert.get("addressees", ()):
        held = office.posts_of(one)
        post = next((post for post in held if post.organ in organs), next(iter(held), None))
        role = "" if post is None else texts("list.as", role=texts.of("role", post.role))
        named.append(person(one, office) + role)
    if named:
        return "、".join(named)
    return "、".join(texts("list.vacant", organ=organ(one, office)) for one in organs)


def page_of(ledger: str, number: str) -> str:
    """Return the page of a case, a complaint or a matter by its number."""
    for letter, folder in (("C", "complaints"), ("M", "matters")):
        if number.startswith(f"{ledger}-{letter}-"):
            return f"/{folder}/{ledger}/{quote(number)}"
    return f"/cases/{ledger}/{quote(number)}"


def case_rows(cases: Iterable[Data], office: Office) -> list[Data]:
    """Tell cases as lines of a table."""
    return [_case(case, office) for case in cases]


def _case(case: Data, office: Office) -> Data:
    holder = case.get("holder") or {}
    return {
        "light": case.get("light"),
        "case": case["case"],
        "item": case.get("item_name") or item_name(case.get("item"), office),
        "stage": case["stage"],
        "received": case.get("received_on"),
        "due": case.get("due"),
        "deadline": case.get("deadline"),
        "holder": person(holder.get("person"), office) or organ(holder.get("unit"), office),
        "version": case["version"],
    }


def item_name(code: object, office: Office) -> str:
    """Return the name of an item as it is in force, else its code."""
    thing = office.thing(f"item:{code}")
    current = thing.current if thing else None
    return str(current.content.get("name", code)) if current else str(code or "")
