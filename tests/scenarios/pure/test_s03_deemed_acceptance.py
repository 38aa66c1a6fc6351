"""S03: a supplement asked for on day 6: the law has accepted, from the day of receipt."""

import pytest

from tests.ledger.given import SUPPLEMENT, last, local, part, refuses, sha

NOTICE = {**SUPPLEMENT, "served_at": "2025-09-29", "notice": sha("n")}


def test_silence_is_acceptance_by_nobodys_hand(bureau):
    case = bureau.received("QH-002", "2025-09-22")

    state = bureau.state(case, at="2025-09-29 08:30")

    deemed = bureau.case(case).events[-1]
    assert ("deemed-accepted", "by-law", None) == (
        deemed.type,
        deemed.actor.kind,
        deemed.actor.person,
    )
    assert deemed.recorded_at >= local("2025-09-29 00:00")
    assert local("2025-09-29 00:00") == deemed.occurred_at
    assert "accepted" == state["stage"]
    statutory = {"start": "2025-09-22", "due": "2025-10-24", "rule": "acceptance.deemed"}
    assert statutory == part(last(state, "statutory"), statutory)
    promised = {"start": "2025-09-22", "due": "2025-09-28", "light": "red"}
    assert promised == part(last(state, "promised"), promised)
    supplement = {"met_at": "2025-09-29", "light": "met-late"}
    assert supplement == part(last(state, "supplement"), supplement)


def test_the_red_card_names_the_law(bureau):
    case = bureau.received("QH-002", "2025-09-22")

    cards = bureau.alerts(case, at="2025-09-29 08:30")

    assert [("red", "acceptance.deemed", local("2025-09-29 00:00"))] == [
        (c.level, c.rule, c.raised_at)
        for c in cards
        if c.deadline == "supplement" and c.level == "red"
    ]


def test_a_late_notice_is_recorded_and_moves_nothing(bureau):
    case = bureau.received("QH-002", "2025-09-22")
    before = bureau.state(case, at="2025-09-29 08:30")

    (late,) = bureau.act(case, "request-supplement", NOTICE, by="zhou-min", at="2025-09-29 09:00")

    assert {"flag": "late-notice", "rule": "supplement.late"} in late.flags
    after = bureau.state(case)
    assert "accepted" == after["stage"]
    assert [d["due"] for d in before["deadlines"]] == [d["due"] for d in after["deadlines"]]
    with refuses("already-done"):
        bureau.act(case, "accept", by="zhou-min", at="2025-09-29 10:00")


def test_a_service_that_was_down_changes_nothing(bureau):
    case = bureau.received("QH-002", "2025-09-22")

    done = bureau.act(case, "request-supplement", NOTICE, by="zhou-min", at="2025-09-29 09:00")

    assert ["deemed-accepted", "supplement-requested"] == [e.type for e in done]
    assert 1 == done[1].position - done[0].position
    state = bureau.state(case)
    assert ("accepted", "2025-10-24", "2025-09-28") == (
        state["stage"],
        last(state, "statutory")["due"],
        last(state, "promised")["due"],
    )
    assert {"flag": "late-notice", "rule": "supplement.late"} in done[1].flags
    with refuses("already-done"):
        bureau.act(case, "accept", by="zhou-min", at="2025-09-29 10:00")


@pytest.mark.parametrize(("at", "stage"), [("23:59:59", "received"), ("00:00:00", "accepted")])
def test_the_law_speaks_at_midnight(bureau, at, stage):
    case = bureau.received("QH-002", "2025-09-22")

    day = "2025-09-28" if stage == "received" else "2025-09-29"

    assert stage == bureau.state(case, at=f"{day} {at}")["stage"]
