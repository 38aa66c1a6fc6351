"""Applicants act through a client system, and their ids are stored nowhere in clear."""

import io
from contextlib import asynccontextmanager

import asyncpg
import pytest
import structlog

from api import logs
from api.api_keys import ApiKeys
from api.issuing import API_KEYS_FILE
from ledger.database import Role
from tests.api.serving import KEYS, serve, sha

ID, NAME, SAID, MEANT = "460000199001010013", "张三丰", "家中变故不再经营", "本人丧偶"
FORM = {"name": "申请表", "sha256": sha("form"), "media_type": "application/pdf"}
PLAN = {"name": "场所平面图", "sha256": sha("plan"), "media_type": "application/pdf"}
APPLICATION = {
    "item": "QH-002",
    "applicant": {"kind": "person", "name": NAME, "id_scheme": "GB11643", "id": ID},
    "channel": "online",
    "materials": [FORM],
}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        await serving.at("2026-03-02 09:00")
        yield serving


class Applicant:
    """Somebody at the portal, who is nobody here but the applicant of their cases."""

    def __init__(self, here, person=ID):
        self.here = here
        keys = ApiKeys(here.service.keys / API_KEYS_FILE)
        # One key for the portal: a new one counts only after a second.
        if not hasattr(here, "portal"):
            here.portal = keys.add("zwfw", "portal")
        self.who = {"Authorization": f"Bearer {here.portal}", "On-Behalf-Of": person}

    async def post(self, path, body, *, version=None, key=None):
        headers = self.who | {"Idempotency-Key": key or f"applicant-{next(KEYS)}"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.here.call("POST", path, body=body, headers=headers)

    async def get(self, path):
        return await self.here.call("GET", path, headers=self.who)

    async def received(self, **more):
        answer = await self.post("/cases", APPLICATION | more)
        assert answer.status == 201, answer.body
        return answer.body["case"]


@asynccontextmanager
async def everything(database):
    """Every row of every table, as text; octets in hexadecimal."""
    connection = await asyncpg.connect(**database.as_creator())
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname IN ('ledger', 'projections', 'imports') ORDER BY 1"
        )
        rows = {}
        for table in tables:
            found = await connection.fetch(f"SELECT t::text AS row FROM {table['name']} AS t")
            rows[table["name"]] = [row["row"] for row in found]
        yield rows
    finally:
        await connection.close()


def holding(rows, text):
    """The tables that hold a text in any row, as it is or as octets."""
    octets = text.encode().hex()
    return [name for name, found in rows.items() if any(text in r or octets in r for r in found)]


async def walked(here):
    """An applicant's whole part: hand in, mend, rate, take back, be refused, ask again."""
    applicant = Applicant(here)
    case = await applicant.received()
    asked = {
        "missing": [{"material": PLAN["name"]}],
        "served_at": "2026-03-02",
        "notice": sha("n"),
    }
    here.versions[case] = 1
    await here.done(case, "request-supplement", asked, by="zhou-min")
    answers = [await applicant.post(f"/cases/{case}/receive-supplement", {"materials": [PLAN]},
                                    version=2, key="mended")]  # fmt: skip
    answers.append(
        await applicant.post(
            f"/cases/{case}/receive-supplement", {"materials": [PLAN]}, version=2, key="mended"
        )
    )
    here.versions[case] = 3
    await here.done(case, "accept", by="zhou-min")
    answers.append(
        await applicant.post(
            f"/cases/{case}/evaluate", {"grade": 5, "channel": "online"}, version=4
        )
    )
    said = {"reason": SAID, "basis": MEANT}
    answers.append(
        await applicant.post(f"/cases/{case}/withdraw", said, version=5, key=f"withdraw-{ID}")
    )
    assert [201] * 4 == [a.status for a in answers], [a.body for a in answers]
    refused = await applicant.post(f"/cases/{case}/evaluate", {"grade": 1, "channel": "online"},
                                   version=6)  # fmt: skip
    assert (409, "already-done", "review.once") == refused.refusal
    beyond = [
        await applicant.post(f"/cases/{case}/accept", {}, version=6),
        await applicant.get("/cases?count=exact"),
        await applicant.get(f"/cases/{case}/events"),
        await applicant.get("/audit/all"),
        await applicant.get(f"/alerts?officer={ID}"),
        await applicant.post("/items", {"code": ID}),
    ]
    assert {"action-not-allowed", "invalid-parameter"} >= {a.slug for a in beyond}, beyond
    answers += beyond
    assert "true" == answers[1].headers["Idempotency-Replayed"]
    assert answers[0].raw == answers[1].raw
    return case, [*answers, refused]


async def test_nothing_of_an_applicant_is_stored_in_clear(here, database):
    written = io.BytesIO()
    logs.configure("debug", written)
    try:
        case, answers = await walked(here)
        await here.service.caught_up("469002", -1)
    finally:
        structlog.reset_defaults()

    history = await here.get(f"/cases/{case}/events", by="jiang-he")
    shown = [*answers, history, await here.get(f"/audit/all?case={case}", by="jiang-he")]
    for canary in (ID, NAME, SAID, MEANT):
        async with everything(database) as rows:
            assert [] == holding(rows, canary), canary
        assert canary.encode() not in written.getvalue()
        assert not [a.raw for a in shown if canary.encode() in a.raw], canary


async def test_control_a_canary_in_a_record_is_found(here, database):
    applicant = Applicant(here)
    await applicant.received(materials=[FORM | {"name": "可见的材料名"}])

    async with everything(database) as rows:
        assert any(name.startswith("ledger.event") for name in holding(rows, "可见的材料名"))


async def test_who_handed_it_in_is_the_applicant_and_nobodys_name(here):
    case, _ = await walked(here)

    history = (await here.get(f"/cases/{case}/events", by="jiang-he")).body["items"]
    actors = [(e["type"], e["actor"]) for e in history if e["actor"]["role"] == "applicant"]

    kinds = ["received", "supplement-received", "evaluated", "withdrawn"]
    assert kinds == [kind for kind, _ in actors]
    assert all(actor["person"] is None and actor["client"] == "zwfw" for _, actor in actors)


async def test_what_an_applicant_says_is_masked(here):
    case, _ = await walked(here)

    history = (await here.get(f"/cases/{case}/events", by="jiang-he")).body["items"]
    withdrawn = next(e for e in history if e["type"] == "withdrawn")

    assert withdrawn["reason"] is None
    assert "***" == withdrawn["data"]["statement"]


async def test_somebody_elses_case_does_not_exist_for_an_applicant(here):
    case = await Applicant(here).received()
    stranger = Applicant(here, "460000198501010029")

    seen = await stranger.get(f"/cases/{case}")
    acted = await stranger.post(f"/cases/{case}/withdraw", {}, version=1)

    assert (404, "case-not-found") == (seen.status, seen.slug)
    assert (404, "case-not-found") == (acted.status, acted.slug)
    assert 200 == (await Applicant(here).get(f"/cases/{case}")).status


async def test_two_applicants_may_use_the_same_key(here):
    first = await Applicant(here).post("/cases", APPLICATION, key="one")
    second = await Applicant(here, "460000198501010029").post(
        "/cases",
        APPLICATION | {"applicant": APPLICATION["applicant"] | {"id": "460000198501010029"}},
        key="one",
    )

    assert [201, 201] == [first.status, second.status]
    assert first.body["case"] != second.body["case"]


async def test_the_role_of_the_service_reads_no_key_of_a_subject(connect):
    # Keys lie outside the database: nothing in it opens anything.
    connection = await connect(Role.APP)
    found = await connection.fetch(
        "SELECT 1 FROM information_schema.columns WHERE column_name LIKE '%wrapped%'"
    )
    assert [] == found
