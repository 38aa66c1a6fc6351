"""Hostile values in every string, header and exported cell of every act (SECURITY 5, I2, I5).

Each string of each body is spoiled in turn, by somebody whose post gives the act.  A value
that is not allowed is refused by its name and where it stands; any other is taken as sent.
"""

import csv
import io
import json
from typing import get_args

import pytest

from api import complaint_bodies, matter_bodies
from api.acts import ACTS
from api.bodies import OFFICE_BODIES, shaped
from api.setup import example
from api.strict import object_of
from ledger.errors import Refused
from tests.api.anchored import registered
from tests.api.raw import Ask, ask
from tests.api.serving import KEYS, application, serve, sha
from tests.api.whole import forms, put, whole
from tests.authz.asking import PLACES
from tests.authz.expected import rows
from tests.authz.world import document, person

EVERYWHERE = (
    "\0",
    "a\0b",
    "a\x1b[31m",
    "a\u202eb",
    "a\u2066b",
    "a\u2028b",
    "a\ufffe",
    "\U0001ffff",
)
IN_A_LINE = ("a\nb", "a\tb", "a\u200bb", "a\ufeffb", "a\u00adb", "a\x7fb")
IN_A_TEXT = ("a\rb", "e" + "\u0301" * 9)
TAKEN = (
    "' OR 1=1--",
    "'; DROP TABLE ledger.event;--",
    "$1",
    '=HYPERLINK("http://x","y")',
    "＝1+1",
    "@SUM(A1)",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "%00%0d%0a",
    "../../../etc/passwd",
    "\\u0000",
    "张\ue000三",
    "\U0002a6d6",
)
FEW = (*TAKEN[:4], "\0", "a\u202eb")
# What stands beside the cases, and the acts that make it.
FIRST = {"open-matter", "register-complaint"}
BESIDE = {"complaints": complaint_bodies.BODIES, "matters": matter_bodies.BODIES}
SHAPES = {
    **ACTS,
    **{name: shape for bodies in BESIDE.values() for name, shape in bodies.items()},
    **{n: s for n, s in OFFICE_BODIES.items() if n != "policy"},
    **{kind.__name__: kind for kind in get_args(OFFICE_BODIES["policy"])},
}
# Which post does what, by the matrix: the first that gives it.
DOES = {
    row.what: person(role, letters[0].replace("*", "O"), "valid")
    for row in rows()
    for role, letters in [next(iter(row.may.items()))]
    if row.method == "POST" and not row.to_come
}


@pytest.fixture
async def here(database, tmp_path):
    given = {"469002": document()}
    async for serving in serve(database, tmp_path, start="2026-03-02", documents=given):
        await serving.at("2026-03-02 09:00")
        yield serving


# -- every string ---------------------------------------------------------------------------


def refusal(body, shape):
    try:
        shaped(object_of(json.dumps(body).encode()), shape)
    except Refused as refused:
        return refused.slug, refused.pointer
    return None


@pytest.mark.parametrize("name", SHAPES)
def test_every_string_of_every_body(name):
    shape = SHAPES[name]
    body = whole(shape)
    assert refusal(body, shape) is None
    for at, (form, patterned) in forms(shape).items():
        pointer = "/" + "/".join(map(str, at))
        lengths = [("too-long", "x" * (201 if form == "line" else 10_001)), ("schema", " ")]
        wrong = {"line": (*EVERYWHERE, *IN_A_LINE), "text": (*EVERYWHERE, *IN_A_TEXT)}.get(form, ())
        for value in wrong:
            expected = {("forbidden-character", pointer)}
            expected |= {("schema", pointer)} if patterned else set()
            assert refusal(put(body, at, value), shape) in expected, (at, value)
        for value in TAKEN:
            expected = ("schema", pointer) if patterned else None
            assert expected == refusal(put(body, at, value), shape), (at, value)
        for slug, value in lengths if not patterned else ():
            blank_text = value == " " and form == "text"
            assert (None if blank_text else (slug, pointer)) == refusal(put(body, at, value), shape)


def test_every_shape_has_a_string_of_its_own():
    for name, shape in SHAPES.items():
        if name != "clock":
            assert {("reason",), ("basis",)} <= set(forms(shape)), name
    assert 300 < sum(len(forms(shape)) for shape in SHAPES.values())


# -- over HTTP --------------------------------------------------------------------------------


def spoiled(shape):
    """Bodies with one string spoiled; what every act has is spoiled in a few ways only."""
    body = whole(shape)
    body.pop("occurred_at", None)
    for at, (_, patterned) in forms(shape).items():
        if at == ("occurred_at",):
            continue
        some = FEW if at not in (("reason",), ("basis",)) else FEW[:1]
        for value in some[-1:] if patterned else some:
            yield put(body, at, value), value, "/" + "/".join(map(str, at)), patterned


async def test_acts_on_a_case_take_or_refuse_every_string(here):
    case = await here.received("QH-002", "2026-03-02 09:30")
    wrong = []
    for action in sorted(set(ACTS) - {"receive"}):
        for body, value, pointer, patterned in spoiled(ACTS[action]):
            headers = {"If-Match": '"99"'}
            told = await here.post(
                f"/cases/{case}/{action}", body, by=DOES[action], headers=headers
            )
            bad = patterned or value in EVERYWHERE
            slugs = {"forbidden-character", "schema"} if bad else {
                "version-conflict", "unknown-reference", "unknown-field"}  # fmt: skip
            right = told.status in (412, 422) and told.slug in slugs
            if not right or (bad and told.body["pointer"] != pointer):
                wrong.append((action, pointer, value, told.status, told.body))

    assert [] == wrong
    assert 1 == (await here.state(case, by="zhou-min"))["version"]


async def beside(here):
    """A matter that waits for an opinion, and a complaint that waits for a reply: their paths."""
    first = {"If-Match": '"1"'}
    opening = {"name": "我要开餐馆", "kind": "one-thing", "items": ["QH-002"]}
    opening["applicant"] = application("QH-002")["applicant"]
    opened = await here.post("/matters", opening, by="zhou-min")
    said = {"kind": "service", "channel": "telephone", "text": "态度"}
    registered = await here.post("/complaints", said, by="lu-qian")
    matter = f"/matters/{opened.body['matter']}"
    complaint = f"/complaints/{registered.body['complaint']}"
    asked = {"organ": "qh-wjw", "question": "是否符合条件", "days": 5}
    passed_on = {"unit": "qh-xzsp", "summary": "反映窗口态度"}
    answers = [
        await here.post(f"{matter}/request-opinion", asked, by="zhou-min", headers=first),
        await here.post(f"{complaint}/assign", passed_on, by="lu-qian", headers=first),
    ]
    assert [201, 201] == [answer.status for answer in answers], answers
    return {"matters": matter, "complaints": complaint}


# The rows of these acts say `staff`: whose they are hangs on the matter and the complaint.
WHO = {
    "split-off": "zhou-min",
    "request-opinion": "zhou-min",
    "give-opinion": "mo-li",
    "assign": "lu-qian",
    "reply": "chen-zhi",
    "escalate": "lu-qian",
    "close-complaint": "lu-qian",
    "correct-matter": "zhou-min",
    "approve-matter-correction": "huang-qiang",
    "correct-complaint": "lu-qian",
    "approve-complaint-correction": "lu-qian",
}


async def test_acts_beside_the_cases_take_or_refuse_every_string(here):
    paths = await beside(here)
    acts = [(things, one) for things in paths for one in BESIDE[things] if one not in FIRST]
    wrong = []
    for things, action in acts:
        for body, value, pointer, patterned in spoiled(BESIDE[things][action]):
            told = await here.post(
                f"{paths[things]}/{action}", body, by=WHO[action], headers={"If-Match": '"99"'}
            )
            bad = patterned or value in EVERYWHERE
            slugs = {"forbidden-character", "schema"} if bad else {
                "version-conflict", "unknown-reference"}  # fmt: skip
            right = told.status in (412, 422) and told.slug in slugs
            if not right or (bad and told.body["pointer"] != pointer):
                wrong.append((action, pointer, value, told.status, told.body))

    assert [] == wrong
    read = [await here.get(path, by="jiang-he") for path in paths.values()]
    assert [2, 2] == [answer.body["version"] for answer in read]


async def test_what_is_received_is_kept_as_sent(here):
    for value in TAKEN:
        body = application("QH-002") | {"reason": value}
        body["materials"] = [{"name": value, "sha256": sha("x"), "media_type": value}]
        answer = await here.post("/cases", body, by="zhou-min")
        assert 201 == answer.status, (value, answer.body)
        history = await here.get(f"/cases/{answer.body['case']}/events", by="jiang-he")
        (event,) = history.body["items"]
        told = (event["reason"], event["data"]["materials"][0]["name"])
        assert (value, value) == told


OFFICE = [row for row in rows() if row.method == "POST" and row.kind in ("office", "clock")]
# What is made by a body that is sent to a list, and the name of the shape it has.
MADE = {
    "items": "item",
    "calendars": "calendar",
    "appointments": "appointment",
    "anchored-logs": "anchored-log",
    "clock": "clock",
    "matters": "open-matter",
    "complaints": "register-complaint",
}


async def test_acts_of_the_office_take_or_refuse_every_string(here):
    await registered(here)
    wrong = []
    for row in OFFICE:
        for path, shape in office(row):
            for body, value, pointer, patterned in spoiled(shape):
                told = await here.post(path, body, by=DOES[row.what])
                bad = patterned or value in EVERYWHERE
                if told.status >= 500 or (bad and (422, pointer) != (
                    told.status, told.body.get("pointer"))):  # fmt: skip
                    wrong.append((row.what, pointer, value, told.status, told.body))

    assert [] == wrong


def office(row):
    """The path of a row, on a thing that can be spared, and the shapes that it takes."""
    if row.to_come or row.what == "receive" or row.what.startswith("POST …/imports"):
        return
    things, _, rest = row.what.removeprefix("POST …/").partition("/")
    name, _, act = rest.partition("/")
    spare = {**PLACES, "appointments": person("issuer", "E", "valid")}
    path = f"/{things}" + (f"/{spare[things]}/{act}" if name else "")
    if things == "seals":
        yield path, SHAPES[f"seal-{act or 'register'}"]
    elif things == "policies" and not act:
        for shape in get_args(OFFICE_BODIES["policy"]):
            yield path, shape
    else:
        named = {"review": "appointment-review", "anchors": "anchor"}
        yield path, SHAPES[named.get(act, act or MADE[things])]


# -- every header -------------------------------------------------------------------------------

HEADERS = (
    "Idempotency-Key", "If-Match", "If-None-Match", "If-Modified-Since", "Authorization",
    "On-Behalf-Of", "Accept", "Accept-Language", "Accept-Encoding", "Content-Type",
    "X-Request-Id", "traceparent", "tracestate", "Origin", "Referer", "Cookie", "Range",
    "Last-Event-ID", "Purpose", "Prefer", "X-HTTP-Method-Override", "X-Forwarded-For",
    "Forwarded", "X-Original-URL", "Host", "User-Agent", "Date", "Via",
)  # fmt: skip
VALUES = (
    "", " ", "*", '"', "' OR 1=1--", "$1", "=1+1", "<script>", "a,b", ";;;,,,", "x" * 6_000,
    "\xff\xfe", "汉字", "\udcff", "0", "-1", "99999999999999999999", "a\tb", "%00", "{}", "[]",
)  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_every_header_of_an_act_and_of_a_reading(here, method):
    case = await here.received("QH-002", "2026-03-02 09:30")
    wrong = []
    for name in HEADERS:
        for value in VALUES:
            path = f"/cases/{case}" + ("/accept" if method == "POST" else "")
            asked = Ask(method, path, [], {}, b"", by="zhou-min")
            if method == "POST":
                asked.body = b"{}"
                asked.headers = {"Idempotency-Key": f"h{next(KEYS)}", "If-Match": '"99"'}
                asked.headers["Content-Type"] = "application/json"
            asked.headers[name] = value
            told = await ask(here, asked)
            sane = all(v.isprintable() and "<script>" not in v for v in told.headers.values())
            if told.status >= 500 or not sane or told.status == 201:
                wrong.append((name, value[:20], told.said))

    assert [] == wrong
    assert 1 == (await here.state(case, by="zhou-min"))["version"]


# -- every cell -----------------------------------------------------------------------------------

# What a spreadsheet takes for the beginning of a formula (SECURITY 4).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
SPOKEN = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def cells(raw):
    text = raw.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


async def test_no_cell_of_an_export_is_a_formula(database, tmp_path):
    given = {"469002": formulas()}
    async for here in serve(database, tmp_path, start="2026-03-02", documents=given):
        await here.at("2026-03-02 09:00")
        for n, sign in enumerate(SPOKEN):
            await exported(here, n, sign)
        whole_files = [
            (await here.get("/audit/all?format=csv&limit=500&from=2026-03-02", by="yan-qing")).raw,
            (await here.get("/audit/all?refused=true&format=csv", by="yan-qing")).raw,
            (await here.get("/export/csv", by="jiang-he")).raw,
        ]

    told = [cells(raw) for raw in whole_files]

    for table in told:
        assert [] == [c for row in table for c in row if c.startswith(FORMULA)]
        assert {len(table[0])} == {len(row) for row in table}
    found = {cell[1:] for table in told for row in table for cell in row if cell[:1] == "'"}
    for sign in SPOKEN:
        assert {f"{sign}1+1", f"{sign}cmd|' /C calc'!A0", f'{sign}A1,"x"\n;2'} <= found


def formulas():
    """The example, with people, an item and a system whose names are formulas."""
    given = example()
    given["appointments"] = [
        *given["appointments"],
        *(
            {"id": f"f{n}-{role}", "person": f"{sign}1+1", "name": f"{sign}cmd|' /C calc'!A0",
             "role": role, "organ": "qh-xzsp", "items": "all", "from": "2020-01-01",
             "kind": "post"}
            for n, sign in enumerate(SPOKEN)
            for role in ("clerk", "handler")
        ),
    ]  # fmt: skip
    given["items"] = [*given["items"], {**given["items"][1], "code": "-2"}]
    return given


async def exported(here, n, sign):
    """Somebody whose id is a formula takes a case in with a formula for a reason, and more."""
    by = f"{sign}1+1"
    body = application("-2" if n else "QH-002") | {"reason": f'{sign}A1,"x"\n;2'}
    token = {"Authorization": f"Bearer {here.tokens.token(by, by, f'{sign}client')}"}
    answer = await here.post("/cases", body, by=None, headers=token)
    assert 201 == answer.status, answer.body
    case = answer.body["case"]
    for version, action in ((1, "accept"), (2, "decide"), (2, "transfer")):
        match = {"If-Match": f'"{version}"'}
        to = {"to": {"unit": "qh-xzsp", "person": by}} if action == "transfer" else {}
        reason = {"reason": f'{sign}A1,"x"\n;2'}
        await here.post(f"/cases/{case}/{action}", to | reason, by=None, headers=token | match)


async def test_control_a_cell_that_is_written_as_it_is_is_found(monkeypatch, database, tmp_path):
    monkeypatch.setattr("api.csv_table.cell", lambda value: "" if value is None else str(value))
    given = {"469002": formulas()}
    async for here in serve(database, tmp_path, start="2026-03-02", documents=given):
        await here.at("2026-03-02 09:00")
        await exported(here, 0, "=")
        answer = await here.get("/audit/all?format=csv&from=2026-03-02", by="yan-qing")

    assert [c for row in cells(answer.raw) for c in row if c.startswith(FORMULA)]
