"""The filters of a list as a form that asks with an address: what may be chosen, by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.access import Entry
from api.web import lists, sheet
from api.web.list_columns import definition_text, finding_title
from api.web.list_table import RESPONSIBILITY, SEAL, Listing, seals
from api.web.texts import Texts
from ledger.lifecycle import Action
from projections.definitions import WITH_CASES

# With more than so many to choose from, a field to write in is easier.
MOST = 200
Option = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: its label, what is asked now, and what may be chosen (none: write it)."""

    name: str
    label: str
    value: str
    kind: str
    options: tuple[Option, ...] = ()

    @property
    def told(self) -> str:
        """What is asked now, in words."""
        return dict(self.options).get(self.value, self.value)


def filters_of(
    listing: Listing, given: Mapping[str, str], entry: Entry, texts: Texts
) -> tuple[Filter, ...]:
    """Return the filters of a list with what is asked now."""
    return tuple(
        _filter(listing, name, given.get(name, ""), entry, texts) for name in listing.filters
    )


def _filter(listing: Listing, name: str, value: str, entry: Entry, texts: Texts) -> Filter:
    schema = listing.filters[name]
    label = texts.of("filter", name)
    options = _options(listing, name, entry, texts)
    if options is not None:
        known = tuple(options)
        if value and value not in dict(known):
            known = (*known, (value, value))
        return Filter(name, label, value, "select", known)
    if schema.get("type") == "boolean":
        truth = (("true", texts("value.true")), ("false", texts("value.false")))
        return Filter(name, label, value, "select", truth)
    day = schema.get("format") == "date" or "anyOf" in schema
    return Filter(name, label, value, "day" if day else "line")


def _options(listing: Listing, name: str, entry: Entry, texts: Texts) -> Iterable[Option] | None:
    schema, office = listing.filters[name], entry.office
    enum = schema.get("enum")
    if name == "rule":
        assert isinstance(enum, list)
        return [(one, finding_title(one, texts.language)) for one in enum]
    if name == "definition":
        return [(one, definition_text(one, texts.language)) for one in WITH_CASES]
    if isinstance(enum, list):
        kind = listing.words.get(name, name)
        return [(one, _word(kind, one, texts)) for one in enum]
    if name == "action":
        return sorted(((str(a), texts.of("action", a)) for a in Action), key=lambda o: o[1])
    if name == "deadline":
        return _told("deadline", texts)
    if name == "kind":
        return _told("document", texts)
    if name == SEAL:
        return [(one, office.seals[one].content.get("name", one)) for one in seals(entry)]
    if name == "item":
        every = office.things("item")
        return _few(((one.id, lists.item_name(one.id, office)) for one in every), len(every))
    if name in ("organ", "unit", "waits_for", "missing"):
        named = ((one, sheet.organ(one, office)) for one in sorted(office.organs))
        return _few(named, len(office.organs))
    if name in ("officer", "actor"):
        people = {post.person: post.name for post in office.posts}
        return _few(sorted(people.items(), key=lambda one: one[1]), len(people))
    return None


def _few(options: Iterable[Option], size: int) -> Iterable[Option] | None:
    return options if size <= MOST else None


def _told(kind: str, texts: Texts) -> Iterable[Option]:
    return [(code, texts.of(kind, code)) for code in texts.codes(kind)]


def _word(kind: str, value: str, texts: Texts) -> str:
    if kind == RESPONSIBILITY and value == "all":
        return texts("list.all-responsibilities")
    return texts.of(kind, value)
