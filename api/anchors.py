"""Anchored logs: how far each is anchored, what is recorded of it, and the act (存证).

`POST /anchored-logs` and its approval are those of any thing of the office (`office.py`).
"""

from collections.abc import Mapping
from itertools import islice

from aiohttp import web

from api import headers
from api.access import Entry, enter
from api.anchoring import anchored
from api.answers import instant, of_list, rendered, shown_actor
from api.bodies import OFFICE_BODIES, decoded
from api.office import allowed, answer, any_post, found
from api.record import scoped_key
from ledger.case import Data, Event, Events, Json
from ledger.errors import Refused
from ledger.office import anchor
from ledger.office.versioned import Versioned
from ledger.recorded import Recorded


async def listed(request: web.Request) -> web.Response:
    """Answer how far each registered log is anchored: `GET /anchors`."""
    entry = await enter(request)
    any_post(entry)
    page = headers.page(request, entry.caller.person, "anchors", (), countable=True)
    begin = page.after if isinstance(page.after, int) else 0
    items, size = await standings(entry, begin, page.limit)
    end = begin + page.limit
    following = page.cursor(end if end < size else None)
    return of_list(items, following, size if page.counted else None)


async def standings(entry: Entry, begin: int, limit: int) -> tuple[list[Data], int]:
    """Tell how far some of the registered logs are anchored, and how many there are."""
    every = entry.office.things(anchor.KIND)
    logs = tuple(islice(every, begin, begin + limit))
    newest = await entry.ledger.newest(*(anchor.stream_of(log.id) for log in logs))
    items = [standing(log, newest.get(anchor.stream_of(log.id))) for log in logs]
    return items, len(every)


def standing(log: Versioned, newest: Event | None) -> Data:
    """Tell how far a registered log is anchored, by the newest event of its stream."""
    content = content_of(log)
    seen = anchor.seen(newest)
    state = "conflict" if seen.open else "anchored" if newest is not None else "waiting"
    return {
        "id": log.id,
        "origin": content["origin"],
        "name": content["name"],
        "state": state,
        "size": seen.size,
        "root": seen.root.hex() if newest is not None else None,
        "at": instant(newest.recorded_at) if newest is not None else None,
        "position": seen.position,
        "version": seen.version,
        "conflict": seen.conflict,
    }


def content_of(log: Versioned) -> Data:
    """Return what is registered of a log; what was proposed where nothing is in force."""
    waiting = tuple(log.proposals.values())
    return log.current.content if log.current is not None else waiting[-1].content


async def history(request: web.Request) -> web.Response:
    """Answer the anchors of a log in their order: `GET /anchored-logs/{id}/anchors`."""
    entry = await enter(request)
    log = found(entry.office, anchor.KIND, request.match_info["id"])
    any_post(entry)
    page = headers.page(request, entry.caller.person, f"anchors-{log.id}", ())
    begin = page.after if isinstance(page.after, int) else 0
    events = await entry.ledger.part(anchor.stream_of(log.id), begin, page.limit + 1)
    told = [shown(log, event) for event in events[: page.limit]]
    more = len(events) > page.limit
    return of_list(told, page.cursor(begin + page.limit if more else None), None)


async def one(request: web.Request) -> web.Response:
    """Answer one anchor: `GET /anchored-logs/{id}/anchors/{version}`."""
    entry = await enter(request)
    log = found(entry.office, anchor.KIND, request.match_info["id"])
    any_post(entry)
    headers.query(request, {"at_least"})
    text = request.match_info["version"]
    events: Events = ()
    if text.isascii() and text.isdigit() and len(text) < 10 and str(int(text)) == text != "0":
        events = await entry.ledger.part(anchor.stream_of(log.id), int(text) - 1, 1)
    if not events:
        raise Refused("not-found", "no such anchor")
    return rendered(shown(log, events[0]))


def shown(log: Versioned, event: Event) -> Data:
    """Tell an anchor, or the proof of two histories, as it was recorded."""
    return {
        "log": log.id,
        "type": event.type,
        "version": event.version,
        "position": event.position,
        "recorded_at": instant(event.recorded_at),
        "by": shown_actor(event.actor),
        "data": event.data,
    }


async def record(request: web.Request) -> web.Response:
    """Record a checkpoint of a registered log: `POST /anchored-logs/{id}/anchors`."""
    entry = await enter(request)
    log = found(entry.office, anchor.KIND, request.match_info["id"])
    actors = allowed(entry, anchor.KIND, "anchor")
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, OFFICE_BODIES["anchor"])
    path = f"/v1/ledgers/{entry.ledger.name}/anchored-logs/{log.id}/anchors"
    mac = scoped_key(entry, path, key, body)
    done = await anchored(
        entry.ledger, log.id, actors[0], submission(body), mac,
        reason=body.get("reason"), correlation=headers.request_id(request),
    )  # fmt: skip
    return answer(_agreeing(entry, done), "anchored")


def submission(body: Mapping[str, Json]) -> anchor.Submission:
    """Read the body of an anchor; refuse hashes that are none."""
    root = body.get("root")
    return anchor.Submission(
        raw=body["note"].encode(),
        size=body["size"],
        path=anchor.hashes(body["path"], "/path"),
        root=None if root is None else anchor.hashes([root], "/root")[0],
    )


def _agreeing(entry: Entry, done: Recorded) -> Recorded:
    """Return what was recorded, or refuse where it is the proof of two histories."""
    event = done.events[-1]
    if event.type == anchor.CONFLICT:
        raise Refused(
            "anchor-conflict", "it parts from what is anchored; both checkpoints are on record",
            rule="anchor.conflict", earlier_position=event.position,
        )  # fmt: skip
    entry.service.wake(entry.ledger.name)
    return done
