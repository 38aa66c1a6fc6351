"""Organs and persons are told by name: a code stands behind its name only, or in a title."""

import re
from html.parser import HTMLParser

from api.web import sheet
from api.web.texts import Texts
from tests.web.test_acting import hidden
from tests.web.test_pages import life
from tests.web.test_queries import NAME, every_page, heard, reader  # noqa: F401 (fixtures)


class Words(HTMLParser):
    """What a reader sees of a page: no attributes, and nothing in `<code>` or `<option>`s."""

    def __init__(self, page):
        super().__init__()
        self.words, self.hidden = [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("style", "script", "code", "pre")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "script", "code", "pre")

    def handle_data(self, data):
        if not self.hidden:
            self.words.append(data.strip())


def codes_in(page, codes):
    """The codes that stand in a text of a page without their names in front of them."""
    said = [word for word in Words(page).words if word]
    bare = re.compile(rf"(?<![\w/(（@.-])({'|'.join(map(re.escape, codes))})(?![\w-])")
    return [word for word in said if bare.search(word)]


def test_control_a_code_is_found_where_its_name_is_not():
    named = "<p>陈志 (chen-zhi) <code>qh-xzsp</code> <a title='qh-xzsp'>x</a></p>"
    page = f"{named}<p>经 chen-zhi 办理</p>"

    assert ["经 chen-zhi 办理"] == codes_in(page, ["chen-zhi", "qh-xzsp"])


async def test_no_page_tells_an_organ_or_a_person_by_code(reader):  # noqa: F811
    pages = await every_page(reader.serving)
    office = reader.serving.service.ledgers[NAME].office
    codes = sorted({*office.organs, *(post.person for post in office.posts)})
    found = {}
    for asked in sorted(pages, key=lambda one: one.person):
        await reader.sign_in(asked.person)
        async with reader.session.get(reader.base + asked.address) as answer:
            if "text/html" in answer.headers["Content-Type"]:
                told = codes_in(await answer.text(), codes)
                if told:
                    found[asked.address] = told

    assert {} == found


async def test_who_acted_under_a_token_without_a_name_is_named_by_their_post(reader):  # noqa: F811
    office = (await reader.serving.service.ledger(NAME)).office
    actor = {
        "name": None, "person": "tang-li", "role": "handler", "organ": "qh-xzsp", "client": None,
        "kind": "person", "delegator": None,
    }  # fmt: skip
    act = {
        "version": 1, "type": "transferred", "responsibility": "approval", "position": 1,
        "actor": actor, "occurred_at": "2026-03-02T09:00:00+08:00", "recorded_at": None,
        "flags": [], "registers": {}, "data": {}, "reason": None, "basis": None, "source": None,
    }  # fmt: skip

    (told,) = sheet.history([act], Texts("zh-CN", office.zone), office)

    assert "唐丽" == told.actor


async def test_an_event_and_a_version_of_the_office_are_told_by_name(reader):  # noqa: F811
    case = await life(reader.serving)
    await reader.sign_in("jiang-he")

    history = await reader.get(f"/cases/{NAME}/{case}")
    item = await reader.get(f"/office/{NAME}/items/QH-002")

    assert "陈志 · 琼海市行政审批服务局" in history.text
    assert "审批机关 琼海市行政审批服务局" in item.text


async def test_a_unit_and_a_person_are_chosen_by_name(reader):  # noqa: F811
    case = await reader.serving.accepted("QH-002", "2026-03-02")
    path = f"/cases/{NAME}/{case}/transfer"
    await reader.sign_in("zhou-min")

    form = (await reader.get(path)).text
    unit = re.search(r'<input id="f-to.unit"[^>]*>', form)[0]
    offered = re.search(r'<datalist id="l-to.person">.*?</datalist>', form, re.DOTALL)[0]

    assert 'value="琼海市行政审批服务局"' in unit
    assert 'value="陈志 · 琼海市行政审批服务局"' in offered
    assert "chen-zhi" not in offered

    await reader.post(path, {
        **hidden(form), "to.unit": "琼海市行政审批服务局",
        "to.person": "陈志 · 琼海市行政审批服务局",
    })  # fmt: skip
    state = await reader.serving.get(f"/cases/{case}", by="zhou-min")

    assert {"unit": "qh-xzsp", "person": "chen-zhi"} == state.body["transfer"]["to"]


async def test_the_bureau_and_a_complaint_take_names_too(reader):  # noqa: F811
    await reader.sign_in("lu-qian")
    path = f"/complaints/{NAME}/new"
    form = (await reader.get(path)).text
    assert 'value="琼海市市场监督管理局"' in form

    done = await reader.post(path, {
        **hidden(form), "kind": "delay", "channel": "telephone", "text": "办得太慢",
        "about.unit": "琼海市行政审批服务局",
    })  # fmt: skip
    number = re.search(r"/complaints/469002/([^?#]*)", done.headers["Location"])[1]
    told = await reader.serving.get(f"/complaints/{number}", by="lu-qian")

    assert "qh-xzsp" == told.body["about"]["unit"]
