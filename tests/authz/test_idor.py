"""Another organ's id is an id that never was: in every path, filter and body (T-IDOR).

The strangers are of the approving bureau; the case they reach for is another organ's.  The
answers are compared byte for byte, headers included.
"""

import re
from dataclasses import replace

import pytest

from ledger import standing
from tests.api.serving import KEYS, application, here_and_apart, serve, sha
from tests.authz.asking import place
from tests.authz.expected import rows
from tests.authz.world import World, document, person

DAY = "2026-03-02"
NEVER = "469002-2026-999999"
NO_EVENT = "f" * 32
ITEM = {
    "code": "EL-1",
    "name": "外市事项",
    "kind": "promised",
    "limits": {"statutory": 20, "promised": 5},
    "organs": {"approving": "elsewhere"},
    "documents": ["licence", "decision"],
    "result": "licence",
}
ON_CASES = [r for r in rows() if "{case}" in r.path and not r.to_come]
# Readings by which a list might show more of one case, item, person or organ than of another.
LISTS = (
    "/cases?q={case}", "/cases?item={item}", "/cases?organ={organ}", "/cases?officer={person}",
    "/alerts?item={item}", "/alerts?organ={organ}", "/alerts?case={case}",
    "/links?item={item}", "/links?organ={organ}", "/links?case={case}",
    "/audit/all?case={case}", "/audit/all?item={item}", "/audit/all?organ={organ}",
    "/audit/approval?actor={person}", "/audit/all?case={case}&refused=true",
    "/audit/all?item={item}&format=csv", "/events?case={case}", "/events?item={item}",
    "/export/csv?item={item}", "/export/csv?q={case}", "/export/ndjson?organ={organ}",
    "/reviews?item={item}", "/reviews?case={case}",
    "/performance?item={item}&from=2026-01-01&to=2026-12-31",
)  # fmt: skip
LISTENERS = ("mo-li", "wu-jun", "ke-jun", "huang-qiang", "chen-zhi", "zhou-min")


async def world(database, folder):
    given = {"469002": document()}
    given["469002"]["items"] = [*given["469002"]["items"], ITEM]
    ledgers = ("469002", "469028")
    async for one in serve(database, folder, start=DAY, documents=given, ledgers=ledgers):
        await one.at(f"{DAY} 08:00")
        yield one


# `apart`: for who takes the protection out.
here, apart = here_and_apart(world)


@pytest.fixture(scope="module")
async def theirs(here):
    """The other organ's case, which no test changes."""
    return await others(here)


async def others(here):
    """A case of another organ with something of everything: its number, its ids."""
    clerk, hotline = person("clerk", "-", "valid"), "lu-qian"
    case = (await here.post("/cases", application("EL-1"), by=clerk)).body["case"]
    here.versions[case] = 1
    await here.done(case, "accept", by=clerk)
    body = {"grade": 1, "channel": "telephone", "call_reference": "1"}
    await here.done(case, "evaluate", body, by=hotline)
    remedy = {"kind": "complaint", "body": "市政府", "filed_on": DAY}
    await here.done(case, "record-remedy", remedy, by="xing-tao")
    history = (await here.get(f"/cases/{case}/events", by="jiang-he")).body["items"]
    await here.at("2026-03-20 09:00")
    (red, *_) = (await here.get(f"/alerts?case={case}", by="xing-tao")).body["items"]
    ids = {event["type"]: event["id"] for event in history}
    refused = await here.act(case, "decide", {"outcome": "deny"}, by=clerk)
    assert 403 == refused.status
    await here.service.caught_up("469002", -1)
    return case, ids, red["id"]


async def answered(here, method, path, *, by, body=None, version=1):
    """What is heard, byte for byte, but for the time: request ids are the caller's."""
    sent = {"X-Request-Id": "same"}
    if method == "POST":
        sent |= {"Idempotency-Key": f"idor-{next(KEYS)}", "If-Match": f'"{version}"'}
        body = body or {}
    told = await here.call(method, path, by=by, body=body, headers=sent)
    headers = sorted((n, v) for n, v in told.headers.items() if n not in ("Date", "Set-Cookie"))
    return told.status, headers, told.raw


async def test_every_path_with_a_case(here, theirs):
    case, _, _ = theirs
    wrong = []
    for row in ON_CASES:
        for by in ("mo-li", "wu-jun", "zhou-min", "guo-an", person("supervisor", "P", "valid")):
            heard = set()
            for number in (case, NEVER):
                world = World(here, number, 5, "0" * 32, {})
                asked = place(world, row.path)
                headers = {"Authorization": f"Bearer {world.token(by)}"}
                if row.kind in ("page", "find", "page-act"):
                    headers = await world.cookie(headers)
                sent = headers | {"X-Request-Id": "same", "Content-Type": "application/json"}
                told = await here.call(row.method, here.base + asked, headers=sent)
                # A page says where it is.
                raw = told.raw.replace(number.encode(), b"")
                heard.add((told.status, raw))
            if len(heard) != 1 or next(iter(heard))[0] != 404:
                wrong.append((row.what, by, heard))

    assert [] == wrong


async def test_every_filter(here, theirs):
    case, _, _ = theirs
    real = {"case": case, "item": "EL-1", "organ": "elsewhere", "person": "clerk.none.valid"}
    none = {"case": NEVER, "item": "EL-9", "organ": "nowhere", "person": "nobody"}

    wrong = []
    for path in LISTS:
        for by in LISTENERS:
            seen = await answered(here, "GET", path.format_map(real), by=by)
            unseen = await answered(here, "GET", path.format_map(none), by=by)
            if plain(seen, real) != plain(unseen, none):
                wrong.append((path, by, seen[2][:300], unseen[2][:300]))

    assert [] == wrong


def plain(heard, names):
    """An answer without the filter that it repeats, and the time that it was given."""
    status, headers, raw = heard
    for name in names.values():
        raw = raw.replace(name.encode(), b"?")
    raw = re.sub(rb'"as_of":"[^"]+"', b"", raw)
    return status, [h for h in headers if h[0] != "Content-Length"], raw


async def mine(here):
    """A case of one's own with a permit, and the version it is at."""
    case = await here.accepted("QH-002", "2026-03-23")
    await here.granted(case, "2026-03-23")
    remedy = {"kind": "complaint", "body": "市政府", "filed_on": "2026-03-23"}
    await here.done(case, "record-remedy", remedy, by="wu-jun")
    return case


async def test_every_reference_in_a_body(here, theirs):
    other, ids, card = theirs
    case = await mine(here)
    referring = [
        ("amend", "by", "huang-qiang", {"by": other}, NEVER),
        ("renew", "by", "huang-qiang", {"by": other}, NEVER),
        ("correct", "event", "zhou-min",
         {"event": ids["received"], "fields": {"channel": "post"}, "evidence": sha("e")}, NO_EVENT),
        ("approve-correction", "event", "huang-qiang", {"event": ids["accepted"]}, NO_EVENT),
        ("answer-alert", "alert", "wu-jun", {"alert": card, "explanation": "x"}, "nothing"),
        ("withdraw-alert", "alert", person("supervisor", "A", "valid"),
         {"alert": card, "reason": "x"}, "nothing"),
        ("record-remedy-result", "remedy", "wu-jun",
         {"remedy": ids["remedy-recorded"], "result": "upheld"}, NO_EVENT),
    ]  # fmt: skip

    for action, name, by, body, never in referring:
        path, version = f"/cases/{case}/{action}", here.versions[case]
        theirs_heard = await answered(here, "POST", path, by=by, body=body, version=version)
        unknown = body | {name: never}
        never_heard = await answered(here, "POST", path, by=by, body=unknown, version=version)
        assert theirs_heard == never_heard, action
        assert b"unknown-reference" in theirs_heard[2], (action, theirs_heard)
    heard = [
        await answered(here, "POST", "/cases", by="zhou-min",
                       body=application("QH-007") | {"permit": number}, version=None)
        for number in (other, NEVER)
    ]  # fmt: skip
    assert heard[0] == heard[1]


async def test_every_cursor(here, theirs):
    for number in range(3):
        answer = await here.post("/cases", application("QH-002"), by="zhou-min", key=f"n{number}")
    await here.get(f"/cases?at_least={answer.headers['Ledger-Position']}")
    cursors = [
        (await here.get(f"{path}limit=1", by="jiang-he")).body["next"]
        for path in ("/cases?", "/alerts?", "/audit/all?", "/audit/approval?")
    ]
    assert all(cursors)

    for path in ("/cases", "/audit/all", "/alerts", "/audit/approval"):
        heard = {
            str(await answered(here, "GET", f"{path}?after={cursor}", by="wu-jun"))
            for cursor in (*cursors, "bm90aGluZw")
        }
        assert 1 == len(heard)
        assert "invalid-cursor" in next(iter(heard))


async def test_an_import_of_another_ledger(here):
    from tests.api.test_order import staged

    uploaded = await staged(here)
    there = replace(here, ledger="469028")
    for method, path in (("GET", ""), ("GET", "/rows"), ("POST", "/commit"), ("POST", "/abandon")):
        heard = [
            await answered(there, method, f"/imports/{name}{path}", by="wu-jun")
            for name in (uploaded, "0" * 32)
        ]
        assert heard[0] == heard[1]
        assert 404 == heard[0][0]


async def test_control_without_relations_the_answers_differ(apart, monkeypatch):
    case, _, _ = await others(apart)
    monkeypatch.setattr(standing, "visible", lambda caller, case, office, now: None)

    heard = [
        await answered(apart, "GET", f"/cases/{number}", by="mo-li") for number in (case, NEVER)
    ]

    assert heard[0] != heard[1]
