"""The columns of each list: what a row says, in the order in which it is read.

A column is the key of its heading and a function from a row of the list to its cell; the
table of a page and the files to take away are made of the same columns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from api.web import lists, sheet
from api.web.cells import Cell, Teller
from ledger.case import Data
from ledger.lifecycle import Responsibility
from projections.definitions import BY_ID
from projections.findings_rules import RULES

Column = tuple[str, Callable[[Teller, Data], Cell]]

_CONFORMS: Mapping[str, str] = {
    "conforming": "green",
    "differing": "red",
    "incomplete": "yellow",
    "no-baseline": "stopped",
}


_COMPARED: Mapping[str, str] = {">=": "≥", "<=": "≤"}
_A_DAY = 86_400


# -- what some columns tell ----------------------------------------------------------------------


def act_of(t: Teller, row: Data) -> str:
    """Say what was done: by the name of the event, of a refusal by that of the action."""
    if row["refused"]:
        return t.texts.of("action", row["action"])
    if t.texts.known(f"event.{row['type']}"):
        return t.texts.of("event", row["type"])
    return t.texts.of("action", row["action"])


def finding_title(rule: str, language: str) -> str:
    """Name a rule of the findings."""
    return RULES[rule].title[0 if language == "zh-CN" else 1]


def definition_text(name: str, language: str) -> str:
    """Say what a figure counts."""
    return BY_ID[name].zh if language == "zh-CN" else BY_ID[name].en


def _limit(t: Teller, name: str | None) -> str:
    return t.texts.of("deadline", name) if name else ""


def _holder(t: Teller, row: Data) -> Cell:
    holder = row.get("holder") or {}
    unit = t.organ(holder.get("unit")).text if holder.get("unit") else ""
    return t.person(holder["person"], unit) if holder.get("person") else t.text(unit)


def _why(t: Teller, row: Data) -> Cell:
    name, rule = row["deadline"], str(row["rule"] or "")
    if not name:
        return t.coded("rule", rule)
    return Cell(t.texts.of("deadline", name), hint=rule)


def _state(t: Teller, row: Data) -> Cell:
    mine = row["state"] == "raised" and t.reader in row["addressees"] and row["case"]
    again = t.texts("list.again-raised") if "raised_again_at" in row else ""
    cell = t.coded("alert", row["state"], row.get("reason") or again)
    page = t.case(row["case"]).href
    if mine and page.startswith("/cases/"):
        return Cell(t.texts("desk.answer"), href=f"{page}/answer-alert?alert={row['id']}")
    return cell


def _who_answers(t: Teller, row: Data) -> Cell:
    organs = "、".join(t.organ(one).text for one in row["organs"])
    codes = ", ".join((*row["addressees"], *row["organs"]))
    return Cell(lists.who_answers(row, t.texts, t.office), hint=codes, small=organs)


def _flags(t: Teller, row: Data) -> str:
    named = {"late_entry": "gap.late", "break_glass": "value.break-glass"}
    return " · ".join(t.texts(key) for name, key in named.items() if row[name])


def _thing(t: Teller, row: Data) -> Cell:
    """Lead to what was acted on: the act on its case, or the item of the office."""
    if row["case"]:
        return t.case(row["case"], None if row["refused"] else row["version"])
    if row["responsibility"] == Responsibility.ADMINISTRATION and row["item"]:
        return Cell(row["item"], href=f"/office/{t.ledger}/items/{row['item']}", kind="no")
    return Cell()


def _actor(t: Teller, actor: Data) -> Cell:
    if actor["kind"] == "by-law":
        return Cell(t.texts("actor.by-law"))
    role = t.texts.of("role", actor["role"]) if actor["role"] else ""
    if actor["delegator"]:
        role = f"{role} · {t.texts('list.for')} {t.person(actor['delegator']).text}"
    name = actor["name"] or sheet.person(actor["person"], t.office) or actor["client"]
    if actor["person"] and name:
        return t.person_page(actor["person"], name, role)
    return Cell(name, small=role) if name else t.text(role)


def _refused_by(t: Teller, row: Data) -> Cell:
    """Say by which rule it was refused, in words where there are any, the code behind them."""
    code, earlier = row["rule"] or row["slug"], row["earlier_position"]
    words = t.texts.rule(code)
    behind = [code] if words != code else []
    if earlier is not None:
        behind.append(f"{t.texts('list.earlier')} {earlier}")
    return t.text(words, " · ".join(behind))


def _first_case(t: Teller, row: Data) -> Cell:
    if not row["cases"]:
        return Cell(kind="no")
    first = t.case(row["cases"][0])
    more = len(row["cases"]) - 1
    small = t.texts("list.more-cases", n=more) if more else ""
    return Cell(first.text, href=first.href, kind="no", small=small)


def _measured(t: Teller, row: Data) -> Cell:
    if row["measured"] is None:
        return Cell(kind="n")
    value, measure = row["measured"], row["unit_of_measure"]
    unit = t.texts.of("measure", measure) if measure else ""
    compare = _COMPARED.get(row["compare"], row["compare"])
    limit = "" if row["threshold"] is None else f"{compare} {row['threshold']}"
    if measure == "second" and value >= _A_DAY and not limit:
        limit = f"{value / _A_DAY:,.1f} {t.texts.of('measure', 'day')}"
    told = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return Cell(f"{told} {unit}".strip(), kind="n", small=limit)


def _offered(t: Teller, row: Data) -> Cell:
    if not row["item"]:
        return t.text(row["name"])
    href = f"/office/{t.ledger}/items/{row['item']}"
    return Cell(row["name"], href=href, small=row["item"])


def _causes(t: Teller, row: Data) -> Cell:
    return t.text("、".join(t.texts.of("why-late", cause) for cause in row["causes"]))


def _elements(t: Teller, names: Sequence[str]) -> Cell:
    return t.text("、".join(t.texts.of("data", name) for name in names))


# -- the tables -----------------------------------------------------------------------------------

CASES: Sequence[Column] = (
    ("col.light", lambda t, row: t.light(row["light"])),
    ("col.case", lambda t, row: t.case(row["case"])),
    ("col.item", lambda t, row: t.text(row["item_name"]) if row["item_name"]
        else t.item(row["item"])),
    ("list.organ", lambda t, row: t.organ(row["organ"])),
    ("col.stage", lambda t, row: t.coded("stage", row["stage"])),
    ("col.received", lambda t, row: t.day(row["received_on"], row["position"])),
    ("list.accepted", lambda t, row: t.day(row["accepted_on"], row["position"])),
    ("col.due", lambda t, row: t.due(row["due"], name=_limit(t, row["deadline"]))),
    ("col.holder", _holder),
    ("list.decided", lambda t, row: t.day(row["decided_on"], row["position"])),
    ("list.closed", lambda t, row: t.day(row["closed_on"], row["position"])),
)  # fmt: skip

ALERTS: Sequence[Column] = (
    ("col.level", lambda t, row: t.light(row["level"], "level")),
    ("col.case", lambda t, row: t.case(row["case"])),
    ("col.item", lambda t, row: t.item(row["item"])),
    ("list.organ", lambda t, row: t.organ(row["organ"])),
    ("col.deadline", _why),
    ("col.due", lambda t, row: t.due(row["due"], over=row["state"] in ("closed", "withdrawn"))),
    ("col.raised", lambda t, row: t.instant(row["raised_at"])),
    ("col.addressees", _who_answers),
    ("col.answer-by", lambda t, row: t.due(row["answer_by"], over=row["state"] != "raised")),
    ("col.state", _state),
    ("list.answered", lambda t, row: t.instant(row.get("answered_at"))),
)

# The first words of the events that have a page in the office (`office_event`).
_OF_OFFICE = (
    "anchor-", "anchored", "appointment-", "calendar-", "client-", "item-", "ledger-", "log-",
    "organ-", "policy-", "seal-",
)  # fmt: skip


def _position(t: Teller, row: Data) -> Cell:
    """Tell where an act stands; of the office, lead to the page with its proof."""
    cell = t.number(row["position"])
    if row["refused"] or row["case"] is not None or not row["type"].startswith(_OF_OFFICE):
        return cell
    return replace(cell, href=f"/office/{t.ledger}/events/{row['position']}")


AUDIT: Sequence[Column] = (
    ("col.recorded", lambda t, row: t.instant(row["recorded_at"], row["position"])),
    ("col.occurred", lambda t, row: t.instant(row["occurred_at"])),
    ("col.responsibility", lambda t, row: t.coded("responsibility", row["responsibility"])),
    ("col.act", lambda t, row: Cell(act_of(t, row), small=_flags(t, row))),
    ("col.case", _thing),
    ("col.item", lambda t, row: t.item(row["item"])),
    ("col.actor", lambda t, row: _actor(t, row["actor"])),
    ("list.organ", lambda t, row: t.organ_page(row["actor"]["organ"])),
    ("list.reason", lambda t, row: t.text(row["reason"])),
    ("col.position", _position),
)

REFUSALS: Sequence[Column] = (
    *(column for column in AUDIT
      if column[0] not in ("list.reason", "col.occurred", "col.position")),
    ("col.position", lambda t, row: t.number(row["position"])),
    ("col.rule", _refused_by),
)  # fmt: skip

FINDINGS: Sequence[Column] = (
    ("list.came", lambda t, row: t.instant(row["came_at"])),
    ("list.finding", lambda t, row: Cell(row["title"][t.texts.language],
        small=row["text"][t.texts.language], hint=row["rule"])),
    ("col.case", _first_case),
    ("list.measured", _measured),
    ("list.officer", lambda t, row: t.person_page(row["officer"], t.person(row["officer"]).text)
        if row["officer"] else Cell()),
    ("list.unit", lambda t, row: t.organ(row["unit"])),
    ("col.item", lambda t, row: t.text("、".join(t.item(code).text for code in row["items"]))),
    ("col.position", lambda t, row: Cell(", ".join(map(str, row["positions"])) or "—", kind="n")),
)  # fmt: skip

SEALS: Sequence[Column] = (
    ("case.serial", lambda t, row: t.number(row["serial"])),
    ("col.case", lambda t, row: t.case(row["case"])),
    ("col.item", lambda t, row: t.item(row["item"])),
    ("case.document", lambda t, row: t.coded("document", row["document"]["kind"],
        f"v{row['document']['version']} · {row['document']['sha256'][:12]}…")),
    ("list.medium", lambda t, row: t.coded("medium", row["medium"], f"× {row['copies']}")),
    ("list.keeper", lambda t, row: t.text(row["keeper_name"] or row["keeper"])),
    ("list.requester", lambda t, row: t.person(row["requester"])),
    ("list.authorised", lambda t, row: t.person(row["authorised_by"]["approver"],
        f"{t.texts('case.position')} {row['authorised_by']['position']}")),
    ("col.recorded", lambda t, row: t.instant(row["recorded_at"], row["position"])),
    ("case.void", lambda t, row: t.instant(row["voided_at"], row["void_position"])
        if row["void"] else Cell()),
    ("list.reason", lambda t, row: t.text(row["void_reason"] or row["reason"])),
)  # fmt: skip

REVIEWS: Sequence[Column] = (
    ("case.grade", lambda t, row: Cell(t.texts.of("value", row["grade"]),
        kind="light red" if row["bad"] and row["counted"] else "")),
    ("col.case", lambda t, row: t.case(row["case"])),
    ("col.item", lambda t, row: t.item(row["item"])),
    ("list.unit", lambda t, row: t.organ(row["unit"])),
    ("list.officer", lambda t, row: t.persons(row["officers"])),
    ("case.channel", lambda t, row: t.coded("channel", row["channel"])),
    ("list.rated", lambda t, row: t.day(row["rated_on"], row["position"])),
    ("col.state", lambda t, row: t.coded("review-state", row["state"],
        t.texts.of("value", row["verdict"]) if row["verdict"] else "")),
    ("col.due", lambda t, row: t.due(row["due"], over=row["fed_back_on"] is not None)
        if row["bad"] else Cell()),
    ("col.light", lambda t, row: t.light(row["light"])),
    ("list.fed-back", lambda t, row: t.day(row["fed_back_on"], row["position"])),
    ("list.again", lambda t, row: t.coded("value", (row["reevaluation"] or {}).get("grade"))),
)  # fmt: skip

COMPLAINTS: Sequence[Column] = (
    ("col.light", lambda t, row: t.light(row["light"])),
    ("list.complaint", lambda t, row: t.case(row["complaint"])),
    ("list.kind", lambda t, row: t.coded("complaint-kind", row["kind"])),
    ("case.channel", lambda t, row: t.coded("channel", row["channel"])),
    ("col.state", lambda t, row: t.coded("complaint-state", row["state"])),
    ("list.unit", lambda t, row: t.organ(row["unit"] or row["about"].get("unit"))),
    ("col.case", lambda t, row: t.case(row["case"])),
    ("list.registered", lambda t, row: t.day(row["registered_on"], row["position"])),
    ("list.replied", lambda t, row: t.day(row["replied_on"], row["position"])),
    ("col.due", lambda t, row: t.due(row["due"], over=row["state"] == "closed")),
    ("list.closed", lambda t, row: t.day(row["closed_on"], row["position"])),
    ("list.result", lambda t, row: t.coded("complaint-result", row["result"])),
)

MATTERS: Sequence[Column] = (
    ("col.light", lambda t, row: t.light(row["light"])),
    ("list.matter", lambda t, row: t.case(row["matter"])),
    ("col.name", lambda t, row: t.text(row["name"])),
    ("list.kind", lambda t, row: t.coded("matter-kind", row["kind"])),
    ("list.organ", lambda t, row: t.organ(row["organ"])),
    ("list.opened", lambda t, row: t.day(row["opened_on"], row["position"])),
    ("list.progress", lambda t, row: Cell(f"{row['decided']} / {row['of']}", kind="n")),
    ("col.due", lambda t, row: t.due(row["due"], over=row["decided"] == row["of"])),
    ("list.missing", lambda t, row: t.organs(row["missing"])),
)

CONFORMITY: Sequence[Column] = (
    ("list.standard", lambda t, row: t.text(row["standard"])),
    ("col.item", _offered),
    ("list.organ", lambda t, row: t.organ(row["organ"])),
    ("list.conformity", lambda t, row: Cell(t.texts.of("conformity", row["state"]),
        kind=f"light {_CONFORMS.get(row['state'], '')}")),
    ("list.differs", lambda t, row: _elements(t, row["differs"])),
    ("list.lacking", lambda t, row: _elements(t, row["lacking"])),
    ("col.position", lambda t, row: t.number(row["position"])),
)  # fmt: skip

LINKS: Sequence[Column] = (
    ("col.light", lambda t, row: t.light(row["light"])),
    ("list.waits", lambda t, row: t.coded("deadline", row["deadline"])),
    ("col.case", lambda t, row: t.case(row["case"])),
    ("col.item", lambda t, row: t.item(row["item"])),
    ("list.organ", lambda t, row: t.organ(row["organ"])),
    ("list.waits-for", lambda t, row: t.organs(row["waits_for"])),
    ("col.start", lambda t, row: t.day(row["start"])),
    ("col.due", lambda t, row: t.due(row["due"])),
)

FIGURES: Sequence[Column] = (
    ("list.above", lambda t, row: Cell(t.texts(f"value.{str(row['counted']).lower()}"))),
    ("col.case", lambda t, row: t.case(row["case"])),
    ("col.item", lambda t, row: t.item(row["item"])),
    ("list.organ", lambda t, row: t.organ(row["organ"])),
    ("list.unit", lambda t, row: t.organ(row["unit"])),
    ("col.due", lambda t, row: t.due(row["due"], over=True)),
    ("col.met", lambda t, row: t.day(row["met_on"])),
    ("list.causes", _causes),
)
