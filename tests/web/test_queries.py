"""No page runs more than five queries: real ones, as asyncpg reports them, of every page.

The append to the access log is apart: one for each page that delivers something, which others
who read at the same time share (`api/README.md`).
"""

from dataclasses import dataclass

import aiohttp
import pytest

from api.web import desk
from api.web.page import modules
from api.web.pages import table
from tests.api.anchored import put_on_record
from tests.api.serving import Serving, serve
from tests.api.test_matters import OPENING
from tests.queries import Requests, listening
from tests.web.conftest import Reader
from tests.web.test_beside import complained
from tests.web.test_event_page import events_of, published
from tests.web.test_pages import life

MOST = 5
NAME = "469002"
CASE = "/cases/{ledger}/{case}"
# Not pages: they ask as long as they are open.
STREAMS = {"/live/{ledger}", f"{CASE}/live"}
LISTED = {
    **dict.fromkeys(
        ("cases", "alerts", "links", "reviews", "figures", "matters", "seals", "audit",
         "refusals", "findings", "conformity"), "jiang-he"
    ),
    "complaints": "lu-qian",
}  # fmt: skip
OF_CASE = {"alerts", "links", "complaints", "audit", "refusals", "findings"}


@dataclass(frozen=True)
class Asked:
    """A page of the table as somebody asks for it."""

    path: str
    person: str
    address: str
    status: int = 200


@pytest.fixture
def heard():
    with listening():
        yield Requests()


@pytest.fixture
async def reader(database, tmp_path, heard):
    async for serving in serve(database, tmp_path, start="2025-12-01", also=heard):
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            yield Reader(session, serving.base, serving)


async def every_page(here: Serving) -> list[Asked]:
    """Every page of the table over a case with all that comes of it."""
    complaint, _ = await complained(here)
    case = await life(here, "2026-04-13")
    matter = (await here.post("/matters", OPENING, by="zhou-min")).body["matter"]
    await put_on_record(here, 7)
    await published(here)
    position = (await events_of(here, case))[1]["position"]
    at = f"/cases/{NAME}/{case}"
    readers = ("jiang-he", "zhou-min", "chen-zhi", "huang-qiang", "wu-jun", "xing-tao")
    return [
        *(Asked("/", by, "/") for by in readers),
        Asked("/find", "jiang-he", f"/find?ledger={NAME}&case={case}", 303),
        *(Asked(CASE, by, at) for by in readers),
        Asked(CASE, "jiang-he", f"{at}?as_of={position}"),
        Asked(CASE, "jiang-he", f"{at}?as_of=2026-04-13T12:00:00%2B08:00"),
        Asked(f"{CASE}/replay", "jiang-he", f"{at}/replay"),
        Asked(f"{CASE}/replay/{{version}}", "jiang-he", f"{at}/replay/2"),
        Asked(f"{CASE}/events/{{position}}", "jiang-he", f"{at}/events/{position}"),
        Asked(f"{CASE}/events/{{position}}/record", "jiang-he", f"{at}/events/{position}/record"),
        Asked(f"{CASE}/dossier", "jiang-he", f"{at}/dossier"),
        Asked("/cases/{ledger}/new", "zhou-min", f"/cases/{NAME}/new?item=QH-002"),
        Asked(f"{CASE}/{{action}}", "chen-zhi", f"{at}/review"),
        Asked(f"{CASE}/{{action}}", "chen-zhi", f"{at}/correct"),
        Asked("/complaints/{ledger}/new", "lu-qian", f"/complaints/{NAME}/new"),
        Asked("/complaints/{ledger}/{complaint}", "lu-qian", f"/complaints/{NAME}/{complaint}"),
        Asked("/complaints/{ledger}/{complaint}/{action}", "wu-jun",
              f"/complaints/{NAME}/{complaint}/reply"),
        Asked("/matters/{ledger}/new", "zhou-min", f"/matters/{NAME}/new"),
        Asked("/matters/{ledger}/{matter}", "jiang-he", f"/matters/{NAME}/{matter}"),
        Asked("/matters/{ledger}/{matter}/{action}", "zhou-min",
              f"/matters/{NAME}/{matter}/request-opinion"),
        *(Asked(f"/lists/{{ledger}}/{name}", by, f"/lists/{NAME}/{name}?{filters}")
          for name, by in LISTED.items()
          for filters in ("", "count=exact", f"case={case}", "format=xlsx")
          if not filters.startswith("case") or name in OF_CASE),
        Asked("/board/{ledger}", "xing-tao", f"/board/{NAME}?from=2026-03-01&to=2026-04-30"),
        Asked("/board/{ledger}", "jiang-he", f"/board/{NAME}"),
        Asked("/persons/{ledger}/{person}", "jiang-he", f"/persons/{NAME}/chen-zhi"),
        Asked("/organs/{ledger}/{organ}", "jiang-he", f"/organs/{NAME}/qh-xzsp"),
        Asked("/office/{ledger}", "jiang-he", f"/office/{NAME}"),
        Asked("/office/{ledger}/events/{position}", "jiang-he", f"/office/{NAME}/events/66"),
        Asked("/office/{ledger}/events/{position}/record", "jiang-he",
              f"/office/{NAME}/events/66/record"),
        Asked("/office/{ledger}/anchors", "jiang-he", f"/office/{NAME}/anchors"),
        Asked("/office/{ledger}/anchors/{id}", "jiang-he", f"/office/{NAME}/anchors/wanning"),
        Asked("/office/{ledger}/{things}", "jiang-he", f"/office/{NAME}/items"),
        Asked("/office/{ledger}/{things}/propose", "wu-jun", f"/office/{NAME}/items/propose"),
        Asked("/office/{ledger}/{things}/{id}", "jiang-he", f"/office/{NAME}/items/QH-002"),
        Asked("/sign-in/return", "jiang-he", "/sign-in/return", 401),
        Asked("/sign-in/{issuer}", "jiang-he", "/sign-in/nobody", 404),
        Asked("/verify", "jiang-he", "/verify"),
        Asked("/style.css", "jiang-he", "/style.css"),
        Asked("/mark.svg", "jiang-he", "/mark.svg"),
        Asked("/script/{digest}/{module}", "jiang-he", f"/script/{modules()[1]}/live.js"),
    ]  # fmt: skip


async def sent_for(reader, heard, asked):
    """The statements of a request for which nothing is known yet of the case, log and time."""
    service = reader.serving.service
    await service.caught_up(NAME, -1)
    ledger = service.ledgers[NAME]
    ledger.cases.clear()
    ledger.clock._known = None
    service.publishers[NAME].log._tiles.clear()
    async with reader.session.get(reader.base + asked.address, allow_redirects=False) as answer:
        assert asked.status == answer.status, (asked, await answer.text())
    return heard.sent[-1].counted


async def above(reader, heard, pages):
    """The pages that run more than they may, each with what its statements say of themselves."""
    found = []
    for asked in sorted(pages, key=lambda one: one.person):
        await reader.sign_in(asked.person)
        # What a new connection asks once about types is no part of a page.
        await sent_for(reader, heard, asked)
        statements = await sent_for(reader, heard, asked)
        if len(statements) > MOST:
            said = [one.strip().splitlines()[0] for one in statements]
            found.append("\n  ".join((f"{asked.address} ({asked.person})", *said)))
    return found


async def test_no_page_runs_more_than_five_queries(reader, heard):
    pages = await every_page(reader.serving)
    ours = {one.path for one in table() if one.method == "GET"}
    assert STREAMS == ours - {asked.path for asked in pages}

    found = await above(reader, heard, pages)

    assert [] == found, "\n".join(found)


async def test_control_a_sixth_query_is_found_with_its_page(reader, heard, monkeypatch):
    await life(reader.serving)
    pages = [Asked("/", "chen-zhi", "/"), Asked("/", "jiang-he", "/")]
    assert [] == await above(reader, heard, pages)
    once = desk.cases_of

    async def twice(request, entry):
        await once(request, entry)
        return await once(request, entry)

    monkeypatch.setattr(desk, "cases_of", twice)

    (found,) = await above(reader, heard, pages)

    assert found.startswith("/ (chen-zhi)")
    assert 2 == found.count("A page of the cases that a reader may see")
