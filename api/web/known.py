"""A case as it was known at a time or a position, beside what is known now."""

from collections.abc import Sequence
from datetime import datetime

from aiohttp import web

from api.access import Entry, reading
from api.answers import shown_event, shown_state
from api.cases import moment
from api.web import facts, sheet
from api.web.differing import differences
from api.web.page import rendered
from api.web.replaying import beside
from api.web.texts import Texts
from api.web.within import head
from ledger import records
from ledger.case import Case, replay
from ledger.errors import Refused
from ledger.store import Row


async def as_known(
    request: web.Request, texts: Texts, entry: Entry, case: Case, rows: Sequence[Row]
) -> web.StreamResponse:
    """Show what the ledger knew of a case then, what it knows now, and what came between."""
    reading(entry, "history", case)
    texts = Texts(texts.language, entry.office.zone)
    asked = request.query["as_of"].strip()
    position, at = await moment(entry, _with_offset(asked, texts), "as_of")
    events = [records.decode(row) for row in rows if row.position <= position]
    then = replay(events, entry.office.zone)
    office = entry.office.as_of(position)
    since = [shown_event(records.decode(r), entry, case, r.leaf) for r in rows[then.version :]]
    now = shown_state(case, entry, entry.office, entry.now)
    known = shown_state(then, entry, office, at) if then.version else {}
    return rendered(
        request,
        "known.html",
        texts,
        **head(entry, texts),
        number=now["case"],
        item=sheet.item(now),
        asked=f"{at.astimezone(texts.zone):%Y-%m-%dT%H:%M:%S}",
        at=at,
        position=position,
        version=then.version,
        sides=beside(
            facts.facts(then, known, texts, office) if known else (),
            facts.facts(case, now, texts, entry.office),
        ),
        stages=(known.get("stage"), now["stage"]),
        differences=differences(known, now, texts, entry.office),
        since=sheet.history(since, texts, entry.office),
    )


def _with_offset(text: str, texts: Texts) -> str:
    """Give a local time, as the form sends it, the offset of the ledger's zone."""
    if text.isascii() and text.isdigit():
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    if at.tzinfo is not None:
        return text
    try:
        return at.replace(tzinfo=texts.zone).isoformat()
    except (OverflowError, ValueError):
        raise Refused("invalid-parameter", "as_of: no such time") from None
