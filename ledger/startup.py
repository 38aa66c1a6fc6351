"""What must hold of server, roles, files and disk before anything is served (P10, SECURITY 7).

Each assertion is one function over one `Server`; it returns what it found, or None.  They read
only, through the very connection that serves.  Those of one ledger are in `proved.py`.
"""

import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ledger.cluster import MAJORS
from ledger.database import Role
from ledger.finding import Finding
from ledger.keyring import KEY_BYTES
from ledger.queries import load
from ledger.shape import GUARDS, RIGHTS, TABLES, Shape, differences, expected, in_words, shape

SQL = load(Path(__file__).with_suffix(".sql"))
KEYRING = load(Path(__file__).with_name("keyring.sql"))
DURABLE = {
    "data_checksums": {"on"},
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "remote_apply"},
}
# What `0001_roles.sql` sets: anything else could undo a commit, a limit or a name (F5).
SET_FOR_ROLES = frozenset({
    ("ledger_app", "lock_timeout=2s"),
    ("ledger_app", "idle_in_transaction_session_timeout=5s"),
    ("ledger_project", "lock_timeout=5s"),
    ("ledger_project", "idle_in_transaction_session_timeout=60s"),
    ("ledger_read", "statement_timeout=30s"),
    ("ledger_read", "idle_in_transaction_session_timeout=60s"),
    ("ledger_read", "default_transaction_read_only=on"),
    ("ledger_verify", "default_transaction_read_only=on"),
})  # fmt: skip
TLS = frozenset({"TLSv1.2", "TLSv1.3"})
# Read-only from here: 5 % of a small disk, 1 GiB of a large one (F10).
PART_FREE, BYTES_FREE = 0.05, 1 << 30
# How the files of keys are written, by the ends of their names (`keyring.py`, `signing.py`).
WRITTEN = {
    ".key": re.compile(rf"[0-9a-f]{{{2 * KEY_BYTES}}}\n?"),
    ".sm2": re.compile(rf"\S+\+[0-9a-f]{{8}}\+\S+\n[0-9a-f]{{{2 * KEY_BYTES}}}\n"),
}
LOGIN = tuple(str(role) for role in Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the assertions look at.

    `connection` is of the role that serves, `found` the shape of its database; `applied` are
    number and digest of each migration of this program, `url` is None for a socket of ours.
    `data` is the folder of an embedded cluster; `folders` those that need room.
    """

    connection: Any
    found: Shape
    applied: Sequence[tuple[int, bytes]]
    keys: Path
    url: str | None = None
    data: Path | None = None
    standbys: int = 0
    folders: tuple[Path, ...] = ()

    @classmethod
    async def over(cls, connection: Any, **more: Any) -> "Server":  # noqa: ANN401
        """Return the server behind a connection, its shape read once."""
        return cls(connection=connection, found=await shape(connection), **more)

    async def settings(self) -> dict[str, str]:
        """Return the settings that assertions ask for."""
        rows = await self.connection.fetch(SQL["settings"])
        return {row["name"]: row["setting"] for row in rows}


Assert = Callable[[Server], Awaitable[Finding | None]]


async def examined(server: Server, assertions: Iterable[Assert] | None = None) -> list[Finding]:
    """Return what does not hold, in the order of the assertions."""
    chosen = ASSERTED if assertions is None else assertions
    found = [await assertion(server) for assertion in chosen]
    return [one for one in found if one is not None]


# -- roles and rights -------------------------------------------------------------------------


async def plain_role(server: Server) -> Finding | None:
    """ST-1: who serves is a plain role, and so are all of ours."""
    me = await server.connection.fetchrow(SQL["me"])
    if me["mighty"]:
        return Finding("ST-1", f"{me['rolname']} is more than a plain role")
    for row in await server.connection.fetch(SQL["roles"], LOGIN):
        role = row["role"]
        # Whoever migrates may become the owner, and inherits nothing by it.
        due = ["ledger_owner"] if role == Role.MIGRATE else None
        mighty = (
            row["mighty"]
            or (row["replication"] and role != Role.BACKUP)
            or (row["login"] and role == "ledger_owner")
        )
        if mighty or row["memberships"] != due:
            return Finding("ST-1", f"{role} is more than a plain role")
    return None


async def evidence_is_not_written(server: Server) -> Finding | None:
    """ST-1: no login role of ours, nor PUBLIC, may change a table of evidence."""
    rows = await server.connection.fetch(SQL["writes"], LOGIN)
    if not rows:
        return None
    row = rows[0]
    return Finding("ST-1", f"{row['role']} has {row['privilege']} on {row['place']}")


async def rights_as_granted(server: Server) -> Finding | None:
    """ST-1: exactly the rights that the migrations gave, the functions to call among them."""
    return _differing(server, RIGHTS, "ST-1")


# -- the server -------------------------------------------------------------------------------


async def durable(server: Server) -> Finding | None:
    """ST-2: a commit is on the disk, and a flipped bit is seen."""
    settings = await server.settings()
    wrong = [f"{n} is {settings[n]}" for n, want in DURABLE.items() if settings[n] not in want]
    return Finding("ST-2", ", ".join(wrong)) if wrong else None


async def standby_attached(server: Server) -> Finding | None:
    """ST-3: where standbys are required they are named, and as many are attached."""
    if server.standbys == 0:
        return None
    if not (await server.settings())["synchronous_standby_names"]:
        return Finding("ST-3", "synchronous_standby_names is empty")
    attached = await server.connection.fetchval(SQL["standbys"])
    if attached < server.standbys:
        return Finding("ST-3", f"{attached} of {server.standbys} standbys attached")
    return None


async def no_surprising_settings(server: Server) -> Finding | None:
    """ST-4: nothing is set for our roles but what the migrations set."""
    rows = await server.connection.fetch(SQL["set_for_roles"], LOGIN)
    found = {(row["who"], row["setting"]) for row in rows}
    for who, setting in sorted(found - SET_FOR_ROLES):
        return Finding("ST-4", f"{setting.partition('=')[0]} is set for {who}")
    for who, setting in sorted(SET_FOR_ROLES - found):
        return Finding("ST-4", f"{setting} is not set for {who}")
    return None


async def guards_as_migrated(server: Server) -> Finding | None:
    """ST-5: functions and tripwires are those of the migrations, and ENABLE ALWAYS."""
    return _differing(server, GUARDS, "ST-5")


async def tables_as_migrated(server: Server) -> Finding | None:
    """ST-6: tables are permanent, columns, constraints and valid indexes as migrated."""
    return _differing(server, TABLES, "ST-6")


async def migrations_are_ours(server: Server) -> Finding | None:
    """ST-6: the migrations applied are exactly those of this program."""
    rows = await server.connection.fetch(SQL["migrations"])
    found = [(row["number"], bytes(row["sha256"])) for row in rows]
    ours = list(server.applied)
    if found == ours:
        return None
    first = next((a for a, b in zip(found, ours, strict=False) if a != b), None)
    if first is not None:
        return Finding("ST-6", f"migration {first[0]} is not the one of this program")
    return Finding("ST-6", f"{len(found)} migrations applied, this program has {len(ours)}")


async def spoken_to_safely(server: Server) -> Finding | None:
    """ST-13: a tested major; over TCP only TLS with a verified host; SCRAM for passwords."""
    settings = await server.settings()
    row = await server.connection.fetchrow(SQL["connection"])
    how = How(
        major=settings["server_version_num"][:2],
        passwords=settings["password_encryption"],
        tcp=row["tcp"],
        tls=row["version"] if row["ssl"] else None,
        verified=server.url is None or verifies_the_host(server.url),
    )
    why = how.unsafe()
    return Finding("ST-13", why) if why else None


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How the server is spoken to; `tls` is the version, None without."""

    major: str
    passwords: str
    tcp: bool
    tls: str | None
    verified: bool

    def unsafe(self) -> str | None:
        """Say what is wrong with that, None where it is safe."""
        if self.major not in MAJORS:
            return f"PostgreSQL {self.major} is not one of those tested: {', '.join(MAJORS)}"
        if self.passwords != "scram-sha-256":
            return f"password_encryption is {self.passwords}"
        if self.tcp and self.tls not in TLS:
            return f"TCP with {self.tls or 'no TLS'}"
        if self.tcp and not self.verified:
            return "TCP to a host that is not verified"
        return None


def verifies_the_host(url: str) -> bool:
    """Tell whether a connection URL asks for the host's certificate and name to be verified."""
    return parse_qs(urlsplit(url).query).get("sslmode") == ["verify-full"]


# -- files and disk ---------------------------------------------------------------------------


async def keys_apart_and_readable(server: Server) -> Finding | None:
    """ST-12: key files are ours alone and can be read, and lie outside the data folder."""
    keys = server.keys.resolve()
    if server.data is not None and keys.is_relative_to(server.data.resolve()):
        return Finding("ST-12", "the folder of keys lies in the data folder")
    for path in sorted(one for one in keys.glob("*") if one.suffix in WRITTEN):
        why = _unfit(path)
        if why:
            return Finding("ST-12", f"{path.name} {why}")
    for name in _wrapping(keys):
        if not (keys / f"wrap-{name}.key").exists():
            return Finding("ST-12", f"wrap-{name}.key is missing")
    return None


def _unfit(path: Path) -> str | None:
    state = path.stat()
    if state.st_uid != os.getuid():
        return "belongs to another user"
    if stat.S_IMODE(state.st_mode) != 0o400:
        return f"has the mode {stat.S_IMODE(state.st_mode):04o}, not 0400"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return "cannot be read"
    return None if WRITTEN[path.suffix].fullmatch(text) else "is not a key"


def _wrapping(keys: Path) -> list[str]:
    """Name the wrapping keys that keys of subjects are wrapped by."""
    path = keys / "subjects.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        try:
            return [str(row[0]) for row in db.execute(KEYRING["wrapping"])]
        except sqlite3.OperationalError:
            return []  # made, and no table in it yet


async def room_left(server: Server) -> Finding | None:
    """ST-14: there is room on the disks that are written to."""
    return full_disk(server.folders)


def full_disk(folders: Iterable[Path]) -> Finding | None:
    """Return the first folder without room: 5 % or 1 GiB free, whichever is less."""
    for folder in folders:
        place = next((p for p in (folder, *folder.parents) if p.exists()), Path("/"))
        usage = shutil.disk_usage(place)
        if usage.free < min(BYTES_FREE, int(usage.total * PART_FREE)):
            return Finding("ST-14", f"{usage.free >> 20} MiB free for {folder.name}")
    return None


def _differing(server: Server, kinds: frozenset[str], code: str) -> Finding | None:
    found = differences(server.found, expected(), kinds)
    return Finding(code, in_words(found)) if found else None


ASSERTED: tuple[Assert, ...] = (
    plain_role,
    evidence_is_not_written,
    rights_as_granted,
    durable,
    standby_attached,
    no_surprising_settings,
    guards_as_migrated,
    tables_as_migrated,
    migrations_are_ours,
    keys_apart_and_readable,
    spoken_to_safely,
    room_left,
)
