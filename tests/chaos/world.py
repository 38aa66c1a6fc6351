"""A ledger with everything in it that can be tampered with, and ways to do so unseen by triggers.

Mutations are made in a transaction of the superuser and rolled back: fsck looks from within it.
"""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import cycle
from unittest.mock import patch

import asyncpg

import migrations
from api.settings import Settings
from api.setup import initialise
from ledger.database import Role
from ledger.fsck import Asked, Fsck, Report, strangers
from ledger.queries import load
from ledger.store import companions
from ledger.tlog import note
from ledger.tlog.cosignature import cosign
from ledger.tlog.policy import Policy
from tests.api.serving import ZONE, application, sha, started
from tests.ledger.tlog.keys import INSPECTION, SUPERVISION, signer

LEDGER = "469002"
START = datetime(2026, 1, 5, 9, tzinfo=ZONE)
POLICY = Policy((), {"supervision": SUPERVISION, "inspection": INSPECTION}, {}, "none")
EVIDENCE = (
    "checkpoint", "clock", "cosignature", "event", "head", "idempotency", "log", "migration",
    "register", "stream", "tile", "time_stamp",
)  # fmt: skip
SQL = load(__import__("pathlib").Path(__file__).with_name("world.sql"))
# How many events a range has, in turns.
FEW = cycle((1, 7, 50, 256))


def token(text):
    """A stand-in for what an authority answers: it is over the text of the checkpoint."""
    return b"stamp:" + sha256(text.encode()).digest()


def stamped(text, raw):
    return None if raw == token(text) else "not over this checkpoint"


@dataclass
class World:
    creator: asyncpg.Connection = field(repr=False)
    home: object
    checkpoints: dict
    size: int

    def asked(self, **more):
        return Asked(**{"policy": POLICY, "stamped": stamped, "outside": self.outside()} | more)

    def outside(self):
        path = self.home / "checkpoints" / f"{LEDGER}.checkpoint"
        return {"the file outside": path.read_bytes()}

    async def fsck(self, fsck=Fsck, **more) -> list[Report]:
        """Check the ledger and its companions as they are in this transaction.

        By ranges of a few events it finds what it finds at once.
        """
        async with self.creator.transaction():
            reports = [await fsck(self.creator, LEDGER, self.asked(**more)).run()]
            if not more:
                with patch("ledger.fsck_ranges.RANGE", next(FEW)):
                    again = await fsck(self.creator, LEDGER, self.asked()).run()
                # Of two events at one place it is the database that says which comes first.
                if "twice" not in {bad.kind for bad in again.bad}:
                    assert reports == [again]
            for name in companions(LEDGER):
                asked = Asked(policy=POLICY, stamped=stamped)
                reports.append(await fsck(self.creator, name, asked).run())
            applied = [(m.number, m.name, m.sha256) for m in migrations.migrations()]
            loose = await strangers(self.creator, applied)
        return [*reports, Report("", 0, b"", loose)]

    async def found(self, fsck=Fsck, **more):
        """All that is wrong, by kind; several sequences may say the same kind."""
        return [bad for report in await self.fsck(fsck, **more) for bad in report.bad]

    @asynccontextmanager
    async def tampering(self):
        """A transaction in which nothing of ours stands in the way; it is rolled back."""
        change = self.creator.transaction()
        await change.start()
        try:
            await self.creator.execute(SQL["asleep"])
            await self.creator.execute(SQL["without_constraints"])
            yield self.creator
        finally:
            await change.rollback()


async def made(database, home):
    """Fill a database: set-up, cases, refusals, checkpoints with what others signed."""
    creator = await asyncpg.connect(**database.as_creator())
    await initialise(database, creator, home / "keys", LEDGER, simulated=START)
    async with started(Settings(home=home, rate_person=0, rate_client=0), database) as serving:
        case = await serving.received("QH-002", "2026-03-02")
        await serving.act(case, "accept", by="zhou-min")
        await serving.act(case, "seal", by="huang-qiang", version=1)  # refused: on record
        await signed(serving)
        for n in range(3):
            body = application("QH-002")
            body["materials"][0]["sha256"] = sha(f"form {n}")
            waiting = [
                serving.post("/cases", body, by="zhou-min", key=f"many-{n}-{k}") for k in range(80)
            ]
            assert {201} == {answer.status for answer in await asyncio.gather(*waiting)}
            await signed(serving)
        size = await signed(serving)
        log = serving.service.publishers[LEDGER].log
        checkpoints = await cosigned(creator, log)
    assert Role.VERIFY
    return World(creator, home, checkpoints, size)


async def signed(serving):
    for name in (LEDGER, *companions(LEDGER)):
        head = await serving.service.store.head(name)
        if head.size:
            assert await serving.service.publishers[name].published(head.size, 60)
    return (await serving.service.store.head(LEDGER)).size


async def cosigned(creator, log):
    """Put two witnesses' lines and a time stamp under each checkpoint."""
    kept = {}
    for row in await creator.fetch(SQL["checkpoints"], LEDGER):
        text = note.parse(bytes(row["note"])).text
        at = int((START + timedelta(minutes=row["size"])).timestamp())
        for key, seed in ((SUPERVISION, "supervision"), (INSPECTION, "inspection")):
            line = cosign(text, key, at, signer(seed)).line
            assert await log.keep_cosignature(row["size"], key.name, line, at)
        assert await log.keep_time_stamp(row["size"], "tsa.example", token(text))
        kept[row["size"]] = bytes(row["note"])
    return kept
