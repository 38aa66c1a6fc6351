"""The register of each seal, and its count: `GET /seals/{id}/register`, `POST …/reconcile`.

Who reads a register stands in a relation to the seal, not to a case: its organ is the one whose
seal it is, or the one in whose keeping it lies.  A supervisor who is not above it reads the
uses in cases under their own supervision, and no others.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from aiohttp import web

from api import headers
from api.access import Entry, Scopes, enter, not_given
from api.answers import of_list
from api.bodies import OFFICE_BODIES, decoded
from api.office import allowed, answer, recorded, seal_of
from ledger.case import Events
from ledger.errors import Refused
from ledger.lifecycle import Role
from ledger.office import Office
from ledger.office.appointment import Post
from ledger.office.reconciliation import Counted, organs_of, reconciled
from ledger.office.seal import Seal
from ledger.standing import READING, about
from projections import seal_register
from projections.asked import Page
from projections.seen import Scope

# All of a register, as a scope.
WHOLE = "J"


async def register(request: web.Request) -> web.Response:
    """Answer a page of the uses of a seal in order of serial, voids too."""
    entry = await enter(request)
    name = request.match_info["id"]
    seen = scopes(entry, seal_of(entry.office, name))
    page = headers.page(
        request, entry.caller.person, f"register:{name}", seal_register.FILTERS, countable=True
    )
    found = await page_of(entry, seen, name, page)
    return of_list(found.items, page.cursor(found.next), found.total)


async def page_of(entry: Entry, seen: Scopes, seal: str, page: headers.Page) -> Page:
    """Return a page of the register of a seal in these scopes."""
    await entry.service.caught_up(entry.ledger.name, -1, (seal_register.PROJECTION.name,))
    return await seal_register.listed(
        entry.service.reads, entry.ledger.name, seal, seen, page.filters, page.after, page.limit,
        counted=page.counted,
    )  # fmt: skip


def scopes(entry: Entry, this: Seal) -> Scopes:
    """List what of the register of a seal the caller may see; refuse who may see nothing."""
    organs = organs_of(this, entry.office)
    found = tuple(s for post in entry.active_posts() for s in _given(post, this, organs, entry))
    if not found:
        raise not_given(entry, (*READING["register"], Role.SEALER), "register")
    return found


def _given(post: Post, this: Seal, organs: tuple[str, ...], entry: Entry) -> Iterator[Scope]:
    if post.role == Role.SEALER and post.person == this.keeper:
        yield WHOLE, post.organ, None
    above = {a for organ in organs for a in entry.office.all_above(organ)}
    here = {
        "O": post.organ in organs,
        "A": post.organ in above,
        "J": post.jurisdiction,
    }
    for letter in READING["register"].get(post.role, ""):
        # It looks at every item, so it is only asked where it matters.
        if here[letter] if letter != "S" else _supervises(post, organs, entry.office):
            whole = letter != "S" and post.items is None
            yield (WHOLE if whole else letter), post.organ, post.items


def _supervises(post: Post, organs: tuple[str, ...], office: Office) -> bool:
    """Tell whether the organ of a post supervises an item that these organs decide on."""
    for thing in office.things("item"):
        if thing.current is not None:
            of = about(thing.current.content)
            if post.organ in of.supervising and {of.approving, of.delegator} & set(organs):
                return True
    return False


async def reconcile(request: web.Request) -> web.Response:
    """Record the count of a seal beside that of the ledger: `POST /seals/{id}/reconcile`."""
    entry = await enter(request)
    name = request.match_info["id"]
    seal_of(entry.office, name)
    actors = allowed(entry, "seal", "reconcile")
    key = headers.idempotency_key(request)
    headers.no_query(request)
    body = await decoded(request, OFFICE_BODIES["seal-reconcile"])
    counted = await _counted(entry, name, date.fromisoformat(body["as_of"]))

    def decide(office: Office, now: datetime) -> Events:
        this = seal_of(office, name)
        return reconciled(
            this, office, actors, now, details=body, counted=counted, reason=body.get("reason")
        )

    path = f"/seals/{name}/reconcile"
    return answer(await recorded(request, entry, path, decide, key, body), "reconciled")


async def _counted(entry: Entry, name: str, as_of: date) -> Counted:
    """Count the uses of a seal in the ledger itself, up to the end of a day."""
    try:
        end = datetime.combine(as_of, time(), entry.office.zone) + timedelta(days=1)
    except OverflowError:
        raise Refused("schema", "that day has not come", pointer="/as_of") from None
    uses, position = await entry.ledger.store.counted(entry.ledger.name, f"seal/{name}", end)
    return Counted(uses, position)
