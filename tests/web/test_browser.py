"""The pages in a real browser: nothing runs, nothing is fetched from elsewhere, it prints.

Needs chromium (Debian: `apt-get install chromium`); without it these tests are skipped and
say so.
"""

import contextlib
import os
import shutil

import pytest
from playwright.async_api import async_playwright

from tests.web.test_pages import PAYLOADS, life

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: pages were not seen in a browser"),
]


@contextlib.asynccontextmanager
async def launched():
    """A browser without a sandbox where we are root, as it wants it."""
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield started
        finally:
            await started.close()


class Shared:
    """The one browser of a run: it takes longer to start than most tests take."""

    def __init__(self):
        self.stack, self.started = contextlib.AsyncExitStack(), None

    async def get(self):
        if self.started is None or not self.started.is_connected():
            await self.close()
            self.started = await self.stack.enter_async_context(launched())
        return self.started

    async def close(self):
        self.started = None
        await self.stack.aclose()


SHARED = Shared()


@contextlib.asynccontextmanager
async def browser():
    """The browser; whatever a test opens in it knows nothing of others, and is closed behind it."""
    started = await SHARED.get()
    try:
        yield started
    finally:
        for context in started.contexts:
            await context.close()


@contextlib.asynccontextmanager
async def tab(serving):
    """A tab, what it complained about, and where it went."""
    async with browser() as started:
        page = await started.new_page(locale="zh-CN", viewport={"width": 1280, "height": 900})
        page.set_default_timeout(20_000)
        heard, asked = [], []
        page.on("dialog", lambda dialog: heard.append(f"dialog {dialog.message}"))
        page.on("console", lambda said: heard.append(said.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        yield page, heard, asked
        assert all(url.startswith((serving.base, "data:")) for url in asked), asked


async def sign_in(page, serving, person):
    await page.goto(f"{serving.base}/")
    await page.fill("#token", serving.tokens.token(person, person))
    await page.click("main button")
    await page.wait_for_url(f"{serving.base}/")


async def test_somebody_signs_in_and_out_with_the_form(serving):
    case = await life(serving)
    await serving.service.caught_up("469002", -1)

    async with tab(serving) as (page, _, _):
        await sign_in(page, serving, "jiang-he")
        await page.click(f"text={case}")
        await page.wait_for_selector("svg.lanes")
        assert "办件台账" in await page.title()
        await page.click("text=English")
        await page.wait_for_selector("text=Every act of an approval, on record")
        assert case in await page.title()
        await page.click("text=Sign out")
        await page.wait_for_selector("#token")


async def test_nothing_that_somebody_wrote_runs(serving):
    cases = [
        await life(serving, f"2026-03-{2 + n:02}", opinion=payload)
        for n, payload in enumerate(PAYLOADS)
    ]

    async with tab(serving) as (page, heard, _):
        await sign_in(page, serving, "jiang-he")
        heard.clear()  # the form itself was answered 401
        for case, payload in zip(cases, PAYLOADS, strict=True):
            await page.goto(f"{serving.base}/cases/469002/{case}")
            assert payload in await page.inner_text("table.history")
        assert [] == heard


async def test_a_page_is_laid_out_and_prints(serving, tmp_path):
    case = await life(serving)

    async with tab(serving) as (page, _, _):
        await sign_in(page, serving, "jiang-he")
        await page.goto(f"{serving.base}/cases/469002/{case}")

        wide = await page.evaluate(
            "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        outside = await page.eval_on_selector_all(
            "svg.lanes text",
            "(texts) => texts.filter((t) => { const b = t.getBBox();"
            " return b.x < 0 || b.x + b.width > 1162 }).map((t) => t.textContent)",
        )
        seen = await page.evaluate(
            "() => getComputedStyle(document.querySelector('.stage')).border"
        )
        paper = await page.pdf(prefer_css_page_size=True)

        assert wide
        assert [] == outside
        assert "1px solid" in seen
        assert paper.startswith(b"%PDF")
        assert 1 <= paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") <= 5


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_a_case_is_gone_through_step_by_step(serving, tmp_path, language):
    case = await life(serving)

    async with tab(serving) as (page, heard, _):
        await sign_in(page, serving, "jiang-he")
        heard.clear()
        await page.goto(f"{serving.base}/cases/469002/{case}?lang={language}")
        await page.click("p.steps a[href*='/replay']")
        await page.click("a[rel=first]")
        assert "replay/1" in page.url
        await page.click("a[rel=next]")
        assert "replay/2" in page.url
        for number, width in enumerate((1280, 390)):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.screenshot(path=tmp_path / f"step-{number}.png", full_page=True)
            assert await page.evaluate(FITS), width
        await page.click("nav.steps a[href*=as_of]")
        for number, width in enumerate((1280, 390)):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.screenshot(path=tmp_path / f"known-{number}.png", full_page=True)
            assert await page.evaluate(FITS), width
        await page.fill("#as-of", "2026-03-02T09:30:00")
        await page.click("form.find button")
        assert "09:30:00" in await page.inner_text("p.banner")
        assert [] == heard
