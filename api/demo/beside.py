"""Stories of what stands beside the cases: a complaint of 12345, and a matter that joins cases."""

from api.demo.scene import Body, Json, Scene, Told, application, deadline, good, licence

# The bundle: one form for the permit of the place and the licence for food.
ITEMS = ("QH-002", "QH-004")


async def complaint(scene: Scene) -> Told:
    """Somebody calls 12345; the unit puts it right and answers, and never closes it itself."""
    people, name = scene.people, "complaint"
    hotline, head = people["hotline"], people["head"]
    await scene.at(13, 14)
    case = await scene.receive(f"{name}-case")
    await scene.act(case, "accept", {}, scene.clerk, f"{name}-accept")
    said: Body = {
        "kind": "service",
        "channel": "telephone",
        "text": "窗口让我跑了三趟，每次说的材料都不一样",
        "caller": {"name": "王小明", "telephone": "13800000000"},
        "about": {"unit": scene.unit},
        "case": case,
        "call_reference": "12345-2026-0101",
    }
    number = await scene.begin("complaints", "complaint", said, hotline, f"{name}-register")

    async def act(action: str, body: Body, by: str, key: str) -> None:
        await scene.act(number, action, body, by, f"{name}-{key}", of="complaints")

    passed_on = {"unit": scene.unit, "summary": "反映窗口未一次性告知所需材料，请核实整改"}
    await act("assign", passed_on, hotline, "assign")
    if not await _refused(scene, number):
        early = {"result": "resolved"}
        await scene.attempt(number, "close-complaint", early, head, f"{name}-own", of="complaints")
    refused = (await _refused(scene, number))[0]["slug"]
    measure = "已向来电人当面说明，一次性告知清单已修订并上墙"
    await act("reply", {"result": "done", "measure": measure}, head, "reply")
    # What 12345 hears when it calls back; nothing is assumed where nobody is reached.
    heard = {"grade": 5, "said": "问题已解决"}
    closing = {"result": "resolved", "text": "回访满意", "satisfaction": heard}
    await act("close-complaint", closing, hotline, "close")
    shown = await _shown(scene, f"/complaints/{number}", hotline)
    reply = deadline(shown, "complaint-reply")
    return Told(
        "complaint",
        "12345 投诉：派单、整改、回访、办结 · a complaint: put right, called back, closed",
        case,
        (
            f"{number} about {case}; the unit learns the hotline's summary, not who called.",
            f"The unit may not close it: {refused}, on record.",
            f"Due {reply['due']}, answered {reply['met_at']}: {reply['light']}.",
            f"Called back: grade {shown['closed']['satisfaction']['grade']}; {shown['state']}.",
        ),
        (scene.command(f"/complaints/{number}", hotline),),
    )


async def one_thing(scene: Scene) -> Told:
    """One form for two permits, with an opinion asked beside them; each keeps its own decision."""
    people, name = scene.people, "one-thing"
    approver, supervisor = people["approver"], people["supervisors"]["qh-wjw"]
    await scene.at(13, 15)
    form = application(ITEMS[0], name)
    opening: Body = {
        "name": "我要开餐馆",
        "kind": "one-thing",
        "applicant": form["applicant"],
        "items": list(ITEMS),
        "materials": form["materials"],
        "promise": 3,
    }
    number = await scene.begin("matters", "matter", opening, scene.clerk, f"{name}-open")
    cases = []
    for item in ITEMS:
        case = await scene.receive(f"{name}-{item}", item, matter=number)
        await scene.act(case, "accept", {}, scene.clerk, f"{name}-{item}-accept")
        cases.append(case)

    async def act(action: str, body: Body, by: str) -> None:
        await scene.act(number, action, body, by, f"{name}-{action}", of="matters")

    question = {"organ": "qh-wjw", "question": "选址和布局是否符合卫生要求", "days": 2}
    await act("request-opinion", question, scene.handler)
    asked = (await _shown(scene, f"/matters/{number}", supervisor))["opinions"][0]
    opinion = {"request": asked["request"], "opinion": "符合要求", "recommend": "agree"}
    await act("give-opinion", opinion, supervisor)
    await scene.at(13, 16)
    for item, case in zip(ITEMS, cases, strict=True):
        key = f"{name}-{item}"
        await scene.reviewed(case, key)
        outcome = {"outcome": "grant", "document": licence(key)}
        await scene.act(case, "decide", outcome, approver, f"{key}-decide")
    shown = await _shown(scene, f"/matters/{number}", people["head"])
    promise = deadline(shown, "matter-promise")
    said = shown["opinions"][0]
    return Told(
        "one-thing",
        "一件事：一表申请、并联征求意见、各自决定 · one thing: one form, parallel, each decided",
        cases[0],
        (
            f"{number} joins {' and '.join(cases)}: {shown['decided']} of {shown['of']} decided.",
            f"{said['organ']} was asked beside them: {said['recommend']}, on {said['given_on']}.",
            f"Promised as a whole by {promise['due']}: {promise['light']}.",
        ),
        (
            scene.command(f"/matters/{number}", people["head"]),
            scene.command(f"/alerts?case={number}", people["authority"]),
        ),
    )


async def _shown(scene: Scene, path: str, by: str) -> Json:
    answer = await scene.bureau.get(path, by)
    good(answer, path)
    return answer.body


async def _refused(scene: Scene, number: str) -> Json:
    answer = await scene.bureau.get(
        "/audit/supervision", scene.people["authority"], case=number, refused="true"
    )
    good(answer, "audit")
    return answer.body["items"]
