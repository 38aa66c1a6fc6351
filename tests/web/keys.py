"""A hand on the keyboard alone: the stops of a page, and what is wrong with them."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

from playwright.async_api import Page

from tests.api.serving import Serving
from tests.web.test_browser import browser

# More stops than any page has: who has pressed so often is caught somewhere.
MOST = 400

# What may be stopped at, as the tree has it.
_ALL = """() => [...document.querySelectorAll(
  "a[href], button, input, select, textarea, summary, [tabindex]")]
  .filter((e) => e.tabIndex >= 0 && !e.disabled && e.type !== "hidden" && e.checkVisibility())
  .length"""

# The top of a page, also where it puts the focus somewhere else.
_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""

# Where the focus is.  A page numbers its stops itself: what comes again has its number already.
_STOP = """() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  window.stops ??= [];
  let number = window.stops.indexOf(e);
  if (number < 0) number = window.stops.push(e) - 1;
  const style = getComputedStyle(e);
  const {top, bottom, left, right} = e.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const inside = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
  return {
    number,
    told: e.outerHTML.slice(0, 160),
    seen: (outlined || style.boxShadow !== "none") && inside && style.clipPath === "none",
    top: top + scrollY, bottom: bottom + scrollY, left: left + scrollX, right: right + scrollX,
    after: number > 0 &&
      Boolean(window.stops[number - 1].compareDocumentPosition(e)
        & Node.DOCUMENT_POSITION_FOLLOWING),
  };
}"""


async def stop(page):
    """Return where the focus is; None where nothing has it."""
    return await page.evaluate(_STOP)


async def walked(page, key="Tab"):
    """Press until the focus comes back to where it began or leaves the page; return the stops."""
    found = []
    for _ in range(MOST):
        await page.keyboard.press(key)
        at = await stop(page)
        if at is None or (found and at["number"] == found[0]["number"]):
            return found
        # A date has its parts as stops of its own, all of one element.
        if not found or at["number"] != found[-1]["number"]:
            found.append(at)
    return [*found, {"told": "no way out", "number": -1}]


async def wrong_stops(page):
    """Say what is wrong with the stops of a page, forwards and backwards."""
    there = await page.evaluate(_ALL)
    await page.evaluate(_TOP)
    stops = await walked(page)
    wrong = [("a trap", one["told"]) for one in stops if one["number"] < 0]
    if wrong:
        return wrong
    wrong += [("focus is not seen", one["told"]) for one in stops if not one["seen"]]
    ordered = await page.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count()
    if ordered:
        wrong.append(("an order of its own", str(ordered)))
    for one, two in pairwise(stops):
        if not two["after"] or (two["bottom"] <= one["top"] and two["left"] < one["right"]):
            wrong.append(("not as it is read", two["told"]))
    if there != len(stops):
        wrong.append((f"{len(stops)} stops of {there}", ""))
    back = await walked(page, "Shift+Tab")
    if {one["number"] for one in back} != {one["number"] for one in stops}:
        wrong.append((f"{len(back)} stops on the way back, not {len(stops)}", ""))
    return wrong


@dataclass
class Keys:
    """Somebody at a page with a keyboard and nothing else."""

    page: Page
    serving: Serving

    async def to(self, selector, key="Tab"):
        """Go on with the key until the first of what is meant has the focus, which is seen."""
        meant = "(s) => document.activeElement === document.querySelector(s)"
        for _ in range(MOST):
            await self.page.keyboard.press(key)
            if await self.page.evaluate(meant, selector):
                at = await stop(self.page)
                assert at["seen"], at
                return
        raise AssertionError(f"no key leads to {selector} on {self.page.url}")

    async def enter(self, selector, key="Enter"):
        """Go to a link or a button, press it, and wait for where it leads."""
        await self.to(selector)
        async with self.page.expect_navigation():
            await self.page.keyboard.press(key)

    async def write(self, selector, text):
        """Go to a field and write into it."""
        await self.to(selector)
        await self.page.keyboard.insert_text(text)

    async def choose(self, selector, value):
        """Go to a choice, and go down in it until it stands at the value."""
        await self.to(selector)
        at = "(s) => document.querySelector(s).value"
        for _ in range(MOST):
            if await self.page.evaluate(at, selector) == value:
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{selector} cannot be set to {value}")

    async def begin(self, person):
        """Sign in, and stand at the top of the start page."""
        await self.page.context.clear_cookies()
        await self.page.goto(f"{self.serving.base}/")
        await self.write("#token", self.serving.tokens.token(person, person))
        await self.enter("main button")

    async def skip(self):
        """Leave out what stands above every page; the next stop is in the page itself."""
        await self.page.keyboard.press("Tab")
        assert await self.page.evaluate("() => document.activeElement.hash") == "#main"
        await self.page.keyboard.press("Enter")
        await self.page.keyboard.press("Tab")
        inside = "() => Boolean(document.activeElement.closest('main'))"
        assert await self.page.evaluate(inside)
        await self.page.keyboard.press("Shift+Tab")


@asynccontextmanager
async def keys(serving, **how):
    """Hands on a keyboard before a browser of that kind."""
    async with browser() as started:
        context = await started.new_context(viewport={"width": 1280, "height": 900}, **how)
        page = await context.new_page()
        page.set_default_timeout(20_000)
        yield Keys(page, serving)
