"""Who did what, in which post, when, and when it was recorded (审计): one row an act.

Refusals stand beside the acts.  They come from the open companion sequence, which has
positions of its own; both sequences take their time from one clock, so time orders them.
An applicant is never named here: their id is personal, and stands encrypted in the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ledger import complaint, complaint_rules, matter_rules
from ledger.case import Actor, Data, Event
from ledger.lifecycle import ACTION_OF, RULES, Action, Responsibility, Role
from ledger.office import Office
from ledger.office.appointment import Post
from ledger.queries import load
from ledger.records import instant
from ledger.standing import Subject, about
from ledger.state import case_number
from projections import seen
from projections.asked import Asked, Mark, Page, of_page, total, wrong_mark
from projections.follow import REFUSALS, Batch, Connection, Pool, Projection
from projections.histories import is_case, is_complaint

SQL = load(Path(__file__).with_suffix(".sql"))

# What acts on complaints and matters are called.
CALLED: Mapping[str, str] = {
    **{rule.event: str(action) for action, rule in complaint_rules.RULES.items()},
    **{event: str(action) for action, event in matter_rules.EVENTS.items()},
}

FILTERS = frozenset(
    {"actor", "organ", "action", "item", "case", "from", "to", "refused", "late_entry"}
)


# -- reading ----------------------------------------------------------------------------------


async def listed(
    reads: Pool,
    ledger: str,
    which: str,
    scopes: Sequence[seen.Scope],
    filters: Mapping[str, str],
    after: Mark | None,
    limit: int,
    *,
    counted: bool = False,
) -> Page:
    """Return a page of acts and refusals in the order of their recording.

    `which` is a responsibility or `all`; `scopes` are the relations of the reader's posts,
    `N` among them for who administers the audit and sees no case.
    """
    asked = Asked(filters)
    reader = seen.reader(scopes)
    no_case = any(letter == "N" for letter, _, _ in scopes)
    from_at, from_day = asked.moment("from")
    to_at, to_day = asked.moment("to")
    arguments = (
        ledger,
        *reader.arguments,
        no_case,
        limit + 1,
        *_behind(after),
        None if which == "all" else which,
        asked.text("actor"),
        asked.text("organ"),
        asked.text("action"),
        asked.text("item"),
        asked.text("case"),
        from_at,
        from_day,
        to_at,
        to_day,
        asked.truth("refused"),
        asked.truth("late_entry"),
        counted,
    )
    rows = await reads.fetch(of_page(SQL["listed"], counted=counted), *arguments)
    found = [row for row in rows if row["position"] is not None]
    following = _mark(found[limit - 1]) if len(found) > limit else None
    position = rows[0]["shown_position"] if rows else -1
    return Page(
        tuple(_shown(row, no_case) for row in found[:limit]),
        following,
        position,
        total(rows, counted=counted),
    )


async def last_acts(reads: Pool, ledger: str, posts: Sequence[Post]) -> dict[str, datetime]:
    """Tell when each of some posts was last acted in; those in which nobody did are left out."""
    rows = await reads.fetch(
        SQL["last_acts"],
        ledger,
        [held.id for held in posts],
        [held.person for held in posts],
        [str(held.role) for held in posts],
        [held.organ for held in posts],
    )
    return {row["id"]: row["recorded_at"] for row in rows}


def _mark(row: Any) -> Mark:  # noqa: ANN401 (asyncpg ships no types)
    return [instant(row["recorded_at"]), int(row["refused"]), row["position"]]


def _behind(after: Mark | None) -> tuple[datetime | None, bool | None, int | None]:
    match after:
        case None:
            return None, None, None
        case [str() as at, int() as refused, int() as position]:
            return datetime.fromisoformat(at), bool(refused), position
    raise wrong_mark()


def _shown(row: Any, no_case: bool) -> Data:  # noqa: ANN401, FBT001
    """Tell a row; who administers the audit sees no case."""
    of_case = row["responsibility"] != Responsibility.ADMINISTRATION or row["case_no"] is not None
    hidden = no_case and of_case
    return {
        "position": row["position"],
        "refused": row["refused"],
        "responsibility": row["responsibility"],
        "action": row["action"],
        "type": row["type"],
        "case": None if hidden else row["case_no"],
        "version": row["version"],
        "item": None if hidden else row["item"],
        "actor": {
            name: row[name]
            for name in ("kind", "person", "name", "role", "organ", "client", "delegator")
        },
        "occurred_at": instant(row["occurred_at"]),
        "recorded_at": instant(row["recorded_at"]),
        "late_entry": row["late_entry"],
        "break_glass": row["break_glass"],
        "reason": None if hidden else row["reason"],
        "slug": row["slug"],
        "rule": row["rule"],
        "earlier_position": row["earlier_position"],
    }


# -- following --------------------------------------------------------------------------------

COLUMNS = (
    "ledger",
    "generation",
    "refused",
    "position",
    "recorded_at",
    "occurred_at",
    "responsibility",
    "action",
    "type",
    "stream",
    "version",
    "case_no",
    "item",
    "kind",
    "person",
    "name",
    "role",
    "organ",
    "client",
    "delegator",
    "late_entry",
    "break_glass",
    "reason",
    "slug",
    "rule",
    "earlier_position",
)
CASE_COLUMNS = (
    "ledger",
    "generation",
    "stream",
    "case_no",
    "item",
    "approving",
    "taken_by",
    "delegator",
    "supervising",
    "enforcing",
    "parts",
    "seen",
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the acts of a case hang on: its number, and its organs so far."""

    stream: str
    number: str
    of: Subject


async def apply(connection: Connection, batch: Batch) -> None:
    """Write one row an event; cases are not folded, their organs are all that is kept."""
    if batch.refusals:
        rows = [(*batch.key, *_refusal(event)) for event in batch.events]
    else:
        known = await _cases(connection, batch)
        rows = [(*batch.key, *_act(event, known.get(event.stream))) for event in batch.events]
    await connection.copy_records_to_table(
        "audit", schema_name="projections", columns=COLUMNS, records=rows
    )


async def _cases(connection: Connection, batch: Batch) -> Mapping[str, Known]:
    """Return the cases of the batch as they are after it, and write those that changed."""
    own = {e.stream for e in batch.events if is_case(e.stream) or is_complaint(e.stream)}
    fresh = {e.stream for e in batch.events if _begins(e)}
    organs = [e.data["id"] for e in batch.events if e.type == "organ-set"]
    known: dict[str, Known] = {}
    changed = set(fresh)
    if own - fresh or organs:
        rows = await connection.fetch(SQL["cases"], *batch.key, list(own - fresh), organs)
        known = {row["stream"]: _read(row) for row in rows}
        changed |= {case.stream for case in known.values() if case.of.approving in organs}
    for event in batch.events:
        before = known.get(event.stream)
        after = _after(event, before, batch.ledger) if event.stream in own else None
        if after is not None:
            known[event.stream] = after
            changed.add(event.stream)
    if changed:
        written = [(*batch.key, *_written(known[s], batch.office)) for s in sorted(changed)]
        await connection.execute(SQL["remove_cases"], *batch.key, list(changed - fresh))
        await connection.copy_records_to_table(
            "audit_case", schema_name="projections", columns=CASE_COLUMNS, records=written
        )
    return known


def _after(event: Event, known: Known | None, ledger: str) -> Known | None:
    """Return what is known of the case after an event, or None where nothing of it changed."""
    data = event.data
    if is_complaint(event.stream):
        return _of_complaint(event, known, ledger)
    if event.type == "received":
        window = data.get("organ") or event.actor.organ
        of = about(data.get("terms", {}), window=window)
        if event.source is not None:
            of = replace(of, item=str(event.source.get("item", "")))
        return Known(event.stream, _number(event, ledger), of)
    assert known is not None, "a case begins with its receipt"
    if "terms" in data:
        of = about(data["terms"], window=known.of.window, parts=known.of.parts)
        return replace(known, of=of)
    if event.type == "transferred":
        parts = known.of.parts | {data["to"]["unit"]}
        return replace(known, of=replace(known.of, parts=parts))
    return None


def _begins(event: Event) -> bool:
    """Tell whether an event is the first of what acts hang on.

    What is said of a person's work past the system hangs on nothing: its acts are shown to
    whose organ did them, and to those with the whole jurisdiction.
    """
    if event.type == "complaint-registered":
        return not complaint.replay((event,), ZoneInfo("UTC")).discreet
    return event.type == "received"


def _of_complaint(event: Event, known: Known | None, ledger: str) -> Known | None:
    """Return what acts on a complaint hang on: its number, who registered it, whose it is."""
    if _begins(event):
        of = complaint.replay((event,), ZoneInfo("UTC"))
        organs = replace(complaint.subject(of), window=of.organ)
        return Known(event.stream, complaint.number_of(of, ledger), organs)
    if known is None or event.type != "complaint-assigned":
        return None
    return replace(known, of=replace(known.of, approving=event.data["unit"]))


def _number(event: Event, ledger: str) -> str:
    numbers = event.data.get("terms", {}).get("policies", {}).get("numbers", {})
    pattern = str(numbers.get("case", "{ledger}-{year}-{number:06d}"))
    register, number = next(iter(event.registers.items()), ("", 0))
    return case_number(register, number, ledger, pattern)


def _read(row: Any) -> Known:  # noqa: ANN401 (asyncpg ships no types)
    of = Subject(
        approving=row["approving"],
        window=row["taken_by"],
        delegator=row["delegator"],
        supervising=tuple(row["supervising"]),
        enforcing=tuple(row["enforcing"]),
        parts=frozenset(row["parts"]),
        item=row["item"],
    )
    return Known(row["stream"], row["case_no"], of)


def _written(case: Known, office: Office) -> tuple[object, ...]:
    of = case.of
    return (
        case.stream,
        case.number,
        of.item,
        of.approving,
        of.window,
        of.delegator,
        list(of.supervising),
        list(of.enforcing),
        sorted(of.parts),
        seen.marks(of, office),
    )


def _act(event: Event, case: Known | None) -> tuple[object, ...]:
    kind, _, name = event.stream.partition(":")
    item = case.of.item if case is not None else name if kind == "item" else None
    return (
        False,
        event.position,
        event.recorded_at,
        event.occurred_at,
        event.responsibility,
        str(ACTION_OF.get(event.type) or CALLED.get(event.type) or event.type),
        event.type,
        event.stream,
        event.version,
        case.number if case is not None else None,
        item,
        *actor(event.actor),
        _flagged(event, "late-entry"),
        _flagged(event, "break-glass"),
        None if event.actor.role == Role.APPLICANT else event.reason,
        None,
        None,
        None,
    )


def _refusal(event: Event) -> tuple[object, ...]:
    data = event.data
    return (
        True,
        event.position,
        event.recorded_at,
        event.occurred_at,
        responsibility_of(data["action"]),
        data["action"],
        event.type,
        data.get("stream", event.stream),
        event.version,
        data.get("case"),
        data.get("item"),
        *actor(event.actor),
        False,
        _flagged(event, "break-glass"),
        None,
        data["slug"],
        data.get("rule"),
        data.get("earlier_position"),
    )


def _flagged(event: Event, name: str) -> bool:
    return any(flag["flag"] == name for flag in event.flags)


def responsibility_of(action: str) -> str:
    """Tell whose duty a refused action would have served; the office's are administration."""
    try:
        if action in frozenset(complaint_rules.Action):
            return str(Responsibility.SUPERVISION)
        if action in frozenset(matter_rules.Action):
            return str(Responsibility.APPROVAL)
        return str(RULES[Action(action)].responsibility)
    except ValueError:
        return str(Responsibility.ADMINISTRATION)


def actor(by: Actor) -> tuple[str | None, ...]:
    """Return kind, person, name, role, organ, client and delegator.

    A person without a post is not named.

    Who has no post here is an applicant, or somebody who speaks for one; staff of another
    system are named as such.
    """
    staff = by.kind == "elsewhere" or by.role not in (None, Role.APPLICANT)
    person, name = (by.person, by.name) if staff else (None, None)
    return by.kind, person, name, by.role, by.organ, by.client, by.delegator


PROJECTION = Projection(
    name="audit_trail",
    apply=apply,
    rows={"audit": SQL["rows"], "audit_case": SQL["rows_of_cases"]},
    remove={"audit": SQL["remove"], "audit_case": SQL["remove_all_cases"]},
    beside=REFUSALS,
)
