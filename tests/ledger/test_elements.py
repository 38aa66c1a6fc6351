"""The 13 common elements of an item: which count."""

import pytest

from ledger.office.elements import ELEMENTS, lacking

WHOLE = {
    "main_name": "公共场所卫生许可",
    "sub_name": "公共场所卫生许可（新办）",
    "type": "行政许可",
    "main_code": "000123001000",
    "sub_code": "11469002MBX000019H3000123001001",
    "legal_basis": "《公共场所卫生管理条例》第四条",
    "materials": "申请表；场所平面图",
    "acceptance_conditions": "材料齐全，符合法定形式",
    "process": "受理—审查—决定—送达",
    "fees": "不收费",
    "statutory_limit": "20个工作日",
    "form": "公共场所卫生许可申请表",
    "complaint_telephone": "0898-12345",
}


def item(law=20, **changed):
    return {"limits": {"statutory": law, "promised": 5}, "elements": {**WHOLE, **changed}}


def test_there_are_thirteen_and_a_whole_item_lacks_none():
    assert 13 == len(ELEMENTS)
    assert () == lacking(item())


def test_an_item_without_elements_lacks_them_all():
    assert tuple(ELEMENTS) == lacking({"limits": {"statutory": 20, "promised": 5}})


@pytest.mark.parametrize("name", ELEMENTS)
@pytest.mark.parametrize("text", ["", "   ", "-", "/", "待定", "TBD"])
def test_what_says_nothing_is_no_element(name, text):
    assert (name,) == lacking(item(**{name: text}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("type", "许可证"),
        ("main_code", "两个 词"),
        ("sub_code", "a b"),
        ("complaint_telephone", "请致电窗口"),
        ("complaint_telephone", "12"),
        ("statutory_limit", "15个工作日"),  # not the limit that cases run by
        ("statutory_limit", "依法办理"),
    ],
)
def test_what_cannot_be_true_is_no_valid_element(name, text):
    assert (name,) == lacking(item(**{name: text}))


def test_a_limit_of_nothing_needs_no_number():
    assert () == lacking(item(law=0, statutory_limit="当场办结"))
    assert () == lacking(item(law=0, statutory_limit="0个工作日"))


def test_an_element_nobody_knows_makes_up_for_none():
    assert ("form",) == lacking(item(form="", forms="申请表"))
