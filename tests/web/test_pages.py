"""The pages over real HTTP: who sees what, in two languages, and what never runs."""

import re
import time
from html.parser import HTMLParser

import pytest

from api.web import session
from api.web.page import SCRIPT_POLICY
from tests.api.test_imports import GOOD, committed, upload

PAYLOADS = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    '"><svg onload=alert(1)>',
    "<svg><style>*{display:none}</style></svg>",
    "{{7*7}} {% raw %} ${7*7}",
    "<a href='https://example.org'>&lt;&amp;</a>",
    "'; DROP TABLE ledger.event; --",
)
UNUSUAL = "同意\ue000办理，p\u0430yment"


class Tags(HTMLParser):
    """The elements, attributes and texts of a page, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


def part(pattern, text):
    """The one group of a pattern in a page."""
    found = re.search(pattern, text)
    assert found is not None, pattern
    return found[1].replace("&amp;", "&")


async def life(serving, day="2026-03-02", opinion="材料齐全，符合条件"):
    case = await serving.accepted("QH-002", day)
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}
    await serving.done(case, "transfer", to, by="zhou-min", at=f"{day} 11:00")
    await serving.done(case, "acknowledge-transfer", by="chen-zhi")
    said = {"level": "handle", "opinion": opinion, "recommend": "grant"}
    await serving.done(case, "review", said, by="chen-zhi", at=f"{day} 14:00")
    return case


@pytest.fixture(scope="module")
async def written(shared):
    """Cases in which somebody wrote something, by what they wrote."""
    return {
        text: await life(shared, f"2026-02-{2 + n:02}", opinion=text)
        for n, text in enumerate((*PAYLOADS, UNUSUAL))
    }


@pytest.fixture(scope="module")
async def case(shared, written):
    """A case that the clock has not moved on from."""
    return await life(shared)


# -- signing in -------------------------------------------------------------------------------


async def test_who_is_not_signed_in_sees_the_form_in_their_language(visitor):
    chinese = await visitor.get("/")
    english = await visitor.get("/", **{"Accept-Language": "en-GB,en;q=0.9"})
    asked = await visitor.get("/?lang=en", **{"Accept-Language": "zh-CN"})

    assert (401, 401) == (chinese.status, english.status)
    assert "<h1>登录</h1>" in chinese.text
    assert "zh-CN" == chinese.headers["Content-Language"]
    assert "<h1>Sign in</h1>" in english.text
    assert "<h1>Sign in</h1>" in asked.text


async def test_a_token_is_kept_in_a_cookie_that_no_script_and_no_other_site_can_use(visitor):
    signed = await visitor.sign_in("jiang-he", "/cases/469002/x")

    assert 303 == signed.status
    assert "/cases/469002/x" == signed.headers["Location"]
    cookie = signed.cookies["caseledger_session"]
    assert cookie["httponly"]
    assert "Strict" == cookie["samesite"]
    assert "/" == cookie["path"]
    assert str(session.IDLE_S) == cookie["max-age"]
    assert "江河" in (await visitor.get("/")).text


@pytest.mark.parametrize("token", ["", "not a token", "a.b.c", "张三", "x" * 5000])
async def test_what_is_no_token_signs_nobody_in(visitor, token):
    refused = await visitor.post("/sign-in", {"token": token})

    assert 401 == refused.status
    assert "令牌无效" in refused.text
    assert {} == refused.cookies


@pytest.mark.parametrize("following", ["//evil.example", "https://evil.example", "/\\evil", ""])
async def test_signing_in_leads_to_no_other_site(visitor, following):
    assert "/" == (await visitor.sign_in("jiang-he", following)).headers["Location"]


async def test_a_form_of_another_site_is_turned_away(visitor):
    token = visitor.serving.tokens.token("jiang-he", "江河")

    refused = await visitor.post("/sign-in", {"token": token}, Origin="https://evil.example")

    assert 403 == refused.status
    assert {} == refused.cookies
    assert 403 == (await visitor.post("/sign-out", Origin="null")).status


async def test_who_was_away_too_long_signs_in_again(reader, monkeypatch):
    await reader.sign_in("jiang-he")
    assert 200 == (await reader.get("/")).status
    now = time.time()

    monkeypatch.setattr(time, "time", lambda: now + session.IDLE_S + 5)

    assert 401 == (await reader.get("/")).status


async def test_a_cookie_that_we_did_not_make_is_none(visitor):
    signed = await visitor.sign_in("jiang-he")
    value = signed.cookies["caseledger_session"].value
    mac, seen, token = value.split(".", 2)
    forged = f"caseledger_session={mac}.{int(seen) + 600}.{token}"
    visitor.session.cookie_jar.clear()

    assert 401 == (await visitor.get("/", Cookie=forged)).status
    assert 401 == (await visitor.get("/", Cookie="caseledger_session=x.y.z")).status


async def test_signing_out_forgets(visitor):
    await visitor.sign_in("jiang-he")

    signed_out = await visitor.post("/sign-out")

    assert 303 == signed_out.status
    assert 401 == (await visitor.get("/")).status


async def test_the_interface_takes_no_cookie(visitor):
    await visitor.sign_in("jiang-he")

    assert 401 == (await visitor.get("/v1/ledgers/469002/cases")).status


# -- a case -------------------------------------------------------------------------------------


async def test_a_case_is_told_in_chinese_and_in_english(visitor, case):
    await visitor.sign_in("jiang-he")

    chinese = await visitor.get(f"/cases/469002/{case}")
    english = await visitor.get(f"/cases/469002/{case}?lang=en")

    for page, words in (
        (chinese, ("审查中", "审批", "监管", "执法", "承诺时限", "绿灯", "历史记录", "接收转办")),
        (english, ("in review", "Approval", "Supervision", "Enforcement", "promised", "green")),
    ):
        assert 200 == page.status
        for word in (case, "公共场所卫生许可（新办）", "陈志", *words):
            assert word in page.text, word
    assert "自 2026-03-02 起第 5 个工作日" in chinese.text
    assert "working day no. 5 after 2026-03-02" in english.text


async def test_a_case_shows_three_lanes_and_both_times_of_each_act(reader):
    case = await life(reader.serving)
    await reader.serving.done(
        case,
        "review",
        {
            "level": "check",
            "opinion": "同意",
            "recommend": "grant",
            "reason": "系统维护，次日补录",
            "occurred_at": "2026-03-02T15:00:00+08:00",
        },
        by="lin-bo",
        at="2026-03-04 09:30",
    )
    await reader.sign_in("jiang-he")

    text = (await reader.get(f"/cases/469002/{case}")).text

    assert ["approval", "supervision", "enforcement"] == re.findall(r'class="lane (\w+)"', text)
    assert 6 == len(re.findall(r'<tr class="approval" id="v\d+">', text))
    row = text[text.index('id="v6"') :]
    assert "2026-03-02 15:00:00" in row
    assert "2026-03-04 09:30:0" in row
    assert "补录 · 42 小时后" in row


async def test_what_moved_a_due_date_is_explained(reader):
    here = reader.serving
    case = await life(here)
    notice = {"kind": "inspection", "planned_days": 3, "approved_by": "huang-qiang"}
    served = {"notice": "a" * 64, "served_at": "2026-03-03"}
    await here.done(case, "suspend", notice | served, by="chen-zhi", at="2026-03-03 09:00")
    await reader.sign_in("jiang-he")

    text = (await reader.get(f"/cases/469002/{case}")).text

    assert "2026-03-09 → 2026-03-12：特别程序停计（停计自次日起算）" in text
    assert '<span class="light stopped">停计</span>' in text
    assert 'fill="url(#paused)"' in text


async def test_whose_post_does_not_read_the_history_sees_the_main_dates(visitor, case):
    await visitor.sign_in("zhou-min")

    page = await visitor.get(f"/cases/469002/{case}")

    assert 200 == page.status
    assert "承诺时限" in page.text
    assert "历史记录</h2>" not in page.text
    assert "材料齐全" not in page.text
    assert "您的岗位不查看历史记录" in page.text


async def test_what_was_recorded_elsewhere_is_said_to_be_so(reader):
    await reader.serving.at("2026-03-02 09:00")
    uploaded = await upload(reader.serving, GOOD)
    await committed(reader.serving, uploaded.body["id"])
    await reader.sign_in("jiang-he")

    page = await reader.get("/cases/469002/469002-2026-000001")

    assert 200 == page.status
    for words in (
        "他处记录的事实",
        "old-system",
        "old-permit",
        "已办结",
        "准予",
        "2019-01-02",
        "没有时限",
    ):
        assert words in page.text, words


async def test_personal_fields_are_masked(visitor, case):
    await visitor.sign_in("jiang-he")

    text = (await visitor.get(f"/cases/469002/{case}")).text

    assert "海南示例餐饮有限公司" not in text
    assert "91469002MA5X00014X" not in text
    assert "海南******公司" in text


@pytest.mark.parametrize("number", ["469002-2026-000099", "nonsense", "469002-2026-1'--"])
async def test_what_is_not_there_and_what_is_not_yours_look_the_same(visitor, case, number):
    await visitor.sign_in("li-na")  # of another department than the one that supervises it

    missing = await visitor.get(f"/cases/469002/{number}")
    foreign = await visitor.get(f"/cases/469002/{case}")

    def same(page: str) -> str:
        page = page.replace(number, "*").replace(case, "*")
        return re.sub(r"<code>[0-9a-f]{32}</code>|%27|2026-03-02 \d\d:\d\d:\d\d", "*", page)

    assert (404, 404) == (missing.status, foreign.status)
    assert "case-not-found" in missing.text
    assert same(missing.text).count("*") >= 1
    assert (
        missing.text[missing.text.index("<main") :].split("<code>")[0]
        == (foreign.text[foreign.text.index("<main") :].split("<code>")[0])
    )


async def test_a_stranger_is_told_that_there_is_nothing(visitor):
    await visitor.sign_in("nobody-at-all")

    assert 404 == (await visitor.get("/")).status
    assert 404 == (await visitor.get("/cases/469002/469002-2026-000001")).status


async def test_a_number_leads_to_its_page(visitor, case):
    await visitor.sign_in("jiang-he")

    found = await visitor.get(f"/find?ledger=469002&case=%20{case}%20&lang=en")

    assert 200 == found.status
    assert f"<title>{case} · Case ledger</title>" in found.text
    assert 404 == (await visitor.get("/find?ledger=469002&case=469002-2026-000099")).status


# -- what never runs ------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_somebody_wrote_is_shown_as_text(visitor, written, payload):
    case = written[payload]
    await visitor.sign_in("jiang-he")

    page = Tags((await visitor.get(f"/cases/469002/{case}")).text)

    assert payload in "".join(page.words)
    assert not {"img[src=x]", "style", "iframe"} & set(page.elements)
    assert 1 == page.elements.count("svg") == page.elements.count("script")
    assert not any(name.startswith("on") or name == "style" for name, _ in page.attributes)
    assert all(
        str(v).startswith(("/", "#main")) for name, v in page.attributes if name in ("href", "src")
    )


async def test_an_unusual_character_is_marked(visitor, written):
    case = written[UNUSUAL]
    await visitor.sign_in("jiang-he")

    text = (await visitor.get(f"/cases/469002/{case}")).text

    assert 'title="U+E000 自用区字符">\ue000<sup>U+E000</sup>' in text
    assert "U+0430" in text


@pytest.mark.parametrize("path", ["/", "/cases/469002/{case}", "/nothing-here"])
async def test_every_page_forbids_what_it_does_not_need(visitor, case, path):
    await visitor.sign_in("jiang-he")

    page = await visitor.get(path.format(case=case))

    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    if 200 != page.status:
        assert "script-src" not in policy
    else:
        assert f"{SCRIPT_POLICY}; connect-src 'self'" == policy
        assert "no-store" == page.headers["Cache-Control"]
    assert "nosniff" == page.headers["X-Content-Type-Options"]
    assert "Server" not in page.headers


async def test_the_stylesheet_has_an_address_that_changes_with_it(visitor):
    page = await visitor.get("/")
    address = part(r'href="(/style\.css\?v=[0-9a-f]{12})"', page.text)

    sheet = await visitor.get(address)

    assert 200 == sheet.status
    assert "text/css; charset=utf-8" == sheet.headers["Content-Type"]
    assert "@media print" in sheet.text
    assert "url(" not in sheet.text


# -- the first page -------------------------------------------------------------------------------


async def test_the_first_page_lists_alerts_and_cases(reader):
    here = reader.serving
    case = await life(here)
    await here.at("2026-03-20 09:00")
    await reader.sign_in("xing-tao")

    # A view may be some events behind what was just recorded.
    await here.service.caught_up("469002", -1)
    text = (await reader.get("/")).text

    assert f'<a href="/cases/469002/{case}">{case}</a>' in text
    assert "模拟台账" in text
    alerts, cases = text.split("<h1>近期办件", 1)
    assert '<span class="light red">红牌</span>' in alerts
    assert "承诺时限" in alerts
    assert '<span class="light red">红灯</span>' in cases


async def test_a_card_that_was_answered_leaves_the_first_page_and_stays_in_the_list(reader):
    here = reader.serving
    case = await life(here)
    await here.at("2026-03-20 09:00")
    cards = (await here.get(f"/alerts?case={case}&state=raised", by="xing-tao")).body["items"]
    await reader.sign_in("xing-tao")
    before = (await reader.get("/")).text
    here.versions[case] = (await here.state(case))["version"]
    for card in cards:
        answer = {"alert": card["id"], "explanation": "申请人出差", "remedy": "改为邮寄"}
        by = min(card["addressees"])
        await here.done(case, "answer-alert", answer, by=by)
    await here.service.caught_up("469002", -1)

    after = (await reader.get("/")).text
    listed = (await reader.get("/lists/469002/alerts")).text

    assert case in before.split("<h1>近期办件", 1)[0].split("<h1>待答复的预警", 1)[1]
    assert "目前没有待答复的预警" in after
    assert '<span class="light red">红牌</span>' in listed


async def test_a_list_goes_on_where_its_page_ended(reader, monkeypatch):
    from api.web import desk

    monkeypatch.setattr(desk, "LIMIT", 2)
    here = reader.serving
    numbers = [await here.received("QH-002", f"2026-03-02 09:0{n}") for n in range(3)]
    await here.service.caught_up("469002", -1)
    await reader.sign_in("jiang-he")

    first = (await reader.get("/?lang=en")).text
    more = part(r'href="(/\?[^"]*cases=[^"]*)"', first)
    second = (await reader.get(more)).text

    assert numbers[:0:-1] == re.findall(r'<a href="/cases/469002/[^"]*">([^<]*)</a>', first)
    assert numbers[:1] == re.findall(r'<a href="/cases/469002/[^"]*">([^<]*)</a>', second)
    assert "<h1>Recent cases</h1>" in second


async def test_a_cursor_of_another_person_leads_nowhere(reader, monkeypatch):
    from api.web import desk

    monkeypatch.setattr(desk, "LIMIT", 1)
    for n in range(2):
        await reader.serving.received("QH-002", f"2026-03-02 09:0{n}")
    await reader.serving.service.caught_up("469002", -1)
    await reader.sign_in("jiang-he")
    more = part(r'href="(/\?[^"]*cases=[^"]*)"', (await reader.get("/")).text)
    await reader.sign_in("xing-tao")

    assert 400 == (await reader.get(more)).status
