"""Event logs in XES: traces come in whole, with their officers; hostile XML does not."""

import gzip
import io
import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

import api.demo
from api import logged
from api.demo import run_demo
from api.xes import MAX_EVENTS, MAX_TOKEN, XesRows
from ledger import mapping, traced
from ledger.errors import Refused
from tests.api.serving import KEYS, serve
from tests.api.test_imports import committed, rows

DATA = Path(api.demo.__file__).parent / "data"
RECEIPT = json.loads((DATA / "coselog_wabo_receipt.mapping.json").read_text("utf-8"))
# Real data that may be used and not shipped: beside the project, or where this names it.
SHARED = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
LOG = SHARED / "raw" / "coselog_wabo_receipt.xes.gz"
ORACLES = SHARED / "oracles.json"

MAPPING = {
    "system": "old-flow",
    "item": "old-permit",
    "zone": "Asia/Shanghai",
    "trace": {"id": "concept:name", "end": "ended", "deadline": "deadline", "facts": ["channel"]},
    "event": {"person": "org:resource", "unit": "org:group", "transition": "lifecycle:transition"},
    "activities": {
        "check": {"type": "reviewed", "data": {"level": "check"}},
        "determine": {"type": "decided", "data": {"outcome": "grant"}, "checks": "check"},
    },
}


def event(activity, at, person="R1", unit="G1"):
    return (
        f'<event><string key="concept:name" value="{activity}"/>'
        f'<string key="org:resource" value="{person}"/><string key="org:group" value="{unit}"/>'
        f'<date key="time:timestamp" value="{at}"/>'
        '<string key="lifecycle:transition" value="complete"/></event>'
    )


def trace(name, *events, **attributes):
    told = "".join(f'<string key="{k}" value="{v}"/>' for k, v in attributes.items())
    return f'<trace><string key="concept:name" value="{name}"/>{told}{"".join(events)}</trace>'


def log(*traces, head='<?xml version="1.0" encoding="UTF-8"?>', xmlns=""):
    return f'{head}<log xes.version="1849.2016"{xmlns}>{"".join(traces)}</log>'


GOOD = trace(
    "c-1",
    event("start", "2019-03-01T09:00:00.000+08:00", "R1"),
    event("check", "2019-03-04T10:00:00.000+08:00", "R2"),
    event("determine", "2019-03-04T10:00:30.000+08:00", "R2", "G2"),
    event("print", "2019-03-06T08:00:00.123+08:00", "R1"),
    channel="counter",
    deadline="2019-03-05T00:00:00.000+08:00",
    ended="2019-03-05T12:00:00.000+08:00",
)


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


@pytest.fixture(scope="module")
async def shared(lasting, tmp_path_factory):
    """One for all uploads that are refused, or tried only."""
    folder = tmp_path_factory.mktemp("shared")
    async for serving in serve(lasting, folder, start="2026-03-02"):
        yield serving


async def upload(here, text, *, mapping=MAPPING, name="old.xes", dry=False):
    form = aiohttp.FormData()
    form.add_field("mapping", json.dumps(mapping), content_type="application/json")
    content = text if isinstance(text, bytes) else text.encode()
    file = io.BytesIO(content)
    form.add_field("file", file, filename=name, content_type="application/xml")
    payload = form()
    headers = {
        "Content-Type": payload.headers["Content-Type"],
        "Idempotency-Key": f"xes-{next(KEYS)}",
    }
    query = "?dry_run=true" if dry else ""
    return await here.call("POST", f"/imports{query}", by="guo-an", data=payload, headers=headers)


async def history(here, case):
    return (await here.get(f"/cases/{case}/events", by="jiang-he")).body["items"]


# -- what comes in -----------------------------------------------------------------------------


@pytest.mark.parametrize("xmlns", ["", ' xmlns="http://www.xes-standard.org/"'])
async def test_a_trace_is_a_case_with_every_act_by_whom_it_was_done(here, xmlns):
    answer = await upload(here, log(GOOD, xmlns=xmlns))
    assert (201, 1, 0) == (answer.status, answer.body["ready"], answer.body["quarantined"])
    told = await committed(here, answer.body["id"])
    (row,) = await rows(here, answer.body["id"])

    events = await history(here, row["case"])

    assert (5, 1) == (told["events"], told["recorded"])
    assert ["received", "reviewed", "decided", "acted-elsewhere", "closed"] == [
        e["type"] for e in events
    ]
    assert ["start", "check", "determine", "print", None] == [
        e["source"].get("activity") for e in events
    ]
    people = [(e["actor"]["kind"], e["actor"]["person"], e["actor"]["name"]) for e in events]
    assert [
        ("elsewhere", "old-flow:R1", "R1"),
        ("elsewhere", "old-flow:R2", "R2"),
        ("elsewhere", "old-flow:R2", "R2"),
        ("elsewhere", "old-flow:R1", "R1"),
        ("system", None, None),
    ] == people
    assert (["check"], "G2") == (events[2]["source"]["checks"], events[2]["source"]["unit"])
    assert "2019-03-06T00:00:00.123000Z" == events[3]["occurred_at"]
    facts = events[0]["data"]["facts"]
    assert "counter" == facts["channel"]
    assert datetime.fromisoformat("2019-03-05T00:00:00+08:00") == datetime.fromisoformat(
        facts["deadline"]
    )
    case = (await here.get(f"/cases/{row['case']}", by="jiang-he")).body
    assert ("closed", "old-flow:R1") == (case["stage"], case["holder"]["person"])
    audit = await here.get(f"/audit/all?case={row['case']}", by="jiang-he")
    assert "old-flow:R2" in [a["actor"]["person"] for a in audit.body["items"]]
    found = (await here.get("/findings?rule=four-eyes", by="jiang-he")).body["items"]
    (same,) = [f for f in found if "determine" in f["part"]]
    assert ("old-flow:R2", [row["case"]]) == (same["officer"], same["cases"])
    mine = await here.act(row["case"], "review", {"level": "handle"}, by="chen-zhi", version=5)
    assert (409, "rule-refused", "import.elsewhere") == mine.refusal


async def test_a_trace_comes_once_and_a_cut_import_goes_on(here):
    first = await upload(here, log(GOOD))
    await committed(here, first.body["id"])

    again = await upload(here, log(GOOD, trace("c-2", event("start", "2019-03-01T09:00:00Z"))))
    told = await committed(here, again.body["id"])

    assert ({"duplicate": 1}, 1) == (told["codes"], told["recorded"])


BAD = {
    "missing-id": trace("", event("start", "2019-03-01T09:00:00Z")),
    "bad-time": trace("x", event("start", "yesterday")),
    "missing-time": trace("x"),
    "in-future": trace("x", event("start", "2036-03-01T09:00:00Z")),
    "too-long": trace("x", event("s" * 201, "2019-03-01T09:00:00Z")),
    "bad-row": trace("x", *[event("start", "2019-03-01T09:00:00Z")] * (MAX_EVENTS + 1)),
    "forbidden-character": trace("x", event("a\u202eb", "2019-03-01T09:00:00Z")),
}


@pytest.mark.parametrize("code", BAD)
async def test_a_trace_that_cannot_be_is_set_aside_with_its_code(shared, code):
    answer = await upload(shared, log(GOOD, BAD[code]), dry=True)

    assert (200, {code: 1}, 1) == (answer.status, answer.body["codes"], answer.body["ready"])


async def test_an_attribute_given_twice_spoils_its_trace(shared):
    twice = GOOD.replace(
        '<string key="channel"', '<string key="deadline" value="x"/><string key="channel"'
    )

    answer = await upload(shared, log(GOOD.replace("c-1", "c-2"), twice), dry=True)

    assert {"bad-row": 1} == answer.body["codes"]


# -- what does not -----------------------------------------------------------------------------

ENTITY = '<!DOCTYPE log [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
HOSTILE = {
    "entities": log(trace("&b;", event("s", "2019-03-01T09:00:00Z")), head=ENTITY),
    "doctype": log(GOOD, head="<!DOCTYPE log>"),
    "outside": log(GOOD, head='<!DOCTYPE log SYSTEM "file:///etc/passwd">'),
    "parameter entity": log(GOOD, head='<!DOCTYPE log [<!ENTITY % p SYSTEM "http://x/">%p;]>'),
    "instruction": log(GOOD, head='<?xml version="1.0"?><?php x ?>'),
    "latin": log(GOOD, head='<?xml version="1.0" encoding="ISO-8859-1"?>'),
    "utf-16": log(GOOD).encode("utf-16"),
    "not a log": "<html><body/></html>",
    "another namespace": log(GOOD, xmlns=' xmlns="http://example.org/"'),
    "cut": log(GOOD)[:-20],
    "cut in a tag": log(GOOD)[:-3],
    "two roots": log(GOOD) + "<log/>",
    "deep": log(GOOD, "<string>" * 40 + "</string>" * 40),
    "an event outside": log(event("s", "2019-03-01T09:00:00Z")),
    "giant attribute": log(trace("x" * (2 * MAX_TOKEN))),
    "giant name": log(GOOD, "<" + "a" * (2 * MAX_TOKEN) + "/>"),
    "nothing": "",
    "not XML": "no,applied\n1,2\n",
    "NUL": log(trace("a\0b")),
    "no trace": log(),
    "lone surrogate": log(trace("x")).encode().replace(b'value="x"', b'value="\xed\xa0\x80"'),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_log_is_refused_as_a_whole(shared, name):
    answer = await upload(shared, HOSTILE[name])

    assert (422, "import-format") == answer.refusal[:2], answer.body


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_a_log_is_read_the_same_in_whatever_pieces_it_comes(size):
    content = log(GOOD, trace("c-2", event("start", "2019-03-01T09:00:00Z"))).encode()

    reader, found = XesRows(), []
    for start in range(0, len(content), size):
        found += reader.feed(content[start : start + size])
    found += reader.end()

    assert [1, 2] == [row.number for row in found]
    whole = XesRows()
    assert found == [*whole.feed(content), *whole.end()]


def test_a_tag_that_never_ends_is_given_up_early():
    reader = XesRows()

    def endless():
        for _ in range(64):
            reader.feed(b"<log " + b"a" * 65_536)

    with pytest.raises(Refused):
        endless()
    assert reader._fed <= 3 * MAX_TOKEN


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"activities": {"x": {"type": "sealed"}}}, "/mapping/activities/0/type"),
        ({"activities": {"x": {"type": "decided"}}}, "/mapping/activities/0/data"),
        ({"activities": {"x": {"data": {"outcome": "grant"}}}}, "/mapping/activities/0/data"),
        ({"trace": {"id": 3}}, "/mapping/trace/id"),
        ({"event": {"clock": "x"}}, "/mapping/event/clock"),
        ({"activities": []}, "/mapping/activities"),
        (
            {"activities": {"x": {"type": "reviewed", "data": {"level": {"column": "y"}}}}},
            "/mapping/activities/0/data",
        ),
    ],
)
async def test_a_mapping_that_says_what_cannot_be_is_refused(shared, change, pointer):
    answer = await upload(shared, log(GOOD), mapping=MAPPING | change)

    assert (422, pointer) == (answer.status, answer.body["pointer"])


async def test_a_mapping_of_a_log_wants_a_log(shared):
    answer = await upload(shared, "no,applied\n1,2\n", name="old.csv")
    # The media type of the form says XML, and it is none.
    assert (422, "import-format") == answer.refusal[:2]


# -- the receipt log -----------------------------------------------------------------------------


@pytest.mark.skipif(not LOG.exists(), reason=f"the receipt log is not at {LOG}")
async def test_the_receipt_log_gives_the_figures_of_its_oracle(here):
    """1,434 cases of a Dutch municipality, and what another program counted in them."""
    oracle = json.loads(ORACLES.read_text("utf-8"))["coselog_wabo_receipt"]
    answer = await upload(here, gzip.decompress(LOG.read_bytes()), mapping=RECEIPT)
    assert (1434, 0) == (answer.body["ready"], answer.body["quarantined"]), answer.body["codes"]
    told = await committed(here, answer.body["id"])
    assert oracle["cases"] == told["recorded"]
    closed = oracle["cases"] - oracle["open (no enddate)"]
    assert oracle["events"] + closed == told["events"]

    await _same_officers(here, oracle)
    await _habits(here, oracle)
    query = "from=2010-01-01&to=2013-12-31&source=coselog-receipt"
    figures = (await here.get(f"/performance?{query}", by="xing-tao")).body["items"]
    (late,) = [f for f in figures if f["definition"] == "import.closed-late@1"]
    assert (oracle["closed after deadline"], closed) == (late["numerator"], late["denominator"])


async def figure(here, rule, **by):
    query = "&".join(f"{name}={value}" for name, value in ({"rule": rule} | by).items())
    answer = await here.get(f"/findings/figures?{query}", by="jiang-he")
    assert 200 == answer.status, answer.body
    return answer.body["items"]


async def _same_officers(here, oracle):
    """Who checked is who determined, pair by pair; and how soon after the check."""
    told = Counter()
    for one in await figure(here, "four-eyes", by="part"):
        told[one["part"], one["same_person"]] += one["cases"]
    for pair, (both, same) in oracle[
        "same resource did both (cases with both, of which same)"
    ].items():
        first, second = pair.split("+")
        ((yes, no),) = {
            (told[part, True], told[part, False])
            for part, _ in told
            if part.startswith(first + " ") and f"→ {second} " in part
        }
        assert (both, same) == (yes + no, yes), pair
    both, soon = oracle["T04 within 60 s after the last T02 before it (of cases with both)"]
    at_once = await cases_of(here, "rubber-stamp", "rubber-stamp.decision", "T02 ")
    assert (1303, 817, len(at_once)) == (both, soon, soon)


async def _habits(here, oracle):
    """Hand-overs, rework, and what was done after the end."""
    (persons,) = [
        one
        for one in await figure(here, "handover", by="part")
        if one["measure"] == "handover.persons"
    ]
    assert oracle["handovers of work"] == persons["sum"]
    assert oracle["cases done by one resource"] == persons["nothing"]
    again = {
        one["part"]: one["cases"]
        for one in await figure(here, "loops", by="part")
        if one["measure"] == "loops.act"
    }
    assert oracle["cases with rework, per activity"] == again
    after = await cases_of(here, "back-dating", "back-dating.after-close")
    assert oracle["cases with an event after enddate"] == len(after)


async def cases_of(here, rule, measure, part=""):
    """The cases that a rule found something of, page by page."""
    found, after = set(), ""
    while after is not None:
        answer = await here.get(f"/findings?rule={rule}&limit=500{after}", by="jiang-he")
        assert 200 == answer.status, answer.body
        for one in answer.body["items"]:
            if one["measure"] == measure and (one["part"] or "").startswith(part):
                found.update(one["cases"])
        mark = answer.body["next"]
        after = None if mark is None else f"&after={mark}"
    return found


async def test_the_demo_brings_a_log_in_and_tells_what_it_finds(here, tmp_path):
    path = tmp_path / "old-flow.xes.gz"
    path.write_bytes(gzip.compress(log(GOOD).encode()))
    path.with_name("old-flow.mapping.json").write_text(json.dumps(MAPPING))
    out = io.StringIO()

    def token(person):
        return here.tokens.token(person, person)

    summary = await run_demo(here.base, token, out, cases=2, rows=20, log=path)

    assert [] == summary.tally.unexpected
    assert "old-flow: 1 cases, 5 events, 0 set aside; 1 of 1 closed late" in out.getvalue()
    assert " four-eyes " in out.getvalue()


def test_a_log_of_which_nothing_is_known_is_read_by_the_words_of_the_standard(tmp_path):
    path = tmp_path / "some log (1).xes"
    path.write_text(log(GOOD))

    found = logged.read(path)

    read = mapping.mapping(json.loads(found.mapping))
    assert ("some-log-1", "org:resource", "concept:name") == (read.system, read.person, read.id)
    (row,) = XesRows().feed(found.content)
    acts = traced.read(row.cells, read, datetime.now(UTC)).acts
    assert ["received", *["acted-elsewhere"] * 3] == [act.type for act in acts]
