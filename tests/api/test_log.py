"""The log over HTTP: what anyone may fetch, what only some, and receipts with their proof."""

import pytest

from ledger.tlog import note
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import parse as parse_policy
from ledger.tlog.tile import ENTRIES, decode, decode_bundle, tiles
from ledger.tlog.verify import first_bad, verify_checkpoint, verify_proof
from tests.api.serving import application, serve

SINGLE = "/log/tile/0/000"


@pytest.fixture
async def served(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


@pytest.fixture(scope="module")
async def shared(lasting, tmp_path_factory):
    """One for all who add nothing to the log."""
    async for serving in serve(lasting, tmp_path_factory.mktemp("shared")):
        yield serving


async def published(served):
    """Wait until all that is recorded is covered by a checkpoint."""
    await served.service.ledger(served.ledger)
    head = await served.service.store.head(served.ledger)
    assert await served.service.publishers[served.ledger].published(head.size, 30)
    return head.size


async def fetched(served, path, by=None):
    answer = await served.get(path, by=by)
    assert answer.status == 200, (path, answer.body)
    return answer.raw


async def test_anyone_can_check_the_whole_log(served):
    await served.received("QH-002", "2026-03-02")
    size = await published(served)

    policy = parse_policy(await fetched(served, "/log/policy"))
    signed = await fetched(served, "/log/checkpoint")
    verified = verify_checkpoint(signed, policy)
    assert size <= verified.checkpoint.size
    size = verified.checkpoint.size
    copy = {}
    for level in (0, 1):
        for tile in tiles(size, level):
            copy[tile] = await fetched(served, f"/log/{tile.path}")
    entries = []
    for tile in tiles(size, ENTRIES):
        raw = await fetched(served, f"/log/{tile.path}", by="jiang-he")
        entries += decode_bundle(raw, tile.width)
    assert first_bad(verified.checkpoint, entries, copy.get) is None
    # Control: one byte of one entry, and it is named.
    entries[40] = entries[40].replace(b"2", b"3", 1)
    assert 40 == first_bad(verified.checkpoint, entries, copy.get).position


async def test_an_event_proves_itself(served):
    await served.received("QH-002", "2026-03-02")
    size = await published(served)
    policy = parse_policy(await fetched(served, "/log/policy"))

    raw = await fetched(served, f"/events/{size - 1}/proof")

    row = await served.service.store.row(served.ledger, size - 1)
    assert size <= verify_proof(raw, row.record, policy).checkpoint.size


async def test_a_receipt_comes_with_its_proof_where_that_is_asked_for(served):
    await served.at("2026-03-02 09:00")
    plain = await served.post("/cases", application("QH-002"), by="zhou-min", key="one")
    told = await served.post(
        "/cases", application("QH-002"), by="zhou-min", key="one",
        headers={"Prefer": "respond-async, wait=published"},
    )  # fmt: skip

    assert "published" not in plain.body
    assert "Preference-Applied" not in plain.headers
    assert "wait=published" == told.headers["Preference-Applied"]
    published = told.body.pop("published")
    assert told.body == plain.body
    assert [e["position"] for e in told.body["events"]] == [
        one["position"] for one in published["proofs"]
    ]
    policy = parse_policy(await fetched(served, "/log/policy"))
    for one in published["proofs"]:
        row = await served.service.store.row(served.ledger, one["position"])
        verified = verify_proof(one["proof"].encode(), row.record, policy)
        assert published["size"] == verified.checkpoint.size


async def test_tiles_are_kept_for_ever_and_all_else_never(shared):
    size = await published(shared)
    width = (await fetched(shared, "/log/checkpoint")).split(b"\n")[1].decode()

    for path in (f"{SINGLE}.p/{width}", f"{SINGLE}.p/1"):
        answer = await shared.get(f"{path}", by=None)
        assert "public, max-age=31536000, immutable" == answer.headers["Cache-Control"]
        assert int(path.rpartition("/")[2]) == len(decode(answer.raw, len(answer.raw) // 32))
    for path in ("/log/checkpoint", "/log/vkey", "/log/policy", f"/events/{size - 1}/proof"):
        assert "no-store" == (await shared.get(path, by=None)).headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        f"{SINGLE}",  # not yet full
        f"{SINGLE}.p/0",
        f"{SINGLE}.p/256",
        f"{SINGLE}.p/09",
        "/log/tile/00/000.p/1",
        "/log/tile/0/0.p/1",
        "/log/tile/0/x000/000.p/1",
        "/log/tile/8/000.p/1",
        "/log/tile/0/001.p/1",
        "/log/tile/0/000.p/1/",
        "/log/checkpoint/1",
        "/events/999999/proof",
        "/events/00/proof",
        "/events/-1/proof",
        "/events/x/proof",
    ],
)
async def test_what_is_not_there_is_not_found(shared, path):
    await published(shared)
    answer = await shared.get(path, by=None)
    assert (404, "not-found") == (answer.status, answer.slug)


async def test_a_parameter_is_refused_so_no_cache_can_mix_addresses_up(shared):
    await published(shared)
    for path in (f"{SINGLE}.p/1?size=3", "/log/checkpoint?x=1", "/events/0/proof?size=2"):
        assert 400 == (await shared.get(path, by=None)).status


async def test_there_is_no_log_of_a_ledger_that_is_not_there(shared):
    for name in ("469003", "469002.open", "..", "x" * 41):
        url = f"{shared.base}/v1/ledgers/{name}/log/checkpoint"
        assert 404 == (await shared.call("GET", url)).status


async def test_entries_go_to_those_who_may_read_every_case(shared):
    await published(shared)
    path = "/log/tile/entries/000.p/5"

    assert 401 == (await shared.get(path, by=None)).status
    assert 403 == (await shared.get(path, by="zhou-min")).status
    assert 403 == (await shared.get(path, by="chen-zhi")).status
    assert 200 == (await shared.get(path, by="jiang-he")).status


async def test_every_line_has_a_log_of_its_own_and_the_sealed_one_is_for_inspection(served):
    await served.received("QH-002", "2026-03-02")
    refused = await served.get("/findings", by="zhou-min")
    assert 403 == refused.status
    assert await served.service.publishers["469002.open"].published(1, 30)

    own = (await fetched(served, "/log/vkey")).decode()
    beside = (await fetched(served, "/open/log/vkey")).decode()
    assert own.partition("+")[0] + "/open" == beside.partition("+")[0]
    assert own.partition("+")[2] != beside.partition("+")[2]
    signed = note.parse(await fetched(served, "/open/log/checkpoint"))
    assert 1 <= parse_checkpoint(signed.text).size
    note.opened(signed, [VerifierKey.parse(beside.strip())])

    for path in ("/sealed/log/vkey", "/sealed/log/checkpoint", "/sealed/log/tile/0/000.p/1"):
        assert 401 == (await served.get(path, by=None)).status
        assert 403 == (await served.get(path, by="zhou-min")).status
    assert (await fetched(served, "/sealed/log/vkey", by="jiang-he")).startswith(
        own.partition("+")[0].encode() + b"/sealed+"
    )


async def test_the_first_events_name_the_keys(shared):
    rows = await shared.service.store.of_stream(shared.ledger, f"ledger:{shared.ledger}")
    keys = [row for row in rows if row.type == "log-key-set"]
    told = (await fetched(shared, "/log/vkey")).decode().strip()

    assert 3 == len(keys)
    assert told.encode() in keys[0].record
    assert told.partition("+")[0].endswith("/simulated")
