"""The access log by reader, case, day and line; the sealed one stands nowhere else."""

import asyncio

import pytest

from ledger.database import Role
from projections import readings
from projections.rebuild import check
from tests.api.serving import patient, serve

NOTICE = {"Purpose": "inspection; JW-2026-001"}
INSPECTOR, LEAD, HEAD, ADMIN = "jiang-he", "yan-qing", "wu-jun", "qin-yu"


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


async def world(here):
    """Readings of several people on two days, of two cases, of lists, and a refusal."""
    case = await here.accepted("QH-002", "2026-03-02")
    other = await here.accepted("QH-008", "2026-03-03")
    for person in ("chen-zhi", "mo-li", HEAD):
        await here.get(f"/cases/{case}", by=person)
        await here.get("/cases", by=person)
    await here.act(case, "decide", {"outcome": "grant"}, by="chen-zhi")
    await here.at("2026-03-05 09:00")
    await here.get(f"/cases/{other}", headers={"Purpose": "handle; T-1"})
    await here.get(f"/cases/{case}/events", by=HEAD)
    await here.get(f"/cases/{case}", by=INSPECTOR, headers=NOTICE)
    return case, other


async def listed(here, query, by=LEAD):
    """Every entry that fits, page by page, two at a time."""
    found, after = [], ""
    while True:
        answer = await here.get(f"/access-log?limit=2{query}{after}", by=by)
        assert 200 == answer.status, answer.body
        found += answer.body["items"]
        if answer.body["next"] is None:
            return found
        after = f"&after={answer.body['next']}"


async def stored(here, *, sealed=False):
    """What stands in a line, however it is asked."""
    ledger = here.service.ledgers[here.ledger]
    return await ledger.access.entries(0, 10_000, sealed=sealed)


def day(event):
    return f"{event.recorded_at.astimezone(readings.ZoneInfo('Asia/Shanghai')):%Y-%m-%d}"


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("", lambda _event, _case: True),
        ("&person=chen-zhi", lambda event, _case: event.actor.person == "chen-zhi"),
        ("&organ=qh-xzsp", lambda event, _case: event.actor.organ == "qh-xzsp"),
        ("&what=read-cases", lambda event, _case: event.data.get("what") == "read-cases"),
        ("&case={case}", lambda event, case: case in readings.about(event)),
        (
            "&person=wu-jun&case={case}",
            lambda event, case: event.actor.person == HEAD and case in readings.about(event),
        ),
        ("&from=2026-03-05", lambda event, _case: day(event) >= "2026-03-05"),
        ("&to=2026-03-03", lambda event, _case: day(event) <= "2026-03-03"),
        ("&from=2026-03-03&to=2026-03-03", lambda event, _case: day(event) == "2026-03-03"),
        ("&to=9999-12-31", lambda _event, _case: True),
        ("&purpose=handle", lambda event, _case: "purpose" in event.data),
    ],
)
async def test_what_is_listed_of_the_open_line_is_what_fits(here, query, fits):
    case, _ = await world(here)
    lines = [e for e in await stored(here) if fits(e, case)]
    assert len(lines) >= 1

    found = await listed(here, f"&line=open{query.format(case=case)}")

    told = [row["id"] for row in found]
    assert [e.id for e in lines] == [one for one in told if one in {e.id for e in lines}]
    # Beside those only this list's own readings of itself, which came meanwhile.
    assert {"read-access-log"} >= {
        row["what"] for row in found if row["id"] not in {e.id for e in lines}
    }
    assert "refused" in {row["type"] for row in found} or query not in ("", "&organ=qh-xzsp")


async def test_the_lead_sees_the_open_line_before_the_sealed_one(here):
    await world(here)

    found = await listed(here, "")

    lines = [row["line"] for row in found]
    assert lines == sorted(lines)
    assert {"open", "sealed"} == set(lines)
    sealed = [row for row in found if row["line"] == "sealed"]
    assert (INSPECTOR, "read-case") in {(r["actor"]["person"], r["what"]) for r in sealed}
    assert INSPECTOR not in {row["actor"]["person"] for row in found if row["line"] == "open"}


async def test_of_the_sealed_line_nothing_stands_in_the_view(here, connect):
    case, _ = await world(here)
    assert [] != await stored(here, sealed=True)
    await here.service.caught_up(here.ledger, -1)
    project = await connect(Role.PROJECT)

    rows = await project.fetch("SELECT person, position FROM projections.reading")
    cases = await project.fetch("SELECT position, case_no FROM projections.reading_case")

    assert {"chen-zhi", "mo-li", HEAD} <= {row["person"] for row in rows}  # control
    assert case in {row["case_no"] for row in cases}
    assert INSPECTOR not in {row["person"] for row in rows}
    assert {e.position for e in await stored(here)} >= {row["position"] for row in rows}
    followed = await project.fetch("SELECT sequence FROM projections.progress")
    assert not any(row["sequence"].endswith(".sealed") for row in followed)


async def test_who_may_not_see_the_sealed_line_gets_nothing_of_it_by_any_filter(here):
    case, _ = await world(here)
    for by in (ADMIN, HEAD):
        for query in ("", f"&case={case}", f"&person={INSPECTOR}", "&purpose=inspection"):
            found = await listed(here, query, by=by)
            assert {"open"} >= {row["line"] for row in found}, (by, query)
            assert INSPECTOR not in str(found), (by, query)


async def test_who_needs_no_view_waits_for_none(here, connect):
    """Who read what is told while the view of cases stands still; a head's list is made of it."""
    await world(here)
    await here.service.caught_up(here.ledger, -1)
    project = await connect(Role.PROJECT)
    stop = "UPDATE projections.progress SET next_position = 0 WHERE projection = $1"

    await project.execute(stop, "current_state")

    for by in (ADMIN, LEAD):
        assert 200 == (await here.get("/access-log?line=open", by=by)).status, by
    told = await patient(here, 0.1).get("/access-log", by=HEAD)
    assert (503, "behind") == (told.status, told.slug), told.body

    await project.execute(stop, "readings")

    assert 200 == (await here.get("/access-log?line=sealed", by=LEAD)).status
    told = await here.get("/access-log?line=open", by=LEAD)
    assert (503, "behind") == (told.status, told.slug), told.body


async def test_how_long_a_reading_waits_for_its_views_is_as_set(here, connect):
    """A large file was let in, and the figures of it were refused after two seconds of waiting."""
    await world(here)
    await here.service.caught_up(here.ledger, -1)
    project = await connect(Role.PROJECT)
    of_cases = "FROM projections.progress WHERE projection = 'current_state' AND sequence = $1"
    stood = await project.fetchval(f"SELECT next_position {of_cases}", here.ledger)
    stand = "UPDATE projections.progress SET next_position = $1 WHERE projection = 'current_state'"
    await project.execute(stand, 0)

    reading = asyncio.create_task(patient(here, 30).get("/access-log", by=HEAD))
    await asyncio.sleep(2.5)
    await project.execute(stand, stood)

    assert 200 == (await reading).status


async def test_the_view_made_anew_is_the_same(here):
    await world(here)
    await here.service.caught_up(here.ledger, -1)
    service = here.service

    outcome = await check(readings.PROJECTION, here.ledger, service.store, service.views)

    assert outcome.same
