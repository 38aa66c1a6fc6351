"""Lists over HTTP: what is asked is read strictly, and a cursor is good for one list only."""

import pytest

from tests.api.raw import Ask, ask
from tests.api.serving import LICENCE, serve
from tests.api.test_order import staged

SQL = ("%27%20OR%201=1--", "%27;%20DROP%20TABLE%20ledger.event;--", "$1", "%25", "_")
NUMBERS = ("0", "1", "9007199254740991")
DAYS = ("1900-01-01", "2026-03-02", "9999-12-31")
INSTANTS = (
    "2026-03-02T00:00:00Z",
    "2026-03-02T00:00:00.123456Z",
    "2026-03-02T00:00:00%2B08:00",
    "2026-03-02T00:00:00+08:00",
    "1900-01-02T00:00:00-23:59",
)
NO_INSTANTS = (
    "",
    "2026-03-02T09:00:00",
    "2026-03-02%2009:00:00Z",
    "2026-03-02T24:00:00Z",
    "2026-03-02T09:00:60Z",
    "2026-03-02T09:00:00-00:00",
    "2026-03-02T09:00:00.1234567Z",
    "2026-W10-1T09:00:00Z",
    "0001-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59.999999-23:59",
)
# What a parameter of each kind may be, and what it may not.
KINDS = {
    "number": (
        NUMBERS,
        ("", "01", "-1", "%2B1", "1.0", "1e3", "%EF%BC%91", "9007199254740992", "9" * 30),
    ),
    "day": (DAYS, ("", "2026-02-30", "2026-3-2", "20260302", "0001-01-01", *INSTANTS[:1])),
    "moment": ((*DAYS, *INSTANTS), ("2026-02-30", "20260302", *NO_INSTANTS)),
    "truth": (("true", "false"), ("", "TRUE", "1", *SQL)),
    "word": ((), ("", "nothing", "%00", *SQL)),
    "text": (
        (*SQL, "%F0%AA%9B%96", "%f4%8f%bf%bf", "a" * 200),
        ("", "a" * 201, "%00", "%0a", "%ff", "%ed%a0%80", "%c0%af", "%"),
    ),
    "limit": (("1", "500"), ("", "0", "01", "-1", "501", "1000001", "%EF%BC%91%EF%BC%90", "1e1")),
    "count": (("exact",), ("", "Exact", "true", "1")),
}
CASES = {
    "stage": "word",
    "item": "text",
    "responsibility": "word",
    "officer": "text",
    "organ": "text",
    "overdue": "truth",
    "light": "word",
    "received_from": "day",
    "received_to": "day",
    "closed_from": "day",
    "closed_to": "day",
    "updated_after": "number",
    "q": "text",
}
AUDIT = {
    "actor": "text",
    "organ": "text",
    "action": "text",
    "item": "text",
    "from": "moment",
    "to": "moment",
    "refused": "truth",
    "late_entry": "truth",
    "format": "word",
}
MARCH = "from=2026-03-01&to=2026-03-31"
PAGED = {"limit": "limit", "count": "count"}
LISTS = {
    "/cases": CASES | PAGED,
    "/alerts": {"level": "word", "organ": "text", "item": "text", "state": "word"} | PAGED,
    "/links": {
        "deadline": "word",
        "light": "word",
        "organ": "text",
        "waits_for": "text",
        "item": "text",
    }
    | PAGED,
    "/audit/all": AUDIT | PAGED,
    "/events": {"item": "text", "responsibility": "word", "type": "word", "limit": "limit"},
    "/export/csv": {"stage": "word", "received_from": "day", "q": "text"},
    "/items": PAGED,
    "/seals/QH-S1/register": {
        "from": "day",
        "to": "day",
        "kind": "text",
        "void": "truth",
        "item": "text",
    }
    | PAGED,
    "/reviews": {
        "bad": "truth",
        "state": "word",
        "organ": "text",
        "unit": "text",
        "item": "text",
        "officer": "text",
        "from": "day",
        "to": "day",
        "counted": "truth",
    }
    | PAGED,
}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


async def test_a_parameter_is_what_its_kind_says_and_nothing_else(here):
    case = await here.received("QH-002", "2026-03-02")
    wrong = []
    for path, parameters in LISTS.items():
        for name, kind in parameters.items():
            good, bad = KINDS[kind]
            for value, expected in [(v, "200") for v in good] + [
                (v, "400 invalid-parameter") for v in bad
            ]:
                told = await ask(here, Ask("GET", path, [f"{name}={value}"], by="jiang-he"))
                if told.said != expected:
                    wrong.append((path, name, value, told.said))
    assert [] == wrong
    for path in ("/cases", "/audit/all", "/alerts", "/links"):
        for query in SQL:
            answer = await here.get(f"{path}?item={query}", by="jiang-he")
            assert [] == answer.body["items"], "a filter is compared, never run"
    # Of a filter that names a case, what is not there and what is no case look the same.
    for path in ("/audit/all", "/alerts", "/links", "/events"):
        bodies = set()
        for number in (f"{case}0", "nonsense", "%27%20OR%201=1--"):
            sent = {"X-Request-Id": "same"}
            told = await ask(here, Ask("GET", path, [f"case={number}"], sent, by="jiang-he"))
            assert "404 case-not-found" == told.said, (path, number)
            bodies.add(told.raw)
        assert 1 == len(bodies)


@pytest.mark.parametrize("path", ["/cases/{case}", "/items", "/items/QH-002", "/seals/QH-S1"])
async def test_as_of_takes_a_time_or_a_position_that_has_been(here, path):
    case = await here.received("QH-002", "2026-03-02")
    here_path = path.format(case=case)
    await here.at("2026-03-02 10:00")

    for value in ("70", "2026-03-02T09:30:00.9%2B08:00", "2026-03-02T09:30:00.9+08:00"):
        told = await ask(here, Ask("GET", here_path, [f"as_of={value}"], by="jiang-he"))
        assert "200" == told.said, (value, told.body)
    ahead = ("2026-03-03T00:00:00Z", "9007199254740991")
    for value in (*ahead, *NO_INSTANTS, "2026-03-02", "01", "-1", "%2B1", "9007199254740992"):
        told = await ask(here, Ask("GET", here_path, [f"as_of={value}"], by="jiang-he"))
        assert "400 invalid-parameter" == told.said, value


async def test_before_it_was_there_a_thing_is_not_found(here):
    case = await here.received("QH-002", "2026-03-02")

    for at in ("0", "2026-03-01T00:00:00Z"):
        answer = await here.get(f"/cases/{case}?as_of={at}", by="jiang-he")
        assert (404, "case-not-found") == (answer.status, answer.slug)
        answer = await here.get(f"/items/QH-002?as_of={at}", by="jiang-he")
        assert (404, "not-found") == (answer.status, answer.slug)


async def test_a_replay_goes_up_to_a_version_of_the_case(here):
    case = await here.accepted("QH-002", "2026-03-02")

    for value, steps in (("1", 1), ("2", 2), ("", None), ("0", None), ("3", None), ("01", None)):
        answer = await here.get(f"/cases/{case}/replay?to={value}")
        assert (200 if steps else 400) == answer.status, value
        assert steps is None or steps == len(answer.body["items"])
    for value in ("-1", "%EF%BC%91", "1.0", "9007199254740992", "2026-03-02"):
        answer = await here.get(f"/cases/{case}/replay?to={value}")
        assert (400, "invalid-parameter") == (answer.status, answer.slug), value


# -- cursors -------------------------------------------------------------------------------------


async def filled(here):
    """Two of everything that is listed."""
    for day in ("2026-03-02", "2026-03-03"):
        case = await here.received("QH-002", day, by="fu-hailing")
        await here.done(case, "accept", by="fu-hailing")
        await here.granted(case, day)
        await here.done(case, "seal", {"seal": "QH-S1", "document": LICENCE}, by="he-yan")
        await here.act(case, "decide", {"outcome": "deny"}, by="fu-hailing")
    await here.at("2026-04-20 09:00")
    # The lists show both sequences as they are now: nothing comes between two pages.
    await here.service.caught_up(here.ledger, (await here.service.store.head(here.ledger)).size - 1)
    return await staged(here, "no,on\r\n1,2020-01-02\r\n2,2020-01-03\r\n")


async def test_a_cursor_is_good_for_one_ledger_list_person_and_set_of_filters(database, tmp_path):
    ledgers = ("469002", "469028")
    async for here in serve(database, tmp_path, start="2026-03-02", ledgers=ledgers):
        imported = await filled(here)
        paths = ("/cases", "/cases?stage=sealed", "/alerts", "/links", "/audit/all",
                 "/audit/all?refused=true", "/items", "/seals", "/appointments",
                 f"/performance/cases?{MARCH}&definition=kpi.early@1",
                 f"/performance/cases?{MARCH}&definition=kpi.overdue@1",
                 f"/imports/{imported}/rows")  # fmt: skip
        cursors = {}
        for path in paths:
            by = "xing-tao"
            sign = "&" if "?" in path else "?"
            first = await here.get(f"{path}{sign}limit=1", by=by)
            assert first.body.get("next"), (path, first.body)
            cursors[path] = first.body["next"]
        for path in paths:
            sign = "&" if "?" in path else "?"
            for other, cursor in cursors.items():
                answer = await here.get(f"{path}{sign}limit=3&after={cursor}", by=by)
                expected = 200 if other == path else 400
                assert expected == answer.status, (path, other, answer.body)
                assert expected == 200 or answer.slug == "invalid-cursor"
            strangers = await here.get(f"{path}{sign}after={cursors[path]}", by="jiang-he")
            assert (400, "invalid-cursor") == (strangers.status, strangers.slug)
            elsewhere = f"{here.base}/v1/ledgers/469028{path}{sign}after={cursors[path]}"
            answer = await here.get(elsewhere, by=by)
            assert answer.slug == ("not-found" if "imports" in path else "invalid-cursor")


@pytest.mark.parametrize("by", ["xing-tao", "wu-jun"])
async def test_pages_are_the_list_and_the_total_is_theirs(here, by):
    imported = await filled(here)
    for path in ("/cases", "/alerts", "/links", "/audit/all", "/items", "/seals", "/appointments",
                 "/seals/QH-S1/register", f"/imports/{imported}/rows"):  # fmt: skip
        # A register is for those of the seal's organ and above it.
        reader = "wu-jun" if "register" in path else by
        whole = (await here.get(f"{path}?limit=500", by=reader)).body
        assert whole["next"] is None
        assert len(whole["items"]) > 1, path
        told, after = [], ""
        while after is not None:
            answer = await here.get(f"{path}?limit=1{after}", by=reader)
            told += answer.body["items"]
            after = answer.body["next"] and f"&after={answer.body['next']}"
            assert "total" not in answer.body
        assert whole["items"] == told
        counted = (await here.get(f"{path}?limit=1&count=exact", by=reader)).body
        if "rows" not in path:
            assert len(told) == counted["total"], path
