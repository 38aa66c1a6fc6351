"""The scenarios that end in figures (S08 variant, S09, S16), over HTTP."""

import pytest

from tests.api.serving import LICENCE, last, part, serve, sha

MAY = "/performance?from=2026-05-01&to=2026-05-31"
ISSUE = {
    "document": LICENCE,
    "method": "window",
    "recipient": {"name": "海南示例餐饮有限公司"},
    "receipt": sha("receipt"),
}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def figures(here, query, by="xing-tao"):
    answer = await here.get(query, by=by)
    assert answer.status == 200, answer.body
    return {figure["definition"]: figure for figure in answer.body["items"]}


async def test_s08_variant_handed_out_a_day_late(here):
    case = await here.accepted("QH-002", "2026-04-27")
    await here.granted(case, "2026-04-28")
    await here.done(case, "seal", {"seal": "QH-S1", "document": LICENCE}, by="he-yan")

    await here.done(case, "issue", ISSUE, by="tang-li", at="2026-05-15 17:30")

    assert "met-late" == last(await here.state(case), "issue")["light"]
    overdue = (await figures(here, MAY))["kpi.overdue@1"]
    assert case in overdue["cases"]
    assert {"issue": [case]} == overdue["causes"]
    # Decided in April, within its promise: in May it counts only for what was late.
    assert (1, 1) == (overdue["numerator"], overdue["denominator"])
    april = await figures(here, "/performance?from=2026-04-01&to=2026-04-30")
    assert (0, 1) == (april["kpi.overdue@1"]["numerator"], april["kpi.overdue@1"]["denominator"])


async def test_s09_promise_broken_law_kept(here):
    case = await here.accepted("QH-002", "2026-05-06")
    await here.granted(case, "2026-05-14")
    query = f"{MAY}&organ=qh-xzsp"

    found = await figures(here, query)

    overdue = {"numerator": 1, "denominator": 1, "cases": [case], "causes": {"promised": [case]}}
    assert overdue == part(found["kpi.overdue@1"], **overdue)
    assert found["kpi.overdue@1"]["reached"] is False
    early = {"numerator": 0, "denominator": 1, "value": "0"}
    assert early == part(found["kpi.early@1"], **early)
    explained = {"what": "explanation", "where": "政务网"}
    await here.done(case, "publish", explained, by="chen-zhi", at="2026-05-19 10:00")
    assert "met" == last(await here.state(case), "stage:explain")["light"]
    again = await figures(here, query)
    assert overdue == part(again["kpi.overdue@1"], **overdue)
    assert early == part(again["kpi.early@1"], **early)


async def finished(here, day):
    """A case granted, sealed, handed out, pushed, published and closed."""
    case = await here.accepted("QH-002", day)
    await here.granted(case, day)
    await here.done(case, "seal", {"seal": "QH-S1", "document": LICENCE}, by="he-yan")
    await here.done(case, "issue", ISSUE, by="tang-li")
    await here.done(case, "push", {"to": "qh-wjw"}, by="chen-zhi")
    await here.done(case, "publish", {"what": "decision", "where": "政务网"}, by="chen-zhi")
    await here.done(case, "close", by="chen-zhi")
    return case


async def rated(here, case, at, **body):
    """The applicant rates the service through the terminal of 好差评."""
    await here.at(at)
    token = here.tokens.token("91469002MA5X00014X", "海南示例餐饮有限公司", client="hpj")
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": f"rated-{at.replace(' ', '-')}",
        "If-Match": f'"{here.versions[case]}"',
    }
    answer = await here.call("POST", f"/cases/{case}/evaluate", body=body, headers=headers)
    if answer.status == 201:
        here.versions[case] = answer.body["version"]
    return answer


BAD = {"grade": 2, "channel": "terminal", "text": "来回跑了三次", "about": "chen-zhi"}
SEPTEMBER = "/performance?from=2026-09-01&to=2026-09-30"


async def on_time(here):
    figure = (await figures(here, SEPTEMBER))["kpi.bad-review-on-time@1"]
    return figure["numerator"], figure["denominator"], figure["cases"] + figure["other_cases"]


async def test_s16_a_bad_review_and_when_it_is_due(here):
    case = await finished(here, "2026-09-15")

    answer = await rated(here, case, "2026-09-22 10:00", **BAD)

    assert answer.status == 201, answer.body
    due = {"budget": 5, "start": "2026-09-22", "due": "2026-09-30"}
    assert due == part(last(await here.state(case), "bad-review"), **due)
    again = await rated(here, case, "2026-09-22 10:30", grade=5, channel="terminal")
    assert (409, "already-done", "review.once") == again.refusal
    assert (0, 1, [case]) == await on_time(here)
    await here.at("2026-10-08 08:00")
    assert (0, 1, [case]) == await on_time(here)
    (row,) = (await here.get("/reviews", by="xing-tao")).body["items"]
    shown = {"case": case, "grade": 2, "bad": True, "officers": ["chen-zhi"], "named": True,
             "state": "rated", "due": "2026-09-30", "light": "red", "counted": True,
             "reevaluation": None}  # fmt: skip
    assert shown == part(row, **shown)
    assert "91469002MA5X00014X" not in str(row)


async def test_s16_a_bad_review_fixed_too_late(here):
    case = await finished(here, "2026-09-15")
    assert 201 == (await rated(here, case, "2026-09-22 10:00", **BAD)).status

    async def act(action, by, at, body=None):
        return await here.act(case, action, body or {}, by=by, at=at)

    answer = await act("call-back", "chen-zhi", "2026-09-22 11:00")
    assert (403, "separation-of-duties", "SOD-15") == answer.refusal
    called = await act("call-back", "lu-qian", "2026-09-22 11:30")
    assert 201 == called.status, called.body
    for by, at in (("chen-zhi", "14:00"), ("wu-jun", "14:05")):
        malicious = {"verdict": "malicious"}
        answer = await act("verify-review", by, f"2026-09-22 {at}", malicious)
        assert 403 == answer.status
    valid = {"verdict": "valid"}
    assert 201 == (await act("verify-review", "xing-tao", "2026-09-22 15:00", valid)).status
    measure, told = {"measure": "一次告知，缩短往返"}, {"text": "已整改，并致歉"}
    assert 201 == (await act("rectify", "wang-lan", "2026-10-08 09:00", measure)).status
    assert 201 == (await act("feed-back", "wu-jun", "2026-10-08 10:00", told)).status
    assert 201 == (await rated(here, case, "2026-10-08 11:00", grade=5, channel="terminal")).status
    assert 201 == (await act("close-review", "lu-qian", "2026-10-08 11:05")).status

    state = await here.state(case)
    late = {"used": 6, "met_at": "2026-10-08", "light": "met-late"}
    assert late == part(last(state, "bad-review"), **late)
    assert [2, 5] == [review["grade"] for review in state["reviews"]]
    assert (0, 1, [case]) == await on_time(here)
    first = (await here.get("/reviews?bad=true", by="xing-tao")).body["items"][0]
    shown = {"state": "closed", "verdict": "valid", "fed_back_on": "2026-10-08",
             "light": "met-late", "reevaluation": {"grade": 5, "on": "2026-10-08"}}  # fmt: skip
    assert shown == part(first, **shown)
