"""Findings across cases, and of what other systems did: facts compared when they are asked."""

from datetime import timedelta
from secrets import token_hex

import pytest

from ledger import approval, result, supervision
from ledger.case import Actor, Event
from projections import findings_read
from projections.findings_rules import PARAMETERS
from projections.rebuild import check
from tests.projections.conftest import (
    APPLICANT,
    FANG,
    FINDINGS,
    FORM,
    HE,
    HUANG,
    LICENCE,
    WU,
    ZHOU,
    beside_others,
    content,
    instant,
    making,
    person,
)

bureau = beside_others("2026-03-02 08:00")


async def found(bureau, rule, **more):
    return list((await bureau.findings(rule=rule, **more)).items)


async def measures(bureau, rule, **more):
    return sorted(f["measure"] for f in await found(bureau, rule, **more))


async def policy(bureau, **numbers):
    """Put other numbers in force: proposed by one, approved by another."""
    stream = "policy:findings-default"
    version = bureau.office.stream_versions.get(stream, 0)
    common = {
        "occurred_at": await bureau.store.now(bureau.ledger),
        "responsibility": "administration",
        "stream": stream,
    }
    new = content("policies", "findings-default") | numbers
    proposed = Event(type="policy-proposed", version=version + 1, actor=FANG,
                     data={"content": new}, id=token_hex(16), **common)  # fmt: skip
    approved = Event(type="policy-approved", version=version + 2,
                     actor=person("xing-tao", "supervisor", "qh-12345"),
                     data={"proposal": proposed.id}, **common)  # fmt: skip
    await bureau.append((proposed, approved))


async def decided(bureau, by=HUANG, item="QH-002", **applicant):
    case = await bureau.act(
        None, approval.receive, ZHOU, item=item, applicant=APPLICANT | applicant,
        channel="window", materials=[FORM], organ="qh-xzsp",
    )  # fmt: skip
    await bureau.act(case.stream, approval.accept, ZHOU)
    await bureau.act(case.stream, result.decide, by, outcome="grant", document=LICENCE)
    return case.stream


# -- numbers and time ----------------------------------------------------------------------------


async def test_another_number_asks_another_question_of_the_same_rows(bureau):
    await bureau.granted(await bureau.accepted())
    before = (await found(bureau, "quick-grant"))[0]
    await policy(bureau, quick_grant_s=0, rubber_stamp_s=3600)

    assert [] == await found(bureau, "quick-grant")
    (after,) = await found(bureau, "rubber-stamp")

    assert ("findings-default@1", 120) == (before["policy"], before["threshold"])
    assert ("findings-default@2", 3600) == (after["policy"], after["threshold"])
    assert "3600秒" in after["text"]["zh-CN"]


async def test_a_ledger_without_the_policy_goes_by_the_table(make_ledger):
    names = [p for p in content(".", "example")["policies"] if p != "findings-default"]
    bureau = await make_ledger("2026-03-02 08:00", policies=names)
    await bureau.granted(await bureau.accepted())

    (one,) = await found(bureau, "quick-grant")

    assert ("findings-default@0", PARAMETERS["quick_grant_s"]) == (one["policy"], one["threshold"])


async def test_pages_go_on_behind_the_last_one_and_count_all(bureau):
    for _ in range(3):
        await bureau.granted(await bureau.accepted())
    whole = await bureau.findings(counted=True)
    read, after = [], None
    while True:
        page = await bureau.findings(after=after, limit=2, counted=True)
        read += page.items
        assert whole.total == page.total == len(whole.items)
        if page.next is None:
            break
        after = page.next

    assert list(whole.items) == read
    assert len({f["id"] for f in read}) == len(read)


@pytest.fixture(scope="module")
async def one_granted(shared):
    """A ledger with one case that was granted at once; it is only read."""
    async with making(*shared) as made:
        bureau = await made("2026-03-02 08:00")
        await bureau.granted(await bureau.accepted())
        yield bureau


@pytest.mark.parametrize(
    ("filters", "some"),
    [
        ({"officer": "huang-qiang"}, True),
        ({"officer": "nobody"}, False),
        ({"organ": "qh-xzsp"}, True),
        ({"organ": "qh-wjw"}, False),
        ({"item": "QH-002"}, True),
        ({"item": "QH-003"}, False),
        ({"case": "469002-2026-000001"}, True),
        ({"case": "469002-2026-000002"}, False),
        ({"from_": "2026-03-02", "to": "2026-03-02"}, True),
        ({"from_": "2026-03-03"}, False),
        ({"to": "2026-03-01"}, False),
        ({"from_": "2026-03-02T07:00:00+08:00"}, True),
        ({"to": "2026-03-02T07:00:00+08:00"}, False),
    ],
)
async def test_filters_keep_what_fits(one_granted, filters, some):
    assert some == bool((await one_granted.findings(rule="quick-grant", **filters)).items)


# -- across cases --------------------------------------------------------------------------------


@pytest.mark.parametrize(("others", "count"), [(0, 1), (1, 1), (2, 0)])
async def test_one_officer_decides_most_of_an_applicants_cases(bureau, others, count):
    for n in range(6):
        await decided(bureau, WU if n < others else HUANG)

    rows = [f for f in await found(bureau, "concentration") if f["officer"] == "huang-qiang"]

    assert count == len(rows)
    if rows:
        assert (80, ">", 6, "case") == (
            rows[0]["threshold"], rows[0]["compare"], rows[0]["beside"], rows[0]["beside_unit"],
        )  # fmt: skip


async def test_four_cases_are_no_concentration_nor_five_of_different_applicants(bureau):
    for _ in range(4):
        await decided(bureau)
    await decided(bureau, id="d")

    assert [] == await found(bureau, "concentration")


async def test_an_agents_cases_count_whoever_applies(bureau):
    for n in range(5):
        await decided(bureau, id=f"a{n}", agent={"id": "x"})

    assert ["concentration.agent"] == await measures(bureau, "concentration")


@pytest.mark.parametrize(("percent", "count"), [(100, 1), (0, 0)])
async def test_a_case_decided_at_once_while_an_older_one_waits_jumps_the_queue(
    bureau, percent, count
):
    await policy(bureau, jump_percent=percent)
    await bureau.accepted()
    await bureau.at("2026-03-03 09:00")
    slow = await bureau.accepted()
    await bureau.at("2026-03-04 09:00")
    await bureau.act(slow, result.decide, HUANG, outcome="grant", document=LICENCE)
    quick = await decided(bureau)

    rows = await found(bureau, "queue-jump", case=bureau.number(await bureau.case(quick)))

    assert count == len(rows)


async def test_where_the_number_is_limited_the_order_of_acceptance_counts(bureau):
    item = next(i for i in content(".", "example")["items"] if i["code"] == "QH-002")
    version = bureau.office.stream_versions["item:QH-002"]
    await bureau.append((Event(
        stream="item:QH-002", version=version + 1, type="item-set", actor=FANG,
        occurred_at=await bureau.store.now(bureau.ledger), responsibility="administration",
        data={"content": item | {"limited": True}},
    ),))  # fmt: skip
    first = await bureau.accepted()
    second = await decided(bureau)
    numbers = [bureau.number(await bureau.case(s)) for s in (second, first)]

    (one,) = await found(bureau, "queue-jump")

    assert ("queue-jump.limited", numbers) == (one["measure"], one["cases"])


async def used(bureau, at, count=1):
    streams = [await bureau.accepted() for _ in range(count)]
    await bureau.at(at)
    for stream in streams:
        await bureau.act(
            stream, result.seal, HE, seal="QH-S1",
            document={"kind": "acceptance-notice", "version": 1, "sha256": "a" * 64},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "count"),
    [("03-02 09:00", 0), ("03-02 17:59", 0), ("03-02 18:00", 1), ("03-07 10:00", 1)],
)
async def test_a_seal_is_used_in_office_hours(bureau, at, count):
    await used(bureau, f"2026-{at}")

    assert ["seal-habit.outside-hours"] * count == await measures(bureau, "seal-habit")


@pytest.mark.parametrize(("count", "rows"), [(5, []), (6, ["seal-habit.rate"])])
async def test_more_than_five_uses_in_a_minute_are_a_finding(bureau, count, rows):
    await used(bureau, "2026-03-02 10:00", count)

    assert rows == await measures(bureau, "seal-habit")


@pytest.mark.parametrize(("percent", "rows"), [(2, ["seal-habit.voids"]), (50, [])])
async def test_uses_made_void_are_a_share_of_all(bureau, percent, rows):
    await policy(bureau, voids_percent=percent)
    await bureau.at("2026-03-02 09:00")
    await bureau.finished()
    stream = await bureau.accepted()
    await bureau.granted(stream)
    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE)
    await bureau.act(
        stream, result.void_seal, HE, document={"kind": "licence", "version": 1}, reason="污损",
        approved_by="huang-qiang",
    )  # fmt: skip

    assert rows == await measures(bureau, "seal-habit")


async def test_five_ratings_from_one_terminal_in_ten_minutes_are_a_finding(bureau):
    by = Actor(role="applicant", client="hpj")
    for n in range(5):
        assert [] == await measures(bureau, "suppressed-reviews")
        stream = await bureau.finished()
        await bureau.store.set_clock(
            bureau.ledger, instant("2026-03-02 10:00") + timedelta(minutes=2 * n)
        )
        await bureau.act(stream, supervision.evaluate, by, grade=3, channel="terminal")

    assert ["suppressed-reviews.terminal"] == await measures(bureau, "suppressed-reviews")


async def test_no_bad_rating_among_many_is_a_finding_and_one_is_enough_against_it(bureau):
    await policy(bureau, ratings=2, ratings_at_once=100)
    by = Actor(role="applicant", client="zwfw")
    for grade, rows in ((5, []), (4, ["suppressed-reviews.none-bad"]), (2, [])):
        stream = await bureau.finished()
        await bureau.act(stream, supervision.evaluate, by, grade=grade, channel="online")
        assert rows == await measures(bureau, "suppressed-reviews")


async def test_decisions_pile_up_at_the_end_of_a_month(bureau):
    for minute, day in enumerate(("03-02", "03-30", "03-31", "03-31", "03-31")):
        await bureau.at(f"2026-{day} 10:0{minute}")
        await decided(bureau)

    (one,) = await found(bureau, "batch")

    # 4 of 5 in the last two of 22 working days: 17.6 times the daily mean.
    assert ("batch.month-end", "2026-03", 17.6) == (one["measure"], one["part"], one["measured"])


@pytest.mark.parametrize(
    ("at", "rows"),
    [("21:59", []), ("22:00", ["batch.night"]), ("05:59", ["batch.night"])],
)
async def test_acts_at_night_are_a_finding(bureau, at, rows):
    await bureau.at(f"2026-03-03 {at}")
    await bureau.received()

    assert rows == await measures(bureau, "batch")


async def test_a_time_far_from_the_mean_is_an_outlier(bureau):
    for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17):
        await bureau.at(f"2026-03-{day:02d} 09:00")
        await bureau.accepted()
    assert [] == await found(bureau, "outlier")
    await bureau.at("2026-03-18 09:00")
    stream = await bureau.received()
    await bureau.at("2026-03-20 09:00")
    await bureau.act(stream, approval.accept, ZHOU)

    (one,) = await found(bureau, "outlier")

    assert ("outlier.gap", "receive → accept") == (one["measure"], one["part"])


async def test_a_route_of_few_is_rare(bureau):
    for _ in range(3):
        await bureau.finished()
    other = await bureau.received()
    await bureau.act(other, approval.withdraw, ZHOU, request="r")
    assert [] == await found(bureau, "rare-route")
    await policy(bureau, rare_percent=26)

    (one,) = await found(bureau, "rare-route")

    assert ("receive → withdraw", 25) == (one["part"], one["measured"])


async def test_bottlenecks_tell_each_step_by_unit_and_month(bureau):
    await bureau.at("2026-03-02 09:00")
    stream = await bureau.received()
    await bureau.at("2026-03-03 09:00")
    await bureau.act(stream, approval.accept, ZHOU)

    (one,) = await found(bureau, "bottleneck")

    assert ("bottleneck.waiting", "2026-03 accept", "qh-xzsp") == (
        one["measure"], one["part"], one["unit"],
    )  # fmt: skip
    assert {"p50", "p90", "max"} == set(one["figures"])


# -- what other systems did ----------------------------------------------------------------------

CHECK, DETERMINE = "T02 Check", "T04 Determine"


async def imported(bureau, *acts, precision="second"):
    """A case of another system: (type, activity, checks, person, when) for each act."""
    stream = f"case:{token_hex(16)}"
    events = []
    for version, (kind, activity, checks, who, at) in enumerate(acts, 1):
        source = {"system": "wabo", "item": "WABO", "precision": precision, "activity": activity}
        first = {"item": "WABO", "channel": "system", "organ": "qh-xzsp", "applicant": {}}
        level = {"level": "handle"} if kind == "reviewed" else {}
        events.append(Event(
            stream=stream, version=version, type=kind, occurred_at=instant(f"2012-03-{at}"),
            actor=Actor(kind="system", person=who, organ="qh-xzsp", client="wabo"),
            responsibility="approval", data=first if version == 1 else level,
            source=source | ({"checks": checks} if checks else {}),
            numbers=("case/%Y",) if version == 1 else (),
        ))  # fmt: skip
    await bureau.append(events)
    return stream


@pytest.mark.parametrize(("checker", "count"), [("r1", 1), ("r2", 0)])
async def test_an_imports_own_pairs_are_four_eyes_and_every_one_is_measured(bureau, checker, count):
    await imported(
        bureau,
        ("received", "Confirm", None, "r1", "05 09:00"),
        ("reviewed", CHECK, None, "r1", "05 10:00"),
        ("accepted", DETERMINE, CHECK, checker, "05 10:01"),
    )

    rows = await found(bureau, "four-eyes")
    figures = await findings_read.figures(
        bureau.reads,
        bureau.ledger,
        bureau.office.zone,
        {"rule": "four-eyes"},
        await bureau.store.now(bureau.ledger),
    )

    assert count == len(rows)
    assert [(f"{CHECK} → {DETERMINE}", 1, count)] == [
        (f["part"], f["measured"], f["sum"]) for f in figures
    ]


@pytest.mark.parametrize(("at", "precision", "count"), [
    ("05 10:00", "second", 1), ("05 10:01", "second", 0), ("05 10:00", "day", 0),
])  # fmt: skip
async def test_an_imports_stamp_goes_by_its_own_times(bureau, at, precision, count):
    await imported(
        bureau,
        ("received", "Confirm", None, "r1", "05 09:00"),
        ("reviewed", CHECK, None, "r1", "05 10:00"),
        ("accepted", DETERMINE, CHECK, "r2", at),
        precision=precision,
    )

    rows = await found(bureau, "rubber-stamp")

    part = f"{CHECK} → {DETERMINE}"
    assert rows == await found(bureau, "rubber-stamp", part=part)
    assert ["r2"] * count == [f["officer"] for f in rows]


async def test_an_import_is_closed_hollow_and_goes_on_after_its_end(bureau):
    await imported(
        bureau,
        ("received", "Confirm", None, "r1", "05 09:00"),
        ("closed", "End", None, None, "06 09:00"),
        ("reviewed", CHECK, None, "r1", "07 10:00"),
        ("reviewed", CHECK, None, "r2", "08 10:00"),
    )

    assert ["hollow-close.before-issue"] == await measures(bureau, "hollow-close")
    assert ["back-dating.after-close"] * 2 == await measures(bureau, "back-dating")
    figures = await findings_read.figures(
        bureau.reads,
        bureau.ledger,
        bureau.office.zone,
        {"rule": "handover"},
        await bureau.store.now(bureau.ledger),
    )
    (handed,) = [f for f in figures if f["measure"] == "handover.persons"]
    assert (1, 1) == (handed["measured"], handed["sum"])


# -- rebuilding ----------------------------------------------------------------------------------


async def test_made_anew_they_are_the_same_bytes_also_after_a_new_calendar(bureau):
    await bureau.received()
    await bureau.at("2026-03-04 10:00")
    await decided(bureau)
    await bureau.refused(await bureau.accepted(), "decide", WU, "separation-of-duties", "SOD-1")
    await imported(
        bureau,
        ("received", "Confirm", None, "r1", "05 09:00"),
        ("reviewed", CHECK, None, "r1", "05 10:00"),
    )
    await bureau.follow(FINDINGS, limit=1)
    await bureau.adopt(2026, off=["2026-03-05"], work=[], notice="n")
    await bureau.follow(FINDINGS)

    # A day less has passed: the 5th does not count any more.
    assert [] == await found(bureau, "parked-receipt", now="2026-03-06 12:00")
    assert (await check(FINDINGS, bureau.ledger, bureau.store, bureau.pool)).same


async def test_no_applicant_can_be_read_from_the_rows(bureau):
    secret = "460000199001010013"
    await decided(bureau, id=secret)
    await bureau.follow(FINDINGS)

    assert secret not in repr(await bureau.rows(FINDINGS))
