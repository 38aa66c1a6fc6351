"""What a page hears while it is open: that something was recorded, told once to who may see it."""

import pytest

from api.access import enter_as
from api.tokens import Caller
from api.web import session
from api.web.live import _any_case
from tests.api.streaming import stream
from tests.api.test_readings import entries
from tests.web.test_browser import FITS, pytestmark, sign_in, tab  # noqa: F401 (skips)
from tests.web.test_pages import life, part

AT = "/cases/469002"


@pytest.fixture
async def case(reader):
    number = await life(reader.serving)
    await reader.serving.service.caught_up("469002", -1)
    return number


async def cookie(reader, person):
    signed = await reader.sign_in(person)
    return {"Cookie": f"caseledger_session={signed.cookies['caseledger_session'].value}"}


async def heard_at(reader, path):
    """Where a page hears its news."""
    return reader.base + part(r'data-stream="([^"]*)"', (await reader.get(path)).text)


async def test_a_case_says_that_it_has_moved_and_no_more(reader, case):
    own = await cookie(reader, "jiang-he")
    url = await heard_at(reader, f"{AT}/{case}")

    async with stream(reader.serving, url, headers=own) as reading:
        await life(reader.serving, "2026-03-03")  # another case is no news of this one
        await reader.serving.done(case, "review", {
            "level": "check", "opinion": "同意", "recommend": "grant",
        }, by="lin-bo")  # fmt: skip
        position = (await reader.serving.state(case))["position"]

        assert {"position": position} == await reading.next()
        assert str(position) == reading.last
        assert await reading.next() is None


async def test_a_desk_hears_of_the_cases_that_are_its_readers_business(reader, case):
    own = await cookie(reader, "mo-li")  # supervises health, and not building
    url = await heard_at(reader, "/")

    async with stream(reader.serving, url, headers=own) as reading:
        other = await reader.serving.received("QH-003", "2026-03-03")
        assert 404 == (await reader.serving.get(f"/cases/{other}", by="mo-li")).status
        mine = await reader.serving.accepted("QH-002", "2026-03-04")
        told = await reading.next()

    positions = [
        one["position"]
        for one in (await reader.serving.get(f"/cases/{mine}/events", by="jiang-he")).body["items"]
    ]
    assert told["position"] in positions


async def test_a_look_of_a_desk_reads_no_case_that_is_known_here(reader, case, monkeypatch):
    service, read = reader.serving.service, []
    ledger = await service.ledger("469002")
    known = Caller(person="jiang-he", name=None, client=None, via="jwt")
    entry = await enter_as(service, "469002", known)
    real = ledger.store.of_stream

    async def of_stream(name, stream, **more):
        read.append(stream)
        return await real(name, stream, **more)

    monkeypatch.setattr(ledger.store, "of_stream", of_stream)
    position, _ = await _any_case(entry, 0)
    assert (True, []) == (position is not None, read)
    # Control: what is not known here, or is behind what was recorded, is read.
    ledger.cases.clear()
    assert (position, position) == await _any_case(entry, 0)
    assert 1 == len(read)


@pytest.mark.parametrize("path", [f"{AT}/469002-2026-000001/live", "/live/469002"])
async def test_who_is_not_signed_in_or_has_no_business_hears_nothing(reader, case, path):
    async with stream(reader.serving, reader.base + path) as reading:
        assert 401 == reading.response.status
    own = await cookie(reader, "nobody-at-all")
    async with stream(reader.serving, reader.base + path, headers=own) as reading:
        assert 404 == reading.response.status


async def test_it_takes_no_credential_of_the_interface(reader, case):
    async with stream(reader.serving, f"{reader.base}{AT}/{case}/live", by="jiang-he") as reading:
        assert 401 == reading.response.status


async def test_it_keeps_nobody_signed_in(reader, case, monkeypatch):
    own = await cookie(reader, "jiang-he")
    async with stream(
        reader.serving, f"{reader.base}{AT}/{case}/live?once=1", headers=own
    ) as reading:
        assert 200 == reading.response.status
        assert "Set-Cookie" not in reading.response.headers

    url = await heard_at(reader, f"{AT}/{case}")
    async with stream(reader.serving, url, headers=own) as reading:
        monkeypatch.setattr(type(session.SIGNED_IN), "value", lambda *_: None)
        assert await reading.next() is None  # the cookie is too old by now


async def test_the_reading_is_on_record(reader, case):
    own = await cookie(reader, "chen-zhi")
    url = f"{reader.base}{AT}/{case}/live?once=1"
    async with stream(reader.serving, url, headers=own) as reading:
        assert {"position"} == set(await reading.next())
        assert await reading.next() is None

    parts = [
        one["part"] for one in await entries(reader.serving, case=case)
        if one["what"] == "read-live"
    ]  # fmt: skip
    assert {"begun", "ended"} == set(parts)


async def test_a_notice_appears_and_the_page_stays_as_it_is(serving):
    case = await life(serving)
    async with tab(serving) as (page, heard, _):
        await sign_in(page, serving, "jiang-he")
        heard.clear()  # the form itself was answered 401
        async with page.expect_request("**/live?after=*"):
            await page.goto(f"{serving.base}{AT}/{case}")
        rows = await page.locator("table.history tbody tr").count()
        said = {"level": "check", "opinion": "同意", "recommend": "grant"}
        await serving.done(case, "review", said, by="lin-bo")

        await page.wait_for_selector("#live:not([hidden])")
        assert "又有新的记录" in await page.inner_text("#live")
        assert rows == await page.locator("table.history tbody tr").count()
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate(FITS), width
        await page.click("#live a")
        await page.wait_for_selector(f"#v{rows + 1}")
        assert await page.locator("#live").is_hidden()
        assert [] == heard
