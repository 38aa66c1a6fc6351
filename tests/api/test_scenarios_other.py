"""Scenarios of the same kind with other dates, over HTTP: two clocks at once, and a late slip."""

import pytest

from tests.api.serving import last, part, serve, sha
from tests.scenarios.oracle import oracle


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def test_two_suspensions_and_an_extension_over_may_day(here):
    case = await here.accepted("QH-002", "2026-04-13")
    stop = {"planned_days": 5, "approved_by": "huang-qiang", "notice": sha("n")}
    for kind, day in (("testing", "2026-04-20"), ("inspection", "2026-04-22")):
        body = {**stop, "kind": kind, "served_at": day}
        await here.done(case, "suspend", body, by="chen-zhi", at=f"{day} 10:00")
    extend = {"days": 10, "approved_by": "wu-jun", "notice": sha("e"), "reason": "案情复杂"}
    await here.done(case, "extend", extend, by="chen-zhi", at="2026-04-28 10:00")

    for kind, day in (("testing", "2026-04-29"), ("inspection", "2026-05-08")):
        body = {"kind": kind, "result": sha(kind)}
        await here.done(case, "resume", body, by="chen-zhi", at=f"{day} 15:00")

    state = await here.state(case)
    statutory = {"budget": 30, "due": "2026-06-11", "paused_days": 11, "light": "green"}
    assert statutory == part(last(state, "statutory"), **statutory)
    assert oracle("2026-04-13", 30, ("2026-04-20", "2026-05-08")) == "2026-06-11"
    moved = [(m["cause"], m["from"], m["to"]) for m in last(state, "statutory")["moved_by"]]
    assert ("2026-05-13", "2026-06-11") == (moved[0][1], moved[-1][2])
    assert ["suspension", "suspension", "extension"] == [cause for cause, _, _ in moved]
    again = await here.act(case, "extend", extend, by="chen-zhi")
    assert (409, "already-done", "extension.once") == again.refusal


async def test_a_decided_document_is_bound_against_corrections(here):
    case = await here.accepted("QH-002", "2026-04-13")
    await here.granted(case, "2026-04-14")
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    decided = next(e for e in history if e["type"] == "decided")
    body = {"event": decided["id"], "evidence": sha("slip"), "reason": "笔误"}

    for fields in (
        {"outcome": "deny"},
        {"document": {**decided["data"]["document"], "sha256": sha("other")}},
    ):
        answer = await here.act(case, "correct", body | {"fields": fields}, by="chen-zhi")
        assert (409, "rule-refused", "correction.fields") == answer.refusal
    longer = {"document": {**decided["data"]["document"], "valid_to": "2030-12-31"}}
    proposed = await here.done(case, "correct", body | {"fields": longer}, by="chen-zhi")
    event = {"event": proposed.body["events"][0]["id"]}
    await here.done(case, "approve-correction", event, by="huang-qiang")

    state = await here.state(case)
    assert "2030-12-31" == state["decision"]["document"]["valid_to"]
    denied = await here.act(case, "decide", {"outcome": "deny", "reasons": "x"}, by="huang-qiang")
    assert (409, "already-done") == denied.refusal[:2]


async def test_nobody_asked_for_a_hearing(here):
    case = await here.accepted("QH-003", "2026-04-20")
    told = {"kind": "hearing", "approved_by": "huang-qiang", "notice": sha("h")}
    body = told | {"served_at": "2026-04-22"}
    await here.done(case, "suspend", body, by="chen-zhi", at="2026-04-22 10:00")

    await here.done(case, "resume", {"kind": "hearing"}, by="chen-zhi", at="2026-05-08 09:00")

    # Five days to ask: 23, 24, 27, 28, 29 April; May Day and what follows is counted again.
    state = await here.state(case)
    statutory = {"paused_days": 5, "due": "2026-05-27"}
    assert statutory == part(last(state, "statutory"), **statutory)
    assert oracle("2026-04-20", 20, ("2026-04-22", "2026-04-29")) == "2026-05-27"
