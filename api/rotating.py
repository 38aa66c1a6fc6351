"""Rotating the keys of a ledger's logs: `caseledger key rotate`, later `caseledger key retire`.

The row of a log is changed before the event that names the key, so the checkpoint over that event
bears both signatures.  Cut short, the same command goes on where it was: each log is looked at
by itself.  A ledger that is closed is left as it is, and one command is at work at a time.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import asyncpg

from api.operate import Home, Say, database, home, no_ledger
from api.settings import Settings
from api.upkeep import checkpoints
from ledger import proved, rotation
from ledger.case import Data, Event
from ledger.database import Role
from ledger.errors import Refused, Unavailable
from ledger.keyring import Keyring
from ledger.ledger import Ledger
from ledger.log import SQL as LOG
from ledger.log import Log, LogState
from ledger.office.setup import BY
from ledger.recorded import Key
from ledger.rotation import Act
from ledger.signing import keys, new_key
from ledger.store import Store, companions
from ledger.tlog import note
from ledger.tlog.note import VerifierKey

NAMED: dict[Act, str] = {"add": "log-key-set", "retire": "log-key-retired"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where keys are rotated: the ledger, its home, and who may change the row of a log."""

    at: Home
    ledger: Ledger
    creator: Any

    @property
    def store(self) -> Store:
        """The store of the ledger."""
        return self.ledger.store

    async def state(self, sequence: str) -> LogState:
        """Return how far a log is."""
        state = await Log(self.store, sequence).state()
        if state is None:
            raise Refused("not-found", f"{sequence} has no log")
        return state

    def named(self, sequence: str, act: Act) -> set[str]:
        """Return the keys of a log that events name as added, or as retired."""
        told = [e.data for e in self.ledger.office.events if e.type == NAMED[act]]
        return {str(data["key"]) for data in told if data["sequence"] == sequence}


@asynccontextmanager
async def place_of(settings: Settings, name: str, say: Say) -> AsyncIterator[Place]:
    """Open a ledger to change its keys; raise `Refused` where there is none, or it is closed."""
    at = home(settings)
    async with database(settings, at, say) as found:
        creator = await asyncpg.connect(**found.as_creator())
        store = Store(found.as_role(Role.APP))
        await store.connect()
        keyring = Keyring(at.keys)
        try:
            if await store.head(name) is None:
                raise no_ledger(name)
            statement = await proved.closed(store, checkpoints(settings), name)
            if statement is not None:
                why = f"{name} is closed by the statement {statement}: its keys stay as they are"
                raise Refused("already-done", why)
            if not await creator.fetchval(LOG["lock_keys"], name):
                raise Unavailable("busy", f"the keys of {name} are being changed by somebody else")
            ledger = Ledger(name, store, keyring)
            await ledger.open()
            yield Place(at, ledger, creator)
        finally:
            await store.close()
            keyring.close()
            await creator.close()


async def rotated(settings: Settings, name: str, say: Say) -> list[str]:
    """Let a new key sign beside the old one in each log of a ledger; return the new keys.

    A log with two keys already is left as it is; raises `Refused` where all of them are.
    """
    async with place_of(settings, name, say) as place:
        told = [await _added(place, sequence) for sequence in (name, *companions(name))]
    if not any(changed for _, changed in told):
        raise Refused("already-done", f"{name}: two keys sign already; retire the old ones")
    return [key for key, _ in told]


async def _added(place: Place, sequence: str) -> tuple[str, bool]:
    """Return the new key of a log, and whether anything was left to do for it."""
    state = await place.state(sequence)
    if len(state.keys) == 1:
        fresh = new_key(place.at.keys, sequence, state.origin).verifier.text
        await place.creator.execute(LOG["set_log_keys"], sequence, [state.keys[0], fresh])
        state = await place.state(sequence)
    elif state.keys[-1] in place.named(sequence, "add"):
        return state.keys[-1], False
    await _noted_in_line(place, sequence, state)
    await _recorded(place, sequence, state, "add")
    place.at.noted(f"{sequence}: {state.keys[-1]} signs beside {state.keys[0]}")
    return state.keys[-1], True


async def _noted_in_line(place: Place, sequence: str, state: LogState) -> None:
    """Let a line of the access log grow by an entry, so that the new key signs it.

    A line that is quiet would bear the old key alone, and that could not be retired.  One that
    has nothing in it has nothing signed.  Cut short behind this, there will be two entries.
    """
    head = await place.store.head(sequence)
    if sequence == place.ledger.name or head is None or not head.size:
        return
    entry = Event(
        stream=f"reading:{token_hex(16)}",
        version=1,
        type=NAMED["add"],
        occurred_at=await place.ledger.now(),
        actor=BY,
        responsibility="administration",
        data={"what": "key-rotated", "sequence": sequence, "key": state.keys[-1]},
    )
    await place.ledger.access.put(entry, sealed=sequence.endswith(".sealed"))


async def retired(settings: Settings, name: str, say: Say) -> dict[str, str]:
    """Retire the old key of each log of which a checkpoint bears both signatures.

    Returns what became of each log.  Raises `Refused` where no key could be retired.
    """
    told = {}
    async with place_of(settings, name, say) as place:
        for sequence in (name, *companions(name)):
            told[sequence] = await _ended(place, sequence)
    if not any(one.startswith("retired") for one in told.values()):
        raise Refused("already-done", "; ".join(f"{name}: {why}" for name, why in told.items()))
    return told


async def _ended(place: Place, sequence: str) -> str:
    state = await place.state(sequence)
    if len(state.keys) == 1:
        return "one key signs"
    if state.keys[-1] not in place.named(sequence, "add"):
        return "no event names the new key: `caseledger key rotate` again"
    newest = await Log(place.store, sequence).newest()
    if newest is not None:
        signed = {(line.name, line.key_id) for line in note.parse(newest.note).signatures}
        both = [VerifierKey.parse(text) for text in state.keys]
        if not all((key.name, key.key_id) in signed for key in both):
            return "not yet: no checkpoint bears both signatures"
    if state.keys[0] not in place.named(sequence, "retire"):
        await _recorded(place, sequence, state, "retire")
    await place.creator.execute(LOG["set_log_keys"], sequence, list(state.keys[1:]))
    place.at.noted(f"{sequence}: {state.keys[0]} is retired")
    return f"retired {state.keys[0]}"


async def _recorded(place: Place, sequence: str, state: LogState, act: Act) -> None:
    """Record a step, as both keys sign it."""
    old, new = keys(place.at.keys, sequence, state.keys)
    head = await place.store.head(sequence)
    size = head.size if head is not None else 0
    # An old key may stand alone under what was signed before, the event itself left out.
    text = rotation.signed(act, (old.verifier, old.sign), (new.verifier, new.sign), size)
    named = old if act == "retire" else new
    data: Data = {
        "sequence": sequence,
        "origin": state.origin,
        "key": named.verifier.text,
        "step": text,
    }
    await recorded(place, NAMED[act], data, f"{act}-key|{sequence}|{named.verifier.text}")


async def recorded(place: Place, kind: str, data: Data, key: str) -> None:
    """Record what became of a key of a log in the stream of its ledger, once under this key."""
    stream = f"ledger:{place.ledger.name}"

    def decided(office: Any, now: Any) -> tuple[Event, ...]:  # noqa: ANN401
        version = office.stream_versions.get(stream, 0) + 1
        return (
            Event(
                stream=stream,
                version=version,
                type=kind,
                occurred_at=now,
                actor=BY,
                responsibility="administration",
                data=data,
            ),
        )

    await place.ledger.record_office(decided, key=Key(key, b"key"))
