"""S13: a correction does not change the past."""

import pytest

from ledger.records import encode
from tests.ledger.given import last, part, refuses, sha

REASON = "系统停机，以纸质回执为准"


@pytest.fixture
def case(bureau):
    case = bureau.received("QH-002", "2026-06-08 15:00")
    bureau.act(case, "accept", by="fu-hailing", at="2026-06-09 08:30")
    return case


def propose(bureau, case):
    body = {
        "event": bureau.case(case).events[1].id,
        "fields": {"occurred_at": "2026-06-08T15:10:00+08:00"},
        "evidence": sha("paper-slip"),
        "reason": REASON,
    }
    (proposal,) = bureau.act(case, "correct", body, by="fu-hailing", at="2026-06-10 09:00")
    return proposal


def corrected(bureau, case):
    proposal = propose(bureau, case)
    body = {"event": proposal.id}
    (approval,) = bureau.act(
        case, "approve-correction", body, by="huang-qiang", at="2026-06-10 10:00"
    )
    return approval


def test_a_proposal_moves_nothing(bureau, case):
    before = bureau.state(case)
    statutory = {"start": "2026-06-09", "due": "2026-07-08"}
    assert statutory == part(last(before, "statutory"), statutory)
    assert "2026-06-16" == last(before, "promised")["due"]

    propose(bureau, case)

    after = bureau.state(case)
    assert [d["due"] for d in before["deadlines"]] == [d["due"] for d in after["deadlines"]]


def test_its_author_does_not_approve_it(bureau, case):
    proposal = propose(bureau, case)

    with refuses("separation-of-duties", "SOD-9", earlier=proposal.position):
        bureau.act(case, "approve-correction", {"event": proposal.id}, by="fu-hailing")


def test_approved_it_moves_the_limits(bureau, case):
    approval = corrected(bureau, case)

    state = bureau.state(case)
    statutory = {
        "start": "2026-06-08",
        "due": "2026-07-07",
        "moved_by": [
            {
                "cause": "correction",
                "rule": "correction.approved",
                "position": approval.position,
                "from": "2026-07-08",
                "to": "2026-07-07",
            }
        ],
    }
    assert statutory == part(last(state, "statutory"), statutory)
    assert "2026-06-15" == last(state, "promised")["due"]


def test_the_record_stays_as_it_was(bureau, case):
    before = encode(bureau.case(case).events[1])

    corrected(bureau, case)

    events = bureau.case(case).events
    assert ["received", "accepted", "correction-proposed", "correction-approved"] == [
        e.type for e in events
    ]
    assert before == encode(events[1])


def test_an_earlier_day_is_answered_as_it_was_known(bureau, case):
    corrected(bureau, case)

    assert "2026-07-08" == last(bureau.as_of(case, "2026-06-09 12:00"), "statutory")["due"]
    assert "received" == bureau.as_of(case, "2026-06-09 08:00")["stage"]
