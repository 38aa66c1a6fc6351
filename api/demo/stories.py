"""Named stories: what this ledger does that others do not, each played once and shown.

A story is played against the service like everything else; a second run finds what the first
one recorded, asks again, and tells the same.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime, time

from api.demo.afterwards import AFTERWARDS
from api.demo.caller import Answer, Bureau
from api.demo.pen import ZONE, sha
from api.demo.plan import working_days
from api.demo.scene import Body, Json, Scene, Told, application, deadline, good, licence

TIMES = 5


async def play(
    bureau: Bureau, setting: Mapping[str, Json], tick: Callable[[str], None]
) -> tuple[Told, ...]:
    """Play the stories, which share six days; `tick` hears the name of each when it is told."""
    chosen = setting["stories"]
    scene = Scene(bureau, setting["people"], setting["bureau"], chosen["item"], chosen["seal"])
    told = []

    def tells(story: Told) -> None:
        told.append(story)
        tick(story.name)

    await scene.at(0, 9)
    tells(await five_times(scene))
    silent = await scene.receive("silent")
    moved = await scene.receive("calendar")
    await scene.act(moved, "accept", {}, scene.clerk, "calendar-accept")
    corrected = await scene.receive("correction")
    decided = await _decided(scene)
    tells(await approver_seals(scene, decided))
    tells(await sealed_twice(scene, decided))
    tells(await calendar_changed(scene, moved))
    tells(await correction(scene, corrected))
    tells(await silent_window(scene, silent))
    for afterwards in AFTERWARDS:
        tells(await afterwards(scene))
    return tuple(told)


# -- the stories ------------------------------------------------------------------------------


async def five_times(scene: Scene) -> Told:
    """The same request is sent five times at once; there is one act and one answer."""
    body = application(scene.item, "five")
    key = "demo-story-five-receive"
    answers = await asyncio.gather(
        *(scene.bureau.post("/cases", body, scene.clerk, key) for _ in range(TIMES))
    )
    for answer in answers:
        good(answer, "five times")
    case = str(answers[0].body["case"])
    state = await scene.state(case)
    # In a later run the days of the stories are counted from here as well.
    scene.day = date.fromisoformat(state["received_on"])
    one = len({answer.raw for answer in answers}) == 1
    alike = "byte for byte the same" if one else "DIFFERENT"
    replayed = sum(answer.replayed for answer in answers)
    return Told(
        "five-times",
        "同一请求发送五次，只有一个办理动作 · the same request sent five times is one act",
        case,
        (
            f"{len(answers)} answers 201, {alike}; {replayed} of them Idempotency-Replayed.",
            f"One case, {case}, received once.",
        ),
        (f"caseledger replay {case}",),
    )


async def approver_seals(scene: Scene, case: str) -> Told:
    """Who decided tries to seal: first without the post, then with it; both are on record."""
    people = scene.people
    approver = people["approver"]
    use = _use(scene)
    known = {row["rule"] or row["slug"] for row in await scene.refusals(case)}
    if "action-not-allowed" not in known:
        await scene.attempt(case, "seal", use, approver, "approver-seal-1")
    post = {
        "id": f"{approver}-sealer-demo",
        "person": approver,
        "name": "黄强",
        "role": "sealer",
        "organ": scene.unit,
        "from": scene.day.isoformat(),
        "kind": "post",
    }
    path = f"/appointments/{post['id']}"
    await _office(scene, "/appointments", post, people["security_admin"], "post-propose")
    await _office(scene, f"{path}/approve", {}, people["head"], "post-approve")
    if "SOD-3" not in known:
        await scene.attempt(case, "seal", use, approver, "approver-seal-2")
    reason = {"reason": "演示结束，终止授权"}
    await _office(scene, f"{path}/end", reason, people["security_admin"], "post-end")
    rows = await scene.refusals(case)
    return Told(
        "approver-seals",
        "批准人试图用印，被拒绝并记录在案 · the approver who tries to seal is refused, on record",
        case,
        tuple(
            f"{row['recorded_at'][:16]}  {row['actor']['person']} {row['action']}: "
            f"{row['slug']}{' ' + row['rule'] if row['rule'] else ''}"
            for row in rows
            if row["actor"]["person"] == approver
        ),
        (scene.command(f"/audit/approval?case={case}&refused=true", people["authority"]),),
    )


async def sealed_twice(scene: Scene, case: str) -> Told:
    """The keeper seals the licence, and tries it once more."""
    people = scene.people
    done = await scene.act(case, "seal", _use(scene), people["sealer"], "seal-first")
    registers = done.body["events"][-1]["registers"]
    serial = registers[f"seal/{scene.seal}"]
    if "seal.once" not in {row["rule"] for row in await scene.refusals(case)}:
        await scene.attempt(case, "seal", _use(scene), people["sealer"], "seal-again")
    refused = next(row for row in await scene.refusals(case) if row["rule"] == "seal.once")
    return Told(
        "sealed-twice",
        "同一文书重复用印，被拒绝 · the seal used twice on one document is refused",
        case,
        (
            f"First use: number {serial} in the register of {scene.seal}.",
            (
                f"Again: {refused['slug']} {refused['rule']}, see position "
                f"{refused['earlier_position']}; the register gave no number."
            ),
        ),
        (scene.command(f"/seals/{scene.seal}/register?limit=500", people["head"]),),
    )


async def calendar_changed(scene: Scene, case: str) -> Told:
    """A typhoon closes the offices: a calendar of the city moves what is due."""
    people, days = scene.people, working_days()
    state = await scene.state(case)
    accepted = date.fromisoformat(state["accepted_on"])
    closed = [days.add(accepted, n).isoformat() for n in (2, 3)]
    await scene.at(1, 10)
    number = "琼海示例告〔2026〕1号"
    notice = {"number": number, "issued": days.add(accepted, 1).isoformat(), "sha256": sha(number)}
    year = {"calendar": scene.bureau.ledger, "year": accepted.year, "off": closed, "work": []}
    proposal = {**year, "notice": notice, "provisional": False}
    await _office(scene, "/calendars", proposal, people["security_admin"], "calendar-propose")
    approved = await _office(
        scene, f"/calendars/{scene.bureau.ledger}/approve", {}, people["head"], "calendar-approve"
    )
    position = int(approved.body["position"])
    now = deadline(await scene.state(case), "statutory")
    then = deadline(await scene.state(case, as_of=position - 1), "statutory")
    moved = next(m for m in now["moved_by"] if m["cause"] == "calendar")
    return Told(
        "calendar-changed",
        "日历变更，期限重新计算 · the calendar changes in mid-case and moves what is due",
        case,
        (
            f"Closed by typhoon: {', '.join(closed)} ({number}, approved at position {position}).",
            (
                f"statutory was due {then['due']} by {then['calendar_version']}, "
                f"is due {now['due']} by {now['calendar_version']}."
            ),
            f"moved_by: {moved['cause']}, {moved['rule']}, {moved['from']} -> {moved['to']}.",
        ),
        (
            f"caseledger replay {case}",
            scene.command(f"/cases/{case}?as_of={position - 1}", people["head"]),
        ),
    )


async def correction(scene: Scene, case: str) -> Told:
    """A record is put right by two persons; what was known before can still be told."""
    people = scene.people
    await scene.at(2, 10)
    accepted = await scene.act(case, "accept", {}, scene.clerk, "correction-accept")
    event = accepted.body["events"][-1]["id"]
    await scene.at(3, 10)
    right = datetime.combine(scene.day, time(15), ZONE).isoformat()
    body = {
        "event": event,
        "fields": {"occurred_at": right},
        "evidence": sha("窗口登记表"),
        "reason": "窗口登记表显示收件当日已受理，录入有误",
    }
    proposed = await scene.act(case, "correct", body, scene.clerk, "correction-propose")
    own = next(e for e in proposed.body["events"] if e["type"] == "correction-proposed")
    approved = await scene.act(
        case, "approve-correction", {"event": own["id"]}, people["approver"], "correction-approve"
    )
    position = int(approved.body["events"][-1]["position"])
    now = deadline(await scene.state(case), "statutory")
    then = deadline(await scene.state(case, as_of=position - 1), "statutory")
    return Told(
        "correction",
        "更正：当时所知与现在所知 · a correction, then and now",
        case,
        (
            (
                f"Proposed by {scene.clerk}, approved by {people['approver']} "
                f"at position {position}; the old record stays."
            ),
            f"Then (as_of={position - 1}): accepted {then['start']}, due {then['due']}.",
            f"Now: accepted {now['start']}, due {now['due']}.",
        ),
        (
            f"caseledger replay {case}",
            scene.command(f"/cases/{case}?as_of={position - 1}", people["head"]),
        ),
    )


async def silent_window(scene: Scene, case: str) -> Told:
    """Nobody at the window says anything for five working days: the law accepts the case."""
    # Seven working days and the two of the typhoon, which this case is spared as well.
    await scene.at(9, 8, 30)
    state = await scene.state(case)
    answer = await scene.bureau.get(f"/cases/{case}/events", scene.people["head"])
    good(answer, "history")
    event = answer.body["items"][1]
    statutory = deadline(state, "statutory")
    return Told(
        "silent-window",
        "窗口沉默，逾期视为受理 · the silent window: accepted by law",
        case,
        (
            (
                f"Received {state['received_on']}; nothing said. {event['type']} as of "
                f"{_local(event['occurred_at'])}, actor {event['actor']['kind']}, nobody's name."
            ),
            (
                f"statutory counts from {statutory['start']} ({statutory['rule']}), "
                f"due {statutory['due']}."
            ),
        ),
        (
            f"caseledger replay {case}",
            scene.command(f"/alerts?case={case}", scene.people["authority"]),
        ),
    )


# -- what they are made of ----------------------------------------------------------------------


async def _decided(scene: Scene) -> str:
    """Bring a case to its decision, for the two stories about the seal."""
    case = await scene.receive("seal")
    await scene.act(case, "accept", {}, scene.clerk, "seal-accept")
    await scene.at(0, 14)
    await scene.granted(case, "seal")
    return case


async def _office(scene: Scene, path: str, body: Body, by: str, key: str) -> Answer:
    answer = await scene.bureau.post(path, body, by, f"demo-story-{key}")
    good(answer, path)
    return answer


def _use(scene: Scene) -> Body:
    return {"seal": scene.seal, "document": licence("seal"), "copies": 1, "medium": "paper"}


def _local(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(ZONE):%Y-%m-%d %H:%M}"
