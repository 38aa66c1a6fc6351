"""Closing a ledger whose missing events nobody has: the last steps of the recovery ceremony.

STORE 10.  The statement is drafted from what is there, signed by two people of two organs, each
where their key is, and compared with what is there once more before it counts.  After that the
ledger is read and proved, and never written again, whatever backup is put back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from api.operate import Say, database, home
from api.recovery import led
from api.recovery import signed as known_of
from api.settings import Settings
from api.upkeep import checkpoints, one_moment, read_if_there
from ledger import closing, records
from ledger.case import Event
from ledger.closing import CLOSED_EPOCH, SUFFIX, Closing, Held
from ledger.database import Role
from ledger.durable import replaced
from ledger.errors import Corrupt, Refused
from ledger.ledger import OFFICE_STREAMS
from ledger.office import Office
from ledger.office.appointment import Post
from ledger.signing import key_of_file
from ledger.store import Row, Store, companions
from ledger.tlog.errors import TlogError
from ledger.tlog.note import VerifierKey


def made_key(path: Path, organ: str, person: str) -> str:
    """Make a person's key for closing statements, where there is none; return its public half."""
    try:
        key = key_of_file(path, f"{organ}/{person}").verifier
        closing.person_of(key)
    except TlogError as error:
        raise Refused("schema", str(error)) from error
    return key.text


async def drafted(
    settings: Settings,
    name: str,
    reason: str,
    signers: Iterable[str],
    kept: tuple[Path, ...],
    say: Say,
) -> str:
    """Return the statement that two people are to sign, of what is there now.

    `kept` are checkpoints that witnesses or mirrors hold: the last that was signed may be known
    nowhere else.  Raises `Refused` where those two may not sign it.
    """
    try:
        keys = tuple(VerifierKey.parse(text.strip()) for text in signers)
        return (await _now(settings, name, reason, keys, kept, say)).text
    except TlogError as error:
        raise Refused("schema", str(error)) from error


def signed(statement: Path, key: Path) -> int:
    """Sign a statement with a person's key; return how many have signed."""
    pair = key_of_file(key, "organ/person", make=False)
    try:
        raw = closing.signed_by(statement.read_bytes(), pair.verifier.public, pair.sign)
    except (TlogError, UnicodeDecodeError) as error:
        raise Refused("schema", str(error)) from error
    replaced(statement, raw)
    return raw.count("\n— ".encode())


async def closed(
    settings: Settings, name: str, raw: bytes, kept: tuple[Path, ...], say: Say
) -> str:
    """Close a ledger by a statement that both have signed; return its digest.

    Raises `Refused` where it is not signed as it has to be, or no longer says what is there.
    """
    file = checkpoints(settings) / f"{name}{SUFFIX}"
    if read_if_there(file) not in (None, raw):
        raise Refused("already-done", f"{name} is closed by another statement")
    try:
        told = closing.closed(raw)
        now = await _now(settings, name, told.reason, told.signers, kept, say)
    except TlogError as error:
        raise Refused("schema", str(error)) from error
    if now != told:
        raise Refused("schema", f"the statement is not what is there now:\n{now.text}")
    # The file first: cut short, the next start closes the rest.
    replaced(file, raw)
    at = home(settings)
    async with database(settings, at, say) as found:
        store = Store(found.as_role(Role.APP))
        await store.connect()
        try:
            await store.take_over(name, CLOSED_EPOCH)
        finally:
            await store.close()
    digest = closing.digest(raw)
    at.noted(f"ledger {name} closed by the statement {digest}")
    return digest


def followed(settings: Settings, raw: bytes, wanted: str | None, say: Say) -> dict[str, object]:
    """Return what a new ledger commits of the one that a statement closed.

    Where that one is not here, `wanted` has to be the digest that the closing printed.
    """
    try:
        told = closing.follows(raw, wanted)
        name = closing.closed(raw).ledger
    except TlogError as error:
        raise Refused("schema", str(error)) from error
    here = read_if_there(checkpoints(settings) / f"{name}{SUFFIX}")
    if here is not None and here != raw:
        raise Refused("schema", "not the statement that closed the ledger here")
    if here is None and wanted is None:
        raise Refused("schema", "no ledger is closed by it here: pass --digest as it was printed")
    say(f"follows {told['origin']}, held up to {told['held']}")
    return told


async def _now(
    settings: Settings,
    name: str,
    reason: str,
    signers: tuple[VerifierKey, ...],
    kept: tuple[Path, ...],
    say: Say,
) -> Closing:
    """Return the statement as it has to be now; raise `Refused` for who may not sign it."""
    acts = _Acts()
    logs, sound = [], True
    async with one_moment(settings, say) as connection:
        for sequence in (name, *companions(name)):
            known = await known_of(settings, connection, sequence, kept)
            seen = acts.seen if sequence == name else _passed
            found = await led(connection, sequence, known, seen)
            logs.append(Held(known[0], found.size, found.root))
            sound &= found.sound
    statement = Closing(name, reason, tuple(logs), signers)
    if sound and not any(log.missing for log in logs):
        raise Refused(
            "rule-refused",
            f"{name}: nothing is missing that was signed, and nothing contradicts it; "
            "a checkpoint that somebody else holds is passed by --checkpoint",
        )
    posts = acts.posts(name, statement.own.size)
    for key in signers:
        organ, person = closing.person_of(key)
        if not any(post.person == person and post.organ == organ for post in posts):
            raise Refused("schema", f"{person} has held no post in {organ}, as far as is held")
    return statement


def _passed(_row: Row) -> None:
    """Nobody's post is in a companion."""


@dataclass(frozen=True, slots=True)
class _Acts:
    """What the office did, as far as it can be read; where one cannot, its stream ends there."""

    events: list[Event] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)

    def seen(self, row: Row) -> None:
        """Take an event in if it is the office's."""
        if not row.stream.startswith(OFFICE_STREAMS) or row.stream in self.ended:
            return
        try:
            self.events.append(records.decode(row))
        except (Corrupt, orjson.JSONDecodeError):
            self.ended.add(row.stream)

    def posts(self, ledger: str, size: int) -> tuple[Post, ...]:
        """Return all posts there were, by the events below a size: the rest does not prove out."""
        proved = [event for event in self.events if event.position < size]
        try:
            return Office(ledger).following(proved).posts
        except (LookupError, TypeError, ValueError) as error:
            what = type(error).__name__
            raise Refused("schema", f"{ledger}: who held a post cannot be read: {what}") from error
