"""Anchoring over HTTP: registering by two persons, anchors, what is refused, what is evidence."""

import asyncio

import pytest

from ledger.tlog import note
from tests.api.anchored import ANCHORS, LOGS, put_on_record, registered
from tests.api.serving import serve
from tests.ledger.anchoring import CONTENT, KEY, ORIGIN, County
from tests.ledger.test_anchor import OTHER

TRUE = County()


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path, start="2026-03-02"):
        yield one


async def test_two_persons_register_a_log(here):
    proposed = await here.post(LOGS, CONTENT, by="fang-ke")
    assert (201, "proposed") == (proposed.status, proposed.body["state"])
    waiting = await here.post(ANCHORS, TRUE.body(7), by="guo-an")
    assert (409, "rule-refused", "anchor.approved") == waiting.refusal
    assert "waiting" == (await here.get("/anchors")).body["items"][0]["state"]

    # Not by who proposes such things, whoever it was.
    own = await here.post(f"{LOGS}/wanning/approve", by="fang-ke")
    assert (403, "action-not-allowed", None) == own.refusal
    done = await here.post(f"{LOGS}/wanning/approve", by="yan-qing")

    assert (201, "approved") == (done.status, done.body["state"])
    shown = (await here.get(f"{LOGS}/wanning")).body
    assert ("in-force", CONTENT) == (shown["state"], shown["content"])


async def test_another_key_comes_in_by_two_persons_and_counts_from_then_on(here):
    await put_on_record(here, 7)
    next_key = County(seed="next")
    refused = await here.post(ANCHORS, next_key.body(20, 7), by="guo-an")
    assert (422, "anchor-unproven", "anchor.signature") == refused.refusal

    await registered(here, CONTENT | {"keys": [KEY.text, OTHER.text]})

    assert 201 == (await here.post(ANCHORS, next_key.body(20, 7), by="guo-an")).status


async def test_an_id_stays_with_its_log_and_a_log_with_its_id(here):
    await registered(here)

    again = await here.post(LOGS, CONTENT | {"id": "other"}, by="fang-ke")

    assert (409, "rule-refused", "anchor.origin") == again.refusal


async def test_two_registrations_of_one_log_are_not_both_approved(here):
    for name in ("wanning", "other"):
        assert 201 == (await here.post(LOGS, CONTENT | {"id": name}, by="fang-ke")).status

    answers = await asyncio.gather(
        *(here.post(f"{LOGS}/{name}/approve", by="qin-yu") for name in ("wanning", "other"))
    )

    assert [201, 409] == sorted(answer.status for answer in answers)


async def test_anchors_are_listed_with_their_notes_and_how_far_each_log_is(here):
    await put_on_record(here, 7, 9, 20)

    first = (await here.get(f"{ANCHORS}?limit=2")).body
    rest = (await here.get(f"{ANCHORS}?limit=2&after={first['next']}")).body

    rows = first["items"] + rest["items"]
    assert ([7, 9, 20], None) == ([row["data"]["size"] for row in rows], rest["next"])
    assert TRUE.note(9) == rows[1]["data"]["note"].encode()
    assert rows[1] == (await here.get(f"{ANCHORS}/2")).body
    for name in ("0", "4", "x", "02", "9" * 12):
        assert (404, "not-found", None) == (await here.get(f"{ANCHORS}/{name}")).refusal
    (log,) = (await here.get("/anchors?count=exact")).body["items"]
    assert (ORIGIN, "anchored", 20, TRUE.root(20).hex(), rows[2]["position"], None) == tuple(
        log[name] for name in ("origin", "state", "size", "root", "position", "conflict")
    )


async def test_a_fork_is_refused_and_kept_with_both_notes_and_told_again(here):
    await put_on_record(here, 7)
    forged = County(altered=2)

    answer = await here.post(ANCHORS, forged.body(20, 7), by="guo-an", key="once")

    assert (409, "anchor-conflict", "anchor.conflict") == answer.refusal
    kept = (await here.get(f"{ANCHORS}/2")).body
    assert ("anchor-conflict", answer.body["earlier_position"]) == (kept["type"], kept["position"])
    assert [TRUE.note(7), forged.note(20)] == [
        one["note"].encode() for one in (kept["data"], kept["data"]["other"])
    ]
    # The same request, and the same checkpoint anew, add nothing.
    again = await here.post(ANCHORS, forged.body(20, 7), by="guo-an", key="once")
    anew = await here.post(ANCHORS, forged.body(19, 7), by="guo-an")
    assert [answer.refusal] * 2 == [again.refusal, anew.refusal]
    assert kept["position"] == again.body["earlier_position"] == anew.body["earlier_position"]
    (log,) = (await here.get("/anchors")).body["items"]
    assert ("conflict", 7, 2) == (log["state"], log["size"], log["conflict"])
    # Refusals of the rules are on record as such, too.
    audit = await here.get("/audit/administration?refused=true", by="qin-yu")
    assert "anchor.conflict" in [row["rule"] for row in audit.body["items"]]


async def test_the_acts_stand_in_the_audit_trail_of_administration(here):
    await put_on_record(here, 7)

    rows = (await here.get("/audit/administration?limit=500", by="qin-yu")).body["items"]

    assert {"anchored-log-proposed", "anchored-log-approved", "anchored"} <= {
        row["action"] for row in rows
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"path": ["AAAA"]}, (422, "schema", None)),
        ({"path": ["?"]}, (422, "schema", None)),
        ({"root": "AAAA"}, (422, "schema", None)),
        ({"note": "x"}, (422, "schema", None)),
        ({"size": 9}, (409, "basis-moved", None)),
        ({"note": TRUE.note(5).decode()}, (409, "anchor-shrunk", "anchor.shrunk")),
        ({"note": TRUE.note(7).decode()}, (409, "already-done", "anchor.grown")),
        ({"path": []}, (422, "anchor-unproven", "anchor.consistency")),
        ({}, None),
    ],
)
async def test_what_proves_nothing_is_refused(here, change, told):
    await put_on_record(here, 7)

    answer = await here.post(ANCHORS, TRUE.body(20, 7) | change, by="guo-an")

    assert told == (answer.refusal if told else None)
    assert told is not None or 201 == answer.status


async def test_of_two_that_come_at_once_one_is_told_that_it_rests_on_an_older_one(here):
    await put_on_record(here, 7)

    answers = await asyncio.gather(
        *(here.post(ANCHORS, TRUE.body(size, 7), by="guo-an") for size in (9, 12, 20))
    )

    told = sorted(a.status for a in answers)
    assert 201 == told[0]
    assert {"basis-moved", "anchor-shrunk"} >= {a.slug for a in answers if a.status != 201}
    rows = (await here.get(ANCHORS)).body["items"]
    assert list(range(1, len(rows) + 1)) == [row["version"] for row in rows]
    for row in rows[1:]:
        assert row["data"]["before"]["size"] in [r["data"]["size"] for r in rows]


async def test_who_only_reads_anchors_nothing(here):
    await registered(here)

    assert (403, "action-not-allowed", None) == (
        await here.post(ANCHORS, TRUE.body(7), by="chen-zhi")
    ).refusal


async def test_a_proof_of_many_hashes_is_a_list_of_texts(here):
    await registered(here)
    body = TRUE.body(7) | {"path": [note.base64(bytes(32))] * 201}

    assert (422, "too-many-items", None) == (await here.post(ANCHORS, body, by="guo-an")).refusal
