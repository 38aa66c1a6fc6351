"""T-COVERT: what inspection reads leaves nothing that the bureau can see (SECURITY 3.6).

What remains is said in the README: who administers the database sees that the sealed line grows.
"""

import re

import pytest

from tests.api.serving import serve

# What tells when it was asked, and by which request: it differs between any two answers.
OF_THE_MOMENT = {"date", "x-request-id"}
AS_OF = re.compile(rb'"as_of":"[^"]*"')
BUREAU = (
    ("chen-zhi", "/cases?count=exact"),
    ("chen-zhi", "/cases/{case}"),
    ("chen-zhi", "/cases/{case}/events"),
    ("wu-jun", "/alerts"),
    ("wu-jun", "/audit/all?count=exact"),
    ("wu-jun", "/appointments"),
    ("wu-jun", "/seals/QH-S1/register"),
    (None, "/log/checkpoint"),
    (None, "/log/vkey"),
    (None, "/log/policy"),
)


@pytest.fixture
async def here(database, tmp_path, monkeypatch):
    async for serving in serve(database, tmp_path):
        await serving.service.ledger(serving.ledger)

        async def nothing(_ledger):
            """Leave what the law does to those who read: else the service is faster, or not."""

        monkeypatch.setattr(serving.service, "_settle", nothing)
        yield serving


async def surface(here, case):
    """Everything of these paths as the bureau sees it, byte for byte, with its headers."""
    head = await here.service.store.head(here.ledger)
    assert await here.service.publishers[here.ledger].published(head.size, 30)
    await here.service.caught_up(here.ledger, head.size - 1)
    seen = {}
    for by, path in BUREAU:
        answer = await here.get(path.replace("{case}", case), by=by)
        assert 200 == answer.status, (path, answer.body)
        headers = {k: v for k, v in answer.headers.items() if k.lower() not in OF_THE_MOMENT}
        seen[path] = (AS_OF.sub(b"", answer.raw), headers)
    ready = await here.get(f"{here.base}/readyz", by=None)
    assert b".sealed" not in ready.raw
    # Its own readings move the view of the open line, and so would nobody else's.
    views = ready.body["ledgers"][here.ledger]["views"]
    own = [view for view in views if view["sequence"] == here.ledger]
    return seen | {"/readyz": own, "size": head.size}


async def read_by(here, case, person):
    for n in range(100):
        path = ("/cases", f"/cases/{case}", f"/cases/{case}/events", "/audit/all")[n % 4]
        headers = {"Purpose": "inspection; JW-2026-001"}
        answer = await here.get(path, by=person, headers=headers)
        assert 200 == answer.status, (path, answer.body)


async def due_by_law(here):
    """A case that the law has accepted, which nobody has recorded yet, and what is seen of others.

    Nobody of the bureau reads it before: whoever does records what the law did.
    """
    other = await here.received("QH-002", "2026-03-02")
    await here.done(other, "accept", by="zhou-min")
    case = await here.received("QH-002", "2026-03-02 11:00")
    await here.at("2026-03-20 09:00")
    return case, other


async def test_a_hundred_readings_of_an_inspector_change_nothing_that_the_bureau_sees(here):
    case, other = await due_by_law(here)
    before = await surface(here, other)
    sealed = (await here.service.store.head(f"{here.ledger}.sealed")).size

    await read_by(here, case, "jiang-he")

    after = await surface(here, other)
    assert [] == [path for path in before if before[path] != after[path]]
    # They were recorded all the same, where inspection alone reads them.
    assert sealed + 100 == (await here.service.store.head(f"{here.ledger}.sealed")).size
    log = await here.get("/access-log", by="qin-yu")
    assert 200 == log.status
    assert b"jiang-he" not in log.raw


async def test_control_readings_of_the_bureau_are_seen(here):
    case, other = await due_by_law(here)
    before = await surface(here, other)

    await read_by(here, case, "wu-jun")

    after = await surface(here, other)
    assert before["size"] < after["size"]  # what the law did was put on record
    assert before["/log/checkpoint"] != after["/log/checkpoint"]
    assert b"wu-jun" in (await here.get("/access-log", by="qin-yu")).raw
