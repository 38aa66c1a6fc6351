"""Characters that deceive: shown, with their code."""

from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from api.web.texts import Texts
from api.web.unusual import marked, odd

TEXTS = Texts("en", ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    "text",
    [
        "张三",
        "海南示例餐饮有限公司（琼海）",
        "O'Neill & Sons <b>",
        "两行\n文字\t",
        "é ü ñ",
        "买买提·艾力",
    ],
)
def test_what_is_usual_is_left_alone(text):
    assert {} == odd(text)
    assert text is marked(text, TEXTS)


@pytest.mark.parametrize(
    ("character", "key"),
    [
        ("\u202e", "odd.invisible"),
        ("\u2066", "odd.invisible"),
        ("\u200b", "odd.invisible"),
        ("\ufeff", "odd.invisible"),
        ("\u2028", "odd.invisible"),
        ("\x07", "odd.control"),
        ("\u00a0", "odd.space"),
        ("\ue000", "odd.private"),
        ("\U000e0fff", "odd.unassigned"),
    ],
)
def test_what_deceives_is_marked_with_its_code(character, key):
    text = f"同意{character}办理"

    shown = marked(text, TEXTS)

    assert {2: key} == odd(text)
    assert isinstance(shown, Markup)
    assert f"U+{ord(character):04X}" in shown
    assert TEXTS(key) in shown


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\x07", "\u00a0"])
def test_what_is_invisible_is_replaced_by_its_code(character):
    assert character not in marked(f"同意{character}办理", TEXTS)


def test_what_may_be_part_of_a_name_is_shown_beside_its_mark():
    assert "\ue000" in marked("王\ue000", TEXTS)


def test_a_variation_selector_is_part_of_a_name():
    assert {} == odd("葛\U000e0100")


def test_letters_of_another_script_in_a_latin_word_are_marked():
    assert {1: "odd.mixed"} == odd("p\u0430ypal")
    assert {} == odd("Привет")


def test_only_stacked_marks_are_unusual():
    assert {} == odd("e\u0301\u0302")
    assert {3: "odd.mark"} == odd("e\u0301\u0302\u0303")


def test_markup_in_a_marked_text_stays_text():
    assert "&lt;img" in marked("<img\u202e>", TEXTS)
