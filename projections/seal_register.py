"""Every use of every seal (用印登记簿): one row a serial, in order, the void ones too.

A serial is given in the append that seals, so the register has no gap; what became of a use
stands in its row.  `requester` is who asked for it, as the keeper recorded; where nobody was
recorded, who had the case in hand when its document was sealed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ledger.case import Case, Data, Event, Json
from ledger.lifecycle import Role
from ledger.office import Office
from ledger.queries import load
from ledger.standing import Subject, about
from ledger.state import number_of
from projections import seen
from projections.asked import Asked, Mark, Page, of_page, total, wrong_mark
from projections.follow import Batch, Connection, Pool, Projection
from projections.histories import is_case

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset({"from", "to", "kind", "void", "item", "case"})
REGISTER = "seal/"


# -- reading ----------------------------------------------------------------------------------


async def listed(
    reads: Pool,
    ledger: str,
    seal: str,
    scopes: Sequence[seen.Scope],
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    *,
    counted: bool = False,
) -> Page:
    """Return a page of the uses of a seal in the order of their serials.

    `scopes` say what of the register the reader sees: J is all of it.
    """
    asked = Asked(filters)
    if after is not None and not isinstance(after, int):
        raise wrong_mark()
    arguments = (
        ledger,
        *seen.reader(scopes).arguments,
        seal,
        limit + 1,
        after,
        asked.day("from"),
        asked.day("to"),
        asked.text("kind"),
        asked.truth("void"),
        asked.text("item"),
        counted,
        asked.text("case"),
    )
    rows = await reads.fetch(of_page(SQL["listed"], counted=counted), *arguments)
    found = [row for row in rows if row["serial"] is not None]
    return Page(
        tuple(_shown(row) for row in found[:limit]),
        found[limit - 1]["serial"] if len(found) > limit else None,
        rows[0]["shown_position"] if rows else -1,
        total(rows, counted=counted),
    )


def _shown(row: Any) -> Data:  # noqa: ANN401 (asyncpg ships no types)
    return {
        "serial": row["serial"],
        "case": row["case_no"],
        "position": row["position"],
        "recorded_at": _instant(row["recorded_at"]),
        "occurred_at": _instant(row["occurred_at"]),
        "keeper": row["keeper"],
        "keeper_name": row["keeper_name"],
        "requester": row["requester"],
        "terminal": row["terminal"],
        "place": row["place"],
        "reason": row["reason"],
        "medium": row["medium"],
        "copies": row["copies"],
        "document": orjson.loads(row["document"]),
        "item": row["item"],
        "authorised_by": {
            "event": row["authorised_event"],
            "type": row["authorised_type"],
            "position": row["authorised_position"],
            "approver": row["approver"],
        },
        "void": row["void"],
        "void_reason": row["void_reason"],
        "void_position": row["void_position"],
        "voided_at": _instant(row["voided_at"]),
        "voided_by": row["voided_by"],
        "void_approved_by": row["void_approved_by"],
        "replacement": None if row["replacement"] is None else orjson.loads(row["replacement"]),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# -- following --------------------------------------------------------------------------------

USES = frozenset({"sealed", "seal-voided", "correction-approved"})
COLUMNS = (
    "ledger",
    "generation",
    "seal",
    "serial",
    "position",
    "event",
    "stream",
    "case_no",
    "item",
    "seen",
    "recorded_at",
    "occurred_at",
    "on_day",
    "kind",
    "document",
    "medium",
    "copies",
    "reason",
    "keeper",
    "keeper_name",
    "requester",
    "terminal",
    "place",
    "authorised_event",
    "authorised_type",
    "authorised_position",
    "approver",
    "void",
    "void_reason",
    "void_position",
    "voided_at",
    "voided_by",
    "void_approved_by",
    "replacement",
)


async def apply(connection: Connection, batch: Batch) -> None:
    """Write anew the uses of every case in which a seal was used or a use made void."""
    streams = {e.stream for e in batch.events if e.type in USES and is_case(e.stream)}
    streams |= await _of_organs(connection, batch)
    cases = [case for case in await batch.cases(streams) if case.seals]
    if not cases:
        return
    await connection.execute(SQL["remove_cases"], *batch.key, [case.stream for case in cases])
    await connection.copy_records_to_table(
        "seal_use",
        schema_name="projections",
        columns=COLUMNS,
        records=[(*batch.key, *row) for case in cases for row in rows_of(case, batch.office)],
    )


async def _of_organs(connection: Connection, batch: Batch) -> set[str]:
    """Find the cases of organs whose place among the organs has changed."""
    found: set[str] = set()
    for event in batch.events:
        if event.type == "organ-set":
            mark = f"O:{event.data['id']}"
            rows = await connection.fetch(SQL["of_organ"], *batch.key, mark)
            found |= {row["stream"] for row in rows}
    return found


def rows_of(case: Case, office: Office) -> Iterator[tuple[object, ...]]:
    """Tell of each use of a seal in a case what it was for, and what became of it."""
    number = number_of(case, office.ledger)
    for use in case.seals:
        event = case.event(use["event"])
        assert event is not None, "a use of a seal is an event of its case"
        because = case.event(use["authorised_by"]) if use["authorised_by"] else None
        authorised = event.data.get("authorised_by") or {}
        recorded_at = event.recorded_at
        assert recorded_at is not None, "a case that is followed was recorded"
        yield (
            use["seal"],
            use["serial"],
            event.position,
            event.id,
            case.stream,
            number,
            event.data.get("item"),
            seen.marks(_organs(case, event), office),
            recorded_at,
            event.occurred_at,
            case.on(recorded_at),
            use["document"]["kind"],
            _json(use["document"]),
            use["medium"],
            int(event.data.get("copies") or 1),
            event.reason,
            event.actor.person,
            event.actor.name,
            event.data.get("requester") or _in_hand(case, event),
            event.data.get("terminal"),
            event.data.get("place"),
            use["authorised_by"],
            because.type if because else None,
            because.position if because else None,
            authorised.get("approver"),
            *_void(case, use),
        )


def _organs(case: Case, sealed: Event) -> Subject:
    """Read the organs out of the terms in which the case stood when it was sealed.

    Acceptance takes the terms anew; a use of a seal does not move to other readers by that.
    """
    known = (e.data.get("terms") for e in case.events if e.position < sealed.position)
    terms: Data = [t for t in known if t is not None][-1]
    return about(terms, window=case.organ)


def _void(case: Case, use: Data) -> tuple[object, ...]:
    """Tell where and why a use was made void, by whom, and what takes its place."""
    if not use["void"]:
        return False, None, None, None, None, None, None
    same = ("kind", "version")
    acts = [
        e for e in case.events
        if e.type == "seal-voided"
        and e.position > use["position"]
        and all(e.data["document"][name] == use["document"][name] for name in same)
    ]  # fmt: skip
    first = acts[0]
    return (
        True,
        use.get("void_reason"),
        first.position,
        first.recorded_at,
        first.actor.person,
        first.data.get("approved_by"),
        _json(use["replacement"]) if use.get("replacement") else None,
    )


def _in_hand(case: Case, sealed: Event) -> str | None:
    """Name the member of staff who had the case in hand when its document was sealed."""
    holder = None
    for event in case.events:
        if event.position >= sealed.position:
            break
        if event.type in ("received", "transfer-acknowledged"):
            staff = event.actor.role != Role.APPLICANT
            holder = event.actor.person if staff else None
    return holder


def _json(value: Json) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


PROJECTION = Projection(
    name="seal_register",
    apply=apply,
    rows={"seal_use": SQL["rows"]},
    remove={"seal_use": SQL["remove"]},
)
