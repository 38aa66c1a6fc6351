"""Imports over HTTP: what happened elsewhere comes in as facts, once, or is set aside."""

import asyncio
import gzip
import json
import sqlite3
from pathlib import Path

import aiohttp
import asyncpg
import pytest

import api.demo
from ledger.database import Role
from tests.api.serving import KEYS, serve
from tests.api.test_applicants import Applicant, everything, holding

DATA = Path(api.demo.__file__).parent / "data"
MAPPING = {
    "system": "old-system",
    "item": "old-permit",
    "id": "no",
    "zone": "Asia/Shanghai",
    "precision": "day",
    "acts": [
        {"type": "received", "at": "applied"},
        {"type": "decided", "at": "issued", "data": {"outcome": "grant"}},
        {"type": "issued", "at": "issued"},
        {"type": "closed", "at": "done"},
    ],
    "facts": ["note"],
}
GOOD = """no,applied,issued,done,note
A-1,2019-01-02,2019-01-09,2019-02-01,as it was
A-2,2019-01-03,,,
"""


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


async def upload(
    here, text, *, mapping=MAPPING, by="guo-an", key=None, name="old.csv", dry=False, headers=None
):
    form = aiohttp.FormData()
    form.add_field("mapping", json.dumps(mapping), content_type="application/json")
    media = "text/csv" if name.endswith(".csv") else "application/x-ndjson"
    content = text if isinstance(text, bytes) else text.encode()
    form.add_field("file", content, filename=name, content_type=media)
    payload = form()
    headers = {
        "Content-Type": payload.headers["Content-Type"],
        "Idempotency-Key": key or f"up-{next(KEYS)}",
        **(headers or {}),
    }
    query = "?dry_run=true" if dry else ""
    return await here.call("POST", f"/imports{query}", by=by, data=payload, headers=headers)


async def committed(here, imported, *, by="wu-jun", key=None):
    answer = await here.post(f"/imports/{imported}/commit", by=by, key=key)
    assert 202 == answer.status, answer.body
    return await finished(here, imported)


async def finished(here, imported):
    async with asyncio.timeout(20):
        while True:
            told = (await here.get(f"/imports/{imported}", by="wu-jun")).body
            if told["state"] == "committed":
                return told
            await asyncio.sleep(0.02)


async def nothing_waits(here):
    """Until the key of every import is destroyed."""
    async with asyncio.timeout(20):
        while True:
            if not here.service.keyring.passing(here.ledger, "import"):
                return
            await asyncio.sleep(0.02)


async def rows(here, imported, query=""):
    answer = await here.get(f"/imports/{imported}/rows{query}", by="wu-jun")
    assert 200 == answer.status, answer.body
    return answer.body["items"]


async def test_a_row_becomes_a_case_with_its_own_times_and_where_it_comes_from(here):
    uploaded = await upload(here, GOOD)
    assert (201, "staged", 2) == (
        uploaded.status,
        uploaded.body["state"],
        uploaded.body["ready"],
    )

    told = await committed(here, uploaded.body["id"])

    assert (2, 0, 5) == (told["recorded"], told["quarantined"], told["events"])
    first, second = await rows(here, uploaded.body["id"])
    assert ("recorded", "469002-2026-000001") == (first["state"], first["case"])
    state = await here.state(first["case"], by="wu-jun")
    assert ("closed", "2019-01-02", "2019-02-01") == (
        state["stage"],
        state["received_on"],
        state["closed_on"],
    )
    source = {"system": "old-system", "file": "old.csv", "row": 1, "id": "A-1"}
    assert source.items() <= state["source"].items()
    assert ([], {}) == (state["deadlines"], state["terms"])
    history = (await here.get(f"/cases/{first['case']}/events", by="wu-jun")).body["items"]
    assert ["received", "decided", "issued", "closed"] == [e["type"] for e in history]
    assert {("system", None, "old-system")} == {
        (e["actor"]["kind"], e["actor"]["person"], e["actor"]["client"]) for e in history
    }
    assert "2019-01-01T16:00:00.000000Z" == history[0]["occurred_at"]
    assert history[0]["recorded_at"] > "2026-03-01"
    assert "received" == (await here.state(second["case"], by="wu-jun"))["stage"]


async def test_what_happened_elsewhere_is_not_acted_on_here(here):
    uploaded = await upload(here, GOOD)
    await committed(here, uploaded.body["id"])
    case = (await rows(here, uploaded.body["id"]))[1]["case"]
    state = await here.state(case, by="zhou-min")

    answer = await here.act(case, "accept", by="zhou-min")

    assert (409, "rule-refused", "import.elsewhere") == answer.refusal
    assert not set(state["allowed_actions"]) - {"correct"}


async def test_rows_that_cannot_be_are_set_aside_with_a_code_and_never_dropped(here):
    text = "\n".join(
        (
            "no,applied,issued,done,note",
            "B-1,2019-01-02,,2019-01-01,closed before it began",
            ",2019-01-02,,,nobody",
            "B-3,,,,no receipt",
            "B-4,2019-13-02,,,no such month",
            "B-5,2019-01-05,2019-01-02,,issued before",
            "B-6,2030-01-05,,,tomorrow",
            "B-7,2019-01-02,,,fine",
            "B-7,2019-01-02,,,again",
            "B-8,2019-01-02,,",
            "B-9,2019-01-02,,,\u202egnol",
            'B-10,2019-01-02,,,"line\nbreak"',
            "B-11,1830-01-02,,,before our time",
            f"B-12,2019-01-02,,,{'x' * 10_001}",
            'B-13,2019-01-02,,,"open',
        )
    )

    uploaded = await upload(here, text)

    assert 201 == uploaded.status, uploaded.body
    found = {row["row"]: row["code"] for row in await rows(here, uploaded.body["id"])}
    assert {
        1: "closed-before-created",
        2: "missing-id",
        3: "missing-time",
        4: "bad-time",
        5: "out-of-order",
        6: "in-future",
        7: None,
        8: "duplicate",
        9: "bad-row",
        10: "forbidden-character",
        11: "forbidden-character",
        12: "bad-time",
        13: "too-long",
        14: "bad-row",
    } == found
    told = await committed(here, uploaded.body["id"])
    assert (14, 1, 13) == (told["rows"], told["recorded"], told["quarantined"])
    assert {7} == {r["row"] for r in await rows(here, uploaded.body["id"], "?state=recorded")}
    assert {4, 12} == {r["row"] for r in await rows(here, uploaded.body["id"], "?code=bad-time")}


async def test_one_json_object_a_line_is_read_as_well(here):
    lines = [
        b'{"no": "C-1", "applied": "2019-01-02T09:00:00+08:00", "note": 7}',
        b"not json",
        b'{"no": "C-2", "no": "C-3", "applied": "2019-01-02"}',
        b'{"no": "C-4", "applied": {"at": "2019-01-02"}}',
        b'{"no": "\\ud800", "applied": "2019-01-02"}',
    ]

    uploaded = await upload(here, b"\n".join(lines), name="old.ndjson")

    found = [row["code"] for row in await rows(here, uploaded.body["id"])]
    assert [None, "bad-row", "bad-row", "bad-row", "bad-row"] == found


async def test_a_dry_run_reports_and_leaves_nothing(here, connect):
    text = GOOD + "A-2,2019-01-03,,,\n"

    told = await upload(here, text, dry=True)

    assert (200, "dry-run", None) == (told.status, told.body["state"], told.body["id"])
    assert (3, 2, {"duplicate": 1}) == (
        told.body["rows"],
        told.body["ready"],
        told.body["codes"],
    )
    assert [(3, "duplicate")] == [(p["row"], p["code"]) for p in told.body["problems"]]
    assert (0, 0) == await left(connect)


async def left(connect):
    connection = await connect(Role.PROJECT)
    files = await connection.fetchval("SELECT count(*) FROM projections.import_file")
    return files, await connection.fetchval("SELECT count(*) FROM projections.import_row")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "old.csv"),
        ("a,b,c\n1,2,3\n", "old.csv"),
        ("no,no,applied,issued,done,note\n", "old.csv"),
        (b"\x00\xff\xfe\x00", "old.csv"),
        (GOOD.encode("utf-16"), "old.csv"),
        ('no,applied,issued,done,note\n"' + "x" * 300_000, "old.csv"),
        ("no,applied,issued,done,note\n", "old.csv"),
        ("nothing\nat all\n", "old.ndjson"),
        ("<log/>", "old.xes"),
    ],
)
async def test_a_file_that_cannot_be_read_as_a_whole_is_refused(here, connect, text, name):
    answer = await upload(here, text, name=name)

    assert (422, "import-format") == (answer.status, answer.slug)
    assert (0, 0) == await left(connect)


async def test_a_file_without_its_form_is_refused(here):
    xes = b'<?xml version="1.0"?><!DOCTYPE log [<!ENTITY a "b">]><log/>'
    for media, slug in (("application/xml", "import-format"), ("text/csv", "import-format")):
        headers = {"Content-Type": media, "Idempotency-Key": f"bare-{media}"}
        answer = await here.call("POST", "/imports", by="guo-an", data=xes, headers=headers)
        assert (422, slug) == (answer.status, answer.slug)
    headers = {"Content-Type": "application/json", "Idempotency-Key": "bare-json"}
    answer = await here.call("POST", "/imports", by="guo-an", data=b"{}", headers=headers)
    assert (415, "media-type") == (answer.status, answer.slug)


@pytest.mark.parametrize(
    ("change", "slug", "pointer"),
    [
        ({"terms": {}}, "unknown-field", "/mapping/terms"),
        ({"system": "a|b"}, "schema", "/mapping/system"),
        ({"zone": "../../etc/passwd"}, "schema", "/mapping/zone"),
        ({"acts": []}, "schema", "/mapping/acts"),
        ({"acts": [{"type": "sealed", "at": "done"}]}, "schema", "/mapping/acts/0/type"),
        ({"acts": [{"type": "closed", "at": "done"}]}, "schema", "/mapping/acts/0/type"),
        (
            {"acts": [{"type": "received", "at": "applied", "data": {"terms": {}}}]},
            "unknown-field",
            "/mapping/acts/0/data/terms",
        ),
    ],
)
async def test_a_mapping_that_says_too_much_or_too_little_is_refused(here, change, slug, pointer):
    answer = await upload(here, GOOD, mapping={**MAPPING, **change})

    assert (422, slug, pointer) == (answer.status, answer.slug, answer.body["pointer"])


async def test_the_same_upload_and_the_same_commit_sent_again_are_one(here):
    first = await upload(here, GOOD, key="up")
    again = await upload(here, GOOD, key="up")
    other = await upload(here, GOOD + "A-3,2019-01-03,,,\n", key="up")
    assert (201, "true") == (again.status, again.headers["Idempotency-Replayed"])
    assert first.raw == again.raw
    assert (422, "idempotency-key-reused") == (other.status, other.slug)

    one = await here.post(f"/imports/{first.body['id']}/commit", by="wu-jun", key="in")
    two = await here.post(f"/imports/{first.body['id']}/commit", by="wu-jun", key="in")
    three = await here.post(f"/imports/{first.body['id']}/commit", by="wu-jun", key="other")

    assert (202, 202, one.raw) == (one.status, two.status, two.raw)
    assert (409, "already-done", "import.once") == three.refusal
    assert 2 == (await finished(here, first.body["id"]))["recorded"]
    assert first.raw == (await upload(here, GOOD, key="up")).raw


async def test_a_case_that_another_file_brought_is_not_taken_twice(here):
    await committed(here, (await upload(here, GOOD)).body["id"])
    second = await upload(here, GOOD + "A-3,2019-01-03,,,\n", name="again.csv")

    told = await committed(here, second.body["id"])

    assert (1, {"duplicate": 2}) == (told["recorded"], told["codes"])


async def test_who_is_in_a_file_stands_in_clear_nowhere(here, database):
    mapping = MAPPING | {"applicant": {"name": "who", "id": "idno"}}
    text = "no,applied,issued,done,note,who,idno\n" + "".join(
        f"{no},{day},,,,张三丰,460000199001010013\n"
        for no, day in (("A-1", "2019-01-02"), ("A-1", "2019-01-02"), ("A-2", "soon"))
    )

    uploaded = await upload(here, text, mapping=mapping)
    async with everything(database) as rows:
        staged = [holding(rows, canary) for canary in ("张三丰", "460000199001010013")]
    told = await committed(here, uploaded.body["id"])
    async with everything(database) as rows:
        taken = [holding(rows, canary) for canary in ("张三丰", "460000199001010013")]
        left = [row for row in rows["projections.import_row"] if '"\\\\x"' not in row]

    assert (1, 2) == (told["recorded"], told["quarantined"])
    assert [[], [], [], []] == [*staged, *taken]
    assert [] == left
    case = (await here.get(f"/imports/{uploaded.body['id']}/rows", by="wu-jun")).body["items"][0]
    state = await here.state(case["case"], by="wu-jun")
    assert {"name": "张*丰", "id": "4600**********0013"} == state["applicant"]


@pytest.mark.parametrize(
    "more",
    [
        {"facts": ["note", "who"]},
        {"id": "who"},
        {"acts": [*MAPPING["acts"], {"type": "published", "at": "done",
                                     "data": {"what": "decision", "where": {"column": "who"}}}]},
    ],
    ids=["facts", "id", "acts"],
)  # fmt: skip
async def test_what_names_the_applicant_is_kept_as_nothing_else(here, more):
    answer = await upload(here, GOOD, mapping=MAPPING | {"applicant": {"name": "who"}} | more)

    assert (422, "schema") == (answer.status, answer.slug)
    assert "/mapping/applicant" == answer.body["pointer"]


@pytest.mark.parametrize(
    "to", [{"unit": "x", "mother": "王五"}, {"unit": {"name": "王五"}}, {"unit": [{"a": 1}]}, "x"]
)
async def test_what_no_such_act_has_is_refused_with_the_mapping(here, to):
    acts = [*MAPPING["acts"][:1], {"type": "transferred", "at": "issued", "data": {"to": to}}]

    answer = await upload(here, GOOD, mapping=MAPPING | {"acts": acts})

    assert (422, "schema", "/mapping/acts/1/data") == (
        answer.status,
        answer.slug,
        answer.body["pointer"],
    )


async def test_an_applicant_neither_uploads_nor_looks(here, database):
    uploaded = await upload(here, GOOD)
    portal = Applicant(here, "460000199001010013")

    brought = await upload(here, GOOD, by=None, headers=portal.who)
    looked = [await portal.get(f"/imports/{uploaded.body['id']}{path}") for path in ("", "/rows")]

    assert [(403, "action-not-allowed")] * 3 == [(a.status, a.slug) for a in (brought, *looked)]
    async with everything(database) as rows:
        assert [] == holding(rows, "460000199001010013")


async def test_who_may_upload_look_and_commit(here):
    refused = await upload(here, GOOD, by="zhou-min")
    assert (403, "action-not-allowed") == (refused.status, refused.slug)
    uploaded = await upload(here, GOOD)
    path = f"/imports/{uploaded.body['id']}"

    assert (403, "action-not-allowed", None) == (
        await here.post(f"{path}/commit", by="guo-an")
    ).refusal
    assert 403 == (await here.get(path, by="zhou-min")).status
    assert 404 == (await here.get("/imports/0", by="wu-jun")).status
    assert 404 == (await here.get(f"/imports/{'0' * 32}", by="wu-jun")).status
    on_record = await here.get("/audit/all?refused=true", by="qin-yu")
    actions = [row["action"] for row in on_record.body["items"]]
    assert {"import-upload", "import-commit", "read-imports"} <= set(actions)


async def test_an_import_that_was_cut_short_goes_on_and_takes_no_row_twice(here, connect):
    text = "no,applied,issued,done,note\n" + "".join(
        f"D-{n},2019-01-02,2019-01-03,2019-01-04,\n" for n in range(900)
    )
    uploaded = await upload(here, text)
    connection = await connect(Role.PROJECT)
    waiting = await connection.fetch("SELECT raw, row FROM projections.import_row")
    with sqlite3.connect(here.service.keys / "subjects.db") as file:
        key = file.execute("SELECT * FROM subject_key WHERE role = 'passing'").fetchone()
    told = await committed(here, uploaded.body["id"])
    head = await here.service.store.head(here.ledger)
    # As a kill between the append and the note of it leaves it: taken, and not known so.
    await nothing_waits(here)
    with sqlite3.connect(here.service.keys / "subjects.db") as file:
        file.execute("INSERT INTO subject_key VALUES (?, ?, ?, ?, ?, ?)", key)
    await connection.executemany(
        "UPDATE projections.import_row"
        " SET state = 'ready', position = NULL, case_no = NULL, raw = $1 WHERE row = $2",
        waiting,
    )
    await connection.execute(
        "UPDATE projections.import_file SET state = 'committing', recorded = 0, events = 0"
    )
    before = {r["row"]: r["case"] for r in await rows(here, uploaded.body["id"], "?limit=500")}
    assert {None} == set(before.values())

    again = await finished(here, uploaded.body["id"])

    assert (900, 3600) == (again["recorded"], again["events"])
    assert told["position"] == again["position"]
    assert head.size == (await here.service.store.head(here.ledger)).size
    cases = [r["case"] for r in await rows(here, uploaded.body["id"], "?limit=500")]
    assert 500 == len(set(cases))
    assert None not in cases


async def test_an_import_stops_when_the_head_who_committed_it_is_head_no_more(here, database):
    uploaded = await upload(here, GOOD)
    connection = await asyncpg.connect(**database.as_role(Role.PROJECT))
    ended = await here.post("/appointments/wu-jun-bureau-head/end", by="fang-ke")
    assert 201 == ended.status, ended.body
    # Committed in the moment before.
    await connection.execute(
        "UPDATE projections.import_file SET state = 'committing', commit_key = 'k', "
        "committed_by = 'wu-jun', appointment = 'wu-jun-bureau-head', organ = 'qh-xzsp'"
    )
    await connection.close()

    async with asyncio.timeout(20):
        told = await here.get(f"/imports/{uploaded.body['id']}", by="guo-an")
        while told.body["state"] != "staged":
            await asyncio.sleep(0.02)
            told = await here.get(f"/imports/{uploaded.body['id']}", by="guo-an")

    assert (0, None) == (told.body["recorded"], told.body["committed_by"])


async def test_real_permits_come_out_as_the_file_says(here):
    content = gzip.decompress((DATA / "calgary_building_permits.csv.gz").read_bytes())
    mapping = json.loads((DATA / "calgary_building_permits.mapping.json").read_text())
    some = b"\n".join(content.split(b"\n")[:401]) + b"\n"

    uploaded = await upload(here, some, mapping=mapping)
    told = await committed(here, uploaded.body["id"])

    assert (400, 400, 0) == (told["rows"], told["recorded"], told["quarantined"])
    by_position = await here.get(
        f"/cases?item=calgary-building-permit&limit=500&at_least={told['position']}", by="wu-jun"
    )
    assert 400 == len(by_position.body["items"])
