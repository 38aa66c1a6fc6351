"""What is answered: act answers, case states and events, with personal fields masked."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
from aiohttp import web

from api.access import Entry
from api.purpose import ITEMS
from ledger import privacy
from ledger.case import Actor, Case, Data, Event, Json
from ledger.office import Office
from ledger.recorded import Recorded
from ledger.state import number_of, state


def rendered(
    data: Json, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer JSON in UTF-8 that nobody may keep.

    Members are sorted: what was just decided and what is read back are the same bytes.
    """
    return web.Response(
        body=orjson.dumps(data, option=orjson.OPT_SORT_KEYS),
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def of_list(
    items: Sequence[Data], following: str | None, total: int | None, behind: Sequence[Data] = ()
) -> web.Response:
    """Answer a page of a list; the total only where it was asked for, and what is behind."""
    more: dict[str, Json] = {} if total is None else {"total": total}
    if behind:
        more["behind"] = list(behind)
    response = rendered({"items": list(items), "next": following, **more})
    response[ITEMS] = len(items)
    return response


def instant(at: datetime | None) -> str | None:
    """Write an instant as RFC 3339 in UTC with microseconds."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def act_answer(entry: Entry, done: Recorded, *, created: bool) -> web.Response:
    """Answer an act on a case, as of its own position and time: a replay is the same bytes."""
    case = done.case
    assert case is not None, "an act on a case leaves a case"
    office = entry.ledger.office.as_of(done.position)
    at = done.recorded_at
    shown = shown_state(case, entry, office, at)
    answer = act_document("case", shown["case"], done, shown)
    headers = {
        "ETag": f'"{case.version}"',
        "Ledger-Position": str(done.position),
    }
    if created:
        headers["Location"] = f"/v1/ledgers/{entry.ledger.name}/cases/{shown['case']}"
    if done.replayed:
        headers["Idempotency-Replayed"] = "true"
    return rendered(answer, status=201, headers=headers)


def act_document(what: str, number: str, done: Recorded, state: Data) -> Data:
    """Tell what an act recorded on something, and where that stands after it."""
    return {
        what: number,
        "version": state["version"],
        "events": [brief(event) for event in done.events],
        "state": state,
        "allowed_actions": state["allowed_actions"],
    }


def brief(event: Event) -> Data:
    """Tell where an event stands."""
    told: dict[str, Json] = {
        "id": event.id,
        "type": event.type,
        "position": event.position,
        "version": event.version,
        "recorded_at": instant(event.recorded_at),
    }
    if event.registers:
        told["registers"] = dict(event.registers)
    if event.flags:
        told["flags"] = list(event.flags)
    if not event.data.get("effective", True):
        told["effective"] = False
    return told


def shown_state(case: Case, entry: Entry, office: Office, at: datetime) -> dict[str, Json]:
    """Return the state of a case with its personal fields masked."""
    shown = dict(state(case, entry.caller, office, at))
    mask = privacy.Mask(entry.ledger.keyring, entry.ledger.name, {e.id for e in case.events})
    shown["applicant"] = mask.fields(case.applicant, "applicant.")
    for name in ("issued", "decision"):
        if shown[name] is not None:
            shown[name] = mask.fields(shown[name])
    for name in ("reviews", "sanctions"):
        shown[name] = [mask.fields(one) for one in shown[name]]
    shown["corrections"] = [mask.fields(c) for c in shown["corrections"]]
    return shown


def shown_event(event: Event, entry: Entry, case: Case | None, leaf: bytes | None) -> Data:
    """Return an event as recorded, with its personal fields masked."""
    mask = privacy.Mask(entry.ledger.keyring, entry.ledger.name, {event.id})
    told: dict[str, Json] = {
        "id": event.id,
        "type": event.type,
        "schema": event.schema,
        "stream": event.stream,
        "position": event.position,
        "version": event.version,
        "occurred_at": instant(event.occurred_at),
        "recorded_at": instant(event.recorded_at),
        "actor": shown_actor(event.actor),
        "responsibility": event.responsibility,
        "reason": event.reason,
        "basis": event.basis,
        "data": mask.fields(event.data),
        "flags": list(event.flags),
        "relied_on": dict(event.relied_on),
        "registers": dict(event.registers),
        "source": event.source,
    }
    if case is not None and case.number:
        told["case"] = number_of(case, entry.ledger.name)
    if leaf is not None:
        told["leaf_hash"] = leaf.hex()
    return told


def shown_actor(actor: Actor) -> Data:
    """Return who acted; what the law did has no person."""
    return {
        "kind": actor.kind,
        "person": actor.person,
        "name": actor.name,
        "role": actor.role,
        "organ": actor.organ,
        "appointment": actor.appointment,
        "delegator": actor.delegator,
        "client": actor.client,
    }
