"""Who does what when in the example bureau: two hundred lives of cases, drawn from a seed.

Nothing here speaks to anybody.  The same seed gives the same plan, so a demo that was killed
in the middle finds every step again under its key.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

import ledger
from api.demo.invented import applicant
from api.demo.pen import ZONE, Body, Json, Moment, Pen, Step
from ledger.workdays import WorkingDays

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Life:
    """The plan of one case: what kind of life it is, and its steps in order."""

    no: int
    item: str
    turn: str
    steps: tuple[Step, ...]

    @property
    def events(self) -> int:
        """How many events the steps leave at least."""
        return sum(step.refused is None for step in self.steps)


def settings() -> Mapping[str, Json]:
    """Read who and what the plan is about."""
    read: Mapping[str, Json] = json.loads((DATA / "walk.json").read_text("utf-8"))
    return read


def working_days() -> WorkingDays:
    """Return the working days of the year of the plan, as its notice lists them."""
    folder = Path(ledger.__file__).parent / "data" / "calendars"
    notice = json.loads((folder / "cn-2026.json").read_text("utf-8"))
    listed = {date.fromisoformat(day): False for day in notice["off"]}
    listed |= {date.fromisoformat(day): True for day in notice["work"]}
    return WorkingDays(listed, (int(notice["year"]),), "cn")


def lives(setting: Mapping[str, Json], cases: int | None = None) -> tuple[Life, ...]:
    """Draw the lives of the cases in the order of their receipt."""
    wanted = int(setting["cases"]) if cases is None else cases
    rng = Random(int(setting["seed"]))  # noqa: S311  a plan, not a secret
    days = working_days()
    first = date.fromisoformat(setting["first_day"])
    last = date.fromisoformat(setting["last_day"])
    span = days.count(first, last)
    items = _dealt(rng, [(item, item["share"]) for item in setting["items"]], wanted)
    turns = _dealt(rng, list(setting["turns"].items()), wanted)
    found = []
    for n in range(wanted):
        start = days.add(first, n * span // wanted)
        pen = Pen(n + 1, items[n], setting, rng, days, Moment(start, rng.randrange(3)))
        WAYS[items[n]["way"]](pen, turns[n])
        ends = datetime.combine(last, time(23), ZONE)
        steps = tuple(step for step in pen.steps if step.at <= ends)
        found.append(Life(n + 1, items[n]["code"], turns[n], steps))
    return tuple(found)


def _dealt(rng: Random, shares: list[tuple[Json, int]], wanted: int) -> list[Json]:
    """Deal as many of each as its share says, in a drawn order."""
    total = sum(share for _, share in shares)
    cards = [what for what, share in shares for _ in range(round(share * wanted / total) + 1)]
    rng.shuffle(cards)
    return cards[:wanted]


# -- the ways an item is handled --------------------------------------------------------------


def _standard(pen: Pen, turn: str) -> None:
    """Three levels of opinion, the seal, and hand-out, with one turn in it."""
    people, rng, item = pen.people, pen.rng, pen.item
    clerk = people["relief"] if turn == "refused" else rng.choice(people["clerks"])
    handler = rng.choice(people["handlers"])
    _receive(pen, clerk)
    if not _accepted(pen, turn, clerk, handler):
        return
    to = {"unit": pen.setting["bureau"], "person": handler}
    pen.write(clerk, "transfer", {"to": to, "handed_over": [pen.digest("form")]})
    pen.write(handler, "acknowledge-transfer")
    pen.wait(rng.randrange(max(1, int(item["promise"]) - 2)))
    _special(pen, turn, handler)
    denied = turn == "denied"
    kind = "decision" if denied else str(item["result"])
    _reviews(pen, turn, handler, "deny" if denied else "grant")
    if turn == "late":
        pen.wait(int(item["promise"]) + rng.randrange(1, 4))
    if turn == "extended":
        _extension(pen, handler)
    pen.write(handler, "reserve-number", {"kind": kind})
    if turn == "refused":
        # Who accepted may not decide: she is an approver too, and hears SOD-1.
        body = _decision(pen, kind, denied=False)
        pen.write(clerk, "decide", body, refused="separation-of-duties")
    broken = _broken(pen)
    pen.write(people["approver"], "decide", _decision(pen, kind, denied=denied))
    if broken:
        # A promise that is not kept is explained in public (优化营商环境条例 36).
        body = {"what": "explanation", "where": "琼海市政务服务网"}
        pen.write(handler, "publish", body)
    _result(pen, turn, kind, denied=denied)


def _broken(pen: Pen) -> bool:
    """Tell whether the promise has passed by the day of the decision."""
    assert pen.promised is not None, "a case is accepted before it is decided"
    used = pen.days.count(pen.promised, pen.moment.day) - pen.paused
    return used > int(pen.item["promise"])


def _receive(pen: Pen, clerk: str) -> None:
    materials = [
        {"name": name, "sha256": pen.digest(name), "media_type": "application/pdf"}
        for name in pen.item["materials"]
    ]
    body = {
        "item": pen.item["code"],
        "applicant": applicant(pen.no, pen.setting, pen.rng),
        "channel": pen.rng.choice(("window", "window", "online", "post")),
        "materials": materials,
    }
    pen.write(clerk, "receive", body)


def _accepted(pen: Pen, turn: str, clerk: str, handler: str) -> bool:
    """Write how the case is accepted; False where it is not, or is taken back."""
    people, rng = pen.people, pen.rng
    sealer = people["sealer"]
    if turn == "silent":
        # Nobody says anything for the five working days of the law, which then accepts.
        pen.promised = pen.moment.day
        pen.wait(7)
        late = {"missing": [{"material": "补充说明"}], "notice": pen.digest("late notice")}
        pen.write(handler, "request-supplement", {**late, "served_at": pen.today})
        return True
    if turn == "declined":
        reasons = "该事项不属于本机关职权范围，请向有权机关申请。"
        body = {"kind": "not-ours", "organ": "市水务局", "reasons": reasons}
        pen.write(clerk, "decline", {**body, "notice": pen.digest("decline-notice 1")})
        _seal(pen, "decline-notice")
        return False
    if turn == "supplement":
        missing = pen.item["materials"][-1]
        lacking = [{"material": missing, "note": "缺少签章页"}]
        notice = {"served_at": pen.today, "notice": pen.digest("supplement")}
        pen.write(clerk, "request-supplement", {"missing": lacking, **notice})
        _seal(pen, "supplement-notice")
        pen.wait(rng.randrange(2, 7))
        pen.promised = pen.moment.day  # the day the list is complete
        again = {"name": missing, "sha256": pen.digest("again"), "media_type": "application/pdf"}
        pen.write(clerk, "receive-supplement", {"materials": [again]})
    elif turn == "plain" and rng.random() < 0.2:
        corrected = [{"material": pen.item["materials"][0], "note": "联系电话填写有误，当场更正"}]
        pen.write(clerk, "correct-on-spot", {"corrected": corrected})
    body = {"commitment": pen.digest("commitment")} if pen.item.get("commitment") else {}
    pen.promised = pen.promised or pen.moment.day
    pen.write(clerk, "accept", body)
    if rng.random() < 0.5:
        pen.write(sealer, "seal", _use(pen, "acceptance-notice", copies=2))
    if turn == "withdrawn":
        pen.wait(1)
        request = {"request": pen.digest("withdrawal"), "reason": "申请人书面撤回申请"}
        pen.write(clerk, "withdraw", request)
        return False
    return True


def _special(pen: Pen, turn: str, handler: str) -> None:
    if turn != "suspended" or not pen.item["special"]:
        return
    kind = pen.rng.choice(pen.item["special"])
    planned = pen.rng.randrange(5, 11)
    body = {
        "kind": kind,
        "planned_days": planned,
        "approved_by": pen.people["approver"],
        "notice": pen.digest("special-notice 1"),
        "served_at": pen.today,
        "reason": "依法需要进行特别程序，所需时间不计算在期限内",
    }
    began = pen.moment.day
    pen.write(handler, "suspend", body)
    pen.wait(planned + pen.rng.randrange(-3, 3))
    pen.paused = pen.days.count(began, pen.moment.day)
    pen.write(handler, "resume", {"kind": kind, "result": pen.digest("special result")})


def _reviews(pen: Pen, turn: str, handler: str, recommend: str) -> None:
    opinion = "材料齐全，符合法定条件。" if recommend == "grant" else "现场条件不符合法定标准。"
    body: Body = {"level": "handle", "opinion": opinion, "recommend": recommend}
    if pen.item.get("site"):
        finding = "与申报平面图一致" if recommend == "grant" else "通风设施不符合要求"
        site = {
            "persons": ["chen-zhi", "wang-lan"],
            "place": "琼海市嘉积镇示例路",
            "finding": finding,
        }
        body["site"] = site
    if turn == "late-entry":
        before = pen.moment.at()
        pen.wait(1)
        body |= {"occurred_at": before.isoformat(), "reason": "前一日系统停机，次日补录"}
    pen.write(handler, "review", body)
    check = {"level": "check", "opinion": "同意承办意见。", "recommend": recommend, "adopts": True}
    pen.write(pen.people["checker"], "review", check)


def _extension(pen: Pen, handler: str) -> None:
    by = pen.people[pen.item["extension"]]
    body = {"days": 10, "approved_by": by, "notice": pen.digest("extension-notice 1")}
    pen.write(handler, "extend", {**body, "reason": "案情复杂，需进一步核实材料"})
    pen.wait(pen.rng.randrange(4, 9))


def _decision(pen: Pen, kind: str, *, denied: bool) -> Body:
    document = pen.document(kind) | {"number": f"$number:{kind}"}
    if denied:
        reasons = "现场条件不符合法定标准；可在六十日内申请行政复议，或在六个月内提起行政诉讼。"
        return {"outcome": "deny", "document": document, "reasons": reasons}
    until = pen.moment.day + timedelta(days=365 * int(pen.item["years"]))
    valid = {"valid_from": pen.today, "valid_to": until.isoformat()}
    return {"outcome": "grant", "document": document | valid}


def _use(pen: Pen, kind: str, version: int = 1, copies: int = 1) -> Body:
    return {
        "seal": pen.item["seal"],
        "document": pen.document(kind, version),
        "copies": copies,
        "medium": "paper",
    }


def _seal(pen: Pen, kind: str, version: int = 1) -> None:
    pen.write(pen.people["sealer"], "seal", _use(pen, kind, version))


def _result(pen: Pen, turn: str, kind: str, *, denied: bool) -> None:
    """Write the seal, the hand-out, and what follows it."""
    people, version = pen.people, 1
    _seal(pen, kind)
    if turn == "seal-voided":
        version = 2
        body = {"document": {"kind": kind, "version": 1}, "approved_by": people["approver"]}
        new = {"version": 2, "sha256": pen.document(kind, 2)["sha256"]}
        pen.write(people["sealer"], "void-seal", {**body, "reason": "打印污损", "replacement": new})
        _seal(pen, kind, 2)
    pen.wait(pen.rng.randrange(4))
    issue = {
        "document": pen.document(kind, version),
        "method": pen.rng.choice(("window", "window", "post")),
        "recipient": {"name": pen.steps[0].body["applicant"]["name"]},
        "receipt": pen.digest("receipt"),
    }
    pen.write(people["issuer"], "issue", issue)
    if denied:
        pen.write(people["issuer"], "close")
        return
    if pen.item["way"] != "filing":
        where = {"what": "decision", "where": "琼海市政务服务网"}
        pen.write(people["issuer"], "publish", where)
    if not pen.item.get("push_after_close"):
        _push(pen)
    pen.write(people["issuer"], "close")
    if pen.item.get("push_after_close"):
        _push(pen)
    if turn == "corrected":
        _correction(pen)
    if pen.item["way"] != "filing":
        pen.wait(pen.rng.randrange(1, 3))
        pen.write(people["supervisors"][pen.item["supervisor"]], "claim")
    if pen.rng.random() < 0.25:
        grade = pen.rng.choice((5, 5, 5, 5, 4, 4, 3, 2))
        call = {"grade": grade, "channel": "telephone", "call_reference": f"12345-{pen.no:06}"}
        pen.write(people["hotline"], "evaluate", call)


def _push(pen: Pen) -> None:
    pen.write(pen.people["issuer"], "push", {"to": pen.item["supervisor"]})


def _correction(pen: Pen) -> None:
    """A clerk's record of the acceptance is put right, by another person's approval."""
    clerk = pen.steps[0].by
    body = {
        "event": "$event:accepted",
        "fields": {"occurred_at": pen.steps[0].at.isoformat()},
        "evidence": pen.digest("window log"),
        "reason": "窗口登记表显示当时即已受理",
    }
    pen.write(clerk, "correct", body)
    pen.write(pen.people["approver"], "approve-correction", {"event": "$event:correction-proposed"})


def _filing(pen: Pen, turn: str) -> None:
    """A filing is received, accepted, its receipt sealed and handed out; nobody decides."""
    clerk = pen.rng.choice(pen.people["clerks"])
    _receive(pen, clerk)
    pen.write(clerk, "accept")
    _result(pen, turn, pen.item["result"], denied=False)


def _sole(pen: Pen, turn: str) -> None:
    """An instant item: one person may do it all, and every such case says so."""
    by = pen.people["sole"]
    kind = str(pen.item["result"])
    pen.moment.hour = 0
    _receive(pen, by)
    pen.write(by, "accept")
    pen.write(by, "reserve-number", {"kind": kind})
    pen.write(by, "decide", _decision(pen, kind, denied=False))
    _result(pen, turn, kind, denied=False)


WAYS: Mapping[str, Callable[[Pen, str], None]] = {
    "standard": _standard,
    "filing": _filing,
    "sole": _sole,
}
