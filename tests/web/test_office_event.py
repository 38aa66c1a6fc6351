"""Events of the office and anchors on pages: who opens them, what they prove, what is red."""

import re

import pytest

from api import audit, rotating
from api.web import anchor_pages
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import NONE, Policy
from ledger.tlog.sm2 import Sm2Key
from ledger.tlog.verify import verify_proof
from tests.api.anchored import put_on_record, registered
from tests.ledger.anchoring import County
from tests.ledger.tlog import keys
from tests.web.test_event_page import published
from tests.web.test_lists import table

OFFICE = "/office/469002"
AT = f"{OFFICE}/events"
BY_SM2 = Sm2Key("x", keys.POINT).text
PEOPLE = ("wu-jun", "xing-tao", "jiang-he", "yan-qing", "qin-yu", "zhou-min", "chen-zhi", "guo-an")


async def happened(here):
    """Something of each kind in the office: a seal offered, an item proposed, an anchor."""
    await put_on_record(here, 7)
    offered = await here.post("/seals/QH-S1/hand-over", {"to": "he-yan"}, by="he-yan")
    assert 201 == offered.status, offered.body
    case = await here.accepted("QH-002", "2026-03-02")
    await here.service.caught_up("469002", -1)
    return offered.body["position"], case


async def test_an_event_of_the_office_is_told_with_its_proof(reader):
    position, _ = await happened(reader.serving)
    await published(reader.serving)
    await reader.sign_in("wu-jun")

    page = await reader.get(f"{AT}/{position}")
    english = await reader.get(f"{AT}/{position}?lang=en")

    assert 200 == page.status, page.text
    for word in ("<dd>何燕</dd>", "审计路径", "检查点", f"{OFFICE}/seals/QH-S1"):
        assert word in page.text, word
    assert "Audit path" in english.text
    await reader.sign_in("jiang-he")
    register = (await reader.get(f"{AT}/66")).text
    assert "<dd>QH-S1</dd>" in register, "what was set up, member by member"
    assert f"{OFFICE}/seals/QH-S1?lang=en" in english.text
    proof = re.search(r'href="(/v1/[^"]*/proof)" download="office-[0-9]{12}\.', page.text)[1]
    key = VerifierKey.parse((await reader.get("/v1/ledgers/469002/log/vkey")).text.strip())
    record = (await reader.get(f"{AT}/{position}/record")).text.encode()
    raw = (await reader.get(proof)).text.encode()
    verify_proof(raw, record, Policy((key,), {}, {}, NONE))
    with pytest.raises(Exception, match="another root"):  # control: another byte is no proof
        verify_proof(raw, record + b" ", Policy((key,), {}, {}, NONE))


async def test_who_finds_it_in_the_audit_trail_opens_it_and_nobody_else(reader):
    await happened(reader.serving)
    here = reader.serving
    size = (await here.service.store.head("469002")).size
    opened = {}
    for person in PEOPLE:
        listed = await here.get("/audit/administration?limit=500", by=person)
        found = {row["position"] for row in listed.body.get("items", ()) if not row["refused"]}
        await reader.sign_in(person)
        seen = {n for n in range(size) if 200 == (await reader.get(f"{AT}/{n}")).status}
        anchors = {
            one["position"]
            for one in (await here.get("/anchored-logs/wanning/anchors", by=person)).body["items"]
        }
        assert found | anchors == seen, person
        opened[person] = len(seen)

    assert opened["jiang-he"] > opened["wu-jun"] > opened["zhou-min"] == 1, opened


async def test_control_without_the_rule_everybody_opens_it(reader, monkeypatch):
    position, _ = await happened(reader.serving)
    await reader.sign_in("zhou-min")
    assert 404 == (await reader.get(f"{AT}/{position}")).status

    monkeypatch.setattr(audit, "holds", lambda *_: True)

    assert 200 == (await reader.get(f"{AT}/{position}")).status


async def test_an_event_of_a_case_is_none_of_the_office(reader):
    _, case = await happened(reader.serving)
    position = (await reader.serving.state(case))["position"]
    await reader.sign_in("jiang-he")

    for text in (str(position), "01", "-1", "x", "9" * 20, f"{position}0"):
        assert 404 == (await reader.get(f"{AT}/{text}")).status, text


async def test_every_page_of_a_thing_leads_to_its_events(reader):
    position, _ = await happened(reader.serving)
    await reader.sign_in("wu-jun")

    seal = await reader.get(f"{OFFICE}/seals/QH-S1")
    audited = await reader.get("/lists/469002/audit?responsibility=administration&limit=500")
    await reader.sign_in("zhou-min")
    closed = await reader.get(f"{OFFICE}/seals/QH-S1")

    assert f'href="{AT}/{position}"' in seal.text
    links = [link for row in table(audited).links for link in row if link.startswith(AT)]
    assert f"{AT}/{position}" in links
    assert len(links) == len(table(audited).told()), "each act of the office has its page"
    assert 200 == closed.status
    assert AT not in closed.text


async def test_an_act_on_the_keys_of_a_log_leads_to_its_page(reader):
    here = reader.serving
    for kind in ("log-key-set", "log-key-retired", "log-sm2-set"):
        await recorded_of(here, kind)
    await here.service.caught_up("469002", -1)
    await reader.sign_in("jiang-he")
    audited = await reader.get("/lists/469002/audit?responsibility=administration&limit=500")

    shown = table(audited)
    links = [link for row in shown.links for link in row if link.startswith(AT)]

    assert len(links) == len(shown.told())
    acts = [row["办理动作"] for row in shown.told()[-3:]]
    for link, act in zip(links[-3:], acts, strict=True):
        assert act.startswith(("设定日志", "停用日志")), act
        assert f"<h1>{act} " in (await reader.get(link)).text, link


async def recorded_of(here, kind):
    """As the commands put on record what became of a key."""
    data = {"sequence": "469002", "origin": "x", "key": BY_SM2, "step": "x"}
    place = rotating.Place(None, here.service.ledgers["469002"], None)
    await rotating.recorded(place, kind, data, kind)


# -- anchors --------------------------------------------------------------------------------------


async def test_the_anchors_of_a_log_are_told_the_newest_first(reader):
    here = reader.serving
    await here.at("2026-03-02 09:00")
    await put_on_record(here, 7, 12)
    await here.at("2026-03-05 10:00")
    await reader.sign_in("jiang-he")

    start = (await reader.get("/")).text
    front = (await reader.get(OFFICE)).text
    several = await reader.get(f"{OFFICE}/anchors?lang=en")
    one = await reader.get(f"{OFFICE}/anchors/wanning?lang=en")

    assert f'href="{OFFICE}/anchors"' in start
    assert f'href="{OFFICE}/anchors"' in front
    (row,) = table(several).told()
    assert ("anchored", "12", "3 d ago") == (row["State"], row["Events anchored"], row["Age"])
    told = table(one).told()
    assert ["12", "7"] == [line["Events anchored"] for line in told]
    for link in [link for row in table(one).links for link in row]:
        assert 200 == (await reader.get(link)).status, link
    assert "light red" not in one.text + several.text
    await reader.sign_in("zhou-min")
    assert f'href="{OFFICE}/anchors"' not in (await reader.get("/")).text
    assert 200 == (await reader.get(f"{OFFICE}/anchors/wanning")).status


async def test_a_fork_is_red_with_both_notes(reader):
    here = reader.serving
    await put_on_record(here, 7)
    forged = County(altered=3).body(7, 0)
    refused = await here.post("/anchored-logs/wanning/anchors", forged, by="guo-an")
    assert "anchor-conflict" == refused.slug, refused.body
    await reader.sign_in("xing-tao")

    several = await reader.get(f"{OFFICE}/anchors")
    one = await reader.get(f"{OFFICE}/anchors/wanning")

    assert 'class="light red"' in several.text
    assert 'role="alert"' in one.text
    assert 3 == one.text.count("\n7\n"), "the newest checkpoint, and both of the fork"


async def test_a_long_history_goes_on_with_an_address(reader, monkeypatch):
    monkeypatch.setattr(anchor_pages, "LIMIT", 2)
    await put_on_record(reader.serving, 3, 5, 7, 9, 11)
    await reader.sign_in("jiang-he")
    told, path = [], f"{OFFICE}/anchors/wanning?lang=en"
    while path:
        page = await reader.get(path)
        told += [row["Events anchored"] for row in table(page).told()]
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        path = following and following[1].replace("&amp;", "&")

    assert ["11", "9", "7", "5", "3"] == told


async def test_what_is_not_there_is_said(reader):
    await registered(reader.serving)
    await reader.sign_in("jiang-he")

    assert 200 == (await reader.get(f"{OFFICE}/anchors/wanning")).status
    assert 404 == (await reader.get(f"{OFFICE}/anchors/nothing")).status
    for query in ("before=0", "before=x", "before=-1", "nothing=1"):
        assert 400 == (await reader.get(f"{OFFICE}/anchors/wanning?{query}")).status, query
    await reader.sign_in("nobody")
    assert 404 == (await reader.get(f"{OFFICE}/anchors")).status
