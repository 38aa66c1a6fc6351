"""The conditions of SECURITY 3.2 (a to l) and 3.3, each as far as it gives and where it ends.

The matrix shows what a post allows before a body is read; here the act is complete, and it is
the small letter that refuses it.
"""

import pytest

from api.api_keys import ApiKeys
from api.issuing import API_KEYS_FILE
from tests.api.serving import KEYS, LICENCE, application, here_and_apart, opinion, serve, sha
from tests.api.test_order import CALENDAR, ITEM, POLICY, POST
from tests.authz.world import document, person

DAY = "2026-03-02"
DENIED = (403, "action-not-allowed", None)
BEYOND = (403, "beyond-authority")
SEPARATE = (403, "separation-of-duties")
REQUEST = {"request": sha("written request")}
OFFICERS = ["ke-jun", "gao-yuan"]
FINDING = {"finding": "属实", "evidence": sha("photo")}


async def world(database, folder):
    given = {"469002": document()}
    given["469002"]["seals"][0]["keeper"] = "he-yan"
    async for one in serve(database, folder, start=DAY, documents=given):
        await one.at(f"{DAY} 08:00")
        yield one


# `here`: for all who act on cases of their own; its clock stays where it is.
# `apart`: for who sets the clock, or changes what the office has.
here, apart = here_and_apart(world)


def post(role, relation="O"):
    """Somebody of the matrix: in the approving organ, or in one that stands so to it."""
    return person(role, relation, "valid")


async def only(here, case, action, right, *wrong):
    """Those are refused, then this is done: (by, body), and what each hears."""
    for by, body, refusal in wrong:
        answer = await here.act(case, action, body, by=by)
        assert answer.status >= 400, (action, by, body)
        assert refusal == answer.refusal[: len(refusal)], (action, by, answer.body)
    by, body = right
    await here.done(case, action, body, by=by)


async def system(here, client, path, body, *, version=None, behalf=None):
    """A client system asks as itself, or for a person."""
    if not hasattr(here, "systems"):
        keys = ApiKeys(here.service.keys / API_KEYS_FILE)
        here.systems = {name: keys.add(name) for name in ("zc", "system-elsewhere", "zwfw")}
    headers = {"Authorization": f"Bearer {here.systems[client]}"}
    headers["Idempotency-Key"] = f"system-{next(KEYS)}"
    headers |= {"On-Behalf-Of": behalf} if behalf else {}
    headers |= {"If-Match": f'"{version}"'} if version else {}
    return await here.call("POST", path, body=body, headers=headers)


async def sealed(here, medium="electronic"):
    case = await here.accepted("QH-002")
    await here.granted(case)
    seal = {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": medium}
    await here.done(case, "seal", seal, by="he-yan")
    return case


async def cards(here, case):
    return (await here.get(f"/alerts?case={case}", by="xing-tao")).body["items"]


# -- 3.2 ----------------------------------------------------------------------------------------


async def test_receiving_is_for_the_clerks_of_the_item_and_for_its_applicant(here):
    body = application("QH-002")
    for by in (post("clerk", "S"), post("clerk", "-"), post("clerk", "A")):
        assert DENIED == (await here.post("/cases", body, by=by)).refusal
    stranger = await system(here, "zwfw", "/cases", body, behalf="460000199001010013")
    assert DENIED == stranger.refusal

    own = await system(here, "zwfw", "/cases", body, behalf=body["applicant"]["id"])
    taken = await here.post("/cases", body, by=post("clerk"))

    assert [201, 201] == [own.status, taken.status]


async def test_a_system_acts_as_itself_for_its_own_organ(here):
    body = application("QH-002")
    assert DENIED == (await system(here, "system-elsewhere", "/cases", body)).refusal

    case = (await system(here, "zc", "/cases", body)).body["case"]

    missing = {"missing": [{"material": "平面图"}], "notice": sha("n")}
    here.versions[case] = 1
    await here.done(case, "request-supplement", missing, by="zhou-min")
    brought = {"materials": [{"name": "平面图", "sha256": sha("p"), "media_type": "image/png"}]}
    path = f"/cases/{case}/receive-supplement"
    other = await system(here, "system-elsewhere", path, brought, version=2)
    assert (404, "case-not-found") == other.refusal[:2]
    assert 201 == (await system(here, "zc", path, brought, version=2)).status


async def test_a_system_speaks_for_persons_whose_post_is_in_its_organ(here):
    body = application("QH-002")

    elsewhere = await system(here, "system-elsewhere", "/cases", body, behalf="zhou-min")
    here_too = await system(here, "zc", "/cases", body, behalf="zhou-min")

    assert (404, "not-found") == elsewhere.refusal[:2]
    assert 201 == here_too.status


async def test_a_system_issues_electronically_only(here):
    case = await sealed(here)
    path, issue = f"/cases/{case}/issue", {"document": LICENCE, "receipt": sha("r")}

    for method in ("window", "post"):
        body = issue | {"method": method}
        assert DENIED == (await system(here, "zc", path, body, version=here.versions[case])).refusal
    body = issue | {"method": "electronic"}
    assert 201 == (await system(here, "zc", path, body, version=here.versions[case])).status


@pytest.mark.parametrize("action", ["acknowledge-transfer", "refuse-transfer"])
async def test_a_transfer_is_answered_by_the_person_it_names(here, action):
    case = await here.accepted("QH-002")
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}
    await here.done(case, "transfer", to, by="zhou-min")
    body = {"reason": "不属本科室"}

    wrong = [(by, body, DENIED) for by in ("wang-lan", "wu-jun", "lin-bo", "zhou-min")]
    await only(here, case, action, ("chen-zhi", body), *wrong)


async def test_a_transfer_to_a_unit_is_answered_by_anybody_in_it(here):
    case = await here.accepted("QH-002")
    await here.done(case, "transfer", {"to": {"unit": "asked"}}, by="zhou-min")

    wrong = [(by, {}, DENIED) for by in (post("handler"), post("bureau-head"), "zhou-min")]
    await only(here, case, "acknowledge-transfer", (post("handler", "P"), {}), *wrong)


async def test_opinions_have_their_level(here):
    case = await here.accepted("QH-002")
    handle, check = opinion("handle", "属实"), opinion("check", "同意")

    wrong = [("chen-zhi", check, DENIED), ("lin-bo", handle, DENIED)]
    await only(here, case, "review", ("chen-zhi", handle), *wrong)
    await only(here, case, "review", ("lin-bo", check))


async def test_a_suspension_is_approved_by_an_approver_of_the_organ_that_day(here):
    case = await here.accepted("QH-002")
    body = {"kind": "testing", "planned_days": 5, "notice": sha("n")}

    named = (
        "chen-zhi",
        "lin-bo",
        post("approver", "S"),
        "approver.O.expired",
        "approver.O.not-yet",
    )
    wrong = [("chen-zhi", body | {"approved_by": name}, BEYOND) for name in named]
    right = ("chen-zhi", body | {"approved_by": "huang-qiang"})
    await only(here, case, "suspend", right, ("chen-zhi", body, BEYOND), *wrong)


async def test_an_extension_is_approved_by_the_head(here):
    case = await here.accepted("QH-002")
    body = {"days": 3, "notice": sha("n"), "reason": "案情复杂"}

    named = (
        "chen-zhi",
        "huang-qiang",
        "shi-lei",
        post("bureau-head", "S"),
        "bureau-head.O.expired",
    )
    wrong = [("chen-zhi", body | {"approved_by": name}, BEYOND) for name in named]
    right = ("chen-zhi", body | {"approved_by": "wu-jun"})
    await only(here, case, "extend", right, ("chen-zhi", body, BEYOND), *wrong)


async def test_joint_handling_is_extended_by_the_head_of_the_government_above(here):
    case = await here.accepted("QH-005")
    body = {"days": 15, "notice": sha("n"), "reason": "案情复杂"}

    wrong = [("wu-jun", body, BEYOND), ("chen-zhi", body | {"approved_by": "wu-jun"}, BEYOND)]
    right = ("chen-zhi", body | {"approved_by": "shi-lei"})
    await only(here, case, "extend", right, *wrong)


async def test_a_seal_is_used_by_who_keeps_it_at_that_moment(here):
    case = await here.accepted("QH-002")
    await here.granted(case)
    body = {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": "paper"}

    wrong = [(post("sealer"), body, (409, "seal-not-held", "seal.custody"))]
    await only(here, case, "seal", ("he-yan", body), *wrong)


async def test_a_use_of_a_seal_is_made_void_by_its_keeper_with_an_approver(here):
    case = await sealed(here)
    body = {"document": {"kind": "licence", "version": 1}, "reason": "印错"}

    named = ("he-yan", "chen-zhi", post("approver", "S"))
    wrong = [("he-yan", body | {"approved_by": name}, BEYOND) for name in named]
    other = (post("sealer"), body | {"approved_by": "huang-qiang"}, (409, "seal-not-held"))
    right = ("he-yan", body | {"approved_by": "huang-qiang"})
    await only(here, case, "void-seal", right, ("he-yan", body, BEYOND), *wrong, other)


async def test_the_bureau_withdraws_on_written_request_only(here):
    case = await here.accepted("QH-002")

    wrong = [("zhou-min", {}, DENIED), ("chen-zhi", {"reason": "来电"}, DENIED)]
    await only(here, case, "withdraw", ("zhou-min", REQUEST), *wrong)


async def test_the_applicant_withdraws_as_they_like(here):
    case = await here.accepted("QH-002")
    own, stranger = application("QH-002")["applicant"]["id"], "460000199001010013"
    path, version = f"/cases/{case}/withdraw", here.versions[case]

    other = await system(here, "zwfw", path, {}, version=version, behalf=stranger)
    assert (404, "case-not-found") == other.refusal[:2]
    assert 201 == (await system(here, "zwfw", path, {}, version=version, behalf=own)).status


async def test_each_line_corrects_its_own_acts_only(here):
    case = await here.accepted("QH-002")
    await here.granted(case)
    checked = {"purpose": "routine", "outcome": "compliant", "text": "无"}
    await here.done(case, "inspect", checked, by="mo-li")
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    ids = {event["type"]: event["id"] for event in history}
    bureau = {"event": ids["received"], "fields": {"channel": "post"}, "evidence": sha("e")}
    theirs = {"event": ids["inspected"], "fields": {"text": "有"}, "evidence": sha("e")}

    wrong = [(by, bureau, DENIED) for by in ("mo-li", "ke-jun", "lu-qian")]
    approved = await corrected(here, case, ("zhou-min", bureau), *wrong)
    wrong = [(by, approved, DENIED) for by in ("mo-li", "ke-jun", "lu-qian")]
    wrong += [("zhou-min", approved, DENIED)]
    await only(here, case, "approve-correction", ("huang-qiang", approved), *wrong)
    wrong = [(by, theirs, DENIED) for by in ("zhou-min", "wu-jun", "ke-jun")]
    approved = await corrected(here, case, ("mo-li", theirs), *wrong)
    wrong = [("huang-qiang", approved, DENIED), ("mo-li", approved, (*SEPARATE, "SOD-9"))]
    await only(here, case, "approve-correction", (post("supervisor", "S"), approved), *wrong)


async def corrected(here, case, right, *wrong):
    """Those may not propose it, this one does: return what is to be approved."""
    await only(here, case, "correct", right, *wrong)
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    return {"event": history[-1]["id"]}


async def overdue(here):
    case = await here.accepted("QH-002", DAY)
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}
    await here.done(case, "transfer", to, by="zhou-min")
    await here.done(case, "acknowledge-transfer", by="chen-zhi")
    await here.at("2026-03-10 09:00")
    (red,) = [a for a in await cards(here, case) if a["level"] == "red"]
    return case, red


async def test_a_card_is_answered_by_whom_it_names_or_their_head(apart):
    case, red = await overdue(apart)
    body = {"alert": red["id"], "explanation": "排期"}

    others = ("lin-bo", "zhou-min", post("handler"), "mo-li", "ke-jun", post("bureau-head", "S"))
    wrong = [(by, body, DENIED) for by in others]
    await only(apart, case, "answer-alert", ("chen-zhi", body), *wrong)


async def test_the_head_of_the_organ_that_a_card_addresses_answers_it(apart):
    case, red = await overdue(apart)
    body = {"alert": red["id"], "explanation": "排期"}

    await only(apart, case, "answer-alert", (post("bureau-head"), body))


async def test_a_card_is_withdrawn_by_supervision_from_above_or_of_the_whole(apart):
    case, red = await overdue(apart)
    body = {"alert": red["id"], "reason": "误报"}

    others = ("mo-li", "wu-jun", "chen-zhi", "lu-qian", post("supervisor", "E"))
    wrong = [(by, body, DENIED) for by in others]
    await only(apart, case, "withdraw-alert", (post("supervisor", "A"), body), *wrong)


async def rated(here, **more):
    taken = await here.post("/cases", application("QH-002"), by="zhou-min")
    case = taken.body["case"]
    here.versions[case] = 1
    await here.done(case, "accept", by="zhou-min")
    called = {"grade": 1, "channel": "telephone", "call_reference": "12345-1", **more}
    await here.done(case, "evaluate", called, by="lu-qian")
    return case


async def test_who_must_answer_a_card_does_not_withdraw_it(apart):
    case = await apart.accepted("QH-002", DAY)
    await apart.granted(case, DAY)
    await apart.done(case, "push", {"to": "qh-wjw"}, by="chen-zhi")
    await apart.at("2026-03-10 09:00")
    (red,) = [
        a for a in await cards(apart, case) if (a["deadline"], a["level"]) == ("claim", "red")
    ]
    assert post("supervisor", "S") in red["addressees"]
    body = {"alert": red["id"], "reason": "误报"}

    wrong = [(post("supervisor", "S"), body, DENIED)]
    await only(apart, case, "withdraw-alert", ("xing-tao", body), *wrong)


async def permitted(here, day=DAY):
    case = await here.accepted("QH-002", day)
    await here.granted(case, day)
    said = {"grounds": "69(1)", "text": "不符合法定条件"}
    await here.done(case, "propose-revocation", said, by=post("supervisor", "S"))
    return case


async def test_a_permit_is_revoked_by_its_organ_or_the_one_above_and_recalled_by_its_organ(apart):
    """DOMAIN 3; APL 69 names the organ above, APL 8 does not."""
    heard = {"notice": sha("notice"), "served_at": DAY, "heard": "statement"}
    revoke = {"grounds": "69(1)", **heard}
    recall = {"grounds": "规划修改", "compensation": "依法补偿"}
    one = await permitted(apart)

    denied = [(by, revoke, DENIED) for by in ("xing-tao", post("handler"), post("supervisor", "S"))]
    await only(apart, one, "revoke-permit", ("shi-lei", revoke), *denied)
    state = await apart.state(one)
    assert "revoked" == state["decision"]["permit"]
    revoked = (await apart.get(f"/cases/{one}/events")).body["items"][-1]
    assert ("shi-lei", "qh-gov") == (revoked["actor"]["person"], revoked["actor"]["organ"])
    other = await permitted(apart, "2026-03-03")
    await only(apart, other, "recall-permit", ("wu-jun", recall), ("shi-lei", recall, DENIED))


async def test_the_organ_above_revokes_on_another_persons_proposal_too(here):
    case = await here.accepted("QH-002")
    await here.granted(case)
    body = {"grounds": "69(1)", "notice": sha("n"), "served_at": DAY, "heard": "lapsed"}

    refused = await here.act(case, "revoke-permit", body, by="shi-lei")

    assert (*SEPARATE, "SOD-10") == refused.refusal


async def test_the_hotline_follows_ratings_up_and_nothing_else(here):
    case = await here.accepted("QH-002")
    order = {"order": "请尽快回复"}
    refused = await here.act(case, "supervise", order, by="lu-qian")
    assert DENIED == refused.refusal

    await here.done(await rated(here), "supervise", order, by="lu-qian")


async def test_a_rating_by_telephone_has_its_call(here):
    case = await here.accepted("QH-002")
    body = {"grade": 2, "channel": "telephone"}
    called = body | {"call_reference": "12345-1"}

    graded = [("lu-qian", {"channel": "telephone", "call_reference": "1"}, (422, "schema"))]
    wrong = [("lu-qian", body, DENIED), (post("hotline"), called, DENIED)]
    await only(here, case, "evaluate", ("lu-qian", called), *graded, *wrong)


async def test_whom_a_rating_is_about_does_not_follow_it_up(here):
    case = await rated(here, about="chen-zhi")
    other = await rated(here, about="lu-qian")

    wrong = [("chen-zhi", {}, (*SEPARATE, "SOD-15"))]
    await only(here, case, "call-back", (post("handler"), {}), *wrong)
    for action, body in (("call-back", {}), ("verify-review", {"verdict": "valid"}),
                         ("close-review", {})):  # fmt: skip
        wrong = [("lu-qian", body, (*SEPARATE, "SOD-15"))]
        if action == "call-back":
            await only(here, other, action, ("wu-jun", body), *wrong)
        else:
            assert (*SEPARATE, "SOD-15") == (
                await here.act(other, action, body, by="lu-qian")
            ).refusal


@pytest.mark.parametrize("verdict", ["mistaken", "malicious"])
async def test_the_bureau_finds_a_rating_valid_and_nothing_else(here, verdict):
    case, again = await rated(here, about="chen-zhi"), await rated(here, about="chen-zhi")
    for one in (case, again):
        await here.done(one, "call-back", by="lu-qian")

    wrong = [("wu-jun", {"verdict": verdict}, DENIED)]
    await only(here, case, "verify-review", ("wu-jun", {"verdict": "valid"}), *wrong)
    await only(here, again, "verify-review", ("xing-tao", {"verdict": verdict}))


async def test_enforcement_acts_by_two_officers(here):
    case = await here.accepted("QH-002")
    await here.granted(case)
    await here.done(case, "open-investigation", {"grounds": "线索"}, by="ke-jun")
    heard = {"notice": sha("h"), "served_at": DAY, "heard": "waived"}
    few = ([], ["ke-jun"], ["ke-jun", "ke-jun"], ["ke-jun", "mo-li"], ["ke-jun", "nobody"])

    for action, body in (
        ("record-finding", FINDING),
        ("penalise", {"kind": "fine", "amount": 100}),
        ("cancel-permit", heard),
    ):
        alone = [("ke-jun", body | {"officers": o}, (*SEPARATE, "SOD-12")) for o in few]
        wrong = [("mo-li", body | {"officers": OFFICERS}, DENIED)]
        await only(here, case, action, ("ke-jun", body | {"officers": OFFICERS}), *alone, *wrong)


# -- 3.3 ----------------------------------------------------------------------------------------


async def office(here, path, body, right, *wrong):
    """Those are refused, then this is done by an act of the office."""
    for by, refusal in wrong:
        answer = await here.post(path, body, by=by)
        assert refusal == answer.refusal[: len(refusal)], (path, by, answer.body)
    answer = await here.post(path, body, by=right)
    assert 201 == answer.status, (path, right, answer.body)
    return answer


async def test_an_item_is_proposed_by_its_organs_head_and_approved_by_its_supervisor(here):
    heads = [(post("bureau-head", relation), DENIED) for relation in "PSE-"]
    await office(here, "/items", ITEM, "wu-jun", *heads)

    wrong = [(post("supervisor", relation), DENIED) for relation in "OPEAJ-"]
    await office(here, "/items/QH-900/approve", {}, "mo-li", *wrong, ("wu-jun", DENIED))


async def test_a_calendar_is_proposed_by_the_security_admin_and_approved_by_the_head(apart):
    wrong = [("wu-jun", DENIED), ("guo-an", DENIED), ("qin-yu", DENIED)]
    year = CALENDAR | {"provisional": True}
    await office(apart, "/calendars", year, "fang-ke", *wrong)
    wrong = [("fang-ke", DENIED), ("mo-li", DENIED)]
    await office(apart, "/calendars/cn/approve", {}, "wu-jun", *wrong)


async def test_the_supervised_do_not_loosen_their_supervision(apart):
    await office(apart, "/policies", POLICY | {"id": "reviews-default"}, "fang-ke")
    slower = POLICY | {"id": "reviews-default", "bad_review": 9}
    await office(apart, "/policies/reviews-default/approve", {}, "wu-jun", ("mo-li", DENIED))
    await office(apart, "/policies", slower, "fang-ke")

    wrong = [(by, DENIED) for by in ("wu-jun", post("bureau-head"), "mo-li", "fang-ke")]
    await office(apart, "/policies/reviews-default/approve", {}, "xing-tao", *wrong)


# Who approves a post: in which organ it is, who may, who may not.
APPROVED = {
    ("clerk", "qh-xzsp"): ("wu-jun", (post("bureau-head", "S"), "shi-lei", "qin-yu", "yan-qing")),
    ("supervisor", "qh-wjw"): (post("bureau-head", "S"), ("wu-jun", "shi-lei", "qin-yu")),
    ("bureau-head", "qh-xzsp"): ("shi-lei", ("wu-jun", "qin-yu", "yan-qing")),
    ("system-admin", "qh-xzsp"): ("qin-yu", ("wu-jun", "shi-lei", "yan-qing")),
    ("security-admin", "qh-xzsp"): ("qin-yu", ("wu-jun", "shi-lei", "yan-qing")),
    ("audit-admin", "qh-xzsp"): ("yan-qing", ("wu-jun", "shi-lei", "qin-yu")),
}


def named(role):
    """A post of its own, of a person who has no other."""
    return {"id": f"wanted-{role}", "person": f"new-{role}"}


@pytest.mark.parametrize(("role", "organ"), APPROVED)
async def test_a_post_is_approved_by_the_head_of_its_organ_or_the_one_above(here, role, organ):
    right, others = APPROVED[role, organ]
    wanted = POST | {"role": role, "organ": organ} | named(role)
    wrong = [(by, DENIED) for by in ("wu-jun", "qin-yu", "yan-qing", "guo-an")]

    await office(here, "/appointments", wanted, "fang-ke", *wrong)
    wrong = [*((by, DENIED) for by in others), ("fang-ke", DENIED)]
    await office(here, f"/appointments/wanted-{role}/approve", {}, right, *wrong)


@pytest.mark.parametrize("role", ["inspector", "inspection-lead"])
async def test_posts_of_inspection_are_given_by_two_leads(here, role):
    wanted = POST | {"role": role, "organ": "qh-jw", "jurisdiction": True} | named(role)
    await office(here, "/appointments", wanted, "yan-qing", ("fang-ke", DENIED))

    wrong = [("yan-qing", (*SEPARATE, "SOD-8"))]
    wrong += [(by, DENIED) for by in ("wu-jun", "qin-yu", post("bureau-head", "J"))]
    right = post("inspection-lead", "J")
    await office(here, f"/appointments/wanted-{role}/approve", {}, right, *wrong)


async def test_any_one_of_them_ends_a_post_at_once(apart):
    for by, ended in (
        ("fang-ke", post("clerk")),
        ("wu-jun", post("handler")),
        ("shi-lei", post("checker")),
        ("qin-yu", post("issuer")),
        ("yan-qing", post("sealer")),
    ):
        path, wrong = f"/appointments/{ended}/end", [(post("bureau-head", "S"), DENIED)]
        await office(apart, path, {}, by, *wrong)
        gone = await apart.get("/cases", by=ended)
        assert (403, "appointment-ended") == gone.refusal[:2]
    path, others = f"/appointments/{post('inspector', 'J')}/end", ("fang-ke", "wu-jun", "qin-yu")
    await office(apart, path, {}, "yan-qing", *((by, DENIED) for by in others))


async def test_a_seal_changes_hands_by_three_persons_and_is_lost_by_anybody(apart):
    custody = (409, "seal-not-held", "seal.custody")
    to, path = {"to": post("sealer")}, "/seals/QH-S1"
    await office(apart, f"{path}/hand-over", to, "he-yan", (post("sealer"), custody))
    wrong = [("he-yan", custody), (post("sealer", "S"), custody)]
    await office(apart, f"{path}/take-over", {}, post("sealer"), *wrong)
    wrong = [("he-yan", DENIED), (post("supervisor", "A"), DENIED)]
    await office(apart, f"{path}/approve", {}, "wu-jun", *wrong)

    await office(apart, f"{path}/report-lost", {}, post("inspector", "-"))

    lost = await apart.post(f"{path}/enable", {}, by="wu-jun")
    assert (409, "seal-not-held", "seal.in-use") == lost.refusal


async def test_who_administers_the_audit_sees_no_case(apart):
    case = await apart.accepted("QH-002", DAY)
    refused = [
        await apart.get(f"/cases/{case}/events", by="zhou-min"),
        await apart.act(case, "decide", {"outcome": "deny"}, by="chen-zhi"),
    ]
    assert [403, 403] == [answer.status for answer in refused]

    admin = await apart.get("/audit/all?refused=true", by="qin-yu")
    lead = await apart.get("/audit/all?refused=true", by="yan-qing")

    told = [(row["action"], row["case"], row["item"]) for row in admin.body["items"]]
    assert [("read-history", None, None), ("decide", None, None)] == told
    assert [case, case] == [row["case"] for row in lead.body["items"]]
    assert case.encode() not in (await apart.get("/audit/administration", by="qin-yu")).raw
