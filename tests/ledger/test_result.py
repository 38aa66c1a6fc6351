"""The decision and what follows it: seal, hand out, publish, push, close, rate."""

import pytest

from ledger.lifecycle import Stage
from tests.ledger.given import GRANT, document, last, opinion, part, refuses, sealing, sha
from tests.ledger.lives import HAND_OUT, SAYS, do, led_to

DENY = {"outcome": "deny", "reasons": "选址不符合要求"}


def act(bureau, case, action, body, *, by, at=None):
    return bureau.act(case, action, body, by=by, at=at)


def granted(bureau, item, kind):
    case = bureau.received(item, "2026-03-02 12:00")
    do(bureau, case, "accept")
    grant = {"outcome": "grant", "document": document(kind)}
    act(bureau, case, "decide", grant, by="huang-qiang")
    return case


# -- the decision --------------------------------------------------------------------------------


def test_a_denial_gives_reasons(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)

    with refuses("schema", "decision.reasons", pointer="/reasons"):
        act(bureau, case, "decide", {"outcome": "deny"}, by="huang-qiang")


@pytest.mark.parametrize("body", [{"outcome": "grant"}, DENY], ids=str)
def test_a_decision_names_its_document(bureau, body):
    case = led_to(bureau, Stage.IN_REVIEW)

    with refuses("schema", "decision.document", pointer="/document"):
        act(bureau, case, "decide", body, by="huang-qiang")


@pytest.mark.parametrize("kind", ["licence", "decline-notice"])
def test_a_denial_is_a_decision_and_nothing_else(bureau, kind):
    case = led_to(bureau, Stage.IN_REVIEW)

    with refuses("unknown-reference", pointer="/document/kind"):
        act(bureau, case, "decide", {**DENY, "document": document(kind)}, by="huang-qiang")


@pytest.mark.parametrize("kind", ["decision", "acceptance-notice", "diploma"])
def test_a_grant_is_the_result_document_of_the_item(bureau, kind):
    case = led_to(bureau, Stage.IN_REVIEW)

    with refuses("unknown-reference", pointer="/document/kind"):
        act(
            bureau,
            case,
            "decide",
            {"outcome": "grant", "document": document(kind)},
            by="huang-qiang",
        )


def test_an_overridden_opinion_is_flagged_where_no_reason_is_given(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    act(bureau, case, "review", opinion("handle", "选址不符合要求", "deny"), by="chen-zhi")
    act(bureau, case, "review", opinion("check", "同意不予许可", "deny"), by="lin-bo")

    (decided,) = do(bureau, case, "decide")

    assert {"flag": "overridden-without-reason", "rule": "opinion.override"} in decided.flags
    state = bureau.state(case)
    assert decided.id in [f["event"] for f in state["flags"]]
    assert ["选址不符合要求", "同意不予许可"] == [o["opinion"] for o in state["opinions"]]


def test_an_overridden_opinion_with_its_reason_is_not(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    act(bureau, case, "review", opinion("handle", "选址不符合要求", "deny"), by="chen-zhi")
    act(bureau, case, "review", opinion("check", "同意不予许可", "deny"), by="lin-bo")

    (decided,) = do(bureau, case, "decide", differs_from_opinion="规划已调整")

    assert () == decided.flags


def test_a_document_is_not_valid_until_before_it_is_valid(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    wrong = {**document("licence"), "valid_from": "2026-03-05", "valid_to": "2026-03-04"}

    with refuses("schema", pointer="/document/valid_to"):
        do(bureau, case, "decide", document=wrong)


def test_a_filing_is_not_decided_but_sealed_handed_out_and_closed(bureau):
    case = bureau.accepted("QH-006", "2026-03-02")
    grant = {"outcome": "grant", "document": document("filing-receipt")}
    with refuses("wrong-stage", "filing.no-decision"):
        act(bureau, case, "decide", grant, by="huang-qiang")
    state = bureau.state(case)
    assert "met" == last(state, "promised")["light"]

    bureau.transferred(case, "2026-03-02 11:00")
    act(bureau, case, "seal", sealing("filing-receipt"), by="he-yan")
    act(bureau, case, "issue", {**HAND_OUT, "document": document("filing-receipt")}, by="tang-li")
    act(bureau, case, "push", {"to": "qh-scjg"}, by="chen-zhi")
    do(bureau, case, "close")

    assert "closed" == bureau.state(case)["stage"]


def test_a_denial_is_sealed_as_a_decision_and_handed_out_without_a_limit(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    act(bureau, case, "decide", {**DENY, "document": document("decision")}, by="huang-qiang")

    with refuses("wrong-stage", "seal.authorising-event"):
        act(bureau, case, "seal", sealing("licence"), by="he-yan")
    act(bureau, case, "seal", sealing("decision"), by="he-yan")
    act(bureau, case, "issue", {**HAND_OUT, "document": document("decision")}, by="tang-li")

    state = bureau.state(case)
    assert "issued" == state["stage"]
    assert not {"issue", "push", "stage:publish"} & {d["name"] for d in state["deadlines"]}
    assert "permit" not in state["decision"]
    do(bureau, case, "close")


# -- the seal ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "stage", "needs"),
    [
        ("acceptance-notice", Stage.RECEIVED, "accept"),
        ("supplement-notice", Stage.RECEIVED, "request-supplement"),
        ("decline-notice", Stage.RECEIVED, "decline"),
        ("special-notice", Stage.ACCEPTED, "suspend"),
        ("extension-notice", Stage.ACCEPTED, "extend"),
        ("licence", Stage.IN_REVIEW, "decide"),
    ],
)
def test_each_document_has_the_act_that_allows_its_seal(bureau, kind, stage, needs):
    case = led_to(bureau, stage)
    with refuses("wrong-stage", "seal.authorising-event"):
        act(bureau, case, "seal", sealing(kind), by="he-yan")

    (because,) = do(bureau, case, needs)
    (sealed,) = act(bureau, case, "seal", sealing(kind), by="he-yan")

    assert (because.id, because.actor.person) == (
        sealed.data["authorised_by"]["event"],
        sealed.data["authorised_by"]["approver"],
    )


def test_a_document_of_no_kind_is_never_sealed(bureau):
    case = led_to(bureau, Stage.DECIDED)

    with refuses("wrong-stage", "seal.authorising-event"):
        act(bureau, case, "seal", sealing("blank-sheet"), by="he-yan")


@pytest.mark.parametrize(
    "body", [sealing(text="another"), sealing(version=2), sealing(version=2, text="licence-1")]
)
def test_only_the_document_decided_on_is_sealed(bureau, body):
    case = led_to(bureau, Stage.DECIDED)

    with refuses("document-mismatch", "seal.digest"):
        act(bureau, case, "seal", body, by="he-yan")


def test_a_version_made_void_is_not_sealed_again_on_any_medium(bureau):
    case = led_to(bureau, Stage.SEALED)
    do(bureau, case, "void-seal")

    for medium in ("paper", "electronic"):
        with refuses("already-done", "seal.once"):
            act(bureau, case, "seal", sealing(medium=medium), by="he-yan")


def test_a_replacement_is_exactly_the_one_that_was_named(bureau):
    case = led_to(bureau, Stage.SEALED)
    do(bureau, case, "void-seal", replacement={"version": 2, "sha256": sha("licence-2")})

    with refuses("document-mismatch", "seal.digest"):
        act(bureau, case, "seal", sealing(version=2, text="another"), by="he-yan")
    with refuses("document-mismatch", "seal.digest"):
        act(bureau, case, "seal", sealing(version=3), by="he-yan")
    act(bureau, case, "seal", sealing(version=2), by="he-yan")


def test_a_replacement_can_be_named_later(bureau):
    case = led_to(bureau, Stage.SEALED)
    do(bureau, case, "void-seal")
    with refuses("already-done", "seal.void-once"):
        do(bureau, case, "void-seal")

    do(bureau, case, "void-seal", replacement={"version": 2, "sha256": sha("licence-2")})
    act(bureau, case, "seal", sealing(version=2), by="he-yan")

    assert "sealed" == bureau.state(case)["stage"]
    with refuses("already-done", "seal.void-once"):
        do(bureau, case, "void-seal", replacement={"version": 3, "sha256": sha("licence-3")})


def test_another_sm3_than_decided_is_another_document(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    do(bureau, case, "decide", document={**document("licence"), "sm3": "a" * 64})
    body = sealing()

    with refuses("document-mismatch", "seal.digest"):
        other = {**body, "document": {**body["document"], "sm3": "b" * 64}}
        act(bureau, case, "seal", other, by="he-yan")
    same = {**body, "document": {**body["document"], "sm3": "a" * 64}}
    act(bureau, case, "seal", same, by="he-yan")


def test_each_suspension_has_a_sealed_notice_of_its_own(bureau):
    case = led_to(bureau, Stage.SUSPENDED)
    (first,) = act(bureau, case, "seal", sealing("special-notice"), by="he-yan")
    with refuses("already-done", "seal.void-first"):
        act(bureau, case, "seal", sealing("special-notice", version=2), by="he-yan")
    do(bureau, case, "resume")
    (again,) = do(bureau, case, "suspend")

    with refuses("already-done", "seal.once"):
        act(bureau, case, "seal", sealing("special-notice"), by="he-yan")
    (second,) = act(bureau, case, "seal", sealing("special-notice", version=2), by="he-yan")

    assert again.id == second.data["authorised_by"]["event"] != first.data["authorised_by"]["event"]
    # The first one on another medium still belongs to the first suspension.
    (paper,) = act(
        bureau, case, "seal", sealing("special-notice", medium="electronic"), by="he-yan"
    )
    assert first.data["authorised_by"] == paper.data["authorised_by"]
    with refuses("already-done", "seal.void-first"):
        act(bureau, case, "seal", sealing("special-notice", version=3), by="he-yan")


@pytest.mark.parametrize(
    ("more", "slug", "rule"),
    [
        ({"approved_by": None}, "beyond-authority", "seal.approver"),
        ({"approved_by": "he-yan"}, "beyond-authority", "seal.approver"),
        ({"approved_by": "lin-bo"}, "beyond-authority", "seal.approver"),
        ({"reason": None}, "schema", "seal.reason"),
        ({"document": {"kind": "licence", "version": 2}}, "unknown-reference", None),
        ({"replacement": {"version": 1, "sha256": sha("x")}}, "schema", None),
    ],
)
def test_a_use_is_made_void_by_two_with_a_reason(bureau, more, slug, rule):
    case = led_to(bureau, Stage.SEALED)

    with refuses(slug, rule):
        do(bureau, case, "void-seal", **more)


def test_what_was_handed_out_is_not_made_void(bureau):
    case = led_to(bureau, Stage.ISSUED)

    with refuses("wrong-stage", "stage.void-seal"):
        do(bureau, case, "void-seal")


def test_a_seal_out_of_use_seals_nothing(bureau):
    case = led_to(bureau, Stage.DECIDED)
    bureau.custody("QH-S1", "disable", by="wu-jun")

    with refuses("seal-not-held", "seal.in-use"):
        do(bureau, case, "seal")


def test_a_seal_reported_lost_stops_at_once_by_anyones_word(bureau):
    case = led_to(bureau, Stage.DECIDED)
    bureau.custody("QH-S1", "report-lost", by="tang-li")

    with refuses("seal-not-held", "seal.in-use"):
        do(bureau, case, "seal")
    with refuses("seal-not-held", "seal.in-use"):
        bureau.custody("QH-S1", "enable", by="wu-jun")


def test_a_seal_of_no_register_is_none(bureau):
    case = led_to(bureau, Stage.DECIDED)

    with refuses("unknown-reference", pointer="/seal"):
        act(bureau, case, "seal", sealing(seal="QH-S9"), by="he-yan")


def test_a_delegated_seal_acts_in_the_delegators_name_only(bureau):
    own = led_to(bureau, Stage.DECIDED)
    with refuses("rule-refused", "seal.delegated"):
        act(bureau, own, "seal", sealing(seal="QH-S2"), by="he-yan")
    case = granted(bureau, "QH-003", "decision")

    with refuses("rule-refused", "seal.delegated"):
        act(bureau, case, "seal", sealing("decision"), by="he-yan")
    act(bureau, case, "seal", sealing("decision", seal="QH-S2"), by="he-yan")


def test_a_seal_of_paper_is_not_used_electronically(bureau):
    case = granted(bureau, "QH-003", "decision")

    with refuses("unknown-reference", pointer="/medium"):
        body = sealing("decision", seal="QH-S2", medium="electronic")
        act(bureau, case, "seal", body, by="he-yan")


# -- handing out, publishing, pushing, closing -----------------------------------------------------


@pytest.mark.parametrize("other", [document(version=2), document(text="other")])
def test_only_what_was_sealed_is_handed_out(bureau, other):
    case = led_to(bureau, Stage.SEALED)

    with refuses("document-mismatch", "issue.digest"):
        do(bureau, case, "issue", document=other)


def test_a_broken_promise_is_explained_while_the_case_is_still_handled(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    body = {"what": "explanation", "where": "公示栏"}

    act(bureau, case, "publish", body, by="chen-zhi", at="2026-03-11 09:00")

    assert "met" == last(bureau.state(case), "stage:explain")["light"]


def test_a_promise_that_is_not_broken_is_not_explained(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    body = {"what": "explanation", "where": "公示栏"}

    with refuses("rule-refused", "promise.explain"):
        act(bureau, case, "publish", body, by="chen-zhi", at="2026-03-09 18:00")
    act(bureau, case, "publish", body, by="chen-zhi", at="2026-03-10 09:00")


def test_a_decision_is_published_when_there_is_one(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)

    with refuses("wrong-stage", "stage.publish"):
        do(bureau, case, "publish")


def test_a_grant_is_pushed_once_to_the_organ_of_the_terms(bureau):
    case = led_to(bureau, Stage.DECIDED)

    with refuses("unknown-reference", pointer="/to"):
        do(bureau, case, "push", to="qh-zjj")
    do(bureau, case, "push")
    with refuses("already-done", "push.once"):
        do(bureau, case, "push")


def test_nothing_is_pushed_that_was_not_granted(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    with refuses("wrong-stage", "stage.push"):
        do(bureau, case, "push")
    act(bureau, case, "decide", {**DENY, "document": document("decision")}, by="huang-qiang")

    with refuses("wrong-stage", "stage.push"):
        do(bureau, case, "push")


@pytest.mark.parametrize("missing", ["publish", "push"])
def test_a_case_is_closed_when_no_duty_of_the_bureau_is_open(bureau, missing):
    case = led_to(bureau, Stage.ISSUED)
    for action in {"publish", "push"} - {missing}:
        do(bureau, case, action)

    with refuses("rule-refused", "close.duty-open"):
        do(bureau, case, "close")
    do(bureau, case, missing)
    do(bureau, case, "close")


def test_a_promise_that_was_broken_is_explained_before_the_case_is_closed(bureau):
    case = bureau.accepted("QH-002", "2026-03-02")
    bureau.at("2026-03-11 09:00")
    for action in ("decide", "seal", "issue", "publish", "push"):
        do(bureau, case, action)

    with refuses("rule-refused", "close.duty-open"):
        do(bureau, case, "close")
    do(bureau, case, "publish", what="explanation")
    do(bureau, case, "close")


def test_a_bad_rating_and_the_claim_are_other_peoples_duties(bureau):
    case = led_to(bureau, Stage.ISSUED)
    for action in ("publish", "push"):
        do(bureau, case, action)
    do(bureau, case, "evaluate", grade=1)

    do(bureau, case, "close")

    waiting = {d["name"] for d in bureau.state(case)["deadlines"] if "met_at" not in d}
    assert {"claim", "bad-review"} == waiting


def test_a_denied_case_is_not_pushed_after_it_is_closed(bureau):
    case = bureau.accepted("QH-008", "2026-03-02")
    act(bureau, case, "decide", {**DENY, "document": document("decision")}, by="huang-qiang")
    act(bureau, case, "seal", sealing("decision"), by="he-yan")
    act(bureau, case, "issue", {**HAND_OUT, "document": document("decision")}, by="tang-li")

    do(bureau, case, "close")

    assert "push" not in {d["name"] for d in bureau.state(case)["deadlines"]}


def test_a_signed_link_is_pushed_after_the_case_is_closed(bureau):
    case = bureau.accepted("QH-008", "2026-03-02")
    for action in ("decide", "seal", "issue", "publish", "close"):
        do(bureau, case, action)

    push = {"budget": 2, "start": "2026-03-02", "due": "2026-03-04"}
    assert push == part(last(bureau.state(case), "push"), push)


def test_a_grant_is_pushed_to_every_organ_that_supervises_it(bureau):
    old = bureau.office.existing("item:QH-002").current.content
    organs = {**old["organs"], "supervising": ["qh-wjw", "qh-scjg"]}
    bureau.propose("item", "QH-002", {**old, "organs": organs}, by="wu-jun")
    bureau.approve("item", "QH-002", by="mo-li")
    case = led_to(bureau, Stage.ISSUED)
    do(bureau, case, "publish")

    do(bureau, case, "push", to="qh-wjw")
    pushes = [d["light"] for d in bureau.state(case)["deadlines"] if d["name"] == "push"]
    assert ["met", "green"] == sorted(pushes, reverse=True)
    with refuses("rule-refused", "close.duty-open"):
        do(bureau, case, "close")
    do(bureau, case, "push", to="qh-scjg")
    do(bureau, case, "claim", by="li-na")

    state = bureau.state(case)
    assert {("qh-wjw", False), ("qh-scjg", True)} == {
        (p["to"], p["claimed_at"] is not None) for p in state["pushes"]
    }
    claims = sorted(d["light"] for d in state["deadlines"] if d["name"] == "claim")
    assert ["green", "met"] == claims
    do(bureau, case, "close")


def test_what_was_pushed_before_the_close_is_not_pushed_after_it(bureau):
    case = bureau.accepted("QH-008", "2026-03-02")
    for action in ("decide", "seal", "issue", "publish"):
        do(bureau, case, action)
    do(bureau, case, "push", to="qh-zjj")

    do(bureau, case, "close")

    assert "push" not in {d["name"] for d in bureau.state(case)["deadlines"]}


def test_where_the_push_is_the_receipt_nothing_is_claimed(bureau):
    case = bureau.accepted("QH-006", "2026-03-02")
    do(bureau, case, "push", to="qh-scjg")

    with refuses("wrong-stage", "stage.claim"):
        do(bureau, case, "claim", by="li-na")
    assert "claim" not in bureau.state(case, by="li-na")["allowed_actions"]


def test_nobody_claims_what_was_not_pushed_to_them(bureau):
    case = led_to(bureau, Stage.DECIDED)

    with refuses("wrong-stage", "stage.claim"):
        do(bureau, case, "claim")
    do(bureau, case, "push")
    with refuses("action-not-allowed"):
        do(bureau, case, "claim", by="zheng-kai")
    do(bureau, case, "claim")
    with refuses("wrong-stage", "stage.claim"):
        do(bureau, case, "claim")


# -- ratings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grade", "opens"), [(1, True), (2, True), (3, False), (5, False)])
def test_grades_one_and_two_are_bad(bureau, grade, opens):
    case = led_to(bureau, Stage.DECIDED)

    do(bureau, case, "evaluate", grade=grade)

    state = bureau.state(case)
    assert opens is ("bad-review" in {d["name"] for d in state["deadlines"]})
    assert [grade] == [r["grade"] for r in state["reviews"]]


def test_the_bureau_does_not_rate_itself(bureau):
    case = led_to(bureau, Stage.DECIDED)

    with refuses("action-not-allowed"):
        do(bureau, case, "evaluate", by="chen-zhi")


def test_the_hotline_rates_by_a_call_on_record(bureau):
    case = led_to(bureau, Stage.DECIDED)

    with refuses("action-not-allowed"):
        do(bureau, case, "evaluate", by="lu-qian")
    do(bureau, case, "evaluate", by="lu-qian", call_reference="12345-2026-0001")


def test_an_applicant_sees_and_rates_their_own_case_only(bureau):
    case = led_to(bureau, Stage.DECIDED)
    assert GRANT["outcome"] == bureau.case(case).decision["outcome"]

    with refuses("action-not-allowed"):
        bureau.act(case, "evaluate", SAYS["evaluate"], by="somebody")
