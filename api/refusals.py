"""Refusals on record: of authority, and conflicts that name a rule, before the answer leaves.

One place for every route and page, so that none of them can forget it.  They go into the
access log, never into the case: into its open line, or for inspection into the sealed one.
"""

from aiohttp import web

from api.access import ENTERED, ON, Entry, register_of
from api.headers import request_id
from api.problems import Handler
from api.routes import ROUTE_OF
from ledger.case import Case
from ledger.errors import Refused
from ledger.office import emergency

# What is put on record when it is refused (403 of authority, and every 409 with a rule).
AUTHORITY = frozenset(
    {"action-not-allowed", "appointment-ended", "beyond-authority", "separation-of-duties"}
)
CONFLICTS = frozenset(
    {
        "wrong-stage", "already-done", "document-mismatch", "seal-not-held", "rule-refused",
        "anchor-shrunk", "anchor-conflict",
    }
)  # fmt: skip


@web.middleware
async def on_record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put what is refused below on record where it has to be, and let it go on."""
    try:
        return await handler(request)
    except Refused as refused:
        await put(request, refused)
        raise


async def put(request: web.Request, refused: Refused) -> None:
    """Record a refusal of authority, or a conflict that names a rule; nothing else."""
    entry = request.get(ENTERED)
    conflict = refused.slug in CONFLICTS and refused.rule is not None
    if entry is None or (refused.slug not in AUTHORITY and not conflict):
        return
    case = await _case(request, entry)
    stream, number, item = request.get(ON, (None, None, None))
    if case is not None:
        stream, number, item = case.stream, request.match_info["case"], case.terms.get("item")
    await entry.ledger.refuse(
        refused,
        action=request.app[ROUTE_OF][request.match_info.route].named(request.match_info),
        by=entry.actor(),
        case=number,
        item=item,
        correlation=request_id(request),
        details={} if stream is None else {"stream": stream},
        sealed=entry.inspects,
        flags=(emergency.TAG,) if _in_emergency(entry) else (),
    )


def _in_emergency(entry: Entry) -> bool:
    """Tell whether the caller is let in by break-glass: then what is refused is tagged too."""
    mine = (held for held in entry.office.emergencies if held.person == entry.caller.person)
    return any(emergency.live(held, entry.now) for held in mine)


async def _case(request: web.Request, entry: Entry) -> Case | None:
    """Return the case that was asked for; what is refused so is there."""
    number = request.match_info.get("case")
    register = None if number is None else register_of(entry, number)
    stream = None if register is None else await entry.ledger.stream_of(*register)
    return None if stream is None else await entry.ledger.peek(stream)
