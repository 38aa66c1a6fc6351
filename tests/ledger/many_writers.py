"""A process of its own with several writers, for the tests of order: one line out an answer."""

import asyncio
import json
import sys

import orjson

from ledger.errors import LedgerError
from ledger.store import Store
from tests.ledger.appending import LEDGER, command

STREAMS = 20


async def write(store, name, count):
    """Append `count` acts, some on streams that everybody writes; tell what became of them."""
    writer = store.writer(LEDGER)
    versions: dict[str, int] = {}
    told = []
    for n in range(count):
        shared = n % 3 == 0
        stream = f"case:shared-{n % STREAMS}" if shared else f"case:{name}-{n // 3}"
        seen = versions.get(stream, 0)
        body = orjson.dumps({"by": name, "n": n})
        key = f"{name}-{n}"
        try:
            done = await writer.append(
                command(key, stream, seen, body=body, registers=("case/%Y", f"of/{name}"))
            )
        except LedgerError as error:
            told.append({"key": key, "kind": type(error).__name__})
            continue
        told.append(
            {
                "key": key,
                "kind": done.kind,
                "stream": stream,
                "version": seen + 1,
                "position": done.first_position,
                "registers": done.registers,
            }
        )
        if done.kind == "appended":
            versions[stream] = seen + 1
        else:
            rows = await store.of_stream(LEDGER, stream)
            versions[stream] = rows[-1].version if rows else 0
    return told


async def main(how, names, count):
    """Run one store a name: each has a writer and a connection of its own."""
    stores = [Store(how) for _ in names]
    for store in stores:
        await store.connect()
    pairs = zip(stores, names, strict=True)
    told = await asyncio.gather(*(write(store, name, count) for store, name in pairs))
    for store in stores:
        await store.close()
    sys.stdout.write(json.dumps([answer for answers in told for answer in answers]))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3])))
