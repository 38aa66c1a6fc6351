"""Personal data: shown in clear for a purpose, kept for storage only, held, forgotten by two."""

import pytest

from ledger.keyring import Keyring
from ledger.ledger import Ledger
from tests.api.serving import application, serve

PURPOSE = {"Purpose": "handle; 469002-2026-000001"}
NAME = "applicant.name"
CLEAR = "海南示例餐饮有限公司"
REVEAL = f"reveal={NAME},applicant.id"
BASIS = {"legal_basis": "个人信息保护法第四十七条", "retention": "privacy-default"}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


@pytest.fixture(scope="module")
async def shared(lasting, tmp_path_factory):
    """One with a case in review, for all who only look at it."""
    async for serving in serve(lasting, tmp_path_factory.mktemp("shared")):
        serving.case = await in_review(serving)
        yield serving


async def in_review(here):
    case = await here.accepted("QH-002", "2026-03-02")
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}
    await here.done(case, "transfer", to, by="zhou-min")
    await here.done(case, "acknowledge-transfer", by="chen-zhi")
    return case


async def closed(here, day="2026-03-02"):
    case = await here.received("QH-002", day)
    await here.done(case, "withdraw", {"request": "a" * 64}, by="zhou-min")
    return case


async def subject_of(here, case):
    answer = await here.get(f"/cases/{case}/subjects", by="wu-jun")
    assert 200 == answer.status, answer.body
    (one,) = answer.body["items"]
    return one["subject"]


async def do(here, subject, action, by, body=None):
    return await here.post(f"/subjects/{subject}/{action}", body, by=by)


# -- in clear --------------------------------------------------------------------------------------


async def test_who_handles_it_sees_it_in_clear_for_a_purpose(shared):
    shown = await shared.get(f"/cases/{shared.case}?{REVEAL}", by="chen-zhi", headers=PURPOSE)

    assert 200 == shown.status
    assert {NAME: CLEAR, "applicant.id": "91469002MA5X00014X"} == shown.body["revealed"]
    assert CLEAR != shown.body["applicant"]["name"]
    assert "no-store" == shown.headers["Cache-Control"]
    assert "revealed" not in (await shared.get(f"/cases/{shared.case}")).body


@pytest.mark.parametrize(
    ("by", "refusal"),
    [
        ("chen-zhi", 200),
        ("lin-bo", 200),
        ("huang-qiang", 200),
        ("mo-li", 200),
        ("jiang-he", 200),
        ("ke-jun", 200),
        ("zhou-min", 403),  # no more at the window
        ("tang-li", 403),  # not yet handed out
        ("he-yan", 403),
        ("wu-jun", 403),
        ("yan-qing", 403),
        ("lu-qian", 403),
        ("fang-ke", 404),
    ],
)
async def test_whose_case_it_is_at_that_stage_and_nobody_else(shared, by, refusal):
    answer = await shared.get(f"/cases/{shared.case}?{REVEAL}", by=by, headers=PURPOSE)

    assert refusal == answer.status
    assert (CLEAR.encode() in answer.raw) == (200 == refusal)


async def test_the_window_sees_it_while_it_takes_it_in(here):
    case = await here.received("QH-002", "2026-03-02")
    assert 200 == (await here.get(f"/cases/{case}?{REVEAL}", by="zhou-min", headers=PURPOSE)).status


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Purpose": ""},
        {"Purpose": "handle"},
        {"Purpose": "curiosity; x"},
        {"Purpose": "handle;"},
        {"Purpose": "Handle; x"},
    ],
)
async def test_without_an_accepted_purpose_nothing_opens(shared, given):
    refused = await shared.get(f"/cases/{shared.case}?{REVEAL}", by="chen-zhi", headers=given)
    assert (403, "purpose-required") == (refused.status, refused.slug)


@pytest.mark.parametrize("names", ["", "name", "applicant", f"{NAME},{NAME}", f"{NAME},x", "terms"])
async def test_a_field_that_there_is_none_of_is_refused(shared, names):
    refused = await shared.get(
        f"/cases/{shared.case}?reveal={names}", by="chen-zhi", headers=PURPOSE
    )
    assert (400, "invalid-parameter") == (refused.status, refused.slug)


async def test_what_nobody_said_is_told_as_nothing(shared):
    path = f"/cases/{shared.case}?reveal=applicant.telephone,recipient.name"
    shown = await shared.get(path, by="chen-zhi", headers=PURPOSE)
    assert {"applicant.telephone": None, "recipient.name": None} == shown.body["revealed"]


async def test_the_hotline_sees_the_number_to_call_back_and_nothing_else(here):
    await here.at("2026-03-02 09:00")
    body = application("QH-002")
    body["applicant"]["telephone"] = "0898-66668888"
    case = (await here.post("/cases", body, by="zhou-min")).body["case"]
    here.versions[case] = 1
    purpose = {"Purpose": "complaint; 12345-2026-0001"}
    number = f"/cases/{case}?reveal=applicant.telephone"
    more = f"/cases/{case}?reveal=applicant.telephone,{NAME}"

    async def asked(path):
        return await here.get(path, by="lu-qian", headers=purpose)

    await here.done(case, "accept", by="zhou-min")
    assert 403 == (await asked(number)).status  # nobody has rated anything

    call = {"grade": 2, "channel": "telephone", "call_reference": "12345-2026-0001"}
    await here.done(case, "evaluate", call, by="lu-qian")

    assert {"applicant.telephone": "0898-66668888"} == (await asked(number)).body["revealed"]
    assert 403 == (await asked(more)).status


async def test_of_the_past_nothing_opens(here):
    case = await in_review(here)
    path = f"/cases/{case}?as_of=75&{REVEAL}"
    assert 400 == (await here.get(path, by="jiang-he", headers=PURPOSE)).status


# -- restricted ------------------------------------------------------------------------------------


async def test_kept_for_storage_only_nothing_is_shown_anywhere_but_to_a_court(here):
    case = await in_review(here)
    subject = await subject_of(here, case)
    state = (await here.get(f"/cases/{case}")).body
    masked, position = state["applicant"]["name"], state["position"]

    showing = (
        (f"/cases/{case}", "chen-zhi"),
        (f"/cases/{case}/events", "chen-zhi"),
        (f"/cases/{case}/replay", "jiang-he"),
        (f"/cases/{case}?as_of={position}", "jiang-he"),
        ("/events?after=60", "jiang-he"),
    )
    for path, by in showing:  # control: it is there to be hidden
        assert masked.encode() in (await here.get(path, by=by)).raw, path

    done = await do(here, subject, "restrict", "chen-zhi")
    assert (201, "restricted") == (done.status, done.body["state"])

    for path, by in (*showing, ("/export/ndjson", "jiang-he"), ("/audit/approval", "jiang-he")):
        answer = await here.get(path, by=by)
        assert 200 == answer.status, (path, answer.raw[:300])
        assert masked.encode() not in answer.raw, path
        assert path.startswith(("/export", "/audit")) or b'"restricted":true' in answer.raw, path
    shown = (await here.get(f"/cases/{case}")).body["applicant"]
    assert ("***", True) == (shown["name"], shown["restricted"])
    refused = await here.get(f"/cases/{case}?{REVEAL}", by="chen-zhi", headers=PURPOSE)
    assert (403, "restricted") == (refused.status, refused.slug)
    court = {"Purpose": "court; (2026)琼96民初1号"}
    told = await here.get(f"/cases/{case}?{REVEAL}", by="jiang-he", headers=court)
    assert CLEAR == told.body["revealed"][NAME]

    assert "already-done" == (await do(here, subject, "restrict", "wu-jun")).slug
    assert 201 == (await do(here, subject, "release", "wu-jun")).status
    shown = (await here.get(f"/cases/{case}")).body["applicant"]
    assert masked == shown["name"]
    assert "restricted" not in shown


async def test_another_process_knows_it_once_it_looks(here):
    case = await in_review(here)
    subject = await subject_of(here, case)
    other = Keyring(here.service.keys)
    ledger = Ledger(here.ledger, here.service.store, other)
    await ledger.refresh()
    assert set() == other.restricted

    await do(here, subject, "restrict", "chen-zhi")
    await ledger.refresh()

    assert {subject} == other.restricted
    other.close()


# -- forgotten -------------------------------------------------------------------------------------


async def test_a_key_is_destroyed_by_two_persons_once_retention_is_over(here):
    case = await closed(here)
    subject = await subject_of(here, case)
    early = await do(here, subject, "destroy-key", "wu-jun", BASIS)
    assert (409, "rule-refused", "retention.period") == early.refusal
    await here.at("2036-03-03 09:00")

    asked = await do(here, subject, "destroy-key", "wu-jun", BASIS)
    assert (201, "proposed") == (asked.status, asked.body["state"])
    assert CLEAR in (await clear(here, case))
    # Who asked cannot approve, nor can anybody without that post.
    for by in ("wu-jun", "chen-zhi", "yan-qing"):
        assert 403 == (await do(here, subject, "approve", by)).status

    done = await do(here, subject, "approve", "fang-ke")

    assert (201, "destroyed") == (done.status, done.body["state"])
    assert "2036-04-07" == done.body["now"]["backups_gone_on"]
    assert here.service.keyring.about(subject) is None
    shown = await here.get(f"/cases/{case}", by="wu-jun")
    assert "***" == shown.body["applicant"]["name"]
    assert CLEAR not in (await clear(here, case))
    assert "already-done" == (await do(here, subject, "restrict", "wu-jun")).slug
    (event,) = [
        row for row in await here.service.store.since(here.ledger, 0, 500)
        if row.type == "key-destroyed"
    ]  # fmt: skip
    assert b"fingerprint" in event.record
    # Everything is proved as before.
    publisher = here.service.publishers[here.ledger]
    assert await publisher.published(event.position + 1, 30)
    for position in range(event.position + 1):
        await publisher.log.proof(position)


async def clear(here, case):
    answer = await here.get(f"/cases/{case}?{REVEAL}", by="jiang-he", headers=PURPOSE)
    assert 200 == answer.status, answer.body
    return list(answer.body["revealed"].values())


async def test_a_hold_of_inspection_stops_it(here):
    case = await closed(here)
    subject = await subject_of(here, case)
    await here.at("2036-03-03 09:00")
    assert 201 == (await do(here, subject, "destroy-key", "wu-jun", BASIS)).status
    assert 403 == (await do(here, subject, "hold", "wu-jun")).status
    assert 201 == (await do(here, subject, "hold", "yan-qing")).status

    refused = await do(here, subject, "approve", "fang-ke")
    assert 409 == refused.status
    assert "legal-hold" == (await do(here, subject, "destroy-key", "wu-jun", BASIS)).slug
    assert here.service.keyring.about(subject) is not None

    assert 201 == (await do(here, subject, "lift-hold", "yan-qing")).status
    # What was asked for before the hold counts no more.
    assert 409 == (await do(here, subject, "approve", "fang-ke")).status
    assert 201 == (await do(here, subject, "destroy-key", "wu-jun", BASIS)).status
    assert 201 == (await do(here, subject, "approve", "fang-ke")).status


async def test_what_is_handled_is_not_forgotten_and_what_was_asked_long_ago_lapses(here):
    open_case = await here.received("QH-002", "2026-03-02")
    refused = await do(here, await subject_of(here, open_case), "destroy-key", "wu-jun", BASIS)
    assert (409, "rule-refused", "retention.open") == refused.refusal
    case = await closed(here, "2026-03-03")
    subject = await subject_of(here, case)
    await here.at("2036-03-04 09:00")
    assert 201 == (await do(here, subject, "destroy-key", "wu-jun", BASIS)).status
    await here.at("2036-04-04 09:00")

    assert 409 == (await do(here, subject, "approve", "fang-ke")).status


async def test_a_crash_between_the_act_and_the_destruction_is_ended_by_the_next_look(
    here, monkeypatch
):
    case = await closed(here)
    subject = await subject_of(here, case)
    await here.at("2036-03-03 09:00")
    await do(here, subject, "destroy-key", "wu-jun", BASIS)

    async def crashed(self, reference):
        raise OSError("no more")

    with monkeypatch.context() as crash:
        crash.setattr(Keyring, "forget", crashed)
        crash.setattr(Keyring, "erase", lambda self, reference: None)
        assert 201 == (await do(here, subject, "approve", "fang-ke")).status
        assert here.service.keyring.about(subject) is not None

    # The next start: nothing is known here but what is on the disk.
    keyring = Keyring(here.service.keys)
    assert keyring.about(subject) is not None
    await Ledger(here.ledger, here.service.store, keyring).open()

    assert keyring.about(subject) is None
    assert here.service.keyring.about(subject) is None
    keyring.close()


async def test_once_forgotten_nobody_recognises_them_in_the_views(here, connect):
    case = await closed(here)
    other = await here.received("QH-002", "2026-03-03")
    subject = await subject_of(here, case)
    await here.service.caught_up(here.ledger, -1)
    creator = await connect()
    known = "SELECT case_no, applicant FROM projections.finding_case ORDER BY case_no"
    before = dict(map(tuple, await creator.fetch(known)))
    assert before[case] == before[other] is not None

    await here.at("2036-03-03 09:00")
    await do(here, subject, "destroy-key", "wu-jun", BASIS)
    done = await do(here, subject, "approve", "fang-ke")
    await here.service.caught_up(here.ledger, done.body["position"])

    after = dict(map(tuple, await creator.fetch(known)))
    assert {case: None, other: before[other]} == after


# -- who learns of it ------------------------------------------------------------------------------


async def test_a_subject_of_another_organ_does_not_exist(here):
    case = await in_review(here)
    subject = await subject_of(here, case)
    for by in ("li-na", "zheng-kai", "shi-lei", "zhou-min"):
        theirs = await here.get(f"/subjects/{subject}", by=by)
        none = await here.get(f"/subjects/{'0' * 32}", by=by)
        assert (404, 404) == (theirs.status, none.status)
        assert theirs.body | {"instance": ""} == none.body | {"instance": ""}
    assert 200 == (await here.get(f"/subjects/{subject}", by="fang-ke")).status
    assert 403 == (await here.get(f"/cases/{case}/subjects", by="zhou-min")).status


async def test_the_same_key_is_one_act(here):
    case = await in_review(here)
    subject = await subject_of(here, case)
    path = f"/subjects/{subject}/restrict"
    first = await here.post(path, by="chen-zhi", key="once")
    again = await here.post(path, by="chen-zhi", key="once")
    assert (201, 201) == (first.status, again.status)
    assert first.body == again.body
    assert "true" == again.headers["Idempotency-Replayed"]


async def test_a_second_applicant_is_a_subject_of_their_own(here):
    one, two = await in_review(here), await here.received("QH-002", "2026-03-03")
    assert await subject_of(here, one) != await subject_of(here, two)
    assert application("QH-002")["applicant"]["name"] == CLEAR
