"""The shapes of what is answered about the catalogue; see `told`."""

from typing import Literal

from api.told import Position, Told, Whole

State = Literal["conforming", "differing", "incomplete", "no-baseline", "not-offered"]
Element = Literal[
    "main_name", "sub_name", "type", "main_code", "sub_code", "legal_basis", "materials",
    "acceptance_conditions", "process", "fees", "statutory_limit", "form", "complaint_telephone",
]  # fmt: skip
Rule = Literal["same", "at-most", "own"]


class ConformityRow(Told):
    """How an item stands to the baseline it follows; `item` is null where none follows it.

    `differs` names the elements that are not as they have to be, `lacking` those that say
    nothing.
    """

    standard: str
    item: str | None
    name: str
    organ: str | None
    state: State
    differs: list[Element]
    lacking: list[Element]
    position: Whole


class ElementCount(Told):
    """How many items differ from their baseline in an element, or lack it."""

    element: Element
    rule: Rule
    differs: Whole
    lacking: Whole


class ConformitySummary(Told):
    """How many items stand how; `not-offered` counts baselines that no item follows."""

    position: Position
    baselines: Whole
    items: Whole
    states: dict[str, int]
    elements: list[ElementCount]


class BaselineHead(Told):
    """Which version of which baseline was compared with."""

    code: str
    name: str
    ended: bool
    version: Whole
    position: Whole


class Baseline(BaselineHead):
    """An item of the baseline with its elements."""

    elements: dict[str, str]


class ComparedElement(Told):
    """One of the 13 elements beside the baseline.

    `rule`: the text has to be the same, the limit at most as long, or it is the bureau's own.
    """

    element: Element
    rule: Rule
    baseline: str | None
    item: str | None
    verdict: Literal["same", "allowed", "differs", "lacking", "unknown"]


class Compared(Told):
    """An item and its baseline, element by element."""

    standard: str
    item: str
    name: str
    state: State
    baseline: BaselineHead | None
    elements: list[ComparedElement]
