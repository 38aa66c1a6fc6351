"""Evaluations: where each stands, nothing deleted, rates by unit, and what is not told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import supervision
from ledger.case import Actor
from ledger.errors import Refused
from projections import performance, reviews
from projections.rates import FEWEST, Unit, ranked
from projections.rebuild import rebuild
from tests.projections.conftest import CHEN, EVERYTHING, WU, beside_others, instant, person

APPLICANT = Actor(role="applicant", client="hpj")
LU = person("lu-qian", "hotline", "qh-12345")
XING = person("xing-tao", "supervisor", "qh-12345")


bureau = beside_others()


async def listed(
    bureau, now=None, scopes=EVERYTHING, after=None, limit=50, counted_=False, **filters
):
    await bureau.follow(reviews.PROJECTION)
    now = instant(now) if now else await bureau.store.now(bureau.ledger)
    filters = {name.rstrip("_"): value for name, value in filters.items()}
    return await reviews.listed(
        bureau.reads, bureau.ledger, scopes, filters, after, limit, now, counted=counted_
    )


async def units(bureau, scopes=EVERYTHING, **filters):
    await bureau.follow(reviews.PROJECTION)
    asked = {"from": "2025-09-01", "to": "2025-12-31", **filters}
    return await reviews.units(bureau.reads, bureau.ledger, scopes, asked)


async def rated(bureau, grade, item="QH-002", about=None, stream=None):
    stream = stream or await bureau.accepted(item)
    await bureau.act(
        stream, supervision.evaluate, APPLICANT, grade=grade, channel="terminal", text="…",
        about=about,
    )  # fmt: skip
    return stream


async def test_a_rating_is_one_row_and_names_no_evaluator(bureau):
    await bureau.handed_to(stream := await bureau.accepted())
    await rated(bureau, 2, stream=stream)

    (row,) = (await listed(bureau)).items

    assert (f"{bureau.ledger}-2025-000001", "QH-002", "qh-xzsp", "qh-xzsp") == tuple(
        row[name] for name in ("case", "item", "organ", "unit")
    )
    assert (["chen-zhi", "zhou-min"], False) == (row["officers"], row["named"])
    assert (2, True, "rated", True, None) == tuple(
        row[name] for name in ("grade", "bad", "state", "counted", "verdict")
    )
    # Five working days of the week of 22 September, and the make-up Sunday counts.
    assert ("2025-09-28", "green") == (row["due"], row["light"])
    assert not {"text", "applicant", "statement", "call_reference"} & set(row)


@pytest.mark.parametrize(
    ("at", "light"),
    [
        ("2025-09-25 12:00", "green"),
        ("2025-09-26 00:00", "yellow"),
        ("2025-09-28 23:59", "yellow"),
        ("2025-09-29 00:00", "red"),
    ],
)
async def test_a_light_is_told_by_the_clock(bureau, at, light):
    await rated(bureau, 1)

    assert [light] == [row["light"] for row in (await listed(bureau, now=at)).items]


async def test_a_good_rating_asks_for_nothing(bureau):
    await rated(bureau, 5)

    (row,) = (await listed(bureau, now="2025-12-01 00:00")).items

    assert (False, None, None, "rated") == tuple(
        row[name] for name in ("bad", "due", "light", "state")
    )


async def test_every_filter_finds_its_ratings(bureau):
    await rated(bureau, 2, about="chen-zhi")
    await bureau.at("2025-09-23 09:00")
    await rated(bureau, 5, item="QH-008")
    first, second = f"{bureau.ledger}-2025-000001", f"{bureau.ledger}-2025-000002"

    async def found(**filters):
        return [row["case"] for row in (await listed(bureau, **filters)).items]

    assert [second, first] == await found()
    assert [first] == await found(grade="2")
    assert [first] == await found(bad="true")
    assert [second] == await found(bad="false")
    assert [second, first] == await found(state="rated", counted="true")
    assert [] == await found(state="closed")
    assert [] == await found(counted="false")
    assert [second, first] == await found(organ="qh-xzsp", unit="qh-xzsp")
    assert [] == await found(organ="qh-wjw")
    assert [second] == await found(item="QH-008")
    assert [first] == await found(officer="chen-zhi")
    assert [second] == await found(officer="zhou-min")
    assert [second] == await found(from_="2025-09-23")
    assert [first] == await found(to="2025-09-22")
    page = await listed(bureau, limit=1, counted_=True)
    assert (2, [second]) == (page.total, [row["case"] for row in page.items])
    assert [first] == [row["case"] for row in (await listed(bureau, after=page.next)).items]
    for wrong in ({"grade": "0"}, {"bad": "1"}, {"state": "done"}, {"from_": "now"}):
        with pytest.raises(Refused):
            await found(**wrong)


@pytest.mark.parametrize(
    ("scopes", "sees"),
    [
        ((("O", "qh-xzsp", None),), True),
        ((("S", "qh-wjw", None),), True),
        ((("S", "qh-zjj", None),), False),
        ((("A", "qh-gov", None),), True),
        ((("O", "qh-wjw", None),), False),
    ],
)
async def test_a_reader_sees_the_ratings_of_their_cases(bureau, scopes, sees):
    await rated(bureau, 2)

    assert sees == bool((await listed(bureau, scopes=scopes)).items)


def unit(name="u", **more):
    numbers = {"ratings": 10, "bad": 1, "mistaken": 0, "malicious": 0, "due": 1, "on_time": 1}
    return Unit(**{"unit": name} | numbers | more)


def test_units_are_ranked_by_rate_and_equals_share_a_rank():
    told = ranked([unit("c", bad=2), unit("a"), unit("b"), unit("d", ratings=20, bad=5)])

    assert [("a", 1), ("b", 1), ("c", 3), ("d", 4)] == [(u["unit"], u["rank"]) for u in told]
    assert ["1/10", "1/10", "1/5", "1/4"] == [u["rate"] for u in told]
    assert "10.00" == told[0]["percent"]


def test_what_is_mistaken_or_malicious_is_shown_and_not_counted():
    (told,) = ranked([unit(ratings=10, bad=2, mistaken=1, malicious=1)])

    assert ("1/4", 1, 1, 10) == (
        told["rate"], told["mistaken"], told["malicious"], told["ratings"]
    )  # fmt: skip


def test_fewer_than_five_ratings_are_not_told():
    small, enough = ranked([unit("few", ratings=FEWEST - 1), unit("enough", ratings=FEWEST)])[::-1]

    assert ("few", True) == (small["unit"], small["suppressed"])
    assert {None} == {v for k, v in small.items() if k not in ("unit", "suppressed")}
    assert ("enough", False, 1) == (enough["unit"], enough["suppressed"], enough["rank"])


@given(
    st.lists(
        st.builds(
            unit,
            st.text("abc", min_size=1, max_size=2),
            ratings=st.integers(2, 30),
            bad=st.integers(0, 2),
        ),
        max_size=8,
    )
)
def test_every_unit_stands_there_once_and_no_withheld_one_has_a_number(known):
    told = ranked(known)

    assert sorted(u.unit for u in known) == sorted(row["unit"] for row in told)
    shown = [row for row in told if not row["suppressed"]]
    assert all(row["ratings"] >= FEWEST for row in shown)
    assert [row["rank"] for row in shown] == sorted(row["rank"] for row in shown)
    assert not any(row["rank"] for row in told if row["suppressed"])


async def test_units_over_the_ledger(bureau):
    for grade in (5, 5, 4, 3, 2):
        await rated(bureau, grade)

    (told,) = await units(bureau)

    assert ("qh-xzsp", 5, 1, "1/5", 1, 0) == tuple(
        told[name] for name in ("unit", "ratings", "bad", "rate", "due", "on_time")
    )
    assert () == await units(bureau, item="QH-008")
    for wrong in ({"from": "2026-01-01"}, {"to": "soon"}):
        with pytest.raises(Refused):
            await units(bureau, **wrong)


@pytest.mark.parametrize("limit", [1, 500])
async def test_rows_are_the_same_however_the_ledger_is_cut(bureau, limit):
    stream = await rated(bureau, 2)
    await rated(bureau, 4)
    await bureau.adopt(2025, off=["2025-09-24"], work=[], notice="另行通知")
    await bureau.handed_to(stream)
    await bureau.follow(reviews.PROJECTION, limit)

    done = await rebuild(reviews.PROJECTION, bureau.ledger, bureau.store, bureau.pool)

    assert done.same is True, done.differing
    # Without the make-up Sunday, and with the 24th off: 23, 25, 26, 29 and 30 September.
    (row,) = (await listed(bureau, bad="true")).items
    assert "2025-09-30" == row["due"]


async def test_where_a_bad_review_stands_after_each_act(bureau):
    stream = await rated(bureau, 2)
    acts = (
        (supervision.call_back, LU, {"text": "…"}, "called-back"),
        (supervision.verify_review, XING, {"verdict": "valid"}, "verified"),
        (supervision.rectify, CHEN, {"measure": "一次告知"}, "rectified"),
        (supervision.feed_back, WU, {"text": "已整改"}, "fed-back"),
        (supervision.close_review, LU, {}, "closed"),
    )
    for does, by, details, state in acts:
        await bureau.act(stream, does, by, **details)
        (row,) = (await listed(bureau)).items
        assert state == row["state"]
        assert [row] == list((await listed(bureau, state=state)).items)
    assert ("valid", True, "met", "2025-09-22") == (
        row["verdict"],
        row["counted"],
        row["light"],
        row["fed_back_on"],
    )


async def test_what_is_done_late_stays_late_and_a_second_rating_heals_nothing(bureau):
    stream = await rated(bureau, 2)
    await bureau.act(stream, supervision.call_back, LU)
    await bureau.act(stream, supervision.verify_review, XING, verdict="valid")
    await bureau.at("2025-09-29 09:00")
    await bureau.act(stream, supervision.rectify, CHEN, measure="一次告知")
    await bureau.act(stream, supervision.feed_back, WU, text="已整改")
    await rated(bureau, 5, stream=stream)

    second, first = (await listed(bureau)).items

    assert ("met-late", {"grade": 5, "on": "2025-09-29"}) == (
        first["light"],
        first["reevaluation"],
    )
    assert (2, 5, None, "rated") == tuple(
        second[name] for name in ("number", "grade", "light", "state")
    )
    assert (0, 1) == await on_time(bureau)


async def on_time(bureau):
    await bureau.follow(performance.PROJECTION)
    await bureau.follow(reviews.PROJECTION)
    found = await performance.figures(
        bureau.reads, bureau.office, EVERYTHING, {"from": "2025-09-01", "to": "2025-09-30"},
        await bureau.store.now(bureau.ledger),
    )  # fmt: skip
    figure = next(f for f in found["items"] if f["definition"] == "kpi.bad-review-on-time@1")
    return figure["numerator"], figure["denominator"]


@pytest.mark.parametrize("verdict", ["mistaken", "malicious"])
async def test_what_does_not_count_stays_and_says_so(bureau, verdict):
    stream = await rated(bureau, 1)
    assert (0, 1) == await on_time(bureau)
    await bureau.act(stream, supervision.call_back, LU)
    await bureau.act(stream, supervision.verify_review, XING, verdict=verdict)

    (row,) = (await listed(bureau, counted="false")).items
    assert (verdict, False, None) == (row["verdict"], row["counted"], row["light"])
    assert (0, 0) == await on_time(bureau)
    for _ in range(4):
        await rated(bureau, 5)
    (told,) = await units(bureau)
    assert (5, 0, "0", 1) == (told["ratings"], told["bad"], told["rate"], told[verdict])
