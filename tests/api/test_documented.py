"""The document is true: every route is asked, and what it answers is what the document says.

`Serving` holds every answer of every test against the document; here is what makes sure that
none is left out, and that the holding against works.
"""

import itertools

import aiohttp
import pytest

from api import docs, exchange, parameters
from api.app import table
from api.web import pages
from api.web.list_table import LISTS
from api.web.page import modules
from projections import (
    audit_trail,
    conformity,
    current_state,
    findings_read,
    link_queue,
    performance,
    reviews,
    seal_register,
    timeout_alerts,
)
from tests.api.anchored import put_on_record
from tests.api.documented import Documented
from tests.api.serving import application, serve, sha
from tests.api.test_catalogue import BASELINES, baseline, brought, lines

POST = {"person": "new", "role": "clerk", "organ": "qh-xzsp", "from": "2020-01-01"}
SEAL = {"id": "QH-S9", "name": "x", "organ": "qh-xzsp", "media": ["paper"], "keeper": "he-yan"}
MAPPING = """{"system": "old", "item": "old-permit", "id": "no", "zone": "Asia/Shanghai",
    "precision": "day", "acts": [{"type": "received", "at": "applied"}]}"""
ROWS = "no,applied\nA-1,2019-01-02\nA-2,\n"

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        serving.case = await serving.accepted("QH-002", "2026-03-02")
        yield serving


async def uploaded(here, query="", key="up"):
    form = aiohttp.FormData()
    form.add_field("mapping", MAPPING, content_type="application/json")
    form.add_field("file", ROWS, content_type="text/csv", filename="old.csv")
    payload = form()
    sent = {"Idempotency-Key": f"{key}{query}", "Content-Type": payload.headers["Content-Type"]}
    return await here.call("POST", f"/imports{query}", by="guo-an", headers=sent, data=payload)


YEAR = "from=2026-01-01&to=2026-12-31"


async def numbered_pages(here):
    for kind, what in itertools.product(("complaints", "matters"), ("new", "none", "none/x")):
        for method in ("GET", "POST"):
            await here.call(method, f"{here.base}/{kind}/469002/{what}", headers=FORM)


async def everything(here):
    """Ask every route once, with success."""
    case = f"/cases/{here.case}"
    await here.granted(here.case, "2026-03-03")
    document = {"kind": "licence", "version": 1, "sha256": sha("licence-1")}
    seal = {"seal": "QH-S1", "document": document, "copies": 1, "medium": "paper"}
    await here.done(here.case, "seal", seal, by="he-yan")
    for person in ("zhou-min", "nobody"):
        await here.post("/cases", application("QH-002"), by=person)
    await here.act(here.case, "seal", seal, by="huang-qiang")
    await here.get("/access-log", by="yan-qing")
    for responsibility in ("approval", "supervision", "enforcement", "administration", "all"):
        await here.get(f"/audit/{responsibility}?refused=true&count=exact", by="jiang-he")
        await here.get(f"/audit/{responsibility}", by="jiang-he")
        await here.get(f"/audit/{responsibility}?format=csv", by="jiang-he")
    await here.post("/appointments", POST, by="fang-ke")
    await here.post("/appointments/new-clerk/approve", by="wu-jun")
    await here.post("/appointments/new-clerk/end", by="wu-jun")
    ledger = await here.service.ledger(here.ledger)
    today = (await ledger.now()).astimezone(ledger.office.zone).date().isoformat()
    glass = {
        "id": "flood", "kind": "break-glass", "person": "tang-li", "role": "handler",
        "organ": "qh-xzsp", "from": today, "reason_code": "absent", "text": "紧急",
        "reference": "1",
    }  # fmt: skip
    await here.post("/appointments", glass, by="fang-ke")
    await here.post("/appointments/flood/approve", by="wu-jun")
    await here.post("/appointments/flood/review", {"text": "未见异常"}, by="yan-qing")
    await here.post("/seals", SEAL, by="wu-jun")
    await here.post("/seals/QH-S9/enable", by="wu-jun")
    for things in ("items", "calendars", "policies", "appointments", "seals"):
        listed = (await here.get(f"/{things}", by="wu-jun")).body["items"]
        await here.get(f"/{things}/{listed[0]['id']}", by="wu-jun")
    await put_on_record(here)
    for path in ("/anchored-logs", "/anchored-logs/wanning", "/anchors"):
        assert 200 == (await here.get(path, by="wu-jun")).status
    for path in ("/anchored-logs/wanning/anchors", "/anchored-logs/wanning/anchors/1"):
        assert 200 == (await here.get(path, by="wu-jun")).status
    count = {"counter": 1, "as_of": "2026-03-02"}
    await here.post("/seals/QH-S1/reconcile", count, by="he-yan")
    staged = await uploaded(here)
    await uploaded(here, "?dry_run=true")
    file = f"/imports/{staged.body['id']}"
    await here.post(f"{file}/commit", by="wu-jun")
    other = await uploaded(here, key="other")
    await here.post(f"/imports/{other.body['id']}/abandon", by="wu-jun")
    await here.at("2026-04-10 09:00")
    for path in (
        "/cases?count=exact", case, f"{case}?as_of=2026-03-02T12:00:00%2B08:00", f"{case}/events",
        f"{case}/replay", "/alerts", "/links", "/events", "/export/csv", "/export/ndjson", file,
        "/findings", "/findings/rules", "/findings/figures", "/posts/check",
        f"{file}/rows", "/seals/QH-S1/register", "/reviews", f"/reviews/units?{YEAR}",
        f"/performance?{YEAR}", f"/performance/cases?{YEAR}&definition=kpi.early@1",
    ):  # fmt: skip
        assert 200 == (await here.get(path, by="wu-jun" if "S1" in path else "jiang-he")).status
    await here.get("/events", by="jiang-he", headers={"Accept": "application/x-ndjson"})
    await here.get("/events?limit=1", by="jiang-he", headers={"Accept": "text/event-stream"})
    for path in (
        "/healthz", "/readyz", "/openapi.json", "/problems/schema", "/docs", "/docs/start.js", "/",
        "/find", f"/cases/469002/{here.case}", "/style.css", "/mark.svg",
        "/verify", f"/script/{modules()[1]}/verify.js", "/script/0/verify.js",
    ):  # fmt: skip
        await here.get(here.base + path)
    page = f"/cases/469002/{here.case}"
    office = "/office/469002"
    await numbered_pages(here)
    for path in (
        f"{page}/replay", f"{page}/replay/1", f"{page}/events/1", f"{page}/events/1/record",
        f"{page}/live?once=1", "/live/469002?once=1",
        f"{page}/accept", f"{page}/dossier", "/cases/469002/new", office,
        f"{office}/events/0", f"{office}/events/0/record", f"{office}/anchors",
        f"{office}/anchors/wanning", f"{office}/items", f"{office}/items/QH-002",
        f"{office}/items/propose", "/sign-in/return",
        *(f"/lists/469002/{name}" for name in LISTS), "/board/469002",
        "/persons/469002/chen-zhi", "/organs/469002/qh-xzsp",
        "/complaints/469002/469002-C-2026-000001", "/matters/469002/469002-M-2026-000001",
        "/sign-in/nobody",
    ):  # fmt: skip
        await here.get(here.base + path)
    for path in (
        "/sign-in", "/sign-out", f"{page}/accept", f"{page}/dossier", "/cases/469002/new",
        f"{office}/items/propose",
        f"{office}/items/QH-002/approve",
    ):  # fmt: skip
        await here.call("POST", here.base + path, data=b"token=x", headers=FORM)


def unanswered(here, rows):
    seen = here.document.seen
    return [
        f"{row.method} {row.path}"
        for row in rows
        if not any(
            (row.method, path, status) in seen
            for path, *_ in row.spelled()
            for status in ((row.status,) if row.access != "page" else (200, 303, 401, 403, 404))
        )
    ]


async def test_every_route_answers_what_the_document_says(here):
    served = await here.get(f"{here.base}/openapi.json")
    here.document = Documented(served.body)

    await everything(here)

    rows = (*table(), *exchange.table(), *docs.routes(), *pages.table())
    assert [] == unanswered(here, rows)


async def test_control_an_answer_that_the_document_does_not_know_is_found(here):
    told = here.document.document
    row = told["components"]["schemas"]["CaseRow"]
    wrong = {**row, "properties": {k: v for k, v in row["properties"].items() if k != "light"}}
    schemas = {**told["components"]["schemas"], "CaseRow": wrong}
    here.document = Documented({**told, "components": {**told["components"], "schemas": schemas}})
    await here.service.caught_up(here.ledger, 0)

    with pytest.raises(AssertionError, match="light"):
        await here.get("/cases", by="jiang-he")
    here.document = Documented({**told, "paths": {}})
    await here.get("/cases", by="jiang-he")
    assert set() == here.document.seen


# -- parameters ------------------------------------------------------------------------------------


def test_the_filters_are_those_that_are_read():
    assert parameters.CASE_FILTERS.keys() == current_state.FILTERS
    assert parameters.ALERT_FILTERS.keys() == timeout_alerts.FILTERS
    assert parameters.LINK_FILTERS.keys() == link_queue.FILTERS
    assert parameters.AUDIT_FILTERS.keys() == audit_trail.FILTERS
    paging = {*parameters.PAGING, *parameters.COUNT}
    assert parameters.FINDINGS.keys() - paging == findings_read.FILTERS
    assert parameters.FINDING_FIGURES.keys() - paging == findings_read.FIGURES
    assert parameters.REGISTER.keys() - paging == seal_register.FILTERS
    assert parameters.REVIEWS.keys() - paging == reviews.FILTERS
    assert parameters.CONFORMITY.keys() - paging - {"format"} == conformity.FILTERS
    known = {*paging, *parameters.AS_OF}
    assert parameters.REVIEW_UNITS.keys() - known == reviews.OF_UNITS
    assert parameters.PERFORMANCE.keys() - known == performance.FILTERS
    assert parameters.PERFORMANCE_CASES.keys() - known == performance.OF_CASES


def sample(here, name, schema):
    """A value that the parameter's type allows."""
    known = {
        "case": here.case,
        "as_of": str(here.position),
        "valid_at": "2026-03-02T09:30:00%2B08:00",
    }
    known["reveal"] = "applicant.name"
    if name in known:
        return known[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "integer":
        return str(schema["minimum"])
    return "true" if schema.get("type") == "boolean" else "2026-01-01"


async def readings(here):
    """The paths that are read in a ledger, filled in, with the parameters that they name."""
    this = {"imports": (await uploaded(here)).body["id"]}
    for things in ("items", "calendars", "policies", "appointments", "seals"):
        this[things] = (await here.get(f"/{things}", by="wu-jun")).body["items"][0]["id"]
    this["conformity"] = this["items"]
    await put_on_record(here)
    this["anchored-logs"] = "wanning"
    here.position = (await here.get("/anchors")).body["items"][0]["position"]
    await brought(here, lines(baseline()), BASELINES)
    this["baselines"] = baseline()["code"]
    told = {"kind": "delay", "channel": "telephone", "text": "t"}
    complaint = (await here.post("/complaints", told, by="lu-qian")).body["complaint"]
    one = {"name": "n", "kind": "joint", "items": ["QH-005"]}
    one["applicant"] = application("QH-005")["applicant"]
    matter = (await here.post("/matters", one, by="zhou-min")).body["matter"]
    (subject,) = (await here.get(f"/cases/{here.case}/subjects", by="wu-jun")).body["items"]
    subject = subject["subject"]
    assert 200 == (await here.get("/cases", by="jiang-he")).status  # so the sealed line has one
    for publisher in here.service.publishers.values():
        assert await publisher.published(1, 30)
    log = here.service.publishers[here.ledger].log
    newest = await log.newest()
    await log.keep_time_stamp(newest.size, "tsa.example", b"what it answered")
    for path, methods in here.document.document["paths"].items():
        if "get" in methods and path.startswith("/v1/"):
            short = path.removeprefix("/v1/ledgers/{ledger}").replace("{case}", here.case)
            short = short.replace("{complaint}", complaint).replace("{matter}", matter)
            short = (
                short.replace("{version}", "1")
                .replace("{position}", "3")
                .replace("{subject}", subject)
            )
            short = short.replace("entries/{path}", "entries/000.p/1").replace(
                "{path}", "0/000.p/1"
            )
            there = short.replace("{id}", this.get(short.split("/")[1], ""))
            parameters_ = methods["get"]["parameters"]
            asked = [p for p in parameters_ if p["in"] == "query"]
            must = {p["name"]: p["schema"] for p in asked if p.get("required")}
            yield there, {p["name"]: p["schema"] for p in asked}, must


NOTICE = {"Purpose": "inspection; JW-2026-001"}


async def test_every_parameter_that_is_named_is_read_and_no_other(here):
    asked = 0
    async for path, named, must in readings(here):
        needed = "".join(f"&{name}={sample(here, name, must[name])}" for name in must)
        by = "yan-qing" if path.endswith("/access-log") else "jiang-he"
        if path.startswith("/open/log/tile/entries"):
            by = "yan-qing"
        headers = NOTICE
        bare = await here.get(f"{path}?{needed[1:]}", by=by, headers=headers)
        assert bare.status == 200, (path, bare.body)
        for name, schema in named.items():
            value = f"{name}={sample(here, name, schema)}"
            rest = needed if name not in must else needed.replace(f"&{value}", "")
            answer = await here.get(f"{path}?{value}{rest}", by=by, headers=headers)
            good = answer.status == 200 or (name, answer.slug) == ("after", "invalid-cursor")
            assert good, (path, name, answer.body)
            asked += 1
        for name in {"at_least", "limit", "after", "as_of", "nothing"} - named.keys():
            answer = await here.get(f"{path}?{name}=1{needed}", by=by, headers=headers)
            assert (400, "invalid-parameter") == answer.refusal[:2], (path, name)
        for name in must:
            value = f"&{name}={sample(here, name, must[name])}"
            answer = await here.get(f"{path}?{needed.replace(value, '')[1:]}", by=by)
            assert (400, "invalid-parameter") == answer.refusal[:2], (path, name)
    assert asked > 100


async def test_a_parameter_of_a_wrong_type_is_refused(here):
    for path, named in (
        ("/cases", parameters.CASES), ("/alerts", parameters.ALERTS),
        ("/links", parameters.LINKS),
        ("/audit/all", parameters.AUDIT), ("/events", parameters.EVENTS),
        ("/findings", parameters.FINDINGS), ("/findings/figures", parameters.FINDING_FIGURES),
    ):  # fmt: skip
        for name, schema in named.items():
            if schema == parameters.TEXT or name in ("q", "after", "case"):
                continue
            answer = await here.get(f"{path}?{name}=%C3%A9", by="jiang-he")
            assert (400, "invalid-parameter") == answer.refusal[:2], (path, name)
