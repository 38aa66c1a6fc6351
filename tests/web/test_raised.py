"""The cards of a case on its own page: who has to answer each, and who holds the case."""

import re

from api.web import facts
from api.web.texts import Texts
from tests.web.test_lists import world


def section(page, title):
    """The section of a page under a heading, in words, and as it stands there."""
    found = re.search(rf"<section>\s*<h2>{title}</h2>(.*?)</section>", page, re.DOTALL)
    assert found is not None, title
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[1])), found[1]


async def test_a_case_says_beside_each_card_who_has_to_answer_it(reader):
    _, late, _ = await world(reader.serving)
    await reader.serving.service.caught_up("469002", -1)
    await reader.sign_in("jiang-he")

    told, bare = section((await reader.get(f"/cases/469002/{late}")).text, "预警")
    english, _ = section((await reader.get(f"/cases/469002/{late}?lang=en")).text, "Cards")

    assert "红牌" in told
    assert "吴军（局领导）、周敏（综窗受理） 琼海市行政审批服务局" in told
    assert "当前承办： 周敏 · 琼海市行政审批服务局" in told
    assert "周敏 (clerk)" in english
    # Codes stand behind the names only.
    assert not re.search(r"zhou-min|qh-xzsp", told)
    assert 'title="wu-jun, zhou-min, qh-xzsp"' in bare


async def test_who_has_no_list_of_alerts_sees_the_cards_that_are_theirs_with_the_way_to_answer(
    reader,
):
    _, late, _ = await world(reader.serving)
    await reader.serving.service.caught_up("469002", -1)
    await reader.sign_in("zhou-min")

    told, bare = section((await reader.get(f"/cases/469002/{late}")).text, "预警")

    assert "这里只列须由您答复的牌" in told
    assert f"/cases/469002/{late}/answer-alert?alert=" in bare
    await reader.sign_in("chen-zhi")
    assert "<h2>预警</h2>" not in (await reader.get(f"/cases/469002/{late}")).text


async def test_a_case_without_cards_has_no_such_part(reader):
    case = await reader.serving.accepted("QH-002", "2026-03-02")
    await reader.serving.service.caught_up("469002", -1)
    await reader.sign_in("jiang-he")

    assert "<h2>预警</h2>" not in (await reader.get(f"/cases/469002/{case}")).text


async def test_of_a_case_in_nobodys_hands_is_said_which_post_it_waits_for(reader):
    office = reader.serving.service.ledgers["469002"].office
    state = {"holder": None, "terms": {"organs": {"approving": "qh-xzsp"}}, "stage": "in-review"}

    told = facts.holder_of(state, Texts("zh-CN", office.zone), office)

    assert "琼海市行政审批服务局 · 待承办人或审核人或批准人接手" == told
    assert "—" == facts.holder_of({**state, "stage": "closed"}, Texts("en", office.zone), office)
