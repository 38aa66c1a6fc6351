"""The feed as a stream: every event once and in order, to who may read it, and it ends cleanly."""

import asyncio
import time

import pytest

from api import feed, streams
from api.streams import STREAMS, Streams
from ledger.errors import Refused, Unavailable
from tests.api.serving import serve
from tests.api.streaming import PATIENCE_S, stream
from tests.api.test_feed import lined, size
from tests.api.test_readings import entries

INSPECTOR, SUPERVISOR = "jiang-he", "mo-li"


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        serving.case = await serving.accepted("QH-002", "2026-03-02")
        yield serving


async def gone(here):
    """Wait until no stream is open."""
    async with asyncio.timeout(PATIENCE_S):
        while here.app[STREAMS].count:
            await here.service.store.wait_beyond(here.ledger, 10**9, poll_s=0.1)


async def test_it_gives_every_event_once_and_goes_on_as_they_are_recorded(here, monkeypatch):
    monkeypatch.setattr(feed, "CHUNK", 7)
    whole = await size(here)

    async with stream(here, by=INSPECTOR) as reading:
        assert 200 == reading.response.status
        assert "text/event-stream" == reading.response.content_type
        first = await reading.some(whole)
        assert str(whole - 1) == reading.last
        await here.received("QH-002", "2026-03-04")
        await here.received("QH-003", "2026-03-05")
        more = await reading.some(2)

    assert await lined(here) == first + more
    assert list(range(whole + 2)) == [one["position"] for one in first + more]


async def test_who_was_cut_off_resumes_without_loss_and_without_repetition(here):
    whole, read, last = await lined(here), [], ""
    while len(read) < len(whole):
        resumed = {"Last-Event-ID": last} if last else {}
        async with stream(here, "/events?after=3" if last else "/events", by=INSPECTOR,
                          headers=resumed) as reading:  # fmt: skip
            read += await reading.some(min(11, len(whole) - len(read)))
            last = reading.last

    assert whole == read


async def test_what_is_not_shown_is_passed_over_and_not_asked_for_again(here):
    shown = await lined(here, by=SUPERVISOR)
    whole = await size(here)
    assert 0 < len(shown) < whole

    async with stream(here, by=SUPERVISOR) as reading:
        seen = await reading.some(len(shown))
        await here.received("QH-002", "2026-03-04")
        seen.append(await reading.next())

    assert await lined(here, by=SUPERVISOR) == seen
    assert str(whole) == reading.last


async def test_filters_and_a_limit_are_those_of_the_feed(here):
    asked = f"?case={here.case}&type=accepted"

    async with stream(here, f"/events{asked}&limit=1", by=INSPECTOR) as reading:
        assert await lined(here, asked) == [await reading.next()]
        assert await reading.next() is None


@pytest.mark.parametrize("given", [{"Last-Event-ID": "x"}, {"Last-Event-ID": "99999"}])
async def test_a_place_that_is_none_is_refused_before_it_begins(here, given):
    async with stream(here, by=INSPECTOR, headers=given) as reading:
        assert 400 == reading.response.status


async def test_who_may_not_read_the_feed_opens_no_stream(here):
    async with stream(here, by="zhou-min") as reading:
        assert 403 == reading.response.status
    async with stream(here) as reading:
        assert 401 == reading.response.status
    assert 0 == here.app[STREAMS].count


async def test_it_ends_where_the_post_ends_and_tells_nothing_more(here):
    async with stream(here, f"/events?after={await size(here) - 1}", by=SUPERVISOR) as reading:
        posts = (await here.get("/appointments?limit=500", by="wu-jun")).body["items"]
        (post,) = [one["id"] for one in posts if one["id"].startswith(SUPERVISOR)]
        ended = await here.post(f"/appointments/{post}/end", {"reason": "调离"}, by="fang-ke")
        assert 201 == ended.status, ended.body
        await here.received("QH-002", "2026-03-04")

        assert await reading.next() is None
    await gone(here)


async def test_control_without_asking_again_it_would_go_on(here, monkeypatch):
    async def as_before(self, size, *, behind=False):
        await self.entry.service.store.wait_beyond(self.entry.ledger.name, size, poll_s=0.2)
        return True

    real, seen = feed.scopes, {}

    def once(entry, what):
        seen[what] = seen.get(what) or real(entry, what)
        return seen[what]

    monkeypatch.setattr(feed, "scopes", once)
    monkeypatch.setattr(streams.Watch, "moved", as_before)
    async with stream(here, f"/events?after={await size(here) - 1}", by=SUPERVISOR) as reading:
        posts = (await here.get("/appointments?limit=500", by="wu-jun")).body["items"]
        (post,) = [one["id"] for one in posts if one["id"].startswith(SUPERVISOR)]
        await here.post(f"/appointments/{post}/end", {"reason": "调离"}, by="fang-ke")
        await here.received("QH-002", "2026-03-04")

        assert await reading.next() is not None


@pytest.mark.parametrize(("ask_s", "ends"), [(0.0, True), (3600.0, False)])
async def test_who_reads_is_asked_again_within_a_stretch(here, monkeypatch, ask_s, ends):
    """The second is the control: in one stretch, nobody is asked."""
    whole, real, asked = await size(here), feed.scopes, []

    def scopes(entry, what):
        asked.append(what)
        if len(asked) > 3:
            raise Refused("action-not-allowed", "as if the post had ended")
        return real(entry, what)

    monkeypatch.setattr(feed, "scopes", scopes)
    monkeypatch.setattr(streams, "ASK_S", ask_s)
    async with stream(here, by=INSPECTOR) as reading:
        told = await reading.some(whole)

    assert (3 if ends else whole) == len([one for one in told if one is not None])


async def test_who_takes_nothing_loses_the_place(here, monkeypatch):
    real = streams.event

    def long(position, data):
        return b":" + b"x" * 1_000_000 + b"\n" + real(position, data)

    monkeypatch.setattr(streams, "event", long)
    monkeypatch.setattr(streams, "STALL_S", 0.3)
    async with stream(here, by=INSPECTOR):
        assert 1 == here.app[STREAMS].count
        await gone(here)  # though the connection is open
    ended = [one["part"] for one in await entries(here) if one["what"] == "read-events"]
    assert "ended" in ended


async def test_one_reader_has_so_many_and_a_place_that_is_left_is_free(here, monkeypatch):
    monkeypatch.setattr(here.app[STREAMS], "_each", 1)
    async with stream(here, by=INSPECTOR) as one:
        await one.next()
        async with stream(here, by=INSPECTOR) as other:
            assert 429 == other.response.status
            assert "15" == other.response.headers["Retry-After"]
        async with stream(here, by=SUPERVISOR) as another:
            assert 200 == another.response.status
    await gone(here)  # though nothing was recorded since
    async with stream(here, by=INSPECTOR) as again:
        assert 200 == again.response.status


def test_all_together_have_so_many_and_none_begins_at_the_end():
    one = Streams(limit=2, each=2)
    with one.one("a"), one.one("b"):
        assert 2 == one.count
        with pytest.raises(Unavailable), one.one("c"):
            pass
    assert 0 == one.count
    one.ending = True
    with pytest.raises(Unavailable), one.one("a"):
        pass


async def test_a_service_that_stops_ends_its_streams(here):
    async with stream(here, by=INSPECTOR) as reading:
        await reading.some(await size(here))
        began = time.monotonic()
        await here.app.shutdown()

        assert await reading.next() is None
        assert time.monotonic() - began < streams.LOOK_S + 3
    await gone(here)


async def test_a_sign_of_life_is_given_while_nothing_happens(here, monkeypatch):
    monkeypatch.setattr(streams, "BEAT_S", 0.1)
    async with stream(here, f"/events?after={await size(here) - 1}", by=INSPECTOR) as reading:
        lines = [await reading.response.content.readline() for _ in range(4)]

    assert [b"retry: 2000\n", b"\n", b":\n", b"\n"] == lines


async def test_the_reading_is_on_record_when_it_begins_and_when_it_ends(here):
    async with stream(here, "/events?limit=2", by=SUPERVISOR) as reading:
        await reading.some(2)
        assert await reading.next() is None
    await gone(here)

    parts = [
        (one["part"], one["items"])
        for one in await entries(here)
        if one["what"] == "read-events" and one["actor"]["person"] == SUPERVISOR
    ]
    assert [("begun", None), ("ended", 2)] == sorted(parts, key=str)
