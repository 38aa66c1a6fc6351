"""Taking the dossier of a case from a page: who asks says what for, an inspector with two names.

What is said goes into the access log before the file leaves, like the `Purpose` of the interface.
A file that is taken leaves the page where it was: so what was refused first is looked at again on a
page of its own, and the error does not stand beside a file that has come.
"""

from collections.abc import Mapping

from aiohttp import web

from api import dossier
from api.access import Entry, case_for, reading
from api.purpose import CODES, SHOWS_CASE, read, say
from api.routes import Route
from api.tokens import Caller
from api.web import sheet
from api.web.page import rendered
from api.web.sent import form_token, sent
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.trouble import refused_by, status_of, trouble_of
from api.web.within import entered, head
from ledger.case import Case
from ledger.errors import LedgerError, Refused
from ledger.lifecycle import Role
from ledger.state import number_of

AT = "/cases/{ledger}/{case}/dossier"
INSPECTION = "inspection"
# What a form carries that comes back with an error.
AGAIN = "_again"


def table() -> tuple[Route, ...]:
    """List the routes of this page."""
    return (
        row("GET", AT, page(form), "What a dossier is taken for", "read-dossier"),
        row("POST", AT, page(take), "Take the dossier of a case", "read-dossier",
            ("application/zip", "text/html")),
    )  # fmt: skip


async def form(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Ask what the dossier is for: `GET /cases/{ledger}/{case}/dossier`."""
    entry, case = await _where(request, caller)
    inspects = Role.INSPECTOR in entry.roles()
    return _form(request, texts, entry, case, {"purpose": INSPECTION if inspects else ""})


async def take(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Answer the dossier as a file: `POST /cases/{ledger}/{case}/dossier`."""
    entry, case = await _where(request, caller)
    given = await sent(request)
    try:
        said = f"{given.get('purpose', '')}; {_reference(given)}"
        if AGAIN in given:
            read(said)
            return _form(request, texts, entry, case, given, checked=True)
        say(request, said)
        return await dossier.answer(entry, case)
    except LedgerError as error:
        return _form(request, texts, entry, case, given, await refused_by(request, error))


async def _where(request: web.Request, caller: Caller) -> tuple[Entry, Case]:
    entry = await entered(request, caller)
    entry, case = await case_for(entry, request.match_info["case"])
    reading(entry, "dossier", case)
    return entry, case


def _reference(given: Mapping[str, str]) -> str:
    """Put number and names together; an inspection is made by two (监察法实施条例: 二人以上)."""
    names = [given.get(name, "").strip() for name in ("first", "second")]
    number = given.get("number", "").strip()
    if given.get("purpose") == INSPECTION and (not all(names) or names[0] == names[1]):
        raise Refused("purpose-required", "the names of two inspectors")
    if not number:
        raise Refused("purpose-required", "the number of the notice, ticket or case")
    said = "、".join(name for name in names if name)
    return f"{number} {said}".strip()


def _form(
    request: web.Request,
    texts: Texts,
    entry: Entry,
    case: Case,
    given: Mapping[str, str],
    refused: Refused | None = None,
    *,
    checked: bool = False,
) -> web.Response:
    number = number_of(case, entry.ledger.name)
    response = rendered(
        request,
        "take.html",
        Texts(texts.language, entry.office.zone),
        status=status_of(refused),
        **head(entry, texts),
        number=number,
        at=f"/cases/{entry.ledger.name}/{number}",
        item=sheet.item({"terms": case.terms, "item": case.terms.get("item")}),
        codes=sorted(CODES),
        given={name: given.get(name, "") for name in ("purpose", "number", "first", "second")},
        token=form_token(request),
        checked=checked,
        trouble=None if refused is None else trouble_of(refused, texts),
    )
    response[SHOWS_CASE] = True
    return response
