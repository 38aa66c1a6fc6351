"""S01: make-up days count (National Day 2025)."""

from tests.ledger.given import last, lights, local, part

EXPECTED = (
    ("2025-09-22", (0, "green"), (0, "green")),
    ("2025-09-25", (3, "green"), (3, "green")),
    ("2025-09-26", (4, "green"), (4, "yellow")),
    ("2025-09-27", (4, "green"), (4, "yellow")),
    ("2025-09-28", (5, "green"), (5, "yellow")),
    ("2025-09-29", (6, "green"), (6, "red")),
    ("2025-10-08", (7, "green"), (7, "red")),
    ("2025-10-11", (10, "green"), (10, "red")),
    ("2025-10-13", (11, "green"), (11, "red")),
    ("2025-10-21", (17, "green"), (17, "red")),
    ("2025-10-22", (18, "yellow"), (18, "red")),
    ("2025-10-24", (20, "yellow"), (20, "red")),
    ("2025-10-25", (20, "red"), (20, "red")),
)


def test_both_limits_are_counted_by_the_notice(bureau):
    case = bureau.accepted("QH-002", "2025-09-22")

    state = bureau.state(case, at="2025-09-22 12:00")

    statutory = {
        "unit": "working-day",
        "budget": 20,
        "paused_days": 0,
        "start": "2025-09-22",
        "due": "2025-10-24",
        "rule": "acceptance.accepted",
        "moved_by": [],
    }
    assert statutory == part(last(state, "statutory"), statutory)
    promised = {"budget": 5, "start": "2025-09-22", "due": "2025-09-28"}
    assert promised == part(last(state, "promised"), promised)
    assert ["met"] == [d["light"] for d in state["deadlines"] if d["name"] == "supplement"]


def test_used_days_and_lights_day_by_day(bureau):
    case = bureau.accepted("QH-002", "2025-09-22")

    for day, statutory, promised in EXPECTED:
        state = bureau.state(case, at=f"{day} 12:00")

        assert [statutory, promised] == lights(state, "statutory", "promised"), day


def test_each_card_is_raised_at_midnight(bureau):
    case = bureau.accepted("QH-002", "2025-09-22")

    cards = bureau.alerts(case, at="2025-10-25 12:00")

    assert [
        ("promised", "early", local("2025-09-25 00:00")),
        ("promised", "yellow", local("2025-09-26 00:00")),
        ("promised", "red", local("2025-09-29 00:00")),
        ("statutory", "early", local("2025-10-17 00:00")),
        ("statutory", "yellow", local("2025-10-22 00:00")),
        ("statutory", "red", local("2025-10-25 00:00")),
    ] == [
        (card.deadline, card.level, card.raised_at)
        for card in cards
        if card.deadline in ("statutory", "promised")
    ]


def test_no_card_is_raised_a_second_early(bureau):
    case = bureau.accepted("QH-002", "2025-09-22")

    before = bureau.alerts(case, at="2025-09-24 23:59:59")
    after = bureau.alerts(case, at="2025-09-25 00:00")

    assert ([], ["early"]) == ([c.level for c in before], [c.level for c in after])
