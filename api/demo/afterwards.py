"""Stories of what comes after the decision: a false promise, a bad rating, a renewal by silence.

Supervision and enforcement act here, each in its own line; the bureau answers.
"""

from datetime import date, timedelta

from api.demo.beside import complaint, one_thing
from api.demo.pen import sha
from api.demo.plan import working_days
from api.demo.posts import lent_and_counted
from api.demo.scene import Body, Scene, Told, deadline, licence

OFFICERS = ["ke-jun", "gao-yuan"]


async def false_promise(scene: Scene) -> Told:
    """A promise is found false: the permit is revoked, and its holder trusted no more."""
    people, name = scene.people, "promise"
    supervisor = people["supervisors"]["qh-scjg"]
    case = await scene.receive(name, "QH-004")
    await scene.act(case, "accept", {"commitment": sha(name)}, scene.clerk, f"{name}-accept")
    await scene.granted(case, name)
    await scene.act(case, "push", {"to": "qh-scjg"}, scene.handler, f"{name}-push")
    await scene.act(case, "claim", {}, supervisor, f"{name}-claim")
    when = await scene.at(11, 10)
    visit = {"purpose": "verification", "outcome": "false-promise", "evidence": sha("photo")}
    await scene.act(case, "inspect", visit, supervisor, f"{name}-inspect")
    grounds = {"grounds": "69(2)", "text": "承诺的经营条件不具备"}
    proposed = await scene.act(case, "propose-revocation", grounds, supervisor, f"{name}-propose")
    event = proposed.body["events"][-1]["id"]
    card = f"{case}/revocation.proposed/{event}"
    answer = {"alert": card, "explanation": "经核查属实，予以撤销", "accepts": True}
    await scene.act(case, "answer-alert", answer, people["head"], f"{name}-answer")
    heard = {
        "grounds": "69(2)",
        "notice": sha("revocation notice"),
        "served_at": when.date().isoformat(),
        "heard": "statement",
    }
    await scene.act(case, "revoke-permit", heard, people["approver"], f"{name}-revoke")
    paper = {"kind": "revocation", "version": 1, "sha256": sha("revocation")}
    use = {"seal": scene.seal, "document": paper, "copies": 1, "medium": "paper"}
    await scene.act(case, "seal", use, people["sealer"], f"{name}-seal")
    follows = {"follows": "revocation"}
    await scene.act(case, "deregister", follows, people["approver"], f"{name}-deregister")
    await _enforced(scene, case, name, when.date())
    refused = await _refused(scene, name)
    return Told(
        "false-promise",
        "承诺不实：撤销、处罚、联合惩戒 · a false promise: revoked, penalised, trusted no more",
        case,
        (
            f"{supervisor} found it false; the bureau's head answered the red card in time.",
            "Revoked on another person's proposal, after the holder was heard; deregistered.",
            f"Enforcement: two officers named, a fine, a sanction. A new promise: {refused}.",
        ),
        (
            scene.command(f"/audit/enforcement?case={case}", people["authority"]),
            f"caseledger replay {case}",
        ),
    )


async def _enforced(scene: Scene, case: str, name: str, on: date) -> None:
    """Let the enforcement team do its part, and report back."""
    acts: tuple[tuple[str, Body], ...] = (
        ("open-investigation", {"grounds": "虚假承诺取得许可"}),
        ("record-finding", {"officers": OFFICERS, "finding": "现场与承诺不符"}),
        ("penalise", {"officers": OFFICERS, "kind": "fine", "amount": 500_000}),
        (
            "sanction",
            {"measure": "不适用告知承诺", "until": (on + timedelta(days=180)).isoformat()},
        ),
        ("close-investigation", {"result": "penalised", "report": sha("report")}),
    )
    for action, body in acts:
        await scene.act(case, action, body, OFFICERS[0], f"{name}-{action}")


async def _refused(scene: Scene, name: str) -> str:
    """Let the same firm promise once more; say how that was refused."""
    other = await scene.receive(f"{name}-again", "QH-004")
    rules = {row["rule"] for row in await scene.refusals(other)}
    if "credit.listed" not in rules:
        body = {"commitment": sha("again")}
        await scene.attempt(other, "accept", body, scene.clerk, f"{name}-again-accept")
    row = next(r for r in await scene.refusals(other) if r["rule"] == "credit.listed")
    await scene.act(other, "accept", {}, scene.clerk, f"{name}-again-plain")
    return f"{row['slug']} {row['rule']}"


async def bad_rating(scene: Scene) -> Told:
    """A bad rating is called back, verified, put right, fed back, and closed by the hotline."""
    people, name = scene.people, "rating"
    hotline, head = people["hotline"], people["head"]
    case = await scene.receive(name)
    await scene.act(case, "accept", {}, scene.clerk, f"{name}-accept")
    await scene.granted(case, name)
    await scene.at(12, 10)
    rated = {
        "grade": 2,
        "channel": "12345",
        "text": "来回跑了三次",
        "about": scene.handler,
        "call_reference": "12345-2026-0001",
    }
    await scene.act(case, "evaluate", rated, hotline, f"{name}-evaluate")
    if "SOD-15" not in {row["rule"] for row in await _supervision(scene, case)}:
        await scene.attempt(case, "call-back", {}, scene.handler, f"{name}-own")
    await scene.act(case, "call-back", {"text": "已回访"}, hotline, f"{name}-call-back")
    verdict = {"verdict": "valid"}
    await scene.act(case, "verify-review", verdict, people["authority"], f"{name}-verify")
    measure = {"measure": "一次性告知清单已修订"}
    await scene.act(case, "rectify", measure, head, f"{name}-rectify")
    await scene.at(13, 10)
    await scene.act(case, "feed-back", {"text": "已向申请人说明"}, head, f"{name}-feed-back")
    again = {"grade": 4, "channel": "12345", "call_reference": "12345-2026-0002"}
    await scene.act(case, "evaluate", again, hotline, f"{name}-again")
    await scene.act(case, "close-review", {}, hotline, f"{name}-close")
    state = await scene.state(case)
    run = deadline(state, "bad-review")
    grades = [review["grade"] for review in state["reviews"]]
    return Told(
        "bad-rating",
        "差评：回访、核实、整改、反馈 · a bad rating, followed up by others",
        case,
        (
            f"{scene.handler}, whom it is about, may not call back: SOD-15, on record.",
            f"Due {run['due']}, fed back {run['met_at']}: {run['light']}. Grades {grades}.",
        ),
        (scene.command(f"/audit/supervision?case={case}", people["authority"]),),
    )


async def _supervision(scene: Scene, case: str) -> list[Body]:
    answer = await scene.bureau.get(
        "/audit/supervision", scene.people["authority"], case=case, refused="true"
    )
    return list(answer.body["items"])


async def renewed_by_silence(scene: Scene) -> Told:
    """A renewal applied for in time and decided by nobody: the law lets the permit go on."""
    name = "renewal"
    start = working_days().add(scene.day, 13)
    ends = start + timedelta(days=30)
    case = await scene.receive(name, "QH-007", permit_valid_to=ends.isoformat())
    await scene.act(case, "accept", {}, scene.clerk, f"{name}-accept")
    await scene.until(ends + timedelta(days=1))
    state = await scene.state(case)
    decision = state["decision"]
    run = deadline(state, "stage:renewal")
    return Told(
        "renewed-by-silence",
        "延续申请逾期未决，视为准予延续 · a renewal nobody decides is granted by law",
        case,
        (
            f"Applied for on {state['received_on']}, the permit ends on {run['due']}.",
            (
                f"Nobody decided; deemed-renewed, nobody's name, valid until "
                f"{decision['valid_to']}. stage:renewal is {run['light']}."
            ),
        ),
        (
            f"caseledger replay {case}",
            scene.command(f"/alerts?case={case}&level=red", scene.people["authority"]),
        ),
    )


async def archived_and_challenged(scene: Scene) -> Told:
    """One is terminated, one challenged in court, one goes to the archive."""
    people, name = scene.people, "ends"
    given_up = await scene.receive(f"{name}-dissolved")
    body = {"kind": "dissolved", "reason": "企业已注销", "evidence": sha("register")}
    await scene.act(given_up, "terminate", body, people["approver"], f"{name}-terminate")
    case = await scene.receive(name)
    await scene.act(case, "accept", {}, scene.clerk, f"{name}-accept")
    await scene.granted(case, name)
    use = {"seal": scene.seal, "document": licence(name), "copies": 1, "medium": "paper"}
    await scene.act(case, "seal", use, people["sealer"], f"{name}-seal")
    issue = {"document": licence(name), "method": "window", "receipt": sha("receipt")}
    await scene.act(case, "issue", issue, people["issuer"], f"{name}-issue")
    public = {"what": "decision", "where": "琼海市政务服务网"}
    await scene.act(case, "publish", public, scene.handler, f"{name}-publish")
    await scene.act(case, "push", {"to": "qh-wjw"}, scene.handler, f"{name}-push")
    await scene.act(case, "close", {}, people["issuer"], f"{name}-close")
    package = {"package": sha("package"), "retention": "10", "items": 12}
    await scene.act(case, "archive", package, people["issuer"], f"{name}-archive")
    on = (await scene.state(case))["closed_on"]
    filed = {"kind": "litigation", "body": "琼海市人民法院", "filed_on": on}
    await scene.act(case, "record-remedy", filed, scene.handler, f"{name}-remedy")
    order = {"order": "请按期向法院提交证据"}
    await scene.act(case, "supervise", order, people["head_above"], f"{name}-supervise")
    result = {"result": "upheld", "document": sha("judgment")}
    await scene.act(case, "record-remedy-result", result, people["head"], f"{name}-result")
    return Told(
        "archived-and-challenged",
        "归档与救济 · archived, challenged in court, upheld",
        case,
        (f"{given_up} was terminated: its applicant is no more.", f"{case} is in the archive."),
        (f"caseledger replay {case}",),
    )


# In the order of their days.
AFTERWARDS = (
    false_promise,
    bad_rating,
    archived_and_challenged,
    lent_and_counted,
    complaint,
    one_thing,
    renewed_by_silence,
)
