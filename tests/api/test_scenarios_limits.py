"""SCENARIOS.md over HTTP: limits, days, and what the law does by itself (S01-S03)."""

import pytest

from tests.api.serving import last, part, serve, sha


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


async def test_s01_make_up_days_count(here):
    case = await here.accepted("QH-002", "2025-09-22")

    state = await here.state(case, at="2025-09-22 12:00")

    statutory = {
        "unit": "working-day",
        "budget": 20,
        "paused_days": 0,
        "start": "2025-09-22",
        "due": "2025-10-24",
        "rule": "acceptance.accepted",
        "moved_by": [],
    }
    assert statutory == part(last(state, "statutory"), **statutory)
    promised = {"budget": 5, "start": "2025-09-22", "due": "2025-09-28"}
    assert promised == part(last(state, "promised"), **promised)
    assert "met" == last(state, "supplement")["light"]
    for day, used, light, promised_used, promised_light in (
        ("2025-09-25", 3, "green", 3, "green"),
        ("2025-09-26", 4, "green", 4, "yellow"),
        ("2025-09-27", 4, "green", 4, "yellow"),
        ("2025-09-28", 5, "green", 5, "yellow"),
        ("2025-09-29", 6, "green", 6, "red"),
        ("2025-10-08", 7, "green", 7, "red"),
        ("2025-10-11", 10, "green", 10, "red"),
        ("2025-10-13", 11, "green", 11, "red"),
        ("2025-10-21", 17, "green", 17, "red"),
        ("2025-10-22", 18, "yellow", 18, "red"),
        ("2025-10-24", 20, "yellow", 20, "red"),
        ("2025-10-25", 20, "red", 20, "red"),
    ):
        state = await here.state(case, at=f"{day} 12:00")
        found = [
            (last(state, n)["used"], last(state, n)["light"]) for n in ("statutory", "promised")
        ]
        assert [(used, light), (promised_used, promised_light)] == found, day


async def test_s02_a_supplement_on_the_last_day_which_is_a_sunday(here):
    case = await here.received("QH-002", "2025-09-22")
    missing = {
        "missing": [{"material": "场所平面图"}],
        "served_at": "2025-09-28",
        "notice": sha("supplement-notice"),
    }

    asked = await here.done(
        case, "request-supplement", missing, by="zhou-min", at="2025-09-28 16:00"
    )

    assert ["supplement-requested"] == [e["type"] for e in asked.body["events"]]
    state = await here.state(case, at="2025-09-29 00:10")
    assert "supplementing" == state["stage"]
    met = {"used": 5, "met_at": "2025-09-28", "light": "met"}
    assert met == part(last(state, "supplement"), **met)

    plan = {"materials": [{"name": "场所平面图", "sha256": sha("p"), "media_type": "image/png"}]}
    await here.done(case, "receive-supplement", plan, by="zhou-min", at="2025-10-09 11:00")
    state = await here.state(case)
    again = {"start": "2025-10-09", "due": "2025-10-15"}
    assert again == part(last(state, "supplement"), **again)

    await here.done(case, "accept", by="zhou-min", at="2025-10-10 09:00")
    state = await here.state(case)
    statutory = {"start": "2025-10-09", "due": "2025-11-05", "rule": "acceptance.when-complete"}
    assert statutory == part(last(state, "statutory"), **statutory)
    assert "2025-10-15" == last(state, "promised")["due"]


async def test_s03_silence_is_acceptance_by_law(here):
    case = await here.received("QH-002", "2025-09-22")

    state = await here.state(case, at="2025-09-29 08:30")

    assert "accepted" == state["stage"]
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    deemed = history[-1]
    assert ("deemed-accepted", "by-law", None) == (
        deemed["type"],
        deemed["actor"]["kind"],
        deemed["actor"]["person"],
    )
    assert deemed["recorded_at"] >= "2025-09-28T16:00:00"
    statutory = {"start": "2025-09-22", "due": "2025-10-24", "rule": "acceptance.deemed"}
    assert statutory == part(last(state, "statutory"), **statutory)
    promised = {"start": "2025-09-22", "due": "2025-09-28", "light": "red"}
    assert promised == part(last(state, "promised"), **promised)
    supplement = {"met_at": "2025-09-29", "light": "met-late"}
    assert supplement == part(last(state, "supplement"), **supplement)

    missing = {
        "missing": [{"material": "场所平面图"}],
        "served_at": "2025-09-29",
        "notice": sha("n"),
    }
    late = await here.done(
        case, "request-supplement", missing, by="zhou-min", at="2025-09-29 09:00"
    )
    assert {"flag": "late-notice", "rule": "supplement.late"} in late.body["events"][0]["flags"]
    state = await here.state(case)
    assert ("accepted", "2025-10-24") == (state["stage"], last(state, "statutory")["due"])
    refused = await here.act(case, "accept", by="zhou-min", at="2025-09-29 10:00")
    assert (409, "already-done") == refused.refusal[:2]


async def test_s03_a_service_that_was_down_changes_nothing(here):
    case = await here.received("QH-002", "2025-09-22")
    missing = {
        "missing": [{"material": "场所平面图"}],
        "served_at": "2025-09-29",
        "notice": sha("n"),
    }

    # Nobody looks at the case in between; the version is the one before the law spoke.
    answer = await here.done(
        case, "request-supplement", missing, by="zhou-min", at="2025-09-29 09:00"
    )

    law, asked = answer.body["events"]
    assert ["deemed-accepted", "supplement-requested"] == [law["type"], asked["type"]]
    assert (1, 3) == (asked["position"] - law["position"], answer.body["version"])
    assert law["recorded_at"] == asked["recorded_at"], "one append"
    assert {"flag": "late-notice", "rule": "supplement.late"} in asked["flags"]
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    assert ["received", "deemed-accepted", "supplement-requested"] == [e["type"] for e in history]
    state = answer.body["state"]
    assert ("accepted", "2025-10-24") == (state["stage"], last(state, "statutory")["due"])


async def test_what_the_law_did_stands_before_an_act_is_refused(here):
    case = await here.received("QH-002", "2025-09-22")

    # Nobody has looked since: the refusal names what the law did, and it is on record.
    refused = await here.act(case, "accept", by="zhou-min", at="2025-09-29 09:00")

    assert (409, "already-done") == refused.refusal[:2]
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    assert ["received", "deemed-accepted"] == [e["type"] for e in history]
    assert history[1]["position"] == refused.body["earlier_position"]
    # Whoever saw the version before the law spoke acts on it all the same.
    body = {"level": "handle", "opinion": "符合", "recommend": "grant"}
    done = await here.act(case, "review", body, by="chen-zhi", version=1)
    assert ["reviewed"] == [e["type"] for e in done.body["events"]]


async def test_another_version_is_refused_before_the_law_is_asked(here):
    case = await here.received("QH-002", "2025-09-22")
    body = {"level": "handle", "opinion": "符合", "recommend": "grant"}

    refused = await here.act(case, "review", body, by="chen-zhi", version=2, at="2025-09-29 09:00")

    assert (412, "version-conflict") == refused.refusal[:2]


async def test_the_same_request_answers_both_events_again(here):
    case = await here.received("QH-002", "2025-09-22")
    body = {"level": "handle", "opinion": "符合", "recommend": "grant"}
    await here.at("2025-09-29 09:00")

    first = await here.act(case, "review", body, by="chen-zhi", key="same")
    again = await here.act(case, "review", body, by="chen-zhi", key="same", version=1)

    assert ["deemed-accepted", "reviewed"] == [e["type"] for e in first.body["events"]]
    assert (first.raw, "true") == (again.raw, again.headers["Idempotency-Replayed"])
