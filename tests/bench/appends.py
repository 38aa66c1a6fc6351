"""The append in process, at so many callers: each waits for its own act, then sends the next."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from ledger.store import Command, Store
from tests.bench.measure import Loop, closed_loop
from tests.bench.peers import Record

_runs = count()


async def appends(
    app: Mapping[str, Any], records: Sequence[Record], callers: int, seconds: float, ledger: str
) -> Loop:
    """Append one event a command, with a key, a digest, and the stream it was decided on."""
    run = next(_runs)
    store = Store(app)
    await store.connect()
    try:
        writer = store.writer(ledger)

        async def act(caller: int, turn: int) -> None:
            name, kind, record = records[(caller * 7 + turn) % len(records)]
            stream = f"{name}{run}-{caller}-{turn}"
            command = Command(
                key=f"zhou-min|zc|{stream}",
                digest=bytes(32),
                reads={stream: 0},
                events=((stream, kind, record, ()),),
            )
            outcome = await writer.append(command)
            assert "appended" == outcome.kind

        await closed_loop(callers, 0.3, act)
        run = next(_runs)
        return await closed_loop(callers, seconds, act)
    finally:
        await store.close()
