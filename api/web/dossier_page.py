"""The page of a dossier: the case on paper, in Chinese and in English, in one file.

It runs nothing and fetches nothing: its style stands in it.  Personal fields are masked.  It is
for reading; what proves lies beside it as bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
from markupsafe import Markup

from api.access import Entry
from api.answers import shown_event, shown_state
from api.web import facts, sheet
from api.web.page import environment, static
from api.web.texts import LANGUAGES, Texts
from ledger import records
from ledger.case import Case, Data, Event, replay
from ledger.dossier import Told
from ledger.due import measured
from ledger.office import Office
from ledger.standing import Caller

# The page is the same whoever asked for it: nobody's options are shown.
NOBODY = Caller(person=None)


@dataclass(frozen=True, slots=True)
class Proof:
    """Under which checkpoint the case is shown."""

    origin: str
    size: int
    root: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page is about: events with their leaf hashes, documents, refusals as stored.

    `after` are the positions recorded after the decision.
    """

    events: Sequence[Event]
    leaves: Sequence[bytes]
    documents: Sequence[Told]
    refusals: Sequence[bytes]
    after: Sequence[int]
    proof: Proof


def page(entry: Entry, shown: Shown, at: datetime) -> bytes:
    """Return the page, as known and measured at an instant of the ledger."""
    entry = replace(entry, caller=NOBODY)
    office = entry.office.as_of(shown.proof.size - 1)
    case = replay(shown.events, office.zone)
    events = [
        shown_event(event, entry, case, leaf)
        for event, leaf in zip(shown.events, shown.leaves, strict=True)
    ]
    state = shown_state(case, entry, office, at)
    parts = [
        Markup(_part(Texts(language, office.zone), case, events, state, shown, office, at))  # noqa: S704 (made by our template)
        for language in LANGUAGES
    ]
    style = Markup(static("style.css")[0].decode())  # noqa: S704 (our own file)
    written = (
        environment()
        .get_template("dossier.html")
        .render(t=Texts(LANGUAGES[0], office.zone), number=state["case"], parts=parts, style=style)
    )
    return written.encode()


def _part(
    texts: Texts,
    case: Case,
    events: Sequence[Data],
    state: Data,
    shown: Shown,
    office: Office,
    at: datetime,
) -> str:
    """Write the case in one language."""
    history = sheet.history(events, texts, office)
    return (
        environment()
        .get_template("dossier_part.html")
        .render(
            t=texts,
            ledger=office.ledger,
            at=texts.instant(at),
            state=state,
            item=sheet.item(state),
            flags=sheet.flags(case, state),
            facts=facts.facts(case, state, texts, office),
            notes=facts.notes(case, state, texts, office),
            dues=sheet.limits(measured(case, office, at), texts),
            history=history,
            documents=[
                {**one, "as": [sheet.named(label, texts) for label in one["as"]]}
                for one in shown.documents
            ],
            after=frozenset(shown.after),
            refusals=[_refusal(record, texts, office) for record in shown.refusals],
            proof=shown.proof,
        )
    )


def _refusal(record: bytes, texts: Texts, office: Office) -> Data:
    """Tell one refusal: when, who, what, and by which rule."""
    header, body = map(orjson.loads, records.split(record))
    actor, data = body["actor"], body["data"]
    action = str(data.get("action", ""))
    known = texts.known(f"action.{action}")
    return {
        "at": texts.instant(header["recorded_at"]),
        "position": header["position"],
        "who": actor.get("name")
        or sheet.person(actor.get("person"), office)
        or actor.get("client")
        or "",
        "organ": sheet.organ(actor.get("organ"), office),
        "action": texts.of("action", action) if known else action,
        "slug": data.get("slug", ""),
        "rule": data.get("rule", ""),
    }
