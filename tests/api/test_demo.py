"""The demo against a real service, small: it comes out as planned, and twice is once."""

import asyncio
import io
import os
import shutil
import signal
from collections import Counter
from datetime import datetime

import aiohttp
import pytest

from api import operate
from api.demo import START, plan, run_demo
from api.demo.caller import Bureau
from api.settings import Settings
from ledger.cluster import pid_line
from tests.api.serving import serve
from tests.conftest import new_folder

CASES = 12
ROWS = 60


@pytest.fixture
async def here(database, tmp_path):
    start = START.strftime("%Y-%m-%d")
    async for serving in serve(database, tmp_path, start=start):
        yield serving


async def demo(here, **more):
    out = io.StringIO()
    sizes = {"cases": CASES, "rows": ROWS} | more
    summary = await run_demo(
        here.base, lambda person: here.tokens.token(person, person), out, here.ledger, **sizes
    )
    return summary, out.getvalue()


async def refusals(here):
    """How many refusals are on record in the open line; every reading stands there, too."""
    answer = await here.get("/access-log?line=open&limit=500", by="yan-qing")
    assert answer.status == 200, answer.body
    return sum(row["slug"] is not None for row in answer.body["items"])


async def test_the_demo_comes_out_as_planned_and_a_second_run_finds_it(here):
    first, told = await demo(here)

    assert [] == first.tally.unexpected
    assert {"rows": ROWS, "recorded": ROWS, "quarantined": 0}.items() <= {
        what: ours for what, ours, _ in first.brought[0].compared
    }.items()
    assert 13 == len(first.stories)
    lines = {story.name: "\n".join(story.lines) for story in first.stories}
    assert "byte for byte the same; 4 of them" in lines["five-times"]
    assert "separation-of-duties SOD-3" in lines["approver-seals"]
    assert "already-done seal.once" in lines["sealed-twice"]
    assert "2026-09-30 -> 2026-10-09" in lines["calendar-changed"]
    assert "acceptance.deemed" in lines["silent-window"]
    assert "actor by-law" in lines["silent-window"]
    assert "rule-refused credit.listed" in lines["false-promise"]
    assert "Grades [2, 4]" in lines["bad-rating"]
    assert "wang-lan decided for huang-qiang" in lines["lent-and-counted"]
    assert "so does its register: no card" in lines["lent-and-counted"]
    assert "HN-CG-031-00   城市建筑垃圾处置核准: legal_basis ≠" in told
    assert "10 items beside 11 of the baseline: 7 conforming, 2 differing, 1 incomplete" in told
    assert "stage:renewal is met-late" in lines["renewed-by-silence"]
    assert "action-not-allowed" in lines["complaint"]
    assert "Called back: grade 5; closed." in lines["complaint"]
    assert "2 of 2 decided" in lines["one-thing"]
    assert "qh-wjw was asked beside them: agree" in lines["one-thing"]
    for story in first.stories:
        assert story.case in told
    # What the law has done by now is recorded in the background: let it be, then count.
    ledger = await here.service.ledger(here.ledger)
    await here.service.caught_up(here.ledger, (await here.service.store.head(here.ledger)).size - 1)
    await here.service._settle(ledger)
    size = (await here.service.store.head(here.ledger)).size
    refused = await refusals(here)

    second, again = await demo(here)

    assert size == (await here.service.store.head(here.ledger)).size
    assert refused == await refusals(here)
    assert ([], 0) == (second.tally.unexpected, second.tally.done)
    assert [s.case for s in first.stories] == [s.case for s in second.stories]
    assert lines["calendar-changed"] in again.replace("\n   ", "\n")


async def test_a_demo_that_was_killed_goes_on_where_it_was(here, monkeypatch):
    class Killed(Exception):
        pass

    sent = Counter()
    real = Bureau._sent

    async def killed(self, method, path, *args, **more):
        answer = await real(self, method, path, *args, **more)
        sent[method] += 1
        if sent["POST"] == 90:
            raise Killed  # after the act was done, before anybody heard
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Bureau, "_sent", killed)
        with pytest.raises((Killed, ExceptionGroup)):
            await demo(here)

    on, _ = await demo(here)
    straight = plan.lives(plan.settings(), CASES)

    assert [] == on.tally.unexpected
    last = (await here.service.store.head(here.ledger)).size - 1
    listed = await here.get(f"/cases?limit=500&item=QH-002&at_least={last}", by="jiang-he")
    assert 200 == listed.status
    told = 12  # applications for that item in the stories: two of them share one
    planned = sum(life.item == "QH-002" for life in straight) + told
    assert planned == len(listed.body["items"])


@pytest.fixture
def home():
    """A place that PostgreSQL's account can reach: those above it are open."""
    folder = new_folder()
    folder.chmod(0o711)
    yield folder / "home"
    shutil.rmtree(folder)


async def asked_all_along(url, issuer, told):
    """Read the list of cases again and again; note each answer that is not 200."""
    async with aiohttp.ClientSession() as session:
        while True:
            headers = {"Authorization": f"Bearer {issuer.token('jiang-he', '江河')}"}
            async with session.get(f"{url}/v1/ledgers/469002/cases", headers=headers) as answer:
                if answer.status != 200:
                    told.append((answer.status, answer.headers.get("Retry-After")))
                await answer.read()


async def test_a_demo_whose_database_is_killed_goes_on_without_a_restart(home, monkeypatch):
    here = Settings(home=home, port=0, admin_port=0, rate_person=0, rate_client=0)
    killed, told = [], []
    real = Bureau._sent

    async def killing(self, method, path, *args, **more):
        if method == "POST" and path.endswith(("/review", "/seal")) and len(killed) < 2:
            postmaster = int(pid_line(home / "postgresql" / "data", 1) or 0)
            if postmaster and postmaster not in killed:
                killed.append(postmaster)
                os.kill(postmaster, signal.SIGKILL)
        return await real(self, method, path, *args, **more)

    async def job(running):
        asking = asyncio.create_task(asked_all_along(running.url, running.issuer, told))
        monkeypatch.setattr(Bureau, "_sent", killing)
        out = io.StringIO()
        summary = await run_demo(
            running.url, lambda p: running.issuer.token(p, p), out, cases=CASES, rows=ROWS
        )
        monkeypatch.setattr(Bureau, "_sent", real)
        again = await run_demo(
            running.url, lambda p: running.issuer.token(p, p), out, cases=CASES, rows=ROWS
        )
        asking.cancel()
        await asyncio.wait({asking})
        assert [] == summary.tally.unexpected == again.tally.unexpected
        assert 0 == again.tally.done
        return summary.tally.again > 0

    assert await operate.demonstrate(here, START, job, lambda _: None, leave=True)

    assert 2 == len(killed)
    assert told
    assert all(status == 503 and int(wait) > 0 for status, wait in told)
    assert not (home / "postgresql" / "data" / "postmaster.pid").exists()


def test_the_plan_is_the_same_every_time_and_only_on_working_days():
    setting = plan.settings()

    one, two = plan.lives(setting), plan.lives(setting)

    assert one == two
    assert 200 == len(one)
    steps = [step for life in one for step in life.steps]
    assert len(steps) == len({step.key for step in steps})
    days = plan.working_days()
    assert all(days.working(step.at.date()) for step in steps)
    assert datetime.fromisoformat("2026-03-02T00:00+08:00") <= min(step.at for step in steps)
    bureau = {"zhou-min", "fu-hailing", "chen-zhi", "wang-lan", "lin-bo"}
    bureau |= {"huang-qiang", "he-yan", "tang-li"}
    assert bureau <= {step.by for step in steps}
    for life in one:
        times = [step.at for step in life.steps]
        assert times == sorted(times)
