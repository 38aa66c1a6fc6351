"""Complaints and matters on pages, without any script: what each sees, and does by a form."""

import re

import pytest

from api.web import forms
from api.web.numbered_pages import KINDS
from api.web.texts import catalogue
from tests.api.serving import application
from tests.web.test_acting import opened
from tests.web.test_correcting import filled

CALLER = {
    "caller.name": "黎永福",
    "caller.telephone": "13976000123",
    "caller.id_scheme": "ID",
    "caller.id": "460002199001011234",
}
SAID = {
    "kind": "refused-intake",
    "channel": "telephone",
    "text": "在窗口排队三小时，工作人员说材料不齐不收件",
    "about.unit": "qh-xzsp",
    **CALLER,
}
OPENING = {
    "name": "我要开餐馆",
    "kind": "one-thing",
    "applicant.kind": "organisation",
    "applicant.name": "海南示例餐饮有限公司",
    "applicant.id_scheme": "USCC",
    "applicant.id": "91469002MA5X00014X",
    "items.0": "QH-002",
    "items.1": "QH-004",
    "promise": "3",
}


async def does(reader, path, more):
    """Fill in a form and send it; return where it leads."""
    done = await reader.post(path, await opened(reader, path) | more)
    assert 303 == done.status, done.text
    return done.headers["Location"].partition("?")[0]


def channel(page):
    """Through which channel it came, by the head of its page."""
    return re.search(r"<dt>渠道</dt><dd[^>]*>(.*?)</dd>", page, re.DOTALL)[1]


async def registered(reader):
    await reader.serving.at("2026-03-02 09:00")
    await reader.sign_in("lu-qian")
    return await does(reader, "/complaints/469002/new", SAID)


# -- complaints --------------------------------------------------------------------------------


async def test_a_complaint_from_the_call_to_its_end(reader):
    await reader.sign_in("lu-qian")
    assert 'href="/complaints/469002/new"' in (await reader.get("/")).text
    one = await registered(reader)
    passed = {"unit": "qh-xzsp", "summary": "反映窗口不予收件且未出具凭证"}
    assert one == await does(reader, f"{one}/assign", passed)

    await reader.sign_in("chen-zhi")
    page = (await reader.get(one)).text
    assert f'href="{one}/reply"' in page
    await does(reader, f"{one}/reply", {"result": "done", "measure": "已当面致歉并补收材料"})

    await reader.sign_in("lu-qian")
    end = {"result": "resolved", "satisfaction.grade": "4"}
    await does(reader, f"{one}/close-complaint", end)
    page = (await reader.get(one)).text
    assert "已办结" in page
    assert ["登记投诉", "投诉派单", "投诉反馈", "投诉办结"] == re.findall(
        r"<td><b>([^<]+)</b></td>", page
    )


async def test_the_unit_hears_nothing_of_who_complains_and_nobody_a_name_in_clear(reader):
    one = await registered(reader)
    hotline = (await reader.get(one)).text
    await does(reader, f"{one}/assign", {"unit": "qh-xzsp", "summary": "窗口不予收件"})
    await reader.sign_in("chen-zhi")
    unit = (await reader.get(one)).text

    assert "<dt>投诉人</dt>" in hotline
    assert "<dt>投诉人</dt>" not in unit
    for text in (hotline, unit):
        assert "黎永福" not in text
        assert "13976000123" not in text
        assert "460002199001011234" not in text


async def test_whose_business_it_is_not_hears_that_it_is_not_there(reader):
    one = await registered(reader)

    await reader.sign_in("zhou-min")

    assert 404 == (await reader.get(one)).status
    assert 404 == (await reader.get(f"{one}/assign")).status
    assert 403 == (await reader.get("/complaints/469002/new")).status


async def test_an_act_that_is_not_possible_says_why_and_keeps_what_was_typed(reader):
    one = await registered(reader)
    path = f"{one}/escalate"
    form = await opened(reader, path) | {"to": "qh-zwb", "ground": "late", "text": "三日未反馈"}

    refused = await reader.post(path, form)

    assert 422 == refused.status
    assert "三日未反馈" in refused.text
    assert 'role="alert"' in refused.text
    assert 1 == len(re.findall(r'<tr class="supervision" id="v', (await reader.get(one)).text))


async def test_what_was_written_down_wrongly_is_put_right_by_two(reader):
    one = await registered(reader)
    link = re.search(r'class="mend" href="([^"]+)"', (await reader.get(one)).text)[1]
    page = (await reader.get(link.replace("&amp;", "&"))).text
    form = filled(page)
    assert "黎永福" not in page
    assert ("telephone", "") == (form["fields.channel"], form["fields.text"])

    form |= {"fields.channel": "window", "evidence": "e" * 64}
    assert 303 == (await reader.post(f"{one}/correct-complaint", form)).status
    assert "更正" in (await reader.get(f"{one}/correct-complaint")).text
    proposed = (await reader.get(one)).text
    assert "电话" in channel(proposed)

    await reader.sign_in("xing-tao")
    path = f"{one}/approve-complaint-correction"
    done = await reader.post(path, filled((await reader.get(path)).text))
    assert 303 == done.status, done.text
    assert "窗口" in channel((await reader.get(one)).text)


# -- matters -----------------------------------------------------------------------------------


async def test_a_matter_is_opened_asked_about_and_answered(reader):
    await reader.serving.at("2026-03-02 09:00")
    await reader.sign_in("zhou-min")
    assert 'href="/matters/469002/new"' in (await reader.get("/")).text
    one = await does(reader, "/matters/469002/new", OPENING)
    number = one.rpartition("/")[2]
    body = application("QH-002") | {"matter": number}
    case = (await reader.serving.post("/cases", body, by="zhou-min")).body["case"]

    page = (await reader.get(one)).text
    assert f'href="/cases/469002/{case}"' in page
    assert "0 / 1" in page
    asked = {"organ": "qh-zjj", "question": "消防是否合格", "days": "2"}
    await does(reader, f"{one}/request-opinion", asked)
    assert "未回复" in (await reader.get(one)).text

    await reader.sign_in("zheng-kai")
    path = f"{one}/give-opinion"
    form = filled((await reader.get(path)).text)
    request = re.search(r'<option value="(\w+)">[^<]*消防是否合格', (await reader.get(path)).text)
    form |= {"request": request[1], "opinion": "合格", "recommend": "agree"}
    assert 303 == (await reader.post(path, form)).status
    assert "同意" in (await reader.get(one)).text

    await reader.sign_in("zhou-min")
    await does(reader, f"{one}/split-off", {"case": case})
    assert f'href="/cases/469002/{case}"' not in (await reader.get(one)).text


async def test_a_reading_of_one_is_on_record_with_its_number(reader):
    one = await registered(reader)
    await reader.get(one)

    answer = await reader.serving.get("/access-log?what=read-complaint", by="yan-qing")

    assert one.rpartition("/")[2] in [n for e in answer.body["items"] for n in e["cases"]]


# -- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.word)
def test_every_member_and_every_choice_has_its_words(kind):
    def inside(one):
        yield one
        for part in one.parts:
            yield from inside(part)

    known = catalogue()
    for shape in kind.bodies.values():
        for one in (inner for field in forms.fields_of(shape) for inner in inside(field)):
            if one.name:
                assert {f"data.{one.name}", f"{kind.word}-data.{one.name}"} & known.keys()
            for choice in one.choices:
                words = (f"{kind.word}-{one.name}", "value", "channel")
                assert any(f"{word}.{choice}" in known for word in words), (one.name, choice)
    for action in kind.bodies:
        assert f"action.{action}" in known
