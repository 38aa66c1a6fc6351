"""The catalogue: the province's baseline, more items of the bureau, and how they differ."""

from collections.abc import Callable, Mapping
from typing import Any

from api import logged
from api.demo.caller import Bureau
from api.demo.elsewhere import taken_in

Json = Any

FILES = {"baselines": "baselines.ndjson", "items": "items.csv"}


async def bring(
    bureau: Bureau, people: Mapping[str, Json], tick: Callable[[int, int], None]
) -> tuple[str, ...]:
    """Bring both files in by two persons, and say in lines how the items stand."""
    for name, file in FILES.items():
        sent = logged.read(logged.SHIPPED / file, logged.SHIPPED / f"{name}.mapping.json")
        await taken_in(bureau, name, sent, people, tick)
    summary = await bureau.get("/conformity/summary", people["head"])
    states: Mapping[str, int] = summary.body["states"]
    lines = [
        f"{summary.body['items']} items beside {summary.body['baselines']} of the baseline: "
        + ", ".join(f"{count} {state}" for state, count in states.items() if count)
    ]
    listed = await bureau.get("/conformity", people["head"])
    for row in listed.body["items"]:
        wrong = [*(f"{e} ≠" for e in row["differs"]), *(f"{e} —" for e in row["lacking"])]
        if row["state"] != "conforming":
            told = ", ".join(wrong) or "no item of the bureau follows it"
            lines.append(f"{row['standard']:<14} {row['name']}: {told}")
    return tuple(lines)
