"""S07: an extension: by whom, when, once."""

import pytest

from tests.ledger.given import last, local, part, refuses, sha

BODY = {
    "days": 10,
    "approved_by": "wu-jun",
    "notice": sha("extension-notice"),
    "reason": "案情复杂",
}


@pytest.fixture
def case(bureau):
    case = bureau.accepted("QH-002", "2026-03-02")
    bureau.reviewed(case, "2026-03-05")
    return case


def extend(bureau, case, at, **more):
    return bureau.act(case, "extend", {**BODY, **more}, by="chen-zhi", at=at)


def test_before_it_the_limits_are_those_of_the_terms(bureau, case):
    state = bureau.state(case)

    assert ("2026-03-30", "2026-03-09") == (
        last(state, "statutory")["due"],
        last(state, "promised")["due"],
    )


def test_the_head_approves_with_notice_and_at_most_ten_days(bureau, case):
    with refuses("beyond-authority", "extension.approver"):
        extend(bureau, case, "2026-03-27 10:00", approved_by="huang-qiang")
    with refuses("schema", "extension.at-most", pointer="/days"):
        extend(bureau, case, "2026-03-27 10:05", days=11)
    with refuses("schema", "extension.notice", pointer="/notice"):
        extend(bureau, case, "2026-03-27 10:10", notice=None)
    assert "2026-03-30" == last(bureau.state(case), "statutory")["due"]


def test_it_lengthens_the_law_and_not_the_promise(bureau, case):
    (extended,) = extend(bureau, case, "2026-03-30 17:00")

    state = bureau.state(case)
    statutory = {
        "budget": 30,
        "due": "2026-04-14",
        "light": "green",
        "moved_by": [
            {
                "cause": "extension",
                "rule": "extension.in-time",
                "position": extended.position,
                "from": "2026-03-30",
                "to": "2026-04-14",
            }
        ],
    }
    assert statutory == part(last(state, "statutory"), statutory)
    promised = {"due": "2026-03-09", "light": "red", "moved_by": []}
    assert promised == part(last(state, "promised"), promised)


def test_once(bureau, case):
    (first,) = extend(bureau, case, "2026-03-30 17:00")

    with refuses("already-done", "extension.once", earlier=first.position):
        extend(bureau, case, "2026-03-30 17:05")


def test_it_withdraws_the_yellow_card(bureau, case):
    extend(bureau, case, "2026-03-30 17:00")

    (card,) = (c for c in bureau.alerts(case) if (c.deadline, c.level) == ("statutory", "yellow"))

    assert (local("2026-03-26 00:00"), "withdrawn", "extension") == (
        card.raised_at,
        card.state,
        card.reason,
    )


def test_a_day_late_it_is_recorded_and_moves_nothing(bureau, case):
    (extended,) = extend(bureau, case, "2026-03-31 09:00")

    assert extended.data["effective"] is False
    assert {"flag": "extension-after-due", "rule": "extension.in-time"} in extended.flags
    statutory = {"budget": 20, "due": "2026-03-30", "light": "red", "moved_by": []}
    assert statutory == part(last(bureau.state(case), "statutory"), statutory)
