"""The rules of the findings above their list, a press each: by what they are about.

Those that find something stand open; what finds nothing, and what only measures, is folded in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.web.list_columns import finding_title
from api.web.texts import Texts
from projections.asked import Page
from projections.findings_rules import FINDING, RULES, SUBJECTS

LISTING = "findings"


@dataclass(frozen=True, slots=True)
class Subject:
    """Some rules under a heading: each its id and its title."""

    title: str
    rules: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Subjects:
    """The rules that find something, the others, and which one is asked for."""

    found: Sequence[Subject]
    rest: Sequence[Subject]
    asked: str


def subjects_of(
    listing: str, filters: Mapping[str, str], page: Page | None, texts: Texts
) -> Subjects | None:
    """Group the rules for a page of findings; None for any other list."""
    if listing != LISTING:
        return None
    finding = (page.rules if page is not None else None) or frozenset()
    computed = {rule.id for rule in RULES.values() if rule.why_not is None}
    return Subjects(
        _grouped(finding & FINDING, texts),
        _grouped(computed - (finding & FINDING), texts),
        filters.get("rule", ""),
    )


def _grouped(rules: frozenset[str] | set[str], texts: Texts) -> Sequence[Subject]:
    grouped = (
        Subject(
            texts.of("finding-subject", subject),
            [(one, finding_title(one, texts.language)) for one in of if one in rules],
        )
        for subject, of in SUBJECTS.items()
    )
    return [one for one in grouped if one.rules]
