"""Running the whole thing on one machine: its folders, its database, the service.

Everything lies in one home folder that only its owner can read.  A second run finds what a
first one left and goes on; what is made is written down in `made.log`.
"""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import asyncpg
import structlog
from aiohttp import web

import migrations
from api import docs, metrics
from api.app import build
from api.framing import Runner
from api.issuing import OwnIssuer
from api.service import DemoPerson, Service
from api.settings import Settings
from api.setup import initialise, logs_of_old
from api.web import pages
from ledger import proved
from ledger.account import account, proposed_folder
from ledger.case import Data
from ledger.database import Database, Role
from ledger.errors import Refused, Unavailable
from ledger.finding import Finding, Severity
from ledger.office import Office
from ledger.startup import Server, examined

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


def no_ledger(name: str) -> Refused:
    """Return the refusal of a command that finds no ledger of that name."""
    return Refused("not-found", f"no ledger {name} here: name another with --ledger")


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
        await logs_of_old(found, connection, at.keys)
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
    origin: str | None = None,
    follows: Data | None = None,
) -> int:
    """Create a ledger and record its set-up; return how many events that took."""
    connection = await asyncpg.connect(**found.as_creator())
    try:
        count = await initialise(
            found,
            connection,
            at.keys,
            name,
            simulated=simulated,
            document=document,
            origin=origin,
            follows=follows,
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

    Raises `Unavailable` where the database cannot keep what is promised; the code of the
    assertion is the first word.
    """
    at = home(settings)
    async with database(settings, at, say, attach=False) as found:
        if found.creator is not None:
            await migrate(found, at, say)
        findings = await assert_sound(settings, at, found)
        async with served(settings, at, found, findings) as running:
            yield running


@asynccontextmanager
async def served(
    settings: Settings, at: Home, found: Database, findings: tuple[Finding, ...] = ()
) -> AsyncIterator[Running]:
    """Run the service over a database; its ledgers are followed from the start.

    `findings` are what did not hold of the server; those that refuse have been raised.
    """
    service = Service(settings, found, at.keys)
    service.server = findings
    app = build(service, rows=(*docs.routes(), *pages.table()))
    runner = Runner(app, settings)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, reuse_port=None)
        await site.start()
        for name in await service.store.ledgers():
            await service.ledger(name)
            await assert_proved(service, name)
        port = runner.addresses[0][1]
        async with _admin(app, settings):
            issuer = OwnIssuer(at.keys, settings.audience)
            yield Running(service, issuer, f"http://{_host(settings.host)}:{port}")
    finally:
        await runner.cleanup()


async def assert_sound(settings: Settings, at: Home, found: Database) -> tuple[Finding, ...]:
    """Refuse to serve on a server that cannot keep what is promised (SECURITY 7).

    Returns what else does not hold: then appends are held, and readers are served.
    """
    connection = await asyncpg.connect(**found.as_role(Role.APP))
    try:
        server = await Server.over(
            connection,
            applied=[(one.number, one.sha256) for one in migrations.migrations()],
            keys=at.keys,
            url=settings.database_url,
            data=None if found.cluster is None else found.cluster.data,
            standbys=settings.standby_required,
            folders=(at.folder, at.keys),
        )
        findings = tuple(await examined(server))
    finally:
        await connection.close()
    _refuse(findings)
    return findings


async def assert_proved(service: Service, name: str) -> None:
    """Refuse to serve a ledger with wrong keys, or one that a later deployment writes to."""
    if name in service.closed:
        return  # it is read, and written to by nobody
    findings = service.findings(name)
    findings += await proved.taken_over(service.sequence(name))
    _refuse(findings)


def _refuse(findings: Iterable[Finding]) -> None:
    refused = [str(f) for f in findings if f.severity is Severity.REFUSE]
    if refused:
        raise Unavailable("integrity-hold", "; ".join(refused))


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


# How much has to come to stay before the collector looks at it, and at all that has come since.
LOOKS = (5_000, 10, 20)


def at_rest() -> None:
    """Let the collector pass over what the start of a service has made, which stays to its end.

    For a process that does nothing else: whoever asks just when it goes through everything there
    is would wait most of a tenth of a second.  What the service keeps at hand (cases, texts) is
    looked through once in a million objects that stay, not in seventy thousand.
    """
    gc.freeze()
    gc.set_threshold(*LOOKS)


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
        findings = await assert_sound(settings, at, found)
        async with served(settings, at, found, findings) as running:
            ledger = await running.service.ledger(EXAMPLE)
            if ledger is None or not ledger.office.simulated:
                raise Refused("not-found", f"ledger {EXAMPLE} is a real one: no demo in it")
            good = await job(running)
            if not leave:
                if ip_address(_host(settings.host).strip("[]")).is_loopback:
                    running.service.demo_people = _people(running, ledger.office)
                say(_invitation(running))
                at_rest()
                async with until_asked() as asked:
                    await asked.wait()
                say("stopping")
            return good


def _people(running: Running, office: Office) -> dict[str, DemoPerson]:
    """Let whoever looks at the demo from this machine be any of its people."""
    names = {post.person: post.name for post in office.posts}
    return {
        person: DemoPerson(
            name,
            tuple(dict.fromkeys(str(p.role) for p in office.posts if p.person == person)),
            partial(running.issuer.token, person, name),
        )
        for person, name in names.items()
    }


def _invitation(running: Running) -> str:
    lines = [f"\n{running.url}", "  sign in there as one of the people shown, or with a token:"]
    for (person, name), post in zip(SHOWN, ("bureau", "supervisor", "inspector"), strict=True):
        lines += ["", f"  {name} {person} ({post})", running.issuer.token(person, name)]
    return "\n".join([*lines, "", "  Ctrl-C ends it; the next `make demo` goes on."])
