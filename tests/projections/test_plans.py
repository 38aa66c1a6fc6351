"""How lists of few among very many rows are read: by an index of those few."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.queries import load
from ledger.store import open_ledger
from projections import board, link_queue, readings, timeout_alerts
from projections.asked import of_page

MANY = load(Path(__file__).with_name("many.sql"))
LEDGER = "469002"
CASES = 25_000  # a hundred thousand cards
NOW = "'2026-06-01 09:00+08'"
EVERYTHING = "true, '{}', '{}', '{}'"
# The arguments of each statement, for who sees the whole ledger.
ASKED = {
    "link_queue": (
        link_queue.SQL["listed"],
        (
            f"'{LEDGER}', {EVERYTHING}, {NOW}, 51, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
            "false"
        ),
    ),
    "alerts": (
        of_page(timeout_alerts.SQL["listed"], counted=False),
        (
            f"'{LEDGER}', {EVERYTHING}, {NOW}, 51, 'xing-tao', NULL, NULL, NULL, NULL, NULL, NULL,"
            " NULL, NULL, false, NULL"
        ),
    ),
    "alerts_of_a_case": (
        of_page(timeout_alerts.SQL["listed"], counted=False),
        (
            f"'{LEDGER}', {EVERYTHING}, {NOW}, 51, 'xing-tao', NULL, NULL, NULL, NULL, 'case 7',"
            " NULL, NULL, NULL, false, NULL"
        ),
    ),
    "alerts_counted": (
        timeout_alerts.SQL["listed"],
        (
            f"'{LEDGER}', {EVERYTHING}, {NOW}, 51, 'xing-tao', NULL, NULL, NULL, NULL, NULL, NULL,"
            " NULL, NULL, false, NULL"
        ),
    ),
    "readings_by_person": (
        readings.SQL["listed"],
        f"'{LEDGER}', 0, 51, 'person-7', NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    ),
    "readings_of_a_case": (
        readings.SQL["listed"],
        f"'{LEDGER}', 0, 51, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'case 7'",
    ),
    "readings_of_a_day": (
        readings.SQL["listed"],
        (
            f"'{LEDGER}', 0, 51, NULL, NULL, NULL, NULL, '2026-03-01 00:00+08',"
            " '2026-03-01 23:59+08', NULL, NULL"
        ),
    ),
    "board": (
        board.SQL["told"],
        (
            f"'{LEDGER}', {NOW}, 'xing-tao', {EVERYTHING}, false, {EVERYTHING}, {EVERYTHING},"
            f"{EVERYTHING}, '2026-06-04'"
        ),
    ),
}
NOTHING = "false, '{}', '{}', '{}'"
ASKED["board_by_post"] = (
    board.SQL["told"],
    (
        f"'{LEDGER}', {NOW}, 'zheng-kai', {NOTHING}, false, {NOTHING}, {NOTHING},"
        f"{NOTHING}, '2026-06-04'"
    ),
)


@pytest.fixture
async def many(connect):
    creator = await connect()
    await open_ledger(creator, LEDGER, "Asia/Shanghai", None)
    for name in ("many_cards", "many_cases"):
        await creator.execute(MANY[name], LEDGER, CASES)
    for name in ("shown", "there"):
        await creator.execute(MANY[name], LEDGER)
    await creator.execute(MANY["settle"])
    await creator.execute("SET plan_cache_mode = force_custom_plan")
    return creator


async def plan_of(creator, name):
    statement, arguments = ASKED[name]
    numbers = {int(number) for number in re.findall(r"\$(\d+)", statement)}
    assert numbers == set(range(1, max(numbers) + 1))
    await creator.execute(f"PREPARE {name} AS {statement}")
    rows = await creator.fetch(f"EXPLAIN (ANALYZE, TIMING off) EXECUTE {name}({arguments})")
    await creator.execute(f"DEALLOCATE {name}")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("name", ["link_queue", "board"])
async def test_open_pushes_and_claims_are_read_by_their_index(many, name):
    plan = await plan_of(many, name)

    assert "alert_of_open_links" in plan, plan
    await many.execute(MANY["without"])  # control: the test sees a plan that has to do without
    assert "alert_of_open_links" not in await plan_of(many, name)


async def test_the_queue_reads_no_card_that_is_met(many):
    plan = await plan_of(many, "link_queue")

    assert "Seq Scan on alert " not in plan, plan


async def test_a_page_whose_total_is_not_asked_for_ends_with_its_last_row(many):
    plan = await plan_of(many, "alerts")

    (rows,) = re.findall(r"Index Scan Backward using alert_by_time .*actual rows=(\d+)", plan)
    assert int(rows) <= 51, plan


async def test_the_cards_of_a_case_are_read_by_its_number(many):
    plan = await plan_of(many, "alerts_of_a_case")

    assert "alert_by_case_no" in plan, plan
    assert "alert_by_time" not in plan, plan


async def test_the_board_reads_no_card_that_is_counted(many):
    read = r"Scan (?:Backward )?(?:using \w+ )?on alert a(?:_\d+)? .*actual rows=(\d+)"
    # The control: before they are counted all are read.
    assert CASES <= max(float(n) for n in re.findall(read, await plan_of(many, "board")))

    await many.execute(MANY["count"], LEDGER, datetime(2026, 12, 31, tzinfo=UTC))
    await many.execute(MANY["settle"])
    plan = await plan_of(many, "board")

    few = [float(n) for n in re.findall(read, plan)]
    assert few, plan
    # Only the pushes and claims that are open.
    assert CASES / 50 >= max(few), plan


async def test_who_sees_cards_by_a_post_alone_has_those_read_and_no_others(many):
    await many.execute(MANY["for_a_post"], LEDGER)
    await many.execute(MANY["a_post"], LEDGER)
    await many.execute(MANY["count"], LEDGER, datetime(2026, 12, 31, tzinfo=UTC))
    await many.execute(MANY["settle"])

    plan = await plan_of(many, "board_by_post")

    assert "Scan on alert_by_post" in plan, plan
    assert not re.search("Seq Scan on alert .*actual", plan), plan


async def test_control_where_a_total_might_be_counted_everything_is_read(many):
    plan = await plan_of(many, "alerts_counted")

    assert "Index Scan Backward using alert_by_time" not in plan, plan


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("readings_by_person", "reading_by_person"),
        ("readings_of_a_case", "one_row_per_case_read"),
        ("readings_of_a_day", "reading_by_time"),
    ],
)
async def test_who_read_what_is_read_by_index(connect, name, index):
    creator = await connect()
    for made in ("many_readings", "many_readings_of_cases"):
        await creator.execute(MANY[made], LEDGER, 4 * CASES)
    for made in ("readings_shown", "readings_there"):
        await creator.execute(MANY[made], LEDGER)
    await creator.execute(MANY["settle_readings"])
    await creator.execute("SET plan_cache_mode = force_custom_plan")

    plan = await plan_of(creator, name)

    assert index in plan, plan
    assert "Seq Scan on reading" not in plan, plan
