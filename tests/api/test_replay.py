"""A case step by step, as it was known: each step is what `as_of` shows, and no step is missing."""

import pytest

from tests.api.serving import LICENCE, serve


@pytest.fixture(scope="module")
async def here(lasting, tmp_path_factory):
    async for serving in serve(lasting, tmp_path_factory.mktemp("here"), start="2026-03-02"):
        serving.case = await serving.accepted("QH-002", "2026-03-02")
        await serving.granted(serving.case, "2026-03-03")
        yield serving


async def replayed(here, query="", *, by="jiang-he"):
    answer = await here.get(f"/cases/{here.case}/replay{query}", by=by)
    assert answer.status == 200, answer.body
    return answer


async def test_every_act_is_a_step_and_each_begins_where_the_last_one_ended(here):
    history = (await here.get(f"/cases/{here.case}/events", by="jiang-he")).body["items"]
    answer = await replayed(here)
    steps = answer.body["items"]

    assert history == [step["act"] for step in steps]
    assert [n + 1 for n in range(len(steps))] == [step["version"] for step in steps]
    assert [None, *(step["after"] for step in steps[:-1])] == [step["before"] for step in steps]
    assert [step["after"]["version"] for step in steps] == [step["version"] for step in steps]
    assert f'"{len(steps)}"' == answer.headers["ETag"]


async def test_a_step_shows_what_was_known_then(here):
    for step in (await replayed(here)).body["items"]:
        position = step["act"]["position"]
        then = (await here.get(f"/cases/{here.case}?as_of={position}", by="jiang-he")).body
        mine = ("allowed_actions", "forbidden_actions")
        assert {k: v for k, v in then.items() if k not in mine} == {
            k: v for k, v in step["after"].items() if k not in mine
        }


async def test_it_names_what_a_step_changed(here):
    steps = (await replayed(here)).body["items"]
    changed = {step["act"]["type"]: set(step["changed"]) for step in steps}

    assert {"stage", "accepted_on", "deadlines"} <= changed["accepted"]
    assert {"stage", "decision"} <= changed["decided"]
    assert "decision" not in changed["accepted"]
    assert LICENCE["sha256"] == steps[-1]["after"]["decision"]["document"]["sha256"]


async def test_it_goes_up_to_a_version(here):
    whole = (await replayed(here)).body["items"]

    for last in (1, 2, len(whole)):
        assert whole[:last] == (await replayed(here, f"?to={last}")).body["items"]


@pytest.mark.parametrize("query", ["to=0", "to=99", "to=x", "to=-1", "to=1&to=2", "as_of=1", "to="])
async def test_a_version_that_is_none_is_refused(here, query):
    answer = await here.get(f"/cases/{here.case}/replay?{query}", by="jiang-he")

    assert (400, "invalid-parameter") == (answer.status, answer.slug)


@pytest.mark.parametrize(
    ("person", "refusal"),
    [
        ("zhou-min", (403, "action-not-allowed")),
        ("lu-qian", (403, "action-not-allowed")),
        ("guo-an", (404, "case-not-found")),
        ("zheng-kai", (404, "case-not-found")),
        ("nobody", (404, "not-found")),
    ],
)
async def test_who_may_not_read_the_history_reads_no_replay(here, person, refusal):
    for path in ("replay", "events"):
        answer = await here.get(f"/cases/{here.case}/{path}", by=person)
        assert refusal == (answer.status, answer.slug)


async def test_nothing_of_a_person_is_in_it(here):
    answer = await replayed(here)

    assert "91469002MA5X00014X" not in answer.raw.decode()
    assert "海南示例餐饮有限公司" not in answer.raw.decode()
