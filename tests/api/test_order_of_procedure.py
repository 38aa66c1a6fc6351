"""The last steps of the order: the key, the version, then the case in an order of its own.

403 by history, 409 stage, 422 references and times, 409 document, seal, basis.  Each request
here is wrong in two ways or more; what comes first answers, alone.
"""

import pytest

from tests.api.serving import GRANT, LICENCE, application, opinion, serve, sha

FUTURE = {"occurred_at": "2026-03-20T09:00:00+08:00"}
OTHER = LICENCE | {"sha256": sha("other")}
ISSUE = {"document": LICENCE, "method": "window"}
SEAL = {"seal": "QH-S1", "document": LICENCE}
REQUEST = {"request": sha("r")}


@pytest.fixture(scope="module")
async def here(lasting, tmp_path_factory):
    """One for all who act on cases of their own; its clock stays where it is."""
    async for serving in serve(lasting, tmp_path_factory.mktemp("here"), start="2026-03-02"):
        await serving.at("2026-03-02 09:00")
        yield serving


@pytest.fixture
async def apart(database, tmp_path):
    """One for who sets the clock, or changes posts and seals."""
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


@pytest.fixture
async def case(here):
    """A case that is accepted, and version 2."""
    return await here.accepted("QH-002")


@pytest.fixture
async def decided(here, case):
    await here.granted(case)
    return case


@pytest.fixture
async def sealed(here, decided):
    await here.done(decided, "seal", SEAL, by="he-yan")
    return decided


async def told(here, case, action, body, *, by, **more):
    answer = await here.act(case, action, body, by=by, **more)
    rule = answer.body.get("rule")
    return f"{answer.status} {answer.slug}" + (f" {rule}" if rule else "")


async def test_the_key_comes_before_the_version_and_the_stage(here, case):
    await here.post("/cases", application("QH-002"), by="zhou-min", key="used")

    for body, more in (
        (REQUEST, {"version": 1}),
        (REQUEST, {"version": 2}),
        (REQUEST | FUTURE, {"version": 99}),
    ):
        given = await told(here, case, "withdraw", body, by="zhou-min", key="used", **more)
        assert "422 idempotency-key-reused" == given
    assert "422 idempotency-key-reused" == await told(
        here, case, "accept", {}, by="zhou-min", key="used"
    )


async def test_the_shape_and_the_post_come_before_the_key(apart):
    case = await apart.accepted("QH-002", "2026-03-02")
    await apart.post("/cases", application("QH-002"), by="zhou-min", key="used")
    given = await told(apart, case, "withdraw", {"x": 1}, by="zhou-min", key="used")
    assert "422 unknown-field" == given

    body = application("QH-002") | {"materials": [{"name": "x"}]}
    answer = await apart.post("/cases", body, by="zhou-min", key="used")
    assert (422, "schema") == (answer.status, answer.slug)
    await apart.post("/appointments/zhou-min-clerk/end", by="fang-ke")
    answer = await apart.post("/cases", application("QH-002"), by="zhou-min", key="used")
    assert (403, "appointment-ended") == (answer.status, answer.slug)


async def test_the_version_comes_before_history_and_stage(here, decided):
    # The acceptor may not decide (SOD-1), and it is decided; but first they look again.
    for action, by, body in (
        ("decide", "huang-qiang", GRANT),
        ("accept", "zhou-min", {}),
        ("withdraw", "zhou-min", REQUEST | FUTURE),
        ("seal", "he-yan", SEAL | {"document": OTHER}),
        ("issue", "tang-li", ISSUE | {"document": OTHER}),
    ):
        assert "412 version-conflict" == await told(here, decided, action, body, by=by, version=1)
        assert "412 version-conflict" == await told(here, decided, action, body, by=by, version=99)


async def test_what_a_post_does_not_give_comes_before_the_version(here, case):
    given = await told(here, case, "decide", GRANT, by="zhou-min", version=99)

    assert "403 action-not-allowed" == given


async def test_history_comes_before_the_stage_and_all_that_follows(here):
    # Relief: one person is clerk and approver, and accepted this case.
    case = await here.received("QH-002")
    await here.done(case, "accept", by="fu-hailing")

    first = await told(here, case, "decide", GRANT | FUTURE, by="fu-hailing")
    await here.granted(case)
    second = await told(here, case, "decide", GRANT | FUTURE, by="fu-hailing")

    assert ["403 separation-of-duties SOD-1"] * 2 == [first, second]
    site = {"persons": ["chen-zhi"], "place": "x"}
    body = {"level": "handle", "site": site} | FUTURE
    case = await here.accepted("QH-002")
    assert "403 separation-of-duties SOD-12" == await told(
        here, case, "review", body, by="chen-zhi"
    )


async def test_who_has_stepped_back_hears_that_first(here, case):
    await here.done(case, "declare-recusal", {"interest": "亲属"}, by="he-yan")
    await here.granted(case)

    for body in (SEAL | FUTURE, SEAL | {"seal": "none"}, SEAL | {"document": OTHER}):
        given = await told(here, case, "seal", body, by="he-yan")
        assert "403 separation-of-duties SOD-13" == given


async def test_the_stage_comes_before_references_times_and_documents(here, case):
    for action, by, body, expected in (
        ("seal", "he-yan", SEAL | FUTURE, "409 wrong-stage seal.authorising-event"),
        ("seal", "he-yan", SEAL | {"seal": "no"}, "409 wrong-stage seal.authorising-event"),
        ("issue", "tang-li", ISSUE | FUTURE, "409 wrong-stage stage.issue"),
        ("accept", "zhou-min", FUTURE, "409 already-done"),
        ("push", "tang-li", {"to": "nowhere"} | FUTURE, "409 wrong-stage stage.push"),
        ("publish", "tang-li", {"what": "decision", "where": "x"} | FUTURE,
         "409 wrong-stage stage.publish"),
        ("acknowledge-transfer", "chen-zhi", FUTURE,
         "409 wrong-stage stage.acknowledge-transfer"),
    ):  # fmt: skip
        assert expected == await told(here, case, action, body, by=by), action
    await here.done(case, "transfer", {"to": {"unit": "qh-xzsp"}}, by="zhou-min")
    given = await told(here, case, "transfer", {"to": {"unit": "nowhere"}}, by="zhou-min")
    assert "409 already-done transfer.pending" == given


async def test_references_and_times_come_before_document_and_seal(apart):
    decided = await apart.accepted("QH-002", "2026-03-02")
    await apart.granted(decided, "2026-03-03")
    for body, expected in (
        (SEAL | {"document": OTHER} | FUTURE, "422 occurred-in-future"),
        (SEAL | {"document": OTHER, "seal": "none"}, "422 unknown-reference"),
        (SEAL | {"document": OTHER | {"version": 2}} | FUTURE, "422 occurred-in-future"),
        (SEAL | {"document": OTHER, "seal": "QH-S2", "medium": "electronic"},
         "422 unknown-reference"),
        (SEAL | {"document": OTHER, "seal": "QH-S2"}, "409 document-mismatch seal.digest"),
        (SEAL | {"seal": "QH-S2"}, "409 rule-refused seal.delegated"),
    ):  # fmt: skip
        assert expected == await told(apart, decided, "seal", body, by="he-yan"), body
    await apart.post("/seals/QH-S1/lock-away", by="wu-jun")
    for body, expected in (
        (SEAL | {"document": OTHER}, "409 document-mismatch seal.digest"),
        (SEAL | FUTURE, "422 occurred-in-future"),
        (SEAL, "409 seal-not-held seal.in-use"),
    ):
        assert expected == await told(apart, decided, "seal", body, by="he-yan"), body


async def test_times_come_before_the_document_that_is_handed_out(here, sealed):
    wrong = ISSUE | {"document": OTHER}
    assert "422 occurred-in-future" == await told(
        here, sealed, "issue", wrong | FUTURE, by="tang-li"
    )
    assert "409 document-mismatch issue.digest" == await told(
        here, sealed, "issue", wrong, by="tang-li"
    )
    await here.done(sealed, "issue", ISSUE, by="tang-li")
    assert "409 already-done" == await told(here, sealed, "issue", wrong | FUTURE, by="tang-li")
    void = {"document": {"kind": "licence", "version": 1}, "approved_by": "huang-qiang"}
    given = await told(here, sealed, "void-seal", void | FUTURE, by="he-yan")
    assert "409 wrong-stage stage.void-seal" == given


async def test_a_reference_that_is_not_visible_is_one_that_is_not_there(here, case):
    there = {"to": {"unit": "qh-xzsp", "person": "li-na"}}
    nowhere = {"to": {"unit": "qh-xzsp", "person": "nobody"}}
    bodies = []
    for body in (there, nowhere):
        sent = {"X-Request-Id": "same"}
        answer = await here.act(case, "transfer", body, by="zhou-min", headers=sent)
        assert "422 unknown-reference" == f"{answer.status} {answer.slug}"
        bodies.append(answer.raw)
    assert 1 == len(set(bodies))


# -- the same request again ------------------------------------------------------------------


async def test_a_repetition_is_answered_as_the_first_one_whatever_came_between(apart):
    case = await apart.received("QH-002", "2026-03-02")
    first = await apart.act(case, "accept", by="zhou-min", key="k", version=1)
    # The stage, the version, the clock, the item's policies, the keeper: all move on.
    await apart.granted(case, "2026-03-03")
    await apart.done(case, "seal", SEAL, by="he-yan", key="s")
    sealing = await apart.act(case, "seal", SEAL, by="he-yan", key="s", version=2)
    policy = {"kind": "deadlines", "id": "deadlines-default", "issue": 9}
    proposed = await apart.post("/policies", policy, by="fang-ke")
    assert 201 == proposed.status, proposed.body
    await apart.post("/policies/deadlines-default/approve", by="xing-tao")
    await apart.post("/seals/QH-S1/report-lost", by="zhou-min")
    await apart.at("2026-05-01 00:00")

    for version, body in ((1, {}), (3, {}), (99, {})):
        again = await apart.act(case, "accept", body, by="zhou-min", key="k", version=version)
        assert (201, first.raw) == (again.status, again.raw)
        assert "true" == again.headers["Idempotency-Replayed"]
    again = await apart.act(case, "seal", SEAL, by="he-yan", key="s", version=1)
    assert (201, sealing.raw) == (again.status, again.raw)
    missing = await apart.post(f"/cases/{case}/accept", by="zhou-min", key="k")
    assert (428, "version-required") == (missing.status, missing.slug)


async def test_a_key_is_of_one_person_and_one_route(here, case):
    await here.done(case, "transfer", {"to": {"unit": "qh-xzsp"}}, by="zhou-min", key="k")

    other = await here.act(case, "acknowledge-transfer", by="chen-zhi", key="k")
    assert 201 == other.status
    await here.done(case, "review", opinion("handle", "同意"), by="chen-zhi", key="r")
    same = await here.act(case, "refuse-transfer", by="chen-zhi", key="k")
    assert (422, "idempotency-key-reused") == (same.status, same.slug)


async def test_a_body_is_the_same_however_it_is_written(here, case):
    sent = {"If-Match": '"2"', "Idempotency-Key": "written"}
    path = f"/cases/{case}/transfer"
    first = b'{"to":{"unit":"qh-xzsp"},"reason":"\xe8\xbd\xac"}'
    for raw in (
        first,
        b' { "reason" : "\\u8f6c" ,\n "to" : { "unit":"qh-xzsp" } } ',
        b'{"to":{"\\u0075nit":"qh-xzsp"},"reason":"\xe8\xbd\xac"}',
    ):
        answer = await here.call("POST", path, by="zhou-min", data=raw, headers=sent)
        assert 201 == answer.status, answer.body
    # Composed and decomposed are two texts.
    for raw in (b'{"to":{"unit":"qh-xzsp"},"reason":"e\xcc\x81"}', b'{"to":{"unit":"qh-xzsp"}}'):
        answer = await here.call("POST", path, by="zhou-min", data=raw, headers=sent)
        assert (422, "idempotency-key-reused") == (answer.status, answer.slug)
