"""What becomes of a permit, over HTTP: the five verbs, amending, renewing, and renewal by law."""

import pytest

from tests.api.serving import GRANT, LICENCE, last, part, serve, sha

DAY = "2026-03-02"
DENIAL = {"kind": "decision", "version": 1, "sha256": sha("denial")}
OFFICERS = ["ke-jun", "gao-yuan"]
HEARD = {"notice": sha("notice"), "served_at": DAY, "heard": "statement"}
PROPOSAL = {"grounds": "69(2)", "text": "申请材料虚假"}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def permitted(here, *, valid_to="2029-12-31", item="QH-002"):
    """A case with a permit in force."""
    case = await here.accepted(item, DAY)
    await here.reviewed(case, DAY)
    document = LICENCE | {"valid_from": "2026-03-02", "valid_to": valid_to}
    grant = {"outcome": "grant", "document": document}
    await here.done(case, "decide", grant, by="huang-qiang", at=f"{DAY} 16:00")
    return case


async def permit(here, case, **more):
    return (await here.state(case, **more))["decision"]["permit"]


# -- recalled, revoked, cancelled, deregistered ------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "body", "document", "state"),
    [
        (
            "recall-permit",
            {"grounds": "规划修改", "compensation": "依法补偿"},
            "recall",
            "recalled",
        ),
        ("revoke-permit", {"grounds": "69(2)", **HEARD}, "revocation", "revoked"),
    ],
)
async def test_what_ends_a_permit_rests_on_another_persons_proposal(
    here, verb, body, document, state
):
    case = await permitted(here)

    alone = await here.act(case, verb, body, by="huang-qiang")
    assert (403, "separation-of-duties", "SOD-10") == alone.refusal
    await here.done(case, "propose-revocation", PROPOSAL, by="mo-li")
    await here.done(case, verb, body, by="huang-qiang")

    assert state == await permit(here, case)
    assert DAY == last(await here.state(case), "issue")["ended_at"]
    again = await here.act(case, verb, body, by="huang-qiang")
    assert (409, "already-done") == again.refusal[:2]
    paper = {"kind": document, "version": 1, "sha256": sha(document)}
    seal = {"seal": "QH-S1", "document": paper, "copies": 1, "medium": "paper"}
    await here.done(case, "seal", seal, by="he-yan")
    follows = {"recalled": "recall", "revoked": "revocation"}[state]
    wrong = await here.act(case, "deregister", {"follows": "expiry"}, by="huang-qiang")
    assert (409, "rule-refused", "deregistration.follows") == wrong.refusal
    await here.done(case, "deregister", {"follows": follows}, by="huang-qiang")
    assert "deregistered" == await permit(here, case)


async def test_a_review_may_propose_what_ends_a_permit_and_its_author_does_not_do_it(here):
    case = await permitted(here)
    said = {"level": "check", "opinion": "当时材料虚假", "recommend": "revoke"}
    await here.done(case, "review", said, by="lin-bo")

    await here.done(case, "revoke-permit", {"grounds": "69(2)", **HEARD}, by="huang-qiang")

    early = await here.accepted("QH-002", "2026-03-03")
    refused = await here.act(early, "review", said, by="lin-bo")
    assert (409, "wrong-stage", "stage.review") == refused.refusal


@pytest.mark.parametrize("missing", ["notice", "served_at", "heard"])
async def test_nobody_is_deprived_unheard(here, missing):
    case = await permitted(here)
    await here.done(case, "propose-revocation", PROPOSAL, by="mo-li")
    body = {"grounds": "69(2)", **HEARD}
    del body[missing]

    refused = await here.act(case, "revoke-permit", body, by="huang-qiang")

    assert (409, "rule-refused", "revocation.heard") == refused.refusal
    assert "in-force" == await permit(here, case)


async def test_enforcement_cancels_what_it_found_two_officers_and_offered_a_hearing(here):
    case = await permitted(here)
    body = {"officers": OFFICERS, "notice": sha("h"), "served_at": DAY, "heard": "waived"}

    unfound = await here.act(case, "cancel-permit", body, by="ke-jun")
    assert (409, "wrong-stage", "stage.cancel-permit") == unfound.refusal
    opened = {"grounds": "超出许可范围经营"}
    await here.done(case, "open-investigation", opened, by="ke-jun", at="2026-03-03 09:00")
    state = await here.state(case)
    expected = {"unit": "day", "budget": 90, "start": "2026-03-03", "due": "2026-06-01"}
    assert expected == part(last(state, "stage:penalty"), **expected)
    finding = {"finding": "属实", "evidence": sha("photo")}
    for officers in ([], ["ke-jun"], ["ke-jun", "ke-jun"], ["ke-jun", "mo-li"]):
        told = {**finding, "officers": officers}
        refused = await here.act(case, "record-finding", told, by="ke-jun")
        assert (403, "separation-of-duties", "SOD-12") == refused.refusal
    await here.done(case, "record-finding", {**finding, "officers": OFFICERS}, by="ke-jun")
    unheard = await here.act(case, "cancel-permit", body | {"presider": "ke-jun"}, by="ke-jun")
    assert (403, "separation-of-duties", "SOD-11") == unheard.refusal
    del body["heard"]
    unheard = await here.act(case, "cancel-permit", body, by="ke-jun")
    assert (409, "rule-refused", "cancellation.heard") == unheard.refusal
    body["heard"] = "waived"
    bureau = await here.act(case, "cancel-permit", body, by="huang-qiang")
    assert (403, "action-not-allowed") == bureau.refusal[:2]

    await here.done(case, "cancel-permit", body, by="ke-jun")
    await here.done(case, "close-investigation", {"result": "penalised"}, by="ke-jun")

    state = await here.state(case)
    assert "cancelled" == state["decision"]["permit"]
    assert "met" == last(state, "stage:penalty")["light"]
    (investigation,) = state["investigations"]
    assert ("penalised", "2026-03-03") == (investigation["result"], investigation["closed_on"])
    trail = await here.get(f"/audit/enforcement?case={case}&at_least={state['position']}", "ke-jun")
    assert ["open-investigation", "record-finding", "cancel-permit", "close-investigation"] == [
        row["action"] for row in trail.body["items"] if not row["refused"]
    ]


async def test_before_the_decision_it_is_withdrawn_or_terminated_and_after_it_surrendered(here):
    case = await here.accepted("QH-002", DAY)
    for verb in ("recall-permit", "deregister", "inspect", "propose-revocation"):
        body = {"inspect": {"purpose": "routine", "outcome": "compliant"}}.get(verb, {})
        by = "mo-li" if verb in ("inspect", "propose-revocation") else "huang-qiang"
        refused = await here.act(case, verb, body, by=by)
        assert (409, "wrong-stage", f"stage.{verb}") == refused.refusal
    nothing = await here.act(case, "terminate", {"reason": "死亡"}, by="huang-qiang")
    assert (422, "schema", "termination.kind") == nothing.refusal
    lapsed = {"kind": "supplement-lapsed", "reason": "逾期未补正"}
    refused = await here.act(case, "terminate", lapsed, by="huang-qiang")
    assert (409, "rule-refused", "termination.lapsed") == refused.refusal
    ended = {"kind": "dissolved", "reason": "企业已注销", "evidence": sha("register")}
    await here.done(case, "terminate", ended, by="huang-qiang", at="2026-03-03 09:00")

    state = await here.state(case)
    assert "terminated" == state["stage"]
    assert {"2026-03-03"} == {d["ended_at"] for d in state["deadlines"] if "met_at" not in d}
    other = await permitted_on(here, "2026-03-04")
    refused = await here.act(other, "withdraw", {"request": sha("r")}, by="zhou-min")
    assert (409, "wrong-stage", "withdraw.before-decision") == refused.refusal
    surrender = {"follows": "surrender", "request": sha("r")}
    await here.done(other, "deregister", surrender, by="huang-qiang")
    assert "deregistered" == await permit(here, other)


async def permitted_on(here, day):
    case = await here.accepted("QH-002", day)
    await here.granted(case, day)
    return case


async def test_a_supplement_that_never_comes_ends_the_case_if_the_notice_said_so(here):
    case = await here.received("QH-002", DAY)
    notice = {
        "missing": [{"material": "场所平面图"}],
        "served_at": DAY,
        "notice": sha("n"),
        "respond_by": "2026-03-20",
    }
    await here.done(case, "request-supplement", notice, by="zhou-min")
    lapsed = {"kind": "supplement-lapsed", "reason": "逾期未补正"}

    early = await here.act(case, "terminate", lapsed, by="huang-qiang", at="2026-03-20 18:00")
    assert (409, "rule-refused", "termination.lapsed") == early.refusal
    await here.done(case, "terminate", lapsed, by="huang-qiang", at="2026-03-21 09:00")


async def test_a_permit_expires_by_time_and_the_formality_follows(here):
    case = await permitted(here, valid_to="2026-03-31")

    assert "in-force" == await permit(here, case, at="2026-03-31 23:59")
    assert "expired" == await permit(here, case, at="2026-04-01 00:00")
    late = await here.act(case, "amend", {"by": case}, by="huang-qiang")
    assert (409, "wrong-stage", "stage.amend") == late.refusal
    await here.done(case, "deregister", {"follows": "expiry"}, by="huang-qiang")
    assert "deregistered" == await permit(here, case)


# -- renewal -----------------------------------------------------------------------------------


async def test_a_renewal_in_time_is_granted_by_silence(here):
    """Applied for on 1 April, 30 days before 1 May: in time; undecided when 1 May is over."""
    case = await permitted(here, valid_to="2026-05-01")
    again = await here.received("QH-007", "2026-04-01", permit=case)
    await here.done(again, "accept", by="zhou-min", at="2026-04-01 10:00")
    state = await here.state(again, at="2026-05-01 23:00")
    expected = {"start": "2026-05-01", "due": "2026-05-01", "light": "yellow"}
    assert expected == part(last(state, "stage:renewal"), **expected)

    state = await here.state(again, at="2026-05-02 00:00")

    assert ("decided", "grant", True) == (
        state["stage"],
        state["decision"]["outcome"],
        state["decision"]["deemed"],
    )
    assert "met-late" == last(state, "stage:renewal")["light"]
    validity = {"valid_from": "2026-05-02", "valid_to": "2030-05-01", "permit": "in-force"}
    assert validity == part(state["decision"], **validity)
    events = (await here.get(f"/cases/{again}/events")).body["items"]
    assert ("deemed-renewed", "by-law", None) == (
        events[-1]["type"],
        events[-1]["actor"]["kind"],
        events[-1]["actor"]["person"],
    )
    before = await here.state(case)
    assert "in-force" == before["decision"]["permit"]
    assert "2030-05-01" == before["decision"]["valid_to"]
    late = await here.act(again, "decide", GRANT, by="huang-qiang")
    assert (409, "already-done") == late.refusal[:2]
    alerts = await here.get(f"/alerts?case={again}&level=red", by="xing-tao")
    renewal = [a for a in alerts.body["items"] if a["deadline"] == "stage:renewal"]
    assert [("renewal.deemed", "2026-05-02T00:00:00+08:00")] == [
        (a["rule"], a["raised_at"]) for a in renewal
    ]


async def test_the_law_renews_before_the_next_act_in_the_same_append(here):
    case = await permitted(here, valid_to="2026-05-01")
    again = await here.received("QH-007", "2026-04-01", permit=case)
    await here.done(again, "accept", by="zhou-min", at="2026-04-01 10:00")
    here.service._woken.clear()
    await here.at("2026-05-02 09:00")

    done = await here.done(again, "reserve-number", {"kind": "licence"}, by="chen-zhi")

    assert ["deemed-renewed", "deemed-renewed", "number-reserved"][-len(done.body["events"]) :] == [
        e["type"] for e in done.body["events"]
    ]


async def test_a_permit_that_was_revoked_meanwhile_is_not_renewed_by_silence(here):
    case = await permitted(here, valid_to="2026-05-01")
    again = await here.received("QH-007", "2026-04-01", permit=case)
    await here.done(again, "accept", by="zhou-min", at="2026-04-01 10:00")
    await here.done(case, "propose-revocation", PROPOSAL, by="mo-li")
    revoked = {"grounds": "69(2)", **HEARD}
    await here.done(case, "revoke-permit", revoked, by="huang-qiang")

    state = await here.state(again, at="2026-05-03 09:00")

    assert ("accepted", None) == (state["stage"], state["decision"])
    assert "revoked" == await permit(here, case)
    denied = {"outcome": "deny", "reasons": "许可已被撤销", "document": DENIAL}
    await here.done(again, "decide", denied, by="huang-qiang")


async def test_one_day_later_it_is_late_and_the_permit_expires(here):
    case = await permitted(here, valid_to="2026-05-01")
    again = await here.received("QH-007", "2026-04-02", permit=case)

    state = await here.state(again)
    assert [("applied-late", "renewal.deemed")] == [(f["flag"], f["rule"]) for f in state["flags"]]
    assert not any(d["name"] == "stage:renewal" for d in state["deadlines"])
    await here.done(again, "accept", by="zhou-min", at="2026-04-02 10:00")
    state = await here.state(again, at="2026-05-02 09:00")
    assert "accepted" == state["stage"]
    assert "expired" == await permit(here, case)


async def test_a_renewal_that_is_granted_is_carried_out_and_its_licence_sealed(here):
    case = await permitted(here, valid_to="2026-05-01")
    again = await here.received("QH-007", "2026-03-20", permit=case)
    await here.done(again, "accept", by="zhou-min")
    early = await here.act(case, "renew", {"by": again}, by="huang-qiang")
    assert (409, "rule-refused", "permit.application") == early.refusal
    await here.granted(again, "2026-03-23")
    paper = LICENCE | {"version": 2, "sha256": sha("licence-2")}
    body = {"by": again, "document": paper | {"valid_from": "2026-05-02", "valid_to": "2030-05-01"}}

    for by in ("469002-2026-999999", case):
        wrong = await here.act(case, "renew", {"by": by}, by="huang-qiang")
        assert wrong.status in (409, 422)
    await here.state(case)
    await here.done(case, "renew", body, by="huang-qiang", at="2026-04-30 09:00")

    assert "in-force" == await permit(here, case, at="2026-05-02 09:00")
    seal = {"seal": "QH-S1", "copies": 1, "medium": "paper"}
    wrong = await here.act(
        case, "seal", seal | {"document": paper | {"sha256": sha("other")}}, by="he-yan"
    )
    assert (409, "document-mismatch", "seal.digest") == wrong.refusal
    await here.done(case, "seal", seal | {"document": paper}, by="he-yan")
    twice = await here.act(case, "renew", body, by="huang-qiang")
    assert (409, "already-done") == twice.refusal[:2]


async def test_a_permit_that_is_not_there_cannot_be_renewed(here):
    body = {"permit": "469002-2026-000777"}
    await here.at(f"{DAY} 09:00")
    from tests.api.serving import application

    refused = await here.post("/cases", application("QH-007") | body, by="zhou-min")

    assert (422, "unknown-reference") == refused.refusal[:2]
    assert "/permit" == refused.body["pointer"]


async def test_a_permit_from_before_the_ledger_is_named_by_its_last_day(here):
    again = await here.received("QH-007", DAY, permit_valid_to="2026-05-01")

    state = await here.state(again)

    assert "2026-05-01" == last(state, "stage:renewal")["due"]


# -- commitments, sanctions --------------------------------------------------------------------


async def test_who_broke_a_promise_is_trusted_no_more(here):
    case = await here.received("QH-004", DAY)
    await here.done(case, "accept", {"commitment": sha("promise")}, by="zhou-min")
    await here.granted(case, DAY)
    state = await here.state(case)
    expected = {"unit": "day", "budget": 60, "start": DAY, "due": "2026-05-06"}
    assert expected == part(last(state, "stage:verify"), **expected)
    visit = {"purpose": "verification", "outcome": "false-promise", "evidence": sha("photo")}
    found = await here.done(case, "inspect", visit, by="li-na", at="2026-03-10 09:00")
    assert "met" == last(found.body["state"], "stage:verify")["light"]
    assert [("false-promise", "commitment.verify")] == [
        (f["flag"], f["rule"]) for f in found.body["events"][0]["flags"]
    ]
    await here.done(case, "open-investigation", {"grounds": "虚假承诺"}, by="ke-jun")
    sanction = {"measure": "不适用告知承诺", "until": "2026-09-10"}
    await here.done(case, "sanction", sanction, by="ke-jun")

    other = await here.received("QH-004", "2026-03-11")
    promised = {"commitment": sha("again")}
    refused = await here.act(other, "accept", promised, by="zhou-min")
    assert (409, "rule-refused", "credit.listed") == refused.refusal
    owed = {"tolerant": [{"material": "场所平面图"}]}
    refused = await here.act(other, "accept", owed, by="zhou-min")
    assert (409, "rule-refused", "credit.listed") == refused.refusal
    await here.done(other, "accept", by="zhou-min")
    later = await here.received("QH-004", "2026-09-11")
    await here.done(later, "accept", promised, by="zhou-min")


async def test_what_is_owed_comes_in_within_the_promise(here):
    case = await here.received("QH-002", DAY)
    owed = {"tolerant": [{"material": "场所平面图"}]}

    long = await here.act(case, "accept", owed | {"owed_days": 6}, by="zhou-min")
    assert (409, "rule-refused", "tolerant.limit") == long.refusal
    done = await here.done(case, "accept", owed | {"owed_days": 3}, by="zhou-min")

    expected = {"budget": 3, "start": DAY, "due": "2026-03-05"}
    assert expected == part(last(done.body["state"], "stage:owed"), **expected)
    late = await here.state(case, at="2026-03-06 09:00")
    assert "owed-late" in [f["flag"] for f in late["flags"]]


async def test_a_closed_case_goes_to_the_archive_with_its_package(here):
    case = await permitted(here)
    seal = {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": "paper"}
    await here.done(case, "seal", seal, by="he-yan")
    issue = {"document": LICENCE, "method": "window", "receipt": sha("receipt")}
    await here.done(case, "issue", issue, by="tang-li")
    package = {"package": sha("package"), "retention": "10"}
    early = await here.act(case, "archive", package, by="tang-li")
    assert (409, "wrong-stage", "stage.archive") == early.refusal
    await here.done(case, "publish", {"what": "decision", "where": "网站"}, by="chen-zhi")
    await here.done(case, "push", {"to": "qh-wjw"}, by="chen-zhi")
    await here.done(case, "close", by="tang-li")
    bare = await here.act(case, "archive", by="tang-li")
    assert (422, "schema", "archive.package") == bare.refusal

    await here.done(case, "archive", package, by="tang-li")

    assert "archived" == (await here.state(case))["stage"]
    assert "in-force" == await permit(here, case)
    found = await here.get(f"/cases?stage=archived&at_least={(await here.state(case))['position']}")
    assert [case] == [c["case"] for c in found.body["items"]]
