"""What each user comes for, in a real browser: from the start page within five presses.

With and without scripts, in Chinese and English, wide and narrow.  A press is a click on a link or
a button; to write into a field or to choose from a list is none.
"""

import contextlib
import io
import zipfile

import pytest

from tests.api.serving import GRANT
from tests.web.test_browser import browser, pytestmark

__all__ = ["pytestmark"]

WAYS = [
    pytest.param({"locale": "zh-CN", "java_script_enabled": True}, 1280, id="zh"),
    pytest.param({"locale": "en-GB", "java_script_enabled": True}, 390, id="en-narrow"),
    pytest.param({"locale": "zh-CN", "java_script_enabled": False}, 390, id="zh-narrow-plain"),
    pytest.param({"locale": "en-GB", "java_script_enabled": False}, 1280, id="en-plain"),
]
MOST = 5


class Hand:
    """Somebody at a page who counts their presses."""

    def __init__(self, page, serving):
        self.page = page
        self.serving = serving
        self.presses = 0

    async def press(self, selector):
        """Press what is there, and wait for where it leads."""
        self.presses += 1
        async with self.page.expect_navigation():
            await self.page.locator(selector).first.click()

    async def begin(self, person):
        """Sign in, and stand on the start page."""
        await self.page.context.clear_cookies()
        await self.page.goto(f"{self.serving.base}/")
        await self.page.fill("#token", self.serving.tokens.token(person, person))
        async with self.page.expect_navigation():
            await self.page.click("main button")
        self.presses = 0


@contextlib.asynccontextmanager
async def hand(serving, how, width):
    """A hand in a browser of that kind; what the page complains about fails the test."""
    async with browser() as started:
        context = await started.new_context(viewport={"width": width, "height": 900}, **how)
        page = await context.new_page()
        page.set_default_timeout(20_000)
        heard = []
        page.on("console", lambda said: heard.append(said.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        yield Hand(page, serving)
        # The form to sign in is answered 401, which the console tells.
        assert [] == [text for text in heard if "401" not in text]


@pytest.mark.parametrize(("how", "width"), WAYS)
async def test_a_clerk_takes_a_case_in_and_hands_it_over(serving, how, width):
    await serving.at("2026-03-02 09:00")

    async with hand(serving, how, width) as one:
        await one.begin("zhou-min")
        await one.page.fill("#item", "QH-002")
        await one.press("form[action='/cases/469002/new'] button")
        await one.page.select_option("[name='applicant.kind']", "organisation")
        for name, value in (
            ("applicant.name", "海南示例餐饮有限公司"),
            ("applicant.id_scheme", "USCC"),
            ("applicant.id", "91469002MA5X00014X"),
            ("materials.0.sha256", "b" * 64),
        ):
            await one.page.fill(f"[name='{name}']", value)
        await one.press("button[value=accept]")
        await one.press("button[value=transfer]")
        await one.page.fill("[name='to.unit']", "qh-xzsp")
        await one.page.locator("details summary").first.click()
        await one.page.fill("[name='to.person']", "chen-zhi")
        await one.press("form[method=post] .submit button")
        case = one.page.url.split("/")[5].partition("?")[0]
        assert one.presses <= MOST

    state = await serving.state(case)
    assert ("accepted", "chen-zhi") == (state["stage"], state["transfer"]["to"]["person"])


@pytest.mark.parametrize(("how", "width"), WAYS)
async def test_a_supervisor_finds_why_a_case_is_red_and_who_must_answer(serving, how, width):
    late = await serving.received("QH-002", "2026-03-02 09:00")
    await serving.done(late, "accept", by="zhou-min", at="2026-03-02 10:00")
    await serving.at("2026-03-27 09:00")
    await serving.service.caught_up("469002", -1)

    async with hand(serving, how, width) as one:
        await one.begin("wu-jun")
        await one.press("nav.bar a[href^='/board/']")
        await one.press(".numbers a.red")
        await one.press(f"table.list a[href*='{late}']")
        why = await one.page.inner_text("table.dues tr.red")
        assert "2026-03" in why
        await one.press(f"a[href*='/lists/469002/alerts?case={late}']")
        told = await one.page.inner_text("table.list")
        assert "qh-xzsp" not in told
        assert any(name in told for name in ("周敏", "黄强", "王兰", "符海玲", "陈志")), told
        assert one.presses <= MOST


async def alone(serving):
    """A case that one person accepted and decided (S10), as a rule of the place allows."""
    case = await serving.received("QH-001", "2026-03-05", by="wang-lan")
    await serving.done(case, "accept", by="wang-lan")
    await serving.done(case, "decide", GRANT, by="wang-lan", at="2026-03-05 11:00")
    await serving.service.caught_up("469002", -1)
    return case


@pytest.mark.parametrize(("how", "width"), WAYS)
async def test_an_inspector_finds_replays_and_takes_away(serving, how, width):
    case = await alone(serving)

    async with hand(serving, how, width) as one:
        await one.begin("jiang-he")
        await one.press("nav.bar a[href$='/findings']")
        await one.press(".facets a[href*='rule=sole-handler']")
        await one.press(f"table.list a[href*='{case}']")
        at = one.page.url
        await one.press("a[href$='/replay']")
        assert "/replay" in one.page.url
        assert one.presses <= MOST

        await one.page.goto(at)
        await one.page.locator("a[href$='/dossier']").click()
        await one.page.fill("#f-number", "琼纪监〔2026〕1号")
        await one.page.fill("#f-first", "江河")
        await one.page.fill("#f-second", "严清")
        async with one.page.expect_download() as download:
            await one.page.locator(".submit button").click()
        file = await (await download.value).path()
        names = zipfile.ZipFile(io.BytesIO(file.read_bytes())).namelist()
        assert "checkpoint" in " ".join(names)

    asked = "/access-log?what=read-dossier"
    lead = (await serving.get(asked, by="yan-qing")).body["items"]
    head = (await serving.get(asked, by="wu-jun")).body["items"]
    said = {"code": "inspection", "reference": "琼纪监〔2026〕1号 江河、严清"}
    assert said in [one["purpose"] for one in lead]
    assert [] == head, "an inspector's reading is in the sealed line alone"
