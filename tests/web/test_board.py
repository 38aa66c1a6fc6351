"""The board: every number is what its list shows, every chart has its table and its words."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlencode

import pytest

from api.web.charts import bars
from tests.web.test_lists import table, world


class Numbers(HTMLParser):
    """The numbers of the tables, with the list that each leads to; and the drawings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.linked: list[tuple[str, int]] = []
        self.sections: dict[str, list[str]] = {}
        self._href = ""
        self._section = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "section":
            self._section = given.get("id", "")
        self.sections.setdefault(self._section, []).append(tag)
        self._href = given["href"] if tag == "a" and "/lists/" in given["href"] else ""

    def handle_data(self, data):
        if self._href and data.isdigit():
            self.linked.append((self._href, int(data)))
            self._href = ""


async def test_every_number_is_what_its_list_shows(reader):
    await world(reader.serving)
    await reader.serving.service.caught_up("469002", -1)
    for person in ("jiang-he", "xing-tao", "wu-jun"):
        await reader.sign_in(person)
        seen = await reader.get("/board/469002?lang=en&from=2026-03-01&to=2026-04-30")
        assert 200 == seen.status

        numbers = Numbers(seen.text).linked

        assert len(numbers) > 4, person
        for href, number in numbers:
            shown = await reader.get(f"{href}&limit=500")
            assert number == len(table(shown).told()), (person, unquote(href))


async def test_the_cases_behind_a_figure_are_listed(reader):
    case, late, _ = await world(reader.serving)
    await reader.serving.service.caught_up("469002", -1)
    await reader.sign_in("xing-tao")

    page = (await reader.get("/board/469002?from=2026-03-01&to=2026-04-30")).text
    found = re.search(
        r'href="(/lists/469002/figures\?definition=kpi\.overdue[^"]*counted=true)"', page
    )

    assert found is not None
    assert found[1]
    rows = table(await reader.get(found[1].replace("&amp;", "&"))).told()
    assert {case, late} == {row["办件"] for row in rows}
    assert "超承诺时限未办结" in {row["原因"] for row in rows}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_chart_is_told_and_has_its_table(reader, language):
    await world(reader.serving)
    await reader.serving.service.caught_up("469002", -1)
    await reader.sign_in("xing-tao")

    page = (await reader.get(f"/board/469002?lang={language}")).text

    sections = Numbers(page).sections
    drawn = [name for name, tags in sections.items() if "svg" in tags]
    assert {"organ-light", "item-light", "alert", "complaint"} <= set(drawn)
    for name in drawn:
        assert {"title", "desc", "table"} <= set(sections[name]), name
    assert not re.findall(r">(?:board|formula|board-note)\.[a-z-]+", page)
    assert len(re.findall(r"kpi\.[a-z-]+@1", page)) >= 12
    formula = "期末有效的非涉密事项" if language == "zh-CN" else "non-secret items in force"
    assert formula in page


async def test_a_period_that_is_none_is_said_beside_its_form(reader):
    await reader.sign_in("xing-tao")

    wrong = await reader.get("/board/469002?from=2026-05-01&to=2026-04-01")

    assert 400 == wrong.status
    assert 'class="trouble"' in wrong.text
    assert "组织" not in wrong.text
    assert "监管看板" in wrong.text


async def test_showing_again_keeps_all_that_was_asked(reader):
    await world(reader.serving)
    await reader.serving.service.caught_up("469002", -1)
    await reader.sign_in("xing-tao")
    asked = "from=2026-03-01&to=2026-04-30&organ=qh-xzsp&item=QH-002"
    page = (await reader.get(f"/board/469002?{asked}")).text

    (form,) = re.findall(r'<form class="filters".*?</form>', page, re.DOTALL)
    again = dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', form))
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form):
        again[name] = re.search(r'value="([^"]*)" selected', options)[1]

    assert dict(one.split("=") for one in asked.split("&")) == again
    shown = (await reader.get(f"/board/469002?{urlencode(again)}")).text
    assert re.findall(r"\d+ / \d+", page) == re.findall(r"\d+ / \d+", shown)
    whole = (await reader.get("/board/469002?from=2026-03-01&to=2026-04-30")).text
    assert re.findall(r"\d+ / \d+", page) != re.findall(r"\d+ / \d+", whole)


async def test_the_board_is_for_who_reads_figures(reader):
    await reader.sign_in("zhou-min")
    assert 403 == (await reader.get("/board/469002")).status
    assert "/board/469002" not in (await reader.get("/")).text
    await reader.sign_in("xing-tao")
    assert '"/board/469002"' in (await reader.get("/")).text


def test_a_chart_of_nothing_is_none_and_parts_add_up():
    assert bars("c", "t", [("a", [("red", 0)])]) is None
    chart = bars("c", "t", [("a", [("red", 1)] * 7), ("b", [("red", 7)])])
    assert chart.bars[0].end == chart.bars[1].end
