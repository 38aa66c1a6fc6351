"""A PostgreSQL for the tests: one cluster for a run, a migrated database of its own for each test.

Nothing is imitated: `database` is a real one, copied from a template in about 25 ms.  The
cluster lies in memory where there is room, does not care for its data, and is ended by its
watcher whatever happens to the test run.  Tests marked `external` get theirs on a second
cluster that is known by its URL only.  TEST_DATABASE_URL names a server that somebody runs:
then every test gets its database there.
"""

import asyncio
import contextlib
import fcntl
import gc
import itertools
import os
import secrets
import shutil
import tempfile
import threading
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import pytest

import migrations
from ledger.cluster import SUPERUSER, Cluster
from ledger.database import Database, Role, scram_verifier

try:
    import uvloop as loops
except ImportError:
    import asyncio as loops  # type: ignore[no-redef]

PREFIX = "caseledger-test-"
TEMPLATE = "template_caseledger"
NUMBERS = itertools.count(1)
# What is still to be dropped, and where.
OVER: list[tuple[Database, str]] = []
# What only at the end of the run is: others are copied from it.
LASTING: list[tuple[Database, str]] = []
SERVER = os.environ.get("TEST_DATABASE_URL")
# The layer that runs a PostgreSQL of our own is not what that server is for.
collect_ignore = ["ledger/test_cluster.py"] if SERVER else []


def pytest_asyncio_loop_factories(config, item):
    return {"loop": loops.new_event_loop}


# Each new connection asks what bigint[] is when it first meets one, and PostgreSQL works 4 ms on
# the answer.  Types that PostgreSQL brings along are the same everywhere: one answer serves all.
BROUGHT_ALONG = 10_000
ASKED = asyncpg.Connection._introspect_types
ANSWERED: dict[frozenset[int], object] = {}


async def introspected(connection, oids, *rest):
    asked = frozenset(oids)
    if max(asked) >= BROUGHT_ALONG:
        return await ASKED(connection, oids, *rest)
    if asked not in ANSWERED:
        ANSWERED[asked] = await ASKED(connection, oids, *rest)
    return ANSWERED[asked]


asyncpg.Connection._introspect_types = introspected


# All tests and modules stay to the end: some million objects, which the collector would go
# through again and again, half a second each time.


def pytest_sessionstart(session):
    gc.disable()


def pytest_collection_finish(session):
    gc.collect()
    gc.freeze()
    gc.enable()


# With xdist, the process that starts the workers keeps the cluster; else the session does.


def pytest_configure_node(node):
    config = node.config
    if not hasattr(config, "test_runner"):
        config.test_runner = asyncio.Runner()
        try:
            config.test_server = config.test_runner.run(begin())
        except Exception as error:  # noqa: BLE001  tests that need no database still run
            config.test_server_failed = str(error)
    if hasattr(config, "test_server"):
        node.workerinput["test_server"] = str(config.test_server.folder)
    else:
        node.workerinput["test_server_failed"] = config.test_server_failed


def pytest_unconfigure(config):
    if hasattr(config, "test_server"):
        config.test_runner.run(end(config.test_server))
    if hasattr(config, "test_runner"):
        config.test_runner.close()


@pytest.fixture(scope="session")
def run():
    """Waits for what a fixture starts, on a loop that no test runs on.

    So the databases serve tests that are not asynchronous, too.
    """
    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        yield runner.run


@pytest.fixture(scope="session")
def template(request, run):
    """The database that every test's is copied from; to be connected to by nobody."""
    given = getattr(request.config, "workerinput", {})
    if "test_server_failed" in given:
        pytest.fail(given["test_server_failed"])
    if "test_server" in given:
        folder = Path(given["test_server"])
        yield (elsewhere(folder) if SERVER else Database.attached(Cluster(folder))).named(TEMPLATE)
        over()
        return
    server = run(begin())
    yield (server if SERVER else Database.of(server)).named(TEMPLATE)
    over()
    run(end(server))


@pytest.fixture(scope="session")
def external_template(request, run, tmp_path_factory):
    """The same on a server that somebody else seems to run: a URL and passwords, no more."""
    if SERVER:
        folder = request.getfixturevalue("template").folder
        url = urlsplit(SERVER)._replace(path=f"/{TEMPLATE}").geturl()
        yield Database.external(url, folder)
        return
    cluster = run(begin())
    own = Database.of(cluster)
    host, secret = own.reach["host"], own.as_creator()["password"]
    folder = tmp_path_factory.mktemp("external")
    shutil.copy(cluster.folder / "roles", folder)
    yield Database.external(f"postgresql://postgres:{secret}@/{TEMPLATE}?host={host}", folder)
    over()
    run(end(cluster))


@pytest.fixture
def origin(request):
    """The template on the server that this test wants."""
    marked = request.node.get_closest_marker("external") is not None
    return request.getfixturevalue("external_template" if marked else "template")


@pytest.fixture
def database(origin):
    """A migrated, empty database of this test's own: `database.as_role(Role.APP)`."""
    dropped()
    return Own.of(origin, f"test_{os.getpid()}_{next(NUMBERS)}", OVER)


@pytest.fixture(scope="module")
def lasting(template):
    """The same for a module whose tests look at one world, and change nothing that others see."""
    over = []
    yield Own.of(template, f"test_{os.getpid()}_{next(NUMBERS)}", over)
    OVER.extend(over)


@dataclass(frozen=True)
class Own(Database):
    """A database of a test, copied from the template when somebody first wants to connect to it.

    Who has it copied from something else before that, spares the one copy.
    """

    made: set[str] = field(default_factory=set)
    # Who drops it, and when, takes it from here.
    over: list[tuple[Database, str]] = field(default_factory=list)

    @classmethod
    def of(cls, origin, name, over):
        known = {one.name: getattr(origin.named(name), one.name) for one in fields(Database)}
        return cls(**known, over=over)

    def named(self, name):
        plain = Database(**{one.name: getattr(self, one.name) for one in fields(Database)})
        return plain.named(name)

    def as_creator(self):
        self.wanted()
        return super().as_creator()

    def as_role(self, role):
        self.wanted()
        return super().as_role(role)

    def wanted(self):
        if not self.made:
            copied_from(TEMPLATE, self)


def copied_from(template, database):
    """Make a copy of a template in the place of what there is."""
    name, server = database.reach["database"], database.named("postgres")
    gone = f"DROP DATABASE {name} WITH (FORCE)"
    new = isinstance(database, Own) and not database.made
    administer(server, *([] if new else [gone]), *copying(template, name))
    if new:
        database.made.add(name)
        database.over.append((server, gone))


def copying(template, name):
    """Return the statements that copy a database."""
    return (
        f"CREATE DATABASE {name} TEMPLATE {template}",
        # What a template does not hand on.
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO {', '.join(Role)}",
    )


def dropped(over=OVER):
    """Drop the databases of tests that have ended.

    Only when the next one begins: the loop of the test is closed by then.  Before that, whoever
    was just connecting on it stands still, and PostgreSQL waits a minute for them.
    """
    while over:
        administer(*over.pop())


class Administrator:
    """One lasting connection to a server, on a loop in a thread: whoever asks waits, from any."""

    def __init__(self, server):
        self._reach = server.as_creator()
        self._loop = asyncio.new_event_loop()
        self._connection = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, statements):
        asyncio.run_coroutine_threadsafe(self._do(statements), self._loop).result(120)

    async def _do(self, statements):
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(**self._reach)
        for statement in statements:
            await self._connection.execute(statement)

    def close(self):
        if self._connection is not None:
            asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()


ADMINISTRATORS: dict[str, Administrator] = {}


def administer(server, *statements):
    """Make and drop databases, as the creator."""
    where = str(server.as_creator())
    if where not in ADMINISTRATORS:
        ADMINISTRATORS[where] = Administrator(server)
    ADMINISTRATORS[where].do(statements)


def over():
    """Drop everything that is left, and leave the servers."""
    dropped()
    dropped(LASTING)
    while ADMINISTRATORS:
        ADMINISTRATORS.popitem()[1].close()


@pytest.fixture
async def connect(database):
    """Opens connections to `database` as a role, and closes them: `await connect(Role.APP)`."""
    async with contextlib.AsyncExitStack() as stack:

        async def opened(role=None, **more):
            how = database.as_creator() if role is None else database.as_role(role)
            connection = await asyncpg.connect(**how | more)
            stack.push_async_callback(closed, connection)
            return connection

        yield opened


async def closed(connection):
    if not connection.is_closed():
        await connection.close()


async def as_creator(database, *statements):
    connection = await asyncpg.connect(**database.as_creator())
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def begin():
    """A server with a migrated template: a cluster of ours, nobody else's folder is ever taken."""
    if SERVER:
        server = elsewhere(Path(tempfile.mkdtemp(prefix=PREFIX)))
        await as_creator(server, f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        await make_template(server)
        return server
    cluster = Cluster(new_folder(), fast=True)
    assert await cluster.start()
    try:
        await make_template(Database.of(cluster).named("postgres"))
    except BaseException:
        await end(cluster)
        raise
    return cluster


async def make_template(server):
    close = "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC"
    await as_creator(server, close, f"CREATE DATABASE {TEMPLATE}")
    template = server.named(TEMPLATE)
    creator = await asyncpg.connect(**template.as_creator())
    await migrations.apply(creator)
    await template.give_passwords(creator)
    # One server serves all tests of a run; the limits are those of one deployment.
    for role in (Role.APP, Role.PROJECT):
        await creator.execute(f"ALTER ROLE {role} CONNECTION LIMIT 60")
    for role in (*Role, *(() if SERVER else (SUPERUSER,))):
        # Some ten connections a test: what slows guesses at a password down slows each of them.
        how = template.as_creator() if role == SUPERUSER else template.as_role(role)
        quick = scram_verifier(how["password"], secrets.token_bytes(16), iterations=1)
        await creator.execute(f"ALTER ROLE {role} PASSWORD '{quick}'")
    await creator.close()


def elsewhere(folder):
    """The server of TEST_DATABASE_URL; the passwords of our roles lie in `folder`."""
    url = urlsplit(SERVER)
    host = parse_qs(url.query).get("host", [url.hostname])[0]
    reach = {"host": host, "port": url.port or 5432, "database": "postgres", "ssl": False}
    creator = {"user": unquote(url.username or ""), "password": unquote(url.password or "")}
    return Database(reach=reach, folder=folder, creator=reach | creator)


async def end(server):
    if isinstance(server, Database):
        await as_creator(server, f"DROP DATABASE {TEMPLATE} WITH (FORCE)")
    else:
        await server.stop()
    shutil.rmtree(server.folder)


def new_folder():
    """A folder in memory where there is room, after removing what killed runs left behind."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30
    place = memory if roomy else Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*/owner"):
        with contextlib.suppress(OSError), left.open() as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent)
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
