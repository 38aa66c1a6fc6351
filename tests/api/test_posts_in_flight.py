"""Two processes at once: what is decided on a post that has ended meanwhile is not stored.

Acts are held back at the append, so that each of them is decided before what passes it.
"""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ledger.ledger import Ledger
from ledger.office import Office, check
from tests.api.serving import GRANT, serve, started

PERSON, POST = "huang-qiang", "huang-qiang-approver"
POSTS = {
    "new-a": ({"role": "handler", "organ": "qh-xzsp"}, "wu-jun"),
    "new-b": ({"role": "supervisor", "organ": "qh-wjw"}, "shi-lei"),
}


@pytest.fixture
async def two(database, tmp_path):
    """Two processes of one deployment."""
    async for one in serve(database, tmp_path, settings={"epoch": 1}, fresh=True):
        async with started(replace(one.service.settings), database) as other:
            yield one, other


@asynccontextmanager
async def held_back(monkeypatch, waiting, *, which):
    """Let acts of a kind wait before their append; gives what lets them go once all wait."""
    go, decided, append = asyncio.Event(), asyncio.Semaphore(0), Ledger._append

    async def gate(ledger, events, *rest):
        if events[0].type == which and not go.is_set():
            decided.release()
            await go.wait()
        return await append(ledger, events, *rest)

    async def all_wait():
        for _ in range(waiting):
            await decided.acquire()

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "_append", gate)
        yield all_wait, go


async def cases(two, count):
    one, other = two
    found = []
    for n in range(count):
        found.append(await one.received("QH-002", f"2026-03-02 09:{n:02}"))
        await one.done(found[-1], "accept", by="zhou-min")
    other.versions = dict(one.versions)
    return found


async def decided_in_flight(two, monkeypatch, count=10, *, lent=False):
    """Decide in both processes, end the post while all of that is in flight, and let it go."""
    one, _ = two
    by = "chen-zhi" if lent else PERSON
    in_flight = await cases(two, count)
    async with held_back(monkeypatch, count, which="decided") as (all_wait, go):
        acts = [
            asyncio.create_task(two[n % 2].act(case, "decide", GRANT, by=by))
            for n, case in enumerate(in_flight)
        ]
        await all_wait()
        ended = await one.post(f"/appointments/{POST}/end", {"reason": "调离"}, by="wu-jun")
        assert 201 == ended.status
        go.set()
        answers = await asyncio.gather(*acts)
    return ended.body["position"], answers


async def stored_after(serving, position):
    events = await serving.service.store.since(serving.ledger, position + 1, 1000)
    return [row.type for row in events if row.type == "decided"]


@pytest.mark.parametrize("lent", [False, True], ids=["own", "delegated"])
async def test_nothing_is_stored_by_a_post_that_ended_while_it_was_in_flight(
    two, monkeypatch, lent
):
    if lent:
        await lend(two[0])

    position, answers = await decided_in_flight(two, monkeypatch, lent=lent)

    assert [(403, "appointment-ended")] * 10 == [(a.status, a.slug) for a in answers]
    assert [] == await stored_after(two[0], position)


async def test_control_without_the_guards_it_is_stored(two, monkeypatch):
    monkeypatch.setattr(Office, "relied", lambda _office, *_streams: {})

    position, answers = await decided_in_flight(two, monkeypatch)

    assert [201] * 10 == [a.status for a in answers]
    assert ["decided"] * 10 == await stored_after(two[0], position)


async def test_what_was_stored_before_the_end_stands(two):
    """Nobody is held back: each act is before the end, or refused."""
    one, _ = two
    in_flight = await cases(two, 20)
    acts = [two[n % 2].act(case, "decide", GRANT, by=PERSON) for n, case in enumerate(in_flight)]
    acts.insert(10, one.post(f"/appointments/{POST}/end", by="wu-jun"))

    answers = await asyncio.gather(*acts)

    ended = answers.pop(10).body["position"]
    for answer in answers:
        if answer.status == 201:
            assert answer.body["events"][-1]["position"] < ended
        else:
            assert (403, "appointment-ended") == (answer.status, answer.slug)
    assert [] == await stored_after(one, ended)


async def lend(one):
    await one.at("2026-03-02 08:00")
    body = {
        "id": "lent",
        "kind": "delegation",
        "delegator": PERSON,
        "person": "chen-zhi",
        "role": "approver",
        "organ": "qh-xzsp",
        "actions": ["decide"],
        "from": "2026-03-02",
        "to": "2026-03-20",
    }
    assert 201 == (await one.post("/appointments", body, by="fang-ke")).status
    assert 201 == (await one.post("/appointments/lent/approve", by="wu-jun")).status


# -- SOD-6: two approvals that pass each other --------------------------------------------------


async def approved_at_once(two, monkeypatch):
    """Two posts of one person in two branches, each approved in a process of its own."""
    one, _ = two
    await one.at("2026-03-02 09:00")
    for name, (post, _) in POSTS.items():
        body = {"id": name, "person": "new", "from": "2026-03-02", **post}
        assert 201 == (await one.post("/appointments", body, by="fang-ke")).status
    async with held_back(monkeypatch, 2, which="appointment-approved") as (all_wait, go):
        acts = [
            asyncio.create_task(here.post(f"/appointments/{name}/approve", by=head))
            for here, (name, (_, head)) in zip(two, POSTS.items(), strict=True)
        ]
        await all_wait()
        go.set()
        return await asyncio.gather(*acts)


async def test_two_approvals_in_two_processes_never_join_what_must_stay_apart(two, monkeypatch):
    answers = await approved_at_once(two, monkeypatch)

    assert [201, 403] == sorted(a.status for a in answers)
    (refused,) = [a for a in answers if a.status == 403]
    assert (403, "separation-of-duties", "SOD-6") == refused.refusal


async def test_what_a_process_has_not_read_yet_counts_all_the_same(two):
    """The other process proposed and approved a post that this one does not know of."""
    one, other = two
    await one.at("2026-03-02 09:00")
    (mine, (post, _)), (theirs, (other_post, head)) = POSTS.items()
    body = {"person": "new", "from": "2026-03-02"}
    assert (
        201 == (await one.post("/appointments", {"id": mine, **body, **post}, by="fang-ke")).status
    )
    here = await one.service.ledger(one.ledger)
    as_it_was = here.office
    body = {"id": theirs, **body, **other_post}
    assert 201 == (await other.post("/appointments", body, by="fang-ke")).status
    assert 201 == (await other.post(f"/appointments/{theirs}/approve", by=head)).status
    here.office = as_it_was

    second = await one.post(f"/appointments/{mine}/approve", by="wu-jun")

    assert (403, "separation-of-duties", "SOD-6") == second.refusal


async def test_control_without_the_guards_both_are_approved(two, monkeypatch):
    monkeypatch.setattr(check, "beside", lambda *_asked: {})

    answers = await approved_at_once(two, monkeypatch)

    assert [201, 201] == [a.status for a in answers]
