"""Personal fields in clear: `GET …?reveal=<field,…>` with a purpose, which is recorded first."""

from aiohttp import web

from api.access import Entry
from api.purpose import REVEALED, purpose
from ledger import privacy, revealing
from ledger.case import Case, Data, Json
from ledger.errors import Refused
from ledger.subject import POLICY, PURPOSES

COURT = "court"


def revealed(request: web.Request, entry: Entry, case: Case, text: str) -> Data:
    """Return the fields that were asked for, in clear; None for one that is gone or never was.

    Raises `Refused`: `invalid-parameter` for a field that there is none of, `action-not-allowed`
    where no post opens it now, `purpose-required`, `restricted`.
    """
    names = text.split(",")
    unknown = [name for name in names if name not in revealing.PATHS]
    if unknown or len(set(names)) < len(names):
        raise Refused("invalid-parameter", f"reveal: some of {', '.join(revealing.PATHS)}")
    if not revealing.may(names, entry.caller, case, entry.office, entry.now):
        raise Refused("action-not-allowed", "no post of yours opens these fields now")
    code = _accepted(request, entry)
    keyring, name = entry.ledger.keyring, entry.ledger.name
    events = {event.id for event in case.events}
    told: dict[str, Json] = {}
    for path in names:
        field = revealing.field_at(case, path)
        if field is None:
            told[path] = None
            continue
        if field["enc"]["subject"] in keyring.restricted and code != COURT:
            raise Refused("restricted", "these data are kept for storage only")
        told[path] = privacy.opened(field, keyring, name, events=events, path=path)
    request[REVEALED] = tuple(names)
    return told


def _accepted(request: web.Request, entry: Entry) -> str:
    """Return the code of the purpose, which the policy has to know; applicants need none."""
    said = purpose(request)
    if said is None:
        if entry.caller.applicant_of is not None:
            return ""
        raise Refused("purpose-required", "Purpose: <code>; <reference>")
    thing = entry.office.thing(f"policy:{POLICY}")
    rules = thing.current.content if thing is not None and thing.current is not None else {}
    if said.code not in rules.get("purposes", PURPOSES):
        raise Refused("purpose-required", "no purpose that opens fields here")
    return said.code
