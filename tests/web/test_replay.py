"""A case step by step, and as it was known: the pages over real HTTP."""

import pytest

from tests.api.serving import sha
from tests.web.test_pages import life

AT = "/cases/469002"


@pytest.fixture(scope="module")
async def reviewed(shared):
    return await life(shared)


@pytest.fixture
async def case(visitor, reviewed):
    await visitor.sign_in("jiang-he")
    return reviewed


@pytest.fixture(scope="module")
async def granted(shared, reviewed):
    """Another one, received when the first one has been reviewed."""
    case = await shared.accepted("QH-002", "2026-03-03")
    await shared.granted(case, "2026-03-04")
    return case


async def test_a_step_shows_the_act_and_what_it_changed(visitor, case):
    shown = await visitor.get(f"{AT}/{case}/replay/2")
    english = await visitor.get(f"{AT}/{case}/replay/2?lang=en")

    assert (200, 200) == (shown.status, english.status)
    assert "第 2 步" in shown.text
    assert '<td class="old"><span>已收件</span></td><td class="new"><span>已受理</span></td>' in (
        shown.text
    )
    assert "Step 2 of" in english.text
    assert f"{AT}/{case}/replay/3?lang=en" in english.text


async def test_the_first_step_has_nothing_before_it(visitor, case):
    shown = await visitor.get(f"{AT}/{case}/replay/1?lang=en")

    assert "no such case yet" in shown.text
    assert 'rel="prev"' not in shown.text


async def test_the_page_of_a_version_is_the_same_later(reader):
    case = await life(reader.serving)
    await reader.sign_in("jiang-he")
    first = await reader.get(f"{AT}/{case}/replay/3")
    await reader.serving.at("2026-03-20 09:00")
    again = await reader.get(f"{AT}/{case}/replay/3")

    def part(seen):
        return seen.text.partition("<section>")[2]

    assert part(first) == part(again)
    assert "2026" in part(first)


async def test_without_a_version_the_newest_is_shown(visitor, case):
    newest = visitor.serving.versions[case]

    shown = await visitor.get(f"{AT}/{case}/replay?lang=en")

    assert f"Step {newest} of {newest}" in shown.text


@pytest.mark.parametrize("version", ["0", "99", "01", "x", "-1", "1" * 40, "²"])
async def test_a_version_that_is_not_there_is_not_found(visitor, case, version):
    assert 404 == (await visitor.get(f"{AT}/{case}/replay/{version}")).status


async def test_what_was_known_then_stands_beside_what_is_known_now(visitor, case):
    shown = await visitor.get(f"{AT}/{case}?as_of=2026-03-02T09:30:00&lang=en")

    assert 200 == shown.status
    assert "As known on 2026-03-02 09:30:00" in shown.text
    assert '<span class="stage received">' in shown.text
    assert '<span class="stage in-review">' in shown.text
    assert "Recorded since" in shown.text


async def test_before_the_case_there_was_nothing(visitor, case):
    shown = await visitor.get(f"{AT}/{case}?as_of=2026-03-01T09:00:00&lang=en")

    assert "The case was not there yet." in shown.text


async def test_a_position_is_a_moment_too(visitor, case):
    answer = await visitor.serving.get(f"/cases/{case}/events", by="jiang-he")
    position = answer.body["items"][0]["position"]

    shown = await visitor.get(f"{AT}/{case}?as_of={position}&lang=en")

    assert f"(position {position}, version 1)" in shown.text


@pytest.mark.parametrize("asked", ["", "x", "2099-01-01T00:00:00", "99999999", "0001-01-01T00:00"])
async def test_what_is_no_moment_is_refused_in_words(visitor, case, asked):
    seen = await visitor.get(f"{AT}/{case}?as_of={asked}")

    assert seen.status in (200, 400)
    assert (400 == seen.status) or "当时尚无此办件" in seen.text


async def test_who_may_not_read_the_history_sees_no_step(visitor, case):
    await visitor.sign_in("guo-an")

    assert 404 == (await visitor.get(f"{AT}/{case}/replay/1")).status
    assert 404 == (await visitor.get(f"{AT}/{case}?as_of=1")).status


async def test_what_was_entered_late_is_marked_beside_what_was_known(reader):
    case = await life(reader.serving)
    await reader.sign_in("jiang-he")
    late = {
        "kind": "testing",
        "planned_days": 3,
        "approved_by": "huang-qiang",
        "notice": sha("notice"),
        "occurred_at": "2026-03-03T09:00:00+08:00",
    }
    done = await reader.serving.act(
        case, "suspend", late | {"reason": "补录"}, by="chen-zhi", at="2026-03-05 09:00"
    )
    assert 201 == done.status, done.body

    shown = await reader.get(f"{AT}/{case}?as_of=2026-03-04T09:00:00&lang=en")

    assert '<span class="stage in-review">' in shown.text
    assert '<span class="stage suspended">' in shown.text
    assert 'class="late"' in shown.text.partition("Recorded since")[2]
    assert '<b class="flag">' in shown.text.partition("Recorded since")[2]


async def test_every_step_up_to_a_decision_can_be_gone_through(visitor, granted):
    await visitor.sign_in("jiang-he")

    for version in range(1, visitor.serving.versions[granted] + 1):
        for language in ("zh-CN", "en"):
            shown = await visitor.get(f"{AT}/{granted}/replay/{version}?lang={language}")
            assert 200 == shown.status, version
            assert "91469002MA5X00014X" not in shown.text
            assert "海南示例餐饮有限公司" not in shown.text


async def test_what_a_decision_changed_is_told_in_words(visitor, granted):
    await visitor.sign_in("jiang-he")
    steps = [
        (await visitor.get(f"{AT}/{granted}/replay/{version}")).text
        for version in range(1, visitor.serving.versions[granted] + 1)
    ]

    decided = next(text for text in steps if "<span>许可状态 有效</span>" in text)

    assert "<span>办理人 黄强</span>" in decided
    assert "<span>日期 2026-03-04</span>" in decided
    assert not any("in-force" in text or "依据办件 huang" in text for text in steps)
