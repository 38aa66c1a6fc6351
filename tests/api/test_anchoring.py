"""The follower: real logs of one service are anchored in a ledger of another, over HTTP."""

import asyncio
from dataclasses import replace

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from api.anchoring import BESIDES, Follower, addresses
from api.copies import Address, Folder, mirrored
from api.demo.attack import SQL
from api.metrics import METRICS
from ledger.database import Role
from ledger.errors import Corrupt
from ledger.fsck import Asked, Fsck
from ledger.office import anchor
from ledger.recorded import Key
from ledger.tlog import note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.tile import levels, tiles
from tests.api.anchored import ANCHORS, LOGS, registered
from tests.api.serving import serve
from tests.api.verifying import verified
from tests.ledger.anchoring import KEY, ORIGIN, County
from tests.ledger.tlog import keys, trees

COUNTY = "469006"


@pytest.fixture
def listed(tmp_path):
    at = tmp_path / "anchored"
    at.write_text("# nobody yet\n")
    return at


@pytest.fixture
async def here(database, tmp_path, listed):
    setting = {"anchored": listed, "anchor_every_s": 0.2}
    async for one in serve(
        database, tmp_path / "home", start="2026-03-02", ledgers=("469002", COUNTY),
        settings=setting,
    ):  # fmt: skip
        await one.service.ledger("469002")
        yield one


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as one:
        yield one


async def until(look, wanted, tries=300):
    """Ask until something is so; what it was at last tells why it never was."""
    found = None
    for _ in range(tries):
        found = await look()
        if wanted(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(found)


async def standing(here):
    return (await here.get("/anchors")).body["items"]


async def ready(here):
    answer = await here.get(f"{here.base}/readyz")
    assert 200 == answer.status
    return answer.body["ledgers"]["469002"]["anchors"]


async def real(here):
    """Register the log of the county that the same service keeps; return its publisher."""
    await here.service.ledger(COUNTY)
    publisher = here.service.publishers[COUNTY]
    head = await here.service.store.head(COUNTY)
    assert await publisher.published(head.size, 30)
    state = await publisher.log.state()
    content = {"id": "wanning", "name": "万宁市", "origin": state.origin, "keys": list(state.keys)}
    await registered(here, content)
    return publisher


async def test_a_countys_log_is_anchored_when_it_has_grown_and_verifies_from_folders(
    here, listed, tmp_path
):
    publisher = await real(here)
    at = f"{here.base}/v1/ledgers/{COUNTY}/log"
    listed.write_text(f"469002 wanning {at}/  # 万宁\nother x https://elsewhere.example/log\n")
    first = (await until(lambda: standing(here), lambda rows: rows[0]["size"]))[0]
    county = f"{here.base}/v1/ledgers/{COUNTY}"

    for name in ("a", "b"):
        post = {
            "id": name, "person": name, "role": "clerk", "organ": "qh-xzsp", "from": "2026-03-02",
        }  # fmt: skip
        done = await here.post(f"{county}/appointments", post, by="fang-ke")
        assert 201 == done.status, done.body
    head = await here.service.store.head(COUNTY)
    assert head.size > first["size"]
    await until(lambda: standing(here), lambda rows: rows[0]["size"] == head.size)

    rows = (await here.get(ANCHORS)).body["items"]
    assert {("anchored", "system", "anchoring")} == {
        (row["type"], row["by"]["kind"], row["by"]["client"]) for row in rows
    }
    told = await ready(here)
    newest = told.pop("newest")
    assert {"looked": 1, "bad": {}, "unread": None} == told
    assert {"wanning": head.size} == {log: one["size"] for log, one in newest.items()}
    # What was recorded is what verifies, without any of this.
    own = here.service.publishers["469002"]
    assert await own.published((await here.service.store.head("469002")).size, 30)
    places = {}
    for name in ("469002", COUNTY):
        places[name] = tmp_path / name
        await copied(here, name, places[name])
    keys = [(await one.log.state()).keys[-1] for one in (publisher, own)]
    code, out, err = await verified(
        places[COUNTY], "--key", keys[0], "--anchored-in", places["469002"],
        "--anchored-key", keys[1],
    )  # fmt: skip
    assert 0 == code, out + err
    assert f"{len(rows)}, the newest of {head.size} events" in out


async def copied(here, name, folder):
    token = here.tokens.token("jiang-he", "jiang-he")

    def work():
        with Address(f"{here.base}/v1/ledgers/{name}/log", token) as address:
            return mirrored(address, Folder(folder), lambda *_: None)

    return await asyncio.to_thread(work)


class Served:
    """A county's log as somebody serves it who may be anybody."""

    def __init__(self):
        self.log, self.size, self.answer, self.asked = County(300), 300, None, []
        self.besides = None

    async def get(self, request):
        path = request.match_info["path"]
        self.asked.append(path)
        if self.answer is not None:
            return self.answer(path)
        if path == "checkpoint":
            told = {} if self.besides is None else {BESIDES: str(self.besides)}
            return web.Response(body=self.log.note(self.size), headers=told)
        for level in levels(self.size):
            for tile in tiles(self.size, level):
                if tile.path == path:
                    return web.Response(body=trees.tile_bytes(tile, self.log.rows))
        raise web.HTTPNotFound


@pytest.fixture
async def served():
    one = Served()
    app = web.Application()
    app.router.add_get("/log/{path:.*}", one.get)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/log"
    yield one
    await runner.cleanup()


@pytest.fixture
async def follower(here, tmp_path):
    """One that looks when it is told to."""
    await registered(here)
    ledger = await here.service.ledger("469002")
    return Follower(ledger, tmp_path / "none", 60)


async def test_what_it_finds_there_is_recorded_refused_or_evidence(here, follower, served, session):
    async def look(size, log=None):
        served.log, served.size = log or County(300), size
        return await follower.look(session, "wanning", served.url)

    forged = County(300, altered=257)
    assert ["anchored", "anchored", "unchanged", "shrunk"] == [
        await look(size) for size in (5, 258, 258, 7)
    ]
    assert "unproven" == await look(300, County(300, seed="thief"))
    # Another history of the same size, or of a larger one; told once, and looked at again.
    assert ["conflict", "conflict"] == [await look(300, forged), await look(258, forged)]
    assert ["anchored", "conflict"] == [await look(299), await look(300, forged)]

    kinds = [row["type"] for row in (await here.get(ANCHORS)).body["items"]]
    assert ["anchored", "anchored", "anchor-conflict", "anchored", "anchor-conflict"] == kinds


def otherwise(path):
    """A checkpoint that was signed, of a tree that is not there."""
    made = Checkpoint(ORIGIN, 301, bytes(32)).text
    line = note.sign(made, KEY, keys.signer("county"))
    if path == "checkpoint":
        return web.Response(body=note.Note(made, (line,)).raw)
    return web.Response(body=bytes(32 * int(path.rpartition("/")[2] if ".p/" in path else 256)))


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (lambda _: web.Response(status=500), "unreachable"),
        (lambda _: web.Response(status=404), "unreachable"),
        (lambda _: web.HTTPFound("http://127.0.0.1:9/"), "unreachable"),
        (lambda _: web.Response(body=b"x" * 20_000), "unreachable"),
        (lambda _: web.Response(body=b"hello"), "unproven"),
        (otherwise, "unproven"),
        (lambda path: otherwise(path) if path == "checkpoint" else web.Response(status=404),
         "unproven"),
        (lambda path: otherwise(path) if path == "checkpoint" else web.Response(body=b"x"),
         "unproven"),
    ],
)  # fmt: skip
async def test_what_answers_otherwise_is_told_and_nothing_is_recorded(
    here, follower, served, session, answer, came
):
    assert "anchored" == await follower.look(session, "wanning", served.url)
    before = (await here.get(ANCHORS)).body

    served.answer = answer

    assert came == await follower.look(session, "wanning", served.url)
    assert before == (await here.get(ANCHORS)).body
    # And it goes on where it was.
    served.answer = None
    assert "unchanged" == await follower.look(session, "wanning", served.url)


async def test_nobody_there_is_told_and_what_is_registered_nowhere_is_not_asked(
    here, follower, served, session
):
    assert "unreachable" == await follower.look(session, "wanning", "http://127.0.0.1:9/log")
    assert "waiting" == await follower.look(session, "nobody", served.url)
    assert [] == served.asked


async def test_failures_are_told_by_readyz_and_the_figures_and_stop_nothing(here, listed, served):
    await registered(here)
    served.answer = lambda _: web.Response(status=500)
    listed.write_text(f"469002 wanning {served.url}\n")

    bad = {"looked": 1, "bad": {"wanning": "unreachable"}, "unread": None, "newest": {}}
    await until(lambda: ready(here), lambda told: told == bad)
    served.answer = None
    told = await until(lambda: ready(here), lambda told: told["newest"])
    assert (bad | {"bad": {}}) == told | {"newest": {}}
    listed.write_text("469002 wanning ftp://x/log\n")
    told = await until(lambda: ready(here), lambda told: told["unread"])
    assert "line 1" in told["unread"]
    # Where the file lies is nobody's business: /readyz is for anyone.
    listed.unlink()
    told = await until(lambda: ready(here), lambda told: "No such file" in (told["unread"] or ""))
    assert str(listed.parent) not in told["unread"]

    figures = here.app[METRICS].text().decode()
    for result in ("anchored", "unreachable"):
        assert f'caseledger_anchored_logs_looked_total{{result="{result}"}}' in figures
    assert "wanning" not in figures


async def test_one_log_that_fails_by_a_defect_ends_no_other_ones_look(
    here, listed, follower, served, session
):
    class Failing(Follower):
        async def look(self, session, name, url):
            if name == "broken":
                raise RuntimeError
            return await super().look(session, name, url)

    listed.write_text(f"469002 broken {served.url}\n469002 wanning {served.url}\n")
    one = Failing(follower.ledger, listed, 60)

    await one.round(session)

    assert {"broken": "failed", "wanning": "anchored"} == one.looked


async def test_while_a_ledger_is_held_no_log_is_asked(here, listed, follower, served, session):
    rounds = 0

    def stopped():
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            raise asyncio.CancelledError
        return here.service.followers["469002"].stopped()

    one = Follower(follower.ledger, listed, 0, stopped=stopped)
    assert here.service.followers["469002"].stopped() is None
    here.service.store.writer("469002").hold(Corrupt("as a test has it"))
    listed.write_text(f"469002 wanning {served.url}\n")
    with pytest.raises(asyncio.CancelledError):
        await one.run(session)

    assert ({}, 3) == (one.looked, rounds)


async def test_a_round_that_fails_ends_no_other_one(here, follower, served, session):
    rounds = []

    class Failing(Follower):
        async def round(self, session):
            rounds.append(1)
            if len(rounds) == 1:
                raise ZeroDivisionError
            await super().round(session)

    one = Failing(follower.ledger, follower.file, 0)
    follower.file.write_text(f"469002 wanning {served.url}\n")
    task = asyncio.create_task(one.run(session))

    async def looked():
        return dict(one.looked)

    await until(looked, lambda found: found == {"wanning": "unchanged"})
    task.cancel()
    assert len(rounds) > 2


def test_the_file_names_the_logs_of_each_ledger(tmp_path):
    at = tmp_path / "anchored"
    at.write_text("\n# x\n a one http://10.0.0.1:8080/log/ # y\nb two https://b.example/x\n")

    assert {"one": "http://10.0.0.1:8080/log"} == addresses(at, "a")


@pytest.mark.parametrize(
    "line",
    [
        "a one",
        "a one two three",
        "a one ftp://b.example/",
        "a one file:///etc/passwd",
        "a one http://user:word@b.example/",
        "a one http://b.example/?q",
        "a one http://b.example/#f",
        "a one http://b.example:port/",
        "a one http:///log",
    ],
)
def test_a_line_that_is_no_address_of_a_log_is_told(tmp_path, line):
    at = tmp_path / "anchored"
    at.write_text(f"b two https://b.example/log\n{line}\n")

    if "#f" in line:  # behind a mark nobody reads on
        assert {"one": "http://b.example"} == addresses(at, "a")
        return
    with pytest.raises(ValueError, match="line 2"):
        addresses(at, "a")


async def test_two_processes_that_follow_one_log_record_each_checkpoint_once(
    here, follower, served, session
):
    other = Follower(follower.ledger, follower.file, 60)
    for size in (5, 100, 300):
        served.size = size
        came = await asyncio.gather(
            *(one.look(session, "wanning", served.url) for one in (follower, other))
        )
        assert "anchored" in came

    rows = (await here.get(f"{LOGS}/wanning/anchors")).body["items"]
    assert [5, 100, 300] == [row["data"]["size"] for row in rows]


async def test_fsck_derives_the_streams_of_anchors_again(here, follower, served, session, database):
    await follower.look(session, "wanning", served.url)
    served.log, served.size = County(301, altered=3), 301
    assert "conflict" == await follower.look(session, "wanning", served.url)
    rows = (await here.get(ANCHORS)).body["items"]
    head = await here.service.store.head("469002")
    assert await here.service.publishers["469002"].published(head.size, 30)
    creator = await asyncpg.connect(**database.as_creator())
    try:
        async with creator.transaction(isolation="repeatable_read"):
            assert () == (await Fsck(creator, "469002", Asked()).run()).bad
        async with creator.transaction(isolation="repeatable_read"):
            # Control: a word of what is kept, changed by who owns the database.
            await creator.execute(SQL["asleep"])
            await creator.execute(SQL["edit"], "469002", rows[0]["position"], "300", "299")
            report = await Fsck(creator, "469002", Asked()).run()
    finally:
        await creator.close()
    # The root of the first checkpoint over it is another one: from the last one that is right on.
    assert report.bad
    assert {bad.position for bad in report.bad} <= set(range(70, rows[0]["position"] + 1))


async def test_fsck_names_an_anchor_that_the_log_never_signed(
    here, follower, served, session, connect
):
    """Every byte of the tree is right: what was put in is an anchor that nobody signed."""
    await follower.look(session, "wanning", served.url)
    ledger = follower.ledger
    stream = anchor.stream_of("wanning")
    (newest,) = (await ledger.newest(stream)).values()
    assert () == await anchors_bad(here, connect)  # control: the one that was signed
    thief = County(301, seed="thief").given(301, 300)
    told = {
        "size": 301, "root": note.base64(thief.root or b""), "note": thief.raw.decode(),
        "before": {name: newest.data[name] for name in ("size", "root")},
        "path": [note.base64(one) for one in thief.path],
    }  # fmt: skip
    forged = replace(newest, id="f" * 32, version=newest.version + 1, data={**newest.data, **told})

    done = await ledger.take_in((forged,), Key("forged", b"forged"))

    (bad,) = await anchors_bad(here, connect)
    assert ("anchor", done.position) == (bad.kind, bad.position)
    assert "anchor:wanning" in bad.why


async def anchors_bad(here, connect):
    """What fsck finds once everything is signed."""
    head = await here.service.store.head("469002")
    assert await here.service.publishers["469002"].published(head.size, 30)
    connection = await connect(Role.VERIFY)
    async with connection.transaction(isolation="repeatable_read"):
        return (await Fsck(connection, "469002", Asked()).run()).bad


# -- two that anchor each other --------------------------------------------------------------------


async def both(here, listed):
    """Two ledgers of one service, each registered in the other and followed there."""
    county = replace(here, ledger=COUNTY)
    await real(here)
    log = here.service.publishers["469002"].log
    state = await log.state()
    content = {"id": "qionghai", "name": "琼海市", "origin": state.origin, "keys": list(state.keys)}
    await registered(county, content)
    listed.write_text(
        f"469002 wanning {here.base}/v1/ledgers/{COUNTY}/log\n"
        f"{COUNTY} qionghai {here.base}/v1/ledgers/469002/log\n"
    )
    return county


async def looks(here, count):
    """Wait until either follower has looked so many times more, whatever came of it."""
    looked = dict.fromkeys(("469002", COUNTY), 0)
    done = asyncio.Event()
    for name in looked:
        follower = here.service.followers[name]

        def heard(_, name=name):
            looked[name] += 1
            if min(looked.values()) >= count:
                done.set()

        follower.heard = heard
    async with asyncio.timeout(60):
        await done.wait()


async def sizes(here):
    return [(await here.service.store.head(name)).size for name in ("469002", COUNTY)]


async def at_rest(here, tries=10):
    """Look on until nothing is recorded any more; None where that never comes."""
    for _ in range(tries):
        before = await sizes(here)
        for name, size in zip(("469002", COUNTY), before, strict=True):
            assert await here.service.publishers[name].published(size, 30)
        await looks(here, 5)
        if before == await sizes(here):
            return before
    return None


async def anchored_upto(here, county):
    """How large each is where it is anchored: of the county, then of the other one."""
    return (await standing(here))[0]["size"], (await standing(county))[0]["size"]


async def test_two_ledgers_that_anchor_each_other_come_to_rest(here, listed):
    county = await both(here, listed)
    rested = await at_rest(here)
    assert rested is not None
    # Each holds all of the other but the anchor that was made of it last.
    upto = await anchored_upto(here, county)
    assert upto[0] >= rested[1] - 2
    assert upto[1] >= rested[0] - 2

    # Something happens in one: it is anchored in the other, and they rest again.
    post = {"id": "a", "person": "a", "role": "clerk", "organ": "qh-xzsp", "from": "2026-03-02"}
    done = await county.post("/appointments", post, by="fang-ke")
    assert 201 == done.status, done.body
    again = await at_rest(here)

    assert again is not None
    position = int(done.headers["Ledger-Position"])
    assert (await anchored_upto(here, county))[0] > position
    assert sum(again) - sum(rested) <= 4
    came = [one for f in here.service.followers.values() for one in f.looked.values()]
    assert "resting" in came
    assert {"resting", "unchanged"} >= set(came)


async def test_control_without_what_the_log_says_of_itself_they_feed_each_other(
    here, listed, monkeypatch
):
    monkeypatch.setattr("api.log_routes.BESIDES", "Other")
    await both(here, listed)

    assert await at_rest(here, tries=4) is None


async def test_a_log_that_grew_by_anchors_alone_is_anchored_once_a_day(
    here, follower, served, session
):
    """Whatever it says of itself: who lies gains a day, and its age is seen."""
    served.besides = 5
    assert "anchored" == await look_at(follower, session, served, 5)
    assert "resting" == await look_at(follower, session, served, 258)
    assert 5 == follower.newest["wanning"][0]
    await here.at("2026-03-03 10:00")
    assert "anchored" == await look_at(follower, session, served, 258)
    assert 258 == follower.newest["wanning"][0]
    # Another history is found out at once where it is as large or smaller, whatever it says.
    assert "shrunk" == await look_at(follower, session, served, 7)
    # What is no number says nothing.
    for said in ("-1", "05", "x", "9" * 20):
        served.besides, size = said, follower.newest["wanning"][0] + 1
        assert "anchored" == await look_at(follower, session, served, size)


async def look_at(follower, session, served, size):
    served.size = size
    return await follower.look(session, "wanning", served.url)


async def test_a_log_that_is_frozen_is_seen_by_the_age_of_its_newest_anchor(
    here, listed, served, session
):
    await registered(here)
    served.size = 5
    listed.write_text(f"469002 wanning {served.url}\n")
    await until(lambda: ready(here), lambda told: told["newest"])
    await here.at("2026-03-12 09:00")

    told = await until(lambda: ready(here), lambda told: not told["bad"])

    assert 5 == told["newest"]["wanning"]["size"]
    assert told["newest"]["wanning"]["age_s"] >= 9 * 86_400
    figures = here.app[METRICS].text().decode()
    (line,) = (one for one in figures.splitlines()
               if one.startswith("caseledger_anchors_oldest_timestamp_seconds "))  # fmt: skip
    oldest = here.service.followers["469002"].newest["wanning"][1]
    assert oldest.timestamp() == float(line.split()[1])
