"""Where cases stand, as lists and the sweeper of by-law acts read it."""

import pytest

from ledger import approval
from ledger.case import Actor, Event
from ledger.errors import Refused
from projections import current_state
from tests.projections.conftest import CHEN, ZHOU, beside_others, instant

bureau = beside_others()


async def test_a_case_is_one_row_that_moves_with_it(bureau):
    stream = await bureau.received()
    before = (await bureau.cases()).items
    await bureau.act(stream, approval.accept, ZHOU)
    await bureau.handed_to(stream)

    page = await bureau.cases()

    assert ["received"] == [case["stage"] for case in before]
    (case,) = page.items
    assert f"{bureau.ledger}-2025-000001" == case["case"]
    assert "in-review" == case["stage"]
    assert {"person": "chen-zhi", "unit": "qh-xzsp"} == case["holder"]
    assert ("2025-10-24", "2025-09-28") == (case["statutory_due"], case["promised_due"])
    assert ("promised", "2025-09-28") == (case["deadline"], case["due"])
    assert page.position == case["position"] == (await bureau.store.head(bureau.ledger)).size - 1


@pytest.mark.parametrize(
    ("at", "light", "overdue"),
    [
        ("2025-09-25 12:00", "green", False),
        ("2025-09-25 23:59", "green", False),
        ("2025-09-26 00:00", "yellow", False),
        ("2025-09-28 23:59", "yellow", False),
        ("2025-09-29 00:00", "red", True),
    ],
)
async def test_a_light_is_told_by_the_clock_and_nothing_is_written_for_it(
    bureau, at, light, overdue
):
    await bureau.accepted()

    (case,) = (await bureau.cases(now=at)).items

    assert (light, overdue) == (case["light"], case["overdue"])
    assert 1 == len((await bureau.cases(now=at, light=light)).items)
    assert 1 == len((await bureau.cases(now=at, overdue=str(overdue).lower())).items)
    assert 0 == len((await bureau.cases(now=at, overdue=str(not overdue).lower())).items)
    for other in {"green", "yellow", "red", "stopped", "met"} - {light}:
        assert 0 == len((await bureau.cases(now=at, light=other)).items)


async def test_a_stopped_clock_has_no_instants(bureau):
    stream = await bureau.accepted("QH-003")
    await bureau.handed_to(stream)
    await bureau.act(
        stream, approval.suspend, CHEN, kind="expert-review", planned_days=30,
        approved_by="huang-qiang", notice="2" * 64, served_at="2025-09-22",
    )  # fmt: skip

    (case,) = (await bureau.cases(now="2025-10-15 12:00")).items

    assert "stopped" == case["light"]


async def test_a_finished_case_tells_how_it_ended(bureau):
    await bureau.finished()

    (case,) = (await bureau.cases()).items

    assert ("closed", "met", "grant") == (case["stage"], case["light"], case["outcome"])
    assert "2025-09-22" == case["issued_on"] == case["closed_on"] == case["decided_on"]


async def test_every_filter_finds_its_cases(bureau):
    await bureau.received()
    position = (await bureau.store.head(bureau.ledger)).size - 1
    await bureau.at("2025-09-24 09:00")
    second = await bureau.accepted("QH-003")
    await bureau.handed_to(second)
    await bureau.at("2025-09-25 09:00")
    await bureau.finished()
    one, two, three = (f"{bureau.ledger}-2025-00000{n}" for n in (1, 2, 3))

    async def found(**filters):
        return [case["case"] for case in (await bureau.cases(**filters)).items]

    assert [three, two, one] == await found()
    assert [two] == await found(stage="in-review")
    assert [two] == await found(item="QH-003")
    assert [two] == await found(officer="chen-zhi", stage="in-review")
    assert [one] == await found(officer="zhou-min")
    assert [three, two, one] == await found(organ="qh-xzsp", responsibility="approval")
    assert [] == await found(organ="qh-wjw")
    assert [two, one] == await found(received_to="2025-09-24")
    assert [three, two] == await found(received_from="2025-09-24")
    assert [three] == await found(closed_from="2025-09-25", closed_to="2025-09-25")
    assert [] == await found(closed_to="2025-09-24")
    assert [three, two] == await found(updated_after=str(position))
    assert [three, two, one] == await found(q=f"{bureau.ledger}-2025-")
    assert [two] == await found(q=f"{bureau.ledger}-2025-000002")
    assert [] == await found(q=f"{bureau.ledger}-2026")


async def test_pages_follow_each_other_without_gap_or_repetition(bureau):
    for _ in range(7):
        await bureau.received()

    seen, after = [], None
    while True:
        page = await bureau.cases(after=after, limit=3)
        seen += [case["case"] for case in page.items]
        after = page.next
        if after is None:
            break

    assert [f"{bureau.ledger}-2025-00000{n}" for n in range(7, 0, -1)] == seen


@pytest.mark.parametrize(
    "filters",
    [
        {"stage": "approved"},
        {"overdue": "yes"},
        {"light": "blue"},
        {"received_from": "2025-9-1"},
        {"received_from": "20250901xx"},
        {"updated_after": "-1"},
        {"updated_after": "١"},
        {"q": ""},
        {"officer": "x" * 201},
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused(bureau, filters):
    with pytest.raises(Refused) as refused:
        await bureau.cases(**filters)

    assert "invalid-parameter" == refused.value.slug


@pytest.mark.parametrize(
    ("scopes", "sees"),
    [
        ((("O", "qh-xzsp", None),), True),
        ((("O", "qh-xzsp", ("QH-002",)),), True),
        ((("O", "qh-xzsp", ("QH-001",)),), False),
        ((("S", "qh-wjw", None),), True),
        ((("S", "qh-zjj", None),), False),
        ((("E", "qh-zfj", None),), True),
        ((("A", "qh-gov", None),), True),
        ((("A", "qh-xzsp", None),), False),
        ((("P", "qh-wjw", None),), False),
        ((("J", "qh-jw", None),), True),
        ((("R", "qh-12345", None),), False),
        ((("N", "", None),), False),
        ((), False),
    ],
)
async def test_a_reader_sees_what_the_relations_of_their_posts_give(bureau, scopes, sees):
    await bureau.accepted("QH-002")

    page = await bureau.cases(scopes=scopes)

    assert sees == bool(page.items)
    assert page.position > 0


async def test_an_organ_that_a_case_was_transferred_to_takes_part(bureau):
    stream = await bureau.accepted()
    await bureau.act(stream, approval.transfer, ZHOU, to={"unit": "qh-zjj"})

    assert (await bureau.cases(scopes=(("P", "qh-zjj", None),))).items


async def test_an_applicant_is_never_named(bureau):
    applicant = ZHOU.__class__(person="460000199001010013", role="applicant", client="zwfw")
    await bureau.received(by=applicant)

    (case,) = (await bureau.cases()).items
    rows = await bureau.rows(current_state.PROJECTION)

    assert {"person": None, "unit": None} == case["holder"]
    assert "460000199001010013" not in repr(rows)


async def test_the_sweeper_finds_what_the_law_has_done(bureau):
    stream = await bureau.received()
    await bureau.accepted()
    await bureau.follow(current_state.PROJECTION)

    async def due(now):
        return await current_state.due_by_law(bureau.reads, bureau.ledger, instant(now))

    assert () == await due("2025-09-28 23:59")
    assert (stream,) == await due("2025-09-29 00:00")
    await bureau.at("2025-09-29 08:00")
    await bureau.act(stream, lambda case, on: (), ZHOU)
    await bureau.follow(current_state.PROJECTION)
    assert () == await due("2025-10-29 00:00")


async def test_a_new_calendar_moves_what_is_due_in_its_days(make_ledger):
    bureau = await make_ledger("2020-01-20 08:00", calendars=["cn-2020-first"])
    await bureau.received()
    await bureau.at("2020-01-20 09:00")
    await bureau.finished()
    before = await bureau.cases()
    await bureau.at("2020-01-27 10:00")
    holidays = [f"2020-01-{day}" for day in range(24, 32)] + ["2020-02-01", "2020-02-02"]
    await bureau.adopt(2020, off=holidays, work=["2020-01-19"], notice="国办发明电〔2020〕1号")

    after = await bureau.cases()

    assert ["2020-02-01"] == [c["due"] for c in before.items if c["stage"] == "received"]
    assert ["2020-02-04"] == [c["due"] for c in after.items if c["stage"] == "received"]
    # Closed ones alike: the calendar says when they were due.
    was, moved = (p.items[0]["statutory_due"] for p in (before, after))
    assert was != moved


async def imported(bureau, n, *acts):
    """A case of another system, as facts recorded elsewhere."""
    system = Actor(kind="system", organ="qh-xzsp", client="old")
    events = [
        Event(
            stream=f"case:imported-{n}", version=v, type=kind, occurred_at=instant(f"{on} 09:00"),
            actor=system, responsibility="approval", source={"system": "old", "item": "X-1"},
            data={"applicant": {}, "channel": "system", "organ": "qh-xzsp"} if v == 1 else data,
            numbers=("case/%Y",) if v == 1 else (),
        )
        for v, (kind, on, data) in enumerate(acts, 1)
    ]  # fmt: skip
    await bureau.append(events)


async def test_what_is_handled_elsewhere_waits_for_nobody_here(bureau):
    await imported(bureau, 1, ("received", "2024-01-02", {}))
    await bureau.received()
    await bureau.follow(current_state.PROJECTION)

    waiting = await current_state.worklist(
        bureau.reads, bureau.ledger, instant("2025-09-19 12:00"), "fu-hailing", None, 10,
        stages=("received",), organs=("qh-xzsp",),
    )  # fmt: skip

    assert {"old", "own"} == {case["source"] for case in (await bureau.cases()).items}
    assert ["own"] == [case["source"] for case in waiting.items]


async def test_what_an_import_adds_up_to_is_counted(bureau):
    await imported(
        bureau,
        1,
        ("received", "2024-01-02", {}),
        ("issued", "2024-01-12", {}),
        ("closed", "2024-01-12", {}),
    )
    await imported(bureau, 2, ("received", "2024-01-02", {}), ("issued", "2024-03-01", {}))
    await imported(bureau, 3, ("received", "2024-01-02", {}), ("closed", "2024-01-03", {}))
    await imported(bureau, 4, ("received", "2024-01-02", {}))
    await bureau.received()
    await bureau.follow(current_state.PROJECTION)

    counted = await current_state.imported(bureau.reads, bureau.ledger, "old", 10)

    assert {
        "cases": 4,
        "issued": 2,
        "completed": 2,
        "completed_without_issue": 1,
        "issued_after_days": 1,
    } == counted
    items = (await bureau.cases(item="X-1")).items
    assert {"old"} == {case["source"] for case in items}
    assert {None} == {case["light"] for case in items}
