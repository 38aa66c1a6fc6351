"""A correction by its form: only what differs is said, nothing of a person is shown or lost."""

import html
import re

import pytest

from api.bodies import ACTS, shaped
from api.web import correcting, forms
from ledger.correction import CORRECTABLE
from ledger.errors import Refused, Unknown
from ledger.lifecycle import ACTION_OF
from tests.api.serving import application
from tests.api.test_matters import OPENING
from tests.web.test_acting import WINDOW, hidden, opened, taken_in
from tests.web.test_pages import life


def filled(text):
    """What a browser would send back of a form that nobody has touched."""
    values = {}
    for name, attributes in re.findall(r'<input id="[^"]*" name="([^"]+)"([^>]*)>', text):
        values[name] = re.search(r'value="([^"]*)"', attributes)[1]
    values |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)<', text))
    for name, inner in re.findall(
        r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', text, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)" selected', inner)
        values[name] = chosen[1] if chosen else ""
    return hidden(text) | values


async def link_of(reader, case, version):
    """The link beside an act in the history that leads to its correction."""
    page = (await reader.get(f"/cases/469002/{case}")).text
    row = page.partition(f'id="v{version}"')[2].partition("</tr>")[0]
    found = re.search(r'class="mend" href="([^"]+)"', row)
    return found and found[1].replace("&amp;", "&")


async def test_a_clerk_proposes_and_the_head_approves(reader):
    case = await life(reader.serving)
    await reader.sign_in("chen-zhi")
    before = await reader.serving.state(case)
    link = await link_of(reader, case, 1)
    form = filled((await reader.get(link)).text)
    assert "window" == form["fields.channel"]

    form |= {"fields.channel": "online", "evidence": "e" * 64, "reason": "录入有误"}
    done = await reader.post(f"/cases/469002/{case}/correct", form)
    assert 303 == done.status, done.text
    history = (await reader.serving.get(f"/cases/{case}/events", by="chen-zhi")).body["items"]
    proposed = history[-1]
    assert {"channel": "online"} == proposed["data"]["fields"]
    assert before["channel"] == (await reader.serving.state(case))["channel"]

    await reader.sign_in("huang-qiang")
    path = f"/cases/469002/{case}/approve-correction"
    page = (await reader.get(path)).text
    assert "网上" in page  # what it would be, before it is approved
    done = await reader.post(path, filled(page))
    assert 303 == done.status, done.text
    assert "online" == (await reader.serving.state(case))["channel"]


async def test_who_proposed_does_not_approve(reader):
    case = await life(reader.serving)
    await reader.sign_in("chen-zhi")
    form = filled((await reader.get(await link_of(reader, case, 1))).text)
    form |= {"fields.channel": "online", "evidence": "e" * 64}
    assert 303 == (await reader.post(f"/cases/469002/{case}/correct", form)).status

    # Chen is no head; Huang is one, and does not approve what is her own: SOD-9 is named.
    assert 403 == (await reader.get(f"/cases/469002/{case}/approve-correction")).status
    await reader.sign_in("huang-qiang")
    form = filled((await reader.get(await link_of(reader, case, 1))).text)
    form |= {"fields.channel": "post", "evidence": "f" * 64}
    assert 303 == (await reader.post(f"/cases/469002/{case}/correct", form)).status
    path = f"/cases/469002/{case}/approve-correction"
    own = (await reader.serving.state(case))["corrections"][-1]["id"]
    refused = await reader.post(path, await opened(reader, path) | {"event": own})

    assert 403 == refused.status
    assert "SOD-9" in refused.text


async def test_a_form_that_nobody_touched_says_nothing(reader):
    case = await life(reader.serving)
    await reader.sign_in("chen-zhi")
    form = filled((await reader.get(await link_of(reader, case, 1))).text)

    refused = await reader.post(f"/cases/469002/{case}/correct", form | {"evidence": "e" * 64})

    assert 422 == refused.status
    assert "nothing differs" in refused.text
    assert [] == (await reader.serving.state(case))["corrections"]


async def test_a_persons_fields_are_not_shown_and_come_whole_or_not_at_all(reader):
    await reader.serving.at("2026-03-02 09:00")
    await reader.sign_in("zhou-min")
    case = await taken_in(reader)
    await reader.sign_in("chen-zhi")
    page = (await reader.get(await link_of(reader, case, 1))).text
    form = filled(page)
    assert "海南示例餐饮有限公司" not in page
    assert "" == form["fields.applicant.name"] == form["fields.applicant.id"]
    assert "organisation" == form["fields.applicant.kind"]

    path = f"/cases/469002/{case}/correct"
    form |= {"evidence": "e" * 64}
    half = await reader.post(path, form | {"fields.applicant.name": "海南新名餐饮有限公司"})
    assert 422 == half.status
    assert re.search(r'name="fields.applicant.id"[^>]*aria-invalid="true"', half.text)
    assert 'value="海南新名餐饮有限公司"' in half.text

    whole = {
        "fields.applicant.name": "海南新名餐饮有限公司",
        "fields.applicant.id": "91469002MA5X00014X",
    }
    done = await reader.post(path, filled(half.text) | whole)
    assert 303 == done.status, done.text
    (one,) = (await reader.serving.state(case))["corrections"]
    assert ["applicant"] == list(one["fields"])


async def test_what_was_taken_away_is_told(reader):
    case = await life(reader.serving)
    await reader.sign_in("chen-zhi")
    form = filled((await reader.get(await link_of(reader, case, 1))).text)

    refused = await reader.post(
        f"/cases/469002/{case}/correct", form | {"fields.channel": "", "evidence": "e" * 64}
    )

    assert 422 == refused.status
    assert re.search(r'name="fields.channel"[^>]*aria-invalid="true"', refused.text)


async def test_without_an_act_the_page_asks_which(reader):
    case = await life(reader.serving)
    await reader.sign_in("chen-zhi")

    page = await reader.get(f"/cases/469002/{case}/correct")

    links = re.findall(rf'href="(/cases/469002/{case}/correct\?event=[^"]+)"', page.text)
    assert 5 == len(links)
    assert 200 == (await reader.get(links[0])).status
    assert 404 == (await reader.get(f"/cases/469002/{case}/correct?event=none")).status


async def test_who_may_not_correct_sees_no_link(reader):
    case = await life(reader.serving)
    await reader.sign_in("jiang-he")

    assert await link_of(reader, case, 1) is None


@pytest.mark.parametrize("kind", sorted(CORRECTABLE))
def test_every_act_that_can_be_corrected_has_a_form_of_just_its_members(kind):
    names = CORRECTABLE[kind] | {"occurred_at"}
    shape = correcting._shape(ACTS[str(ACTION_OF[kind])], names)
    (fields,) = (one for one in forms.fields_of(shape) if "fields" == one.name)

    assert names == {part.name for part in fields.parts}
    assert all("free" != part.kind for part in fields.parts)
    with pytest.raises(Refused):
        shaped({"fields": {"stranger": "x"}}, shape)


# -- what a form may not lose or make up -----------------------------------------------------------


async def test_unusual_characters_come_back_as_they_were(reader):
    odd = "某某\u00a0餐饮\ue000馆"
    body = OPENING | {"name": odd}
    await reader.serving.at("2026-03-02 09:00")
    number = (await reader.serving.post("/matters", body, by="zhou-min")).body["matter"]
    await reader.sign_in("zhou-min")
    page = (await reader.get(f"/matters/469002/{number}")).text
    link = re.search(r'class="mend" href="([^"]+)"', page)[1].replace("&amp;", "&")

    form = filled((await reader.get(link)).text)

    assert odd == html.unescape(form["fields.name"])
    form = {name: html.unescape(value) for name, value in form.items()}
    form |= {"fields.promise": "5", "evidence": "e" * 64}
    done = await reader.post(f"/matters/469002/{number}/correct-matter", form)
    assert 303 == done.status, done.text
    told = (await reader.serving.get(f"/matters/{number}", by="zhou-min")).body
    assert ["promise"] == list(told["corrections"][0]["fields"])


async def test_a_form_keeps_the_version_its_reader_saw_until_they_hear_of_a_newer(reader):
    case = await life(reader.serving)
    await reader.sign_in("chen-zhi")
    form = filled((await reader.get(await link_of(reader, case, 1))).text)
    seen = form["_version"]
    await reader.serving.done(
        case, "record-intervention", {"person": "甲", "text": "打招呼"}, by="chen-zhi"
    )
    path = f"/cases/469002/{case}/correct"

    without = await reader.post(path, form | {"fields.channel": "online", "evidence": "?"})
    more = await reader.post(path, form | {"_more": "fields.materials"})
    late = await reader.post(path, form | {"fields.channel": "online", "evidence": "e" * 64})

    assert (422, 200, 412) == (without.status, more.status, late.status)
    assert (seen, seen) == (hidden(without.text)["_version"], hidden(more.text)["_version"])
    assert form["_key"] == hidden(more.text)["_key"]
    assert seen != hidden(late.text)["_version"]
    assert "online" == filled(late.text)["fields.channel"]


async def test_what_another_corrected_meanwhile_is_not_put_back(reader):
    case = await life(reader.serving)
    await reader.sign_in("chen-zhi")
    link = await link_of(reader, case, 1)
    form = filled((await reader.get(link)).text)
    other = form | {"fields.channel": "online", "evidence": "e" * 64}
    assert 303 == (await reader.post(f"/cases/469002/{case}/correct", other)).status
    one = (await reader.serving.state(case))["corrections"][0]["id"]
    await reader.serving.state(case)
    await reader.serving.done(case, "approve-correction", {"event": one}, by="huang-qiang")

    mine = form | {
        "_key": "a" * 32,
        "fields.materials.0.name": "申请表（一）",
        "evidence": "f" * 64,
    }
    late = await reader.post(f"/cases/469002/{case}/correct", mine)
    assert 412 == late.status, late.text
    again = {n: html.unescape(v) for n, v in filled(late.text).items()} | {"evidence": "f" * 64}
    assert "online" == again["fields.channel"]
    assert 303 == (await reader.post(f"/cases/469002/{case}/correct", again)).status
    assert ["materials"] == list((await reader.serving.state(case))["corrections"][1]["fields"])


async def test_more_materials_than_a_page_shows_rows_are_not_lost(reader):
    await reader.serving.at("2026-03-02 09:00")
    body = application("QH-002")
    body["materials"] = [
        {"name": f"材料{n}", "sha256": f"{n:064x}", "media_type": "application/pdf"}
        for n in range(75)
    ]
    answer = await reader.serving.post("/cases", body, by="zhou-min")
    await reader.sign_in("chen-zhi")
    form = filled((await reader.get(await link_of(reader, answer.body["case"], 1))).text)

    form |= {"fields.channel": "online", "evidence": "e" * 64}
    path = f"/cases/469002/{answer.body['case']}/correct"
    done = await reader.post(path, {n: html.unescape(v) for n, v in form.items()})

    assert 303 == done.status, done.text
    (one,) = (await reader.serving.state(answer.body["case"]))["corrections"]
    assert ["channel"] == list(one["fields"])


async def test_a_field_of_a_person_is_not_lost_beside_one_that_is_put_right(reader):
    await reader.serving.at("2026-03-02 09:00")
    told = {"kind": "delay", "channel": "telephone", "text": "太慢",
            "caller": {"name": "陈示例", "telephone": "13800138000"}}  # fmt: skip
    number = (await reader.serving.post("/complaints", told, by="lu-qian")).body["complaint"]
    await reader.sign_in("lu-qian")
    at = f"/complaints/469002/{number}"
    link = re.search(r'class="mend" href="([^"]+)"', (await reader.get(at)).text)[1]
    form = filled((await reader.get(link.replace("&amp;", "&"))).text) | {"evidence": "e" * 64}

    half = await reader.post(f"{at}/correct-complaint", form | {"fields.caller.telephone": "1"})

    assert 422 == half.status
    assert re.search(r'name="fields.caller.name"[^>]*aria-invalid="true"', half.text)
    whole = {"fields.caller.telephone": "13900139000", "fields.caller.name": "陈示例"}
    assert 303 == (await reader.post(f"{at}/correct-complaint", form | whole)).status


async def test_acts_of_another_line_are_neither_offered_nor_shown(reader):
    await reader.serving.at("2026-03-02 09:00")
    told = {"kind": "delay", "channel": "telephone", "text": "太慢", "call_reference": "12345-77"}
    number = (await reader.serving.post("/complaints", told, by="lu-qian")).body["complaint"]
    sent = {"unit": "qh-xzsp", "summary": "请核实"}
    headers = {"If-Match": '"1"'}
    await reader.serving.post(f"/complaints/{number}/assign", sent, by="lu-qian", headers=headers)
    history = (await reader.serving.get(f"/complaints/{number}", by="lu-qian")).body["history"]
    await reader.sign_in("chen-zhi")
    at = f"/complaints/469002/{number}"

    page = await reader.get(at)
    form = await reader.get(f"{at}/correct-complaint?event={history[0]['id']}")

    assert 'class="mend"' not in page.text
    assert 404 == form.status
    assert "12345-77" not in page.text + form.text

    case = await life(reader.serving, "2026-03-03")
    first = (await reader.serving.get(f"/cases/{case}/events", by="chen-zhi")).body["items"][0]
    await reader.sign_in("lu-qian")
    assert (await reader.get(f"/cases/469002/{case}/correct?event={first['id']}")).status in (
        403,
        404,
    )
    assert 'class="number">1<' not in (await reader.get(f"/cases/469002/{case}/correct")).text


async def test_where_the_outcome_is_not_known_the_form_comes_back_with_its_key(reader, monkeypatch):
    await reader.serving.at("2026-03-02 09:00")
    await reader.sign_in("zhou-min")
    form = await opened(reader, "/cases/469002/new?item=QH-002") | WINDOW
    ledger = await reader.serving.service.ledger("469002")
    recorded, lost = ledger.record, []

    async def cut(*given, **more):
        lost.append(await recorded(*given, **more))
        raise Unknown("the connection was lost")

    monkeypatch.setattr(ledger, "record", cut)
    unknown = await reader.post("/cases/469002/new", form)
    monkeypatch.undo()

    assert 503 == unknown.status, unknown.text
    assert form["_key"] == hidden(unknown.text)["_key"]
