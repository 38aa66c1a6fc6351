"""Complaints and matters on pages of their own: who reads them, and what is kept from whom."""

import re

import pytest

from tests.api.serving import application
from tests.web.test_lists import table, world

CALLER = {"name": "陈示例", "telephone": "13800138000"}


async def complained(here):
    _, late, _ = await world(here)
    told = {"kind": "delay", "channel": "telephone", "text": "承诺期已过，仍未答复",
            "case": late, "caller": CALLER, "call_reference": "12345-0001"}  # fmt: skip
    answer = await here.post("/complaints", told, by="lu-qian")
    assert answer.status == 201, answer.body
    number = answer.body["complaint"]
    sent = {"unit": "qh-xzsp", "summary": "请核实办件进度"}
    headers = {"If-Match": '"1"'}
    done = await here.post(f"/complaints/{number}/assign", sent, by="lu-qian", headers=headers)
    assert done.status == 201, done.body
    return number, late


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_a_complaint_is_told_with_its_history(reader, language):
    number, late = await complained(reader.serving)
    await reader.sign_in("lu-qian")

    seen = await reader.get(f"/complaints/469002/{number}?lang={language}")

    assert 200 == seen.status
    assert int(seen.headers["Ledger-Position"]) > 0
    words = ("拖延", "投诉派单", "请核实办件进度") if language == "zh-CN" else ("delay", "assigned")
    for word in (number, *words):
        assert word in seen.text, word
    assert f'href="/cases/469002/{late}?lang={language}"' in seen.text
    # What somebody said is as personal as who they are.
    assert "承诺期已过" not in seen.text
    assert "陈示例" not in seen.text
    assert "13800138000" not in seen.text
    assert not re.findall(r">(?:beside|list|event|complaint-[a-z]+)\.[a-z-]+", seen.text)


async def test_the_unit_does_not_see_who_complained(reader):
    number, _ = await complained(reader.serving)
    shown = {}
    for person in ("lu-qian", "wu-jun"):
        await reader.sign_in(person)
        shown[person] = (await reader.get(f"/complaints/469002/{number}")).text

    assert "12345-0001" in shown["lu-qian"]
    assert "<dt>投诉人</dt>" in shown["lu-qian"]
    assert "12345-0001" not in shown["wu-jun"]
    assert "<dt>投诉人</dt>" not in shown["wu-jun"]


async def test_a_complaint_of_others_is_not_there(reader):
    number, _ = await complained(reader.serving)
    await reader.sign_in("zhou-min")

    foreign = await reader.get(f"/complaints/469002/{number}")
    missing = await reader.get("/complaints/469002/469002-C-2026-000099")

    assert (404, 404) == (foreign.status, missing.status)
    assert number not in foreign.text.split("<main")[1]


async def test_the_list_leads_to_the_page_and_so_does_its_number(reader):
    number, _ = await complained(reader.serving)
    await reader.sign_in("lu-qian")

    listed = table(await reader.get("/lists/469002/complaints"))
    links = [href for row in listed.links for href in row]
    found = await reader.get(f"/find?ledger=469002&case={number}")

    assert f"/complaints/469002/{number}" in links
    assert f"<title>{number}" in found.text
    assert 404 == (await reader.get("/find?ledger=469002&case=469002-C-2026-000099")).status


async def opened(here):
    await here.at("2026-03-02 09:00")
    one = {"name": "开饭店一件事", "kind": "one-thing", "items": ["QH-002"],
           "applicant": application("QH-002")["applicant"]}  # fmt: skip
    answer = await here.post("/matters", one, by="zhou-min")
    assert answer.status == 201, answer.body
    number = answer.body["matter"]
    case = await here.received("QH-002", "2026-03-02 10:00", matter=number)
    return number, case


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_a_matter_is_told_with_its_cases(reader, language):
    number, case = await opened(reader.serving)
    await reader.sign_in("jiang-he")

    seen = await reader.get(f"/matters/469002/{number}?lang={language}")
    listed = table(await reader.get(f"/lists/469002/matters?lang={language}"))

    assert 200 == seen.status
    rows = table(seen).told()
    assert [case] == [row["办件" if language == "zh-CN" else "Case"] for row in rows]
    assert "开饭店一件事" in seen.text
    assert "海南示例餐饮有限公司" not in seen.text
    assert ("办件并入" if language == "zh-CN" else "case joined") in seen.text
    assert f"/matters/469002/{number}?lang={language}" in listed.links[1]
    assert not re.findall(r">(?:beside|list|event|matter-[a-z]+)\.[a-z-]+", seen.text)


async def test_a_matter_of_others_is_not_there(reader):
    number, _ = await opened(reader.serving)
    await reader.sign_in("li-na")

    assert 404 == (await reader.get(f"/matters/469002/{number}")).status
    assert 404 == (await reader.get("/matters/469002/469002-M-2026-000099")).status


async def test_reading_one_is_on_record(reader):
    number, _ = await complained(reader.serving)
    await reader.sign_in("wu-jun")
    await reader.get(f"/complaints/469002/{number}")

    items = (await reader.serving.get("/access-log", by="yan-qing")).body["items"]

    assert "read-complaint" in {one["what"] for one in items}
