"""Complaints (12345) over HTTP: who does what, what is kept from whom, limits and cards."""

import pytest

from projections import audit_trail, complaints, timeout_alerts
from projections.rebuild import rebuild
from tests.api.serving import part, serve, sha

CALLER = {
    "name": "黎永福",
    "telephone": "13976000123",
    "id_scheme": "ID",
    "id": "460002199001011234",
}
SAID = "在窗口排队三小时，工作人员说材料不齐不收件"
ABOUT = {"unit": "qh-xzsp"}
REFUSED_INTAKE = {"kind": "refused-intake", "channel": "telephone", "text": SAID}
PASSED_ON = {"unit": "qh-xzsp", "summary": "反映窗口不予收件且未出具凭证"}
DONE = {"result": "done", "measure": "已当面致歉并补收材料"}
# A person of the bureau, said to work past the system.
OFF_SYSTEM = {
    "kind": "off-system",
    "channel": "letter",
    "text": "先发证后补系统",
    "about": {"unit": "qh-xzsp", "person": "chen-zhi"},
}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


@pytest.fixture(scope="module")
async def shared(lasting, tmp_path_factory):
    """One for all who ask in vain, or act on complaints of their own; its clock stays."""
    async for one in serve(lasting, tmp_path_factory.mktemp("shared")):
        await registered(one)
        yield one


async def registered(here, body=None, *, by="lu-qian", at="2026-03-02 09:00", **more):
    if at is not None:
        await here.at(at)
    body = {**REFUSED_INTAKE, "caller": CALLER, "about": ABOUT} if body is None else body
    answer = await here.post("/complaints", body, by=by, **more)
    assert answer.status == 201, answer.body
    number = answer.body["complaint"]
    here.versions[number] = answer.body["version"]
    return number


async def act(here, number, action, body, *, by, at=None, version=None):
    if at is not None:
        await here.at(at)
    headers = {"If-Match": f'"{version or here.versions[number]}"'}
    answer = await here.post(f"/complaints/{number}/{action}", body, by=by, headers=headers)
    if answer.status == 201:
        here.versions[number] = answer.body["version"]
    return answer


async def done(here, number, action, body, **more):
    answer = await act(here, number, action, body, **more)
    assert answer.status == 201, (action, answer.body)
    return answer


async def shown(here, number, by="lu-qian"):
    answer = await here.get(f"/complaints/{number}", by=by)
    assert answer.status == 200, answer.body
    return answer.body


# -- the way of one ----------------------------------------------------------------------------


async def test_a_complaint_from_the_call_to_its_end(here):
    number = await registered(here)
    assert "469002-C-2026-000001" == number
    answer = await done(here, number, "assign", PASSED_ON, by="lu-qian", at="2026-03-02 11:00")
    assert ["complaint-assigned"] == [e["type"] for e in answer.body["events"]]
    due = {d["name"]: (d["due"], d["light"]) for d in answer.body["state"]["deadlines"]}
    expected = {
        "complaint-assign": ("2026-03-03", "met"),
        "complaint-reply": ("2026-03-09", "green"),
        "complaint-close": ("2026-03-23", "green"),
    }
    assert expected == due

    early = await act(here, number, "close-complaint", {"result": "resolved"}, by="lu-qian")
    assert (409, "wrong-stage", "complaint.reply-first") == early.refusal
    await done(here, number, "reply", DONE, by="chen-zhi", at="2026-03-05 10:00")
    own = await act(here, number, "close-complaint", {"result": "resolved"}, by="wu-jun")
    assert (403, "action-not-allowed", None) == own.refusal
    closing = {"result": "resolved", "satisfaction": {"grade": 4, "said": "还行"}}
    answer = await done(here, number, "close-complaint", closing, by="lu-qian")

    state = await shown(here, number)
    assert ("closed", ["correct-complaint"], 4) == (
        state["state"],
        state["allowed_actions"],
        state["closed"]["satisfaction"]["grade"],
    )
    assert answer.body["state"]["closed"] == state["closed"]
    assert {"met"} == {d["light"] for d in state["deadlines"]}
    assert 4 == len(state["history"])
    again = await act(here, number, "reply", DONE, by="chen-zhi")
    assert (409, "wrong-stage", "stage.reply") == again.refusal


async def test_one_about_a_case_names_its_unit_and_item(here):
    case = await here.accepted("QH-002", "2026-03-02")
    body = {"kind": "delay", "channel": "telephone", "text": "一直没有消息", "case": case}
    number = await registered(here, body, at="2026-03-03 09:00")

    state = await shown(here, number)

    expected = {"case": case, "item": "QH-002", "about": {"unit": "qh-xzsp"}, "unit": None}
    assert expected == part(state, **expected)
    missing = await here.post("/complaints", body | {"case": "469002-2026-000099"}, by="lu-qian")
    assert (422, "unknown-reference") == (missing.status, missing.slug)
    # Who supervises the item of the case reads it; another department does not.
    assert 200 == (await here.get(f"/complaints/{number}", by="mo-li")).status
    assert 404 == (await here.get(f"/complaints/{number}", by="zheng-kai")).status


async def test_a_refusal_goes_to_those_above_and_other_grounds_have_to_be_so(here):
    number = await registered(here, {**REFUSED_INTAKE, "kind": "service", "about": ABOUT})
    await done(here, number, "assign", PASSED_ON, by="lu-qian")
    for ground in ("refused", "late", "serious"):
        body = {"to": "qh-gov", "ground": ground}
        answer = await act(here, number, "escalate", body, by="lu-qian")
        assert (409, "rule-refused", "complaint.grounds") == answer.refusal
    late = {"to": "qh-gov", "ground": "late"}
    await done(here, number, "escalate", late, by="lu-qian", at="2026-03-10 09:00")
    no = {"result": "refused", "measure": "不属于我局职责"}
    await done(here, number, "reply", no, by="wu-jun")
    sideways = {"to": "qh-wjw", "ground": "refused"}
    answer = await act(here, number, "escalate", sideways, by="lu-qian")
    assert (422, "unknown-reference") == (answer.status, answer.slug)
    await done(here, number, "escalate", sideways | {"to": "qh-12345"}, by="lu-qian")

    state = await shown(here, number)
    assert ["late", "refused"] == [e["ground"] for e in state["escalations"]]
    reply = [d for d in state["deadlines"] if d["name"] == "complaint-reply"]
    assert ["met-late"] == [d["light"] for d in reply]


async def test_one_given_back_has_a_limit_of_its_own(here):
    number = await registered(here)
    await done(here, number, "assign", PASSED_ON, by="lu-qian")
    await done(here, number, "reply", DONE, by="chen-zhi", at="2026-03-04 10:00")
    await done(here, number, "assign", PASSED_ON, by="lu-qian", at="2026-03-05 10:00")

    state = await shown(here, number)

    replies = [d for d in state["deadlines"] if d["name"] == "complaint-reply"]
    assert [("2026-03-09", "met"), ("2026-03-12", "green")] == [
        (d["due"], d["light"]) for d in replies
    ]


# -- who ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "before", "after"),
    [
        ("lu-qian", 200, 200),  # hotline J
        ("xing-tao", 200, 200),  # supervisor J
        ("jiang-he", 200, 200),  # inspector J
        ("chen-zhi", 404, 200),  # handler of the unit
        ("wu-jun", 404, 200),  # its head
        ("shi-lei", 404, 200),  # head above
        ("zhou-min", 404, 404),
        ("huang-qiang", 404, 404),
        ("he-yan", 404, 404),
        ("mo-li", 404, 404),
        ("ke-jun", 404, 404),
        ("fang-ke", 404, 404),
        ("guo-an", 404, 404),
    ],
)
async def test_who_reads_it_before_and_after_it_is_given_to_the_unit(here, by, before, after):
    number = await registered(here)
    asked = [(await here.get(f"/complaints/{number}", by=by)).status]
    await done(here, number, "assign", PASSED_ON, by="lu-qian")
    asked.append((await here.get(f"/complaints/{number}", by=by)).status)

    assert [before, after] == asked
    # What is not theirs looks as what is not there.
    if after == 404:
        one = await here.get(f"/complaints/{number}", by=by)
        other = await here.get("/complaints/469002-C-2026-000099", by=by)
        assert one.body | {"instance": ""} == other.body | {"instance": ""}
    listed = await here.get("/complaints", by=by)
    if listed.status == 200:
        assert (after == 200) == bool(listed.body["items"])
    else:
        assert ("action-not-allowed", 404) == (listed.slug, after)


@pytest.mark.parametrize(
    ("action", "body", "may"),
    [
        ("assign", PASSED_ON, {"lu-qian"}),
        ("reply", DONE, {"chen-zhi", "wang-lan", "wu-jun"}),
        ("escalate", {"to": "qh-jw", "ground": "serious"}, {"lu-qian"}),
        ("close-complaint", {"result": "withdrawn"}, {"lu-qian"}),
    ],
)
async def test_who_acts_on_it(shared, action, body, may):
    allowed = set()
    for by in ("lu-qian", "chen-zhi", "wang-lan", "wu-jun", "shi-lei", "xing-tao", "jiang-he"):
        number = await registered(shared, at=None)
        await done(shared, number, "assign", PASSED_ON, by="lu-qian")
        told = (await shown(shared, number, by))["allowed_actions"]
        answer = await act(shared, number, action, body, by=by)
        assert (201 if action in told else 403) == answer.status, (by, answer.body)
        allowed |= {by} if answer.status == 201 else set()

    assert may == allowed


async def test_who_may_register(shared):
    for by in ("chen-zhi", "wu-jun", "xing-tao", "jiang-he", "guo-an"):
        answer = await shared.post("/complaints", REFUSED_INTAKE, by=by)
        assert (403, "action-not-allowed") == (answer.status, answer.slug)


async def test_who_complains_is_shown_to_no_unit_and_in_clear_to_nobody(here):
    number = await registered(here, {**REFUSED_INTAKE, "caller": CALLER, "call_reference": "T-1"})
    await done(here, number, "assign", PASSED_ON, by="lu-qian")

    hotline = await here.get(f"/complaints/{number}", by="lu-qian")
    unit = await here.get(f"/complaints/{number}", by="chen-zhi")

    assert ("黎*福", "T-1") == (hotline.body["caller"]["name"], hotline.body["call_reference"])
    assert ("caller" in unit.body, unit.body["call_reference"]) == (False, None)
    assert PASSED_ON["summary"] == unit.body["assigned"][0]["summary"]
    for answer in (hotline, unit):
        for canary in (*CALLER.values(), SAID):
            if canary != "ID":
                assert canary.encode() not in answer.raw
    assert b"T-1" not in unit.raw
    assert "黎*福".encode() not in unit.raw


async def test_who_is_complained_of_does_not_follow_it_up(here):
    body = {**REFUSED_INTAKE, "about": {"unit": "qh-xzsp", "person": "chen-zhi"}}
    number = await registered(here, body)
    await done(here, number, "assign", PASSED_ON, by="lu-qian")

    refused = await act(here, number, "reply", DONE, by="chen-zhi")

    assert (403, "separation-of-duties", "SOD-15") == refused.refusal
    await done(here, number, "reply", DONE, by="wang-lan")


async def test_work_past_the_system_is_kept_from_the_unit_of_the_person(here):
    number = await registered(here, OFF_SYSTEM)
    to_them = await act(here, number, "assign", PASSED_ON, by="lu-qian")
    assert (409, "rule-refused", "complaint.not-to-the-concerned") == to_them.refusal
    await done(here, number, "escalate", {"to": "qh-jw", "ground": "serious"}, by="lu-qian")

    for by in ("chen-zhi", "wu-jun", "wang-lan", "shi-lei"):
        assert 404 == (await here.get(f"/complaints/{number}", by=by)).status
    assert 200 == (await here.get(f"/complaints/{number}", by="jiang-he")).status
    for by in ("chen-zhi", "wu-jun", "shi-lei"):
        assert [] == (await here.get("/complaints", by=by)).body["items"]
    trail = (await here.get("/audit/all", by="wu-jun")).body["items"]
    assert not [row for row in trail if "complaint" in row["type"]]
    # Control: one of another kind is told to the unit it was given to.
    other = await registered(here, at=None)
    await done(here, other, "assign", PASSED_ON, by="lu-qian")
    assert 1 == len((await here.get("/complaints", by="wu-jun")).body["items"])


async def test_a_caller_complains_through_a_portal_and_reads_their_own(here):
    await here.at("2026-03-02 09:00")

    def speaking(person):
        return {"Authorization": f"Bearer {here.tokens.token(person, person, client='zwfw')}"}

    body = {**REFUSED_INTAKE, "channel": "online", "caller": CALLER, "reason": "我等了三小时"}
    answer = await here.post("/complaints", body, by=None, headers=speaking(CALLER["id"]))
    assert answer.status == 201, answer.body
    number = answer.body["complaint"]
    one = await here.get(f"/complaints/{number}", by=None, headers=speaking(CALLER["id"]))
    assert (200, "registered", False) == (one.status, one.body["state"], "history" in one.body)
    other = await here.get(f"/complaints/{number}", by=None, headers=speaking("46000219900101999X"))
    assert (404, "not-found") == (other.status, other.slug)
    for_another = await here.post(
        "/complaints", body, by=None, headers=speaking("46000219900101999X")
    )
    assert (403, "action-not-allowed") == (for_another.status, for_another.slug)
    # Their name stands on no act, and their words in no reason.
    (event,) = (await shown(here, number))["history"]
    assert (None, "applicant", None) == (
        event["actor"]["person"], event["actor"]["role"], event["reason"],
    )  # fmt: skip
    assert "我等了三小时".encode() not in one.raw


# -- the order of checks, and what is hostile ---------------------------------------------------


async def test_the_order_of_checks(here):
    number = await registered(here)
    path, match = f"/complaints/{number}/assign", {"If-Match": '"1"'}

    async def asked(path, by, body=b"{}", **headers):
        named = {"Idempotency-Key": "k-order"} | headers
        answer = await here.call("POST", path, by=by, data=body, headers=named)
        return answer.status, answer.slug

    nowhere = "/complaints/469002-C-2026-000077/assign"
    assert (404, "not-found") == await asked(nowhere, "lu-qian", b"{")
    assert (404, "not-found") == await asked(path, "chen-zhi", b"{")
    assert (404, "not-found") == await asked(f"/complaints/{number}/forget", "lu-qian")
    assert (403, "action-not-allowed") == await asked(path, "xing-tao", b"{")
    assert (400, "idempotency-key-invalid") == await asked(
        path, "lu-qian", b"{", **{"Idempotency-Key": "ü"}
    )
    assert (400, "invalid-parameter") == await asked(f"{path}?a=b", "lu-qian", b"{")
    assert (428, "version-required") == await asked(path, "lu-qian", b"{")
    assert (400, "malformed-json") == await asked(path, "lu-qian", b"{", **match)
    assert (422, "schema") == await asked(path, "lu-qian", **match)
    moved = await act(here, number, "assign", PASSED_ON, by="lu-qian", version=7)
    assert (412, "version-conflict", 1) == (
        moved.status, moved.slug, moved.body["current_version"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status", "slug", "pointer"),
    [
        ({"kind": "gossip"}, 422, "schema", "/kind"),
        ({"text": "a\u0000b"}, 422, "forbidden-character", "/text"),
        ({"text": "長" * 10_001}, 422, "too-long", "/text"),
        ({"caller": {"name": "黎永福", "wechat": "x"}}, 422, "unknown-field", "/caller/wechat"),
        ({"about": {"unit": "nowhere"}}, 422, "unknown-reference", "/about/unit"),
        ({"about": {"item": "QH-999"}}, 422, "unknown-reference", "/about/item"),
        ({"case": "1' OR 1=1--"}, 422, "unknown-reference", "/case"),
        ({"organ": "qh-jw"}, 422, "unknown-field", "/organ"),
        ({"terms": {}}, 422, "unknown-field", "/terms"),
        ({"occurred_at": "2030-01-01T00:00:00Z"}, 422, "occurred-in-future", "/occurred_at"),
    ],
)
async def test_hostile_bodies(shared, change, status, slug, pointer):
    answer = await shared.post("/complaints", REFUSED_INTAKE | change, by="lu-qian")

    assert (status, slug, pointer) == (answer.status, answer.slug, answer.body.get("pointer"))


@pytest.mark.parametrize(
    "path",
    [
        "?state=done",
        "?kind=gossip",
        "?overdue=1",
        "?from=yesterday",
        "?unit=",
        "?caller=x",
        "?limit=0",
        "?after=abc",
    ],
)
async def test_a_question_that_is_none_is_refused(shared, path):
    assert 400 == (await shared.get(f"/complaints{path}", by="lu-qian")).status


@pytest.mark.parametrize("number", ["1", "469002-C-2026-0", "469002-C-٢٠٢٦-000001", "x" * 300])
async def test_a_number_that_is_none_is_not_there(shared, number):
    assert 404 == (await shared.get(f"/complaints/{number}", by="lu-qian")).status


async def test_the_same_request_again_is_answered_with_the_same_bytes(here):
    await here.at("2026-03-02 09:00")
    body = {**REFUSED_INTAKE, "caller": CALLER}
    first = await here.post("/complaints", body, by="lu-qian", key="again")
    number = first.body["complaint"]
    here.versions[number] = 1
    await done(here, number, "assign", PASSED_ON, by="lu-qian", at="2026-03-04 09:00")

    again = await here.post("/complaints", body, by="lu-qian", key="again")

    assert (201, first.raw) == (again.status, again.raw)
    assert "true" == again.headers["Idempotency-Replayed"]
    other = await here.post("/complaints", body | {"kind": "delay"}, by="lu-qian", key="again")
    assert (422, "idempotency-key-reused") == (other.status, other.slug)


# -- corrections ---------------------------------------------------------------------------------


async def event_of(here, number, kind, by="lu-qian"):
    return next(e for e in (await shown(here, number, by))["history"] if e["type"] == kind)


async def proposed(here, number, kind, fields, *, by="lu-qian"):
    target = await event_of(here, number, kind)
    body = {"event": target["id"], "fields": fields, "evidence": sha("scan")}
    return await act(here, number, "correct-complaint", body, by=by)


async def test_what_was_written_down_wrongly_is_put_right_by_two_people(here):
    number = await registered(here)
    right = CALLER | {"name": "黎永富", "telephone": "13976000999"}
    before = (await shown(here, number, "jiang-he"))["caller"]

    answer = await proposed(here, number, "complaint-registered", {"caller": right})
    assert answer.status == 201, answer.body
    proposal = answer.body["events"][0]
    assert before == (await shown(here, number, "jiang-he"))["caller"]
    own = await act(
        here, number, "approve-complaint-correction", {"event": proposal["id"]}, by="lu-qian"
    )
    assert (403, "separation-of-duties", "SOD-9") == own.refusal
    assert (
        "approve-complaint-correction" in (await shown(here, number, "xing-tao"))["allowed_actions"]
    )
    await done(
        here, number, "approve-complaint-correction", {"event": proposal["id"]}, by="xing-tao"
    )

    state = await shown(here, number, "jiang-he")
    assert ("黎*富", "139****0999") == (state["caller"]["name"], state["caller"]["telephone"])
    (correction,) = state["corrections"]
    assert (True, 1) == (correction["approved"], state["history"][0]["version"])
    first = await event_of(here, number, "complaint-registered")
    assert first["position"] == correction["position"]
    # The record stays, and nothing of a person is in clear.
    assert "138" not in first["data"]["caller"]["telephone"]
    raw = (await here.get(f"/complaints/{number}", by="jiang-he")).raw
    for canary in ("黎永富", "黎永福", "13976000999"):
        assert canary.encode() not in raw
    again = await act(
        here, number, "approve-complaint-correction", {"event": proposal["id"]}, by="xing-tao"
    )
    assert (409, "already-done", "correction.once") == again.refusal


async def test_the_unit_learns_nothing_of_who_complains_by_a_correction(here):
    number = await registered(here)
    await done(here, number, "assign", PASSED_ON, by="lu-qian")
    more = {"caller": CALLER | {"address": "海南省琼海市嘉积镇"}, "call_reference": "12345-77"}
    await proposed(here, number, "complaint-registered", more)

    state = await shown(here, number, "chen-zhi")

    assert [{}] == [c["fields"] for c in state["corrections"]]
    raw = (await here.get(f"/complaints/{number}", by="chen-zhi")).raw
    for canary in ("嘉积", "12345-77", "琼海市\u5609"):
        assert canary.encode() not in raw
    assert b'"caller"' not in raw


async def test_a_corrected_day_moves_what_is_due_and_says_why(here):
    number = await registered(here)
    await done(here, number, "assign", PASSED_ON, by="lu-qian", at="2026-03-03 09:00")
    at = {"occurred_at": "2026-03-02T17:00:00+08:00"}
    proposal = (await proposed(here, number, "complaint-assigned", at)).body["events"][0]["id"]
    await done(here, number, "approve-complaint-correction", {"event": proposal}, by="xing-tao")

    (reply,) = [
        d for d in (await shown(here, number))["deadlines"] if d["name"] == "complaint-reply"
    ]
    assert "2026-03-09" == reply["due"]
    (moved,) = reply["moved_by"]
    expected = {"cause": "correction", "from": "2026-03-10", "to": "2026-03-09"}
    assert expected == part(moved, **expected)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"unit": "qh-scjg"}, (409, "rule-refused", "correction.fields")),
        ({}, (409, "rule-refused", "correction.fields")),
        ({"summary": 7}, (422, "schema", None)),
        ({"occurred_at": "2027-01-01T00:00:00+08:00"}, (422, "occurred-in-future", None)),
        ({"occurred_at": "soon"}, (422, "schema", None)),
    ],
)
async def test_what_was_decided_is_not_put_right_so(shared, fields, refusal):
    number = await registered(shared, at=None)
    await done(shared, number, "assign", PASSED_ON, by="lu-qian")

    answer = await proposed(shared, number, "complaint-assigned", fields)

    assert refusal == (answer.status, answer.slug, answer.body.get("rule"))


async def test_whom_it_is_kept_from_no_correction_changes(here):
    number = await registered(here, OFF_SYSTEM)
    for fields in ({"kind": "service"}, {"about": {"unit": "qh-scjg"}}):
        answer = await proposed(here, number, "complaint-registered", fields)
        assert (409, "rule-refused", "correction.fields") == answer.refusal


async def test_no_correction_makes_a_complaint_one_that_is_kept_from_somebody(here):
    """The proposal itself would tell whom it is about, and so would what was shown before."""
    number = await registered(here)
    await done(here, number, "assign", PASSED_ON, by="lu-qian")
    about = {"unit": "qh-xzsp", "person": "chen-zhi"}

    answer = await proposed(
        here, number, "complaint-registered", {"kind": "off-system", "about": about}
    )

    assert (409, "rule-refused", "correction.fields") == answer.refusal
    assert [] == (await shown(here, number, "chen-zhi"))["corrections"]


async def test_everybody_puts_right_what_their_own_organ_wrote(here):
    number = await registered(here)
    await done(here, number, "assign", PASSED_ON, by="lu-qian")
    await done(here, number, "reply", DONE, by="chen-zhi")
    body = {"document": sha("letter")}
    other = await proposed(here, number, "complaint-replied", body)
    assert (403, "action-not-allowed") == (other.status, other.slug)
    answer = await proposed(here, number, "complaint-replied", body, by="chen-zhi")
    assert 201 == answer.status, answer.body
    proposal = answer.body["events"][0]["id"]
    hotline = await act(
        here, number, "approve-complaint-correction", {"event": proposal}, by="lu-qian"
    )
    assert (403, "action-not-allowed") == (hotline.status, hotline.slug)
    await done(here, number, "approve-complaint-correction", {"event": proposal}, by="wu-jun")
    assert sha("letter") == (await shown(here, number))["replies"][0]["document"]


# -- lists, cards, the trail ---------------------------------------------------------------------


async def test_the_list_and_its_filters(here):
    first = await registered(here)
    await done(here, first, "assign", PASSED_ON, by="lu-qian", at="2026-03-02 10:00")
    second = await registered(here, {**REFUSED_INTAKE, "kind": "delay"}, at="2026-03-11 09:00")

    async def listed(query=""):
        answer = await here.get(f"/complaints{query}", by="lu-qian")
        return [row["complaint"] for row in answer.body["items"]]

    assert [second, first] == await listed()
    assert [first] == await listed("?overdue=true")
    assert [second] == await listed("?overdue=false")
    assert [first] == await listed("?state=assigned&unit=qh-xzsp")
    assert [second] == await listed("?kind=delay")
    assert [first] == await listed("?to=2026-03-10")
    assert [second] == await listed("?from=2026-03-03")
    page = (await here.get("/complaints?limit=1&count=exact", by="lu-qian")).body
    assert (2, [second]) == (page["total"], [row["complaint"] for row in page["items"]])
    assert [first] == await listed(f"?limit=1&after={page['next']}")
    (row,) = (await here.get("/complaints?state=assigned", by="chen-zhi")).body["items"]
    expected = {"due": "2026-03-09", "light": "red", "assigned_on": "2026-03-02", "late": False}
    assert expected == part(row, **expected)


async def test_a_late_reply_is_a_red_card_for_the_head_of_the_unit(here):
    number = await registered(here)
    await done(here, number, "assign", PASSED_ON, by="lu-qian", at="2026-03-02 10:00")

    async def cards(by="xing-tao"):
        answer = await here.get(f"/alerts?case={number}&deadline=complaint-reply", by=by)
        assert answer.status == 200, answer.body
        return [(c["level"], c["addressees"], c["state"]) for c in answer.body["items"]]

    await here.at("2026-03-09 12:00")
    assert ["yellow", "early"] == [level for level, _, _ in await cards()]
    await here.at("2026-03-10 00:00")
    red = ("red", ["chen-zhi", "wang-lan", "wu-jun"], "raised")
    assert red == (await cards())[0]
    assert red == (await cards("wu-jun"))[0]
    await done(here, number, "reply", DONE, by="wu-jun", at="2026-03-10 09:00")
    assert {"closed"} == {state for _, _, state in await cards()}


async def test_acts_and_refusals_stand_in_the_trail_under_supervision(here):
    number = await registered(here)
    await done(here, number, "assign", PASSED_ON, by="lu-qian")
    await act(here, number, "close-complaint", {"result": "resolved"}, by="wu-jun")

    async def trail(by, query=""):
        answer = await here.get(f"/audit/supervision?case={number}{query}", by=by)
        assert answer.status == 200, answer.body
        return [(row["action"], row["refused"]) for row in answer.body["items"]]

    acts = [("register-complaint", False), ("assign", False), ("close-complaint", True)]
    assert acts == await trail("xing-tao")
    assert acts == await trail("jiang-he")
    assert acts == await trail("wu-jun")
    assert 404 == (await here.get(f"/audit/all?case={number}", by="mo-li")).status
    assert acts[2:] == await trail("xing-tao", "&refused=true")


@pytest.mark.parametrize("projection", [complaints, timeout_alerts, audit_trail])
async def test_rebuilt_it_is_the_same(here, projection):
    first = await registered(here)
    await done(here, first, "assign", PASSED_ON, by="lu-qian", at="2026-03-02 10:00")
    await done(here, first, "reply", DONE, by="chen-zhi", at="2026-03-12 10:00")
    await registered(here, OFF_SYSTEM, at="2026-03-13 09:00")
    target = (await shown(here, first))["history"][1]["id"]
    at = {"occurred_at": "2026-03-02T09:30:00+08:00"}
    wrong = {"event": target, "fields": at, "evidence": sha("scan")}
    proposal = (await done(here, first, "correct-complaint", wrong, by="lu-qian")).body
    approved = {"event": proposal["events"][0]["id"]}
    await done(here, first, "approve-complaint-correction", approved, by="xing-tao")
    last = await registered(here, at="2026-03-13 10:00")
    await done(here, last, "close-complaint", {"result": "withdrawn"}, by="lu-qian")
    await here.service.caught_up(here.ledger, -1)

    service = here.service
    outcome = await rebuild(projection.PROJECTION, here.ledger, service.store, service.reads)
    assert outcome.same, outcome


# -- progress ------------------------------------------------------------------------------------


async def test_the_hotline_sees_how_far_any_case_is_and_nothing_of_a_person(here):
    case = await here.accepted("QH-002", "2026-03-02")
    path = f"/cases/{case}/progress"

    answer = await here.get(path, by="lu-qian")

    expected = {
        "case": case,
        "stage": "accepted",
        "words": {"zh-CN": "已受理", "en": "accepted"},
        "received_on": "2026-03-02",
        "decided_on": None,
        "next_due": {"deadline": "promised", "due": "2026-03-09", "light": "green"},
    }
    assert expected == part(answer.body, **expected)
    assert "琼海市行政审批服务局" == answer.body["office"]["name"]
    for canary in ("示例餐饮", "91469002MA5X00014X", "zhou-min", "周敏"):
        assert canary.encode() not in answer.raw
    # The case itself it does not read: nobody has rated it.
    assert 403 == (await here.get(f"/cases/{case}", by="lu-qian")).status
    for by, status in (("chen-zhi", 200), ("jiang-he", 200), ("li-na", 404), ("guo-an", 404)):
        assert status == (await here.get(path, by=by)).status, by
    assert 404 == (await here.get("/cases/469002-2026-000099/progress", by="lu-qian")).status
