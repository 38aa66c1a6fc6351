"""Corrections: two acts by two people, the old record stays, and none can spoil a case."""

import msgspec
import pytest

from api.bodies import ACTS
from ledger import privacy
from ledger.correction import CORRECTABLE
from ledger.lifecycle import ACTION_OF, Stage
from ledger.records import encode
from tests.ledger.given import LICENCE, application, last, part, refuses, sha
from tests.ledger.lives import PLAN, SAYS, do, led_to

SLIP = {"evidence": sha("slip"), "reason": "以纸质为准"}


def event_of(bureau, case, kind):
    return next(e for e in bureau.cases[case].events if e.type == kind)


def propose(bureau, case, kind, fields, *, by="zhou-min", **more):
    body = {"event": event_of(bureau, case, kind).id, "fields": fields, **SLIP, **more}
    return bureau.act(case, "correct", body, by=by)[0]


def approve(bureau, case, proposal, *, by="huang-qiang"):
    return bureau.act(case, "approve-correction", {"event": proposal.id}, by=by)[0]


def test_it_names_its_evidence(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("schema", "correction.evidence", pointer="/evidence"):
        propose(bureau, case, "received", {"channel": "online"}, evidence=None)


def test_it_names_an_event_of_this_case(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    body = {"event": "f" * 32, "fields": {"channel": "online"}, **SLIP}

    with refuses("unknown-reference", pointer="/event"):
        bureau.act(case, "correct", body, by="zhou-min")
    with refuses("unknown-reference", pointer="/event"):
        bureau.act(case, "approve-correction", {"event": "f" * 32}, by="huang-qiang")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "declined"},
        {"actor": {"person": "li-si"}},
        {"recorded_at": "2026-03-01T00:00:00+08:00"},
        {"position": 1},
        {"void": True},
    ],
)
def test_actor_type_and_time_of_recording_are_not_corrected(bureau, fields):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, "accepted", fields)


@pytest.mark.parametrize("fields", [{"occurred_at": "2026-03-02T10:00:00+08:00"}, {"terms": {}}])
def test_what_the_law_did_is_only_made_void(bureau, fields):
    case = bureau.received("QH-002", "2026-03-02")
    bureau.at("2026-03-10 09:00").case(case)

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, "deemed-accepted", fields)


@pytest.mark.parametrize(
    ("kind", "fields", "pointer"),
    [
        ("accepted", {"occurred_at": "yesterday"}, "/fields/occurred_at"),
        ("accepted", {"occurred_at": 20260302}, "/fields/occurred_at"),
        ("accepted", {"occurred_at": "2026-03-02T10:00:00"}, "/fields/occurred_at"),
        ("accepted", {"occurred_at": None}, "/fields/occurred_at"),
        ("received", {"materials": 5}, "/fields/materials"),
        ("received", {"materials": ["申请表"]}, "/fields/materials"),
        ("received", {"applicant": "海南示例餐饮有限公司"}, "/fields/applicant"),
        ("supplement-requested", {"served_at": "soon"}, "/fields/served_at"),
        ("supplement-requested", {"missing": [{"name": "x"}]}, "/fields/missing"),
    ],
)
def test_what_cannot_be_folded_is_not_proposed(bureau, kind, fields, pointer):
    case = led_to(bureau, Stage.SUPPLEMENTING)
    do(bureau, case, "accept")

    with refuses("schema", pointer=pointer):
        propose(bureau, case, kind, fields)


# What an act decided, and to whom or what it bound: it is undone by its own act, if at all.
WILL = [
    ("decided", {"outcome": "deny"}),
    ("decided", {"reasons": "x"}),
    ("decided", {"differs_from_opinion": "规划已调整"}),
    ("decided", {"duty_policy": "duty-sole-handler@1"}),
    ("sealed", {"document": {**LICENCE, "sha256": sha("other")}}),
    ("sealed", {"seal": "QH-S2"}),
    ("sealed", {"medium": "electronic"}),
    ("issued", {"document": {**LICENCE, "sha256": sha("other")}}),
    ("reviewed", {"recommend": "deny"}),
    ("reviewed", {"level": "check"}),
    ("reviewed", {"opinion": "另行处理"}),
    ("received", {"item": "QH-001"}),
    ("received", {"terms": {}}),
    ("received", {"organ": "qh-zjj"}),
    ("accepted", {"terms": {}}),
    ("accepted", {"tolerant": []}),
    ("pushed", {"to": "qh-zjj"}),
    ("published", {"what": "explanation"}),
    ("evaluated", {"grade": 5}),
    ("evaluated", {"text": "很好"}),
    ("number-reserved", {"kind": "decision"}),
    ("correction-proposed", {"occurred_at": "2026-03-02T09:00:00+08:00"}),
]


def through(bureau):
    """A case in which nearly everything has happened once."""
    case = led_to(bureau, Stage.IN_REVIEW)
    for action in ("reserve-number", "decide", "seal", "issue", "publish", "push"):
        do(bureau, case, action)
    do(bureau, case, "evaluate", grade=1)
    propose(bureau, case, "received", {"channel": "online"})
    return case


@pytest.mark.parametrize(("kind", "fields"), WILL, ids=str)
def test_what_was_decided_is_not_changed_by_a_correction(bureau, kind, fields):
    case = through(bureau)
    by = "lu-qian" if kind == "evaluated" else "zhou-min"

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, kind, fields, by=by)


@pytest.mark.parametrize(
    "changed",
    [{"sha256": sha("other")}, {"version": 2}, {"kind": "decision"}, {"number": "x"}, {"sm3": "x"}],
    ids=str,
)
def test_the_document_decided_on_stays_bound_to_its_digest(bureau, changed):
    case = through(bureau)
    document = event_of(bureau, case, "decided").data["document"]

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, "decided", {"document": {**document, **changed}})
    with refuses("rule-refused", "correction.fields"):
        left = {name: value for name, value in document.items() if name != "sha256"}
        propose(bureau, case, "decided", {"document": left})


def test_how_long_it_is_valid_can_be_put_right(bureau):
    case = through(bureau)
    document = event_of(bureau, case, "decided").data["document"]

    approve(
        bureau,
        case,
        propose(bureau, case, "decided", {"document": {**document, "valid_to": "2030-12-31"}}),
    )

    decision = bureau.state(case)["decision"]
    assert ("2030-12-31", document["sha256"]) == (
        decision["document"]["valid_to"],
        decision["document"]["sha256"],
    )


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("received", {"channel": "online"}),
        ("received", {"materials": application("QH-002")["materials"]}),
        ("accepted", {"occurred_at": "2026-03-02T09:00:30+08:00"}),
        ("decided", {"occurred_at": "2026-03-02T09:00:30+08:00"}),
        ("sealed", {"copies": 2}),
        ("issued", {"method": "post"}),
        ("issued", {"receipt": sha("other")}),
        ("published", {"where": "网站"}),
    ],
    ids=str,
)
def test_what_was_written_down_wrong_can_be_put_right(bureau, kind, fields):
    case = through(bureau)

    approve(bureau, case, propose(bureau, case, kind, fields))


def test_what_was_left_out_can_be_added(bureau):
    case = bureau.received("QH-002", "2026-03-02")
    body = {"missing": [{"material": "平面图"}]}
    bureau.act(case, "request-supplement", body, by="zhou-min", at="2026-03-04 10:00")

    approve(
        bureau, case, propose(bureau, case, "supplement-requested", {"served_at": "2026-03-04"})
    )

    state = bureau.state(case, at="2026-03-10 09:00")
    assert ("supplementing", "met") == (state["stage"], last(state, "supplement")["light"])


def test_every_event_that_can_be_corrected_is_one_and_has_the_fields():
    for kind, fields in CORRECTABLE.items():
        shape = ACTS[str(ACTION_OF[kind])]
        names = {field.name for field in msgspec.structs.fields(shape)}
        assert fields <= names, kind


def test_an_extension_put_right_counts_by_the_day_it_was_approved(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    (late,) = bureau.act(case, "extend", SAYS["extend"], by="chen-zhi", at="2026-03-31 09:00")
    assert "2026-03-30" == last(bureau.state(case), "statutory")["due"]
    fields = {"occurred_at": "2026-03-30T17:00:00+08:00"}

    approve(bureau, case, propose(bureau, case, "extended", fields))

    statutory = {"budget": 30, "due": "2026-04-14"}
    assert statutory == part(last(bureau.state(case), "statutory"), statutory)
    assert late.data["effective"] is False
    # And the other way: what was not approved in time moves nothing.
    back = {"occurred_at": "2026-03-31T08:00:00+08:00"}
    approve(bureau, case, propose(bureau, case, "extended", back))
    statutory = {"budget": 20, "due": "2026-03-30"}
    assert statutory == part(last(bureau.state(case), "statutory"), statutory)


def test_what_the_law_did_stands_where_the_case_went_on_from_there(bureau):
    case = bureau.received("QH-002", "2026-03-02")
    bureau.at("2026-03-10 09:00").case(case)
    do(bureau, case, "review")

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, "deemed-accepted", {"void": True})


def test_what_the_law_did_again_is_on_record_and_not_what_was_made_void(bureau):
    case = bureau.received("QH-002", "2026-09-14")
    ask = {"missing": [{"material": "场所平面图"}], "served_at": "2026-09-20", "notice": sha("n"),
           "occurred_at": "2026-09-20T16:00:00+08:00", "reason": "系统停机"}  # fmt: skip
    bureau.act(case, "request-supplement", ask, by="zhou-min", at="2026-09-21 09:00")
    approve(bureau, case, propose(bureau, case, "deemed-accepted", {"void": True}))
    bureau.act(case, "receive-supplement", PLAN, by="zhou-min", at="2026-09-22 11:00")
    # 23, 24, without 25-27 for Mid-Autumn 28, 29, 30: silence until then is acceptance again.
    bureau.at("2026-10-01 00:00").case(case)

    _, standing = (e for e in bureau.cases[case].events if e.type == "deemed-accepted")
    with refuses("already-done", earlier=standing.position):
        do(bureau, case, "accept")


def test_what_the_law_did_is_the_business_of_the_organ_it_bound(bureau):
    case = bureau.received("QH-002", "2026-03-02")
    bureau.at("2026-03-10 09:00").case(case)

    with refuses("action-not-allowed"):
        propose(bureau, case, "deemed-accepted", {"void": True}, by="mo-li")
    propose(bureau, case, "deemed-accepted", {"void": True})


def test_what_an_applicant_handed_in_is_put_right_by_the_organ(bureau):
    case = bureau.received("QH-002", "2026-03-02")
    ask = {"missing": [{"material": "平面图"}], "served_at": "2026-03-02"}
    bureau.act(case, "request-supplement", ask, by="zhou-min")
    bureau.act(case, "receive-supplement", PLAN, by="applicant", applicant=True)
    fields = {"occurred_at": "2026-03-02T09:00:00+08:00"}

    with refuses("action-not-allowed"):
        propose(bureau, case, "supplement-received", fields, by="mo-li")
    approve(bureau, case, propose(bureau, case, "supplement-received", fields))


def test_what_an_applicant_said_of_the_bureau_is_not_the_bureaus_to_correct(bureau):
    case = through(bureau)

    with refuses("action-not-allowed"):
        propose(bureau, case, "evaluated", {"channel": "online"})
    propose(bureau, case, "evaluated", {"channel": "online"}, by="lu-qian")


def test_what_happened_is_not_moved_into_the_future(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("occurred-in-future", pointer="/fields/occurred_at"):
        propose(bureau, case, "accepted", {"occurred_at": "2026-03-03T10:00:00+08:00"})


def test_nothing_changes_until_it_is_approved(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    proposal = propose(bureau, case, "received", {"channel": "online"})

    assert "window" == bureau.state(case)["channel"]
    assert [False] == [c["approved"] for c in bureau.state(case)["corrections"]]
    approve(bureau, case, proposal)
    assert "online" == bureau.state(case)["channel"]
    assert "huang-qiang" == bureau.state(case)["corrections"][0]["approved_by"]


def test_it_is_approved_once(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    proposal = propose(bureau, case, "received", {"channel": "online"})
    approve(bureau, case, proposal)

    with refuses("already-done", "correction.once"):
        approve(bureau, case, proposal, by="wu-jun")


def test_only_the_own_line_corrects_and_approves(bureau):
    case = led_to(bureau, Stage.DECIDED)
    do(bureau, case, "push")
    do(bureau, case, "claim")

    with refuses("action-not-allowed"):
        propose(bureau, case, "claimed", {"occurred_at": "2026-03-02T09:00:00+08:00"})
    proposal = propose(
        bureau, case, "claimed", {"occurred_at": "2026-03-02T09:00:00+08:00"}, by="mo-li"
    )
    with refuses("action-not-allowed"):
        approve(bureau, case, proposal)


def test_a_later_correction_wins(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    first = propose(bureau, case, "received", {"channel": "online"})
    second = propose(bureau, case, "received", {"channel": "post"})

    approve(bureau, case, first)
    approve(bureau, case, second)

    assert "post" == bureau.state(case)["channel"]


def test_two_corrections_move_a_limit_one_after_the_other(bureau):
    case = bureau.accepted("QH-002", "2026-03-04")
    bureau.at("2026-03-05 09:00")
    for day in ("03", "02"):
        fields = {"occurred_at": f"2026-03-{day}T15:00:00+08:00"}
        approve(bureau, case, propose(bureau, case, "accepted", fields))

    moved = last(bureau.state(case), "statutory")["moved_by"]

    assert [("2026-04-01", "2026-03-31"), ("2026-03-31", "2026-03-30")] == [
        (m["from"], m["to"]) for m in moved
    ]


def test_a_correction_can_be_corrected_in_its_reason_only_by_another_one(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    proposal = propose(bureau, case, "received", {"channel": "online"})
    approve(bureau, case, proposal)

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, "correction-proposed", {"fields": {"channel": "post"}})


def test_the_new_values_belong_to_whom_the_old_ones_belong_to(bureau, tmp_path):
    case = led_to(bureau, Stage.ACCEPTED)
    applicant = {**application("QH-002")["applicant"], "name": "张三"}
    proposal = propose(bureau, case, "received", {"applicant": applicant})
    keyring = privacy.Keyring(tmp_path)

    stored = privacy.encrypted(proposal, keyring, "469002", "469002.qh-xzsp.2026")

    assert "张三" not in encode(stored).decode()
    assert "91469002MA5X00014X" not in encode(stored).decode()
    fields = stored.data["fields"]
    name = fields["applicant"]["name"]
    where = {"events": {proposal.id}, "path": "applicant.name"}
    assert "张三" == privacy.opened(name, keyring, "469002", **where)
    assert "organisation" == fields["applicant"]["kind"]
    keyring.close()
