"""The feed of events and the exports: everything, once, in order, and only what is one's own."""

import csv
import io
import json

import pytest

from api.api_keys import ApiKeys
from api.issuing import API_KEYS_FILE
from tests.api.serving import application, here_and_apart, patient, serve, sha

LINES = {"Accept": "application/x-ndjson"}
SET_UP = 64
ID = "91469002MA5X00014X"
NAME = "海南示例餐饮有限公司"


async def world(database, folder):
    async for serving in serve(database, folder, start="2026-03-02"):
        case = await serving.accepted("QH-002", "2026-03-02")
        to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [sha("form")]}
        await serving.done(case, "transfer", to, by="zhou-min")
        await serving.received("QH-003", "2026-03-03")
        serving.case = case
        yield serving


# `here`: for all who only read.
# `apart`: for who brings something into it, or has the service wait less.
here, apart = here_and_apart(world)


async def size(here):
    return (await here.service.store.head(here.ledger)).size


async def paged(here, query="", *, by="jiang-he", limit=3):
    """Read page after page until there is no next one."""
    items, after = [], ""
    while True:
        answer = await here.get(f"/events?limit={limit}{query}{after}", by=by)
        assert answer.status == 200, answer.body
        items += answer.body["items"]
        assert len(answer.body["items"]) <= limit
        if answer.body["next"] is None:
            return items
        after = f"&after={answer.body['next']}"


async def lined(here, query="", *, by="jiang-he", headers=None):
    answer = await here.get(f"/events{query}", by=by, headers=LINES | (headers or {}))
    assert answer.status == 200, answer.raw
    return [json.loads(line) for line in answer.raw.splitlines()]


def cases(items):
    return {item["case"] for item in items}


# -- everything, once, in order -------------------------------------------------------------------


async def test_pages_and_lines_give_every_event_once_and_in_order(here):
    whole = await size(here)

    pages, lines = await paged(here, limit=7), await lined(here)

    assert list(range(whole)) == [event["position"] for event in lines]
    assert lines == pages
    assert await paged(here, limit=500) == pages


async def test_a_page_says_where_it_stands(here):
    whole = await size(here)

    first = await here.get("/events?limit=2", by="jiang-he")
    at_end = await here.get(f"/events?after={whole - 1}", by="jiang-he")

    assert ("1", 1, str(whole - 1)) == (
        first.body["next"], first.body["position"], first.headers["Ledger-Position"],
    )  # fmt: skip
    assert ([], None, whole - 1) == tuple(at_end.body[n] for n in ("items", "next", "position"))


async def test_what_comes_later_is_behind_the_position_one_had(apart):
    whole = await size(apart)
    seen = await lined(apart)
    await apart.received("QH-002", "2026-03-04")

    more = await lined(apart, f"?after={seen[-1]['position']}")

    assert [whole] == [event["position"] for event in more]


async def test_who_was_cut_off_resumes_without_loss_and_without_repetition(here):
    whole = await lined(here)
    read = []
    while len(read) < len(whole):
        resumed = {"Last-Event-ID": str(read[-1]["position"])} if read else {}
        # The header wins over what the address still says.
        read += (await lined(here, "?after=0&limit=9" if read else "?limit=9", headers=resumed))[:5]

    assert whole == read


async def test_an_event_is_told_as_in_the_history_of_its_case(here):
    history = (await here.get(f"/cases/{here.case}/events", by="jiang-he")).body["items"]

    assert history == await lined(here, f"?case={here.case}")
    assert history == await paged(here, f"&case={here.case}", limit=1)


async def test_nothing_of_a_person_is_in_it(here):
    answer = await here.get("/events", by="jiang-he", headers=LINES)
    listed = await here.get("/export/ndjson", by="jiang-he")
    table = await here.get("/export/csv", by="jiang-he")

    for raw in (answer.raw, listed.raw, table.raw):
        assert ID.encode() not in raw
        assert NAME.encode() not in raw


async def test_only_the_head_of_it_can_be_asked_for(here):
    for path in ("/events", "/export/csv", "/export/ndjson"):
        answer = await here.call("HEAD", path, by="jiang-he", headers=LINES | {"Accept": "*/*"})
        assert (200, b"") == (answer.status, answer.raw), path
    assert 200 == (await here.get("/events", by="jiang-he")).status


# -- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("type=accepted", ["accepted"]),
        ("item=QH-003", ["received"]),
        ("responsibility=approval", ["received", "accepted", "transferred", "received"]),
        ("responsibility=supervision", []),
        ("item=QH-002&type=received", ["received"]),
        ("item=nothing", []),
    ],
)
async def test_filters_leave_out_and_the_position_goes_on_all_the_same(here, query, types):
    assert types == [event["type"] for event in await lined(here, f"?{query}")]
    assert types == [event["type"] for event in await paged(here, f"&{query}", limit=1)]
    page = (await here.get(f"/events?{query}", by="jiang-he")).body
    assert (None, await size(here) - 1) == (page["next"], page["position"])


async def test_it_waits_for_the_position_that_is_asked_for(apart):
    whole = await size(apart)

    assert 200 == (await apart.get(f"/events?at_least={whole - 1}", by="jiang-he")).status
    answer = await patient(apart, 0.1).get(f"/events?at_least={whole + 5}", by="jiang-he")
    assert (503, "behind") == (answer.status, answer.slug)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("Application/X-NDJSON", "application/x-ndjson"),
        ("application/x-ndjson, application/json;q=0.5", "application/x-ndjson"),
        ("application/x-ndjson;q=0.5, application/json", "application/json"),
        ("application/x-ndjson;q=0, */*", "application/json"),
        ("application/x-ndjson, */*;q=0.1", "application/x-ndjson"),
        ("text/html, application/x-ndjson;q=0.9", "application/x-ndjson"),
    ],
)
async def test_it_comes_as_is_wanted_most(here, accept, form):
    answer = await here.get("/events?limit=1", by="jiang-he", headers={"Accept": accept})

    assert form == answer.headers["Content-Type"].partition(";")[0]


@pytest.mark.parametrize("accept", ["text/html", "text/csv", "application/x-ndjson;q=0"])
async def test_what_it_cannot_be_is_said(here, accept):
    answer = await here.get("/events", by="jiang-he", headers={"Accept": accept})

    assert (406, "not-acceptable") == (answer.status, answer.slug)


# -- who may read ---------------------------------------------------------------------------------


async def test_a_supervisor_sees_the_cases_of_their_own_duty(here):
    health, building = await lined(here, by="mo-li"), await lined(here, by="zheng-kai")

    assert {here.case} == cases(health)
    assert 1 == len(building)
    assert here.case not in cases(building)
    assert health == await paged(here, by="mo-li", limit=1)
    page = (await here.get("/events", by="mo-li")).body
    assert (None, await size(here) - 1) == (page["next"], page["position"])


async def test_who_supervises_everything_sees_everything(here):
    for person in ("xing-tao", "jiang-he", "yan-qing"):
        assert await size(here) == len(await lined(here, by=person))


@pytest.mark.parametrize("person", ["zhou-min", "huang-qiang", "wu-jun", "ke-jun", "guo-an"])
async def test_others_read_no_feed(here, person):
    answer = await here.get("/events", by=person)

    assert (403, "action-not-allowed") == (answer.status, answer.slug)


async def test_who_has_no_business_here_finds_no_ledger(here):
    for path in ("/events", "/export/csv"):
        answer = await here.get(path, by="nobody")
        assert (404, "not-found") == (answer.status, answer.slug)
    assert 401 == (await here.call("GET", "/events")).status


async def test_a_client_system_sees_the_cases_of_its_organ(here):
    keys = ApiKeys(here.service.keys / API_KEYS_FILE)
    bureau, elsewhere = (
        {"Authorization": f"Bearer {keys.add(client)}"} for client in ("zc", "hpj")
    )

    own = await here.call("GET", "/events?limit=500", headers=bureau)
    none = await here.call("GET", "/events?limit=500", headers=elsewhere)

    assert (200, 4) == (own.status, len(own.body["items"]))
    assert here.case in cases(own.body["items"])
    assert (200, []) == (none.status, none.body["items"])
    assert 403 == (await here.call("GET", "/export/csv", headers=bureau)).status


async def test_somebody_elses_case_is_as_one_that_is_not_there(here):
    other = await here.get(f"/events?case={here.case}", by="zheng-kai")
    none = await here.get("/events?case=469002-2026-999999", by="zheng-kai")

    assert (404, "case-not-found") == (other.status, other.slug) == (none.status, none.slug)
    assert other.body["detail"] == none.body["detail"]


# -- hostile parameters ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "after=-2", "after=-1", "after=1.0", "after=01", "after=%201", "after=١", "after=",
        "after=99999999", "after=9007199254740992", "after=" + "9" * 400, "after=0&after=1",
        "limit=0", "limit=501", "limit=x", "limit=1e2", "responsibility=all", "type=nothing",
        "type=", "case", "unknown=1", "After=1", "item=%00", "item=%ff", "at_least=-1",
        "count=exact",
    ],
)  # fmt: skip
async def test_parameters_of_a_wrong_form_are_refused(here, query):
    for headers in ({}, LINES):
        answer = await here.get(f"/events?{query}", by="jiang-he", headers=headers)
        assert (400, "invalid-parameter") == (answer.status, answer.slug), query


@pytest.mark.parametrize("given", ["", "-1", "abc", "1.5", "99999999", "0x10", "1, 2"])
async def test_a_last_event_that_is_none_is_refused(here, given):
    answer = await here.get("/events", by="jiang-he", headers={"Last-Event-ID": given})

    assert (400, "invalid-parameter") == (answer.status, answer.slug)


async def test_nothing_is_ever_put_there(here):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await here.call(method, "/events", by="jiang-he")
        assert (405, "method-not-allowed") == (answer.status, answer.slug)


# -- exports ---------------------------------------------------------------------------------------


async def listed(here, query="", *, by="jiang-he"):
    return (await here.get(f"/cases?limit=500{query}", by=by)).body["items"]


async def exported(here, form, query="", *, by="jiang-he"):
    answer = await here.get(f"/export/{form}{query}", by=by)
    assert answer.status == 200, answer.raw
    if form == "ndjson":
        return [json.loads(line) for line in answer.raw.splitlines()]
    assert answer.raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig"), newline="")))


async def test_an_export_is_the_list(here):
    head = await size(here) - 1
    cases_ = await listed(here, f"&at_least={head}")

    lines, table = await exported(here, "ndjson"), await exported(here, "csv")

    assert 2 == len(cases_)
    assert cases_ == lines
    for case, row in zip(cases_, table, strict=True):
        held = {"officer": case["holder"]["person"]}
        for name, text in row.items():
            value = {**case, **held}[name]
            assert ("" if value is None else str(value)) == text, name
    assert "zhou-min" in {row["officer"] for row in table}


async def test_an_export_takes_the_filters_of_the_list(here):
    head = await size(here) - 1
    for query in ("item=QH-002", "stage=received", "officer=zhou-min", "overdue=true", "q=x"):
        wanted = await listed(here, f"&at_least={head}&{query}")
        assert wanted == await exported(here, "ndjson", f"?{query}"), query


async def test_an_export_shows_ones_own_cases_only(here):
    head = await size(here) - 1
    await listed(here, f"&at_least={head}")
    assert ["QH-002"] == [case["item"] for case in await exported(here, "ndjson", by="mo-li")]
    assert 2 == len(await exported(here, "csv", by="ke-jun"))
    assert 2 == len(await exported(here, "csv", by="wu-jun"))
    for person in ("zhou-min", "guo-an", "lu-qian"):
        answer = await here.get("/export/csv", by=person)
        assert (403, "action-not-allowed") == (answer.status, answer.slug)


@pytest.mark.parametrize(
    "query", ["limit=5", "after=x", "light=blue", "received_from=2026-13-01", "q=", "x=1"]
)
async def test_an_export_refuses_what_the_list_does_not_know(here, query):
    for form in ("csv", "ndjson"):
        answer = await here.get(f"/export/{form}?{query}", by="jiang-he")
        assert (400, "invalid-parameter") == (answer.status, answer.slug)


async def test_there_are_no_other_formats_yet(here):
    for form in ("xlsx", "xes", "CSV", "csv/", "..%2f"):
        assert 404 == (await here.get(f"/export/{form}", by="jiang-he")).status


async def test_a_cell_is_never_a_formula(apart):
    head = await size(apart) - 1
    await listed(apart, f"&at_least={head}")

    answer = await apart.get("/export/csv", by="jiang-he")

    rows = csv.reader(io.StringIO(answer.raw.decode("utf-8-sig"), newline=""))
    assert not [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r"))]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="cases-469002.csv"'
    assert 201 == (await apart.post("/cases", application("QH-002"), by="zhou-min")).status
