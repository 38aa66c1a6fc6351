"""The list of findings: rules by what they are about, what was found first."""

import re

import pytest

from projections.findings_rules import RULES, SUBJECTS
from tests.web.test_lists import table
from tests.web.test_tasks_browser import alone


def test_every_rule_is_about_one_thing():
    assert sorted(RULES) == sorted(rule for of in SUBJECTS.values() for rule in of)


def rules_in(html):
    return re.findall(r'href="[^"]*[?&]rule=([a-z-]+)', html)


@pytest.mark.parametrize(
    ("language", "heading"), [("zh-CN", "岗位与人员"), ("en", "Posts and persons")]
)
async def test_rules_that_find_something_stand_open_and_the_others_are_folded_in(
    reader, language, heading
):
    await alone(reader.serving)
    await reader.sign_in("jiang-he")

    page = (await reader.get(f"/lists/469002/findings?lang={language}")).text

    nav = re.search(r'<nav aria-label="[^"]*">\s*<dl class="facets">.*?</nav>', page, re.DOTALL)[0]
    found, _, rest = nav.partition("<details>")
    titles = {row.partition("\n")[0] for row in re.findall(r"<td[^>]*>([^<]*) <small>", page)}
    assert heading in nav
    assert "sole-handler" in rules_in(found)
    assert "bottleneck" in rules_in(rest)
    assert not set(rules_in(found)) & set(rules_in(rest))
    # What nobody can compute yet is offered nowhere; all else is.
    assert set(RULES) - {"curious-reader"} == set(rules_in(found)) | set(rules_in(rest))
    said = 0 if language == "zh-CN" else 1
    assert {RULES[rule].title[said] for rule in rules_in(found)} == titles & {
        rule.title[said] for rule in RULES.values()
    }


async def test_what_is_only_measured_is_shown_where_its_rule_is_asked_for(reader):
    await alone(reader.serving)
    await reader.sign_in("jiang-he")

    every = table(await reader.get("/lists/469002/findings?count=exact"))
    asked = await reader.get("/lists/469002/findings?rule=bottleneck")
    shown = await reader.serving.get("/findings?rule=bottleneck", by="jiang-he")

    assert every.told()
    assert not any(row["线索"].startswith("瓶颈") for row in every.told())
    assert all(row["线索"].startswith("瓶颈") for row in table(asked).told())
    assert len(shown.body["items"]) == len(table(asked).told()) > 0
    assert 'aria-current="true">瓶颈' in asked.text


async def test_a_page_counts_what_it_lists(reader):
    await alone(reader.serving)
    await reader.sign_in("jiang-he")

    seen = await reader.get("/lists/469002/findings?count=exact")

    assert f"共 {len(table(seen).told())}" in seen.text
