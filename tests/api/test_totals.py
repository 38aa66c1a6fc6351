"""`count=exact`: how many rows of a list fit, whatever page of it is shown."""

import pytest

from tests.api.serving import application, serve


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


async def cases(here, number):
    await here.at("2026-03-02 09:00")
    answers = [
        await here.post("/cases", application("QH-002"), by="zhou-min") for _ in range(number)
    ]
    made = [answer.body["case"] for answer in answers]
    await here.service.caught_up("469002", -1)
    return made


@pytest.mark.parametrize("path", ["/cases?item=QH-002", "/audit/approval?item=QH-002"])
async def test_the_total_is_the_same_on_every_page(here, path):
    await cases(here, 5)

    first = await here.get(f"{path}&count=exact&limit=2", by="xing-tao")
    second = await here.get(f"{path}&count=exact&limit=2&after={first.body['next']}", by="xing-tao")

    assert (5, 2) == (first.body["total"], len(first.body["items"]))
    assert (5, 2) == (second.body["total"], len(second.body["items"]))


async def test_only_what_the_filters_and_the_reader_leave_is_counted(here):
    made = await cases(here, 3)
    here.versions[made[0]] = 1
    await here.done(made[0], "accept", by="zhou-min")
    await here.service.caught_up("469002", -1)

    accepted = await here.get("/cases?count=exact&stage=accepted", by="xing-tao")
    unrated = await here.get("/cases?count=exact", by="lu-qian")
    none = await here.get("/cases?count=exact&stage=closed", by="xing-tao")

    assert [1, 0, 0] == [a.body["total"] for a in (accepted, unrated, none)]


async def test_alerts_are_counted_by_their_state(here):
    await cases(here, 4)
    await here.at("2026-03-20 09:00")

    red = await here.get("/alerts?count=exact&level=red&limit=1", by="xing-tao")

    every = await here.get("/alerts?level=red&limit=500", by="xing-tao")
    assert len(every.body["items"]) == red.body["total"] > 1


async def test_nobody_is_told_a_total_who_did_not_ask(here):
    await cases(here, 1)

    assert "total" not in (await here.get("/cases", by="xing-tao")).body


@pytest.mark.parametrize(
    "query", ["count=", "count=true", "count=exact&count=exact", "Count=exact"]
)
async def test_another_word_is_refused(here, query):
    answer = await here.get(f"/cases?{query}", by="xing-tao")

    assert (400, "invalid-parameter") == (answer.status, answer.slug)


async def test_what_is_not_counted_does_not_take_the_word(here):
    answer = await here.get("/performance?from=2026-03-01&to=2026-03-31&count=exact", by="wu-jun")

    assert (400, "invalid-parameter") == (answer.status, answer.slug)
