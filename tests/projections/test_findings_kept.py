"""What cases show together, kept: the same as measured, told where it is behind, measured once."""

import asyncio
import random
from datetime import datetime, timedelta

import pytest

from ledger import result
from projections import findings_kept, findings_read, timeout_alerts
from projections.asked import Asked
from projections.findings_kept import ACROSS, Keeper, Rule, Standing
from projections.findings_measures import MEASURES
from projections.rebuild import check, rebuild
from tests.projections.conftest import FINDINGS, HE, HUANG, LICENCE, WU, instant
from tests.projections.test_findings_across import decided, policy

KEPT = "SELECT count(*) FROM projections.finding_kept WHERE generation = $1"


@pytest.fixture
async def bureau(make_bureau):
    """The example bureau on the morning of Monday 2026-03-02."""
    return await make_bureau("2026-03-02 08:00")


@pytest.fixture
def measured(monkeypatch):
    """The rules that are measured, in order."""
    found = []
    real = findings_kept.measure

    async def told(pool, ledger, by, rules, now):
        found.extend(sorted(rules))
        await asyncio.sleep(0.05)
        await real(pool, ledger, by, rules, now)

    monkeypatch.setattr(findings_kept, "measure", told)
    monkeypatch.setattr(findings_read, "measure", told)
    return found


@pytest.fixture
def dear(monkeypatch):
    """Nothing is quick to measure here."""
    monkeypatch.setattr(findings_kept, "SMALL", -1)
    monkeypatch.setattr(findings_kept, "AT_ONCE_S", 0.0)
    monkeypatch.setattr(findings_kept, "REST", 0.0)


def keeper(bureau):
    def numbers():
        return findings_read.parameters(bureau.office)

    async def now():
        return await bureau.store.now(bureau.ledger)

    return Keeper(bureau.ledger, bureau.pool, numbers, now, lambda: 0)


async def every(bureau, **filters):
    return list((await bureau.findings(limit=500, **filters)).items)


async def lived(bureau, seed):
    """A history in which cases overtake each other, and seals are used at any hour."""
    pick, waiting = random.Random(seed), []
    await policy(bureau, jump_percent=60, concentration_cases=2, concentration_percent=40)
    at = instant("2026-03-02 08:00")
    for n in range(14):
        at += timedelta(hours=pick.randint(1, 30))
        await bureau.store.set_clock(bureau.ledger, at)
        if n % 3 == 2:
            await decided(bureau, pick.choice((HUANG, WU)), id=pick.choice("ab"))
        elif waiting and pick.random() < 0.5:
            stream = waiting.pop(pick.randrange(len(waiting)))
            await bureau.act(stream, result.decide, HUANG, outcome="grant", document=LICENCE)
            await bureau.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE)
        else:
            waiting.append(await bureau.accepted())
    for projection in (timeout_alerts.PROJECTION, FINDINGS):
        await bureau.follow(projection)


async def sql(bureau, statement, *arguments):
    async with bureau.pool.acquire() as connection:
        return await connection.fetch(statement, *arguments)


# -- the same rows -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_kept_is_what_is_measured(bureau, measured, seed):
    await lived(bureau, seed)
    first = await every(bureau)
    assert set(measured) == ACROSS
    assert {"batch", "queue-jump", "concentration"} <= {f["rule"] for f in first}
    measured.clear()

    kept = await every(bureau)
    assert [] == measured
    await sql(bureau, "DELETE FROM projections.finding_measured")
    anew = await every(bureau)

    assert first == kept == anew
    assert set(measured) == ACROSS

    # Control: a row that says something else is told, until it is measured anew.
    await sql(bureau, "UPDATE projections.finding_kept SET officer = 'x' WHERE rule = 'batch'")
    assert await every(bureau) != anew
    await sql(bureau, "DELETE FROM projections.finding_measured")
    assert await every(bureau) == anew


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_who_jumps_the_queue_is_whoever_leaves_before_one_in_front(bureau, seed):
    """The statement cuts down who can have overtaken whom; this compares everybody."""
    await lived(bureau, seed)
    await bureau.findings()
    pick, at = random.Random(seed), instant("2026-01-05 09:00")
    rows = []
    for n in range(60):
        accepted = at + timedelta(hours=pick.randint(0, 40))
        decided_at = pick.choice((None, accepted + timedelta(hours=pick.randint(-2, 60))))
        ended_at = pick.choice((None, decided_at, accepted + timedelta(hours=pick.randint(0, 60))))
        rows.append((f"case:q{n}", f"q{n}", pick.choice(("A", "B", None)), n % 2 == 0, accepted,
                     decided_at, ended_at, 2000 + n))  # fmt: skip
    async with bureau.pool.acquire() as connection:
        await connection.executemany(
            "INSERT INTO projections.finding_case (ledger, generation, stream, case_no, item,"
            " limited, own, received_position, received_at, accepted_position, accepted_at,"
            " decided_position, decided_at, ended_at, route, last_position, first_day, last_day)"
            " VALUES ('469002', 1, $1, $2, $3, $4, true, $8::bigint, $5, $8::bigint, $5,"
            " 5000 + $8::bigint, $6, $7, '', 1,"
            " '2026-01-01', '2026-01-01')",
            rows,
        )
    await sql(bureau, "DELETE FROM projections.finding_measured")

    found = {
        f["cases"][0]: f["cases"][1:]
        for f in await every(bureau, rule="queue-jump", to="2026-01-31")
        if f["measure"] == "queue-jump.limited"
    }

    def gone(row, when):
        return any(end is not None and end <= when for end in (row[5], row[6]))

    wanted = {}
    for row in rows:
        before = [
            other[1]
            for other in rows
            if row[5] is not None and row[2] is not None and other[2] == row[2]
            and other[4] < row[4] and not gone(other, row[5])
        ]  # fmt: skip
        if row[3] and before:
            wanted[row[1]] = before
    assert wanted
    assert wanted == found


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_of_all_findings_go_on_one_behind_the_other(bureau, limit):
    await lived(bureau, 3)
    whole = await every(bureau)
    read, after = [], None
    while True:
        page = await bureau.findings(after=after, limit=limit, counted=True)
        read += page.items
        assert len(whole) == page.total
        if page.next is None:
            break
        after = page.next

    assert whole == read


async def test_filters_keep_what_fits_of_the_kept_and_of_the_measured(bureau, measured):
    await lived(bureau, 2)
    whole = await every(bureau)
    across = [f for f in whole if f["rule"] in ACROSS]
    one = next(f for f in across if f["officer"] and f["part"])
    case, came = one["cases"][0], datetime.fromisoformat(one["came_at"])
    fits = {
        "rule": (one["rule"], lambda f: f["rule"] == one["rule"]),
        "part": (one["part"], lambda f: f["part"] == one["part"]),
        "officer": (one["officer"], lambda f: f["officer"] == one["officer"]),
        "case": (case, lambda f: case in f["cases"]),
        "organ": ("qh-xzsp", lambda f: "qh-xzsp" in f["organs"]),
        "item": ("QH-002", lambda f: "QH-002" in f["items"]),
        "from": (came.isoformat(), lambda f: datetime.fromisoformat(f["came_at"]) >= came),
        "to": (str(came.date()), lambda f: f["came_at"][:10] <= str(came.date())),
    }
    measured.clear()
    for name, (value, fit) in fits.items():
        wanted = [f for f in whole if fit(f)]
        assert wanted, name
        assert wanted == await every(bureau, **{f"{name}_": value}), name
    assert [] == await every(bureau, officer="nobody")
    assert [] == measured


def test_what_compares_cases_is_measured_apart():
    text = findings_kept.SQL["measured"]

    assert {rule for rule in ACROSS if f"'{rule}' = ANY ($4::text[])" in text} == ACROSS
    assert ACROSS <= {m.rule for m in MEASURES.values()}
    assert len(ACROSS) == len({m.rule for m in MEASURES.values() if f"'{m.rule}' = ANY" in text})


# -- where it takes long -------------------------------------------------------------------------


async def test_a_reader_does_not_wait_for_what_takes_long(bureau, dear, measured):
    await lived(bureau, 1)
    own = await bureau.findings(limit=500)
    assert {(name, None) for name in ACROSS} == {(r.name, r.position) for r in own.behind}
    assert own.items
    assert not {f["rule"] for f in own.items} & {"batch", "queue-jump", "seal-habit"}
    assert [] == measured

    assert len(ACROSS) == await keeper(bureau).look(read=False)
    fresh = await bureau.findings(limit=500)
    assert () == fresh.behind
    assert len(own.items) < len(fresh.items)

    await decided(bureau)
    later = await bureau.findings(limit=500, rule="batch")
    (batch,) = later.behind
    assert (fresh.position, "batch") == (batch.position, batch.name)
    assert fresh.position < later.position
    assert [f for f in fresh.items if f["rule"] == "batch"] == list(later.items)
    assert {"rule", "position", "measured_at"} == set(batch.told)

    # Only where somebody has read it, and not again before it has rested.
    assert 0 == await keeper(bureau).look(read=False)
    findings_kept.REST = 1e9
    assert 0 == await keeper(bureau).look(read=True)
    findings_kept.REST = 0.0
    assert len(ACROSS) == await keeper(bureau).look(read=True)
    assert () == (await bureau.findings()).behind


async def test_other_numbers_are_measured_anew_and_the_old_ones_not_shown(bureau, dear, measured):
    await lived(bureau, 1)
    await keeper(bureau).look(read=False)
    assert await every(bureau, rule="queue-jump")

    await policy(bureau, jump_percent=59)
    await bureau.follow(FINDINGS)
    page = await bureau.findings(rule="queue-jump")

    assert ((), [None]) == (page.items, [rule.position for rule in page.behind])
    await keeper(bureau).look(read=False)
    assert {59} == {f["threshold"] for f in await every(bureau, rule="queue-jump")}


async def test_two_processes_do_not_both_measure(bureau, dear, measured):
    await lived(bureau, 1)
    await bureau.findings()

    looked = await asyncio.gather(*(keeper(bureau).look(read=True) for _ in range(2)))

    assert sorted(ACROSS) == sorted(measured)
    assert len(ACROSS) == sum(looked)


async def test_control_without_the_right_to_measure_both_do(bureau, dear, measured, monkeypatch):
    monkeypatch.setattr(
        findings_kept, "SQL", {**findings_kept.SQL, "alone": "SELECT $1::text IS NOT NULL"}
    )
    await lived(bureau, 1)
    await bureau.findings()

    await asyncio.gather(*(keeper(bureau).look(read=True) for _ in range(2)))

    assert len(ACROSS) < len(measured)


async def test_two_readers_who_measure_at_once_leave_one_set_of_rows(bureau):
    await lived(bureau, 1)
    once = await every(bureau)
    await sql(bureau, "DELETE FROM projections.finding_measured")

    both = await asyncio.gather(every(bureau), every(bureau))

    assert [once, once] == list(both)
    assert once == await every(bureau)


async def test_rows_of_another_generation_are_not_shown_and_not_compared(bureau, dear):
    await lived(bureau, 1)
    await keeper(bureau).look(read=False)
    before = await every(bureau)
    await sql(bureau, "UPDATE projections.finding_kept SET officer = 'x' WHERE rule = 'batch'")

    assert (await check(FINDINGS, bureau.ledger, bureau.store, bureau.pool)).same
    assert (await rebuild(FINDINGS, bureau.ledger, bureau.store, bureau.pool)).same

    page = await bureau.findings(limit=500)
    assert {(name, None) for name in ACROSS} == {(r.name, r.position) for r in page.behind}
    assert 0 == (await sql(bureau, KEPT, 1))[0]["count"]
    await keeper(bureau).look(read=False)
    assert before == await every(bureau)


def test_what_is_quick_is_measured_at_once_as_long_as_all_of_it_is():
    rules = [Rule(str(n), 1, took_s=took) for n, took in enumerate((0.09, 3.0, 0.1, 0.05))]

    assert {"0", "3"} == Standing(findings_kept.SMALL, rules).quick()
    assert {"0", "1", "2", "3"} == Standing(findings_kept.SMALL - 1, rules).quick()
    assert frozenset() == Standing(findings_kept.SMALL, [Rule("never")]).quick()


# -- what one case shows -------------------------------------------------------------------------

FOUND = """
INSERT INTO projections.finding (
       ledger, generation, stream, measure, part, positions, came_at, measured, officer, since,
       step, reached)
SELECT '469002', 1, (SELECT min(stream) FROM projections.finding_case), $1, $2, ARRAY[$3::bigint],
       $4, $5, $6, $7, $8, $9
"""


async def shown_of_one_case(bureau, seed):
    """Rows of every kind, many of them of one instant, some that time has yet to complete."""
    pick, day = random.Random(seed), instant("2026-01-20 10:00")
    rows = []
    for n in range(240):
        days = pick.choice((0, 7, 8, 9, 10, 20, 45))
        at = day + timedelta(days=days, hours=pick.randint(0, 9))
        officer = pick.choice(("x", "y"))
        kind = n % 4
        if kind == 0:  # a month on, several days at a time at the end of one
            rows.append(("unsupervised.uninspected", "p", n, at, None, officer, at, "month", None))
        elif kind == 1:
            each = [at + timedelta(days=k) for k in range(1, 8)]
            rows.append(("parked-receipt.receipt", "p", n, at, None, officer, None, None, each))
        else:
            measured = pick.choice((3, 119, 120, 4000))
            came = at.replace(hour=10, day=min(at.day, 5))
            rows.append(("quick-grant.decision", "p", n, came, measured, officer, None, None, None))
    async with bureau.pool.acquire() as connection:
        await connection.executemany(FOUND, rows)
    return rows


@pytest.mark.parametrize("limit", [1, 4, 25])
@pytest.mark.parametrize("filters", [{}, {"officer": "x"}, {"rule": "unsupervised"}])
async def test_a_page_reads_a_page_of_each_measure_and_misses_nothing(bureau, limit, filters):
    await policy(bureau, inspect_months=1)
    await decided(bureau)
    await bureau.findings()
    rows = await shown_of_one_case(bureau, limit)
    now = "2026-03-20 09:00"
    by = findings_read.parameters(bureau.office)
    whole = await findings_read.summary(
        bureau.pool, bureau.ledger, bureau.office.zone, by,
        {k: v for k, v in filters.items() if k != "rule"}, instant(now),
    )  # fmt: skip
    wanted = sum(
        r["findings"] or 0 for r in whole.items if filters.get("rule") in (None, r["rule"])
    )
    assert wanted > 20
    read, after = [], None
    while True:
        page = await bureau.findings(now, after=after, limit=limit, **filters)
        read += page.items
        if page.next is None:
            break
        after = page.next

    order = [(datetime.fromisoformat(f["came_at"]), f["id"]) for f in read]
    assert wanted == len(read) == len(set(order))
    assert order == sorted(order, reverse=True)
    if "rule" not in filters:
        own = filters.get("officer")
        quick = [r for r in rows if r[4] in (3, 119) and own in (None, r[5])]
        told = [f for f in read if f["rule"] == "quick-grant" and f["officer"] in ("x", "y")]
        assert len(quick) == len(told) > 0


async def plan_of(bureau, name, **filters):
    by = findings_read.parameters(bureau.office)
    asked = findings_read._arguments(
        bureau.ledger, bureau.office.zone, by, Asked(filters), None, instant("2026-03-02 09:00")
    )
    more = (None, None, 9) if name == "listed" else ()
    rows = await bureau.pool.fetch(f"EXPLAIN {findings_read.SQL[name]}", *asked, *more)
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("name", ["listed", "counted"])
async def test_what_time_completes_is_reckoned_within_the_plan(bureau, connect, name):
    assert "Function Scan on timed" not in await plan_of(bureau, name)

    # Control: it is called for each row where it is not taken in.
    await (await connect()).execute("ALTER FUNCTION projections.timed VOLATILE")
    assert "Function Scan on timed" in await plan_of(bureau, name)


async def test_the_cases_of_all_findings_are_not_read_to_count_them(bureau):
    assert "finding_case" not in await plan_of(bureau, "counted")
    for filters in ({"organ": "qh-xzsp"}, {"item": "QH-002"}, {"case": "469002-2026-000001"}):
        assert "finding_case" in await plan_of(bureau, "counted", **filters)
