"""Early, yellow and red cards (预警 黄牌 红牌): a function of the ledger and of time.

Nothing is appended because time passes.  The instants are stored at which cards are raised,
also those to come; a reader compares them with the ledger's clock.  Whatever happens to a
case, all its cards are told anew, so a rebuild tells the same ones at the same instants.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ledger.case import Case, Data, Events
from ledger.office import Office, appointment
from ledger.queries import load
from ledger.records import instant
from projections import cards, cards_beside, seen
from projections.asked import Asked, Mark, Page, of_page, total, wrong_mark
from projections.cards import Card
from projections.cards_beside import Told
from projections.follow import REFUSALS, Batch, Connection, Pool, Projection
from projections.histories import is_case
from projections.limits import far, moved
from projections.unfolded import unfolded

SQL = load(Path(__file__).with_suffix(".sql"))

FILTERS = frozenset({"level", "organ", "item", "state", "deadline", "case"})
LEVELS = frozenset({"early", "yellow", "red"})
STATES = frozenset({"raised", "answered", "closed", "withdrawn"})
# What raises or closes a card that hangs on no case.
OF_OFFICE = frozenset({"seal-reconciled", "appointment-approved", "appointment-reviewed"})


# -- reading ----------------------------------------------------------------------------------


async def listed(
    reads: Pool,
    ledger: str,
    scopes: Sequence[seen.Scope],
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    now: datetime,
    *,
    person: str | None = None,
    counted: bool = False,
    card: str | None = None,
) -> Page:
    """Return a page of the cards raised by now, the newest first.

    `scopes` are the relations of the reader's posts; `person` also sees what is addressed to
    them.  `now` is the ledger's time.  `card` is the id of the only one that is asked for.
    """
    asked = Asked(filters)
    arguments = (
        ledger,
        *seen.reader(scopes).arguments,
        now,
        limit + 1,
        person,
        *_before(after),
        asked.one_of("level", LEVELS),
        asked.text("deadline"),
        asked.text("case"),
        asked.text("organ"),
        asked.text("item"),
        asked.one_of("state", STATES),
        counted,
        card,
    )
    rows = await reads.fetch(of_page(SQL["listed"], counted=counted), *arguments)
    found = [row for row in rows if row["id"] is not None]
    last = found[limit - 1] if len(found) > limit else None
    following = [instant(last["raised_at"]), last["id"]] if last else None
    position = rows[0]["shown_position"] if rows else -1
    return Page(
        tuple(_shown(row) for row in found[:limit]),
        following,
        position,
        total(rows, counted=counted),
    )


async def one(reads: Pool, ledger: str, card: str, case_no: str, now: datetime) -> Data | None:
    """Return a card of a case, with the organs that answer for it; None where there is none."""
    everything = (("J", "", None),)
    page = await listed(reads, ledger, everything, {"case": case_no}, None, 1, now, card=card)
    return page.items[0] if page.items else None


def _answering_organs(row: Any) -> Sequence[str]:  # noqa: ANN401 (asyncpg ships no types)
    """Name the organs whose heads answer for a card."""
    return sorted({post.rpartition("@")[2] for post in row["posts"]} or {row["organ"]})


def _before(after: Mark | None) -> tuple[datetime | None, str | None]:
    match after:
        case None:
            return None, None
        case [str() as at, str() as card]:
            return datetime.fromisoformat(at), card
    raise wrong_mark()


def _shown(row: Any) -> Data:  # noqa: ANN401 (asyncpg ships no types)
    zone = ZoneInfo(row["zone"])
    told: dict[str, object] = {
        "id": row["id"],
        "case": row["case_no"],
        "item": row["item"],
        "organ": row["organ"],
        "deadline": row["deadline"],
        "due": _day(row["due"]),
        "rule": row["rule"],
        "level": row["level"],
        "policy": row["policy"],
        "raised_at": row["raised_at"].astimezone(zone).isoformat(),
        "addressees": list(row["addressees"]),
        "organs": _answering_organs(row),
        "answer_by": _day(row["answer_by"]),
        "state": row["state"],
    }
    if row["state"] == "withdrawn":
        told["reason"] = row["reason"]
    if row["answered_at"] is not None:
        told["answered_at"] = row["answered_at"].astimezone(zone).isoformat()
        told["answered_by"] = row["answered_by"]
    if row["again_at"] is not None:
        told["raised_again_at"] = row["again_at"].astimezone(zone).isoformat()
    return told


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


# -- following --------------------------------------------------------------------------------

_FIELDS = tuple(field.name for field in fields(Card))
_values = attrgetter(*_FIELDS)
COLUMNS = ("ledger", "generation", *_FIELDS)
CASE_COLUMNS = (
    "ledger",
    "generation",
    "stream",
    "item",
    "organ",
    "seen",
    "first_day",
    "last_day",
)
ANSWER_COLUMNS = (
    "ledger",
    "generation",
    "position",
    "alert",
    "at",
    "person",
    "withdrawn",
    "reason",
)
POST_COLUMNS = ("ledger", "generation", "appointment", "post", "person", "since", "until")


async def apply(connection: Connection, batch: Batch) -> None:
    """Tell anew the cards of every case that something happened to, and of each refusal.

    What changes is counted out before and in behind.
    """
    if not batch.events:
        return
    await connection.execute(SQL["counting"])
    if batch.refusals:
        found = [cards.of_refusal(event, batch.office) for event in batch.events]
        raised = [card for card in found if card is not None]
        await _write(connection, batch, raised)
        await connection.execute(SQL["count_in"], *batch.key, [], [card.id for card in raised])
        return
    await connection.execute(SQL["count_raised"], *batch.key, batch.events[-1].recorded_at)
    every = await _told(connection, batch)
    changing = {stream for told in every for stream in told.streams}
    changing |= {event.stream for event in batch.events if event.type in OF_OFFICE}
    streams = sorted(changing)
    await connection.execute(SQL["count_out"], *batch.key, streams)
    await _posts(connection, batch)
    await _answering(connection, batch)
    await _answers(connection, batch)
    await _reconciled(connection, batch)
    await _emergencies(connection, batch)
    for told in every:
        await _told_anew(connection, batch, told)
    await connection.execute(SQL["count_in"], *batch.key, streams, [])


async def _told(connection: Connection, batch: Batch) -> list[Told]:
    """Tell the cards of every case, complaint and matter of a batch, and what a day moved."""
    changed = batch.streams | await moved(
        connection, batch, SQL["moved_by_calendar"], SQL["of_organ"]
    )
    histories = await batch.histories.at(filter(is_case, changed), batch.events, batch.end)
    every = (
        _of_cases(histories, batch.office),
        await cards_beside.of_complaints(batch, changed),
        await cards_beside.of_matters(batch, changed, histories),
    )
    return [told for told in every if told.streams]


def _of_cases(histories: Mapping[str, Events], office: Office) -> Told:
    known = [unfolded(histories[stream], office.zone) for stream in sorted(histories)]
    return Told(
        tuple(histories),
        tuple(_case(case, office) for case, _ in known),
        tuple(card for case, then in known for card in cards.of_case(case, then, office)),
    )


async def _told_anew(connection: Connection, batch: Batch, told: Told) -> None:
    """Put what is known anew in the place of what was known before."""
    await connection.execute(SQL["remove_cases"], *batch.key, list(told.streams))
    await connection.copy_records_to_table(
        "alert_case",
        schema_name="projections",
        columns=CASE_COLUMNS,
        records=[(*batch.key, *row) for row in told.rows],
    )
    await connection.execute(SQL["remove_of_cases"], *batch.key, list(told.streams))
    await _write(connection, batch, told.cards)


async def _write(connection: Connection, batch: Batch, told: Iterable[Card]) -> None:
    records = [(*batch.key, *_values(card)) for card in told]
    if records:
        await connection.copy_records_to_table(
            "alert", schema_name="projections", columns=COLUMNS, records=records
        )


def _case(case: Case, office: Office) -> tuple[object, ...]:
    of = seen.of_case(case)
    last = far(case)
    return (
        case.stream,
        case.terms.get("item", (case.source or {}).get("item")),
        of.approving or None,
        seen.marks(of, office),
        case.received_on if last else None,
        last,
    )


async def _answers(connection: Connection, batch: Batch) -> None:
    """Keep who answered or withdrew which card."""
    records = [
        (
            *batch.key,
            event.position,
            event.data["alert"],
            event.recorded_at,
            event.actor.person,
            event.type == "alert-withdrawn",
            event.reason,
        )
        for event in batch.events
        if event.type in ("alert-answered", "alert-withdrawn")
    ]
    if records:
        await connection.copy_records_to_table(
            "alert_answer", schema_name="projections", columns=ANSWER_COLUMNS, records=records
        )


async def _posts(connection: Connection, batch: Batch) -> None:
    """Keep who holds which post: they are the addressees of what is raised meanwhile."""
    streams = {e.stream for e in batch.events if e.stream.startswith("appointment:")}
    if not streams:
        return
    records = []
    for stream in sorted(streams):
        thing = batch.office.existing(stream)
        held = appointment.post(thing)
        if held is not None and held.delegator is None:
            zone = batch.office.zone
            ends = [at for at in (_day_after(held.until, zone), thing.ended) if at is not None]
            since = _midnight(held.since, zone)
            post = f"{held.role}@{held.organ}"
            until = min(ends, default=None)
            records.append((*batch.key, held.id, post, held.person, since, until))
    ids = [stream.partition(":")[2] for stream in streams]
    await connection.execute(SQL["remove_posts"], *batch.key, ids)
    await connection.copy_records_to_table(
        "alert_post", schema_name="projections", columns=POST_COLUMNS, records=records
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _day_after(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else _midnight(day + timedelta(days=1), zone)


async def _answering(connection: Connection, batch: Batch) -> None:
    """Look again at refusals that were followed before a rule that was in force by then.

    The two sequences are followed one after the other, their times are one clock's: only so
    does a rebuild, which reads one wholly before the other, tell the same.
    """
    rules = [e for e in batch.events if e.stream.startswith(("calendar:", "policy:alerts-"))]
    since = min((e.recorded_at for e in rules if e.recorded_at), default=None)
    if since is None:
        return
    for row in await connection.fetch(SQL["refusals_since"], *batch.key, since):
        at = row["raised_at"].astimezone(UTC)
        await connection.execute(
            SQL["answer_refusal"], *batch.key, row["id"], *cards.answering(at, batch.office)
        )


async def _reconciled(connection: Connection, batch: Batch) -> None:
    """Raise a card where a seal was counted and differs; close it where it agrees again."""
    for event in batch.events:
        if event.type == "seal-reconciled":
            card = cards.of_reconciliation(event, batch.office)
            if card is not None:
                await _write(connection, batch, (card,))
            else:
                await connection.execute(
                    SQL["close_of_office"], *batch.key, event.stream, event.recorded_at
                )


async def _emergencies(connection: Connection, batch: Batch) -> None:
    """Raise a card where somebody was let in by break-glass; close it once that was reviewed."""
    for event in batch.events:
        if event.type == "appointment-approved":
            card = cards.of_emergency(event, batch.office)
            await _write(connection, batch, (card,) if card is not None else ())
        elif event.type == "appointment-reviewed":
            at = event.recorded_at
            await connection.execute(SQL["close_of_office"], *batch.key, event.stream, at)


PROJECTION = Projection(
    name="timeout_alerts",
    apply=apply,
    rows={
        "alert": SQL["rows"],
        "alert_case": SQL["rows_of_cases"],
        "alert_post": SQL["rows_of_posts"],
        "alert_answer": SQL["rows_of_answers"],
        "alert_count": SQL["rows_of_counts"],
    },
    remove={
        "alert": SQL["remove"],
        "alert_case": SQL["remove_all_cases"],
        "alert_post": SQL["remove_all_posts"],
        "alert_answer": SQL["remove_all_answers"],
        "alert_count": SQL["remove_all_counts"],
        "alert_counted": SQL["remove_counted"],
    },
    beside=REFUSALS,
)
