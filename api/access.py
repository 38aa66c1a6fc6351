"""Who is let in where: from a credential to a ledger, a case and a post.

The one place where HTTP meets `ledger.authority`.  A ledger in which the caller has no
business does not exist for them; nor does a case.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from aiohttp import web

from api import headers
from api.service import SERVICE, Service
from api.tokens import CALLER
from api.tokens import Caller as Known
from ledger import privacy, standing
from ledger.case import Actor, Case
from ledger.errors import Refused, Unavailable
from ledger.ledger import Ledger
from ledger.lifecycle import Action, Role
from ledger.office import Office
from ledger.office.appointment import Post
from ledger.standing import Caller
from ledger.state import number_of
from ledger.store import Row

ENTERED: web.RequestKey["Entry"] = web.RequestKey("entered")
# What else than a case an act was on: its stream, its number, its item.
ON: web.RequestKey[tuple[str, str, str | None]] = web.RequestKey("on")
INSPECTION = frozenset({Role.INSPECTOR, Role.INSPECTION_LEAD})
LEDGER_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A caller who has business in a ledger."""

    service: Service
    ledger: Ledger
    caller: Caller
    now: datetime

    @property
    def office(self) -> Office:
        """The ledger's office as known now."""
        return self.ledger.office

    def roles(self) -> frozenset[Role]:
        """The roles the caller holds here today."""
        return frozenset(p.role for p in self.active_posts())

    def active_posts(self) -> tuple[Post, ...]:
        """The posts the caller holds here today."""
        on = self.now.astimezone(self.office.zone).date()
        return tuple(p for p in self.caller.posts(self.office) if p.active(on))

    @property
    def of_system(self) -> bool:
        """Whether a client system asks: as itself or for its staff, never for an applicant."""
        if self.caller.person is None:
            return self.caller.client is not None
        return self.caller.organ is not None and bool(self.active_posts())

    @property
    def inspects(self) -> bool:
        """Whether an inspection post is held now: then what is asked for is nobody's business."""
        return bool(self.roles() & INSPECTION)

    def actor(self) -> Actor:
        """Say who this is where no post is at stake (a refusal on record)."""
        posts = self.active_posts() or self.caller.posts(self.office)
        if posts:
            return posts[0].actor(self.caller.client)
        if self.caller.person is None:
            return Actor(kind="system", client=self.caller.client)
        # Only applicants get this far without a post; they are named on no record.
        return Actor(role=str(Role.APPLICANT), client=self.caller.client)


async def enter(request: web.Request) -> Entry:
    """Let the caller into the ledger of the path, or answer that there is none.

    Which position it has to have reached is read before, and waited for behind the door:
    who has no business in a ledger does not learn how far it is.
    """
    position = headers.at_least(request)
    entry = await enter_as(request.app[SERVICE], request.match_info["ledger"], request[CALLER])
    request[ENTERED] = entry
    if position is not None:
        await entry.service.at_least(entry.ledger.name, position)
        entry = replace(entry, now=await entry.ledger.now())
    return entry


async def warned(request: web.Request, response: web.StreamResponse) -> None:
    """Say on every answer about a ledger that something in it does not prove out."""
    entry = request.get(ENTERED)
    if entry is not None and entry.service.unproven(entry.ledger.name):
        response.headers["Ledger-Integrity"] = "hold"


async def enter_as(service: Service, name: str, known: Known) -> Entry:
    """Let somebody into a ledger, or answer that there is none."""
    ledger, caller = await admitted(service, name, known)
    return Entry(service, ledger, caller, await ledger.now())


async def admitted(service: Service, name: str, known: Known) -> tuple[Ledger, Caller]:
    """Return a ledger in which somebody has business, and as whom; or answer that there is none."""
    missing = Refused("not-found", "no such ledger, or not for you")
    if not LEDGER_NAME.fullmatch(name):
        raise missing
    ledger = await service.ledger(name)
    if ledger is None:
        raise missing
    caller = Caller(person=known.person, name=known.name, client=known.client)
    office = ledger.office
    client = office.clients.get(known.client or "")
    if known.via == "api-key":
        if client is None:
            raise missing
        caller = replace(caller, organ=str(client["organ"]))
    speaks = client is not None and bool(client.get("applicants"))
    itself = client is not None and caller.person is None
    if not caller.posts(office) and not itself and not (speaks and caller.person is not None):
        raise missing
    return ledger, caller


@lru_cache(maxsize=256)
def _number_form(pattern: str, ledger: str) -> re.Pattern[str]:
    """Turn the pattern of case numbers into what such a number looks like."""
    form = re.escape(pattern)
    form = form.replace(re.escape("{ledger}"), re.escape(ledger))
    form = form.replace(re.escape("{year}"), r"(?P<year>[0-9]{4})")
    form = re.sub(r"\\\{number:0(\d+)d\\\}", r"(?P<number>[0-9]{\1,12})", form)
    return re.compile(form, re.ASCII)


def register_of(entry: Entry, number: str) -> tuple[str, int] | None:
    """Read the register and the number out of a case number; None if it is none.

    A case keeps the number it was given, so every pattern there ever was is tried.
    """
    known = entry.office.thing("policy:numbers-default")
    for version in reversed(known.versions if known is not None else ()):
        form = _number_form(str(version.content["case"]), entry.ledger.name)
        match = form.fullmatch(number)
        if match:
            return f"case/{match['year']}", int(match["number"])
    return None


async def case_for(entry: Entry, number: str, *, fresh: bool = True) -> tuple[Entry, Case]:
    """Return the case of a number if it is the caller's business, as the law has made it by now.

    Whoever reads sees it on record (`fresh`), but for inspection: what is read there leaves no
    trace in the ledger, and the service records it by itself a moment later.  Whoever acts
    does not wait for that: the act records it with itself.
    """
    stream = await _stream(entry, number)
    ledger = entry.ledger
    case = await (ledger.load(stream) if fresh else ledger.peek(stream))
    return await _let_in(entry, number, case, fresh=fresh)


async def history_for(entry: Entry, number: str) -> tuple[Entry, Case, Sequence[Row]]:
    """Return what `case_for` does, and the history as it is stored, in one reading.

    Who may read the history is for the caller to ask (`reading`).
    """
    stream = await _stream(entry, number)
    case, rows = await entry.ledger.whole(stream)
    entry, case = await _let_in(entry, number, case, fresh=True)
    if case.version != len(rows):
        _, rows = await entry.ledger.whole(stream)  # the law has done something meanwhile
    return entry, case, rows


async def _stream(entry: Entry, number: str) -> str:
    register = register_of(entry, number)
    stream = await entry.ledger.stream_of(*register) if register else None
    if stream is None:
        raise _no_case()
    return stream


def _no_case() -> Refused:
    return Refused("case-not-found", "no such case, or not for you")


async def _let_in(
    entry: Entry, number: str, case: Case | None, *, fresh: bool
) -> tuple[Entry, Case]:
    ledger = entry.ledger
    if case is None or number_of(case, ledger.name) != number:
        raise _no_case()
    entry = as_applicant(entry, case)
    if not fresh:
        case = ledger.by_now(case, entry.now)
    standing.visible(entry.caller, case, entry.office, entry.now)
    if not fresh or entry.inspects:
        return entry, case
    try:
        return entry, await ledger.settle(case)
    except Unavailable:
        # Held or closed: it is read all the same, as it is on record.
        return entry, case


def as_applicant(entry: Entry, case: Case) -> Entry:
    """Mark the caller as the applicant (or agent) of the case where they are that."""
    person = entry.caller.person
    client = entry.office.clients.get(entry.caller.client or "")
    if person is None or client is None or not client.get("applicants"):
        return entry
    if entry.caller.posts(entry.office):
        return entry
    if person not in privacy.applicant_ids(case, entry.ledger.keyring, entry.ledger.name):
        return entry
    return replace(entry, caller=replace(entry.caller, applicant_of=case.stream))


def reading(entry: Entry, what: str, case: Case) -> None:
    """Refuse a reading of a visible case that no post of the caller gives."""
    if standing.reads(what, entry.caller, case, entry.office, entry.now):
        return
    of, table = standing.subject(case), standing.READING[what]
    related = (
        held.role
        for held in entry.caller.posts(entry.office)
        if set(standing.relations(held, of, entry.office)) & set(table.get(held.role, ""))
    )
    raise not_given(entry, related, what)


def not_given(entry: Entry, roles: Iterable[Role], what: str) -> Refused:
    """Say that no post of the caller gives this reading, or that one did and has ended."""
    on = entry.now.astimezone(entry.office.zone).date()
    giving = frozenset(roles)
    if any(held.was(on) for held in entry.caller.posts(entry.office) if held.role in giving):
        return Refused("appointment-ended", f"the appointment that gave this has ended: {what}")
    return Refused("action-not-allowed", f"no appointment of yours gives reading: {what}")


def action_of(name: str) -> Action:
    """Read the action of a path."""
    try:
        return Action(name)
    except ValueError:
        raise Refused("not-found", "no such action") from None


# What of a list somebody may see: relation letter, organ, items (None: all).
Scopes = tuple[tuple[str, str, tuple[str, ...] | None], ...]


def scopes(entry: Entry, what: str, *, also: Collection[Role] = ()) -> Scopes:
    """List what the caller may see of a list: (relation letter, organ, items or all).

    J stands for the whole ledger, R for what of it was reviewed: that is what the hotline
    reads of cases.  Refuses who may see nothing of it; `also` are roles to whom it is given
    apart from the table.
    """
    table = standing.READING[what]
    client = entry.office.clients.get(entry.caller.client or "")
    if entry.caller.person is None and client is not None and Role.CLIENT_SYSTEM in table:
        return tuple((letter, str(client["organ"]), None) for letter in table[Role.CLIENT_SYSTEM])
    reviewed = Role.HOTLINE if what == "case" else None
    found = tuple(
        ("R" if letter == "J" and held.role == reviewed else letter, held.organ, held.items)
        for held in entry.active_posts()
        for letter in table.get(held.role, "")
        if letter != "J" or held.jurisdiction
    )
    if not found:
        raise not_given(entry, (*table, *also), what)
    return found
