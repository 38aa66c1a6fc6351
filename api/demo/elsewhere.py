"""Brings real cases of other systems in, and holds what comes out beside what the files say."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import aiohttp

from api import logged
from api.demo.caller import Answer, Bureau, DemoError
from api.demo.plan import DATA
from api.logged import Logged

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
    file = logged.read(DATA / f"{name}.csv.gz", DATA / f"{name}.mapping.json")
    if rows is not None:
        content = b"\n".join(file.content.split(b"\n")[: rows + 1]) + b"\n"
        file = replace(file, content=content)
    return await taken_in(bureau, name, file, people, tick)


async def taken_in(
    bureau: Bureau,
    name: str,
    sent: Logged,
    people: Mapping[str, Json],
    tick: Callable[[int, int], None],
) -> Mapping[str, Json]:
    """Upload a file under a name of its own, commit it, and wait until it is taken in."""

    def form() -> aiohttp.FormData:
        made = aiohttp.FormData()
        made.add_field("mapping", sent.mapping.decode(), content_type="application/json")
        file = io.BytesIO(sent.content)
        made.add_field("file", file, filename=sent.name, content_type=sent.media)
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


@dataclass(frozen=True, slots=True)
class Looked:
    """A log that was brought in: the import, what the rules find in it, and what closed late."""

    told: Mapping[str, Json]
    found: tuple[tuple[str, str, int], ...]
    late: tuple[int, int]


async def look_into(
    bureau: Bureau, told: Mapping[str, Json], people: Mapping[str, Json], until: date
) -> Looked:
    """Ask, as an inspector does, what the findings say of the cases of a log."""
    query: dict[str, str | int] = {"item": told["item"], "at_least": told["position"]}
    rules = await bureau.get("/findings/rules", people["inspector"], **query)
    _good(rules, "findings")
    period = {"from": "1970-01-01", "to": until.isoformat(), "source": told["system"]}
    figures = await bureau.get("/performance", people["inspector"], **period)
    _good(figures, "performance")
    (late,) = [f for f in figures.body["items"] if f["definition"] == CLOSED_LATE]
    return Looked(
        told,
        tuple(
            (r["rule"], r["text"]["zh-CN"] + " · " + r["text"]["en"], r["findings"])
            for r in rules.body["items"]
            if r["findings"]
        ),
        (late["numerator"], late["denominator"]),
    )


CLOSED_LATE = "import.closed-late@1"
