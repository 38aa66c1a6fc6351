"""`make demo ARGS=--counties`: a province anchors 20 counties, and one is rewritten whole.

21 simulated ledgers in one database, in a folder of its own: the province follows the logs of the
counties over HTTP.  Then, as PostgreSQL's superuser, the history of one is made anew and signed
with its stolen key.  No witness was asked: its own log verifies, and the anchors name it.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import aiohttp
import click

from api import operate
from api.copies import Address, Folder, mirrored
from api.demo import START, plan
from api.demo.attack import INSPECTOR, Scene, rewritten
from api.demo.caller import Bureau
from api.demo.plan import Life
from api.demo.scene import good
from api.demo.walk import walk
from api.settings import Settings
from api.trust import trust
from api.verify import Outcome, verified
from api.verify_anchored import Anchoring
from ledger.account import proposed_folder
from ledger.database import Database

PROVINCE = ("460000", "海南省")
# Names and codes of divisions are real; what stands in these ledgers is invented.
COUNTIES: Mapping[str, str] = {
    "460100": "海口市", "460105": "秀英区", "460200": "三亚市", "460400": "儋州市",
    "469001": "五指山市", "469002": "琼海市", "469005": "文昌市", "469006": "万宁市",
    "469007": "东方市", "469021": "定安县", "469022": "屯昌县", "469023": "澄迈县",
    "469024": "临高县", "469025": "白沙县", "469026": "昌江县", "469027": "乐东县",
    "469028": "陵水县", "469029": "保亭县", "469030": "琼中县", "460108": "美兰区",
}  # fmt: skip
AUDIT_ADMIN = "qin-yu"
CASES = 3
AT_ONCE = 4
EVERY_S = 1.0
PATIENCE_S = 60.0

Say = Callable[[str], None]
Lives = Mapping[str, Sequence[Life]]
Rows = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Province:
    """The running service as the province and its counties reach it."""

    running: operate.Running
    session: aiohttp.ClientSession
    people: Mapping[str, Any]

    def bureau(self, ledger: str) -> Bureau:
        """Return a ledger as its people reach it."""
        issuer = self.running.issuer
        return Bureau(
            self.session, self.running.url, lambda person: issuer.token(person, person), ledger
        )

    async def key(self, ledger: str) -> str:
        """Return the verifier key of a ledger's log."""
        state = await self.running.service.publishers[ledger].log.state()
        assert state is not None
        return state.keys[-1]

    async def size(self, ledger: str) -> int:
        """Wait until everything in a ledger is signed, and return how many events that are."""
        head = await self.running.service.store.head(ledger)
        assert head is not None
        await self.running.service.publishers[ledger].published(head.size, PATIENCE_S)
        return head.size


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one county: its copy by itself, and against the anchors."""

    code: str
    size: int
    alone: Outcome
    against: Outcome


async def counties(out: TextIO, folder: Path | None = None) -> bool:
    """Do it all in a folder of its own; return whether the one that was rewritten was named."""
    at = folder or proposed_folder("counties")
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(parents=True, mode=0o711)
    try:
        return await _told(at, lambda text: click.echo(text, file=out))
    finally:
        shutil.rmtree(at, ignore_errors=True)


async def _told(folder: Path, say: Say) -> bool:
    async with AsyncExitStack() as stack:
        say("\n== 一省二十县，各记各账 · one province, 20 counties, each with a ledger of its own")
        settings = Settings(
            home=folder / "home", port=0, admin_port=0, rate_person=0, rate_client=0,
            anchored=folder / "anchored", anchor_every_s=EVERY_S,
        )  # fmt: skip
        at = operate.home(settings)
        database = await stack.enter_async_context(
            operate.database(settings, at, say, attach=False)
        )
        await operate.migrate(database, at, say)
        for name in (PROVINCE[0], *COUNTIES):
            await operate.create(database, at, name, simulated=START, document=None)
        say(f"   {1 + len(COUNTIES)} ledgers, simulated 模拟")
        keys = await _anchored(folder, settings, database, say)
        victim, position = await _rewritten(folder, settings, database, say)
        recorded = await _seen(folder, settings, database, victim, say)
        rows = await asyncio.to_thread(_verified, folder, keys, victim)
    _table(rows, victim, position, say)
    named = [row.code for row in rows if not row.against.good]
    alone = all(row.alone.good for row in rows)
    say(
        f"\n自身核验通过 {sum(row.alone.good for row in rows)}/{len(rows)}"
        f" · verify by themselves\n与省级存证不符 {', '.join(COUNTIES[n] for n in named) or '-'}"
        f" · differ from the anchors: {', '.join(named) or '-'}"
    )
    return recorded and alone and named == [victim]


# -- before ----------------------------------------------------------------------------------------


async def _anchored(
    folder: Path, settings: Settings, database: Database, say: Say
) -> Mapping[str, str]:
    """Walk some cases in each county, let the province anchor them, and copy all the logs."""
    first, rest = _lives()
    async with _serving(folder, settings, database) as province:
        keys = {name: await province.key(name) for name in (PROVINCE[0], *COUNTIES)}
        await _registered(province)
        for part in (first, rest):
            await _walked(province, part)
            sizes = {name: await province.size(name) for name in COUNTIES}
            anchors = await _until(province, partial(_reached, sizes))
            events = sum(row["size"] for row in anchors)
            say(f"   {len(anchors)} 个县的检查点已存证 · counties anchored: {events:,} events")
        for name in (PROVINCE[0], *COUNTIES):
            await province.size(name)
            await asyncio.to_thread(_copied, province, name, folder / "kept" / name)
    return keys


def _reached(sizes: Mapping[str, int], rows: Rows) -> bool:
    return all(row["size"] >= sizes[row["id"]] for row in rows)


def _lives() -> tuple[Lives, Lives]:
    """Deal the lives of cases to the counties: one before the first anchor, the rest after it."""
    every = plan.lives(plan.settings(), CASES * len(COUNTIES))
    dealt = {name: every[n :: len(COUNTIES)] for n, name in enumerate(COUNTIES)}
    return (
        {name: lives[:1] for name, lives in dealt.items()},
        {name: lives[1:] for name, lives in dealt.items()},
    )


async def _registered(province: Province) -> None:
    """Register every county's log: one person proposes, another approves (two of two branches)."""
    bureau = province.bureau(PROVINCE[0])
    await bureau.clock(START, province.people["system_admin"])
    for code, name in COUNTIES.items():
        key = await province.key(code)
        log = {"id": code, "name": name, "origin": key.partition("+")[0], "keys": [key]}
        for path, body, by in (
            ("/anchored-logs", log, province.people["security_admin"]),
            (f"/anchored-logs/{code}/approve", {}, AUDIT_ADMIN),
        ):
            good(await bureau.post(path, body, by, f"demo-{code}-{path}"), path)


async def _walked(province: Province, lives: Lives) -> None:
    room = asyncio.Semaphore(AT_ONCE)
    admin = province.people["system_admin"]

    async def one(name: str) -> None:
        async with room:
            bureau = province.bureau(name)
            await bureau.clock(START, admin)
            await walk(bureau, lives[name], admin, lambda _: None)

    async with asyncio.TaskGroup() as group:
        for name in COUNTIES:
            group.create_task(one(name))


# -- the attack, and after it ----------------------------------------------------------------------


async def _rewritten(
    folder: Path, settings: Settings, database: Database, say: Say
) -> tuple[str, int]:
    """Make one county's history anew and sign it with its key; return which, and from where."""
    scene = Scene(folder, settings, database, folder / "kept", "")
    # Where something was granted after the first anchor: there is a range to be named.
    victim, newest = "", -1
    for name in COUNTIES:
        position = await scene.value("decided", name)
        if position is not None and (name == "469002" or not victim):
            victim, newest = name, position
    await rewritten(scene, victim)
    say(
        f"\n== {COUNTIES[victim]}的历史被整本重写，并用盗来的密钥签名"
        f" · {victim} is rewritten whole, and signed with its stolen key\n"
        f"   from position {newest} on"
    )
    return victim, newest


async def _seen(
    folder: Path, settings: Settings, database: Database, victim: str, say: Say
) -> bool:
    """Serve it again: take a copy of what is there now, and see what the follower records."""
    async with _serving(folder, settings, database) as province:
        broken = province.running.service.broken(victim)
        say(f"   县级启动 start    {broken or 'nothing seen: 县里自己看不出'}")
        await province.size(victim)
        await asyncio.to_thread(_copied, province, victim, folder / "there" / victim)
        rows = await _until(province, lambda rows: any(row["state"] == "conflict" for row in rows))
    found = [row for row in rows if row["state"] == "conflict"]
    for row in found:
        say(
            f"   省级留证 evidence {row['name']} {row['id']}: anchor-conflict at position"
            f" {row['position']} of {PROVINCE[0]}, both signed checkpoints kept"
        )
    return [row["id"] for row in found] == [victim]


def _verified(folder: Path, keys: Mapping[str, str], victim: str) -> list[Row]:
    """Verify each county's copy by itself, and against the province's as it was before."""
    kept = folder / "kept"
    there = trust((keys[PROVINCE[0]],), None, None, None)
    rows = []
    for code in COUNTIES:
        place = str(folder / "there" / code if code == victim else kept / code)
        trusted = trust((keys[code],), None, None, None)
        alone = verified(place, trusted, None, lambda *_: None)
        anchoring = Anchoring(str(kept / PROVINCE[0]), there)
        against = verified(place, trusted, None, lambda *_: None, anchoring)
        size = int((Path(place) / "checkpoint").read_text("utf-8").split("\n")[1])
        rows.append(Row(code, size, alone, against))
    return rows


def _table(rows: Sequence[Row], victim: str, position: int, say: Say) -> None:
    say("\n== 逐县核验 · every county is verified from its copy, offline")
    say("   代码    记录 events  自身 alone  存证 anchors  名称 name")
    for row in rows:
        alone, against = ("OK" if one.good else "BAD" for one in (row.alone, row.against))
        say(f"   {row.code}  {row.size:>10,}  {alone:>10}  {against:>12}  {COUNTIES[row.code]}")
    for row in rows:
        for line in () if row.against.good else row.against.lines:
            say(f"\n   {COUNTIES[row.code]} {row.code}  {line}")
    say(f"   (改动处 what was changed: position {position} of {victim})")


# -- inside ----------------------------------------------------------------------------------------


@asynccontextmanager
async def _serving(folder: Path, settings: Settings, database: Database) -> AsyncIterator[Province]:
    """Serve all 21, and tell the follower where the logs of the counties are."""
    where = folder / "anchored"
    where.write_text("", encoding="utf-8")
    people = plan.settings()["people"]
    async with (
        operate.served(settings, operate.home(settings), database) as running,
        aiohttp.ClientSession() as session,
    ):
        lines = [f"{PROVINCE[0]} {n} {running.url}/v1/ledgers/{n}/log\n" for n in COUNTIES]
        await asyncio.to_thread(where.write_text, "".join(lines), encoding="utf-8")
        yield Province(running, session, people)


async def _until(province: Province, enough: Callable[[Rows], bool]) -> Rows:
    """Ask the province how far its anchors are until that is so, or for long enough."""
    bureau = province.bureau(PROVINCE[0])
    rows: Rows = ()
    for _ in range(int(PATIENCE_S * 4)):
        answer = await bureau.get("/anchors", province.people["security_admin"])
        good(answer, "/anchors")
        rows = answer.body["items"]
        if enough(rows):
            break
        await asyncio.sleep(0.25)
    return rows


def _copied(province: Province, ledger: str, folder: Path) -> None:
    token = province.running.issuer.token(*INSPECTOR)
    with Address(f"{province.running.url}/v1/ledgers/{ledger}/log", token) as source:
        mirrored(source, Folder(folder), lambda _done, _of: None)
