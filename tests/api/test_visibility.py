"""What is not yours is what never was: the same bytes, on every route, whoever asks."""

import json
from itertools import count

import pytest

from api.slugs import SLUGS
from tests.api.raw import Ask, ask
from tests.api.serving import application, serve
from tests.api.test_order import ACTS, OFFICE, READINGS, staged

NUMBERS = ("469002-2026-999999", "469002-2026-1", "469002-1999-000001", "nonsense", "%2e%2e",
           "469002-2026-000001%20", "469002-2026-00000%EF%BC%91", "469002-2026-0000001",
           "%27%20OR%201=1--", "469028-2026-000001", "a" * 300)  # fmt: skip
KEYS = count(1)


@pytest.fixture(scope="module")
async def here(lasting, tmp_path_factory):
    folder, ledgers = tmp_path_factory.mktemp("here"), ("469002", "469028")
    async for serving in serve(lasting, folder, start="2026-03-02", ledgers=ledgers):
        yield serving


def act(path, by, body=None, **more):
    sent = {"X-Request-Id": "same", "Idempotency-Key": f"k{next(KEYS)}", "If-Match": '"1"',
            "Content-Type": "application/json"}  # fmt: skip
    return Ask("POST", path, [], sent, json.dumps(body or {}).encode(), by=by, **more)


def read(path, by, *query, **more):
    return Ask("GET", path, list(query), {"X-Request-Id": "same"}, by=by, **more)


async def alike(here, asked):
    """Ask all; the answers have to be one and the same, but for the time they were given."""
    answers = set()
    for one in asked:
        told = await ask(here, one)
        headers = {n: v for n, v in told.headers.items() if n != "Date"}
        answers.add((told.status, tuple(sorted(headers.items())), told.raw))
    assert 1 == len(answers), answers
    return told.said


async def test_a_case_of_another_organ_is_a_case_that_never_was(here):
    case = await here.received("QH-002")  # supervised by mo-li, not by li-na
    numbers = (case, *NUMBERS)

    for path in ("", "/events", "/replay"):
        asked = [read(f"/cases/{number}{path}", "li-na") for number in numbers]
        assert "404 case-not-found" == await alike(here, asked)
    for query in (["as_of=1"], ["as_of=x"], ["a=b"], ["at_least=0"]):
        asked = [read(f"/cases/{number}", "li-na", *query) for number in numbers]
        assert "404 case-not-found" == await alike(here, asked)
    for action, (_, body) in ACTS.items():
        asked = [act(f"/cases/{number}/{action}", "li-na", body) for number in numbers]
        assert "404 case-not-found" == await alike(here, asked), action
    for path in ("/audit/supervision", "/alerts", "/links", "/events"):
        asked = [read(path, "li-na", f"case={number}") for number in numbers]
        assert "404 case-not-found" == await alike(here, asked), path
    assert 200 == (await ask(here, read(f"/cases/{case}", "mo-li"))).status


async def test_a_ledger_in_which_you_have_no_business_does_not_exist(here):
    uploaded = await staged(here)
    # The strangers' ledger is there; the other one never was.
    for reading in READINGS:
        path = reading.format_map({"case": "469028-2026-000001", "import": uploaded})
        for query in ([], ["at_least=0"], ["at_least=999999"], ["a=b"]):
            asked = [
                read(path, "nobody", *query, ledger=name)
                for name in ("469002", "469028", "469099", "469002.open", "%34", "-a", "a" * 41)
            ]
            assert "404 not-found" == await alike(here, asked), path
    for path, (_, _, body) in OFFICE.items():
        asked = [act(path, "nobody", body, ledger=n) for n in ("469002", "469028", "469099")]
        assert "404 not-found" == await alike(here, asked), path
    asked = [act("/cases", "nobody", application("QH-002"), ledger=n) for n in ("469002", "469099")]
    assert "404 not-found" == await alike(here, asked)


async def test_things_that_are_not_there_look_the_same_whatever_they_are_called(here):
    for things in ("items", "calendars", "policies", "appointments", "seals"):
        asked = [
            read(f"/{things}/{name}", "chen-zhi")
            for name in ("nothing", "%2e%2e", "QH-002%00", "item:QH-002", "a" * 300, "%E6%B1%89")
        ]
        assert "404 not-found" == await alike(here, asked), things
    for path in ("", "/rows"):
        names = ("0" * 32, "nothing", "A" * 32, "%27")
        asked = [read(f"/imports/{name}{path}", "wu-jun") for name in names]
        assert "404 not-found" == await alike(here, asked)
    # A thing, a path and a ledger that are not there are of one kind too.
    asked = [read("/items/nothing", "chen-zhi"), read("/items", "nobody"),
             read("/nowhere", None, ledger=""), read("/v1", None, ledger="")]  # fmt: skip
    assert "404 not-found" == await alike(here, asked)


async def test_control_another_kind_of_refusal_is_told_apart(here):
    case = await here.received("QH-002")

    with pytest.raises(AssertionError):
        await alike(here, [read(f"/cases/{case}", by) for by in ("li-na", "mo-li")])


# -- in words, and not too many of them ------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("en", "en"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("zh-Hans-CN,en;q=0.9", "zh-CN"),
        ("zh;q=0.3,en;q=0.7", "en"),
        ("zh;q=0,en;q=0.001", "en"),
        ("zh;q=0", "zh-CN"),
        ("*;q=0.1,en;q=0.05", "zh-CN"),
        ("de;q=1,*;q=0", "zh-CN"),
        ("EN ; Q=1.0", "en"),
        ("en;q=1.5", "zh-CN"),
        ("en;q=-1", "zh-CN"),
        ("en;q=NaN", "zh-CN"),
        ("en;q=１", "zh-CN"),
        (";;;,,,=;q", "zh-CN"),
        ("en," * 1000, "en"),
        ("汉é", "zh-CN"),
        (["zh;q=0.1", "en"], "en"),
    ],
)
async def test_the_language_is_chosen_from_whatever_is_sent(here, wanted, language):
    told = await ask(here, Ask("GET", "/cases", [], {"Accept-Language": wanted}))

    assert "401 unauthenticated" == told.said
    assert language == told.headers["Content-Language"]
    slug = SLUGS["unauthenticated"]
    expected = (slug.title_en, slug.todo_en) if language == "en" else (slug.title_zh, slug.todo_zh)
    assert expected == (told.body["title"], told.body["detail"])


LONG = "x" * 4_000


async def test_no_answer_repeats_more_than_64_characters_of_what_was_sent(here):
    case = await here.received("QH-002")
    long = application("QH-002")
    asked = [
        read("/cases", "chen-zhi", f"{LONG}=1"),
        read("/cases", "chen-zhi", f"stage={LONG}"),
        read("/cases", "chen-zhi", f"after={LONG}"),
        read("/cases", "chen-zhi", f"at_least={LONG}"),
        read(f"/cases/{LONG}", "chen-zhi"),
        read(f"/cases/{case}", "chen-zhi", f"as_of={LONG}"),
        read(f"/items/{LONG}", "chen-zhi"),
        read(f"/{LONG}", "chen-zhi"),
        read(f"/audit/{LONG}", "jiang-he"),
        act("/cases", "zhou-min", long | {LONG: 1}),
        act("/cases", "zhou-min", long | {"item": LONG}),
        act("/cases", "zhou-min", long | {"item": "y" * 64 + "x" * 100}),
        act("/cases", "zhou-min", long | {"channel": LONG}),
        act("/cases", "zhou-min", long | {"reason": [LONG]}),
        act(f"/cases/{case}/{LONG}", "zhou-min"),
        act(f"/cases/{case}/transfer", "zhou-min", {"to": {"unit": "x" * 150}}),
    ]
    twice = act("/cases", "zhou-min")
    twice.body = f'{{"{LONG}":1,"{LONG}":2}}'.encode()
    wide = read("/cases", "chen-zhi")
    wide.headers |= {"Accept": f"{LONG}/x"}
    for one in (*asked, twice, wide):
        told = await ask(here, one)
        assert told.status >= 400, one
        assert "x" * 65 not in told.raw.decode(), told.raw
        assert len(told.body["detail"]) < 300
