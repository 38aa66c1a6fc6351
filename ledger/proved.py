"""What must hold of one ledger before anything is appended to it (P10, SECURITY 7).

ST-5 for the clock, ST-7 and ST-8 against every checkpoint that can be found, ST-9 for who
writes, ST-10 and ST-11 for what an operator has to look at, ST-12 for the keys of the log.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import orjson

from ledger.closing import CLOSED_EPOCH, SUFFIX, digest
from ledger.confirmed import confirmations
from ledger.errors import Corrupt
from ledger.finding import Finding, Severity
from ledger.origin import SIMULATED
from ledger.publish import Publisher
from ledger.queries import load
from ledger.records import split
from ledger.store import Store, companions
from ledger.tlog.merkle import HASH_BYTES, leaf_hash
from ledger.tlog.tile import WIDTH

SQL = load(Path(__file__).with_suffix(".sql"))
RECENT = 4_096
FENCED = "LG002"
A_DAY = timedelta(hours=24)
TWO_CLOCKS = timedelta(seconds=120)

# Asks a witness, by our newest checkpoint (its size and note), for the size it last saw; None
# where it does not tell.
AskSize = Callable[[int, bytes], Awaitable[int | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSequence:
    """One sequence, and what its assertions look at.

    `checkpoints` is the folder outside the database, `witnesses` how to ask each for its size.
    `apart`: the server's clock is another machine's than ours, so that ours can confirm it.
    """

    store: Store
    publisher: Publisher
    epoch: int
    checkpoints: Path
    apart: bool = False
    witnesses: Mapping[str, AskSize] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The sequence: a ledger, or one of its companions."""
        return self.publisher.name


Assert = Callable[[OneSequence], Awaitable[Iterable[Finding]]]


async def examined(of: OneSequence, assertions: Iterable[Assert] | None = None) -> list[Finding]:
    """Return what does not hold, in the order of the assertions."""
    found: list[Finding] = []
    for assertion in ASSERTED if assertions is None else assertions:
        found += await assertion(of)
    return found


async def closed(store: Store, checkpoints: Path, ledger: str) -> str | None:
    """Return by which statement a ledger is closed for ever, None where it is not.

    The file outside survives a restore of the database; the number in the database is there
    where the file is lost.
    """
    try:
        return digest((checkpoints / f"{ledger}{SUFFIX}").read_bytes())
    except FileNotFoundError:
        pass
    head = await store.head(ledger)
    return "whose file is missing" if head is not None and head.epoch == CLOSED_EPOCH else None


async def not_closed(of: OneSequence) -> Iterable[Finding]:
    """ST-8: nobody has closed the ledger; a closed one never goes on under its origin."""
    statement = await closed(of.store, of.checkpoints, of.name.partition(".")[0])
    if statement is None:
        return []
    return [Finding("ST-8", f"{of.name}: closed by the statement {statement}")]


async def as_signed(of: OneSequence) -> Iterable[Finding]:
    """ST-12, ST-8, ST-7: keys, length, tree and history, as the publisher proves them.

    The first that fails is told: the later ones rest on it.
    """
    for code, proved in of.publisher.checks:
        try:
            await proved()
        except Corrupt as error:
            return [Finding(code, f"{of.name}: {error}")]
    return []


async def recent_events(of: OneSequence) -> Iterable[Finding]:
    """ST-7: the head is one beyond the last event, and the last 4,096 are what was hashed."""
    rows = await of.store.fetch(SQL["recent"], of.name, RECENT)
    events = [row for row in rows if row["position"] is not None]
    size = rows[0]["size"] if rows else 0
    last = events[-1]["position"] if events else -1
    if size != last + 1:
        return [Finding("ST-7", f"{of.name}: the head says {size}, the last event is {last}")]
    if not events:
        return []
    first = events[0]["position"]
    tiles = {
        row["n"]: bytes(row["hashes"])
        for row in await of.store.fetch(SQL["tiles"], of.name, first // WIDTH)
    }
    for expected, row in enumerate(events, first):
        why = _wrong(expected, row, tiles)
        if why:
            return [Finding("ST-7", f"{of.name}: position {expected} {why}")]
    return []


def _wrong(expected: int, row: Mapping[str, object], tiles: Mapping[int, bytes]) -> str | None:
    """Say what is wrong with an event, None where all is well."""
    if row["position"] != expected:
        return "is not there"
    leaf = leaf_hash(bytes(row["record"]))  # type: ignore[call-overload]
    if leaf != row["leaf"]:
        return "is not what its hash was made of"
    n, at = divmod(expected, WIDTH)
    if n in tiles and tiles[n][at * HASH_BYTES : (at + 1) * HASH_BYTES] != leaf:
        return "is not what is in the tree"
    return None


async def not_behind_a_witness(of: OneSequence) -> Iterable[Finding]:
    """ST-8: no witness has seen a larger size; one that cannot be reached is a warning.

    Before the first checkpoint there is nothing to ask by.  All are asked at once, and the size
    that is here is read after: another process may append meanwhile.
    """
    newest = await of.publisher.log.newest()
    if newest is None:
        return []
    found = []
    told = await asyncio.gather(*(ask(newest.size, newest.note) for ask in of.witnesses.values()))
    head = await of.store.head(of.name)
    if head is None:
        return []
    for witness, seen in zip(of.witnesses, told, strict=True):
        if seen is None:
            why = f"{of.name}: the witness {witness} does not tell what it has seen"
            found.append(Finding("ST-8", why, Severity.WARNING))
        elif seen > head.size:
            missing = seen - head.size
            why = f"{of.name}: truncated: {missing} events missing that {witness} has seen"
            found.append(Finding("ST-8", why))
    return found


async def clock_as_begun(of: OneSequence) -> Iterable[Finding]:
    """ST-5: a clock can be set only where origin and first event say so (DECISIONS 1).

    It is the ledger's: what is read beside it goes by the same one.
    """
    if "." in of.name:
        return []
    state = await of.publisher.log.state()
    head = await of.store.head(of.name)
    if state is None or head is None:
        return []
    said = {state.origin.endswith(SIMULATED)}
    for row in await of.store.fetch(SQL["first"], of.name):
        said.add(bool(orjson.loads(split(bytes(row["record"]))[1])["data"]["simulated"]))
    if said == {head.simulated}:
        return []
    settable = "can be set" if head.simulated else "cannot be set"
    return [Finding("ST-5", f"{of.name}: its clock {settable}, and that is not how it began")]


async def same_timeline(of: OneSequence) -> Iterable[Finding]:
    """ST-10: the server was not promoted or restored since the last checkpoint, unconfirmed.

    Asked of the ledger: what is read meanwhile is recorded beside it.
    """
    if "." in of.name:
        return []
    newest = await of.publisher.log.newest()
    if newest is None:
        return []
    (row,) = await of.store.fetch(SQL["moment"])
    now = int(row["timeline"])
    if now == newest.timeline or str(now) in _confirmed(of, "ST-10"):
        return []
    why = f"{of.name}: on timeline {now}, the last checkpoint was signed on {newest.timeline}"
    return [Finding("ST-10", why)]


async def clock_in_step(of: OneSequence) -> Iterable[Finding]:
    """ST-11: the server's clock is not before the last event, nor a day after it unconfirmed.

    The clock of another machine confirms it (P8), or an operator does.
    """
    head = await of.store.head(of.name)
    if head is None or head.recorded_at is None or head.simulated:
        return []
    (row,) = await of.store.fetch(SQL["moment"])
    now: datetime = row["now"]
    if now < head.recorded_at:
        return [Finding("ST-11", f"{of.name}: the clock is before its last event")]
    agreed = of.apart and abs(datetime.now(UTC) - now) <= TWO_CLOCKS
    seen = [datetime.fromisoformat(value) for value in _confirmed(of, "ST-11")]
    last = max([head.recorded_at, *seen])
    if agreed or now - last <= A_DAY:
        return []
    hours = (now - last) // timedelta(hours=1)
    return [Finding("ST-11", f"{of.name}: the clock is {hours} hours after its last event")]


def _confirmed(of: OneSequence, code: str) -> set[str]:
    own = of.name.partition(".")[0]
    return {
        one.value for one in confirmations(of.checkpoints) if one.code == code and one.ledger == own
    }


async def taken_over(of: OneSequence) -> Iterable[Finding]:
    """ST-9: the ledger is ours to write, and the deployment before is refused."""
    names = [of.name, *companions(of.name)]
    for row in await of.store.fetch(SQL["epochs"], names):
        if row["epoch"] != of.epoch:
            return [Finding("ST-9", f"{row['ledger']}: deployment {row['epoch']} writes to it")]
    try:
        await of.store.fetch(SQL["as_an_older_one"], of.name, of.epoch - 1)
    except asyncpg.PostgresError as error:
        if error.sqlstate == FENCED:
            return []
        raise
    return [Finding("ST-9", f"{of.name}: the deployment before is not refused")]


# Of every sequence; `taken_over` is asked of a ledger when all of its sequences are open.
ASSERTED: tuple[Assert, ...] = (
    not_closed,
    as_signed,
    recent_events,
    not_behind_a_witness,
    clock_as_begun,
    same_timeline,
    clock_in_step,
)
