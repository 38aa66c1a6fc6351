"""Hostile inputs over HTTP: each is answered by its slug, and leaves nothing behind."""

import json

import pytest

from tests.api.serving import GRANT, KEYS, application, opinion, serve, sha


@pytest.fixture(scope="module")
async def here(lasting, tmp_path_factory):
    """One for all whose requests leave nothing behind, or a case of their own."""
    async for serving in serve(lasting, tmp_path_factory.mktemp("here")):
        await serving.at("2026-03-02 09:00")
        yield serving


@pytest.fixture
async def apart(database, tmp_path):
    """One for who sets the clock, ends a post or looks at the whole ledger."""
    async for serving in serve(database, tmp_path):
        await serving.at("2026-03-01 09:00")
        yield serving


async def raw(here, path, data, *, by="zhou-min", headers=None):
    sent = {"Idempotency-Key": f"raw-{next(KEYS)}", "Content-Type": "application/json"} | (
        headers or {}
    )
    return await here.call("POST", path, by=by, data=data, headers=sent)


async def test_an_act_without_a_key(here):
    answer = await here.call("POST", "/cases", by="zhou-min", body=application("QH-002"))

    assert (400, "idempotency-key-missing") == answer.refusal[:2]


@pytest.mark.parametrize("key", ["", "a" * 256, "a b", "a\tb", "键"])
async def test_keys_of_a_wrong_form(here, key):
    sent = {"Idempotency-Key": key.encode("utf-8").decode("latin-1")}

    answer = await here.call(
        "POST", "/cases", by="zhou-min", body=application("QH-002"), headers=sent
    )

    assert answer.status == 400
    assert answer.slug in {"idempotency-key-invalid", "idempotency-key-missing"}


async def test_the_same_request_five_times_is_one_act(here):
    body = application("QH-002")
    turned = dict(reversed(body.items()))

    answers = [
        await here.post("/cases", b, by="zhou-min", key="once") for b in [body] * 4 + [turned]
    ]

    assert [201] * 5 == [a.status for a in answers]
    assert {answers[0].raw} == {a.raw for a in answers}
    assert [None] + ["true"] * 4 == [a.headers.get("Idempotency-Replayed") for a in answers]
    other = await here.post("/cases", application("QH-003"), by="zhou-min", key="once")
    assert (422, "idempotency-key-reused") == other.refusal[:2]


async def test_a_replay_on_a_case_is_the_first_answer_though_the_case_moved_on(apart):
    case = await apart.accepted("QH-002", "2026-03-02")
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [sha("form")]}
    first = await apart.act(case, "transfer", to, by="zhou-min", key="t", version=2)
    await apart.done(case, "acknowledge-transfer", by="chen-zhi", at="2026-03-03 09:00")

    again = await apart.act(case, "transfer", to, by="zhou-min", key="t", version=2)

    assert (201, first.raw, "true") == (
        again.status,
        again.raw,
        again.headers["Idempotency-Replayed"],
    )


async def test_versions(here):
    case = await here.accepted("QH-002")

    answer = await here.post(f"/cases/{case}/withdraw", {"request": sha("r")}, by="zhou-min")
    assert (428, "version-required") == answer.refusal[:2]
    answer = await here.act(case, "withdraw", {"request": sha("r")}, by="zhou-min", version=1)
    assert (412, "version-conflict") == answer.refusal[:2]
    assert 2 == answer.body["current_version"]
    for wrong in ("*", '"03"', 'W/"3"', '"3","4"', '"-1"', '"9223372036854775808"'):
        answer = await here.post(
            f"/cases/{case}/withdraw", {}, by="zhou-min", headers={"If-Match": wrong}
        )
        assert (400, "version-invalid") == answer.refusal[:2], wrong


@pytest.mark.parametrize(
    ("data", "status", "slug"),
    [
        (b"", 400, "malformed-json"),
        (b"{}{}", 400, "malformed-json"),
        (b"\xef\xbb\xbf{}", 400, "malformed-json"),
        (b"{'a':1}", 400, "malformed-json"),
        (b'{"a":"\xff"}', 400, "malformed-json"),
        (b'{"item":"\\ud800"}', 400, "malformed-json"),
        (b"[]", 400, "malformed-json"),
        (b"null", 400, "malformed-json"),
        (b'{"item":"a","item":"b"}', 400, "duplicate-key"),
        (b'{"x":' * 33 + b"1" + b"}" * 33, 400, "too-deep"),
        (b"[" * 100_000, 400, "too-deep"),
        (b'{"item":18446744073709551616}', 422, "integer-range"),
    ],
)
async def test_bodies_that_are_not_ours(here, data, status, slug):
    answer = await raw(here, "/cases", data)

    assert (status, slug) == answer.refusal[:2]


@pytest.mark.parametrize(
    "name",
    ["recorded_at", "position", "version", "actor", "organ", "role", "registers", "__proto__"],
)
async def test_members_that_nobody_may_set(here, name):
    answer = await here.post("/cases", application("QH-002") | {name: 1}, by="zhou-min")

    assert (422, "unknown-field") == answer.refusal[:2]
    assert f"/{name}" == answer.body["pointer"]


async def test_a_nul_in_a_text(here):
    answer = await here.post("/cases", application("QH-002") | {"reason": "a\0b"}, by="zhou-min")

    assert (422, "forbidden-character") == answer.refusal[:2]


async def test_too_many_and_too_long(here):
    material = {"name": "m", "sha256": sha("m"), "media_type": "text/plain"}
    many = application("QH-002") | {"materials": [material] * 201}
    assert (422, "too-many-items") == (await here.post("/cases", many, by="zhou-min")).refusal[:2]
    long = application("QH-002") | {"reason": "长" * 10_001}
    assert (422, "too-long") == (await here.post("/cases", long, by="zhou-min")).refusal[:2]
    big = [{**material, "name": "名" * 190} for _ in range(200)]
    large = application("QH-002") | {"materials": big}
    answer = await here.post("/cases", large, by="zhou-min")
    assert (422, "record-too-large") == answer.refusal[:2]


async def test_sql_in_texts_is_text(here):
    case = await here.accepted("QH-002")
    await here.reviewed(case)
    text = "' OR 1=1--; '; DROP TABLE ledger.event; <img src=x onerror=alert(1)> {{7*7}}"
    denial = {
        "outcome": "deny",
        "reasons": text,
        "document": {"kind": "decision", "version": 1, "sha256": sha("d")},
    }

    await here.done(case, "decide", denial, by="huang-qiang")

    history = (await here.get(f"/cases/{case}/events")).body["items"]
    assert text == history[-1]["data"]["reasons"]


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("limit=-1", "invalid-parameter"),
        ("limit=1000001", "invalid-parameter"),
        ("limit=%EF%BC%91%EF%BC%90", "invalid-parameter"),
        ("after=xyz", "invalid-cursor"),
        ("stage=issued&stage=closed", "invalid-parameter"),
        ("sort=x", "invalid-parameter"),
        ("Stage=a", "invalid-parameter"),
        ("q=%ff", "invalid-parameter"),
        ("q=%00", "invalid-parameter"),
    ],
)
async def test_queries(here, query, slug):
    answer = await here.get(f"/cases?{query}", by="wu-jun")

    assert (400, slug) == answer.refusal[:2]


async def test_media(here):
    body = json.dumps(application("QH-002")).encode()
    for kind in ("text/plain", "application/xml", "application/json; charset=gbk"):
        answer = await raw(here, "/cases", body, headers={"Content-Type": kind})
        assert (415, "media-type") == answer.refusal[:2], kind
    for coding in ("gzip", "br", "gzip, gzip"):
        answer = await raw(here, "/cases", body, headers={"Content-Encoding": coding})
        assert (415, "encoding-not-supported") == answer.refusal[:2], coding
    answer = await here.get("/cases", by="wu-jun", headers={"Accept": "application/xml"})
    assert (406, "not-acceptable") == answer.refusal[:2]


async def test_methods_that_do_not_exist(here):
    case = await here.received("QH-002")
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        answer = await here.call(method, f"/cases/{case}", by="zhou-min")
        assert (405, "method-not-allowed") == answer.refusal[:2], method
        assert "GET" in answer.headers["Allow"]


async def test_an_appointment_that_ended_a_second_ago(apart):
    case = await apart.accepted("QH-002", "2026-03-02")
    ended = await apart.post("/appointments/zhou-min-clerk/end", {"reason": "调离"}, by="fang-ke")
    assert ended.status == 201, ended.body

    answer = await apart.act(case, "withdraw", {"request": sha("r")}, by="zhou-min")

    assert (403, "appointment-ended") == answer.refusal[:2]


async def test_what_is_not_yours_is_what_never_existed(here):
    case = await here.accepted("QH-002")
    found = []
    for number in (case, "469002-2026-999999", "469002-2026-1", "nonsense"):
        answer = await here.get(f"/cases/{number}", by="li-na")
        assert (404, "case-not-found") == answer.refusal[:2], number
        found.append({k: v for k, v in answer.body.items() if k != "instance"})
    assert found == [found[0]] * 4
    other = await here.call("GET", f"{here.base}/v1/ledgers/469099/cases", by="zhou-min")
    nobody = await here.get("/cases", by="stranger")
    assert (404, "not-found") == other.refusal[:2] == nobody.refusal[:2]


async def test_a_post_without_the_action_is_refused_on_record(here):
    case = await here.accepted("QH-002")

    answer = await here.act(case, "decide", GRANT, by="chen-zhi")

    assert (403, "action-not-allowed") == answer.refusal[:2]
    rows = await here.get(f"/audit/approval?case={case}&refused=true", by="xing-tao")
    (row,) = rows.body["items"]
    assert ("chen-zhi", "decide", "action-not-allowed") == (
        row["actor"]["person"],
        row["action"],
        row["slug"],
    )


async def test_orders_that_cannot_be(here):
    case = await here.received("QH-002")
    reasons = {"kind": "not-needed", "reasons": "依法不需要取得许可"}
    await here.done(case, "decline", reasons, by="zhou-min")

    answer = await here.act(case, "accept", by="zhou-min")

    assert (409, "wrong-stage") == answer.refusal[:2]
    again = await here.act(case, "decline", reasons, by="zhou-min")
    assert (409, "already-done") == again.refusal[:2]


@pytest.mark.parametrize("digest", ["a" * 63, "A" * 64, sha("")])
async def test_digests_of_a_wrong_form(here, digest):
    body = application("QH-002")
    body["materials"][0]["sha256"] = digest

    answer = await here.post("/cases", body, by="zhou-min")

    assert (422, "schema") == answer.refusal[:2]
    assert "/materials/0/sha256" == answer.body["pointer"]


@pytest.mark.parametrize("name", ["../../x", "CON", "\U0002a6d6", "张\ue000"])
async def test_names_are_labels_and_stay_as_sent(here, name):
    body = application("QH-002")
    body["materials"][0]["name"] = name

    answer = await here.post("/cases", body, by="zhou-min")

    assert 201 == answer.status
    assert name == answer.body["state"]["materials"][0]["name"]


@pytest.mark.parametrize(
    "text", ["a\r\nlevel=error fake", "\x1b[31m", "a\u2028b", "a\u202eb", "e" + "\u0301" * 9]
)
async def test_texts_that_deceive(here, text):
    case = await here.accepted("QH-002")
    await here.done(
        case,
        "transfer",
        {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": []},
        by="zhou-min",
    )
    await here.done(case, "acknowledge-transfer", by="chen-zhi")

    answer = await here.act(case, "review", opinion("handle", text), by="chen-zhi")

    assert (422, "forbidden-character") == answer.refusal[:2]


@pytest.mark.parametrize("header", [None, "Basic eDp5", "Bearer " + "x" * 7000, "Bearer a.b.c"])
async def test_without_a_valid_credential(here, header):
    sent = {"Authorization": header} if header else {}

    answer = await here.call("GET", "/cases", headers=sent)

    assert (401, "unauthenticated") == answer.refusal[:2]
    assert "Bearer" == answer.headers["WWW-Authenticate"].split()[0]


async def test_a_time_ahead_of_the_ledgers_clock(apart):
    case = await apart.received("QH-002", "2026-03-02")

    body = {"occurred_at": "2026-03-02T09:03:30+08:00"}
    answer = await apart.act(case, "accept", body, by="zhou-min")

    assert (422, "occurred-in-future") == answer.refusal[:2]


async def test_personal_fields_are_masked_and_stored_as_ciphertext(apart, connect):
    case = await apart.accepted("QH-002", "2026-03-02")

    state = await apart.state(case)

    assert "91469002MA5X00014X" not in json.dumps(state)
    assert "海南示例餐饮有限公司" not in json.dumps(state, ensure_ascii=False)
    assert state["applicant"]["id"].startswith("9146")
    creator = await connect()
    records = await creator.fetch("SELECT record FROM ledger.event")
    whole = b"".join(row["record"] for row in records)
    assert "海南示例餐饮有限公司".encode() not in whole
    assert b"91469002MA5X00014X" not in whole
