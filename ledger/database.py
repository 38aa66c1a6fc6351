"""Where the ledger is kept, and how each role reaches it: embedded, or a server by its URL.

The creator (PostgreSQL's superuser, or whoever may create roles) makes roles and migrates,
nothing else; the program connects as a plain role and does not serve as more.  The passwords of
the roles lie in a file that only we may read.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from ledger.cluster import SUPERUSER, Cluster, pid_line, write_secret
from ledger.errors import Unavailable
from ledger.queries import load

NAME = "caseledger"
SQL = load(Path(__file__).with_name("database.sql"))
AWAY = (
    OSError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


class Role(StrEnum):
    """Who may log in; what each may do is said in `migrations/`."""

    MIGRATE = "ledger_migrate"
    APP = "ledger_app"
    PROJECT = "ledger_project"
    READ = "ledger_read"
    VERIFY = "ledger_verify"
    BACKUP = "ledger_backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One database and the ways into it, as arguments of `asyncpg.connect`.

    `reach` says where it is; `folder` holds the passwords; `creator` is None where only roles
    are known here; `given` are roles that the operator gave as URLs of their own.
    """

    reach: Mapping[str, Any] = field(repr=False)
    folder: Path
    creator: Mapping[str, Any] | None = field(default=None, repr=False)
    given: Mapping[Role, str] = field(default_factory=dict, repr=False)
    cluster: Cluster | None = field(default=None, repr=False)

    @classmethod
    @asynccontextmanager
    async def embedded(
        cls,
        folder: Path,
        *,
        binaries: Path | None = None,
        fast: bool = False,
        attach: bool = True,
        progress: Callable[[str], None] = lambda _: None,
    ) -> "AsyncIterator[Database]":
        """A PostgreSQL of our own in `folder`, running for as long as the context lasts.

        Where another process of ours runs it already, this one attaches, or says who it is.
        """
        cluster = Cluster(folder, binaries=binaries, fast=fast, progress=progress)
        if not await cluster.start():
            if not attach:
                raise Unavailable("store-unavailable", f"{folder} is in use by {cluster.owner()}")
            yield cls.attached(cluster)
            return
        keeper = asyncio.create_task(cluster.keep())
        try:
            database = cls.of(cluster)
            await database.make()
            yield database
        finally:
            keeper.cancel()
            await asyncio.wait({keeper})
            await cluster.stop()

    @classmethod
    def external(
        cls, url: str, folder: Path, given: Mapping[Role, str] | None = None
    ) -> "Database":
        """A PostgreSQL that somebody else runs; `url` is the creator's, or one of our roles'."""
        user = unquote(urlsplit(url).username or "")
        if user in set(Role):
            return cls(reach={"dsn": url}, folder=folder, given={Role(user): url, **(given or {})})
        return cls(reach={"dsn": url}, folder=folder, creator={"dsn": url}, given=given or {})

    @classmethod
    def of(cls, cluster: Cluster) -> "Database":
        """The database of a running cluster of ours."""
        reach = {"host": str(cluster.socket), "port": 5432, "database": NAME, "ssl": False}
        secret = (cluster.folder / "superuser").read_text().strip()
        creator = reach | {"user": SUPERUSER, "password": secret}
        return cls(reach=reach, folder=cluster.folder, creator=creator, cluster=cluster)

    @classmethod
    def attached(cls, cluster: Cluster) -> "Database":
        """The same, in a cluster that another process runs."""
        if pid_line(cluster.data, 8) != "ready":
            raise Unavailable("store-unavailable", f"{cluster.owner()} is starting or ending it")
        cluster.socket = Path(pid_line(cluster.data, 5))
        return replace(cls.of(cluster), cluster=None)

    @property
    def trouble(self) -> str | None:
        """The slug of what keeps an embedded PostgreSQL from running; None while it runs."""
        return None if self.cluster is None else self.cluster.trouble

    def named(self, name: str) -> "Database":
        """Another database of the same server, with the same roles."""
        creator = None if self.creator is None else {**self.creator, "database": name}
        # A URL given for a role names its database itself; here ours is meant.
        return replace(self, reach={**self.reach, "database": name}, creator=creator)

    def as_creator(self) -> dict[str, Any]:
        """How the creator connects: to make roles and to migrate."""
        if self.creator is None:
            raise Unavailable("store-unavailable", "this needs the URL of who may create roles")
        return dict(self.creator)

    def as_role(self, role: Role) -> dict[str, Any]:
        """How a plain role connects."""
        if role in self.given:
            return {**self.reach, "dsn": self.given[role]}
        passwords = self._passwords()
        if role not in passwords:
            raise Unavailable(
                "store-unavailable", f"no password for {role} in {self.folder}: run `init` first"
            )
        return {**self.reach, "user": str(role), "password": passwords[role]}

    async def pool(
        self, role: Role, *, size: int = 8, settings: Mapping[str, str] | None = None
    ) -> "asyncpg.Pool[asyncpg.Record]":
        """A pool of connections of a role, named after it on the server; `size` is its limit."""
        return await asyncpg.create_pool(
            **self.as_role(role),
            min_size=1,
            max_size=size,
            reset=_reset,
            server_settings={"application_name": f"{NAME} {role}", **(settings or {})},
        )

    async def make(self) -> None:
        """Makes the database of an embedded cluster, where it is not there yet."""
        connection = await asyncpg.connect(**self.as_creator() | {"database": "postgres"})
        try:
            if not await connection.fetch(SQL["databases"], [self.reach["database"]]):
                await connection.execute(SQL["close_others"])
                await connection.execute(SQL["create"])
        finally:
            await connection.close()

    async def give_passwords(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Gives each role its password, as the creator; again and again it stays the same.

        The file is written first: a crash before the roles have them is mended by a next call.
        """
        passwords = self._passwords()
        if not passwords:
            passwords = {role: secrets.token_urlsafe(24) for role in Role}
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_secret(self.folder / "roles", json.dumps(passwords, indent=1) + "\n")
        for role in Role:
            if role not in self.given:
                verifier = scram_verifier(passwords[role], secrets.token_bytes(16))
                statement = await connection.fetchval(SQL["set_password"], str(role), verifier)
                await connection.execute(statement)

    def _passwords(self) -> dict[Role, str]:
        try:
            text = (self.folder / "roles").read_text()
        except FileNotFoundError:
            return {}
        return {Role(name): password for name, password in json.loads(text).items()}


class Reach:
    """A pool that says in one way that the database is away: `Unavailable`, as the store does.

    After a restart of PostgreSQL a connection fails once, and while it is down none is made.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Take the pool that gives the connections."""
        self._pool = pool

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        """Give a connection for the block."""
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except AWAY as error:
            if isinstance(error, ValueError):
                raise  # an argument that does not fit is a mistake of ours
            why = "the database cannot be reached"
            raise Unavailable("store-unavailable", why) from error

    async def fetch(self, statement: str, *arguments: Any) -> Any:  # noqa: ANN401
        """Return the rows of a statement."""
        async with self.acquire() as connection:
            return await connection.fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> Any:  # noqa: ANN401
        """Return the first row of a statement, None where there is none."""
        async with self.acquire() as connection:
            return await connection.fetchrow(statement, *arguments)

    async def close(self) -> None:
        """Close the connections once they are given back."""
        await self._pool.close()


def scram_verifier(password: str, salt: bytes, iterations: int = 4096) -> str:
    """What PostgreSQL keeps of a password (RFC 5803); the password cannot be told from it."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored, server, salt64 = (
        base64.b64encode(value).decode()
        for value in (
            hashlib.sha256(client).digest(),
            hmac.digest(salted, b"Server Key", "sha256"),
            salt,
        )
    )
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored}:{server}"


async def _reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    # Nothing of ours leaves session state behind, so the usual round trip is spared.
    if connection.is_in_transaction():
        await connection.reset()
