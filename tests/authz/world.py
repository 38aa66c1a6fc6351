"""One ledger for the matrix: a person in every post, in every relation to one case.

The case is of an item of the example and has gone through what gives its relations: taken in
and accepted by the approving organ, handed on to another one, rated, investigated, overdue.
Nothing that the matrix asks changes it.
"""

from dataclasses import dataclass, field

from api.api_keys import ApiKeys
from api.issuing import API_KEYS_FILE
from api.setup import example
from tests.api.anchored import put_on_record
from tests.api.serving import Serving
from tests.api.test_catalogue import BASELINES, baseline, brought, lines
from tests.api.test_order import staged
from tests.authz.expected import STAFF, STATES

ITEM = "QH-002"
# Where a person's organ stands to the case.  J is given by the appointment, X by no post.
ORGANS = {
    "O": "qh-xzsp",  # approves
    "P": "asked",  # it was handed on to
    "S": "qh-wjw",  # supervises
    "E": "qh-zfj",  # enforces
    "A": "qh-gov",  # above the approving organ
    "J": "qh-jw",
    "-": "elsewhere",
}
OTHERS = [
    {"id": "asked", "name": "协办单位", "part": "supervising"},
    {"id": "elsewhere", "name": "外市单位", "part": "approving"},
]
# A client system in each organ.  The portal is the example's; applicants speak through it.
SYSTEMS = {relation: f"system-{organ}" for relation, organ in ORGANS.items()}
SPANS = {"expired": {"to": "2025-12-31"}, "not-yet": {"from": "2027-01-01"}}
APPLICANT, STRANGER = "91469002MA5X00014X", "91469002MA5X00022Q"


def person(role, relation, state):
    return f"{role}.{relation if relation != '-' else 'none'}.{state}"


def appointments():
    for role in STAFF:
        for relation, organ in ORGANS.items():
            for state in STATES:
                name = person(role, relation, state)
                more = {"jurisdiction": True} if relation == "J" else {}
                yield {
                    "id": name,
                    "person": name,
                    "name": name,
                    "role": role,
                    "organ": organ,
                    "items": "all",
                    "from": "2020-01-01",
                    "kind": "post",
                    **more,
                    **SPANS.get(state, {}),
                }


def document():
    """The example, with a person in every post and a system in every organ."""
    given = example()
    given["organs"] = [*given["organs"], *OTHERS]
    given["appointments"] = [*given["appointments"], *appointments()]
    systems = [
        {"id": name, "name": name, "organ": ORGANS[relation]} for relation, name in SYSTEMS.items()
    ]
    given["clients"] = [*given["clients"], *systems]
    # The keeper of the first seal is a sealer of the matrix: there custody is a relation.
    given["seals"][0]["keeper"] = person("sealer", "O", "valid")
    return given


@dataclass
class World:
    """The prepared ledger, and how each of its persons asks."""

    here: Serving
    case: str
    position: int
    uploaded: str
    keys: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    # What stands beside the cases: of these numbers nothing is there, unless a test has it.
    complaint: str = "469002-2026-999999"
    matter: str = "469002-2026-999999"

    def credential(self, role, relation, state):
        """The headers by which somebody of this role and relation shows who they are."""
        if role == "witness":
            return {}
        if role == "client-system":
            return {"Authorization": f"Bearer {self.keys[SYSTEMS[relation]]}"}
        if role == "applicant":
            who = APPLICANT if relation == "X" else STRANGER
            return {"Authorization": f"Bearer {self.keys['zwfw']}", "On-Behalf-Of": who}
        return {"Authorization": f"Bearer {self.token(person(role, relation, state))}"}

    def token(self, name):
        if name not in self.tokens:
            self.tokens[name] = self.here.tokens.token(name, name)
        return self.tokens[name]

    async def cookie(self, headers):
        """The cookie of somebody who signed in to the pages with their token."""
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.cookies:
            async with self.here.session.post(
                f"{self.here.base}/sign-in", data={"token": token}, allow_redirects=False
            ) as answer:
                assert 303 == answer.status
                named = answer.headers["Set-Cookie"]
            self.cookies[token] = named.partition(";")[0]
        return {"Cookie": self.cookies[token]} if token else {}


async def prepared(here):
    """Let the case happen, and the posts end that have ended."""
    keys = ApiKeys(here.service.keys / API_KEYS_FILE)
    given = {name: keys.add(name) for name in (*SYSTEMS.values(), "zwfw")}
    await here.at("2026-03-02 08:00")
    for role in STAFF:
        for relation in ORGANS:
            name = person(role, relation, "ended")
            by = "yan-qing" if role.startswith("inspect") else "fang-ke"
            answer = await here.post(f"/appointments/{name}/end", by=by)
            assert 201 == answer.status, answer.body
    await brought(here, lines(baseline()), BASELINES)
    await put_on_record(here)
    case = await here.accepted(ITEM, "2026-03-02")
    position = (await here.state(case))["position"]
    await here.done(case, "transfer", {"to": {"unit": ORGANS["P"]}}, by="zhou-min")
    call = {"grade": 1, "channel": "telephone", "call_reference": "1", "about": "chen-zhi"}
    await here.done(case, "evaluate", call, by="lu-qian")
    await here.done(case, "open-investigation", {"grounds": "线索"}, by="ke-jun")
    await here.at("2026-06-01 09:00")
    shown = await here.state(case)
    # Every line has something in it, and a checkpoint over that.
    assert 200 == (await here.get("/cases", by="jiang-he")).status
    assert await here.service.publishers[here.ledger].published(position, 30)
    for publisher in here.service.publishers.values():
        assert await publisher.published(1, 30)
    log = here.service.publishers[here.ledger].log
    newest = await log.newest()
    await log.keep_time_stamp(newest.size, "tsa.example", b"what it answered")
    # The views have seen it all.
    assert 200 == (await here.get(f"/cases?at_least={shown['position']}")).status
    return World(here, case, position, await staged(here), given)
