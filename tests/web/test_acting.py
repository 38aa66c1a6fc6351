"""Acts from a page, without any script: what a clerk and a handler do, and what they are told."""

import hashlib
import re

import aiohttp
import pytest

from projections import current_state
from tests.web.test_pages import life

WINDOW = {
    "applicant.kind": "organisation",
    "applicant.name": "海南示例餐饮有限公司",
    "applicant.id_scheme": "USCC",
    "applicant.id": "91469002MA5X00014X",
    "channel": "window",
    "item": "QH-002",
    "materials.0.name": "申请表",
    "materials.0.media_type": "application/pdf",
    "materials.0.sha256": "b" * 64,
    "materials.1.name": "卫生管理制度",
    "materials.1.media_type": "application/pdf",
    "materials.1.sha256": "",
}


def hidden(text):
    """The hidden fields of a form of acts."""
    return dict(re.findall(r'<input type="hidden" name="(_\w+)" value="([^"]*)"', text))


async def opened(reader, path):
    seen = await reader.get(path)
    assert 200 == seen.status, seen.text
    return hidden(seen.text)


async def taken_in(reader, **more):
    """Take an application in at the window; return the number of the case."""
    form = await opened(reader, "/cases/469002/new?item=QH-002")
    done = await reader.post("/cases/469002/new", form | WINDOW | more)
    assert 303 == done.status, done.text
    return done.headers["Location"].split("/")[3].partition("?")[0]


async def test_the_window_sees_by_name_what_it_takes_in(visitor):
    await visitor.sign_in("zhou-min")

    named = (await visitor.get("/cases/469002/new?item=QH-002")).text
    unknown = (await visitor.get("/cases/469002/new?item=QH-999")).text

    assert "<b>QH-002 公共场所卫生许可（新办）</b>" in named
    assert "<b>QH-" not in unknown


async def test_a_clerk_takes_in_accepts_and_hands_over(reader):
    await reader.serving.at("2026-03-02 09:00")
    await reader.sign_in("zhou-min")
    assert "/cases/469002/new" in (await reader.get("/")).text

    case = await taken_in(reader)
    page = await reader.get(f"/cases/469002/{case}?done=0")
    assert "已收件" in page.text
    for action, more in (
        ("accept", {}),
        ("transfer", {"to.unit": "qh-xzsp", "to.person": "chen-zhi"}),
    ):
        path = f"/cases/469002/{case}/{action}"
        assert f'href="{path}"' in (await reader.get(f"/cases/469002/{case}")).text
        done = await reader.post(path, await opened(reader, path) | more)
        assert 303 == done.status, done.text
    assert "#done" in done.headers["Location"]
    # The window reads no histories, and is told of its own act all the same.
    at = done.headers["Location"].partition("#")[0]
    assert re.search(r'id="done"[^>]*>已入账： 转办 · 版本 3 ', (await reader.get(at)).text)
    await reader.sign_in("tang-li")
    other = (await reader.get(at)).text
    assert "您的岗位不查看历史记录" in other
    assert 'id="done"' not in other

    await reader.sign_in("chen-zhi")
    path = f"/cases/469002/{case}/acknowledge-transfer"
    assert 303 == (await reader.post(path, await opened(reader, path))).status
    state = await reader.serving.state(case)
    assert ("in-review", "chen-zhi") == (state["stage"], state["holder"]["person"])
    # What was listed and not handed in is no material of the case.
    assert ["申请表"] == [one["name"] for one in state["materials"]]


async def test_the_same_form_sent_twice_is_one_act(visitor):
    await visitor.sign_in("zhou-min")
    form = await opened(visitor, "/cases/469002/new?item=QH-002")

    first = await visitor.post("/cases/469002/new", form | WINDOW)
    again = await visitor.post("/cases/469002/new", form | WINDOW)

    assert (303, 303) == (first.status, again.status)
    assert first.headers["Location"] == again.headers["Location"]


async def test_of_a_file_only_its_digest_is_taken(visitor):
    await visitor.sign_in("zhou-min")
    form = await opened(visitor, "/cases/469002/new?item=QH-002")
    content = "申请表的内容".encode() * 40_000
    data = aiohttp.FormData()
    for name, value in (form | WINDOW | {"materials.0.sha256": ""}).items():
        data.add_field(name, value)
    data.add_field("file:materials.0.sha256", content, filename="../x.pdf")
    data.add_field("file:materials.1.sha256", b"", filename="")

    async with visitor.session.post(
        f"{visitor.base}/cases/469002/new", data=data, allow_redirects=False
    ) as done:
        assert 303 == done.status, await done.text()
        case = done.headers["Location"].split("/")[3].partition("?")[0]
    (material,) = (await visitor.serving.state(case))["materials"]
    assert hashlib.sha256(content).hexdigest() == material["sha256"]


async def test_a_row_more_keeps_what_was_typed(visitor):
    await visitor.sign_in("zhou-min")
    form = await opened(visitor, "/cases/469002/new?item=QH-002")

    more = await visitor.post("/cases/469002/new", form | WINDOW | {"_more": "materials"})

    assert 200 == more.status
    assert 'name="materials.2.name"' in more.text
    assert 'value="海南示例餐饮有限公司"' in more.text


async def test_what_is_missing_is_said_and_marked_and_nothing_is_lost(visitor):
    await visitor.sign_in("zhou-min")
    form = await opened(visitor, "/cases/469002/new?item=QH-002")
    form |= WINDOW | {"applicant.id": ""}

    refused = await visitor.post("/cases/469002/new", form)

    assert 422 == refused.status
    assert re.search(r'name="applicant.id"[^>]*aria-invalid="true"', refused.text)
    assert 'value="海南示例餐饮有限公司"' in refused.text
    assert (
        303
        == (
            await visitor.post(
                "/cases/469002/new", form | hidden(refused.text) | {"applicant.id": "1"}
            )
        ).status
    )


async def test_who_acted_meanwhile_is_told_and_the_next_try_counts(reader):
    case = await life(reader.serving)
    await reader.sign_in("chen-zhi")
    path = f"/cases/469002/{case}/review"
    form = await opened(reader, path) | {
        "level": "handle", "opinion": "符合条件", "recommend": "grant",
    }  # fmt: skip
    # Somebody else acts on it between the form and its button.
    await reader.serving.state(case)
    await reader.serving.done(
        case, "record-intervention", {"person": "甲", "text": "打招呼"}, by="chen-zhi"
    )

    refused = await reader.post(path, form)

    assert 412 == refused.status
    assert "此间发生了" in refused.text
    assert "符合条件" in refused.text
    done = await reader.post(path, form | hidden(refused.text))
    assert 303 == done.status, done.text


async def test_what_is_not_possible_now_is_told_before_and_after(reader):
    case = await reader.serving.received("QH-002", "2026-03-02")
    await reader.sign_in("zhou-min")
    path = f"/cases/469002/{case}/accept"
    form = await opened(reader, path)
    await reader.serving.done(case, "accept", by="zhou-min")

    shown = await reader.get(path)
    refused = await reader.post(path, form | {"_version": "2"})

    assert 200 == shown.status
    assert "现在不能办理" in shown.text
    assert 409 == refused.status
    assert 'role="alert"' in refused.text


@pytest.mark.parametrize("person", ["jiang-he", "he-yan"])
async def test_who_could_never_do_it_gets_no_form_and_that_is_on_record(reader, person):
    case = await life(reader.serving)
    await reader.sign_in(person)

    assert 403 == (await reader.get(f"/cases/469002/{case}/decide")).status
    audit = await reader.serving.get("/audit/all?refused=true&at_least=0", by="jiang-he")
    told = [(row["actor"]["person"], row["action"]) for row in audit.body["items"]]
    log = await reader.serving.get("/access-log?line=sealed&what=decide", by="yan-qing")
    told += [(row["actor"]["person"], row["what"]) for row in log.body["items"]]
    assert [(person, "decide")] == told


async def test_a_form_that_is_not_ours_records_nothing(visitor):
    await visitor.sign_in("zhou-min")
    form = await opened(visitor, "/cases/469002/new?item=QH-002") | WINDOW

    for changed, headers in (
        ({"_token": "0" * 64}, {}),
        ({"_token": ""}, {}),
        ({}, {"Origin": "https://evil.example"}),
    ):
        refused = await visitor.post("/cases/469002/new", form | changed, **headers)
        assert 403 == refused.status
    # The token of one form opens no other.
    other = await opened(visitor, "/cases/469002/new?item=QH-002")
    case = await taken_in(visitor)
    path = f"/cases/469002/{case}/accept"
    sent = (await opened(visitor, path)) | {"_token": other["_token"]}
    assert 403 == (await visitor.post(path, sent)).status


async def test_a_reason_with_markup_comes_back_as_text(visitor):
    await visitor.sign_in("zhou-min")
    form = await opened(visitor, "/cases/469002/new?item=QH-002") | WINDOW
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"

    refused = await visitor.post(
        "/cases/469002/new", form | {"applicant.name": evil, "applicant.id": ""}
    )

    assert 422 == refused.status
    assert "<script>" not in refused.text
    assert "<img src=x" not in refused.text


async def test_the_desk_shows_what_waits_for_whom(reader):
    serving = reader.serving
    handled = await life(serving, "2026-03-03")
    received = await serving.received("QH-002", "2026-03-04")
    await serving.service.caught_up("469002", -1)

    async def desk(person):
        await reader.sign_in(person)
        text = (await reader.get("/")).text
        mine, _, rest = text.partition("我的待办")[2].partition("待本岗位办理")
        return mine, rest.partition("</section>")[0]

    mine, waiting = await desk("chen-zhi")
    assert handled in mine
    assert handled not in waiting
    assert received not in mine + waiting
    mine, waiting = await desk("huang-qiang")
    assert handled in waiting
    assert received not in mine + waiting
    mine, waiting = await desk("zhou-min")
    assert received in mine + waiting
    assert handled not in mine + waiting
    # Who holds no cases has no such lists.
    assert ("", "") == await desk("jiang-he")


async def test_a_worklist_goes_by_what_is_due_and_its_pages_follow_each_other(reader):
    serving = reader.serving
    cases = [await serving.received("QH-002", f"2026-03-0{day}") for day in (2, 3, 4)]
    cases.append(await serving.received("QH-001", "2026-03-05"))
    await serving.service.caught_up("469002", -1)
    reads, now = serving.service.reads, await serving.service.ledgers["469002"].now()

    async def pages(limit):
        found, after = [], None
        while True:
            page = await current_state.worklist(
                reads, "469002", now, "nobody", after, limit, stages=["received"],
                organs=["qh-xzsp"],
            )  # fmt: skip
            found += page.items
            after = page.next
            if after is None:
                return found

    whole = await pages(50)
    dues = [one["due"] or "9999" for one in whole]
    assert dues == sorted(dues)
    assert set(cases) == {one["case"] for one in whole}
    assert [one["case"] for one in whole] == [one["case"] for one in await pages(1)]


@pytest.mark.parametrize(
    ("person", "path"),
    [
        ("zhou-min", "/cases/469002/new?item=QH-002"),
        ("zhou-min", "/matters/469002/new"),
        ("wu-jun", "/office/469002/items/propose"),
    ],
)
async def test_the_first_button_of_a_form_with_rows_is_the_act(visitor, person, path):
    await visitor.sign_in(person)

    form = (await visitor.get(path)).text.partition('enctype="multipart/form-data"')[2]

    buttons = re.findall("<button([^>]*)>", form)
    assert any("_more" in one for one in buttons), "a form without rows shows nothing"
    assert "name=" not in buttons[0]


async def test_a_form_of_what_is_impossible_now_gives_the_reason_and_no_form(reader):
    case = await reader.serving.accepted("QH-002", "2026-03-02")
    await reader.sign_in("zhou-min")

    seen = await reader.get(f"/cases/469002/{case}/accept")
    possible = await reader.get(f"/cases/469002/{case}/transfer")

    assert 200 == seen.status
    assert "现在不能办理" in seen.text
    assert "已经办过" in seen.text
    assert 'method="post" enctype' not in seen.text
    assert f'<a href="/cases/469002/{case}">返回 {case}</a>' in seen.text
    assert 'method="post" enctype' in possible.text
