"""What else than cases has an official number: from the number to the thing, for whose it is.

As with cases, what is not the caller's business does not exist for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiohttp import web

from api.access import ON, Entry, case_for
from ledger import complaining, matter, privacy
from ledger.case import Json
from ledger.complaint import Complaint, number_of, replay, subject
from ledger.errors import Refused
from ledger.matter import Matter
from ledger.matter_rules import Action
from ledger.standing import reads

_LONGEST = len(str(2**53))


@dataclass(frozen=True, slots=True)
class Found:
    """A complaint that is the caller's business; `own` where it is their own."""

    complaint: Complaint
    own: bool


async def on_complaint(request: web.Request, entry: Entry) -> Found:
    """Return the complaint of the path; what is refused on it is on record as refused there."""
    number = request.match_info["complaint"]
    found = await complaint_for(entry, number)
    request[ON] = (found.complaint.stream, number, subject(found.complaint).item or None)
    return found


async def complaint_for(entry: Entry, number: str) -> Found:
    """Return the complaint of a number if it is the caller's business."""
    missing = Refused("not-found", "no such complaint, or not for you")
    ledger = entry.ledger
    register = _register("C", "complaint", number, ledger.name)
    stream = await ledger.stream_of(*register) if register is not None else None
    if stream is None:
        raise missing
    complaint = replay(await ledger.history(stream), entry.office.zone)
    if number_of(complaint, ledger.name) != number:
        raise missing
    own = _is_own(entry, complaint)
    if not own:
        complaining.visible(entry.caller, complaint, entry.office, entry.now)
    return Found(complaint, own)


async def position_of(entry: Entry, number: str) -> int:
    """Tell how far a case, a complaint or a matter of that number has come in the ledger."""
    if number.startswith(f"{entry.ledger.name}-C-"):
        return (await complaint_for(entry, number)).complaint.position
    if number.startswith(f"{entry.ledger.name}-M-"):
        return (await matter_for(entry, number))[1].position
    _, case = await case_for(entry, number)
    return case.position


async def on_matter(request: web.Request, entry: Entry) -> tuple[Entry, Matter]:
    """Return the matter of the path, with its applicant marked as such."""
    number = request.match_info["matter"]
    entry, found = await matter_for(entry, number)
    request[ON] = (found.stream, number, None)
    return entry, found


async def matter_for(entry: Entry, number: str) -> tuple[Entry, Matter]:
    """Return the matter of a number, to whoever may read it or one of its cases."""
    missing = Refused("not-found", "no such matter, or not for you")
    ledger = entry.ledger
    register = _register("M", "matter", number, ledger.name)
    stream = await ledger.stream_of(*register) if register is not None else None
    if stream is None:
        raise missing
    found = matter.replay(await ledger.history(stream), entry.office.zone)
    if matter.number_of(found, ledger.name) != number:
        raise missing
    if _applied(entry, found):
        return replace(entry, caller=replace(entry.caller, applicant_of=stream)), found
    if matter.reads(found, entry.caller, entry.office, entry.now):
        return entry, found
    for case in found.cases:
        child = await ledger.load(case)
        if child is not None and reads("case", entry.caller, child, entry.office, entry.now):
            return entry, found
    raise missing


async def joining(entry: Entry, body: Mapping[str, Json]) -> Matter | None:
    """Return the matter that an application belongs to, for whom it may be put there."""
    number = body.get("matter")
    if number is None:
        return None
    try:
        here, found = await matter_for(entry, number)
    except Refused as refused:
        if refused.slug != "not-found":
            raise
        raise Refused("unknown-reference", "no such matter", pointer="/matter") from None
    matter.candidate(Action.JOIN, found, here.caller, here.office, here.now)
    applied = _ids(entry, found)
    if applied and body["applicant"]["id"] not in applied:
        raise Refused("rule-refused", "the matter is of another applicant", rule="matter.applicant")
    return found


def _applied(entry: Entry, found: Matter) -> bool:
    return speaks_for_themselves(entry) and entry.caller.person in _ids(entry, found)


def _ids(entry: Entry, found: Matter) -> frozenset[Json]:
    """Return the ids of the applicant and the agent of a matter in clear."""
    ledger, written = entry.ledger, {event.id for event in found.events}
    agent = found.applicant.get("agent") or {}
    fields = {"applicant.id": found.applicant.get("id"), "applicant.agent.id": agent.get("id")}
    clear = (
        privacy.opened(field, ledger.keyring, ledger.name, events=written, path=path)
        for path, field in fields.items()
        if field is not None
    )
    return frozenset(one for one in clear if one is not None)


def speaks_for_themselves(entry: Entry) -> bool:
    """Tell whether a client system that applicants use speaks for one of them."""
    client = entry.office.clients.get(entry.caller.client or "")
    if client is None or not client.get("applicants") or entry.caller.person is None:
        return False
    return not entry.caller.posts(entry.office)


def _register(letter: str, register: str, number: str, ledger: str) -> tuple[str, int] | None:
    """Read the register and the number out of an official number; None if it is none."""
    rest = number.removeprefix(f"{ledger}-{letter}-")
    year, _, last = rest.partition("-")
    digits = year + last
    if rest == number or not (year and last and digits.isascii() and digits.isdigit()):
        return None
    return (f"{register}/{year}", int(last)) if len(last) < _LONGEST else None


def _is_own(entry: Entry, complaint: Complaint) -> bool:
    """Tell whether who asks is who complained, by the id they gave."""
    if not speaks_for_themselves(entry) or "id" not in complaint.caller:
        return False
    ledger = entry.ledger
    written = {event.id for event in complaint.events}
    field = complaint.caller["id"]
    clear = privacy.opened(field, ledger.keyring, ledger.name, events=written, path="caller.id")
    return bool(clear == entry.caller.person)
