"""The dossier of a case, made of what is stored: `GET /cases/{case}/dossier`.

It shows the case as the ledger knew it below one checkpoint, so two of them made under the same
checkpoints are the same bytes.  Who asks, and what for, stands in the access log alone.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from api import headers, parameters
from api.access import Entry, case_for, enter, reading
from api.feeding import policy_of
from api.purpose import purpose
from api.routes import Route
from api.routes import reading as row_of
from api.web import dossier_page
from ledger import dossier, records
from ledger.archive import packed
from ledger.case import Case
from ledger.closing import link_of
from ledger.errors import Behind, Corrupt, Refused
from ledger.lifecycle import Role
from ledger.log import Log, SignedCheckpoint
from ledger.publish import Publisher
from ledger.queries import load
from ledger.rotation import since
from ledger.signing import keys, sm2_set
from ledger.state import number_of
from ledger.store import Row, Store
from ledger.stored import Stored
from ledger.stored import read as read_record
from ledger.tlog import note
from ledger.tlog.note import Sign, VerifierKey
from ledger.tlog.sm2 import Sm2Key
from projections import audit_trail

ZIP = "application/zip"
PATIENCE_S = 5.0
# Anybody who sees a case can be refused on it as often as they like.
MOST_REFUSALS = 500
QUERIES = load(Path(__file__).with_suffix(".sql"))


def table() -> list[Route]:
    """List the route of the dossier."""
    return [
        row_of(
            "/v1/ledgers/{ledger}/cases/{case}/dossier",
            answered,
            "The evidence bundle of a case",
            "reading",
            name="read-dossier",
            produces=(ZIP,),
            query=parameters.AT_LEAST,
        )
    ]


async def answered(request: web.Request) -> web.Response:
    """Answer the dossier as a zip file; an inspector says what for (SECURITY 3.3).

    Raises `Behind` where no checkpoint covers the newest event of the case in time.
    """
    entry = await enter(request)
    entry, case = await case_for(entry, request.match_info["case"])
    reading(entry, "dossier", case)
    if purpose(request) is None and Role.INSPECTOR in entry.roles():
        raise Refused("purpose-required", "an inspector names the notice: inspection; <number>")
    headers.query(request, {"at_least"})
    return await answer(entry, case)


async def answer(entry: Entry, case: Case) -> web.Response:
    """Return the dossier of a case as a file, for whoever may take it.

    Raises `Behind` where no checkpoint covers the newest event of the case in time.
    """
    contents, signers = await gathered(entry, case)
    # Hashing and packing a long case takes longer than others should wait for.
    body = await asyncio.to_thread(lambda: packed(dossier.files(contents, signers)))
    number = number_of(case, entry.ledger.name)
    return web.Response(
        body=body,
        content_type=ZIP,
        headers={
            "Cache-Control": "no-store",
            "ETag": f'"{len(contents.events)}"',
            "Ledger-Position": str(contents.events[-1].position),
            "Content-Disposition": f'attachment; filename="{_file_name(number)}.zip"',
        },
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the parts of a dossier are read: the ledger's log, and that of its open line."""

    entry: Entry
    main: Publisher
    line: Publisher

    @property
    def store(self) -> Store:
        """Where both lie."""
        return self.entry.ledger.store

    @property
    def log(self) -> Log:
        """The log of the ledger."""
        return self.main.log


async def gathered(
    entry: Entry, case: Case
) -> tuple[dossier.Contents, list[tuple[VerifierKey, Sign]]]:
    """Return what the dossier of a case is made of, and the keys that state it.

    Raises `Behind` where the log is not that far, `Corrupt` where it does not prove out.
    """
    service, name = entry.service, entry.ledger.name
    sources = Sources(entry, service.publishers[name], service.publishers[f"{name}.open"])
    state = await sources.log.state()
    line = await sources.line.log.state()
    if state is None or line is None:
        raise Corrupt(f"{name} has no log")
    # What states the dossier stands under its checkpoints too, whoever has taken over since.
    steps = await sources.log.key_steps()
    # An SM2 key may just have been named by the command line, which is another process.
    by_sm2 = sm2_set((await entry.ledger.refresh()).events, name)
    least = max(
        case.position + 1,
        since(steps, state.keys[-1]),
        # From there on it bears a line by SM2, if one still signs.
        *(event.position + 1 for event in by_sm2),
    )
    signed = await _newest(sources, least)
    rows = await entry.ledger.store.of_stream(name, case.stream, upto_position=signed.size - 1)
    events = await _proved(sources.log, rows, signed)
    stored = [read_record(row.record) for row in rows]
    rules = await _proved(sources.log, await _rules(entry, stored, signed.size), signed)
    number = number_of(case, name)
    line_steps = await sources.line.log.key_steps()
    refused, under, more = await _refusals(sources, number, since(line_steps, line.keys[-1]))
    texts = [*state.keys, *(line.keys if under is not None else ())]
    known = policy_of(service.settings, name, tuple(texts))
    stamps = await sources.log.time_stamps(signed.size)
    page = await _page(entry, rows, signed, state.origin, stored, refused)
    contents = dossier.Contents(
        number=number,
        events=events,
        rules=rules,
        checkpoint=signed.note,
        policy=known.raw,
        page=page,
        refusals=refused,
        refused_under=under.note if under is not None else None,
        more_refused=more,
        stamps=[stamps[authority] for authority in sorted(stamps)],
        opening=await _opening(sources, signed),
        keys=steps + (line_steps if under is not None else b""),
        vkey=_vkey(signed, state.keys, [event.data["key"] for event in by_sm2]),
    )
    signers = keys(service.keys, name, state.keys)
    return contents, [(key.verifier, key.sign) for key in signers]


def _vkey(signed: SignedCheckpoint, keys: Iterable[str], by_sm2: Iterable[str]) -> bytes:
    """Return the keys of the log, where any of those by SM2 stands under the checkpoint."""
    there = {(line.name, line.key_id) for line in note.parse(signed.note).signatures}
    known = [Sm2Key.parse(text) for text in by_sm2]
    borne = [key.text for key in known if (key.name, key.key_id) in there]
    return "".join(f"{key}\n" for key in (*keys, *borne)).encode() if borne else b""


async def _newest(sources: Sources, least: int) -> SignedCheckpoint:
    """Wait for a checkpoint of a size; take the newest one that witnesses know of."""
    log = sources.log
    if not await sources.main.published(least, PATIENCE_S):
        raise Behind("no checkpoint covers the newest event of the case yet")
    newest = await _size(sources, log, "cosigned", least)
    found = await (log.newest() if newest is None else log.checkpoint(newest))
    if found is None or found.size < least:
        raise Behind("no checkpoint covers the newest event of the case yet")
    return found


async def _size(sources: Sources, log: Log, query: str, least: int) -> int | None:
    rows = await sources.store.fetch(QUERIES[query], log.name, least)
    return rows[0]["size"] if rows else None


async def _proved(
    log: Log, rows: Iterable[Row], under: SignedCheckpoint
) -> tuple[dossier.Proved, ...]:
    found = []
    for row in rows:
        proof = await log.proof_of(row, under)
        found.append(dossier.Proved(row.position, row.record, proof.raw))
    return tuple(found)


async def _rules(entry: Entry, stored: Sequence[Stored], size: int) -> list[Row]:
    """Read the history of each thing of the office that the case rests on, as far as it does."""
    needed, _ = dossier.relied_on(stored)
    rows = await entry.ledger.store.of_streams(entry.ledger.name, sorted(needed))
    return [row for row in rows if row.version <= needed[row.stream] and row.position < size]


async def _opening(sources: Sources, signed: SignedCheckpoint) -> tuple[dossier.Proved, ...]:
    """Read the first event of a ledger that follows one which was closed; of others nothing."""
    first = await sources.store.row(sources.entry.ledger.name, 0)
    if first is None or link_of(read_record(first.record)) is None:
        return ()
    return await _proved(sources.log, [first], signed)


async def _refusals(
    sources: Sources, number: str, key_since: int
) -> tuple[tuple[dossier.Proved, ...], SignedCheckpoint | None, bool]:
    """Read what was refused on a case, under the oldest checkpoint that covers all of it.

    Of the size `key_since` at least, where the line is that long: it bears the key that signs now.
    The open line grows with every reading, this one too: the newest checkpoint of it would
    make every dossier another one.  True at the end: there were more.
    """
    log = sources.line.log
    found = await _refused(sources.entry, number)
    positions, more = found[:MOST_REFUSALS], len(found) > MOST_REFUSALS
    if not positions:
        return (), None, False
    head = await sources.store.head(log.name)
    least = max(positions) + 1
    if head is not None and head.size >= key_since:
        least = max(least, key_since)
    if not await sources.line.published(least, PATIENCE_S):
        raise Behind("no checkpoint covers the newest refusal on the case yet")
    size = await _size(sources, log, "oldest_over", least)
    under = None if size is None else await log.checkpoint(size)
    if under is None:
        raise Behind("no checkpoint covers the newest refusal on the case yet")
    rows = [await sources.store.row(log.name, position) for position in positions]
    return await _proved(log, [row for row in rows if row is not None], under), under, more


async def _refused(entry: Entry, number: str) -> list[int]:
    """Find the positions, in the open line, of the first acts that were refused on a case.

    A reading that was refused left the case as it was, and is no evidence about it.
    """
    name = entry.ledger.name
    await entry.service.caught_up(name, -1)
    found: list[int] = []
    after = None
    while len(found) <= MOST_REFUSALS:
        page = await audit_trail.listed(
            entry.service.reads, name, "all", (("J", "", None),),
            {"case": number, "refused": "true"}, after, MOST_REFUSALS,
        )  # fmt: skip
        found += [one["position"] for one in page.items if not _reading(one["action"])]
        after = page.next
        if after is None:
            break
    return sorted(found)


def _reading(action: str | None) -> bool:
    return action is None or action.startswith("read-")


async def _page(
    entry: Entry,
    rows: Sequence[Row],
    signed: SignedCheckpoint,
    origin: str,
    stored: Sequence[Stored],
    refused: Sequence[dossier.Proved],
) -> bytes:
    """Make the page of the case as the ledger knew it at the newest event under the checkpoint."""
    ledger = entry.ledger
    newest = await ledger.store.row(ledger.name, signed.size - 1)
    if newest is None:
        raise Corrupt(f"position {signed.size - 1} of {ledger.name} is signed and not there")
    events = [records.decode(row) for row in rows]
    proof = dossier_page.Proof(
        origin=origin,
        size=signed.size,
        root=signed.root.hex(),
        simulated=ledger.office.simulated,
    )
    shown = dossier_page.Shown(
        events=events,
        leaves=[row.leaf for row in rows],
        documents=dossier.documents(stored),
        refusals=[one.record for one in refused],
        after=dossier.around_decision(stored)[1],
        proof=proof,
    )
    return dossier_page.page(entry, shown, newest.recorded_at)


def _file_name(number: str) -> str:
    """Return a number as the name of a file, whatever pattern numbers have here."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in number)
