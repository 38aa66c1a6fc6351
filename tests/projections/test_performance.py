"""The figures as the ledger moves them: corrections, calendars, imports, readers, rebuilds."""

import json
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import pytest

from ledger import approval, correction, records, result
from ledger.case import Actor, Event
from ledger.errors import Refused
from projections import performance, reviews
from projections.rebuild import rebuild
from tests.projections.conftest import (
    CHEN,
    EVERYTHING,
    HE,
    HUANG,
    LICENCE,
    TANG,
    WU,
    ZHOU,
    beside_others,
    person,
)

SEPTEMBER = {"from": "2025-09-01", "to": "2025-09-30"}
OCTOBER = {"from": "2025-10-01", "to": "2025-10-31"}
VIEWS = (performance.PROJECTION, reviews.PROJECTION)


bureau = beside_others()


async def figures(bureau, filters=SEPTEMBER, scopes=EVERYTHING, **more):
    for view in VIEWS:
        await bureau.follow(view)
    now = await bureau.store.now(bureau.ledger)
    found = await performance.figures(bureau.reads, bureau.office, scopes, {**filters, **more}, now)
    return {figure["definition"]: figure for figure in found["items"]}


async def cases(bureau, definition, filters=SEPTEMBER, after=None, limit=50, counted=False, **more):
    for view in VIEWS:
        await bureau.follow(view)
    now = await bureau.store.now(bureau.ledger)
    asked = {**filters, "definition": definition, **more}
    return await performance.cases(
        bureau.reads, bureau.office, EVERYTHING, asked, after, limit, now, counted=counted
    )


def shares(found, *definitions):
    return [(found[d]["numerator"], found[d]["denominator"]) for d in definitions]


async def number(bureau, stream):
    return bureau.number(await bureau.case(stream))


async def test_a_decision_before_its_day_is_early_and_one_after_it_is_overdue(bureau):
    early = await bureau.accepted()
    late = await bureau.accepted()
    await bureau.granted(early)
    await bureau.at("2025-09-29 09:00")
    await bureau.granted(late)

    found = await figures(bureau)

    assert [(1, 2), (1, 2), (1, 2)] == shares(
        found, "kpi.early@1", "kpi.early-with-instant@1", "kpi.overdue@1"
    )
    assert {"promised": [await number(bureau, late)]} == found["kpi.overdue@1"]["causes"]
    assert [await number(bureau, early)] == found["kpi.early@1"]["cases"]
    assert [(0, 0)] == shares(await figures(bureau, OCTOBER), "kpi.early@1")


async def test_what_nobody_decided_is_open_past_its_promise_at_the_end_of_each_period(bureau):
    stream = await bureau.accepted()
    await bureau.at("2025-11-03 09:00")

    for period in (SEPTEMBER, OCTOBER):
        found = await figures(bureau, period)
        assert {"open": [await number(bureau, stream)]} == found["kpi.overdue@1"]["causes"]
    await bureau.granted(stream)

    # It was open at the end of September, and nothing that came later undoes that.
    assert [(1, 1)] == shares(await figures(bureau), "kpi.overdue@1")
    november = await figures(bureau, {"from": "2025-11-01", "to": "2025-11-30"})
    assert {"promised": [await number(bureau, stream)]} == november["kpi.overdue@1"]["causes"]


async def test_withdrawn_cases_are_not_counted_and_not_overdue(bureau):
    stream = await bureau.accepted()
    await bureau.act(stream, approval.withdraw, ZHOU, request="2" * 64)
    filing = await bureau.accepted("QH-006")
    await bureau.act(filing, approval.withdraw, ZHOU, request="2" * 64)
    await bureau.at("2025-11-03 09:00")

    assert [(0, 0), (0, 0)] == shares(await figures(bureau), "kpi.overdue@1", "kpi.early@1")


async def test_by_law_accepted_is_overdue_on_the_day_the_law_spoke(bureau):
    stream = await bureau.received()
    await bureau.at("2025-09-29 08:30")
    await bureau.handed_to(stream)

    found = await figures(bureau, {"from": "2025-09-29", "to": "2025-09-29"})

    # Its promise is counted from the receipt and ran out the day before: not in a last moment
    # of this day alone, so both stand there.
    assert "deemed-acceptance" in found["kpi.overdue@1"]["causes"]
    assert [(0, 0)] == shares(
        await figures(bureau, {"from": "2025-09-01", "to": "2025-09-27"}), "kpi.overdue@1"
    )


async def test_an_extension_asked_too_late_counts_on_its_day(bureau):
    stream = await bureau.accepted()
    await bureau.handed_to(stream)
    await bureau.at("2025-10-27 09:00")
    await bureau.act(
        stream, approval.extend, CHEN, days=10, approved_by="wu-jun", notice="2" * 64,
        reason="案情复杂",
    )  # fmt: skip

    found = await figures(bureau, {"from": "2025-10-27", "to": "2025-10-31"})

    assert [await number(bureau, stream)] == found["kpi.overdue@1"]["causes"]["extension"]
    assert "extension" not in (await figures(bureau))["kpi.overdue@1"]["causes"]


async def test_a_pause_lengthens_the_promise_and_stops_the_count(bureau):
    stream = await bureau.accepted()
    await bureau.handed_to(stream)
    await bureau.at("2025-09-24 10:00")
    await bureau.act(
        stream, approval.suspend, CHEN, kind="inspection", planned_days=5,
        approved_by="huang-qiang", notice="2" * 64, served_at="2025-09-24",
    )  # fmt: skip
    await bureau.at("2025-11-03 10:00")
    assert [(0, 0)] == shares(await figures(bureau), "kpi.overdue@1")
    assert [(0, 0)] == shares(await figures(bureau, OCTOBER), "kpi.overdue@1")
    await bureau.act(stream, approval.resume, CHEN, kind="inspection", result="2" * 64)

    # Two of five days were used by 24 September: 4, 5 and 6 November are the other three.
    await bureau.at("2025-11-06 10:00")
    await bureau.act(
        stream, approval.review, CHEN, level="handle", opinion="同意", recommend="grant"
    )
    await bureau.act(stream, result.decide, HUANG, outcome="grant", document=LICENCE)
    found = await figures(bureau, {"from": "2025-11-01", "to": "2025-11-30"})
    assert [(0, 1), (0, 1)] == shares(found, "kpi.overdue@1", "kpi.early@1")


async def test_a_correction_moves_the_figures(bureau):
    stream = await bureau.accepted()
    await bureau.at("2025-09-29 09:00")
    await bureau.granted(stream)
    assert [(1, 1)] == shares(await figures(bureau), "kpi.overdue@1")
    decided = next(e for e in (await bureau.case(stream)).events if e.type == "decided")

    on_paper = {"occurred_at": "2025-09-26T16:00:00+08:00"}
    case = await bureau.act(
        stream, correction.correct, CHEN, event_id=decided.id, fields=on_paper, evidence="3" * 64,
        reason="系统停机",
    )  # fmt: skip
    assert [(1, 1)] == shares(await figures(bureau), "kpi.overdue@1")
    proposal = case.events[-1].id
    await bureau.act(stream, correction.approve_correction, WU, event_id=proposal)

    found = await figures(bureau)
    assert [(0, 1), (1, 1)] == shares(found, "kpi.overdue@1", "kpi.early@1")


async def test_a_calendar_moves_the_figures(bureau):
    stream = await bureau.accepted()
    await bureau.at("2025-09-29 09:00")
    await bureau.granted(stream)
    assert [(1, 1)] == shares(await figures(bureau), "kpi.overdue@1")

    # The make-up day falls away: Sunday 28 September is none, and Monday the fifth day.
    content = json.loads(
        (Path(records.__file__).parent / "data/calendars/cn-2025.json").read_text()
    )
    work = [on for on in content["work"] if on != "2025-09-28"]
    await bureau.adopt(2025, off=content["off"], work=work, notice="另行通知")

    found = await figures(bureau)
    assert [(0, 1), (0, 1)] == shares(found, "kpi.overdue@1", "kpi.early@1")


async def test_organs_units_and_items_part_the_cases(bureau):
    for item in ("QH-002", "QH-008"):
        await bureau.granted(await bureau.accepted(item))

    whole = await figures(bureau)
    parts = [await figures(bureau, item=code) for code in ("QH-001", "QH-002", "QH-008")]

    for definition in ("kpi.overdue@1", "kpi.early@1", "kpi.no-visit-realised@1"):
        assert whole[definition]["denominator"] == sum(p[definition]["denominator"] for p in parts)
        assert whole[definition]["numerator"] == sum(p[definition]["numerator"] for p in parts)
    assert [(2, 2)] == shares(await figures(bureau, organ="qh-xzsp"), "kpi.early@1")
    assert [(0, 0)] == shares(await figures(bureau, organ="qh-wjw"), "kpi.early@1")
    by_unit = await figures(bureau, unit="qh-xzsp")
    assert [(2, 2)] == shares(by_unit, "kpi.early@1")
    assert "kpi.window@1" not in by_unit, "items belong to organs"


async def test_who_came_to_a_window_had_a_visit(bureau):
    stream = await bureau.accepted()  # received at a window
    await bureau.granted(stream)

    assert [(0, 1)] == shares(await figures(bureau), "kpi.no-visit-realised@1")


async def test_handing_out_late_counts_when_it_is_done_and_while_it_is_not(bureau):
    stream = await bureau.accepted()
    await bureau.granted(stream)
    await bureau.at("2025-10-31 09:00")
    found = await figures(bureau, OCTOBER)
    assert {"issue": [await number(bureau, stream)]} == found["kpi.overdue@1"]["causes"]

    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE)
    await bureau.act(
        stream, result.issue, TANG, document=LICENCE, method="window", recipient={"name": "c"}
    )

    found = await figures(bureau, OCTOBER)
    assert {"issue": [await number(bureau, stream)]} == found["kpi.overdue@1"]["causes"]


async def test_figures_of_items_are_those_in_force_at_the_end_of_the_period(bureau):
    before = await figures(bureau, {"from": "2025-01-01", "to": "2025-09-21"})
    now = await figures(bureau)

    assert [(0, 0)] == shares(before, "kpi.window@1")
    # Eight items; seven permits, of which one is instant.
    assert [(0, 8), (1, 7), (8, 8)] == shares(
        now, "kpi.window@1", "kpi.instant@1", "kpi.elements@1"
    )
    # L 20 20 20 10 45 20 20 = 155, C 0 5 10 1 12 5 3 = 36.
    assert [(119, 155)] == shares(now, "kpi.compression-pooled@1")
    # 1 + 3/4 + 1/2 + 9/10 + 11/15 + 3/4 + 17/20 = 329/60.
    assert [("329/60", 7)] == shares(now, "kpi.compression@1")
    assert "47/60" == now["kpi.compression@1"]["value"]


@pytest.mark.parametrize(
    ("scopes", "counts", "catalogue"),
    [
        ((("J", "qh-12345", None),), 1, 8),
        ((("O", "qh-xzsp", None),), 1, 8),
        ((("O", "qh-xzsp", ("QH-001",)),), 0, 1),
        ((("A", "qh-gov", None),), 1, 8),
        ((("S", "qh-wjw", None),), 1, 3),
        ((("S", "qh-zjj", None),), 0, 3),
        ((("O", "qh-wjw", None),), 0, 0),
    ],
)
async def test_a_reader_is_told_of_what_is_theirs(bureau, scopes, counts, catalogue):
    await bureau.granted(await bureau.accepted())

    found = await figures(bureau, scopes=scopes)

    assert [(counts, counts)] == shares(found, "kpi.early@1")
    assert catalogue == found["kpi.window@1"]["denominator"]


async def test_all_cases_behind_a_figure_page_by_page(bureau):
    streams = [await bureau.accepted() for _ in range(3)]
    await bureau.granted(streams[0])
    await bureau.at("2025-09-29 09:00")
    for stream in streams[1:]:
        await bureau.granted(stream)
    numbers = [await number(bureau, stream) for stream in streams]

    seen, after = [], None
    while True:
        page = await cases(bureau, "kpi.overdue@1", after=after, limit=1, counted=True)
        assert 3 == page.total
        seen += [(row["case"], row["counted"], row["causes"]) for row in page.items]
        after = page.next
        if after is None:
            break

    assert [
        (numbers[0], False, []),
        (numbers[1], True, ["promised"]),
        (numbers[2], True, ["promised"]),
    ] == seen
    early = await cases(bureau, "kpi.early@1")
    assert numbers == [row["case"] for row in early.items]
    (row,) = (await filtered(bureau, "kpi.early@1", "true")).items
    assert (numbers[0], "2025-09-28", "2025-09-22") == (row["case"], row["due"], row["met_on"])
    assert numbers[1:] == [
        r["case"] for r in (await filtered(bureau, "kpi.early@1", "false")).items
    ]


async def filtered(bureau, definition, counted):
    for view in VIEWS:
        await bureau.follow(view)
    now = await bureau.store.now(bureau.ledger)
    asked = {**SEPTEMBER, "definition": definition, "counted": counted}
    return await performance.cases(bureau.reads, bureau.office, EVERYTHING, asked, None, 50, now)


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"from": "2025-09-01"},
        {"to": "2025-09-30"},
        {"from": "2025-09-30", "to": "2025-09-01"},
        {"from": "2025-9-1", "to": "2025-09-30"},
        {**SEPTEMBER, "organ": ""},
    ],
)
async def test_a_period_that_is_none_is_refused(bureau, filters):
    with pytest.raises(Refused) as refused:
        await figures(bureau, filters)

    assert "invalid-parameter" == refused.value.slug


# -- cases of another system ---------------------------------------------------------------------


def imported(bureau, number, deadline, ended):
    """A case that happened elsewhere, with the facts that came with it."""
    received = Event(
        stream=f"case:{token_hex(16)}",
        version=1,
        type="received",
        occurred_at=datetime(2011, 10, 11, tzinfo=UTC),
        actor=Actor(kind="system", organ="qh-xzsp", client="wabo"),
        responsibility="approval",
        data={
            "item": "WABO",
            "channel": "system",
            "organ": "qh-xzsp",
            "applicant": {},
            "facts": {k: v for k, v in (("deadline", deadline), ("ended", ended)) if v},
        },
        source={"system": "wabo", "id": number, "item": "WABO"},
        numbers=("case/%Y",),
    )
    return bureau.append((received,))


async def test_imported_cases_are_held_to_their_own_deadline_and_to_none_of_ours(bureau):
    deadline = "2011-12-06T13:41:31.788+01:00"
    for n, ended in enumerate(
        (
            "2011-12-06T13:41:31.789+01:00",  # late by a millisecond
            "2011-12-06T12:41:31.788Z",  # the same instant: in time
            "2011-11-01T09:00:00+01:00",
            None,  # still going on
        )
    ):
        await imported(bureau, f"case-{n}", deadline, ended)
    await imported(bureau, "case-9", None, "2011-12-01T09:00:00+01:00")
    period = {"from": "2010-01-01", "to": "2012-12-31"}

    found = await figures(bureau, period, source="wabo")

    assert ["import.closed-late@1"] == list(found)
    assert [(1, 4)] == shares(found, "import.closed-late@1")
    assert [(1, 3)] == shares(
        await figures(bureau, {**period, "from": "2011-12-01"}, source="wabo"),
        "import.closed-late@1",
    )
    own = await figures(bureau, period)
    assert "import.closed-late@1" not in own
    assert [(0, 0)] == shares(own, "kpi.overdue@1")
    assert [] == list(
        (await figures(bureau, period, source="nobody"))["import.closed-late@1"]["cases"]
    )
    page = await cases(bureau, "import.closed-late@1", period, source="wabo")
    assert [("2011-12-06", "2011-12-06", True)] == [
        (row["due"], row["met_on"], row["counted"]) for row in page.items
    ][:1]


# -- rebuilding ----------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, 500])
async def test_rows_are_the_same_however_the_ledger_is_cut(bureau, limit):
    await lives(bureau)
    await bureau.follow(performance.PROJECTION, limit)

    done = await rebuild(performance.PROJECTION, bureau.ledger, bureau.store, bureau.pool)

    assert done.same is True, done.differing
    assert 5 == len((await bureau.rows(performance.PROJECTION, done.generation))["figure_case"])


async def lives(bureau):
    """Some cases with most of what can happen to one, and a calendar in between."""
    await bureau.finished()
    stream = await bureau.accepted()
    await bureau.handed_to(stream)
    await bureau.act(
        stream, approval.suspend, CHEN, kind="inspection", planned_days=5,
        approved_by="huang-qiang", notice="2" * 64, served_at="2025-09-22",
    )  # fmt: skip
    withdrawn = await bureau.accepted()
    await bureau.act(withdrawn, approval.withdraw, ZHOU, request="2" * 64)
    await bureau.adopt(2025, off=["2025-09-24"], work=[], notice="另行通知")
    await bureau.received("QH-003")
    await bureau.at("2025-10-20 09:00")
    await bureau.act(stream, approval.resume, CHEN, kind="inspection", result="2" * 64)
    late = await bureau.accepted()
    await bureau.granted(late)
    await bureau.accepted("QH-006")
    await bureau.handed_to(stream, person("wang-lan", "handler"))


async def test_control_a_row_that_was_changed_by_hand_is_found(make_bureau):
    bureau = await make_bureau()
    await bureau.granted(await bureau.accepted())
    await bureau.follow(performance.PROJECTION)
    async with bureau.pool.acquire() as connection:
        await connection.execute("UPDATE projections.figure_case SET promised_met = '2025-09-01'")

    done = await rebuild(performance.PROJECTION, bureau.ledger, bureau.store, bureau.pool)

    assert ("figure_case",) == done.differing
