"""The cards of a case on its page: what each is for, who has to answer it, and how it stands.

They are the rows of the list of alerts, by the same reading: whoever has no list reads their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from api import alerts
from api.access import Entry
from api.web.cells import Cell, Teller
from api.web.list_columns import ALERTS
from api.web.texts import Texts
from ledger.case import Case, Data
from ledger.errors import Refused
from ledger.state import number_of
from projections import timeout_alerts

MOST = 50
# Of one case each row would say the same there.
COLUMNS = tuple(c for c in ALERTS if c[0] not in ("col.case", "col.item", "list.organ"))
OPEN = frozenset({"raised", "answered"})

Lines = Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of a case, those that still stand apart from those that are over.

    `behind` is up to where they are told, if that is before the newest act; `own` says that
    only the reader's own are.
    """

    heads: Sequence[str]
    standing: Lines
    over: Lines
    behind: int | None
    own: bool


async def of_case(entry: Entry, case: Case, texts: Texts) -> Cards | None:
    """Return the cards of a case that the caller may see; None where there are none."""
    try:
        seen = alerts.seen_by(entry)
    except Refused:
        return None
    filters = {"case": number_of(case, entry.ledger.name)}
    found = await timeout_alerts.listed(
        entry.service.reads, entry.ledger.name, seen, filters, None, MOST, entry.now,
        person=entry.caller.person,
    )  # fmt: skip
    if not found.items:
        return None
    teller = Teller(entry, texts)
    return Cards(
        [texts(key) for key, _ in COLUMNS],
        _lines((card for card in found.items if card["state"] in OPEN), teller),
        _lines((card for card in found.items if card["state"] not in OPEN), teller),
        found.position if found.position < case.position else None,
        own=not seen,
    )


def _lines(cards: Iterable[Data], teller: Teller) -> Lines:
    return [[make(teller, card) for _, make in COLUMNS] for card in cards]
