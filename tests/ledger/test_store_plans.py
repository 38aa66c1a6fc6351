"""How the database carries the statements out: by index, whatever its statistics say."""

import re
from pathlib import Path

import pytest

from ledger.queries import load
from tests.ledger.appending import LEDGER

CONTROLS = load(Path(__file__).with_name("controls.sql"))
LARGE = 100_000
CALLS = 8  # the server makes a plan for good after five
SCANNED = re.compile(r"Seq Scan on (head|clock|stream|event\w*|idempotency|register)\b")
# Small by nature, or read whole on purpose.
READ_WHOLE = {
    "head": {"clock", "head"},
    "ledgers": {"head"},
    "position_at": {"head"},
    "new_epoch": {"head"},
    "fenced": {"head"},
}
NO_PLAN = {"now", "set_clock", "open_ledger", "take_over", "next_partition", "append"}


async def filled(creator, size):
    for name in ("events", "streams", "keys", "numbers"):
        await creator.execute(CONTROLS[f"many_{name}"], LEDGER, size)
    if size:
        await creator.execute(CONTROLS["many_head"], LEDGER, size)


async def plans_of_appends(creator, query, size, *, commands=4):
    """Append to new and to old streams, with numbers; return the last call's inner plans."""
    try:
        await creator.execute("LOAD 'auto_explain'")
    except Exception as error:  # noqa: BLE001
        pytest.skip(f"no auto_explain here: {error}")
    for setting in (
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_nested_statements = on",
        "client_min_messages = log",
    ):
        await creator.execute(f"SET {setting}")
    heard = []
    creator.add_log_listener(lambda _, message: heard.append(message.message))
    statement = await creator.prepare(query)
    for call in range(CALLS):
        heard.clear()
        olds = [f"case:{n}" for n in range(commands)] if size or call else []
        news = [f"case:new-{call}-{n}" for n in range(commands)]
        if not size and call:
            olds = [f"case:new-0-{n}" for n in range(commands)]
        streams = olds + news
        base = 10 if size else 0
        versions = [base + call] * len(olds) + [0] * len(news)
        numbered = list(range(1, len(streams) + 1))
        rows = await statement.fetch(
            *(LEDGER, 0, [f"new-{call}-{n}" for n in numbered], [b"d"] * len(streams)),
            *(numbered, streams, versions),
            *(numbered, streams, ["received"] * len(streams), [b"{}"] * len(streams)),
            *(numbered, ["case/2026"] * len(streams)),
        )
        assert {"appended"} == {row["outcome"] for row in rows}
    return "\n".join(heard)


@pytest.mark.parametrize("size", [0, LARGE])
async def test_the_append_looks_everything_up_by_index(make_store, connect, size):
    store = await make_store()
    creator = await connect()
    await filled(creator, size)

    plans = await plans_of_appends(creator, store.queries["append"], size)

    assert plans.count("Index") >= 7
    assert [] == SCANNED.findall(plans)


@pytest.mark.parametrize("size", [0, LARGE])
async def test_every_read_is_by_index(make_store, connect, size):
    store = await make_store()
    creator = await connect()
    await filled(creator, size)
    await creator.execute("SET plan_cache_mode = force_generic_plan")

    for name, query in store.queries.items():
        if name in NO_PLAN:
            continue
        arguments = ", ".join("NULL" for _ in set(re.findall(r"\$\d", query)))
        asked = f"({arguments})" if arguments else ""
        await creator.execute(f"PREPARE {name}_ AS {query}")
        rows = await creator.fetch(f"EXPLAIN EXECUTE {name}_ {asked}")
        plan = "\n".join(row[0] for row in rows)
        scanned = set(SCANNED.findall(plan)) - READ_WHOLE.get(name, set())
        assert set() == scanned, f"{name} on {size}:\n{plan}"
