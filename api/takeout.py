"""Taking evidence out of a running service: the dossier of a case, and a copy of its log.

Documents lie with whoever keeps them, never in the ledger: they are packed into the dossier
here, if their bytes are what was recorded.
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import orjson

from api.copies import Address, Folder, Mirrored, mirrored
from api.operate import own_token
from api.remote import Remote, address
from api.settings import Settings
from ledger import archive, dossier
from ledger.archive import CHUNK, Archive, Source

Progress = Callable[[int, int], None]

# Where each log of a ledger is served.
LINES = {"ledger": "log", "open": "open/log", "sealed": "sealed/log"}


@dataclass(frozen=True, slots=True)
class Asking:
    """Which service is asked, and as whom: a token of ours for `by`, or one that was handed in."""

    settings: Settings
    url: str | None
    by: str
    token_file: Path | None = None

    @property
    def at(self) -> str:
        """Where the service runs."""
        return address(self.settings, self.url)

    @property
    def token(self) -> str:
        """The token to ask with."""
        if self.token_file is not None:
            return self.token_file.read_text("ascii").strip()
        return own_token(self.settings, self.by, self.by, "command-line", 1)


@dataclass(frozen=True, slots=True)
class Taken:
    """A dossier that was written: where, how many documents it has and which it lacks."""

    at: Path
    packed: int
    missing: tuple[str, ...]


async def dossier_of(
    asking: Asking,
    ledger: str,
    case: str,
    purpose: str | None,
    documents: Path | None,
    out: Path | None,
    progress: Progress,
) -> Taken:
    """Fetch the dossier of a case, pack what a folder has of its documents, write the file.

    Raises `Refused` where the service refuses, `OSError` where a file cannot be read or written.
    """
    headers = {"Accept": "application/zip"} | ({"Purpose": purpose} if purpose else {})
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        remote = Remote(session, asking.at, asking.token)
        path = f"/v1/ledgers/{ledger}/cases/{case}/dossier"
        async with remote.asked("GET", path, headers=headers) as answer:
            raw = await answer.read()
    at = out or Path(f"{case}.zip")
    files = archive.opened(io.BytesIO(raw))
    return _packed(files, documents, at, progress)


def _packed(files: Archive, documents: Path | None, at: Path, progress: Progress) -> Taken:
    """Write a dossier with the documents that a folder has; whole, or not at all."""
    told = orjson.loads(files.read(dossier.MANIFEST))
    named = [one["sha256"] for one in told["documents"]]
    found = _of_folder(documents, frozenset(named), progress) if documents is not None else {}
    sources: dict[str, Source] = {name: partial(files.pieces, name) for name in files.members}
    sources |= {f"document-{digest}": partial(_pieces, path) for digest, path in found.items()}
    new = at.with_name(at.name + ".new")
    # Nobody else is to read it: what is in it is for who asked.
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        archive.write(file, sources)
    new.replace(at)
    return Taken(at, len(found), tuple(digest for digest in named if digest not in found))


def _of_folder(folder: Path, wanted: frozenset[str], progress: Progress) -> dict[str, Path]:
    """Find documents in a folder by their digests, whatever they are called there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    found: dict[str, Path] = {}
    for no, path in enumerate(paths, start=1):
        digest = hashlib.sha256()
        for piece in _pieces(path):
            digest.update(piece)
        if digest.hexdigest() in wanted:
            found.setdefault(digest.hexdigest(), path)
        progress(no, len(paths))
    return found


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def log_of(asking: Asking, ledger: str, line: str, folder: Path, progress: Progress) -> Mirrored:
    """Bring a folder up to the newest checkpoint of a log, with entries where they are given."""
    url = f"{asking.at}/v1/ledgers/{ledger}/{LINES[line]}"
    with Address(url, asking.token) as source:
        return mirrored(source, Folder(folder), progress)
