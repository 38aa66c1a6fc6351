"""The first events of a ledger: its organs, systems, rules, calendars, items, posts, seals.

What is set up here is in force at once: it is the act of whoever creates the ledger, stands
in its first events, and nobody can do it a second time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ledger.case import Actor, Data, Event, Events

BY = Actor(kind="system", client="init")


def opening(
    document: Data,
    calendars: Mapping[str, Data],
    policies: Mapping[str, Data],
    *,
    ledger: str,
    at: datetime,
    simulated: bool,
    logs: Sequence[Data] = (),
    follows: Data | None = None,
) -> Events:
    """Return the init events of a ledger from a set-up document.

    `calendars` and `policies` hold the contents that the document names, `logs` the origins and
    keys of the logs that prove all this, `follows` what is committed of a ledger that was closed
    (STORE 10, recovery).  Raises KeyError where one is missing.
    """
    own = f"ledger:{ledger}"
    zone = document.get("zone", "Asia/Shanghai")
    opened: Data = {"zone": zone, "simulated": simulated, "ledger": ledger}
    if follows is not None:
        opened = {**opened, "follows": follows}
    told: list[tuple[str, str, Data]] = [(own, "ledger-opened", opened)]
    told += [(own, "log-key-set", log) for log in logs]
    told += [(own, "organ-set", organ) for organ in document.get("organs", ())]
    told += [(own, "client-set", client) for client in document.get("clients", ())]
    told += [
        (f"policy:{name}", "policy-set", {"content": policies[name]})
        for name in document.get("policies", ())
    ]
    for name in document.get("calendars", ()):
        content = calendars[name]
        told.append((f"calendar:{content['calendar']}", "calendar-set", {"content": content}))
    told += [
        (f"item:{item['code']}", "item-set", {"content": item})
        for item in document.get("items", ())
    ]
    told += [
        (f"appointment:{post['id']}", "appointment-set", {"content": post})
        for post in document.get("appointments", ())
    ]
    for seal in document.get("seals", ()):
        stream = f"seal:{seal['id']}"
        told.append((stream, "seal-registered", {"content": seal}))
        told.append((stream, "seal-enabled", {"keeper": seal["keeper"]}))
    return _numbered(told, at)


def _numbered(told: Sequence[tuple[str, str, Data]], at: datetime) -> Events:
    versions: dict[str, int] = {}
    events = []
    for stream, kind, data in told:
        versions[stream] = versions.get(stream, 0) + 1
        events.append(
            Event(
                stream=stream,
                version=versions[stream],
                type=kind,
                occurred_at=at,
                actor=BY,
                responsibility="administration",
                data=data,
            )
        )
    return tuple(events)
