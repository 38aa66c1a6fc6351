"""How far a case has come: what the hotline may tell whoever asks by the number (办件进度).

Nothing about a person stands here, of any case: no applicant, no officer, no opinion.
"""

from datetime import datetime

from aiohttp import web

from api import headers
from api.access import Entry, case_for, enter, reading
from api.answers import rendered
from api.web.texts import catalogue
from ledger.case import Case, Data
from ledger.due import deadlines
from ledger.standing import subject
from ledger.state import number_of

TELEPHONE = "complaint_telephone"


async def one(request: web.Request) -> web.Response:
    """Answer how far a case has come: `GET /cases/{case}/progress`."""
    entry = await enter(request)
    entry, case = await case_for(entry, request.match_info["case"])
    headers.query(request, {"at_least"})
    if entry.caller.person is not None:
        reading(entry, "progress", case)
    now = await entry.ledger.now()
    head = {"ETag": f'"{case.version}"', "Ledger-Position": str(case.position)}
    return rendered(_progress(entry, case, now), headers=head)


def _progress(entry: Entry, case: Case, now: datetime) -> Data:
    chinese, english = catalogue()[f"stage.{case.stage}"]
    decision = case.decision or {}
    return {
        "case": number_of(case, entry.ledger.name),
        "item": case.terms.get("item", (case.source or {}).get("item")),
        "item_name": case.terms.get("name"),
        "stage": str(case.stage),
        "words": {"zh-CN": chinese, "en": english},
        "received_on": _day(case.received_on),
        "accepted_on": _day(case.accepted_on),
        "decided_on": decision.get("on"),
        "closed_on": _day(case.closed_on),
        "next_due": next_due(case, entry, now),
        "office": _office(entry, case),
    }


def _day(on: object) -> str | None:
    return None if on is None else str(on)


def next_due(case: Case, entry: Entry, now: datetime) -> Data | None:
    """Name what is to be done next, and by when."""
    waiting = [
        limit
        for limit in deadlines(case, entry.office, now)
        if "met_at" not in limit and "ended_at" not in limit
    ]
    if not waiting:
        return None
    first = min(waiting, key=lambda limit: (limit["due"], limit["name"]))
    return {"deadline": first["name"], "due": first["due"], "light": first["light"]}


def _office(entry: Entry, case: Case) -> Data:
    """Name who handles it, with the telephone that the item gives, if it gives one."""
    organ = subject(case).approving
    thing = entry.office.thing(f"item:{case.terms.get('item')}")
    content = thing.current.content if thing is not None and thing.current is not None else {}
    telephone = (content.get("elements") or {}).get(TELEPHONE)
    return {
        "id": organ,
        "name": entry.office.organs.get(organ, {}).get("name"),
        "telephone": telephone,
    }
