"""Scenarios of the same kind as S08 to S15 with other dates: what follows acceptance and decision.

Each expected date is stated, and counted a second time by the oracle.
"""

from ledger.lifecycle import Stage
from tests.ledger import given
from tests.ledger.given import document, last, part, refuses, sealing, sha
from tests.ledger.lives import HAND_OUT, TO_CHEN
from tests.scenarios.oracle import oracle


def decide(bureau, case, day, kind="licence"):
    grant = {"outcome": "grant", "document": document(kind)}
    bureau.act(case, "decide", grant, by="huang-qiang", at=f"{day} 16:00")


def dues(state, *names):
    return [last(state, name)["due"] for name in names]


# -- after the decision ------------------------------------------------------------------


def test_a_push_too_late_over_the_national_day(bureau):
    case = bureau.accepted("QH-002", "2024-09-24")
    bureau.granted(case, "2024-09-27")
    state = bureau.state(case)
    # Sunday the 29th is a make-up day.
    assert ["2024-09-29", "2024-10-16", "2024-10-12"] == dues(
        state, "push", "issue", "stage:publish"
    )
    assert [oracle("2024-09-27", n) for n in (1, 10, 7)] == dues(
        state, "push", "issue", "stage:publish"
    )

    bureau.act(case, "push", {"to": "qh-wjw"}, by="chen-zhi", at="2024-10-08 09:00")

    state = bureau.state(case)
    push = {"met_at": "2024-10-08", "light": "met-late"}
    assert push == part(last(state, "push"), push)
    claim = {"start": "2024-10-08", "due": "2024-10-10", "budget": 2}
    assert claim == part(last(state, "claim"), claim)
    red = [c for c in bureau.alerts(case) if (c.deadline, c.level) == ("push", "red")]
    assert ["2024-09-30T00:00:00+08:00"] == [c.raised_at.isoformat() for c in red]
    bureau.act(case, "claim", {}, by="mo-li", at="2024-10-11 09:00")
    assert "met-late" == last(bureau.state(case), "claim")["light"]


def test_a_signed_link_over_new_year(bureau):
    case = bureau.accepted("QH-008", "2025-12-29")
    bureau.reviewed(case, "2025-12-29")
    decide(bureau, case, "2025-12-30")
    bureau.act(case, "seal", sealing(), by="he-yan")
    bureau.act(case, "issue", HAND_OUT, by="tang-li")
    bureau.act(case, "publish", {"what": "decision", "where": "公示栏"}, by="chen-zhi")
    assert "push" not in [d["name"] for d in bureau.state(case)["deadlines"]]

    bureau.act(case, "close", {}, by="chen-zhi", at="2025-12-30 17:00")

    # Thursday 1 to Saturday 3 January are off, Sunday the 4th is at work.
    push = {"budget": 2, "start": "2025-12-30", "due": "2026-01-04"}
    assert push == part(last(bureau.state(case), "push"), push)
    assert oracle("2025-12-30", 2) == "2026-01-04"
    bureau.act(case, "push", {"to": "qh-zjj"}, by="chen-zhi", at="2026-01-04 10:00")
    state = bureau.state(case)
    assert ("met", "bureau") == (last(state, "push")["light"], state["pushes"][0]["responsible"])
    assert "2026-01-06" == last(state, "claim")["due"]
    bureau.act(case, "claim", {}, by="zheng-kai", at="2026-01-06 17:00")
    state = bureau.state(case)
    assert ("met", "supervisor") == (
        last(state, "claim")["light"],
        state["pushes"][0]["responsible"],
    )


def test_a_filing_on_a_make_up_saturday(bureau):
    case = bureau.accepted("QH-006", "2026-02-14")
    state = bureau.state(case)
    promised = {"budget": 0, "start": "2026-02-14", "due": "2026-02-14", "light": "met"}
    assert promised == part(last(state, "promised"), promised)
    # The Spring Festival lies between: Tuesday the 24th is the next working day.
    assert "2026-02-24" == last(state, "push")["due"] == oracle("2026-02-14", 1)
    assert "statutory" not in [d["name"] for d in state["deadlines"]]
    assert "yellow" == last(bureau.state(case, at="2026-02-24 00:00"), "push")["light"]
    assert "red" == last(bureau.state(case, at="2026-02-25 00:00"), "push")["light"]


def test_an_instant_case_on_a_day_off(bureau):
    # Somebody sits at the window on a Saturday: due on the day it begins all the same.
    case = bureau.accepted("QH-001", "2025-03-15")
    state = bureau.state(case)
    promised = {"budget": 0, "start": "2025-03-15", "due": "2025-03-15", "light": "yellow"}
    assert promised == part(last(state, "promised"), promised)
    assert "red" == last(bureau.state(case, at="2025-03-16 00:00"), "promised")["light"]


def test_a_commitment_is_verified_in_sixty_days_that_roll_over_a_holiday(bureau):
    tolerant = {"tolerant": [{"material": "健康证明"}], "commitment": sha("commitment")}
    case = bureau.received("QH-004", "2024-08-02")
    bureau.act(case, "accept", tolerant, by="zhou-min", at="2024-08-02 09:30")
    state = bureau.state(case)
    assert ["2024-08-05", "2024-08-05"] == dues(state, "promised", "stage:owed")

    decide(bureau, case, "2024-08-02")

    # The sixtieth day is Tuesday 1 October; the first working day after it is the 8th.
    verify = {"unit": "day", "budget": 60, "start": "2024-08-02", "due": "2024-10-08"}
    assert verify == part(last(bureau.state(case), "stage:verify"), verify)
    flags = [f["flag"] for f in bureau.state(case, at="2024-08-06 00:00")["flags"]]
    assert "owed-late" in flags


def test_an_acceptance_entered_after_the_festival_counts_by_its_own_day(bureau):
    case = bureau.received("QH-002", "2026-02-13")
    body = {"occurred_at": "2026-02-14T16:00:00+08:00"}
    with refuses("schema", "late-entry.reason", pointer="/reason"):
        bureau.act(case, "accept", body, by="zhou-min", at="2026-02-24 09:00")

    (accepted,) = bureau.act(case, "accept", {**body, "reason": "系统停机"}, by="zhou-min")

    assert [{"flag": "late-entry", "rule": "late-entry.reason"}] == list(accepted.flags)
    state = bureau.state(case)
    assert ["2026-03-20", "2026-02-28"] == dues(state, "statutory", "promised")
    assert [oracle("2026-02-14", n) for n in (20, 5)] == ["2026-03-20", "2026-02-28"]
    supplement = {"met_at": "2026-02-14", "light": "met"}
    assert supplement == part(last(state, "supplement"), supplement)


def test_a_promise_broken_before_the_national_day_is_explained_after_it(bureau):
    case = bureau.accepted("QH-002", "2025-09-19")
    assert "2025-09-26" == last(bureau.state(case), "promised")["due"]
    body = {"what": "explanation", "where": "公示栏"}
    bureau.granted(case, "2025-09-28")
    state = bureau.state(case)
    promised = {"met_at": "2025-09-28", "used": 6, "light": "met-late"}
    assert promised == part(last(state, "promised"), promised)
    assert "promise-broken" in [f["flag"] for f in state["flags"]]
    # Sunday 28, 29, 30 September, 9 and 10 October.
    explain = {"budget": 5, "start": "2025-09-26", "due": "2025-10-10"}
    assert explain == part(last(state, "stage:explain"), explain)
    assert oracle("2025-09-26", 5) == "2025-10-10"

    bureau.act(case, "publish", body, by="chen-zhi", at="2025-10-11 09:00")

    assert "met-late" == last(bureau.state(case), "stage:explain")["light"]


# -- the seal ----------------------------------------------------------------------------


def test_a_seal_changes_hands_between_two_documents():
    bureau = given.bureau(calendars=["cn-2023"])
    post = {"person": "tang-li", "role": "sealer", "organ": "qh-xzsp", "from": "2023-06-20"}
    bureau.at("2023-06-19 09:00")
    bureau.propose("appointment", "tang-li-sealer", post, by="fang-ke")
    bureau.approve("appointment", "tang-li-sealer", by="wu-jun")
    case = bureau.accepted("QH-002", "2023-06-20")
    (notice,) = bureau.act(case, "seal", sealing("acceptance-notice"), by="he-yan")
    bureau.act(case, "transfer", TO_CHEN, by="zhou-min", at="2023-06-21 09:00")
    bureau.act(case, "acknowledge-transfer", {}, by="chen-zhi")
    decide(bureau, case, "2023-06-21")
    bureau.custody("QH-S1", "hand-over", by="he-yan", data={"to": "tang-li"})
    bureau.custody("QH-S1", "take-over", by="tang-li")

    # Until the head has approved, the seal is still with her who handed it over.
    with refuses("seal-not-held", "seal.custody"):
        bureau.act(case, "seal", sealing(), by="tang-li", at="2023-06-21 16:30")
    bureau.custody("QH-S1", "approve", by="wu-jun")
    with refuses("seal-not-held", "seal.custody"):
        bureau.act(case, "seal", sealing(), by="he-yan")
    (licence,) = bureau.act(case, "seal", sealing(), by="tang-li")

    uses = bureau.state(case)["seals"]
    assert [("he-yan", 1), ("tang-li", 2)] == [(u["by"], u["serial"]) for u in uses]
    assert notice.relied_on["seal:QH-S1"] < licence.relied_on["seal:QH-S1"]
    # Who keeps the seal now hands out too: nothing forbids that, the decision was another's.
    bureau.act(case, "issue", HAND_OUT, by="tang-li", at="2023-07-05 17:30")
    issue = {"due": "2023-07-06", "met_at": "2023-07-05", "light": "met"}
    assert issue == part(last(bureau.state(case), "issue"), issue)
    assert oracle("2023-06-21", 10) == "2023-07-06"
    assert Stage.ISSUED == bureau.case(case).stage
