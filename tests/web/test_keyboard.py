"""The keyboard alone: each user's main task by it, and the stops of every page."""

import io
import zipfile

import pytest

from tests.web.keys import keys, walked, wrong_stops
from tests.web.test_accessible import paths
from tests.web.test_browser import browser, pytestmark, sign_in, tab
from tests.web.test_tasks_browser import alone

__all__ = ["pytestmark"]

WAYS = [
    pytest.param({"locale": "zh-CN", "java_script_enabled": True}, id="zh"),
    pytest.param({"locale": "en-GB", "java_script_enabled": False}, id="en-plain"),
]


@pytest.mark.parametrize("how", WAYS)
async def test_a_clerk_takes_a_case_in_and_hands_it_over(serving, how):
    await serving.at("2026-03-02 09:00")

    async with keys(serving, **how) as one:
        await one.begin("zhou-min")
        await one.skip()
        await one.write("#item", "QH-002")
        await one.enter("form[action='/cases/469002/new'] button")
        await one.choose("[name='applicant.kind']", "organisation")
        await one.write("[name='applicant.name']", "海南示例餐饮有限公司")
        await one.write("[name='applicant.id_scheme']", "USCC")
        await one.write("[name='applicant.id']", "91469002MA5X00014X")
        await one.write("[name='materials.0.sha256']", "b" * 64)
        await one.enter("button[value=accept]", "Space")
        await one.enter("button[value=transfer]")
        await one.write("[name='to.unit']", "qh-xzsp")
        await one.to("details summary", "Tab")
        await one.page.keyboard.press("Space")
        await one.write("[name='to.person']", "chen-zhi")
        await one.enter("form[method=post] .submit button")
        case = one.page.url.split("/")[5].partition("?")[0]

    state = await serving.state(case)
    assert ("accepted", "chen-zhi") == (state["stage"], state["transfer"]["to"]["person"])


@pytest.mark.parametrize("how", WAYS)
async def test_a_supervisor_finds_why_a_case_is_red_and_who_must_answer(serving, how):
    late = await serving.received("QH-002", "2026-03-02 09:00")
    await serving.done(late, "accept", by="zhou-min", at="2026-03-02 10:00")
    await serving.at("2026-03-27 09:00")
    await serving.service.caught_up("469002", -1)

    async with keys(serving, **how) as one:
        await one.begin("wu-jun")
        await one.enter("nav.bar a[href^='/board/']")
        await one.skip()
        await one.enter(".numbers a.red")
        await one.enter(f"table.list a[href*='{late}']")
        assert "2026-03" in await one.page.inner_text("table.dues tr.red")
        await one.enter(f"a[href*='/lists/469002/alerts?case={late}']")
        told = await one.page.inner_text("table.list")
        assert any(name in told for name in ("周敏", "黄强", "王兰", "符海玲", "陈志")), told


@pytest.mark.parametrize("how", WAYS)
async def test_an_inspector_finds_replays_and_takes_away(serving, how):
    case = await alone(serving)

    async with keys(serving, **how) as one:
        await one.begin("jiang-he")
        await one.enter("nav.bar a[href$='/findings']")
        await one.skip()
        await one.enter(".facets a[href*='rule=sole-handler']")
        await one.enter(f"table.list a[href*='{case}']")
        await one.enter("a[href$='/replay']")
        last = one.page.url
        await one.enter("a[rel=first]")
        await one.enter("a[rel=next]")
        assert one.page.url.endswith("/replay/2") != last.endswith("/replay/2")
        if how["java_script_enabled"]:
            await one.to("#step")
            async with one.page.expect_navigation():
                await one.page.keyboard.press("ArrowRight")
            assert one.page.url.endswith("/replay/3#step")
        await one.enter(".crumb a")
        await one.enter("a[href$='/dossier']")
        await one.write("#f-number", "琼纪监〔2026〕1号")
        await one.write("#f-first", "江河")
        await one.write("#f-second", "严清")
        await one.to(".submit button")
        async with one.page.expect_download() as download:
            await one.page.keyboard.press("Enter")
        file = await (await download.value).path()
        names = zipfile.ZipFile(io.BytesIO(file.read_bytes())).namelist()
        assert "checkpoint" in " ".join(names)


@pytest.mark.parametrize("how", WAYS)
async def test_enter_in_a_form_with_rows_does_the_act(serving, how):
    case = await serving.accepted("QH-002", "2026-03-02")

    async with keys(serving, **how) as one:
        await one.begin("zhou-min")
        await one.page.goto(f"{serving.base}/cases/469002/{case}/transfer")
        await one.write("[name='handed_over.0']", "b" * 64)
        await one.to("[name='to.unit']", "Shift+Tab")
        await one.page.keyboard.insert_text("qh-xzsp")
        async with one.page.expect_navigation():
            await one.page.keyboard.press("Enter")

    assert "qh-xzsp" == (await serving.state(case))["transfer"]["to"]["unit"]


@pytest.mark.parametrize("how", WAYS)
async def test_one_row_more_has_the_focus(serving, how):
    case = await serving.accepted("QH-002", "2026-03-02")

    async with keys(serving, **how) as one:
        await one.begin("zhou-min")
        await one.page.goto(f"{serving.base}/cases/469002/{case}/transfer")
        await one.write("[name='to.unit']", "qh-xzsp")
        await one.enter("button[value=handed_over]")
        name = await one.page.evaluate("() => document.activeElement.name")
        assert "handed_over.1" == name

    assert (await serving.state(case))["transfer"] is None


async def test_the_button_that_enter_presses_is_told_and_stopped_at_once(serving):
    case = await serving.accepted("QH-002", "2026-03-02")

    async with keys(serving, locale="en-GB") as one:
        await one.begin("zhou-min")
        await one.page.goto(f"{serving.base}/cases/469002/{case}/transfer")
        told = one.page.get_by_role("button", name="transfer", exact=True)
        assert 1 == await told.count()
        assert [] == await wrong_stops(one.page)
        await one.to(".submit button")


async def first(page):
    """Return where the first stop of a page leads."""
    await page.reload()
    await page.keyboard.press("Tab")
    return await page.evaluate("() => document.activeElement.hash")


async def test_every_page_is_walked_through_and_out_again(serving):
    wrong = []

    async with tab(serving) as (page, _, _):
        await page.goto(f"{serving.base}/")
        wrong += [("/sign-in", *one) for one in await wrong_stops(page)]
        for person, seen in (await paths(serving)).items():
            await page.context.clear_cookies()
            await sign_in(page, serving, person)
            for path in seen:
                await page.goto(f"{serving.base}{path}")
                wrong += [(path, *one) for one in await wrong_stops(page)]
                if await first(page) != "#main":
                    wrong.append((path, "no way past what stands above every page"))

    assert [] == wrong


ILL = {
    "focus is not seen": "<style>a { outline: none }</style><a href='/1'>1</a>",
    "an order of its own": "<a href='/1'>1</a><a href='/2' tabindex='2'>2</a>",
    "not as it is read": "<main style='display: flex; flex-direction: column-reverse'>"
    "<a href='/1'>1</a><a href='/2'>2</a></main>",
    "a trap": "<a href='/1'>1</a><a href='/2'>2</a><a href='/3'>3</a><script>"
    "addEventListener('keydown', (e) => { const all = [...document.links];"
    "const n = all.indexOf(document.activeElement);"
    "if (n > 0) { e.preventDefault(); all[3 - n].focus() } })</script>",
}


@pytest.mark.parametrize("ill", ILL)
async def test_control_what_is_wrong_with_stops_is_seen(ill):
    async with browser() as started:
        page = await started.new_page()
        await page.set_content(f"<html lang='en'><body>{ILL[ill]}</body></html>")

        assert ill in {one for one, _ in await wrong_stops(page)}


async def test_control_a_page_with_good_stops_has_nothing_wrong():
    async with browser() as started:
        page = await started.new_page()
        await page.set_content("<html lang='en'><body><a href='/1'>1</a><button>2</button></body>")

        assert 2 == len(await walked(page))
        assert [] == await wrong_stops(page)
