"""The lists as pages: who reads which, filtered by an address, page by page, and as files."""

import csv
import hashlib
import io
import re
import threading
from html.parser import HTMLParser

import openpyxl
import pytest

from api import xlsx_table
from api.web.list_table import LISTS
from projections import findings_kept


class Table(HTMLParser):
    """The rows of the list of a page: cells by heading, with where each leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.heads: list[str] = []
        self.rows: list[list[str]] = []
        self.links: list[list[str]] = []
        self.titles: list[list[str]] = []
        self._in = ""
        self._here = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "table":
            self._here = given.get("class") == "list"
        if not self._here:
            return
        if tag == "th":
            self._in = "head"
            self.heads.append("")
        elif tag == "tr":
            self.rows.append([])
            self.links.append([])
            self.titles.append([])
        elif tag == "td":
            self._in = "cell"
            self.rows[-1].append("")
            self.titles[-1].append(given.get("title", ""))
        elif tag == "a" and self._in == "cell":
            self.links[-1].append(given["href"])

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self._in = ""
        if tag == "table":
            self._here = False

    def handle_data(self, data):
        if self._in == "head":
            self.heads[-1] += data
        elif self._in == "cell":
            self.rows[-1][-1] += data

    def told(self) -> list[dict[str, str]]:
        return [
            dict(zip(self.heads, (cell.strip() for cell in row), strict=True))
            for row in self.rows
            if row
        ]


def table(seen):
    assert seen.status == 200, seen.text[:2000]
    return Table(seen.text)


def address(page, rel):
    found = re.search(rf'<a rel="{rel}" href="([^"]*)"', page)
    return found and found[1].replace("&amp;", "&")


async def world(here):
    """A granted case with all that comes of it, one that is late, a refusal, a complaint."""
    case = await here.accepted("QH-002", "2026-03-02")
    await here.granted(case, "2026-03-03")
    late = await here.received("QH-002", "2026-03-04 09:00")
    await here.done(late, "accept", by="zhou-min", at="2026-03-04 10:00")
    await here.post("/cases", {}, by="chen-zhi")
    told = {"kind": "delay", "channel": "telephone", "text": "办得太慢", "case": late}
    complaint = await here.post("/complaints", told, by="lu-qian")
    assert complaint.status == 201, complaint.body
    await here.at("2026-04-10 09:00")
    return case, late, complaint.body["complaint"]


@pytest.fixture(scope="module")
async def known(shared):
    """That world, for who only looks at it."""
    return await world(shared)


READERS = {
    "findings": "jiang-he", "conformity": "jiang-he", "complaints": "lu-qian", "seals": "jiang-he",
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_list_is_told_in_both_languages(visitor, known, language):
    for name in LISTS:
        await visitor.sign_in(READERS.get(name, "jiang-he"))

        seen = await visitor.get(f"/lists/469002/{name}?lang={language}")

        assert 200 == seen.status, (name, seen.text[-1500:])
        assert int(seen.headers["Ledger-Position"]) >= 0, name
        assert not re.findall(r">(?:list|filter|col|lists)\.[a-z-]+<", seen.text), name
        words = re.sub(r"<[^>]*>", " ", seen.text)
        assert ("截至台账位置" if language == "zh-CN" else "Up to position") in words
        labels = re.findall(r'<label for="(f-[a-z_]+)">', seen.text)
        inputs = re.findall(r'<(?:select|input) id="(f-[a-z_]+)"', seen.text)
        assert labels == inputs, name


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_a_page_says_up_to_where_its_findings_are_measured(reader, monkeypatch, language):
    await world(reader.serving)
    await reader.sign_in("jiang-he")
    page = f"/lists/469002/findings?rule=bottleneck&lang={language}"
    now = (await reader.get(page)).text
    for name, value in (("SMALL", 0), ("AT_ONCE_S", 0.0), ("REST", 1e9)):
        monkeypatch.setattr(findings_kept, name, value)
    await reader.serving.received("QH-002", "2026-04-13")

    later = (await reader.get(page)).text
    of_all = (await reader.get(page.replace("rule=bottleneck&", ""))).text

    measured, first = {
        "zh-CN": (r"截至位置 \d+，测得于 2026-04-10 09:00:\d\d", "正在首次测算"),
        "en": (r"measured up to position \d+ at 2026-04-10 09:00:\d\d", "for the first time"),
    }[language]
    assert not re.search(measured, now)
    assert re.search(measured, later)
    assert first not in later
    # Of all rules is told but of those that only measure; these were measured never before.
    assert first in of_all
    assert not re.search(measured, of_all)
    assert len(Table(now).rows) == len(Table(later).rows) > 1
    assert not re.findall(r">list\.[a-z-]+<", of_all)


async def test_a_row_leads_to_its_case_and_a_due_day_counts_working_days(visitor, known):
    case, late, _ = known
    await visitor.sign_in("jiang-he")

    here = table(await visitor.get("/lists/469002/cases?overdue=true&stage=accepted&lang=en"))

    (row,) = here.told()
    assert late == row["Case"]
    assert [f"/cases/469002/{late}?lang=en"] == here.links[1]
    assert "red" == row["Light"]
    # The fifth working day after 4 March; 6 April is the holiday of Qingming.
    assert "2026-03-11" in row["Due"]
    assert "21 working days over" in row["Due"]
    assert case not in str(here.rows)


async def test_an_act_leads_to_its_line_in_the_case_with_utc_and_position_beside(visitor, known):
    case, _, _ = known
    await visitor.sign_in("jiang-he")

    here = table(await visitor.get(f"/lists/469002/audit?case={case}&responsibility=approval"))

    assert "收件" == here.told()[0]["办理动作"]
    assert f"/cases/469002/{case}#v1" in here.links[1]
    assert re.fullmatch(r"UTC 2026-03-02 01:00:\d\d · 位置 \d+", here.titles[1][0])
    assert "2026-03-02 09:00:0" in here.rows[1][0]


async def test_a_list_goes_on_and_back_by_real_addresses(reader):
    here = reader.serving
    numbers = [await here.received("QH-002", f"2026-03-02 09:{n:02}") for n in range(5)]
    await reader.sign_in("jiang-he")
    first = await reader.get("/lists/469002/cases?limit=50&stage=received")
    assert address(first.text, "next") is None
    found = []
    path = "/lists/469002/cases?limit=2&stage=received"
    while path is not None:
        seen = await reader.get(path)
        found += [row["办件"] for row in table(seen).told()]
        last, path = seen, address(seen.text, "next")

    assert numbers[::-1] == found
    back = address(last.text, "first")
    assert found[:2] == [row["办件"] for row in table(await reader.get(back)).told()]


async def test_what_is_taken_away_is_what_is_shown(visitor, known):
    await visitor.sign_in("jiang-he")
    for name in LISTS:
        path = f"/lists/469002/{name}?lang=en"
        shown = table(await visitor.get(path))
        if not shown.told():
            continue
        files = {}
        for form in ("csv", "xlsx"):
            async with visitor.session.get(f"{visitor.base}{path}&format={form}") as answer:
                assert 200 == answer.status, name
                assert int(answer.headers["Ledger-Position"]) >= 0
                assert f"-{name}-" in answer.headers["Content-Disposition"]
                files[form] = await answer.read()
        rows = list(csv.reader(io.StringIO(files["csv"].decode("utf-8-sig"))))
        sheet = openpyxl.load_workbook(io.BytesIO(files["xlsx"])).active
        cells = [[cell.value or "" for cell in line] for line in sheet.iter_rows()]

        assert shown.heads == rows[0] == cells[0]
        assert len(shown.told()) == len(rows) - 1 == len(cells) - 1
        for line, told in zip(rows[1:], cells[1:], strict=True):
            assert [cell.removeprefix("'") for cell in line] == told
        for line, told in zip(cells[1:], shown.told(), strict=True):
            for cell, seen in zip(line, told.values(), strict=True):
                first = seen.split("\n")[0].strip().removesuffix("—").strip()
                assert cell.startswith(first.split("  ")[0]) or first == "—", (name, cell, seen)


async def test_a_file_is_made_while_others_are_served(visitor, monkeypatch):
    made, real = [], xlsx_table.as_xlsx

    def as_xlsx(*given):
        made.append(threading.current_thread())
        return real(*given)

    monkeypatch.setattr(xlsx_table, "as_xlsx", as_xlsx)
    await visitor.sign_in("jiang-he")
    path = "/lists/469002/cases?lang=en&format=xlsx"
    async with visitor.session.get(f"{visitor.base}{path}") as answer:
        assert 200 == answer.status
    assert 1 == len(made)
    assert threading.current_thread() not in made


async def test_taking_away_and_looking_are_on_record(reader):
    await world(reader.serving)
    await reader.sign_in("wu-jun")
    before = (await reader.serving.get("/access-log", by="yan-qing")).body["items"]

    await reader.get("/lists/469002/cases?stage=accepted")
    address_ = f"{reader.base}/lists/469002/cases?stage=accepted&format=xlsx"
    async with reader.session.get(address_) as answer:
        digest = hashlib.sha256(await answer.read()).hexdigest()

    after = (await reader.serving.get("/access-log", by="yan-qing")).body["items"]
    new = [one for one in after if one not in before and one["what"] == "read-cases"]
    assert 2 == len(new)
    assert [digest] == [one["digest"] for one in new if one.get("digest")]


async def test_what_is_asked_wrongly_is_said_beside_the_form(visitor, known):
    await visitor.sign_in("jiang-he")

    for query, word in (
        ("stage=nowhere", "stage"), ("received_from=yesterday", "received_from"),
        ("after=abc", "cursor"), ("colour=red", "colour"),
    ):  # fmt: skip
        wrong = await visitor.get(f"/lists/469002/cases?{query}&lang=en")
        assert 400 == wrong.status, query
        assert 'class="trouble"' in wrong.text
        assert word in wrong.text
        assert 'class="filters"' in wrong.text
    assert 404 == (await visitor.get("/lists/469002/audit?case=469002-2026-000099")).status
    assert 404 == (await visitor.get("/lists/469002/nothing")).status


async def test_empty_fields_of_the_form_ask_nothing(visitor, known):
    case, late, _ = known
    await visitor.sign_in("jiang-he")

    fields = "&".join(f"{name}=" for name in LISTS["cases"].filters)
    here = table(await visitor.get(f"/lists/469002/cases?{fields}&limit=50"))

    assert [late, case] == [row["办件"] for row in here.told()]
    none = await visitor.get("/lists/469002/cases?light=yellow")
    assert "没有符合条件的记录" in none.text
    assert "没有“一件事”" in (await visitor.get("/lists/469002/matters")).text


async def test_a_list_that_is_not_the_readers_is_neither_linked_nor_shown(visitor, known):
    await visitor.sign_in("zhou-min")  # a clerk

    page = (await visitor.get("/lists/469002/cases")).text

    assert "/lists/469002/alerts" in page  # their own
    for name in ("audit", "refusals", "findings", "seals", "conformity"):
        assert f'"/lists/469002/{name}"' not in page, name
        assert 403 == (await visitor.get(f"/lists/469002/{name}")).status, name
    await visitor.sign_in("nobody-at-all")
    assert 404 == (await visitor.get("/lists/469002/cases")).status


async def test_who_administers_the_audit_sees_no_case(visitor, known):
    case, late, _ = known
    await visitor.sign_in("qin-yu")

    audit = await visitor.get("/lists/469002/audit")
    refusals = await visitor.get("/lists/469002/refusals")

    for seen in (audit, refusals):
        assert table(seen).told()
        assert case not in seen.text
        assert late not in seen.text
    assert 403 == (await visitor.get("/lists/469002/audit?responsibility=approval")).status


async def test_a_filter_of_another_organ_shows_what_the_reader_may_see_and_no_more(visitor, known):
    _, late, _ = known
    await visitor.sign_in("li-na")  # of another department than the one that supervises it

    assert [] == table(await visitor.get("/lists/469002/cases")).told()
    seen = await visitor.get(f"/lists/469002/audit?case={late}")
    assert 404 == seen.status


async def test_nothing_of_an_address_runs_in_the_form(visitor, known):
    await visitor.sign_in("jiang-he")
    payload = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"

    for query in (f"q={payload}", f"item={payload}", f"nothing={payload}"):
        seen = await visitor.get(f"/lists/469002/cases?{query}")
        assert "<script" not in seen.text
    assert "&gt;&lt;script&gt;" in (await visitor.get(f"/lists/469002/cases?q={payload}")).text


async def test_what_waits_to_be_pushed_and_claimed_is_a_queue(reader):
    here = reader.serving
    case = await here.accepted("QH-002", "2026-03-02")
    await here.granted(case, "2026-03-03")

    async def waits(by="jiang-he", query=""):
        await reader.sign_in(by)
        return table(await reader.get(f"/lists/469002/links?lang=en{query}")).told()

    (push,) = await waits()
    assert (case, "push", "green") == (push["Case"], push["Waits for"], push["Light"])
    assert "县行政审批" in push["By whom"] or push["By whom"]
    (told,) = (await here.get("/links", by="jiang-he")).body["items"]
    assert (case, "push", "green") == (told["case"], told["deadline"], told["light"])
    assert ["qh-xzsp"] == told["waits_for"]
    await here.at("2026-05-11 09:00")
    assert ["red"] == [row["Light"] for row in await waits(query="&light=red")]
    found = await here.get("/links?light=red&count=exact", by="jiang-he")
    assert (1, [told | {"light": "red"}]) == (found.body["total"], found.body["items"])
    assert [] == (await here.get("/links?light=green", by="jiang-he")).body["items"]
    assert [] == (await here.get("/links", by="li-na")).body["items"]
    assert (404, "case-not-found") == (await here.get(f"/links?case={case}", "li-na")).refusal[:2]
    assert [] == await waits(query="&light=green")
    await here.done(case, "push", {"to": "qh-wjw"}, by="chen-zhi", at="2026-05-11 10:00")
    (claim,) = await waits(query="&deadline=claim")
    assert case == claim["Case"]
    assert [] == await waits(query="&deadline=push")
    assert [claim] == await waits(query="&waits_for=qh-wjw")
    assert [] == await waits(query="&waits_for=qh-scjg")
    assert [] == await waits(by="li-na")
    await here.done(case, "claim", by="mo-li", at="2026-05-12 10:00")
    assert [] == await waits()
