"""fsck and confirmations, run from the command line beside a service."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import click
from cryptography.x509 import Certificate

import migrations
from api.operate import Say, database, home, no_ledger
from api.settings import Settings
from ledger.confirmed import Confirmation, confirm
from ledger.database import Role
from ledger.errors import Refused
from ledger.fsck import SQL, Asked, Fsck, Report, strangers
from ledger.fsck_ranges import Workers
from ledger.proved import SQL as PROVED
from ledger.store import companions
from ledger.time_stamp import BadStamp, trusted, verified
from ledger.tlog.policy import Policy
from ledger.tlog.policy import parse as parse_policy

SHOWN_EVERY_S = 1.0


@dataclass(slots=True)
class Moment:
    """Connections of the role that verifies, which all see one moment of the database.

    `second` and `workers` give more of them: for what is read beside, and to other processes.
    """

    connection: Any
    reach: dict[str, Any]
    stack: AsyncExitStack

    async def second(self) -> Any:  # noqa: ANN401 (asyncpg ships no types)
        """Return another connection."""
        connection = await _reading(self.reach, self.stack)
        await connection.execute(await self.connection.fetchval(SQL["same_moment"]))
        return connection

    async def workers(self, many: int) -> Workers:
        """Return so many processes, each with a connection once it has something to do."""
        found = Workers(self.reach, await self.connection.fetchval(SQL["same_moment"]), many)
        self.stack.callback(found.close)
        return found


async def _reading(reach: dict[str, Any], stack: AsyncExitStack) -> Any:  # noqa: ANN401
    connection = await asyncpg.connect(**reach)
    stack.push_async_callback(connection.close)
    change = connection.transaction(isolation="repeatable_read", readonly=True)
    await stack.enter_async_context(change)
    return connection


@asynccontextmanager
async def moment(settings: Settings, say: Say) -> AsyncIterator[Moment]:
    """Give a moment of the database that the settings name."""
    at = home(settings)
    async with database(settings, at, say) as found, AsyncExitStack() as stack:
        reach = found.as_role(Role.VERIFY)
        yield Moment(await _reading(reach, stack), reach, stack)


@asynccontextmanager
async def one_moment(settings: Settings, say: Say) -> AsyncIterator[Any]:
    """Give one connection alone."""
    async with moment(settings, say) as found:
        yield found.connection


def checkpoints(settings: Settings) -> Path:
    """Return the folder of the checkpoint files outside the database."""
    return settings.checkpoints_beside(home(settings).keys)


def read_if_there(path: Path) -> bytes | None:
    """Return what is in a file, None where there is none."""
    return path.read_bytes() if path.exists() else None


async def checked(
    settings: Settings,
    name: str,
    begin: int,
    kept: tuple[Path, ...],
    policy: Path | None,
    say: Say,
    *,
    resume: bool,
    tsa_cert: Path | None = None,
    jobs: int = 1,
) -> bool:
    """Check a ledger and its companions; tell what is wrong, and return whether all is right.

    A large one is read by so many processes.
    """
    written = None if policy is None else read_if_there(policy)
    believed = None if written is None else parse_policy(written)
    stamps = Stamps(_roots(tsa_cert or settings.tsa_certificates))
    good = True
    async with moment(settings, say) as found:
        connection, beside = found.connection, await found.second()
        workers = await found.workers(jobs) if jobs > 1 else None
        rows = await connection.fetch(SQL["sequences"], [name, *companions(name)])
        if not rows:
            raise no_ledger(name)
        for sequence in (name, *companions(name)):
            own = sequence == name
            asked = replace(
                _asked(settings, sequence, believed, kept if own else (), say),
                stamped=stamps.wrong,
                begin=begin if own else 0,
                resume=resume,
            )
            report = await Fsck(connection, sequence, asked, beside, workers).run()
            good &= _told(report)
        ours = [(one.number, one.name, one.sha256) for one in migrations.migrations()]
        for bad in await strangers(connection, ours):
            click.echo(f"{bad.kind}: {bad.why}")
            good = False
    if stamps.unchecked:
        click.echo(f"{stamps.unchecked} time stamps are not verified: --tsa-cert")
    return good


@dataclass(slots=True)
class Stamps:
    """Holds time stamps against the certificates that are believed; without any it counts them."""

    roots: tuple[Certificate, ...]
    unchecked: int = 0

    def wrong(self, text: str, answer: bytes) -> str | None:
        """Say what is wrong with a stamp on a text, None where it is good or cannot be told."""
        if not self.roots:
            self.unchecked += 1
            return None
        try:
            verified(text, answer, self.roots)
        except BadStamp as error:
            return str(error)
        return None


def _roots(file: Path | None) -> tuple[Certificate, ...]:
    try:
        return trusted(file.read_bytes()) if file is not None else ()
    except (OSError, BadStamp) as error:
        raise Refused("schema", f"not a file of certificates: {error}") from error


def _asked(
    settings: Settings, sequence: str, policy: Policy | None, kept: tuple[Path, ...], say: Say
) -> Asked:
    outside = checkpoints(settings) / f"{sequence}.checkpoint"
    held = {"the file outside": read_if_there(outside)}
    begun = shown = time.monotonic()

    def progress(told: str, done: int, of: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= SHOWN_EVERY_S:
            shown = now
            rate = done / max(now - begun, 0.001)
            say(f"{told}: {done:,} of {of:,} ({done / max(of, 1):.0%}), {rate:,.0f} events/s")

    return Asked(
        policy=policy,
        outside=held | {str(path): path.read_bytes() for path in kept},
        state=home(settings).folder / f"fsck-{sequence}.json",
        progress=progress,
    )


def _told(report: Report) -> bool:
    for bad in report.bad:
        where = "" if bad.position is None else f" position {bad.position}:"
        click.echo(f"{report.sequence}:{where} {bad.kind}: {bad.why}")
    if not report.bad:
        click.echo(f"{report.sequence}: {report.events} events, root {report.root.hex()}")
    return not report.bad


async def confirmed(
    settings: Settings, code: str, name: str, by: str, reason: str, say: Say
) -> str:
    """Write down that an operator has looked; return the value that is confirmed."""
    at = home(settings)
    async with database(settings, at, say) as found:
        connection = await asyncpg.connect(**found.as_role(Role.APP))
        try:
            row = await connection.fetchrow(PROVED["moment"])
        finally:
            await connection.close()
    value = str(row["timeline"]) if code == "ST-10" else row["now"].isoformat()
    one = Confirmation(
        code=code,
        ledger=name,
        value=value,
        by=by,
        reason=reason,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    confirm(checkpoints(settings), one)
    at.noted(f"{code} of {name} confirmed by {by}: {value}")
    return value
