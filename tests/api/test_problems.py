"""Refusals: every reason has its words in two languages, and says no more than it should."""

import re
from pathlib import Path

import orjson
import pytest

from api.slugs import SLUGS
from tests.api.tiny import ACT, CASES, running, slug

# Written down apart from the table: what the papers name, by status.
NAMED = {
    400: "bad-request malformed-json duplicate-key too-deep invalid-parameter invalid-cursor "
    "idempotency-key-missing idempotency-key-invalid version-invalid on-behalf-of-invalid",
    401: "unauthenticated",
    403: "action-not-allowed appointment-ended beyond-authority separation-of-duties restricted "
    "purpose-required origin-not-allowed",
    404: "not-found case-not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "timeout",
    409: "wrong-stage already-done document-mismatch seal-not-held basis-moved legal-hold "
    "rule-refused anchor-shrunk anchor-conflict",
    412: "version-conflict",
    413: "body-too-large",
    415: "media-type encoding-not-supported",
    417: "expectation-failed",
    422: "schema unknown-field integer-range forbidden-character too-long too-many-items "
    "record-too-large occurred-in-future unknown-reference idempotency-key-reused "
    "webhook-target import-format anchor-unproven",
    428: "version-required",
    429: "rate-limited",
    500: "internal",
    503: "behind busy store-unavailable storage-full outcome-unknown integrity-hold "
    "access-log-unavailable",
}
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
async def tiny(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("keys")) as tiny:
        yield tiny


def test_the_table_has_every_reason_at_its_status_and_no_other():
    named = {name: status for status, names in NAMED.items() for name in names.split()}

    assert 60 == len(named)
    assert named == {name: slug.status for name, slug in SLUGS.items()}


@pytest.mark.parametrize("reason", SLUGS.values(), ids=SLUGS)
def test_every_reason_has_a_title_and_an_advice_in_both_languages(reason):
    for text in (reason.title_zh, reason.todo_zh):
        assert HAN.search(text)
    for text in (reason.title_en, reason.todo_en):
        assert text.isascii() or "−" in text
        assert not HAN.search(text)
    assert reason.todo_zh.endswith("。")
    assert reason.todo_en.endswith(".")
    assert not reason.title_zh.endswith("。")
    assert not reason.title_en.endswith(".")


def test_no_slug_is_raised_that_is_not_in_the_table():
    raised = re.compile(r'(?:Refused|Unavailable)\(\s*"([a-z-]+)"')
    root = Path(__file__).parents[2]
    found = {
        (path.name, name)
        for folder in ("api", "ledger", "projections")
        for path in (root / folder).rglob("*.py")
        for name in raised.findall(path.read_text())
    }

    assert found
    assert set() == {(path, name) for path, name in found if name not in SLUGS}


@pytest.mark.parametrize("reason", SLUGS.values(), ids=SLUGS)
async def test_every_reason_is_explained_where_its_type_points(tiny, reason):
    response, body = await tiny.ask("GET", f"/problems/{reason.name}")

    assert 200 == response.status
    assert reason.status == orjson.loads(body)["status"]


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("*", "zh-CN"),
        ("zh-CN", "zh-CN"),
        ("zh-TW,en", "zh-CN"),
        ("en", "en"),
        ("EN-us;q=0.9, zh;q=0.8", "en"),
        ("en;q=0.1, zh;q=0.2", "zh-CN"),
        ("fr, de", "zh-CN"),
        ("en;q=x", "zh-CN"),
        ("en;q=0", "zh-CN"),
        ("en, *;q=0.5", "en"),
    ],
)
async def test_the_title_is_in_the_language_asked_for(tiny, wanted, language):
    headers = {} if wanted is None else {"Accept-Language": wanted}
    response, body = await tiny.ask("GET", "/nowhere", headers=headers)
    title = orjson.loads(body)["title"]

    assert language == response.headers["Content-Language"]
    assert ("未找到" if language == "zh-CN" else "Not found") == title


async def test_a_problem_has_its_members_and_where_it_helps_more(tiny):
    response, body = await tiny.ask(
        "GET",
        "/v1/broken/stage",
        headers={"Accept-Language": "en", "X-Request-Id": "window-7.1_a"},
    )

    assert 409 == response.status
    assert "application/problem+json" == response.headers["Content-Type"]
    assert {
        "type": "/problems/wrong-stage",
        "title": "Not possible at this stage",
        "status": 409,
        "detail": "See `allowed_actions` for what is possible now. (not now)",
        "instance": "window-7.1_a",
        "rule": "stage.decide",
        "current_version": 3,
        "allowed_actions": ["review", "suspend"],
    } == orjson.loads(body)


@pytest.mark.parametrize(
    ("raised", "status", "reason", "wait"),
    [
        ("defect", 500, "internal", None),
        ("time", 500, "internal", None),
        ("corrupt", 503, "integrity-hold", "60"),
        ("moved", 409, "basis-moved", None),
        ("unknown", 503, "outcome-unknown", "1"),
        ("behind", 503, "behind", "1"),
        ("full", 503, "storage-full", "1"),
        ("missing", 404, "case-not-found", None),
    ],
)
async def test_what_the_ledger_raises_becomes_its_problem(tiny, raised, status, reason, wait):
    response, body = await tiny.ask("GET", f"/v1/broken/{raised}")

    assert (status, reason) == (response.status, slug(body))
    assert wait == response.headers.get("Retry-After")


async def test_a_defect_tells_its_id_and_nothing_else_nor_does_the_log(tiny, capsys):
    _, body = await tiny.ask("GET", "/v1/broken/defect")
    logged = capsys.readouterr()
    told = orjson.loads(body)

    assert {"type", "title", "status", "detail", "instance"} == told.keys()
    for secret in ("张三", "460000199001010013", "Traceback", "ValueError"):
        assert secret not in body.decode()
    assert "ValueError" in logged.out
    assert "张三" not in logged.out + logged.err
    assert "Traceback" not in logged.out + logged.err


async def test_a_thing_that_is_not_there_and_one_that_is_not_yours_look_the_same(tiny):
    bodies = []
    for path in ("/v1/broken/missing", "/v1/broken/missing?x"):
        _, body = await tiny.ask("GET", path, headers={"X-Request-Id": "same"})
        bodies.append(body)

    assert 1 == len(set(bodies))
    assert b"organ" not in bodies[0]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("window-7.1_a", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("é", False),
     ("", False), ("a/b", False)],
)  # fmt: skip
async def test_a_request_id_is_kept_or_replaced(tiny, given, kept):
    response, _ = await tiny.ask("GET", "/healthz", headers={"X-Request-Id": given})

    assert kept == (given == response.headers["X-Request-Id"])
    assert re.fullmatch("[A-Za-z0-9._-]{1,64}", response.headers["X-Request-Id"])


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/healthz"), ("GET", "/nowhere"), ("GET", CASES), ("PUT", CASES), ("POST", ACT),
     ("GET", "/v1/broken/defect"), ("GET", "/docs"), ("GET", "/openapi.json")],
)  # fmt: skip
async def test_every_answer_carries_the_headers_of_caution(tiny, method, path):
    response, _ = await tiny.ask(method, path)

    assert "X-Request-Id" in response.headers
    assert "nosniff" == response.headers["X-Content-Type-Options"]
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Cache-Control" in response.headers
    assert "Server" not in response.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
async def test_other_methods_name_those_that_are_allowed(tiny, method):
    response, body = await tiny.ask(method, f"{CASES}/469002-2026-000001")

    assert (405, "method-not-allowed") == (response.status, slug(body))
    assert "GET, HEAD" == response.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/v1", "/v1/ledgers", f"{CASES}/", f"{CASES}/K/unknown-act", "/%00", "/%ff", "//"],
)
async def test_a_path_in_no_row_of_the_table_is_not_found_before_anybody_is_asked_who(tiny, path):
    response, body = await tiny.ask("POST", path)

    assert (404, "not-found") == (response.status, slug(body))


async def test_a_route_that_stands_in_no_row_is_not_served(tiny):
    response, body = await tiny.ask("GET", "/hidden")

    assert (404, "not-found") == (response.status, slug(body))


# -- the order of checks, over HTTP ----------------------------------------------------------


async def test_the_first_check_that_fails_answers_alone(tiny):
    """Everything is wrong at first; one thing after the other is put right."""
    wrong = {
        "Host": "127.0.0.1",
        "Accept": "application/xml",
        "Authorization": "Basic eDp4",
        "Origin": "https://evil.example",
        "Content-Encoding": "gzip",
        "Content-Type": "text/plain",
        "Idempotency-Key": "a b",
        "If-Match": "*",
    }
    right = tiny.writing()
    path, body = ACT + "?dry=1", b'{"reason":1}'
    steps = [
        ("not-acceptable", lambda: wrong.pop("Accept")),
        ("unauthenticated", lambda: wrong.update(Authorization=right["Authorization"])),
        ("origin-not-allowed", lambda: wrong.pop("Origin")),
        ("encoding-not-supported", lambda: wrong.pop("Content-Encoding")),
        ("media-type", lambda: wrong.update({"Content-Type": "application/json"})),
        ("idempotency-key-invalid", lambda: wrong.update({"Idempotency-Key": "k"})),
        ("version-invalid", lambda: wrong.update({"If-Match": '"1"'})),
    ]
    response, answered = await tiny.ask("POST", "/nowhere", headers=wrong, data=body)
    assert "not-found" == slug(answered)
    for reason, mend in steps:
        _, answered = await tiny.ask("POST", path, headers=wrong, data=body)
        assert reason == slug(answered)
        mend()
    _, answered = await tiny.ask("POST", path, headers=wrong, data=body)
    assert "invalid-parameter" == slug(answered)
    _, answered = await tiny.ask("POST", ACT, headers=wrong, data=body)
    assert "schema" == slug(answered)
    response, _ = await tiny.ask("POST", ACT, headers=wrong, data=b"{}")
    assert 201 == response.status
