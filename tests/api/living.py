"""What the lives of cases in `test_lives_*.py` have in common: acts, calendars, and reading."""

from tests.api.serving import GRANT, opinion, sha
from tests.ledger.given import CALENDARS

HEAD = {"approved_by": "wu-jun", "notice": sha("extension-notice"), "reason": "案情复杂"}


async def adopted(here, content, at):
    """Adopt a year of a calendar; proposing it moves nothing yet."""
    await here.at(at)
    proposed = await here.post("/calendars", content, by="fang-ke")
    assert (201, "proposed") == (proposed.status, proposed.body["state"]), proposed.body
    approved = await here.post(f"/calendars/{content['calendar']}/approve", by="wu-jun")
    assert 201 == approved.status, approved.body
    return approved.body["position"]


def year(number, off, work=(), *, calendar="cn", of=2020, issued="2020-01-26"):
    """One year of a calendar as its notice sets it."""
    notice = {"number": number, "issued": issued, "sha256": sha(number)}
    return {"calendar": calendar, "year": of, "off": [*off], "work": [*work], "notice": notice}


def published(name, number):
    """A year as it was published, with the digest of its notice."""
    given = CALENDARS[name]
    return year(number, given["off"], given["work"], of=given["year"])


async def stopped(here, case, kind, at, planned, **more):
    """Suspend with a notice served on the same day."""
    body = {
        "kind": kind,
        "planned_days": planned,
        "approved_by": "huang-qiang",
        "notice": sha(f"notice {at}"),
        "served_at": at[:10],
    } | more
    body = {name: value for name, value in body.items() if value is not None}
    return await here.done(case, "suspend", body, by="chen-zhi", at=at)


async def resumed(here, case, kind, at):
    body = {"kind": kind, "result": sha(f"result {at}")}
    return await here.done(case, "resume", body, by="chen-zhi", at=at)


async def corrected(here, case, event, fields, *, by, proposed, approved):
    """Propose a correction, and have another person approve it."""
    body = {"event": event, "fields": fields, "evidence": sha("slip"), "reason": "以纸质为准"}
    done = await here.done(case, "correct", body, by=by, at=proposed)
    event = {"event": done.body["events"][0]["id"]}
    return await here.done(case, "approve-correction", event, by="huang-qiang", at=approved)


async def as_of(here, case, moment):
    """The case as known at a position, or at a local time such as 2020-01-25T12:00."""
    asked = moment if isinstance(moment, int) else f"{moment}:00%2B08:00"
    answer = await here.get(f"/cases/{case}?as_of={asked}")
    assert answer.status == 200, answer.body
    return answer.body


async def cards(here, case, by="xing-tao", **asked):
    """The cards of a case, in the order of raising."""
    query = "".join(f"&{name}={value}" for name, value in asked.items())
    answer = await here.get(f"/alerts?case={case}&limit=500{query}", by=by)
    assert answer.status == 200, answer.body
    return sorted(answer.body["items"], key=lambda card: (card["raised_at"], card["id"]))


def told(found, *names):
    """What a test asks of each card; of an instant at midnight only its day."""
    rows = [[card.get(name) for name in names] for card in found]
    return [tuple(str(v).removesuffix("T00:00:00+08:00") for v in row) for row in rows]


async def findings(here, case, rule):
    """What inspection finds in a case by a rule, in the order of its acts."""
    answer = await here.get(f"/findings?rule={rule}&case={case}", by="jiang-he")
    assert answer.status == 200, answer.body
    return sorted(answer.body["items"], key=lambda found: found["positions"])


async def positions(here, case, *types):
    events = (await here.get(f"/cases/{case}/events")).body["items"]
    return [event["position"] for event in events if event["type"] in types]


async def figure(here, definition, since, until):
    """One figure of a period: how many of how many, and for which causes."""
    answer = await here.get(f"/performance?from={since}&to={until}", by="xing-tao")
    assert answer.status == 200, answer.body
    (found,) = [f for f in answer.body["items"] if f["definition"] == definition]
    return found["numerator"], found["denominator"], found.get("causes", {})


def dues(state, *names):
    newest = {d["name"]: d["due"] for d in state["deadlines"]}
    return [newest.get(name) for name in names]


def moves(deadline):
    """What moved a due date: cause, rule or notice, from when to when."""
    return [
        (m["cause"], m.get("notice", m["rule"]), m["from"], m["to"]) for m in deadline["moved_by"]
    ]


async def overridden(here):
    """S17: both reviews say no, the decision says yes."""
    case = await here.accepted("QH-002", "2026-04-13")
    deny = opinion("handle", "选址不符合要求", "deny")
    await here.done(case, "review", deny, by="chen-zhi", at="2026-04-14 10:00")
    agreed = opinion("check", "同意不予许可", "deny") | {"adopts": True}
    await here.done(case, "review", agreed, by="lin-bo", at="2026-04-14 14:00")
    await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-04-15 10:00")
    return case
