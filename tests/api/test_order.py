"""The order of checks on every route: all is wrong at first, and put right one by one.

Written from the papers, apart from the code: a step that is checked too early or too late
answers with another slug than the one that stands here.
"""

import json

import pytest

from ledger.lifecycle import Action
from tests.api.anchored import registered
from tests.api.raw import Ask, ask
from tests.api.serving import UNHURRIED, application, patient, serve, sha
from tests.ledger.anchoring import CONTENT as LOG
from tests.ledger.anchoring import County

REQUEST = {"request": sha("r")}
DOCUMENT = {"kind": "licence", "version": 1, "sha256": sha("d")}
MATERIAL = {"name": "a", "sha256": sha("a"), "media_type": "text/plain"}
EVENT = "0" * 32

# Every act on a case: somebody whose post gives it, and a body of its shape.
ACTS = {
    "correct-on-spot": ("zhou-min", {}),
    "request-supplement": ("zhou-min", {"missing": [{"material": "a"}]}),
    "receive-supplement": ("zhou-min", {"materials": [MATERIAL]}),
    "accept": ("zhou-min", {}),
    "decline": ("zhou-min", {"kind": "not-needed", "reasons": "x"}),
    "transfer": ("zhou-min", {"to": {"unit": "qh-xzsp"}}),
    "acknowledge-transfer": ("chen-zhi", {}),
    "refuse-transfer": ("chen-zhi", {}),
    "review": ("chen-zhi", {"level": "handle"}),
    "suspend": ("chen-zhi", {"kind": "testing"}),
    "resume": ("chen-zhi", {"kind": "testing"}),
    "extend": ("chen-zhi", {"days": 3}),
    "reserve-number": ("chen-zhi", {"kind": "licence"}),
    "void-number": ("chen-zhi", {"kind": "licence", "number": "1"}),
    "decide": ("huang-qiang", {"outcome": "deny"}),
    "seal": ("he-yan", {"seal": "QH-S1", "document": DOCUMENT}),
    "void-seal": ("he-yan", {"document": {"kind": "licence", "version": 1}}),
    "issue": ("tang-li", {"document": DOCUMENT, "method": "window"}),
    "publish": ("tang-li", {"what": "decision", "where": "x"}),
    "push": ("tang-li", {"to": "qh-wjw"}),
    "claim": ("mo-li", {}),
    "evaluate": ("lu-qian", {"grade": 5, "channel": "12345", "call_reference": "1"}),
    "close": ("tang-li", {}),
    "withdraw": ("zhou-min", REQUEST),
    "correct": ("zhou-min", {"event": EVENT, "fields": {"channel": "post"}}),
    "approve-correction": ("huang-qiang", {"event": EVENT}),
    "declare-recusal": ("zhou-min", {}),
    "record-intervention": ("zhou-min", {"person": "x", "text": "x"}),
    "archive": ("tang-li", {}),
    "terminate": ("huang-qiang", {}),
    "recall-permit": ("huang-qiang", {"grounds": "x"}),
    "revoke-permit": ("huang-qiang", {"grounds": "x"}),
    "deregister": ("huang-qiang", {"follows": "expiry"}),
    "amend": ("huang-qiang", {"by": "nothing"}),
    "renew": ("huang-qiang", {"by": "nothing"}),
    "inspect": ("mo-li", {"purpose": "routine", "outcome": "compliant"}),
    "propose-revocation": ("mo-li", {"grounds": "x"}),
    "supervise": ("mo-li", {"order": "x"}),
    "answer-alert": ("wu-jun", {"alert": "nothing"}),
    "withdraw-alert": ("xing-tao", {"alert": "nothing"}),
    "call-back": ("lu-qian", {}),
    "verify-review": ("lu-qian", {"verdict": "valid"}),
    "rectify": ("wu-jun", {"measure": "x"}),
    "feed-back": ("wu-jun", {"text": "x"}),
    "close-review": ("lu-qian", {}),
    "record-remedy": ("wu-jun", {"kind": "complaint", "body": "x", "filed_on": "2026-03-02"}),
    "record-remedy-result": ("wu-jun", {"result": "upheld"}),
    "open-investigation": ("ke-jun", {"grounds": "x"}),
    "record-finding": ("ke-jun", {"finding": "x"}),
    "penalise": ("ke-jun", {"kind": "fine"}),
    "cancel-permit": ("ke-jun", {}),
    "sanction": ("ke-jun", {"measure": "x", "until": "2027-01-01"}),
    "close-investigation": ("ke-jun", {"result": "no-violation"}),
}

ITEM = {
    "code": "QH-900",
    "name": "x",
    "kind": "promised",
    "limits": {"statutory": 20, "promised": 5},
    "organs": {"approving": "qh-xzsp", "supervising": ["qh-wjw"]},
    "documents": ["licence"],
    "result": "licence",
}
CALENDAR = {"calendar": "cn", "year": 2028, "off": [], "work": []}
POLICY = {"kind": "reviews", "id": "reviews-other", "bad_review": 5}
POST = {"person": "new-one", "role": "clerk", "organ": "qh-xzsp", "from": "2026-01-01"}
SEAL = {"id": "QH-S9", "name": "x", "organ": "qh-xzsp", "media": ["paper"]}

# Every act of the office: the path of a thing that is not there, who may, and a body.
OFFICE = {
    "/items": (None, "wu-jun", ITEM),
    "/calendars": (None, "fang-ke", CALENDAR),
    "/policies": (None, "fang-ke", POLICY),
    "/appointments": (None, "fang-ke", POST),
    "/items/QH-002/approve": ("/items/nothing/approve", "mo-li", {}),
    "/calendars/cn/approve": ("/calendars/nothing/approve", "wu-jun", {}),
    "/policies/reviews-default/approve": ("/policies/nothing/approve", "wu-jun", {}),
    "/appointments/zhou-min-clerk/approve": ("/appointments/nothing/approve", "wu-jun", {}),
    "/appointments/zhou-min-clerk/end": ("/appointments/nothing/end", "fang-ke", {}),
    "/anchored-logs": (None, "fang-ke", LOG),
    "/anchored-logs/wanning/approve": ("/anchored-logs/nothing/approve", "qin-yu", {}),
    "/anchored-logs/wanning/anchors": (
        "/anchored-logs/nothing/anchors",
        "guo-an",
        County().body(7),
    ),
    "/seals": (None, "wu-jun", SEAL),
    "/seals/QH-S1/enable": ("/seals/nothing/enable", "wu-jun", {}),
    "/seals/QH-S1/hand-over": ("/seals/nothing/hand-over", "he-yan", {"to": "he-yan"}),
    "/seals/QH-S1/take-over": ("/seals/nothing/take-over", "he-yan", {}),
    "/seals/QH-S1/approve": ("/seals/nothing/approve", "wu-jun", {}),
    "/seals/QH-S1/disable": ("/seals/nothing/disable", "wu-jun", {}),
    "/seals/QH-S1/lock-away": ("/seals/nothing/lock-away", "wu-jun", {}),
    "/seals/QH-S1/destroy": ("/seals/nothing/destroy", "wu-jun", {}),
    "/seals/QH-S1/reconcile": (
        "/seals/nothing/reconcile",
        "he-yan",
        {"counter": 0, "as_of": "2026-03-02"},
    ),
    "/seals/QH-S1/report-lost": ("/seals/nothing/report-lost", "zhou-min", {}),
}

# Every reading: the path of a thing that is not there, who may, who may not.
READINGS = {
    "/cases": (None, "chen-zhi", "guo-an"),
    "/cases/{case}": ("/cases/469002-2026-999999", "chen-zhi", None),
    "/cases/{case}/events": ("/cases/nothing/events", "chen-zhi", "zhou-min"),
    "/cases/{case}/replay": ("/cases/nothing/replay", "chen-zhi", "zhou-min"),
    "/cases/{case}/progress": ("/cases/nothing/progress", "chen-zhi", None),
    "/complaints": (None, "lu-qian", "zhou-min"),
    "/matters": (None, "zhou-min", "guo-an"),
    "/alerts": (None, "wu-jun", None),
    "/links": (None, "chen-zhi", "guo-an"),
    "/audit/approval": (None, "wu-jun", "zhou-min"),
    "/audit/administration": (None, "wu-jun", "zhou-min"),
    "/audit/all": (None, "wu-jun", "zhou-min"),
    "/seals/QH-S1/register": ("/seals/nothing/register", "wu-jun", "chen-zhi"),
    "/reviews": (None, "lu-qian", "chen-zhi"),
    "/items": (None, "chen-zhi", None),
    "/calendars": (None, "chen-zhi", None),
    "/anchors": (None, "chen-zhi", None),
    "/anchored-logs": (None, "chen-zhi", None),
    "/anchored-logs/wanning": ("/anchored-logs/nothing", "chen-zhi", None),
    "/anchored-logs/wanning/anchors": ("/anchored-logs/nothing/anchors", "chen-zhi", None),
    "/policies": (None, "chen-zhi", None),
    "/appointments": (None, "chen-zhi", None),
    "/seals": (None, "chen-zhi", None),
    "/items/QH-002": ("/items/nothing", "chen-zhi", None),
    "/calendars/cn": ("/calendars/nothing", "chen-zhi", None),
    "/policies/duty-standard": ("/policies/nothing", "chen-zhi", None),
    "/appointments/zhou-min-clerk": ("/appointments/nothing", "chen-zhi", None),
    "/seals/QH-S1": ("/seals/nothing", "chen-zhi", None),
    "/events": (None, "xing-tao", "zhou-min"),
    "/export/csv": (None, "wu-jun", "zhou-min"),
    "/export/ndjson": (None, "wu-jun", "zhou-min"),
    "/imports/{import}": ("/imports/nothing", "wu-jun", "zhou-min"),
    "/imports/{import}/rows": ("/imports/nothing/rows", "wu-jun", "zhou-min"),
}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


def outside(asked, others="469099"):
    """Steps 2 to 6: what the head of a request says, and where it goes."""
    asked.headers |= {
        "Accept": "application/xml",
        "On-Behalf-Of": "zhou-min",
        "Expect": "a-miracle",
    }
    asked.query = ["at_least=x", "at_least=1"]
    by, path, asked.by, asked.ledger = asked.by, asked.path, None, others
    put = asked.headers.pop
    yield "406 not-acceptable", lambda: put("Accept")
    yield "401 unauthenticated", lambda: setattr(asked, "by", by)
    yield "400 on-behalf-of-invalid", lambda: put("On-Behalf-Of")
    yield "417 expectation-failed", lambda: put("Expect")
    if asked.method == "POST":
        asked.headers |= {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
        right = {"Content-Type": "application/json"}
        yield "415 encoding-not-supported", lambda: put("Content-Encoding")
        yield "415 media-type", lambda: asked.headers.update(right)
        asked.length = 300_000
        yield "413 body-too-large", lambda: setattr(asked, "length", None)
    yield "400 invalid-parameter", lambda: setattr(asked, "query", ["at_least=1x"])
    yield "400 invalid-parameter", lambda: setattr(asked, "query", ["at_least=999999999"])
    yield "404 not-found", lambda: setattr(asked, "ledger", "469002")
    assert path == asked.path


def headed(asked, *, versioned):
    """Step 8: what an act has to carry."""
    sent, put = asked.headers, asked.headers.update
    if versioned:
        sent["If-Match"] = "*"
    yield "400 idempotency-key-missing", lambda: put({"Idempotency-Key": ["a", "b"]})
    yield "400 idempotency-key-invalid", lambda: put({"Idempotency-Key": "a b"})
    yield "400 idempotency-key-invalid", lambda: put({"Idempotency-Key": "reused"})
    yield "400 invalid-parameter", lambda: setattr(asked, "query", [])
    if versioned:
        yield "400 version-invalid", lambda: sent.pop("If-Match")
        yield "428 version-required", lambda: put({"If-Match": '"9"'})


def bodied(asked, body):
    """Steps 9 and 10: bytes, depth, JSON, duplicates, members, types and ranges."""

    def put(raw):
        return lambda: setattr(asked, "body", raw)

    def members(**more):
        return put(json.dumps(body | more).encode())

    yield "400 malformed-json", put(b'{"a":' + b"[" * 33 + b"\xff")
    yield "400 malformed-json", put(b'{"a":' + b"[" * 33)
    yield "400 too-deep", put(b'{"a":1,"a":2')
    yield "400 malformed-json", put(b'{"a":1,"a":2}')
    yield "400 duplicate-key", members(a=1, reason=1)
    yield "422 unknown-field", members(reason=2**64)
    yield "422 integer-range", members(reason=1)
    yield "422 schema", members(reason="\0" + "长" * 10_001)
    yield "422 forbidden-character", members(reason="长" * 10_001)
    yield "422 too-long", members()


async def walked(here, asked, *stairs):
    """Climb: each step has to answer what stands there; return those that do not."""
    wrong = []
    for stair in stairs:
        for expected, mend in stair:
            # What never comes is not waited for, what does come is.
            brief = 0.02 if expected == "503 behind" else UNHURRIED["at_least_s"]
            told = await ask(patient(here, brief), asked)
            if told.said != expected:
                wrong.append((asked.path, expected, told.said, told.body.get("detail")))
            assert told.headers["X-Request-Id"] == told.body["instance"]
            mend()
    return wrong


async def refusals(here, line="sealed"):
    """What an inspector was refused stands in the sealed line, that of others in the open one."""
    answer = await here.get(f"/access-log?line={line}&limit=500", by="yan-qing")
    return [row for row in answer.body["items"] if row["slug"] is not None]


def test_every_act_stands_here():
    assert {str(action) for action in Action} - {"receive"} == set(ACTS)


async def test_acts_on_a_case(here):
    case = await here.received("QH-002", "2026-03-02")
    await here.post("/cases", application("QH-002"), by="zhou-min", key="reused")
    wrong = []
    for action, (by, body) in ACTS.items():
        asked = Ask("POST", f"/cases/{case}/{action}", by="jiang-he", body=b"\xff")
        stairs = [outside(asked), found(asked, case, by)]
        wrong += await walked(here, asked, *stairs, headed(asked, versioned=True))
        wrong += await walked(here, asked, bodied(asked, body), reused(asked, by))

    assert [] == wrong
    told = await refusals(here)
    assert sorted(ACTS) == sorted(r["what"] for r in told if r["slug"] == "action-not-allowed")
    assert {"jiang-he"} == {r["actor"]["person"] for r in told}


def found(asked, case, by):
    """Steps 5 to 7: waited for, visible, and given by a post."""
    right = asked.path
    asked.path = right.replace(case, "469002-2026-999999")
    yield "503 behind", lambda: setattr(asked, "query", ["a=b"])
    yield "404 case-not-found", lambda: setattr(asked, "path", right)
    yield "403 action-not-allowed", lambda: setattr(asked, "by", by)


def reused(asked, by):
    """Steps 11 and 12: the key first, then the version."""
    if by == "zhou-min":
        yield "422 idempotency-key-reused", lambda: None
    asked.headers["Idempotency-Key"] = "fresh"
    yield "412 version-conflict", lambda: None


async def test_receiving(here):
    await here.post("/cases", application("QH-002"), by="zhou-min", key="reused")
    asked = Ask("POST", "/cases", by="jiang-he", body=b"\xff")
    asked.headers["If-Match"] = '"1"'

    wrong = await walked(here, asked, outside(asked), taken(asked, "zhou-min", None))
    wrong += await walked(here, asked, headed(asked, versioned=False), unversioned(asked))
    wrong += await walked(here, asked, bodied(asked, application("QH-404")))
    wrong += await walked(here, asked, [("422 idempotency-key-reused", lambda: None)])

    assert [] == wrong


def unversioned(asked):
    yield "400 version-invalid", lambda: asked.headers.pop("If-Match")


def taken(asked, by, elsewhere):
    right = asked.path
    yield "503 behind", lambda: setattr(asked, "query", ["a=b"])
    if elsewhere is not None:
        asked.path = elsewhere
        yield "404 not-found", lambda: setattr(asked, "path", right)
    if by is not None:
        yield "403 action-not-allowed", lambda: setattr(asked, "by", by)


async def test_acts_of_the_office(here):
    await registered(here)
    key = {"key": "reused", "by": None}
    await here.post("/policies", POLICY | {"id": "a"}, **key | {"by": "fang-ke"})
    wrong = []
    for path, (elsewhere, by, body) in OFFICE.items():
        nobody = None if path.endswith("report-lost") else "jiang-he"
        asked = Ask("POST", path, by=nobody or by, body=b"\xff")
        stairs = [outside(asked), taken(asked, by if nobody else None, elsewhere)]
        wrong += await walked(here, asked, *stairs, headed(asked, versioned=False))
        wrong += await walked(here, asked, bodied(asked, body))
        if by == "fang-ke":
            wrong += await walked(here, asked, [("422 idempotency-key-reused", lambda: None)])

    assert [] == wrong
    told = await refusals(here)
    assert len(OFFICE) - 1 == len(told)
    assert {"action-not-allowed"} == {r["slug"] for r in told}


async def test_readings(here):
    case = await here.received("QH-002", "2026-03-02")
    uploaded = await staged(here)
    await registered(here)
    wrong = []
    for path, (elsewhere, by, other) in READINGS.items():
        names = {"case": case, "import": uploaded}
        asked = Ask("GET", path.format_map(names), by=other or by)
        nowhere = elsewhere.format_map(names) if elsewhere else None
        stairs = [outside(asked), seen(asked, by if other else None, nowhere)]
        wrong += await walked(here, asked, *stairs)
        told = await ask(here, asked)
        if told.status != 200:
            wrong.append((path, "200", told.said, told.body))

    assert [] == wrong
    told = await refusals(here, "open")
    assert len([other for _, _, other in READINGS.values() if other]) == len(told)


def seen(asked, by, elsewhere):
    right = asked.path
    yield "503 behind", lambda: setattr(asked, "query", ["a=b"])
    if elsewhere is not None:
        asked.path = elsewhere
        missing = "case-not-found" if "/cases/" in elsewhere else "not-found"
        yield f"404 {missing}", lambda: setattr(asked, "path", right)
    if by is not None:
        yield "403 action-not-allowed", lambda: setattr(asked, "by", by)
    for junk in ("a=b", "limit=0&limit=1", "at_least=0&at_least=0", "at_least", "Limit=1", "q=%ff"):
        asked.query = [junk]
        yield "400 invalid-parameter", lambda: None
    asked.query = []


async def staged(here, rows="no,on\r\n1,2020-01-02\r\n"):
    mapping = json.dumps(
        {
            "system": "s",
            "item": "i",
            "id": "no",
            "zone": "Asia/Shanghai",
            "precision": "day",
            "acts": [{"type": "received", "at": "on"}],
        }
    )
    parts = [
        "--b",
        'Content-Disposition: form-data; name="mapping"',
        "Content-Type: application/json",
        "",
        mapping,
        "--b",
        'Content-Disposition: form-data; name="file"; filename="a.csv"',
        "Content-Type: text/csv",
        "",
        rows,
        "--b--",
        "",
    ]
    sent = {"Content-Type": "multipart/form-data; boundary=b", "Idempotency-Key": "u"}
    data = "\r\n".join(parts).encode()
    answer = await here.call("POST", "/imports", by="guo-an", data=data, headers=sent)
    assert 201 == answer.status, answer.body
    return answer.body["id"]
