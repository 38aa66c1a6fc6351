"""Running the whole thing on one machine: its folders, its database, the service.

Everything lies in one home folder that only its owner can read.  A second run finds what a
first one left and goes on; what is made is written down in `made.log`.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import structlog
from aiohttp import web

import migrations
from api import docs, metrics
from api.app import build
from api.framing import Runner
from api.issuing import OwnIssuer
from api.service import Service
from api.settings import Settings
from api.setup import initialise
from api.web import pages
from ledger.account import account, proposed_folder
from ledger.case import Data
from ledger.database import Database, Role, shortcomings
from ledger.errors import Refused, Unavailable

log = structlog.get_logger()

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of ours lies on this machine."""

    folder: Path
    keys: Path

    @property
    def cluster(self) -> Path:
        """The embedded PostgreSQL; or, of an external one, the passwords of our roles."""
        return self.folder / "postgresql"

    def noted(self, what: str) -> None:
        """Write down that something was made."""
        line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {what}\n"
        path = self.folder / "made.log"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(line)


def home(settings: Settings) -> Home:
    """Return the home folder, made where there is none; nobody else may look into it.

    PostgreSQL does not run as root: then its account may pass through, and see nothing.
    """
    folder = (settings.home or proposed_folder("home")).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.stat()
    if state.st_uid != os.getuid():
        raise Unavailable("store-unavailable", f"{folder} belongs to another user")
    runs_as = account() if settings.database_url is None else None
    if runs_as is not None and runs_as.foreign:
        os.chown(folder, os.getuid(), runs_as.gid)
        folder.chmod(0o710)
    else:
        folder.chmod(0o700)
    keys = (settings.keys or folder / "keys").absolute()
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.chmod(0o700)
    return Home(folder, keys)


@asynccontextmanager
async def database(
    settings: Settings, at: Home, say: Say, *, attach: bool = True
) -> AsyncIterator[Database]:
    """Reach the database: the embedded one, started if nobody runs it, or an external one.

    `attach` False: fail where another process runs it already.
    """
    if settings.database_url is not None:
        yield Database.external(settings.database_url, at.cluster)
        return
    async with Database.embedded(
        at.cluster, binaries=settings.postgres, attach=attach, progress=say
    ) as found:
        yield found


async def migrate(found: Database, at: Home, say: Say) -> int:
    """Bring the database to this program's shape, and its roles to their passwords."""
    connection = await asyncpg.connect(**found.as_creator())
    try:
        count = await migrations.apply(connection, say)
        await found.give_passwords(connection)
    finally:
        await connection.close()
    if count:
        at.noted(f"migrated by {count} files")
    return count


async def create(
    found: Database,
    at: Home,
    name: str,
    *,
    simulated: datetime | None,
    document: Data | None,
) -> int:
    """Create a ledger and record its set-up; return how many events that took."""
    connection = await asyncpg.connect(**found.as_creator())
    try:
        count = await initialise(
            found, connection, at.keys, name, simulated=simulated, document=document
        )
    finally:
        await connection.close()
    kind = f"simulated from {simulated.isoformat()}" if simulated else "on the database's clock"
    at.noted(f"ledger {name} opened, {kind}, {count} events")
    return count


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs in this process, and where it is reached."""

    service: Service
    issuer: OwnIssuer
    url: str


@asynccontextmanager
async def serving(settings: Settings, say: Say) -> AsyncIterator[Running]:
    """Run database and service in this process until the block ends, then stop both.

    Raises `Unavailable` where the database cannot keep what is promised (ST-1, ST-2, ST-13).
    """
    at = home(settings)
    async with database(settings, at, say, attach=False) as found:
        if found.creator is not None:
            await migrate(found, at, say)
        await assert_sound(found)
        async with served(settings, at, found) as running:
            yield running


@asynccontextmanager
async def served(settings: Settings, at: Home, found: Database) -> AsyncIterator[Running]:
    """Run the service over a database; its ledgers are followed from the start."""
    service = Service(settings, found, at.keys)
    app = build(service, rows=(*docs.routes(), *pages.table()))
    runner = Runner(app, settings)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, reuse_port=None)
        await site.start()
        for name in await service.store.ledgers():
            await service.ledger(name)
        port = runner.addresses[0][1]
        async with _admin(app, settings):
            issuer = OwnIssuer(at.keys, settings.audience)
            yield Running(service, issuer, f"http://{_host(settings.host)}:{port}")
    finally:
        await runner.cleanup()


async def assert_sound(found: Database) -> None:
    """Refuse to serve as more than a plain role, or where an act would not be durable."""
    connection = await asyncpg.connect(**found.as_role(Role.APP))
    try:
        lacking = await shortcomings(connection)
    finally:
        await connection.close()
    if lacking:
        raise Unavailable("integrity-hold", "; ".join(lacking))


@asynccontextmanager
async def _admin(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    """Serve the figures on a port of their own, apart from callers; 0: not at all."""
    if settings.admin_port == 0:
        yield
        return
    admin = web.Application()
    admin[metrics.METRICS] = app[metrics.METRICS]
    admin.router.add_get("/metrics", metrics.shown)
    admin.router.add_get("/healthz", metrics.alive)
    runner = web.AppRunner(admin, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.admin_port).start()
        yield
    finally:
        await runner.cleanup()


def _host(host: str) -> str:
    """Return a host as an address has it; what listens everywhere is reached here."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 nothing is bound here
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


@asynccontextmanager
async def until_asked() -> AsyncIterator[asyncio.Event]:
    """Turn SIGINT and SIGTERM into an event while the block runs, from its first line on."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    try:
        yield asked
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def at_port(settings: Settings, host: str | None, port: int | None) -> Settings:
    """Return the settings with what the command line says of the address."""
    return replace(
        settings, host=host or settings.host, port=settings.port if port is None else port
    )


def own_token(settings: Settings, person: str, name: str, client: str, hours: int) -> str:
    """Return a token of our own issuer, which counts only where no other is configured."""
    if settings.issuers is not None:
        raise Refused("unauthenticated", "tokens come from the configured issuers")
    issuer = OwnIssuer(home(settings).keys, settings.audience)
    return issuer.token(person, name, client, lifetime_s=hours * 3600)


# -- the demo -----------------------------------------------------------------------------------

Job = Callable[[Running], Awaitable[bool]]

EXAMPLE = "469002"
SHOWN = (("zhou-min", "周敏"), ("xing-tao", "邢涛"), ("jiang-he", "江河"))


async def demonstrate(
    settings: Settings, start: datetime, job: Job, say: Say, *, leave: bool
) -> bool:
    """Make what is missing, do the main job over HTTP, then serve it and say how to look.

    Returns whether everything came out as it has to.
    """
    at = home(settings)
    async with database(settings, at, say, attach=False) as found:
        await migrate(found, at, say)
        try:
            await create(found, at, EXAMPLE, simulated=start, document=None)
        except Refused as refused:
            if refused.slug != "already-done":
                raise
        await assert_sound(found)
        async with served(settings, at, found) as running:
            ledger = await running.service.ledger(EXAMPLE)
            if ledger is None or not ledger.office.simulated:
                raise Refused("not-found", f"ledger {EXAMPLE} is a real one: no demo in it")
            good = await job(running)
            if not leave:
                say(_invitation(running))
                async with until_asked() as asked:
                    await asked.wait()
                say("stopping")
            return good


def _invitation(running: Running) -> str:
    lines = [f"\n{running.url}", "  sign in there with one of these tokens:"]
    for (person, name), post in zip(SHOWN, ("bureau", "supervisor", "inspector"), strict=True):
        lines += ["", f"  {name} {person} ({post})", running.issuer.token(person, name)]
    return "\n".join([*lines, "", "  Ctrl-C ends it; the next `make demo` goes on."])
