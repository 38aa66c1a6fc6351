"""Findings over HTTP: who reads them, what of the scenarios they find, and how they are asked."""

import asyncio

import pytest

from projections import findings_kept
from projections.findings_rules import PARAMETERS, RULES
from projections.rebuild import check
from tests.api.living import overridden
from tests.api.serving import GRANT, application, opinion, serve, sha


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def found(here, query, by="jiang-he"):
    answer = await here.get(f"/findings?{query}", by=by)
    assert answer.status == 200, answer.body
    return answer.body["items"]


async def places(here, case, *kinds):
    events = (await here.get(f"/cases/{case}/events")).body["items"]
    return [e["position"] for e in events if e["type"] in kinds]


async def test_s10_what_one_person_did_alone_is_listed(here):
    case = await here.received("QH-001", "2026-03-05", by="wang-lan")
    await here.done(case, "accept", by="wang-lan")
    await here.done(case, "decide", GRANT, by="wang-lan", at="2026-03-05 11:00")

    (one,) = await found(here, "rule=sole-handler")

    assert ([case], "wang-lan", "duty-sole-handler@1") == (
        one["cases"], one["officer"], one["part"],
    )  # fmt: skip
    assert await places(here, case, "decided") == one["positions"]
    assert "findings-default@1" == one["policy"]
    assert {"zh-CN", "en"} == set(one["text"])


async def test_s14_evidence_after_the_fact_and_a_skipped_level(here):
    case = await here.accepted("QH-002", "2026-03-09")
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [sha("form")]}
    await here.done(case, "transfer", to, by="zhou-min", at="2026-03-11 10:00")
    await here.done(case, "acknowledge-transfer", by="chen-zhi")
    await here.done(case, "review", opinion("handle", "符合条件"), by="chen-zhi")
    await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-03-12 15:00")
    late = opinion("check", "同意") | {
        "occurred_at": "2026-03-11T16:00:00+08:00", "reason": "当日未上传", "adopts": True,
    }  # fmt: skip
    assert [] == await found(here, "rule=evidence-after")
    await here.done(case, "review", late, by="lin-bo", at="2026-03-13 09:20")

    (after,) = await found(here, f"rule=evidence-after&case={case}")
    (skipped,) = await found(here, "rule=skipped-level")

    decided, review = (await places(here, case, "decided", "reviewed"))[-2:]
    assert [decided, review] == after["positions"]
    assert [case] == skipped["cases"]


async def test_s17_an_overridden_opinion(here):
    case = await overridden(here)

    (one,) = await found(here, "rule=overridden-opinion")

    assert await places(here, case, "reviewed", "decided") == one["positions"]
    assert "overridden-opinion.without-reason" == one["measure"]


async def test_applicants_are_known_again_though_their_ids_are_encrypted(here):
    first = await here.received("QH-002", "2026-03-02")
    request = {"request": sha("request")}
    await here.done(first, "withdraw", request, by="zhou-min", at="2026-03-03 10:00")
    other = application("QH-002")["applicant"] | {"id": "91469002MA5X00022Q"}
    await here.received("QH-002", "2026-03-04", applicant=other)
    assert [] == await found(here, "rule=withdraw-refile")
    again = await here.received("QH-002", "2026-03-05")

    (one,) = await found(here, "rule=withdraw-refile")

    assert ([first, again], 2, 30) == (one["cases"], one["measured"], one["threshold"])
    assert "91469002" not in str(one)


READERS = {
    "jiang-he": 200, "yan-qing": 200, "xing-tao": 403, "lu-qian": 403, "mo-li": 403,
    "ke-jun": 403, "zhou-min": 403, "chen-zhi": 403, "huang-qiang": 403, "wu-jun": 403,
    "shi-lei": 403, "fang-ke": 403, "guo-an": 403, "qin-yu": 403, "nobody": 404,
}  # fmt: skip


@pytest.mark.parametrize("path", ["/findings", "/findings/rules", "/findings/figures?rule=loops"])
async def test_inspection_reads_findings_and_nobody_of_the_bureau(here, path):
    await here.at("2026-03-02 09:00")

    told = {by: (await here.get(path, by=by)).status for by in READERS}

    assert READERS == told


async def test_a_supervisor_of_the_whole_reads_them_where_the_policy_says_so(here):
    await here.at("2026-03-02 09:00")
    new = {"id": "findings-default", "kind": "findings", "supervisors": True, "parked_days": 3}
    proposed = await here.post("/policies", new, by="fang-ke")
    assert 201 == proposed.status, proposed.body
    approve = "/policies/findings-default/approve"
    assert (403, "action-not-allowed") == (await here.post(approve, by="wu-jun")).refusal[:2]
    approved = await here.post(approve, by="xing-tao")
    assert 201 == approved.status, approved.body

    rules = await here.get("/findings/rules", by="xing-tao")
    told = {by: (await here.get("/findings", by=by)).status for by in ("mo-li", "wu-jun")}

    assert {"mo-li": 403, "wu-jun": 403} == told
    parked = next(r for r in rules.body["items"] if r["rule"] == "parked-receipt")
    assert ({"parked_days": 3}, "findings-default@2") == (parked["parameters"], parked["policy"])
    assert parked["text"]["en"].startswith("3 working days")


async def test_the_rules_tell_what_they_look_for_and_how_much_they_find(here):
    case = await here.accepted("QH-002", "2026-03-09")
    await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-03-09 16:00")

    rules = (await here.get("/findings/rules?item=QH-002", by="jiang-he")).body["items"]

    by_rule = {r["rule"]: r for r in rules}
    assert list(RULES) == [r["rule"] for r in rules]
    assert 1 == by_rule["skipped-level"]["findings"]
    assert 0 == by_rule["loops"]["findings"]
    reader = by_rule["curious-reader"]
    assert (False, None) == (reader["computed"], reader["findings"])
    assert "log of readings" in reader["why_not"]["en"]
    refused = await here.get("/findings?rule=curious-reader", by="jiang-he")
    assert (400, "invalid-parameter") == refused.refusal[:2]
    assert {"rubber_stamp_s": PARAMETERS["rubber_stamp_s"]} == by_rule["rubber-stamp"]["parameters"]


async def test_findings_come_in_pages_with_their_total(here):
    for day in ("2026-03-09", "2026-03-10"):
        case = await here.accepted("QH-002", day)
        await here.done(case, "decide", GRANT, by="huang-qiang")
    first = (await here.get("/findings?limit=1&count=exact", by="jiang-he")).body
    whole = (await here.get("/findings", by="jiang-he")).body["items"]
    second = await here.get(f"/findings?limit=1&count=exact&after={first['next']}", by="jiang-he")

    assert len(whole) == first["total"] == second.body["total"]
    assert whole[:2] == [*first["items"], *second.body["items"]]
    other = await here.get(f"/findings?limit=1&after={first['next']}", by="yan-qing")
    assert (400, "invalid-cursor") == other.refusal[:2]


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("rule=nonsense", "invalid-parameter"),
        ("rule=loops&rule=loops", "invalid-parameter"),
        ("from=yesterday", "invalid-parameter"),
        ("count=all", "invalid-parameter"),
        ("after=xx", "invalid-cursor"),
        ("level=x", "invalid-parameter"),
        ("officer=", "invalid-parameter"),
    ],
)
async def test_what_cannot_be_asked_is_refused(here, query, slug):
    await here.at("2026-03-02 09:00")

    assert (400, slug) == (await here.get(f"/findings?{query}", by="jiang-he")).refusal[:2]


async def test_a_case_that_never_was_has_no_findings(here):
    await here.at("2026-03-02 09:00")

    answer = await here.get("/findings?case=469002-2026-999999", by="jiang-he")

    assert (404, "case-not-found") == answer.refusal[:2]


async def test_figures_tell_officers_apart_and_one_person_from_two(here):
    case = await here.accepted("QH-002", "2026-03-09")
    await here.granted(case, "2026-03-09")

    answer = await here.get("/findings/figures?rule=rubber-stamp&by=officer", by="jiang-he")

    (one,) = answer.body["items"]
    assert ("huang-qiang", False, 1) == (one["officer"], one["same_person"], one["measured"])
    every = (await here.get("/findings/figures", by="jiang-he")).body["items"]
    assert {"rubber-stamp.decision", "quick-grant.decision"} < {f["measure"] for f in every}


async def test_made_anew_with_the_keys_they_are_the_same_bytes(here):
    case = await here.accepted("QH-002", "2026-03-09")
    await here.granted(case, "2026-03-09")
    await found(here, "limit=1")
    service = here.service
    projection = next(p for p in service.projections if p.name == "findings")

    assert (await check(projection, here.ledger, service.store, service.reads)).same


async def until_measured(here, query):
    """Ask until the service has measured all of it beside its readers."""
    async with asyncio.timeout(20):
        while True:
            body = (await here.get(f"/findings?{query}", by="jiang-he")).body
            if "behind" not in body:
                return body
            await asyncio.sleep(0.1)


async def test_what_takes_long_is_measured_beside_the_readers_and_told(here, monkeypatch):
    case = await here.accepted("QH-002", "2026-03-09")
    for name, value in (("SMALL", 0), ("AT_ONCE_S", 0.0), ("REST", 0.0)):
        monkeypatch.setattr(findings_kept, name, value)

    first = (await here.get("/findings?rule=bottleneck", by="jiang-he")).body
    rules = (await here.get("/findings/rules", by="jiang-he")).body
    measured = await until_measured(here, "rule=bottleneck")

    never = [{"rule": "bottleneck", "position": None, "measured_at": None}]
    assert ([], never) == (first["items"], first["behind"])
    by_rule = {r["rule"]: r["findings"] for r in rules["items"]}
    assert (0, True) == (by_rule["loops"], bool(rules["behind"]))
    assert all(by_rule[b["rule"]] is None for b in rules["behind"] if b["position"] is None)
    assert measured["items"]

    monkeypatch.setattr(findings_kept, "REST", 1e9)
    await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-03-09 16:00")
    later = (await here.get("/findings?rule=bottleneck", by="jiang-he")).body

    (told,) = later["behind"]
    assert measured["items"] == later["items"]
    assert told["position"] < (await places(here, case, "decided"))[0]
    assert told["measured_at"].startswith("2026-03-0")
    monkeypatch.setattr(findings_kept, "REST", 0.0)
    assert measured["items"] != (await until_measured(here, "rule=bottleneck"))["items"]


async def test_control_a_small_ledger_is_always_as_of_now(here):
    case = await here.accepted("QH-002", "2026-03-09")
    before = (await here.get("/findings?rule=bottleneck", by="jiang-he")).body
    await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-03-09 16:00")
    after = (await here.get("/findings?rule=bottleneck", by="jiang-he")).body

    assert before["items"] != after["items"]
    assert "behind" not in before
    assert "behind" not in after


async def test_readyz_tells_why_findings_are_not_measured(here, monkeypatch):
    await here.service.ledger(here.ledger)
    keeper = here.service.keepers[here.ledger]

    async def failing(*, read):
        raise OSError("the disk is full")

    async def told():
        ready = await here.get(f"{here.base}/readyz", by=None)
        assert 200 == ready.status, "readers are served what was measured before"
        return ready.body["ledgers"][here.ledger]["unmeasured"]

    assert await told() is None
    monkeypatch.setattr(keeper, "look", failing)
    keeper.wanted()
    for _ in range(100):
        if await told():
            break
        await asyncio.sleep(0.05)
    assert (await told()).startswith("OSError at "), "never what an error quotes"
