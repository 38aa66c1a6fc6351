"""The log of a county, registered in a ledger over HTTP and anchored there."""

from tests.ledger.anchoring import CONTENT, County

LOGS = "/anchored-logs"
ANCHORS = f"{LOGS}/wanning/anchors"


async def registered(here, content=CONTENT):
    """A log that one person proposed and another approved."""
    proposed = await here.post(LOGS, content, by="fang-ke")
    assert 201 == proposed.status, proposed.body
    done = await here.post(f"{LOGS}/{content['id']}/approve", by="qin-yu")
    assert 201 == done.status, done.body


async def put_on_record(here, *sizes):
    """A registered log, with anchors of these sizes."""
    await registered(here)
    county, old = County(), 0
    for size in sizes or (7,):
        done = await here.post(ANCHORS, county.body(size, old), by="guo-an")
        assert 201 == done.status, done.body
        old = size
