"""How an item stands to the baseline of the catalogue: 13 elements, each by its own rule."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import catalogue, records
from ledger.office.elements import ELEMENTS, lacking

EXAMPLE = json.loads((Path(records.__file__).parent / "data/example.json").read_text())
ITEMS = {item["code"]: item for item in EXAMPLE["items"]}
SAME = [name for name, rule in catalogue.RULES.items() if rule == catalogue.SAME]
OWN = [name for name, rule in catalogue.RULES.items() if rule == catalogue.OWN]


def with_(item, **elements):
    return {**item, "elements": {**item["elements"], **elements}}


def verdicts(item, baseline):
    return {one.element: one.verdict for one in catalogue.compared(item, baseline)}


def state(item, baseline):
    found = catalogue.compared(item, baseline)
    return catalogue.state_of(found, has_baseline=baseline is not None)


def test_every_element_has_a_rule_and_no_other():
    assert list(ELEMENTS) == list(catalogue.RULES)
    assert 6 == len(SAME)


@pytest.mark.parametrize("code", ITEMS)
def test_the_items_that_are_shipped_have_all_elements(code):
    assert () == lacking(ITEMS[code])
    assert "conforming" == state(ITEMS[code], ITEMS[code])


@pytest.mark.parametrize("name", SAME)
def test_what_has_to_be_the_same_differs_by_a_word(name):
    other = with_(ITEMS["QH-002"], **{name: ITEMS["QH-002"]["elements"][name] + "一"})

    assert "differs" == verdicts(other, ITEMS["QH-002"])[name]
    assert "differing" == state(other, ITEMS["QH-002"])


@pytest.mark.parametrize("name", OWN)
def test_what_is_the_bureaus_own_may_be_worded_otherwise(name):
    other = with_(ITEMS["QH-002"], **{name: "0898-123456"})

    assert "allowed" == verdicts(other, ITEMS["QH-002"])[name]
    assert "conforming" == state(other, ITEMS["QH-002"])


@given(own=st.integers(1, 90), wanted=st.integers(1, 90))
def test_a_limit_is_no_longer_than_that_of_the_baseline(own, wanted):
    item = with_(ITEMS["QH-002"], statutory_limit=f"{own}个工作日")
    item["limits"] = {"statutory": own, "promised": 1}

    found = verdicts(item, with_(ITEMS["QH-002"], statutory_limit=f"{wanted} 工作日"))

    assert ("allowed" if own <= wanted else "differs") == found["statutory_limit"]


@given(names=st.sets(st.sampled_from(list(ELEMENTS))))
def test_exactly_the_elements_that_say_nothing_are_lacking(names):
    item = with_(ITEMS["QH-002"], **dict.fromkeys(names, " "))

    found = verdicts(item, ITEMS["QH-002"])

    assert names == {name for name, verdict in found.items() if verdict == "lacking"}
    assert ("incomplete" if names else "conforming") == state(item, ITEMS["QH-002"])


def test_a_dash_is_no_element_and_a_wrong_word_still_differs():
    item = with_(ITEMS["QH-002"], fees="—", type="许可")

    found = verdicts(item, ITEMS["QH-002"])

    assert ("lacking", "differs") == (found["fees"], found["type"])


def test_without_a_baseline_nothing_differs():
    assert {"unknown"} == set(verdicts(ITEMS["QH-002"], None).values())
    assert "no-baseline" == state(ITEMS["QH-002"], None)


@pytest.mark.parametrize(
    ("elements", "standard"),
    [
        ({"sub_code": "A-1", "main_code": "A"}, "A-1"),
        ({"sub_code": " ", "main_code": "A"}, "A"),
        ({}, "QH-002"),
        (None, "QH-002"),
    ],
)
def test_an_item_follows_the_baseline_of_its_code(elements, standard):
    assert standard == catalogue.standard_of({**ITEMS["QH-002"], "elements": elements})
