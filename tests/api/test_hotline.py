"""What the hotline reads of cases: those that were rated, in the list and one by one."""

import pytest

from tests.api.serving import serve


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def test_the_hotline_reads_rated_cases_only(here):
    silent = await here.accepted("QH-002", "2026-03-02")
    rated = await here.accepted("QH-002", "2026-03-03")
    call = {"grade": 2, "channel": "telephone", "call_reference": "12345-2026-0001"}
    last = await here.done(rated, "evaluate", call, by="lu-qian", at="2026-03-03 11:00")

    at_least = f"?at_least={last.headers['Ledger-Position']}"
    listed = (await here.get(f"/cases{at_least}", by="lu-qian")).body["items"]

    assert [rated] == [row["case"] for row in listed]
    assert 200 == (await here.get(f"/cases/{rated}", by="lu-qian")).status
    assert 403 == (await here.get(f"/cases/{silent}", by="lu-qian")).status
    # Control: who supervises the whole ledger lists both.
    both = (await here.get(f"/cases{at_least}", by="xing-tao")).body["items"]
    assert {rated, silent} == {row["case"] for row in both}
