"""What the bureau has set up, on pages: seen, proposed, approved by another, handed over."""

import re

import pytest

from api.routes import KINDS
from tests.ledger.anchoring import CONTENT, KEY
from tests.web.test_acting import hidden

OFFICE = "/office/469002"


def form_to(text, path):
    """The hidden fields of the form that goes to a path."""
    found = re.search(rf'<form[^>]*action="{re.escape(path)}"[^>]*>(.*?)</form>', text, re.DOTALL)
    assert found is not None, path
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[1]))


# The example keeps nobody's anchors; their pages are looked at below.
@pytest.mark.parametrize("things", [things for things in KINDS if things != "anchored-logs"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_everything_that_is_set_up_can_be_looked_at(visitor, things, language):
    await visitor.sign_in("chen-zhi")

    listed = await visitor.get(f"{OFFICE}/{things}?lang={language}")
    assert 200 == listed.status
    paths = re.findall(rf'href="({OFFICE}/{things}/[^"?]+)', listed.text)
    assert paths
    for path in paths[:5]:
        seen = await visitor.get(f"{path}?lang={language}")
        assert 200 == seen.status, (path, seen.text)
        # Who may change nothing here is offered nothing; a loss is reported by anybody.
        offered = set(re.findall(r'<form method="post" action="([^"?]+)', seen.text))
        assert offered <= {"/sign-out", f"{path}/report-lost"}
    assert 200 == (await visitor.get(f"{OFFICE}?lang={language}")).status


async def test_two_persons_put_an_item_in_force_and_what_changed_is_shown(reader):
    await reader.sign_in("wu-jun")
    path = f"{OFFICE}/items/propose"
    shown = await reader.get(f"{path}?from=QH-002")
    if 200 != shown.status:
        pytest.fail(shown.text)
    values = dict(re.findall(r'<input id="f-[^"]*" name="([^"]+)" value="([^"]*)"', shown.text))
    values |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)</textarea>', shown.text))
    chosen = re.findall(
        r'<select[^>]* name="([^"]+)"[^>]*>(?:(?!</select>).)*?'
        r'<option value="([^"]*)" selected>', shown.text, re.DOTALL,
    )  # fmt: skip
    form = hidden(shown.text) | values | dict(chosen) | {"limits.promised": "4"}

    proposed = await reader.post(path, form)

    assert 303 == proposed.status, proposed.text
    one = f"{OFFICE}/items/QH-002"
    assert one == proposed.headers["Location"]
    waiting = await reader.get(one)
    assert re.search(r"<del>[^<]*5[^<]*</del>", waiting.text)
    # Who proposed it is not offered to approve it, and could not.
    approve = f"{one}/approve"
    assert f'action="{approve}"' not in waiting.text
    await reader.sign_in("mo-li")
    theirs = await reader.get(one)
    sent = form_to(theirs.text, approve)
    assert 303 == (await reader.post(approve, sent)).status
    terms = (await reader.serving.get("/items/QH-002")).body["content"]
    assert 4 == terms["limits"]["promised"]
    # Nothing of the item was lost on the way through the form.
    before = (await reader.serving.get("/items/QH-002")).body["versions"][0]["content"]
    assert before | {"limits": {"statutory": 20, "promised": 4}} == terms


async def test_a_loss_is_reported_by_anybody_and_stops_the_seal_at_once(reader):
    one = f"{OFFICE}/seals/QH-S1"
    await reader.sign_in("zhou-min")
    seen = await reader.get(one)
    assert "在用" in seen.text

    path = f"{one}/report-lost"
    assert 303 == (await reader.post(path, form_to(seen.text, path) | {"reason": "找不到"})).status

    assert "遗失" in (await reader.get(one)).text


async def test_an_appointment_is_ended_at_once(reader):
    one = f"{OFFICE}/appointments/zhou-min-clerk"
    await reader.sign_in("fang-ke")
    path = f"{one}/end"
    sent = form_to((await reader.get(one)).text, path)

    assert 303 == (await reader.post(path, sent)).status

    assert "已终止" in (await reader.get(one)).text


async def test_what_is_refused_says_why_and_changes_nothing(visitor):
    await visitor.sign_in("wu-jun")
    path = f"{OFFICE}/items/propose"
    form = hidden((await visitor.get(path)).text)

    refused = await visitor.post(path, form | {"code": "QH-900"})

    assert 422 == refused.status
    assert 'value="QH-900"' in refused.text
    assert 404 == (await visitor.get(f"{OFFICE}/items/QH-900")).status


async def test_a_form_of_one_thing_counts_for_no_other(visitor):
    await visitor.sign_in("xing-tao")
    form = {"_token": "0" * 64, "_key": "a"}

    assert 403 == (await visitor.post(f"{OFFICE}/items/QH-002/approve", form)).status


async def test_who_holds_no_post_sees_no_office(visitor):
    await visitor.sign_in("nobody")

    assert 404 == (await visitor.get(OFFICE)).status
    assert 404 == (await visitor.get(f"{OFFICE}/other")).status


async def test_a_log_is_registered_for_anchoring_on_pages(reader):
    path = f"{OFFICE}/anchored-logs/propose"
    await reader.sign_in("fang-ke")
    shown = await reader.get(path)
    said = {name: CONTENT[name] for name in ("id", "name", "origin")}

    proposed = await reader.post(path, hidden(shown.text) | said | {"keys.0": KEY.text})

    assert 303 == proposed.status, proposed.text
    one = f"{OFFICE}/anchored-logs/wanning"
    await reader.sign_in("yan-qing")
    approve = f"{one}/approve"
    sent = form_to((await reader.get(one)).text, approve)
    assert 303 == (await reader.post(approve, sent)).status
    shown = await reader.get(one)
    for text in (CONTENT["origin"], "万宁市", "日志"):
        assert text in shown.text
