"""Brings real cases of other systems in, and holds what comes out beside what the files say."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import aiohttp

from api.demo.caller import Answer, Bureau, DemoError
from api.demo.plan import DATA

Json = Any
Items = Sequence[Mapping[str, Json]]

POLL_S = 0.1
PAGE = 500
# `make demo` compares with the file that these were counted in by another program.
FILES = ("calgary_building_permits", "sf311_cases")
LATE_DAYS = 20


@dataclass(frozen=True, slots=True)
class Brought:
    """One file as it was brought in: the import, and each figure beside the oracle's."""

    name: str
    told: Mapping[str, Json]
    compared: tuple[tuple[str, int, int], ...]

    @property
    def agrees(self) -> bool:
        """Tell whether every figure is what the file says."""
        return all(ours == theirs for _, ours, theirs in self.compared)


async def bring(
    bureau: Bureau,
    name: str,
    people: Mapping[str, Json],
    tick: Callable[[int, int], None],
    rows: int | None = None,
) -> Mapping[str, Json]:
    """Upload a file, commit it, and wait until every row is a case or is set aside.

    `tick` hears how many rows are done, and of how many; `rows` takes only the first ones.
    """
    content = gzip.decompress((DATA / f"{name}.csv.gz").read_bytes())
    if rows is not None:
        content = b"\n".join(content.split(b"\n")[: rows + 1]) + b"\n"
    mapping = (DATA / f"{name}.mapping.json").read_text("utf-8")

    def form() -> aiohttp.FormData:
        made = aiohttp.FormData()
        made.add_field("mapping", mapping, content_type="application/json")
        file = io.BytesIO(content)
        made.add_field("file", file, filename=f"{name}.csv", content_type="text/csv")
        return made

    uploaded = await bureau.upload(form, people["system_admin"], f"demo-import-{name}")
    _good(uploaded, "upload")
    path = f"/imports/{uploaded.body['id']}"
    committed = await bureau.post(f"{path}/commit", {}, people["head"], f"demo-commit-{name}")
    # An earlier program may have committed it, whose keys were written otherwise.
    if committed.body.get("rule") != "import.once":
        _good(committed, "commit")
    while True:
        answer = await bureau.get(path, people["head"])
        _good(answer, "import")
        told = answer.body
        tick(told["recorded"] + told["quarantined"], told["rows"])
        if told["state"] == "committed":
            return told
        await asyncio.sleep(POLL_S)


async def compare(
    bureau: Bureau, name: str, told: Mapping[str, Json], people: Mapping[str, Json]
) -> Brought:
    """Count what the views say of the imported cases, beside what the file says."""
    items = [item async for item in _listed(bureau, told, people["inspector"])]
    oracle = json.loads((DATA / "oracles.json").read_text("utf-8"))[name]
    ours = {
        "rows": told["rows"],
        "recorded": len(items),
        "quarantined": told["quarantined"],
        **OF[name](told, items),
    }
    return Brought(name, told, tuple((what, ours[what], oracle[what]) for what in oracle))


async def _listed(
    bureau: Bureau, told: Mapping[str, Json], by: str
) -> AsyncIterator[Mapping[str, Json]]:
    """Give every case of an import from the list, page by page."""
    query: dict[str, str | int] = {"item": told["item"], "limit": PAGE}
    query["at_least"] = told["position"]
    while True:
        answer = await bureau.get("/cases", by, **query)
        _good(answer, "list")
        for item in answer.body["items"]:
            yield item
        if answer.body["next"] is None:
            return
        query["after"] = answer.body["next"]


def _permits(_told: Mapping[str, Json], items: Items) -> Mapping[str, int]:
    issued = [i for i in items if i["issued_on"]]
    done = [i for i in items if i["closed_on"]]
    late = [i for i in issued if _days(i["received_on"], i["issued_on"]) > LATE_DAYS]
    return {
        "issued": len(issued),
        "completed": len(done),
        "completed without issue": sum(i["issued_on"] is None for i in done),
        "issued over 20 calendar days after receipt": len(late),
    }


def _requests(told: Mapping[str, Json], items: Items) -> Mapping[str, int]:
    return {
        "closed before created": told["codes"].get("closed-before-created", 0),
        "closed, of those recorded": sum(i["closed_on"] is not None for i in items),
    }


OF = {"calgary_building_permits": _permits, "sf311_cases": _requests}


def _days(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def _good(answer: Answer, what: str) -> None:
    if not answer.good:
        raise DemoError(f"{what}: {answer.reason}")
