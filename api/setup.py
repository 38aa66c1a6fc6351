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
from ledger.office.setup import opening
from ledger.recorded import Key
from ledger.store import Store, open_ledger

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
) -> int:
    """Create a ledger and record its set-up; return how many events that took.

    `connection` is of who may migrate.  Begun and cut short, it goes on where it stopped; a
    ledger that is set up already is refused (`already-done`).
    """
    store = Store(database.as_role(Role.APP))
    await store.connect()
    keyring = Keyring(keys)
    try:
        chosen = document or example()
        head = await store.head(name)
        if head is None:
            zone = str(chosen.get("zone", "Asia/Shanghai"))
            await open_ledger(connection, name, zone, simulated)
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
        )
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


def _named(kind: str) -> Mapping[str, Data]:
    return {path.stem: _read(path) for path in sorted((DATA / kind).glob("*.json"))}


def _read(path: Path) -> Data:
    found: Data = json.loads(path.read_text(encoding="utf-8"))
    return found
