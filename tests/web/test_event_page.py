"""One event and its proof on a page: who sees it, what it says, and what is downloaded from it."""

import contextlib
import re
from dataclasses import replace

import pytest

from api import rotating, sm2_key
from api.settings import Settings
from ledger.tlog import note, sm2
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import NONE, Policy
from ledger.tlog.verify import verify_proof
from tests.api.serving import sha
from tests.web.test_pages import PAYLOADS, Tags, life

AT = "/cases/469002"


async def published(serving):
    head = await serving.service.store.head("469002")
    assert await serving.service.publishers["469002"].published(head.size, 30)


async def events_of(serving, case):
    return (await serving.get(f"/cases/{case}/events", by="jiang-he")).body["items"]


@pytest.fixture(scope="module")
async def written(shared):
    """Cases in which somebody wrote something, by what they wrote."""
    return {
        text: await life(shared, f"2026-02-{2 + n:02}", opinion=text)
        for n, text in enumerate(PAYLOADS)
    }


@pytest.fixture(scope="module")
async def reviewed(shared, written):
    """A case that the clock has not moved on from."""
    number = await life(shared)
    await published(shared)
    return number


@pytest.fixture
async def case(visitor, reviewed):
    await visitor.sign_in("jiang-he")
    return reviewed


@pytest.fixture
async def own(reader):
    """A case of the test's own, for what is done to it or to its log."""
    number = await life(reader.serving)
    await published(reader.serving)
    await reader.sign_in("jiang-he")
    return number


async def test_an_event_is_told_in_words_with_its_proof(visitor, case):
    told = (await events_of(visitor.serving, case))[4]

    chinese = await visitor.get(f"{AT}/{case}/events/{told['position']}")
    english = await visitor.get(f"{AT}/{case}/events/{told['position']}?lang=en")

    assert (200, 200) == (chinese.status, english.status)
    for word in ("陈志", "承办", "材料齐全，符合条件", told["leaf_hash"], "审计路径", "检查点"):
        assert word in chinese.text, word
    for word in ("Audit path", "The log&#39;s own signature", "Appointment", told["leaf_hash"]):
        assert word in english.text, word
    assert "/office/469002/appointments/" in chinese.text
    assert f"{AT}/{case}/replay/5?lang=en" in english.text


async def test_what_is_downloaded_proves_the_event_without_us(visitor, case):
    told = (await events_of(visitor.serving, case))[2]
    position = told["position"]
    page = await visitor.get(f"{AT}/{case}/events/{position}")
    proof = re.search(r'href="(/v1/[^"]*/proof)" download="(case-[0-9]{12}.tlog-proof)"', page.text)
    key = VerifierKey.parse((await visitor.get("/v1/ledgers/469002/log/vkey")).text.strip())

    async with visitor.session.get(f"{visitor.base}{AT}/{case}/events/{position}/record") as answer:
        record = await answer.read()
        headers = answer.headers
    raw = (await visitor.get(proof[1])).text.encode()

    verify_proof(raw, record, Policy((key,), {}, {}, NONE))
    assert f"case-{position:012}.event" in headers["Content-Disposition"]
    assert f"case-{position:012}.tlog-proof" == proof[2]
    assert "application/octet-stream" == headers["Content-Type"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    with pytest.raises(Exception, match="another root"):  # control: another byte is no proof
        verify_proof(raw, record + b" ", Policy((key,), {}, {}, NONE))


async def test_a_line_by_sm2_is_told_as_what_it_is(reader, own, tmp_path, monkeypatch, database):
    try:
        sm2.library()
    except sm2.NotInstalled as missing:
        pytest.skip(f"NOT RUN: no line by SM2 was tried: {missing}")

    @contextlib.asynccontextmanager
    async def there(*_):
        yield database

    monkeypatch.setattr(rotating, "database", there)
    key = (await sm2_key.made(Settings(home=tmp_path), "469002", print))[0]
    case = await life(reader.serving, "2026-06-01")
    await published(reader.serving)
    position = (await events_of(reader.serving, case))[2]["position"]

    page = await reader.get(f"{AT}/{case}/events/{position}?lang=en")

    assert f"<code>{key.split('+')[1]}</code></td><td>The log&#39;s line by SM2" in page.text
    assert "counts for nothing" not in page.text


async def test_personal_fields_are_masked_and_stored_encrypted(visitor, case):
    position = (await events_of(visitor.serving, case))[0]["position"]

    page = await visitor.get(f"{AT}/{case}/events/{position}")
    record = await visitor.get(f"{AT}/{case}/events/{position}/record")

    for text in (page.text, record.text):
        assert "海南示例餐饮有限公司" not in text
        assert "91469002MA5X00014X" not in text
    assert '"enc"' in record.text


async def test_the_case_and_its_steps_lead_to_each_event_and_say_what_is_published(visitor, case):
    rows = await events_of(visitor.serving, case)

    page = (await visitor.get(f"{AT}/{case}")).text
    step = (await visitor.get(f"{AT}/{case}/replay/2")).text

    for one in rows:
        assert f'href="{AT}/{case}/events/{one["position"]}"' in page
    assert len(rows) == page.count('class="badge published"')
    assert f'href="{AT}/{case}/events/{rows[1]["position"]}"' in step
    assert 1 == step.count('class="badge published"')


async def test_before_a_checkpoint_covers_it_the_page_says_so(reader, own, monkeypatch):
    log = reader.serving.service.publishers["469002"].log
    position = (await events_of(reader.serving, own))[-1]["position"]
    real = await log.signed()
    before = replace(real.state, signed_size=position)
    earlier = replace(real, state=before, newest=replace(real.newest, size=position))

    async def signed():
        return earlier

    async def state():
        return before

    monkeypatch.setattr(log, "signed", signed)
    monkeypatch.setattr(log, "state", state)

    page = await reader.get(f"{AT}/{own}/events/{position}?lang=en")
    of_case = await reader.get(f"{AT}/{own}?lang=en")

    assert "no signed checkpoint covers it yet" in page.text
    assert "Audit path" not in page.text
    assert 1 == of_case.text.count(">not yet published<")


@pytest.mark.parametrize("position", ["0", "01", "x", "-1", "²", "1" * 40, "9999999"])
async def test_what_is_no_event_of_the_case_is_not_found(visitor, case, position):
    assert 404 == (await visitor.get(f"{AT}/{case}/events/{position}")).status
    assert 404 == (await visitor.get(f"{AT}/{case}/events/{position}/record")).status


async def test_an_event_of_another_case_is_not_found_under_this_one(visitor, case, written):
    other = written[PAYLOADS[0]]
    position = (await events_of(visitor.serving, other))[0]["position"]

    assert 200 == (await visitor.get(f"{AT}/{other}/events/{position}")).status
    assert 404 == (await visitor.get(f"{AT}/{case}/events/{position}")).status


async def test_who_may_not_read_the_history_sees_no_event(visitor, case):
    position = (await events_of(visitor.serving, case))[0]["position"]
    await visitor.sign_in("zhou-min")  # the window sees the case, and not its history

    assert 403 == (await visitor.get(f"{AT}/{case}/events/{position}")).status
    assert 403 == (await visitor.get(f"{AT}/{case}/events/{position}/record")).status
    await visitor.sign_in("li-na")
    assert 404 == (await visitor.get(f"{AT}/{case}/events/{position}")).status


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_somebody_wrote_is_shown_as_text(visitor, written, payload):
    case = written[payload]
    position = (await events_of(visitor.serving, case))[4]["position"]
    await visitor.sign_in("jiang-he")

    page = Tags((await visitor.get(f"{AT}/{case}/events/{position}")).text)

    assert payload in "".join(page.words)
    assert not {"img[src=x]", "style", "iframe"} & set(page.elements)
    assert not any(name.startswith("on") or name == "style" for name, _ in page.attributes)
    assert all(
        str(v).startswith(("/", "#main")) for name, v in page.attributes if name in ("href", "src")
    )


async def test_a_correction_and_a_late_entry_are_seen(reader, own):
    here = reader.serving
    late = {
        "kind": "testing", "planned_days": 3, "approved_by": "huang-qiang",
        "notice": sha("notice"), "occurred_at": "2026-03-03T09:00:00+08:00", "reason": "补录",
    }  # fmt: skip
    await here.done(own, "suspend", late, by="chen-zhi", at="2026-03-05 09:00")
    rows = await events_of(here, own)
    wrong = {
        "event": rows[-1]["id"], "fields": {"planned_days": 5}, "evidence": sha("evidence"),
        "reason": "笔误",
    }  # fmt: skip
    await here.done(own, "correct", wrong, by="chen-zhi")

    page = await reader.get(f"{AT}/{own}/events/{rows[-1]['position']}?lang=en")

    assert 'class="late"' in page.text
    assert '<b class="flag">' in page.text
    assert sha("notice") in page.text
    assert "A correction is proposed, not approved:" in page.text


async def test_who_cosigned_is_told_apart_from_who_is_not_known(reader, own, monkeypatch):
    log = reader.serving.service.publishers["469002"].log
    signed = await log.signed()
    line = note.Signature("stranger", 7, bytes(64)).line
    newest = replace(signed.newest, note=signed.newest.note + line.encode())

    async def with_a_stranger():
        return replace(signed, newest=newest)

    monkeypatch.setattr(log, "signed", with_a_stranger)
    position = (await events_of(reader.serving, own))[0]["position"]

    page = await reader.get(f"{AT}/{own}/events/{position}?lang=en")

    assert "stranger" in page.text
    assert "this line counts for nothing" in page.text
