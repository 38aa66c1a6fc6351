"""The header of a case's page, and the notes beside its limits: seals, pushes, reviews."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from api.web.sheet import organ, person, policy, told
from api.web.texts import Texts
from ledger.case import Case, Data, Events
from ledger.lifecycle import Role, Stage
from ledger.office import Office

Fact = tuple[str, str, str]
# At which stages a case waits for each post, if nobody has taken it in hand.
WAITS: Mapping[Role, Sequence[Stage]] = {
    Role.CLERK: (Stage.RECEIVED, Stage.SUPPLEMENTING, Stage.ACCEPTED),
    Role.HANDLER: (Stage.IN_REVIEW,),
    Role.CHECKER: (Stage.IN_REVIEW,),
    Role.APPROVER: (Stage.IN_REVIEW, Stage.SUSPENDED),
    Role.SEALER: (Stage.DECIDED,),
    Role.ISSUER: (Stage.SEALED,),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a note; a void one is struck through."""

    text: str
    small: str = ""
    void: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A heading with its lines."""

    title: str
    lines: tuple[Line, ...]


def facts(case: Case, state: Data, texts: Texts, office: Office) -> tuple[Fact, ...]:
    """Tell the main facts of a case: label, value, remark."""
    found = [
        _applicant(state, texts),
        (texts("case.channel"), texts.of("channel", state["channel"]), ""),
        (texts("case.received"), texts.day(state["received_on"]), ""),
        (texts("case.accepted"), texts.day(state["accepted_on"]), _deemed(case, texts)),
        _holder(state, texts, office),
        _organs(state, texts, office),
        _decision(state, texts),
        (texts("case.closed"), texts.day(state["closed_on"]), ""),
        (
            texts("case.version"),
            str(state["version"]),
            f"{texts('case.position')} {state['position']}",
        ),
    ]
    if state["outstanding"]:
        found.append((texts("case.outstanding"), "；".join(state["outstanding"]), ""))
    if state["source"]:
        where = " · ".join(str(v) for v in state["source"].values())
        found.append((texts("data.source"), where, texts("case.imported")))
    return tuple(found)


def _applicant(state: Data, texts: Texts) -> Fact:
    applicant = state["applicant"] or {}
    agent = applicant.get("agent") or {}
    remark = texts("case.masked")
    if agent.get("name"):
        remark = f"{texts('case.agent')} {agent['name']} · {remark}"
    return texts("case.applicant"), str(applicant.get("name") or "—"), remark


def _deemed(case: Case, texts: Texts) -> str:
    return texts("event.deemed-accepted") if case.deemed else ""


def holder_of(state: Data, texts: Texts, office: Office) -> str:
    """Say who holds a case now; of one in nobody's hands which post it waits for, and where."""
    holder = state["holder"] or {}
    unit = holder.get("unit") or (state["terms"] or {}).get("organs", {}).get("approving")
    named = [person(holder.get("person"), office), organ(holder.get("unit"), office)]
    waits = [texts.of("role", role) for role, at in WAITS.items() if state["stage"] in at]
    if not holder.get("person") and waits:
        roles = texts("list.or").join(waits)
        named = [organ(unit, office), texts("case.waits-for", roles=roles)]
    return " · ".join(name for name in named if name) or "—"


def _holder(state: Data, texts: Texts, office: Office) -> Fact:
    pending = state["transfer"]
    remark = ""
    if pending is not None:
        to = pending["to"]
        taker = person(to.get("person"), office) or organ(to.get("unit"), office)
        remark = f"{texts('case.pending')}: {taker}"
    return texts("case.holder"), holder_of(state, texts, office), remark


def _organs(state: Data, texts: Texts, office: Office) -> Fact:
    organs = (state["terms"] or {}).get("organs", {})
    named = []
    for part in ("approving", "supervising", "enforcing"):
        value = organs.get(part) or []
        many = [value] if isinstance(value, str) else value
        named.append("、".join(organ(one, office) for one in many) or "—")
    return texts("case.organs"), " · ".join(named), ""


def _decision(state: Data, texts: Texts) -> Fact:
    decision = state["decision"]
    if decision is None:
        return texts("case.decision"), "—", ""
    said = texts.of("outcome", decision["outcome"])
    if decision.get("permit"):
        said = f"{said} · {texts.of('permit', decision['permit'])}"
    document = decision.get("document") or {}
    named = texts.of("document", document["kind"]) if document else ""
    return (
        texts("case.decision"),
        f"{said} {decision['on']}",
        f"{named} {document.get('number') or ''}",
    )


def notes(case: Case, state: Data, texts: Texts, office: Office) -> tuple[Note, ...]:
    """Tell what else became of the case, under its headings; empty ones are left out."""
    found = (
        Note(texts("case.seals"), tuple(_seals(state, texts, office))),
        Note(texts("case.pushes"), tuple(_pushes(state, texts, office))),
        Note(texts("case.reviews"), tuple(_reviews(state, texts))),
        *correction_note(case.events, state["corrections"], texts, office),
    )
    return tuple(note for note in found if note.lines)


def correction_note(
    events: Events, corrections: Sequence[Data], texts: Texts, office: Office
) -> tuple[Note, ...]:
    """Tell what was put right, or is proposed to be."""
    lines = tuple(_corrections(events, corrections, texts, office))
    return (Note(texts("case.corrections"), lines),) if lines else ()


def _seals(state: Data, texts: Texts, office: Office) -> Iterable[Line]:
    for use in state["seals"]:
        document = use["document"]
        serial = f"{use['seal']} {texts('case.serial')} {use['serial']}"
        medium = texts.of("medium", use["medium"])
        text = f"{texts.of('document', document['kind'])} v{document['version']} · {medium}"
        void = f" · {texts('case.void')} {use.get('void_reason') or ''}" if use["void"] else ""
        by = f"{serial} · {person(use['by'], office)} · {document['sha256'][:12]}…{void}"
        yield Line(text, by + _circumstances(use, texts, office), void=use["void"])


def _circumstances(use: Data, texts: Texts, office: Office) -> str:
    """Tell who asked for a use of a seal, and where it was made, as far as that is recorded."""
    said = {name: use[name] for name in ("requester", "terminal", "place") if name in use}
    if "requester" in said:
        said["requester"] = person(said["requester"], office)
    return "".join(f" · {texts.of('data', name)} {value}" for name, value in said.items())


def _pushes(state: Data, texts: Texts, office: Office) -> Iterable[Line]:
    for push in state["pushes"]:
        text = f"{organ(push['to'], office)} {texts.instant(push['pushed_at'])}"
        if push["claimed_at"]:
            claimed = f"{texts('case.claimed')} {texts.instant(push['claimed_at'])}"
        else:
            claimed = texts("case.unclaimed")
        answers = texts.of("responsible", push["responsible"])
        yield Line(text, f"{claimed} · {answers} · {policy(push['policy'], texts)}")


def _reviews(state: Data, texts: Texts) -> Iterable[Line]:
    for review in state["reviews"]:
        grade = f"{texts('case.grade')} {review['grade']} / 5 · {review['on']}"
        yield Line(grade, str(review.get("text") or ""))


def _corrections(
    events: Events, corrections: Sequence[Data], texts: Texts, office: Office
) -> Iterable[Line]:
    for correction in corrections:
        fields = correction.get("fields") or {}
        changed = " · ".join(
            f"{texts.of('data', name)} → {told(name, value, texts, office)}"
            for name, value in fields.items()
        )
        said = texts("case.approved" if correction["approved"] else "case.proposed")
        by = person(correction["by"], office)
        approver = person(correction.get("approved_by"), office)
        text = f"{called(events, correction, texts)}: {changed}"
        yield Line(text, " · ".join(n for n in (said, by, approver) if n))


def called(events: Events, correction: Data, texts: Texts) -> str:
    """Name a correction by the act that it puts right, and its number in the history."""
    version = next((e.version for e in events if e.id == correction["event"]), None)
    number = f" № {version}" if version is not None else ""
    return f"{texts.of('event', correction['of'])}{number}"
