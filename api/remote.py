"""What the command line asks of a running service: bringing files in, taking lists out.

It speaks to the interface as any other system would, with tokens of the local issuer; the
rules are those of the interface, and so are the refusals.
"""

import asyncio
import hashlib
import io
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import click
import orjson

from api import logged
from api.operate import Say, own_token
from api.settings import Settings
from ledger.errors import Refused, Unavailable

LOOK_S = 0.3
CHUNK = 1 << 16

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a file: the report of the service, and whether all of it came in."""

    report: Told

    @property
    def clean(self) -> bool:
        """Whether no row was set aside."""
        return int(self.report["quarantined"]) == 0

    def text(self) -> str:
        """Write the report as lines."""
        told = self.report
        lines = [
            f"import {told['id']}: {told['state']}",
            f"  rows         {told['rows']}",
            f"  taken in     {told['recorded']}",
            f"  ready        {told['ready']}",
            f"  set aside    {told['quarantined']}",
        ]
        lines += [f"    {code}: {rows}" for code, rows in told["codes"].items()]
        lines += [
            f"    row {row['row']}: {row['code']} {row['why'] or ''}".rstrip()
            for row in told["problems"][:20]
        ]
        return "\n".join(lines)


class Remote:
    """A running service as one person sees it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        """Bind the parts."""
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    @asynccontextmanager
    async def asked(
        self,
        method: str,
        path: str,
        **more: Any,  # noqa: ANN401 aiohttp's own
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; a refusal is raised with what the service said."""
        headers = {**self._headers, **more.pop("headers", {})}
        try:
            async with self._session.request(
                method, self._url + path, headers=headers, **more
            ) as answer:
                if answer.status >= 400:
                    problem = orjson.loads(await answer.read() or b"{}")
                    told = f"{problem.get('title', answer.reason)}: {problem.get('detail', '')}"
                    raise Refused(str(problem.get("type", "")).rpartition("/")[2], told)
                yield answer
        except aiohttp.ClientConnectionError as error:
            why = f"no service answers at {self._url}: start one with `caseledger serve`"
            raise Unavailable("store-unavailable", why) from error

    async def told(self, method: str, path: str, **more: Any) -> Told:  # noqa: ANN401
        """Send a request and return the JSON of its answer."""
        async with self.asked(method, path, **more) as answer:
            found: Told = orjson.loads(await answer.read())
            return found


def address(settings: Settings, url: str | None) -> str:
    """Return where the service runs."""
    return (url or f"http://{settings.host}:{settings.port}").rstrip("/")


async def imported(
    settings: Settings,
    file: Path,
    ledger: str,
    mapping: Path | None,
    url: str | None,
    by: str,
    commit_by: str | None,
    say: Say,
) -> Done:
    """Upload a file and, if somebody commits it, wait until its rows are taken in."""
    base = f"/v1/ledgers/{ledger}/imports"
    # The same file under the same mapping is the same import, however often it is sent.
    sent = await asyncio.to_thread(logged.read, file, mapping)
    digest = hashlib.sha256(sent.mapping + b"\0" + sent.content).hexdigest()
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        uploader = Remote(session, address(settings, url), _token(settings, by))
        query = "" if commit_by else "?dry_run=true"
        say(f"uploading {file.name}")
        form = aiohttp.FormData()
        rules = io.BytesIO(sent.mapping)
        form.add_field("mapping", rules, content_type="application/json", filename="mapping.json")
        content = io.BytesIO(sent.content)
        form.add_field("file", content, content_type=sent.media, filename=sent.name)
        report = await uploader.told(
            "POST", base + query, data=form, headers={"Idempotency-Key": f"upload-{digest}"}
        )
        if commit_by is None:
            return Done(report)
        head = Remote(session, address(settings, url), _token(settings, commit_by))
        await head.told(
            "POST",
            f"{base}/{report['id']}/commit",
            json={},
            headers={"Idempotency-Key": f"commit-{digest}"},
        )
        return Done(await _taken(uploader, f"{base}/{report['id']}", int(report["rows"])))


async def _taken(remote: Remote, path: str, rows: int) -> Told:
    with click.progressbar(length=rows, label="taking in", file=sys.stderr) as bar:
        while True:
            report = await remote.told("GET", path)
            bar.update(int(report["recorded"]) + int(report["quarantined"]) - bar.pos)
            if report["done_at"] is not None:
                return report
            await asyncio.sleep(LOOK_S)


async def exported(
    url: str,
    token: str,
    ledger: str,
    form: str,
    events: bool,  # noqa: FBT001
    after: int,
    out: BinaryIO,
) -> int:
    """Write a list or the feed to a file as it comes; return how many bytes that were."""
    base = f"/v1/ledgers/{ledger}"
    behind = f"?after={after}" if after >= 0 else ""
    path = f"{base}/events{behind}" if events else f"{base}/export/{form}"
    accept = "application/x-ndjson" if form == "ndjson" else "text/csv"
    count = 0
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        remote = Remote(session, url, token)
        async with remote.asked("GET", path, headers={"Accept": accept}) as answer:
            async for piece in answer.content.iter_chunked(CHUNK):
                out.write(piece)
                count += len(piece)
    out.flush()
    return count


def _token(settings: Settings, person: str) -> str:
    return own_token(settings, person, person, "command-line", 1)
