"""Matters (one thing, joint handling) over HTTP: cases keep what is theirs, the rest follows."""

import asyncio

import pytest

from api import record
from projections import matters, timeout_alerts
from projections.rebuild import rebuild
from tests.api.serving import GRANT, LICENCE, application, part, serve, sha

APPLICANT = application("QH-002")["applicant"]
PACK = [{"name": "申请表", "sha256": sha("form"), "media_type": "application/pdf"}]
OPENING = {
    "name": "我要开餐馆",
    "kind": "one-thing",
    "applicant": APPLICANT,
    "items": ["QH-002", "QH-004"],
    "materials": PACK,
    "promise": 3,
}
# Who applies and runs the other house.
OTHER = APPLICANT | {"id": "91469002MA5X00022U"}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


@pytest.fixture(scope="module")
async def shared(lasting, tmp_path_factory):
    """One with a matter and a case in it, for all who read it, or ask in vain."""
    async for one in serve(lasting, tmp_path_factory.mktemp("shared")):
        one.matter = await opened(one)
        await joined(one, one.matter, "QH-002")
        yield one


def speaking(here, person=APPLICANT["id"]):
    return {"Authorization": f"Bearer {here.tokens.token(person, person, client='zwfw')}"}


async def opened(here, *, by="zhou-min", at="2026-03-02 09:00", **more):
    if at is not None:
        await here.at(at)
    answer = await here.post("/matters", OPENING | more, by=by)
    assert answer.status == 201, answer.body
    here.versions[answer.body["matter"]] = 1
    return answer.body["matter"]


async def joined(here, matter, item, **more):
    body = application(item) | {"matter": matter} | more
    answer = await here.post("/cases", body, by="zhou-min")
    if answer.status == 201:
        here.versions[answer.body["case"]] = answer.body["version"]
        here.versions[matter] += 1
    return answer


async def act(here, matter, action, body, *, by, version=None, **more):
    headers = {"If-Match": f'"{version or here.versions[matter]}"'} | more.pop("headers", {})
    answer = await here.post(f"/matters/{matter}/{action}", body, by=by, headers=headers, **more)
    if answer.status == 201:
        here.versions[matter] = answer.body["version"]
    return answer


async def shown(here, matter, by="zhou-min", **more):
    answer = await here.get(f"/matters/{matter}", by=by, **more)
    assert answer.status == 200, answer.body
    return answer.body


# -- its cases -----------------------------------------------------------------------------------


async def test_cases_that_join_at_once_all_join(here, monkeypatch):
    """Each is decided on what was read of the matter before the others joined."""
    matter = await opened(here)
    read, ready = record.joining, asyncio.Event()
    waiting = []

    async def together(entry, body):
        found = await read(entry, body)
        waiting.append(body)
        if len(waiting) == 2:
            ready.set()
        await ready.wait()
        return found

    monkeypatch.setattr(record, "joining", together)

    answers = await asyncio.gather(*(joined(here, matter, item) for item in OPENING["items"]))

    assert [201, 201] == [answer.status for answer in answers], answers
    assert 2 == (await shown(here, matter))["of"]


async def test_a_matter_is_what_its_cases_are(here):
    matter = await opened(here)
    assert "469002-M-2026-000001" == matter
    health = (await joined(here, matter, "QH-002")).body
    food = (await joined(here, matter, "QH-004")).body
    assert ["matter-case-joined", "received"] == [e["type"] for e in health["events"]]
    assert matter == health["state"]["matter"]

    state = await shown(here, matter)
    expected = {"of": 2, "decided": 0, "missing": [], "items": ["QH-002", "QH-004"]}
    assert expected == part(state, **expected)
    cases = [health["case"], food["case"]]
    assert cases == [child["case"] for child in state["cases"]]
    # One pack: the digest is shared, and each case says that it has it.
    assert cases == state["materials"][0]["cases"]

    await here.done(cases[0], "accept", by="zhou-min", at="2026-03-03 09:00")
    await here.granted(cases[0], "2026-03-03")
    state = await shown(here, matter)
    assert [("decided", "grant"), ("pending", None)] == [
        (child["state"], child["outcome"]) for child in state["cases"]
    ]
    assert 1 == state["decided"]
    (row,) = (await here.get("/matters", by="chen-zhi")).body["items"]
    assert (2, 1, state["next_due"]["due"]) == (row["of"], row["decided"], row["due"])
    # Each keeps its own limits.
    assert (await here.state(cases[0]))["deadlines"] != (await here.state(cases[1]))["deadlines"]


async def test_the_promise_for_the_whole_is_kept_when_the_last_is_settled(here):
    matter = await opened(here)
    health = (await joined(here, matter, "QH-002")).body["case"]
    food = (await joined(here, matter, "QH-004")).body["case"]
    (promise,) = (await shown(here, matter))["deadlines"]
    expected = {"name": "matter-promise", "budget": 3, "due": "2026-03-05", "light": "green"}
    assert expected == part(promise, **expected)

    await here.done(health, "accept", by="zhou-min", at="2026-03-03 09:00")
    await here.granted(health, "2026-03-03")
    await here.at("2026-03-06 09:00")
    (promise,) = (await shown(here, matter))["deadlines"]
    assert "red" == promise["light"]
    await here.done(food, "withdraw", {"request": sha("paper")}, by="zhou-min")
    (promise,) = (await shown(here, matter))["deadlines"]
    assert ("met-late", "2026-03-06") == (promise["light"], promise["met_at"])
    settled = (await here.get("/matters?settled=true", by="zhou-min")).body["items"]
    assert [matter] == [row["matter"] for row in settled]


async def test_what_does_not_belong_does_not_join(here):
    matter = await opened(here)
    other_item = await joined(here, matter, "QH-008")
    assert (409, "rule-refused", "matter.items") == other_item.refusal
    other_applicant = await joined(here, matter, "QH-002", applicant=OTHER)
    assert (409, "rule-refused", "matter.applicant") == other_applicant.refusal
    nowhere = await joined(here, "469002-M-2026-000099", "QH-002")
    assert (422, "unknown-reference", "/matter") == (
        nowhere.status, nowhere.slug, nowhere.body["pointer"],
    )  # fmt: skip
    assert 0 == (await shown(here, matter))["of"]


async def test_the_applicant_always_splits_one_off(here):
    matter = await opened(here)
    case = (await joined(here, matter, "QH-002")).body["case"]
    before = (await here.state(case)) | {"as_of": None}
    stranger = await act(
        here, matter, "split-off", {"case": case}, by=None,
        headers=speaking(here, OTHER["id"]),
    )  # fmt: skip
    assert (404, "not-found") == (stranger.status, stranger.slug)
    answer = await act(here, matter, "split-off", {"case": case}, by=None, headers=speaking(here))
    assert answer.status == 201, answer.body

    state = await shown(here, matter)
    assert (0, []) == (state["of"], state["cases"])
    # Of the case nothing changes; it was received so.
    after = (await here.state(case)) | {"as_of": None}
    assert before == after
    again = await act(here, matter, "split-off", {"case": case}, by="zhou-min")
    assert (422, "unknown-reference") == (again.status, again.slug)


async def test_a_case_joins_only_the_matter_that_was_seen(here):
    matter = await opened(here)
    body = application("QH-002") | {"matter": matter}
    first = await here.post("/cases", body, by="zhou-min", key="join")
    again = await here.post("/cases", body, by="zhou-min", key="join")
    assert (first.raw, "true") == (again.raw, again.headers["Idempotency-Replayed"])
    assert 1 == (await shown(here, matter))["of"]
    stale = await act(here, matter, "split-off", {"case": first.body["case"]}, by="zhou-min")
    assert (412, "version-conflict", 2) == (
        stale.status, stale.slug, stale.body["current_version"],
    )  # fmt: skip


# -- opinions ------------------------------------------------------------------------------------


async def test_parallel_opinions_and_the_missing_one_by_organ(here):
    matter = await opened(here, kind="joint", items=["QH-005"], name="竣工联合验收")
    question = {"question": "是否符合验收条件", "days": 5}
    for organ in ("qh-zjj", "qh-wjw"):
        answer = await act(
            here, matter, "request-opinion", question | {"organ": organ}, by="chen-zhi"
        )
        assert answer.status == 201, answer.body
    assert ["qh-zjj", "qh-wjw"] == (await shown(here, matter))["missing"]
    twice = await act(
        here, matter, "request-opinion", question | {"organ": "qh-wjw"}, by="chen-zhi"
    )
    assert (409, "already-done", "opinion.once") == twice.refusal

    asked = {o["organ"]: o["request"] for o in (await shown(here, matter, "mo-li"))["opinions"]}
    said = {"request": asked["qh-wjw"], "opinion": "同意通过", "recommend": "agree"}
    of_another = await act(
        here, matter, "give-opinion", said | {"request": asked["qh-zjj"]}, by="mo-li"
    )
    assert (403, "action-not-allowed") == (of_another.status, of_another.slug)
    own = await act(here, matter, "give-opinion", said, by="chen-zhi")
    assert (403, "action-not-allowed") == (own.status, own.slug)
    await here.at("2026-03-10 09:00")
    assert 201 == (await act(here, matter, "give-opinion", said, by="mo-li")).status
    again = await act(here, matter, "give-opinion", said, by="mo-li")
    assert (409, "already-done") == (again.status, again.slug)

    state = await shown(here, matter)
    assert ["qh-zjj"] == state["missing"]
    lights = [d["light"] for d in state["deadlines"] if d["name"] == "matter-opinion"]
    assert ["red", "met-late"] == sorted(lights, reverse=True)
    for by, text in (("chen-zhi", "同意通过"), ("mo-li", "同意通过"), ("zheng-kai", None)):
        seen = {o["organ"]: o for o in (await shown(here, matter, by))["opinions"]}
        assert ("given", text) == (seen["qh-wjw"]["state"], seen["qh-wjw"]["opinion"]), by
    # What another organ said stands nowhere in what a third is answered.
    raw = (await here.get(f"/matters/{matter}", by="zheng-kai")).raw
    assert "同意通过".encode() not in raw
    missing = (await here.get("/matters?missing=qh-zjj", by="zheng-kai")).body["items"]
    assert [matter] == [row["matter"] for row in missing]
    assert [] == (await here.get("/matters?missing=qh-wjw", by="zheng-kai")).body["items"]


async def test_a_decision_that_an_opinion_overtakes_is_decided_with_it(here, monkeypatch):
    matter = await opened(here, kind="joint", items=["QH-005"], name="竣工联合验收")
    case = (await joined(here, matter, "QH-005")).body["case"]
    await here.done(case, "accept", by="zhou-min")
    question = {"organ": "qh-wjw", "question": "是否符合验收条件", "days": 2}
    asked = await act(here, matter, "request-opinion", question, by="chen-zhi")
    await here.reviewed(case, "2026-03-03")
    await here.at("2026-03-05 09:00")
    look = record.known

    async def overtaken(entry, action, of, body):
        found = await look(entry, action, of, body)
        if action == "decide" and here.versions[matter] == asked.body["version"]:
            said = {"request": asked.body["events"][0]["id"], "opinion": "同意",
                    "recommend": "agree"}  # fmt: skip
            late = await act(here, matter, "give-opinion", said, by="mo-li")
            assert 201 == late.status, late.body
        return found

    monkeypatch.setattr(record, "known", overtaken)
    decision = {"outcome": "grant", "document": LICENCE | {"kind": "decision"}}

    done = await here.act(case, "decide", decision, by="huang-qiang")

    assert 201 == done.status, done.body
    assert ["qh-zjj"] == done.body["state"]["decision"]["opinions_missing"]


async def test_a_joint_case_waits_for_its_opinions_and_not_for_ever(here):
    matter = await opened(here, kind="joint", items=["QH-005"], name="竣工联合验收")
    case = (await joined(here, matter, "QH-005")).body["case"]
    await here.done(case, "accept", by="zhou-min")
    for organ in ("qh-zjj", "qh-wjw"):
        question = {"organ": organ, "question": "是否符合验收条件", "days": 5}
        assert 201 == (await act(here, matter, "request-opinion", question, by="chen-zhi")).status
    await here.reviewed(case, "2026-03-03")
    decision = {"outcome": "grant", "document": LICENCE | {"kind": "decision"}}

    early = await here.act(case, "decide", decision, by="huang-qiang", at="2026-03-09 16:00")
    assert (409, "rule-refused", "opinion.awaited") == early.refusal
    refused = (await here.get(f"/audit/approval?refused=true&case={case}", by="jiang-he")).body
    assert ["opinion.awaited"] == [row["rule"] for row in refused["items"]]
    asked = {o["organ"]: o["request"] for o in (await shown(here, matter))["opinions"]}
    said = {"request": asked["qh-wjw"], "opinion": "同意通过", "recommend": "agree"}
    assert 201 == (await act(here, matter, "give-opinion", said, by="mo-li")).status

    # The other one had until the 9th.
    await here.at("2026-03-10 09:00")
    decided = await here.act(case, "decide", decision, by="huang-qiang", key="decide")
    assert 201 == decided.status, decided.body
    (event,) = decided.body["events"]
    assert {"flag": "opinion-missing", "rule": "opinion.missing"} in event["flags"]
    assert ["qh-zjj"] == decided.body["state"]["decision"]["opinions_missing"]
    before = event["version"] - 1
    again = await here.act(case, "decide", decision, by="huang-qiang", key="decide", version=before)
    assert (201, decided.raw) == (again.status, again.raw)


# -- corrections ---------------------------------------------------------------------------------


async def proposed(here, matter, kind, fields, *, by="zhou-min"):
    history = (await shown(here, matter))["history"]
    target = next(e["id"] for e in history if e["type"] == kind)
    body = {"event": target, "fields": fields, "evidence": sha("scan")}
    return await act(here, matter, "correct-matter", body, by=by)


async def test_what_was_written_down_of_a_matter_is_put_right_by_two_people(here):
    matter = await opened(here)
    answer = await proposed(here, matter, "matter-opened", {"promise": 10, "name": "开饭店"})
    assert answer.status == 201, answer.body
    approval = {"event": answer.body["events"][0]["id"]}
    assert "我要开餐馆" == (await shown(here, matter))["name"]
    for by, slug in (("zhou-min", "action-not-allowed"), ("lin-bo", "action-not-allowed")):
        assert slug == (await act(here, matter, "approve-matter-correction", approval, by=by)).slug
    await here.at("2026-03-06 09:00")
    assert ("matter-promise", "red", "raised") in await cards(here, matter)
    done = await act(here, matter, "approve-matter-correction", approval, by="huang-qiang")
    assert 201 == done.status, done.body

    state = await shown(here, matter)
    assert "开饭店" == state["name"]
    (promise,) = state["deadlines"]
    assert (10, "2026-03-16", "green") == (promise["budget"], promise["due"], promise["light"])
    assert "我要开餐馆" == state["history"][0]["data"]["name"]
    assert [True] == [c["approved"] for c in state["corrections"]]
    assert {("matter-promise", "withdrawn")} == {
        (name, state) for name, _, state in await cards(here, matter)
    }
    (row,) = (await here.get("/matters", by="zhou-min")).body["items"]
    assert "开饭店" == row["name"]


async def test_a_corrected_applicant_is_who_cases_are_joined_for(here):
    matter = await opened(here)
    answer = await proposed(here, matter, "matter-opened", {"applicant": OTHER})
    approval = {"event": answer.body["events"][0]["id"]}
    await act(here, matter, "approve-matter-correction", approval, by="wu-jun")

    refused = await joined(here, matter, "QH-002")
    assert (409, "rule-refused", "matter.applicant") == refused.refusal
    assert 201 == (await joined(here, matter, "QH-002", applicant=OTHER)).status
    raw = (await here.get(f"/matters/{matter}", by="jiang-he")).raw
    assert OTHER["id"].encode() not in raw


async def test_what_was_asked_or_said_is_not_put_right_so(here):
    matter = await opened(here, kind="joint", items=["QH-005"])
    question = {"organ": "qh-wjw", "question": "?", "days": 5}
    await act(here, matter, "request-opinion", question, by="chen-zhi")
    for fields in ({"organ": "qh-zjj"}, {"kind": "one-thing"}, {}):
        answer = await proposed(here, matter, "matter-opinion-requested", fields)
        assert (409, "rule-refused", "correction.fields") == answer.refusal
    of_another = await proposed(here, matter, "matter-opinion-requested", {"days": 9}, by="mo-li")
    assert (403, "action-not-allowed") == (of_another.status, of_another.slug)
    wrong = await proposed(here, matter, "matter-opinion-requested", {"days": "nine"})
    assert (422, "schema", "/fields/days") == (wrong.status, wrong.slug, wrong.body["pointer"])


# -- cards ---------------------------------------------------------------------------------------


async def cards(here, matter, by="xing-tao", query=""):
    answer = await here.get(f"/alerts?case={matter}{query}", by=by)
    assert answer.status == 200, answer.body
    return [(c["deadline"], c["level"], c["state"]) for c in answer.body["items"]]


async def test_a_case_that_is_late_raises_a_card_of_the_matter_once(here):
    matter = await opened(here, promise=30)
    health = (await joined(here, matter, "QH-002")).body["case"]
    await here.done(health, "accept", by="zhou-min", at="2026-03-02 10:00")
    await here.at("2026-03-09 23:59")  # promised in 5 working days
    assert [] == await cards(here, matter)

    await here.at("2026-03-10 00:00")
    red = [("matter-case", "red", "raised")]
    assert red == await cards(here, matter)
    await here.reviewed(health, "2026-03-10")
    assert red == await cards(here, matter)
    (card,) = (await here.get(f"/alerts?case={matter}", by="wu-jun")).body["items"]
    assert ["qh-xzsp"] == card["organs"]
    assert {"zhou-min", "chen-zhi", "wu-jun"} <= set(card["addressees"])
    assert health not in card["id"]

    await here.done(health, "decide", GRANT, by="huang-qiang", at="2026-03-11 09:00")
    assert [("matter-case", "red", "closed")] == await cards(here, matter)


async def test_the_limit_of_joint_handling_warns_the_matter_and_moves_by_its_extension(here):
    matter = await opened(here, kind="joint", items=["QH-005"])
    case = (await joined(here, matter, "QH-005")).body["case"]
    await here.done(case, "accept", by="zhou-min", at="2026-03-02 10:00")
    limit = "&deadline=matter-joint"
    await here.at("2026-04-24 09:00")
    assert [("matter-joint", "early", "raised")] == await cards(here, matter, query=limit)

    more = {"days": 15, "approved_by": "shi-lei", "notice": sha("notice"), "reason": "专家会"}
    await here.done(case, "extend", more, by="chen-zhi")
    assert [("matter-joint", "early", "withdrawn")] == await cards(here, matter, query=limit)
    await here.at("2026-05-28 23:59")  # 45 + 15 working days
    lights = [
        level for _, level, state in await cards(here, matter, query=limit) if state == "raised"
    ]
    assert ["yellow", "early"] == lights
    await here.at("2026-05-29 00:00")
    assert ("matter-joint", "red", "raised") == (await cards(here, matter, query=limit))[0]


async def test_an_organ_that_is_silent_has_a_card_of_its_own(here):
    matter = await opened(here, kind="joint", items=["QH-005"])
    for organ in ("qh-zjj", "qh-wjw"):
        question = {"organ": organ, "question": "?", "days": 5}
        await act(here, matter, "request-opinion", question, by="chen-zhi")
    asked = {o["organ"]: o["request"] for o in (await shown(here, matter))["opinions"]}
    said = {"request": asked["qh-wjw"], "opinion": "同意", "recommend": "agree"}
    await act(here, matter, "give-opinion", said, by="mo-li")

    await here.at("2026-03-10 00:00")

    awaited = "&deadline=matter-opinion"
    found = await cards(here, matter, query=awaited)
    assert [(level, "raised") for level in ("red", "yellow", "early")] == [c[1:] for c in found]
    own = (await here.get("/alerts?deadline=matter-opinion&level=red", by="zheng-kai")).body
    assert [(["qh-zjj"], ["zheng-kai"])] == [(c["organs"], c["addressees"]) for c in own["items"]]
    assert [] == (await here.get("/alerts?deadline=matter-opinion", by="mo-li")).body["items"]
    said = said | {"request": asked["qh-zjj"]}
    await act(here, matter, "give-opinion", said, by="zheng-kai")
    assert {"closed"} == {state for _, _, state in await cards(here, matter, query=awaited)}


async def test_the_promise_for_the_whole_raises_cards_until_the_last_is_settled(here):
    matter = await opened(here, items=["QH-005"], kind="joint")
    case = (await joined(here, matter, "QH-005")).body["case"]
    await here.at("2026-03-06 09:00")
    assert [("matter-promise", "red"), ("matter-promise", "yellow")] == [
        found[:2] for found in await cards(here, matter)
    ]
    await here.done(case, "withdraw", {"request": sha("paper")}, by="zhou-min")
    assert {"closed"} == {state for _, _, state in await cards(here, matter)}


async def test_for_what_was_split_off_a_matter_waits_no_longer(here):
    matter = await opened(here, promise=30)
    case = (await joined(here, matter, "QH-002")).body["case"]
    await here.done(case, "accept", by="zhou-min", at="2026-03-02 10:00")
    await here.at("2026-03-10 09:00")
    assert [("matter-case", "red", "raised")] == await cards(here, matter)

    await act(here, matter, "split-off", {"case": case}, by="zhou-min")

    assert [("matter-case", "red", "withdrawn")] == await cards(here, matter)
    (card,) = (await here.get(f"/alerts?case={matter}", by="wu-jun")).body["items"]
    assert "split-off" == card["reason"]


@pytest.mark.parametrize("by", ["mo-li", "li-na", "lu-qian"])
async def test_cards_of_a_matter_are_not_for_everybody(here, by):
    matter = await opened(here, promise=1)
    await here.at("2026-03-10 09:00")
    assert [] != await cards(here, matter)

    assert [] == (await here.get("/alerts?deadline=matter-promise", by=by)).body.get("items", [])
    assert 404 == (await here.get(f"/alerts?case={matter}", by=by)).status


# -- who -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "status"),
    [
        ("zhou-min", 200),
        ("chen-zhi", 200),
        ("wu-jun", 200),
        ("shi-lei", 200),
        ("xing-tao", 200),
        ("jiang-he", 200),
        ("mo-li", 200),  # supervises the item of one of its cases
        ("zheng-kai", 404),
        ("lu-qian", 404),
        ("fang-ke", 404),
        ("guo-an", 404),
    ],
)
async def test_who_reads_a_matter(shared, by, status):
    answer = await shared.get(f"/matters/{shared.matter}", by=by)

    assert status == answer.status, answer.body
    listed = await shared.get("/matters", by=by)
    if listed.status == 200:
        assert (status == 200) == bool(listed.body["items"])
    else:
        assert ("action-not-allowed", 404) == (listed.slug, status)
    if status == 404:
        other = await shared.get("/matters/469002-M-2026-000099", by=by)
        assert other.body | {"instance": ""} == answer.body | {"instance": ""}


async def test_of_cases_that_are_not_theirs_readers_learn_only_whether_they_are_settled(here):
    matter = await opened(here)
    health = (await joined(here, matter, "QH-002")).body["case"]
    food = (await joined(here, matter, "QH-004")).body["case"]
    await here.done(food, "accept", by="zhou-min")

    seen = await shown(here, matter, "mo-li")

    assert [health, None] == [child["case"] for child in seen["cases"]]
    hidden = dict.fromkeys(("case", "item", "item_name", "organ", "stage", "outcome", "next_due"))
    assert hidden | {"state": "pending"} == seen["cases"][1]
    assert food not in str(seen)
    # What is due next is of what they read: the other is due earlier.
    assert ("2026-03-03", "2026-03-09") == (
        (await shown(here, matter))["next_due"]["due"],
        seen["next_due"]["due"],
    )
    lists = [(await here.get("/matters", by=by)).body["items"] for by in ("zhou-min", "mo-li")]
    assert ["2026-03-03", "2026-03-09"] == [rows[0]["due"] for rows in lists]
    assert "history" not in seen


async def test_who_opens_one(shared):
    for by in ("lin-bo", "huang-qiang", "wu-jun", "mo-li", "jiang-he", "lu-qian", "guo-an"):
        answer = await shared.post("/matters", OPENING, by=by)
        assert (403, "action-not-allowed") == (answer.status, answer.slug), by


async def test_nothing_of_the_applicant_stands_in_clear(here):
    matter = await opened(here, applicant=APPLICANT | {"telephone": "13976000123"})
    raw = (await here.get(f"/matters/{matter}", by="jiang-he")).raw
    for canary in (APPLICANT["name"], APPLICANT["id"], "13976000123"):
        assert canary.encode() not in raw
    rows = await here.service.store.fetch(
        "SELECT record FROM ledger.event WHERE stream LIKE 'matter:%'"
    )
    assert rows
    assert not [row for row in rows if APPLICANT["id"].encode() in row["record"]]


# -- the order of checks, and what is hostile ---------------------------------------------------


async def test_the_order_of_checks(here):
    matter = await opened(here)
    path, match = f"/matters/{matter}/request-opinion", {"If-Match": '"1"'}

    async def asked(path, by, body=b"{}", **headers):
        named = {"Idempotency-Key": "k-order"} | headers
        answer = await here.call("POST", path, by=by, data=body, headers=named)
        return answer.status, answer.slug

    nowhere = "/matters/469002-M-2026-000077/request-opinion"
    assert (404, "not-found") == await asked(nowhere, "chen-zhi", b"{")
    assert (404, "not-found") == await asked(path, "zheng-kai", b"{")
    assert (404, "not-found") == await asked(f"/matters/{matter}/join-matter", "zhou-min")
    assert (403, "action-not-allowed") == await asked(path, "lin-bo", b"{")
    assert (400, "invalid-parameter") == await asked(f"{path}?a=b", "chen-zhi", b"{")
    assert (428, "version-required") == await asked(path, "chen-zhi", b"{")
    assert (400, "malformed-json") == await asked(path, "chen-zhi", b"{", **match)
    assert (422, "schema") == await asked(path, "chen-zhi", **match)


@pytest.mark.parametrize(
    ("change", "slug", "pointer"),
    [
        ({"kind": "bundle"}, "schema", "/kind"),
        ({"items": []}, "schema", "/items"),
        ({"items": ["QH-002", "QH-999"]}, "unknown-reference", "/items/1"),
        ({"promise": -1}, "schema", "/promise"),
        ({"name": "a\u202eb"}, "forbidden-character", "/name"),
        ({"applicant": {"kind": "person"}}, "schema", "/applicant/name"),
        ({"organ": "qh-jw"}, "unknown-field", "/organ"),
        ({"cases": []}, "unknown-field", "/cases"),
    ],
)
async def test_hostile_bodies(shared, change, slug, pointer):
    answer = await shared.post("/matters", OPENING | change, by="zhou-min")

    assert (422, slug, pointer) == (answer.status, answer.slug, answer.body.get("pointer"))


@pytest.mark.parametrize(
    "path", ["?kind=x", "?settled=1", "?organ=", "?case=1", "?limit=0", "?after=x"]
)
async def test_a_question_that_is_none_is_refused(shared, path):
    assert 400 == (await shared.get(f"/matters{path}", by="zhou-min")).status


async def test_acts_and_refusals_stand_in_the_trail_under_approval(here):
    matter = await opened(here)
    await joined(here, matter, "QH-002")
    await act(
        here, matter, "request-opinion", {"organ": "qh-wjw", "question": "?", "days": 5},
        by="lin-bo",
    )  # fmt: skip
    rows = (await here.get("/audit/approval", by="jiang-he")).body["items"]
    mine = [(row["action"], row["refused"]) for row in rows]
    assert ("open-matter", False) in mine
    assert ("join-matter", False) in mine
    assert ("request-opinion", True) in mine


@pytest.mark.parametrize("projection", [matters, timeout_alerts])
async def test_rebuilt_it_is_the_same(here, projection):
    matter = await opened(here)
    case = (await joined(here, matter, "QH-002")).body["case"]
    await here.done(case, "accept", by="zhou-min", at="2026-03-03 10:00")
    food = (await joined(here, matter, "QH-004")).body["case"]
    await here.done(food, "accept", by="zhou-min", at="2026-03-03 11:00")
    await here.at("2026-03-12 09:00")
    await here.reviewed(food, "2026-03-12")
    await act(here, matter, "split-off", {"case": case}, by="zhou-min")
    await here.granted(case, "2026-03-13")
    question = {"organ": "qh-wjw", "question": "?", "days": 5}
    await act(here, matter, "request-opinion", question, by="chen-zhi")
    await here.service.caught_up(here.ledger, -1)

    service = here.service
    outcome = await rebuild(projection.PROJECTION, here.ledger, service.store, service.reads)
    assert outcome.same, outcome
