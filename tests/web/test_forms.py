"""Forms made of shapes: what a shape asks for stands in the form, and comes back the same."""

from zoneinfo import ZoneInfo

import pytest

from api.bodies import ACTS, OFFICE_BODIES, shaped
from api.web import forms, setup_pages, sheet
from api.web.labels import Labels
from api.web.texts import LANGUAGES, Texts, catalogue
from ledger.errors import Refused

ZONE = ZoneInfo("Asia/Shanghai")
SHA = "a" * 64

BODIES = {
    "receive": {
        "item": "QH-002",
        "applicant": {
            "kind": "person", "name": "张三", "id_scheme": "ID", "id": "460000199001010000",
            "agent": {"name": "李四"},
        },
        "channel": "window",
        "materials": [
            {"name": "申请表", "sha256": SHA, "media_type": "application/pdf", "copies": 2,
             "original": False},
            {"name": "图纸", "sha256": SHA, "media_type": "image/png"},
        ],
    },
    "transfer": {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [SHA, SHA]},
    "review": {
        "level": "check", "opinion": "同意\n第二行", "recommend": "grant", "adopts": True,
        "site": {"persons": ["a", "b"], "place": "现场"},
    },
    "decide": {
        "outcome": "grant",
        "document": {"kind": "licence", "version": 1, "sha256": SHA, "valid_to": "2029-12-31"},
    },
    "extend": {"days": 10},
    "close": {},
}  # fmt: skip


def every(field):
    yield field
    for part in field.parts:
        yield from every(part)


def shapes():
    yield from ACTS.items()
    for name, shape in OFFICE_BODIES.items():
        if name == "policy":
            for kind in setup_pages._policies():
                yield f"policy {kind}", setup_pages._shape("policy", kind)
        else:
            yield name, shape


def all_fields():
    for action, shape in shapes():
        for field in forms.fields_of(shape):
            for one in every(field):
                yield action, one


@pytest.mark.parametrize("action", BODIES)
def test_what_was_said_comes_back_the_same(action):
    body = BODIES[action]
    sent = forms.flat(body)

    assert body == forms.details(ACTS[action], sent, ZONE)
    shaped(dict(body), ACTS[action])


def test_what_is_empty_was_not_said():
    sent = dict.fromkeys(forms.flat(BODIES["receive"]), "") | {"occurred_at": " ", "_x": "1"}

    assert {} == forms.details(ACTS["receive"], sent, ZONE)


def test_rows_keep_their_order_and_holes_close():
    sent = {"handed_over.10": "c", "handed_over.2": "a", "handed_over.3": "", "handed_over.x": "y"}

    assert ["a", "c"] == forms.details(ACTS["transfer"], sent, ZONE)["handed_over"]


def test_a_local_time_is_one_of_the_ledger():
    told = forms.details(ACTS["close"], {"occurred_at": "2026-03-02T09:00"}, ZONE)

    assert {"occurred_at": "2026-03-02T09:00:00+08:00"} == told


@pytest.mark.parametrize(
    ("place", "value", "pointer"),
    [
        ("document.version", "one", "/document/version"),
        ("document.version", "１", "/document/version"),
        ("document.version", "1.5", "/document/version"),
        ("occurred_at", "yesterday", "/occurred_at"),
    ],
)
def test_what_is_no_number_and_no_time_is_named(place, value, pointer):
    with pytest.raises(Refused) as refused:
        forms.details(ACTS["seal"], {place: value}, ZONE)
    assert ("schema", pointer) == (refused.value.slug, refused.value.pointer)


def test_only_a_correction_has_members_that_no_form_can_ask_for():
    # It is asked for by the members of the act that it corrects (test_correcting).
    assert {"correct"} == {action for action, one in all_fields() if "free" == one.kind}


def test_every_member_and_every_choice_has_its_words():
    for _, one in all_fields():
        if one.name:
            assert f"data.{one.name}" in catalogue(), one.name
        for choice in one.choices:
            kinds = (*sheet.CODED.get(one.name, ()), "value")
            assert any(f"{kind}.{choice}" in catalogue() for kind in kinds), (one.name, choice)


def test_a_list_shows_one_row_more_when_it_is_asked_for():
    labels = Labels(Texts(LANGUAGES[0], ZONE))

    def rows(more, sent):
        shown = forms.shown(ACTS["transfer"], forms.Filling(sent, labels, more=more))
        return len(next(one for one in shown if one.place == "handed_over").parts)

    assert [1, 2, 3] == [
        rows("", {}), rows("handed_over", {}), rows("handed_over", {"handed_over.1": SHA}),
    ]  # fmt: skip
    assert forms.MOST_ROWS == rows("", {f"handed_over.{n}": SHA for n in range(500)})


def test_what_is_wrong_is_marked_where_it_stands():
    labels = Labels(Texts(LANGUAGES[0], ZONE))
    filling = forms.Filling({}, labels, wrong="/document/sha256")

    marked = [
        part.place
        for one in forms.shown(ACTS["seal"], filling)
        for part in (one, *one.parts)
        if part.wrong
    ]
    assert ["document.sha256"] == marked


def test_a_digest_of_another_kind_is_not_made_of_a_file():
    kinds = {one.name: one.kind for _, one in all_fields()}

    assert "digest" == kinds["sha256"]
    assert "digest" != kinds["sm3"]


def test_what_is_typed_in_words_is_taken_by_its_code():
    choices = {
        "applicant.id_scheme": [("USCC", "统一社会信用代码")],
        "rows.unit": [("a", "甲"), ("甲", "乙")],
    }
    sent = {
        "applicant.id_scheme": "统一社会信用代码 ", "applicant.name": "统一社会信用代码",
        "rows.0.unit": "甲", "rows.1.unit": "乙", "rows.2.unit": "丙",
    }  # fmt: skip

    told = forms.by_label(sent, choices)

    # What is a code already stays it, whatever else bears it as a label.
    assert {
        "applicant.id_scheme": "USCC", "applicant.name": "统一社会信用代码",
        "rows.0.unit": "甲", "rows.1.unit": "甲", "rows.2.unit": "丙",
    } == told  # fmt: skip


def test_words_that_two_choices_bear_or_that_are_a_code_have_the_code_behind_them():
    labels = Labels(Texts(LANGUAGES[0], ZONE))
    choices = {"to.unit": [("a", "甲"), ("甲", "乙"), ("b", "丙"), ("c", "丙")]}

    for code, _ in choices["to.unit"]:
        filling = forms.Filling({"to.unit": code}, labels, choices)
        group = next(one for one in forms.shown(ACTS["transfer"], filling) if one.place == "to")
        (told,) = [part.told for part in group.parts if part.place == "to.unit"]

        assert {"to.unit": code} == forms.by_label({"to.unit": told}, choices)


def test_a_row_is_named_by_what_stands_in_it():
    labels = Labels(Texts(LANGUAGES[0], ZONE))
    sent = {"handed_over.0": SHA, "handed_over.1": "f" * 64}
    filling = forms.Filling(sent, labels, {"handed_over": [(SHA, "申请表")]})

    shown = {one.place: one for one in forms.shown(ACTS["transfer"], filling)}["handed_over"]

    assert ["申请表", f"{shown.label} 2"] == [row.label for row in shown.parts]


def stars(shape, sent, **given):
    """The places that a form marks as required, and the groups and lists that may be left out."""
    labels = Labels(Texts(LANGUAGES[0], ZONE))
    found = [
        one
        for field in forms.shown(shape, forms.Filling(sent, labels, **given))
        for one in every(field)
    ]
    return {one.place for one in found if one.star}, {one.place for one in found if one.spare}


def test_only_what_has_to_be_said_has_a_star():
    starred, spare = stars(ACTS["accept"], {})

    assert set() == starred
    assert {"tolerant", "points"} <= spare
    assert ("to", "to.unit") == tuple(sorted(stars(ACTS["transfer"], {})[0]))
    prefilled = {"handed_over.0": SHA}
    assert ("to", "to.unit") == tuple(sorted(stars(ACTS["transfer"], prefilled)[0]))


def test_a_row_that_is_begun_has_to_be_whole():
    sent = {"points.0.no": "1", "points.1.no": ""}

    starred, _ = stars(ACTS["accept"], sent)

    assert {"points.0", "points.0.no", "points.0.result"} == starred


def test_materials_that_are_not_handed_in_are_no_gap():
    sent = {"materials.0.name": "申请表", "materials.1.name": "图纸"}

    starred, spare = stars(ACTS["receive"], sent, spare=frozenset({"materials"}))

    assert not any(place.startswith("materials") for place in starred)
    assert "materials" in spare
    assert {"item", "applicant.name"} <= starred


def test_of_a_list_that_is_needed_the_first_row_is():
    starred, _ = stars(ACTS["receive"], {})

    assert {"materials", "materials.0.name"} <= starred
