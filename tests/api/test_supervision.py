"""Cards and their answers, bad ratings, remedies: what supervision does, over HTTP."""

import pytest

from tests.api.serving import LICENCE, application, last, part, serve, sha

HPJ = "hpj"
APPLICANT = "91469002MA5X00014X"


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def alerts(here, case, by="xing-tao", **asked):
    query = "".join(f"&{name}={value}" for name, value in asked.items())
    answer = await here.get(f"/alerts?case={case}{query}", by=by)
    assert answer.status == 200, answer.body
    return answer.body["items"]


# -- S15 ---------------------------------------------------------------------------------------


async def test_s15_pushed_and_claimed_over_the_spring_festival(here):
    case = await here.accepted("QH-002", "2026-02-11")
    await here.granted(case, "2026-02-13")
    state = await here.state(case)
    expected = {"budget": 1, "start": "2026-02-13", "due": "2026-02-14"}
    assert expected == part(last(state, "push"), **expected)
    assert "2026-03-02" == last(state, "stage:publish")["due"]
    assert "2026-03-05" == last(state, "issue")["due"]

    await here.done(case, "push", {"to": "qh-wjw"}, by="chen-zhi", at="2026-02-14 16:00")

    state = await here.state(case)
    assert "met" == last(state, "push")["light"]
    pushed = {
        "to": "qh-wjw",
        "policy": "link-default@1",
        "claimed_at": None,
        "responsible": "supervisor",
    }
    assert pushed == part(state["pushes"][0], **pushed)
    expected = {"budget": 2, "start": "2026-02-14", "due": "2026-02-25"}
    assert expected == part(last(state, "claim"), **expected)
    for day, light in (("24", "green"), ("25", "yellow"), ("26", "red")):
        state = await here.state(case, at=f"2026-02-{day} {'00:00' if light == 'red' else '12:00'}")
        assert light == last(state, "claim")["light"]
    (red,) = await alerts(here, case, level="red", deadline="claim")
    assert ("2026-02-26T00:00:00+08:00", ["mo-li"]) == (red["raised_at"], red["addressees"])
    refused = await here.act(case, "claim", by="chen-zhi")
    assert (403, "action-not-allowed") == refused.refusal[:2]
    await here.done(case, "claim", by="mo-li", at="2026-02-26 09:00")
    assert "met-late" == last(await here.state(case), "claim")["light"]


@pytest.mark.parametrize(
    ("item", "before", "after"),
    [("QH-006", "supervisor", None), ("QH-008", "bureau", "supervisor")],
)
async def test_s15_other_link_policies(here, item, before, after):
    case = await here.accepted(item, "2026-02-11")
    if item == "QH-008":
        await here.granted(case, "2026-02-13")
    to = "qh-scjg" if item == "QH-006" else "qh-zjj"
    await here.done(case, "push", {"to": to}, by="chen-zhi")
    state = await here.state(case)
    assert before == state["pushes"][0]["responsible"]
    assert (after is not None) == any(d["name"] == "claim" for d in state["deadlines"])
    if after is not None:
        await here.done(case, "claim", by="zheng-kai")
        assert after == (await here.state(case))["pushes"][0]["responsible"]


# -- S16 ---------------------------------------------------------------------------------------


async def rate(here, case, body):
    """Rate as the applicant does, through the terminal."""
    headers = {
        "If-Match": f'"{here.versions[case]}"',
        "Authorization": f"Bearer {here.tokens.token(APPLICANT, APPLICANT, client=HPJ)}",
    }
    answer = await here.post(f"/cases/{case}/evaluate", body, by=None, headers=headers)
    if answer.status == 201:
        here.versions[case] = answer.body["version"]
    return answer


async def closed(here, day="2026-09-14"):
    case = await here.accepted("QH-002", day)
    await here.granted(case, day)
    seal = {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": "paper"}
    await here.done(case, "seal", seal, by="he-yan")
    issue = {"document": LICENCE, "method": "window", "receipt": sha("receipt")}
    await here.done(case, "issue", issue, by="tang-li")
    await here.done(case, "publish", {"what": "decision", "where": "网站"}, by="chen-zhi")
    await here.done(case, "push", {"to": "qh-wjw"}, by="chen-zhi")
    await here.done(case, "close", by="tang-li")
    return case


async def test_s16_a_bad_review_fixed_too_late(here):
    case = await closed(here)
    await here.at("2026-09-22 10:00")
    bad = {"grade": 2, "channel": "terminal", "text": "来回跑了三次", "about": "chen-zhi"}
    assert 201 == (await rate(here, case, bad)).status

    state = await here.state(case)
    expected = {"budget": 5, "start": "2026-09-22", "due": "2026-09-30"}
    assert expected == part(last(state, "bad-review"), **expected)
    again = await rate(here, case, {"grade": 5, "channel": "terminal"})
    assert (409, "already-done", "review.once") == again.refusal

    refused = await here.act(case, "call-back", by="chen-zhi", at="2026-09-22 11:00")
    assert (403, "separation-of-duties", "SOD-15") == refused.refusal
    early = await here.act(case, "verify-review", {"verdict": "valid"}, by="xing-tao")
    assert (409, "wrong-stage", "stage.verify-review") == early.refusal
    await here.done(case, "call-back", {"text": "已致电"}, by="lu-qian", at="2026-09-22 11:30")
    for by in ("chen-zhi", "wu-jun"):
        refused = await here.act(case, "verify-review", {"verdict": "malicious"}, by=by)
        assert (403, "action-not-allowed") == refused.refusal[:2]
    verified = {"verdict": "valid"}
    await here.done(case, "verify-review", verified, by="xing-tao", at="2026-09-22 15:00")
    early = await here.act(case, "feed-back", {"text": "x"}, by="wu-jun")
    assert (409, "wrong-stage", "stage.feed-back") == early.refusal
    fixed = {"measure": "一次告知清单已修订"}
    await here.done(case, "rectify", fixed, by="wang-lan", at="2026-10-08 09:00")
    await here.done(case, "feed-back", {"text": "已说明"}, by="wu-jun", at="2026-10-08 10:00")
    await here.at("2026-10-08 11:00")
    assert 201 == (await rate(here, case, {"grade": 5, "channel": "terminal"})).status
    third = await rate(here, case, {"grade": 5, "channel": "terminal"})
    assert (409, "already-done", "review.once") == third.refusal
    await here.done(case, "close-review", by="lu-qian")

    state = await here.state(case)
    expected = {"used": 6, "met_at": "2026-10-08", "light": "met-late"}
    assert expected == part(last(state, "bad-review"), **expected)
    assert [2, 5] == [review["grade"] for review in state["reviews"]]
    assert "2026-10-08" == state["reviews"][0]["closed_on"]


@pytest.mark.parametrize("verdict", ["mistaken", "malicious"])
async def test_what_is_found_mistaken_or_malicious_stays_and_is_no_duty(here, verdict):
    case = await closed(here)
    await here.at("2026-09-22 10:00")
    await rate(here, case, {"grade": 1, "channel": "terminal"})
    refused = await here.act(case, "call-back", by="chen-zhi")
    assert (403, "separation-of-duties", "SOD-15") == refused.refusal
    await here.done(case, "call-back", by="lu-qian")
    await here.done(case, "verify-review", {"verdict": verdict}, by="xing-tao")
    refused = await here.act(case, "rectify", {"measure": "x"}, by="wang-lan")
    assert (409, "wrong-stage", "stage.rectify") == refused.refusal
    await here.done(case, "close-review", by="lu-qian")

    state = await here.state(case, at="2026-11-02 09:00")
    assert [(1, verdict)] == [(r["grade"], r["verdict"]) for r in state["reviews"]]
    assert "2026-09-22" == last(state, "bad-review")["ended_at"]
    assert [] == await alerts(here, case, deadline="bad-review", state="raised")


# -- cards ---------------------------------------------------------------------------------------


async def test_a_red_card_is_answered_by_whom_it_names_and_closed_when_the_duty_is_done(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.done(
        case, "transfer", {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}, by="zhou-min"
    )
    await here.done(case, "acknowledge-transfer", by="chen-zhi")
    await here.at("2026-03-10 09:00")
    (red,) = await alerts(here, case, level="red", deadline="promised")
    assert (["chen-zhi", "wu-jun"], "2026-03-12") == (red["addressees"], red["answer_by"])
    answer = {"alert": red["id"], "explanation": "现场核查排期", "remedy": "三日内办结"}

    for by, refusal in (
        ("lin-bo", (403, "action-not-allowed")),
        ("xing-tao", (403, "action-not-allowed")),
    ):
        assert refusal == (await here.act(case, "answer-alert", answer, by=by)).refusal[:2]
    nothing = await here.act(case, "answer-alert", {"alert": red["id"]}, by="chen-zhi")
    assert (422, "schema", "alert.explanation") == nothing.refusal
    other = answer | {"alert": red["id"] + "x"}
    assert (422, "unknown-reference") == (
        await here.act(case, "answer-alert", other, by="chen-zhi")
    ).refusal[:2]
    done = await here.done(case, "answer-alert", answer, by="chen-zhi")
    twice = await here.act(case, "answer-alert", answer, by="wu-jun")
    assert (409, "already-done", "alert.once") == twice.refusal
    assert done.body["events"][0]["position"] == twice.body["earlier_position"]

    (red,) = await alerts(here, case, level="red", deadline="promised")
    assert ("answered", "chen-zhi") == (red["state"], red["answered_by"])
    assert "raised_again_at" not in red
    await here.done(case, "review", _opinion("handle"), by="chen-zhi")
    await here.done(case, "review", _opinion("check"), by="lin-bo")
    await here.done(case, "decide", {"outcome": "grant", "document": LICENCE}, by="huang-qiang")
    (red,) = await alerts(here, case, level="red", deadline="promised")
    assert "closed" == red["state"]


def _opinion(level):
    return {"level": level, "opinion": "同意", "recommend": "grant"}


async def test_what_nobody_answers_in_time_is_raised_again(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.at("2026-03-12 23:59")
    (red,) = await alerts(here, case, level="red", deadline="promised")
    assert "raised_again_at" not in red

    await here.at("2026-03-13 00:00")

    (red,) = await alerts(here, case, level="red", deadline="promised")
    assert "2026-03-13T00:00:00+08:00" == red["raised_again_at"]
    late = {"alert": red["id"], "explanation": "漏看"}
    await here.done(case, "answer-alert", late, by="wu-jun")
    (red,) = await alerts(here, case, level="red", deadline="promised")
    assert ("answered", "2026-03-13T00:00:00+08:00") == (red["state"], red["raised_again_at"])


async def test_a_card_is_withdrawn_by_others_only_and_with_a_reason(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.at("2026-03-10 09:00")
    (red,) = await alerts(here, case, level="red", deadline="promised")
    body = {"alert": red["id"], "reason": "系统停机期间误报"}

    for by in ("wu-jun", "chen-zhi", "mo-li"):
        refused = await here.act(case, "withdraw-alert", body, by=by)
        assert (403, "action-not-allowed") == refused.refusal[:2]
    bare = await here.act(case, "withdraw-alert", {"alert": red["id"]}, by="xing-tao")
    assert (422, "schema", "alert.reason") == bare.refusal
    await here.done(case, "withdraw-alert", body, by="xing-tao")

    (red,) = await alerts(here, case, level="red", deadline="promised")
    assert ("withdrawn", "系统停机期间误报") == (red["state"], red["reason"])


async def test_a_refusals_card_is_answered_too(here):
    case = await here.accepted("QH-002", "2026-03-02")
    seal = {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": "paper"}
    assert 409 == (await here.act(case, "seal", seal, by="he-yan")).status
    (card,) = await alerts(here, case, level="red")
    assert (None, "seal.authorising-event", ["he-yan", "wu-jun"]) == (
        card["deadline"],
        card["rule"],
        card["addressees"],
    )

    await here.done(
        case, "answer-alert", {"alert": card["id"], "explanation": "误操作"}, by="he-yan"
    )

    (card,) = await alerts(here, case, level="red")
    assert "closed" == card["state"]


async def test_a_proposal_to_revoke_must_be_answered_either_way(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.granted(case, "2026-03-03")
    proposal = {"grounds": "69(2)", "text": "材料虚假"}
    await here.done(case, "propose-revocation", proposal, by="mo-li", at="2026-03-10 09:00")
    (card,) = [a for a in await alerts(here, case) if a["rule"] == "revocation.proposed"]
    assert ("red", ["wu-jun"], "2026-03-12") == (
        card["level"],
        card["addressees"],
        card["answer_by"],
    )
    silent = {"alert": card["id"], "explanation": "经核查属实"}
    refused = await here.act(case, "answer-alert", silent, by="wu-jun")
    assert (422, "schema", "revocation.answer") == refused.refusal

    await here.done(case, "answer-alert", silent | {"accepts": False}, by="wu-jun")

    (told,) = (await here.state(case))["proposals"]
    assert (False, "2026-03-10") == (told["accepted"], told["answered_on"])


async def test_supervision_urges_on_and_whoever_has_the_case_answers(here):
    case = await here.accepted("QH-002", "2026-03-02")
    order = {"order": "请于本周内办结", "due": "2026-03-06"}
    for by in ("chen-zhi", "wu-jun", "ke-jun"):
        refused = await here.act(case, "supervise", order, by=by)
        assert (403, "action-not-allowed") == refused.refusal[:2]
    hotline = await here.act(case, "supervise", order, by="lu-qian")
    assert hotline.status in (403, 404)

    for by in ("mo-li", "xing-tao", "shi-lei"):
        await here.done(case, "supervise", order, by=by)

    cards = [a for a in await alerts(here, case) if a["rule"] == "supervision.order"]
    assert [("yellow", ["wu-jun", "zhou-min"])] * 3 == [
        (c["level"], c["addressees"]) for c in cards
    ]


# -- remedies ------------------------------------------------------------------------------------


async def test_a_court_annuls_a_permit_without_an_act_of_the_bureau(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.granted(case, "2026-03-03")
    none = await here.act(case, "record-remedy-result", {"result": "annulled"}, by="chen-zhi")
    assert (409, "wrong-stage", "stage.record-remedy-result") == none.refusal
    filed = {"kind": "litigation", "body": "琼海市人民法院", "filed_on": "2026-04-01"}
    await here.done(case, "record-remedy", filed, by="chen-zhi", at="2026-04-02 09:00")
    expected = {"unit": "day", "budget": 15, "start": "2026-04-01", "due": "2026-04-16"}
    state = await here.state(case)
    assert expected == part(last(state, "evidence"), **expected)
    handed = filed | {"step": "evidence", "filed_on": "2026-04-15"}
    await here.done(case, "record-remedy", handed, by="chen-zhi", at="2026-04-15 09:00")
    assert "met" == last(await here.state(case), "evidence")["light"]

    annulled = {"result": "annulled", "document": sha("judgment")}
    await here.done(case, "record-remedy-result", annulled, by="wu-jun", at="2026-07-01 09:00")

    state = await here.state(case)
    assert ("annulled", "annulled") == (
        state["decision"]["permit"],
        state["remedies"][0]["result"],
    )
    await here.done(case, "deregister", {"follows": "annulment"}, by="huang-qiang")


async def test_the_court_may_set_another_day_for_evidence(here):
    case = await here.accepted("QH-002", "2026-03-02")
    filed = {
        "kind": "reconsideration",
        "body": "琼海市人民政府",
        "filed_on": "2026-03-03",
        "evidence_due": "2026-03-15",
    }
    await here.done(case, "record-remedy", filed, by="chen-zhi", at="2026-03-04 09:00")

    assert "2026-03-15" == last(await here.state(case), "evidence")["due"]
    twice = await here.act(case, "record-remedy", filed, by="chen-zhi")
    assert (409, "already-done") == twice.refusal[:2]


def test_the_applicant_of_these_tests_is_that_of_the_example():
    assert APPLICANT == application("QH-002")["applicant"]["id"]
