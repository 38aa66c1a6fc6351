"""Stamping the log: the newest checkpoint of a ledger goes to a time-stamping authority (RFC 3161).

Beside the publisher and never before it: an authority that is away costs nothing but its stamp.
What it answers is kept byte for byte once it verifies.  The access log's lines are not stamped: an
authority would learn how they grow.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from secrets import randbits
from urllib.parse import urlsplit

import aiohttp
import structlog
from cryptography import x509

from api.settings import Settings
from ledger.errors import Corrupt, LedgerError
from ledger.log import Log, SignedCheckpoint
from ledger.time_stamp import MAX_ANSWER, BadStamp, request, trusted, verified
from ledger.tlog import note

log = structlog.get_logger()

QUERY = "application/timestamp-query"
REPLY = "application/timestamp-reply"
TIMEOUT_S = 20.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0


@dataclass(slots=True)
class Stamper:
    """Lets one authority stamp the newest checkpoint of one log, at most once an interval."""

    log: Log
    url: str
    roots: tuple[x509.Certificate, ...]
    interval_s: float
    kept: int = 0
    failed: int = 0
    # The size of the newest checkpoint that was stamped, and when, as the authority says.
    last: tuple[int, str] | None = None
    _newest: SignedCheckpoint | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def authority(self) -> str:
        """What the authority is called where its answers are kept."""
        return urlsplit(self.url).netloc

    def heard(self, signed: SignedCheckpoint) -> None:
        """Take the newest checkpoint."""
        self._newest = signed
        self._woken.set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Stamp for ever; what fails is tried again after growing pauses."""
        pause_s = FIRST_PAUSE_S
        with suppress(LedgerError):
            self._newest = await self.log.newest()
        while True:
            if self._newest is None:
                await self._woken.wait()
            self._woken.clear()
            signed, self._newest = self._newest, None
            assert signed is not None
            try:
                await self.stamp(session, signed)
            except (LedgerError, BadStamp, aiohttp.ClientError, OSError, TimeoutError) as error:
                self.failed += 1
                log.warning("not stamped", why=type(error).__name__, size=signed.size)
                self._again(signed)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            pause_s = FIRST_PAUSE_S
            await asyncio.sleep(self.interval_s)

    def _again(self, signed: SignedCheckpoint) -> None:
        """Take one that failed once more, unless a newer one has come meanwhile."""
        if self._newest is None:
            self._newest = signed

    async def stamp(self, session: aiohttp.ClientSession, signed: SignedCheckpoint) -> None:
        """Let the authority stamp a checkpoint, verify what it answers, and keep it.

        Raises `BadStamp` for an answer that does not hold or is to another request.
        """
        text, nonce = note.parse(signed.note).text, randbits(63)
        headers = {"Content-Type": QUERY, "Accept": REPLY}
        body = request(text, nonce)
        async with session.post(
            self.url, data=body, headers=headers, allow_redirects=False
        ) as response:
            answer = await response.content.read(MAX_ANSWER + 1)
            while not response.content.at_eof() and len(answer) <= MAX_ANSWER:
                answer += await response.content.read(MAX_ANSWER + 1)
            if response.status != 200:
                raise BadStamp(f"the authority answers {response.status}")
        stamp = verified(text, answer, self.roots)
        if stamp.nonce != nonce:
            raise BadStamp("an answer to another request")
        await self.log.keep_time_stamp(signed.size, self.authority, answer)
        self.kept += 1
        self.last = (signed.size, stamp.at.isoformat())
        log.debug("stamped", size=signed.size)


def stamper_of(settings: Settings, of: Log) -> Stamper | None:
    """Return what stamps the log of a ledger, None where no authority is set or it is a line.

    Raises `Corrupt` where an authority is set and no certificate of it can be read, or its address
    has a password: what it is called is kept for ever.
    """
    if settings.tsa is None or "." in of.name:
        return None
    if "@" in urlsplit(settings.tsa).netloc:
        raise Corrupt("CASELEDGER_TSA: an address without user and password is wanted")
    try:
        pem = settings.tsa_certificates.read_bytes() if settings.tsa_certificates else b""
        roots = trusted(pem)
    except (OSError, BadStamp) as error:
        raise Corrupt(f"CASELEDGER_TSA_CERTIFICATES: {error}") from error
    return Stamper(of, settings.tsa, roots, settings.tsa_interval_s)


@asynccontextmanager
async def stamping(
    stamper: Stamper, listen: Callable[[Callable[[SignedCheckpoint], None]], None]
) -> AsyncIterator[None]:
    """Let a stamper run while the block does."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        listen(stamper.heard)
        task = asyncio.create_task(stamper.run(session))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
