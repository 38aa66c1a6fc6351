"""The cards of what stands beside the cases: complaints and matters, as they are told anew.

A matter waits for its cases: its cards are told anew too when something happens to one of
them, whether it still belongs to the matter or not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger import complaint, matter
from ledger.case import Event, Events
from ledger.complaint import Complaint
from ledger.matter import Matter
from ledger.matter_rules import EVENTS, Action
from ledger.office import Office
from projections import complaint_cards, matter_cards, seen
from projections.cards import Card
from projections.follow import Batch
from projections.histories import is_case, is_complaint, is_matter
from projections.limits import beyond
from projections.matters import marks
from projections.unfolded import unfolded

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What is known anew: of which streams, what their cards hang on, and the cards."""

    streams: tuple[str, ...]
    rows: tuple[Row, ...]
    cards: tuple[Card, ...]


async def of_complaints(batch: Batch, moved: Iterable[str]) -> Told:
    """Tell anew the cards of complaints that something happened to, or whose days moved."""
    streams = {s for s in (*moved, *_streams(batch.events)) if is_complaint(s)}
    histories = await batch.histories.at(streams, batch.events, batch.end) if streams else {}
    office = batch.office
    known = [complaint.replay(history, office.zone) for history in histories.values()]
    cards = [
        card
        for history in histories.values()
        for card in complaint_cards.of_complaint(history, office)
    ]
    return Told(tuple(histories), tuple(_complaint(one, office) for one in known), tuple(cards))


def _complaint(of: Complaint, office: Office) -> Row:
    organs = complaint.subject(of)
    return (
        of.stream,
        organs.item or None,
        of.unit or of.organ,
        complaint.marked(of, seen.marks(organs, office)),
        of.registered_on,
        max(map(beyond, of.runs)),
    )


async def of_matters(batch: Batch, moved: Iterable[str], cases: Mapping[str, Events]) -> Told:
    """Tell anew the cards of matters something happened to, and of those that wait for a case.

    `cases` are the histories of the cases that are told anew in this batch.
    """
    streams = {s for s in (*moved, *_streams(batch.events)) if is_matter(s)}
    streams |= {named for history in cases.values() if (named := _matter_of(history[0]))}
    histories = await batch.histories.at(streams, batch.events, batch.end) if streams else {}
    children = {stream: _cases_of(history) for stream, history in histories.items()}
    wanted = {case for named in children.values() for case in named} - cases.keys()
    read = await batch.histories.at(wanted, batch.events, batch.end) if wanted else {}
    office, everything = batch.office, {**cases, **read}
    cards: list[Card] = []
    for stream, history in histories.items():
        # A batch may end between the joining of a case and its receipt, which tells it anew.
        here = (case for case in children[stream] if case in everything)
        of = {case: unfolded(everything[case], office.zone) for case in here}
        cards += matter_cards.of_matter(history, of, office)
    known = [matter.replay(history, office.zone) for history in histories.values()]
    return Told(tuple(histories), tuple(_matter(one, office) for one in known), tuple(cards))


def _matter_of(received: Event) -> str | None:
    """Name the matter in which a case was received, None if it was received in none."""
    named = received.data.get("matter") or {}
    return named.get("stream") if is_case(received.stream) else None


def _cases_of(history: Events) -> list[str]:
    """Name the cases that belong to a matter, or did, in the order in which they joined."""
    return [e.data["case"] for e in history if e.type == EVENTS[Action.JOIN]]


def _matter(of: Matter, office: Office) -> Row:
    runs = (*of.asked, *(() if of.promise is None else (of.promise,)))
    last = max(map(beyond, runs), default=None)
    first = min((run.start for run in runs), default=None)
    return of.stream, None, of.organ, marks(of, office), first, last


def _streams(events: Events) -> set[str]:
    return {event.stream for event in events}
