"""SCENARIOS.md over HTTP: who, when, once, and what is refused (S04-S08, S10-S14)."""

import json
from pathlib import Path

import pytest

import ledger as package
from api.setup import example
from tests.api.serving import GRANT, LICENCE, last, opinion, part, serve, sha

CALENDARS = Path(package.__file__).parent / "data" / "calendars"


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


def with_calendars(*names):
    return {**example(), "calendars": [*names]}


async def refused(here, case, rule):
    """The refusals on record of a case that name a rule."""
    answer = await here.get(f"/audit/approval?case={case}&refused=true", by="xing-tao")
    assert answer.status == 200, answer.body
    return [row for row in answer.body["items"] if row["rule"] == rule]


async def test_s04_the_calendar_changes_in_mid_case(database, tmp_path):
    documents = {"469002": with_calendars("cn-2020-first")}
    async for here in serve(database, tmp_path, documents=documents):
        case = await here.received("QH-002", "2020-01-20")
        before = last(await here.state(case, at="2020-01-25 12:00"), "supplement")
        expected = {"due": "2020-02-01", "calendar_version": "cn@1", "moved_by": []}
        assert expected == part(before, **expected)

        content = json.loads((CALENDARS / "cn-2020.json").read_text())
        number = "国办发明电〔2020〕1号"
        content["notice"] = {"number": number, "issued": "2020-01-26", "sha256": sha("notice")}
        await here.at("2020-01-27 10:00")
        proposed = await here.post("/calendars", content, by="fang-ke")
        assert (201, "proposed") == (proposed.status, proposed.body["state"])
        untouched = last(await here.state(case), "supplement")
        assert expected == part(untouched, **expected)
        await here.at("2020-01-27 10:30")
        approved = await here.post("/calendars/cn/approve", by="wu-jun")
        assert 201 == approved.status, approved.body

        state = await here.state(case, at="2020-01-27 11:00")
        moved = {
            "cause": "calendar",
            "rule": "calendar.recalculate",
            "position": approved.body["position"],
            "notice": number,
            "from": "2020-02-01",
            "to": "2020-02-04",
        }
        now = {"due": "2020-02-04", "calendar_version": "cn@2", "moved_by": [moved]}
        assert now == part(last(state, "supplement"), **now)
        then = await here.get(f"/cases/{case}?as_of=2020-01-25T12:00:00%2B08:00")
        expected = {"due": "2020-02-01", "calendar_version": "cn@1"}
        assert expected == part(last(then.body, "supplement"), **expected)
        light = last(await here.state(case, at="2020-01-31 12:00"), "supplement")
        assert (3, "green") == (light["used"], light["light"])
        notice = {
            "missing": [{"material": "场所平面图"}],
            "served_at": "2020-02-04",
            "notice": sha("n"),
        }
        await here.done(case, "request-supplement", notice, by="zhou-min", at="2020-02-04 16:00")
        assert "met" == last(await here.state(case), "supplement")["light"]


async def test_s05_a_countys_own_holiday(database, tmp_path):
    lingshui = json.loads((CALENDARS / "cn-2023.json").read_text())
    documents = {name: with_calendars("cn-2023") for name in ("469002", "469028")}
    async for here in serve(database, tmp_path, ledgers=("469002", "469028"), documents=documents):
        assert lingshui["year"] == 2023
        overlay = {
            "calendar": "469028",
            "year": 2023,
            "off": ["2023-04-20", "2023-04-21"],
            "work": [],
            "notice": {"number": "陵府办〔2023〕1号", "issued": "2023-04-01", "sha256": sha("c")},
        }
        found = {}
        for name in ("469028", "469002"):
            here.ledger = name
            await here.at("2023-04-10 09:00")
            if name == "469028":
                await here.post("/calendars", overlay, by="fang-ke")
                done = await here.post("/calendars/469028/approve", by="wu-jun")
                assert 201 == done.status, done.body
            case = await here.accepted("QH-002", "2023-04-14")
            state = await here.state(case, at="2023-04-22 12:00")
            promised, statutory = last(state, "promised"), last(state, "statutory")
            found[name] = (
                promised["due"],
                statutory["due"],
                promised["calendar_version"],
                promised["light"],
            )

        assert ("2023-04-24", "2023-05-17", "cn@1+469028@1", "green") == found["469028"]
        assert ("2023-04-21", "2023-05-15", "cn@1", "red") == found["469002"]


SUSPEND = {
    "kind": "expert-review",
    "planned_days": 10,
    "approved_by": "huang-qiang",
    "notice": sha("special-notice"),
    "served_at": "2026-03-09",
    "reason": "迁移古树名木须经专家评审",
}


async def suspended(here):
    case = await here.accepted("QH-003", "2026-03-02")
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [sha("form")]}
    await here.done(case, "transfer", to, by="zhou-min", at="2026-03-02 11:00")
    await here.done(case, "acknowledge-transfer", by="chen-zhi")
    await here.done(case, "suspend", SUSPEND, by="chen-zhi", at="2026-03-09 10:00")
    return case


async def test_s06_expert_review_stops_the_clock(here):
    case = await suspended(here)

    state = await here.state(case, at="2026-03-12 12:00")
    special = {"budget": 10, "start": "2026-03-09", "due": "2026-03-23"}
    assert special == part(last(state, "special"), **special)
    assert "suspended" == state["stage"]
    statutory = {"light": "stopped", "used": 5, "due": "2026-04-14"}
    assert statutory == part(last(state, "statutory"), **statutory)
    assert "stopped" == last(state, "promised")["light"]
    grant = {"outcome": "grant", "document": {"kind": "decision", "version": 1, "sha256": sha("d")}}
    answer = await here.act(case, "decide", grant, by="huang-qiang")
    assert (409, "wrong-stage") == answer.refusal[:2]
    answer = await here.act(case, "suspend", SUSPEND | {"kind": "testing"}, by="chen-zhi")
    assert (409, "rule-refused", "suspension.kind") == answer.refusal

    result = {"kind": "expert-review", "result": sha("expert-opinion")}
    await here.done(case, "resume", result, by="chen-zhi", at="2026-03-20 15:00")

    state = await here.state(case)
    statutory = {"paused_days": 9, "due": "2026-04-13", "light": "green"}
    assert statutory == part(last(state, "statutory"), **statutory)
    moved = last(state, "statutory")["moved_by"]
    expected = {
        "cause": "suspension",
        "rule": "suspension.after-start",
        "from": "2026-03-30",
        "to": "2026-04-13",
    }
    assert [expected] == [part(m, **expected) for m in moved]
    assert "2026-03-27" == last(state, "promised")["due"]
    special = {"met_at": "2026-03-20", "light": "met"}
    assert special == part(last(state, "special"), **special)


@pytest.mark.parametrize(
    ("rule", "statutory", "promised"),
    [
        ("suspension.from-start", "2026-04-14", "2026-03-30"),
        ("suspension.whole-days", "2026-04-10", "2026-03-26"),
    ],
)
async def test_s06_the_rule_is_that_of_the_terms(here, rule, statutory, promised):
    await here.at("2026-02-02 09:00")
    policies = (await here.get("/policies")).body["items"]
    current = next(p["content"] for p in policies if p["id"] == "deadlines-default")
    await here.post("/policies", current | {"suspension": rule}, by="fang-ke")
    done = await here.post("/policies/deadlines-default/approve", by="wu-jun")
    assert 201 == done.status, done.body
    case = await suspended(here)
    # A version that comes into force between acceptance and suspension changes nothing.
    await here.post("/policies", current, by="fang-ke")
    await here.post("/policies/deadlines-default/approve", by="wu-jun")

    result = {"kind": "expert-review", "result": sha("expert-opinion")}
    await here.done(case, "resume", result, by="chen-zhi", at="2026-03-20 15:00")

    state = await here.state(case)
    found = last(state, "statutory")
    assert (statutory, promised) == (found["due"], last(state, "promised")["due"])
    assert [rule] == [m["rule"] for m in found["moved_by"]]


def extension(**more):
    body = {"days": 10, "approved_by": "wu-jun", "notice": sha("e"), "reason": "案情复杂"} | more
    return {name: value for name, value in body.items() if value is not None}


async def test_s07_extension_by_whom_when_once(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.reviewed(case, "2026-03-05")

    await here.at("2026-03-27 10:00")
    answer = await here.act(case, "extend", extension(approved_by="huang-qiang"), by="chen-zhi")
    assert (403, "beyond-authority", "extension.approver") == answer.refusal
    answer = await here.act(case, "extend", extension(days=11), by="chen-zhi")
    assert (422, "schema", "extension.at-most") == answer.refusal
    assert "/days" == answer.body["pointer"]
    answer = await here.act(case, "extend", extension(notice=None), by="chen-zhi")
    assert (422, "schema", "extension.notice") == answer.refusal
    assert "/notice" == answer.body["pointer"]
    await here.done(case, "extend", extension(), by="chen-zhi", at="2026-03-30 17:00")
    answer = await here.act(case, "extend", extension(), by="chen-zhi", at="2026-03-30 17:05")
    assert (409, "already-done", "extension.once") == answer.refusal
    assert "earlier_position" in answer.body

    state = await here.state(case)
    statutory = {"budget": 30, "due": "2026-04-14", "light": "green"}
    assert statutory == part(last(state, "statutory"), **statutory)
    expected = {
        "cause": "extension",
        "rule": "extension.in-time",
        "from": "2026-03-30",
        "to": "2026-04-14",
    }
    assert [expected] == [part(m, **expected) for m in last(state, "statutory")["moved_by"]]
    promised = {"due": "2026-03-09", "light": "red"}
    assert promised == part(last(state, "promised"), **promised)


async def test_s07_an_extension_after_the_due_date_moves_nothing(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.reviewed(case, "2026-03-05")

    done = await here.done(case, "extend", extension(), by="chen-zhi", at="2026-03-31 09:00")

    expected = {"flag": "extension-after-due", "rule": "extension.in-time"}
    assert expected in done.body["events"][0]["flags"]
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    assert history[-1]["data"]["effective"] is False
    statutory = {"budget": 20, "due": "2026-03-30", "light": "red"}
    assert statutory == part(last(await here.state(case), "statutory"), **statutory)


def seal(kind="licence", version=1, text="licence-1", medium="paper"):
    document = {"kind": kind, "version": version, "sha256": sha(text)}
    return {"seal": "QH-S1", "document": document, "copies": 1, "medium": medium}


HAND_OUT = {
    "document": LICENCE,
    "method": "window",
    "recipient": {"name": "张三", "id": "460000199001010013"},
    "receipt": sha("receipt"),
}


@pytest.mark.parametrize(
    ("day", "light"), [("2026-05-14 17:30", "met"), ("2026-05-15 09:00", "met-late")]
)
async def test_s08_hand_out_within_ten_working_days(here, day, light):
    case = await here.accepted("QH-002", "2026-04-27")
    await here.granted(case, "2026-04-28")
    await here.done(case, "seal", seal(), by="he-yan", at="2026-04-28 16:30")
    due = {"budget": 10, "start": "2026-04-28", "due": "2026-05-14"}
    assert due == part(last(await here.state(case), "issue"), **due)
    yellow = await here.state(case, at="2026-05-13 00:00")
    assert "yellow" == last(yellow, "issue")["light"]

    await here.at("2026-05-14 16:00")
    answer = await here.act(case, "issue", HAND_OUT, by="huang-qiang")
    assert (403, "action-not-allowed") == answer.refusal[:2]
    await here.done(case, "issue", HAND_OUT, by="tang-li", at=day)

    state = await here.state(case)
    expected = {"met_at": day[:10], "light": light}
    assert expected == part(last(state, "issue"), **expected)
    assert "张三" not in json.dumps(state, ensure_ascii=False)


async def test_s10_one_person_may_not_accept_and_decide(here):
    case = await here.received("QH-002", "2026-03-02")
    accepted = await here.done(case, "accept", by="fu-hailing", at="2026-03-02 10:00")
    await here.reviewed(case, "2026-03-04")
    before = here.versions[case]

    answer = await here.act(case, "decide", GRANT, by="fu-hailing", at="2026-03-05 10:00")

    assert (403, "separation-of-duties", "SOD-1") == answer.refusal
    assert accepted.body["events"][0]["position"] == answer.body["earlier_position"]
    state = await here.state(case, by="fu-hailing")
    assert before == state["version"]
    assert "SOD-1" in [f["rule"] for f in state["forbidden_actions"] if f["action"] == "decide"]
    (row,) = await refused(here, case, "SOD-1")
    assert ("fu-hailing", "decide") == (row["actor"]["person"], row["action"])
    await here.done(case, "decide", GRANT, by="huang-qiang")


async def test_s10_a_sole_handler_under_a_published_policy(here):
    case = await here.received("QH-001", "2026-03-05", by="wang-lan")
    await here.done(case, "accept", by="wang-lan", at="2026-03-05 10:00")
    await here.done(case, "decide", GRANT, by="wang-lan", at="2026-03-05 10:30")

    history = (await here.get(f"/cases/{case}/events")).body["items"]
    assert "policy:duty-sole-handler" in history[-1]["relied_on"]
    assert "duty-sole-handler@1" == history[-1]["data"]["duty_policy"]
    state = await here.state(case)
    assert "sole-handler" in [f["flag"] for f in state["flags"]]
    promised = {"budget": 0, "start": "2026-03-05", "due": "2026-03-05", "light": "met"}
    assert promised == part(last(state, "promised"), **promised)
    other = await here.accepted("QH-002", "2026-03-06")
    answer = await here.act(other, "decide", GRANT, by="wang-lan")
    assert (403, "action-not-allowed") == answer.refusal[:2]


async def test_s11_sealed_twice(here):
    case = await here.accepted("QH-002", "2026-03-02")
    notice = await here.done(case, "seal", seal("acceptance-notice", 1, "notice"), by="he-yan")
    n = next(iter(notice.body["events"][0]["registers"].values()))
    await here.granted(case, "2026-03-05")
    await here.at("2026-03-06 09:00")

    first = await here.done(case, "seal", seal(), by="he-yan")
    assert {n + 1} == set(first.body["events"][0]["registers"].values())
    assert "sealed" == first.body["state"]["stage"]
    answer = await here.act(case, "seal", seal(), by="he-yan")
    assert (409, "already-done", "seal.once") == answer.refusal
    assert first.body["events"][0]["position"] == answer.body["earlier_position"]
    answer = await here.act(case, "seal", seal(text="other", medium="electronic"), by="he-yan")
    assert (409, "document-mismatch", "seal.digest") == answer.refusal
    answer = await here.act(case, "seal", seal(version=2, text="licence-2"), by="he-yan")
    assert (409, "already-done", "seal.void-first") == answer.refusal
    void = {
        "document": {"kind": "licence", "version": 1},
        "reason": "打印污损",
        "approved_by": "huang-qiang",
        "replacement": {"version": 2, "sha256": sha("licence-2")},
    }
    await here.done(case, "void-seal", void, by="he-yan")
    again = await here.done(case, "seal", seal(version=2, text="licence-2"), by="he-yan")
    assert {n + 2} == set(again.body["events"][0]["registers"].values())
    answer = await here.act(case, "seal", seal(version=2, text="licence-2"), by="he-yan")
    assert (409, "already-done", "seal.once") == answer.refusal

    register = (await here.get("/seals/QH-S1/register", by="wu-jun")).body["items"]
    uses = [
        (u["serial"], u["document"]["kind"], u["document"]["version"], u["void"]) for u in register
    ]
    assert [
        (n, "acceptance-notice", 1, False),
        (n + 1, "licence", 1, True),
        (n + 2, "licence", 2, False),
    ] == uses
    assert "打印污损" == register[1]["void_reason"]


async def test_s12_sealed_before_the_decision_or_without_custody(here):
    await here.at("2026-03-01 09:00")
    post = {
        "person": "tang-li",
        "name": "唐丽",
        "role": "sealer",
        "organ": "qh-xzsp",
        "from": "2026-03-04",
    }
    proposed = await here.post("/appointments", post, by="fang-ke")
    assert 201 == proposed.status, proposed.body
    approved = await here.post(f"/appointments/{proposed.body['id']}/approve", by="wu-jun")
    assert 201 == approved.status, approved.body
    case = await here.accepted("QH-002", "2026-03-02")
    await here.reviewed(case, "2026-03-04")

    answer = await here.act(case, "seal", seal(), by="he-yan", at="2026-03-04 16:00")
    assert (409, "wrong-stage", "seal.authorising-event") == answer.refusal
    assert 1 == len(await refused(here, case, "seal.authorising-event"))
    assert [] == (await here.get("/seals/QH-S1/register", by="wu-jun")).body["items"]

    for act, body, by in (
        ("hand-over", {"to": "tang-li"}, "he-yan"),
        ("take-over", {}, "tang-li"),
        ("approve", {}, "wu-jun"),
    ):
        done = await here.post(f"/seals/QH-S1/{act}", body, by=by)
        assert 201 == done.status, (act, done.body)
    version = done.body["version"]
    await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-03-05 10:00")
    answer = await here.act(case, "seal", seal(), by="he-yan", at="2026-03-05 11:00")
    assert (409, "seal-not-held", "seal.custody") == answer.refusal
    await here.done(case, "seal", seal(), by="tang-li", at="2026-03-05 11:05")
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    assert version == history[-1]["relied_on"]["seal:QH-S1"]
    assert "huang-qiang" == history[-1]["data"]["authorised_by"]["approver"]


async def test_s13_a_correction_does_not_change_the_past(here):
    case = await here.received("QH-002", "2026-06-08 15:00")
    accepted = await here.done(case, "accept", by="fu-hailing", at="2026-06-09 08:30")
    event = accepted.body["events"][0]["id"]
    state = await here.state(case)
    statutory = {"start": "2026-06-09", "due": "2026-07-08"}
    assert statutory == part(last(state, "statutory"), **statutory)
    assert "2026-06-16" == last(state, "promised")["due"]
    before = (await here.get(f"/cases/{case}/events")).body["items"][-1]

    body = {
        "event": event,
        "fields": {"occurred_at": "2026-06-08T15:10:00+08:00"},
        "evidence": sha("paper-slip"),
        "reason": "系统停机，以纸质回执为准",
    }
    proposal = await here.done(case, "correct", body, by="fu-hailing", at="2026-06-10 09:00")
    assert statutory == part(last(await here.state(case), "statutory"), **statutory)
    proposed = {"event": proposal.body["events"][0]["id"]}
    answer = await here.act(case, "approve-correction", proposed, by="fu-hailing")
    assert (403, "separation-of-duties", "SOD-9") == answer.refusal
    await here.done(case, "approve-correction", proposed, by="huang-qiang", at="2026-06-10 10:00")

    state = await here.state(case)
    statutory = {"start": "2026-06-08", "due": "2026-07-07"}
    assert statutory == part(last(state, "statutory"), **statutory)
    expected = {"cause": "correction", "from": "2026-07-08", "to": "2026-07-07"}
    assert [expected] == [part(m, **expected) for m in last(state, "statutory")["moved_by"]]
    assert "2026-06-15" == last(state, "promised")["due"]
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    assert before == history[1]
    assert ["received", "accepted", "correction-proposed", "correction-approved"] == [
        e["type"] for e in history
    ]
    then = await here.get(f"/cases/{case}?as_of=2026-06-09T12:00:00%2B08:00")
    assert "2026-07-08" == last(then.body, "statutory")["due"]
    earlier = await here.get(f"/cases/{case}?as_of=2026-06-09T08:00:00%2B08:00")
    assert "received" == earlier.body["stage"]
    valid = await here.get(f"/cases/{case}?valid_at=2026-06-09T08:00:00%2B08:00")
    assert "accepted" == valid.body["stage"]
    assert "2026-07-07" == last(valid.body, "statutory")["due"]
    assert "2026-06-15" == last(valid.body, "promised")["due"]
    both = "as_of=2026-06-09T12:00:00%2B08:00&valid_at=2026-06-09T08:00:00%2B08:00"
    assert "received" == (await here.get(f"/cases/{case}?{both}")).body["stage"]
    before_it = await here.get(f"/cases/{case}?valid_at=2026-06-08T14:00:00%2B08:00")
    assert (404, "case-not-found") == before_it.refusal[:2]
    ahead = await here.get(f"/cases/{case}?valid_at=2026-06-10T11:00:00%2B08:00")
    assert (400, "invalid-parameter") == ahead.refusal[:2]
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await here.call(method, f"/cases/{case}", by="fu-hailing")
        assert (405, "method-not-allowed") == answer.refusal[:2]


async def test_s14_evidence_after_the_fact(here):
    case = await here.accepted("QH-002", "2026-03-09")
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [sha("form")]}
    await here.done(case, "transfer", to, by="zhou-min", at="2026-03-11 10:00")
    await here.done(case, "acknowledge-transfer", by="chen-zhi")
    await here.done(case, "review", opinion("handle", "符合条件"), by="chen-zhi")
    decided = await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-03-12 15:00")
    assert "skipped-level" in [f["flag"] for f in decided.body["events"][0]["flags"]]

    check = opinion("check", "同意") | {"adopts": True}
    answer = await here.act(case, "review", check, by="lin-bo", at="2026-03-13 09:10")
    assert (409, "wrong-stage", "time.after-decision") == answer.refusal
    late = check | {"occurred_at": "2026-03-11T16:00:00+08:00"}
    answer = await here.act(case, "review", late, by="lin-bo", at="2026-03-13 09:15")
    assert (422, "schema", "late-entry.reason") == answer.refusal
    assert "/reason" == answer.body["pointer"]
    version = here.versions[case]
    late |= {"reason": "当日未上传"}
    done = await here.done(case, "review", late, by="lin-bo", at="2026-03-13 09:20")

    assert (version + 1, "decided") == (done.body["version"], done.body["state"]["stage"])
    flags = {f["flag"] for f in done.body["events"][0]["flags"]}
    assert {"late-entry", "recorded-after-decision"} <= flags
    assert "skipped-level" in [f["flag"] for f in done.body["state"]["flags"]]
    rows = await here.get(f"/audit/approval?case={case}&late_entry=true", by="xing-tao")
    (row,) = rows.body["items"]
    assert "review" == row["action"]
    assert row["occurred_at"] < row["recorded_at"]
