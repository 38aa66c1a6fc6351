"""Cards: which are raised, at which instant, who answers, and why they go."""

from pathlib import Path
from typing import Any

import pytest

from ledger import approval, result, supervision
from ledger.case import Actor, Event
from ledger.queries import load
from migrations import migrations
from projections import timeout_alerts
from tests.projections.conftest import (
    CHEN,
    HE,
    HUANG,
    LICENCE,
    LIN,
    MO,
    WU,
    ZHOU,
    instant,
)

MANY = load(Path(__file__).with_name("many.sql"))


def told(page, *names):
    return [tuple(alert[name] for name in names) for alert in reversed(page.items)]


async def test_cards_are_raised_at_exact_instants_over_the_national_day(bureau):
    await bureau.accepted()

    page = await bureau.alerts(now="2025-10-25 12:00")

    assert [
        ("promised", "early", "2025-09-25T00:00:00+08:00"),
        ("promised", "yellow", "2025-09-26T00:00:00+08:00"),
        ("promised", "red", "2025-09-29T00:00:00+08:00"),
        ("stage:explain", "early", "2025-10-09T00:00:00+08:00"),
        ("stage:explain", "yellow", "2025-10-10T00:00:00+08:00"),
        ("stage:explain", "red", "2025-10-12T00:00:00+08:00"),
        ("statutory", "early", "2025-10-17T00:00:00+08:00"),
        ("statutory", "yellow", "2025-10-22T00:00:00+08:00"),
        ("statutory", "red", "2025-10-25T00:00:00+08:00"),
    ] == told(page, "deadline", "level", "raised_at")
    assert {"raised"} == {alert["state"] for alert in page.items}
    assert {"alerts-default@1"} == {alert["policy"] for alert in page.items}
    assert {"469002-2025-000001"} == {alert["case"] for alert in page.items}


@pytest.mark.parametrize(
    ("now", "levels"),
    [
        ("2025-09-24 23:59", []),
        ("2025-09-25 00:00", ["early"]),
        ("2025-09-26 00:00", ["early", "yellow"]),
        ("2025-09-29 00:00", ["early", "yellow", "red"]),
    ],
)
async def test_what_is_still_to_come_is_not_shown(bureau, now, levels):
    await bureau.accepted()

    page = await bureau.alerts(now=now, deadline="promised")

    assert levels == [level for (level,) in told(page, "level")]


async def test_nothing_is_shown_twice_however_often_a_case_is_told_anew(bureau):
    stream = await bureau.accepted()
    await bureau.follow(timeout_alerts.PROJECTION, limit=1)
    await bureau.at("2025-09-27 09:00")
    await bureau.handed_to(stream)
    await bureau.follow(timeout_alerts.PROJECTION, limit=1)

    page = await bureau.alerts(deadline="promised")

    assert ["early", "yellow"] == [level for (level,) in told(page, "level")]


async def test_early_and_yellow_close_when_the_duty_is_done_and_red_waits_for_an_answer(bureau):
    stream = await bureau.accepted()
    await bureau.at("2025-09-29 09:00")
    await bureau.granted(stream)

    page = await bureau.alerts(deadline="promised")

    assert [("early", "closed"), ("yellow", "closed"), ("red", "raised")] == told(
        page, "level", "state"
    )
    assert 1 == len((await bureau.alerts(deadline="promised", state="raised")).items)
    assert 2 == len((await bureau.alerts(deadline="promised", state="closed")).items)


async def test_an_extension_withdraws_and_says_so(make_bureau):
    bureau = await make_bureau("2026-03-02 08:00")
    stream = await bureau.accepted()
    await bureau.handed_to(stream)
    await bureau.at("2026-03-30 17:00")
    await bureau.act(
        stream, approval.extend, CHEN, days=10, approved_by="wu-jun", notice="3" * 64,
        reason="案情复杂",
    )  # fmt: skip

    page = await bureau.alerts(deadline="statutory", level="yellow")

    (card,) = page.items
    assert "2026-03-26T00:00:00+08:00" == card["raised_at"]
    assert ("withdrawn", "extension") == (card["state"], card["reason"])
    assert [("red", "raised")] == told(
        await bureau.alerts(deadline="promised", level="red"), "level", "state"
    )


async def test_a_suspension_raises_nothing_while_it_lasts(make_bureau):
    bureau = await make_bureau("2026-03-02 08:00")
    stream = await bureau.accepted("QH-003")
    await bureau.handed_to(stream)
    await bureau.at("2026-03-09 10:00")
    await bureau.act(
        stream, approval.suspend, CHEN, kind="expert-review", planned_days=10,
        approved_by="huang-qiang", notice="4" * 64, served_at="2026-03-09",
    )  # fmt: skip

    stopped = await bureau.alerts(now="2026-06-01 12:00")

    assert {"special", "stage:transfer"} >= {alert["deadline"] for alert in stopped.items}
    assert "special" in {alert["deadline"] for alert in stopped.items}


async def test_a_new_calendar_withdraws_and_raises(make_bureau):
    bureau = await make_bureau("2020-01-20 08:00", calendars=["cn-2020-first"])
    await bureau.received()
    before = await bureau.alerts(now="2020-01-31 12:00")
    await bureau.at("2020-01-31 14:00")
    holidays = [f"2020-01-{day}" for day in range(24, 32)] + ["2020-02-01", "2020-02-02"]
    await bureau.adopt(2020, off=holidays, work=["2020-01-19"], notice="国办发明电〔2020〕1号")

    after = await bureau.alerts(now="2020-02-05 00:00")

    assert [("early", "raised"), ("yellow", "raised")] == told(before, "level", "state")
    assert [
        ("early", "2020-01-23T00:00:00+08:00", "raised"),
        ("yellow", "2020-01-31T00:00:00+08:00", "withdrawn"),
        ("yellow", "2020-02-03T00:00:00+08:00", "raised"),
        ("red", "2020-02-05T00:00:00+08:00", "raised"),
    ] == told(after, "level", "raised_at", "state")
    assert ["calendar"] == [a["reason"] for a in after.items if a["state"] == "withdrawn"]
    assert "acceptance.deemed" == after.items[0]["rule"]


async def test_the_law_has_accepted_is_a_red_card_on_the_supplement(bureau):
    stream = await bureau.received()
    await bureau.at("2025-09-29 08:30")
    await bureau.act(stream, lambda case, on: (), ZHOU)

    page = await bureau.alerts(level="red", deadline="supplement")

    assert [("acceptance.deemed", "2025-09-29T00:00:00+08:00", "raised")] == told(
        page, "rule", "raised_at", "state"
    )


# -- who answers --------------------------------------------------------------------------------


async def test_the_holder_answers_and_at_red_the_head_too(bureau):
    stream = await bureau.accepted()
    await bureau.handed_to(stream)

    page = await bureau.alerts(now="2025-09-30 12:00", deadline="promised")

    assert [
        ("early", ["chen-zhi"]),
        ("yellow", ["chen-zhi"]),
        ("red", ["chen-zhi", "wu-jun"]),
    ] == told(page, "level", "addressees")
    assert ["2025-09-29", "2025-10-09"] == [
        day for (day,) in told(page, "answer_by") if day is not None
    ]


async def test_until_a_transfer_is_acknowledged_its_sender_answers(bureau):
    stream = await bureau.accepted()
    await bureau.act(stream, approval.transfer, ZHOU, to={"unit": "qh-xzsp", "person": "chen-zhi"})
    await bureau.at("2025-09-25 09:00")
    await bureau.act(stream, approval.acknowledge_transfer, CHEN)

    page = await bureau.alerts(now="2025-09-26 12:00")

    assert ["zhou-min"] == page.items[-1]["addressees"]
    assert ("promised", ["chen-zhi"]) == told(page, "deadline", "addressees")[-1]


async def test_an_unclaimed_push_is_a_card_on_the_supervisor_and_nobody_else(make_bureau):
    bureau = await make_bureau("2026-02-11 08:00")
    stream = await bureau.accepted()
    await bureau.at("2026-02-13 09:00")
    await bureau.granted(stream)
    await bureau.at("2026-02-14 16:00")
    await bureau.act(stream, result.push, CHEN, to="qh-wjw")

    (card,) = (await bureau.alerts(now="2026-02-26 00:00", deadline="claim", level="red")).items

    assert ["mo-li"] == card["addressees"]
    assert "2026-02-26T00:00:00+08:00" == card["raised_at"]
    none = await bureau.alerts(now="2026-02-25 23:59", deadline="claim", level="red")
    assert () == none.items
    await bureau.at("2026-02-26 09:00")
    await bureau.act(stream, supervision.claim, MO)
    (card,) = (await bureau.alerts(deadline="claim", level="red")).items
    assert ["mo-li"] == card["addressees"]


async def test_who_held_the_post_when_the_card_was_raised_is_addressed(bureau):
    await bureau.accepted()
    await bureau.at("2025-10-14 09:00")
    ended = Event(
        stream="appointment:wu-jun-bureau-head", version=2, type="appointment-ended",
        occurred_at=instant("2025-10-14 09:00"), actor=WU, responsibility="administration",
        data={},
    )  # fmt: skip
    await bureau.append((ended,))

    page = await bureau.alerts(now="2025-10-25 12:00", level="red")

    assert [
        ("promised", ["wu-jun", "zhou-min"]),
        ("stage:explain", ["wu-jun", "zhou-min"]),
        ("statutory", ["zhou-min"]),
    ] == told(page, "deadline", "addressees")


async def test_addressees_read_their_own_and_nothing_else(bureau):
    stream = await bureau.accepted()
    await bureau.accepted()
    await bureau.handed_to(stream)

    async def own(person, **more):
        page = await bureau.alerts(
            now="2025-09-30 12:00", scopes=(), person=person, deadline="promised", **more
        )
        return told(page, "case", "level")

    one, two = "469002-2025-000001", "469002-2025-000002"
    assert [(one, level) for level in ("early", "yellow", "red")] == await own("chen-zhi")
    assert [(two, level) for level in ("early", "yellow", "red")] == await own("zhou-min")
    assert [(one, "red"), (two, "red")] == await own("wu-jun")
    assert [] == await own("mo-li")


async def test_an_applicant_is_never_addressed(bureau):
    applicant = Actor(person="460000199001010013", role="applicant", client="zwfw")
    await bureau.received(by=applicant)

    page = await bureau.alerts(now="2025-09-30 12:00", deadline="supplement")

    assert {"early", "yellow", "red"} == {alert["level"] for alert in page.items}
    assert ["fu-hailing", "wang-lan", "zhou-min"] == page.items[-1]["addressees"]
    assert "460000199001010013" not in repr(await bureau.rows(timeout_alerts.PROJECTION))


# -- the procedure itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "level"),
    [
        ("seal.authorising-event", "red"),
        ("seal.custody", "red"),
        ("SOD-11", "red"),
        ("SOD-13", "red"),
        ("SOD-9", "red"),
        ("SOD-1", "yellow"),
        ("SOD-3", "yellow"),
        ("stage.decide", None),
        ("extension.once", None),
        (None, None),
    ],
)
async def test_a_refusal_that_breaks_the_procedure_is_a_card(bureau, rule, level):
    stream = await bureau.accepted()
    await bureau.at("2025-09-23 10:00")
    event = await bureau.refused(stream, "seal", HE, "rule-refused", rule)

    page = await bureau.alerts(case="469002-2025-000001")

    if level is None:
        assert () == page.items
        return
    (card,) = page.items
    assert (level, rule, None) == (card["level"], card["rule"], card["deadline"])
    assert event.recorded_at == instant("2025-09-23 10:00").fromisoformat(card["raised_at"])
    assert (["he-yan", "wu-jun"] if level == "red" else ["he-yan"]) == card["addressees"]
    assert ("alerts-default@1", "2025-09-25") == (card["policy"], card["answer_by"])


async def test_a_refusal_is_seen_by_who_sees_the_case(bureau):
    stream = await bureau.accepted()
    await bureau.refused(stream, "seal", HE, "wrong-stage", "seal.authorising-event")
    await bureau.refused(None, "seal-hand-over", HE, "seal-not-held", "seal.custody")

    async def count(*scope):
        return len((await bureau.alerts(scopes=(scope,))).items)

    assert 2 == await count("O", "qh-xzsp", None)
    assert 1 == await count("S", "qh-wjw", None)
    assert 0 == await count("S", "qh-zjj", None)
    assert 2 == await count("J", "qh-jw", None)


async def test_what_is_recorded_against_the_procedure_is_a_yellow_card(bureau):
    stream = await bureau.accepted()
    await bureau.handed_to(stream)
    for level, by in (("handle", CHEN), ("check", LIN)):
        await bureau.act(
            stream, approval.review, by, level=level, opinion="选址不符合要求", recommend="deny"
        )
    case = await bureau.act(stream, result.decide, HUANG, outcome="grant", document=LICENCE)

    (card,) = [a for a in (await bureau.alerts()).items if a["deadline"] is None]

    assert ("yellow", "opinion.override") == (card["level"], card["rule"])
    assert ["huang-qiang"] == card["addressees"]
    assert case.recorded_at == instant("2025-09-22 08:00").fromisoformat(card["raised_at"])


async def test_a_policy_followed_after_a_refusal_counts_if_it_was_in_force_by_then(bureau):
    stream = await bureau.accepted()
    await bureau.follow(timeout_alerts.PROJECTION)
    at = await bureau.store.now("469002")
    policy = {"id": "alerts-default", "kind": "alerts", "levels": [{}], "answer": 5}
    await bureau.append(
        (
            Event(
                stream="policy:alerts-default", version=2, type="policy-set", occurred_at=at,
                actor=WU, responsibility="administration", data={"content": policy},
            ),
        )
    )  # fmt: skip
    await bureau.refused(stream, "seal", HE, "seal-not-held", "seal.custody")
    follower = bureau.follower(timeout_alerts.PROJECTION)
    await follower.step("469002.open")
    (early,) = [a for a in (await bureau.alerts()).items if a["rule"] == "seal.custody"]

    assert ("alerts-default@2", "2025-09-28") == (early["policy"], early["answer_by"])


async def test_pages_follow_each_other_without_gap_or_repetition(bureau):
    await bureau.accepted()
    whole = (await bureau.alerts(now="2025-10-25 12:00")).items

    found, after = [], None
    while True:
        page = await bureau.alerts(now="2025-10-25 12:00", after=after, limit=2)
        found += page.items
        after = page.next
        if after is None:
            break

    assert list(whole) == found


# -- how many stand how ---------------------------------------------------------------------------


async def said_to(bureau, stream, card, what, by):
    """Record that a card was answered, or withdrawn, as the acts do."""
    case = await bureau.case(stream)
    said = Event(
        stream=stream, version=case.version + 1, type=what, responsibility="supervision",
        occurred_at=await bureau.store.now("469002"), actor=by, reason="案情复杂",
        data={"alert": card["id"], "level": card["level"]},
    )  # fmt: skip
    await bureau.append((said,))


async def of_office(bureau, stream, what, **data):
    done = Event(
        stream=stream, version=bureau.office.stream_versions[stream] + 1, type=what,
        occurred_at=await bureau.store.now("469002"), actor=WU, responsibility="administration",
        data=data,
    )  # fmt: skip
    await bureau.append((done,))


READERS: tuple[dict[str, Any], ...] = (
    {},
    {"scopes": (("O", "qh-xzsp", None),), "person": "wu-jun"},
    {"scopes": (("S", "qh-wjw", ("QH-002",)),), "person": "mo-li"},
    {"scopes": (("S", "qh-zjj", None),), "person": "zheng-kai"},
    {"scopes": (), "person": "chen-zhi"},
    {"scopes": (), "person": "wu-jun"},
)


@pytest.mark.parametrize("limit", [1, 500])
async def test_cards_are_counted_as_they_move(bureau, limit):
    """Whatever happens, by events or by time: every reader counts what their list shows."""

    async def counted(text):
        await bureau.follow(timeout_alerts.PROJECTION, limit)
        now = await bureau.store.now("469002")
        # Now, and when time alone has raised more since the newest event.
        for at in (now, max(now, instant(text))):
            told = [await bureau.counted(at, **reader) for reader in READERS]
        return told[0]

    one, two = await bureau.accepted(), await bureau.accepted("QH-008")
    assert not await counted("2025-09-22 09:00")
    assert {("early", "raised"): 1, ("yellow", "raised"): 1} == await counted("2025-09-25 12:00")

    await bureau.at("2025-09-26 09:00")
    await bureau.handed_to(one)
    await bureau.refused(two, "seal", HE, "wrong-stage", "seal.authorising-event")
    await bureau.refused(None, "seal-hand-over", HE, "seal-not-held", "seal.custody")
    assert 2 == (await counted("2025-09-29 12:00"))["yellow", "raised"]

    await bureau.at("2025-10-14 09:00")
    await of_office(bureau, "appointment:wu-jun-bureau-head", "appointment-ended")
    count_of_seal = {"keeper": "he-yan", "organs": ["qh-xzsp"], "counter": 3, "uses": 2}
    await of_office(bureau, "seal:QH-S1", "seal-reconciled", **count_of_seal, difference=1)
    differs = await counted("2025-10-14 09:00")
    await bureau.at("2025-10-14 10:00")
    await of_office(bureau, "seal:QH-S1", "seal-reconciled", **count_of_seal, difference=0)
    agrees = await counted("2025-10-14 10:00")
    assert differs["red", "raised"] == agrees["red", "raised"] + 1
    assert differs["red", "closed"] == agrees["red", "closed"] - 1

    cards = {
        (card["case"][-1], card["deadline"] or card["rule"], card["level"]): card
        for card in (await bureau.alerts()).items
        if card["case"]
    }
    await said_to(bureau, one, cards["1", "promised", "red"], "alert-answered", WU)
    await said_to(bureau, one, cards["1", "promised", "early"], "alert-withdrawn", MO)
    refused = cards["2", "seal.authorising-event", "red"]
    await said_to(bureau, two, refused, "alert-answered", WU)
    told = await counted("2025-10-25 12:00")
    assert (1, 2) == (told["red", "answered"], told["red", "closed"])
    assert 1 == told["early", "withdrawn"]

    await bureau.reviewed(one)
    await bureau.act(one, result.decide, HUANG, outcome="grant", document=LICENCE)
    told = await counted("2025-10-25 12:00")
    assert 3 == told["red", "closed"]

    await bureau.adopt(2025, off=["2025-10-20"], work=[], notice="琼府办函〔2025〕1号")
    assert told != await counted("2025-10-25 12:00")


async def test_what_was_there_before_cards_were_counted_is_counted_at_the_next_event(bureau):
    stream = await bureau.accepted()
    await bureau.at("2025-10-14 09:00")
    await bureau.handed_to(stream)
    before = await bureau.counted_anew(timeout_alerts.PROJECTION)
    await bureau.at("2025-10-14 10:00")
    await bureau.received()
    await bureau.follow(timeout_alerts.PROJECTION)

    now = await bureau.store.now("469002")
    for reader in READERS:
        await bureau.counted(now, **reader)
    assert before == await bureau.counted(now)


async def test_who_changes_cards_uncounted_takes_the_count_away_until_the_next_event(bureau):
    """As a service of the release before does, that still runs beside a new one."""
    stream = await bureau.accepted()
    await bureau.at("2025-10-14 09:00")
    await bureau.handed_to(stream)
    await bureau.follow(timeout_alerts.PROJECTION)
    before = await bureau.counted(await bureau.store.now("469002"))
    async with bureau.pool.acquire() as connection:
        for change in (
            "UPDATE projections.alert SET met_at = raised_at WHERE level = 'early'",
            "DELETE FROM projections.alert WHERE level = 'yellow'",
        ):
            await connection.execute(change)
            assert not await connection.fetch("SELECT FROM projections.alert_counted")
            now = await bureau.store.now("469002")
            for reader in READERS:
                await bureau.counted(now, **reader)
        assert before != await bureau.counted(now)

    await bureau.received()
    await bureau.follow(timeout_alerts.PROJECTION)
    for reader in READERS:
        await bureau.counted(await bureau.store.now("469002"), **reader)


async def test_what_is_there_when_counting_begins_is_counted_as_a_rebuild_does(bureau, connect):
    stream = await bureau.accepted()
    await bureau.refused(stream, "seal", HE, "wrong-stage", "seal.authorising-event")
    await bureau.at("2025-10-14 09:00")
    await bureau.handed_to(stream)
    # The refusal of a later time is followed, and counts when the ledger has come as far.
    await bureau.at("2025-10-20 09:00")
    await bureau.refused(stream, "seal", HE, "wrong-stage", "seal.authorising-event")
    await bureau.follow(timeout_alerts.PROJECTION)
    counted = (await bureau.rows(timeout_alerts.PROJECTION))["alert_count"]
    assert counted
    creator = await connect()
    await creator.execute(MANY["as_before"])
    (counting,) = [one for one in migrations() if one.name.endswith("_cards_counted.sql")]

    await creator.execute(counting.text)

    assert counted == (await bureau.rows(timeout_alerts.PROJECTION))["alert_count"]
    for reader in READERS:
        await bureau.counted(await bureau.store.now("469002"), **reader)


async def test_a_card_of_very_many_posts_is_counted(bureau, connect):
    await bureau.accepted()
    await bureau.follow(timeout_alerts.PROJECTION)
    creator = await connect()
    many = [f"bureau-head@organ-{n:06}" for n in range(900)]
    await creator.execute("UPDATE projections.alert SET posts = $1 WHERE level = 'red'", many)
    await bureau.at("2025-10-14 09:00")
    await bureau.received()

    assert (await bureau.alerts(level="red")).items


async def test_a_count_that_is_another_one_is_seen(bureau):
    """The control: these tests would tell."""
    await bureau.accepted()
    await bureau.at("2025-10-14 09:00")
    await bureau.received()
    await bureau.follow(timeout_alerts.PROJECTION)
    async with bureau.pool.acquire() as connection:
        await connection.execute("UPDATE projections.alert_count SET cards = cards + 1")

    with pytest.raises(AssertionError):
        await bureau.alerts()
