"""The proof of an event checked in its page, and the steps of a case on a slider, in a browser."""

import base64
import contextlib
import re

import pytest

from api import rotating
from api.settings import Settings
from ledger.tlog import note
from tests.web.test_browser import FITS, pytestmark, sign_in, tab  # noqa: F401 (skips)
from tests.web.test_event_page import events_of, published
from tests.web.test_pages import PAYLOADS, life

SAID = "#proof-said:not([hidden])"


async def opened(page, serving, case, heard, path=""):
    await sign_in(page, serving, "jiang-he")
    heard.clear()  # the form itself was answered 401
    await page.goto(f"{serving.base}/cases/469002/{case}{path}")


async def test_an_event_is_verified_where_it_is_shown(serving):
    case = await life(serving)
    await published(serving)
    told = (await events_of(serving, case))[4]
    key = (await serving.get("/log/vkey", by=None)).raw.decode().strip()

    async with tab(serving) as (page, heard, asked):
        await opened(page, serving, case, heard, f"/events/{told['position']}")
        asked.clear()
        await page.click("#proof-check button")
        shown = page.locator(SAID)
        await shown.wait_for()
        assert "unpinned" == await shown.get_attribute("data-verdict")
        assert told["leaf_hash"] in await shown.inner_text()

        await page.fill("#own-key", key)
        await page.click("#proof-check button")
        await page.wait_for_selector(f"{SAID}[data-verdict=good]")
        assert "核验通过" in await shown.inner_text()

        await page.fill("#own-key", key.replace("469002", "469003"))
        await page.click("#proof-check button")
        await page.wait_for_selector(f"{SAID}[data-verdict=bad]")
        # Nothing was fetched for it; the mark of the tab comes when it likes.
        assert {f"{serving.base}/mark.svg"} >= set(asked)
        assert [] == heard


async def signed_by(serving, seeds):
    """Wait for the checkpoint over all there is; it has so many signatures."""
    await published(serving)
    newest = await serving.service.publishers["469002"].log.newest()
    assert seeds == len(note.parse(newest.note).signatures)


async def test_who_pinned_the_first_key_follows_after_it_was_retired(
    serving, database, tmp_path, monkeypatch
):
    @contextlib.asynccontextmanager
    async def here(*_):
        yield database

    monkeypatch.setattr(rotating, "database", here)
    settings = Settings(home=tmp_path)
    case = await life(serving)
    await signed_by(serving, 1)
    first = (await serving.get("/log/vkey", by=None)).raw.decode().strip()
    await rotating.rotated(settings, "469002", print)
    await signed_by(serving, 2)
    await rotating.retired(settings, "469002", print)
    await life(serving, "2026-06-01")
    await signed_by(serving, 1)
    assert first not in (await serving.get("/log/vkey", by=None)).raw.decode()
    position = (await events_of(serving, case))[4]["position"]

    async with tab(serving) as (page, heard, _):
        await opened(page, serving, case, heard)
        for path in (f"events/{position}", "replay/5"):
            await page.goto(f"{serving.base}/cases/469002/{case}/{path}")
            for key, verdict in (("", "unpinned"), (first, "good")):
                await page.fill("#own-key", key)
                await page.click("#proof-check button")
                await page.wait_for_selector(f"{SAID}[data-verdict={verdict}]")
            # Control: without the steps the new key is anybody's.
            await page.eval_on_selector("#proof-check", "(form) => { form.dataset.keys = ''; }")
            await page.click("#proof-check button")
            await page.wait_for_selector(f"{SAID}[data-verdict=bad]")
        assert [] == heard

        await page.goto(f"{serving.base}/cases/469002/{case}/events/{position}")
        given = []
        for name in ("proof", "record"):
            raw = await page.get_attribute("#proof-check", f"data-{name}")
            given.append({"name": name, "mimeType": "x/x", "buffer": base64.b64decode(raw)})
        async with page.expect_download() as coming:
            await page.click("a[download=keys]")
        keys = await (await coming.value).path()
        given.append({"name": "keys", "mimeType": "x/x", "buffer": keys.read_bytes()})
        await page.goto(f"{serving.base}/verify")
        await page.fill("#keys", first)
        await page.set_input_files("#files", given)
        await page.click("form#verify button")
        await page.wait_for_selector("#verdict[data-verdict=good]")


@pytest.mark.parametrize("what", ["record", "proof"])
async def test_control_what_was_changed_on_the_way_does_not_prove_out(serving, what):
    case = await life(serving)
    await published(serving)
    position = (await events_of(serving, case))[4]["position"]

    def changed(text):
        def one(found):
            raw = bytearray(base64.b64decode(found[1]))
            raw[len(raw) // 3] ^= 1
            return f'data-{what}="{base64.b64encode(raw).decode()}"'

        return re.sub(rf'data-{what}="([^"]*)"', one, text)

    async with tab(serving) as (page, heard, _):

        async def on_the_way(route):
            fetched = await route.fetch()
            await route.fulfill(response=fetched, body=changed(await fetched.text()))

        await opened(page, serving, case, heard)
        await page.route(f"**/events/{position}", on_the_way)
        await page.goto(f"{serving.base}/cases/469002/{case}/events/{position}")
        await page.click("#proof-check button")
        await page.wait_for_selector(f"{SAID}[data-verdict=bad]")
        assert [] == heard


async def test_a_case_is_gone_through_by_slider_and_keyboard(serving):
    case = await life(serving)
    await published(serving)

    async with tab(serving) as (page, heard, _):
        await opened(page, serving, case, heard, "/replay/2")
        await page.focus("#step")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowRight")
        await page.wait_for_url("**/replay/4#step")
        assert "4" == await page.input_value("#step")
        assert "step" == await page.evaluate("() => document.activeElement.id")
        assert "4" in await page.inner_text("p.slider output")
        await page.keyboard.press("Home")
        await page.wait_for_url("**/replay/1#step")
        await page.click("#proof-check button")
        await page.wait_for_selector(f"{SAID}[data-verdict=unpinned]")
        assert [] == heard


async def test_without_a_script_nothing_is_offered_that_does_not_work(reader):
    case = await life(reader.serving)
    await published(reader.serving)
    await reader.sign_in("jiang-he")

    text = (await reader.get(f"/cases/469002/{case}/replay/2")).text

    assert '<p class="slider" hidden>' in text
    assert '<form id="proof-check" class="proof-check" hidden' in text
    assert f'href="/cases/469002/{case}/replay/3"' in text


async def test_nothing_that_somebody_wrote_runs_on_pages_with_a_script(serving):
    cases = [
        await life(serving, f"2026-03-{2 + n:02}", opinion=payload)
        for n, payload in enumerate(PAYLOADS)
    ]
    await published(serving)

    async with tab(serving) as (page, heard, _):
        await opened(page, serving, cases[0], heard)
        for case, payload in zip(cases, PAYLOADS, strict=True):
            position = (await events_of(serving, case))[4]["position"]
            for path in (f"events/{position}", "replay/5"):
                await page.goto(f"{serving.base}/cases/469002/{case}/{path}")
                await page.click("#proof-check button")
                await page.wait_for_selector(f"{SAID}[data-verdict=unpinned]")
                assert payload in await page.inner_text("main")
        assert [] == heard


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_an_event_is_laid_out_wide_and_narrow(serving, tmp_path, language):
    case = await life(serving)
    await published(serving)
    position = (await events_of(serving, case))[4]["position"]

    async with tab(serving) as (page, heard, _):
        await opened(page, serving, case, heard)
        for name in ("", "/replay/3", f"/events/{position}"):
            await page.goto(f"{serving.base}/cases/469002/{case}{name}?lang={language}")
            if name:
                await page.click("#proof-check button")
                await page.wait_for_selector(SAID)
            for width in (1280, 390):
                await page.set_viewport_size({"width": width, "height": 900})
                shot = tmp_path / f"{name.strip('/').replace('/', '-') or 'case'}-{width}.png"
                await page.screenshot(path=shot, full_page=True)
                assert await page.evaluate(FITS), (name, width)
        assert [] == heard
