"""Persons and organs: who did what, where lines of duty cross, and who may follow them."""

import re

import pytest

from tests.web.test_board import Numbers
from tests.web.test_lists import table, world


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_what_a_person_did_is_counted_with_the_list_behind_it(reader, language):
    await world(reader.serving)
    await reader.sign_in("jiang-he")

    for path in ("/persons/469002/zhou-min", "/organs/469002/qh-xzsp"):
        seen = await reader.get(f"{path}?lang={language}")
        assert 200 == seen.status
        assert int(seen.headers["Ledger-Position"]) > 0
        assert not re.findall(r">(?:person|list|action|event)\.[a-z-]+", seen.text)
        numbers = Numbers(seen.text).linked
        assert len(numbers) > 2
        for href, number in numbers:
            shown = await reader.get(f"{href}&limit=500")
            assert number == len(table(shown).told()), href
    assert ("周敏" in seen.text) == ("陈志" in seen.text) is True


async def test_refused_acts_are_counted_apart(reader):
    await world(reader.serving)
    await reader.sign_in("jiang-he")

    text = (await reader.get("/persons/469002/chen-zhi?lang=en")).text

    refused = text[text.index("What was refused") :]
    assert "/lists/469002/refusals?actor=chen-zhi" in refused
    assert "receive" in refused or "received" in refused


async def test_where_one_person_stands_in_two_lines_is_shown(reader):
    """Somebody who supervises and approved the same case before, by two appointments."""
    here = reader.serving
    case, _, _ = await world(here)
    await reader.sign_in("jiang-he")
    before = (await reader.get("/persons/469002/chen-zhi?lang=en")).text
    crossed = before[before.index("in two lines of duty") : before.index("What was done")]
    assert "There is nothing." in crossed

    await moved(here)
    after = (await reader.get("/persons/469002/chen-zhi?lang=en")).text
    crossed = after[after.index("in two lines of duty") : after.index("What was done")]
    assert case in crossed
    assert "Approval + Supervision" in crossed
    organ = (await reader.get("/organs/469002/qh-xzsp?lang=en")).text
    assert case in organ[organ.index("in two lines of duty") : organ.index("What was done")]


async def moved(here):
    """Move chen-zhi to the supervising organ, from where the granted case is supervised."""
    await here.at("2026-04-11 09:00")
    ended = await here.post("/appointments/chen-zhi-handler/end", by="wu-jun")
    assert ended.status == 201, ended.body
    await here.at("2026-04-13 09:00")
    post = {"person": "chen-zhi", "name": "陈志", "role": "supervisor", "organ": "qh-wjw",
            "from": "2026-04-13"}  # fmt: skip
    assert 201 == (await here.post("/appointments", post, by="fang-ke")).status
    approver = await here.post("/appointments/chen-zhi-supervisor/approve", by="shi-lei")
    assert approver.status == 201, approver.body
    said = {"order": "请说明办理情况"}
    case = "469002-2026-000001"
    done = await here.act(case, "supervise", said, by="chen-zhi")
    assert done.status == 201, done.body
    await here.service.caught_up("469002", -1)


async def test_only_supervision_and_inspection_follow_persons(reader):
    await world(reader.serving)
    for person in ("wu-jun", "zhou-min", "yan-qing", "xing-tao", "qin-yu"):
        await reader.sign_in(person)
        allowed = person in ("yan-qing", "xing-tao")
        for path in ("/persons/469002/zhou-min", "/organs/469002/qh-xzsp"):
            assert (200 if allowed else 403) == (await reader.get(path)).status, (person, path)
    await reader.sign_in("wu-jun")
    audit = (await reader.get("/lists/469002/audit")).text
    assert "/persons/469002/" not in audit
    await reader.sign_in("jiang-he")
    audit = (await reader.get("/lists/469002/audit?responsibility=approval")).text
    assert '"/persons/469002/zhou-min"' in audit
    assert '"/organs/469002/qh-xzsp"' in audit


async def test_a_supervisor_of_others_sees_nothing_of_what_they_did(reader):
    await world(reader.serving)
    await reader.sign_in("li-na")

    seen = await reader.get("/persons/469002/chen-zhi?lang=en")

    assert 200 == seen.status
    assert [] == Numbers(seen.text).linked
    for path in ("/persons/469002/nobody-here", "/organs/469002/nowhere"):
        assert 404 == (await reader.get(path)).status


async def test_following_a_person_is_on_record(reader):
    await world(reader.serving)
    await reader.sign_in("xing-tao")
    await reader.get("/persons/469002/zhou-min")

    items = (await reader.serving.get("/access-log", by="yan-qing")).body["items"]

    assert "read-audit" in {one["what"] for one in items}
