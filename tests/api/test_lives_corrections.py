"""Whole lives of cases over HTTP, with other dates than the scenarios: corrections.

What was written down wrongly is put right by two persons; what was said, raised and counted
on it meanwhile stays on record, and is taken back with that cause.  Every date was counted by
hand before the service was asked; `10 (5)` in a comment: the 10th is the fifth day that counts.
"""

import pytest

from tests.api.living import (
    HEAD,
    as_of,
    cards,
    corrected,
    dues,
    figure,
    moves,
    resumed,
    stopped,
    told,
)
from tests.api.serving import last, part, serve, sha

MISSING = {"missing": [{"material": "场所平面图"}], "notice": sha("supplement-notice")}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


async def test_a_notice_that_was_served_later_than_written_down_gives_days_back(here):
    case = await here.accepted("QH-003", "2026-07-06")
    await stopped(here, case, "expert-review", "2026-07-13 10:00", 5)
    await resumed(here, case, "expert-review", "2026-07-20 15:00")
    # Taken out 14-17 and 20 July.  Promise 10: 13 (5), 24 (9), 27 (10).
    # Statutory 20: 13 (5), 24 (9), 31 (14), 7 Aug (19), 10 (20).
    state = await here.state(case, at="2026-07-21 08:00")
    assert ["2026-08-10", "2026-07-27"] == dues(state, "statutory", "promised")
    assert [] == await cards(here, case, deadline="promised")
    (suspended,) = [
        event
        for event in (await here.get(f"/cases/{case}/events")).body["items"]
        if event["type"] == "suspended"
    ]

    await corrected(
        here, case, suspended["id"], {"served_at": "2026-07-15"},
        by="chen-zhi", proposed="2026-07-21 09:00", approved="2026-07-21 10:00",
    )  # fmt: skip

    # Taken out 16, 17 and 20.  Promise: 15 (7), 21, 22, 23 (10).  Statutory: 15 (7), 24 (11),
    # 31 (16), 6 Aug (20).  The procedure itself: 16, 17, 20, 21, 22.
    state = await here.state(case)
    assert ["2026-08-06", "2026-07-23"] == dues(state, "statutory", "promised")
    rule = "suspension.after-start"
    assert [
        ("suspension", rule, "2026-08-03", "2026-08-10"),
        ("correction", "correction.approved", "2026-08-10", "2026-08-06"),
    ] == moves(last(state, "statutory"))
    special = {"start": "2026-07-15", "due": "2026-07-22", "met_at": "2026-07-20", "light": "met"}
    assert special == part(last(state, "special"), **special)
    then = await as_of(here, case, "2026-07-21T09:30")
    assert ["2026-08-10", "2026-07-27"] == dues(then, "statutory", "promised")
    # On the 14th the clock seemed to stand since the 13th; it did not.
    asked = "2026-07-14T12:00:00%2B08:00"
    known = await here.get(f"/cases/{case}?valid_at={asked}")
    assert (6, 5) == (
        last(known.body, "statutory")["used"],
        last(await as_of(here, case, "2026-07-14T12:00"), "statutory")["used"],
    )
    # Early from 8 used would have been raised on the 21st: it is raised when that is known.
    # Yellow from 9: the 22nd.
    await here.at("2026-07-22 12:00")
    early, yellow = await cards(here, case, deadline="promised")
    assert ("early", "2026-07-21T10:00") == (early["level"], early["raised_at"][:16])
    assert [("yellow", "2026-07-22")] == told([yellow], "level", "raised_at")


async def test_a_notice_served_in_time_and_entered_too_late_counts_by_correction_only(here):
    case = await here.received("QH-002", "2026-09-14")
    # Served on paper on Sunday the 20th, the last day; the system was down until the 21st.
    late = MISSING | {
        "served_at": "2026-09-20",
        "occurred_at": "2026-09-20T16:00:00+08:00",
        "reason": "系统停机",
    }
    entered = await here.done(case, "request-supplement", late, by="zhou-min",
                              at="2026-09-21 09:00")  # fmt: skip
    law, asked = entered.body["events"]
    assert ["deemed-accepted", "supplement-requested"] == [law["type"], asked["type"]]
    assert {"late-notice", "late-entry"} == {flag["flag"] for flag in asked["flags"]}
    assert ["2026-10-16", "2026-09-20"] == dues(entered.body["state"], "statutory", "promised")
    causes = {"deemed-acceptance": [case], "open": [case]}
    assert causes == (await figure(here, "kpi.overdue@1", "2026-09-01", "2026-09-30"))[2]

    await corrected(
        here, case, law["id"], {"void": True},
        by="zhou-min", proposed="2026-09-21 10:00", approved="2026-09-21 11:00",
    )  # fmt: skip

    state = await here.state(case)
    assert ("supplementing", None, None) == (
        state["stage"],
        *dues(state, "statutory", "promised"),
    )
    assert "late-notice" not in {flag["flag"] for flag in state["flags"]}
    in_time = {"met_at": "2026-09-20", "light": "met"}
    assert in_time == part(last(state, "supplement"), **in_time)
    reds = await cards(here, case, level="red")
    assert {("supplement", "withdrawn", "correction"), ("promised", "withdrawn", "correction")} <= (
        set(told(reds, "deadline", "state", "reason"))
    )
    assert {"withdrawn"} == {card["state"] for card in reds}
    none = (0, 0, {})
    assert none == await figure(here, "kpi.overdue@1", "2026-09-01", "2026-09-30")
    then = await as_of(here, case, "2026-09-21T10:30")
    assert ("accepted", "2026-10-16") == (then["stage"], last(then, "statutory")["due"])
    valid = await here.get(f"/cases/{case}?valid_at=2026-09-21T08:00:00%2B08:00")
    assert "supplementing" == valid.body["stage"]

    # Now a person accepts it, from the day on which the list was complete.
    plan = {"materials": [{"name": "场所平面图", "sha256": sha("p"), "media_type": "image/png"}]}
    await here.done(case, "receive-supplement", plan, by="zhou-min", at="2026-09-22 11:00")
    # Without 25-27: 24 (2), 30 (5).
    assert "2026-09-30" == last(await here.state(case), "supplement")["due"]
    await here.done(case, "accept", by="zhou-min", at="2026-09-23 09:00")

    # Without 1-7 October: 30 (5), 9 (7), Saturday 10 (8), 16 (13), 23 (18), 27 (20).
    state = await here.state(case)
    statutory = {"start": "2026-09-22", "due": "2026-10-27", "rule": "acceptance.when-complete"}
    assert statutory == part(last(state, "statutory"), **statutory)
    assert "2026-09-30" == last(state, "promised")["due"]


async def test_an_extension_approved_in_time_and_written_down_late_is_put_right(here):
    case = await here.accepted("QH-002", "2026-03-02")
    # Statutory 20: 6 (4), 13 (9), 20 (14), 27 (19), 30 (20).  Approved on paper on that day.
    late = await here.done(
        case, "extend", {"days": 10, **HEAD}, by="chen-zhi", at="2026-03-31 09:00"
    )
    flag = {"flag": "extension-after-due", "rule": "extension.in-time"}
    assert [flag] == late.body["events"][0]["flags"]
    assert ["2026-03-30"] == dues(late.body["state"], "statutory")
    names = ("rule", "level", "state", "answer_by", "reason")
    # Two days to answer: 1, 2 April.
    card = ("extension.in-time", "yellow", "raised", "2026-04-02", "None")
    assert card in told(await cards(here, case), *names)
    period = ("2026-03-01", "2026-03-31")
    causes = {"open": [case], "extension": [case]}
    assert causes == (await figure(here, "kpi.overdue@1", *period))[2]

    event = late.body["events"][0]["id"]
    await corrected(
        here, case, event, {"occurred_at": "2026-03-30T17:00:00+08:00"},
        by="chen-zhi", proposed="2026-04-01 09:00", approved="2026-04-01 10:00",
    )  # fmt: skip

    # 31 (21), 3 Apr (24), without Qingming 7 (25), 10 (28), 14 (30).
    state = await here.state(case)
    statutory = {"budget": 30, "due": "2026-04-14", "light": "green"}
    assert statutory == part(last(state, "statutory"), **statutory)
    moved = [("correction", "correction.approved", "2026-03-30", "2026-04-14")]
    assert moved == moves(last(state, "statutory"))
    # What it was flagged and carded for is no longer so; it was so, and stays on record.
    assert flag["flag"] not in {f["flag"] for f in state["flags"]}
    then = await as_of(here, case, "2026-03-31T12:00")
    assert flag["flag"] in {f["flag"] for f in then["flags"]}
    found = await cards(here, case)
    assert [(*card[:2], "withdrawn", card[3], "correction")] == [
        row for row in told(found, *names) if row[0] == "extension.in-time"
    ]
    # Of 20 days: early 15 used, yellow 18, red.
    assert [
        ("early", "2026-03-23", "withdrawn", "correction"),
        ("yellow", "2026-03-26", "withdrawn", "correction"),
        ("red", "2026-03-31", "withdrawn", "correction"),
    ] == told(
        [c for c in found if c["deadline"] == "statutory"],
        "level", "raised_at", "state", "reason",
    )  # fmt: skip
    causes = {"open": [case]}
    assert causes == (await figure(here, "kpi.overdue@1", *period))[2]
