"""S06: an expert review stops the clock."""

import pytest

from tests.ledger import given
from tests.ledger.given import POLICIES, document, last, part, refuses, sha

SUSPEND = {
    "kind": "expert-review",
    "planned_days": 10,
    "approved_by": "huang-qiang",
    "notice": sha("special-notice"),
    "served_at": "2026-03-09",
    "reason": "迁移古树名木须经专家评审",
}
RESUME = {"kind": "expert-review", "result": sha("expert-opinion")}
DEADLINES = POLICIES["deadlines-default"]


def in_review(bureau):
    case = bureau.accepted("QH-003", "2026-03-02")
    bureau.transferred(case, "2026-03-02 11:00")
    return case


def suspended(bureau):
    case = in_review(bureau)
    bureau.act(case, "suspend", SUSPEND, by="chen-zhi", at="2026-03-09 10:00")
    return case


def test_before_the_review_the_limits_are_those_of_the_terms(bureau):
    case = in_review(bureau)

    state = bureau.state(case)

    assert ("2026-03-30", "2026-03-16") == (
        last(state, "statutory")["due"],
        last(state, "promised")["due"],
    )
    assert 10 == last(state, "promised")["budget"]


def test_the_clock_stands_while_the_review_runs(bureau):
    case = suspended(bureau)

    state = bureau.state(case, at="2026-03-12 12:00")

    assert "suspended" == state["stage"]
    special = {"budget": 10, "start": "2026-03-09", "due": "2026-03-23"}
    assert special == part(last(state, "special"), special)
    assert [(5, "stopped"), (5, "stopped")] == given.lights(state, "statutory", "promised")
    assert "2026-04-14" == last(state, "statutory")["due"]


def test_what_is_stopped_is_not_decided_and_only_what_the_item_allows_is_begun(bureau):
    case = suspended(bureau)

    with refuses("wrong-stage", "stage.decide"):
        grant = {"outcome": "grant", "document": document("decision")}
        bureau.act(case, "decide", grant, by="huang-qiang", at="2026-03-12 12:00")
    with refuses("rule-refused", "suspension.kind"):
        bureau.act(case, "suspend", {**SUSPEND, "kind": "testing"}, by="chen-zhi")


def test_the_days_of_the_review_are_taken_out(bureau):
    case = suspended(bureau)

    bureau.act(case, "resume", RESUME, by="chen-zhi", at="2026-03-20 15:00")

    state = bureau.state(case)
    position = bureau.case(case).events[-2].position
    statutory = {
        "paused_days": 9,
        "due": "2026-04-13",
        "light": "green",
        "moved_by": [
            {
                "cause": "suspension",
                "rule": "suspension.after-start",
                "position": position,
                "from": "2026-03-30",
                "to": "2026-04-13",
            }
        ],
    }
    assert statutory == part(last(state, "statutory"), statutory)
    assert "2026-03-27" == last(state, "promised")["due"]
    special = {"met_at": "2026-03-20", "light": "met"}
    assert special == part(last(state, "special"), special)
    assert "in-review" == state["stage"]


@pytest.mark.parametrize(
    ("rule", "statutory", "promised"),
    [
        ("suspension.from-start", "2026-04-14", "2026-03-30"),
        ("suspension.whole-days", "2026-04-10", "2026-03-26"),
    ],
)
def test_the_rule_is_that_of_the_terms(rule, statutory, promised):
    bureau = given.bureau(policies={"deadlines-default": {**DEADLINES, "suspension": rule}})
    case = in_review(bureau)
    # A version that comes into force between acceptance and suspension changes nothing.
    bureau.propose("policy", "deadlines-default", DEADLINES, by="fang-ke", at="2026-03-04 09:00")
    bureau.approve("policy", "deadlines-default", by="wu-jun")
    bureau.act(case, "suspend", SUSPEND, by="chen-zhi", at="2026-03-09 10:00")

    bureau.act(case, "resume", RESUME, by="chen-zhi", at="2026-03-20 15:00")

    state = bureau.state(case)
    assert (statutory, promised) == (
        last(state, "statutory")["due"],
        last(state, "promised")["due"],
    )
    assert [rule] == [m["rule"] for m in last(state, "statutory")["moved_by"]]
