"""What is a person's is shown to nobody in clear (T-FIELD): no answer, header, page, file, log.

A canary stands in every member of a class that is encrypted; what is left out of the table
of classes fails here, not at a reader's.
"""

import io

import pytest
import structlog

from api import logs
from api.api_keys import ApiKeys
from api.issuing import API_KEYS_FILE
from api.metrics import METRICS
from ledger import privacy
from ledger.classes import FIELDS
from tests.api.serving import KEYS, LICENCE, application, serve, sha
from tests.api.test_applicants import everything, holding
from tests.authz.asking import place
from tests.authz.expected import PAGES, STAFF, rows
from tests.authz.world import World, document, person

DAY = "2026-03-02"
OWN = "460000198001010019"
READINGS = [r for r in rows() if r.method == "GET" and not r.to_come and r.kind != "open"]
ENCRYPTED = {"personal", "sensitive", "inspection"}
# Members that no body has: what stands for them outside has a canary.
UNWRITTEN = {("intervention-recorded", "who")}  # it is called `person`


@pytest.fixture
async def here(database, tmp_path):
    given = {"469002": document()}
    async for one in serve(database, tmp_path, start=DAY, documents=given):
        await one.at(f"{DAY} 08:00")
        yield one


class Canaries:
    """Texts that occur nowhere else, by the member they stand in."""

    def __init__(self):
        self.texts = {("received", "applicant.id"): OWN}

    def __call__(self, kind, path):
        number = len(self.texts)
        last = path.rpartition(".")[2]
        formed = {
            "id": f"46000019900101{number:04d}",
            "telephone": f"1391234{number:04d}",
            "authority": sha(f"canary {number}"),
        }
        # An address is shown to its district, so the canary lies below that.
        text = formed.get(last, f"金丝雀{number:02d}号院内所述")
        self.texts[kind, path] = text
        return f"海南省琼海市{text}" if last == "address" else text


async def portal(here, method, path, body=None, version=None, who=OWN):
    """Somebody who has no post here asks for something, through the portal."""
    if not hasattr(here, "portal"):
        here.portal = ApiKeys(here.service.keys / API_KEYS_FILE).add("zwfw")
    headers = {"Authorization": f"Bearer {here.portal}", "On-Behalf-Of": who}
    headers |= {"Idempotency-Key": f"canary-{next(KEYS)}"} if method == "POST" else {}
    headers |= {"If-Match": f'"{version}"'} if version else {}
    return await here.call(method, path, body=body, headers=headers)


async def applicant(here, path, body, version=None, who=OWN):
    """The applicant says something, and it is taken."""
    answer = await portal(here, "POST", path, body, version, who)
    assert 201 == answer.status, answer.body
    number = next(answer.body[n] for n in ("case", "complaint", "matter") if n in answer.body)
    here.versions[number] = answer.body["version"]
    return answer


async def office(here, path, body, *, by, version=None):
    """A post of the office acts on what stands beside the cases."""
    headers = {"If-Match": f'"{version}"'} if version else {}
    answer = await here.post(path, body, by=by, headers=headers)
    assert 201 == answer.status, (path, answer.body)
    return answer


def applying(canary, kind, **more):
    """An applicant with an agent, of whom every member is a canary."""
    names = ("name", "id_scheme", "id", "telephone", "authority")
    agent = {n: canary(kind, f"applicant.agent.{n}") for n in names}
    own = {n: canary(kind, f"applicant.{n}") for n in ("name", "telephone", "address")}
    return own | {"kind": "person", "id_scheme": "GB11643", "agent": agent} | more


async def planted(here, canary):
    """A ledger in which everything that is a person's was said; and all that was answered."""
    answers = []
    applies = applying(canary, "received", id=OWN)
    body = application("QH-002") | {"applicant": applies, "channel": "online"}
    body["reason"] = canary("received", "statement")
    answers.append(await applicant(here, "/cases", body))
    case = answers[0].body["case"]
    missing = {"missing": [{"material": "平面图"}], "notice": sha("n")}
    await here.done(case, "request-supplement", missing, by="zhou-min")
    brought = {"materials": application("QH-002")["materials"]}
    brought["reason"] = canary("supplement-received", "statement")
    path, version = f"/cases/{case}/receive-supplement", here.versions[case]
    answers.append(await applicant(here, path, brought, version))
    answers.append(await here.done(case, "accept", by="zhou-min"))
    told = {n: canary("intervention-recorded", n) for n in ("text", "unit")}
    told["person"] = canary("intervention-recorded", "person")
    answers.append(await here.done(case, "record-intervention", told, by="lin-bo"))
    other = (await applicant(here, "/cases", body)).body["case"]
    interest = {"interest": canary("recusal-declared", "interest")}
    answers.append(await here.done(other, "declare-recusal", interest, by="wang-lan"))
    leaving = {"reason": canary("withdrawn", "statement")}
    path, version = f"/cases/{other}/withdraw", here.versions[other]
    answers.append(await applicant(here, path, leaving, version))
    answers += await finished(here, case, canary)
    complaint, heard_of_it = await complained(here, canary)
    matter, heard_of_that = await joined(here, canary)
    world = World(here, case, 5, "0" * 32, {}, complaint=complaint, matter=matter)
    return world, [*answers, *heard_of_it, *heard_of_that]


async def finished(here, case, canary):
    """The case goes on to its end, is rated, and somebody is put under a sanction."""
    await here.granted(case, DAY)
    seal = {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": "paper"}
    await here.done(case, "seal", seal, by=person("sealer", "O", "valid"))
    names = ("name", "id_scheme", "id", "telephone", "address", "relation")
    to = {n: canary("issued", f"recipient.{n}") for n in names}
    issue = {"document": LICENCE, "method": "window", "recipient": to, "receipt": sha("r")}
    answers = [await here.done(case, "issue", issue, by="tang-li")]
    rating = {"grade": 1, "channel": "online", "text": canary("evaluated", "text")}
    rating |= {"about": "chen-zhi", "reason": canary("evaluated", "statement")}
    path, version = f"/cases/{case}/evaluate", here.versions[case]
    answers.append(await applicant(here, path, rating, version))
    called = {"text": canary("called-back", "text")}
    answers.append(await here.done(case, "call-back", called, by="lu-qian"))
    await here.done(case, "open-investigation", {"grounds": "线索"}, by="ke-jun")
    sanction = {"measure": "限制", "until": "2027-01-01"}
    sanction["subject"] = canary("sanctioned", "subject")
    answers.append(await here.done(case, "sanction", sanction, by="ke-jun"))
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    renamed = {"name": canary("correction-proposed", "applicant.name"), "kind": "person"}
    renamed |= {"id_scheme": "GB11643", "id": OWN}
    body = {"event": history[0]["id"], "fields": {"applicant": renamed}, "evidence": sha("e")}
    answers.append(await here.done(case, "correct", body, by="zhou-min"))
    return answers


async def complained(here, canary):
    """Somebody complains to the hotline and is asked at the end; then once more, online."""
    names = ("name", "id", "telephone", "address")
    caller = {n: canary("complaint-registered", f"caller.{n}") for n in names}
    caller["id_scheme"] = "GB11643"
    said = {"kind": "service", "channel": "telephone", "about": {"unit": "qh-xzsp"}}
    said |= {"text": canary("complaint-registered", "text"), "caller": caller}
    answers = [await office(here, "/complaints", said, by="lu-qian")]
    number = answers[0].body["complaint"]
    closing = {"result": "resolved", "satisfaction": {"grade": 1}}
    closing["satisfaction"]["said"] = canary("complaint-closed", "satisfaction.said")
    for version, (action, body, by) in enumerate((
        ("assign", {"unit": "qh-xzsp", "summary": "反映窗口态度"}, "lu-qian"),
        ("reply", {"result": "done", "measure": "已当面致歉"}, "chen-zhi"),
        ("close-complaint", closing, "lu-qian"),
    ), 1):  # fmt: skip
        path = f"/complaints/{number}/{action}"
        answers.append(await office(here, path, body, by=by, version=version))
    # Only who speaks for themselves gives a reason that is theirs.
    said |= {"channel": "online", "caller": caller | {"id": OWN}}
    said["reason"] = canary("complaint-registered", "statement")
    answers.append(await applicant(here, "/complaints", said))
    own = f"/complaints/{answers[-1].body['complaint']}"
    read = [await portal(here, "GET", own), await here.get(own, by="lu-qian")]
    assert [200, 200] == [answer.status for answer in read]
    return number, [*answers, *read]


async def joined(here, canary):
    """A matter is opened for an applicant, who puts a case into it and takes it out again."""
    one = canary("matter-opened", "applicant.id")
    applies = applying(canary, "matter-opened", id=one)
    pack = application("QH-002")["materials"]
    opening = {"name": "我要开餐馆", "kind": "one-thing", "items": ["QH-002"], "materials": pack}
    opening["applicant"] = applies
    # An applicant opens none, so that what they say of it is never taken; it is not kept either.
    unheard = opening | {"reason": canary("matter-opened", "statement")}
    answers = [await portal(here, "POST", "/matters", unheard, who=one)]
    assert (403, "action-not-allowed") == (answers[0].status, answers[0].slug)
    answers.append(await office(here, "/matters", opening, by="zhou-min"))
    matter = answers[-1].body["matter"]
    body = application("QH-002") | {"applicant": applies, "channel": "online", "matter": matter}
    body["reason"] = canary("matter-case-joined", "statement")
    answers.append(await applicant(here, "/cases", body, who=one))
    leaving = {"case": answers[-1].body["case"]}
    leaving["reason"] = canary("matter-case-split-off", "statement")
    answers.append(await applicant(here, f"/matters/{matter}/split-off", leaving, 2, who=one))
    read = [await portal(here, "GET", f"/matters/{matter}", who=one)]
    read.append(await here.get(f"/cases/{leaving['case']}/events", by="jiang-he"))
    assert [200, 200] == [answer.status for answer in read]
    return matter, [*answers, *read]


async def heard(here, world):
    """Everything that anybody hears about them on any reading, refusals too."""
    told = []
    readers = [person(role, r, "valid") for role in STAFF for r in "OJ"]
    readers += [person("supervisor", "S", "valid"), person("enforcer", "E", "valid")]
    for row in READINGS:
        for reader in readers:
            headers = {"Authorization": f"Bearer {world.token(reader)}"}
            if row.kind in PAGES:
                headers = await world.cookie(headers)
            told.append(await here.call("GET", here.base + place(world, row.path), headers=headers))
    return told


async def test_no_canary_is_found_anywhere(here, database):
    written = io.BytesIO()
    logs.configure("debug", written)
    canary = Canaries()
    try:
        world, answers = await planted(here, canary)
        await here.at("2026-06-01 09:00")
        await here.service.caught_up("469002", -1)
        told = await heard(here, world)
        answers += told
    finally:
        structlog.reset_defaults()
    figures = here.app[METRICS].text()
    assert {200, 403} <= {answer.status for answer in answers}
    # What stands beside the cases was read too, with all that was done to it.
    full = [answer.body for answer in told if "history" in answer.body]
    named = {body.get("complaint") or body.get("matter") for body in full}
    assert {world.complaint, world.matter} == named

    async with everything(database) as found:
        for member, text in canary.texts.items():
            clear = text.encode()
            assert [] == holding(found, text), member
            assert clear not in written.getvalue(), member
            assert clear not in figures, member
            leaks = [a.raw for a in answers if clear in a.raw or text in str(a.headers)]
            assert [] == leaks[:1], member


async def test_every_encrypted_member_has_a_canary(here):
    canary = Canaries()
    await planted(here, canary)

    wanted = {
        (kind, path)
        for kind, table in FIELDS.items()
        for path, known in table.items()
        if known.partition(" ")[0] in ENCRYPTED
    }
    assert wanted - UNWRITTEN <= set(canary.texts)


async def test_control_without_the_mask_a_canary_is_found(here, monkeypatch):
    canary = Canaries()
    world, _ = await planted(here, canary)
    monkeypatch.setattr(privacy.Mask, "_masked", unmasked)

    shown = [
        await here.get(f"/cases/{world.case}/events"),
        await here.get(f"/complaints/{world.complaint}", by="lu-qian"),
        await here.get(f"/matters/{world.matter}", by="jiang-he"),
    ]

    raw = b"".join(answer.raw for answer in shown)
    seen = {member for member, text in canary.texts.items() if text.encode() in raw}
    assert {("received", "applicant.name"), ("issued", "recipient.id")} <= seen
    beside = {"complaint-registered", "complaint-closed", "matter-opened", "matter-case-joined"}
    assert beside <= {kind for kind, _ in seen}


def unmasked(mask, field, path):
    return privacy.opened(field, mask._keyring, mask._ledger, events=mask._events, path=path)
