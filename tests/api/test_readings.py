"""Readings on record: log, then serve; and what inspection reads shows nowhere else."""

import hashlib
import re

import asyncpg
import pytest

from api import app, exchange, readings
from api.routes import TABLE
from api.web.pages import table as pages
from ledger import records
from ledger.database import Role
from ledger.errors import Corrupt
from tests.api.serving import serve

NOTICE = {"Purpose": "inspection; JW-2026-001"}
INSPECTOR, LEAD, HEAD, ADMIN = "jiang-he", "yan-qing", "wu-jun", "qin-yu"


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


async def size(here, line):
    head = await here.service.store.head(f"{here.ledger}.{line}")
    return head.size


async def entries(here, **asked):
    query = "&".join(f"{name}={value}" for name, value in {"limit": 500, **asked}.items())
    answer = await here.get(f"/access-log?{query}", by=LEAD)
    assert 200 == answer.status, answer.body
    return answer.body["items"]


def test_every_reading_says_what_it_delivers_or_that_it_is_nothing():
    rows = [*app.table(), *exchange.table(), *pages()]

    assert [] == [r.path for r in rows if r.method == "GET" and not isinstance(r.delivers, tuple)]
    nothing = {r.name for r in rows if r.method == "GET" and not r.delivers}
    assert nothing <= {
        "", "asset", "read-{things}", "read-office", "read-conformity", "read-baseline",
        "read-anchors", "read-log", "receive", "register-complaint", "open-matter",
        "office-propose", "sign-in",
    }  # fmt: skip


async def test_who_read_which_case_and_what_for_is_on_record(here):
    case = await here.accepted("QH-002", "2026-03-02")

    await here.get(f"/cases/{case}", headers={"Purpose": "handle; T-1", "X-Request-Id": "r-1"})

    (row,) = await entries(here, case=case)
    assert ("chen-zhi", "handler", "qh-xzsp") == tuple(
        row["actor"][name] for name in ("person", "role", "organ")
    )
    assert ("open", "read", "read-case", [case], 1) == tuple(
        row[name] for name in ("line", "type", "what", "cases", "items")
    )
    assert {"code": "handle", "reference": "T-1"} == row["purpose"]
    assert ["official", "personal", "sensitive"] == row["classes"]
    assert "r-1" == row["request"]


async def test_of_a_list_its_filter_stands_there_as_a_keyed_digest_only(here):
    await here.accepted("QH-002", "2026-03-02")

    for text in ("chen-zhi", "chen-zhi", "zhou-min"):
        await here.get(f"/cases?officer={text}", by=HEAD)

    rows = await entries(here, what="read-cases")
    one, two, three = (row["filter"] for row in rows)
    assert one == two != three
    assert re.fullmatch("[0-9a-f]{64}", one)
    raw = [r.record for r in await here.service.store.since(f"{here.ledger}.open", 0, 500)]
    assert not any(b"officer" in record for record in raw)


async def test_a_stream_has_an_entry_before_its_first_byte_and_one_at_its_end(here):
    await here.accepted("QH-002", "2026-03-02")
    await here.accepted("QH-002", "2026-03-03")
    seen = await here.get("/audit/all?limit=500", by=HEAD)
    at = seen.body["items"][-1]["position"]

    told = await here.get(f"/export/ndjson?at_least={at}", by=HEAD)
    table = await here.get(f"/export/csv?at_least={at}", by=HEAD)

    rows = await entries(here, what="read-export")
    assert ["begun", "ended"] * 2 == [row["part"] for row in rows]
    assert [row["id"] for row in rows[::2]] == [row["begun"] for row in rows[1::2]]
    assert [hashlib.sha256(a.raw).hexdigest() for a in (told, table)] == [
        row["digest"] for row in rows[1::2]
    ]
    assert [2, 2] == [row["items"] for row in rows[1::2]]


async def deliver(here, case):
    """Ask for everything as everybody, and count what shows something of a case."""
    people = ["zhou-min", "chen-zhi", "lin-bo", "huang-qiang", "he-yan", "tang-li", HEAD, "li-na",
              INSPECTOR, LEAD, ADMIN, "guo-an", "fang-ke"]  # fmt: skip
    rows = [r for r in here.app[TABLE] if r.method == "GET" and r.access == "token" and r.delivers]
    shown = 0
    for row in rows:
        words = next(iter(row.among.values()), ("all",)) if row.among else ("",)
        for word in words:
            path = row.path.replace("{case}", case).replace("{responsibility}", word)
            path = re.sub(r"\{(id|complaint|matter|subject)\}", "QH-S1", path)
            path = path.replace("/v1/ledgers/{ledger}", "")
            must = {"from": "2026-01-01", "to": "2026-12-31", "definition": "on-time"}
            query = "&".join(f"{name}={must[name]}" for name in row.must if name in must)
            for person in people:
                answer = await here.get(f"{path}?{query}" if query else path, by=person)
                shown += answer.status == 200
                # A stream has two.
                shown += answer.status == 200 and "/export/" in path
    return shown


async def counted(here):
    found = 0
    for line in (False, True):
        ledger = await here.service.ledger(here.ledger)
        for event in await ledger.access.entries(0, 5_000, sealed=line):
            found += event.type == "read"
    return found


async def test_deliveries_at_the_client_are_the_entries_in_the_log(here):
    case = await here.accepted("QH-002", "2026-03-02")
    before = await counted(here)

    shown = await deliver(here, case)

    assert shown > 100
    assert shown == await counted(here) - before


async def test_control_without_the_middleware_the_numbers_differ(here, monkeypatch):
    case = await here.accepted("QH-002", "2026-03-02")
    before = await counted(here)
    monkeypatch.setattr(readings, "_delivers", lambda *_: False)

    shown = await deliver(here, case)

    assert 0 == await counted(here) - before != shown


async def test_where_a_reading_cannot_be_recorded_nothing_is_shown(here):
    case = await here.accepted("QH-002", "2026-03-02")
    here.service.store.writer(f"{here.ledger}.open").hold(Corrupt("for a test"))

    for path in (f"/cases/{case}", "/cases", f"/cases/{case}/events"):
        answer = await here.get(path)
        assert (503, "access-log-unavailable") == (answer.status, answer.slug), path
        assert case.encode() not in answer.raw
        assert b"QH-002" not in answer.raw
    export = await here.get("/export/csv", by=HEAD)
    assert (503, "access-log-unavailable") == (export.status, export.slug)
    # Inspection reads on: its line is another one.
    assert 200 == (await here.get(f"/cases/{case}", by=INSPECTOR)).status


async def test_where_the_database_refuses_nothing_is_shown(here, database):
    case = await here.accepted("QH-002", "2026-03-02")
    other = await asyncpg.connect(**database.as_role(Role.MIGRATE))
    try:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("SET ROLE ledger_owner")
        await other.execute(
            "SELECT FROM ledger.head WHERE ledger = $1 FOR UPDATE", f"{here.ledger}.open"
        )
        answer = await here.get(f"/cases/{case}")
        await transaction.rollback()
    finally:
        await other.close()

    assert (503, "access-log-unavailable") == (answer.status, answer.slug)
    assert 200 == (await here.get(f"/cases/{case}")).status


async def test_an_inspector_s_reading_stands_in_the_sealed_line_and_in_no_clear_byte(here):
    case = await here.accepted("QH-002", "2026-03-02")
    opened = await size(here, "open")

    await here.get(f"/cases/{case}", by=INSPECTOR, headers=NOTICE)
    refused = await here.act(case, "accept", by=INSPECTOR)

    assert 403 == refused.status
    assert opened == await size(here, "open")
    rows = await here.service.store.since(f"{here.ledger}.sealed", 0, 500)
    assert ["entry-sealed"] * 2 == [row.type for row in rows]
    for text in (INSPECTOR, case, "JW-2026-001", "accept", "inspector"):
        assert not any(text.encode() in row.record for row in rows), text
    assert 1 == len({len(row.record) for row in rows})
    told = await entries(here, line="sealed", case=case)
    assert [("read", None), ("refused", "action-not-allowed")] == [
        (row["type"], row["slug"]) for row in told
    ]


async def test_a_sealed_entry_moved_to_another_place_is_not_opened(here):
    case = await here.accepted("QH-002", "2026-03-02")
    for _ in range(2):
        await here.get(f"/cases/{case}", by=INSPECTOR)
    access = (await here.service.ledger(here.ledger)).access
    one, two = await here.service.store.since(f"{here.ledger}.sealed", 0, 2)
    first, second = records.decode(one), records.decode(two)

    assert "read" == access._opened(first, one.record).type
    swapped = type(first)(**{**_fields(first), "data": second.data})
    with pytest.raises(Corrupt):
        access._opened(swapped, one.record)


def _fields(event):
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


# -- S17: who looks is nobody's business


async def test_s17_the_bureau_sees_no_reading_of_the_inspector_and_the_lead_does(here):
    case = await here.accepted("QH-002", "2026-03-02")
    before = await here.get(f"/access-log?case={case}", by=HEAD)
    await here.get(f"/cases/{case}", by=INSPECTOR, headers=NOTICE)

    after = await here.get(f"/access-log?case={case}&person={INSPECTOR}", by=HEAD)
    whole = await here.get(f"/access-log?case={case}", by=HEAD)
    row = (await entries(here, case=case, person=INSPECTOR))[0]

    assert [] == before.body["items"] == after.body["items"]
    # Their own look at the log is all that has come.
    assert {"read-access-log"} == {r["what"] for r in whole.body["items"]}
    assert ("sealed", {"code": "inspection", "reference": "JW-2026-001"}) == (
        row["line"], row["purpose"],
    )  # fmt: skip


async def test_who_may_see_which_line(here):
    told = {
        (person, line): (await here.get(f"/access-log?line={line}", by=person)).status
        for person in (HEAD, ADMIN, LEAD, INSPECTOR, "chen-zhi", "li-na")
        for line in ("open", "sealed")
    }

    assert {(HEAD, "open"), (ADMIN, "open"), (LEAD, "open"), (LEAD, "sealed")} == {
        who for who, status in told.items() if status == 200
    }
    assert {200, 403} == set(told.values())


async def test_a_bureau_head_sees_readings_of_their_staff_and_of_their_cases(here):
    case = await here.accepted("QH-002", "2026-03-02")
    assert 200 == (await here.get(f"/cases/{case}", by="mo-li")).status
    await here.get("/cases", by="mo-li")
    await here.get("/cases")

    rows = (await here.get("/access-log", by=HEAD)).body["items"]

    assert [("mo-li", "read-case"), ("chen-zhi", "read-cases")] == [
        (row["actor"]["person"], row["what"]) for row in rows
    ]
