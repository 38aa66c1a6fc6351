"""The recovery ceremony as far as a program can help: what is missing, copies, candidates.

STORE 10.  Nothing here writes to the ledger.  A candidate is right only where its records lead to
the root of the last checkpoint that was signed, by whoever brings them.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from api.feeding import askers, policy_of
from api.measured import LOST, ROW, Grown, Known, Measured
from api.operate import Say, home, no_ledger
from api.settings import Settings
from api.upkeep import checkpoints, one_moment, read_if_there
from ledger.errors import Refused
from ledger.fsck import SQL
from ledger.fsck_log import Signers, opened
from ledger.fsck_ranges import SQL as RANGES
from ledger.log import SQL as LOG
from ledger.signing import public_halves
from ledger.store import Row, companions
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import TlogError
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.tlog.note import VerifierKey
from ledger.tlog.tile import ENTRIES, Tile, decode_bundle, parse_path, tiles

RECORDS = "records"
LENGTH_BYTES = 4
EVENTS = RANGES["events"]
BATCH = 4_096


@dataclass(frozen=True, slots=True)
class Status:
    """What is there of a sequence, held against every checkpoint that is known of it."""

    measured: Measured
    # How many events lead to what was signed, where not all do.
    of_one: int | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is missing, and all of it is one history as far as can be told."""
        return not (self.measured.missing or self.measured.lost) and self.of_one is None

    def text(self) -> str:
        """Return it in words."""
        lines = self.measured.lines()
        if self.of_one is not None:
            lines[-1] += f"; what was signed is of two histories: {self.of_one} events are of both"
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Led:
    """How many events lead to what was signed, to which root, and whether all of it agrees."""

    size: int
    root: bytes
    sound: bool
    grown: Grown


@dataclass(frozen=True, slots=True)
class Tried:
    """What a candidate is: its records, held against every checkpoint that is known."""

    measured: Measured

    @property
    def right(self) -> bool:
        """Whether its records lead to everything that was signed."""
        return self.measured.missing == 0 and not self.measured.other

    def text(self) -> str:
        """Return it in words: the verdict, then a line for each checkpoint."""
        of = f"{self.measured.held} records of {self.measured.sequence}"
        if self.measured.other:
            told = f"wrong: {of} do not lead to every signed root"
        elif self.measured.missing:
            told = f"too short: {of}, {self.measured.signed} were signed"
        else:
            told = f"right: {of}, they lead to every signed root"
        return "\n".join((told, *self.measured.lines()))


async def status(
    settings: Settings, name: str, say: Say, kept: Iterable[Path] = ()
) -> tuple[Status, ...]:
    """Tell how far a ledger and its lines are behind what was signed, and if that is one history.

    `kept` are files of checkpoints that others hold; witnesses of the policy are asked.
    """
    found = []
    async with one_moment(settings, say) as connection:
        for sequence in (name, *companions(name)):
            told = await _last(settings, connection, sequence, kept)
            known = await _known(settings, sequence, told, say)
            one = await led(connection, sequence, [c.checkpoint for c in told.found])
            measured = Measured(sequence, one.grown.frontier.size, known, one.grown.roots)
            found.append(Status(measured, None if one.sound else one.size))
    return tuple(found)


async def copied(settings: Settings, name: str, folder: Path, say: Say) -> int:
    """Copy records, checkpoints and files of a ledger and its companions into a new folder.

    The folder of checkpoints outside is copied whole.  Before anything else is touched, the
    database's own files are to be copied as well: this program cannot do that while it runs.
    """
    _new_folder(folder)
    count = 0
    async with one_moment(settings, say) as connection:
        for sequence in (name, *companions(name)):
            with _begun(folder / f"{sequence}.{RECORDS}") as written:
                cursor = await connection.cursor(EVENTS, sequence, 0, 2**62)
                while rows := await cursor.fetch(BATCH):
                    count += len(rows)
                    written.write(b"".join(_framed(bytes(row["record"])) for row in rows))
            for row in await connection.fetch(SQL["checkpoints"], sequence, -1, 2**62):
                _put(folder / f"{sequence}.{row['size']}.checkpoint", bytes(row["note"]))
    for path in sorted(checkpoints(settings).glob("*")):
        if path.is_file() and not path.name.startswith("."):
            _put(folder / "outside" / path.name, path.read_bytes())
    _summed(folder)
    return count


async def tried(
    settings: Settings, name: str, candidate: Path, say: Say, kept: Iterable[Path] = ()
) -> Tried:
    """Hold the records of a candidate, of a ledger or of a line of it, against all that is known.

    Raises `Refused` where no checkpoint of that sequence is known, or it is of another ledger.
    """
    parts = _parts(candidate)
    first = next((part for part in parts if part), [])
    sequence = _sequence(first)
    if sequence not in (name, *companions(name)):
        raise Refused("schema", f"{candidate.name} has no records of {name}")
    async with one_moment(settings, say) as connection:
        told = await _last(settings, connection, sequence, kept)
        known = await _known(settings, sequence, told, say)
    if not any(one.root for one in known):
        why = LOST if known else "no checkpoint was signed"
        raise Refused("not-found", f"{sequence}: {why}; there is nothing to try against")
    grown = Grown(frozenset(one.size for one in known))
    for part in (first, *parts):
        grown.add(part)
    return Tried(Measured(sequence, grown.frontier.size, known, grown.roots))


def _sequence(part: Sequence[bytes]) -> str | None:
    """Return whose record the first one says it is; a candidate may hold anything."""
    try:
        header = orjson.loads(part[0].partition(b"\n")[0])
        return str(header["ledger"])
    except (IndexError, KeyError, TypeError, orjson.JSONDecodeError):
        return None


async def signed(
    settings: Settings,
    connection: Any,  # noqa: ANN401 (asyncpg ships no types)
    name: str,
    kept: Iterable[Path] = (),
) -> tuple[Checkpoint, ...]:
    """Return the checkpoints that are known of a log, the last one first; that of nothing if none.

    A shorter one counts beside a longer one: it may be of the history that was signed first.
    `kept` are files of checkpoints that others hold; those of other logs are passed over.
    Raises `Refused` where some were signed and none is left.
    """
    told = await _last(settings, connection, name, kept)
    if told.signed_size and not told.found:
        raise Refused("not-found", f"{name}: {LOST}")
    found = sorted((one.checkpoint for one in told.found), key=lambda one: -one.size)
    return tuple(found) or (Checkpoint(told.signers.origin, 0, EMPTY_ROOT),)


async def led(
    connection: Any,  # noqa: ANN401 (asyncpg ships no types)
    sequence: str,
    known: Iterable[Checkpoint],
    seen: Callable[[Row], None] = lambda _: None,
) -> Led:
    """Grow the tree as far as the events lead to what was signed; `seen` is told each event.

    Two roots of one size lead nowhere: one of them is of another history.
    """
    marks: dict[int, set[bytes]] = {}
    for one in known:
        marks.setdefault(one.size, set()).add(one.root)
    for row in await connection.fetch(SQL["checkpoints"], sequence, -1, 2**62):
        marks.setdefault(row["size"], {bytes(row["root"])})
    agreed = all(len(roots) == 1 for roots in marks.values())
    grown, good = Grown(frozenset(marks)), (0, EMPTY_ROOT)
    cursor = await connection.cursor(EVENTS, sequence, 0, 2**62)
    parted = gap = False
    while not gap and (rows := await cursor.fetch(BATCH)):
        for row in (Row(*row) for row in rows):
            gap = row.position != grown.frontier.size
            if gap:
                break
            grown.add((bytes(row.record),))
            size = grown.frontier.size
            if not parted and size in marks:
                parted = marks[size] != {grown.roots[size]}
                good = good if parted else (size, grown.roots[size])
            seen(row)
    if not parted:
        good = grown.frontier.size, grown.frontier.root
    return Led(*good, sound=agreed and not parted and not gap, grown=grown)


@dataclass(frozen=True, slots=True)
class _Signed:
    """A checkpoint that a key of the log signed: where from, what it says, its bytes."""

    where: str
    checkpoint: Checkpoint
    raw: bytes


@dataclass(frozen=True, slots=True)
class _Last:
    """The checkpoints that are known of a log, under which name and keys it signs, and its row."""

    found: tuple[_Signed, ...]
    signers: Signers
    signed_size: int


async def _last(
    settings: Settings,
    connection: Any,  # noqa: ANN401 (asyncpg ships no types)
    name: str,
    kept: Iterable[Path] = (),
) -> _Last:
    logs = await connection.fetch(SQL["log"], name)
    if not logs:
        raise no_ledger(name)
    origin = logs[0]["origin"]
    # A row that was restored may be from before a rotation: the key files know the later ones.
    named = (VerifierKey.parse(key) for key in logs[0]["keys"])
    found = public_halves(home(settings).keys, name, origin)
    signers = Signers(origin, tuple(dict.fromkeys((*named, *found))))
    newest = await connection.fetch(LOG["newest"], name)
    known = [("the database", bytes(row["note"])) for row in newest]
    outside = read_if_there(checkpoints(settings) / f"{name}.checkpoint")
    if outside is not None:
        known.append(("the file outside", outside))
    known += [(str(path), path.read_bytes()) for path in kept if _is_of(path, signers)]
    read = tuple(_Signed(at, _read(at, raw, signers), raw) for at, raw in known)
    return _Last(read, signers, logs[0]["signed_size"])


def _is_of(path: Path, signers: Signers) -> bool:
    return path.read_bytes().startswith(f"{signers.origin}\n".encode())


async def _known(settings: Settings, name: str, last: _Last, say: Say) -> tuple[Known, ...]:
    """Return all that is known of a log: its checkpoints, and how much its witnesses have seen."""
    known = [Known(one.where, one.checkpoint.size, one.checkpoint.root) for one in last.found]
    if not last.found:
        return (Known(ROW, last.signed_size, None),) if last.signed_size else ()
    keys = tuple(key.text for key in last.signers.keys)
    asked = askers(policy_of(settings, name, keys))
    # A witness is asked by what it may have seen: the newest that the log signed.
    newest = max(last.found, key=lambda one: one.checkpoint.size)
    seen = await asyncio.gather(
        *(ask(newest.checkpoint.size, newest.raw) for ask in asked.values())
    )
    for witness, size in zip(asked, seen, strict=True):
        if size is None:
            say(f"{name}: the witness {witness} does not answer")
        else:
            known.append(Known(f"the witness {witness}", size, None))
    return tuple(known)


def _read(where: str, raw: bytes, signers: Signers) -> Checkpoint:
    try:
        return opened(raw, signers)
    except TlogError as error:
        raise Refused("schema", f"the checkpoint in {where}: {error}") from error


def _new_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True)


def _begun(path: Path) -> BinaryIO:
    return path.open("xb")


def _put(path: Path, raw: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(raw)


def _framed(record: bytes) -> bytes:
    return len(record).to_bytes(LENGTH_BYTES, "big") + record


def _parts(candidate: Path) -> Iterator[list[bytes]]:
    """Yield the records of a candidate: a file that `copy` wrote, or a folder of bundles."""
    if candidate.is_dir():
        yield from _bundles(candidate)
        return
    with candidate.open("rb") as file:
        part: list[bytes] = []
        while length := file.read(LENGTH_BYTES):
            record = file.read(int.from_bytes(length, "big"))
            part.append(record)
            if len(part) == BATCH:
                yield part
                part = []
        yield part


def _bundles(folder: Path) -> Iterable[list[bytes]]:
    """Yield the bundles of a log's folder in order, as far as they go; the widest of the last."""
    found: dict[int, tuple[Tile, Path]] = {}
    for path in folder.glob("tile/entries/**/*"):
        if path.is_file():
            tile = parse_path(path.relative_to(folder).as_posix())
            widest = found.get(tile.n)
            if widest is None or widest[0].width < tile.width:
                found[tile.n] = (tile, path)
    for full in tiles(2**40, ENTRIES):
        if full.n not in found:
            return
        tile, path = found[full.n]
        yield list(decode_bundle(path.read_bytes(), tile.width))


def _summed(folder: Path) -> None:
    """Write the digests of every file, so that a copy of the copy can be told."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")
