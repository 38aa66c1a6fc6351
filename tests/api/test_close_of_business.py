"""A last day that ends at the close of business, over HTTP, to the minute (`day_end`)."""

import pytest

from tests.api.serving import GRANT, last, part, serve, sha

CLOSES = {"day_end": "day-end.close-of-business", "closes_at": "17:30"}
MARCH = "from=2026-03-01&to=2026-03-31"
# Accepted on a Monday with a promise of five working days: due on the next one.
DAY, DUE = "2026-03-02", "2026-03-09"


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


async def closing(here, **more):
    """Put a policy in force by which days end at 17:30."""
    await here.at("2026-02-02 09:00")
    policies = (await here.get("/policies")).body["items"]
    current = next(p["content"] for p in policies if p["id"] == "deadlines-default")
    proposed = await here.post("/policies", current | CLOSES | more, by="fang-ke")
    if proposed.status == 201:
        done = await here.post("/policies/deadlines-default/approve", by="wu-jun")
        assert 201 == done.status, done.body
    return proposed


async def reviewed(here):
    case = await here.accepted("QH-002", DAY)
    await here.reviewed(case, "2026-03-04")
    return case


async def known(here, case, moment):
    answer = await here.get(f"/cases/{case}?as_of=2026-03-{moment}%2B08:00", by="xing-tao")
    assert 200 == answer.status, answer.body
    return last(answer.body, "promised")


async def read(here, path):
    answer = await here.get(path, by="xing-tao")
    assert 200 == answer.status, answer.body
    return answer.body


async def red(here, case):
    path = f"/alerts?case={case}&deadline=promised&level=red&at_least={await position(here, case)}"
    return [card["raised_at"] for card in (await read(here, path))["items"]]


async def position(here, case):
    return (await here.get(f"/cases/{case}")).body["position"]


@pytest.mark.parametrize(
    ("minute", "light", "cards", "overdue"),
    [
        ("17:29:59", "met", [], []),
        ("17:30:00", "met-late", [f"{DUE}T17:30:00+08:00"], ["promised"]),
        ("17:31:00", "met-late", [f"{DUE}T17:30:00+08:00"], ["promised"]),
    ],
)
async def test_a_decision_is_late_from_the_minute_of_the_close(here, minute, light, cards, overdue):
    await closing(here)
    case = await reviewed(here)

    await here.done(case, "decide", GRANT, by="huang-qiang", at=f"{DUE} {minute}")

    state = await here.state(case)
    promised = {"due": DUE, "met_at": DUE, "closes_at": "17:30", "light": light}
    assert promised == part(last(state, "promised"), **promised)
    assert cards == await red(here, case)
    flagged = "promise-broken" in [flag["flag"] for flag in state["flags"]]
    assert bool(overdue) == flagged
    explained = [d["start"] for d in state["deadlines"] if d["name"] == "stage:explain"]
    assert ([DUE] if overdue else []) == explained
    figures = await read(here, f"/performance?{MARCH}&at_least={await position(here, case)}")
    found = {figure["definition"]: figure for figure in figures["items"]}
    assert {cause: [case] for cause in overdue} == found["kpi.overdue@1"]["causes"]
    assert [case] == found["kpi.early@1"]["other_cases"]
    shown = await read(here, f"/cases?item=QH-002&at_least={await position(here, case)}")
    assert [(case, "green")] == [(row["case"], row["light"]) for row in shown["items"]]


async def test_the_light_turns_red_at_the_close_and_stays_so_in_what_was_known(here):
    await closing(here)
    case = await reviewed(here)

    for moment, light in (("17:29", "yellow"), ("17:30", "red"), ("23:59", "red")):
        state = await here.state(case, at=f"{DUE} {moment}")
        assert light == last(state, "promised")["light"], moment
        overdue = "true" if light == "red" else "false"
        rows = await read(here, f"/cases?overdue={overdue}&at_least={state['position']}")
        assert [case] == [row["case"] for row in rows["items"]], moment
        counted = await read(here, f"/performance?{MARCH}&at_least={state['position']}")
        found = {figure["definition"]: figure for figure in counted["items"]}
        causes = {"open": [case]} if light == "red" else {}
        assert causes == found["kpi.overdue@1"]["causes"], moment
    await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-03-10 09:00")

    assert "yellow" == (await known(here, case, "09T17:29:59.999999"))["light"]
    assert "red" == (await known(here, case, "09T17:30:00"))["light"]


async def test_the_law_accepts_at_the_close_of_the_last_day_to_speak(here):
    await closing(here)
    case = await here.received("QH-002", DAY)

    before = await here.state(case, at=f"{DUE} 17:29")
    after = await here.state(case, at=f"{DUE} 17:30")

    assert ("received", "accepted") == (before["stage"], after["stage"])
    supplement = {"due": DUE, "met_at": DUE, "light": "met-late"}
    assert supplement == part(last(after, "supplement"), **supplement)
    events = await read(here, f"/cases/{case}/events")
    assert f"{DUE}T09:30:00.000000Z" == events["items"][-1]["occurred_at"]
    answer = await here.act(case, "accept", by="zhou-min")
    assert (409, "already-done") == answer.refusal[:2]


async def test_an_extension_after_the_close_of_the_last_day_moves_nothing(here):
    await closing(here)
    case = await here.accepted("QH-002", DAY)
    await here.reviewed(case, "2026-03-05")
    body = {"days": 10, "approved_by": "wu-jun", "notice": sha("e"), "reason": "案情复杂"}

    await here.done(case, "extend", body, by="chen-zhi", at="2026-03-30 17:30")

    statutory = {"due": "2026-03-30", "moved_by": [], "light": "red"}
    assert statutory == part(last(await here.state(case), "statutory"), **statutory)


async def test_a_case_keeps_the_end_of_day_of_its_terms(here):
    case = await reviewed(here)
    # Approved while the case runs: what it is bound by does not change under way.
    policies = (await here.get("/policies")).body["items"]
    current = next(p["content"] for p in policies if p["id"] == "deadlines-default")
    await here.post("/policies", current | CLOSES, by="fang-ke")
    await here.post("/policies/deadlines-default/approve", by="wu-jun")

    state = await here.state(case, at=f"{DUE} 23:59")
    assert "yellow" == last(state, "promised")["light"]
    assert "closes_at" not in last(state, "promised")
    await here.done(case, "decide", GRANT, by="huang-qiang")
    assert "met" == last(await here.state(case), "promised")["light"]
    assert [] == await red(here, case)


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"closes_at": "24:30"}, "/closes_at"),
        ({"closes_at": None}, "/closes_at"),
        ({"day_end": "day-end.midnight"}, "/closes_at"),
        ({"day_end": "day-end.noon"}, "/day_end"),
    ],
)
async def test_a_close_of_business_is_a_time_of_day(here, more, pointer):
    answer = await closing(here, **more)

    assert (422, pointer) == (answer.status, answer.body["pointer"])
