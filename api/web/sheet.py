"""What a case's page says: its header, its limits explained, its history, its drawing.

Everything here is computed from the state and the events as the interface answers them, with
personal fields masked already; the templates only place it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from api.web.lanes import LANES, Act, Drawing, Limit, drawn
from api.web.texts import Texts
from ledger.case import Case, Data, Json
from ledger.deadline import Deadline
from ledger.lifecycle import Stage
from ledger.office import Office

# Whose lane a limit stands in; all others are the bureau's own.
_LANE = {
    "claim": "supervision",
    "complaint-assign": "supervision",
    "complaint-close": "supervision",
    "bad-review": "supervision",
    "stage:verify": "supervision",
    "stage:penalty": "enforcement",
}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_POLICY = re.compile(r"([a-z][a-z0-9-]*)(?:@(\d+))?")
_DIGEST = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
# Shown elsewhere on the page, or too long for a table.
_ELSEWHERE = frozenset({"terms", "applicant"})
CODED = {
    "kind": ("procedure", "document", "kind", "value", "complaint-kind", "matter-kind", "policy"),
    "documents": ("document",),
    "result": ("document", "value", "complaint-result"),
    "ground": ("complaint-ground", "value"),
    "role": ("role",),
    "suspension": ("rule",),
    "special": ("procedure",),
    "": ("procedure", "value"),
    "level": ("value",),
    "recommend": ("value", "matter-recommend"),
    "outcome": ("value",),
    "medium": ("value",),
    "method": ("value",),
    "what": ("value",),
    "channel": ("channel", "value", "complaint-channel"),
    "permit": ("permit",),
    "state": ("number-state", "standing"),
    "media": ("medium",),
    "purpose": ("value", "purpose"),
    "purposes": ("purpose",),
    "by": ("value",),
    "about": ("value",),
    "day_end": ("value",),
    "scheme": ("value",),
    "push_after": ("value",),
    "responsible_after": ("value",),
    "responsible": ("responsible",),
    "levels": ("value",),
    "actions": ("action",),
}
# What names a thing of a list best, and what tells a reader nothing.
_NAMES = frozenset({"name", "material", "no", "unit", "id", "person", "kind"})
_SILENT = frozenset({"ref", "media_type"})
# What says which thing it is: the code itself is meant.
_OWN = frozenset({"id", "code", "no", "number"})
_ENDED = frozenset({Stage.CLOSED, Stage.DECLINED, Stage.WITHDRAWN})


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the history."""

    number: int
    act: str
    kind: str
    lane: str
    actor: str
    post: str
    organ: str
    client: str | None
    occurred: str
    recorded: str
    gap: str
    late: bool
    position: int
    details: tuple[tuple[str, str], ...]
    flags: tuple[Data, ...]
    leaf: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """One limit as it is explained."""

    name: str
    lane: str
    light: str
    used: str
    rest: str
    unit: str
    start: str
    due: str
    done: str
    why: tuple[str, ...]


def history(events: Iterable[Data], texts: Texts, office: Office) -> tuple[Row, ...]:
    """Tell every event of a case, as it is answered, in the words of the page."""
    return tuple(_row(event, texts, office) for event in events)


def recorded(
    kind: str, version: int, position: int, at: datetime | str | None, texts: Texts
) -> str:
    """Say in one line what has just been recorded."""
    return (
        f"{texts.of('event', kind)} · {texts('case.version')} {version} · "
        f"{texts('case.position')} {position} · {texts.instant(at)}"
    )


def _row(event: Data, texts: Texts, office: Office) -> Row:
    occurred = datetime.fromisoformat(event["occurred_at"])
    recorded = datetime.fromisoformat(event["recorded_at"]) if event["recorded_at"] else None
    actor = event["actor"]
    late = any(raised["flag"] == "late-entry" for raised in event["flags"])
    return Row(
        number=event["version"],
        act=texts.of("event", event["type"]),
        kind=event["type"],
        lane=event["responsibility"],
        actor=actor["name"] or person(actor["person"], office) or _nobody(actor, texts),
        post=texts.of("role", actor["role"]) if actor["role"] else "",
        organ=organ(actor["organ"], office),
        client=actor["client"],
        occurred=texts.instant(occurred),
        recorded=texts.instant(recorded),
        gap=texts.gap(occurred, recorded),
        late=late,
        position=event["position"],
        details=tuple(_details(event, texts, office)),
        flags=tuple(event["flags"]),
        leaf=event.get("leaf_hash"),
    )


def _nobody(actor: Data, texts: Texts) -> str:
    return texts("actor.by-law" if actor["kind"] == "by-law" else "actor.system")


def organ(name: str | None, office: Office) -> str:
    """Return the name of an organ, or its id where it has none."""
    return str(office.organs.get(name or "", {}).get("name") or name or "")


def person(name: str | None, office: Office) -> str:
    """Return the name of a person who holds or held a post, else the id."""
    held = office.posts_of(name)
    return held[0].name if held else str(name or "")


def named_by(code: str, office: Office) -> str:
    """Return the name of whatever of the office a code is of: an organ or a person, else it."""
    return organ(code, office) if code in office.organs else person(code, office)


def policy(code: str, texts: Texts) -> str:
    """Return the name of a policy that comes with us, and its version where one is named."""
    found = _POLICY.fullmatch(code)
    if found is None or not texts.known(f"policy-name.{found[1]}"):
        return code
    name = texts.of("policy-name", found[1])
    return texts("policy-version", name=name, number=found[2]) if found[2] else name


def _details(event: Data, texts: Texts, office: Office) -> Iterable[tuple[str, str]]:
    if event["registers"]:
        given = (f"{name} № {number}" for name, number in event["registers"].items())
        yield texts("data.registers"), ", ".join(given)
    for name, value in event["data"].items():
        if name not in _ELSEWHERE and value not in (None, [], {}):
            yield texts.of("data", name), told(name, value, texts, office)
    for name in ("reason", "basis"):
        if event[name]:
            yield texts(f"data.{name}"), str(event[name])
    if event["source"]:
        yield texts("data.source"), told("source", event["source"], texts, office)


def told(name: str, value: Json, texts: Texts, office: Office) -> str:
    """Write one value of an act on one line: codes in words, digests short, lists by name."""
    if isinstance(value, bool):
        return texts(f"value.{str(value).lower()}")
    if isinstance(value, str):
        if _DIGEST.fullmatch(value):
            return f"{value[:12]}…"
        for kind in CODED.get(name, ()):
            if texts.known(f"{kind}.{value}"):
                return texts.of(kind, value)
        if _INSTANT.match(value):
            return texts.instant(value)
        return policy(value if name in _OWN else named_by(value, office), texts)
    if isinstance(value, Mapping):
        return _mapping(value, texts, office)
    if isinstance(value, Sequence):
        return "；".join(told(name, one, texts, office) for one in value)
    return str(value)


def named(label: str, texts: Texts) -> str:
    """Say in words as what a document was named: the member, and its own name or kind."""
    member, _, name = label.partition(": ")
    said = " · ".join(texts.of("data", part) for part in member.split(".") if part)
    kind = texts.of("document", name) if texts.known(f"document.{name}") else name
    return f"{said} {kind}".strip()


def second(at: int, texts: Texts) -> str:
    """Write a second since 1970 in the ledger's zone; as it is where no calendar has it."""
    try:
        return texts.instant(datetime.fromtimestamp(at, texts.zone))
    except (OverflowError, ValueError, OSError):
        return str(at)


def _mapping(value: Data, texts: Texts, office: Office) -> str:
    parts = [
        f"{texts.of('data', key)} {told(key, one, texts, office)}"
        if key not in _NAMES
        else told(key, one, texts, office)
        for key, one in value.items()
        if one not in (None, [], {}) and key not in _SILENT
    ]
    return " · ".join(parts)


def limits(measured: Sequence[Deadline], texts: Texts) -> tuple[Due, ...]:
    """Explain every limit: what it rests on, what it has used, and what moved it."""
    return tuple(_due(deadline, texts) for deadline in measured)


def _due(deadline: Deadline, texts: Texts) -> Due:
    shown = deadline.document()
    run = deadline.run
    ended = run.ended is not None
    rest = ""
    if deadline.open:
        over = deadline.used - deadline.budget
        late = deadline.light == "red" and over > 0
        rest = texts("why.over", over=over) if late else texts("why.left", left=deadline.left)
    return Due(
        name=texts.of("deadline", run.name),
        lane=_LANE.get(run.name, "approval"),
        light="ended" if ended and run.met is None else deadline.light,
        used=texts("why.used", used=deadline.used, budget=deadline.budget),
        rest=rest,
        unit=texts.of("unit", run.unit),
        start=texts.day(shown["start"]),
        due=texts.day(shown["due"]),
        done=texts.day(shown.get("met_at")),
        why=tuple(_why(deadline, shown, texts)),
    )


def _why(deadline: Deadline, shown: Data, texts: Texts) -> Iterable[str]:
    unit = texts.of("unit", shown["unit"])
    if deadline.budget:
        counted = texts("why.from", start=shown["start"], budget=deadline.budget, unit=unit)
    else:
        counted = texts("why.zero")
    rule = shown["rule"]
    if rule != "deadline.day-after":
        counted = f"{texts.of('rule', rule)} · {counted}"
    yield counted
    if "closes_at" in shown:
        yield texts("why.closes", time=shown["closes_at"])
    if deadline.paused_days:
        yield texts("why.paused", days=deadline.paused_days)
    for moved in shown["moved_by"]:
        yield _moved(moved, texts)
    if shown.get("provisional"):
        yield texts("why.provisional")
    if "ended_at" in shown:
        yield texts("why.ended", date=shown["ended_at"])
    basis = f"{texts('why.basis')} {texts.of('basis', shown['basis'])}"
    yield f"{basis} · {texts('why.calendar')} {shown['calendar_version']}"


def _moved(moved: Data, texts: Texts) -> str:
    cause = texts.of("cause", moved["cause"])
    rule = texts.of("rule", moved["rule"])
    days = {"from": moved["from"], "to": moved["to"]}
    said = texts("why.moved", cause=cause, rule=rule, **days)
    notice = f" · {texts('why.notice')} {moved['notice']}" if moved.get("notice") else ""
    where = f" · № {moved['position']}" if moved.get("position") is not None else ""
    return f"{said}{notice}{where}"


def drawing(
    case: Case,
    events: Sequence[Data] | None,
    measured: Sequence[Deadline],
    texts: Texts,
    office: Office,
    today: date,
) -> Drawing:
    """Draw the case: every act where the history may be read, else its main dates."""
    acts = _acts(events, texts) if events is not None else _milestones(case, texts)
    open_now = any(deadline.open for deadline in measured)
    return drawn(
        acts,
        [_limit(deadline, texts) for deadline in measured],
        today=today,
        running=open_now or case.stage not in _ENDED,
        zone=case.zone,
        days=office.calendars.days("cn", office.ledger),
    )


def _acts(events: Sequence[Data], texts: Texts) -> list[Act]:
    return [
        Act(
            lane=event["responsibility"],
            at=datetime.fromisoformat(event["occurred_at"]),
            number=event["version"],
            label=texts.of("event", event["type"]),
            kind="law" if event["actor"]["kind"] == "by-law" else "act",
        )
        for event in events
        if event["responsibility"] in LANES
    ]


def _milestones(case: Case, texts: Texts) -> list[Act]:
    """Read the main dates out of the state, for who may not read the history."""
    decision, issued = case.decision or {}, case.issued or {}
    found = [
        ("approval", "received", case.received_on),
        ("approval", "deemed-accepted" if case.deemed else "accepted", case.accepted_on),
        ("approval", "decided", decision.get("on")),
        ("approval", "issued", issued.get("on")),
        ("approval", "closed", case.closed_on if case.stage == Stage.CLOSED else None),
    ]
    for push in case.pushes:
        found.append(("approval", "pushed", push["pushed_at"][:10]))
        found.append(("supervision", "claimed", (push["claimed_at"] or "")[:10] or None))
    found += [("supervision", "evaluated", review["on"]) for review in case.reviews]
    acts = []
    for lane, kind, day in found:
        if day is None:
            continue
        on = date.fromisoformat(day) if isinstance(day, str) else day
        at = datetime.combine(on, time(12), case.zone)
        acts.append(Act(lane=lane, at=at, number=0, label=texts.of("event", kind)))
    return acts


def _limit(deadline: Deadline, texts: Texts) -> Limit:
    run = deadline.run
    ended = run.ended is not None and run.met is None
    return Limit(
        lane=_LANE.get(run.name, "approval"),
        label=texts.of("deadline", run.name),
        start=run.start,
        due=deadline.due,
        done=run.met or run.ended,
        light="ended" if ended else deadline.light,
        paused=deadline.paused,
    )


def item(state: Data) -> Data:
    """Tell what the case is about: the item's name, code and kind by its terms."""
    terms = state["terms"] or {}
    code = state["item"] or ""
    return {"name": terms.get("name", code), "code": code, "kind": terms.get("kind")}


def flags(case: Case, state: Data) -> list[Data]:
    """Tell the flags of a case, each with the number of the act that raised it."""
    numbers = {event.id: event.version for event in case.events}
    return [
        {**raised, "number": numbers.get(raised.get("event") or "")} for raised in state["flags"]
    ]
