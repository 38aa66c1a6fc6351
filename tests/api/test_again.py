"""The same request again, from anywhere: one act, and byte for byte the first answer."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from ledger.database import Role
from tests.api.serving import GRANT, LICENCE, application, opinion, serve, started
from tests.api.test_applicants import APPLICATION, Applicant

POLICY = {"kind": "reviews", "id": "reviews-other", "bad_review": 5}
POST = {"person": "new-one", "role": "clerk", "organ": "qh-xzsp", "from": "2026-01-01"}
TO = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}
# A life, and what else is set up meanwhile: who, where, what.
WALK = [
    ("zhou-min", "/cases", application("QH-002")),
    ("zhou-min", "{case}/accept", {"reason": "齐全"}),
    ("fang-ke", "/policies", POLICY),
    ("zhou-min", "{case}/transfer", TO),
    ("chen-zhi", "{case}/acknowledge-transfer", {}),
    ("wu-jun", "/policies/reviews-other/approve", {}),
    ("chen-zhi", "{case}/review", opinion("handle", "同意")),
    ("lin-bo", "{case}/review", opinion("check", "同意") | {"adopts": True}),
    ("huang-qiang", "{case}/reserve-number", {"kind": "licence"}),
    ("huang-qiang", "{case}/decide", GRANT),
    ("he-yan", "{case}/seal", {"seal": "QH-S1", "document": LICENCE}),
    ("wu-jun", "/seals", {"id": "QH-S9", "name": "x", "organ": "qh-xzsp", "media": ["paper"]}),
    ("fang-ke", "/appointments", POST),
    ("wu-jun", "/appointments/new-one-clerk/approve", {}),
    ("tang-li", "{case}/issue", {"document": LICENCE, "method": "window"}),
    ("tang-li", "{case}/push", {"to": "qh-wjw"}),
    ("mo-li", "{case}/claim", {}),
    ("fang-ke", "/appointments/new-one-clerk/end", {"reason": "调离"}),
    ("wu-jun", "/seals/QH-S9/destroy", {}),
    ("lu-qian", "{case}/evaluate", {"grade": 1, "channel": "12345", "call_reference": "1"}),
]


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        # It takes the ledger over when it is first asked for it.
        assert 200 == (await serving.get("/items")).status
        yield serving


@pytest.fixture
async def beside(database, here):
    """Starts another process of the same deployment: `await beside()`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start():
            epoch = await here.service.store.epoch(here.ledger)
            settings = replace(here.service.settings, epoch=epoch)
            return await stack.enter_async_context(started(settings, database))

        yield start


async def walked(serving, applicant):
    """Send everything; return the answers with what was asked for."""
    told = []
    case, version = "", 0
    for number, (by, path, body) in enumerate(WALK):
        sent = {} if version == 0 or "{case}" not in path else {"If-Match": f'"{version}"'}
        url = path.format(case=f"/cases/{case}")
        answer = await serving.post(url, body, by=by, key=f"k-{number}", headers=sent)
        told.append((url, answer))
        if "/cases" in url and answer.status == 201:
            case, version = answer.body["case"], answer.body["version"]
    told.append(("applicant", await applicant.post("/cases", APPLICATION, key="own")))
    return told


async def test_every_answer_is_the_same_bytes_from_another_process_and_after_a_restart(
    here, beside
):
    await here.at("2026-03-02 09:00")
    applicant = Applicant(here)
    first = await walked(here, applicant)
    assert [] == [(path, a.body) for path, a in first if a.status != 201]
    await here.at("2026-03-04 09:00")
    # One that has been running all the time, and one that starts now.
    size = (await here.service.store.head(here.ledger)).size

    for serving in (here, await beside(), await beside()):
        applicant.here = serving
        again = await walked(serving, applicant)
        for (path, one), (_, other) in zip(first, again, strict=True):
            assert (201, one.raw) == (other.status, other.raw), path
            assert "true" == other.headers["Idempotency-Replayed"], path
            for name in ("ETag", "Ledger-Position", "Location", "Content-Type"):
                assert one.headers.get(name) == other.headers.get(name), (path, name)

    assert size == (await here.service.store.head(here.ledger)).size


async def test_twins_sent_to_two_processes_at_once_are_one_act(here, beside):
    other = await beside()
    body = application("QH-002")

    answers = await asyncio.gather(
        *(s.post("/cases", body, by="zhou-min", key="twin") for s in [here, other] * 5)
    )

    assert {201} == {a.status for a in answers}
    assert 1 == len({a.raw for a in answers})
    assert [None] == [
        a.headers.get("Idempotency-Replayed")
        for a in answers
        if "Idempotency-Replayed" not in a.headers
    ]


async def test_of_two_acts_on_one_version_one_succeeds(here, beside):
    other = await beside()
    case = await here.received("QH-002", "2026-03-02")
    reasons = {"kind": "not-needed", "reasons": "x"}

    answers = await asyncio.gather(
        *(
            serving.act(case, action, body, by="zhou-min", version=1)
            for serving in (here, other) * 3
            for action, body in (("accept", {}), ("decline", reasons))
        )
    )

    won = [a for a in answers if a.status == 201]
    lost = [(a.status, a.slug, a.body["current_version"]) for a in answers if a.status != 201]
    assert (1, [(412, "version-conflict", 2)] * 11) == (len(won), lost)


# -- a ledger that cannot be written to ------------------------------------------------------


async def test_while_somebody_holds_the_head_acts_are_busy_and_readings_go_on(here, connect):
    case = await here.received("QH-002", "2026-03-02")
    other = await connect()
    async with other.transaction():
        await other.execute("SELECT FROM ledger.head WHERE ledger = $1 FOR UPDATE", here.ledger)

        acts = asyncio.gather(
            here.act(case, "accept", by="zhou-min", key="k"),
            here.post("/cases", application("QH-002"), by="fu-hailing", key="k"),
        )
        for path in ("/cases", f"/cases/{case}", f"/cases/{case}/events", "/items", "/alerts"):
            assert 200 == (await here.get(path, by="jiang-he")).status, path
        for answer in await acts:
            assert (503, "busy") == (answer.status, answer.slug)
            assert int(answer.headers["Retry-After"]) > 0

    answer = await here.act(case, "accept", by="zhou-min", key="k")
    assert (201, None) == (answer.status, answer.headers.get("Idempotency-Replayed"))


# -- an answer that is lost between us and PostgreSQL ---------------------------------------------


@pytest.fixture
async def apart(database, gate, tmp_path):
    """A service of which only the views, and what else needs no append, go past the gate."""
    how = database.as_role(Role.PROJECT)
    url = f"postgresql://{how['user']}:{how['password']}@/{how['database']}?host={how['host']}"
    reach = {**database.reach, "host": str(gate.folder)}
    behind = replace(database, reach=reach, given={Role.PROJECT: url})
    async for serving in serve(behind, tmp_path, start="2026-03-02"):
        yield serving


@pytest.mark.parametrize("lost", ["answer", "question"])
async def test_what_became_of_an_act_is_found_out_by_its_key(apart, gate, lost, connect):
    case = await apart.received("QH-002", "2026-03-02")
    writer = apart.service.store.writer(apart.ledger)
    sent = writer._sent

    async def losing(*arguments):
        gate.lose = lost
        return await sent(*arguments)

    writer._sent = losing
    answer = await apart.act(case, "accept", by="zhou-min", key="k")
    writer._sent = sent

    assert gate.lost.is_set()
    again = await apart.act(case, "accept", by="zhou-min", key="k", version=1)
    assert 201 == again.status
    if again.headers.get("Idempotency-Replayed") == "true":
        # Stored, looked up, and acknowledged; nobody notices.
        assert (201, again.raw) == (answer.status, answer.raw), answer.body
    else:
        # Also where the gate took the answer to another question away, and cut this one off.
        assert (503, "store-unavailable") == (answer.status, answer.slug)
        assert "1" == answer.headers["Retry-After"]
    history = (await apart.get(f"/cases/{case}/events")).body["items"]
    assert ["received", "accepted"] == [event["type"] for event in history]
