"""Where the stories are played: the bureau, its people, the days that they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from api.demo.caller import Answer, Bureau, DemoError
from api.demo.pen import ZONE, sha
from api.demo.plan import working_days

Json = Any
Body = dict[str, Json]

FIRST_DAY = date(2026, 9, 2)


@dataclass(frozen=True, slots=True)
class Told:
    """A story that was played: its name, what happened, where to see it and how."""

    name: str
    title: str
    case: str
    lines: tuple[str, ...]
    commands: tuple[str, ...]


@dataclass(slots=True)
class Scene:
    """Where the stories are played: the bureau, its people, and the first day."""

    bureau: Bureau
    people: Mapping[str, Json]
    unit: str
    item: str
    seal: str
    day: date = FIRST_DAY
    versions: dict[str, int] = field(default_factory=dict)

    async def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Set the clock to an hour some working days after the first day."""
        on = working_days().add(self.day, days)
        when = datetime.combine(on, time(hour, minute), ZONE)
        await self.bureau.clock(when, self.people["system_admin"])
        return when

    async def until(self, on: date) -> None:
        """Set the clock to the morning of a day."""
        when = datetime.combine(on, time(8, 30), ZONE)
        await self.bureau.clock(when, self.people["system_admin"])

    async def receive(self, name: str, item: str | None = None, **more: Json) -> str:
        """Receive an application, and return the number of its case."""
        body = application(item or self.item, name) | more
        key = f"demo-story-{name}-receive"
        answer = await self.bureau.post("/cases", body, self.clerk, key)
        good(answer, name)
        case = str(answer.body["case"])
        self.versions[case] = int(answer.body["version"])
        return case

    async def begin(self, of: str, what: str, body: Body, by: str, key: str) -> str:
        """Begin a complaint or a matter, and return its number."""
        answer = await self.bureau.post(f"/{of}", body, by, f"demo-story-{key}")
        good(answer, key)
        number = str(answer.body[what])
        self.versions[number] = int(answer.body["version"])
        return number

    async def act(
        self, case: str, action: str, body: Body, by: str, key: str, *, of: str = "cases"
    ) -> Answer:
        """Do an action that has to succeed, or had succeeded in an earlier run."""
        answer = await self.attempt(case, action, body, by, key, of=of)
        good(answer, f"{case} {action}")
        self.versions[case] = max(self.versions[case], int(answer.body["version"]))
        return answer

    async def attempt(
        self, case: str, action: str, body: Body, by: str, key: str, *, of: str = "cases"
    ) -> Answer:
        """Try an action, on the case (or whatever has that number) as it is now."""
        named = f"demo-story-{key}"

        async def sent() -> Answer:
            return await self.bureau.act(case, action, body, by, named, self.versions[case], of=of)

        answer = await sent()
        if answer.slug == "version-conflict":
            self.versions[case] = int(answer.body["current_version"])
            answer = await sent()
        return answer

    async def reviewed(self, case: str, name: str) -> None:
        """Hand a case over and bring it through both levels of opinion."""
        to = {"to": {"unit": self.unit, "person": self.handler}, "handed_over": [sha(name)]}
        await self.act(case, "transfer", to, self.clerk, f"{name}-transfer")
        await self.act(case, "acknowledge-transfer", {}, self.handler, f"{name}-acknowledge")
        opinion = {"level": "handle", "opinion": "材料齐全，符合法定条件。", "recommend": "grant"}
        await self.act(case, "review", opinion, self.handler, f"{name}-handle")
        check = {"level": "check", "opinion": "同意。", "recommend": "grant", "adopts": True}
        await self.act(case, "review", check, self.people["checker"], f"{name}-check")

    async def granted(self, case: str, name: str) -> None:
        """Bring an accepted case to its grant, a licence."""
        await self.reviewed(case, name)
        outcome = {"outcome": "grant", "document": licence(name)}
        await self.act(case, "decide", outcome, self.people["approver"], f"{name}-decide")

    async def state(self, case: str, **query: str | int) -> Mapping[str, Json]:
        """Return a case as it is, or as it was known."""
        answer = await self.bureau.get(f"/cases/{case}", self.people["head"], **query)
        good(answer, case)
        return answer.body

    async def refusals(self, case: str) -> Sequence[Mapping[str, Json]]:
        """Return the refusals on record of a case."""
        answer = await self.bureau.get(
            "/audit/approval", self.people["authority"], case=case, refused="true"
        )
        good(answer, "audit")
        rows: Sequence[Mapping[str, Json]] = answer.body["items"]
        return rows

    @property
    def clerk(self) -> str:
        """Who stands at the window."""
        return str(self.people["clerks"][0])

    @property
    def handler(self) -> str:
        """Who handles a case."""
        return str(self.people["handlers"][0])

    def command(self, path: str, who: str) -> str:
        """Return a command that shows something of the interface."""
        return (
            f'curl -s -H "Authorization: Bearer $(caseledger token {who})" '
            f"'{self.bureau.url}{path}'"
        )


def application(item: str, name: str) -> Body:
    """Return an application of the example firm."""
    return {
        "item": item,
        "applicant": {
            "kind": "organisation",
            "name": "海南示例餐饮有限公司",
            "id_scheme": "USCC",
            "id": "91469002MA5X00014X",
        },
        "channel": "window",
        "materials": [
            {"name": "申请表", "sha256": sha(f"story {name}"), "media_type": "application/pdf"}
        ],
    }


def licence(name: str) -> Body:
    """Name the licence of a story."""
    return {"kind": "licence", "version": 1, "sha256": sha(f"story licence {name}")}


def deadline(state: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    """Return the newest run of a limit."""
    found: Sequence[Mapping[str, Json]] = [d for d in state["deadlines"] if d["name"] == name]
    return found[-1]


def good(answer: Answer, what: str) -> None:
    """Go no further where something that must succeed did not."""
    if not answer.good:
        raise DemoError(f"{what}: {answer.reason} {answer.body.get('detail', '')}")
