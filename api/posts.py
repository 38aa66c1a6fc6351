"""What wants looking at in the posts of a ledger: `GET /posts/check`."""

from aiohttp import web

from api import headers
from api.access import enter, not_given
from api.answers import of_list
from ledger.lifecycle import Role
from ledger.office import upkeep
from projections import audit_trail

# Administrators of posts and of the audit, and inspection, which reads everything (SECURITY 3.1).
READERS = (Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.INSPECTOR, Role.INSPECTION_LEAD)


async def check(request: web.Request) -> web.Response:
    """List the posts that join what must stay apart, run out, or are not used."""
    entry = await enter(request)
    if not entry.roles() & set(READERS):
        raise not_given(entry, READERS, "the posts")
    page = headers.page(request, entry.caller.person, "posts", {"rule"}, countable=True)
    rule = page.filters.get("rule")
    if rule is not None:
        headers.choice(rule, "rule", upkeep.RULES)
    office = entry.office
    on = entry.now.astimezone(office.zone).date()
    await entry.service.caught_up(entry.ledger.name, -1, (audit_trail.PROJECTION.name,))
    posts = [held for held in office.posts if held.active(on)]
    used = await audit_trail.last_acts(entry.service.reads, entry.ledger.name, posts)
    found = [n for n in upkeep.noted(office, on, used) if rule in (None, n.rule)]
    begin = page.after if isinstance(page.after, int) else 0
    end = begin + page.limit
    items = [
        {
            "rule": n.rule,
            "person": n.person,
            "appointments": list(n.appointments),
            "day": n.day.isoformat() if n.day is not None else None,
        }
        for n in found[begin:end]
    ]
    following = page.cursor(end if end < len(found) else None)
    return of_list(items, following, len(found) if page.counted else None)
