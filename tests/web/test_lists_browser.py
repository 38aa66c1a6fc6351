"""Lists, board, persons in a real browser: laid out wide and narrow, in both languages, printed."""

import pytest

from tests.web.test_beside import complained, opened
from tests.web.test_browser import FITS, pytestmark, sign_in, tab

__all__ = ["pytestmark"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_the_pages_fit_wide_and_narrow_and_print(serving, tmp_path, language):
    number, _ = await complained(serving)
    await serving.service.caught_up("469002", -1)
    paths = (
        "/lists/469002/cases", "/lists/469002/audit?responsibility=approval",
        "/lists/469002/complaints", "/board/469002", "/persons/469002/zhou-min",
        "/organs/469002/qh-xzsp", f"/complaints/469002/{number}",
    )  # fmt: skip

    async with tab(serving) as (page, heard, _):
        await sign_in(page, serving, "jiang-he")
        heard.clear()  # the form itself was answered 401
        for path in paths:
            asked = f"{path}{'&' if '?' in path else '?'}lang={language}"
            answer = await page.goto(f"{serving.base}{asked}")
            assert 200 == answer.status, path
            for width in (1280, 390):
                await page.set_viewport_size({"width": width, "height": 900})
                assert await page.evaluate(FITS), (path, width)
                await page.screenshot(path=tmp_path / f"{width}.png", full_page=True)
            paper = await page.pdf(prefer_css_page_size=True)
            assert paper.startswith(b"%PDF")
        assert [] == heard


async def test_somebody_filters_a_list_and_follows_a_number_of_the_board(serving):
    number, case = await opened(serving)
    await serving.service.caught_up("469002", -1)

    async with tab(serving) as (page, heard, _):
        await sign_in(page, serving, "jiang-he")
        heard.clear()
        await page.click("nav.bar a[href^='/lists/']")
        await page.select_option("#f-stage", "received")
        await page.fill("#f-q", case)
        await page.click(".filters button")
        assert "stage=received" in page.url
        assert case in await page.inner_text("table.list")
        await page.click(f"table.list a[href$='{case}']")
        await page.click(f"text={number}")
        assert "/matters/" in page.url
        await page.click("nav.bar a[href^='/board/']")
        await page.click("#organ-light table a")
        assert case in await page.inner_text("table.list")
        assert "light=" in page.url
        assert [] == heard


async def test_on_paper_the_filters_are_gone_and_utc_and_position_stand_beside(serving):
    await complained(serving)
    await serving.service.caught_up("469002", -1)

    async with tab(serving) as (page, _, _):
        await sign_in(page, serving, "jiang-he")
        await page.goto(f"{serving.base}/lists/469002/audit?responsibility=approval&lang=en")
        beside = "() => getComputedStyle(document.querySelector('.list td.d'), '::after').content"
        assert "UTC" not in await page.evaluate(beside)

        await page.emulate_media(media="print")

        assert "UTC 2026-03-02 01:00" in await page.evaluate(beside)
        assert "position" in await page.evaluate(beside)
        assert not await page.is_visible(".filters")
        assert await page.is_visible(".upto")
