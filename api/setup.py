"""Creating a ledger: its head, its first events, from the example or a document of one's own."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import ledger as package
from ledger.case import Data
from ledger.database import Database, Role
from ledger.errors import Refused
from ledger.keyring import Keyring
from ledger.ledger import Ledger
from ledger.log import SQL as LOG
from ledger.log import Log
from ledger.office.setup import opening
from ledger.origin import SIMULATED, companion_origin
from ledger.recorded import Key
from ledger.signing import new_key, new_origin
from ledger.store import Store, companions, open_ledger

DATA = Path(package.__file__).parent / "data"
AT_ONCE = 64


def example() -> Data:
    """Return the example set-up: invented persons, organisations and limits."""
    return _read(DATA / "example.json")


async def initialise(
    database: Database,
    connection: Any,  # noqa: ANN401 (asyncpg ships no types)
    keys: Path,
    name: str,
    *,
    simulated: datetime | None,
    document: Data | None = None,
    origin: str | None = None,
    follows: Data | None = None,
) -> int:
    """Create a ledger and record its set-up; return how many events that took.

    `connection` is of who may migrate, `follows` what the first event commits of a ledger that was
    closed.  Begun and cut short, it goes on where it stopped; a
    ledger that is set up already is refused (`already-done`).
    """
    store = Store(database.as_role(Role.APP))
    await store.connect()
    keyring = Keyring(keys)
    try:
        chosen = document or example()
        head = await store.head(name)
        await _unused(store, name, origin, follows)
        if head is None:
            zone = str(chosen.get("zone", "Asia/Shanghai"))
            await open_ledger(connection, name, zone, simulated)
        logs = await begin_logs(connection, store, keys, name, origin)
        ledger = Ledger(name, store, keyring)
        await ledger.open()
        at = await store.now(name)
        events = opening(
            chosen,
            _named("calendars"),
            _named("policies"),
            ledger=name,
            at=at,
            simulated=simulated is not None,
            logs=logs,
            follows=follows,
        )
        if ledger.office.events and ledger.office.events[0].data.get("follows") != follows:
            raise Refused("already-done", f"ledger {name} began otherwise")
        done = len(ledger.office.events)
        if done >= len(events):
            raise Refused("already-done", f"ledger {name} is set up")
        for first in range(0, len(events), AT_ONCE):
            part = events[first : first + AT_ONCE]
            if first + len(part) > done:
                key = Key(f"init|{name}|{first}", b"init")
                await ledger.record_office(lambda _office, _now, part=part: part, key=key)  # type: ignore[misc]
        return len(events)
    finally:
        await store.close()
        keyring.close()


async def _unused(store: Store, name: str, origin: str | None, follows: Data | None) -> None:
    """Refuse an origin that a log had before: it would be two histories of one name."""
    used = {str(follows["origin"])} if follows else set()
    for other in await store.ledgers():
        state = await Log(store, other).state() if other != name else None
        used |= {state.origin} if state else set()
    state = await Log(store, name).state()
    chosen = state.origin if state else origin
    if chosen is not None and any(one.removesuffix(SIMULATED) == chosen.removesuffix(SIMULATED)
                                  for one in used):  # fmt: skip
        raise Refused("already-done", f"the origin {chosen} is that of another history")


async def begin_logs(
    connection: Any,  # noqa: ANN401 (asyncpg ships no types)
    store: Store,
    keys: Path,
    name: str,
    origin: str | None = None,
) -> tuple[Data, ...]:
    """Begin the logs of a ledger and its companions, where they are not; return their keys.

    `connection` is of who may migrate, `origin` a name of the operator's own choice.
    """
    head = await store.head(name)
    if head is None:
        raise Refused("not-found", f"no ledger {name}")
    own = await Log(store, name).state()
    base = own.origin if own else new_origin(name, simulated=head.simulated, chosen=origin)
    told: list[Data] = []
    for sequence in (name, *companions(name)):
        state = await Log(store, sequence).state()
        named = base if sequence == name else companion_origin(base, sequence)
        if state is None:
            key = new_key(keys, sequence, named).verifier.text
            await connection.execute(LOG["open_log"], sequence, named, key)
        else:
            key = state.keys[0]
        told.append({"sequence": sequence, "origin": named, "key": key})
    return tuple(told)


async def logs_of_old(
    database: Database,
    connection: Any,  # noqa: ANN401 (asyncpg ships no types)
    keys: Path,
) -> None:
    """Begin the logs of ledgers that were set up before there were any."""
    store = Store(database.as_role(Role.APP))
    await store.connect()
    try:
        for name in await store.ledgers():
            await begin_logs(connection, store, keys, name)
    finally:
        await store.close()


def _named(kind: str) -> Mapping[str, Data]:
    return {path.stem: _read(path) for path in sorted((DATA / kind).glob("*.json"))}


def _read(path: Path) -> Data:
    found: Data = json.loads(path.read_text(encoding="utf-8"))
    return found
