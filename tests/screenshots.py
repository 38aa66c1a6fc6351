"""Pictures of the six main pages, for the README: `make screenshots`.

They are taken in chromium of the demo, which is run for it in a folder of its own; with an address
as its argument, of the demo that serves there.  JPEG, 1280 pixels wide, below 200 KB each.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from pathlib import Path

from tests.web.test_browser import launched

INTO = Path(__file__).parents[1] / ".github" / "pictures"
HEIGHT = 860


@contextlib.asynccontextmanager
async def demo():
    """The demo, from its first line until it serves."""
    with tempfile.TemporaryDirectory(prefix="caseledger-pictures-") as home:
        program = Path(sys.executable).with_name("caseledger")
        running = await asyncio.create_subprocess_exec(
            program, "demo", "--port", "18639", stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"CASELEDGER_HOME": home},
        )  # fmt: skip
        assert running.stderr is not None
        try:
            async for line in running.stderr:
                sys.stderr.write(line.decode())
                if b"Ctrl-C" in line:
                    break
            else:
                raise SystemExit("the demo did not come to serve")
            rest = asyncio.create_task(running.stderr.read())
            yield "http://127.0.0.1:18639"
        finally:
            running.terminate()
            await running.wait()
        await rest


async def signed_in(page, base, person):
    """Sign in as one of the people of the demo."""
    await page.context.clear_cookies()
    await page.goto(base)
    await page.click(f"button[value={person}]")
    await page.wait_for_selector("nav.bar")


async def taken(page, name):
    """Take a picture of what is seen."""
    INTO.mkdir(exist_ok=True)
    await page.wait_for_load_state("load")
    await page.screenshot(path=INTO / f"{name}.jpg", type="jpeg", quality=72)
    print(f"{name}.jpg {(INTO / f'{name}.jpg').stat().st_size // 1024} KB", flush=True)


async def pictures(base):
    """Go through the pages as the people do who use them."""
    async with launched() as started:
        page = await started.new_page(
            locale="zh-CN", viewport={"width": 1280, "height": HEIGHT}, reduced_motion="reduce"
        )
        await signed_in(page, base, "chen-zhi")
        await taken(page, "desk")
        await signed_in(page, base, "jiang-he")
        await page.goto(f"{base}/lists/469002/cases?stage=closed&item=QH-002")
        await page.click("table.list tbody tr:first-child a[href*='/cases/']")
        case = page.url.partition("?")[0]
        await taken(page, "case")
        await page.goto(f"{case}/replay/4")
        await taken(page, "replay")
        await page.goto(f"{base}/board/469002")
        await taken(page, "board")
        await page.goto(f"{base}/lists/469002/findings")
        await taken(page, "findings")
        await page.goto(f"{case}/events/{await first_position(page, case)}")
        await page.click("text=在此核验")
        await page.wait_for_function("() => document.querySelector('#proof-said').innerText")
        await page.locator("h2", has_text="证明").first.evaluate("one => one.scrollIntoView()")
        await taken(page, "proof")


async def first_position(page, case):
    """The position of the first event of a case, from its page."""
    await page.goto(case)
    link = await page.get_attribute("table.history a[href*='/events/']", "href")
    return link.rpartition("/")[2].partition("?")[0]


async def main():
    """Take them of what serves at the address given, or of a demo of our own."""
    if sys.argv[1:]:
        await pictures(sys.argv[1].rstrip("/"))
        return
    async with demo() as base:
        await pictures(base)


if __name__ == "__main__":
    asyncio.run(main())
