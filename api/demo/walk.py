"""Carries the plan out: hour by hour of the simulated months, each case in its own order."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from api.demo.caller import Answer, Bureau, DemoError
from api.demo.pen import Step
from api.demo.plan import Life

Json = Any

AT_ONCE = 24


@dataclass(slots=True)
class Walked:
    """One case on its way: its number and version, what was learned, and whether it stopped.

    `ahead` is the version at which an earlier run left it.
    """

    life: Life
    case: str = ""
    version: int = 0
    ahead: int = 0
    numbers: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    stopped: bool = False


async def walk(
    bureau: Bureau, lives: Sequence[Life], admin: str, tick: Callable[[int], None]
) -> tuple[Walked, ...]:
    """Walk every case through its plan; `tick` hears how many steps were done."""
    walked = tuple(Walked(life) for life in lives)
    limit = asyncio.Semaphore(AT_ONCE)
    steps = [(step, way) for way in walked for step in way.life.steps]
    steps.sort(key=lambda one: one[0].at)
    for at, found in groupby(steps, key=lambda one: one[0].at):
        hour = tuple(found)
        if not all(way.stopped for _, way in hour):
            await bureau.clock(at, admin)
            async with asyncio.TaskGroup() as group:
                for step, way in hour:
                    group.create_task(_limited(limit, bureau, step, way))
        tick(len(hour))
    return walked


async def _limited(limit: asyncio.Semaphore, bureau: Bureau, step: Step, way: Walked) -> None:
    async with limit:
        if not way.stopped:
            await _done(bureau, step, way)


async def _done(bureau: Bureau, step: Step, way: Walked) -> None:
    """Do one step, once more where the law has added an event meanwhile."""
    if step.refused is not None and way.ahead > way.version:
        return  # it was refused in an earlier run, and is on record
    body = _filled(step.body, way)
    if step.action == "receive":
        answer = await bureau.post("/cases", body, step.by, step.key)
    else:
        answer = await bureau.act(way.case, step.action, body, step.by, step.key, way.version)
        if answer.slug == "version-conflict":
            way.version = int(answer.body["current_version"])
            answer = await bureau.act(way.case, step.action, body, step.by, step.key, way.version)
    if answer.good and step.refused is None:
        _learned(bureau, step, way, answer)
        if step.action == "receive" and answer.replayed:
            await _found_again(bureau, step, way)
    elif step.refused == answer.slug:
        bureau.tally.refused += 1
    else:
        # A case that was left alone for days, because the demo was: the law went on.
        bureau.tally.unexpected.append(f"{way.case or step.key} {step.action}: {answer.reason}")
        way.stopped = True


def _learned(bureau: Bureau, step: Step, way: Walked, answer: Answer) -> None:
    if answer.replayed:
        bureau.tally.replayed += 1
    else:
        bureau.tally.done += 1
    way.case = str(answer.body["case"])
    way.version = max(way.version, int(answer.body["version"]))
    for event in answer.body["events"]:
        way.events[event["type"]] = event["id"]
        if event["type"] == "number-reserved":
            kind = str(step.body["kind"])
            register, number = next(iter(event["registers"].items()))
            way.numbers[kind] = f"{kind}-{register.rpartition('/')[2]}-{number:06}"


async def _found_again(bureau: Bureau, step: Step, way: Walked) -> None:
    """See how far a case of an earlier run has come; one that is done is left alone."""
    answer = await bureau.get(f"/cases/{way.case}", step.by)
    if not answer.good:
        raise DemoError(f"{way.case}: {answer.reason}")
    way.ahead = int(answer.body["version"])
    way.stopped = way.ahead >= way.life.events


def _filled(value: Json, way: Walked) -> Json:
    """Put in what was learned: the number reserved, the id of an event."""
    if isinstance(value, str) and value.startswith("$"):
        what, _, name = value[1:].partition(":")
        return {"number": way.numbers, "event": way.events}[what].get(name, value)
    if isinstance(value, Mapping):
        return {name: _filled(inner, way) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, way) for inner in value]
    return value
