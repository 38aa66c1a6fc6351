"""The inspector's door: a case step by step, as it was known."""

from collections.abc import Sequence
from datetime import datetime

from aiohttp import web

from api import headers
from api.access import Entry, case_for, enter, reading
from api.answers import rendered, shown_event, shown_state
from ledger import records
from ledger.case import Case, Event, Json, replay
from ledger.errors import Refused
from ledger.office import Office

# What every step moves, and no reader needs to be told.
ALWAYS = frozenset({"version", "position", "as_of", "allowed_actions", "forbidden_actions"})


async def steps(request: web.Request) -> web.Response:
    """Answer state before, the act, state after, what changed: `GET …/replay?to=`."""
    entry = await enter(request)
    entry, case = await case_for(entry, request.match_info["case"])
    reading(entry, "history", case)
    query = headers.query(request, {"to", "at_least"})
    last = headers.integer(query["to"], "to") if "to" in query else case.version
    if not 1 <= last <= case.version:
        raise Refused("invalid-parameter", "to: a version of this case")
    rows = await entry.ledger.store.of_stream(entry.ledger.name, case.stream)
    events = [records.decode(row) for row in rows[:last]]
    told = []
    before: dict[str, Json] | None = None
    for n, event in enumerate(events, 1):
        known, office, at = known_with(entry, events[:n])
        after = shown_state(known, entry, office, at)
        told.append(
            {
                "version": event.version,
                "before": before,
                "act": shown_event(event, entry, known, rows[n - 1].leaf),
                "after": after,
                "changed": changed(before or {}, after),
            }
        )
        before = after
    return rendered(
        {"case": case_name(after), "items": told, "next": None},
        headers={"ETag": f'"{case.version}"', "Ledger-Position": str(case.position)},
    )


def known_with(entry: Entry, events: Sequence[Event]) -> tuple[Case, Office, datetime]:
    """Return case, office and time as the ledger knew them with the last of these events."""
    last = events[-1]
    at = last.recorded_at or last.occurred_at
    return replay(events, entry.office.zone), entry.office.as_of(last.position), at


def case_name(state: dict[str, Json]) -> str:
    """Return the number of the case a state is of."""
    return str(state["case"])


def changed(before: dict[str, Json], after: dict[str, Json]) -> list[str]:
    """Name the members of the state that are different after the act."""
    return sorted(k for k in after if k not in ALWAYS and before.get(k) != after[k])
