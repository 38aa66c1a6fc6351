"""Break-glass (紧急授权): for some hours, confirmed and looked at by others.

It lifts no rule (SOD-18).  There are no standing accounts for it: each time one person asks,
another confirms within minutes, and a third looks at what was done with it.
"""

from datetime import date, datetime

from ledger.case import Actor, Data, Event, Events, flag
from ledger.errors import Refused
from ledger.lifecycle import MAY, Action
from ledger.office import Office
from ledger.office.appointment import EMERGENCY, Post
from ledger.office.versioned import Versioned

RULE = "break-glass.review"
GIVES = Action.TRANSFER


def check(office: Office, content: Data, new: Post, on: date) -> None:
    """Refuse one without reasons, with days of its own, or in a role that hands nothing over."""
    for name in ("reason_code", "text", "reference"):
        if not str(content.get(name) or "").strip():
            raise Refused(
                "schema", "say why: code, text, reference", rule="break-glass.reason",
                pointer=f"/{name}",
            )  # fmt: skip
    if new.until is not None or new.since != on:
        raise Refused(
            "schema", "it begins when it is confirmed and ends by itself",
            rule="break-glass.hours", pointer="/to" if new.until is not None else "/from",
        )  # fmt: skip
    if not any(may.role == new.role for may in MAY[GIVES]):
        raise Refused("schema", "that post hands nothing over", pointer="/role")
    if not any(post.active(on) for post in office.posts_of(new.person)):
        raise Refused("unknown-reference", "nobody who holds a post here", pointer="/person")


TAG = flag("break-glass", "break-glass.used")


def live(held: Post, now: datetime) -> bool:
    """Tell whether it can be used at an instant."""
    return not held.ended and held.lasts is not None and held.lasts[0] <= now < held.lasts[1]


def over(held: Post, now: datetime) -> bool:
    """Tell whether it was there and is over."""
    return held.ended or (held.lasts is not None and now >= held.lasts[1])


def waits_for_review(thing: Versioned) -> bool:
    """Tell whether a duty to look at it is open: from its confirmation to its review."""
    current = thing.current
    confirmed = current is not None and current.content.get("kind") == EMERGENCY
    return confirmed and thing.reviewed is None


def reviewed(
    thing: Versioned, version: int, by: Actor, at: datetime, *, text: str, reason: str | None
) -> Events:
    """Record what somebody found who had no part in it; that ends the duty to look (复核)."""
    current = thing.current
    if current is None or current.content.get("kind") != EMERGENCY:
        raise Refused("rule-refused", "only break-glass is reviewed", rule=RULE)
    if thing.reviewed is not None:
        raise Refused(
            "already-done", "it is reviewed", rule=RULE, earlier_position=thing.reviewed.position
        )
    part = (current.content["person"], current.proposed_by, current.approved_by)
    if by.person in part:
        raise Refused(
            "separation-of-duties", "who had a part in it does not review it", rule="SOD-19"
        )
    return (
        Event(
            stream=thing.stream,
            version=version + 1,
            type="appointment-reviewed",
            occurred_at=at,
            actor=by,
            responsibility="administration",
            data={"text": text},
            reason=reason,
        ),
    )
