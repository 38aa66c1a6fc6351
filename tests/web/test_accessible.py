"""Every page before axe-core: no violation of WCAG 2.2 AA, in both languages, wide and narrow.

Contrast, names of controls, headings, landmarks, tables, languages: what a machine can see of them.
"""

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.api.anchored import put_on_record
from tests.api.test_matters import OPENING
from tests.web.test_beside import complained
from tests.web.test_browser import FITS, browser, pytestmark, sign_in, tab
from tests.web.test_pages import life

__all__ = ["pytestmark"]

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
AXE = Axe().axe_script
OPTIONS = {"runOnly": {"type": "tag", "values": list(RULES)}, "resultTypes": ["violations"]}
WIDTHS = (1280, 390)
# 200 % zoom of a window of 1280 pixels is a window of 640: nothing new to be named or seen, but
# everything has to fit.
ZOOMED = 640
# Texts that end beyond what can be seen of them, or scrolled to.
CUT = """() => {
  const cut = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (!node.data.trim() || !node.parentElement.checkVisibility()) continue;
    // What nobody is told cannot be cut: the button that Enter presses.
    if (node.parentElement.closest("[aria-hidden=true]")) continue;
    range.selectNodeContents(node);
    const {left, right, top, bottom} = range.getBoundingClientRect();
    let [from, to, above, below] = [0, document.documentElement.clientWidth, -Infinity, Infinity];
    for (let e = node.parentElement; e; e = e.parentElement) {
      const {overflowX, overflowY} = getComputedStyle(e);
      if ("auto scroll".includes(overflowX)) to = Infinity;
      const box = e.getBoundingClientRect();
      if ("hidden clip".includes(overflowX)) [from, to] = [box.left, Math.min(to, box.right)];
      if ("hidden clip".includes(overflowY)) [above, below] = [box.top, box.bottom];
    }
    if (left < from - 1 || right > to + 1 || top < above - 1 || bottom > below + 1) {
      cut.push(node.data.trim().slice(0, 80));
    }
  }
  return cut;
}"""


async def found(page):
    """The violations of a page: rule, and the first element that breaks it."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE)
    results = await page.evaluate("options => axe.run(document, options)", OPTIONS)
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in results["violations"]]


async def cut_off(page):
    """What does not fit into the window: the page as a whole, and texts that end unseen."""
    wrong = [] if await page.evaluate(FITS) else ["does not fit"]
    return [*wrong, *(f"cut: {text}" for text in await page.evaluate(CUT))]


async def paths(serving):
    """The pages that people see, and who sees them; something stands on each."""
    complaint, _ = await complained(serving)
    case = await life(serving, "2026-04-13")
    matter = (await serving.post("/matters", OPENING, by="zhou-min")).body["matter"]
    await put_on_record(serving, 7, 12)
    await serving.service.caught_up("469002", -1)
    at = f"/cases/469002/{case}"
    return {
        "jiang-he": (
            "/", at, f"{at}/replay", f"{at}/replay/2", f"{at}?as_of=3", f"{at}/events/1",
            f"{at}/correct", f"{at}/dossier", "/lists/469002/cases", "/lists/469002/audit",
            "/lists/469002/alerts", "/lists/469002/findings", "/board/469002",
            "/persons/469002/chen-zhi", "/organs/469002/qh-xzsp", f"/matters/469002/{matter}",
            "/office/469002", "/office/469002/events/0", "/office/469002/anchors",
            "/office/469002/anchors/wanning", "/office/469002/items/QH-002", "/verify",
            "/cases/469002/none",
        ),
        "chen-zhi": ("/", f"{at}/review", f"{at}/correct"),
        "zhou-min": ("/cases/469002/new", "/cases/469002/new?item=QH-002", "/matters/469002/new"),
        "lu-qian": (f"/complaints/469002/{complaint}", f"/complaints/469002/{complaint}/reply",
                    "/complaints/469002/new"),
    }  # fmt: skip


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_no_page_breaks_a_rule(serving, language):
    wrong = []

    async with tab(serving) as (page, _, _):
        await page.goto(f"{serving.base}/?lang={language}")
        wrong += [("/sign-in", *one) for one in await found(page)]
        for person, seen in (await paths(serving)).items():
            await page.context.clear_cookies()
            await sign_in(page, serving, person)
            for path in seen:
                asked = f"{path}{'&' if '?' in path else '?'}lang={language}"
                await page.goto(f"{serving.base}{asked}")
                for width in (*WIDTHS, ZOOMED):
                    await page.set_viewport_size({"width": width, "height": 900})
                    wrong += [(path, width, one) for one in await cut_off(page)]
                    if width != ZOOMED:
                        wrong += [(path, width, *one) for one in await found(page)]

    assert [] == wrong


async def test_the_rules_see_what_breaks_them():
    async with browser() as started:
        page = await started.new_page()
        await page.set_content('<html><body><img src="x"><input></body></html>')

        assert {"image-alt", "label", "html-has-lang"} <= {rule for rule, _ in await found(page)}


async def test_control_a_text_that_is_cut_is_seen():
    async with browser() as started:
        page = await started.new_page()
        line = "<p style='width: 90px; white-space: nowrap; overflow: {}'>{}</p>"
        await page.set_content(
            line.format("hidden", "what ends where nobody can see it")
            + line.format("auto", "what can be scrolled to, however long it is")
            + line.format("hidden", "short")
        )

        assert ["what ends where nobody can see it"] == await page.evaluate(CUT)
