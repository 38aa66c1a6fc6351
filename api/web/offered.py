"""What a form offers: who and what is there to choose, and what is likely meant.

A choice only helps to type; what is chosen is checked where it is recorded.
"""

from collections.abc import Mapping, Sequence

from api.access import Entry
from api.web import correcting
from api.web.forms import flat
from api.web.sheet import organ, policy
from api.web.texts import Texts, catalogue
from ledger.case import Case, Data
from ledger.lifecycle import MAY, Action, Role
from ledger.office import Office

Choices = Sequence[tuple[str, str]]

MOST_OFFERED = 300
_ORGANS = ("to", "to.unit", "organ", "unit")
_PERSONS = (
    "to.person", "approved_by", "presider", "requester", "about", "site.persons", "officers",
    "persons",
)  # fmt: skip
_CORRECTED = ("missing.material", "corrected.material", "materials.name")


# What the same post usually does next: the form of it is one press away.
NEXT: Mapping[Action, Action] = {
    Action.RECEIVE: Action.ACCEPT,
    Action.ACCEPT: Action.TRANSFER,
    Action.ISSUE: Action.PUBLISH,
    Action.PUBLISH: Action.PUSH,
    Action.PUSH: Action.CLOSE,
    Action.CLOSE: Action.ARCHIVE,
}


def following(action: Action, entry: Entry) -> Action | None:
    """Return what comes next for one of the caller's posts; None where it is not theirs."""
    then = NEXT.get(action)
    if then is None or not {may.role for may in MAY[then]} & entry.roles():
        return None
    return then


def choices(entry: Entry, case: Case, texts: Texts) -> Mapping[str, Choices]:
    """Return what may be chosen in a form of an act on a case, by the place of the field."""
    office = entry.office
    names = [(name, name) for name in materials(case.terms)]
    return {
        **_as_corrected(dict.fromkeys(_ORGANS, _organs(office))),
        **_as_corrected(dict.fromkeys(_PERSONS, _persons(entry))),
        "handed_over": [(str(m["sha256"]), str(m["name"])) for m in case.materials],
        "seal": _seals(entry),
        "document.kind": _documents(case.terms, texts),
        "kind": _documents(case.terms, texts),
        "missing.material": names,
        "tolerant.material": names,
        "corrected.material": names,
        "materials.name": names,
        **{f"fields.{place}": names for place in _CORRECTED},
        "event": correcting.proposals(case.events, case.corrections, texts),
    }


def _as_corrected(choices: Mapping[str, Choices]) -> Mapping[str, Choices]:
    """Offer the same where a correction asks for what the act said."""
    return {**choices, **{f"fields.{place}": offered for place, offered in choices.items()}}


def of_receipt(entry: Entry, item: str, texts: Texts) -> Mapping[str, Choices]:
    """Return what may be chosen at the window."""
    names = [(name, name) for name in materials(_content(entry.office, item))]
    schemes = [(code, texts.of("value", code)) for code in ("USCC", "ID")]
    return {
        "item": items(entry),
        "materials.name": names,
        "materials.media_type": [("application/pdf", "PDF"), ("image/jpeg", "JPEG")],
        "applicant.id_scheme": schemes,
        "applicant.agent.id_scheme": schemes,
    }


def of_numbered(entry: Entry, texts: Texts, told: Data) -> Mapping[str, Choices]:
    """Return what may be chosen in a form of an act on a complaint or a matter."""
    organs = _organs(entry.office)
    return {
        **_as_corrected(dict.fromkeys(("unit", "to", "organ", "about.unit"), organs)),
        **_as_corrected({"about.person": _persons(entry)}),
        **_as_corrected(dict.fromkeys(("items", "about.item"), items(entry))),
        "applicant.id_scheme": [(code, texts.of("value", code)) for code in ("USCC", "ID")],
        "case": [(one["case"], one["item_name"]) for one in told.get("cases", ()) if one["case"]],
        "request": [
            (one["request"], f"{organ(one['organ'], entry.office)}: {one['question']}")
            for one in told.get("opinions", ())
            if one["state"] == "missing"
        ],
    }


def of_office(entry: Entry, texts: Texts) -> Mapping[str, Choices]:
    """Return what may be chosen in a form of the bureau's own set-up."""
    organs, persons = _organs(entry.office), _persons(entry)
    policies: dict[str, list[tuple[str, str]]] = {}
    for thing in entry.office.things("policy"):
        kind = thing.current.content.get("kind", "") if thing.current is not None else ""
        policies.setdefault(f"policies.{kind}", []).append((thing.id, policy(thing.id, texts)))
    return {
        **dict.fromkeys(
            ("organ", "organs.approving", "organs.supervising", "organs.enforcing",
             "organs.notified", "opinions", "delegator"), organs,
        ),
        **dict.fromkeys(("person", "to", "keeper"), persons),
        "items": items(entry),
        **policies,
    }  # fmt: skip


def items(entry: Entry) -> Choices:
    """Return items in force, by code; of a province's catalogue only the first ones."""
    found: list[tuple[str, str]] = []
    for thing in entry.office.things("item"):
        version = thing.at(entry.now)
        if version is not None and thing.ended is None:
            found.append((thing.id, f"{thing.id} {version.content.get('name', '')}"))
        if len(found) == MOST_OFFERED:
            break
    return sorted(found)


def materials(terms: Data) -> tuple[str, ...]:
    """Return the names of the materials that an item asks for."""
    listed = terms.get("materials")
    if listed:
        return tuple(str(one["name"]) for one in listed if isinstance(one, Mapping))
    text = str((terms.get("elements") or {}).get("materials", ""))
    return tuple(part.strip() for part in text.split("；") if part.strip())


def received(item: str, entry: Entry) -> dict[str, str]:
    """Return what the form of the window begins with, once an item is chosen."""
    given = {"channel": "window"}
    if item:
        given["item"] = item
    for n, name in enumerate(materials(_content(entry.office, item))):
        given[f"materials.{n}.name"] = name
        given[f"materials.{n}.media_type"] = "application/pdf"
    given.setdefault("materials.0.media_type", "application/pdf")
    return given


def defaults(action: Action, case: Case, entry: Entry) -> dict[str, str]:
    """Return what the form of an act begins with: what it can only be, or most likely is."""
    match action:
        case Action.ACCEPT:
            return _points(case, "accept")
        case Action.REVIEW:
            level = "check" if Role.CHECKER in entry.roles() else "handle"
            return {"level": level, **_points(case, "review")}
        case Action.TRANSFER:
            unit = case.terms.get("organs", {}).get("approving", "")
            papers = {f"handed_over.{n}": m["sha256"] for n, m in enumerate(case.materials)}
            return {"to.unit": unit, **papers}
        case Action.SEAL | Action.ISSUE:
            document = (case.decision or {}).get("document") or {}
            kept = {n: document[n] for n in ("kind", "version", "sha256") if n in document}
            more = {"method": "window"} if action == Action.ISSUE else {"medium": "paper"}
            seals = _seals(entry)
            if action == Action.SEAL and len(seals) == 1:
                more["seal"] = seals[0][0]
            return {**flat({"document": kept}), **more}
        case Action.DECIDE:
            return {"document.version": "1", "document.kind": str(case.terms.get("result", ""))}
        case Action.APPROVE_CORRECTION:
            open_now = [str(one["id"]) for one in case.corrections if not one["approved"]]
            return {"event": open_now[0]} if len(open_now) == 1 else {}
        case Action.PUSH:
            organs = case.terms.get("organs", {}).get("supervising", ())
            return {"to": organs[0]} if organs else {}
        case _:
            return {}


def _points(case: Case, step: str) -> dict[str, str]:
    points = case.terms.get("points", ())
    found = [p for p in points if p.get("step", "accept") == step]
    return {f"points.{n}.no": str(p["no"]) for n, p in enumerate(found)}


def _organs(office: Office) -> Choices:
    return [(name, organ(name, office)) for name in sorted(office.organs)]


def _persons(entry: Entry) -> Choices:
    on = entry.now.astimezone(entry.office.zone).date()
    found = {
        post.person: f"{post.name} · {organ(post.organ, entry.office)}"
        for post in entry.office.posts
        if post.active(on)
    }
    return sorted(found.items())


def _seals(entry: Entry) -> Choices:
    mine = {
        name: seal
        for name, seal in entry.office.seals.items()
        if seal.keeper == entry.caller.person
    }
    found = mine or entry.office.seals
    return sorted((name, str(seal.content.get("name", name))) for name, seal in found.items())


def _documents(terms: Data, texts: Texts) -> Choices:
    named = [str(kind) for kind in terms.get("documents", ())]
    known = [key.partition(".")[2] for key in catalogue() if key.startswith("document.")]
    return [(kind, texts.of("document", kind)) for kind in named or known]


def _content(office: Office, item: str) -> Data:
    thing = office.thing(f"item:{item}")
    return thing.current.content if thing is not None and thing.current is not None else {}
