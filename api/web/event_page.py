"""One event on a page of its own: in words, and with everything that proves it.

It is shown to whoever reads the history of its case, by the same function; its stored bytes go
to the same readers, for they hold no more: personal fields are encrypted in them.  The proof
itself is anybody's (`log_routes`); here it is told part by part, with what each part means.
Events of the office have the same page (`office_event`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from api.access import Entry, history_for, reading
from api.answers import shown_event
from api.feeding import policy_of
from api.replay import known_with
from api.routes import Route
from api.service import SERVICE
from api.settings import SETTINGS
from api.tokens import Caller
from api.web import sheet
from api.web.page import GUARDS, rendered
from api.web.signed_in import page, row
from api.web.texts import Texts
from api.web.within import entered, head
from ledger import dossier, records, stored
from ledger.case import Case, Data
from ledger.errors import Behind, Refused
from ledger.log import Signed
from ledger.office import Office
from ledger.signing import sm2_set
from ledger.state import number_of
from ledger.store import Row
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.cosignature import CosignerKey, cosigned_at
from ledger.tlog.note import Key, Signature, base64
from ledger.tlog.proof import Proof
from ledger.tlog.sm2 import Sm2Key

AT = "/cases/{ledger}/{case}/events/{position}"
BYTES = "application/octet-stream"
# What of the things an event relied on has a page in the office.
_OFFICE = {
    "item": "items",
    "calendar": "calendars",
    "policy": "policies",
    "appointment": "appointments",
    "seal": "seals",
    "anchored-log": "anchored-logs",
}


def table() -> tuple[Route, ...]:
    """List the routes of events."""
    summary = "An event of a case, and its proof"
    record_row = row("GET", f"{AT}/record", page(record), "The stored bytes of an event",
                     "read-history", (BYTES,))  # fmt: skip
    return row("GET", AT, page(event), summary, "read-history"), record_row


@dataclass(frozen=True, slots=True)
class Signer:
    """One line under a checkpoint: whose it is, as which kind, and when a witness saw it."""

    name: str
    kind: str
    key_id: str
    at: str


@dataclass(frozen=True, slots=True)
class Proved:
    """A proof in its parts, and as the browser checks it: bytes, policy, and the keys' steps."""

    proof: Proof
    checkpoint: Checkpoint
    signers: tuple[Signer, ...]
    record64: str
    proof64: str
    policy64: str
    keys64: str


async def event(request: web.Request, texts: Texts, caller: Caller) -> web.StreamResponse:
    """Show one event: who did what when and why, what it rests on, and its proof."""
    entry, case, rows, found = await _found(request, caller)
    texts = Texts(texts.language, entry.office.zone)
    history = [records.decode(one) for one in rows]
    act = history[found.version - 1]
    known, office, _ = known_with(entry, history[: found.version])
    number = number_of(case, entry.ledger.name)
    of = f"/cases/{entry.ledger.name}/{number}"
    step = texts("replay.step", n=found.version, last=case.version)
    crumbs = (
        (of, f"{texts('case.title')} {number}"),
        (f"{of}/replay/{found.version}", step),
    )
    return await told(
        request, texts, entry, found, shown_event(act, entry, known, found.leaf), office,
        Around(of, number, crumbs, dossier.CASE, _corrections(case, act.id, texts, entry)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Around:
    """What an event is of: the address and name of that, the way back, and its corrections.

    `kind` is the word before the position in the names of its files.
    """

    of: str
    name: str
    crumbs: tuple[tuple[str, str], ...]
    kind: str
    corrections: Sequence[Data] = ()


async def told(
    request: web.Request,
    texts: Texts,
    entry: Entry,
    found: Row,
    shown: Data,
    office: Office,
    around: Around,
) -> web.Response:
    """Show an event as it is answered, by the office of its own position, with its proof."""
    newest = await signed(request, entry)
    return rendered(
        request,
        "event.html",
        texts,
        script="proof.js",
        **head(entry, texts),
        around=around,
        row=sheet.history([shown], texts, office)[0],
        act=shown,
        delegator=sheet.person(shown["actor"]["delegator"], office),
        documents=_documents(found, texts),
        relied=list(_relied(shown, entry, texts)),
        proved=await proved(request, entry, found, newest, texts),
        file=dossier.event_name(around.kind, found.position),
        proof_file=dossier.event_name(around.kind, found.position, "tlog-proof"),
    )


async def record(request: web.Request, _: Texts, caller: Caller) -> web.StreamResponse:
    """Answer the stored bytes of an event, as they were hashed; named as in a dossier."""
    _entry, _case, _rows, found = await _found(request, caller)
    return as_file(found, dossier.CASE)


def as_file(found: Row, kind: str) -> web.Response:
    """Answer the stored bytes of an event as a file."""
    name = dossier.event_name(kind, found.position)
    return web.Response(
        body=found.record,
        content_type=BYTES,
        headers={
            **GUARDS,
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


async def _found(request: web.Request, caller: Caller) -> tuple[Entry, Case, Sequence[Row], Row]:
    """Return the event of that position if it is of this case, and the case open to the caller."""
    entry = await entered(request, caller)
    entry, case, rows = await history_for(entry, request.match_info["case"])
    reading(entry, "history", case)
    # A position has one spelling.
    text = request.match_info["position"]
    found = next((row for row in rows if str(row.position) == text), None)
    if found is None:
        raise Refused("not-found", "no such event of this case")
    return entry, case, rows, found


async def row_of(request: web.Request, entry: Entry) -> Row | None:
    """Return the event of the position in the path; None for what is none."""
    text = request.match_info["position"]
    # The longest position that the stored word can have, in its one spelling.
    digits = text.isascii() and text.isdigit() and len(text) < 17 and str(int(text)) == text
    return await entry.ledger.store.row(entry.ledger.name, int(text)) if digits else None


async def signed_size(request: web.Request, entry: Entry) -> int:
    """Return how many events a signed checkpoint covers: those below are published."""
    publisher = request.app[SERVICE].publishers.get(entry.ledger.name)
    state = None if publisher is None else await publisher.log.state()
    return 0 if state is None else state.signed_size


async def signed(request: web.Request, entry: Entry) -> Signed | None:
    """Return what is signed of the log, in one reading; None where there is no log."""
    publisher = request.app[SERVICE].publishers.get(entry.ledger.name)
    return None if publisher is None else await publisher.log.signed()


async def proved(
    request: web.Request, entry: Entry, found: Row, signed: Signed | None, texts: Texts
) -> Proved | None:
    """Return the proof of an event under the newest checkpoint; None before one covers it."""
    name = entry.ledger.name
    if signed is None or signed.newest is None:
        return None
    try:
        proof = await request.app[SERVICE].publishers[name].log.proof_of(found, signed.newest)
    except Behind:
        return None
    policy = policy_of(request.app[SETTINGS], name, signed.state.keys)
    by_sm2 = (Sm2Key.parse(e.data["key"]) for e in sm2_set(entry.ledger.office.events, name))
    keys: tuple[Key, ...] = (*policy.logs, *policy.witnesses.values(), *by_sm2)
    return Proved(
        proof,
        parse_checkpoint(proof.checkpoint.text),
        tuple(_signer(line, keys, texts) for line in proof.checkpoint.signatures),
        base64(found.record),
        base64(proof.raw),
        base64(policy.raw),
        base64(signed.key_steps),
    )


def _signer(line: Signature, keys: Iterable[Key], texts: Texts) -> Signer:
    """Say whose line it is, by the keys that the ledger's policy and its events name."""
    key_id = f"{line.key_id:08x}"
    key = next((k for k in keys if (k.name, k.key_id) == (line.name, line.key_id)), None)
    if isinstance(key, CosignerKey):
        at = sheet.second(cosigned_at(line.signature), texts)
        return Signer(line.name, "witness", key_id, at)
    if isinstance(key, Sm2Key):
        return Signer(line.name, "sm2", key_id, "")
    return Signer(line.name, "unknown" if key is None else "log", key_id, "")


def _corrections(case: Case, event_id: str, texts: Texts, entry: Entry) -> list[Data]:
    """Tell which corrections name this event: what they change, and whether they count."""
    where = {one.id: one.position for one in case.events}
    return [
        {
            "fields": [
                (texts.of("data", name), sheet.told(name, value, texts, entry.office))
                for name, value in (one.get("fields") or {}).items()
            ],
            "approved": one["approved"],
            "by": sheet.person(one["by"], entry.office),
            "position": where.get(one["id"]),
        }
        for one in case.corrections
        if one.get("event") == event_id
    ]


def _documents(found: Row, texts: Texts) -> list[Data]:
    """List the documents that an event names by their digests, whole."""
    named = dossier.documents([stored.read(found.record)])
    return [{**one, "as": [sheet.named(label, texts) for label in one["as"]]} for one in named]


def _relied(shown: Data, entry: Entry, texts: Texts) -> Iterable[tuple[str, str, int, str | None]]:
    """List what an event relied on: kind, name, version, and where the office shows it."""
    for stream, version in sorted(shown["relied_on"].items()):
        kind, _, name = stream.partition(":")
        things = _OFFICE.get(kind)
        plain = things is not None and name.replace("-", "").replace("_", "").isalnum()
        link = f"/office/{entry.ledger.name}/{things}/{name}" if plain else None
        yield kind, sheet.policy(name, texts) if kind == "policy" else name, version, link
