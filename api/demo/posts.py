"""A story of posts: one lent for some days, one for an emergency, and a seal that is counted."""

from datetime import timedelta

from api.demo.pen import sha
from api.demo.scene import Body, Scene, Told, good, licence


async def lent_and_counted(scene: Scene) -> Told:
    """Who decides is away, who handles falls ill; then the seal is counted beside its register."""
    people, name = scene.people, "posts"
    now = await scene.at(13, 14)
    today = now.date().isoformat()
    case = await scene.receive(name)
    await scene.act(case, "accept", {}, scene.clerk, f"{name}-accept")
    await scene.reviewed(case, name)
    approver, delegate = people["approver"], people["sole"]
    lent = {
        "id": "demo-lent",
        "kind": "delegation",
        "delegator": approver,
        "person": delegate,
        "role": "approver",
        "organ": scene.unit,
        "actions": ["decide"],
        "from": today,
        "to": (now.date() + timedelta(days=3)).isoformat(),
    }
    await _granted(scene, lent)
    grant = {"outcome": "grant", "document": licence(name)}
    # In a later run both posts have ended: what they gave is done and not asked for again.
    if (await scene.state(case))["decision"] is None:
        await scene.act(case, "decide", grant, delegate, f"{name}-decide")
    urgent = await scene.receive(f"{name}-urgent")
    await scene.act(urgent, "accept", {}, scene.clerk, f"{name}-urgent-accept")
    to = {"to": {"unit": scene.unit, "person": scene.handler}, "handed_over": [sha("urgent")]}
    await scene.act(urgent, "transfer", to, scene.clerk, f"{name}-urgent-transfer")
    await scene.act(urgent, "acknowledge-transfer", {}, scene.handler, f"{name}-urgent-taken")
    emergency = {
        "id": "demo-emergency",
        "kind": "break-glass",
        "person": people["issuer"],
        "role": "handler",
        "organ": scene.unit,
        "from": today,
        "reason_code": "duty-absent",
        "text": "承办人突发疾病，办件今日到期",
        "reference": "值班记录 2026-17",
    }
    await _granted(scene, emergency)
    if (await scene.state(urgent))["transfer"] is None:
        to["to"] = {"unit": scene.unit, "person": delegate}
        await scene.act(urgent, "transfer", to, people["issuer"], f"{name}-urgent-handed-on")
    counted = await _counted(scene, today)
    return Told(
        "lent-and-counted",
        "委托、应急授权与用印核对 · a post lent, an emergency, a seal counted",
        case,
        (
            f"{delegate} decided for {approver}: both stand in the act, and count for duties.",
            f"{people['issuer']} handed {urgent} on by break-glass, for four hours and marked.",
            f"The counter of {scene.seal} says {counted}, and so does its register: no card.",
        ),
        (
            scene.command(f"/audit/approval?case={urgent}", people["authority"]),
            scene.command("/posts/check", people["security_admin"]),
        ),
    )


async def _granted(scene: Scene, body: Body) -> None:
    """Propose a post and let another person approve it, or find that done."""
    path, key = "/appointments", f"demo-story-{body['id']}"
    asked = await scene.bureau.post(path, body, scene.people["security_admin"], f"{key}-propose")
    good(asked, "propose")
    given = await scene.bureau.post(
        f"{path}/{body['id']}/approve", {}, scene.people["head"], f"{key}-approve"
    )
    good(given, "approve")


async def _counted(scene: Scene, today: str) -> int:
    """Count the uses of the seal up to today, and put that on record beside the counter's."""
    keeper = scene.people["sealer"]
    register = await scene.bureau.get(
        f"/seals/{scene.seal}/register", keeper, to=today, limit=1, count="exact"
    )
    good(register, "register")
    counter = int(register.body["total"])
    body = {"counter": counter, "as_of": today, "paper_register_sha256": sha("paper register")}
    key = f"demo-story-count-{counter}"
    good(await scene.bureau.post(f"/seals/{scene.seal}/reconcile", body, keeper, key), "reconcile")
    return counter
