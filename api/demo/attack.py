"""`make demo ARGS=--attack`: what the owner of the database server can do, and who sees it.

A small bureau in a folder of its own, and an inspection that kept one checkpoint, a copy of the
log and a witness.  Then, as PostgreSQL's superuser: a word is changed, the tail cut, everything
rewritten and signed with the stolen key, an old backup restored.  Each time the start of the
service, `fsck` and `verify` are asked what they see, and where.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import aiohttp
import asyncpg
import click
from aiohttp import web

from api import operate, upkeep
from api.copies import Address, Folder, mirrored
from api.demo import START, plan
from api.demo.caller import Bureau
from api.demo.walk import walk
from api.issuing import OwnIssuer
from api.settings import Settings
from api.trust import trust
from api.verify import verified
from api.witness.server import Witness, build, made
from ledger.account import proposed_folder
from ledger.database import Database, Role
from ledger.publish import Publisher
from ledger.queries import load
from ledger.store import Store

SQL = load(Path(__file__).with_suffix(".sql"))
LEDGER = "469002"
PRISTINE = "pristine"
OLD = "backup"
CASES = 8
PATIENCE_S = 60.0
INSPECTOR = ("jiang-he", "江河")

Say = Callable[[str], None]
Done = Callable[["Scene"], Awaitable[int | None]]


@dataclass(slots=True)
class Scene:
    """The bureau, its database, and what inspection has kept of it."""

    folder: Path
    settings: Settings
    database: Database
    kept: Path
    key: str

    @property
    def outside(self) -> Path:
        """The folder of the checkpoint files outside the database."""
        return self.folder / "home" / "checkpoints"

    async def run(self, *statements: tuple[str, Sequence[Any]]) -> None:
        """Do something as the superuser, with every tripwire asleep."""
        creator = await asyncpg.connect(**self.database.as_creator())
        try:
            async with creator.transaction():
                await creator.execute(SQL["asleep"])
                for name, arguments in statements:
                    await creator.execute(SQL[name], *arguments)
                await creator.execute(SQL["awake"])
        finally:
            await creator.close()

    async def value(self, name: str, *arguments: Any) -> Any:  # noqa: ANN401
        """Ask for one value as the superuser."""
        creator = await asyncpg.connect(**self.database.as_creator())
        try:
            return await creator.fetchval(SQL[name], *arguments)
        finally:
            await creator.close()


# -- what is done ----------------------------------------------------------------------------------


async def edited(scene: Scene) -> int | None:
    """Turn a grant into a denial, in place."""
    position: int = await scene.value("decided", LEDGER)
    await scene.run(("edit", (LEDGER, position, '"outcome":"grant"', '"outcome":"deny"')))
    return position


async def cut(scene: Scene) -> int | None:
    """Take the newest five events away."""
    size: int = await scene.value("size", LEDGER)
    await scene.run(("cut_events", (LEDGER, size - 5)), ("cut_head", (LEDGER, size - 5)))
    return size - 5


async def rewritten(scene: Scene, ledger: str = LEDGER) -> int | None:
    """Change a word, make the whole log anew, and sign it with the key that was stolen."""
    position: int = await scene.value("decided", ledger)
    await scene.run(
        ("edit", (ledger, position, '"outcome":"grant"', '"outcome":"deny"')),
        ("forget_cosignatures", (ledger,)),
        ("forget_checkpoints", (ledger,)),
        ("forget_tiles", (ledger,)),
        ("forget_log", (ledger,)),
    )
    (scene.outside / f"{ledger}.checkpoint").unlink()
    store = Store(scene.database.as_role(Role.APP))
    await store.connect()
    keys = scene.folder / "home" / "keys"
    await Publisher(store, ledger, keys, scene.outside).advance()
    await store.close()
    return position


async def restored(scene: Scene) -> int | None:
    """Put an old backup of the database in the place of the new one."""
    await _again(scene.database, OLD)
    size: int = await scene.value("size", LEDGER)
    return size


ATTACKS: Sequence[tuple[str, str, Done]] = (
    ("改一个字", "one word of one record is changed", edited),
    ("截掉末尾", "the newest five events are cut off", cut),
    ("全部重写并用盗来的密钥签名", "all is rewritten, and signed with the stolen key", rewritten),
    ("恢复旧备份", "an old backup is restored", restored),
)


# -- who sees it -----------------------------------------------------------------------------------


async def attack(out: TextIO, folder: Path | None = None) -> bool:
    """Do it all in a folder of its own; return whether every attack was seen by somebody."""
    at = folder or proposed_folder("attack")
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(parents=True, mode=0o711)
    try:
        return await _attacked(at, out)
    finally:
        shutil.rmtree(at, ignore_errors=True)


async def _attacked(folder: Path, out: TextIO) -> bool:
    def say(text: str) -> None:
        click.echo(text, file=out)

    say("\n== 示例局记账，监察机关留存检查点 · a bureau records, and inspection keeps a checkpoint")
    async with AsyncExitStack() as stack:
        scene = await _begun(stack, folder, say)
        seen = []
        for chinese, english, done in ATTACKS:
            say(f"\n== {chinese} · {english}")
            await _again(scene.database, PRISTINE)
            outside = folder / "outside"
            shutil.rmtree(scene.outside)
            shutil.copytree(outside, scene.outside)
            position = await done(scene)
            say(f"   from position {position} on")
            seen.append(await _looked(scene, say))
    say(f"\n{sum(seen)} / {len(seen)} 次被发现 · seen")
    return all(seen)


async def _begun(stack: AsyncExitStack, folder: Path, say: Say) -> Scene:
    """Make bureau and witness, walk some cases, and keep what an inspection keeps."""
    policy, logs = folder / "policy", folder / "logs"
    logs.write_text("quorum none\n", encoding="utf-8")
    address = await _witness(stack, folder, logs, policy)
    settings = Settings(
        home=folder / "home", port=0, admin_port=0, rate_person=0, rate_client=0, policy=policy
    )
    at = operate.home(settings)
    database = await stack.enter_async_context(operate.database(settings, at, say, attach=False))
    await operate.migrate(database, at, say)
    await operate.create(database, at, LEDGER, simulated=START, document=None)
    kept = folder / "kept"
    setting = plan.settings()
    lives = plan.lives(setting, CASES)
    key = ""
    for half, part in enumerate((lives[: CASES // 2], lives[CASES // 2 :])):
        async with (
            operate.served(settings, at, database) as running,
            aiohttp.ClientSession() as session,
        ):
            publisher = running.service.publishers[LEDGER]
            state = await publisher.log.state()
            assert state is not None
            key = state.keys[-1]
            logs.write_text(f"log {key}\nquorum none\n", encoding="utf-8")
            issuer = running.issuer

            def token_for(person: str, of: OwnIssuer = issuer) -> str:
                return of.token(person, person)

            bureau = Bureau(session, running.url, token_for, LEDGER)
            if half == 0:
                await bureau.clock(START, setting["people"]["system_admin"])
            await walk(bureau, part, setting["people"]["system_admin"], lambda _: None)
            head = await running.service.store.head(LEDGER)
            assert head is not None
            await publisher.published(head.size, PATIENCE_S)
            await _cosigned(publisher, head.size)
            await asyncio.to_thread(
                _mirrored, running.url, running.issuer.token("jiang-he", ""), kept
            )
            say(f"   {head.size} events; checkpoint kept, cosigned at {address}")
        await _copied(database, OLD if half == 0 else PRISTINE)
    scene = Scene(folder, settings, database, kept, key)
    shutil.copytree(scene.outside, folder / "outside")
    return scene


async def _witness(stack: AsyncExitStack, folder: Path, logs: Path, policy: Path) -> str:
    identity = made(folder / "witness", "inspection.example/witness")
    one = Witness(folder / "witness", logs)
    runner = web.AppRunner(build(one), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    line = f"witness inspection {identity.key.text} {address}\nquorum inspection\n"
    await asyncio.to_thread(policy.write_text, line, encoding="utf-8")
    return address


async def _cosigned(publisher: Publisher, size: int) -> None:
    """Wait until the witness has signed under a checkpoint of that size."""
    for _ in range(int(PATIENCE_S * 10)):
        newest = await publisher.log.newest()
        if newest is not None and newest.size >= size and newest.note.count(b"\n\xe2\x80\x94") > 1:
            return
        await asyncio.sleep(0.1)


def _mirrored(url: str, token: str, kept: Path) -> None:
    with Address(f"{url}/v1/ledgers/{LEDGER}/log", token) as source:
        mirrored(source, Folder(kept), lambda _done, _of: None)


async def _looked(scene: Scene, say: Say) -> bool:
    """Ask the start of the service, fsck and verify what they see; return whether any does."""
    at = operate.home(scene.settings)
    async with operate.served(scene.settings, at, scene.database) as running:
        broken = running.service.broken(LEDGER)
        for _ in range(50):
            if broken is not None:
                break
            await asyncio.sleep(0.1)  # the witness answers
            broken = running.service.broken(LEDGER)
        say(f"   启动 start     {broken or 'nothing seen'}")
        there = scene.folder / "there"
        shutil.rmtree(there, ignore_errors=True)
        token = running.issuer.token(*INSPECTOR)
        try:
            await asyncio.to_thread(_mirrored, running.url, token, there)
        except Exception as error:  # noqa: BLE001 (what cannot be served is an answer, too)
            say(f"   副本 copy      {type(error).__name__}: {error}")
    older = scene.kept / "checkpoint"
    held = await asyncio.to_thread(_verified, scene, there, older, say)
    good = await upkeep.checked(
        replace(scene.settings, home=scene.folder / "home"), LEDGER, 0, (older,), None, say,
        resume=False,
    )  # fmt: skip
    say(f"   fsck           {'nothing seen' if good else 'it differs, see above'}")
    return broken is not None or not held or not good


def _verified(scene: Scene, there: Path, older: Path, say: Say) -> bool:
    """Verify the copy against the checkpoint that was kept; False where there is none."""
    if not (there / "checkpoint").exists():
        return False
    outcome = verified(str(there), trust((scene.key,), None, None, older), None, lambda *_: None)
    for line in outcome.lines:
        say(f"   verify         {line}")
    return outcome.good


async def _copied(database: Database, name: str) -> None:
    """Keep the database as it is now under another name."""
    await _as_creator(database, ("drop", name), ("copy", name, database.reach["database"]))


async def _again(database: Database, kept: str) -> None:
    """Put a kept database in the place of the one there is."""
    own = database.reach["database"]
    await _as_creator(database, ("drop", own), ("copy", own, kept), ("rights", own))


async def _as_creator(database: Database, *asked: Sequence[str]) -> None:
    creator = await asyncpg.connect(**database.named("postgres").as_creator())
    try:
        for name, *arguments in asked:
            for statement in (await creator.fetchrow(SQL[name], *arguments)).values():
                await creator.execute(statement)
    finally:
        await creator.close()
