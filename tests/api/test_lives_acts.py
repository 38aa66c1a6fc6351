"""Whole lives of cases over HTTP, with other dates than the scenarios: acts and cards.

Every date, card and refusal was worked out by hand, from the calendar files and the rules,
before the service was asked.  `10 (5)` in a comment: the 10th is the fifth day that counts.
"""

import pytest

from projections import timeout_alerts
from projections.rebuild import check
from tests.api.living import (
    cards,
    dues,
    findings,
    positions,
    told,
)
from tests.api.serving import GRANT, LICENCE, last, opinion, part, serve, sha

LIFE = ("level", "raised_at", "state")
MISSING = {"missing": [{"material": "场所平面图"}], "notice": sha("supplement-notice")}
HANDED_OUT = {"document": LICENCE, "method": "window", "receipt": sha("receipt")}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


async def sealed_and_issued(here, case, at):
    seal = {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": "paper"}
    await here.done(case, "seal", seal, by="he-yan", at=at)
    await here.done(case, "issue", HANDED_OUT, by="tang-li")


# -- after the grant -------------------------------------------------------------------------


async def test_a_push_that_is_late_is_answered_for_by_the_bureau_until_it_is_made(here):
    case = await here.accepted("QH-002", "2026-04-27")
    await here.granted(case, "2026-04-30")
    # Push 1: without 1-5 May, Wednesday 6.
    push = {"budget": 1, "start": "2026-04-30", "due": "2026-05-06"}
    assert push == part(last(await here.state(case), "push"), **push)

    await sealed_and_issued(here, case, "2026-05-07 09:00")
    await here.done(case, "publish", {"what": "decision", "where": "网站"}, by="chen-zhi")
    yellow, red = await cards(here, case, deadline="push")
    # Two days to answer: from 6: 7, 8; from 7: 8, Saturday 9 at work.
    names = ("level", "raised_at", "answer_by", "addressees")
    assert [
        ("yellow", "2026-05-06", "2026-05-08", "['chen-zhi']"),
        ("red", "2026-05-07", "2026-05-09", "['chen-zhi', 'wu-jun']"),
    ] == told((yellow, red), *names)
    # What is not handed on is not done, and not the supervisor's to answer for.
    refused = await here.act(case, "close", by="tang-li")
    assert (409, "rule-refused", "close.duty-open") == refused.refusal
    answer = {"alert": red["id"], "explanation": "推送接口故障", "remedy": "改为人工推送"}
    refused = await here.act(case, "answer-alert", answer, by="mo-li", at="2026-05-08 08:30")
    assert (403, "action-not-allowed") == refused.refusal[:2]
    await here.done(case, "answer-alert", answer, by="chen-zhi", at="2026-05-08 09:00")
    await here.at("2026-05-11 09:30")
    assert [
        ("yellow", "2026-05-06", "raised"),
        ("red", "2026-05-07", "answered"),
    ] == told(await cards(here, case, deadline="push"), *LIFE)

    await here.done(case, "push", {"to": "qh-wjw"}, by="chen-zhi", at="2026-05-11 10:00")

    # 6, 7, 8, Saturday 9, 11 (5); the supervisor has from now on two days: 12, 13.
    state = await here.state(case)
    late = {"met_at": "2026-05-11", "used": 5, "light": "met-late"}
    assert late == part(last(state, "push"), **late)
    claim = {"start": "2026-05-11", "due": "2026-05-13", "light": "green"}
    assert claim == part(last(state, "claim"), **claim)
    found = await cards(here, case, deadline="push")
    assert [("yellow", "closed"), ("red", "closed")] == told(found, "level", "state")
    assert "raised_again_at" not in found[1], "it was answered in time"
    await here.done(case, "close", by="tang-li")
    await here.done(case, "claim", by="mo-li", at="2026-05-13 17:00")
    assert "met" == last(await here.state(case), "claim")["light"]
    assert [("yellow", "2026-05-13", "closed")] == told(
        await cards(here, case, deadline="claim"), *LIFE
    )


async def test_a_promise_that_was_false_is_found_proposed_answered_and_revoked(here):
    case = await here.received("QH-004", "2026-04-03")
    await here.done(case, "accept", {"commitment": sha("promise")}, by="zhou-min")
    # Qingming is off, 4-6 April.  Statutory 10: 7, 10 (4), 17 (9), 20 (10).  Promise 1: 7.
    assert ["2026-04-20", "2026-04-07"] == dues(await here.state(case), "statutory", "promised")
    await here.granted(case, "2026-04-07")
    await sealed_and_issued(here, case, "2026-04-08 09:00")
    await here.done(case, "push", {"to": "qh-scjg"}, by="chen-zhi")
    await here.done(case, "claim", by="li-na")
    # 60 calendar days from 7 April: Saturday 6 June, so Monday 8.
    verify = {"unit": "day", "budget": 60, "start": "2026-04-07", "due": "2026-06-08"}
    assert verify == part(last(await here.state(case), "stage:verify"), **verify)
    await here.at("2026-06-08 15:00")
    found = await cards(here, case, deadline="stage:verify")
    # Early from 45 used, 22 May; yellow from 54, Sunday 31 May, to answer 1, 2 June.
    assert [
        ("early", "2026-05-22", "None", "['li-na']"),
        ("yellow", "2026-05-31", "2026-06-02", "['li-na']"),
    ] == told(found, "level", "raised_at", "answer_by", "addressees")

    visit = {"purpose": "verification", "outcome": "false-promise", "evidence": sha("photo")}
    refused = await here.act(case, "inspect", visit, by="chen-zhi")
    assert (403, "action-not-allowed") == refused.refusal[:2]
    done = await here.done(case, "inspect", visit, by="li-na", at="2026-06-08 16:00")

    assert [{"flag": "false-promise", "rule": "commitment.verify"}] == done.body["events"][0][
        "flags"
    ]
    met = {"met_at": "2026-06-08", "light": "met"}
    assert met == part(last(done.body["state"], "stage:verify"), **met)
    assert {"closed"} == {c["state"] for c in await cards(here, case, deadline="stage:verify")}
    assert "in-force" == done.body["state"]["decision"]["permit"], "nobody has revoked it yet"
    # It is revoked on another person's proposal, which the bureau answers, and not unheard.
    heard = {"notice": sha("notice"), "served_at": "2026-06-09", "heard": "statement"}
    revoke = {"grounds": "69(2)", **heard}
    refused = await here.act(case, "revoke-permit", revoke, by="huang-qiang")
    assert (403, "separation-of-duties", "SOD-10") == refused.refusal
    proposal = {"grounds": "69(2)", "text": "承诺的设施不存在", "evidence": sha("photo")}
    await here.done(case, "propose-revocation", proposal, by="li-na", at="2026-06-08 16:30")
    (card,) = [c for c in await cards(here, case) if c["rule"] == "revocation.proposed"]
    assert ("red", ["wu-jun"], "2026-06-10") == tuple(
        card[name] for name in ("level", "addressees", "answer_by")
    )
    accepted = {"alert": card["id"], "explanation": "核查属实", "accepts": True}
    await here.done(case, "answer-alert", accepted, by="wu-jun", at="2026-06-09 09:00")
    unheard = {"grounds": "69(2)", **heard, "heard": None}
    del unheard["heard"]
    refused = await here.act(case, "revoke-permit", unheard, by="huang-qiang")
    assert (409, "rule-refused", "revocation.heard") == refused.refusal
    await here.done(case, "revoke-permit", revoke, by="huang-qiang", at="2026-06-10 10:00")
    await here.done(case, "deregister", {"follows": "revocation"}, by="huang-qiang")

    state = await here.state(case)
    assert "deregistered" == state["decision"]["permit"]
    (told_bureau,) = state["proposals"]
    assert (True, "2026-06-09") == (told_bureau["accepted"], told_bureau["answered_on"])
    assert [] == await findings(here, case, "unsupervised")


# -- the head decides ------------------------------------------------------------------------

DENIAL = {
    "outcome": "deny",
    "document": {"kind": "decision", "version": 1, "sha256": sha("denial")},
    "reasons": "选址不符合规划",
}


@pytest.mark.parametrize(
    ("check_of", "decision", "flagged", "finding"),
    [
        # The last opinion counts: the checker's.  The head who follows it overrides nobody,
        # whatever the handler wrote.
        ("grant", GRANT, False, None),
        ("deny", GRANT | {"differs_from_opinion": "复勘结论已变"}, False, "with-reason"),
        ("deny", GRANT, True, "without-reason"),
        ("grant", DENIAL, True, "without-reason"),
        ("grant", DENIAL | {"differs_from_opinion": "与规划冲突"}, False, "with-reason"),
    ],
)
async def test_a_head_who_decides_against_the_last_opinion_says_why(
    here, check_of, decision, flagged, finding
):
    case = await here.accepted("QH-002", "2026-06-15")
    handled = opinion("handle", "选址不符合要求", "deny")
    await here.done(case, "review", handled, by="chen-zhi", at="2026-06-16 10:00")
    checked = opinion("check", "经复核的意见", check_of) | {"adopts": check_of == "deny"}
    await here.done(case, "review", checked, by="lin-bo", at="2026-06-16 15:00")
    await here.at("2026-06-17 09:00")
    bare = {name: value for name, value in DENIAL.items() if name != "reasons"}
    refused = await here.act(case, "decide", bare, by="wu-jun")
    assert (422, "schema", "decision.reasons") == refused.refusal
    refused = await here.act(case, "decide", DENIAL | {"document": LICENCE}, by="wu-jun")
    assert (422, "unknown-reference", "/document/kind") == (
        *refused.refusal[:2],
        refused.body["pointer"],
    )

    done = await here.done(case, "decide", decision, by="wu-jun")

    flag = {"flag": "overridden-without-reason", "rule": "opinion.override"}
    assert ([flag] if flagged else []) == done.body["events"][0].get("flags", [])
    found = [c for c in await cards(here, case) if c["rule"] == "opinion.override"]
    # Two days to answer, without the Dragon Boat days 19-21: 18, Monday 22.
    card = ("yellow", "['wu-jun']", "2026-06-22")
    assert ([card] if flagged else []) == told(found, "level", "addressees", "answer_by")
    measured = await findings(here, case, "overridden-opinion")
    assert ([f"overridden-opinion.{finding}"] if finding else []) == [
        f["measure"] for f in measured
    ]
    for one in measured:
        assert await positions(here, case, "reviewed", "decided") == one["positions"]
        assert "wu-jun" == one["officer"]
    state = await here.state(case)
    assert [("chen-zhi", "deny"), ("lin-bo", check_of)] == [
        (o["by"], o["recommend"]) for o in state["opinions"]
    ]
    # Statutory 20, without 19-21: 18 (3), 26 (8), 3 July (13), 10 (18), 14 (20).
    statutory = {"due": "2026-07-14", "met_at": "2026-06-17", "used": 2, "light": "met"}
    assert statutory == part(last(state, "statutory"), **statutory)
    # A denial is not pushed, and opens no limit of what follows a grant.
    named = {"issue", "push", "stage:publish"} & {d["name"] for d in state["deadlines"]}
    if decision["outcome"] == "grant":
        assert {"issue", "push", "stage:publish"} == named
        return
    assert set() == named
    refused = await here.act(case, "push", {"to": "qh-wjw"}, by="chen-zhi")
    assert (409, "wrong-stage", "stage.push") == refused.refusal


# -- time alone ------------------------------------------------------------------------------


async def test_a_notice_whose_service_nobody_recorded_does_not_keep_the_law_from_accepting(here):
    case = await here.received("QH-002", "2026-09-14")
    done = await here.done(case, "request-supplement", MISSING, by="zhou-min",
                           at="2026-09-15 10:00")  # fmt: skip
    # 18 (4), Sunday 20 at work (5): until its end the case waits.
    assert "supplementing" == done.body["state"]["stage"]
    state = await here.state(case, at="2026-09-20 23:59")
    waits = {"due": "2026-09-20", "light": "yellow"}
    assert waits == part(last(state, "supplement"), **waits)
    assert "supplementing" == state["stage"]

    state = await here.state(case, at="2026-09-21 00:00")

    # As of the receipt: 20 (5), 24 (9), 30 (12), 9 Oct (14), Saturday 10 (15), 16 (20).
    assert "accepted" == state["stage"]
    law = {"start": "2026-09-14", "due": "2026-10-16", "rule": "acceptance.deemed"}
    assert law == part(last(state, "statutory"), **law)
    assert ("2026-09-20", "red") == (
        last(state, "promised")["due"],
        last(state, "promised")["light"],
    )
    assert "met-late" == last(state, "supplement")["light"]


async def test_a_clock_that_jumps_raises_each_card_once_and_by_its_own_instant(here):
    case = await here.accepted("QH-002", "2026-09-14")
    silent = await here.received("QH-002", "2026-09-14 11:00")

    await here.state(case, at="2026-12-01 09:00")
    await here.state(silent)

    # Promise 5: 18 (4), Sunday 20 (5); early from 3 used, yellow from 4.  The explanation, 5
    # days from the 20th: 24 (4), without 25-27, 28 (5).  Statutory 20: 30 (12), 9 Oct (14),
    # Saturday 10 (15), 16 (20); early from 15 used, yellow from 18.
    names = ("deadline", "level", "raised_at", "answer_by")
    expected = [
        ("promised", "early", "2026-09-17", "None"),
        ("promised", "yellow", "2026-09-18", "2026-09-21"),
        ("promised", "red", "2026-09-21", "2026-09-23"),
        ("stage:explain", "early", "2026-09-23", "None"),
        ("stage:explain", "yellow", "2026-09-24", "2026-09-29"),
        ("stage:explain", "red", "2026-09-29", "2026-10-08"),
        ("statutory", "early", "2026-10-10", "None"),
        ("statutory", "yellow", "2026-10-14", "2026-10-16"),
        ("statutory", "red", "2026-10-17", "2026-10-20"),
    ]
    first = await cards(here, case)
    assert expected == told(first, *names)
    assert len(expected) == len({card["id"] for card in first})
    red = next(c for c in first if (c["deadline"], c["level"]) == ("promised", "red"))
    assert "2026-09-24T00:00:00+08:00" == red["raised_again_at"], "nobody answered by the 23rd"
    # The law accepted the other one on the 21st, as of its receipt; what that made overdue
    # came to be known now, and is one red card each.
    found = await cards(here, silent)
    assert [
        ("supplement", "early", "2026-09-17", "closed"),
        ("supplement", "yellow", "2026-09-18", "closed"),
        ("supplement", "red", "2026-09-21", "raised"),
    ] == told(found[:3], "deadline", "level", "raised_at", "state")
    assert "acceptance.deemed" == found[2]["rule"]
    assert {("promised", "red"), ("stage:explain", "red"), ("statutory", "red")} == set(
        told(found[3:], "deadline", "level")
    )
    assert {"2026-12-01T09:0"} == {card["raised_at"][:15] for card in found[3:]}

    # Another jump and another reading add nothing, and a rebuild raises the same ones.
    await here.state(case, at="2027-03-01 09:00")
    assert first == await cards(here, case)
    service = here.service
    rebuilt = await check(timeout_alerts.PROJECTION, here.ledger, service.store, service.reads)
    assert rebuilt.same
